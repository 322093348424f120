package oauth

// Tests of the profiles. Tokens of each provider are in provider_accesstoken_test.go.

import (
	"cmp"
	"errors"
	"maps"
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
			// An empty one is a missing one, and one of another type is neither.
			if name == "iat" {
				continue
			}
			empty, err := authenticate(t, rs, bearer(s.accessToken(t, map[string]any{name: ""})))
			if name != optional {
				wantError(t, err, ErrClaim, name)
			} else if err != nil || name == "sub" && empty.Subject() != "" {
				t.Errorf("%s: %v, %v", name, empty, err)
			}
			_, err = authenticate(t, rs, bearer(s.accessToken(t, map[string]any{name: []string{}})))
			wantError(t, err, ErrClaim, name)
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
	for _, tt := range []struct {
		aud  any
		kind error
	}{
		{unitRemoved, nil}, {unitResource, nil}, {[]string{}, nil}, {[]string{"x", unitResource}, nil},
		{"https://other.example", ErrAudience}, {"", ErrAudience}, {[]string{""}, ErrAudience}, {nil, ErrClaim}, {1, ErrClaim},
	} {
		_, err := authenticate(t, cognito, bearer(s.accessToken(t, map[string]any{"aud": tt.aud})))
		if (err == nil) != (tt.kind == nil) || !errors.Is(err, tt.kind) {
			t.Errorf("aud %v: %v", tt.aud, err)
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

// TestProfileKeyIssuer: a key that says whose it is signs for nobody else, where access
// tokens have an issuer of their own as well. Entra ID signs v1.0 tokens with the keys of
// its v2.0 metadata (AzureAD/microsoft-authentication-library-for-js#560): the error says
// how the application gets v2.0 tokens.
func TestProfileKeyIssuer(t *testing.T) {
	sts := func(tid string) string { return "https://sts.windows.net/" + tid + "/" }
	for _, tt := range []struct {
		name          string
		key           string // whose it says it is
		server, other string // the issuers of the metadata and of the profile
		iss, tid      string
		kind          error
	}{
		{"of the server", entraIssuer, entraIssuer, sts(entraTenant), sts(entraTenant), entraTenant, ErrIssuer},
		{"of all tenants, for this one", tenantIssuer(tenantPlaceholder), entraIssuer, sts(entraTenant), sts(entraTenant), entraTenant, ErrIssuer},
		{"of all tenants, for all", tenantIssuer(tenantPlaceholder), tenantIssuer(tenantPlaceholder), sts(tenantPlaceholder), sts(entraTenant), entraTenant, ErrIssuer},
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
		if err != nil && !strings.Contains(err.Error(), "requestedAccessTokenVersion") {
			t.Errorf("a key %s: %v", tt.name, err)
		}
	}
}

// TestProfileSwitch: Keycloak ("Use \"at+jwt\" as access token header type") and Auth0
// (access token profile RFC 9068) have a switch for the typ, and one profile takes both.
// Auth0 then writes client_id and jti; Keycloak keeps azp.
func TestProfileSwitch(t *testing.T) {
	s := newUnitServer()
	keycloak := map[string]any{"azp": "web", "typ": "Bearer", "scope": "openid", "client_id": unitRemoved}
	auth0 := map[string]any{"azp": "web", "scope": "read", "client_id": unitRemoved, "jti": unitRemoved}
	for _, tt := range []struct {
		name    string
		profile *AccessTokenProfile
		typ     string
		claims  map[string]any
		kind    error
		param   string
	}{
		{"Keycloak", KeycloakProfile(), "JWT", keycloak, nil, ""},
		{"Keycloak, at+jwt", KeycloakProfile(), "at+jwt", keycloak, nil, ""},
		{"Keycloak, ID token as at+jwt", KeycloakProfile(), "at+jwt", map[string]any{"azp": "web", "typ": "ID"}, ErrType, "typ"},
		{"Keycloak, no client", KeycloakProfile(), "at+jwt", map[string]any{"typ": "Bearer", "client_id": unitRemoved}, ErrClaim, "client_id"},
		{"Auth0", Auth0Profile(), "JWT", auth0, nil, ""},
		{"Auth0, RFC 9068", Auth0Profile(), "at+jwt", map[string]any{"scope": "read", "client_id": "web"}, nil, ""},
		{"Auth0, client_id with JWT", Auth0Profile(), "JWT", map[string]any{"scope": "read", "client_id": "web"}, ErrClaim, "azp"},
		{"Auth0, no client", Auth0Profile(), "at+jwt", map[string]any{"scope": "read", "client_id": unitRemoved}, ErrClaim, "client_id"},
		{"Entra has no switch", EntraProfile(), "at+jwt", map[string]any{"azp": "web", "scp": "read"}, ErrType, "typ"},
	} {
		rs := s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].Profile = tt.profile })
		claims := map[string]any{"iss": unitIssuer, "sub": "alice", "aud": unitResource, "exp": unitTime + 60, "iat": unitTime, "jti": "1"}
		maps.Copy(claims, tt.claims)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == unitRemoved })
		token, err := authenticate(t, rs, bearer(s.signTyped(t, tt.typ, claims)))
		if tt.kind != nil {
			wantError(t, err, tt.kind, tt.param)
		} else if err != nil || token.ClientID() != "web" {
			t.Errorf("%s: %v, client %q", tt.name, err, token.ClientID())
		}
	}
}

