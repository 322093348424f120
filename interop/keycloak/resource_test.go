package keycloak

// This file holds the resource server of the package, with the tokens of Keycloak.

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"example.com/oauth"
)

func resourceRows(t *table) {
	const plain = "API: JWT"
	t.add(plain, "until its end", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		rs := s.api(p.realm, nil)
		f := s.code(p)
		f.requireTaken(s, rs)
		late := s.api(p.realm, func(c *oauth.ResourceServerConfig) { c.Clock.Skew = time.Hour })
		f.requireNotTaken(s, late, "an hour later", oauth.ErrExpired)
	})
	t.add(plain, "with the audience", func(s *scenario) {
		p := s.main(s).client(s, spec{auth: "private_key_jwt"})
		rs := s.api(p.realm, nil)
		s.code(p).requireTaken(s, rs)
		s.code(s.main(s).client(s, spec{noAud: true})).requireNotTaken(s, rs, "a token for Keycloak's own account page", oauth.ErrAudience)
	})
	t.add(plain, "of an access token alone", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		rs := s.api(p.realm, func(c *oauth.ResourceServerConfig) { c.Resource, c.BaseURL = p.id, apiResource })
		f := s.code(p)
		f.requireTaken(s, rs)
		g := *f.token
		g.AccessToken = oauth.NewSecret(f.token.IDTokenHint())
		(&flow{party: p, token: &g}).requireNotTaken(s, rs, "an ID token", oauth.ErrTokenType, oauth.ErrClaim, oauth.ErrType)
		g.AccessToken = f.token.RefreshToken
		(&flow{party: p, token: &g}).requireNotTaken(s, rs, "a refresh token", oauth.ErrAlgorithm, oauth.ErrInvalid)
	})
	t.add(plain, "of the realm", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		rs := s.api(p.realm, nil)
		s.code(p).requireTaken(s, rs)
		s.code(s.levels().client(s, spec{})).requireNotTaken(s, rs, "a token of another realm", oauth.ErrIssuer, oauth.ErrKeyNotFound)
	})
	t.add(plain, "with the scope", func(s *scenario) {
		p := s.main(s).client(s, serviceAccount(spec{}))
		rs := s.api(p.realm, nil)
		need := oauth.Requirement{Scope: []string{"email"}}
		at, err := rs.Authenticate(p.service(s).call(s))
		s.check(err, "Authenticate")
		s.check(rs.Check(at, need), "Check")
		need.Scope = []string{"phone"}
		s.refused("another scope", rs.Check(at, need), oauth.ErrScope)
	})

	const atJWT = "API: at+jwt"
	for _, profile := range []string{"KeycloakProfile", "RFC 9068"} {
		t.add(atJWT, profile, func(s *scenario) {
			p := s.main(s).client(s, spec{}.attr("access.token.header.type.rfc9068", "true"))
			rs := s.api(p.realm, func(c *oauth.ResourceServerConfig) {
				if profile == "RFC 9068" { // but for the claim with the client
					c.Servers[0].Profile = &oauth.AccessTokenProfile{Types: []string{"at+jwt"}, ClientIDClaim: "azp"}
				}
			})
			f := s.code(p)
			equal(s, headerOf(s, f.token.AccessToken.Reveal())["typ"], any("at+jwt"), "typ")
			f.requireTaken(s, rs)
			f.token.AccessToken = oauth.NewSecret(f.token.IDTokenHint())
			f.requireNotTaken(s, rs, "an ID token", oauth.ErrTokenType, oauth.ErrClaim, oauth.ErrType, oauth.ErrAudience)
		})
	}
	t.add(atJWT, "bound to a key", func(s *scenario) {
		p := s.main(s).client(s, s.withDPoP(spec{}, oauth.ES256).attr("access.token.header.type.rfc9068", "true"))
		rs := s.api(p.realm, func(c *oauth.ResourceServerConfig) { c.RequireDPoP = true })
		f := s.code(p)
		f.requireTaken(s, rs)
		q := s.code(s.main(s).client(s, spec{}.attr("access.token.header.type.rfc9068", "true")))
		q.requireNotTaken(s, rs, "a token that is not", oauth.ErrBinding)
	})

	const dpop = "API: DPoP"
	for _, alg := range []oauth.Algorithm{oauth.ES256, oauth.PS256, oauth.EdDSA} {
		t.add(dpop, string(alg), func(s *scenario) {
			p := s.main(s).client(s, s.withDPoP(spec{}, alg))
			rs := s.api(p.realm, nil)
			f := s.code(p)
			f.requireTaken(s, rs)
			r := f.call(s)
			r.Header.Set("Authorization", "Bearer "+f.token.AccessToken.Reveal())
			s.requireRefusal(rs, r, "the token as Bearer", oauth.ErrBinding, oauth.ErrInvalid)
			g := *f
			g.party = p.as(s, func(q *party) { q.cfg.DPoP = s.newDPoP(alg) })
			g.requireNotTaken(s, rs, "a proof of another key", oauth.ErrBinding)
		})
	}
	t.add(dpop, "a proof once", func(s *scenario) {
		p := s.main(s).client(s, s.withDPoP(spec{auth: "none"}, oauth.ES256))
		rs := s.api(p.realm, nil)
		r := s.code(p).call(s)
		_, err := rs.Authenticate(r)
		s.check(err, "Authenticate")
		s.requireRefusal(rs, r, "the proof of before", oauth.ErrReplay)
	})
	t.add(dpop, "a nonce of the API, by Client.Do", func(s *scenario) {
		key := s.newKey(oauth.ES256)
		p := s.main(s).client(s, spec{config: func(c *oauth.Config) { c.DPoP = s.dpopOf(key) }})
		rs, address, stop := s.listeningAPI(p, func(c *oauth.ResourceServerConfig) { c.DPoPNonceKeys = [][]byte{[]byte(random() + random())} })
		defer stop()
		f := s.code(p)
		f.requireOK(s, address)
		f.party = p.as(s, func(q *party) { q.cfg.DPoP = s.dpopOf(key) }) // which knows no nonce
		s.requireRefusal(rs, f.callTo(s, address), "a proof without a nonce", oauth.ErrNonce)
	})

	const mtls = "API: certificate"
	for _, auth := range []string{"tls_client_auth", "none"} {
		t.add(mtls, auth, func(s *scenario) {
			p := s.main(s).client(s, s.withCertificate(spec{auth: auth}))
			rs := s.api(p.realm, func(c *oauth.ResourceServerConfig) { c.RequireMTLS = true })
			f := s.code(p)
			f.requireTaken(s, rs)
			g := *f
			g.party = p.as(s, func(q *party) { q.useCertificate(s, p.id) })
			g.requireNotTaken(s, rs, "another certificate", oauth.ErrBinding)
			r := f.call(s)
			r.TLS = nil
			s.requireRefusal(rs, r, "no certificate", oauth.ErrBinding)
		})
	}
	t.add(mtls, "over TLS, by Client.Do", func(s *scenario) {
		p := s.main(s).client(s, s.withCertificate(spec{auth: "tls_client_auth"}))
		_, address, stop := s.listeningAPI(p, nil)
		defer stop()
		f := s.code(p)
		f.requireOK(s, address)
		q := p.as(s, func(q *party) { q.useCertificate(s, p.id) })
		resp, err := q.client.Do(s.request(http.MethodGet, address), f.token)
		s.check(err, "Do")
		resp.Body.Close()
		equal(s, resp.StatusCode, http.StatusUnauthorized, "status with another certificate")
		s.twins = append(s.twins, "another certificate")
	})

	const opaque = "API: introspection"
	t.add(opaque, "until the token is revoked", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		rs, service := s.introspecting(p)
		p.reaches(s, service)
		f := s.code(p)
		f.requireTaken(s, rs)
		s.check(p.client.Revoke(s.ctx, f.token.AccessToken.Reveal(), nil), "Revoke")
		f.requireNotTaken(s, rs, "after its revocation", oauth.ErrInactive)
	})
	t.add(opaque, "bound to a key", func(s *scenario) {
		p := s.main(s).client(s, s.withDPoP(spec{}, oauth.ES256))
		rs, service := s.introspecting(p)
		p.reaches(s, service)
		f := s.code(p)
		f.requireTaken(s, rs)
		g := *f
		g.party = p.as(s, func(q *party) { q.cfg.DPoP = s.newDPoP(oauth.ES256) })
		g.requireNotTaken(s, rs, "a proof of another key", oauth.ErrBinding)
	})
	t.add(opaque, "bound to a certificate", func(s *scenario) {
		p := s.main(s).client(s, s.withCertificate(spec{auth: "private_key_jwt"}))
		rs, service := s.introspecting(p)
		p.reaches(s, service)
		f := s.code(p)
		f.requireTaken(s, rs)
		g := *f
		g.party = p.as(s, func(q *party) { q.useCertificate(s, p.id) })
		g.requireNotTaken(s, rs, "another certificate", oauth.ErrBinding)
	})

	const light = "API: lightweight token"
	lightweight := func(sp spec) spec { return sp.attr("client.use.lightweight.access.token.enabled", "true") }
	t.add(light, "by introspection", func(s *scenario) {
		p := s.main(s).client(s, lightweight(spec{}))
		rs, service := s.introspecting(p)
		p.reaches(s, service)
		f := s.code(p)
		f.requireTaken(s, rs)
		f.requireNotTaken(s, s.api(p.realm, nil), "what the token says by itself", oauth.ErrAudience, oauth.ErrClaim)
	})
	t.add(light, "with the audience in it", func(s *scenario) {
		sp := lightweight(spec{})
		sp.rep = object{"protocolMappers": []object{lightweightAudience(), lightweightSub()}}
		p := s.main(s).client(s, sp)
		f := s.code(p)
		f.requireTaken(s, s.api(p.realm, nil))
		other := s.api(p.realm, func(c *oauth.ResourceServerConfig) { c.Resource = "https://other.example" })
		f.requireNotTaken(s, other, "at another API", oauth.ErrAudience)
	})

	const metadata = "API: metadata"
	t.add(metadata, "that lead to the server", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		rs, address, stop := s.listeningAPI(p, func(c *oauth.ResourceServerConfig) { c.Metadata.AuthorizationServers = []string{p.issuer} })
		defer stop()
		opts := &oauth.DiscoverOptions{HTTPClient: &http.Client{Transport: s.transport}}
		m, err := oauth.DiscoverResource(s.ctx, address, opts)
		s.check(err, "DiscoverResource")
		server, err := m.Discover(s.ctx, p.issuer, opts)
		s.check(err, "Discover")
		equal(s, server.TokenEndpoint, p.cfg.Server.TokenEndpoint, "token_endpoint")
		_, err = m.Discover(s.ctx, s.levels().issuer, opts)
		s.require(err != nil, "a server that the API does not name was taken")
		_, err = rs.Authenticate(httptest.NewRequest(http.MethodGet, address, nil))
		s.refused("no token", err, oauth.ErrNoCredentials)
	})
}

