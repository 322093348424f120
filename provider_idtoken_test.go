package oauth

// ID tokens as providers write them: see provider_test.go.

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"testing"
)

// A providerIDToken is an ID token. Its nonce, if it has one, becomes the one that was
// sent, and AT_HASH and C_HASH become the hashes of what comes with it.
type providerIDToken struct {
	seen
	issuer  string // of the server; "": the token's
	client  string // "": the token's audience
	typ     string // "": JWT; "-": none
	claims  claimsOf
	way     string // "": a login; refresh or outside
	opts    VerifyIDTokenOptions
	request AuthorizationRequest // what a login asks for beside scope openid
	config  func(*Config)
	kind    error // nil: it is accepted
	param   string
	check   func(*IDToken) bool
	bad     []providerTwin
}

const (
	appleSource   = "Authenticating users with Sign in with Apple, https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple"
	b2cTenant     = "4c2f1234-0123-4567-7654-123321828afd"
	entraPersonal = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

var withoutNonce = AuthorizationRequest{InsecureNoNonce: true}

var providerIDTokens = []providerIDToken{
	{
		seen: seen{"Google", "an issuer without https in older tokens, expected with",
			"Google OpenID Connect API Reference; coreos/go-oidc#125; manfredsteyer/angular-oauth2-oidc#523"},
		issuer: "https://accounts.google.com",
		claims: claimsOf{
			"iss": "accounts.google.com", "aud": "1234987819200.apps.googleusercontent.com", "sub": "10769150350006150715113082367", "nonce": "",
			"iat": unitTime, "exp": unitTime + 3600,
		},
		kind: ErrIssuer, param: "iss",
	},
	{
		seen: seen{"Google", "an issuer without https in older tokens, configured",
			"Google OpenID Connect API Reference; coreos/go-oidc#125; manfredsteyer/angular-oauth2-oidc#523"},
		claims: claimsOf{
			"iss": "accounts.google.com", "aud": "1234987819200.apps.googleusercontent.com", "sub": "10769150350006150715113082367", "nonce": "",
			"iat": unitTime, "exp": unitTime + 3600,
		},
		bad: []providerTwin{{"the other issuer", claimsOf{"iss": "https://accounts.google.com"}, ErrIssuer, "iss"}},
	},
	{
		seen: seen{"Google", "azp is the mobile application, and the audience its server",
			"Verify the Google ID token on your server side, https://developers.google.com/identity/gsi/web/guides/verify-google-id-token; openid/AppAuth-iOS#418"},
		way: "outside",
		claims: claimsOf{
			"iss": "https://accounts.google.com", "azp": "android.apps.googleusercontent.com", "aud": "server.apps.googleusercontent.com",
			"sub": "110169484474386276334",
			"hd":  "example.com", "email": "a@example.com", "email_verified": true, "iat": unitTime, "exp": unitTime + 3600,
		},
		check: (*IDToken).EmailVerified,
		bad: []providerTwin{
			{"for another server as well", claimsOf{"aud": []string{"server.apps.googleusercontent.com", "other"}}, ErrAudience, "azp"},
			{"for the mobile application alone", claimsOf{"aud": "android.apps.googleusercontent.com"}, ErrAudience, "aud"},
		},
	},
	{
		seen: seen{"Google", "azp is another client, in a login", "openid/AppAuth-iOS#418"},
		claims: claimsOf{
			"iss": "https://accounts.google.com", "azp": "android.apps.googleusercontent.com", "aud": "server.apps.googleusercontent.com", "sub": "1",
			"nonce": "", "iat": unitTime, "exp": unitTime + 3600,
		},
		kind: ErrAudience, param: "azp",
	},

	{
		seen: seen{"Entra", "claims of its own",
			"ID token claims reference, https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference"},
		claims: claimsOf{
			"ver": "2.0", "iss": entraIssuer, "aud": entraAPI, "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "exp": unitTime + 3599,
			"iat": unitTime, "nbf": unitTime,
			"name": "Abe Lincoln", "preferred_username": "abeli@example.com", "oid": "00000000-0000-0000-66f3-3332eca7ea81", "tid": entraTenant,
			"nonce": "", "aio": "Df2UVX", "rh": "I",
		},
		bad: []providerTwin{
			{"of another tenant", claimsOf{"iss": tenantIssuer(entraOther), "tid": entraOther}, ErrIssuer, "iss"},
			{"an access token", claimsOf{"scp": "access_as_user"}, ErrType, "scp"},
		},
	},
	{
		seen: seen{"Entra v1", "an issuer of its own, and numbers in strings", "AzureAD/microsoft-authentication-library-for-js#560"},
		claims: claimsOf{
			"ver": "1.0", "iss": "https://sts.windows.net/" + entraTenant + "/", "aud": entraAPI, "sub": "s-1", "exp": unitTime + 3599, "iat": unitTime,
			"nbf": unitTime, "nonce": "",
			"acr": "1", "appidacr": "1", "amr": []string{"pwd"}, "oid": "o-1", "tid": entraTenant, "unique_name": "abeli@example.com",
		},
		check: func(id *IDToken) bool { return id.ACR() == "1" && slices.Equal(id.AMR(), []string{"pwd"}) },
		bad: []providerTwin{
			{"the tenant's other issuer", claimsOf{"iss": entraIssuer}, ErrIssuer, "iss"},
			{"of another tenant", claimsOf{"iss": "https://sts.windows.net/" + entraOther + "/"}, ErrIssuer, "iss"},
		},
	},
	{
		seen:   seen{"Entra, many tenants", "the issuer is a template", "MicrosoftDocs/azure-docs#95994; coreos/go-oidc#121"},
		issuer: tenantIssuer(tenantPlaceholder),
		claims: claimsOf{
			"ver": "2.0", "iss": tenantIssuer(entraTenant), "tid": entraTenant, "aud": entraAPI, "sub": "s", "exp": unitTime + 3599, "iat": unitTime,
			"nonce": "",
		},
		config: func(c *Config) { c.AcceptIssuer = func(_, tid string) bool { return tid == entraTenant } },
		bad: []providerTwin{
			{"of another tenant", claimsOf{"iss": tenantIssuer(entraOther), "tid": entraOther}, ErrIssuer, "iss"},
			{"of another tenant, which says it is this one", claimsOf{"iss": tenantIssuer(entraOther)}, ErrIssuer, "iss"},
			{"of this tenant, and of another", claimsOf{"tid": entraOther}, ErrIssuer, "iss"},
			{"of a personal account", claimsOf{"iss": tenantIssuer(entraPersonal), "tid": entraPersonal}, ErrIssuer, "iss"},
			{"of the template", claimsOf{"iss": tenantIssuer(tenantPlaceholder), "tid": tenantPlaceholder}, ErrClaim, "tid"},
			{"without tenant", claimsOf{"tid": unitRemoved}, ErrClaim, "tid"},
		},
	},
	{
		seen: seen{"Azure AD B2C", "an issuer without the policy", "coreos/go-oidc#121; panva/openid-client#718"},
		claims: claimsOf{
			"ver": "1.0", "iss": "https://myorgb2c.b2clogin.com/" + b2cTenant + "/v2.0/", "aud": entraAPI, "sub": "s", "exp": unitTime + 3600,
			"nbf": unitTime, "iat": unitTime,
			"auth_time": unitTime, "nonce": "", "tfp": "B2C_1_signup-signin", "emails": []string{"a@example.com"},
		},
		bad: []providerTwin{{"of another tenant", claimsOf{"iss": "https://myorgb2c.b2clogin.com/" + entraOther + "/v2.0/"}, ErrIssuer, "iss"}},
	},

	{
		seen: seen{"Apple", "email_verified is a string", appleSource + "; nicokaiser/passport-apple#79"},
		claims: claimsOf{
			"iss": "https://appleid.apple.com", "aud": "com.example.app", "exp": unitTime + 86400, "iat": unitTime, "sub": "001.a.1",
			"at_hash": "AT_HASH", "nonce": "",
			"email": "a@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true", "auth_time": unitTime - 1, "nonce_supported": true,
		},
		check: (*IDToken).EmailVerified,
		// Its notifications are signed with the same keys, for the same audience. The
		// events are a string: a-tokyo/apple-signin-auth#78.
		bad: []providerTwin{{"a notification", claimsOf{"events": `{"type":"email-disabled","sub":"001.a.1"}`}, ErrType, "events"}},
	},
	{
		seen: seen{"Apple", "email_verified is a boolean", appleSource + "; nicokaiser/passport-apple#86"},
		claims: claimsOf{
			"iss": "https://appleid.apple.com", "aud": "com.example.app", "exp": unitTime + 86400, "iat": unitTime, "sub": "001.a.1", "nonce": "",
			"email": "a@example.com", "email_verified": true,
		},
		check: (*IDToken).EmailVerified,
	},
	{
		seen: seen{"Apple", "email_verified is a string that says no", appleSource},
		claims: claimsOf{
			"iss": "https://appleid.apple.com", "aud": "com.example.app", "exp": unitTime + 86400, "iat": unitTime, "sub": "001.a.1", "nonce": "",
			"email": "a@example.com", "email_verified": "false",
		},
		check: func(id *IDToken) bool { return !id.EmailVerified() },
	},
	{
		seen: seen{"Apple", "email_verified is of neither form", appleSource},
		claims: claimsOf{
			"iss": "https://appleid.apple.com", "aud": "com.example.app", "exp": unitTime + 86400, "iat": unitTime, "sub": "001.a.1", "nonce": "",
			"email": "a@example.com", "email_verified": 1,
		},
		check: func(id *IDToken) bool { return !id.EmailVerified() },
	},
	{
		seen: seen{"Apple", "no nonce after a refresh", "Verifying a user, https://developer.apple.com/documentation/signinwithapple/verifying-a-user"},
		way:  "refresh",
		claims: claimsOf{
			"iss": "https://appleid.apple.com", "aud": "com.example.app", "exp": unitTime + 86400, "iat": unitTime, "sub": "001.a.1",
			"email": "a@example.com", "email_verified": "true",
		},
		check: (*IDToken).EmailVerified,
		bad: []providerTwin{
			{"of another user", claimsOf{"sub": "001.b.2"}, ErrClaim, "sub"},
			{"of another login", claimsOf{"nonce": "n-2"}, ErrNonce, "nonce"},
		},
	},

	{
		seen: seen{"Okta", "no typ", "OpenID Connect & OAuth 2.0 API, ID token, Okta developer documentation"},
		typ:  "-",
		claims: claimsOf{
			"ver": 1, "sub": "00uid4BxXw6I6TV4m0g3", "iss": "https://example.okta.example", "aud": "uAaunofWkaDJxukCFeBx", "iat": unitTime,
			"exp": unitTime + 3600, "amr": []string{"pwd"},
			"jti": "ID.4eAWJOCMB3SX8XewDfVR", "auth_time": unitTime, "at_hash": "AT_HASH", "nonce": "", "name": "John Doe", "idp": "00ok1u7AsAkrwdZL3z0g3",
		},
		// Those of its access tokens whose audience is the client too.
		bad: []providerTwin{{"an access token", claimsOf{"cid": "uAaunofWkaDJxukCFeBx", "scp": []string{"openid"}}, ErrType, "scp"}},
	},
	{
		seen: seen{"Auth0", "a slash after the issuer, and updated_at is a date", "CZ-NIC/pyoidc#417; ramosbugs/openidconnect-rs#136"},
		claims: claimsOf{
			"iss": "https://my-domain.auth0.example/", "sub": "ad|Mozilla-LDAP|akrug", "aud": "my_client_id", "exp": unitTime + 36000, "iat": unitTime, "nonce": "",
			"nickname": "Andrew", "email": "a@example.com", "email_verified": true, "updated_at": "2017-08-28T16:10:58.969Z",
		},
		check: (*IDToken).EmailVerified,
		bad:   []providerTwin{{"without the slash", claimsOf{"iss": "https://my-domain.auth0.example"}, ErrIssuer, "iss"}},
	},
	{
		seen: seen{"Keycloak", "typ is a claim of an ID token as well", "TokenUtil of Keycloak"},
		claims: claimsOf{
			"exp": unitTime + 300, "iat": unitTime, "auth_time": unitTime - 5, "jti": "6e6d", "iss": "https://kc.example/realms/demo", "aud": "web",
			"sub": "f1888f4d", "typ": "ID",
			"azp": "web", "nonce": "", "sid": "0a2c", "at_hash": "AT_HASH", "acr": "1", "email_verified": false,
		},
		check: func(id *IDToken) bool { return id.SessionID() == "0a2c" },
		bad: []providerTwin{
			{"an access token", claimsOf{"typ": "Bearer"}, ErrType, "typ"},
			{"an access token of a key", claimsOf{"typ": "DPoP"}, ErrType, "typ"},
			{"a refresh token", claimsOf{"typ": "Refresh"}, ErrType, "typ"},
			{"an offline token", claimsOf{"typ": "Offline"}, ErrType, "typ"},
		},
	},
	{
		seen: seen{"Cognito", "token_use says what it is", "Understanding the identity (ID) token, Amazon Cognito Developer Guide"},
		typ:  "-",
		claims: claimsOf{
			"sub": "aaaaaaaa-bbbb", "cognito:groups": []string{"test-group-a"}, "email_verified": true,
			"cognito:preferred_role": "arn:aws:iam::111122223333:role/my-test-role",
			"iss":                    "https://cognito-idp.us-west-2.amazonaws.example/us-west-2_example", "cognito:username": "my-test-user", "nonce": "",
			"origin_jti": "a", "aud": "xxxxxxxxxxxxexample",
			"event_id": "64f513be", "token_use": "id", "auth_time": unitTime, "exp": unitTime + 3600, "iat": unitTime, "jti": "d", "email": "a@example.com",
		},
		check: (*IDToken).EmailVerified,
		bad:   []providerTwin{{"an access token", claimsOf{"token_use": "access"}, ErrType, "token_use"}},
	},

	{
		seen: seen{"GitHub", "a token of a job", "OpenID Connect reference, https://docs.github.com/en/actions/reference/security/oidc"},
		way:  "outside",
		claims: claimsOf{
			"jti": "j", "sub": "repo:octo-org/octo-repo:environment:prod", "aud": "https://github.com/octo-org", "ref": "refs/heads/main", "sha": "s",
			"repository": "octo-org/octo-repo",
			"actor":      "octocat", "workflow": "w", "job_workflow_ref": "x", "iss": "https://token.actions.githubusercontent.com", "nbf": unitTime - 600,
			"exp": unitTime + 300, "iat": unitTime,
		},
		check: func(id *IDToken) bool { return id.Subject() == "repo:octo-org/octo-repo:environment:prod" },
	},
	{
		seen: seen{"GitLab", "a second subject",
			"travisghansen/external-auth-server#83; OpenID Connect identity provider, https://docs.gitlab.com/integration/openid_connect_provider/"},
		claims: claimsOf{
			"iss": "https://gitlab.example", "sub": "1", "sub_legacy": "b7676e1d", "aud": "client", "exp": unitTime + 120, "iat": unitTime, "nonce": "",
			"auth_time": unitTime - 9,
			"email":     "a@example.com", "email_verified": true, "groups_direct": []string{"a"},
		},
		check: func(id *IDToken) bool { return id.Subject() == "1" },
	},
	{
		seen:   seen{"GitLab", "a token of a job, for two", "ID token authentication, https://docs.gitlab.com/ci/secrets/id_token_authentication/"},
		way:    "outside",
		client: "https://vault.example",
		claims: claimsOf{
			"iss": "https://gitlab.example", "sub": "project_path:a/b:ref_type:branch:ref:main",
			"aud": []string{"https://vault.example", "https://second.example"}, "exp": unitTime + 300, "iat": unitTime, "nbf": unitTime - 5,
			"project_id": "22",
		},
		config: func(c *Config) { c.TrustedAudiences = []string{"https://second.example"} },
		bad:    []providerTwin{{"for somebody else as well", claimsOf{"aud": []string{"https://vault.example", "https://third.example"}}, ErrAudience, "aud"}},
	},

	{
		seen: seen{"LinkedIn", "no nonce",
			"Sign In with LinkedIn using OpenID Connect, https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2"},
		claims: claimsOf{
			"iss": "https://www.linkedin.com/oauth", "aud": "78jd8", "sub": "782bbtaQ", "iat": unitTime, "exp": unitTime + 3600, "name": "John Doe",
		},
		kind: ErrNonce, param: "nonce",
	},
	{
		seen: seen{"LinkedIn", "no nonce, allowed",
			"Sign In with LinkedIn using OpenID Connect, https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2; keycloak/keycloak#28686"},
		claims: claimsOf{
			"iss": "https://www.linkedin.com/oauth", "aud": "78jd8", "sub": "782bbtaQ", "iat": unitTime, "exp": unitTime + 3600, "name": "John Doe",
		},
		request: withoutNonce,
		bad: []providerTwin{
			{"with a nonce, which was not sent", claimsOf{"nonce": "n"}, ErrNonce, "nonce"},
			{"of its older issuer", claimsOf{"iss": "https://www.linkedin.com"}, ErrIssuer, "iss"},
		},
	},
	{
		seen: seen{"Slack", "names of claims that are URLs", "Sign in with Slack, https://api.slack.com/authentication/sign-in-with-slack"},
		claims: claimsOf{
			"iss": "https://slack.com", "sub": "U123ABC456", "aud": "25259531569.1115258246291", "exp": unitTime + 300, "iat": unitTime,
			"auth_time": unitTime, "nonce": "", "at_hash": "AT_HASH",
			"https://slack.com/team_id": "T123ABC456", "https://slack.com/user_id": "U123ABC456", "email": "a@example.com", "email_verified": true,
			"date_email_verified":                  1622128723,
			"https://slack.com/team_image_default": true,
		},
		check: (*IDToken).EmailVerified,
	},
	{
		seen: seen{"Discord", "sub and nothing else of the user", "discord/discord-api-docs#7460"},
		claims: claimsOf{
			"iss": "https://discord.com", "sub": "268473310986240001", "aud": "332269999912132097", "iat": unitTime, "exp": unitTime + 3600, "nonce": "",
		},
		check: func(id *IDToken) bool { return !id.EmailVerified() },
	},
	{
		seen: seen{"Facebook", "an issuer of its mobile applications", "facebook/facebook-ios-sdk#1701"},
		way:  "outside",
		opts: VerifyIDTokenOptions{Nonce: "the-nonce-of-the-app"},
		claims: claimsOf{
			"iss": "https://facebook.com", "aud": "530053863835233", "sub": "104997728422575", "iat": unitTime, "exp": unitTime + 3600,
			"jti": "V4qN.f10c46d1", "nonce": "the-nonce-of-the-app",
		},
		bad: []providerTwin{
			{"of its other issuer, of matrix-org/synapse#11755", claimsOf{"iss": "https://www.facebook.com"}, ErrIssuer, "iss"},
			{"of another login", claimsOf{"nonce": "n"}, ErrNonce, "nonce"},
			{"without nonce", claimsOf{"nonce": unitRemoved}, ErrNonce, "nonce"},
		},
	},
	{
		seen: seen{"Twitch", "azp beside one audience", "Getting OIDC tokens, https://dev.twitch.tv/docs/authentication/getting-tokens-oidc/"},
		claims: claimsOf{
			"aud": "hof5gwx0su6owfnys0yan9c87zr6t", "azp": "hof5gwx0su6owfnys0yan9c87zr6t", "exp": unitTime + 900, "iat": unitTime,
			"iss": "https://id.twitch.tv/oauth2", "sub": "713936733", "at_hash": "AT_HASH", "nonce": "", "preferred_username": "a",
		},
		bad: []providerTwin{{"of another client", claimsOf{"azp": "another"}, ErrAudience, "azp"}},
	},
	{
		seen: seen{"Salesforce", "sub is a URL, and the issuer is that of the organization", "TykTechnologies/tyk-identity-broker#60; reshaprio/reshapr#65"},
		claims: claimsOf{
			"iss": "https://d1r000002.my.salesforce.example", "sub": "https://login.salesforce.com/id/00Dx/005x", "aud": "3MVG9lKcPoNINVB",
			"iat": unitTime, "exp": unitTime + 120, "nonce": "", "at_hash": "AT_HASH",
		},
		check: func(id *IDToken) bool { return id.Subject() == "https://login.salesforce.com/id/00Dx/005x" },
		bad:   []providerTwin{{"of another organization", claimsOf{"iss": "https://login.salesforce.com"}, ErrIssuer, "iss"}},
	},
	{
		seen: seen{"AD FS", "the issuer of ID tokens is not that of access tokens", "MicrosoftDocs/windowsserverdocs#551"},
		claims: claimsOf{
			"aud": "client", "iss": "https://adfs.contoso.example/adfs", "iat": unitTime, "nbf": unitTime, "exp": unitTime + 3600,
			"auth_time": unitTime, "sub": "x", "upn": "joe@example.com", "pwd_exp": "1", "ver": "1.0", "nonce": "",
		},
		bad: []providerTwin{{"of the other", claimsOf{"iss": "http://adfs.contoso.example/adfs/services/trust"}, ErrIssuer, "iss"}},
	},

	{
		seen: seen{"authentik", "c_hash and nonce are null", "goauthentik/authentik#3739"},
		claims: claimsOf{
			"iss": "https://mydomain.example/application/o/appname/", "sub": "4912", "aud": "c503dd", "exp": unitTime + 2592000, "iat": unitTime,
			"auth_time": unitTime - 9,
			"acr":       "goauthentik.io/providers/oauth2/default", "c_hash": nil, "nonce": nil, "at_hash": "AT_HASH", "email": "a@example.com",
			"email_verified": true, "groups": []string{"g"},
		},
		request: withoutNonce,
		bad:     []providerTwin{{"with another access token", claimsOf{"at_hash": "phqACX0OS8ZBdBHMkLvvvA"}, ErrClaim, "at_hash"}},
	},
	{
		seen: seen{"authentik", "nonce is null, and one was sent", "goauthentik/authentik#3739"},
		claims: claimsOf{
			"iss": "https://mydomain.example/application/o/appname/", "sub": "4912", "aud": "c503dd", "exp": unitTime + 300, "iat": unitTime,
			"nonce": nil,
		},
		kind: ErrNonce, param: "nonce",
	},
	{
		seen: seen{"authentik", "at_hash is null after a refresh", "goauthentik/authentik#3739"},
		way:  "refresh",
		claims: claimsOf{
			"iss": "https://mydomain.example/application/o/appname/", "sub": "4912", "aud": "c503dd", "exp": unitTime + 300, "iat": unitTime,
			"c_hash": nil, "nonce": nil, "at_hash": nil,
		},
	},
	{
		seen: seen{"dex", "a token for a trusted peer as well",
			"Custom Scopes, Claims and Client Features, https://dexidp.io/docs/configuration/custom-scopes-claims-clients/; dexidp/dex#984"},
		client: "web-app",
		claims: claimsOf{
			"iss": "https://dex.example", "sub": "CgcyMzQyNzQ5EgZnaXRodWI", "aud": []string{"cli-app", "web-app"}, "azp": "web-app",
			"exp": unitTime + 86400, "iat": unitTime, "nonce": "",
			"at_hash": "AT_HASH", "email": "a@example.com", "email_verified": true, "federated_claims": claimsOf{"connector_id": "github", "user_id": "110272483"},
		},
		bad: []providerTwin{
			{"that the peer got", claimsOf{"azp": "cli-app"}, ErrAudience, "azp"},
			{"that nobody says who got", claimsOf{"azp": unitRemoved}, ErrAudience, "aud"},
			{"for the peer alone", claimsOf{"aud": "cli-app"}, ErrAudience, "aud"}, // dexidp/dex#1087
		},
	},
	{
		seen:   seen{"Zitadel", "all clients of the project, and the project", "zitadel/zitadel#9200; ThinkWatchProject/ThinkWatch#10"},
		client: "app1",
		claims: claimsOf{
			"iss": "https://z.example", "sub": "u", "aud": []string{"app1", "app2", "1234567890"}, "azp": "app1", "client_id": "app1",
			"exp": unitTime + 300, "iat": unitTime, "auth_time": unitTime, "nonce": "", "at_hash": "AT_HASH", "amr": []string{"pwd"},
		},
		bad: []providerTwin{
			{"that another client of the project got", claimsOf{"azp": "app2", "client_id": "app2"}, ErrAudience, "azp"},
			{"that nobody says who got", claimsOf{"azp": unitRemoved}, ErrAudience, "aud"},
		},
	},
	{
		seen: seen{"IBM Cloud IAM", "acr is a number", "Developing an authentication flow, of its access tokens: service-iam.md of ibm-cloud-docs/sell"},
		claims: claimsOf{
			"iss": "https://iam.cloud.ibm.example/identity", "sub": "a@example.com", "aud": "client", "exp": unitTime + 3600, "iat": unitTime,
			"nonce": "", "acr": 1,
		},
		check: func(id *IDToken) bool { return id.ACR() == "" },
	},
	{
		seen: seen{"IBM Cloud IAM", "acr is a number, and one is required",
			"Developing an authentication flow, of its access tokens: service-iam.md of ibm-cloud-docs/sell"},
		claims: claimsOf{
			"iss": "https://iam.cloud.ibm.example/identity", "sub": "a@example.com", "aud": "client", "exp": unitTime + 3600, "iat": unitTime,
			"nonce": "", "acr": 1,
		},
		request: AuthorizationRequest{RequireACR: []string{"1"}}, kind: ErrClaim, param: "acr",
	},
	{
		seen: seen{"Login.gov", "c_hash in the code flow, and acr is a URL", "Token: _pages/oidc/token.md of GSA-TTS/identity-dev-docs"},
		claims: claimsOf{
			"sub": "b2d2d115-1d7e-4579-b9d6-f8e84f4f56ca", "iss": "https://idp.int.identitysandbox.gov",
			"acr": "http://idmanagement.gov/ns/assurance/ial/1", "nonce": "",
			"aud": "urn:gov:gsa:openidconnect.profiles:sp:sso:agency:app", "jti": "jC7NnU8dNNV5lisQBm1jtA", "at_hash": "AT_HASH", "c_hash": "C_HASH",
			"exp": unitTime + 900, "iat": unitTime, "nbf": unitTime,
		},
		request: AuthorizationRequest{RequireACR: []string{"http://idmanagement.gov/ns/assurance/ial/1"}},
		check:   func(id *IDToken) bool { return len(id.Nonce()) >= 22 }, // which it requires
		bad: []providerTwin{
			{"of another code", claimsOf{"c_hash": "LDktKdoQak3Pk0cnXxCltA"}, ErrClaim, "c_hash"},
			{"of another access token", claimsOf{"at_hash": "LDktKdoQak3Pk0cnXxCltA"}, ErrClaim, "at_hash"},
			{"of a lower level", claimsOf{"acr": "http://idmanagement.gov/ns/assurance/loa/1"}, ErrClaim, "acr"},
		},
	},
	{
		seen:   seen{"Kubernetes", "a service account, with all audiences of the API server", "hashicorp/vault#16080; pomerium/pomerium#6592"},
		way:    "outside",
		typ:    "-",
		client: "https://vault.example",
		claims: claimsOf{
			"iss": "https://kubernetes.example", "sub": "system:serviceaccount:ns:sa",
			"aud": []string{"https://kubernetes.default.svc.cluster.local", "https://vault.example"}, "exp": unitTime + 600, "iat": unitTime,
			"nbf": unitTime, "kubernetes.io": claimsOf{"namespace": "ns"},
		},
		config: func(c *Config) { c.TrustedAudiences = []string{"https://kubernetes.default.svc.cluster.local"} },
		bad:    []providerTwin{{"for somebody else as well", claimsOf{"aud": []string{"https://other.example", "https://vault.example"}}, ErrAudience, "aud"}},
	},
	// Its access tokens have all that an ID token needs, and the client for their
	// audience: spring-attic/spring-authorization-server#634.
	{
		seen: seen{"Spring Authorization Server", "an access token that looks like an ID token", "spring-attic/spring-authorization-server#634"},
		way:  "outside",
		typ:  "-",
		claims: claimsOf{
			"iss": "http://auth.example:9000", "sub": "user1", "aud": "messaging-client", "nbf": unitTime, "iat": unitTime, "exp": unitTime + 300,
			"jti": "j", "scope": []string{"message.read"},
		},
		kind: ErrType, param: "scope",
	},
}

// send has the client get the ID token with the claims.
func (p *providerIDToken) send(t *testing.T, s *unitServer, sign func(claimsOf) string, change claimsOf) (*IDToken, error) {
	t.Helper()
	ctx, claims := context.Background(), maps.Clone(p.claims)
	issuer, client := p.issuer, p.client
	if issuer == "" {
		issuer = claims["iss"].(string)
	}
	if client == "" {
		client = claims["aud"].(string)
	}
	c := s.client(t, func(c *Config) {
		c.Server.Issuer, c.Metadata.ClientID = issuer, client
		if p.config != nil {
			p.config(c)
		}
	})
	var resp *AuthorizationResponse
	if p.way == "" {
		r := p.request
		r.RedirectURI, r.Scope = "https://app.example/cb", []string{"openid"}
		resp = unitResponse(t, s, c, &r)
		if claims["nonce"] == "" {
			claims["nonce"] = resp.authorization.content.nonce
		}
	}
	for name, value := range claims {
		switch value {
		case "AT_HASH":
			claims[name] = halfHash("at")
		case "C_HASH":
			claims[name] = halfHash("the-code")
		}
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == unitRemoved })
	raw := sign(claims)
	s.answer("/token", unitTokenBody(t, claimsOf{"access_token": "at", "id_token": raw}))
	switch p.way {
	case "outside":
		return c.VerifyIDToken(ctx, raw, p.opts)
	case "refresh":
		token, err := c.Refresh(ctx, loggedIn(func(t *Token) {
			t.server, t.clientID = issuer, client
			t.login.issuer, t.login.subject = issuer, p.claims["sub"].(string)
		}), nil)
		if err != nil {
			return nil, err
		}
		return token.IDToken(), nil
	}
	token, err := c.ExchangeCode(ctx, resp, nil)
	if err != nil {
		return nil, err
	}
	return token.IDToken(), nil
}

