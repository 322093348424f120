package weblogin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

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

// TestBasePath: an application below a path, with a proxy that takes the path away and
// with one that does not.
func TestBasePath(t *testing.T) {
	w := newWorld(t, nil, nil)
	login := w.handler(t, func(c *weblogin.Config, _ *oauth.Config) { c.BaseURL, c.Path = w.app.URL+"/shop/", "/in" })
	w.srv.AddClient(oauthtest.Client{ID: "web", Secret: "the-secret-of-the-client", RedirectURIs: []string{w.app.URL + "/shop/in/callback"}})
	if login.RedirectURI("") != w.app.URL+"/shop/in/callback" || login.RedirectURI("x") != "" || login.LogoutPath() != "/shop/in/logout" || login.LoginPath("/shop/a") != "/shop/in/login?return_to=%2Fshop%2Fa" {
		t.Error(login.RedirectURI(""), login.LogoutPath(), login.LoginPath("/shop/a"))
	}
	inner := http.NewServeMux()
	inner.Handle("/in/", login)
	inner.Handle("/shop/in/", login)
	inner.Handle("/", login.Require(weblogin.Requirement{}, http.HandlerFunc(w.home)))
	for name, h := range map[string]http.Handler{"takes it away": http.StripPrefix("/shop", inner), "leaves it": inner} {
		w.app.Config.Handler = h
		b := w.browser(t)
		p := b.send(b.authorize(b.open("/shop/orders?a=b")))
		if p.to != w.app.URL+"/shop/orders?a=b" {
			t.Errorf("%s: %d %s %s", name, p.status, p.to, p.body)
		}
		b.open(p.to).want(t, http.StatusOK, "hello alice")
	}
}
