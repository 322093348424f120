package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"

	"example.com/oauth"
)

// A service calls an API with a token of its own.
type service struct {
	client *oauth.Client
	server *oauth.AuthorizationServer
	grant  *oauth.GrantOptions // what the token is asked for
	api    string              // its URL
	http   *http.Client        // for the API
	now    func() time.Time    // the clock that Token.Expiry is read with
	out    io.Writer
	step   func(format string, args ...any)

	mu    sync.Mutex
	token *oauth.Token // nil: none
}

// early is how long before its expiry a token is replaced, so that it does not
// expire on its way.
const early = 30 * time.Second

// accessToken returns the token that is there or, if it is about to expire, a
// new one. Calls at the same time wait for one request. A refresh token plays no
// part: the client has what it gets tokens with (RFC 6749, Section 4.4.3).
func (s *service) accessToken(ctx context.Context) (*oauth.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Without an Expiry the API says when the token is not good any more.
	if s.token != nil && (s.token.Expiry.IsZero() || s.now().Before(s.token.Expiry.Add(-early))) {
		return s.token, nil
	}
	token, err := s.client.ClientCredentials(ctx, s.grant)
	if err != nil {
		return nil, err
	}
	s.token = token
	s.step("service: has a token for %s", lifetime(token.Expiry, s.now()))
	return token, nil
}

func lifetime(expiry, now time.Time) string {
	if expiry.IsZero() {
		return "a time that the server does not say"
	}
	return expiry.Sub(now).Round(time.Second).String()
}

// forget drops a token, unless another call has replaced it by now.
func (s *service) forget(token *oauth.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == token {
		s.token = nil
	}
}

// call calls the API. A token can end before its time: after a 401 a new one is
// worth one try (RFC 6750, Section 3.1).
func (s *service) call(ctx context.Context) error {
	for again := true; ; again = false {
		token, err := s.accessToken(ctx)
		if err != nil {
			return err
		}
		resp, err := s.get(ctx, token)
		if err != nil {
			return err
		}
		s.step("service: GET %s: status %d", s.api, resp.StatusCode)
		switch {
		case resp.StatusCode == http.StatusOK:
			return nil
		case resp.StatusCode == http.StatusUnauthorized && again:
			s.forget(token)
		default:
			return fmt.Errorf("the API answered %s%s", resp.Status, reason(resp.Header))
		}
	}
}

func (s *service) get(ctx context.Context, token *oauth.Token) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.api, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	// What the API says would be put to use here.
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp, err
}

// reason is the error code of an API: RFC 6750, Section 3.1.
func reason(h http.Header) string {
	for _, challenge := range oauth.ParseChallenges(h) {
		if code := challenge.Params["error"]; challenge.Is("Bearer") && code != "" {
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == nil {
		return nil
	}
	token := s.token.AccessToken.Reveal()
	s.token = nil
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
