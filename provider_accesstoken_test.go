package oauth

// Access tokens as providers write them: see provider_test.go.

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	entraTenant = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	entraIssuer = "https://login.microsoftonline.com/" + entraTenant + "/v2.0"
	entraAPI    = "00001111-aaaa-2222-bbbb-3333cccc4444"
	entraOther  = "bbbbcccc-1111-dddd-2222-eeee3333ffff" // another tenant
)

// tenantIssuer is that of a tenant of Entra ID.
func tenantIssuer(tid string) string { return "https://login.microsoftonline.com/" + tid + "/v2.0" }

// A providerAccessToken is an access token in the shape of the provider's
// documentation, with times of ours, and an ID token of the same provider that is
// meant for the same audience.
type providerAccessToken struct {
	seen
	profile   *AccessTokenProfile
	issuer    string // of the metadata
	keyIssuer string // what the key says whose it is; "": nothing
	resource  string
	typ       string // "-": the header has none
	claims    map[string]any
	client    string
	scope     string
	idToken   map[string]any
	hinted    string // what the error says without a profile; "": nothing
	bad       []providerTwin
	unchecked claimsOf // those of another, whose token is accepted all the same: the API has to look; see provider_recipes_test.go
	anybody   bool     // every customer of the provider gets such tokens for any audience
}

