package interop

// This file holds the grants that need no user: refresh, client credentials,
// token exchange, JWT bearer.

import (
	"net/http"
	"slices"
	"time"

	"example.com/oauth"
)

// opaqueResource is one whose access tokens are opaque.
const opaqueResource = "https://rs.example/opaque"

func grantScenarios(t table) {
	t.add("refresh token rotation for a public client: the old token is refused", refreshRotation)
	t.add("refresh with a narrower scope", refreshNarrower)
	for _, id := range []string{"cc", "cc-pkjwt"} {
		t.add("client_credentials "+id, clientCredentials(id))
	}
	t.add("resource indicators: two resources at authorization, one per token request", resourcePerToken)
	t.add("unknown resource is invalid_target", unknownResource)
	t.add("RAR on client_credentials", clientCredentialsDetails)
	t.add("token exchange: access_token -> access_token", exchangeAccessToken)
	t.add("token exchange: id_token -> JWT for a resource", exchangeIDToken)
	t.add("RFC 7523 jwt-bearer grant", bearerAssertion)
}

// refreshRotation uses a token of the session store, as a program does that was
// restarted. When the old refresh token comes again, the server takes it for
// stolen and the new one back (RFC 9700, Section 4.14.2).
func refreshRotation(s *scenario) {
	first := s.code("tls", "public", options{})
	nonce := first.idToken(s).Nonce()
	first.token = saved(s, first.token, new(oauth.Token))

	second := first.refreshed(s, nil)
	s.require(second.token.RefreshToken.Reveal() != first.token.RefreshToken.Reveal(), "the refresh token was not rotated")
	s.require(nonce != "", "no nonce in the first ID token")
	equal(s, second.idToken(s).Nonce(), nonce, "nonce of the new ID token")
	second.requireEmail(s)

	for _, f := range []*flow{first, second} {
		_, err := f.client.Refresh(s.ctx, f.token, nil)
		s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
	}
}

// A binary value can be kept for another process.
type binary interface {
	MarshalBinary() ([]byte, error)
	UnmarshalBinary([]byte) error
}

// saved is the value as another process restores it, which is put into fresh.
func saved[T binary](s *scenario, value, fresh T) T {
	data, err := value.MarshalBinary()
	s.check(err, "MarshalBinary")
	s.check(fresh.UnmarshalBinary(data), "UnmarshalBinary")
	return fresh
}

// refreshNarrower: what is narrower is the one access token, not the grant (RFC
// 6749, Section 6).
func refreshNarrower(s *scenario) {
	f := s.code("tls", "basic", options{})
	f.requireScope(s, "openid", "profile", "email")

	narrow := f.refreshed(s, &oauth.GrantOptions{Scope: []string{"openid"}})
	narrow.requireScope(s, "openid")
	narrow.idToken(s)
	var claims struct{ Email string }
	narrow.userInfo(s, &claims)
	equal(s, claims.Email, "", "email of the userinfo for scope openid")

	// Without openid no ID token comes, and who logged in is known all the same.
	other := narrow.refreshed(s, &oauth.GrantOptions{Scope: []string{"email"}})
	other.requireScope(s, "email")
	s.require(other.token.IDToken() == nil, "an ID token without the scope openid")
	equal(s, other.token.Subject(), "alice", "subject of the token")

	whole := other.refreshed(s, nil)
	whole.requireScope(s, "openid", "profile", "email")
	whole.requireEmail(s)

	more := *whole.token // as if the server had not said all that it granted
	more.Scope = append(slices.Clone(more.Scope), "address")
	_, err := whole.client.Refresh(s.ctx, &more, &oauth.GrantOptions{Scope: []string{"openid", "address"}})
	s.requireResponseError(err, http.StatusBadRequest, "invalid_scope")
	whole.refreshed(s, nil) // that one used nothing up
}

