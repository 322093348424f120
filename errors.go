package oauth

// This file holds the errors: the kinds that callers tell apart with errors.Is, the types
// that carry what a server answered, and what a resource server answers beside a kind.

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// errorKind is the type of the Err… values. It is a struct, not errors.New,
// so that the table below is static data and the package has no init work.
type errorKind struct {
	text   string
	parent *errorKind // that of ErrInvalid, for the kinds of a failed check
}

func (k *errorKind) Error() string { return "oauth: " + k.text }
func (k *errorKind) Unwrap() error {
	if k.parent == nil {
		return nil
	}
	return k.parent
}

// Kinds of errors, for use with [errors.Is].
//
// An error of this first group says nothing about a token: the program is
// configured wrongly, or the other side did not respond as it should. Only ErrParse
// and ErrUnsupported can also mean that a token is bad.
var (
	// ErrConfig means that the configuration, or an argument of the call, is
	// invalid. No request was sent.
	ErrConfig error = &errorKind{text: "configuration"}
	// ErrInsecureURL means that a URL to fetch is not an https URL (see
	// Config.InsecureAllowHTTP), or that it leads to an address to which
	// [NewInternetHTTPClient] does not connect. No request was sent.
	ErrInsecureURL error = &errorKind{text: "insecure URL"}
	// ErrNetwork means that the server could not be reached, or that the connection
	// broke.
	ErrNetwork error = &errorKind{text: "network"}
	// ErrResponse means that a response does not conform to its specification, in
	// its status, media type, size or members.
	ErrResponse error = &errorKind{text: "response"}
	// ErrParse means that a token, document or parameter is not well-formed. If it
	// is a token, the error also matches [ErrInvalid].
	ErrParse error = &errorKind{text: "parse"}
	// ErrUnsupported means that the input or option is well-formed, but not
	// supported by this package, or not in this FIPS 140-3 mode. If it is a token,
	// the error also matches [ErrInvalid].
	ErrUnsupported error = &errorKind{text: "unsupported"}
	// ErrUnavailable means that something the call needs is not available now, for
	// example the issuer's keys, an introspection response, or room in the replay
	// cache. If the call is about a token, the token was neither accepted nor found
	// to be bad.
	ErrUnavailable error = &errorKind{text: "unavailable"}
	// ErrNoCredentials means that an incoming request has no credentials, or
	// credentials of an unknown scheme. The response to it has status 401.
	ErrNoCredentials error = &errorKind{text: "no credentials"}
	// ErrMalformed means that an incoming request is not well-formed. The response
	// to it has status 400.
	ErrMalformed error = &errorKind{text: "malformed"}
	// ErrRateLimited means that one DPoP key was used for too many requests in too
	// short a time. The response to such a request has status 429.
	ErrRateLimited error = &errorKind{text: "rate limited"}
	// ErrPending means that the user has not decided yet about a device or
	// backchannel authentication (RFC 8628, Section 3.5; CIBA, Section 11). The
	// caller should ask again after the interval. The error also matches
	// [ErrRefused].
	ErrPending error = &errorKind{text: "pending"}
	// ErrRefused means that the server refused the request. Every [*ResponseError]
	// and [*AuthorizationError] matches it.
	ErrRefused error = &errorKind{text: "refused"}
)

// ErrInvalid means that a token or a response was read and failed a check. All
// kinds below match it, and so does the error of a token that is not well-formed or
// not supported. To test for a bad token, use errors.Is(err, ErrInvalid).
var ErrInvalid error = &invalidKind

var invalidKind = errorKind{text: "invalid"}

