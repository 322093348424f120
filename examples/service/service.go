package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"example.com/oauth"
)

// A service calls an API with a token of its own. The Transport gets the token
// when the first call needs it, and another one before it expires or when the
// API says that it is not good any more; calls at the same time wait for one
// request.
type service struct {
	client    *oauth.Client
	server    *oauth.AuthorizationServer
	api       string // its URL
	transport *oauth.Transport
	out       io.Writer
	step      func(format string, args ...any)
}

func lifetime(expiry, now time.Time) string {
	if expiry.IsZero() {
		return "a time that the server does not say"
	}
	return expiry.Sub(now).Round(time.Second).String()
}

// call calls the API.
func (s *service) call(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.api, nil)
	if err != nil {
		return err
	}
	// A redirect to another origin than the API's fails: the token is not for it.
	resp, err := (&http.Client{Transport: s.transport, Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answered %s%s", resp.Status, reason(resp.Header))
	}
	// What the API says would be put to use here.
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return err
}

// reason is the error code of an API: RFC 6750, Section 3.1.
func reason(h http.Header) string {
	for _, challenge := range oauth.ParseChallenges(h) {
		if code := challenge.Params["error"]; challenge.HasScheme("Bearer") && code != "" {
			return ": " + printable(code)
		}
	}
	return ""
}

// run calls the API, again and again if every is not zero, and ends the token.
func (s *service) run(ctx context.Context, every time.Duration) error {
	err := s.call(ctx)
	for err == nil && every > 0 {
		select {
		case <-time.After(every):
			err = s.call(ctx)
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if ctx.Err() != nil { // an interrupt is how the program is ended
		err = nil
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, s.end(last))
}

// end shows what the server knows of the token, and revokes it.
func (s *service) end(ctx context.Context) error {
	last := s.transport.Token()
	if last == nil {
		return nil
	}
	token := last.AccessToken.Reveal()
	info, err := s.introspect(ctx, token)
	if err := errors.Join(err, s.revoke(ctx, token)); err != nil {
		return err
	}
	if info != nil {
		// The subject of such a token is the client (RFC 9068, Section 2.2), if the
		// server names one at all.
		fmt.Fprintf(s.out, "\nsub: %s\nclient_id: %s\nscope: %s\n",
			printable(cmp.Or(info.Subject(), info.ClientID())), printable(info.ClientID()), printable(strings.Join(info.Scope(), " ")))
	}
	return nil
}

// unsupported reports whether the server keeps no record of such a token, a JWT
// for instance (RFC 7009, Section 2.2.1).
func unsupported(err error) bool {
	var refused *oauth.ResponseError
	return errors.As(err, &refused) && refused.Code == "unsupported_token_type"
}

// introspect returns nil if the token is not active any more, and where nobody
// can say.
func (s *service) introspect(ctx context.Context, token string) (*oauth.Introspection, error) {
	if s.server.IntrospectionEndpoint == "" {
		s.step("service: the server has no introspection endpoint")
		return nil, nil
	}
	info, err := s.client.Introspect(ctx, token, &oauth.EndpointOptions{TokenTypeHint: "access_token"})
	switch {
	case errors.Is(err, oauth.ErrInactive):
		s.step("service: the server says that the token is not active")
		return nil, nil
	case unsupported(err):
		s.step("service: the server says nothing of tokens of this kind")
		return nil, nil
	case err != nil:
		return nil, err
	}
	s.step("service: the server says that the token is active")
	return info, nil
}

func (s *service) revoke(ctx context.Context, token string) error {
	if s.server.RevocationEndpoint == "" {
		s.step("service: the server has no revocation endpoint: the token ends by itself")
		return nil
	}
	err := s.client.Revoke(ctx, token, &oauth.EndpointOptions{TokenTypeHint: "access_token"})
	switch {
	case unsupported(err):
		s.step("service: the server revokes no tokens of this kind: it ends by itself")
		return nil
	case err != nil:
		return err
	}
	s.step("service: has revoked the token")
	return nil
}

// printable makes what came from outside fit for a line of a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
