package oauth

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// This file tests how old keys may be, and the pauses after fetches that fail.

// TestJWKSBackoffEnds: a fetch that succeeds ends the pause of those that failed before
// it, for tokens of every source and for keys that are old.
func TestJWKSBackoffEnds(t *testing.T) {
	for _, from := range []source{fromServer, fromAnybody} {
		synctest.Test(t, func(t *testing.T) {
			ctx := context.Background()
			s := newJWKSServer("a")
			set := s.keySet(t, 0)
			s.set(errJWKSDown)
			for range 6 { // the next pause were 32 seconds
				wantError(t, set.Refresh(ctx), ErrUnavailable, "jwks_uri")
			}
			s.set(nil, "a")
			if err := set.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
			s.set(nil, "b")
			start := time.Now()
			if err := jwksFindFrom(ctx, set, from, "b"); err != nil || time.Since(start) != 0 {
				t.Errorf("a new key, from %d: %v after %v", from, err, time.Since(start))
			}
			s.set(nil, "c")
			snap := set.current.Load()
			snap.fetched = slept(snap.fetched, 2*keySoftAge)
			jwksWant(t, s, set, "b", ErrKeyNotFound, 9)
		})
	}
}

// TestJWKSBackoffSpent: a pause that is over allows no more fetches than there would
// have been without it, and while it lasts, its reason is told.
func TestJWKSBackoffSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		s.set(errJWKSDown)
		wantError(t, set.Refresh(ctx), ErrUnavailable, "jwks_uri")
		if err := jwksFind(ctx, set, "x"); !errors.Is(err, errJWKSDown) {
			t.Errorf("in the pause: %v", err)
		}
		s.set(nil, "a")
		time.Sleep(keyBackoff)
		for i := range strangerKeyBurst {
			jwksWant(t, s, set, "x", ErrKeyNotFound, 3+i)
		}
		s.set(errJWKSDown)
		wantError(t, set.Refresh(ctx), ErrUnavailable, "jwks_uri")
		time.Sleep(keyBackoff)
		jwksWant(t, s, set, "x", ErrUnavailable, 3+strangerKeyBurst)
	})
}

// TestJWKSUnknownGivenUp: who gives up an answer that waits for its key is told that.
func TestJWKSUnknownGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		ctx, cancel := context.WithCancel(context.Background())
		wantError(t, jwksFindFrom(ctx, set, fromServer, "x"), ErrKeyNotFound, "kid")
		wantError(t, jwksFindFrom(ctx, set, fromServer, "x"), ErrKeyNotFound, "kid")
		start := time.Now()
		time.AfterFunc(time.Second, cancel)
		if err := jwksFindFrom(ctx, set, fromServer, "x"); !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestJWKSIdleAfterOutage: callers wait for newer keys as soon as the last failure is 5
// minutes old, or was followed by a success.
func TestJWKSIdleAfterOutage(t *testing.T) {
	find := func(t *testing.T, set *KeySet, takes time.Duration, want error) {
		t.Helper()
		start := time.Now()
		if err := jwksFind(context.Background(), set, "a"); !errors.Is(err, want) || err == nil && want != nil || time.Since(start) != takes {
			t.Errorf("%v after %v, want %v after %v", err, time.Since(start), want, takes)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		find(t, set, 0, nil)
		s.wait(-1)
		time.Sleep(2 * keySoftAge)
		find(t, set, keyFetchTimeout, nil)
		time.Sleep(keySoftAge - 1)
		find(t, set, 0, nil)
		time.Sleep(keyFetchTimeout)
		synctest.Wait()
		time.Sleep(keySoftAge)
		find(t, set, keyFetchTimeout, nil)
	})
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		s.header = http.Header{"Cache-Control": {"max-age=60"}}
		set := s.keySet(t, 0)
		s.set(errJWKSDown)
		find(t, set, 0, ErrUnavailable)
		time.Sleep(keyBackoff)
		s.set(nil, "a")
		find(t, set, 0, nil)
		time.Sleep(2 * time.Minute)
		s.set(nil, "b")
		s.wait(time.Second)
		find(t, set, time.Second, ErrKeyNotFound)
	})
}

// TestJWKSSleptMeanwhile: keys that were just fetched are used although the machine
// slept before they were.
func TestJWKSSleptMeanwhile(t *testing.T) {
	s := newJWKSServer("a")
	var set *KeySet
	var err error
	set, err = NewKeySet(jwksURI, &KeySetOptions{HTTPClient: &http.Client{Transport: s}, Trace: &Trace{
		KeySetFetched: func(context.Context, KeySetInfo) {
			snap := set.current.Load()
			snap.fetched = slept(snap.fetched, defaultKeyAge)
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := jwksFind(context.Background(), set, "a"); err != nil {
		t.Error(err)
	}
}

// TestJWKSLate: the answer to a fetch that was given up replaces no keys when it comes
// after all, and does not end the fetch that is under way.
func TestJWKSLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		const late = keyFetchTimeout + flightGrace + 5*time.Second
		var fetches atomic.Int32 // the late one comes on another goroutine
		set, err := NewKeySet(jwksURI, &KeySetOptions{HTTPClient: httpFunc(func(r *http.Request) (*http.Response, error) {
			if fetches.Add(1) == 1 {
				time.Sleep(late) // whatever its context says
				return httpAnswer(r, 200, jwksDocument("old")), nil
			}
			return httpAnswer(r, 200, jwksDocument("new")), nil
		}).client()})
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, set.Refresh(ctx), ErrUnavailable, "jwks_uri")
		if err := set.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(late)
		synctest.Wait()
		if err := jwksFind(ctx, set, "new"); err != nil || fetches.Load() != 2 {
			t.Errorf("%v, %d fetches", err, fetches.Load())
		}
	})
}

