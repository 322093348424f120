package interop

// This file runs the scenarios and reports them.

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// The environment of a run; ./run sets it.
const (
	envDescription = "INTEROP_DESCRIPTION" // what provider.mjs writes when it is ready
	envReport      = "INTEROP_REPORT"      // a file for the report
	envGrep        = "INTEROP_GREP"        // only the scenarios that match
	envAll         = "INTEROP_ALL"         // set: those that need ML-DSA have to run
)

// timeLimit is what one scenario may take. Each needs well under a second, and
// those that poll the 5 s of the interval besides.
const timeLimit = 30 * time.Second

// A scenario is one run of one line of scenarios.txt. Like testing.T it is
// left by fatalf from anywhere below; unlike it, it may run in a goroutine of
// its own, so that one that panics or hangs is just a failed one.
type scenario struct {
	ctx    context.Context
	desc   *description
	reason string
}

type scenarioFunc func(*scenario)

// fatalf ends the scenario as failed.
func (s *scenario) fatalf(format string, args ...any) {
	s.reason = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// check ends the scenario if there is an error.
func (s *scenario) check(err error, doing string) {
	if err != nil {
		s.fatalf("%s: %v", doing, err)
	}
}

// require ends the scenario unless ok.
func (s *scenario) require(ok bool, format string, args ...any) {
	if !ok {
		s.fatalf(format, args...)
	}
}

// equal ends the scenario unless got is want.
func equal[T comparable](s *scenario, got, want T, what string) {
	if got != want {
		s.fatalf("%s: got %#v, want %#v", what, got, want)
	}
}

// run executes f and returns why it failed, or "".
func run(desc *description, f scenarioFunc) string {
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	s := &scenario{ctx: ctx, desc: desc}
	done := make(chan string, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				s.reason = fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
			}
			done <- s.reason
		}()
		f(s)
	}()
	select {
	case reason := <-done:
		return reason
	case <-time.After(timeLimit + time.Second): // the context should have ended it before
		return fmt.Sprintf("hangs: not finished after %v", timeLimit)
	}
}

// A result is what the report says about a scenario.
type result struct {
	name    string
	missing string // the call that the package does not have yet
	reason  string // why it failed; counts if no call is missing
}

// TestScenarios runs what scenarios.txt lists and writes the report.
func TestScenarios(t *testing.T) {
	path := os.Getenv(envDescription)
	if path == "" {
		t.Skipf("%s is not set: there is no server to run against; use ./run", envDescription)
	}
	desc, err := readDescription(path)
	if err != nil {
		t.Fatal(err)
	}
	names, err := scenarioNames("scenarios.txt", os.Getenv(envGrep))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkTables(); err != nil {
		t.Fatal(err)
	}
	listed := len(names)
	if missing := missingML(desc); missing != "" {
		if os.Getenv(envAll) != "" {
			t.Fatal(missing)
		}
		names = slices.DeleteFunc(names, needML.MatchString)
	}
	results := make([]result, len(names))
	t.Run("all", func(t *testing.T) { // returns when the parallel ones are done
		for i, name := range names {
			results[i] = result{name: name, reason: "did not run"}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				results[i].run(desc)
				switch r := results[i]; {
				case r.missing != "":
					t.Skipf("not yet: %s", r.missing)
				case r.reason != "":
					t.Error(r.reason)
				}
			})
		}
	})
	if err := writeReport(os.Getenv(envReport), results, listed-len(names)); err != nil {
		t.Fatal(err)
	}
}

// run fills in the result of the scenario that r names.
func (r *result) run(desc *description) {
	if f := scenarios()[r.name]; f != nil {
		r.reason = run(desc, f)
		return
	}
	r.missing = missingCall(r.name)
	r.reason = "scenarios_test.go has neither a function nor a not-yet entry for it"
}

// scenarioNames reads the names of the file that match the expression.
func scenarioNames(file, grep string) ([]string, error) {
	re, err := regexp.Compile(grep)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var names []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name := strings.TrimSpace(lines.Text()); name != "" && re.MatchString(name) {
			names = append(names, name)
		}
	}
	return names, lines.Err()
}

// writeReport writes a line for each result, in the order of scenarios.txt,
// and the counts; apart is the number of scenarios that were no part of the run.
func writeReport(file string, results []result, apart int) error {
	if file == "" {
		return nil // go test -v tells it too
	}
	var b strings.Builder
	var passed, failed, notYet int
	for _, r := range results {
		switch {
		case r.missing != "":
			notYet++
			fmt.Fprintf(&b, "not yet %s\n", r.name)
		case r.reason != "":
			failed++
			reason := strings.ReplaceAll(strings.TrimSpace(r.reason), "\n", "\n    ")
			fmt.Fprintf(&b, "FAIL %s\n    %s\n", r.name, reason)
		default:
			passed++
			fmt.Fprintf(&b, "PASS %s\n", r.name)
		}
	}
	fmt.Fprintf(&b, "%d passed, %d failed, %d not yet\n", passed, failed, notYet)
	if apart > 0 {
		fmt.Fprintf(&b, "%d more, of ML-DSA, need Node 24 and Go 1.27: run --all\n", apart)
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}
