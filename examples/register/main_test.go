package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const initialToken = "what-only-those-have-who-may-register"

func TestDemo(t *testing.T) {
	srv := newServer(initialToken)
	defer srv.Close()
	var out syncBuffer
	if err := demoRegister(t.Context(), srv, initialToken, &out); err != nil {
		t.Fatal(err)
	}
	rest := out.String()
	for _, step := range []string{
		"server: listens at " + srv.Issuer(),
		"app: discovery found " + srv.Issuer(),
		"app: POST " + srv.URL() + "/register: status 201",
		"app: is registered as the client ",
		"app: keeps the registration in memory",
		"browser: opens http://127.0.0.1:",
		"browser: the user logged in at the server",
		"app: POST " + srv.URL() + "/token: status 200",
		"app: alice is logged in",
		"app: GET " + srv.URL() + "/registration: status 200",
		`app: read that it is registered as "register-example" and authenticates by client_secret_basic`,
		"browser: the user logs out",
		"app: ended its session and sends the browser to end that at the server",
		"app: the server says that the session of alice ended",
		"app: the browser is back, with the state that it was sent with",
		"app: DELETE " + srv.URL() + "/registration: status 204",
		"app: ended its registration",
		"\n\nsub: alice\n",
	} {
		_, after, found := strings.Cut(rest, step)
		if !found {
			t.Fatalf("no %q, or not in its place:\n%s", step, out.String())
		}
		rest = after
	}
	if rest != "" {
		t.Errorf("more: %q", rest)
	}
	wantNoSecret(t, srv, out.String())
}

// wantNoSecret looks in text for what was secret between the server and others.
func wantNoSecret(t *testing.T, srv *oauthtest.Server, text string) {
	t.Helper()
	secrets := []string{}
	for _, r := range srv.Requests() {
		_, basic, _ := (&http.Request{Header: r.Header}).BasicAuth()
		bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		secrets = append(secrets, basic, bearer)
		for _, name := range []string{"state", "nonce", "code", "code_verifier", "id_token_hint"} {
			secrets = append(secrets, r.Query.Get(name), r.Form.Get(name))
		}
	}
	for _, l := range srv.BackchannelLogouts() {
		secrets = append(secrets, l.Token)
	}
	seen := 0
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		seen++
		if strings.Contains(text, secret) {
			t.Errorf("a secret of %d characters is in the output", len(secret))
		}
	}
	if seen == 0 {
		t.Error("there was no secret to look for")
	}
}

func TestRunWithoutArguments(t *testing.T) {
	var out syncBuffer
	start := time.Now()
	if err := run(t.Context(), nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), "\n\nsub: alice\n") {
		t.Errorf("output:\n%s", out.String())
	}
	t.Logf("took %v", time.Since(start))
}

// deleted counts the registrations that were ended.
func deleted(srv *oauthtest.Server) (n int) {
	for _, r := range srv.Requests() {
		if r.Method == http.MethodDelete {
			n++
		}
	}
	return n
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		fault   oauthtest.Fault
		kind    error
		deleted int // a client that was made and is not to be used is ended
	}{
		{oauthtest.DiscoveryWrongIssuer, oauth.ErrIssuer, 0},
		{oauthtest.RegistrationWithoutClientID, oauth.ErrResponse, 1},
		{oauthtest.RegistrationWithoutSecret, oauth.ErrResponse, 1},
		{oauthtest.RegistrationExpiredSecret, oauth.ErrResponse, 1},
		{oauthtest.RegistrationOtherRedirectURI, oauth.ErrResponse, 1},
		{oauthtest.RegistrationHTTPClientURI, oauth.ErrInsecureURL, 0},
		{oauthtest.TokenHTML, oauth.ErrResponse, 1},
		{oauthtest.TokenErrorWith200, oauth.ErrRefused, 1},
		{oauthtest.WrongNonce, oauth.ErrNonce, 1},
		{oauthtest.WrongAudience, oauth.ErrAudience, 1},
		{oauthtest.ErrorAndCode, oauth.ErrRefused, 1},
	} {
		srv := newServer("")
		srv.Fault(tt.fault)
		var out syncBuffer
		err := demoRegister(t.Context(), srv, "", &out)
		if !errors.Is(err, tt.kind) || strings.Contains(out.String(), "sub:") {
			t.Errorf("%s: %v\n%s", tt.fault, err, out.String())
		}
		if got := deleted(srv); got != tt.deleted {
			t.Errorf("%s: %d registrations ended, want %d", tt.fault, got, tt.deleted)
		}
		srv.Close()
	}
}

