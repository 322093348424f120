package oauth

// This file implements the transports that requests go through: the package's own,
// what it makes of a user's, and the watch over what net/http does with a request.

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// patientTransport is t for resources, whose answers may take their time.
func patientTransport(t *http.Transport) *http.Transport {
	t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = 0, maxResourceHeader
	return t
}

// cloneTransport is t.Clone without its trap: if t was not used yet, Clone sets
// it up for HTTP/2 first, and the clone announces HTTP/2 in its TLS
// configuration but, because it has one, does not speak it. Where the user set
// no limits, the clone has some: it outlives what the user does with t.
func cloneTransport(t *http.Transport) *http.Transport {
	t = t.Clone()
	if t.TLSClientConfig != nil && slices.Contains(t.TLSClientConfig.NextProtos, "h2") && t.TLSNextProto == nil {
		t.ForceAttemptHTTP2 = true
	}
	if t.TLSHandshakeTimeout == 0 {
		t.TLSHandshakeTimeout = tlsTimeout
	}
	if t.IdleConnTimeout == 0 {
		t.IdleConnTimeout = idleTimeout
	}
	//lint:ignore SA1019 a deprecated field that is set dials all the same
	if t.Dial == nil {
		t.DialContext = measured(t.DialContext)
	}
	if t.HTTP2 == nil {
		t.HTTP2 = new(http.HTTP2Config)
	}
	if t.HTTP2.SendPingTimeout == 0 && t.HTTP2.PingTimeout == 0 {
		t.HTTP2.SendPingTimeout, t.HTTP2.PingTimeout = pingAfter, pingTimeout
	}
	if t.HTTP2.WriteByteTimeout == 0 {
		t.HTTP2.WriteByteTimeout = writeTimeout
	}
	return t
}

// newTransport is http.DefaultTransport with tighter limits.
//
//go:noinline // see withOp
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            measured((&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext),
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxResponseHeader,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: writeTimeout},
	}
}

// ownWires are those of all callers without an HTTPClient, for requests and for resources:
// discovery, token endpoint and key set of a server share its connections.
func ownWires() (requests, resources *wire) {
	shared.Do(func() {
		shared.requests = &wire{transport: newTransport(), since: monotonic()}
		shared.resources = &wire{transport: patientTransport(newTransport()), since: monotonic()}
	})
	return shared.requests, shared.resources
}

var shared struct {
	sync.Once
	requests, resources *wire
}

// ---- connections

// A wire sends through an *http.Transport, watches its connections, and puts another one
// in its place where they are not to be used again: the path is dead (a machine that
// slept, a NAT that forgot), or they were made with a certificate that was replaced.
// What is under way on them goes on.
type wire struct {
	offer func(context.Context) (*tls.Certificate, error) // the client certificate; nil: none of ours
	clock Clock                                           // for its end

	shown bool // a certificate is offered, ours or the user's

	mu        sync.Mutex
	transport *http.Transport
	since     time.Time // when it became that
	replaced  bool      // it is a clone, which nobody else knows
	leaf      []byte    // the certificate that its connections have
	until     time.Time // the end of that
}

// wired is rt, watched if it is net/http's own: whatever else it is does not say what
// it does with a request.
func wired(rt http.RoundTripper) http.RoundTripper {
	if t, ok := rt.(*http.Transport); ok && t != nil {
		shown := t.TLSClientConfig != nil && t.TLSClientConfig.GetClientCertificate != nil
		return &wire{transport: t, since: monotonic(), shown: shown}
	}
	return rt
}

// offering is a wire whose connections have the certificate that offer returns.
func offering(t *http.Transport, offer func(context.Context) (*tls.Certificate, error), clock Clock) *wire {
	w := &wire{offer: offer, clock: clock, transport: t, since: monotonic(), shown: true}
	w.bind(t)
	return w
}

// bind does not set Certificates: with these crypto/tls offers nothing if the server
// names authorities and the certificate is not from one, as self-signed ones are.
func (w *wire) bind(t *http.Transport) {
	t.TLSClientConfig.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, err := w.offer(info.Context())
		if err == nil {
			w.offered(t, cert)
		}
		return cert, err
	}
}

// offered notes the certificate of a new connection. Those with another are not used
// for further requests.
func (w *wire) offered(t *http.Transport, cert *tls.Certificate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch leaf, err := leafOf(cert); {
	case err != nil || w.transport != t:
	case w.leaf != nil && !bytes.Equal(w.leaf, leaf.Raw):
		w.replace()
	default:
		w.leaf, w.until = leaf.Raw, leaf.NotAfter
	}
}

// current is the transport for a request.
func (w *wire) current() *http.Transport {
	var now time.Time
	if w.offer != nil {
		now = w.clock.now() // the program's own code, in front of the lock
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.until.IsZero() && now.After(w.until) { // what is open speaks on with it
		w.replace()
	}
	return w.transport
}

// replace needs the lock.
func (w *wire) replace() {
	old := w.transport
	w.transport, w.since, w.leaf, w.until = cloneTransport(old), monotonic(), nil, time.Time{}
	w.replaced = true
	if w.offer != nil {
		w.bind(w.transport)
	}
	old.CloseIdleConnections()
	// A stream of HTTP/2 that was given up just now still counts as one.
	time.AfterFunc(flightGrace, old.CloseIdleConnections)
}

func (w *wire) isReplaced() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.replaced
}

