package oauth

// Tests of the way from a request to its access token.

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// TestServersInOtherCase: of issuers that differ in the case of letters alone each has
// its own keys, also where their ids are the same.
func TestServersInOtherCase(t *testing.T) {
	for _, kid := range []string{"other", newUnitServer().key.kid} {
		t.Run(kid, func(t *testing.T) { testServersInOtherCase(t, kid) })
	}
}

func testServersInOtherCase(t *testing.T, kid string) {
	s := newUnitServer()
	other := namedKey(t, kid)
	issuers := []string{"https://op.example/A", "https://op.example/a"}
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers = nil
		for i, key := range []*SigningKey{s.key, other} {
			c.Servers = append(c.Servers, TrustedServer{
				Server: &AuthorizationServer{Issuer: issuers[i]}, KeySet: must(ParseKeySet([]byte(`{"keys":[` + string(key.PublicJWK()) + `]}`))),
			})
		}
	})
	for i, key := range []*SigningKey{s.key, other} {
		for j, issuer := range issuers {
			claims := unitJSON(t, accessClaims(map[string]any{"iss": issuer}))
			for _, payload := range []string{claims, strings.ReplaceAll(claims, "/", `\/`)} { // as PHP writes it
				token := must(key.signCompact(append(appendHeader(nil, ES256, "at+jwt", key.kid), '}'), []byte(payload)))
				_, err := authenticate(t, rs, bearer(token))
				if i == j && err != nil || i != j && !errors.Is(err, ErrInvalid) {
					t.Errorf("key %d, issuer %d: %v", i, j, err)
				}
			}
		}
	}
	_, err := authenticate(t, rs, bearer(s.accessToken(t, map[string]any{"iss": "https://OP.example/A"})))
	wantError(t, err, ErrIssuer, "iss")
}

// TestHeaderBeforeIssuer: an issuer that a token names is asked about after the header was
// found to be one.
func TestHeaderBeforeIssuer(t *testing.T) {
	s := newUnitServer()
	asked := 0
	f := newFinding(t, s, func(c *ResourceServerConfig) {
		c.AllowIssuer = func(string) bool { asked++; return false }
	})
	payload := encodeBase64URL([]byte(unitJSON(t, accessClaims(map[string]any{"iss": tenantIssuers + "a"}))))
	for _, header := range []string{"", "x", `{`, `{"alg":1}`, `{"alg":"ES256","crit":["x"]}`} {
		_, err := authenticate(t, f.ResourceServer, bearer(encodeBase64URL([]byte(header))+"."+payload+".AAAA"))
		wantError(t, err, ErrInvalid, "")
	}
	if asked != 0 {
		t.Errorf("asked %d times", asked)
	}
	if authenticate(t, f.ResourceServer, bearer(encodeBase64URL([]byte(`{"alg":"ES256"}`))+"."+payload+".AAAA")); asked == 0 {
		t.Error("a good header, and nobody is asked")
	}
}

// TestOneServer: the claims of a token are not looked at before its signature.
func TestOneServer(t *testing.T) {
	s := newUnitServer()
	other := proofKeyOf(t, ES256)
	other.kid = s.key.kid
	_, err := authenticate(t, s.resource(t, nil), bearer(must(other.SignJWT("at+jwt", accessClaims(map[string]any{"iss": "https://other.example"})))))
	wantError(t, err, ErrSignature, "")
}

// TestProfileHint: a profile is named where one was left out and one fits.
func TestProfileHint(t *testing.T) {
	s := newUnitServer()
	cognito := s.signTyped(t, "-", accessClaims(map[string]any{"aud": unitRemoved, "token_use": "access"}))
	adfs := s.sign(t, "JWT", accessClaims(map[string]any{"client_id": unitRemoved, "appid": "a", "scp": "b"}))
	for name, tt := range map[string]struct {
		profile *AccessTokenProfile
		token   string
		hint    string
	}{
		"fits":           {nil, cognito, "set TrustedServer.Profile to CognitoProfile(…)"},
		"has a profile":  {KeycloakProfile(), adfs, ""},
		"none fits":      {nil, s.signTyped(t, "-", accessClaims(map[string]any{"scope": unitRemoved})), ""},
		"described":      {nil, s.signTyped(t, "-", accessClaims(nil)), `set TrustedServer.Profile to &AccessTokenProfile{Types: []string{""}, Marker: "scope"}`},
		"AD FS":          {nil, adfs, "set TrustedServer.Profile to ADFSProfile(…)"},
		"of another API": {nil, s.sign(t, "JWT", accessClaims(map[string]any{"aud": "x", "appid": "a", "scp": "b"})), `the token is for "x", not for "https://api.example": the client must ask for a token for this API; if the first is another name of it, list that in ResourceServerConfig.Audiences`},
	} {
		_, err := authenticate(t, s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].Profile = tt.profile }), bearer(tt.token))
		if wantError(t, err, ErrInvalid, ""); !strings.HasSuffix(err.Error(), tt.hint) || tt.hint == "" && strings.Contains(err.Error(), "Profile") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestClientCertificateFails: what the hook says is no fault of the token.
func TestClientCertificateFails(t *testing.T) {
	s := newUnitServer()
	cause := errors.New("the header is not one")
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.ClientCertificate = func(*http.Request) (*x509.Certificate, error) { return nil, cause }
	})
	_, err := authenticate(t, rs, bearer(s.accessToken(t, map[string]any{"cnf": map[string]any{"x5t#S256": "x"}})))
	if wantError(t, err, ErrMalformed, "ClientCertificate"); !errors.Is(err, cause) {
		t.Error(err)
	}
}

