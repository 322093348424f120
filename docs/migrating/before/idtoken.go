package before

import (
	"context"
	"errors"

	"github.com/coreos/go-oidc/v3/oidc"
)

// VerifyIDToken is for an ID token that an app or a widget sent, with the nonce that the program gave out.
func VerifyIDToken(ctx context.Context, provider *oidc.Provider, clientID, raw, nonce string) (subject string, err error) {
	idToken, err := provider.Verifier(&oidc.Config{ClientID: clientID}).Verify(ctx, raw)
	if err != nil {
		return "", err
	}
	if nonce == "" || idToken.Nonce != nonce {
		return "", errors.New("wrong nonce")
	}
	return idToken.Subject, nil
}
