package oauth

// This file implements what is particular to mutual TLS (RFC 8705): an
// http.Client from a certificate, and certificate thumbprints. The endpoint
// aliases of its Section 5 are in metadata.go.

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
)

// MutualTLS configures the client certificate for the server's endpoints (RFC
// 8705). If it is set, requests go to the server's mtls_endpoint_aliases. The
// certificate is not offered to the jwks_uri. Exactly one of Certificate and
// GetCertificate must be set.
type MutualTLS struct {
	unprinted

	// Certificate is offered to the server, whichever certificate authorities the
	// server names. It must be valid now, or the error of [NewClient] matches
	// [ErrConfig].
	Certificate tls.Certificate

	// GetCertificate returns the certificate. It is called for every new
	// connection, so that certificates can be renewed while the program runs. If it
	// returns another certificate, if the last one expires, or after
	// [Client.CloseIdleConnections], new requests use new connections. Requests
	// that are already running keep the certificate that they began with.
	// GetCertificate should return when its context ends; the caller does not wait
	// for it any longer.
	GetCertificate func(context.Context) (*tls.Certificate, error)

	// RootCAs are the certificate authorities for the server's certificate. If nil,
	// the RootCAs of HTTPClient's transport are used, or else the RootCAs of the
	// system.
	RootCAs *x509.CertPool

	// Wrap returns a round tripper that sends requests through the given one, for
	// example for tracing. It must not follow redirects or repeat requests (see
	// Config.HTTPClient). If nil, the transport is not wrapped.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// CertificateThumbprint returns the thumbprint (x5t#S256) of a certificate: the
// SHA-256 of its DER encoding, base64url (RFC 8705, Section 3.1). Tokens that are
// bound to the certificate have it in their cnf claim. It is empty if cert is nil.
func CertificateThumbprint(cert *x509.Certificate) string {
	if cert == nil {
		return ""
	}
	sum := sha256.Sum256(cert.Raw)
	return encodeBase64URL(sum[:])
}

// CertificateJWK returns the public key of a client certificate as a JWK with x5c, for
// the jwks or jwks_uri of a client that authenticates with
// self_signed_tls_client_auth (RFC 8705, Section 2.2.2). Its key id is the thumbprint of
// the certificate; see [CertificateThumbprint].
//
// If the certificate is nil, or its key is not one that this package supports, the error
// matches [ErrConfig].
func CertificateJWK(cert *x509.Certificate) (json.RawMessage, error) {
	const op = "certificate key"
	if cert == nil {
		return nil, withOp(op, fail(ErrConfig, "cert", "is nil"))
	}
	if kty, _ := keyShape(cert.PublicKey); kty == "" {
		return nil, withOp(op, fail(ErrConfig, "cert", "its key is not RSA, EC on P-256, P-384 or P-521, or Ed25519"))
	}
	b := minimalJWK(cert.PublicKey)
	b = append(b[:len(b)-1], `,"use":"sig","kid":`...)
	b = appendJSONString(b, CertificateThumbprint(cert))
	b = appendJSONString(append(b, `,"x5c":[`...), encodeBase64(cert.Raw)) // RFC 7517, Section 4.7: not base64url
	return append(b, "]}"...), nil
}

// mtlsClients are made of a user's client, or of the package's own.
type mtlsClients struct {
	with, without *http.Client      // one offers the certificate, one does not
	resources     http.RoundTripper // offers it to protected resources
}

func (m *MutualTLS) clients(base *http.Client, clock Clock) (*mtlsClients, error) {
	get, err := m.source(clock)
	if err != nil {
		return nil, err
	}
	transport := newTransport()
	own := http.Client{Timeout: overallTimeout}
	if base != nil {
		own = *base
		if transport, err = transportOf(base.Transport); err != nil {
			return nil, err
		}
	}
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = new(tls.Config)
	}
	config := transport.TLSClientConfig // ours: Clone copies it
	if m.RootCAs != nil {
		config.RootCAs = m.RootCAs
	}
	// A session that was resumed from elsewhere would be that of another
	// certificate, or of none.
	config.ClientSessionCache = nil
	config.Certificates, config.GetClientCertificate = nil, nil
	plain := cloneTransport(transport)
	transport.Proxy = refuseHTTPSProxy(transport.Proxy)
	with, without := own, own
	with.Transport, without.Transport = m.wrap(offering(transport, get, clock)), m.wrap(wired(plain))
	all := &mtlsClients{&with, &without, with.Transport}
	if base == nil {
		all.resources = m.wrap(offering(patientTransport(cloneTransport(transport)), get, clock))
	}
	return all, nil
}

func (m *MutualTLS) wrap(t http.RoundTripper) http.RoundTripper {
	if m.Wrap != nil {
		return m.Wrap(t)
	}
	return t
}

