// Package web is what the web applications and APIs of examples have in common:
// sessions, header fields, and the limits of an HTTP server.
package web

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"os"
	"sync"
	"time"
)

// Serve serves h at OAUTH_LISTEN, or else at 127.0.0.1:8080. It does not return
// without an error. TLS ends at a proxy in front of the program.
func Serve(h http.Handler) error {
	srv := NewServer(h)
	srv.Addr = cmp.Or(os.Getenv("OAUTH_LISTEN"), "127.0.0.1:8080")
	return srv.ListenAndServe()
}

// NewServer returns a server of h that has limits.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:        withHeader(h),
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   90 * time.Second, // a callback waits for the server
		IdleTimeout:    time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
}

// withHeader sets the header fields of all pages. The URL for front-channel logout,
// which none of the programs has, must be framed by the server: its handler
// deletes Content-Security-Policy.
func withHeader(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer") // the URL of a callback stays here
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// A Cookie names the session of a browser. Secure is for applications that the
// browser reaches by https: all but those on loopback.
type Cookie struct{ Secure bool }

func (c Cookie) name() string {
	if c.Secure {
		return "__Host-session" // no other host can set it
	}
	return "session"
}

// Session returns the session of the browser that sent r. It is empty if the
// browser has none.
func (c Cookie) Session(r *http.Request) string {
	cookie, err := r.Cookie(c.name())
	if err != nil {
		return ""
	}
	return cookie.Value
}

// Continue returns the session of the browser, and gives it one if it has none.
func (c Cookie) Continue(w http.ResponseWriter, r *http.Request) (session string) {
	if session = c.Session(r); session == "" {
		session = c.Start(w)
	}
	return session
}

// Start gives the browser a new session and returns it.
func (c Cookie) Start(w http.ResponseWriter) (session string) {
	session = rand.Text()
	http.SetCookie(w, &http.Cookie{
		Name:     c.name(),
		Value:    session,
		Path:     "/",
		HttpOnly: true,                 // out of reach for scripts
		SameSite: http.SameSiteLaxMode, // Strict would not come along with the callback
		Secure:   c.Secure,
	})
	return session
}

// storeSize is how many values a Store keeps.
const storeSize = 10_000

// A Store keeps values on the server side, each for Life. If it is full, any value
// goes. A program with several instances needs one that they share, with what
// MarshalBinary of a value returns.
type Store[V any] struct {
	Life time.Duration

	mu sync.Mutex
	m  map[string]entry[V]
}

type entry[V any] struct {
	value V
	until time.Time
}

// Put keeps a value under a key.
func (s *Store[V]) Put(key string, value V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[string]entry[V])
	}
	for k := range s.m {
		if len(s.m) < storeSize {
			break
		}
		delete(s.m, k)
	}
	s.m[key] = entry[V]{value, time.Now().Add(s.Life)}
}

// Get returns the value under a key, and reports whether there is one.
func (s *Store[V]) Get(key string) (V, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.m[key]
	if !ok || !time.Now().Before(e.until) {
		return *new(V), false
	}
	return e.value, true
}

// Take returns what Get does, and removes it: if two take a value, one gets it.
func (s *Store[V]) Take(key string) (V, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.m[key]
	delete(s.m, key)
	if !ok || !time.Now().Before(e.until) {
		return *new(V), false
	}
	return e.value, true
}

// DeleteFunc removes the values for which f returns true.
func (s *Store[V]) DeleteFunc(f func(V) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, e := range s.m {
		if f(e.value) {
			delete(s.m, key)
		}
	}
}
