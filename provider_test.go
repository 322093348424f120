package oauth

// What providers send that the specifications do not have, and what tells their
// tokens apart. It is a list: each row names the provider, the oddity and where it was
// seen, then what is sent, what a user configures for it, and what becomes of it.
// Values that look like secrets are made up. What is accepted is sent again in the
// ways by which an attacker would gain, so that no leniency is a hole.

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"
)

// seen says whose oddity a row is, and where it was seen: a page of the provider's
// documentation, an issue, a source file.
type seen struct {
	provider string
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

// exchangeAnswer is what the package makes of the answer to a code.
func exchangeAnswer(t *testing.T, s *unitServer, answer unitAnswer, r *AuthorizationRequest, config func(*Config)) (*Token, error) {
	t.Helper()
	if answer.mediaType == "" {
		answer.mediaType = mediaJSON
	}
	s.set("/token", answer)
	c := s.client(t, config)
	if r == nil {
		r = &plainRequest
	}
	return c.ExchangeCode(context.Background(), unitResponse(t, s, c, r), nil)
}

// TestProviderCodes: answers to a code, in which the code flow depends on what
// the server writes.
func TestProviderCodes(t *testing.T) {
	s := newUnitServer()
	allow := func(types ...string) func(*Config) { return func(c *Config) { c.AllowTokenTypes = types } }
	noNonce := &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, InsecureNoNonce: true}
	plain := s.sign(t, "JWT", unitClaims(nil))
	tests := []struct {
		name     string
		body     string
		status   int
		request  *AuthorizationRequest
		config   func(*Config)
		scope    []string
		lifetime time.Duration // 0: not known
		extra    string        // one of the Extra members
		kind     error         // nil: the token comes
		code     string
	}{
		// Microsoft identity platform and OAuth 2.0 authorization code flow
		// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
		{
			name:     "Entra",
			body:     `{"access_token":"at","token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"scope":"https://graph.microsoft.com/mail.read","refresh_token":"rt"}`,
			scope:    []string{"https://graph.microsoft.com/mail.read"},
			lifetime: 3599 * time.Second,
			extra:    "ext_expires_in",
		},
		{
			name:   "Entra, refused",
			status: 400,
			body:   `{"error":"invalid_scope","error_description":"AADSTS70011: The provided value for the input parameter 'scope' is not valid.","error_codes":[70011],"timestamp":"2016-01-09 02:02:12Z","trace_id":"255d1aef-8c98-452f-ac51-23d051240864","correlation_id":"fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7"}`,
			kind:   ErrRefused,
			code:   "invalid_scope",
		},
		// Authorize access to web applications using OAuth 2.0 and Azure AD (v1)
		// https://learn.microsoft.com/en-us/previous-versions/azure/active-directory/azuread-dev/v1-protocols-oauth-code
		{
			name:     "Entra v1, numbers in strings",
			body:     `{"access_token":"at","token_type":"Bearer","expires_in":"3600","expires_on":"1388444763","resource":"https://service.contoso.com/","refresh_token":"rt","scope":"https://management.core.windows.net/user_impersonation"}`,
			scope:    []string{"https://management.core.windows.net/user_impersonation"},
			lifetime: time.Hour,
			extra:    "expires_on",
		},

		// Authorizing OAuth apps
		// https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
		// A comma is a character of a scope (RFC 6749, Section 3.3), so that "repo"
		// and "gist" with one between them are one scope here: taking it apart would
		// break the servers whose scopes have commas in them. The caller who knows
		// that it is GitHub can.
		{name: "GitHub, scopes with commas", body: `{"access_token":"at","scope":"repo,gist","token_type":"bearer"}`, scope: []string{"repo,gist"}},
		{name: "GitHub, no scope was granted", body: `{"access_token":"at","scope":"","token_type":"bearer"}`},
		// Troubleshooting OAuth app access token request errors
		// https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
		{
			name: "GitHub, refused with 200",
			body: `{"error":"bad_verification_code","error_description":"The code passed is incorrect or expired.","error_uri":"/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#bad-verification-code"}`,
			kind: ErrRefused,
			code: "bad_verification_code",
		},

		// oauth.v2.access
		// https://api.slack.com/methods/oauth.v2.access
		{name: "Slack, refused with 200", body: `{"ok":false,"error":"invalid_code"}`, kind: ErrRefused, code: "invalid_code"},
		{
			name: "Slack, a type of its own",
			body: `{"ok":true,"access_token":"at","token_type":"bot","scope":"commands,incoming-webhook","bot_user_id":"U0KRQLJ9H","authed_user":{"id":"U1234"}}`,
			kind: ErrTokenType,
		},
		{
			name:   "Slack, a type of its own, allowed",
			body:   `{"ok":true,"access_token":"at","token_type":"bot","scope":"commands,incoming-webhook","bot_user_id":"U0KRQLJ9H","authed_user":{"id":"U1234"}}`,
			config: allow("bot"),
			scope:  []string{"commands,incoming-webhook"},
			extra:  "authed_user",
		},

		// Getting OAuth Access Tokens
		// https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/
		{
			name:     "Twitch, scopes in a list",
			body:     `{"access_token":"at","expires_in":14124,"refresh_token":"rt","scope":["channel:moderate","chat:edit"],"token_type":"bearer"}`,
			scope:    []string{"channel:moderate", "chat:edit"},
			lifetime: 14124 * time.Second,
		},

		// LinkedIn 3-Legged OAuth Flow
		// https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow
		{name: "LinkedIn, no token_type", body: `{"access_token":"at","expires_in":5184000,"scope":"r_basicprofile"}`, kind: ErrResponse},
		{
			name:     "LinkedIn, no token_type, allowed",
			body:     `{"access_token":"at","expires_in":5184000,"refresh_token":"rt","refresh_token_expires_in":525600,"scope":"r_basicprofile"}`,
			config:   allow(""),
			scope:    []string{"r_basicprofile"},
			lifetime: 5184000 * time.Second,
			extra:    "refresh_token_expires_in",
		},
		// Sign In with LinkedIn using OpenID Connect: the claims of its ID tokens
		// are without nonce
		// https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2
		{name: "LinkedIn, no nonce", body: `{"access_token":"at","expires_in":5184000,"id_token":"` + plain + `"}`, config: allow(""),
			request: &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}}, kind: ErrNonce},
		{name: "LinkedIn, no nonce, allowed", body: `{"access_token":"at","expires_in":5184000,"id_token":"` + plain + `"}`, config: allow(""),
			request: noNonce, scope: []string{"openid"}, lifetime: 5184000 * time.Second},

		// Long-Lived Access Tokens: the answer to a client's code
		// https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived/
		{name: "Facebook, no token_type", body: `{"access_token":"at","expires_in":5184000,"machine_id":"m"}`, kind: ErrResponse},
		{name: "Facebook, no token_type, allowed", body: `{"access_token":"at","expires_in":5184000,"machine_id":"m"}`,
			config: allow(""), scope: []string{"a", "b"}, lifetime: 5184000 * time.Second, extra: "machine_id"},
		// Handling Errors: error is an object, and no error of RFC 6749
		// https://developers.facebook.com/docs/graph-api/guides/error-handling/
		{
			name:   "Facebook, refused",
			status: 400,
			body:   `{"error":{"message":"Message describing the error","type":"OAuthException","code":190,"error_subcode":460,"fbtrace_id":"EJplcsCHuLu"}}`,
			kind:   ErrResponse,
		},
		{
			name: "Facebook, refused with 200",
			body: `{"error":{"message":"Message describing the error","type":"OAuthException","code":190}}`,
			kind: ErrResponse,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, err := exchangeAnswer(t, s, unitAnswer{status: tt.status, body: tt.body}, tt.request, tt.config)
			if tt.kind != nil {
				var refused *ResponseError
				if wantError(t, err, tt.kind, ""); token != nil {
					t.Error("a token came with the error")
				}
				if tt.code != "" && (!errors.As(err, &refused) || refused.Code != tt.code || string(refused.Body) != tt.body) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			expiry := time.Time{}
			if tt.lifetime > 0 {
				expiry = unitNow().Add(tt.lifetime)
			}
			if token.AccessToken.Reveal() != "at" || !slices.Equal(token.Scope, tt.scope) || !token.Expiry.Equal(expiry) ||
				tt.extra != "" && token.Extra[tt.extra] == nil {
				t.Errorf("%v until %v with %s", token, token.Expiry, names(token.Extra))
			}
		})
	}
}

