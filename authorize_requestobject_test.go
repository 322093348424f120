package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// startForm begins an authorization and returns the parameters of its URL.
func startForm(t *testing.T, s *unitServer, c *Client, r *AuthorizationRequest) (*PendingAuthorization, url.Values) {
	t.Helper()
	a := s.start(t, c, r)
	u, err := url.Parse(a.URL())
	if err != nil {
		t.Fatal(err)
	}
	return a, u.Query()
}

// requestClaims decodes a signed request object without checking it, after
// looking at its header.
func requestClaims(t *testing.T, object string) map[string]any {
	t.Helper()
	header, claims := requestParts(t, object)
	want := map[string]any{"alg": "ES256", "typ": "oauth-authz-req+jwt", "kid": unitKey().kid}
	if !reflect.DeepEqual(header, want) {
		t.Errorf("header %v, want %v", header, want)
	}
	return claims
}

func requestParts(t *testing.T, object string) (header, claims map[string]any) {
	t.Helper()
	var parts [2]map[string]any
	for i, segment := range strings.Split(object, ".")[:2] {
		b, err := base64.RawURLEncoding.DecodeString(segment)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &parts[i]); err != nil {
			t.Fatal(err)
		}
	}
	return parts[0], parts[1]
}

func names[V any](m map[string]V) string {
	list := make([]string, 0, len(m))
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestRequestObject: RFC 9101, Section 4, and what stands beside the object.
func TestRequestObject(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.RequestKey = unitKey() })
	a, form := startForm(t, s, c, &AuthorizationRequest{
		RedirectURI: "https://app.example/cb", Scope: []string{"openid", "x"}, MaxAge: int64p(60), ACRValues: []string{"gold", "silver"},
		Resource: []string{"https://a.example", "https://b.example"}, Claims: json.RawMessage(`{"userinfo":{"email":null}}`),
		AuthorizationDetails: []AuthorizationDetail{{Type: "pay", Actions: []string{"go"}}}, Params: url.Values{"extra": {"1"}},
	})
	if names(form) != "client_id request response_type scope" || form.Get("scope") != "openid x" || form.Get("response_type") != "code" {
		t.Errorf("URL has %v", form)
	}
	claims := requestClaims(t, form.Get("request"))
	if jti, _ := claims["jti"].(string); len(jti) != 22 {
		t.Errorf("jti %q", jti)
	}
	delete(claims, "jti")
	want := map[string]any{
		"iss": unitClient, "aud": unitIssuer, "iat": float64(unitTime), "nbf": float64(unitTime), "exp": float64(unitTime + 300),
		"response_type": "code", "client_id": unitClient, "redirect_uri": "https://app.example/cb", "scope": "openid x",
		"state": a.State(), "nonce": a.content.nonce, "code_challenge": codeChallenge(a.content.verifier), "code_challenge_method": "S256",
		"max_age": float64(60), "acr_values": "gold silver", "resource": []any{"https://a.example", "https://b.example"},
		"claims":                map[string]any{"userinfo": map[string]any{"email": nil}},
		"authorization_details": []any{map[string]any{"type": "pay", "actions": []any{"go"}}}, "extra": "1",
	}
	if !reflect.DeepEqual(claims, want) {
		t.Errorf("claims\n%v, want\n%v", claims, want)
	}
	_, form = startForm(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Resource: []string{"urn:a", "urn:b", "urn:c"}})
	if got := requestClaims(t, form.Get("request")); !reflect.DeepEqual(got["resource"], []any{"urn:a", "urn:b", "urn:c"}) {
		t.Errorf("three resources are %v", got["resource"])
	}
	_, form = startForm(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Resource: []string{"https://a.example"}})
	if got := requestClaims(t, form.Get("request")); got["resource"] != "https://a.example" || form.Has("scope") {
		t.Errorf("one resource is %v, beside it %v", got["resource"], form)
	}
}

func TestRequestObjectPushed(t *testing.T) {
	s := newUnitServer()
	s.set("/par", unitAnswer{status: 201, body: `{"request_uri":"urn:x","expires_in":60}`})
	c := s.client(t, func(c *Config) { c.RequestKey = unitKey() })
	_, form := startForm(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: true})
	if names(form) != "client_id request_uri" {
		t.Errorf("URL has %v", form)
	}
	pushed := s.requests("/par")[0].form
	if names(pushed) != "client_id client_secret request" {
		t.Errorf("pushed %v", names(pushed))
	}
	if claims := requestClaims(t, pushed.Get("request")); claims["exp"] != float64(unitTime+60) {
		t.Errorf("exp %v", claims["exp"])
	}
}

// TestRequestObjectAlone: RFC 9126 wants client_id beside a request object that is
// pushed (erratum 6711). ConnectID refuses it, and what a ClientAuth takes out stays out.
func TestRequestObjectAlone(t *testing.T) {
	s := newUnitServer()
	s.set("/par", unitAnswer{status: 201, body: `{"request_uri":"urn:x","expires_in":60}`})
	c := s.client(t, func(c *Config) {
		c.RequestKey = unitKey()
		c.Auth = clientauthCustom(func(_ context.Context, r *ClientAuthRequest) error {
			if r.Form.Get("client_id") != unitClient {
				t.Errorf("it gets %v", names(r.Form))
			}
			r.Form.Del("client_id")
			return nil
		})
	})
	_, form := startForm(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: true})
	if pushed := s.requests("/par")[0].form; names(pushed) != "request" || names(form) != "client_id request_uri" {
		t.Errorf("pushed %v, the URL has %v", names(pushed), names(form))
	}
}

