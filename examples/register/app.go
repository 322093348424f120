package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"unicode"

	"example.com/oauth"
)

// The pages of the application. The last one is for the server.
const (
	loginPath       = "/login"
	callbackPath    = "/callback"
	logoutPath      = "/logout"
	loggedOutPath   = "/logged-out"
	logoutTokenPath = "/backchannel-logout"
)

// An app has one user at a time. How an application has many, each with a
// session, is shown in examples/login.
type app struct {
	client  *oauth.Client
	origin  string
	step    func(format string, args ...any)
	handler http.Handler

	logins chan outcome  // a login ended
	back   chan struct{} // the browser is back from the server's logout
	heard  chan struct{} // the server told of the logout

	mu      sync.Mutex
	session string                      // in the browser's cookie
	pending *oauth.PendingAuthorization // a login under way; nil: none
	user    *oauth.Token                // who logged in, until the server says that the session ended
	state   string                      // of a logout under way
}

// An outcome is what came of a login.
type outcome struct {
	token *oauth.Token
	err   error
}

func newApp(client *oauth.Client, origin string, step func(format string, args ...any)) *app {
	a := &app{
		client: client,
		origin: origin,
		step:   step,
		logins: make(chan outcome, 1),
		back:   make(chan struct{}, 1),
		heard:  make(chan struct{}, 1),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+loginPath, a.login)
	mux.HandleFunc("GET "+callbackPath, a.callback)
	mux.HandleFunc("POST "+logoutPath, a.logout)
	mux.HandleFunc("GET "+loggedOutPath, a.loggedOut)
	mux.Handle(logoutTokenPath, client.BackchannelLogoutHandler(oauth.LogoutOptions{OnLogout: a.onLogout}))
	a.handler = mux
	return a
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // the URL of a callback stays here
	h.Set("X-Content-Type-Options", "nosniff")
	a.handler.ServeHTTP(w, r)
}

// wait returns the token of the next login.
func (a *app) wait(ctx context.Context) (*oauth.Token, error) {
	select {
	case o := <-a.logins:
		return o.token, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// tell does not wait where nobody listens.
func tell[T any](c chan T, v T) {
	select {
	case c <- v:
	default:
	}
}

// start gives the browser a new session.
func (a *app) start(w http.ResponseWriter) {
	a.session = rand.Text()
	http.SetCookie(w, &http.Cookie{
		Name:     "session",
		Value:    a.session,
		Path:     "/",
		HttpOnly: true,                 // out of reach for scripts
		SameSite: http.SameSiteLaxMode, // Strict would not come along with the callback
		Secure:   strings.HasPrefix(a.origin, "https:"),
	})
}

// knows reports whether a request is from the browser of the session.
func (a *app) knows(r *http.Request) bool {
	cookie, err := r.Cookie("session")
	return err == nil && a.session != "" && subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(a.session)) == 1
}

// login sends the browser to the server.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	auth, err := a.client.StartAuthorization(r.Context(), &oauth.AuthorizationRequest{
		RedirectURI: a.origin + callbackPath,
		Scope:       []string{"openid"},
	})
	if err != nil {
		a.fail(w, err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.start(w)
	a.pending, a.user = auth, nil
	http.Redirect(w, r, auth.URL(), http.StatusSeeOther)
}

// callback is where the server sends the browser back to.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	auth := a.take(r)
	if auth == nil {
		showPage(w, http.StatusForbidden, page{Text: "This login was not started in this browser, or was finished before."})
		return
	}
	token, err := a.client.FinishAuthorization(r, auth, nil)
	if err != nil {
		a.fail(w, err)
		return
	}
	_, subject, err := token.Identity() // of the one server that there is
	if err != nil {
		a.fail(w, err)
		return
	}
	a.step("app: %s is logged in", printable(subject))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.start(w) // a new session: whoever knew the old one is not logged in
	a.user = token
	showPage(w, http.StatusOK, page{Text: "You are logged in.", Logout: logoutPath})
	tell(a.logins, outcome{token: token})
}

// take returns the login that a callback belongs to, by session and state, and
// removes it: it is good for one time.
func (a *app) take(r *http.Request) *oauth.PendingAuthorization {
	a.mu.Lock()
	defer a.mu.Unlock()
	auth := a.pending
	if auth == nil || !a.knows(r) || r.URL.Query().Get("state") != auth.State() {
		return nil
	}
	a.pending = nil
	return auth
}

// fail ends the login, and with it the program.
func (a *app) fail(w http.ResponseWriter, err error) {
	showPage(w, http.StatusBadGateway, page{Text: "The login failed."})
	tell(a.logins, outcome{err: err})
}

// logout ends the session here, and then the one at the server. It is a POST, so
// that no page elsewhere can have the browser do it.
func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.user == nil || !a.knows(r) {
		showPage(w, http.StatusForbidden, page{Text: "You are not logged in."})
		return
	}
	a.state = rand.Text()
	target, err := a.client.EndSessionURL(&oauth.EndSessionRequest{
		Token:                 a.user,
		PostLogoutRedirectURI: a.origin + loggedOutPath,
		State:                 a.state,
	})
	if err != nil {
		showPage(w, http.StatusInternalServerError, page{Text: "The logout failed."})
		return
	}
	a.session = ""
	a.step("app: ended its session and sends the browser to end that at the server")
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// loggedOut is where the browser comes back to.
func (a *app) loggedOut(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := r.URL.Query().Get("state")
	if a.state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(a.state)) != 1 {
		showPage(w, http.StatusForbidden, page{Text: "No logout was started here."})
		return
	}
	a.state = ""
	a.step("app: the browser is back, with the state that it was sent with")
	showPage(w, http.StatusOK, page{Text: "You are logged out."})
	tell(a.back, struct{}{})
}

// onLogout hears of a session that ended at the server: by a logout here, by one
// at another application, or by an administrator.
func (a *app) onLogout(_ context.Context, t *oauth.LogoutToken) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.user == nil || !concerns(t, a.user.IDToken()) {
		return nil // nobody who is known here
	}
	a.step("app: the server says that the session of %s ended", printable(a.user.Subject()))
	a.user, a.session = nil, ""
	tell(a.heard, struct{}{})
	return nil
}

// concerns reports whether a logout ends what a login began: Back-Channel Logout
// 1.0, Section 2.7.
func concerns(t *oauth.LogoutToken, id *oauth.IDToken) bool {
	if t.Issuer() != id.Issuer() {
		return false
	}
	if t.SessionID() != "" {
		return t.SessionID() == id.SessionID()
	}
	return t.Subject() == id.Subject()
}

type page struct{ Text, Logout string }

var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<title>register-example</title>
<p>{{.Text}}</p>
{{with .Logout}}<form method="post" action="{{.}}"><button>Log out</button></form>{{end}}
</html>
`))

func showPage(w http.ResponseWriter, status int, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	pageTemplate.Execute(w, p)
}

// printable makes what came from outside fit for a line of a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
