package demo

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/oauth/examples/internal/env"
	"example.com/oauth/oauthtest"
)

// detoured is a stage with a proxy before endpoints of the server, by their paths. see
// gets the body of each answer, and returns the one that the program gets.
func detoured(t *testing.T, program string, endpoints map[string]string, see func(path string, body []byte) []byte) *Stage {
	t.Helper()
	var origin atomic.Pointer[string]
	s := stageFor(t, program, func(o *oauthtest.Options) {
		o.EditMetadata = func(m map[string]any) {
			for endpoint, path := range endpoints {
				m[endpoint] = *origin.Load() + path
			}
		}
	})
	target := must(url.Parse(s.Server.URL()))
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: s.Server.Client().Transport,
		ModifyResponse: func(resp *http.Response) error {
			body, err := io.ReadAll(resp.Body)
			body = see(resp.Request.URL.Path, body)
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Del("Content-Length")
			return err
		},
	})
	t.Cleanup(proxy.Close)
	origin.Store(&proxy.URL)
	s.trust(proxy.Certificate().Raw)
	return s
}

// The other API is called for the user of a token that is for this API, and that the
// server exchanges, and for nobody else.
func TestExchange(t *testing.T) {
	t.Parallel()
	defer catch(t)
	var edit atomic.Pointer[[3]string] // the path, what the server says there, and what the program hears
	edit.Store(new([3]string))
	paths := map[string]string{"token_endpoint": "/token", "introspection_endpoint": "/introspect"}
	s := detoured(t, "exchange", paths, func(path string, body []byte) []byte {
		if e := edit.Load(); e[0] == path {
			return bytes.ReplaceAll(body, []byte(e[1]), []byte(e[2]))
		}
		return body
	})
	s.start()
	https, caller, resource := must(env.Trusting(s.settings["OAUTH_CA"])), s.newCaller(false), s.settings["OAUTH_RESOURCE"]
	bearer := func(resource string, scope ...string) []string { // of a user who granted the scope
		s.settings["OAUTH_RESOURCE"] = resource
		caller.grant(scope...)
		return []string{"Bearer " + caller.token.AccessToken.Reveal()}
	}
	elsewhere := bearer("https://bills.example.com", "openid", "orders")
	less := bearer(resource, "openid")
	good := bearer(resource, "openid", "orders")
	key := `"active":true,"cnf":{"jkt":"` + strings.Repeat("A", 43) + `"}`
	for _, tt := range []struct {
		name   string
		header []string
		edit   [3]string
		fault  oauthtest.Fault
		status int
		code   string // of the challenge
	}{
		{name: "good", header: good, status: 200},
		{name: "scheme", header: []string{"b" + good[0][1:]}, status: 200},
		{name: "none", status: 401},
		{name: "two", header: append(good, good...), status: 400, code: "invalid_request"},
		{name: "another scheme", header: []string{"Basic " + good[0][7:]}, status: 401},
		{name: "unknown", header: []string{"Bearer an-unknown-token"}, status: 401, code: "invalid_token"},
		{name: "for another API", header: elsewhere, status: 401, code: "invalid_token"},
		{name: "without the scope", header: less, status: 403, code: "insufficient_scope"},

		{name: "for no API", header: good, edit: [3]string{"/introspect", `"aud"`, `"was_aud"`}, status: 401, code: "invalid_token"},
		{name: "bound to a key", header: good, edit: [3]string{"/introspect", `"active":true`, key}, status: 401, code: "invalid_token"},
		{name: "no access token", header: good, edit: [3]string{"/token", "token-type:access_token", "token-type:jwt"}, status: 502},
		{name: "not to be presented", header: good, edit: [3]string{"/token", `"Bearer"`, `"N_A"`}, status: 502},

		{name: "introspection fails", header: good, fault: oauthtest.IntrospectionHTML, status: 503},
		{name: "the exchange fails", header: good, fault: oauthtest.TokenHTML, status: 502},
		{name: "the server redirects", header: good, fault: oauthtest.TokenRedirect, status: 502},
		{name: "the other API refuses", header: good, fault: oauthtest.ResourceRejects, status: 502},
	} {
		edit.Store(&tt.edit)
		s.Server.Fault()
		if tt.fault != "" {
			s.Server.Fault(tt.fault)
		}
		before := s.Server.Count("/resource")
		req := must(http.NewRequestWithContext(s.ctx, http.MethodGet, resource, nil))
		req.Header["Authorization"] = tt.header
		resp, body := fetch(https, req)
		challenge := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
		if resp.StatusCode != tt.status || (tt.code != "") != strings.Contains(challenge, "error=") || !strings.Contains(challenge, tt.code) {
			t.Errorf("%s: %s %q\n%s", tt.name, resp.Status, challenge, body)
		}
		called := s.Server.Count("/resource") > before
		if want := tt.status == 200 || tt.fault == oauthtest.ResourceRejects; called != want || (tt.status == 200) != strings.Contains(body, `"sub":"alice"`) {
			t.Errorf("%s: the other API was called: %t\n%s", tt.name, called, body)
		}
	}
	s.printed(t)
}
