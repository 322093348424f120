package oauth

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestValidateAuthorizationResponse changes the parameters of a good response.
func TestValidateAuthorizationResponse(t *testing.T) {
	issFlag := func(c *Config) { c.Server.AuthorizationResponseIssParameterSupported = true }
	issWanted := func(c *Config) { c.RequireResponseIssuer = true }
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
		{name: "iss missing where the client wants it", config: issWanted, change: func(url.Values) {}, kind: ErrIssuer, param: "iss"},
		{name: "iss missing in an error where the client wants it", config: issWanted, change: set("error", "access_denied"), kind: ErrIssuer, param: "iss"},
		{name: "iss there where the client wants it", config: issWanted, change: set("iss", unitIssuer)},
		{name: "iss of another where the client wants it", config: issWanted, change: set("iss", "https://evil.example"), kind: ErrIssuer, param: "iss"},
		{name: "iss of a tenant", config: template, change: set("iss", "https://login.example/72f988bf-86f1-41af-91ab-2d7cd011db47/v2")},
		{name: "iss of something like a tenant", config: template, change: set("iss", "https://login.example/x/v2"), kind: ErrIssuer, param: "iss"},
		{name: "iss is the template itself", config: template, change: set("iss", "https://login.example/{tenantid}/v2"), kind: ErrIssuer, param: "iss"},
		{
			name:   "iss of a tenant elsewhere",
			config: template,
			change: set("iss", "https://evil.example/72f988bf-86f1-41af-91ab-2d7cd011db47/v2"),
			kind:   ErrIssuer,
			param:  "iss",
		},
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
			resp, err := c.ValidateAuthorizationResponse(context.Background(), a, params)
			if tt.kind == nil {
				if err != nil || resp.code.Reveal() != "the-code" || resp.IDToken() != nil {
					t.Fatalf("%v, %v", resp, err)
				}
				return
			}
			if resp != nil {
				t.Error("an AuthorizationResponse came with the error")
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
	_, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{
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

// A PendingAuthorization counts as used once the state matched, not before: else
// whoever can send a browser to the callback could end other people's logins.
func TestAuthorizationUsedOnce(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	a := s.start(t, c, nil)
	ctx := context.Background()
	_, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"code": {"x"}, "state": {"forged"}})
	wantError(t, err, ErrState, "")
	if _, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"code": {"x"}, "state": {a.State()}}); err != nil {
		t.Fatal(err)
	}
	_, err = c.ValidateAuthorizationResponse(ctx, a, url.Values{"code": {"x"}, "state": {a.State()}})
	wantError(t, err, ErrReplay, "")
}

func TestAuthorizationOfAnother(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	tests := map[string]*PendingAuthorization{
		"nil":    nil,
		"zero":   {},
		"client": s.start(t, s.client(t, func(c *Config) { c.Metadata.ClientID = "client-2" }), nil),
		"issuer": s.start(t, s.client(t, func(c *Config) { c.Server.Issuer = "https://other.example" }), nil),
		// They have case: another spelling is another client.
		"client in capitals": s.start(t, s.client(t, func(c *Config) { c.Metadata.ClientID = strings.ToUpper(unitClient) }), nil),
		"issuer in capitals": s.start(t, s.client(t, func(c *Config) { c.Server.Issuer = "https://OP.example" }), nil),
	}
	for name, a := range tests {
		params := url.Values{"code": {"x"}}
		if a != nil {
			params.Set("state", a.State())
		}
		_, err := c.ValidateAuthorizationResponse(context.Background(), a, params)
		wantError(t, err, ErrConfig, "PendingAuthorization")
		_, err = c.FinishAuthorization(httptest.NewRequest("GET", "/cb?"+params.Encode(), nil), a, nil)
		wantError(t, err, ErrConfig, "PendingAuthorization")
		_, err = c.ExchangeCode(context.Background(), &AuthorizationResponse{code: NewSecret("x"), authorization: a}, nil)
		wantError(t, err, ErrConfig, "")
		_ = name
	}
	// The DPoP key is told by its thumbprint, which has case, too.
	bound := s.client(t, withDPoP(unitDPoP(t)))
	a := s.start(t, bound, nil)
	a.content.thumbprint = strings.ToLower(a.content.thumbprint)
	_, err := bound.ValidateAuthorizationResponse(context.Background(), a, url.Values{"code": {"x"}, "state": {a.State()}})
	wantError(t, err, ErrBinding, "DPoP")
	_, err = c.ExchangeCode(context.Background(), nil, nil)
	wantError(t, err, ErrConfig, "AuthorizationResponse")
	_, err = c.ExchangeCode(context.Background(), new(AuthorizationResponse), nil)
	wantError(t, err, ErrConfig, "AuthorizationResponse")
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
		_, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"code": {"x"}, "state": {a.State()}})
		if !errors.Is(err, tt.kind) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestAuthorizationResponsePlace: the parameters come from the one place that was asked for.
