package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// This file implements the answers of a resource server to requests that it refuses:
// the codes of RFC 6750, RFC 9449 and RFC 9470, their texts, and the nonces of challenges.

// A refusalRow is what a kind of error is to the client.
type refusalRow struct {
	kind   error
	status int
	code   string
	again  time.Duration // Retry-After; 0: none
}

// refusals are the rows, of which the first that fits counts. A table would be filled when
// the program starts.
func refusals() [10]refusalRow {
	return [...]refusalRow{
		{ErrUnavailable, http.StatusServiceUnavailable, "temporarily_unavailable", retryAfter},
		{context.Canceled, http.StatusServiceUnavailable, "temporarily_unavailable", retryAfter},
		{context.DeadlineExceeded, http.StatusServiceUnavailable, "temporarily_unavailable", retryAfter},
		{ErrRateLimited, http.StatusTooManyRequests, "slow_down", proofWindow},
		{ErrNoCredentials, http.StatusUnauthorized, "", 0},
		{ErrMalformed, http.StatusBadRequest, codeInvalidRequest, 0},
		{ErrScope, http.StatusForbidden, codeInsufficientScope, 0},
		{ErrInvalid, http.StatusUnauthorized, codeInvalidToken, 0},
		{ErrParse, http.StatusUnauthorized, codeInvalidToken, 0},
		{ErrUnsupported, http.StatusUnauthorized, codeInvalidToken, 0},
	}
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
	for _, row := range refusals() {
		if !errors.Is(err, row.kind) {
			continue
		}
		if e, ok := errorAs[*Error](err); ok && e.answer.code != "" && row.again == 0 {
			return row.status, e.answer.code, 0
		}
		return row.status, row.code, row.again
	}
	return http.StatusInternalServerError, "server_error", 0
}

func (t *Trace) requestRefused(ctx context.Context, method string, u *url.URL, err error) {
	if t != nil && t.RequestRefused != nil {
		path := ""
		if u != nil {
			path = u.EscapedPath()
		}
		t.RequestRefused(ctx, RefusalInfo{Method: method, Path: path, Status: StatusCode(err), Err: err})
	}
}

// StatusCode returns the HTTP status with which a resource server responds to a request
// that it refused with err: 400, 401, 403, 429 or 503, and 500 if err says nothing about
// the request. If err is nil, it is 200. For gRPC, 400 and 401 are Unauthenticated, 403 is
// PermissionDenied, 429 is ResourceExhausted, and 503 is Unavailable.
func StatusCode(err error) int {
	if err == nil {
		return http.StatusOK
	}
	status, _, _ := refusalOf(err)
	return status
}

// Challenges returns the values of the WWW-Authenticate header field with which
// [ResourceServer.WriteError] responds to err. They tell the client how to proceed, and
// not what was wrong. The result is nil if err is nil, or if there are none, because the
// token was not judged.
func (rs *ResourceServer) Challenges(err error) []string {
	if err == nil || rs == nil || rs.resource == "" {
		return nil
	}
	status, code, _ := refusalOf(err)
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		return nil
	}
	var a answer
	if e, ok := errorAs[*Error](err); ok {
		a = e.answer
	}
	return rs.challenges(a, code)
}

// Nonce returns a nonce for the next DPoP proof of a client, which [ResourceServer.WriteError]
// and [ResourceServer.Require] send in the field DPoP-Nonce (RFC 9449, Section 9). A server
// that does not use net/http must send it with the response to a credential that had a proof,
// or was refused for the lack of a nonce. It is empty without
// ResourceServerConfig.DPoPNonceKeys.
func (rs *ResourceServer) Nonce() string {
	if rs == nil || rs.resource == "" || rs.proofs.nonces == nil {
		return ""
	}
	return rs.proofs.nonces.make(rs.clock.now())
}

// WriteError responds to a request that was refused with err, which was returned by
// [ResourceServer.Authenticate] or [ResourceServer.Check]. It writes the status,
// and the challenges that tell the client how to proceed, which replace any earlier
// WWW-Authenticate header field. The client learns only the kind of err; the program
// should log err itself. If err is of a kind that says nothing about the request, the
// status is 500.
func (rs *ResourceServer) WriteError(w http.ResponseWriter, err error) {
	status, code, again := refusalOf(err)
	if status == http.StatusTooManyRequests {
		again = rs.proofs.window
	}
	h := w.Header()
	if again > 0 {
		h.Set("Retry-After", strconv.Itoa(int(again/time.Second)))
	}
	// One that stands there already is not from here: it would send the client of an API
	// that is away for another token.
	h.Del("WWW-Authenticate")
	for _, c := range rs.Challenges(err) {
		h.Add("WWW-Authenticate", c)
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

// challenges makes one for each scheme that may be used. The error is in that of the one
// that was tried (RFC 9449, Section 7.2).
func (rs *ResourceServer) challenges(a answer, code string) (list []string) {
	schemes := [...]string{bearerScheme, dpopScheme}
	for _, scheme := range schemes {
		if scheme == bearerScheme && rs.needDPoP || scheme == dpopScheme && rs.proofs.off {
			continue
		}
		b := append([]byte(scheme), rs.params...)
		if code != "" && (a.scheme == scheme || a.scheme == "" || rs.needDPoP || rs.proofs.off) {
			b = appendParam(b, "error", code)
			b = appendParam(b, "error_description", refusalTexts.find(code))
		}
		b = appendParams(b, a.params)
		if code == codeInsufficientAuthentication {
			b = appendParams(b, a.stepUp)
		}
		if scheme == dpopScheme {
			b = appendParam(b, "algs", rs.proofs.algs())
		}
		list = append(list, string(b))
	}
	return list
}
