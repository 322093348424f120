package oauthtest

import (
	"crypto/sha256"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// This file implements token introspection: RFC 7662, and as a JWT RFC 9701.

const introspectionMediaType = "application/token-introspection+jwt"

func (s *Server) serveIntrospection(w http.ResponseWriter, r *http.Request) {
	params, client, perr := s.authenticatedForm(r)
	switch {
	case perr != nil:
	case client.AuthMethod == "none":
		// RFC 7662, Section 2.1: the endpoint requires some form of
		// authorization, "to prevent token scanning attacks".
		perr = invalid("invalid_client", "a client without authentication may not ask")
	case params.Get("token") == "":
		perr = invalid("invalid_request", "token is missing")
	}
	if perr != nil {
		perr.write(w)
		return
	}
	members := s.introspect(params.Get("token"))
	s.editMembers(introspectPath, members)
	noStore(w)
	if !client.wantsIntrospectionJWT(r) || s.faulty(IntrospectionJSONInsteadOfJWT) {
		writeJSON(w, http.StatusOK, members)
		return
	}
	token, err := s.newIntrospectionJWT(client, members)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", introspectionMediaType)
	io.WriteString(w, token)
}

// wantsIntrospectionJWT reports whether the answer is a JWT: because the client
// asks for it (RFC 9701, Section 4) or is registered so (Section 6).
func (c *Client) wantsIntrospectionJWT(r *http.Request) bool {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	return c.IntrospectionAlg != "" ||
		quality(accept, introspectionMediaType) > quality(accept, "application/json")
}

// quality returns the weight of a media type in an Accept header (RFC 9110,
// Section 12.5.1), 0 where the header does not name it.
func quality(accept, mediaType string) float64 {
	for _, part := range strings.Split(accept, ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil || name != mediaType {
			continue
		}
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
			return q
		}
		return 1
	}
	return 0
}

// introspect returns the members of RFC 7662, Section 2.2. The token_type_hint
// plays no part: tokens of both kinds are looked up by one value.
func (s *Server) introspect(token string) map[string]any {
	if t := s.validAccessToken(token); t != nil {
		m := s.tokenMembers(t.grant, token, t.scope, t.bound)
		m["token_type"] = t.bound.tokenType()
		m["exp"] = t.expiry.Unix()
		m["iat"] = t.expiry.Add(-s.tokenLifetime()).Unix()
		m["aud"] = t.audience()
		if details := t.grantedDetails(); details != nil {
			m["authorization_details"] = details // RFC 9396, Section 9.2
		}
		return m
	}
	if t := s.validRefreshToken(token); t != nil {
		m := s.tokenMembers(t.grant, token, t.scope, t.bound)
		m["iat"] = t.issued.Unix()
		m["aud"] = (&accessToken{grant: t.grant}).audience()
		if t.grant.details != nil {
			m["authorization_details"] = t.grant.details
		}
		return m
	}
	// "It should not include any additional information about an inactive token".
	return map[string]any{"active": false}
}

// tokenMembers are those that access and refresh tokens have in common.
func (s *Server) tokenMembers(g *grant, token string, scope []string, bound binding) map[string]any {
	id := sha256.Sum256([]byte(token))
	m := map[string]any{
		"active":    true,
		"scope":     strings.Join(scope, " "),
		"client_id": g.client.ID,
		"sub":       g.subject(),
		"iss":       s.issuer,
		"jti":       encode(id[:16]),
	}
	if g.user != "" {
		m["username"] = g.user
	}
	if cnf := bound.cnf(); cnf != nil {
		m["cnf"] = cnf
	}
	return m
}

// subject is the user or, where there is none, the client itself (RFC 9068,
// Section 2.2).
func (g *grant) subject() string {
	if g.user == "" {
		return g.client.ID
	}
	return g.user
}

// validRefreshToken returns the refresh token of a value, nil if it is unknown,
// rotated or revoked.
func (s *Server) validRefreshToken(value string) *refreshToken {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[value]
	if t == nil || t.used || t.grant.revoked {
		return nil
	}
	return t
}

// narrowToken remembers which part of its grant an access token is for
// (RFC 8707, Section 2.2; RFC 9396, Section 6).
func (s *Server) narrowToken(value string, resource []string, details []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access[value].resource, s.access[value].details = resource, details
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

// newIntrospectionJWT makes the answer of RFC 9701, Section 5.
func (s *Server) newIntrospectionJWT(client *Client, members map[string]any) (string, error) {
	name := client.IntrospectionAlg
	if name == "" {
		name = s.defaultAlg()
	}
	alg, _ := algorithmByName(name)
	d := s.newDraft(introspectionJWT, alg, map[string]any{
		"iss":                 s.issuer,
		"aud":                 client.ID,
		"iat":                 s.now().Unix(),
		"token_introspection": members,
	})
	d.header["typ"] = "token-introspection+jwt"
	return d.issue()
}
