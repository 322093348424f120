package oauth

// This file implements the way back: the authorization response of RFC 6749
// Section 4.1.2 by query and by form_post (OAuth 2.0 Form Post Response Mode),
// with the issuer of RFC 9207.

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

const opCallback = "authorization response"

// A Callback is an authorization response that passed its checks: a code, tied
// to the request that it answers. [Client.ExchangeCode] takes it, once.
type Callback struct {
	code          Secret
	issuer        string // of the response (RFC 9207); "" if it did not say
	authorization *Authorization
	used          atomic.Bool
}

// Format prints nothing that is secret.
func (cb *Callback) Format(f fmt.State, _ rune) { fmt.Fprint(f, cb.summary()) }

// LogValue is what Format prints.
func (cb *Callback) LogValue() slog.Value { return slog.StringValue(cb.summary()) }

func (cb *Callback) summary() string {
	if cb == nil || cb.authorization == nil {
		return "Callback()"
	}
	return "Callback(" + cb.authorization.summary() + ")"
}

// FinishAuthorization ends what StartAuthorization began: it takes the
// response out of the request to the redirect URI, checks it, exchanges the
// code and verifies the ID token. a is the Authorization with the response's
// state, out of the session of the browser that sent r; delete it there first.
// Nil options are the default.
//
// The errors: [*AuthorizationError] and [*ResponseError] if the server refused;
// the kinds under [ErrInvalid] if a check failed; [ErrParse] if the response is
// malformed; and those of a request. On error there is no token.
func (c *Client) FinishAuthorization(r *http.Request, a *Authorization, opts *GrantOptions) (*Token, error) {
	if err := c.checkAuthorization(a); err != nil {
		return nil, withOp(opCallback, err)
	}
	params, err := callbackParams(r, a.d.responseMode)
	if err != nil {
		return nil, withOp(opCallback, err)
	}
	cb, err := c.ValidateCallback(r.Context(), a, params)
	if err != nil {
		return nil, err
	}
	return c.ExchangeCode(r.Context(), cb, opts)
}

// ValidateCallback checks the parameters of an authorization response, for
// applications that get it in another way than as an HTTP request (native
// apps, which find it in a URL), or that want to do something between the two
// steps. The errors are those of [Client.FinishAuthorization].
func (c *Client) ValidateCallback(ctx context.Context, a *Authorization, params url.Values) (*Callback, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Op: opCallback, Detail: "given up", Err: err}
	}
	cb, err := c.validateCallback(a, params)
	if err != nil {
		return nil, withOp(opCallback, err)
	}
	return cb, nil
}

// responseParams are the parameters of authorization responses. Each comes
// once at most.
var responseParams = [...]string{
	"code", "state", "iss", "error", "error_description", "error_uri", "response",
	"id_token", "access_token", "token_type", "expires_in", "scope", "session_state",
}

// callbackParams takes the parameters from the one place that was asked for.
// Never r.Form: it mixes query and body.
func callbackParams(r *http.Request, responseMode string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fail(ErrParse, "", "the query of the response cannot be read")
	}
	if responseMode != "form_post" {
		if responseMode == "fragment" {
			return nil, fail(ErrConfig, "ResponseMode", "a fragment does not reach a server: ValidateCallback takes its parameters in a native app")
		}
		if r.Method != http.MethodGet {
			return nil, fail(ErrParse, "", "the response came by %s, expected is GET", printable(r.Method, 16))
		}
		return query, nil
	}
	if r.Method != http.MethodPost {
		return nil, fail(ErrParse, "", "the response came by %s, expected is POST (form_post)", printable(r.Method, 16))
	}
	for _, name := range responseParams {
		if query.Has(name) {
			return nil, fail(ErrParse, name, "the response has parameters in the query and in the body")
		}
	}
	return formParams(r)
}

