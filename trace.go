package oauth

// This file holds the hooks for observation.

import (
	"context"
	"net/url"
	"time"
)

// A Trace is a set of hooks for metrics and logs, in the manner of
// [net/http/httptrace.ClientTrace]. Any hook may be nil. Hooks may be called
// concurrently.
//
// A hook runs in the goroutine of the call and delays it. If callers share the
// work, as they share a key-set fetch or a token renewal, its hooks run when the
// result is in use and before the callers go on. Such a hook may itself use the
// [KeySet] or [Transport]. Callers wait for it for one second at most.
//
// Hooks receive no secrets: no token, no parameter, and of a URL only scheme, host
// and path.
//
// WARNING: A hook should not panic. A panic in a hook of shared work fails the
// calls that have no other result to use. Elsewhere, it is a panic of the call, and
// the result of the call is lost, for example a refresh token that the server has
// just rotated.
type Trace struct {
	// RequestDone is called after each HTTP request of the package, whether or not
	// there was a response.
	RequestDone func(ctx context.Context, info RequestInfo)

	// KeySetFetched is called after each attempt to fetch a key set.
	KeySetFetched func(ctx context.Context, info KeySetInfo)

	// MetadataFetched is called after each attempt of a Client of [NewClientFromIssuer] to
	// fetch the metadata of its server. If a refresh fails, the Client goes on with the
	// metadata that it has, and only this hook shows it.
	MetadataFetched func(ctx context.Context, info MetadataInfo)

	// RequestRefused is called for each request that [ResourceServer.Authenticate]
	// or [ResourceServer.Require] refuses. Some refusals are normal for every
	// client, for example if a request has no credentials, or if its proof needs a
	// new nonce.
	RequestRefused func(ctx context.Context, info RefusalInfo)
}

// RequestInfo describes an HTTP request of the package.
type RequestInfo struct {
	Op       string        // the operation, as in [Error]
	Method   string        // GET, POST, …
	URL      string        // scheme, host and path
	Status   int           // zero if there was no response
	Duration time.Duration // until the body was read
	Err      error         // why there was no response or it could not be read; nil if it was
}

// KeySetInfo describes an attempt to fetch a key set.
type KeySetInfo struct {
	JWKSURI string // without its query
	Keys    int    // usable keys in the new set
	Skipped int    // keys that cannot be used
	Err     error  // why the fetch failed; nil if it succeeded
}

// MetadataInfo describes an attempt to fetch the metadata of a server.
type MetadataInfo struct {
	Issuer  string // the issuer that the metadata must name
	Changed bool   // whether they are others than before; true for the first
	Err     error  // why they cannot be had or used; nil if they can
}

// RefusalInfo describes a request that a [ResourceServer] refused.
type RefusalInfo struct {
	Method string // GET, POST, …
	Path   string // as it was escaped in the request, without the query
	Status int    // of the response
	Err    error  // why the request was refused; the client learns only its kind
}

// requestBegins is when a request begins, if anybody wants to hear of it.
func (t *Trace) requestBegins() (start time.Time) {
	if t != nil && t.RequestDone != nil {
		start = monotonic()
	}
	return start
}

func (t *Trace) requestDone(ctx context.Context, u *url.URL, start time.Time, info RequestInfo) {
	if t != nil && t.RequestDone != nil {
		info := info // which is on the heap for the hook
		info.URL, info.Duration = withoutQuery(u), elapsed(start)
		traced(ctx, func() { t.RequestDone(ctx, info) })
	}
}

func (t *Trace) keySetFetched(ctx context.Context, info KeySetInfo) {
	if t != nil && t.KeySetFetched != nil {
		traced(ctx, func() { t.KeySetFetched(ctx, info) })
	}
}

func (t *Trace) metadataFetched(ctx context.Context, info MetadataInfo) {
	if t != nil && t.MetadataFetched != nil {
		traced(ctx, func() { t.MetadataFetched(ctx, info) })
	}
}
