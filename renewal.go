package oauth

// This file implements the renewal of a Transport's token: when there is one, who
// waits for it, and what becomes of its result.

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// invalidToken reports whether a resource refused the token, under the scheme
// that it was sent with: RFC 6750, Section 3.1; RFC 9449, Section 7.1.
func invalidToken(h http.Header, t *Token) bool {
	scheme := "Bearer"
	if strings.EqualFold(t.TokenType, "dpop") {
		scheme = "DPoP"
	}
	return challengeError(h, scheme) == "invalid_token"
}

// reject notes that the origin refused the token, unless that was replaced meanwhile,
// and reports whether another one may do better. A resource that refuses them all
// does not have a new one made for each request.
func (tr *Transport) reject(t *Token, origin string) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	// A refresh token that was rotated makes another Token of the same access token.
	if !sameSecret(tr.token.AccessToken.Reveal(), t.AccessToken.Reveal()) || slices.Contains(tr.refusedBy, origin) {
		return true
	}
	now := monotonic()
	if last, ok := tr.refusedAt[origin]; ok && now.Before(last.Add(maxRefreshBackoff)) {
		return false
	}
	tr.refusedBy, tr.refusedAt[origin] = append(tr.refusedBy, origin), now
	return true
}

// current returns a token to use at the origin, renewed if need be.
func (tr *Transport) current(ctx context.Context, origin string) (*Token, error) {
	now := tr.c.clock.local() // the program's own code, which must not fall over behind the lock
	tr.mu.Lock()
	t, usable := tr.token, tr.usable(now, origin)
	stale := tr.renew != nil && (!usable || tr.pending != nil || tr.expired(now, tr.early))
	if tr.ended || tr.waits(usable) {
		stale = false // there is no renewal now
	}
	switch {
	case usable && !stale && !tr.unsaved: // whatever is under way for the sake of another origin
		tr.mu.Unlock()
		return t, nil
	case tr.flight == nil && !stale && !tr.unsaved:
		err := tr.lastErr
		tr.mu.Unlock()
		return nil, err
	}
	if tr.flight == nil {
		tr.launch(ctx, stale)
	}
	f := tr.flight
	tr.mu.Unlock()
	if err := f.wait(ctx, opProtected); err != nil {
		return nil, err
	}
	if f.err == nil {
		return f.result, nil
	}
	now = tr.c.clock.local()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	// The old token is still good for a while: it was renewed early.
	if tr.unsaved || !tr.usable(now, origin) {
		return nil, f.err
	}
	return tr.token, nil
}

// waits reports whether failures have put off the next renewal. An answer that is
// there already is held against keys that may have come meanwhile as soon as
// nothing else is of use: the KeySet has a back-off of its own.
func (tr *Transport) waits(usable bool) bool {
	return tr.failures > 0 && monotonic().Before(tr.retryAt) && (usable || tr.pending == nil)
}

// usable reports whether the token is good at the origin as far as is known. Without
// a way to renew it, that is for the resource to say.
func (tr *Transport) usable(now time.Time, origin string) bool {
	return tr.token != nil && (tr.renew == nil || !slices.Contains(tr.refusedBy, origin) && !tr.expired(now, 0))
}

// expired reports whether the token ends within d, by the wall clock or by the time
// that has gone by: a clock that was ahead when the token came must not keep it for as
// long, and monotonic time stands still while a machine sleeps.
func (tr *Transport) expired(now time.Time, d time.Duration) bool {
	return !tr.token.Expiry.IsZero() && (!now.Add(d).Before(tr.token.Expiry) || !monotonic().Add(d).Before(tr.until))
}

// use makes t the token, and returns how long it lives; tr is locked, or nobody else
// has it yet.
func (tr *Transport) use(t *Token) (lifetime time.Duration) {
	if lifetime = earlyRefresh * 2; !t.Expiry.IsZero() { // else it is not known, and not used
		lifetime = max(0, tr.c.clock.left(t.Expiry)) // the program's own code, before anything changes
	}
	tr.token, tr.refusedBy = t.clone(), nil
	if t.Expiry.IsZero() {
		return lifetime
	}
	tr.until = monotonic().Add(lifetime)
	return lifetime
}

// launch begins a flight, for all that wait; tr is locked.
func (tr *Transport) launch(ctx context.Context, stale bool) {
	tr.flights++
	n := tr.flights
	tr.renews, tr.settled = stale, !stale
	tr.flight = launch(ctx, refreshTimeout, func(ctx context.Context) (*Token, error) { return nil, tr.run(ctx, n, stale) }, tr.land)
}

// run is the n-th flight: it renews the token if it is stale, and stores it if that is
// still to be done.
func (tr *Transport) run(ctx context.Context, n int, stale bool) error {
	var err error
	if stale {
		err = tr.renewed(ctx, n)
	}
	tr.mu.Lock()
	late := tr.isLate(n)
	tr.mu.Unlock()
	if late { // who stores the token is the flight after this one
		return err
	}
	// After a failed renewal too: the token that there is may be the only one.
	if hookErr := tr.store(ctx); err == nil {
		err = hookErr
	}
	return err
}

// isLate reports whether the n-th flight was given up.
func (tr *Transport) isLate(n int) bool { return tr.flight == nil || tr.flights != n }

