package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// fakeBrowser, set, makes the test a browser: see TestOpenBrowser.
const fakeBrowser = "CLI_TEST_FAKE_BROWSER"

func TestMain(m *testing.M) {
	if os.Getenv(fakeBrowser) != "" {
		resp, err := http.Get(os.Args[len(os.Args)-1]) // follows redirects, back to the program
		if err != nil || resp.StatusCode != http.StatusOK {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestDemo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		device bool
		steps  []string
	}{
		{"browser", false, []string{
			"---- the first run\n",
			"app: discovery found $ISSUER\n",
			"app: waits at http://127.0.0.1:",
			"To log in, open $ISSUER/authorize?",
			"browser: is at the server, which shows its login page; the user logs in\n",
			"browser: is sent back to http://127.0.0.1:",
			"app: POST $ISSUER/token: status 200\n",
			`browser: shows "You are logged in"`,
			"app: stored the token in ",
			"\n\nsub: \"alice\"\n",
			"\n---- the next time\n",
			"app: POST $ISSUER/token: status 200\n",
			"app: renewed the stored token\n",
			"app: stored the token in ",
			"\n\nsub: \"alice\"\n",
		}},
		{"device", true, []string{
			"---- the first run\n",
			"app: POST $ISSUER/device_authorization: status 200\n",
			"To log in, open $ISSUER/device on any device and enter ",
			"or open $ISSUER/device?user_code=",
			"app: waits until ",
			"phone: opens $ISSUER/device; the user enters ",
			"app: POST $ISSUER/token: status 200\n",
			"app: stored the token in ",
			"\n\nsub: \"alice\"\n",
			"\n---- the next time\n",
			"app: renewed the stored token\n",
			"\n\nsub: \"alice\"\n",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := newServer()
			defer srv.Close()
			secrets := recordSecrets(srv)
			var out syncBuffer
			if err := demoRuns(t.Context(), srv, tt.device, &out); err != nil {
				t.Fatal(err)
			}
			wantSteps(t, srv, out.String(), tt.steps)
			secrets.wantNone(t, srv, out.String(), 5)
			if strings.Count(out.String(), "To log in") != 1 {
				t.Errorf("not one login:\n%s", out.String())
			}
			dir := regexp.MustCompile(`stored the token in (.*)/token`).FindStringSubmatch(out.String())[1]
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left behind: %v", dir, err)
			}
		})
	}
}

// wantSteps looks for what is printed in the order of the list.
func wantSteps(t *testing.T, srv *oauthtest.Server, printed string, steps []string) {
	t.Helper()
	rest := printed
	for _, step := range steps {
		_, after, found := strings.Cut(rest, strings.ReplaceAll(step, "$ISSUER", srv.Issuer()))
		if !found {
			t.Fatalf("no %q, or not in its place:\n%s", step, printed)
		}
		rest = after
	}
}

// A recorder keeps what was secret in the answers to the program.
type recorder struct {
	*http.Transport
	mu      sync.Mutex
	secrets []string
}

func recordSecrets(srv *oauthtest.Server) *recorder {
	rec := &recorder{Transport: srv.Client().Transport.(*http.Transport)}
	srv.Client().Transport = rec
	return rec
}

func (rec *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := rec.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var answer map[string]any
	json.Unmarshal(body, &answer)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, name := range []string{"access_token", "refresh_token", "id_token", "device_code"} {
		if s, ok := answer[name].(string); ok {
			rec.secrets = append(rec.secrets, s)
		}
	}
	return resp, err
}

// wantNone wants no secret in what was printed, and to have seen so many. What
// stands in the URL that the user opens is none.
func (rec *recorder) wantNone(t *testing.T, srv *oauthtest.Server, printed string, atLeast int) {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, r := range srv.Requests() {
		for _, name := range []string{"code", "code_verifier", "refresh_token", "device_code"} {
			if s := r.Form.Get(name); s != "" {
				rec.secrets = append(rec.secrets, s)
			}
		}
	}
	if len(rec.secrets) < atLeast {
		t.Errorf("%d secrets were seen, want at least %d", len(rec.secrets), atLeast)
	}
	for _, s := range rec.secrets {
		if strings.Contains(printed, s) {
			t.Errorf("the output has the secret %s:\n%s", s, printed)
		}
	}
}

