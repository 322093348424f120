//go:build unix

package oauthredis_test

// This file starts the Redis that the tests talk to.

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

func init() {
	logging.Disable() // of go-redis, about each connection that a stopped store refuses
}

// endsWithTheTest is for processes that nobody else ends where a test panics.
var endsWithTheTest *syscall.SysProcAttr

// skipRedis is set where these tests cannot run, and somebody wants it so.
const skipRedis = "OAUTH_SKIP_REDIS"

// A server is a redis-server in a directory of its own, on loopback.
type server struct {
	t    testing.TB
	path string
	dir  string
	addr string
	argv func(dir, port string) []string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// newServer starts a server with the arguments beside those that all have. It
// ends with the test.
func newServer(t testing.TB, args ...string) *server {
	t.Helper()
	return newProcess(t, func(dir, port string) []string {
		return append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir}, args...)
	})
}

// newProcess starts a redis-server with the arguments that argv makes for its directory and
// its port.
func newProcess(t testing.TB, argv func(dir, port string) []string) *server {
	t.Helper()
	if os.Getenv(skipRedis) != "" {
		t.Skip(skipRedis + " is set")
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("redis-server is missing: install it (Debian package redis-server), or set %s=1 to go without these tests", skipRedis)
	}
	s := &server{t: t, path: path, argv: argv, dir: t.TempDir()}
	t.Cleanup(s.stop)
	for range 5 { // somebody else may take the port before the server does
		s.addr = freeAddr(t)
		if s.start() {
			return s
		}
	}
	t.Fatalf("redis-server does not start: %s", s.log.Bytes())
	return nil
}

// freeAddr is an address on loopback that nothing listens at. A node of a Cluster listens
// 10,000 ports above, too.
func freeAddr(t testing.TB) string {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if a := l.Addr().(*net.TCPAddr); a.Port+10_000 <= 65_535 {
			return a.String()
		}
	}
}

// start starts the server, again on its port, and waits until it answers.
func (s *server) start() bool {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	s.log.Reset()
	s.cmd = exec.Command(s.path, s.argv(s.dir, port)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.SysProcAttr = endsWithTheTest
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for range 500 {
		if c, err := net.Dial("tcp", s.addr); err == nil {
			fmt.Fprint(c, "PING\r\n")
			c.SetReadDeadline(time.Now().Add(time.Second))
			n, err := c.Read(make([]byte, 1))
			c.Close()
			if n == 1 && err == nil {
				return true
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.stop()
	return false
}

// restart starts the server after stop.
func (s *server) restart() {
	s.t.Helper()
	if !s.start() {
		s.t.Fatalf("redis-server does not start again: %s", s.log.Bytes())
	}
}

// stop kills the server.
func (s *server) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// pause makes the server hang, and unpause go on.
func (s *server) pause()   { s.cmd.Process.Signal(syscall.SIGSTOP) }
func (s *server) unpause() { s.cmd.Process.Signal(syscall.SIGCONT) }

// client is a client with go-redis's defaults but for what edit changes.
func (s *server) client(edit ...func(*redis.Options)) *redis.Client {
	o := &redis.Options{Addr: s.addr}
	for _, f := range edit {
		f(o)
	}
	c := redis.NewClient(o)
	s.t.Cleanup(func() { c.Close() })
	return c
}

// newCluster returns a client of a Cluster of one node, which has all slots.
func newCluster(t *testing.T, args ...string) redis.UniversalClient {
	t.Helper()
	s := newServer(t, append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "1000"}, args...)...)
	if err := s.client().ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster", func() bool {
		return strings.Contains(s.client().ClusterInfo(ctx).Val(), "cluster_state:ok")
	})
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{s.addr}, IsClusterMode: true})
	t.Cleanup(func() { client.Close() })
	if _, ok := client.(*redis.ClusterClient); !ok {
		t.Fatalf("a %T", client)
	}
	return client
}

// key is one that package oauth could have made.
func key(n int) string {
	k := []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")
	return string(append(k[:43-8], fmt.Sprintf("%08s", strconv.Itoa(n))...))
}

func soon() time.Time { return time.Now().Add(time.Minute) }

// eventually asks until ok, for ten seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within ten seconds", what)
		}
	}
}
