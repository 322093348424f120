package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestValidateCallback changes the parameters of a good response.
func TestValidateCallback(t *testing.T) {
	issFlag := func(c *Config) { c.Server.AuthorizationResponseIssParameter = true }
	template := tenants("https://login.example/{tenantid}/v2", true)
	set := func(name string, values ...string) func(url.Values) {
		return func(p url.Values) {
			p.Del(name)
			if values != nil {
				p[name] = values
			}
		}
	}
	tests := []struct {
		name   string
		config func(*Config)
		change func(url.Values)
		kind   error
		param  string
	}{
		{name: "good", change: func(url.Values) {}},
		{name: "unknown parameters", change: set("other", "a", "b")},
		{name: "state missing", change: set("state"), kind: ErrState, param: "state"},
		{name: "state empty", change: set("state", ""), kind: ErrState, param: "state"},
		{name: "state other", change: set("state", "x"), kind: ErrState, param: "state"},
		{name: "code missing", change: set("code"), kind: ErrClaim, param: "code"},
		{name: "code empty", change: set("code", ""), kind: ErrClaim, param: "code"},
		{name: "code twice", change: set("code", "a", "b"), kind: ErrParse, param: "code"},
		{name: "iss of this server", change: set("iss", unitIssuer)},
		{name: "iss of another", change: set("iss", "https://evil.example"), kind: ErrIssuer, param: "iss"},
		{name: "iss with a slash", change: set("iss", unitIssuer+"/"), kind: ErrIssuer, param: "iss"},
		{name: "iss empty", change: set("iss", ""), kind: ErrIssuer, param: "iss"},
		{name: "iss missing where it is sent", config: issFlag, change: func(url.Values) {}, kind: ErrIssuer, param: "iss"},
		{name: "iss there where it is sent", config: issFlag, change: set("iss", unitIssuer)},
		{name: "iss missing in an error", config: issFlag, change: set("error", "access_denied"), kind: ErrIssuer, param: "iss"},
		{name: "iss of a tenant", config: template, change: set("iss", "https://login.example/72f988bf-86f1-41af-91ab-2d7cd011db47/v2")},
		{name: "iss of something like a tenant", config: template, change: set("iss", "https://login.example/x/v2"), kind: ErrIssuer, param: "iss"},
		{name: "iss is the template itself", config: template, change: set("iss", "https://login.example/{tenantid}/v2"), kind: ErrIssuer, param: "iss"},
		{name: "iss of a tenant elsewhere", config: template, change: set("iss", "https://evil.example/72f988bf-86f1-41af-91ab-2d7cd011db47/v2"), kind: ErrIssuer, param: "iss"},
		{name: "error", change: set("error", "access_denied"), kind: ErrRefused},
		{name: "error without state", change: func(p url.Values) { p.Set("error", "invalid_request_object"); p.Del("state") }, kind: ErrState, param: "state"},
		{name: "error with a wrong state", change: func(p url.Values) { p.Set("error", "access_denied"); p.Set("state", "x") }, kind: ErrState},
		{name: "id_token", change: set("id_token", "x"), kind: ErrClaim, param: "id_token"},
		{name: "access_token", change: set("access_token", "x"), kind: ErrClaim, param: "access_token"},
		{name: "response", change: set("response", "x"), kind: ErrClaim, param: "response"},
	}
	for _, name := range responseParams {
		tests = append(tests, struct {
			name   string
			config func(*Config)
			change func(url.Values)
			kind   error
			param  string
		}{name: name + " twice", change: set(name, "a", "a"), kind: ErrParse, param: name})
	}
	s := newUnitServer()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := s.client(t, tt.config)
			a := s.start(t, c, nil)
			params := url.Values{"code": {"the-code"}, "state": {a.State()}}
			tt.change(params)
			cb, err := c.ValidateCallback(context.Background(), a, params)
			if tt.kind == nil {
				if err != nil || cb.code.Reveal() != "the-code" {
					t.Fatalf("%v, %v", cb, err)
				}
				return
			}
			if cb != nil {
				t.Error("a Callback came with the error")
			}
			wantError(t, err, tt.kind, tt.param)
		})
	}
	if n := len(s.requests("")); n > 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestAuthorizationErrorResponse(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	a := s.start(t, c, nil)
	_, err := c.ValidateCallback(context.Background(), a, url.Values{
		"state": {a.State()}, "error": {"login_required"}, "error_description": {"log in\nfirst"}, "error_uri": {"https://op.example/e"},
	})
	var e *AuthorizationError
	if !errors.As(err, &e) || e.Code != "login_required" || e.Description != "log in\nfirst" || e.URI != "https://op.example/e" {
		t.Fatalf("error %#v", err)
	}
	if strings.Contains(e.Error(), "\n") {
		t.Error("the server's text can forge a line of a log")
	}
}

