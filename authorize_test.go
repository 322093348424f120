package oauth

import (
	"cmp"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestAuthorizationURL(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Server.AuthorizationEndpoint += "?tenant=a%20b" })
	a := s.start(t, c, &AuthorizationRequest{
		RedirectURI: "https://app.example/cb?x=1", Scope: []string{"openid", "email"}, ResponseMode: "form_post",
		Prompt: "login", Display: "page", LoginHint: "bob", IDTokenHint: "hint", ACRValues: []string{"gold", "silver"},
		UILocales: []string{"cs", "en"}, MaxAge: int64p(0), Resource: []string{"https://a.example/", "urn:b"},
		Claims: json.RawMessage(` {"id_token": {"acr": null}}`), Params: url.Values{"extra": {"1", "2"}},
	})
	u, err := url.Parse(a.URL())
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"tenant": {"a b"}, "response_type": {"code"}, "client_id": {unitClient}, "redirect_uri": {"https://app.example/cb?x=1"},
		"scope": {"openid email"}, "response_mode": {"form_post"}, "state": {a.State()}, "nonce": {a.content.nonce},
		"code_challenge": {codeChallenge(a.content.verifier)}, "code_challenge_method": {"S256"},
		"prompt": {"login"}, "display": {"page"}, "login_hint": {"bob"}, "id_token_hint": {"hint"}, "acr_values": {"gold silver"},
		"ui_locales": {"cs en"}, "max_age": {"0"}, "resource": {"https://a.example/", "urn:b"},
		"claims": {`{"id_token":{"acr":null}}`}, "extra": {"1", "2"},
	}
	if got := u.Query(); got.Encode() != want.Encode() {
		t.Errorf("parameters\n%v, want\n%v", got, want)
	}
	for name, s := range map[string]string{"state": a.content.state, "nonce": a.content.nonce, "verifier": a.content.verifier} {
		if b, err := decodeBase64URL(nil, s); err != nil || len(b) != 32 {
			t.Errorf("%s is not 256 bits: %v", name, err)
		}
	}
	b := s.start(t, c, nil)
	if a.content.state == b.content.state || a.content.nonce == b.content.nonce || a.content.verifier == b.content.verifier ||
		a.content.state == a.content.nonce ||
		a.content.nonce == a.content.verifier {
		t.Error("random values repeat")
	}
	if strings.Contains(a.URL(), a.content.verifier) {
		t.Error("the code verifier is in the URL")
	}
}

