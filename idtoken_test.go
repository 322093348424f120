package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestIDTokenClaims changes and removes the claims of a good token one at a
// time: OpenID Connect Core 1.0, Section 3.1.3.7 and RULES of its order.
func TestIDTokenClaims(t *testing.T) {
	hash := func(s string) string {
		h := sha256.Sum256([]byte(s))
		return encodeBase64URL(h[:16])
	}
	type m = map[string]any
	guid := "72f988bf-86f1-41af-91ab-2d7cd011db47"
	tests := []struct {
		name   string
		change m
		checks idTokenChecks
		config func(*Config)
		kind   error // nil: accepted
		param  string
	}{
		{name: "good"},
		{name: "iss missing", change: m{"iss": unitRemoved}, kind: ErrClaim, param: "iss"},
		{name: "iss empty", change: m{"iss": ""}, kind: ErrClaim, param: "iss"},
		{name: "iss number", change: m{"iss": 1}, kind: ErrClaim, param: "iss"},
		{name: "iss null", change: m{"iss": nil}, kind: ErrClaim, param: "iss"},
		{name: "iss other", change: m{"iss": "https://evil.example"}, kind: ErrIssuer, param: "iss"},
		{name: "iss with slash", change: m{"iss": unitIssuer + "/"}, kind: ErrIssuer, param: "iss"},
		{name: "iss in other case", change: m{"iss": "https://OP.example"}, kind: ErrIssuer, param: "iss"},
		{name: "sub missing", change: m{"sub": unitRemoved}, kind: ErrClaim, param: "sub"},
		{name: "sub empty", change: m{"sub": ""}, kind: ErrClaim, param: "sub"},
		{name: "sub number", change: m{"sub": 7}, kind: ErrClaim, param: "sub"},
		{name: "aud missing", change: m{"aud": unitRemoved}, kind: ErrClaim, param: "aud"},
		{name: "aud empty list", change: m{"aud": []string{}}, kind: ErrClaim, param: "aud"},
		{name: "aud number", change: m{"aud": 1}, kind: ErrClaim, param: "aud"},
		{name: "aud list of numbers", change: m{"aud": []any{unitClient, 1}}, kind: ErrClaim, param: "aud"},
		{name: "aud object", change: m{"aud": m{unitClient: 1}}, kind: ErrClaim, param: "aud"},
		{name: "aud other", change: m{"aud": "client-2"}, kind: ErrAudience, param: "aud"},
		{name: "aud in other case", change: m{"aud": strings.ToUpper(unitClient)}, kind: ErrAudience, param: "aud"},
		{name: "aud list in other case", change: m{"aud": []string{strings.ToUpper(unitClient)}}, kind: ErrAudience, param: "aud"},
		{name: "aud prefix", change: m{"aud": unitClient + "0"}, kind: ErrAudience, param: "aud"},
		{name: "aud with an empty one", change: m{"aud": []string{unitClient, ""}, "azp": unitClient}, kind: ErrClaim, param: "aud"},
		{name: "aud list of one", change: m{"aud": []string{unitClient}}},
		{name: "several aud without azp", change: m{"aud": []string{unitClient, "x"}}, kind: ErrAudience, param: "aud"},
		{name: "several aud without azp, the other one first", change: m{"aud": []string{"x", unitClient}}, kind: ErrAudience, param: "aud"},
		{name: "aud in another case beside it", change: m{"aud": []string{unitClient, strings.ToUpper(unitClient)}}, kind: ErrAudience, param: "aud"},
		{name: "several aud, azp null", change: m{"aud": []string{unitClient, "x"}, "azp": nil}, kind: ErrAudience, param: "aud"},
		{name: "several aud, trusted", change: m{"aud": []string{"x", unitClient, "y"}}, config: trusts("y", "x")},
		{name: "several aud, one trusted", change: m{"aud": []string{unitClient, "x", "y"}}, config: trusts("x"), kind: ErrAudience, param: "aud"},
		{name: "trusted aud alone", change: m{"aud": "x"}, config: trusts("x"), kind: ErrAudience, param: "aud"},
		{name: "trusted aud, azp other", change: m{"aud": []string{unitClient, "x"}, "azp": "x"}, config: trusts("x"), kind: ErrAudience, param: "azp"},
		{name: "aud twice", change: m{"aud": []string{unitClient, unitClient}}},
		{name: "several aud with azp", change: m{"aud": []string{unitClient, "x"}, "azp": unitClient}},
		{name: "several aud, azp other", change: m{"aud": []string{unitClient, "x"}, "azp": "x"}, kind: ErrAudience, param: "azp"},
		{
			name:   "several aud, azp other, from outside",
			change: m{"aud": []string{unitClient, "x"}, "azp": "x"},
			checks: idTokenChecks{outside: true},
			kind:   ErrAudience,
			param:  "azp",
		},
		{name: "azp other", change: m{"azp": "client-2"}, kind: ErrAudience, param: "azp"},
		{name: "azp other, from outside (Google's mobile clients)", change: m{"azp": "client-2"}, checks: idTokenChecks{outside: true}},
		{name: "azp in other case", change: m{"azp": strings.ToUpper(unitClient)}, kind: ErrAudience, param: "azp"},
		{
			name:   "several aud, azp in other case",
			change: m{"aud": []string{unitClient, "x"}, "azp": strings.ToUpper(unitClient)},
			kind:   ErrAudience,
			param:  "azp",
		},
		{name: "azp number", change: m{"azp": 1}, kind: ErrClaim, param: "azp"},
		{name: "exp missing", change: m{"exp": unitRemoved}, kind: ErrClaim, param: "exp"},
		{name: "exp string", change: m{"exp": "1700000300"}, kind: ErrClaim, param: "exp"},
		{name: "exp null", change: m{"exp": nil}, kind: ErrClaim, param: "exp"},
		{name: "exp at the tolerance", change: m{"exp": unitTime - 30}, kind: ErrExpired, param: "exp"},
		{name: "exp within the tolerance", change: m{"exp": unitTime - 29}},
		{name: "exp huge", change: m{"exp": 1e300}, kind: ErrClaim, param: "exp"},
		{name: "exp fraction", change: m{"exp": float64(unitTime) + 0.5}},
		{name: "iat missing", change: m{"iat": unitRemoved}, kind: ErrClaim, param: "iat"},
		{name: "iat string", change: m{"iat": "x"}, kind: ErrClaim, param: "iat"},
		{name: "nbf string", change: m{"nbf": "x"}, kind: ErrClaim, param: "nbf"},
		{name: "iat 10 min ahead", change: m{"iat": unitTime + 600}},
		{name: "iat further ahead", change: m{"iat": unitTime + 601}, kind: ErrNotYetValid, param: "iat"},
		{
			name:   "iat further ahead, beside a good nbf",
			change: m{"nbf": unitTime, "iat": unitTime + 601, "exp": unitTime + 3600},
			kind:   ErrNotYetValid,
			param:  "iat",
		},
		{name: "iat 10 min ahead, beside a good nbf", change: m{"nbf": unitTime, "iat": unitTime + 600, "exp": unitTime + 3600}},
		{name: "iat old", change: m{"iat": unitTime - 86400}},
		{name: "iat of an hour ago, from the browser", change: m{"iat": unitTime - 3629}, checks: idTokenChecks{frontend: true}},
		{name: "iat old, from the browser", change: m{"iat": unitTime - 3631}, checks: idTokenChecks{frontend: true}, kind: ErrExpired, param: "iat"},
		{name: "nbf at the tolerance", change: m{"nbf": unitTime + 30}},
		{name: "nbf beyond it", change: m{"nbf": unitTime + 31}, kind: ErrNotYetValid, param: "nbf"},
		{name: "nbf string", change: m{"nbf": "x"}, kind: ErrClaim, param: "nbf"},
		{name: "nonce", change: m{"nonce": "n"}, checks: idTokenChecks{nonce: "n"}},
		{name: "nonce other", change: m{"nonce": "m"}, checks: idTokenChecks{nonce: "n"}, kind: ErrNonce, param: "nonce"},
		{name: "nonce in other case", change: m{"nonce": "N"}, checks: idTokenChecks{nonce: "n"}, kind: ErrNonce, param: "nonce"},
		{name: "nonce missing", checks: idTokenChecks{nonce: "n"}, kind: ErrNonce, param: "nonce"},
		{name: "nonce not asked for", change: m{"nonce": "n"}, kind: ErrNonce, param: "nonce"},
		{name: "nonce empty where one was sent", change: m{"nonce": ""}, checks: idTokenChecks{nonce: "n"}, kind: ErrNonce, param: "nonce"},
		{name: "nonce empty where none was sent", change: m{"nonce": ""}, kind: ErrNonce, param: "nonce"},
		{name: "nonce number", change: m{"nonce": 1}, checks: idTokenChecks{nonce: "1"}, kind: ErrClaim, param: "nonce"},
		{name: "nonce ignored", change: m{"nonce": "m"}, checks: idTokenChecks{nonceRule: nonceIgnored}},
		{name: "auth_time missing with max_age", checks: idTokenChecks{maxAge: int64p(60)}, kind: ErrClaim, param: "auth_time"},
		{name: "auth_time missing with require_auth_time", config: func(c *Config) { c.Metadata.RequireAuthTime = true }, kind: ErrClaim, param: "auth_time"},
		{name: "auth_time string", change: m{"auth_time": "x"}},
		{name: "auth_time string, needed", change: m{"auth_time": "x"}, checks: idTokenChecks{maxAge: int64p(60)}, kind: ErrClaim, param: "auth_time"},
		{
			name:   "auth_time string, registered",
			change: m{"auth_time": "x"},
			config: func(c *Config) { c.Metadata.RequireAuthTime = true },
			kind:   ErrClaim,
			param:  "auth_time",
		},
		{name: "auth_time at the limit", change: m{"auth_time": unitTime - 90}, checks: idTokenChecks{maxAge: int64p(60)}},
		{name: "auth_time too old", change: m{"auth_time": unitTime - 91}, checks: idTokenChecks{maxAge: int64p(60)}, kind: ErrExpired, param: "auth_time"},
		{
			name:   "auth_time old, max_age 0",
			change: m{"auth_time": unitTime - 31},
			checks: idTokenChecks{maxAge: int64p(0)},
			kind:   ErrExpired,
			param:  "auth_time",
		},
		{name: "auth_time old, huge max_age", change: m{"auth_time": 0}, checks: idTokenChecks{maxAge: int64p(1 << 62)}},
		{
			name:   "auth_time old, but of this request",
			change: m{"auth_time": unitTime - 200},
			checks: idTokenChecks{maxAge: int64p(0), started: unitNow().Add(-170 * time.Second)},
		},
		{
			name:   "auth_time before this request",
			change: m{"auth_time": unitTime - 201},
			checks: idTokenChecks{maxAge: int64p(0), started: unitNow().Add(-170 * time.Second)},
			kind:   ErrExpired,
			param:  "auth_time",
		},
		{name: "auth_time ahead", change: m{"auth_time": unitTime + 601}, kind: ErrNotYetValid, param: "auth_time"},
		{name: "at_hash", change: m{"at_hash": hash("token")}, checks: idTokenChecks{accessToken: "token"}},
		{name: "at_hash other", change: m{"at_hash": hash("other")}, checks: idTokenChecks{accessToken: "token"}, kind: ErrClaim, param: "at_hash"},
		{name: "at_hash number", change: m{"at_hash": 1}, kind: ErrClaim, param: "at_hash"},
		{name: "at_hash without a token", change: m{"at_hash": "x"}},
		{name: "at_hash absent", checks: idTokenChecks{accessToken: "token"}},
		{name: "c_hash other", change: m{"c_hash": hash("x")}, checks: idTokenChecks{code: "code"}, kind: ErrClaim, param: "c_hash"},
		{name: "c_hash absent from the token endpoint", checks: idTokenChecks{code: "code"}},
		{name: "c_hash absent from the browser", checks: idTokenChecks{code: "code", frontend: true}, kind: ErrClaim, param: "c_hash"},
		{name: "acr number", change: m{"acr": 1}},
		{name: "acr number, needed", change: m{"acr": 1}, checks: idTokenChecks{acr: []string{"1"}}, kind: ErrClaim, param: "acr"},
		{
			name:   "acr number, needed of a refreshed one",
			change: m{"acr": 1},
			checks: idTokenChecks{acr: []string{"1"}, acrIfAny: true},
			kind:   ErrClaim,
			param:  "acr",
		},
		{name: "acr null of a refreshed one", change: m{"acr": nil}, checks: idTokenChecks{acr: []string{"1"}, acrIfAny: true}},
		{name: "sid number", change: m{"sid": 1}},
		{name: "half of a surrogate pair in the name", change: m{"name": json.RawMessage(`"Zo\ud83d"`)}},
		{name: "half of a surrogate pair in sub", change: m{"sub": json.RawMessage(`"Zo\ud83d"`)}, kind: ErrClaim, param: "sub"},
		{name: "events", change: m{"events": m{}}, kind: ErrType, param: "events"},
		{name: "tenant", change: m{"iss": "https://login.example/" + guid + "/v2", "tid": guid}, config: tenants("https://login.example/{tenantid}/v2", true)},
		{
			name:   "tenant not accepted",
			change: m{"iss": "https://login.example/" + guid + "/v2", "tid": guid},
			config: tenants("https://login.example/{tenantid}/v2", false),
			kind:   ErrIssuer,
			param:  "iss",
		},
		{
			name:   "tenant's tid missing",
			change: m{"iss": "https://login.example/" + guid + "/v2"},
			config: tenants("https://login.example/{tenantid}/v2", true),
			kind:   ErrClaim,
			param:  "tid",
		},
		{
			name:   "tenant's tid no GUID",
			change: m{"iss": "https://login.example/x/v2", "tid": "x"},
			config: tenants("https://login.example/{tenantid}/v2", true),
			kind:   ErrClaim,
			param:  "tid",
		},
		{
			name:   "tenant's tid a path as long as a GUID",
			change: m{"iss": "https://login.example/../../evil.example/common/../../a?b//v2", "tid": "../../evil.example/common/../../a?b/"},
			config: tenants("https://login.example/{tenantid}/v2", true),
			kind:   ErrClaim,
			param:  "tid",
		},
		{
			name:   "tenant's tid in other case than iss",
			change: m{"iss": "https://login.example/" + guid + "/v2", "tid": strings.ToUpper(guid)},
			config: tenants("https://login.example/{tenantid}/v2", true),
			kind:   ErrIssuer,
			param:  "iss",
		},
		{
			name:   "tenant's tid other",
			change: m{"iss": "https://login.example/" + guid + "/v2", "tid": strings.Replace(guid, "7", "8", 1)},
			config: tenants("https://login.example/{tenantid}/v2", true),
			kind:   ErrIssuer,
			param:  "iss",
		},
		{
			name:   "the template itself",
			change: m{"iss": "https://login.example/{tenantid}/v2", "tid": guid},
			config: tenants("https://login.example/{tenantid}/v2", true),
			kind:   ErrIssuer,
			param:  "iss",
		},
	}
	s := newUnitServer()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := s.client(t, tt.config)
			id, err := c.verifyIDToken(context.Background(), s.sign(t, "JWT", unitClaims(tt.change)), fromAnybody, &tt.checks)
			if tt.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if id != nil {
				t.Error("a token came with the error")
			}
			wantError(t, err, tt.kind, tt.param)
			wantError(t, err, ErrInvalid, "")
		})
	}
}

