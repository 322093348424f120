package oauth

// Tests of what is a secret of a request, and of each escape that is taken off.

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestSecretsOf: all but what is known to be public.
func TestSecretsOf(t *testing.T) {
	for _, name := range []string{
		"grant_type", "client_id", "client_assertion_type", "redirect_uri", "scope", "resource", "audience", "response_type", "response_mode", "prompt", "display",
		"max_age", "acr_values", "ui_locales", "claims_locales", "code_challenge", "code_challenge_method", "dpop_jkt", "requested_expiry", "token_type_hint",
		"subject_token_type", "actor_token_type", "requested_token_type",
	} {
		if got := secretsOf(url.Values{name: {"a value"}}, nil, nil); got != nil {
			t.Errorf("the parameter %s is secret: %q", name, got)
		}
	}
	for _, name := range []string{"Accept", "Accept-Language", "Content-Type", "User-Agent", "X-Request-Id", "X-Correlation-Id", "Traceparent", "Tracestate"} {
		if got := secretsOf(nil, nil, http.Header{name: {"a value"}}); got != nil {
			t.Errorf("the field %s is secret: %q", name, got)
		}
	}
	for _, name := range []string{"code", "Scope", "client_secret", "mine"} {
		if got := secretsOf(url.Values{name: {"a", "b"}}, nil, nil); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("the parameter %s: %q", name, got)
		}
	}
	for _, tt := range []struct {
		value string
		want  []string
	}{
		{"Bearer abc~", []string{"Bearer abc~", "abc~"}},
		{"Bearer abc==", []string{"Bearer abc==", "abc"}},
		{"abc", []string{"abc", ""}},
		{"Basic YTpiYw==", []string{"Basic YTpiYw==", "YTpiYw", "bc"}},
	} {
		if got := secretsOf(nil, nil, http.Header{"Authorization": {tt.value}}); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q", tt.value, got)
		}
	}
	for _, name := range []string{"client_secret", "registration_access_token", "software_statement"} {
		if got := secretsOf(nil, []byte(`{"`+name+`":"a value","client_name":"public"}`), nil); !slices.Contains(got, "a value") || slices.Contains(got, "public") {
			t.Errorf("the member %s: %q", name, got)
		}
	}
}

// TestEscapes: what each escape stands for, how long it is, and whether it is a byte.
func TestEscapes(t *testing.T) {
	for text, want := range map[string]struct {
		r   rune
		n   int
		raw bool
	}{
		"+":                {' ', 1, true},
		"a":                {},
		"%":                {},
		"%4":               {},
		"%41":              {'A', 3, true},
		"%ff":              {0xff, 3, true},
		`\`:                {},
		`\n`:               {'\n', 2, true},
		`\b\f`:             {'\b', 2, true},
		`\f`:               {'\f', 2, true},
		`\r`:               {'\r', 2, true},
		`\t`:               {'\t', 2, true},
		`\~`:               {'~', 2, true},
		`\"`:               {'"', 2, true},
		"\\\xc3\xa9":       {0xc3, 2, true},
		`\x41`:             {'A', 4, true},
		`\xe9`:             {0xe9, 4, true},
		`\x4`:              {},
		`\xzz`:             {},
		`\u0041`:           {'A', 6, false},
		`\u00e9x`:          {0xe9, 6, false},
		`\u004`:            {},
		`\uzzzz`:           {},
		`\ud83d\ude00`:     {0x1f600, 12, false},
		`\ud83dx\ude00`:    {0xd83d, 6, false},
		`\ud83d\xde00`:     {0xd83d, 6, false},
		`\ud83d/ude00`:     {0xd83d, 6, false},
		`\ud83d\ude0`:      {0xd83d, 6, false},
		`\ud83d\uzzzz`:     {0xd83d, 6, false},
		`\u0041\u0042`:     {'A', 6, false},
		"&":                {},
		"&amp":             {},
		"&;":               {},
		"&amp;x":           {'&', 5, false},
		"&lt;":             {'<', 4, false},
		"&gt;":             {'>', 4, false},
		"&quot;":           {'"', 6, false},
		"&apos;":           {'\'', 6, false},
		"&AMP;":            {}, // the text is in lower case
		"&none;":           {},
		"&#65;":            {'A', 5, false},
		"&#x41;":           {'A', 6, false},
		"&#x0010ffff;":     {0x10ffff, 12, false},
		"&#x00010ffff;":    {},
		"&#4a;":            {},
		"&#xz;":            {},
		"&#~;":             {},
		"&#x~;":            {},
		"&" + "\xff" + ";": {},
	} {
		r, n, raw := escaped([]byte(text))
		if r != want.r || n != want.n || raw != want.raw {
			t.Errorf("%q: %q, %d, %v", text, r, n, raw)
		}
	}
	for a := range 256 {
		for b := range 256 {
			_, n, _ := escaped([]byte{'%', byte(a), byte(b)})
			if want := among(charHex)(byte(a)) && among(charHex)(byte(b)); (n == 3) != want {
				t.Fatalf("%%%c%c: %d", a, b, n)
			}
		}
	}
}

