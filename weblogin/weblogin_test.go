package weblogin_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

// A world has a server, and an application whose users log in there.
type world struct {
	srv   *oauthtest.Server
	app   *httptest.Server
	login *weblogin.Handler
	http  *http.Client // that trusts both

	mu     sync.Mutex
	ahead  time.Duration // the time of the world
	errs   []error
	served int // requests that the application has seen with a session
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

func (w *world) reported() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.errs
}

var key = bytes.Repeat([]byte("0123456789abcdef"), 2)

// newWorld starts both. edit may change the configuration, and options those of the server.
func newWorld(t *testing.T, edit func(*weblogin.Config, *oauth.Config), options func(*oauthtest.Options)) *world {
	t.Helper()
	w := new(world)
	mux := http.NewServeMux()
	w.app = httptest.NewTLSServer(mux)
	t.Cleanup(w.app.Close)
	o := oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: w.now, OutgoingClient: w.app.Client(), AccessTokenLifetime: 5 * time.Minute}
	if options != nil {
		options(&o)
	}
	w.srv = oauthtest.NewServer(&o)
	t.Cleanup(w.srv.Close)
	pool := w.srv.RootCAs().Clone()
	pool.AddCert(w.app.Certificate())
	w.http = trusting(pool)
	t.Cleanup(w.http.CloseIdleConnections)
	w.login = w.handler(t, edit)
	mux.Handle("/auth/", w.login)
	mux.Handle("/", w.login.Require(weblogin.Requirement{}, http.HandlerFunc(w.home)))
	return w
}

func trusting(pool *x509.CertPool) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, TLSHandshakeTimeout: 10 * time.Second}}
}