func trusts(audiences ...string) func(*Config) {
	return func(c *Config) { c.TrustedAudiences = audiences }
}

func tenants(issuer string, accept bool) func(*Config) {
	return func(c *Config) {
		c.Server.Issuer = issuer
		c.AcceptIssuer = func(iss, tid string) bool { return accept && strings.Contains(iss, tid) }
	}
}

// TestGUID puts a wrong character in each place of a GUID, among them the neighbors
// of each range of right ones.
func TestGUID(t *testing.T) {
	const guid = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	put := func(i int, c rune) string { return guid[:i] + string(c) + guid[i+1:] }
	refused := []string{"", guid[1:], guid + "0", strings.ReplaceAll(guid, "-", ""), strings.ReplaceAll(guid, "-", "0"), "{" + guid + "}"}
	for i, right := range guid {
		wrong := "-/:@G`g.? "
		if right == '-' {
			wrong = "0aA/,. "
		}
		for _, c := range wrong {
			refused = append(refused, put(i, c))
		}
	}
	for _, s := range refused {
		if isGUID(s) {
			t.Errorf("%q is a GUID", s)
		}
	}
	for i, right := range guid {
		for _, c := range "0123456789abcdefABCDEF" {
			if right != '-' && !isGUID(put(i, c)) {
				t.Errorf("%q is no GUID", put(i, c))
			}
		}
	}
}

