package oauth

// Tests of opaque tokens at the resource server.

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// opaqueServer asks the unit server about tokens; change as in resource.
func (s *unitServer) opaqueServer(t testing.TB, change func(*ResourceServerConfig)) *ResourceServer {
	t.Helper()
	return s.resource(t, func(c *ResourceServerConfig) {
		c.Introspect = s.introspector(t, nil)
		if change != nil {
			change(c)
		}
	})
}

func TestOpaque(t *testing.T) {
	s := newUnitServer()
	rs := s.opaqueServer(t, nil)
	for _, tt := range []struct {
		name, members string
		kind          error
		param         string
	}{
		{"nothing but active", `"active":true`, nil, ""},
		{"all", fmt.Sprintf(`"active":true,"iss":%q,"aud":[%q,"x"],"sub":"alice","client_id":"app","scope":"read write","exp":%d,"iat":%d,"nbf":%d,"token_type":"Bearer","jti":"1","acr":"gold","auth_time":%d`,
			unitIssuer, unitResource, unitTime+1, unitTime, unitTime, unitTime), nil, ""},
		{"token_type in lower case", `"active":true,"token_type":"bearer"`, nil, ""},
		{"Keycloak", `"active":true,"typ":"Bearer"`, nil, ""},
		{"Hydra", `"active":true,"token_use":"access_token"`, nil, ""},
		{"null members", `"active":true,"exp":null,"aud":null,"acr":null`, nil, ""},
		{"expired within tolerance", fmt.Sprintf(`"active":true,"exp":%d`, unitTime-29), nil, ""},

		{"inactive", `"active":false`, ErrInactive, "active"},
		{"another audience", `"active":true,"aud":"https://other.example"`, ErrAudience, "aud"},
		{"the audience in other case", fmt.Sprintf(`"active":true,"aud":%q`, strings.ToUpper(unitResource)), ErrAudience, "aud"},
		{"the issuer in other case", `"active":true,"iss":"https://OP.example"`, ErrIssuer, "iss"},
		{"empty audience", `"active":true,"aud":[]`, ErrAudience, "aud"},
		{"another issuer", `"active":true,"iss":"https://other.example"`, ErrIssuer, "iss"},
		{"expired", fmt.Sprintf(`"active":true,"exp":%d`, unitTime-30), ErrExpired, "exp"},
		{"not yet", fmt.Sprintf(`"active":true,"nbf":%d`, unitTime+31), ErrNotYetValid, "nbf"},
		{"issued later", fmt.Sprintf(`"active":true,"iat":%d`, unitTime+601), ErrNotYetValid, "iat"},
		{"a refresh token", `"active":true,"token_type":"refresh_token"`, ErrTokenType, "token_type"},
		{"a refresh token of Keycloak", `"active":true,"typ":"Refresh"`, ErrType, "typ"},
		{"an offline token of Keycloak", `"active":true,"typ":"Offline"`, ErrType, "typ"},
		{"an ID token of Keycloak", `"active":true,"typ":"ID"`, ErrType, "typ"},
		{"a refresh token of Hydra", `"active":true,"token_use":"refresh_token"`, ErrType, "token_use"},
		{"not yet, and issued now", fmt.Sprintf(`"active":true,"iat":%d,"nbf":%d`, unitTime, unitTime+31), ErrNotYetValid, "nbf"},
		{"an iss that is none", `"active":true,"iss":1`, ErrUnavailable, "Introspect"},
		{"a sub that is none", `"active":true,"sub":["alice"],"client_id":1`, nil, ""},
		{"a token_type of Hydra before 1.9", `"active":true,"token_type":"access_token"`, nil, ""},
		{"and a refresh token there", `"active":true,"token_type":"access_token","token_use":"refresh_token"`, ErrType, "token_use"},
		{"and one that is bound there", `"active":true,"token_type":"access_token","cnf":{"jkt":"x"}`, ErrBinding, "cnf"},
		{"the type of another kind", `"active":true,"token_type":"id_token"`, ErrTokenType, "token_type"},
		{"a token_type in part", `"active":true,"token_type":"access_tokens"`, ErrTokenType, "token_type"},
		{"a token_type that is none", `"active":true,"token_type":1`, ErrUnavailable, "Introspect"},
		{"a scope that is none", `"active":true,"scope":1`, ErrUnavailable, "Introspect"},
		{"an aud that is none", `"active":true,"aud":1`, ErrUnavailable, "Introspect"},
		{"a cnf that is none", `"active":true,"cnf":1`, ErrUnavailable, "Introspect"},
		{"a jkt that is none", `"active":true,"cnf":{"jkt":1}`, ErrUnavailable, "Introspect"},
		{"unknown cnf", `"active":true,"cnf":{}`, ErrBinding, "cnf"},
		{"bound", `"active":true,"cnf":{"jkt":"x"}`, ErrBinding, "cnf"},
		{"bound to a certificate", `"active":true,"cnf":{"x5t#S256":"x"}`, ErrBinding, "cnf"},
		{"acr a number", `"active":true,"acr":1,"auth_time":"long ago"`, nil, ""},
		{"exp a string", `"active":true,"exp":"1"`, ErrResponse, "exp"},
		{"expired in the year 1", `"active":true,"exp":-62135596800`, ErrExpired, "exp"},
		{"bound, and not said to what", `"active":true,"token_type":"DPoP"`, ErrBinding, "cnf"},
		{"bound, and not said to what, in other case", `"active":true,"token_type":"dPoP"`, ErrBinding, "cnf"},
		{"scopes without a space", `"active":true,"scope":"read\u00a0write"`, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.answer(introspectionPath, "{"+tt.members+"}")
			rs.inquiries = newInquiries()
			token, err := authenticate(t, rs, bearer("opaque~token"))
			if tt.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				if token.Issuer() != unitIssuer || token.Raw().Reveal() != "opaque~token" {
					t.Error(token.Issuer())
				}
				if tt.name == "scopes without a space" && token.HasScope("write") {
					t.Errorf("%q", token.Scope())
				}
				if tt.name == "all" && (token.Subject() != "alice" || token.ClientID() != "app" || !token.HasScope("write") || token.ID() != "1" ||
					token.ACR() != "gold" || !token.AuthTime().Equal(unitNow()) || !token.Expiry().Equal(unitNow().Add(time.Second)) || len(token.Audience()) != 2) {
					t.Errorf("%+v", *token.content)
				}
				return
			}
			if tt.kind == ErrResponse { // what the server says cannot be read: nothing is known of the token
				tt.kind = ErrUnavailable
				tt.param = "Introspect"
			}
			wantError(t, err, tt.kind, tt.param)
		})
	}
	// A token that is bound comes with its proof.
	key := proofKeyOf(t, ES256)
	for _, typ := range []string{"DPoP", "dpop", "Bearer"} {
		s.answer(introspectionPath, fmt.Sprintf(`{"active":true,"token_type":%q,"cnf":{"jkt":%q}}`, typ, key.Thumbprint()))
		if _, err := authenticate(t, rs, provenRequestOf("opaque~token", signProof(t, key, nil, proofClaims("opaque~token", nil)))); err != nil {
			t.Errorf("bound, of type %s: %v", typ, err)
		}
	}
	requests := s.requests(introspectionPath)
	if form := requests[0].form; form.Get("token") != "opaque~token" || form.Get("token_type_hint") != "access_token" {
		t.Error(form)
	}
}

