package weblogin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

// failingPuts fails the Puts that it is told to, beginning with the next one after skip.
type failingPuts struct {
	weblogin.Store
	skip, fail atomic.Int64
	panics     atomic.Bool
}

func (s *failingPuts) Put(ctx context.Context, id string, r *weblogin.Record) error {
	if s.panics.Load() {
		panic("the store of the program")
	}
	if s.skip.Add(-1) < 0 && s.fail.Add(-1) >= 0 {
		return errBroken
	}
	return s.Store.Put(ctx, id, r)
}

// TestRotatedIsKept: a refresh token that the server has rotated is stored although the
// store fails at first, and kept for the next request if it fails for longer.
func TestRotatedIsKept(t *testing.T) {
	store := &failingPuts{Store: weblogin.NewMemoryStore(0)}
	w := newTokens(t, 1, nil, store)
	for _, failures := range []int64{1, 5} {
		w.wait(6 * time.Minute)
		store.skip.Store(1) // the lease
		store.fail.Store(failures)
		before := w.srv.Count("/token")
		if status, body := w.ask(0); status != http.StatusOK || w.srv.Count("/token") != before+1 {
			t.Errorf("%d failures: %d %s, %d refreshes", failures, status, body, w.srv.Count("/token")-before)
		}
	}
}

// TestUnsavedIsKept: what could not be stored at all is stored with the next request, and no
// refresh token is used twice.
func TestUnsavedIsKept(t *testing.T) {
	defer weblogin.SetStoreTime(200 * time.Millisecond)()
	store := &failingPuts{Store: weblogin.NewMemoryStore(0)}
	w := newTokens(t, 1, nil, store)
	w.wait(6 * time.Minute)
	store.skip.Store(1)
	store.fail.Store(1000)
	before := w.srv.Count("/token")
	if status, body := w.ask(0); status != http.StatusInternalServerError || !strings.Contains(body, "cannot keep the session") {
		t.Errorf("%d %s", status, body)
	}
	store.fail.Store(0)
	w.wait(time.Minute) // the lease is over
	if status, body := w.ask(0); status != http.StatusOK || w.srv.Count("/token") != before+1 {
		t.Errorf("%d %s, %d refreshes", status, body, w.srv.Count("/token")-before)
	}
	w.wait(6 * time.Minute)
	if status, body := w.ask(0); status != http.StatusOK || w.srv.Count("/token") != before+2 {
		t.Errorf("the next refresh: %d %s", status, body)
	}
}

// before is a round tripper that does something before the next request for a token.
type before struct {
	http.RoundTripper
	do *atomic.Pointer[func()]
}

func (b before) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/token") {
		if f := b.do.Swap(nil); f != nil {
			(*f)()
		}
	}
	return b.RoundTripper.RoundTrip(r)
}

// TestNewerTokenStays: a process that is refused because another has refreshed the token
// before, while this one stood still, ends no session, and returns the newer token.
func TestNewerTokenStays(t *testing.T) {
	var do atomic.Pointer[func()]
	store := weblogin.NewMemoryStore(0)
	edit := func(c *weblogin.Config, o *oauth.Config) {
		withStore(c, o)
		c.Store = store
		o.HTTPClient = &http.Client{Transport: before{o.HTTPClient.Transport, &do}}
	}
	w := &tokens{world: newWorld(t, edit, nil)}
	w.processes = []http.Handler{handlerOf(w.handler(t, edit)), handlerOf(w.handler(t, edit))}
	w.tab = w.browser(t)
	w.tab.logIn("/").want(t, http.StatusOK, "hello alice")
	w.wait(6 * time.Minute)
	var second string
	other := func() {
		w.wait(2 * time.Minute) // the lease of the first is over
		_, second = w.ask(1)
	}
	do.Store(&other)
	if status, body := w.ask(0); status != http.StatusOK || body != second || second == "" {
		t.Errorf("%d %s, the other process has %s", status, body, second)
	}
}

