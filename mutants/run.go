package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A test is a test, an example, or a fuzz target with its seeds.
type test struct {
	name string
	time time.Duration // alone, in a process of its own
}

// A runner has the binary with all mutants and knows which tests let which decide.
type runner struct {
	ctx      context.Context
	dir      string // of the package, where tests run
	work     string
	jobs     int
	tests    []*test
	deciders map[int][]*test // by the number of the mutant, the quickest first

	mu      sync.Mutex
	killers map[string]map[*test]int // by function
}

// prepare makes the directories and the binary.
func (r *runner) prepare(f *finder) error {
	for _, name := range []string{"tmp", "seen"} {
		if err := os.Mkdir(filepath.Join(r.work, name), 0o700); err != nil {
			return err
		}
	}
	begin := time.Now()
	if err := r.build(f.rewritten()); err != nil {
		return err
	}
	fmt.Printf("built in %v\n", time.Since(begin).Round(time.Second))
	return nil
}

// build makes the binary. The copy of the package is an overlay, so that tests find
// what they read where it is.
func (r *runner) build(files map[string][]byte) error {
	overlay := map[string]map[string]string{"Replace": {}}
	for name, text := range files {
		place := filepath.Join(r.work, name)
		if err := os.WriteFile(place, text, 0o600); err != nil {
			return err
		}
		overlay["Replace"][filepath.Join(r.dir, name)] = place
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return err
	}
	list := filepath.Join(r.work, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		return err
	}
	_, err = goCommand(r.dir, "test", "-c", "-vet=off", "-overlay", list, "-ldflags=-s -w", "-o", r.binary(), ".")
	return err
}

func (r *runner) binary() string { return filepath.Join(r.work, "mutants.test") }

// command runs tests with a mutant. seen is where the process writes which mutants it
// let decide; empty: it does not.
func (r *runner) command(ctx context.Context, n int, seen string, limit time.Duration, pattern string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.binary(), "-test.run="+pattern, "-test.failfast", "-test.timeout="+limit.String())
	cmd.Dir = r.dir
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "MUTANT="+strconv.Itoa(n), "MUTANT_SEEN="+seen, "TMPDIR="+filepath.Join(r.work, "tmp"))
	return cmd
}

// each calls a function for each element, some of them at a time.
func each[T any](r *runner, list []T, do func(T) error) error {
	var wg sync.WaitGroup
	work, errs := make(chan T), make(chan error, len(list))
	for range r.jobs {
		wg.Go(func() {
			for v := range work {
				if err := do(v); err != nil {
					errs <- err
				}
			}
		})
	}
	for _, v := range list {
		if r.ctx.Err() != nil {
			break
		}
		work <- v
	}
	close(work)
	wg.Wait()
	close(errs)
	if err := r.ctx.Err(); err != nil {
		return err
	}
	for err := range errs {
		return err
	}
	return nil
}

// list finds all tests.
func (r *runner) list() error {
	cmd := r.command(r.ctx, 0, "", time.Minute, "^$")
	cmd.Args = append(cmd.Args, "-test.list=^(Test|Example|Fuzz)")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("the list of tests: %w", err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		r.tests = append(r.tests, &test{name: name})
	}
	return nil
}

// record runs every test alone, without a mutant. Those that take too long decide
// nothing.
func (r *runner) record(longest time.Duration) error {
	begin := time.Now()
	seen := map[*test]map[int]bool{}
	err := each(r, r.tests, func(t *test) error {
		decided, err := r.recordOne(t)
		r.mu.Lock()
		defer r.mu.Unlock()
		seen[t] = decided
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(r.tests, func(a, b *test) int { return cmp.Compare(a.time, b.time) })
	r.deciders = map[int][]*test{}
	for _, t := range r.tests {
		if longest > 0 && t.time > longest {
			continue
		}
		for n := range seen[t] {
			r.deciders[n] = append(r.deciders[n], t)
		}
	}
	fmt.Printf("%d tests pass without a mutant and let %d mutants decide, recorded in %v\n",
		len(r.tests), len(r.deciders), time.Since(begin).Round(time.Second))
	return nil
}

// recordOne runs a test without a mutant, which has to pass. A failure of the machine
// gets a second chance.
func (r *runner) recordOne(t *test) (decided map[int]bool, err error) {
	for range 2 {
		start := time.Now()
		prefix := filepath.Join(r.work, "seen", t.name)
		out, failure := r.command(r.ctx, 0, prefix, 5*time.Minute, "^"+t.name+"$").CombinedOutput()
		t.time = time.Since(start)
		if decided, err = readSeen(prefix); failure != nil {
			err = fmt.Errorf("%s fails without a mutant: %w\n%s", t.name, failure, out)
		}
		if err == nil {
			break
		}
	}
	return decided, err
}

// readSeen reads what a process and those that it started have written.
func readSeen(prefix string) (map[int]bool, error) {
	names, err := filepath.Glob(prefix + ".*")
	seen := map[int]bool{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range bytes.FieldsSeq(text) {
			n, err := strconv.Atoi(string(line))
			if err != nil {
				return nil, err
			}
			seen[n] = true
		}
	}
	return seen, err
}

// groups are tests that run in one process: up to forty, and not for long. A slow
// one runs alone.
func groups(tests []*test) (list [][]*test) {
	const most, long, slow = 40, 1500 * time.Millisecond, 600 * time.Millisecond
	total := long
	for _, t := range tests {
		if total+t.time > long || t.time > slow || len(list[len(list)-1]) == most {
			list, total = append(list, nil), 0
		}
		last := len(list) - 1
		list[last] = append(list[last], t)
		total += t.time
	}
	return list
}

// killed runs a mutant with the tests that let it decide. One that ends by a
// time-out, a crash or a deadlock is killed as well.
func (r *runner) killed(m *mutant) bool {
	first := r.likely(m)
	rest := slices.DeleteFunc(slices.Clone(r.deciders[m.n]), func(t *test) bool { return slices.Contains(first, t) })
	for _, group := range append(groups(first), groups(rest)...) {
		if r.fails(m.n, group) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.killers[m.function] == nil {
				r.killers[m.function] = map[*test]int{}
			}
			for _, t := range group {
				r.killers[m.function][t]++
			}
			return true
		}
	}
	return false
}

// likely are the tests that killed most of the function's mutants until now.
func (r *runner) likely(m *mutant) (tests []*test) {
	r.mu.Lock()
	killers := maps.Clone(r.killers[m.function])
	r.mu.Unlock()
	for _, t := range r.deciders[m.n] {
		if killers[t] > 0 {
			tests = append(tests, t)
		}
	}
	slices.SortStableFunc(tests, func(a, b *test) int { return cmp.Compare(killers[b], killers[a]) })
	return tests[:min(3, len(tests))]
}

func (r *runner) fails(n int, group []*test) bool {
	limit := 10 * time.Second
	var names []string
	for _, t := range group {
		limit += 8 * t.time
		names = append(names, t.name)
	}
	ctx, cancel := context.WithTimeout(r.ctx, limit+10*time.Second)
	defer cancel()
	return r.command(ctx, n, "", limit, "^("+strings.Join(names, "|")+")$").Run() != nil
}
