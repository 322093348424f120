package weblogin_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

func TestLogout(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, edit, nil)
			b := w.browser(t)
			b.logIn("/")
			copied := b.cookies()[w.session()]
			if p := b.open("/auth/logout"); p.status != http.StatusMethodNotAllowed {
				t.Errorf("GET: %d", p.status)
			}
			cross := b.request(http.MethodPost, "/auth/logout", "navigate", "document")
			cross.Header.Set("Sec-Fetch-Site", "cross-site")
			b.send(cross).want(t, http.StatusForbidden, "still logged in")
			b.open("/").want(t, http.StatusOK, "hello alice")

			post := b.request(http.MethodPost, "/auth/logout", "navigate", "document")
			post.Header.Set("Sec-Fetch-Site", "same-origin")
			p := b.send(post)
			at, _ := url.Parse(p.to)
			if p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, w.srv.URL()) || at.Query().Get("post_logout_redirect_uri") != w.app.URL+"/" || (at.Query().Get("id_token_hint") == "") != (name == "cookie") {
				t.Errorf("%d %s", p.status, p.to)
			}
			if got := b.cookies(); len(got) != 0 {
				t.Errorf("cookies %v", got)
			}
			back, err := b.op.Logout(t.Context(), p.to)
			if err != nil || back == nil || back.URL.String() != w.app.URL+"/" {
				t.Errorf("%v, %v", back, err)
			}
			thief := w.browser(t)
			thief.setCookie(w.session(), copied)
			if ended := thief.open("/").status == http.StatusSeeOther; ended != (name == "store") {
				t.Errorf("a copy of the cookie: ended %v", ended) // which the documentation says
			}
			// Nobody is logged in: that is no error.
			post = b.request(http.MethodPost, "/auth/logout", "navigate", "document")
			if p := b.send(post); p.status != http.StatusSeeOther || p.to != w.app.URL+"/" {
				t.Errorf("again: %d %s", p.status, p.to)
			}
		})
	}
}

// TestBackchannelLogout: a logout elsewhere ends the session here.
func TestBackchannelLogout(t *testing.T) {
	w := newWorld(t, withStore, func(o *oauthtest.Options) { o.Interactive = true })
	b, other := w.browser(t), w.browser(t)
	other.op.User = "bob"
	w.srv.AddUser(oauthtest.User{Subject: "bob"})
	b.logIn("/").want(t, http.StatusOK, "hello alice")
	p := other.send(other.authorize(other.open("/")))
	if p.status != http.StatusSeeOther {
		t.Fatal(p)
	}
	for _, l := range w.srv.Logout(t.Context(), "alice") {
		if l.Status != http.StatusOK {
			t.Errorf("%+v", l)
		}
	}
	if p := b.open("/"); p.status != http.StatusSeeOther {
		t.Errorf("alice: %d %s; %v", p.status, p.body, w.reported())
	}
	other.open("/").want(t, http.StatusOK, "hello")
	req := b.request(http.MethodPost, "/auth/backchannel-logout", "", "")
	if p := b.send(req); p.status != http.StatusBadRequest {
		t.Errorf("no token: %d", p.status)
	}
}

// TestFrontchannelLogout: the frame ends the session of this browser, and no other.
func TestFrontchannelLogout(t *testing.T) {
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) { withStore(c, o); c.Providers[0].FrontchannelLogout = true }, nil)
	b, other := w.browser(t), w.browser(t)
	b.logIn("/").want(t, http.StatusOK, "hello alice")
	other.logIn("/").want(t, http.StatusOK, "hello alice")
	frame := func(query url.Values) page {
		return b.send(b.request(http.MethodGet, "/auth/frontchannel-logout?"+query.Encode(), "navigate", "iframe"))
	}
	p := frame(url.Values{"iss": {w.srv.Issuer()}, "sid": {"another"}})
	if p.status != http.StatusOK || p.header.Get("X-Frame-Options") != "" || p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", p.status, p.header)
	}
	b.open("/").want(t, http.StatusOK, "hello alice")
	if p := frame(url.Values{"iss": {"https://evil.example"}, "sid": {"x"}}); p.status != http.StatusBadRequest {
		t.Errorf("another issuer: %d", p.status)
	}
	if p := frame(nil); p.status != http.StatusOK {
		t.Errorf("%d", p.status)
	}
	if p := b.open("/"); p.status != http.StatusSeeOther {
		t.Errorf("after it: %d", p.status)
	}
	other.open("/").want(t, http.StatusOK, "hello alice")
}

