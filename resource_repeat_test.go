package oauth

import (
	"context"
	"net/url"
	"slices"
	"testing"
)

// TestResourceIsRepeated: RFC 8707, Section 2.2, as MCP requires: what the authorization
// request named is named again with the code and at each refresh, after a store too.
func TestResourceIsRepeated(t *testing.T) {
	const a, b = "https://a.example/mcp", "https://b.example/c d"
	type list = []string
	ctx := context.Background()
	begin := map[string]func(*unitServer, *Client, list, *GrantOptions) (*Token, error){
		"code": func(s *unitServer, c *Client, resource list, o *GrantOptions) (*Token, error) {
			again := new(PendingAuthorization)
			pending := must(c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Resource: resource}))
			if err := again.UnmarshalBinary(must(pending.MarshalBinary())); err != nil {
				return nil, err
			}
			response, err := c.ValidateAuthorizationResponse(ctx, again, url.Values{"code": {"c"}, "state": {again.State()}})
			if err != nil {
				return nil, err
			}
			return c.ExchangeCode(ctx, response, o)
		},
		"device": func(s *unitServer, c *Client, resource list, o *GrantOptions) (*Token, error) {
			again := new(DeviceAuthorization)
			pending := must(c.StartDeviceAuthorization(ctx, &DeviceAuthorizationRequest{Resource: resource}))
			if err := again.UnmarshalBinary(must(pending.MarshalBinary())); err != nil {
				return nil, err
			}
			return c.DeviceToken(ctx, again, o)
		},
		"CIBA": func(s *unitServer, c *Client, resource list, o *GrantOptions) (*Token, error) {
			again := new(BackchannelAuthentication)
			pending := must(c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: list{"openid"}, LoginHint: "alice", Resource: resource}))
			if err := again.UnmarshalBinary(must(pending.MarshalBinary())); err != nil {
				return nil, err
			}
			return c.BackchannelAuthenticationToken(ctx, again, o)
		},
		"client credentials": func(_ *unitServer, c *Client, resource list, o *GrantOptions) (*Token, error) {
			if o == nil {
				o = &GrantOptions{Resource: resource}
			}
			return c.ClientCredentials(ctx, o)
		},
	}
	for name, begin := range begin {
		for _, tt := range []struct {
			name     string
			resource list // of the first request
			says     []*GrantOptions
			want     []list // with the code, and at each refresh
		}{
			{"one", list{a}, []*GrantOptions{nil, nil, {}}, []list{{a}, {a}, {a}}},
			{"two", list{a, b}, []*GrantOptions{nil, nil, nil}, []list{{a, b}, {a, b}, {a, b}}},
			{"none", nil, []*GrantOptions{nil, nil}, []list{nil, nil}},
			{"another with the code", list{a, b}, []*GrantOptions{{Resource: list{b}}, nil, nil}, []list{{b}, {b}, {b}}},
			{"another at a refresh", list{a, b}, []*GrantOptions{nil, {Resource: list{b}}, nil, {Resource: list{a}}}, []list{{a, b}, {b}, {b}, {a}}},
			{"none at a refresh", list{a}, []*GrantOptions{nil, {Resource: list{}}, nil}, []list{{a}, nil, nil}},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				s := newUnitServer()
				s.answer("/device", unitJSON(t, deviceBody()))
				s.answer("/ciba", `{"auth_req_id":"id","expires_in":60}`)
				s.answer("/token", unitTokenBody(t, map[string]any{"refresh_token": "rt", "id_token": s.sign(t, "JWT", unitClaims(nil))}))
				c := s.client(t, func(c *Config) { withDevice(c); withCIBA(c) })
				var tok *Token
				for i, says := range tt.says {
					before := 0
					if says != nil {
						before = len(says.Resource)
					}
					var err error
					if i == 0 {
						tok, err = begin(s, c, tt.resource, says)
					} else {
						tok, err = c.Refresh(ctx, tok, says)
					}
					if err != nil {
						t.Fatal(err)
					}
					sent := s.requests("/token")
					if got := sent[len(sent)-1].form["resource"]; len(sent) != i+1 || !slices.Equal(got, tt.want[i]) {
						t.Errorf("request %d has %q, want %q", i, got, tt.want[i])
					}
					if says != nil && len(says.Resource) != before {
						t.Error("the caller's options are changed")
					}
					again := new(Token)
					if err := again.UnmarshalBinary(must(tok.MarshalBinary())); err != nil {
						t.Fatal(err)
					}
					tok = again
				}
			})
		}
	}
}

// The scope that was granted is not forgotten by a token for one resource of two.
func TestResourceKeepsScope(t *testing.T) {
	const a, b = "https://a.example/", "https://b.example/"
	ctx := context.Background()
	s := newUnitServer()
	s.answer("/token", `{"access_token":"at","token_type":"Bearer","refresh_token":"rt","scope":"read-a"}`)
	c := s.client(t, nil)
	response := unitResponse(t, s, c, &AuthorizationRequest{
		RedirectURI: "https://app.example/cb", Scope: []string{"read-a", "read-b"}, Resource: []string{a, b},
	})
	tok, err := c.ExchangeCode(ctx, response, &GrantOptions{Resource: []string{a}})
	if err != nil {
		t.Fatal(err)
	}
	if tok, err = c.Refresh(ctx, tok, nil); err != nil { // for a again
		t.Fatal(err)
	}
	if _, err = c.Refresh(ctx, tok, &GrantOptions{Resource: []string{b}, Scope: []string{"read-b"}}); err != nil {
		t.Error(err)
	}

	// What the server says of all resources is what is granted.
	response = unitResponse(t, s, c, &AuthorizationRequest{
		RedirectURI: "https://app.example/cb", Scope: []string{"read-a", "read-b"}, Resource: []string{a, b},
	})
	s.answer("/token", `{"access_token":"at","token_type":"Bearer","refresh_token":"rt","scope":"read-a read-b"}`)
	if tok, err = c.ExchangeCode(ctx, response, nil); err != nil {
		t.Fatal(err)
	}
	s.answer("/token", `{"access_token":"at","token_type":"Bearer","scope":"read-a"}`) // the user took one back
	if tok, err = c.Refresh(ctx, tok, nil); err != nil {
		t.Fatal(err)
	}
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	if tok, err = c.Refresh(ctx, tok, nil); err != nil || !slices.Equal(tok.Scope, []string{"read-a"}) {
		t.Errorf("%v, scope %q", err, tok.Scope)
	}
	_, err = c.Refresh(ctx, tok, &GrantOptions{Scope: []string{"read-b"}})
	wantError(t, err, ErrConfig, "Scope")
}
