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
	"fmt"
	"log"
	"net/http"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/web"
)

type app struct {
	client   *oauth.Client
	sessions *web.Sessions
}

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
	a := &app{client, web.NewSessions(env.Get("OAUTH_REDIRECT_URI"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", a.login)
	mux.HandleFunc("GET /callback", a.callback)
	log.Fatal(web.Serve(ctx, mux))
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	auth, err := a.client.StartAuthorization(r.Context(), &oauth.AuthorizationRequest{
		RedirectURI: env.Get("OAUTH_REDIRECT_URI"),
		Scope:       []string{"openid"},
	})
	if err != nil {
		web.Fail(w, http.StatusBadGateway, err)
		return
	}
	a.sessions.Begin(w, r, auth.State(), auth)
}

func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	state, err := a.client.ResponseState(r) // which is in a JWT that nobody has verified yet
	if err != nil {
		web.Fail(w, http.StatusBadRequest, err)
		return
	}
	auth, ok := a.sessions.Finish(w, r, state)
	if !ok {
		return
	}
	token, err := a.client.FinishAuthorization(r, auth, nil)
	if err != nil {
		web.Fail(w, http.StatusForbidden, err)
		return
	}
	issuer, subject, err := token.Identity()
	if err != nil {
		web.Fail(w, http.StatusForbidden, err)
		return
	}
	body, err := web.Call(r.Context(), a.client, token, env.Get("OAUTH_API"))
	if err != nil {
		web.Fail(w, http.StatusBadGateway, err)
		return
	}
	fmt.Fprintf(w, "sub: %q\niss: %q\nThe API answers %s", subject, issuer, body)
}
