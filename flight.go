package oauth

// This file implements flights: work that several callers wait for, on a goroutine
// that outlives each of them. What runs there is in part not the package's own
// (round trippers, client authentication, signers, hooks), and can hang, panic or
// end its goroutine: it then fails its flight, and nothing else.

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A flight is work under way. Its result is there when done is closed.
type flight[T any] struct {
	done   chan struct{}
	result T // both are set before done is closed
	err    error

	hooks *hookQueue
}

// launch starts work, with the values of ctx, for limit at the most. land is told how
// it ended and publishes that, before anybody who waits goes on; what it returns is
// the result for them. Work that does not end although its context did is given up
// for, and land called with an error; should it end after all, land is called again,
// with late set.
func launch[T any](ctx context.Context, limit time.Duration, work func(context.Context) (T, error), land func(ctx context.Context, result T, err error, late bool) (T, error)) *flight[T] {
	f := &flight[T]{done: make(chan struct{}), hooks: new(hookQueue)}
	ctx, cancel := context.WithTimeout(valuesOf(ctx), limit)
	ctx = context.WithValue(ctx, hookQueueKey{}, f.hooks)
	var mu sync.Mutex
	landed := false
	end := func(result T, err error) {
		mu.Lock()
		late := landed
		landed = true
		mu.Unlock()
		if fault := guarded(func() error { // it reads the program's Clock
			result, err = land(ctx, result, err, late)
			return nil
		}); fault != nil {
			var none T
			result, err = none, fault
		}
		if !late {
			f.release(result, err)
		}
	}
	giveUp := time.AfterFunc(limit+flightGrace, func() {
		var none T
		end(none, fail(ErrUnavailable, "", "given up after %v: what makes the request goes on although its context ended", limit+flightGrace))
	})
	go func() {
		defer cancel()
		var result T
		err := goexit()
		defer func() { // a Goexit, too, runs it
			giveUp.Stop() // before the hooks, which may take long
			end(result, err)
		}()
		err = guarded(func() (err error) {
			result, err = work(ctx)
			return err
		})
	}()
	return f
}

// valuesOf is a context with the values of ctx alone. A nil one, the mistake of a caller,
// has none: it panics in wait, for what is launched under a lock would leave it locked.
func valuesOf(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return context.WithoutCancel(ctx)
}

// release runs the hooks and lets go on who waits, or does that before a hook that
// takes too long has ended.
func (f *flight[T]) release(result T, err error) {
	f.result, f.err = result, err
	var mu sync.Mutex
	released := false
	open := func(hookErr error) {
		mu.Lock()
		defer mu.Unlock()
		if released {
			return
		}
		if released = true; hookErr != nil {
			var none T
			f.result, f.err = none, hookErr
		}
		close(f.done)
	}
	timer := time.AfterFunc(hookTime, func() { open(nil) })
	defer timer.Stop()
	hookErr := goexit()
	defer func() { open(hookErr) }()
	hookErr = guarded(f.hooks.run)
}

// wait returns when result and err of the flight are there, or with the error of the
// context that ended before. What runs within the flight would wait for itself.
func (f *flight[T]) wait(ctx context.Context, op string) error {
	if q := hooksOf(ctx); q == f.hooks && !q.isClosed() {
		return withOp(op, &Error{Kind: ErrConfig, Detail: "is called by what it waits for itself: a hook, round tripper or client authentication must not use what it serves"})
	}
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return withOp(op, &Error{Detail: "given up", Err: ctx.Err()})
	}
}

// ---- what flights bring

// A latest is what a server published when it was last asked, and how to come by a newer
// one: one flight at a time, and after failures none before the back-off is over.
type latest[T any] struct {
	current atomic.Pointer[T] // nil: none yet

	mu     sync.Mutex
	flight *flight[*T]
	outage outage
}

// look returns the flight that is under way, or that begin starts under the lock, and
// whether an outage lasts. There is none in the back-off, which has an error, and none if
// what there is is fresh: another caller may have brought it meanwhile.
func (l *latest[T]) look(fresh func(*T) bool, begin func()) (f *flight[*T], lasts bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if fresh(l.current.Load()) {
		return nil, false, nil
	}
	lasts = l.outage.lasts()
	if l.flight == nil {
		if l.outage.backsOff() {
			return nil, lasts, l.outage.err
		}
		begin()
	}
	return l.flight, lasts, nil
}