func TestAuthorizationResponsePlace(t *testing.T) {
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
		{"GET in small letters", "", with(httptest.NewRequest("GET", "/cb?"+good, nil), func(r *http.Request) { r.Method = "get" }), ErrParse},
		{"POST in small letters", "form_post", with(form(good), func(r *http.Request) { r.Method = "post" }), ErrParse},
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
			params, err := readResponseParams(tt.r, tt.mode)
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
		"access_token": "at", "token_type": "Bearer", "id_token": s.sign(t, "JWT", unitClaims(map[string]any{"nonce": a.content.nonce})),
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
		"code_verifier": {a.content.verifier}, "client_id": {unitClient}, "client_secret": {"the-client-secret"},
	}
	if got := s.requests("/token")[0].form; got.Encode() != want.Encode() {
		t.Errorf("token request %v, want %v", got, want)
	}
}

// TestResponseAtItsRedirectURI: RFC 9700, Section 4.4.2.2. The response of another
// request ends nothing, and that of its own still does.
func TestResponseAtItsRedirectURI(t *testing.T) {
	const redirect = "https://app.example/callback/honest"
	// served is what a server sees of the request line.
	served := func(line string) func(string) *http.Request {
		return func(params string) *http.Request {
			sep := "?"
			if strings.Contains(line, "?") {
				sep = "&"
			}
			return httptest.NewRequest("GET", line+sep+params, nil)
		}
	}
	through := func(h func(http.Handler) http.Handler, build func(string) *http.Request) func(string) *http.Request {
		return func(params string) (seen *http.Request) {
			h(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r })).ServeHTTP(httptest.NewRecorder(), build(params))
			return seen
		}
	}
	strip := func(h http.Handler) http.Handler { return http.StripPrefix("/callback", h) }
	edited := func(build func(string) *http.Request, edit func(*http.Request)) func(string) *http.Request {
		return func(params string) *http.Request {
			r := build(params)
			edit(r)
			return r
		}
	}
	// origin is what a program behind a proxy says.
	origin := func(base string) func(*Config) {
		return func(c *Config) {
			c.CallbackURL = func(r *http.Request) (*url.URL, error) { return url.Parse(base + r.URL.RequestURI()) }
		}
	}
	noHeader := errors.New("no header")
	says := func(u *url.URL, err error) func(*Config) {
		return func(c *Config) { c.CallbackURL = func(*http.Request) (*url.URL, error) { return u, err } }
	}
	for _, tt := range []struct {
		name, uri string
		config    func(*Config)
		request   func(params string) *http.Request
		kind      error
		param     string
	}{
		{"good", redirect, nil, served("/callback/honest"), nil, ""},
		{"at another's redirect URI", redirect, nil, served("/callback/evil"), ErrClaim, "redirect_uri"},
		{"longer", redirect, nil, served("/callback/honest/x"), ErrClaim, "redirect_uri"},
		{"shorter", redirect, nil, served("/callback"), ErrClaim, "redirect_uri"},
		{"a slash at the end", redirect, nil, served("/callback/honest/"), ErrClaim, "redirect_uri"},
		{"two slashes", redirect, nil, served("//callback/honest"), ErrClaim, "redirect_uri"},
		{"other letters", redirect, nil, served("/Callback/honest"), ErrClaim, "redirect_uri"},
		{"dot segments", redirect, nil, served("/callback/evil/../honest"), ErrClaim, "redirect_uri"},
		{"absolute form", redirect, nil, served("http://elsewhere.example/callback/honest"), nil, ""},
		{"absolute form of another", redirect, nil, served("http://app.example/callback/evil"), ErrClaim, "redirect_uri"},
		{"a scheme and no host", redirect, nil, edited(served("/callback/honest"), func(r *http.Request) { r.RequestURI = "x:" + r.RequestURI }), ErrClaim, "redirect_uri"},
		{"a scheme and no host, no path", "https://app.example", nil, edited(served("/"), func(r *http.Request) { r.RequestURI = "x:" + r.RequestURI }), ErrClaim, "redirect_uri"},
		{"escaped letters", redirect, nil, served("/callback/h%6fnest"), nil, ""},
		{"escaped slash", redirect, nil, served("/callback%2Fhonest"), ErrClaim, "redirect_uri"},
		{"escapes in other letters", "https://app.example/a%2fb", nil, served("/a%2Fb"), nil, ""},
		{"escaped in the redirect URI", "https://app.example/%63b", nil, served("/cb"), nil, ""},
		{"beyond ASCII", "https://app.example/zurück", nil, served("/zur%C3%BCck"), nil, ""},
		{"no path", "https://app.example", nil, served("/"), nil, ""},
		{"no path, and another", "https://app.example", nil, served("/x"), ErrClaim, "redirect_uri"},
		{"behind StripPrefix", redirect, nil, through(strip, served("/callback/honest")), nil, ""},
		{"another behind StripPrefix", "https://app.example/honest", nil, through(strip, served("/callback/honest")), ErrClaim, "redirect_uri"},
		{"without a request line", redirect, nil, edited(served("/callback/honest"), func(r *http.Request) { r.RequestURI = "" }), nil, ""},
		{"another without a request line", redirect, nil, edited(served("/callback/evil"), func(r *http.Request) { r.RequestURI = "" }), ErrClaim, "redirect_uri"},
		{"loopback", "http://127.0.0.1:4711/callback", nil, served("/callback"), nil, ""},
		{"private-use", "com.example.app:/callback", nil, served("/callback"), nil, ""},
		{"private-use without a slash", "com.example.app:callback", nil, served("/callback"), ErrClaim, "redirect_uri"},

		{"own query", redirect + "?server=a&x=1&x=2", nil, served("/callback/honest?x=1&server=a&x=2"), nil, ""},
		{"own query, of another server", redirect + "?server=a", nil, served("/callback/honest?server=b"), ErrClaim, "redirect_uri"},
		{"own query, both", redirect + "?server=a", nil, served("/callback/honest?server=a&server=b"), ErrClaim, "redirect_uri"},
		{"own query, missing", redirect + "?server=a", nil, served("/callback/honest"), ErrClaim, "redirect_uri"},
		{"own query, empty", redirect + "?server", nil, served("/callback/honest?server="), nil, ""},
		{"more in the query", redirect, nil, served("/callback/honest?utm=1"), nil, ""},

		// eBay's RuName: where it leads to is known to the server alone.
		{"a name", "Corp_Inc-CorpInc-app-PRD-abcdef", nil, served("/callback/ebay"), nil, ""},
		{"a name, origin said", "Corp_Inc-CorpInc-app-PRD-abcdef", origin("https://app.example"), served("/callback/ebay"), nil, ""},

		{"a proxy cuts the path", "https://app.example/app/cb", nil, served("/cb"), ErrClaim, "redirect_uri"},
		{"a proxy cuts the path, said", "https://app.example/app/cb", origin("https://app.example/app"), served("/cb"), nil, ""},
		{"another origin", redirect, origin("https://evil.example"), served("/callback/honest"), ErrClaim, "redirect_uri"},
		{"another origin beyond ASCII", "https://\u00e4.example/cb", origin("https://\u00c4.example"), served("/cb"), ErrClaim, "redirect_uri"},
		{"another scheme", redirect, origin("http://app.example"), served("/callback/honest"), ErrClaim, "redirect_uri"},
		{"another port", redirect, origin("https://app.example:8443"), served("/callback/honest"), ErrClaim, "redirect_uri"},
		{"the port of the scheme", redirect, origin("HTTPS://APP.example:443"), served("/callback/honest"), nil, ""},
		{"another port of loopback", "http://127.0.0.1:4711/callback", origin("http://127.0.0.1:4712"), served("/callback"), ErrClaim, "redirect_uri"},
		{"another path, said", redirect, origin("https://app.example/x"), served("/callback/honest"), ErrClaim, "redirect_uri"},
		{"own query, said", redirect + "?server=a", origin("https://app.example"), served("/callback/honest?server=b"), ErrClaim, "redirect_uri"},
		{"dot segments, said", redirect, origin("https://app.example/.."), served("/callback/honest"), ErrClaim, "CallbackURL"},
		{"not a URL, said", redirect, origin("https://app.example:x"), served("/callback/honest"), ErrClaim, "CallbackURL"},
		{"an error", redirect, says(nil, errors.New("no header")), served("/callback/honest"), ErrClaim, "CallbackURL"},
		{"an error that is known again", redirect, says(nil, noHeader), served("/callback/honest"), noHeader, "CallbackURL"},
		{"nothing", redirect, says(nil, nil), served("/callback/honest"), ErrConfig, "CallbackURL"},
		{"no scheme", redirect, says(&url.URL{Host: "app.example", Path: "/callback/honest"}, nil), served("/callback/honest"), ErrConfig, "CallbackURL"},
		{"no host", redirect, says(&url.URL{Scheme: "https", Path: "/callback/honest"}, nil), served("/callback/honest"), ErrConfig, "CallbackURL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
			c := s.client(t, tt.config)
			a := s.start(t, c, &AuthorizationRequest{RedirectURI: tt.uri})
			params := url.Values{"code": {"the-code"}, "state": {a.State()}}
			token, err := c.FinishAuthorization(tt.request(params.Encode()), a, nil)
			if tt.kind == nil {
				if err != nil || len(s.requests("/token")) != 1 {
					t.Errorf("%v, %v", token, err)
				}
				return
			}
			wantError(t, err, tt.kind, tt.param)
			if token != nil || len(s.requests("")) != 0 {
				t.Error("the code was sent")
			}
			if strings.Contains(err.Error(), "the-code") || strings.Contains(err.Error(), a.State()) {
				t.Errorf("a secret in %v", err)
			}
			if _, err := c.ValidateAuthorizationResponse(context.Background(), a, params); err != nil {
				t.Errorf("its own response is not taken any more: %v", err)
			}
		})
	}
}

