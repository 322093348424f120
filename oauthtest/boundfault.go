package oauthtest

import (
	"crypto/rand"
	"net/http"
	"slices"
)

// This file has the faults of bound tokens, of resources and of the refresh.

// Faults of DPoP (RFC 9449).
const (
	DPoPUnboundToken      Fault = "DPoPUnboundToken"      // a Bearer token in response to a valid proof
	DPoPNonceOnEverything Fault = "DPoPNonceOnEverything" // a DPoP-Nonce in each response of each endpoint; harmless
	DPoPNonceTwice        Fault = "DPoPNonceTwice"        // two DPoP-Nonce fields in each response of an endpoint that accepts proofs
	DPoPBadNonce          Fault = "DPoPBadNonce"          // an invalid DPoP-Nonce there: a quote, a backslash, a space
	WrongThumbprint       Fault = "WrongThumbprint"       // introspection says that the token is bound to another key
)

// Faults of the protected resource, which refuses valid tokens.
const (
	ResourceRejects     Fault = "ResourceRejects"     // invalid_token, always
	ResourceRejectsOnce Fault = "ResourceRejectsOnce" // invalid_token to the first request; the same token is accepted after it
	ResourceExpiredOnce Fault = "ResourceExpiredOnce" // invalid_token to the first request, whose token has just expired
)

// Faults of the response to a refresh. The refresh token is not used up.
const (
	RefreshFails        Fault = "RefreshFails"        // status 503 without JSON
	RefreshInvalidGrant Fault = "RefreshInvalidGrant" // the error invalid_grant
)

// boundFaults are those that stand here and not in memberFaults.
func boundFaults() []Fault {
	all := []Fault{DPoPUnboundToken} // a choice of issueAccessToken
	for _, row := range nonceFaults {
		all = append(all, row.fault)
	}
	for _, row := range resourceFaults {
		all = append(all, row.fault)
	}
	for _, row := range refreshFaults {
		all = append(all, row.fault)
	}
	return all
}

// nonceFaults change the DPoP-Nonce header field of an answer.
var nonceFaults = [...]struct {
	fault Fault
	all   bool // of every endpoint, else of those that take proofs
	apply func(s *Server, h http.Header)
}{
	{DPoPNonceOnEverything, true, func(s *Server, h http.Header) {
		if h.Get("DPoP-Nonce") == "" {
			h.Set("DPoP-Nonce", s.nextNonce(DPoPNonceRotating))
		}
	}},
	{DPoPNonceTwice, false, func(s *Server, h http.Header) {
		if h.Get("DPoP-Nonce") == "" {
			h.Set("DPoP-Nonce", s.nextNonce(DPoPNonceRotating))
		}
		h.Add("DPoP-Nonce", rand.Text())
	}},
	{DPoPBadNonce, false, func(_ *Server, h http.Header) { h.Set("DPoP-Nonce", `a "bad\ nonce"`) }},
}

// editNonce is the one place where nonceFaults apply.
func (s *Server) editNonce(h http.Header, takesProofs bool) {
	for _, row := range nonceFaults {
		if (row.all || takesProofs) && s.faulty(row.fault) {
			row.apply(s, h)
		}
	}
}

// resourceFaults refuse a good token.
var resourceFaults = [...]struct {
	fault       Fault
	once        bool
	revoke      bool
	description string
}{
	{ResourceRejects, false, false, "The access token is not to our liking"},
	{ResourceRejectsOnce, true, false, "The access token is not to our liking today"},
	{ResourceExpiredOnce, true, true, "The access token expired"}, // RFC 6750, Section 3
}

// rejectToken is the one place where resourceFaults apply.
func (s *Server) rejectToken(r *http.Request) *tokenError {
	scheme, value := credentialOf(r)
	for _, row := range resourceFaults {
		if row.once && !s.faultyOnce(row.fault) || !row.once && !s.faulty(row.fault) {
			continue
		}
		if row.revoke {
			s.RevokeAccessToken(value)
		}
		return &tokenError{http.StatusUnauthorized, scheme, "invalid_token", row.description}
	}
	return nil
}

// faultyOnce is faulty for a fault that is over when it was seen.
func (s *Server) faultyOnce(f Fault) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.faults, f)
	if i >= 0 {
		s.faults = slices.Delete(s.faults, i, i+1)
	}
	return i >= 0
}

// refreshFaults answer a refresh in place of the token endpoint.
var refreshFaults = [...]struct {
	fault  Fault
	answer func(w http.ResponseWriter)
}{
	{RefreshFails, func(w http.ResponseWriter) {
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	}},
	{RefreshInvalidGrant, func(w http.ResponseWriter) {
		invalid("invalid_grant", "the refresh token is not good any more").write(w)
	}},
}

// replaceRefresh is the one place where refreshFaults apply.
func (s *Server) replaceRefresh(w http.ResponseWriter, r *http.Request) bool {
	if s.fullPath(tokenPath) != r.URL.Path || s.recorded(r).Form.Get("grant_type") != "refresh_token" {
		return false
	}
	for _, row := range refreshFaults {
		if s.faulty(row.fault) {
			row.answer(w)
			return true
		}
	}
	return false
}
