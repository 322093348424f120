// Command login is a web application whose users log in with OpenID Connect.
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=web OAUTH_CLIENT_SECRET=… \
//	OAUTH_APP=https://app.example.com go run ./examples/login
//
// The client is registered at the server with the redirect URI
// https://app.example.com/auth/callback/op, the post_logout_redirect_uri
// https://app.example.com/, and the backchannel_logout_uri
// https://app.example.com/auth/backchannel-logout/op. The program listens at OAUTH_LISTEN,
// or else at 127.0.0.1:8080. With OAUTH_ISSUER2 users can choose a second server, where the
// client has the same id and secret, and URIs that end in op2.
//
// Without settings it is shown with a server and a browser of package oauthtest:
//
//	go run ./examples/login
package main

import (
	"crypto/rand"
	"errors"
	"html/template"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/web"
	"example.com/oauth/weblogin"
)

func main() {
	demo.Run("login")
	ctx, app := env.Context(), env.Get("OAUTH_APP")
	key := make([]byte, 32) // processes that serve one application share it, and a Store
	rand.Read(key)
	providers := []weblogin.Provider{provider("op", env.Get("OAUTH_ISSUER"))}
	if second := os.Getenv("OAUTH_ISSUER2"); second != "" {
		providers = append(providers, provider("op2", second))
	}
	login, err := weblogin.New(weblogin.Config{
		BaseURL:           app,
		Keys:              [][]byte{key},
		Providers:         providers,
		Store:             weblogin.NewMemoryStore(0),
		OnError:           func(_ *http.Request, err error) { log.Print("the login failed: ", err) }, // no secret is in it
		InsecureAllowHTTP: strings.HasPrefix(app, "http://127.0.0.1:"),
	})
	env.Check(err)
	mux := http.NewServeMux()
	mux.Handle("/auth/", login)
	mux.Handle("GET /{$}", login.Optional(http.HandlerFunc(home)))
	mux.Handle("GET /token", login.Require(weblogin.Requirement{}, token{login}))
	log.Fatal(web.Serve(ctx, mux))
}

// provider is a server, which need not be there when the program starts.
func provider(name, issuer string) weblogin.Provider {
	client, err := oauth.NewClientFromIssuer(issuer, nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: env.Get("OAUTH_CLIENT_ID")},
		Auth:       oauth.ClientSecretBasic(env.Get("OAUTH_CLIENT_SECRET")),
		HTTPClient: env.HTTPClient(),
	})
	env.Check(err)
	return weblogin.Provider{Name: name, Client: client, Tokens: true, BackchannelLogout: true}
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html><title>login</title>
{{with .}}<pre>
sub: {{.Subject}}
iss: {{.Issuer}}
</pre>
<a href="/token">Token</a>
<form method="post" action="/auth/logout"><button>Log out</button></form>
{{else}}<a href="/auth/login">Log in</a>
{{end}}`))

// home shows who is logged in.
func home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	var user *weblogin.User
	if session, ok := weblogin.FromContext(r.Context()); ok {
		// An application with accounts of its own finds them by issuer and subject.
		u := session.User()
		user = &u
	}
	page.Execute(w, user)
}

// token shows until when the access token is good. It is refreshed when it is needed.
type token struct{ login *weblogin.Handler }

func (h token) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	session, _ := weblogin.FromContext(r.Context())
	t, err := session.Token(r.Context())
	switch {
	case errors.Is(err, weblogin.ErrEnded): // by the server, just now
		http.Redirect(w, r, h.login.LoginPath("/token"), http.StatusSeeOther)
	case err != nil:
		web.Fail(w, http.StatusBadGateway, err)
	default:
		w.Write([]byte("The token is good until " + t.Expiry.Format(time.RFC3339) + ".\n"))
	}
}
