// Package oauthredis keeps the memory of a package oauth server in Redis: a
// [oauth.ReplayCache] that several processes share, on one machine or on many: a
// DPoP proof (RFC 9449, Section 11.1) that one of them took is refused by the
// others, and a logout token is not acted on again.
//
// It works on a single Redis, on one behind Sentinel and on Redis Cluster, and on
// what speaks the same protocol. A user of the access control list needs SET, GET
// and DEL on the keys of [Options.Prefix], for [ReplayCache.AddFor] also INCR,
// PEXPIRE, MULTI, EXEC, WATCH and UNWATCH, and in a Cluster what the client learns
// the nodes and commands with: CLUSTER and COMMAND.
//
// # What it guarantees
//
// Of all calls of [ReplayCache.Add] with one key, in whatever process, at most
// one reports true until the key's time is over, as long as the store keeps what
// it was told. Whatever goes wrong refuses: a store that is stopped, hangs, is
// full or answers what is not expected gives an error, never true, and never
// false either. With package oauth an error is a request that could not be
// judged: the protected resource answers 503. A logout is done all the same, and
// once more if its token comes again. When the store is back, it works again by
// itself.
//
// Repeats are the client's: a redis.Client sends a command again, three times
// where its MaxRetries is zero, after a connection broke. The command may have
// been carried out before its answer was lost, so each call writes a random
// value of its own: where the key is known but has that value, the call itself
// was the first, and Add reports true. With MaxRetries -1, or when the time is
// over before the repeat, Add gives an error and the key may be recorded all the
// same. The next request with it is then refused although none was accepted,
// which is safe; whoever makes proofs makes a new one for each request.
//
// # What the store has to do
//
// What the store forgets before its time can be used again, for as long as it is
// valid: a DPoP proof is for 60 seconds before and after its iat, if DPoPWindow
// says nothing else.
//
//   - maxmemory-policy has to be noeviction, which is the default of Redis but
//     not of every hosted one. Any other policy drops keys when memory is short,
//     the volatile ones these first. With noeviction a full store gives errors.
//   - A restart without persistence forgets every key. appendonly yes with
//     appendfsync always forgets none, with everysec the last second.
//   - Replication is asynchronous: a failover, by Sentinel or in a Cluster,
//     forgets what had not reached the replica. While the network is split, the
//     old master and the new one may each take a key. min-replicas-to-write 1
//     and a small min-replicas-max-lag bound both.
//   - A redis.Ring is refused, see [New].
//
// A key takes about 200 bytes of the store's memory: 1,000 proofs a second take 30
// MB, as one is kept for two and a half minutes.
package oauthredis

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"example.com/oauth"
	"github.com/redis/go-redis/v9"
)

// Defaults of [Options].
const (
	defaultPrefix  = "oauth:replay:"
	defaultTimeout = time.Second
	defaultPerKey  = 1 << 14 // 136 a second, as in the memory of package oauth
	countedTime    = 2 * time.Minute
	// As in the memory of package oauth: what is kept for longer fills the store.
	maxLife = 25 * time.Hour
	// As far as package oauth lets the clocks of two machines be apart elsewhere.
	defaultClockDifference = oauth.DefaultTolerance
)

// Options are the options of [New]. The zero value is the usual case.
type Options struct {
	// Prefix is what the keys in the store begin with. Empty: "oauth:replay:".
	// Processes that must refuse what the others took have the same one. Two
	// servers that both check one proof, such as a gateway and what is behind it,
	// need different ones, or the second refuses everything. Part of it in
	// braces would put all keys on one node of a Cluster.
	Prefix string

	// PerKey is the number of DPoP proofs of one key that are recorded in two minutes,
	// so that no client fills the store for all others. More are refused with an error
	// that matches oauth.ErrRateLimited. Zero means 16,384, which is 136 per second; if
	// PerKey is negative, there is no limit. The minutes are those of Options.Now, so
	// that a key has up to twice as many if the clocks differ.
	PerKey int

	// Now tells the local time: the one of Clock.Now, if that is set. It is called
	// from several goroutines. Nil: time.Now. The store's own clock does not
	// matter.
	Now func() time.Time

	// Timeout bounds one call of Add, AddFor or Has, with all repeats, whatever the
	// timeouts of the client are; the context may end it earlier. Zero: 1 s. New
	// panics where it is negative.
	Timeout time.Duration

	// ClockDifference is how far apart the clocks of the processes that share the
	// store may be: keys are kept so much longer than asked for, since a process
	// whose clock is behind still takes what is expired for the one that
	// recorded it. Zero: 30 s, which is oauth.DefaultTolerance; negative: none; more
	// than 25 h count as 25 h.
	ClockDifference time.Duration
}

// A ReplayCache is an [oauth.ReplayCache] in Redis. Make one with [New]. It is
// safe for concurrent use, and has no goroutine of its own that outlives what a
// client's timeouts allow.
type ReplayCache struct {
	client          redis.UniversalClient
	prefix          string
	now             func() time.Time
	timeout         time.Duration
	clockDifference time.Duration
	perKey          int64 // negative: no limit
}

