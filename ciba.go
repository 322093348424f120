package oauth

// This file implements OpenID Connect Client-Initiated Backchannel
// Authentication (CIBA) Core 1.0 in poll and ping mode: a login at another
// device than the one in front of the user.

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A BackchannelAuthenticationRequest contains the parameters of
// [Client.StartBackchannelAuthentication]. Scope must contain "openid". Exactly one of
// LoginHint, LoginHintToken and IDTokenHint must be set.
type BackchannelAuthenticationRequest struct {
	unprinted

	Scope []string

	// These fields name the user who must log in.
	LoginHint      string
	LoginHintToken string // a token about the user, in a format of the server
	IDTokenHint    string // a Token.IDTokenHint or IDToken.Raw of the user

	BindingMessage  string        // shown on both devices, so that the user can compare them
	UserCode        Secret        // the code that the user agreed on with the server, if the server requires one
	ACRValues       []string      // in order of preference
	RequestedExpiry time.Duration // the time that the user may take, in whole seconds; if zero, the server chooses

	Resource             []string              // absolute URIs (RFC 8707)
	AuthorizationDetails []AuthorizationDetail // RFC 9396
	Params               url.Values            // additional parameters, but none that the package sets
	Header               http.Header           // additional header fields, but none that the package or net/http sets
	ResponseHeader       http.Header           // receives those of the response; see GrantOptions.ResponseHeader

	// Claims requests individual claims (OpenID Connect Core, Section 5.5). It must be
	// a JSON object, for example {"id_token":{"auth_time":{"essential":true}}}. If nil,
	// none are requested.
	Claims json.RawMessage
}

// A BackchannelAuthentication is an authentication request on which the user has not
// decided yet. Several goroutines may use it, but only one should poll.
//
// In poll mode, the program must call [Client.PollBackchannelAuthentication].
//
// In ping mode, which Metadata.BackchannelTokenDeliveryMode sets, the program must
// store the result of MarshalBinary under the AuthReqID. When the notification of the
// server arrives, [ParseBackchannelPing] finds the BackchannelAuthentication again, and
// [Client.BackchannelAuthenticationToken] returns the token. Because notifications can
// be lost, the program should make another attempt before Expiry.
type BackchannelAuthentication struct{ g pendingGrant }

func (b *BackchannelAuthentication) grant() *pendingGrant {
	if b == nil {
		return nil
	}
	return &b.g
}

// AuthReqID returns the auth_req_id, which identifies the request at the server.
func (b *BackchannelAuthentication) AuthReqID() string { return b.grant().data().code }

// Expiry returns the time, by the local clock, at which the request expires.
func (b *BackchannelAuthentication) Expiry() time.Time { return b.grant().data().expiry }

// Interval returns the time that must pass before each attempt. It grows if the server
// answers slow_down.
func (b *BackchannelAuthentication) Interval() time.Duration { return b.grant().wait() }

