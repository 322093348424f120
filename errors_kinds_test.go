package oauth

// Tests of kinds and of what an error has to say to a client.

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestResponseErrorKinds: by the code and the operation to the letter.
func TestResponseErrorKinds(t *testing.T) {
	for _, tt := range []struct {
		op, code string
		kinds    string
	}{
		{opToken, "authorization_pending", "refused pending"},
		{opToken, "slow_down", "refused pending"},
		{opToken, "SLOW_DOWN", "refused"},
		{opToken, "Authorization_Pending", "refused"},
		{"Token", "slow_down", "refused"},
		{"userinfo", "slow_down", "refused"},
		{opToken, "expired_token", "refused expired invalid"},
		{"userinfo", "expired_token", "refused expired invalid"},
		{opToken, "Expired_Token", "refused"},
		{opToken, "", "refused response"},
		{opToken, "invalid_grant", "refused"},
	} {
		err := fmt.Errorf("wrapped: %w", &ResponseError{Op: tt.op, Code: tt.code})
		var got []string
		for _, k := range []struct {
			name string
			kind error
		}{{"refused", ErrRefused}, {"response", ErrResponse}, {"pending", ErrPending}, {"expired", ErrExpired}, {"invalid", ErrInvalid}, {"config", ErrConfig}} {
			if errors.Is(err, k.kind) {
				got = append(got, k.name)
			}
		}
		if strings.Join(got, " ") != tt.kinds {
			t.Errorf("%s of %s: %q", tt.code, tt.op, got)
		}
	}
}

// TestAnswered: what an error says already stays.
func TestAnswered(t *testing.T) {
	full := answer{scheme: "a", code: "b", params: "c", stepUp: "d"}
	for _, tt := range []struct{ has, want answer }{
		{answer{}, full},
		{answer{scheme: "x"}, answer{"x", "b", "c", "d"}},
		{answer{code: "x"}, answer{"a", "x", "c", "d"}},
		{answer{params: "x"}, answer{"a", "b", "x", ""}},
		{answer{stepUp: "x"}, answer{"a", "b", "", "x"}},
	} {
		e := &Error{Kind: ErrScope, answer: tt.has}
		got := answered(e, full)
		if more, ok := got.(*Error); !ok || more.answer != tt.want || more.Kind != ErrScope || e.answer != tt.has {
			t.Errorf("%+v: %+v", tt.has, got)
		}
	}
	var none *Error
	other := errors.New("other")
	for _, err := range []error{nil, none, other} {
		if answered(err, full) != err {
			t.Errorf("%v was changed", err)
		}
	}
}

// TestAlgorithmsOfNobody: an algorithm that a newer Go has is told from one that nobody has.
func TestAlgorithmsOfNobody(t *testing.T) {
	for _, a := range usableAlgorithms() {
		if err := notBuiltIn("alg", a.name); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
	}
	for _, name := range []Algorithm{"", "none", HS256, "ml-dsa-44", "es256", "RS1"} {
		_, err := signatureAlgorithm("param", name)
		wantError(t, err, ErrAlgorithm, "param")
	}
}

// TestLoggedAsPrinted: slog gets the text that is printed, and it names the type.
func TestLoggedAsPrinted(t *testing.T) {
	data := &pendingData{issuer: unitIssuer, clientID: unitClient}
	values := []any{savedDevice(data), savedBackchannel(data), &AuthorizationDetail{Type: "the-type"}}
	for _, zero := range zeroTypes {
		values = append(values, reflect.New(reflect.TypeOf(zero)).Interface(), reflect.Zero(reflect.PointerTo(reflect.TypeOf(zero))).Interface())
	}
	for _, v := range values {
		logged, ok := v.(slog.LogValuer)
		of := reflect.TypeOf(v).Elem()
		if _, ofValue := of.MethodByName("LogValue"); !ok || ofValue && reflect.ValueOf(v).IsNil() {
			continue
		}
		text := fmt.Sprint(v)
		if got := logged.LogValue().String(); got != text {
			t.Errorf("%v is printed as %q and logged as %q", of, text, got)
		}
		if _, isError := v.(error); !isError && of.Name() != "Secret" && text != redacted && !strings.HasPrefix(text, of.Name()+"(") &&
			!strings.HasPrefix(text, "&"+of.Name()) {
			t.Errorf("%v is printed as %q", of, text)
		}
	}
	for _, v := range values[:2] {
		if text := fmt.Sprint(v); !strings.Contains(text, unitIssuer) || !strings.Contains(text, unitClient) {
			t.Error(text)
		}
	}
}

