package oauth

// Tests of what becomes of a refresh token that the server has rotated: between that
// and the moment when the application has stored it, anything can happen.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const (
	rotationTenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	rotationIssuer = "https://login.example/{tenantid}/v2"
)

// A rotationWorld is a server that rotates and an application with a store. What a
// test does not set works.
type rotationWorld struct {
	*renewalServer
	t  testing.TB
	c  *Client
	tr *Transport

	claims map[string]any                             // of ID tokens
	signer *SigningKey                                // of ID tokens
	accept func()                                     // called while an ID token is verified
	answer func(r *http.Response)                     // changes that of the token endpoint
	before func()                                     // called before it, when the server has rotated
	hook   func(context.Context) error                // called before the store is written to
	after  func(context.Context, *Token, error) error // nil: no Renew of its own; called with what Refresh returned there
	busy   int                                        // hooks at a time

	stored []byte // the application's store
}

func newRotationWorld(t *testing.T) *rotationWorld {
	w := &rotationWorld{renewalServer: newRenewalServer(10 * time.Minute), t: t, signer: unitKey()}
	w.keys = func(r *http.Request) (*http.Response, error) {
		return httpAnswer(r, 200, `{"keys":[`+string(w.signer.PublicJWK())+`]}`), nil
	}
	w.change = func(answer map[string]any) {
		now := time.Now().Unix()
		claims := unitClaims(
			map[string]any{"iss": strings.ReplaceAll(rotationIssuer, "{tenantid}", rotationTenant), "tid": rotationTenant, "iat": now, "exp": now + 600},
		)
		for name, value := range w.claims {
			claims[name] = value
		}
		answer["id_token"] = must(w.signer.SignJWT("JWT", claims))
	}
	w.c = newUnitServer().client(t, func(cfg *Config) {
		tenants(rotationIssuer, true)(cfg)
		cfg.Clock, cfg.HTTPClient = Clock{}, &http.Client{Transport: w}
		cfg.AcceptIssuer = func(string, string) bool {
			if w.accept != nil {
				w.accept()
			}
			return true
		}
	})
	first := w.first()
	first.Expiry = time.Now()
	first.server, first.login = rotationIssuer, &identity{issuer: strings.ReplaceAll(rotationIssuer, "{tenantid}", rotationTenant), subject: "alice"}
	w.stored = must(first.MarshalBinary())
	return w
}

// open makes a Transport of the store, as a process does that begins.
func (w *rotationWorld) open() {
	w.t.Helper()
	first := new(Token)
	if err := first.UnmarshalBinary(w.stored); err != nil {
		w.t.Fatal(err)
	}
	opts := TransportOptions{Origins: []string{unitAPI}, OnRefresh: func(ctx context.Context, tok *Token) error {
		if w.busy++; w.busy > 1 {
			w.t.Error("OnRefresh is called twice at a time")
		}
		defer func() { w.busy-- }()
		if ctx.Err() != nil {
			w.t.Error("OnRefresh is called with a context that has ended")
		}
		if w.hook != nil {
			if err := w.hook(ctx); err != nil {
				return err
			}
		}
		if tok.Subject() != "alice" {
			w.t.Errorf("the token that is to be stored is of %q", tok.Subject())
		}
		w.stored = must(tok.MarshalBinary())
		return nil
	}}
	if w.after != nil {
		opts.Renew = func(ctx context.Context, tok *Token) (*Token, error) {
			fresh, err := w.c.Refresh(ctx, tok, nil)
			if err := w.after(ctx, fresh, err); err != nil {
				return nil, err
			}
			return fresh, err
		}
	}
	w.tr = must(w.c.NewTransport(first, opts))
}

func (w *rotationWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := w.renewalServer.RoundTrip(r)
	if r.URL.Path == "/token" && err == nil && res.StatusCode == 200 {
		if w.before != nil {
			w.before()
		}
		if w.answer != nil {
			w.answer(res)
		}
	}
	return res, err
}

// request makes one, which leaves after a while.
func (w *rotationWorld) request(patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	res, err := w.tr.RoundTrip(protectedRequest(w.t, "GET", unitAPI, nil).WithContext(ctx))
	if waited := time.Since(began); waited > patience {
		w.t.Errorf("a request waited for %v, its context lasted %v", waited, patience)
	}
	if err == nil {
		if res.Body.Close(); res.StatusCode != 200 {
			err = fmt.Errorf("status %d", res.StatusCode)
		}
	}
	return err
}

