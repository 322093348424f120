package oauth

// Tests of the profiles. Tokens of each provider are in provider_accesstoken_test.go.

import (
	"cmp"
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

// TestProfileKeyIssuer: where access tokens have an issuer of their own, the keys may
// name the server's. Entra ID signs v1.0 tokens with the keys of its v2.0 metadata
// (AzureAD/microsoft-authentication-library-for-js#560).
func TestProfileKeyIssuer(t *testing.T) {
	sts := func(tid string) string { return "https://sts.windows.net/" + tid + "/" }
	for _, tt := range []struct {
		name          string
		key           string // whose it says it is
		server, other string // the issuers of the metadata and of the profile
		iss, tid      string
		kind          error
	}{
		{"of the server", entraIssuer, entraIssuer, sts(entraTenant), sts(entraTenant), entraTenant, nil},
		{"of all tenants, for this one", tenantIssuer(tenantPlaceholder), entraIssuer, sts(entraTenant), sts(entraTenant), entraTenant, nil},
		{"of all tenants, for all", tenantIssuer(tenantPlaceholder), tenantIssuer(tenantPlaceholder), sts(tenantPlaceholder), sts(entraTenant), entraTenant, nil},
		{"of the tokens", sts(entraTenant), entraIssuer, sts(entraTenant), sts(entraTenant), entraTenant, nil},
		{"of somebody else", "https://other.example", entraIssuer, sts(entraTenant), sts(entraTenant), entraTenant, ErrIssuer},
		{"of another tenant", tenantIssuer(entraOther), entraIssuer, sts(entraTenant), sts(entraTenant), entraTenant, ErrIssuer},
		{"of all tenants, which signed for another", tenantIssuer(tenantPlaceholder), entraIssuer, sts(entraTenant), sts(entraTenant), entraOther, ErrIssuer},
		{"of another tenant, at a server for all", tenantIssuer(entraOther), tenantIssuer(tenantPlaceholder), sts(entraTenant), sts(entraTenant), entraOther, ErrIssuer},
		{"of another tenant, for all", tenantIssuer(entraOther), tenantIssuer(tenantPlaceholder), sts(tenantPlaceholder), sts(entraTenant), entraTenant, ErrIssuer},
		{"of the server in another case", strings.ToUpper(entraIssuer), entraIssuer, sts(entraTenant), sts(entraTenant), entraTenant, ErrIssuer},
		{"of all tenants in another case", strings.Replace(tenantIssuer(tenantPlaceholder), "login", "LOGIN", 1), entraIssuer, sts(entraTenant), sts(entraTenant), entraTenant, ErrIssuer},
		{"of the server, where tokens have its issuer", sts(entraTenant), entraIssuer, "", entraIssuer, entraTenant, ErrIssuer},
	} {
		s := newUnitServer()
		rs := s.resource(t, func(c *ResourceServerConfig) {
			c.Servers[0].Server.Issuer = tt.server
			c.Servers[0].Profile = &AccessTokenProfile{Types: []string{"at+jwt"}, Issuer: tt.other}
			c.Servers[0].KeySet = must(ParseKeySet([]byte(`{"keys":[{"issuer":"` + tt.key + `",` + string(s.key.PublicJWK())[1:] + `]}`)))
			if strings.Contains(cmp.Or(tt.other, tt.server), tenantPlaceholder) {
				c.Servers[0].AcceptIssuer = func(_, tid string) bool { return true }
			}
		})
		_, err := authenticate(t, rs, bearer(s.accessToken(t, map[string]any{"iss": tt.iss, "tid": tt.tid})))
		if tt.kind == nil && err != nil || tt.kind != nil && !errors.Is(err, tt.kind) {
			t.Errorf("a key %s: %v, want the kind %v", tt.name, err, tt.kind)
		}
	}
}
