package oauthtest

import (
	"fmt"
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
	s.editMembers(resourceMetadataPath, m)
	writeJSON(w, http.StatusOK, m)
}

// serveResource answers with what it knows of the token.
func (s *Server) serveResource(w http.ResponseWriter, r *http.Request) {
	t, perr := s.bearer(r)
	if perr == nil && len(t.resources()) > 0 && !slices.ContainsFunc(s.resources(), func(resource string) bool {
		return slices.Contains(t.resources(), resource)
	}) {
		perr = s.challenge(http.StatusUnauthorized, "invalid_token", "the access token is for another resource")
	}
	if perr != nil {
		// RFC 9728, Section 5.1 and RFC 6750, Section 3.
		w.Header().Set("WWW-Authenticate", perr.challenge+fmt.Sprintf(", scope=%q, resource_metadata=%q",
			resourceScope, s.endpointURL(resourceMetadataPath+resourcePath)))
		noStore(w)
		w.WriteHeader(perr.status)
		return
	}
	noStore(w)
	writeJSON(w, http.StatusOK, map[string]any{
		"sub":       t.grant.subject(),
		"scope":     strings.Join(t.scope, " "),
		"client_id": t.grant.client.ID,
	})
}
