package oauth

// This file holds the resource server's middleware, and what it answers to
// requests that it refuses: RFC 6750, Section 3, RFC 9449, Sections 7.1 and 9, RFC
// 9470 and RFC 9728.

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Requirement is what a token needs for a part of the API. The zero value is
// any good token.
type Requirement struct {
	// Scope are scopes that the token has to have, all of them.
	Scope []string

	// ACRValues are the authentication contexts of which the token's acr has to be
	// one (RFC 9470). Nil: any.
	ACRValues []string

	// MaxAge is the age in seconds that the user's authentication may have (RFC
	// 9470). Nil: any.
	MaxAge *int64
}

// fault is what is wrong with a requirement; "" if nothing.
func (need *Requirement) fault() string {
	for _, s := range slices.Concat(need.Scope, need.ACRValues) {
		if s == "" || strings.ContainsFunc(s, notScopeChar) {
			return printable(s, 64) + " is not one scope or acr value"
		}
	}
	if need.ACRValues != nil && len(need.ACRValues) == 0 {
		return "ACRValues is empty: no token has one of none; leave it nil for any"
	}
	if need.MaxAge != nil && *need.MaxAge < 0 {
		return "MaxAge is negative"
	}
	return ""
}

// Check holds a token of this resource server against a requirement, for handlers
// that know only in the course of a request what it needs, and for those that live
// longer than the token may, for example a stream: a token that has expired since
// it was accepted is [ErrExpired]. The other errors are of kind
// [ErrScope], and [ErrClaim], [ErrExpired] or [ErrNotYetValid] where the user has to
// authenticate in another way or anew; [ResourceServer.WriteError] says so to the
// client. A token of another ResourceServer, or a requirement that cannot be, is
// [ErrConfig].
func (rs *ResourceServer) Check(t *AccessToken, need Requirement) error {
	if t == nil || t.d == nil || t.d.by != rs {
		return fail(ErrConfig, "AccessToken", "is nil or empty, or not one of this resource server").in(opResource)
	}
	if fault := need.fault(); fault != "" {
		return fail(ErrConfig, "Requirement", "%s", fault).in(opResource)
	}
	return withOp(opResource, rs.checkAgain(t.d, &need))
}

// checkAgain is check for a token that was accepted a while ago.
func (rs *ResourceServer) checkAgain(d *accessTokenData, need *Requirement) error {
	if err := d.checkTimes(rs.clock); err != nil {
		return answered(err, answer{scheme: d.confirm.scheme(), need: need})
	}
	return rs.check(d, need)
}

func (rs *ResourceServer) check(d *accessTokenData, need *Requirement) error {
	a := answer{scheme: d.confirm.scheme(), need: need}
	for _, s := range need.Scope {
		if !slices.Contains(d.scope, s) {
			return answered(fail(ErrScope, "scope", "the token does not have the scope %s", printable(s, 64)), a)
		}
	}
	a.code = codeInsufficientAuthentication
	if need.ACRValues != nil && !slices.Contains(need.ACRValues, d.acr) {
		return answered(fail(ErrClaim, "acr", "is %s, and not one that is needed", printable(d.acr, 64)), a)
	}
	if need.MaxAge == nil {
		return nil
	}
	if d.authTime.IsZero() {
		return answered(fail(ErrClaim, "auth_time", "is missing, and the age of the authentication has to be known"), a)
	}
	err := rs.clock.checkNotAhead("auth_time", d.authTime)
	if err == nil {
		err = rs.clock.checkAge("auth_time", d.authTime, seconds(*need.MaxAge))
	}
	return answered(err, a)
}

// appendParams writes what a client needs to ask the authorization server for.
func (need *Requirement) appendParams(b []byte, code string) []byte {
	if len(need.Scope) > 0 {
		b = appendParam(b, "scope", strings.Join(need.Scope, " "))
	}
	if code != codeInsufficientAuthentication {
		return b
	}
	if need.ACRValues != nil {
		b = appendParam(b, "acr_values", strings.Join(need.ACRValues, " "))
	}
	if need.MaxAge != nil {
		b = appendParam(b, "max_age", strconv.FormatInt(*need.MaxAge, 10))
	}
	return b
}

