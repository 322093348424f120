package oauthredis

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"time"

	"example.com/oauth/weblogin"
	"github.com/redis/go-redis/v9"
)

// SessionOptions are the options of [NewSessionStore]. The zero value is the usual case.
type SessionOptions struct {
	// Prefix is the beginning of all keys in the store. If empty, it is
	// "oauth:session:". Applications that share a Redis must have different ones. Prefix
	// should not contain braces; see [Options].
	Prefix string

	// Timeout limits one call, including all repeats. Zero means 1 second. If it is
	// negative, NewSessionStore panics.
	Timeout time.Duration

	// Replicas is the number of replicas that must have a change before Put, Delete or
	// DeleteBy returns nil; see [Options]. If it is zero, a failover can lose a session
	// that has just begun, a refresh token that the server has just rotated, or the
	// lease by which only one process refreshes it. It can also bring back a session
	// that has just ended. If a method returns an error because replicas did not confirm
	// the change, the primary may nevertheless have it. If Replicas is negative,
	// NewSessionStore panics.
	Replicas int

	// InsecureAllowEviction accepts a store that deletes keys when its memory is short.
	// Otherwise, Put returns an error then; see [Options].
	//
	// WARNING: A session whose place in the list of the user's sessions was deleted is
	// not found by a logout, and goes on.
	InsecureAllowEviction bool
}

// A SessionStore is a [weblogin.Store] in Redis. It must be created with
// [NewSessionStore]. It is safe for concurrent use.
//
// All errors but [weblogin.ErrConflict] match oauth.ErrUnavailable, and contain only the
// kind of the failure. Timeout is for each 500 sessions that DeleteBy deletes, or for each
// 50 if Replicas is set.
//
// maxmemory-policy must be noeviction: a user whose session is lost only logs in again, but
// a session that a logout does not find, because Redis has lost the list of the user's
// sessions, goes on. With access control lists, the user must be allowed HGETALL, DEL,
// ZRANGE, ZREM, ZREMRANGEBYSCORE, EVAL, EVALSHA, in scripts HMGET, HSET, PEXPIREAT, ZADD
// and ZREVRANGE, and INFO, so that the policy can be checked. With SessionOptions.Replicas,
// the user must also be allowed WAIT, and in a Cluster WATCH and UNWATCH.
type SessionStore struct {
	store  *store
	prefix string
}

var _ weblogin.Store = (*SessionStore)(nil)

// NewSessionStore returns a SessionStore that uses client, which is what [New] takes. If
// opts is nil, it is the zero SessionOptions. NewSessionStore does not connect to the
// store. It panics if New would.
func NewSessionStore(client redis.UniversalClient, opts *SessionOptions) *SessionStore {
	var o SessionOptions
	if opts != nil {
		o = *opts
	}
	s := &SessionStore{newStore("NewSessionStore", client, o.Timeout, o.Replicas, o.InsecureAllowEviction), o.Prefix}
	if s.prefix == "" {
		s.prefix = "oauth:session:"
	}
	return s
}

// record is the key of a session, and index that of the ids of the sessions with a tag.
func (s *SessionStore) record(id string) string { return s.prefix + "id:" + id }

func (s *SessionStore) index(tag string) string { return s.prefix + "tag:" + tag }

// Get returns the record with the id, or nil.
func (s *SessionStore) Get(ctx context.Context, id string) (*weblogin.Record, error) {
	return bounded(ctx, s.store, func(ctx context.Context) (*weblogin.Record, error) {
		m, err := s.store.client.HGetAll(ctx, s.record(id)).Result()
		if err != nil || len(m) == 0 {
			return nil, err
		}
		version, wrong := strconv.ParseInt(m["v"], 10, 64)
		expires, wrong2 := strconv.ParseInt(m["e"], 10, 64)
		if wrong != nil || wrong2 != nil {
			return nil, errors.New("not a session")
		}
		return &weblogin.Record{Version: version, Expires: time.UnixMilli(expires), Data: []byte(m["d"])}, nil
	})
}

// putScript writes a record if the one before it is there. A command that the client
// repeats finds its own mark.
var putScript = redis.NewScript(`
local now = redis.call('HMGET', KEYS[1], 'v', 'w')
if now[1] == ARGV[2] and now[2] == ARGV[3] then return 1 end
if (now[1] or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 'w', ARGV[3], 'e', ARGV[4], 'd', ARGV[5])
redis.call('PEXPIREAT', KEYS[1], ARGV[4])
return 1`)

// indexScript adds an id to an index, takes out those that have expired, and has the index
// last as long as the last of its sessions.
var indexScript = redis.NewScript(`
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[3])
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if last[2] then redis.call('PEXPIREAT', KEYS[1], last[2]) end
return 1`)

