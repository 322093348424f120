package oauth

// This file implements Clients that discover their server when they first need it.

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
)

// NewClientFromIssuer returns a Client of the server with the given issuer identifier,
// whose metadata it fetches when they are first needed, as [Discover] does with these
// options. It makes no request itself, so that a program can start while the server or the
// network is down. cfg.Server must be nil. If opts is nil, it is the zero DiscoverOptions.
// If opts.HTTPClient is nil, it is cfg.HTTPClient, and http is allowed if either
// InsecureAllowHTTP says so.
//
// The metadata are fetched again as the keys of a [KeySet] are: when they are 5 minutes
// old, the next call starts a refresh and does not wait for it, and when they are twice as
// old, it waits. Callers share one fetch. If a refresh fails, the Client goes on with the
// metadata that it has. After a failure, there is no fetch for 1 second; that time doubles
// with each failure, up to 60 seconds.
//
// Every call that needs the server can fail for want of the metadata. Until they can be
// had, its error matches [ErrUnavailable]. If the document names another issuer, it matches
// [ErrIssuer]. If the metadata show that cfg is wrong, for example because of an algorithm,
// the call returns the error that NewClient would. These two do not match ErrUnavailable,
// because they do not pass by themselves. [Client.Do] and a [Transport] whose token is valid do not need the
// metadata.
//
// NewClientFromIssuer returns the errors of [NewClient]. If issuer or opts is invalid, the
// error matches [ErrConfig] or [ErrInsecureURL], as for Discover.
func NewClientFromIssuer(issuer string, opts *DiscoverOptions, cfg Config) (*Client, error) {
	c, err := clientFromIssuer(issuer, opts, cfg)
	if err != nil {
		return nil, withOp(opConfig, err)
	}
	return c, nil
}

func clientFromIssuer(issuer string, opts *DiscoverOptions, cfg Config) (*Client, error) {
	if cfg.Server != nil {
		return nil, fail(ErrConfig, "Server", "is set: NewClient makes a Client of metadata that are known")
	}
	var o DiscoverOptions
	if opts != nil {
		o = *opts
	}
	o.InsecureAllowHTTP = o.InsecureAllowHTTP || cfg.InsecureAllowHTTP
	if o.HTTPClient == nil {
		o.HTTPClient = cfg.HTTPClient
	}
	document, err := o.locate(issuer)
	if err != nil {
		return nil, err
	}
	for _, place := range document.places {
		if _, err := parseFetchURL(document.param, place, o.InsecureAllowHTTP); err != nil {
			return nil, err
		}
	}
	cfg.Server = &AuthorizationServer{Issuer: document.Issuer}
	c, err := baseClient(cfg, nil)
	if err != nil {
		return nil, err
	}
	c.discovery = &discovery{
		document: document, caller: newCaller(o.HTTPClient, o.InsecureAllowHTTP, cfg.Trace), cfg: cfg, base: c,
	}
	return c, nil
}

// A discovery has the Client of the metadata as they are now.
type discovery struct {
	document *located
	caller   *caller
	cfg      Config  // but for Server
	base     *Client // that NewClientFromIssuer returned

	current atomic.Pointer[discovered]

	mu     sync.Mutex
	flight *flight[*discovered]
	outage outage
}

// A discovered is a Client with the document that it is of.
type discovered struct {
	client   *Client
	document [sha256.Size]byte // the hash of what the server said
	fetched  moment            // when the fetch began
}

func (d *discovery) atHand() *Client {
	if now := d.current.Load(); now != nil {
		return now.client
	}
	return nil
}

func (d *discovery) closeIdle() { d.caller.closeIdle() }

// client has newer metadata fetched if they are old, and waits for these if they are very
// old or not there yet.
func (d *discovery) client(ctx context.Context) (*Client, error) {
	now := d.current.Load()
	if now != nil && now.fetched.age() < keySoftAge {
		return now.client, nil
	}
	d.mu.Lock()
	f, err := d.join(ctx)
	lasts := d.outage.lasts()
	d.mu.Unlock()
	if now != nil && (lasts || now.fetched.age() < 2*keySoftAge) {
		return now.client, nil
	}
	if err == nil {
		if err := f.wait(ctx, opDiscover); err != nil {
			return nil, err
		}
		err = f.err
	}
	if now := d.current.Load(); now != nil {
		return now.client, nil
	}
	return nil, copied(err) // others have it, too
}

// join returns the fetch that is under way or starts one, but none before the back-off is
// over. It is called under the lock.
func (d *discovery) join(ctx context.Context) (*flight[*discovered], error) {
	if d.flight == nil {
		if d.outage.backsOff() {
			return nil, d.outage.err
		}
		d.flight = launch(ctx, keyFetchTimeout, d.fetch, d.land)
	}
	return d.flight, nil
}

// fetch gets the document, and makes a Client of it if it is another than before.
func (d *discovery) fetch(ctx context.Context) (*discovered, error) {
	next := &discovered{fetched: thisMoment()}
	as, document, err := d.document.discover(ctx, d.caller)
	if err != nil {
		if errors.Is(err, ErrIssuer) {
			return nil, err // which waiting does not help
		}
		return nil, &Error{Op: opDiscover, Kind: ErrUnavailable, Detail: "the metadata of the server cannot be had", Err: err}
	}
	next.document = sha256.Sum256(document)
	before := d.current.Load()
	if before != nil && before.document == next.document {
		next.client = before.client
		return next, nil
	}
	cfg, client := d.cfg, d.base
	if cfg.Server = as; before != nil {
		client = before.client
	}
	next.client, err = newClient(cfg, client)
	return next, withOp(opConfig, err)
}

// land publishes what a flight brought, but not after it was given up.
func (d *discovery) land(_ context.Context, next *discovered, err error, late bool) (*discovered, error) {
	if late {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flight = nil; err != nil {
		d.outage.add(err)
		return nil, err
	}
	d.outage = outage{}
	d.current.Store(next)
	return next, nil
}