// An Authorization counts as used once the state matched, not before: else
// whoever can send a browser to the callback could end other people's logins.
func TestAuthorizationUsedOnce(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	a := s.start(t, c, nil)
	ctx := context.Background()
	_, err := c.ValidateCallback(ctx, a, url.Values{"code": {"x"}, "state": {"forged"}})
	wantError(t, err, ErrState, "")
	if _, err := c.ValidateCallback(ctx, a, url.Values{"code": {"x"}, "state": {a.State()}}); err != nil {
		t.Fatal(err)
	}
	_, err = c.ValidateCallback(ctx, a, url.Values{"code": {"x"}, "state": {a.State()}})
	wantError(t, err, ErrReplay, "")
}

func TestAuthorizationOfAnother(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	tests := map[string]*Authorization{
		"nil":    nil,
		"zero":   {},
		"client": s.start(t, s.client(t, func(c *Config) { c.Metadata.ClientID = "client-2" }), nil),
		"issuer": s.start(t, s.client(t, func(c *Config) { c.Server.Issuer = "https://other.example" }), nil),
	}
	for name, a := range tests {
		params := url.Values{"code": {"x"}}
		if a != nil {
			params.Set("state", a.State())
		}
		_, err := c.ValidateCallback(context.Background(), a, params)
		wantError(t, err, ErrConfig, "Authorization")
		_, err = c.FinishAuthorization(httptest.NewRequest("GET", "/cb?"+params.Encode(), nil), a, nil)
		wantError(t, err, ErrConfig, "Authorization")
		_, err = c.ExchangeCode(context.Background(), &Callback{code: NewSecret("x"), authorization: a}, nil)
		wantError(t, err, ErrConfig, "")
		_ = name
	}
	_, err := c.ExchangeCode(context.Background(), nil, nil)
	wantError(t, err, ErrConfig, "Callback")
	_, err = c.ExchangeCode(context.Background(), new(Callback), nil)
	wantError(t, err, ErrConfig, "Callback")
}

func TestAuthorizationLifetime(t *testing.T) {
	s := newUnitServer()
	for _, tt := range []struct {
		name     string
		lifetime time.Duration
		later    time.Duration
		kind     error
	}{
		{"default", 0, time.Hour, nil},
		{"over the default", 0, time.Hour + time.Second, ErrExpired},
		{"shorter", time.Minute, time.Minute + time.Second, ErrExpired},
		{"longer", 2 * time.Hour, 2 * time.Hour, nil},
		// It may have been started on another machine.
		{"from a clock that is ahead", 0, -maxAhead, nil},
		{"from the future", 0, -maxAhead - time.Second, ErrExpired},
		{"from a year that no Duration reaches", 0, -1 << 63, ErrExpired},
	} {
		now := unitNow()
		c := s.client(t, func(c *Config) {
			c.AuthorizationLifetime = tt.lifetime
			c.Clock.Now = func() time.Time { return now }
		})
		a := s.start(t, c, nil)
		now = now.Add(tt.later)
		_, err := c.ValidateCallback(context.Background(), a, url.Values{"code": {"x"}, "state": {a.State()}})
		if !errors.Is(err, tt.kind) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestCallbackPlace: the parameters come from the one place that was asked for.
func TestCallbackPlace(t *testing.T) {
	const good = "code=c&state=s"
	form := func(body string) *http.Request {
		r := httptest.NewRequest("POST", "/cb", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		return r
	}
	with := func(r *http.Request, change func(*http.Request)) *http.Request {
		change(r)
		return r
	}
	tests := []struct {
		name, mode string
		r          *http.Request
		kind       error
	}{
		{"query", "", httptest.NewRequest("GET", "/cb?"+good, nil), nil},
		{"query by name", "query", httptest.NewRequest("GET", "/cb?"+good, nil), nil},
		{"form", "form_post", form(good), nil},
		{"form read by a middleware", "form_post", with(form(good), func(r *http.Request) { _ = r.ParseForm() }), nil},
		{"redirect URI with a query of its own", "form_post", with(form(good), func(r *http.Request) { r.URL.RawQuery = "tenant=1" }), nil},
		{"form where query was asked for", "", form(good), ErrParse},
		{"query where form was asked for", "form_post", httptest.NewRequest("GET", "/cb?"+good, nil), ErrParse},
		{"HEAD", "", httptest.NewRequest("HEAD", "/cb?"+good, nil), ErrParse},
		{"PUT", "form_post", with(form(good), func(r *http.Request) { r.Method = "PUT" }), ErrParse},
		{"form and query", "form_post", with(form(good), func(r *http.Request) { r.URL.RawQuery = "state=s" }), ErrParse},
		{"undecodable query", "", with(httptest.NewRequest("GET", "/cb", nil), func(r *http.Request) { r.URL.RawQuery = good + "&x=%zz" }), ErrParse},
		{"semicolons in the query", "", with(httptest.NewRequest("GET", "/cb", nil), func(r *http.Request) { r.URL.RawQuery = "code=c;state=s" }), ErrParse},
		{"undecodable form", "form_post", form(good + "&x=%zz"), ErrParse},
		{"form of another type", "form_post", with(form(good), func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), ErrParse},
		{"multipart", "form_post", with(form(good), func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }), ErrParse},
		{"too long", "form_post", form(good + "&x=" + strings.Repeat("x", maxBody)), ErrParse},
		{"no body", "form_post", with(form(good), func(r *http.Request) { r.Body = nil }), ErrParse},
		{"broken body", "form_post", with(form(good), func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, 3) }), ErrParse},
		{"fragment", "fragment", httptest.NewRequest("GET", "/cb?"+good, nil), ErrConfig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			params, err := callbackParams(tt.r, tt.mode)
			if tt.kind != nil {
				if params != nil {
					t.Error("parameters came with the error")
				}
				wantError(t, err, tt.kind, "")
				return
			}
			if err != nil || params.Get("code") != "c" || params.Get("state") != "s" {
				t.Errorf("%v, %v", params, err)
			}
		})
	}
}

