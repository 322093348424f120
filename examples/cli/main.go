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
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/keep"
	"example.com/oauth/examples/internal/loopback"
)

func main() {
	httpClient := demo.Client("cli")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	server, err := oauth.Discover(ctx, os.Getenv("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: os.Getenv("OAUTH_CLIENT_ID")},
		Auth:       oauth.PublicClient(), // what every copy of a program has is no secret (RFC 8252, Section 8.5)
		HTTPClient: httpClient,
	})
	check(err)
	file := os.Getenv("OAUTH_TOKEN_FILE")
	token, err := session(ctx, client, file)
	check(err)
	_, subject, err := token.Identity()
	check(err)

	// A process has one Transport for each user: it renews the token once for all
	// requests.
	api, err := url.Parse(os.Getenv("OAUTH_API"))
	check(err)
	transport, err := client.NewTransport(token, oauth.TransportOptions{
		Origins: []string{api.Scheme + "://" + api.Host},
		Renew:   keep.Renew(client, file),
	})
	check(err)
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get(api.String())
	check(err)
	defer resp.Body.Close()
	fmt.Printf("The API answers %d.\nsub: %q\n", resp.StatusCode, subject)
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

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
