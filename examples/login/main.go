// Command login is a web application whose users log in with OpenID Connect.
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=web OAUTH_CLIENT_SECRET=… \
//	OAUTH_REDIRECT_URI=https://app.example.com/callback go run ./examples/login
//
// The client is registered at the server with that redirect URI, with the
// post_logout_redirect_uri https://app.example.com/, and with the
// backchannel_logout_uri https://app.example.com/backchannel-logout. The program
// listens at OAUTH_LISTEN, or else at 127.0.0.1:8080.
//
// Without settings it is shown with a server and a browser of package oauthtest:
//
//	go run ./examples/login
package main

import (
	"html/template"
	"log"
	"net/http"
	"strings"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/web"
)

type app struct {
	client      *oauth.Client
	redirectURI string
	sessions    *web.Sessions
}

func main() {
	demo.Run("login")
	ctx, httpClient := env.Context(), env.HTTPClient()
	server, err := oauth.Discover(ctx, env.Get("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	env.Check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: env.Get("OAUTH_CLIENT_ID")},
		Auth:       oauth.ClientSecretBasic(env.Get("OAUTH_CLIENT_SECRET")),
		HTTPClient: httpClient,
	})
	env.Check(err)
	a := &app{client: client, redirectURI: env.Get("OAUTH_REDIRECT_URI")}
	a.sessions = web.NewSessions(a.redirectURI)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /login", a.login)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /logout", a.logout)
	mux.Handle("/backchannel-logout", client.BackchannelLogoutHandler(oauth.LogoutOptions{OnLogout: a.sessions.OnLogout}))
	log.Fatal(web.Serve(ctx, mux))
}

// login sends the browser to the server.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	request := oauth.AuthorizationRequest{RedirectURI: a.redirectURI, Scope: []string{"openid", "email"}}
	auth, err := a.client.StartAuthorization(r.Context(), &request)
	if err != nil {
		web.Fail(w, http.StatusBadGateway, err)
		return
	}
	a.sessions.Begin(w, r, auth.State(), auth)
}

// callback is where the server sends the browser back to.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	auth, ok := a.sessions.Finish(w, r, r.FormValue("state"))
	if !ok {
		return
	}
	token, err := a.client.FinishAuthorization(r, auth, nil)
	if err == nil {
		// An application with accounts of its own finds them by issuer and subject. It is
		// an error if the server named nobody, and never an account that all would share.
		_, _, err = token.Identity()
	}
	if err != nil {
		web.Fail(w, http.StatusForbidden, err)
		return
	}
	// An application that calls APIs makes one Transport of the token for each session.
	a.sessions.LogIn(w, token)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html><title>login</title>
{{with .}}<pre>
sub: {{.Subject}}
iss: {{.Issuer}}
</pre>
<form method="post" action="/logout"><button>Log out</button></form>
{{else}}<a href="/login">Log in</a>
{{end}}`))

// home shows who is logged in.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page.Execute(w, a.sessions.User(r))
}

// logout ends the session here, and then sends the browser to end that at the server.
func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	user, ok := a.sessions.LogOut(r)
	after := strings.TrimSuffix(a.redirectURI, "callback")
	target, err := a.client.EndSessionURL(&oauth.EndSessionRequest{Token: user, PostLogoutRedirectURI: after})
	if !ok || err != nil { // the server has no end_session_endpoint
		target = "/"
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}
