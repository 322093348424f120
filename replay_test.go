package oauth

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// replayClock is a clock that a test sets.
type replayClock struct{ n atomic.Int64 }

func (c *replayClock) clock() Clock {
	return Clock{Now: func() time.Time { return replayAt(c.n.Load()) }}
}

// pass lets time go on, in a bubble, until the clock says n: Store makes it jump.
func (c *replayClock) pass(n int64) {
	time.Sleep(time.Duration(n-c.n.Load()) * time.Second)
	c.n.Store(n)
}

func replayAt(n int64) time.Time { return time.Unix(unitTime+n, 0) }

// replayAdd wants an Add to say that.
func replayAdd(t *testing.T, m *memoryReplay, key string, until int64, want bool) {
	t.Helper()
	added, err := m.Add(context.Background(), key, replayAt(until))
	if added != want || err != nil {
		t.Errorf("%s: %v, %v, want %v", key, added, err, want)
	}
}

// sizes is what is counted, in the queues and known; the three are equal.
func (m *memoryReplay) sizes() (n [3]int) {
	n[0] = int(m.count.Load())
	for i := range m.shards {
		n[1] += len(m.shards[i].queue)
		n[2] += len(m.shards[i].seen)
	}
	return n
}

func TestReplayExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now replayClock
		m := newMemoryReplay(now.clock(), 100)
		replayAdd(t, m, "a", 10, true)
		replayAdd(t, m, "a", 10, false)
		replayAdd(t, m, "a", 99, false) // another end does not make it new
		replayAdd(t, m, "b", 5, true)
		now.pass(5)
		replayAdd(t, m, "b", 20, true)
		replayAdd(t, m, "a", 20, false)
		now.pass(9)
		replayAdd(t, m, "a", 20, false)
		now.pass(10)
		replayAdd(t, m, "a", 20, true)
		now.pass(19)
		replayAdd(t, m, "a", 30, false)
		replayAdd(t, m, "b", 30, false)
		// Whoever sets the clock back gets nothing in again.
		now.n.Store(-1000)
		replayAdd(t, m, "a", 30, false)
	})
}

func TestReplayFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now replayClock
		m := newMemoryReplay(now.clock(), 3)
		for i := range 3 {
			replayAdd(t, m, fmt.Sprint(i), int64(10+i), true)
		}
		for range 2 {
			added, err := m.Add(context.Background(), "new", replayAt(50))
			if wantError(t, err, ErrUnavailable, ""); added {
				t.Error("it was added all the same")
			}
		}
		replayAdd(t, m, "0", 50, false) // nothing was forgotten for it
		now.pass(10)
		replayAdd(t, m, "new", 50, true)
		if _, err := m.Add(context.Background(), "more", replayAt(50)); err == nil {
			t.Error("it takes more than its limit")
		}
		now.pass(50)
		replayAdd(t, m, "more", 60, true)
		if m.sizes() != [3]int{1, 1, 1} {
			t.Errorf("of what expired something is left: %v", m.sizes())
		}
	})
}

func TestReplayHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now replayClock
		m := newMemoryReplay(now.clock(), 2)
		has := func(key string, want bool) {
			t.Helper()
			if known, err := m.Has(context.Background(), key); known != want || err != nil {
				t.Errorf("%s: %v, %v, want %v", key, known, err, want)
			}
		}
		has("a", false)
		replayAdd(t, m, "a", 10, true)
		has("a", true)
		has("b", false)
		replayAdd(t, m, "b", 20, true) // asking has taken no room
		now.pass(9)
		has("a", true)
		now.pass(10)
		has("a", false)
		has("b", true)
	})
}

// TestReplayModel compares it with a list that is searched, for many calls.
func TestReplayModel(t *testing.T) {
	synctest.Test(t, testReplayModel)
}

func testReplayModel(t *testing.T) {
	var now replayClock
	r := rand.New(rand.NewPCG(1, 2))
	m := newMemoryReplay(now.clock(), 1000)
	model := map[string]int64{}
	for step := range 20000 {
		key := fmt.Sprint(r.IntN(50))
		switch r.IntN(10) {
		case 0:
			now.pass(now.n.Load() + int64(r.IntN(4)))
		case 1:
			old, ok := model[key]
			if known, err := m.Has(context.Background(), key); known != (ok && old > now.n.Load()) || err != nil {
				t.Fatalf("step %d: known %v, %v", step, known, err)
			}
		default:
			until := now.n.Load() + int64(r.IntN(20)) + 1
			old, known := model[key]
			want := !known || old <= now.n.Load()
			if want {
				model[key] = until
			}
			if added, err := m.Add(context.Background(), key, replayAt(until)); added != want || err != nil {
				t.Fatalf("step %d: %v, %v, want %v", step, added, err, want)
			}
		}
		if s := m.sizes(); s[0] != s[1] || s[1] != s[2] {
			t.Fatalf("step %d: %v", step, s)
		}
	}
}

func TestReplayConcurrent(t *testing.T) {
	m := newMemoryReplay(Clock{}, 1000)
	var wins atomic.Int32
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for range 100 {
		wg.Go(func() {
			<-begin
			if added, err := m.Add(context.Background(), "key", time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			} else if added {
				wins.Add(1)
			}
		})
	}
	close(begin)
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d of 100 were the first", wins.Load())
	}
}

func TestReplayKey(t *testing.T) {
	seen := map[string]bool{}
	for _, pair := range [][2]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"b", "a"}, {"a", "b\x00"}} {
		key := replayKey(pair[0], pair[1])
		if len(key) != 43 || seen[key] || key != replayKey(pair[0], pair[1]) {
			t.Errorf("%q: %s", pair, key)
		}
		seen[key] = true
	}
}