var _ oauth.ReplayCache = (*ReplayCache)(nil)

// New makes a ReplayCache of what redis.NewClient, redis.NewFailoverClient,
// redis.NewClusterClient or redis.NewUniversalClient returns; closing it stays
// with the caller. Nil options are the default. New makes no connection.
//
// New panics where the client is nil or Options.Timeout is negative, and where
// the client is a redis.Ring: that one looks for a key elsewhere as soon as it
// takes a shard for dead, each process by its own judgement, so that two
// processes may accept the same proof while nothing in the store failed. One
// inside another type is not recognized.
func New(client redis.UniversalClient, opts *Options) *ReplayCache {
	var o Options
	if opts != nil {
		o = *opts
	}
	if client == nil {
		panic("oauthredis: New: the client is nil")
	}
	if _, ok := client.(*redis.Ring); ok {
		panic("oauthredis: New: a Ring forgets keys when a shard seems dead: use Redis Cluster, Sentinel or a single Redis")
	}
	if o.Timeout < 0 {
		panic("oauthredis: New: Options.Timeout is negative")
	}
	c := &ReplayCache{client: client, prefix: o.Prefix, now: o.Now, timeout: o.Timeout, clockDifference: o.ClockDifference, perKey: int64(o.PerKey)}
	if c.prefix == "" {
		c.prefix = defaultPrefix
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.timeout == 0 {
		c.timeout = defaultTimeout
	}
	if c.perKey == 0 {
		c.perKey = defaultPerKey
	}
	switch {
	case c.clockDifference == 0:
		c.clockDifference = defaultClockDifference
	case c.clockDifference < 0:
		c.clockDifference = 0
	}
	c.clockDifference = min(c.clockDifference, maxLife)
	return c
}

// Add records the key until the given time and Options.ClockDifference more, and
// reports whether it was new. It is one command to the store, two where the key
// is known.
//
// False comes with a nil error only where the store said that it knows the key.
// All errors are of kind [oauth.ErrUnavailable]. If the store could not be asked,
// or did not answer as it should, the key may be recorded or not; a context that
// ended is in the error. If until is not after Options.Now, neither answer is right:
// to call the key new would accept what nobody refuses the next time, and to call
// it known would tell of a replay; nothing is recorded then, nor if until is more
// than 25 hours after Options.Now. No error has in it
// what the store or the client said, which may be a password, only what kind of
// failure it was.
func (c *ReplayCache) Add(ctx context.Context, key string, until time.Time) (added bool, err error) {
	life, err := c.life(until)
	if err != nil {
		return false, err
	}
	name := c.prefix + key
	return bounded(ctx, c.timeout, func(ctx context.Context) (bool, error) {
		return c.record(ctx, name, rand.Text(), life)
	})
}

// AddFor is Add for a key that belongs to an owner, such as the thumbprint of the key
// that a DPoP proof is made with. It records at most Options.PerKey keys of one owner
// in two minutes. Over that nothing is recorded, and the error matches
// [oauth.ErrRateLimited]; the other errors are those of Add. A key that is known does not
// count. It is one more round trip to the store than Add.
func (c *ReplayCache) AddFor(ctx context.Context, owner, key string, until time.Time) (added bool, err error) {
	if c.perKey < 0 {
		return c.Add(ctx, key, until)
	}
	life, err := c.life(until)
	if err != nil {
		return false, err
	}
	name, counter := c.prefix+key, c.counter(owner)
	over := false
	added, err = bounded(ctx, c.timeout, func(ctx context.Context) (bool, error) {
		// First the key: whoever sends a proof again does not use up what the one who
		// made it may have.
		mine := rand.Text()
		added, err := c.record(ctx, name, mine, life)
		if err != nil || !added {
			return false, err
		}
		var n *redis.IntCmd
		if _, err := c.client.TxPipelined(ctx, func(p redis.Pipeliner) error { // both, or the counter would never end
			n = p.Incr(ctx, counter)
			p.PExpire(ctx, counter, 2*countedTime+c.clockDifference)
			return nil
		}); err != nil {
			return false, err
		}
		if n.Val() > c.perKey {
			over = true
			return false, c.drop(ctx, name, mine) // it was not accepted, and takes no room
		}
		return true, nil
	})
	if err == nil && over {
		return false, &storeError{fmt.Sprintf("one key has made more than %d proofs within %v (Options.PerKey)", c.perKey, countedTime), []error{oauth.ErrRateLimited}}
	}
	return added, err
}

// counter is the name of an owner's counter for these two minutes. The name ends with
// them, and so does what is counted, however often the life of the counter is set.
func (c *ReplayCache) counter(owner string) string {
	return fmt.Sprintf("%scount:%d:%s", c.prefix, c.now().Unix()/int64(countedTime/time.Second), owner)
}

// record sets the name to mine, which no other call has, and reports whether it was new.
func (c *ReplayCache) record(ctx context.Context, name, mine string, life time.Duration) (bool, error) {
	// PX and not PXAT: a time of our clock would be over too early by a clock of the
	// store that is ahead.
	added, err := c.client.SetNX(ctx, name, mine, life).Result()
	if err != nil {
		return false, err
	}
	if added {
		return true, nil
	}
	// Known: by another call, or by this one, whose first answer was lost.
	value, err := c.client.Get(ctx, name).Result()
	if errors.Is(err, redis.Nil) { // it expired just now
		return false, nil
	}
	return err == nil && value == mine, err
}

// drop deletes the name if it is still mine. A DEL whose answer was lost is sent again,
// and would take away what somebody else has recorded meanwhile.
func (c *ReplayCache) drop(ctx context.Context, name, mine string) error {
	err := c.client.Watch(ctx, func(tx *redis.Tx) error {
		value, err := tx.Get(ctx, name).Result()
		if err != nil || value != mine {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Del(ctx, name)
			return nil
		})
		return err
	}, name)
	if errors.Is(err, redis.Nil) || errors.Is(err, redis.TxFailedErr) { // it is gone, or somebody else's
		return nil
	}
	return err
}