var providerAccessTokens = []providerAccessToken{
	{
		seen:    seen{"Entra", "a version 2.0 token", "Access tokens, sample of a v2.0 token, and Access token claims reference, Microsoft identity platform"},
		profile: EntraProfile(), issuer: "https://login.microsoftonline.com/{tenantid}/v2.0", resource: entraAPI, typ: "JWT",
		claims: map[string]any{
			"aud": entraAPI, "iss": entraIssuer, "iat": unitTime, "nbf": unitTime, "exp": unitTime + 3599,
			"aio": "AXQAi/8IAAAA", "azp": "ffff0000-ffff-1111-aaaa-2222bbbb3333", "azpacr": "0", "name": "Abe Lincoln",
			"oid": "00000000-0000-0000-66f3-3332eca7ea81", "preferred_username": "abeli@contoso.example", "rh": "I", "scp": "access_as_user orders.read",
			"sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "tid": entraTenant, "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0",
		},
		client: "ffff0000-ffff-1111-aaaa-2222bbbb3333", scope: "access_as_user orders.read",
		// "ID token claims reference": the audience is the registration's client id,
		// which is that of the API if it also logs users in.
		idToken: map[string]any{
			"aud": entraAPI, "iss": entraIssuer, "iat": unitTime, "nbf": unitTime, "exp": unitTime + 3599, "aio": "Df2UVX", "name": "Abe Lincoln",
			"nonce": "123523", "oid": "00000000-0000-0000-66f3-3332eca7ea81", "roles": []string{"admin"},
			"sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "tid": entraTenant, "ver": "2.0",
		},
		hinted: "EntraProfile()",
	},
	{
		seen:    seen{"Okta", "no typ, and a list of scopes", "OpenID Connect & OAuth 2.0 API, access token payload, Okta developer documentation"},
		profile: OktaProfile(), issuer: "https://example.okta.example/oauth2/default", resource: "https://api.example.com", typ: "-",
		claims: map[string]any{
			"ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "iss": "https://example.okta.example/oauth2/default",
			"aud": "https://api.example.com", "sub": "00ujmkLgagxeRrAg20g3", "iat": unitTime, "exp": unitTime + 3600,
			"cid": "nmdP1fcyvdVO11AL7ECm", "uid": "00ujmkLgagxeRrAg20g3", "scp": []string{"openid", "email", "flights", "custom"},
		},
		client: "nmdP1fcyvdVO11AL7ECm", scope: "openid email flights custom",
		idToken: map[string]any{
			"ver": 1, "sub": "00uid4BxXw6I6TV4m0g3", "iss": "https://example.okta.example/oauth2/default", "aud": "https://api.example.com",
			"iat": unitTime, "exp": unitTime + 3600, "jti": "ID.4eAWJOCMB3SX8XewDfVR", "amr": []string{"pwd"}, "at_hash": "cpqKfdQA5eH891Ff5oJr_Q", "nonce": "n",
		},
		hinted: "OktaProfile()",
	},
	{
		seen:    seen{"Auth0", "a second audience, and no jti", "Access Token Profiles, Auth0 profile, Auth0 documentation"},
		profile: Auth0Profile(), issuer: "https://my-domain.auth0.example/", resource: "https://example.com/health-api", typ: "JWT",
		claims: map[string]any{
			"iss": "https://my-domain.auth0.example/", "sub": "auth0|123456",
			"aud": []string{"https://example.com/health-api", "https://my-domain.auth0.example/userinfo"},
			"azp": "my_client_id", "exp": unitTime + 86400, "iat": unitTime, "scope": "openid profile read:patients read:admin",
		},
		client: "my_client_id", scope: "openid profile read:patients read:admin",
		idToken: map[string]any{
			"iss": "https://my-domain.auth0.example/", "sub": "auth0|123456", "aud": "https://example.com/health-api", "exp": unitTime + 36000, "iat": unitTime,
			"nickname": "jane", "name": "Jane", "email_verified": true, "sid": "s", "nonce": "n",
		},
		hinted: "Auth0Profile()",
	},
	{
		seen:    seen{"Keycloak", "typ is a claim as well", "org.keycloak.representations.AccessToken of Keycloak, as an installation of version 26 writes it"},
		profile: KeycloakProfile(), issuer: "https://kc.example/realms/demo", resource: "orders", typ: "JWT",
		claims: map[string]any{
			"exp": unitTime + 300, "iat": unitTime, "auth_time": unitTime - 5, "jti": "onrtac:9f9c1f0e-8f6a-4b0e-9a52-2d3c7d1a5b11",
			"iss": "https://kc.example/realms/demo",
			"aud": []string{"orders", "account"}, "sub": "f1888f4d-5172-4359-be0c-af338505d86c", "typ": "Bearer", "azp": "web", "sid": "0a2c", "acr": "1",
			"realm_access": map[string]any{
				"roles": []string{"offline_access"},
			}, "scope": "openid email profile", "email_verified": false, "preferred_username": "joe",
		},
		client: "web", scope: "openid email profile",
		idToken: map[string]any{
			"exp": unitTime + 300, "iat": unitTime, "auth_time": unitTime - 5, "jti": "6e6d", "iss": "https://kc.example/realms/demo", "aud": "orders",
			"sub": "f1888f4d-5172-4359-be0c-af338505d86c", "typ": "ID", "azp": "orders", "sid": "0a2c", "at_hash": "x", "acr": "1", "scope": "openid",
		},
		hinted: "KeycloakProfile()",
	},
	{
		seen:    seen{"Cognito", "no audience", "Understanding the access token, Amazon Cognito Developer Guide"},
		profile: CognitoProfile("other", "xxxxxxxxxxxxexample"),
		issuer:  "https://cognito-idp.us-east-1.amazonaws.example/us-east-1_example", resource: unitResource, typ: "-",
		claims: map[string]any{
			"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "device_key": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": []string{"testgroup"},
			"iss": "https://cognito-idp.us-east-1.amazonaws.example/us-east-1_example", "version": 2, "client_id": "xxxxxxxxxxxxexample",
			"origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "event_id": "bbbbbbbb", "token_use": "access",
			"scope":     "phone openid profile resourceserver.1/appclient2 email",
			"auth_time": unitTime - 3, "exp": unitTime + 3600, "iat": unitTime, "jti": "cccccccc-bbbb-cccc-dddd-eeeeeeeeeeee", "username": "my-test-user",
		},
		client: "xxxxxxxxxxxxexample", scope: "phone openid profile resourceserver.1/appclient2 email",
		idToken: map[string]any{
			"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "iss": "https://cognito-idp.us-east-1.amazonaws.example/us-east-1_example", "aud": "xxxxxxxxxxxxexample",
			"client_id": "xxxxxxxxxxxxexample", "token_use": "id", "auth_time": unitTime, "exp": unitTime + 3600, "iat": unitTime, "jti": "d",
			"email": "a@example.com", "scope": "openid",
		},
		hinted: "CognitoProfile(…)",
	},
	{
		seen: seen{"AD FS", "an issuer of its own, and auth_time is a date",
			"AD FS OpenID Connect/OAuth flows and application scenarios, Windows Server documentation; MS-OAPX, Section 3.2.5.2; MicrosoftDocs/windowsserverdocs#551"},
		profile: ADFSProfile("http://adfs.contoso.example/adfs/services/trust"),
		issuer:  "https://adfs.contoso.example/adfs", resource: "https://orders.contoso.example/", typ: "JWT",
		claims: map[string]any{
			"aud": "https://orders.contoso.example/", "iss": "http://adfs.contoso.example/adfs/services/trust", "iat": unitTime, "nbf": unitTime,
			"exp":     unitTime + 3600,
			"apptype": "Confidential", "appid": "f0a2cf3f", "authmethod": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
			"auth_time": "2023-11-14T22:13:20.744Z", "ver": "1.0", "scp": "user_impersonation openid",
		},
		client: "f0a2cf3f", scope: "user_impersonation openid",
		idToken: map[string]any{
			"aud": "https://orders.contoso.example/", "iss": "https://adfs.contoso.example/adfs", "iat": unitTime, "nbf": unitTime,
			"exp": unitTime + 3600, "auth_time": unitTime,
			"sub": "x", "upn": "joe@contoso.example", "unique_name": "CONTOSO\\joe", "pwd_exp": "1", "sid": "S-1-5-21", "ver": "1.0", "nonce": "n",
		},
	},
	{
		seen: seen{"Entra", "a key that says whose it is",
			"AadSigningKeyIssuerValidator of AzureAD/azure-activedirectory-identitymodel-extensions-for-dotnet"},
		profile: EntraProfile(), issuer: entraIssuer, keyIssuer: tenantIssuer(tenantPlaceholder), resource: entraAPI, typ: "JWT",
		claims: claimsOf{
			"aud": entraAPI, "iss": entraIssuer, "iat": unitTime, "nbf": unitTime, "exp": unitTime + 3599, "azp": "ffff0000-ffff-1111-aaaa-2222bbbb3333",
			"scp": "orders.read", "sub": "s", "tid": entraTenant, "ver": "2.0",
		},
		client: "ffff0000-ffff-1111-aaaa-2222bbbb3333", scope: "orders.read",
		idToken: claimsOf{
			"aud": entraAPI, "iss": entraIssuer, "iat": unitTime, "exp": unitTime + 3599, "nonce": "n", "sub": "s", "tid": entraTenant, "ver": "2.0",
		},
		bad: []providerTwin{{"signed for another tenant", claimsOf{"tid": entraOther}, ErrIssuer, "iss"}},
	},
	{
		seen: seen{"Entra", "a token of an application, with roles in place of scopes", "AzureAD/azure-sdk-for-java#28966"},
		profile: func() *AccessTokenProfile {
			p := EntraProfile()
			p.Marker = "azpacr"
			return p
		}(),
		issuer: entraIssuer, resource: entraAPI, typ: "JWT",
		claims: claimsOf{
			"aud": entraAPI, "iss": entraIssuer, "iat": unitTime, "nbf": unitTime, "exp": unitTime + 3599, "azp": "daemon", "azpacr": "1",
			"idtyp": "app", "oid": "o", "roles": []string{"Orders.Read.All"}, "sub": "s", "tid": entraTenant, "ver": "2.0",
		},
		client: "daemon",
		idToken: claimsOf{
			"aud": entraAPI, "iss": entraIssuer, "iat": unitTime, "exp": unitTime + 3599, "nonce": "n", "sub": "s", "tid": entraTenant, "ver": "2.0",
		},
	},
	{
		seen: seen{"Entra v1", "an issuer of its own, and the client in appid", "AzureAD/microsoft-authentication-library-for-js#560"},
		profile: func() *AccessTokenProfile {
			p := EntraProfile()
			p.ClientIDClaim, p.Issuer = "appid", "https://sts.windows.net/"+entraTenant+"/"
			return p
		}(),
		issuer: entraIssuer, resource: "api://orders", typ: "JWT",
		claims: claimsOf{
			"aud": "api://orders", "iss": "https://sts.windows.net/" + entraTenant + "/", "iat": unitTime, "nbf": unitTime, "exp": unitTime + 3600,
			"acr": "1", "aio": "x", "amr": []string{"pwd"},
			"appid": "66666666-7777-4888-8999-aaaaaaaaaaaa", "appidacr": "1", "oid": "o-1", "scp": "orders.read", "sub": "s-1", "tid": entraTenant,
			"unique_name": "u@example.com", "ver": "1.0",
		},
		client: "66666666-7777-4888-8999-aaaaaaaaaaaa", scope: "orders.read",
		idToken: claimsOf{
			"aud": "api://orders", "iss": "https://sts.windows.net/" + entraTenant + "/", "iat": unitTime, "exp": unitTime + 3600, "nonce": "n",
			"sub": "s-1", "tid": entraTenant, "ver": "1.0",
		},
		bad: []providerTwin{
			{"of another tenant", claimsOf{"iss": "https://sts.windows.net/" + entraOther + "/", "tid": entraOther}, ErrIssuer, "iss"},
			{"of version 2.0", claimsOf{"iss": entraIssuer}, ErrIssuer, "iss"},
		},
	},
	{
		seen:    seen{"Auth0", "permissions in place of scopes", "Enable Role-Based Access Control for APIs, Auth0 documentation"},
		profile: &AccessTokenProfile{Types: []string{"JWT"}, Marker: "permissions", ClientIDClaim: "azp", ScopeClaim: "permissions", Optional: []string{"jti"}},
		issuer:  "https://my-domain.auth0.example/", resource: "https://example.com/health-api", typ: "JWT",
		claims: claimsOf{
			"iss": "https://my-domain.auth0.example/", "sub": "auth0|123456",
			"aud": []string{"https://example.com/health-api", "https://my-domain.auth0.example/userinfo"}, "azp": "my_client_id",
			"exp": unitTime + 86400, "iat": unitTime, "scope": "openid", "permissions": []string{"read:patients"},
		},
		client: "my_client_id", scope: "read:patients",
		idToken: claimsOf{
			"iss": "https://my-domain.auth0.example/", "sub": "auth0|123456", "aud": "https://example.com/health-api", "exp": unitTime + 36000,
			"iat": unitTime, "nonce": "n",
		},
		bad: []providerTwin{{"of an issuer without the slash", claimsOf{"iss": "https://my-domain.auth0.example"}, ErrIssuer, "iss"}},
	},
	{
		seen: seen{"Keycloak", "a lightweight token: the client, and no audience and no user", "keycloak/keycloak#34306"},
		profile: &AccessTokenProfile{
			Types: []string{"JWT"}, Marker: "typ=Bearer|DPoP", ClientIDClaim: "azp", Optional: []string{"sub"}, ClientIDs: []string{"example-client"},
		},
		issuer: "https://kc.example/realms/r", resource: unitResource, typ: "JWT",
		claims: claimsOf{
			"exp": unitTime + 300, "iat": unitTime, "jti": "j", "iss": "https://kc.example/realms/r", "typ": "Bearer", "azp": "example-client",
			"sid": "s", "scope": "profile",
		},
		client: "example-client", scope: "profile",
		idToken: claimsOf{
			"exp": unitTime + 300, "iat": unitTime, "jti": "j", "iss": "https://kc.example/realms/r", "typ": "ID", "azp": "example-client",
			"aud": "example-client", "sub": "u",
		},
		bad: []providerTwin{
			{"for the realm's account console", claimsOf{"aud": "account"}, ErrAudience, "aud"},
			{"a refresh token", claimsOf{"typ": "Refresh"}, ErrType, "typ"},
		},
	},
	{
		seen:    seen{"Keycloak", "typ at+jwt, and the client in azp", `Use "at+jwt" as access token header type, Server Administration Guide of Keycloak`},
		profile: KeycloakProfile(),
		issuer:  "https://kc.example/realms/demo", resource: "orders", typ: "at+jwt",
		claims: claimsOf{
			"exp": unitTime + 300, "iat": unitTime, "jti": "j", "iss": "https://kc.example/realms/demo", "aud": "orders", "sub": "u", "typ": "Bearer",
			"azp": "web", "scope": "openid",
		},
		client: "web", scope: "openid",
		idToken: claimsOf{
			"exp": unitTime + 300, "iat": unitTime, "jti": "j", "iss": "https://kc.example/realms/demo", "aud": "orders", "sub": "u", "typ": "ID",
			"azp": "web",
		},
	},
	{
		seen:    seen{"Hydra", "scp is a list, and there is no typ of its own", "ory/oathkeeper#138; ory/hydra#3441"},
		profile: HydraProfile(), hinted: "HydraProfile()",
		issuer: "https://hydra.example", resource: unitResource, typ: "JWT",
		claims: claimsOf{
			"iss": "https://hydra.example", "sub": "alice", "aud": []string{unitResource}, "client_id": "c", "jti": "1", "iat": unitTime,
			"nbf": unitTime, "exp": unitTime + 60, "scp": []string{"orders"}, "ext": claimsOf{},
		},
		client: "c", scope: "orders",
		idToken: claimsOf{
			"iss": "https://hydra.example", "sub": "alice", "aud": []string{unitResource}, "jti": "1", "iat": unitTime, "exp": unitTime + 60,
			"rat": unitTime, "sid": "s",
		},
		bad: []providerTwin{{"for nobody, which was not asked for", claimsOf{"aud": []string{}}, ErrClaim, "aud"}},
	},
	{
		seen:    seen{"Authelia", "at+jwt, with scp in place of scope", "Session.GetJWTHeader and GetJWTClaims, authelia/authelia"},
		profile: AutheliaProfile(),
		issuer:  "https://authelia.example", resource: unitResource, typ: "at+jwt",
		claims: claimsOf{
			"iss": "https://authelia.example", "sub": "7d6a4a1b-6c3c-4a86-8e0e-8a6f0d4d3c2b", "aud": []string{unitResource}, "client_id": "c",
			"jti": "1", "iat": unitTime, "nbf": unitTime, "exp": unitTime + 3600, "scp": []string{"openid", "orders"},
		},
		client: "c", scope: "openid orders", hinted: `set ScopeClaim to "scp"`,
		idToken: claimsOf{
			"iss": "https://authelia.example", "sub": "7d6a4a1b-6c3c-4a86-8e0e-8a6f0d4d3c2b", "aud": []string{unitResource}, "azp": "c", "jti": "2",
			"iat": unitTime, "exp": unitTime + 3600, "nonce": "n", "amr": []string{"pwd"},
		},
	},
	{
		seen:    seen{"IBM Cloud IAM", "no audience, and acr is a number", "Developing an authentication flow: service-iam.md of ibm-cloud-docs/sell"},
		profile: &AccessTokenProfile{Types: []string{"", "JWT"}, Marker: "iam_id", Optional: []string{"jti"}, ClientIDs: []string{"bx"}},
		issuer:  "https://iam.cloud.ibm.example/identity", resource: unitResource, typ: "JWT",
		claims: claimsOf{
			"iam_id": "IBMid-XXXXXXX", "id": "IBMid-XXXXXXX", "realmid": "IBMid", "identifier": "XXXXXXX", "name": "Don Quixote",
			"sub": "quixote@example.com", "account": claimsOf{"bss": "123"}, "iat": unitTime,
			"exp": unitTime + 3600, "iss": "https://iam.cloud.ibm.example/identity", "grant_type": "urn:ibm:params:oauth:grant-type:apikey",
			"scope": "openid x", "client_id": "bx", "acr": 1, "amr": []string{"pwd"},
		},
		client: "bx", scope: "openid x",
		idToken: claimsOf{
			"sub": "quixote@example.com", "aud": "bx", "iat": unitTime, "exp": unitTime + 3600, "iss": "https://iam.cloud.ibm.example/identity",
			"nonce": "n",
		},
	},
	{
		seen:    seen{"Spring Authorization Server", "the client is the audience, and there is no typ", "spring-attic/spring-authorization-server#634"},
		profile: &AccessTokenProfile{Types: []string{""}, Marker: "scope", Optional: []string{"client_id"}},
		issuer:  "http://auth.example:9000", resource: "messaging-client", typ: "-",
		claims: claimsOf{
			"sub": "user1", "aud": "messaging-client", "nbf": unitTime, "scope": []string{"message.read"}, "iss": "http://auth.example:9000",
			"exp": unitTime + 300, "iat": unitTime, "jti": "j",
		},
		scope: "message.read",
		idToken: claimsOf{
			"sub": "user1", "aud": "messaging-client", "azp": "messaging-client", "auth_time": unitTime, "iss": "http://auth.example:9000",
			"exp": unitTime + 300, "iat": unitTime, "jti": "j", "nonce": "n",
		},
	},
}