// TestFrontchannelOfAnother: a frame of one provider ends no session of another.
func TestFrontchannelOfAnother(t *testing.T) {
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) {
		twoProviders(c, o)
		c.Store = weblogin.NewMemoryStore(0)
		c.Providers[0].FrontchannelLogout, c.Providers[1].FrontchannelLogout = true, true
	}, nil)
	b := w.browser(t)
	b.send(b.authorize(b.open("/auth/login?provider=two")))
	for _, name := range []string{"one", "two"} {
		if p := b.send(b.request(http.MethodGet, "/auth/frontchannel-logout/"+name, "navigate", "iframe")); p.status != http.StatusOK {
			t.Errorf("%s: %d", name, p.status)
		}
		p := b.send(b.request(http.MethodGet, "/", "cors", "empty"))
		if (p.status == http.StatusOK) != (name == "one") {
			t.Errorf("after the frame of %s: %d", name, p.status)
		}
	}
}

// TestLogoutWithoutIDToken: a user whom Identify has named is logged out at the server, too.
func TestLogoutWithoutIDToken(t *testing.T) {
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) {
		c.Store = weblogin.NewMemoryStore(0)
		c.Providers[0].Request.Scope = []string{"read:user"}
		c.Providers[0].Identify = func(context.Context, *oauth.Token) (weblogin.User, map[string]any, error) {
			return weblogin.User{Issuer: "https://github.com", Subject: "1"}, nil, nil
		}
	}, nil)
	b := w.browser(t)
	b.logIn("/").want(t, http.StatusOK, "hello 1")
	p := b.send(b.request(http.MethodPost, "/auth/logout", "navigate", "document"))
	if !strings.HasPrefix(p.to, w.srv.URL()) || len(w.reported()) != 0 {
		t.Errorf("%d %s; %v", p.status, p.to, w.reported())
	}
	for _, c := range (&http.Response{Header: p.header}).Cookies() {
		if c.MaxAge >= 0 || c.SameSite != http.SameSiteNoneMode {
			t.Errorf("%v", c) // in a frame of another site, the browser would not forget it
		}
	}
}

// TestLogoutHere: a server without an end_session_endpoint is no error, and any other one is
// reported.
func TestLogoutHere(t *testing.T) {
	w := newWorld(t, nil, func(o *oauthtest.Options) {
		o.EditMetadata = func(m map[string]any) { delete(m, "end_session_endpoint") }
	})
	b := w.browser(t)
	b.logIn("/").want(t, http.StatusOK, "hello alice")
	p := b.send(b.request(http.MethodPost, "/auth/logout", "navigate", "document"))
	if p.to != w.app.URL+"/" || len(w.reported()) != 0 {
		t.Errorf("%d %s; %v", p.status, p.to, w.reported())
	}
}

// TestFrontchannelSession: the frame names the session of the browser.
func TestFrontchannelSession(t *testing.T) {
	sid := ""
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) {
		withStore(c, o)
		c.Providers[0].FrontchannelLogout = true
		c.Admit = func(_ context.Context, l *weblogin.Login) error { sid = l.Token.IDToken().SessionID(); return nil }
	}, nil)
	b := w.browser(t)
	b.logIn("/").want(t, http.StatusOK, "hello alice")
	path := "/auth/frontchannel-logout?" + url.Values{"iss": {w.srv.Issuer()}, "sid": {sid}}.Encode()
	if p := b.send(b.request(http.MethodGet, path, "navigate", "iframe")); p.status != http.StatusOK || sid == "" {
		t.Errorf("%d, sid %q", p.status, sid)
	}
	if p := b.open("/"); p.status != http.StatusSeeOther {
		t.Errorf("%d %s", p.status, p.body)
	}
}

// seenOnce is a replay cache that says what it was asked.
type seenOnce struct {
	mu   sync.Mutex
	keys []string
}

func (s *seenOnce) Add(_ context.Context, key string, _ time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, key)
	return true, nil
}

// TestReplayOfLogouts: logout tokens are recorded in Config.Replay.
func TestReplayOfLogouts(t *testing.T) {
	seen := new(seenOnce)
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) { withStore(c, o); c.Replay = seen }, nil)
	w.browser(t).logIn("/").want(t, http.StatusOK, "hello alice")
	w.srv.Logout(t.Context(), "alice")
	if len(seen.keys) != 1 {
		t.Errorf("%q", seen.keys)
	}
}