// giveUp replaces t, of which a connection gave no answer. Once in a while is enough:
// how often requests are canceled is up to others.
func (w *wire) giveUp(t *http.Transport) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.transport == t && !monotonic().Before(w.since.Add(silence)) {
		w.replace()
	}
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	t := w.current()
	one := &watch{direct: true, dead: func() { w.giveUp(t) }}
	res, err := one.send(t, req)
	if err != nil && one.broke() {
		t.CloseIdleConnections() // the others may be broken, too
	}
	return res, err
}

// CloseIdleConnections makes that of http.Client work. Connections with a client
// certificate are not used again even if they are not idle: it may have been replaced.
func (w *wire) CloseIdleConnections() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shown { // net/http writes into the transport's configuration when it is first used
		w.replace()
		return
	}
	w.transport.CloseIdleConnections()
}

// A measuredConn is closed if the other side goes on sending although no request is
// under way: HTTP/2 would read frames, and answer some, for as long as they come.
type measuredConn struct {
	net.Conn

	mu       sync.Mutex
	requests int // under way
	unasked  int // bytes since the last one ended, or of the handshake
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// measured is dial with connections that are measured; nil is net/http's.
func measured(dial dialFunc) dialFunc {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if _, already := c.(*measuredConn); err != nil || c == nil || already {
			return c, err
		}
		return &measuredConn{Conn: c}, nil
	}
}

func (c *measuredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.requests > 0 {
		return n, err
	}
	if c.unasked += n; c.unasked > maxUnasked {
		c.Conn.Close()
		return 0, fail(ErrNetwork, "", "more than %d bytes came that no request asked for", maxUnasked)
	}
	return n, err
}

// use notes that a request begins on the connection that net/http hands out, and
// returns what notes its end.
func use(conn net.Conn) (end func()) {
	for { // two layers, if the proxy is reached over https
		secure, ok := conn.(*tls.Conn)
		if !ok {
			break
		}
		conn = secure.NetConn()
	}
	c, ok := conn.(*measuredConn)
	if !ok {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.unasked = 0
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests--
	})
}

// transportIn is the *http.Transport that rt is or watches; nil if it is another kind.
func transportIn(rt http.RoundTripper) *http.Transport {
	switch rt := rt.(type) {
	case *wire:
		return rt.current()
	case *http.Transport:
		return rt
	}
	return nil
}

// leafOf is the certificate itself, which there is.
func leafOf(cert *tls.Certificate) (*x509.Certificate, error) {
	if cert.Leaf != nil {
		return cert.Leaf, nil
	}
	return x509.ParseCertificate(cert.Certificate[0])
}

// handshakeRefused reports whether TLS failed because one side did not like what
// the other showed.
func handshakeRefused(err error) bool {
	if _, ok := errorAs[*tls.CertificateVerificationError](err); ok {
		return true
	}
	alert, ok := errorAs[*net.OpError](err) // crypto/tls exports no type for the alerts of TCP
	return ok && (alert.Op == "remote error" || alert.Op == "local error")
}

// ---- what net/http does by itself

// A watch sees to it that a request does not go out a second time without the
// package knowing. net/http repeats requests, with the same code, refresh token, proof
// or order in them: a GET after a kept connection broke; over HTTP/2 any, without end,
// after GOAWAY and some resets of the stream. A request gets one connection. Another
// one, for a round tripper that is not net/http's own, is what it may do with an
// answer: after that, and once.
type watch struct {
	direct bool   // no round tripper is between this and net/http's
	dead   func() // called when the connection gave no answer; may be nil
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	conns    int
	got      time.Time // the last one
	http1    bool      // the last one speaks HTTP/1
	wrote    bool      // a header went out
	answered bool      // some of an answer came
	refused  bool      // another connection was
	ends     []func()  // of the use of connections

	// These are for send, in one piece with the rest.
	hooks httptrace.ClientTrace
	asked url.URL
	body  watchedBody
}

