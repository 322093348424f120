package oauthtest

import (
	"fmt"
	"io"
	"net/http"
)

// This file implements the userinfo endpoint: OpenID Connect Core, Section 5.3
// and RFC 6750.

func (s *Server) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	t, refused := s.presented(r, "openid")
	if refused != nil {
		s.refuseToken(w, refused, "")
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
	token, err := s.newDraft(userinfoJWT, t.grant.client, alg, claims).issue()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/jwt")
	io.WriteString(w, token)
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
