package before

import (
	"context"
	"errors"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// A Login logs users in with OpenID Connect.
type Login struct {
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func NewLogin(ctx context.Context, issuer, clientID, secret, callback string) (*Login, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	return &Login{
		config: oauth2.Config{
			ClientID: clientID, ClientSecret: secret, Endpoint: provider.Endpoint(),
			RedirectURL: callback, Scopes: []string{oidc.ScopeOpenID, "email"},
		},
		verifier: provider.Verifier(&oidc.Config{ClientID: clientID}),
	}, nil
}

func (l *Login) Start(w http.ResponseWriter, r *http.Request, s Session) {
	state, nonce, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	s["state"], s["nonce"], s["verifier"] = []byte(state), []byte(nonce), []byte(verifier)
	http.Redirect(w, r, l.config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), http.StatusFound)
}

func (l *Login) Callback(r *http.Request, s Session) (subject string, err error) {
	state, nonce, verifier := string(s["state"]), string(s["nonce"]), string(s["verifier"])
	clear(s)
	q := r.URL.Query()
	if state == "" || q.Get("state") != state {
		return "", errors.New("wrong state")
	}
	if q.Has("error") {
		return "", errors.New("refused: " + q.Get("error"))
	}
	token, err := l.config.Exchange(r.Context(), q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return "", err
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", errors.New("no ID token")
	}
	idToken, err := l.verifier.Verify(r.Context(), raw)
	if err != nil {
		return "", err
	}
	if idToken.Nonce != nonce {
		return "", errors.New("wrong nonce")
	}
	return idToken.Subject, nil
}

// A Session is what the program keeps for a browser, on its side.
type Session map[string][]byte
