package after

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"example.com/oauth"
)

// GitHub is a server without OpenID Connect, and without metadata.
func GitHub(server, clientID, secret string, hc *http.Client) (*oauth.Client, error) {
	return oauth.NewClient(oauth.Config{
		Server: &oauth.AuthorizationServer{
			Issuer: server, AuthorizationEndpoint: server + "/authorize", TokenEndpoint: server + "/token",
		},
		Metadata: oauth.ClientMetadata{ClientID: clientID},
		Auth:     oauth.ClientSecretBasic(secret), HTTPClient: hc,
	})
}

// GitHubUser is the user who comes back from a login without the scope openid.
func GitHubUser(client *oauth.Client, r *http.Request, pending *oauth.PendingAuthorization, api string) (id string, err error) {
	token, err := client.FinishAuthorization(r, pending, nil)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(r.Context(), "GET", api, nil)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req, token)
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
