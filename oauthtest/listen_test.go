package oauthtest_test

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestListener: a server at the address that the caller chose.
func TestListener(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Listener: l})
	if s.Issuer() != "https://"+l.Addr().String() {
		t.Errorf("issuer %s", s.Issuer())
	}
	for _, origin := range []string{s.URL(), s.MTLSURL()} {
		if a := get(t, s, origin+"/.well-known/openid-configuration", ""); a.str("issuer") != s.Issuer() {
			t.Errorf("%s: %s", origin, a.body)
		}
	}
	s.Close()
	if _, err := net.DialTimeout("tcp", l.Addr().String(), time.Second); err == nil {
		t.Error("Close does not close the listener")
	}
}

// TestURL: a server that its clients reach under another name, which the certificate has.
func TestURL(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Listener: l, URL: "https://idp:" + port})
	client := s.Client()
	client.Transport.(*http.Transport).DialContext = func(_ context.Context, _, addr string) (net.Conn, error) {
		return net.Dial("tcp", strings.Replace(addr, "idp:", "127.0.0.1:", 1))
	}
	for _, origin := range []string{s.Issuer(), s.MTLSURL()} {
		if u, err := url.Parse(origin); err != nil || u.Hostname() != "idp" {
			t.Errorf("%s, %v", origin, err)
		}
		a := get(t, s, origin+"/.well-known/openid-configuration", "")
		if a.str("issuer") != s.Issuer() || !strings.HasPrefix(a.str("token_endpoint"), "https://idp:"+port+"/") {
			t.Errorf("%s: %s", origin, a.body)
		}
	}
	if got := redeem(t, s, nil); got.str("id_token") == "" {
		t.Error(got.body)
	}
}

// TestListenerRefused: what is reachable from outside by mistake does not start.
func TestListenerRefused(t *testing.T) {
	loopback, all := listen(t, "127.0.0.1:0"), listen(t, ":0")
	for name, opts := range map[string]oauthtest.Options{
		"all addresses":              {Listener: all, URL: "https://idp:1"},
		"all addresses without URL":  {Listener: all, InsecureListen: true},
		"a URL with a path":          {Listener: loopback, URL: "https://idp:1/"},
		"a URL of another scheme":    {Listener: loopback, URL: "http://idp:1"},
		"a plain URL that is not so": {Listener: loopback, URL: "https://idp:1", Plain: true},
		"no URL":                     {Listener: loopback, URL: "idp"},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			oauthtest.NewServer(&opts).Close()
		}()
	}
	s := newServer(t, &oauthtest.Options{Plain: true, Listener: all, InsecureListen: true, URL: "http://localhost:1"})
	if s.Issuer() != "http://localhost:1" {
		t.Error(s.Issuer())
	}
}

// TestOneAuthority: who trusts one server trusts the others of the process.
func TestOneAuthority(t *testing.T) {
	a, b := newServer(t, nil), newServer(t, nil)
	if !a.RootCertificate().Equal(b.RootCertificate()) {
		t.Fatal("two authorities")
	}
	if answer := get(t, a, b.URL()+"/jwks", ""); answer.status != http.StatusOK {
		t.Error(answer.body)
	}
	pool := x509.NewCertPool()
	pool.AddCert(b.RootCertificate())
	if !pool.Equal(a.RootCAs()) {
		t.Error("RootCAs has another certificate")
	}
}
