package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const testSecret = "a secret that only the two know"

func TestDemo(t *testing.T) {
	srv := newServer()
	defer srv.Close()
	var out bytes.Buffer
	if err := demoLogin(t.Context(), srv, &out); err != nil {
		t.Fatal(err)
	}
	steps, claims, ok := strings.Cut(out.String(), "\n\n")
	if !ok {
		t.Fatalf("the claims are not set apart:\n%s", out.String())
	}
	rest := steps
	for _, step := range []string{
		"server: listens at https://127.0.0.1:",
		"app: discovery found " + srv.Issuer(),
		"browser: opens http://127.0.0.1:",
		"app: sends the browser to " + srv.URL() + "/authorize with state, nonce and PKCE",
		"shows its login page; the user logs in as alice",
		"browser: is sent back to http://127.0.0.1:",
		"app: received the callback",
		"app: POST " + srv.URL() + "/token: status 200",
		"app: exchanged the code; the ID token is verified: ES256 signature by the server's key P-256-",
		"app: userinfo is about the same subject",
		"browser: shows http://127.0.0.1:",
	} {
		_, after, found := strings.Cut(rest, step)
		if !found {
			t.Errorf("no %q, or not in its place", step)
			continue
		}
		rest = after
	}
	if !strings.HasPrefix(claims, "sub: alice\n") || !strings.Contains(claims, "\nemail: alice@example.com\n") {
		t.Errorf("claims:\n%s", claims)
	}
	for line := range strings.Lines(claims) {
		if !regexp.MustCompile(`^[a-z_]+: .+\n$`).MatchString(line) {
			t.Errorf("not name: value: %q", line)
		}
	}
	if found := leaked(srv, out.String()); found != nil {
		t.Errorf("secrets in the output: %q", found)
	}
}

// leaked returns what was secret in the requests to the server, or of use once
// only, and stands in text.
func leaked(srv *oauthtest.Server, text string) (found []string) {
	for _, r := range srv.Requests() {
		_, secret, _ := (&http.Request{Header: r.Header}).BasicAuth()
		bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		secrets := []string{secret, bearer}
		for _, name := range []string{"state", "nonce", "code", "code_verifier"} {
			secrets = append(secrets, r.Query.Get(name), r.Form.Get(name))
		}
		for _, s := range secrets {
			if s != "" && strings.Contains(text, s) {
				found = append(found, s)
			}
		}
	}
	return found
}

func TestRunWithoutArguments(t *testing.T) {
	var out bytes.Buffer
	start := time.Now()
	if err := run(t.Context(), nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\n\nsub: alice\n") {
		t.Errorf("output:\n%s", out.String())
	}
	t.Logf("took %v", time.Since(start))
}

// A site is the application, running, and the server that it uses.
type site struct {
	*app
	srv *oauthtest.Server
	log syncBuffer
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{srv: oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})}
	t.Cleanup(s.srv.Close)
	web := httptest.NewUnstartedServer(nil)
	set := settings{
		issuer:      s.srv.Issuer(),
		clientID:    "web",
		secret:      testSecret,
		redirectURI: "http://" + web.Listener.Addr().String() + "/callback",
		httpClient:  s.srv.Client(),
	}
	s.srv.AddClient(oauthtest.Client{ID: "web", Secret: testSecret, RedirectURIs: []string{set.redirectURI}})
	var err error
	s.app, err = newApp(t.Context(), set, s.log.printf)
	if err != nil {
		t.Fatal(err)
	}
	web.Config.Handler = s.app
	web.Start()
	t.Cleanup(web.Close)
	return s
}

// A browser keeps cookies and follows no redirect by itself.
type browser struct{ http.Client }

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{http.Client{Jar: jar}}
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(b.CloseIdleConnections)
	return b
}

type answer struct {
	*http.Response
	body string
}

func (b *browser) send(t *testing.T, req *http.Request) answer {
	t.Helper()
	resp, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(body)}
}

func (b *browser) open(t *testing.T, url string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b.send(t, req)
}

// begin goes up to the callback, which it does not send.
func (b *browser) begin(t *testing.T, srv *oauthtest.Server, loginURL string) *http.Request {
	t.Helper()
	toServer, err := b.open(t, loginURL).Location()
	if err != nil {
		t.Fatal(err)
	}
	callback, err := srv.Authorize(t.Context(), toServer.String())
	if err != nil {
		t.Fatal(err)
	}
	return callback
}

func (b *browser) wantLoggedIn(t *testing.T, url string, want bool) {
	t.Helper()
	if got := strings.HasPrefix(b.open(t, url).body, "sub: alice\n"); got != want {
		t.Errorf("logged in: %t, want %t", got, want)
	}
}

