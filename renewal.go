package oauth

// This file implements the renewal of a Transport's token: when there is one, who
// waits for it, and what becomes of its result.

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A keptToken is the token that a Transport keeps fresh, and the state of
// the flight that brings or stores the next one.
type keptToken struct {
	c    *Client
	hook func(context.Context, *Token) error

	// renew is nil where there is no way to renew. It also reports whether the
	// session is over.
	renew func(context.Context, *Token) (t *Token, over bool, err error)

	mu        sync.Mutex
	token     *Token               // nil: none yet; what it points to is not changed
	until     time.Time            // its expiry by monotonic time, where it has one
	refusedBy []string             // origins that refused it
	refusedAt map[string]time.Time // when an origin last refused any
	unsaved   bool                 // hook has not taken the token yet
	storing   bool                 // hook is running
	offered   *Token               // what was stored by a flight of its own
	early     time.Duration

	// pending makes a Token of an answer that came for the refresh token that token
	// had before, and could not be verified yet; nil: there is none.
	pending func(context.Context) (*Token, error)

	flight   *flight[*Token]
	renews   bool  // the flight is a renewal, not only the storing of its result
	settled  bool  // the result of that renewal is here
	flights  int   // that there were
	renewals int   // that brought a token
	lastErr  error // of the last renewal; nil after a good one
	failures int
	retryAt  time.Time // before it there is no renewal, after failures
	ended    bool      // there is none any more: the session is over
}

// invalidToken reports whether a resource refused the token, under the scheme
// that it was sent with: RFC 6750, Section 3.1; RFC 9449, Section 7.1.
func invalidToken(h http.Header, t *Token) bool {
	scheme := "Bearer"
	if strings.EqualFold(t.TokenType, "dpop") {
		scheme = "DPoP"
	}
	return challengeError(h, scheme) == "invalid_token"
}

const opProtected = "protected resource"

// reject notes that the origin refused the token, unless that was replaced meanwhile,
// and reports whether another one may do better. A resource that refuses them all
// does not have a new one made for each request.
func (k *keptToken) reject(accessToken, origin string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	// A refresh token that was rotated makes another Token of the same access token.
	if k.token == nil || !sameSecret(k.token.AccessToken.Reveal(), accessToken) || slices.Contains(k.refusedBy, origin) {
		return true
	}
	now := monotonic()
	if last, ok := k.refusedAt[origin]; ok && now.Before(last.Add(maxRefreshBackoff)) {
		return false
	}
	k.refusedBy, k.refusedAt[origin] = append(k.refusedBy, origin), now
	return true
}

// current returns a token to use at the origin, renewed if need be.
func (k *keptToken) current(ctx context.Context, origin string) (*Token, error) {
	now := k.c.clock.local() // the program's own code, which must not fall over behind the lock
	k.mu.Lock()
	t, usable := k.token, k.usable(now, origin)
	stale := k.stale(now, usable)
	switch {
	case usable && !stale && !k.unsaved: // whatever is under way for the sake of another origin
		k.mu.Unlock()
		return t, nil
	case k.flight == nil && !stale && !k.unsaved:
		err := k.lastErr
		k.mu.Unlock()
		return nil, err
	}
	if k.flight == nil {
		k.launch(ctx, stale)
	}
	f := k.flight
	k.mu.Unlock()
	if err := f.wait(ctx, opProtected); err != nil {
		return nil, err
	}
	if f.err == nil {
		return f.result, nil
	}
	now = k.c.clock.local()
	k.mu.Lock()
	defer k.mu.Unlock()
	// The old token is still good for a while: it was renewed early.
	if k.unsaved || !k.usable(now, origin) {
		return nil, f.err
	}
	return k.token, nil
}

// fresh returns a token that is valid and that the origin has not refused, at once if
// there is one.
func (k *keptToken) fresh(ctx context.Context, origin string) (*Token, error) {
	now := k.c.clock.local()
	k.mu.Lock()
	t := k.token
	valid := k.usable(now, origin) && !k.expired(now, 0)
	if valid && !k.unsaved {
		if k.flight == nil && k.stale(now, true) {
			k.launch(ctx, true)
		}
		k.mu.Unlock()
		return t, nil
	}
	k.mu.Unlock()
	t, err := k.current(ctx, origin)
	if err == nil && k.c.Expired(t, 0) { // it cannot be renewed, or Renew has returned it so
		return nil, fail(ErrExpired, "Expiry", "the token expired at %s, and there is no newer one", stamp(t.Expiry))
	}
	return t, err
}

