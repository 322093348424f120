package oauth

// This file holds the memory of a bounded size that keeps what is used.

import "sync"

// A memo remembers a bounded number of values. It is made of two halves: what is used
// moves to the newer one, and when that is full the older one is dropped. The zero memo
// remembers one.
type memo[V any] struct {
	half int // 0: there is no older half, and room for one
	mu   sync.RWMutex
	// The maps are made when something is added.
	newer, old map[string]V
}

// newMemo has room for size values, or one less.
func newMemo[V any](size int) *memo[V] { return &memo[V]{half: size / 2} }

func (m *memo[V]) get(key string) (v V, ok bool) {
	m.mu.RLock()
	v, ok = m.newer[key]
	var old bool
	if !ok {
		v, old = m.old[key]
	}
	m.mu.RUnlock()
	if old {
		m.add(key, v)
	}
	return v, ok || old
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
		m.newer = make(map[string]V)
	}
	m.newer[key] = v
}
