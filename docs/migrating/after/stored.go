package after

import (
	"bytes"
	"context"
	"errors"
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
	fresh, failure := client.Refresh(ctx, token, nil)
	if rotated := (*oauth.RefreshError)(nil); errors.As(failure, &rotated) {
		token.RefreshToken = rotated.RefreshToken // the old one is no longer valid
		fresh = token
	} else if failure != nil {
		return nil, failure
	}
	if data, err = fresh.MarshalBinary(); err != nil {
		return nil, err
	}
	if err := store(data); err != nil || failure != nil {
		return nil, errors.Join(failure, err)
	}
	return fresh, nil
}
