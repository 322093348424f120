package oauth

// This file holds the hooks for observation.

import (
	"context"
	"time"
)

// A Trace is a set of hooks in the manner of net/http/httptrace, for metrics
// and logs. Any of them may be nil, and they may run concurrently. They run in the
// goroutine of the call and delay it. Those of work that callers share, a key-set
// fetch or a token renewal, run after its result is in use and before the callers go
// on: a hook may itself use the [KeySet] or [Transport], and callers do not wait for
// one that takes longer than a second. A hook that panics there fails the calls that
// have nothing else to go on with; elsewhere the panic is one of the call, whose
// result is lost, a refresh token that the server has rotated too. Nothing that is secret reaches a hook: no token,
// no parameter, no URL beyond scheme, host and path.
type Trace struct {
	// RequestDone is called after each HTTP request of the package, whether or
	// not an answer came.
	RequestDone func(ctx context.Context, info RequestInfo)

	// KeySetFetched is called after each attempt to fetch a key set.
	KeySetFetched func(ctx context.Context, info KeySetInfo)

	// RequestRefused is called for each request that [ResourceServer.Authenticate] or
	// [ResourceServer.Require] refuses. Some belong to every client's day: those
	// without credentials, and those whose proof needs a new nonce.
	RequestRefused func(ctx context.Context, info RefusalInfo)
}

// RequestInfo describes an HTTP request of the package.
type RequestInfo struct {
	Op       string        // the operation, as in [Error]
	Method   string        // GET, POST, …
	URL      string        // scheme, host and path
	Status   int           // 0: no answer
	Duration time.Duration // until the body was read
	Err      error         // why there is no answer, or it was not read; nil otherwise
}

// KeySetInfo describes an attempt to fetch a key set.
type KeySetInfo struct {
	JWKSURI string // without its query
	Keys    int    // usable keys in the new set
	Skipped int    // keys that cannot be used
	Err     error
}

// RefusalInfo describes a request that a [ResourceServer] refused.
type RefusalInfo struct {
	Method string // GET, POST, …
	Path   string // as it was escaped, without the query
	Status int    // of the answer
	Err    error  // why; the client is told nothing but its kind
}

func (t *Trace) requestDone(ctx context.Context, info RequestInfo) {
	if t != nil && t.RequestDone != nil {
		traced(ctx, func() { t.RequestDone(ctx, info) })
	}
}

func (t *Trace) keySetFetched(ctx context.Context, info KeySetInfo) {
	if t != nil && t.KeySetFetched != nil {
		traced(ctx, func() { t.KeySetFetched(ctx, info) })
	}
}
