package interop

// This file is what the scenarios stand on: the server's description, the
// clients registered there, and the network between the package and it.

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"example.com/oauth"
)

// A description is what provider.mjs says about itself when it is ready.
type description struct {
	CA          string            `json:"ca"`
	Issuers     map[string]string `json:"issuers"`
	MTLSBase    string            `json:"mtlsBase"`
	Control     string            `json:"control"`
	RedirectURI string            `json:"redirect_uri"`
	LoggedOut   string            `json:"post_logout_redirect_uri"`
	Certs       map[string]struct{ Cert, Key string }
	Algs        struct{ Signing []string }
	Clients     []*registration
	Attestation struct {
		Issuer                   string
		AttesterJWK, InstanceJWK json.RawMessage
	}
	CIMD struct {
		Public, Pkjwt string
		JWK           json.RawMessage
	} `json:"cimd"`

	roots     *x509.CertPool
	transport *http.Transport // trusts the server's CA
	servers   sync.Map        // instance to func() (*oauth.AuthorizationServer, error)
}

// A registration is a client that the server knows.
type registration struct {
	ClientID string `json:"client_id"`
	Metadata json.RawMessage
	Alg      string          // of the client's key
	JWK      json.RawMessage // the client's private key
	// DecryptJWK is the client's private key for what the server encrypts. Nil: it is
	// made of the client secret.
	DecryptJWK json.RawMessage
	Cert       string // the client's certificate, a name in description.Certs
}

func readDescription(path string) (*description, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := new(description)
	if err := json.Unmarshal(raw, d); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	pem, err := os.ReadFile(d.CA)
	if err != nil {
		return nil, err
	}
	d.roots = x509.NewCertPool()
	if !d.roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", d.CA)
	}
	d.transport = http.DefaultTransport.(*http.Transport).Clone()
	d.transport.Proxy = nil // everything is on loopback
	d.transport.TLSClientConfig = &tls.Config{RootCAs: d.roots}
	return d, nil
}

// httpClient is one that reaches the server and records nothing.
func (d *description) httpClient() *http.Client { return &http.Client{Transport: d.transport} }

// insecure reports whether an instance of the server speaks plain HTTP.
func (d *description) insecure(instance string) bool {
	return strings.HasPrefix(d.Issuers[instance], "http:")
}

// client finds a registration.
func (d *description) client(id string) (*registration, error) {
	for _, c := range d.Clients {
		if c.ClientID == id {
			return c, nil
		}
	}
	return nil, fmt.Errorf("the server has no client %q", id)
}

// discover asks an instance of the server for its metadata.
func (d *description) discover(ctx context.Context, instance string, oauth2 bool) (*oauth.AuthorizationServer, error) {
	return oauth.Discover(ctx, d.Issuers[instance], &oauth.DiscoverOptions{
		OAuth2:            oauth2,
		HTTPClient:        d.httpClient(),
		InsecureAllowHTTP: d.insecure(instance),
	})
}

// server is the metadata of an instance, asked for once.
func (d *description) server(instance string) (*oauth.AuthorizationServer, error) {
	once, _ := d.servers.LoadOrStore(instance, sync.OnceValues(func() (*oauth.AuthorizationServer, error) {
		// Not the context of the scenario that happens to come first.
		return d.discover(context.Background(), instance, false)
	}))
	return once.(func() (*oauth.AuthorizationServer, error))()
}

// certificate loads one of the client certificates.
func (d *description) certificate(name string) (tls.Certificate, error) {
	c, ok := d.Certs[name]
	if !ok {
		return tls.Certificate{}, fmt.Errorf("the server made no certificate %q", name)
	}
	return tls.LoadX509KeyPair(c.Cert, c.Key)
}

// auth is the client authentication that the client is registered for.
func (c *registration) auth() (oauth.ClientAuth, error) {
	var m struct {
		Method string `json:"token_endpoint_auth_method"`
		Secret string `json:"client_secret"`
		Alg    string `json:"token_endpoint_auth_signing_alg"`
	}
	if err := json.Unmarshal(c.Metadata, &m); err != nil {
		return nil, err
	}
	switch m.Method {
	case "", "client_secret_basic":
		return oauth.ClientSecretBasic(m.Secret), nil
	case "client_secret_post":
		return oauth.ClientSecretPost(m.Secret), nil
	case "client_secret_jwt":
		return oauth.ClientSecretJWT(m.Secret, oauth.Algorithm(m.Alg), nil), nil
	case "private_key_jwt":
		key, err := c.signingKey()
		return oauth.PrivateKeyJWT(key, nil), err
	case "tls_client_auth", "self_signed_tls_client_auth":
		return oauth.TLSClientAuth(), nil
	case "none":
		return oauth.PublicClient(), nil
	case "attest_jwt_client_auth", "attest_jwt_client_auth_dpop":
		return nil, nil // the scenario's, which has the attester: without it every request is ErrConfig
	}
	return nil, fmt.Errorf("client %q: no client authentication %q here", c.ClientID, m.Method)
}

// signingKey is the client's private key. Its key ID is in the JWK.
func (c *registration) signingKey() (*oauth.SigningKey, error) {
	return oauth.ParseSigningKey(c.JWK, oauth.Algorithm(c.Alg), "")
}

