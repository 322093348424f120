// Package proxies runs the proxies of docs/proxies.md in front of an API, with the
// configurations that stand there.
package proxies

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"example.com/oauth"
)

func clientCert(h http.Header) (*x509.Certificate, error) {
	values := h.Values("Client-Cert")
	if len(values) == 0 || len(values) == 1 && (values[0] == "" || values[0] == "::") {
		return nil, nil // the client has none
	}
	if len(values) > 1 || len(values[0]) < 2 || !strings.HasPrefix(values[0], ":") || !strings.HasSuffix(values[0], ":") {
		return nil, errors.New("Client-Cert is not one byte sequence")
	}
	der, err := base64.StdEncoding.DecodeString(values[0][1 : len(values[0])-1])
	if err != nil {
		return nil, errors.New("Client-Cert is not base64")
	}
	return x509.ParseCertificate(der)
}

func escapedCert(h http.Header) (*x509.Certificate, error) {
	values := h.Values("X-Client-Cert")
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil, nil // the client has none
	}
	if len(values) > 1 {
		return nil, errors.New("X-Client-Cert comes more than once")
	}
	text, err := url.PathUnescape(values[0]) // not QueryUnescape: base64 has plus signs
	if err != nil {
		return nil, errors.New("X-Client-Cert is not escaped PEM")
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("X-Client-Cert is not one certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

var _ = api // which only compiles

// api is the API of the page.
func api(as *oauth.AuthorizationServer, isProxy func(string) bool, forwardedCertificate func(http.Header) (*x509.Certificate, error)) error {
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example.com", // the origin that clients call
		Servers:  []oauth.TrustedServer{{Server: as}},
		ClientCertificate: func(r *http.Request) (*x509.Certificate, error) {
			if host, _, err := net.SplitHostPort(r.RemoteAddr); err != nil || !isProxy(host) {
				return nil, errors.New("the request does not come from the proxy")
			}
			return forwardedCertificate(r.Header)
		},
	})
	_ = rs
	return err
}