// requireTaken ends the row unless the API takes the token of a flow, and reads in it
// what the server says.
func (f *flow) requireTaken(s *scenario, rs *oauth.ResourceServer) {
	t, err := rs.Authenticate(f.call(s))
	s.check(err, "Authenticate")
	equal(s, t.Issuer(), f.issuer, "issuer of the access token")
	equal(s, t.ClientID(), f.id, "client of the access token")
	if sub := f.token.Subject(); sub != "" {
		equal(s, t.Subject(), sub, "subject of the access token")
	}
	jkt, x5t := "", ""
	if f.cfg.DPoP != nil {
		jkt = f.cfg.DPoP.Thumbprint()
	}
	if f.cfg.Metadata.TLSClientCertificateBoundAccessTokens {
		x5t = oauth.CertificateThumbprint(f.cfg.MTLS.Certificate.Leaf)
	}
	equal(s, t.KeyThumbprint(), jkt, "jkt of the access token")
	equal(s, t.CertificateThumbprint(), x5t, "x5t#S256 of the access token")
	s.check(rs.Check(t, oauth.Requirement{Scope: []string{"email"}}), "Check")
}

// requireNotTaken ends the row unless the API refuses the token for one of these
// reasons.
func (f *flow) requireNotTaken(s *scenario, rs *oauth.ResourceServer, what string, kinds ...error) {
	s.requireRefusal(rs, f.call(s), what, kinds...)
}

