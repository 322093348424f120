package oauth

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestRefreshScope refreshes several times with one refresh token. A scope that
// the server leaves out is the one that was asked for (RFC 6749, Section 5.1);
// where none was, it is the one originally granted (Section 6), not that of the
// refresh before.
func TestRefreshScope(t *testing.T) {
	type step struct {
		scope, resource, answer, want string // answer "-": the server leaves the scope out
	}
	tests := map[string][]step{
		"nothing said":              {{"", "", "-", "a b"}, {"", "", "-", "a b"}},
		"narrower, then as granted": {{"a", "", "-", "a"}, {"", "", "-", "a b"}},
		"narrower twice":            {{"a", "", "-", "a"}, {"b", "", "-", "b"}, {"", "", "-", "a b"}},
		"narrower, the server says": {{"a", "", "a", "a"}, {"", "", "-", "a b"}},
		"one resource":              {{"", "https://rs.example/", "a", "a"}, {"", "", "-", "a b"}},
		"the server gives less":     {{"", "", "a", "a"}, {"", "", "-", "a"}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			s := newUnitServer()
			c := s.client(t, nil)
			token := &Token{RefreshToken: NewSecret("rt"), Scope: []string{"a", "b"}}
			for i, step := range steps {
				answer := map[string]any{"access_token": "at", "token_type": "Bearer"}
				if step.answer != "-" {
					answer["scope"] = step.answer
				}
				s.answer("/token", unitJSON(t, answer))
				opts := &GrantOptions{Scope: strings.Fields(step.scope), Resource: strings.Fields(step.resource)}
				fresh, err := c.Refresh(context.Background(), token, opts)
				if err != nil {
					t.Fatal(err)
				}
				if want := strings.Fields(step.want); !slices.Equal(fresh.Scope, want) {
					t.Errorf("step %d: scope %q, want %q", i, fresh.Scope, want)
				}
				data, err := fresh.MarshalBinary() // as in a session store
				if err != nil {
					t.Fatal(err)
				}
				token = new(Token)
				if err := token.UnmarshalBinary(data); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestRefreshScopeNeverGranted: RFC 6749, Section 6.
func TestRefreshScopeNeverGranted(t *testing.T) {
	for name, tt := range map[string]struct {
		token *Token
		scope string
		good  bool
	}{
		"granted":                 {&Token{Scope: []string{"a", "b"}}, "b", true},
		"one of them was not":     {&Token{Scope: []string{"a", "b"}}, "b c", false},
		"in other case":           {&Token{Scope: []string{"Ab"}, granted: "Ab"}, "aB", false},
		"a part of a name":        {&Token{Scope: []string{"ab"}}, "a", false},
		"granted, then narrowed":  {&Token{Scope: []string{"a"}, granted: "a b"}, "b", true},
		"narrowed, never granted": {&Token{Scope: []string{"a"}, granted: "a b"}, "c", false},
		"added by the program":    {&Token{Scope: []string{"a", "c"}, granted: "a b"}, "c", true},
		"what was is not known":   {&Token{}, "a", true},
		"nothing asked":           {&Token{Scope: []string{"a"}}, "", true},
	} {
		s := newUnitServer()
		s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
		tt.token.RefreshToken = NewSecret("rt")
		_, err := s.client(t, nil).Refresh(context.Background(), tt.token, &GrantOptions{Scope: strings.Fields(tt.scope)})
		if (err == nil) != tt.good || len(s.requests("/token")) != map[bool]int{true: 1}[tt.good] {
			t.Errorf("%s: %v after %d requests", name, err, len(s.requests("/token")))
		}
		if !tt.good {
			wantError(t, err, ErrConfig, "Scope")
		}
	}
}

// TestGrantScope: a scope that the server leaves out is the one that was asked for (RFC
// 6749, Section 5.1).
func TestGrantScope(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	exchange := &TokenExchangeRequest{SubjectToken: NewSecret("st"), SubjectTokenType: TokenTypeAccessToken}
	for name, call := range map[string]func(*GrantOptions) (*Token, error){
		"ClientCredentials": func(o *GrantOptions) (*Token, error) { return c.ClientCredentials(context.Background(), o) },
		"JWTBearer":         func(o *GrantOptions) (*Token, error) { return c.JWTBearer(context.Background(), "a.b.c", o) },
	} {
		for _, scope := range [][]string{nil, {"a"}, {"a", "b"}} {
			tok, err := call(&GrantOptions{Scope: scope})
			if err != nil || !slices.Equal(tok.Scope, scope) {
				t.Errorf("%s: %v, %v, want the scope %q", name, tok, err, scope)
			}
		}
	}
	s.answer("/token", `{"access_token":"at","token_type":"Bearer","issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}`)
	tok, err := c.ExchangeToken(context.Background(), exchange, &GrantOptions{Scope: []string{"a"}})
	if err != nil || !slices.Equal(tok.Scope, []string{"a"}) {
		t.Errorf("ExchangeToken: %v, %v", tok, err)
	}
}

// TestCodeScope: Entra ID wants the scope with the code where the user was asked for
// scopes of two resources (AADSTS28003: AzureAD/msal-python#125,
// SecureAuthCorp/oauth2c#130). It is a part of what was asked for.
func TestCodeScope(t *testing.T) {
	const graph, management = "https://graph.example/User.Read", "https://management.example/user_impersonation"
	for name, tt := range map[string]struct {
		asked, scope []string
		sent         string
		want         string // the Token's
		good         bool
	}{
		"one resource of two": {[]string{graph, management}, []string{graph}, graph, graph, true},
		"all":                 {[]string{graph, management}, []string{management, graph}, management + " " + graph, management + " " + graph, true},
		"nil":                 {[]string{graph, management}, nil, "", graph + " " + management, true},
		"none":                {[]string{graph, management}, []string{}, "", graph + " " + management, true},
		"one more":            {[]string{graph}, []string{graph, management}, "", "", false},
		"a part of a name":    {[]string{graph}, []string{"https://graph.example/User"}, "", "", false},
		"two in one":          {[]string{graph, management}, []string{graph + " " + management}, "", "", false},
		"an empty one":        {[]string{graph}, []string{""}, "", "", false},
		"nothing was asked":   {nil, []string{graph}, "", "", false},
	} {
		s := newUnitServer()
		s.answer("/token", `{"access_token":"at","token_type":"Bearer","refresh_token":"rt"}`)
		c := s.client(t, nil)
		cb := unitResponse(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: tt.asked})
		tok, err := c.ExchangeCode(context.Background(), cb, &GrantOptions{Scope: tt.scope})
		if !tt.good {
			wantError(t, err, ErrConfig, "Scope")
			if n := len(s.requests("/token")); n > 0 {
				t.Errorf("%s: %d requests", name, n)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := s.requests("/token")[0].form.Get("scope"); got != tt.sent {
			t.Errorf("%s: the scope %q was sent", name, got)
		}
		if got := strings.Join(tok.Scope, " "); got != tt.want {
			t.Errorf("%s: the Token has the scope %q", name, got)
		}
		// The refresh token is good for the rest.
		if _, err := c.Refresh(context.Background(), tok, &GrantOptions{Scope: tt.asked}); err != nil {
			t.Errorf("%s: Refresh: %v", name, err)
		}
	}
}

// With openid in the authorization request an ID token must come, whatever is asked for
// with the code.
func TestCodeScopeOpenID(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	c := s.client(t, nil)
	cb := unitResponse(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid", "a"}})
	_, err := c.ExchangeCode(context.Background(), cb, &GrantOptions{Scope: []string{"a"}})
	wantError(t, err, ErrResponse, "id_token")
}
