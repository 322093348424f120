package interop

// This file holds clients that are not in the server's configuration: those
// that register at run time, and those whose client_id is the address of their
// metadata.

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"time"

	"example.com/oauth"
)

func registrationScenarios(t table) {
	t.add("dynamic registration, code flow with the new client, management read/update/delete", dynamicRegistration)
	t.add("dynamic registration error: invalid_redirect_uri / invalid_client_metadata", refusedRegistration)
	t.add("client id metadata document (draft-02), public", clientIDDocument("none"))
	t.add("client id metadata document (draft-02), private_key_jwt", clientIDDocument("private_key_jwt"))
}

// ---- dynamic registration

// A registrant registers clients at one instance of the server.
type registrant struct {
	instance string
	server   *oauth.AuthorizationServer
	opts     *oauth.RegistrationOptions
	cert     string // the name of opts.MTLS
}

func (s *scenario) registrant(instance string) *registrant {
	server, err := s.desc.server(instance)
	s.check(err, "discovery")
	return &registrant{instance: instance, server: server, opts: &oauth.RegistrationOptions{
		HTTPClient: s.desc.httpClient(), InsecureAllowHTTP: s.desc.insecure(instance),
	}}
}

// newClient is the metadata of a client that logs users in.
func (s *scenario) newClient(method string) oauth.ClientMetadata {
	return oauth.ClientMetadata{
		ClientName:              "dyn",
		RedirectURIs:            []string{s.desc.RedirectURI},
		GrantTypes:              []string{"authorization_code", "refresh_token"},
		TokenEndpointAuthMethod: method,
	}
}

func (r *registrant) register(s *scenario, m oauth.ClientMetadata) *oauth.Registration {
	reg, err := oauth.Register(s.ctx, r.server, m, r.opts)
	s.check(err, "Register")
	s.require(!reg.RegistrationAccessToken.IsZero() && reg.RegistrationClientURI != "", "the registration cannot be managed")
	equal(s, reg.Metadata.ClientName, m.ClientName, "client_name")
	s.require(reg.ClientSecretExpiry.IsZero(), "the secret expires at %v", reg.ClientSecretExpiry)
	age := time.Since(reg.ClientIDIssuedAt)
	s.require(age > -time.Minute && age < time.Minute, "client_id_issued_at is %v ago", age)
	return reg
}

func (r *registrant) update(s *scenario, reg *oauth.Registration, change func(*oauth.ClientMetadata)) *oauth.Registration {
	m := reg.Metadata
	change(&m)
	fresh, err := reg.Update(s.ctx, m, r.opts)
	s.check(err, "Registration.Update")
	s.require(fresh.RegistrationAccessToken.Reveal() != reg.RegistrationAccessToken.Reveal(), "the registration access token was not rotated")
	return fresh
}

// options are those of a flow of the client that was registered. With
// private_key_jwt its key is the one of registrationKey.
func (r *registrant) options(s *scenario, reg *oauth.Registration) options {
	var key *oauth.SigningKey
	if reg.Metadata.TokenEndpointAuthMethod == "private_key_jwt" {
		key = s.registrationKey()
	}
	return options{
		reg: &registration{
			ClientID: reg.Metadata.ClientID, Metadata: mustJSON(reg.Metadata),
			Alg: "ES256", JWK: s.desc.CIMD.JWK, Cert: r.cert,
		},
		config: func(c *oauth.Config) {
			cfg, err := reg.Config(r.server, key)
			s.check(err, "Registration.Config")
			cfg.HTTPClient, cfg.MTLS, cfg.InsecureAllowHTTP = c.HTTPClient, c.MTLS, c.InsecureAllowHTTP
			*c = cfg
		},
	}
}

func (s *scenario) registrationKey() *oauth.SigningKey {
	key, err := oauth.ParseSigningKey(s.desc.CIMD.JWK, oauth.ES256, "")
	s.check(err, "the client's key")
	return key
}

// publicKeys is the key set of one key.
func publicKeys(key *oauth.SigningKey) json.RawMessage {
	return mustJSON(map[string]any{"keys": []json.RawMessage{key.PublicJWK()}})
}