// TestReplayJump: a clock that jumps ahead and back forgets nothing, and what it
// recorded meanwhile is forgotten in time.
func TestReplayJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now replayClock
		m := newMemoryReplay(now.clock(), 100)
		replayAdd(t, m, "a", 60, true)
		now.n.Store(3600)
		replayAdd(t, m, "b", 3660, true) // another one, which looks for what has expired
		now.n.Store(0)
		replayAdd(t, m, "a", 60, false)
		now.pass(59)
		replayAdd(t, m, "a", 60, false)
		replayAdd(t, m, "b", 60, false)
		now.pass(60)
		replayAdd(t, m, "a", 120, true)
		replayAdd(t, m, "b", 120, true)
	})
}

// TestReplayLongest: nothing is kept for longer than a day, whoever asks for it.
func TestReplayLongest(t *testing.T) {
	m := newMemoryReplay(Clock{Now: unitNow}, 100)
	most := unitNow().Add(maxReplayLife)
	if added, err := m.Add(context.Background(), "k", most); !added || err != nil {
		t.Error(added, err)
	}
	for _, until := range []time.Time{most.Add(1), unitNow().AddDate(292, 0, 0), unitNow().AddDate(293, 0, 0), time.Unix(1<<53, 0)} {
		added, err := m.Add(context.Background(), "k2", until)
		if wantError(t, err, ErrUnavailable, "until"); added {
			t.Error(until, "was added")
		}
	}
	if m.sizes() != [3]int{1, 1, 1} {
		t.Error(m.sizes())
	}
}

// TestReplayGivesBack: a shard without an entry holds no memory, however many there were.
func TestReplayGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now replayClock
		m := newMemoryReplay(now.clock(), 10000)
		for i := range 500 {
			if added, err := m.AddFor(context.Background(), fmt.Sprint(i%7), fmt.Sprint(i), replayAt(10)); !added || err != nil {
				t.Fatal(i, added, err)
			}
			replayAdd(t, m, fmt.Sprint("b", i), 10, true)
		}
		now.pass(10)
		m.forget()
		for i := range m.shards {
			if s := &m.shards[i]; s.seen != nil || s.owned != nil || s.queue != nil {
				t.Fatalf("shard %d holds room for %d", i, cap(s.queue))
			}
		}
	})
}

// TestReplayPast: what is over already is not new, however often it comes.
func TestReplayPast(t *testing.T) {
	var now replayClock
	m := newMemoryReplay(now.clock(), 100)
	for _, until := range []int64{-3600, -1, 0} {
		added, err := m.Add(context.Background(), "k", replayAt(until))
		if wantError(t, err, ErrExpired, ""); added {
			t.Error("it was added")
		}
	}
	if m.sizes() != [3]int{} {
		t.Error(m.sizes())
	}
}

// TestReplayQueue: what is taken out comes in the order in which it ends.
func TestReplayQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var q replayQueue
		var want []time.Duration
		for range random.IntN(40) {
			end := time.Duration(random.IntN(30))
			want = append(want, end)
			q = append(q, replayEntry{end: end})
			q.rise()
		}
		slices.Sort(want)
		for i, end := range want {
			if q[0].end != end {
				t.Fatalf("entry %d of %v is %d", i, want, q[0].end)
			}
			q[0] = q[len(q)-1]
			q = q[:len(q)-1]
			q.sink()
		}
	}
	// Others come in between.
	var q replayQueue
	var want []time.Duration
	for range 2000 {
		if end := time.Duration(random.IntN(1000)); len(q) < 20 || random.IntN(2) == 0 && len(q) < 100 {
			q, want = append(q, replayEntry{end: end}), append(want, end)
			q.rise()
			slices.Sort(want)
			continue
		}
		if q[0].end != want[0] {
			t.Fatalf("the first is %d, want %d", q[0].end, want[0])
		}
		q[0], q, want = q[len(q)-1], q[:len(q)-1], want[1:]
		q.sink()
	}
}

// TestReplayAllocations: an entry is held by value.
func TestReplayAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	m := newMemoryReplay(Clock{}, 1<<20)
	keys := make([]string, 1<<16)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	i, until := 0, time.Now().Add(time.Minute)
	if n := testing.AllocsPerRun(len(keys)-1, func() {
		m.AddFor(context.Background(), "owner"+keys[i%64], keys[i], until)
		i++
	}); n > 1 {
		t.Errorf("%v allocations for an entry, with its map and queue", n)
	}
}

// TestReplayOwnerAfterExpiry: that one entry of an owner is over leaves the others counted.
func TestReplayOwnerAfterExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, now := context.Background(), time.Now()
		m := newMemoryReplay(Clock{}, minReplaySize)
		for i := range minReplaySize/2 + 1 {
			if fresh, err := m.Add(ctx, fmt.Sprint(i), now.Add(time.Hour)); !fresh || err != nil {
				t.Fatal(fresh, err)
			}
		}
		add := func(key string, life time.Duration) error {
			_, err := m.AddFor(ctx, "owner", key, now.Add(life))
			return err
		}
		share := minReplaySize / replayShare
		for i := range share {
			life := time.Hour
			if i == 0 {
				life = time.Second
			}
			if err := add(fmt.Sprint("owned ", i), life); err != nil {
				t.Fatal(err)
			}
		}
		wantError(t, add("too many", time.Hour), ErrRateLimited, "")
		time.Sleep(2 * time.Second)
		if err := add("in its place", time.Hour); err != nil {
			t.Error(err)
		}
		wantError(t, add("too many again", time.Hour), ErrRateLimited, "")
	})
}