// A server that does something wrong ends the program, and nothing is stored.
func TestMisbehavingServer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault  oauthtest.Fault
		device bool
		kind   error
		want   string
	}{
		{oauthtest.WrongState, false, oauth.ErrState, "state"},
		{oauthtest.MissingState, false, oauth.ErrState, "state"},
		{oauthtest.WrongIss, false, oauth.ErrIssuer, "iss"},
		{oauthtest.MixUp, false, oauth.ErrIssuer, "iss"},
		{oauthtest.MissingCode, false, oauth.ErrClaim, "code: is missing"},
		{oauthtest.DuplicateCode, false, oauth.ErrParse, "code"},
		{oauthtest.WrongNonce, false, oauth.ErrNonce, "nonce"},
		{oauthtest.WrongSignature, false, oauth.ErrSignature, "signature"},
		{oauthtest.TokenHTML, false, oauth.ErrResponse, "token"},
		{oauthtest.PollDenied, true, oauth.ErrRefused, "access_denied"},
		{oauthtest.PollExpired, true, oauth.ErrExpired, "expired_token"},
		{oauthtest.ScriptVerificationURI, true, oauth.ErrResponse, "verification_uri: is not an http or https URL"},
		{oauthtest.ScriptVerificationURIComplete, true, oauth.ErrResponse, "verification_uri_complete: is not an http or https URL"},
		{oauthtest.ControlCharacterInUserCode, true, oauth.ErrResponse, "user_code: has control characters"},
		{oauthtest.HugeInterval, true, oauth.ErrResponse, "interval"},
		{oauthtest.WrongAudience, true, oauth.ErrAudience, "aud"},
		{oauthtest.DiscoveryWrongIssuer, false, oauth.ErrIssuer, "issuer"},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			t.Parallel()
			c := newCase(t, tt.device)
			c.srv.Fault(tt.fault)
			err := c.run(t, c.srv.NewBrowser())
			if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want kind %v with %q", err, tt.kind, tt.want)
			}
			for _, bad := range []string{"sub:", "You are logged in", "javascript:", "\x1b"} {
				if strings.Contains(c.out.String(), bad) {
					t.Errorf("the output has %q:\n%s", bad, c.out.String())
				}
			}
			if _, err := os.Stat(c.store); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("stored: %v", err)
			}
		})
	}
}

// A testCase is a program as demoRun makes it, with a store that stays.
type testCase struct {
	settings
	srv *oauthtest.Server
	out syncBuffer
}

func newCase(t *testing.T, device bool) *testCase {
	c := &testCase{srv: newServer()}
	t.Cleanup(c.srv.Close)
	c.settings = settings{
		issuer:     c.srv.Issuer(),
		clientID:   "tool",
		store:      filepath.Join(t.TempDir(), "token"),
		device:     device,
		timeout:    time.Minute,
		httpClient: c.srv.Client(),
	}
	c.srv.AddClient(oauthtest.Client{ID: c.clientID, RedirectURIs: []string{"http://127.0.0.1/callback"}})
	return c
}

func (c *testCase) run(t *testing.T, b *oauthtest.Browser) error {
	t.Helper()
	return demoRun(t.Context(), b, c.settings, &c.out)
}

// mustRun runs the program and reports whether the user had to log in.
func (c *testCase) mustRun(t *testing.T) (loggedIn bool) {
	t.Helper()
	before := len(c.out.String())
	if err := c.run(t, c.srv.NewBrowser()); err != nil {
		t.Fatal(err)
	}
	printed := c.out.String()[before:]
	if !strings.HasSuffix(printed, "\nsub: \"alice\"\n") {
		t.Errorf("output:\n%s", printed)
	}
	return strings.Contains(printed, "To log in")
}

func TestDenial(t *testing.T) {
	t.Parallel()
	for _, device := range []bool{false, true} {
		t.Run(fmt.Sprint("device ", device), func(t *testing.T) {
			t.Parallel()
			c := newCase(t, device)
			b := c.srv.NewBrowser()
			b.User = "deny"
			if err := c.run(t, b); !errors.Is(err, oauth.ErrRefused) || !strings.Contains(err.Error(), "access_denied") {
				t.Error(err)
			}
		})
	}
}

