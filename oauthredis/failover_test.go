//go:build unix

package oauthredis_test

// This file tests what happens when primaries of the store crash.

import (
	"fmt"
	"testing"
	"time"

	"example.com/oauth/oauthredis"
)

// TestFailoverCluster: the client of a Cluster finds the new primary although the old one,
// which would tell it, does not come back.
func TestFailoverCluster(t *testing.T) {
	r := newNodes(t, 0)
	client := r.config.client()
	defer client.Close()
	c, sessions := oauthredis.New(client, nil), oauthredis.NewSessionStore(client, nil)
	primary, replica := r.roles(t, 0)
	var keys, ids []string // that this pair has
	for n := 0; len(keys) < 2 || len(ids) < 2; n++ {
		if slotPair(client, "oauth:replay:"+key(n)) == 0 {
			keys = append(keys, key(n))
		}
		if id := fmt.Sprint(n); slotPair(client, "oauth:session:id:"+id) == 0 {
			ids = append(ids, id)
		}
	}
	add(t, c, keys[0], true)
	if err := sessions.Put(ctx, ids[0], aSession(1)); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "replication", func() bool { return replica.direct.DBSize(ctx).Val() == primary.direct.DBSize(ctx).Val() })

	primary.crash()
	within(t, time.Minute, "a failover", func() bool { return r.turned(replica) })
	within(t, 20*time.Second, "the new primary", func() bool {
		added, err := c.Add(ctx, keys[1], soon())
		return added && err == nil
	})
	within(t, 20*time.Second, "the new primary", func() bool { return sessions.Put(ctx, ids[1], aSession(1)) == nil })
	add(t, c, keys[0], false)
	if s, err := sessions.Get(ctx, ids[0]); s == nil || err != nil {
		t.Error(s, err)
	}
}
