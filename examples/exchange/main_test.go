package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const testSecret = "a secret that only the two know"

func TestDemo(t *testing.T) {
	srv := newServer()
	defer srv.Close()
	var out bytes.Buffer
	if err := demoExchange(t.Context(), srv, &out); err != nil {
		t.Fatal(err)
	}
	rest := out.String()
	for _, step := range []string{
		"server: listens at " + srv.Issuer(),
		"api: discovery found " + srv.Issuer(),
		"front: alice logged in, and granted [openid orders stock] at http://127.0.0.1:",
		"api: POST " + srv.URL() + "/introspect: status 200",
		"api: the token is that of alice, who uses front",
		"api: POST " + srv.URL() + "/token: status 200",
		"api: exchanged it for a urn:ietf:params:oauth:token-type:access_token of type Bearer with the scope stock",
		"api: GET " + srv.URL() + "/resource: status 200",
		": status 200",
		"front: alice logged in, and granted [openid orders] at http://127.0.0.1:",
		"api: POST " + srv.URL() + "/introspect: status 200",
		"api: POST " + srv.URL() + "/token: status 400",
		"api: refused the call: ", `"invalid_scope"`,
		": status 403",
		"front: has revoked the first token",
		"api: POST " + srv.URL() + "/introspect: status 200",
		"api: refused the call: ", "not active",
		": status 401",
		"\n\nsub: alice\n", "client_id: api\nscope: stock\n",
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

// wantNoSecret looks in text for what was secret in the requests to the server.
func wantNoSecret(t *testing.T, srv *oauthtest.Server, text string) {
	t.Helper()
	seen := 0
	for _, r := range srv.Requests() {
		_, basic, _ := (&http.Request{Header: r.Header}).BasicAuth()
		bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		secrets := []string{basic, bearer}
		for _, name := range []string{"token", "subject_token", "state", "nonce", "code", "code_verifier"} {
			secrets = append(secrets, r.Query.Get(name), r.Form.Get(name))
		}
		for _, secret := range secrets {
			if secret == "" {
				continue
			}
			seen++
			if strings.Contains(text, secret) {
				t.Errorf("a secret of %s %s is in the output", r.Method, r.Path)
			}
		}
	}
	if seen == 0 {
		t.Error("there was no secret to look for")
	}
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

func TestDemoFaults(t *testing.T) {
	for fault, kind := range map[oauthtest.Fault]error{
		oauthtest.DiscoveryWrongIssuer: oauth.ErrIssuer,
		oauthtest.WrongNonce:           oauth.ErrNonce,
		oauthtest.RevocationFails:      oauth.ErrRefused,
	} {
		srv := newServer()
		srv.Fault(fault)
		var out bytes.Buffer
		if err := demoExchange(t.Context(), srv, &out); !errors.Is(err, kind) || strings.Contains(out.String(), "sub:") {
			t.Errorf("%s: %v\n%s", fault, err, out.String())
		}
		srv.Close()
	}
}

const identifier = "https://orders.example.com"

// A site is the API, the server that it uses, and an application that calls it.
type site struct {
	*api
	front *front
	srv   *oauthtest.Server
	log   syncBuffer
}

func newSite(t *testing.T, edit func(*settings)) *site {
	t.Helper()
	s := &site{srv: newServer()}
	t.Cleanup(s.srv.Close)
	set := demoSettings(s.srv, identifier)
	if edit != nil {
		edit(&set)
	}
	var err error
	if s.api, err = newAPI(t.Context(), set, s.log.printf); err != nil {
		t.Fatal(err)
	}
	if s.front, err = newFront(t.Context(), s.srv, identifier, s.log.printf); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) login(t *testing.T, scope ...string) string {
	t.Helper()
	token, err := s.front.login(t.Context(), s.srv, scope...)
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken.Reveal()
}

// ask calls the API. An empty challenge: there is none.
func (s *site) ask(t *testing.T, authorization ...string) (status int, challenge string, err error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	body, err := s.answer(r)
	if err == nil && !bytes.Contains(body, []byte(`"sub":"alice"`)) {
		t.Errorf("the API said %s", body)
	}
	return w.Code, w.Header().Get("WWW-Authenticate"), err
}

func TestCredentials(t *testing.T) {
	s := newSite(t, nil)
	token := s.login(t, "openid", "stock")
	bearer := func(token string) []string { return []string{"Bearer " + token} }
	audience := s.front.api
	s.front.api = "https://bills.example.com"
	elsewhere := s.login(t, "openid", "stock")
	s.front.api = audience
	for name, tt := range map[string]struct {
		header    []string
		status    int
		challenge string
		kind      error
	}{
		"good":              {bearer(token), 200, "", nil},
		"scheme":            {[]string{"bearer " + token}, 200, "", nil},
		"none":              {nil, 401, "Bearer", oauth.ErrNoCredentials},
		"two":               {[]string{"Bearer " + token, "Bearer " + token}, 401, "Bearer", oauth.ErrNoCredentials},
		"another scheme":    {[]string{"Basic " + token}, 401, "Bearer", oauth.ErrNoCredentials},
		"empty":             {bearer(""), 401, "Bearer", oauth.ErrNoCredentials},
		"unknown":           {bearer("an-unknown-token"), 401, `Bearer error="invalid_token"`, oauth.ErrInactive},
		"for another API":   {bearer(elsewhere), 401, `Bearer error="invalid_token"`, oauth.ErrAudience},
		"without the scope": {bearer(s.login(t, "openid")), 403, `Bearer error="insufficient_scope"`, oauth.ErrRefused},
	} {
		before := s.srv.Count("/resource")
		status, challenge, err := s.ask(t, tt.header...)
		if status != tt.status || challenge != tt.challenge || !errors.Is(err, tt.kind) {
			t.Errorf("%s: %d %q %v", name, status, challenge, err)
		}
		if called := s.srv.Count("/resource") > before; called != (status == 200) {
			t.Errorf("%s: the other API was called: %t", name, called)
		}
	}
	wantNoSecret(t, s.srv, s.log.String())
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		fault  oauthtest.Fault
		status int
		kind   error
	}{
		{oauthtest.IntrospectionHTML, 502, oauth.ErrResponse},
		{oauthtest.IntrospectionMissingActive, 502, oauth.ErrResponse},
		{oauthtest.IntrospectionActiveString, 502, oauth.ErrResponse},
		{oauthtest.TokenHTML, 502, oauth.ErrResponse},
		{oauthtest.TokenRedirect, 502, oauth.ErrRefused},
		{oauthtest.EmptyAccessToken, 502, oauth.ErrResponse},
		{oauthtest.WrongTokenType, 502, oauth.ErrTokenType},
	} {
		s := newSite(t, nil)
		token := s.login(t, "openid", "stock")
		s.srv.Fault(tt.fault)
		status, challenge, err := s.ask(t, "Bearer "+token)
		if status != tt.status || challenge != "" || !errors.Is(err, tt.kind) {
			t.Errorf("%s: %d %q %v", tt.fault, status, challenge, err)
		}
		if s.srv.Count("/resource") != 0 {
			t.Errorf("%s: the other API is called", tt.fault)
		}
	}
}

// An edit changes an answer on its way, to what oauthtest does not say.
type edit struct {
	http.RoundTripper
	path, old, new string
}

func (e *edit) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := e.RoundTripper.RoundTrip(r)
	if err != nil || r.URL.Path != e.path {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	changed := bytes.Replace(body, []byte(e.old), []byte(e.new), 1)
	if bytes.Equal(changed, body) {
		return nil, fmt.Errorf("%s does not say %s", e.path, e.old)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(changed)), -1
	resp.Header.Del("Content-Length")
	return resp, err
}

func TestUnfitTokens(t *testing.T) {
	for name, tt := range map[string]struct {
		edit
		status int
	}{
		"not an access token": {edit{path: "/token", old: "token-type:access_token", new: "token-type:jwt"}, 502},
		"not to be presented": {edit{path: "/token", old: `"Bearer"`, new: `"N_A"`}, 502},
		"bound to a key":      {edit{path: "/introspect", old: "{", new: `{"cnf":{"jkt":"x"},`}, 401},
		"bound to a cert":     {edit{path: "/introspect", old: "{", new: `{"cnf":{"x5t#S256":"x"},`}, 401},
	} {
		s := newSite(t, func(set *settings) {
			tt.RoundTripper = set.httpClient.Transport
			set.httpClient = &http.Client{Transport: &tt.edit}
		})
		status, _, err := s.ask(t, "Bearer "+s.login(t, "openid", "stock"))
		if status != tt.status || !errors.Is(err, oauth.ErrTokenType) || s.srv.Count("/resource") != 0 {
			t.Errorf("%s: %d %v", name, status, err)
		}
	}
}

func TestOtherAPI(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect is followed, with %d credentials", len(r.Header["Authorization"]))
	}))
	defer elsewhere.Close()
	for name, handler := range map[string]http.Handler{
		"redirects": http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect),
		"refuses": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
		}),
	} {
		calls := 0
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			handler.ServeHTTP(w, r)
		}))
		s := newSite(t, func(set *settings) { set.other, set.allowHTTP = other.URL, true })
		if status, _, err := s.ask(t, "Bearer "+s.login(t, "openid", "stock")); status != http.StatusBadGateway || err == nil || calls == 0 {
			t.Errorf("%s: %d %v after %d calls", name, status, err, calls)
		}
		other.Close()
	}
}

