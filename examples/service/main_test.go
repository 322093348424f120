package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const testSecret = "a secret that only the two know"

func TestDemo(t *testing.T) {
	c := &clock{now: time.Now()}
	srv := newServer(c)
	defer srv.Close()
	var out bytes.Buffer
	if err := demoService(t.Context(), srv, c, &out); err != nil {
		t.Fatal(err)
	}
	rest := out.String()
	for _, step := range []string{
		"server: listens at " + srv.Issuer() + " and knows the client service-example by its ES256 key\n",
		"service: discovery found " + srv.Issuer() + "\n",
		"service: has a token for 10m0s\n", // a hook of the renewal runs when the token is stored
		"service: POST " + srv.URL() + "/token: status 200\n",
		"service: GET " + srv.URL() + "/resource: status 200\n",
		"clock: 9m0s later\n",
		"service: GET " + srv.URL() + "/resource: status 200\n",
		"clock: 30.5s later\n",
		"service: has a token for 10m0s\n", // a hook of the renewal runs when the token is stored
		"service: POST " + srv.URL() + "/token: status 200\n",
		"service: GET " + srv.URL() + "/resource: status 200\n",
		"service: POST " + srv.URL() + "/introspect: status 200\n",
		"service: the server says that the token is active\n",
		"service: POST " + srv.URL() + "/revoke: status 200\n",
		"service: has revoked the token\n",
		"\nsub: service-example\nclient_id: service-example\nscope: orders\n",
	} {
		after, found := strings.CutPrefix(rest, step)
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
		for _, secret := range []string{basic, bearer, r.Form.Get("token"), r.Form.Get("client_assertion")} {
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
	if !strings.Contains(out.String(), "\n\nsub: service-example\n") {
		t.Errorf("output:\n%s", out.String())
	}
	t.Logf("took %v", time.Since(start))
}

func TestFaults(t *testing.T) {
	for fault, kind := range map[oauthtest.Fault]error{
		oauthtest.DiscoveryWrongIssuer:       oauth.ErrIssuer,
		oauthtest.TokenHTML:                  oauth.ErrResponse,
		oauthtest.TokenErrorWith200:          oauth.ErrRefused,
		oauthtest.WrongTokenType:             oauth.ErrTokenType,
		oauthtest.EmptyAccessToken:           oauth.ErrResponse,
		oauthtest.NegativeExpiresIn:          oauth.ErrResponse,
		oauthtest.IntrospectionMissingActive: oauth.ErrResponse,
		oauthtest.IntrospectionHTML:          oauth.ErrResponse,
		oauthtest.RevocationFails:            oauth.ErrRefused,
	} {
		c := &clock{now: time.Now()}
		srv := newServer(c)
		srv.Fault(fault)
		var out bytes.Buffer
		err := demoService(t.Context(), srv, c, &out)
		if !errors.Is(err, kind) || strings.Contains(out.String(), "sub:") {
			t.Errorf("%s: %v\n%s", fault, err, out.String())
		}
		// Whatever else goes wrong, a token that there is is revoked.
		if got, want := srv.Count("/revoke"), min(1, srv.Count("/resource")); got != want {
			t.Errorf("%s: %d revocations, want %d", fault, got, want)
		}
		srv.Close()
	}
}

// A site is a service and the server that it uses.
type site struct {
	*service
	srv *oauthtest.Server
	log syncBuffer
}

func newSite(t *testing.T, edit func(*settings)) *site {
	t.Helper()
	s := &site{srv: oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})}
	t.Cleanup(s.srv.Close)
	s.srv.AddClient(oauthtest.Client{ID: "batch", Secret: testSecret})
	set := settings{
		issuer:     s.srv.Issuer(),
		clientID:   "batch",
		secret:     testSecret,
		api:        s.srv.URL() + "/resource",
		httpClient: s.srv.Client(),
	}
	if edit != nil {
		edit(&set)
	}
	var err error
	s.service, err = newService(t.Context(), set, &s.log)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// revokeToken ends the token behind the service's back.
func (s *site) revokeToken(t *testing.T) {
	t.Helper()
	if err := s.client.Revoke(t.Context(), s.transport.Token().AccessToken.Reveal(), nil); err != nil {
		t.Fatal(err)
	}
}

func TestTokenEndsEarly(t *testing.T) {
	s := newSite(t, nil)
	if err := s.call(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.revokeToken(t)
	if err := s.call(t.Context()); err != nil {
		t.Error(err)
	}
	if tokens, calls := s.srv.Count("/token"), s.srv.Count("/resource"); tokens != 2 || calls != 3 {
		t.Errorf("%d tokens and %d calls, want 2 and 3", tokens, calls)
	}
	s.revokeToken(t)
	if err := s.end(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(s.log.String(), "the token is not active\n") || strings.Contains(s.log.String(), "sub:") {
		t.Errorf("log:\n%s", s.log.String())
	}
}

// Some servers keep no record of tokens that are JWTs, and some leave sub out.
func TestUnsupportedTokenType(t *testing.T) {
	for name, tt := range map[string]struct {
		edit
		want []string
	}{
		"introspection": {edit{"/introspect", 400, `{"error":"unsupported_token_type"}`}, []string{"says nothing of tokens", "has revoked"}},
		"revocation":    {edit{"/revoke", 400, `{"error":"unsupported_token_type"}`}, []string{"revokes no tokens", "\nsub: batch\n"}},
		"no sub":        {edit{"/introspect", 200, `{"active":true,"client_id":"batch"}`}, []string{"has revoked", "\nsub: batch\n"}},
	} {
		s := newSite(t, func(set *settings) {
			set.httpClient = &http.Client{Transport: tt.on(set.httpClient.Transport)}
		})
		if err := s.run(t.Context(), 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range tt.want {
			if !strings.Contains(s.log.String(), want) {
				t.Errorf("%s: no %q:\n%s", name, want, s.log.String())
			}
		}
	}
}

// An edit is what an endpoint answers in place of what oauthtest does.
type edit struct {
	path   string
	status int
	body   string
}

func (e edit) on(transport http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := transport.RoundTrip(r)
		if err != nil || r.URL.Path != e.path {
			return resp, err
		}
		resp.Body.Close()
		resp.StatusCode, resp.ContentLength = e.status, -1
		resp.Header.Set("Content-Type", "application/json")
		resp.Body = io.NopCloser(strings.NewReader(e.body))
		return resp, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAPIRefuses(t *testing.T) {
	for code, status := range map[string]int{"invalid_token": http.StatusUnauthorized, "insufficient_scope": http.StatusForbidden} {
		calls, tries := 0, 1
		if code == "invalid_token" {
			tries = 2 // a token can end before its time: RFC 6750, Section 3.1
		}
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer error=%q", code))
			w.WriteHeader(status)
		}))
		s := newSite(t, func(set *settings) { set.api, set.allowHTTP = api.URL, true })
		if err := s.call(t.Context()); err == nil || !strings.Contains(err.Error(), code) || calls != tries {
			t.Errorf("status %d: %v after %d calls, want %d", status, err, calls, tries)
		}
		api.Close()
	}
}

func TestAPIRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect is followed, with %d credentials", len(r.Header["Authorization"]))
	}))
	defer elsewhere.Close()
	api := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer api.Close()
	s := newSite(t, func(set *settings) { set.api, set.allowHTTP = api.URL, true })
	if err := s.call(t.Context()); !errors.Is(err, oauth.ErrConfig) || !strings.Contains(err.Error(), "Origins") {
		t.Error(err)
	}
}

