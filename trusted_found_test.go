package oauth

// Tests of how long a server that was found is used, and of what strangers can do to it.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestFoundServerAge: a server is asked for again, and used meanwhile; what the program
// says then counts at once, for tokens that are remembered, too.
func TestFoundServerAge(t *testing.T) {
	const iss = tenantIssuers + "1"
	old, fresh := namedKey(t, "old"), namedKey(t, "fresh")
	ofOld, ofFresh := must(old.SignJWT("at+jwt", nowClaims(iss))), must(fresh.SignJWT("at+jwt", nowClaims(iss)))
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		away := errors.New("the database is away")
		f := newFinding(t, s, func(c *ResourceServerConfig) { c.Clock, c.VerifiedTokens = Clock{}, 10 })
		given := func(keys *KeySet) func(string) (*TrustedServer, error) {
			return func(string) (*TrustedServer, error) {
				return &TrustedServer{Server: &AuthorizationServer{Issuer: iss}, KeySet: keys}, nil
			}
		}
		fails := func(string) (*TrustedServer, error) { return nil, away }
		none := func(string) (*TrustedServer, error) { return nil, nil }
		for i, tt := range []struct {
			answer func(string) (*TrustedServer, error)
			wait   time.Duration
			token  string
			kind   error
			asked  int32
		}{
			{given(setOfKeys(old)), 0, ofOld, nil, 1},
			{given(setOfKeys(fresh)), foundServerLife - 1, ofOld, nil, 1},
			{given(setOfKeys(fresh)), 1, ofOld, nil, 2}, // and used meanwhile
			{given(setOfKeys(fresh)), 1, ofOld, ErrKeyNotFound, 2},
			{given(setOfKeys(fresh)), 0, ofFresh, nil, 2},
			{fails, foundServerLife, ofFresh, nil, 3},
			{fails, retryAfter - 1, ofFresh, nil, 3},
			{fails, 2, ofFresh, nil, 4},
			{fails, maxFoundServerLife - foundServerLife - time.Minute, ofFresh, nil, 5},
			{fails, time.Minute, ofFresh, nil, 6}, // an hour after it was said
			{fails, retryAfter, ofFresh, ErrUnavailable, 7},
			{given(setOfKeys(fresh)), retryAfter, ofFresh, nil, 8},
			{none, foundServerLife, ofFresh, nil, 9},
			{given(setOfKeys(fresh)), noServerLife - 1, ofFresh, ErrIssuer, 9},
			{given(setOfKeys(fresh)), 2, ofFresh, nil, 10},
		} {
			f.answer = tt.answer
			time.Sleep(tt.wait)
			_, err := authenticate(t, f.ResourceServer, bearer(tt.token))
			synctest.Wait()
			if (err == nil) != (tt.kind == nil) || !errors.Is(err, tt.kind) {
				t.Errorf("%d: %v, want %v", i, err, tt.kind)
			}
			if n := f.count(iss); n != tt.asked {
				t.Errorf("%d: asked %d times, want %d", i, n, tt.asked)
			}
		}
	})
}

// nowClaims are good for a day by the clock of a synctest bubble.
func nowClaims(iss string) map[string]any {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	return accessClaims(map[string]any{"iss": iss, "iat": start, "exp": start + 86400, "nbf": unitRemoved})
}