// requireScope ends the scenario unless that is what the token is for.
func (f *flow) requireScope(s *scenario, scope ...string) {
	s.require(slices.Equal(f.token.Scope, scope), "scope of the token: got %q, want %q", f.token.Scope, scope)
}

// clientCredentials is a token for the client itself.
func (s *scenario) clientCredentials(id string, opts *oauth.GrantOptions) *flow {
	p := s.setup("tls", id, options{})
	t, err := p.client.ClientCredentials(s.ctx, opts)
	s.check(err, "ClientCredentials")
	s.require(!t.AccessToken.IsZero(), "no access token")
	s.require(t.RefreshToken.IsZero(), "a refresh token, which RFC 6749, Section 4.4.3 advises against")
	s.require(t.IDToken() == nil && t.Subject() == "", "a user")
	return &flow{party: p, token: t}
}

// clientCredentials is for one resource, which is then who may take the token.
func clientCredentials(id string) scenarioFunc {
	return func(s *scenario) {
		f := s.clientCredentials(id, &oauth.GrantOptions{Scope: []string{"api:read"}, Resource: []string{opaqueResource}})
		f.requireScope(s, "api:read")
		f.requireAudience(s, opaqueResource)
		f.revoke(s)
		f.requireInactive(s)
	}
}

// requireAudience ends the scenario unless the server says that the access
// token is for that resource.
func (f *flow) requireAudience(s *scenario, resource string) {
	aud := f.introspect(s).Audience()
	s.require(slices.Equal(aud, []string{resource}), "aud of the introspection: %q", aud)
}

// resourcePerToken: the grant is for both resources, each access token for one
// (RFC 8707, Section 2.2), whatever the refresh before it was for.
func resourcePerToken(s *scenario) {
	const signed = "https://rs.example/jwt/ES256"
	both := []string{signed, opaqueResource}
	f := s.code("tls", "basic", options{
		request: func(r *oauth.AuthorizationRequest) {
			r.Scope = []string{"openid", "api:read"}
			r.Resource = both
		},
		grant: &oauth.GrantOptions{Resource: both[:1]},
	})
	s.require(slices.Equal(f.query(s)["resource"], both), "resource in the URL: %q", f.query(s)["resource"])
	f.requireSignedFor(s, signed)

	opaque := f.refreshed(s, &oauth.GrantOptions{Resource: both[1:], Scope: []string{"api:read"}})
	opaque.requireScope(s, "api:read")
	opaque.requireAudience(s, opaqueResource)
	f = opaque.refreshed(s, &oauth.GrantOptions{Resource: both[:1]})
	f.requireSignedFor(s, signed)

	_, err := f.client.Refresh(s.ctx, f.token, &oauth.GrantOptions{Resource: []string{"https://rs.example/jwt/PS256"}})
	s.requireResponseError(err, http.StatusBadRequest, "invalid_target")
}

// requireSignedFor ends the scenario unless the access token is a JWT for that
// resource.
func (f *flow) requireSignedFor(s *scenario, resource string) {
	var claims struct{ Aud string }
	decodeSegment(s, f.token.AccessToken.Reveal(), 1, &claims)
	equal(s, claims.Aud, resource, "aud of the access token")
}

// unknownResource asks for a resource that the server does not know, and for
// one that it does, so that the refusal means something.
func unknownResource(s *scenario) {
	p := s.setup("tls", "cc", options{})
	t, err := p.client.ClientCredentials(s.ctx, &oauth.GrantOptions{Resource: []string{"https://unknown.example/"}})
	s.requireResponseError(err, http.StatusBadRequest, "invalid_target")
	s.require(t == nil, "a Token beside an error")
	f := s.clientCredentials("cc", &oauth.GrantOptions{Scope: []string{"api:read"}, Resource: []string{opaqueResource}})
	f.requireScope(s, "api:read")
}

