package oauth

// This file implements the one way of the other side's text into an error: what of
// the request is secret is taken out of it, however it is spelled. Servers quote
// what they do not like.

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// publicParams are the parameters of requests that an error text may repeat. All
// others, those of the caller too, are taken for secret.
var publicParams = [...]string{
	"grant_type", "client_id", "client_assertion_type", "redirect_uri", "scope", "resource", "audience",
	"response_type", "response_mode", "prompt", "display", "max_age", "acr_values", "ui_locales", "claims_locales",
	"code_challenge", "code_challenge_method", "dpop_jkt", "requested_expiry",
	"token_type_hint", "subject_token_type", "actor_token_type", "requested_token_type",
}

// publicFields are the header fields of requests that an error text may repeat: a
// request id is what a server's support asks for.
var publicFields = [...]string{
	"Accept", "Accept-Language", "Content-Type", "User-Agent", "X-Request-Id", "X-Correlation-Id", "Traceparent", "Tracestate",
}

// secretMembers are those of JSON requests: RFC 7591, RFC 7592.
var secretMembers = [...]string{"client_secret", "registration_access_token", "software_statement"}

// secretsOf is what of a request is secret: it is not for the text of an error.
func secretsOf(form url.Values, json []byte, h http.Header) (secrets []string) {
	for name, values := range form {
		if !slices.Contains(publicParams[:], name) {
			secrets = append(secrets, values...)
		}
	}
	for name, values := range h {
		if slices.Contains(publicFields[:], name) {
			continue
		}
		for _, v := range values {
			_, credentials, _ := strings.Cut(v, " ")
			secrets = append(secrets, v, strings.TrimRight(credentials, "="))
		}
	}
	// RFC 6749, Section 2.3.1: what is in Basic is form-encoded, which is a spelling.
	if _, password, ok := (&http.Request{Header: h}).BasicAuth(); ok {
		secrets = append(secrets, password)
	}
	if o, err := parseObject(string(json), documentForm, ErrConfig); err == nil {
		for _, name := range secretMembers {
			s, _, _ := o.string(name)
			secrets = append(secrets, s)
		}
	}
	return secrets
}

// redact takes the secrets out of a text: as they are, percent- or form-encoded,
// with the escapes of JSON, HTML and programming languages, in several layers of
// these, in any case, and cut off after redactedHead bytes. Secrets shorter than
// minRedacted are parts of words, and are taken out where they are whole words;
// those shorter than minRedactedWord are none.
func redact(text string, secrets []string) string {
	hidden := make([]bool, len(text)) // by byte of the text
	found := false
	var forms [][]byte // of the secrets
	for _, s := range secrets {
		if len(s) < minRedactedWord {
			continue
		}
		// A server may have undone what the client did.
		for _, layer := range layersOf(s) {
			forms = append(forms, layer.text)
		}
	}
	for _, layer := range layersOf(text) {
		for _, s := range forms {
			for i := 0; i < len(layer.text); {
				n := bytes.Index(layer.text[i:], s[:min(len(s), redactedHead)])
				if n < 0 || len(s) == 0 {
					break
				}
				start, end := i+n, i+n
				for j := 0; j < len(s) && end < len(layer.text) && layer.text[end] == s[j]; j++ {
					end++
				}
				i = end
				if len(s) < minRedacted && (wordByte(layer.text, start-1) || wordByte(layer.text, end)) {
					continue
				}
				found = true
				for j := layer.offset(start); j < layer.offset(end); j++ {
					hidden[j] = true
				}
			}
		}
	}
	if !found {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			b.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString(redacted)
		}
	}
	return b.String()
}

// wordByte reports whether b[i] is a part of a word.
func wordByte(b []byte, i int) bool {
	return 0 <= i && i < len(b) && (b[i] == '_' || '0' <= b[i] && b[i] <= '9' || 'A' <= b[i] && b[i] <= 'Z' || 'a' <= b[i] && b[i] <= 'z' || b[i] >= utf8.RuneSelf)
}

