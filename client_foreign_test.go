package oauth

// Tests of what the caller's own code is given, and what it can change.

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestAuthenticationChangesItsCopy: a ClientAuth that writes into what it is given
// changes neither what the caller holds nor the next attempt.
func TestAuthenticationChangesItsCopy(t *testing.T) {
	s := newUnitServer()
	attempts := 0
	c := s.client(t, func(c *Config) {
		c.DPoP = unitDPoP(t)
		c.Auth = foreignAuth(func(_ context.Context, r *ClientAuthRequest) error {
			for _, m := range []map[string][]string{r.Header, r.Form} {
				for name := range m {
					m[name][0] += "-changed"
				}
			}
			return nil
		})
		c.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
			if err := r.ParseForm(); err != nil {
				return nil, err
			}
			for name, want := range map[string]string{"mine": "value-changed", "resource": unitResource + "-changed", "scope": "a-changed", "audience": "b-changed"} {
				if got := r.PostForm.Get(name); got != want && (name != "audience" || got != "") && (name != "mine" || got != "") {
					t.Errorf("%s is %q", name, got)
				}
			}
			if got := r.Header.Get("X-Mine"); got != "field-changed" {
				t.Errorf("X-Mine is %q", got)
			}
			if attempts++; attempts%2 == 1 {
				return httpAnswer(r, http.StatusBadRequest, `{"error":"use_dpop_nonce"}`, "DPoP-Nonce", "n"+string(rune('0'+attempts))), nil
			}
			return httpAnswer(
				r,
				http.StatusOK,
				`{"access_token":"at","token_type":"DPoP","issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}`,
			), nil
		}).client()
	})
	opts := &GrantOptions{
		Scope: []string{"a"}, Resource: []string{unitResource}, Params: url.Values{"mine": {"value"}}, Header: http.Header{"X-Mine": {"field"}},
	}
	exchange := &TokenExchangeRequest{SubjectToken: NewSecret("x"), SubjectTokenType: TokenTypeAccessToken, Audience: []string{"b"}}
	if _, err := c.ClientCredentials(t.Context(), opts); err != nil {
		t.Error(err)
	}
	if _, err := c.ExchangeToken(t.Context(), exchange, opts); err != nil {
		t.Error(err)
	}
	if attempts != 4 || opts.Params.Get("mine") != "value" || opts.Header.Get("X-Mine") != "field" || opts.Resource[0] != unitResource ||
		exchange.Audience[0] != "b" {
		t.Errorf("after %d attempts: %v %v %v %v", attempts, opts.Params, opts.Header, opts.Resource, exchange.Audience)
	}
}