func TestFinishAuthorization(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	a := s.start(t, c, nil)
	s.answer("/token", unitJSON(t, map[string]any{
		"access_token": "at", "token_type": "Bearer", "id_token": s.sign(t, "JWT", unitClaims(map[string]any{"nonce": a.d.nonce})),
	}))
	tok, err := c.FinishAuthorization(httptest.NewRequest("GET", "/cb?code=the-code&state="+a.State(), nil), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tok.Subject() != "alice" || tok.IDToken().Subject() != "alice" {
		t.Errorf("subject %q", tok.Subject())
	}
	want := url.Values{
		"grant_type": {"authorization_code"}, "code": {"the-code"}, "redirect_uri": {"https://app.example/cb"},
		"code_verifier": {a.d.verifier}, "client_id": {unitClient}, "client_secret": {"the-client-secret"},
	}
	if got := s.requests("/token")[0].form; got.Encode() != want.Encode() {
		t.Errorf("token request %v, want %v", got, want)
	}
}

// Of a multi-tenant server, the tenant of the response and that of the ID
// token are one.
func TestResponseIssuerOfTenant(t *testing.T) {
	const guid, other = "72f988bf-86f1-41af-91ab-2d7cd011db47", "82f988bf-86f1-41af-91ab-2d7cd011db47"
	s := newUnitServer()
	c := s.client(t, tenants("https://login.example/{tenantid}/v2", true))
	for tid, kind := range map[string]error{guid: nil, other: ErrIssuer} {
		a := s.start(t, c, nil)
		s.answer("/token", unitJSON(t, map[string]any{
			"access_token": "at", "token_type": "Bearer",
			"id_token": s.sign(t, "JWT", unitClaims(map[string]any{"nonce": a.d.nonce, "iss": "https://login.example/" + tid + "/v2", "tid": tid})),
		}))
		params := url.Values{"code": {"x"}, "state": {a.State()}, "iss": {"https://login.example/" + guid + "/v2"}}
		tok, err := c.FinishAuthorization(httptest.NewRequest("GET", "/cb?"+params.Encode(), nil), a, nil)
		if !errors.Is(err, kind) || (tok == nil) != (kind != nil) {
			t.Errorf("tenant %s: %v, %v", tid, tok, err)
		}
	}
}

func TestCallbackContext(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	a := s.start(t, c, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.ValidateCallback(ctx, a, url.Values{"code": {"x"}, "state": {a.State()}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// An error_uri is for a link in a page.
func TestErrorURI(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for uri, want := range map[string]string{"https://op.example/e": "https://op.example/e", "javascript:alert(1)": "", "//x": "", "data:,x": ""} {
		a := s.start(t, c, nil)
		_, err := c.ValidateCallback(context.Background(), a, url.Values{"state": {a.State()}, "error": {"x"}, "error_uri": {uri}})
		var e *AuthorizationError
		if !errors.As(err, &e) || e.URI != want {
			t.Errorf("%s: %#v", uri, err)
		}
		s.set("/token", unitAnswer{status: 400, body: unitJSON(t, map[string]string{"error": "x", "error_uri": uri})})
		_, err = c.ExchangeCode(context.Background(), unitCallback(t, s, c, &plainRequest), nil)
		var r *ResponseError
		if !errors.As(err, &r) || r.URI != want {
			t.Errorf("%s: %#v", uri, err)
		}
	}
}
