package oauth

// This file implements Clients that discover their server when they first need it.

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
)

// NewClientFromIssuer returns a Client of the server with the given issuer identifier,
// whose metadata it fetches when they are first needed, as [Discover] does with these
// options. It makes no request itself, so that a program can start while the server or the
// network is down. cfg.Server must be nil. If opts is nil, it is the zero DiscoverOptions.
// If opts.HTTPClient is nil, the metadata are fetched as keys are: by cfg.HTTPClient, with
// the RootCAs of cfg.MTLS, and without a client certificate.
//
// The metadata are fetched again as the keys of a [KeySet] are. When they are 5 minutes
// old, the next call starts a refresh and does not wait for it. When they are twice as old,
// it waits, unless a fetch has failed within the last 5 minutes. Callers share one fetch. If
// a refresh fails, the Client goes on with the metadata that it has; see
// Trace.MetadataFetched. After a failure, there is no fetch for 1 second. That time doubles
// with each failure, up to 60 seconds. If opts.AnyPlace is set, a refresh asks only where
// the metadata were found. The document must then spell the issuer as before, byte for byte.
// A call uses the metadata that there are when it begins.
//
// Every call that needs the server can fail for want of the metadata. Until they can be
// had, its error matches [ErrUnavailable]. If the document names another issuer, or if the
// metadata show that cfg is wrong, for example because of an algorithm, it matches
// [ErrConfig] or, as for [NewClient], [ErrUnsupported]. It does not match [ErrInvalid],
// because it says nothing about a token. [Client.Do] and a [Transport] whose token is valid
// do not need the metadata.
//
// NewClientFromIssuer returns the errors of NewClient for everything that does not depend
// on the metadata. If issuer or opts is invalid, the error matches [ErrConfig] or
// [ErrInsecureURL], as for Discover. opts.InsecureAllowHTTP must not be set if
// cfg.InsecureAllowHTTP is not. HTTPClient must not use the Client.
func NewClientFromIssuer(issuer string, opts *DiscoverOptions, cfg Config) (*Client, error) {
	c, err := clientFromIssuer(issuer, opts, cfg)
	if err != nil {
		return nil, withOp(opConfig, err)
	}
	return c, nil
}

func clientFromIssuer(issuer string, opts *DiscoverOptions, cfg Config) (*Client, error) {
	var o DiscoverOptions
	if opts != nil {
		o = *opts
	}
	switch {
	case cfg.Server != nil:
		return nil, fail(ErrConfig, "Server", "is set: NewClient makes a Client of metadata that are known")
	case o.InsecureAllowHTTP && !cfg.InsecureAllowHTTP:
		return nil, fail(ErrConfig, "InsecureAllowHTTP", "is set in DiscoverOptions, and not in Config")
	}
	o.InsecureAllowHTTP = cfg.InsecureAllowHTTP
	at, err := o.locate(issuer)
	if err != nil {
		return nil, err
	}
	cfg.Server = &AuthorizationServer{Issuer: at.Issuer}
	c, err := baseClient(cfg, nil)
	if err != nil {
		return nil, err
	}
	// What a server cannot make right is wrong now.
	able := *c
	able.server = ableServer(at.Issuer)
	if err := able.checkServer(&cfg); err != nil {
		return nil, err
	}
	// The program may change what it has passed.
	cfg.Metadata, cfg.AllowTokenTypes, cfg.TrustedAudiences = c.meta, c.tokenTypes, c.audiences
	d := &discovery{at: at, caller: c.keyCaller, cfg: cfg, base: c}
	if o.HTTPClient != nil {
		d.caller = newCaller(o.HTTPClient, o.InsecureAllowHTTP, cfg.Trace)
	}
	c.discovery = d
	return c, nil
}

// ableServer are the metadata of a server that can do everything, for checkServer. No
// request is made with them.
func ableServer(issuer string) *AuthorizationServer {
	return &AuthorizationServer{
		Issuer:                             issuer,
		AuthorizationEndpoint:              issuer,
		TokenEndpoint:                      issuer,
		PushedAuthorizationRequestEndpoint: issuer,

		AuthorizationResponseIssParameterSupported: true,
		TLSClientCertificateBoundAccessTokens:      true,
	}
}

