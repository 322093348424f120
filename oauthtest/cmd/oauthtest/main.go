// Command oauthtest runs a server of package oauthtest, for tests in other languages:
// of a browser, for example, or of programs in containers.
//
//	oauthtest -addr 127.0.0.1:9096
//
// It prints the issuer to the standard output, in a line of its own, and runs until it
// is interrupted. It has the user alice and no client. Users, clients and faults are
// added with the JSON interface that the documentation of oauthtest.Options.Control
// describes.
//
//	curl -H 'Content-Type: application/json' http://127.0.0.1:9096/oauthtest/clients \
//		-d '{"client_id": "web", "client_secret": "s", "redirect_uris": ["http://127.0.0.1:8080/cb"]}'
//
// WARNING: The server logs in anyone who asks. It listens on loopback only, unless
// -insecure-listen is given.
package main

import (
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"example.com/oauth/oauthtest"
)

func main() {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	if err := run(os.Args[1:], os.Stdout, os.Stderr, interrupted); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "oauthtest:", err)
		}
		os.Exit(1)
	}
}

// run serves until a signal comes.
func run(args []string, stdout, stderr io.Writer, interrupted <-chan os.Signal) error {
	flags := flag.NewFlagSet("oauthtest", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:9096", "`address` to listen on; port 0 is a free one")
	insecure := flags.Bool("insecure-listen", false, "allow an address that other machines can reach")
	url := flags.String("url", "", "`origin` under which clients reach the server, if it is not the address")
	useTLS := flags.Bool("tls", false, "serve https")
	root := flags.String("root", "", "`file` for the root certificate, in PEM")
	path := flags.String("path", "", "`path` of the issuer")
	provider := flags.String("provider", "", "have the habits of a `provider`: entra, apple, google or github")
	interactive := flags.Bool("interactive", false, "show a login page")
	jwt := flags.Bool("jwt", false, "make access tokens JWTs")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	listener, err := listen(*addr, *insecure)
	if err != nil {
		return err
	}
	srv, err := newServer(&oauthtest.Options{
		Plain: !*useTLS, Path: *path, Interactive: *interactive, JWTAccessTokens: *jwt, Control: true,
		Provider: oauthtest.Provider(*provider), Listener: listener, InsecureListen: *insecure, URL: origin(*url, *useTLS, listener),
	})
	if err != nil {
		return err
	}
	defer srv.Close()
	if *root != "" {
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.RootCertificate().Raw})
		if err := os.WriteFile(*root, text, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintln(stderr, "oauthtest: WARNING: this server is for tests. Anybody who reaches it can log in as anybody.")
	fmt.Fprintln(stdout, srv.Issuer())
	<-interrupted
	return nil
}

// newServer returns an error where NewServer panics, because the options are those of
// the command line.
func newServer(opts *oauthtest.Options) (srv *oauthtest.Server, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return oauthtest.NewServer(opts), nil
}

// listen listens on addr. Names are resolved before they are judged, so that what was
// judged is what is listened on.
func listen(addr string, insecure bool) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	if !insecure && !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is not an address of loopback. Other machines could log in as anybody; -insecure-listen allows it", addr)
	}
	return net.ListenTCP("tcp", resolved)
}

// origin is that of -url, or of this machine if the listener is on all addresses.
func origin(url string, useTLS bool, l net.Listener) string {
	addr := l.Addr().(*net.TCPAddr)
	if url != "" || !addr.IP.IsUnspecified() {
		return url
	}
	scheme := "http"
	if useTLS {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort("localhost", strconv.Itoa(addr.Port))
}
