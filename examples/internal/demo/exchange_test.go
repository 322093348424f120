package demo

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// An exchange is the program, with a client that calls it.
type exchange struct {
	*Stage
	edit
	ctx    context.Context
	caller *oauth.Client
	https  *http.Client
}

func newExchange(t *testing.T) *exchange {
	t.Helper()
	s := new(exchange)
	s.Stage, s.ctx = stageFor(t, "exchange", nil)
	s.register(oauthtest.Client{GrantTypes: []string{"urn:ietf:params:oauth:grant-type:token-exchange"}})
	s.settings["OAUTH_API"], s.settings["OAUTH_SCOPE"] = s.Server.URL()+"/resource", "stock"
	s.edit.before(t, s.Stage, "token_endpoint", "/token")
	s.edit.before(t, s.Stage, "introspection_endpoint", "/introspect")
	stop, err := s.startAPI(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if s.caller, err = s.newCaller(s.ctx, "front", false); err != nil {
		t.Fatal(err)
	}
	if s.https, err = trusting(s.settings["OAUTH_CA"]); err != nil {
		t.Fatal(err)
	}
	return s
}

// bearer is the Authorization of a user who granted the scope at a resource.
func (s *exchange) bearer(t *testing.T, resource string, scope ...string) []string {
	t.Helper()
	here := s.settings["OAUTH_RESOURCE"]
	s.settings["OAUTH_RESOURCE"] = resource
	defer func() { s.settings["OAUTH_RESOURCE"] = here }()
	token, err := s.grant(s.ctx, s.caller, scope...)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"Bearer " + token.AccessToken.Reveal()}
}

// The other API is called for the user of a token that is for this API, and that the
// server exchanges, and for nobody else.
func TestExchange(t *testing.T) {
	t.Parallel()
	s := newExchange(t)
	resource := s.settings["OAUTH_RESOURCE"]
	good := s.bearer(t, resource, "openid", "stock")
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
		{name: "for another API", header: s.bearer(t, "https://bills.example.com", "openid", "stock"), status: 401, code: "invalid_token"},
		{name: "without the scope", header: s.bearer(t, resource, "openid"), status: 403, code: "insufficient_scope"},

		{name: "for no API", header: good, edit: [3]string{"/introspect", `"aud"`, `"was_aud"`}, status: 401, code: "invalid_token"},
		{name: "bound to a key", header: good, edit: [3]string{"/introspect", `"active":true`, key}, status: 401, code: "invalid_token"},
		{name: "no access token", header: good, edit: [3]string{"/token", "token-type:access_token", "token-type:jwt"}, status: 502},
		{name: "not to be presented", header: good, edit: [3]string{"/token", `"Bearer"`, `"N_A"`}, status: 502},

		{name: "introspection fails", header: good, fault: oauthtest.IntrospectionHTML, status: 503},
		{name: "the exchange fails", header: good, fault: oauthtest.TokenHTML, status: 502},
		{name: "the server redirects", header: good, fault: oauthtest.TokenRedirect, status: 502},
		{name: "the other API refuses", header: good, fault: oauthtest.ResourceRejects, status: 502},
	} {
		s.edit.set(tt.edit)
		s.Server.Fault()
		if tt.fault != "" {
			s.Server.Fault(tt.fault)
		}
		before := s.Server.Count("/resource")
		req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, resource, nil)
		if err == nil {
			req.Header["Authorization"] = tt.header
		}
		resp, body, err := fetch(s.https, req, err)
		if err != nil {
			t.Fatal(err)
		}
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

// An edit changes what the server says.
type edit struct {
	mu  sync.Mutex
	now [3]string // the path, what the server says there, and what the program hears
}

// before puts the edit before an endpoint.
func (e *edit) before(t *testing.T, s *Stage, endpoint, path string) {
	t.Helper()
	stop, err := s.intercept(endpoint, path, func(body []byte) []byte { return e.of(path, body) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
}

func (e *edit) of(path string, body []byte) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	if path != e.now[0] {
		return body
	}
	return bytes.ReplaceAll(body, []byte(e.now[1]), []byte(e.now[2]))
}

func (e *edit) set(now [3]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = now
}
