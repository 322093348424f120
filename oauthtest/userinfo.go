package oauthtest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// This file implements the userinfo endpoint: OpenID Connect Core, Section 5.3
// and RFC 6750.

func (s *Server) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	t, perr := s.bearer(r)
	if perr == nil && !slices.Contains(t.scope, "openid") {
		perr = s.challenge(http.StatusForbidden, "insufficient_scope", "the access token lacks the scope openid")
	}
	if perr != nil {
		w.Header().Set("WWW-Authenticate", perr.challenge)
		noStore(w)
		w.WriteHeader(perr.status)
		return
	}
	claims := s.userClaims(t.grant.user, t.scope)
	s.editMembers(userinfoPath, claims)
	noStore(w)
	alg, ok := algorithmByName(t.grant.client.UserinfoAlg)
	if !ok || s.faulty(UserinfoJSONInsteadOfJWT) {
		writeJSON(w, http.StatusOK, claims)
		return
	}
	// Section 5.3.2: a signed answer has iss and aud.
	claims["iss"], claims["aud"] = s.issuer, t.grant.client.ID
	token, err := s.newDraft(userinfoJWT, alg, claims).issue()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/jwt")
	io.WriteString(w, token)
}

// bearer returns the access token of a request (RFC 6750, Section 2.1).
func (s *Server) bearer(r *http.Request) (*accessToken, *protocolError) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		// Section 3.1: without credentials the challenge has no error code.
		return nil, s.challenge(http.StatusUnauthorized, "", "")
	}
	scheme, value, ok := strings.Cut(header[0], " ")
	if !ok || len(header) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return nil, s.challenge(http.StatusUnauthorized, "", "")
	}
	if t := s.validAccessToken(value); t != nil {
		return t, nil
	}
	return nil, s.challenge(http.StatusUnauthorized, "invalid_token", "unknown, expired or revoked")
}

// challenge returns an error with the WWW-Authenticate header of RFC 6750,
// Section 3.
func (s *Server) challenge(status int, code, description string) *protocolError {
	c := fmt.Sprintf("Bearer realm=%q", s.issuer)
	if code != "" {
		c += fmt.Sprintf(", error=%q, error_description=%q", code, description)
	}
	return &protocolError{status: status, code: code, description: description, challenge: c}
}
