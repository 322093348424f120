package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const introspectionPath = "/introspect"

// introspector is a client that may ask about tokens.
func (s *unitServer) introspector(t testing.TB, change func(*Config)) *Client {
	t.Helper()
	return s.client(t, func(c *Config) {
		c.Server.IntrospectionEndpoint = unitIssuer + introspectionPath
		if change != nil {
			change(c)
		}
	})
}

func signedIntrospection(c *Config) { c.Metadata.IntrospectionSignedResponseAlg = ES256 }

// introspectionClaims are those of a good answer of RFC 9701.
func introspectionClaims(change map[string]any) map[string]any {
	claims := unitClaims(map[string]any{"sub": unitRemoved, "exp": unitRemoved, "token_introspection": map[string]any{"active": true, "sub": "alice"}})
	for name, v := range change {
		if claims[name] = v; v == unitRemoved {
			delete(claims, name)
		}
	}
	return claims
}

func introspectionJWTAnswer(token string) unitAnswer {
	return unitAnswer{mediaType: mediaIntrospectionJWT, body: token}
}

// introspect asks about the token "at", and wants a nil result with an error.
func (s *unitServer) introspect(t testing.TB, c *Client, a unitAnswer) (*Introspection, error) {
	t.Helper()
	s.set(introspectionPath, a)
	i, err := c.Introspect(context.Background(), "at", nil)
	if (i == nil) == (err == nil) {
		t.Fatalf("%v with the error %v", i, err)
	}
	return i, err
}

