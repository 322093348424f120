// Command service calls an API as itself.
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=batch OAUTH_KEY=batch.pem OAUTH_KEY_ALG=ES256 \
//	OAUTH_SCOPE=orders OAUTH_API=https://api.example.com/orders go run ./examples/service
//
// It differs from login: there is no user (client credentials, RFC 6749, Section
// 4.4), and the client authenticates with a key in place of a secret
// (private_key_jwt). A key in a KMS or an HSM is a crypto.Signer for
// oauth.NewSigningKey. The token is revoked at the end.
//
// Without settings it is shown with a server of package oauthtest:
//
//	go run ./examples/service
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
)

func main() {
	httpClient := demo.Client("service")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	text, err := os.ReadFile(os.Getenv("OAUTH_KEY"))
	check(err)
	key, err := oauth.ParseSigningKey(text, oauth.Algorithm(os.Getenv("OAUTH_KEY_ALG")), "")
	check(err)
	server, err := oauth.Discover(ctx, os.Getenv("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: os.Getenv("OAUTH_CLIENT_ID")},
		Auth:       oauth.PrivateKeyJWT(key, nil),
		HTTPClient: httpClient,
	})
	check(err)
	api, err := url.Parse(os.Getenv("OAUTH_API"))
	check(err)
	// The Transport gets a token when the first request needs it, and another one
	// before it expires or when the API no longer takes it. Requests at the same time
	// wait for one token.
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{api.Scheme + "://" + api.Host},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, &oauth.GrantOptions{Scope: strings.Fields(os.Getenv("OAUTH_SCOPE"))})
		},
	})
	check(err)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api.String(), nil)
	check(err)
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(req)
	if err == nil {
		fmt.Printf("The API answers %d.\n", resp.StatusCode)
		resp.Body.Close()
	}
	if token := transport.Token(); token != nil { // after an error and after Ctrl-C, too
		err = errors.Join(err, end(context.WithoutCancel(ctx), client, server, token.AccessToken.Reveal()))
	}
	check(err)
}

// end shows what the server knows of the token, and revokes it. Servers need not have
// the endpoints for that.
func end(ctx context.Context, client *oauth.Client, server *oauth.AuthorizationServer, token string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var info *oauth.Introspection
	if server.IntrospectionEndpoint != "" {
		info, err = client.Introspect(ctx, token, nil)
	}
	if server.RevocationEndpoint != "" {
		err = errors.Join(err, client.Revoke(ctx, token, nil))
	}
	if err == nil && info != nil {
		// The subject of such a token is the client (RFC 9068, Section 2.2), if the
		// server names one at all.
		fmt.Printf("sub: %q\nscope: %q\n", cmp.Or(info.Subject(), info.ClientID()), info.Scope())
	}
	return err
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
