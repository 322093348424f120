package oauth

// Tests of DPoP at the server's endpoints: where a proof stands, and what tokens
// and authorizations are bound to.

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

const dpopTokenAnswer = `{"access_token":"at","token_type":"DPoP","expires_in":60,"refresh_token":"rt"}`

// TestDPoPWhere: RFC 9449, Sections 5 and 10.1, and nowhere else.
func TestDPoPWhere(t *testing.T) {
	ctx := context.Background()
	pending := func(c *Client) error {
		_, err := c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: true})
		return err
	}
	for _, tt := range []struct {
		path  string
		proof bool
		call  func(*Client) error
	}{
		{"/token", true, func(c *Client) error { _, err := c.ClientCredentials(ctx, nil); return err }},
		{"/token", true, func(c *Client) error {
			_, err := c.Refresh(ctx, &Token{RefreshToken: NewSecret("r")}, nil)
			return err
		}},
		{"/par", true, pending},
		{"/introspect", false, func(c *Client) error { _, err := c.Introspect(ctx, "t", nil); return err }},
		{"/revoke", true, func(c *Client) error { return c.Revoke(ctx, "t", nil) }},
		{"/device", false, func(c *Client) error {
			_, err := c.StartDeviceAuthorization(ctx, &DeviceAuthorizationRequest{})
			return err
		}},
		{"/ciba", false, func(c *Client) error {
			_, err := c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"})
			return err
		}},
		{"/jwks", false, func(c *Client) error { return c.needKeys(ctx) }},
	} {
		s := newUnitServer()
		refusal := unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"use_dpop_nonce"}`, header: nonceHeader("n1")}
		for _, path := range []string{"/token", "/par", "/introspect", "/revoke", "/device", "/ciba"} {
			s.set(path, refusal)
		}
		c := s.client(t, func(cfg *Config) {
			cfg.DPoP = unitDPoP(t)
			cfg.Server.IntrospectionEndpoint, cfg.Server.RevocationEndpoint = unitIssuer+"/introspect", unitIssuer+"/revoke"
			cfg.Server.DeviceAuthorizationEndpoint, cfg.Server.BackchannelAuthenticationEndpoint = unitIssuer+"/device", unitIssuer+"/ciba"
			cfg.Auth = ClientSecretJWT("a client secret that is long enough for HS256", HS256, nil)
		})
		var refused *ResponseError
		if err := tt.call(c); tt.path != "/jwks" && (!errors.As(err, &refused) || refused.Code != "use_dpop_nonce") {
			t.Errorf("%s: error %v", tt.path, err)
		}
		log := s.requests(tt.path)
		if want := map[bool]int{true: 2, false: 1}[tt.proof]; len(log) != want {
			t.Errorf("%s: %d requests, want %d", tt.path, len(log), want)
			continue
		}
		if !tt.proof {
			if log[0].header["Dpop"] != nil {
				t.Errorf("%s has a proof", tt.path)
			}
			continue
		}
		// The second attempt has a nonce, and nothing that was sent before.
		first, second := openProof(t, log[0].header), openProof(t, log[1].header)
		first.want(t, "POST", unitIssuer+tt.path, unitTime, "", "")
		second.want(t, "POST", unitIssuer+tt.path, unitTime, "", "n1")
		a, b := log[0].form.Get("client_assertion"), log[1].form.Get("client_assertion")
		if first.claims["jti"] == second.claims["jti"] || a == b || a == "" || b == "" || len(log[1].form["client_assertion"]) != 1 {
			t.Errorf("%s: the second attempt is a replay", tt.path)
		}
		if a, b := log[0].form, log[1].form; a.Get("grant_type") != b.Get("grant_type") || len(a) != len(b) {
			t.Errorf("%s: %v is sent again as %v", tt.path, a, b)
		}
	}
}

func TestDPoPTokenNonce(t *testing.T) {
	for _, tt := range []struct {
		name     string
		answer   unitAnswer
		requests int
	}{
		{"400", unitAnswer{status: 400, body: `{"error":"use_dpop_nonce"}`, header: nonceHeader("n")}, 2},
		{"401", unitAnswer{status: 401, body: `{"error":"use_dpop_nonce"}`, header: nonceHeader("n")}, 2},
		{"403", unitAnswer{status: 403, body: `{"error":"use_dpop_nonce"}`, header: nonceHeader("n")}, 1},
		{"200", unitAnswer{status: 200, body: `{"error":"use_dpop_nonce"}`, header: nonceHeader("n")}, 1},
		{"another error", unitAnswer{status: 400, body: `{"error":"invalid_grant"}`, header: nonceHeader("n")}, 1},
		{"no nonce", unitAnswer{status: 400, body: `{"error":"use_dpop_nonce"}`}, 1},
		{"two nonces", unitAnswer{status: 400, body: `{"error":"use_dpop_nonce"}`, header: nonceHeader("n", "m")}, 1},
		{"malformed nonce", unitAnswer{status: 400, body: `{"error":"use_dpop_nonce"}`, header: nonceHeader("n m")}, 1},
		{"not JSON", unitAnswer{status: 400, body: `use_dpop_nonce`, header: nonceHeader("n")}, 1},
	} {
		s := newUnitServer()
		s.set("/token", tt.answer)
		_, err := s.client(t, withDPoP(unitDPoP(t))).ClientCredentials(context.Background(), nil)
		if n := len(s.requests("/token")); n != tt.requests || err == nil {
			t.Errorf("%s: %d requests, want %d; %v", tt.name, n, tt.requests, err)
		}
	}
	// Without a key there is nothing to send again.
	s := newUnitServer()
	s.set("/token", unitAnswer{status: 400, body: `{"error":"use_dpop_nonce"}`, header: nonceHeader("n")})
	if _, err := s.client(t, nil).ClientCredentials(context.Background(), nil); err == nil || len(s.requests("/token")) != 1 ||
		s.requests("/token")[0].header["Dpop"] != nil {
		t.Errorf("%d requests, %v", len(s.requests("/token")), err)
	}
}

// TestDPoPNonceOfSuccess: any answer may bring one (RFC 9449, Section 8.2).
func TestDPoPNonceOfSuccess(t *testing.T) {
	s := newUnitServer()
	s.set("/token", unitAnswer{body: dpopTokenAnswer, header: nonceHeader("n1")})
	c := s.client(t, withDPoP(unitDPoP(t)))
	for range 2 {
		if _, err := c.ClientCredentials(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
	}
	log := s.requests("/token")
	if len(log) != 2 || openProof(t, log[0].header).claims["nonce"] != nil || openProof(t, log[1].header).claims["nonce"] != "n1" {
		t.Errorf("%d requests", len(log))
	}
}

// TestDPoPSecondNonce: a server that wants yet another nonce gets no third try,
// and the nonce is kept for the next request.
func TestDPoPSecondNonce(t *testing.T) {
	n := 0
	c := protectedClient(t, withDPoP(unitDPoP(t)), func(r *http.Request) (*http.Response, error) {
		if n++; n > 5 {
			return nil, io.EOF
		}
		return httpAnswer(r, 400, `{"error":"use_dpop_nonce"}`, "DPoP-Nonce", "n"+strconv.Itoa(n)), nil
	})
	var refused *ResponseError
	if _, err := c.ClientCredentials(context.Background(), nil); !errors.As(err, &refused) || n != 2 || c.dpop.nonce(unitIssuer) != "n2" {
		t.Errorf("error %v after %d requests, the nonce is %q", err, n, c.dpop.nonce(unitIssuer))
	}
}

// TestDPoPBuildFails: client authentication that fails the second time.
func TestDPoPBuildFails(t *testing.T) {
	s := newUnitServer()
	s.set("/token", unitAnswer{status: 400, body: `{"error":"use_dpop_nonce"}`, header: nonceHeader("n")})
	cause := errors.New("the signer is gone")
	n := 0
	c := s.client(t, func(cfg *Config) {
		cfg.DPoP = unitDPoP(t)
		cfg.Auth = authFunc(func(_ context.Context, r *ClientAuthRequest) error {
			if n++; n == 2 {
				return cause
			}
			r.Form.Set("attempt", "1")
			return nil
		})
	})
	if _, err := c.ClientCredentials(context.Background(), nil); !errors.Is(err, cause) || len(s.requests("/token")) != 1 {
		t.Errorf("error %v, %d requests", err, len(s.requests("/token")))
	}
}

type authFunc func(context.Context, *ClientAuthRequest) error

func (f authFunc) Authenticate(ctx context.Context, r *ClientAuthRequest) error { return f(ctx, r) }

func TestDPoPTokenType(t *testing.T) {
	d := unitDPoP(t)
	for _, tt := range []struct {
		typ     string
		dpop    *DPoP
		allowed []string
		kind    error
		jkt     bool
	}{
		{`"DPoP"`, d, nil, nil, true},
		{`"dpop"`, d, nil, nil, true},
		{`"Bearer"`, d, nil, ErrTokenType, false},
		{`"bearer"`, d, []string{"mac"}, ErrTokenType, false},
		{`"Bearer"`, d, []string{"bearer"}, nil, false},
		{`"mac"`, d, []string{"mac"}, nil, false},
		{`""`, d, nil, ErrResponse, false},
		{`null`, d, nil, ErrResponse, false},
		{`null`, d, []string{""}, nil, false},
		{`"N_A"`, d, nil, ErrTokenType, false},
		{`"DPoP"`, nil, nil, ErrTokenType, false},
		{`"dpop"`, nil, []string{"mac"}, ErrTokenType, false},
		{`"Bearer"`, nil, nil, nil, false},
	} {
		s := newUnitServer()
		s.answer("/token", `{"access_token":"at","token_type":`+tt.typ+`}`)
		tok, err := s.client(t, func(cfg *Config) { cfg.DPoP, cfg.AllowTokenTypes = tt.dpop, tt.allowed }).ClientCredentials(context.Background(), nil)
		if tt.kind != nil {
			if wantError(t, err, tt.kind, "token_type"); tok != nil {
				t.Errorf("%s: a token and an error", tt.typ)
			}
			continue
		}
		if err != nil || (tok.jkt == d.Thumbprint()) != tt.jkt || (tok.jkt == "") == tt.jkt {
			t.Errorf("%s with key %v: %v, %v", tt.typ, tt.dpop, tok, err)
		}
	}
	s := newUnitServer()
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	if _, err := s.client(t, withDPoP(d)).ClientCredentials(context.Background(), nil); !strings.Contains(err.Error(), "is not DPoP") {
		t.Errorf("error %v", err)
	}
}

// TestDPoPRefresh: the new token is bound to the key too, and the binding
// survives the session store.
func TestDPoPRefresh(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", dpopTokenAnswer)
	d := unitDPoP(t)
	c := s.client(t, withDPoP(d))
	tok, err := c.Refresh(context.Background(), &Token{RefreshToken: NewSecret("r")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := tok.MarshalBinary()
	var restored Token
	if err != nil || restored.UnmarshalBinary(data) != nil || restored.jkt != d.Thumbprint() {
		t.Fatalf("%v, bound to %q", err, restored.jkt)
	}
	again, err := c.Refresh(context.Background(), &restored, nil)
	if err != nil || again.jkt != d.Thumbprint() {
		t.Fatalf("%v, bound to %q", err, again.jkt)
	}
	for i, r := range s.requests("/token") {
		openProof(t, r.header).want(t, "POST", unitIssuer+"/token", unitTime, "", "")
		if i == 1 && r.form.Get("refresh_token") != "rt" {
			t.Errorf("refreshed with %q", r.form.Get("refresh_token"))
		}
	}
	other, err := GenerateSigningKey(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	another, err := NewDPoP(other, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.client(t, withDPoP(another)).Do(protectedRequest(t, "GET", unitAPI, nil), &restored)
	wantError(t, err, ErrBinding, "DPoP")
}

// TestDPoPAuthorization: dpop_jkt stands in each form of the request, and the
// authorization is finished with the same key.
func TestDPoPAuthorization(t *testing.T) {
	d := unitDPoP(t)
	otherKey, err := GenerateSigningKey(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewDPoP(otherKey, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	for _, dpop := range []*DPoP{nil, d} {
		want := ""
		if dpop != nil {
			want = d.Thumbprint()
		}
		request := &AuthorizationRequest{RedirectURI: "https://app.example/cb"}
		s := newUnitServer()
		a, form := startForm(t, s, s.client(t, withDPoP(dpop)), request)
		if form.Get("dpop_jkt") != want || form.Has("dpop_jkt") != (want != "") || a.content.thumbprint != want {
			t.Errorf("dpop_jkt is %q, want %q", form["dpop_jkt"], want)
		}
		signing := func(cfg *Config) { cfg.DPoP, cfg.RequestKey = dpop, unitKey() }
		_, form = startForm(t, s, s.client(t, signing), request)
		if got, _ := requestClaims(t, form.Get("request"))["dpop_jkt"].(string); got != want || form.Has("dpop_jkt") {
			t.Errorf("signed, dpop_jkt is %q, want %q", got, want)
		}
		s.set("/par", unitAnswer{status: 201, body: `{"request_uri":"urn:x","expires_in":60}`})
		pushed := *request
		pushed.Pushed = true
		_, form = startForm(t, s, s.client(t, withDPoP(dpop)), &pushed)
		if got := s.requests("/par")[0].form.Get("dpop_jkt"); got != want || form.Has("dpop_jkt") {
			t.Errorf("pushed, dpop_jkt is %q, want %q", got, want)
		}
		// Finishing it: the same key, another, none; restored from the session too.
		data, err := a.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		for _, with := range []*DPoP{nil, d, other} {
			var restored PendingAuthorization
			if err := restored.UnmarshalBinary(data); err != nil {
				t.Fatal(err)
			}
			finisher := newUnitServer()
			finisher.answer("/token", strings.Replace(dpopTokenAnswer, "DPoP", map[bool]string{true: "Bearer", false: "DPoP"}[with == nil], 1))
			tok, err := finisher.client(t, withDPoP(with)).
				FinishAuthorization(protectedRequest(t, "GET", "https://app.example/cb?"+url.Values{"code": {"c"}, "state": {a.State()}}.Encode(), nil), &restored, nil)
			if with == dpop {
				if err != nil || tok.jkt != want {
					t.Errorf("the same key: %v, %v", tok, err)
				}
				continue
			}
			if wantError(t, err, ErrBinding, "DPoP"); tok != nil || len(finisher.requests("")) != 0 {
				t.Errorf("another key: %v, %d requests", tok, len(finisher.requests("")))
			}
		}
	}
	_, err = newUnitServer().client(t, withDPoP(d)).
		StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Params: url.Values{"dpop_jkt": {"x"}}})
	wantError(t, err, ErrConfig, "Params")
}

// TestDPoPRegistration: the token is presented with a proof, and each attempt
// has its own.
func TestDPoPRegistration(t *testing.T) {
	for _, dpop := range []*DPoP{nil, unitDPoP(t)} {
		var headers []http.Header
		var bodies []string
		transport := httpFunc(func(r *http.Request) (*http.Response, error) {
			b, _ := io.ReadAll(r.Body)
			headers, bodies = append(headers, r.Header), append(bodies, string(b))
			if len(headers) == 1 && dpop != nil {
				return httpAnswer(r, 401, "", "DPoP-Nonce", "n1", "WWW-Authenticate", `DPoP error="use_dpop_nonce"`), nil
			}
			return httpAnswer(r, 201, `{"client_id":"c"}`), nil
		})
		as := &AuthorizationServer{Issuer: unitIssuer, RegistrationEndpoint: unitIssuer + "/register"}
		_, err := Register(context.Background(), as, ClientMetadata{TokenEndpointAuthMethod: "none"}, &RegistrationOptions{
			InitialAccessToken: NewSecret("initial"), DPoP: dpop, HTTPClient: transport.client(), Clock: Clock{Now: unitNow},
		})
		if err != nil {
			t.Fatal(err)
		}
		if dpop == nil {
			if len(headers) != 1 || headers[0].Get("Authorization") != "Bearer initial" || headers[0]["Dpop"] != nil {
				t.Errorf("headers %v", headers)
			}
			continue
		}
		if len(headers) != 2 || bodies[0] != bodies[1] || headers[1].Get("Authorization") != "DPoP initial" {
			t.Fatalf("headers %v, bodies %q", headers, bodies)
		}
		first, second := openProof(t, headers[0]), openProof(t, headers[1])
		first.want(t, "POST", unitIssuer+"/register", unitTime, "initial", "")
		second.want(t, "POST", unitIssuer+"/register", unitTime, "initial", "n1")
		if first.claims["jti"] == second.claims["jti"] {
			t.Error("the second proof is a replay")
		}
	}
	reg := &Registration{RegistrationClientURI: unitIssuer + "/register/c", RegistrationAccessToken: NewSecret("managing"), server: unitIssuer}
	reg.Metadata.ClientID = "c"
	var header http.Header
	transport := httpFunc(func(r *http.Request) (*http.Response, error) {
		header = r.Header
		return httpAnswer(r, 204, ""), nil
	})
	if err := reg.Delete(context.Background(), &RegistrationOptions{DPoP: unitDPoP(t), HTTPClient: transport.client(), Clock: Clock{Now: unitNow}}); err != nil {
		t.Fatal(err)
	}
	openProof(t, header).want(t, "DELETE", unitIssuer+"/register/c", unitTime, "managing", "")
	err := reg.Delete(context.Background(), &RegistrationOptions{DPoP: &DPoP{}, HTTPClient: transport.client()})
	wantError(t, err, ErrConfig, "DPoP")
}

// TestDPoPChallengeScheme: of several challenges the one of the scheme that was
// used says what is wrong, and where there is none of it, another.
func TestDPoPChallengeScheme(t *testing.T) {
	for _, tt := range []struct{ scheme, challenge, code string }{
		{"DPoP", `Bearer error="invalid_token", DPoP error="use_dpop_nonce"`, "use_dpop_nonce"},
		{"DPoP", `DPoP error="use_dpop_nonce", Bearer error="invalid_token"`, "use_dpop_nonce"},
		{"DPoP", `DPoP error="a", DPoP error="b"`, "a"},
		{"dpop", `Bearer error="a", DPoP error="b"`, "b"},
		{"Bearer", `DPoP error="use_dpop_nonce", Bearer error="invalid_token"`, "invalid_token"},
		{"Bearer", `DPoP error="a"`, "a"},
		{"DPoP", `Bearer error="a", Bearer error="b"`, "a"},
		{"DPoP", `Bearer error="a", DPoP realm="x"`, "a"},
		{"Basic", `Basic error="x"`, ""},
		{"", `Basic error="x", DPoP error="a", Bearer error="b"`, "a"},
	} {
		if m := challengeMembers(challengesOf(tt.challenge), tt.scheme); m.code != tt.code {
			t.Errorf("%s of %s: %q, want %q", tt.scheme, tt.challenge, m.code, tt.code)
		}
	}
}

// TestDPoPNowhere: neither a place that is none nor a ClientAuth without manners makes
// the proof a panic.
func TestDPoPNowhere(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", dpopTokenAnswer)
	d := unitDPoP(t)
	rude := authFunc(func(_ context.Context, r *ClientAuthRequest) error { r.Header = nil; return nil })
	token, err := s.client(t, func(c *Config) { c.DPoP, c.Auth = d, rude }).ClientCredentials(t.Context(), nil)
	if err != nil || len(s.requests("/token")) != 1 || s.requests("/token")[0].header["Dpop"] == nil {
		t.Fatal(err, s.requests("/token"))
	}
	c := s.client(t, func(c *Config) { c.DPoP, c.Server.UserinfoEndpoint = d, "http://op.example/userinfo" })
	_, err = c.UserInfo(t.Context(), token, &UserInfoOptions{Subject: "alice"})
	wantError(t, err, ErrInsecureURL, "userinfo_endpoint")
}
