package oauth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// logoutClaims are those of a good logout token.
func logoutClaims(change map[string]any) map[string]any {
	claims := unitClaims(map[string]any{
		"jti": "jti-1", "sid": "session-1", "events": map[string]any{logoutEvent: map[string]any{}},
	})
	for name, v := range change {
		if claims[name] = v; v == unitRemoved {
			delete(claims, name)
		}
	}
	return claims
}

// ---- RP-initiated

func logoutHint(hint string) *Token {
	t := unitToken("alice")
	t.clientID, t.login.issuer, t.login.raw = unitClient, unitIssuer, hint
	return t
}

func TestEndSessionURL(t *testing.T) {
	s := newUnitServer()
	restored := new(Token)
	if err := restored.UnmarshalBinary(must(logoutHint("a.b.c").MarshalBinary())); err != nil {
		t.Fatal(err)
	}
	ofServer, ofClient := logoutHint("a.b.c"), logoutHint("a.b.c")
	ofServer.server, ofClient.clientID = "https://x.example", "x"
	const back = "https://app.example/bye"
	endpoint := func(url string) func(*Config) { return func(c *Config) { c.Server.EndSessionEndpoint = url } }
	insecure := func(c *Config) { c.InsecureAllowHTTP = true }
	type v = url.Values
	tests := []struct {
		name   string
		e      EndSessionRequest
		config func(*Config)
		want   string // "": the endpoint and the client_id
		kind   error
		param  string
	}{
		{name: "zero"},
		{name: "token", e: EndSessionRequest{Token: logoutHint("a.b.c")}, want: "?client_id=client-1&id_token_hint=a.b.c"},
		{name: "restored token", e: EndSessionRequest{Token: restored}, want: "?client_id=client-1&id_token_hint=a.b.c"},
		{name: "everything", e: EndSessionRequest{
			Token: logoutHint("a.b.c"), LogoutHint: "alice@example.com", PostLogoutRedirectURI: back + "?a=b&c", State: "s&t",
			UILocales: []string{"de-CH", "en"}, Params: v{"x": {"1", "2"}},
		}, want: "?client_id=client-1&id_token_hint=a.b.c&logout_hint=alice%40example.com" +
			"&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye%3Fa%3Db%26c&state=s%26t&ui_locales=de-CH+en&x=1&x=2"},
		{
			name: "app's own scheme",
			e:    EndSessionRequest{PostLogoutRedirectURI: "com.example.app:/bye"},
			want: "?client_id=client-1&post_logout_redirect_uri=com.example.app%3A%2Fbye",
		},
		{
			name: "loopback",
			e:    EndSessionRequest{PostLogoutRedirectURI: "http://127.0.0.1:8080/bye"},
			want: "?client_id=client-1&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fbye",
		},
		{
			name: "loopback, IPv6",
			e:    EndSessionRequest{PostLogoutRedirectURI: "http://[::1]/bye"},
			want: "?client_id=client-1&post_logout_redirect_uri=http%3A%2F%2F%5B%3A%3A1%5D%2Fbye",
		},
		{
			name:   "http, allowed",
			e:      EndSessionRequest{PostLogoutRedirectURI: "http://app.example/"},
			config: insecure,
			want:   "?client_id=client-1&post_logout_redirect_uri=http%3A%2F%2Fapp.example%2F",
		},
		{name: "endpoint with a query", config: endpoint(unitIssuer + "/end?p=a%20b&q"), want: "?p=a%20b&q&client_id=client-1"},
		{name: "an alias is for no browser", config: func(c *Config) {
			c.Metadata.UseMTLSEndpointAliases = true
			c.Server.MTLSEndpointAliases = &MTLSEndpointAliases{TokenEndpoint: "https://mtls.example/token"}
		}},

		{
			name:  "token without an ID token",
			e:     EndSessionRequest{Token: &Token{AccessToken: NewSecret("at"), server: unitIssuer}},
			kind:  ErrConfig,
			param: "Token",
		},
		{name: "empty token", e: EndSessionRequest{Token: &Token{}}, kind: ErrConfig, param: "Token"},
		{name: "token of another server", e: EndSessionRequest{Token: ofServer}, kind: ErrConfig, param: "Token"},
		{name: "token of another client", e: EndSessionRequest{Token: ofClient}, kind: ErrConfig, param: "Token"},
		{name: "state alone", e: EndSessionRequest{State: "s"}, kind: ErrConfig, param: "State"},
		{name: "http", e: EndSessionRequest{PostLogoutRedirectURI: "http://app.example/"}, kind: ErrInsecureURL, param: "PostLogoutRedirectURI"},
		{
			name:  "http, begins as loopback",
			e:     EndSessionRequest{PostLogoutRedirectURI: "http://127.0.0.1.attacker.example/"},
			kind:  ErrInsecureURL,
			param: "PostLogoutRedirectURI",
		},
		{
			name:  "http, loopback as user",
			e:     EndSessionRequest{PostLogoutRedirectURI: "http://localhost@attacker.example/"},
			kind:  ErrInsecureURL,
			param: "PostLogoutRedirectURI",
		},
		{name: "fragment", e: EndSessionRequest{PostLogoutRedirectURI: back + "#"}, kind: ErrConfig, param: "PostLogoutRedirectURI"},
		{name: "relative", e: EndSessionRequest{PostLogoutRedirectURI: "/bye"}, kind: ErrConfig, param: "PostLogoutRedirectURI"},
		{name: "without a scheme", e: EndSessionRequest{PostLogoutRedirectURI: "//app.example/bye"}, kind: ErrConfig, param: "PostLogoutRedirectURI"},
		{name: "no host", e: EndSessionRequest{PostLogoutRedirectURI: "https:///bye"}, kind: ErrConfig, param: "PostLogoutRedirectURI"},
		{name: "opaque", e: EndSessionRequest{PostLogoutRedirectURI: "https:bye"}, kind: ErrConfig, param: "PostLogoutRedirectURI"},
		{
			name:   "javascript",
			e:      EndSessionRequest{PostLogoutRedirectURI: "JavaScript:alert(1)"},
			config: insecure,
			kind:   ErrInsecureURL,
			param:  "PostLogoutRedirectURI",
		},
		{name: "data", e: EndSessionRequest{PostLogoutRedirectURI: "data:text/html,x"}, kind: ErrInsecureURL, param: "PostLogoutRedirectURI"},
		{name: "no endpoint", config: endpoint(""), kind: ErrConfig, param: "end_session_endpoint"},
		{name: "http endpoint", config: endpoint("http://op.example/end"), kind: ErrInsecureURL, param: "end_session_endpoint"},
		{
			name:   "javascript endpoint",
			config: func(c *Config) { insecure(c); endpoint("javascript:alert(1)")(c) },
			kind:   ErrConfig,
			param:  "end_session_endpoint",
		},
		{name: "endpoint with a fragment", config: endpoint(unitIssuer + "/end#x"), kind: ErrConfig, param: "end_session_endpoint"},
		{name: "endpoint with the client in it", config: endpoint(unitIssuer + "/end?client_id=x"), kind: ErrConfig, param: "end_session_endpoint"},
		{
			name:   "endpoint with a hint in it",
			e:      EndSessionRequest{Token: logoutHint("a.b.c")},
			config: endpoint(unitIssuer + "/end?id_token_hint="),
			kind:   ErrConfig,
			param:  "end_session_endpoint",
		},
		{name: "endpoint with a query that cannot be read", config: endpoint(unitIssuer + "/end?a=%zz"), kind: ErrConfig, param: "end_session_endpoint"},
		{name: "endpoint with a semicolon in its query", config: endpoint(unitIssuer + "/end?a=b;c"), kind: ErrConfig, param: "end_session_endpoint"},
	}
	for _, name := range []string{"client_id", "id_token_hint", "logout_hint", "post_logout_redirect_uri", "state", "ui_locales"} {
		tests = append(tests, struct {
			name   string
			e      EndSessionRequest
			config func(*Config)
			want   string
			kind   error
			param  string
		}{name: "parameter " + name, e: EndSessionRequest{Params: v{name: {"x"}}}, kind: ErrConfig, param: "Params"})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := s.client(t, func(c *Config) {
				endpoint(unitIssuer + "/end")(c)
				if tt.config != nil {
					tt.config(c)
				}
			})
			got, err := c.EndSessionURL(&tt.e)
			if tt.kind != nil {
				if got != "" {
					t.Errorf("%s with the error", got)
				}
				wantError(t, err, tt.kind, tt.param)
				return
			}
			want := unitIssuer + "/end" + tt.want
			if tt.want == "" {
				want += "?client_id=" + unitClient
			}
			if err != nil || got != want {
				t.Errorf("got\n%s, %v, want\n%s", got, err, want)
			}
		})
	}
	if n := len(s.requests("")); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// The hint is in the URL, where the specification puts it, and in no error.
