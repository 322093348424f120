//go:build unix

package oauthredis_test

// This file tests that no proof is accepted twice while primaries of the store crash, and
// counts how many are if nobody waits for their replicas.

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth/oauthredis"
	"github.com/redis/go-redis/v9"
)

// failoversEnv is how many failovers each kind of store has, in place of the few for which
// there is time every day. Without it, that of the last kind is not counted.
const failoversEnv = "OAUTHREDIS_FAILOVERS"

const (
	failoverLag  = 50 * time.Millisecond // that a replica is behind
	failoverRate = 320                   // proofs a second, if answers took no time
	loadWorkers  = 32
)

// TestFailover: two processes serve an API, and one after the other the primaries of their
// store crash, each with what it had not yet sent to its replica. With Replicas, no proof
// is accepted twice and none that was accepted is missing in the store. Without, this test
// sees that some are.
func TestFailover(t *testing.T) {
	for _, test := range []struct {
		name     string
		start    func(*testing.T, time.Duration) *redundant
		replicas int
		times    int
	}{
		{"Sentinel", newSentinels, 1, 3},
		{"Cluster", newNodes, 1, 3},
		{"Sentinel without Replicas", newSentinels, 0, 1},
		{"Cluster without Replicas", newNodes, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if n, err := strconv.Atoi(os.Getenv(failoversEnv)); err == nil {
				test.times = n
			}
			if test.times == 0 {
				t.Skip("it shows what Sentinel without Replicas does; " + failoversEnv + " counts it")
			}
			r := test.start(t, failoverLag)
			cfg := processConfig{Store: r.config}
			cfg.Options.Replicas, cfg.Options.PerKey = test.replicas, 1<<20 // all proofs are of one key
			l := startLoad(t, newAPIClient(t, cfg), r)
			for n := 0; n < test.times || n < 5 && test.replicas == 0 && l.missing == 0; n++ { // a crash between two proofs loses none
				l.failover()
			}
			l.report()
			switch {
			case test.replicas > 0 && (l.twice > 0 || l.missing > 0):
				t.Errorf("%d proofs were accepted twice, %d that were accepted are missing", l.twice, l.missing)
			case test.replicas == 0 && (l.twice == 0 || l.missing == 0):
				t.Error("no proof was lost: does this test see when one is?")
			}
		})
	}
}

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

// A sentProof is a proof with what came of it.
type sentProof struct {
	proof  string
	key    string // in the store
	at     time.Time
	status int
}

// A load is that of clients, each of whose proofs is new.
type load struct {
	*apiClient
	store  *redundant
	client redis.UniversalClient
	stop   chan struct{}
	group  sync.WaitGroup

	mu     sync.Mutex
	recent []sentProof // since the last failover was judged
	failed [2]time.Time
	good   [2]int // requests since the last failed one, by process

	statuses       map[int]int
	twice, missing int
	lost           []int // of missing, by failover
	recovered      []time.Duration
}

func startLoad(t *testing.T, c *apiClient, r *redundant) *load {
	l := &load{apiClient: c, store: r, client: r.config.client(), stop: make(chan struct{}), statuses: map[int]int{}}
	t.Cleanup(func() { l.client.Close() })
	for w := range loadWorkers {
		l.group.Go(func() { l.work(w % 2) })
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.group.Wait()
}

// work sends proofs to a process.
func (l *load) work(process int) {
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		case <-time.After(rand.N(2 * loadWorkers * time.Second / failoverRate)):
		}
		proof := l.proof()
		s := sentProof{proof: proof, key: l.key(proof), at: time.Now()}
		s.status = l.send(process, proof)
		l.mu.Lock()
		l.recent = append(l.recent, s)
		l.statuses[s.status]++
		l.good[process]++
		if s.status != http.StatusOK {
			l.failed[process], l.good[process] = time.Now(), 0
		}
		l.mu.Unlock()
		if s.status == http.StatusUnauthorized {
			l.t.Error("a new proof was called used")
		}
		// Some are sent again at once.
		if n%8 == 0 && s.status == http.StatusOK && l.send(1-process, proof) == http.StatusOK {
			l.mu.Lock()
			l.twice++
			l.mu.Unlock()
		}
	}
}