// authenticatedKey is that of a request's token, in its context.
type authenticatedKey struct{}

type authenticated struct {
	by    *ResourceServer
	token *AccessToken
}

// AccessTokenFromContext returns the access token of a request that came through
// [ResourceServer.Require]. Without one it returns nil and false.
func AccessTokenFromContext(ctx context.Context) (*AccessToken, bool) {
	a, ok := ctx.Value(authenticatedKey{}).(authenticated)
	return a.token, ok
}

// Require lets requests through to next that have a good token with what is
// needed, and answers the others. The handler gets the token from
// [AccessTokenFromContext]; the header fields Authorization and DPoP are taken out
// of its request, so that they do not end in a log. Within another Require of the
// same ResourceServer it judges the token of that; within one of another
// ResourceServer there is no token left for it.
//
// What changes the method or the path of requests stands inside: a proof is for
// those of the request line. What answers CORS preflights, which have no token,
// stands outside, and exposes WWW-Authenticate and DPoP-Nonce to scripts.
//
// Require panics if rs is nil, or need or next cannot be used, as [http.ServeMux.Handle] does.
func (rs *ResourceServer) Require(need Requirement, next http.Handler) http.Handler {
	if fault := need.fault(); fault != "" {
		panic("oauth: Require: " + fault)
	}
	if rs == nil {
		panic("oauth: Require: the ResourceServer is nil")
	}
	if next == nil {
		panic("oauth: Require: the handler is nil")
	}
	need = Requirement{Scope: slices.Clone(need.Scope), ACRValues: slices.Clone(need.ACRValues), MaxAge: need.MaxAge}
	if need.MaxAge != nil {
		age := *need.MaxAge
		need.MaxAge = &age
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t := rs.authenticatedBefore(r); t != nil {
			if err := rs.checkAgain(t.d, &need); err != nil {
				rs.refuse(w, r, err, &need)
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		t, err := rs.authenticate(r)
		if err == nil {
			err = rs.check(t.d, &need)
		}
		if err != nil {
			rs.refuse(w, r, err, &need)
			return
		}
		if t.d.confirm.jkt != "" && rs.proofs.nonces != nil {
			// RFC 9449, Section 8.2: the next one before this one is too old.
			w.Header().Set("DPoP-Nonce", rs.proofs.nonces.make(rs.clock.now()))
		}
		r = r.WithContext(context.WithValue(r.Context(), authenticatedKey{}, authenticated{rs, t}))
		r.Header = r.Header.Clone()
		r.Header.Del("Authorization")
		r.Header.Del("DPoP")
		next.ServeHTTP(w, r)
	})
}

// authenticatedBefore is the token of a request that came through another Require of
// this resource server. That took the credentials out: a request with some is
// another one, which a handler made with the context of the first.
func (rs *ResourceServer) authenticatedBefore(r *http.Request) *AccessToken {
	a, ok := r.Context().Value(authenticatedKey{}).(authenticated)
	if !ok || a.by != rs || len(r.Header["Authorization"]) > 0 || len(r.Header["Dpop"]) > 0 {
		return nil
	}
	return a.token
}

func (rs *ResourceServer) refuse(w http.ResponseWriter, r *http.Request, err error, need *Requirement) {
	err = withOp(opResource, answered(err, answer{need: need}))
	rs.trace.requestRefused(r, err)
	rs.WriteError(w, err)
}

// ---- answers

// The error codes of RFC 6750, Section 3.1 and RFC 9470, Section 3.
const (
	codeInvalidRequest             = "invalid_request"
	codeInvalidToken               = "invalid_token"
	codeInsufficientScope          = "insufficient_scope"
	codeInsufficientAuthentication = "insufficient_user_authentication"
)

// refusals is what a kind of error is to the client. The first that fits counts.
var refusals = [...]struct {
	kind   error
	status int
	code   string
	again  time.Duration // Retry-After; 0: none
}{
	{ErrUnavailable, http.StatusServiceUnavailable, "temporarily_unavailable", retryAfter},
	{context.Canceled, http.StatusServiceUnavailable, "temporarily_unavailable", retryAfter},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "temporarily_unavailable", retryAfter},
	{ErrLimited, http.StatusTooManyRequests, "slow_down", proofWindow},
	{ErrNoCredentials, http.StatusUnauthorized, "", 0},
	{ErrMalformed, http.StatusBadRequest, codeInvalidRequest, 0},
	{ErrScope, http.StatusForbidden, codeInsufficientScope, 0},
	{ErrInvalid, http.StatusUnauthorized, codeInvalidToken, 0},
	{ErrParse, http.StatusUnauthorized, codeInvalidToken, 0},
	{ErrUnsupported, http.StatusUnauthorized, codeInvalidToken, 0},
}

