package before

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/oauth2"
)

// GitHub is a server without OpenID Connect.
func GitHub(server, clientID, secret, callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: clientID, ClientSecret: secret, RedirectURL: callback, Scopes: []string{"read:user"},
		Endpoint: oauth2.Endpoint{AuthURL: server + "/authorize", TokenURL: server + "/token"},
	}
}

// GitHubUser is the user of a code, whose state the caller has compared.
func GitHubUser(ctx context.Context, config *oauth2.Config, code, verifier, api string) (id string, err error) {
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return "", err
	}
	res, err := config.Client(ctx, token).Get(api)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != 200 {
		return "", fmt.Errorf("status %d", res.StatusCode)
	}
	var user struct{ ID int64 } // not the login, which can pass to another person
	err = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&user)
	if err == nil && user.ID == 0 {
		err = errors.New("the API names no user")
	}
	return strconv.FormatInt(user.ID, 10), err
}
