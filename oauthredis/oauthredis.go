// Package oauthredis implements an [oauth.ReplayCache] and a [weblogin.Store] in Redis.
//
// Processes that share a [ReplayCache], on one machine or on many, accept a DPoP proof
// only once (RFC 9449, Section 11.1): if one process has accepted it, the others refuse
// it. They also act on a logout token only once. Processes that share a [SessionStore]
// have the same sessions of users; what follows is about the ReplayCache.
//
// It works with a single Redis server, with Redis Sentinel, with Redis Cluster, and
// with other servers of the same protocol. If the server has access control lists,
// the user must be allowed SET, GET and DEL on the keys with [Options.Prefix], and
// INFO, so that the policy of the store can be checked. For [ReplayCache.AddFor], the
// user must also be allowed INCR, PEXPIRE, MULTI, EXEC, WATCH and UNWATCH. For
// [Options.Replicas], the user must also be allowed WAIT, and in a Cluster WATCH and
// UNWATCH. In a Cluster, the client also needs CLUSTER and COMMAND.
//
// # Guarantees
//
// Of all calls of [ReplayCache.Add] with the same key, in any process, at most one
// returns true until the time of the key is over, as long as the store keeps its
// data.
//
// If anything fails, Add returns an error: if the store is stopped, hangs, is full
// or sends an unexpected response. It never returns true then, and never false
// without an error. In package oauth, such an error means that a request could not
// be checked: the protected resource responds with 503. A logout is done
// nevertheless, and done again if its token is received again. When the store is
// available again, no action is needed.
//
// The client repeats commands: if MaxRetries is zero, a redis.Client sends a
// command up to three more times after a connection has broken. The store may have
// carried out the command before its response was lost. Each call therefore writes
// a random value of its own. If the key exists with that value, the call itself has
// recorded it, and Add returns true. If MaxRetries is -1, or if the time is over
// before the command can be repeated, Add returns an error, although the key may be
// recorded. The next request with that key is then refused, although none was
// accepted. This is safe, because clients make a new proof for each request. With
// Options.Replicas, a command is not repeated after a broken connection.
//
// # Requirements for the store
//
// WARNING: If the store loses a key before its time, the proof can be used again
// while it is valid. By default, it is valid from 60 seconds before its iat to 60
// seconds after it (see DPoPWindow of [oauth.ResourceServerConfig]).
//
//   - maxmemory-policy must be noeviction. This is the default of Redis, but not of
//     every hosted service. Every other policy deletes keys when memory is short;
//     the volatile policies delete keys of this package first. With noeviction, a
//     full store returns errors. A store with another policy is refused; see
//     [Options].InsecureAllowEviction.
//   - A restart without persistence loses all keys. With appendonly yes, a restart
//     loses none if appendfsync is always, and the last second if it is everysec. A
//     primary without persistence must not be started again by itself after a crash:
//     if it is back before a failover, it is empty, and its replicas become empty, too.
//   - Replication is asynchronous. A failover, by Sentinel or in a Cluster, loses
//     the keys that had not reached the replica, unless Options.Replicas is set.
//   - [New] does not accept a redis.Ring.
//
// A key takes about 200 bytes of the store's memory and is kept for two and a half
// minutes. For example, 1,000 proofs per second take 30 MB.
//
// # Failovers
//
// If the primary of a store crashes, requests with a proof are refused until its
// replica has taken over. Then they are accepted again without any action, in a
// Cluster too: after each error, the client is asked to look for the nodes again.
//
// Without [Options].Replicas, a failover loses the proofs that the primary has accepted
// and not yet sent to its replica, and they can be used again. With Replicas, a proof is
// accepted only when the replicas have it. In 40 failovers in tests of this package, with
// two processes, Sentinel or a Cluster, and one replica that was 50 ms behind, none of
// 53,355 accepted proofs was lost or accepted twice. Without Replicas, 1,108 of 57,319
// were lost and accepted again, up to 378 in one failover.
//
// WARNING: Replicas is not for partitions of the network, which these tests do not
// cover. If a primary is cut off together with as many replicas as Replicas requires, the
// processes on its side can accept a proof that those on the other side have accepted.
// Set min-replicas-to-write to the number of replicas, and min-replicas-max-lag to a few
// seconds: a primary that is cut off from its replicas then stops accepting proofs.
//
// WARNING: A proof can also be lost if a replica is promoted while it is still
// synchronizing, for example because a primary crashes just after another one.
//
// While a slot of a Cluster is moved to another node, new proofs in it are refused if
// Replicas is set, because the client does not follow the move then.
package oauthredis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
	// Prefix is the beginning of all keys in the store. If empty, it is
	// "oauth:replay:". Processes that must refuse each other's proofs must have the
	// same Prefix. Two servers that both check the same proof, for example a
	// gateway and the server behind it, must have different ones; otherwise, the
	// second server refuses every proof. Prefix should not contain braces, because
	// these would put all keys on one node of a Cluster.
	Prefix string

	// PerKey is the number of DPoP proofs that are recorded for one key in two
	// minutes, so that one client cannot fill the store. Further proofs are refused
	// with an error that matches oauth.ErrRateLimited. Zero means 16,384, which is
	// 136 per second. If negative, there is no limit. The two minutes are measured
	// by Options.Now; if the clocks of the processes differ, one key can have up to
	// twice as many proofs.
	PerKey int

	// Now returns the local time. It should be the Clock.Now of package oauth, if
	// that is set. It is called from several goroutines. If nil, time.Now is used.
	// The clock of the store is not used.
	Now func() time.Time

	// Timeout limits one call of Add, AddFor or Has, including all repeats,
	// whatever the timeouts of the client are. The context may end the call
	// earlier. Zero means 1 second. If Timeout is negative, New panics.
	Timeout time.Duration

	// ClockDifference is how far apart the clocks of the processes that share the
	// store may be. Keys are kept longer by that time, because a process whose
	// clock is behind may still accept a proof that has expired by the clock of the
	// process that recorded it. Zero means 30 seconds, which is
	// oauth.DefaultTolerance; if negative, there is no difference. The maximum is
	// 25 hours; a greater value is reduced to it.
	ClockDifference time.Duration

	// Replicas is the number of replicas that must have a proof before it is accepted,
	// so that a failover does not lose it. Add sends WAIT for each new proof, and takes
	// as much longer as a replica is behind. If fewer replicas confirm a proof in time,
	// which is three quarters of the Timeout, the error matches oauth.ErrUnavailable.
	// The proof counts as used nevertheless: the next request with it is refused,
	// although none was accepted.
	//
	// Replicas should be the number of replicas that each primary has, because a failover
	// can promote any of them. If one of them is stopped, no proof is accepted until it
	// is back. If Replicas is zero, a proof is accepted when the primary has it. If it is
	// negative, New panics.
	//
	// WARNING: Replicas is for failovers, not for partitions of the network; see the
	// package documentation.
	Replicas int

	// InsecureAllowEviction accepts a store that deletes keys when its memory is short.
	// Otherwise, its policy is asked for with INFO at the first call and every minute.
	// A store that answers with any policy other than noeviction is refused with errors
	// that match oauth.ErrUnavailable. A store without maxmemory is accepted, and so is
	// a store that does not allow INFO or does not name its policy.
	//
	// WARNING: A proof that was deleted can be used again.
	InsecureAllowEviction bool
}

