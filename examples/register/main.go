// Command register registers itself as a client, logs a user in, logs the user
// out, and ends its registration (RFC 7591, RFC 7592, OpenID Connect Logout).
//
// Without arguments it does so at a server of its own (package oauthtest) with a
// browser of its own, and prints each step:
//
//	go run ./examples/register
//
// With -issuer it does the same at that server, and the user does with a browser
// what the program says. With -store the registration outlives a run that was
// interrupted, and the next run goes on with it:
//
//	go run ./examples/register -issuer https://op.example.com -store client.bin
//
// Where not everybody may register, the token that allows it is best in the
// environment, as OAUTH_INITIAL_ACCESS_TOKEN.
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
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "register:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	issuer, initialToken string
	file                 string // of the store; empty: memory
	listen, origin       string
	allowHTTP            bool
	httpClient           *http.Client
	patience             time.Duration // for the logout token
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
	s.origin = cmp.Or(s.origin, origin(s.listen, ln.Addr()))
	return newProgram(s, stdout).run(ctx, ln, person{stdout})
}

func parseFlags(args []string, stderr io.Writer) (settings, error) {
	s := settings{patience: 5 * time.Second}
	var caFile string
	fs := flag.NewFlagSet("register", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.issuer, "issuer", "", "`URL` of the server's issuer identifier")
	fs.StringVar(&s.initialToken, "initial-token", "", "the initial access `token`; better in the environment, as OAUTH_INITIAL_ACCESS_TOKEN")
	fs.StringVar(&s.file, "store", "", "`file` to keep the registration in; it is secret")
	fs.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` of the application")
	fs.StringVar(&s.origin, "origin", "", "`URL` that browser and server reach the application at, where it is not http://ADDRESS")
	fs.StringVar(&caFile, "ca", "", "PEM `file` with a private authority that the server's certificate is from")
	fs.BoolVar(&s.allowHTTP, "http", false, "allow a server without TLS, for tests")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	// After Parse, and not as the flag's default, which -h would print.
	s.initialToken = cmp.Or(s.initialToken, os.Getenv("OAUTH_INITIAL_ACCESS_TOKEN"))
	u, err := url.Parse(s.origin)
	switch {
	case fs.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case s.issuer == "":
		return s, errors.New("-issuer is required")
	case s.origin != "" && (err != nil || u.Host == "" || s.origin != u.Scheme+"://"+u.Host):
		return s, errors.New("-origin is not a URL without a path")
	}
	if caFile != "" {
		s.httpClient, err = trusting(caFile)
	}
	return s, err
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

// origin is that of the address as it was given, because the server compares
// redirect URIs as strings: localhost is not 127.0.0.1.
func origin(listen string, actual net.Addr) string {
	host, _, _ := net.SplitHostPort(listen)
	_, port, _ := net.SplitHostPort(actual.String()) // the real one, if port 0 was given
	return "http://" + net.JoinHostPort(cmp.Or(host, "localhost"), port)
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

// A person has a browser, and is told what to do with it.
type person struct{ out io.Writer }

func (p person) login(_ context.Context, loginURL string) error {
	_, err := fmt.Fprintf(p.out, "Open %s to log in.\n", loginURL)
	return err
}

func (p person) logout(context.Context, string) error {
	_, err := fmt.Fprintln(p.out, "Press the button on the page to log out.")
	return err
}
