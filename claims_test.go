package oauth

// Tests of claims that tokens of several kinds have.

import (
	"slices"
	"strings"
	"testing"
)

// TestSameIssuer: nothing but no path and the path "/" are the same.
func TestSameIssuer(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"https://op.example", "https://op.example", true},
		{"https://op.example", "https://op.example/", true},
		{"http://op~1.example", "http://op~1.example/", true},
		{"https://op.example/a", "https://op.example/a", true},
		{"https://op.example/a", "https://op.example/a/", false},
		{"https://op.example/?a", "https://op.example/?a/", false},
		{"https://op.example?a", "https://op.example?a/", false},
		{"https://op.example/", "https://op.example//", false},
		{"https://op.example", "https://OP.example", false},
		{"https://op.example", "https://OP.example/", false},
		{"https://op.example", "https://op.example.", false},
		{"op.example", "op.example/", false},
		{"", "/", false},
	} {
		if sameIssuer(tt.a, tt.b) != tt.want || sameIssuer(tt.b, tt.a) != tt.want {
			t.Errorf("%q and %q: %v", tt.a, tt.b, !tt.want)
		}
	}
}

// TestScopeMember: a string, or an array of strings; a scope never becomes two.
func TestScopeMember(t *testing.T) {
	for _, tt := range []struct {
		member string
		want   []string
		there  bool
		kind   error
	}{
		{`"a b"`, []string{"a", "b"}, true, nil},
		{`"  a   b "`, []string{"a", "b"}, true, nil},
		{`"a\tb\u00a0c"`, []string{"a\tb\u00a0c"}, true, nil},
		{`""`, nil, true, nil},
		{`["a","b"]`, []string{"a", "b"}, true, nil},
		{`["a","b c",""," "]`, []string{"a"}, true, nil},
		{`[]`, nil, true, nil},
		{`["a",1]`, nil, true, ErrClaim},
		{`[["a"]]`, nil, true, ErrClaim},
		{`1`, nil, true, ErrClaim},
		{`{"a":1}`, nil, true, ErrClaim},
	} {
		o, err := parseObject(`{"scope":`+tt.member+`}`, answerForm, ErrClaim)
		if err != nil {
			t.Fatal(err)
		}
		list, ok, err := o.scope("scope")
		if ok != tt.there {
			t.Errorf("%s: it is there: %v", tt.member, ok)
		}
		if wantError(t, err, tt.kind, "scope"); tt.kind == nil && !slices.Equal(list.list(), tt.want) {
			t.Errorf("%s: %q", tt.member, list)
		}
	}
}

// TestTenantIsRemembered: AcceptIssuer is asked about the same tenant each time, also
// about that of a token that is not verified again.
func TestTenantIsRemembered(t *testing.T) {
	const tenant = "11111111-2222-3333-4444-555555555555"
	s := newUnitServer()
	var asked []string
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.VerifiedTokens = 10
		c.Servers[0].Server.Issuer = "https://op.example/{tenantid}"
		c.Servers[0].AcceptIssuer = func(iss, tid string) bool {
			asked = append(asked, iss+" "+tid)
			return true
		}
		c.Servers[0].KeySet = must(ParseKeySet([]byte(`{"keys":[` + string(s.key.PublicJWK()) + `]}`)))
	})
	raw := s.accessToken(t, map[string]any{"iss": "https://op.example/" + tenant, "tid": tenant})
	for range 2 {
		if _, err := authenticate(t, rs, bearer(raw)); err != nil {
			t.Fatal(err)
		}
	}
	want := "https://op.example/" + tenant + " " + tenant
	if !slices.Equal(asked, []string{want, want}) {
		t.Errorf("asked about %q", asked)
	}
}

// TestIssuerAdvice: the error about a token of version 1.0 of Entra ID says how the API gets
// others, and the one about any other token does not.
func TestIssuerAdvice(t *testing.T) {
	s := newUnitServer()
	for iss, advised := range map[string]bool{
		"https://sts.windows.net/11111111-2222-3333-4444-555555555555/": true,
		"https://other.example":                          false,
		"https://other.example/https://sts.windows.net/": false,
	} {
		_, err := authenticate(t, s.resource(t, nil), bearer(s.accessToken(t, map[string]any{"iss": iss})))
		if wantError(t, err, ErrIssuer, "iss"); strings.Contains(err.Error(), "requestedAccessTokenVersion") != advised {
			t.Errorf("%s: %v", iss, err)
		}
	}
}
