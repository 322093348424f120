// Command register registers itself as a client, logs its user in, and ends its
// registration (RFC 7591, RFC 7592).
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_REGISTRATION_FILE=client.bin \
//	OAUTH_INITIAL_ACCESS_TOKEN=… go run ./examples/register
//
// It differs from cli: nobody has registered the client before. What the server
// answers is kept in the file, which is secret, so that the next run goes on with
// it if this one fails. OAUTH_INITIAL_ACCESS_TOKEN is for servers where not
// everybody may register.
//
// Without settings it is shown with a server of package oauthtest:
//
//	go run ./examples/register
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/keep"
	"example.com/oauth/examples/internal/loopback"
)

// metadata is what the client registers with. The server chooses what it leaves out.
var metadata = oauth.ClientMetadata{
	ClientName:              "register-example",
	RedirectURIs:            []string{"http://127.0.0.1/callback"}, // with any port
	ResponseTypes:           []string{"code"},
	GrantTypes:              []string{"authorization_code"},
	TokenEndpointAuthMethod: "client_secret_basic",
	// Only native clients may use http on loopback (OpenID Connect Dynamic Client
	// Registration 1.0, Section 2).
	ApplicationType: "native",
}

func main() {
	demo.Run("register")
	ctx, httpClient := env.Context(), env.HTTPClient()
	server, err := oauth.Discover(ctx, env.Get("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	env.Check(err)
	file := env.Get("OAUTH_REGISTRATION_FILE")
	opts := &oauth.RegistrationOptions{
		InitialAccessToken: oauth.NewSecret(os.Getenv("OAUTH_INITIAL_ACCESS_TOKEN")),
		HTTPClient:         httpClient,
	}
	reg, err := registered(ctx, server, file, opts)
	env.Check(err)
	cfg, err := reg.Config(server, nil)
	env.Check(err)
	cfg.HTTPClient = httpClient
	client, err := oauth.NewClient(cfg)
	env.Check(err)
	token, err := loopback.LogIn(ctx, client, oauth.AuthorizationRequest{Scope: []string{"openid"}})
	env.Check(err)
	_, subject, err := token.Identity()
	env.Check(err)
	env.Check(end(ctx, reg, file, opts))
	fmt.Printf("sub: %q\n", subject)
}

// registered returns the client in the file, or registers one.
func registered(ctx context.Context, server *oauth.AuthorizationServer, file string, opts *oauth.RegistrationOptions) (*oauth.Registration, error) {
	reg := new(oauth.Registration)
	if found, err := keep.Load(file, reg); err != nil || found {
		return reg, err
	}
	reg, err := oauth.Register(ctx, server, metadata, opts)
	var made *oauth.RegistrationError
	if errors.As(err, &made) { // a client that exists, and must not be used
		reg = made.Registration
	}
	if err == nil {
		fmt.Printf("Registered as %q.\n", reg.Metadata.ClientID)
		err = keep.Save(file, reg)
	}
	if err != nil && reg != nil {
		err = errors.Join(err, reg.Delete(context.WithoutCancel(ctx), opts))
	}
	return reg, err
}

// end ends the registration. The file is kept if that fails.
func end(ctx context.Context, reg *oauth.Registration, file string, opts *oauth.RegistrationOptions) error {
	if reg.RegistrationClientURI == "" {
		fmt.Println("The server does not let clients manage their registration.")
		return nil
	}
	if err := reg.Delete(ctx, opts); err != nil {
		return err
	}
	return os.Remove(file)
}