func TestCallbackOfAnotherBrowser(t *testing.T) {
	s := newSite(t)
	user, attacker := newBrowser(t), newBrowser(t)
	callback := user.begin(t, s.srv, s.origin+"/login")
	attacker.open(t, s.origin+"/login") // it has a session too

	for name, b := range map[string]*browser{"other session": attacker, "no session": newBrowser(t)} {
		if a := b.send(t, callback.Clone(t.Context())); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: status %d", name, a.StatusCode)
		}
		b.wantLoggedIn(t, s.origin+"/", false)
	}
	if n := s.srv.Count("/token"); n != 0 {
		t.Errorf("%d token requests", n)
	}
	if a := user.send(t, callback); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the user's own: status %d", a.StatusCode)
	}
	user.wantLoggedIn(t, s.origin+"/", true)
}

func TestReplayedCallback(t *testing.T) {
	s := newSite(t)
	b := newBrowser(t)
	callback := b.begin(t, s.srv, s.origin+"/login")
	again := callback.Clone(t.Context())
	session := b.Jar.Cookies(callback.URL)[0]
	b.send(t, callback)

	a := b.send(t, again)
	if a.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", a.StatusCode)
	}
	// With the session of then, which the login replaced.
	old := newBrowser(t)
	old.Jar.SetCookies(again.URL, []*http.Cookie{session})
	if a := old.send(t, again.Clone(t.Context())); a.StatusCode != http.StatusForbidden {
		t.Errorf("in the old session: status %d", a.StatusCode)
	}
	old.wantLoggedIn(t, s.origin+"/", false)
	b.wantLoggedIn(t, s.origin+"/", true)
	if n := s.srv.Count("/token"); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

// One session can have several logins under way, in several tabs.
func TestTwoTabs(t *testing.T) {
	s := newSite(t)
	b := newBrowser(t)
	b.begin(t, s.srv, s.origin+"/login")
	first := b.begin(t, s.srv, s.origin+"/login")
	b.begin(t, s.srv, s.origin+"/login")
	if a := b.send(t, first); a.StatusCode != http.StatusSeeOther {
		t.Errorf("status %d", a.StatusCode)
	}
	b.wantLoggedIn(t, s.origin+"/", true)
}

func TestErrorFromServer(t *testing.T) {
	s := newSite(t)
	for name, tt := range map[string]struct{ code, description, want string }{
		"refused": {"access_denied", "the user refused", "<p>access_denied: the user refused</p>"},
		"markup":  {"access_denied", "<script>alert(1)</script>", "<p>access_denied: &lt;script&gt;alert(1)&lt;/script&gt;</p>"},
		"code":    {"<b>bold</b>", "", "<p>&lt;b&gt;bold&lt;/b&gt;: </p>"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t)
			callback := b.begin(t, s.srv, s.origin+"/login")
			q := callback.URL.Query()
			q.Del("code")
			q.Set("error", tt.code)
			q.Set("error_description", tt.description)
			callback.URL.RawQuery = q.Encode()
			a := b.send(t, callback)
			if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, tt.want) {
				t.Errorf("status %d:\n%s", a.StatusCode, a.body)
			}
			b.wantLoggedIn(t, s.origin+"/", false)
		})
	}
	if !strings.Contains(s.log.String(), `access_denied`) {
		t.Errorf("log:\n%s", s.log.String())
	}
}

// The user refuses at the server's login page.
func TestDenial(t *testing.T) {
	s := newSite(t)
	b := newBrowser(t)
	toServer, err := b.open(t, s.origin+"/login").Location()
	if err != nil {
		t.Fatal(err)
	}
	callback, err := s.srv.Authorize(t.Context(), toServer.String()+"&login_hint=deny")
	if err != nil {
		t.Fatal(err)
	}
	if a := b.send(t, callback); a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "access_denied") {
		t.Errorf("status %d:\n%s", a.StatusCode, a.body)
	}
}

func TestBadAnswers(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct {
		fault  oauthtest.Fault
		status int
	}{
		{oauthtest.WrongNonce, http.StatusBadRequest},
		{oauthtest.DuplicateCode, http.StatusBadRequest},
		{oauthtest.WrongState, http.StatusForbidden},
		{oauthtest.TokenHTML, http.StatusBadGateway},
		{oauthtest.SubMismatch, http.StatusBadRequest},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			s.srv.Fault(tt.fault)
			defer s.srv.Fault()
			b := newBrowser(t)
			callback := b.begin(t, s.srv, s.origin+"/login")
			again := callback.Clone(t.Context())
			if a := b.send(t, callback); a.StatusCode != tt.status {
				t.Errorf("status %d, want %d", a.StatusCode, tt.status)
			}
			b.wantLoggedIn(t, s.origin+"/", false)
			// It is no longer under way: a second try does not get that far.
			if a := b.send(t, again); a.StatusCode != http.StatusForbidden {
				t.Errorf("again: status %d", a.StatusCode)
			}
		})
	}
	if found := leaked(s.srv, s.log.String()); found != nil {
		t.Errorf("secrets in the log: %q", found)
	}
}