// signTyped signs with a typ or, with "-", without one.
func (s *unitServer) signTyped(t testing.TB, typ string, claims map[string]any) string {
	t.Helper()
	if typ != "-" {
		return s.sign(t, typ, claims)
	}
	header := map[string]any{"alg": s.key.alg.name, "kid": s.key.kid}
	token, err := s.key.signCompact([]byte(unitJSON(t, header)), []byte(unitJSON(t, claims)))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// request presents the token with other claims.
func (p *providerAccessToken) request(t testing.TB, s *unitServer, change claimsOf) *http.Request {
	t.Helper()
	claims := maps.Clone(p.claims)
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == unitRemoved })
	return bearer(s.signTyped(t, p.typ, claims))
}

// TestProfiles: what becomes of the tokens under their profiles and without, and of
// their twins.
func TestProfiles(t *testing.T) {
	s := newUnitServer()
	forger := newForger(s)
	for _, p := range slices.Concat(providerAccessTokens, providerRecipes) {
		server := func(profile *AccessTokenProfile) *ResourceServer {
			return s.resource(t, func(c *ResourceServerConfig) {
				c.Audiences = []string{p.resource}
				c.Servers[0].Server.Issuer, c.Servers[0].Profile = p.issuer, profile
				if p.keyIssuer != "" {
					jwk := `{"issuer":"` + p.keyIssuer + `",` + string(s.key.PublicJWK())[1:]
					c.Servers[0].KeySet = must(ParseKeySet([]byte(`{"keys":[` + jwk + `]}`)))
				}
				if strings.Contains(p.issuer, tenantPlaceholder) {
					c.Servers[0].AcceptIssuer = func(_, tid string) bool { return tid == entraTenant }
				}
			})
		}
		t.Run(p.name(), func(t *testing.T) {
			p.present(t, s, forger, server(p.profile))

			// Without the profile the token is refused, and the developer is told.
			rs := server(nil)
			plain, err := authenticate(t, rs, p.request(t, s, nil))
			if p.typ == "at+jwt" && err == nil { // it follows RFC 9068 but for the scopes
				err = rs.satisfies(plain.content, &Requirement{Scope: strings.Fields(p.scope)})
			}
			if !errors.Is(err, ErrInvalid) || p.hinted != "" && !strings.Contains(err.Error(), p.hinted) {
				t.Errorf("without a profile: %v", err)
			}
			if _, _, h := codeOf(rs, err); strings.Contains(h.Get("WWW-Authenticate"), "rofile") {
				t.Error("the client is told as well")
			}
			// Nothing is said of a token that fails for something else.
			_, err = authenticate(t, rs, p.request(t, s, claimsOf{"exp": unitTime - 100}))
			if !errors.Is(err, ErrInvalid) || strings.Contains(err.Error(), "Profile") {
				t.Errorf("expired, without a profile: %v", err)
			}
		})
	}
}