// A key that says whose it is (Entra ID publishes those of all tenants in one
// set) signs for nobody else.
func TestIDTokenKeyIssuer(t *testing.T) {
	const guid = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	tests := []struct {
		name, keyIssuer, issuer, iss string
		kind                         error
	}{
		{"of the issuer", unitIssuer, unitIssuer, unitIssuer, nil},
		{"of another", "https://other.example", unitIssuer, unitIssuer, ErrIssuer},
		{"of the issuer in other case", "https://OP.example", unitIssuer, unitIssuer, ErrIssuer},
		{"of any tenant", "https://login.example/{tenantid}/v2", "https://login.example/{tenantid}/v2", "https://login.example/" + guid + "/v2", nil},
		{
			"of any tenant, one configured",
			"https://login.example/{tenantid}/v2",
			"https://login.example/" + guid + "/v2",
			"https://login.example/" + guid + "/v2",
			nil,
		},
		{
			"of another tenant",
			"https://login.example/" + strings.Replace(guid, "7", "8", 1) + "/v2",
			"https://login.example/{tenantid}/v2",
			"https://login.example/" + guid + "/v2",
			ErrIssuer,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			jwk := strings.TrimSuffix(string(s.key.PublicJWK()), "}") + `,"issuer":"` + tt.keyIssuer + `"}`
			s.answer("/jwks", `{"keys":[`+jwk+`]}`)
			change := tenants(tt.issuer, true)
			if !strings.Contains(tt.issuer, tenantPlaceholder) {
				change = func(c *Config) { c.Server.Issuer = tt.issuer }
			}
			c := s.client(t, change)
			_, err := c.VerifyIDToken(context.Background(), s.sign(t, "JWT", unitClaims(map[string]any{"iss": tt.iss, "tid": guid})), VerifyIDTokenOptions{})
			if tt.kind == nil && err != nil {
				t.Fatal(err)
			}
			if tt.kind != nil {
				wantError(t, err, tt.kind, "iss")
			}
		})
	}
}

