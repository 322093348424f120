// Package demo shows the programs of examples. It starts a server of package
// oauthtest, registers a client, runs the program with its settings, plays the
// user's browser and phone, and prints each step. It is no part of the programs:
// one line of each asks for it.
package demo

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"example.com/oauth/oauthtest"
)

// A show is how a program is shown.
type show struct {
	about   string
	options oauthtest.Options
	play    func(ctx context.Context, s *Stage) error
}

var fapi2Options = oauthtest.Options{DPoPNonce: oauthtest.DPoPNonceOnce, DPoPResourceNonce: oauthtest.DPoPNonceOnce}

var shows = map[string]show{
	"api":       {"a protected API behind a proxy", oauthtest.Options{JWTAccessTokens: true}, playAPI},
	"apiclient": {"a client that hears from an API how to call it", oauthtest.Options{JWTAccessTokens: true}, playAPIClient},
	"service":   {"a service that calls an API as itself", oauthtest.Options{}, playService},
	"cli":       {"a command-line program: a browser, a loopback redirect, and a token that is kept", oauthtest.Options{Interactive: true}, playCLI},
	"device":    {"a program on a machine without a browser", oauthtest.Options{Interactive: true}, playDevice},
	"ciba":      {"a login that the user confirms on a phone", oauthtest.Options{}, playCIBA},
	"exchange":  {"an API that calls another one for its user", oauthtest.Options{}, playExchange},
	"fapi2":     {"a web application by FAPI 2.0 Message Signing", fapi2Options, playFAPI2},
	"register":  {"a client that registers itself", oauthtest.Options{InitialAccessToken: initialToken}, playRegister},
	"login":     {"a web application: login, session and logout", oauthtest.Options{Interactive: true}, playLogin},
}

// Programs lists the programs, each with what it shows.
func Programs() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(shows)) {
		list = append(list, fmt.Sprintf("%-10s %s", name, shows[name].about))
	}
	return list
}

// Client returns the HTTP client of a program: nil, for the one of package oauth,
// unless OAUTH_CA names a file with a private authority to trust. Without
// OAUTH_ISSUER the program is shown, and ends.
func Client(program string) *http.Client {
	if os.Getenv("OAUTH_ISSUER") == "" {
		if err := showSelf(program); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	client, err := trusting(os.Getenv("OAUTH_CA"))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
		os.Exit(1)
	}
	return client
}

func showSelf(program string) error {
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "OAUTH_") {
			return fmt.Errorf("%s is set, and OAUTH_ISSUER is not", name)
		}
	}
	command, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return runShow(ctx, program, command, os.Stdout)
}

// runShow shows a program, of which command is the file.
func runShow(ctx context.Context, program, command string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	s, err := newStage(program, command, out)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Play(ctx)
}

// trusting returns an HTTP client that trusts the authorities in a file beside those
// of the system, and nil without a file.
func trusting(file string) (*http.Client, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM", file)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}, nil
}

// optionsOf returns those of the server that the program is shown at.
func optionsOf(program string) *oauthtest.Options {
	o := shows[program].options
	o.SigningAlgs = []string{"ES256"} // the fastest to make a key for
	o.PollInterval = cmp.Or(o.PollInterval, time.Second)
	return &o
}

// Run shows a program that has no settings, and ends it then.
func Run(program string) { Client(program) }
