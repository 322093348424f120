package oauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// unitTokenBody is a good token response; change replaces members as in
// unitClaims.
func unitTokenBody(t testing.TB, change map[string]any) string {
	t.Helper()
	body := map[string]any{"access_token": "at-2", "token_type": "Bearer"}
	maps.Copy(body, change)
	maps.DeleteFunc(body, func(_ string, v any) bool { return v == unitRemoved })
	return unitJSON(t, body)
}

// loggedIn is a Token with a refresh token, as a login left it.
func loggedIn(change func(*Token)) *Token {
	t := &Token{
		AccessToken: NewSecret("at-1"), RefreshToken: NewSecret("rt-1"), TokenType: "Bearer", Scope: []string{"openid", "a"},
		server: unitIssuer, clientID: unitClient,
		login: &identity{issuer: unitIssuer, subject: "alice", sessionID: "s-1", nonce: "n-1", raw: "x.y.z"},
	}
	if change != nil {
		change(t)
	}
	return t
}

// wantForm compares all that was sent; the client's authentication is that of
// the unit configuration.
func wantForm(t *testing.T, got, want url.Values) {
	t.Helper()
	want = maps.Clone(want)
	want["client_id"], want["client_secret"] = []string{unitClient}, []string{"the-client-secret"}
	if a, b := got.Encode(), want.Encode(); a != b {
		t.Errorf("sent\n%s, want\n%s", a, b)
	}
}

// forged is signed with a key that is not the server's under its key id.
func forged(t testing.TB, s *unitServer, claims map[string]any) string {
	t.Helper()
	other := must(GenerateSigningKey(ES256))
	other.kid = s.key.kid
	return must(other.SignJWT("JWT", claims))
}

// TestSameUserInLetters: names of two tenants can differ in their letters alone.
func TestSameUserInLetters(t *testing.T) {
	tok := &Token{login: &identity{issuer: "https://login.example/a", subject: "alice"}}
	if err := tok.checkSameUser(*tok.login); err != nil {
		t.Error(err)
	}
	wantError(t, tok.checkSameUser(identity{issuer: "https://login.example/A", subject: "alice"}), ErrIssuer, "iss")
	wantError(t, tok.checkSameUser(identity{issuer: "https://login.example/a", subject: "Alice"}), ErrClaim, "sub")
}

// TestRefreshIDToken: OIDC Core 12.2.
func TestRefreshIDToken(t *testing.T) {
	type m = map[string]any
	maxAge := func(c *Config) { c.Metadata.DefaultMaxAge = int64p(60) }
	tests := []struct {
		name   string
		token  func(*Token)
		config func(*Config)
		claims m
		kind   error
		param  string
	}{
		{name: "without nonce"},
		{name: "with the first nonce", claims: m{"nonce": "n-1"}},
		{name: "with another nonce", claims: m{"nonce": "n-2"}, kind: ErrNonce, param: "nonce"},
		{name: "with an empty nonce", claims: m{"nonce": ""}, kind: ErrNonce, param: "nonce"},
		{name: "with a nonce number", claims: m{"nonce": 1}, kind: ErrClaim, param: "nonce"},
		{name: "with a nonce, the first is not known", token: func(t *Token) { t.login.nonce = "" }, claims: m{"nonce": "n-2"}},
		{name: "nothing is known", token: func(t *Token) { *t = Token{RefreshToken: t.RefreshToken} }, claims: m{"sub": "bob", "nonce": "n-2"}},
		{name: "another user", claims: m{"sub": "bob"}, kind: ErrClaim, param: "sub"},
		{name: "the user in another case", claims: m{"sub": "Alice"}, kind: ErrClaim, param: "sub"},
		{name: "no user", claims: m{"sub": unitRemoved}, kind: ErrClaim, param: "sub"},
		{name: "another issuer", claims: m{"iss": "https://other.example"}, kind: ErrIssuer, param: "iss"},
		{name: "the first issuer was another one", token: func(t *Token) { t.login.issuer = "https://other.example" }, kind: ErrIssuer, param: "iss"},
		{name: "for another client", claims: m{"aud": "client-2"}, kind: ErrAudience, param: "aud"},
		{name: "for this client too", claims: m{"aud": []string{"api", unitClient}, "azp": unitClient}},
		{name: "for this client too, issued to another", claims: m{"aud": []string{"api", unitClient}, "azp": "api"}, kind: ErrAudience, param: "azp"},
		{name: "expired", claims: m{"exp": unitTime - 31}, kind: ErrExpired, param: "exp"},
		{name: "of another access token", claims: m{"at_hash": "xxxxxxxxxxxxxxxxxxxxxx"}, kind: ErrClaim, param: "at_hash"},
		{name: "a logout token", claims: m{"events": m{}}, kind: ErrType, param: "events"},
		{name: "no auth_time where one is required", config: maxAge, kind: ErrClaim, param: "auth_time"},
		{name: "no auth_time where one is registered", config: func(c *Config) { c.Metadata.RequireAuthTime = true }, kind: ErrClaim, param: "auth_time"},
		{name: "auth_time of any age", config: maxAge, claims: m{"auth_time": 1}},
		{name: "auth_time to come", config: maxAge, claims: m{"auth_time": unitTime + 601}, kind: ErrNotYetValid, param: "auth_time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			s.answer("/token", unitTokenBody(t, m{"id_token": s.sign(t, "JWT", unitClaims(tt.claims))}))
			fresh, err := s.client(t, tt.config).Refresh(context.Background(), loggedIn(tt.token), nil)
			if tt.kind != nil {
				if fresh != nil {
					t.Error("a token came with the error")
				}
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil || fresh.IDToken() == nil {
				t.Fatalf("%v, %v", fresh, err)
			}
		})
	}
	s := newUnitServer()
	s.answer("/token", unitTokenBody(t, m{"id_token": forged(t, s, unitClaims(nil))}))
	fresh, err := s.client(t, nil).Refresh(context.Background(), loggedIn(nil), nil)
	if wantError(t, err, ErrSignature, ""); fresh != nil {
		t.Error("a token came with the error")
	}
}

