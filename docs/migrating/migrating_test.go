// Package migrating proves that the code of docs/migrating.md compiles and does the same
// before and after.
package migrating

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/docs/migrating/after"
	"example.com/oauth/docs/migrating/before"
	"example.com/oauth/oauthtest"
	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	secret   = "a secret that only the two know"
	callback = "https://app.example.com/cb"
	audience = "https://api.example.com"
)

// A fixture is a server, and both sides of the page as its client.
type fixture struct {
	*oauthtest.Server
	t        *testing.T
	ctx      context.Context // of the side before: it has the HTTP client
	provider *oidc.Provider
	config   *oauth2.Config
	metadata *oauth.AuthorizationServer
	client   *oauth.Client
}

func newFixture(t *testing.T, opts oauthtest.Options) *fixture {
	t.Helper()
	opts.SigningAlgs = []string{"ES256"}
	f := &fixture{Server: oauthtest.NewServer(&opts), t: t}
	t.Cleanup(f.Close)
	f.AddClient(oauthtest.Client{ID: "web", Secret: secret, RedirectURIs: []string{callback}})
	f.ctx = oidc.ClientContext(t.Context(), f.Client())
	f.provider = must(oidc.NewProvider(f.ctx, f.Issuer()))
	f.config = &oauth2.Config{
		ClientID: "web", ClientSecret: secret, Endpoint: f.provider.Endpoint(), RedirectURL: callback,
		Scopes: []string{"openid", "email", "offline_access"},
	}
	f.metadata = must(oauth.Discover(t.Context(), f.Issuer(), &oauth.DiscoverOptions{HTTPClient: f.Client()}))
	f.client = must(oauth.NewClient(oauth.Config{
		Server: f.metadata, Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic(secret), HTTPClient: f.Client(),
	}))
	return f
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// code is that of a login by x/oauth2, whose nonce is "n".
func (f *fixture) code(config *oauth2.Config, verifier string) string {
	f.t.Helper()
	r := must(f.Authorize(f.ctx, config.AuthCodeURL("s", oidc.Nonce("n"), oauth2.S256ChallengeOption(verifier))))
	return r.URL.Query().Get("code")
}

// tokens are those of a login on each side.
func (f *fixture) tokens() (*oauth2.Token, *oauth.Token) {
	f.t.Helper()
	verifier := oauth2.GenerateVerifier()
	old := must(f.config.Exchange(f.ctx, f.code(f.config, verifier), oauth2.VerifierOption(verifier)))
	pending := must(f.client.StartAuthorization(f.t.Context(), &oauth.AuthorizationRequest{RedirectURI: callback, Scope: f.config.Scopes}))
	return old, must(f.client.FinishAuthorization(must(f.Authorize(f.t.Context(), pending.URL())), pending, nil))
}

// want wants the same good answer on both sides.
func want[T comparable](t *testing.T, good, before, after T) {
	t.Helper()
	if before != good || after != good {
		t.Errorf("before %v, after %v, want %v", before, after, good)
	}
}

func TestLogin(t *testing.T) {
	f := newFixture(t, oauthtest.Options{})
	old := must(before.NewLogin(f.ctx, f.Issuer(), "web", secret, callback))
	w, s := httptest.NewRecorder(), before.Session{}
	old.Start(w, httptest.NewRequest("GET", "/login", nil), s)
	was := must(old.Callback(must(f.Authorize(f.ctx, w.Header().Get("Location"))).WithContext(f.ctx), s))

	now := must(after.NewLogin(t.Context(), f.Issuer(), "web", secret, callback, f.Client()))
	w, saved := httptest.NewRecorder(), after.Session{}
	if err := now.Start(w, httptest.NewRequest("GET", "/login", nil), saved); err != nil {
		t.Fatal(err)
	}
	want(t, "alice", was, must(now.Callback(must(f.Authorize(t.Context(), w.Header().Get("Location"))), saved)))
	want(t, 0, len(s), len(saved))
}

func TestGitHub(t *testing.T) {
	f := newFixture(t, oauthtest.Options{})
	users := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"login":"octocat","id":583231}`)
	}))
	defer users.Close()
	pool := f.RootCAs()
	pool.AddCert(users.Certificate())
	both := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	api, verifier := users.URL, oauth2.GenerateVerifier()
	old := before.GitHub(f.URL(), "web", secret, callback)
	was := must(before.GitHubUser(context.WithValue(t.Context(), oauth2.HTTPClient, both), old, f.code(old, verifier), verifier, api))

	now := must(after.GitHub(f.URL(), "web", secret, both))
	pending := must(now.StartAuthorization(t.Context(), &oauth.AuthorizationRequest{RedirectURI: callback, Scope: []string{"read:user"}}))
	want(t, "583231", was, must(after.GitHubUser(now, must(f.Authorize(t.Context(), pending.URL())), pending, api)))
}

func TestUserInfo(t *testing.T) {
	f := newFixture(t, oauthtest.Options{})
	old, now := f.tokens()
	want(t, "alice@example.com", must(before.Email(f.ctx, f.provider, old, "alice")), must(after.Email(t.Context(), f.client, now)))
}

func TestIDToken(t *testing.T) {
	f := newFixture(t, oauthtest.Options{})
	old, _ := f.tokens()
	raw := old.Extra("id_token").(string)
	want(t, "alice", must(before.VerifyIDToken(f.ctx, f.provider, "web", raw, "n")), must(after.VerifyIDToken(t.Context(), f.client, raw, "n")))
	_, was := before.VerifyIDToken(f.ctx, f.provider, "web", raw, "another")
	_, now := after.VerifyIDToken(t.Context(), f.client, raw, "another")
	want(t, true, was != nil, now != nil)
}

func TestAPI(t *testing.T) {
	f := newFixture(t, oauthtest.Options{JWTAccessTokens: true})
	answer := func(caller func(*http.Request) string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(caller(r))) })
	}
	old := before.Protect(f.provider, audience, "orders", answer(before.Caller))
	now := must(after.Protect(f.metadata, audience, "orders", answer(after.Caller), f.Client()))
	call := func(h http.Handler, token string) (int, string) {
		r := httptest.NewRequestWithContext(f.ctx, "GET", audience+"/orders", nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	token := func(scope, resource string) string {
		return must(f.client.ClientCredentials(t.Context(), &oauth.GrantOptions{Scope: []string{scope}, Resource: []string{resource}})).AccessToken.Reveal()
	}
	for status, token := range map[int]string{200: token("orders", audience), 403: token("other", audience), 401: token("orders", "https://other.example.com")} {
		was, subject := call(old, token)
		is, same := call(now, token)
		want(t, status, was, is)
		if status == 200 {
			want(t, "web", subject, same)
		}
	}
	was, _ := call(old, "")
	is, _ := call(now, "")
	want(t, 401, was, is)
}

// get is the status of a request.
func get(hc *http.Client, url string) int {
	res := must(hc.Get(url))
	res.Body.Close()
	return res.StatusCode
}

func TestCall(t *testing.T) {
	f := newFixture(t, oauthtest.Options{})
	old, now := f.tokens()
	old.Expiry, now.Expiry = time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)
	stored := 0
	hc := must(after.APIClient(f.client, now, f.URL(), func(context.Context, *oauth.Token) error { stored++; return nil }))
	want(t, 200, get(before.APIClient(f.ctx, f.config, old), f.URL()+"/resource"), get(hc, f.URL()+"/resource"))
	if stored != 1 {
		t.Errorf("the new token was stored %d times", stored)
	}
}

func TestService(t *testing.T) {
	f := newFixture(t, oauthtest.Options{})
	api := f.URL() + "/resource"
	want(t, 200, get(before.Service(f.ctx, f.URL()+"/token", "web", secret, api), api), get(must(after.Service(f.client, api, f.URL())), api))
}

func TestDevice(t *testing.T) {
	f := newFixture(t, oauthtest.Options{PollInterval: time.Second})
	shown := 0
	show := func(uri, code string) {
		if uri != "" && f.ApproveDevice(code, "") == nil {
			shown++
		}
	}
	f.AddClient(oauthtest.Client{ID: "tv"}) // x/oauth2 does not authenticate at the device authorization endpoint
	f.config.ClientID, f.config.ClientSecret, f.config.Endpoint.AuthStyle = "tv", "", oauth2.AuthStyleInParams
	client := must(oauth.NewClient(oauth.Config{
		Server: f.metadata, Metadata: oauth.ClientMetadata{ClientID: "tv"}, Auth: oauth.PublicClient(), HTTPClient: f.Client(),
	}))
	old := must(before.Device(f.ctx, f.config, show))
	now := must(after.Device(t.Context(), client, f.config.Scopes, show))
	want(t, true, old.Valid(), !client.Expired(now, 0))
	if shown != 2 {
		t.Errorf("%d codes were shown", shown)
	}
}

func TestStored(t *testing.T) {
	f := newFixture(t, oauthtest.Options{})
	old, now := f.tokens()
	old.Expiry, now.Expiry = time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)
	var store []byte
	load := func() ([]byte, error) { return store, nil }
	save := func(b []byte) error { store = b; return nil }

	store = must(json.Marshal(old))
	fresh := must(before.Fresh(f.ctx, f.config, load, save))
	if fresh.AccessToken == old.AccessToken {
		t.Error("before: it was not refreshed")
	}
	fresh.Expiry = time.Now().Add(-time.Hour)
	store = must(json.Marshal(fresh)) // the program moves
	first := must(after.Fresh(t.Context(), f.client, load, save))
	if first.AccessToken.Reveal() == fresh.AccessToken || first.Subject() != "alice" {
		t.Error("after: the token of x/oauth2 was not refreshed")
	}
	again := must(after.Fresh(t.Context(), f.client, load, save))
	if !again.AccessToken.Equal(first.AccessToken) {
		t.Error("after: it was refreshed although it is valid")
	}
	store = must(now.MarshalBinary())
	if got := must(after.Fresh(t.Context(), f.client, load, save)); got.AccessToken.Equal(now.AccessToken) || got.Subject() != "alice" {
		t.Error("after: it was not refreshed")
	}
}

func TestErrors(t *testing.T) {
	f := newFixture(t, oauthtest.Options{})
	old, now := f.tokens()
	for fault, ended := range map[oauthtest.Fault]bool{oauthtest.RefreshInvalidGrant: true, oauthtest.RefreshFails: false} {
		f.Fault(fault)
		_, was := f.config.TokenSource(f.ctx, &oauth2.Token{RefreshToken: old.RefreshToken}).Token()
		_, is := f.client.Refresh(t.Context(), now, nil)
		want(t, true, was != nil, is != nil)
		want(t, ended, before.MustLogIn(was), after.MustLogIn(is))
	}
}

func TestKeys(t *testing.T) {
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	key := must(oauth.NewSigningKey(private, oauth.ES256, "k1"))
	now := time.Now().Unix()
	raw := must(key.SignJWT("JWT", map[string]any{"iss": "https://op.example.com", "sub": "alice", "aud": "web", "iat": now, "exp": now + 60}))
	want(t, "alice",
		must(before.StaticKey(t.Context(), "https://op.example.com", "web", raw, private.Public())),
		must(after.StaticKey(t.Context(), "https://op.example.com", "web", raw, "k1", private.Public())))
}

// TestWeb: a browser that opens the login ends on the page that greets the user.
func TestWeb(t *testing.T) {
	const base = "https://app.example.com"
	f := newFixture(t, oauthtest.Options{})
	f.AddClient(oauthtest.Client{ID: "web", Secret: secret, RedirectURIs: []string{base + "/auth/callback"}})
	key := make([]byte, 32)
	rand.Read(key)
	visit := func(app http.Handler) string {
		r, cookies := httptest.NewRequest("GET", base+"/auth/login", nil), map[string]*http.Cookie{}
		for range 5 {
			for _, c := range cookies {
				r.AddCookie(c)
			}
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			for _, c := range w.Result().Cookies() {
				cookies[c.Name] = c
			}
			switch location := w.Header().Get("Location"); {
			case location == "":
				return w.Body.String()
			case strings.HasPrefix(location, f.URL()):
				r = must(f.Authorize(t.Context(), location))
			default:
				r = httptest.NewRequest("GET", location, nil)
			}
		}
		return "too many redirects"
	}
	want(t, "hello alice, alice@example.com",
		visit(must(before.Web(t.Context(), f.Issuer(), "web", secret, base, key, f.Client()))),
		visit(must(after.Web(f.Issuer(), "web", secret, base, key, f.Client()))))
}