// TestOpaqueUnavailable: a server that cannot be asked, or does not answer as it
// should, says nothing of the token.
func TestOpaqueUnavailable(t *testing.T) {
	s := newUnitServer()
	rs := s.opaqueServer(t, func(c *ResourceServerConfig) { c.Introspect = s.introspector(t, signedIntrospection) })
	forged := introspectionJWTAnswer(s.sign(t, "token-introspection+jwt", introspectionClaims(map[string]any{"iss": "https://other.example"})))
	for name, a := range map[string]unitAnswer{
		"down":             {status: http.StatusBadGateway},
		"refused":          {status: http.StatusUnauthorized, mediaType: mediaJSON, body: `{"error":"invalid_client"}`},
		"not signed":       {mediaType: mediaJSON, body: `{"active":true}`},
		"another issuer's": forged,
		"not JSON":         {mediaType: mediaIntrospectionJWT, body: "x"},
	} {
		s.set(introspectionPath, a)
		_, err := authenticate(t, rs, bearer("opaque"))
		wantError(t, err, ErrUnavailable, "Introspect")
		if errors.Is(err, ErrInvalid) {
			t.Errorf("%s: it counts as a bad token: %v", name, err)
		}
		if status, code, h := codeOf(rs, err); status != http.StatusServiceUnavailable || h.Get("Retry-After") != "5" || code != "temporarily_unavailable" {
			t.Errorf("%s: %d %s", name, status, code)
		}
	}
	// RFC 7009, Section 2.2.1: the client chose the token, and would have the API
	// answer 503.
	s.set(introspectionPath, unitAnswer{status: http.StatusBadRequest, mediaType: mediaJSON, body: `{"error":"unsupported_token_type"}`})
	_, err := authenticate(t, rs, bearer("other-type"))
	wantError(t, err, ErrInactive, "active")
	inactive := introspectionClaims(map[string]any{"token_introspection": map[string]any{"active": false}})
	s.set(introspectionPath, introspectionJWTAnswer(s.sign(t, "token-introspection+jwt", inactive)))
	_, err = authenticate(t, rs, bearer("inactive"))
	wantError(t, err, ErrInactive, "active")
	s.set(introspectionPath, introspectionJWTAnswer(s.sign(t, "token-introspection+jwt", introspectionClaims(nil))))
	if token, err := authenticate(t, rs, bearer("opaque")); err != nil || token.Subject() != "alice" {
		t.Error(token, err)
	}
}

