package oauth_test

// The Go code of docs/providers for APIs: see provider_code_login_test.go.

import (
	"context"
	"net/http"

	"example.com/oauth"
)

// docs/providers/entra.md
func entraAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://api.example",
		Audiences:  []string{"00001111-aaaa-2222-bbbb-3333cccc4444"}, // the client id of the API's registration
		Servers:    []oauth.TrustedServer{{Server: as, Profile: oauth.EntraProfile()}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/okta.md
func oktaAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://example.okta.example/oauth2/default", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://api.example.com", // the audience of the authorization server
		Servers:    []oauth.TrustedServer{{Server: as, Profile: oauth.OktaProfile()}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/auth0.md
func auth0API(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://my-domain.auth0.example/", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://example.com/health-api", // the identifier of the API
		Servers:    []oauth.TrustedServer{{Server: as, Profile: oauth.Auth0Profile()}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/keycloak.md
func keycloakAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://kc.example/realms/demo", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://api.example",
		Audiences:  []string{"orders"}, // of the audience mapper
		Servers:    []oauth.TrustedServer{{Server: as, Profile: oauth.KeycloakProfile()}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/cognito.md
func cognitoAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://cognito-idp.us-east-1.amazonaws.example/us-east-1_example", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://api.example",
		Servers:    []oauth.TrustedServer{{Server: as, Profile: oauth.CognitoProfile("xxxxxxxxxxxxexample")}}, // its clients
		HTTPClient: web.HTTPClient(), Clock: web.Clock(),                                                      // test
	})
	check(err)
	return rs // test
}

// docs/providers/pingfederate.md
func pingFederateAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://ping.example", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example",
		Servers: []oauth.TrustedServer{{
			Server:  as,
			Profile: &oauth.AccessTokenProfile{Types: []string{""}, Marker: "client_id", Optional: []string{"jti", "sub"}},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/adfs.md
func adfsAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://adfs.contoso.example/adfs", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://orders.contoso.example/", // the identifier of the Web API
		Servers: []oauth.TrustedServer{{
			Server:  as,
			Profile: oauth.ADFSProfile("http://adfs.contoso.example/adfs/services/trust"), // its access_token_issuer
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/hydra.md
func hydraAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://hydra.example", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://api.example",
		Servers:    []oauth.TrustedServer{{Server: as, Profile: oauth.HydraProfile()}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/authelia.md
func autheliaAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://authelia.example", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://api.example",
		Servers:    []oauth.TrustedServer{{Server: as, Profile: oauth.AutheliaProfile()}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/zitadel.md
func zitadelAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://z.example", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://api.example",
		Audiences:  []string{"1234567890"}, // the project
		Servers:    []oauth.TrustedServer{{Server: as, Profile: &oauth.AccessTokenProfile{Types: []string{"JWT"}, Marker: "jti"}}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/lemonldap-ng.md
func lemonLDAPAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://auth.example.com", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example", // an additional audience of the client
		Servers: []oauth.TrustedServer{{
			Server: as, Profile: &oauth.AccessTokenProfile{Types: []string{"JWT", "at+jwt"}, Marker: "client_id"},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/kubernetes.md
func kubernetesAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://kubernetes.example", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example", // the audience of the projected volume
		Servers: []oauth.TrustedServer{{
			Server:  as,
			Profile: &oauth.AccessTokenProfile{Types: []string{""}, Marker: "kubernetes.io", Optional: []string{"jti", "client_id"}},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/github-actions.md
func githubActionsAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://token.actions.githubusercontent.com", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example", // the audience that the job asks for
		Servers: []oauth.TrustedServer{{
			Server:  as,
			Profile: &oauth.AccessTokenProfile{Types: []string{"JWT"}, Marker: "repository_owner_id", Optional: []string{"client_id"}},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// mayDeploy reports whether t is the token of a GitHub job that may deploy.
func mayDeploy(t *oauth.AccessToken) bool {
	var job struct {
		Repository  string `json:"repository_id"`
		Environment string `json:"environment"`
	}
	err := t.Claims(&job)
	return err == nil && t.Issuer() == "https://token.actions.githubusercontent.com" && job.Repository == "74" && job.Environment == "prod"
}

// docs/providers/gitlab-ci.md
func gitlabCIAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://gitlab.com", web.Options()) // or the instance
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example", // the audience that the job asks for
		Servers: []oauth.TrustedServer{{
			Server:  as,
			Profile: &oauth.AccessTokenProfile{Types: []string{"JWT", ""}, Marker: "project_id", Optional: []string{"client_id"}},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/google-iap.md
func googleIAPAPI(_ context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:  "https://api.example",
		Audiences: []string{"/projects/123456789/global/backendServices/987654321"},
		Servers: []oauth.TrustedServer{{
			Server: &oauth.AuthorizationServer{
				Issuer:  "https://cloud.google.com/iap",
				JWKSURI: "https://www.gstatic.com/iap/verify/public_key-jwk",
			},
			Profile: &oauth.AccessTokenProfile{Types: []string{"JWT", ""}, Marker: "email", Optional: []string{"jti", "client_id"}},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// fromHeader authenticates requests by the token that a proxy puts into the field.
func fromHeader(rs *oauth.ResourceServer, field string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, err := rs.AuthenticateCredential(r.Context(), oauth.Credential{Scheme: "Bearer", Token: r.Header.Get(field)})
		if err != nil {
			rs.WriteError(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(oauth.ContextWithAccessToken(r.Context(), t)))
	})
}

// docs/providers/google-cloud-run.md
func cloudRunAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://accounts.google.com", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://orders-1234567890.europe-west1.run.app", // the audience that the caller asks for
		Servers: []oauth.TrustedServer{{
			Server: as,
			Profile: &oauth.AccessTokenProfile{
				Types: []string{"JWT"}, Marker: "email_verified", ClientIDClaim: "azp", Optional: []string{"jti"},
			},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/google-pubsub.md
func pubSubAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://accounts.google.com", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example.com/push", // the audience of the subscription
		Servers: []oauth.TrustedServer{{
			Server: as,
			Profile: &oauth.AccessTokenProfile{
				Types: []string{"JWT"}, Marker: "email_verified", ClientIDClaim: "azp", Optional: []string{"jti"},
			},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/cloudflare-access.md
func cloudflareAPI(_ context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:  "https://api.example",
		Audiences: []string{"32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228"}, // the AUD tag
		Servers: []oauth.TrustedServer{{
			Server: &oauth.AuthorizationServer{
				Issuer:  "https://yourteam.cloudflareaccess.com",
				JWKSURI: "https://yourteam.cloudflareaccess.com/cdn-cgi/access/certs",
			},
			Profile: &oauth.AccessTokenProfile{Types: []string{"JWT"}, Marker: "type=app", Optional: []string{"sub", "jti", "client_id"}},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/firebase.md
func firebaseAPI(_ context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:  "https://api.example",
		Audiences: []string{"my-project"},
		Servers: []oauth.TrustedServer{{
			Server: &oauth.AuthorizationServer{
				Issuer:  "https://securetoken.google.com/my-project",
				JWKSURI: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
			},
			Profile: &oauth.AccessTokenProfile{Types: []string{"JWT", ""}, Marker: "firebase", Optional: []string{"jti", "client_id"}},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/clerk.md
func clerkAPI(_ context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example",
		Servers: []oauth.TrustedServer{{
			Server: &oauth.AuthorizationServer{
				Issuer:  "https://clerk.example.com",
				JWKSURI: "https://clerk.example.com/.well-known/jwks.json",
			},
			Profile: &oauth.AccessTokenProfile{
				Types: []string{"JWT", ""}, Marker: "sid", ClientIDClaim: "azp", Optional: []string{"jti"},
				ClientIDs: []string{"https://app.example.com"}, // the origins of the application
			},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/duende-identityserver.md
func duendeAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://ids.example", web.Options())
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:  "https://api.example",
		Audiences: []string{"invoice"}, // the API resource
		Servers: []oauth.TrustedServer{{
			Server: as, Profile: &oauth.AccessTokenProfile{Types: []string{"at+jwt"}, Optional: []string{"sub"}},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/spiffe.md
func spiffeAPI(ctx context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	as, err := oauth.Discover(ctx, "https://oidc.example.org", web.Options()) // the jwt_issuer
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:  "https://api.example",
		Audiences: []string{"spiffe://example.org/reports"},
		Servers: []oauth.TrustedServer{{
			Server:  as,
			Profile: &oauth.AccessTokenProfile{Types: []string{"JWT", "JOSE", ""}, Marker: "sub", Optional: []string{"jti", "iat", "client_id"}},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}

// docs/providers/supabase.md
func supabaseAPI(_ context.Context, web *oauth.ProviderWeb) *oauth.ResourceServer {
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:  "https://api.example",
		Audiences: []string{"authenticated"}, // that of all projects: the issuer names the project
		Servers: []oauth.TrustedServer{{
			Server: &oauth.AuthorizationServer{
				Issuer:  "https://abcdefghijklmnopqrst.supabase.co/auth/v1",
				JWKSURI: "https://abcdefghijklmnopqrst.supabase.co/auth/v1/.well-known/jwks.json",
			},
			Profile: &oauth.AccessTokenProfile{Types: []string{"JWT"}, Marker: "role=authenticated", Optional: []string{"jti", "client_id"}},
		}},
		HTTPClient: web.HTTPClient(), Clock: web.Clock(), // test
	})
	check(err)
	return rs // test
}