// rewrite changes the body of an answer.
func rewrite(old, new string) func(*http.Response) {
	return func(r *http.Response) {
		body, _ := io.ReadAll(r.Body)
		*r = *httpAnswer(r.Request, r.StatusCode, strings.Replace(string(body), old, new, 1))
	}
}

// TestRotationSurvives: for each point between the server's rotation and the
// application's store, something goes wrong there; later it is mended, and the session
// goes on, in this process or in another that knows no more than the store. A refresh
// token is never sent twice.
func TestRotationSurvives(t *testing.T) {
	goexit := func() { runtime.Goexit() }
	crash := func() { panic("crash") }
	member := func(name string, value any) func(*rotationWorld) {
		return func(w *rotationWorld) {
			good := w.change
			w.change = func(answer map[string]any) { good(answer); answer[name] = value }
		}
	}
	in := func(change func(*http.Response)) func(*rotationWorld) {
		return func(w *rotationWorld) { w.answer = change }
	}
	verifying := func(trouble func()) func(*rotationWorld) {
		return func(w *rotationWorld) { w.accept = trouble }
	}
	storing := func(trouble func(context.Context) error) func(*rotationWorld) {
		return func(w *rotationWorld) { w.hook = trouble }
	}
	renewing := func(trouble func(context.Context, *Token, error) error) func(*rotationWorld) {
		return func(w *rotationWorld) { w.after = trouble }
	}
	newKey := func(keys func(r *http.Request) (*http.Response, error)) func(*rotationWorld) {
		return func(w *rotationWorld) {
			if err := w.c.needKeys(context.Background()); err != nil {
				w.t.Fatal(err)
			}
			w.signer, w.keys = must(GenerateSigningKey(ES256)), keys
		}
	}
	hang := make(chan struct{}) // replaced in each bubble
	for _, tt := range []struct {
		name     string
		trouble  func(*rotationWorld)
		patience time.Duration // of a caller; 0: a minute
		once     bool          // one token request is enough: its answer is used in the end
		limit    bool          // a process that ends before the trouble does has stored nothing
	}{
		{name: "no trouble", trouble: func(*rotationWorld) {}, once: true},

		{name: "answer: token_type is another", trouble: member("token_type", "mac")},
		{name: "answer: no access token", trouble: member("access_token", nil)},
		{name: "answer: access token unfit", trouble: member("access_token", "\x00")},
		{name: "answer: expires_in is an object", trouble: member("expires_in", map[string]any{})},
		{name: "answer: scope is a number", trouble: member("scope", 1)},
		{name: "answer: authorization_details is a number", trouble: member("authorization_details", 1)},
		{name: "answer: id_token is no token", trouble: member("id_token", "x")},
		{name: "answer: a member twice", trouble: in(rewrite(`{`, `{"x":1,"x":2,`))},
		{name: "answer: more after it", trouble: in(rewrite(`"}`, `"} x`))},
		{name: "answer: half an emoji", trouble: in(rewrite(`{`, `{"scope":"\ud83d",`))},
		{name: "answer: status 201", trouble: in(func(r *http.Response) { r.StatusCode = 201 })},
		{name: "answer: status 500", trouble: in(func(r *http.Response) { r.StatusCode = 500 })},
		{name: "answer: a web page", trouble: in(func(r *http.Response) { r.Header.Set("Content-Type", "text/html") })},
		{name: "answer: caller leaves", trouble: func(w *rotationWorld) { w.latency = 10 * time.Second }, patience: time.Second, once: true},
		{name: "answer: after the flight", trouble: func(w *rotationWorld) { w.before = func() { w.before = nil; time.Sleep(35 * time.Second) } }},

		{name: "ID token: bad", trouble: func(w *rotationWorld) { w.claims = map[string]any{"at_hash": "x"} }},
		{name: "ID token: no key", once: true, trouble: newKey(func(r *http.Request) (*http.Response, error) { return httpAnswer(r, 503, ""), nil })},
		{name: "ID token: keys panic", once: true, trouble: newKey(func(*http.Request) (*http.Response, error) { panic("crash") })},
		{name: "ID token: keys hang", once: true, trouble: newKey(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })},
		{name: "ID token: keys hang, caller leaves", once: true, patience: time.Second, trouble: newKey(func(*http.Request) (*http.Response, error) { <-hang; return nil, errors.New("late") })},
		{name: "ID token: panic", once: true, trouble: verifying(crash)},
		{name: "ID token: Goexit", trouble: verifying(goexit)},
		{name: "ID token: hangs", trouble: verifying(func() { <-hang })},

		{name: "OnRefresh: fails", limit: true, once: true, trouble: storing(func(context.Context) error { return errors.New("the disk is full") })},
		{name: "OnRefresh: panics", limit: true, once: true, trouble: storing(func(context.Context) error { panic("crash") })},
		{name: "OnRefresh: Goexit", limit: true, once: true, trouble: storing(func(context.Context) error { runtime.Goexit(); return nil })},
		{name: "OnRefresh: hangs", limit: true, once: true, trouble: storing(func(context.Context) error { <-hang; return errors.New("late") })},
		{name: "OnRefresh: hangs, and does it", limit: true, once: true, trouble: storing(func(context.Context) error { <-hang; return nil })},
		{name: "OnRefresh: caller leaves", once: true, patience: time.Second, trouble: storing(func(context.Context) error { time.Sleep(10 * time.Second); return nil })},

		{name: "Renew: fails", trouble: renewing(func(context.Context, *Token, error) error { return errors.New("the disk is full") })},
		{name: "Renew: invalid_grant of something else", trouble: renewing(func(context.Context, *Token, error) error {
			return &ResponseError{Op: opToken, StatusCode: 400, Code: "invalid_grant"}
		})},
		{name: "Renew: panics", trouble: renewing(func(context.Context, *Token, error) error { panic("crash") })},
		{name: "Renew: Goexit", trouble: renewing(func(context.Context, *Token, error) error { runtime.Goexit(); return nil })},
		{name: "Renew: hangs", trouble: renewing(func(context.Context, *Token, error) error { <-hang; return errors.New("late") })},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %v", tt.name, restart), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					hang = make(chan struct{})
					w := newRotationWorld(t)
					change, keys := w.change, w.keys
					tt.trouble(w)
					w.open()
					patience := max(tt.patience, time.Minute*time.Duration(1-min(1, tt.patience)))
					for range 5 {
						w.request(patience)
						time.Sleep(10 * time.Second)
					}
					synctest.Wait()
					asked, stored := len(w.attempts), w.stored

					// The trouble is over.
					w.change, w.claims, w.latency, w.accept, w.answer, w.before, w.hook = change, nil, 0, nil, nil, nil, nil
					w.keys = keys
					if w.after != nil {
						w.after = func(_ context.Context, _ *Token, err error) error { return err }
					}
					close(hang)
					time.Sleep(time.Second)
					synctest.Wait()
					if restart { // the first process ended before
						w.stored = stored
						w.open()
					}
					var err error
					for range 10 {
						time.Sleep(10 * time.Second)
						if err = w.request(time.Minute); err == nil {
							break
						}
					}
					if tt.limit && restart {
						if err == nil {
							t.Error("what was never stored goes on: this is no limit")
						}
						return
					}
					if err != nil || w.stolen {
						t.Fatalf("the session is over: %v (a refresh token came twice: %v)", err, w.stolen)
					}
					if tt.once && !restart && (asked != 1 || len(w.attempts) != 1) {
						t.Errorf("%d and then %d token requests, want one", asked, len(w.attempts))
					}
					last := new(Token)
					if err := last.UnmarshalBinary(w.stored); err != nil || last.RefreshToken.Reveal() != fmt.Sprintf("refresh-%d", w.rotation) ||
						last.AccessToken.Reveal() != fmt.Sprintf("access-%d", w.rotation) ||
						last.IDTokenHint() == "" {
						t.Errorf("%v: the store has %q and %q, the server is at %d", err, last.RefreshToken.Reveal(), last.AccessToken.Reveal(), w.rotation)
					}
				})
			})
		}
	}
}