// send sends a request that is watched.
func (w *watch) send(rt http.RoundTripper, req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	w.cancel = cancel
	w.hooks.GotConn = w.gotConn
	w.hooks.WroteHeaders = func() { w.set(&w.wrote) }
	w.hooks.GotFirstResponseByte = func() { w.set(&w.answered) }
	r := req.WithContext(withTrace(ctx, &w.hooks))
	r.GetBody = nil // net/http then says why it would send the body again
	w.asked = *req.URL
	r.URL = &w.asked // a round tripper that follows a redirect may write the new place into it
	res, err := rt.RoundTrip(r)
	if err != nil {
		w.judge(req.Context(), err)
		err = w.explain(req, err)
	}
	if res != nil && res.Request == r && r.URL != nil && sameOrigin(r.URL, req.URL) {
		res.Request = req
	}
	if err != nil || res == nil || res.Body == nil || res.Body == http.NoBody {
		w.end()
		return res, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols || req.Header.Get("Upgrade") == "" { // else it is the connection
		w.body = watchedBody{ReadCloser: res.Body, watch: w, ctx: req.Context()}
		res.Body = &w.body
	}
	return res, nil
}

// withTrace is httptrace.WithClientTrace for these three hooks. That one joins them to the
// hooks of the program by reflection, which nothing else in a program that verifies tokens
// needs: 29 kB.
func withTrace(ctx context.Context, ours *httptrace.ClientTrace) context.Context {
	finder := &keyFinder{Context: ctx}
	trace := ours
	if theirs := httptrace.ContextClientTrace(finder); theirs != nil {
		both := *theirs
		both.GotConn = func(info httptrace.GotConnInfo) {
			ours.GotConn(info)
			if theirs.GotConn != nil {
				theirs.GotConn(info)
			}
		}
		both.WroteHeaders = inTurn(ours.WroteHeaders, theirs.WroteHeaders)
		both.GotFirstResponseByte = inTurn(ours.GotFirstResponseByte, theirs.GotFirstResponseByte)
		trace = &both
	}
	return context.WithValue(ctx, finder.key, trace)
}

// A keyFinder learns the key under which a context has its trace: httptrace keeps it to
// itself, and asks the context for it.
type keyFinder struct {
	context.Context
	key any
}

func (f *keyFinder) Value(key any) any {
	f.key = key
	return f.Context.Value(key)
}

// inTurn calls first, and then the other if there is one.
func inTurn(first, then func()) func() {
	if then == nil {
		return first
	}
	return func() {
		first()
		then()
	}
}

// end ends the watch.
func (w *watch) end() {
	w.cancel(nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, end := range w.ends {
		end()
	}
	w.ends = nil
}

// judge finds out whether a request ended for silence: a timeout, or somebody who did
// not want to wait any longer.
func (w *watch) judge(ctx context.Context, err error) {
	w.mu.Lock()
	conns, patient := w.conns, !w.answered && !monotonic().Before(w.got.Add(silence))
	w.mu.Unlock()
	network, ok := errorAs[net.Error](err)
	timeout := errors.Is(ctx.Err(), context.DeadlineExceeded) || ok && network.Timeout()
	if w.dead != nil && conns > 0 && (timeout || ctx.Err() != nil && patient) {
		w.dead()
	}
}

// broke reports whether the request was about to be repeated.
func (w *watch) broke() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused
}

func (w *watch) set(b *bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*b = true
}

// gotConn stands between net/http and the connection: nothing is written on it yet.
func (w *watch) gotConn(info httptrace.GotConnInfo) {
	secure, _ := info.Conn.(*tls.Conn)
	http1 := secure == nil || secure.ConnectionState().NegotiatedProtocol != "h2"
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns++
	w.ends = append(w.ends, use(info.Conn))
	if w.conns == 1 || w.conns == 2 && w.answered && !w.direct {
		w.http1, w.got = http1, monotonic()
		return
	}
	w.refused = true
	w.cancel(repeatedError{})
	// HTTP/2 looks at the context before it writes, HTTP/1 does not.
	switch {
	case !http1:
	case secure != nil:
		secure.NetConn().Close()
	default:
		info.Conn.Close()
	}
}

// explain is err, marked if the request may be sent once more.
func (w *watch) explain(req *http.Request, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	again := false
	switch {
	case req.Context().Err() != nil:
		return err
	case w.refused:
		// A request of another method is repeated over HTTP/1 if nothing of it was
		// written, and over HTTP/2 for a reason that is not known any more.
		again = !w.answered && (idempotent(req) || !w.wrote || w.direct && w.http1)
		err = repeatedError{}
	default:
		// The errors have no types. What the server did not begin with (RFC 9113,
		// Sections 6.8 and 8.7) is good for another time.
		text := err.Error()
		again = strings.HasPrefix(text, "http2: Transport: cannot retry err [") && // what follows can be the server's words
			(strings.Contains(text, "REFUSED_STREAM") || strings.Contains(text, "GOAWAY"))
	}
	if again {
		return againError{err}
	}
	return err
}

// idempotent is RFC 9110, Section 9.2.1: what is safe. That PUT and DELETE may be
// repeated as well, not every server has heard.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// A repeatedError says that net/http was about to send a request a second time.
type repeatedError struct{}

func (repeatedError) Error() string { return "the connection broke before an answer came" }

// An againError marks an error after which the request may be sent once more.
type againError struct{ error }

func (e againError) Unwrap() error { return e.error }

// sendAgain reports whether a request that failed with err may be sent once more.
func sendAgain(ctx context.Context, err error) bool {
	_, again := errorAs[againError](err)
	return again && ctx.Err() == nil
}

// A watchedBody ends the watch.
type watchedBody struct {
	io.ReadCloser
	watch *watch
	ctx   context.Context
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		if err != io.EOF {
			b.watch.judge(b.ctx, err)
		}
		b.watch.end()
	}
	return n, err
}

func (b *watchedBody) Close() error {
	defer b.watch.end()
	return b.ReadCloser.Close()
}