// TestOpaqueTenant: a server for many tenants has to say whose a token is.
func TestOpaqueTenant(t *testing.T) {
	const tenant = "11111111-2222-3333-4444-555555555555"
	accepted := true
	s := newUnitServer()
	rs := s.opaqueServer(t, func(c *ResourceServerConfig) {
		c.IntrospectionTTL = time.Minute
		c.Introspect = s.introspector(t, func(c *Config) {
			c.Server.Issuer = "https://op.example/{tenantid}"
			c.AcceptIssuer = func(_, tid string) bool { return accepted && tid == tenant }
		})
	})
	for members, kind := range map[string]error{
		`"sub":"mallory"`:                           ErrClaim,
		`"sub":"mallory","tid":"` + tenant + `"`:    ErrClaim,
		`"iss":"https://op.example/` + tenant + `"`: ErrClaim,
		`"iss":"https://op.example/99999999-2222-3333-4444-555555555555","tid":"99999999-2222-3333-4444-555555555555"`: ErrIssuer,
	} {
		s.answer(introspectionPath, `{"active":true,`+members+`}`)
		_, err := authenticate(t, rs, bearer("opaque"))
		wantError(t, err, kind, "")
	}
	s.answer(introspectionPath, `{"active":true,"iss":"https://op.example/`+tenant+`","tid":"`+tenant+`"}`)
	if token, err := authenticate(t, rs, bearer("opaque")); err != nil || token.Issuer() != "https://op.example/"+tenant {
		t.Fatal(token, err)
	}
	accepted = false // also of an answer that is remembered
	_, err := authenticate(t, rs, bearer("opaque"))
	wantError(t, err, ErrIssuer, "iss")
}

