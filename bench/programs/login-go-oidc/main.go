// Command login-go-oidc is a web application with a login, by go-oidc and x/oauth2 as
// their documentation has it, with PKCE and nonce.
package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

type login struct{ nonce, verifier string }

// main takes the issuer, the client id and the client secret. It prints begin, and
// then its address when it is ready.
func main() {
	if len(os.Args) < 4 {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("begin")
	provider, err := oidc.NewProvider(context.Background(), os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	config := oauth2.Config{
		ClientID: os.Args[2], ClientSecret: os.Args[3], Endpoint: provider.Endpoint(),
		RedirectURL: "http://" + listener.Addr().String() + "/callback", Scopes: []string{oidc.ScopeOpenID},
	}
	config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	verifier := provider.Verifier(&oidc.Config{ClientID: os.Args[2]})
	var pending sync.Map // by state; a real program keeps them in the session of the browser
	http.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		state, l := rand.Text(), login{rand.Text(), oauth2.GenerateVerifier()}
		pending.Store(state, l)
		http.Redirect(w, r, config.AuthCodeURL(state, oidc.Nonce(l.nonce), oauth2.S256ChallengeOption(l.verifier)), http.StatusFound)
	})
	http.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		l, found := pending.LoadAndDelete(r.FormValue("state"))
		if !found || r.FormValue("error") != "" {
			http.Error(w, "no such login", http.StatusForbidden)
			return
		}
		subject, err := finish(r.Context(), &config, verifier, l.(login), r.FormValue("code"))
		if err != nil {
			log.Print(err)
			http.Error(w, "login failed", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, subject)
	})
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

func finish(ctx context.Context, config *oauth2.Config, verifier *oidc.IDTokenVerifier, l login, code string) (string, error) {
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(l.verifier))
	if err != nil {
		return "", err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(l.nonce)) == 0 {
		return "", errors.New("wrong nonce")
	}
	return id.Subject, nil
}
