package oauth

// Tests of the way from a request to its access token.

import (
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// TestServersInOtherCase: of issuers that differ in the case of letters alone each has
// its own keys.
func TestServersInOtherCase(t *testing.T) {
	s := newUnitServer()
	other := proofKeyOf(t, ES256)
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
			_, err := authenticate(t, rs, bearer(must(key.SignJWT("at+jwt", accessClaims(map[string]any{"iss": issuer})))))
			if i == j && err != nil || i != j && !errors.Is(err, ErrInvalid) {
				t.Errorf("key %d, issuer %d: %v", i, j, err)
			}
		}
	}
	_, err := authenticate(t, rs, bearer(s.accessToken(t, map[string]any{"iss": "https://OP.example/A"})))
	wantError(t, err, ErrIssuer, "iss")
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
		"of another API": {nil, s.sign(t, "JWT", accessClaims(map[string]any{"aud": "x", "appid": "a", "scp": "b"})), `the token is for "x", not for "https://api.example"; if that is this API, too, list it in ResourceServerConfig.Audiences`},
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
