package oauth

import (
	"context"
	"net/http"
	"testing"
)

// TestRequestHeaders: header fields of the caller's go with every request that can have
// them (x-fapi-interaction-id), and none that the package sets can be named.
func TestRequestHeaders(t *testing.T) {
	ctx := context.Background()
	s := newUnitServer()
	s.set("/par", unitAnswer{status: 201, mediaType: mediaJSON, body: `{"request_uri":"urn:r","expires_in":60}`})
	s.answer("/backchannel", `{"auth_req_id":"r","expires_in":60}`)
	s.answer("/userinfo", `{"sub":"alice"}`)
	s.set(registerPath, registrationAnswer(t, nil))
	c := s.client(t, func(c *Config) { c.Server.BackchannelAuthenticationEndpoint = unitIssuer + "/backchannel" })
	token := &Token{AccessToken: NewSecret("at"), TokenType: "Bearer"}
	for path, call := range map[string]func(http.Header) error{
		"/par": func(h http.Header) error {
			_, err := c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: true, Header: h})
			return err
		},
		"/backchannel": func(h http.Header) error {
			_, err := c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice", Header: h, Claims: map[string]any{"userinfo": nil}})
			return err
		},
		"/userinfo": func(h http.Header) error {
			_, err := c.UserInfo(ctx, token, &UserInfoOptions{Subject: "alice", Header: h})
			return err
		},
		registerPath: func(h http.Header) error {
			as, opts := s.registrar()
			opts.Header = h
			_, err := Register(ctx, as, registrationAsked, opts)
			return err
		},
	} {
		for _, name := range append(reservedHeaders[:], "a b", "") {
			wantError(t, call(http.Header{name: {"x"}}), ErrConfig, "Header")
		}
		wantError(t, call(http.Header{"X": {"a\r\nb"}}), ErrConfig, "Header")
		if n := len(s.requests(path)); n != 0 {
			t.Errorf("%s: %d requests", path, n)
		}
		h := http.Header{"X-Fapi-Interaction-Id": {"id-1"}}
		if err := call(h); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if r := s.requests(path); len(r) != 1 || r[0].header.Get("X-Fapi-Interaction-Id") != "id-1" || len(h) != 1 {
			t.Errorf("%s: %v, and the caller's are %v", path, r, h)
		}
	}
	if got := s.requests("/backchannel")[0].form.Get("claims"); got != `{"userinfo":null}` {
		t.Errorf("claims %s", got)
	}
	_, err := c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice", Claims: 1})
	wantError(t, err, ErrConfig, "Claims")
	_, err = c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Header: http.Header{"X": {"y"}}})
	wantError(t, err, ErrConfig, "Header")
}
