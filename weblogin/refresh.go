package weblogin

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"example.com/oauth"
)

const (
	refreshEarly = 30 * time.Second // before the token expires
	refreshTime  = 30 * time.Second // that the request may take
	waitTime     = 30 * time.Second // for another process
	// leaseTime is longer than a process can need, from the lease to the result in the
	// store, by clocks that differ: one that has not stored a result by then has died.
	leaseTime  = waitTime + refreshTime + maxStoreTime + oauth.DefaultTolerance
	leasePoll  = 200 * time.Millisecond
	retryPause = 5 * time.Second // after a refresh that failed

	maxStoreTime = 20 * time.Second
)

// storeTime is how long storing the result of a refresh may take. Tests make it shorter.
var storeTime = maxStoreTime

// Token returns the token of the session, and refreshes it 30 seconds before it expires.
// All requests of the session share one refresh, in all processes that share the Store. A
// new token is stored before it is returned, and a refresh goes on if the request ends that
// began it.
//
// If the session has ended, or if the server ends it now, the error matches [ErrEnded], and
// the user must log in again. If the provider has no Tokens, it matches [oauth.ErrConfig].
// If the token has expired and there is no refresh token, or if the session began before
// the provider had Tokens, it matches [oauth.ErrExpired]. If
// the Store fails, or if another process has not finished its refresh, it matches
// [oauth.ErrUnavailable]. The other errors are those of [oauth.Client.Refresh]; there is no
// further attempt for 5 seconds.
func (s *Session) Token(ctx context.Context) (*oauth.Token, error) {
	h := s.h
	p := h.provider(s.content.Provider)
	if h.store == nil || p == nil || !p.Tokens {
		return nil, fail("Providers.Tokens", "is not set: the session has no tokens")
	}
	now, err := h.stored(ctx, s.name)
	if err != nil {
		return nil, err
	}
	good := !now.token.AccessToken.IsZero() && !p.Client.Expired(now.token, 0)
	switch {
	case now.token.AccessToken.IsZero():
		return nil, &oauth.Error{Op: "weblogin", Kind: oauth.ErrExpired, Detail: "the session has no access token: it began before Tokens was set"}
	case good && (now.token.RefreshToken.IsZero() || !p.Client.Expired(now.token, refreshEarly)):
		return now.token, nil
	case now.token.RefreshToken.IsZero():
		return nil, &oauth.Error{Op: "weblogin", Kind: oauth.ErrExpired, Detail: "the token has expired, and there is no refresh token"}
	}
	text, err := h.flights.do(ctx, s.name, func(ctx context.Context) ([]byte, error) { return h.refresh(ctx, s.name, p) })
	switch {
	case err == nil: // each caller has a Token of its own
		fresh := new(oauth.Token)
		return fresh, fresh.UnmarshalBinary(text)
	case good && !errors.Is(err, ErrEnded):
		return now.token, nil
	}
	return nil, err
}

func storeFailed(detail string, err error) error {
	return &oauth.Error{Op: "weblogin", Kind: oauth.ErrUnavailable, Param: "Store", Detail: detail, Err: err}
}

// A storedContent is what the store has of a session.
type storedContent struct {
	*content
	version int64
	token   *oauth.Token
}

// stored returns what the store has of a session now.
func (h *Handler) stored(ctx context.Context, name string) (*storedContent, error) {
	c, version, err := h.store.get(ctx, name)
	if err != nil {
		return nil, storeFailed("cannot be asked for the session", err)
	}
	if c == nil || !c.good(h.now()) {
		return nil, ErrEnded
	}
	token := new(oauth.Token)
	if err := token.UnmarshalBinary(c.Token); err != nil {
		return nil, ErrEnded
	}
	return &storedContent{c, version, token}, nil
}

// change writes a change of a session, on top of those that others make at the same time.
// It tries until ctx ends: what a server has rotated must not be lost.
func (h *Handler) change(ctx context.Context, name string, change func(*content) (wanted bool)) (*storedContent, error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		now, err := h.stored(ctx, name)
		if err == nil {
			if !change(now.content) {
				return now, nil
			}
			if err = h.store.put(ctx, name, now.content, now.version+1); err == nil {
				return now, nil
			}
			err = storeFailed("cannot keep the session", err)
		}
		if errors.Is(err, ErrEnded) || pause(ctx, wait) != nil {
			return nil, err
		}
	}
}

