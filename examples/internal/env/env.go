// Package env has what every program of examples needs before it begins: its
// settings from the environment, and an end if something is wrong.
package env

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"
)

// Check ends the program if err is not nil.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Get returns a setting that the program cannot do without.
func Get(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s is not set", name)
	}
	return value
}

// Words returns a setting that is a list with spaces between its elements.
func Words(name string) []string { return strings.Fields(os.Getenv(name)) }

// File returns the content of the file that a setting names.
func File(name string) []byte {
	data, err := os.ReadFile(Get(name))
	Check(err)
	return data
}

// Origin returns the origin of the URL in a setting. It is where a token for that URL
// may go.
func Origin(name string) string {
	u, err := url.Parse(Get(name))
	Check(err)
	return u.Scheme + "://" + u.Host
}

// Context returns a context that ends with Ctrl-C. A second one ends the program at
// once.
func Context() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop)
	return ctx
}

// HTTPClient returns nil, for the client of package oauth, or one that also trusts the
// private authorities in the file OAUTH_CA.
func HTTPClient() *http.Client {
	if os.Getenv("OAUTH_CA") == "" {
		return nil
	}
	client, err := Trusting(Get("OAUTH_CA"))
	Check(err)
	return client
}

// Trusting returns an HTTP client that trusts the authorities in a file beside those of
// the system.
func Trusting(file string) (*http.Client, error) {
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

// PrintAnswer prints how an API answers, and whom it takes the caller for, if it says
// so.
func PrintAnswer(resp *http.Response) error {
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answers %d", resp.StatusCode)
	}
	fmt.Printf("The API answers %d.\n", resp.StatusCode)
	var said struct{ Sub string }
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&said) == nil {
		fmt.Printf("sub: %q\n", said.Sub)
	}
	return nil
}
