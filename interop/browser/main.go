// Command browser is the web application that a real browser uses in browser.mjs. Its users
// log in at servers of package oauthtest, and at the certified server of ../provider.mjs if
// the argument names the description of that. It prints a line of JSON with its URL when it
// is ready, and ends when its standard input does.
//
// The application is app.test and the servers are op.test, which the browser takes for
// 127.0.0.1: they are different sites, as they are in the world.
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

// A world has the application and its servers, with one clock.
type world struct {
	app  *httptest.Server
	base string // as the browser sees it
	op   *oauthtest.Server
	pool *x509.CertPool

	mu    sync.Mutex
	ahead time.Duration
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

func main() {
	w := new(world)
	mux := http.NewServeMux()
	w.app = httptest.NewTLSServer(mux)
	_, port, _ := strings.Cut(strings.TrimPrefix(w.app.URL, "https://"), ":")
	w.base = "https://app.test:" + port
	w.op = oauthtest.NewServer(&oauthtest.Options{
		Interactive: true, SigningAlgs: []string{"ES256"}, AccessTokenLifetime: 5 * time.Minute, Now: w.now, OutgoingClient: w.app.Client(),
		EditMetadata: func(m map[string]any) { // what the browser opens is at another site
			for _, name := range []string{"authorization_endpoint", "end_session_endpoint"} {
				m[name] = strings.Replace(m[name].(string), "127.0.0.1", "op.test", 1)
			}
		},
	})
	w.pool = w.op.RootCAs().Clone()
	providers := []weblogin.Provider{w.embedded("embedded", ""), w.embedded("post", "form_post")}
	if len(os.Args) > 1 {
		providers = append(providers, w.certified(os.Args[1]))
	}
	key := make([]byte, 32)
	rand.Read(key)
	login, err := weblogin.New(weblogin.Config{
		BaseURL: w.base, Keys: [][]byte{key}, Providers: providers, Store: weblogin.NewMemoryStore(0), Now: w.now,
		OnError: func(r *http.Request, err error) { log.Print(r.URL.Path, ": ", err) },
	})
	check(err)
	mux.Handle("/auth/", login)
	mux.Handle("GET /{$}", login.Optional(http.HandlerFunc(home)))
	mux.Handle("GET /profile", login.Require(weblogin.Requirement{}, http.HandlerFunc(profile)))
	mux.Handle("GET /orders", login.Require(weblogin.Requirement{}, http.HandlerFunc(profile)))
	// What the test asks for beside the browser.
	mux.HandleFunc("POST /control/wait", func(_ http.ResponseWriter, r *http.Request) {
		d, err := time.ParseDuration(r.FormValue("for"))
		check(err)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ahead += d
	})
	mux.HandleFunc("POST /control/logout", func(rw http.ResponseWriter, r *http.Request) {
		for _, l := range w.op.Logout(r.Context(), "alice") {
			fmt.Fprintln(rw, l.Status)
		}
	})
	mux.HandleFunc("GET /control/count", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, w.op.Count(r.FormValue("path"))) })
	check(json.NewEncoder(os.Stdout).Encode(map[string]string{"app": w.base, "control": w.app.URL, "op": strings.Replace(w.op.URL(), "127.0.0.1", "op.test", 1)}))
	io.Copy(io.Discard, os.Stdin)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func (w *world) client() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.pool}, TLSHandshakeTimeout: 10 * time.Second}, Timeout: 20 * time.Second}
}

// embedded is a provider at the server of package oauthtest.
func (w *world) embedded(name, mode string) weblogin.Provider {
	const secret = "the-secret-of-the-client"
	w.op.AddClient(oauthtest.Client{
		ID: name, Secret: secret, RedirectURIs: []string{w.base + "/auth/callback/" + name}, GrantTypes: []string{"authorization_code", "refresh_token"},
		PostLogoutRedirectURIs: []string{w.base + "/"}, BackchannelLogoutURI: w.app.URL + "/auth/backchannel-logout/" + name,
	})
	client, err := oauth.NewClientFromIssuer(w.op.Issuer(), nil, oauth.Config{
		Metadata: oauth.ClientMetadata{ClientID: name}, Auth: oauth.ClientSecretBasic(secret), HTTPClient: w.client(), Clock: oauth.Clock{Now: w.now},
	})
	check(err)
	return weblogin.Provider{
		Name: name, Title: "The server for tests (" + name + ")", Client: client, Tokens: true, BackchannelLogout: true,
		Request: oauth.AuthorizationRequest{Scope: []string{"openid", "email", "offline_access"}, Prompt: "consent", ResponseMode: mode},
	}
}

// certified is a provider at the certified server, where the application registers itself.
func (w *world) certified(file string) weblogin.Provider {
	text, err := os.ReadFile(file)
	check(err)
	var d struct {
		CA      string
		Issuers map[string]string
	}
	check(json.Unmarshal(text, &d))
	ca, err := os.ReadFile(d.CA)
	check(err)
	w.pool.AppendCertsFromPEM(ca)
	ctx, issuer := context.Background(), d.Issuers["tls"]
	as, err := oauth.Discover(ctx, issuer, &oauth.DiscoverOptions{HTTPClient: w.client()})
	check(err)
	reg, err := oauth.Register(ctx, as, oauth.ClientMetadata{
		RedirectURIs: []string{w.base + "/auth/callback/certified"}, PostLogoutRedirectURIs: []string{w.base + "/"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"}, TokenEndpointAuthMethod: "client_secret_basic",
	}, &oauth.RegistrationOptions{HTTPClient: w.client()})
	check(err)
	cfg, err := reg.Config(as, nil)
	check(err)
	cfg.HTTPClient = w.client()
	client, err := oauth.NewClient(cfg)
	check(err)
	return weblogin.Provider{
		Name: "certified", Title: "The certified server", Client: client, Tokens: true,
		Request: oauth.AuthorizationRequest{Scope: []string{"openid", "offline_access"}, Prompt: "consent"},
	}
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html><html lang="en"><meta name="viewport" content="width=device-width,initial-scale=1"><title>app</title>
{{with .}}<h1>Hello {{.User.Subject}}</h1><p id="provider">{{.Provider}}</p><a href="/profile">Profile</a>
<form method="post" action="/auth/logout"><button>Log out</button></form>
{{else}}<h1>Nobody is logged in</h1><a href="/auth/login">Log in</a>{{end}}</html>`))

func home(w http.ResponseWriter, r *http.Request) {
	s, _ := weblogin.FromContext(r.Context())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page.Execute(w, s)
}

// profile shows the token of the session, of which no two are the same.
func profile(w http.ResponseWriter, r *http.Request) {
	s, _ := weblogin.FromContext(r.Context())
	t, err := s.Token(r.Context())
	if err != nil {
		log.Print("profile: ", err)
		http.Error(w, "no token", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!DOCTYPE html><title>profile</title><h1>Profile of %s</h1><p id=path>%s</p><p id=token>%s</p>",
		template.HTMLEscapeString(s.User().Subject), template.HTMLEscapeString(r.URL.RequestURI()), url.QueryEscape(t.AccessToken.Reveal()))
}
