package demo

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

// A site is a web application that runs, with a visitor.
type site struct {
	*Stage
	app     *process
	origin  string
	visitor *http.Client
	ctx     context.Context
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{visitor: newVisitor()}
	s.Stage, s.ctx = stageFor(t, "login", nil)
	p, origin, err := s.startWeb(s.ctx, oauthtest.Client{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	s.app, s.origin = p, origin
	return s
}

// callback is the request that would log the visitor in.
func (s *site) callback(t *testing.T, visitor *http.Client) *http.Request {
	t.Helper()
	req, err := s.begin(s.ctx, visitor, s.origin)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func (s *site) wantLoggedIn(t *testing.T, visitor *http.Client, want bool) {
	t.Helper()
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.origin+"/", nil)
	_, body, err := fetch(visitor, req, err)
	if got := strings.Contains(body, "\nsub: alice\n"); got != want || err != nil {
		t.Errorf("logged in: %t, want %t, %v", got, want, err)
	}
}

// unknownLogin is what an application says of a callback to a login that it does not
// have, or has no more.
const unknownLogin = "This login was not started in this browser"

// A callback is good in the browser that the login was started in, once.
func TestCallback(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	attacker := newVisitor()
	s.callback(t, attacker) // has a session and a login of its own
	s.callback(t, s.visitor)
	callback := s.callback(t, s.visitor)
	s.callback(t, s.visitor) // in another tab
	before := s.visitor.Jar.Cookies(callback.URL)[0]
	old := newVisitor()
	old.Jar.SetCookies(callback.URL, []*http.Cookie{before})
	for _, tt := range []struct {
		name    string
		visitor *http.Client
		status  int
	}{
		{"another session", attacker, http.StatusForbidden},
		{"no session", newVisitor(), http.StatusForbidden},
		{"the user's own", s.visitor, http.StatusSeeOther},
		{"again", s.visitor, http.StatusForbidden},
		{"again, in the session from before", old, http.StatusForbidden},
	} {
		resp, body, err := fetch(tt.visitor, callback.Clone(s.ctx), nil)
		if err != nil {
			t.Fatal(err)
		}
		if unknown := strings.HasPrefix(body, unknownLogin); resp.StatusCode != tt.status || unknown != (tt.status == http.StatusForbidden) {
			t.Errorf("%s: %s, want %d\n%s", tt.name, resp.Status, tt.status, body)
		}
		s.wantLoggedIn(t, tt.visitor, tt.visitor == s.visitor)
	}
	if n := s.Server.Count("/token"); n != 1 {
		t.Errorf("%d token requests", n)
	}
	if after := s.visitor.Jar.Cookies(callback.URL)[0]; after.Value == before.Value {
		t.Error("the session from before the login goes on")
	}
	s.printed(t)
}

// A login that fails is over.
func TestFailedLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Server.Fault(oauthtest.WrongNonce)
	callback := s.callback(t, s.visitor)
	for _, want := range []string{"The login failed.", unknownLogin} {
		resp, body, err := fetch(s.visitor, callback.Clone(s.ctx), nil)
		if err != nil || resp.StatusCode != http.StatusForbidden || !strings.HasPrefix(body, want) {
			t.Errorf("want %q: %v\n%s", want, err, body)
		}
	}
	if n := s.Server.Count("/token"); n != 1 {
		t.Errorf("%d token requests", n)
	}
	s.wantLoggedIn(t, s.visitor, false)
}

// The user is told that the login failed, and nothing that stands in the URL.
func TestRefusedLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	callback := s.callback(t, s.visitor)
	q := callback.URL.Query()
	q.Del("code")
	q.Set("error", "access_denied")
	q.Set("error_description", "<script>alert(1)</script>")
	callback.URL.RawQuery = q.Encode()
	resp, body, err := fetch(s.visitor, callback, nil)
	if err != nil || resp.StatusCode != http.StatusForbidden || body != "The login failed.\n" {
		t.Errorf("%v\n%s", err, body)
	}
	if _, err := s.app.await(`.* the login failed: .*access_denied.*`); err != nil {
		t.Error(err)
	}
	s.printed(t)
}

// Sessions end where the logout token says so, and only there.
func TestBackchannelLogout(t *testing.T) {
	t.Parallel()
	s := newSite(t)
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
		s.Browser = s.Server.NewBrowser() // and a session of its own at the server
		first, second := newVisitor(), newVisitor()
		status(t, first, s.callback(t, first), nil)
		s.wantLoggedIn(t, first, true)
		s.Browser = s.Server.NewBrowser()
		status(t, second, s.callback(t, second), nil)
		s.Server.Fault(tt.fault...)
		token, err := s.Server.LogoutToken(s.settings["OAUTH_CLIENT_ID"], tt.user)
		s.Server.Fault()
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.PostForm(s.origin+"/backchannel-logout", map[string][]string{"logout_token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		t.Log(name)
		s.wantLoggedIn(t, second, !tt.ended)
		s.wantLoggedIn(t, first, !(tt.ended && len(tt.fault) > 0)) // of the user all sessions end
	}
}

// A page elsewhere cannot log the user out.
func TestLogoutElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	status(t, s.visitor, s.callback(t, s.visitor), nil)
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://attacker.example"} {
		req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.origin+"/logout", nil)
		if err == nil {
			req.Header.Set(header, value)
		}
		if got := status(t, s.visitor, req, err); got != http.StatusForbidden {
			t.Errorf("%s: status %d", header, got)
		}
	}
	s.wantLoggedIn(t, s.visitor, true)
}

// Behind a proxy that ends TLS the cookie is for https alone.
func TestSecureCookie(t *testing.T) {
	t.Parallel()
	s, ctx := stageFor(t, "login", nil)
	origin, err := s.listen()
	if err != nil {
		t.Fatal(err)
	}
	s.settings["OAUTH_REDIRECT_URI"] = "https://app.example.com/callback"
	p, err := s.start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/login", nil)
	resp, _, err := fetch(newVisitor(), req, err)
	if err != nil {
		t.Fatal(err)
	}
	if c := resp.Cookies()[0]; c.Name != "__Host-session" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("%v", c)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("Content-Security-Policy: %q", csp)
	}
}
