package oauth

// This file implements the renewal of a Transport's token: when there is one, who
// waits for it, and what becomes of its result.

import (
	"context"
	"errors"
	"net/http"
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

// reject marks the token, unless it was replaced meanwhile, and reports whether
// another one may do better. A resource that refuses them all does not have a new
// one made for each request.
func (tr *Transport) reject(t *Token) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.token != t || tr.rejected == t {
		return true
	}
	now := monotonic()
	if !tr.rejectedAt.IsZero() && elapsed(tr.rejectedAt) < maxRefreshBackoff {
		return false
	}
	tr.rejected, tr.rejectedAt = t, now
	return true
}

// current returns a token to use, renewed if need be.
func (tr *Transport) current(ctx context.Context) (*Token, error) {
	tr.mu.Lock()
	now := tr.c.clock.local()
	t, usable := tr.token, tr.usable(now)
	stale := tr.renew != nil && (!usable || !t.Expiry.IsZero() && !now.Add(tr.early).Before(t.Expiry))
	if tr.ended || tr.failures > 0 && monotonic().Before(tr.retryAt) {
		stale = false // there is no renewal now
	}
	if tr.flight == nil && !stale && !tr.unsaved {
		err := tr.lastErr
		tr.mu.Unlock()
		if usable {
			return t, nil
		}
		return nil, err
	}
	if tr.flight == nil {
		tr.flight = launch(ctx, refreshTimeout, func(ctx context.Context) (*Token, error) { return nil, tr.run(ctx, stale) }, tr.land)
	}
	f := tr.flight
	tr.mu.Unlock()
	if err := f.wait(ctx, opProtected); err != nil {
		return nil, err
	}
	return f.result, f.err
}

// usable reports whether the token is good as far as is known. Without a way to
// renew it, that is for the resource to say.
func (tr *Transport) usable(now time.Time) bool {
	t := tr.token
	return t != nil && (tr.renew == nil || t != tr.rejected && (t.Expiry.IsZero() || now.Before(t.Expiry)))
}

// run renews the token if it is stale, and stores it if that is still to be
// done, for all that wait.
func (tr *Transport) run(ctx context.Context, stale bool) error {
	var err error
	if stale {
		err = tr.renewed(ctx)
	}
	// After a failed renewal too: the token that there is may be the only one.
	if hookErr := tr.store(ctx); err == nil {
		err = hookErr
	}
	return err
}

// land says what those who waited for run get.
func (tr *Transport) land(_ context.Context, _ *Token, err error, late bool) (*Token, error) {
	if late {
		return nil, err
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if err == nil {
		err = tr.lastErr // of a renewal that is put off
	}
	tr.flight = nil
	// The old token is still good for a while: it was renewed early.
	if err != nil && (tr.unsaved || !tr.usable(tr.c.clock.local())) {
		return nil, err
	}
	return tr.token, nil
}

// renewed gets a new token and keeps it, whatever comes after.
func (tr *Transport) renewed(ctx context.Context) error {
	t, err := tr.renew(ctx, tr.Token())
	if err == nil && t == nil {
		err = fail(ErrConfig, "Renew", "returned neither a token nor an error")
	}
	if err == nil {
		_, err = tr.c.authorization(t)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.lastErr = err; err != nil {
		tr.retryAt = monotonic().Add(min(refreshBackoff<<min(tr.failures, maxDoublings), maxRefreshBackoff))
		tr.failures++
		var refused *ResponseError
		tr.ended = errors.As(err, &refused) && refused.Code == "invalid_grant" || spent(err) // it was used up
		return err
	}
	own := *t
	tr.token, tr.rejected, tr.unsaved, tr.failures = &own, nil, tr.hook != nil, 0
	// Of a token that lives for seconds, half the life is early enough.
	tr.early = earlyRefresh
	if !own.Expiry.IsZero() {
		tr.early = min(tr.early, max(0, tr.c.clock.left(own.Expiry)/2))
	}
	return nil
}

// store offers the token to the hook, until it has taken it.
func (tr *Transport) store(ctx context.Context) error {
	tr.mu.Lock()
	t, unsaved := tr.token, tr.unsaved
	tr.mu.Unlock()
	if !unsaved {
		return nil
	}
	own := *t
	if err := tr.hook(ctx, &own); err != nil {
		return &Error{Op: opProtected, Param: "OnRefresh", Detail: "the new token could not be stored", Err: err}
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.unsaved = false // the token is still t: there is one flight at a time
	return nil
}
