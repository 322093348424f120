// Command api is a protected API, and a client of it that begins with nothing but
// its URL: what the API answers says where tokens come from and what they have to
// be for (RFC 9728). They are bound to a key of the client (DPoP, RFC 9449).
//
// Without arguments both run in this program, with a server of package oauthtest,
// and print each step:
//
//	go run ./examples/api
//
// With -resource it is the API, for JWT access tokens of that server (RFC 9068),
// until it is interrupted. TLS ends at a proxy in front of it; proxy.go has what
// has to be right there:
//
//	go run ./examples/api -issuer https://op.example.com \
//		-resource https://api.example.com/v1/orders -listen 10.0.0.2:8080 -proxy 10.0.0.1
//
// With -call it is the client. The issuer is the one that knows the client, and is
// asked only if the API names it:
//
//	go run ./examples/api -issuer https://op.example.com -client-id shop \
//		-key shop.pem -alg ES256 -call https://api.example.com/v1/orders
//
// The client authenticates with its private key (private_key_jwt), or without one
// with a secret (client_secret_basic), which is best in the environment, as
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
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.com/oauth"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// settings are what the flags say. Those of the API come first, those of the client
// second, and the others are for both.
type settings struct {
	listen, resource string
	proxy            netip.Addr

	call             string
	clientID, secret string
	key              *oauth.SigningKey

	issuer     string
	allowHTTP  bool
	httpClient *http.Client
}

// ordersPath is where the API is, below the prefix that a proxy cuts off.
const ordersPath = "/orders"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return demo(ctx, stdout)
	}
	s, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	step := stepTo(stdout)
	if s.call == "" {
		return runAPI(ctx, s, step)
	}
	c, err := newCaller(ctx, s, step)
	if err != nil {
		return err
	}
	said, err := c.orders(ctx, c.transport, http.MethodGet)
	if err != nil {
		return err
	}
	said.print(stdout)
	return nil
}

func runAPI(ctx context.Context, s settings, step stepFunc) error {
	ln, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	defer ln.Close()
	s.resource = cmp.Or(s.resource, "http://"+ln.Addr().String()+ordersPath)
	api, err := newAPI(ctx, s, step)
	if err != nil {
		return err
	}
	step("api: listens at http://%s for tokens with the audience %s. Ctrl-C ends the program.", ln.Addr(), s.resource)
	return serve(ctx, ln, api)
}

// A stepFunc prints a line. API and client print at the same time.
type stepFunc func(format string, args ...any)

func stepTo(out io.Writer) stepFunc {
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, format+"\n", args...)
	}
}

func parseFlags(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var keyFile, alg, keyID, caFile string
	fs := flag.NewFlagSet("api", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.issuer, "issuer", "", "`URL` of the server's issuer identifier")
	fs.StringVar(&s.resource, "resource", "", "`URL` that clients call the API by, which is its identifier at the server; it ends in "+ordersPath)
	fs.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` of the API")
	fs.TextVar(&s.proxy, "proxy", netip.Addr{}, "IP `address` of a proxy that passes the client's certificate on (RFC 9440)")
	fs.StringVar(&s.call, "call", "", "call the API at this `URL`")
	fs.StringVar(&s.clientID, "client-id", "", "the `ID` that the server gave the client")
	fs.StringVar(&keyFile, "key", "", "PEM or JWK `file` with the private key that the client authenticates with")
	fs.StringVar(&alg, "alg", "", "the `algorithm` of the key, such as ES256, where a JWK does not say it")
	fs.StringVar(&keyID, "kid", "", "the key `ID` that the server knows the key by, where a JWK does not say it")
	fs.StringVar(&s.secret, "client-secret", "", "the client `secret`; better in the environment, as OAUTH_CLIENT_SECRET")
	fs.StringVar(&caFile, "ca", "", "PEM `file` with a private authority that the certificates of server and API are from")
	fs.BoolVar(&s.allowHTTP, "http", false, "allow a server and an API without TLS, for tests")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	// After Parse, and not as the flag's default, which -h would print.
	s.secret = cmp.Or(s.secret, os.Getenv("OAUTH_CLIENT_SECRET"))
	api, err := url.Parse(cmp.Or(s.call, s.resource))
	switch {
	case fs.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case s.issuer == "":
		return s, errors.New("-issuer is required")
	case s.call != "" && s.resource != "":
		return s, errors.New("either -call or -resource: the program is the client, or the API")
	case err != nil || api.Host == "" && s.call+s.resource != "":
		return s, errors.New("-call or -resource is not a URL")
	case api.Scheme != "https" && !s.allowHTTP:
		// RFC 6750, Section 5.3: a token is not sent in the clear.
		return s, errors.New("an https URL is required, as -resource or -call")
	case s.resource != "" && (!strings.HasSuffix(api.Path, ordersPath) || api.RawQuery != ""):
		return s, errors.New("-resource does not end in " + ordersPath)
	case s.call != "" && s.clientID == "":
		return s, errors.New("-client-id is required")
	case s.call != "" && (keyFile == "") == (s.secret == ""):
		return s, errors.New("either -key or a secret is required")
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
		WriteTimeout:   30 * time.Second, // a call may wait for the server's keys
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