// until reports whether a time is ahead, and not further than it can have been set to by a
// clock that is right, or nearly: each process has its own.
func (h *Handler) until(milliseconds int64, atMost time.Duration) bool {
	left := time.UnixMilli(milliseconds).Sub(h.now())
	return left > 0 && left <= atMost+oauth.DefaultTolerance
}

// refresh refreshes the token of a session, or waits for another process that does. It
// returns the token as the store has it then.
func (h *Handler) refresh(ctx context.Context, name string, p *provider) ([]byte, error) {
	ctx = context.WithoutCancel(ctx)
	waiting, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	if last := h.flights.unsaved(name); last != nil { // of a refresh whose result could not be stored
		if _, err := h.keep(ctx, name, last, false); err != nil {
			return nil, err
		}
	}
	owner, failed := rand.Text(), false
	for {
		now, err := h.stored(waiting, name)
		if err != nil {
			return nil, err
		}
		switch {
		case !p.Client.Expired(now.token, refreshEarly): // by another process
			return now.Token, nil
		case h.until(now.Retry, retryPause):
			return nil, &oauth.Error{Op: "weblogin", Kind: oauth.ErrUnavailable, Detail: "the last refresh has failed just now"}
		case now.Owner == owner: // the answer of the store was lost
			return h.refreshed(ctx, name, owner, p, now)
		case h.until(now.Lease, leaseTime):
			err = &oauth.Error{Op: "weblogin", Kind: oauth.ErrUnavailable, Detail: "another process refreshes the token, and has not finished"}
		default:
			now.Owner, now.Lease = owner, h.now().Add(leaseTime).UnixMilli()
			if err = h.store.put(waiting, name, now.content, now.version+1); err == nil {
				return h.refreshed(ctx, name, owner, p, now)
			}
			conflict := errors.Is(err, ErrConflict)
			if err = storeFailed("cannot keep the session", err); !conflict && failed {
				return nil, err
			}
			failed = failed || !conflict // once more: it may have been stored
		}
		if pause(waiting, leasePoll) != nil {
			return nil, err
		}
	}
}

// refreshed makes the request, and keeps what came of it.
func (h *Handler) refreshed(ctx context.Context, name, owner string, p *provider, now *storedContent) ([]byte, error) {
	request, cancel := context.WithTimeout(ctx, refreshTime)
	fresh, err := p.Client.Refresh(request, now.token, nil)
	cancel()
	result := &renewed{old: now.Token, ends: time.Unix(now.Ends, 0)}
	var rotated *oauth.RefreshError
	// Not errors.As: another request may be refused, such as one for a client assertion.
	refused, _ := err.(*oauth.ResponseError)
	switch {
	case err == nil:
		if result.fresh, err = fresh.MarshalBinary(); err != nil {
			return nil, err
		}
		return h.keep(ctx, name, result, false)
	case errors.As(err, &rotated):
		now.token.RefreshToken = rotated.RefreshToken
		var wrong error
		if result.fresh, wrong = now.token.MarshalBinary(); wrong == nil {
			h.keep(ctx, name, result, true)
		}
		return nil, err
	case refused != nil && refused.Code == "invalid_grant":
		return h.endAt(ctx, name, now.Token, err)
	}
	storing, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	h.change(storing, name, func(c *content) bool {
		if c.Owner != owner { // who has it now
			return false
		}
		c.Owner, c.Lease, c.Retry = "", 0, h.now().Add(retryPause).UnixMilli()
		return true
	})
	return nil, err
}

