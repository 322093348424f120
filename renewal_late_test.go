package oauth

// Tests of renewals that end late or fail, and of what is known of the next one then.

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestTransportLateFailure: a renewal that was given up and fails at last says nothing of
// the one after it, beside which no third one begins.
func TestTransportLateFailure(t *testing.T) {
	var mu sync.Mutex
	var ends []chan error // of the calls of Renew
	renew := func(context.Context, *Token) (*Token, error) {
		end := make(chan error)
		mu.Lock()
		ends = append(ends, end)
		mu.Unlock()
		return nil, <-end
	}
	call := func(i int) chan error {
		mu.Lock()
		defer mu.Unlock()
		return ends[i]
	}
	inBubble(t, time.Minute, TransportOptions{Renew: renew}, func(r *renewal) {
		time.Sleep(time.Minute)
		if _, err := r.get(); err == nil || r.tr.failures != 1 {
			t.Errorf("%v, %d failures", err, r.tr.failures)
		}
		time.Sleep(time.Minute)
		go r.get()
		synctest.Wait()
		call(0) <- errors.New("late")
		synctest.Wait()
		go r.get()
		synctest.Wait()
		mu.Lock()
		if len(ends) != 2 || r.tr.failures != 1 {
			t.Errorf("%d renewals, %d failures", len(ends), r.tr.failures)
		}
		mu.Unlock()
		call(1) <- errors.New("down")
		if synctest.Wait(); r.tr.failures != 2 {
			t.Errorf("then %d failures", r.tr.failures)
		}
	})
}

// TestTransportLateToken: what a renewal brings after it was given up is kept, if it can
// be presented. Who calls Renew waits for it, although the refresh token is there.
func TestTransportLateToken(t *testing.T) {
	for typ, want := range map[string]string{"Bearer": "access-1", "mac": "access-0"} {
		var c *Client
		renew := func(ctx context.Context, old *Token) (*Token, error) {
			fresh, err := c.Refresh(ctx, old, nil)
			if err == nil {
				fresh.TokenType = typ
			}
			time.Sleep(time.Minute)
			return fresh, err
		}
		inBubble(t, 10*time.Minute, TransportOptions{Renew: renew}, func(r *renewal) {
			c = r.tr.c
			go r.tr.Renew(context.Background())
			synctest.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			if err := r.tr.Renew(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			time.Sleep(2 * time.Minute)
			if tok := r.tr.Token(); tok.AccessToken.Reveal() != want || tok.RefreshToken.Reveal() != "refresh-1" {
				t.Errorf("%s: there is %s with %s", typ, tok.AccessToken.Reveal(), tok.RefreshToken.Reveal())
			}
			r.wantAttempts(0)
		})
	}
}

// TestTransportPanics: a Renew that panics is not called again for each request.
func TestTransportPanics(t *testing.T) {
	calls := 0
	renew := func(context.Context, *Token) (*Token, error) { calls++; panic("crash") }
	inBubble(t, time.Minute, TransportOptions{Renew: renew}, func(r *renewal) {
		time.Sleep(time.Minute)
		for i, want := range []int{1, 1, 2, 2, 3} {
			if _, err := r.get(); err == nil || calls != want {
				t.Errorf("request %d: %v, %d calls", i, err, calls)
			}
			if i > 0 {
				time.Sleep(time.Second)
			}
		}
	})
}

// TestTransportAfterFailures: a good renewal ends the pause of those that failed, and one
// by Renew in that pause is what requests wait for.
func TestTransportAfterFailures(t *testing.T) {
	down := func(req *http.Request) (*http.Response, error) { return httpAnswer(req, 503, ""), nil }
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		r.token = down
		for range 6 {
			if r.tr.Renew(context.Background()) == nil {
				t.Error("no error")
			}
		}
		r.token = nil
		if err := r.tr.Renew(context.Background()); err != nil {
			t.Error(err)
		}
		delete(r.expiry, "access-1")
		r.wantOK("access-2")
	})
	inBubble(t, time.Minute, TransportOptions{}, func(r *renewal) {
		time.Sleep(time.Minute)
		r.token = down
		if _, err := r.get(); err == nil {
			t.Error("no error")
		}
		r.token, r.latency = nil, 5*time.Second
		go r.tr.Renew(context.Background())
		synctest.Wait()
		r.wantOK("access-1")
	})
}

// TestTransportClocksEach: each of the two clocks alone makes a token old, to the
// nanosecond.
func TestTransportClocksEach(t *testing.T) {
	for _, tt := range []struct{ off, after time.Duration }{{10 * time.Second, 20 * time.Second}, {-10 * time.Second, 30 * time.Second}} {
		inBubble(t, time.Minute, TransportOptions{}, func(r *renewal) {
			var off time.Duration
			c := newUnitServer().client(t, func(cfg *Config) {
				cfg.Clock = Clock{Now: func() time.Time { return time.Now().Add(off) }}
				cfg.HTTPClient = &http.Client{Transport: r.renewalServer}
			})
			r.tr = newTransportOf(t, c, r.first(), TransportOptions{})
			off = tt.off
			time.Sleep(tt.after - 1)
			r.wantOK("access-0")
			time.Sleep(time.Nanosecond)
			r.wantOK("access-1")
		})
	}
}

// TestTransportEarlyAgain: a token that was renewed is renewed as early as the first.
func TestTransportEarlyAgain(t *testing.T) {
	inBubble(t, 5*time.Minute, TransportOptions{}, func(r *renewal) {
		time.Sleep(270 * time.Second)
		r.wantOK("access-1")
		time.Sleep(270*time.Second - 1)
		r.wantOK("access-1")
		time.Sleep(time.Nanosecond)
		r.wantOK("access-2")
	})
}

