package oauth

// What a hostile server, resource or browser, or a careless program, does to the
// calls after the login: one test for each way that was found.

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A resource that could say the issuer would write the metadata of a server
// that the application trusts.
func TestGuardResourceIssuer(t *testing.T) {
	m := &ResourceMetadata{AuthorizationServers: []string{"https://attacker.example"}}
	as, err := m.Discover(context.Background(), "", &DiscoverOptions{Issuer: unitIssuer, HTTPClient: &http.Client{Transport: newUnitServer()}})
	wantError(t, err, ErrConfig, "Issuer")
	if as != nil {
		t.Error("metadata came with the error")
	}
}

// guardIDToken is an answer whose ID token names a key that is not in the set.
func guardIDToken(t *testing.T, claims map[string]any) string {
	t.Helper()
	stranger, err := GenerateSigningKey(ES256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := stranger.SignJWT("JWT", claims)
	if err != nil {
		t.Fatal(err)
	}
	return unitJSON(t, map[string]any{"access_token": "at-2", "token_type": "Bearer", "refresh_token": "rt-2", "id_token": id})
}

// With ErrUnavailable a caller would send the refresh token a second time, which
// a server takes for theft.
func TestGuardRefreshIsSpent(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	keys, err := c.keySet()
	if err == nil {
		_, err = keys.snapshot(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	s.set("/jwks", unitAnswer{status: 503})
	s.answer("/token", guardIDToken(t, unitClaims(nil)))
	fresh, err := c.Refresh(context.Background(), &Token{RefreshToken: NewSecret("rt-1")}, nil)
	wantError(t, err, ErrResponse, "id_token")
	if errors.Is(err, ErrUnavailable) || fresh != nil || len(s.requests("/token")) != 1 {
		t.Errorf("%v, %v", fresh, err)
	}
	// Of a token that the program made, the keys are looked for first too.
	s = newUnitServer()
	s.set("/jwks", unitAnswer{status: 503})
	_, err = s.client(t, nil).Refresh(context.Background(), &Token{RefreshToken: NewSecret("rt-1")}, nil)
	wantError(t, err, ErrUnavailable, "")
	if len(s.requests("/token")) != 0 {
		t.Error("the refresh token was used")
	}
	// A server without OpenID Connect has no keys to look for.
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	if _, err := s.client(t, func(c *Config) { c.Server.JWKSURI = "" }).Refresh(context.Background(), &Token{RefreshToken: NewSecret("rt-1")}, nil); err != nil {
		t.Error(err)
	}
}

// The refresh token of a public client is bound to its key.
func TestGuardRefreshKey(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", `{"access_token":"at","token_type":"DPoP"}`)
	other := must(NewDPoP(must(GenerateSigningKey(ES256)), Clock{}))
	const first = "the thumbprint of the first key"
	for name, tt := range map[string]struct {
		auth ClientAuth
		dpop *DPoP
		jkt  string
		kind error
	}{
		"public, its key":               {PublicClient(), other, other.thumbprint, nil},
		"public, its key in other case": {PublicClient(), other, strings.ToLower(other.thumbprint), ErrBinding},
		"public, another key":           {PublicClient(), other, first, ErrBinding},
		"public, no key":                {PublicClient(), nil, first, ErrBinding},
		"confidential, another key":     {ClientSecretPost("the-client-secret"), other, first, nil},
	} {
		before := len(s.requests("/token"))
		c := s.client(t, func(c *Config) { c.Auth, c.DPoP = tt.auth, tt.dpop })
		_, err := c.Refresh(context.Background(), &Token{RefreshToken: NewSecret("rt"), jkt: tt.jkt, server: unitIssuer, clientID: unitClient}, nil)
		if tt.kind != nil {
			wantError(t, err, tt.kind, "DPoP")
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if made := len(s.requests("/token")) != before; made != (tt.kind == nil) {
			t.Errorf("%s: a request was made: %v", name, made)
		}
	}
}

// A Transport does not send a refresh token again that brought a bad ID token: it
// goes on with the one that came beside it.
func TestGuardTransportSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.answer("/token", guardIDToken(t, unitClaims(map[string]any{"iat": time.Now().Unix(), "exp": time.Now().Unix() + 600})))
		c := s.client(t, func(c *Config) { c.Clock = Clock{} })
		tr, err := c.NewTransport(
			&Token{AccessToken: NewSecret("at-1"), RefreshToken: NewSecret("rt-1"), TokenType: "Bearer", Expiry: time.Now().Add(-time.Second)},
			TransportOptions{Origins: []string{"https://api.example"}},
		)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			req, _ := http.NewRequest(http.MethodGet, "https://api.example/", nil)
			if _, err := tr.RoundTrip(req); !errors.Is(err, ErrKeyNotFound) {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		var sent []string
		for _, r := range s.requests("/token") {
			sent = append(sent, r.form.Get("refresh_token"))
		}
		if !slices.Equal(sent, []string{"rt-1", "rt-2", "rt-2"}) {
			t.Errorf("sent were %q", sent)
		}
	})
}

// A token that is bound in a way that nobody here looks at.
func TestGuardConfirmation(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Server.IntrospectionEndpoint = unitIssuer + "/introspect" })
	for _, cnf := range []string{`{}`, `{"kid":"k"}`, `{"jwk":{"kty":"EC"}}`} {
		s.answer("/introspect", `{"active":true,"cnf":`+cnf+`}`)
		i, err := c.Introspect(context.Background(), "at", nil)
		wantError(t, err, ErrBinding, "cnf")
		if i != nil {
			t.Errorf("%s: an answer came with the error", cnf)
		}
	}
}

