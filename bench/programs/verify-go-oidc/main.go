// Command verify-go-oidc verifies one ID token with go-oidc.
package main

import (
	"context"
	"os"

	"errors"

	"github.com/coreos/go-oidc/v3/oidc"
)

// main takes the issuer, the URL of its keys, the client id, the token and the nonce.
func main() {
	if len(os.Args) < 6 {
		return
	}
	subject, err := verify(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	println(subject)
}

func verify(ctx context.Context, issuer, jwksURI, clientID, token, nonce string) (string, error) {
	verifier := oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(ctx, jwksURI), &oidc.Config{ClientID: clientID})
	id, err := verifier.Verify(ctx, token)
	if err != nil {
		return "", err
	}
	if id.Nonce != nonce {
		return "", errors.New("wrong nonce")
	}
	return id.Subject, nil
}
