// Command verify-oauth verifies one ID token with package oauth.
package main

import (
	"context"
	"os"

	"example.com/oauth"
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
	client, err := oauth.NewClient(oauth.Config{
		Server:   &oauth.AuthorizationServer{Issuer: issuer, JWKSURI: jwksURI},
		Metadata: oauth.ClientMetadata{ClientID: clientID},
	})
	if err != nil {
		return "", err
	}
	id, err := client.VerifyIDToken(ctx, token, oauth.VerifyIDTokenOptions{Nonce: nonce})
	return id.Subject(), err
}
