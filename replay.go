package oauth

// This file implements the memory of what was used already.

import (
	"context"
	"crypto/sha256"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A ReplayCache records values that may be used only once: DPoP proofs and logout
// tokens. It must be safe for concurrent use. Servers that accept the same tokens
// must share one.
//
// If the cache fails, the two kinds of values are treated differently. A
// [ResourceServer] records a proof before it accepts the request. If Add returns
// false or an error, the request is refused, so that a proof is never accepted
// twice. If a proof was recorded but the cache could not confirm it, the client
// must make another. A [Client.BackchannelLogoutHandler] records a token after the
// logout. If the cache fails, the logout is done again when the token is received
// again, so that a logout is never lost.
type ReplayCache interface {
	// Add records key until the given time, by the local clock, and reports whether
	// it was new. Keys are 43 characters of base64url.
	//
	// The given time is one minute after the end of the token or proof. This must
	// be enough for slow responses of the cache and for differences between clocks;
	// a cache for which it is not must keep the key longer. If the time has already
	// passed, Add must return an error.
	//
	// A cache may also have the method
	//
	//	Has(ctx context.Context, key string) (bool, error)
	//
	// which reports whether Add has recorded key and its time has not passed.
	// [Client.BackchannelLogoutHandler] calls it.
	//
	// A cache may also have the method
	//
	//	AddFor(ctx context.Context, owner, key string, until time.Time) (bool, error)
	//
	// which is called instead of Add for DPoP proofs. owner is the thumbprint of
	// the key that made the proof. If owner has more than its share of the cache,
	// the error must match [ErrRateLimited]. The request is then refused with
	// status 429.
	Add(ctx context.Context, key string, until time.Time) (added bool, err error)
}

// A sharingCache is a ReplayCache that lets no owner of keys take the room of all
// others: over its share it returns an error of kind [ErrRateLimited].
type sharingCache interface {
	AddFor(ctx context.Context, owner, key string, until time.Time) (added bool, err error)
}

// memoryReplay is a ReplayCache in memory, of at most limit keys. Those of one
// owner (the key that proofs are made with) stand in one of its shards. What remains
// of the life of a key by the local clock, when it comes, it lives by the monotonic
// one: a clock that jumps ahead and back must not make what was used new again. One
// that is set back by more than replayMargin does, as it makes expired tokens good.
type memoryReplay struct {
	clock   Clock
	limit   int64
	started time.Time    // a monotonic reading, from which ends are counted
	count   atomic.Int64 // of all shards

	shards [replayShards]replayShard
}

// A replayShard has what other shards have nothing to do with. There are no pointers in
// it: the garbage collector does not look at a million entries.
type replayShard struct {
	mu    sync.Mutex
	seen  map[replayID]struct{}
	owned map[ownerID]int // how many entries an owner has
	queue replayQueue
}

// A replayID is the SHA-256 of a key, an ownerID the beginning of that of an
// owner. Nobody has no owner.
type (
	replayID [sha256.Size]byte
	ownerID  [8]byte
)

var nobody ownerID

func newMemoryReplay(clock Clock, limit int) *memoryReplay {
	return &memoryReplay{clock: clock, limit: int64(limit), started: monotonic()}
}

// Add forgets what has expired, and then refuses with [ErrUnavailable] rather
// than forget what has not.
func (m *memoryReplay) Add(_ context.Context, key string, until time.Time) (bool, error) {
	return m.add(replayEntry{id: sha256.Sum256([]byte(key))}, until)
}

// AddFor is Add with whose key it is: while the cache is more than half full, nobody
// takes up more than a part of it. Over it is [ErrRateLimited].
func (m *memoryReplay) AddFor(_ context.Context, owner, key string, until time.Time) (bool, error) {
	sum := sha256.Sum256([]byte(owner))
	return m.add(replayEntry{id: sha256.Sum256([]byte(key)), owner: ownerID(sum[:8])}, until)
}

// now is how long the cache has been there.
func (m *memoryReplay) now() time.Duration { return elapsed(m.started) }

func (m *memoryReplay) add(e replayEntry, until time.Time) (bool, error) {
	if m.count.Load() >= m.limit {
		m.forget()
	}
	s := m.shard(&e)
	s.mu.Lock()
	defer s.mu.Unlock()
	// Under the lock: by an older reading it could be forgotten, and then be new.
	now, left := m.now(), m.clock.left(until)
	s.forget(m, now)
	switch {
	case left <= 0:
		return false, fail(ErrExpired, "", "what is to be remembered is over already")
	case left > maxReplayLife:
		return false, fail(ErrUnavailable, "until", "%s is more than %v ahead: nothing that is used once is good for so long, and it would fill the replay cache", stamp(until), maxReplayLife)
	}
	e.end = now + left
	if _, before := s.seen[e.id]; before {
		return false, nil
	}
	if e.owner != nobody && m.count.Load() > m.limit/2 && int64(s.owned[e.owner]) >= m.limit/replayShare {
		return false, fail(ErrRateLimited, "", "one key has made %d proofs within the time in which they count", s.owned[e.owner])
	}
	if m.count.Add(1) > m.limit {
		m.count.Add(-1)
		return false, fail(ErrUnavailable, "", "the replay cache is full: %d entries", m.limit)
	}
	if s.seen == nil {
		s.seen, s.owned = make(map[replayID]struct{}), make(map[ownerID]int)
	}
	s.seen[e.id] = struct{}{}
	if e.owner != nobody {
		s.owned[e.owner]++
	}
	s.queue = append(s.queue, e)
	s.queue.rise()
	return true, nil
}

// shard is where an entry stands: with the others of its owner, who are counted
// there.
func (m *memoryReplay) shard(e *replayEntry) *replayShard {
	if e.owner != nobody {
		return &m.shards[e.owner[0]%replayShards]
	}
	return &m.shards[e.id[0]%replayShards]
}

// forget drops what has expired from all shards.
func (m *memoryReplay) forget() {
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		s.forget(m, m.now())
		s.mu.Unlock()
	}
}

