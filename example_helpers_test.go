package oauth_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// exampleServer starts a server for tests, and makes a client that is registered there. edit
// may change both.
func exampleServer(edit func(*oauthtest.Options, *oauthtest.Client, *oauth.Config)) (*oauthtest.Server, *oauth.Client) {
	options := oauthtest.Options{SigningAlgs: []string{"ES256"}}
	registered := oauthtest.Client{
		ID: "web", Secret: "a secret that only the two know", RedirectURIs: []string{"https://app.example.com/callback"},
		PostLogoutRedirectURIs: []string{"https://app.example.com/"},
	}
	cfg := oauth.Config{Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic(registered.Secret)}
	if edit != nil {
		edit(&options, &registered, &cfg)
	}
	srv := oauthtest.NewServer(&options)
	srv.AddClient(registered)
	as, err := oauth.Discover(context.Background(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	check(err)
	if cfg.Server, cfg.HTTPClient = as, srv.Client(); cfg.MTLS != nil {
		cfg.HTTPClient, cfg.MTLS.RootCAs = nil, srv.RootCAs()
	}
	client, err := oauth.NewClient(cfg)
	check(err)
	return srv, client
}

// exampleLogin logs alice in.
func exampleLogin(srv *oauthtest.Server, client *oauth.Client, scope ...string) *oauth.Token {
	ctx := context.Background()
	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{RedirectURI: "https://app.example.com/callback", Scope: scope})
	check(err)
	callback, err := srv.Authorize(ctx, pending.URL())
	check(err)
	token, err := client.FinishAuthorization(callback, pending, nil)
	check(err)
	return token
}

// check ends a program that cannot go on.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// bodyOf reads the body of a response.
func bodyOf(resp *http.Response) string {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check(err)
	return string(body)
}

// exampleRequest is a request as a browser or client sends it to the program.
func exampleRequest(method, target string) *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), method, target, nil)
	check(err)
	return r
}

// exampleNow is a time as tokens have it.
func exampleNow() int64 { return time.Now().Unix() }
