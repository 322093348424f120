package oauth

// This file implements what device authorizations (RFC 8628) and CIBA requests
// have in common: a code that the server gave out, with which the client asks
// for the token until somebody has allowed or refused it.

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A pendingGrant is a grant that somebody has yet to allow.
type pendingGrant struct {
	content  *pendingData
	interval atomic.Int64 // seconds between two attempts; slow_down lengthens it
	lost     atomic.Bool  // the last attempt had no answer
}

const opDevice = "device authorization"

const opBackchannel = "backchannel authentication"

// pendingData stands behind a pointer as idTokenData does.
type pendingData struct {
	issuer   string // the server's
	clientID string
	code     string    // device_code or auth_req_id
	scope    string    // that was asked for
	started  time.Time // when the request was made, by the local clock
	expiry   time.Time

	userCode                string // device authorization
	verificationURI         string
	verificationURIComplete string

	notificationToken string // CIBA in ping mode

	verifier string // of PKCE in a device authorization
	resource keptResource
}

// data is never nil: the zero value is inert.
func (g *pendingGrant) data() *pendingData {
	if g == nil || g.content == nil {
		return new(pendingData)
	}
	return g.content
}

func (g *pendingGrant) wait() time.Duration {
	if g == nil {
		return 0
	}
	return seconds(g.interval.Load())
}

// ---- the answer that begins it

// readPending reads what the answers of both endpoints have: the code, its
// lifetime, the interval. started is when the request was made.
func (c *Client) readPending(o *jsonObject, code, scope string, started time.Time) (*pendingData, int64, error) {
	d := &pendingData{issuer: c.server.Issuer, clientID: c.meta.ClientID, scope: scope, started: started.Round(0)}
	var err error
	if d.code, err = o.need(code); err != nil {
		return nil, 0, err
	}
	lifetime, ok, err := o.seconds("expires_in", true)
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, fail(ErrResponse, "expires_in", "is missing")
	}
	d.expiry = c.clock.expiry(lifetime)
	// RFC 8628, Section 3.2: "If no value is provided, clients MUST use 5 as the
	// default". Nobody means an interval of zero.
	interval, _, err := o.pollInterval()
	if err != nil {
		return nil, 0, err
	}
	if interval > int64(maxPollInterval/time.Second) {
		return nil, 0, fail(ErrResponse, "interval", "is longer than %v", maxPollInterval)
	}
	if interval == 0 {
		interval = int64(pollInterval / time.Second)
	}
	return d, interval, nil
}

// pollInterval reads interval. It is the least time to wait, so that a fraction
// counts as a whole second.
func (o *jsonObject) pollInterval() (n int64, ok bool, err error) {
	const name = "interval"
	if n, ok, err = o.seconds(name, true); err != nil || !ok {
		return 0, false, err
	}
	if t, _, err := o.date(name); err == nil && t.Nanosecond() > 0 {
		n++
	}
	return n, true, nil
}

// ---- asking

// form makes the token request, with the code in the parameter that the grant
// has for it.
func (g *pendingGrant) form(c *Client, grantType, param string, opts *GrantOptions) (url.Values, error) {
	d := g.data()
	switch {
	case d.code == "":
		return nil, fail(ErrConfig, param, "is empty: pass what the server's answer was made into, or a restored one")
	case d.issuer != c.server.Issuer || d.clientID != c.meta.ClientID:
		return nil, fail(ErrConfig, param, "belongs to another server or client")
	case !c.clock.local().Before(d.expiry):
		return nil, fail(ErrExpired, param, "expired at %s: start again", stamp(d.expiry))
	}
	form := url.Values{"grant_type": {grantType}, param: {d.code}}
	if d.verifier != "" {
		form.Set("code_verifier", d.verifier)
	}
	return form, opts.repeating(d.resource).pendingForm(form)
}

// attempt asks once.
func (c *Client) attempt(ctx context.Context, g *pendingGrant, grantType, param string, opts *GrantOptions) (*Token, error) {
	got, err := c.ask(ctx, g, grantType, param, opts)
	if err != nil {
		return nil, err
	}
	return c.acceptToken(ctx, got)
}

