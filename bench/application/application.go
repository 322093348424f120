// Package application is a web application that logs its users in, as its author writes
// it with golang.org/x/oauth2 and github.com/coreos/go-oidc. Its tests are those that
// package oauthtest is made for.
package application

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// An App logs users in at /login, and greets them at /.
type App struct {
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
	client   *http.Client

	mu       sync.Mutex
	sessions map[string]*session // by cookie
}

type session struct {
	state, nonce, verifier string
	user                   string
}

// New returns an App for a provider.
func New(ctx context.Context, issuer, clientID, secret, redirectURL string, client *http.Client) (*App, error) {
	ctx = oidc.ClientContext(ctx, client)
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	return &App{
		config: oauth2.Config{
			ClientID: clientID, ClientSecret: secret, Endpoint: provider.Endpoint(), RedirectURL: redirectURL,
			Scopes: []string{oidc.ScopeOpenID, "email"},
		},
		verifier: provider.VerifierContext(ctx, &oidc.Config{ClientID: clientID}),
		client:   client,
		sessions: make(map[string]*session),
	}, nil
}

func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/login":
		a.login(w, r)
	case "/cb":
		if err := a.callback(r); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		s := a.session(r)
		if s == nil || s.user == "" {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		fmt.Fprintf(w, "Hello, %s", s.user)
	}
}

func (a *App) login(w http.ResponseWriter, r *http.Request) {
	s := &session{state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
	id := rand.Text()
	a.mu.Lock()
	a.sessions[id] = s
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "session", Value: id, Path: "/", HttpOnly: true, Secure: true})
	http.Redirect(w, r, a.config.AuthCodeURL(s.state, oidc.Nonce(s.nonce), oauth2.S256ChallengeOption(s.verifier)), http.StatusSeeOther)
}

func (a *App) session(r *http.Request) *session {
	cookie, err := r.Cookie("session")
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sessions[cookie.Value]
}

// callback checks what the author knows to check: x/oauth2 and go-oidc leave the state,
// the nonce, a second audience and a missing subject to the application.
func (a *App) callback(r *http.Request) error {
	s := a.session(r)
	query := r.URL.Query()
	if s == nil || s.state == "" || query.Get("state") != s.state {
		return errors.New("the response is not to a request of this browser")
	}
	s.state = "" // of one login
	if code := query.Get("error"); code != "" {
		return errors.New("the provider says " + code)
	}
	ctx := oidc.ClientContext(r.Context(), a.client)
	token, err := a.config.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(s.verifier))
	if err != nil {
		return err
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return errors.New("there is no ID token")
	}
	id, err := a.verifier.Verify(ctx, raw)
	switch {
	case err != nil:
		return err
	case id.Nonce != s.nonce:
		return errors.New("the ID token is not for this login")
	case len(id.Audience) != 1:
		return errors.New("the ID token is for others as well")
	case id.Subject == "":
		return errors.New("the ID token is of nobody")
	}
	s.user = id.Subject
	return nil
}
