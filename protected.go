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

// Do sends a request to a protected resource with the token t. It sends a Bearer token,
// or a DPoP token with a proof, and uses the client certificate of Config.MTLS. It
// returns the response as it arrived, even if it is a redirect, because following it
// would send the token elsewhere. The caller must close the body of the response. The
// only timeout is the context of req, and only the Transport of Config.HTTPClient is
// used.
//
// Do does not modify req. The URL of req must be https, and req must not have an
// Authorization or DPoP header field, because Do sets them. Its RequestURI is ignored.
// Do does not renew the token; see [Client.NewTransport].
//
// If the resource requires a nonce in the proof, Do sends the request a second time,
// provided that it has no body or has a GetBody. If the connection breaks, Do sends a
// GET, HEAD, OPTIONS or TRACE request a second time, with a new proof. It sends any
// other request a second time only if the server states, in HTTP/2, that it has not
// processed it. For example, an order is not placed twice.
//
// If t or req cannot be used, the error matches [ErrConfig]. If the URL is not https,
// it matches [ErrInsecureURL]. If the token is of a type that the client cannot
// present, it matches [ErrTokenType]. If it is bound to another key, it matches
// [ErrBinding]. If there was no response, it matches [ErrNetwork] or, if the context of
// req was canceled, [context.Canceled]. If a redirect was followed, or if the response
// is 101 Switching Protocols and req has no Upgrade header field, it matches
// [ErrResponse]. Any other status is not an error.
func (c *Client) Do(req *http.Request, t *Token) (*http.Response, error) {
	if err := c.made(); err != nil {
		closeBody(req)
		return nil, err
	}
	c = c.atHand()
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
	if res.ContentLength <= maxErrorBody { // -1: it is not known, and CopyN reads nothing
		io.CopyN(io.Discard, res.Body, res.ContentLength)
	}
	res.Body.Close()
}

// ---- Transport

// TransportOptions are the options of [Client.NewTransport]. Origins is required.
type TransportOptions struct {
	// Origins lists the origins to which the token may be sent, for example
	// "https://api.example.com". A request to any other origin fails before it is sent,
	// even if it follows a redirect.
	Origins []string

	// OnRefresh stores a new Token, before it is used. t is a copy. If OnRefresh
	// returns an error or panics, the requests that wait for it fail. The Token is kept
	// in memory and passed to OnRefresh again with the next request, because the
	// previous refresh token may no longer be valid. It is not renewed before OnRefresh
	// has stored it. If OnRefresh is nil, nothing is stored.
	//
	// If the server issued a new refresh token, but the rest of its response cannot be
	// used (see [RefreshError]), t is the previous Token with the new refresh token. A
	// Transport that is made of the stored Token continues from there.
	//
	// OnRefresh is never called concurrently. Its context lasts at most 30 seconds and
	// does not end with the requests. If OnRefresh has not returned one second after
	// its context ended, requests fail until it returns. If it takes more than 15 seconds
	// to store a Token that is to be renewed right after, the requests that wait fail with
	// [ErrUnavailable], and the next one renews it. OnRefresh must not use the Transport,
	// which waits for it.
	OnRefresh func(ctx context.Context, t *Token) error

	// Renew returns a new Token, for programs that do not renew it with
	// [Client.Refresh], but for example with [Client.ClientCredentials]. t is a copy of
	// the current Token, or nil if there is none yet. If Renew is nil and the Token has
	// a refresh token, Refresh is called. A panic counts as an error.
	//
	// The context is the same as for OnRefresh. If Renew calls Refresh, it must pass
	// this context on. If the server then rotates the refresh token, the Transport
	// keeps the new one even if Renew fails afterwards. Like OnRefresh, Renew must not
	// use the Transport.
	Renew func(ctx context.Context, t *Token) (*Token, error)

	// Base sends the requests. It must not follow redirects or repeat requests; see
	// Config.HTTPClient. If nil, it is the transport of the Client, with the
	// certificate of Config.MTLS.
	Base http.RoundTripper
}

// A Transport is an [http.RoundTripper] that adds a token to requests to protected
// resources, and renews the token. It is safe for concurrent use.
type Transport struct {
	keptToken
	base    http.RoundTripper
	origins []string
}