// What a caller gives as JSON stays JSON, as request_context of FAPI-CIBA. A number or a
// word may be a name, and a parameter of the package is what it is.
func TestRequestObjectJSON(t *testing.T) {
	s := newUnitServer()
	s.answer("/ciba", `{"auth_req_id":"id","expires_in":60}`)
	c := s.client(t, func(c *Config) {
		withCIBA(c)
		c.RequestKey, c.Metadata.BackchannelRequestAlg = unitKey(), ES256
	})
	params := url.Values{
		"request_context": {`{"app":{"id":1,"x":[null]}}`}, "vtr": {" [\"Cl.Cm\"]"}, "number": {"0123"}, "account": {"5"}, "word": {"true"}, "text": {`"a"`},
		"broken": {`{"a":1`}, "closing": {`{"a":1},"sub":"x"`}, "two": {`{}{}`}, "empty": {""}, "space": {" "},
	}
	want := map[string]any{
		"request_context": map[string]any{"app": map[string]any{"id": 1.0, "x": []any{nil}}}, "vtr": []any{"Cl.Cm"}, "number": "0123", "account": "5",
		"word": "true", "text": `"a"`, "broken": `{"a":1`, "closing": `{"a":1},"sub":"x"`, "two": "{}{}", "empty": "", "space": " ",
	}
	_, form := startForm(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", LoginHint: `{"a":1}`, Params: params})
	_, err := c.StartBackchannelAuthentication(context.Background(), &BackchannelAuthenticationRequest{
		Scope: []string{"openid"}, LoginHint: `{"a":1}`, BindingMessage: "[1]", Params: params,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, object := range map[string]string{"JAR": form.Get("request"), "CIBA": s.requests("/ciba")[0].form.Get("request")} {
		_, claims := requestParts(t, object)
		for member, value := range want {
			if !reflect.DeepEqual(claims[member], value) {
				t.Errorf("%s: %s is %#v", name, member, claims[member])
			}
		}
		if claims["login_hint"] != `{"a":1}` || claims["sub"] != nil || name == "CIBA" && claims["binding_message"] != "[1]" {
			t.Errorf("%s: %v", name, claims)
		}
	}
}

func TestRequestObjectErrors(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.RequestKey = unitKey() })
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"} {
		_, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Params: url.Values{name: {"x"}}})
		wantError(t, err, ErrConfig, "Params")
	}
	_, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Params: url.Values{"x": {"1", "2"}}})
	wantError(t, err, ErrConfig, "Params")
	for _, tt := range []struct {
		name   string
		change func(*Config)
		kind   error
		param  string
	}{
		{"encryption without signature", func(c *Config) { c.Metadata.RequestObjectEncryptionAlg = "ECDH-ES" }, ErrConfig, "RequestKey"},
		{"enc without alg", func(c *Config) { c.RequestKey = unitKey(); c.Metadata.RequestObjectEncryptionEnc = "A128GCM" }, ErrConfig, "Metadata.RequestObjectEncryptionEnc"},
		{"unknown alg", func(c *Config) { c.RequestKey = unitKey(); c.Metadata.RequestObjectEncryptionAlg = "RSA1_5" }, ErrUnsupported, "Metadata.RequestObjectEncryptionAlg"},
		{"alg of answers alone", func(c *Config) { c.RequestKey = unitKey(); c.Metadata.RequestObjectEncryptionAlg = "A128KW" }, ErrUnsupported, "Metadata.RequestObjectEncryptionAlg"},
		{"unknown enc", func(c *Config) {
			c.RequestKey, c.Metadata.RequestObjectEncryptionAlg, c.Metadata.RequestObjectEncryptionEnc = unitKey(), "ECDH-ES", "A1"
		}, ErrUnsupported, "Metadata.RequestObjectEncryptionEnc"},
		{"registered with another alg", func(c *Config) { c.RequestKey = unitKey(); c.Metadata.RequestObjectSigningAlg = PS256 }, ErrConfig, "RequestKey"},
		{"template", func(c *Config) { tenants("https://x.example/{tenantid}", true)(c); c.RequestKey = unitKey() }, ErrConfig, "RequestKey"},
	} {
		cfg := s.config()
		tt.change(&cfg)
		_, err := NewClient(cfg)
		wantError(t, err, tt.kind, tt.param)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Server.RequireSignedRequestObject = true },
		func(c *Config) { c.Metadata.RequireSignedRequestObject = true },
	} {
		_, err := s.client(t, change).StartAuthorization(context.Background(), &plainRequest)
		wantError(t, err, ErrConfig, "RequestKey")
		c := s.client(t, func(c *Config) { change(c); c.RequestKey = unitKey() })
		if _, form := startForm(t, s, c, &plainRequest); !form.Has("request") {
			t.Error("the request is not signed")
		}
	}
}
