// Package statetest tries a state machine in a test: it runs random sequences of steps,
// each from scratch, holds them against what the steps check, and makes a sequence that
// fails as short as it can before it prints it.
//
// The sequences are the same each time, so that a test that passes passes again. These
// variables of the environment change that:
//
//   - OAUTH_SEED=17 runs the one sequence of that seed, which a failure names.
//     OAUTH_SEED=random runs others than usual.
//   - OAUTH_SEQUENCES=20 runs twenty times as many.
package statetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A Machine is a state machine. W is its world: what is tested, and the model of it.
type Machine[W any] struct {
	New   func(r *Run) W
	Steps []Step[W]

	// End says what has to hold after the steps. If nil, it is nothing.
	End func(r *Run, w W)

	// Sequences is how many there are, each of Length steps. With -short it is a quarter.
	Sequences, Length int

	// Events are what has to happen, each at least so often in all Sequences: steps, by
	// their names, and what is counted with Run.Count. A step that is not listed has to
	// happen once in a sequence on average, times its weight.
	Events map[string]int

	// Bubble runs each sequence in a bubble of testing/synctest.
	Bubble bool
}

// A Step is something that can happen. The greater the weight, the more often it does;
// zero means 1.
type Step[W any] struct {
	Name   string
	Weight int
	Do     func(r *Run, w W)
}

// A Run is one run of a sequence. It is a testing.TB of which a failure ends this run.
// Goroutines of a step can call Errorf, and not Fatalf.
type Run struct {
	testing.TB
	Rand *rand.Rand // of the step; not for other goroutines

	mu      sync.Mutex
	failure string
	events  map[string]int
	said    []string // of the step
	last    []func()
}

// Say adds to what is printed of the step, if the sequence fails.
func (r *Run) Say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

// Count counts an event; see Machine.Events.
func (r *Run) Count(event string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events[event]++
}

// Finally has f called when the run ends, whether it failed or not.
func (r *Run) Finally(f func()) { r.last = append(r.last, f) }

// Chance is true in n of 100 cases.
func (r *Run) Chance(n int) bool { return r.Rand.IntN(100) < n }

// Pick returns one of the list.
func Pick[T any](r *Run, list ...T) T { return list[r.Rand.IntN(len(list))] }

// The methods of testing.TB that are about failures.

func (r *Run) Helper() {}

func (r *Run) Errorf(format string, args ...any) { r.fail(fmt.Sprintf(format, args...)) }

func (r *Run) Error(args ...any) { r.fail(strings.TrimSpace(fmt.Sprintln(args...))) }

func (r *Run) Fatalf(format string, args ...any) { r.Errorf(format, args...); stop() }

func (r *Run) Fatal(args ...any) { r.Error(args...); stop() }

func (r *Run) Fail() { r.fail("it failed") }

func (r *Run) FailNow() { r.Fail(); stop() }

func (r *Run) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure != ""
}

// fail keeps the first failure: the others come of it.
func (r *Run) fail(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == "" {
		r.failure = text
	}
}

// A call is a step in a sequence. It has a seed of its own, so that it stays as it is when
// others are taken out.
type call struct {
	step int
	seed uint64
}

// A finding is a sequence that fails.
type finding struct {
	seed    uint64
	length  int
	calls   []call // the shortest
	failure string
	trace   []string
}

// Test runs the sequences.
func (m *Machine[W]) Test(t *testing.T) {
	t.Helper()
	n, first, one := m.extent(t)
	events, found := m.try(t, first, n)
	if found != nil {
		t.Fatalf("%s\n\nthe sequence of seed %d fails, here without %d of its %d steps:\n%s\n\nagain: OAUTH_SEED=%d go test -run '^%s$'",
			found.failure, found.seed, found.length-len(found.calls), found.length, strings.Join(found.trace, "\n"), found.seed, t.Name())
	}
	t.Logf("%d sequences of %d steps", n, m.Length)
	for _, name := range slices.Sorted(maps.Keys(events)) {
		t.Logf("%8d %s", events[name], name)
	}
	if one {
		return
	}
	for event, floor := range m.floors() {
		if want := floor * n / m.Sequences; events[event] < want {
			t.Errorf("%q happened %d times in %d sequences, and has to %d times", event, events[event], n, want)
		}
	}
}

// extent is how many sequences there are, and the first of their seeds.
func (m *Machine[W]) extent(t *testing.T) (n int, first uint64, one bool) {
	n, first = m.Sequences, 1
	if testing.Short() {
		n = max(n/4, 1)
	}
	if text := os.Getenv("OAUTH_SEQUENCES"); text != "" {
		times, err := strconv.Atoi(text)
		if err != nil || times < 1 {
			t.Fatalf("OAUTH_SEQUENCES is %q, and no number", text)
		}
		n *= times
	}
	switch text := os.Getenv("OAUTH_SEED"); text {
	case "":
	case "random":
		first = uint64(rand.Uint32())
	default:
		var err error
		if first, err = strconv.ParseUint(text, 0, 64); err != nil {
			t.Fatalf("OAUTH_SEED is %q: a number, or random", text)
		}
		n, one = 1, true
	}
	return n, first, one
}

