package oauth_test

// The mistakes of docs/troubleshooting.md that show before a user logs in.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

const anyServer = "https://op.example.com"

var setupMistakes = map[string]mistake{
	"The issuer has a slash too many": func(m *mishap) error {
		m.start(oauthtest.Options{Path: "/realms/main"})
		return m.discover(m.Issuer()+"/", m.Client())
	},
	"The issuer is the URL of a document": func(m *mishap) error {
		m.start(oauthtest.Options{})
		return m.discover(m.Issuer()+"/.well-known/openid-configuration", m.Client())
	},
	"The issuer has no scheme":  func(m *mishap) error { return m.discover("op.example.com", nil) },
	"The issuer is an http URL": func(m *mishap) error { return m.discover("http://op.example.com", nil) },
	"There is no document":      func(m *mishap) error { return m.discover(anyServer, inMemory(http.NotFound)) },
	"The issuer is for all tenants of Entra ID": func(m *mishap) error {
		return m.discover("https://login.microsoftonline.com/organizations/v2.0", inMemory(written(200, "application/json",
			`{"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0"}`)))
	},
	"AcceptIssuer is missing": func(m *mishap) error {
		_, err := oauth.NewClient(m.config(func(c *oauth.Config) { c.Server.Issuer = "https://login.microsoftonline.com/{tenantid}/v2.0" }))
		return err
	},
	"A web page comes instead of JSON": func(m *mishap) error {
		return m.discover(anyServer, inMemory(written(200, "text/html; charset=utf-8", "<!DOCTYPE html><title>Sign in to the network</title>")))
	},
	"The answer is a redirect": func(m *mishap) error {
		return m.discover(anyServer, inMemory(http.RedirectHandler("https://portal.example.net/welcome", http.StatusFound).ServeHTTP))
	},
	"The certificate is from an authority of one's own": func(m *mishap) error {
		m.start(oauthtest.Options{})
		// As on a machine on which nobody installed the authority.
		return m.discover(m.Issuer(), &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}})
	},
	"The server is in a private network": func(m *mishap) error {
		m.needsSockets()
		return m.discover("https://10.0.0.7/realms/main", oauth.NewInternetHTTPClient())
	},
	"The proxy of the environment does not answer": func(m *mishap) error {
		m.needsSockets()
		return m.discover(anyServer, &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.net:3128"}), // as HTTPS_PROXY has it
			DialContext: func(_ context.Context, network, _ string) (net.Conn, error) {
				return nil, &net.OpError{
					Op: "dial", Net: network, Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 3128},
					Err: os.NewSyscallError("connect", syscall.ECONNREFUSED),
				}
			},
		}})
	},
	"The client secret is empty": func(m *mishap) error {
		_, err := oauth.NewClient(m.config(func(c *oauth.Config) { c.Auth = oauth.ClientSecretBasic(os.Getenv("OAUTH_NO_SUCH_VARIABLE")) }))
		return err
	},
	"The client has no authentication": func(m *mishap) error {
		_, err := m.client(func(c *oauth.Config) { c.Auth = nil }).StartAuthorization(m.Context(), request(nil))
		return err
	},
	"The client secret is too short": func(m *mishap) error {
		_, err := oauth.NewClient(m.config(func(c *oauth.Config) { c.Auth = oauth.ClientSecretJWT("opensesame", oauth.HS256, nil) }))
		return err
	},
	"The file has the certificate and not the key": func(m *mishap) error {
		m.start(oauthtest.Options{})
		cert := m.NewCertificate("web", time.Time{}).Certificate[0]
		_, err := oauth.ParseSigningKey(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), oauth.ES256, "web")
		return err
	},
	"HS256 is set for ID tokens": func(m *mishap) error {
		_, err := oauth.NewClient(m.config(func(c *oauth.Config) { c.Metadata.IDTokenSignedResponseAlg = oauth.HS256 }))
		return err
	},
	"The key of weblogin is a password": func(m *mishap) error {
		_, err := weblogin.New(weblogin.Config{
			BaseURL: "https://app.example.com", Keys: [][]byte{[]byte("correct horse battery")},
			Providers: []weblogin.Provider{{Client: m.client(nil)}},
		})
		return err
	},
	"weblogin has no Store": func(m *mishap) error {
		_, err := weblogin.New(weblogin.Config{
			BaseURL: "https://app.example.com", Keys: [][]byte{make([]byte, 32)},
			Providers: []weblogin.Provider{{Client: m.client(nil), Tokens: true}},
		})
		return err
	},
}
