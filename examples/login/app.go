package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"example.com/oauth"
)

// An app is a web application whose users log in at an OpenID Connect server.
type app struct {
	client      *oauth.Client
	userinfo    bool   // the server has a userinfo endpoint
	redirectURI string // the callback
	origin      string // of the application's pages
	logf        func(format string, args ...any)
	handler     http.Handler

	cookie  sessionCookie
	pending *store[[]byte]         // logins under way, by session and state
	users   *store[map[string]any] // claims of who is logged in, by session
}

func newApp(ctx context.Context, s settings, logf func(format string, args ...any)) (*app, error) {
	u, err := url.Parse(s.redirectURI)
	if err != nil || u.Host == "" || u.Path == "" || u.Path == "/" || u.Path == "/login" || strings.ContainsAny(u.Path, "{}") {
		return nil, fmt.Errorf("%q cannot be the redirect URI of this application", s.redirectURI)
	}
	a := &app{
		redirectURI: s.redirectURI,
		origin:      u.Scheme + "://" + u.Host,
		logf:        logf,
		cookie:      sessionCookie{secure: u.Scheme == "https"},
		pending:     newStore[[]byte](10_000, 10*time.Minute),
		users:       newStore[map[string]any](10_000, 8*time.Hour),
	}
	client, server, err := newClient(ctx, s, &oauth.Trace{RequestDone: func(_ context.Context, r oauth.RequestInfo) {
		// No parameter and no token is in it. Without an answer the status is 0.
		logf("app: %s %s: status %d", r.Method, r.URL, r.Status)
	}})
	if err != nil {
		return nil, err
	}
	logf("app: discovery found %s", server.Issuer)
	a.client, a.userinfo = client, server.UserinfoEndpoint != ""
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /login", a.login)
	mux.HandleFunc("GET "+u.Path, a.callback)
	a.handler = mux
	return a, nil
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // the URL of a callback stays here
	h.Set("X-Content-Type-Options", "nosniff")
	a.handler.ServeHTTP(w, r)
}

// login sends the browser to the server.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	auth, err := a.client.StartAuthorization(r.Context(), &oauth.AuthorizationRequest{
		RedirectURI: a.redirectURI,
		Scope:       []string{"openid", "profile", "email"},
	})
	if err != nil {
		a.fail(w, err)
		return
	}
	saved, err := auth.MarshalBinary()
	if err != nil {
		a.fail(w, err)
		return
	}
	session := a.cookie.id(r)
	if session == "" {
		session = a.cookie.start(w)
	}
	a.pending.put(session+" "+auth.State(), saved)
	where, _, _ := strings.Cut(auth.URL(), "?")
	a.logf("app: sends the browser to %s with state, nonce and PKCE challenge", where)
	http.Redirect(w, r, auth.URL(), http.StatusSeeOther)
}

// callback is where the server sends the browser back to.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	// Session and state together find the login: by the state alone, somebody
	// could have a user finish a login that is not theirs. Taking it out before
	// it is finished makes it good for one time.
	saved, ok := a.pending.take(a.cookie.id(r) + " " + r.URL.Query().Get("state"))
	if !ok {
		a.logf("app: refused a callback that belongs to no login of the browser's session")
		showPage(w, http.StatusForbidden, "This login is not known",
			"It was not started in this browser, was finished before, or took too long.")
		return
	}
	a.logf("app: received the callback, for a login of this browser's session")
	var auth oauth.PendingAuthorization
	if err := auth.UnmarshalBinary(saved); err != nil {
		a.fail(w, err)
		return
	}
	token, err := a.client.FinishAuthorization(r, &auth, nil)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.logf("app: exchanged the code; the ID token is verified: %s, issuer, audience, expiry, nonce", signature(token.IDToken()))
	// Who it is: an application with accounts of its own finds them by both. It is an
	// error if nobody is named, and never an account that all users would share.
	issuer, subject, err := token.Identity()
	if err != nil {
		a.fail(w, err)
		return
	}
	a.logf("app: %s of %s logged in", printable(subject), printable(issuer))
	claims, err := a.claims(r.Context(), token)
	if err != nil {
		a.fail(w, err)
		return
	}
	// The app has no further use for the tokens. One that has keeps what
	// token.MarshalBinary gives with the session.
	//
	// A new session: whoever knew the old one is not logged in.
	a.users.put(a.cookie.start(w), claims)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// claims are what the server said about the user.
func (a *app) claims(ctx context.Context, token *oauth.Token) (map[string]any, error) {
	claims := make(map[string]any)
	if a.userinfo {
		info, err := a.client.UserInfo(ctx, token, nil)
		if err != nil {
			return nil, err
		}
		if err := info.Claims(&claims); err != nil {
			return nil, err
		}
		a.logf("app: userinfo is about the same subject")
	}
	// Last, because what is signed wins.
	if err := token.IDToken().Claims(&claims); err != nil {
		return nil, err
	}
	for _, name := range []string{"nonce", "at_hash", "sid"} { // of no use any more
		delete(claims, name)
	}
	return claims, nil
}

// home shows who is logged in.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	claims, ok := a.users.get(a.cookie.id(r))
	if !ok {
		showPage(w, http.StatusOK, "Welcome", "You are not logged in.")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "sub: %s\n", printable(claims["sub"]))
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if name != "sub" {
			fmt.Fprintf(w, "%s: %s\n", printable(name), printable(claims[name]))
		}
	}
}

// fail shows what a user can make use of and logs the rest. The errors of
// package oauth have no secret in them.
func (a *app) fail(w http.ResponseWriter, err error) {
	a.logf("app: the login failed: %v", err)
	var refused *oauth.AuthorizationError
	switch {
	case errors.As(err, &refused): // access_denied, login_required, …
		showPage(w, http.StatusForbidden, "The server did not log you in", refused.Code+": "+refused.Description)
	case errors.Is(err, oauth.ErrInvalid), errors.Is(err, oauth.ErrParse): // of a token, and of the response's parameters
		showPage(w, http.StatusBadRequest, "The login failed", "The answer of the server did not pass a check.")
	default:
		showPage(w, http.StatusBadGateway, "The login failed", "Something is wrong between this application and the server.")
	}
}

// page is an html/template: what stands in an error is the other side's text.
var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
<p><a href="/login">Log in</a></p>
</html>
`))

func showPage(w http.ResponseWriter, status int, title, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	page.Execute(w, struct{ Title, Text string }{title, text})
}

// signature says how a verified ID token is signed.
func signature(id *oauth.IDToken) string {
	var header struct{ Alg, Kid string }
	segment, _, _ := strings.Cut(id.Raw(), ".")
	json.NewDecoder(base64.NewDecoder(base64.RawURLEncoding, strings.NewReader(segment))).Decode(&header)
	return printable(header.Alg + " signature by the server's key " + header.Kid)
}

// printable makes a value fit for a line of a terminal.
func printable(v any) string {
	s, ok := v.(string)
	if !ok {
		b, _ := json.Marshal(v) // of what encoding/json decoded
		s = string(b)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