// TestProofMethods: a method is a token, and no letter that looks like one of ASCII when
// it is cut to a byte.
func TestProofMethods(t *testing.T) {
	d := unitDPoP(t)
	for method, ok := range map[string]bool{"GET": true, "M-SEARCH": true, "~": true, "GET\u0141": false, "G T": false, "GET\x7f": false, "": false} {
		proof, err := d.Proof(method, &url.URL{Scheme: "https", Host: "api.example", Path: "/"}, "")
		if (err == nil) != ok || (proof != "") != ok {
			t.Errorf("%q: %v", method, err)
		}
	}
}

// TestEmptyTrace: hooks that are not set are not called.
func TestEmptyTrace(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, func(c *ResourceServerConfig) { c.Trace = new(Trace) })
	_, err := authenticate(t, rs, bearer("x"))
	wantError(t, err, ErrInvalid, "")
	_, err = s.client(t, func(c *Config) { c.Trace = new(Trace) }).ClientCredentials(t.Context(), nil)
	wantError(t, err, ErrResponse, "")
}

// TestDetailThatDoesNotEncode: what is no JSON in Extra is an error, and never sent.
func TestDetailThatDoesNotEncode(t *testing.T) {
	bad := AuthorizationDetail{Type: "x", Extra: map[string]json.RawMessage{"a": json.RawMessage("{")}}
	if text, err := bad.MarshalJSON(); err == nil || text != nil {
		t.Errorf("%s", text)
	}
	text, err := encodeDetails([]AuthorizationDetail{bad})
	if wantError(t, err, ErrConfig, "AuthorizationDetails"); text != "" {
		t.Error(text)
	}
}

// TestDeviceScopes: a space is between scopes.
func TestDeviceScopes(t *testing.T) {
	s := newUnitServer()
	s.answer("/device", unitBody(t, deviceBody(), nil))
	if _, err := s.client(t, withDevice).StartDeviceAuthorization(t.Context(), &DeviceAuthorizationRequest{Scope: []string{"a", "b"}}); err != nil {
		t.Fatal(err)
	}
	if got := s.requests("/device")[0].form.Get("scope"); got != "a b" {
		t.Errorf("scope %q", got)
	}
}

// TestNonceEnds: a proof is remembered for as long as its nonce is accepted.
func TestNonceEnds(t *testing.T) {
	keys := &nonceKeys{[][]byte{make([]byte, 32)}}
	start := time.Unix(unitTime/60*60, 0)
	nonce := keys.make(start)
	until, err := keys.accept(nonce, start)
	if err != nil || !until.Equal(start.Add(2*nonceSlot)) {
		t.Errorf("%v, %v", until.Sub(start), err)
	}
	if _, err := keys.accept(nonce, until.Add(-time.Second)); err != nil {
		t.Error(err)
	}
	_, err = keys.accept(nonce, until)
	wantError(t, err, ErrNonce, "nonce")
	for _, bad := range []string{"", "x", nonce + "A", nonce[:len(nonce)-4] + "AAAA"} {
		_, err := keys.accept(bad, start)
		wantError(t, err, ErrNonce, "nonce")
	}
}

// TestSignedAnswers: what is signed is an object, and is not there where plain JSON was
// registered.
func TestSignedAnswers(t *testing.T) {
	s := newUnitServer()
	s.set(introspectionPath, unitAnswer{
		mediaType: mediaIntrospectionJWT, body: must(s.key.signCompact([]byte(`{"alg":"ES256","typ":"token-introspection+jwt"}`), []byte(`[]`))),
	})
	_, err := s.introspector(t, signedIntrospection).Introspect(t.Context(), "opaque", nil)
	wantError(t, err, ErrParse, "")
	_, err = s.introspector(t, func(c *Config) { c.Metadata.IntrospectionSignedResponseAlg = "none" }).Introspect(t.Context(), "opaque", nil)
	wantError(t, err, ErrResponse, "Content-Type")
}
