//go:build unix

package oauthredis_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthredis"
	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

// add fails the test where Add gives an error or another answer.
func add(t *testing.T, c *oauthredis.ReplayCache, key string, want bool) {
	t.Helper()
	if added, err := c.Add(ctx, key, soon()); err != nil || added != want {
		t.Fatalf("Add: %v, %v, not %v", added, err, want)
	}
}

func has(t *testing.T, c *oauthredis.ReplayCache, key string, want bool) {
	t.Helper()
	if known, err := c.Has(ctx, key); err != nil || known != want {
		t.Fatalf("Has: %v, %v, not %v", known, err, want)
	}
}

func TestAdd(t *testing.T) {
	s := newServer(t)
	client := s.client()
	c := oauthredis.New(client, nil)
	add(t, c, key(1), true)
	add(t, c, key(1), false)
	add(t, c, key(2), true)

	// Another process.
	other := oauthredis.New(s.client(), &oauthredis.Options{})
	add(t, other, key(1), false)
	add(t, other, key(3), true)
	add(t, c, key(3), false)

	// Another prefix is another cache.
	prefixed := oauthredis.New(client, &oauthredis.Options{Prefix: "gateway:"})
	add(t, prefixed, key(1), true)
	add(t, prefixed, key(1), false)
	for _, name := range []string{"oauth:replay:" + key(1), "gateway:" + key(1)} {
		if n := client.Exists(ctx, name).Val(); n != 1 {
			t.Errorf("the store has no %s", name)
		}
	}

	// Has says it without recording anything.
	has(t, c, key(3), true)
	has(t, other, key(1), true)
	has(t, prefixed, key(3), false)
	add(t, prefixed, key(3), true)

	var _ interface {
		oauth.ReplayCache
		Has(ctx context.Context, key string) (bool, error)
	} = c
}

func TestExpiry(t *testing.T) {
	s := newServer(t)
	client := s.client()
	now := time.Date(2001, 2, 3, 4, 5, 6, 700_800_900, time.UTC) // the store's clock does not matter
	for i, test := range []struct {
		name       string
		left       time.Duration
		difference time.Duration
		want       time.Duration // what the store keeps it for
	}{
		{"a minute", time.Minute, 0, 90 * time.Second},
		{"a second", time.Second, -1, time.Second},
		{"a part of a second", 1500 * time.Millisecond, -1, 1500 * time.Millisecond},
		{"a difference", time.Second, 2 * time.Second, 3 * time.Second},
		{"a day and an hour", 25 * time.Hour, 1<<63 - 1, 50 * time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := oauthredis.New(client, &oauthredis.Options{Now: func() time.Time { return now }, ClockDifference: test.difference})
			if added, err := c.Add(ctx, key(i), now.Add(test.left)); !added || err != nil {
				t.Fatal(added, err)
			}
			if kept := client.PTTL(ctx, "oauth:replay:"+key(i)).Val(); kept > test.want+time.Millisecond || kept < test.want-500*time.Millisecond {
				t.Errorf("is kept for %v, not %v", kept, test.want)
			}
		})
	}

	t.Run("is forgotten", func(t *testing.T) {
		c := oauthredis.New(client, &oauthredis.Options{ClockDifference: -1})
		for i, left := range []time.Duration{1, 100 * time.Millisecond} {
			begin := time.Now()
			until := begin.Add(left)
			frozen := oauthredis.New(client, &oauthredis.Options{ClockDifference: -1, Now: func() time.Time { return begin }})
			if added, err := frozen.Add(ctx, key(100+i), until); !added || err != nil {
				t.Fatal(added, err)
			}
			eventually(t, "forgetting the key", func() bool {
				added, err := c.Add(ctx, key(100+i), soon())
				if err != nil {
					t.Fatal(err)
				}
				if added && time.Now().Before(until) {
					t.Fatalf("forgotten before the %v are over", left)
				}
				return added
			})
		}
	})

	// Nothing that is used once is good for so long: the store would be full for ever.
	t.Run("too long", func(t *testing.T) {
		c := oauthredis.New(client, &oauthredis.Options{Now: func() time.Time { return now }})
		for _, until := range []time.Time{now.Add(25*time.Hour + 1), now.AddDate(292, 0, 0), now.AddDate(293, 0, 0), time.Unix(1<<53, 0)} {
			added, err := c.Add(ctx, key(300), until)
			if added || !errors.Is(err, oauth.ErrUnavailable) || !strings.Contains(err.Error(), "25h0m0s") {
				t.Errorf("until %v: %v, %v", until, added, err)
			}
		}
		if n := client.Exists(ctx, "oauth:replay:"+key(300)).Val(); n != 0 {
			t.Error("it is recorded")
		}
	})

	t.Run("over before", func(t *testing.T) {
		c := oauthredis.New(client, &oauthredis.Options{Now: func() time.Time { return now }})
		for _, until := range []time.Time{now, now.Add(-1), now.Add(-time.Hour), {}} {
			added, err := c.Add(ctx, key(200), until)
			if added || !errors.Is(err, oauth.ErrUnavailable) {
				t.Errorf("until %v: %v, %v", until, added, err)
			}
		}
		if n := client.Exists(ctx, "oauth:replay:"+key(200)).Val(); n != 0 {
			t.Error("it was recorded")
		}
	})
}

