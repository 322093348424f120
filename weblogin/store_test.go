package weblogin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth/weblogin"
	"example.com/oauth/weblogin/storetest"
)

func TestMemoryStore(t *testing.T) {
	s := weblogin.NewMemoryStore(0)
	storetest.Run(t, func() weblogin.Store { return s })
}

// TestMemoryStoreFull: the sessions that expire first are forgotten.
func TestMemoryStoreFull(t *testing.T) {
	s := weblogin.NewMemoryStore(100)
	ctx := t.Context()
	for i := range 1000 {
		r := &weblogin.Record{Version: 1, Expires: time.Now().Add(time.Hour + time.Duration(i)*time.Second)}
		if err := s.Put(ctx, fmt.Sprint(i), r); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for i := range 1000 {
		if r, _ := s.Get(ctx, fmt.Sprint(i)); r != nil {
			n++
		} else if i >= 950 {
			t.Errorf("session %d is forgotten", i)
		}
	}
	if n > 100 || n < 80 {
		t.Errorf("%d sessions", n)
	}
}

// brokenStore fails when it is told to.
type brokenStore struct {
	weblogin.Store
	mu    sync.Mutex
	fails map[string]bool
}

var errBroken = errors.New("the store is down")

func (s *brokenStore) broken(call string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails[call] {
		return errBroken
	}
	return nil
}

func (s *brokenStore) set(calls ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = map[string]bool{}
	for _, c := range calls {
		s.fails[c] = true
	}
}

func (s *brokenStore) Get(ctx context.Context, id string) (*weblogin.Record, error) {
	if err := s.broken("Get"); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, id)
}

func (s *brokenStore) Put(ctx context.Context, id string, r *weblogin.Record) error {
	if err := s.broken("Put"); err != nil {
		return err
	}
	return s.Store.Put(ctx, id, r)
}

func (s *brokenStore) Delete(ctx context.Context, id string) error {
	if err := s.broken("Delete"); err != nil {
		return err
	}
	return s.Store.Delete(ctx, id)
}

func (s *brokenStore) DeleteBy(ctx context.Context, tag string) error {
	if err := s.broken("DeleteBy"); err != nil {
		return err
	}
	return s.Store.DeleteBy(ctx, tag)
}

// TestStoreFails: a store that cannot be asked lets nobody in, logs nobody out unseen, and
// no refresh token is used that could not be kept.
func TestStoreFails(t *testing.T) {
	store := &brokenStore{Store: weblogin.NewMemoryStore(0)}
	w := newTokens(t, 1, nil, store)
	store.set("Get")
	w.tab.open("/").want(t, http.StatusServiceUnavailable, "cannot be reached")
	store.set("Delete")
	post := w.tab.request(http.MethodPost, "/auth/logout", "navigate", "document")
	w.tab.send(post).want(t, http.StatusServiceUnavailable, "cannot be reached")
	store.set()
	w.tab.open("/").want(t, http.StatusOK, "hello alice")
	store.set("DeleteBy")
	for _, l := range w.srv.Logout(t.Context(), "alice") {
		if l.Status != http.StatusBadRequest {
			t.Errorf("%+v", l) // the server may send it again
		}
	}
	w.wait(6 * time.Minute)
	before := w.srv.Count("/token")
	store.set("Put")
	if status, body := w.ask(0); status != http.StatusInternalServerError || w.srv.Count("/token") != before {
		t.Errorf("%d %s, %d refreshes", status, body, w.srv.Count("/token")-before)
	}
	w.tab.open("/").want(t, http.StatusOK, "hello alice")
	other := w.browser(t)
	other.logIn("/").want(t, http.StatusServiceUnavailable, "cannot be reached")
}

// TestNothingReadable: the store learns neither tokens nor users nor the names of sessions.
func TestNothingReadable(t *testing.T) {
	seen := &recordingStore{Store: weblogin.NewMemoryStore(0)}
	w := newTokens(t, 1, nil, seen)
	_, token := w.ask(0)
	name := w.tab.cookies()[w.session()]
	text := seen.text()
	for what, secret := range map[string]string{"a token": token, "the subject": "alice", "the issuer": w.srv.Issuer(), "the cookie": name} {
		if secret == "" || len(text) == 0 || strings.Contains(text, secret) {
			t.Errorf("%s is in the store", what)
		}
	}
}

type recordingStore struct {
	weblogin.Store
	mu  sync.Mutex
	all []byte
}

func (s *recordingStore) Put(ctx context.Context, id string, r *weblogin.Record) error {
	s.mu.Lock()
	s.all = fmt.Appendf(s.all, "%s %s %s\n", id, r.Tags, r.Data)
	s.mu.Unlock()
	return s.Store.Put(ctx, id, r)
}

func (s *recordingStore) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.all)
}