func TestIntrospectJSON(t *testing.T) {
	s := newUnitServer()
	answer := func(members string) unitAnswer { return unitAnswer{mediaType: mediaJSON, body: "{" + members + "}"} }
	for _, tt := range []struct {
		name   string
		answer unitAnswer
		kind   error
		param  string
	}{
		{"active", answer(`"active":true`), nil, ""},
		{"as text", unitAnswer{mediaType: "text/plain; charset=utf-8", body: `{"active":true}`}, nil, ""},
		{"as javascript", unitAnswer{mediaType: "text/javascript", body: `{"active":true}`}, nil, ""},
		{"without a type", unitAnswer{body: `{"active":true}`}, nil, ""},
		{"inactive", answer(`"active":false`), ErrInactive, "active"},
		{"inactive, with the rest", answer(`"active":false,"sub":"alice","scope":"a"`), ErrInactive, "active"},
		{"inactive is invalid", answer(`"active":false`), ErrInvalid, "active"},
		{"nothing", answer(``), ErrResponse, "active"},
		{"active null", answer(`"active":null`), ErrResponse, "active"},
		{"active string", answer(`"active":"true"`), ErrResponse, "active"},
		{"active number", answer(`"active":1`), ErrResponse, "active"},
		{"active array", answer(`"active":[true]`), ErrResponse, "active"},
		{"active in capitals", answer(`"Active":true`), ErrResponse, "active"},
		{"active folded", answer(`"ACTIVE":true,"active":false`), ErrInactive, "active"},
		{"active twice", answer(`"active":false,"active":true`), ErrResponse, ""},
		{"active twice, escaped", answer(`"active":false,"\u0061ctive":true`), ErrResponse, ""},
		{"as a page", unitAnswer{mediaType: "text/html", body: `{"active":true}`}, nil, ""},
		{"page", unitAnswer{mediaType: "text/html", body: `<html>`}, ErrResponse, ""},
		{"active twice, the same", answer(`"active":true,"active":true`), nil, ""},
		{"array", unitAnswer{mediaType: mediaJSON, body: `[{"active":true}]`}, ErrResponse, ""},
		{"data behind", unitAnswer{mediaType: mediaJSON, body: `{"active":true}{}`}, ErrResponse, ""},
		{"empty", unitAnswer{mediaType: mediaJSON}, ErrResponse, ""},
		{"error with 200", answer(`"error":"invalid_request","active":true`), ErrRefused, ""},
		{"created", unitAnswer{status: 201, mediaType: mediaJSON, body: `{"active":true}`}, ErrResponse, ""},
		{"no content", unitAnswer{status: 204}, ErrResponse, ""},
		{"redirect", unitAnswer{status: 307, header: http.Header{"Location": {unitIssuer + "/other"}}}, ErrResponse, ""},
		{"not allowed", unitAnswer{status: 401, mediaType: mediaJSON, body: `{"error":"invalid_client"}`}, ErrRefused, ""},
		{"JWT of another media type", unitAnswer{mediaType: mediaJWT, body: s.sign(t, "token-introspection+jwt", introspectionClaims(nil))}, ErrResponse, ""},
		{"JWT of a media type with a letter that only Unicode takes for another", unitAnswer{mediaType: "application/token-intro\u017fpection+jwt", body: s.sign(t, "token-introspection+jwt", introspectionClaims(nil))}, ErrResponse, ""},
		// Every member of another type is absent: who asks decides by the others.
		{"scope number", answer(`"active":true,"scope":1`), nil, ""},
		{"scope of numbers", answer(`"active":true,"scope":[1]`), nil, ""},
		{"client_id number", answer(`"active":true,"client_id":1`), nil, ""},
		{"username object", answer(`"active":true,"username":{}`), nil, ""},
		{"token_type boolean", answer(`"active":true,"token_type":true`), nil, ""},
		{"exp string", answer(`"active":true,"exp":"1700000000"`), nil, ""},
		{"exp out of range", answer(`"active":true,"exp":1e300`), nil, ""},
		{"iat string", answer(`"active":true,"iat":"x"`), nil, ""},
		{"nbf boolean", answer(`"active":true,"nbf":false`), nil, ""},
		{"sub number", answer(`"active":true,"sub":1`), nil, ""},
		{"aud number", answer(`"active":true,"aud":1`), nil, ""},
		{"aud of numbers", answer(`"active":true,"aud":["a",1]`), nil, ""},
		{"iss array", answer(`"active":true,"iss":["a"]`), nil, ""},
		{"jti number", answer(`"active":true,"jti":7`), nil, ""},
		{"jti object", answer(`"active":true,"jti":{}`), nil, ""},
		{"details object", answer(`"active":true,"authorization_details":{}`), nil, ""},
		{"details of strings", answer(`"active":true,"authorization_details":["a"]`), nil, ""},
		{"details without type", answer(`"active":true,"authorization_details":[{}]`), nil, ""},
		{"cnf string", answer(`"active":true,"cnf":"jkt"`), ErrResponse, "cnf"},
		{"cnf array", answer(`"active":true,"cnf":[{}]`), ErrResponse, "cnf"},
		{"jkt empty", answer(`"active":true,"cnf":{"jkt":""}`), ErrResponse, "jkt"},
		{"x5t empty", answer(`"active":true,"cnf":{"x5t#S256":""}`), ErrResponse, "x5t#S256"},
		{"jkt number", answer(`"active":true,"cnf":{"jkt":1}`), ErrResponse, "jkt"},
		{"x5t object", answer(`"active":true,"cnf":{"x5t#S256":{}}`), ErrResponse, "x5t#S256"},
		// Of some servers: nothing said by null, a scope that is an array.
		{"nulls", answer(`"active":true,"sub":null,"exp":null,"scope":null,"aud":null,"cnf":null,"authorization_details":null`), nil, ""},
		{"scope array", answer(`"active":true,"scope":["a"]`), nil, ""},
		{"exp with a fraction", answer(`"active":true,"exp":1.7e9`), nil, ""},
		// What the answer says is the caller's to judge.
		{"expired long ago, of another server, for another client", answer(`"active":true,"exp":1,"iss":"https://x.example","aud":"x","client_id":"x"`), nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i, err := s.introspect(t, s.introspector(t, nil), tt.answer)
			if tt.kind != nil {
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if i.Raw() != "" {
				t.Error("a plain answer has a JWT")
			}
		})
	}
}

// Keycloak 26.7 says inactive to a client that is not in the aud of the token, which
// nobody would look for.
func TestIntrospectInactiveSaysWhy(t *testing.T) {
	s := newUnitServer()
	_, err := s.introspect(t, s.introspector(t, nil), unitAnswer{mediaType: mediaJSON, body: `{"active":false}`})
	if wantError(t, err, ErrInactive, "active"); !strings.Contains(err.Error(), "this client") || !strings.Contains(err.Error(), "in the aud") {
		t.Errorf("error %v", err)
	}
}

