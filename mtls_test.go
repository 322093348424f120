package oauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// mtlsServer is a server with the client "bank", which authenticates by
// tls_client_auth, and its metadata. origin is that of the listener that asks
// for certificates.
func mtlsServer(t *testing.T) (srv *oauthtest.Server, as *AuthorizationServer, origin string) {
	t.Helper()
	srv = oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	t.Cleanup(srv.Close)
	srv.AddClient(oauthtest.Client{
		ID: "bank", AuthMethod: "tls_client_auth", CertificateSubject: "CN=bank", RedirectURIs: []string{"https://app.example.com/cb"},
	})
	as, err := Discover(context.Background(), srv.Issuer(), &DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return srv, as, mtlsOrigin(t, as)
}

func mtlsOrigin(t *testing.T, as *AuthorizationServer) string {
	t.Helper()
	u, err := url.Parse(as.MTLSEndpointAliases.TokenEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	return u.Scheme + "://" + u.Host
}

// mtlsConfig is a configuration for the client "bank".
func mtlsConfig(srv *oauthtest.Server, as *AuthorizationServer) Config {
	return Config{
		Server: as, Metadata: ClientMetadata{ClientID: "bank"}, Auth: TLSClientAuth(),
		MTLS: &MutualTLS{Certificate: srv.NewCertificate("bank", time.Time{}), RootCAs: srv.RootCAs()},
	}
}

// mtlsHTTPClient is a client with a certificate, built by hand.
func mtlsHTTPClient(t *testing.T, srv *oauthtest.Server, cert tls.Certificate) *http.Client {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs:      srv.RootCAs(),
		Certificates: []tls.Certificate{cert},
	}}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// mtlsLogin is a login and a request for userinfo.
func mtlsLogin(t *testing.T, srv *oauthtest.Server, cfg Config) error {
	t.Helper()
	c, err := NewClient(cfg)
	if err != nil {
		return err
	}
	defer c.CloseIdleConnections()
	ctx := context.Background()
	a, err := c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example.com/cb", Scope: []string{"openid"}})
	if err != nil {
		return err
	}
	callback, err := srv.Authorize(ctx, a.URL())
	if err != nil {
		return err
	}
	tok, err := c.FinishAuthorization(callback, a, nil)
	if err != nil {
		return err
	}
	_, err = c.UserInfo(ctx, tok, nil)
	return err
}

// mtlsSeen wants each request to the path to have come to the origin, with the
// certificate of that name or, if it is empty, without one.
func mtlsSeen(t *testing.T, srv *oauthtest.Server, path, origin, name string) {
	t.Helper()
	seen := false
	for _, r := range srv.Requests() {
		if r.Path != path {
			continue
		}
		seen = true
		got := ""
		if r.Certificate != nil {
			got = r.Certificate.Subject.CommonName
		}
		if "https://"+r.Host != origin || got != name {
			t.Errorf("%s came to %s with the certificate %q, want %s and %q", path, r.Host, got, origin, name)
		}
	}
	if !seen {
		t.Errorf("no request to %s", path)
	}
}

// TestMTLSEndpoints: the certificate goes to the aliases (RFC 8705, Section 5).
func TestMTLSEndpoints(t *testing.T) {
	srv, as, origin := mtlsServer(t)
	if err := mtlsLogin(t, srv, mtlsConfig(srv, as)); err != nil {
		t.Fatal(err)
	}
	mtlsSeen(t, srv, "/token", origin, "bank")
	mtlsSeen(t, srv, "/userinfo", origin, "bank")
	mtlsSeen(t, srv, "/jwks", srv.URL(), "")
	// The user's browser has no certificate of the client's.
	mtlsSeen(t, srv, "/authorize", srv.URL(), "")
}

// TestMTLSKeySet: the certificate is not offered to the jwks_uri, even where
// that asks for one.
func TestMTLSKeySet(t *testing.T) {
	srv, as, origin := mtlsServer(t)
	as.JWKSURI = origin + "/jwks"
	if err := mtlsLogin(t, srv, mtlsConfig(srv, as)); err != nil {
		t.Fatal(err)
	}
	cfg := mtlsConfig(srv, as)
	cfg.MTLS, cfg.Metadata.UseMTLSEndpointAliases = nil, true
	cfg.HTTPClient = mtlsHTTPClient(t, srv, srv.NewCertificate("bank", time.Time{}))
	if err := mtlsLogin(t, srv, cfg); err != nil {
		t.Fatal(err)
	}
	mtlsSeen(t, srv, "/jwks", origin, "")
	mtlsSeen(t, srv, "/token", origin, "bank")
}

// TestJWKSClientCertificate: a KeySet of its own does not offer the
// certificate of its HTTPClient either, which is for the server's endpoints.
func TestJWKSClientCertificate(t *testing.T) {
	srv, _, origin := mtlsServer(t)
	client := mtlsHTTPClient(t, srv, srv.NewCertificate("bank", time.Time{}))
	res, err := client.Get(origin + "/jwks") // by itself it does
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	mtlsSeen(t, srv, "/jwks", origin, "bank")
	set, err := NewKeySet(origin+"/jwks", &KeySetOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	before := len(srv.Requests())
	if err := set.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	if after := srv.Requests(); len(after) != before+1 || after[before].Certificate != nil {
		t.Error("the KeySet offers the certificate")
	}
	if client.Transport.(*http.Transport).TLSClientConfig.Certificates == nil {
		t.Error("the caller's transport is changed")
	}
}

// TestMTLSSelfSigned is self_signed_tls_client_auth: RFC 8705, Section 2.2.
func TestMTLSSelfSigned(t *testing.T) {
	srv, as, origin := mtlsServer(t)
	cert := oauthtest.SelfSignedCertificate("own")
	srv.AddClient(oauthtest.Client{
		ID: "bank", AuthMethod: "self_signed_tls_client_auth", Certificate: cert.Certificate[0], RedirectURIs: []string{"https://app.example.com/cb"},
	})
	cfg := mtlsConfig(srv, as)
	cfg.MTLS.Certificate = cert
	if err := mtlsLogin(t, srv, cfg); err != nil {
		t.Fatal(err)
	}
	mtlsSeen(t, srv, "/token", origin, "own")
	cfg.MTLS.Certificate = oauthtest.SelfSignedCertificate("own")
	if err := mtlsLogin(t, srv, cfg); !errors.Is(err, ErrRefused) {
		t.Errorf("another certificate: %v, want ErrRefused", err)
	}
}

// TestMTLSNamedAuthorities: a server that names authorities is offered the
// certificate all the same; with tls.Config.Certificates it would not be.
func TestMTLSNamedAuthorities(t *testing.T) {
	cert, roots := httpServerCertificate(t)
	authorities := x509.NewCertPool()
	authorities.AddCert(cert.Leaf)
	var offered atomic.Int32
	srv := httpTLSServer(
		t,
		&tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, ClientCAs: authorities},
		func(w http.ResponseWriter, r *http.Request) {
			offered.Store(int32(len(r.TLS.PeerCertificates)))
		},
	)
	m := &MutualTLS{Certificate: oauthtest.SelfSignedCertificate("own"), RootCAs: roots}
	with, without, err := mtlsPair(m, nil, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	for client, want := range map[*http.Client]int32{with: 1, without: 0} {
		res, err := client.Get(srv)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		client.CloseIdleConnections()
		if offered.Load() != want {
			t.Errorf("%d certificates are offered, want %d", offered.Load(), want)
		}
	}
}

// TestMTLSRotation: GetCertificate is asked for every connection, and
// CloseIdleConnections ends those with the old one.
func TestMTLSRotation(t *testing.T) {
	srv, as, _ := mtlsServer(t)
	cfg := mtlsConfig(srv, as)
	var name atomic.Value
	name.Store("first")
	var calls atomic.Int32
	type key struct{}
	cfg.MTLS = &MutualTLS{RootCAs: srv.RootCAs(), GetCertificate: func(ctx context.Context) (*tls.Certificate, error) {
		calls.Add(1)
		if ctx == nil {
			t.Error("the context is nil")
		}
		cert := srv.NewCertificate(name.Load().(string), time.Time{})
		return &cert, nil
	}}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	send := func() string {
		t.Helper()
		if _, err := c.post(context.WithValue(context.Background(), key{}, 1), tokenEndpoint, "test", nil, headerFields{}); err != nil {
			t.Fatal(err)
		}
		all := srv.Requests()
		return all[len(all)-1].Certificate.Subject.CommonName
	}
	if got := send(); got != "first" || calls.Load() != 1 {
		t.Errorf("the certificate is %s after %d calls", got, calls.Load())
	}
	name.Store("second")
	if got := send(); got != "first" || calls.Load() != 1 {
		t.Errorf("on a connection that is open the certificate is %s after %d calls", got, calls.Load())
	}
	c.CloseIdleConnections()
	if got := send(); got != "second" || calls.Load() != 2 {
		t.Errorf("on a new connection the certificate is %s after %d calls", got, calls.Load())
	}
}

func TestMTLSCertificateErrors(t *testing.T) {
	srv, as, _ := mtlsServer(t)
	good := srv.NewCertificate("bank", time.Time{})
	expired := srv.NewCertificate("bank", time.Now().Add(-time.Minute))
	noLeaf := good
	noLeaf.Leaf = nil
	wrongKey, noKey, noDER := good, good, good
	wrongKey.PrivateKey = expired.PrivateKey
	noKey.PrivateKey = nil
	noDER.Certificate, noDER.Leaf = [][]byte{[]byte("x")}, nil
	noDER.PrivateKey = good.PrivateKey
	get := func(context.Context) (*tls.Certificate, error) { return &good, nil }
	early := func() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		name  string
		mtls  MutualTLS
		clock Clock
		want  string // of the error; "": none
	}{
		{"good", MutualTLS{Certificate: good}, Clock{}, ""},
		{"without Leaf", MutualTLS{Certificate: noLeaf}, Clock{}, ""},
		{"function", MutualTLS{GetCertificate: get}, Clock{}, ""},
		{"none", MutualTLS{}, Clock{}, "MTLS: set one of Certificate and GetCertificate"},
		{"both", MutualTLS{Certificate: good, GetCertificate: get}, Clock{}, "MTLS: set one of Certificate and GetCertificate"},
		{"expired", MutualTLS{Certificate: expired}, Clock{}, "MTLS.Certificate: is valid from 1990-01-01T00:00:00Z to "},
		{"not yet valid", MutualTLS{Certificate: good}, Clock{Now: early}, "MTLS.Certificate: is valid from 1990-01-01T00:00:00Z to 2084-01-01T00:00:00Z only, and now is 1980-01-01T00:00:00Z: renew it, or set this machine's clock"},
		{"expired by a clock that is ahead", MutualTLS{Certificate: expired}, Clock{Skew: -2 * time.Minute}, ""},
		{"private key of another", MutualTLS{Certificate: wrongKey}, Clock{}, "MTLS.Certificate: the private key is not that of the certificate"},
		{"no private key", MutualTLS{Certificate: noKey}, Clock{}, "MTLS.Certificate: has no private key that can sign"},
		{"unreadable", MutualTLS{Certificate: noDER}, Clock{}, "MTLS.Certificate: cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := mtlsConfig(srv, as)
			cfg.MTLS, cfg.Clock = &tt.mtls, tt.clock
			_, err := NewClient(cfg)
			if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want ErrConfig: %s", err, tt.want)
			}
		})
	}
}