func TestMayNotRegister(t *testing.T) {
	srv := newServer(initialToken)
	defer srv.Close()
	err := demoRegister(t.Context(), srv, "another", new(syncBuffer))
	var refused *oauth.ResponseError
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusUnauthorized {
		t.Error(err)
	}
}

// A callback that fits no login of the browser ends nothing but this login.
func TestWrongState(t *testing.T) {
	srv := newServer("")
	defer srv.Close()
	srv.Fault(oauthtest.WrongState)
	err := demoRegister(t.Context(), srv, "", new(syncBuffer))
	if err == nil || !strings.Contains(err.Error(), "does not know this browser") || srv.Count("/token") != 0 || deleted(srv) != 1 {
		t.Errorf("%v, %d token requests, %d registrations ended", err, srv.Count("/token"), deleted(srv))
	}
}

func TestLogoutTokens(t *testing.T) {
	const heard, not = "the session of alice ended", "no good logout token came"
	for fault, want := range map[oauthtest.Fault]string{
		oauthtest.LogoutTypJWT:        heard,
		oauthtest.LogoutSidOnly:       heard,
		oauthtest.LogoutSubOnly:       not, // the client registers that it needs the sid
		oauthtest.LogoutWrongAudience: not,
		oauthtest.LogoutWithNonce:     not,
		oauthtest.LogoutExpired:       not,
	} {
		srv := newServer("")
		srv.Fault(fault)
		p, ln := newTestProgram(t, srv, "")
		p.patience = time.Millisecond
		u, err := newBrowser(srv, p.step)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.run(t.Context(), ln, u); err != nil {
			t.Errorf("%s: %v", fault, err)
		}
		if out := p.out.(*syncBuffer).String(); !strings.Contains(out, want) {
			t.Errorf("%s: no %q:\n%s", fault, want, out)
		}
		srv.Close()
	}
}

func newTestProgram(t *testing.T, srv *oauthtest.Server, file string) (*program, net.Listener) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return newProgram(settings{
		issuer:     srv.Issuer(),
		file:       file,
		origin:     "http://" + ln.Addr().String(),
		httpClient: srv.Client(),
		patience:   time.Minute,
	}, new(syncBuffer)), ln
}

