package after

import (
	"context"

	"example.com/oauth"
)

// VerifyIDToken is for an ID token that an app or a widget sent, with the nonce that the program gave out.
func VerifyIDToken(ctx context.Context, client *oauth.Client, raw, nonce string) (subject string, err error) {
	idToken, err := client.VerifyIDToken(ctx, raw, oauth.VerifyIDTokenOptions{Nonce: nonce})
	if err != nil {
		return "", err
	}
	return idToken.Subject(), nil
}
