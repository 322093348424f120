package oauth

// Tests of URLs that are compared, built or redirected to.

import (
	"net/http"
	"net/url"
	"testing"
)

func TestNormalTarget(t *testing.T) {
	for raw, want := range map[string]target{
		"https://api.example":           {"https://api.example", "/"},
		"HTTPS://API.example:443/a%2fB": {"https://api.example", "/a%2FB"},
		"https://api.example//a":        {"https://api.example", "//a"},
		"https:///a":                    {"https://", "/a"},
		"http://api.example:80/":        {"http://api.example", "/"},
	} {
		if got, ok := normalTarget(raw); !ok || got != want {
			t.Errorf("%s: %q, %v", raw, got, ok)
		}
	}
	for _, raw := range []string{"", "x", "/a", "https:/a", "https://api.example/../a", "https://api.example/%", "https://api.example/%zz"} {
		if got, ok := normalTarget(raw); ok {
			t.Errorf("%q: %q", raw, got)
		}
	}
	if got, ok := normalPath("%41b"); got != "Ab" || !ok {
		t.Errorf("%q, %v", got, ok)
	}
}

// TestProofWithoutPath: a proof for no URL is not one for a request without a path.
func TestProofWithoutPath(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	token := s.accessToken(t, boundTo(key))
	rs := s.resource(t, nil)
	for _, htu := range []string{"x", "*", "/", "api.example", "https://", unitResource} {
		r := provenRequestOf(token, signProof(t, key, nil, proofClaims(token, map[string]any{"htu": htu})))
		r.RequestURI = "*"
		_, err := authenticate(t, rs, r)
		wantError(t, err, ErrClaim, "htu")
	}
}

func TestRequestPath(t *testing.T) {
	for _, tt := range []struct {
		method, line string
		path         string
		ok           bool
	}{
		{"GET", "/a?b", "/a", true},
		{"GET", "//a", "//a", true},
		{"GET", "http://api.example/a?b", "/a", true},
		{"GET", "http://api.example", "", true},
		{"connect", "http://api.example/a", "/a", true}, // RFC 9110, Section 9.1: methods have a case
		{"CONNECT", "http://api.example/a", "", false},
		{"CONNECT", "api.example:443", "", false},
		{"OPTIONS", "*", "", false},
		{"GET", "x:/a", "", false},
		{"GET", "x:a", "", false},
		{"GET", "", "", false},
	} {
		path, ok := requestPath(&http.Request{Method: tt.method, RequestURI: tt.line})
		if path != tt.path || ok != tt.ok {
			t.Errorf("%s %s: %q, %v", tt.method, tt.line, path, ok)
		}
	}
}

func TestInsertWellKnown(t *testing.T) {
	for u, want := range map[string]string{
		"https://op.example":         "https://op.example/.well-known/x",
		"https://op.example/":        "https://op.example/.well-known/x",
		"https://op.example/a":       "https://op.example/.well-known/x/a",
		"https://op.example/a/":      "https://op.example/.well-known/x/a/",
		"https://op.example?a":       "https://op.example/.well-known/x?a",
		"https://op.example/?a":      "https://op.example/.well-known/x?a",
		"https://op.example/a/?b":    "https://op.example/.well-known/x/a/?b",
		"https://a~b.example:8443/c": "https://a~b.example:8443/.well-known/x/c",
		"https:///a":                 "https:///.well-known/x/a",
	} {
		if got := insertWellKnown(u, "x"); got != want {
			t.Errorf("%s: %s", u, got)
		}
	}
}

func TestRedirectURIs(t *testing.T) {
	for uri, kind := range map[string]error{
		"https://app.example/cb":     nil,
		"http://127.0.0.1/cb":        nil,
		"http://[::1]:8080/cb":       nil,
		"http://localhost/cb":        nil,
		"com.example.app:/cb":        nil,
		"com.example.app:cb":         nil,
		"com.example.app:0":          ErrConfig, // a host and a port
		"com.example.app:9":          ErrConfig,
		"com.example.app::x":         nil,
		"app:cb":                     ErrConfig,
		"http://LOCALHOST/cb":        ErrInsecureURL,
		"http://localhost.example/":  ErrInsecureURL,
		"http://app.example/cb":      ErrInsecureURL,
		"javascript:alert(1)":        ErrInsecureURL,
		"data:text/html,x":           ErrInsecureURL,
		"vbscript:x":                 ErrInsecureURL,
		"file:///x":                  ErrInsecureURL,
		"blob:https://app.example/x": ErrInsecureURL,
		"about:blank":                ErrInsecureURL,
		"https:///cb":                ErrConfig,
		"https://app.example/cb#":    ErrConfig,
		"/cb":                        ErrConfig,
	} {
		if err := checkRedirectURI("RedirectURI", uri, false); kind != nil {
			wantError(t, err, kind, "RedirectURI")
		} else if err != nil {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

// TestSameOrigin: letters of ASCII have no case, and others are not letters of ASCII.
func TestSameOrigin(t *testing.T) {
	for _, tt := range []struct {
		scheme, host, otherScheme, otherHost string
		same                                 bool
	}{
		{"https", "op.example", "https", "op.example", true}, {"HTTPS", "op.example", "https", "OP.example", true},
		{"https", "op.example:443", "https", "op.example", true}, {"http", "op.example", "http", "op.example:80", true},
		{"https", "op.example", "http", "op.example", false}, {"https", "op.example", "https", "op.example:8443", false},
		{"https", "op.example", "https", "other.example", false}, {"https", "ok.example", "https", "o\u212a.example", false},
		{"https", "op.example", "http\u017f", "op.example", false}, {"http\u017f", "op.example", "https", "o\u212a.example", false},
	} {
		u, o := &url.URL{Scheme: tt.scheme, Host: tt.host}, &url.URL{Scheme: tt.otherScheme, Host: tt.otherHost}
		if sameOrigin(u, o) != tt.same || sameOrigin(o, u) != tt.same {
			t.Errorf("%v and %v: not %v", u, o, tt.same)
		}
	}
}
