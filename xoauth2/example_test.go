package xoauth2_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/xoauth2"
	"golang.org/x/oauth2"
)

// A program with x/oauth2 has stored a token. It moves to package oauth, which keeps the
// token fresh, and uses it where an oauth2.TokenSource is wanted.
func Example() {
	ctx := context.Background()
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{ID: "job", Secret: "a secret that only the two know"})
	as, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		log.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:     as,
		Metadata:   oauth.ClientMetadata{ClientID: "job"},
		Auth:       oauth.ClientSecretBasic("a secret that only the two know"),
		HTTPClient: srv.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := xoauth2.ParseToken([]byte(`{"access_token":"a","token_type":"Bearer","expiry":"2020-01-01T00:00:00Z"}`))
	if err != nil {
		log.Fatal(err)
	}
	transport, err := client.NewTransport(token, oauth.TransportOptions{
		Origins: []string{srv.URL()},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, nil)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	source, err := xoauth2.TokenSource(ctx, transport)
	if err != nil {
		log.Fatal(err)
	}
	// What another library does with it.
	api := oauth2.NewClient(context.WithValue(ctx, oauth2.HTTPClient, srv.Client()), source)
	res, err := api.Get(srv.URL() + "/resource")
	if err != nil {
		log.Fatal(err)
	}
	res.Body.Close()
	fmt.Println(res.StatusCode == http.StatusOK)
	// Output: true
}