// TestOpaqueSecret: what the server says may have the token in it.
func TestOpaqueSecret(t *testing.T) {
	s := newUnitServer()
	s.set(introspectionPath, unitAnswer{
		status: http.StatusBadRequest, mediaType: mediaJSON, header: http.Header{"X-Token": {"0paque"}},
		body: `{"error":"invalid_request","error_description":"0paque is no token","error_uri":"https://op.example/0paque"}`,
	})
	_, err := authenticate(t, s.opaqueServer(t, nil), bearer("0paque"))
	wantError(t, err, ErrUnavailable, "Introspect")
	var refused *ResponseError
	if !errors.As(err, &refused) || refused.Code != "invalid_request" || refused.StatusCode != 400 || refused.Op != opIntrospection {
		t.Errorf("%v does not say what the server answered", err)
	}
	if text := fmt.Sprintf("%v %s %v %v %v", err, refused.Body, refused.Header, refused.Description, refused.URI); strings.Contains(text, "0paque") {
		t.Error(text)
	}
}

// TestOpaqueOrJWT: what is a JWT is verified, and never sent anywhere.
func TestOpaqueOrJWT(t *testing.T) {
	s := newUnitServer()
	s.answer(introspectionPath, `{"active":true}`)
	rs := s.opaqueServer(t, nil)
	header := func(h string) string { return encodeBase64URL([]byte(h)) }
	good := s.accessToken(t, nil)
	for _, tt := range []struct {
		name, token string
		asked       bool
	}{
		{"good", good, false},
		{"bad signature", good[:len(good)-4] + "AAAA", false},
		{"expired", s.accessToken(t, map[string]any{"exp": unitTime - 100}), false},
		{"ID token", s.sign(t, "JWT", unitClaims(nil)), false},
		{"crit", header(`{"alg":"ES256","crit":["x"]}`) + ".e30.AA", false},
		{"duplicate alg", header(`{"alg":"ES256","alg":"ES256"}`) + ".e30.AA", false},
		{"long header", header(`{"alg":"ES256","x":"`+strings.Repeat("x", maxHeader)+`"}`) + ".e30.AA", false},
		{"long header, other order", header("{\n\"x\":\""+strings.Repeat("x", maxHeader)+`"}`) + ".e30.AA", false},
		{"white space", header("\n {\"alg\":\"ES256\"}") + ".e30.AA", false},
		{"padding", header(`{"alg":"ES256","typ":"x"}`) + "==.e30.AA", false},
		{"white space as long as it may be", header(strings.Repeat(" ", 47)+`{"alg":"ES256"}`) + ".e30.AA", false},
		{"white space and nothing in sight", header(strings.Repeat("\t", 48)+`{"alg":"ES256"}`) + ".e30.AA", true},
		{"an object behind something else", header(`x{"alg":"ES256"}`) + ".e30.AA", true},
		{"an object behind a tilde", header(`~{"alg":"ES256"}`) + ".e30.AA", true},
		{"a tilde for padding", "eyJhbGc~.e30.AA", true},
		{"no alg", header(`{"typ":"x"}`) + ".e30.AA", true},
		{"PASETO", "v4.public.AAAA", true},
		{"two dots", "a~b.c.d", true},
		{"JWE", header(`{"alg":"dir"}`) + ".a.b.c.d", true},
		{"opaque", "opaque", true},
		{"too long", strings.Repeat("a", maxToken+1), false},
	} {
		n := len(s.requests(introspectionPath))
		_, err := rs.Authenticate(bearer(tt.token))
		if asked := len(s.requests(introspectionPath)) > n; asked != tt.asked || tt.asked && err != nil {
			t.Errorf("%s: asked %v, %v", tt.name, asked, err)
		}
	}
	// Where nothing is verified the server is asked about every token.
	only := s.opaqueServer(t, func(c *ResourceServerConfig) { c.Servers = nil })
	n := len(s.requests(introspectionPath))
	if _, err := only.Authenticate(bearer(good)); err != nil || len(s.requests(introspectionPath)) != n+1 {
		t.Error(err)
	}
}

