package oauth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestAuthenticateCredential: a credential of a message is judged as one of a request is,
// and gets the same answer.
func TestAuthenticateCredential(t *testing.T) {
	ctx := context.Background()
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	cert, other := &x509.Certificate{Raw: []byte("mine")}, &x509.Certificate{Raw: []byte("other")}
	var refused []RefusalInfo
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Trace = &Trace{RequestRefused: func(_ context.Context, i RefusalInfo) { refused = append(refused, i) }}
		c.RequestURL = func(*http.Request) (*url.URL, error) { return nil, errors.New("there is no request") }
		c.ClientCertificate = func(*http.Request) (*x509.Certificate, error) { return nil, errors.New("there is no request") }
	})
	plain := s.accessToken(t, nil)
	bound := s.accessToken(t, map[string]any{"cnf": map[string]any{"jkt": key.Thumbprint()}})
	certified := s.accessToken(t, map[string]any{"cnf": map[string]any{"x5t#S256": CertificateThumbprint(cert)}})
	called := must(url.Parse(unitResource + "/orders?page=1"))
	proof := func(change map[string]any) string { return signProof(t, key, nil, proofClaims(bound, change)) }
	used := proof(nil)
	for _, tt := range []struct {
		name   string
		c      Credential
		kind   error
		status int
	}{
		{"bearer", Credential{Scheme: "bearer", Token: plain}, nil, 200},
		{"nothing", Credential{}, ErrNoCredentials, 401},
		{"no token", Credential{Scheme: "Bearer"}, ErrNoCredentials, 401},
		{"no scheme", Credential{Token: plain}, ErrNoCredentials, 401},
		{"Basic", Credential{Scheme: "Basic", Token: plain}, ErrNoCredentials, 401},
		{"two tokens", Credential{Scheme: "Bearer", Token: plain + " " + plain}, ErrMalformed, 400},
		{"a line break", Credential{Scheme: "Bearer", Token: plain + "\n"}, ErrMalformed, 400},
		{"too long", Credential{Scheme: "Bearer", Token: strings.Repeat("a", maxToken+1)}, ErrParse, 401},
		{"forged", Credential{Scheme: "Bearer", Token: forgedAs(t, s, "at+jwt", accessClaims(nil))}, ErrSignature, 401},
		{"expired", Credential{Scheme: "Bearer", Token: s.accessToken(t, map[string]any{"exp": unitTime - 31})}, ErrExpired, 401},
		{"another audience", Credential{Scheme: "Bearer", Token: s.accessToken(t, map[string]any{"aud": "x"})}, ErrAudience, 401},
		{"DPoP", Credential{Scheme: "dpop", Token: bound, Proof: used, Method: "GET", URL: called}, nil, 200},
		{"DPoP, the proof again", Credential{Scheme: "DPoP", Token: bound, Proof: used, Method: "GET", URL: called}, ErrReplay, 401},
		{"DPoP as Bearer", Credential{Scheme: "Bearer", Token: bound, Proof: proof(map[string]any{"jti": "2"}), Method: "GET", URL: called}, ErrBinding, 401},
		{"DPoP without a proof", Credential{Scheme: "DPoP", Token: bound, Method: "GET", URL: called}, ErrClaim, 401},
		{"DPoP for another method", Credential{Scheme: "DPoP", Token: bound, Proof: proof(map[string]any{"jti": "3"}), Method: "POST", URL: called}, ErrClaim, 401},
		{"DPoP for another URL", Credential{Scheme: "DPoP", Token: bound, Proof: proof(map[string]any{"jti": "4"}), Method: "GET", URL: must(url.Parse(unitResource + "/x"))}, ErrClaim, 401},
		{"DPoP for another origin", Credential{Scheme: "DPoP", Token: bound, Proof: proof(map[string]any{"jti": "5"}), Method: "GET", URL: must(url.Parse("https://x.example/orders"))}, ErrClaim, 401},
		{"DPoP without a URL", Credential{Scheme: "DPoP", Token: bound, Proof: proof(map[string]any{"jti": "6"}), Method: "GET"}, ErrMalformed, 400},
		{"DPoP with a relative URL", Credential{Scheme: "DPoP", Token: bound, Proof: proof(map[string]any{"jti": "7"}), Method: "GET", URL: &url.URL{Path: "/orders"}}, ErrMalformed, 400},
		{"a proof beside a bearer token", Credential{Scheme: "Bearer", Token: plain, Proof: proof(map[string]any{"jti": "8"}), Method: "GET", URL: called}, ErrBinding, 401},
		{"a certificate", Credential{Scheme: "Bearer", Token: certified, Certificate: cert}, nil, 200},
		{"another certificate", Credential{Scheme: "Bearer", Token: certified, Certificate: other}, ErrBinding, 401},
		{"no certificate", Credential{Scheme: "Bearer", Token: certified}, ErrBinding, 401},
	} {
		n := len(refused)
		token, err := rs.AuthenticateCredential(ctx, tt.c)
		if wantError(t, err, tt.kind, ""); (token == nil) != (tt.kind != nil) || StatusCode(err) != tt.status {
			t.Errorf("%s: %v, %v, status %d", tt.name, token, err, StatusCode(err))
		}
		if len(refused)-n != map[bool]int{true: 1}[err != nil] {
			t.Errorf("%s: %d refusals are traced", tt.name, len(refused)-n)
		}
		// The error is in the challenge of the scheme that was used.
		if scheme := knownScheme(tt.c.Scheme); tt.status >= 400 && tt.c.Token != "" && scheme != "" {
			for _, c := range rs.Challenges(err) {
				if strings.Contains(c, "error=") != strings.HasPrefix(c, scheme+" ") {
					t.Errorf("%s: the challenge %s", tt.name, c)
				}
			}
		}
		if err != nil && !strings.HasPrefix(err.Error(), "oauth: resource server: ") {
			t.Errorf("%s: the operation is not named: %v", tt.name, err)
		}
		// The challenges are those of the response.
		w := httptest.NewRecorder()
		if rs.WriteError(w, err); err != nil && (w.Code != tt.status || !slices.Equal(w.Header().Values("WWW-Authenticate"), rs.Challenges(err))) {
			t.Errorf("%s: %d %q, and the challenges are %q", tt.name, w.Code, w.Header().Values("WWW-Authenticate"), rs.Challenges(err))
		}
		if text := fmt.Sprintf("%+v %v", tt.c, err); len(tt.c.Token) > 100 && strings.Contains(text, tt.c.Token[:100]) {
			t.Errorf("%s: the token is printed", tt.name)
		}
	}
	_, err := rs.AuthenticateCredential(ctx, Credential{Scheme: "DPoP", Token: bound, Proof: proof(map[string]any{"jti": "9"}), Method: "GET"})
	wantError(t, err, ErrMalformed, "URL")
	for _, none := range []*ResourceServer{nil, {}} {
		_, err := none.AuthenticateCredential(ctx, Credential{Scheme: "Bearer", Token: plain})
		wantError(t, err, ErrConfig, "")
		if none.Challenges(fail(ErrInvalid, "", "")) != nil {
			t.Error("a ResourceServer that was not made has challenges")
		}
	}
	// The limit is that of tokens, whatever is asked about them.
	s.answer(introspectionPath, `{"active":true}`)
	asks := s.opaqueServer(t, nil)
	for n, kind := range map[int]error{maxToken: nil, maxToken + 1: ErrParse} {
		asked := len(s.requests(introspectionPath))
		token, err := asks.AuthenticateCredential(ctx, Credential{Scheme: "Bearer", Token: strings.Repeat("a", n)})
		wantError(t, err, kind, map[bool]string{true: "Token"}[kind != nil])
		if asked = len(s.requests(introspectionPath)) - asked; (token != nil) != (kind == nil) || asked != map[bool]int{true: 1}[kind == nil] {
			t.Errorf("a token of %d bytes: %v, asked %d times", n, token, asked)
		}
	}
	if rs.Challenges(nil) != nil || rs.Challenges(fail(ErrUnavailable, "", "")) != nil || StatusCode(nil) != 200 || StatusCode(errors.New("x")) != 500 {
		t.Error("what was not refused has challenges, or another status")
	}
}

