package weblogin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"example.com/oauth"
)

// A Store keeps sessions. All processes of the application share it. It must be safe for
// concurrent use.
//
// If something fails, every method returns an error, and the user is told that the session
// cannot be had now: a Store must not answer that there is no session instead.
type Store interface {
	// Get returns the record with the id, or nil if there is none, or if it has expired.
	// After a Put that returned nil, it returns that record or a later one.
	Get(ctx context.Context, id string) (*Record, error)

	// Put stores a record in place of the one that has the same id and the version
	// r.Version-1, or for the first time if r.Version is 1. If the stored record has
	// another version, if it does not exist any more, or if it exists although r.Version
	// is 1, Put changes nothing, and the error matches [ErrConflict]. Of several calls
	// with one version, at most one returns nil.
	Put(ctx context.Context, id string, r *Record) error

	// Delete deletes the record with the id. It is no error if there is none. No Put with
	// a version greater than 1 brings it back.
	Delete(ctx context.Context, id string) error

	// DeleteBy deletes all records with the tag. When it returns nil, none is left of
	// those that there were when it was called, and no Put brings one back.
	DeleteBy(ctx context.Context, tag string) error
}

// A Record is a session as a [Store] has it.
type Record struct {
	Version int64     // of this session; 1 is the first
	Expires time.Time // after which the store may forget it
	Data    []byte    // encrypted

	// Tags are what [Store].DeleteBy finds the record by. They say who has logged in, and
	// in which session at the server, and are hashed, so that the Store does not learn
	// it. There are one to three, which are the same for all versions of a record. Get
	// does not need to return them.
	Tags []string
}

// ErrConflict is the error of Store.Put if the stored record has another version.
var ErrConflict = errors.New("weblogin: the stored session has another version")

// memoryStore is the Store of NewMemoryStore.
type memoryStore struct {
	now func() time.Time
	max int

	mu      sync.Mutex
	records map[string]Record
	next    time.Time // when expired ones are looked for again
}

// NewMemoryStore returns a Store for an application of one process. It keeps at most max
// sessions; when there are more, those that expire first are forgotten. If max is not
// positive, it is 100,000. The process forgets all of them when it ends.
func NewMemoryStore(max int) Store {
	if max <= 0 {
		max = 100_000
	}
	return &memoryStore{now: time.Now, max: max, records: map[string]Record{}}
}

func (m *memoryStore) Get(_ context.Context, id string) (*Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.records[id]
	if !ok || !m.now().Before(r.Expires) {
		return nil, nil
	}
	r.Data, r.Tags = slices.Clone(r.Data), nil
	return &r, nil
}

func (m *memoryStore) Put(_ context.Context, id string, r *Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	old, ok := m.records[id]
	if ok && !now.Before(old.Expires) {
		delete(m.records, id)
		ok = false
	}
	if !ok {
		old.Version = 0
	}
	if old.Version != r.Version-1 {
		return ErrConflict
	}
	if !ok {
		m.makeRoom(now)
	}
	kept := *r
	kept.Data, kept.Tags = slices.Clone(r.Data), slices.Clone(r.Tags)
	m.records[id] = kept
	return nil
}

// makeRoom forgets what has expired, once a minute, and what expires next if there are as
// many as may be.
func (m *memoryStore) makeRoom(now time.Time) {
	full := len(m.records) >= m.max
	if !full && now.Before(m.next) {
		return
	}
	m.next = now.Add(time.Minute)
	type entry struct {
		id      string
		expires time.Time
	}
	var list []entry
	for id, r := range m.records {
		if !now.Before(r.Expires) {
			delete(m.records, id)
		} else if full {
			list = append(list, entry{id, r.Expires})
		}
	}
	if len(m.records) < m.max {
		return
	}
	// A tenth, so that the next sessions cost nothing.
	slices.SortFunc(list, func(a, b entry) int { return a.expires.Compare(b.expires) })
	for _, e := range list[:max(1, len(list)/10)] {
		delete(m.records, e.id)
	}
}

func (m *memoryStore) Delete(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, id)
	return nil
}

func (m *memoryStore) DeleteBy(_ context.Context, tag string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.records, func(_ string, r Record) bool { return slices.Contains(r.Tags, tag) })
	return nil
}

// ---- sealed

// A sealedStore keeps sessions in a Store that does not learn what it has.
type sealedStore struct {
	store  Store
	sealer *sealer
}

// hiddenID is a name for a session, from which the one in the cookie cannot be had.
func hiddenID(name string) string {
	sum := sha256.Sum256([]byte("weblogin id " + name))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// A kind is what a tag stands for.
type kind string

const (
	ofUser    kind = "sub"
	ofSession kind = "sid" // at the server
)

// tag is a name for a user, or a session at the server, which others could guess. Only who
// has the key can tell which it is.
func tag(key []byte, k kind, issuer, s string) string {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "weblogin %s %d %s %s", k, len(issuer), issuer, s)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// tags are those of a session: its user's, and those of the user and the session as the
// server knows them, which a logout token names. id may be nil.
func (s *sealedStore) tags(u User, id *oauth.IDToken) []string {
	key := s.sealer.keys[0]
	list := []string{tag(key, ofUser, u.Issuer, u.Subject)}
	if id == nil {
		return list
	}
	if (User{id.Issuer(), id.Subject()}) != u {
		list = append(list, tag(key, ofUser, id.Issuer(), id.Subject()))
	}
	if sid := id.SessionID(); sid != "" {
		list = append(list, tag(key, ofSession, id.Issuer(), sid))
	}
	return list
}

// get returns a session and its version, or nil.
func (s *sealedStore) get(ctx context.Context, name string) (*content, int64, error) {
	id := hiddenID(name)
	r, err := s.store.Get(ctx, id)
	if err != nil || r == nil {
		return nil, 0, err
	}
	data, err := s.sealer.open(storedSession, id, r.Data)
	if err != nil {
		return nil, 0, nil // of a key that is not in use any more
	}
	c := new(content)
	if err := json.Unmarshal(data, c); err != nil || len(c.Tags) == 0 {
		return nil, 0, nil // without tags, no logout would find it
	}
	return c, r.Version, nil
}

// put stores a session as that version.
func (s *sealedStore) put(ctx context.Context, name string, c *content, version int64) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	id := hiddenID(name)
	r := &Record{Version: version, Expires: c.until(), Tags: c.Tags}
	if r.Data, err = s.sealer.seal(storedSession, id, data); err != nil {
		return err
	}
	return s.store.Put(ctx, id, r)
}

func (s *sealedStore) delete(ctx context.Context, name string) error {
	return s.store.Delete(ctx, hiddenID(name))
}

// deleteBy looks for the tag that each of the keys gives: a session keeps those that it
// began with.
func (s *sealedStore) deleteBy(ctx context.Context, k kind, issuer, value string) error {
	for _, key := range s.sealer.keys {
		if err := s.store.DeleteBy(ctx, tag(key, k, issuer, value)); err != nil {
			return err
		}
	}
	return nil
}
