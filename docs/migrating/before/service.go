package before

import (
	"context"
	"net/http"
	"net/url"

	"golang.org/x/oauth2/clientcredentials"
)

// Service is an HTTP client with tokens of the program's own.
func Service(ctx context.Context, tokenURL, clientID, secret, api string) *http.Client {
	config := clientcredentials.Config{
		ClientID: clientID, ClientSecret: secret, TokenURL: tokenURL,
		EndpointParams: url.Values{"resource": {api}},
	}
	return config.Client(ctx)
}
