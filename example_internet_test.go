//go:build !js

// Without sockets nothing is connected to, so nothing is refused.

package oauth_test

import (
	"context"
	"errors"
	"fmt"

	"example.com/oauth"
)

func ExampleNewInternetHTTPClient() {
	client := oauth.NewInternetHTTPClient()
	for _, issuer := range []string{"https://169.254.169.254", "https://localhost:8443/admin", "https://[::ffff:10.0.0.1]", "https://[64:ff9b::a00:1]"} {
		_, err := oauth.Discover(context.Background(), issuer, &oauth.DiscoverOptions{HTTPClient: client})
		fmt.Println(issuer, errors.Is(err, oauth.ErrInsecureURL))
	}
	// The same for Config.HTTPClient: the metadata name further URLs.

	// Output:
	// https://169.254.169.254 true
	// https://localhost:8443/admin true
	// https://[::ffff:10.0.0.1] true
	// https://[64:ff9b::a00:1] true
}