// A discovery has the Client of the metadata as they are now.
type discovery struct {
	at     *located
	caller *caller
	cfg    Config  // but for Server
	base   *Client // that NewClientFromIssuer returned

	latest[discovered]
}

// A discovered is a Client with the document that it is of.
type discovered struct {
	client  *Client
	place   string            // of the document
	hash    [sha256.Size]byte // of what it says
	fetched moment            // when the fetch began
}

func (d *discovered) fresh() bool { return d != nil && d.fetched.age() < keySoftAge }

func (d *discovery) atHand() *Client {
	if now := d.current.Load(); now != nil {
		return now.client
	}
	return d.base
}

func (d *discovery) closeIdle() { d.caller.closeIdle() }

// client has newer metadata fetched if they are old, and waits for these if they are very
// old or not there yet.
func (d *discovery) client(ctx context.Context) (*Client, error) {
	if now := d.current.Load(); now.fresh() {
		return now.client, nil
	}
	f, lasts, err := d.look((*discovered).fresh, func() { d.flight = launch(ctx, keyFetchTimeout, d.fetch, d.land) })
	if now := d.current.Load(); now != nil && (lasts || now.fetched.age() < 2*keySoftAge) {
		return now.client, nil
	}
	if f != nil {
		if err := f.wait(ctx, opDiscover); err != nil {
			return nil, err
		}
		err = f.err
	}
	if now := d.current.Load(); now != nil {
		return now.client, nil
	}
	return nil, err
}

// fetch gets the document, and makes a Client of it if it is another than before.
func (d *discovery) fetch(ctx context.Context) (*discovered, error) {
	next := &discovered{fetched: thisMoment()}
	before := d.current.Load()
	at := *d.at
	if before != nil {
		at.places = []string{before.place} // an error there does not make another document the right one
	}
	doc, err := at.discover(ctx, d.caller)
	if err != nil {
		if errors.Is(err, ErrIssuer) {
			return nil, misfit(err)
		}
		return nil, &Error{Op: opDiscover, Kind: ErrUnavailable, Detail: "the metadata of the server cannot be had", Err: withoutCode(err)}
	}
	if before != nil && doc.server.Issuer != before.client.server.Issuer { // by a slash at the end
		return nil, misfit(fail(ErrIssuer, "issuer", "the document is that of %s now, and was that of %s",
			printable(doc.server.Issuer, 256), printable(before.client.server.Issuer, 256)))
	}
	next.place, next.hash = doc.place, sha256.Sum256([]byte(doc.body))
	if before != nil && before.hash == next.hash {
		next.client = before.client
		return next, nil
	}
	cfg := d.cfg
	cfg.Server = doc.server
	if next.client, err = newClient(cfg, d.atHand()); err != nil {
		return nil, misfit(err)
	}
	return next, nil
}

// withoutCode takes the error code out of a refusal of the document. It would say something
// of a token or of a request for one, of which the document knows nothing: a program deletes
// a refresh token for invalid_grant.
func withoutCode(err error) error {
	refused, ok := err.(*ResponseError)
	if !ok || refused.Code == "" {
		return err
	}
	own := *refused
	own.Code = ""
	return withNote("its error is "+printable(refused.Code, 64), &own)
}

// misfit is the error of metadata that do not go with the configuration. It is none of a
// token, whose check they were fetched for.
func misfit(err error) error {
	kind := ErrConfig
	if errors.Is(err, ErrUnsupported) {
		kind = ErrUnsupported
	}
	return &Error{Op: opDiscover, Kind: kind, Detail: "the metadata of the server do not fit: " + strings.TrimPrefix(err.Error(), "oauth: ")}
}

// land publishes what a flight brought, but not after it was given up.
func (d *discovery) land(ctx context.Context, next *discovered, err error, late bool) (*discovered, error) {
	if late {
		return nil, err
	}
	changed := false
	d.mu.Lock()
	if d.landed(err); err == nil {
		before := d.current.Swap(next)
		changed = before == nil || before.client != next.client
	}
	d.mu.Unlock()
	d.cfg.Trace.metadataFetched(ctx, MetadataInfo{Issuer: d.at.Issuer, Changed: changed, Err: err})
	return next, err
}