func (s *scenario) requireRefusal(rs *oauth.ResourceServer, r *http.Request, what string, kinds ...error) {
	_, err := rs.Authenticate(r)
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			s.refused(what, err, kind)
			return
		}
	}
	s.fatalf("%s: wanted it refused with one of %v, got: %v", what, kinds, err)
}

// introspecting is an API that asks Keycloak about every token, and the client as which
// it does.
func (s *scenario) introspecting(p *party) (*oauth.ResourceServer, *party) {
	service := p.realm.client(s, spec{})
	return s.api(p.realm, func(c *oauth.ResourceServerConfig) {
		c.Servers, c.Introspect = nil, service.client
	}), service
}

// listeningAPI is an API that can be reached. It asks for client certificates.
func (s *scenario) listeningAPI(p *party, change func(*oauth.ResourceServerConfig)) (rs *oauth.ResourceServer, address string, stop func()) {
	cert, err := s.authority.issue("localhost", true)
	s.check(err, "certificate of the API")
	mux := http.NewServeMux()
	srv := httptest.NewUnstartedServer(mux)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	origin := "https://localhost:" + fmt.Sprint(srv.Listener.Addr().(*net.TCPAddr).Port)
	p.do(s, http.MethodPost, "/clients/"+p.uuid+"/protocol-mappers/models", audience("listening", "included.custom.audience", origin+"/orders"), nil)
	rs = s.api(p.realm, func(c *oauth.ResourceServerConfig) {
		c.Resource = origin + "/orders"
		if change != nil {
			change(c)
		}
	})
	mux.Handle("/orders", rs.Require(oauth.Requirement{Scope: []string{"email"}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "hello")
	})))
	mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
	return rs, origin + "/orders", srv.Close
}

