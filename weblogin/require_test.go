package weblogin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/weblogin"
)

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
		"no value":        {w.login, weblogin.Requirement{ACR: []string{"a", ""}}, true},
		"two in one":      {w.login, weblogin.Requirement{ACR: []string{"a", "a b"}}, true},
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

// TestRequire: what is no navigation is answered with 401.
func TestRequire(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	for name, req := range map[string]*http.Request{
		"a script": b.request(http.MethodGet, "/", "cors", "empty"),
		"a post":   b.request(http.MethodPost, "/", "navigate", "document"),
		"an image": b.request(http.MethodGet, "/", "no-cors", "image"),
		"a frame":  b.request(http.MethodGet, "/", "navigate", "iframe"),
		"a head":   b.request(http.MethodHead, "/", "navigate", "document"),
		"a tool":   b.request(http.MethodGet, "/", "", ""),
	} {
		if p := b.send(req); p.status != http.StatusUnauthorized || p.header.Get("WWW-Authenticate") != `Cookie realm="`+w.app.URL+`"` || len(b.cookies()) != 0 {
			t.Errorf("%s: %d %v, cookies %v", name, p.status, p.header, b.cookies())
		}
	}
	old := b.request(http.MethodGet, "/", "", "")
	old.Header.Set("Accept", "text/html,*/*")
	if p := b.send(old); p.status != http.StatusSeeOther {
		t.Errorf("an old browser: %d", p.status)
	}
	for name, f := range map[string]func(){
		"no handler":  func() { w.login.Require(weblogin.Requirement{}, nil) },
		"no provider": func() { w.login.Require(weblogin.Requirement{Provider: "x"}, http.NotFoundHandler()) },
		"no acr":      func() { w.login.Require(weblogin.Requirement{ACR: []string{}}, http.NotFoundHandler()) },
		"an age":      func() { w.login.Require(weblogin.Requirement{MaxAge: -1}, http.NotFoundHandler()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// TestStepUp: a session that is too weak or too old leads to another login, of the same
// user at the same provider.
func TestStepUp(t *testing.T) {
	w := newWorld(t, twoProviders, nil)
	mux := http.NewServeMux()
	mux.Handle("/auth/", w.login)
	mux.Handle("/", w.login.Require(weblogin.Requirement{}, http.HandlerFunc(w.home)))
	mux.Handle("/strong", w.login.Require(weblogin.Requirement{ACR: []string{"urn:strong"}}, http.HandlerFunc(w.home)))
	mux.Handle("/fresh", w.login.Require(weblogin.Requirement{MaxAge: 5 * time.Minute}, http.HandlerFunc(w.home)))
	mux.Handle("/one", w.login.Require(weblogin.Requirement{Provider: "one"}, http.HandlerFunc(w.home)))
	w.app.Config.Handler = mux
	b := w.browser(t)
	b.send(b.authorize(b.open("/auth/login?provider=two")))
	b.open("/").want(t, http.StatusOK, "hello alice")

	b.open("/fresh").want(t, http.StatusOK, "hello alice")
	w.wait(6 * time.Minute)
	p := b.open("/fresh")
	p.want(t, http.StatusSeeOther, "")
	at, _ := url.Parse(p.to)
	if q := at.Query(); q.Get("max_age") != "300" || q.Get("client_id") != "webtwo" {
		t.Errorf("fresh: %v", q)
	}
	b.send(b.authorize(p))
	b.open("/fresh").want(t, http.StatusOK, "hello alice")
	p = b.open("/strong")
	at, _ = url.Parse(p.to)
	if at.Query().Get("acr_values") != "urn:strong" {
		t.Errorf("strong: %v", at.Query())
	}
	if p := b.send(b.request(http.MethodGet, "/strong", "cors", "empty")); p.status != http.StatusUnauthorized {
		t.Errorf("a script: %d", p.status)
	}
	p = b.open("/one")
	at, _ = url.Parse(p.to)
	if at.Query().Get("client_id") != "webone" {
		t.Errorf("one: %v", at.Query())
	}
}

// TestRequirementAndTemplate: what a requirement needs goes before the wishes of the
// provider's template, and the shorter age before the longer.
func TestRequirementAndTemplate(t *testing.T) {
	age := int64(60)
	w := newWorld(t, func(c *weblogin.Config, _ *oauth.Config) {
		c.Providers[0].Request = oauth.AuthorizationRequest{Scope: []string{"openid"}, ACRValues: []string{"urn:weak"}, MaxAge: &age}
	}, nil)
	for need, want := range map[time.Duration]string{5 * time.Minute: "60", 10 * time.Second: "10", 0: "60"} {
		w.app.Config.Handler = w.login.Require(weblogin.Requirement{ACR: []string{"urn:strong"}, MaxAge: need}, http.NotFoundHandler())
		p := w.browser(t).open("/")
		at, _ := url.Parse(p.to)
		if q := at.Query(); q.Get("acr_values") != "urn:strong" || q.Get("max_age") != want {
			t.Errorf("%v: %d %s; %v", need, p.status, p.to, w.reported())
		}
	}
	if age != 60 {
		t.Errorf("the template has %d now", age)
	}
}
