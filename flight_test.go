package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// flown is how a flight landed.
type flown struct {
	mu      sync.Mutex // a late end comes on another goroutine
	results []string
	errs    []error
	late    []bool
}

func (f *flown) land(_ context.Context, result string, err error, late bool) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
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
				synctest.Wait()
				if len(how.late) != 1 || how.late[0] {
					t.Errorf("landed %d times", len(how.late))
				}
				if tt.want == "" {
					if f.err != nil || f.result != "good" {
						t.Errorf("%q, %v", f.result, f.err)
					}
					return
				}
				if f.err == nil || f.result != "" || !errors.Is(f.err, tt.is) || !strings.Contains(f.err.Error(), tt.want) ||
					strings.Contains(f.err.Error(), "secret") {
					t.Errorf("%q, %v, want %q", f.result, f.err, tt.want)
				}
			})
		})
	}
}

// TestNilPanic: one that recover does not tell from none is no success either.
func TestNilPanic(t *testing.T) {
	t.Setenv("GODEBUG", "panicnil=1")
	fall := func() { panic(any(nil)) }
	if err := guarded(func() error { fall(); return nil }); !errors.Is(err, ErrUnavailable) {
		t.Errorf("guarded: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := detached(ctx, true, func() (string, error) { fall(); return "", nil }, nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("detached: %v", err)
	}
	s := newUnitServer()
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Revoked = func(context.Context, *AccessToken) (bool, error) { fall(); return true, nil }
	})
	_, err := authenticate(t, rs, bearer(s.accessToken(t, nil)))
	wantError(t, err, ErrUnavailable, "Revoked")
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
		synctest.Wait()
		if len(how.late) != 2 || how.late[0] || !how.late[1] || how.results[1] != "late" {
			t.Errorf("landed %q, late %v", how.results, how.late)
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
				published := false
				var called atomic.Bool // a slow hook goes on beside the test
				var f *flight[string]
				f = launch(t.Context(), time.Second, func(ctx context.Context) (string, error) {
					<-started
					// What the work itself waits for is never its own end.
					if err := f.wait(ctx, "op"); !errors.Is(err, ErrConfig) {
						t.Errorf("the work waits for itself: %v", err)
					}
					traced(ctx, func() {
						if called.Store(true); !published {
							t.Error("the hook came before the result")
						}
						tt.hook(f, ctx)
					})
					if called.Load() {
						t.Error("the hook came within the flight")
					}
					return "good", nil
				}, func(_ context.Context, result string, err error, late bool) (string, error) {
					if late {
						t.Error("work that ended in time was given up, while its hook ran")
					}
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
				if !called.Load() || (f.err != nil) != tt.fails || tt.fails && f.result != "" || !tt.fails && f.result != "good" {
					t.Errorf("called %v: %q, %v", called.Load(), f.result, f.err)
				}
				time.Sleep(2 * time.Hour) // until the slow hook has ended
			})
		})
	}
}

// TestDetached: nobody waits for a round tripper beyond the own context or timeout, what
// comes late is closed, and a panic is the caller's.
func TestDetached(t *testing.T) {
	const late = 10 * time.Second
	slow := func(body io.ReadCloser) httpFunc {
		return func(r *http.Request) (*http.Response, error) {
			time.Sleep(late)
			return &http.Response{StatusCode: 200, Body: body, Request: r}, nil
		}
	}
	endless := httpFunc(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(slowReader(late)), Request: r}, nil
	})
	do := func(rt http.RoundTripper, timeout time.Duration) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := newCaller(&http.Client{Transport: rt, Timeout: timeout}, false, nil).do(ctx, httpGet("https://op.example/"))
			return err
		}
	}
	body := &closeCounter{Reader: strings.NewReader("{}")}
	for name, tt := range map[string]struct {
		call  func(context.Context) error
		limit time.Duration // of the context
		want  time.Duration
		fails bool
	}{
		"do, context":       {do(slow(body), 0), time.Second, time.Second, true},
		"do, timeout":       {do(slow(body), time.Second), time.Minute, time.Second, true},
		"do, body, context": {do(endless, 0), time.Second, time.Second, true},
		"do, body, timeout": {do(endless, time.Second), time.Minute, time.Second, true},
		"do, in time":       {do(slow(body), 0), time.Minute, late, false},
		"do, no limit":      {do(slow(body), 0), 0, late, false},
		"send": {func(ctx context.Context) error {
			c := newCaller(nil, false, nil)
			res, err := c.send(slow(body), protectedRequest(t, "GET", unitAPI, nil).WithContext(ctx), "test")
			if res != nil {
				t.Error("an answer came with the error")
			}
			return err
		}, time.Second, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				*body = closeCounter{Reader: strings.NewReader("{}")}
				ctx := t.Context()
				if tt.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.limit)
					defer cancel()
				}
				start := monotonic()
				err := tt.call(ctx)
				if took := monotonic().Sub(start); took != tt.want {
					t.Errorf("it took %v", took)
				}
				if (err != nil) != tt.fails || tt.fails && !(errors.Is(err, ErrNetwork) && errors.Is(err, context.DeadlineExceeded)) {
					t.Errorf("error %v", err)
				}
				time.Sleep(2 * late)
				synctest.Wait()
				if !strings.Contains(name, "body") && body.closed != 1 {
					t.Errorf("the answer was closed %d times", body.closed)
				}
			})
		})
	}
}