// TestMTLSCertificateAtConnection: what is wrong with a certificate only later
// is said before it is offered; the server would only end the handshake.
func TestMTLSCertificateAtConnection(t *testing.T) {
	srv, as, _ := mtlsServer(t)
	until := time.Now().Add(time.Hour)
	cert := srv.NewCertificate("bank", until)
	noKey := tls.Certificate{Certificate: cert.Certificate}
	cause := errors.New("the vault is closed")
	var late atomic.Bool
	clock := Clock{Now: func() time.Time {
		if late.Load() {
			return until.Add(time.Minute)
		}
		return time.Now()
	}}
	for _, tt := range []struct {
		name string
		mtls MutualTLS
		late bool
		want string
	}{
		{"good", MutualTLS{Certificate: cert}, false, ""},
		{"expired meanwhile", MutualTLS{Certificate: cert}, true, "oauth: test: MTLS.Certificate: is valid from "},
		{"function: expired", MutualTLS{GetCertificate: func(context.Context) (*tls.Certificate, error) { return &cert, nil }}, true, "oauth: test: MTLS.GetCertificate: is valid from "},
		{"function: error", MutualTLS{GetCertificate: func(context.Context) (*tls.Certificate, error) { return nil, cause }}, false, "oauth: test: MTLS.GetCertificate: failed: the vault is closed"},
		{"function: nil", MutualTLS{GetCertificate: func(context.Context) (*tls.Certificate, error) { return nil, nil }}, false, "oauth: test: MTLS.GetCertificate: there is no certificate"},
		{"function: empty", MutualTLS{GetCertificate: func(context.Context) (*tls.Certificate, error) { return new(tls.Certificate), nil }}, false, "oauth: test: MTLS.GetCertificate: there is no certificate"},
		{"function: no key", MutualTLS{GetCertificate: func(context.Context) (*tls.Certificate, error) { return &noKey, nil }}, false, "oauth: test: MTLS.GetCertificate: has no private key that can sign"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			late.Store(false)
			cfg := mtlsConfig(srv, as)
			tt.mtls.RootCAs = srv.RootCAs()
			cfg.MTLS, cfg.Clock = &tt.mtls, clock
			c, err := NewClient(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseIdleConnections()
			late.Store(tt.late)
			before := srv.Count("/token")
			_, err = c.post(context.Background(), tokenEndpoint, "test", nil, headerFields{})
			made := srv.Count("/token") - before
			if tt.want == "" {
				if err != nil || made != 1 {
					t.Errorf("error %v, %d requests", err, made)
				}
				return
			}
			if !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), tt.want) || made != 0 {
				t.Errorf("error %v, %d requests; want ErrConfig: %s", err, made, tt.want)
			}
			if strings.HasSuffix(tt.name, "error") && !errors.Is(err, cause) {
				t.Errorf("the cause is lost: %v", err)
			}
		})
	}
}