func TestStore(t *testing.T) {
	srv := newServer("")
	defer srv.Close()
	p, _ := newTestProgram(t, srv, "")
	server, err := oauth.Discover(t.Context(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	reg, err := oauth.Register(t.Context(), server, p.metadata(server), p.opts)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "client.bin")
	for _, s := range []*store{{}, {file: file}} {
		if got, err := s.load(); got != nil || err != nil {
			t.Errorf("an empty store has %v, %v", got, err)
		}
		for range 2 {
			if err := s.save(reg); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.load()
		if err != nil || got.ClientSecret.Reveal() != reg.ClientSecret.Reveal() || got.Metadata.ClientID != reg.Metadata.ClientID {
			t.Errorf("%v, %v", got, err)
		}
		if s.file == "" {
			continue
		}
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := s.save(reg); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
			t.Errorf("left over: %v, %v", files, err)
		}
	}
	broken := &store{file: filepath.Join(dir, "broken")}
	if err := os.WriteFile(broken.file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := broken.load(); !errors.Is(err, oauth.ErrParse) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	s := &store{file: file}
	if err := s.clear(); err != nil {
		t.Error(err)
	}
	if got, err := s.load(); got != nil || err != nil {
		t.Errorf("after clear: %v, %v", got, err)
	}
}

// A registration that cannot be kept is ended at once.
func TestStoreFails(t *testing.T) {
	srv := newServer("")
	defer srv.Close()
	p, ln := newTestProgram(t, srv, filepath.Join(t.TempDir(), "no such directory", "client.bin"))
	if err := p.run(t.Context(), ln, person{io.Discard}); !errors.Is(err, os.ErrNotExist) || deleted(srv) != 1 {
		t.Errorf("%v, %d registrations ended", err, deleted(srv))
	}
}

// What a check failed in is kept for its token, unless it is another client's: ours
// would be lost, and the other one ended in its place.
func TestReadKeeps(t *testing.T) {
	const uri = "https://op.example/register/c1"
	for id, kept := range map[string]string{"c1": "rat-2", "c2": "rat-1"} {
		p := newProgram(settings{httpClient: &http.Client{Transport: answers(`{"client_id":"` + id + `","redirect_uris":1,"registration_access_token":"rat-2","registration_client_uri":"` + uri + `"}`)}}, io.Discard)
		reg := &oauth.Registration{Metadata: oauth.ClientMetadata{ClientID: "c1"}, RegistrationAccessToken: oauth.NewSecret("rat-1"), RegistrationClientURI: uri}
		if err := p.store.save(reg); err != nil {
			t.Fatal(err)
		}
		var failed *oauth.RegistrationError
		if err := p.read(t.Context()); !errors.As(err, &failed) {
			t.Fatalf("%s: %v", id, err)
		}
		got, err := p.store.load()
		if err != nil || got.Metadata.ClientID != "c1" || got.RegistrationAccessToken.Reveal() != kept {
			t.Errorf("%s: the store has %v with %s, %v", id, got, got.RegistrationAccessToken.Reveal(), err)
		}
	}
}

// answers is a server that has one answer.
type answers string

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(a))), Request: r}, nil
}

func TestStoreOutlivesRun(t *testing.T) {
	srv := newServer("")
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "client.bin")
	address := "127.0.0.1:0"
	again := func(faults ...oauthtest.Fault) (string, error) {
		srv.Fault(faults...)
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		address = ln.Addr().String()
		p, _ := newTestProgram(t, srv, file)
		p.origin = "http://" + address
		u, err := newBrowser(srv, p.step)
		if err != nil {
			t.Fatal(err)
		}
		defer u.app.CloseIdleConnections()
		err = p.run(t.Context(), ln, u)
		return p.out.(*syncBuffer).String(), err
	}
	if _, err := again(oauthtest.WrongNonce); !errors.Is(err, oauth.ErrNonce) {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil || deleted(srv) != 0 {
		t.Fatalf("%v, %d registrations ended", err, deleted(srv))
	}
	p, ln := newTestProgram(t, srv, file)
	if err := p.run(t.Context(), ln, person{io.Discard}); err == nil || !strings.Contains(err.Error(), "redirect URI") {
		t.Errorf("at another address: %v", err)
	}
	out, err := again()
	if err != nil || !strings.Contains(out, " of before\n") || !strings.HasSuffix(out, "\n\nsub: alice\n") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) || deleted(srv) != 1 || srv.Count("/register") != 1 {
		t.Errorf("%v, %d registered, %d ended", err, srv.Count("/register"), deleted(srv))
	}
}

// An edit changes an answer on its way, to what oauthtest does not say.
type edit struct {
	http.RoundTripper
	old, new string
}

func (e *edit) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := e.RoundTripper.RoundTrip(r)
	if err != nil || r.URL.Path != "/register" {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(e.old), []byte(e.new)))), -1
	return resp, err
}