// Kinds of failed checks. An error of any of them also matches [ErrInvalid].
var (
	// ErrAlgorithm means that a token is signed with an algorithm that is not
	// allowed for it.
	ErrAlgorithm error = &errorKind{"algorithm", &invalidKind}
	// ErrKeyNotFound means that the key set has no key for the token's header, or
	// several.
	ErrKeyNotFound error = &errorKind{"key not found", &invalidKind}
	// ErrSignature means that the signature does not verify.
	ErrSignature error = &errorKind{"signature", &invalidKind}
	// ErrDecrypt means that a token does not decrypt, or that it must be encrypted
	// and is not.
	ErrDecrypt error = &errorKind{"decrypt", &invalidKind}
	// ErrType means that a token has another type (typ) than expected.
	ErrType error = &errorKind{"type", &invalidKind}
	// ErrClaim means that a claim or parameter is missing or wrong. Error.Param
	// names it.
	ErrClaim error = &errorKind{"claim", &invalidKind}
	// ErrIssuer means that a token or document has another issuer than expected.
	ErrIssuer error = &errorKind{"issuer", &invalidKind}
	// ErrAudience means that a token is meant for another client or resource.
	ErrAudience error = &errorKind{"audience", &invalidKind}
	// ErrExpired means that a token, proof or other value is too old.
	ErrExpired error = &errorKind{"expired", &invalidKind}
	// ErrNotYetValid means that a token, proof or other value is not valid yet.
	ErrNotYetValid error = &errorKind{"not yet valid", &invalidKind}
	// ErrNonce means that the nonce of a token or proof is missing, wrong or
	// unexpected.
	ErrNonce error = &errorKind{"nonce", &invalidKind}
	// ErrState means that the state of a response is missing, or differs from the
	// state that was sent.
	ErrState error = &errorKind{"state", &invalidKind}
	// ErrTokenType means that the client or resource server cannot use a token of
	// this type (token_type).
	ErrTokenType error = &errorKind{"token type", &invalidKind}
	// ErrBinding means that the token or request is bound to another key or
	// certificate, or that it must be bound to one and is not.
	ErrBinding error = &errorKind{"binding", &invalidKind}
	// ErrInactive means that the server says that the token is not active. Some
	// servers also say so to a client that is not in the aud of the token.
	ErrInactive error = &errorKind{"inactive", &invalidKind}
	// ErrScope means that the access token lacks a required scope.
	ErrScope error = &errorKind{"scope", &invalidKind}
	// ErrReplay means that the token, proof or response was used before.
	ErrReplay error = &errorKind{"replay", &invalidKind}
)

// An Error describes a failure. Neither Detail nor Err contains a token, a secret
// or a response body.
type Error struct {
	Kind   error  // one of the Err… values
	Op     string // the operation: "discover", "token", "id token", …
	Param  string // the configuration field, claim or parameter at fault; may be empty
	Detail string // one sentence for a person; never sent to the other side
	Err    error  // the cause; may be nil

	answer answer // what a resource server says of it, beside what follows from Kind
	token  bool   // it is about a token that somebody sent: also ErrInvalid
}

// nilReceiver is the error of a method that would fill what is not there.
func nilReceiver() *Error { return fail(ErrConfig, "", "is called on a nil pointer") }

// Error returns a text with the operation, the parameter at fault, the failure, and
// its cause.
func (e *Error) Error() string {
	if e == nil {
		return "oauth: no error"
	}
	text := "oauth: "
	for _, s := range []string{e.Op, e.Param} {
		if s != "" {
			text += s + ": "
		}
	}
	switch {
	case e.Detail != "":
		text += e.Detail
	case e.Kind != nil:
		text += strings.TrimPrefix(e.Kind.Error(), "oauth: ")
	}
	if e.Err != nil {
		// A cause quotes what the other side sent: a certificate's names, say.
		text += ": " + strings.Map(visible, strings.TrimPrefix(e.Err.Error(), "oauth: "))
	}
	return text
}

