// Package demo shows the programs of examples. It starts a server of package
// oauthtest, registers a client, runs the program with its settings, plays the
// user's browser and phone, and prints each step. It is no part of the programs:
// one line of each asks for it.
package demo

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"example.com/oauth/oauthtest"
)

// A play shows a program.
type play struct {
	about   string
	options oauthtest.Options // of the server
	client  oauthtest.Client  // that the program is
	listens bool              // until it is stopped; others end by themselves
	path    string            // of what it serves behind the proxy; empty: /v1/orders
	act     func(s *Stage, p *process)
}

const (
	loopback     = "http://127.0.0.1/callback"
	exchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
	initialToken = "only-those-have-it-who-may-register"
)

var plays = map[string]play{
	"login": {
		about:   "a web application: login, session and logout",
		options: oauthtest.Options{Interactive: true},
		listens: true, act: playLogin,
	},
	"fapi2": {
		about:   "a web application by FAPI 2.0 Message Signing",
		options: oauthtest.Options{DPoPNonce: oauthtest.DPoPNonceOnce, DPoPResourceNonce: oauthtest.DPoPNonceOnce},
		client: oauthtest.Client{
			AuthMethod: "private_key_jwt", AuthorizationAlg: "ES256", RequestObjectAlg: "ES256",
			RequirePAR: true, RequireSignedRequest: true, RequirePKCE: true, RequireDPoP: true,
		},
		listens: true, act: func(s *Stage, _ *process) { s.logIn(newVisitor()) },
	},
	"service": {
		about:  "a service that calls an API as itself",
		client: oauthtest.Client{AuthMethod: "private_key_jwt", GrantTypes: []string{"client_credentials"}},
	},
	"cli": {
		about:   "a command-line program: a browser, a loopback redirect, and a token that is kept",
		options: oauthtest.Options{Interactive: true},
		client:  oauthtest.Client{AuthMethod: "none", RedirectURIs: []string{loopback}},
		act:     playCLI,
	},
	"device": {
		about:   "a program on a machine without a browser",
		options: oauthtest.Options{Interactive: true},
		client:  oauthtest.Client{AuthMethod: "none"},
		act:     playDevice,
	},
	"register": {
		about:   "a client that registers itself",
		options: oauthtest.Options{InitialAccessToken: initialToken},
		act:     (*Stage).open,
	},
	"ciba": {
		about: "a login that the user confirms on a phone",
		act:   playCIBA,
	},
	"api": {
		about:   "a protected API behind a proxy",
		options: oauthtest.Options{JWTAccessTokens: true},
		listens: true, act: playAPI,
	},
	"apiclient": {
		about:   "a client that hears from an API how to call it",
		options: oauthtest.Options{JWTAccessTokens: true},
		client:  oauthtest.Client{RequireDPoP: true},
	},
	"mcp": {
		about:   "a server of the Model Context Protocol, and a client that learns from it how to log in",
		options: oauthtest.Options{JWTAccessTokens: true},
		listens: true, path: "/mcp", act: playMCP,
	},
	"exchange": {
		about:   "an API that calls another one for its user",
		client:  oauthtest.Client{GrantTypes: []string{exchange}},
		listens: true, act: playExchange,
	},
}

// Programs lists the programs, each with what it shows.
func Programs() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(plays)) {
		list = append(list, fmt.Sprintf("%-10s %s", name, plays[name].about))
	}
	return list
}

// Run shows a program that has no settings, and ends it then.
func Run(program string) {
	if os.Getenv("OAUTH_ISSUER") != "" {
		return
	}
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "OAUTH_") {
			log.Fatalf("%s is set, and OAUTH_ISSUER is not", name)
		}
	}
	if err := show(program, os.Stdout); err != nil {
		log.Fatalf("%s: %v", program, err)
	}
	os.Exit(0)
}

func show(program string, out io.Writer) error {
	command, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	person := os.Getenv(forPerson) != "" && plays[program].listens
	if !person {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Minute)
		defer cancel()
	}
	return try(func() {
		s := newStage(ctx, program, command, out, nil)
		defer s.Close()
		if person {
			s.Serve()
		} else {
			s.Play()
		}
	})
}

// forPerson is set for a program that a person wants to use with a browser.
const forPerson = "DEMO_BROWSER"

// A failure ends a play: check panics with it, and try returns its error.
type failure struct{ error }

func check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func try(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r.error
		default:
			panic(r)
		}
	}()
	f()
	return nil
}
