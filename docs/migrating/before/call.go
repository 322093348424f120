package before

import (
	"context"
	"net/http"

	"golang.org/x/oauth2"
)

// APIClient sends the token with every request, to whatever host, and refreshes it.
func APIClient(ctx context.Context, config *oauth2.Config, token *oauth2.Token) *http.Client {
	return config.Client(ctx, token)
}
