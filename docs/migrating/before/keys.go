package before

import (
	"context"
	"crypto"

	"github.com/coreos/go-oidc/v3/oidc"
)

// StaticKey verifies ID tokens with a key that the program knows.
func StaticKey(ctx context.Context, issuer, clientID, raw string, key crypto.PublicKey) (subject string, err error) {
	keys := &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key}}
	idToken, err := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: clientID, SupportedSigningAlgs: []string{oidc.ES256}}).Verify(ctx, raw)
	if err != nil {
		return "", err
	}
	return idToken.Subject, nil
}