// ask is an attempt up to the point where the code is used up.
func (c *Client) ask(ctx context.Context, g *pendingGrant, grantType, param string, opts *GrantOptions) (*tokenAnswer, error) {
	form, err := g.form(c, grantType, param, opts)
	if err != nil {
		return nil, err
	}
	d := g.content
	openid := slices.Contains(strings.Fields(d.scope), "openid")
	if openid {
		// A code works once: what it gives has to be verifiable.
		if err := c.needKeys(ctx); err != nil {
			return nil, err
		}
	}
	checks := c.laterChecks()
	checks.requested = d.started.Add(c.clock.Skew)
	// CIBA, Section 7.3: a server may hold the answer until there is one.
	patience := min(pollTimeout, c.clock.left(d.expiry))
	got, err := c.askToken(ctx, form, opts, &tokenExpectation{scope: d.scope, openid: openid, checks: checks, patience: patience})
	refused, _ := errorAs[*ResponseError](err)
	if isPending(err) && refused.Code == "slow_down" {
		g.slowDown(refused)
	}
	if lost := g.lost.Swap(errors.Is(err, ErrNetwork) || errors.Is(err, context.Canceled)); lost && refused != nil && refused.Code == "invalid_grant" {
		err = withOp(opToken, &Error{Detail: "the attempt before had no answer, which may have been the token: start again", Err: err})
	}
	return got, err
}

// slowDown is RFC 8628, Section 3.5: "the interval MUST be increased by 5
// seconds for this and all subsequent requests", or more if the server says so.
func (g *pendingGrant) slowDown(e *ResponseError) {
	next := g.interval.Load() + int64(slowDownStep/time.Second)
	if o, err := parseObject(string(e.Body), answerForm, ErrResponse); err == nil {
		if n, ok, err := o.pollInterval(); ok && err == nil {
			next = max(next, n)
		}
	}
	g.interval.Store(min(next, int64(maxPollInterval/time.Second)))
}

// isPending reports whether the server's answer to the token request says so. That of
// another server, which the client's own code asked for its authentication, does not.
func isPending(err error) bool {
	refused, ok := errorAs[*ResponseError](err)
	return ok && refused.Is(ErrPending) && !errors.Is(err, ErrUnavailable)
}

// poll asks until there is an answer. After failures that may pass it waits
// longer and longer, as RFC 8628, Section 3.5 wants of connection timeouts.
func (c *Client) poll(ctx context.Context, g *pendingGrant, grantType, param string, opts *GrantOptions) (*Token, error) {
	// What no attempt would mend is not waited for.
	if _, err := g.form(c, grantType, param, opts); err != nil {
		return nil, err
	}
	failures := 0
	var err error // of the attempt before
	for {
		interval, left, pause := g.wait(), c.clock.left(g.content.expiry), c.pauseAfter(err)
		switch {
		case interval >= left:
			return nil, fail(ErrExpired, "expires_in", "nobody decided before it expires at %s: start again", stamp(g.content.expiry))
		case pause >= left:
			return nil, &Error{Kind: ErrExpired, Param: "Retry-After", Detail: "the server wants to be left alone until after it expires at " + stamp(g.content.expiry) + ": start again", Err: err}
		}
		backoff := min(interval<<min(failures, maxDoublings), maxPollBackoff, left/2)
		if err := sleep(ctx, max(interval, backoff, pause)); err != nil {
			return nil, withOp(opToken, &Error{Detail: "given up", Err: err})
		}
		var got *tokenAnswer
		got, err = c.ask(ctx, g, grantType, param, opts)
		switch {
		case err == nil: // whatever is wrong with it: asking again would replay the code
			return c.acceptToken(ctx, got)
		case isPending(err):
			failures = 0
		case ctx.Err() == nil && transient(err):
			failures++
		default:
			return nil, err
		}
	}
}