// TestContextWithAccessToken: a handler that Require protects takes the token of a
// message, judged by the same ResourceServer and by no other.
func TestContextWithAccessToken(t *testing.T) {
	s := newUnitServer()
	rs, other := s.resource(t, nil), s.resource(t, nil)
	token := must(rs.AuthenticateCredential(context.Background(), Credential{Scheme: "Bearer", Token: s.accessToken(t, nil)}))
	ctx := ContextWithAccessToken(context.Background(), token)
	if got, ok := AccessTokenFromContext(ctx); !ok || got != token {
		t.Errorf("%v, %v", got, ok)
	}
	for _, none := range []*AccessToken{nil, {}} {
		if _, ok := AccessTokenFromContext(ContextWithAccessToken(ctx, none)); ok {
			t.Error("there is a token that nobody accepted")
		}
	}
	for name, tt := range map[string]struct {
		rs   *ResourceServer
		need Requirement
		code int
	}{
		"the same": {rs, Requirement{}, 204}, "a scope that it has": {rs, Requirement{Scope: []string{"read"}}, 204},
		"a scope that it lacks": {rs, Requirement{Scope: []string{"admin"}}, 403}, "another": {other, Requirement{}, 401},
	} {
		if w, _ := serve(tt.rs, tt.need, apiRequest().WithContext(ctx)); w.Code != tt.code {
			t.Errorf("%s: %d, want %d", name, w.Code, tt.code)
		}
	}
}

