// Command verify-zitadel verifies one ID token with zitadel/oidc.
package main

import (
	"context"
	"os"

	"net/http"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
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
	verifier := rp.NewIDTokenVerifier(issuer, clientID, rp.NewRemoteKeySet(http.DefaultClient, jwksURI), rp.WithNonce(func(context.Context) string { return nonce }))
	claims, err := rp.VerifyIDToken[*oidc.IDTokenClaims](ctx, token, verifier)
	if err != nil {
		return "", err
	}
	return claims.Subject, nil
}