func TestAuthorizationRequestErrors(t *testing.T) {
	type req = AuthorizationRequest
	const cb = "https://app.example/cb"
	tests := []struct {
		name   string
		r      req
		config func(*Config)
		kind   error
		param  string
	}{
		{name: "no redirect URI", r: req{}, kind: ErrConfig, param: "RedirectURI"},
		{name: "relative redirect URI", r: req{RedirectURI: "/cb"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "RuName (eBay)", r: req{RedirectURI: "Corp_Inc-CorpInc-app-PRD-abcdef"}},
		{name: "a name with a slash", r: req{RedirectURI: "app.example/cb"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "a name with a query", r: req{RedirectURI: "name?x=y"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "a name with a fragment", r: req{RedirectURI: "name#"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "a name with a space", r: req{RedirectURI: "a name"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "a name of other letters", r: req{RedirectURI: "näme"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "redirect URI with fragment", r: req{RedirectURI: cb + "#x"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "redirect URI with empty fragment", r: req{RedirectURI: cb + "#"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "redirect URI without host", r: req{RedirectURI: "https:///cb"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "http redirect URI", r: req{RedirectURI: "http://app.example/cb"}, kind: ErrInsecureURL, param: "RedirectURI"},
		{name: "http redirect URI with insecure", r: req{RedirectURI: "http://app.example/cb"}, config: func(c *Config) { c.InsecureAllowHTTP = true }},
		{name: "loopback", r: req{RedirectURI: "http://127.0.0.1:1234/cb"}},
		{name: "loopback 6", r: req{RedirectURI: "http://[::1]/cb"}},
		{name: "localhost", r: req{RedirectURI: "http://localhost/cb"}},
		{name: "not quite loopback", r: req{RedirectURI: "http://127.0.0.1.evil.example/cb"}, kind: ErrInsecureURL},
		{name: "an address that is not loopback", r: req{RedirectURI: "http://10.0.0.1/cb"}, kind: ErrInsecureURL, param: "RedirectURI"},
		{name: "an address that is not loopback 6", r: req{RedirectURI: "http://[fe80::1]/cb"}, kind: ErrInsecureURL, param: "RedirectURI"},
		{name: "private-use scheme", r: req{RedirectURI: "com.example.app:/cb"}},
		{name: "private-use scheme without a slash", r: req{RedirectURI: "com.example.app:cb"}},
		{name: "redirect URI with a query", r: req{RedirectURI: cb + "?tenant=1&codes=2"}},
		{name: "redirect URI with a query that cannot be read", r: req{RedirectURI: cb + "?a=1;b=2"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "redirect URI with dot segments", r: req{RedirectURI: "https://app.example/a/../cb"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "redirect URI with escaped dot segments", r: req{RedirectURI: "https://app.example/a/%2E%2e/cb"}, kind: ErrConfig, param: "RedirectURI"},
		{name: "javascript", r: req{RedirectURI: "javascript:alert(1)"}, kind: ErrInsecureURL, param: "RedirectURI"},
		{name: "JavaScript", r: req{RedirectURI: "JavaScript:alert(1)"}, kind: ErrInsecureURL, param: "RedirectURI"},
		{name: "scope with space", r: req{RedirectURI: cb, Scope: []string{"openid email"}}, kind: ErrConfig, param: "Scope"},
		{name: "empty scope", r: req{RedirectURI: cb, Scope: []string{""}}, kind: ErrConfig, param: "Scope"},
		{name: "scope too long", r: req{RedirectURI: cb, Scope: []string{strings.Repeat("x", maxSaved)}}, kind: ErrConfig, param: "Scope"},
		{name: "token", r: req{RedirectURI: cb, ResponseType: "token"}, kind: ErrConfig, param: "ResponseType"},
		{name: "code token", r: req{RedirectURI: cb, ResponseType: "code token"}, kind: ErrConfig, param: "ResponseType"},
		{name: "id_token token", r: req{RedirectURI: cb, ResponseType: "id_token token"}, kind: ErrConfig, param: "ResponseType"},
		{name: "none", r: req{RedirectURI: cb, ResponseType: "none"}, kind: ErrConfig, param: "ResponseType"},
		{name: "response mode", r: req{RedirectURI: cb, ResponseMode: "web_message"}, kind: ErrConfig, param: "ResponseMode"},
		{name: "negative max_age", r: req{RedirectURI: cb, MaxAge: int64p(-1)}, kind: ErrConfig, param: "MaxAge"},
		{name: "resource with fragment", r: req{RedirectURI: cb, Resource: []string{"https://a.example/#x"}}, kind: ErrConfig, param: "Resource"},
		{name: "relative resource", r: req{RedirectURI: cb, Resource: []string{"a"}}, kind: ErrConfig, param: "Resource"},
		{name: "claims no object", r: req{RedirectURI: cb, Claims: json.RawMessage(" [1]")}, kind: ErrConfig, param: "Claims"},
		{name: "claims no JSON", r: req{RedirectURI: cb, Claims: json.RawMessage("{")}, kind: ErrConfig, param: "Claims"},
		{name: "claims more than JSON", r: req{RedirectURI: cb, Claims: json.RawMessage(`{},"sub":"x"`)}, kind: ErrConfig, param: "Claims"},
		{name: "claims with a member twice", r: req{RedirectURI: cb, Claims: json.RawMessage(`{"id_token":{"acr":{"essential":true},"acr":null}}`)}, kind: ErrConfig, param: "Claims"},
		{name: "claims empty", r: req{RedirectURI: cb, Claims: json.RawMessage{}}, kind: ErrConfig, param: "Claims"},
		{
			name:   "no PKCE, public",
			r:      req{RedirectURI: cb, Scope: []string{"openid"}, InsecureNoPKCE: true},
			config: func(c *Config) { c.Auth = PublicClient() },
			kind:   ErrConfig,
			param:  "InsecureNoPKCE",
		},
		{
			name:   "no PKCE, public, a signed response",
			r:      req{RedirectURI: cb, Scope: []string{"openid"}, ResponseMode: "jwt", InsecureNoPKCE: true},
			config: func(c *Config) { c.Auth = PublicClient() },
			kind:   ErrConfig,
			param:  "InsecureNoPKCE",
		},
		{name: "no PKCE, no openid", r: req{RedirectURI: cb, InsecureNoPKCE: true}, kind: ErrConfig, param: "InsecureNoPKCE"},
		{
			name:   "no PKCE, no nonce, public",
			r:      req{RedirectURI: cb, Scope: []string{"openid"}, InsecureNoPKCE: true, InsecureNoNonce: true},
			config: func(c *Config) { c.Auth = PublicClient() },
			kind:   ErrConfig,
			param:  "InsecureNoPKCE",
		},
		{
			name: "no PKCE, no nonce, hybrid",
			r: req{
				RedirectURI:     cb,
				Scope:           []string{"openid"},
				ResponseType:    "code id_token",
				ResponseMode:    "form_post",
				InsecureNoPKCE:  true,
				InsecureNoNonce: true,
			},
			kind:  ErrConfig,
			param: "ResponseType",
		},
		{name: "no PKCE, no nonce", r: req{RedirectURI: cb, Scope: []string{"openid"}, InsecureNoPKCE: true, InsecureNoNonce: true}},
		{name: "no PKCE, no nonce, no openid", r: req{RedirectURI: cb, InsecureNoPKCE: true, InsecureNoNonce: true}},
		{name: "no PKCE", r: req{RedirectURI: cb, Scope: []string{"openid"}, InsecureNoPKCE: true}},
		{name: "no nonce", r: req{RedirectURI: cb, Scope: []string{"openid"}, InsecureNoNonce: true}},
		{name: "no auth", r: req{RedirectURI: cb}, config: func(c *Config) { c.Auth = nil }, kind: ErrConfig, param: "Auth"},
		{
			name:   "no endpoint",
			r:      req{RedirectURI: cb},
			config: func(c *Config) { c.Server.AuthorizationEndpoint = "" },
			kind:   ErrConfig,
			param:  "authorization_endpoint",
		},
		{
			name:   "http endpoint",
			r:      req{RedirectURI: cb},
			config: func(c *Config) { c.Server.AuthorizationEndpoint = "http://op.example/" },
			kind:   ErrInsecureURL,
			param:  "authorization_endpoint",
		},
		{
			name:   "javascript endpoint",
			r:      req{RedirectURI: cb},
			config: func(c *Config) { c.Server.AuthorizationEndpoint = "javascript:alert(1)" },
			kind:   ErrConfig,
			param:  "authorization_endpoint",
		},
		{
			name:   "endpoint that sets a parameter",
			r:      req{RedirectURI: cb},
			config: func(c *Config) { c.Server.AuthorizationEndpoint += "?state=x" },
			kind:   ErrConfig,
			param:  "authorization_endpoint",
		},
		{
			name:   "endpoint with a bad query",
			r:      req{RedirectURI: cb},
			config: func(c *Config) { c.Server.AuthorizationEndpoint += "?x=%zz" },
			kind:   ErrConfig,
			param:  "authorization_endpoint",
		},
		{
			name:   "no key set, code",
			r:      req{RedirectURI: cb, Scope: []string{"openid"}},
			config: func(c *Config) { c.Server.JWKSURI = "" },
			kind:   ErrConfig,
			param:  "jwks_uri",
		},
		{name: "no key set, and nothing to verify", r: req{RedirectURI: cb, Scope: []string{"mail"}}, config: func(c *Config) { c.Server.JWKSURI = "" }},
		{name: "no algorithm for a signed response, and none is asked for", r: req{RedirectURI: cb},
			config: func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{"none"} }},
		{name: "no key set, id_token", r: req{RedirectURI: cb, Scope: []string{"openid"}, ResponseType: "id_token", ResponseMode: "fragment"},
			config: func(c *Config) { c.Server.JWKSURI = "" }, kind: ErrConfig, param: "jwks_uri"},
		{
			name:   "signer out of reach",
			r:      req{RedirectURI: cb},
			config: func(c *Config) { c.RequestKey = must(NewSigningKey(lostSigner{unitKey().signer}, ES256, "k")) },
			kind:   ErrConfig,
			param:  "SigningKey",
		},
		{
			name:   "signed request required",
			r:      req{RedirectURI: cb},
			config: func(c *Config) { c.Server.RequireSignedRequestObject = true },
			kind:   ErrConfig,
			param:  "RequestKey",
		},
	}
	// Written out: iss of its own would pass for that of the response.
	for _, name := range []string{
		"code", "state", "iss", "error", "error_description", "error_uri", "response",
		"id_token", "access_token", "token_type", "expires_in", "scope", "session_state",
	} {
		tests = append(tests, struct {
			name   string
			r      req
			config func(*Config)
			kind   error
			param  string
		}{name: "redirect URI with " + name, r: req{RedirectURI: cb + "?x=1&" + name + "=x"}, kind: ErrConfig, param: "RedirectURI"})
	}
	s := newUnitServer()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := s.client(t, tt.config).StartAuthorization(context.Background(), &tt.r)
			if tt.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				u, _ := url.Parse(a.URL())
				if tt.r.InsecureNoPKCE == u.Query().Has("code_challenge") || tt.r.InsecureNoNonce && u.Query().Has("nonce") {
					t.Errorf("URL %s", u)
				}
				return
			}
			if a != nil {
				t.Error("a PendingAuthorization came with the error")
			}
			wantError(t, err, tt.kind, tt.param)
		})
	}
	if _, err := s.client(t, nil).StartAuthorization(context.Background(), nil); !errors.Is(err, ErrConfig) {
		t.Errorf("nil request: %v", err)
	}
	_, err := s.client(t, nil).StartAuthorization(context.Background(), &req{RedirectURI: cb, Claims: json.RawMessage("{")})
	if wantError(t, err, ErrConfig, "Claims"); !strings.Contains(err.Error(), "at byte 1") {
		t.Errorf("claims that are no JSON: %v does not say why", err)
	}
	if n := len(s.requests("")); n > 0 {
		t.Errorf("%d requests were made", n)
	}
}

// LinkedIn answers a code_verifier beside the secret with invalid_client, sends no
// token_type, and no nonce in its ID tokens: UsefulSoftwareCo/executor#2087,
// nextauthjs/next-auth#8831. The state is compared all the same.
func TestAuthorizationLinkedIn(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.AllowTokenTypes = []string{""} })
	r := &AuthorizationRequest{
		RedirectURI: "https://app.example/cb", Scope: []string{"openid"},
		InsecureNoPKCE: true, InsecureNoNonce: true,
	}
	s.answer("/token", `{"access_token":"at","expires_in":5183999,"id_token":"`+s.sign(t, "JWT", unitClaims(nil))+`"}`)
	finish := func(state string) error {
		a := new(PendingAuthorization)
		if err := a.UnmarshalBinary(must(s.start(t, c, r).MarshalBinary())); err != nil {
			t.Fatal(err)
		}
		_, err := c.FinishAuthorization(httptest.NewRequest("GET", "/cb?code=c&state="+cmp.Or(state, a.State()), nil), a, nil)
		return err
	}
	if err := finish(""); err != nil {
		t.Fatal(err)
	}
	if form := s.requests("/token")[0].form; form.Has("code_verifier") || form.Get("client_secret") == "" {
		t.Errorf("the code went out with %v", form)
	}
	if err := finish(encodeBase64URL(make([]byte, 32))); !errors.Is(err, ErrState) {
		t.Errorf("another state: %v", err)
	}
}

// lostSigner is a key in an HSM that does not answer.
type lostSigner struct{ crypto.Signer }

func (lostSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the HSM is out of reach")
}

// The nonce goes with scope openid, the state with everything.
func TestNonceGoesWithOpenID(t *testing.T) {
	s := newUnitServer()
	a := s.start(t, s.client(t, nil), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"mail"}})
	if a.content.nonce != "" || a.content.state == "" || strings.Contains(a.URL(), "nonce") {
		t.Errorf("nonce %q state %q", a.content.nonce, a.content.state)
	}
}

func TestDefaultMaxAgeIsKept(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Metadata.DefaultMaxAge = int64p(600) })
	a := s.start(t, c, nil)
	if a.content.maxAge == nil || *a.content.maxAge != 600 || strings.Contains(a.URL(), "max_age") {
		t.Errorf("max age %v in %s", a.content.maxAge, a.URL())
	}
	age := int64(5)
	a = s.start(t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", MaxAge: &age})
	age = 1 << 40
	if *a.content.maxAge != 5 {
		t.Error("the request's MaxAge is shared with the caller")
	}
}

func TestPushed(t *testing.T) {
	good := unitJSON(t, map[string]any{"request_uri": "urn:example:1", "expires_in": 60})
	tests := []struct {
		name   string
		config func(*Config)
		pushed bool
		answer unitAnswer
		kind   error
		param  string
		plain  bool
	}{
		{name: "201", pushed: true, answer: unitAnswer{status: 201, body: good}},
		{name: "200", pushed: true, answer: unitAnswer{status: 200, body: good}},
		{name: "not asked for", plain: true},
		{
			name:   "required by the server",
			config: func(c *Config) { c.Server.RequirePushedAuthorizationRequests = true },
			answer: unitAnswer{status: 201, body: good},
		},
		{
			name:   "required by the client",
			config: func(c *Config) { c.Metadata.RequirePushedAuthorizationRequests = true },
			answer: unitAnswer{status: 201, body: good},
		},
		{
			name:   "no endpoint",
			pushed: true,
			config: func(c *Config) { c.Server.PushedAuthorizationRequestEndpoint = "" },
			kind:   ErrConfig,
			param:  "pushed_authorization_request_endpoint",
		},
		{
			name:   "http endpoint",
			pushed: true,
			config: func(c *Config) { c.Server.PushedAuthorizationRequestEndpoint = "http://op.example/par" },
			kind:   ErrInsecureURL,
		},
		{name: "refused", pushed: true, answer: unitAnswer{status: 400, body: `{"error":"invalid_request"}`}, kind: ErrRefused},
		{name: "202", pushed: true, answer: unitAnswer{status: 202, body: good}, kind: ErrResponse},
		{name: "no request_uri", pushed: true, answer: unitAnswer{status: 201, body: `{"expires_in":60}`}, kind: ErrResponse, param: "request_uri"},
		{
			name:   "empty request_uri",
			pushed: true,
			answer: unitAnswer{status: 201, body: `{"request_uri":"","expires_in":60}`},
			kind:   ErrResponse,
			param:  "request_uri",
		},
		{name: "expires_in as a string", pushed: true, answer: unitAnswer{status: 201, body: `{"request_uri":"urn:example:1","expires_in":"60"}`}},
		{
			name:   "expires_in as another string",
			pushed: true,
			answer: unitAnswer{status: 201, body: `{"request_uri":"urn:x","expires_in":"soon"}`},
			kind:   ErrResponse,
			param:  "expires_in",
		},
		{name: "no expires_in", pushed: true, answer: unitAnswer{status: 201, body: `{"request_uri":"urn:x"}`}, kind: ErrResponse, param: "expires_in"},
		{
			name:   "negative expires_in",
			pushed: true,
			answer: unitAnswer{status: 201, body: `{"request_uri":"urn:x","expires_in":-1}`},
			kind:   ErrResponse,
			param:  "expires_in",
		},
		{name: "not JSON", pushed: true, answer: unitAnswer{status: 201, body: `x`}, kind: ErrResponse},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			s.set("/par", tt.answer)
			a, err := s.client(t, tt.config).StartAuthorization(context.Background(), &AuthorizationRequest{
				RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, Pushed: tt.pushed,
			})
			if tt.kind != nil {
				if a != nil {
					t.Error("a failed push became something else")
				}
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.plain {
				if len(s.requests("")) != 0 {
					t.Error("pushed without being asked")
				}
				return
			}
			if want := unitIssuer + "/authorize?client_id=client-1&request_uri=urn%3Aexample%3A1"; a.URL() != want {
				t.Errorf("URL %s, want %s", a.URL(), want)
			}
			form := s.requests("/par")[0].form
			if form.Get("state") != a.State() || form.Get("client_secret") == "" || form.Get("code_challenge") == "" || form.Has("request_uri") {
				t.Errorf("pushed %v", form)
			}
		})
	}
}

