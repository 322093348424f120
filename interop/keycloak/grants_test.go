package keycloak

// This file holds the grants without a user: client credentials and token exchange.

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"example.com/oauth"
)

func grantRows(t *table) {
	const kind = "client credentials"
	for _, auth := range []string{"client_secret_basic", "private_key_jwt", "client_secret_jwt"} {
		t.add(kind, auth, func(s *scenario) {
			p := s.main(s).client(s, serviceAccount(spec{auth: auth}))
			f := p.service(s)
			s.require(f.introspect(s).ClientID() == p.id, "the token is another client's")
			q := s.main(s).client(s, spec{auth: auth}) // has no service account
			_, err := q.client.ClientCredentials(s.ctx, nil)
			s.refusedAs("a client without a service account", err, "unauthorized_client")
		})
	}
	t.add(kind, "DPoP", func(s *scenario) {
		p := s.main(s).client(s, s.withDPoP(serviceAccount(spec{}), oauth.ES256))
		f := p.service(s)
		equal(s, f.introspect(s).KeyThumbprint(), p.cfg.DPoP.Thumbprint(), "jkt of the token")
		q := p.as(s, func(q *party) { q.cfg.DPoP, q.cfg.Metadata.DPoPBoundAccessTokens = nil, false })
		_, err := q.client.ClientCredentials(s.ctx, nil)
		s.refusedAs("a request without a proof", err, "invalid_request", "invalid_dpop_proof")
	})
	t.add(kind, "tls_client_auth, a token bound to the certificate, and a scope", func(s *scenario) {
		p := s.main(s).client(s, s.withCertificate(serviceAccount(spec{auth: "tls_client_auth"})))
		token, err := p.client.ClientCredentials(s.ctx, &oauth.GrantOptions{Scope: []string{"phone"}})
		s.check(err, "ClientCredentials")
		s.require(slices.Contains(token.Scope, "phone"), "scope %q", token.Scope)
		f := &flow{party: p, token: token}
		equal(s, f.introspect(s).CertificateThumbprint(), oauth.CertificateThumbprint(p.cfg.MTLS.Certificate.Leaf), "x5t#S256 of the token")
		_, err = p.client.ClientCredentials(s.ctx, &oauth.GrantOptions{Scope: []string{"nothing-of-this-name"}})
		s.refused("a scope that there is not", err, "invalid_scope")
	})

	const exchange = "token exchange"
	t.add(exchange, "for a service", func(s *scenario) {
		f, p := s.exchanger(spec{})
		service := s.main(s).client(s, spec{})
		p.reaches(s, service)
		token, err := p.exchange(s, f, func(x *oauth.TokenExchangeRequest) { x.Audience = []string{service.id} })
		s.check(err, "ExchangeToken")
		equal(s, token.IssuedTokenType, oauth.TokenTypeAccessToken, "issued_token_type")
		in, err := service.client.Introspect(s.ctx, token.AccessToken.Reveal(), nil)
		s.check(err, "Introspect")
		s.require(slices.Contains(in.Audience(), service.id), "aud %q", in.Audience())
		_, err = p.exchange(s, f, func(x *oauth.TokenExchangeRequest) { x.Audience = []string{"c-nobody"} })
		s.refusedAs("a service that there is not", err, "invalid_client", "invalid_request")
	})
	t.add(exchange, "a token that is not for the client", func(s *scenario) {
		f, p := s.exchanger(spec{})
		_, err := p.exchange(s, f, nil)
		s.check(err, "ExchangeToken")
		other := s.code(s.main(s).client(s, spec{}))
		_, err = p.exchange(s, other, nil)
		s.refusedAs("the token of another client", err, "access_denied", "invalid_request", "invalid_token")
	})
	t.add(exchange, "an ID token", func(s *scenario) {
		f, p := s.exchanger(spec{})
		token, err := p.exchange(s, f, func(x *oauth.TokenExchangeRequest) { x.RequestedTokenType = oauth.TokenTypeIDToken })
		s.check(err, "ExchangeToken")
		equal(s, token.IssuedTokenType, oauth.TokenTypeIDToken, "issued_token_type")
		_, err = p.exchange(s, f, func(x *oauth.TokenExchangeRequest) { x.RequestedTokenType = oauth.TokenTypeSAML2 })
		s.refusedAs("a SAML assertion", err, "invalid_request", "unsupported_token_type")
	})
	t.add(exchange, "a refresh token", func(s *scenario) {
		sp := spec{}.attr("standard.token.exchange.enableRefreshRequestedTokenType", "SAME_SESSION")
		f, p := s.exchanger(sp)
		refresh := func(x *oauth.TokenExchangeRequest) { x.RequestedTokenType = oauth.TokenTypeRefreshToken }
		token, err := p.exchange(s, f, refresh)
		s.check(err, "ExchangeToken")
		s.require(!token.RefreshToken.IsZero(), "no refresh token")
		g, q := s.exchanger(spec{})
		_, err = q.exchange(s, g, refresh)
		s.refused("a client that is not allowed it", err, "invalid_request")
	})
	t.add(exchange, "a client that may not", func(s *scenario) {
		f, p := s.exchanger(spec{})
		_, err := p.exchange(s, f, func(x *oauth.TokenExchangeRequest) {})
		s.check(err, "ExchangeToken")
		q := s.main(s).client(s, spec{})
		_, err = q.exchange(s, s.code(q), nil)
		s.refusedAs("a client without the switch", err, "invalid_request", "unauthorized_client", "access_denied")
	})

	const assertion = "JWT bearer"
	t.add(assertion, "an assertion of a provider that the realm trusts", func(s *scenario) {
		key := s.newKey(oauth.ES256)
		issuer := s.trustedIssuer(key, "alice")
		p := s.main(s).client(s, jwtBearer(issuer))
		f := p.bearer(s, s.assertion(key, issuer, nil))
		s.require(f.introspect(s).Username() == "alice", "the token is another user's")
		_, err := p.client.JWTBearer(s.ctx, s.assertion(s.forged(key), issuer, nil), nil)
		s.refusedAs("of another key", err, "invalid_grant", "invalid_request")
	})
	t.add(assertion, "an assertion that has expired, or comes again", func(s *scenario) {
		key := s.newKey(oauth.ES256)
		issuer := s.trustedIssuer(key, "bob")
		p := s.main(s).client(s, jwtBearer(issuer))
		good := s.assertion(key, issuer, nil)
		p.bearer(s, good)
		_, err := p.client.JWTBearer(s.ctx, good, nil)
		s.refusedAs("again", err, "invalid_grant", "invalid_request")
		old := s.assertion(key, issuer, func(claims object) { claims["exp"] = time.Now().Add(-time.Hour).Unix() })
		_, err = p.client.JWTBearer(s.ctx, old, nil)
		s.refusedAs("expired", err, "invalid_grant", "invalid_request")
	})
	t.add(assertion, "a client that may not", func(s *scenario) {
		key := s.newKey(oauth.PS256)
		issuer := s.trustedIssuer(key, "alice")
		s.main(s).client(s, jwtBearer(issuer)).bearer(s, s.assertion(key, issuer, nil))
		_, err := s.main(s).client(s, spec{}).client.JWTBearer(s.ctx, s.assertion(key, issuer, nil), nil)
		s.refusedAs("a client without the switch", err, "unauthorized_client", "invalid_grant", "invalid_request")
	})
}

