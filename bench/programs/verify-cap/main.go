// Command verify-cap verifies one ID token with hashicorp/cap.
package main

import (
	"context"
	"os"

	"errors"

	"github.com/hashicorp/cap/jwt"
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
	keys, err := jwt.NewJSONWebKeySet(ctx, jwksURI, "")
	if err != nil {
		return "", err
	}
	validator, err := jwt.NewValidator(keys)
	if err != nil {
		return "", err
	}
	claims, err := validator.Validate(ctx, token, jwt.Expected{Issuer: issuer, Audiences: []string{clientID}})
	if err != nil {
		return "", err
	}
	if claims["nonce"] != nonce {
		return "", errors.New("wrong nonce")
	}
	subject, _ := claims["sub"].(string)
	return subject, nil
}