// program makes the program of c, for a test that plays the user itself.
func (c *testCase) program(t *testing.T) *program {
	t.Helper()
	p, err := newProgram(t.Context(), c.settings, &c.out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// One answer is taken, and that at the redirect URI alone.
func TestOneAnswer(t *testing.T) {
	t.Parallel()
	c := newCase(t, false)
	p := c.program(t)
	var answers []string
	send := func(req *http.Request) {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, _ := io.ReadAll(resp.Body)
		answers = append(answers, fmt.Sprint(resp.StatusCode, " ", strings.Contains(string(page), "<title>You are logged in<")))
		if resp.StatusCode != http.StatusNotFound && (resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Referrer-Policy") != "no-referrer") {
			t.Errorf("header %v", resp.Header)
		}
	}
	var callback *http.Request
	p.browse = func(ctx context.Context, url string) (err error) {
		if callback, err = c.srv.Authorize(ctx, url); err != nil {
			return err
		}
		for _, path := range []string{"/favicon.ico", "/callback", "/callback"} {
			req := callback.Clone(ctx)
			req.URL.Path = path
			send(req)
		}
		return nil
	}
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(answers), "[404 false 200 true 410 false]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if n := c.srv.Count("/token"); n != 1 {
		t.Errorf("%d token requests", n)
	}
	if resp, err := http.DefaultClient.Do(callback.Clone(t.Context())); err == nil {
		resp.Body.Close()
		t.Error("the program still listens after the login")
	}
}

// An answer that nobody asked for ends the login: there is no second try.
func TestForgedAnswer(t *testing.T) {
	t.Parallel()
	c := newCase(t, false)
	p := c.program(t)
	p.browse = func(ctx context.Context, location string) error {
		callback, err := c.srv.Authorize(ctx, location)
		if err != nil {
			return err
		}
		forged := callback.Clone(ctx)
		forged.URL.RawQuery = url.Values{"code": {"x"}, "state": {"y"}, "iss": {c.issuer}}.Encode()
		for _, want := range []struct {
			req    *http.Request
			status int
		}{{forged, http.StatusBadRequest}, {callback, http.StatusGone}} {
			resp, err := http.DefaultClient.Do(want.req)
			if err != nil {
				return err
			}
			resp.Body.Close()
			if resp.StatusCode != want.status {
				t.Errorf("status %d, want %d", resp.StatusCode, want.status)
			}
		}
		return nil
	}
	if err := p.run(t.Context()); !errors.Is(err, oauth.ErrState) || c.srv.Count("/token") != 0 {
		t.Error(err)
	}
}

func TestNobodyLogsIn(t *testing.T) {
	t.Parallel()
	c := newCase(t, false)
	c.timeout = time.Millisecond
	if err := c.program(t).run(t.Context()); err == nil || err.Error() != "nobody logged in within 1ms" {
		t.Error(err)
	}
}

// Ctrl-C is the end of the context.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, device := range []bool{false, true} {
		c := newCase(t, device)
		p := c.program(t)
		ctx, cancel := context.WithCancel(t.Context())
		p.browse = func(context.Context, string) error { cancel(); return nil }
		p.enter = func(context.Context, string, string) error { cancel(); return nil }
		if err := p.run(ctx); !errors.Is(err, context.Canceled) || c.srv.Count("/token") != 0 {
			t.Errorf("device %t: %v", device, err)
		}
	}

	// What has begun with a refresh token is brought to its end.
	c := newCase(t, false)
	c.mustRun(t)
	before, err := os.ReadFile(c.store)
	if err != nil {
		t.Fatal(err)
	}
	p := c.program(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.run(ctx); err != nil {
		t.Error(err)
	}
	if after, err := os.ReadFile(c.store); err != nil || bytes.Equal(before, after) {
		t.Errorf("the new token is not stored: %v", err)
	}
}

