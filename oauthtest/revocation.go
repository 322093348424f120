package oauthtest

import "net/http"

// This file implements token revocation: RFC 7009.

func (s *Server) serveRevocation(w http.ResponseWriter, r *http.Request) {
	params, client, perr := s.authenticatedForm(r)
	if s.preset.openRevoke && r.Header.Get("Authorization") == "" && params.Get("client_id") == "" {
		client, perr = s.ownerOf(params.Get("token"))
	}
	if perr == nil && params.Get("token") == "" {
		perr = invalid("invalid_request", "token is missing")
	}
	if perr == nil {
		perr = s.revoke(client, params.Get("token"))
	}
	if perr != nil {
		perr.write(w)
		return
	}
	noStore(w)
	w.WriteHeader(http.StatusOK)
}

// ownerOf returns the client of a token, for a provider that asks for no credentials.
func (s *Server) ownerOf(token string) (*Client, *protocolError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.access[token]; t != nil {
		return t.grant.client, nil
	}
	if t := s.refresh[token]; t != nil {
		return t.grant.client, nil
	}
	return nil, invalid("invalid_token", "Token expired or revoked")
}

// revoke ends a token. One that nobody knows is no error (RFC 7009,
// Section 2.2), and a token_type_hint is not needed to find it.
func (s *Server) revoke(client *Client, token string) *protocolError {
	s.mu.Lock()
	defer s.mu.Unlock()
	access, refresh := s.access[token], s.refresh[token]
	switch {
	case access != nil && access.grant.client.ID != client.ID,
		refresh != nil && refresh.grant.client.ID != client.ID:
		// Section 2.1: "the request is refused and the client is informed of the
		// error".
		return invalid("invalid_grant", "the token is that of another client")
	case access != nil:
		delete(s.access, token)
	case refresh != nil:
		// Section 2.1: the access tokens of the same grant go with it.
		refresh.grant.revoked = true
	}
	return nil
}
