package interop

// This file holds OpenID Connect: how ID tokens and userinfo are signed, and
// the parameters of the authentication request.

import (
	"errors"
	"time"

	"example.com/oauth"
)

var (
	signingAlgorithms = []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
		"ES256", "ES384", "ES512", "EdDSA", "Ed25519",
		"ML-DSA-44", "ML-DSA-65", "ML-DSA-87", // see needML
	}
	hmacAlgorithms = []string{"HS256", "HS384", "HS512"}
)

func oidcScenarios(t table) {
	for _, alg := range signingAlgorithms {
		t.add("id token "+alg, idToken(alg))
		t.add("userinfo JWT "+alg, userInfoJWT(alg))
	}
	for _, alg := range hmacAlgorithms {
		t.add("id token "+alg+" with the client secret (jose: oauth4webapi refuses HMAC)", refusedHMAC(alg))
	}
	t.add("claims parameter: essential acr, userinfo claim", claimsParameter)
	t.add("max_age: auth_time is checked", maxAge)
	t.add("require_auth_time + default_max_age client", requireAuthTime)
	t.add("login_hint picks the account", loginHint)
	t.add("prompt=none without a session: login_required", refusal("login_required", options{request: promptNone}))
	t.add("prompt=none with a session: success, id_token_hint", promptNoneWithSession)
	t.add("access_denied at login", refusal("access_denied", options{request: hint("deny")}))
	t.add("access_denied at consent", refusal("access_denied", options{request: hint("deny-consent")}))
	t.add("pairwise subject differs from the account id", pairwise)
}

func promptNone(r *oauth.AuthorizationRequest) { r.Prompt = "none" }

// hint tells the server which account logs in.
func hint(login string) func(*oauth.AuthorizationRequest) {
	return func(r *oauth.AuthorizationRequest) { r.LoginHint = login }
}

func idToken(alg string) scenarioFunc {
	return func(s *scenario) {
		f := s.full("tls", "idt-"+alg, options{})
		equal(s, headerOf(s, f.token.IDToken().Raw()).Alg, alg, "alg of the ID token")
	}
}

// refusedHMAC: a secret that both sides hold proves nothing about who signed.
// The package says so when the client is made.
func refusedHMAC(alg string) scenarioFunc {
	return func(s *scenario) {
		cfg, _, w := s.config("tls", "idt-"+alg, options{})
		equal(s, cfg.Metadata.IDTokenSignedResponseAlg, oauth.Algorithm(alg), "id_token_signed_response_alg")
		client, err := oauth.NewClient(cfg)
		s.require(errors.Is(err, oauth.ErrAlgorithm), "wanted ErrAlgorithm, got: %v", err)
		s.require(client == nil, "a client beside an error")
		cfg.Metadata.IDTokenSignedResponseAlg = "" // all that was wrong
		_, err = oauth.NewClient(cfg)
		s.check(err, "NewClient without id_token_signed_response_alg")
		w.requireSilent(s)
	}
}

func userInfoJWT(alg string) scenarioFunc {
	return func(s *scenario) {
		f := s.code("tls", "ui-"+alg, options{})
		f.requireEmail(s)
		equal(s, f.wire.last(s, f.server.UserinfoEndpoint).mediaType, "application/jwt", "media type of the userinfo")
	}
}

func claimsParameter(s *scenario) {
	const silver = "urn:example:silver"
	f := s.code("tls", "basic", options{
		request: func(r *oauth.AuthorizationRequest) {
			r.Scope = []string{"openid"}
			r.ACRValues = []string{silver}
			r.Claims = mustJSON(map[string]any{
				"id_token": map[string]any{"acr": map[string]any{"value": silver}, "email": nil},
				"userinfo": map[string]any{"email": map[string]any{"essential": true}, "phone_number": nil},
			})
		},
	})
	id := f.idToken(s)
	equal(s, id.ACR(), silver, "acr")
	var claims struct {
		Email string
		Phone string `json:"phone_number"`
	}
	s.check(id.Claims(&claims), "Claims of the ID token")
	equal(s, claims.Email, "alice@example.com", "email of the ID token")
	f.userInfo(s, &claims)
	s.require(claims.Phone != "", "no phone_number in the userinfo")
}

func maxAge(s *scenario) {
	seconds := int64(600)
	f := s.code("tls", "basic", options{
		request: func(r *oauth.AuthorizationRequest) { r.MaxAge = &seconds },
	})
	s.requireRecentLogin(f)
}

// requireAuthTime: the client is registered to always get auth_time.
func requireAuthTime(s *scenario) {
	f := s.code("tls", "auth-time", options{})
	s.require(f.meta.RequireAuthTime && f.meta.DefaultMaxAge != nil, "the client metadata was not read: %+v", f.meta)
	s.requireRecentLogin(f)

	// OpenID Connect Core, Section 12.2: it "MUST represent the time of the
	// original authentication".
	later := f.refreshed(s, nil).idToken(s).AuthTime()
	s.require(later.Equal(f.idToken(s).AuthTime()), "auth_time of the new ID token is %v", later)
}

func (s *scenario) requireRecentLogin(f *flow) {
	age := time.Since(f.idToken(s).AuthTime())
	s.require(age > -time.Minute && age < time.Minute, "auth_time is %v ago", age)
}

func loginHint(s *scenario) {
	f := s.code("tls", "basic", options{request: hint("bob")})
	equal(s, f.idToken(s).Subject(), "bob", "sub")
	f.requireEmail(s)
}

func promptNoneWithSession(s *scenario) {
	first := s.code("tls", "basic", options{})
	second := s.code("tls", "basic", options{
		browser: first.browser,
		request: func(r *oauth.AuthorizationRequest) {
			r.Prompt = "none"
			r.IDTokenHint = first.idToken(s).Raw()
		},
	})
	equal(s, second.idToken(s).Subject(), first.idToken(s).Subject(), "sub")
}

func pairwise(s *scenario) {
	f := s.code("tls", "pairwise", options{})
	sub := f.idToken(s).Subject()
	s.require(sub != "alice" && len(sub) == 64, "sub is %q", sub)
	var claims struct{ Sub string }
	f.userInfo(s, &claims)
	equal(s, claims.Sub, sub, "sub of the userinfo")
	f.refreshed(s, nil).idToken(s)
}
