package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"testing"
)

// This file tests the metadata of protected resources: RFC 9728.

func TestDiscoverResource(t *testing.T) {
	const api, wellKnown = "https://api.example", "/.well-known/oauth-protected-resource"
	doc := func(resource string) unitAnswer {
		return unitAnswer{mediaType: mediaJSON, body: `{"resource":"` + resource + `","authorization_servers":["https://op.example"],"x":1}`}
	}
	servers := func(list string) unitAnswer {
		return unitAnswer{mediaType: mediaJSON, body: `{"resource":"` + api + `","authorization_servers":` + list + `}`}
	}
	tests := []struct {
		name, resource string
		opts           DiscoverOptions
		place          string // path and query of the request; "": the well-known one without a path
		answer         unitAnswer
		kind           error
		param          string
	}{
		{name: "bare host", resource: api, answer: doc(api)},
		{name: "slash", resource: api + "/", answer: doc(api + "/")},
		{name: "slash in the document", resource: api, answer: doc(api + "/")},
		{name: "slash in the argument", resource: api + "/", answer: doc(api)},
		{name: "port", resource: api + ":8443", answer: doc(api + ":8443")},
		{name: "path", resource: api + "/a/b", place: wellKnown + "/a/b", answer: doc(api + "/a/b")},
		{name: "path with a slash", resource: api + "/a/", place: wellKnown + "/a/", answer: doc(api + "/a/")},
		{name: "path, escaped", resource: api + "/a%2Fb", place: wellKnown + "/a%2Fb", answer: doc(api + "/a%2Fb")},
		{name: "query", resource: api + "?a=b", place: wellKnown + "?a=b", answer: doc(api + "?a=b")},
		{name: "slash and query", resource: api + "/?a=b", place: wellKnown + "?a=b", answer: doc(api + "/?a=b")},
		{name: "query with a slash", resource: api + "?a=/", place: wellKnown + "?a=/", answer: doc(api + "?a=/")},
		{name: "path and query", resource: api + "/a?b=/c", place: wellKnown + "/a?b=/c", answer: doc(api + "/a?b=/c")},
		{name: "URL of a challenge", resource: api + "/a", opts: DiscoverOptions{URL: api + "/doc?x=1"}, place: "/doc?x=1", answer: doc(api + "/a")},
		{name: "http allowed", resource: "http://api.example", opts: DiscoverOptions{InsecureAllowHTTP: true}, answer: doc("http://api.example")},
		{
			name:     "http server allowed",
			resource: api,
			opts:     DiscoverOptions{InsecureAllowHTTP: true},
			answer:   servers(`["http://op.example","https://op.example"]`),
		},
		{name: "no server", resource: api, answer: servers(`[]`)},
		{name: "server null", resource: api, answer: servers(`null`)},
		{name: "template of tenants", resource: api, answer: servers(`["https://login.example/{tenantid}/v2"]`)},
		{name: "Type and Issuer say nothing", resource: api, opts: DiscoverOptions{OAuth2: true, Issuer: "https://x.example"}, answer: doc(api)},

		{name: "other resource", resource: api, answer: doc("https://evil.example"), kind: ErrResponse, param: "resource"},
		{name: "other case", resource: api, answer: doc("https://API.example"), kind: ErrResponse, param: "resource"},
		{name: "other port", resource: api, answer: doc(api + ":443"), kind: ErrResponse, param: "resource"},
		{name: "the host of a path", resource: api + "/a", place: wellKnown + "/a", answer: doc(api), kind: ErrResponse, param: "resource"},
		{name: "slash after a path", resource: api + "/a", place: wellKnown + "/a", answer: doc(api + "/a/"), kind: ErrResponse, param: "resource"},
		{
			name:     "URL of a challenge, other resource",
			resource: api + "/a",
			opts:     DiscoverOptions{URL: "https://evil.example/doc"},
			place:    "/doc",
			answer:   doc("https://evil.example"),
			kind:     ErrResponse,
			param:    "resource",
		},
		{name: "slash after a query", resource: api + "?a=b", place: wellKnown + "?a=b", answer: doc(api + "?a=b/"), kind: ErrResponse, param: "resource"},
		{name: "no resource", resource: api, answer: unitAnswer{body: `{}`}, kind: ErrResponse, param: "resource"},
		{name: "resource number", resource: api, answer: unitAnswer{body: `{"resource":1}`}, kind: ErrResponse, param: "resource"},
		{name: "resource twice", resource: api, answer: unitAnswer{body: `{"resource":"x","resource":"` + api + `"}`}, kind: ErrResponse},
		{name: "http server", resource: api, answer: servers(`["https://op.example","http://op.example"]`), kind: ErrResponse, param: "authorization_servers"},
		{name: "http server, insecure", resource: api, answer: servers(`["http://op.example"]`), kind: ErrInsecureURL, param: "authorization_servers"},
		{
			name:     "javascript server",
			resource: api,
			opts:     DiscoverOptions{InsecureAllowHTTP: true},
			answer:   servers(`["javascript:alert(1)"]`),
			param:    "authorization_servers",
			kind:     ErrResponse,
		},
		{name: "relative server", resource: api, answer: servers(`["/op"]`), param: "authorization_servers", kind: ErrResponse},
		{name: "empty server", resource: api, answer: servers(`[""]`), param: "authorization_servers", kind: ErrResponse},
		{name: "server with a fragment", resource: api, answer: servers(`["https://op.example#x"]`), param: "authorization_servers", kind: ErrResponse},
		{name: "server with a user", resource: api, answer: servers(`["https://op.example@evil.example"]`), param: "authorization_servers", kind: ErrResponse},
		{name: "servers string", resource: api, answer: servers(`"https://op.example"`), kind: ErrResponse, param: "authorization_servers"},
		{
			name:     "algorithms null",
			resource: api,
			answer:   unitAnswer{body: `{"resource":"` + api + `","dpop_signing_alg_values_supported":null}`},
			kind:     ErrResponse,
			param:    "dpop_signing_alg_values_supported",
		},
		{name: "http", resource: "http://api.example", kind: ErrInsecureURL, param: "resource"},
		{name: "http place", resource: api, opts: DiscoverOptions{URL: "http://api.example/doc"}, kind: ErrInsecureURL, param: "URL"},
		{
			name:     "http resource at an https place",
			resource: "http://api.example",
			opts:     DiscoverOptions{URL: api + "/doc"},
			kind:     ErrInsecureURL,
			param:    "resource",
		},
		{name: "fragment", resource: api + "#a", kind: ErrConfig, param: "resource"},
		{name: "user", resource: "https://user@api.example", kind: ErrConfig, param: "resource"},
		{name: "not a URL", resource: "urn:api", opts: DiscoverOptions{InsecureAllowHTTP: true}, kind: ErrConfig, param: "resource"},
		{name: "empty", kind: ErrConfig, param: "resource"},
		{name: "404", resource: api, place: "/elsewhere", kind: ErrRefused},
		{name: "page", resource: api, answer: unitAnswer{mediaType: "text/html", body: `<html>`}, kind: ErrResponse},
		{name: "redirect", resource: api, answer: unitAnswer{status: 302, header: http.Header{"Location": {api + "/doc"}}}, kind: ErrRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			var asked []string
			place := tt.place
			if place == "" {
				place = wellKnown
			}
			s.set("/", tt.answer)
			tt.opts.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
				asked = append(asked, r.URL.RequestURI())
				if r.URL.RequestURI() != place {
					return httpAnswer(r, 404, ""), nil
				}
				r = r.Clone(r.Context())
				r.URL.Path = "/"
				return s.RoundTrip(r)
			}).client()
			m, err := DiscoverResource(context.Background(), tt.resource, &tt.opts)
			if (m == nil) != (err != nil) {
				t.Errorf("%v with the error %v", m, err)
			}
			if tt.kind == nil {
				if err != nil {
					t.Fatalf("%v; asked for %q", err, asked)
				}
				if len(asked) != 1 {
					t.Errorf("requests %q", asked)
				}
				return
			}
			wantError(t, err, tt.kind, tt.param)
			if len(asked) > 0 && errors.Is(err, ErrConfig) {
				t.Errorf("the configuration is blamed for the answer: %v", err)
			}
		})
	}
}

