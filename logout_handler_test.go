package oauth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const (
	logoutRefused = `{"error":"invalid_request","error_description":"the logout token was not accepted"}`
	logoutFailed  = `{"error":"server_error","error_description":"the logout failed"}`
)

func logoutRequest(token string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://app.example/logout", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	r.Header.Set("Content-Type", mediaForm)
	return r
}

// logoutPost wants an answer of the handler: 200 without a body, or 400 with
// one of the two fixed texts.
func logoutPost(t testing.TB, h http.Handler, r *http.Request, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	status := http.StatusOK
	if body != "" {
		status = http.StatusBadRequest
		if got := w.Header().Get("Content-Type"); got != mediaJSON {
			t.Errorf("Content-Type %q", got)
		}
	}
	if w.Code != status || w.Body.String() != body || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, header %v, body %s; want %d %s", w.Code, w.Header(), w.Body, status, body)
	}
}

// logoutCalls counts the calls of an OnLogout, which fails with err.
type logoutCalls struct {
	n   atomic.Int32
	err error
}

func (l *logoutCalls) onLogout(_ context.Context, t *LogoutToken) error {
	l.n.Add(1)
	if t.ID() == "" || t.Issuer() == "" {
		return errors.New("an empty token")
	}
	return l.err
}

func (l *logoutCalls) want(t testing.TB, n int32) {
	t.Helper()
	if got := l.n.Load(); got != n {
		t.Fatalf("OnLogout was called %d times, want %d", got, n)
	}
}

func TestLogoutHandler(t *testing.T) {
	s := newUnitServer()
	token := s.sign(t, "logout+jwt", logoutClaims(nil))
	form := "logout_token=" + token
	for _, tt := range []struct {
		name, mediaType, query, body string
		ok                           bool
	}{
		{name: "good", mediaType: mediaForm, body: form, ok: true},
		{name: "media type with parameters", mediaType: "Application/X-WWW-Form-URLencoded; charset=utf-8", body: form, ok: true},
		{name: "further parameters", mediaType: mediaForm, body: "a=1&" + form + "&a=2", ok: true},
		{name: "a query that says nothing", mediaType: mediaForm, query: "?a=%zz", body: form, ok: true},
		{name: "no media type", body: form},
		{name: "JSON", mediaType: mediaJSON, body: `{"logout_token":"` + token + `"}`},
		{name: "multipart", mediaType: "multipart/form-data; boundary=b", body: "--b\r\nContent-Disposition: form-data; name=\"logout_token\"\r\n\r\n" + token + "\r\n--b--\r\n"},
		{name: "the token alone", mediaType: "application/logout+jwt", body: token},
		{name: "in the query", mediaType: mediaForm, query: "?" + form},
		{name: "empty", mediaType: mediaForm},
		{name: "empty token", mediaType: mediaForm, body: "logout_token="},
		{name: "another name", mediaType: mediaForm, body: "Logout_Token=" + token},
		{name: "twice", mediaType: mediaForm, body: form + "&" + form},
		{name: "twice, one empty", mediaType: mediaForm, body: "logout_token=&" + form},
		{name: "a pair that cannot be read", mediaType: mediaForm, body: form + "&a=%zz"},
		{name: "semicolon", mediaType: mediaForm, body: form + ";a=1"},
		{name: "longest", mediaType: mediaForm, body: form + "&a=" + strings.Repeat("x", maxBody-len(form)-3), ok: true},
		{name: "too long", mediaType: mediaForm, body: form + "&a=" + strings.Repeat("x", maxBody-len(form)-2)},
		{name: "a bad token", mediaType: mediaForm, body: form + "x"},
		{name: "an ID token", mediaType: mediaForm, body: "logout_token=" + s.sign(t, "", unitClaims(map[string]any{"jti": "j"}))},
		{name: "a token for another client", mediaType: mediaForm, body: "logout_token=" + s.sign(t, "", logoutClaims(map[string]any{"aud": "x"}))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls logoutCalls
			h := s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout})
			r := httptest.NewRequest(http.MethodPost, "https://app.example/logout"+tt.query, strings.NewReader(tt.body))
			if tt.mediaType != "" {
				r.Header.Set("Content-Type", tt.mediaType)
			}
			if tt.ok {
				logoutPost(t, h, r, "")
				calls.want(t, 1)
				return
			}
			logoutPost(t, h, r, logoutRefused)
			calls.want(t, 0)
			// It was not used up.
			logoutPost(t, h, logoutRequest(token), "")
		})
	}
}