// TestStorePanics: a store that panics fails a request, and does not end the process.
func TestStorePanics(t *testing.T) {
	store := &failingPuts{Store: weblogin.NewMemoryStore(0)}
	w := newTokens(t, 1, nil, store)
	w.wait(6 * time.Minute)
	store.panics.Store(true)
	if status, body := w.ask(0); status != http.StatusInternalServerError || strings.Contains(body, "of the program") {
		t.Errorf("%d %s", status, body)
	}
	store.panics.Store(false)
	if status, body := w.ask(0); status != http.StatusOK {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

// TestLeaseOfTheFuture: a lease that a clock has set that was wrong holds up nobody.
func TestLeaseOfTheFuture(t *testing.T) {
	w := newTokens(t, 2, func(o *oauthtest.Options) {}, nil)
	w.wait(4*time.Minute + 45*time.Second)
	w.wait(time.Hour / 2) // the clock of one process is ahead, and its refresh fails
	w.srv.Fault(oauthtest.RefreshFails)
	w.ask(0)
	w.srv.Fault()
	w.wait(-time.Hour / 2)
	w.wait(time.Minute)
	if status, body := w.ask(1); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}

// TestOtherApplication: a cookie of another application with the same keys is none.
func TestOtherApplication(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			store := weblogin.NewMemoryStore(0)
			shared := func(c *weblogin.Config, o *oauth.Config) {
				if edit != nil {
					edit(c, o)
					c.Store = store
				}
			}
			w := newWorld(t, shared, nil)
			b := w.browser(t)
			b.logIn("/").want(t, http.StatusOK, "hello alice")
			for what, base := range map[string]string{"another host": "https://admin.example.com", "another path": w.app.URL + "/admin"} {
				h := w.handler(t, func(c *weblogin.Config, o *oauth.Config) { shared(c, o); c.BaseURL = base })
				rec := httptest.NewRecorder()
				req := b.request(http.MethodGet, "/", "cors", "empty")
				req.Header.Set("Cookie", session+"="+b.cookies()[session])
				h.Require(weblogin.Requirement{}, http.HandlerFunc(w.home)).ServeHTTP(rec, req)
				if rec.Code != http.StatusUnauthorized {
					t.Errorf("%s: %d", what, rec.Code)
				}
			}
		})
	}
}

// TestMappedUser: a logout at the server finds the session of a user whom the application
// knows by another name, and nobody becomes another user in Admit.
func TestMappedUser(t *testing.T) {
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) {
		withStore(c, o)
		c.Providers[0].Identify = func(context.Context, *oauth.Token) (weblogin.User, map[string]any, error) {
			return weblogin.User{Issuer: "https://accounts.example.com", Subject: "42"}, nil, nil
		}
	}, nil)
	for _, fault := range []oauthtest.Fault{"", oauthtest.LogoutSubOnly} {
		b := w.browser(t)
		b.logIn("/").want(t, http.StatusOK, "hello 42")
		if fault != "" {
			w.srv.Fault(fault)
		}
		w.srv.Logout(t.Context(), "alice")
		w.srv.Fault()
		if p := b.open("/"); p.status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", fault, p.status, p.body)
		}
	}
	b := w.browser(t)
	for _, u := range []weblogin.User{{Issuer: "https://accounts.example.com", Subject: "42"}, {Issuer: w.srv.Issuer(), Subject: "alice"}} {
		b.logIn("/").want(t, http.StatusOK, "hello 42")
		if err := w.login.EndSessions(t.Context(), u); err != nil {
			t.Error(err)
		}
		if p := b.open("/"); p.status != http.StatusSeeOther {
			t.Errorf("EndSessions of %v: %d %s", u, p.status, p.body)
		}
	}
	for name, change := range map[string]func(*weblogin.User){
		"another": func(u *weblogin.User) { u.Subject = "admin" },
		"nobody":  func(u *weblogin.User) { *u = weblogin.User{} },
	} {
		w := newWorld(t, func(c *weblogin.Config, _ *oauth.Config) {
			c.Admit = func(_ context.Context, l *weblogin.Login) error { change(&l.User); return nil }
		}, nil)
		w.browser(t).logIn("/").want(t, http.StatusInternalServerError, "not possible")
		if len(w.reported()) != 1 {
			t.Errorf("%s: %v", name, w.reported())
		}
	}
}

