package weblogin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/weblogin"
)

func TestLogin(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, edit, nil)
			b := w.browser(t)
			hello := "hello alice of " + w.srv.Issuer() + " alice@example.com"
			p := b.send(b.authorize(b.open("/orders?a=b&c=%2F")))
			if p.status != http.StatusSeeOther || p.to != w.app.URL+"/orders?a=b&c=%2F" {
				t.Errorf("it returns to %s (%d %s)", p.to, p.status, p.body)
			}
			p = b.open(p.to)
			p.want(t, http.StatusOK, hello)
			if p.header.Get("Cache-Control") != "no-store" || !strings.Contains(p.header.Get("Vary"), "Cookie") {
				t.Errorf("header %v", p.header)
			}
			if got := b.cookies(); len(got) != 1 || got[w.session()] == "" {
				t.Errorf("cookies %v", got)
			}
			// Scripts and posts of the application are let through.
			b.send(b.request(http.MethodPost, "/orders", "cors", "empty")).want(t, http.StatusOK, hello)
			// Another browser is not.
			if p := w.browser(t).open("/"); p.status != http.StatusSeeOther {
				t.Errorf("another browser: %d", p.status)
			}
			if errs := w.reported(); errs != nil {
				t.Error(errs)
			}
		})
	}
}

// TestFormPost: a response that the server's page posts, from another site.
func TestFormPost(t *testing.T) {
	w := newWorld(t, func(c *weblogin.Config, _ *oauth.Config) { c.Providers[0].Request.ResponseMode = "form_post" }, nil)
	b := w.browser(t)
	back := b.authorize(b.open("/"))
	if back.Method != http.MethodPost {
		t.Fatal(back.Method)
	}
	back.Header.Set("Sec-Fetch-Site", "cross-site")
	back.Header.Set("Origin", w.srv.URL())
	if p := b.send(back); p.status != http.StatusSeeOther {
		t.Errorf("%d %s", p.status, p.body)
	}
	b.open("/").want(t, http.StatusOK, "hello alice")
}

// TestCallbacks: callbacks that end no login say what happened.
func TestCallbacks(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, edit, nil)
			b := w.browser(t)
			back := b.authorize(b.open("/"))

			// Login CSRF: the callback of an attacker in the browser of a victim.
			w.browser(t).send(back.Clone(t.Context())).want(t, http.StatusForbidden, "not started here")
			bad := back.Clone(t.Context())
			bad.URL.RawQuery = strings.Replace(bad.URL.RawQuery, "state=", "state=x", 1)
			b.send(bad).want(t, http.StatusForbidden, "not started here")
			none := back.Clone(t.Context())
			none.URL.RawQuery = ""
			b.send(none).want(t, http.StatusBadRequest, "not possible")

			b.send(back.Clone(t.Context()))
			b.open("/").want(t, http.StatusOK, "hello alice")
			// The back button: the user is logged in, and sees the application.
			if p := b.send(back.Clone(t.Context())); p.status != http.StatusSeeOther || p.to != w.app.URL+"/" {
				t.Errorf("back: %d %s %s", p.status, p.to, p.body)
			}

			late := w.browser(t)
			back = late.authorize(late.open("/"))
			w.wait(10*time.Minute + time.Second)
			late.send(back).want(t, http.StatusForbidden, "took too long")
		})
	}
}

// TestDenied: a user who does not agree, and a server that is down.
func TestDenied(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	at, err := url.Parse(b.open("/").to)
	if err != nil {
		t.Fatal(err)
	}
	back := w.app.URL + "/auth/callback?" + url.Values{"state": {at.Query().Get("state")}, "error": {"access_denied"}, "iss": {w.srv.Issuer()}}.Encode()
	b.open(back).want(t, http.StatusForbidden, "You did not give access")
	b.logIn("/").want(t, http.StatusOK, "hello alice")

	b = w.browser(t)
	callback := b.authorize(b.open("/"))
	w.srv.Close()
	b.send(callback).want(t, http.StatusBadGateway, "cannot be reached")
	down := newWorld(t, nil, nil)
	down.srv.Close()
	down.browser(t).open("/").want(t, http.StatusBadGateway, "cannot be reached")
}

