package oauthtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// This file implements the server's certificate authority and the client
// certificates of RFC 8705.

// The certificates are valid for every time a test may believe it is, a
// testing/synctest bubble in the year 2000 included.
func notBefore() time.Time { return time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC) }
func notAfter() time.Time  { return time.Date(2084, 1, 1, 0, 0, 0, 0, time.UTC) }

// An authority is a certificate authority with one ECDSA key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

// processAuthority is the one authority of a process: a program that tests several
// servers, or an application in another language, trusts one certificate.
var processAuthority = sync.OnceValue(newAuthority)

func newAuthority() *authority {
	c := selfSigned(&x509.Certificate{
		Subject:               pkix.Name{CommonName: "oauthtest CA"},
		NotAfter:              notAfter(),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	})
	a := &authority{cert: c.Leaf, key: c.PrivateKey.(*ecdsa.PrivateKey), pool: x509.NewCertPool()}
	a.pool.AddCert(a.cert)
	return a
}

// issue returns a certificate signed by the authority.
func (a *authority) issue(template *x509.Certificate) tls.Certificate {
	key := newECKey(elliptic.P256())
	return makeCertificate(template, a.cert, key, a.key)
}

func selfSigned(template *x509.Certificate) tls.Certificate {
	key := newECKey(elliptic.P256())
	return makeCertificate(template, template, key, key)
}

func makeCertificate(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) tls.Certificate {
	pub, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(fmt.Sprintf("oauthtest: encoding a public key: %v", err))
	}
	// Set here because CreateCertificate may derive it with SHA-1, which
	// panics under fips140=only.
	id := sha256.Sum256(pub)
	template.SubjectKeyId = id[:20]
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(fmt.Sprintf("oauthtest: making a serial number: %v", err))
	}
	template.NotBefore = notBefore()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		panic(fmt.Sprintf("oauthtest: making a certificate: %v", err))
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(fmt.Sprintf("oauthtest: parsing a certificate: %v", err))
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// serverTemplate is for loopback, and for one more host if that is not empty.
func serverTemplate(host string) *x509.Certificate {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "oauthtest"},
		NotAfter:    notAfter(),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip != nil {
		t.IPAddresses = append(t.IPAddresses, ip)
	} else if host != "" {
		t.DNSNames = append(t.DNSNames, host)
	}
	return t
}

func clientTemplate(commonName string, until time.Time) *x509.Certificate {
	if until.IsZero() {
		until = notAfter()
	}
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: commonName},
		NotAfter:    until,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// NewCertificate returns a client certificate issued by the CA of all servers of the
// process, for tls_client_auth (RFC 8705, Section 2.1). Its subject is "CN=" + commonName, which
// must equal [Client.CertificateSubject]. The certificate expires at until, which
// may be in the past. If until is zero, it does not expire.
func (s *Server) NewCertificate(commonName string, until time.Time) tls.Certificate {
	return s.ca.issue(clientTemplate(commonName, until))
}

// SelfSignedCertificate returns a client certificate that no CA has issued, for
// self_signed_tls_client_auth (RFC 8705, Section 2.2), or to test that a server
// refuses it where a certificate of the CA is required.
func SelfSignedCertificate(commonName string) tls.Certificate {
	return selfSigned(clientTemplate(commonName, time.Time{}))
}
