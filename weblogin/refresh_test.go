package weblogin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

// tokens is a world whose application uses the token of the session, in one process or
// several that share a store.
type tokens struct {
	*world
	tab       *tab
	processes []http.Handler
}

// handlerOf is the application of one process. It answers with the token of the session, or
// with 401 if the session has ended, and 500 for other errors.
func handlerOf(h *weblogin.Handler) http.Handler {
	return h.Require(weblogin.Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := weblogin.FromContext(r.Context())
		switch tok, err := s.Token(r.Context()); {
		case errors.Is(err, weblogin.ErrEnded):
			w.WriteHeader(http.StatusGone)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			fmt.Fprint(w, tok.AccessToken.Reveal())
		}
	}))
}

func newTokens(t *testing.T, processes int, options func(*oauthtest.Options), store weblogin.Store) *tokens {
	t.Helper()
	if store == nil {
		store = weblogin.NewMemoryStore(0)
	}
	edit := func(c *weblogin.Config, o *oauth.Config) {
		withStore(c, o)
		c.Store = store
	}
	w := &tokens{world: newWorld(t, edit, options)}
	for i := range processes {
		w.processes = append(w.processes, handlerOf(w.handler(t, func(c *weblogin.Config, o *oauth.Config) {
			edit(c, o)
			// The clocks of several machines are never the same.
			c.Now = func() time.Time { return w.now().Add(time.Duration(i) * 100 * time.Millisecond) }
		})))
	}
	w.tab = w.browser(t)
	w.tab.logIn("/").want(t, http.StatusOK, "hello alice")
	return w
}

// ask asks the n-th process for the token.
func (w *tokens) ask(n int) (status int, body string) {
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Cookie", w.session()+"="+w.tab.cookies()[w.session()])
	req.Header.Set("Sec-Fetch-Mode", "cors")
	rec := httptest.NewRecorder()
	w.processes[n%len(w.processes)].ServeHTTP(rec, req)
	return rec.Code, rec.Body.String()
}

// TestOneRefresh: 50 tabs, spread over processes, go through the end of the token: there is
// one refresh each time, and all have the new token.
func TestOneRefresh(t *testing.T) {
	for _, processes := range []int{1, 3} {
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			w := newTokens(t, processes, func(o *oauthtest.Options) { o.RefreshDelay = func() { time.Sleep(300 * time.Millisecond) } }, nil)
			_, last := w.ask(0)
			for round := 1; round <= 2; round++ {
				w.wait(6 * time.Minute)
				before := w.srv.Count("/token")
				var mu sync.Mutex
				got := map[string]int{}
				var wg sync.WaitGroup
				for i := range 50 {
					wg.Go(func() {
						status, body := w.ask(i)
						mu.Lock()
						defer mu.Unlock()
						got[fmt.Sprint(status, " ", body)]++
					})
				}
				wg.Wait()
				if n := w.srv.Count("/token") - before; n != 1 || len(got) != 1 || got["200 "+last] != 0 {
					t.Errorf("round %d: %d refreshes, answers %v; %v", round, n, got, w.reported())
				}
				status, body := w.ask(0)
				if last = body; status != http.StatusOK {
					t.Errorf("%d %s", status, body)
				}
			}
		})
	}
}

// TestRefreshGoesOn: a tab that is closed while the token is refreshed loses nothing.
func TestRefreshGoesOn(t *testing.T) {
	began, end := make(chan struct{}, 1), make(chan struct{})
	w := newTokens(t, 1, func(o *oauthtest.Options) {
		o.RefreshDelay = func() {
			began <- struct{}{}
			<-end
		}
	}, nil)
	w.wait(6 * time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		req.Header.Set("Cookie", w.session()+"="+w.tab.cookies()[w.session()])
		w.processes[0].ServeHTTP(httptest.NewRecorder(), req)
	}()
	<-began
	cancel()
	<-done
	close(end)
	if status, body := w.ask(0); status != http.StatusOK || w.srv.Count("/token") != 2 {
		t.Errorf("%d %s after %d requests", status, body, w.srv.Count("/token"))
	}
}