// source returns where the certificate of a connection comes from. Each one is
// checked before it is offered: a server says no more about an expired one
// than that the handshake failed.
func (m *MutualTLS) source(clock Clock) (func(context.Context) (*tls.Certificate, error), error) {
	fixed := len(m.Certificate.Certificate) > 0
	switch {
	case fixed == (m.GetCertificate != nil):
		return nil, fail(ErrConfig, "MTLS", "set one of Certificate and GetCertificate")
	case fixed:
		if err := checkCertificate("MTLS.Certificate", &m.Certificate, clock); err != nil {
			return nil, err
		}
		cert := m.Certificate
		return func(context.Context) (*tls.Certificate, error) {
			return &cert, checkCertificate("MTLS.Certificate", &cert, clock)
		}, nil
	}
	get := m.GetCertificate
	return func(ctx context.Context) (cert *tls.Certificate, err error) {
		// It is called on a goroutine of net/http's, where a panic ends the process.
		err = guarded(func() error {
			cert, err = detached(ctx, true, func() (*tls.Certificate, error) { return get(ctx) }, nil)
			return err
		})
		if err != nil {
			return nil, &Error{Kind: ErrConfig, Param: "MTLS.GetCertificate", Detail: "failed", Err: err}
		}
		return cert, checkCertificate("MTLS.GetCertificate", cert, clock)
	}, nil
}

func checkCertificate(param string, cert *tls.Certificate, clock Clock) error {
	if cert == nil || len(cert.Certificate) == 0 {
		return fail(ErrConfig, param, "there is no certificate")
	}
	leaf, err := leafOf(cert)
	if err != nil {
		return &Error{Kind: ErrConfig, Param: param, Detail: "cannot be read", Err: err}
	}
	if now := clock.now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return fail(ErrConfig, param, "is valid from %s to %s only, and now is %s: renew it, or set this machine's clock", stamp(leaf.NotBefore), stamp(leaf.NotAfter), stamp(now))
	}
	signer, ok := cert.PrivateKey.(crypto.Signer)
	if !ok {
		return fail(ErrConfig, param, "has no private key that can sign")
	}
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(signer.Public()) {
		return fail(ErrConfig, param, "the private key is not that of the certificate")
	}
	return nil
}

// transportOf copies the transport of a user's client. One that dials by
// itself, or is no *http.Transport, cannot be given a certificate.
func transportOf(rt http.RoundTripper) (*http.Transport, error) {
	if rt == nil {
		return newTransport(), nil
	}
	t, ok := rt.(*http.Transport)
	if !ok || t == nil {
		return nil, fail(ErrConfig, "HTTPClient", "its Transport is a %T, which cannot be given the certificate of Config.MTLS: leave it nil or an *http.Transport, and put yours around it with MutualTLS.Wrap", rt)
	}
	t = cloneTransport(t)
	//lint:ignore SA1019 a deprecated field that is set is in the way all the same
	if t.DialTLSContext != nil || t.DialTLS != nil || len(t.TLSNextProto) > 0 {
		return nil, fail(ErrConfig, "HTTPClient", "its Transport sets DialTLS, DialTLSContext or TLSNextProto, so that the certificate of Config.MTLS would not be used: leave these nil, and see MutualTLS.Wrap")
	}
	return t, nil
}

// refuseHTTPSProxy fails requests that would go through a proxy over TLS:
// net/http offers it the certificate that is meant for the server.
func refuseHTTPSProxy(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	if proxy == nil {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		u, err := proxy(r)
		if err == nil && u != nil && u.Scheme == "https" {
			return nil, fail(ErrConfig, "MTLS", "the proxy for %s is reached over https and would be offered the client certificate: use an http proxy, or none", printable(r.URL.Host, 128))
		}
		return u, err
	}
}

// checkProxy finds out at once what refuseHTTPSProxy would say to a request.
func checkProxy(rt http.RoundTripper, rawURL string) error {
	t := transportIn(rt)
	if t == nil || t.Proxy == nil {
		return nil
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil // reported when the URL is used
	}
	if _, err := t.Proxy(&http.Request{URL: u}); err != nil {
		if own, ok := err.(*Error); ok {
			return own
		}
	}
	return nil
}

// mayOfferCertificate reports whether a user's client has a client certificate.
// Of a transport that is not net/http's own, or that dials by itself, nothing is
// known: true.
func mayOfferCertificate(c *http.Client) bool {
	if c == nil {
		return false
	}
	rt := c.Transport
	if rt == nil {
		rt = http.DefaultTransport
	}
	t, ok := rt.(*http.Transport)
	if !ok || t == nil {
		return true
	}
	//lint:ignore SA1019 a deprecated field that is set dials all the same
	return t.DialTLSContext != nil || t.DialTLS != nil || offersCertificate(t)
}

func offersCertificate(t *http.Transport) bool {
	return t.TLSClientConfig != nil && (len(t.TLSClientConfig.Certificates) > 0 || t.TLSClientConfig.GetClientCertificate != nil)
}

// withoutClientCertificate is the client for places that the certificate in it
// is not meant for.
func withoutClientCertificate(c *http.Client) *http.Client {
	if c == nil {
		return nil
	}
	t, ok := c.Transport.(*http.Transport)
	if !ok || t == nil || !offersCertificate(t) {
		return c
	}
	own := *c
	t = cloneTransport(t)
	t.TLSClientConfig.Certificates, t.TLSClientConfig.GetClientCertificate = nil, nil
	t.TLSClientConfig.ClientSessionCache = nil
	own.Transport = t
	return &own
}
