package oauth

// Tests of round trippers that are none, and of proxies that fail.

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"testing"
)

// TestTypedNilTransport: a nil *http.Transport in an interface is no transport.
func TestTypedNilTransport(t *testing.T) {
	var none *http.Transport
	c := &http.Client{Transport: none}
	_, err := transportOf(none)
	wantError(t, err, ErrConfig, "HTTPClient")
	if !mayOfferCertificate(c) || withoutClientCertificate(c) != c {
		t.Error("something is known of it")
	}
	_, err = transportOf(httpFunc(nil))
	wantError(t, err, ErrConfig, "HTTPClient")
	if mayOfferCertificate(nil) || withoutClientCertificate(nil) != nil || !mayOfferCertificate(httpFunc(nil).client()) {
		t.Error("no client has a certificate, or one of another kind has none")
	}
	if CertificateThumbprint(nil) != "" {
		t.Error("no certificate has a thumbprint")
	}
	s := newUnitServer()
	cfg := s.config()
	cfg.HTTPClient, cfg.MTLS = c, new(MutualTLS)
	_, err = NewClient(cfg)
	wantError(t, err, ErrConfig, "")
}

func TestProxyErrors(t *testing.T) {
	cause := errors.New("no proxy today")
	proxies := map[string]func(*http.Request) (*url.URL, error){
		"fails":               func(r *http.Request) (*url.URL, error) { _ = r.URL.Host; return nil, cause },
		"fails with a URL":    func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "https"}, cause },
		"none":                func(*http.Request) (*url.URL, error) { return nil, nil },
		"http":                func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "http", Host: "proxy.example"}, nil },
		"https, and no error": func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "https", Host: "proxy.example"}, nil },
	}
	for name, proxy := range proxies {
		u, err := refuseHTTPSProxy(proxy)(&http.Request{URL: &url.URL{Scheme: "https", Host: "op.example"}})
		checked := checkProxy(&http.Transport{Proxy: refuseHTTPSProxy(proxy)}, unitIssuer)
		switch name {
		case "none", "http":
			if err != nil || checked != nil || (u != nil) != (name == "http") {
				t.Errorf("%s: %v, %v, %v", name, u, err, checked)
			}
		case "https, and no error":
			wantError(t, err, ErrConfig, "MTLS")
			wantError(t, checked, ErrConfig, "MTLS")
		default:
			if err != cause || checked != nil { // it may be another one by the time of a request
				t.Errorf("%s: %v, %v", name, err, checked)
			}
		}
		if err := checkProxy(&http.Transport{Proxy: proxy}, "https://op.example/%zz"); err != nil {
			t.Errorf("%s: %v for a URL that is none", name, err)
		}
	}
	if err := checkProxy(httpFunc(nil), unitIssuer); err != nil || refuseHTTPSProxy(nil) != nil {
		t.Error(err)
	}
}

// TestCertificateOfUnknownKey: a key that cannot be compared is not that of a certificate.
func TestCertificateOfUnknownKey(t *testing.T) {
	leaf := &x509.Certificate{PublicKey: "a key", NotBefore: unitNow(), NotAfter: unitNow()}
	cert := &tls.Certificate{Certificate: [][]byte{{1}}, Leaf: leaf, PrivateKey: unitKey().signer}
	wantError(t, checkCertificate("MTLS", cert, Clock{Now: unitNow}), ErrConfig, "MTLS")
}
