package oauth_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"example.com/oauth"
)

// TestTroubleshootingCode: the code of the page stands in this file, where it runs.
func TestTroubleshootingCode(t *testing.T) {
	page, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("docs_troubleshooting_code_test.go")
	if err != nil {
		t.Fatal(err)
	}
	indent := regexp.MustCompile(`(?m)^\s+`)
	blocks := regexp.MustCompile("(?s)\n```go\n(.+?\n)```\n").FindAllStringSubmatch(string(page), -1)
	for _, block := range blocks {
		if !strings.Contains(indent.ReplaceAllString(string(source), ""), indent.ReplaceAllString(block[1], "")) {
			t.Errorf("this does not run here:\n%s", block[1])
		}
	}
	if len(blocks) != strings.Count(string(page), "```go") || len(blocks) < 3 {
		t.Errorf("it read %d blocks: does it look?", len(blocks))
	}
}

// TestTroubleshootingAuthority: the certificate of an authority of one's own.
func TestTroubleshootingAuthority(t *testing.T) {
	m := &mishap{T: t}
	m.client(nil)
	res, err := m.Client().Get(m.Issuer() + "/jwks")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	chain := res.TLS.VerifiedChains[0]
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw})

	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	hc := &http.Client{Transport: transport} // for DiscoverOptions.HTTPClient and Config.HTTPClient

	if err := m.discover(m.Issuer(), hc); err != nil {
		t.Error(err)
	}
}

// TestTroubleshootingProxy: the URLs that browsers and clients request, behind a proxy.
func TestTroubleshootingProxy(t *testing.T) {
	m := &mishap{T: t}
	api := m.api(func(c *oauth.ResourceServerConfig) {
		*c = oauth.ResourceServerConfig{
			Resource: c.Resource, Servers: c.Servers, HTTPClient: c.HTTPClient, Clock: c.Clock,
			RequestURL: func(r *http.Request) (*url.URL, error) {
				return url.Parse("https://api.example.com/v1" + r.URL.EscapedPath())
			},
		}
	})
	if err := m.proven(api, m.dpop(), anyAPI+"/v1/orders"); err != nil {
		t.Error(err)
	}
	client := m.client(func(c *oauth.Config) {
		*c = oauth.Config{
			Server: c.Server, Metadata: c.Metadata, Auth: c.Auth, HTTPClient: c.HTTPClient, Clock: c.Clock,
			CallbackURL: func(r *http.Request) (*url.URL, error) {
				return url.Parse("https://app.example.com" + r.URL.RequestURI())
			},
		}
	})
	if err := m.login(client, nil); err != nil {
		t.Error(err)
	}
}