// land says what those who waited for run get.
func (tr *Transport) land(ctx context.Context, _ *Token, err error, late bool) (*Token, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if !late {
		tr.flight = nil
	}
	died := !late && !tr.settled // it panicked, or was given up
	if died {
		err = tr.failed(err, false)
	}
	// It may have got a refresh token all the same, which is not left to the next
	// request: there may be none in this process. Once for each Token: a hook that
	// outlives its context every time must not go on by itself for ever.
	if (late || died) && tr.unsaved && tr.flight == nil && tr.offered != tr.token {
		tr.offered = tr.token
		tr.launch(ctx, false)
	}
	if err == nil {
		err = tr.lastErr // of a renewal that is put off
	}
	return tr.token, err
}

// renewed gets a new token and keeps it, whatever comes after.
func (tr *Transport) renewed(ctx context.Context, n int) error {
	tr.mu.Lock()
	old, pending, renewals := tr.token.clone(), tr.pending, tr.renewals
	tr.mu.Unlock()
	ctx = context.WithValue(ctx, rotationKey{}, rotation(tr.rotated))
	var t *Token
	var over bool
	var err error
	if pending != nil {
		t, err = pending(ctx)
	} else {
		t, over, err = tr.renew(ctx, old)
	}
	if err == nil && t == nil {
		err = fail(ErrConfig, "Renew", "returned neither a token nor an error")
	}
	if err == nil {
		_, err = tr.c.authorization(t)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.isLate(n) {
		// Another renewal has begun since, and what it got is newer.
		if err != nil || tr.renewals != renewals || !tr.holds(t.RefreshToken) && !tr.holds(old.refreshToken()) {
			return err
		}
	} else if tr.settled = true; err != nil {
		return tr.failed(err, over)
	}
	// Of a token that lives for seconds, half the life is early enough.
	tr.early = min(earlyRefresh, tr.use(t)/2)
	tr.renewals++
	tr.pending, tr.unsaved = nil, tr.hook != nil
	tr.lastErr, tr.failures, tr.ended = nil, 0, false
	return nil
}

// rotated keeps a refresh token as soon as it is there, with what else is known:
// that it is of the same session.
func (tr *Transport) rotated(old, fresh Secret) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.token == nil || !tr.holds(old) || tr.holds(fresh) { // a renewal of something else, or none
		return
	}
	t := tr.token.clone()
	t.RefreshToken = fresh
	tr.token, tr.unsaved, tr.ended = t, tr.hook != nil, false
}

// holds reports whether the token has this refresh token.
func (tr *Transport) holds(refreshToken Secret) bool {
	return sameSecret(tr.token.refreshToken().Reveal(), refreshToken.Reveal())
}

func (t *Token) refreshToken() Secret {
	if t == nil {
		return Secret{}
	}
	return t.RefreshToken
}

// failed puts the next renewal off, or ends the renewals; tr is locked.
func (tr *Transport) failed(err error, over bool) error {
	tr.pending = nil
	var rotated *RefreshError
	if errors.As(err, &rotated) && tr.holds(rotated.RefreshToken) {
		tr.pending = rotated.again
	}
	backoff := min(refreshBackoff<<min(tr.failures, maxDoublings), maxRefreshBackoff)
	tr.retryAt = monotonic().Add(backoff)
	tr.failures++
	tr.ended = over
	next := "the session is over: the user has to log in again"
	if !over {
		next = "the token could not be renewed, and the next try is at " + stamp(tr.c.clock.local().Add(backoff)) + " or by Renew"
	}
	tr.lastErr = &renewalError{next, err}
	return tr.lastErr
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
func (tr *Transport) store(ctx context.Context) error {
	tr.mu.Lock()
	t, unsaved, storing := tr.token, tr.unsaved, tr.storing
	tr.storing = storing || unsaved
	tr.mu.Unlock()
	switch {
	case !unsaved:
		return nil
	case storing:
		return &Error{Kind: ErrUnavailable, Op: opProtected, Param: "OnRefresh", Detail: "has not returned from its last call yet"}
	}
	stored := false
	defer func() { // also of a panic or Goexit
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.storing = false
		if stored && tr.token == t {
			tr.unsaved = false
		}
	}()
	if err := tr.hook(ctx, t.clone()); err != nil {
		return &Error{Op: opProtected, Param: "OnRefresh", Detail: "the new token could not be stored, and is offered again at the next request", Err: err}
	}
	stored = true
	return nil
}

// Renew renews the token now: also if it is still good, and if a renewal has failed
// just before. If a renewal is under way, Renew waits for it and makes none of its own.
// It is for programs that know better than the clock, for example after the server
// has told them that the user's rights have changed.
//
// Renew returns when the new token is stored. The errors are those of
// TransportOptions.Renew or [Client.Refresh], and of OnRefresh. If the Transport has no
// way to renew its token, the error matches [ErrConfig].
func (tr *Transport) Renew(ctx context.Context) error {
	if err := tr.renewNow(ctx); err != nil {
		return withOp(opProtected, err)
	}
	return nil
}

func (tr *Transport) renewNow(ctx context.Context) error {
	if tr == nil || tr.c == nil {
		return fail(ErrConfig, "Transport", "is nil or empty: NewTransport makes one")
	}
	for {
		tr.mu.Lock()
		switch {
		case tr.renew == nil:
			tr.mu.Unlock()
			return fail(ErrConfig, "Renew", "is nil, and there is no refresh token: the token cannot be renewed")
		case tr.ended:
			err := tr.lastErr
			tr.mu.Unlock()
			return err
		case tr.flight == nil:
			tr.launch(ctx, true)
		}
		f, renews := tr.flight, tr.renews
		tr.mu.Unlock()
		if err := f.wait(ctx, opProtected); err != nil {
			return err
		}
		if renews {
			return f.err
		}
	}
}