// handler makes a Handler as another process of the application would.
func (w *world) handler(t *testing.T, edit func(*weblogin.Config, *oauth.Config)) *weblogin.Handler {
	t.Helper()
	cfg := weblogin.Config{
		BaseURL: w.app.URL, Keys: [][]byte{key}, Now: w.now,
		OnError: func(_ *http.Request, err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.errs = append(w.errs, err)
		},
		Providers: []weblogin.Provider{{Claims: []string{"email"}}},
	}
	client := oauth.Config{
		Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic("the-secret-of-the-client"),
		HTTPClient: w.http, Clock: oauth.Clock{Now: w.now},
	}
	if edit != nil {
		edit(&cfg, &client)
	}
	for i := range cfg.Providers {
		p := &cfg.Providers[i]
		if p.Client == nil {
			c := client
			c.Metadata.ClientID += p.Name
			var err error
			if p.Client, err = oauth.NewClientFromIssuer(w.srv.Issuer(), nil, c); err != nil {
				t.Fatal(err)
			}
		}
		callback := "/callback"
		if p.Name != "" {
			callback += "/" + p.Name
		}
		w.srv.AddClient(oauthtest.Client{
			ID: "web" + p.Name, Secret: "the-secret-of-the-client", RedirectURIs: []string{w.app.URL + "/auth" + callback},
			GrantTypes: []string{"authorization_code", "refresh_token"}, PostLogoutRedirectURIs: []string{w.app.URL + "/"},
			BackchannelLogoutURI: w.app.URL + "/auth/backchannel-logout" + strings.TrimPrefix(callback, "/callback"),
		})
	}
	h, err := weblogin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// home says who is logged in.
func (w *world) home(rw http.ResponseWriter, r *http.Request) {
	s, ok := weblogin.FromContext(r.Context())
	if !ok {
		http.Error(rw, "no session", http.StatusInternalServerError)
		return
	}
	w.mu.Lock()
	w.served++
	w.mu.Unlock()
	var claims struct{ Email string }
	if err := s.Claims(&claims); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(rw, "hello %s of %s %s", s.User().Subject, s.User().Issuer, claims.Email)
}

// A tab is one of a browser, whose cookies it has.
type tab struct {
	t *testing.T
	w *world
	*http.Client
	op *oauthtest.Browser // the same browser, at the server
}

// browser starts a browser.
func (w *world) browser(t *testing.T) *tab {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &tab{t, w, &http.Client{Transport: w.http.Transport, Jar: jar, CheckRedirect: stay}, w.srv.NewBrowser()}
}

// A page is an answer of the application.
type page struct {
	status int
	body   string
	to     string // where it redirects to
	header http.Header
}

func (b *tab) send(req *http.Request) page {
	b.t.Helper()
	resp, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{resp.StatusCode, string(body), resp.Header.Get("Location"), resp.Header}
}

// open opens a page, as a user does who enters the URL or follows a link.
func (b *tab) open(target string) page {
	b.t.Helper()
	return b.send(b.request(http.MethodGet, target, "navigate", "document"))
}

func (b *tab) request(method, target, mode, dest string) *http.Request {
	b.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.w.app.URL + target
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, target, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Mode", mode)
	req.Header.Set("Sec-Fetch-Dest", dest)
	return req
}

// authorize goes to the server, which logs the user in, and returns the request with which
// the browser comes back.
func (b *tab) authorize(p page) *http.Request {
	b.t.Helper()
	if p.status != http.StatusSeeOther {
		b.t.Fatalf("no login begins: %d %s; %v", p.status, p.body, b.w.reported())
	}
	back, err := b.op.Authorize(b.t.Context(), p.to)
	if err != nil {
		b.t.Fatal(err)
	}
	return back
}

// logIn logs alice in, beginning at a path, and returns what she sees at the end.
func (b *tab) logIn(path string) page {
	b.t.Helper()
	p := b.send(b.authorize(b.open(path)))
	if p.status == http.StatusSeeOther {
		p = b.open(p.to)
	}
	return p
}

// want wants a page with that status and text.
func (p page) want(t *testing.T, status int, text string) {
	t.Helper()
	if p.status != status || !strings.Contains(p.body, text) {
		t.Errorf("%d %s %s; want %d %q", p.status, p.to, p.body, status, text)
	}
}

// cookies are the names and values that the browser has for the application.
func (b *tab) cookies() map[string]string {
	u, _ := url.Parse(b.w.app.URL)
	all := map[string]string{}
	for _, c := range b.Jar.Cookies(u) {
		all[c.Name] = c.Value
	}
	return all
}

// setCookie gives the browser a cookie.
func (b *tab) setCookie(name, value string) {
	u, _ := url.Parse(b.w.app.URL)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
}

const session = "__Host-session"

// withStore is a configuration with a store, and tokens.
func withStore(cfg *weblogin.Config, _ *oauth.Config) {
	cfg.Store = weblogin.NewMemoryStore(0)
	cfg.Providers[0].Tokens = true
	cfg.Providers[0].BackchannelLogout = true
	cfg.Providers[0].Request.Scope = []string{"openid", "email", "offline_access"}
	cfg.Providers[0].Request.Prompt = "consent"
}

// modes are sessions in cookies, and in a store.
var modes = map[string]func(*weblogin.Config, *oauth.Config){"cookie": nil, "store": withStore}

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
			if got := b.cookies(); len(got) != 1 || got[session] == "" {
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

// TestSetCookie: the attributes of all cookies.
func TestSetCookie(t *testing.T) {
	for name, tt := range map[string]struct {
		edit           func(*weblogin.Config, *oauth.Config)
		login, session http.SameSite
	}{
		"query":        {nil, http.SameSiteLaxMode, http.SameSiteLaxMode},
		"form_post":    {func(c *weblogin.Config, _ *oauth.Config) { c.Providers[0].Request.ResponseMode = "form_post" }, http.SameSiteNoneMode, http.SameSiteLaxMode},
		"frames":       {func(c *weblogin.Config, o *oauth.Config) { withStore(c, o); c.Providers[0].FrontchannelLogout = true }, http.SameSiteLaxMode, http.SameSiteNoneMode},
		"in the store": {withStore, http.SameSiteLaxMode, http.SameSiteLaxMode},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tt.edit, nil)
			b := w.browser(t)
			begun := b.open("/")
			ended := b.send(b.authorize(begun))
			for _, row := range []struct {
				header http.Header
				prefix string
				want   http.SameSite
			}{{begun.header, "__Host-login-", tt.login}, {ended.header, session, tt.session}} {
				found := 0
				for _, c := range (&http.Response{Header: row.header}).Cookies() {
					if !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
						t.Errorf("%v", c)
					}
					if strings.HasPrefix(c.Name, row.prefix) && c.MaxAge >= 0 {
						found++
						if c.SameSite != row.want || c.MaxAge < 600 {
							t.Errorf("%v, want SameSite %v", c, row.want)
						}
					}
				}
				if found != 1 {
					t.Errorf("%d cookies %s: %v", found, row.prefix, row.header)
				}
			}
			b.open("/").want(t, http.StatusOK, "hello alice")
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

// TestLoginsUnderWay: a browser has at most five, of which the oldest goes, and a page that
// shows /login as an image or in a frame begins none.
func TestLoginsUnderWay(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	var pages []page
	for range 8 {
		pages = append(pages, b.open("/"))
		w.wait(time.Second)
	}
	b.setCookie("__Host-login-0123", "1garbage")
	pages = append(pages, b.open("/"))
	if n := len(b.cookies()); n != 5 {
		t.Errorf("%d cookies: %v", n, b.cookies())
	}
	for i, p := range pages {
		got := b.send(b.authorize(p))
		if i < 4 {
			got.want(t, http.StatusForbidden, "not started here")
		} else if got.status != http.StatusSeeOther {
			t.Errorf("login %d: %d %s", i, got.status, got.body)
		}
	}
	other := w.browser(t)
	for dest, mode := range map[string]string{"image": "no-cors", "iframe": "navigate", "empty": "cors", "object": "navigate"} {
		other.send(other.request(http.MethodGet, "/auth/login", mode, dest)).want(t, http.StatusForbidden, "page of its own")
	}
	if got := other.cookies(); len(got) != 0 {
		t.Errorf("cookies %v", got)
	}
}

// TestFixation: whoever knew the session before a login is not logged in by it, and a
// session that another login replaces has ended.
func TestFixation(t *testing.T) {
	w := newWorld(t, withStore, nil)
	b := w.browser(t)
	b.logIn("/")
	before := b.cookies()[session]
	b.op.User = "bob"
	w.srv.AddUser(oauthtest.User{Subject: "bob"})
	again := w.browser(t) // another user of the same browser
	again.setCookie(session, before)
	again.op.User = "bob"
	p := again.send(again.authorize(again.open("/auth/login")))
	after := again.cookies()[session]
	if p.status != http.StatusSeeOther || after == before || after == "" {
		t.Fatalf("%d %s; the cookie is the same: %v", p.status, p.body, after == before)
	}
	thief := w.browser(t)
	thief.setCookie(session, before)
	if p := thief.open("/"); p.status != http.StatusSeeOther {
		t.Errorf("the session before the login: %d %s", p.status, p.body)
	}
}

// TestTossedCookies: cookies that another host may have set, or that were sealed for
// something else, are none.
func TestTossedCookies(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	pending := b.open("/")
	b.send(b.authorize(pending))
	good := b.cookies()[session]
	b.open("/auth/login")
	var login string
	for name, value := range b.cookies() {
		if strings.HasPrefix(name, "__Host-login-") {
			login = value
		}
	}
	for name, value := range map[string]string{
		"that of a login":   login,
		"nothing":           "",
		"a mark alone":      "1",
		"no base64":         "1!!",
		"another mark":      "3" + good[1:],
		"cut":               good[:len(good)-4],
		"a changed byte":    good[:40] + "A" + good[41:],
		"a second is named": "2" + good[1:],
	} {
		if name == "a changed byte" && good[40] == 'A' {
			value = good[:40] + "B" + good[41:]
		}
		other := w.browser(t)
		other.setCookie(session, value)
		if p := other.open("/"); p.status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	for _, header := range []string{
		session + "=" + good + "; " + session + "=" + good,
		session + "=x; " + session + "=" + good,
		"session=" + good,
	} {
		req := b.request(http.MethodGet, "/", "navigate", "document")
		req.Header.Set("Cookie", header)
		bare := &tab{t, w, &http.Client{Transport: w.http.Transport, CheckRedirect: b.CheckRedirect}, b.op}
		if p := bare.send(req); p.status != http.StatusSeeOther {
			t.Errorf("%s: %d", header[:20], p.status)
		}
	}
}

// twoProviders are two clients of the server, as two servers would be.
func twoProviders(cfg *weblogin.Config, _ *oauth.Config) {
	cfg.Providers = []weblogin.Provider{{Name: "one", Title: "One & Co"}, {Name: "two"}}
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

// TestReturnTo: no URL leads elsewhere after a login.
func TestReturnTo(t *testing.T) {
	w := newWorld(t, nil, nil)
	for _, to := range []string{
		"https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)",
		" /x", "x", "", "/%5cevil.example", "/%2f/evil.example/..", "/ü", "/a b", "///evil.example", "/x" + strings.Repeat("a", 2000), "https:/x", "/\r\nSet-Cookie: a=b",
	} {
		b := w.browser(t)
		p := b.send(b.authorize(b.open("/auth/login?" + url.Values{"return_to": {to}}.Encode())))
		got, err := url.Parse(p.to)
		if err != nil || p.status != http.StatusSeeOther || "https://"+got.Host != w.app.URL || strings.HasPrefix(got.Path, "//") || strings.Contains(got.Path, "\\") {
			t.Errorf("%q: %d %s", to, p.status, p.to)
		}
	}
}

func TestLogout(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, edit, nil)
			b := w.browser(t)
			b.logIn("/")
			copied := b.cookies()[session]
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
			thief.setCookie(session, copied)
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

// TestTimes: a session ends by age and by idleness, and use keeps it alive up to its age.
func TestTimes(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) {
				if edit != nil {
					edit(c, o)
				}
				c.Lifetime, c.IdleTime = 3*time.Hour, time.Hour
			}, nil)
			b := w.browser(t)
			b.logIn("/")
			for range 5 { // 2 h 55 min
				w.wait(35 * time.Minute)
				b.open("/").want(t, http.StatusOK, "hello alice")
			}
			w.wait(6 * time.Minute)
			if p := b.open("/"); p.status != http.StatusSeeOther {
				t.Errorf("after its age: %d", p.status)
			}
			b.logIn("/")
			w.wait(time.Hour)
			if p := b.open("/"); p.status != http.StatusSeeOther {
				t.Errorf("after an idle hour: %d", p.status)
			}
			b.logIn("/")
			w.wait(-2 * time.Minute) // a clock that is set back
			if p := b.open("/"); p.status != http.StatusSeeOther {
				t.Errorf("before it began: %d", p.status)
			}
		})
	}
}

