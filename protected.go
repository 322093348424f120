package oauth

// This file implements the client's side of protected resources: tokens in
// requests by RFC 6750 (Bearer) and RFC 9449 (DPoP), certificate-bound ones
// over the connections of Config.MTLS (RFC 8705, Section 3). Their renewal is in
// renewal.go.

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Do sends a request to a protected resource with the token: as Bearer or, with
// a proof, as DPoP, over https, with the client certificate of Config.MTLS. The
// answer is handed back as it comes, redirects too: they are not followed, so
// that the token goes nowhere else. The caller closes its body. There is no
// timeout but that of req's context, and of Config.HTTPClient only the Transport
// is used.
//
// req is not changed, and has no Authorization and DPoP header field of its own. Its
// RequestURI is not sent. If the resource wants a nonce in the proof, the request is
// made once more, provided that it has no body or a GetBody. After a connection that
// broke, a GET, HEAD, OPTIONS or TRACE request is made once more with a new proof,
// and any other only if the server said, by HTTP/2, that it did nothing: an order is
// not placed twice. The token is not renewed: see [Client.NewTransport].
//
// The errors are of kind [ErrConfig], [ErrInsecureURL], [ErrTokenType], [ErrBinding],
// [ErrNetwork], and [ErrResponse] for 101 Switching Protocols that req did not ask for
// with an Upgrade header field, or if a redirect was followed. A response of any other
// status is no error.
func (c *Client) Do(req *http.Request, t *Token) (*http.Response, error) {
	if err := c.made(); err != nil {
		closeBody(req)
		return nil, err
	}
	res, err := c.present(req, t, c.caller.resources)
	if err != nil {
		return nil, withOp(opProtected, err)
	}
	return res, nil
}

// present sends a request with a token through the round tripper.
func (c *Client) present(req *http.Request, t *Token, rt http.RoundTripper) (*http.Response, error) {
	authorization, err := c.authorization(t)
	if err == nil {
		err = c.checkResourceRequest(req)
	}
	if err != nil {
		closeBody(req)
		return nil, err
	}
	d, token, nonce := c.dpopOf(t), t.AccessToken.Reveal(), ""
	for first, renewed, repeated := true, false, false; ; first = false {
		r := req.Clone(req.Context())
		if r.Header == nil {
			r.Header = http.Header{}
		}
		if !first && req.GetBody != nil {
			if r.Body, err = req.GetBody(); err != nil {
				return nil, &Error{Kind: ErrConfig, Param: "GetBody", Detail: "failed", Err: err}
			}
		}
		r.Method = cmp.Or(r.Method, http.MethodGet)
		r.RequestURI = "" // of a request that came in: httputil.ReverseProxy hands it on
		r.Response = nil  // the redirect that an http.Client above this followed
		r.Header.Set("Authorization", authorization)
		p := &provenRequest{method: r.Method, url: r.URL, token: token, nonce: nonce}
		if err := d.prove(r.Header, p, c.clock.now()); err != nil {
			closeBody(r)
			return nil, err
		}
		res, err := c.caller.send(rt, r, opProtected)
		if !repeated && resendable(req) && sendAgain(req.Context(), err) {
			repeated = true
			continue
		}
		if err != nil {
			return nil, err
		}
		res.Request = req // the caller's: without the token
		code := func() string { return challengeError(res.Header, "DPoP") }
		if nonce = d.retryNonce(p, res.StatusCode, res.Header, code); nonce == "" || renewed || !resendable(req) {
			return res, nil
		}
		renewed = true
		discard(res)
	}
}

func (c *Client) checkResourceRequest(req *http.Request) error {
	switch {
	case req == nil || req.URL == nil:
		return fail(ErrConfig, "req", "is nil or has no URL")
	case hasField(req.Header, "Authorization") || hasField(req.Header, "DPoP"):
		return fail(ErrConfig, "Authorization", "is set already, or DPoP is: both are the package's part")
	case req.URL.Opaque != "": // it is what goes over the wire, in place of host and path
		return fail(ErrConfig, "URL", "is opaque")
	case req.URL.Path != "" && !strings.HasPrefix(req.URL.EscapedPath(), "/"): // a proxy or a log may read host and path as one name
		return fail(ErrConfig, "URL", "the path %s does not begin with a slash", printable(req.URL.EscapedPath(), 128))
	case req.Host != "" && originOf(&url.URL{Scheme: req.URL.Scheme, Host: req.Host}) != originOf(req.URL):
		// A shared front sends the request where Host says.
		return fail(ErrConfig, "Host", "is not that of the URL")
	}
	u := *req.URL
	u.Fragment, u.RawFragment = "", ""
	_, err := c.caller.checkURL("URL", u.String())
	return err
}

