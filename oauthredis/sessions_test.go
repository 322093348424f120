//go:build unix

package oauthredis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthredis"
	"example.com/oauth/weblogin"
	"example.com/oauth/weblogin/storetest"
	"github.com/redis/go-redis/v9"
)

// TestSessionStore: two clients of one Redis, as two processes have them.
func TestSessionStore(t *testing.T) {
	s := newServer(t)
	storetest.Run(t, func() weblogin.Store { return oauthredis.NewSessionStore(s.client(), nil) })
}

// TestSessionStoreCluster: the sessions of a user are on several nodes.
func TestSessionStoreCluster(t *testing.T) {
	client := newCluster(t)
	storetest.Run(t, func() weblogin.Store { return oauthredis.NewSessionStore(client, nil) })
}

func aSession(version int64) *weblogin.Record {
	return &weblogin.Record{Version: version, Expires: time.Now().Add(time.Minute), Data: []byte("x"), Tags: []string{"user", "sid"}}
}

// TestSessionStoreLeavesNothing: when the last session has expired, nothing is left.
func TestSessionStoreLeavesNothing(t *testing.T) {
	s := newServer(t)
	client := s.client()
	store := oauthredis.NewSessionStore(client, nil)
	for id, life := range map[string]time.Duration{"a": time.Second, "b": 2 * time.Second, "c": time.Minute} {
		r := aSession(1)
		r.Expires = time.Now().Add(life)
		if err := store.Put(ctx, id, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.DeleteBy(ctx, "sid"); err != nil {
		t.Fatal(err)
	}
	r := aSession(1)
	r.Expires = time.Now().Add(time.Second)
	if err := store.Put(ctx, "d", r); err != nil {
		t.Fatal(err)
	}
	for _, k := range client.Keys(ctx, "*").Val() {
		if ttl := client.PTTL(ctx, k).Val(); ttl <= 0 || ttl > time.Minute {
			t.Errorf("%s lasts for %v", k, ttl)
		}
	}
	past := aSession(1)
	past.Tags, past.Expires = []string{"past"}, time.Now().Add(-time.Second)
	if err := store.Put(ctx, "past", past); err != nil {
		t.Fatal(err)
	}
	for _, k := range client.Keys(ctx, "*past*").Val() {
		t.Errorf("%s is left of a session that had expired", k)
	}
}

// TestSessionStoreMany: a user who has logged in very often can be logged out.
func TestSessionStoreMany(t *testing.T) {
	s := newServer(t)
	client := s.client()
	store := oauthredis.NewSessionStore(client, nil)
	old, dead := float64(time.Now().Add(-time.Hour).UnixMilli()), float64(time.Now().Add(time.Minute).UnixMilli())
	for n := range 40 {
		var batch []redis.Z
		for m := range 1000 {
			batch = append(batch, redis.Z{Score: old, Member: fmt.Sprint("old", n, m)}, redis.Z{Score: dead, Member: fmt.Sprint("dead", n, m)})
		}
		client.ZAdd(ctx, "oauth:session:tag:user", batch...)
	}
	if err := store.Put(ctx, "zz", aSession(1)); err != nil {
		t.Fatal(err)
	}
	if n := client.ZCard(ctx, "oauth:session:tag:user").Val(); n != 40_001 {
		t.Errorf("%d ids: those that have expired are kept", n)
	}
	if err := store.DeleteBy(ctx, "user"); err != nil {
		t.Error(err)
	}
	if r, err := store.Get(ctx, "zz"); r != nil || err != nil {
		t.Errorf("%v, %v", r, err)
	}
}

// TestSessionStoreRace: a session that is put while those of its user are deleted is found
// by the next deletion.
func TestSessionStoreRace(t *testing.T) {
	s := newServer(t)
	client := s.client()
	store := oauthredis.NewSessionStore(client, nil)
	// The index has it already, and the record is not there yet.
	client.ZAdd(ctx, "oauth:session:tag:user", redis.Z{Score: float64(time.Now().Add(time.Minute).UnixMilli()), Member: "late"})
	if err := store.DeleteBy(ctx, "user"); err != nil {
		t.Fatal(err)
	}
	client.HSet(ctx, "oauth:session:id:late", "v", 1, "e", time.Now().Add(time.Minute).UnixMilli(), "d", "x")
	if err := store.DeleteBy(ctx, "user"); err != nil {
		t.Fatal(err)
	}
	if r, err := store.Get(ctx, "late"); r != nil || err != nil {
		t.Errorf("%v, %v", r, err)
	}
}

// TestSessionStoreRepeats: a command whose answer was lost, and that the client repeats, is
// no conflict with itself.
func TestSessionStoreRepeats(t *testing.T) {
	s := newServer(t)
	p := newLossy(t, s, ":id:")
	store := oauthredis.NewSessionStore(s.client(func(o *redis.Options) { o.Addr, o.DisableIdentity = p.Addr().String(), true }), nil)
	for version := int64(1); version <= 3; version++ {
		if version > 1 { // the scripts are known
			p.lose.Store(2)
		}
		if err := store.Put(ctx, "a", aSession(version)); err != nil {
			t.Fatal(version, err)
		}
		if err := store.Put(ctx, "a", aSession(version)); !errors.Is(err, weblogin.ErrConflict) {
			t.Errorf("of another call: %v", err)
		}
	}
	if n := p.lost.Load(); n != 4 {
		t.Errorf("%d answers were lost", n)
	}
}

// TestSessionStoreErrors: whatever fails is ErrUnavailable, and never no session.
func TestSessionStoreErrors(t *testing.T) {
	s := newServer(t)
	store := oauthredis.NewSessionStore(s.client(), &oauthredis.SessionOptions{Timeout: 300 * time.Millisecond})
	if err := store.Put(ctx, "a", aSession(1)); err != nil {
		t.Fatal(err)
	}
	s.client().HSet(ctx, "oauth:session:id:odd", "v", "x")
	if r, err := store.Get(ctx, "odd"); r != nil || !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("what is no session: %v, %v", r, err)
	}
	s.pause()
	defer s.unpause()
	for name, call := range map[string]func(context.Context) error{
		"Get":      func(ctx context.Context) error { _, err := store.Get(ctx, "a"); return err },
		"Put":      func(ctx context.Context) error { return store.Put(ctx, "a", aSession(2)) },
		"Delete":   func(ctx context.Context) error { return store.Delete(ctx, "a") },
		"DeleteBy": func(ctx context.Context) error { return store.DeleteBy(ctx, "user") },
	} {
		start := time.Now()
		err := call(ctx)
		if !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, weblogin.ErrConflict) || time.Since(start) > 2*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(start))
		}
	}
}

