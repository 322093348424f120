package oauth

// This file holds the errors: the kinds that callers tell apart with
// errors.Is, and the types that carry what a server answered.

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
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
// The first group says that nothing was learned about a token: the program
// is configured wrongly or the other side did not answer as it should. Only
// ErrParse and ErrUnsupported can also say that a token is bad.
var (
	// ErrConfig: the configuration or a call's arguments are wrong. No request was made.
	ErrConfig error = &errorKind{text: "configuration"}
	// ErrInsecureURL: a URL to fetch is not https (see Config.InsecureAllowHTTP). No request was made.
	ErrInsecureURL error = &errorKind{text: "insecure URL"}
	// ErrNetwork: the server could not be reached, or the connection broke.
	ErrNetwork error = &errorKind{text: "network"}
	// ErrResponse: an answer does not conform: its status, media type, size or members.
	ErrResponse error = &errorKind{text: "response"}
	// ErrParse: a token, document or parameter is not well-formed. If it is a token, the error also is [ErrInvalid].
	ErrParse error = &errorKind{text: "parse"}
	// ErrUnsupported: well-formed, but not something this package does, or not in this FIPS 140-3 mode. If it is a token, the error also is [ErrInvalid].
	ErrUnsupported error = &errorKind{text: "unsupported"}
	// ErrUnavailable: what is needed cannot be had now: keys, an introspection, the replay cache or room in it. A token was neither accepted nor found bad.
	ErrUnavailable error = &errorKind{text: "unavailable"}
	// ErrNoCredentials: a request came in without credentials, or with unknown ones. The answer to it is status 401.
	ErrNoCredentials error = &errorKind{text: "no credentials"}
	// ErrMalformed: a request came in that is not well-formed. The answer to it is status 400.
	ErrMalformed error = &errorKind{text: "malformed"}
	// ErrRateLimited: one key made too many requests in too short a time. The answer to it is status 429.
	ErrRateLimited error = &errorKind{text: "limited"}
	// ErrPending: the user has not decided yet about a device or backchannel authentication (RFC 8628, Section 3.5; CIBA, Section 11). Ask again after the interval. The error also is [ErrRefused].
	ErrPending error = &errorKind{text: "pending"}
	// ErrRefused: the server refused the request. Every [*ResponseError] and [*AuthorizationError] is one.
	ErrRefused error = &errorKind{text: "refused"}
)

// ErrInvalid is the umbrella of the kinds below: a token or a response was
// read and failed a check. "Bad token" is errors.Is(err, ErrInvalid), which
// also holds for a token that is not well-formed or not supported.
var ErrInvalid error = &invalidKind

var invalidKind = errorKind{text: "invalid"}

// Kinds of failed checks. Each of them also is [ErrInvalid].
var (
	// ErrAlgorithm: the algorithm of a token is not one that is allowed for it.
	ErrAlgorithm error = &errorKind{"algorithm", &invalidKind}
	// ErrKeyNotFound: the key set has no key, or several, for the token's header.
	ErrKeyNotFound error = &errorKind{"key not found", &invalidKind}
	// ErrSignature: the signature does not verify.
	ErrSignature error = &errorKind{"signature", &invalidKind}
	// ErrDecrypt: a token does not decrypt, or is not encrypted and has to be.
	ErrDecrypt error = &errorKind{"decrypt", &invalidKind}
	// ErrType: a token of another type (typ) stands where this one is expected.
	ErrType error = &errorKind{"type", &invalidKind}
	// ErrClaim: a claim or parameter is missing or wrong; Error.Param names it.
	ErrClaim error = &errorKind{"claim", &invalidKind}
	// ErrIssuer: the issuer is another one.
	ErrIssuer error = &errorKind{"issuer", &invalidKind}
	// ErrAudience: meant for another client or resource.
	ErrAudience error = &errorKind{"audience", &invalidKind}
	// ErrExpired: too old.
	ErrExpired error = &errorKind{"expired", &invalidKind}
	// ErrNotYetValid: not valid yet.
	ErrNotYetValid error = &errorKind{"not yet valid", &invalidKind}
	// ErrNonce: the nonce is not the one that was sent.
	ErrNonce error = &errorKind{"nonce", &invalidKind}
	// ErrState: the state is not the one that was sent.
	ErrState error = &errorKind{"state", &invalidKind}
	// ErrTokenType: the token type is not one that this client can use.
	ErrTokenType error = &errorKind{"token type", &invalidKind}
	// ErrBinding: the token or request is bound to another key.
	ErrBinding error = &errorKind{"binding", &invalidKind}
	// ErrInactive: the server says that the token is not active.
	ErrInactive error = &errorKind{"inactive", &invalidKind}
	// ErrScope: the access token does not have a scope that is needed.
	ErrScope error = &errorKind{"scope", &invalidKind}
	// ErrReplay: used before.
	ErrReplay error = &errorKind{"replay", &invalidKind}
)

