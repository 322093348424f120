package oauth

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestParseInitiatedLogin is OpenID Connect Core, Section 4: what begins a login, and
// what would make the application an open redirector.
func TestParseInitiatedLogin(t *testing.T) {
	c := newUnitServer().client(t, nil)
	const origin = "https://app.example"
	iss := func(more ...string) url.Values {
		v := url.Values{"iss": {unitIssuer}}
		for i := 0; i < len(more); i += 2 {
			v.Add(more[i], more[i+1])
		}
		return v
	}
	for _, tt := range []struct {
		name   string
		params url.Values
		origin string
		target string
		kind   error
		param  string
	}{
		{"iss alone", iss(), origin, "", nil, ""},
		{"all", iss("login_hint", "alice", "target_link_uri", origin+"/a?b=c"), origin, origin + "/a?b=c", nil, ""},
		{"the origin with its port", iss("target_link_uri", origin+":443/a"), origin, origin + ":443/a", nil, ""},
		{"an empty target", iss("target_link_uri", ""), origin, "", nil, ""},
		{"no iss", url.Values{"login_hint": {"alice"}}, origin, "", ErrParse, "iss"},
		{"another iss", url.Values{"iss": {"https://attacker.example"}}, origin, "", ErrIssuer, "iss"},
		{"iss twice", iss("iss", unitIssuer), origin, "", ErrParse, "iss"},
		{"hint twice", iss("login_hint", "a", "login_hint", "b"), origin, "", ErrParse, "login_hint"},
		{"target twice", iss("target_link_uri", origin, "target_link_uri", origin), origin, "", ErrParse, "target_link_uri"},
		{"elsewhere", iss("target_link_uri", "https://attacker.example/"), origin, "", ErrClaim, "target_link_uri"},
		{"another port", iss("target_link_uri", origin+":444/"), origin, "", ErrClaim, "target_link_uri"},
		{"http", iss("target_link_uri", "http://app.example/"), origin, "", ErrClaim, "target_link_uri"},
		{"a path that is a host, too", iss("target_link_uri", origin+"//attacker.example"), origin, "", ErrClaim, "target_link_uri"},
		{"a path that browsers take for a host", iss("target_link_uri", origin+`/\attacker.example`), origin, "", ErrClaim, "target_link_uri"},
		{"a path with two slashes further on", iss("target_link_uri", origin+"/a//b"), origin, origin + "/a//b", nil, ""},
		{"a path alone", iss("target_link_uri", "/a"), origin, "", ErrClaim, "target_link_uri"},
		{"no scheme", iss("target_link_uri", "//attacker.example/"), origin, "", ErrClaim, "target_link_uri"},
		{"a script", iss("target_link_uri", "javascript:alert(1)"), origin, "", ErrClaim, "target_link_uri"},
		{"a user name", iss("target_link_uri", "https://app.example@attacker.example/"), origin, "", ErrClaim, "target_link_uri"},
		{"a backslash", iss("target_link_uri", `https://app.example\@attacker.example/`), origin, "", ErrClaim, "target_link_uri"},
		{"no origin", iss(), "", "", ErrConfig, "origin"},
		{"an http origin", iss(), "http://app.example", "", ErrInsecureURL, "origin"},
		{"an origin that only Unicode takes for the same", iss("target_link_uri", "https://shop.example/a"), "https://\u017fhop.example", "", ErrClaim, "target_link_uri"},
	} {
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest("GET", "https://app.example/initiate?"+tt.params.Encode(), nil)
			if method == "POST" {
				r = httptest.NewRequest("POST", "https://app.example/initiate", strings.NewReader(tt.params.Encode()))
				r.Header.Set("Content-Type", mediaForm)
			}
			l, err := c.ParseInitiatedLogin(r, tt.origin)
			if wantError(t, err, tt.kind, tt.param); (l == nil) != (tt.kind != nil) {
				t.Errorf("%s: %v, %v", tt.name, l, err)
			}
			if l != nil && (l.TargetLinkURI != tt.target || l.LoginHint != tt.params.Get("login_hint")) {
				t.Errorf("%s: %q %q", tt.name, l.TargetLinkURI, l.LoginHint)
			}
		}
	}
	for name, tt := range map[string]struct {
		r    *http.Request
		kind error
	}{
		"nil":                         {nil, ErrConfig},
		"no URL":                      {new(http.Request), ErrConfig},
		"PUT":                         {httptest.NewRequest("PUT", "https://app.example/?iss="+url.QueryEscape(unitIssuer), nil), ErrParse},
		"a query that cannot be read": {httptest.NewRequest("GET", "https://app.example/?iss=%zz", nil), ErrParse},
		"a body of another type":      {httptest.NewRequest("POST", "https://app.example/", strings.NewReader("iss=x")), ErrParse},
	} {
		l, err := c.ParseInitiatedLogin(tt.r, origin)
		if l != nil {
			t.Errorf("%s: %v", name, l)
		}
		if wantError(t, err, tt.kind, ""); name == "PUT" && !strings.Contains(err.Error(), `the request came by "PUT"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Where http is allowed, it is so here.
	local := newUnitServer().client(t, func(c *Config) { c.InsecureAllowHTTP = true })
	const here = "http://127.0.0.1:8080"
	r := httptest.NewRequest("GET", here+"/?"+iss("target_link_uri", here+"/a").Encode(), nil)
	if l, err := local.ParseInitiatedLogin(r, here); err != nil || l.TargetLinkURI != here+"/a" {
		t.Errorf("%v, %v", l, err)
	}
}