// TestJWKSRememberedAge: a token whose header is remembered, too, has old keys fetched
// anew.
func TestJWKSRememberedAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		token := must(jwksKey("a").SignJWT("JWT", map[string]any{}))
		rules := &jwsRules{allowed: []Algorithm{Ed25519}, typ: idTokenType, what: "a token"}
		for _, step := range []struct {
			passes  time.Duration
			fetches int
		}{{0, 1}, {keySoftAge - 1, 1}, {1, 2}} {
			time.Sleep(step.passes)
			if _, err := verifyJWS(context.Background(), token, set, fromAnybody, rules); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := s.count(); n != step.fetches {
				t.Errorf("%d fetches, want %d", n, step.fetches)
			}
		}
	})
}

// TestJWKSImportNewer: keys are imported unless those that are there were fetched later,
// by more than the second that the time of an export is cut to.
func TestJWKSImportNewer(t *testing.T) {
	for _, tt := range []struct {
		later time.Duration // than the exported keys
		want  error
	}{
		{-2 * time.Minute, nil}, {0, nil}, {time.Second - 1, nil}, {time.Second, nil}, {time.Second + 1, ErrExpired},
	} {
		t.Run(tt.later.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newJWKSServer("a")
				from, to := s.keySet(t, 0), s.keySet(t, 0)
				first, second := from, to
				if tt.later < 0 {
					first, second = to, from
				}
				jwksWant(t, s, first, "a", nil, 1)
				time.Sleep(tt.later.Abs())
				jwksWant(t, s, second, "a", nil, 2)
				wantError(t, to.Import(must(from.Export())), tt.want, "time")
			})
		})
	}
}

// TestJWKSUnusable: the error of an answer that is no key set says what it lacks.
func TestJWKSUnusable(t *testing.T) {
	s := newJWKSServer("a")
	s.body = `{"keys":[]}`
	err := s.keySet(t, 0).Refresh(context.Background())
	for _, kind := range []error{ErrUnavailable, ErrResponse, ErrParse} {
		wantError(t, err, kind, "")
	}
}

// TestJWKSByteOrderMark: a key set may begin with one, as all answers may that are JSON
// (RFC 8259, Section 8.1).
func TestJWKSByteOrderMark(t *testing.T) {
	s := newJWKSServer("a")
	s.body = "\ufeff" + s.body
	if err := jwksFind(context.Background(), s.keySet(t, 0), "a"); err != nil {
		t.Error(err)
	}
	given, err := ParseKeySet([]byte(s.body))
	if err != nil {
		t.Fatal(err)
	}
	if err := jwksFind(context.Background(), given, "a"); err != nil {
		t.Error(err)
	}
	_, err = ParseKeySet([]byte("\ufeff" + s.body)) // it begins with two
	wantError(t, err, ErrParse, "")
}

// TestWarmKeys: StartAuthorization has the keys fetched while the user is away, once, and
// only for an answer that needs them; what becomes of it is not said there.
func TestWarmKeys(t *testing.T) {
	code := func(r *AuthorizationRequest) { r.Scope = []string{"a"} }
	for _, tt := range []struct {
		name    string
		change  func(*AuthorizationRequest)
		age     time.Duration // of the keys; negative: there are none
		fails   bool
		fetches int
	}{
		{"no keys yet", func(*AuthorizationRequest) {}, -1, false, 1},
		{"old keys", func(*AuthorizationRequest) {}, keySoftAge, false, 1},
		{"new keys", func(*AuthorizationRequest) {}, keySoftAge - time.Second, false, 0},
		{"no ID token", code, -1, false, 0},
		{"a signed response", func(r *AuthorizationRequest) { code(r); r.ResponseMode = "jwt" }, -1, false, 1},
		{"it fails", func(*AuthorizationRequest) {}, -1, true, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newUnitServer()
				if tt.fails {
					s.set("/jwks", unitAnswer{status: 500, body: "{}"})
				}
				c := s.client(t, func(c *Config) {
					c.Clock, c.KeySet = Clock{}, nil
					c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256}
				})
				if tt.age >= 0 {
					if err := c.keys.Refresh(t.Context()); err != nil {
						t.Fatal(err)
					}
					time.Sleep(tt.age)
				}
				before := len(s.requests("/jwks"))
				for range 3 {
					r := &AuthorizationRequest{RedirectURI: "https://app.example.com/cb", Scope: []string{"openid"}}
					tt.change(r)
					if _, err := c.StartAuthorization(t.Context(), r); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				if n := len(s.requests("/jwks")) - before; n != tt.fetches {
					t.Errorf("%d fetches, want %d", n, tt.fetches)
				}
				for i, b := range c.keys.budgets {
					if !b.whole.IsZero() {
						t.Errorf("budget %d has paid", i)
					}
				}
				if _, err := c.StartAuthorization(t.Context(), &AuthorizationRequest{RedirectURI: "https://app.example.com/cb", Scope: []string{"openid"}}); err != nil {
					t.Error(err)
				}
				if synctest.Wait(); tt.fails && len(s.requests("/jwks")) != 1 {
					t.Error("the back-off does not hold")
				}
			})
		})
	}
	new(KeySet).warm(context.Background())
	(*KeySet)(nil).warm(context.Background())
}