// TestRotationForeign: the refresh token that came with another user's ID token is
// that user's. It is neither kept nor stored.
func TestRotationForeign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRotationWorld(t)
		w.claims = map[string]any{"sub": "bob"}
		w.open()
		wantError(t, w.request(time.Minute), ErrClaim, "sub")
		last := new(Token)
		if err := last.UnmarshalBinary(w.stored); err != nil || last.RefreshToken.Reveal() != "refresh-0" || w.tr.Token().RefreshToken.Reveal() != "refresh-0" {
			t.Errorf("%v: stored is %q, kept %q", err, last.RefreshToken.Reveal(), w.tr.Token().RefreshToken.Reveal())
		}
		time.Sleep(time.Minute)
		var refused *ResponseError
		for range 2 {
			if err := w.request(time.Minute); !errors.As(err, &refused) || refused.Code != "invalid_grant" {
				t.Errorf("error %v", err)
			}
			time.Sleep(time.Hour)
		}
		if len(w.attempts) != 2 || len(w.used) != 0 {
			t.Errorf("%d token requests, used were %q", len(w.attempts), w.used)
		}
	})
}

// TestRotationLate: a renewal that was given up ends after all. What another one got
// since is newer.
func TestRotationLate(t *testing.T) {
	for name, tt := range map[string]struct {
		second func(ctx context.Context) (*Token, error)
		want   string // refresh token
	}{
		"alone": {func(context.Context) (*Token, error) { return nil, errors.New("none") }, "refresh-late"},
		"a new token": {func(context.Context) (*Token, error) {
			return &Token{AccessToken: NewSecret("a"), RefreshToken: NewSecret("refresh-0"), Expiry: time.Now().Add(time.Hour)}, nil
		}, "refresh-0"},
		"one that was rotated": {func(ctx context.Context) (*Token, error) {
			tellRotation(ctx, NewSecret("refresh-0"), NewSecret("refresh-2"))
			return nil, errors.New("and failed")
		}, "refresh-2"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newRotationWorld(t)
			w.open()
			w.resource = func(r *http.Request, _ string) *http.Response { return httpAnswer(r, 200, "") }
			var n atomic.Int32
			stored := ""
			store := func(_ context.Context, tok *Token) error { stored = tok.RefreshToken.Reveal(); return nil }
			w.tr = newTransportOf(t, w.c, w.tr.Token(), TransportOptions{OnRefresh: store, Renew: func(ctx context.Context, _ *Token) (*Token, error) {
				if n.Add(1) > 1 {
					return tt.second(ctx)
				}
				time.Sleep(time.Hour)
				return &Token{AccessToken: NewSecret("late"), RefreshToken: NewSecret("refresh-late")}, nil
			}})
			w.request(time.Minute)
			time.Sleep(2 * time.Second)
			w.request(time.Minute)
			time.Sleep(2 * time.Hour)
			synctest.Wait()
			if got := w.tr.Token().RefreshToken.Reveal(); got != tt.want || stored != got || n.Load() != 2 {
				t.Errorf("%s: after %d renewals the refresh token is %s, %s is stored, want %s", name, n.Load(), got, stored, tt.want)
			}
		})
	}
}