// An Error says what failed. Neither Detail nor Err contains a token, a
// secret or a response body.
type Error struct {
	Kind   error  // one of the Err… values
	Op     string // the operation: "discover", "token", "id token", …
	Param  string // the configuration field, claim or parameter at fault; may be empty
	Detail string // one sentence for a person; never shown to the other side
	Err    error  // the cause; may be nil

	answer answer // what a resource server says of it, beside what follows from Kind
	token  bool   // it is about a token that somebody sent: also ErrInvalid
}

// nilReceiver is the error of a method that would fill what is not there.
func nilReceiver() *Error { return fail(ErrConfig, "", "is called on a nil pointer") }

// Error names the operation, what is at fault, what is wrong with it, and the cause.
func (e *Error) Error() string {
	if e == nil {
		return "oauth: no error"
	}
	var b strings.Builder
	b.WriteString("oauth: ")
	for _, s := range []string{e.Op, e.Param} {
		if s != "" {
			b.WriteString(s)
			b.WriteString(": ")
		}
	}
	switch {
	case e.Detail != "":
		b.WriteString(e.Detail)
	case e.Kind != nil:
		b.WriteString(strings.TrimPrefix(e.Kind.Error(), "oauth: "))
	}
	if e.Err != nil {
		b.WriteString(": ")
		// A cause quotes what the other side sent: a certificate's names, say.
		b.WriteString(strings.Map(visible, strings.TrimPrefix(e.Err.Error(), "oauth: ")))
	}
	return b.String()
}

// Unwrap gives the kind and the cause to [errors.Is] and [errors.As].
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

// withOp names the operation in an *Error that has none yet.
func withOp(op string, err error) error {
	if e, ok := err.(*Error); ok && e.Op == "" {
		e2 := *e // errors may be shared between callers of one key-set fetch
		e2.Op = op
		return &e2
	}
	return err
}

// ofToken makes an error about the form of a token also [ErrInvalid]: anybody can
// send one that is encrypted, has crit or is no JWT, and a program must not take
// that for a fault of its own or of the server's. It stands where tokens come in; of
// a configuration, a document or a JSON response the kinds stay alone.
func ofToken(err error) error {
	e, ok := err.(*Error)
	if !ok || e.Kind != ErrParse && e.Kind != ErrUnsupported {
		return err
	}
	e2 := *e
	e2.token = true
	return &e2
}