// The tenants of a server are issuers of their own: what was a login at one is
// not refreshed into one at another.
func TestRefreshTenant(t *testing.T) {
	const one, two = "72f988bf-86f1-41af-91ab-2d7cd011db47", "82f988bf-86f1-41af-91ab-2d7cd011db47"
	s := newUnitServer()
	c := s.client(t, tenants("https://login.example/{tenantid}/v2", true))
	for tid, kind := range map[string]error{one: nil, two: ErrIssuer} {
		s.answer(
			"/token",
			unitTokenBody(
				t,
				map[string]any{"id_token": s.sign(t, "JWT", unitClaims(map[string]any{"iss": "https://login.example/" + tid + "/v2", "tid": tid}))},
			),
		)
		old := loggedIn(func(t *Token) {
			t.server, t.login.issuer = c.server.Issuer, "https://login.example/"+one+"/v2"
		})
		if _, err := c.Refresh(context.Background(), old, nil); !errors.Is(err, kind) {
			t.Errorf("tenant %s: %v", tid, err)
		}
	}
}

// What the answer leaves out stays as it was.
func TestRefreshKeeps(t *testing.T) {
	type m = map[string]any
	s := newUnitServer()
	idToken := func(claims m) string { return s.sign(t, "JWT", unitClaims(claims)) }
	plain, withNonce, withSession := idToken(nil), idToken(m{"nonce": "n-1"}), idToken(m{"sid": "s-2"})
	known := func(session, raw string) identity {
		return identity{issuer: unitIssuer, subject: "alice", sessionID: session, nonce: "n-1", raw: raw}
	}
	tests := []struct {
		name    string
		answer  m
		opts    *GrantOptions
		refresh string
		scope   []string
		known   identity
	}{
		{"nothing else came", nil, nil, "rt-1", []string{"openid", "a"}, known("s-1", "x.y.z")},
		{"null came", m{"refresh_token": nil, "id_token": nil, "scope": nil}, nil, "rt-1", []string{"openid", "a"}, known("s-1", "x.y.z")},
		{"a new refresh token", m{"refresh_token": "rt-2"}, nil, "rt-2", []string{"openid", "a"}, known("s-1", "x.y.z")},
		{"less scope was asked for", nil, &GrantOptions{Scope: []string{"a"}}, "rt-1", []string{"a"}, known("s-1", "x.y.z")},
		{"a scope came", m{"scope": "b c"}, &GrantOptions{Scope: []string{"a"}}, "rt-1", []string{"b", "c"}, known("s-1", "x.y.z")},
		{"an empty scope came", m{"scope": ""}, nil, "rt-1", nil, known("s-1", "x.y.z")},
		{"an ID token", m{"id_token": plain}, nil, "rt-1", []string{"openid", "a"}, known("s-1", plain)},
		{"an ID token with the nonce", m{"id_token": withNonce}, nil, "rt-1", []string{"openid", "a"}, known("s-1", withNonce)},
		{"an ID token with a session", m{"id_token": withSession}, nil, "rt-1", []string{"openid", "a"}, known("s-2", withSession)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.answer("/token", unitTokenBody(t, tt.answer))
			old := loggedIn(nil)
			before := fmt.Sprint(old.RefreshToken.Reveal(), *old.login, old.Scope)
			fresh, err := s.client(t, nil).Refresh(context.Background(), old, tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if fresh.RefreshToken.Reveal() != tt.refresh || !slices.Equal(fresh.Scope, tt.scope) || *fresh.login != tt.known {
				t.Errorf("refresh token %q, scope %q, %+v", fresh.RefreshToken.Reveal(), fresh.Scope, *fresh.login)
			}
			if fresh.AccessToken.Reveal() != "at-2" || fresh.server != unitIssuer || fresh.clientID != unitClient || fresh.IDTokenHint() != tt.known.raw {
				t.Errorf("%v of %s, %s", fresh, fresh.server, fresh.clientID)
			}
			if now := fmt.Sprint(old.RefreshToken.Reveal(), *old.login, old.Scope); now != before {
				t.Errorf("the old token became %s", now)
			}
		})
	}
	// The next refresh is held against the first login too.
	s.answer("/token", unitTokenBody(t, m{"id_token": plain}))
	c := s.client(t, nil)
	fresh := must(c.Refresh(context.Background(), loggedIn(nil), nil))
	s.answer("/token", unitTokenBody(t, m{"id_token": idToken(m{"nonce": "n-2"})}))
	_, err := c.Refresh(context.Background(), fresh, nil)
	wantError(t, err, ErrNonce, "nonce")
}

