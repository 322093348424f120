package oauthtest_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

func TestResourceMetadata(t *testing.T) {
	for _, path := range []string{"", "/tenant/one", "/slash/"} {
		s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Path: path})
		base := strings.TrimSuffix(path, "/")
		for _, tail := range []string{"", "/resource"} {
			a := get(t, s, s.URL()+"/.well-known/oauth-protected-resource"+base+tail, "")
			servers, _ := a.m["authorization_servers"].([]any)
			methods, _ := a.m["bearer_methods_supported"].([]any)
			scopes, _ := a.m["scopes_supported"].([]any)
			if a.status != 200 || a.str("resource") != s.URL()+base+tail || !slices.Equal(servers, []any{s.Issuer()}) ||
				!slices.Equal(methods, []any{"header"}) || !slices.Contains(scopes, any("openid")) {
				t.Errorf("%q%q: %d %s", path, tail, a.status, a.body)
			}
		}
	}
}

func TestResource(t *testing.T) {
	s := newServer(t, nil)
	token := redeem(t, s, nil).str("access_token")
	for _, method := range []string{"GET", "POST"} {
		for name, tt := range map[string]struct {
			header, query string
			status        int
			code          string
		}{
			"good":       {"Bearer " + token, "", 200, ""},
			"lower case": {"bearer " + token, "", 200, ""},
			"none":       {"", "", 401, ""},
			"query":      {"", "?access_token=" + token, 401, ""},
			"scheme":     {"Basic " + token, "", 401, ""},
			"bad":        {"Bearer x", "", 401, `error="invalid_token"`},
		} {
			// A token in the body does not count either.
			req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/resource"+tt.query,
				strings.NewReader(url.Values{"access_token": {token}}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if tt.header != "" {
				req.Header.Set("Authorization", tt.header)
			}
			a := do(t, s.Client(), req)
			challenge := a.header.Get("WWW-Authenticate")
			if a.status != tt.status || tt.code == "" && strings.Contains(challenge, "error") || !strings.Contains(challenge, tt.code) {
				t.Errorf("%s %s: %d %s", method, name, a.status, challenge)
			}
			if tt.status == 200 {
				if a.str("sub") != "alice" || a.str("scope") != "openid email" || a.str("client_id") != "app" {
					t.Errorf("%s %s: %s", method, name, a.body)
				}
				continue
			}
			if !strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, `scope="openid"`) ||
				!strings.Contains(challenge, `resource_metadata="`+s.URL()+`/.well-known/oauth-protected-resource/resource"`) {
				t.Errorf("%s %s: %s", method, name, challenge)
			}
		}
	}
}

// A token for named resources is good at one of them alone (RFC 8707).
func TestResourceAudience(t *testing.T) {
	s := newServer(t, nil)
	for resource, want := range map[string]int{s.URL() + "/resource": 200, s.URL(): 200, "https://other.example": 401} {
		token := redeem(t, s, map[string]string{"resource": resource}).str("access_token")
		if a := get(t, s, s.URL()+"/resource", token); a.status != want {
			t.Errorf("%s: %d %s", resource, a.status, a.header)
		}
	}
}