func TestAuthorizationSaved(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	a := s.start(
		t,
		c,
		&AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid", "x"}, ResponseMode: "form_post", MaxAge: int64p(0)},
	)
	saved, err := a.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var b PendingAuthorization
	if err := b.UnmarshalBinary(saved); err != nil {
		t.Fatal(err)
	}
	for i, f := range a.content.fields() {
		if *f != *b.content.fields()[i] {
			t.Errorf("field %d: %q, want %q", i, *b.content.fields()[i], *f)
		}
	}
	if *b.content.maxAge != 0 || !b.content.created.Equal(a.content.created) || b.URL() != "" || b.State() != a.State() {
		t.Errorf("restored %+v", b.summary())
	}
	if _, err := new(PendingAuthorization).MarshalBinary(); !errors.Is(err, ErrConfig) {
		t.Errorf("the zero value saves: %v", err)
	}
	for n := range saved {
		if err := new(PendingAuthorization).UnmarshalBinary(saved[:n]); !errors.Is(err, ErrParse) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for name, data := range map[string][]byte{
		"rest": append(saved[:len(saved):len(saved)], 0), "version": append([]byte{authorizationVersion + 1}, saved[1:]...), "long": func() []byte {
			d := *a.content // good but for its length
			d.scope = "openid " + strings.Repeat("x", maxSaved)
			b, err := (&PendingAuthorization{content: &d}).MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			return b
		}(),
		"zero value": func() []byte {
			w := newSaved(authorizationVersion)
			for range 13 {
				w.string("")
			}
			return w.b
		}(),
	} {
		kept := b.State()
		if err := b.UnmarshalBinary(data); !errors.Is(err, ErrParse) || b.State() != kept {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := json.Marshal(a); err == nil || !strings.Contains(err.Error(), "MarshalBinary") {
		t.Errorf("JSON of a PendingAuthorization: %v", err)
	}
}

// TestPrivateScheme: RFC 8252, Section 7.1, for the way back of a login and of a
// logout.
func TestPrivateScheme(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Server.EndSessionEndpoint = unitIssuer + "/end" })
	for _, tt := range []struct{ uri, text string }{
		{"com.example.app:/cb", ""},
		{"com.example.app://cb", ""},
		{"com.example.app:cb", ""},
		{"com.example.app:/1", ""},
		{"app.example:443/cb", "put https:// in front"},
		{"localhost:8080/cb", "put https:// in front"},
		{"app.example:8", "put https:// in front"},
		{"app.example:0", "put https:// in front"},
		{"app.example:9/cb", "put https:// in front"},
		{"com.example.app:-cb", ""},
		{"app:/cb", "com.example.app"},
		{"myapp://callback", "com.example.app"},
		{"urn:ietf:wg:oauth:2.0:oob", "com.example.app"},
	} {
		_, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: tt.uri})
		_, endErr := c.EndSessionURL(&EndSessionRequest{PostLogoutRedirectURI: tt.uri})
		for param, err := range map[string]error{"RedirectURI": err, "PostLogoutRedirectURI": endErr} {
			if tt.text == "" {
				if err != nil {
					t.Errorf("%s: %v", tt.uri, err)
				}
				continue
			}
			if wantError(t, err, ErrConfig, param); !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s: %v", tt.uri, err)
			}
		}
	}
}
