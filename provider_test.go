package oauth

// What providers send that the specifications do not have, and what tells their
// tokens apart. It is a list: each row names the provider, the oddity and where it was
// seen, then what is sent, what a user configures for it, and what becomes of it.
// Values that look like secrets are made up. What is accepted is sent again in the
// ways by which an attacker would gain, so that no leniency is a hole.
//
//   - provider_answers_test.go: token responses
//   - provider_idtoken_test.go: ID tokens
//   - provider_accesstoken_test.go: access tokens, at an API
//   - provider_recipes_test.go: those of them that have no profile in the package
//   - provider_device_test.go: the device flow
//   - provider_endpoints_test.go: metadata, keys, userinfo, introspection,
//     registration and logout
//   - provider_requests_test.go: what providers want of requests
//   - provider_web_test.go: all of it as it looks to a program that docs/providers configures;
//     provider_pages_login_test.go and provider_pages_api_test.go have the tests

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// providers must have a row each.
var providers = []string{
	"Google", "Entra v1", "Entra", "Entra, many tenants", "Azure AD B2C", "Apple", "Okta", "Auth0", "Keycloak", "Cognito", "GitHub", "GitLab",
	"LinkedIn", "Slack", "Discord", "Facebook", "Twitch", "Salesforce", "PingFederate", "AD FS", "WSO2", "Hydra", "Authelia", "authentik", "dex",
	"Zitadel", "LemonLDAP::NG", "glewlwyd", "django-oauth-toolkit", "CrowdStrike", "eBay", "Apigee", "IBM Cloud IAM", "Mattermost", "Login.gov",
	"Kubernetes", "Spring Authorization Server",
	"Clerk", "Cloudflare Access", "Duende IdentityServer", "Firebase", "Google IAP", "Supabase",
	"GitHub Actions", "GitLab CI", "Google Cloud service identity", "Google Pub/Sub push", "SPIFFE JWT-SVID",
}

// seen says whose oddity a row is, and where it was seen: a page of the provider's
// documentation, an issue, a source file.
type seen struct {
	provider string // one of providers
	what     string
	source   string
}

type claimsOf = map[string]any

// A providerTwin is what an attacker would gain by.
type providerTwin struct {
	what   string
	change claimsOf
	kind   error
	param  string
}

func (s seen) where() seen  { return s }
func (s seen) name() string { return s.provider + ", " + s.what }

// rowsOf are what the rows of a table are about.
func rowsOf[T interface{ where() seen }](table []T) (list []seen) {
	for _, row := range table {
		list = append(list, row.where())
	}
	return list
}

// providerRows are what all tables are about.
func providerRows() []seen {
	return slices.Concat(
		rowsOf(providerAnswers), rowsOf(providerIDTokens), rowsOf(providerAccessTokens), rowsOf(providerRecipes), rowsOf(providerDevices),
		rowsOf(providerDocuments), rowsOf(providerKeySets), rowsOf(providerUserInfos), rowsOf(providerIntrospections),
		rowsOf(providerRegistrations), rowsOf(providerLogouts), rowsOf(providerRequests),
	)
}

// TestProvidersHaveRows: the list is complete, and says where everything is from.
func TestProvidersHaveRows(t *testing.T) {
	rows := providerRows()
	missing, names := map[string]bool{}, map[string]bool{}
	for _, p := range providers {
		missing[p] = true
	}
	for _, row := range rows {
		if !slices.Contains(providers, row.provider) {
			t.Errorf("%q is not one of the providers", row.provider)
		}
		if row.what == "" || row.source == "" || names[row.name()] {
			t.Errorf("%s: it is not said what was seen and where (%q), or it is there twice", row.name(), row.source)
		}
		delete(missing, row.provider)
		names[row.name()] = true
	}
	if len(missing) > 0 {
		t.Errorf("there is no row for %v", slices.Sorted(maps.Keys(missing)))
	}
}

// newForger signs under the kid of a server whose key it does not have.
func newForger(s *unitServer) *unitServer {
	key := must(GenerateSigningKey(ES256))
	key.kid = s.key.kid
	return &unitServer{key: key}
}

// unsignedToken is what everybody can make.
func unsignedToken(t testing.TB, claims claimsOf) string {
	t.Helper()
	return encodeBase64URL([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encodeBase64URL([]byte(unitJSON(t, claims))) + "."
}

// answerMembers takes an answer apart, to be changed.
func answerMembers(t testing.TB, text string) (members map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatal(err)
	}
	return members
}