// TestServer drives the program as a user would start it.
func TestServer(t *testing.T) {
	for name, plain := range map[string]bool{"https": false, "http": true} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OAUTH_CLIENT_SECRET", testSecret)
			srv := oauthtest.NewServer(&oauthtest.Options{Plain: plain, SigningAlgs: []string{"ES256"}})
			defer srv.Close()
			srv.AddClient(oauthtest.Client{ID: "api", Secret: testSecret})
			srv.AddClient(oauthtest.Client{ID: "front", RedirectURIs: []string{redirectURI}})
			args := []string{"-issuer", srv.Issuer(), "-client-id", "api", "-listen", "127.0.0.1:0", "-api", srv.URL() + "/resource",
				"-audience", "one", "-audience", "two", "-resource", srv.URL() + "/resource", "-scope", "stock"}
			if plain {
				args = append(args, "-http", "-identifier", identifier)
			} else {
				args = append(args, "-ca", caFile(t, srv))
			}
			p := start(t, args)
			if plain != (p.audience == identifier) {
				t.Errorf("tokens for %s", p.audience)
			}
			f := frontOf(t, srv, p.audience, plain)
			token, err := f.login(t.Context(), srv, "openid", "stock")
			if err != nil {
				t.Fatal(err)
			}
			f.api = p.origin
			said, err := f.call(t.Context(), token, http.StatusOK)
			if err != nil || said["sub"] != "alice" || said["scope"] != "stock" {
				t.Errorf("%v, %v", said, err)
			}
			if err := p.stop(); err != nil {
				t.Errorf("stopped with %v", err)
			}
			wantNoSecret(t, srv, p.out.String())
			for _, r := range srv.Requests() {
				if r.Form.Has("subject_token") && !slices.Equal(r.Form["audience"], []string{"one", "two"}) {
					t.Errorf("asked for the audience %q", r.Form["audience"])
				}
			}
		})
	}
}

