package oauth

// This file implements the way back: the authorization response of RFC 6749
// Section 4.1.2 by query, fragment and form_post (OAuth 2.0 Form Post Response
// Mode), plain or as a JWT (JARM), with an ID token in it where it was asked for
// (OpenID Connect Core 1.0, Sections 3.2.2 and 3.3.2), with the issuer of RFC
// 9207, at the redirect URI of its request (RFC 9700, Section 4.4.2.2).

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
)

const opAuthorizationResponse = "authorization response"

// An AuthorizationResponse is an authorization response that has passed its checks. It
// contains the code, and it belongs to the request that it answers. It can be used
// once, with [Client.ExchangeCode].
type AuthorizationResponse struct {
	code          Secret   // zero: response type id_token
	idToken       *IDToken // of the response; nil: response type code
	issuer        string   // of the response (RFC 9207); "" if it did not say
	authorization *PendingAuthorization
	used          atomic.Bool
}

// IDToken returns the verified ID token of the response. It is nil unless the response
// type has id_token. A program can decide by it, for example by an intent that it names
// (UK Open Banking), before [Client.ExchangeCode] spends the code.
func (resp *AuthorizationResponse) IDToken() *IDToken {
	if resp == nil {
		return nil
	}
	return resp.idToken
}

// Format implements [fmt.Formatter]. It prints no secrets.
func (resp *AuthorizationResponse) Format(f fmt.State, _ rune) { fmt.Fprint(f, resp.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (resp *AuthorizationResponse) LogValue() slog.Value { return slog.StringValue(resp.summary()) }

func (resp *AuthorizationResponse) summary() string {
	if resp == nil || resp.authorization == nil {
		return "AuthorizationResponse()"
	}
	return "AuthorizationResponse(" + resp.authorization.summary() + ")"
}

// FinishAuthorization finishes an authorization that StartAuthorization began. r is the
// request that the browser made to the redirect URI. FinishAuthorization checks the
// response in r, exchanges the code for tokens and verifies the ID token. It uses the
// context of r. opts may be nil.
//
// The caller must take a from the session of the browser that sent r, by the state of
// the response, and delete it from the session first.
//
// The response must have come to the redirect URI of its request (RFC 9700, Section
// 4.4.2.2). FinishAuthorization compares the path of r, and the query parameters that
// are part of the redirect URI. The path is taken from the request line, so that
// [http.StripPrefix] does not change it. Behind a proxy that changes paths,
// Config.CallbackURL must return the URL that the browser requested. A response that
// came to another place does not use up a.
//
// WARNING: If Config.CallbackURL is nil, scheme and host are not compared. The redirect
// URIs of several servers must then differ in path or query. It is not enough if they
// differ in the host.
//
// If the server refused the authorization, the error is an [*AuthorizationError]. If
// the response is malformed, the error matches [ErrParse]. If a check failed, it
// matches [ErrInvalid]. FinishAuthorization also returns the errors of a request, for
// the request that exchanges the code.
func (c *Client) FinishAuthorization(r *http.Request, a *PendingAuthorization, opts *GrantOptions) (*Token, error) {
	if r == nil || r.URL == nil {
		return nil, withOp(opAuthorizationResponse, fail(ErrConfig, "", "the request is nil or has no URL: pass the one to the redirect URI"))
	}
	c, err := c.ready(r.Context())
	if err != nil {
		return nil, err
	}
	resp, err := c.validateResponse(r.Context(), a, func() (url.Values, error) { return c.requestParams(r, a.content) })
	if err != nil {
		return nil, err
	}
	return c.ExchangeCode(r.Context(), resp, opts)
}

// ResponseState returns the state of the authorization response that r is, for a program
// that keeps several logins of a session and must find the one that the response
// belongs to. It also looks into a JWT response (JARM), for which it decrypts it if it
// is encrypted. If the response came in the body of r, the body is read, and r.PostForm
// is set, where FinishAuthorization finds it.
//
// WARNING: The state is not verified. It must only be used to look up a
// [PendingAuthorization] in the session of the browser that sent r. Looking it up by the
// state alone would allow an attacker to log a user in to the attacker's account.
//
// If the response has no state, or cannot be read, the error matches [ErrParse] or
// [ErrInvalid]. If r is nil, it matches [ErrConfig].
func (c *Client) ResponseState(r *http.Request) (string, error) {
	if err := c.made(); err != nil {
		return "", err
	}
	state, err := c.responseState(r)
	if err != nil {
		return "", withOp(opAuthorizationResponse, err)
	}
	return state, nil
}

func (c *Client) responseState(r *http.Request) (string, error) {
	if r == nil || r.URL == nil {
		return "", fail(ErrConfig, "", "the request is nil or has no URL: pass the one to the redirect URI")
	}
	mode := ""
	if r.Method == http.MethodPost {
		mode = "form_post"
	}
	params, err := readResponseParams(r, mode)
	if err != nil {
		return "", err
	}
	if mode != "" {
		r.PostForm = params
	}
	for _, name := range [...]string{"state", "response"} {
		if len(params[name]) > 1 {
			return "", fail(ErrParse, name, "comes more than once")
		}
	}
	state := params.Get("state")
	if response := params.Get("response"); response != "" {
		if response, err = c.signedToken(r.Context(), response, &c.encrypted.authorization); err == nil {
			state, err = unverified(response, "state")
		}
		if err != nil {
			return "", ofToken(err)
		}
	}
	if state == "" {
		return "", fail(ErrState, "state", "is missing")
	}
	return state, nil
}

// requestParams takes the parameters out of a request to the redirect URI.
func (c *Client) requestParams(r *http.Request, a *pendingAuthorizationData) (url.Values, error) {
	if err := c.checkLanding(r, a); err != nil {
		return nil, err
	}
	if responseModes.find(a.responseMode).place == inFragment {
		if err := checkSameOrigin(r, a.redirectURI); r.Method == http.MethodPost && err != nil {
			return nil, err
		}
	}
	return readResponseParams(r, a.responseMode)
}

// ValidateAuthorizationResponseURL checks an authorization response that arrived as a
// URL. It is for native apps, which pass the URL with which they were opened (RFC
// 8252). A server that does something else between checking the response and exchanging
// the code should pass its own origin followed by r.RequestURI. The parameters are
// taken from the query or the fragment, depending on the ResponseMode.
//
// The scheme, host, port and path of rawURL must equal those of the redirect URI of the
// request (RFC 8252, Section 8.10), and so must the query parameters that are part of
// the redirect URI. A response that came to another place does not use up a.
//
// If the ResponseMode delivers the response in a body, the error matches [ErrConfig].
// The other errors are the same as for [Client.FinishAuthorization], except that no
// code is exchanged.
func (c *Client) ValidateAuthorizationResponseURL(ctx context.Context, a *PendingAuthorization, rawURL string) (*AuthorizationResponse, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	return c.validateResponse(ctx, a, func() (url.Values, error) { return urlParams(rawURL, a.content) })
}

// urlParams takes the parameters out of a URL, which has a code in it: no error
// quotes any of it.
func urlParams(rawURL string, a *pendingAuthorizationData) (url.Values, error) {
	u, err := url.Parse(rawURL)
	if err != nil || !u.IsAbs() {
		return nil, fail(ErrParse, "", "the URL of the response is not an absolute URL")
	}
	got, fault := landingOf(u)
	if fault != "" {
		return nil, fail(ErrParse, "", "the URL of the response %s", fault)
	}
	if err := a.landed(got, ""); err != nil {
		return nil, err
	}
	switch responseModes.find(a.responseMode).place {
	case inBody:
		return nil, fail(ErrConfig, "ResponseMode", "form_post does not come in a URL: FinishAuthorization takes the request, and ValidateAuthorizationResponse its form")
	case inQuery:
		return got.query, nil
	}
	for _, name := range responseParams {
		if got.query.Has(name) {
			return nil, fail(ErrParse, name, "the response has parameters in the query and in the fragment")
		}
	}
	_, fragment, _ := strings.Cut(rawURL, "#") // as it came: net/url decodes it
	params, err := url.ParseQuery(fragment)
	if err != nil {
		return nil, fail(ErrParse, "", "the fragment of the response cannot be read")
	}
	return params, nil
}

// ValidateAuthorizationResponse checks the parameters of an authorization response. It
// is for applications that receive neither an HTTP request nor a URL, for example
// because a page of theirs reads the fragment. Others should use
// [Client.FinishAuthorization] or [Client.ValidateAuthorizationResponseURL].
//
// WARNING: ValidateAuthorizationResponse does not know the URI to which the response
// came. The caller must make sure that it is the RedirectURI of a. Otherwise a
// malicious server can have the code of another server sent to it (RFC 9700, Section
// 4.4.2.2).
//
// The errors are the same as for [Client.FinishAuthorization], except that no code is
// exchanged.
func (c *Client) ValidateAuthorizationResponse(ctx context.Context, a *PendingAuthorization, params url.Values) (*AuthorizationResponse, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	return c.validateResponse(ctx, a, func() (url.Values, error) { return params, nil })
}

// validateResponse checks the response whose parameters take returns.
func (c *Client) validateResponse(ctx context.Context, a *PendingAuthorization, take func() (url.Values, error)) (*AuthorizationResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, withOp(opAuthorizationResponse, &Error{Detail: "given up", Err: err})
	}
	if err := c.checkAuthorization(a); err != nil {
		return nil, withOp(opAuthorizationResponse, err)
	}
	params, err := take()
	if err != nil {
		return nil, withOp(opAuthorizationResponse, err)
	}
	resp, err := c.processAuthorizationResponse(ctx, a, params)
	if err != nil { // which may quote the server, and the server the request
		return nil, withOp(opAuthorizationResponse, withoutSecrets(err, func() []string { return a.content.secrets(params) }))
	}
	return resp, nil
}

// ---- where the response came to

// checkLanding compares the URL of a request with the redirect URI. Host and
// X-Forwarded fields are the browser's to write, so that without CallbackURL
// there is no scheme and no host to compare.
func (c *Client) checkLanding(r *http.Request, d *pendingAuthorizationData) error {
	if c.callbackURL == nil {
		path, ok := requestPath(r)
		got := landing{query: r.URL.Query()} // readResponseParams refuses one that cannot be read
		if got.path, _ = normalPath(path); !ok {
			got.path = ""
		}
		return d.landed(got, "; if a proxy changes the paths of requests, set Config.CallbackURL")
	}
	u, err := c.callbackURL(r)
	switch {
	case err != nil:
		return &Error{Kind: ErrClaim, Param: "CallbackURL", Detail: "the URL of the request cannot be had", Err: withoutURL(err)} // url.Parse quotes the code
	case u == nil || u.Scheme == "" || u.Host == "":
		return fail(ErrConfig, "CallbackURL", "returned no absolute URL")
	}
	got, fault := landingOf(u)
	if fault != "" {
		return fail(ErrClaim, "CallbackURL", "the URL that it returned %s", fault)
	}
	return d.landed(got, " (by Config.CallbackURL)")
}

// landed is RFC 9700, Section 4.4.2.2, and RFC 8252, Section 8.10: a server that
// shares the client with an honest one has the honest one's code sent to the
// redirect URI of its own request, and would be given it with the verifier. The
// port of a loopback URI is that of this request: it varies between requests.
func (d *pendingAuthorizationData) landed(got landing, hint string) error {
	if redirectName(d.redirectURI) { // the server alone knows the URI
		return nil
	}
	u, err := url.Parse(d.redirectURI)
	if err != nil {
		return fail(ErrConfig, "PendingAuthorization", "has a redirect URI that is none")
	}
	want, fault := landingOf(u)
	switch {
	case fault != "":
		return fail(ErrConfig, "PendingAuthorization", "its redirect URI %s", fault)
	case got.origin != "" && got.origin != want.origin:
		return fail(ErrClaim, "redirect_uri", "the response came to %s%s, and the redirect URI of its request is at %s", printable(got.origin, 128), hint, printable(want.origin, 128))
	case got.path != want.path:
		return fail(ErrClaim, "redirect_uri", "the response came to the path %s, and the redirect URI of its request has %s%s", printable(got.path, 256), printable(want.path, 256), hint)
	}
	for name, values := range want.query {
		if !slices.Equal(got.query[name], values) {
			return fail(ErrClaim, "redirect_uri", "the response came without the parameter %s of its request's redirect URI%s", printable(name, 64), hint)
		}
	}
	return nil
}

// ---- the parameters

// readResponseParams takes the parameters from the one place that was asked for.
// Never r.Form: it mixes query and body.
func readResponseParams(r *http.Request, mode string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fail(ErrParse, "", "the query of the response cannot be read")
	}
	if in := responseModes.find(mode).place; in != inBody {
		if in == inFragment && r.Method == http.MethodPost { // by the page of FragmentHandler
			return postedParams(r, query)
		}
		if in == inFragment {
			return nil, fail(ErrConfig, "ResponseMode", "a fragment does not reach a server: FragmentHandler has a page that posts it, and in a native app ValidateAuthorizationResponseURL takes the URL")
		}
		if r.Method != http.MethodGet {
			return nil, fail(ErrParse, "", "the response came by %s, expected is GET; if the server posts its responses (Apple, if name or email is in Scope), set AuthorizationRequest.ResponseMode to form_post", printable(r.Method, 16))
		}
		return query, nil
	}
	if r.Method != http.MethodPost {
		return nil, fail(ErrParse, "", "the response came by %s, expected is POST (form_post)", printable(r.Method, 16))
	}
	return postedParams(r, query)
}

