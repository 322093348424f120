package oauth_test

// The Go code of docs/providers that logs users in. Lines that end in "// test" are not on
// the pages: TestProviderPageCode compares the rest.

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"example.com/oauth"
	"example.com/oauth/weblogin"
)

// docs/providers/google.md
func googleLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://accounts.google.com", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "1234987819200.apps.googleusercontent.com"},
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{
		Name: "google", Title: "Google", Client: client,
		Claims: []string{"email", "email_verified", "hd"},
	}
	return provider // test
}

// docs/providers/google.md
func googleOffline(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client := googleLogin(web, secret).Client // test
	provider := weblogin.Provider{
		Name: "google", Title: "Google", Client: client, Tokens: true,
		Request: oauth.AuthorizationRequest{
			Scope:  []string{"openid", "email", "https://www.googleapis.com/auth/calendar.readonly"},
			Params: url.Values{"access_type": {"offline"}}, // asks for a refresh token
			Prompt: "consent",                              // gets one at each login, not at the first alone
		},
	}
	return provider // test
}

// docs/providers/entra.md
func entraLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "00001111-aaaa-2222-bbbb-3333cccc4444"},
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "entra", Title: "Microsoft", Client: client, Claims: []string{"oid", "tid", "name"}}
	return provider // test
}

// docs/providers/entra.md
func entraTenantsLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	tenants := map[string]bool{"aaaabbbb-0000-cccc-1111-dddd2222eeee": true} // the customers
	opts := &oauth.DiscoverOptions{Issuer: "https://login.microsoftonline.com/{tenantid}/v2.0"}
	client, err := oauth.NewClientFromIssuer("https://login.microsoftonline.com/common/v2.0", opts, oauth.Config{
		Metadata:     oauth.ClientMetadata{ClientID: "00001111-aaaa-2222-bbbb-3333cccc4444"},
		Auth:         oauth.ClientSecretPost(secret),
		AcceptIssuer: func(_, tid string) bool { return tenants[tid] },
		HTTPClient:   web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "entra", Title: "Microsoft", Client: client, Claims: []string{"oid", "tid", "name"}}
	return provider // test
}

// docs/providers/entra-external-id.md
func externalIDLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	issuer := "https://aaaabbbb-0000-cccc-1111-dddd2222eeee.ciamlogin.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0"
	opts := &oauth.DiscoverOptions{
		URL: "https://contoso.ciamlogin.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0/.well-known/openid-configuration",
	}
	client, err := oauth.NewClientFromIssuer(issuer, opts, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "00001111-aaaa-2222-bbbb-3333cccc4444"},
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "customers", Title: "Contoso", Client: client}
	return provider // test
}

// docs/providers/entra-external-id.md
func b2cLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	opts := &oauth.DiscoverOptions{
		URL: "https://myorgb2c.b2clogin.com/4c2f1234-0123-4567-7654-123321828afd/b2c_1_signup-signin/v2.0/.well-known/openid-configuration",
	}
	client, err := oauth.NewClientFromIssuer("https://myorgb2c.b2clogin.com/4c2f1234-0123-4567-7654-123321828afd/v2.0/", opts, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "00001111-aaaa-2222-bbbb-3333cccc4444"},
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{
		Name: "customers", Title: "My organization", Client: client,
		Request: oauth.AuthorizationRequest{Scope: []string{"openid"}},
		Claims:  []string{"emails", "tfp"},
	}
	return provider // test
}

// docs/providers/apple.md
func appleLogin(web *oauth.ProviderWeb, pem []byte) weblogin.Provider {
	key, err := oauth.ParseSigningKey(pem, oauth.ES256, "KEYID12345") // the file AuthKey_KEYID12345.p8
	check(err)
	secret := func(context.Context) (string, error) {
		now := time.Now().Unix()
		return key.SignJWT("JWT", map[string]any{
			"iss": "TEAM123456", "sub": "com.example.app", "aud": "https://appleid.apple.com",
			"iat": now, "exp": now + 300,
		})
	}
	client, err := oauth.NewClientFromIssuer("https://appleid.apple.com", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "com.example.app"}, // the Services ID
		Auth:       oauth.ClientSecretPostFunc(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{
		Name: "apple", Title: "Apple", Client: client,
		Request: oauth.AuthorizationRequest{Scope: []string{"openid", "email", "name"}, ResponseMode: "form_post"},
		Claims:  []string{"email", "email_verified", "is_private_email"},
	}
	return provider // test
}

// docs/providers/github.md
func githubLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClient(oauth.Config{
		Server: &oauth.AuthorizationServer{
			Issuer:                "https://github.com",
			AuthorizationEndpoint: "https://github.com/login/oauth/authorize",
			TokenEndpoint:         "https://github.com/login/oauth/access_token",
		},
		Metadata:   oauth.ClientMetadata{ClientID: "Iv1.8a61f9b3a7aba766"},
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	identify := func(ctx context.Context, t *oauth.Token) (weblogin.User, map[string]any, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.github.com/user", nil)
		if err != nil {
			return weblogin.User{}, nil, err
		}
		resp, err := client.Do(req, t)
		if err != nil {
			return weblogin.User{}, nil, err
		}
		defer resp.Body.Close()
		var user struct{ ID int64 }
		err = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&user)
		if err != nil || resp.StatusCode != http.StatusOK || user.ID == 0 {
			return weblogin.User{}, nil, err // no user: the login fails
		}
		return weblogin.User{Issuer: "https://github.com", Subject: strconv.FormatInt(user.ID, 10)}, nil, nil
	}
	provider := weblogin.Provider{
		Name: "github", Title: "GitHub", Client: client, Identify: identify,
		Request: oauth.AuthorizationRequest{Scope: []string{"read:user"}},
	}
	return provider // test
}

// docs/providers/gitlab.md
func gitlabLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://gitlab.example", nil, oauth.Config{ // or https://gitlab.com
		Metadata:   oauth.ClientMetadata{ClientID: "client"}, // the Application ID
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "gitlab", Title: "GitLab", Client: client, Claims: []string{"groups_direct"}}
	return provider // test
}