// TestTwoTabs: two logins of one browser both end.
func TestTwoTabs(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, edit, nil)
			b := w.browser(t)
			one, two := b.authorize(b.open("/one")), b.authorize(b.open("/two"))
			if p := b.send(one); p.to != w.app.URL+"/one" {
				t.Errorf("%d %s %s", p.status, p.to, p.body)
			}
			if p := b.send(two); p.to != w.app.URL+"/two" {
				t.Errorf("%d %s %s", p.status, p.to, p.body)
			}
			b.open("/").want(t, http.StatusOK, "hello alice")
		})
	}
}

// TestChoice: with several providers, the user chooses.
func TestChoice(t *testing.T) {
	w := newWorld(t, twoProviders, nil)
	b := w.browser(t)
	p := b.open("/orders?a=b")
	if p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, "/auth/login?") {
		t.Fatalf("%d %s", p.status, p.to)
	}
	p = b.open(p.to)
	p.want(t, http.StatusOK, "One &amp; Co")
	if strings.Count(p.body, "<a ") != 2 {
		t.Error(p.body)
	}
	p = b.open("/auth/login?provider=two&return_to=%2Forders%3Fa%3Db")
	if got := b.send(b.authorize(p)); got.to != w.app.URL+"/orders?a=b" {
		t.Errorf("%d %s %s", got.status, got.to, got.body)
	}
	b.open("/").want(t, http.StatusOK, "hello alice")
	b.open("/auth/login?provider=three").want(t, http.StatusOK, "Where do you have your account?")
}

// TestMixUp: a response is taken at the redirect URI of its provider alone.
func TestMixUp(t *testing.T) {
	w := newWorld(t, twoProviders, nil)
	b := w.browser(t)
	back := b.authorize(b.open("/auth/login?provider=one"))
	elsewhere := back.Clone(t.Context())
	elsewhere.URL.Path = "/auth/callback/two"
	b.send(elsewhere).want(t, http.StatusForbidden, "not started here")
	if n := w.srv.Count("/token"); n != 0 {
		t.Errorf("%d requests for a token", n)
	}
	if p := b.send(back); p.status != http.StatusSeeOther {
		t.Errorf("%d %s", p.status, p.body)
	}
}

// TestAdmit: the program decides who may log in, and what the session says of them.
func TestAdmit(t *testing.T) {
	var refuse error
	w := newWorld(t, func(c *weblogin.Config, _ *oauth.Config) {
		c.Admit = func(_ context.Context, l *weblogin.Login) error {
			if l.User.Subject != "alice" || l.Token.AccessToken.IsZero() || l.Provider != "" {
				return errors.New("who is this?")
			}
			l.Claims["email"] = "mapped@example.com"
			return refuse
		}
	}, nil)
	b := w.browser(t)
	b.logIn("/").want(t, http.StatusOK, "mapped@example.com")
	refuse = errors.New("not you")
	b = w.browser(t)
	b.logIn("/").want(t, http.StatusForbidden, "cannot use this application")
	if len(b.cookies()) != 0 || len(w.reported()) != 1 || !errors.Is(w.reported()[0], refuse) {
		t.Errorf("cookies %v, errors %v", b.cookies(), w.reported())
	}
}