// login is the whole flow with the client that was registered.
func (r *registrant) login(s *scenario, reg *oauth.Registration) *flow {
	return s.full(r.instance, reg.Metadata.ClientID, r.options(s, reg))
}

func dynamicRegistration(s *scenario) {
	for _, instance := range []string{"tls", "http", "tenant"} {
		s.registrant(instance).lifeOfClient(s)
	}
	for _, method := range []string{"none", "client_secret_post", "client_secret_jwt", "private_key_jwt"} {
		m := s.newClient(method)
		if method == "private_key_jwt" {
			m.JWKS = publicKeys(s.registrationKey())
		}
		r := s.registrant("tls")
		reg := r.register(s, m)
		equal(s, reg.Metadata.TokenEndpointAuthMethod, method, "token_endpoint_auth_method")
		equal(s, !reg.ClientSecret.IsZero(), method != "none" && method != "private_key_jwt", "the server made a secret for "+method)
		r.login(s, reg)
	}
	s.registerByCertificate()
}

// lifeOfClient is a registration from its beginning to its end, kept in between
// as a program does that was restarted.
func (r *registrant) lifeOfClient(s *scenario) {
	first := r.register(s, s.newClient(""))
	s.require(!first.ClientSecret.IsZero(), "no secret")
	first = saved(s, first, new(oauth.Registration))
	elsewhere, err := s.desc.server("nonce")
	s.check(err, "discovery")
	_, err = first.Config(elsewhere, nil)
	s.require(errors.Is(err, oauth.ErrConfig), "another server than the client's: wanted ErrConfig, got: %v", err)
	r.login(s, first)

	read, err := first.Read(s.ctx, r.opts)
	s.check(err, "Registration.Read")
	equal(s, read.Metadata.ClientName, "dyn", "client_name")
	equal(s, read.ClientSecret.Reveal(), first.ClientSecret.Reveal(), "client_secret")

	const moved = "http://127.0.0.1:9399/other"
	second := r.update(s, read, func(m *oauth.ClientMetadata) {
		m.ClientName = "dyn2"
		m.RedirectURIs = []string{moved}
	})
	equal(s, second.Metadata.ClientName, "dyn2", "client_name after the update")
	f := r.login(s, second)
	equal(s, f.query(s).Get("redirect_uri"), moved, "redirect_uri in the URL")
	r.requireNoManagement(s, read) // with the token that was rotated

	// The whole of the metadata is replaced: how the client authenticates, too.
	third := r.update(s, second, func(m *oauth.ClientMetadata) {
		m.TokenEndpointAuthMethod = "private_key_jwt"
		m.JWKS = publicKeys(s.registrationKey())
	})
	r.login(s, third)
	o := r.options(s, third)
	o.config = func(c *oauth.Config) { c.Auth = oauth.ClientSecretBasic(first.ClientSecret.Reveal()) }
	_, err = s.tryCode(r.instance, third.Metadata.ClientID, o)
	s.requireResponseError(err, http.StatusUnauthorized, "invalid_client")

	s.check(third.Delete(s.ctx, r.opts), "Registration.Delete")
	r.requireNoManagement(s, third)
	p := s.setup(r.instance, third.Metadata.ClientID, r.options(s, third))
	_, err = p.client.Introspect(s.ctx, "garbage", nil)
	s.requireResponseError(err, http.StatusUnauthorized, "invalid_client")
}

// requireNoManagement ends the scenario unless the registration access token is
// good for nothing.
func (r *registrant) requireNoManagement(s *scenario, reg *oauth.Registration) {
	got, err := reg.Read(s.ctx, r.opts)
	s.requireResponseError(err, http.StatusUnauthorized, "invalid_token")
	s.require(got == nil, "a Registration beside an error")
	got, err = reg.Update(s.ctx, reg.Metadata, r.opts)
	s.requireResponseError(err, http.StatusUnauthorized, "invalid_token")
	s.require(got == nil, "a Registration beside an error")
	err = reg.Delete(s.ctx, r.opts)
	s.requireResponseError(err, http.StatusUnauthorized, "invalid_token")
}

