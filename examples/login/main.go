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
	"context"
	"html/template"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/web"
)

type app struct {
	client      *oauth.Client
	redirectURI string
	cookie      web.Cookie
	pending     web.Store[*oauth.PendingAuthorization] // logins under way, by session and state
	users       web.Store[*oauth.Token]                // who is logged in, by session
}

func main() {
	httpClient := demo.Client("login")
	server, err := oauth.Discover(context.Background(), os.Getenv("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: os.Getenv("OAUTH_CLIENT_ID")},
		Auth:       oauth.ClientSecretBasic(os.Getenv("OAUTH_CLIENT_SECRET")),
		HTTPClient: httpClient,
	})
	check(err)
	a := &app{client: client, redirectURI: os.Getenv("OAUTH_REDIRECT_URI")}
	a.cookie.Secure = strings.HasPrefix(a.redirectURI, "https:")
	a.pending.Life, a.users.Life = 10*time.Minute, 8*time.Hour
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /login", a.login)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /logout", a.logout)
	mux.Handle("/backchannel-logout", client.BackchannelLogoutHandler(oauth.LogoutOptions{OnLogout: a.onLogout}))
	// No page elsewhere can have the browser log the user out.
	log.Fatal(web.Serve(http.NewCrossOriginProtection().Handler(mux)))
}

// login sends the browser to the server.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	auth, err := a.client.StartAuthorization(r.Context(), &oauth.AuthorizationRequest{
		RedirectURI: a.redirectURI,
		Scope:       []string{"openid", "email"},
	})
	if err != nil {
		fail(w, http.StatusBadGateway, err)
		return
	}
	a.pending.Put(a.cookie.Continue(w, r)+" "+auth.State(), auth)
	http.Redirect(w, r, auth.URL(), http.StatusSeeOther)
}

// callback is where the server sends the browser back to.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	// Session and state together find the login: by the state alone, somebody could
	// have a user finish a login that is not theirs. Because it is taken out before it
	// is finished, it can be used once.
	auth, ok := a.pending.Take(a.cookie.Session(r) + " " + r.FormValue("state"))
	if !ok {
		http.Error(w, "This login was not started in this browser, was finished before, or took too long.", http.StatusForbidden)
		return
	}
	token, err := a.client.FinishAuthorization(r, auth, nil)
	if err != nil {
		fail(w, http.StatusForbidden, err)
		return
	}
	// An application with accounts of its own finds them by Identity: by issuer and
	// subject. It is an error if the server named nobody, and never an account that
	// all users would share.
	if _, _, err := token.Identity(); err != nil {
		fail(w, http.StatusForbidden, err)
		return
	}
	// A new session: whoever knew the old one is not logged in. An application that
	// calls APIs makes one Transport of the token for each session.
	a.users.Put(a.cookie.Start(w), token)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<title>login</title>
{{with .}}<pre>
sub: {{.Subject}}
iss: {{.Issuer}}
</pre>
<form method="post" action="/logout"><button>Log out</button></form>
{{else}}<a href="/login">Log in</a>
{{end}}`))

// home shows who is logged in.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	user, _ := a.users.Get(a.cookie.Session(r))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page.Execute(w, user)
}

// logout ends the session here, and then sends the browser to end that at the
// server.
func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	user, ok := a.users.Take(a.cookie.Session(r))
	target, err := a.client.EndSessionURL(&oauth.EndSessionRequest{Token: user, PostLogoutRedirectURI: strings.TrimSuffix(a.redirectURI, "callback")})
	if !ok || err != nil { // the server has no end_session_endpoint
		target = "/"
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// onLogout hears of a session that has ended at the server: by a logout here, by one
// at another application, or by an administrator (Back-Channel Logout 1.0, Section
// 2.7).
func (a *app) onLogout(_ context.Context, t *oauth.LogoutToken) error {
	a.users.DeleteFunc(func(user *oauth.Token) bool {
		same := t.Subject() == user.Subject()
		if t.SessionID() != "" {
			same = t.SessionID() == user.IDToken().SessionID()
		}
		return same && t.Issuer() == user.Issuer()
	})
	return nil
}

// fail tells the user nothing of the error. The log does: the errors of package
// oauth have no secret in them.
func fail(w http.ResponseWriter, status int, err error) {
	log.Print("the login failed: ", err)
	http.Error(w, "The login failed.", status)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
