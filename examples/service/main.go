// Command service calls an API as itself: there is no user (client
// credentials, RFC 6749, Section 4.4).
//
// Without arguments it does so at a server of its own (package oauthtest), and
// prints each step:
//
//	go run ./examples/service
//
// With -issuer it gets its token there, calls the API at -api, and ends. With
// -every it calls the API again and again, until it is interrupted. Either way
// the token is kept as long as it is good, and revoked at the end:
//
//	go run ./examples/service -issuer https://op.example.com -client-id batch \
//		-key batch.pem -alg ES256 -api https://api.example.com/orders
//
// The client authenticates with its private key (private_key_jwt), or without
// one with a secret (client_secret_basic), which is best in the environment, as
// OAUTH_CLIENT_SECRET.
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"example.com/oauth"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	issuer, clientID, secret string
	key                      *oauth.SigningKey
	api                      string
	scope, resource          string
	every                    time.Duration
	allowHTTP                bool
	httpClient               *http.Client
	now                      func() time.Time // nil: time.Now
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return demo(ctx, stdout)
	}
	s, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	service, err := newService(ctx, s, stdout)
	if err != nil {
		return err
	}
	return service.run(ctx, s.every)
}

func parseFlags(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var keyFile, alg, keyID, caFile string
	fs := flag.NewFlagSet("service", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.issuer, "issuer", "", "`URL` of the server's issuer identifier")
	fs.StringVar(&s.clientID, "client-id", "", "the `ID` that the server gave the client")
	fs.StringVar(&keyFile, "key", "", "PEM or JWK `file` with the private key that the client signs with")
	fs.StringVar(&alg, "alg", "", "the `algorithm` of the key, such as ES256, where a JWK does not say it")
	fs.StringVar(&keyID, "kid", "", "the key `ID` that the server knows the key by, where a JWK does not say it")
	fs.StringVar(&s.secret, "client-secret", "", "the client `secret`; better in the environment, as OAUTH_CLIENT_SECRET")
	fs.StringVar(&s.api, "api", "", "`URL` to call")
	fs.StringVar(&s.scope, "scope", "", "the `scope` to ask for, space-separated")
	fs.StringVar(&s.resource, "resource", "", "`URI` that the API is known by at the server (RFC 8707)")
	fs.DurationVar(&s.every, "every", 0, "call the API again after this `time`")
	fs.StringVar(&caFile, "ca", "", "PEM `file` with a private authority that the certificates of server and API are from")
	fs.BoolVar(&s.allowHTTP, "http", false, "allow a server and an API without TLS, for tests")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	// After Parse, and not as the flag's default, which -h would print.
	s.secret = cmp.Or(s.secret, os.Getenv("OAUTH_CLIENT_SECRET"))
	api, err := url.Parse(s.api)
	switch {
	case fs.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case s.issuer == "" || s.clientID == "" || s.api == "":
		return s, errors.New("-issuer, -client-id and -api are required")
	case (keyFile == "") == (s.secret == ""):
		return s, errors.New("either -key or a secret is required")
	case err != nil || api.Host == "" || api.Scheme != "https" && !s.allowHTTP:
		// RFC 6750, Section 5.3: a token is not sent in the clear.
		return s, errors.New("-api is not an https URL")
	}
	if keyFile != "" {
		text, err := os.ReadFile(keyFile)
		if err != nil {
			return s, err
		}
		if s.key, err = oauth.ParseSigningKey(text, oauth.Algorithm(alg), keyID); err != nil {
			return s, err
		}
	}
	if caFile != "" {
		s.httpClient, err = trusting(caFile)
	}
	return s, err
}

// newService discovers the server and makes a client of it.
func newService(ctx context.Context, s settings, out io.Writer) (*service, error) {
	step := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	server, err := oauth.Discover(ctx, s.issuer, &oauth.DiscoverOptions{
		HTTPClient:        s.httpClient,
		InsecureAllowHTTP: s.allowHTTP,
	})
	if err != nil {
		return nil, err
	}
	step("service: discovery found %s", server.Issuer)
	cfg := oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: s.clientID},
		Clock:      oauth.Clock{Now: s.now},
		HTTPClient: s.httpClient,
		Trace: &oauth.Trace{RequestDone: func(_ context.Context, r oauth.RequestInfo) {
			// No parameter and no token is in it. Without an answer the status is 0.
			step("service: %s %s: status %d", r.Method, r.URL, r.Status)
		}},
		InsecureAllowHTTP: s.allowHTTP,
	}
	if s.key != nil {
		cfg.Auth = oauth.PrivateKeyJWT(s.key, nil)
	} else {
		cfg.Auth = oauth.ClientSecretBasic(s.secret)
	}
	client, err := oauth.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	grant := &oauth.GrantOptions{Scope: strings.Fields(s.scope)}
	if s.resource != "" {
		grant.Resource = []string{s.resource}
	}
	now := s.now
	if now == nil {
		now = time.Now
	}
	api, err := url.Parse(s.api)
	if err != nil {
		return nil, err
	}
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{api.Scheme + "://" + api.Host},
		// A refresh token plays no part: the client has what it gets tokens with (RFC
		// 6749, Section 4.4.3).
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			token, err := client.ClientCredentials(ctx, grant)
			if err != nil {
				return nil, err
			}
			step("service: has a token for %s", lifetime(token.Expiry, now()))
			return token, nil
		},
	})
	if err != nil {
		return nil, err
	}
	return &service{client: client, server: server, api: s.api, transport: transport, out: out, step: step}, nil
}

// trusting returns an HTTP client that trusts the authorities in a file beside
// those of the system.
func trusting(caFile string) (*http.Client, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM", caFile)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}, nil
}