// stale reports whether a renewal is to begin; k is locked.
func (k *keptToken) stale(now time.Time, usable bool) bool {
	if k.renew == nil || k.ended || k.waits(usable) {
		return false
	}
	return !usable || k.pending != nil || k.expired(now, k.early)
}

// waits reports whether failures have put off the next renewal. An answer that is
// there already is held against keys that may have come meanwhile as soon as
// nothing else is of use: the KeySet has a back-off of its own.
func (k *keptToken) waits(usable bool) bool {
	return k.failures > 0 && monotonic().Before(k.retryAt) && (usable || k.pending == nil)
}

// usable reports whether the token is good at the origin as far as is known. Without
// a way to renew it, that is for the resource to say.
func (k *keptToken) usable(now time.Time, origin string) bool {
	return k.token != nil && (k.renew == nil || !slices.Contains(k.refusedBy, origin) && !k.expired(now, 0))
}

// expired reports whether the token ends within d, by the wall clock or by the time
// that has gone by: a clock that was ahead when the token came must not keep it for as
// long, and monotonic time stands still while a machine sleeps.
func (k *keptToken) expired(now time.Time, d time.Duration) bool {
	return !k.token.Expiry.IsZero() && (!now.Add(d).Before(k.token.Expiry) || !monotonic().Add(d).Before(k.until))
}

// lifetimeOf is how long a token lives; of one whose expiry is not known it is not used.
func (k *keptToken) lifetimeOf(t *Token) time.Duration {
	if t == nil || t.Expiry.IsZero() {
		return earlyRefresh * 2
	}
	return max(0, k.c.clock.left(t.Expiry))
}

// use makes t the token, which lives for so long; k is locked, or nobody else has it yet.
func (k *keptToken) use(t *Token, lifetime time.Duration) {
	if k.token, k.refusedBy = t.clone(), nil; !t.Expiry.IsZero() {
		k.until = monotonic().Add(lifetime)
	}
}

// launch begins a flight, for all that wait; k is locked.
func (k *keptToken) launch(ctx context.Context, stale bool) {
	k.flights++
	n := k.flights
	k.renews, k.settled = stale, true // until run renews it
	half := monotonic().Add(refreshTimeout / 2)
	k.flight = launch(ctx, refreshTimeout, func(ctx context.Context) (*Token, error) { return nil, k.run(ctx, n, stale, half) }, k.land)
}

// run is the n-th flight: it renews the token if it is stale, and stores it if that is
// still to be done. half of its time is over then: a renewal has to begin before, and so
// never begins in a flight that was given up.
func (k *keptToken) run(ctx context.Context, n int, stale bool, half time.Time) error {
	// First: a refresh token is not spent before it is stored. If the process ended then,
	// the store would have one that the server replaced twice, which no grace covers.
	err := k.store(ctx)
	k.mu.Lock()
	renews := err == nil && stale
	if renews && monotonic().After(half) { // its answer would be cut off, with a token in it, or is late already
		renews = false
		err = withOp(opProtected, &Error{Kind: ErrUnavailable, Detail: "OnRefresh has taken so long, or the process has stood still, that the renewal would be cut off: the next request begins it"})
	}
	if renews { // what has not begun has not failed, and is not put off
		k.settled = false
	}
	k.mu.Unlock()
	if !renews {
		return err
	}
	err = k.renewed(ctx, n)
	k.mu.Lock()
	late := k.isLate(n)
	k.mu.Unlock()
	if late { // who stores the token is the flight after this one
		return err
	}
	// After a failed renewal too: the token that there is may be the only one.
	if hookErr := k.store(ctx); err == nil {
		err = hookErr
	}
	return err
}

// isLate reports whether the n-th flight was given up.
func (k *keptToken) isLate(n int) bool { return k.flight == nil || k.flights != n }

// land says what those who waited for run get.
func (k *keptToken) land(ctx context.Context, _ *Token, err error, late bool) (*Token, error) {
	now := k.c.clock.local()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !late {
		k.flight = nil
	}
	died := !late && !k.settled // it panicked, or was given up
	if died {
		err = k.failed(now, err, false)
	}
	// It may have got a refresh token all the same, which is not left to the next
	// request: there may be none in this process. Once for each Token: a hook that
	// outlives its context every time must not go on by itself for ever.
	if (late || died) && k.unsaved && k.flight == nil && k.offered != k.token {
		k.offered = k.token
		k.launch(ctx, false)
	}
	if err == nil {
		err = k.lastErr // of a renewal that is put off
	}
	return k.token, err
}