// Nothing was learned about a token whose answer was malformed: it must not
// look like one that is not active.
func TestIntrospectInactiveIsNotMalformed(t *testing.T) {
	s := newUnitServer()
	for _, body := range []string{`{}`, `{"active":"false"}`, `{"active":0}`, `x`} {
		if _, err := s.introspect(t, s.introspector(t, nil), unitAnswer{mediaType: mediaJSON, body: body}); errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestIntrospectMembers(t *testing.T) {
	const inner = `{"active":true,"scope":"a b","client_id":"c","username":"u","token_type":"DPoP","exp":1700000100.5,"iat":1700000001,"nbf":1700000002,` +
		`"sub":"alice","aud":["r","s"],"iss":"https://as.example","jti":"j","cnf":{"jkt":"K","x5t#S256":"X"},"authorization_details":[{"type":"pay","locations":["a"],"actions":["a"],"datatypes":["a"],"privileges":["a"],"x":1}],"more":{"n":1}}`
	s := newUnitServer()
	signed := introspectionClaims(map[string]any{"token_introspection": json.RawMessage(inner)})
	token := s.sign(t, "token-introspection+jwt", signed)
	for name, a := range map[string]unitAnswer{"JSON": {mediaType: mediaJSON, body: inner}, "JWT": introspectionJWTAnswer(" " + token + "\r\n")} {
		t.Run(name, func(t *testing.T) {
			i, err := s.introspect(t, s.introspector(t, func(c *Config) { c.Server.IntrospectionSigningAlgValuesSupported = []Algorithm{ES256} }), a)
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf(
				"%q %s %s %s %d %d %d %s %q %s %s %s %s",
				i.Scope(),
				i.ClientID(),
				i.Username(),
				i.TokenType(),
				i.Expiry().
					UnixMilli(),
				i.IssuedAt().Unix(),
				i.NotBefore().Unix(),
				i.Subject(),
				i.Audience(),
				i.Issuer(),
				i.ID(),
				i.KeyThumbprint(),
				i.CertificateThumbprint(),
			)
			if want := `["a" "b"] c u DPoP 1700000100500 1700000001 1700000002 alice ["r" "s"] https://as.example j K X`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if d := i.AuthorizationDetails(); len(d) != 1 || d[0].Type != "pay" || string(d[0].Extra["x"]) != "1" {
				t.Errorf("details %v", d)
			}
			if (i.Raw() == token) != (name == "JWT") {
				t.Errorf("JWT %q", i.Raw())
			}
			var claims struct {
				Active bool
				More   struct{ N int }
			}
			if err := i.Claims(&claims); err != nil || !claims.Active || claims.More.N != 1 {
				t.Errorf("claims %v, %v", claims, err)
			}
			wantError(t, i.Claims(new(struct{ Sub int })), ErrClaim, "")
			// It is immutable.
			before := unitJSON(t, i.AuthorizationDetails())
			d := i.AuthorizationDetails()
			i.Scope()[0], i.Audience()[0] = "x", "x"
			for _, field := range [...][]string{d[0].Locations, d[0].Actions, d[0].DataTypes, d[0].Privileges} {
				field[0] = "x"
			}
			d[0].Type, d[0].Extra["x"] = "x", json.RawMessage("2")
			if after := unitJSON(t, i.AuthorizationDetails()); i.Scope()[0] != "a" || i.Audience()[0] != "r" || after != before {
				t.Errorf("what an accessor gave out is a part of it: %s", after)
			}
		})
	}
}

func TestIntrospectClaimsFolding(t *testing.T) {
	s := newUnitServer()
	i, err := s.introspect(t, s.introspector(t, nil), unitAnswer{mediaType: mediaJSON, body: `{"active":true,"sub":"alice","SUB":"mallory"}`})
	if err != nil {
		t.Fatal(err)
	}
	if i.Subject() != "alice" {
		t.Errorf("subject %q", i.Subject())
	}
	err = i.Claims(new(struct{ Sub string }))
	wantError(t, err, ErrClaim, "")
	if !strings.Contains(err.Error(), "introspection") {
		t.Errorf("the error names no operation: %v", err)
	}
}

func TestIntrospectJWT(t *testing.T) {
	s := newUnitServer()
	const typ = "token-introspection+jwt"
	type m = map[string]any
	jwt := func(change m) unitAnswer { return introspectionJWTAnswer(s.sign(t, typ, introspectionClaims(change))) }
	typed := func(typ string) unitAnswer {
		return introspectionJWTAnswer(s.sign(t, typ, introspectionClaims(nil)))
	}
	listed := func(algs ...Algorithm) func(*Config) {
		return func(c *Config) { c.Server.IntrospectionSigningAlgValuesSupported = algs }
	}
	untyped, err := s.key.signCompact([]byte(`{"alg":"ES256","kid":"`+s.key.kid+`"}`), []byte(unitJSON(t, introspectionClaims(nil))))
	if err != nil {
		t.Fatal(err)
	}
	other, err := GenerateSigningKey(ES256)
	if err != nil {
		t.Fatal(err)
	}
	other.kid = s.key.kid
	forged, err := other.SignJWT(typ, introspectionClaims(nil))
	if err != nil {
		t.Fatal(err)
	}
	good := jwt(nil)
	good.mediaType = "Application/Token-Introspection+JWT; charset=utf-8"
	tests := []struct {
		name   string
		config func(*Config) // nil: the metadata sets ES256
		answer unitAnswer
		kind   error
		param  string
	}{
		{name: "good", answer: jwt(nil)},
		{name: "media type with parameters", answer: good},
		{name: "typ in full", answer: typed("application/Token-Introspection+JWT")},
		{name: "several audiences", answer: jwt(m{"aud": []string{"x", unitClient}})},
		{name: "JSON", answer: unitAnswer{mediaType: mediaJSON, body: `{"active":true}`}, kind: ErrResponse, param: "Content-Type"},
		{name: "JSON, inactive", answer: unitAnswer{mediaType: mediaJSON, body: `{"active":false}`}, kind: ErrInactive, param: "active"},
		{name: "JSON, active is no boolean", answer: unitAnswer{mediaType: mediaJSON, body: `{"active":"true"}`}, kind: ErrResponse, param: "active"},
		{name: "JSON without a type", answer: unitAnswer{body: `{"active":true}`}, kind: ErrResponse, param: "Content-Type"},
		{
			name:   "JWT as application/jwt",
			answer: unitAnswer{mediaType: mediaJWT, body: s.sign(t, typ, introspectionClaims(nil))},
		},
		{name: "JSON under the media type of the JWT", answer: introspectionJWTAnswer(`{"active":true}`), kind: ErrParse},
		{
			name:   "error under the media type of the JWT",
			answer: unitAnswer{status: 400, mediaType: mediaIntrospectionJWT, body: `{"error":"e"}`},
			kind:   ErrRefused,
		},
		{name: "forged", answer: introspectionJWTAnswer(forged), kind: ErrSignature},
		{name: "encrypted", answer: introspectionJWTAnswer("a.b.c.d.e"), kind: ErrUnsupported},
		{name: "empty", answer: introspectionJWTAnswer(""), kind: ErrParse},

		{name: "no typ", answer: introspectionJWTAnswer(untyped), kind: ErrType, param: "typ"},
		{name: "typ JWT", answer: typed("JWT"), kind: ErrType, param: "typ"},
		{name: "typ at+jwt", answer: typed("at+jwt"), kind: ErrType, param: "typ"},
		{name: "typ logout+jwt", answer: typed("logout+jwt"), kind: ErrType, param: "typ"},
		{name: "typ dpop+jwt", answer: typed("dpop+jwt"), kind: ErrType, param: "typ"},
		{name: "typ secevent+jwt", answer: typed("secevent+jwt"), kind: ErrType, param: "typ"},
		{name: "typ oauth-authz-req+jwt", answer: typed("oauth-authz-req+jwt"), kind: ErrType, param: "typ"},
		{name: "typ with a letter that only Unicode takes for another", answer: typed("token-intro\u017fpection+jwt"), kind: ErrType, param: "typ"},
		{name: "typ with a space", answer: typed(typ + " "), kind: ErrType, param: "typ"},
		{name: "an ID token", answer: introspectionJWTAnswer(s.sign(t, "", unitClaims(nil))), kind: ErrType, param: "typ"},
		{name: "a logout token", answer: introspectionJWTAnswer(s.sign(t, "logout+jwt", logoutClaims(nil))), kind: ErrType, param: "typ"},

		{name: "iss missing", answer: jwt(m{"iss": unitRemoved}), kind: ErrClaim, param: "iss"},
		{name: "iss of another", answer: jwt(m{"iss": "https://x.example"}), kind: ErrIssuer, param: "iss"},
		{name: "iss with a slash", answer: jwt(m{"iss": unitIssuer + "/"}), kind: ErrIssuer, param: "iss"},
		{name: "iss array", answer: jwt(m{"iss": []string{unitIssuer}}), kind: ErrClaim, param: "iss"},
		{name: "iss null", answer: jwt(m{"iss": nil}), kind: ErrClaim, param: "iss"},
		{name: "aud missing", answer: jwt(m{"aud": unitRemoved}), kind: ErrClaim, param: "aud"},
		{name: "aud of another", answer: jwt(m{"aud": "x"}), kind: ErrAudience, param: "aud"},
		{name: "aud of others", answer: jwt(m{"aud": []string{"x", "y"}}), kind: ErrAudience, param: "aud"},
		{name: "aud none", answer: jwt(m{"aud": []string{}}), kind: ErrClaim, param: "aud"},
		{name: "aud with an empty one", answer: jwt(m{"aud": []string{unitClient, ""}}), kind: ErrClaim, param: "aud"},
		{name: "aud number", answer: jwt(m{"aud": 1}), kind: ErrClaim, param: "aud"},
		{name: "aud object", answer: jwt(m{"aud": m{unitClient: 1}}), kind: ErrClaim, param: "aud"},
		{name: "aud null", answer: jwt(m{"aud": nil}), kind: ErrClaim, param: "aud"},
		{name: "iat missing", answer: jwt(m{"iat": unitRemoved}), kind: ErrClaim, param: "iat"},
		{name: "iat missing, with exp", answer: jwt(m{"iat": unitRemoved, "exp": unitTime + 60}), kind: ErrClaim, param: "iat"},
		{name: "iat string", answer: jwt(m{"iat": "1700000000"}), kind: ErrClaim, param: "iat"},
		{name: "iat null", answer: jwt(m{"iat": nil}), kind: ErrClaim, param: "iat"},
		{name: "iat ahead", answer: jwt(m{"iat": unitTime + 600})},
		{name: "iat too far ahead", answer: jwt(m{"iat": unitTime + 601}), kind: ErrNotYetValid, param: "iat"},
		{name: "nbf ahead", answer: jwt(m{"nbf": unitTime + 31}), kind: ErrNotYetValid, param: "nbf"},
		{name: "exp", answer: jwt(m{"exp": unitTime - 29})},
		{name: "exp past", answer: jwt(m{"exp": unitTime - 30}), kind: ErrExpired, param: "exp"},
		{name: "exp string", answer: jwt(m{"exp": "1"}), kind: ErrClaim, param: "exp"},
		{name: "exp and iat too far ahead", answer: jwt(m{"exp": unitTime + 9999, "iat": unitTime + 601}), kind: ErrNotYetValid, param: "iat"},
		{name: "introspection missing", answer: jwt(m{"token_introspection": unitRemoved}), kind: ErrClaim, param: "token_introspection"},
		{
			name:   "introspection missing, active beside",
			answer: jwt(m{"token_introspection": unitRemoved, "active": true}),
			kind:   ErrClaim,
			param:  "token_introspection",
		},
		{name: "introspection null", answer: jwt(m{"token_introspection": nil}), kind: ErrClaim, param: "token_introspection"},
		{name: "introspection string", answer: jwt(m{"token_introspection": `{"active":true}`}), kind: ErrClaim, param: "token_introspection"},
		{name: "introspection array", answer: jwt(m{"token_introspection": []any{m{"active": true}}}), kind: ErrClaim, param: "token_introspection"},
		{name: "introspection empty", answer: jwt(m{"token_introspection": m{}}), kind: ErrClaim, param: "active"},
		{name: "active beside", answer: jwt(m{"token_introspection": m{}, "active": true}), kind: ErrClaim, param: "active"},
		{name: "inactive", answer: jwt(m{"token_introspection": m{"active": false}, "active": true}), kind: ErrInactive, param: "active"},
		{name: "active string", answer: jwt(m{"token_introspection": m{"active": "true"}}), kind: ErrClaim, param: "active"},
		{name: "active null", answer: jwt(m{"token_introspection": m{"active": nil}}), kind: ErrClaim, param: "active"},
		{name: "member of another type", answer: jwt(m{"token_introspection": m{"active": true, "sub": "alice", "exp": "1"}})},
		{name: "cnf of another type", answer: jwt(m{"token_introspection": m{"active": true, "cnf": 1}}), kind: ErrClaim, param: "cnf"},

		{name: "alg by default", config: func(*Config) {}, answer: jwt(nil), kind: ErrAlgorithm, param: "alg"},
		{name: "alg in the list", config: listed(RS256, ES256), answer: jwt(nil)},
		{name: "alg not in the list", config: listed(RS256, ES384), answer: jwt(nil), kind: ErrAlgorithm, param: "alg"},
		{name: "empty list", config: listed([]Algorithm{}...), answer: jwt(nil), kind: ErrAlgorithm, param: "Server.IntrospectionSigningAlgValuesSupported"},
		{
			name:   "list of nothing we verify",
			config: listed("HS256", "none"),
			answer: jwt(nil),
			kind:   ErrAlgorithm,
			param:  "Server.IntrospectionSigningAlgValuesSupported",
		},
		{name: "metadata over the list", config: func(c *Config) { signedIntrospection(c); listed(RS256)(c) }, answer: jwt(nil)},
		{
			name:   "metadata against the list",
			config: func(c *Config) { c.Metadata.IntrospectionSignedResponseAlg = ES384; listed(ES256)(c) },
			answer: jwt(nil),
			kind:   ErrAlgorithm,
			param:  "alg",
		},
		{
			name:   "algorithm of ID tokens",
			config: func(c *Config) { c.Metadata.IDTokenSignedResponseAlg = ES256 },
			answer: jwt(nil),
			kind:   ErrAlgorithm,
			param:  "alg",
		},
		{name: "no keys", config: func(c *Config) { signedIntrospection(c); c.Server.JWKSURI = "" }, answer: jwt(nil), kind: ErrConfig, param: "jwks_uri"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.config == nil {
				tt.config = signedIntrospection
			}
			i, err := s.introspect(t, s.introspector(t, tt.config), tt.answer)
			if tt.kind != nil {
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil || i.Subject() != "alice" || i.Raw() != tt.answer.body {
				t.Errorf("%v, %v", i, err)
			}
		})
	}
	_, err = s.introspect(t, s.introspector(t, signedIntrospection), introspectionJWTAnswer(must(jwsKey(RS256, "r").SignJWT(typ, introspectionClaims(nil)))))
	wantError(t, err, ErrAlgorithm, "alg")
	plain := s.introspector(t, func(c *Config) { c.Metadata.IntrospectionSignedResponseAlg = plainJSON })
	if i, err := s.introspect(t, plain, unitAnswer{mediaType: mediaJSON, body: `{"active":true,"sub":"alice"}`}); err != nil || i.Subject() != "alice" {
		t.Errorf("registered for answers in plain JSON: %v, %v", i, err)
	}
}

// Without a word about the algorithm it is RS256 (RFC 9701, Section 4).
func TestIntrospectJWTDefaultAlgorithm(t *testing.T) {
	s := newUnitServer()
	key := jwsKey(RS256, "")
	c := s.introspector(t, func(c *Config) { c.KeySet = jwsKeys(key) })
	i, err := s.introspect(t, c, introspectionJWTAnswer(must(key.SignJWT("token-introspection+jwt", introspectionClaims(nil)))))
	if err != nil || i.Subject() != "alice" {
		t.Errorf("%v, %v", i, err)
	}
}

// Of a template the tenant is decided by AcceptIssuer here too.
func TestIntrospectJWTTenant(t *testing.T) {
	const tid = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	s := newUnitServer()
	for _, accept := range []bool{true, false} {
		c := s.introspector(t, func(c *Config) {
			tenants("https://login.example/{tenantid}/v2", accept)(c)
			signedIntrospection(c)
		})
		claims := introspectionClaims(map[string]any{"iss": "https://login.example/" + tid + "/v2", "tid": tid})
		_, err := s.introspect(t, c, introspectionJWTAnswer(s.sign(t, "token-introspection+jwt", claims)))
		if accept && err != nil || !accept && !errors.Is(err, ErrIssuer) {
			t.Errorf("accepted %v: %v", accept, err)
		}
	}
}

func TestIntrospectRequest(t *testing.T) {
	s := newUnitServer()
	s.answer(introspectionPath, `{"active":true}`)
	for _, tt := range []struct {
		name   string
		opts   *EndpointOptions
		config func(*Config)
		form   url.Values
		accept string
		header [2]string
	}{
		{name: "plain", accept: mediaJSON},
		{name: "zero options", opts: &EndpointOptions{}, accept: mediaJSON},
		{name: "hint", opts: &EndpointOptions{TokenTypeHint: "refresh_token"}, form: url.Values{"token_type_hint": {"refresh_token"}}, accept: mediaJSON},
		{name: "parameters", opts: &EndpointOptions{Params: url.Values{"resource": {"a", "b"}}}, form: url.Values{"resource": {"a", "b"}}, accept: mediaJSON},
		{name: "header", opts: &EndpointOptions{Header: http.Header{"x-request": {"1"}}}, accept: mediaJSON, header: [2]string{"x-request", "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := s.introspector(t, tt.config).Introspect(context.Background(), "at", tt.opts); err != nil {
				t.Fatal(err)
			}
			list := s.requests(introspectionPath)
			r := list[len(list)-1]
			want := url.Values{"token": {"at"}, "client_id": {unitClient}, "client_secret": {"the-client-secret"}}
			for name, values := range tt.form {
				want[name] = values
			}
			if r.form.Encode() != want.Encode() || r.header.Get("Accept") != tt.accept || r.header.Get("Content-Type") != mediaForm {
				t.Errorf("form %v, header %v", r.form, r.header)
			}
			if name := tt.header[0]; name != "" && !slices.Equal(r.header[name], tt.header[1:]) {
				t.Errorf("header %v", r.header)
			}
		})
	}
	s.set(introspectionPath, introspectionJWTAnswer(s.sign(t, "token-introspection+jwt", introspectionClaims(nil))))
	if _, err := s.introspector(t, signedIntrospection).Introspect(context.Background(), "at", nil); err != nil {
		t.Fatal(err)
	}
	list := s.requests(introspectionPath)
	if got := list[len(list)-1].header.Get("Accept"); got != mediaIntrospectionJWT {
		t.Errorf("Accept %q", got)
	}
}

// TestEndpointOptionsErrors: what cannot be asked, of either endpoint, before a
// request is made.
func TestEndpointOptionsErrors(t *testing.T) {
	s := newUnitServer()
	usual := func(c *Config) {
		c.Server.IntrospectionEndpoint, c.Server.RevocationEndpoint = unitIssuer+introspectionPath, unitIssuer+"/revoke"
	}
	type test struct {
		name, token string
		opts        *EndpointOptions
		config      func(*Config)
		kind        error
		param       string // "": the endpoint's member
	}
	tests := []test{
		{name: "empty token", opts: &EndpointOptions{}, kind: ErrConfig, param: "token"},
		{name: "empty token, no options", kind: ErrConfig, param: "token"},
		{name: "no endpoint", token: "at", config: func(c *Config) { c.Server.IntrospectionEndpoint, c.Server.RevocationEndpoint = "", "" }, kind: ErrConfig},
		{name: "http", token: "at", config: func(c *Config) {
			c.Server.IntrospectionEndpoint, c.Server.RevocationEndpoint = "http://op.example/i", "http://op.example/r"
		}, kind: ErrInsecureURL},
		{name: "no authentication", token: "at", config: func(c *Config) { c.Auth = nil }, kind: ErrConfig, param: "Auth"},
		{name: "name of a field", token: "at", opts: &EndpointOptions{Header: http.Header{"a b": {"1"}}}, kind: ErrConfig, param: "Header"},
		{name: "empty name of a field", token: "at", opts: &EndpointOptions{Header: http.Header{"": {"1"}}}, kind: ErrConfig, param: "Header"},
		// Its lowest byte is a letter.
		{name: "name of a field beyond ASCII", token: "at", opts: &EndpointOptions{Header: http.Header{"\u0161": {"1"}}}, kind: ErrConfig, param: "Header"},
	}
	for _, name := range []string{"token", "token_type_hint", "client_id", "client_secret", "client_assertion", "client_assertion_type"} {
		tests = append(
			tests,
			test{name: "parameter " + name, token: "at", opts: &EndpointOptions{Params: url.Values{name: {"x"}}}, kind: ErrConfig, param: "Params"},
		)
	}
	for _, name := range reservedHeaders {
		for _, name := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			tests = append(
				tests,
				test{name: "field " + name, token: "at", opts: &EndpointOptions{Header: http.Header{name: {"x"}}}, kind: ErrConfig, param: "Header"},
			)
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := s.client(t, func(c *Config) {
				usual(c)
				if tt.config != nil {
					tt.config(c)
				}
			})
			for member, call := range map[string]func() error{
				"introspection_endpoint": func() error {
					i, err := c.Introspect(context.Background(), tt.token, tt.opts)
					if i != nil {
						t.Error("a result came with the error")
					}
					return err
				},
				"revocation_endpoint": func() error { return c.Revoke(context.Background(), tt.token, tt.opts) },
			} {
				param := tt.param
				if param == "" {
					param = member
				}
				wantError(t, call(), tt.kind, param)
			}
			if n := len(s.requests("")); n != 0 {
				t.Errorf("%d requests were made", n)
			}
		})
	}
}