func TestEndSessionErrorsQuoteNothing(t *testing.T) {
	c := newUnitServer().client(t, func(c *Config) { c.Server.EndSessionEndpoint = unitIssuer + "/end?state=" })
	for _, e := range []EndSessionRequest{
		{Token: logoutHint(secretMarker), Params: url.Values{"state": {secretMarker}}},
		{Token: logoutHint(secretMarker), State: secretMarker, PostLogoutRedirectURI: "https://app.example/"},
		{LogoutHint: secretMarker, State: secretMarker},
	} {
		_, err := c.EndSessionURL(&e)
		wantError(t, err, ErrConfig, "")
		secretLook(t, err, secretMarker)
	}
}

// ---- the logout token

func TestVerifyLogoutToken(t *testing.T) {
	s := newUnitServer()
	type m = map[string]any
	token := func(change m) string { return s.sign(t, "logout+jwt", logoutClaims(change)) }
	typed := func(typ string, change m) string { return s.sign(t, typ, logoutClaims(change)) }
	events := func(v any) m { return m{"events": v} }
	untyped := must(s.key.signCompact([]byte(`{"alg":"ES256","kid":"`+s.key.kid+`"}`), []byte(unitJSON(t, logoutClaims(nil)))))
	twice := func(member string) string {
		text := unitJSON(t, logoutClaims(nil))
		return must(s.key.signCompact(append(appendHeader(nil, ES256, "logout+jwt", s.key.kid), '}'), []byte("{"+member+","+text[1:])))
	}
	other := must(GenerateSigningKey(ES256))
	other.kid = s.key.kid
	good := token(nil)
	tests := []struct {
		name, token string
		config      func(*Config)
		kind        error
		param       string
	}{
		{name: "good", token: good},
		{name: "typ in full", token: typed("application/LOGOUT+jwt", nil)},
		{name: "typ JWT (Keycloak)", token: typed("JWT", nil)},
		{name: "no typ (Okta)", token: untyped},
		{name: "sub alone", token: token(m{"sid": unitRemoved})},
		{name: "sid alone", token: token(m{"sub": unitRemoved})},
		{name: "several audiences", token: token(m{"aud": []string{"x", unitClient}})},
		{name: "further events", token: token(events(m{logoutEvent: m{"x": 1}, "urn:x": 1}))},
		{name: "unknown claim", token: token(m{"trace_id": 1})},

		{name: "forged", token: must(other.SignJWT("logout+jwt", logoutClaims(nil))), kind: ErrSignature},
		{
			name: "another payload",
			token: good[:strings.IndexByte(good, '.')] + "." + encodeBase64URL(
				[]byte(unitJSON(t, logoutClaims(m{"sub": "bob"}))),
			) + good[strings.LastIndexByte(good, '.'):],
			kind: ErrSignature,
		},
		{name: "another algorithm", token: must(jwsKey(RS256, "r").SignJWT("logout+jwt", logoutClaims(nil))), kind: ErrAlgorithm, param: "alg"},
		{
			name:   "algorithm of ID tokens",
			token:  good,
			config: func(c *Config) { c.Metadata.IDTokenSignedResponseAlg = RS256 },
			kind:   ErrAlgorithm,
			param:  "alg",
		},
		{
			name:  "none",
			token: encodeBase64URL([]byte(`{"alg":"none","typ":"logout+jwt"}`)) + "." + encodeBase64URL([]byte(unitJSON(t, logoutClaims(nil)))) + ".",
			kind:  ErrAlgorithm,
			param: "alg",
		},
		{name: "empty", kind: ErrParse},
		{name: "not a token", token: "x", kind: ErrParse},
		{name: "encrypted", token: "a.b.c.d.e", kind: ErrUnsupported},
		{name: "line break", token: good + "\n", kind: ErrParse},
		{name: "no keys", token: good, config: func(c *Config) { c.Server.JWKSURI = "" }, kind: ErrConfig, param: "jwks_uri"},

		{name: "iss missing", token: token(m{"iss": unitRemoved}), kind: ErrClaim, param: "iss"},
		{name: "iss of another", token: token(m{"iss": "https://x.example"}), kind: ErrIssuer, param: "iss"},
		{name: "iss with a slash", token: token(m{"iss": unitIssuer + "/"}), kind: ErrIssuer, param: "iss"},
		{name: "iss number", token: token(m{"iss": 1}), kind: ErrClaim, param: "iss"},
		{name: "iss empty", token: token(m{"iss": ""}), kind: ErrClaim, param: "iss"},
		{name: "aud missing", token: token(m{"aud": unitRemoved}), kind: ErrClaim, param: "aud"},
		{name: "aud of another", token: token(m{"aud": "x"}), kind: ErrAudience, param: "aud"},
		{name: "aud in another case", token: token(m{"aud": strings.ToUpper(unitClient)}), kind: ErrAudience, param: "aud"},
		{name: "aud empty list", token: token(m{"aud": []string{}}), kind: ErrClaim, param: "aud"},
		{name: "aud with an empty one", token: token(m{"aud": []string{unitClient, ""}}), kind: ErrClaim, param: "aud"},
		{name: "aud number", token: token(m{"aud": 1}), kind: ErrClaim, param: "aud"},
		{name: "aud with a number", token: token(m{"aud": []any{unitClient, 1}}), kind: ErrClaim, param: "aud"},
		{name: "aud null", token: token(m{"aud": nil}), kind: ErrClaim, param: "aud"},
		{name: "jti missing", token: token(m{"jti": unitRemoved}), kind: ErrClaim, param: "jti"},
		{name: "jti empty", token: token(m{"jti": ""}), kind: ErrClaim, param: "jti"},
		{name: "jti number", token: token(m{"jti": 1}), kind: ErrClaim, param: "jti"},
		{name: "jti null", token: token(m{"jti": nil}), kind: ErrClaim, param: "jti"},
		{name: "jti twice", token: twice(`"jti":"x"`), kind: ErrParse},
		{name: "jti twice, escaped", token: twice(`"\u006ati":"x"`), kind: ErrParse},
		{name: "jti in capitals", token: token(m{"jti": unitRemoved, "JTI": "x"}), kind: ErrClaim, param: "jti"},
		{name: "sub and sid missing", token: token(m{"sub": unitRemoved, "sid": unitRemoved}), kind: ErrClaim, param: "sub"},
		{name: "sub empty", token: token(m{"sub": ""}), kind: ErrClaim, param: "sub"},
		{name: "sub null", token: token(m{"sub": nil})},
		{name: "sub and sid null", token: token(m{"sub": nil, "sid": nil}), kind: ErrClaim, param: "sub"},
		{name: "sub number", token: token(m{"sub": 1}), kind: ErrClaim, param: "sub"},
		{name: "sid empty", token: token(m{"sid": ""}), kind: ErrClaim, param: "sid"},
		{name: "sid null", token: token(m{"sid": nil})},
		{name: "sid array", token: token(m{"sid": []string{"session-1"}}), kind: ErrClaim, param: "sid"},
		{name: "nonce", token: token(m{"nonce": "n"}), kind: ErrNonce, param: "nonce"},
		{name: "nonce empty", token: token(m{"nonce": ""}), kind: ErrNonce, param: "nonce"},
		{name: "nonce null", token: token(m{"nonce": nil})},
		{name: "nonce number", token: token(m{"nonce": 1}), kind: ErrNonce, param: "nonce"},
		{name: "events missing", token: token(events(unitRemoved)), kind: ErrType, param: "events"},
		{name: "events null", token: token(events(nil)), kind: ErrType, param: "events"},
		{name: "events string", token: token(events(logoutEvent)), kind: ErrClaim, param: "events"},
		{name: "events array", token: token(events([]string{logoutEvent})), kind: ErrClaim, param: "events"},
		{name: "events empty", token: token(events(m{})), kind: ErrType, param: "events"},
		{
			name:  "another event",
			token: token(events(m{"https://schemas.openid.net/secevent/risc/event-type/account-disabled": m{}})),
			kind:  ErrType,
			param: "events",
		},
		{name: "event with https", token: token(events(m{strings.Replace(logoutEvent, "http:", "https:", 1): m{}})), kind: ErrType, param: "events"},
		{name: "event true", token: token(events(m{logoutEvent: true})), kind: ErrClaim, param: logoutEvent},
		{name: "event null", token: token(events(m{logoutEvent: nil})), kind: ErrType, param: "events"},
		{name: "event array", token: token(events(m{logoutEvent: []any{}})), kind: ErrClaim, param: logoutEvent},

		// Times. The tolerance is 30 s, the age an hour.
		{name: "exp missing", token: token(m{"exp": unitRemoved})},
		{name: "exp missing, an hour old", token: token(m{"exp": unitRemoved, "iat": unitTime - 3630})},
		{name: "exp missing, more than an hour old", token: token(m{"exp": unitRemoved, "iat": unitTime - 3631}), kind: ErrExpired, param: "iat"},
		{name: "exp missing, not yet valid", token: token(m{"exp": unitRemoved, "nbf": unitTime + 31}), kind: ErrNotYetValid, param: "nbf"},
		{name: "exp string", token: token(m{"exp": "1800000000"}), kind: ErrClaim, param: "exp"},
		{name: "exp null", token: token(m{"exp": nil})},
		{name: "exp within the tolerance", token: token(m{"exp": unitTime - 29})},
		{name: "exp past", token: token(m{"exp": unitTime - 30}), kind: ErrExpired, param: "exp"},
		{name: "iat missing", token: token(m{"iat": unitRemoved}), kind: ErrClaim, param: "iat"},
		{name: "iat string", token: token(m{"iat": "1700000000"}), kind: ErrClaim, param: "iat"},
		{name: "iat null", token: token(m{"iat": nil}), kind: ErrClaim, param: "iat"},
		{name: "iat an hour ago", token: token(m{"iat": unitTime - 3630})},
		{name: "iat longer ago", token: token(m{"iat": unitTime - 3631}), kind: ErrExpired, param: "iat"},
		{name: "iat longer ago, exp ahead", token: token(m{"iat": unitTime - 3631, "exp": unitTime + 1e6}), kind: ErrExpired, param: "iat"},
		{name: "iat ahead", token: token(m{"iat": unitTime + 600})},
		{name: "iat too far ahead", token: token(m{"iat": unitTime + 601, "exp": unitTime + 900}), kind: ErrNotYetValid, param: "iat"},
		{name: "nbf ahead", token: token(m{"nbf": unitTime + 31}), kind: ErrNotYetValid, param: "nbf"},
		{name: "nbf string", token: token(m{"nbf": "1"}), kind: ErrClaim, param: "nbf"},

		// The other tokens of the same server and, for one with a lax server, of
		// others that hold its key.
		{name: "an ID token", token: s.sign(t, "JWT", unitClaims(m{"nonce": "n", "sid": "session-1"})), kind: ErrClaim, param: "jti"},
		{name: "an ID token with a jti", token: s.sign(t, "JWT", unitClaims(m{"jti": "j"})), kind: ErrType, param: "events"},
		{name: "an access token", token: typed("at+jwt", m{"client_id": unitClient}), kind: ErrType, param: "typ"},
		{
			name:  "an access token without its type",
			token: s.sign(t, "JWT", unitClaims(m{"jti": "j", "client_id": unitClient, "scope": "a"})),
			kind:  ErrType,
			param: "events",
		},
		{
			name:  "an authorization response",
			token: s.sign(t, "JWT", m{"iss": unitIssuer, "aud": unitClient, "exp": unitTime + 60, "code": "c", "state": "s"}),
			kind:  ErrClaim,
			param: "iat",
		},
		{name: "user info", token: s.sign(t, "JWT", m{"iss": unitIssuer, "aud": unitClient, "sub": "alice"}), kind: ErrClaim, param: "iat"},
		{name: "an introspection response", token: s.sign(t, "token-introspection+jwt", introspectionClaims(nil)), kind: ErrType, param: "typ"},
		{name: "a DPoP proof", token: s.sign(t, "dpop+jwt", m{"jti": "j", "htm": "POST", "htu": unitIssuer, "iat": unitTime}), kind: ErrType, param: "typ"},
		{name: "a request object", token: typed("oauth-authz-req+jwt", nil), kind: ErrType, param: "typ"},
		{name: "a security event", token: typed("secevent+jwt", nil), kind: ErrType, param: "typ"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.client(t, tt.config).VerifyLogoutToken(context.Background(), tt.token)
			if tt.kind != nil {
				if got != nil {
					t.Error("a token came with the error")
				}
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil || got.Issuer() != unitIssuer || got.ID() != "jti-1" {
				t.Fatalf("%v, %v", got, err)
			}
			sub, sid := "alice", "session-1"
			if tt.name == "sid alone" || tt.name == "sub null" {
				sub = ""
			}
			if tt.name == "sub alone" || tt.name == "sid null" {
				sid = ""
			}
			if got.Subject() != sub || got.SessionID() != sid {
				t.Errorf("subject %q, session %q", got.Subject(), got.SessionID())
			}
			if tt.name == "good" && !got.IssuedAt().Equal(unitNow()) {
				t.Errorf("issued at %v", got.IssuedAt())
			}
		})
	}
}

