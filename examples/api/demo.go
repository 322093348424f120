package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// demo shows API and client at a server that runs in this program.
func demo(ctx context.Context, out io.Writer) error {
	srv := newServer()
	defer srv.Close()
	return demoAPI(ctx, srv, srv.Client(), out)
}

func newServer() *oauthtest.Server {
	return oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, JWTAccessTokens: true})
}

func demoAPI(ctx context.Context, srv *oauthtest.Server, httpClient *http.Client, out io.Writer) error {
	step := stepTo(out)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	s, err := demoSettings(srv, "http://"+ln.Addr().String()+ordersPath)
	if err != nil {
		return err
	}
	s.httpClient = httpClient
	step("server: listens at %s and knows the client %s", s.issuer, s.clientID)
	api, err := newAPI(ctx, s, step)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- serve(ctx, ln, api) }()
	said, err := day(ctx, srv, s, step)
	cancel()
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	said.print(out)
	return nil
}

const redirectURI = "https://shop.example.com/callback"

// demoSettings are those of the API at that URL and of its client, which the server
// knows by its key.
func demoSettings(srv *oauthtest.Server, api string) (settings, error) {
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	s := settings{
		resource:   api,
		call:       api,
		clientID:   "shop",
		key:        key,
		issuer:     srv.Issuer(),
		allowHTTP:  true, // the API of the demo listens on loopback without TLS
		httpClient: srv.Client(),
	}
	if err != nil {
		return s, err
	}
	// At a real server this is done by hand, or by its registration endpoint.
	srv.AddClient(oauthtest.Client{
		ID:           s.clientID,
		AuthMethod:   "private_key_jwt",
		JWKS:         fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK()),
		GrantTypes:   []string{"client_credentials", "authorization_code"},
		RedirectURIs: []string{redirectURI},
		RequireDPoP:  true,
	})
	return s, nil
}

// day is a call that goes well, one that is refused twice, and what has to be done
// so that it is not.
func day(ctx context.Context, srv *oauthtest.Server, s settings, step stepFunc) (*answer, error) {
	c, err := newCaller(ctx, s, step)
	if err != nil {
		return nil, err
	}
	said, err := c.orders(ctx, c.transport, http.MethodGet)
	if err != nil {
		return nil, err
	}
	step("client: %s sees %d orders", printable(said.Sub), said.Orders)

	// That token was for reading. Which scope is needed stands in the answer.
	less, err := c.refused(ctx, c.transport, "insufficient_scope")
	if err != nil {
		return nil, err
	}
	more, err := c.withScope(less.Params["scope"])
	if err != nil {
		return nil, err
	}
	// The scope is right, and nobody authenticated.
	stale, err := c.refused(ctx, more, "insufficient_user_authentication")
	if err != nil {
		return nil, err
	}
	user, err := c.login(ctx, srv, stale)
	if err != nil {
		return nil, err
	}
	return c.orders(ctx, user, http.MethodPost)
}

// refused tries to place an order, which fails with that code.
func (c *caller) refused(ctx context.Context, transport *oauth.Transport, code string) (oauth.Challenge, error) {
	_, err := c.orders(ctx, transport, http.MethodPost)
	var r *refusal
	switch {
	case err == nil:
		return oauth.Challenge{}, fmt.Errorf("the API places an order without %s", code)
	case !errors.As(err, &r) || r.challenge.Params["error"] != code:
		return oauth.Challenge{}, err
	}
	return r.challenge, nil
}

// login logs a user in as the API wants it (RFC 9470, Section 4): examples/login
// shows how an application does it. The token is bound to the same key.
func (c *caller) login(ctx context.Context, srv *oauthtest.Server, wanted oauth.Challenge) (*oauth.Transport, error) {
	maxAge, err := strconv.ParseInt(wanted.Params["max_age"], 10, 64)
	if err != nil {
		return nil, err
	}
	auth, err := c.client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: redirectURI,
		Scope:       append([]string{"openid"}, strings.Fields(wanted.Params["scope"])...),
		Resource:    []string{c.resource},
		MaxAge:      &maxAge,
	})
	if err != nil {
		return nil, err
	}
	callback, err := srv.Authorize(ctx, auth.URL())
	if err != nil {
		return nil, err
	}
	token, err := c.client.FinishAuthorization(callback, auth, nil)
	if err != nil {
		return nil, err
	}
	c.step("client: %s logged in", printable(token.Subject()))
	origins, err := c.origins()
	if err != nil {
		return nil, err
	}
	return c.client.NewTransport(token, oauth.TransportOptions{Origins: origins})
}
