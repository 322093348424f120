package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A login from beginning to end, at a server for tests.
func Example() {
	ctx := context.Background()
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{
		ID:           "web",
		Secret:       "a secret that only the two know",
		RedirectURIs: []string{"https://app.example.com/callback"},
	})

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
		RedirectURI: "https://app.example.com/callback",
		Scope:       []string{"openid", "email"},
	})
	if err != nil {
		log.Fatal(err)
	}
	// This is what happens in the user's browser.
	callback, err := srv.Authorize(ctx, pending.URL())
	if err != nil {
		log.Fatal(err)
	}
	token, err := client.FinishAuthorization(callback, pending, nil)
	if err != nil {
		log.Fatal(err)
	}
	var claims struct {
		Email string `json:"email"`
	}
	if err := token.IDToken().Claims(&claims); err != nil {
		log.Fatal(err)
	}
	_, subject, err := token.Identity() // and the issuer, where there are several
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(subject, claims.Email, token.IDToken().EmailVerified())
	// Output: alice alice@example.com true
}

// The program starts although the server cannot be reached yet.
func ExampleNewClientFromIssuer() {
	srv := oauthtest.NewServer(nil)
	srv.Close() // it is down

	client, err := oauth.NewClientFromIssuer(srv.Issuer(), nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "service"},
		Auth:       oauth.ClientSecretBasic("a secret that only the two know"),
		HTTPClient: srv.Client(),
	})
	if err != nil { // the configuration is wrong
		log.Fatal(err)
	}
	_, err = client.ClientCredentials(context.Background(), nil)
	fmt.Println("unavailable:", errors.Is(err, oauth.ErrUnavailable))
	// Output: unavailable: true
}

// A server that somebody else named: a user, a tenant, a resource's metadata. Its URL may
// lead to a service that only this program can reach.
func ExampleSecret() {
	token := struct {
		Access oauth.Secret
		Type   string
	}{oauth.NewSecret("2YotnFZFEjr1zCsicMWpAA"), "Bearer"}

	fmt.Println(token.Access)
	fmt.Printf("%+v\n", token)
	fmt.Println(strings.HasPrefix(token.Access.Reveal(), "2Yot"))
	// Output:
	// [redacted]
	// {Access:[redacted] Type:Bearer}
	// true
}

func ExampleParseChallenges() {
	h := http.Header{}
	h.Add("WWW-Authenticate", `Negotiate YWJjZA==, Bearer realm="orders", error="insufficient_scope", scope="read write"`)

	for _, c := range oauth.ParseChallenges(h) {
		if c.HasScheme("bearer") {
			fmt.Println(c.Params["error"], "needs", c.Params["scope"])
		} else {
			fmt.Println(c.Scheme, c.Token68)
		}
	}
	// Output:
	// Negotiate YWJjZA==
	// insufficient_scope needs read write
}