// TestSessionStoreAccessControl: the documented permissions are enough.
func TestSessionStoreAccessControl(t *testing.T) {
	s := newServer(t, "--user", "app", "on", ">"+password, "~oauth:session:*", "+hgetall", "+del", "+zrange", "+zrem", "+zremrangebyscore",
		"+eval", "+evalsha", "+hmget", "+hset", "+pexpireat", "+zadd", "+zrevrange", "+info")
	client := s.client(func(o *redis.Options) { o.Username, o.Password = "app", password })
	storetest.Run(t, func() weblogin.Store { return oauthredis.NewSessionStore(client, nil) })
	err := oauthredis.NewSessionStore(client, &oauthredis.SessionOptions{Prefix: "another:"}).Delete(ctx, "a")
	if !errors.Is(err, oauth.ErrUnavailable) || !strings.HasSuffix(err.Error(), "it answers NOPERM") {
		t.Error(err)
	}
}

func TestNewSessionStorePanics(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	for name, f := range map[string]func(){
		"nil":              func() { oauthredis.NewSessionStore(nil, nil) },
		"a negative bound": func() { oauthredis.NewSessionStore(client, &oauthredis.SessionOptions{Timeout: -1}) },
		"no replicas":      func() { oauthredis.NewSessionStore(client, &oauthredis.SessionOptions{Replicas: -1}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if r, _ := recover().(string); !strings.HasPrefix(r, "oauthredis: NewSessionStore: ") {
					t.Errorf("recovered %q", r)
				}
			}()
			f()
		})
	}
}