// The name goes to the authorization and to the token endpoint as it is, after a session
// too. With RequireResponseIssuer a response must say who it is from.
func TestCallbackRedirectName(t *testing.T) {
	const name = "Corp_Inc-CorpInc-app-PRD-abcdef"
	for _, need := range []bool{false, true} {
		s := newUnitServer()
		s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
		c := s.client(t, func(c *Config) { c.RequireResponseIssuer = need })
		a := s.start(t, c, &AuthorizationRequest{RedirectURI: name})
		if u := must(url.Parse(a.URL())); u.Query().Get("redirect_uri") != name {
			t.Errorf("the browser is sent to %s", u)
		}
		again := new(PendingAuthorization)
		if err := again.UnmarshalBinary(must(a.MarshalBinary())); err != nil {
			t.Fatal(err)
		}
		_, err := c.FinishAuthorization(httptest.NewRequest("GET", "/ebay?code=c&state="+a.State(), nil), again, nil)
		if need {
			wantError(t, err, ErrIssuer, "iss")
			continue
		}
		if err != nil || s.requests("/token")[0].form.Get("redirect_uri") != name {
			t.Errorf("%v, sent %v", err, s.requests("/token"))
		}
	}
	_, err := newUnitServer().client(t, func(c *Config) { c.Server.EndSessionEndpoint = unitIssuer + "/end" }).
		EndSessionURL(&EndSessionRequest{PostLogoutRedirectURI: name})
	wantError(t, err, ErrConfig, "PostLogoutRedirectURI") // no server has names there
}