func clientCredentialsDetails(s *scenario) {
	asked := paymentInitiation()
	f := s.clientCredentials("rar-ccg", &oauth.GrantOptions{
		Resource:             []string{opaqueResource},
		AuthorizationDetails: []oauth.AuthorizationDetail{asked},
	})
	f.requireGranted(s, asked)
}

// exchangeAccessToken gives one access token for another, of less.
func exchangeAccessToken(s *scenario) {
	f := s.code("tls", "exchange", options{})
	x := oauth.TokenExchangeRequest{SubjectToken: f.token.AccessToken, SubjectTokenType: oauth.TokenTypeAccessToken}
	t, err := f.client.ExchangeToken(s.ctx, &x, &oauth.GrantOptions{Scope: []string{"openid"}})
	s.check(err, "ExchangeToken")
	equal(s, t.IssuedTokenType, oauth.TokenTypeAccessToken, "issued_token_type")
	s.require(t.AccessToken.Reveal() != f.token.AccessToken.Reveal(), "the same token came back")

	// The answer does not say whose the token is; the introspection does.
	equal(s, t.Subject(), "", "subject of the token")
	i := (&flow{party: f.party, token: t}).introspect(s)
	equal(s, i.Subject(), "alice", "sub of the introspection")

	x.SubjectToken = oauth.NewSecret("garbage")
	_, err = f.client.ExchangeToken(s.ctx, &x, nil)
	s.requireResponseError(err, http.StatusBadRequest, "invalid_request") // RFC 8693, Section 2.2.2
}

// exchangeIDToken gives the ID token of a login for an access token at a
// resource.
func exchangeIDToken(s *scenario) {
	const resource = "https://rs.example/jwt/PS256"
	f := s.code("tls", "exchange", options{})
	t, err := f.client.ExchangeToken(s.ctx, &oauth.TokenExchangeRequest{
		SubjectToken:       oauth.NewSecret(f.idToken(s).Raw()),
		SubjectTokenType:   oauth.TokenTypeIDToken,
		RequestedTokenType: oauth.TokenTypeJWT,
	}, &oauth.GrantOptions{Scope: []string{"api:read"}, Resource: []string{resource}})
	s.check(err, "ExchangeToken")
	equal(s, t.IssuedTokenType, oauth.TokenTypeJWT, "issued_token_type")
	s.require(slices.Equal(t.Scope, []string{"api:read"}), "scope of the token: %q", t.Scope)
	var claims struct{ Aud, Sub string }
	decodeSegment(s, t.AccessToken.Reveal(), 1, &claims)
	equal(s, claims.Aud, resource, "aud of the token")
	equal(s, claims.Sub, f.token.Subject(), "sub of the token")
	equal(s, headerOf(s, t.AccessToken.Reveal()).Alg, "PS256", "alg of the token")
}

// bearerAssertion gets a token for a user whom the client's own signature
// names. With another key's it is refused.
func bearerAssertion(s *scenario) {
	p := s.setup("tls", "exchange", options{})
	assertion := func(key *oauth.SigningKey) string {
		now := time.Now().Unix()
		jwt, err := key.SignJWT("", map[string]any{
			"iss": p.reg.ClientID, "sub": "erin", "aud": p.server.Issuer, "iat": now, "exp": now + 60,
		})
		s.check(err, "SignJWT")
		return jwt
	}
	key, err := p.reg.signingKey()
	s.check(err, "the client's key")
	t, err := p.client.JWTBearer(s.ctx, assertion(key), &oauth.GrantOptions{Scope: []string{"openid"}})
	s.check(err, "JWTBearer")
	f := &flow{party: p, token: t}
	f.requireScope(s, "openid")
	equal(s, f.introspect(s).Subject(), "erin", "sub of the introspection")

	other, err := oauth.GenerateSigningKey(oauth.ES256)
	s.check(err, "GenerateSigningKey")
	_, err = p.client.JWTBearer(s.ctx, assertion(other), nil)
	s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
}
