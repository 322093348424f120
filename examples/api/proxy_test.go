package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

func clientCert(der []byte) string { return ":" + base64.StdEncoding.EncodeToString(der) + ":" }

func TestForwardedCertificate(t *testing.T) {
	cert := oauthtest.SelfSignedCertificate("client").Leaf
	good := clientCert(cert.Raw)
	const proxy = "192.0.2.1:4711"
	for name, tt := range map[string]struct {
		from   string
		values []string
		want   string // of the error; "cert" or "none" if there is none
	}{
		"good":             {proxy, []string{good}, "cert"},
		"IPv4 in IPv6":     {"[::ffff:192.0.2.1]:4711", []string{good}, "cert"},
		"spaces":           {proxy, []string{" " + good + " "}, "cert"},
		"no certificate":   {proxy, nil, "none"},
		"somebody else":    {"192.0.2.2:4711", []string{good}, "not come from the proxy"},
		"nothing to say":   {"192.0.2.2:4711", nil, "not come from the proxy"},
		"no address":       {"@", []string{good}, "not come from the proxy"},
		"two":              {proxy, []string{good, good}, "more than once"},
		"a list":           {proxy, []string{good + ", " + good}, "not base64"},
		"empty":            {proxy, []string{""}, "not a byte sequence"},
		"one colon":        {proxy, []string{":"}, "not a byte sequence"},
		"no bytes":         {proxy, []string{"::"}, "malformed certificate"},
		"no colons":        {proxy, []string{strings.Trim(good, ":")}, "not a byte sequence"},
		"no end":           {proxy, []string{strings.TrimSuffix(good, ":")}, "not a byte sequence"},
		"parameter":        {proxy, []string{good + ";a=1"}, "not a byte sequence"},
		"base64url":        {proxy, []string{":" + base64.URLEncoding.EncodeToString([]byte{0xff, 0xfe, 0xfd}) + ":"}, "not base64"},
		"PEM":              {proxy, []string{"-----BEGIN CERTIFICATE----- " + good[1:]}, "not a byte sequence"},
		"not DER":          {proxy, []string{clientCert([]byte("certificate"))}, "malformed certificate"},
		"half":             {proxy, []string{clientCert(cert.Raw[:100])}, "malformed certificate"},
		"trailing data":    {proxy, []string{clientCert(append(bytes.Clone(cert.Raw), 0))}, "trailing data"},
		"two certificates": {proxy, []string{clientCert(append(bytes.Clone(cert.Raw), cert.Raw...))}, "trailing data"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.RemoteAddr, r.Header["Client-Cert"] = tt.from, tt.values
		got, err := forwardedCertificate(calledFrom(netip.MustParseAddr("192.0.2.1")))(r)
		switch {
		case tt.want == "cert" && (err != nil || !got.Equal(cert)),
			tt.want == "none" && (err != nil || got != nil),
			tt.want != "cert" && tt.want != "none" && (err == nil || got != nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, %v", name, got != nil, err)
		}
	}
}

// The proxy has a certificate itself, with which it calls the API.
func TestCalledWith(t *testing.T) {
	own, other := oauthtest.SelfSignedCertificate("proxy"), oauthtest.SelfSignedCertificate("proxy")
	fromProxy := calledWith(oauth.CertificateThumbprint(own.Leaf))
	var was bool
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { was = fromProxy(r) }))
	api.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	api.StartTLS()
	defer api.Close()
	for name, tt := range map[string]struct {
		certs []tls.Certificate
		want  bool
	}{
		"proxy":         {[]tls.Certificate{own}, true},
		"somebody else": {[]tls.Certificate{other}, false},
		"nobody":        {nil, false},
	} {
		transport := api.Client().Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.Certificates = tt.certs
		was = !tt.want
		resp, err := (&http.Client{Transport: transport}).Get(api.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if was != tt.want {
			t.Errorf("%s: %t", name, was)
		}
		transport.CloseIdleConnections()
	}
	if fromProxy(httptest.NewRequest(http.MethodGet, "http://api.example.com/", nil)) {
		t.Error("without TLS it is the proxy")
	}
}

func TestBeforeProxy(t *testing.T) {
	public := beforeProxy("https://api.example.com/v1")
	for target, want := range map[string]string{
		"/orders":                          "https://api.example.com/v1/orders",
		"/orders?a=b":                      "https://api.example.com/v1/orders",
		"/a%2Fb%3Fc":                       "https://api.example.com/v1/a%2Fb%3Fc",
		"//elsewhere/x":                    "https://api.example.com/v1//elsewhere/x",
		"https://elsewhere.example/orders": "https://api.example.com/v1/orders",
		"*":                                "",
	} {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		u, err := public(r)
		if want == "" && err == nil || want != "" && (err != nil || u.String() != want) {
			t.Errorf("%s: %v, %v", target, u, err)
		}
	}
}

// newProxy starts a proxy that ends TLS and serves what is below /v1 from the root
// of the API.
func newProxy(t *testing.T) (proxy *httptest.Server, api *url.URL) {
	t.Helper()
	api = &url.URL{Scheme: "http"}
	proxy = httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Path, r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.Path, "/v1"), ""
		r.SetURL(api)
		r.Out.Header.Del("Client-Cert")
		if certs := r.In.TLS.PeerCertificates; len(certs) > 0 {
			r.Out.Header.Set("Client-Cert", clientCert(certs[0].Raw))
		}
	}})
	proxy.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	return proxy, api
}

