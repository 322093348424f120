package weblogin_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
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

// strangePuts stores, and does something else.
type strangePuts struct {
	weblogin.Store
	next atomic.Pointer[func(error) error] // of the next Put, with the error of the store
}

func (s *strangePuts) Put(ctx context.Context, id string, r *weblogin.Record) error {
	err := s.Store.Put(ctx, id, r)
	if f := s.next.Swap(nil); f != nil {
		return (*f)(err)
	}
	return err
}

// TestLostAnswer: the store has taken the lease, and its answer was lost.
func TestLostAnswer(t *testing.T) {
	store := &strangePuts{Store: weblogin.NewMemoryStore(0)}
	w := newTokens(t, 1, nil, store)
	w.wait(6 * time.Minute)
	lost := func(error) error { return errBroken }
	store.next.Store(&lost)
	before := w.srv.Count("/token")
	if status, body := w.ask(0); status != http.StatusOK || w.srv.Count("/token") != before+1 {
		t.Errorf("%d %s, %d refreshes", status, body, w.srv.Count("/token")-before)
	}
}

// TestStoreEndsItsGoroutine: as t.FailNow does in a store that a test has written.
func TestStoreEndsItsGoroutine(t *testing.T) {
	store := &strangePuts{Store: weblogin.NewMemoryStore(0)}
	w := newTokens(t, 1, nil, store)
	w.wait(6 * time.Minute)
	end := func(error) error { runtime.Goexit(); return nil }
	store.next.Store(&end)
	if status, body := w.ask(0); status != http.StatusInternalServerError || !strings.Contains(body, "ended its goroutine") {
		t.Errorf("%d %s", status, body)
	}
	w.wait(2 * time.Minute) // the lease is over
	if status, body := w.ask(0); status != http.StatusOK {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

// assertions is an authentication whose assertion is asked for elsewhere, which may be
// refused.
type assertions struct {
	oauth.ClientAuth
	refused atomic.Bool
}

func (a *assertions) Authenticate(ctx context.Context, r *oauth.ClientAuthRequest) error {
	if !a.refused.Load() {
		return a.ClientAuth.Authenticate(ctx, r)
	}
	return oauth.ClientAssertion(func(context.Context, string) (string, error) {
		return "", &oauth.ResponseError{StatusCode: http.StatusBadRequest, Code: "invalid_grant"}
	}).Authenticate(ctx, r)
}

// TestAssertionRefused: invalid_grant ends a session only if it is the answer to the
// refresh token.
func TestAssertionRefused(t *testing.T) {
	auth := &assertions{ClientAuth: oauth.ClientSecretBasic("the-secret-of-the-client")}
	edit := func(c *weblogin.Config, o *oauth.Config) { withStore(c, o); o.Auth = auth }
	w := &tokens{world: newWorld(t, edit, nil)}
	w.processes = []http.Handler{handlerOf(w.login)}
	w.tab = w.browser(t)
	w.tab.logIn("/").want(t, http.StatusOK, "hello alice")
	w.wait(6 * time.Minute)
	auth.refused.Store(true)
	if status, body := w.ask(0); status != http.StatusInternalServerError {
		t.Errorf("%d %s", status, body)
	}
	auth.refused.Store(false)
	w.wait(6 * time.Second)
	if status, body := w.ask(0); status != http.StatusOK {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

// TestLateFailure: a refresh that fails after its lease was over does not end the lease of
// the process that has it then.
func TestLateFailure(t *testing.T) {
	var do atomic.Pointer[func()]
	store := &strangePuts{Store: weblogin.NewMemoryStore(0)}
	edit := func(c *weblogin.Config, o *oauth.Config) {
		withStore(c, o)
		c.Store = store
		o.HTTPClient = &http.Client{Transport: before{o.HTTPClient.Transport, &do}}
	}
	w := &tokens{world: newWorld(t, edit, func(o *oauthtest.Options) {})}
	w.processes = []http.Handler{handlerOf(w.handler(t, edit)), handlerOf(w.handler(t, edit)), handlerOf(w.handler(t, edit))}
	w.tab = w.browser(t)
	w.tab.logIn("/").want(t, http.StatusOK, "hello alice")
	w.wait(6 * time.Minute)
	refreshing, failed := make(chan struct{}), make(chan struct{})
	var second string
	var wg sync.WaitGroup
	third := func() { // in the request of the second process
		close(refreshing)
		<-failed
		w.srv.Fault()
	}
	other := func() { // in the request of the first one, which fails
		w.wait(2 * time.Minute)
		do.Store(&third)
		wg.Go(func() { _, second = w.ask(1) })
		<-refreshing
		w.srv.Fault(oauthtest.RefreshFails)
	}
	do.Store(&other)
	before := w.srv.Count("/token")
	if status, body := w.ask(0); status != http.StatusInternalServerError {
		t.Errorf("%d %s", status, body)
	}
	again := make(chan struct{})
	go func() {
		defer close(again)
		if status, body := w.ask(2); status != http.StatusOK {
			t.Errorf("a third process: %d %s", status, body)
		}
	}()
	time.Sleep(300 * time.Millisecond) // it waits for the lease
	close(failed)
	wg.Wait()
	<-again
	if n := w.srv.Count("/token") - before; n != 2 || second == "" {
		t.Errorf("%d requests, %q", n, second)
	}
}