func (m *Machine[W]) floors() map[string]int {
	floors := map[string]int{}
	total := m.weights()
	for _, s := range m.Steps { // half of what is to be expected
		floors[s.Name] = m.Sequences * m.Length * max(s.Weight, 1) / total / 2
	}
	maps.Copy(floors, m.Events)
	return floors
}

func (m *Machine[W]) weights() (total int) {
	for _, s := range m.Steps {
		total += max(s.Weight, 1)
	}
	return total
}

// try runs n sequences, up to the first that fails.
func (m *Machine[W]) try(t *testing.T, first uint64, n int) (events map[string]int, found *finding) {
	events = map[string]int{}
	for seed := first; seed < first+uint64(n); seed++ {
		calls := m.sequence(seed)
		r, _ := m.run(t, seed, calls)
		if r.failure != "" {
			return events, m.shrink(t, seed, calls, r.failure)
		}
		for event, n := range r.events {
			events[event] += n
		}
	}
	return events, nil
}

// sequence is that of a seed.
func (m *Machine[W]) sequence(seed uint64) []call {
	random := rand.New(rand.NewPCG(seed, 1))
	total := m.weights()
	calls := make([]call, m.Length)
	for i := range calls {
		at := random.IntN(total)
		for k, s := range m.Steps {
			if at -= max(s.Weight, 1); at < 0 {
				calls[i] = call{k, random.Uint64()}
				break
			}
		}
	}
	return calls
}

// run runs the steps from scratch, up to the first that fails, and says what they were.
func (m *Machine[W]) run(t *testing.T, seed uint64, calls []call) (r *Run, trace []string) {
	r = &Run{TB: t, events: map[string]int{}}
	whole := func() {
		defer func() {
			for _, f := range slices.Backward(r.last) {
				f()
			}
		}()
		var w W
		r.begin(seed, func() { w = m.New(r) })
		if len(r.said) > 0 {
			trace = append(trace, "\t"+strings.Join(r.said, ": "))
		}
		for _, c := range calls {
			if r.Failed() {
				break
			}
			s := m.Steps[c.step]
			r.Count(s.Name)
			r.begin(c.seed, func() { s.Do(r, w) })
			trace = append(trace, "\t"+strings.Join(append([]string{s.Name}, r.said...), ": "))
		}
		if !r.Failed() && m.End != nil {
			r.begin(seed, func() { m.End(r, w) })
			trace = append(trace, "\t"+strings.Join(append([]string{"the end"}, r.said...), ": "))
		}
	}
	if !m.Bubble {
		whole()
		return r, trace
	}
	defer func() { // of goroutines that are left
		if v := recover(); v != nil {
			r.Errorf("the bubble: %v", v)
		}
	}()
	synctest.Test(t, func(*testing.T) { whole() })
	return r, trace
}

// stop ends a step, and cannot be called by other goroutines.
func stop() { panic(stopped{}) }

type stopped struct{}

// begin runs a part of a sequence.
func (r *Run) begin(seed uint64, f func()) {
	r.Rand, r.said = rand.New(rand.NewPCG(seed, 2)), nil
	defer func() {
		switch v := recover().(type) {
		case nil, stopped:
		default:
			r.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	f()
}

// shrinkTime is how long it may take, in the time of the clock on the wall.
const shrinkTime = 10 * time.Second

// shrink takes out steps without which the sequence fails as well: halves first, then
// smaller parts.
func (m *Machine[W]) shrink(t *testing.T, seed uint64, calls []call, failure string) *finding {
	found := &finding{seed: seed, length: len(calls), calls: calls, failure: failure}
	begun := time.Now()
	for size := (len(calls) + 1) / 2; size > 0; {
		shorter := false
		for at := 0; at < len(found.calls) && time.Since(begun) < shrinkTime; {
			rest := slices.Concat(found.calls[:at], found.calls[min(at+size, len(found.calls)):])
			if r, _ := m.run(t, seed, rest); r.failure == "" {
				at += size
				continue
			}
			found.calls, shorter = rest, true
		}
		if size == 1 && !shorter || time.Since(begun) >= shrinkTime {
			break
		}
		size = max(size/2, 1)
	}
	// Once more, for what it says.
	if r, trace := m.run(t, seed, found.calls); r.failure != "" {
		found.failure, found.trace = r.failure, trace
	} else {
		found.trace = append(trace, "\t(this time it did not fail: the order of goroutines matters)")
	}
	return found
}
