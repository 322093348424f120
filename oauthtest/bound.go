package oauthtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// This file implements what tokens are bound to, and how they are presented: to
// a DPoP key by RFC 9449, to a client certificate by RFC 8705, Section 3, to
// nothing by RFC 6750.

// A binding is what a token is bound to. The zero value is nothing.
type binding struct {
	jkt string // thumbprint of a DPoP key: RFC 9449, Section 6
	x5t string // SHA-256 of a certificate: RFC 8705, Section 3.1
}

// covers reports whether somebody who has proved b may use what is bound to
// other.
func (b binding) covers(other binding) bool {
	return (other.jkt == "" || other.jkt == b.jkt) && (other.x5t == "" || other.x5t == b.x5t)
}

// tokenType is the token_type of RFC 9449, Section 5. A token that is bound to a
// certificate alone is a Bearer token (RFC 8705, Section 3).
func (b binding) tokenType() string {
	if b.jkt != "" {
		return dpopScheme
	}
	return bearerScheme
}

// cnf is the confirmation claim: RFC 9449, Section 6.2; RFC 8705, Section 3.2.
// Nil means that there is none.
func (b binding) cnf() map[string]any {
	m := map[string]any{}
	if b.jkt != "" {
		m["jkt"] = b.jkt
	}
	if b.x5t != "" {
		m["x5t#S256"] = b.x5t
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

// certificateThumbprint is that of the certificate of the connection, "" without
// one.
func certificateThumbprint(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	return hashOf(r.TLS.PeerCertificates[0].Raw)
}

// readBinding is what the tokens of a request to the token endpoint are bound
// to.
func readBinding(r *http.Request, client *Client) (binding, *protocolError) {
	var b binding
	p := proofOf(r)
	switch {
	case p != nil && p.err != nil:
		return b, p.err
	case p != nil:
		b.jkt = p.jkt
	case client.RequireDPoP: // RFC 9449, Section 5.2
		return b, invalid("invalid_dpop_proof", "the client has to prove that it has its key")
	}
	if client.CertificateBound {
		b.x5t = certificateThumbprint(r)
	}
	return b, nil
}

// refreshBinding is what a refresh token is bound to. That of a client that
// authenticates is bound to its credentials instead (RFC 9449, Section 5; RFC
// 8705, Section 7.1).
func (g *grant) refreshBinding(b binding) binding {
	if g.client.AuthMethod == "none" {
		return b
	}
	return binding{}
}

// bindCode is RFC 9449, Section 10.1: a proof that comes with a pushed request
// is as good as dpop_jkt, and must not contradict it.
func (req *authorizationRequest) bindCode(p *proof) *protocolError {
	switch {
	case p == nil:
	case req.jkt != "" && req.jkt != p.jkt:
		return invalid("invalid_request", "dpop_jkt is not the key of the proof")
	default:
		req.jkt = p.jkt
	}
	return nil
}

// addBindingMetadata adds what says that tokens can be bound: RFC 9449, Section
// 5.1; RFC 8705, Section 3.3; for a resource RFC 9728, Section 2.
func (s *Server) addBindingMetadata(m map[string]any) {
	m["dpop_signing_alg_values_supported"] = algorithmNames()
	if s.mtls != nil {
		m["tls_client_certificate_bound_access_tokens"] = true
	}
}

// The schemes under which a token is presented.
const (
	bearerScheme = "Bearer"
	dpopScheme   = "DPoP"
)

// A tokenError is why a resource refuses a request; its code may be empty (RFC
// 6750, Section 3.1). The scheme is the one that was tried.
type tokenError struct {
	status      int
	scheme      string
	code        string
	description string
}

// refuseToken answers with a challenge for each scheme, with the error in that
// of the scheme that was tried (RFC 9449, Section 7.2). The params come at the
// end of both.
func (s *Server) refuseToken(w http.ResponseWriter, e *tokenError, params string) {
	for _, scheme := range [...]string{bearerScheme, dpopScheme} {
		c := fmt.Sprintf("%s realm=%q", scheme, s.issuer)
		if scheme == e.scheme && e.code != "" {
			c += fmt.Sprintf(", error=%q, error_description=%q", e.code, e.description)
		}
		if scheme == dpopScheme {
			c += fmt.Sprintf(", algs=%q", strings.Join(algorithmNames(), " "))
		}
		w.Header().Add("WWW-Authenticate", c+params)
	}
	noStore(w)
	w.WriteHeader(e.status)
}

// credentialOf returns the token in the Authorization header and its scheme, ""
// if there is none.
func credentialOf(r *http.Request) (scheme, token string) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", ""
	}
	name, token, _ := strings.Cut(values[0], " ")
	for _, scheme := range [...]string{bearerScheme, dpopScheme} {
		if strings.EqualFold(name, scheme) {
			return scheme, token
		}
	}
	return "", ""
}

// presented returns the access token of a request to a resource (RFC 6750,
// Section 2.1; RFC 9449, Section 7.1) that has the scope, if that is not empty.
func (s *Server) presented(r *http.Request, scope string) (*accessToken, *tokenError) {
	scheme, value := credentialOf(r)
	if scheme == "" {
		return nil, &tokenError{status: http.StatusUnauthorized}
	}
	t := s.validAccessToken(value)
	if t == nil {
		return nil, &tokenError{http.StatusUnauthorized, scheme, "invalid_token", "unknown, expired or revoked"}
	}
	if e := checkBinding(r, scheme, value, t.bound); e != nil {
		return nil, e
	}
	if scope != "" && !slices.Contains(t.scope, scope) {
		return nil, &tokenError{http.StatusForbidden, scheme, "insufficient_scope", "the access token lacks the scope " + scope}
	}
	return t, nil
}

// checkBinding checks that a token came in the way that its binding demands.
func checkBinding(r *http.Request, scheme, value string, bound binding) *tokenError {
	refuse := func(code, description string) *tokenError {
		return &tokenError{http.StatusUnauthorized, scheme, code, description}
	}
	p := proofOf(r)
	switch {
	case bound.tokenType() != scheme:
		// RFC 9449, Section 7.2: else a stolen token would be as good as any.
		return refuse("invalid_token", "the token is to be presented as "+bound.tokenType())
	case scheme == bearerScheme:
	case p == nil:
		return refuse("invalid_dpop_proof", "there is no proof")
	case p.err != nil:
		return refuse(p.err.code, p.err.description)
	case p.ath != hashOf([]byte(value)):
		return refuse("invalid_dpop_proof", "ath is not the hash of the access token")
	case p.jkt != bound.jkt:
		return refuse("invalid_token", "the token is bound to another key")
	}
	if bound.x5t != "" && bound.x5t != certificateThumbprint(r) { // RFC 8705, Section 3
		return refuse("invalid_token", "the token is bound to another certificate")
	}
	return nil
}

// RevokeAccessToken makes an access token invalid, and nothing else: the refresh
// token of the same grant stays valid. It reports whether there was such a token.
func (s *Server) RevokeAccessToken(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.access[token]
	delete(s.access, token)
	return ok
}

// MTLSURL returns the origin of the listener that requests client certificates. Its
// paths are the same as those of the main listener. It is empty if [Options.Plain]
// is set.
func (s *Server) MTLSURL() string {
	if s.mtls == nil {
		return ""
	}
	return s.mtls.URL
}

func (s *Server) tokenLifetime() time.Duration {
	if s.opts.AccessTokenLifetime > 0 {
		return s.opts.AccessTokenLifetime
	}
	return accessTokenLifetime
}
