package oauthtest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/url"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A login with package oauth.
func Example() {
	ctx := context.Background()
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{
		ID:           "web",
		Secret:       "a secret that only the two know",
		RedirectURIs: []string{"https://app.example.com/cb"},
	})

	// In the application.
	as, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		log.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:     as,
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretBasic("a secret that only the two know"),
		HTTPClient: srv.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/cb",
		Scope:       []string{"openid"},
	})
	if err != nil {
		log.Fatal(err)
	}

	// In the browser, as the server plays it.
	callback, err := srv.Authorize(ctx, pending.URL())
	if err != nil {
		log.Fatal(err)
	}

	// In the application again.
	token, err := client.FinishAuthorization(callback, pending, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Subject())
	// Output: alice
}

func ExampleServer_Fault() {
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()

	srv.Fault(oauthtest.DiscoveryWrongIssuer)
	_, err := oauth.Discover(context.Background(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	fmt.Println(errors.Is(err, oauth.ErrIssuer), srv.Count("/jwks"))

	srv.Fault() // correct again
	_, err = oauth.Discover(context.Background(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	fmt.Println(err)
	// Output:
	// true 0
	// <nil>
}

func ExampleServer_Authorize() {
	srv := oauthtest.NewServer(nil)
	defer srv.Close()
	srv.AddClient(oauthtest.Client{
		ID:           "web",
		Secret:       "a secret that only the two know",
		RedirectURIs: []string{"https://app.example.com/cb"},
	})

	// A client package makes this URL.
	authorizationURL := srv.URL() + "/authorize?" + url.Values{
		"response_type": {"code"},
		"client_id":     {"web"},
		"redirect_uri":  {"https://app.example.com/cb"},
		"scope":         {"openid"},
		"state":         {"af0ifjsldkj"},
	}.Encode()

	callback, err := srv.Authorize(context.Background(), authorizationURL)
	if err != nil {
		log.Fatal(err)
	}
	params := callback.URL.Query()
	fmt.Println(callback.Method, callback.URL.Host, params.Get("state"), params.Has("code"))

	srv.Fault(oauthtest.MissingState)
	callback, err = srv.Authorize(context.Background(), authorizationURL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(callback.URL.Query().Has("state"))
	// Output:
	// GET app.example.com af0ifjsldkj true
	// false
}
