package oauthtest

import (
	"crypto/rand"
	"strings"
	"time"
)

// This file implements access tokens: opaque ones, and JWTs by RFC 9068,
// Section 2.

// accessTokenType is the typ of a JWT access token: RFC 9068, Section 2.1.
const accessTokenType = "at+jwt"

// An accessToken is what the server knows of an access token, opaque or not: it
// never reads the JWT.
type accessToken struct {
	grant    *grant
	scope    []string
	resource []string // the part of the grant's; nil: all
	details  []any    // likewise
	bound    binding
	minted   bool // by a test, which wants a JWT

	// What issueAccessToken adds.
	value  string
	id     string // the jti
	issued time.Time
	expiry time.Time
}

// chooseAccessTokenAlg reads Options.AccessTokenAlg. An algorithm that nobody
// named is none that needs an RSA key.
func (o *Options) chooseAccessTokenAlg() string {
	switch {
	case o.AccessTokenAlg != "":
		return o.AccessTokenAlg
	case len(o.SigningAlgs) > 0:
		return o.SigningAlgs[0]
	}
	return "ES256"
}

// issueAccessToken makes t an access token. All that it is for and bound to is
// known by then, because a JWT says it.
func (s *Server) issueAccessToken(t *accessToken) error {
	if s.faulty(DPoPUnboundToken) {
		t.bound.jkt = ""
	}
	t.id, t.issued = rand.Text(), s.now()
	t.expiry = t.issued.Add(s.tokenLifetime())
	t.value = s.preset.prefix + rand.Text()
	if s.opts.JWTAccessTokens || t.minted {
		var err error
		if t.value, err = s.newAccessTokenJWT(t); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access[t.value] = t
	return nil
}

// answer returns the members of a token answer that are about the access token:
// RFC 6749, Section 5.1.
func (t *accessToken) answer() map[string]any {
	return map[string]any{
		"access_token": t.value,
		"token_type":   t.bound.tokenType(),
		"expires_in":   int(t.expiry.Sub(t.issued) / time.Second),
	}
}

// newAccessTokenJWT makes the JWT of RFC 9068, Section 2.
func (s *Server) newAccessTokenJWT(t *accessToken) (string, error) {
	alg, _ := algorithmByName(s.opts.AccessTokenAlg)
	claims := s.tokenClaims(t)
	if len(t.scope) > 0 {
		claims["scope"] = strings.Join(t.scope, " ")
	}
	if t.grant.user != "" {
		// Section 2.2.1: they say what happened before the authorization response,
		// and "remain the same across all access tokens that derive from" it.
		claims["auth_time"] = t.grant.authTime.Unix()
		claims["acr"] = t.grant.acrClaim()
	}
	t.grant.setActor(claims)
	d := s.newDraft(accessTokenJWT, t.grant.client, alg, claims)
	d.header["typ"] = accessTokenType
	if s.preset.accessToken != nil {
		s.preset.accessToken(s, t, d)
	}
	if s.opts.EditAccessToken != nil {
		s.opts.EditAccessToken(d.header, d.claims)
	}
	override(d.claims, t.grant.claims)
	return d.issue()
}

// tokenClaims are what a JWT and introspection say of a token in the same words:
// RFC 9068, Section 2.2; RFC 7662, Section 2.2.
func (s *Server) tokenClaims(t *accessToken) map[string]any {
	claims := map[string]any{
		"iss":       s.issuer,
		"sub":       t.grant.subject(),
		"aud":       t.audience(),
		"client_id": t.grant.client.ID,
		"iat":       t.issued.Unix(),
		"jti":       t.id,
	}
	if !t.expiry.IsZero() {
		claims["exp"] = t.expiry.Unix()
	}
	if cnf := t.bound.cnf(); cnf != nil {
		claims["cnf"] = cnf
	}
	if details := t.grantedDetails(); details != nil {
		claims["authorization_details"] = details // RFC 9396, Sections 9.1 and 9.2
	}
	return claims
}

// subject is the user or, where there is none, the client itself (RFC 9068,
// Section 2.2).
func (g *grant) subject() string {
	if g.user == "" {
		return g.client.ID
	}
	return g.user
}

func (t *accessToken) resources() []string {
	if len(t.resource) > 0 {
		return t.resource
	}
	return t.grant.resource
}

func (t *accessToken) grantedDetails() []any {
	if t.details != nil {
		return t.details
	}
	return t.grant.details
}

// audience is the aud of a token: the resources it is for, and without any the
// client.
func (t *accessToken) audience() any {
	switch resources := t.resources(); len(resources) {
	case 0:
		return t.grant.client.ID
	case 1:
		return resources[0]
	default:
		return resources
	}
}

// validAccessToken returns the token that a resource endpoint was given, nil
// if it is unknown, expired or revoked.
func (s *Server) validAccessToken(value string) *accessToken {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.access[value]
	if t == nil || t.grant.revoked || !now.Before(t.expiry) {
		return nil
	}
	return t
}