// expired is when a session has certainly expired: clocks of machines differ.
func expired() int64 { return time.Now().Add(-time.Minute).UnixMilli() }

// Put stores a record in place of the version before it. The indexes come first: an id in
// them of which there is no record does no harm, and a record that is in none could not be
// deleted.
func (s *SessionStore) Put(ctx context.Context, id string, r *weblogin.Record) error {
	stored, err := bounded(ctx, s.store, func(ctx context.Context) (bool, error) {
		if err := s.store.keeps(ctx); err != nil {
			return false, err
		}
		expires := r.Expires.UnixMilli()
		for _, tag := range r.Tags {
			if _, err := s.run(ctx, indexScript, s.index(tag), id, expires, expired()); err != nil {
				return false, err
			}
		}
		return s.run(ctx, putScript, s.record(id), r.Version-1, r.Version, rand.Text(), expires, r.Data)
	})
	if err == nil && !stored {
		err = weblogin.ErrConflict
	}
	return err
}

// run runs a script, and reports whether it returns 1, which is what it does where it has
// written.
func (s *SessionStore) run(ctx context.Context, script *redis.Script, key string, args ...any) (bool, error) {
	return s.store.write(ctx, key, func(client redis.Cmdable) (bool, error) {
		n, err := script.Run(ctx, client, []string{key}, args...).Int()
		return n == 1, err
	})
}

// Delete deletes the record with the id.
func (s *SessionStore) Delete(ctx context.Context, id string) error {
	_, err := bounded(ctx, s.store, func(ctx context.Context) (bool, error) { return s.delete(ctx, id) })
	return err
}

// deleteScript deletes a key, and always writes: where there is nothing to delete any more,
// a deletion before this one may not have reached the replicas, and WAIT knows of none but
// the connection's own.
var deleteScript = redis.NewScript(`
local n = redis.call('DEL', KEYS[1])
if n == 0 then
	redis.call('HSET', KEYS[1], 'v', 0)
	redis.call('DEL', KEYS[1])
end
return {n}`)

// delete reports whether there was a record.
func (s *SessionStore) delete(ctx context.Context, id string) (existed bool, err error) {
	key := s.record(id)
	if s.store.replicas == 0 {
		n, err := s.store.client.Del(ctx, key).Result()
		return n == 1, err
	}
	_, err = s.store.write(ctx, key, func(client redis.Cmdable) (bool, error) {
		n, err := deleteScript.Run(ctx, client, []string{key}).Int64Slice()
		existed = err == nil && n[0] == 1
		return err == nil, err
	})
	return existed, err
}

// DeleteBy deletes all records with the tag.
func (s *SessionStore) DeleteBy(ctx context.Context, tag string) error {
	index := s.index(tag)
	ids, err := bounded(ctx, s.store, func(ctx context.Context) ([]string, error) {
		if err := s.store.client.ZRemRangeByScore(ctx, index, "-inf", strconv.FormatInt(expired(), 10)).Err(); err != nil {
			return nil, err
		}
		return s.store.client.ZRange(ctx, index, 0, -1).Result()
	})
	atOnce := deleteAtOnce
	if s.store.replicas > 0 {
		atOnce /= 10 // they are deleted one after the other
	}
	for ids := range slices.Chunk(ids, atOnce) {
		if err == nil {
			_, err = bounded(ctx, s.store, func(ctx context.Context) (bool, error) { return true, s.deleteAll(ctx, index, ids) })
		}
	}
	return err
}

// deleteAtOnce is how many sessions are deleted within one Timeout.
const deleteAtOnce = 500

// deleteAll deletes sessions, which in a Cluster are on several nodes, and takes those that
// there were out of the index. Of others the record may be put just now.
func (s *SessionStore) deleteAll(ctx context.Context, index string, ids []string) error {
	existed, err := s.deleteEach(ctx, ids)
	if err != nil {
		return err
	}
	var gone []any
	for i, id := range ids {
		if existed[i] {
			gone = append(gone, id)
		}
	}
	if gone == nil {
		return nil
	}
	return s.store.client.ZRem(ctx, index, gone...).Err()
}

// deleteEach deletes sessions, in one round trip unless replicas must confirm each, and
// reports which there were.
func (s *SessionStore) deleteEach(ctx context.Context, ids []string) (existed []bool, err error) {
	existed = make([]bool, len(ids))
	if s.store.replicas > 0 {
		for i, id := range ids {
			if existed[i], err = s.delete(ctx, id); err != nil {
				return nil, err
			}
		}
		return existed, nil
	}
	counts := make([]*redis.IntCmd, len(ids))
	_, err = s.store.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			counts[i] = p.Del(ctx, s.record(id))
		}
		return nil
	})
	for i, n := range counts {
		existed[i] = n.Val() == 1
	}
	return existed, err
}