func TestCookie(t *testing.T) {
	for scheme, name := range map[string]string{"http": "session", "https": "__Host-session"} {
		s := newSite(t)
		s.cookie.secure = scheme == "https"
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/login", nil))
		c := w.Result().Cookies()[0]
		if c.Name != name || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != (scheme == "https") || c.Path != "/" || len(c.Value) < 26 {
			t.Errorf("%s: %v", scheme, c)
		}
	}
	if a, err := newApp(t.Context(), settings{redirectURI: "https://app.example.com/login"}, nil); err == nil {
		t.Errorf("a redirect URI that is another page is accepted: %v", a)
	}
}

func TestLoginStartsNewSession(t *testing.T) {
	s := newSite(t)
	b := newBrowser(t)
	callback := b.begin(t, s.srv, s.origin+"/login")
	before := b.Jar.Cookies(callback.URL)[0].Value
	b.send(t, callback)
	if after := b.Jar.Cookies(callback.URL)[0].Value; after == before {
		t.Error("the session from before the login goes on")
	}
}

func TestStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore[int](2, time.Minute)
		s.put("a", 1)
		time.Sleep(time.Second)
		s.put("b", 2)
		s.put("a", 3) // now the younger one
		s.put("c", 4)
		if _, ok := s.get("b"); ok || len(s.m) != 2 || s.age.Len() != 2 {
			t.Errorf("the oldest did not go: %v", s.m)
		}
		if v, ok := s.get("a"); !ok || v != 3 {
			t.Errorf("a: %d, %t", v, ok)
		}
		if v, ok := s.take("a"); !ok || v != 3 {
			t.Errorf("take: %d, %t", v, ok)
		}
		if _, ok := s.take("a"); ok {
			t.Error("taken twice")
		}
		time.Sleep(time.Minute)
		if _, ok := s.get("c"); ok {
			t.Error("older than the store keeps")
		}
		s.put("d", 5)
		if len(s.m) != 1 || s.age.Len() != 1 {
			t.Errorf("what is too old stays: %v", s.m)
		}
		time.Sleep(time.Minute)
		if _, ok := s.take("d"); ok {
			t.Error("taken, older than the store keeps")
		}
	})
}