// key is the name of a proof in the store.
func (l *load) key(proof string) string {
	var claims struct {
		ID string `json:"jti"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(proof, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		l.t.Error(err)
	}
	sum := sha256.Sum256([]byte(l.dpop.Thumbprint() + "\x00" + claims.ID))
	return "oauth:replay:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// failover crashes a primary, starts it again when its replica has taken over, and judges
// the proofs of that time.
func (l *load) failover() {
	l.t.Helper()
	pair := rand.IntN(len(l.store.pairs))
	primary, replica := l.store.roles(l.t, pair)
	l.steady(time.Now())
	time.Sleep(rand.N(500 * time.Millisecond))

	crash := time.Now()
	primary.crash()
	within(l.t, time.Minute, "a failover", func() bool { return l.store.turned(replica) })
	turned := time.Since(crash)
	primary.extra = l.store.returning(replica)
	primary.restart()
	primary.link.join(primary.addr)
	l.store.roles(l.t, pair)
	replicated := time.Since(crash)
	recovered := max(0, l.steady(crash).Sub(crash))
	l.recovered = append(l.recovered, recovered)
	before := l.missing
	l.judge(crash)
	l.lost = append(l.lost, l.missing-before)
	l.t.Logf("the replica was the primary after %.1f s and had a replica after %.1f s; the last request was refused after %.1f s; %d proofs are missing",
		turned.Seconds(), replicated.Seconds(), recovered.Seconds(), l.missing-before)
}

// steady waits until both processes accept proofs, and returns when one last did not.
func (l *load) steady(since time.Time) (last time.Time) {
	l.t.Helper()
	within(l.t, time.Minute, "accepting again, without a restart", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		last = slices.MaxFunc(l.failed[:], time.Time.Compare)
		return time.Since(last) > time.Second && time.Since(since) > time.Second && min(l.good[0], l.good[1]) > 20
	})
	return last
}

// judge looks for the proofs that were accepted in the store, and sends those again that
// were sent around a crash.
func (l *load) judge(crash time.Time) {
	l.t.Helper()
	l.mu.Lock()
	recent := l.recent
	l.recent = nil
	l.mu.Unlock()
	var unjudged int
	for _, s := range recent {
		accepted := 0
		if s.status == http.StatusOK {
			accepted++
			if !l.exists(s.key) {
				l.missing++
				accepted += l.again(s, 2)
			} else if s.at.After(crash.Add(-2*time.Second)) && s.at.Before(crash.Add(500*time.Millisecond)) {
				accepted += l.again(s, 2)
			}
		} else if unjudged++; unjudged <= 50 {
			accepted += l.again(s, 4) // it may be accepted, but once
		}
		if accepted > 1 {
			l.twice++
		}
	}
}

func (l *load) exists(key string) bool {
	var n int64
	within(l.t, time.Minute, "the store", func() (ok bool) {
		var err error
		n, err = l.client.Exists(ctx, key).Result()
		return err == nil
	})
	return n == 1
}

// again sends a proof so many times, in turn to each process, and returns how often it was
// accepted.
func (l *load) again(s sentProof, times int) (accepted int) {
	for n := range times {
		within(l.t, 20*time.Second, "an answer", func() bool {
			status := l.send(n%2, s.proof)
			if status == http.StatusOK {
				accepted++
			}
			return status != http.StatusServiceUnavailable
		})
	}
	return accepted
}

// report ends the load and prints the figures.
func (l *load) report() {
	l.end()
	slices.Sort(l.recovered)
	slices.Sort(l.lost)
	middle, last := len(l.lost)/2, len(l.lost)-1
	tried := 0
	for _, n := range l.statuses {
		tried += n
	}
	l.t.Logf("%d failovers: %d proofs tried, %d accepted, %d not judged, %d accepted twice, %d accepted ones missing "+
		"(median %d, at most %d); recovered after %.1f s (median), %.1f s (longest)",
		len(l.recovered), tried, l.statuses[http.StatusOK], l.statuses[http.StatusServiceUnavailable], l.twice, l.missing,
		l.lost[middle], l.lost[last], l.recovered[middle].Seconds(), l.recovered[last].Seconds())
}
