package after

import (
	"context"
	"net/http"

	"example.com/oauth"
)

// Service is an HTTP client with tokens of the program's own.
func Service(client *oauth.Client, api, origin string) (*http.Client, error) {
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{origin},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, &oauth.GrantOptions{Resource: []string{api}})
		},
	})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport}, nil
}
