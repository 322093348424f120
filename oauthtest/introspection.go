package oauthtest

import (
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
	return c.IntrospectionAlg != "" || c.IntrospectionEncryptionAlg != "" ||
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
	t, kind := s.validAccessToken(token), ""
	if t != nil {
		kind = t.bound.tokenType()
	} else if r := s.validRefreshToken(token); r != nil {
		t = &accessToken{grant: r.grant, scope: r.scope, bound: r.bound, id: r.id, issued: r.issued}
	}
	if t == nil {
		// "It should not include any additional information about an inactive token".
		return map[string]any{"active": false}
	}
	m := s.tokenClaims(t)
	m["active"] = true
	m["scope"] = strings.Join(t.scope, " ")
	if kind != "" {
		m["token_type"] = kind
	}
	if t.grant.user != "" {
		m["username"] = t.grant.user
	}
	return m
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

// newIntrospectionJWT makes the answer of RFC 9701, Section 5.
func (s *Server) newIntrospectionJWT(client *Client, members map[string]any) (string, error) {
	name := client.IntrospectionAlg
	if name == "" {
		name = s.defaultAlg()
	}
	alg, _ := algorithmByName(name)
	d := s.newDraft(introspectionJWT, client, alg, map[string]any{
		"iss":                 s.issuer,
		"aud":                 client.ID,
		"iat":                 s.now().Unix(),
		"token_introspection": members,
	})
	d.header["typ"] = "token-introspection+jwt"
	return d.issue()
}
