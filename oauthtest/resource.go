package oauthtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// This file implements a protected resource and its metadata: RFC 6750 and
// RFC 9728.

// resourceScope is the scope that the challenge of the resource names. It is
// what to ask for; a token with another scope will do.
const resourceScope = "openid"

// resources are the resource identifiers that the server answers for: itself,
// and the resource below it.
func (s *Server) resources() []string {
	return []string{s.endpointURL(""), s.endpointURL(resourcePath)}
}

// serveResourceMetadata answers the well-known locations of both identifiers:
// the path of the resource follows what was inserted (RFC 9728, Section 3.1).
func (s *Server) serveResourceMetadata(w http.ResponseWriter, r *http.Request) {
	resource := s.resources()[0]
	if r.URL.Path == s.fullPath(resourceMetadataPath+resourcePath) {
		resource = s.endpointURL(resourcePath)
	}
	m := map[string]any{
		"resource":                 resource,
		"authorization_servers":    []string{s.issuer},
		"scopes_supported":         scopesSupported,
		"bearer_methods_supported": []string{"header"},
	}
	s.addBindingMetadata(m)
	s.editMembers(resourceMetadataPath, m)
	writeJSON(w, http.StatusOK, m)
}

// serveResource answers with what it knows of the token, and with the SHA-256 of
// the body that it got, in hexadecimal.
func (s *Server) serveResource(w http.ResponseWriter, r *http.Request) {
	t, refused := s.presented(r, "")
	if refused == nil && !s.forThisResource(t) {
		scheme, _ := credentialOf(r)
		refused = &tokenError{http.StatusUnauthorized, scheme, "invalid_token", "the access token is for another resource"}
	}
	if refused == nil {
		refused = s.rejectToken(r)
	}
	if refused != nil {
		// RFC 9728, Section 5.1 and RFC 6750, Section 3.
		s.refuseToken(w, refused, fmt.Sprintf(", scope=%q, resource_metadata=%q",
			resourceScope, s.endpointURL(resourceMetadataPath+resourcePath)))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sum := sha256.Sum256(body)
	noStore(w)
	writeJSON(w, http.StatusOK, map[string]any{
		"sub":         t.grant.subject(),
		"scope":       strings.Join(t.scope, " "),
		"client_id":   t.grant.client.ID,
		"body_sha256": hex.EncodeToString(sum[:]),
	})
}

// forThisResource reports whether a token that names resources names this one.
func (s *Server) forThisResource(t *accessToken) bool {
	return len(t.resources()) == 0 || slices.ContainsFunc(s.resources(), func(resource string) bool {
		return slices.Contains(t.resources(), resource)
	})
}

// serveResourceRedirect sends whoever comes on to the URL in the parameter to.
func (s *Server) serveResourceRedirect(w http.ResponseWriter, r *http.Request) {
	to := r.URL.Query().Get("to")
	if to == "" {
		http.Error(w, "to is missing", http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusTemporaryRedirect)
}