// TestIdentify: a server without ID tokens, and users without a name.
func TestIdentify(t *testing.T) {
	user := weblogin.User{Issuer: "https://github.com", Subject: "583231"}
	var fails error
	w := newWorld(t, func(c *weblogin.Config, _ *oauth.Config) {
		c.Providers[0].Request.Scope = []string{"read:user"}
		c.Providers[0].Identify = func(_ context.Context, tok *oauth.Token) (weblogin.User, map[string]any, error) {
			if tok.AccessToken.IsZero() {
				return weblogin.User{}, nil, errors.New("no token")
			}
			return user, map[string]any{"email": "octo@example.com"}, fails
		}
	}, nil)
	b := w.browser(t)
	b.logIn("/").want(t, http.StatusOK, "hello 583231 of https://github.com octo@example.com")
	for _, nobody := range []weblogin.User{{}, {Issuer: "https://github.com"}, {Subject: "1"}} {
		user = nobody
		w.browser(t).logIn("/").want(t, http.StatusForbidden, "The login failed")
	}
	user, fails = weblogin.User{Issuer: "i", Subject: "s"}, errors.New("the API is down")
	w.browser(t).logIn("/").want(t, http.StatusForbidden, "The login failed")
}

// TestInitiate: a login that a third party begins leads to the application alone.
func TestInitiate(t *testing.T) {
	w := newWorld(t, nil, nil)
	for target, want := range map[string]string{"": "/", w.app.URL + "/course?id=1": "/course?id=1"} {
		b := w.browser(t)
		q := url.Values{"iss": {w.srv.Issuer()}, "login_hint": {"alice"}}
		if target != "" {
			q.Set("target_link_uri", target)
		}
		p := b.open("/auth/initiate?" + q.Encode())
		at, _ := url.Parse(p.to)
		if at.Query().Get("login_hint") != "alice" {
			t.Errorf("%d %s", p.status, p.to)
		}
		if got := b.send(b.authorize(p)); got.to != w.app.URL+want {
			t.Errorf("%q: %s", target, got.to)
		}
	}
	b := w.browser(t)
	for _, q := range []string{"iss=https://evil.example", "", "iss=" + url.QueryEscape(w.srv.Issuer()) + "&target_link_uri=https://evil.example/"} {
		b.open("/auth/initiate?"+q).want(t, http.StatusBadRequest, "not possible")
	}
}

// idsStore notes which records there were.
type idsStore struct {
	weblogin.Store
	mu  sync.Mutex
	ids []string
}

func (s *idsStore) Put(ctx context.Context, id string, r *weblogin.Record) error {
	s.mu.Lock()
	s.ids = append(s.ids, id)
	s.mu.Unlock()
	return s.Store.Put(ctx, id, r)
}

// left counts the records that are left.
func (s *idsStore) left(ctx context.Context) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[string]bool{}
	for _, id := range s.ids {
		if r, _ := s.Get(ctx, id); r != nil {
			n[id] = true
		}
	}
	return len(n)
}

// TestLogoutDuringLogin: a logout at the server while Admit runs ends the session that is
// about to begin, and a user who is not admitted leaves nothing in the store.
func TestLogoutDuringLogin(t *testing.T) {
	store := &idsStore{Store: weblogin.NewMemoryStore(0)}
	var during func(context.Context) error
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) {
		withStore(c, o)
		c.Store = store
		c.Admit = func(ctx context.Context, l *weblogin.Login) error {
			l.Claims["email"] = "mapped@example.com"
			return during(ctx)
		}
	}, nil)
	during = func(ctx context.Context) error {
		for _, l := range w.srv.Logout(ctx, "alice") {
			if l.Status != http.StatusOK {
				t.Errorf("%+v", l)
			}
		}
		return nil
	}
	b := w.browser(t)
	b.logIn("/").want(t, http.StatusForbidden, "You were logged out")
	if len(b.cookies()) != 0 || store.left(t.Context()) != 0 {
		t.Errorf("cookies %v, %d records", b.cookies(), store.left(t.Context()))
	}
	during = func(context.Context) error { return errors.New("not you") }
	w.browser(t).logIn("/").want(t, http.StatusForbidden, "cannot use this application")
	if n := store.left(t.Context()); n != 0 {
		t.Errorf("%d records", n)
	}
	during = func(context.Context) error { return nil }
	b.logIn("/").want(t, http.StatusOK, "mapped@example.com")
	if n := store.left(t.Context()); n != 1 {
		t.Errorf("%d records", n)
	}
}