// What a shared front looks at is the Host.
func TestGuardHost(t *testing.T) {
	s := newUnitServer()
	s.answer("/x", `{}`)
	c := s.client(t, nil)
	for host, good := range map[string]bool{"": true, "api.example": true, "API.example:443": true, "other.example": false, "api.example:8443": false} {
		req, err := http.NewRequest(http.MethodGet, "https://api.example/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := c.Do(req, protectedToken("Bearer"))
		if good != (err == nil) || good != (res != nil) {
			t.Errorf("%q: %v", host, err)
		}
		if err != nil {
			wantError(t, err, ErrConfig, "Host")
		} else if res.Request != req || res.Request.Header.Get("Authorization") != "" {
			t.Errorf("the answer has the request %v", res.Request)
		}
	}
	if n := len(s.requests("/x")); n != 3 {
		t.Errorf("%d requests", n)
	}
}

// A refresh token out of a token exchange is no access token.
func TestGuardIssuedType(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for _, issued := range []TokenTypeIdentifier{TokenTypeRefreshToken, TokenTypeIDToken, TokenTypeSAML2, "x", TokenTypeIdentifier(strings.ToUpper(string(TokenTypeJWT))), TokenTypeIdentifier(strings.ToUpper(string(TokenTypeAccessToken)))} {
		tok := protectedToken("Bearer")
		tok.IssuedTokenType = issued
		req, _ := http.NewRequest(http.MethodGet, "https://api.example/x", nil)
		_, err := c.Do(req, tok)
		wantError(t, err, ErrTokenType, "IssuedTokenType")
	}
	if len(s.requests("")) != 0 {
		t.Error("a request was made")
	}
}

// A resource that refuses every token does not have a new one made each time.
func TestGuardResourceRefusesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.set("/x", unitAnswer{status: 401, header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}})
		s.answer("/token", `{"access_token":"at-2","token_type":"Bearer","expires_in":3600}`)
		c := s.client(t, func(c *Config) { c.Clock = Clock{} })
		tr, err := c.NewTransport(
			&Token{AccessToken: NewSecret("at"), RefreshToken: NewSecret("rt"), TokenType: "Bearer"},
			TransportOptions{Origins: []string{"https://api.example"}},
		)
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			req, _ := http.NewRequest(http.MethodGet, "https://api.example/x", nil)
			res, err := tr.RoundTrip(req)
			if err != nil || res.StatusCode != 401 {
				t.Fatal(res, err)
			}
			time.Sleep(time.Second)
		}
		if n := len(s.requests("/token")); n != 2 {
			t.Errorf("%d renewals in 50 s", n)
		}
	})
}