// TestTransportPending: an answer whose ID token could not be verified is held against
// the keys again: at once if nothing else is of use, and else after the pause.
func TestTransportPending(t *testing.T) {
	next := must(GenerateSigningKey(ES256))
	for name, lifetime := range map[string]time.Duration{"usable": time.Hour, "expired": time.Minute} {
		inBubble(t, lifetime, TransportOptions{}, func(r *renewal) {
			r.change = func(answer map[string]any) {
				now := time.Now().Unix()
				answer["id_token"] = must(next.SignJWT("JWT", unitClaims(map[string]any{"iat": now, "exp": now + 600})))
			}
			keys := `{"keys":[` + string(unitKey().PublicJWK()) + `]}`
			r.keys = func(req *http.Request) (*http.Response, error) {
				if keys == "" {
					return httpAnswer(req, 503, ""), nil
				}
				return httpAnswer(req, 200, keys), nil
			}
			tok := r.first()
			tok.login = &identity{issuer: unitIssuer, subject: "alice"}
			r.tr = newTransportOf(t, r.tr.c, tok, TransportOptions{})
			if err := r.tr.c.keys.Refresh(context.Background()); err != nil {
				t.Fatal(err)
			}
			keys = ""
			if name == "expired" {
				time.Sleep(time.Minute)
			}
			if err := r.tr.Renew(context.Background()); err == nil || r.tr.pending == nil {
				t.Fatalf("%s: %v, pending %v", name, err, r.tr.pending != nil)
			}
			if name == "usable" {
				for range 3 {
					r.wantOK("access-0")
				}
				if r.tr.failures != 1 {
					t.Errorf("%d failures", r.tr.failures)
				}
			}
			keys = `{"keys":[` + string(next.PublicJWK()) + `]}`
			if name == "usable" {
				time.Sleep(time.Minute)
			} else if err := r.tr.c.keys.Refresh(context.Background()); err != nil {
				t.Fatal(err)
			}
			r.wantOK("access-1")
			if len(r.attempts) != 1 {
				t.Errorf("%s: %d renewals", name, len(r.attempts))
			}
		})
	}
}

// TestTransportForeignRefreshError: the answer behind a RefreshError of another session
// is none of this one.
func TestTransportForeignRefreshError(t *testing.T) {
	calls := 0
	foreign := &RefreshError{RefreshToken: NewSecret("of another"), Err: errors.New("down"), verifyAgain: func(context.Context) (*Token, error) {
		return &Token{AccessToken: NewSecret("of another"), TokenType: "Bearer"}, nil
	}}
	renew := func(context.Context, *Token) (*Token, error) { calls++; return nil, foreign }
	inBubble(t, time.Minute, TransportOptions{Renew: renew}, func(r *renewal) {
		time.Sleep(time.Minute)
		for range 2 {
			if _, err := r.get(); !errors.Is(err, foreign.Err) {
				t.Errorf("error %v", err)
			}
			time.Sleep(time.Second)
		}
		if calls != 2 || len(r.used) != 0 {
			t.Errorf("%d calls, sent %q", calls, r.used)
		}
	})
}

// TestTransportStoresLast: a refresh token that comes while the hook stores the one
// before it is stored as well.
func TestTransportStoresLast(t *testing.T) {
	var stored []string
	var tr *Transport
	hook := func(_ context.Context, tok *Token) error {
		if stored = append(stored, tok.RefreshToken.Reveal()); len(stored) == 1 {
			tr.rotated(tok.RefreshToken, NewSecret("newer"))
		}
		return nil
	}
	inBubble(t, time.Minute, TransportOptions{OnRefresh: hook}, func(r *renewal) {
		tr = r.tr
		time.Sleep(30 * time.Second)
		r.wantOK("access-1")
		r.wantOK("access-1")
		if !slices.Equal(stored, []string{"refresh-1", "newer"}) {
			t.Errorf("stored %q", stored)
		}
	})
}

// TestTransportStoreHangs: while a hook does not return, the error says whose fault it is.
func TestTransportStoreHangs(t *testing.T) {
	end := make(chan struct{})
	inBubble(t, time.Minute, TransportOptions{}, func(r *renewal) {
		end = make(chan struct{})
		r.tr = newTransportOf(t, r.tr.c, r.first(), TransportOptions{OnRefresh: func(context.Context, *Token) error { <-end; return nil }})
		time.Sleep(30 * time.Second)
		r.get()
		_, err := r.get()
		wantError(t, err, ErrUnavailable, "OnRefresh")
		close(end)
	})
}

// TestTransportPendingPanics: an answer whose verification panics is given up.
func TestTransportPendingPanics(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		r.tr.pending = func(context.Context) (*Token, error) { panic("crash") }
		if err := r.tr.Renew(context.Background()); err == nil {
			t.Error("no error")
		}
		if err := r.tr.Renew(context.Background()); err != nil {
			t.Error(err)
		}
		r.wantOK("access-1")
	})
}

// TestTransportSameRefreshToken: a server that sends the refresh token again has brought
// nothing to store.
func TestTransportSameRefreshToken(t *testing.T) {
	old := &Token{AccessToken: NewSecret("access"), RefreshToken: NewSecret("first")}
	hook := func(context.Context, *Token) error { return nil }
	tr := &Transport{keptToken: keptToken{token: old, hook: hook}}
	if tr.rotated(NewSecret("first"), NewSecret("first")); tr.unsaved {
		t.Error("it is stored again")
	}
}