// TestFoundServerKept: what nobody has signed takes no place from an issuer with good
// tokens, and one jwks_uri has one KeySet.
func TestFoundServerKept(t *testing.T) {
	s := newUnitServer()
	f := newFinding(t, s, nil)
	f.finder.budget.burst = 3 * maxFoundServers
	f.answer = func(iss string) (*TrustedServer, error) {
		return &TrustedServer{Server: &AuthorizationServer{Issuer: iss, JWKSURI: unitIssuer + "/jwks"}}, nil
	}
	honest := tokenFrom(tenantIssuers+"honest", s.key)
	if _, err := authenticate(t, f.ResourceServer, honest); err != nil {
		t.Fatal(err)
	}
	fetched := len(s.requests("/jwks"))
	other := *namedKey(t, s.key.kid)
	for i := range maxFoundServers + 50 {
		_, err := authenticate(t, f.ResourceServer, tokenFrom(fmt.Sprint(tenantIssuers, i), &other))
		wantError(t, err, ErrSignature, "")
	}
	if f.finder.known[tenantIssuers+"honest"] == nil || len(f.finder.known) != maxFoundServers {
		t.Error("a stranger takes the place of an issuer")
	}
	if _, err := authenticate(t, f.ResourceServer, honest); err != nil || f.count(tenantIssuers+"honest") != 1 {
		t.Errorf("%v, asked %d times", err, f.count(tenantIssuers+"honest"))
	}
	if n := len(s.requests("/jwks")); n != fetched {
		t.Errorf("%d fetches of one jwks_uri", n)
	}
	f.CloseIdleConnections()
}

// TestFoundServerForgotten: a token that is remembered outlives its server's place, and a
// server that is known is used where nobody may ask.
func TestFoundServerForgotten(t *testing.T) {
	s := newUnitServer()
	idle := &idleServer{unitServer: s}
	f := newFinding(t, s, func(c *ResourceServerConfig) { c.VerifiedTokens, c.HTTPClient = 10, &http.Client{Transport: idle} })
	f.answer = func(iss string) (*TrustedServer, error) {
		return &TrustedServer{Server: &AuthorizationServer{Issuer: iss, JWKSURI: unitIssuer + "/jwks"}}, nil
	}
	if b := f.finder.budget; b.interval != time.Second/10 || b.burst != 10 {
		t.Errorf("%+v", b)
	}
	r := tokenFrom(tenantIssuers+"1", s.key)
	for range 2 {
		for range 2 { // with the keys at hand, the second time, the token is remembered
			if _, err := authenticate(t, f.ResourceServer, r); err != nil {
				t.Fatal(err)
			}
		}
		delete(f.finder.known, tenantIssuers+"1")
	}
	if _, err := authenticate(t, f.ResourceServer, r); err != nil || f.count(tenantIssuers+"1") != 3 {
		t.Errorf("%v, asked %d times", err, f.count(tenantIssuers+"1"))
	}
	before := idle.closed
	f.finder.closeIdle()
	found := idle.closed - before
	if f.CloseIdleConnections(); found == 0 || idle.closed-before-found != 2*found { // those of the configured server as well
		t.Errorf("%d, and then %d times", found, idle.closed-before-found)
	}
	e := f.finder.known[tenantIssuers+"1"]
	e.at = momentAgo(foundServerLife)
	f.finder.budget.whole = monotonic().Add(time.Hour)
	if _, err := authenticate(t, f.ResourceServer, r); err != nil {
		t.Errorf("with a budget that is spent: %v", err)
	}
	_, err := authenticate(t, f.ResourceServer, tokenFrom(tenantIssuers+"2", s.key))
	wantError(t, err, ErrUnavailable, "ServerFor")
}

// An idleServer counts how often its idle connections are closed.
type idleServer struct {
	*unitServer
	closed int
}

func (s *idleServer) CloseIdleConnections() { s.closed++ }