// TestMTLSHTTPClient: a transport that dials by itself cannot be given the
// certificate, and a proxy over TLS would be offered it.
func TestMTLSHTTPClient(t *testing.T) {
	srv, as, _ := mtlsServer(t)
	proxy := func(raw string) func(*http.Request) (*url.URL, error) {
		u, _ := url.Parse(raw)
		return http.ProxyURL(u)
	}
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("not called") }
	dialTLS := func(string, string) (net.Conn, error) { return nil, errors.New("not called") }
	next := map[string]func(string, *tls.Conn) http.RoundTripper{"h2": func(string, *tls.Conn) http.RoundTripper { return nil }}
	for _, tt := range []struct {
		name   string
		client *http.Client
		want   string // of the error; "": none
	}{
		{"nil", nil, ""},
		{"zero", &http.Client{}, ""},
		{"transport", &http.Client{Transport: &http.Transport{}}, ""},
		{"default transport", &http.Client{Transport: http.DefaultTransport}, ""},
		{"own dial", &http.Client{Transport: &http.Transport{DialContext: dial}}, ""},
		{"http proxy", &http.Client{Transport: &http.Transport{Proxy: proxy("http://proxy.example.com:3128")}}, ""},
		{"SOCKS proxy", &http.Client{Transport: &http.Transport{Proxy: proxy("socks5://proxy.example.com:1080")}}, ""},
		{"no proxy for it", &http.Client{Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}}, ""},
		{"HTTP/2 turned off", &http.Client{Transport: &http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}}, ""},
		{"custom", &http.Client{Transport: httpFunc(nil)}, "its Transport is a oauth.httpFunc, which cannot be given the certificate of Config.MTLS: leave it nil or an *http.Transport, and put yours around it with MutualTLS.Wrap"},
		{"nil transport", &http.Client{Transport: (*http.Transport)(nil)}, "cannot be given the certificate"},
		{"DialTLSContext", &http.Client{Transport: &http.Transport{DialTLSContext: dial}}, "sets DialTLS, DialTLSContext or TLSNextProto"},
		//lint:ignore SA1019 deprecated, and in the way all the same
		{"DialTLS", &http.Client{Transport: &http.Transport{DialTLS: dialTLS}}, "sets DialTLS, DialTLSContext or TLSNextProto"},
		{"TLSNextProto", &http.Client{Transport: &http.Transport{TLSNextProto: next}}, "sets DialTLS, DialTLSContext or TLSNextProto"},
		{"https proxy", &http.Client{Transport: &http.Transport{Proxy: proxy("https://proxy.example.com")}}, "is reached over https and would be offered the client certificate: use an http proxy, or none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := mtlsConfig(srv, as)
			cfg.HTTPClient = tt.client
			_, err := NewClient(cfg)
			if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want ErrConfig: %s", err, tt.want)
			}
		})
	}
	// Without a token endpoint there is nothing to ask a proxy about.
	cfg := mtlsConfig(srv, as)
	server := *cfg.Server
	server.TokenEndpoint, server.MTLSEndpointAliases = "", nil
	cfg.Server, cfg.HTTPClient = &server, &http.Client{Transport: &http.Transport{Proxy: proxy("https://proxy.example.com")}}
	if _, err := NewClient(cfg); err != nil {
		t.Error(err)
	}
	// Without Config.MTLS the proxy is not the package's to ask.
	cfg = mtlsConfig(srv, as)
	cfg.MTLS, cfg.Auth = nil, PublicClient()
	cfg.HTTPClient = &http.Client{Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
		t.Error("the proxy of a client without a certificate was asked for")
		return nil, nil
	}}}
	if _, err := NewClient(cfg); err != nil {
		t.Error(err)
	}
}