// A ReplayCache is an [oauth.ReplayCache] in Redis. It must be created with [New].
// It is safe for concurrent use. If a call returns before the client does, a
// goroutine waits for the client until the client's own timeouts.
type ReplayCache struct {
	store           *store
	prefix          string
	now             func() time.Time
	clockDifference time.Duration
	perKey          int64 // negative: no limit
}

var _ oauth.ReplayCache = (*ReplayCache)(nil)

// New returns a ReplayCache that uses client, which is the result of
// redis.NewClient, redis.NewFailoverClient, redis.NewClusterClient or
// redis.NewUniversalClient. The caller must close the client when it is no longer
// needed. If opts is nil, it is the zero Options. New does not connect to the
// store.
//
// New panics if client is nil or a redis.Ring, or if Options.Timeout or
// Options.Replicas is negative. A Ring that considers a shard dead looks for its keys
// on another. Each process decides that for itself, so two processes could accept the
// same proof although nothing in the store has failed.
//
// WARNING: New does not recognize a Ring that is wrapped in another type.
func New(client redis.UniversalClient, opts *Options) *ReplayCache {
	var o Options
	if opts != nil {
		o = *opts
	}
	c := &ReplayCache{
		store:  newStore("New", client, o.Timeout, o.Replicas, o.InsecureAllowEviction),
		prefix: o.Prefix, now: o.Now, clockDifference: o.ClockDifference, perKey: int64(o.PerKey),
	}
	if c.prefix == "" {
		c.prefix = defaultPrefix
	}
	if c.now == nil {
		c.now = time.Now
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

// Add records key until the given time plus Options.ClockDifference, and reports
// whether it was new. It sends one command to the store, or two if the key is
// already recorded.
//
// Add returns false with a nil error only if the store has said that it knows the
// key. All errors match [oauth.ErrUnavailable]. If ctx has ended, the error matches
// its error as well. If the store could not be reached, or if its response was not
// as expected, the key may or may not be recorded.
//
// If until is not after Options.Now, or more than 25 hours after it, Add records
// nothing and returns an error. In the first case, neither result would be right:
// true would accept a key that is not refused the next time, and false would mean a
// replay.
//
// An error contains only the kind of the failure. It never contains the text that
// the store or the client has returned, because that may contain a password.
func (c *ReplayCache) Add(ctx context.Context, key string, until time.Time) (added bool, err error) {
	life, err := c.life(until)
	if err != nil {
		return false, err
	}
	name := c.prefix + key
	return bounded(ctx, c.store, func(ctx context.Context) (bool, error) {
		return c.record(ctx, name, rand.Text(), life)
	})
}

// AddFor is like Add, for a key that belongs to an owner: the thumbprint of the key
// that a DPoP proof is made with. It records at most Options.PerKey keys of one
// owner in two minutes. A key that is already recorded does not count. AddFor takes
// one more round trip to the store than Add.
//
// If the owner has reached the limit, AddFor records nothing, and the error matches
// [oauth.ErrRateLimited]. The other errors are those of Add.
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
	added, err = bounded(ctx, c.store, func(ctx context.Context) (bool, error) {
		// First the key: whoever sends a proof again does not use up what the one who
		// made it may have.
		mine := rand.Text()
		added, err := c.record(ctx, name, mine, life)
		if err != nil || !added {
			return false, err
		}
		var n *redis.IntCmd
		if _, err := c.store.client.TxPipelined(ctx, func(p redis.Pipeliner) error { // both, or the counter would never end
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
	if err := c.store.keeps(ctx); err != nil {
		return false, err
	}
	return c.store.write(ctx, name, func(client redis.Cmdable) (bool, error) {
		// PX and not PXAT: a time of our clock would be over too early by a clock of the
		// store that is ahead.
		added, err := client.SetNX(ctx, name, mine, life).Result()
		if err != nil || added {
			return added, err
		}
		// Known: by another call, or by this one, whose first answer was lost.
		value, err := client.Get(ctx, name).Result()
		if errors.Is(err, redis.Nil) { // it expired just now
			return false, nil
		}
		return err == nil && value == mine, err
	})
}

// drop deletes the name if it is still mine. A DEL whose answer was lost is sent again,
// and would take away what somebody else has recorded meanwhile.
func (c *ReplayCache) drop(ctx context.Context, name, mine string) error {
	err := c.store.client.Watch(ctx, func(tx *redis.Tx) error {
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

// Has reports whether Add has recorded key and its time has not passed. It sends
// one command to the store. If the store could not be reached, the error matches
// [oauth.ErrUnavailable], as for Add.
func (c *ReplayCache) Has(ctx context.Context, key string) (bool, error) {
	return bounded(ctx, c.store, func(ctx context.Context) (bool, error) {
		err := c.store.client.Get(ctx, c.prefix+key).Err()
		if errors.Is(err, redis.Nil) {
			return false, nil
		}
		return err == nil, err
	})
}
