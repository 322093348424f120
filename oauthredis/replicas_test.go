//go:build unix

package oauthredis_test

// This file tests writes that replicas confirm.

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

const confirmTime = 2 * time.Second // Options.Timeout where a replica hangs

// unconfirmed wants the error of a write that too few replicas have.
func unconfirmed(t *testing.T, what string, err error, counts string) {
	t.Helper()
	want := "oauthredis: " + counts + " replicas have confirmed the write in time (Options.Replicas)"
	if !errors.Is(err, oauth.ErrUnavailable) || err.Error() != want {
		t.Errorf("%s: %v, not %s", what, err, want)
	}
}

// TestReplicas: what is accepted has reached the replica, and what has not is not
// accepted, then or later.
func TestReplicas(t *testing.T) {
	primary, replica := newPair(t, 20*time.Millisecond)
	// Each command takes another connection, unless it has one of its own.
	client := primary.client(func(o *redis.Options) { o.PoolFIFO, o.PoolSize, o.MinIdleConns = true, 8, 8 })
	eventually(t, "connections", func() bool { return client.PoolStats().IdleConns == 8 })
	for range 8 {
		client.Ping(ctx)
	}
	c := oauthredis.New(client, &oauthredis.Options{Replicas: 1})
	for n := range 20 {
		add := c.Add
		if n%2 == 1 {
			add = func(ctx context.Context, key string, until time.Time) (bool, error) {
				return c.AddFor(ctx, "owner", key, until)
			}
		}
		for _, want := range []bool{true, false} {
			if added, err := add(ctx, key(n), soon()); added != want || err != nil {
				t.Fatal(added, err)
			}
			if replica.direct.Exists(ctx, "oauth:replay:"+key(n)).Val() != 1 {
				t.Fatal("the replica does not have it")
			}
		}
	}

	replica.pause()
	hasty := oauthredis.New(client, &oauthredis.Options{Replicas: 1, Timeout: confirmTime})
	for n := range 2 {
		added, err := hasty.Add(ctx, key(100+n), soon())
		if added {
			t.Fatal("it was accepted")
		}
		unconfirmed(t, "Add", err, "0 of 1")
		add(t, hasty, key(100+n), false) // it counts as used, and is refused at once
		add(t, c, key(100+n), false)
	}
	added, err := hasty.AddFor(ctx, "owner", key(200), soon())
	if added {
		t.Error("it was accepted")
	}
	unconfirmed(t, "AddFor", err, "0 of 1")
	add(t, oauthredis.New(client, nil), key(201), true) // without the option

	replica.unpause()
	eventually(t, "accepting again", func() bool {
		added, err := c.Add(ctx, key(300), soon())
		return added || err == nil // and if only the answer was late
	})
	add(t, c, key(301), true)
	for n := range 2 {
		add(t, c, key(100+n), false)
	}
	_, err = oauthredis.New(client, &oauthredis.Options{Replicas: 2, Timeout: confirmTime}).Add(ctx, key(302), soon())
	unconfirmed(t, "two replicas", err, "1 of 2")
}

// TestReplicasLostAnswer: the connection breaks after the key was written, or before it was
// confirmed. Nothing is sent again, and the key counts as used.
func TestReplicasLostAnswer(t *testing.T) {
	primary, _ := newPair(t, 0)
	for n, word := range []string{"\r\nset\r\n", "\r\nwait\r\n"} {
		p := newLossy(t, primary.server, word)
		c := oauthredis.New(primary.client(func(o *redis.Options) { o.Addr, o.DisableIdentity = p.Addr().String(), true }), &oauthredis.Options{Replicas: 1})
		add(t, c, key(10*n), true)
		p.lose.Store(1)
		refused(t, c, 10*n+1, 2*time.Second)
		if p.lost.Load() != 1 {
			t.Error("no answer was lost")
		}
		add(t, c, key(10*n+1), false)
		add(t, c, key(10*n+2), true)
	}
}

