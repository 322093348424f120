// Command fapi2 is a web application whose users log in by the FAPI 2.0 Security
// Profile with Message Signing, and that calls an API for them.
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=bank OAUTH_KEY=bank.pem OAUTH_KEY_ALG=ES256 \
//	OAUTH_REDIRECT_URI=https://app.example.com/callback OAUTH_API=https://api.example.com/accounts \
//	go run ./examples/fapi2
//
// It differs from login: the client has a key in place of a secret
// (private_key_jwt); the request is signed (JAR) and pushed to the server (PAR), and
// the browser gets a reference to it only; the response is signed (JARM); and the
// tokens are bound to another key (DPoP). Session and logout of the user are as in
// login.
//
// Without settings it is shown with a server and a browser of package oauthtest:
//
//	go run ./examples/fapi2
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/web"
)

type app struct {
	client  *oauth.Client
	api     *url.URL
	cookie  web.Cookie
	pending web.Store[*oauth.PendingAuthorization] // logins under way, by session
}

func main() {
	httpClient := demo.Client("fapi2")
	text, err := os.ReadFile(os.Getenv("OAUTH_KEY"))
	check(err)
	key, err := oauth.ParseSigningKey(text, oauth.Algorithm(os.Getenv("OAUTH_KEY_ALG")), "")
	check(err)
	// The key that tokens are bound to. An application that keeps refresh tokens keeps
	// this key, too.
	proofKey, err := oauth.GenerateSigningKey(oauth.ES256)
	check(err)
	dpop, err := oauth.NewDPoP(proofKey, oauth.Clock{})
	check(err)
	server, err := oauth.Discover(context.Background(), os.Getenv("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server: server,
		Metadata: oauth.ClientMetadata{
			ClientID:                           os.Getenv("OAUTH_CLIENT_ID"),
			AuthorizationSignedResponseAlg:     oauth.ES256,
			IDTokenSignedResponseAlg:           oauth.ES256,
			RequestObjectSigningAlg:            key.Algorithm(),
			RequirePushedAuthorizationRequests: true,
		},
		Auth:                  oauth.PrivateKeyJWT(key, nil),
		RequestKey:            key, // JAR: every request is signed
		DPoP:                  dpop,
		HTTPClient:            httpClient,
		RequireResponseIssuer: true, // FAPI 2.0 wants iss in every response; its JWT has it
	})
	check(err)
	api, err := url.Parse(os.Getenv("OAUTH_API"))
	check(err)
	a := &app{client: client, api: api}
	a.cookie.Secure = strings.HasPrefix(os.Getenv("OAUTH_REDIRECT_URI"), "https:")
	a.pending.Life = 10 * time.Minute
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", a.login)
	mux.HandleFunc("GET /callback", a.callback)
	log.Fatal(web.Serve(mux))
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	auth, err := a.client.StartAuthorization(r.Context(), &oauth.AuthorizationRequest{
		RedirectURI:  os.Getenv("OAUTH_REDIRECT_URI"),
		Scope:        []string{"openid"},
		ResponseMode: "jwt", // JARM
	})
	if err != nil {
		fail(w, http.StatusBadGateway, err)
		return
	}
	// By the session alone: the state of the response is in its JWT, which is not
	// verified yet when the login is looked for.
	a.pending.Put(a.cookie.Continue(w, r), auth)
	http.Redirect(w, r, auth.URL(), http.StatusSeeOther)
}

func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	auth, ok := a.pending.Take(a.cookie.Session(r))
	if !ok {
		http.Error(w, "This login was not started in this browser, was finished before, or took too long.", http.StatusForbidden)
		return
	}
	token, err := a.client.FinishAuthorization(r, auth, nil)
	if err != nil {
		fail(w, http.StatusForbidden, err)
		return
	}
	issuer, subject, err := token.Identity()
	if err != nil {
		fail(w, http.StatusForbidden, err)
		return
	}
	resp, err := a.call(r.Context(), token)
	if err != nil {
		fail(w, http.StatusBadGateway, err)
		return
	}
	resp.Body.Close()
	fmt.Fprintf(w, "sub: %q\niss: %q\nThe API answers %d.\n", subject, issuer, resp.StatusCode)
}

// call proves with each request that the client has the key, and sends the token to
// this one origin. An application whose session goes on keeps the Transport for it,
// with an OnRefresh that stores the new token.
func (a *app) call(ctx context.Context, token *oauth.Token) (*http.Response, error) {
	transport, err := a.client.NewTransport(token, oauth.TransportOptions{Origins: []string{a.api.Scheme + "://" + a.api.Host}})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.api.String(), nil)
	if err != nil {
		return nil, err
	}
	return (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(req)
}

// fail tells the user nothing of the error. The log does.
func fail(w http.ResponseWriter, status int, err error) {
	log.Print("the login failed: ", err)
	http.Error(w, "The login failed.", status)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
