package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Store[int]{Life: time.Minute}
		s.Put("a", 1)
		time.Sleep(time.Minute - time.Nanosecond)
		s.Put("b", 2)
		if v, ok := s.Get("a"); !ok || v != 1 {
			t.Errorf("a: %d, %t", v, ok)
		}
		time.Sleep(time.Nanosecond)
		if _, ok := s.Get("a"); ok {
			t.Error("older than the store keeps")
		}
		if _, ok := s.Take("a"); ok {
			t.Error("taken, older than the store keeps")
		}
		s.Put("c", 3)
		s.DeleteFunc(func(v int) bool { return v == 2 })
		if _, ok := s.Get("b"); ok {
			t.Error("b is not deleted")
		}
		if v, ok := s.Get("c"); !ok || v != 3 {
			t.Errorf("c: %d, %t", v, ok)
		}
	})
}

func TestStoreIsBounded(t *testing.T) {
	s := Store[int]{Life: time.Minute}
	for i := range storeSize + 10 {
		s.Put(fmt.Sprint(i), i)
	}
	if v, ok := s.Get(fmt.Sprint(storeSize + 9)); !ok || v != storeSize+9 || len(s.m) != storeSize {
		t.Errorf("the last: %d, %t, of %d", v, ok, len(s.m))
	}
}

// Of several that take a value, one gets it.
func TestTakeOnce(t *testing.T) {
	s := Store[int]{Life: time.Minute}
	s.Put("a", 1)
	var taken atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, ok := s.Take("a"); ok {
				taken.Add(1)
			}
		})
	}
	all.Wait()
	if n := taken.Load(); n != 1 {
		t.Errorf("taken %d times", n)
	}
}

func TestCookie(t *testing.T) {
	for c, name := range map[Cookie]string{{}: "session", {Secure: true}: "__Host-session"} {
		w := httptest.NewRecorder()
		session := c.Start(w)
		got := w.Result().Cookies()[0]
		if got.Name != name || got.Value != session || len(session) < 26 || got.Path != "/" || got.Domain != "" ||
			!got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Secure != c.Secure {
			t.Errorf("%v", got)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if none := c.Session(r); none != "" {
			t.Errorf("a session %q without a cookie", none)
		}
		r.AddCookie(got)
		if c.Session(r) != session || c.Start(httptest.NewRecorder()) == session {
			t.Errorf("%s: %s, want %s, and a new one each time", name, c.Session(r), session)
		}
		w = httptest.NewRecorder()
		if c.Continue(w, r) != session || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: the session does not continue: %v", name, w.Result().Cookies())
		}
		w = httptest.NewRecorder()
		if begun := c.Continue(w, httptest.NewRequest(http.MethodGet, "/", nil)); begun != w.Result().Cookies()[0].Value {
			t.Errorf("%s: begun is %q, and the cookie %v", name, begun, w.Result().Cookies())
		}
	}
}

func TestServer(t *testing.T) {
	w := httptest.NewRecorder()
	srv := NewServer(http.NotFoundHandler())
	srv.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if srv.ReadTimeout == 0 || srv.WriteTimeout == 0 || srv.IdleTimeout == 0 {
		t.Error("a client can hold connections for ever")
	}
	for name, want := range map[string]string{
		"Cache-Control":           "no-store",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		"Referrer-Policy":         "no-referrer",
		"X-Content-Type-Options":  "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