// TestEndSessions: the application ends the sessions of a user.
func TestEndSessions(t *testing.T) {
	w := newWorld(t, withStore, nil)
	a, b := w.browser(t), w.browser(t)
	a.logIn("/").want(t, http.StatusOK, "hello alice")
	b.logIn("/").want(t, http.StatusOK, "hello alice")
	if err := w.login.EndSessions(t.Context(), weblogin.User{Issuer: w.srv.Issuer(), Subject: "bob"}); err != nil {
		t.Error(err)
	}
	a.open("/").want(t, http.StatusOK, "hello alice")
	if err := w.login.EndSessions(t.Context(), weblogin.User{Issuer: w.srv.Issuer(), Subject: "alice"}); err != nil {
		t.Error(err)
	}
	for _, tab := range []*tab{a, b} {
		if p := tab.open("/"); p.status != http.StatusSeeOther {
			t.Errorf("%d %s", p.status, p.body)
		}
	}
	for _, u := range []weblogin.User{{}, {Issuer: "i"}, {Subject: "s"}} {
		if err := w.login.EndSessions(t.Context(), u); !errors.Is(err, oauth.ErrConfig) {
			t.Errorf("%v: %v", u, err)
		}
	}
	cookies := newWorld(t, nil, nil)
	if err := cookies.login.EndSessions(t.Context(), weblogin.User{Issuer: "i", Subject: "s"}); !errors.Is(err, oauth.ErrConfig) {
		t.Error(err)
	}
}

// TestKeysAndLogout: a logout finds the sessions that began with an older key, also after
// they were changed under the new one.
func TestKeysAndLogout(t *testing.T) {
	store := weblogin.NewMemoryStore(0)
	fresh := bytes.Repeat([]byte("fedcba9876543210"), 2)
	with := func(keys ...[]byte) func(c *weblogin.Config, o *oauth.Config) {
		return func(c *weblogin.Config, o *oauth.Config) { withStore(c, o); c.Store, c.Keys = store, keys }
	}
	w := newWorld(t, with(key), nil)
	for _, row := range []struct {
		name    string
		changed bool
		process *weblogin.Handler
	}{
		{"the new key in front", false, w.handler(t, with(fresh, key))},
		{"and changed", true, w.handler(t, with(fresh, key))},
		{"changed, and the old key in front", true, w.handler(t, with(key, fresh))},
	} {
		b := w.browser(t)
		b.logIn("/").want(t, http.StatusOK, "hello alice")
		open := func() int {
			rec := httptest.NewRecorder()
			req := b.request(http.MethodGet, "/", "cors", "empty")
			req.Header.Set("Cookie", session+"="+b.cookies()[session])
			w.handler(t, with(fresh, key)).Require(weblogin.Requirement{}, http.HandlerFunc(w.home)).ServeHTTP(rec, req)
			return rec.Code
		}
		if row.changed {
			w.wait(30 * time.Minute)
		}
		if code := open(); code != http.StatusOK {
			t.Errorf("%s: %d", row.name, code)
		}
		if err := row.process.EndSessions(t.Context(), weblogin.User{Issuer: w.srv.Issuer(), Subject: "alice"}); err != nil {
			t.Error(err)
		}
		if code := open(); code != http.StatusUnauthorized {
			t.Errorf("%s: after the logout %d", row.name, code)
		}
	}
}

// TestOptional: a page that everybody may see.
func TestOptional(t *testing.T) {
	store := &brokenStore{Store: weblogin.NewMemoryStore(0)}
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) { withStore(c, o); c.Store = store }, nil)
	open := w.login.Optional(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s, ok := weblogin.FromContext(r.Context())
		fmt.Fprint(rw, ok)
		if ok {
			fmt.Fprint(rw, " ", s.User().Subject)
		}
	}))
	w.app.Config.Handler.(*http.ServeMux).Handle("/open", open)
	b := w.browser(t)
	b.open("/open").want(t, http.StatusOK, "false")
	b.logIn("/")
	b.open("/open").want(t, http.StatusOK, "true alice")
	store.set("Get")
	b.open("/open").want(t, http.StatusOK, "false")
	if len(w.reported()) != 1 {
		t.Error(w.reported())
	}
}