func TestLogoutHandlerMethods(t *testing.T) {
	s := newUnitServer()
	var calls logoutCalls
	h := s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout})
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post"} {
		r := logoutRequest(s.sign(t, "logout+jwt", logoutClaims(nil)))
		r.Method = method
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" || w.Header().Get("Cache-Control") != "no-store" || w.Body.Len() != 0 {
			t.Errorf("%s: status %d, header %v, body %s", method, w.Code, w.Header(), w.Body)
		}
	}
	calls.want(t, 0)
}

// Behind a middleware that reads the form there is no body left.
func TestLogoutHandlerFormWasRead(t *testing.T) {
	s := newUnitServer()
	var calls logoutCalls
	h := s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout})
	token := s.sign(t, "logout+jwt", logoutClaims(nil))
	r := logoutRequest("x")
	r.URL.RawQuery = "logout_token=" + token // is in r.Form, and is not to be taken
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	logoutPost(t, h, r, logoutRefused)
	calls.want(t, 0)
	r = logoutRequest(token)
	r.URL.RawQuery = "logout_token=x"
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	logoutPost(t, h, r, "")
	calls.want(t, 1)
}

func TestLogoutHandlerOnLogout(t *testing.T) {
	s := newUnitServer()
	type key struct{}
	h := s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{OnLogout: func(ctx context.Context, l *LogoutToken) error {
		if ctx.Value(key{}) != "value" || l.Subject() != "alice" || l.SessionID() != "session-1" || l.ID() != "jti-1" || l.Issuer() != unitIssuer {
			t.Errorf("%v, %q, %q", l, l.Subject(), l.SessionID())
		}
		return nil
	}})
	r := logoutRequest(s.sign(t, "logout+jwt", logoutClaims(nil)))
	logoutPost(t, h, r.WithContext(context.WithValue(r.Context(), key{}, "value")), "")
}

func TestLogoutHandlerReplay(t *testing.T) {
	s := newUnitServer()
	var calls logoutCalls
	c := s.client(t, nil)
	h := c.BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout})
	token := s.sign(t, "logout+jwt", logoutClaims(nil))
	logoutPost(t, h, logoutRequest(token), "")
	for _, again := range []string{
		token,
		s.sign(t, "logout+jwt", logoutClaims(nil)), // another signature
		s.sign(t, "JWT", logoutClaims(map[string]any{"exp": unitTime + 600, "iat": unitTime + 1})),
	} {
		logoutPost(t, h, logoutRequest(again), "")
	}
	calls.want(t, 1)
	// What another token is must not go under, whatever its jti.
	for i, another := range []map[string]any{{"jti": "jti-2"}, {"sub": "bob"}, {"sid": "session-2"}, {"sid": unitRemoved}, {"sub": "session-1", "sid": "alice"}} {
		logoutPost(t, h, logoutRequest(s.sign(t, "logout+jwt", logoutClaims(another))), "")
		calls.want(t, int32(i)+2)
	}
	// Handlers share nothing but the ReplayCache that they are given.
	logoutPost(t, c.BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout}), logoutRequest(token), "")
	calls.want(t, 7)
}