func TestPrintable(t *testing.T) {
	for want, v := range map[string]any{
		"Ünï cödé":   "Ünï cödé",
		"a�[31m�b":   "a\x1b[31m\nb",
		`["a",1]`:    []any{"a", 1.0},
		"1795465491": 1795465491.0,
		"null":       nil,
	} {
		if got := printable(v); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestFlags(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // if it serves after all
	defer cancel()
	named := []string{"-issuer", "https://127.0.0.1:1", "-client-id", "web", "-listen", "127.0.0.1:0"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no client":         {[]string{"-issuer", "https://127.0.0.1:1"}, "required"},
		"no issuer":         {[]string{"-client-id", "web"}, "required"},
		"no key":            {append(named, "-cert", "x.pem"), "belong together"},
		"argument":          {append(named, "more"), "unexpected argument"},
		"no CA":             {append(named, "-ca", "no-such-file"), "no-such-file"},
		"CA is no PEM":      {append(named, "-ca", "main_test.go"), "no certificate"},
		"address":           {append(named, "-listen", "nowhere"), "nowhere"},
		"http issuer":       {append(named, "-issuer", "http://127.0.0.1:1"), "use https"},
		"nobody listens":    {named, "refused"},
		"redirect URI home": {append(named, "-redirect-uri", "https://app.example.com/"), "redirect URI"},
	} {
		if err := run(ctx, tt.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("OAUTH_CLIENT_SECRET", testSecret)
	var usage bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, io.Discard, &usage); err == nil || strings.Contains(usage.String(), testSecret) {
		t.Errorf("-h: %v\n%s", err, usage.String())
	}
	if s, err := parseFlags([]string{"-issuer", "i", "-client-id", "c"}, io.Discard); err != nil || s.secret != testSecret {
		t.Errorf("the secret of the environment is not used: %v", err)
	}
}

func TestRedirectURI(t *testing.T) {
	actual := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}
	for listen, want := range map[string]string{
		"127.0.0.1:0":    "http://127.0.0.1:4711/callback",
		"localhost:4711": "http://localhost:4711/callback",
		":4711":          "http://localhost:4711/callback",
		"[::1]:4711":     "http://[::1]:4711/callback",
	} {
		if got := redirectURI(listen, actual); got != want {
			t.Errorf("%s: %s, want %s", listen, got, want)
		}
	}
}

// TestServer drives the program as a user would start it.
func TestServer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		plain  bool
		env    string
		client oauthtest.Client
		args   func(t *testing.T, srv *oauthtest.Server) []string
	}{
		{
			name:   "secret",
			env:    testSecret,
			client: oauthtest.Client{Secret: testSecret},
			args: func(t *testing.T, srv *oauthtest.Server) []string {
				return []string{"-ca", caFile(t, srv)}
			},
		},
		{
			name:   "certificate",
			client: oauthtest.Client{AuthMethod: "tls_client_auth", CertificateSubject: "CN=web"},
			args: func(t *testing.T, srv *oauthtest.Server) []string {
				cert, key := certFiles(t, srv.NewCertificate("web", time.Time{}))
				return []string{"-ca", caFile(t, srv), "-cert", cert, "-key", key}
			},
		},
		{
			name:  "public, over http, with a redirect URI",
			plain: true,
			args: func(*testing.T, *oauthtest.Server) []string {
				return []string{"-http", "-redirect-uri", "http://127.0.0.1/auth/done"}
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("OAUTH_CLIENT_SECRET", tt.env)
			srv := oauthtest.NewServer(&oauthtest.Options{Plain: tt.plain, SigningAlgs: []string{"ES256"}})
			defer srv.Close()
			tt.client.ID = "web"
			tt.client.RedirectURIs = []string{"http://127.0.0.1/callback", "http://127.0.0.1/auth/done"}
			srv.AddClient(tt.client)
			args := append([]string{"-issuer", srv.Issuer(), "-client-id", "web", "-listen", "127.0.0.1:0"}, tt.args(t, srv)...)

			p := start(t, args)
			b := newBrowser(t)
			callback := b.begin(t, srv, p.origin+"/login")
			callback.URL.Host = strings.TrimPrefix(p.origin, "http://") // as a reverse proxy would
			if a := b.send(t, callback); a.StatusCode != http.StatusSeeOther {
				t.Errorf("status %d:\n%s", a.StatusCode, a.body)
			}
			b.wantLoggedIn(t, p.origin+"/", true)
			if err := p.stop(); err != nil {
				t.Errorf("stopped with %v", err)
			}
			if found := leaked(srv, p.out.String()); found != nil {
				t.Errorf("secrets in the output: %q", found)
			}
		})
	}
}

// Who the server is stands in its certificate.
func TestServerNotTrusted(t *testing.T) {
	srv, other := newServer(), newServer()
	defer srv.Close()
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // if it serves after all
	defer cancel()
	args := []string{"-issuer", srv.Issuer(), "-client-id", "web", "-listen", "127.0.0.1:0"}
	for name, args := range map[string][]string{
		"no authority":      args,
		"another authority": append(args, "-ca", caFile(t, other)),
	} {
		if err := run(ctx, args, io.Discard, io.Discard); !errors.Is(err, oauth.ErrNetwork) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A program is run in the background.
type program struct {
	origin string
	out    syncBuffer
	stop   func() error
}

func start(t *testing.T, args []string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := new(program)
	r, w := io.Pipe()
	done, drained := make(chan error, 1), make(chan struct{})
	go func() {
		err := run(ctx, args, w, io.Discard)
		w.Close()
		done <- err
	}()
	p.stop = func() error {
		cancel()
		<-drained
		return <-done
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		p.out.printf("%s", lines.Text())
		if m := regexp.MustCompile(`listens at (http://\S+)`).FindStringSubmatch(lines.Text()); m != nil {
			p.origin = m[1]
			break
		}
	}
	if p.origin == "" {
		t.Fatalf("the program ended: %v\n%s", <-done, p.out.String())
	}
	go func() {
		defer close(drained)
		for lines.Scan() {
			p.out.printf("%s", lines.Text())
		}
	}()
	return p
}

// caFile writes the root certificate of the server.
func caFile(t *testing.T, srv *oauthtest.Server) string {
	t.Helper()
	u, err := url.Parse(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: srv.RootCAs()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	chain := conn.ConnectionState().VerifiedChains[0]
	return pemFile(t, "CERTIFICATE", chain[len(chain)-1].Raw)
}

func certFiles(t *testing.T, cert tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	return pemFile(t, "CERTIFICATE", cert.Certificate[0]), pemFile(t, "EC PRIVATE KEY", key)
}

func pemFile(t *testing.T, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A syncBuffer is written and read by several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) printf(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.WriteString(strings.TrimSuffix(fmt.Sprintf(format, args...), "\n") + "\n")
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
