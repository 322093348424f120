package after

import (
	"context"
	"crypto"

	"example.com/oauth"
)

// StaticKey verifies ID tokens with a key that the program knows by its key id.
func StaticKey(ctx context.Context, issuer, clientID, raw, keyID string, key crypto.PublicKey) (subject string, err error) {
	keys, err := oauth.NewPublicKeySet(map[string]crypto.PublicKey{keyID: key})
	if err != nil {
		return "", err
	}
	client, err := oauth.NewClient(oauth.Config{
		Server: &oauth.AuthorizationServer{Issuer: issuer}, KeySet: keys,
		Metadata: oauth.ClientMetadata{ClientID: clientID, IDTokenSignedResponseAlg: oauth.ES256},
	})
	if err != nil {
		return "", err
	}
	idToken, err := client.VerifyIDToken(ctx, raw, oauth.VerifyIDTokenOptions{InsecureNoNonce: true})
	if err != nil {
		return "", err
	}
	return idToken.Subject(), nil
}