// TestSchemeOfRefusal: the error is in the challenge of the scheme that was tried, also
// where others have had the same one.
func TestSchemeOfRefusal(t *testing.T) {
	s := newUnitServer()
	s.answer(introspectionPath, `{"active":false}`)
	asking := s.opaqueServer(t, nil)
	f := newFinding(t, s, nil)
	token, _ := strings.CutPrefix(tokenFrom(tenantIssuers+"nobody", s.key).Header.Get("Authorization"), "Bearer ")
	for _, scheme := range []string{bearerScheme, dpopScheme, bearerScheme} {
		for name, way := range map[string]struct {
			rs    *ResourceServer
			token string
			kind  error
		}{"introspection": {asking, "opaque", ErrInactive}, "ServerFor": {f.ResourceServer, token, ErrIssuer}} {
			_, err := authenticate(t, way.rs, apiRequest(scheme+" "+way.token))
			wantError(t, err, way.kind, "")
			for _, challenge := range way.rs.Challenges(err) {
				if got, want := strings.Contains(challenge, "error="), strings.HasPrefix(challenge, scheme+" "); got != want {
					t.Errorf("%s as %s: %s", name, scheme, challenge)
				}
			}
		}
	}
}

// TestEmptyResourceServer: the zero ResourceServer takes nothing, and says why.
func TestEmptyResourceServer(t *testing.T) {
	s := newUnitServer()
	for name, rs := range map[string]*ResourceServer{"nil": nil, "zero": new(ResourceServer)} {
		got, err := rs.Authenticate(bearer(s.accessToken(t, nil)))
		if wantError(t, err, ErrConfig, ""); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestNoToken: what cannot be a token is asked about nowhere, and nobody decrypts it.
func TestNoToken(t *testing.T) {
	s := newUnitServer()
	s.answer(introspectionPath, `{"active":true}`)
	used := 0
	decrypting := decrypterFunc(func(context.Context, string) ([]byte, error) { used++; return nil, nil })
	rs := s.opaqueServer(t, func(c *ResourceServerConfig) { c.Decrypter = decrypting })
	for _, token := range []string{"opa\"que", "opaque\x7f", "opa,que", "a.b.c.d.e,", "a.b.c.d.\xe9", encodeBase64URL([]byte(`{"alg":"dir","enc":"A128GCM"}`)) + ".b.c,.d.e"} {
		_, err := rs.Authenticate(bearer(token))
		wantError(t, err, ErrMalformed, "Authorization")
		_, err = rs.AuthenticateCredential(t.Context(), Credential{Scheme: "Bearer", Token: token})
		wantError(t, err, ErrMalformed, "Token")
	}
	if n := len(s.requests(introspectionPath)); n+used != 0 {
		t.Errorf("%d questions, and %d decryptions", n, used)
	}
	// So it is of a JWT that was refused before its payload was decoded.
	for _, header := range []string{`{"alg":"HS256","typ":"at+jwt"}`, `{"alg":"ES256","typ":"logout+jwt"}`, `{"alg":"ES256","typ":"at+jwt","crit":["x"]}`} {
		_, err := s.resource(t, nil).Authenticate(bearer(encodeBase64URL([]byte(header)) + ".e30,.AAAA"))
		wantError(t, err, ErrMalformed, "Authorization")
	}
	if _, err := rs.Authenticate(bearer("opaque")); err != nil || len(s.requests(introspectionPath)) != 1 {
		t.Error(err)
	}
	rs.Authenticate(bearer(encodeBase64URL([]byte(`{"alg":"dir","enc":"A128GCM"}`)) + ".b.c.d.e"))
	if used != 1 {
		t.Error("what could be decrypted is not")
	}
}

type decrypterFunc func(ctx context.Context, compact string) ([]byte, error)

func (f decrypterFunc) DecryptJWE(ctx context.Context, compact string) ([]byte, error) {
	return f(ctx, compact)
}

// TestServersOfAlgorithms: what one of several servers takes is taken, whichever comes first,
// and what none takes is refused before its claims are read.
func TestServersOfAlgorithms(t *testing.T) {
	s := newUnitServer()
	algs := []Algorithm{ES256, EdDSA}
	for _, first := range []int{0, 1} {
		rs := s.resource(t, func(c *ResourceServerConfig) {
			c.Servers = nil
			for i := range 2 {
				n := (first + i) % 2
				key := must(GenerateSigningKey(algs[n]))
				if n == 0 {
					key = s.key
				}
				c.Servers = append(c.Servers, TrustedServer{
					Server: &AuthorizationServer{Issuer: []string{unitIssuer, "https://other.example"}[n]}, Algorithms: algs[n : n+1],
					KeySet: must(ParseKeySet([]byte(`{"keys":[` + string(key.PublicJWK()) + `]}`))),
				})
			}
		})
		if _, err := authenticate(t, rs, bearer(s.accessToken(t, nil))); err != nil {
			t.Errorf("first %s: %v", algs[first], err)
		}
		_, err := authenticate(t, rs, bearer(encodeBase64URL([]byte(`{"alg":"RS256","typ":"at+jwt","kid":"a"}`))+".AA.AA"))
		wantError(t, err, ErrAlgorithm, "alg")
	}
}
