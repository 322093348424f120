package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

// TestPrograms drives API and client as a user would start them, with a proxy
// between them.
func TestPrograms(t *testing.T) {
	for name, plain := range map[string]bool{"behind a proxy": false, "over http": true} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OAUTH_CLIENT_SECRET", testSecret)
			srv := oauthtest.NewServer(&oauthtest.Options{Plain: plain, SigningAlgs: []string{"ES256"}, JWTAccessTokens: true})
			defer srv.Close()
			srv.AddClient(oauthtest.Client{ID: "shop", Secret: testSecret})
			both := []string{"-issuer", srv.Issuer(), "-http"}
			args := []string{"-listen", "127.0.0.1:0"}
			proxy, api := newProxy(t)
			if !plain {
				both = append(both[:2], "-ca", caFile(t, srv, proxy))
				args = append(args, "-resource", proxy.URL+"/v1/orders", "-proxy", "127.0.0.1")
			}
			resource, stop := start(t, append(args, both...), api)
			var out bytes.Buffer
			if err := run(t.Context(), append(both, "-call", resource, "-client-id", "shop"), &out, io.Discard); err != nil {
				t.Error(err)
			}
			if !strings.HasSuffix(out.String(), "\n\nsub: shop\nclient_id: shop\nscope: orders:read\norders: 0\n") {
				t.Errorf("output:\n%s", out.String())
			}
			if err := stop(); err != nil {
				t.Errorf("stopped with %v", err)
			}
		})
	}
}

// start starts the API in the background, and fills in where it listens.
func start(t *testing.T, args []string, api *url.URL) (resource string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, args, w, io.Discard)
		w.CloseWithError(err)
		done <- err
	}()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if m := regexp.MustCompile(`listens at http://(\S+) for tokens with the audience (\S+)\. `).FindStringSubmatch(lines.Text()); m != nil {
			api.Host, resource = m[1], m[2]
			go io.Copy(io.Discard, r)
			return resource, func() error { cancel(); return <-done }
		}
	}
	t.Fatalf("the program ended: %v", <-done)
	return "", nil
}

// caFile writes the certificates that server and proxy are trusted by.
func caFile(t *testing.T, srv *oauthtest.Server, proxy *httptest.Server) string {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(srv.URL(), "https://"), &tls.Config{RootCAs: srv.RootCAs()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	chain := conn.ConnectionState().VerifiedChains[0]
	var text []byte
	for _, cert := range []*x509.Certificate{chain[len(chain)-1], proxy.Certificate()} {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
