package main

import (
	"container/list"
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

// A store keeps values on the server side for some time, at most max of them:
// when it is full, the oldest goes. A program with several instances needs one
// that they share.
type store[V any] struct {
	max  int
	life time.Duration

	mu  sync.Mutex
	m   map[string]*list.Element
	age list.List // of entry[V], the oldest in front: all live equally long
}

type entry[V any] struct {
	key   string
	value V
	until time.Time
}

func newStore[V any](max int, life time.Duration) *store[V] {
	return &store[V]{max: max, life: life, m: make(map[string]*list.Element)}
}

func (s *store[V]) put(key string, value V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.m[key]; e != nil {
		s.remove(e)
	}
	now := time.Now()
	for e := s.age.Front(); e != nil; e = s.age.Front() {
		if len(s.m) < s.max && e.Value.(entry[V]).until.After(now) {
			break
		}
		s.remove(e)
	}
	s.m[key] = s.age.PushBack(entry[V]{key, value, now.Add(s.life)})
}

func (s *store[V]) get(key string) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(key)
}

// take removes what it returns: of two who call it one gets the value.
func (s *store[V]) take(key string) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok = s.find(key)
	if e := s.m[key]; e != nil {
		s.remove(e)
	}
	return value, ok
}

func (s *store[V]) find(key string) (value V, ok bool) {
	e := s.m[key]
	if e == nil || !e.Value.(entry[V]).until.After(time.Now()) {
		return value, false
	}
	return e.Value.(entry[V]).value, true
}

func (s *store[V]) remove(e *list.Element) {
	delete(s.m, s.age.Remove(e).(entry[V]).key)
}

// A sessionCookie names the session of a browser.
type sessionCookie struct{ secure bool }

func (c sessionCookie) name() string {
	if c.secure {
		return "__Host-session" // no other host can set it
	}
	return "session"
}

// id returns the session of the browser that sent r, "" if it has none.
func (c sessionCookie) id(r *http.Request) string {
	cookie, err := r.Cookie(c.name())
	if err != nil {
		return ""
	}
	return cookie.Value
}

// start gives the browser a new session.
func (c sessionCookie) start(w http.ResponseWriter) (id string) {
	id = rand.Text()
	http.SetCookie(w, &http.Cookie{
		Name:     c.name(),
		Value:    id,
		Path:     "/",
		HttpOnly: true,                 // out of reach for scripts
		SameSite: http.SameSiteLaxMode, // Strict would not come along with the callback
		Secure:   c.secure,
	})
	return id
}