// The types of other tokens are refused; any other typ is the server's matter.
func TestIDTokenType(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for typ, ok := range map[string]bool{
		"JWT": true, "jwt": true, "x+jwt": true, "application/JWT": true,
		"at+jwt": false, "AT+JWT": false, "application/at+jwt": false, "dpop+jwt": false, "logout+jwt": false,
		"token-introspection+jwt": false, "oauth-authz-req+jwt": false, "secevent+jwt": false,
	} {
		_, err := c.VerifyIDToken(context.Background(), s.sign(t, typ, unitClaims(nil)), VerifyIDTokenOptions{})
		if ok && err != nil || !ok && !errors.Is(err, ErrType) {
			t.Errorf("typ %s: %v", typ, err)
		}
	}
}

func TestVerifyIDTokenOptions(t *testing.T) {
	s := newUnitServer()
	token := s.sign(t, "JWT", unitClaims(map[string]any{"nonce": "n", "auth_time": unitTime - 100}))
	tests := []struct {
		name   string
		opts   VerifyIDTokenOptions
		maxAge *int64 // default_max_age
		kind   error
	}{
		{"nonce", VerifyIDTokenOptions{Nonce: "n"}, nil, nil},
		{"no nonce", VerifyIDTokenOptions{}, nil, ErrNonce},
		{"other nonce", VerifyIDTokenOptions{Nonce: "m"}, nil, ErrNonce},
		{"ignored", VerifyIDTokenOptions{InsecureNoNonce: true}, nil, nil},
		{"both", VerifyIDTokenOptions{InsecureNoNonce: true, Nonce: "n"}, nil, ErrConfig},
		{"max age", VerifyIDTokenOptions{Nonce: "n", MaxAge: int64p(69)}, nil, ErrExpired},
		{"negative max age", VerifyIDTokenOptions{Nonce: "n", MaxAge: int64p(-1)}, nil, ErrConfig},
		{"max age of no time", VerifyIDTokenOptions{Nonce: "n", MaxAge: int64p(0)}, nil, ErrExpired},
		{"default max age", VerifyIDTokenOptions{Nonce: "n"}, int64p(69), ErrExpired},
		{"max age over the default", VerifyIDTokenOptions{Nonce: "n", MaxAge: int64p(70)}, int64p(1), nil},
		{"access token without at_hash", VerifyIDTokenOptions{Nonce: "n", AccessToken: "x"}, nil, ErrClaim},
		{"code without c_hash", VerifyIDTokenOptions{Nonce: "n", Code: "y"}, nil, ErrClaim},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := s.client(t, func(cfg *Config) { cfg.Metadata.DefaultMaxAge = tt.maxAge })
			id, err := c.VerifyIDToken(context.Background(), token, tt.opts)
			if (id == nil) != (tt.kind != nil) {
				t.Errorf("token %v with error %v", id, err)
			}
			if tt.kind == nil && err != nil {
				t.Fatal(err)
			}
			if tt.kind != nil {
				wantError(t, err, tt.kind, "")
			}
		})
	}
}

