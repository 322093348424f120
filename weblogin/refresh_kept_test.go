package weblogin_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

// failingPuts fails the Puts that it is told to, beginning with the next one after skip.
type failingPuts struct {
	weblogin.Store
	skip, fail atomic.Int64
	panics     atomic.Bool
}

func (s *failingPuts) Put(ctx context.Context, id string, r *weblogin.Record) error {
	if s.panics.Load() {
		panic("the store of the program")
	}
	if s.skip.Add(-1) < 0 && s.fail.Add(-1) >= 0 {
		return errBroken
	}
	return s.Store.Put(ctx, id, r)
}

// TestRotatedIsKept: a refresh token that the server has rotated is stored although the
// store fails at first, and kept for the next request if it fails for longer.
func TestRotatedIsKept(t *testing.T) {
	store := &failingPuts{Store: weblogin.NewMemoryStore(0)}
	w := newTokens(t, 1, nil, store)
	for _, failures := range []int64{1, 5} {
		w.wait(6 * time.Minute)
		store.skip.Store(1) // the lease
		store.fail.Store(failures)
		before := w.srv.Count("/token")
		if status, body := w.ask(0); status != http.StatusOK || w.srv.Count("/token") != before+1 {
			t.Errorf("%d failures: %d %s, %d refreshes", failures, status, body, w.srv.Count("/token")-before)
		}
	}
}

// TestUnsavedIsKept: what could not be stored at all is stored with the next request, and no
// refresh token is used twice.
func TestUnsavedIsKept(t *testing.T) {
	defer weblogin.SetStoreTime(200 * time.Millisecond)()
	store := &failingPuts{Store: weblogin.NewMemoryStore(0)}
	w := newTokens(t, 1, nil, store)
	w.wait(6 * time.Minute)
	store.skip.Store(1)
	store.fail.Store(1000)
	before := w.srv.Count("/token")
	if status, body := w.ask(0); status != http.StatusInternalServerError || !strings.Contains(body, "cannot keep the session") {
		t.Errorf("%d %s", status, body)
	}
	store.fail.Store(0)
	w.wait(time.Minute) // the lease is over
	if status, body := w.ask(0); status != http.StatusOK || w.srv.Count("/token") != before+1 {
		t.Errorf("%d %s, %d refreshes", status, body, w.srv.Count("/token")-before)
	}
	w.wait(6 * time.Minute)
	if status, body := w.ask(0); status != http.StatusOK || w.srv.Count("/token") != before+2 {
		t.Errorf("the next refresh: %d %s", status, body)
	}
}

// before is a round tripper that does something before the next request for a token.
type before struct {
	http.RoundTripper
	do *atomic.Pointer[func()]
}

func (b before) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/token") {
		if f := b.do.Swap(nil); f != nil {
			(*f)()
		}
	}
	return b.RoundTripper.RoundTrip(r)
}

// TestNewerTokenStays: a process that is refused because another has refreshed the token
// before, while this one stood still, ends no session, and returns the newer token.
func TestNewerTokenStays(t *testing.T) {
	var do atomic.Pointer[func()]
	store := weblogin.NewMemoryStore(0)
	edit := func(c *weblogin.Config, o *oauth.Config) {
		withStore(c, o)
		c.Store = store
		o.HTTPClient = &http.Client{Transport: before{o.HTTPClient.Transport, &do}}
	}
	w := &tokens{world: newWorld(t, edit, nil)}
	w.processes = []http.Handler{handlerOf(w.handler(t, edit)), handlerOf(w.handler(t, edit))}
	w.tab = w.browser(t)
	w.tab.logIn("/").want(t, http.StatusOK, "hello alice")
	w.wait(6 * time.Minute)
	var second string
	other := func() {
		w.wait(2 * time.Minute) // the lease of the first is over
		_, second = w.ask(1)
	}
	do.Store(&other)
	if status, body := w.ask(0); status != http.StatusOK || body != second || second == "" {
		t.Errorf("%d %s, the other process has %s", status, body, second)
	}
}

// TestStorePanics: a store that panics fails a request, and does not end the process.
func TestStorePanics(t *testing.T) {
	store := &failingPuts{Store: weblogin.NewMemoryStore(0)}
	w := newTokens(t, 1, nil, store)
	w.wait(6 * time.Minute)
	store.panics.Store(true)
	if status, body := w.ask(0); status != http.StatusInternalServerError || strings.Contains(body, "of the program") {
		t.Errorf("%d %s", status, body)
	}
	store.panics.Store(false)
	if status, body := w.ask(0); status != http.StatusOK {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

// TestLeaseOfTheFuture: a lease that a clock has set that was wrong holds up nobody.
func TestLeaseOfTheFuture(t *testing.T) {
	w := newTokens(t, 2, func(o *oauthtest.Options) {}, nil)
	w.wait(4*time.Minute + 45*time.Second)
	w.wait(time.Hour / 2) // the clock of one process is ahead, and its refresh fails
	w.srv.Fault(oauthtest.RefreshFails)
	w.ask(0)
	w.srv.Fault()
	w.wait(-time.Hour / 2)
	w.wait(time.Minute)
	if status, body := w.ask(1); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}