func frontOf(t *testing.T, srv *oauthtest.Server, api string, plain bool) *front {
	t.Helper()
	server, err := oauth.Discover(t.Context(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client(), InsecureAllowHTTP: plain})
	if err != nil {
		t.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:            server,
		Metadata:          oauth.ClientMetadata{ClientID: "front"},
		Auth:              oauth.PublicClient(),
		HTTPClient:        srv.Client(),
		InsecureAllowHTTP: true, // the API listens on loopback
	})
	if err != nil {
		t.Fatal(err)
	}
	return &front{client, api, t.Logf}
}

func TestFlags(t *testing.T) {
	t.Setenv("OAUTH_CLIENT_SECRET", testSecret)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // if it serves after all
	defer cancel()
	named := []string{"-issuer", "https://127.0.0.1:1", "-client-id", "api", "-api", "https://127.0.0.1:1/items", "-listen", "127.0.0.1:0"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no client":      {[]string{"-issuer", "https://127.0.0.1:1"}, "required"},
		"argument":       {append(named, "more"), "unexpected argument"},
		"http API":       {append(named, "-api", "http://127.0.0.1:1"), "-api"},
		"API":            {append(named, "-http", "-api", "items"), "-api"},
		"no CA":          {append(named, "-ca", "no-such-file"), "no-such-file"},
		"CA is no PEM":   {append(named, "-ca", "main_test.go"), "no certificate"},
		"address":        {append(named, "-listen", "nowhere"), "nowhere"},
		"http issuer":    {append(named, "-issuer", "http://127.0.0.1:1"), "use https"},
		"nobody listens": {named, "refused"},
	} {
		if err := run(ctx, tt.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var usage bytes.Buffer
	if err := run(ctx, []string{"-h"}, io.Discard, &usage); err == nil || strings.Contains(usage.String(), testSecret) {
		t.Errorf("-h: %v\n%s", err, usage.String())
	}
	t.Setenv("OAUTH_CLIENT_SECRET", "")
	if err := run(ctx, named, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "secret is required") {
		t.Errorf("no secret: %v", err)
	}
}

func TestPrintable(t *testing.T) {
	if got := printable("a\x1b[31m\nü"); got != "a�[31m�ü" {
		t.Errorf("%q", got)
	}
}

// A program is run in the background.
type program struct {
	origin, audience string
	out              syncBuffer
	stop             func() error
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
		if m := regexp.MustCompile(`listens at (http://\S+) for tokens with the audience (\S+)\. `).FindStringSubmatch(lines.Text()); m != nil {
			p.origin, p.audience = m[1], m[2]
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
	name := filepath.Join(t.TempDir(), "ca.pem")
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw})
	if err := os.WriteFile(name, root, 0o600); err != nil {
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
	fmt.Fprintf(&b.b, format+"\n", args...)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