func (s *replayShard) forget(m *memoryReplay, now time.Duration) {
	for len(s.queue) > 0 && now >= s.queue[0].end {
		s.drop(m)
	}
}

// drop takes out what expires first.
func (s *replayShard) drop(m *memoryReplay) {
	e, last := s.queue[0], len(s.queue)-1
	s.queue[0] = s.queue[last]
	s.queue = s.queue[:last]
	delete(s.seen, e.id)
	m.count.Add(-1)
	if last == 0 { // maps and slices never shrink: after a flood they would stay as large as it was
		s.seen, s.owned, s.queue = nil, nil, nil
		return
	}
	s.queue.sink()
	if e.owner == nobody {
		return
	}
	if s.owned[e.owner]--; s.owned[e.owner] == 0 {
		delete(s.owned, e.owner)
	}
}

// Has reports whether Add has recorded the key and its time is not over.
func (m *memoryReplay) Has(_ context.Context, key string) (bool, error) {
	e := replayEntry{id: sha256.Sum256([]byte(key))}
	s := m.shard(&e)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(m, m.now())
	_, seen := s.seen[e.id]
	return seen, nil
}

type replayEntry struct {
	end   time.Duration // since the cache began
	id    replayID
	owner ownerID
}

// replayQueue is a binary heap with what expires first on top. container/heap would
// allocate each entry.
type replayQueue []replayEntry

// rise brings the last entry to its place.
func (q replayQueue) rise() {
	for i := len(q) - 1; i > 0; {
		above := (i - 1) / 2
		if q[above].end <= q[i].end {
			return
		}
		q[i], q[above] = q[above], q[i]
		i = above
	}
}

// sink brings the first entry to its place.
func (q replayQueue) sink() {
	for i := 0; ; {
		first := 2*i + 1
		if first >= len(q) {
			return
		}
		if other := first + 1; other < len(q) && q[other].end < q[first].end {
			first = other
		}
		if q[i].end <= q[first].end {
			return
		}
		q[i], q[first] = q[first], q[i]
		i = first
	}
}

// replayKey is the key of a token: nothing of what it is made of can be read
// from it, and others give another one: none of the parts has a zero byte in it
// but the last, which is the token's own.
func replayKey(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return encodeBase64URL(sum[:])
}