// TestAuthenticationKeepsItsHeader: a ClientAuth that puts a map of its own in place of the
// header finds nothing of the request in it.
func TestAuthenticationKeepsItsHeader(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	mine := http.Header{"X-Mine": {"a"}}
	c := s.client(t, func(c *Config) {
		c.Auth = foreignAuth(func(_ context.Context, r *ClientAuthRequest) error {
			r.Header = mine
			return nil
		})
	})
	if _, err := c.ClientCredentials(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := s.requests("/token")[0].header.Get("X-Mine"); got != "a" || len(mine) != 1 {
		t.Errorf("sent is %q, and the map is %v", got, mine)
	}
}

// TestSecretsOfResponse: all that the browser brought, and all that it may not see.
func TestSecretsOfResponse(t *testing.T) {
	d := &pendingAuthorizationData{state: "the-state", nonce: "the-nonce", verifier: "the-verifier"}
	want := []string{"the-state", "the-nonce", "the-verifier"}
	params := url.Values{"error": {"public"}}
	for _, name := range []string{"code", "state", "response", "id_token", "access_token"} {
		params[name] = []string{name + "-1", name + "-2"}
		want = append(want, params[name]...)
	}
	got := d.secrets(params)
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestHeaderNamesOfOptions: a name is a token, and no letter that looks like one of ASCII
// when it is cut to a byte.
func TestHeaderNamesOfOptions(t *testing.T) {
	for name, ok := range map[string]bool{"X-Mine": true, "~": true, "X\u0141": false, "X\x7f": false, "X Y": false, "": false, "authorization": false} {
		if err := (headerFields{more: http.Header{name: {"x"}}}).check(); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestExtraThatDoesNotEncode: a document with what is no JSON in it is an error.
func TestExtraThatDoesNotEncode(t *testing.T) {
	extra := map[string]json.RawMessage{"a": json.RawMessage("{")}
	for _, v := range []json.Marshaler{
		AuthorizationServer{Issuer: unitIssuer, Extra: extra}, MTLSEndpointAliases{Extra: extra}, ClientMetadata{Extra: extra}, ResourceMetadata{Extra: extra},
	} {
		if text, err := v.MarshalJSON(); err == nil || text != nil {
			t.Errorf("%v: %s", reflect.TypeOf(v), text)
		}
	}
}

// TestBackchannelPingParts: each part of a notification, and whose fault it is.
func TestBackchannelPingParts(t *testing.T) {
	away := errors.New("the store is away")
	good := func() *BackchannelAuthentication {
		return savedBackchannel(&pendingData{code: "the-id", notificationToken: "the-token"})
	}
	for _, tt := range []struct {
		name, method, authorization, body string
		find                              func(context.Context, string) (*BackchannelAuthentication, error)
		kind                              error
		param                             string
	}{
		{"good", "POST", "Bearer the-token", `{"auth_req_id":"the-id"}`, nil, nil, ""},
		{"scheme in capitals", "POST", "BEARER the-token", `{"auth_req_id":"the-id"}`, nil, nil, ""},
		{"GET", "GET", "Bearer the-token", `{"auth_req_id":"the-id"}`, nil, ErrParse, ""},
		{"no token", "POST", "Bearer ", `{"auth_req_id":"the-id"}`, nil, ErrNoCredentials, "Authorization"},
		{"another token", "POST", "Bearer The-token", `{"auth_req_id":"the-id"}`, nil, ErrNoCredentials, "Authorization"},
		{"no JSON", "POST", "Bearer the-token", `auth_req_id`, nil, ErrParse, ""},
		{"too long", "POST", "Bearer the-token", `{"auth_req_id":"the-id","x":"` + strings.Repeat("x", maxPing) + `"}`, nil, ErrParse, ""},
		{"another id", "POST", "Bearer the-token", `{"auth_req_id":"The-id"}`, nil, ErrConfig, "auth_req_id"},
		{"the store is away", "POST", "Bearer the-token", `{"auth_req_id":"the-id"}`,
			func(context.Context, string) (*BackchannelAuthentication, error) { return good(), away }, ErrUnavailable, "auth_req_id"},
		{"unknown", "POST", "Bearer the-token", `{"auth_req_id":"the-id"}`,
			func(context.Context, string) (*BackchannelAuthentication, error) { return nil, nil }, ErrNoCredentials, "auth_req_id"},
		{"without a token of its own", "POST", "Bearer the-token", `{"auth_req_id":"the-id"}`,
			func(context.Context, string) (*BackchannelAuthentication, error) {
				return savedBackchannel(&pendingData{code: "the-id"}), nil
			}, ErrNoCredentials, "Authorization"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/ping", strings.NewReader(tt.body))
			r.Header.Set("Authorization", tt.authorization)
			if tt.find == nil {
				tt.find = func(context.Context, string) (*BackchannelAuthentication, error) { return good(), nil }
			}
			b, err := ParseBackchannelPing(r, tt.find)
			if wantError(t, err, tt.kind, tt.param); (b == nil) != (err != nil) {
				t.Errorf("%v with the error %v", b, err)
			}
			if e := (*Error)(nil); tt.kind != nil && (!errors.As(err, &e) || e.Kind != tt.kind) {
				t.Errorf("its own kind is another: %v", err)
			}
		})
	}
	_, err := ParseBackchannelPing(httptest.NewRequest("POST", "/ping", nil), nil)
	wantError(t, err, ErrConfig, "")
}