// A token is known for as long as it would be accepted, tolerance included.
func TestLogoutHandlerReplayToTheEnd(t *testing.T) {
	for name, claims := range map[string]map[string]any{
		"exp":         logoutClaims(nil),
		"exp, ahead":  logoutClaims(map[string]any{"exp": unitTime + 300 - 3600, "iat": unitTime - 3600}),
		"exp, behind": logoutClaims(map[string]any{"exp": unitTime + 300 + 3600, "iat": unitTime + 3600}),
		"iat":         logoutClaims(map[string]any{"exp": unitTime + 1_000_000}),
	} {
		t.Run(name, func(t *testing.T) {
			s := newUnitServer()
			var now replayClock
			var calls logoutCalls
			c := s.client(t, func(c *Config) {
				c.Clock = now.clock()
				if _, where, ok := strings.Cut(name, ", "); ok {
					c.Clock.Skew = map[string]time.Duration{"ahead": -time.Hour, "behind": time.Hour}[where]
				}
			})
			h := c.BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout})
			token := s.sign(t, "logout+jwt", claims)
			logoutPost(t, h, logoutRequest(token), "")
			if name == "iat" {
				now.n.Store(3300)
			}
			for ; ; now.n.Add(1) {
				if _, err := c.VerifyLogoutToken(context.Background(), token); err != nil {
					break
				}
				logoutPost(t, h, logoutRequest(token), "")
			}
			if n := now.n.Load(); name != "iat" && n != 330 || name == "iat" && n != 3631 {
				t.Errorf("it was good for %d s", n)
			}
			calls.want(t, 1)
		})
	}
}

// Where the session was not ended, the server is told so and may come again.
func TestLogoutHandlerOnLogoutFails(t *testing.T) {
	s := newUnitServer()
	calls := logoutCalls{err: errors.New("database: " + secretMarker)}
	h := s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout})
	token := s.sign(t, "logout+jwt", logoutClaims(nil))
	for range 3 {
		logoutPost(t, h, logoutRequest(token), logoutFailed)
	}
	calls.err = ErrReplay // whatever it says
	logoutPost(t, h, logoutRequest(token), logoutFailed)
	calls.want(t, 4)
	calls.err = nil
	logoutPost(t, h, logoutRequest(token), "")
	logoutPost(t, h, logoutRequest(token), "")
	calls.want(t, 5)
}

// net/http recovers: the program goes on, and the session with it.
func TestLogoutHandlerOnLogoutPanics(t *testing.T) {
	s := newUnitServer()
	var calls logoutCalls
	h := s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{OnLogout: func(ctx context.Context, l *LogoutToken) error {
		if err := calls.onLogout(ctx, l); err != nil {
			panic(err)
		}
		return nil
	}})
	token := s.sign(t, "logout+jwt", logoutClaims(nil))
	calls.err = errors.New("nil map")
	func() {
		defer func() {
			if recover() != any(calls.err) {
				t.Error("the panic is gone")
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), logoutRequest(token))
	}()
	calls.err = nil
	logoutPost(t, h, logoutRequest(token), "")
	calls.want(t, 2)
}

// replayFunc is a ReplayCache of a test's.
type replayFunc func(ctx context.Context, key string, until time.Time) (bool, error)

func (f replayFunc) Add(ctx context.Context, key string, until time.Time) (bool, error) {
	return f(ctx, key, until)
}

// hasFunc is a replayFunc with the method Has.
type hasFunc struct {
	replayFunc
	has func(ctx context.Context, key string) (bool, error)
}

func (f hasFunc) Has(ctx context.Context, key string) (bool, error) { return f.has(ctx, key) }

