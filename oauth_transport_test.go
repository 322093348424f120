package oauth

// Tests of what a Client with a certificate of its own makes its requests with, and of
// how long the keys that it fetches are good for.

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"
)

// unitMTLS is a certificate that nobody asks for: all requests go to a server in memory.
func unitMTLS(s http.RoundTripper) *MutualTLS {
	return &MutualTLS{
		GetCertificate: func(context.Context) (*tls.Certificate, error) { return nil, errors.New("not called") },
		Wrap:           func(http.RoundTripper) http.RoundTripper { return s },
	}
}

// TestMTLSAllowsHTTP: with a certificate too, http is for those who ask for it, at the
// endpoints and for the keys.
func TestMTLSAllowsHTTP(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", `{}`)
	for insecure, kind := range map[bool]error{false: ErrInsecureURL, true: nil} {
		c := s.client(t, func(c *Config) {
			c.MTLS, c.HTTPClient, c.InsecureAllowHTTP = unitMTLS(s), nil, insecure
			c.Server.TokenEndpoint, c.Server.JWKSURI = "http://op.example/token", "http://op.example/jwks"
		})
		_, err := c.post(t.Context(), tokenEndpoint, "test", url.Values{}, headerFields{})
		wantError(t, err, kind, "token_endpoint")
		_, err = c.VerifyIDToken(t.Context(), s.sign(t, "", unitClaims(nil)), VerifyIDTokenOptions{})
		wantError(t, err, kind, "jwks_uri")
	}
}

// TestClientKeyAge: while the keys of a Client cannot be fetched again, they are good for
// an hour.
func TestClientKeyAge(t *testing.T) {
	s := newUnitServer()
	raw := s.sign(t, "", unitClaims(nil))
	synctest.Test(t, func(t *testing.T) {
		c := s.client(t, nil)
		verify := func() error {
			_, err := c.VerifyIDToken(t.Context(), raw, VerifyIDTokenOptions{})
			synctest.Wait()
			return err
		}
		if err := verify(); err != nil {
			t.Fatal(err)
		}
		s.set("/jwks", unitAnswer{status: http.StatusServiceUnavailable})
		time.Sleep(time.Hour - time.Second)
		if err := verify(); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		wantError(t, verify(), ErrUnavailable, "jwks_uri")
	})
}

// TestClientCloseIdle: what keys come over is closed as well, and a Client without keys
// has nothing there.
func TestClientCloseIdle(t *testing.T) {
	s := newUnitServer()
	var wires []*idleCloser
	certificate := unitMTLS(s)
	certificate.Wrap = func(http.RoundTripper) http.RoundTripper {
		wires = append(wires, &idleCloser{next: s})
		return wires[len(wires)-1]
	}
	s.client(t, func(c *Config) { c.MTLS, c.HTTPClient = certificate, nil }).CloseIdleConnections()
	for i, w := range wires {
		if w.closed == 0 {
			t.Errorf("number %d of %d is left open", i, len(wires))
		}
	}
	s.client(t, func(c *Config) { c.Server.JWKSURI = "" }).CloseIdleConnections()
}
