// Command login logs users in with OpenID Connect.
//
// Without arguments it shows a whole login in two seconds, with a server of
// its own (package oauthtest) and a browser of its own, and prints each step:
//
//	go run ./examples/login
//
// With -issuer it is a small web application that logs users in at that
// server, until it is interrupted. The client has to be registered there with
// the redirect URI that the program prints:
//
//	OAUTH_CLIENT_SECRET=… go run ./examples/login -issuer https://op.example.com -client-id web
//
// The client authenticates with the secret (client_secret_basic), without one
// with the certificate of -cert and -key (mutual TLS), else it is public.
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
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/oauth"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "login:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	issuer, clientID, secret  string
	listen, redirectURI       string
	certFile, keyFile, caFile string
	allowHTTP                 bool
	httpClient                *http.Client
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return demo(ctx, stdout)
	}
	s, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	defer ln.Close()
	if s.redirectURI == "" {
		s.redirectURI = redirectURI(s.listen, ln.Addr())
	}
	app, err := newApp(ctx, s, func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) })
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "app: listens at http://%s with the redirect URI %s\nOpen %s to log in. Ctrl-C ends the program.\n",
		ln.Addr(), s.redirectURI, app.origin+"/login")
	return serve(ctx, ln, app)
}

func parseFlags(args []string, stderr io.Writer) (settings, error) {
	var s settings
	fs := flag.NewFlagSet("login", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.issuer, "issuer", "", "`URL` of the server's issuer identifier")
	fs.StringVar(&s.clientID, "client-id", "", "the `ID` that the server gave the client")
	fs.StringVar(&s.secret, "client-secret", "", "the client `secret`; better in the environment, as OAUTH_CLIENT_SECRET")
	fs.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` of the application")
	fs.StringVar(&s.redirectURI, "redirect-uri", "", "`URL` of the callback, where it is not http://ADDRESS/callback")
	fs.StringVar(&s.certFile, "cert", "", "PEM `file` with the client certificate, for mutual TLS")
	fs.StringVar(&s.keyFile, "key", "", "PEM `file` with the private key of the certificate")
	fs.StringVar(&s.caFile, "ca", "", "PEM `file` with a private authority that the server's certificate is from")
	fs.BoolVar(&s.allowHTTP, "http", false, "allow a server without TLS, for tests")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	// After Parse, and not as the flag's default, which -h would print.
	s.secret = cmp.Or(s.secret, os.Getenv("OAUTH_CLIENT_SECRET"))
	switch {
	case fs.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case s.issuer == "" || s.clientID == "":
		return s, errors.New("-issuer and -client-id are required")
	case (s.certFile == "") != (s.keyFile == ""):
		return s, errors.New("-cert and -key belong together")
	}
	var err error
	if s.caFile != "" {
		s.httpClient, err = trusting(s.caFile)
	}
	return s, err
}

// newClient discovers the server and makes a client of it.
func newClient(ctx context.Context, s settings, trace *oauth.Trace) (*oauth.Client, *oauth.AuthorizationServer, error) {
	server, err := oauth.Discover(ctx, s.issuer, &oauth.DiscoverOptions{
		HTTPClient:        s.httpClient,
		InsecureAllowHTTP: s.allowHTTP,
	})
	if err != nil {
		return nil, nil, err
	}
	cfg := oauth.Config{
		Server:            server,
		Metadata:          oauth.ClientMetadata{ClientID: s.clientID},
		Auth:              oauth.PublicClient(),
		HTTPClient:        s.httpClient,
		Trace:             trace,
		InsecureAllowHTTP: s.allowHTTP,
	}
	if s.certFile != "" {
		cert, err := tls.LoadX509KeyPair(s.certFile, s.keyFile)
		if err != nil {
			return nil, nil, err
		}
		cfg.MTLS = &oauth.MutualTLS{Certificate: cert}
		cfg.Auth = oauth.TLSClientAuth()
	}
	if s.secret != "" {
		cfg.Auth = oauth.ClientSecretBasic(s.secret)
	}
	client, err := oauth.NewClient(cfg)
	return client, server, err
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

// redirectURI is the callback at the address as it was given, because the
// server compares it as a string: localhost is not 127.0.0.1.
func redirectURI(listen string, actual net.Addr) string {
	host, _, _ := net.SplitHostPort(listen)
	_, port, _ := net.SplitHostPort(actual.String()) // the real one, if port 0 was given
	return "http://" + net.JoinHostPort(cmp.Or(host, "localhost"), port) + "/callback"
}

// serve serves the application until ctx is done.
func serve(ctx context.Context, ln net.Listener, handler http.Handler) error {
	srv := &http.Server{
		Handler:        handler,
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   90 * time.Second, // a callback waits for the server
		IdleTimeout:    time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		return srv.Close()
	}
	return nil
}