// Authenticating users with Sign in with Apple: email_verified is "a string or
// Boolean value".
// https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple
// Verifying a user: what a refresh token gives has no refresh_token, but an ID
// token without nonce.
// https://developer.apple.com/documentation/signinwithapple/verifying-a-user
func TestProviderApple(t *testing.T) {
	type m = map[string]any
	s := newUnitServer()
	s.answer("/token", unitTokenBody(t, nil))
	c := s.client(t, nil)
	for verified, want := range map[any]bool{"true": true, true: true, "false": false, false: false, "TRUE": false, 1: false, unitRemoved: false} {
		resp := unitResponse(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid", "email"}})
		s.answer("/token", unitTokenBody(t, m{"expires_in": 3600, "refresh_token": "rt-1", "id_token": s.sign(t, "JWT", unitClaims(m{
			"nonce": resp.authorization.content.nonce, "nonce_supported": true, "email": "a@privaterelay.appleid.com", "email_verified": verified, "is_private_email": "true",
		}))}))
		token, err := c.ExchangeCode(context.Background(), resp, nil)
		if err != nil || token.IDToken().EmailVerified() != want {
			t.Fatalf("email_verified %v: %v, %v", verified, token, err)
		}
		s.answer("/token", unitTokenBody(t, m{"expires_in": 3600, "id_token": s.sign(t, "JWT", unitClaims(m{"email_verified": verified}))}))
		fresh, err := c.Refresh(context.Background(), token, nil)
		if err != nil || fresh.RefreshToken.Reveal() != "rt-1" || fresh.IDToken().EmailVerified() != want {
			t.Errorf("refreshed: %v, %v", fresh, err)
		}
	}
}

// Using OAuth 2.0 for Web Server Applications: the answer to a refresh has no
// refresh token, and the one at hand stays good.
// https://developers.google.com/identity/protocols/oauth2/web-server
//
// Refreshing Access Tokens: a refusal that has the reason phrase for an error.
// https://dev.twitch.tv/docs/authentication/refresh-tokens/
func TestProviderRefresh(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	s.answer(
		"/token",
		`{"access_token":"at","expires_in":3920,"scope":"https://www.googleapis.com/auth/drive.metadata.readonly https://www.googleapis.com/auth/calendar.readonly","token_type":"Bearer"}`,
	)
	fresh, err := c.Refresh(context.Background(), loggedIn(nil), nil)
	if err != nil || fresh.RefreshToken.Reveal() != "rt-1" || len(fresh.Scope) != 2 {
		t.Errorf("%v, %v", fresh, err)
	}
	s.set("/token", unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"Bad Request","status":400,"message":"Invalid refresh token"}`})
	_, err = c.Refresh(context.Background(), loggedIn(nil), nil)
	var refused *ResponseError
	if !errors.As(err, &refused) || refused.Code != "Bad Request" || refused.StatusCode != 400 {
		t.Errorf("error %v", err)
	}
}

// Service to service calls using client credentials (v1): numbers in strings
// https://learn.microsoft.com/en-us/previous-versions/azure/active-directory/azuread-dev/v1-oauth2-client-creds-grant-flow
func TestProviderClientCredentials(t *testing.T) {
	s := newUnitServer()
	s.answer(
		"/token",
		`{"access_token":"at","token_type":"Bearer","expires_in":"3599","ext_expires_in":"3599","expires_on":"1388452167","not_before":"1388448267","resource":"https://service.contoso.com/"}`,
	)
	token, err := s.client(t, nil).ClientCredentials(context.Background(), nil)
	if err != nil || !token.Expiry.Equal(unitNow().Add(3599*time.Second)) || names(token.Extra) != "expires_on ext_expires_in not_before resource" ||
		string(token.Extra["ext_expires_in"]) != `"3599"` {
		t.Errorf("%v, %v", token, err)
	}
}