// TestInitiateInAFrame: a third party has a login begun by a page alone.
func TestInitiateInAFrame(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	path := "/auth/initiate?" + url.Values{"iss": {w.srv.Issuer()}}.Encode()
	for dest, mode := range map[string]string{"image": "no-cors", "iframe": "navigate"} {
		b.send(b.request(http.MethodGet, path, mode, dest)).want(t, http.StatusForbidden, "page of its own")
	}
	if len(b.cookies()) != 0 {
		t.Errorf("cookies %v", b.cookies())
	}
}

// TestLoginOfTheFuture: a login that began by a clock which was wrong.
func TestLoginOfTheFuture(t *testing.T) {
	w := newWorld(t, nil, nil)
	for ahead, status := range map[time.Duration]int{30 * time.Second: http.StatusSeeOther, 2 * time.Minute: http.StatusForbidden} {
		b := w.browser(t)
		w.wait(ahead)
		p := b.open("/")
		w.wait(-ahead)
		if got := b.send(b.authorize(p)); got.status != status {
			t.Errorf("%v: %d %s", ahead, got.status, got.body)
		}
	}
}

// TestOneSession: an application that allows a user one session ends the others in Admit.
func TestOneSession(t *testing.T) {
	var login *weblogin.Handler
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) {
		withStore(c, o)
		c.Admit = func(ctx context.Context, l *weblogin.Login) error { return login.EndSessions(ctx, l.User) }
	}, nil)
	login = w.login
	first, second := w.browser(t), w.browser(t)
	first.logIn("/").want(t, http.StatusOK, "hello alice")
	second.logIn("/").want(t, http.StatusOK, "hello alice")
	if p := first.open("/"); p.status != http.StatusSeeOther {
		t.Errorf("the first session: %d %s", p.status, p.body)
	}
	second.open("/").want(t, http.StatusOK, "hello alice")
}

// TestGoneBrowser: a login whose browser goes away while Admit runs leaves nothing in the
// store, and neither does an Admit that panics. Admit cannot take a session out of the reach
// of logouts.
func TestGoneBrowser(t *testing.T) {
	store := &idsStore{Store: weblogin.NewMemoryStore(0)}
	var during func(ctx context.Context, l *weblogin.Login) error
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) {
		withStore(c, o)
		c.Store = ctxStore{store}
		c.Admit = func(ctx context.Context, l *weblogin.Login) error { return during(ctx, l) }
	}, nil)
	for name, f := range map[string]func(cancel func()) error{
		"goes away": func(cancel func()) error { cancel(); return errors.New("gone") },
		"panics":    func(func()) error { panic("of the program") },
	} {
		b := w.browser(t)
		callback := b.authorize(b.open("/"))
		ctx, cancel := context.WithCancel(t.Context())
		during = func(context.Context, *weblogin.Login) error { return f(cancel) }
		req := callback.Clone(ctx)
		u, _ := url.Parse(w.app.URL)
		for _, c := range b.Jar.Cookies(u) {
			req.AddCookie(c)
		}
		func() {
			defer func() { recover() }()
			w.login.ServeHTTP(httptest.NewRecorder(), req)
		}()
		cancel()
		if n := store.left(t.Context()); n != 0 {
			t.Errorf("%s: %d records", name, n)
		}
	}
	during = func(_ context.Context, l *weblogin.Login) error {
		l.Token = &oauth.Token{AccessToken: l.Token.AccessToken}
		return nil
	}
	b := w.browser(t)
	b.logIn("/").want(t, http.StatusOK, "hello alice")
	w.srv.Logout(t.Context(), "alice")
	if p := b.open("/"); p.status != http.StatusSeeOther {
		t.Errorf("after a logout: %d %s", p.status, p.body)
	}
}

// ctxStore heeds the context, as a store over a network does.
type ctxStore struct{ weblogin.Store }

func (s ctxStore) Delete(ctx context.Context, id string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Store.Delete(ctx, id)
}