// TestRotationOfElse: what Renew refreshes need not be the Transport's token.
func TestRotationOfElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRotationWorld(t)
		w.open()
		first := w.tr.Token()
		for _, tok := range []*Token{first, nil} {
			w.tr = newTransportOf(t, w.c, tok, TransportOptions{Renew: func(ctx context.Context, _ *Token) (*Token, error) {
				tellRotation(ctx, NewSecret("of another server"), NewSecret("another"))
				return nil, errors.New("none")
			}})
			w.request(time.Minute)
			if got := w.tr.Token(); got.refreshToken().Reveal() != tok.refreshToken().Reveal() || w.tr.unsaved {
				t.Errorf("the refresh token is %q", got.refreshToken().Reveal())
			}
		}
	})
}

// TestRefreshError: which failures of Client.Refresh carry the new refresh token.
func TestRefreshError(t *testing.T) {
	type m = map[string]any
	rotated := func(s *unitServer, claims m, more m) string {
		answer := m{"refresh_token": "rt-2-secret", "id_token": s.sign(t, "JWT", unitClaims(claims))}
		for name, value := range more {
			answer[name] = value
		}
		return unitTokenBody(t, answer)
	}
	for _, tt := range []struct {
		name   string
		answer func(s *unitServer) string
		kind   error
		param  string
		lost   bool // it is not carried
	}{
		{"token_type", func(s *unitServer) string { return rotated(s, nil, m{"token_type": "mac"}) }, ErrTokenType, "token_type", false},
		{"no access token", func(s *unitServer) string { return rotated(s, nil, m{"access_token": "", "id_token": nil}) }, ErrResponse, "access_token", false},
		{"expired ID token", func(s *unitServer) string { return rotated(s, m{"exp": unitTime - 31}, nil) }, ErrExpired, "exp", false},
		{"at_hash", func(s *unitServer) string { return rotated(s, m{"at_hash": "x"}, nil) }, ErrClaim, "at_hash", false},
		{"no sub", func(s *unitServer) string { return rotated(s, m{"sub": unitRemoved}, nil) }, ErrClaim, "sub", false},
		{"forged", func(s *unitServer) string { return rotated(s, nil, m{"id_token": forged(t, s, unitClaims(nil))}) }, ErrSignature, "", false},
		{"no ID token that one is", func(s *unitServer) string { return rotated(s, nil, m{"id_token": "x"}) }, ErrParse, "", false},
		{"another user", func(s *unitServer) string { return rotated(s, m{"sub": "bob"}, nil) }, ErrClaim, "sub", true},
		{"another issuer", func(s *unitServer) string { return rotated(s, m{"iss": "https://other.example"}, nil) }, ErrIssuer, "iss", true},
		{"another client", func(s *unitServer) string { return rotated(s, m{"aud": "client-2"}, nil) }, ErrAudience, "aud", true},
		{"another login", func(s *unitServer) string { return rotated(s, m{"nonce": "n-2"}, nil) }, ErrNonce, "nonce", true},
		{"none came", func(s *unitServer) string {
			return rotated(s, nil, m{"refresh_token": unitRemoved, "token_type": "mac"})
		}, ErrTokenType, "token_type", true},
		{"refused", func(*unitServer) string { return `{"error":"invalid_grant","refresh_token":"rt-2-secret"}` }, ErrRefused, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			s.answer("/token", tt.answer(s))
			fresh, err := s.client(t, nil).Refresh(context.Background(), loggedIn(nil), nil)
			if wantError(t, err, tt.kind, tt.param); fresh != nil {
				t.Error("a token came with the error")
			}
			e, _ := err.(*RefreshError)
			switch {
			case tt.lost != (e == nil):
				t.Errorf("the error is a %T", err)
			case e != nil && (e.RefreshToken.Reveal() != "rt-2-secret" || !errors.Is(e.Err, tt.kind)):
				t.Errorf("%q, %v", e.RefreshToken.Reveal(), e.Err)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(fmt.Sprintf("%#v", err), "secret") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

// TestRefreshErrorUnavailable: what says "try again" of the refresh token that is used
// up is not said; what says why is in Err.
func TestRefreshErrorUnavailable(t *testing.T) {
	for name, tt := range map[string]struct {
		leave bool // the caller, while the keys are fetched
		limit time.Duration
		want  error
		cause error
	}{
		"keys cannot be had":    {false, time.Hour, ErrResponse, ErrUnavailable},
		"caller leaves":         {true, time.Hour, context.Canceled, context.Canceled},
		"caller's time is over": {false, time.Second / 2, context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), tt.limit)
			defer cancel()
			s := newUnitServer()
			c := s.client(t, func(cfg *Config) {
				cfg.HTTPClient = &http.Client{Transport: httpFunc(func(r *http.Request) (*http.Response, error) {
					if r.URL.Path == "/jwks" && len(s.requests("/token")) == 1 {
						if tt.leave {
							cancel()
						}
						time.Sleep(time.Second)
					}
					return s.RoundTrip(r)
				})}
			})
			if err := c.needKeys(ctx); err != nil {
				t.Fatal(err)
			}
			next := must(GenerateSigningKey(ES256))
			s.answer("/token", unitTokenBody(t, map[string]any{"refresh_token": "rt-2", "id_token": must(next.SignJWT("JWT", unitClaims(nil)))}))
			s.set("/jwks", unitAnswer{status: 503})
			fresh, err := c.Refresh(ctx, loggedIn(nil), nil)
			var e *RefreshError
			if fresh != nil || !errors.As(err, &e) || e.RefreshToken.Reveal() != "rt-2" || !errors.Is(err, tt.want) || errors.Is(err, ErrUnavailable) ||
				!errors.Is(e.Err, tt.cause) {
				t.Errorf("%s: %v, %v", name, fresh, err)
			}
			time.Sleep(time.Minute) // until the fetch has ended
			// A Transport then verifies the answer that there is.
			s.answer("/jwks", `{"keys":[`+string(next.PublicJWK())+`]}`)
			if fresh, err = e.verifyAgain(context.Background()); err != nil || fresh.RefreshToken.Reveal() != "rt-2" || len(s.requests("/token")) != 1 {
				t.Errorf("%s, later: %v, %v", name, fresh, err)
			}
		})
	}
}

// unverifiedRefresh is a Client that has discovered its server, which answers a refresh with an ID
// token by next, a key that cannot be had. While hang is set, the server answers nothing.
func unverifiedRefresh(t *testing.T) (s *unitServer, c, now *Client, next *SigningKey, hang *atomic.Bool) {
	s, hang = newUnitServer(), new(atomic.Bool)
	s.publish(t, nil)
	c = s.discovering(t, func(cfg *Config) {
		cfg.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
			if hang.Load() {
				<-r.Context().Done()
			}
			return s.RoundTrip(r)
		}).client()
	})
	now, err := c.ready(t.Context())
	if err != nil || now.needKeys(t.Context()) != nil {
		t.Fatal(err)
	}
	next = must(GenerateSigningKey(ES256))
	s.answer("/token", unitTokenBody(t, map[string]any{"refresh_token": "rt-2", "id_token": must(next.SignJWT("JWT", unitClaims(nil)))}))
	s.set("/jwks", unitAnswer{status: 503})
	return s, c, now, next, hang
}