// trustedIssuer is a provider whose assertions about a user the realm takes.
func (s *scenario) trustedIssuer(key *oauth.SigningKey, name string) string {
	r, alias := s.main(s), "idp-"+random()
	issuer := "https://" + alias + ".example"
	set, _ := json.Marshal(object{"keys": []rawJSON{key.PublicJWK()}})
	r.do(s, "POST", "/identity-provider/instances", object{
		"alias": alias, "providerId": "jwt-authorization-grant", "enabled": true, "config": object{
			"issuer": issuer, "useJwksUrl": "true", "jwksUrl": s.listener.serve("/jwks/"+alias, string(set)), "jwtAuthorizationGrantEnabled": "true",
			"jwtAuthorizationGrantAssertionReuseAllowed": "false", "jwtAuthorizationGrantMaxAllowedAssertionExpiration": "300",
		},
	}, nil)
	var users []struct{ ID string }
	r.do(s, "GET", "/users?exact=true&username="+name, nil, &users)
	s.require(len(users) == 1, "%d users are called %s", len(users), name)
	identity := object{"identityProvider": alias, "userId": "u-" + issuer, "userName": name}
	r.do(s, "POST", "/users/"+users[0].ID+"/federated-identity/"+alias, identity, nil)
	return issuer
}

// jwtBearer is a client that may bring assertions of the issuer.
func jwtBearer(issuer string) spec {
	alias := strings.TrimSuffix(strings.TrimPrefix(issuer, "https://"), ".example")
	return spec{}.attr("oauth2.jwt.authorization.grant.enabled", "true").attr("oauth2.jwt.authorization.grant.idp", alias)
}

// assertion is one of the issuer's about its user.
func (s *scenario) assertion(key *oauth.SigningKey, issuer string, change func(object)) string {
	now := time.Now()
	claims := object{
		"iss": issuer, "sub": "u-" + issuer, "aud": s.main(s).issuer, "jti": random(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	if change != nil {
		change(claims)
	}
	jwt, err := key.SignJWT("JWT", claims)
	s.check(err, "SignJWT")
	return jwt
}

// bearer is the token for an assertion.
func (p *party) bearer(s *scenario, assertion string) *flow {
	t, err := p.client.JWTBearer(s.ctx, assertion, nil)
	s.check(err, "JWTBearer")
	f := &flow{party: p, token: t}
	f.requireToken(s)
	return f
}

// serviceAccount is a client that may act for itself.
func serviceAccount(sp spec) spec {
	sp.rep = object{"serviceAccountsEnabled": true}
	return sp
}

// service is a token of the client for itself.
func (p *party) service(s *scenario) *flow {
	t, err := p.client.ClientCredentials(s.ctx, nil)
	s.check(err, "ClientCredentials")
	f := &flow{party: p, token: t}
	f.requireToken(s)
	return f
}

// exchanger is a client that may exchange tokens, and a login of another one whose
// tokens are for it.
func (s *scenario) exchanger(sp spec) (*flow, *party) {
	p := s.main(s).client(s, sp.attr("standard.token.exchange.enabled", "true"))
	other := s.main(s).client(s, spec{})
	other.reaches(s, p)
	return s.code(other), p
}

// reaches puts a client into the audience of another's tokens.
func (p *party) reaches(s *scenario, service *party) {
	p.do(s, "POST", "/clients/"+p.uuid+"/protocol-mappers/models", audience("for "+service.id, "included.client.audience", service.id), nil)
}

// exchange exchanges the access token of a flow.
func (p *party) exchange(s *scenario, f *flow, change func(*oauth.TokenExchangeRequest)) (*oauth.Token, error) {
	x := &oauth.TokenExchangeRequest{SubjectToken: f.token.AccessToken, SubjectTokenType: oauth.TokenTypeAccessToken}
	if change != nil {
		change(x)
	}
	return p.client.ExchangeToken(s.ctx, x, nil)
}
