package weblogin_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
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

// session is the name of the cookie of a session.
func (w *world) session() string { return weblogin.SessionCookie(w.login) }

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

// twoProviders are two clients of the server, as two servers would be.
func twoProviders(cfg *weblogin.Config, _ *oauth.Config) {
	cfg.Providers = []weblogin.Provider{{Name: "one", Title: "One & Co"}, {Name: "two"}}
}
