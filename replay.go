package oauth

// This file implements the memory of what was used already.

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"strings"
	"sync"
	"time"
)

// A ReplayCache remembers what may be used once: the tokens of a back-channel
// logout. It is asked from several goroutines at once. Where several machines
// take the same tokens, they need one that they share.
type ReplayCache interface {
	// Add records key until the given time, which is one of the local clock, and
	// reports whether it was new. False, or an error, refuses the request. Keys
	// are 43 characters of base64url.
	//
	// A cache may also have the method Remove(ctx context.Context, key string)
	// error: it is told to forget what came to nothing and may be tried again.
	Add(ctx context.Context, key string, until time.Time) (added bool, err error)
}

// memoryReplay is a ReplayCache in memory, of at most limit keys.
type memoryReplay struct {
	clock Clock
	limit int

	mu    sync.Mutex
	known map[string]*replayEntry
	queue replayQueue
}

func newMemoryReplay(clock Clock, limit int) *memoryReplay {
	return &memoryReplay{clock: clock, limit: limit, known: make(map[string]*replayEntry)}
}

// Add forgets what has expired, and then refuses with [ErrUnavailable] rather
// than forget what has not.
func (m *memoryReplay) Add(_ context.Context, key string, until time.Time) (bool, error) {
	now := m.clock.local()
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.queue) > 0 && !now.Before(m.queue[0].until) {
		delete(m.known, heap.Pop(&m.queue).(*replayEntry).key)
	}
	if m.known[key] != nil {
		return false, nil
	}
	if len(m.queue) >= m.limit {
		return false, fail(ErrUnavailable, "", "the replay cache is full: %d entries", m.limit)
	}
	e := &replayEntry{until: until, key: key}
	m.known[key] = e
	heap.Push(&m.queue, e)
	return true, nil
}

// Remove takes back an Add whose request came to nothing.
func (m *memoryReplay) Remove(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.known[key]; e != nil {
		delete(m.known, key)
		heap.Remove(&m.queue, e.index)
	}
	return nil
}

type replayEntry struct {
	until time.Time
	key   string
	index int // in the queue
}

// replayQueue is a heap with what expires first on top.
type replayQueue []*replayEntry

func (q replayQueue) Len() int           { return len(q) }
func (q replayQueue) Less(i, j int) bool { return q[i].until.Before(q[j].until) }
func (q replayQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *replayQueue) Push(x any) {
	e := x.(*replayEntry)
	e.index = len(*q)
	*q = append(*q, e)
}
func (q *replayQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}

// replayKey is the key of a token: nothing of what it is made of can be read
// from it, and others give another one: none of the parts has a zero byte in it
// but the last, which is the token's own.
func replayKey(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return encodeBase64URL(sum[:])
}
