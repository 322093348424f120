package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestVerifyJWT: the counterpart of SignJWT, and each thing that is wrong with a token.
func TestVerifyJWT(t *testing.T) {
	s := newUnitServer()
	keys := must(ParseKeySet([]byte(`{"keys":[` + string(s.key.PublicJWK()) + `]}`)))
	const typ = "payment-status+jwt"
	opts := func(change func(*VerifyJWTOptions)) VerifyJWTOptions {
		o := VerifyJWTOptions{Type: typ, Issuer: unitIssuer, Audience: unitClient, Clock: Clock{Now: unitNow}}
		if change != nil {
			change(&o)
		}
		return o
	}
	claims := func(name string, value any) map[string]any { return unitClaims(map[string]any{name: value}) }
	for _, tt := range []struct {
		name  string
		token string
		opts  VerifyJWTOptions
		kind  error
		param string
	}{
		{"good", s.sign(t, typ, unitClaims(nil)), opts(nil), nil, ""},
		{"typ in full, in other case", s.sign(t, "Application/Payment-Status+JWT", unitClaims(nil)), opts(nil), nil, ""},
		{"several audiences", s.sign(t, typ, claims("aud", []string{"x", unitClient})), opts(nil), nil, ""},
		{"another typ", s.sign(t, "JWT", unitClaims(nil)), opts(nil), ErrType, "typ"},
		{"a letter that only Unicode takes for another", s.sign(t, "payment-\u017ftatus+jwt", unitClaims(nil)), opts(nil), ErrType, "typ"},
		{"an access token", s.sign(t, "at+jwt", accessClaims(nil)), opts(nil), ErrType, "typ"},
		{"another issuer", s.sign(t, typ, claims("iss", "https://x.example")), opts(nil), ErrIssuer, "iss"},
		{"no issuer", s.sign(t, typ, claims("iss", unitRemoved)), opts(nil), ErrClaim, "iss"},
		{"another audience", s.sign(t, typ, claims("aud", "x")), opts(nil), ErrAudience, "aud"},
		{"no audience", s.sign(t, typ, claims("aud", unitRemoved)), opts(nil), ErrClaim, "aud"},
		{"expired", s.sign(t, typ, claims("exp", unitTime-31)), opts(nil), ErrExpired, "exp"},
		{"no exp", s.sign(t, typ, claims("exp", unitRemoved)), opts(nil), ErrClaim, "exp"},
		{"not yet valid", s.sign(t, typ, claims("nbf", unitTime+31)), opts(nil), ErrNotYetValid, "nbf"},
		{"nbf that is no number", s.sign(t, typ, claims("nbf", "x")), opts(nil), ErrClaim, "nbf"},
		{"iat that is no number", s.sign(t, typ, claims("iat", "x")), opts(nil), ErrClaim, "iat"},
		{"by another key", forgedAs(t, s, typ, unitClaims(nil)), opts(nil), ErrSignature, ""},
		{"no JWT", "x", opts(nil), ErrInvalid, ""},
		{"no claims", must(s.key.signCompact(append(appendHeader(nil, ES256, typ, s.key.kid), '}'), []byte(`[]`))), opts(nil), ErrParse, ""},
		{"another algorithm", s.sign(t, typ, unitClaims(nil)), opts(func(o *VerifyJWTOptions) { o.Algorithms = []Algorithm{RS256} }), ErrAlgorithm, "alg"},
		{"no type wanted", s.sign(t, typ, unitClaims(nil)), opts(func(o *VerifyJWTOptions) { o.Type = "" }), ErrConfig, "Type"},
		{"JWT wanted", s.sign(t, "JWT", unitClaims(nil)), opts(func(o *VerifyJWTOptions) { o.Type = "JWT" }), ErrConfig, "Type"},
		{"an access token wanted", s.sign(t, "at+jwt", unitClaims(nil)), opts(func(o *VerifyJWTOptions) { o.Type = "application/AT+jwt" }), ErrConfig, "Type"},
		{
			"a template wanted", s.sign(t, typ, claims("iss", "https://login.example/"+crossStranger)),
			opts(func(o *VerifyJWTOptions) { o.Issuer = "https://login.example/{tenantid}" }), ErrConfig, "Issuer",
		},
		{"no issuer wanted", s.sign(t, typ, unitClaims(nil)), opts(func(o *VerifyJWTOptions) { o.Issuer = "" }), ErrConfig, "Issuer"},
		{"no audience wanted", s.sign(t, typ, unitClaims(nil)), opts(func(o *VerifyJWTOptions) { o.Audience = "" }), ErrConfig, "Issuer"},
		{"HS256 wanted", s.sign(t, typ, unitClaims(nil)), opts(func(o *VerifyJWTOptions) { o.Algorithms = []Algorithm{HS256} }), ErrAlgorithm, "Algorithms"},
		{"a clock that cannot be", s.sign(t, typ, unitClaims(nil)), opts(func(o *VerifyJWTOptions) { o.Clock.Tolerance = maxTolerance + 1 }), ErrConfig, ""},
	} {
		got, err := keys.VerifyJWT(context.Background(), tt.token, tt.opts)
		if (got == nil) != (tt.kind != nil) {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
		if wantError(t, err, tt.kind, tt.param); tt.kind != nil {
			continue
		}
		var c struct{ Sub string }
		if err := got.Claims(&c); err != nil || c.Sub != "alice" {
			t.Errorf("%s: %v, %v", tt.name, c, err)
		}
		if _, err := json.Marshal(got); err == nil || strings.Contains(fmt.Sprintf("%+v %#v", got, *got), "alice") {
			t.Errorf("%s prints itself: %+v", tt.name, got)
		}
	}
	_, err := (*KeySet)(nil).VerifyJWT(context.Background(), "x", opts(nil))
	wantError(t, err, ErrConfig, "KeySet")
	wantError(t, new(VerifiedJWT).Claims(new(any)), ErrClaim, "")
}

func forgedAs(t *testing.T, s *unitServer, typ string, claims map[string]any) string {
	other := must(GenerateSigningKey(ES256))
	other.kid = s.key.kid
	return must(other.SignJWT(typ, claims))
}

// TestSignJWTWithHeader: the further parameters, and which of them name the key.
func TestSignJWTWithHeader(t *testing.T) {
	key := unitKey()
	jwk := json.RawMessage(minimalJWK(key.signer.Public()))
	for _, tt := range []struct {
		name   string
		header map[string]any
		want   string
		param  string
	}{
		{"none", nil, `{"alg":"ES256","typ":"x+jwt","kid":"` + key.kid + `"}`, ""},
		{"one", map[string]any{"b": 1}, `{"alg":"ES256","typ":"x+jwt","kid":"` + key.kid + `","b":1}`, ""},
		{"jwk", map[string]any{"jwk": jwk}, `{"alg":"ES256","typ":"x+jwt","jwk":` + string(jwk) + `}`, ""},
		{"x5c", map[string]any{"x5c": []string{"AA=="}}, `{"alg":"ES256","typ":"x+jwt","x5c":["AA=="]}`, ""},
		{"alg", map[string]any{"alg": "none"}, "", "header"},
		{"typ", map[string]any{"typ": "JWT"}, "", "header"},
		{"kid", map[string]any{"kid": "x"}, "", "header"},
		{"crit", map[string]any{"crit": []string{"b64"}}, "", "header"},
		{"b64", map[string]any{"b64": false}, "", "header"},
		{"what does not encode", map[string]any{"x": func() {}}, "", "header"},
	} {
		token, err := key.SignJWTWithHeader("x+jwt", tt.header, map[string]any{"a": 1})
		if tt.param != "" {
			if wantError(t, err, ErrConfig, tt.param); token != "" {
				t.Errorf("%s: %s", tt.name, token)
			}
			if e := err.(*Error); e.Op != "sign" || e.Err == nil {
				t.Errorf("%s: the error does not say what it is of, or why: %v", tt.name, err)
			}
			continue
		}
		header, _, _ := strings.Cut(token, ".")
		if got := must(decodeBase64URL(nil, header)); err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, want %s (%v)", tt.name, got, tt.want, err)
		}
	}
}