// refusalTexts are what is said of a code: never what was found out about the
// token.
var refusalTexts = hints{
	{codeInvalidRequest, "the request is malformed"},
	{codeInvalidToken, "the access token is expired, revoked, malformed, or not one for this resource"},
	{codeInsufficientScope, "the access token does not have the scope that is needed"},
	{codeInsufficientAuthentication, "the user has to authenticate anew, or in another way"},
	{codeInvalidProof, "the DPoP proof is missing, or not one for this request"},
	{codeUseNonce, "the DPoP proof needs the nonce of this answer"},
	{"temporarily_unavailable", "the access token cannot be judged now"},
	{"slow_down", "the DPoP key is used too often"},
	{"server_error", "the request cannot be answered"},
}

// refusalOf is what an error is to the client.
func refusalOf(err error) (status int, code string, again time.Duration) {
	for _, row := range refusals {
		if !errors.Is(err, row.kind) {
			continue
		}
		var e *Error
		if errors.As(err, &e) && e.answer.code != "" && row.again == 0 {
			return row.status, e.answer.code, 0
		}
		return row.status, row.code, row.again
	}
	return http.StatusInternalServerError, "server_error", 0
}

// WriteError answers a request with an error of [ResourceServer.Authenticate] or
// [ResourceServer.Check]: the status, and the challenges that tell the client what
// to do. Of the error nothing but its kind is told: log it. An error of a kind
// that says nothing about a request is status 500.
func (rs *ResourceServer) WriteError(w http.ResponseWriter, err error) {
	status, code, again := refusalOf(err)
	if status == http.StatusTooManyRequests {
		again = rs.proofs.window
	}
	h := w.Header()
	if again > 0 {
		h.Set("Retry-After", strconv.Itoa(int(again/time.Second)))
	}
	var a answer
	var e *Error
	if errors.As(err, &e) {
		a = e.answer
	}
	if status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		rs.challenge(h, a, code)
	}
	if code == codeUseNonce && rs.proofs.nonces != nil {
		h.Set("DPoP-Nonce", rs.proofs.nonces.make(rs.clock.now()))
	}
	h.Set("Cache-Control", "no-store")
	h.Del("Content-Length")
	if code == "" {
		w.WriteHeader(status)
		return
	}
	h.Set("Content-Type", mediaJSON)
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	body := appendJSONString([]byte(`{"error":`), code)
	body = appendJSONString(append(body, `,"error_description":`...), refusalTexts.find(code))
	w.Write(append(body, "}\n"...))
}

// challenge writes one challenge for each scheme that may be used. The error is
// in that of the one that was tried (RFC 9449, Section 7.2).
func (rs *ResourceServer) challenge(h http.Header, a answer, code string) {
	h.Del("WWW-Authenticate")
	schemes := [...]string{bearerScheme, dpopScheme}
	for _, scheme := range schemes {
		if scheme == bearerScheme && rs.needDPoP {
			continue
		}
		b := append([]byte(scheme), rs.params...)
		if code != "" && (a.scheme == scheme || a.scheme == "" || rs.needDPoP) {
			b = appendParam(b, "error", code)
			b = appendParam(b, "error_description", refusalTexts.find(code))
		}
		if need := a.need; need != nil {
			b = need.appendParams(b, code)
		}
		if scheme == dpopScheme {
			b = appendParam(b, "algs", rs.proofs.algs())
		}
		h.Add("WWW-Authenticate", string(b))
	}
}
