// Command cli logs its user in from the command line.
//
// Without -issuer it shows two runs at a server of its own (package oauthtest)
// and prints each step: in the first the user logs in, in the second the token
// that the first one stored is enough. The login is in a browser on this machine
// (RFC 8252), or with -device on any device (RFC 8628):
//
//	go run ./examples/cli
//	go run ./examples/cli -device
//
// With -issuer it does the same at that server, where the client is registered
// as a public one. Its redirect URI is http://127.0.0.1/callback, with which the
// server has to allow any port (RFC 8252, Section 7.3):
//
//	go run ./examples/cli -issuer https://op.example.com -client-id tool -store token.bin
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"example.com/oauth"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cli:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	issuer, clientID  string
	store, caFile     string
	device, noBrowser bool
	allowHTTP         bool
	timeout           time.Duration
	httpClient        *http.Client
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if s.issuer == "" {
		return demo(ctx, s.device, stdout)
	}
	p, err := newProgram(ctx, s, stdout)
	if err != nil {
		return err
	}
	if !s.noBrowser {
		p.browse = func(_ context.Context, url string) error {
			if err := openBrowser(url); err != nil {
				p.printf("app: no browser can be opened: %v", err) // by hand, then
			}
			return nil
		}
	}
	return p.run(ctx)
}

func parseFlags(args []string, stderr io.Writer) (settings, error) {
	var s settings
	fs := flag.NewFlagSet("cli", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.issuer, "issuer", "", "`URL` of the server's issuer identifier")
	fs.StringVar(&s.clientID, "client-id", "", "the `ID` that the server gave the client")
	fs.StringVar(&s.store, "store", "", "`file` that keeps the token for the next time")
	fs.BoolVar(&s.device, "device", false, "log in on any device, with a code to type in there")
	fs.BoolVar(&s.noBrowser, "no-browser", false, "open no browser: the URL is printed in any case")
	fs.DurationVar(&s.timeout, "timeout", 5*time.Minute, "how `long` a login in the browser may take")
	fs.StringVar(&s.caFile, "ca", "", "PEM `file` with a private authority that the server's certificate is from")
	fs.BoolVar(&s.allowHTTP, "http", false, "allow a server without TLS, for tests")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	if fs.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	var err error
	switch {
	case s.issuer == "":
		fs.Visit(func(f *flag.Flag) {
			if f.Name != "device" {
				err = fmt.Errorf("-%s is for the server of -issuer, which is missing", f.Name)
			}
		})
	case s.clientID == "":
		err = errors.New("-client-id is required with -issuer")
	case s.caFile != "":
		s.httpClient, err = trusting(s.caFile)
	}
	return s, err
}

// newProgram discovers the server and makes a client of it.
func newProgram(ctx context.Context, s settings, out io.Writer) (*program, error) {
	p := &program{
		store:   s.store,
		device:  s.device,
		timeout: s.timeout,
		printf:  func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) },
	}
	server, err := oauth.Discover(ctx, s.issuer, &oauth.DiscoverOptions{
		HTTPClient:        s.httpClient,
		InsecureAllowHTTP: s.allowHTTP,
	})
	if err != nil {
		return nil, err
	}
	p.printf("app: discovery found %s", server.Issuer)
	p.client, err = oauth.NewClient(oauth.Config{
		Server:            server,
		Metadata:          oauth.ClientMetadata{ClientID: s.clientID},
		Auth:              oauth.PublicClient(), // what every copy of a program has is no secret: RFC 8252, Section 8.5
		HTTPClient:        s.httpClient,
		InsecureAllowHTTP: s.allowHTTP,
		Trace: &oauth.Trace{RequestDone: func(_ context.Context, r oauth.RequestInfo) {
			// No parameter and no token is in it. Without an answer the status is 0.
			p.printf("app: %s %s: status %d", r.Method, r.URL, r.Status)
		}},
	})
	return p, err
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

// browserCommands open a URL in the user's browser. Those of all other systems
// have xdg-open.
var browserCommands = map[string][]string{
	"darwin":  {"open"},
	"windows": {"rundll32", "url.dll,FileProtocolHandler"},
}

func openBrowser(url string) error {
	command := browserCommands[runtime.GOOS]
	if command == nil {
		command = []string{"xdg-open"}
	}
	// Without the context of the login: the browser goes on when that is over.
	cmd := exec.Command(command[0], append(command[1:], url)...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait()
	return nil
}
