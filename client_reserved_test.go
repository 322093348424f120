package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestReservedNames holds every list of names that a caller must not set. The
// names are written out here: a test that walked the package's own lists would lose
// a name together with them. Each is tried through the exported call, alone, so
// that no other check can refuse in its place, and nothing is sent.
func TestReservedNames(t *testing.T) {
	ctx := context.Background()
	credentials := []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"}
	grant := append([]string{
		"grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "device_code", "auth_req_id", "assertion",
		"scope", "resource", "authorization_details",
	}, credentials...)
	authorization := append([]string{
		"response_type", "redirect_uri", "scope", "state", "nonce", "response_mode", "code_challenge", "code_challenge_method",
		"prompt", "display", "login_hint", "id_token_hint", "acr_values", "ui_locales", "max_age", "resource", "claims",
		"request", "request_uri", "dpop_jkt", "authorization_details", "code_verifier",
	}, credentials...)
	headers := []string{
		"Authorization", "Accept", "Accept-Encoding", "Content-Type", "Content-Length", "Transfer-Encoding", "Host", "Cookie",
		"DPoP", "Connection", "TE", "Trailer", "Upgrade", "Expect", "Proxy-Authorization", "Idempotency-Key", "X-Idempotency-Key",
	}
	s := newUnitServer()
	c := s.client(t, func(c *Config) {
		c.Server.IntrospectionEndpoint, c.Server.RevocationEndpoint = unitIssuer+"/introspect", unitIssuer+"/revoke"
		c.Server.DeviceAuthorizationEndpoint, c.Server.BackchannelAuthenticationEndpoint = unitIssuer+"/device", unitIssuer+"/ciba"
		c.Server.EndSessionEndpoint = unitIssuer + "/logout"
	})
	signed := s.client(t, func(c *Config) { c.RequestKey = unitKey() })
	device, backchannel := reservedPending(t, s, c)
	token := &Token{AccessToken: NewSecret("at"), RefreshToken: NewSecret("rt"), TokenType: "Bearer"}

	params := func(call func(url.Values) error) func(string) error {
		return func(name string) error { return call(url.Values{name: {"x"}}) }
	}
	granted := func(call func(*GrantOptions) error) func(string) error {
		return params(func(p url.Values) error { return call(&GrantOptions{Params: p}) })
	}
	header := func(call func(http.Header) error) func(string) error {
		return func(name string) error { return call(http.Header{name: {"x"}}) }
	}
	grants := map[string]func(*GrantOptions) error{
		"ExchangeCode": func(o *GrantOptions) error {
			_, err := c.ExchangeCode(ctx, unitResponse(t, s, c, &plainRequest), o)
			return err
		},
		"Refresh":           func(o *GrantOptions) error { _, err := c.Refresh(ctx, token, o); return err },
		"ClientCredentials": func(o *GrantOptions) error { _, err := c.ClientCredentials(ctx, o); return err },
		"JWTBearer":         func(o *GrantOptions) error { _, err := c.JWTBearer(ctx, "assertion", o); return err },
		"ExchangeToken":     func(o *GrantOptions) error { _, err := c.ExchangeToken(ctx, reservedExchange, o); return err },
		"DeviceToken":       func(o *GrantOptions) error { _, err := c.DeviceToken(ctx, device, o); return err },
		"BackchannelAuthenticationToken": func(o *GrantOptions) error {
			_, err := c.BackchannelAuthenticationToken(ctx, backchannel, o)
			return err
		},
	}
	endpoints := map[string]func(*EndpointOptions) error{
		"Introspect": func(o *EndpointOptions) error { _, err := c.Introspect(ctx, "t", o); return err },
		"Revoke":     func(o *EndpointOptions) error { return c.Revoke(ctx, "t", o) },
	}
	begin := func(c *Client) func(string) error {
		return params(func(p url.Values) error {
			_, err := c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Params: p})
			return err
		})
	}
	assertion := func(edit func(*AssertionOptions, map[string]any)) func(string) error {
		return func(name string) error {
			o := new(AssertionOptions)
			edit(o, map[string]any{name: "x"})
			_, err := NewClient(
				Config{Server: &AuthorizationServer{Issuer: unitIssuer}, Metadata: ClientMetadata{ClientID: unitClient}, Auth: PrivateKeyJWT(unitKey(), o)},
			)
			return err
		}
	}

	type list struct {
		name  string
		names []string
		call  func(name string) error
		free  string // a name that the call takes
	}
	lists := []list{
		{"AuthorizationRequest.Params", authorization, begin(c), "access_type"},
		{
			"AuthorizationRequest.Params, signed",
			append(slices.Clone(authorization), "iss", "sub", "aud", "exp", "nbf", "iat", "jti"),
			begin(signed),
			"access_type",
		},
		{"DeviceAuthorizationRequest.Params", append([]string{"code_challenge", "code_challenge_method"}, grant...), params(func(p url.Values) error {
			_, err := c.StartDeviceAuthorization(ctx, &DeviceAuthorizationRequest{Params: p})
			return err
		}), "audience"},
		{"BackchannelAuthenticationRequest.Params", append([]string{
			"login_hint", "login_hint_token", "id_token_hint", "binding_message", "user_code", "acr_values", "requested_expiry",
			"client_notification_token", "request",
		}, grant...), params(func(p url.Values) error {
			_, err := c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "a", Params: p})
			return err
		}), "request_context"},
		{"BackchannelAuthenticationRequest.Params, another hint", []string{"login_hint"}, params(func(p url.Values) error {
			_, err := c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, IDTokenHint: "a", Params: p})
			return err
		}), "request_context"},
		{
			"AuthorizationRequest.Params, without PKCE",
			[]string{"code_challenge", "code_challenge_method", "code_verifier", "nonce"},
			params(func(p url.Values) error {
				_, err := c.StartAuthorization(ctx, &AuthorizationRequest{
					RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseType: "code", InsecureNoPKCE: true, Params: p})
				return err
			}),
			"access_type",
		},
		{"Grant", append([]string{"grant_type"}, credentials...), params(func(p url.Values) error { _, err := c.Grant(ctx, "urn:x", p); return err }), "scope"},
		{"EndSessionRequest.Params", []string{"client_id", "id_token_hint", "logout_hint", "post_logout_redirect_uri", "state", "ui_locales"},
			params(func(p url.Values) error { _, err := c.EndSessionURL(&EndSessionRequest{Params: p}); return err }), "returnTo"},
		{"AssertionOptions.Header", []string{"alg", "crit", "typ", "kid", "b64", "zip"},
			assertion(func(o *AssertionOptions, m map[string]any) { o.Header = m }), "x5t#S256"},
		{"AssertionOptions.Claims", []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti"},
			assertion(func(o *AssertionOptions, m map[string]any) { o.Claims = m }), "tenant"},
		{
			"ClientIDMetadataHandler",
			[]string{"client_secret", "client_secret_expires_at", "registration_access_token", "registration_client_uri", "client_id_issued_at"},
			func(name string) error {
				_, err := ClientIDMetadataHandler(ClientMetadata{ClientID: "https://app.example/client", TokenEndpointAuthMethod: "none",
					Extra: map[string]json.RawMessage{name: json.RawMessage(`"x"`)}})
				return err
			},
			"client_brand",
		},
	}
	for name, call := range grants {
		reserved := grant
		if name == "ExchangeToken" {
			reserved = append([]string{"subject_token", "subject_token_type", "actor_token", "actor_token_type", "requested_token_type", "audience"}, grant...)
		}
		lists = append(lists,
			list{name + ", Params", reserved, granted(call), "tenant"},
			list{name + ", Header", headers, header(func(h http.Header) error { return call(&GrantOptions{Header: h}) }), "X-Tenant"})
	}
	for name, call := range endpoints {
		lists = append(
			lists,
			list{
				name + ", Params",
				append([]string{"token", "token_type_hint"}, credentials...),
				params(func(p url.Values) error { return call(&EndpointOptions{Params: p}) }),
				"tenant",
			},
			list{name + ", Header", headers, header(func(h http.Header) error { return call(&EndpointOptions{Header: h}) }), "X-Tenant"},
		)
	}
	for _, l := range lists {
		t.Run(l.name, func(t *testing.T) {
			before := len(s.requests(""))
			for _, name := range l.names {
				spellings := []string{name}
				if strings.HasSuffix(l.name, ", Header") { // names of header fields have no case
					spellings = append(spellings, strings.ToLower(name), strings.ToUpper(name), strings.ToLower(name[:1])+strings.ToUpper(name[1:]))
				}
				for _, spelling := range spellings {
					if err := l.call(spelling); !errors.Is(err, ErrConfig) || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(name)) {
						t.Errorf("%s: %v", spelling, err)
					}
				}
			}
			if n := len(s.requests("")) - before; n != 0 {
				t.Errorf("%d requests were made", n)
			}
			if err := l.call(l.free); errors.Is(err, ErrConfig) {
				t.Errorf("%s, which nothing sets: %v", l.free, err)
			}
		})
	}
}

var reservedExchange = &TokenExchangeRequest{SubjectToken: NewSecret("st"), SubjectTokenType: TokenTypeAccessToken}

// reservedPending begins a device flow and a backchannel authentication, of which
// the tokens are asked for.
func reservedPending(t *testing.T, s *unitServer, c *Client) (*DeviceAuthorization, *BackchannelAuthentication) {
	t.Helper()
	s.answer("/device", `{"device_code":"dc","user_code":"A-B","verification_uri":"https://op.example/d","expires_in":60}`)
	s.answer("/ciba", `{"auth_req_id":"id","expires_in":60}`)
	device, err := c.StartDeviceAuthorization(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	backchannel, err := c.StartBackchannelAuthentication(context.Background(), &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "a"})
	if err != nil {
		t.Fatal(err)
	}
	return device, backchannel
}