// NewTransport returns a Transport that sends requests with t. If opts.Renew is set, t
// may be nil.
//
// The Transport renews its token 30 seconds before it expires, or halfway through the
// life of a token that lasts less than a minute, if it has obtained that itself. It also
// renews it once when a resource rejects it with 401 and invalid_token. If this renewal
// fails, the other origins still receive the token until it expires. Concurrent requests
// share one renewal. A renewal runs for up to 30 seconds even if all requests waiting for
// it are canceled, so that a rotated refresh token is not lost.
//
// The Transport keeps a new refresh token even if the rest of the response cannot be
// used, and passes it to opts.OnRefresh. If the response contains an ID token, it is
// verified before the new access token is used. If the keys for it are not available,
// the Transport verifies it again later, without a new token request. If the process
// ends after the server has rotated the refresh token and before OnRefresh has stored
// the new one, the user must log in again.
//
// If the token endpoint rejects the refresh token that the Transport holds with
// invalid_grant, the session has ended. The Transport then sends no more requests to
// the token endpoint, every request fails with this [*ResponseError], and the user must
// log in again. Any other failure is temporary, including an invalid_grant from
// elsewhere or from opts.Renew. The Transport makes its next attempt after 1 second.
// This time doubles with every further failure, up to 30 seconds, and the error states
// when it ends. [Transport.Renew] does not wait for it.
//
// WARNING: Servers that rotate refresh tokens treat a second use of one as theft.
// Processes that share a token store must therefore renew under a lock, in opts.Renew:
// take the lock, reload the token, return it if another process has renewed it, and
// otherwise call Refresh, store the result and release the lock. The refresh token of a
// [*RefreshError] must be stored, too.
//
// If t or opts cannot be used, the error matches [ErrConfig]. If an origin is not
// https, it matches [ErrInsecureURL].
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
	tr.use(t, tr.lifetimeOf(t))
	if tr.renew == nil && !t.RefreshToken.IsZero() {
		tr.renew = func(ctx context.Context, t *Token) (*Token, bool, error) {
			now, err := c.ready(ctx)
			if err != nil {
				return nil, false, err
			}
			return c.refresh(ctx, now, t, nil)
		}
	}
	return tr, nil
}

