package oauth_test

import (
	"context"
	"errors"
	"fmt"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A client that registers itself, and is registered from then on (RFC 7591).
func ExampleRegister() {
	ctx := context.Background()
	srv := oauthtest.NewServer(nil)
	defer srv.Close()
	as, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	check(err)

	registration, err := oauth.Register(ctx, as, oauth.ClientMetadata{
		ClientName:   "Orders",
		RedirectURIs: []string{"https://app.example.com/callback"},
	}, &oauth.RegistrationOptions{HTTPClient: srv.Client()})
	var made *oauth.RegistrationError
	if errors.As(err, &made) { // a client exists, and is not as it should be
		check(errors.Join(err, made.Registration.Delete(ctx, nil)))
	}
	check(err)
	saved, err := registration.MarshalBinary() // secret: to be stored before anything else
	check(err)
	restored := new(oauth.Registration)
	check(restored.UnmarshalBinary(saved))

	cfg, err := restored.Config(as, nil)
	check(err)
	cfg.HTTPClient = srv.Client()
	client, err := oauth.NewClient(cfg)
	check(err)
	fmt.Println("hello", exampleLogin(srv, client, "openid").Subject())
	// Output: hello alice
}

// A registration is read, changed and deleted with its registration access token (RFC 7592),
// which each of these requests may replace.
func ExampleRegistration_Update() {
	ctx := context.Background()
	srv := oauthtest.NewServer(nil)
	defer srv.Close()
	opts := &oauth.RegistrationOptions{HTTPClient: srv.Client()}
	as, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	check(err)
	registration, err := oauth.Register(ctx, as, oauth.ClientMetadata{RedirectURIs: []string{"https://app.example.com/callback"}}, opts)
	check(err)

	m := registration.Metadata
	m.RedirectURIs = append(m.RedirectURIs, "https://app.example.com/callback2")
	registration, err = registration.Update(ctx, m, opts) // and store it
	check(err)
	registration, err = registration.Read(ctx, opts) // and store it
	check(err)
	fmt.Println(len(registration.Metadata.RedirectURIs))
	check(registration.Delete(ctx, opts))
	// Output: 2
}
