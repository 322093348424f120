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
// kind of the failure. Timeout is for each 500 sessions that DeleteBy deletes.
//
// maxmemory-policy must be noeviction: a user whose session is lost only logs in again, but
// a session that a logout does not find, because Redis has lost the list of the user's
// sessions, goes on. With access control lists, the user must be allowed HGETALL, DEL,
// ZRANGE, ZREM, ZREMRANGEBYSCORE, EVAL, EVALSHA, in scripts HMGET, HSET, PEXPIREAT, ZADD
// and ZREVRANGE, and INFO, so that the policy can be checked.
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
	s := &SessionStore{newStore("NewSessionStore", client, o.Timeout, o.InsecureAllowEviction), o.Prefix}
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
			if err := indexScript.Run(ctx, s.store.client, []string{s.index(tag)}, id, expires, expired()).Err(); err != nil {
				return false, err
			}
		}
		n, err := putScript.Run(ctx, s.store.client, []string{s.record(id)},
			r.Version-1, r.Version, rand.Text(), expires, r.Data).Int()
		return n == 1, err
	})
	if err == nil && !stored {
		err = weblogin.ErrConflict
	}
	return err
}

// Delete deletes the record with the id.
func (s *SessionStore) Delete(ctx context.Context, id string) error {
	_, err := bounded(ctx, s.store, func(ctx context.Context) (bool, error) {
		return true, s.store.client.Del(ctx, s.record(id)).Err()
	})
	return err
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
	for ids := range slices.Chunk(ids, deleteAtOnce) {
		if err == nil {
			_, err = bounded(ctx, s.store, func(ctx context.Context) (bool, error) { return true, s.deleteAll(ctx, index, ids) })
		}
	}
	return err
}

// deleteAtOnce is how many sessions are deleted in one round trip.
const deleteAtOnce = 500

// deleteAll deletes sessions, which in a Cluster are on several nodes, and takes those that
// there were out of the index. Of others the record may be put just now.
func (s *SessionStore) deleteAll(ctx context.Context, index string, ids []string) error {
	counts := make([]*redis.IntCmd, len(ids))
	if _, err := s.store.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			counts[i] = p.Del(ctx, s.record(id))
		}
		return nil
	}); err != nil {
		return err
	}
	var gone []any
	for i, id := range ids {
		if counts[i].Val() == 1 {
			gone = append(gone, id)
		}
	}
	if gone == nil {
		return nil
	}
	return s.store.client.ZRem(ctx, index, gone...).Err()
}