// registerByCertificate registers a client that authenticates with its
// certificate, at the alias of the endpoint.
func (s *scenario) registerByCertificate() {
	r := s.registrant("tls")
	r.cert = "tls-client"
	cert, err := s.desc.certificate(r.cert)
	s.check(err, "client certificate")
	w := new(wire)
	r.opts = &oauth.RegistrationOptions{MTLS: &oauth.MutualTLS{Certificate: cert, RootCAs: s.desc.roots, Wrap: w.wrap}}
	m := s.newClient("tls_client_auth")
	m.TLSClientAuthSANDNS = "client.example"
	m.TLSClientCertificateBoundAccessTokens = true
	reg := r.register(s, m)
	equal(s, w.last(s, r.server.MTLSEndpointAliases.RegistrationEndpoint).status, http.StatusCreated, "status of the registration endpoint's alias")
	f := r.login(s, reg)
	f.requireAliases(s)
	s.check(reg.Delete(s.ctx, r.opts), "Registration.Delete")
}

func refusedRegistration(s *scenario) {
	r := s.registrant("tls")
	bad := map[string]func(*oauth.ClientMetadata){
		"invalid_redirect_uri":    func(m *oauth.ClientMetadata) { m.RedirectURIs = []string{"not a uri"} },
		"invalid_client_metadata": func(m *oauth.ClientMetadata) { m.GrantTypes = []string{"nope"} },
	}
	good := r.register(s, s.newClient(""))
	for code, spoil := range bad {
		m := s.newClient("")
		spoil(&m)
		reg, err := oauth.Register(s.ctx, r.server, m, r.opts)
		s.requireResponseError(err, http.StatusBadRequest, code)
		s.require(reg == nil, "a Registration beside an error")

		m = good.Metadata
		spoil(&m)
		reg, err = good.Update(s.ctx, m, r.opts)
		s.requireResponseError(err, http.StatusBadRequest, code)
		s.require(reg == nil, "a Registration beside an error")
	}
	r.login(s, good) // none of that changed it
}

// ---- client ID metadata documents

// clientIDDocument is a client that nobody registered: its ID is the address of
// its metadata, and the server reads it there. The server has two documents
// itself; the other one is the package's.
func clientIDDocument(method string) scenarioFunc {
	return func(s *scenario) {
		reg := &registration{ClientID: s.desc.CIMD.Public}
		if method == "private_key_jwt" {
			reg = &registration{ClientID: s.desc.CIMD.Pkjwt, Alg: "ES256", JWK: s.desc.CIMD.JWK}
		}
		m := s.newClient(method)
		m.ClientID = reg.ClientID
		reg.Metadata = mustJSON(m)
		s.full("tls", reg.ClientID, options{reg: reg})

		if method == "private_key_jwt" {
			m.TokenEndpointAuthSigningAlg = oauth.ES256
			m.JWKS = publicKeys(s.registrationKey())
		}
		s.loginPublished(reg, m)
	}
}

// loginPublished is the flow with a client whose metadata are served here.
func (s *scenario) loginPublished(reg *registration, m oauth.ClientMetadata) {
	// The server trusts its own CA, whose certificate for localhost is at hand.
	dir := filepath.Dir(s.desc.CA)
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key"))
	s.check(err, "certificate")
	site := httptest.NewUnstartedServer(nil)
	defer site.Close()
	m.ClientID = fmt.Sprintf("https://localhost:%d/client", site.Listener.Addr().(*net.TCPAddr).Port)
	document, err := oauth.ClientIDMetadataHandler(m)
	s.check(err, "ClientIDMetadataHandler")
	var fetched atomic.Int32
	site.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetched.Add(1)
		document.ServeHTTP(w, r)
	})
	site.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	site.StartTLS()

	reg.ClientID, reg.Metadata = m.ClientID, mustJSON(m)
	s.full("tls", m.ClientID, options{reg: reg})
	s.require(fetched.Load() > 0, "the server did not fetch the document")
}
