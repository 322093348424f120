package oauthtest

import (
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
)

// This file makes tokens without a login.

// AccessToken returns an access token of a user for a client, without a login. It is
// a JWT (RFC 9068), whatever [Options] say, with the scope openid and the client_id as
// its aud. If user is empty, it is a token of client credentials, whose sub is the
// client_id. The client need not be registered.
//
// The members of claims are added to the claims of the token and replace them; a nil
// value removes a claim. For example, a test of an API sets aud and scope, and exp to
// a time in the past for a token that has expired. The server's own endpoints accept
// the token, and introspection knows its scope and aud; the other members of claims
// are in the token alone.
//
// A fault of all JWTs affects the token, so that a test can check that an API refuses
// it. If claims cannot be encoded to JSON, AccessToken returns an error.
func (s *Server) AccessToken(clientID, user string, claims map[string]any) (string, error) {
	g := s.mint(clientID, user, claims)
	g.scope = []string{"openid"}
	if scope, ok := claims["scope"].(string); ok {
		g.scope = strings.Fields(scope)
	}
	switch aud := claims["aud"].(type) {
	case string:
		g.resource = []string{aud}
	case []string:
		g.resource = slices.Clone(aud)
	}
	t := &accessToken{grant: g, scope: g.scope, minted: true}
	if err := s.issueAccessToken(t); err != nil {
		return "", err
	}
	return t.value, nil
}

// IDToken returns an ID token of a user for a client, without a login: with the
// claims of the user for all scopes, and without a nonce or at_hash. The client need
// not be registered. If it is, its IDTokenAlg and encryption apply.
//
// The members of claims are added to the claims of the token and replace them; a nil
// value removes a claim. The faults of ID tokens affect the token. If user is empty,
// or if claims cannot be encoded to JSON, IDToken returns an error.
func (s *Server) IDToken(clientID, user string, claims map[string]any) (string, error) {
	if user == "" {
		return "", errors.New("oauthtest: an ID token needs a user")
	}
	g := s.mint(clientID, user, claims)
	g.scope = scopesSupported
	return s.newIDToken(idTokenJWT, g, "", nil)
}

// mint makes a grant that nobody asked for.
func (s *Server) mint(clientID, user string, claims map[string]any) *grant {
	client := s.clientByID(clientID)
	if client == nil {
		client = &Client{ID: clientID, AuthMethod: "none", IDTokenAlg: s.defaultAlg()}
	}
	return &grant{client: client, user: user, session: rand.Text(), authTime: s.now(), claims: maps.Clone(claims)}
}

// override adds the members of changes to claims; nil removes one.
func override(claims, changes map[string]any) {
	for name, v := range changes {
		if v == nil {
			delete(claims, name)
			continue
		}
		claims[name] = v
	}
}
