package after

import (
	"context"
	"fmt"
	"net/http"

	"example.com/oauth"
	"example.com/oauth/weblogin"
)

// Web has a page that greets its user, who is asked to log in once a session.
func Web(issuer, clientID, secret, base string, key []byte, hc *http.Client) (http.Handler, error) {
	client, err := oauth.NewClientFromIssuer(issuer, nil, oauth.Config{
		Metadata: oauth.ClientMetadata{ClientID: clientID},
		Auth:     oauth.ClientSecretBasic(secret), HTTPClient: hc,
	})
	if err != nil {
		return nil, err
	}
	login, err := weblogin.New(weblogin.Config{
		BaseURL: base, Keys: [][]byte{key}, // 32 random bytes
		Providers: []weblogin.Provider{{Client: client}},
		Admit: func(ctx context.Context, l *weblogin.Login) error { // not needed if the ID token has the claim
			info, err := client.UserInfo(ctx, l.Token, nil)
			if err != nil {
				return err
			}
			var claims struct{ Email string }
			err = info.Claims(&claims)
			l.Claims["email"] = claims.Email
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	greet := func(w http.ResponseWriter, r *http.Request) {
		session, _ := weblogin.FromContext(r.Context())
		var claims struct{ Email string }
		if err := session.Claims(&claims); err != nil {
			http.Error(w, "the session is of another version", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "hello %s, %s", session.User().Subject, claims.Email)
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", login)
	mux.Handle("/", login.Require(weblogin.Requirement{}, http.HandlerFunc(greet)))
	return mux, nil
}