// pauseAfter is the Retry-After of a 429 or 503 of the token endpoint (RFC 9110, Section
// 10.2.3): seconds, or a time by the server's clock; 0 if there is none.
func (c *Client) pauseAfter(err error) time.Duration {
	refused, ok := errorAs[*ResponseError](err)
	if !ok || refused.Op != opToken || refused.StatusCode != http.StatusTooManyRequests && refused.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	value := refused.Header.Get("Retry-After")
	if n, ok := parseDigits(value); ok {
		return seconds(n)
	}
	if t, err := http.ParseTime(value); err == nil {
		return c.clock.left(t.Add(-c.clock.Skew))
	}
	return 0
}

// ---- saving

const pendingVersion = 3 // 2 had no verifier and no resource; a request that was begun with it can be finished

// save encodes g for the application's store.
func (g *pendingGrant) save(op string) ([]byte, error) {
	d := g.data()
	if d.code == "" {
		return nil, withOp(op, fail(ErrConfig, "", "there is nothing to save: no request was made"))
	}
	w := newSaved(pendingVersion)
	for _, s := range d.fields() {
		w.string(*s)
	}
	w.time(d.started)
	w.time(d.expiry)
	interval := g.interval.Load()
	w.int(&interval)
	return w.b, nil
}

func (g *pendingGrant) restore(op string, data []byte) error {
	if g == nil {
		return withOp(op, nilReceiver())
	}
	fresh := new(pendingData)
	r := readSavedSince(data, pendingVersion, 2)
	for _, s := range fresh.fields() {
		if s != &fresh.verifier && s != (*string)(&fresh.resource) || r.version > 2 {
			*s = r.string()
		}
	}
	fresh.started, fresh.expiry = r.time(), r.time()
	interval := r.int()
	err := r.end()
	if err == nil {
		err = damaged(fresh.validate(op, "verification_uri"))
	}
	if err == nil && (interval == nil || *interval < 1 || *interval > int64(maxPollInterval/time.Second)) {
		err = fail(ErrParse, "", "the data is damaged")
	}
	if err != nil {
		return withOp(op, err)
	}
	g.content = fresh
	g.interval.Store(*interval)
	return nil
}

// validate is the checks of the answer that began the request. They hold for what
// was restored too: it is going to be shown. uri is the name of the member that
// the page came in.
func (d *pendingData) validate(op, uri string) error {
	if d.scope != "" {
		if err := checkScope(strings.Split(d.scope, " ")); err != nil {
			return err
		}
	}
	if err := checkResource(d.resource.list()); err != nil {
		return err
	}
	device := op == opDevice
	switch {
	case d.issuer == "" || d.clientID == "" || d.code == "" || d.started.IsZero() || d.expiry.IsZero():
		return fail(ErrResponse, "", "the request has no server, client, code or time")
	case device != (d.userCode != ""), device != (d.verificationURI != ""), !device && d.verificationURIComplete != "",
		device && d.notificationToken != "", d.notificationToken != "" && !isRandom(d.notificationToken),
		!device && d.verifier != "", d.verifier != "" && !isRandom(d.verifier),
		!device && !slices.Contains(strings.Split(d.scope, " "), "openid"):
		return fail(ErrResponse, "", "the request has members of another kind of request")
	case strings.ContainsFunc(d.userCode, unprintable):
		return fail(ErrResponse, "user_code", "has control characters")
	}
	for _, page := range [...]struct{ member, url string }{{uri, d.verificationURI}, {"verification_uri_complete", d.verificationURIComplete}} {
		if _, ok := webURL(page.url); !ok && page.url != "" {
			return fail(ErrResponse, page.member, "is not an http or https URL that can be shown: only the characters of RFC 3986, a name of letters, digits and hyphens or an IP address for a host, and no user name")
		}
	}
	return nil
}

func (d *pendingData) fields() []*string {
	return []*string{
		&d.issuer, &d.clientID, &d.code, &d.scope,
		&d.userCode, &d.verificationURI, &d.verificationURIComplete, &d.notificationToken,
		&d.verifier, (*string)(&d.resource),
	}
}

func (g *pendingGrant) summary(name string) string {
	d := g.data()
	return name + "(" + printable(d.issuer, 256) + " " + printable(d.clientID, 128) + ")"
}