// A body without an end does not hold the call that has to be made again.
func TestGuardEndlessRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		c := newUnitServer().client(t, func(c *Config) { c.Clock, c.DPoP = Clock{}, must(NewDPoP(unitKey(), Clock{})) })
		answer := roundTripper(func(r *http.Request) (*http.Response, error) {
			h := http.Header{"Dpop-Nonce": {"n"}, "Www-Authenticate": {`DPoP error="use_dpop_nonce"`}}
			if asked.Add(1) > 1 {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
			}
			endless, _ := io.Pipe()
			return &http.Response{StatusCode: 401, Header: h, ContentLength: -1, Body: endless, Request: r}, nil
		})
		req, _ := http.NewRequest(http.MethodGet, "https://api.example/x", nil)
		res, err := c.present(req, protectedToken("DPoP"), answer)
		if err != nil || res.StatusCode != 200 {
			t.Error(res, err)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// knowingCache knows what it recorded.
type knowingCache map[string]bool

func (c knowingCache) Add(_ context.Context, key string, _ time.Time) (bool, error) {
	added := !c[key]
	c[key] = true
	return added, nil
}

func (c knowingCache) Has(_ context.Context, key string) (bool, error) { return c[key], nil }

// A logout that failed can be tried again, with a cache of the program's too; the
// program hears why; and two clients that share a cache do not take one another's
// tokens away.
func TestGuardLogout(t *testing.T) {
	s := newUnitServer()
	cache := knowingCache{}
	calls := 0
	var heard []error
	down := true
	o := LogoutOptions{
		Replay:  cache,
		OnError: func(_ context.Context, err error) { heard = append(heard, err) },
		OnLogout: func(context.Context, *LogoutToken) error {
			if calls++; down {
				return io.ErrUnexpectedEOF
			}
			return nil
		},
	}
	token := s.sign(t, "logout+jwt", unitClaims(map[string]any{
		"jti": "1", "events": map[string]any{logoutEvent: map[string]any{}}, "aud": []string{unitClient, "client-2"},
	}))
	one := s.client(t, nil).BackchannelLogoutHandler(o)
	two := s.client(t, func(c *Config) { c.Metadata.ClientID = "client-2" }).BackchannelLogoutHandler(o)
	send := func(h http.Handler) int {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
		r.Header.Set("Content-Type", mediaForm)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if send(one) != 400 || len(heard) != 1 || !errors.Is(heard[0], io.ErrUnexpectedEOF) || strings.Contains(heard[0].Error(), token) || len(cache) != 0 {
		t.Fatalf("%v, recorded %v", heard, cache)
	}
	down = false
	if send(one) != 200 || send(two) != 200 || len(heard) != 1 || calls != 3 {
		t.Errorf("not tried again, or one client's token is the other's: %v, %d calls", heard, calls)
	}
	if send(one) != 200 || send(two) != 200 || len(heard) != 1 || calls != 3 {
		t.Errorf("done again: %v, %d calls", heard, calls)
	}
}

func TestGuardLogoutSession(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Metadata.BackchannelLogoutSessionRequired = true })
	for _, sid := range []any{unitRemoved, "s"} {
		lt, err := c.VerifyLogoutToken(context.Background(), s.sign(t, "logout+jwt", unitClaims(map[string]any{
			"jti": "1", "events": map[string]any{logoutEvent: map[string]any{}}, "sid": sid,
		})))
		if sid == "s" {
			if err != nil || lt.SessionID() != "s" {
				t.Error(err)
			}
			continue
		}
		wantError(t, err, ErrClaim, "sid")
		if lt != nil {
			t.Error("a token came with the error")
		}
	}
}

