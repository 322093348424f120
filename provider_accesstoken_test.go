package oauth

// Access tokens as providers write them: see provider_test.go.

import (
	"errors"
	"maps"
	"net/http"
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

// providerTokens are access tokens in the shape of the providers' documentation,
// with times of ours, and ID tokens of the same providers that are meant for
// the same audience.
var providerTokens = []struct {
	name     string
	profile  *AccessTokenProfile
	issuer   string // of the metadata
	resource string
	typ      string // "-": the header has none
	claims   map[string]any
	client   string
	scope    string
	idToken  map[string]any
	hinted   string // what the error says without a profile; "": nothing
}{
	{
		// Microsoft identity platform, "Access tokens", sample of a v2.0 token, and
		// "Access token claims reference".
		name: "Entra", profile: EntraProfile(), issuer: "https://login.microsoftonline.com/{tenantid}/v2.0", resource: entraAPI, typ: "JWT",
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
			"nonce": "123523", "oid": "00000000-0000-0000-66f3-3332eca7ea81", "roles": []string{"admin"}, "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "tid": entraTenant, "ver": "2.0",
		},
		hinted: "EntraProfile()",
	},
	{
		// Okta developer documentation, "OpenID Connect & OAuth 2.0 API", access token
		// payload.
		name: "Okta", profile: OktaProfile(), issuer: "https://example.okta.example/oauth2/default", resource: "https://api.example.com", typ: "-",
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
		// Auth0 documentation, "Access Token Profiles", Auth0 profile.
		name: "Auth0", profile: Auth0Profile(), issuer: "https://my-domain.auth0.example/", resource: "https://example.com/health-api", typ: "JWT",
		claims: map[string]any{
			"iss": "https://my-domain.auth0.example/", "sub": "auth0|123456", "aud": []string{"https://example.com/health-api", "https://my-domain.auth0.example/userinfo"},
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
		// Keycloak, org.keycloak.representations.AccessToken, as an installation of
		// version 26 writes it.
		name: "Keycloak", profile: KeycloakProfile(), issuer: "https://kc.example/realms/demo", resource: "orders", typ: "JWT",
		claims: map[string]any{
			"exp": unitTime + 300, "iat": unitTime, "auth_time": unitTime - 5, "jti": "onrtac:9f9c1f0e-8f6a-4b0e-9a52-2d3c7d1a5b11", "iss": "https://kc.example/realms/demo",
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
		// Amazon Cognito Developer Guide, "Understanding the access token".
		name: "Cognito", profile: CognitoProfile("other", "xxxxxxxxxxxxexample"), issuer: "https://cognito-idp.us-east-1.amazonaws.example/us-east-1_example", resource: unitResource, typ: "-",
		claims: map[string]any{
			"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "device_key": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": []string{"testgroup"},
			"iss": "https://cognito-idp.us-east-1.amazonaws.example/us-east-1_example", "version": 2, "client_id": "xxxxxxxxxxxxexample",
			"origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "event_id": "bbbbbbbb", "token_use": "access", "scope": "phone openid profile resourceserver.1/appclient2 email",
			"auth_time": unitTime - 3, "exp": unitTime + 3600, "iat": unitTime, "jti": "cccccccc-bbbb-cccc-dddd-eeeeeeeeeeee", "username": "my-test-user",
		},
		client: "xxxxxxxxxxxxexample", scope: "phone openid profile resourceserver.1/appclient2 email",
		idToken: map[string]any{
			"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "iss": "https://cognito-idp.us-east-1.amazonaws.example/us-east-1_example", "aud": "xxxxxxxxxxxxexample",
			"client_id": "xxxxxxxxxxxxexample", "token_use": "id", "auth_time": unitTime, "exp": unitTime + 3600, "iat": unitTime, "jti": "d", "email": "a@example.com", "scope": "openid",
		},
		hinted: "CognitoProfile(…)",
	},
	{
		// Windows Server documentation, "AD FS OpenID Connect/OAuth flows and
		// application scenarios", and MS-OAPX, Section 3.2.5.2.
		name: "AD FS", profile: ADFSProfile("http://adfs.contoso.example/adfs/services/trust"), issuer: "https://adfs.contoso.example/adfs", resource: "https://orders.contoso.example/", typ: "JWT",
		claims: map[string]any{
			"aud": "https://orders.contoso.example/", "iss": "http://adfs.contoso.example/adfs/services/trust", "iat": unitTime, "nbf": unitTime, "exp": unitTime + 3600,
			"apptype": "Confidential", "appid": "f0a2cf3f", "authmethod": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "auth_time": "2023-11-14T22:13:20.744Z", "ver": "1.0", "scp": "user_impersonation openid",
		},
		client: "f0a2cf3f", scope: "user_impersonation openid",
		idToken: map[string]any{
			"aud": "https://orders.contoso.example/", "iss": "https://adfs.contoso.example/adfs", "iat": unitTime, "nbf": unitTime, "exp": unitTime + 3600, "auth_time": unitTime,
			"sub": "x", "upn": "joe@contoso.example", "unique_name": "CONTOSO\\joe", "pwd_exp": "1", "sid": "S-1-5-21", "ver": "1.0", "nonce": "n",
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

func TestProfiles(t *testing.T) {
	s := newUnitServer()
	for _, p := range providerTokens {
		server := func(profile *AccessTokenProfile) *ResourceServer {
			return s.resource(t, func(c *ResourceServerConfig) {
				c.Resource, c.BaseURL = p.resource, unitResource
				c.Servers[0].Server.Issuer, c.Servers[0].Profile = p.issuer, profile
				if strings.Contains(p.issuer, tenantPlaceholder) {
					c.Servers[0].AcceptIssuer = func(_, tid string) bool { return tid == entraTenant }
				}
			})
		}
		rs := server(p.profile)
		with := func(change map[string]any) *http.Request {
			claims := maps.Clone(p.claims)
			maps.Copy(claims, change)
			maps.DeleteFunc(claims, func(_ string, v any) bool { return v == unitRemoved })
			return bearer(s.signTyped(t, p.typ, claims))
		}
		t.Run(p.name, func(t *testing.T) {
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
			marker, _, _ := strings.Cut(p.profile.Marker, "=")
			for _, v := range []any{unitRemoved, nil} {
				_, err = authenticate(t, rs, with(map[string]any{marker: v}))
				if !errors.Is(err, ErrInvalid) {
					t.Errorf("without %s: %v", marker, err)
				}
			}
			for name, kind := range map[string]error{"exp": ErrClaim, "iat": ErrClaim, "iss": ErrClaim, "aud": ErrClaim, p.profile.ClientIDClaim: ErrClaim} {
				if _, there := p.claims[name]; !there {
					continue
				}
				if name == marker {
					kind = ErrType
				}
				_, err = authenticate(t, rs, with(map[string]any{name: unitRemoved}))
				wantError(t, err, kind, name)
			}
			if p.profile.ClientIDs == nil {
				_, err = authenticate(t, rs, with(map[string]any{"aud": "another"}))
				wantError(t, err, ErrAudience, "aud")
			} else {
				_, err = authenticate(t, rs, with(map[string]any{"client_id": "another"}))
				wantError(t, err, ErrAudience, "client_id")
			}
			_, err = authenticate(t, rs, bearer(s.sign(t, "logout+jwt", p.claims)))
			wantError(t, err, ErrType, "typ")

			// Without the profile the token is refused, and the developer is told.
			_, err = authenticate(t, server(nil), with(nil))
			if !errors.Is(err, ErrInvalid) || p.hinted != "" && !strings.Contains(err.Error(), p.hinted) {
				t.Errorf("without a profile: %v", err)
			}
			if _, _, h := codeOf(rs, err); strings.Contains(h.Get("WWW-Authenticate"), "rofile") {
				t.Error("the client is told as well")
			}
			// Nothing is said of a token that fails for something else.
			_, err = authenticate(t, server(nil), with(map[string]any{"exp": unitTime - 100}))
			if !errors.Is(err, ErrInvalid) || strings.Contains(err.Error(), "Profile") {
				t.Errorf("expired, without a profile: %v", err)
			}
		})
	}
}
