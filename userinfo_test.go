package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func unitToken(subject string) *Token {
	return &Token{AccessToken: NewSecret("at"), TokenType: "Bearer", server: unitIssuer, login: &identity{subject: subject}}
}

func TestUserInfo(t *testing.T) {
	s := newUnitServer()
	type m = map[string]any
	asJSON := func(v any) unitAnswer { return unitAnswer{mediaType: mediaJSON, body: unitJSON(t, v)} }
	jwt := func(typ string, v any) unitAnswer {
		return unitAnswer{mediaType: "application/jwt; charset=utf-8", body: s.sign(t, typ, v)}
	}
	signed := func(c *Config) { c.Metadata.UserinfoSignedResponseAlg = ES256 }
	listed := func(algs ...Algorithm) func(*Config) {
		return func(c *Config) { c.Server.UserinfoSigningAlgValuesSupported = algs }
	}
	other, err := GenerateSigningKey(ES256)
	if err != nil {
		t.Fatal(err)
	}
	other.kid = s.key.kid
	forged, err := other.SignJWT("", m{"sub": "alice"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		token  *Token // nil: of alice
		opts   *UserInfoOptions
		config func(*Config)
		answer unitAnswer
		kind   error
		param  string
	}{
		{name: "plain", answer: asJSON(m{"sub": "alice"})},
		{name: "as text", answer: unitAnswer{mediaType: "text/plain", body: `{"sub":"alice"}`}},
		{name: "page", answer: unitAnswer{mediaType: "text/html", body: `<html>`}, kind: ErrResponse},
		{name: "no sub", answer: asJSON(m{"name": "x"}), kind: ErrClaim, param: "sub"},
		{name: "empty sub", answer: asJSON(m{"sub": ""}), kind: ErrClaim, param: "sub"},
		{name: "sub of somebody else", answer: asJSON(m{"sub": "mallory"}), kind: ErrClaim, param: "sub"},
		{name: "sub in another case", answer: asJSON(m{"sub": "Alice"}), kind: ErrClaim, param: "sub"},
		{name: "sub number", answer: asJSON(m{"sub": 1}), kind: ErrClaim, param: "sub"},
		{name: "no known subject", token: unitToken(""), answer: asJSON(m{"sub": "alice"}), kind: ErrConfig, param: "Subject"},
		{name: "subject given", token: unitToken(""), opts: &UserInfoOptions{Subject: "alice"}, answer: asJSON(m{"sub": "alice"})},
		{
			name:   "other subject given",
			token:  unitToken(""),
			opts:   &UserInfoOptions{Subject: "bob"},
			answer: asJSON(m{"sub": "alice"}),
			kind:   ErrClaim,
			param:  "sub",
		},
		{name: "subject that is the token's", opts: &UserInfoOptions{Subject: "alice"}, answer: asJSON(m{"sub": "alice"})},
		{
			name:   "subject against the token's, in case",
			opts:   &UserInfoOptions{Subject: "Alice"},
			answer: asJSON(m{"sub": "alice"}),
			kind:   ErrConfig,
			param:  "Subject",
		},
		{name: "subject against the token's", opts: &UserInfoOptions{Subject: "bob"}, answer: asJSON(m{"sub": "bob"}), kind: ErrConfig, param: "Subject"},
		{name: "subject skipped", token: unitToken(""), opts: &UserInfoOptions{InsecureSkipSubject: true}, answer: asJSON(m{"sub": "alice"})},
		{name: "subject skipped and given", opts: &UserInfoOptions{InsecureSkipSubject: true, Subject: "alice"}, kind: ErrConfig},
		{name: "subject skipped, still required", opts: &UserInfoOptions{InsecureSkipSubject: true}, answer: asJSON(m{}), kind: ErrClaim, param: "sub"},
		{name: "no access token", token: &Token{}, kind: ErrConfig, param: "Token"},
		{
			name:  "token of another server",
			token: &Token{AccessToken: NewSecret("at"), TokenType: "Bearer", server: "https://other.example", login: &identity{subject: "alice"}},
			kind:  ErrConfig,
			param: "Token",
		},
		{
			name:  "token of another type",
			token: &Token{AccessToken: NewSecret("at"), TokenType: "mac", login: &identity{subject: "alice"}},
			kind:  ErrTokenType,
			param: "TokenType",
		},
		{
			name:  "token bound to a key",
			token: &Token{AccessToken: NewSecret("at"), TokenType: "DPoP", login: &identity{subject: "alice"}},
			kind:  ErrBinding,
			param: "DPoP",
		},
		{
			name:  "token that breaks the header",
			token: &Token{AccessToken: NewSecret("a\nb"), TokenType: "Bearer", login: &identity{subject: "alice"}},
			kind:  ErrConfig,
		},
		{name: "no endpoint", config: func(c *Config) { c.Server.UserinfoEndpoint = "" }, kind: ErrConfig, param: "userinfo_endpoint"},
		{
			name:   "http endpoint",
			config: func(c *Config) { c.Server.UserinfoEndpoint = "http://op.example/userinfo" },
			kind:   ErrInsecureURL,
			param:  "userinfo_endpoint",
		},
		{name: "refused", answer: unitAnswer{status: 401, header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}}, kind: ErrRefused},
		{name: "JSON where JWT is configured", config: signed, answer: asJSON(m{"sub": "alice"}), kind: ErrResponse, param: "Content-Type"},
		{name: "JWT", config: signed, answer: jwt("JWT", m{"sub": "alice"})},
		{name: "JWT, from the list", config: listed(RS256, ES256), answer: jwt("JWT", m{"sub": "alice"})},
		{name: "JWT, not in the list", config: listed(RS256), answer: jwt("JWT", m{"sub": "alice"}), kind: ErrAlgorithm, param: "alg"},
		{name: "JWT, empty list", config: listed(), answer: jwt("JWT", m{"sub": "alice"}), kind: ErrAlgorithm},
		{name: "JWT, list of nothing we verify", config: listed("HS256", "none"), answer: jwt("JWT", m{"sub": "alice"}), kind: ErrAlgorithm},
		{name: "JWT, nothing says which alg", answer: jwt("JWT", m{"sub": "alice"}), kind: ErrAlgorithm, param: "Metadata.UserinfoSignedResponseAlg"},
		{
			name:   "JWT where none was asked for, as text",
			answer: unitAnswer{mediaType: "text/plain", body: s.sign(t, "JWT", m{"sub": "alice"})},
			kind:   ErrResponse,
		},
		{name: "JWT where none was asked for, as JSON", answer: unitAnswer{mediaType: mediaJSON, body: s.sign(t, "JWT", m{"sub": "alice"})}, kind: ErrResponse},
		{name: "JWT forged", config: signed, answer: unitAnswer{mediaType: mediaJWT, body: forged}, kind: ErrSignature},
		{name: "JWT unreadable", config: signed, answer: unitAnswer{mediaType: mediaJWT, body: `{"sub":"alice"}`}, kind: ErrParse},
		{name: "JWT encrypted", config: signed, answer: unitAnswer{mediaType: mediaJWT, body: "a.b.c.d.e"}, kind: ErrUnsupported},
		{name: "JWT of another user", config: signed, answer: jwt("", m{"sub": "mallory"}), kind: ErrClaim, param: "sub"},
		{name: "JWT with iss and aud", config: signed, answer: jwt("", m{"sub": "alice", "iss": unitIssuer, "aud": unitClient})},
		{name: "JWT of another issuer", config: signed, answer: jwt("", m{"sub": "alice", "iss": "https://x.example"}), kind: ErrIssuer, param: "iss"},
		{name: "JWT for another client", config: signed, answer: jwt("", m{"sub": "alice", "aud": []string{"x"}}), kind: ErrAudience, param: "aud"},
		{name: "JWT aud number", config: signed, answer: jwt("", m{"sub": "alice", "aud": 1}), kind: ErrClaim, param: "aud"},
		{name: "JWT expired", config: signed, answer: jwt("", m{"sub": "alice", "exp": unitTime - 31}), kind: ErrExpired, param: "exp"},
		{name: "JWT not yet valid", config: signed, answer: jwt("", m{"sub": "alice", "nbf": unitTime + 31}), kind: ErrNotYetValid, param: "nbf"},
		{
			name:   "JWT of no object",
			config: signed,
			answer: unitAnswer{mediaType: mediaJWT, body: must(s.key.signCompact([]byte(`{"alg":"ES256"}`), []byte(`[]`)))},
			kind:   ErrParse,
		},
		{name: "JWT is a security event", config: signed, answer: jwt("JWT", m{"sub": "alice", "events": m{}}), kind: ErrType, param: "events"},
		{name: "JWT is an access token", config: signed, answer: jwt("at+jwt", m{"sub": "alice"}), kind: ErrType, param: "typ"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.set("/userinfo", tt.answer)
			token := tt.token
			if token == nil {
				token = unitToken("alice")
			}
			before := len(s.requests("/userinfo"))
			u, err := s.client(t, tt.config).UserInfo(context.Background(), token, tt.opts)
			if errors.Is(err, ErrConfig) && len(s.requests("/userinfo")) != before {
				t.Error("a request was made")
			}
			if tt.kind != nil {
				if u != nil {
					t.Error("user info came with the error")
				}
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil || u.Subject() != "alice" {
				t.Fatalf("%v, %v", u, err)
			}
			r := s.requests("/userinfo")
			if got := r[len(r)-1].header.Get("Authorization"); got != "Bearer at" {
				t.Errorf("Authorization %q", got)
			}
			var claims struct{ Sub string }
			if err := u.Claims(&claims); err != nil || claims.Sub != "alice" {
				t.Errorf("claims %v, %v", claims, err)
			}
		})
	}
}