// Unwrap returns the kind and the cause, for [errors.Is] and [errors.As]. If the
// error is about a token that the program received, they include [ErrInvalid].
func (e *Error) Unwrap() []error {
	if e == nil {
		return nil
	}
	errs := make([]error, 0, 3)
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.token {
		errs = append(errs, ErrInvalid)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// fail makes an Error. The operation is left to withOp: a check does not know
// in which operation it runs.
func fail(kind error, param, format string, args ...any) *Error {
	e := &Error{Kind: kind, Param: param, Detail: format}
	if len(args) > 0 {
		e.Detail = fmt.Sprintf(format, args...)
	}
	return e
}

// A sentence is the Detail of an error that strangers can cause, in the making: it is on a
// buffer that is used again, and does not allocate for each part of it.
type sentence struct{ b []byte }

var sentences = sync.Pool{New: func() any { return new(sentence) }}

// saying begins a sentence.
//
//go:noinline // or each sentence is as large as it, as with the others
func saying(text string) *sentence {
	s := sentences.Get().(*sentence)
	s.b = append(s.b[:0], text...)
	return s
}

//go:noinline
func (s *sentence) text(text string) *sentence {
	s.b = append(s.b, text...)
	return s
}

// quoted is printable.
func (s *sentence) quoted(text string, n int) *sentence {
	if len(text) > n {
		text = text[:n]
		s.b = strconv.AppendQuoteToASCII(s.b, text)
		s.b = append(s.b[:len(s.b)-1], `\u2026"`...)
		return s
	}
	s.b = strconv.AppendQuoteToASCII(s.b, text)
	return s
}

//go:noinline
func (s *sentence) number(n int) *sentence {
	s.b = strconv.AppendInt(s.b, int64(n), 10)
	return s
}

// fail ends it, and makes the error.
//
//go:noinline
func (s *sentence) fail(kind error, param string) *Error {
	e := &Error{Kind: kind, Param: param, Detail: string(s.b)}
	sentences.Put(s)
	return e
}

// errorAs is [errors.As] of a type that is known where it stands: without reflection,
// which a program that verifies tokens would link for it alone.
func errorAs[T error](err error) (found T, ok bool) {
	inTree(err, func(err error) bool {
		if found, ok = err.(T); ok {
			return true
		}
		if other := ownAs(err); other != nil {
			target := new(T)
			if ok = other.As(target); ok {
				found = *target
			}
		}
		return ok
	})
	return found, ok
}

type asError interface{ As(target any) bool }

// ownAs is the method As of an error that has one, or nil.
//
//go:noinline // or each type that is looked for has it again
func ownAs(err error) asError {
	other, _ := err.(asError)
	return other
}

// inTree reports whether an error, or one that it wraps, matches: depth first, as with
// package errors.
func inTree(err error, matches func(error) bool) bool {
	for err != nil && !matches(err) {
		switch wrapping := err.(type) {
		case interface{ Unwrap() error }:
			err = wrapping.Unwrap()
		case interface{ Unwrap() []error }:
			return slices.ContainsFunc(wrapping.Unwrap(), func(err error) bool { return inTree(err, matches) })
		default:
			return false
		}
	}
	return err != nil
}

// withOp names the operation in an *Error that has none yet.
//
//go:noinline // or each of 200 calls is as large as it, as with the others
func withOp(op string, err error) error {
	if e, ok := err.(*Error); ok && e.Op == "" {
		e2 := *e // errors may be shared between callers of one key-set fetch
		e2.Op = op
		return &e2
	}
	return err
}

// withNote says in an error what else a person needs to know of the request.
func withNote(note string, err error) error {
	switch e := err.(type) {
	case *ResponseError:
		e2 := *e
		e2.notes = append(slices.Clip(e.notes), note)
		return &e2
	case *Error:
		e2 := *e
		e2.Detail += " (" + note + ")"
		return &e2
	}
	return err
}

// inPart says in an error which part it is about.
func inPart(part string, err error) error {
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	e2 := *e
	e2.Detail = part + ": " + e.Detail
	return &e2
}

// ofToken makes an error about the form of a token also [ErrInvalid]: anybody can
// send one that is encrypted, has crit or is no JWT, and a program must not take
// that for a fault of its own or of the server's. It stands where tokens come in; of
// a configuration, a document or a JSON response the kinds stay alone.
func ofToken(err error) error {
	e, ok := err.(*Error)
	if !ok || e.token || !e.isForm() {
		return err
	}
	e2 := *e
	e2.token = true
	return &e2
}

// isForm reports whether the error is about the form of something.
func (e *Error) isForm() bool { return e.Kind == ErrParse || e.Kind == ErrUnsupported }

// ofCredential is withOp, ofToken and answered in one: what strangers send is refused
// with one copy.
func ofCredential(op, scheme string, err error) error {
	e, ok := err.(*Error)
	if !ok || e.Op != "" && e.answer.scheme == scheme && (e.token || !e.isForm()) {
		return err
	}
	more := *e
	more.Op = cmp.Or(e.Op, op)
	more.token = e.token || e.isForm()
	more.answer.add(answer{scheme: scheme})
	return &more
}

// copied is an error that nobody else has: to that may be added what is so in one call
// alone.
func copied(err error) error {
	if e, ok := err.(*Error); ok {
		own := *e
		return &own
	}
	return err
}

// A ResponseError is a server's refusal in an HTTP response. It holds the error of
// RFC 6749, Section 5.2 or, if Code is empty, a status that was not expected. It
// matches [ErrRefused] and, if Code is empty, [ErrResponse] as well.
//
// Servers quote requests. Code, Description and URI are at most 1 KiB each, and
// each secret of the request in them is replaced with "[redacted]", however the
// server has encoded it. The other fields may quote the request as it was.
//
// WARNING: Do not log Challenges, Header or Body.
type ResponseError struct {
	Op          string // the operation, as in [Error]
	StatusCode  int
	Code        string      // error: "invalid_grant", "invalid_client", …; empty if the body has none
	Description string      // error_description, for developers; may be empty
	URI         string      // error_uri; empty unless it is an http or https URL that can be shown and linked to
	Challenges  []Challenge // of WWW-Authenticate; not printed, because they may quote the request
	Header      http.Header // at most 4 KiB, without Location; not printed, because it may quote the request
	Body        []byte      // at most its first 4 KiB; not printed, because it may quote the request

	notes []string // what else a person needs to know: of places that were asked
}

// Error returns a text with the status, the server's code and its description. For
// codes that developers often meet first, it adds advice. It does not contain the
// body.
func (e *ResponseError) Error() string {
	if e == nil {
		return "oauth: no error"
	}
	text := "oauth: "
	if e.Op != "" {
		text += e.Op + ": "
	}
	text += "the server answered with status " + strconv.Itoa(e.StatusCode)
	if e.Code != "" {
		text += " and error " + printable(e.Code, 64)
	}
	if e.Description != "" {
		text += " (" + printable(e.Description, maxErrorText) + ")"
	}
	for _, note := range e.notes {
		text += "; " + note
	}
	hint := refusalHints.find(e.Code)
	if e.Code == "" && e.StatusCode == http.StatusTooManyRequests {
		hint = "wait before the next request, as long as Retry-After in its Header says"
	}
	if hint != "" {
		text += "; " + hint
	}
	return text
}

// opToken is the operation of the token endpoint, where a user may not have decided yet.
const opToken = "token"

// Is reports whether the error is of the kind target. It is always an [ErrRefused],
// and also an [ErrResponse] if Code is empty. Two codes of RFC 8628, Section 3.5
// and CIBA, Section 11 have kinds of their own: expired_token matches [ErrExpired]
// and [ErrInvalid], and authorization_pending and slow_down from the token endpoint
// match [ErrPending].
func (e *ResponseError) Is(target error) bool {
	switch target {
	case ErrRefused:
		return true
	case ErrResponse:
		return e.Code == ""
	case ErrPending:
		return e.Op == opToken && (e.Code == "authorization_pending" || e.Code == "slow_down")
	case ErrExpired, ErrInvalid:
		return e.Code == "expired_token"
	}
	return false
}

// Format prints the text of Error for every verb, because header and body may hold
// secrets.
func (e ResponseError) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.Error()) }