func TestCallsShareToken(t *testing.T) {
	s := newSite(t, nil)
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			if err := s.call(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if n := s.srv.Count("/token"); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

func TestServerWithoutEndpoints(t *testing.T) {
	srv := oauthtest.NewServer(&oauthtest.Options{
		SigningAlgs: []string{"ES256"},
		EditMetadata: func(m map[string]any) {
			delete(m, "introspection_endpoint")
			delete(m, "revocation_endpoint")
		},
	})
	defer srv.Close()
	s := newSite(t, func(set *settings) {
		srv.AddClient(oauthtest.Client{ID: "batch", Secret: testSecret})
		set.issuer, set.api, set.httpClient = srv.Issuer(), srv.URL()+"/resource", srv.Client()
	})
	if err := s.run(t.Context(), 0); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"no introspection endpoint", "no revocation endpoint"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("no %q:\n%s", want, s.log.String())
		}
	}
}

// An interrupt ends the program without an error, and the token with it.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	s := newSite(t, func(set *settings) {
		transport := set.httpClient.Transport
		set.httpClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/resource" {
				if calls++; calls == 3 {
					cancel()
				}
			}
			return transport.RoundTrip(r)
		})}
	})
	if err := s.run(ctx, time.Millisecond); err != nil {
		t.Error(err)
	}
	if tokens, revoked := s.srv.Count("/token"), s.srv.Count("/revoke"); tokens != 1 || revoked != 1 {
		t.Errorf("%d tokens, %d revoked", tokens, revoked)
	}
}