// postedParams takes the parameters out of the body, and wants none in the query.
func postedParams(r *http.Request, query url.Values) (url.Values, error) {
	for _, name := range responseParams {
		if query.Has(name) {
			return nil, fail(ErrParse, name, "the response has parameters in the query and in the body")
		}
	}
	return formParams(r)
}

// formParams reads the body, unless a middleware did so before: of pairs that
// could not be decoded then, nothing is known here.
func formParams(r *http.Request) (url.Values, error) {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(mediaType), mediaForm) {
		return nil, fail(ErrParse, "Content-Type", "the response is not %s", mediaForm)
	}
	if r.PostForm != nil {
		return r.PostForm, nil
	}
	body, err := readBody(r.Body, maxBody)
	if err != nil {
		return nil, err
	}
	params, err := url.ParseQuery(body)
	if err != nil {
		return nil, fail(ErrParse, "", "the body cannot be read as a form")
	}
	return params, nil
}

func (c *Client) processAuthorizationResponse(ctx context.Context, a *PendingAuthorization, params url.Values) (*AuthorizationResponse, error) {
	switch now := c.clock.local(); {
	case a.content.created.Before(now.Add(-c.lifetime)):
		return nil, fail(ErrExpired, "PendingAuthorization", "was started more than %v ago (Config.AuthorizationLifetime): start again", c.lifetime)
	case a.content.created.After(now.Add(maxAhead)): // the machines of an application have clocks that differ
		return nil, fail(ErrExpired, "PendingAuthorization", "was started %s this clock (%s): start again; if that is wrong, set the clocks of the machines that share it", apart(a.content.created, now, "ahead of"), stamp(now))
	}
	for _, name := range responseParams {
		if len(params[name]) > 1 {
			return nil, fail(ErrParse, name, "comes more than once")
		}
	}
	params, err := c.openResponse(ctx, a, params)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(responseParams[:], params.Has) {
		return nil, fail(ErrState, "state", "is missing: there are no parameters in the response; if the server puts them into the fragment of the URL, only a page of yours can read them")
	}
	resp := &AuthorizationResponse{authorization: a}
	if resp.issuer, err = c.checkResponseIssuer(a, params); err != nil {
		return nil, err
	}
	// RFC 6749, Section 10.12. Random and compared here, it also says that the
	// caller took a out of the right session.
	if !sameSecret(params.Get("state"), a.content.state) {
		// A server that could not read the request does not know the state.
		if code := params.Get("error"); code != "" && !params.Has("state") {
			return nil, fail(ErrState, "state", "is missing, so this may be an answer to anything; it says error %s", printable(redact(code, a.content.secrets(params)), 64))
		}
		if !params.Has("state") {
			return nil, fail(ErrState, "state", "is missing: the response is not an answer to this request")
		}
		return nil, fail(ErrState, "state", "is not the one that was sent: the response is not an answer to this request; if a session can have several logins under way, keep each under its state")
	}
	if a.used.Swap(true) {
		return nil, fail(ErrReplay, "PendingAuthorization", "was finished before: the browser has loaded the redirect URI again, or it was not deleted from the session")
	}
	if params.Get("error") != "" {
		return nil, newAuthorizationError(params, a.content)
	}
	// What was asked for is there, and nothing that was not.
	for _, name := range [...]string{"code", "id_token", "access_token"} {
		switch wanted := a.content.wants(name); {
		case wanted && params.Get(name) == "":
			return nil, fail(ErrClaim, name, "is missing")
		case !wanted && params.Has(name):
			return nil, fail(ErrClaim, name, "was not asked for in the response")
		}
	}
	resp.code = NewSecret(params.Get("code"))
	if raw := params.Get("id_token"); raw != "" {
		if err := c.checkResponseIDToken(ctx, resp, raw); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// checkResponseIDToken verifies an ID token that came through the browser: OIDC
// Core 3.2.2.11 and 3.3.2.11.
func (c *Client) checkResponseIDToken(ctx context.Context, resp *AuthorizationResponse, raw string) (err error) {
	d := resp.authorization.content
	resp.idToken, err = c.verifyIDToken(ctx, raw, fromAnybody, &idTokenChecks{
		nonce: d.nonce, maxAge: d.maxAge, started: d.created.Add(c.clock.Skew), code: resp.code.Reveal(), state: d.state,
		needSHash: c.detached, frontend: true, acr: d.acr(),
	})
	if err != nil {
		return err
	}
	return resp.checkTenant(resp.idToken)
}

// checkTenant: of a template, the issuer of the response was compared by its
// form only; it is that of the ID token.
func (resp *AuthorizationResponse) checkTenant(id *IDToken) error {
	if resp.issuer != "" && id != nil && strings.Contains(resp.authorization.content.issuer, tenantPlaceholder) && id.Issuer() != resp.issuer {
		return fail(ErrIssuer, "iss", "response and ID token are from different tenants")
	}
	return nil
}

// ---- JARM

// openResponse returns the parameters of a response. Where a JWT was asked for
// they are those in it, errors included, and nothing beside it counts; where
// none was, nobody would check it.
func (c *Client) openResponse(ctx context.Context, a *PendingAuthorization, params url.Values) (url.Values, error) {
	if !responseModes.find(a.content.responseMode).jwt {
		if params.Has("response") {
			return nil, fail(ErrClaim, "response", "a JWT response (JARM) was not asked for")
		}
		return params, nil
	}
	if params.Get("response") == "" {
		return nil, fail(ErrClaim, "response", "is missing: a JWT response (JARM) was asked for, and an unsigned one came")
	}
	rules, err := c.jarmRules()
	if err != nil {
		return nil, err
	}
	keys, err := c.keySet()
	if err != nil {
		return nil, err
	}
	response, err := c.signedToken(ctx, params.Get("response"), &c.encrypted.authorization) // JARM, Section 2.4, step 1
	if err != nil {
		return nil, err
	}
	v, err := verifyJWS(ctx, response, keys, fromAnybody, rules)
	if err != nil {
		return nil, err
	}
	r := newJSONReader()
	defer r.release()
	claims, err := v.claims(r)
	if err != nil {
		return nil, err
	}
	if err := c.checkJARMClaims(&claims, v.key); err != nil {
		return nil, err
	}
	return jarmParams(&claims)
}

// checkJARMClaims is JARM, Section 2.4, steps 3 to 5. The issuer is compared
// where that of every response is: it becomes the parameter iss.
func (c *Client) checkJARMClaims(claims *jsonObject, key *publicKey) error {
	iss, err := claims.need("iss")
	if err != nil {
		return err
	}
	if key.issuer != "" && key.issuer != iss && !matchesTemplate(key.issuer, iss) {
		return fail(ErrIssuer, "iss", "the key that signed the response is not one of this issuer")
	}
	aud, ok, err := claims.strings("aud", true)
	switch {
	case err != nil:
		return err
	case !ok:
		return fail(ErrClaim, "aud", "is missing")
	case len(aud) != 1 || aud[0] != c.meta.ClientID:
		return fail(ErrAudience, "aud", "the response is not for this client alone")
	}
	times, err := claims.times()
	if err != nil {
		return err
	}
	return times.checkLifetime(c.clock.instant())
}

// jarmParams makes parameters of the string claims. One that the protocol
// needs and that is no string is refused, not left out.
func jarmParams(claims *jsonObject) (url.Values, error) {
	params := url.Values{}
	for _, name := range responseParams {
		raw, ok := claims.get(name)
		if !ok {
			continue
		}
		s, err := unquoteJSON(raw)
		if err == nil {
			params.Set(name, s)
			continue
		}
		switch name {
		case "code", "state", "error", "iss", "id_token", "access_token":
			return nil, claims.wrong(name, "a string")
		}
	}
	return params, nil
}

// checkResponseIssuer is RFC 9207, Section 2.4: the defence against mix-up.
// Real servers leave iss out where an ID token says it, whatever their metadata
// have; that is compared itself, but an error has none. A JWT response has iss.
func (c *Client) checkResponseIssuer(a *PendingAuthorization, params url.Values) (string, error) {
	if !params.Has("iss") {
		says := a.content.wants("id_token") && params.Get("error") == ""
		switch {
		case c.requireIssuer:
			return "", fail(ErrIssuer, "iss", "is missing in the response, and Config.RequireResponseIssuer is set (RFC 9207)")
		case c.server.AuthorizationResponseIssParameterSupported && !says:
			return "", fail(ErrIssuer, "iss", "is missing in the response, and the server says that it sends it (RFC 9207); if this client is registered to get none, set Server.AuthorizationResponseIssParameterSupported to false")
		}
		return "", nil
	}
	iss := params.Get("iss")
	return iss, c.matchIssuer(iss)
}

// ExchangeCode exchanges the code for tokens and verifies the ID token. opts may be
// nil.
//
// An AuthorizationResponse can be used only once, even if ExchangeCode fails, because
// servers that see a code twice revoke the tokens that they issued for it. With the
// response type id_token there is no code: ExchangeCode makes no request, and the Token
// contains only the ID token.
//
// ExchangeCode returns the errors of a request. If resp was used before, the error
// matches [ErrReplay].
func (c *Client) ExchangeCode(ctx context.Context, resp *AuthorizationResponse, opts *GrantOptions) (*Token, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	t, err := c.exchangeCode(ctx, resp, opts)
	if err != nil {
		return nil, withOp(opToken, err)
	}
	return t, nil
}

func (c *Client) exchangeCode(ctx context.Context, resp *AuthorizationResponse, opts *GrantOptions) (*Token, error) {
	if resp == nil || resp.authorization == nil {
		return nil, fail(ErrConfig, "AuthorizationResponse", "is empty: pass the one that ValidateAuthorizationResponse made")
	}
	if err := c.checkAuthorization(resp.authorization); err != nil {
		return nil, err
	}
	a := resp.authorization.content
	if !a.wants("code") {
		if resp.used.Swap(true) {
			return nil, fail(ErrReplay, "AuthorizationResponse", "was exchanged before")
		}
		return c.identityToken(resp.idToken), nil
	}
	form := url.Values{
		"grant_type":   {"authorization_code"},
		"code":         {resp.code.Reveal()},
		"redirect_uri": {a.redirectURI},
	}
	if a.verifier != "" {
		form.Set("code_verifier", a.verifier)
	}
	narrower := opts != nil && len(opts.Scope)+len(opts.Resource) > 0
	opts = opts.repeating(a.resource)
	if err := opts.codeForm(form, a.scope); err != nil {
		return nil, err
	}
	if resp.used.Swap(true) {
		return nil, fail(ErrReplay, "AuthorizationResponse", "was exchanged before")
	}
	t, err := c.requestToken(ctx, form, opts, &tokenExpectation{scope: opts.askedScope(a.scope), openid: a.openid(), checks: idTokenChecks{nonce: a.nonce, maxAge: a.maxAge, started: a.created.Add(c.clock.Skew), code: resp.code.Reveal(), state: a.state, acr: a.acr()}})
	if err != nil {
		return nil, err
	}
	if narrower { // the refresh token is good for all that the user allowed
		t.granted = a.scope
	}
	if t.login != nil {
		t.login.requireACR = a.requireACR
	}
	if err := resp.checkTenant(t.idToken); err != nil {
		return nil, err
	}
	// OIDC Core 3.3.3.6: "the iss and sub Claim Values MUST be identical in both
	// ID Tokens".
	if first := resp.idToken; first != nil {
		switch {
		case t.idToken.Issuer() != first.Issuer():
			return nil, fail(ErrIssuer, "iss", "the two ID tokens are from different issuers")
		case t.idToken.Subject() != first.Subject():
			return nil, fail(ErrClaim, "sub", "the two ID tokens are about different users")
		}
	}
	return t, nil
}

// identityToken is a Token with nothing but the ID token.
func (c *Client) identityToken(id *IDToken) *Token {
	t := &Token{server: c.server.Issuer, clientID: c.meta.ClientID}
	t.setIDToken(id)
	return t
}