// TestAPIWaitsNoLonger: a server that does not answer is given up.
func TestAPIWaitsNoLonger(t *testing.T) {
	s := newUnitServer()
	token := must(s.key.SignJWT("at+jwt", nowClaims(tenantIssuers+"1")))
	synctest.Test(t, func(t *testing.T) {
		hangs := httpFunc(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
		asking := s.opaqueServer(t, func(c *ResourceServerConfig) {
			c.Introspect = s.introspector(t, func(c *Config) { c.HTTPClient = hangs.client() })
		})
		f := newFinding(t, s, func(c *ResourceServerConfig) {
			c.Clock = Clock{}
			c.ServerFor = func(ctx context.Context, _ string) (*TrustedServer, error) { <-ctx.Done(); return nil, ctx.Err() }
		})
		for name, ask := range map[string]func() error{
			"introspection": func() error { _, err := asking.Authenticate(bearer("opaque")); return err },
			"ServerFor":     func() error { _, err := f.Authenticate(bearer(token)); return err },
		} {
			start := time.Now()
			if err := ask(); !errors.Is(err, ErrUnavailable) || time.Since(start) != 10*time.Second {
				t.Errorf("%s: after %v: %v", name, time.Since(start), err)
			}
		}
	})
}

// TestAllowIssuerPanics: it is asked about what anybody wrote, and its fault is no
// verdict.
func TestAllowIssuerPanics(t *testing.T) {
	s := newUnitServer()
	f := newFinding(t, s, func(c *ResourceServerConfig) { c.AllowIssuer = func(iss string) bool { panic(iss) } })
	_, err := f.AuthenticateCredential(context.Background(), Credential{
		Scheme: "Bearer", Token: must(s.key.SignJWT("at+jwt", accessClaims(map[string]any{"iss": tenantIssuers}))),
	})
	if wantError(t, err, ErrUnavailable, "AllowIssuer"); errors.Is(err, ErrInvalid) || strings.Contains(err.Error(), tenantIssuers) {
		t.Error(err)
	}
}

// TestServerAudiences: a server has names of its own for the API, and those of another are
// not good for its tokens.
func TestServerAudiences(t *testing.T) {
	const second = "https://second.example"
	s := newUnitServer()
	key := namedKey(t, "second")
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers[0].Audiences = []string{"api://default"}
		c.Servers = append(c.Servers, TrustedServer{Server: &AuthorizationServer{Issuer: second}, KeySet: setOfKeys(key)})
	})
	for _, tt := range []struct {
		iss, aud string
		key      *SigningKey
		kind     error
	}{
		{unitIssuer, "api://default", s.key, nil}, {unitIssuer, unitResource, s.key, ErrAudience},
		{second, "api://default", key, ErrAudience}, {second, unitResource, key, nil},
	} {
		_, err := authenticate(t, rs, bearer(must(tt.key.SignJWT("at+jwt", accessClaims(map[string]any{"iss": tt.iss, "aud": tt.aud})))))
		wantError(t, err, tt.kind, "")
	}
	for _, list := range [][]string{{}, {"a", ""}} {
		cfg := s.resourceConfig()
		cfg.Servers[0].Audiences = list
		_, err := NewResourceServer(cfg)
		wantError(t, err, ErrConfig, "Servers.Audiences")
	}
}

// TestIntrospectionLeft: a question ends with the last who waits for it, and who comes a
// second later asks anew.
func TestIntrospectionLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		var ended, begun atomic.Int32
		rs := s.opaqueServer(t, func(c *ResourceServerConfig) {
			c.Introspect = s.introspector(t, func(cfg *Config) {
				cfg.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
					begun.Add(1)
					select {
					case <-r.Context().Done():
						ended.Add(1)
						return nil, r.Context().Err()
					case <-time.After(5 * time.Second):
						return s.RoundTrip(r)
					}
				}).client()
			})
		})
		s.answer(introspectionPath, `{"active":true}`)
		underWay := func() int {
			rs.inquiries.mu.Lock()
			defer rs.inquiries.mu.Unlock()
			return len(rs.inquiries.flights)
		}
		ask := func(token string) (leave context.CancelFunc, done chan error) {
			ctx, leave := context.WithCancel(context.Background())
			done = make(chan error, 1)
			go func() {
				_, err := rs.Authenticate(bearer(token).WithContext(ctx))
				done <- err
			}()
			synctest.Wait()
			return leave, done
		}
		first, a := ask("a")
		second, b := ask("a")
		first()
		<-a
		synctest.Wait()
		if ended.Load() != 0 || underWay() != 1 {
			t.Errorf("with one who waits: %d ended, %d under way", ended.Load(), underWay())
		}
		second()
		<-b
		synctest.Wait()
		if ended.Load() != 1 || underWay() != 0 {
			t.Errorf("with nobody who waits: %d ended, %d under way", ended.Load(), underWay())
		}
		_, a = ask("a")
		time.Sleep(inactiveLife - 1)
		_, b = ask("a") // joins
		if begun.Load() != 2 {
			t.Errorf("%d questions", begun.Load())
		}
		time.Sleep(time.Nanosecond)
		_, c := ask("a") // may know of a revocation since
		for _, done := range []chan error{a, b, c} {
			if err := <-done; err != nil {
				t.Error(err)
			}
			if n := underWay(); done == b && n != 1 {
				t.Errorf("%d are under way, and one came later", n)
			}
		}
		if n := len(s.requests(introspectionPath)); n != 2 || underWay() != 0 {
			t.Errorf("%d questions, %d under way", n, underWay())
		}
	})
}

