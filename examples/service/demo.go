package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// demo shows a service at a server that runs in this program.
func demo(ctx context.Context, out io.Writer) error {
	c := &clock{now: time.Now()}
	srv := newServer(c)
	defer srv.Close()
	return demoService(ctx, srv, c, out)
}

func newServer(c *clock) *oauthtest.Server {
	return oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: c.Now})
}

// A clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func demoService(ctx context.Context, srv *oauthtest.Server, c *clock, out io.Writer) error {
	// The key of the client. A program loads it with oauth.ParseSigningKey, or
	// has it in a KMS or an HSM and passes its crypto.Signer to
	// oauth.NewSigningKey.
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		return err
	}
	s := settings{
		issuer:     srv.Issuer(),
		clientID:   "service-example",
		key:        key,
		api:        srv.URL() + "/resource",
		scope:      "orders",
		resource:   srv.URL() + "/resource",
		httpClient: srv.Client(),
		now:        c.Now,
	}
	// At a real server this is done by hand, or by its registration endpoint.
	srv.AddClient(oauthtest.Client{
		ID:         s.clientID,
		AuthMethod: "private_key_jwt",
		JWKS:       fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK()),
		GrantTypes: []string{"client_credentials"},
	})
	fmt.Fprintf(out, "server: listens at %s and knows the client %s by its %s key\n", s.issuer, s.clientID, key.Algorithm())
	service, err := newService(ctx, s, out)
	if err != nil {
		return err
	}
	return errors.Join(service.day(ctx, c), service.end(ctx))
}

// day is what the service does all day long.
func (s *service) day(ctx context.Context, c *clock) error {
	for _, wait := range []time.Duration{
		0,                              // no token yet
		9 * time.Minute,                // the token is good for ten
		30*time.Second + time.Second/2, // it is about to expire
	} {
		if wait > 0 {
			c.pass(wait)
			s.step("clock: %v later", wait)
		}
		if err := s.call(ctx); err != nil {
			return err
		}
	}
	return nil
}