// TestReplicasSessions: a session that has begun or ended has done so at the replica, too.
func TestReplicasSessions(t *testing.T) {
	primary, replica := newPair(t, 5*time.Millisecond)
	client := primary.client(func(o *redis.Options) { o.PoolFIFO, o.PoolSize, o.MinIdleConns = true, 8, 8 })
	storetest.Run(t, func() weblogin.Store {
		return oauthredis.NewSessionStore(client, &oauthredis.SessionOptions{Replicas: 1})
	})
	store := oauthredis.NewSessionStore(client, &oauthredis.SessionOptions{Replicas: 1})
	hasty := oauthredis.NewSessionStore(client, &oauthredis.SessionOptions{Replicas: 1, Timeout: confirmTime})
	atReplica := func(id string) bool { return replica.direct.Exists(ctx, "oauth:session:id:"+id).Val() == 1 }
	for _, id := range []string{"a", "b", "c"} {
		if err := store.Put(ctx, id, aSession(1)); err != nil || !atReplica(id) {
			t.Fatal(err, atReplica(id))
		}
	}
	if err := store.Delete(ctx, "a"); err != nil || atReplica("a") {
		t.Fatal(err, atReplica("a"))
	}

	replica.pause()
	for range 2 { // the second time there is nothing to delete any more
		unconfirmed(t, "Delete", hasty.Delete(ctx, "b"), "0 of 1")
	}
	unconfirmed(t, "DeleteBy", hasty.DeleteBy(ctx, "user"), "0 of 1")
	unconfirmed(t, "Put", hasty.Put(ctx, "d", aSession(1)), "0 of 1")
	replica.unpause()
	eventually(t, "working again", func() bool { return store.Delete(ctx, "a") == nil })
	if err := store.Put(ctx, "d", aSession(1)); err != nil { // the one before had got as far as the list of the user
		t.Fatal(err)
	}
	if err := store.DeleteBy(ctx, "user"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"b", "c", "d"} {
		if atReplica(id) {
			t.Errorf("%s is still there", id)
		}
	}
}

// TestReplicasCluster: each node's writes are confirmed by its own replica, and each node's
// policy matters.
func TestReplicasCluster(t *testing.T) {
	r := newNodes(t, 5*time.Millisecond)
	client := r.config.client()
	defer client.Close()
	c := oauthredis.New(client, &oauthredis.Options{Replicas: 1})
	for n := range 60 {
		if added, err := c.AddFor(ctx, "owner", key(n), soon()); !added || err != nil {
			t.Fatal(added, err)
		}
		copies := 0
		for _, pair := range r.pairs {
			copies += len(pair[1].direct.Keys(ctx, "oauth:replay:"+key(n)).Val())
		}
		if copies != 1 {
			t.Fatalf("%d replicas have it", copies)
		}
		add(t, c, key(n), false)
	}
	storetest.Run(t, func() weblogin.Store {
		return oauthredis.NewSessionStore(client, &oauthredis.SessionOptions{Replicas: 1})
	})
	t.Run("one replica hangs", func(t *testing.T) { oneHangs(t, r, client) })
	t.Run("a slot moves", func(t *testing.T) { slotMoves(t, r, client) })
	t.Run("one node evicts", func(t *testing.T) {
		worst := r.pairs[2][0]
		do(t, worst, "config", "set", "maxmemory", "100mb")
		do(t, worst, "config", "set", "maxmemory-policy", "volatile-ttl")
		for n := range 10 {
			if err := refused(t, oauthredis.New(client, nil), 200+n, 2*time.Second); !strings.Contains(err.Error(), "volatile-ttl") {
				t.Error(err)
			}
		}
	})
}

// oneHangs: what has its place at another node goes on.
func oneHangs(t *testing.T, r *redundant, client redis.UniversalClient) {
	const pair = 1
	r.pairs[pair][1].pause()
	defer r.pairs[pair][1].unpause()
	c := oauthredis.New(client, &oauthredis.Options{Replicas: 1, Timeout: confirmTime, PerKey: -1})
	var good, bad int
	for n := 0; n < 30 && (good == 0 || bad == 0); n++ {
		added, err := c.Add(ctx, key(100+n), soon())
		if slotPair(client, "oauth:replay:"+key(100+n)) == pair {
			unconfirmed(t, "Add", err, "0 of 1")
			bad++
		} else if added && err == nil {
			good++
		}
	}
	if good == 0 || bad == 0 {
		t.Errorf("%d keys were accepted, %d not", good, bad)
	}

	// The list of a user's sessions is at another node than the session.
	id, tag := "", ""
	for n := 0; id == "" || tag == ""; n++ {
		if name := fmt.Sprint(n); slotPair(client, "oauth:session:id:"+name) != pair {
			id = name
		} else if slotPair(client, "oauth:session:tag:"+name) == pair {
			tag = name
		}
	}
	sessions := oauthredis.NewSessionStore(client, &oauthredis.SessionOptions{Replicas: 1, Timeout: confirmTime})
	session := aSession(1)
	session.Tags = []string{tag}
	unconfirmed(t, "Put", sessions.Put(ctx, id, session), "0 of 1")
	if session, err := sessions.Get(ctx, id); session != nil || err != nil {
		t.Errorf("%v, %v: a session that no logout finds after a failover", session, err)
	}
}

