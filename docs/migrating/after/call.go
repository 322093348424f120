package after

import (
	"context"
	"net/http"

	"example.com/oauth"
)

// APIClient sends the token to the origin of the API alone, and refreshes it.
func APIClient(client *oauth.Client, token *oauth.Token, origin string, store func(context.Context, *oauth.Token) error) (*http.Client, error) {
	transport, err := client.NewTransport(token, oauth.TransportOptions{Origins: []string{origin}, OnRefresh: store})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport}, nil
}
