package oauth

// The device flow as providers speak it: see provider_test.go.

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

const deviceDone = `{"access_token":"at","token_type":"Bearer","expires_in":3600}`

const (
	githubDevices = "Authorizing OAuth apps, Device flow, https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps"
	googleDevices = "OAuth 2.0 for TV and Limited-Input Device Applications, https://developers.google.com/identity/protocols/oauth2/limited-input-device"
	auth0Devices  = "Call Your API Using the Device Authorization Flow, https://auth0.com/docs/get-started/authentication-and-authorization-flow/device-authorization-flow/call-your-api-using-the-device-authorization-flow"
	entraDevices  = "Microsoft identity platform and the OAuth 2.0 device authorization grant flow, https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-device-code"
	oktaDevices   = "Configure Device Authorization Grant Flow, https://developer.okta.com/docs/guides/device-authorization-grant/main/; Rate limits, https://developer.okta.com/docs/reference/rate-limits/"
	twitchDevices = "Getting OAuth Access Tokens, Device code grant flow, https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/"
)

func deviceStep(status int, body string) pollStep { return pollStep{status: status, body: body} }

// A providerDevice is a device authorization and the answers of the token endpoint.
type providerDevice struct {
	seen
	start string
	page  string // VerificationURI
	steps []pollStep
	times []float64
	kind  error // nil: the token comes
	code  string
}