// present presents the token and its twins to an API that accepts it.
func (p *providerAccessToken) present(t *testing.T, s, forger *unitServer, rs *ResourceServer) {
	t.Helper()
	with := func(change claimsOf) *http.Request { return p.request(t, s, change) }
	token, err := authenticate(t, rs, with(nil))
	if err != nil {
		t.Fatal(err)
	}
	if token.ClientID() != p.client || strings.Join(token.Scope(), " ") != p.scope || token.Issuer() != p.claims["iss"] {
		t.Errorf("%q %q %q", token.ClientID(), token.Scope(), token.Issuer())
	}
	if sub, _ := p.claims["sub"].(string); token.Subject() != sub {
		t.Errorf("sub %q", token.Subject())
	}
	_, err = authenticate(t, rs, bearer(s.signTyped(t, p.typ, p.idToken)))
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("an ID token: %v", err)
	}
	p.presentWithout(t, s, rs)
	if p.profile.ClientIDs == nil {
		_, err = authenticate(t, rs, with(map[string]any{"aud": "another"}))
		wantError(t, err, ErrAudience, "aud")
	} else {
		claim := cmp.Or(p.profile.ClientIDClaim, "client_id")
		_, err = authenticate(t, rs, with(map[string]any{claim: "another"}))
		wantError(t, err, ErrAudience, claim)
	}
	_, err = authenticate(t, rs, bearer(s.sign(t, "logout+jwt", p.claims)))
	wantError(t, err, ErrType, "typ")

	for _, twin := range append(slices.Clone(p.bad),
		providerTwin{"of another issuer", claimsOf{"iss": "https://evil.example"}, ErrIssuer, "iss"},
		providerTwin{"expired", claimsOf{"exp": unitTime - 100}, ErrExpired, "exp"}) {
		token, err := authenticate(t, rs, with(twin.change))
		if token != nil {
			t.Errorf("%s is accepted: %v", twin.what, token)
			continue
		}
		wantError(t, err, twin.kind, twin.param)
	}
	_, err = authenticate(t, rs, bearer(unsignedToken(t, p.claims)))
	wantError(t, err, ErrAlgorithm, "alg")
	_, err = authenticate(t, rs, bearer(forger.signTyped(t, p.typ, p.claims)))
	wantError(t, err, ErrSignature, "")
}

// presentWithout presents the token without one of the claims that it needs.
func (p *providerAccessToken) presentWithout(t *testing.T, s *unitServer, rs *ResourceServer) {
	t.Helper()
	marker, _, _ := strings.Cut(p.profile.Marker, "=")
	for _, v := range []any{unitRemoved, nil} {
		if marker == "" { // the typ says what it is
			break
		}
		_, err := authenticate(t, rs, p.request(t, s, claimsOf{marker: v}))
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("without %s: %v", marker, err)
		}
	}
	for name, kind := range map[string]error{"exp": ErrClaim, "iat": ErrClaim, "iss": ErrClaim, "aud": ErrClaim, p.profile.ClientIDClaim: ErrClaim} {
		member := name // of Optional
		if name == p.profile.ClientIDClaim {
			member = "client_id"
		}
		if _, there := p.claims[name]; !there || slices.Contains(p.profile.Optional, member) {
			continue
		}
		if name == marker {
			kind = ErrType
		}
		_, err := authenticate(t, rs, p.request(t, s, claimsOf{name: unitRemoved}))
		if p.typ == accessTokenType && name == p.profile.ClientIDClaim {
			name = "client_id" // which RFC 9068 requires
		}
		wantError(t, err, kind, name)
	}
}
