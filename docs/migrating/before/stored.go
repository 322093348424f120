package before

import (
	"context"
	"encoding/json"

	"golang.org/x/oauth2"
)

// Fresh is the stored token, refreshed and stored again if it has expired.
func Fresh(ctx context.Context, config *oauth2.Config, load func() ([]byte, error), store func([]byte) error) (*oauth2.Token, error) {
	text, err := load()
	if err != nil {
		return nil, err
	}
	var old oauth2.Token
	if err := json.Unmarshal(text, &old); err != nil {
		return nil, err
	}
	token, err := config.TokenSource(ctx, &old).Token()
	if err != nil || token.AccessToken == old.AccessToken {
		return token, err
	}
	if text, err = json.Marshal(token); err != nil {
		return nil, err
	}
	return token, store(text)
}
