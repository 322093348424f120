//go:build unix

package oauthredis_test

// This file starts Redis servers with replicas, which crash together with the network in
// front of them.

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A link is the network in front of a node. What the node sends to a replica is on the way
// for some time, and lost if the link is cut: a machine that crashes does not send what is
// in its buffers, but a killed process would.
type link struct {
	net.Listener
	lag time.Duration

	mu    sync.Mutex
	to    string // where the node listens; empty while the link is cut
	conns map[net.Conn]bool
}

func newLink(t *testing.T, lag time.Duration) *link {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{Listener: l, lag: lag, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		l.Close()
		k.cut()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go k.serve(c)
		}
	}()
	return k
}

func (k *link) addr() string { return k.Addr().String() }
func (k *link) port() string { return fmt.Sprint(k.Addr().(*net.TCPAddr).Port) }

// join has the link lead to a node.
func (k *link) join(to string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.to = to
}

// cut closes all connections at once, and those that are opened.
func (k *link) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.to = ""
	for c := range k.conns {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	clear(k.conns)
}

// open notes two ends, unless the link is cut.
func (k *link) open(ends ...net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range ends {
		k.conns[c] = true
	}
	return k.to != ""
}

func (k *link) close(ends ...net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range ends {
		c.Close()
		delete(k.conns, c)
	}
}