// TestIntrospectionPanics: a panic about an error that says inactive says nothing of the
// token. It is no refusal, and is not remembered as one.
func TestIntrospectionPanics(t *testing.T) {
	s := newUnitServer()
	s.answer(introspectionPath, `{"active":true}`)
	panics := true
	rs := s.opaqueServer(t, func(c *ResourceServerConfig) {
		c.Introspect = s.introspector(t, func(c *Config) {
			c.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
				if panics {
					panic(fail(ErrInactive, "", "the token of this client"))
				}
				return s.RoundTrip(r)
			}).client()
		})
	})
	_, err := authenticate(t, rs, bearer("a"))
	if wantError(t, err, ErrUnavailable, ""); !errors.Is(err, ErrInactive) {
		t.Error(err)
	}
	if status, _, _ := codeOf(rs, err); status != http.StatusServiceUnavailable {
		t.Error(status)
	}
	panics = false
	if _, err := authenticate(t, rs, bearer("a")); err != nil {
		t.Error(err)
	}
}

// TestIntrospectionTTL: an answer counts for its time, and not beyond the token's.
func TestIntrospectionTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		rs := s.opaqueServer(t, func(c *ResourceServerConfig) {
			c.Clock, c.IntrospectionTTL = Clock{Tolerance: -1}, time.Minute
		})
		expiry := time.Now().Add(70 * time.Second)
		answer := fmt.Sprintf(`{"active":true,"exp":%d,"scope":"read"}`, expiry.Unix())
		s.answer(introspectionPath, answer)
		asked := func(token string, want int) {
			t.Helper()
			if _, err := rs.Authenticate(bearer(token)); err != nil {
				t.Error(err)
			}
			if n := len(s.requests(introspectionPath)); n != want {
				t.Errorf("asked %d times, want %d", n, want)
			}
		}
		asked("a", 1)
		asked("a", 1)
		asked("b", 2)
		time.Sleep(time.Minute - 1)
		asked("a", 2)
		time.Sleep(time.Nanosecond)
		asked("a", 3)
		time.Sleep(10 * time.Second)
		_, err := authenticate(t, rs, bearer("a"))
		wantError(t, err, ErrExpired, "exp")
		if n := len(s.requests(introspectionPath)); n != 3 {
			t.Errorf("asked about an expired token: %d", n)
		}
		// What was refused is remembered for a second, of this token alone.
		s.answer(introspectionPath, `{"active":false}`)
		if _, err := rs.Authenticate(bearer("c")); !errors.Is(err, ErrInactive) {
			t.Error(err)
		}
		s.answer(introspectionPath, `{"active":true}`)
		time.Sleep(time.Second - 1)
		if _, err := rs.Authenticate(bearer("c")); !errors.Is(err, ErrInactive) {
			t.Error(err)
		}
		asked("d", 5)
		time.Sleep(time.Nanosecond)
		asked("c", 6)
	})
}

// TestIntrospectionTTLSlow: the time begins with the question. What is revoked while
// the answer is under way would else count for longer.
func TestIntrospectionTTLSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		slow := httpFunc(func(r *http.Request) (*http.Response, error) {
			res, err := s.RoundTrip(r)
			time.Sleep(5 * time.Second)
			return res, err
		})
		rs := s.opaqueServer(t, func(c *ResourceServerConfig) {
			c.Clock, c.IntrospectionTTL = Clock{}, time.Minute
			c.Introspect = s.introspector(t, func(c *Config) { c.HTTPClient = slow.client() })
		})
		s.answer(introspectionPath, `{"active":true}`)
		for i, wait := range []time.Duration{0, 55*time.Second - 1, 1} {
			time.Sleep(wait)
			if _, err := rs.Authenticate(bearer("a")); err != nil {
				t.Error(err)
			}
			if n, want := len(s.requests(introspectionPath)), 1+i/2; n != want {
				t.Errorf("%d: asked %d times, want %d", i, n, want)
			}
		}
	})
}

