package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// everyMember makes a document with a value for every field of a metadata
// struct, and one without a field.
func everyMember(t *testing.T, v any) map[string]any {
	t.Helper()
	doc := map[string]any{"x_unknown": map[string]any{"a": []any{"b", 1.5, nil}}, "client_name#ja": "\u540d"}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if options != "omitzero" { // omitempty would lose an empty list, and with it its meaning
			t.Errorf("%s: json option %q", f.Name, options)
		}
		switch f.Type.Kind() {
		case reflect.String:
			doc[name] = "value of " + name
		case reflect.Bool:
			doc[name] = true
		case reflect.Slice:
			doc[name] = []any{"a", name}
		case reflect.Pointer:
			switch f.Type.Elem().Kind() {
			case reflect.Bool:
				doc[name] = false
			case reflect.Int64:
				doc[name] = float64(0)
			default:
				doc[name] = map[string]any{"token_endpoint": "https://mtls.example/token", "userinfo_endpoint": "https://mtls.example/me", "x_endpoint": "x"}
			}
		default:
			t.Fatalf("%s: no value for %v", f.Name, f.Type)
		}
	}
	return doc
}

func TestMetadataRoundTrip(t *testing.T) {
	for name, v := range map[string]any{"server": new(AuthorizationServer), "client": new(ClientMetadata)} {
		t.Run(name, func(t *testing.T) {
			want := everyMember(t, reflect.ValueOf(v).Elem().Interface())
			if err := json.Unmarshal([]byte(unitJSON(t, want)), v); err != nil {
				t.Fatal(err)
			}
			value := reflect.ValueOf(v).Elem()
			for i := range value.NumField() {
				if value.Field(i).IsZero() {
					t.Errorf("field %s was not read", value.Type().Field(i).Name)
				}
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(unitJSON(t, v)), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%v\nwant\n%v", got, want)
			}
		})
	}
}