var providerDevices = []providerDevice{
	{seen: seen{"GitHub", "errors with 200, and slow_down says how slow", githubDevices}, page: "https://github.com/login/device",
		start: `{"device_code":"dc","user_code":"WDJB-MJHT","verification_uri":"https://github.com/login/device","expires_in":900,"interval":5}`,
		steps: []pollStep{
			deviceStep(
				200,
				`{"error":"authorization_pending","error_description":"The authorization request is still pending.","error_uri":"https://docs.github.com/developers/apps/authorizing-oauth-apps#error-codes-for-the-device-flow"}`,
			),
			deviceStep(
				200,
				`{"error":"slow_down","error_description":"Too many requests have been made in the same timeframe.","error_uri":"https://docs.github.com","interval":10}`,
			),
			deviceStep(200, `{"access_token":"at","token_type":"bearer","scope":"repo,gist"}`),
		}, times: []float64{5, 10, 20}},
	{seen: seen{"GitHub", "a code that is not right", githubDevices}, page: "https://github.com/login/device",
		start: `{"device_code":"dc","user_code":"WDJB-MJHT","verification_uri":"https://github.com/login/device","expires_in":900,"interval":5}`,
		steps: []pollStep{deviceStep(200, `{"error":"incorrect_device_code","error_description":"The device_code provided is not valid."}`)},
		times: []float64{5}, kind: ErrRefused, code: "incorrect_device_code"},
	{seen: seen{"Google", "verification_url, 428 while the user has not decided and 403 for the rest", googleDevices}, page: "https://www.google.com/device",
		start: `{"device_code":"dc","user_code":"GQVQ-JKEC","verification_url":"https://www.google.com/device","expires_in":1800,"interval":5}`,
		steps: []pollStep{
			deviceStep(428, `{"error":"authorization_pending","error_description":"Precondition Required"}`),
			deviceStep(403, `{"error":"slow_down","error_description":"Forbidden"}`),
			deviceStep(428, `{"error":"authorization_pending","error_description":"Precondition Required"}`),
			deviceStep(200, deviceDone),
		}, times: []float64{5, 10, 20, 30}},
	{seen: seen{"Google", "access_denied with 403", googleDevices}, page: "https://www.google.com/device",
		start: `{"device_code":"dc","user_code":"GQVQ-JKEC","verification_url":"https://www.google.com/device","expires_in":1800,"interval":5}`,
		steps: []pollStep{deviceStep(403, `{"error":"access_denied","error_description":"Forbidden"}`)},
		times: []float64{5}, kind: ErrRefused, code: "access_denied"},
	{seen: seen{"Auth0", "403 while the user has not decided, and 429 for slow_down", auth0Devices}, page: "https://my-tenant.auth0.com/activate",
		start: `{"device_code":"dc","user_code":"QTZL-MCBW","verification_uri":"https://my-tenant.auth0.com/activate","verification_uri_complete":"https://my-tenant.auth0.com/activate?user_code=QTZL-MCBW","expires_in":900,"interval":5}`,
		steps: []pollStep{
			deviceStep(403, `{"error":"authorization_pending","error_description":"User has yet to authorize device code."}`),
			deviceStep(429, `{"error":"slow_down","error_description":"You are polling faster than the specified interval of 5 seconds."}`),
			deviceStep(200, deviceDone),
		}, times: []float64{5, 10, 20}},
	{seen: seen{"Auth0", "expired_token with 403", auth0Devices}, page: "https://my-tenant.auth0.com/activate",
		start: `{"device_code":"dc","user_code":"QTZL-MCBW","verification_uri":"https://my-tenant.auth0.com/activate","expires_in":900,"interval":5}`,
		steps: []pollStep{deviceStep(403, `{"error":"expired_token","error_description":"..."}`)},
		times: []float64{5}, kind: ErrExpired, code: "expired_token"},
	{seen: seen{"Entra", "a message for the user, and numbers beside the error", entraDevices}, page: "https://microsoft.com/devicelogin",
		start: `{"user_code":"GRK9TLK2N","device_code":"dc","verification_uri":"https://microsoft.com/devicelogin","expires_in":900,"interval":5,"message":"To sign in, use a web browser to open the page https://microsoft.com/devicelogin"}`,
		steps: []pollStep{
			deviceStep(
				400,
				`{"error":"authorization_pending","error_description":"AADSTS70016: OAuth 2.0 device flow error. Authorization is pending. Continue polling.","error_codes":[70016],"timestamp":"2024-01-01 00:00:00Z","trace_id":"t","correlation_id":"c","error_uri":"https://login.microsoftonline.com/error?code=70016"}`,
			),
			deviceStep(200, deviceDone),
		}, times: []float64{5, 10}},
	{seen: seen{"Entra", "a refusal of its own", entraDevices}, page: "https://microsoft.com/devicelogin",
		start: `{"user_code":"GRK9TLK2N","device_code":"dc","verification_uri":"https://microsoft.com/devicelogin","expires_in":900,"interval":5}`,
		steps: []pollStep{deviceStep(400, `{"error":"authorization_declined","error_codes":[70018]}`)},
		times: []float64{5}, kind: ErrRefused, code: "authorization_declined"},
	{seen: seen{"Okta", "a refusal of another form, which passes", oktaDevices}, page: "https://dev.okta.com/activate",
		start: `{"device_code":"dc","user_code":"RGTCFDTL","verification_uri":"https://dev.okta.com/activate","verification_uri_complete":"https://dev.okta.com/activate?user_code=RGTCFDTL","expires_in":600,"interval":5}`,
		steps: []pollStep{
			deviceStep(400, `{"error":"authorization_pending","error_description":"The device authorization is pending. Please try again later."}`),
			deviceStep(
				429,
				`{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit due to too many requests.","errorLink":"E0000047","errorId":"sampleQdOjpI","errorCauses":[]}`,
			),
			deviceStep(200, deviceDone),
		}, times: []float64{5, 10, 20}},
	// What RFC 8628 has in error stands in message. That is text for people anywhere
	// else, so PollDevice ends; the body is in the error.
	{seen: seen{"Twitch", "the error stands in message", twitchDevices}, page: "https://www.twitch.tv/activate?public=true&device-code=ABCDEFGH",
		start: `{"device_code":"dc","expires_in":1800,"interval":5,"user_code":"ABCDEFGH","verification_uri":"https://www.twitch.tv/activate?public=true&device-code=ABCDEFGH"}`,
		steps: []pollStep{deviceStep(400, `{"status":400,"message":"authorization_pending"}`)},
		times: []float64{5}, kind: ErrResponse},
}