// A refresh token that rotates is not spent on an answer that cannot be checked.
func TestRefreshNeedsKeys(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", unitTokenBody(t, nil))
	s.set("/jwks", unitAnswer{status: 503})
	fresh, err := s.client(t, nil).Refresh(context.Background(), loggedIn(nil), nil)
	if wantError(t, err, ErrUnavailable, ""); fresh != nil || len(s.requests("/token")) != 0 {
		t.Errorf("%v after %d requests", fresh, len(s.requests("/token")))
	}
	_, err = s.client(t, func(c *Config) { c.Server.JWKSURI = "" }).Refresh(context.Background(), loggedIn(nil), nil)
	if wantError(t, err, ErrConfig, "jwks_uri"); len(s.requests("/token")) != 0 {
		t.Error("a request was made")
	}
	// Without an ID token there is nothing to check.
	if _, err := s.client(t, nil).Refresh(context.Background(), loggedIn(func(t *Token) { t.login = nil }), nil); err != nil {
		t.Error(err)
	}
}

// someDetails are authorization details and their parameter.
var (
	someDetails     = []AuthorizationDetail{{Type: "pay"}}
	someDetailsText = `[{"type":"pay"}]`
	someOptions     = &GrantOptions{
		Scope: []string{"a", "b"}, Resource: []string{"https://a.example", "https://b.example"}, AuthorizationDetails: someDetails,
		Params: url.Values{"x": {"1", "2"}}, Header: http.Header{"X-Request-Id": {"7"}},
	}
)

// someForm are the parameters that someOptions make, and those given.
func someForm(params url.Values) url.Values {
	form := url.Values{"scope": {"a b"}, "resource": {"https://a.example", "https://b.example"}, "authorization_details": {someDetailsText}, "x": {"1", "2"}}
	maps.Copy(form, params)
	return form
}

var someExchange = &TokenExchangeRequest{
	SubjectToken: NewSecret("st"), SubjectTokenType: TokenTypeAccessToken, ActorToken: NewSecret("act"), ActorTokenType: TokenTypeJWT,
	RequestedTokenType: TokenTypeSAML2, Audience: []string{"one", "two"},
}

