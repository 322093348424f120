package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"example.com/oauth"
)

// Sessions are the sessions of browsers. They are kept on the server side, and the
// browser has a cookie. A program with several instances needs a store that they
// share, with what MarshalBinary of a value returns.
type Sessions struct {
	secure  bool
	pending store[*oauth.PendingAuthorization] // logins under way, by session and state
	users   store[*oauth.Token]                // who is logged in, by session
}

// NewSessions returns the sessions of an application with that redirect URI.
func NewSessions(redirectURI string) *Sessions {
	s := &Sessions{secure: strings.HasPrefix(redirectURI, "https:")} // all but on loopback
	s.pending.life, s.users.life = 10*time.Minute, 8*time.Hour
	return s
}

// Begin keeps a login for the callback with that state, in the session of the browser,
// and sends the browser to the server.
func (s *Sessions) Begin(w http.ResponseWriter, r *http.Request, state string, auth *oauth.PendingAuthorization) {
	session := s.of(r)
	if session == "" {
		session = s.start(w)
	}
	s.pending.put(session+" "+state, auth)
	http.Redirect(w, r, auth.URL(), http.StatusSeeOther)
}

// Finish returns the login of a callback. Session and state together find it: by the
// state alone, somebody could have a user finish a login that is not theirs. Because it
// is taken out before it is finished, it can be used once. If there is none, Finish
// tells the user so.
func (s *Sessions) Finish(w http.ResponseWriter, r *http.Request, state string) (auth *oauth.PendingAuthorization, ok bool) {
	auth, ok = s.pending.take(s.of(r) + " " + state)
	if !ok {
		http.Error(w, "This login was not started in this browser, was finished before, or took too long.", http.StatusForbidden)
	}
	return auth, ok
}

// LogIn begins a new session for a user: whoever knew the old one is not logged in.
func (s *Sessions) LogIn(w http.ResponseWriter, user *oauth.Token) { s.users.put(s.start(w), user) }

// User returns the user who is logged in, or nil.
func (s *Sessions) User(r *http.Request) *oauth.Token { return s.users.get(s.of(r)) }

// LogOut ends the session, and returns the user who was logged in.
func (s *Sessions) LogOut(r *http.Request) (user *oauth.Token, ok bool) { return s.users.take(s.of(r)) }

// OnLogout ends the sessions that have ended at the server: by a logout here, by one
// at another application, or by an administrator (Back-Channel Logout 1.0, Section
// 2.7).
func (s *Sessions) OnLogout(_ context.Context, t *oauth.LogoutToken) error {
	s.users.deleteFunc(func(user *oauth.Token) bool {
		same := t.Subject() == user.Subject()
		if t.SessionID() != "" {
			same = t.SessionID() == user.IDToken().SessionID()
		}
		return same && t.Issuer() == user.Issuer()
	})
	return nil
}

func (s *Sessions) cookie() string {
	if s.secure {
		return "__Host-session" // no other host can set it
	}
	return "session"
}

// of returns the session of the browser that sent r. It is empty if the browser has
// none.
func (s *Sessions) of(r *http.Request) string {
	cookie, err := r.Cookie(s.cookie())
	if err != nil {
		return ""
	}
	return cookie.Value
}

// start gives the browser a new session.
func (s *Sessions) start(w http.ResponseWriter) (session string) {
	session = rand.Text()
	http.SetCookie(w, &http.Cookie{
		Name:     s.cookie(),
		Value:    session,
		Path:     "/",
		HttpOnly: true,                 // out of reach for scripts
		SameSite: http.SameSiteLaxMode, // Strict would not come along with the callback
		Secure:   s.secure,
	})
	return session
}

// storeSize is how many values a store keeps.
const storeSize = 10_000

// A store keeps values, each for life. If it is full, any value goes.
type store[V any] struct {
	life time.Duration

	mu sync.Mutex
	m  map[string]entry[V]
}

type entry[V any] struct {
	value V
	until time.Time
}

func (s *store[V]) put(key string, value V) {
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
	s.m[key] = entry[V]{value, time.Now().Add(s.life)}
}

// get returns the value under a key, or the zero value.
func (s *store[V]) get(key string) (value V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.m[key]; time.Now().Before(e.until) {
		value = e.value
	}
	return value
}

// take removes the value under a key: if two take a value, one gets it.
func (s *store[V]) take(key string) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.m[key]
	delete(s.m, key)
	if !time.Now().Before(e.until) {
		return value, false
	}
	return e.value, true
}

func (s *store[V]) deleteFunc(f func(V) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, e := range s.m {
		if f(e.value) {
			delete(s.m, key)
		}
	}
}