// A logout token is no ID token, whatever its type.
func TestLogoutTokenIsNoIDToken(t *testing.T) {
	s := newUnitServer()
	for _, typ := range []string{"logout+jwt", "JWT"} {
		_, err := s.client(t, nil).VerifyIDToken(context.Background(), s.sign(t, typ, logoutClaims(nil)), VerifyIDTokenOptions{})
		wantError(t, err, ErrType, "")
	}
}

func TestVerifyLogoutTokenTenant(t *testing.T) {
	const tid = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	s := newUnitServer()
	for _, accept := range []bool{true, false} {
		c := s.client(t, tenants("https://login.example/{tenantid}/v2", accept))
		token := s.sign(t, "logout+jwt", logoutClaims(map[string]any{"iss": "https://login.example/" + tid + "/v2", "tid": tid}))
		got, err := c.VerifyLogoutToken(context.Background(), token)
		if !accept {
			wantError(t, err, ErrIssuer, "iss")
		} else if err != nil || got.Issuer() != "https://login.example/"+tid+"/v2" {
			t.Errorf("%v, %v", got, err)
		}
	}
}

func TestLogoutTokenZero(t *testing.T) {
	var z LogoutToken
	if z.Issuer() != "" || z.Subject() != "" || z.SessionID() != "" || z.ID() != "" || !z.IssuedAt().IsZero() || fmt.Sprint(z) != `LogoutToken("" "")` {
		t.Errorf("the zero LogoutToken says something: %v", z)
	}
}