// The options are the caller's, and are not changed.
func TestEndpointOptionsStay(t *testing.T) {
	s := newUnitServer()
	s.answer(introspectionPath, `{"active":true}`)
	opts := &EndpointOptions{TokenTypeHint: "access_token", Params: url.Values{"a": {"b"}}, Header: http.Header{"X-A": {"b"}}}
	c := s.introspector(t, func(c *Config) { c.Auth = ClientSecretBasic("the-client-secret") })
	for range 2 {
		if _, err := c.Introspect(context.Background(), "at", opts); err != nil {
			t.Fatal(err)
		}
	}
	if len(opts.Params) != 1 || len(opts.Header) != 1 {
		t.Errorf("they became %v", opts)
	}
}

func TestIntrospectionMTLSAlias(t *testing.T) {
	s := newUnitServer()
	s.answer("/mtls/introspect", `{"active":true}`)
	s.set("/mtls/revoke", unitAnswer{})
	c := s.introspector(t, func(c *Config) {
		c.Metadata.UseMTLSEndpointAliases = true
		c.Server.RevocationEndpoint = unitIssuer + "/revoke"
		c.Server.MTLSEndpointAliases = &MTLSEndpointAliases{
			IntrospectionEndpoint: unitIssuer + "/mtls/introspect",
			RevocationEndpoint:    unitIssuer + "/mtls/revoke",
		}
	})
	if _, err := c.Introspect(context.Background(), "at", nil); err != nil {
		t.Error(err)
	}
	if err := c.Revoke(context.Background(), "at", nil); err != nil {
		t.Error(err)
	}
}

