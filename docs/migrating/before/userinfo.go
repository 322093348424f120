package before

import (
	"context"
	"errors"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func Email(ctx context.Context, provider *oidc.Provider, token *oauth2.Token, subject string) (string, error) {
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return "", err
	}
	if info.Subject != subject { // of the ID token
		return "", errors.New("the user info is of another user")
	}
	return info.Email, nil
}