// TestProxies: requests as proxies hand them on.
func TestProxies(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	b.logIn("/")
	h := w.app.Config.Handler
	w.app.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Host = "10.0.0.1:8080"
		h.ServeHTTP(rw, r)
	})
	post := b.request(http.MethodPost, "/auth/logout", "", "")
	post.Header.Set("Origin", w.app.URL) // of a browser without Sec-Fetch-Site
	if p := b.send(post); p.status != http.StatusSeeOther {
		t.Errorf("%d %s", p.status, p.body)
	}
	evil := b.request(http.MethodPost, "/auth/logout", "", "")
	evil.Header.Set("Origin", "https://evil.example")
	if p := b.send(evil); p.status != http.StatusForbidden {
		t.Errorf("%d %s", p.status, p.body)
	}

	// A proxy that takes the path away, from the request line, too.
	login := w.handler(t, func(c *weblogin.Config, _ *oauth.Config) { c.BaseURL = w.app.URL + "/shop" })
	w.srv.AddClient(oauthtest.Client{ID: "web", Secret: "the-secret-of-the-client", RedirectURIs: []string{w.app.URL + "/shop/auth/callback"}})
	w.app.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.URL.Path = strings.TrimPrefix(r.URL.Path, "/shop")
		out.RequestURI = out.URL.RequestURI()
		if strings.HasPrefix(out.URL.Path, "/auth/") {
			login.ServeHTTP(rw, out)
			return
		}
		login.Require(weblogin.Requirement{}, http.HandlerFunc(w.home)).ServeHTTP(rw, out)
	})
	b = w.browser(t)
	p := b.send(b.authorize(b.open("/shop/")))
	if p.to != w.app.URL+"/shop/" {
		t.Errorf("%d %s %s", p.status, p.to, p.body)
	}
	b.open(p.to).want(t, http.StatusOK, "hello alice")
	p = b.send(b.authorize(b.open("/shop/auth/login?return_to=//evil.example")))
	if p.to != w.app.URL+"/shop/" {
		t.Errorf("it returns to %s", p.to)
	}
	p = b.send(b.request(http.MethodPost, "/shop/auth/logout", "navigate", "document"))
	if at, _ := url.Parse(p.to); at.Query().Get("post_logout_redirect_uri") != w.app.URL+"/shop/" {
		t.Errorf("%d %s", p.status, p.to)
	}
}

// TestServiceWorker: a navigation that goes through one, and a browser that looks ahead.
func TestServiceWorker(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	if p := b.send(b.request(http.MethodGet, "/", "navigate", "empty")); p.status != http.StatusSeeOther {
		t.Errorf("%d", p.status)
	}
	ahead := b.request(http.MethodGet, "/", "navigate", "document")
	ahead.Header.Set("Sec-Purpose", "prefetch;prerender")
	if p := b.send(ahead); p.status != http.StatusUnauthorized {
		t.Errorf("%d", p.status)
	}
}

// TestRequirePanics: a requirement that no login could fulfil would begin one for ever.
func TestRequirePanics(t *testing.T) {
	w := newWorld(t, func(c *weblogin.Config, _ *oauth.Config) {
		c.Providers[0].Request.RequireACR = []string{"a", "b"}
	}, nil)
	plain := newWorld(t, func(c *weblogin.Config, _ *oauth.Config) {
		c.Providers[0].Request.Scope = []string{"read:user"}
		c.Providers[0].Identify = func(context.Context, *oauth.Token) (weblogin.User, map[string]any, error) {
			return weblogin.User{}, nil, nil
		}
	}, nil)
	for name, row := range map[string]struct {
		h      *weblogin.Handler
		need   weblogin.Requirement
		panics bool
	}{
		"one of them":     {w.login, weblogin.Requirement{ACR: []string{"b", "c"}}, false},
		"none of them":    {w.login, weblogin.Requirement{ACR: []string{"c"}}, true},
		"an age":          {w.login, weblogin.Requirement{MaxAge: time.Minute}, false},
		"without openid":  {plain.login, weblogin.Requirement{MaxAge: time.Minute}, true},
		"acr without it":  {plain.login, weblogin.Requirement{ACR: []string{"a"}}, true},
		"nothing is said": {plain.login, weblogin.Requirement{}, false},
	} {
		func() {
			defer func() {
				if got := recover() != nil; got != row.panics {
					t.Errorf("%s: panics %v", name, got)
				}
			}()
			row.h.Require(row.need, http.NotFoundHandler())
		}()
	}
	w.app.Config.Handler = w.login.Require(weblogin.Requirement{ACR: []string{"b", "c"}}, http.NotFoundHandler())
	at, _ := url.Parse(w.browser(t).open("/").to)
	if got := at.Query().Get("acr_values"); got != "b" {
		t.Errorf("acr_values %q", got)
	}
}

// TestCookieSize: five logins with long paths to return to fit into what proxies take.
func TestCookieSize(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	for range 6 {
		b.open("/" + strings.Repeat("a", 500))
	}
	size := 0
	for name, value := range b.cookies() {
		size += len(name) + len(value) + 3
	}
	if size > 8000 {
		t.Errorf("%d bytes of cookies", size)
	}
}