// TestRevocationIsAskedOfItsServer: with a profile, only a Client of the server that issued
// a token says whether it was revoked, and of that token.
func TestRevocationIsAskedOfItsServer(t *testing.T) {
	s, evil := newUnitServer(), newUnitServer()
	theirs := evil.introspector(t, func(c *Config) { c.Server.Issuer = "https://evil.example" })
	evil.answer(introspectionPath, `{"active":true}`)
	ours := s.introspector(t, nil)
	r := certifiedRequest(t, s)
	var chosen *Client
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.SecurityProfile = FAPI2SecurityProfile
		c.IntrospectFor = func(context.Context, string) (*Client, error) { return chosen, nil }
	})
	for _, tt := range []struct {
		client *Client
		answer string
		kind   error
	}{
		{nil, `{"active":true}`, ErrInactive},
		{ours, `{"active":true}`, nil}, {ours, `{"active":true,"iss":"` + unitIssuer + `"}`, nil},
		{ours, `{"active":true,"iss":"https://evil.example"}`, ErrUnavailable}, {ours, `{"active":false}`, ErrInactive},
		{theirs, `{"active":false}`, ErrUnavailable},
	} {
		chosen = tt.client
		rs.inquiries = newInquiries()
		s.answer(introspectionPath, tt.answer)
		_, err := authenticate(t, rs, r)
		if (err == nil) != (tt.kind == nil) || !errors.Is(err, tt.kind) {
			t.Errorf("%s: %v", tt.answer, err)
		}
	}
	if n := len(evil.requests(introspectionPath)); n != 0 {
		t.Errorf("another server was asked %d times", n)
	}
	// What was said holds for the time that is configured, and for the Client that was told.
	kept := s.resource(t, func(c *ResourceServerConfig) {
		c.SecurityProfile, c.IntrospectionTTL = FAPI2SecurityProfile, time.Minute
		c.IntrospectFor = func(context.Context, string) (*Client, error) { return chosen, nil }
	})
	s.answer(introspectionPath, `{"active":true}`)
	for i, tt := range []struct {
		client *Client
		age    time.Duration
		asked  int
	}{{ours, 0, 1}, {ours, 0, 0}, {s.introspector(t, nil), 0, 1}, {ours, 0, 1}, {ours, time.Minute, 1}} {
		chosen = tt.client
		for i := range kept.active.shards {
			for _, m := range kept.active.shards[i].newer {
				m.value.asked = momentAgo(tt.age)
			}
		}
		before := len(s.requests(introspectionPath))
		if _, err := authenticate(t, kept, r); err != nil {
			t.Error(err)
		}
		if n := len(s.requests(introspectionPath)) - before; n != tt.asked {
			t.Errorf("%d: asked %d times", i, n)
		}
	}
}
