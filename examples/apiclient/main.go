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
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
)

func main() {
	httpClient := demo.Client("apiclient")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	api, err := url.Parse(os.Getenv("OAUTH_API"))
	check(err)
	wanted, err := knock(httpClient, api)
	check(err)
	o := &oauth.DiscoverOptions{HTTPClient: httpClient, URL: wanted.Params["resource_metadata"]}
	resource, err := oauth.DiscoverResource(ctx, api.String(), o)
	check(err)
	// The API may name any server. The secret of the client is for the one that it is
	// from, and for that only if the API takes its tokens.
	server, err := resource.Discover(ctx, os.Getenv("OAUTH_ISSUER"), o)
	check(err)
	// Tokens are bound to this key, and it is for nothing else. It lives as long as the
	// program.
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	check(err)
	dpop, err := oauth.NewDPoP(key, oauth.Clock{})
	check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: os.Getenv("OAUTH_CLIENT_ID")},
		Auth:       oauth.ClientSecretBasic(os.Getenv("OAUTH_CLIENT_SECRET")),
		DPoP:       dpop,
		HTTPClient: httpClient,
	})
	check(err)
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{api.Scheme + "://" + api.Host},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, &oauth.GrantOptions{
				Scope:    strings.Fields(wanted.Params["scope"]),
				Resource: []string{resource.Resource},
			})
		},
	})
	check(err)
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get(api.String())
	check(err)
	defer resp.Body.Close()
	var said struct{ Sub string } // these APIs say who calls
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&said)
	if resp.StatusCode != http.StatusOK || err != nil {
		log.Fatalf("the API answers %d", resp.StatusCode)
	}
	fmt.Printf("The API takes a token of type %q.\nsub: %q\n", transport.Token().TokenType, said.Sub)
}

// knock calls the API without a token, to hear what it wants (RFC 9449, Section
// 7.1).
func knock(client *http.Client, api *url.URL) (oauth.Challenge, error) {
	resp, err := cmp.Or(client, &http.Client{Timeout: 30 * time.Second}).Get(api.String())
	if err != nil {
		return oauth.Challenge{}, err
	}
	resp.Body.Close()
	for _, c := range oauth.ParseChallenges(resp.Header) {
		if c.HasScheme("DPoP") {
			return c, nil
		}
	}
	return oauth.Challenge{}, errors.New("the API does not ask for DPoP")
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
