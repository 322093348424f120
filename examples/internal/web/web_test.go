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
		s := store[int]{life: time.Minute}
		s.put("a", 1)
		time.Sleep(time.Minute - time.Nanosecond)
		s.put("b", 2)
		if v := s.get("a"); v != 1 {
			t.Errorf("a: %d", v)
		}
		time.Sleep(time.Nanosecond)
		if v := s.get("a"); v != 0 {
			t.Error("older than the store keeps")
		}
		if v, ok := s.take("a"); ok || v != 0 {
			t.Error("taken, older than the store keeps")
		}
		s.put("c", 3)
		s.deleteFunc(func(v int) bool { return v == 2 })
		if b, c := s.get("b"), s.get("c"); b != 0 || c != 3 {
			t.Errorf("b is %d, c is %d", b, c)
		}
	})
}

func TestStoreIsBounded(t *testing.T) {
	s := store[int]{life: time.Minute}
	for i := range storeSize + 10 {
		s.put(fmt.Sprint(i), i)
	}
	if v := s.get(fmt.Sprint(storeSize + 9)); v != storeSize+9 || len(s.m) != storeSize {
		t.Errorf("the last: %d, of %d", v, len(s.m))
	}
}

// Of several that take a value, one gets it.
func TestTakeOnce(t *testing.T) {
	s := store[int]{life: time.Minute}
	s.put("a", 1)
	var taken atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, ok := s.take("a"); ok {
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
	for redirectURI, name := range map[string]string{
		"http://127.0.0.1:8080/callback":   "session",
		"https://app.example.com/callback": "__Host-session",
	} {
		s := NewSessions(redirectURI)
		w := httptest.NewRecorder()
		session := s.start(w)
		got := w.Result().Cookies()[0]
		if got.Name != name || got.Value != session || len(session) < 26 || got.Path != "/" || got.Domain != "" ||
			!got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Secure != (name != "session") {
			t.Errorf("%v", got)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if none := s.of(r); none != "" {
			t.Errorf("a session %q without a cookie", none)
		}
		r.AddCookie(got)
		if s.of(r) != session || s.start(httptest.NewRecorder()) == session {
			t.Errorf("%s: %s, want %s, and a new one each time", name, s.of(r), session)
		}
	}
}

func TestServer(t *testing.T) {
	srv := NewServer(http.NotFoundHandler())
	if srv.ReadTimeout == 0 || srv.WriteTimeout == 0 || srv.IdleTimeout == 0 {
		t.Error("a client can hold connections for ever")
	}
	for site, want := range map[string]int{"same-origin": http.StatusNotFound, "cross-site": http.StatusForbidden} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Sec-Fetch-Site", site)
		srv.Handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", site, w.Code, want)
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
}