// TestMTLSProxyAtRequest: a proxy that is over TLS only now and then.
func TestMTLSProxyAtRequest(t *testing.T) {
	srv, as, _ := mtlsServer(t)
	var dialed atomic.Bool
	proxy := ""
	transport := &http.Transport{
		Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(proxy) },
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			dialed.Store(true)
			return nil, errors.New("dialed")
		},
	}
	for _, wrap := range []func(http.RoundTripper) http.RoundTripper{nil, func(rt http.RoundTripper) http.RoundTripper { return httpFunc(rt.RoundTrip) }} {
		cfg := mtlsConfig(srv, as)
		cfg.HTTPClient = &http.Client{Transport: transport}
		cfg.MTLS.Wrap = wrap
		proxy = "http://proxy.example.com"
		c, err := NewClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		dialed.Store(false)
		if _, err := c.post(context.Background(), tokenEndpoint, "test", nil, headerFields{}); !errors.Is(err, ErrNetwork) || !dialed.Load() {
			t.Errorf("http: error %v, dialed %v", err, dialed.Load())
		}
		proxy = "https://proxy.example.com"
		dialed.Store(false)
		if _, err := c.post(context.Background(), tokenEndpoint, "test", nil, headerFields{}); !errors.Is(err, ErrConfig) || dialed.Load() {
			t.Errorf("https: error %v, dialed %v", err, dialed.Load())
		}
	}
}

