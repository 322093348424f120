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
	"context"
	"errors"
	"net/http"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
)

func main() {
	demo.Run("service")
	ctx, httpClient := env.Context(), env.HTTPClient()
	key, err := oauth.ParseSigningKey(env.File("OAUTH_KEY"), oauth.Algorithm(env.Get("OAUTH_KEY_ALG")), "")
	env.Check(err)
	server, err := oauth.Discover(ctx, env.Get("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	env.Check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: env.Get("OAUTH_CLIENT_ID")},
		Auth:       oauth.PrivateKeyJWT(key, nil),
		HTTPClient: httpClient,
	})
	env.Check(err)
	// The Transport gets a token when the first request needs it, and another one before
	// it expires or when the API no longer takes it. Requests at the same time share one.
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{env.Origin("OAUTH_API")},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, &oauth.GrantOptions{Scope: env.Words("OAUTH_SCOPE")})
		},
	})
	env.Check(err)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, env.Get("OAUTH_API"), nil)
	env.Check(err)
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(req)
	if err == nil {
		err = env.PrintAnswer(resp)
	}
	// After an error and after Ctrl-C, too. A server need not have the endpoint.
	if token := transport.Token(); token != nil && server.RevocationEndpoint != "" {
		err = errors.Join(err, client.Revoke(context.WithoutCancel(ctx), token.AccessToken.Reveal(), nil))
	}
	env.Check(err)
}
