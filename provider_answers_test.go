package oauth

// Token responses as providers write them: see provider_test.go.

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// A providerAnswer is the answer of a token endpoint. ID_TOKEN in it stands for an
// ID token.
type providerAnswer struct {
	seen
	grant  string // "": a code; refresh or client_credentials
	status int    // 0: 200
	body   string
	openid bool // an ID token was asked for, without a nonce
	config func(*Config)

	scope    []string
	lifetime time.Duration // 0: not known
	refresh  string
	extra    string // one of the Extra members
	alone    bool   // there is no access token
	kind     error  // nil: the token comes
	code     string
}

func allowTypes(types ...string) func(*Config) {
	return func(c *Config) { c.AllowTokenTypes = types }
}

var providerAnswers = []providerAnswer{
	{
		seen: seen{"Google", "no new refresh token: the old one stays good",
			"Using OAuth 2.0 for Web Server Applications, https://developers.google.com/identity/protocols/oauth2/web-server"},
		grant: "refresh",
		body:  `{"access_token":"at","expires_in":3920,"scope":"https://www.googleapis.com/auth/drive.metadata.readonly https://www.googleapis.com/auth/calendar.readonly","token_type":"Bearer"}`,
		scope: []string{
			"https://www.googleapis.com/auth/drive.metadata.readonly",
			"https://www.googleapis.com/auth/calendar.readonly",
		}, lifetime: 3920 * time.Second, refresh: "rt-1",
	},

	{
		seen: seen{"Entra", "a second lifetime",
			"Microsoft identity platform and OAuth 2.0 authorization code flow, https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow"},
		body:  `{"access_token":"at","token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"scope":"https://graph.microsoft.com/mail.read","refresh_token":"rt"}`,
		scope: []string{"https://graph.microsoft.com/mail.read"}, lifetime: 3599 * time.Second, refresh: "rt", extra: "ext_expires_in",
	},
	{
		seen: seen{"Entra", "a refusal with more members",
			"Microsoft identity platform and OAuth 2.0 authorization code flow, https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow"},
		status: 400,
		body:   `{"error":"invalid_scope","error_description":"AADSTS70011: The provided value for the input parameter 'scope' is not valid.","error_codes":[70011],"timestamp":"2016-01-09 02:02:12Z","trace_id":"255d1aef-8c98-452f-ac51-23d051240864","correlation_id":"fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7"}`,
		kind:   ErrRefused, code: "invalid_scope",
	},
	{
		seen: seen{"Entra v1", "numbers in strings",
			"Authorize access to web applications using OAuth 2.0 and Azure AD, https://learn.microsoft.com/en-us/previous-versions/azure/active-directory/azuread-dev/v1-protocols-oauth-code"},
		body:  `{"access_token":"at","token_type":"Bearer","expires_in":"3600","expires_on":"1388444763","resource":"https://service.contoso.com/","refresh_token":"rt","scope":"https://management.core.windows.net/user_impersonation"}`,
		scope: []string{"https://management.core.windows.net/user_impersonation"}, lifetime: time.Hour, refresh: "rt", extra: "expires_on",
	},
	{
		seen: seen{"Entra v1", "numbers in strings, for a service",
			"Service to service calls using client credentials, https://learn.microsoft.com/en-us/previous-versions/azure/active-directory/azuread-dev/v1-oauth2-client-creds-grant-flow"},
		grant:    "client_credentials",
		body:     `{"access_token":"at","token_type":"Bearer","expires_in":"3599","ext_expires_in":"3599","expires_on":"1388452167","not_before":"1388448267","resource":"https://service.contoso.com/"}`,
		lifetime: 3599 * time.Second, extra: "not_before",
	},
	{
		seen:  seen{"Azure AD B2C", "numbers in strings", "AzureAD/microsoft-authentication-library-for-android#563; nextauthjs/next-auth#10621"},
		body:  `{"not_before":"1442340812","token_type":"Bearer","access_token":"at","scope":"90c0fe63-bcf2-44d5-8fb7-b8bbc0b29dc6 offline_access","expires_in":"3600","refresh_token":"rt"}`,
		scope: []string{"90c0fe63-bcf2-44d5-8fb7-b8bbc0b29dc6", "offline_access"}, lifetime: time.Hour, refresh: "rt", extra: "not_before",
	},
	{
		seen: seen{"Azure AD B2C", "scope openid alone: there is nothing to access",
			"MicrosoftDocs/azure-docs#64582; AzureAD/microsoft-authentication-library-for-js#6522"},
		body:   `{"id_token":"ID_TOKEN","token_type":"Bearer","not_before":1442340812,"id_token_expires_in":3600,"scope":"openid"}`,
		openid: true, alone: true, scope: []string{"openid"}, extra: "id_token_expires_in",
	},

	{
		seen: seen{"Apple", "a refresh brings an ID token without nonce, and no refresh token",
			"Verifying a user, https://developer.apple.com/documentation/signinwithapple/verifying-a-user"},
		grant: "refresh", body: `{"access_token":"at","token_type":"Bearer","expires_in":3600,"id_token":"ID_TOKEN"}`,
		scope: []string{"openid", "a"}, lifetime: time.Hour, refresh: "rt-1",
	},

	{
		seen:  seen{"Keycloak", "members with a hyphen and a second lifetime", "org.keycloak.representations.AccessTokenResponse of Keycloak"},
		body:  `{"access_token":"at","expires_in":300,"refresh_expires_in":1800,"refresh_token":"rt","token_type":"Bearer","not-before-policy":0,"session_state":"0a2c","scope":"email profile"}`,
		scope: []string{"email", "profile"}, lifetime: 5 * time.Minute, refresh: "rt", extra: "not-before-policy",
	},

	// A comma is a character of a scope (RFC 6749, Section 3.3), so that "repo"
	// and "gist" with one between them are one scope here: taking it apart would
	// break the servers whose scopes have commas in them. The caller who knows
	// that it is GitHub can.
	{
		seen: seen{"GitHub", "scopes with commas",
			"Authorizing OAuth apps, https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps"},
		body: `{"access_token":"at","scope":"repo,gist","token_type":"bearer"}`, scope: []string{"repo,gist"},
	},
	{
		seen: seen{"GitHub", "no scope was granted",
			"Authorizing OAuth apps, https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps"},
		body: `{"access_token":"at","scope":"","token_type":"bearer"}`,
	},
	{
		seen: seen{"GitHub", "a refusal with 200",
			"Troubleshooting OAuth app access token request errors, https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors"},
		body: `{"error":"bad_verification_code","error_description":"The code passed is incorrect or expired.","error_uri":"/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#bad-verification-code"}`,
		kind: ErrRefused, code: "bad_verification_code",
	},

	{
		seen:  seen{"GitLab", "the time of the token", "OAuth 2.0 identity provider API, https://docs.gitlab.com/api/oauth2/"},
		body:  `{"access_token":"at","token_type":"bearer","expires_in":7200,"refresh_token":"rt","created_at":1607635748}`,
		scope: []string{"a", "b"}, lifetime: 2 * time.Hour, refresh: "rt", extra: "created_at",
	},

	{
		seen: seen{"LinkedIn", "no token_type",
			"LinkedIn 3-Legged OAuth Flow, https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow"},
		body: `{"access_token":"at","expires_in":5184000,"scope":"r_basicprofile"}`, kind: ErrResponse,
	},
	{
		seen: seen{"LinkedIn", "no token_type, allowed",
			"LinkedIn 3-Legged OAuth Flow, https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow"},
		body:   `{"access_token":"at","expires_in":5184000,"refresh_token":"rt","refresh_token_expires_in":525600,"scope":"r_basicprofile"}`,
		config: allowTypes(""), scope: []string{"r_basicprofile"}, lifetime: 5184000 * time.Second, refresh: "rt", extra: "refresh_token_expires_in",
	},

	{
		seen: seen{"Slack", "a refusal with 200", "oauth.v2.access, https://api.slack.com/methods/oauth.v2.access"},
		body: `{"ok":false,"error":"invalid_code"}`, kind: ErrRefused, code: "invalid_code",
	},
	{
		seen: seen{"Slack", "a type of its own", "oauth.v2.access, https://api.slack.com/methods/oauth.v2.access"},
		body: `{"ok":true,"access_token":"at","token_type":"bot","scope":"commands,incoming-webhook","bot_user_id":"U0KRQLJ9H","authed_user":{"id":"U1234"}}`,
		kind: ErrTokenType,
	},
	{
		seen:   seen{"Slack", "a type of its own, allowed", "oauth.v2.access, https://api.slack.com/methods/oauth.v2.access"},
		body:   `{"ok":true,"access_token":"at","token_type":"bot","scope":"commands,incoming-webhook","bot_user_id":"U0KRQLJ9H","authed_user":{"id":"U1234"}}`,
		config: allowTypes("bot"), scope: []string{"commands,incoming-webhook"}, extra: "authed_user",
	},
	{
		seen:   seen{"Slack", "no token_type, allowed", "slackapi/java-slack-sdk#47"},
		body:   `{"ok":true,"access_token":"at","scope":"identify,commands,incoming-webhook,chat:write:bot","user_id":"U1","team_name":"T","team_id":"T1","incoming_webhook":{"channel_id":"C1"}}`,
		config: allowTypes(""), scope: []string{"identify,commands,incoming-webhook,chat:write:bot"}, extra: "incoming_webhook",
	},
	{
		seen:   seen{"Slack", "a login", "openid.connect.token, https://api.slack.com/methods/openid.connect.token"},
		body:   `{"ok":true,"access_token":"at","token_type":"Bearer","id_token":"ID_TOKEN"}`,
		openid: true, scope: []string{"openid"}, extra: "ok",
	},

	{
		seen:  seen{"Discord", "a webhook in the answer", "OAuth2, Webhook Token Response Example: docs/topics/OAuth2.md of discord/discord-api-docs"},
		body:  `{"token_type":"Bearer","access_token":"at","scope":"webhook.incoming","expires_in":604800,"refresh_token":"rt","webhook":{"application_id":"310954232226357250","name":"testwebhook","channel_id":"345626669224982402","type":1,"avatar":null,"guild_id":"290926792226357250","id":"347114750880120863"}}`,
		scope: []string{"webhook.incoming"}, lifetime: 604800 * time.Second, refresh: "rt", extra: "webhook",
	},

	{
		seen: seen{"Facebook", "no token_type",
			"Long-Lived Access Tokens, https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived/"},
		body: `{"access_token":"at","expires_in":5184000,"machine_id":"m"}`, kind: ErrResponse,
	},
	{
		seen: seen{"Facebook", "no token_type, allowed",
			"Long-Lived Access Tokens, https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived/"},
		body:   `{"access_token":"at","expires_in":5184000,"machine_id":"m"}`,
		config: allowTypes(""), scope: []string{"a", "b"}, lifetime: 5184000 * time.Second, extra: "machine_id",
	},
	{
		seen:   seen{"Facebook", "error is an object", "Handling Errors, https://developers.facebook.com/docs/graph-api/guides/error-handling/"},
		status: 400,
		body:   `{"error":{"message":"Message describing the error","type":"OAuthException","code":190,"error_subcode":460,"fbtrace_id":"EJplcsCHuLu"}}`,
		kind:   ErrResponse,
	},
	{
		seen: seen{"Facebook", "error is an object, with 200", "Handling Errors, https://developers.facebook.com/docs/graph-api/guides/error-handling/"},
		body: `{"error":{"message":"Message describing the error","type":"OAuthException","code":190}}`, kind: ErrResponse,
	},

	{
		seen: seen{"Twitch", "scopes in a list",
			"Getting OAuth Access Tokens, https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/; ulrikstrid/ocaml-oidc#11"},
		body:  `{"access_token":"at","expires_in":14124,"refresh_token":"rt","scope":["channel:moderate","chat:edit"],"token_type":"bearer"}`,
		scope: []string{"channel:moderate", "chat:edit"}, lifetime: 14124 * time.Second, refresh: "rt",
	},
	{
		seen:   seen{"Twitch", "no token_type in its older API, allowed", "justintv/Twitch-API#691"},
		body:   `{"access_token":"at","refresh_token":"rt","scope":["user_read"],"expires_in":13293}`,
		config: allowTypes(""), scope: []string{"user_read"}, lifetime: 13293 * time.Second, refresh: "rt",
	},
	{
		seen:  seen{"Twitch", "the reason phrase for an error", "Refreshing Access Tokens, https://dev.twitch.tv/docs/authentication/refresh-tokens/"},
		grant: "refresh", status: 400, body: `{"error":"Bad Request","status":400,"message":"Invalid refresh token"}`,
		kind: ErrRefused, code: "Bad Request",
	},

	{
		seen:  seen{"Salesforce", "no lifetime, and a time in a string", "NangoHQ/nango#327; googleworkspace/apps-script-oauth2#10"},
		body:  `{"access_token":"at","refresh_token":"rt","signature":"VA0jxT+xl3HUdw1+Fz2f+47OD3AV490hgNhhkFYvPLE=","scope":"refresh_token full","id_token":"ID_TOKEN","instance_url":"https://nango-dev-ed.develop.my.salesforce.com","id":"https://login.salesforce.com/id/00Dx/005x","token_type":"Bearer","issued_at":"1676372418560"}`,
		scope: []string{"refresh_token", "full"}, refresh: "rt", extra: "instance_url", openid: true,
	},

	{
		seen:  seen{"WSO2", "a token that never expires", "link-it/govway#70"},
		body:  `{"access_token":"at","scope":"default","token_type":"Bearer","expires_in":9223372036854775}`,
		scope: []string{"default"}, lifetime: maxLifetime,
	},
	{
		seen:  seen{"CrowdStrike", "created", "panva/openid-client#666"},
		grant: "client_credentials", status: 201, body: `{"access_token":"at","token_type":"bearer","expires_in":1799}`, lifetime: 1799 * time.Second,
	},

	{
		seen: seen{"eBay", "a type of its own", "postmanlabs/postman-app-support#5434"},
		body: `{"access_token":"at","expires_in":7200,"refresh_token":"rt","refresh_token_expires_in":47304000,"token_type":"User Access Token"}`,
		kind: ErrTokenType,
	},
	{
		seen:   seen{"eBay", "a type of its own, allowed", "postmanlabs/postman-app-support#5434"},
		body:   `{"access_token":"at","expires_in":7200,"refresh_token":"rt","refresh_token_expires_in":47304000,"token_type":"User Access Token"}`,
		config: allowTypes("User Access Token"), scope: []string{"a", "b"}, lifetime: 2 * time.Hour, refresh: "rt", extra: "refresh_token_expires_in",
	},

	{
		seen:  seen{"Apigee", "a type of its own", "DuendeArchive/Support#1413"},
		grant: "client_credentials", body: `{"token_type":"BearerToken","access_token":"at","scope":"","expires_in":"1799"}`, kind: ErrTokenType,
	},
	{
		seen: seen{"Apigee", "a type of its own, allowed, and numbers in strings",
			"DuendeArchive/Support#1413; Sample Response of Fiserv/data-commerce-solutions"},
		grant: "client_credentials",
		body:  `{"refresh_token_expires_in":"0","api_product_list":"[df-dcs-accountverification-v1ProductX]","api_product_list_json":["df-dcs-accountverification-v1ProductX"],"organization_name":"prj","developer.email":"tester@example.com","token_type":"BearerToken","issued_at":"1698050494594","client_id":"GYrnxCQE5xos5f00qawk3tT8hKGub1JV","access_token":"at","application_name":"e0992cc2","scope":"","expires_in":"3599","refresh_count":"0","status":"approved"}`,

		config: allowTypes("BearerToken"), lifetime: 3599 * time.Second, extra: "developer.email",
	},

	// The answer to an API key, which is a grant of IBM's own. The refresh token is
	// none, but nothing says so: it is kept as it is, and refused when it is used.
	{
		seen: seen{"IBM Cloud IAM", "a refresh token that says it is none",
			"Centrally managing resources in an enterprise account by using APIs, IBM Cloud Docs"},
		body:  `{"access_token":"at","refresh_token":"not_supported","token_type":"Bearer","expires_in":3600,"expiration":1727978763,"scope":"ibm openid"}`,
		scope: []string{"ibm", "openid"}, lifetime: time.Hour, refresh: "not_supported", extra: "expiration",
	},

	{
		seen:     seen{"Mattermost", "an empty ID token", "AccessResponse in server/public/model/access.go of mattermost/mattermost"},
		body:     `{"access_token":"at","token_type":"bearer","expires_in":2592000,"scope":"","refresh_token":"rt","id_token":""}`,
		lifetime: 2592000 * time.Second, refresh: "rt",
	},
	{
		seen: seen{"Mattermost", "an empty ID token, where a login was asked for", "AccessResponse in server/public/model/access.go of mattermost/mattermost"},
		body: `{"access_token":"at","token_type":"bearer","expires_in":2592000,"scope":"","refresh_token":"","id_token":""}`, openid: true, kind: ErrResponse,
	},
}