// slowReader takes its time and ends.
type slowReader time.Duration

func (r slowReader) Read([]byte) (int, error) { time.Sleep(time.Duration(r)); return 0, io.EOF }

// TestDetachedPanics: a panic of a round tripper is that of the caller's goroutine, where
// net/http's server recovers it, and says where it was.
func TestDetachedPanics(t *testing.T) {
	for name, tt := range map[string]struct {
		value any
		same  bool
	}{
		"text":            {"the fault", false},
		"error":           {io.EOF, false},
		"ErrAbortHandler": {http.ErrAbortHandler, true},
	} {
		t.Run(name, func(t *testing.T) {
			rt := httpFunc(func(*http.Request) (*http.Response, error) { panic(tt.value) })
			defer func() {
				v := recover()
				if tt.same && v != tt.value {
					t.Errorf("the panic is about %v", v)
				}
				if err, _ := v.(error); !tt.same &&
					(err == nil || !strings.Contains(err.Error(), fmt.Sprint(tt.value)) || !strings.Contains(err.Error(), "flight_test.go")) {
					t.Errorf("the panic is about %v", v)
				}
				if cause, ok := tt.value.(error); ok && !errors.Is(v.(error), cause) {
					t.Errorf("%v is not found in %v", cause, v)
				}
			}()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			newCaller(rt.client(), false, nil).do(ctx, httpGet("https://op.example/"))
			t.Error("no panic")
		})
	}
	exit := httpFunc(func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil })
	_, err := newCaller(exit.client(), false, nil).do(t.Context(), httpGet("https://op.example/"))
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("after Goexit: %v", err)
	}
	// One that comes when nobody waits is nobody's: it does not end the process.
	synctest.Test(t, func(t *testing.T) {
		rt := httpFunc(func(*http.Request) (*http.Response, error) { time.Sleep(time.Minute); panic("late") })
		_, err := newCaller(&http.Client{Transport: rt, Timeout: time.Second}, false, nil).do(t.Context(), httpGet("https://op.example/"))
		wantError(t, err, ErrNetwork, "")
		time.Sleep(time.Hour)
	})
}

// TestFlightLands: a panic of what publishes the result fails the flight, not the process.
func TestFlightLands(t *testing.T) {
	f := launch(
		t.Context(),
		time.Second,
		func(context.Context) (string, error) { return "good", nil },
		func(context.Context, string, error, bool) (string, error) { panic("clock") },
	)
	if err := f.wait(t.Context(), "op"); err != nil || !errors.Is(f.err, ErrUnavailable) || f.result != "" {
		t.Errorf("%v: %q, %v", err, f.result, f.err)
	}
}

// TestDetachedLate: a result that nobody waits for is handed on, and what is done with it
// ends no process. What came with an error is none.
func TestDetachedLate(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func() (string, error)
		late []string
	}{
		"result": {func() (string, error) { return "good", nil }, []string{"good"}},
		"error":  {func() (string, error) { return "bad", io.EOF }, nil},
		"panic":  {func() (string, error) { panic("bad") }, nil},
		"Goexit": {func() (string, error) { runtime.Goexit(); return "", nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				var late []string
				got, err := detached(ctx, true, func() (string, error) { time.Sleep(time.Minute); return tt.end() }, func(s string) {
					late = append(late, s)
					panic("close")
				})
				if got != "" || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%q, %v", got, err)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if !slices.Equal(late, tt.late) {
					t.Errorf("late: %q", late)
				}
			})
		})
	}
}

// tiedContext has ended when its Done is asked for again, and so has all else.
type tiedContext struct {
	context.Context
	cancel context.CancelFunc
	asked  int
}

func (c *tiedContext) Done() <-chan struct{} {
	if c.asked++; c.asked == 2 {
		c.cancel()
		synctest.Wait()
	}
	return c.Context.Done()
}