// requestKey signs requests for authorization or backchannel authentication, if
// the client is registered to.
func (c *registration) requestKey() (*oauth.SigningKey, error) {
	var m struct {
		Authorization string `json:"request_object_signing_alg"`
		Backchannel   string `json:"backchannel_authentication_request_signing_alg"`
	}
	err := json.Unmarshal(c.Metadata, &m)
	alg := cmp.Or(m.Authorization, m.Backchannel)
	if err != nil || alg == "" {
		return nil, err
	}
	return oauth.ParseSigningKey(c.JWK, oauth.Algorithm(alg), "")
}

// metadata is the registration as the package takes it, without some members.
func (c *registration) metadata(without ...string) (m oauth.ClientMetadata, err error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(c.Metadata, &members); err != nil {
		return m, err
	}
	for _, name := range without {
		delete(members, name)
	}
	raw, err := json.Marshal(members)
	if err != nil {
		return m, err
	}
	err = json.Unmarshal(raw, &m)
	m.ClientID = c.ClientID
	m.UseMTLSEndpointAliases = c.Cert != ""
	return m, err
}

// A wire is the network between the package and the server. It records the
// requests, and does what the public API refuses to do wrong.
type wire struct {
	// around, if set, does the round trip in place of next.
	around func(next http.RoundTripper, r *http.Request) (*http.Response, error)

	mu   sync.Mutex
	seen []exchange
}

// An exchange is one request that the package made.
type exchange struct {
	method    string
	url       *url.URL
	proof     string // the DPoP header field of the request
	status    int
	mediaType string // of the response
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// wrap puts the wire in front of next.
func (w *wire) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		seen := exchange{method: r.Method, url: r.URL, proof: r.Header.Get("DPoP")}
		var resp *http.Response
		var err error
		if w.around != nil {
			resp, err = w.around(next, r)
		} else {
			resp, err = next.RoundTrip(r)
		}
		if err == nil {
			seen.status = resp.StatusCode
			seen.mediaType, _, _ = strings.Cut(resp.Header.Get("Content-Type"), ";")
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, seen)
		return resp, err
	})
}

// exchanges are the requests so far.
func (w *wire) exchanges() []exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]exchange(nil), w.seen...)
}

// last is the latest exchange with an endpoint.
func (w *wire) last(s *scenario, endpoint string) exchange {
	seen := w.exchanges()
	for i := len(seen) - 1; i >= 0; i-- {
		if seen[i].url.String() == endpoint {
			return seen[i]
		}
	}
	s.fatalf("the package made no request to %s", endpoint)
	panic("unreachable")
}

// count is the number of exchanges with an endpoint.
func (w *wire) count(endpoint string) int { return len(w.statuses(endpoint)) }

// statuses are the answers of an endpoint, in their order.
func (w *wire) statuses(endpoint string) []int {
	var all []int
	for _, e := range w.exchanges() {
		if e.url.String() == endpoint {
			all = append(all, e.status)
		}
	}
	return all
}

// requireStatuses ends the scenario unless those were the answers of an
// endpoint.
func (w *wire) requireStatuses(s *scenario, endpoint string, want ...int) {
	got := w.statuses(endpoint)
	s.require(slices.Equal(got, want), "answers of %s: got %v, want %v", endpoint, got, want)
}

// requireSilent ends the scenario if the package made a request.
func (w *wire) requireSilent(s *scenario) {
	if seen := w.exchanges(); len(seen) > 0 {
		s.fatalf("the package made a request, %s %s, before it refused", seen[0].method, seen[0].url)
	}
}

// requireOnlyKeys ends the scenario if the package made a request other than that for the
// keys, which StartAuthorization begins while the user is away.
func (w *wire) requireOnlyKeys(s *scenario, server *oauth.AuthorizationServer) {
	for _, e := range w.exchanges() {
		s.require(e.method == http.MethodGet && e.url.String() == server.JWKSURI, "the package made a request, %s %s, before it refused", e.method, e.url)
	}
}

// takeForm reads the form in the body of a request to be sent on.
func takeForm(r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	return url.ParseQuery(string(body))
}

// withForm is the request with another form in its body.
func withForm(r *http.Request, form url.Values) *http.Request {
	body := []byte(form.Encode())
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.GetBody = nil
	return r
}

// asType is [errors.As] with the result as a value.
func asType[T error](err error) (target T, ok bool) {
	ok = errors.As(err, &target)
	return target, ok
}

// control asks the server's control endpoint for something.
func (s *scenario) control(method, path string, body, result any) {
	s.exchangeJSON(method, s.desc.Control+path, body, result)
}

// exchangeJSON makes a request that is not the package's to make. A nil body is
// none, a nil result is not looked at.
func (s *scenario) exchangeJSON(method, address string, body, result any) {
	var raw []byte
	if body != nil {
		raw = mustJSON(body)
	}
	req, err := http.NewRequestWithContext(s.ctx, method, address, bytes.NewReader(raw))
	s.check(err, address)
	resp, err := s.desc.httpClient().Do(req)
	s.check(err, address)
	defer resp.Body.Close()
	equal(s, resp.StatusCode, http.StatusOK, "status of "+address)
	if result != nil {
		s.check(json.NewDecoder(resp.Body).Decode(result), address)
	}
}

// mustJSON encodes what this package made itself.
func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}