// TestSpellings: only letters of ASCII change, and no more layers come off than may.
func TestSpellings(t *testing.T) {
	for c := range 256 {
		want := byte(c)
		if i := strings.IndexByte(charLetters[26:], want); i >= 0 {
			want = charLetters[i]
		}
		s := spelling{text: []byte{byte(c)}}
		if s.lower(); s.text[0] != want {
			t.Errorf("%q becomes %q", byte(c), s.text)
		}
	}
	for text, want := range map[string]int{"plain": 1, "%41": 2, "%2541": 3, "%252541": 4, "%25252541": maxSpellings, "%2525252541": maxSpellings} {
		if n := len(layersOf(text)); n != want {
			t.Errorf("%s: %d layers", text, n)
		}
	}
}

// TestRedactExactly: no more than the secret, and of one that was cut off no less than
// it takes to know it again.
func TestRedactExactly(t *testing.T) {
	const secret = "0123456789abcdefghij"
	for _, tt := range []struct{ secret, text, want string }{
		{secret, "a " + secret[:redactedHead] + " b", "a " + redacted + " b"},
		{secret, "a " + secret[:redactedHead-1] + " b", "a " + secret[:redactedHead-1] + " b"},
		{secret, "a " + secret[:redactedHead+1] + " b", "a " + redacted + " b"},
		{"short", "the shor is", "the shor is"},
		{"%2541", "the A of it", "the " + redacted + " of it"},
	} {
		if got := redact(tt.text, []string{tt.secret}); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestErrorCodesStay: the codes of the specifications are what programs act on.
func TestErrorCodesStay(t *testing.T) {
	for code := range strings.FieldsSeq(`
		invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type invalid_scope
		access_denied unsupported_response_type server_error temporarily_unavailable
		invalid_token insufficient_scope unsupported_token_type authorization_pending slow_down expired_token
		invalid_target invalid_authorization_details invalid_dpop_proof use_dpop_nonce insufficient_user_authentication
		login_required interaction_required consent_required account_selection_required
		invalid_redirect_uri invalid_client_metadata invalid_software_statement unapproved_software_statement
		invalid_request_uri invalid_request_object request_not_supported request_uri_not_supported registration_not_supported
		unknown_user_id expired_login_hint_token missing_user_code invalid_user_code invalid_binding_message transaction_failed
		use_attestation_challenge invalid_client_attestation`) {
		secrets := []string{code, strings.ToUpper(code)}
		if got, _, _ := refusalText(errorMembers{code: code}, secrets); got != code {
			t.Errorf("%s becomes %s", code, got)
		}
		if got, _, _ := refusalText(errorMembers{code: strings.ToUpper(code)}, secrets); got != redacted {
			t.Errorf("%s in capitals becomes %s", code, got)
		}
	}
	if _, _, uri := refusalText(errorMembers{uri: "https://op.example/a-long-secret"}, []string{"a-long-secret"}); uri != "" {
		t.Errorf("a URI with a secret in it: %s", uri)
	}
}

// TestWithoutSecrets: also in the errors that are in an error.
func TestWithoutSecrets(t *testing.T) {
	const secret = "a-long-secret"
	inner := &Error{Kind: ErrClaim, Detail: "inside, " + secret}
	outer := &Error{Kind: ErrParse, Detail: "outside, " + secret, Err: inner}
	got := withoutSecrets(outer, func() []string { return []string{secret} })
	var e *Error
	if !errors.As(got, &e) || e.Detail != "outside, "+redacted || !errors.As(e.Err, &e) || e.Detail != "inside, "+redacted {
		t.Error(got)
	}
	if !strings.Contains(outer.Detail, secret) || !strings.Contains(inner.Detail, secret) {
		t.Error("the error itself was changed")
	}
	var none *Error
	other := errors.New(secret)
	for _, err := range []error{nil, none, other} {
		if withoutSecrets(err, func() []string { return []string{secret} }) != err {
			t.Errorf("%v was changed", err)
		}
	}
	if got := new(jsonObject).quote(secret, 64); got != `"`+secret+`"` {
		t.Error(got)
	}
	o := must(parseObject(`{"inner":{}}`, answerForm, ErrResponse))
	o.secrets = func() []string { return []string{secret} }
	sub, ok, err := o.object("inner")
	if got := sub.quote(secret, 64); !ok || err != nil || strings.Contains(got, secret) {
		t.Errorf("of an object in one: %s, %v, %v", got, ok, err)
	}
}
