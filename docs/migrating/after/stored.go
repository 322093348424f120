package after

import (
	"bytes"
	"context"
	"time"

	"example.com/oauth"
	"example.com/oauth/xoauth2"
)

// Fresh is the stored token, refreshed and stored again if it has expired. It reads
// tokens that were stored with x/oauth2, too.
func Fresh(ctx context.Context, client *oauth.Client, load func() ([]byte, error), store func([]byte) error) (*oauth.Token, error) {
	data, err := load()
	if err != nil {
		return nil, err
	}
	token := new(oauth.Token)
	if bytes.HasPrefix(data, []byte("{")) {
		token, err = xoauth2.ParseToken(data)
	} else {
		err = token.UnmarshalBinary(data)
	}
	if err != nil || !client.Expired(token, 30*time.Second) {
		return token, err
	}
	if token, err = client.Refresh(ctx, token, nil); err != nil {
		return nil, err // a *oauth.RefreshError has a new refresh token, which must be stored
	}
	if data, err = token.MarshalBinary(); err != nil {
		return nil, err
	}
	return token, store(data)
}