// TestRefreshFails: a refresh that fails is tried again later, and not by each request; the
// refresh token that a bad answer brought is kept; a session that the server has ended ends.
func TestRefreshFails(t *testing.T) {
	w := newTokens(t, 2, nil, nil)
	w.wait(4*time.Minute + 45*time.Second) // the token is valid for 15 s
	w.srv.Fault(oauthtest.RefreshFails)
	_, old := w.ask(0)
	for range 5 {
		if status, body := w.ask(1); status != http.StatusOK || body != old {
			t.Errorf("while it is valid: %d %s", status, body)
		}
	}
	if n := w.srv.Count("/token"); n != 2 {
		t.Errorf("%d requests", n)
	}
	w.wait(20 * time.Second)
	if status, body := w.ask(0); status != http.StatusInternalServerError {
		t.Errorf("it has expired: %d %s", status, body)
	}
	w.wait(6 * time.Second)
	w.srv.Fault(oauthtest.WrongSignature) // after the refresh token was rotated
	if status, body := w.ask(1); status != http.StatusInternalServerError {
		t.Errorf("a bad ID token: %d %s", status, body)
	}
	w.srv.Fault()
	w.wait(6 * time.Second)
	if status, body := w.ask(0); status != http.StatusOK || body == old {
		t.Errorf("afterwards: %d %s", status, body)
	}
	w.wait(6 * time.Minute)
	w.srv.Fault(oauthtest.RefreshInvalidGrant)
	if status, body := w.ask(1); status != http.StatusGone {
		t.Errorf("the session has ended: %d %s", status, body)
	}
	w.srv.Fault()
	if status, _ := w.ask(0); status != http.StatusUnauthorized {
		t.Errorf("the session has ended: %d", status)
	}
}

// TestNoTokens: a session that keeps no tokens says so.
func TestNoTokens(t *testing.T) {
	for name, edit := range map[string]func(*weblogin.Config, *oauth.Config){
		"cookie": nil,
		"store":  func(c *weblogin.Config, _ *oauth.Config) { c.Store = weblogin.NewMemoryStore(0) },
	} {
		w := newWorld(t, edit, nil)
		var got error
		w.app.Config.Handler.(*http.ServeMux).Handle("/token", w.login.Require(weblogin.Requirement{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s, _ := weblogin.FromContext(r.Context())
			_, got = s.Token(r.Context())
		})))
		b := w.browser(t)
		b.logIn("/token")
		if !errors.Is(got, oauth.ErrConfig) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestTokenIsNotThere: a session that began before the provider had Tokens, and one without a
// refresh token.
func TestTokenIsNotThere(t *testing.T) {
	store := weblogin.NewMemoryStore(0)
	edit := func(c *weblogin.Config, _ *oauth.Config) { c.Store = store }
	with := func(c *weblogin.Config, o *oauth.Config) { edit(c, o); c.Providers[0].Tokens = true }
	for name, row := range map[string]struct {
		first func(*weblogin.Config, *oauth.Config)
		wait  time.Duration
		want  string
	}{
		"began before":       {edit, 0, "no access token"},
		"no refresh token":   {with, 6 * time.Minute, "has expired, and there is no refresh token"},
		"while it is valid":  {with, 4*time.Minute + 45*time.Second, ""},
		"with a fresh token": {with, 0, ""},
	} {
		w := &tokens{world: newWorld(t, row.first, nil)}
		w.processes = []http.Handler{handlerOf(w.handler(t, with))}
		w.tab = w.browser(t)
		w.tab.logIn("/").want(t, http.StatusOK, "hello alice")
		w.wait(row.wait)
		before := w.srv.Count("/token")
		status, body := w.ask(0)
		if (status == http.StatusOK) != (row.want == "") || !strings.Contains(body, row.want) || w.srv.Count("/token") != before {
			t.Errorf("%s: %d %s, %d requests", name, status, body, w.srv.Count("/token")-before)
		}
	}
}
