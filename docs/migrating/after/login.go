package after

import (
	"context"
	"net/http"

	"example.com/oauth"
)

// A Login logs users in with OpenID Connect.
type Login struct {
	client   *oauth.Client
	callback string
}

func NewLogin(ctx context.Context, issuer, clientID, secret, callback string, hc *http.Client) (*Login, error) {
	server, err := oauth.Discover(ctx, issuer, &oauth.DiscoverOptions{HTTPClient: hc})
	if err != nil {
		return nil, err
	}
	client, err := oauth.NewClient(oauth.Config{
		Server: server, Metadata: oauth.ClientMetadata{ClientID: clientID},
		Auth: oauth.ClientSecretBasic(secret), HTTPClient: hc,
	})
	if err != nil {
		return nil, err
	}
	return &Login{client, callback}, nil
}

func (l *Login) Start(w http.ResponseWriter, r *http.Request, s Session) error {
	pending, err := l.client.StartAuthorization(r.Context(), &oauth.AuthorizationRequest{
		RedirectURI: l.callback, Scope: []string{"openid", "email"},
	})
	if err != nil {
		return err
	}
	if len(s) > 4 { // logins that nobody has finished: any page can begin one
		clear(s)
	}
	if s[pending.State()], err = pending.MarshalBinary(); err != nil { // state, nonce and verifier
		return err
	}
	http.Redirect(w, r, pending.URL(), http.StatusFound)
	return nil
}

func (l *Login) Callback(r *http.Request, s Session) (subject string, err error) {
	state, err := l.client.ResponseState(r)
	if err != nil {
		return "", err
	}
	var pending oauth.PendingAuthorization
	if err := pending.UnmarshalBinary(s[state]); err != nil {
		return "", err
	}
	delete(s, state)
	token, err := l.client.FinishAuthorization(r, &pending, nil)
	if err != nil {
		return "", err
	}
	_, subject, err = token.Identity()
	return subject, err
}

// A Session is what the program keeps for a browser, on its side.
type Session map[string][]byte