// TestConcurrent: none of many keys is lost, none is accepted twice.
func TestConcurrent(t *testing.T) {
	s := newServer(t)
	const keys, workers = 10_000, 64
	caches := []*oauthredis.ReplayCache{
		oauthredis.New(s.client(), &oauthredis.Options{Timeout: 10 * time.Second}),
		oauthredis.New(s.client(), &oauthredis.Options{Timeout: 10 * time.Second}),
	}
	for round, want := range []int64{keys, 0} {
		var next, added atomic.Int64
		var group sync.WaitGroup
		for w := range workers {
			group.Go(func() {
				for n := next.Add(1); n <= keys; n = next.Add(1) {
					// the other one of the two in the second round
					ok, err := caches[(w+round)%2].Add(ctx, key(int(n)), soon())
					if err != nil {
						t.Error(err)
						return
					}
					if ok {
						added.Add(1)
					}
				}
			})
		}
		group.Wait()
		if got := added.Load(); got != want {
			t.Errorf("round %d: %d of %d keys were new, not %d", round+1, got, keys, want)
		}
	}
	if n := s.client().DBSize(ctx).Val(); n != keys {
		t.Errorf("the store has %d keys, not %d", n, keys)
	}
}

func TestOneWins(t *testing.T) {
	s := newServer(t)
	caches := []*oauthredis.ReplayCache{oauthredis.New(s.client(), nil), oauthredis.New(s.client(), nil)}
	for i := range 20 {
		var winners atomic.Int64
		var group sync.WaitGroup
		start := make(chan struct{})
		for g := range 100 {
			group.Go(func() {
				<-start
				ok, err := caches[g%2].Add(ctx, key(i), soon())
				if err != nil {
					t.Error(err)
				}
				if ok {
					winners.Add(1)
				}
			})
		}
		close(start)
		group.Wait()
		if n := winners.Load(); n != 1 {
			t.Fatalf("key %d: %d of 100 were told that it is new", i, n)
		}
	}
}

// refused asks for a new key, and wants an error in the time that is allowed.
func refused(t *testing.T, c *oauthredis.ReplayCache, n int, within time.Duration) error {
	t.Helper()
	begin := time.Now()
	added, err := c.Add(ctx, key(n), soon())
	if took := time.Since(begin); took > within {
		t.Errorf("Add took %v, over %v", took, within)
	}
	if added || !errors.Is(err, oauth.ErrUnavailable) {
		t.Fatalf("Add: %v, %v", added, err)
	}
	return err
}

const slack = 500 * time.Millisecond // of a busy machine

func TestStopped(t *testing.T) {
	s := newServer(t)
	const timeout = 300 * time.Millisecond
	c := oauthredis.New(s.client(), &oauthredis.Options{Timeout: timeout})
	add(t, c, key(1), true)
	s.stop()
	for n := range 5 {
		t.Log(refused(t, c, 10+n, timeout+slack))
	}
	begin := time.Now()
	if known, err := c.Has(ctx, key(1)); known || !errors.Is(err, oauth.ErrUnavailable) || time.Since(begin) > timeout+slack {
		t.Errorf("Has: %v, %v after %v", known, err, time.Since(begin))
	}
	// The pool remembers that it cannot connect after so many failures.
	var group sync.WaitGroup
	for n := range 100 {
		group.Go(func() { refused(t, c, 100+n, timeout+slack) })
	}
	group.Wait()

	s.restart()
	eventually(t, "working again", func() bool {
		added, err := c.Add(ctx, key(2), soon())
		if err == nil && !added {
			t.Fatal("a new key is known")
		}
		return added
	})
	add(t, c, key(2), false)
}

