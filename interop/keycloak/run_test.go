package keycloak

// This file runs the rows and reports them.

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// The environment of a run; ../run --keycloak sets it.
const (
	envHome   = "KEYCLOAK_HOME"   // a distribution that has been built
	envReport = "KEYCLOAK_REPORT" // a file for the report
	envGrep   = "KEYCLOAK_GREP"   // only the rows that match
	envCore   = "KEYCLOAK_CORE"   // set: only the first row of each kind
)

// timeLimit is what one row may take. Each needs about a second.
const timeLimit = 60 * time.Second

// execute runs f and returns why it failed, or "", and what it saw refused.
func (k *keycloak) execute(f func(*scenario)) (string, []string) {
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	s := &scenario{keycloak: k, ctx: ctx}
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
		if reason == "" && len(s.twins) == 0 {
			reason = "the row has seen nothing refused"
		}
		return reason, s.twins
	case <-time.After(timeLimit + time.Second): // the context should have ended it before
		return fmt.Sprintf("hangs: not finished after %v", timeLimit), nil
	}
}

// A row is one flow. Kinds are those of rows_test.go.
type row struct {
	kind, name string
	run        func(*scenario)
	core       bool // the first of its kind
}

func (r row) String() string { return r.kind + ": " + r.name }

// A result is what the report says about a row.
type result struct {
	row
	reason  string   // why it failed
	pending string   // why it may
	twins   []string // what was refused
}

// TestKeycloak runs the rows and writes the report.
func TestKeycloak(t *testing.T) {
	home := os.Getenv(envHome)
	if home == "" {
		t.Skipf("%s is not set: there is no server to run against; use ../run --keycloak", envHome)
	}
	grep, err := regexp.Compile(os.Getenv(envGrep))
	if err != nil {
		t.Fatal(err)
	}
	var results []*result
	for _, r := range allRows() {
		if grep.MatchString(r.String()) && (r.core || os.Getenv(envCore) == "") {
			results = append(results, &result{row: r, pending: pending[r.String()], reason: "did not run"})
		}
	}
	if len(results) == 0 {
		t.Fatalf("no row matches %q", grep)
	}
	k, stop, err := startKeycloak(t.Context(), home, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	t.Run("all", func(t *testing.T) { // returns when the parallel ones are done
		for _, r := range results {
			t.Run(r.String(), func(t *testing.T) {
				t.Parallel()
				r.reason, r.twins = k.execute(r.run)
				if r.pending != "" && r.reason == "" {
					r.pending, r.reason = "", "it passes: its line in pending must go"
				}
				if r.reason != "" && r.pending == "" {
					t.Error(r.reason)
				}
			})
		}
	})
	if err := writeReport(os.Getenv(envReport), results); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("DEBUG_HTTP") != "" {
		raw, _ := os.ReadFile(k.log)
		os.Stderr.Write(raw)
	}
}

// writeReport writes a line for each result, in the order of the rows, and the counts.
func writeReport(file string, results []*result) error {
	if file == "" {
		return nil // go test -v tells it too
	}
	var b strings.Builder
	var passed, failed, waiting int
	for _, r := range results {
		reason := strings.ReplaceAll(strings.TrimSpace(r.reason), "\n", "\n    ")
		switch {
		case r.reason == "":
			passed++
			fmt.Fprintf(&b, "PASS %s; refused: %s\n", r.row, strings.Join(r.twins, ", "))
		case r.pending != "":
			waiting++
			fmt.Fprintf(&b, "pending %s (%s)\n    %s\n", r.row, r.pending, reason)
		default:
			failed++
			fmt.Fprintf(&b, "FAIL %s\n    %s\n", r.row, reason)
		}
	}
	fmt.Fprintf(&b, "%d passed, %d failed, %d pending\n", passed, failed, waiting)
	return os.WriteFile(file, []byte(b.String()), 0o644)
}