// Token returns a copy of the current token. It is nil if there is none yet.
func (tr *Transport) Token() *Token {
	if tr == nil {
		return nil
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.token.clone()
}

// Fresh returns a copy of the token that a request would be sent with now, for programs
// that use a token otherwise than in HTTP requests, for example with gRPC, WebSocket or
// SASL. If the token has expired, or if there is none yet, Fresh renews it as a request
// would, and waits for the renewal that all callers share. While the token is valid, Fresh
// returns it at once and, like a request, starts a renewal 30 seconds before it expires.
//
// WARNING: The origins of the Transport do not limit where the program sends what Fresh
// returns. A token that is bound to a DPoP key or to a certificate is of no use without a
// proof or the certificate.
//
// After a resource has rejected the token, call [Transport.Renew]. If the token has
// expired and cannot be renewed, the error matches [ErrExpired]. The other errors are the
// errors of the renewal and of OnRefresh; see [Client.NewTransport].
func (tr *Transport) Fresh(ctx context.Context) (*Token, error) {
	if tr == nil || tr.c == nil {
		return nil, withOp(opProtected, fail(ErrConfig, "Transport", "is nil or empty: NewTransport makes one"))
	}
	t, err := tr.fresh(ctx, "")
	if err != nil {
		return nil, withOp(opProtected, err)
	}
	return t.clone(), nil
}

// Credential returns what a call of u with the given HTTP method must present, for calls
// that the Transport does not send itself, for example those of gRPC or the handshake of a
// WebSocket: the scheme, the token that [Transport.Fresh] returns and, if that is bound to
// a DPoP key, a proof for this one call. Method and URL are those of the arguments, and
// Certificate is nil.
//
// If u is not of one of the origins of the Transport, or if method or u cannot stand in a
// proof, the error matches [ErrConfig]. The other errors are those of Fresh, and those of
// [Client.Do] about a token that the client cannot present.
func (tr *Transport) Credential(ctx context.Context, method string, u *url.URL) (*Credential, error) {
	if tr == nil || tr.c == nil {
		return nil, withOp(opProtected, fail(ErrConfig, "Transport", "is nil or empty: NewTransport makes one"))
	}
	c, err := tr.credential(ctx, method, u)
	if err != nil {
		return nil, withOp(opProtected, err)
	}
	return c, nil
}

func (tr *Transport) credential(ctx context.Context, method string, u *url.URL) (*Credential, error) {
	if err := tr.checkOrigin(u); err != nil {
		return nil, err
	}
	t, err := tr.fresh(ctx, originOf(u))
	if err != nil {
		return nil, err
	}
	client := tr.c.atHand()
	authorization, err := client.authorization(t)
	if err != nil {
		return nil, err
	}
	h := http.Header{}
	if err := client.dpopOf(t).prove(h, &provenRequest{method: method, url: u, token: t.AccessToken.Reveal()}, client.clock.now()); err != nil {
		return nil, err
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	return &Credential{Scheme: scheme, Token: token, Proof: h.Get("DPoP"), Method: method, URL: u}, nil
}

// Rejected notes that the resource has rejected a credential of [Transport.Credential] with
// invalid_token, and reports whether another call of Credential may help: it renews the
// token then, as a request does that was rejected. A resource that rejects every token
// does not have a new one made for each call; see [Client.NewTransport].
func (tr *Transport) Rejected(c *Credential) bool {
	if tr == nil || tr.c == nil || c == nil || tr.renew == nil || tr.checkOrigin(c.URL) != nil {
		return false
	}
	return tr.reject(c.Token, originOf(c.URL))
}

// ReceiveNonce keeps a DPoP nonce that came with the response to a call of u
// ([Transport.Credential]): the value of its DPoP-Nonce field (RFC 9449, Section 8). The
// next proofs for the origin of u contain it. It reports whether the nonce is kept. It is
// not if there is no DPoP key, if the value cannot be a nonce, or if the origin of u is not
// one of the Transport's.
func (tr *Transport) ReceiveNonce(u *url.URL, nonce string) bool {
	if tr == nil || tr.c == nil || tr.c.dpop == nil || tr.checkOrigin(u) != nil {
		return false
	}
	return tr.c.dpop.remember(originOf(u), http.Header{"Dpop-Nonce": {nonce}}) != ""
}

// Bound reports whether the token of the Transport is bound to a key of the client, so
// that nobody can use it with the token alone: to the DPoP key (RFC 9449), by its type, or
// to the client certificate (RFC 8705), if Metadata.TLSClientCertificateBoundAccessTokens
// is set. Before there is a token, it counts whether Config.DPoP is set.
func (tr *Transport) Bound() bool {
	if tr == nil || tr.c == nil {
		return false
	}
	t := tr.Token()
	if t == nil {
		return tr.c.dpop != nil || tr.c.meta.TLSClientCertificateBoundAccessTokens
	}
	return tr.c.dpopOf(t) != nil || tr.c.meta.TLSClientCertificateBoundAccessTokens
}

// Format implements [fmt.Formatter]. It prints the client and the origins.
func (tr *Transport) Format(f fmt.State, _ rune) { fmt.Fprint(f, tr.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (tr *Transport) LogValue() slog.Value { return slog.StringValue(tr.summary()) }

func (tr *Transport) summary() string {
	if tr == nil || tr.c == nil {
		return "Transport()"
	}
	return "Transport(" + tr.c.summary() + " " + strings.Join(tr.origins, " ") + ")"
}

// CloseIdleConnections closes the idle connections of the underlying round tripper.
// [http.Client.CloseIdleConnections] calls it.
func (tr *Transport) CloseIdleConnections() {
	if tr == nil {
		return
	}
	if c, ok := tr.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements [http.RoundTripper]. It sends req with the token. Its errors are
// the errors of [Client.Do], of the renewal, and of OnRefresh.
func (tr *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := tr.roundTrip(req)
	if err != nil {
		return nil, withOp(opProtected, err)
	}
	return res, nil
}

// Renew renews the token now, even if it is still valid or if a renewal has just
// failed. If a renewal is in progress, Renew waits for it and starts none of its own.
// It is for programs that know of a reason other than the expiry, for example that the
// user's rights have changed.
//
// Renew returns after the new token has been stored. Its errors are the errors of
// TransportOptions.Renew or [Client.Refresh], and of OnRefresh. If the Transport cannot
// renew its token, the error matches [ErrConfig].
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
	res, err := tr.c.atHand().present(req, t, tr.base)
	if err != nil || res.StatusCode != http.StatusUnauthorized || tr.renew == nil || !invalidToken(res.Header, t) {
		return res, err
	}
	if !tr.reject(t.AccessToken.Reveal(), originOf(req.URL)) || !resendable(req) {
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
	return tr.c.atHand().present(again, t, tr.base)
}

// checkOrigin is what keeps the token from a place that a redirect names: an
// http.Client above this follows it with the same Transport.
func (tr *Transport) checkOrigin(u *url.URL) error {
	if u == nil || !slices.Contains(tr.origins, originOf(u)) {
		host := ""
		if u != nil {
			host = u.Host
		}
		return fail(ErrConfig, "Origins", "the token may not go to %s: if that is the API, list its origin in TransportOptions.Origins", printable(host, 128))
	}
	return nil
}