// TestPersistence: what was recorded before a crash is known after it, with the
// settings that the package doc has for that.
func TestPersistence(t *testing.T) {
	s := newServer(t, "--appendonly", "yes", "--appendfsync", "always")
	c := oauthredis.New(s.client(), nil)
	for n := range 100 {
		add(t, c, key(n), true)
	}
	s.stop()
	s.restart()
	eventually(t, "working again", func() bool {
		_, err := c.Add(ctx, key(1000), soon())
		return err == nil
	})
	for n := range 100 {
		add(t, c, key(n), false)
	}
}

// TestStoppedReason: with fewer repeats than there is time for, the error says
// what is wrong.
func TestStoppedReason(t *testing.T) {
	s := newServer(t)
	client := s.client(func(o *redis.Options) { o.DialerRetries, o.MaxRetries = 1, -1 })
	c := oauthredis.New(client, nil)
	s.stop()
	want := "oauthredis: the store cannot be asked: dial " + s.addr + ": connection refused"
	if err := refused(t, c, 1, time.Second); err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
	client.Close()
	want = "oauthredis: the store cannot be asked: the client is closed"
	if err := refused(t, c, 1, time.Second); err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
}

// TestHanging: a store that accepts connections and does not answer is given up
// in time, also by a client that does not heed contexts there.
func TestHanging(t *testing.T) {
	for _, heeds := range []bool{false, true} {
		t.Run(fmt.Sprintf("ContextTimeoutEnabled=%v", heeds), func(t *testing.T) {
			s := newServer(t)
			const timeout = 200 * time.Millisecond
			c := oauthredis.New(s.client(func(o *redis.Options) {
				o.ContextTimeoutEnabled, o.ReadTimeout, o.PoolSize = heeds, 2*time.Second, 5
			}), &oauthredis.Options{Timeout: timeout})
			add(t, c, key(1), true)
			s.pause()
			var group sync.WaitGroup
			for n := range 50 {
				group.Go(func() {
					err := refused(t, c, 10+n, timeout+slack)
					if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "in use") {
						t.Error(err)
					}
				})
			}
			group.Wait()
			s.unpause()
			eventually(t, "working again", func() bool {
				added, err := c.Add(ctx, key(2), soon())
				return added && err == nil
			})
			add(t, c, key(1), false) // it was never forgotten
		})
	}
}

func TestContext(t *testing.T) {
	s := newServer(t)
	c := oauthredis.New(s.client(), nil)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for range 20 {
		if added, err := c.Add(ended, key(1), soon()); added || !errors.Is(err, context.Canceled) || !errors.Is(err, oauth.ErrUnavailable) {
			t.Fatal(added, err)
		}
	}
}

// A lossy is a proxy that passes a number of commands with that word in them to the store
// and drops the connection in place of the answer.
type lossy struct {
	net.Listener
	store string
	word  string
	lose  atomic.Int64
	lost  atomic.Int64
}

func newLossy(t *testing.T, s *server, word string) *lossy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &lossy{Listener: l, store: s.addr, word: word}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *lossy) serve(c net.Conn) {
	defer c.Close()
	store, err := net.Dial("tcp", p.store)
	if err != nil {
		return
	}
	defer store.Close()
	request, answer := make([]byte, 64<<10), make([]byte, 64<<10)
	for { // no test here sends a request before it has the answer to the one before
		n, err := c.Read(request)
		if err != nil {
			return
		}
		if _, err := store.Write(request[:n]); err != nil {
			return
		}
		m, err := store.Read(answer)
		if err != nil {
			return
		}
		if bytes.Contains(request[:n], []byte(p.word)) && p.lose.Add(-1) >= 0 {
			p.lost.Add(1)
			return
		}
		if _, err := c.Write(answer[:m]); err != nil {
			return
		}
	}
}

