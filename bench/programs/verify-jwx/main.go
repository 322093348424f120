// Command verify-jwx verifies one ID token with jwx.
package main

import (
	"context"
	"os"

	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
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
	cache, err := jwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		return "", err
	}
	if err := cache.Register(ctx, jwksURI); err != nil {
		return "", err
	}
	keys, err := cache.CachedSet(jwksURI)
	if err != nil {
		return "", err
	}
	parsed, err := jwt.ParseString(token, jwt.WithKeySet(keys), jwt.WithIssuer(issuer), jwt.WithAudience(clientID), jwt.WithClaimValue("nonce", nonce))
	if err != nil {
		return "", err
	}
	subject, _ := parsed.Subject()
	return subject, nil
}
