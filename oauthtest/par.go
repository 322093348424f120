package oauthtest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file implements pushed authorization requests: RFC 9126.

// A pushedRequest waits for the browser.
type pushedRequest struct {
	req    *authorizationRequest
	params url.Values
	expiry time.Time
}

// credentialParams are the parameters of client authentication, which are no
// part of the authorization request that they come with.
var credentialParams = [...]string{"client_secret", "client_assertion", "client_assertion_type"}

func (s *Server) servePAR(w http.ResponseWriter, r *http.Request) {
	params, perr := formParams(r)
	if perr != nil {
		perr.write(w)
		return
	}
	client, perr := s.authenticateClient(r, params)
	if perr != nil {
		perr.write(w)
		return
	}
	if perr := proofError(r); perr != nil {
		perr.write(w)
		return
	}
	for _, name := range credentialParams {
		params.Del(name)
	}
	params.Set("client_id", client.ID)
	req, params, perr := s.readPushed(client, params)
	s.recordParams(r, params)
	if perr == nil {
		perr = req.bindCode(proofOf(r))
	}
	if perr != nil {
		perr.write(w)
		return
	}
	uri := "urn:ietf:params:oauth:request_uri:" + rand.Text()
	s.mu.Lock()
	s.pushed[uri] = &pushedRequest{req, params, s.now().Add(pushedLifetime)}
	s.mu.Unlock()
	answer := map[string]any{"request_uri": uri, "expires_in": int(pushedLifetime / time.Second)}
	s.editMembers(parPath, answer)
	noStore(w)
	writeJSON(w, http.StatusCreated, answer)
}

// readPushed checks a request as the authorization endpoint would.
func (s *Server) readPushed(client *Client, params url.Values) (*authorizationRequest, url.Values, *protocolError) {
	if params.Has("request_uri") { // Section 2.1
		return nil, params, invalid("invalid_request", "request_uri cannot be pushed")
	}
	signed := params.Has("request")
	if signed {
		// Section 3: the parameters "are the only parameters other than request".
		for name := range params {
			if name != "request" && name != "client_id" {
				return nil, nil, invalid("invalid_request", "there is a parameter beside the request object")
			}
		}
		var perr *protocolError
		if params, perr = s.openRequestObject(client, params); perr != nil {
			return nil, nil, perr
		}
	} else if client.RequireSignedRequest {
		return nil, params, invalid("invalid_request", "the client has to sign its requests")
	}
	req, perr := s.parseAuthorization(params, nil)
	return req, params, perr
}

// takePushed returns the request that a request_uri stands for, once.
func (s *Server) takePushed(params url.Values) (*authorizationRequest, url.Values, *protocolError) {
	uri := params.Get("request_uri")
	s.mu.Lock()
	p := s.pushed[uri]
	if p != nil && p.req.client.ID == params.Get("client_id") {
		delete(s.pushed, uri) // Section 7.3
	}
	s.mu.Unlock()
	switch {
	case p == nil || p.req.client.ID != params.Get("client_id"):
		return nil, nil, invalid("invalid_request_uri", "unknown or used request_uri, or that of another client")
	case !s.now().Before(p.expiry):
		return nil, nil, invalid("invalid_request_uri", "the request_uri has expired")
	case !agree(params, p.params):
		return nil, nil, invalid("invalid_request", "a parameter is not the one that was pushed")
	}
	return p.req, p.params, nil
}

// agree reports whether parameters that came beside a request object or a
// request_uri are those in it, where it has them. The others are without effect
// (RFC 9101, Section 6.3). The scope may be a part: all that OpenID Connect Core,
// Section 6.1 wants of it is openid.
func agree(outer, inner url.Values) bool {
	for name, values := range outer {
		switch {
		case !inner.Has(name) || slices.Equal(values, inner[name]):
		case name == "scope" && subset(strings.Fields(outer.Get(name)), strings.Fields(inner.Get(name))):
		default:
			return false
		}
	}
	return true
}

func subset(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(whole, s) })
}