// MarshalBinary implements [encoding.BinaryMarshaler]. It encodes b for another
// process. The result is secret.
func (b *BackchannelAuthentication) MarshalBinary() ([]byte, error) {
	return b.grant().save(opBackchannel)
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. It decodes the result of
// MarshalBinary. If data is anything else, the error matches [ErrParse].
func (b *BackchannelAuthentication) UnmarshalBinary(data []byte) error {
	return b.grant().restore(opBackchannel, data)
}

// MarshalJSON always returns an error, because a BackchannelAuthentication contains
// secrets. Use MarshalBinary.
func (b *BackchannelAuthentication) MarshalJSON() ([]byte, error) {
	return nil, withOp(opBackchannel, fail(ErrConfig, "", "a BackchannelAuthentication does not encode to JSON: use MarshalBinary"))
}

// Format implements [fmt.Formatter]. It prints the issuer of the server and the
// client_id, and no secrets.
func (b *BackchannelAuthentication) Format(f fmt.State, _ rune) { fmt.Fprint(f, b.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (b *BackchannelAuthentication) LogValue() slog.Value { return slog.StringValue(b.summary()) }

func (b *BackchannelAuthentication) summary() string {
	if b == nil {
		return "BackchannelAuthentication(nil)"
	}
	return b.g.summary("BackchannelAuthentication")
}

// StartBackchannelAuthentication asks the server to let the user log in at another
// device (CIBA, Section 7.1). If Metadata.BackchannelRequestAlg is set, the request is
// signed with Config.RequestKey.
//
// StartBackchannelAuthentication returns the errors of a request. A [*ResponseError]
// can have the codes of CIBA, Section 13, for example unknown_user_id. If the client is
// registered for push mode, the error matches [ErrUnsupported], because the tokens
// would arrive in requests that the client did not make.
func (c *Client) StartBackchannelAuthentication(ctx context.Context, r *BackchannelAuthenticationRequest) (*BackchannelAuthentication, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	b, err := c.startBackchannel(ctx, r)
	if err != nil {
		return nil, withOp(opBackchannel, err)
	}
	return b, nil
}

func (c *Client) startBackchannel(ctx context.Context, r *BackchannelAuthenticationRequest) (*BackchannelAuthentication, error) {
	form, notificationToken, err := c.backchannelRequest(r)
	if err != nil {
		return nil, err
	}
	if form, err = c.signBackchannel(form); err != nil {
		return nil, err
	}
	started := c.clock.local()
	res, err := c.post(ctx, backchannelEndpoint, opBackchannel, form, headerFields{r.Header, r.ResponseHeader})
	if err != nil {
		return nil, err
	}
	b, err := c.processBackchannelResponse(res, strings.Join(r.Scope, " "), started)
	if err != nil {
		return nil, err
	}
	b.g.content.notificationToken, b.g.content.resource = notificationToken, keepResource(r.Resource)
	if err := b.g.content.validate(opBackchannel, ""); err != nil {
		return nil, err
	}
	return b, nil
}

// backchannelParams cannot be set by BackchannelAuthenticationRequest.Params.
var backchannelParams = []string{
	"login_hint", "login_hint_token", "id_token_hint", "binding_message", "user_code", "acr_values",
	"requested_expiry", "client_notification_token", "request", "claims",
}

// backchannelRequest is CIBA, Section 7.1.
func (c *Client) backchannelRequest(r *BackchannelAuthenticationRequest) (form url.Values, notificationToken string, err error) {
	if err := c.checkBackchannelRequest(r); err != nil {
		return nil, "", err
	}
	form = url.Values{}
	if err := cmp.Or(
		setTargets(form, r.Scope, r.Resource, r.AuthorizationDetails), setClaims(form, r.Claims), headerFields{r.Header, r.ResponseHeader}.check(),
	); err != nil {
		return nil, "", err
	}
	if c.meta.BackchannelTokenDeliveryMode == "ping" {
		notificationToken = randomString()
	}
	expiry := ""
	if r.RequestedExpiry > 0 {
		expiry = strconv.FormatInt(int64(r.RequestedExpiry/time.Second), 10)
	}
	for _, p := range [...]struct{ name, value string }{
		{"login_hint", r.LoginHint},
		{"login_hint_token", r.LoginHintToken},
		{"id_token_hint", r.IDTokenHint},
		{"binding_message", r.BindingMessage},
		{"user_code", r.UserCode.Reveal()},
		{"acr_values", strings.Join(r.ACRValues, " ")},
		{"requested_expiry", expiry},
		{"client_notification_token", notificationToken},
	} {
		if p.value != "" {
			form.Set(p.name, p.value)
		}
	}
	return form, notificationToken, setParams(form, r.Params, slices.Concat(backchannelParams, reservedTokenParams)...)
}

func (c *Client) checkBackchannelRequest(r *BackchannelAuthenticationRequest) error {
	if r == nil {
		return fail(ErrConfig, "", "the BackchannelAuthenticationRequest is nil")
	}
	if err := c.checkGrant(backchannelGrant); err != nil {
		return err
	}
	hints := 0
	for _, hint := range [...]string{r.LoginHint, r.LoginHintToken, r.IDTokenHint} {
		if hint != "" {
			hints++
		}
	}
	switch mode := c.meta.BackchannelTokenDeliveryMode; {
	case mode == "push":
		return fail(ErrUnsupported, "Metadata.BackchannelTokenDeliveryMode", "push is not supported: register the client with poll or ping")
	case mode != "" && mode != "poll" && mode != "ping":
		return fail(ErrConfig, "Metadata.BackchannelTokenDeliveryMode", "%s is not known: it is poll or ping", printable(mode, 32))
	case !slices.Contains(r.Scope, "openid"):
		return fail(ErrConfig, "Scope", "has no openid, which CIBA requires")
	case hints != 1:
		return fail(ErrConfig, "LoginHint", "%d hints are set: set one of LoginHint, LoginHintToken and IDTokenHint", hints)
	case r.RequestedExpiry < 0 || r.RequestedExpiry%time.Second != 0:
		return fail(ErrConfig, "RequestedExpiry", "%v is not a number of seconds", r.RequestedExpiry)
	}
	return c.checkTokenRequest(r.Scope)
}

// signBackchannel makes the signed request of CIBA, Section 7.1.1, if the client
// is registered for one: all parameters are in it, and none beside it.
func (c *Client) signBackchannel(form url.Values) (url.Values, error) {
	const param = "Metadata.BackchannelRequestAlg"
	alg, key := c.meta.BackchannelRequestAlg, c.requestKey
	switch {
	case alg == "":
		return form, nil
	case key == nil:
		return nil, fail(ErrConfig, "RequestKey", "is nil, and %s is set: requests have to be signed", param)
	case !key.alg.name.same(alg):
		return nil, fail(ErrConfig, "RequestKey", "is for %s, and %s is %s", key.alg.name, param, printable(string(alg), 32))
	}
	claims, err := c.requestObjectClaims(form, pushedObjectAge, backchannelParams)
	if err != nil {
		return nil, err
	}
	// CIBA has no typ for it, and the conformance suite refuses that of RFC 9101.
	object, err := key.signCompact(append(appendHeader(nil, alg, "", key.kid), '}'), claims)
	if err != nil {
		return nil, err
	}
	return url.Values{"request": {object}}, nil
}

// processBackchannelResponse reads the answer of CIBA, Section 7.3.
func (c *Client) processBackchannelResponse(res *httpResponse, scope string, started time.Time) (*BackchannelAuthentication, error) {
	if err := res.expect(http.StatusOK); err != nil {
		return nil, err
	}
	o, err := res.object()
	if err != nil {
		return nil, err
	}
	data, interval, err := c.readPending(&o, "auth_req_id", scope, started)
	if err != nil {
		return nil, err
	}
	b := &BackchannelAuthentication{g: pendingGrant{content: data}}
	b.g.interval.Store(interval)
	return b, nil
}

// BackchannelAuthenticationToken makes one attempt to get the token. opts may be nil.
//
// BackchannelAuthenticationToken returns the errors of a request. If the user has not
// decided yet, the error matches [ErrPending]: the caller may try again after
// [BackchannelAuthentication.Interval]. If the request has expired, it matches
// [ErrExpired]. If the user refused, it is a [*ResponseError] with the code
// access_denied.
func (c *Client) BackchannelAuthenticationToken(ctx context.Context, b *BackchannelAuthentication, opts *GrantOptions) (*Token, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	t, err := c.backchannelToken(ctx, b, opts)
	if err != nil {
		return nil, withOp(opToken, err)
	}
	return t, nil
}

func (c *Client) backchannelToken(ctx context.Context, b *BackchannelAuthentication, opts *GrantOptions) (*Token, error) {
	if b == nil {
		return nil, fail(ErrConfig, "BackchannelAuthentication", "is nil")
	}
	return c.attempt(ctx, &b.g, backchannelGrant, "auth_req_id", opts)
}

// PollBackchannelAuthentication waits until the user has decided, and returns the
// token. opts may be nil.
//
// PollBackchannelAuthentication makes an attempt once per Interval. It waits longer if
// the server tells it to, with slow_down or with the Retry-After of a status 429 or
// 503, or if the server cannot be reached. It stops if the user refuses, if the request
// expires or will expire before the next attempt, or if ctx ends.
//
// The errors are the same as for [Client.BackchannelAuthenticationToken], except
// [ErrPending]. If ctx ends, the error matches the error of ctx.
func (c *Client) PollBackchannelAuthentication(ctx context.Context, b *BackchannelAuthentication, opts *GrantOptions) (*Token, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, withOp(opToken, fail(ErrConfig, "BackchannelAuthentication", "is nil"))
	}
	t, err := c.poll(ctx, &b.g, backchannelGrant, "auth_req_id", opts)
	if err != nil {
		return nil, withOp(opToken, err)
	}
	return t, nil
}

// ParseBackchannelPing reads a notification of ping mode (CIBA, Section 10.2), which
// the server sends to the client's notification endpoint. It compares the bearer token
// of the notification with the token that the client sent in its request.
//
// find must return the BackchannelAuthentication with the given AuthReqID, or nil if
// there is none. It must not delete it, because the AuthReqID has not been verified
// when find is called.
//
// The caller should answer the notification with status 204, and then call
// [Client.BackchannelAuthenticationToken] with a context that outlives r.
//
// Notifications can arrive twice, before StartBackchannelAuthentication returns, or not
// at all. A client that has not been notified for some time should poll.
//
// The caller should test for the errors in this order. If find returned an error, the
// error matches [ErrUnavailable] and that error; the status of the response should be
// 503. If the bearer token is missing or wrong, or if the AuthReqID is unknown, it
// matches [ErrNoCredentials]; the status should be 401, with a WWW-Authenticate header
// field of the scheme Bearer. If the request is malformed, it matches [ErrParse]; the
// status should be 400.
func ParseBackchannelPing(r *http.Request, find func(ctx context.Context, authReqID string) (*BackchannelAuthentication, error)) (*BackchannelAuthentication, error) {
	b, err := parseBackchannelPing(r, find)
	if err != nil {
		return nil, withOp(opBackchannel, err)
	}
	return b, nil
}

func parseBackchannelPing(r *http.Request, find func(ctx context.Context, authReqID string) (*BackchannelAuthentication, error)) (*BackchannelAuthentication, error) {
	if r == nil || find == nil {
		return nil, fail(ErrConfig, "", "the request or find is nil")
	}
	if r.Method != http.MethodPost {
		return nil, fail(ErrParse, "", "the notification came by %s, expected is POST", printable(r.Method, 16))
	}
	header := r.Header.Values("Authorization")
	if len(header) != 1 {
		return nil, fail(ErrNoCredentials, "Authorization", "the notification has no bearer token, or several")
	}
	scheme, token, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return nil, fail(ErrNoCredentials, "Authorization", "the notification has no bearer token")
	}
	body, err := readBody(r.Body, maxPing)
	if err != nil {
		return nil, err
	}
	o, err := parseObject(body, answerForm, ErrParse)
	if err != nil {
		return nil, err
	}
	id, err := o.need("auth_req_id")
	if err != nil {
		return nil, err
	}
	b, err := find(r.Context(), id)
	if err != nil {
		return nil, &Error{Kind: ErrUnavailable, Param: "auth_req_id", Detail: "the request could not be looked up", Err: err}
	}
	if b == nil {
		return nil, fail(ErrNoCredentials, "auth_req_id", "is not known")
	}
	switch d := b.grant().data(); {
	case d.notificationToken == "" || !sameSecret(token, d.notificationToken):
		return nil, fail(ErrNoCredentials, "Authorization", "the bearer token is not the one that was sent with the request")
	case d.code != id:
		return nil, fail(ErrConfig, "auth_req_id", "find returned the BackchannelAuthentication of another id")
	}
	return b, nil
}