// landed notes how the flight ended, under the lock.
func (l *latest[T]) landed(err error) {
	if l.flight = nil; err == nil {
		l.outage = outage{}
	} else {
		l.outage.add(err)
	}
}

// ---- a caller's own

// detached returns what f returns, or the error of the context if that ends before:
// a round tripper need not look at it. f then goes on, on a goroutine of its own, and
// late is given the result that nobody waits for. A panic of f is one of the caller.
// What heeds the context by itself is called as it is, and so is what runs within a
// flight, which is given up as a whole: what comes after all is its late result, with
// a refresh token in it perhaps.
func detached[T any](ctx context.Context, foreign bool, f func() (T, error), late func(T)) (T, error) {
	if q := hooksOf(ctx); !foreign || ctx.Done() == nil || q != nil && !q.isClosed() {
		return f()
	}
	type outcome struct {
		result T
		err    error
		panic  any
	}
	ended := make(chan outcome, 1)
	var mu sync.Mutex
	left := false
	go func() {
		o := outcome{err: goexit()} // until f returns: a panic leaves it there
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			if !left {
				ended <- o
			} else if late != nil && o.err == nil {
				guarded(func() error { late(o.result); return nil }) // nobody is there to hear of a panic
			}
		}()
		defer func() { o.panic = moved(recover()) }()
		o.result, o.err = f()
	}()
	select {
	case o := <-ended:
		if o.panic != nil {
			panic(o.panic)
		}
		return o.result, o.err
	case <-ctx.Done():
	}
	mu.Lock()
	defer mu.Unlock()
	left = true
	var none T
	select {
	case o := <-ended: // it came at the same time
		if o.err == nil {
			return o.result, nil
		}
	default:
	}
	return none, ctx.Err()
}

// A movedPanic is a panic of another goroutine, with where it was.
type movedPanic struct {
	value any
	stack []byte
}

func moved(v any) any {
	if v == nil || v == http.ErrAbortHandler { // net/http compares it
		return v
	}
	return movedPanic{v, debug.Stack()}
}

func (p movedPanic) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

func (p movedPanic) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// ---- hooks

// A hookQueue holds the calls of a Trace back until the result of a flight is
// published: a hook that uses the KeySet or Transport that it hears of would wait for
// itself else.
type hookQueue struct {
	mu     sync.Mutex
	calls  []func()
	closed bool
}

type hookQueueKey struct{}

// hooksOf is the queue of the flight that ctx belongs to; nil if there is none.
func hooksOf(ctx context.Context) *hookQueue {
	q, _ := ctx.Value(hookQueueKey{}).(*hookQueue)
	return q
}

// traced calls a hook, or leaves that to the end of the flight that ctx belongs to.
func traced(ctx context.Context, call func()) {
	if q := hooksOf(ctx); q == nil || !q.add(call) {
		call()
	}
}

func (q *hookQueue) add(call func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.calls = append(q.calls, call)
	return true
}

func (q *hookQueue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

func (q *hookQueue) run() error {
	q.mu.Lock()
	calls := q.calls
	q.calls, q.closed = nil, true
	q.mu.Unlock()
	for _, call := range calls {
		call()
	}
	return nil
}

// ---- panics

// goexit is the error of what ended the goroutine that it was called on.
func goexit() error {
	return fail(ErrUnavailable, "", "what was called ended its goroutine (runtime.Goexit)")
}

// guarded calls f and makes an error of a panic.
func guarded(f func() error) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover() // nil: a Goexit, which nothing stops, or panic(nil) with GODEBUG=panicnil=1
		if p, ok := v.(movedPanic); ok {
			v = p.value
		}
		err = &Error{Kind: ErrUnavailable, Detail: "what was called panicked", Err: panicError{v}}
	}()
	err = f()
	returned = true
	return err
}

// A panicError names what a panic was about. A text that is not the runtime's could
// have anything in it, a token too: errors.As and errors.Is reach an error that was
// the value of the panic.
type panicError struct{ value any }

func (e panicError) Error() string {
	err, _ := e.value.(error)
	if fault, ok := errorAs[runtime.Error](err); ok {
		return fault.Error()
	}
	return fmt.Sprintf("a value of type %T", e.value)
}

func (e panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}