// TestMTLSTransport: the caller's client is cloned whole and not changed.
func TestMTLSTransport(t *testing.T) {
	srv, _, _ := mtlsServer(t)
	cert := srv.NewCertificate("bank", time.Time{})
	cache := tls.NewLRUClientSessionCache(1)
	others := []tls.Certificate{srv.NewCertificate("other", time.Time{})}
	getOther := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &others[0], nil }
	base := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		MaxIdleConns:    7,
		TLSClientConfig: &tls.Config{ServerName: "op", ClientSessionCache: cache, Certificates: others, GetClientCertificate: getOther, RootCAs: srv.RootCAs()},
	}}
	m := &MutualTLS{Certificate: cert}
	with, without, err := mtlsPair(m, base, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*http.Client{"with": with, "without": without} {
		tr := httpTransport(c)
		config := tr.TLSClientConfig
		if c == base || tr == base.Transport || c.Timeout != time.Minute || tr.MaxIdleConns != 7 || tr.TLSHandshakeTimeout != tlsTimeout ||
			config.ServerName != "op" ||
			config.RootCAs == nil {
			t.Errorf("%s: not a clone of the whole", name)
		}
		// A session that is resumed is that of another certificate.
		if config.ClientSessionCache != nil || config.Certificates != nil {
			t.Errorf("%s: sessions or certificates of the caller's are kept", name)
		}
		if (config.GetClientCertificate != nil) != (name == "with") {
			t.Errorf("%s: offers a certificate: %v", name, config.GetClientCertificate != nil)
		}
	}
	theirs := base.Transport.(*http.Transport)
	if theirs.TLSClientConfig.ClientSessionCache != cache || len(theirs.TLSClientConfig.Certificates) != 1 || theirs.TLSHandshakeTimeout != 0 ||
		base.Timeout != time.Minute {
		t.Error("the caller's client is changed")
	}
	m.RootCAs = x509.NewCertPool()
	if with, _, err = mtlsPair(m, base, Clock{}); err != nil || httpTransport(with).TLSClientConfig.RootCAs != m.RootCAs {
		t.Errorf("RootCAs are not used: %v", err)
	}
	own, _, err := mtlsPair(m, nil, Clock{})
	if err != nil || own.Timeout != overallTimeout || httpTransport(own).ResponseHeaderTimeout != headerTimeout {
		t.Errorf("without a client the package's own is not used: %+v, %v", own, err)
	}
	// The same for a certificate in the HTTPClient itself.
	plain := withoutClientCertificate(base)
	if config := httpTransport(plain).TLSClientConfig; plain == base || config.Certificates != nil || config.GetClientCertificate != nil ||
		config.ClientSessionCache != nil {
		t.Error("a certificate or a session is left in the client for the key set")
	}
	bare := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{ClientSessionCache: cache}}}
	for _, c := range []*http.Client{nil, bare, {}, {Transport: httpFunc(nil)}} {
		if withoutClientCertificate(c) != c {
			t.Errorf("%+v has no certificate and is copied", c)
		}
	}
}