func TestIDTokenAccessors(t *testing.T) {
	s := newUnitServer()
	raw := s.sign(t, "JWT", unitClaims(map[string]any{
		"aud": []string{unitClient}, "nonce": "n", "auth_time": unitTime - 5, "acr": "gold", "amr": []string{"pwd", "otp"},
		"sid": "session", "email_verified": "true", "name": "Al\u00e9 \"x\"",
	}))
	id, err := s.client(t, nil).VerifyIDToken(context.Background(), raw, VerifyIDTokenOptions{Nonce: "n"})
	if err != nil {
		t.Fatal(err)
	}
	id.Audience()[0] = "changed"
	if id.Issuer() != unitIssuer || id.Subject() != "alice" || id.Audience()[0] != unitClient || id.Raw() != raw ||
		id.Expiry().Unix() != unitTime+300 || id.IssuedAt().Unix() != unitTime || id.AuthTime().Unix() != unitTime-5 ||
		id.Nonce() != "n" || id.ACR() != "gold" || strings.Join(id.AMR(), " ") != "pwd otp" || id.SessionID() != "session" || !id.EmailVerified() {
		t.Errorf("accessors of %v are wrong", id)
	}
	var claims struct{ Name string }
	if err := id.Claims(&claims); err != nil || claims.Name != `Alé "x"` {
		t.Errorf("Claims: %v, %v", claims, err)
	}
	if err := id.Claims(new(int)); !errors.Is(err, ErrClaim) {
		t.Errorf("Claims into an int: %v", err)
	}
	if _, err := json.Marshal(id); err == nil {
		t.Error("an IDToken encodes to JSON")
	}
}

