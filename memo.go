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
	mu   sync.RWMutex
	// The maps are made when something is added. With a value stands its key: that of who
	// looks it up may be a part of something large.
	newer, old map[string]remembered[V]
}

type remembered[V any] struct {
	key   string
	value V
}

// newMemo has room for size values, or one less.
func newMemo[V any](size int) *memo[V] { return &memo[V]{half: size / 2} }

func (m *memo[V]) get(key string) (V, bool) {
	m.mu.RLock()
	r, ok := m.newer[key]
	var old bool
	if !ok {
		r, old = m.old[key]
	}
	m.mu.RUnlock()
	if old {
		m.add(r.key, r.value)
	}
	return r.value, ok || old
}

func (m *memo[V]) add(key string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.newer[key]; !known && len(m.newer) >= max(m.half, 1) {
		if m.old = m.newer; m.half == 0 {
			m.old = nil
		}
		m.newer = nil
	}
	if m.newer == nil {
		m.newer = make(map[string]remembered[V])
	}
	m.newer[key] = remembered[V]{key, v}
}

// ---- headers of tokens

// headerMemo maps the header segment of tokens that verified to what parsing
// it gives and the key it selects. Tokens of one issuer share few headers. It
// replaces parsing and lookup; what is allowed is judged for every token. Only a header
// that comes twice is kept: some servers put something of each token into it (the nonce
// of Microsoft Graph), and when there is no more room, all are forgotten.
type headerMemo struct {
	m atomic.Pointer[map[string]memoEntry]

	mu   sync.Mutex
	once [memoCandidates]string // headers that came once, as in a ring
	next int
}

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
	next := make(map[string]memoEntry)
	if m := memo.m.Load(); m != nil {
		if _, known := (*m)[segment]; known { // by somebody else, at the same time
			return
		}
		if len(*m) < maxMemo {
			maps.Copy(next, *m)
		}
	}
	next[strings.Clone(segment)] = memoEntry{h.detached(), key}
	memo.m.Store(&next)
}