func TestResourceMetadataRoundTrip(t *testing.T) {
	var m ResourceMetadata
	want := everyMember(t, m)
	if err := json.Unmarshal([]byte(unitJSON(t, want)), &m); err != nil {
		t.Fatal(err)
	}
	value := reflect.ValueOf(m)
	for i := range value.NumField() {
		if value.Field(i).IsZero() {
			t.Errorf("field %s was not read", value.Type().Field(i).Name)
		}
	}
	for _, v := range []any{m, &m} {
		var got map[string]any
		if err := json.Unmarshal([]byte(unitJSON(t, v)), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%v\nwant\n%v", got, want)
		}
	}
	for _, text := range []string{`{"resource":1}`, `{"resource":"a","resource":"a"}`, `{"resource_signing_alg_values_supported":null}`, `[]`, `null`} {
		if err := m.UnmarshalJSON([]byte(text)); !errors.Is(err, ErrParse) || m.Resource != want["resource"] {
			t.Errorf("%s: %v, %v", text, err, m)
		}
	}
	m.Extra = map[string]json.RawMessage{"resource": json.RawMessage(`"x"`)}
	if _, err := json.Marshal(m); !errors.Is(err, ErrConfig) {
		t.Errorf("a member twice: %v", err)
	}
}

func TestResourceServers(t *testing.T) {
	const other = "https://other.example"
	s := newUnitServer()
	s.answer("/.well-known/openid-configuration", `{"issuer":"`+unitIssuer+`"}`)
	s.answer("/.well-known/oauth-authorization-server", `{"issuer":"`+unitIssuer+`"}`)
	for _, tt := range []struct {
		name    string
		servers []string
		issuer  string
		opts    DiscoverOptions
		kind    error
		param   string
	}{
		{name: "the only one", servers: []string{unitIssuer}},
		{name: "the only one, by name", servers: []string{unitIssuer}, issuer: unitIssuer},
		{name: "of several", servers: []string{other, unitIssuer}, issuer: unitIssuer},
		{name: "as OAuth 2", servers: []string{unitIssuer}, opts: DiscoverOptions{OAuth2: true}},
		{name: "which of several", servers: []string{unitIssuer, other}, kind: ErrConfig, param: "issuer"},
		{name: "none", kind: ErrConfig, param: "issuer"},
		{name: "none, by name", issuer: unitIssuer, kind: ErrConfig, param: "issuer"},
		{name: "not among them", servers: []string{other}, issuer: unitIssuer, kind: ErrConfig, param: "issuer"},
		{name: "with a slash", servers: []string{unitIssuer}, issuer: unitIssuer + "/", kind: ErrConfig, param: "issuer"},
		{name: "another issuer at its place", servers: []string{other}, kind: ErrIssuer, param: "issuer"},
		{name: "http", servers: []string{"http://op.example"}, kind: ErrInsecureURL, param: "issuer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(s.requests(""))
			tt.opts.HTTPClient = &http.Client{Transport: s}
			m := &ResourceMetadata{Resource: "https://api.example", AuthorizationServers: tt.servers}
			as, err := m.Discover(context.Background(), tt.issuer, &tt.opts)
			if tt.kind == nil {
				if err != nil || as.Issuer != unitIssuer {
					t.Errorf("%v, %v", as, err)
				}
				return
			}
			if as != nil {
				t.Error("metadata came with the error")
			}
			wantError(t, err, tt.kind, tt.param)
			if errors.Is(err, ErrConfig) && len(s.requests("")) != before {
				t.Error("a request was made")
			}
		})
	}
	if as, err := (&ResourceMetadata{}).Discover(context.Background(), "", nil); as != nil || !errors.Is(err, ErrConfig) {
		t.Errorf("%v, %v", as, err)
	}
	_, err := (&ResourceMetadata{AuthorizationServers: []string{"http://op.example"}}).Discover(context.Background(), "", nil)
	wantError(t, err, ErrInsecureURL, "issuer")
}

// A resource that names a server which the application trusts cannot write its
// metadata too: the options with the place of the resource's document are good
// for both steps.
func TestResourceWritesNoServer(t *testing.T) {
	const evil = "https://evil.example"
	s := newUnitServer()
	s.answer("/doc", `{"resource":"`+evil+`","authorization_servers":["`+unitIssuer+`"],"issuer":"`+unitIssuer+`","token_endpoint":"`+evil+`/token"}`)
	s.answer("/.well-known/openid-configuration", `{"issuer":"`+unitIssuer+`","token_endpoint":"`+unitIssuer+`/token"}`)
	opts := &DiscoverOptions{HTTPClient: &http.Client{Transport: s}, URL: evil + "/doc"}
	m, err := DiscoverResource(context.Background(), evil, opts)
	if err != nil {
		t.Fatal(err)
	}
	as, err := m.Discover(context.Background(), unitIssuer, opts)
	if err != nil || as.TokenEndpoint != unitIssuer+"/token" {
		t.Errorf("%+v, %v", as, err)
	}
	if opts.URL != evil+"/doc" {
		t.Error("the options were changed")
	}
}
