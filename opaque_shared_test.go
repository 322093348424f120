package oauth

// Tests of who asks about an opaque token, and how often.

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// TestIntrospectionShared: requests with one token that come at once make one question,
// and one that leaves takes the answer from nobody.
func TestIntrospectionShared(t *testing.T) {
	for _, active := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) { testIntrospectionShared(t, active) })
	}
}

func testIntrospectionShared(t *testing.T, active bool) {
	s := newUnitServer()
	begun, open := make(chan string, 10), make(chan struct{})
	rs := s.opaqueServer(t, func(c *ResourceServerConfig) {
		c.Introspect = s.introspector(t, func(cfg *Config) {
			cfg.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
				begun <- r.URL.Path
				<-open
				return s.RoundTrip(r)
			}).client()
		})
	})
	s.answer(introspectionPath, unitJSON(t, map[string]any{"active": active}))
	ctx, leave := context.WithCancel(context.Background())
	left := make(chan error, 1)
	go func() {
		_, err := rs.Authenticate(bearer("a").WithContext(ctx))
		left <- err
	}()
	<-begun
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInvalid) {
		t.Errorf("who left got %v", err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := rs.Authenticate(bearer("a"))
			if active != (err == nil) || !active && !errors.Is(err, ErrInactive) {
				t.Errorf("active %v: %v", active, err)
			}
		})
	}
	wg.Go(func() { rs.Authenticate(bearer("b")) }) // another token is another question
	synctest.Wait()
	close(open)
	wg.Wait()
	if n := len(s.requests(introspectionPath)); n != 2 {
		t.Errorf("active %v: %d questions", active, n)
	}
	if len(rs.inquiries.flights) != 0 {
		t.Errorf("%d questions are kept", len(rs.inquiries.flights))
	}
}

// TestIntrospectFor: the function chooses who asks, on every request, and what one server
// said is not used for another.
func TestIntrospectFor(t *testing.T) {
	one, two := newUnitServer(), newUnitServer()
	clients := map[string]*Client{
		"one":         one.introspector(t, nil),
		"two":         two.introspector(t, func(c *Config) { c.Server.Issuer = "https://two.example" }),
		"no endpoint": one.client(t, nil), "no auth": one.introspector(t, func(c *Config) { c.Auth = nil }), "empty": new(Client),
	}
	cause := errors.New("the database is away")
	var chosen string // by the host of the request, say
	s := newUnitServer()
	config := func(c *ResourceServerConfig) {
		c.Servers = nil
		c.IntrospectionTTL = maxIntrospectionTTL
		c.IntrospectFor = func(_ context.Context, token string) (*Client, error) {
			switch {
			case chosen == "fails":
				return nil, cause
			case chosen == "panics":
				panic(cause)
			case chosen == "by token":
				name, _, _ := strings.Cut(token, "_")
				return clients[name], nil
			}
			return clients[chosen], nil
		}
	}
	rs := s.resource(t, config)
	one.answer(introspectionPath, `{"active":true,"sub":"alice"}`)
	two.answer(introspectionPath, `{"active":true,"sub":"bob"}`)
	for _, tt := range []struct {
		chosen, token, sub string
		kind               error
		asked              int
	}{
		{"one", "a", "alice", nil, 1}, {"one", "a", "alice", nil, 1}, {"two", "a", "bob", nil, 2}, {"one", "a", "alice", nil, 3},
		{"by token", "two_x", "bob", nil, 4}, {"by token", "one_x", "alice", nil, 5}, {"by token", "none_x", "", ErrInactive, 5},
		{"nobody", "a", "", ErrInactive, 5}, {"fails", "a", "", ErrUnavailable, 5}, {"panics", "a", "", ErrUnavailable, 5},
		{"no endpoint", "a", "", ErrUnavailable, 5}, {"no auth", "a", "", ErrUnavailable, 5}, {"empty", "a", "", ErrUnavailable, 5},
	} {
		chosen = tt.chosen
		token, err := authenticate(t, rs, bearer(tt.token))
		param := ""
		if tt.kind != nil {
			param = "IntrospectFor"
		}
		if wantError(t, err, tt.kind, param); token.Subject() != tt.sub {
			t.Errorf("%+v: %q", tt, token.Subject())
		}
		if errors.Is(err, ErrUnavailable) && errors.Is(err, ErrInvalid) || chosen == "fails" && !errors.Is(err, cause) {
			t.Errorf("%+v: %v", tt, err)
		}
		if n := len(one.requests(introspectionPath)) + len(two.requests(introspectionPath)); n != tt.asked {
			t.Errorf("%+v: asked %d times", tt, n)
		}
	}
	quoting := s.resource(t, func(c *ResourceServerConfig) {
		c.IntrospectFor = func(_ context.Context, token string) (*Client, error) { return nil, errors.New("nothing of " + token) }
	})
	if _, err := authenticate(t, quoting, bearer("opaque-token-0123456789")); strings.Contains(err.Error(), "0123456789") {
		t.Errorf("the error has the token: %v", err)
	}
	// What one server calls inactive another may know.
	chosen = "one"
	one.answer(introspectionPath, `{"active":false}`)
	_, err := authenticate(t, rs, bearer("b"))
	wantError(t, err, ErrInactive, "active")
	chosen = "two"
	if _, err := authenticate(t, rs, bearer("b")); err != nil {
		t.Error(err)
	}
	// With a profile, the Client has to keep to it.
	profiled := s.resource(t, func(c *ResourceServerConfig) { config(c); c.SecurityProfile = FAPI2MessageSigning })
	_, err = authenticate(t, profiled, bearer("c"))
	if wantError(t, err, ErrUnavailable, "IntrospectFor"); !strings.Contains(err.Error(), "IntrospectionSignedResponseAlg") {
		t.Error(err)
	}
	cfg := s.resourceConfig()
	config(&cfg)
	cfg.Introspect = clients["one"]
	_, err = NewResourceServer(cfg)
	wantError(t, err, ErrConfig, "IntrospectFor")
}
