package oauth

// This file holds what is remembered within bounds: whatever is used, and the headers of
// tokens.

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// A memo remembers a bounded number of values. It is made of two halves: what is used
// moves to the newer one, and when that is full the older one is dropped. The zero memo
// remembers one.
type memo[V any] struct {
	half int // 0: there is no older half, and room for one

	// front has what was used last of what is in the maps. It is read without the lock,
	// for which all processors would wait where all of them have the same token.
	front []atomic.Pointer[remembered[V]]

	mu sync.RWMutex
	// The maps are made when something is added. With a value stands its key: that of who
	// looks it up may be a part of something large.
	newer, old map[string]*remembered[V]
}

type remembered[V any] struct {
	key   string
	value V
}

// newMemo has room for size values, or one less.
func newMemo[V any](size int) *memo[V] {
	return &memo[V]{half: size / 2, front: make([]atomic.Pointer[remembered[V]], min(size/2, memoFront))}
}

func (m *memo[V]) get(key string) (V, bool) {
	place := m.place(key)
	if place != nil {
		if r := place.Load(); r != nil && r.key == key {
			return r.value, true
		}
	}
	m.mu.RLock()
	r := m.newer[key]
	used := r != nil
	if used && place != nil {
		place.Store(r) // under the lock, for it must not come back after it was dropped
	}
	if !used {
		r = m.old[key]
	}
	m.mu.RUnlock()
	if r == nil {
		var none V
		return none, false
	}
	if !used {
		m.move(r)
	}
	return r.value, true
}

func (m *memo[V]) add(key string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(&remembered[V]{key, v})
}

// move puts what was found in the older half into the newer one, unless it is not there any
// more, or a later value of its key has come meanwhile.
func (m *memo[V]) move(r *remembered[V]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.newer[r.key] == nil && m.old[r.key] == r {
		m.put(r)
	}
}

// put is under the lock.
func (m *memo[V]) put(r *remembered[V]) {
	if m.newer[r.key] == nil && len(m.newer) >= max(m.half, 1) {
		if m.old = m.newer; m.half == 0 {
			m.old = nil
		}
		m.newer = nil
		for i := range m.front {
			m.front[i].Store(nil) // of what is in the older half it is to be seen that it is used
		}
	}
	if m.newer == nil {
		m.newer = make(map[string]*remembered[V])
	}
	m.newer[r.key] = r
	if place := m.place(r.key); place != nil {
		place.Store(r)
	}
}

// place is that of a key in front; nil: it has none.
func (m *memo[V]) place(key string) *atomic.Pointer[remembered[V]] {
	if len(m.front) == 0 {
		return nil
	}
	return &m.front[spread(key)/tokenShards%uint(len(m.front))]
}

// spread is a number for a key, of which different ones have different numbers mostly: by
// its end, where a token has its signature, and by some of its bytes, for the key of a proof
// stands in the midst of a header.
func spread(key string) (n uint) {
	step := max(1, len(key)/16)
	for i := 0; i < len(key); i += step {
		n = (n ^ uint(key[i])) * 16777619 // as FNV-1a has it
	}
	for i := max(0, len(key)-12); i < len(key); i++ {
		n = (n ^ uint(key[i])) * 16777619
	}
	return n
}

// ---- headers of tokens

// headerMemo maps the header segment of tokens that verified to what parsing
// it gives and the key it selects. Tokens of one issuer share few headers. It
// replaces parsing and lookup; what is allowed is judged for every token. Only a header
// that comes twice is kept: some servers put something of each token into it (the nonce
// of Microsoft Graph), and when there is no more room, all are forgotten.
type headerMemo struct {
	m atomic.Pointer[map[string]*memoEntry]

	mu   sync.Mutex
	once [memoCandidates]string // headers that came once, as in a ring
	next int
}

// A memoEntry is never changed.
type memoEntry struct {
	header joseHeader
	key    *publicKey
}

func (memo *headerMemo) add(segment string, h *joseHeader, key *publicKey) {
	memo.mu.Lock()
	defer memo.mu.Unlock()
	if !slices.Contains(memo.once[:], segment) {
		memo.once[memo.next] = strings.Clone(segment)
		memo.next = (memo.next + 1) % memoCandidates
		return
	}
	next := make(map[string]*memoEntry)
	if m := memo.m.Load(); m != nil {
		if _, known := (*m)[segment]; known { // by somebody else, at the same time
			return
		}
		if len(*m) < maxMemo {
			next = maps.Clone(*m)
		}
	}
	next[strings.Clone(segment)] = &memoEntry{h.detached(), key}
	memo.m.Store(&next)
}
