// Command cli logs its user in from the command line, and calls an API.
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=tool OAUTH_TOKEN_FILE=token.bin \
//	OAUTH_API=https://api.example.com/me OAUTH_BROWSER=xdg-open go run ./examples/cli
//
// It differs from login: the client is a public one, the browser comes back to a
// port of this machine (RFC 8252), and the token is kept in a file for the next
// time. The redirect URI is http://127.0.0.1/callback, with which the server must
// allow any port (RFC 8252, Section 7.3). Without OAUTH_BROWSER the user opens
// the URL that is printed.
//
// Without settings two runs are shown with a server of package oauthtest:
//
//	go run ./examples/cli
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/keep"
	"example.com/oauth/examples/internal/loopback"
)

func main() {
	demo.Run("cli")
	ctx, httpClient := env.Context(), env.HTTPClient()
	server, err := oauth.Discover(ctx, env.Get("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	env.Check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: env.Get("OAUTH_CLIENT_ID")},
		Auth:       oauth.PublicClient(), // what every copy of a program has is no secret (RFC 8252, Section 8.5)
		HTTPClient: httpClient,
	})
	env.Check(err)
	file := env.Get("OAUTH_TOKEN_FILE")
	token, err := session(ctx, client, file)
	env.Check(err)
	// A process has one Transport for each user: it renews the token once for all
	// requests.
	transport, err := client.NewTransport(token, oauth.TransportOptions{
		Origins: []string{env.Origin("OAUTH_API")},
		Renew:   keep.Renew(client, file),
	})
	env.Check(err)
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get(env.Get("OAUTH_API"))
	env.Check(err)
	env.Check(env.PrintAnswer(resp))
}

// session continues the login that is stored, or logs the user in.
func session(ctx context.Context, client *oauth.Client, file string) (*oauth.Token, error) {
	token := new(oauth.Token)
	found, err := keep.Load(file, token)
	if err != nil {
		return nil, err
	}
	if found {
		// To see whether the login still holds. Ctrl-C does not interrupt it: the
		// response may have the only refresh token that is still good.
		token, err = keep.Renew(client, file)(context.WithoutCancel(ctx), token)
		var refused *oauth.ResponseError
		if !errors.As(err, &refused) || refused.Code != "invalid_grant" {
			return token, err
		}
		fmt.Println("The stored login is over.")
	}
	token, err = loopback.LogIn(ctx, client, oauth.AuthorizationRequest{
		Scope:  []string{"openid", "offline_access"},
		Prompt: "consent", // else a server ignores offline_access (OpenID Connect Core, Section 11)
	})
	if err != nil {
		return nil, err
	}
	if token.RefreshToken.IsZero() {
		fmt.Println("The server gave no refresh token: nothing is stored.")
		return token, nil
	}
	return token, keep.Save(file, token)
}
