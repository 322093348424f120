package oauth_test

// Each page of docs/providers against its fixture: the code of the page in an API.
// provider_code_api_test.go has the code.

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/oauth"
)

const (
	unitTime    = 1_700_000_000 // of the fixtures
	pageSecret  = "secret-of-the-client"
	plainAnswer = `{"access_token":"at","token_type":"Bearer","expires_in":3600,"id_token":"ID_TOKEN"}`
	entraTenant = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	entraClient = "00001111-aaaa-2222-bbbb-3333cccc4444"
	b2cTenant   = "4c2f1234-0123-4567-7654-123321828afd"
	wellKnown   = "/.well-known/openid-configuration"
)

// endpoints are the metadata of a server whose endpoints are under its issuer.
func endpoints(issuer, more string) string {
	base := strings.TrimSuffix(issuer, "/")
	return `{"issuer":"` + issuer + `","authorization_endpoint":"` + base + `/authorize","token_endpoint":"` + base + `/token","jwks_uri":"` + base +
		`/jwks","id_token_signing_alg_values_supported":["RS256"]` + more + `}`
}

// An apiPage is an API with the configuration of a page.
type apiPage struct {
	file      string
	api       func(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer
	provider  string   // whose rows it accepts
	except    []string // those for which the page has to be changed, as it says
	issuer    string   // of the metadata; empty: they are on the page
	jwksURI   string   // where the page says it
	keyIssuer string
}

var apiPages = []apiPage{
	{
		file: "entra.md", api: entraAPI, provider: "Entra", except: []string{"a token of an application, with roles in place of scopes"},
		issuer:    "https://login.microsoftonline.com/" + entraTenant + "/v2.0",
		keyIssuer: "https://login.microsoftonline.com/{tenantid}/v2.0",
	},
	{file: "okta.md", api: oktaAPI, provider: "Okta", issuer: "https://example.okta.example/oauth2/default"},
	{file: "auth0.md", api: auth0API, provider: "Auth0", except: []string{"permissions in place of scopes"}, issuer: "https://my-domain.auth0.example/"},
	{
		file: "keycloak.md", api: keycloakAPI, provider: "Keycloak", except: []string{"a lightweight token: the client, and no audience and no user"},
		issuer: "https://kc.example/realms/demo",
	},
	{file: "cognito.md", api: cognitoAPI, provider: "Cognito", issuer: "https://cognito-idp.us-east-1.amazonaws.example/us-east-1_example"},
	{file: "pingfederate.md", api: pingFederateAPI, provider: "PingFederate", issuer: "https://ping.example"},
	{file: "adfs.md", api: adfsAPI, provider: "AD FS", issuer: "https://adfs.contoso.example/adfs"},
	{file: "hydra.md", api: hydraAPI, provider: "Hydra", issuer: "https://hydra.example"},
	{file: "authelia.md", api: autheliaAPI, provider: "Authelia", issuer: "https://authelia.example"},
	{file: "zitadel.md", api: zitadelAPI, provider: "Zitadel", issuer: "https://z.example"},
	{file: "lemonldap-ng.md", api: lemonLDAPAPI, provider: "LemonLDAP::NG", issuer: "https://auth.example.com"},
	{file: "kubernetes.md", api: kubernetesAPI, provider: "Kubernetes", issuer: "https://kubernetes.example"},
	{file: "github-actions.md", api: githubActionsAPI, provider: "GitHub Actions", issuer: "https://token.actions.githubusercontent.com"},
	{file: "gitlab-ci.md", api: gitlabCIAPI, provider: "GitLab CI", issuer: "https://gitlab.com"},
	{file: "google-iap.md", api: googleIAPAPI, provider: "Google IAP", jwksURI: "https://www.gstatic.com/iap/verify/public_key-jwk"},
	{file: "google-cloud-run.md", api: cloudRunAPI, provider: "Google Cloud service identity", issuer: "https://accounts.google.com"},
	{file: "google-pubsub.md", api: pubSubAPI, provider: "Google Pub/Sub push", issuer: "https://accounts.google.com"},
	{
		file: "cloudflare-access.md", api: cloudflareAPI, provider: "Cloudflare Access",
		jwksURI: "https://yourteam.cloudflareaccess.com/cdn-cgi/access/certs",
	},
	{
		file: "firebase.md", api: firebaseAPI, provider: "Firebase",
		jwksURI: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
	},
	{file: "clerk.md", api: clerkAPI, provider: "Clerk", jwksURI: "https://clerk.example.com/.well-known/jwks.json"},
	{file: "duende-identityserver.md", api: duendeAPI, provider: "Duende IdentityServer", issuer: "https://ids.example"},
	{file: "spiffe.md", api: spiffeAPI, provider: "SPIFFE JWT-SVID", issuer: "https://oidc.example.org"},
	{file: "supabase.md", api: supabaseAPI, provider: "Supabase", jwksURI: "https://abcdefghijklmnopqrst.supabase.co/auth/v1/.well-known/jwks.json"},
}

// server is the API of the page, and its provider.
func (p *apiPage) server(t *testing.T) (*oauth.ProviderWeb, *oauth.ResourceServer) {
	t.Helper()
	jwksURI := p.jwksURI
	if jwksURI == "" {
		jwksURI = strings.TrimSuffix(p.issuer, "/") + "/jwks"
	}
	web := oauth.NewProviderWeb(p.keyIssuer, jwksURI)
	if p.issuer != "" {
		web.Set(strings.TrimSuffix(p.issuer, "/")+wellKnown, endpoints(p.issuer, ""))
	}
	return web, p.api(t.Context(), web)
}

// TestProviderPagesAPI: an API with the configuration of each page accepts the tokens of the
// provider's fixtures, and none of their twins.
func TestProviderPagesAPI(t *testing.T) {
	for _, p := range apiPages {
		t.Run(p.file, func(t *testing.T) {
			web, rs := p.server(t)
			oauth.PresentProviderTokens(t, web, p.provider, p.except, rs)
		})
	}
}

// TestProviderPagesAreTested: every page has a test here, and each test a page.
func TestProviderPagesAreTested(t *testing.T) {
	tested := map[string]bool{}
	for _, p := range loginPages {
		tested[p.file] = true
	}
	for _, p := range apiPages {
		tested[p.file] = true
	}
	files, err := filepath.Glob("docs/providers/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if name != "README.md" && !tested[name] {
			t.Errorf("%s is not tested", name)
		}
		delete(tested, name)
	}
	if len(tested) > 0 {
		t.Errorf("there is no page %v", slices.Sorted(maps.Keys(tested)))
	}
}