// formParams reads the body, unless a middleware did so before.
func formParams(r *http.Request) (url.Values, error) {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(mediaType), mediaForm) {
		return nil, fail(ErrParse, "Content-Type", "the response is not %s", mediaForm)
	}
	if r.PostForm != nil {
		return r.PostForm, nil
	}
	if r.Body == nil {
		return nil, fail(ErrParse, "", "the response has no body")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, &Error{Kind: ErrParse, Detail: "the body of the response cannot be read", Err: err}
	}
	if len(body) > maxBody {
		return nil, fail(ErrParse, "", "the response is longer than %d bytes", maxBody)
	}
	params, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fail(ErrParse, "", "the body of the response cannot be read")
	}
	return params, nil
}

// checkAuthorization refuses an Authorization that is not this client's.
func (c *Client) checkAuthorization(a *Authorization) error {
	switch {
	case a == nil || a.d == nil:
		return fail(ErrConfig, "Authorization", "is empty: pass the one that StartAuthorization made, or a restored one")
	case a.d.issuer != c.server.Issuer || a.d.clientID != c.meta.ClientID:
		return fail(ErrConfig, "Authorization", "belongs to another server or client")
	}
	return nil
}

func (c *Client) validateCallback(a *Authorization, params url.Values) (*Callback, error) {
	if err := c.checkAuthorization(a); err != nil {
		return nil, err
	}
	age := c.clock.local().Sub(a.d.created)
	if age > c.lifetime {
		return nil, fail(ErrExpired, "Authorization", "was started more than %v ago (Config.AuthorizationLifetime): start again", c.lifetime)
	}
	for _, name := range responseParams {
		if len(params[name]) > 1 {
			return nil, fail(ErrParse, name, "comes more than once")
		}
	}
	// A signed response that nobody asked for is not checked by anybody.
	if params.Has("response") {
		return nil, fail(ErrClaim, "response", "a JWT response (JARM) was not asked for")
	}
	iss, err := c.checkResponseIssuer(params)
	if err != nil {
		return nil, err
	}
	// RFC 6749, Section 10.12. Random and compared here, it also says that the
	// caller took a out of the right session.
	if !sameSecret(params.Get("state"), a.d.state) {
		return nil, fail(ErrState, "state", "is not the one that was sent: the response is not an answer to this request")
	}
	if a.used.Swap(true) {
		return nil, fail(ErrReplay, "Authorization", "was finished before")
	}
	if code := params.Get("error"); code != "" {
		return nil, &AuthorizationError{Code: code, Description: params.Get("error_description"), URI: params.Get("error_uri")}
	}
	for _, name := range [...]string{"id_token", "access_token"} {
		if params.Has(name) {
			return nil, fail(ErrClaim, name, "was not asked for in the response")
		}
	}
	code := params.Get("code")
	if code == "" {
		return nil, fail(ErrClaim, "code", "is missing")
	}
	return &Callback{code: NewSecret(code), issuer: iss, authorization: a}, nil
}

// checkResponseIssuer is RFC 9207, Section 2.4: the defence against mix-up.
func (c *Client) checkResponseIssuer(params url.Values) (string, error) {
	if !params.Has("iss") {
		if c.server.AuthorizationResponseIssParameter {
			return "", fail(ErrIssuer, "iss", "is missing in the response, and the server says that it sends it (RFC 9207)")
		}
		return "", nil
	}
	iss := params.Get("iss")
	if template := strings.Contains(c.server.Issuer, tenantPlaceholder); template && !matchesTemplate(c.server.Issuer, iss) || !template && iss != c.server.Issuer {
		return "", fail(ErrIssuer, "iss", "the response is from %s, expected is %s", printable(iss, 256), printable(c.server.Issuer, 256))
	}
	return iss, nil
}

// matchesTemplate reports whether iss is the template with a tenant's GUID in
// it. Which tenant is compared with the ID token later.
func matchesTemplate(template, iss string) bool {
	before, after, ok := strings.Cut(template, tenantPlaceholder)
	if !ok {
		return false
	}
	tid, ok := strings.CutPrefix(iss, before)
	if !ok {
		return false
	}
	tid, ok = strings.CutSuffix(tid, after)
	return ok && isGUID(tid)
}
