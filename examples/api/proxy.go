package main

// Behind a proxy that ends TLS, the API sees plain HTTP from the proxy, under
// another host and perhaps another path. What a token is bound to is between the
// client and the proxy, so that two things have to be said:
//
//   - ResourceServerConfig.RequestURL is the URL that clients call: beforeProxy. A
//     DPoP proof is for it, and it is never taken from Host or Forwarded, which
//     anybody can write.
//   - ResourceServerConfig.ClientCertificate is the certificate of the client, which
//     the proxy passes on in Client-Cert (RFC 9440): forwardedCertificate.
//
// The proxy has to ask for client certificates, to take every Client-Cert out of
// what comes in (RFC 9440, Section 2.4), to pass Authorization, DPoP and
// WWW-Authenticate through, and to send
// /.well-known/oauth-protected-resource/… on as it is.

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"example.com/oauth"
	"example.com/oauth/examples/internal/env"
)

// behindProxy completes the configuration for the proxy at OAUTH_PROXY, if there is
// one. OAUTH_RESOURCE ends in /orders, which is the path of the API here.
func behindProxy(cfg oauth.ResourceServerConfig) oauth.ResourceServerConfig {
	cfg.RequestURL = beforeProxy(strings.TrimSuffix(cfg.Resource, "/orders"))
	if proxy := os.Getenv("OAUTH_PROXY"); proxy != "" {
		addr, err := netip.ParseAddr(proxy)
		env.Check(err)
		cfg.ClientCertificate = forwardedCertificate(calledFrom(addr))
	}
	return cfg
}

// beforeProxy is the URL that a client called, where the proxy serves what is below
// public from the root of the API.
func beforeProxy(public string) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		path := r.URL.EscapedPath()
		if !strings.HasPrefix(path, "/") {
			return nil, errors.New("the request has no path")
		}
		return url.Parse(public + path)
	}
}

// forwardedCertificate is the client's certificate in the Client-Cert of the proxy,
// nil if the client has none. From anybody else it is an error: who could write the
// field would own every certificate.
func forwardedCertificate(fromProxy func(*http.Request) bool) func(*http.Request) (*x509.Certificate, error) {
	return func(r *http.Request) (*x509.Certificate, error) {
		values := r.Header["Client-Cert"]
		switch {
		case !fromProxy(r):
			return nil, errors.New("the request does not come from the proxy")
		case len(values) == 0:
			return nil, nil
		case len(values) > 1: // RFC 9440, Section 2.2
			return nil, errors.New("Client-Cert comes more than once")
		}
		return parseClientCert(values[0])
	}
}

// parseClientCert reads a byte sequence (RFC 9651, Section 3.3.5) that is the DER
// of a certificate: RFC 9440, Section 2.1.
func parseClientCert(value string) (*x509.Certificate, error) {
	text, opened := strings.CutPrefix(strings.Trim(value, " "), ":")
	text, closed := strings.CutSuffix(text, ":")
	if !opened || !closed {
		return nil, errors.New("Client-Cert is not a byte sequence")
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("Client-Cert is not base64")
	}
	return x509.ParseCertificate(der)
}

// calledFrom knows the proxy by its address. That is enough where nobody else has
// it: not on a machine that others run programs on, for the one of loopback.
func calledFrom(addr netip.Addr) func(*http.Request) bool {
	return func(r *http.Request) bool {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		return err == nil && peer.Addr().Unmap() == addr.Unmap()
	}
}

// calledWith knows the proxy by the certificate that it has itself: it speaks TLS to
// the API, whose tls.Config asks for it. The handshake proves that it has the key,
// so that the thumbprint is all that has to be compared.
func calledWith(thumbprint string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.TLS != nil && len(r.TLS.PeerCertificates) > 0 &&
			oauth.CertificateThumbprint(r.TLS.PeerCertificates[0]) == thumbprint
	}
}