// Servers need not have what comes after the login.
func TestServerWithoutEndpoints(t *testing.T) {
	srv := oauthtest.NewServer(&oauthtest.Options{
		SigningAlgs: []string{"ES256"},
		EditMetadata: func(m map[string]any) {
			delete(m, "end_session_endpoint")
			delete(m, "backchannel_logout_supported")
		},
	})
	defer srv.Close()
	p, ln := newTestProgram(t, srv, "")
	p.opts.HTTPClient = &http.Client{Transport: &edit{srv.Client().Transport, "registration_client_uri", "somewhere"}}
	u, err := newBrowser(srv, p.step)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.run(t.Context(), ln, u); err != nil {
		t.Error(err)
	}
	out := p.out.(*syncBuffer).String()
	for _, want := range []string{
		"does not let clients manage their registration", "no end_session_endpoint", "stays registered", "\n\nsub: alice\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q:\n%s", want, out)
		}
	}
}

// Without the logout token nobody waits for one.
func TestServerWithoutBackchannelLogout(t *testing.T) {
	srv := oauthtest.NewServer(&oauthtest.Options{
		SigningAlgs:  []string{"ES256"},
		EditMetadata: func(m map[string]any) { delete(m, "backchannel_logout_supported") },
	})
	defer srv.Close()
	p, ln := newTestProgram(t, srv, "")
	u, err := newBrowser(srv, p.step)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.run(t.Context(), ln, u); err != nil {
		t.Error(err)
	}
	if n := len(srv.BackchannelLogouts()); n != 0 {
		t.Errorf("%d logout tokens", n)
	}
}