// TestProfileAdvice: the first token that an API sees is of a server that nothing was done
// to, and wrong in more than its profile.
func TestProfileAdvice(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	for _, tt := range []struct {
		name   string
		typ    string
		claims map[string]any
		want   []string
		never  string
	}{
		{"Keycloak, for account", "JWT", map[string]any{"aud": "account", "azp": "web", "typ": "Bearer", "scope": "openid"},
			[]string{"looks like", "KeycloakProfile()", "wrong then is aud", "account"}, "Spring"},
		{"Keycloak, at+jwt", "at+jwt", map[string]any{"azp": "web", "typ": "Bearer"}, []string{"client_id: is missing", "is good under", "KeycloakProfile()"}, "wrong then"},
		{"Keycloak, at+jwt, for account", "at+jwt", map[string]any{"aud": "account", "azp": "web", "typ": "Bearer"}, []string{"looks like", "KeycloakProfile()", "wrong then is aud"}, ""},
		{"Entra, for Graph", "JWT", map[string]any{"aud": "graph", "azp": "web", "scp": "read"}, []string{"EntraProfile()", "graph"}, ""},
		{"Spring", "-", map[string]any{"scope": []string{"orders"}, "nbf": unitTime},
			[]string{`AccessTokenProfile{Types: []string{""}, Marker: "scope", Optional: []string{"client_id"}}`, "only they"}, "wrong then"},
		{"Spring, for its client", "-", map[string]any{"aud": "c", "scope": []string{"orders"}}, []string{`Types: []string{""}`, "wrong then is aud"}, ""},
		{"Hydra", "JWT", map[string]any{"client_id": "c", "scp": []string{"orders"}, "ext": map[string]any{}},
			[]string{"is good under", "HydraProfile()"}, "wrong then"},
		{"another client claim, no jti", "JWT", map[string]any{"cid": "c", "scope": "a", "jti": unitRemoved, "iat": unitRemoved},
			[]string{`ClientIDClaim: "cid"`, `Optional: []string{"jti", "iat"}`}, ""},
		{"RFC 9068, for another", "at+jwt", map[string]any{"aud": "other", "client_id": "c", "azp": "c", "scope": "a"}, []string{"other"}, "Profile"},
		{"an ID token", "JWT", map[string]any{"azp": "c", "nonce": "n", "at_hash": "x"}, nil, "Profile"},
		{"an ID token with a scope and a nonce", "JWT", map[string]any{"nonce": "n", "scope": "openid"}, nil, "Profile"},
		{"an ID token with a scope and at_hash", "JWT", map[string]any{"at_hash": "n", "scope": "openid"}, nil, "Profile"},
		{"an ID token with a scope and c_hash", "JWT", map[string]any{"c_hash": "n", "scope": "openid"}, nil, "Profile"},
		{"an ID token of Keycloak", "JWT", map[string]any{"azp": "c", "typ": "ID", "client_id": "c", "scope": "openid"}, nil, "Profile"},
		{"no scope", "JWT", map[string]any{"client_id": "c"}, nil, "Profile"},
		{"RFC 9068 without a jti", "at+jwt", map[string]any{"client_id": "c", "scope": "a", "jti": unitRemoved}, []string{"jti"}, "Profile"},
	} {
		claims := map[string]any{"iss": unitIssuer, "sub": "alice", "aud": unitResource, "exp": unitTime + 60, "iat": unitTime, "jti": "1"}
		maps.Copy(claims, tt.claims)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == unitRemoved })
		_, err := authenticate(t, rs, bearer(s.signTyped(t, tt.typ, claims)))
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in: %v", tt.name, want, err)
			}
		}
		if tt.never != "" && strings.Contains(err.Error(), tt.never) {
			t.Errorf("%s: %q is in: %v", tt.name, tt.never, err)
		}
		if _, _, h := codeOf(rs, err); strings.Contains(h.Get("WWW-Authenticate"), "rofile") {
			t.Errorf("%s: the client is told as well", tt.name)
		}
	}
}