// TestUserInfoAccept: what is asked for is what is taken.
func TestUserInfoAccept(t *testing.T) {
	s := newUnitServer()
	s.set("/userinfo", unitAnswer{status: http.StatusTeapot})
	for alg, want := range map[Algorithm]string{"": "application/json, application/jwt", "none": "application/json", ES256: "application/jwt"} {
		s.client(t, func(c *Config) { c.Metadata.UserinfoSignedResponseAlg = alg }).UserInfo(t.Context(), unitToken("alice"), nil)
		r := s.requests("/userinfo")
		if got := r[len(r)-1].header.Get("Accept"); got != want {
			t.Errorf("%q: Accept %q", alg, got)
		}
	}
}

// TestUserInfoNoKeys: without keys a signed answer is none.
func TestUserInfoNoKeys(t *testing.T) {
	s := newUnitServer()
	s.set("/userinfo", unitAnswer{mediaType: mediaJWT, body: s.sign(t, "", map[string]any{"sub": "alice"})})
	c := s.client(t, func(c *Config) { c.Metadata.UserinfoSignedResponseAlg, c.Server.JWKSURI = ES256, "" })
	_, err := c.UserInfo(t.Context(), unitToken("alice"), nil)
	wantError(t, err, ErrConfig, "jwks_uri")
}

