package oauth

// This file holds the memory of access tokens that were found good.

import (
	"sync"
	"time"
)

// A rememberedToken is an access token that was verified, or asked about.
type rememberedToken struct {
	token  *AccessToken
	accept func(iss, tid string) bool // of its issuer; nil: there is nothing to decide

	keySet *KeySet       // nil: it was asked about
	keys   *keysID       // good as long as they are the set's
	asked  moment        // when it was, if it was
	life   time.Duration // from then on
}

func (m *rememberedToken) size() int { return len(m.token.content.raw) + len(m.token.content.payload) }

// stillGood judges what can have changed since: the time, and the tenants that are
// accepted.
func (m *rememberedToken) stillGood(clock Clock) error {
	d := m.token.content
	if m.accept != nil && !m.accept(d.issuer, d.tenant) {
		return fail(ErrIssuer, "iss", "AcceptIssuer does not accept the tenant %s", d.tenant)
	}
	return d.checkTimes(clock)
}

// A tokenCache holds a bounded number of tokens, none of them large. It is made of
// two halves: what is used moves to the newer one, and when that is full the older
// one is dropped.
type tokenCache struct {
	half int
	one  bool // there is no older half

	mu         sync.RWMutex
	newer, old map[tokenHash]*rememberedToken
}

func newTokenCache(size int) *tokenCache {
	return &tokenCache{half: max(size/2, 1), one: size < 2, newer: make(map[tokenHash]*rememberedToken)}
}

// get returns nil where there is nothing. A nil cache is empty.
func (c *tokenCache) get(hash tokenHash) *rememberedToken {
	if c == nil {
		return nil
	}
	c.mu.RLock()
	m, ok := c.newer[hash]
	old := c.old[hash]
	c.mu.RUnlock()
	if !ok && old != nil {
		c.add(hash, old)
		return old
	}
	return m
}

func (c *tokenCache) add(hash tokenHash, m *rememberedToken) {
	if c == nil || m.size() > maxRemembered {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.newer[hash]; !known && len(c.newer) >= c.half {
		if c.old = c.newer; c.one {
			c.old = nil
		}
		c.newer = make(map[tokenHash]*rememberedToken)
	}
	c.newer[hash] = m
}
