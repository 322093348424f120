package oauth

// Access tokens whose profiles are in docs/providers alone: see provider_test.go, and
// TestProfiles, which presents them and their twins.

import (
	"maps"
	"slices"
	"testing"
)

// accessTag is that of an application behind Cloudflare Access.
const accessTag = "32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228"

var providerRecipes = []providerAccessToken{
	{
		seen: seen{
			"Clerk", "a session token: the origin in azp, and no audience",
			"Session tokens, and Manual JWT verification, Clerk documentation; auth0/go-jwt-middleware#211",
		},
		profile: &AccessTokenProfile{
			Types: []string{"JWT", ""}, Marker: "sid", ClientIDClaim: "azp", Optional: []string{"jti"}, ClientIDs: []string{"https://app.example.com"},
		},
		issuer: "https://clerk.example.com", resource: unitResource, typ: "JWT",
		claims: claimsOf{
			"azp": "https://app.example.com", "exp": unitTime + 60, "fva": []int{7, -1}, "iat": unitTime, "iss": "https://clerk.example.com",
			"jti": "1234567890", "nbf": unitTime - 10, "sid": "sess_123", "sub": "user_123", "v": 2, "pla": "u:free", "sts": "active",
		},
		client: "https://app.example.com",
		// A custom JWT, of a template: it belongs to no session.
		idToken: claimsOf{
			"azp": "https://app.example.com", "exp": unitTime + 60, "iat": unitTime, "iss": "https://clerk.example.com", "jti": "10db7f531a90cb2faea4",
			"nbf": unitTime - 5, "sub": "user_123", "email": "user@example.com",
		},
		bad: []providerTwin{
			{"of another origin", claimsOf{"azp": "https://evil.example"}, ErrAudience, "azp"},
			{"of an origin on another port", claimsOf{"azp": "https://app.example.com:8443"}, ErrAudience, "azp"},
			{"for another API", claimsOf{"aud": "https://other.example"}, ErrAudience, "aud"},
			{"of a development instance", claimsOf{"iss": "https://example.clerk.accounts.dev"}, ErrIssuer, "iss"},
		},
		unchecked: claimsOf{"sts": "pending", "act": claimsOf{"iss": "https://dashboard.clerk.com", "sid": "sess_456", "sub": "user_456"}},
	},
	{
		seen: seen{"Cloudflare Access", "the token of a user", "Application token, and Validate JWTs, Cloudflare One documentation"},
		profile: &AccessTokenProfile{
			Types: []string{"JWT"}, Marker: "type=app", Optional: []string{"sub", "jti", "client_id"},
		},
		issuer: "https://yourteam.cloudflareaccess.com", resource: accessTag, typ: "JWT",
		claims: claimsOf{
			"aud": []string{accessTag}, "email": "user@example.com", "exp": unitTime + 60, "iat": unitTime, "nbf": unitTime,
			"iss": "https://yourteam.cloudflareaccess.com", "type": "app", "identity_nonce": "6ei69kawdKzMIAPF",
			"sub": "7335d417-61da-459d-899c-0a01c76a2f94", "country": "US",
		},
		// The session with the team.
		idToken: claimsOf{
			"aud": []string{accessTag}, "email": "user@example.com", "exp": unitTime + 60, "iat": unitTime, "nbf": unitTime,
			"iss": "https://yourteam.cloudflareaccess.com", "type": "org", "sub": "7335d417-61da-459d-899c-0a01c76a2f94",
		},
		bad: []providerTwin{
			{"for another application", claimsOf{"aud": []string{"97e2aae120121f902df8bc99fc345913ab186d174f3079ea729236766b2e7c4a"}}, ErrAudience, "aud"},
			{"of another team", claimsOf{"iss": "https://otherteam.cloudflareaccess.com"}, ErrIssuer, "iss"},
		},
		unchecked: claimsOf{"email": "other@example.com"},
	},
	{
		seen: seen{
			"Cloudflare Access", "a service token: an empty sub, and no nbf",
			"adrienkohlbecker/traefik-auth-cloudflare#6; cloudflare/freighter#75",
		},
		profile: &AccessTokenProfile{
			Types: []string{"JWT"}, Marker: "type=app", Optional: []string{"sub", "jti", "client_id"},
		},
		issuer: "https://yourteam.cloudflareaccess.com", resource: accessTag, typ: "JWT",
		claims: claimsOf{
			"type": "app", "aud": []string{accessTag}, "exp": unitTime + 60, "iss": "https://yourteam.cloudflareaccess.com",
			"common_name": "e367826f93b8d71185e03fe518aff3b4.access", "iat": unitTime, "sub": "",
		},
		idToken: claimsOf{
			"type": "org", "aud": []string{accessTag}, "exp": unitTime + 60, "iss": "https://yourteam.cloudflareaccess.com",
			"common_name": "e367826f93b8d71185e03fe518aff3b4.access", "iat": unitTime, "sub": "",
		},
		unchecked: claimsOf{"common_name": "00000000000000000000000000000000.access"},
	},
	{
		seen: seen{
			"Duende IdentityServer", "a client's own token: no sub, and a list of scopes",
			"DefaultClaimsService and CreateJwtPayloadDictionary, DuendeSoftware/IdentityServer",
		},
		profile: &AccessTokenProfile{Types: []string{"at+jwt"}, Optional: []string{"sub"}},
		issuer:  "https://ids.example", resource: "invoice", typ: "at+jwt",
		claims: claimsOf{
			"iss": "https://ids.example", "nbf": unitTime, "iat": unitTime, "exp": unitTime + 3600, "aud": "invoice",
			"scope": []string{"invoice.read", "invoice.pay"}, "client_id": "machine", "jti": "2C56A356A306E64AFC7D2C6399E23A17",
		},
		client: "machine", scope: "invoice.read invoice.pay",
		idToken: claimsOf{
			"iss": "https://ids.example", "nbf": unitTime, "iat": unitTime, "exp": unitTime + 300, "aud": "invoice", "sub": "1", "nonce": "n",
			"at_hash": "h", "auth_time": unitTime, "idp": "local", "amr": []string{"pwd"},
		},
		bad: []providerTwin{
			{"for every API of the server", claimsOf{"aud": "https://ids.example/resources"}, ErrAudience, "aud"},
			{"for no API resource", claimsOf{"aud": unitRemoved}, ErrClaim, "aud"},
		},
		unchecked: claimsOf{"client_id": "other", "scope": []string{"invoice.manage"}},
	},
	{
		seen: seen{
			"Firebase", "the ID token of a user, whose audience is the project",
			"Verify ID Tokens, Firebase documentation; auth.Token, firebase/firebase-admin-go",
		},
		profile: &AccessTokenProfile{Types: []string{"JWT", ""}, Marker: "firebase", Optional: []string{"jti", "client_id"}},
		issuer:  "https://securetoken.google.com/my-project", resource: "my-project", typ: "JWT",
		claims: claimsOf{
			"iss": "https://securetoken.google.com/my-project", "aud": "my-project", "auth_time": unitTime - 100, "user_id": "u1", "sub": "u1",
			"iat": unitTime, "exp": unitTime + 3600, "email": "user@example.com", "email_verified": true,
			"firebase": claimsOf{"identities": claimsOf{"email": []string{"user@example.com"}}, "sign_in_provider": "password"},
		},
		// One of somebody who uses its keys.
		idToken: claimsOf{
			"iss": "https://securetoken.google.com/my-project", "aud": "my-project", "sub": "u1", "iat": unitTime, "exp": unitTime + 3600,
		},
		bad: []providerTwin{
			// All projects have the same keys.
			{"of another project", claimsOf{"iss": "https://securetoken.google.com/evil-project", "aud": "evil-project"}, ErrIssuer, "iss"},
			{"for another project", claimsOf{"aud": "evil-project"}, ErrAudience, "aud"},
			{"a session cookie", claimsOf{"iss": "https://session.firebase.google.com/my-project"}, ErrIssuer, "iss"},
			{"a custom token", claimsOf{
				"iss": "admin@my-project.iam.gserviceaccount.com", "sub": "admin@my-project.iam.gserviceaccount.com", "uid": "u1",
				"aud": "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
			}, ErrIssuer, "iss"},
		},
		unchecked: claimsOf{"email_verified": false, "firebase": claimsOf{"identities": claimsOf{}, "sign_in_provider": "anonymous"}},
	},
	{
		seen: seen{"GitHub Actions", "a job's token, without a client", "OpenID Connect reference, GitHub documentation"},
		profile: &AccessTokenProfile{
			Types: []string{"JWT"}, Marker: "repository_owner_id", Optional: []string{"client_id"},
		},
		issuer: "https://token.actions.githubusercontent.com", resource: unitResource, typ: "JWT",
		claims: claimsOf{
			"iss": "https://token.actions.githubusercontent.com", "sub": "repo:octo-org/octo-repo:environment:prod", "aud": unitResource,
			"jti": "example-id", "exp": unitTime + 900, "nbf": unitTime - 300, "iat": unitTime, "environment": "prod", "ref": "refs/heads/main",
			"ref_type": "branch", "sha": "example-sha", "repository": "octo-org/octo-repo", "repository_id": "74", "repository_owner": "octo-org",
			"repository_owner_id": "65", "repository_visibility": "private", "actor": "octocat", "actor_id": "12", "event_name": "workflow_dispatch",
			"workflow": "example-workflow", "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
			"run_id": "1", "run_number": "10", "run_attempt": "2", "runner_environment": "github-hosted", "base_ref": "", "head_ref": "",
		},
		// Nobody else uses its keys: this is one of somebody who does.
		idToken: claimsOf{
			"iss": "https://token.actions.githubusercontent.com", "sub": "u", "aud": unitResource, "exp": unitTime + 900, "iat": unitTime, "jti": "j",
		},
		bad: []providerTwin{
			{"for nobody in particular", claimsOf{"aud": "https://github.com/octo-org"}, ErrAudience, "aud"},
			{"of an Enterprise Server", claimsOf{"iss": "https://github.example/_services/token"}, ErrIssuer, "iss"},
			{"from before its time", claimsOf{"nbf": unitTime + 600}, ErrNotYetValid, "nbf"},
		},
		unchecked: claimsOf{
			"repository_owner_id": "666", "repository_id": "667", "environment": "test", "ref": "refs/pull/1/merge", "event_name": "pull_request",
		},
		anybody: true,
	},
	{
		seen: seen{
			"GitLab CI", "a job's token, of the issuer that also logs users in",
			"OpenID Connect (OIDC) Authentication Using ID Tokens, GitLab documentation",
		},
		profile: &AccessTokenProfile{Types: []string{"JWT", ""}, Marker: "project_id", Optional: []string{"client_id"}},
		issuer:  "https://gitlab.com", resource: unitResource, typ: "JWT",
		claims: claimsOf{
			"namespace_id": "72", "namespace_path": "my-group", "project_id": "20", "project_path": "my-group/my-project", "user_id": "1",
			"user_login": "sample-user", "user_email": "sample-user@example.com", "pipeline_id": "574", "pipeline_source": "push", "job_id": "302",
			"ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true", "environment": "production",
			"environment_protected": "true", "deployment_tier": "production", "runner_id": 1, "runner_environment": "self-hosted",
			"sha": "714a629c0b401fdce83e847fc9589983fc6f46bc", "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b", "iss": "https://gitlab.com",
			"iat": unitTime, "nbf": unitTime - 5, "exp": unitTime + 3600,
			"sub": "project_path:my-group/my-project:ref_type:branch:ref:main", "aud": unitResource,
		},
		idToken: claimsOf{
			"iss": "https://gitlab.com", "sub": "1", "aud": unitResource, "exp": unitTime + 120, "iat": unitTime, "auth_time": unitTime, "nonce": "n",
			"nickname": "sample-user", "groups_direct": []string{"my-group"},
		},
		bad: []providerTwin{
			{"for nobody in particular", claimsOf{"aud": "https://gitlab.com"}, ErrAudience, "aud"},
			{"of another instance", claimsOf{"iss": "https://gitlab.example.com"}, ErrIssuer, "iss"},
		},
		unchecked: claimsOf{"namespace_id": "666", "project_id": "667", "ref_protected": "false", "environment_protected": "false"},
		anybody:   true,
	},
	{
		seen: seen{
			"Google Cloud service identity", "a service account's ID token at Cloud Run",
			"gcloud auth print-identity-token, Google Cloud SDK reference; mdovhopo/google-sa-id-token; IsSignatureRemoved, einride/iam-go",
		},
		profile: &AccessTokenProfile{Types: []string{"JWT"}, Marker: "email_verified", ClientIDClaim: "azp", Optional: []string{"jti"}},
		issuer:  "https://accounts.google.com", resource: "https://orders-1234567890.europe-west1.run.app", typ: "JWT",
		claims: claimsOf{
			"aud": "https://orders-1234567890.europe-west1.run.app", "azp": "113774264463038321964",
			"email": "web@my-project.iam.gserviceaccount.com", "email_verified": true, "exp": unitTime + 3600, "iat": unitTime,
			"iss": "https://accounts.google.com", "sub": "113774264463038321964",
		},
		client: "113774264463038321964",
		// A user's: Google has no other audiences for them than clients.
		idToken: claimsOf{
			"aud": "1234.apps.googleusercontent.com", "azp": "1234.apps.googleusercontent.com", "email": "user@example.com", "email_verified": true,
			"exp": unitTime + 3600, "iat": unitTime, "iss": "https://accounts.google.com", "sub": "10769150350006150715113082367", "at_hash": "h",
		},
		bad: []providerTwin{
			{"for another service", claimsOf{"aud": "https://billing-1234567890.europe-west1.run.app"}, ErrAudience, "aud"},
			{"asked for without the email", claimsOf{"email": unitRemoved, "email_verified": unitRemoved}, ErrType, "email_verified"},
			{"of an issuer without the scheme", claimsOf{"iss": "accounts.google.com"}, ErrIssuer, "iss"},
		},
		unchecked: claimsOf{"email": "robot@other-project.iam.gserviceaccount.com", "email_verified": false, "sub": "666"},
		anybody:   true,
	},
	{
		seen: seen{
			"Google IAP", "a JWT of the load balancer, in a header field of its own",
			"Securing your app with signed headers, Google Cloud documentation; istio/istio#12992",
		},
		profile: &AccessTokenProfile{Types: []string{"JWT", ""}, Marker: "email", Optional: []string{"jti", "client_id"}},
		issuer:  "https://cloud.google.com/iap", resource: "/projects/123456789/global/backendServices/987654321", typ: "JWT",
		claims: claimsOf{
			"aud": "/projects/123456789/global/backendServices/987654321", "azp": "/projects/123456789/global/backendServices/987654321",
			"email": "user@example.com", "exp": unitTime + 600, "hd": "example.com", "iat": unitTime, "iss": "https://cloud.google.com/iap",
			"sub": "accounts.google.com:112233445566778899000",
		},
		// Nobody else uses its keys: this is one of somebody who does.
		idToken: claimsOf{
			"aud": "/projects/123456789/global/backendServices/987654321", "exp": unitTime + 600, "iat": unitTime,
			"iss": "https://cloud.google.com/iap", "sub": "u",
		},
		bad: []providerTwin{
			{"for another backend of the project", claimsOf{"aud": "/projects/123456789/global/backendServices/1"}, ErrAudience, "aud"},
			{"for the backend of another project", claimsOf{"aud": "/projects/666/global/backendServices/987654321"}, ErrAudience, "aud"},
			{"for an application of App Engine", claimsOf{"aud": "/projects/123456789/apps/my-project"}, ErrAudience, "aud"},
			{"of the issuer with a slash", claimsOf{"iss": "https://cloud.google.com/iap/"}, ErrIssuer, "iss"},
			{"an ID token of Google", claimsOf{"iss": "https://accounts.google.com"}, ErrIssuer, "iss"},
		},
		unchecked: claimsOf{"email": "other@example.com"},
	},
	{
		seen:    seen{"Google Pub/Sub push", "a service account's ID token", "Authentication for push subscriptions, Google Cloud documentation"},
		profile: &AccessTokenProfile{Types: []string{"JWT"}, Marker: "email_verified", ClientIDClaim: "azp", Optional: []string{"jti"}},
		issuer:  "https://accounts.google.com", resource: "https://api.example.com/push", typ: "JWT",
		claims: claimsOf{
			"aud": "https://api.example.com/push", "azp": "113774264463038321964", "email": "gae-gcp@appspot.gserviceaccount.com",
			"sub": "113774264463038321964", "email_verified": true, "exp": unitTime + 3600, "iat": unitTime, "iss": "https://accounts.google.com",
		},
		client: "113774264463038321964",
		idToken: claimsOf{
			"aud": "1234.apps.googleusercontent.com", "azp": "1234.apps.googleusercontent.com", "email": "user@example.com", "email_verified": true,
			"exp": unitTime + 3600, "iat": unitTime, "iss": "https://accounts.google.com", "sub": "10769150350006150715113082367", "at_hash": "h",
		},
		bad:       []providerTwin{{"for another endpoint", claimsOf{"aud": "https://api.example.com/pull"}, ErrAudience, "aud"}},
		unchecked: claimsOf{"email": "push@other-project.iam.gserviceaccount.com", "email_verified": false},
		anybody:   true,
	},
	{
		seen:    seen{"Kubernetes", "a service account, without typ and client", "kubernetes/kubernetes#80724; pomerium/pomerium#6592"},
		profile: &AccessTokenProfile{Types: []string{""}, Marker: "kubernetes.io", Optional: []string{"jti", "client_id"}},
		issuer:  "https://kubernetes.example", resource: unitResource, typ: "-",
		claims: claimsOf{
			"aud": []string{"https://kubernetes.example", "k3s", unitResource}, "exp": unitTime + 3607, "iat": unitTime,
			"iss": "https://kubernetes.example", "kubernetes.io": claimsOf{"namespace": "default"}, "nbf": unitTime,
			"sub": "system:serviceaccount:default:default",
		},
		// It has no ID tokens: this is one of somebody who uses its keys.
		idToken:   claimsOf{"aud": unitResource, "exp": unitTime + 300, "iat": unitTime, "iss": "https://kubernetes.example", "sub": "u"},
		bad:       []providerTwin{{"for the Kubernetes API", claimsOf{"aud": []string{"https://kubernetes.example", "k3s"}}, ErrAudience, "aud"}},
		unchecked: claimsOf{"sub": "system:serviceaccount:other:default"},
	},
	// Its ID tokens have the same audiences as its access tokens.
	{
		seen: seen{
			"LemonLDAP::NG", "typ JWT, which became at+JWT", "makeJWT of 2.16.1 and of later versions, Lemonldap::NG::Portal::Lib::OpenIDConnect",
		},
		profile: &AccessTokenProfile{Types: []string{"JWT", "at+jwt"}, Marker: "client_id"},
		issuer:  "https://auth.example.com", resource: unitResource, typ: "JWT",
		claims: claimsOf{
			"iss": "https://auth.example.com", "exp": unitTime + 3600, "aud": []string{"rp", unitResource}, "client_id": "rp", "iat": unitTime,
			"jti": "4b5a1c0e", "scope": "openid profile", "sub": "dwho",
		},
		client: "rp", scope: "openid profile",
		idToken: claimsOf{
			"iss": "https://auth.example.com", "sub": "dwho", "aud": []string{"rp", unitResource}, "exp": unitTime + 3600, "iat": unitTime,
			"auth_time": unitTime, "acr": "loa-2", "azp": "rp", "nonce": "n",
		},
		bad:       []providerTwin{{"of a client without the audience", claimsOf{"aud": []string{"rp"}}, ErrAudience, "aud"}},
		unchecked: claimsOf{"client_id": "other", "scope": "openid"},
	},
	{
		seen:    seen{"PingFederate", "no typ, no jti, and a list of scopes", "oidc-wp/openid-connect-generic#647"},
		profile: &AccessTokenProfile{Types: []string{""}, Marker: "client_id", Optional: []string{"jti", "sub"}},
		issuer:  "https://ping.example", resource: unitResource, typ: "-",
		claims: claimsOf{
			"scope": []string{"read", "write"}, "client_id": "c", "iss": "https://ping.example", "aud": unitResource, "iat": unitTime,
			"exp": unitTime + 300,
		},
		client: "c", scope: "read write",
		idToken:   claimsOf{"sub": "u", "iss": "https://ping.example", "aud": unitResource, "iat": unitTime, "exp": unitTime + 300, "nonce": "n"},
		unchecked: claimsOf{"scope": []string{"other"}},
	},
	{
		seen: seen{
			"SPIFFE JWT-SVID", "sub, aud and exp alone are required, and iss is a setting",
			"JWT-SVID, SPIFFE; BuildWorkloadJWTSVIDClaims, spiffe/spire",
		},
		profile: &AccessTokenProfile{
			Types: []string{"JWT", "JOSE", ""}, Marker: "sub", Optional: []string{"jti", "iat", "client_id"},
		},
		issuer: "https://oidc.example.org", resource: "spiffe://example.org/reports", typ: "JWT",
		claims: claimsOf{
			"sub": "spiffe://example.org/web", "aud": []string{"spiffe://example.org/reports"}, "exp": unitTime + 300, "iat": unitTime,
			"iss": "https://oidc.example.org",
		},
		// It has no ID tokens: this is a WIT-SVID, which is bound to a key and has no audience.
		idToken: claimsOf{
			"sub": "spiffe://example.org/web", "exp": unitTime + 300, "iat": unitTime, "iss": "https://oidc.example.org",
			"cnf": claimsOf{"jwk": claimsOf{"kty": "EC"}},
		},
		bad: []providerTwin{
			{"of a server without jwt_issuer", claimsOf{"iss": unitRemoved}, ErrClaim, "iss"},
			{"for another workload", claimsOf{"aud": []string{"spiffe://example.org/billing"}}, ErrAudience, "aud"},
			{"for the whole trust domain", claimsOf{"aud": []string{"spiffe://example.org/"}}, ErrAudience, "aud"},
			{"of no workload", claimsOf{"sub": ""}, ErrClaim, "sub"},
		},
		unchecked: claimsOf{"sub": "spiffe://example.org/other"},
	},
	{
		seen: seen{
			"Supabase", "a session token: one audience for all projects, and a role",
			"JWT Claims Reference, JSON Web Token (JWT), and Token Security and Row Level Security, Supabase documentation",
		},
		profile: &AccessTokenProfile{Types: []string{"JWT"}, Marker: "role=authenticated", Optional: []string{"jti", "client_id"}},
		issuer:  "https://abcdefghijklmnopqrst.supabase.co/auth/v1", resource: "authenticated", typ: "JWT",
		claims: claimsOf{
			"aal": "aal2", "amr": []claimsOf{{"method": "password", "timestamp": unitTime}}, "app_metadata": claimsOf{"provider": "email"},
			"aud": "authenticated", "email": "user@example.com", "exp": unitTime + 3600, "iat": unitTime,
			"iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1", "phone": "", "role": "authenticated",
			"session_id": "123e4567-e89b-12d3-a456-426614174000", "sub": "123e4567-e89b-12d3-a456-426614174000",
			"user_metadata": claimsOf{"name": "John Doe"}, "is_anonymous": false,
		},
		// Of its OAuth server.
		idToken: claimsOf{
			"iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1", "sub": "123e4567-e89b-12d3-a456-426614174000", "aud": "authenticated",
			"exp": unitTime + 3600, "iat": unitTime, "nonce": "n", "email": "user@example.com",
		},
		bad: []providerTwin{
			{"of another project", claimsOf{"iss": "https://zyxwvutsrqponmlkjihg.supabase.co/auth/v1"}, ErrIssuer, "iss"},
			{"the anon key of a project", claimsOf{"iss": "supabase", "ref": "abcdefghijklmnopqrst", "role": "anon", "aud": unitRemoved}, ErrIssuer, "iss"},
			{"of nobody", claimsOf{"role": "anon"}, ErrType, "role"},
			{"of the service role", claimsOf{"role": "service_role"}, ErrType, "role"},
		},
		unchecked: claimsOf{"aal": "aal1", "is_anonymous": true, "client_id": "9a8b7c6d-5e4f-3a2b-1c0d-9e8f7a6b5c4d"},
	},
	// Nothing tells its access tokens from its ID tokens but a claim that the user
	// adds or that only one of them has.
	{
		seen:    seen{"Zitadel", "no scope, and the project for an audience", "zitadel/zitadel#12180; zitadel/zitadel#9200"},
		profile: &AccessTokenProfile{Types: []string{"JWT"}, Marker: "jti"},
		issuer:  "https://z.example", resource: "1234567890", typ: "JWT",
		claims: claimsOf{
			"aud": []string{"app@p", "1234567890"}, "client_id": "app@p", "exp": unitTime + 60, "iat": unitTime, "iss": "https://z.example",
			"jti": "V1_1", "nbf": unitTime, "sub": "u",
		},
		client: "app@p",
		idToken: claimsOf{
			"aud": []string{"app@p", "1234567890"}, "azp": "app@p", "client_id": "app@p", "exp": unitTime + 60, "iat": unitTime,
			"iss": "https://z.example", "sub": "u", "nonce": "n",
		},
		bad:       []providerTwin{{"of another project", claimsOf{"aud": []string{"app@q", "999"}}, ErrAudience, "aud"}},
		unchecked: claimsOf{"client_id": "other@p"},
	},
}