// TestProfileWayOut: an error of a token that has another form says which option takes it.
func TestProfileWayOut(t *testing.T) {
	s := newUnitServer()
	entra := func(claims map[string]any) map[string]any {
		all := map[string]any{"azp": "daemon", "jti": unitRemoved, "scope": unitRemoved, "client_id": unitRemoved}
		maps.Copy(all, claims)
		return accessClaims(all)
	}
	other := *proofKeyOf(t, ES256) // the signature of theirs is of another header
	other.kid = s.key.kid
	graph := must(other.SignJWTWithHeader("x+jwt", map[string]any{"nonce": "n"}, entra(map[string]any{"scp": "User.Read"})))
	for _, tt := range []struct {
		name    string
		profile *AccessTokenProfile
		token   string
		kind    error
		words   []string
		never   string
	}{
		{"of an application itself", EntraProfile(), s.sign(t, "JWT", entra(map[string]any{"azpacr": "1", "roles": []string{"Orders.Read"}})), ErrType,
			[]string{`set Marker of the profile to "azpacr"`, "check roles"}, "Optional"},
		{"an ID token", EntraProfile(), s.sign(t, "JWT", entra(map[string]any{"nonce": "n"})), ErrType, []string{"scp: is missing"}, "azpacr"},
		{"without sub", KeycloakProfile(), s.sign(t, "JWT", accessClaims(map[string]any{"typ": "Bearer", "azp": "web", "sub": unitRemoved})), ErrClaim,
			[]string{"list sub in Optional"}, ""},
		{"with an empty sub", KeycloakProfile(), s.sign(t, "JWT", accessClaims(map[string]any{"typ": "Bearer", "azp": "web", "sub": ""})), ErrClaim,
			[]string{"sub: is empty"}, "Optional"},
		{"without its client", CognitoProfile("c"), s.signTyped(t, "-", accessClaims(map[string]any{"token_use": "access", "client_id": unitRemoved})), ErrClaim,
			[]string{"client_id: is missing"}, "Optional"},
		{"forged, without a nonce in its header", &AccessTokenProfile{Types: []string{"x+jwt"}},
			must(other.SignJWTWithHeader("x+jwt", nil, entra(nil))), ErrSignature, nil, "Graph"},
		{"with a nonce and another fault", &AccessTokenProfile{Types: []string{"at+jwt"}}, graph, ErrType, nil, "Graph"},
		{"for Microsoft Graph", &AccessTokenProfile{Types: []string{"x+jwt"}}, graph, ErrSignature, []string{"for Microsoft Graph alone"}, ""},
	} {
		rs := s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].Profile = tt.profile })
		_, err := authenticate(t, rs, bearer(tt.token))
		wantError(t, err, tt.kind, "")
		for _, word := range tt.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v does not say %s", tt.name, err, word)
			}
		}
		if tt.never != "" && strings.Contains(err.Error(), tt.never) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
