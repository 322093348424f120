package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// headerCalls are the calls whose options have header fields, by the path that they ask.
func headerCalls(t *testing.T, s *unitServer) map[string]func(more, received http.Header) error {
	ctx := context.Background()
	s.set("/par", unitAnswer{status: 201, mediaType: mediaJSON, body: `{"request_uri":"urn:r","expires_in":60}`})
	s.answer("/backchannel", `{"auth_req_id":"r","expires_in":60}`)
	s.answer("/userinfo", `{"sub":"alice"}`)
	s.answer("/introspect", `{"active":true}`)
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	s.answer("/revoke", "")
	s.set(registerPath, registrationAnswer(t, nil))
	c := s.client(t, func(c *Config) {
		c.Server.BackchannelAuthenticationEndpoint = unitIssuer + "/backchannel"
		c.Server.IntrospectionEndpoint, c.Server.RevocationEndpoint = unitIssuer+"/introspect", unitIssuer+"/revoke"
	})
	token := &Token{AccessToken: NewSecret("at"), TokenType: "Bearer"}
	return map[string]func(more, received http.Header) error{
		"/par": func(more, received http.Header) error {
			_, err := c.StartAuthorization(ctx, &AuthorizationRequest{
				RedirectURI: "https://app.example/cb", Pushed: true, Header: more, ResponseHeader: received,
			})
			return err
		},
		"/backchannel": func(more, received http.Header) error {
			_, err := c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{
				Scope: []string{"openid"}, LoginHint: "alice", Header: more, ResponseHeader: received, Claims: json.RawMessage(`{"userinfo":null}`),
			})
			return err
		},
		"/userinfo": func(more, received http.Header) error {
			_, err := c.UserInfo(ctx, token, &UserInfoOptions{Subject: "alice", Header: more, ResponseHeader: received})
			return err
		},
		"/introspect": func(more, received http.Header) error {
			_, err := c.Introspect(ctx, "at", &EndpointOptions{Header: more, ResponseHeader: received})
			return err
		},
		"/revoke": func(more, received http.Header) error {
			return c.Revoke(ctx, "at", &EndpointOptions{Header: more, ResponseHeader: received})
		},
		"/token": func(more, received http.Header) error {
			_, err := c.ClientCredentials(ctx, &GrantOptions{Header: more, ResponseHeader: received})
			return err
		},
		registerPath: func(more, received http.Header) error {
			as, opts := s.registrar()
			opts.Header, opts.ResponseHeader = more, received
			_, err := Register(ctx, as, registrationAsked, opts)
			return err
		},
	}
}

// TestRequestHeaders: header fields of the caller's go with every request that can have
// them (x-fapi-interaction-id), and none that the package sets can be named.
func TestRequestHeaders(t *testing.T) {
	ctx := context.Background()
	s := newUnitServer()
	for path, call := range headerCalls(t, s) {
		for _, name := range append(reservedHeaders[:], "a b", "") {
			wantError(t, call(http.Header{name: {"x"}}, nil), ErrConfig, "Header")
		}
		wantError(t, call(http.Header{"X": {"a\r\nb"}}, nil), ErrConfig, "Header")
		if n := len(s.requests(path)); n != 0 {
			t.Errorf("%s: %d requests", path, n)
		}
		h := http.Header{"X-Fapi-Interaction-Id": {"id-1"}}
		if err := call(h, nil); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if r := s.requests(path); len(r) != 1 || r[0].header.Get("X-Fapi-Interaction-Id") != "id-1" || len(h) != 1 {
			t.Errorf("%s: %v, and the caller's are %v", path, r, h)
		}
	}
	if got := s.requests("/backchannel")[0].form.Get("claims"); got != `{"userinfo":null}` {
		t.Errorf("claims %s", got)
	}
	c := s.client(t, func(c *Config) { c.Server.BackchannelAuthenticationEndpoint = unitIssuer + "/backchannel" })
	_, err := c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice", Claims: json.RawMessage("1")})
	wantError(t, err, ErrConfig, "Claims")
	_, err = c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Header: http.Header{"X": {"y"}}})
	wantError(t, err, ErrConfig, "Header")
	_, err = c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", ResponseHeader: http.Header{}})
	wantError(t, err, ErrConfig, "ResponseHeader")
}

// TestResponseHeaders: a caller gets the header fields of each response, whether it is
// taken or refused, and no longer those of an earlier one.
func TestResponseHeaders(t *testing.T) {
	s := newUnitServer()
	for path, call := range headerCalls(t, s) {
		good := s.answers[path]
		good.header = http.Header{"X-Fapi-Interaction-Id": {"id-1"}}
		s.set(path, good)
		received := http.Header{"Old": {"x"}}
		if err := call(nil, received); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if received.Get("X-Fapi-Interaction-Id") != "id-1" || received["Old"] != nil {
			t.Errorf("%s: received %v", path, received)
		}
		received.Set("X-Fapi-Interaction-Id", "mine") // which is no longer the package's
		s.set(path, unitAnswer{status: 400, mediaType: mediaJSON, header: http.Header{"X-Fapi-Interaction-Id": {"id-2"}}, body: `{"error":"invalid_request"}`})
		if err := call(nil, received); err == nil || received.Get("X-Fapi-Interaction-Id") != "id-2" {
			t.Errorf("%s: received %v with %v", path, received, err)
		}
		s.set(path, unitAnswer{body: strings.Repeat(" ", maxBody+1)}) // which is not read, as of a server that cannot be reached
		if err := call(nil, received); err == nil || len(received) != 0 {
			t.Errorf("%s: received %v with %v", path, received, err)
		}
	}
}

// TestResponseHeaderMap: it is emptied before anything can go wrong, and is not the map
// that is sent.
func TestResponseHeaderMap(t *testing.T) {
	s := newUnitServer()
	for path, call := range headerCalls(t, s) {
		both := http.Header{"X": {"y"}}
		wantError(t, call(both, both), ErrConfig, "ResponseHeader")
		stale := http.Header{"X-Fapi-Interaction-Id": {"id-0"}}
		wantError(t, call(http.Header{"Host": {"x"}}, stale), ErrConfig, "Header")
		if len(stale) != 0 || len(both) != 1 || len(s.requests(path)) != 0 {
			t.Errorf("%s: %v, %v", path, stale, both)
		}
	}
}