// slotMoves: new keys are refused until the slot has moved, and none is accepted twice.
func slotMoves(t *testing.T, r *redundant, client redis.UniversalClient) {
	slot := client.ClusterKeySlot(ctx, "oauth:replay:"+key(300)).Val()
	pair := slotPair(client, "oauth:replay:"+key(300))
	from, to := r.pairs[pair][0], r.pairs[(pair+1)%3][0]
	toID := do(t, to, "cluster", "myid")
	do(t, to, "cluster", "setslot", slot, "importing", do(t, from, "cluster", "myid"))
	do(t, from, "cluster", "setslot", slot, "migrating", toID)
	c := oauthredis.New(client, &oauthredis.Options{Replicas: 1})
	refused(t, c, 300, 2*time.Second) // as documented
	add(t, oauthredis.New(client, nil), key(300), true)
	refused(t, c, 300, 2*time.Second)
	do(t, to, "cluster", "setslot", slot, "node", toID)
	do(t, from, "cluster", "setslot", slot, "node", toID)
	add(t, c, key(300), false)
}

// TestReplicasNoNode: a Cluster whose nodes all name another node has not written anything.
func TestReplicasNoNode(t *testing.T) {
	var addr string
	addr = fakeStore(t, func(words []string) string {
		switch strings.ToLower(words[0]) {
		case "hello", "info", "command":
			return "-ERR not known\r\n"
		case "client":
			return "+OK\r\n"
		}
		return "-MOVED 1 " + addr + "\r\n"
	})
	client := redis.NewClusterClient(&redis.ClusterOptions{ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
		return []redis.ClusterSlot{{Start: 0, End: 16383, Nodes: []redis.ClusterNode{{Addr: addr}}}}, nil
	}})
	defer client.Close()
	err := refused(t, oauthredis.New(client, &oauthredis.Options{Replicas: 1}), 1, 2*time.Second)
	if want := "oauthredis: no node of the Cluster has the key at the moment"; err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
}

// TestReplicasAccessControl: the documented permissions are enough.
func TestReplicasAccessControl(t *testing.T) {
	primary, _ := newPair(t, 0)
	do(t, primary, "acl", "setuser", "app", "on", ">"+password, "~oauth:*", "+set", "+get", "+info", "+wait",
		"+hgetall", "+del", "+zrange", "+zrem", "+zremrangebyscore", "+eval", "+evalsha", "+hmget", "+hset", "+pexpireat", "+zadd", "+zrevrange")
	client := primary.client(func(o *redis.Options) { o.Username, o.Password = "app", password })
	// A slow machine may need a while for the first write after the replica has come.
	add(t, oauthredis.New(client, &oauthredis.Options{Replicas: 1, Timeout: 10 * time.Second}), key(1), true)
	store := oauthredis.NewSessionStore(client, &oauthredis.SessionOptions{Replicas: 1, Timeout: 10 * time.Second})
	for name, err := range map[string]error{
		"Put": store.Put(ctx, "a", aSession(1)), "Delete": store.Delete(ctx, "a"), "again": store.Delete(ctx, "a"), "DeleteBy": store.DeleteBy(ctx, "user"),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	do(t, primary, "acl", "setuser", "app", "-wait")
	if err := refused(t, oauthredis.New(client, &oauthredis.Options{Replicas: 1}), 2, 2*time.Second); !strings.HasSuffix(err.Error(), "it answers NOPERM") {
		t.Error(err)
	}
}