// requireOK ends the row unless the API takes the token when Client.Do brings it.
func (f *flow) requireOK(s *scenario, address string) {
	resp, err := f.client.Do(s.request(http.MethodGet, address), f.token)
	s.check(err, "Do")
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	s.check(err, "Do")
	s.require(resp.StatusCode == http.StatusOK && string(body) == "hello", "status %d, %.100s", resp.StatusCode, body)
}

// lightweightAudience and lightweightSub are mappers for tokens that have little in them.
func lightweightAudience() object {
	m := audience("aud", "included.custom.audience", apiResource)
	m["config"].(object)["lightweight.claim"] = "true"
	return m
}

func lightweightSub() object {
	return object{
		"name": "sub", "protocol": "openid-connect", "protocolMapper": "oidc-sub-mapper",
		"config": object{"access.token.claim": "true", "introspection.token.claim": "true", "lightweight.claim": "true"},
	}
}

// headerOf is the header of a JWT.
func headerOf(s *scenario, jwt string) (header object) {
	first, _, _ := strings.Cut(jwt, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	s.check(err, "header")
	s.check(json.Unmarshal(raw, &header), "header")
	return header
}

// api is an API of the package for the tokens of a realm.
func (s *scenario) api(r *realm, change func(*oauth.ResourceServerConfig)) *oauth.ResourceServer {
	cfg := oauth.ResourceServerConfig{
		Resource:   apiResource,
		Servers:    []oauth.TrustedServer{{Server: r.server(s), KeySet: r.keySet, Profile: oauth.KeycloakProfile()}},
		HTTPClient: &http.Client{Transport: s.transport},
	}
	if change != nil {
		change(&cfg)
	}
	rs, err := oauth.NewResourceServer(cfg)
	s.check(err, "NewResourceServer")
	return rs
}

// call is a request with the token of a flow, as the API gets it: with a proof, if the
// token is bound to a key, and with the certificate of the client.
func (f *flow) call(s *scenario) *http.Request { return f.callTo(s, apiResource+"/orders") }

func (f *flow) callTo(s *scenario, address string) *http.Request {
	r := httptest.NewRequestWithContext(s.ctx, http.MethodGet, address, nil)
	token := f.token.AccessToken.Reveal()
	r.Header.Set("Authorization", f.token.TokenType+" "+token)
	if f.cfg.DPoP != nil && f.token.TokenType == "DPoP" {
		proof, err := f.cfg.DPoP.Proof(r.Method, r.URL, token)
		s.check(err, "Proof")
		r.Header.Set("DPoP", proof)
	}
	if f.cfg.MTLS != nil {
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{f.cfg.MTLS.Certificate.Leaf}}
	}
	return r
}