// LogValue returns the text of Error, because header and body may hold secrets.
func (e ResponseError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// MarshalJSON always returns an error, because header and body may hold secrets.
func (e ResponseError) MarshalJSON() ([]byte, error) {
	return nil, errors.New("oauth: a ResponseError is not for JSON: use its Error text or its fields")
}

// An AuthorizationError is a server's refusal in an authorization response (RFC
// 6749, Section 4.1.2.1). It matches [ErrRefused]. Its fields are bounded and free
// of secrets, as the same fields of a [ResponseError] are.
//
// WARNING: Anyone can send a browser to the redirect URI with such a response. The
// fields are not necessarily the server's.
type AuthorizationError struct {
	Code        string // error: "access_denied", "login_required", …
	Description string // error_description, for developers; may be empty
	URI         string // error_uri; empty unless it is an http or https URL that can be shown and linked to
}

// Error returns a text with the server's code and description.
func (e *AuthorizationError) Error() string {
	if e == nil {
		return "oauth: no error"
	}
	s := "oauth: authorization: the server answered with error " + printable(e.Code, 64)
	if e.Description != "" {
		s += " (" + printable(e.Description, maxErrorText) + ")"
	}
	return s
}

// Is reports whether target is [ErrRefused].
func (e *AuthorizationError) Is(target error) bool { return target == ErrRefused }

// A Challenge is one of the challenges of a WWW-Authenticate header field.
type Challenge struct {
	Scheme  string            // as the server wrote it; its case does not matter (see HasScheme)
	Token68 string            // a value without a name, as in "Negotiate YWJjZA=="
	Params  map[string]string // by lower-case name; nil if there are none, or if Token68 is set
}

// HasScheme reports whether the challenge is of the scheme, without regard to case.
func (c Challenge) HasScheme(scheme string) bool { return strings.EqualFold(c.Scheme, scheme) }

// An answer is what an error has to say to the client beside what follows from
// its kind. What is empty follows from it.
type answer struct {
	scheme string // that was tried
	code   string // error
	params string // of the challenge, for the client to ask the authorization server for
	stepUp string // more of them, if the user must authenticate again or in another way
}

// answered adds to an error what is to be said to the client, where it does not
// say that yet.
//
//go:noinline // see withOp
func answered(err error, a answer) error {
	e, ok := err.(*Error)
	if !ok || e == nil {
		return err
	}
	more := *e
	more.answer.add(a)
	return &more
}

// add is a where nothing is said yet.
func (a *answer) add(more answer) {
	if a.scheme == "" {
		a.scheme = more.scheme
	}
	if a.code == "" {
		a.code = more.code
	}
	if a.params == "" && a.stepUp == "" {
		a.params, a.stepUp = more.params, more.stepUp
	}
}

// The error codes of RFC 6750, Section 3.1 and RFC 9470, Section 3.
const (
	codeInvalidRequest             = "invalid_request"
	codeInvalidToken               = "invalid_token"
	codeInsufficientScope          = "insufficient_scope"
	codeInsufficientAuthentication = "insufficient_user_authentication"
)

// Error codes of RFC 9449, Sections 7.1 and 9.
const (
	codeInvalidProof = "invalid_dpop_proof"
	codeUseNonce     = "use_dpop_nonce"
)

// hints says, for error codes that a developer meets first, what to look at.
type hints []struct{ code, hint string }

var refusalHints = hints{
	{"invalid_client", "check Metadata.ClientID, the secret or key in Config.Auth, and that its method is the one registered for the client"},
	{"unauthorized_client", "the client is not registered for this grant or response type, or its secret is wrong (Keycloak)"},
	{"invalid_grant", "the code, refresh token or assertion has expired, was used before, or is not one for this client and redirect URI: if the user can, let them log in again"},
	{"invalid_request_object", "check Config.RequestKey against the keys registered for the client"},
}

func (h hints) find(code string) string {
	for _, x := range h {
		if x.code == code {
			return x.hint
		}
	}
	return ""
}