// apiPageOf is that of a file.
func apiPageOf(t *testing.T, file string) *apiPage {
	t.Helper()
	i := slices.IndexFunc(apiPages, func(p apiPage) bool { return p.file == file })
	if i < 0 {
		t.Fatalf("no %s", file)
	}
	return &apiPages[i]
}

// TestProviderPageHeader: the token counts in the field of the proxy, and nowhere else.
func TestProviderPageHeader(t *testing.T) {
	for file, field := range map[string]string{"google-iap.md": "X-Goog-Iap-Jwt-Assertion", "cloudflare-access.md": "Cf-Access-Jwt-Assertion"} {
		p := apiPageOf(t, file)
		web, rs := p.server(t)
		token, other := oauth.ProviderTokens(t, web, p.provider)
		served := 0
		// A Require inside asks for no other credentials.
		h := fromHeader(rs, field, rs.Require(oauth.Requirement{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			served++
			if token, ok := oauth.AccessTokenFromContext(r.Context()); !ok || token.Issuer() == "" {
				t.Errorf("%s: %v", file, token)
			}
		})))
		for _, c := range []struct {
			name   string
			header http.Header
			code   int
		}{
			{"as the proxy sends it", http.Header{field: {token}}, http.StatusOK},
			{"without it", http.Header{}, http.StatusUnauthorized},
			{"as a bearer token", http.Header{"Authorization": {"Bearer " + token}}, http.StatusUnauthorized},
			{"of somebody else", http.Header{field: {other}, "Authorization": {"Bearer " + token}}, http.StatusUnauthorized},
		} {
			r := httptest.NewRequest(http.MethodGet, "https://api.example/orders", nil)
			r.Header = c.header
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.code {
				t.Errorf("%s, %s: status %d", file, c.name, w.Code)
			}
		}
		if served != 1 {
			t.Errorf("%s: served %d times", file, served)
		}
	}
}

// TestProviderPageMayDeploy: the API tells the job that it wants from all others.
func TestProviderPageMayDeploy(t *testing.T) {
	p := apiPageOf(t, "github-actions.md")
	web, rs := p.server(t)
	for name, want := range map[string]bool{"": true, "repository_id": false, "environment": false} {
		raw := oauth.ProviderTokenWithAnother(t, web, p.provider, name)
		token, err := rs.AuthenticateCredential(t.Context(), oauth.Credential{Scheme: "Bearer", Token: raw})
		if err != nil || mayDeploy(token) != want {
			t.Errorf("with another %q: %v, %v", name, mayDeploy(token), err)
		}
	}
	if mayDeploy(nil) {
		t.Error("without a token")
	}
}

// TestProviderPageCloudRun: Cloud Run passes a token that it has checked itself on without its
// signature. To the API it is one that anybody can write.
func TestProviderPageCloudRun(t *testing.T) {
	p := apiPageOf(t, "google-cloud-run.md")
	web, rs := p.server(t)
	token, _ := oauth.ProviderTokens(t, web, p.provider)
	token = token[:strings.LastIndex(token, ".")+1] + "SIGNATURE_REMOVED_BY_GOOGLE"
	got, err := rs.AuthenticateCredential(t.Context(), oauth.Credential{Scheme: "Bearer", Token: token})
	if got != nil || !errors.Is(err, oauth.ErrInvalid) {
		t.Errorf("%v, %v", got, err)
	}
}