// A grantCall is a grant that needs no user.
type grantCall struct {
	name   string
	call   func(*Client, *GrantOptions) (*Token, error)
	form   url.Values // without what the options add
	issued TokenTypeIdentifier
}

// answer is a good answer with more members.
func (g *grantCall) answer(t testing.TB, more map[string]any) string {
	body := maps.Clone(more)
	if g.issued != "" {
		body = map[string]any{"issued_token_type": g.issued}
		maps.Copy(body, more)
	}
	return unitTokenBody(t, body)
}

var grantCalls = []grantCall{
	{"Refresh", func(c *Client, o *GrantOptions) (*Token, error) {
		return c.Refresh(context.Background(), loggedIn(func(t *Token) { t.login, t.Scope = nil, append(t.Scope, "b") }), o)
	}, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"rt-1"}}, ""},
	{"ClientCredentials", func(c *Client, o *GrantOptions) (*Token, error) {
		return c.ClientCredentials(context.Background(), o)
	}, url.Values{"grant_type": {"client_credentials"}}, ""},
	{"ExchangeToken", func(c *Client, o *GrantOptions) (*Token, error) {
		return c.ExchangeToken(context.Background(), someExchange, o)
	}, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {"st"},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}, "actor_token": {"act"},
		"actor_token_type":     {"urn:ietf:params:oauth:token-type:jwt"},
		"requested_token_type": {"urn:ietf:params:oauth:token-type:saml2"}, "audience": {"one", "two"},
	}, TokenTypeSAML2},
	{"JWTBearer", func(c *Client, o *GrantOptions) (*Token, error) {
		return c.JWTBearer(context.Background(), "a.b.c", o)
	}, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {"a.b.c"}}, ""},
}

func TestGrantForms(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for _, tt := range grantCalls {
		t.Run(tt.name, func(t *testing.T) {
			s.answer("/token", tt.answer(t, nil))
			for _, opts := range []*GrantOptions{nil, someOptions} {
				token, err := tt.call(c, opts)
				if err != nil || token.AccessToken.Reveal() != "at-2" || token.IssuedTokenType != tt.issued {
					t.Fatalf("%v, %v", token, err)
				}
				want := tt.form
				if opts != nil {
					want = someForm(tt.form)
				}
				sent := s.requests("/token")
				wantForm(t, sent[len(sent)-1].form, want)
				if got := sent[len(sent)-1].header.Get("X-Request-Id"); (got == "7") != (opts != nil) {
					t.Errorf("X-Request-Id %q", got)
				}
			}
		})
	}
	s.answer("/token", unitTokenBody(t, nil))
	if _, err := c.Grant(context.Background(), "urn:example", url.Values{"a": {"1", "2"}, "scope": {"s"}, "code": {"c"}}); err != nil {
		t.Fatal(err)
	}
	sent := s.requests("/token")
	wantForm(t, sent[len(sent)-1].form, url.Values{"grant_type": {"urn:example"}, "a": {"1", "2"}, "scope": {"s"}, "code": {"c"}})
	// What an exchange has fields for is a parameter like another elsewhere: Auth0 wants
	// audience of every grant.
	for _, g := range grantCalls {
		s.answer("/token", g.answer(t, nil))
		if g.name == "ExchangeToken" {
			continue
		}
		if _, err := g.call(c, &GrantOptions{Params: url.Values{"audience": {"api"}}}); err != nil {
			t.Fatal(err)
		}
		sent = s.requests("/token")
		if got := sent[len(sent)-1].form["audience"]; !slices.Equal(got, []string{"api"}) {
			t.Errorf("%s: sent the audience %q", g.name, got)
		}
	}
	// Impersonation, and the server's choice of a type.
	s.answer("/token", unitTokenBody(t, map[string]any{"issued_token_type": "x"}))
	for _, audience := range [][]string{nil, {"one"}} {
		x := &TokenExchangeRequest{SubjectToken: NewSecret("st"), SubjectTokenType: "t", Audience: audience}
		if _, err := c.ExchangeToken(context.Background(), x, nil); err != nil {
			t.Fatal(err)
		}
		sent = s.requests("/token")
		want := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {"st"}, "subject_token_type": {"t"}}
		if audience != nil {
			want["audience"] = audience
		}
		wantForm(t, sent[len(sent)-1].form, want)
	}
}

