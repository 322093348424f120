package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// pathNonces wants a nonce of its own at each path of its one origin.
type pathNonces struct{ nonces []string } // of the proofs so far

func (s *pathNonces) RoundTrip(r *http.Request) (*http.Response, error) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(r.Header.Get("DPoP"), ".")[1])
	var claims struct{ Nonce string }
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	s.nonces = append(s.nonces, claims.Nonce)
	status, header, body := http.StatusOK, http.Header{}, `{"access_token":"new","token_type":"DPoP"}`
	if want := r.URL.Path; claims.Nonce != want {
		status, body = http.StatusUnauthorized, `{"error":"use_dpop_nonce"}`
		header.Set("DPoP-Nonce", want)
		header.Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
	}
	return &http.Response{StatusCode: status, Header: header, Request: r, Body: io.NopCloser(strings.NewReader(body))}, err
}

// eachAttempt is a ClientAuth that is no more than a call.
type eachAttempt func()

func (f eachAttempt) Authenticate(context.Context, *ClientAuthRequest) error { f(); return nil }

// TestDPoPNonceOfTheAnswer: between the two attempts of a request another one
// brings the nonce of another place at the same origin. The second attempt has
// that of the answer, not the latest.
func TestDPoPNonceOfTheAnswer(t *testing.T) {
	tests := []struct {
		name, path string
		call       func(c *Client, bound *Token, between func()) error
	}{
		{"Do", "/resource", func(c *Client, bound *Token, between func()) error {
			r, err := http.NewRequest(http.MethodPost, unitIssuer+"/resource", strings.NewReader("body"))
			if err != nil {
				return err
			}
			get := r.GetBody // called for the second attempt
			r.GetBody = func() (io.ReadCloser, error) { between(); return get() }
			res, err := c.Do(r, bound)
			if err != nil {
				return err
			}
			return res.Body.Close()
		}},
		{"ClientCredentials", "/token", func(c *Client, _ *Token, between func()) error {
			c.auth = eachAttempt(between) // called for each attempt
			_, err := c.ClientCredentials(context.Background(), nil)
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := NewDPoP(unitKey(), Clock{})
			if err != nil {
				t.Fatal(err)
			}
			other := func() { d.remember(unitIssuer, http.Header{"Dpop-Nonce": {"/other"}}) }
			other()
			s := &pathNonces{}
			c := newUnitServer().client(t, func(c *Config) { c.DPoP, c.HTTPClient = d, &http.Client{Transport: s} })
			bound := &Token{AccessToken: NewSecret("at"), TokenType: "DPoP", jkt: d.Thumbprint()}
			if err := tt.call(c, bound, other); err != nil {
				t.Error(err)
			}
			if want := []string{"/other", tt.path}; !slices.Equal(s.nonces, want) {
				t.Errorf("nonces of the proofs: %q, want %q", s.nonces, want)
			}
		})
	}
}