// The error says what a program behind a proxy is to do, and what it did.
func TestCallbackURLIsNamed(t *testing.T) {
	s := newUnitServer()
	for _, change := range []func(*Config){nil, func(c *Config) {
		c.CallbackURL = func(*http.Request) (*url.URL, error) { return url.Parse("https://app.example/x") }
	}} {
		c := s.client(t, change)
		a := s.start(t, c, nil)
		_, err := c.FinishAuthorization(httptest.NewRequest("GET", "/x?code=c&state="+a.State(), nil), a, nil)
		if err == nil || !strings.Contains(err.Error(), "Config.CallbackURL") || !strings.Contains(err.Error(), "/cb") {
			t.Errorf("error %v", err)
		}
	}
}

func TestFinishAuthorizationWithoutRequest(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for _, r := range []*http.Request{nil, {}, {Method: "GET"}} {
		_, err := c.FinishAuthorization(r, s.start(t, c, nil), nil)
		wantError(t, err, ErrConfig, "")
	}
}

// TestValidateAuthorizationResponseURL: what a native app was opened with (RFC 8252, Section 8.10).
func TestValidateAuthorizationResponseURL(t *testing.T) {
	const app, claimed, loopback = "com.example.app:/cb", "https://app.example/cb", "http://127.0.0.1:4711/cb"
	for _, tt := range []struct {
		name, uri, mode, url string // S in url: the state
		kind                 error
		param                string
	}{
		{"private-use", app, "", "com.example.app:/cb?code=c&state=S", nil, ""},
		{"private-use, with an empty authority", app, "", "com.example.app:///cb?code=c&state=S", nil, ""},
		{"private-use, scheme in capitals", app, "", "COM.Example.App:/cb?code=c&state=S", nil, ""},
		{"private-use, another app", app, "", "com.evil.app:/cb?code=c&state=S", ErrClaim, "redirect_uri"},
		{"private-use, another path", app, "", "com.example.app:/other?code=c&state=S", ErrClaim, "redirect_uri"},
		{"private-use, a host", app, "", "com.example.app://cb?code=c&state=S", ErrClaim, "redirect_uri"},
		{"private-use, no slash", app, "", "com.example.app:cb?code=c&state=S", ErrClaim, "redirect_uri"},
		{"without a slash", "com.example.app:cb", "", "com.example.app:cb?code=c&state=S", nil, ""},
		{"without a slash, another", "com.example.app:cb", "", "com.example.app:other?code=c&state=S", ErrClaim, "redirect_uri"},
		{"a host in place of a path", "com.example.app://cb", "", "com.example.app://cb/?code=c&state=S", nil, ""},
		{"claimed https", claimed, "", "https://app.example/cb?code=c&state=S", nil, ""},
		{"another host", claimed, "", "https://evil.example/cb?code=c&state=S", ErrClaim, "redirect_uri"},
		{"another host, behind a user", claimed, "", "https://app.example@evil.example/cb?code=c&state=S", ErrClaim, "redirect_uri"},
		{"another scheme", claimed, "", "http://app.example/cb?code=c&state=S", ErrClaim, "redirect_uri"},
		{"another server of the same app", claimed, "", "https://app.example/cb/evil?code=c&state=S", ErrClaim, "redirect_uri"},
		{"own query", claimed + "?server=a", "", "https://app.example/cb?server=a&code=c&state=S", nil, ""},
		{"own query, another", claimed + "?server=a", "", "https://app.example/cb?server=b&code=c&state=S", ErrClaim, "redirect_uri"},
		{"a name", "RuName-PRD-1", "", "https://app.example/cb?code=c&state=S", nil, ""},
		{"a name, another state", "RuName-PRD-1", "", "https://app.example/cb?code=c&state=x", ErrState, "state"},
		{"loopback", loopback, "", "http://127.0.0.1:4711/cb?code=c&state=S", nil, ""},
		{"loopback, another port", loopback, "", "http://127.0.0.1:4712/cb?code=c&state=S", ErrClaim, "redirect_uri"},
		{"loopback, another name", loopback, "", "http://localhost:4711/cb?code=c&state=S", ErrClaim, "redirect_uri"},
		{"fragment", app, "fragment", "com.example.app:/cb#code=c&state=S", nil, ""},
		{"fragment with escapes", app, "fragment", "com.example.app:/cb#x=%26code%3dd\"&code=c&state=S", nil, ""},
		{"fragment that cannot be read", app, "fragment", "com.example.app:/cb#code=c&state=S;x", ErrParse, ""},
		{"fragment where a query was asked for", app, "", "com.example.app:/cb#code=c&state=S", ErrState, "state"},
		{"query where a fragment was asked for", app, "fragment", "com.example.app:/cb?code=c&state=S", ErrParse, "code"},
		{"both", app, "fragment", "com.example.app:/cb?state=S#code=c&state=S", ErrParse, "state"},
		{"what Facebook appends", claimed, "", "https://app.example/cb?code=c&state=S#_=_", nil, ""},
		{"form", claimed, "form_post", "https://app.example/cb?code=c&state=S", ErrConfig, "ResponseMode"},
		{"no URL", claimed, "", "https://app.example/%zz?code=c&state=S", ErrParse, ""},
		{"relative", claimed, "", "/cb?code=c&state=S", ErrParse, ""},
		{"empty", claimed, "", "", ErrParse, ""},
		{"dot segments", claimed, "", "https://app.example/x/../cb?code=c&state=S", ErrParse, ""},
		{"query that cannot be read", claimed, "", "https://app.example/cb?code=c;state=S", ErrParse, ""},
		{"wrong state", claimed, "", "https://app.example/cb?code=c&state=x", ErrState, "state"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			c := s.client(t, nil)
			a := s.start(t, c, &AuthorizationRequest{RedirectURI: tt.uri, ResponseMode: tt.mode})
			resp, err := c.ValidateAuthorizationResponseURL(context.Background(), a, strings.ReplaceAll(tt.url, "S", a.State()))
			if tt.kind == nil {
				if err != nil || resp.code.Reveal() != "c" {
					t.Errorf("%v, %v", resp, err)
				}
				return
			}
			wantError(t, err, tt.kind, tt.param)
			if resp != nil || strings.Contains(err.Error(), a.State()) || a.used.Load() {
				t.Errorf("%v, used %v, with %v", resp, a.used.Load(), err)
			}
		})
	}
	s := newUnitServer()
	c := s.client(t, nil)
	for _, a := range []*PendingAuthorization{nil, {}} {
		_, err := c.ValidateAuthorizationResponseURL(context.Background(), a, claimed+"?code=c")
		wantError(t, err, ErrConfig, "PendingAuthorization")
	}
}