// TestProviderDevices: the device flow as it is spoken.
func TestProviderDevices(t *testing.T) {
	for _, tt := range providerDevices {
		t.Run(tt.name(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newPollServer(t, tt.start, tt.steps...)
				c := s.pollClient(t, func(c *Config) { c.Auth = PublicClient() })
				d, err := c.StartDeviceAuthorization(context.Background(), nil)
				if err != nil || d.VerificationURI() != tt.page {
					t.Fatalf("%v at %s, %v", d, d.VerificationURI(), err)
				}
				token, err := c.PollDevice(context.Background(), d, nil)
				if got := s.times(); !slices.Equal(got, tt.times) {
					t.Errorf("asked after %v s, want %v", got, tt.times)
				}
				if tt.kind == nil {
					if err != nil || token.AccessToken.Reveal() != "at" {
						t.Errorf("%v, %v", token, err)
					}
					// What no oddity excuses.
					steps := slices.Clone(tt.steps)
					steps[len(steps)-1] = deviceStep(200, `{"access_token":"at","token_type":"DPoP"}`)
					c := newPollServer(t, tt.start, steps...).pollClient(t, nil)
					token, err = c.PollDevice(context.Background(), must(c.StartDeviceAuthorization(context.Background(), nil)), nil)
					if token != nil || !errors.Is(err, ErrTokenType) {
						t.Errorf("a token of a key: %v, %v", token, err)
					}
					c = newPollServer(t, strings.ReplaceAll(tt.start, "https://", "javascript://")).pollClient(t, nil)
					if d, err := c.StartDeviceAuthorization(context.Background(), nil); d != nil || !errors.Is(err, ErrResponse) {
						t.Errorf("a page that is a program: %v, %v", d, err)
					}
					return
				}
				var refused *ResponseError
				if token != nil || !errors.Is(err, tt.kind) || !errors.As(err, &refused) || refused.Code != tt.code ||
					string(refused.Body) != tt.steps[0].body {
					t.Errorf("%v, %v", token, err)
				}
			})
		})
	}
}

// The same, where the user could not even be asked.
//
// OAuth 2.0 for TV and Limited-Input Device Applications: a quota that is used
// up stands in error_code.
// https://developers.google.com/identity/protocols/oauth2/limited-input-device
//
// Authorizing OAuth apps: a flow that is not enabled is refused with 200.
// https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
func TestProviderDeviceStart(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, withDevice)
	for _, tt := range []struct {
		answer unitAnswer
		code   string
		status int
	}{
		{unitAnswer{status: 403, mediaType: mediaJSON, body: `{"error_code":"rate_limit_exceeded"}`}, "", http.StatusForbidden},
		{unitAnswer{mediaType: mediaJSON, body: `{"error":"device_flow_disabled","error_description":"Device Flow must be explicitly enabled for this App"}`}, "device_flow_disabled", http.StatusOK},
	} {
		s.set("/device", tt.answer)
		d, err := c.StartDeviceAuthorization(context.Background(), nil)
		var refused *ResponseError
		if d != nil || !errors.As(err, &refused) || refused.Code != tt.code || refused.StatusCode != tt.status {
			t.Errorf("%v, %v", d, err)
		}
	}
	// Login for Devices: the device code is called code, which is another flow
	// than that of RFC 8628.
	// https://developers.facebook.com/docs/facebook-login/for-devices
	s.answer(
		"/device",
		`{"code":"92a2b2e351f2b0b3503b2de251132f47","user_code":"A1NWZ9","verification_uri":"https://www.facebook.com/device","expires_in":420,"interval":5}`,
	)
	_, err := c.StartDeviceAuthorization(context.Background(), nil)
	wantError(t, err, ErrResponse, "device_code")
}