// TestServer drives the program as a user would start it.
func TestServer(t *testing.T) {
	for name, plain := range map[string]bool{"key": false, "secret, over http": true} {
		t.Run(name, func(t *testing.T) {
			srv := oauthtest.NewServer(&oauthtest.Options{Plain: plain, SigningAlgs: []string{"ES256"}})
			defer srv.Close()
			client := oauthtest.Client{ID: "batch", Secret: testSecret}
			args := []string{"-issuer", srv.Issuer(), "-client-id", "batch", "-api", srv.URL() + "/resource",
				"-scope", "orders stock", "-resource", srv.URL() + "/resource"}
			if plain {
				t.Setenv("OAUTH_CLIENT_SECRET", testSecret)
				args = append(args, "-http")
			} else {
				t.Setenv("OAUTH_CLIENT_SECRET", "")
				file, key := keyFile(t)
				client = oauthtest.Client{ID: "batch", AuthMethod: "private_key_jwt", JWKS: fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK())}
				args = append(args, "-key", file, "-alg", "ES256", "-kid", "one", "-ca", caFile(t, srv))
			}
			srv.AddClient(client)
			var out bytes.Buffer
			if err := run(t.Context(), args, &out, io.Discard); err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(out.String(), "\n\nsub: batch\nclient_id: batch\nscope: orders stock\n") {
				t.Errorf("output:\n%s", out.String())
			}
			wantNoSecret(t, srv, out.String())
		})
	}
}

func TestFlags(t *testing.T) {
	t.Setenv("OAUTH_CLIENT_SECRET", testSecret)
	key, _ := keyFile(t)
	named := []string{"-issuer", "https://127.0.0.1:1", "-client-id", "batch", "-api", "https://127.0.0.1:1/orders"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no client":      {[]string{"-issuer", "https://127.0.0.1:1"}, "required"},
		"key and secret": {append(named, "-key", key, "-alg", "ES256"), "either"},
		"argument":       {append(named, "more"), "unexpected argument"},
		"http API":       {append(named, "-api", "http://127.0.0.1:1"), "-api"},
		"API":            {append(named, "-http", "-api", "orders"), "-api"},
		"no CA":          {append(named, "-ca", "no-such-file"), "no-such-file"},
		"CA is no PEM":   {append(named, "-ca", "main_test.go"), "no certificate"},
		"http issuer":    {append(named, "-issuer", "http://127.0.0.1:1"), "use https"},
		"nobody listens": {named, "refused"},
	} {
		if err := run(t.Context(), tt.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var usage bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, io.Discard, &usage); err == nil || strings.Contains(usage.String(), testSecret) {
		t.Errorf("-h: %v\n%s", err, usage.String())
	}
	t.Setenv("OAUTH_CLIENT_SECRET", "")
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"neither":   {named, "either"},
		"no file":   {append(named, "-key", "no-such-file"), "no-such-file"},
		"no key":    {append(named, "-key", "main_test.go", "-alg", "ES256"), "signing key"},
		"no alg":    {append(named, "-key", key), "alg"},
		"wrong alg": {append(named, "-key", key, "-alg", "RS256"), "RS256"},
		"HMAC":      {append(named, "-key", key, "-alg", "HS256"), "HS256"},
	} {
		if err := run(t.Context(), tt.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got := printable("a\x1b[31m\nü"); got != "a�[31m�ü" {
		t.Errorf("%q", got)
	}
}

func keyFile(t *testing.T) (file string, key *oauth.SigningKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = oauth.NewSigningKey(private, oauth.ES256, "one"); err != nil {
		t.Fatal(err)
	}
	return pemFile(t, "PRIVATE KEY", der), key
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

func pemFile(t *testing.T, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
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