// What comes is held against the same rules, whichever grant it is for.
func TestGrantAnswers(t *testing.T) {
	type m = map[string]any
	s := newUnitServer()
	tests := []struct {
		name   string
		answer m
		kind   error
		param  string
	}{
		{"no token", m{"access_token": unitRemoved}, ErrResponse, "access_token"},
		{"a token of two lines", m{"access_token": "a\r\nb"}, ErrResponse, "access_token"},
		{"no type", m{"token_type": unitRemoved}, ErrResponse, "token_type"},
		{"another type", m{"token_type": "mac"}, ErrTokenType, "token_type"},
		{"a forged ID token", m{"id_token": forged(t, s, unitClaims(nil))}, ErrSignature, ""},
		{"an ID token for another client", m{"id_token": s.sign(t, "JWT", unitClaims(m{"aud": "x"}))}, ErrAudience, "aud"},
		{"an ID token of another access token", m{"id_token": s.sign(t, "JWT", unitClaims(m{"at_hash": "x"}))}, ErrClaim, "at_hash"},
		{"a good ID token, with a nonce of somebody's", m{"id_token": s.sign(t, "JWT", unitClaims(m{"nonce": "x"}))}, nil, ""},
	}
	calls := append([]grantCall{{"Grant", func(c *Client, _ *GrantOptions) (*Token, error) {
		return c.Grant(context.Background(), "urn:example", nil)
	}, nil, ""}}, grantCalls...)
	for _, g := range calls {
		for _, tt := range tests {
			t.Run(g.name+", "+tt.name, func(t *testing.T) {
				s.answer("/token", g.answer(t, tt.answer))
				token, err := g.call(s.client(t, nil), nil)
				if tt.kind != nil {
					if wantError(t, err, tt.kind, tt.param); token != nil {
						t.Error("a token came with the error")
					}
					return
				}
				if err != nil || token.Subject() != "alice" || token.IDToken().Nonce() != "x" {
					t.Errorf("%v, %v", token, err)
				}
			})
		}
		t.Run(g.name+", refused", func(t *testing.T) {
			s.set("/token", unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"invalid_grant"}`})
			token, err := g.call(s.client(t, nil), nil)
			var refused *ResponseError
			if !errors.As(err, &refused) || refused.Code != "invalid_grant" || refused.Op != opToken || token != nil {
				t.Errorf("%v, %v", token, err)
			}
		})
	}
}

// A token endpoint that is asked for N_A says so in answer to an exchange alone:
// RFC 8693, Section 2.2.1.
func TestTokenExchangeAnswer(t *testing.T) {
	type m = map[string]any
	const issued = "urn:ietf:params:oauth:token-type:refresh_token"
	s := newUnitServer()
	for _, tt := range []struct {
		name   string
		answer m
		kind   error
		param  string
	}{
		{"bearer", nil, nil, ""},
		{"not to be presented", m{"token_type": "N_A"}, nil, ""},
		{"not to be presented, in small letters", m{"token_type": "n_a"}, nil, ""},
		{"another type", m{"token_type": "NA"}, ErrTokenType, "token_type"},
		{"no issued_token_type", m{"issued_token_type": unitRemoved}, ErrResponse, "issued_token_type"},
		{"null issued_token_type", m{"issued_token_type": nil}, ErrResponse, "issued_token_type"},
		{"empty issued_token_type", m{"issued_token_type": ""}, ErrResponse, "issued_token_type"},
		{"issued_token_type number", m{"issued_token_type": 1}, ErrResponse, "issued_token_type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := m{"issued_token_type": issued, "more": 1}
			maps.Copy(body, tt.answer)
			s.answer("/token", unitTokenBody(t, body))
			token, err := s.client(t, nil).ExchangeToken(context.Background(), someExchange, nil)
			if tt.kind != nil {
				if wantError(t, err, tt.kind, tt.param); token != nil {
					t.Error("a token came with the error")
				}
				return
			}
			if err != nil || token.IssuedTokenType != TokenTypeRefreshToken || len(token.Extra) != 1 {
				t.Errorf("%v, %v", token, err)
			}
		})
	}
	s.answer("/token", unitTokenBody(t, m{"token_type": "N_A", "issued_token_type": issued}))
	for _, g := range grantCalls {
		if g.issued == "" {
			_, err := g.call(s.client(t, nil), nil)
			wantError(t, err, ErrTokenType, "token_type")
		}
	}
	_, err := s.client(t, nil).Grant(context.Background(), "urn:ietf:params:oauth:grant-type:token-exchange", nil)
	wantError(t, err, ErrTokenType, "token_type")
	// Anywhere else issued_token_type means nothing.
	s.answer("/token", unitTokenBody(t, m{"issued_token_type": issued}))
	token, err := s.client(t, nil).ClientCredentials(context.Background(), nil)
	if err != nil || token.IssuedTokenType != "" || token.Extra["issued_token_type"] == nil {
		t.Errorf("%v, %v", token, err)
	}
}

// tokenParamNames are what no option can name: the list is kept here anew, so
// that none gets lost.
const tokenParamNames = "grant_type client_id client_secret client_assertion client_assertion_type code redirect_uri code_verifier " +
	"refresh_token device_code auth_req_id assertion scope resource authorization_details"

// What a careless caller passes is found before anything is sent.
func TestGrantErrors(t *testing.T) {
	exchange := func(change func(*TokenExchangeRequest)) func(*Client) (*Token, error) {
		return func(c *Client) (*Token, error) {
			x := *someExchange
			change(&x)
			return c.ExchangeToken(context.Background(), &x, nil)
		}
	}
	refresh := func(change func(*Token)) func(*Client) (*Token, error) {
		return func(c *Client) (*Token, error) { return c.Refresh(context.Background(), loggedIn(change), nil) }
	}
	grant := func(grantType, param string) func(*Client) (*Token, error) {
		return func(c *Client) (*Token, error) {
			return c.Grant(context.Background(), grantType, url.Values{param: {"x"}})
		}
	}
	tests := []struct {
		name   string
		config func(*Config)
		call   func(*Client) (*Token, error)
		param  string
	}{
		{"refresh nil", nil, func(c *Client) (*Token, error) { return c.Refresh(context.Background(), nil, nil) }, "Token"},
		{"refresh without refresh token", nil, refresh(func(t *Token) { t.RefreshToken = Secret{} }), "Token"},
		{"refresh a token of another server", nil, refresh(func(t *Token) { t.server = unitIssuer + "/" }), "Token"},
		{"refresh a token of another client", nil, refresh(func(t *Token) { t.clientID = "client-2" }), "Token"},
		{"refresh a token of the server in other case", nil, refresh(func(t *Token) { t.server = "https://OP.example" }), "Token"},
		{"refresh a token of the client in other case", nil, refresh(func(t *Token) { t.clientID = strings.ToUpper(unitClient) }), "Token"},
		{"refresh a token of another client, server unknown", nil, refresh(func(t *Token) { t.server, t.clientID = "", "client-2" }), "Token"},
		{
			"client credentials of a public client",
			func(c *Config) { c.Auth = PublicClient() },
			func(c *Client) (*Token, error) { return c.ClientCredentials(context.Background(), nil) },
			"Auth",
		},
		{"client credentials of a public client by Grant", func(c *Config) { c.Auth = PublicClient() }, grant("client_credentials", "x"), "Auth"},
		{"CIBA of a public client by Grant", func(c *Config) { c.Auth = PublicClient() }, grant("urn:openid:params:grant-type:ciba", "x"), "Auth"},
		{
			"no authentication",
			func(c *Config) { c.Auth = nil },
			func(c *Client) (*Token, error) { return c.ClientCredentials(context.Background(), nil) },
			"Auth",
		},
		{
			"no token endpoint",
			func(c *Config) { c.Server.TokenEndpoint = "" },
			func(c *Client) (*Token, error) { return c.ClientCredentials(context.Background(), nil) },
			"token_endpoint",
		},
		{"exchange nil", nil, func(c *Client) (*Token, error) { return c.ExchangeToken(context.Background(), nil, nil) }, "SubjectToken"},
		{"exchange without subject token", nil, exchange(func(x *TokenExchangeRequest) { x.SubjectToken = Secret{} }), "SubjectToken"},
		{"exchange without its type", nil, exchange(func(x *TokenExchangeRequest) { x.SubjectTokenType = "" }), "SubjectTokenType"},
		{"exchange without actor token", nil, exchange(func(x *TokenExchangeRequest) { x.ActorToken = Secret{} }), "ActorTokenType"},
		{"exchange without the actor's type", nil, exchange(func(x *TokenExchangeRequest) { x.ActorTokenType = "" }), "ActorTokenType"},
		{"exchange for nobody", nil, exchange(func(x *TokenExchangeRequest) { x.Audience = []string{"a", ""} }), "Audience"},
		{"no assertion", nil, func(c *Client) (*Token, error) { return c.JWTBearer(context.Background(), "", nil) }, "assertion"},
		{"grant without type", nil, grant("", "x"), "grant_type"},
		{"grant code", nil, grant("authorization_code", "x"), "grant_type"},
		{"grant refresh", nil, grant("refresh_token", "x"), "grant_type"},
		{"grant password", nil, grant("password", "x"), "grant_type"},
		{"grant with another type in it", nil, grant("urn:example", "grant_type"), "Params"},
		{"grant of another client", nil, grant("urn:example", "client_id"), "Params"},
		{"grant with a secret", nil, grant("urn:example", "client_secret"), "Params"},
		{"grant with an assertion", nil, grant("urn:example", "client_assertion"), "Params"},
		{"grant with its type", nil, grant("urn:example", "client_assertion_type"), "Params"},
	}
	// Also where the exchange does not set them: an actor beside it, say.
	for name := range strings.FieldsSeq("subject_token subject_token_type actor_token actor_token_type requested_token_type audience") {
		tests = append(tests, tests[0])
		last := &tests[len(tests)-1]
		last.name, last.param = "exchange with "+name, "Params"
		last.call = func(c *Client) (*Token, error) {
			x := TokenExchangeRequest{SubjectToken: NewSecret("st"), SubjectTokenType: TokenTypeJWT}
			return c.ExchangeToken(context.Background(), &x, &GrantOptions{Params: url.Values{name: {"x"}}})
		}
	}
	for _, g := range grantCalls {
		for name := range strings.FieldsSeq(tokenParamNames) {
			tests = append(tests, tests[0])
			last := &tests[len(tests)-1]
			last.name, last.param = g.name+" with "+name, "Params"
			last.call = func(c *Client) (*Token, error) {
				return g.call(c, &GrantOptions{Params: url.Values{name: {"x"}}})
			}
		}
		for field, opts := range map[string]*GrantOptions{
			"Scope":                {Scope: []string{"a b"}},
			"Resource":             {Resource: []string{"/relative"}},
			"AuthorizationDetails": {AuthorizationDetails: []AuthorizationDetail{{}}},
			"Header":               {Header: http.Header{"Authorization": {"x"}}},
		} {
			tests = append(tests, tests[0])
			last := &tests[len(tests)-1]
			last.name, last.param = g.name+" with another "+field, field
			last.call = func(c *Client) (*Token, error) { return g.call(c, opts) }
		}
	}
	for _, none := range []*Client{nil, {}} {
		for _, g := range grantCalls {
			if token, err := g.call(none, nil); token != nil || !errors.Is(err, ErrConfig) {
				t.Errorf("%s without a client: %v, %v", g.name, token, err)
			}
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			s.answer("/token", unitTokenBody(t, map[string]any{"issued_token_type": "x"}))
			token, err := tt.call(s.client(t, tt.config))
			if wantError(t, err, ErrConfig, tt.param); token != nil {
				t.Error("a token came with the error")
			}
			var e *Error
			if n := len(s.requests("")) + len(s.requests("/jwks")); n != 0 || !errors.As(err, &e) || e.Op != opToken {
				t.Errorf("%d requests, %v", n, err)
			}
			for _, secret := range []string{"rt-1", "st", "act"} {
				if strings.Contains(err.Error(), `"`+secret+`"`) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

// A caller's slices stay the caller's.
func TestGrantLeavesOptions(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", unitTokenBody(t, nil))
	params := url.Values{"x": {"1"}}
	if _, err := s.client(t, nil).Grant(context.Background(), "urn:example", params); err != nil || len(params) != 1 {
		t.Errorf("%v, %v", params, err)
	}
}

func TestGrantCancelled(t *testing.T) {
	s := newUnitServer()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	token, err := s.client(t, nil).Refresh(ctx, loggedIn(nil), nil)
	if !errors.Is(err, context.Canceled) || token != nil || len(s.requests("/token")) != 0 {
		t.Errorf("%v, %v", token, err)
	}
}