// An application finds by them which Client is to finish, and where the response
// must have come to; they survive the session.
func TestAuthorizationAccessors(t *testing.T) {
	s := newUnitServer()
	a := s.start(t, s.client(t, nil), nil)
	var restored, zero PendingAuthorization
	if err := restored.UnmarshalBinary(must(a.MarshalBinary())); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*PendingAuthorization{a, &restored} {
		if a.Issuer() != unitIssuer || a.RedirectURI() != "https://app.example/cb" {
			t.Errorf("issuer %q, redirect URI %q", a.Issuer(), a.RedirectURI())
		}
	}
	if zero.Issuer() != "" || zero.RedirectURI() != "" {
		t.Error("the zero PendingAuthorization is not inert")
	}
}

// TestResponseIssuerBesideIDToken: real servers leave iss out where an ID token
// says it, and not in errors, which have none.
func TestResponseIssuerBesideIDToken(t *testing.T) {
	announced := func(c *Config) { c.Server.AuthorizationResponseIssParameterSupported = true }
	wanted := func(c *Config) { c.RequireResponseIssuer = true }
	for _, tt := range []struct {
		name   string
		config func(*Config)
		change url.Values // of a good response
		kind   error
	}{
		{"announced", announced, nil, nil},
		{"announced, in an error", announced, url.Values{"error": {"access_denied"}, "id_token": nil}, ErrIssuer},
		{"announced, in an error beside the token", announced, url.Values{"error": {"access_denied"}}, ErrIssuer},
		{"announced, and there in an error", announced, url.Values{"error": {"access_denied"}, "id_token": nil, "iss": {unitIssuer}}, ErrRefused},
		{"not announced, in an error", nil, url.Values{"error": {"access_denied"}, "id_token": nil}, ErrRefused},
		{"announced, without the token", announced, url.Values{"id_token": nil}, ErrClaim},
		{"wanted", wanted, nil, ErrIssuer},
		{"wanted, and there", wanted, url.Values{"iss": {unitIssuer}}, nil},
		{"wanted, in an error", wanted, url.Values{"error": {"access_denied"}, "id_token": nil}, ErrIssuer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			c := s.client(t, tt.config)
			a := s.start(t, c, &AuthorizationRequest{
				RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseType: "id_token", ResponseMode: "form_post",
			})
			params := url.Values{"state": {a.State()}, "id_token": {s.sign(t, "JWT", unitClaims(map[string]any{"nonce": a.content.nonce}))}}
			maps.Copy(params, tt.change)
			maps.DeleteFunc(params, func(_ string, values []string) bool { return values == nil })
			resp, err := c.ValidateAuthorizationResponse(context.Background(), a, params)
			if !errors.Is(err, tt.kind) || (resp == nil) != (tt.kind != nil) || (resp.IDToken().Subject() == "alice") != (tt.kind == nil) {
				t.Errorf("%v, %v", resp, err)
			}
		})
	}
}

