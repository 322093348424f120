//go:build unix

package oauthredis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthredis"
	"github.com/redis/go-redis/v9"
)

// TestEviction: a store that would delete proofs or sessions is refused, and named.
func TestEviction(t *testing.T) {
	for _, test := range []struct {
		name    string
		args    []string
		want    string // the policy that the error names; empty if there is none
		options oauthredis.Options
	}{
		{name: "the default"},
		{name: "no limit", args: []string{"--maxmemory", "0", "--maxmemory-policy", "allkeys-lru"}},
		{name: "noeviction", args: []string{"--maxmemory", "100mb", "--maxmemory-policy", "noeviction"}},
		{name: "all", args: []string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, want: "allkeys-lru"},
		{name: "volatile", args: []string{"--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"}, want: "volatile-ttl"},
		{name: "allowed", args: []string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, options: oauthredis.Options{InsecureAllowEviction: true}},
		{name: "not to be asked", args: []string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--rename-command", "INFO", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, test.args...)
			c := oauthredis.New(s.client(), &test.options)
			sessions := oauthredis.NewSessionStore(s.client(), &oauthredis.SessionOptions{InsecureAllowEviction: test.options.InsecureAllowEviction})
			if test.want == "" {
				add(t, c, key(1), true)
				if err := sessions.Put(ctx, "a", aSession(1)); err != nil {
					t.Error(err)
				}
				return
			}
			want := "oauthredis: the store deletes keys when its memory is short: its maxmemory-policy is " + test.want +
				", and must be noeviction (Options.InsecureAllowEviction)"
			for n := range 3 { // also while the answer of the first time counts
				if err := refused(t, c, n, time.Second); err.Error() != want {
					t.Errorf("%v, not %s", err, want)
				}
				if err := sessions.Put(ctx, "a", aSession(1)); err == nil || err.Error() != want || !errors.Is(err, oauth.ErrUnavailable) {
					t.Errorf("%v, not %s", err, want)
				}
			}
			if n := s.client().DBSize(ctx).Val(); n != 0 {
				t.Errorf("%d keys were written", n)
			}
			// It is put right, and nothing is started again.
			s.client().ConfigSet(ctx, "maxmemory-policy", "noeviction")
			eventually(t, "accepting", func() bool {
				added, err := c.Add(ctx, key(9), soon())
				return added && err == nil
			})
			eventually(t, "sessions", func() bool { return sessions.Put(ctx, "a", aSession(1)) == nil })
		})
	}
}

// TestEvictionCluster: a Cluster is asked, too.
func TestEvictionCluster(t *testing.T) {
	client := newCluster(t, "--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru")
	if err := refused(t, oauthredis.New(client, nil), 1, time.Second); !strings.Contains(err.Error(), " is volatile-lru, ") {
		t.Error(err)
	}
	add(t, oauthredis.New(client, &oauthredis.Options{InsecureAllowEviction: true}), key(1), true)
}

// TestEvictionUnknown: a policy that is none of those of Redis is refused, and not repeated.
func TestEvictionUnknown(t *testing.T) {
	addr := fakeStore(t, func(words []string) string {
		if strings.EqualFold(words[0], "info") {
			text := "maxmemory:9\r\nmaxmemory_policy:" + password + "\r\n"
			return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
		}
		return "-ERR no\r\n"
	})
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	if err := refused(t, oauthredis.New(c, nil), 1, time.Second); strings.Contains(err.Error(), password) || !strings.Contains(err.Error(), " is not a known one, ") {
		t.Error(err)
	}
}

// TestEvictionLater: the policy is looked at again every minute, and a second after it was
// bad or could not be had.
func TestEvictionLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, hangs atomic.Int64
		var info atomic.Value // the answer
		policy := func(name string) {
			text := "# Memory\r\nmaxmemory:1000\r\nmaxmemory_policy:" + name + "\r\n"
			info.Store(fmt.Sprintf("$%d\r\n%s\r\n", len(text), text))
		}
		client := pipedStore(func(words []string) string {
			switch strings.ToLower(words[0]) {
			case "info":
				asked.Add(1)
				time.Sleep(time.Duration(hangs.Load()))
				return info.Load().(string)
			case "set":
				return "+OK\r\n"
			}
			return "-ERR no\r\n"
		})
		defer client.Close()
		c := oauthredis.New(client, nil)
		n := 0
		try := func(what string, want bool, asks int64) {
			t.Helper()
			before := asked.Load()
			for range 3 {
				n++
				if added, err := c.Add(t.Context(), key(n), soon()); added != want || (err == nil) != want {
					t.Fatalf("%s: %v, %v", what, added, err)
				}
			}
			if got := asked.Load() - before; got != asks {
				t.Errorf("%s: it was asked %d times, not %d", what, got, asks)
			}
		}
		policy("noeviction")
		try("first", true, 1)
		policy("allkeys-lfu")
		time.Sleep(59 * time.Second)
		try("within the minute", true, 0)
		time.Sleep(time.Second)
		try("after the minute", false, 1)
		time.Sleep(time.Second)
		try("still bad", false, 1)
		time.Sleep(time.Second)
		info.Store("") // the connection breaks
		try("no answer to what was bad", false, 1)
		policy("noeviction")
		try("within the second", false, 0)
		time.Sleep(time.Second)
		try("put right", true, 1)
		time.Sleep(time.Minute)
		info.Store("")
		try("no answer to what was good", true, 1)
		policy("volatile-lru")
		hangs.Store(int64(2 * time.Second))
		time.Sleep(time.Second)
		begin := time.Now()
		try("none yet", true, 1)
		if waited := time.Since(begin); waited != time.Second/4 {
			t.Errorf("a call waited for %v", waited)
		}
		hangs.Store(0)
		time.Sleep(2 * time.Second)
		try("a late answer", false, 0)
	})
}

// pipedStore is a client of a fake store without a network, for a bubble.
func pipedStore(answer func(words []string) string) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: "192.0.2.1:6379", MaxRetries: -1, DialerRetries: 1,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			c, store := net.Pipe()
			go serveFake(store, answer)
			return c, nil
		},
	})
}