// send has the client ask for a token, and the server answer with the body.
func (a *providerAnswer) send(t *testing.T, s *unitServer, body string) (*Token, error) {
	t.Helper()
	s.set("/token", unitAnswer{status: a.status, mediaType: mediaJSON, body: body})
	c, ctx := s.client(t, a.config), context.Background()
	switch a.grant {
	case "refresh":
		return c.Refresh(ctx, loggedIn(nil), nil)
	case "client_credentials":
		return c.ClientCredentials(ctx, nil)
	}
	r := &plainRequest
	if a.openid {
		r = &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, InsecureNoNonce: true}
	}
	return c.ExchangeCode(ctx, unitResponse(t, s, c, r), nil)
}

// TestProviderAnswers: what becomes of the answers, and that of those accepted
// nothing else is.
func TestProviderAnswers(t *testing.T) {
	s := newUnitServer()
	idToken := s.sign(t, "JWT", unitClaims(nil))
	forged := newForger(s).sign(t, "JWT", unitClaims(nil))
	for _, tt := range providerAnswers {
		t.Run(tt.name(), func(t *testing.T) {
			body := strings.ReplaceAll(tt.body, "ID_TOKEN", idToken)
			token, err := tt.send(t, s, body)
			if tt.kind != nil {
				var refused *ResponseError
				if wantError(t, err, tt.kind, ""); token != nil {
					t.Error("a token came with the error")
				}
				if tt.code != "" && (!errors.As(err, &refused) || refused.Code != tt.code || string(refused.Body) != body) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			expiry, at := time.Time{}, "at"
			if tt.lifetime > 0 {
				expiry = unitNow().Add(tt.lifetime)
			}
			if tt.alone {
				at = ""
			}
			if token.AccessToken.Reveal() != at || !slices.Equal(token.Scope, tt.scope) || !token.Expiry.Equal(expiry) ||
				token.RefreshToken.Reveal() != tt.refresh || tt.extra != "" && token.Extra[tt.extra] == nil {
				t.Errorf("%v until %v with %s and refresh token %q", token, token.Expiry, names(token.Extra), token.RefreshToken.Reveal())
			}
			if tt.openid && token.Subject() != "alice" {
				t.Errorf("subject %q", token.Subject())
			}

			// What no oddity excuses.
			for what, bad := range map[string]struct {
				change map[string]any
				kind   error
			}{
				"a forged ID token":          {map[string]any{"id_token": forged}, ErrSignature},
				"a token of a key":           {map[string]any{"access_token": "at", "token_type": "DPoP"}, ErrTokenType},
				"another type":               {map[string]any{"access_token": "at", "token_type": "mac"}, ErrTokenType},
				"a header in the token":      {map[string]any{"access_token": "at\r\nX: y", "token_type": "Bearer"}, ErrResponse},
				"no access and no ID token":  {map[string]any{"access_token": nil, "id_token": nil}, ErrResponse},
				"a refusal beside no token":  {map[string]any{"access_token": nil, "error": "invalid_grant"}, ErrRefused},
				"an access token twice over": {map[string]any{"access_token": []string{"at"}, "token_type": "Bearer"}, ErrResponse},
			} {
				members := answerMembers(t, body)
				maps.Copy(members, bad.change)
				if token, err := tt.send(t, s, unitJSON(t, members)); token != nil || !errors.Is(err, bad.kind) {
					t.Errorf("%s: %v, %v", what, token, err)
				}
			}
		})
	}
}
