package oauth

// This file implements the one way to the network. All requests of the
// package go through do: https only, no redirects, no cookies, bounded bodies,
// and errors without URLs or bodies in them. Those to protected resources go
// through send, which leaves the answer alone.

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A caller sends requests for a Client or a KeySet.
type caller struct {
	client          *http.Client      // our copy: where requests go, and how long they take
	resources       http.RoundTripper // for protected resources
	ownsConnections bool              // the connections too: nobody else can close them
	isDefault       bool              // the package's own client, of which all share the connections: the user set no Timeout
	insecure        bool              // http is allowed
	trace           *Trace

	endpoint atomic.Pointer[checkedURL] // that was used last
}

// A checkedURL is one that may be fetched. Nobody writes into it.
type checkedURL struct {
	raw string
	url *url.URL
}

// newCaller copies the user's client, or takes the package's own if it is nil.
func newCaller(c *http.Client, insecure bool, trace *Trace) *caller {
	if c == nil {
		requests, resources := ownWires()
		return &caller{
			client:    &http.Client{Transport: requests, Timeout: overallTimeout},
			resources: resources, isDefault: true, insecure: insecure, trace: trace,
		}
	}
	rt, ours := c.Transport, false
	if rt == nil {
		rt = http.DefaultTransport
	}
	if t, ok := rt.(*http.Transport); ok && t != nil && t.TLSHandshakeTimeout == 0 {
		// The one field that has to change: net/http goes on dialing after the request
		// was given up.
		rt, ours = cloneTransport(t), true
	}
	rt = wired(rt)
	// A Jar and CheckRedirect are for Client.Do: there are no cookies and no redirects.
	// A 307 would send secret and code again, to whoever the answer names; and nothing
	// in these protocols redirects a client.
	own := &http.Client{Transport: rt, Timeout: c.Timeout}
	return &caller{client: own, resources: rt, ownsConnections: ours, insecure: insecure, trace: trace}
}

