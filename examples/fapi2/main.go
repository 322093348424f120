// Command fapi2 is a web application whose users log in by the FAPI 2.0 Security
// Profile with Message Signing, and that calls an API for them.
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=bank OAUTH_KEY=bank.pem OAUTH_KEY_ALG=ES256 \
//	OAUTH_APP=https://app.example.com OAUTH_API=https://api.example.com/accounts \
//	go run ./examples/fapi2
//
// It differs from login: the client has a key in place of a secret
// (private_key_jwt); the request is signed (JAR) and pushed to the server (PAR), and
// the browser gets a reference to it only; the response is signed (JARM); and the
// tokens are bound to another key (DPoP). The redirect URI is
// https://app.example.com/auth/callback.
//
// Without settings it is shown with a server and a browser of package oauthtest:
//
//	go run ./examples/fapi2
package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/web"
	"example.com/oauth/weblogin"
)

func main() {
	demo.Run("fapi2")
	ctx, httpClient := env.Context(), env.HTTPClient()
	key, err := oauth.ParseSigningKey(env.File("OAUTH_KEY"), oauth.Algorithm(env.Get("OAUTH_KEY_ALG")), "")
	env.Check(err)
	// Tokens are bound to this key. An application that keeps refresh tokens keeps it, too.
	proofKey, err := oauth.GenerateSigningKey(oauth.ES256)
	env.Check(err)
	dpop, err := oauth.NewDPoP(proofKey, oauth.Clock{})
	env.Check(err)
	server, err := oauth.Discover(ctx, env.Get("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	env.Check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server: server,
		Metadata: oauth.ClientMetadata{
			ClientID: env.Get("OAUTH_CLIENT_ID"),
		},
		Auth:            oauth.PrivateKeyJWT(key, nil),
		RequestKey:      key,
		DPoP:            dpop,
		HTTPClient:      httpClient,
		SecurityProfile: oauth.FAPI2MessageSigning, // refuses what the profile forbids, and sets what it fixes
	})
	env.Check(err)
	app := env.Get("OAUTH_APP")
	sessionKey := make([]byte, 32)
	rand.Read(sessionKey)
	login, err := weblogin.New(weblogin.Config{
		BaseURL:           app,
		Keys:              [][]byte{sessionKey},
		Providers:         []weblogin.Provider{{Client: client, Request: oauth.AuthorizationRequest{Scope: []string{"openid"}}, Tokens: true}},
		Store:             weblogin.NewMemoryStore(0),
		OnError:           func(_ *http.Request, err error) { log.Print("the login failed: ", err) },
		InsecureAllowHTTP: strings.HasPrefix(app, "http://127.0.0.1:"),
	})
	env.Check(err)
	mux := http.NewServeMux()
	mux.Handle("/auth/", login)
	mux.Handle("GET /{$}", login.Require(weblogin.Requirement{}, accounts{login, client}))
	log.Fatal(web.Serve(ctx, mux))
}

// accounts shows what the API answers for the user.
type accounts struct {
	login  *weblogin.Handler
	client *oauth.Client
}

func (a accounts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	session, _ := weblogin.FromContext(r.Context())
	token, err := session.Token(r.Context())
	if errors.Is(err, weblogin.ErrEnded) { // by the server, just now
		http.Redirect(w, r, a.login.LoginPath("/"), http.StatusSeeOther)
		return
	}
	if err != nil {
		web.Fail(w, http.StatusBadGateway, err)
		return
	}
	body, err := web.Call(r.Context(), a.client, token, env.Get("OAUTH_API"))
	if err != nil {
		web.Fail(w, http.StatusBadGateway, err)
		return
	}
	fmt.Fprintf(w, "sub: %q\niss: %q\nThe API answers %s", session.User().Subject, session.User().Issuer, body)
}
