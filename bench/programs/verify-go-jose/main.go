// Command verify-go-jose verifies one ID token with go-jose.
package main

import (
	"context"
	"os"

	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
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
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, jwksURI, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		return "", err
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "", err
	}
	var claims struct {
		jwt.Claims
		Nonce string `json:"nonce"`
	}
	if err := parsed.Claims(&set, &claims); err != nil {
		return "", err
	}
	if claims.Nonce != nonce {
		return "", errors.New("wrong nonce")
	}
	return claims.Subject, claims.Validate(jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{clientID}})
}
