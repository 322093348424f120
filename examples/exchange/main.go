// Command exchange is an API that calls another API for its user: it exchanges
// the token that it was called with for one that the other API takes (RFC 8693).
//
// Without arguments it shows this with a server of its own (package oauthtest),
// which has the other API too, and prints each step:
//
//	go run ./examples/exchange
//
// With -issuer it is such an API until it is interrupted. Each GET that comes
// with a token of that server is answered with what the other API says:
//
//	OAUTH_CLIENT_SECRET=… go run ./examples/exchange -issuer https://op.example.com \
//		-client-id orders -api https://stock.example.com/items -audience stock
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
		fmt.Fprintln(os.Stderr, "exchange:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	issuer, clientID, secret string
	listen, identifier       string
	other                    string   // URL of the other API
	audience, resource       []string // what the other API is called at the server
	scope                    string
	allowHTTP                bool
	httpClient               *http.Client
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
	s.identifier = cmp.Or(s.identifier, "http://"+ln.Addr().String())
	api, err := newAPI(ctx, s, func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) })
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "api: listens at http://%s for tokens with the audience %s. Ctrl-C ends the program.\n",
		ln.Addr(), s.identifier)
	return serve(ctx, ln, api)
}

func parseFlags(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var caFile string
	fs := flag.NewFlagSet("exchange", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.issuer, "issuer", "", "`URL` of the server's issuer identifier")
	fs.StringVar(&s.clientID, "client-id", "", "the `ID` that the server gave this API as a client")
	fs.StringVar(&s.secret, "client-secret", "", "the client `secret`; better in the environment, as OAUTH_CLIENT_SECRET")
	fs.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` of this API")
	fs.StringVar(&s.identifier, "identifier", "", "the `audience` of tokens for this API, where it is not http://ADDRESS")
	fs.StringVar(&s.other, "api", "", "`URL` of the other API")
	fs.Func("audience", "the `name` of the other API at the server; can be given several times", appendTo(&s.audience))
	fs.Func("resource", "the `URI` of the other API at the server (RFC 8707); likewise", appendTo(&s.resource))
	fs.StringVar(&s.scope, "scope", "", "the `scope` to ask for at the other API, space-separated")
	fs.StringVar(&caFile, "ca", "", "PEM `file` with a private authority that the certificates of server and other API are from")
	fs.BoolVar(&s.allowHTTP, "http", false, "allow a server and another API without TLS, for tests")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	// After Parse, and not as the flag's default, which -h would print.
	s.secret = cmp.Or(s.secret, os.Getenv("OAUTH_CLIENT_SECRET"))
	other, err := url.Parse(s.other)
	switch {
	case fs.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case s.issuer == "" || s.clientID == "" || s.other == "":
		return s, errors.New("-issuer, -client-id and -api are required")
	case s.secret == "":
		return s, errors.New("a client secret is required: an API that asks about tokens authenticates")
	case err != nil || other.Host == "" || other.Scheme != "https" && !s.allowHTTP:
		// RFC 6750, Section 5.3: a token is not sent in the clear.
		return s, errors.New("-api is not an https URL")
	}
	if caFile != "" {
		s.httpClient, err = trusting(caFile)
	}
	return s, err
}

func appendTo(list *[]string) func(string) error {
	return func(value string) error {
		*list = append(*list, value)
		return nil
	}
}

// newAPI discovers the server and makes a client of it, which is the API.
func newAPI(ctx context.Context, s settings, step func(format string, args ...any)) (*api, error) {
	server, err := oauth.Discover(ctx, s.issuer, &oauth.DiscoverOptions{
		HTTPClient:        s.httpClient,
		InsecureAllowHTTP: s.allowHTTP,
	})
	if err != nil {
		return nil, err
	}
	step("api: discovery found %s", server.Issuer)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: s.clientID},
		Auth:       oauth.ClientSecretBasic(s.secret),
		HTTPClient: s.httpClient,
		Trace: &oauth.Trace{RequestDone: func(_ context.Context, r oauth.RequestInfo) {
			// No parameter and no token is in it. Without an answer the status is 0.
			step("api: %s %s: status %d", r.Method, r.URL, r.Status)
		}},
		InsecureAllowHTTP: s.allowHTTP,
	})
	if err != nil {
		return nil, err
	}
	return &api{
		client:     client,
		identifier: s.identifier,
		other:      s.other,
		audience:   s.audience,
		resource:   s.resource,
		scope:      strings.Fields(s.scope),
		step:       step,
	}, nil
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

// serve serves the API until ctx is done.
func serve(ctx context.Context, ln net.Listener, handler http.Handler) error {
	srv := &http.Server{
		Handler:        handler,
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   100 * time.Second, // a call waits for the server and the other API
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