// recipeServer is an API that has the recipe.
func recipeServer(t *testing.T, s *unitServer, p *providerAccessToken) *ResourceServer {
	return s.resource(t, func(c *ResourceServerConfig) {
		c.Audiences = []string{p.resource}
		c.Servers[0].Server.Issuer, c.Servers[0].Profile = p.issuer, p.profile
	})
}

// TestRecipes: every type of a recipe is accepted, and so are the tokens of others, which
// only the API can tell from those that it wants.
func TestRecipes(t *testing.T) {
	s := newUnitServer()
	for _, p := range providerRecipes {
		t.Run(p.name(), func(t *testing.T) {
			rs := recipeServer(t, s, &p)
			for _, typ := range p.profile.Types {
				if typ == "" {
					typ = "-"
				}
				if _, err := authenticate(t, rs, bearer(s.signTyped(t, typ, p.claims))); err != nil {
					t.Errorf("of type %s: %v", typ, err)
				}
			}
			if len(p.unchecked) == 0 {
				t.Error("it is not said what the API has to look at")
			}
			for _, name := range slices.Sorted(maps.Keys(p.unchecked)) {
				claims := maps.Clone(p.claims)
				claims[name] = p.unchecked[name]
				token, err := authenticate(t, rs, bearer(s.signTyped(t, p.typ, claims)))
				if err != nil {
					t.Errorf("with another %s: %v: the API need not look at it", name, err)
					continue
				}
				var got map[string]any
				if err := token.Claims(&got); err != nil || unitJSON(t, got[name]) != unitJSON(t, p.unchecked[name]) {
					t.Errorf("the API sees %v as %s: %v", got[name], name, err)
				}
			}
		})
	}
}