// docs/providers/linkedin.md
func linkedInLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://www.linkedin.com/oauth", nil, oauth.Config{
		Metadata:        oauth.ClientMetadata{ClientID: "78jd8"},
		Auth:            oauth.ClientSecretPost(secret),
		AllowTokenTypes: []string{""},
		HTTPClient:      web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{
		Name: "linkedin", Title: "LinkedIn", Client: client,
		Request: oauth.AuthorizationRequest{InsecureNoPKCE: true, InsecureNoNonce: true},
		Claims:  []string{"name", "email", "email_verified"},
	}
	return provider // test
}

// docs/providers/slack.md
func slackLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://slack.com", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "25259531569.1115258246291"},
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{
		Name: "slack", Title: "Slack", Client: client,
		Claims: []string{"email", "email_verified", "https://slack.com/team_id"},
	}
	return provider // test
}

// docs/providers/salesforce.md
func salesforceLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://d1r000002.my.salesforce.example", nil, oauth.Config{ // My Domain
		Metadata:   oauth.ClientMetadata{ClientID: "3MVG9lKcPoNINVB"}, // the Consumer Key
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "salesforce", Title: "Salesforce", Client: client}
	return provider // test
}

// docs/providers/okta.md
func oktaLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://example.okta.example", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "uAaunofWkaDJxukCFeBx"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "okta", Title: "Okta", Client: client, Claims: []string{"name"}}
	return provider // test
}

// docs/providers/auth0.md
func auth0Login(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://my-domain.auth0.example/", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "my_client_id"},
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{
		Name: "auth0", Title: "Auth0", Client: client,
		Request: oauth.AuthorizationRequest{Params: url.Values{"audience": {"https://example.com/health-api"}}}, // for an API
		Claims:  []string{"email", "email_verified"},
	}
	return provider // test
}

// docs/providers/keycloak.md
func keycloakLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://kc.example/realms/demo", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "keycloak", Title: "Keycloak", Client: client, Claims: []string{"email_verified"}}
	return provider // test
}

// docs/providers/cognito.md
func cognitoLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://cognito-idp.us-west-2.amazonaws.example/us-west-2_example", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "xxxxxxxxxxxxexample"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "cognito", Title: "Cognito", Client: client, Claims: []string{"email", "cognito:groups"}}
	return provider // test
}

// docs/providers/pingfederate.md
func pingFederateLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://ping.example", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "ping", Title: "Ping", Client: client}
	return provider // test
}

// docs/providers/adfs.md
func adfsLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://adfs.contoso.example/adfs", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "client"},
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{
		Name: "adfs", Title: "Contoso", Client: client,
		Request: oauth.AuthorizationRequest{Scope: []string{"openid"}},
		Claims:  []string{"upn"},
	}
	return provider // test
}

// docs/providers/hydra.md
func hydraLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://hydra.example", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{
		Name: "hydra", Title: "Example", Client: client,
		Request: oauth.AuthorizationRequest{
			Scope:  []string{"openid", "orders"},
			Params: url.Values{"audience": {"https://api.example"}}, // for an API
		},
	}
	return provider // test
}

// docs/providers/authelia.md
func autheliaLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://authelia.example", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "authelia", Title: "Authelia", Client: client}
	return provider // test
}

// docs/providers/authentik.md
func authentikLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://mydomain.example/application/o/appname/", nil, oauth.Config{ // with the slash
		Metadata:   oauth.ClientMetadata{ClientID: "c503dd"},
		Auth:       oauth.ClientSecretPost(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "authentik", Title: "authentik", Client: client, Claims: []string{"email", "groups"}}
	return provider // test
}

// docs/providers/dex.md
func dexLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://dex.example", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "web-app"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{
		Name: "dex", Title: "dex", Client: client,
		Request: oauth.AuthorizationRequest{Scope: []string{"openid", "email", "groups", "federated:id"}},
		Claims:  []string{"email", "email_verified", "groups", "federated_claims"},
	}
	return provider // test
}

// docs/providers/zitadel.md
func zitadelLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://z.example", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "app1"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "zitadel", Title: "Zitadel", Client: client}
	return provider // test
}

// docs/providers/lemonldap-ng.md
func lemonLDAPLogin(web *oauth.ProviderWeb, secret string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer("https://auth.example.com", nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "rp"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{Name: "lemonldap", Title: "Example", Client: client}
	return provider // test
}

// docs/providers/login-gov.md
func loginGovLogin(web *oauth.ProviderWeb, pem []byte) weblogin.Provider {
	key, err := oauth.ParseSigningKey(pem, oauth.RS256, "") // of the certificate that is registered
	check(err)
	client, err := oauth.NewClientFromIssuer("https://idp.int.identitysandbox.gov", nil, oauth.Config{ // or https://secure.login.gov
		Metadata:   oauth.ClientMetadata{ClientID: "urn:gov:gsa:openidconnect.profiles:sp:sso:agency:app"},
		Auth:       oauth.PrivateKeyJWT(key, &oauth.AssertionOptions{Audience: oauth.TokenEndpointAudience}),
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	provider := weblogin.Provider{
		Name: "login-gov", Title: "Login.gov", Client: client,
		Request: oauth.AuthorizationRequest{
			Scope:      []string{"openid", "email"},
			RequireACR: []string{"http://idmanagement.gov/ns/assurance/ial/1"},
			Prompt:     "select_account",
		},
	}
	return provider // test
}