// TestRefreshVerifiesWithout: where the metadata cannot be had in time, the answer of a
// refresh is verified with those of before, if the keys are at hand.
func TestRefreshVerifiesWithout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c, now, next, hang := unverifiedRefresh(t)
		_, err := c.Refresh(t.Context(), loggedIn(nil), nil)
		e, ok := errorAs[*RefreshError](err)
		if !ok || e.verifyAgain == nil {
			t.Fatal(err)
		}
		time.Sleep(2 * keySoftAge)
		s.answer("/jwks", `{"keys":[`+string(next.PublicJWK())+`]}`)
		if err := now.needKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		hang.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if fresh, err := e.verifyAgain(ctx); err != nil || fresh.RefreshToken.Reveal() != "rt-2" {
			t.Errorf("%v, %v", fresh, err)
		}
		time.Sleep(keyFetchTimeout)
	})
}

// TestRefreshVerifiesElsewhere: keys that have moved between the answer of a refresh and
// the next look at it are taken from where the metadata say then.
func TestRefreshVerifiesElsewhere(t *testing.T) {
	for name, hook := range map[string]bool{"a refresh token": false, "Renew": true} {
		synctest.Test(t, func(t *testing.T) {
			s, c, _, next, hang := unverifiedRefresh(t)
			var opts TransportOptions
			if hook {
				opts.Renew = func(ctx context.Context, tok *Token) (*Token, error) { return c.Refresh(ctx, tok, nil) }
			}
			tr := newTransportOf(t, c, loggedIn(nil), opts)
			e, ok := errorAs[*RefreshError](tr.Renew(t.Context()))
			if !ok {
				t.Fatalf("%s: no RefreshError", name)
			}
			// If the metadata cannot be had in time, it can be tried again.
			hang.Store(true)
			time.Sleep(2 * keySoftAge)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := e.verifyAgain(ctx)
			if e, ok = errorAs[*RefreshError](err); !ok || e.verifyAgain == nil {
				t.Errorf("%s: %v", name, err)
			}
			time.Sleep(keyFetchTimeout)
			hang.Store(false)
			s.publish(t, func(as *AuthorizationServer) { as.JWKSURI = unitIssuer + "/jwks2" })
			s.answer("/jwks2", `{"keys":[`+string(next.PublicJWK())+`]}`)
			time.Sleep(2 * keySoftAge)
			if err := tr.Renew(t.Context()); err != nil {
				t.Errorf("%s, later: %v", name, err)
			}
			if n, got := len(s.requests("/token")), tr.Token().RefreshToken.Reveal(); n != 1 || got != "rt-2" {
				t.Errorf("%s: %d refreshes, with %s", name, n, got)
			}
		})
	}
}