func (k *link) serve(c net.Conn) {
	k.mu.Lock()
	to := k.to
	k.mu.Unlock()
	node, err := net.Dial("tcp", to) // which fails for no address, too
	if err != nil || to == "" {
		c.Close()
		return
	}
	defer k.close(c, node)
	if !k.open(c, node) {
		return
	}
	slow := make(chan struct{}) // closed when c turns out to be a replica
	go func() {
		defer k.close(c, node)
		replica := false
		buf := make([]byte, 16<<10)
		for {
			n, err := c.Read(buf)
			if !replica && bytes.Contains(buf[:n], []byte("PSYNC")) {
				replica = true
				close(slow)
			}
			if n > 0 {
				if _, err := node.Write(buf[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	k.deliver(c, node, slow)
}

// deliver passes on what a node sends.
func (k *link) deliver(c, node net.Conn, slow chan struct{}) {
	type piece struct {
		data []byte
		due  time.Time
	}
	late := make(chan piece, 1<<12)
	defer close(late)
	go func() {
		for p := range late {
			time.Sleep(time.Until(p.due))
			c.Write(p.data)
		}
	}()
	buf := make([]byte, 16<<10)
	for {
		n, err := node.Read(buf)
		if err != nil {
			return
		}
		select {
		case <-slow:
			late <- piece{bytes.Clone(buf[:n]), time.Now().Add(k.lag)}
		default:
			if _, err := c.Write(buf[:n]); err != nil {
				return
			}
		}
	}
}

// A node is a server that others reach by its link.
type node struct {
	*server
	link   *link
	direct *redis.Client
	extra  []string // arguments of the next start
}

// newNode starts a server that announces its link in place of its port.
func newNode(t *testing.T, lag time.Duration, argv func(n *node, port string) []string) *node {
	t.Helper()
	n := &node{link: newLink(t, lag)}
	n.server = newProcess(t, func(dir, port string) []string {
		args := []string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir, "--repl-diskless-sync-delay", "0"}
		return append(append(args, argv(n, port)...), n.extra...)
	})
	n.link.join(n.addr)
	n.direct = n.client(func(o *redis.Options) { o.MaxRetries, o.DialerRetries = -1, 1 })
	return n
}

// crash is what happens to a machine that loses its power.
func (n *node) crash() {
	n.link.cut()
	n.stop()
}

func (n *node) info(section string) string { return n.direct.Info(ctx, section).Val() }

func (n *node) primary() bool { return strings.Contains(n.info("replication"), "role:master") }

// replicates reports whether n has all that p has, and gets what is new. "Online" does not
// say so: p sends nothing until n has confirmed what it got at first, and if it does that
// before p knows that all was sent, p waits a second for the next time.
func (n *node) replicates(p *node) bool {
	c := p.direct.Conn()
	defer c.Close()
	return strings.Contains(n.info("replication"), "master_link_status:up") &&
		c.FunctionFlush(ctx).Err() == nil && // a write that needs no key, and so no slot
		c.Wait(ctx, 1, 100*time.Millisecond).Val() == 1
}

// A redundant store has pairs of nodes, of which one is the primary and the other its
// replica.
type redundant struct {
	config storeConfig
	pairs  [][2]*node
	// turned reports whether the store knows that a node is the primary now.
	turned func(*node) bool
	// returning are arguments with which a node that has crashed is started again.
	returning func(primary *node) []string
}

// within waits, longer than eventually does.
func within(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// roles returns the primary and the replica of a pair, when they are.
func (r *redundant) roles(t *testing.T, pair int) (primary, replica *node) {
	t.Helper()
	within(t, time.Minute, "a primary with its replica", func() bool {
		primary, replica = r.pairs[pair][0], r.pairs[pair][1]
		if !primary.primary() {
			primary, replica = replica, primary
		}
		return primary.primary() && replica.replicates(primary) && r.turned(primary)
	})
	return primary, replica
}

// newPair starts a primary and its replica.
func newPair(t *testing.T, lag time.Duration) (primary, replica *node) {
	t.Helper()
	announce := func(n *node, _ string) []string {
		return []string{"--replica-announce-ip", "127.0.0.1", "--replica-announce-port", n.link.port()}
	}
	primary, replica = newNode(t, lag, announce), newNode(t, lag, announce)
	if err := replica.direct.ReplicaOf(ctx, "127.0.0.1", primary.link.port()).Err(); err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "the replica", func() bool { return replica.replicates(primary) })
	return primary, replica
}

// newSentinels starts a primary, a replica and three Sentinels.
func newSentinels(t *testing.T, lag time.Duration) *redundant {
	t.Helper()
	a, b := newPair(t, lag)
	r := &redundant{config: storeConfig{Master: "api"}, pairs: [][2]*node{{a, b}}}
	for range 3 {
		s := newProcess(t, func(dir, port string) []string {
			path := filepath.Join(dir, "sentinel.conf")
			if err := os.WriteFile(path, fmt.Appendf(nil, "port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor api 127.0.0.1 %s 2\n"+
				"sentinel down-after-milliseconds api 1000\nsentinel failover-timeout api 3000\n", port, dir, a.link.port()), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{path, "--sentinel"}
		})
		r.config.Addrs = append(r.config.Addrs, s.addr)
	}
	var sentinels []*redis.SentinelClient
	for _, addr := range r.config.Addrs {
		c := redis.NewSentinelClient(&redis.Options{Addr: addr})
		t.Cleanup(func() { c.Close() })
		sentinels = append(sentinels, c)
		within(t, time.Minute, "Sentinels that know each other and the replica", func() bool {
			m := c.Master(ctx, "api").Val()
			return m["num-other-sentinels"] == "2" && m["num-slaves"] == "1"
		})
	}
	r.turned = func(n *node) bool {
		for _, c := range sentinels {
			if a := c.GetMasterAddrByName(ctx, "api").Val(); len(a) != 2 || a[1] != n.link.port() {
				return false
			}
		}
		return true
	}
	r.returning = func(primary *node) []string { return []string{"--replicaof", "127.0.0.1", primary.link.port()} }
	return r
}

// newNodes starts a Cluster of three primaries, each with a replica.
func newNodes(t *testing.T, lag time.Duration) *redundant {
	t.Helper()
	var nodes []*node
	var ids []string
	bus := func(port string) string { // see freeAddr
		p, _ := strconv.Atoi(port)
		return strconv.Itoa(p + 10_000)
	}
	r := &redundant{config: storeConfig{Cluster: true}}
	for i := range 6 {
		n := newNode(t, lag, func(n *node, port string) []string {
			return []string{"--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--cluster-allow-replica-migration", "no",
				"--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port", n.link.port(), "--cluster-announce-bus-port", bus(port)}
		})
		do(t, n, "cluster", "set-config-epoch", i+1)
		if i < 3 {
			do(t, n, "cluster", "addslotsrange", (i*16384+2)/3, ((i+1)*16384+2)/3-1) // see slotPair
		}
		if i > 0 {
			_, port, _ := net.SplitHostPort(n.addr)
			do(t, nodes[0], "cluster", "meet", "127.0.0.1", port, bus(port))
		}
		nodes, ids = append(nodes, n), append(ids, do(t, n, "cluster", "myid").(string))
		r.config.Addrs = append(r.config.Addrs, n.link.addr())
	}
	for i, n := range nodes {
		within(t, time.Minute, "a Cluster", func() bool { return strings.Contains(n.direct.ClusterInfo(ctx).Val(), "cluster_known_nodes:6") })
		if i >= 3 {
			within(t, time.Minute, "a replica", func() bool { return n.direct.ClusterReplicate(ctx, ids[i-3]).Err() == nil })
			r.pairs = append(r.pairs, [2]*node{nodes[i-3], n})
		}
	}
	r.turned = func(n *node) bool {
		for _, n := range nodes {
			if strings.Contains(n.direct.ClusterInfo(ctx).Val(), "cluster_state:fail") { // or it is the one that crashed
				return false
			}
		}
		return n.primary()
	}
	r.returning = func(*node) []string { return nil }
	for pair := range r.pairs {
		r.roles(t, pair)
	}
	return r
}

// slotPair is the pair of newNodes that has a key.
func slotPair(client redis.UniversalClient, key string) int {
	return int(client.ClusterKeySlot(ctx, key).Val()) * 3 / 16384
}

func do(t *testing.T, n *node, args ...any) any {
	t.Helper()
	result, err := n.direct.Do(ctx, args...).Result()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return result
}