// keep stores a token in place of the one that it was refreshed from, and returns the one
// that the store has then. If the refresh has failed for another reason, it is not tried
// again at once.
func (h *Handler) keep(ctx context.Context, name string, r *renewed, failed bool) ([]byte, error) {
	storing, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	now, err := h.change(storing, name, func(c *content) bool {
		if !bytes.Equal(c.Token, r.old) {
			return false // another process has stored one that is newer
		}
		c.Token, c.Owner, c.Lease, c.Retry, c.Seen = r.fresh, "", 0, 0, max(c.Seen, h.now().Unix())
		if failed {
			c.Retry = h.now().Add(retryPause).UnixMilli()
		}
		return true
	})
	if err != nil && !errors.Is(err, ErrEnded) {
		h.flights.save(name, r, h.now())
		return nil, err
	}
	h.flights.forget(name)
	if err != nil {
		return nil, err
	}
	return now.Token, nil
}

// endAt ends a session whose refresh token the server refuses, unless another process has
// stored a newer one.
func (h *Handler) endAt(ctx context.Context, name string, old []byte, cause error) ([]byte, error) {
	storing, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	now, err := h.change(storing, name, func(c *content) bool {
		if !bytes.Equal(c.Token, old) {
			return false
		}
		c.Ends = 0 // first, so that nothing is deleted that has changed meanwhile
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case now.Ends != 0:
		return now.Token, nil
	}
	h.store.delete(storing, name) // which else expires
	return nil, endedBecause{cause}
}

// endedBecause is ErrEnded with its cause.
type endedBecause struct{ error }

func (e endedBecause) Unwrap() error        { return e.error }
func (e endedBecause) Is(target error) bool { return target == ErrEnded }

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flights are the refreshes that are under way in this process, by session, and what could
// not be stored of those before.
type flights struct {
	mu   sync.Mutex
	m    map[string]*refreshFlight
	kept map[string]*renewed
}

type refreshFlight struct {
	done  chan struct{}
	token []byte
	err   error
}

// A renewed is a token with the one that it was refreshed from, as a store has them.
type renewed struct {
	old, fresh []byte
	ends       time.Time // the session, at the latest
}

// maxUnsaved bounds what is kept in memory while the store is down.
const maxUnsaved = 10_000

func (fs *flights) unsaved(name string) *renewed {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.kept[name]
}

// save keeps a token that the store has not taken, for the next request of the session.
func (fs *flights) save(name string, r *renewed, now time.Time) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.kept == nil {
		fs.kept = map[string]*renewed{}
	}
	if len(fs.kept) >= maxUnsaved {
		maps.DeleteFunc(fs.kept, func(_ string, r *renewed) bool { return !now.Before(r.ends) })
	}
	if len(fs.kept) < maxUnsaved {
		fs.kept[name] = r
	}
}

func (fs *flights) forget(name string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.kept, name)
}

// do returns what f returns, or what it returned to another caller that came before it has
// ended. f goes on if its callers give up.
func (fs *flights) do(ctx context.Context, key string, f func(context.Context) ([]byte, error)) ([]byte, error) {
	fs.mu.Lock()
	flight := fs.m[key]
	if flight == nil {
		flight = &refreshFlight{done: make(chan struct{})}
		if fs.m == nil {
			fs.m = map[string]*refreshFlight{}
		}
		fs.m[key] = flight
		go fs.run(ctx, key, flight, f)
	}
	fs.mu.Unlock()
	limit := time.NewTimer(waitTime + leaseTime)
	defer limit.Stop()
	select {
	case <-flight.done:
		return flight.token, flight.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-limit.C: // of a store that does not look at its context
		return nil, storeFailed("does not answer", nil)
	}
}

func (fs *flights) run(ctx context.Context, key string, flight *refreshFlight, f func(context.Context) ([]byte, error)) {
	// The program's store and HTTP client may panic, which must not end the process, or end
	// their goroutine.
	flight.err = storeFailed("or the HTTP client has ended its goroutine", nil)
	defer func() {
		if v := recover(); v != nil {
			flight.err = storeFailed(fmt.Sprintf("or the HTTP client panicked with a %T", v), nil)
		}
		fs.mu.Lock()
		delete(fs.m, key)
		fs.mu.Unlock()
		close(flight.done)
	}()
	flight.token, flight.err = f(ctx)
}