// A token that is bound to a certificate and a key is good through the proxy, with
// both; who calls the API past the proxy writes the certificate in vain.
func TestCertificateBound(t *testing.T) {
	const testSecret = "a secret that only the two know"
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, JWTAccessTokens: true})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{ID: "shop", Secret: testSecret, CertificateBound: true})
	proxy, api := newProxy(t)
	roots := srv.RootCAs()
	roots.AddCert(proxy.Certificate())
	resource := proxy.URL + "/v1/orders"
	t.Setenv("OAUTH_ISSUER", srv.Issuer())
	t.Setenv("OAUTH_RESOURCE", resource)
	t.Setenv("OAUTH_PROXY", "127.0.0.1")
	var printed bytes.Buffer
	log.SetOutput(&printed)
	defer log.SetOutput(os.Stderr)
	handler := newAPI(t.Context(), srv.Client())
	behind := httptest.NewServer(handler)
	defer behind.Close()
	api.Host = strings.TrimPrefix(behind.URL, "http://")

	server, err := oauth.Discover(t.Context(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	clientWith := func(cert tls.Certificate) *oauth.Client {
		d, err := oauth.NewDPoP(key, oauth.Clock{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := oauth.NewClient(oauth.Config{
			Server:   server,
			Metadata: oauth.ClientMetadata{ClientID: "shop", UseMTLSEndpointAliases: true},
			Auth:     oauth.ClientSecretBasic(testSecret),
			MTLS:     &oauth.MutualTLS{Certificate: cert, RootCAs: roots},
			DPoP:     d,
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	cert := srv.NewCertificate("shop", time.Time{})
	own, other := clientWith(cert), clientWith(srv.NewCertificate("shop", time.Time{}))
	token, err := own.ClientCredentials(t.Context(), &oauth.GrantOptions{Scope: []string{"orders:read"}, Resource: []string{resource}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		client *oauth.Client
		forged string
		want   int
	}{
		{own, "", 200},
		{own, "::", 200}, // the proxy takes it out
		{other, "", 401},
		{other, clientCert(cert.Certificate[0]), 401},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, resource, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.forged != "" {
			req.Header.Set("Client-Cert", tt.forged)
		}
		resp, err := tt.client.Do(req, token)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("Client-Cert %.10q: %s\n%s", tt.forged, resp.Status, printed.String())
		}
	}

	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "DPoP "+token.AccessToken.Reveal())
	r.Header.Set("Client-Cert", clientCert(cert.Certificate[0]))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(printed.String(), "not come from the proxy") {
		t.Errorf("past the proxy: %d\n%s", w.Code, printed.String())
	}
	if strings.Contains(printed.String(), token.AccessToken.Reveal()) {
		t.Error("the token is in the log")
	}
}