func TestFlags(t *testing.T) {
	named := []string{"-issuer", "https://127.0.0.1:1", "-client-id", "tool", "-no-browser", "-timeout", "10s"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no client":      {[]string{"-issuer", "https://127.0.0.1:1"}, "-client-id is required"},
		"no issuer":      {[]string{"-client-id", "tool"}, "-client-id is for the server of -issuer"},
		"store, demo":    {[]string{"-device", "-store", "x"}, "-store is for the server of -issuer"},
		"argument":       {append(named, "more"), "unexpected argument"},
		"no CA":          {append(named, "-ca", "no-such-file"), "no-such-file"},
		"CA is no PEM":   {append(named, "-ca", "main_test.go"), "no certificate"},
		"http issuer":    {append(named, "-issuer", "http://127.0.0.1:1"), "use https"},
		"nobody listens": {named, "refused"},
	} {
		if err := run(t.Context(), tt.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunWithoutIssuer(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"-device"}} {
		var out syncBuffer
		start := time.Now()
		if err := run(t.Context(), args, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "\n\nsub: \"alice\"\n") || strings.Contains(out.String(), "user_code=") != (args != nil) {
			t.Errorf("%v:\n%s", args, out.String())
		}
		t.Logf("%v took %v", args, time.Since(start))
	}
}

// TestServer drives the program as a user would start it.
func TestServer(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		srv := oauthtest.NewServer(&oauthtest.Options{Plain: plain, SigningAlgs: []string{"ES256"}})
		defer srv.Close()
		srv.AddClient(oauthtest.Client{ID: "tool", RedirectURIs: []string{"http://127.0.0.1/callback"}})
		store := filepath.Join(t.TempDir(), "token")
		args := []string{"-issuer", srv.Issuer(), "-client-id", "tool", "-no-browser", "-store", store, "-http"}
		if !plain {
			args = append(args[:len(args)-1], "-ca", caFile(t, srv))
		}
		for _, login := range []bool{true, false} {
			out, w := io.Pipe()
			done := make(chan error, 1)
			go func() {
				done <- run(t.Context(), args, w, io.Discard)
				w.Close()
			}()
			printed := follow(t, srv, out)
			if err := <-done; err != nil {
				t.Fatalf("%v\n%s", err, printed)
			}
			if !strings.HasSuffix(printed, "\nsub: \"alice\"\n") || strings.Contains(printed, "To log in") != login {
				t.Errorf("login %t:\n%s", login, printed)
			}
		}
	}
}

// follow is a user who opens the URL that is printed.
func follow(t *testing.T, srv *oauthtest.Server, out io.Reader) (printed string) {
	t.Helper()
	var all bytes.Buffer
	for buf := make([]byte, 4096); ; {
		n, err := out.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			return all.String()
		}
		if m := regexp.MustCompile(`(?m)^To log in, open (\S+)$`).FindSubmatch(buf[:n]); m != nil {
			callback, err := srv.Authorize(t.Context(), string(m[1]))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				if resp, err := http.DefaultClient.Do(callback); err == nil {
					resp.Body.Close()
				}
			}()
		}
	}
}

// The browser that is opened is this test, which follows the redirects.
func TestOpenBrowser(t *testing.T) {
	if browserCommands[runtime.GOOS] != nil {
		t.Skip("the command of this system is not looked for in PATH alone")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "xdg-open")); err != nil {
		t.Fatal(err)
	}
	t.Setenv(fakeBrowser, "1")
	srv := oauthtest.NewServer(&oauthtest.Options{Plain: true, SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{ID: "tool", RedirectURIs: []string{"http://127.0.0.1/callback"}})
	for name, tt := range map[string]struct {
		path, flag string
		opened     bool
		failed     bool
	}{
		"there":      {dir, "-timeout=1m", true, false},
		"not there":  {t.TempDir(), "-timeout=1ms", false, true},
		"not wanted": {t.TempDir(), "-no-browser", false, false},
	} {
		t.Setenv("PATH", tt.path)
		var out syncBuffer
		err := run(t.Context(), []string{"-issuer", srv.Issuer(), "-client-id", "tool", "-http", "-timeout", "1ms", tt.flag}, &out, io.Discard)
		opened, failed := strings.HasSuffix(out.String(), "\nsub: \"alice\"\n"), strings.Contains(out.String(), "app: no browser can be opened: ")
		if (err == nil) != tt.opened || opened != tt.opened || failed != tt.failed {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
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
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw})
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A syncBuffer is written by several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
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