// A JWT response has iss, and says who it is from; it is enough for a client that
// wants it.
func TestResponseIssuerInJWT(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) {
		c.RequireResponseIssuer = true
		c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256}
	})
	a := s.start(t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", ResponseMode: "jwt"})
	claims := unitClaims(map[string]any{"code": "the-code", "state": a.State()})
	if _, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"response": {s.sign(t, "JWT", claims)}}); err != nil {
		t.Error(err)
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
			"id_token": s.sign(t, "JWT", unitClaims(map[string]any{"nonce": a.content.nonce, "iss": "https://login.example/" + tid + "/v2", "tid": tid})),
		}))
		params := url.Values{"code": {"x"}, "state": {a.State()}, "iss": {"https://login.example/" + guid + "/v2"}}
		tok, err := c.FinishAuthorization(httptest.NewRequest("GET", "/cb?"+params.Encode(), nil), a, nil)
		if !errors.Is(err, kind) || (tok == nil) != (kind != nil) {
			t.Errorf("tenant %s: %v, %v", tid, tok, err)
		}
	}
}

// A multi-tenant server's response names its tenant where no ID token was asked for,
// too.
func TestResponseIssuerOfTenantWithoutIDToken(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, tenants("https://login.example/{tenantid}/v2", true))
	a := s.start(t, c, &plainRequest)
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	params := url.Values{"code": {"x"}, "state": {a.State()}, "iss": {"https://login.example/72f988bf-86f1-41af-91ab-2d7cd011db47/v2"}}
	if _, err := c.FinishAuthorization(httptest.NewRequest("GET", "/cb?"+params.Encode(), nil), a, nil); err != nil {
		t.Error(err)
	}
}

