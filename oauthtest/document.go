package oauthtest

import (
	"net/http"
	"time"
)

// This file implements what the server fetches and sends by itself.

const outgoingTimeout = 10 * time.Second

// send makes a request of the server's own. The caller closes the body and
// cancels the context.
func (s *Server) send(req *http.Request) (*http.Response, error) {
	c := *s.client
	if s.opts.OutgoingClient != nil {
		c = *s.opts.OutgoingClient
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c.Do(req)
}