// TestOpaqueQuoted: an answer that quotes the token does not bring it into the error.
func TestOpaqueQuoted(t *testing.T) {
	const token = "opaque-token-0123456789"
	for name, body := range map[string]string{
		"iss": `{"active":true,"iss":"` + token + `"}`, "token_type": `{"active":true,"token_type":"` + token + `"}`,
		"aud":     `{"active":true,"aud":"` + token + `"}`,
		"details": `{"active":true,"authorization_details":[{"type":"x","` + token + `":1,"` + token + `":2}]}`,
	} {
		s := newUnitServer()
		rs := s.resource(t, func(cfg *ResourceServerConfig) { cfg.Introspect = s.introspector(t, nil) })
		s.set("/introspect", unitAnswer{mediaType: mediaJSON, body: body})
		if _, err := authenticate(t, rs, bearer(token)); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOnlyAccessToken: what a server says of its other tokens, in any case of letters.
func TestOnlyAccessToken(t *testing.T) {
	for _, name := range []string{"typ", "token_use"} {
		for kind, refused := range map[string]bool{
			"refresh": true, "refresh_token": true, "offline": true, "id": true, "id_token": true,
			"bearer": false, "dpop": false, "access": false, "access_token": false, "": false, "idtoken": false,
		} {
			for _, kind := range []string{kind, strings.ToUpper(kind)} {
				o, err := parseObject(fmt.Sprintf(`{%q:%q}`, name, kind), answerForm, ErrClaim)
				if err != nil {
					t.Fatal(err)
				}
				if err := onlyAccessToken(&o, ""); refused {
					wantError(t, err, ErrType, name)
				} else if err != nil {
					t.Errorf("%s %s: %v", name, kind, err)
				}
			}
		}
	}
	for typ, ok := range map[string]bool{"": true, "Bearer": true, "BEARER": true, "DPoP": true, "dpop": true, "mac": false, "Bearer ": false} {
		if err := onlyAccessToken(&jsonObject{}, typ); (err == nil) != ok {
			t.Errorf("token_type %q: %v", typ, err)
		}
	}
}

// TestOpaqueNull: a member that is null is none, also where it would say something else
// of the token.
func TestOpaqueNull(t *testing.T) {
	s := newUnitServer()
	rs := s.opaqueServer(t, nil)
	s.answer(introspectionPath, `{"active":true,"sub":"alice","events":null,"iss":null,"typ":null,"token_type":null}`)
	if got, err := rs.Authenticate(bearer("opaque")); err != nil || got.Subject() != "alice" {
		t.Error(got, err)
	}
}

// TestOpaqueAdvice: a token without a dot is taken for an opaque one, which needs Introspect.
// A JWT that is broken is not.
func TestOpaqueAdvice(t *testing.T) {
	s := newUnitServer()
	several := func(c *ResourceServerConfig) {
		c.Servers = append(c.Servers, TrustedServer{Server: &AuthorizationServer{Issuer: "https://other.example", JWKSURI: unitIssuer + "/jwks"}})
	}
	for _, change := range []func(*ResourceServerConfig){nil, several} {
		rs := s.resource(t, change)
		for token, advised := range map[string]bool{
			"2YotnFZFEjr1zCsicMWpAA": true, "a.b": false, "a.b.c": false, "a.b.c.d.e": false,
			s.accessToken(t, map[string]any{"iss": "https://x.example"}): false,
		} {
			_, err := authenticate(t, rs, bearer(token))
			if wantError(t, err, ErrInvalid, ""); strings.Contains(err.Error(), "ResourceServerConfig.Introspect") != advised {
				t.Errorf("%s: %v", token, err)
			}
		}
	}
}