// halfHash is at_hash and c_hash where a token is signed with ES256.
func halfHash(value string) string {
	half := sha256.Sum256([]byte(value))
	return encodeBase64URL(half[:16])
}

// TestProviderIDTokens: what becomes of the tokens, and of their twins.
func TestProviderIDTokens(t *testing.T) {
	s := newUnitServer()
	forger := newForger(s)
	for _, tt := range providerIDTokens {
		t.Run(tt.name(), func(t *testing.T) {
			typ := cmp.Or(tt.typ, "JWT")
			sign := func(claims claimsOf) string { return s.signTyped(t, typ, claims) }
			id, err := tt.send(t, s, sign, nil)
			if tt.kind != nil {
				if wantError(t, err, tt.kind, tt.param); id != nil {
					t.Error("an ID token came with the error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if id.Issuer() != tt.claims["iss"] || id.Subject() != tt.claims["sub"] || tt.check != nil && !tt.check(id) {
				t.Errorf("%v of %v, audience %v", id, tt.claims, id.Audience())
			}
			twins := append([]providerTwin{
				{"for another client", claimsOf{"aud": "another"}, ErrAudience, "aud"},
				{"of another issuer", claimsOf{"iss": "https://evil.example"}, ErrIssuer, "iss"},
				{"of an issuer that is longer", claimsOf{"iss": tt.claims["iss"].(string) + ".evil.example"}, ErrIssuer, "iss"},
				{"without issuer", claimsOf{"iss": unitRemoved}, ErrClaim, "iss"},
				{"without user", claimsOf{"sub": unitRemoved}, ErrClaim, "sub"},
				{"expired", claimsOf{"exp": unitTime - 100}, ErrExpired, "exp"},
				{"for ever", claimsOf{"exp": unitRemoved}, ErrClaim, "exp"},
				{"a logout token", claimsOf{"events": claimsOf{logoutEvent: claimsOf{}}}, ErrType, "events"},
			}, tt.bad...)
			if tt.way == "" && tt.claims["nonce"] == "" {
				twins = append(twins, providerTwin{"of another login", claimsOf{"nonce": "another"}, ErrNonce, "nonce"})
			}
			for _, twin := range twins {
				id, err := tt.send(t, s, sign, twin.change)
				if id != nil {
					t.Errorf("%s is accepted: %v", twin.what, id)
					continue
				}
				wantError(t, err, twin.kind, twin.param)
			}
			for kind, sign := range map[error]func(claimsOf) string{
				ErrAlgorithm: func(claims claimsOf) string { return unsignedToken(t, claims) },
				ErrSignature: func(claims claimsOf) string { return forger.signTyped(t, typ, claims) },
				ErrType:      func(claims claimsOf) string { return s.sign(t, "at+jwt", claims) },
			} {
				if id, err := tt.send(t, s, sign, nil); id != nil || !errors.Is(err, kind) {
					t.Errorf("%v, %v, want the kind %v", id, err, kind)
				}
			}
		})
	}
}
