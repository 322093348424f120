package oauth

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// flown is how a flight landed.
type flown struct {
	results []string
	errs    []error
	late    []bool
}

func (f *flown) land(_ context.Context, result string, err error, late bool) (string, error) {
	f.results, f.errs, f.late = append(f.results, result), append(f.errs, err), append(f.late, late)
	return result, err
}

// TestFlightEnds: whatever foreign code does, it fails its own flight, which lands once.
func TestFlightEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		work func(context.Context) (string, error)
		want string // in the error
		is   error
	}{
		"result":         {func(context.Context) (string, error) { return "good", nil }, "", nil},
		"error":          {func(context.Context) (string, error) { return "", io.EOF }, "EOF", io.EOF},
		"panic":          {func(context.Context) (string, error) { panic("secret-text") }, "panicked: a value of type string", ErrUnavailable},
		"nil panic":      {func(context.Context) (string, error) { panic(any(nil)) }, "panicked", ErrUnavailable},
		"panic by error": {func(context.Context) (string, error) { panic(io.EOF) }, "panicked", io.EOF},
		"nil pointer":    {func(context.Context) (string, error) { var p *string; return *p, nil }, "nil pointer dereference", ErrUnavailable},
		"Goexit":         {func(context.Context) (string, error) { runtime.Goexit(); return "", nil }, "Goexit", ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var how flown
				f := launch(t.Context(), time.Second, tt.work, how.land)
				if err := f.wait(t.Context(), "op"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if len(how.late) != 1 || how.late[0] {
					t.Errorf("landed %d times", len(how.late))
				}
				if tt.want == "" {
					if f.err != nil || f.result != "good" {
						t.Errorf("%q, %v", f.result, f.err)
					}
					return
				}
				if f.err == nil || f.result != "" || !errors.Is(f.err, tt.is) || !strings.Contains(f.err.Error(), tt.want) || strings.Contains(f.err.Error(), "secret") {
					t.Errorf("%q, %v, want %q", f.result, f.err, tt.want)
				}
			})
		})
	}
}

// TestFlightHangs: work that goes on although its context ended is given up for, and
// its end, when it comes, is no second result.
func TestFlightHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 10 * time.Second
		var how flown
		start := monotonic()
		f := launch(t.Context(), limit, func(ctx context.Context) (string, error) {
			<-ctx.Done()
			if at := monotonic().Sub(start); at != limit {
				t.Errorf("the context of the work ended after %v", at)
			}
			time.Sleep(time.Hour)
			return "late", nil
		}, how.land)
		if err := f.wait(t.Context(), "op"); err != nil {
			t.Fatal(err)
		}
		if at := monotonic().Sub(start); at != limit+flightGrace {
			t.Errorf("given up after %v", at)
		}
		if !errors.Is(f.err, ErrUnavailable) || f.result != "" {
			t.Errorf("%q, %v", f.result, f.err)
		}
		time.Sleep(2 * time.Hour)
		if len(how.late) != 2 || how.late[0] || !how.late[1] || how.results[1] != "late" {
			t.Errorf("landed %+v", how)
		}
		if f.result != "" || f.err == nil {
			t.Error("the late result reached those who had an error")
		}
	})
}

// TestFlightHooks: hooks run when the result is published and before the callers go on,
// unless they take too long; what a hook does cannot wedge the flight that it is of.
func TestFlightHooks(t *testing.T) {
	for name, tt := range map[string]struct {
		hook  func(f *flight[string], ctx context.Context)
		takes time.Duration
		fails bool
	}{
		"quick": {func(*flight[string], context.Context) {}, 0, false},
		"slow":  {func(*flight[string], context.Context) { time.Sleep(time.Hour) }, hookTime, false},
		"panic": {func(*flight[string], context.Context) { panic("hook") }, 0, true},
		"exit":  {func(*flight[string], context.Context) { runtime.Goexit() }, 0, true},
		"waits for its own flight": {func(f *flight[string], ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			if err := f.wait(ctx, "op"); !errors.Is(err, context.DeadlineExceeded) {
				panic(err)
			}
		}, 100 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				started := make(chan struct{})
				published, called := false, false
				var f *flight[string]
				f = launch(t.Context(), time.Second, func(ctx context.Context) (string, error) {
					<-started
					// What the work itself waits for is never its own end.
					if err := f.wait(ctx, "op"); !errors.Is(err, ErrConfig) {
						t.Errorf("the work waits for itself: %v", err)
					}
					traced(ctx, func() {
						if called = true; !published {
							t.Error("the hook came before the result")
						}
						tt.hook(f, ctx)
					})
					if called {
						t.Error("the hook came within the flight")
					}
					return "good", nil
				}, func(_ context.Context, result string, err error, late bool) (string, error) {
					published = true
					return result, err
				})
				start := monotonic()
				close(started)
				if err := f.wait(t.Context(), "op"); err != nil {
					t.Fatal(err)
				}
				if took := monotonic().Sub(start); took != tt.takes {
					t.Errorf("it took %v", took)
				}
				if !called || (f.err != nil) != tt.fails || tt.fails && f.result != "" || !tt.fails && f.result != "good" {
					t.Errorf("called %v: %q, %v", called, f.result, f.err)
				}
				time.Sleep(2 * time.Hour) // until the slow hook has ended
			})
		})
	}
}