// What a registration's answer leaves out of the checks stays as it was asked for.
func TestGuardRegistration(t *testing.T) {
	s := newUnitServer()
	as := s.config().Server
	as.RegistrationEndpoint = unitIssuer + "/register"
	opts := &RegistrationOptions{HTTPClient: &http.Client{Transport: s}, Clock: Clock{Now: unitNow}}
	asked := ClientMetadata{
		TokenEndpointAuthMethod: "none", IDTokenSignedResponseAlg: ES256, UserinfoSignedResponseAlg: ES256,
		AuthorizationSignedResponseAlg: PS256, IntrospectionSignedResponseAlg: ES384, RequireAuthTime: true, DefaultMaxAge: int64p(60),
		DPoPBoundAccessTokens: true, BackchannelLogoutSessionRequired: true, FrontchannelLogoutSessionRequired: true,
	}
	s.answer("/register", `{"client_id":"c"}`)
	reg, err := Register(context.Background(), as, asked, opts)
	if err != nil {
		t.Fatal(err)
	}
	asked.ClientID = "c"
	if got, want := unitJSON(t, reg.Metadata), unitJSON(t, asked); got != want {
		t.Errorf("registered\n%s, want\n%s", got, want)
	}
	s.answer("/register", `{"client_id":"c","require_auth_time":false,"id_token_signed_response_alg":"RS256"}`)
	if reg, err = Register(context.Background(), as, ClientMetadata{TokenEndpointAuthMethod: "none", RequireAuthTime: true, IDTokenSignedResponseAlg: ES256}, opts); err != nil ||
		reg.Metadata.RequireAuthTime ||
		reg.Metadata.IDTokenSignedResponseAlg != RS256 {
		t.Errorf("what the server says does not count: %v, %+v", err, reg)
	}
	// RFC 7591, Section 2.3: a software statement's values take precedence.
	s.answer("/register", `{"client_id":"c","redirect_uris":["https://app.example/cb"]}`)
	statement := ClientMetadata{TokenEndpointAuthMethod: "none", SoftwareStatement: "a.b.c"}
	if _, err := Register(context.Background(), as, statement, opts); err != nil {
		t.Error(err)
	}
	statement.RedirectURIs = []string{"https://app.example/other"}
	_, err = Register(context.Background(), as, statement, opts)
	wantError(t, err, ErrResponse, "redirect_uris")
}

// Servers quote what they do not like.
func TestGuardQuotedSecrets(t *testing.T) {
	s := newUnitServer()
	const secret = "a-refresh-token-of-some-length"
	s.set("/token", unitAnswer{status: 400, mediaType: mediaJSON, body: unitJSON(t, map[string]any{
		"error": "invalid_grant", "error_description": "the token " + secret + " of the-client-secret is unknown",
	})})
	_, err := s.client(t, nil).Refresh(context.Background(), &Token{RefreshToken: NewSecret(secret)}, nil)
	var refused *ResponseError
	if !errors.As(err, &refused) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "the-client-secret") ||
		!strings.Contains(err.Error(), "is unknown") {
		t.Error(err)
	}
	s.set(
		"/userinfo",
		unitAnswer{status: 401, header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token", error_description="at-of-some-length is old"`}}},
	)
	_, err = s.client(t, nil).UserInfo(context.Background(), &Token{AccessToken: NewSecret("at-of-some-length"), login: &identity{subject: "alice"}}, nil)
	if err == nil || strings.Contains(err.Error(), "at-of-some-length") || !strings.Contains(err.Error(), "is old") {
		t.Error(err)
	}
}

func TestGuardTokenRequest(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for _, value := range []string{"a\r\nb", "a\x00", "a\tb"} {
		_, err := c.ClientCredentials(context.Background(), &GrantOptions{Header: http.Header{"X-Request-Id": {"good", value}}})
		wantError(t, err, ErrConfig, "Header")
	}
	if len(s.requests("/token")) != 0 {
		t.Error("a request was made")
	}
	for length, good := range map[int]bool{maxToken: true, maxToken + 1: false} {
		s.answer("/token", unitJSON(t, map[string]any{"access_token": strings.Repeat("a", length), "token_type": "Bearer"}))
		tok, err := c.ClientCredentials(context.Background(), nil)
		if good != (err == nil) || good != (tok != nil) {
			t.Errorf("%d bytes: %v", length, err)
		}
		if !good {
			wantError(t, err, ErrResponse, "access_token")
		}
	}
}