// TestUserInfoQuoted: an answer that quotes the token does not bring it into the error.
func TestUserInfoQuoted(t *testing.T) {
	s := newUnitServer()
	token := unitToken("alice")
	token.AccessToken = NewSecret("access-token-0123456789")
	s.set("/userinfo", unitAnswer{mediaType: mediaJWT, body: s.sign(t, "", map[string]any{"sub": "alice", "iss": token.AccessToken.Reveal()})})
	_, err := s.client(t, func(c *Config) { c.Metadata.UserinfoSignedResponseAlg = ES256 }).UserInfo(t.Context(), token, nil)
	if wantError(t, err, ErrIssuer, "iss"); strings.Contains(err.Error(), token.AccessToken.Reveal()) {
		t.Error(err)
	}
}

// TestUserInfoKeyOfAnIssuer: a key that belongs to one issuer (Entra ID) signs only for
// that one, which the answer then has to name.
func TestUserInfoKeyOfAnIssuer(t *testing.T) {
	s := newUnitServer()
	for owner, kinds := range map[string][2]error{unitIssuer: {nil, ErrClaim}, "https://other.example": {ErrIssuer, ErrClaim}} {
		jwk := strings.TrimSuffix(string(s.key.PublicJWK()), "}") + `,"issuer":"` + owner + `"}`
		s.answer("/jwks", `{"keys":[`+jwk+`]}`)
		for i, claims := range []map[string]any{{"sub": "alice", "iss": unitIssuer}, {"sub": "alice"}} {
			s.set("/userinfo", unitAnswer{mediaType: mediaJWT, body: s.sign(t, "", claims)})
			c := s.client(t, func(c *Config) { c.Metadata.UserinfoSignedResponseAlg = ES256 })
			if _, err := c.UserInfo(t.Context(), unitToken("alice"), nil); !errors.Is(err, kinds[i]) {
				t.Errorf("key of %s, %v: %v", owner, claims, err)
			}
		}
	}
}

