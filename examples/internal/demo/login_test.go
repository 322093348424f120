package demo

import (
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

// unknownLogin is what an application says of a callback to a login that it does not
// have, or has no more.
const unknownLogin = "<h1>This login was not started here</h1>"

// A callback is good in the browser that the login was started in.
func TestCallback(t *testing.T) {
	for _, program := range []string{"login", "fapi2"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			defer catch(t)
			s := stageFor(t, program, nil)
			s.start()
			visitor, attacker := newVisitor(), newVisitor()
			s.begin(attacker) // has a login of its own
			s.begin(visitor)  // in another tab
			callback := s.begin(visitor)
			for _, tt := range []struct {
				name    string
				visitor *http.Client
				status  int
			}{
				{"another browser", attacker, http.StatusForbidden},
				{"no cookie", newVisitor(), http.StatusForbidden},
				{"the user's own", visitor, http.StatusSeeOther},
				{"again", visitor, http.StatusSeeOther}, // the user is logged in
			} {
				resp, body := fetch(tt.visitor, callback.Clone(s.ctx))
				if resp.StatusCode != tt.status || tt.status == http.StatusForbidden && !strings.Contains(body, unknownLogin) {
					t.Errorf("%s: %s\n%s", tt.name, resp.Status, body)
				}
				s.wantLoggedIn(t, tt.visitor, tt.visitor == visitor)
			}
			s.wantTokenRequests(t)
			s.printed(t)
		})
	}
}

// wantTokenRequests looks at what the server was sent: one code, and by FAPI 2.0 a
// reference to the request, an assertion and a proof.
func (s *Stage) wantTokenRequests(t *testing.T) {
	t.Helper()
	if n := s.Server.Count("/token"); s.program == "login" && n != 1 {
		t.Errorf("%d token requests", n)
	}
	for _, r := range s.Server.Requests() {
		if s.program != "fapi2" {
			continue
		}
		if r.Path == "/authorize" && (len(r.Query) != 2 || !r.Query.Has("client_id") || !r.Query.Has("request_uri")) {
			t.Errorf("the browser's URL has %v", r.Query)
		}
		if r.Path == "/token" && (r.Header.Get("DPoP") == "" || r.Form.Get("client_assertion") == "") {
			t.Errorf("the token request has no proof, or no assertion: %v", r.Form)
		}
	}
}

func (s *Stage) wantLoggedIn(t *testing.T, visitor *http.Client, want bool) {
	t.Helper()
	_, body := s.visit(visitor, http.MethodGet, "/")
	if got := strings.Contains(body, "sub: ") && strings.Contains(body, "alice"); got != want {
		t.Errorf("logged in: %t, want %t", got, want)
	}
}

// A login that fails is over, and the user is told nothing that stands in the URL.
func TestFailedLogin(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s, visitor := stageFor(t, "login", nil), newVisitor()
	p := s.start()
	callback := s.begin(visitor)
	q := callback.URL.Query()
	q.Del("code")
	q.Set("error", "access_denied")
	q.Set("error_description", "<script>alert(1)</script>")
	callback.URL.RawQuery = q.Encode()
	for _, want := range []string{"<h1>You did not give access</h1>", unknownLogin} {
		resp, body := fetch(visitor, callback.Clone(s.ctx))
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(body, want) || strings.Contains(body, "script") {
			t.Errorf("want %q: %s\n%s", want, resp.Status, body)
		}
	}
	p.await(`.* the login failed: .*access_denied.*`)
	s.wantLoggedIn(t, visitor, false)
	s.printed(t)
	if runtime.GOOS != "windows" { // there are no interrupts there
		check(p.cmd.Process.Signal(os.Interrupt))
		p.await(`.* http: Server closed`)
	}
}

// Sessions end where the logout token says so, and only there.
func TestBackchannelLogout(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "login", nil)
	s.start()
	s.Server.AddUser(oauthtest.User{Subject: "bob"})
	for name, tt := range map[string]struct {
		user  string
		fault []oauthtest.Fault
		ended bool
	}{
		"session":      {"alice", nil, true},
		"user":         {"alice", []oauthtest.Fault{oauthtest.LogoutSubOnly}, true},
		"another user": {"bob", []oauthtest.Fault{oauthtest.LogoutSubOnly}, false},
		"old":          {"alice", []oauthtest.Fault{oauthtest.LogoutExpired}, false},
		"another app":  {"alice", []oauthtest.Fault{oauthtest.LogoutWrongAudience}, false},
	} {
		var visitors [2]*http.Client
		for i := range visitors {
			s.Browser = s.Server.NewBrowser() // and a session of its own at the server
			visitors[i] = newVisitor()
			fetch(visitors[i], s.begin(visitors[i]))
			s.wantLoggedIn(t, visitors[i], true)
		}
		s.Server.Fault(tt.fault...)
		token := must(s.Server.LogoutToken(s.settings["OAUTH_CLIENT_ID"], tt.user))
		s.Server.Fault()
		must(http.PostForm(s.origin+"/auth/backchannel-logout/op", map[string][]string{"logout_token": {token}})).Body.Close()
		t.Log(name)
		s.wantLoggedIn(t, visitors[1], !tt.ended)
		s.wantLoggedIn(t, visitors[0], !(tt.ended && len(tt.fault) > 0)) // of the user all sessions end
	}
}

// A page elsewhere cannot log the user out.
func TestLogoutElsewhere(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s, visitor := stageFor(t, "login", nil), newVisitor()
	s.start()
	fetch(visitor, s.begin(visitor))
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://attacker.example"} {
		req := must(http.NewRequestWithContext(s.ctx, http.MethodPost, s.origin+"/auth/logout", nil))
		req.Header.Set(header, value)
		if resp, _ := fetch(visitor, req); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", header, resp.Status)
		}
	}
	s.wantLoggedIn(t, visitor, true)
}

// Behind a proxy that ends TLS the cookie is for https alone.
func TestSecureCookie(t *testing.T) {
	for _, program := range []string{"login", "fapi2"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			defer catch(t)
			s := stageFor(t, program, nil)
			s.origin = "https://app.example.com"
			s.settings["OAUTH_APP"] = s.origin
			s.register(plays[program].client)
			s.start()
			s.origin = "http://" + s.settings["OAUTH_LISTEN"]
			resp, _ := s.visit(newVisitor(), http.MethodGet, "/auth/login")
			if c := resp.Cookies()[0]; !strings.HasPrefix(c.Name, "__Host-login.") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
				t.Errorf("%v", c)
			}
			if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
				t.Errorf("Content-Security-Policy: %q", csp)
			}
		})
	}
}

// With a second server, users choose.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "login", nil)
	s.settings["OAUTH_ISSUER2"] = "https://127.0.0.1:1" // where nobody is
	s.start()
	resp, body := s.visit(newVisitor(), http.MethodGet, "/auth/login")
	if resp.StatusCode != http.StatusOK || strings.Count(body, "provider=op&") != 1 || strings.Count(body, "provider=op2&") != 1 {
		t.Errorf("%s\n%s", resp.Status, body)
	}
	visitor := newVisitor()
	resp, _ = s.visit(visitor, http.MethodGet, "/auth/login?provider=op")
	fetch(visitor, must(s.Browser.Authorize(s.ctx, must(resp.Location()).String())))
	s.wantLoggedIn(t, visitor, true)
	// The second is not there: that is no matter to the first.
	if resp, body := s.visit(newVisitor(), http.MethodGet, "/auth/login?provider=op2"); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("%s\n%s", resp.Status, body)
	}
}