// ---- front-channel

func TestFrontchannelLogout(t *testing.T) {
	s := newUnitServer()
	required := func(c *Config) { c.Metadata.FrontchannelLogoutSessionRequired = true }
	const iss = "iss=https%3A%2F%2Fop.example"
	for _, tt := range []struct {
		name, method, query, want string
		config                    func(*Config)
		kind                      error
		param                     string
	}{
		{name: "both", query: iss + "&sid=a%2Bb", want: "a+b"},
		{name: "both, and more", query: iss + "&sid=a&x=1&x=2", want: "a"},
		{name: "both, required", query: iss + "&sid=a", config: required, want: "a"},
		{name: "none"},
		{name: "none, required", config: required, kind: ErrClaim, param: "sid"},
		{name: "empty, required", query: "iss=&sid=", config: required, kind: ErrClaim, param: "sid"},
		{name: "iss alone", query: iss, kind: ErrClaim, param: "sid"},
		{name: "sid alone", query: "sid=a", kind: ErrClaim, param: "sid"},
		{name: "iss empty", query: "iss=&sid=a", kind: ErrClaim, param: "sid"},
		{name: "sid empty", query: iss + "&sid=", kind: ErrClaim, param: "sid"},
		{name: "iss of another", query: "iss=https://x.example&sid=a", kind: ErrIssuer, param: "iss"},
		{name: "iss with a slash", query: iss + "%2F&sid=a", kind: ErrIssuer, param: "iss"},
		{name: "iss twice", query: iss + "&iss=x&sid=a", kind: ErrParse, param: "iss"},
		{name: "sid twice", query: iss + "&sid=a&sid=a", kind: ErrParse, param: "sid"},
		{name: "sid in capitals", query: iss + "&SID=a", kind: ErrClaim, param: "sid"},
		{name: "percent that is no escape", query: iss + "&sid=%zz", want: "%zz"},
		{name: "percent among plus signs", query: iss + "&sid=100%+x", want: "100%+x"},
		{name: "percent at the end", query: iss + "&sid=a%", want: "a%"},
		{name: "percent in another parameter", query: iss + "&x=%&sid=a", want: "a"},
		{name: "percent in a name", query: iss + "&%=x&sid=a", want: "a"},
		{name: "semicolon in sid", query: iss + "&sid=a;b", want: "a;b"},
		{name: "semicolon that would hide another sid", query: iss + "&sid=a;sid=b", want: "a;sid=b"},
		{name: "semicolons for &", query: iss + ";sid=a", kind: ErrClaim, param: "sid"},
		{name: "iss as it is", query: "iss=https://op.example&sid=a", want: "a"},
		{name: "sid twice, once with a percent", query: iss + "&sid=a&sid=%", kind: ErrParse, param: "sid"},
		{name: "POST", method: http.MethodPost, query: iss + "&sid=a", kind: ErrParse},
		{name: "HEAD", method: http.MethodHead, query: iss + "&sid=a", kind: ErrParse},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "https://app.example/logout?"+tt.query, nil)
			if tt.method != "" {
				r.Method = tt.method
			}
			sid, err := s.client(t, tt.config).ParseFrontchannelLogout(r)
			if tt.kind != nil {
				if sid != "" {
					t.Errorf("session %q with the error", sid)
				}
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil || sid != tt.want {
				t.Errorf("%q, %v", sid, err)
			}
		})
	}
	for name, r := range map[string]*http.Request{"nil": nil, "zero": {}, "without a URL": {Method: http.MethodGet}} {
		_, err := s.client(t, nil).ParseFrontchannelLogout(r)
		if wantError(t, err, ErrConfig, ""); err == nil {
			t.Error(name)
		}
	}
}

// TestFrontchannelLogoutMethod: methods have a case.
func TestFrontchannelLogoutMethod(t *testing.T) {
	s := newUnitServer()
	for _, method := range []string{"get", "POST", "HEAD"} {
		_, err := s.client(t, nil).ParseFrontchannelLogout(&http.Request{Method: method, URL: &url.URL{Path: "/logout"}})
		wantError(t, err, ErrParse, "")
	}
}