// TestMatchesTemplate: all that stands before and after the tenant counts.
func TestMatchesTemplate(t *testing.T) {
	const template, guid = "https://login.example/{tenantid}/v2", "72f988bf-86f1-41af-91ab-2d7cd011db47"
	for _, tt := range []struct {
		name, template, iss string
		want                bool
	}{
		{"good", template, "https://login.example/" + guid + "/v2", true},
		{"nothing before", template, guid + "/v2", false},
		{"nothing after", template, "https://login.example/" + guid, false},
		{"more before", template, "https://https://login.example/" + guid + "/v2", false},
		{"more after", template, "https://login.example/" + guid + "/v2/", false},
		{"other letters before", template, "https://LOGIN.example/" + guid + "/v2", false},
		{"other letters after", template, "https://login.example/" + guid + "/V2", false},
		{"no tenant", template, "https://login.example//v2", false},
		{"the template itself", template, template, false},
		{"no template", unitIssuer + "/", unitIssuer + "/" + guid, false},
		{"no template, equal", unitIssuer, unitIssuer, false},
	} {
		if got := matchesTemplate(tt.template, tt.iss); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestSlowConsent: max_age is judged by the time at which the login began, so that
// a user may take long to consent.
func TestSlowConsent(t *testing.T) {
	for _, tt := range []struct {
		responseType string
		authTime     int64 // after the beginning
		kind         error
	}{
		{"code", 5, nil}, {"code", -300, ErrExpired}, {"id_token", 5, nil}, {"id_token", -300, ErrExpired},
		{"code id_token", 5, nil}, {"code id_token", -300, ErrExpired},
	} {
		s := newUnitServer()
		now := int64(unitTime)
		c := s.client(t, func(c *Config) { c.Clock.Now = func() time.Time { return time.Unix(now, 0) } })
		mode := map[bool]string{true: "form_post"}[tt.responseType != "code"]
		a := s.start(t, c, &AuthorizationRequest{
			RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, MaxAge: int64p(0), ResponseType: tt.responseType, ResponseMode: mode,
		})
		now += 300
		token := s.sign(t, "JWT", unitClaims(map[string]any{
			"nonce": a.content.nonce, "auth_time": unitTime + tt.authTime, "iat": now, "exp": now + 300, "c_hash": leftHash("the-code"),
		}))
		s.answer("/token", unitJSON(t, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": token}))
		params := url.Values{"state": {a.State()}}
		if a.content.wants("code") {
			params.Set("code", "the-code")
		}
		if a.content.wants("id_token") {
			params.Set("id_token", token)
		}
		resp, err := c.ValidateAuthorizationResponse(context.Background(), a, params)
		if err == nil {
			_, err = c.ExchangeCode(context.Background(), resp, nil)
		}
		if !errors.Is(err, tt.kind) {
			t.Errorf("%s, logged in after %d s: %v", tt.responseType, tt.authTime, err)
		}
	}
}

func TestAuthorizationResponseContext(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	a := s.start(t, c, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"code": {"x"}, "state": {a.State()}})
	var e *Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.Op != opAuthorizationResponse {
		t.Errorf("error %v", err)
	}
}

// An error_uri is for a link in a page.
func TestErrorURI(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for uri, want := range map[string]string{
		"https://op.example/e": "https://op.example/e", "javascript:alert(1)": "", "//x": "", "data:,x": "",
		"http://localhost/e":                        "http://localhost/e", // that of a development server
		"javascript:alert(1)//https://op.example/e": "", "javascript:'http://'": "", "data:text/html,https://op.example": "", " https://op.example/e": "",
	} {
		a := s.start(t, c, nil)
		_, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"state": {a.State()}, "error": {"x"}, "error_uri": {uri}})
		var e *AuthorizationError
		if !errors.As(err, &e) || e.URI != want {
			t.Errorf("%s: %#v", uri, err)
		}
		s.set("/token", unitAnswer{status: 400, body: unitJSON(t, map[string]string{"error": "x", "error_uri": uri})})
		_, err = c.ExchangeCode(context.Background(), unitResponse(t, s, c, &plainRequest), nil)
		var r *ResponseError
		if !errors.As(err, &r) || r.URI != want {
			t.Errorf("%s: %#v", uri, err)
		}
	}
}