// A spelling is a text from which layers of escapes were taken off, with the
// letters of ASCII in lower case.
type spelling struct {
	text []byte
	at   []int32 // where in the first text each byte stood, and the end; nil: where it stands
}

// layersOf are the spellings of a text, from the one as it came to the one in
// which there is nothing more to take off.
func layersOf(text string) []spelling {
	layer := spelling{text: []byte(text)}
	layer.lower()
	layers := []spelling{layer}
	for len(layers) < maxSpellings {
		next, changed := layer.unescape()
		if !changed {
			break
		}
		next.lower()
		layers, layer = append(layers, next), next
	}
	return layers
}

// lower keeps the length, so that at stays right.
func (s spelling) lower() {
	for i, c := range s.text {
		if 'A' <= c && c <= 'Z' {
			s.text[i] = c + 'a' - 'A'
		}
	}
}

func (s spelling) offset(i int) int {
	if s.at == nil {
		return i
	}
	return int(s.at[i])
}

// unescape takes off one layer. changed says whether there was any.
func (s spelling) unescape() (next spelling, changed bool) {
	next = spelling{make([]byte, 0, len(s.text)), make([]int32, 0, len(s.text)+1)}
	for i := 0; i < len(s.text); {
		r, n, raw := escaped(s.text[i:])
		from := len(next.text)
		switch {
		case n == 0:
			next.text = append(next.text, s.text[i])
			n = 1
		case raw:
			next.text = append(next.text, byte(r))
			changed = true
		default:
			next.text = utf8.AppendRune(next.text, r)
			changed = true
		}
		for range len(next.text) - from {
			next.at = append(next.at, int32(s.offset(i)))
		}
		i += n
	}
	next.at = append(next.at, int32(s.offset(len(s.text))))
	return next, changed
}

// escaped reads the escape that b begins with: what it stands for, a byte if raw,
// and its length, or 0 if there is none.
func escaped(b []byte) (r rune, n int, raw bool) {
	hex := func(from, digits int) (v rune, ok bool) {
		if len(b) < from+digits {
			return 0, false
		}
		for _, c := range b[from : from+digits] {
			d := strings.IndexByte("0123456789abcdef", c|0x20)
			if d < 0 || c < '0' {
				return 0, false
			}
			v = v<<4 | rune(d)
		}
		return v, true
	}
	switch {
	case b[0] == '+': // application/x-www-form-urlencoded
		return ' ', 1, true
	case b[0] == '%':
		if v, ok := hex(1, 2); ok {
			return v, 3, true
		}
	case b[0] == '\\' && len(b) > 1:
		return escapedBackslash(b, hex)
	case b[0] == '&':
		return escapedEntity(b)
	}
	return 0, 0, false
}

// escapedBackslash is escaped for JSON, JavaScript and Go.
func escapedBackslash(b []byte, hex func(from, digits int) (rune, bool)) (r rune, n int, raw bool) {
	switch b[1] {
	case 'u':
		high, ok := hex(2, 4)
		if !ok {
			return 0, 0, false
		}
		if low, ok := hex(8, 4); ok && b[6] == '\\' && b[7] == 'u' && utf16.IsSurrogate(high) {
			return utf16.DecodeRune(high, low), 12, false
		}
		return high, 6, false
	case 'x':
		if v, ok := hex(2, 2); ok {
			return v, 4, true
		}
		return 0, 0, false
	}
	if i := strings.IndexByte("bfnrt", b[1]); i >= 0 {
		return rune("\b\f\n\r\t"[i]), 2, true
	}
	return rune(b[1]), 2, true
}