func TestMTLSWrap(t *testing.T) {
	srv, as, origin := mtlsServer(t)
	as.JWKSURI = origin + "/jwks"
	cfg := mtlsConfig(srv, as)
	var mu sync.Mutex // the key set is fetched beside the login
	seen := map[string]int{}
	cfg.MTLS.Wrap = func(rt http.RoundTripper) http.RoundTripper {
		if transportIn(rt) == nil {
			t.Errorf("what is wrapped is a %T", rt)
		}
		return httpFunc(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			seen[r.URL.Path]++
			mu.Unlock()
			return rt.RoundTrip(r)
		})
	}
	if err := mtlsLogin(t, srv, cfg); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if seen["/token"] != 1 || seen["/userinfo"] != 1 || seen["/jwks"] != 1 {
		t.Errorf("the wrapper sees %v", seen)
	}
	// What is wrapped cannot be looked into: there are two, and that for the
	// key set has no certificate.
	mtlsSeen(t, srv, "/jwks", origin, "")
	mtlsSeen(t, srv, "/token", origin, "bank")
}

func TestMTLSClientAuthNeedsCertificate(t *testing.T) {
	srv, as, _ := mtlsServer(t)
	cert := srv.NewCertificate("bank", time.Time{})
	get := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	for _, tt := range []struct {
		name   string
		client *http.Client
		want   error
	}{
		{"nil", nil, ErrConfig},
		{"zero", &http.Client{}, ErrConfig},
		{"default", http.DefaultClient, ErrConfig},
		{"transport", &http.Client{Transport: &http.Transport{}}, ErrConfig},
		{"roots alone", srv.Client(), ErrConfig},
		{"certificate", mtlsHTTPClient(t, srv, cert), nil},
		{"function", &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{GetClientCertificate: get}}}, nil},
		{"custom, of which nothing is known", &http.Client{Transport: httpFunc(nil)}, nil},
		{"dials by itself", &http.Client{Transport: &http.Transport{DialTLSContext: (&tls.Dialer{}).DialContext}}, nil},
		//lint:ignore SA1019 a deprecated field that is set dials all the same
		{"dials by itself, in the old way", &http.Client{Transport: &http.Transport{DialTLS: (&tls.Dialer{}).Dial}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, cfg := range map[string]Config{
				"TLSClientAuth": {Auth: TLSClientAuth(), Metadata: ClientMetadata{ClientID: "bank"}},
				"bound tokens":  {Auth: PublicClient(), Metadata: ClientMetadata{ClientID: "bank", TLSClientCertificateBoundAccessTokens: true}},
			} {
				cfg.Server, cfg.HTTPClient = as, tt.client
				_, err := NewClient(cfg)
				var e *Error
				if !errors.Is(err, tt.want) || err != nil && (!errors.As(err, &e) || e.Param != "MTLS") {
					t.Errorf("%s: error %v, want %v", name, err, tt.want)
				}
			}
		})
	}
	// A client that only verifies binds nothing.
	if _, err := NewClient(Config{Server: as, Metadata: ClientMetadata{ClientID: "bank", TLSClientCertificateBoundAccessTokens: true}, HTTPClient: srv.Client()}); err != nil {
		t.Error(err)
	}
}