// TestDetachedTie: a result that comes as the context ends is not lost. Which of the two
// is seen first is a throw of the dice, and there are many here.
func TestDetachedTie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 64 {
			ctx, cancel := context.WithCancel(t.Context())
			got, err := detached(
				&tiedContext{Context: ctx, cancel: cancel}, true,
				func() (string, error) { return "good", nil },
				func(string) { t.Error("the result is late") },
			)
			if got != "good" || err != nil {
				t.Fatalf("%q, %v", got, err)
			}
			// With an error there is no result, whichever of the two errors it is.
			ctx, cancel = context.WithCancel(t.Context())
			got, err = detached(&tiedContext{Context: ctx, cancel: cancel}, true, func() (string, error) { return "", io.EOF }, nil)
			if got != "" || !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
				t.Fatalf("%q, %v", got, err)
			}
		}
	})
}

// TestDetachedWhere: what nobody could leave is called as it is, and a panic of it is as
// it was. A context that has come out of its flight is as any other.
func TestDetachedWhere(t *testing.T) {
	ended := new(hookQueue)
	ended.run()
	for name, tt := range map[string]struct {
		queue   *hookQueue
		foreign bool
		limit   time.Duration
		moved   bool
	}{
		"foreign":             {nil, true, time.Second, true},
		"heeds the context":   {nil, false, time.Second, false},
		"no end":              {nil, true, 0, false},
		"in a flight":         {new(hookQueue), true, time.Second, false},
		"in one that is over": {ended, true, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := context.Background()
				if tt.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.limit)
					defer cancel()
				}
				if tt.queue != nil {
					ctx = context.WithValue(ctx, hookQueueKey{}, tt.queue)
				}
				func() {
					defer func() {
						if v := recover(); (v != any("fault")) != tt.moved {
							t.Errorf("the panic is about %v", v)
						}
					}()
					detached(ctx, tt.foreign, func() (string, error) { panic("fault") }, nil)
				}()
				start := monotonic()
				_, err := detached(ctx, tt.foreign, func() (string, error) { time.Sleep(time.Minute); return "", nil }, nil)
				if took := monotonic().Sub(start); (err != nil) != tt.moved || tt.moved != (took == tt.limit) {
					t.Errorf("%v after %v", err, took)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestMovedPanicIsGuarded: nothing in the error of a panic that came from another
// goroutine has the text of what it was about.
func TestMovedPanicIsGuarded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fault := guarded(func() error {
		_, err := detached(ctx, true, func() (string, error) { panic("secret-text") }, nil)
		return err
	})
	errs := []error{fault}
	for i := 0; i < len(errs); i++ {
		if strings.Contains(errs[i].Error(), "secret-text") {
			t.Errorf("%T: %v", errs[i], errs[i])
		}
		switch err := errs[i].(type) {
		case interface{ Unwrap() []error }:
			errs = append(errs, err.Unwrap()...)
		case interface{ Unwrap() error }:
			if err := err.Unwrap(); err != nil {
				errs = append(errs, err)
			}
		}
	}
	if !errors.Is(fault, ErrUnavailable) || len(errs) < 3 {
		t.Errorf("%v: %d errors", fault, len(errs))
	}
}

// TestTracedLater: what a hook causes when its flight is over is traced at once.
func TestTracedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		f := launch(t.Context(), time.Second, func(ctx context.Context) (string, error) {
			traced(ctx, func() {
				traced(ctx, func() { calls++ })
				if calls != 1 {
					t.Errorf("%d calls", calls)
				}
			})
			return "good", nil
		}, new(flown).land)
		if err := f.wait(t.Context(), "op"); err != nil || f.err != nil || calls != 1 {
			t.Errorf("%v, %v, %d calls", err, f.err, calls)
		}
	})
}

// TestLatestLooksAgain: who has found nothing fresh, and waits for the lock while another
// caller brings it, has it not fetched once more.
func TestLatestLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l latest[int]
		fetches := 0
		look := func() (*flight[*int], error) {
			f, lasts, err := l.look(func(now *int) bool { return now != nil }, func() {
				fetches++
				l.flight = launch(t.Context(), time.Second, func(context.Context) (*int, error) { time.Sleep(time.Nanosecond); return new(int), nil },
					func(_ context.Context, next *int, err error, _ bool) (*int, error) {
						l.mu.Lock()
						defer l.mu.Unlock()
						l.landed(err)
						l.current.Store(next)
						return next, err
					})
			})
			if lasts {
				t.Error("there was no outage")
			}
			return f, err
		}
		first, err := look()
		if second, _ := look(); first == nil || first != second || err != nil {
			t.Errorf("%v and %v, %v", first, second, err)
		}
		synctest.Wait()
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if f, err := look(); f != nil || err != nil || fetches != 1 {
			t.Errorf("%v, %v; %d fetches", f, err, fetches)
		}
		time.Sleep(time.Second)
	})
}
