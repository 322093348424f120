// Command ciba is a call centre's: a customer who calls confirms on their phone
// who they are (OpenID Connect CIBA Core 1.0).
//
// Without -issuer it shows that with a server and a phone of its own (package
// oauthtest) and prints each step. It asks the server now and then (poll mode),
// or with -ping waits for a notification (ping mode):
//
//	go run ./examples/ciba
//	go run ./examples/ciba -ping
//
// With -issuer it does the same at that server, where the client is registered
// for CIBA, with a secret:
//
//	OAUTH_CLIENT_SECRET=… go run ./examples/ciba -issuer https://op.example.com -client-id desk -login-hint bob@example.com
//
// In ping mode the server has to reach the address of -listen: what is
// registered is the URL of a proxy in front of it, which speaks https.
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
		fmt.Fprintln(os.Stderr, "ciba:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	issuer, clientID, secret string
	loginHint                string
	listen, caFile           string
	ping, allowHTTP          bool
	httpClient               *http.Client
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if s.issuer == "" {
		return demo(ctx, s.ping, stdout)
	}
	d, err := newDesk(ctx, s, stdout)
	if err != nil {
		return err
	}
	if s.ping {
		ln, err := net.Listen("tcp", s.listen)
		if err != nil {
			return err
		}
		defer d.takeNotifications(ln).Close()
	}
	return d.serve(ctx, s.loginHint)
}

func parseFlags(args []string, stderr io.Writer) (settings, error) {
	var s settings
	fs := flag.NewFlagSet("ciba", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.issuer, "issuer", "", "`URL` of the server's issuer identifier")
	fs.StringVar(&s.clientID, "client-id", "", "the `ID` that the server gave the client")
	fs.StringVar(&s.secret, "client-secret", "", "the client `secret`; better in the environment, as OAUTH_CLIENT_SECRET")
	fs.StringVar(&s.loginHint, "login-hint", "", "the `name` by which the server knows the customer")
	fs.BoolVar(&s.ping, "ping", false, "wait for a notification of the server, for a client that is registered so")
	fs.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` where the notification comes, at "+notificationPath)
	fs.StringVar(&s.caFile, "ca", "", "PEM `file` with a private authority that the server's certificate is from")
	fs.BoolVar(&s.allowHTTP, "http", false, "allow a server without TLS, for tests")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	if fs.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	// After Parse, and not as the flag's default, which -h would print.
	s.secret = cmp.Or(s.secret, os.Getenv("OAUTH_CLIENT_SECRET"))
	var err error
	switch {
	case s.issuer == "":
		fs.Visit(func(f *flag.Flag) {
			if f.Name != "ping" {
				err = fmt.Errorf("-%s is for the server of -issuer, which is missing", f.Name)
			}
		})
	case s.clientID == "" || s.loginHint == "" || s.secret == "":
		err = errors.New("-client-id, -login-hint and a secret are required with -issuer")
	case s.caFile != "":
		s.httpClient, err = trusting(s.caFile)
	}
	return s, err
}

// newDesk discovers the server and makes a client of it.
func newDesk(ctx context.Context, s settings, out io.Writer) (*desk, error) {
	d := &desk{
		patience: 30 * time.Second,
		printf:   func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) },
	}
	server, err := oauth.Discover(ctx, s.issuer, &oauth.DiscoverOptions{
		HTTPClient:        s.httpClient,
		InsecureAllowHTTP: s.allowHTTP,
	})
	if err != nil {
		return nil, err
	}
	d.printf("desk: discovery found %s", server.Issuer)
	cfg := oauth.Config{
		Server:            server,
		Metadata:          oauth.ClientMetadata{ClientID: s.clientID},
		Auth:              oauth.ClientSecretBasic(s.secret),
		HTTPClient:        s.httpClient,
		InsecureAllowHTTP: s.allowHTTP,
		Trace: &oauth.Trace{RequestDone: func(_ context.Context, r oauth.RequestInfo) {
			// No parameter and no token is in it. Without an answer the status is 0.
			d.printf("desk: %s %s: status %d", r.Method, r.URL, r.Status)
		}},
	}
	if s.ping {
		cfg.Metadata.BackchannelTokenDeliveryMode = "ping" // as it is registered
		d.inbox = newInbox(d.printf)
	}
	d.client, err = oauth.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	return d, nil
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