func TestIntrospectionZero(t *testing.T) {
	var i Introspection
	if i.Scope() != nil || i.ClientID() != "" || i.Username() != "" || i.TokenType() != "" || !i.Expiry().IsZero() || !i.IssuedAt().IsZero() ||
		!i.NotBefore().IsZero() || i.Subject() != "" || i.Audience() != nil || i.Issuer() != "" || i.ID() != "" ||
		i.AuthorizationDetails() != nil || i.KeyThumbprint() != "" || i.CertificateThumbprint() != "" || i.Raw() != "" {
		t.Error("the zero Introspection says something")
	}
	if err := i.Claims(new(map[string]any)); !errors.Is(err, ErrClaim) {
		t.Errorf("claims: %v", err)
	}
}

// The token that is asked about is in no error.
func TestIntrospectErrorsQuoteNothing(t *testing.T) {
	s := newUnitServer()
	s.set(introspectionPath, unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"invalid_request","token":"` + secretMarker + `"}`})
	for _, c := range []*Client{
		s.introspector(t, nil),
		s.introspector(t, func(c *Config) { c.Server.IntrospectionEndpoint = "http://op.example" }),
		s.introspector(t, func(c *Config) { c.Clock = Clock{Now: time.Now}; c.Server.IntrospectionEndpoint = unitIssuer + "/404" }),
	} {
		_, err := c.Introspect(context.Background(), secretMarker, &EndpointOptions{Params: url.Values{"a": {secretMarker}}})
		if err == nil {
			t.Fatal("no error")
		}
		secretLook(t, err, secretMarker)
	}
}