// TestMTLSAliasesAreImplied: a client that needs its certificate calls the aliases,
// with an http.Client that was built of a tls.Certificate, too (RFC 8705, Section 5).
func TestMTLSAliasesAreImplied(t *testing.T) {
	for _, tt := range []struct {
		name    string
		auth    ClientAuth // nil: a secret
		meta    ClientMetadata
		aliases bool
	}{
		{"nothing needs it", nil, ClientMetadata{}, false},
		{"use_mtls_endpoint_aliases", nil, ClientMetadata{UseMTLSEndpointAliases: true}, true},
		{"bound access tokens", nil, ClientMetadata{TLSClientCertificateBoundAccessTokens: true}, true},
		{"TLSClientAuth", TLSClientAuth(), ClientMetadata{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, as, origin := mtlsServer(t)
			cfg := Config{Server: as, Metadata: tt.meta, Auth: tt.auth, HTTPClient: mtlsHTTPClient(t, srv, srv.NewCertificate("bank", time.Time{}))}
			cfg.Metadata.ClientID = "bank"
			if tt.auth == nil {
				cfg.Auth = ClientSecretBasic("the-client-secret")
				srv.AddClient(oauthtest.Client{ID: "bank", Secret: "the-client-secret", RedirectURIs: []string{"https://app.example.com/cb"}})
			}
			if err := mtlsLogin(t, srv, cfg); err != nil {
				t.Fatal(err)
			}
			where, subject := srv.URL(), ""
			if tt.aliases {
				where, subject = origin, "bank"
			}
			mtlsSeen(t, srv, "/token", where, subject)
			mtlsSeen(t, srv, "/userinfo", where, subject)
			mtlsSeen(t, srv, "/jwks", srv.URL(), "")
		})
	}
}

// TestMTLSAliasMissing: an endpoint without an alias is the one of the
// metadata itself.
func TestMTLSAliasMissing(t *testing.T) {
	srv, as, origin := mtlsServer(t)
	as.MTLSEndpointAliases.UserinfoEndpoint = ""
	if err := mtlsLogin(t, srv, mtlsConfig(srv, as)); err != nil {
		t.Fatal(err)
	}
	mtlsSeen(t, srv, "/token", origin, "bank")
	mtlsSeen(t, srv, "/userinfo", srv.URL(), "")
	// None at all: the endpoint asks for the certificate itself.
	as.TokenEndpoint, as.UserinfoEndpoint, as.MTLSEndpointAliases = origin+"/token", origin+"/userinfo", nil
	if err := mtlsLogin(t, srv, mtlsConfig(srv, as)); err != nil {
		t.Fatal(err)
	}
	all := srv.Requests()
	if last := all[len(all)-1]; "https://"+last.Host != origin || last.Certificate == nil {
		t.Errorf("without aliases the last request went to %s, with a certificate: %v", last.Host, last.Certificate != nil)
	}
	for _, tt := range []struct {
		alias string
		want  error
	}{
		{"http://op.example.com/token", ErrInsecureURL}, {"ftp://op.example.com/token", ErrInsecureURL}, {"/token", ErrConfig},
	} {
		as.MTLSEndpointAliases = &MTLSEndpointAliases{TokenEndpoint: tt.alias}
		err := mtlsLogin(t, srv, mtlsConfig(srv, as))
		var e *Error
		if !errors.As(err, &e) || e.Kind != tt.want || e.Param != "mtls_endpoint_aliases.token_endpoint" {
			t.Errorf("alias %s: %v, want %v", tt.alias, err, tt.want)
		}
	}
}

// TestMTLSHTTP2: a transport that is cloned still speaks HTTP/2 where the
// server chooses it. Clone alone leaves h2 among the protocols that are
// offered, but without the code for it.
func TestMTLSHTTP2(t *testing.T) {
	cert, roots := httpServerCertificate(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2", "http/1.1"}}
	srv := httpTLSServer(t, config, func(http.ResponseWriter, *http.Request) {})
	for name, base := range map[string]*http.Client{
		"own": nil, "zero": {}, "zero transport": {Transport: &http.Transport{}},
		"a few settings": {Transport: &http.Transport{MaxIdleConns: 7}}, "default transport": {Transport: http.DefaultTransport},
		"HTTP/2 turned off": {Transport: &http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &MutualTLS{Certificate: oauthtest.SelfSignedCertificate("own"), RootCAs: roots}
			with, without, err := mtlsPair(m, base, Clock{})
			if err != nil {
				t.Fatal(err)
			}
			for _, client := range []*http.Client{with, without} {
				res, err := client.Get(srv)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				client.CloseIdleConnections()
				if want := name != "HTTP/2 turned off"; (res.ProtoMajor == 2) != want {
					t.Errorf("the protocol is %s", res.Proto)
				}
			}
		})
	}
}