// TestLostAnswer: the store recorded the key, and its answer did not arrive.
func TestLostAnswer(t *testing.T) {
	s := newServer(t)
	p := newLossy(t, s, "\r\nset\r\n")
	direct := oauthredis.New(s.client(), nil)
	through := func(maxRetries int) *oauthredis.ReplayCache {
		return oauthredis.New(s.client(func(o *redis.Options) { o.Addr, o.MaxRetries, o.DisableIdentity = p.Addr().String(), maxRetries, true }), nil)
	}

	repeating := through(0) // the default, which is three times
	p.lose.Store(2)
	add(t, repeating, key(1), true) // its own key
	if n := p.lost.Load(); n != 2 {
		t.Fatalf("%d answers were lost", n)
	}
	add(t, repeating, key(1), false)
	add(t, direct, key(1), false)

	add(t, direct, key(2), true)
	p.lose.Store(1)
	add(t, repeating, key(2), false) // another's

	once := through(-1)
	p.lose.Store(1)
	err := refused(t, once, 3, time.Second)
	if !strings.Contains(err.Error(), "connection was closed") {
		t.Error(err)
	}
	add(t, once, key(3), false) // never accepted, and safe
	add(t, direct, key(3), false)
}

const password = "correct-horse-battery-staple"

// TestErrorsWithoutSecrets: whatever the store says, the error does not.
func TestErrorsWithoutSecrets(t *testing.T) {
	check := func(t *testing.T, err error, want string) {
		t.Helper()
		for e := []error{err}; len(e) > 0; e = e[1:] {
			for _, text := range []string{e[0].Error(), fmt.Sprintf("%+v", e[0]), fmt.Sprintf("%#v", e[0])} {
				if strings.Contains(text, password) || strings.Contains(text, key(1)) {
					t.Errorf("has a secret: %s", text)
				}
			}
			switch u := e[0].(type) {
			case interface{ Unwrap() error }:
				if u.Unwrap() != nil {
					e = append(e, u.Unwrap())
				}
			case interface{ Unwrap() []error }:
				e = append(e, u.Unwrap()...)
			}
		}
		if !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v does not end with %q", err, want)
		}
	}
	with := func(o *redis.Options) { o.Username, o.Password, o.MaxRetries, o.DialerRetries = "app", password, -1, 1 }

	t.Run("a wrong password", func(t *testing.T) {
		s := newServer(t, "--requirepass", "another")
		check(t, refused(t, oauthredis.New(s.client(with), nil), 1, 2*time.Second), "it answers WRONGPASS")
		check(t, refused(t, oauthredis.New(s.client(), nil), 1, 2*time.Second), "it answers NOAUTH")
	})
	t.Run("full", func(t *testing.T) {
		s := newServer(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction")
		check(t, refused(t, oauthredis.New(s.client(), nil), 1, 2*time.Second), "it answers OOM")
	})
	t.Run("not a string", func(t *testing.T) {
		s := newServer(t)
		s.client().LPush(ctx, "oauth:replay:"+key(1), "x")
		check(t, refused(t, oauthredis.New(s.client(), nil), 1, 2*time.Second), "it answers WRONGTYPE")
	})

	// Stores that quote what they were sent, or say something else.
	for _, test := range []struct{ name, answer, want string }{
		{"quotes", "-ERR unknown command, with args beginning with: %s\r\n", "it answers ERR"},
		{"begins with it", "-%s\r\n", "it answers an error"},
		{"is an integer", ":7\r\n", "*errors.errorString"},
		{"is no protocol", "%s\r\n", "*errors.errorString"},
		{"is another status", "+%s\r\n", ""},
		{"is cut off", "+", "the connection was closed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			addr := fakeStore(t, func(words []string) string {
				return strings.ReplaceAll(test.answer, "%s", strings.Join(words, " ")+" "+password)
			})
			c := oauthredis.New(redis.NewClient(&redis.Options{
				Addr: addr, Username: "app", Password: password, MaxRetries: -1, DialerRetries: 1,
			}), nil)
			added, err := c.Add(ctx, key(1), soon())
			if added {
				t.Fatal("is new")
			}
			if err == nil {
				t.Fatal("is known")
			}
			t.Log(err)
			check(t, err, test.want)
		})
	}

	t.Run("the program's dialer", func(t *testing.T) {
		c := oauthredis.New(redis.NewClient(&redis.Options{
			Addr: "store.example.com:6379", MaxRetries: -1, DialerRetries: 1,
			Dialer: func(context.Context, string, string) (net.Conn, error) {
				return nil, errors.New("cannot reach redis://app:" + password + "@store.example.com")
			},
		}), nil)
		check(t, refused(t, c, 1, 2*time.Second), "*errors.errorString")
	})
}