// A site is the application, running, and the server that it uses.
type site struct {
	*app
	srv *oauthtest.Server
	log syncBuffer
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{srv: newServer("")}
	t.Cleanup(s.srv.Close)
	web := httptest.NewUnstartedServer(nil)
	origin := "http://" + web.Listener.Addr().String()
	secret := rand.Text()
	s.srv.AddClient(oauthtest.Client{
		ID: "app", Secret: secret,
		RedirectURIs:           []string{origin + callbackPath},
		PostLogoutRedirectURIs: []string{origin + loggedOutPath},
		BackchannelLogoutURI:   origin + logoutTokenPath,
	})
	server, err := oauth.Discover(t.Context(), s.srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: s.srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: "app"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: s.srv.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.app = newApp(client, origin, func(format string, args ...any) { fmt.Fprintf(&s.log, format+"\n", args...) })
	web.Config.Handler = s.app
	web.Start()
	t.Cleanup(web.Close)
	return s
}

func (s *site) browser(t *testing.T) *browser {
	t.Helper()
	b, err := newBrowser(s.srv, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.app.CloseIdleConnections)
	return b
}

// status sends a request to the application.
func status(t *testing.T, b *browser, method, target string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.app.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestOtherBrowser(t *testing.T) {
	s := newSite(t)
	user, other := s.browser(t), s.browser(t)
	toServer, err := user.open(t.Context(), http.MethodGet, s.origin+loginPath)
	if err != nil {
		t.Fatal(err)
	}
	callback, err := user.server.Authorize(t.Context(), toServer)
	if err != nil {
		t.Fatal(err)
	}
	target := callback.URL.String()
	if got := status(t, other, http.MethodGet, target); got != http.StatusForbidden || s.srv.Count("/token") != 0 {
		t.Errorf("callback of another browser: %d", got)
	}
	if got := status(t, user, http.MethodPost, s.origin+logoutPath); got != http.StatusForbidden {
		t.Errorf("logout before the login: %d", got)
	}
	before := s.session
	if got := status(t, user, http.MethodGet, target); got != http.StatusOK || s.session == before {
		t.Errorf("callback: %d, new session: %t", got, s.session != before)
	}
	if got := status(t, user, http.MethodGet, target); got != http.StatusForbidden || s.srv.Count("/token") != 1 {
		t.Errorf("callback again: %d, %d token requests", got, s.srv.Count("/token"))
	}
	if got := status(t, other, http.MethodPost, s.origin+logoutPath); got != http.StatusForbidden {
		t.Errorf("logout of another browser: %d", got)
	}
	if got := status(t, user, http.MethodGet, s.origin+logoutPath); got != http.StatusMethodNotAllowed {
		t.Errorf("logout by a link: %d", got)
	}
	for _, query := range []string{"", "?state=", "?state=x"} {
		if got := status(t, user, http.MethodGet, s.origin+loggedOutPath+query); got != http.StatusForbidden {
			t.Errorf("back from no logout with %q: %d", query, got)
		}
	}
	toServer, err = user.open(t.Context(), http.MethodPost, s.origin+logoutPath)
	if err != nil {
		t.Fatal(err)
	}
	if got := status(t, user, http.MethodPost, s.origin+logoutPath); got != http.StatusForbidden {
		t.Errorf("logout again: %d", got)
	}
	if got := status(t, user, http.MethodGet, s.origin+loggedOutPath+"?state=x"); got != http.StatusForbidden {
		t.Errorf("back with another state: %d", got)
	}
	u, err := url.Parse(toServer)
	if err != nil {
		t.Fatal(err)
	}
	back := s.origin + loggedOutPath + "?" + url.Values{"state": {u.Query().Get("state")}}.Encode()
	if got := status(t, user, http.MethodGet, back); got != http.StatusOK {
		t.Errorf("back: %d", got)
	}
	if got := status(t, user, http.MethodGet, back); got != http.StatusForbidden {
		t.Errorf("back again: %d", got)
	}
}

// The server ends sessions without the application too: this user's, or another's.
func TestOnLogout(t *testing.T) {
	s := newSite(t)
	s.srv.AddUser(oauthtest.User{Subject: "bob"})
	for name, tt := range map[string]struct {
		user   string
		fault  []oauthtest.Fault
		before bool // of a session before this one
		ended  bool
	}{
		"session":         {"alice", nil, false, true},
		"user":            {"alice", []oauthtest.Fault{oauthtest.LogoutSubOnly}, false, true},
		"another user":    {"bob", []oauthtest.Fault{oauthtest.LogoutSubOnly}, false, false},
		"another session": {"alice", nil, true, false},
	} {
		token := ""
		logout := func() {
			var err error
			s.srv.Fault(tt.fault...)
			defer s.srv.Fault()
			if token, err = s.srv.LogoutToken("app", tt.user); err != nil {
				t.Fatal(err)
			}
		}
		if tt.before {
			logout()
		}
		b := s.browser(t)
		if err := b.login(t.Context(), s.origin+loginPath); err != nil {
			t.Fatal(err)
		}
		if !tt.before {
			logout()
		}
		resp, err := http.PostForm(s.origin+logoutTokenPath, url.Values{"logout_token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
		if ended := status(t, b, http.MethodPost, s.origin+logoutPath) == http.StatusForbidden; ended != tt.ended {
			t.Errorf("%s: ended: %t", name, ended)
		}
	}
}

// An interrupt ends a registration that is in memory.
func TestInterrupt(t *testing.T) {
	srv := newServer("")
	defer srv.Close()
	p, ln := newTestProgram(t, srv, "")
	ctx, cancel := context.WithCancel(t.Context())
	step := p.step
	p.step = func(format string, args ...any) {
		step(format, args...)
		if strings.Contains(format, "is registered") {
			cancel()
		}
	}
	if err := p.run(ctx, ln, person{p.out}); !errors.Is(err, context.Canceled) || deleted(srv) != 1 {
		t.Errorf("%v, %d registrations ended", err, deleted(srv))
	}
}

// TestServer drives the program as a user would start it.
func TestServer(t *testing.T) {
	for name, plain := range map[string]bool{"https": false, "http, with a store": true} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OAUTH_INITIAL_ACCESS_TOKEN", initialToken)
			srv := oauthtest.NewServer(&oauthtest.Options{Plain: plain, SigningAlgs: []string{"ES256"}, InitialAccessToken: initialToken})
			defer srv.Close()
			args := []string{"-issuer", srv.Issuer(), "-listen", "127.0.0.1:0"}
			if plain {
				args = append(args, "-http", "-store", filepath.Join(t.TempDir(), "client.bin"))
			} else {
				args = append(args, "-ca", caFile(t, srv))
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, w := io.Pipe()
			done := make(chan error, 1)
			go func() {
				err := run(ctx, args, w, io.Discard)
				w.Close()
				done <- err
			}()
			b, err := newBrowser(srv, t.Logf)
			if err != nil {
				t.Fatal(err)
			}
			defer b.app.CloseIdleConnections()
			var acts sync.WaitGroup
			act := func(do func(context.Context, string) error, target string) {
				acts.Go(func() { // while the program prints
					if err := do(ctx, target); err != nil {
						t.Error(err)
						cancel()
					}
				})
			}
			loggedIn := make(chan struct{}) // the page with the button, and its cookie, are there
			login := func(ctx context.Context, target string) error {
				defer close(loggedIn)
				return b.login(ctx, target)
			}
			logout := func(ctx context.Context, target string) error {
				<-loggedIn
				return b.logout(ctx, target)
			}
			out, origin := "", ""
			for lines := bufio.NewScanner(r); lines.Scan(); {
				out += lines.Text() + "\n"
				if m := regexp.MustCompile(`^Open (http://\S+)/login to log in`).FindStringSubmatch(lines.Text()); m != nil {
					origin = m[1]
					act(login, origin+loginPath)
				} else if strings.HasPrefix(lines.Text(), "Press ") {
					act(logout, origin+logoutPath)
				}
			}
			acts.Wait()
			if err := <-done; err != nil || !strings.HasSuffix(out, "\n\nsub: alice\n") {
				t.Errorf("%v\n%s", err, out)
			}
			wantNoSecret(t, srv, out)
		})
	}
}

func TestFlags(t *testing.T) {
	t.Setenv("OAUTH_INITIAL_ACCESS_TOKEN", initialToken)
	named := []string{"-issuer", "https://127.0.0.1:1", "-listen", "127.0.0.1:0"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no issuer":      {[]string{"-http"}, "required"},
		"argument":       {append(named, "more"), "unexpected argument"},
		"origin":         {append(named, "-origin", "https://app.example.com/"), "-origin"},
		"origin scheme":  {append(named, "-origin", "app.example.com"), "-origin"},
		"no CA":          {append(named, "-ca", "no-such-file"), "no-such-file"},
		"CA is no PEM":   {append(named, "-ca", "main_test.go"), "no certificate"},
		"address":        {append(named, "-listen", "nowhere"), "nowhere"},
		"http issuer":    {append(named, "-issuer", "http://127.0.0.1:1"), "use https"},
		"nobody listens": {named, "refused"},
	} {
		if err := run(t.Context(), tt.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var usage bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, io.Discard, &usage); err == nil || strings.Contains(usage.String(), initialToken) {
		t.Errorf("-h: %v\n%s", err, usage.String())
	}
}

func TestOrigin(t *testing.T) {
	actual := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}
	for listen, want := range map[string]string{
		"127.0.0.1:0":    "http://127.0.0.1:4711",
		"localhost:4711": "http://localhost:4711",
		":4711":          "http://localhost:4711",
	} {
		if got := origin(listen, actual); got != want {
			t.Errorf("%s: %s, want %s", listen, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got := printable("a\x1b[31m\nü"); got != "a�[31m�ü" {
		t.Errorf("%q", got)
	}
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
	name := filepath.Join(t.TempDir(), "ca.pem")
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw})
	if err := os.WriteFile(name, root, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A syncBuffer is written by several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