// TestEmailVerifiedValues: true is true, as a string too, and nothing else is.
func TestEmailVerifiedValues(t *testing.T) {
	for value, want := range map[string]bool{
		`true`: true, `"true"`: true, `false`: false, `"false"`: false, `"TRUE"`: false, `1`: false, `null`: false, `""`: false, `[true]`: false,
	} {
		payload := `{"sub":"alice","email_verified":` + value + `}`
		if u := (&UserInfo{payload: NewSecret(payload)}); u.EmailVerified() != want {
			t.Errorf("userinfo, %s: %v", value, !want)
		}
		if id := (&IDToken{&idTokenData{payload: payload}}); id.EmailVerified() != want {
			t.Errorf("ID token, %s: %v", value, !want)
		}
	}
	for _, payload := range []string{`{"sub":"alice"}`, `{"sub":"alice","Email_Verified":true}`, ``, `[]`} {
		if (&UserInfo{payload: NewSecret(payload)}).EmailVerified() || (&IDToken{&idTokenData{payload: payload}}).EmailVerified() {
			t.Errorf("%s: verified", payload)
		}
	}
}

func TestUserInfoClaims(t *testing.T) {
	s := newUnitServer()
	s.answer("/userinfo", `{"sub":"alice","email":"a@example.com","EMAIL":"b@example.com","email_verified":"true"}`)
	u, err := s.client(t, nil).UserInfo(context.Background(), unitToken("alice"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !u.EmailVerified() {
		t.Error("email_verified")
	}
	wantError(t, u.Claims(new(struct{ Email string })), ErrClaim, "")
}

// A challenge carries the code where the body has none (RFC 6750, Section 3).
func TestUserInfoRefusalCode(t *testing.T) {
	s := newUnitServer()
	s.set("/userinfo", unitAnswer{status: 401, header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token", error_description="expired"`}}})
	_, err := s.client(t, nil).UserInfo(context.Background(), unitToken("alice"), nil)
	var e *ResponseError
	if !errors.As(err, &e) || e.Code != "invalid_token" || e.Description != "expired" {
		t.Errorf("error %#v", err)
	}
}

// Tenants have subjects of their own: an answer from another one is about
// somebody else.
func TestUserInfoOfAnotherTenant(t *testing.T) {
	const one, two = "72f988bf-86f1-41af-91ab-2d7cd011db47", "82f988bf-86f1-41af-91ab-2d7cd011db47"
	s := newUnitServer()
	c := s.client(t, func(c *Config) {
		tenants("https://login.example/{tenantid}/v2", true)(c)
		c.Metadata.UserinfoSignedResponseAlg = ES256
	})
	for tid, kind := range map[string]error{one: nil, two: ErrIssuer, strings.ToUpper(one): ErrIssuer} {
		s.set(
			"/userinfo",
			unitAnswer{mediaType: mediaJWT, body: s.sign(t, "", map[string]any{"sub": "alice", "iss": "https://login.example/" + tid + "/v2", "tid": tid})},
		)
		tok := unitToken("alice")
		tok.server, tok.login.issuer = c.server.Issuer, "https://login.example/"+one+"/v2"
		if _, err := c.UserInfo(context.Background(), tok, nil); !errors.Is(err, kind) {
			t.Errorf("tenant %s: %v", tid, err)
		}
	}
}

// What encoding/json says about values stays out of the error.
func TestClaimsErrorsQuoteNothing(t *testing.T) {
	u := &UserInfo{payload: NewSecret(`{"sub":"MARKER","at":"1970-MARKER"}`)}
	for _, dst := range []any{new(struct{ Sub int }), new(struct{ At time.Time }), new(struct{ At json.Number }), new(int)} {
		err := u.Claims(dst)
		if wantError(t, err, ErrClaim, ""); strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%T: %v", dst, err)
		}
	}
}