// escapedEntity is escaped for HTML and XML.
func escapedEntity(b []byte) (r rune, n int, raw bool) {
	const longest = len("&#x0010FFFF;")
	end := bytes.IndexByte(b[:min(len(b), longest)], ';')
	if end < 0 {
		return 0, 0, false
	}
	name := string(b[1:end])
	if digits, ok := strings.CutPrefix(name, "#"); ok {
		base := rune(10)
		if digits, ok = strings.CutPrefix(strings.ToLower(digits), "x"); ok {
			base = 16
		}
		for _, c := range digits {
			d := rune(strings.IndexRune("0123456789abcdef"[:base], c))
			if d < 0 {
				return 0, 0, false
			}
			r = r*base + d
		}
		return r, end + 1, false
	}
	for _, e := range [...]struct {
		name string
		r    rune
	}{{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}} {
		if name == e.name {
			return e.r, end + 1, false
		}
	}
	return 0, 0, false
}

// keepsCode reports whether an error code stays what it is, although a secret is
// spelled like it: somebody who chooses a token must not choose what a program
// takes the answer for.
func keepsCode(code string) bool {
	for _, known := range [...]string{
		// RFC 6749, Sections 4.1.2.1 and 5.2
		"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
		"access_denied", "unsupported_response_type", "server_error", "temporarily_unavailable",
		// RFC 6750, Section 3.1; RFC 7009, Section 2.2.1; RFC 8628, Section 3.5; RFC 8707; RFC 9396; RFC 9449; RFC 9470
		"invalid_token", "insufficient_scope", "unsupported_token_type", "authorization_pending", "slow_down", "expired_token",
		"invalid_target", "invalid_authorization_details", "invalid_dpop_proof", "use_dpop_nonce", "insufficient_user_authentication",
		// OpenID Connect Core, Section 3.1.2.6; RFC 7591, Section 3.2.2; RFC 9101; CIBA, Sections 11 and 13
		"login_required", "interaction_required", "consent_required", "account_selection_required",
		"invalid_redirect_uri", "invalid_client_metadata", "invalid_software_statement", "unapproved_software_statement",
		"invalid_request_uri", "invalid_request_object", "request_not_supported", "request_uri_not_supported", "registration_not_supported",
		"unknown_user_id", "expired_login_hint_token", "missing_user_code", "invalid_user_code", "invalid_binding_message", "transaction_failed",
		"use_attestation_challenge", "invalid_client_attestation",
	} {
		if code == known {
			return true
		}
	}
	return false
}

// errorMembers are those of RFC 6749, Section 5.2, as they came.
type errorMembers struct{ code, description, uri string }

// refusalText is what an answer says of an error, fit to be kept and printed: its
// error, error_description and error_uri without the secrets, in copies of their
// own and of a bounded length.
func refusalText(m errorMembers, secrets []string) (code, description, uri string) {
	if code = m.code; !keepsCode(code) {
		code = redact(code, secrets)
	}
	description, uri = redact(m.description, secrets), linkable(m.uri)
	if redact(uri, secrets) != uri || len(uri) > maxErrorText {
		uri = "" // a part of it leads elsewhere
	}
	return strings.Clone(headAndTail(code)), strings.Clone(headAndTail(description)), strings.Clone(uri)
}

// headAndTail shortens a text to maxErrorText in the middle: some servers begin with
// what they say of every error, and end with the reason.
func headAndTail(s string) string {
	if len(s) <= maxErrorText {
		return s
	}
	const gap = " … "
	half := (maxErrorText - len(gap)) / 2
	return strings.ToValidUTF8(s[:half], "") + gap + strings.ToValidUTF8(s[len(s)-half:], "")
}

// quote is printable for a member of an answer, which may quote the request.
func (o *jsonObject) quote(s string, n int) string {
	if o.secrets != nil {
		s = redact(s, o.secrets())
	}
	return printable(s, n)
}

// withoutSecrets is also for the response of the browser.
func withoutSecrets(err error, secrets func() []string) error {
	e, ok := err.(*Error)
	if !ok || e == nil {
		return err
	}
	e2 := *e
	e2.Detail = redact(e.Detail, secrets())
	e2.Err = withoutSecrets(e.Err, secrets)
	return &e2
}
