package after

import (
	"context"

	"example.com/oauth"
)

func Email(ctx context.Context, client *oauth.Client, token *oauth.Token) (string, error) {
	info, err := client.UserInfo(ctx, token, nil) // of the user of the token's ID token, and nobody else's
	if err != nil {
		return "", err
	}
	var claims struct{ Email string }
	err = info.Claims(&claims)
	return claims.Email, err
}