// fakeStore returns an address at which commands are answered like that. After an answer
// that is no whole line, the connection is closed.
func fakeStore(t *testing.T, answer func(words []string) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveFake(c, answer)
		}
	}()
	return l.Addr().String()
}

func serveFake(c net.Conn, answer func(words []string) string) {
	defer c.Close()
	in := bufio.NewReader(c)
	for { // one array of bulk strings at a time
		var n, size int
		if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
			return
		}
		var words []string
		for range n {
			if _, err := fmt.Fscanf(in, "$%d\r\n", &size); err != nil {
				return
			}
			word := make([]byte, size+2)
			if _, err := io.ReadFull(in, word); err != nil {
				return
			}
			words = append(words, string(word[:size]))
		}
		text := answer(words)
		if _, err := io.WriteString(c, text); err != nil || !strings.HasSuffix(text, "\n") {
			return
		}
	}
}

func TestCluster(t *testing.T) {
	c := oauthredis.New(newCluster(t), nil)
	for n := range 50 {
		add(t, c, key(n), true)
		add(t, c, key(n), false)
	}
	has(t, c, key(1), true)
	has(t, c, key(50), false)
}

func TestNewPanics(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer ring.Close()
	for name, f := range map[string]func(){
		"nil":              func() { oauthredis.New(nil, nil) },
		"a ring":           func() { oauthredis.New(ring, nil) },
		"a negative bound": func() { oauthredis.New(client, &oauthredis.Options{Timeout: -1}) },
		"no replicas":      func() { oauthredis.New(client, &oauthredis.Options{Replicas: -1}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if r, _ := recover().(string); !strings.HasPrefix(r, "oauthredis: New: ") {
					t.Errorf("recovered %q", r)
				}
			}()
			f()
		})
	}
}

// A beforeGet calls a function before each GET.
type beforeGet func()

func (f beforeGet) DialHook(next redis.DialHook) redis.DialHook { return next }
func (f beforeGet) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "get" {
			f()
		}
		return next(ctx, cmd)
	}
}
func (f beforeGet) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestExpiredMeanwhile: a known key that is gone when it is looked at is refused.
func TestExpiredMeanwhile(t *testing.T) {
	s := newServer(t)
	client, store := s.client(), s.client()
	client.AddHook(beforeGet(func() {
		if err := store.Del(ctx, "oauth:replay:"+key(1)).Err(); err != nil {
			t.Error(err)
		}
	}))
	c, other := oauthredis.New(client, nil), oauthredis.New(store, nil)
	add(t, other, key(1), true)
	add(t, c, key(1), false)
	add(t, c, key(1), true)
}

// TestAccessControl: the user that the README describes is enough.
func TestAccessControl(t *testing.T) {
	s := newServer(t, "--user", "app", "on", ">"+password, "~oauth:replay:*", "+set", "+get", "+del", "+incr", "+pexpire", "+multi", "+exec", "+watch", "+unwatch", "+info")
	client := s.client(func(o *redis.Options) { o.Username, o.Password = "app", password })
	c := oauthredis.New(client, nil)
	add(t, c, key(1), true)
	add(t, c, key(1), false)
	has(t, c, key(1), true)
	if added, err := c.AddFor(ctx, "owner", key(2), soon()); !added || err != nil {
		t.Error(added, err)
	}
	few := oauthredis.New(client, &oauthredis.Options{PerKey: 1})
	if added, err := few.AddFor(ctx, "owner", key(3), soon()); added || !errors.Is(err, oauth.ErrRateLimited) {
		t.Error(added, err)
	}
	has(t, c, key(3), false)
	err := refused(t, oauthredis.New(client, &oauthredis.Options{Prefix: "another:"}), 1, 2*time.Second)
	if !strings.HasSuffix(err.Error(), "it answers NOPERM") {
		t.Error(err)
	}
}