// TestKeys: sessions of an older key go on, and of an unknown one do not.
func TestKeys(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			store := weblogin.NewMemoryStore(0)
			with := func(keys ...[]byte) func(c *weblogin.Config, o *oauth.Config) {
				return func(c *weblogin.Config, o *oauth.Config) {
					if edit != nil {
						edit(c, o)
						c.Store = store
					}
					c.Keys = keys
				}
			}
			w := newWorld(t, with(key), nil)
			b := w.browser(t)
			b.logIn("/")
			fresh := bytes.Repeat([]byte("fedcba9876543210"), 2)
			for row, keys := range map[string][][]byte{"both": {fresh, key}, "the new one": {fresh}} {
				h := w.handler(t, with(keys...))
				rec := httptest.NewRecorder()
				req := b.request(http.MethodGet, "/", "navigate", "document")
				req.Header.Set("Cookie", session+"="+b.cookies()[session])
				h.Require(weblogin.Requirement{}, http.HandlerFunc(w.home)).ServeHTTP(rec, req)
				if (rec.Code == http.StatusOK) != (row == "both") {
					t.Errorf("%s: %d", row, rec.Code)
				}
			}
		})
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
		if p := b.send(req); p.status != http.StatusUnauthorized || len(b.cookies()) != 0 {
			t.Errorf("%s: %d, cookies %v", name, p.status, b.cookies())
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

// TestPages: what a page may load, and that it says what to do.
func TestPages(t *testing.T) {
	w := newWorld(t, nil, nil)
	p := w.browser(t).open("/auth/callback?state=x&code=y")
	p.want(t, http.StatusForbidden, `<a href="/auth/login?return_to=%2F">Log in</a>`)
	csp := p.header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "style-src 'sha256-") ||
		p.header.Get("X-Content-Type-Options") != "nosniff" || p.header.Get("Referrer-Policy") != "no-referrer" || p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("header %v", p.header)
	}
	for _, want := range []string{`name="viewport"`, "color-scheme:light dark", `<html lang="en">`, "<h1>"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("no %s in %s", want, p.body)
		}
	}
	if strings.Contains(p.body, "<script") {
		t.Error(p.body)
	}
}