// Whatever the cache does, the session ends, unless the cache says that it did.
func TestLogoutHandlerCache(t *testing.T) {
	s := newUnitServer()
	token := s.sign(t, "logout+jwt", logoutClaims(nil))
	full := newMemoryReplay(Clock{Now: unitNow}, 1)
	replayAdd(t, full, "other", 1000, true)
	add := func(added bool, err error) replayFunc {
		return func(context.Context, string, time.Time) (bool, error) { return added, err }
	}
	has := func(known bool, err error, add replayFunc) ReplayCache {
		return hasFunc{add, func(context.Context, string) (bool, error) { return known, err }}
	}
	down := errors.New("down")
	for _, tt := range []struct {
		name   string
		cache  ReplayCache
		fails  bool // OnLogout
		calls  int32
		errors int // of the cache, that OnError hears
	}{
		{name: "Add: new", cache: add(true, nil), calls: 1},
		{name: "Add: known", cache: add(false, nil), calls: 1},
		{name: "Add fails", cache: add(false, down), calls: 1, errors: 1},
		{name: "Add fails, and says that it is new", cache: add(true, down), calls: 1, errors: 1},
		{name: "full", cache: full, calls: 1, errors: 1},
		{name: "Has: new", cache: has(false, nil, add(true, nil)), calls: 1},
		{name: "Has: known", cache: has(true, nil, func(context.Context, string, time.Time) (bool, error) {
			t.Error("what is known was recorded again")
			return false, nil
		}), calls: 0},
		{name: "Has: new, another handler was faster", cache: has(false, nil, add(false, nil)), calls: 1},
		{name: "Has fails", cache: has(false, down, add(true, nil)), calls: 1, errors: 1},
		{name: "Has fails, and says that it is known", cache: has(true, down, add(true, nil)), calls: 1, errors: 1},
		{name: "both fail", cache: has(false, down, add(false, down)), calls: 1, errors: 2},
		{name: "Has fails, and OnLogout", cache: has(false, down, add(true, nil)), fails: true, calls: 1, errors: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls logoutCalls
			body := ""
			if tt.fails {
				calls.err, body = errors.New("x"), logoutFailed
			}
			var heard []error
			h := s.client(t, nil).
				BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout, Replay: tt.cache, OnError: func(_ context.Context, err error) {
					heard = append(heard, err)
				}})
			logoutPost(t, h, logoutRequest(token), body)
			calls.want(t, tt.calls)
			if tt.fails {
				last := heard[len(heard)-1]
				if heard = heard[:len(heard)-1]; !errors.Is(last, errLogoutFailed) {
					t.Errorf("heard %v", last)
				}
			}
			if len(heard) != tt.errors {
				t.Errorf("heard %v", heard)
			}
			for _, err := range heard {
				if wantError(t, err, ErrUnavailable, "Replay"); tt.cache != ReplayCache(full) && !errors.Is(err, down) {
					t.Errorf("heard %v", err)
				}
			}
			// Without OnError as well.
			logoutPost(t, s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout, Replay: tt.cache}), logoutRequest(token), body)
		})
	}
}

// At each point at which the way back from the store can break, a server that is
// told of a failure comes again, and one that is not has ended the session.
func TestLogoutHandlerLosesNothing(t *testing.T) {
	s := newUnitServer()
	token := s.sign(t, "logout+jwt", logoutClaims(nil))
	type ctxKey struct{}
	for name, lost := range map[string]int{"nothing": -1, "Has": 0, "OnLogout": 1, "Add": 2} {
		t.Run(name, func(t *testing.T) {
			known := map[string]bool{}
			step, alive := -1, true
			at := func(ctx context.Context, n int, key string) error { // carried out, and the answer is lost
				if ctx.Value(ctxKey{}) != "value" || len(key) != 43 || strings.Contains(key, "jti-1") {
					t.Errorf("key %q", key)
				}
				if step = n; n == lost {
					lost = -1
					return errors.New("the answer is lost")
				}
				return nil
			}
			cache := hasFunc{
				func(ctx context.Context, key string, _ time.Time) (bool, error) {
					added := !known[key]
					known[key] = true
					return added, at(ctx, 2, key)
				},
				func(ctx context.Context, key string) (bool, error) { return known[key], at(ctx, 0, key) },
			}
			n := 0
			h := s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{Replay: cache, OnLogout: func(ctx context.Context, _ *LogoutToken) error {
				if step != 0 {
					t.Errorf("OnLogout after step %d", step)
				}
				n++
				err := at(ctx, 1, strings.Repeat("k", 43))
				alive = alive && err != nil
				return err
			}})
			send := func() int {
				w := httptest.NewRecorder()
				r := logoutRequest(token)
				h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), ctxKey{}, "value")))
				return w.Code
			}
			status := send()
			if (status == http.StatusOK) == alive {
				t.Fatalf("status %d, and the session is alive: %v", status, alive)
			}
			if status != http.StatusOK && send() != http.StatusOK || alive {
				t.Errorf("the second time, the session is alive: %v", alive)
			}
			// From now on an old token ends no new session.
			if before := n; send() != http.StatusOK || n != before {
				t.Errorf("OnLogout was called again: %d", n)
			}
		})
	}
}