// rfc8705Certificate is that of RFC 8705, Appendix A.
const rfc8705Certificate = `-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----
`

func TestMTLSThumbprint(t *testing.T) {
	block, _ := pem.Decode([]byte(rfc8705Certificate))
	if got, want := CertificateThumbprint(&x509.Certificate{Raw: block.Bytes}), "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"; got != want {
		t.Errorf("the thumbprint is %s, RFC 8705 has %s", got, want)
	}
	cert := oauthtest.SelfSignedCertificate("own")
	sum := sha256.Sum256(cert.Certificate[0])
	if got := CertificateThumbprint(cert.Leaf); got != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Errorf("the thumbprint is %s", got)
	}
}

// httpServerCertificate is a certificate for 127.0.0.1, and who trusts it.
func httpServerCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// httpTLSServer serves on loopback and returns its URL.
func httpTLSServer(t *testing.T, config *tls.Config, handler http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: handler, TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0)}
	go srv.ServeTLS(l, "", "")
	t.Cleanup(func() { srv.Close() })
	return "https://" + l.Addr().String()
}

// mtlsPair are the two clients for the server.
func mtlsPair(m *MutualTLS, base *http.Client, clock Clock) (with, without *http.Client, err error) {
	clients, err := m.clients(base, clock)
	if err != nil {
		return nil, nil, err
	}
	return clients.with, clients.without, nil
}

// TestMTLSDiscover: what a client with Config.MTLS was made of does not offer its
// certificate to where metadata are; a certificate that an HTTPClient has itself, it does.
func TestMTLSDiscover(t *testing.T) {
	var offered []string
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		offered = append(offered, fmt.Sprint(r.URL.Path, " ", len(r.TLS.PeerCertificates)))
		issuer := "https://" + r.Host
		w.Header().Set("Content-Type", mediaJSON)
		switch r.URL.Path {
		case "/token":
			fmt.Fprint(w, `{"access_token":"at","token_type":"Bearer"}`)
		case "/.well-known/oauth-protected-resource":
			fmt.Fprintf(w, `{"resource":%q,"authorization_servers":[%q]}`, issuer, issuer)
		default:
			fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":%q}`, issuer, issuer+"/token")
		}
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	defer srv.Close()
	ctx, cert := context.Background(), srv.TLS.Certificates[0]
	base := srv.Client()
	as, err := Discover(ctx, srv.URL, &DiscoverOptions{HTTPClient: base})
	if err != nil {
		t.Fatal(err)
	}
	mtls := &MutualTLS{Certificate: cert}
	c, err := NewClient(Config{Server: as, Metadata: ClientMetadata{ClientID: "c"}, Auth: TLSClientAuth(), MTLS: mtls, HTTPClient: base})
	if err != nil {
		t.Fatal(err)
	}
	all := func(client *http.Client) {
		t.Helper()
		opts := &DiscoverOptions{HTTPClient: client}
		if _, err := Discover(ctx, srv.URL, opts); err != nil {
			t.Fatal(err)
		}
		m, err := DiscoverResource(ctx, srv.URL, opts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Discover(ctx, "", opts); err != nil {
			t.Fatal(err)
		}
		client.CloseIdleConnections()
	}
	offered = nil
	if _, err := c.ClientCredentials(ctx, nil); err != nil {
		t.Fatal(err)
	}
	all(base)
	own := base.Transport.(*http.Transport).Clone()
	own.TLSClientConfig.Certificates = []tls.Certificate{cert}
	all(&http.Client{Transport: own})
	want := []string{"/token 1"}
	for _, n := range []string{" 0", " 1"} {
		want = append(want, "/.well-known/openid-configuration"+n, "/.well-known/oauth-protected-resource"+n, "/.well-known/openid-configuration"+n)
	}
	if !slices.Equal(offered, want) {
		t.Errorf("offered %q, want %q", offered, want)
	}
}
