// Command device logs its user in on any device (RFC 8628).
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=tv go run ./examples/device
//
// It differs from cli: there is no browser on this machine, and nothing comes back
// to it. The program asks the server until the user has decided, the codes have
// expired, or the context ends. It may keep its token as cli does.
//
// Without settings it is shown with a server of package oauthtest:
//
//	go run ./examples/device
package main

import (
	"fmt"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
)

func main() {
	demo.Run("device")
	ctx, httpClient := env.Context(), env.HTTPClient()
	server, err := oauth.Discover(ctx, env.Get("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	env.Check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: env.Get("OAUTH_CLIENT_ID")},
		Auth:       oauth.PublicClient(),
		HTTPClient: httpClient,
	})
	env.Check(err)
	d, err := client.StartDeviceAuthorization(ctx, &oauth.DeviceAuthorizationRequest{Scope: []string{"openid"}})
	env.Check(err)
	fmt.Printf("To log in, open %s on any device and enter %s\n", d.VerificationURI(), d.UserCode())
	if complete := d.VerificationURIComplete(); complete != "" {
		fmt.Printf("or open %s and compare the code.\n", complete)
	}
	token, err := client.PollDevice(ctx, d, nil)
	env.Check(err)
	_, subject, err := token.Identity()
	env.Check(err)
	fmt.Printf("sub: %q\n", subject)
}