// A ResponseError is the server's refusal in an HTTP response: the error of
// RFC 6749, Section 5.2, or, with an empty Code, a status that was not expected.
// errors.Is(err, [ErrRefused]) holds, and with an empty Code
// errors.Is(err, [ErrResponse]) as well.
//
// Servers quote requests. Code, Description and URI hold at most 1 KiB each, and
// no secret of the request in any spelling: "[redacted]" stands in its place. The
// other fields are for programs, not for logs.
type ResponseError struct {
	Op          string // the operation, as in [Error]
	StatusCode  int
	Code        string      // error: "invalid_grant", "invalid_client", …; "" if the body has none
	Description string      // error_description, for developers; may be empty
	URI         string      // error_uri, if it is an http or https URL that can be shown and linked to; else empty
	Challenges  []Challenge // WWW-Authenticate; not printed, as they came: they may quote the request
	Header      http.Header // of the response, at most 4 KiB, without Location; not printed, it may quote the request
	Body        []byte      // at most 4 KiB of it; not printed, it may quote the request
}

// Error has the status, the server's code and description, and for codes that
// developers meet first what to look at. Not the body.
func (e *ResponseError) Error() string {
	if e == nil {
		return "oauth: no error"
	}
	var b strings.Builder
	b.WriteString("oauth: ")
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString("the server answered with status " + strconv.Itoa(e.StatusCode))
	if e.Code != "" {
		b.WriteString(" and error " + printable(e.Code, 64))
	}
	if e.Description != "" {
		b.WriteString(" (" + printable(e.Description, 256) + ")")
	}
	if hint := refusalHints.find(e.Code); hint != "" {
		b.WriteString("; " + hint)
	}
	return b.String()
}

// opToken is the operation of the token endpoint, where a user may not have decided yet.
const opToken = "token"

// Is makes the error one of kind [ErrRefused], without a code also [ErrResponse].
// Two codes of RFC 8628, Section 3.5 and CIBA, Section 11 have kinds of their own:
// expired_token matches [ErrExpired] and [ErrInvalid], and authorization_pending and
// slow_down from the token endpoint match [ErrPending].
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

// Format prints the error text for every verb: header and body stay hidden.
func (e ResponseError) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.Error()) }

// LogValue is the error text: header and body stay hidden.
func (e ResponseError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// MarshalJSON fails: header and body can hold secrets.
func (e ResponseError) MarshalJSON() ([]byte, error) {
	return nil, errors.New("oauth: a ResponseError is not for JSON: use its Error text or its fields")
}

// An AuthorizationError is the server's refusal in an authorization response:
// RFC 6749, Section 4.1.2.1. errors.Is(err, [ErrRefused]) holds. Its fields are
// bounded, and free of secrets, as those of [ResponseError] are; the text is the
// other side's, and anybody can send a browser with such a response.
type AuthorizationError struct {
	Code        string // error: "access_denied", "login_required", …
	Description string // error_description, for developers; may be empty
	URI         string // error_uri, if it is an http or https URL that can be shown and linked to; else empty
}

// Error has the server's code and description.
func (e *AuthorizationError) Error() string {
	if e == nil {
		return "oauth: no error"
	}
	s := "oauth: authorization: the server answered with error " + printable(e.Code, 64)
	if e.Description != "" {
		s += " (" + printable(e.Description, 256) + ")"
	}
	return s
}

// Is makes the error one of kind [ErrRefused].
func (e *AuthorizationError) Is(target error) bool { return target == ErrRefused }

// A Challenge is one of the challenges of a WWW-Authenticate header field.
type Challenge struct {
	Scheme  string            // as the server wrote it; compare without regard to case
	Token68 string            // a value without a name, as in "Negotiate YWJjZA=="
	Params  map[string]string // by lower-case name; nil with Token68 and where there are none
}

// Is reports whether the challenge is of the scheme, without regard to case.
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
func answered(err error, a answer) error {
	e, ok := err.(*Error)
	if !ok || e == nil {
		return err
	}
	more := *e
	if more.answer.scheme == "" {
		more.answer.scheme = a.scheme
	}
	if more.answer.code == "" {
		more.answer.code = a.code
	}
	if more.answer.params == "" && more.answer.stepUp == "" {
		more.answer.params, more.answer.stepUp = a.params, a.stepUp
	}
	return &more
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
	{"unauthorized_client", "the client is not registered for this grant or response type"},
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