// TestAddFor: what one owner has recorded is counted by all processes together, for two
// minutes; a known key does not count, and one that is refused is not recorded.
func TestAddFor(t *testing.T) {
	s := newServer(t)
	client := s.client()
	now := time.Now()
	clock := func() time.Time { return now }
	one := oauthredis.New(client, &oauthredis.Options{PerKey: 3, Now: clock})
	two := oauthredis.New(s.client(), &oauthredis.Options{PerKey: 3, Now: clock})
	free := oauthredis.New(client, &oauthredis.Options{PerKey: -1, Now: clock})
	try := func(c *oauthredis.ReplayCache, owner string, n int, want bool, kind error) {
		t.Helper()
		added, err := c.AddFor(ctx, owner, key(n), now.Add(time.Minute))
		if added != want || !errors.Is(err, kind) || kind == nil && err != nil {
			t.Fatalf("%s %d: %v, %v", owner, n, added, err)
		}
	}
	try(one, "a", 1, true, nil)
	for range 5 {
		try(two, "a", 1, false, nil)
	}
	try(two, "a", 2, true, nil)
	try(one, "a", 3, true, nil)
	try(one, "a", 4, false, oauth.ErrRateLimited)
	try(two, "a", 4, false, oauth.ErrRateLimited)
	try(two, "a", 3, false, nil) // that one is known
	try(one, "b", 4, true, nil)  // nothing of it is left
	try(free, "a", 5, true, nil)

	counters := client.Keys(ctx, "oauth:replay:count:*").Val()
	if len(counters) != 2 {
		t.Errorf("the counters are %q", counters)
	}
	for _, name := range counters {
		if life := client.PTTL(ctx, name).Val(); life <= 0 || life > 5*time.Minute {
			t.Errorf("%s is kept for %v", name, life)
		}
	}
	now = now.Add(2 * time.Minute)
	try(one, "a", 6, true, nil)

	// By default it is as many as in the memory of package oauth.
	usual := oauthredis.New(client, &oauthredis.Options{Now: clock})
	last := fmt.Sprintf("oauth:replay:count:%d:c", now.Unix()/120)
	client.Set(ctx, last, 1<<14-1, time.Minute)
	try(usual, "c", 7, true, nil)
	try(usual, "c", 8, false, oauth.ErrRateLimited)

	// A store that is away is ErrUnavailable, and never the owner's fault.
	s.stop()
	added, err := one.AddFor(ctx, "a", key(9), now.Add(time.Minute))
	if added || !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, oauth.ErrRateLimited) {
		t.Error(added, err)
	}
	for _, until := range []time.Time{now, now.AddDate(293, 0, 0)} {
		if added, err := one.AddFor(ctx, "a", key(9), until); added || !errors.Is(err, oauth.ErrUnavailable) {
			t.Error(added, err)
		}
	}
}

// TestAddForCounts: where the counter cannot be had, the key does not pass.
func TestAddForCounts(t *testing.T) {
	s := newServer(t, "--user", "app", "on", ">"+password, "~oauth:replay:*", "+set", "+get", "+del", "+multi", "+exec")
	client := s.client(func(o *redis.Options) { o.Username, o.Password = "app", password })
	added, err := oauthredis.New(client, nil).AddFor(ctx, "a", key(1), soon())
	if added || !errors.Is(err, oauth.ErrUnavailable) {
		t.Error(added, err)
	}
}

// TestAddForDropsItsOwn: what was over the share is taken out again, unless somebody
// else has recorded it meanwhile.
func TestAddForDropsItsOwn(t *testing.T) {
	for _, after := range []string{"watch", "get"} {
		t.Run(after, func(t *testing.T) {
			s := newServer(t)
			client, other := s.client(), s.client()
			c := oauthredis.New(client, &oauthredis.Options{PerKey: 1})
			if added, err := c.AddFor(ctx, "owner", key(1), soon()); !added || err != nil {
				t.Fatal(added, err)
			}
			name := "oauth:replay:" + key(2)
			client.AddHook(afterCommand{after, func() { other.Set(ctx, name, "another call's", time.Minute) }})
			if added, err := c.AddFor(ctx, "owner", key(2), soon()); added || !errors.Is(err, oauth.ErrRateLimited) {
				t.Error(added, err)
			}
			if got := other.Get(ctx, name).Val(); got != "another call's" {
				t.Errorf("the store has %q", got)
			}
		})
	}
}

// An afterCommand is a hook that does something once a command was answered.
type afterCommand struct {
	name string
	do   func()
}

func (afterCommand) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h afterCommand) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if cmd.Name() == h.name {
			h.do()
		}
		return err
	}
}

func (afterCommand) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
