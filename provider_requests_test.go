package oauth

// What providers want of requests that the specifications do not have: see
// provider_test.go.

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// A providerRequest is a login, and what the token endpoint has to get for it.
type providerRequest struct {
	seen
	config  func(*Config)
	request AuthorizationRequest
	grant   *GrantOptions
	want    url.Values // of the form; "": not there
	typ     string     // of the assertion
	aud     string
	answer  string // "": a plain one; ID_TOKEN as in providerAnswers
	bad     []providerMisuse
}

// A providerMisuse is the same configuration at a server, or with a response, of an
// attacker's.
type providerMisuse struct {
	what    string
	config  func(*Config)
	request AuthorizationRequest
	state   string // of the response, in place of the right one
	grant   *GrantOptions
	kind    error
}

func assertedWith(o AssertionOptions) func(*Config) {
	return func(c *Config) { c.Auth = PrivateKeyJWT(unitKey(), &o) }
}

const (
	graphScope      = "https://graph.example/User.Read"
	managementScope = "https://management.example/user_impersonation"
	ebayName        = "Corp_Inc-CorpInc-app-PRD-abcdef"
)

var (
	linkedInRequest = AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, InsecureNoPKCE: true, InsecureNoNonce: true}
	twoAPIs         = AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{graphScope, managementScope}}
)

var providerRequests = []providerRequest{
	{
		seen:   seen{"LinkedIn", "no verifier beside the secret", "UsefulSoftwareCo/executor#2087; teamhanko/hanko#2405; nextauthjs/next-auth#8831"},
		config: allowTypes(""), request: linkedInRequest,
		want:   url.Values{"code_verifier": {""}, "client_secret": {"the-client-secret"}},
		answer: `{"access_token":"at","expires_in":5183999,"id_token":"ID_TOKEN"}`,
		bad: []providerMisuse{
			{what: "another login's response", request: linkedInRequest, state: encodeBase64URL(make([]byte, 32)), kind: ErrState},
			{what: "a client without a secret", config: func(c *Config) { c.Auth = PublicClient() }, request: linkedInRequest, kind: ErrConfig},
		},
	},
	{
		seen: seen{"Entra", "the scope of one API, with a code for two",
			"AzureAD/microsoft-authentication-library-for-python#125; SecureAuthCorp/oauth2c#130"},
		request: twoAPIs, grant: &GrantOptions{Scope: []string{graphScope}}, want: url.Values{"scope": {graphScope}},
		bad: []providerMisuse{
			{what: "more than the user was asked for", request: twoAPIs, grant: &GrantOptions{Scope: []string{"https://graph.example/Mail.Read"}}, kind: ErrConfig},
		},
	},
	{
		seen:    seen{"eBay", "the redirect URI is a name", "jaredhanson/passport-oauth2#83; aspnet-contrib/AspNet.Security.OAuth.Providers#603"},
		request: AuthorizationRequest{RedirectURI: ebayName}, want: url.Values{"redirect_uri": {ebayName}},
		bad: []providerMisuse{
			{what: "another login's response", request: AuthorizationRequest{RedirectURI: ebayName}, state: encodeBase64URL(make([]byte, 32)), kind: ErrState},
			{
				what: "a response of nobody, where several servers have the name", request: AuthorizationRequest{RedirectURI: ebayName},
				config: func(c *Config) { c.RequireResponseIssuer = true }, kind: ErrIssuer,
			},
		},
	},
	{
		seen:   seen{"Login.gov", "the token endpoint for the audience of an assertion", "Token: _pages/oidc/token.md of GSA-TTS/identity-dev-docs"},
		config: assertedWith(AssertionOptions{Audience: TokenEndpointAudience}), request: plainRequest, typ: "JWT", aud: unitIssuer + "/token",
		// CVE-2025-27370: its metadata names the token endpoint of an honest server, and a
		// place of its own to which an assertion is sent.
		bad: []providerMisuse{{
			what: "at a server whose metadata name another's",
			config: func(c *Config) {
				c.Auth = PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: TokenEndpointAudience})
				c.Server.TokenEndpoint = "https://honest.example/token"
			},
			request: AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: true}, kind: ErrConfig,
		}},
	},
	{
		seen:   seen{"PingFederate", "a type of the assertion", "PingFederate 13.1, as draft-ietf-oauth-rfc7523bis has it"},
		config: assertedWith(AssertionOptions{Type: "client-authentication+jwt"}), request: plainRequest, typ: "client-authentication+jwt", aud: unitIssuer,
	},
	{
		seen: seen{"Entra, many tenants", "no issuer for the audience of an assertion",
			"Microsoft identity platform application authentication certificate credentials"},
		config: func(c *Config) {
			c.Auth = PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: TokenEndpointAudience})
			c.Server.Issuer, c.AcceptIssuer = tenantIssuer(tenantPlaceholder), func(_, tid string) bool { return tid == entraTenant }
		},
		request: plainRequest, typ: "JWT", aud: unitIssuer + "/token",
	},
}

// login starts a login and finishes it, with another state if there is one.
func (s *unitServer) login(t *testing.T, config func(*Config), r AuthorizationRequest, state string, grant *GrantOptions) (*Token, error) {
	t.Helper()
	c, err := NewClient(func() Config {
		cfg := s.config()
		if config != nil {
			config(&cfg)
		}
		return cfg
	}())
	if err != nil {
		return nil, err
	}
	a, err := c.StartAuthorization(context.Background(), &r)
	if err != nil {
		return nil, err
	}
	if state == "" {
		state = a.State()
	}
	return c.FinishAuthorization(httptest.NewRequest("GET", "/cb?code=the-code&state="+state, nil), a, grant)
}

func TestProviderRequests(t *testing.T) {
	for _, tt := range providerRequests {
		t.Run(tt.name(), func(t *testing.T) {
			s := newUnitServer()
			answer := cmp.Or(tt.answer, `{"access_token":"at","token_type":"Bearer"}`)
			s.answer("/token", strings.ReplaceAll(answer, "ID_TOKEN", s.sign(t, "JWT", unitClaims(nil))))
			if token, err := s.login(t, tt.config, tt.request, "", tt.grant); err != nil || token.AccessToken.Reveal() != "at" {
				t.Fatalf("%v, %v", token, err)
			}
			form := s.requests("/token")[0].form
			for name, want := range tt.want {
				if got := form.Get(name); got != want[0] || form.Has(name) != (want[0] != "") {
					t.Errorf("%s is %q, want %q", name, got, want[0])
				}
			}
			if tt.aud != "" {
				header, claims := clientauthAssertion(t, form.Get("client_assertion"), unitKey().signer.Public(), sha256.New)
				if header["typ"] != tt.typ || claims["aud"] != tt.aud {
					t.Errorf("assertion %v %v", header, claims)
				}
			}
			for _, bad := range tt.bad {
				before := len(s.requests("/token"))
				if token, err := s.login(t, bad.config, bad.request, bad.state, bad.grant); token != nil || !errors.Is(err, bad.kind) {
					t.Errorf("%s: %v, %v, want the kind %v", bad.what, token, err, bad.kind)
				}
				if len(s.requests("/token")) != before {
					t.Errorf("%s: the code was sent", bad.what)
				}
			}
		})
	}
}
