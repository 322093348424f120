// Command apiclient calls an API of which it knows nothing but the URL.
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=shop OAUTH_CLIENT_SECRET=… \
//	OAUTH_API=https://api.example.com/v1/orders go run ./examples/apiclient
//
// It differs from service: the answer of the API says which server its tokens come
// from, and which scope they need (RFC 9728). They are bound to a key of the client
// (DPoP, RFC 9449).
//
// Without settings it is shown with an API and a server of package oauthtest:
//
//	go run ./examples/apiclient
package main

import (
	"cmp"
	"context"
	"log"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
)

func main() {
	demo.Run("apiclient")
	ctx, httpClient := env.Context(), env.HTTPClient()
	api := env.Get("OAUTH_API")
	// Without a token, the API says what it wants (RFC 9449, Section 7.1).
	resp, err := cmp.Or(httpClient, &http.Client{Timeout: 30 * time.Second}).Get(api)
	env.Check(err)
	resp.Body.Close()
	challenges := oauth.ParseChallenges(resp.Header)
	i := slices.IndexFunc(challenges, func(c oauth.Challenge) bool { return c.HasScheme("DPoP") })
	if i < 0 {
		log.Fatal("the API does not ask for DPoP")
	}
	wanted := challenges[i].Params
	o := &oauth.DiscoverOptions{HTTPClient: httpClient, URL: wanted["resource_metadata"]}
	resource, err := oauth.DiscoverResource(ctx, api, o)
	env.Check(err)
	// The API may name any server. The secret of the client is for the one that it is
	// from, and for that only if the API takes its tokens.
	server, err := resource.Discover(ctx, env.Get("OAUTH_ISSUER"), o)
	env.Check(err)
	key, err := oauth.GenerateSigningKey(oauth.ES256) // for this, and for nothing else
	env.Check(err)
	dpop, err := oauth.NewDPoP(key, oauth.Clock{})
	env.Check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: env.Get("OAUTH_CLIENT_ID")},
		Auth:       oauth.ClientSecretBasic(env.Get("OAUTH_CLIENT_SECRET")),
		DPoP:       dpop,
		HTTPClient: httpClient,
	})
	env.Check(err)
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{env.Origin("OAUTH_API")},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, &oauth.GrantOptions{Scope: strings.Fields(wanted["scope"]), Resource: []string{resource.Resource}})
		},
	})
	env.Check(err)
	resp, err = (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get(api)
	env.Check(err)
	env.Check(env.PrintAnswer(resp))
}
