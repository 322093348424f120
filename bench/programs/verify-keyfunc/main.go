// Command verify-keyfunc verifies one ID token with keyfunc and golang-jwt.
package main

import (
	"context"
	"os"

	"errors"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
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
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{jwksURI})
	if err != nil {
		return "", err
	}
	var claims struct {
		jwt.RegisteredClaims
		Nonce string `json:"nonce"`
	}
	if _, err := jwt.ParseWithClaims(token, &claims, keys.Keyfunc, jwt.WithIssuer(issuer), jwt.WithAudience(clientID), jwt.WithExpirationRequired()); err != nil {
		return "", err
	}
	if claims.Nonce != nonce {
		return "", errors.New("wrong nonce")
	}
	return claims.Subject, nil
}