// life is how long the store keeps a key. Instants are compared: a difference of
// times ends at 292 years, and the store would keep the key for so long.
func (c *ReplayCache) life(until time.Time) (time.Duration, error) {
	now := c.now()
	switch {
	case !until.After(now):
		return 0, &storeError{"the key is already over by Options.Now: the request took too long, or the clocks differ", []error{oauth.ErrUnavailable}}
	case until.After(now.Add(maxLife)):
		return 0, &storeError{fmt.Sprintf("the key would be kept until %s, which is more than %v ahead by Options.Now: nothing that is used once is good for so long, or the clocks differ", until.UTC().Format(time.RFC3339), maxLife), []error{oauth.ErrUnavailable}}
	}
	return (until.Sub(now) + c.clockDifference).Truncate(time.Millisecond) + time.Millisecond, nil // at least 1 ms: PX takes no less
}

// Has reports whether Add has recorded the key and its time is not over. It is one
// command to the store. The errors are those of Add: where the store could not be
// asked, it is not known.
func (c *ReplayCache) Has(ctx context.Context, key string) (bool, error) {
	return bounded(ctx, c.timeout, func(ctx context.Context) (bool, error) {
		err := c.client.Get(ctx, c.prefix+key).Err()
		if errors.Is(err, redis.Nil) {
			return false, nil
		}
		return err == nil, err
	})
}

// bounded runs f for at most so long. A client heeds a context while it waits
// for a connection, but while it waits for the answer only where it was made with
// ContextTimeoutEnabled. So f is left alone there: at most as many of them as the
// pool has connections, until the client's own timeouts end them.
func bounded(ctx context.Context, timeout time.Duration, f func(context.Context) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type answer struct {
		ok  bool
		err error
	}
	done := make(chan answer, 1)
	go func() {
		ok, err := f(ctx)
		done <- answer{ok, err}
	}()
	var a answer
	select {
	case a = <-done:
	case <-ctx.Done():
		a.err = ctx.Err()
	}
	if a.err != nil {
		return false, unavailable(a.err, timeout)
	}
	return a.ok, nil
}

// A storeError has a text that is ours alone, and none of the errors that it
// came from.
type storeError struct {
	text  string
	kinds []error
}

func (e *storeError) Error() string   { return "oauthredis: " + e.text }
func (e *storeError) Unwrap() []error { return e.kinds }

// unavailable says what kind of failure it was. It does not repeat texts that
// others chose: servers quote the arguments of a command that they refuse, also
// those of HELLO and AUTH, and a dialer or a provider of credentials is the
// program's own.
func unavailable(err error, timeout time.Duration) error {
	kinds := []error{oauth.ErrUnavailable}
	for _, kind := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			kinds = append(kinds, kind)
		}
	}
	return &storeError{"the store cannot be asked: " + reason(err, timeout), kinds}
}

func reason(err error, timeout time.Duration) string {
	var (
		answer      redis.Error
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		op          *net.OpError
		errno       syscall.Errno
		network     net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "the request was given up"
	case errors.Is(err, redis.ErrClosed):
		return "the client is closed"
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return "all connections of the client are in use"
	case errors.As(err, &answer):
		return "it answers " + errorCode(answer.Error())
	case errors.As(err, &dns):
		return dns.Error()
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.As(err, &errno):
		if errors.As(err, &op) && op.Addr != nil {
			return fmt.Sprintf("%s %s: %v", op.Op, op.Addr, errno)
		}
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "the connection was closed"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("no answer in time (Options.Timeout is %v)", timeout)
	}
	return fmt.Sprintf("%T", err)
}

// errorCode is the word in capitals that an error of Redis begins with, such as
// NOAUTH, OOM or READONLY.
func errorCode(text string) string {
	code, _, _ := strings.Cut(text, " ")
	if code == "" || len(code) > 16 || strings.ContainsFunc(code, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return "an error"
	}
	return code
}
