package oauth

// This file holds the memory of access tokens that were found good, and what is being
// asked about others.

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A rememberedToken is an access token that was verified, or asked about.
type rememberedToken struct {
	token  *AccessToken
	accept func(iss, tid string) bool // of its issuer; nil: there is nothing to decide

	use func() bool // that of the server, where it was found; nil: it was configured

	keySet *KeySet // nil: it was asked about
	keys   *keysID // good as long as they are the set's

	client  *Client       // who asked about it
	asked   moment        // when
	life    time.Duration // from then on
	refusal error         // of one that is not active: there is no token
}

func (m *rememberedToken) size() int {
	if m.token == nil {
		return 0
	}
	return len(m.token.content.raw) + len(m.token.content.payload)
}

// counts reports whether it is there, and what a server said to the Client counts still.
func (m *rememberedToken) counts(c *Client) bool {
	return m != nil && m.client == c && m.asked.age() < m.life
}

// stillGood judges what can have changed since: the time, and the tenants that are
// accepted.
func (m *rememberedToken) stillGood(at instant) error {
	d := m.token.content
	if m.accept != nil && !m.accept(d.issuer, d.tenant) {
		return fail(ErrIssuer, "iss", "AcceptIssuer or AllowIssuer does not accept %s any more", printable(d.issuer, 256))
	}
	return d.checkPeriod(at)
}

// A tokenCache holds a bounded number of tokens, none of them large, by the token or its
// hash. A large one is in shards, so that many processors do not wait for one lock.
type tokenCache struct {
	shards []*memo[*rememberedToken]
}

func newTokenCache(size int) *tokenCache {
	n := 1
	if size >= minShardedTokens {
		n = tokenShards
	}
	c := &tokenCache{make([]*memo[*rememberedToken], n)}
	for i := range c.shards {
		c.shards[i] = newMemo[*rememberedToken](size / n)
	}
	return c
}

// shard is that of a key.
func (c *tokenCache) shard(key string) *memo[*rememberedToken] {
	return c.shards[spread(key)%uint(len(c.shards))]
}

// get returns nil where there is nothing. A nil cache is empty.
func (c *tokenCache) get(key string) *rememberedToken {
	if c == nil {
		return nil
	}
	m, _ := c.shard(key).get(key)
	return m
}

func (c *tokenCache) add(key string, m *rememberedToken) {
	if c == nil || m.size() > maxRemembered {
		return
	}
	c.shard(key).add(key, m)
}

// ---- questions about tokens

// inquiries are the questions that are under way about tokens, and the tokens of which a
// server has just said that they are not active.
type inquiries struct {
	mu       sync.Mutex
	flights  map[inquiry]*question
	inactive *tokenCache
}

// An inquiry is about one token, at one server.
type inquiry struct {
	token  tokenHash
	client *Client
}

// A question is one that is under way. It ends when the last who waits for it leaves:
// a stranger who hangs up would leave one behind for each token that they make up.
type question struct {
	*flight[*AccessToken]
	asked   moment
	waiting int // under the lock
	cancel  context.CancelFunc
}

func newInquiries() *inquiries {
	return &inquiries{flights: map[inquiry]*question{}, inactive: newTokenCache(maxIntrospected)}
}

// make has work ask about a token, once for all who want to know at the same time. That a
// token is not active holds for a moment without another question: who sends one, sends
// it many times.
func (q *inquiries) make(ctx context.Context, about inquiry, work func(context.Context) (*AccessToken, error)) (*AccessToken, error) {
	if m := q.inactive.get(string(about.token[:])); m.counts(about.client) {
		return nil, m.refusal
	}
	q.mu.Lock()
	f := q.flights[about]
	if f == nil || f.asked.age() >= inactiveLife { // one that began long before would not know of a revocation since
		f = q.begin(ctx, about, work)
	}
	f.waiting++
	q.mu.Unlock()
	err := f.wait(ctx, "introspection")
	q.mu.Lock()
	if f.waiting--; f.waiting == 0 && err != nil {
		q.end(about, f)
	}
	q.mu.Unlock()
	if err != nil {
		return nil, &Error{Kind: ErrUnavailable, Param: "Introspect", Detail: "the server has not said yet what the token is", Err: err}
	}
	return f.result, f.err
}

// begin asks, under the lock.
func (q *inquiries) begin(ctx context.Context, about inquiry, work func(context.Context) (*AccessToken, error)) *question {
	wanted, cancel := context.WithCancel(valuesOf(ctx))
	f := &question{asked: thisMoment(), cancel: cancel}
	f.flight = launch(ctx, introspectionTimeout, func(ctx context.Context) (*AccessToken, error) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		defer context.AfterFunc(wanted, stop)()
		return work(ctx)
	}, func(_ context.Context, t *AccessToken, err error, late bool) (*AccessToken, error) {
		q.mu.Lock()
		defer q.mu.Unlock()
		if late {
			return t, err
		}
		q.end(about, f)
		if errors.Is(err, ErrInactive) && !errors.Is(err, ErrUnavailable) {
			q.inactive.add(string(about.token[:]), &rememberedToken{client: about.client, refusal: err, asked: f.asked, life: inactiveLife})
		}
		return t, err
	})
	q.flights[about] = f
	return f
}

// end forgets a question, and stops it if it is under way, under the lock.
func (q *inquiries) end(about inquiry, f *question) {
	f.cancel()
	if q.flights[about] == f {
		delete(q.flights, about)
	}
}