// closeIdle closes what is kept for further requests.
func (c *caller) closeIdle() {
	c.client.CloseIdleConnections()
	if t, ok := c.resources.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// release ends what is kept for further requests where nobody else can: of a caller for
// one call.
func (c *caller) release() {
	w, ok := c.client.Transport.(*wire)
	if c.ownsConnections || ok && w.isReplaced() && !c.isDefault {
		c.closeIdle()
	}
}

// An httpRequest is what do sends.
type httpRequest struct {
	op     string
	method string // "": POST with the form
	url    string
	param  string // the metadata member or field that holds the URL, for errors
	header http.Header
	made   bool // the header is for one attempt, and nobody else writes there
	form   url.Values
	encode func(url.Values) string // of the form; nil: it is empty, and the linker needs no Encode
	json   []byte                  // sent in place of the form
	accept string

	received http.Header // gets the fields of the response; nil: nobody asks

	patience time.Duration // for an answer that may be held back, where HTTPClient sets no Timeout; 0: as for others

	attempts provenAttempts // nil where no client authenticates

	parsed *url.URL // of url, once target has checked it
}

// target is the URL of the request, which may be fetched by c.
func (r *httpRequest) target(c *caller) (*url.URL, error) {
	if r.parsed == nil {
		u, err := c.checkURL(r.param, r.url)
		if err != nil {
			return nil, withOp(r.op, err)
		}
		r.parsed = u
	}
	return r.parsed, nil
}

// provenAttempts has a part in the attempts at a request of authentication that a server
// can challenge.
type provenAttempts interface {
	// nonce returns the nonce of the DPoP proof; "" leaves that to RFC 9449.
	nonce() string
	// prover returns the key of the DPoP proof, which is d unless the proof
	// authenticates the client.
	prover(d *DPoP) *DPoP
	// retry reports whether the request is to be made once more after res.
	retry(res *httpResponse) bool
}

// noAttempts is that of a request without a challenge.
type noAttempts struct{}

func (noAttempts) nonce() string            { return "" }
func (noAttempts) prover(d *DPoP) *DPoP     { return d }
func (noAttempts) retry(*httpResponse) bool { return false }

// An httpResponse was read to its end, within maxBody.
type httpResponse struct {
	op        string
	request   *httpRequest // with sent, what secrets reads
	sent      http.Header
	scheme    string // of the Authorization header field of the request; "" if it had none
	status    int
	header    http.Header
	mediaType string // lower case, without parameters
	body      string

	parsed jsonObject // of body, once object has read it: it has a kind then
}

const (
	mediaJSON = "application/json"
	mediaJWT  = "application/jwt"
	mediaForm = "application/x-www-form-urlencoded"
)

// checkURL parses a URL that is to be fetched.
func (c *caller) checkURL(param, raw string) (*url.URL, error) {
	return parseFetchURL(param, raw, c.insecure)
}

// endpointURL is checkURL of an endpoint, which is the same in most requests.
func (c *caller) endpointURL(member, raw string) (*url.URL, error) {
	if last := c.endpoint.Load(); last != nil && last.raw == raw {
		return last.url, nil
	}
	u, err := c.checkURL(member, raw)
	if err == nil {
		c.endpoint.Store(&checkedURL{raw, u})
	}
	return u, err
}

// do sends a request and reads the answer, once more where that is safe. An answer of
// any status is a success here. What a request has in it that may be used once is made
// anew by doProven.
func (c *caller) do(ctx context.Context, r *httpRequest) (*httpResponse, error) {
	res, err := c.doOnce(ctx, r)
	if sendAgain(ctx, err) {
		res, err = c.doOnce(ctx, r)
	}
	return res, err
}

func (c *caller) doOnce(ctx context.Context, r *httpRequest) (*httpResponse, error) {
	u, err := r.target(c)
	if err != nil {
		return nil, err
	}
	method, mediaType, body := r.method, "", ""
	switch {
	case r.json != nil:
		body, mediaType = string(r.json), mediaJSON
	case method == "":
		method, mediaType = http.MethodPost, mediaForm
		if r.encode != nil {
			body = r.encode(r.form)
		}
	}
	rt, limit := c.wayOf(r)
	within, cancel := withTimeout(ctx, limit)
	defer cancel()
	header := r.header
	if !r.made {
		header = header.Clone()
	}
	req := newRequest(within, method, u, header, mediaType != "", body)
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	req.Header.Set("Accept", r.accept)
	req.Header.Del("Upgrade") // a ClientAuth may set fields; no context ends what is read after a 101

	clear(r.received)
	start := c.trace.requestBegins()
	res, err := roundTrip(rt, req, r.op)
	info := RequestInfo{Op: r.op, Method: method, Err: err}
	if res != nil {
		info.Status = res.status
		res.request, res.sent = r, req.Header
		if r.received != nil {
			for name, values := range res.header {
				r.received[name] = slices.Clone(values)
			}
		}
	}
	c.trace.requestDone(ctx, u, start, info)
	return res, err
}

// newRequest is http.NewRequest of a URL that was parsed already, with a header.
func newRequest(ctx context.Context, method string, u *url.URL, header http.Header, hasBody bool, body string) *http.Request {
	if header == nil {
		header = http.Header{}
	}
	target := *u                                       // a round tripper may write into it
	target.Host = strings.TrimSuffix(target.Host, ":") // an empty port (RFC 3986, Section 6.2.3)
	req := &http.Request{
		Method: method, URL: &target, Host: target.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	switch {
	case body != "":
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	case hasBody:
		req.Body = http.NoBody
	}
	return req.WithContext(ctx)
}

// send is do for a protected resource: the answer is the caller's to read and
// to close, of any size, and may take any time. A round tripper follows no
// redirect and keeps no cookie.
func (c *caller) send(rt http.RoundTripper, req *http.Request, op string) (*http.Response, error) {
	start := c.trace.requestBegins()
	res, err := detached(req.Context(), isForeign(rt), func() (*http.Response, error) { return exchange(rt, req) }, discardLate)
	info := RequestInfo{Op: op, Method: req.Method}
	if err != nil {
		err = withOp(op, networkError(req.Context(), req.URL.Host, err))
		info.Err = err
	} else {
		info.Status = res.StatusCode
	}
	c.trace.requestDone(req.Context(), req.URL, start, info)
	return res, err
}

// exchange sends a request and looks at how its answer came about.
func exchange(rt http.RoundTripper, req *http.Request) (*http.Response, error) {
	var res *http.Response
	var err error
	if isForeign(rt) {
		res, err = new(watch).send(rt, req)
	} else {
		res, err = rt.RoundTrip(req)
	}
	switch {
	case err != nil:
		return nil, err
	case res == nil:
		return nil, errors.New("the round tripper returned nothing")
	case res.Body == nil: // those of tests leave it out
		res.Body = http.NoBody
	}
	switch {
	case res.StatusCode == http.StatusSwitchingProtocols && req.Header.Get("Upgrade") == "":
		// No context ends what is read from it.
		err = fail(ErrResponse, "", "the answer is 101 Switching Protocols, and the request did not ask for that")
	case res.Request != nil && res.Request.Response != nil:
		err = fail(ErrResponse, "", "a redirect was followed, and took along what the request had in it: the Transport of HTTPClient, MutualTLS.Wrap and TransportOptions.Base must hand redirects back")
	case cameFromElsewhere(rt, req, res):
		err = fail(ErrResponse, "", "the answer is from %s and the request was for %s: the round tripper must not follow redirects; one that is to send requests elsewhere is marked with RewritesHost", printable(originOf(res.Request.URL), 128), printable(originOf(req.URL), 128))
	default:
		return res, nil
	}
	res.Body.Close()
	return nil, err
}

// cameFromElsewhere reports whether another origin answered than was asked, as far as
// the answer says, and nobody has said that this is meant to be. Who follows redirects
// without net/http leaves no other mark.
func cameFromElsewhere(rt http.RoundTripper, req *http.Request, res *http.Response) bool {
	if _, meant := rt.(rewriter); meant || res.Request == nil || res.Request.URL == nil {
		return false
	}
	return !sameOrigin(res.Request.URL, req.URL)
}

// A rewriter sends requests to another host than they name.
type rewriter struct{ http.RoundTripper }

// RewritesHost returns rt, marked as a round tripper that sends requests to another
// host than their URL names, for example to the address that a server has inside
// the program's own network. An [*http.Transport] rewrites nothing and is returned as
// it is, and so is nil.
//
// Use it for the Transport of an HTTPClient, for TransportOptions.Base, and for the
// result of MutualTLS.Wrap. If rt is not marked, and the Request of a response
// names another scheme, host or port than the request that was sent, the response
// is refused: something has followed a redirect, and has sent a code, secret or
// token along. A round tripper around a marked one must be marked itself.
func RewritesHost(rt http.RoundTripper) http.RoundTripper {
	if _, plain := rt.(*http.Transport); plain || rt == nil {
		return rt
	}
	return rewriter{rt}
}

// CloseIdleConnections makes that of http.Client work.
func (r rewriter) CloseIdleConnections() {
	if t, ok := r.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// isForeign reports whether rt may do anything: not return when the context ends, for one.
func isForeign(rt http.RoundTripper) bool {
	_, ours := rt.(*wire)
	return !ours
}

// discardLate closes the answer that nobody waits for any more.
func discardLate(res *http.Response) { res.Body.Close() }

// wayOf is where a request goes, and how long it may take; 0: as long as the context.
func (c *caller) wayOf(r *httpRequest) (rt http.RoundTripper, limit time.Duration) {
	if r.patience <= 0 {
		return c.client.Transport, c.client.Timeout
	}
	if limit = c.client.Timeout; c.isDefault || limit == 0 {
		limit = r.patience
	}
	return c.resources, limit // of which the package's own has no limit for the header
}

func withTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

func roundTrip(rt http.RoundTripper, req *http.Request, op string) (*httpResponse, error) {
	res, err := detached(req.Context(), isForeign(rt), func() (*httpResponse, error) { return readAnswer(rt, req) }, nil)
	if err != nil {
		return nil, withOp(op, networkError(req.Context(), req.URL.Host, err))
	}
	res.op = op
	return res, nil
}

// readAnswer sends a request and reads the answer to its end.
func readAnswer(rt http.RoundTripper, req *http.Request) (*httpResponse, error) {
	res, err := exchange(rt, req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.ContentLength > maxBody {
		return nil, fail(ErrResponse, "", "the answer is longer than %d bytes", maxBody)
	}
	body, whole, err := readAll(res.Body, maxBody)
	if err != nil {
		return nil, err
	}
	if !whole {
		return nil, fail(ErrResponse, "", "the answer is longer than %d bytes", maxBody)
	}
	mediaType, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	scheme, _, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	return &httpResponse{
		scheme:    scheme,
		status:    res.StatusCode,
		header:    res.Header,
		mediaType: strings.ToLower(strings.TrimSpace(mediaType)),
		body:      body,
	}, nil
}

// withoutURL keeps the cause of a *url.Error, whose text has the URL with its query.
func withoutURL(err error) error {
	for {
		of, ok := errorAs[*url.Error](err)
		if !ok {
			return err
		}
		err = of.Err
	}
}

// networkError makes an *Error of what net/http returned.
func networkError(ctx context.Context, host string, err error) error {
	err = withoutURL(err)
	if own, ok := errorAs[*Error](err); ok { // made by a RoundTripper of ours
		return own
	}
	if record, ok := errorAs[tls.RecordHeaderError](err); ok && string(record.RecordHeader[:]) == "HTTP/" { // as http.Client has it
		err = http.ErrSchemeMismatch
	}
	e := &Error{Kind: ErrNetwork, Detail: "no answer from " + printable(host, 128), Err: err}
	if ctx.Err() != nil { // net/http hands on the cause instead
		e.Err = ctx.Err()
	} else if !quotesNothing(err) {
		e.Err = silentError{err}
	}
	if errors.Is(e.Err, context.Canceled) {
		e.Kind, e.Detail = nil, "given up"
	}
	if invalid, ok := errorAs[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired && invalid.Cert != nil {
		e.Detail = "the certificate of " + printable(host, 128) + " is valid from " + stamp(invalid.Cert.NotBefore) + " to " + stamp(invalid.Cert.NotAfter) + " only: renew it, or set this machine's clock"
	} else if _, ok := errorAs[x509.UnknownAuthorityError](err); ok {
		e.Detail = "the certificate of " + printable(host, 128) + " is not from an authority that this client trusts: set RootCAs in the transport of HTTPClient, or in MutualTLS"
	}
	return e
}

// quotesNothing reports whether the text of a network error is free of what
// the server sent. net/http quotes answers that it cannot read.
func quotesNothing(err error) bool {
	return inTree(err, func(err error) bool {
		switch err.(type) {
		case net.Error, repeatedError, x509.UnknownAuthorityError, x509.HostnameError, x509.CertificateInvalidError:
			return true
		}
		return err == http.ErrSchemeMismatch || err == io.EOF || err == io.ErrUnexpectedEOF
	})
}

// transient reports whether the same request may well succeed later: the server
// was not reached, or could not answer. A certificate that one side does not
// trust does not mend itself.
func transient(err error) bool {
	if refused, ok := errorAs[*ResponseError](err); ok {
		return refused.Code == "" && (refused.StatusCode == http.StatusTooManyRequests || refused.StatusCode >= 500)
	}
	return !handshakeRefused(err) && (errors.Is(err, ErrNetwork) || errors.Is(err, ErrUnavailable))
}

// silentError keeps the text of an error to itself; errors.Is and errors.As
// see the error.
type silentError struct{ err error }

func (silentError) Error() string   { return "the connection broke, or what came is not HTTP" }
func (e silentError) Unwrap() error { return e.err }

// ---- reading answers

// text is the body without a byte order mark, which is none of a JSON text (RFC 8259,
// Section 8.1).
func (r *httpResponse) text() string { return withoutMark(r.body) }

func withoutMark(document string) string { return strings.TrimPrefix(document, "\ufeff") }

// object reads the body as a JSON object, of whatever media type it says it is: servers
// label JSON as text/plain, text/javascript and text/html.
func (r *httpResponse) object() (jsonObject, error) {
	if r.parsed.kind != nil {
		return r.parsed, nil
	}
	o, err := parseObject(r.text(), answerForm, ErrResponse)
	if err != nil {
		return jsonObject{}, withOp(r.op, r.notExpected("the answer is not the JSON expected", r.withoutSecrets(err)))
	}
	o.nullAbsent, o.secrets, o.copies = true, r.secrets, len(r.body) > maxShared
	r.parsed = o
	return o, nil
}

// notExpected is the error of an answer that cannot be read, which detail says unless the
// reason is plain.
func (r *httpResponse) notExpected(detail string, err error) *Error {
	e := &Error{Kind: ErrResponse, Detail: detail, Err: err}
	switch {
	case strings.TrimSpace(r.body) == "":
		e.Detail, e.Err = "the body of the answer is empty", nil
	case r.mediaType == "text/html":
		e.Detail, e.Err = "the answer is a web page, not JSON: is the URL right?", nil
	}
	return e
}

// expect returns the refusal that the answer is, if it is one: a JSON object
// with an error and no access token under whatever status (GitHub and Slack
// send it with 200), or a status that is not among those expected.
func (r *httpResponse) expect(statuses ...int) error {
	if slices.Contains(statuses, r.status) && r.errorMembers() == (errorMembers{}) {
		return nil
	}
	return r.refusal()
}

// expectSuccess is expect for the statuses 200 to 299: some servers say 201 where RFC
// 6749, Section 5.1 has 200.
func (r *httpResponse) expectSuccess() error {
	if r.status/100 == 2 {
		return r.expect(r.status)
	}
	return r.refusal()
}

// errorMembers reads the body; without an error all are empty.
func (r *httpResponse) errorMembers() (m errorMembers) {
	if r.mediaType == mediaJWT || strings.HasSuffix(r.mediaType, "+jwt") {
		return m
	}
	o, err := r.object()
	if err != nil || o.has("access_token") {
		return m
	}
	// A member of another type than string is no error of RFC 6749.
	if m.code, _, _ = o.string("error"); m.code == "" {
		return errorMembers{}
	}
	m.description, _, _ = o.string("error_description")
	m.uri, _, _ = o.string("error_uri")
	return m
}

// refusal is what the answer says, without what of the request is secret.
func (r *httpResponse) refusal() *ResponseError {
	e := r.refused(func(place string) string { return redact(place, r.secrets()) })
	e.Challenges = ParseChallenges(e.Header)
	m := r.errorMembers()
	if m.code == "" && r.status >= 400 {
		m = challengeMembers(ParseChallenges(r.header), r.scheme)
	}
	e.Code, e.Description, e.URI = refusalText(m, r.secrets())
	return e
}

// refused is made of copies: an error may be kept, and may be logged. hide takes what is
// secret out of the place that a redirect leads to.
func (r *httpResponse) refused(hide func(place string) string) *ResponseError {
	e := &ResponseError{
		Op:         r.op,
		StatusCode: r.status,
		Header:     boundedHeader(r.header),
		Body:       []byte(r.body[:min(len(r.body), maxErrorBody)]),
	}
	if r.status/100 == 3 && r.status != http.StatusNotModified {
		e.notes = []string{"redirects are not followed"}
		if place := r.leadsTo(); place != "" {
			e.notes[0] += ", and this one leads to " + printable(hide(place), 256)
		}
	}
	return e
}

// leadsTo is where a redirect leads, without what a query could have in it.
func (r *httpResponse) leadsTo() string {
	u, err := url.Parse(r.header.Get("Location"))
	if err != nil || u.String() == "" {
		return ""
	}
	if r.request != nil {
		if base, err := url.Parse(r.request.url); err == nil {
			u = base.ResolveReference(u)
		}
	}
	return withoutQuery(u)
}

// secrets are those of the request that the answer is to.
func (r *httpResponse) secrets() []string {
	if r.request == nil {
		return nil
	}
	return secretsOf(r.request.form, r.request.json, r.sent)
}

// withoutSecrets takes what of the request is secret out of an error about what came
// with the answer, of which the code that judges tokens and URLs knows nothing.
func (r *httpResponse) withoutSecrets(err error) error { return withoutSecrets(err, r.secrets) }

// boundedHeader is a copy of h without the fields that are too large together;
// those that an error is judged by come first.
func boundedHeader(h http.Header) http.Header {
	names := append([]string{"Www-Authenticate", "Retry-After", "Dpop-Nonce"}, slices.Sorted(maps.Keys(h))...)
	kept, room := make(http.Header), maxErrorHeader
	for _, name := range names {
		size := 0
		for _, v := range h[name] {
			size += len(name) + len(v)
		}
		if kept[name] != nil || size == 0 || size > room {
			continue
		}
		room -= size
		kept[name] = slices.Clone(h[name])
	}
	return kept
}

// challengeMembers are the error of a protected resource, which stands in the
// challenge of the scheme that was used: RFC 6750, Section 3; RFC 9449, Section
// 7.1. Where there is no such challenge, that of the other scheme says why.
func challengeMembers(challenges []Challenge, scheme string) (m errorMembers) {
	for _, c := range challenges {
		code := c.Params["error"]
		if code != "" && (c.HasScheme("Bearer") || c.HasScheme("DPoP")) && (m.code == "" || c.HasScheme(scheme)) {
			m = errorMembers{code, c.Params["error_description"], c.Params["error_uri"]}
			if c.HasScheme(scheme) {
				return m
			}
		}
	}
	return m
}

// jwt returns the body of an answer that is a JWT: that calls itself one or, where one
// was asked for, has the form of one. Servers label signed answers as JSON.
func (r *httpResponse) jwt(mediaType string, asked bool) (token string, ok bool) {
	token = strings.TrimSpace(r.body)
	if dots := strings.Count(token, "."); asked && (dots == 2 || dots == 4) && !strings.ContainsAny(token, "{ \t\r\n") {
		return token, true
	}
	return token, r.mediaType == mediaType
}

// doProven sends the request that build makes, with a proof if there is a DPoP
// key. It is built anew for every attempt: an assertion that is sent twice is a
// replay. There is one more attempt for a DPoP nonce, one for the challenge of an
// attested client, and one after a connection that broke, in any order.
func (c *caller) doProven(ctx context.Context, d *DPoP, clock Clock, token string, build func() (*httpRequest, error)) (*httpResponse, error) {
	nonce, renewed, challenged, repeated := "", false, false, false
	for {
		r, err := build()
		if err != nil {
			return nil, err
		}
		u, err := r.target(c)
		if err != nil {
			return nil, err
		}
		attempts := r.attempts
		if attempts == nil {
			attempts = noAttempts{}
		}
		if r.header == nil {
			r.header = http.Header{}
		}
		var p *provenRequest
		d := attempts.prover(d)
		if d != nil {
			p = &provenRequest{method: cmp.Or(r.method, http.MethodPost), url: u, token: token, nonce: cmp.Or(nonce, attempts.nonce())}
			if err := d.prove(r.header, p, clock.now()); err != nil {
				return nil, withOp(r.op, err)
			}
		}
		res, err := c.doOnce(ctx, r)
		if !repeated && sendAgain(ctx, err) {
			repeated = true
			continue
		}
		if err != nil {
			return nil, err
		}
		nonce = d.retryNonce(p, res.status, res.header, func() string { return res.refusal().Code })
		switch again := attempts.retry(res); {
		case nonce != "" && !renewed:
			renewed = true
		case again && !challenged:
			challenged = true
		default:
			return res, nil
		}
	}
}

// A bodyChunk is what a part of a body is read into. There are secrets in it until it is put
// back.
type bodyChunk [bodyChunkSize]byte

var bodyChunks = sync.Pool{New: func() any { return new(bodyChunk) }}

// readAll reads what is not longer than limit; whole is false for what is longer. The text is
// made once, and shares nothing with what it was read into. Where a read fails, the chunks are
// not used again: who gave up reading may go on writing.
func readAll(r io.Reader, limit int) (text string, whole bool, err error) {
	part := io.LimitedReader{R: r, N: int64(limit) + 1} // one more tells what is full from what was cut
	var few [8]*bodyChunk
	chunks, last, size := few[:0], bodyChunkSize, 0 // last: how full the last one is
	for size <= limit {
		if last == bodyChunkSize {
			chunks, last = append(chunks, bodyChunks.Get().(*bodyChunk)), 0
		}
		n, err := part.Read(chunks[len(chunks)-1][last:])
		last += n
		size += n
		switch {
		case size > limit: // whatever comes with it
		case err == io.EOF:
			return joinChunks(chunks, size), true, nil
		case err != nil:
			return "", false, err
		}
	}
	joinChunks(chunks, 0)
	return "", false, nil
}

// joinChunks is the text of so many bytes that the chunks begin with, which are wiped and put
// back.
func joinChunks(chunks []*bodyChunk, size int) string {
	var b strings.Builder
	b.Grow(size)
	for _, c := range chunks {
		b.Write(c[:min(size-b.Len(), bodyChunkSize)])
		clear(c[:])
		bodyChunks.Put(c)
	}
	return b.String()
}

// readBody reads the body of a request that came to a handler, within the limit.
func readBody(r io.Reader, limit int) (string, error) {
	if r == nil {
		return "", fail(ErrParse, "", "there is no body")
	}
	body, whole, err := readAll(r, limit)
	if err != nil {
		return "", &Error{Kind: ErrParse, Detail: "the body cannot be read", Err: err}
	}
	if !whole {
		return "", fail(ErrParse, "", "the body is longer than %d bytes", limit)
	}
	return body, nil
}
