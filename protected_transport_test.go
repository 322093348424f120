package oauth

// Tests of Transport: where the token goes, and when it is renewed.

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const unitAPI = "https://api.example"

// protectedToken is a token as the server's client has it.
func protectedToken(typ string) *Token {
	return &Token{AccessToken: NewSecret("the-access-token"), TokenType: typ, server: unitIssuer, clientID: unitClient}
}

func newTransportOf(t *testing.T, c *Client, tok *Token, opts TransportOptions) *Transport {
	t.Helper()
	if opts.Origins == nil {
		opts.Origins = []string{unitAPI}
	}
	tr, err := c.NewTransport(tok, opts)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestTransportOrigins(t *testing.T) {
	c := newUnitServer().client(t, nil)
	for _, tt := range []struct {
		origins []string
		kind    error
	}{
		{nil, ErrConfig},
		{[]string{}, ErrConfig},
		{[]string{""}, ErrConfig},
		{[]string{"api.example"}, ErrConfig},
		{[]string{"//api.example"}, ErrConfig},
		{[]string{"https://"}, ErrConfig},
		{[]string{"https://api.example/v1"}, ErrConfig},
		{[]string{"https://api.example//"}, ErrConfig},
		{[]string{"https://api.example?a=b"}, ErrConfig},
		{[]string{"https://api.example?"}, ErrConfig},
		{[]string{"https://api.example#"}, ErrConfig},
		{[]string{"https://user@api.example"}, ErrConfig},
		{[]string{"https:api.example"}, ErrConfig},
		{[]string{"https://*.example", "nonsense"}, ErrConfig},
		{[]string{"http://api.example"}, ErrInsecureURL},
		{[]string{unitAPI, "http://api.example"}, ErrInsecureURL},
		{[]string{"wss://api.example"}, ErrInsecureURL},
	} {
		tr, err := c.NewTransport(protectedToken("Bearer"), TransportOptions{Origins: tt.origins})
		if tr != nil {
			t.Errorf("%q is accepted", tt.origins)
		}
		wantError(t, err, tt.kind, "Origins")
	}
}

// TestTransportOriginMatch: a token goes to the origins as net/http dials them,
// and to no name that only looks like one.
func TestTransportOriginMatch(t *testing.T) {
	for _, tt := range []struct {
		origin, url string
		sent        bool
	}{
		{"https://api.example", "https://api.example/a?b=c", true},
		{"https://api.example/", "https://api.example", true},
		{"https://api.example:443", "https://api.example/", true},
		{"https://api.example:", "https://api.example/", true},
		{"https://api.example", "https://api.example:443/", true},
		{"HTTPS://API.Example", "https://api.EXAMPLE/", true},
		{"https://api.example:8443", "https://api.example:8443/", true},
		{"https://[::1]:443", "https://[::1]/", true},
		{"https://api.example", "https://api.example:8443/", false},
		{"https://api.example", "https://api.example:80/", false},
		{"https://api.example:8443", "https://api.example/", false},
		{"https://api.example", "https://api.example./", false},
		{"https://api.example", "https://sub.api.example/", false},
		{"https://api.example", "https://example/", false},
		{"https://api.example", "https://api.example.attacker.test/", false},
		{"https://api.example", "https://api.example@attacker.test/", false},
		{"https://api.example", "https://attacker.test/api.example", false},
		{"https://api.example", "https://attacker.test/#https://api.example", false},
		{"https://api.example", "http://api.example/", false},
		// U+0130 and U+212A: strings.ToLower makes i and k of them, IDNA does not
		// of the first, and the host is another one.
		{"https://api.example", "https://ap\u0130.example/", false},
		{"https://api.example", "https://ap%C4%B0.example/", false},
		{"https://kiosk.example", "https://\u212aiosk.example/", false},
		{"https://b\u00fccher.example", "https://b\u00fccher.example/", true},
	} {
		sent := false
		c := newUnitServer().client(t, func(cfg *Config) {
			cfg.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
				sent = true
				return httpAnswer(r, 200, ""), nil
			}).client()
		})
		tr := newTransportOf(t, c, protectedToken("Bearer"), TransportOptions{Origins: []string{"https://other.example", tt.origin}})
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		body := &closeCounter{Reader: strings.NewReader("x")}
		res, err := tr.RoundTrip(&http.Request{Method: "POST", URL: u, Body: body})
		if sent != tt.sent || (err == nil) != tt.sent || (res != nil) != tt.sent {
			t.Errorf("%s with origin %s: sent %v, error %v", tt.url, tt.origin, sent, err)
		}
		if !tt.sent {
			wantError(t, err, ErrConfig, "Origins")
			if body.closed == 0 {
				t.Errorf("%s: the body is left open", tt.url)
			}
		}
	}
	tr := newTransportOf(t, newUnitServer().client(t, nil), protectedToken("Bearer"), TransportOptions{})
	if _, err := tr.RoundTrip(&http.Request{}); err == nil {
		t.Error("a request without a URL is sent")
	}
}

// closeCounter is a body that cannot be sent again, and counts its ends.
type closeCounter struct {
	io.Reader
	closed int
}

func (b *closeCounter) Close() error { b.closed++; return nil }

// TestTransportZero: one that NewTransport did not make says so.
func TestTransportZero(t *testing.T) {
	for _, tr := range []*Transport{nil, {}} {
		wantError(t, tr.Renew(t.Context()), ErrConfig, "Transport")
		body := &closeCounter{Reader: strings.NewReader("x")}
		_, err := tr.RoundTrip(protectedRequest(t, "POST", unitAPI, body))
		if wantError(t, err, ErrConfig, "Transport"); body.closed == 0 {
			t.Error("the body is left open")
		}
	}
}

// TestTransportFoldedRedirect: an http.Client above follows a redirect to a host
// that folds to the origin's.
func TestTransportFoldedRedirect(t *testing.T) {
	var hosts []string
	c := newUnitServer().client(t, func(cfg *Config) {
		cfg.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Host)
			return httpAnswer(r, 307, "", "Location", "https://ap\u0130.example/"), nil
		}).client()
	})
	client := &http.Client{Transport: newTransportOf(t, c, protectedToken("Bearer"), TransportOptions{})}
	_, err := client.Post(unitAPI, "text/plain", strings.NewReader("x"))
	wantError(t, err, ErrConfig, "Origins")
	if !slices.Equal(hosts, []string{"api.example"}) {
		t.Errorf("requests to %q", hosts)
	}
}