func TestMetadataStrict(t *testing.T) {
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"empty", `{}`, true},
		{"null members", `{"issuer":null,"token_endpoint":null,"scopes_supported":null,"require_pushed_authorization_requests":null}`, true},
		{"other case", `{"Issuer":"x"}`, true}, // an unknown member
		{"duplicate", `{"issuer":"a","issuer":"b"}`, false},
		{"issuer number", `{"issuer":1}`, false},
		{"list of numbers, which informs", `{"scopes_supported":[1]}`, true},
		{"string for a list, which informs", `{"scopes_supported":"a"}`, true},
		{"string for a list of algorithms", `{"dpop_signing_alg_values_supported":"a"}`, false},
		{"string for a boolean", `{"require_signed_request_object":"true"}`, false},
		{"string for a boolean, which informs", `{"claims_parameter_supported":"true"}`, true},
		{"string for algorithms", `{"id_token_signing_alg_values_supported":"RS256"}`, false},
		{"null for algorithms", `{"id_token_signing_alg_values_supported":null}`, false},
		{"string for a boolean", `{"require_pushed_authorization_requests":"true"}`, false},
		{"string for aliases", `{"mtls_endpoint_aliases":"x"}`, false},
		{"alias number", `{"mtls_endpoint_aliases":{"token_endpoint":1}}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kept := AuthorizationServer{Issuer: "kept"}
			err := json.Unmarshal([]byte(tt.text), &kept)
			if tt.ok != (err == nil) {
				t.Fatal(err)
			}
			if err != nil && (!errors.Is(err, ErrParse) || kept.Issuer != "kept") {
				t.Errorf("%v changed %v", err, kept)
			}
			if tt.name == "other case" && (kept.Issuer != "" || len(kept.Extra) != 1) {
				t.Errorf("Issuer set issuer: %v", kept)
			}
		})
	}
	if err := json.Unmarshal([]byte(`{"client_id":1}`), new(ClientMetadata)); !errors.Is(err, ErrParse) {
		t.Errorf("client_id number: %v", err)
	}
}

func TestClientMetadataDropsSecrets(t *testing.T) {
	var m ClientMetadata
	if err := json.Unmarshal([]byte(`{"client_id":"c","client_secret":"s","registration_access_token":"r","x":1}`), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Extra) != 1 || m.Extra["x"] == nil {
		t.Errorf("Extra %v", m.Extra)
	}
}

func TestMetadataExtraCollision(t *testing.T) {
	_, err := json.Marshal(ClientMetadata{Extra: map[string]json.RawMessage{"client_id": json.RawMessage(`"x"`)}})
	if !errors.Is(err, ErrConfig) {
		t.Errorf("error %v", err)
	}
}

func TestWellKnownURL(t *testing.T) {
	for _, tt := range []struct {
		issuer string
		oauth2 bool
		want   string
	}{
		{"https://a.example", false, "https://a.example/.well-known/openid-configuration"},
		{"https://a.example/", false, "https://a.example/.well-known/openid-configuration"},
		{"https://a.example/t/1", false, "https://a.example/t/1/.well-known/openid-configuration"},
		{"https://a.example/t/", false, "https://a.example/t/.well-known/openid-configuration"},
		{"https://a.example", true, "https://a.example/.well-known/oauth-authorization-server"},
		{"https://a.example/", true, "https://a.example/.well-known/oauth-authorization-server"},
		{"https://a.example:8443/t/1", true, "https://a.example:8443/.well-known/oauth-authorization-server/t/1"},
		{"https://a.example/t/", true, "https://a.example/.well-known/oauth-authorization-server/t"}, // RFC 8414, Section 3.1
		{"https://a.example/{tenantid}/v2", false, "https://a.example/{tenantid}/v2/.well-known/openid-configuration"},
	} {
		if got := wellKnownURL(tt.issuer, tt.oauth2); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.issuer, got, tt.want)
		}
	}
}

func TestDiscover(t *testing.T) {
	const oidc, oauth2 = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	doc := func(issuer string) unitAnswer {
		return unitAnswer{mediaType: mediaJSON, body: `{"issuer":"` + issuer + `","token_endpoint":"https://x.example/t","x":1}`}
	}
	tests := []struct {
		name, issuer string
		opts         DiscoverOptions
		path         string
		answer       unitAnswer
		kind         error
		param        string
	}{
		{name: "OIDC", issuer: unitIssuer, path: oidc, answer: doc(unitIssuer)},
		{name: "OAuth 2", issuer: unitIssuer, opts: DiscoverOptions{OAuth2: true}, path: oauth2, answer: doc(unitIssuer)},
		{name: "types are not tried in turn", issuer: unitIssuer, opts: DiscoverOptions{OAuth2: true}, path: oidc, answer: doc(unitIssuer), kind: ErrRefused},
		{name: "slash in the document", issuer: unitIssuer, path: oidc, answer: doc(unitIssuer + "/")},
		{name: "slash in the argument", issuer: unitIssuer + "/", path: oidc, answer: doc(unitIssuer)},
		{name: "slash after a path", issuer: unitIssuer + "/t", path: "/t" + oidc, answer: doc(unitIssuer + "/t/"), kind: ErrIssuer, param: "issuer"},
		{name: "other issuer", issuer: unitIssuer, path: oidc, answer: doc("https://evil.example"), kind: ErrIssuer, param: "issuer"},
		{name: "other case", issuer: unitIssuer, path: oidc, answer: doc("https://OP.example"), kind: ErrIssuer, param: "issuer"},
		{name: "other port", issuer: unitIssuer, path: oidc, answer: doc(unitIssuer + ":443"), kind: ErrIssuer, param: "issuer"},
		{name: "no issuer", issuer: unitIssuer, path: oidc, answer: unitAnswer{body: `{}`}, kind: ErrResponse},
		{name: "place of its own (B2C)", issuer: unitIssuer, opts: DiscoverOptions{URL: unitIssuer + "/p/doc"}, path: "/p/doc", answer: doc(unitIssuer)},
		{
			name:   "place of its own, other issuer",
			issuer: unitIssuer,
			opts:   DiscoverOptions{URL: unitIssuer + "/p/doc"},
			path:   "/p/doc",
			answer: doc("https://x.example"),
			kind:   ErrIssuer,
		},
		{
			name:   "template (Entra ID)",
			issuer: unitIssuer + "/common",
			opts:   DiscoverOptions{Issuer: unitIssuer + "/{tenantid}"},
			path:   "/common" + oidc,
			answer: doc(unitIssuer + "/{tenantid}"),
		},
		{name: "template not expected", issuer: unitIssuer + "/common", path: "/common" + oidc, answer: doc(unitIssuer + "/{tenantid}"), kind: ErrIssuer},
		{name: "http", issuer: "http://op.example", kind: ErrInsecureURL, param: "issuer"},
		{name: "http allowed", issuer: "http://op.example", opts: DiscoverOptions{InsecureAllowHTTP: true}, path: oidc, answer: doc("http://op.example")},
		{name: "http place", issuer: unitIssuer, opts: DiscoverOptions{URL: "http://op.example/doc"}, kind: ErrInsecureURL, param: "URL"},
		{
			name:   "http place allowed",
			issuer: unitIssuer,
			opts:   DiscoverOptions{URL: "http://op.example/doc", InsecureAllowHTTP: true},
			path:   "/doc",
			answer: doc(unitIssuer),
		},
		{name: "ftp", issuer: "ftp://op.example", opts: DiscoverOptions{InsecureAllowHTTP: true}, kind: ErrInsecureURL},
		{name: "no host", issuer: "https://", kind: ErrConfig, param: "issuer"},
		{name: "query", issuer: unitIssuer + "?x=1", kind: ErrConfig, param: "issuer"},
		{name: "fragment", issuer: unitIssuer + "#x", kind: ErrConfig, param: "issuer"},
		{name: "empty", issuer: "", kind: ErrConfig, param: "issuer"},
		{
			name:   "place of its own, no issuer",
			issuer: "",
			opts:   DiscoverOptions{URL: unitIssuer + "/doc"},
			path:   "/doc",
			answer: unitAnswer{body: `{}`},
			kind:   ErrConfig,
			param:  "issuer",
		},
		{name: "404", issuer: unitIssuer, kind: ErrRefused},
		{
			name:   "redirect",
			issuer: unitIssuer,
			path:   oidc,
			answer: unitAnswer{status: 302, header: http.Header{"Location": {unitIssuer + "/doc"}}},
			kind:   ErrRefused,
		},
		{name: "page", issuer: unitIssuer, path: oidc, answer: unitAnswer{mediaType: "text/html", body: `<html>`}, kind: ErrResponse},
		{name: "not JSON", issuer: unitIssuer, path: oidc, answer: unitAnswer{body: `x`}, kind: ErrResponse},
		{
			name:   "wrong type",
			issuer: unitIssuer,
			path:   oidc,
			answer: unitAnswer{body: `{"issuer":"` + unitIssuer + `","token_endpoint":1}`},
			kind:   ErrResponse,
			param:  "token_endpoint",
		},
		{
			name:   "algorithms null",
			issuer: unitIssuer,
			path:   oidc,
			answer: unitAnswer{body: `{"issuer":"` + unitIssuer + `","id_token_signing_alg_values_supported":null}`},
			kind:   ErrResponse,
			param:  "id_token_signing_alg_values_supported",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			if tt.path != "" {
				s.set(tt.path, tt.answer)
			}
			tt.opts.HTTPClient = &http.Client{Transport: s}
			as, err := Discover(context.Background(), tt.issuer, &tt.opts)
			if tt.kind != nil {
				if as != nil {
					t.Error("metadata came with the error")
				}
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil || as.TokenEndpoint != "https://x.example/t" || string(as.Extra["x"]) != "1" {
				t.Errorf("%v, %v", as, err)
			}
			if sent := s.requests(""); len(sent) != 1 || sent[0].method != http.MethodGet {
				t.Errorf("sent %v", sent)
			}
		})
	}
}

// wantReleased wants a call to close the connections that the package made for it.
func wantReleased(t *testing.T, start func(*httptest.Server), call func(server *httptest.Server, client *http.Client)) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	closed := make(chan struct{}, 10)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	start(server)
	defer server.Close()
	call(server, &http.Client{Transport: new(http.Transport)}) // of which the package makes a copy
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("a connection stays open that nobody can close")
	}
}

func TestDiscoverReleases(t *testing.T) {
	wantReleased(t, (*httptest.Server).Start, func(server *httptest.Server, client *http.Client) {
		_, err := Discover(context.Background(), server.URL, &DiscoverOptions{HTTPClient: client, InsecureAllowHTTP: true})
		wantError(t, err, ErrRefused, "")
	})
	wantReleased(t, (*httptest.Server).Start, func(server *httptest.Server, client *http.Client) {
		_, err := DiscoverResource(context.Background(), server.URL, &DiscoverOptions{HTTPClient: client, InsecureAllowHTTP: true})
		wantError(t, err, ErrRefused, "")
	})
}

func TestEndpointURL(t *testing.T) {
	aliases := &MTLSEndpointAliases{TokenEndpoint: "https://mtls.example/token"}
	s := newUnitServer()
	for _, tt := range []struct {
		name    string
		use     bool
		e       endpoint
		url, in string
	}{
		{"not asked for", false, tokenEndpoint, unitIssuer + "/token", "token_endpoint"},
		{"alias", true, tokenEndpoint, "https://mtls.example/token", "mtls_endpoint_aliases.token_endpoint"},
		{"no alias", true, userinfoEndpoint, unitIssuer + "/userinfo", "userinfo_endpoint"},
		{"for browsers", true, authorizationEndpoint, unitIssuer + "/authorize", "authorization_endpoint"},
	} {
		c := s.client(t, func(c *Config) { c.Server.MTLSEndpointAliases = aliases; c.Metadata.UseMTLSEndpointAliases = tt.use })
		if url, in, err := c.endpointURL(tt.e); url != tt.url || in != tt.in || err != nil {
			t.Errorf("%s: %s %s %v", tt.name, url, in, err)
		}
	}
	for e := range endpoints {
		c := s.client(t, func(c *Config) { c.Server = &AuthorizationServer{Issuer: unitIssuer} })
		_, _, err := c.endpointURL(endpoint(e))
		wantError(t, err, ErrConfig, endpoints[e].member)
	}
}
