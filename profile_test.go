package oauth

// Tests of the profiles. Tokens of each provider are in provider_accesstoken_test.go.

import (
	"errors"
	"strings"
	"testing"
)

// TestProfileOptional: what a profile calls optional may be missing, and nothing
// else.
func TestProfileOptional(t *testing.T) {
	s := newUnitServer()
	for _, name := range []string{"sub", "jti", "client_id", "iat"} {
		for _, optional := range []string{"sub", "jti", "client_id", "iat"} {
			rs := s.resource(t, func(c *ResourceServerConfig) {
				c.Servers[0].Profile = &AccessTokenProfile{Types: []string{"at+jwt"}, Optional: []string{optional}}
			})
			_, err := authenticate(t, rs, bearer(s.accessToken(t, map[string]any{name: unitRemoved})))
			if name != optional {
				wantError(t, err, ErrClaim, name)
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			// An empty one is not a missing one.
			if name == optional && name != "iat" {
				_, err := authenticate(t, rs, bearer(s.accessToken(t, map[string]any{name: ""})))
				wantError(t, err, ErrClaim, name)
			}
		}
	}
}

func TestProfileMarker(t *testing.T) {
	s := newUnitServer()
	for _, tt := range []struct {
		marker string
		claims map[string]any
		ok     bool
	}{
		{"use=access", map[string]any{"use": "access"}, true},
		{"use=access", map[string]any{"use": "Access"}, false},
		{"use=id|access", map[string]any{"use": "access"}, true},
		{"use=id|access", map[string]any{"use": "ACCESS"}, false},
		{"use=access", map[string]any{"use": []string{"access"}}, false},
		{"use=access", map[string]any{"use": true}, false},
		{"use=a=b", map[string]any{"use": "a=b"}, true},
		{"use=", map[string]any{"use": ""}, true},
		{"use=", map[string]any{"use": true}, false},
		{"use", map[string]any{"use": false}, true},
		{"use", map[string]any{"USE": "x"}, false},
		{"use", map[string]any{"use": nil}, false},
	} {
		rs := s.resource(t, func(c *ResourceServerConfig) {
			c.Servers[0].Profile = &AccessTokenProfile{Types: []string{"JWT"}, Marker: tt.marker}
		})
		_, err := authenticate(t, rs, bearer(s.sign(t, "JWT", accessClaims(tt.claims))))
		if tt.ok {
			if err != nil {
				t.Errorf("%s %v: %v", tt.marker, tt.claims, err)
			}
			continue
		}
		wantError(t, err, ErrType, "")
	}
	// Keycloak, services: DPoPUtil gives a token that is bound to a key this typ.
	key := proofKeyOf(t, ES256)
	keycloak := s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].Profile = KeycloakProfile() })
	for typ, ok := range map[string]bool{"DPoP": true, "Bearer": true, "ID": false, "Refresh": false, "Bearer|DPoP": false, "": false} {
		raw := s.sign(t, "JWT", accessClaims(map[string]any{"azp": "web", "typ": typ, "cnf": boundTo(key)["cnf"]}))
		_, err := authenticate(t, keycloak, provenRequestOf(raw, signProof(t, key, nil, proofClaims(raw, nil))))
		if (err == nil) != ok {
			t.Errorf("typ %q: %v", typ, err)
		}
	}
	// Amazon Cognito: what an ID token is told by, whatever else is in it.
	pool := s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].Profile = CognitoProfile(unitClient) })
	for use, ok := range map[string]bool{"access": true, "id": false} {
		_, err := authenticate(t, pool, bearer(s.signTyped(t, "-", accessClaims(map[string]any{"aud": unitRemoved, "token_use": use}))))
		if (err == nil) != ok {
			t.Errorf("token_use %q: %v", use, err)
		}
	}
	// An audience that is there counts, also where clients stand in its place.
	cognito := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers[0].Profile = &AccessTokenProfile{Types: []string{"at+jwt"}, ClientIDs: []string{unitClient}}
	})
	_, err := authenticate(t, cognito, bearer(s.accessToken(t, map[string]any{"client_id": strings.ToUpper(unitClient)})))
	wantError(t, err, ErrAudience, "client_id")
	for aud, kind := range map[any]error{unitRemoved: nil, unitResource: nil, "https://other.example": ErrAudience} {
		_, err := authenticate(t, cognito, bearer(s.accessToken(t, map[string]any{"aud": aud})))
		if kind == nil && err != nil || kind != nil && !errors.Is(err, kind) {
			t.Errorf("aud %v: %v", aud, err)
		}
	}
	// What is handed out may be changed; what was configured is a copy.
	p := EntraProfile()
	p.Marker = "azpacr"
	rs := s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].Profile = p })
	p.Types[0], p.Marker = "other+jwt", "x"
	for typ, ok := range map[string]bool{"JWT": true, "other+jwt": false} {
		_, err := authenticate(t, rs, bearer(s.sign(t, typ, accessClaims(map[string]any{"azp": "daemon", "azpacr": "1", "roles": []string{"Orders.Read"}}))))
		if (err == nil) != ok {
			t.Errorf("%s: %v", typ, err)
		}
	}
}