// hasField looks for a field under any spelling: net/http sends names as they
// stand in the map, "DPoP" beside the canonical "Dpop".
func hasField(h http.Header, name string) bool {
	for n := range h {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

func closeBody(req *http.Request) {
	if req != nil && req.Body != nil {
		req.Body.Close()
	}
}

// resendable reports whether the body of a request can be had again.
func resendable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// discard reads the little that is left, so that the connection can be used
// again. Of a body whose end is not in sight nothing is waited for.
func discard(res *http.Response) {
	if 0 <= res.ContentLength && res.ContentLength <= maxErrorBody {
		io.CopyN(io.Discard, res.Body, res.ContentLength)
	}
	res.Body.Close()
}

// ---- Transport

// TransportOptions are the options of [Client.NewTransport]. Origins is
// required.
type TransportOptions struct {
	// Origins are where the token may go: "https://api.example.com". A request to
	// any other place, by a redirect too, fails before it is sent.
	Origins []string

	// OnRefresh stores a new Token, before it is used. The Token is a copy. If
	// OnRefresh returns an error or panics, the requests that wait for it fail; the
	// Token is kept in memory and offered again at the next request, because the
	// refresh token that it replaces may be of no use any more.
	//
	// If the server issued a new refresh token, but the rest of its response cannot
	// be used (see [RefreshError]), OnRefresh gets the Token there was with the new
	// refresh token in it. A Transport made of the stored Token goes on from there.
	//
	// OnRefresh is never called twice at a time. Its context lasts at most 30
	// seconds and does not end when the requests do. If it has not returned a second
	// after that, requests fail until it does. It must not use the Transport, which
	// waits for it. If nil, nothing is stored.
	OnRefresh func(ctx context.Context, t *Token) error

	// Renew gets a new Token where that is not [Client.Refresh]:
	// [Client.ClientCredentials], for example. Its context is that of OnRefresh, and
	// must be handed on to Refresh if Renew calls it: the Transport then keeps a
	// refresh token that the server has rotated even if Renew fails afterwards. The
	// argument is a copy of the Token there was, nil if there was none yet; like
	// OnRefresh, Renew must not use the Transport. A panic is an error. If nil,
	// Refresh is called, if there is a refresh token.
	Renew func(ctx context.Context, t *Token) (*Token, error)

	// Base sends the requests. It must not follow redirects or repeat requests, as
	// Config.HTTPClient says. If nil, it is the Client's own transport, with the
	// certificate of Config.MTLS.
	Base http.RoundTripper
}

// A Transport sends requests to protected resources with a token that it keeps
// fresh. It is an [http.RoundTripper], and safe for concurrent use.
type Transport struct {
	keptToken
	base    http.RoundTripper
	origins []string
}

// NewTransport makes a Transport of a token; it may be nil with
// TransportOptions.Renew. The token is renewed 30 seconds before it expires, and
// once when a resource says that it is invalid (401, invalid_token), by one
// request for all that wait. If that renewal fails, the other origins still get the
// token, until it expires. That request goes on for up to 30 seconds when they
// do not wait any longer, so that a refresh token that was rotated is not lost.
//
// A refresh token that the server has rotated is kept, whatever happens to the rest
// of the response that it came in, and offered to TransportOptions.OnRefresh. An ID
// token that came with it is verified before the new access token is used; if the keys
// for it are not available, that is tried again, without a new token request. If the
// process ends after the server has rotated the refresh token and before OnRefresh has
// stored the new one, the user must log in again.
//
// If the token endpoint answers invalid_grant to the refresh token that the Transport
// holds, the session is over: nothing is sent to it any more, the error of all requests
// is that [*ResponseError], and the user must log in again. Any other failure is one of
// the moment, invalid_grant from elsewhere and from TransportOptions.Renew too. After
// it the next renewal is a second away, after each further one twice as long, and never
// more than 30 seconds; the error says when it is. [Transport.Renew] does not wait.
//
// Of two processes that use the same refresh token, a server may take one for a
// thief. Those that share a store renew under a lock, which is for
// TransportOptions.Renew: take the lock, read the store, return what another
// process has put there, or else Refresh, store, and let go; the refresh token of a
// [*RefreshError] must be stored, too. The errors of NewTransport are of kind
// [ErrConfig] and [ErrInsecureURL].
func (c *Client) NewTransport(t *Token, opts TransportOptions) (*Transport, error) {
	if err := c.made(); err != nil {
		return nil, err
	}
	tr, err := c.newTransport(t, opts)
	if err != nil {
		return nil, withOp(opProtected, err)
	}
	return tr, nil
}

func (c *Client) newTransport(t *Token, o TransportOptions) (*Transport, error) {
	tr := &Transport{base: wired(o.Base), keptToken: keptToken{c: c, hook: o.OnRefresh, early: earlyRefresh, refusedAt: map[string]time.Time{}}}
	if o.Renew != nil {
		tr.renew = func(ctx context.Context, t *Token) (*Token, bool, error) {
			fresh, err := o.Renew(ctx, t)
			return fresh, false, err
		}
	}
	if tr.base == nil {
		tr.base = c.caller.resources
	}
	if len(o.Origins) == 0 {
		return nil, fail(ErrConfig, "Origins", "is empty: say where the token may go")
	}
	for _, raw := range o.Origins {
		u, err := c.caller.checkURL("Origins", raw)
		if err != nil {
			return nil, err
		}
		if strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery {
			return nil, fail(ErrConfig, "Origins", "%s is more than an origin", printable(raw, 128))
		}
		tr.origins = append(tr.origins, originOf(u))
	}
	if t == nil {
		if tr.renew == nil {
			return nil, fail(ErrConfig, "Token", "is nil, and so is Renew")
		}
		return tr, nil
	}
	if err := c.checkToken(t); err != nil {
		return nil, err
	}
	if _, err := c.authorization(t); err != nil {
		return nil, err
	}
	tr.use(t)
	if tr.renew == nil && !t.RefreshToken.IsZero() {
		tr.renew = func(ctx context.Context, t *Token) (*Token, bool, error) { return c.refresh(ctx, t, nil) }
	}
	return tr, nil
}

// Token returns a copy of the token that is in use; nil if there is none yet.
func (tr *Transport) Token() *Token {
	if tr == nil {
		return nil
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.token.clone()
}

// Format prints the client and the origins.
func (tr *Transport) Format(f fmt.State, _ rune) { fmt.Fprint(f, tr.summary()) }

// LogValue is the client and the origins.
func (tr *Transport) LogValue() slog.Value { return slog.StringValue(tr.summary()) }

func (tr *Transport) summary() string {
	if tr == nil || tr.c == nil {
		return "Transport()"
	}
	return "Transport(" + tr.c.summary() + " " + strings.Join(tr.origins, " ") + ")"
}

// CloseIdleConnections makes that of http.Client work.
func (tr *Transport) CloseIdleConnections() {
	if tr == nil {
		return
	}
	if c, ok := tr.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip sends a request with the token. The errors are those of
// [Client.Do], those of the renewal, and those of OnRefresh.
func (tr *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := tr.roundTrip(req)
	if err != nil {
		return nil, withOp(opProtected, err)
	}
	return res, nil
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
	if tr == nil || tr.c == nil {
		return withOp(opProtected, fail(ErrConfig, "Transport", "is nil or empty: NewTransport makes one"))
	}
	if err := tr.renewNow(ctx); err != nil {
		return withOp(opProtected, err)
	}
	return nil
}

func (tr *Transport) roundTrip(req *http.Request) (*http.Response, error) {
	if tr == nil || tr.c == nil || req == nil {
		closeBody(req)
		return nil, fail(ErrConfig, "Transport", "is nil or empty, or the request is nil: NewTransport makes one")
	}
	err := tr.checkOrigin(req.URL)
	if err == nil {
		err = tr.c.checkResourceRequest(req)
	}
	var t *Token
	if err == nil {
		t, err = tr.current(req.Context(), originOf(req.URL))
	}
	if err != nil {
		closeBody(req)
		return nil, err
	}
	res, err := tr.c.present(req, t, tr.base)
	if err != nil || res.StatusCode != http.StatusUnauthorized || tr.renew == nil || !invalidToken(res.Header, t) {
		return res, err
	}
	if !tr.reject(t, originOf(req.URL)) || !resendable(req) {
		return res, nil // the next request renews it, if that may help
	}
	discard(res)
	if t, err = tr.current(req.Context(), originOf(req.URL)); err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return nil, &Error{Kind: ErrConfig, Param: "GetBody", Detail: "failed", Err: err}
		}
	}
	return tr.c.present(again, t, tr.base)
}

// checkOrigin is what keeps the token from a place that a redirect names: an
// http.Client above this follows it with the same Transport.
func (tr *Transport) checkOrigin(u *url.URL) error {
	if u == nil || !slices.Contains(tr.origins, originOf(u)) {
		host := ""
		if u != nil {
			host = u.Host
		}
		return fail(ErrConfig, "Origins", "the token may not go to %s", printable(host, 128))
	}
	return nil
}