// TestOptional: without credentials the handler runs without a token; with any, they are
// judged.
func TestOptional(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	need := Requirement{Scope: []string{"read"}, Optional: true}
	proofAlone := apiRequest()
	proofAlone.Header.Set("DPoP", "x")
	for name, tt := range map[string]struct {
		r     *http.Request
		code  int
		token bool
	}{
		"none": {apiRequest(), 204, false}, "good": {bearer(s.accessToken(t, nil)), 204, true},
		"forged": {bearer(forgedAs(t, s, "at+jwt", accessClaims(nil))), 401, false}, "malformed": {apiRequest("Bearer"), 400, false},
		"without the scope": {bearer(s.accessToken(t, map[string]any{"scope": "write"})), 403, false},
		"of another scheme": {apiRequest("Basic YTpi"), 401, false}, "twice": {apiRequest("Bearer a", "Bearer b"), 400, false}, "a proof alone": {proofAlone, 401, false},
	} {
		if w, got := serve(rs, need, tt.r); w.Code != tt.code || (got != nil) != tt.token {
			t.Errorf("%s: %d, %v", name, w.Code, got)
		}
	}
}

// TestOptionalInside: what another ResourceServer has accepted is no token here.
func TestOptionalInside(t *testing.T) {
	s := newUnitServer()
	outer, inner := s.resource(t, nil), s.resource(t, nil)
	var got *AccessToken
	h := outer.Require(Requirement{}, inner.Require(Requirement{Scope: []string{"admin"}, Optional: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ = AccessTokenFromContext(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})))
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, bearer(s.accessToken(t, nil))); w.Code != 204 || got != nil {
		t.Errorf("%d, %v", w.Code, got)
	}
	// That of the same one is judged by the inner requirement.
	h = outer.Require(Requirement{}, outer.Require(Requirement{Scope: []string{"admin"}, Optional: true}, http.NotFoundHandler()))
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, bearer(s.accessToken(t, nil))); w.Code != 403 {
		t.Errorf("status %d", w.Code)
	}
}

// TestMiddleware is Require for routers.
func TestMiddleware(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	h := rs.Middleware(Requirement{Scope: []string{"admin"}})(http.NotFoundHandler())
	for raw, code := range map[string]int{s.accessToken(t, nil): 403, s.accessToken(t, map[string]any{"scope": "admin"}): 404} {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, bearer(raw)); w.Code != code {
			t.Errorf("status %d, want %d", w.Code, code)
		}
	}
	for name, f := range map[string]func(){
		"nil":     func() { (*ResourceServer)(nil).Middleware(Requirement{}) },
		"invalid": func() { rs.Middleware(Requirement{Scope: []string{""}}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