func TestLogoutHandlerUntil(t *testing.T) {
	s := newUnitServer()
	for _, tt := range []struct {
		name      string
		exp, iat  int64 // exp 0: none
		tolerance time.Duration
		skew      int64
		want      int64
	}{
		{"exp is first", 300, 0, 0, 0, 300 + 90},
		{"iat is first", 5000, 0, 0, 0, 3600 + 90},
		{"no exp", 0, 0, 0, 0, 3600 + 90},
		{"no exp, iat in the past", 0, -3000, 0, 0, 600 + 90},
		{"iat in the past", 5000, -3000, 0, 0, 600 + 90},
		{"iat ahead", 5000, 600, 0, 0, 4200 + 90},
		{"exp past, within the tolerance", -10, -20, 0, 0, -10 + 90},
		{"no tolerance", 300, 0, -1, 0, 300 + 60},
		{"large tolerance", 300, 0, 10 * time.Minute, 0, 300 + 660},
		// A cache goes by the local time, and not by that of the server.
		{"local clock behind", 3900, 3600, 0, 3600, 300 + 90},
		{"local clock ahead", -3300, -3600, 0, -3600, 300 + 90},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var until time.Time
			cache := replayFunc(func(_ context.Context, _ string, u time.Time) (bool, error) { until = u; return true, nil })
			c := s.client(t, func(c *Config) { c.Clock.Tolerance, c.Clock.Skew = tt.tolerance, time.Duration(tt.skew)*time.Second })
			h := c.BackchannelLogoutHandler(LogoutOptions{OnLogout: new(logoutCalls).onLogout, Replay: cache})
			claims := logoutClaims(map[string]any{"exp": unitTime + tt.exp, "iat": unitTime + tt.iat})
			if tt.exp == 0 {
				delete(claims, "exp")
			}
			logoutPost(t, h, logoutRequest(s.sign(t, "logout+jwt", claims)), "")
			if got := until.Unix() - unitTime; got != tt.want {
				t.Errorf("kept for %d s, want %d", got, tt.want)
			}
		})
	}
}

func TestLogoutHandlerConcurrent(t *testing.T) {
	s := newUnitServer()
	var calls logoutCalls
	h := s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout})
	token := s.sign(t, "logout+jwt", logoutClaims(nil))
	var accepted atomic.Int32
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, logoutRequest(token)); w.Code == http.StatusOK {
				accepted.Add(1)
			}
		})
	}
	wg.Wait()
	// As often as there were some at once; for a token that is known, no more.
	if n := calls.n.Load(); n < 1 || accepted.Load() != 100 {
		t.Errorf("%d calls, %d were accepted", n, accepted.Load())
	}
	before := calls.n.Load()
	logoutPost(t, h, logoutRequest(token), "")
	calls.want(t, before)
}

// Nothing was learned about a token while the keys cannot be had.
func TestLogoutHandlerKeysUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		keys := s.answers["/jwks"]
		s.set("/jwks", unitAnswer{status: 500})
		var calls logoutCalls
		h := s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout})
		token := s.sign(t, "logout+jwt", logoutClaims(nil))
		logoutPost(t, h, logoutRequest(token), logoutFailed)
		calls.want(t, 0)
		s.set("/jwks", keys)
		time.Sleep(time.Hour) // the back-off
		logoutPost(t, h, logoutRequest(token), "")
		calls.want(t, 1)
	})
}

// A body that cannot be read to its end is none.
func TestLogoutHandlerBodyBreaks(t *testing.T) {
	s := newUnitServer()
	var calls logoutCalls
	h := s.client(t, nil).BackchannelLogoutHandler(LogoutOptions{OnLogout: calls.onLogout})
	r := logoutRequest("")
	r.Body = io.NopCloser(
		io.MultiReader(
			strings.NewReader("logout_token="+s.sign(t, "logout+jwt", logoutClaims(nil))),
			httpReader(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }),
		),
	)
	logoutPost(t, h, r, logoutRefused)
	r.Body = nil
	logoutPost(t, h, r, logoutRefused)
	calls.want(t, 0)
}

func TestLogoutHandlerNeedsOnLogout(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a handler without OnLogout")
		}
	}()
	newUnitServer().client(t, nil).BackchannelLogoutHandler(LogoutOptions{})
}