// Claims whose names encoding/json would mix up are refused when they are
// decoded, not before: they do no harm to who does not ask.
func TestIDTokenClaimsFolding(t *testing.T) {
	s := newUnitServer()
	id, err := s.client(t, nil).
		VerifyIDToken(context.Background(), s.sign(t, "JWT", unitClaims(map[string]any{"email": "a", "Email": "b"})), VerifyIDTokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, id.Claims(new(struct{ Email string })), ErrClaim, "")
}

func TestEmailVerified(t *testing.T) {
	for raw, want := range map[string]bool{
		`true`: true, `"true"`: true, `false`: false, `"false"`: false, `1`: false, `"True"`: false, `null`: false, `["true"]`: false,
	} {
		o, err := parseObject(`{"email_verified":`+raw+`}`, documentForm, ErrClaim)
		if err != nil {
			t.Fatal(err)
		}
		if got := emailVerified(&o); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

// TestIDTokenSaysKind: what Keycloak (TokenUtil), Amazon Cognito ("Using tokens with
// user pools") and Ory Hydra say that a token is. The client is among the audiences
// of all of them.
func TestIDTokenSaysKind(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for _, tt := range []struct {
		claim, value string
		ok           bool
	}{
		{"typ", "ID", true}, {"typ", "JWT", true}, {"typ", "Bearer", false}, {"typ", "bearer", false}, {"typ", "DPoP", false}, {"typ", "Refresh", false}, {"typ", "Offline", false},
		{"token_use", "id", true}, {"token_use", "access", false}, {"token_use", "access_token", false}, {"token_use", "refresh_token", false},
		{"use", "access", true},
	} {
		id, err := c.VerifyIDToken(context.Background(), s.sign(t, "JWT", unitClaims(map[string]any{tt.claim: tt.value})), VerifyIDTokenOptions{})
		if tt.ok {
			if err != nil {
				t.Errorf("%s %s: %v", tt.claim, tt.value, err)
			}
			continue
		}
		if wantError(t, err, ErrType, tt.claim); id != nil {
			t.Error("a token with the error")
		}
	}
}

// TestIDTokenOfAPI: access tokens that have the client as their audience, and the
// type of ID tokens or none.
func TestIDTokenOfAPI(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	type m = map[string]any
	for _, tt := range []struct {
		name  string
		more  m
		opts  VerifyIDTokenOptions
		param string // refused for
	}{
		{"scp", m{"scp": "read", "nonce": "n"}, VerifyIDTokenOptions{Nonce: "n"}, "scp"}, // Entra ID
		{"scp, a list", m{"scp": []string{"read"}}, VerifyIDTokenOptions{}, "scp"},       // Okta
		{"scp, nonce not judged", m{"scp": "read"}, VerifyIDTokenOptions{InsecureNoNonce: true}, "scp"},
		{"scope", m{"scope": []string{"openid"}}, VerifyIDTokenOptions{}, "scope"}, // Spring Authorization Server
		{"scope, nonce not judged", m{"scope": "openid", "nonce": "n"}, VerifyIDTokenOptions{InsecureNoNonce: true}, "scope"},
		{"scope with a nonce", m{"scope": "openid", "nonce": "n"}, VerifyIDTokenOptions{Nonce: "n"}, ""},
	} {
		id, err := c.VerifyIDToken(context.Background(), s.sign(t, "JWT", unitClaims(tt.more)), tt.opts)
		if tt.param == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if wantError(t, err, ErrType, tt.param); id != nil {
			t.Errorf("%s: a token came with the error", tt.name)
		}
	}
	// In a login, too; there scope is the server's own matter: the nonce is judged, or
	// the request has none.
	for _, tt := range []struct {
		name    string
		noNonce bool
		kind    error
	}{{"scp", false, ErrType}, {"scope", false, nil}, {"scp", true, ErrType}, {"scope", true, nil}} {
		a := s.start(t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, InsecureNoNonce: tt.noNonce})
		claims := m{"nonce": a.content.nonce, tt.name: "read"}
		if tt.noNonce {
			delete(claims, "nonce")
		}
		s.answer("/token", unitJSON(t, m{"access_token": "at", "token_type": "Bearer", "id_token": s.sign(t, "JWT", unitClaims(claims))}))
		resp, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"code": {"c"}, "state": {a.content.state}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.ExchangeCode(context.Background(), resp, nil); !errors.Is(err, tt.kind) {
			t.Errorf("%s in a login (no nonce: %v): %v", tt.name, tt.noNonce, err)
		}
	}
}

// TestIdentity: who it is, or an error, never an empty name that all would share.
func TestIdentity(t *testing.T) {
	type identifier interface {
		Identity() (issuer, subject string, err error)
	}
	s := newUnitServer()
	c := s.client(t, nil)
	id, err := c.VerifyIDToken(context.Background(), s.sign(t, "JWT", unitClaims(nil)), VerifyIDTokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	api, err := authenticate(t, s.resource(t, nil), bearer(s.accessToken(t, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.answer("/introspect", `{"active":true,"client_id":"app"}`)
	opaque, err := authenticate(t, s.opaqueServer(t, nil), bearer("opaque"))
	if err != nil {
		t.Fatal(err)
	}
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	without, err := c.Refresh(context.Background(), &Token{RefreshToken: NewSecret("r")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	restored := new(Token)
	saved, err := c.identityToken(id).MarshalBinary()
	if err == nil {
		err = restored.UnmarshalBinary(saved)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		of   identifier
		kind error
		way  string // out, in the error's text
	}{
		{"ID token", id, nil, ""},
		{"nil ID token", (*IDToken)(nil), ErrConfig, "openid"},
		{"zero ID token", &IDToken{}, ErrConfig, "openid"},
		{"token", c.identityToken(id), nil, ""},
		{"restored token", restored, nil, ""},
		{"token without ID token", without, ErrConfig, "openid"},
		{"nil token", (*Token)(nil), ErrConfig, "openid"},
		{"zero token", &Token{}, ErrConfig, "openid"},
		{"issuer alone", &Token{login: &identity{issuer: unitIssuer}}, ErrConfig, "openid"},
		{"subject alone", &Token{login: &identity{subject: "alice"}}, ErrConfig, "openid"},
		{"access token", api, nil, ""},
		{"access token of nobody", opaque, ErrClaim, "ClientID"},
		{"nil access token", (*AccessToken)(nil), ErrConfig, "AccessTokenFromContext"},
		{"zero access token", &AccessToken{}, ErrConfig, "AccessTokenFromContext"},
	} {
		issuer, subject, err := tt.of.Identity()
		if tt.kind == nil {
			if err != nil || issuer != unitIssuer || subject != "alice" {
				t.Errorf("%s: %q, %q, %v", tt.name, issuer, subject, err)
			}
			continue
		}
		if !errors.Is(err, tt.kind) || issuer != "" || subject != "" || !strings.Contains(err.Error(), tt.way) {
			t.Errorf("%s: %q, %q, %v", tt.name, issuer, subject, err)
		}
	}
}

// TestIDTokenNil: what a login without openid has is nil, and no panic. The methods
// that print have value receivers, for copies, and are called by fmt and slog.
func TestIDTokenNil(t *testing.T) {
	for _, v := range []any{
		(*IDToken)(nil), &IDToken{}, (*AccessToken)(nil), &AccessToken{}, (*LogoutToken)(nil), &LogoutToken{},
		(*UserInfo)(nil), &UserInfo{}, (*Introspection)(nil), &Introspection{}, (*Token)(nil), &Token{},
	} {
		value := reflect.ValueOf(v)
		for i := range value.NumMethod() {
			method := value.Type().Method(i)
			if _, ofValue := value.Type().Elem().MethodByName(method.Name); ofValue || method.Name == "UnmarshalBinary" {
				continue
			}
			args := make([]reflect.Value, method.Type.NumIn()-1)
			for j := range args {
				args[j] = reflect.Zero(method.Type.In(j + 1))
				if method.Name == "Claims" {
					args[j] = reflect.ValueOf(new(map[string]any))
				}
			}
			out := value.Method(i).Call(args)
			for _, o := range out {
				if method.Name != "Claims" && method.Name != "Identity" && method.Name != "MarshalBinary" && !o.IsZero() {
					t.Errorf("%T.%s of nothing gives %v", v, method.Name, o)
				}
			}
			if err, _ := out[len(out)-1].Interface().(error); method.Name == "Claims" &&
				(!errors.Is(err, ErrClaim) || !strings.Contains(err.Error(), "nil or empty")) {
				t.Errorf("%T.Claims of nothing: %v", v, err)
			}
		}
	}
}