// renewed gets a new token and keeps it, whatever comes after.
func (k *keptToken) renewed(ctx context.Context, n int) error {
	k.mu.Lock()
	old, pending, renewals := k.token.clone(), k.pending, k.renewals
	k.mu.Unlock()
	ctx = context.WithValue(ctx, rotationKey{}, rotation(k.rotated))
	var t *Token
	var over bool
	var err error
	if pending != nil {
		t, err = pending(ctx)
	} else {
		t, over, err = k.renew(ctx, old)
	}
	if err == nil && t == nil {
		err = fail(ErrConfig, "Renew", "returned neither a token nor an error")
	}
	if err == nil {
		_, err = k.c.authorization(t)
	}
	now, lifetime := k.c.clock.local(), k.lifetimeOf(t) // the program's own code, in front of the lock
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.isLate(n) {
		// Another renewal has begun since, and what it got is newer.
		if err != nil || k.renewals != renewals || !k.holds(t.RefreshToken) && !k.holds(old.refreshToken()) {
			return err
		}
	} else if k.settled = true; err != nil {
		return k.failed(now, err, over)
	}
	// Of a token that lives for seconds, half the life is early enough.
	k.early = min(earlyRefresh, lifetime/2)
	k.use(t, lifetime)
	k.renewals++
	k.pending, k.unsaved = nil, k.hook != nil
	k.lastErr, k.failures, k.ended = nil, 0, false
	return nil
}

// rotated keeps a refresh token as soon as it is there, with what else is known:
// that it is of the same session.
func (k *keptToken) rotated(old, fresh Secret) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.token == nil || !k.holds(old) || k.holds(fresh) { // a renewal of something else, or none
		return
	}
	t := k.token.clone()
	t.RefreshToken = fresh
	k.token, k.unsaved, k.ended = t, k.hook != nil, false
}

// holds reports whether the token has this refresh token.
func (k *keptToken) holds(refreshToken Secret) bool {
	return sameSecret(k.token.refreshToken().Reveal(), refreshToken.Reveal())
}

func (t *Token) refreshToken() Secret {
	if t == nil {
		return Secret{}
	}
	return t.RefreshToken
}

// failed puts the next renewal off, or ends the renewals; k is locked.
func (k *keptToken) failed(now time.Time, err error, over bool) error {
	k.pending = nil
	if rotated, ok := errorAs[*RefreshError](err); ok && k.holds(rotated.RefreshToken) {
		k.pending = rotated.verifyAgain
	}
	backoff := min(refreshBackoff<<min(k.failures, maxDoublings), maxRefreshBackoff)
	k.retryAt = monotonic().Add(backoff)
	k.failures++
	k.ended = over
	next := "the session is over: the user has to log in again"
	if !over {
		next = "the token could not be renewed, and the next try is at " + stamp(now.Add(backoff)) + " or by Renew"
	}
	k.lastErr = &renewalError{next, err}
	return k.lastErr
}

// A renewalError adds to the error of a renewal what comes next. It is no *Error:
// errors.As finds that of the cause.
type renewalError struct {
	next string
	err  error
}

func (e *renewalError) Error() string {
	return (&Error{Op: opProtected, Detail: e.next, Err: e.err}).Error()
}

func (e *renewalError) Unwrap() error { return e.err }

// store offers the token to the hook, until it has taken it.
func (k *keptToken) store(ctx context.Context) error {
	k.mu.Lock()
	t, unsaved, storing := k.token, k.unsaved, k.storing
	k.storing = storing || unsaved
	k.mu.Unlock()
	switch {
	case !unsaved:
		return nil
	case storing:
		return withOp(opProtected, &Error{Kind: ErrUnavailable, Param: "OnRefresh", Detail: "has not returned from its last call yet"})
	}
	stored := false
	defer func() { // also of a panic or Goexit
		k.mu.Lock()
		defer k.mu.Unlock()
		k.storing = false
		if stored && k.token == t {
			k.unsaved = false
		}
	}()
	if err := k.hook(ctx, t.clone()); err != nil {
		return withOp(opProtected, &Error{Param: "OnRefresh", Detail: "the new token could not be stored, and is offered again at the next request", Err: err})
	}
	stored = true
	return nil
}

func (k *keptToken) renewNow(ctx context.Context) error {
	for {
		k.mu.Lock()
		switch {
		case k.renew == nil:
			k.mu.Unlock()
			return fail(ErrConfig, "Renew", "is nil, and there is no refresh token: the token cannot be renewed")
		case k.ended:
			err := k.lastErr
			k.mu.Unlock()
			return err
		case k.flight == nil:
			k.launch(ctx, true)
		}
		f, renews := k.flight, k.renews
		k.mu.Unlock()
		if err := f.wait(ctx, opProtected); err != nil {
			return err
		}
		if renews {
			return f.err
		}
	}
}
