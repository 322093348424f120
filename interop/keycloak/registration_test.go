package keycloak

// This file holds dynamic registration, and the management of what was registered.

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"example.com/oauth"
)

func registrationRows(t *table) {
	const kind = "registration"
	for _, method := range []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"} {
		t.add(kind, method, func(s *scenario) {
			p, initial := s.registered(method, nil)
			f := s.code(p)
			f.requireEmail(s, "alice")
			f.refreshed(s)
			_, err := oauth.Register(s.ctx, p.cfg.Server, oauth.ClientMetadata{RedirectURIs: []string{redirectURI}}, s.registering(initial))
			s.refusedStatus("the initial access token again", err, http.StatusUnauthorized, http.StatusForbidden)
		})
	}
	t.add(kind, "a redirect URI that the server refuses", func(s *scenario) {
		p, _ := s.registered("client_secret_basic", nil)
		s.code(p).requireEmail(s, "alice")
		w := new(wire)
		opts := s.registering(s.initialToken())
		opts.HTTPClient = &http.Client{Transport: w.wrap(s.transport)}
		w.tamper(p.cfg.Server.RegistrationEndpoint, func(r *http.Request, _ url.Values) *http.Request {
			return withBody(r, []byte(`{"redirect_uris":["https://rp.example/cb#fragment"]}`))
		})
		_, err := oauth.Register(s.ctx, p.cfg.Server, oauth.ClientMetadata{RedirectURIs: []string{redirectURI}}, opts)
		s.refusedAs("a redirect URI with a fragment", err, "invalid_redirect_uri", "invalid_client_metadata")
	})

	const settings = "registration of what the client asks for"
	t.add(settings, "signed requests by PAR", func(s *scenario) {
		key := s.newKey(oauth.ES256)
		p, _ := s.registered("private_key_jwt", func(m *oauth.ClientMetadata) {
			m.RequestObjectSigningAlg, m.RequirePushedAuthorizationRequests = oauth.ES256, true
			m.JWKS = keySet(key, m.JWKS)
		})
		p = p.as(s, func(q *party) { q.cfg.RequestKey = key })
		s.code(p).requireEmail(s, "alice")
		q := p.as(s, func(q *party) { q.cfg.RequestKey = s.forged(key) })
		_, err := s.begin(q)
		s.refusedAs("another key", err, "invalid_request_object", "invalid_request")
	})
	t.add(settings, "DPoP", func(s *scenario) {
		p, _ := s.registered("client_secret_basic", func(m *oauth.ClientMetadata) { m.DPoPBoundAccessTokens = true })
		s.code(p).requireEmail(s, "alice")
		q := p.as(s, func(q *party) { q.cfg.DPoP, q.cfg.Metadata.DPoPBoundAccessTokens = nil, false })
		_, err := s.try(q)
		s.refusedAs("a token request without a proof", err, "invalid_request", "invalid_dpop_proof")
	})
	t.add(settings, "signed userinfo", func(s *scenario) {
		p, _ := s.registered("client_secret_basic", func(m *oauth.ClientMetadata) { m.UserinfoSignedResponseAlg = oauth.ES256 })
		equal(s, p.cfg.Metadata.UserinfoSignedResponseAlg, oauth.ES256, "userinfo_signed_response_alg")
		s.code(p).requireEmail(s, "alice")
		q := p.as(s, func(q *party) { q.cfg.Metadata.UserinfoSignedResponseAlg = oauth.PS256 })
		f := s.code(q)
		s.refused("where another algorithm is configured", f.userInfoError(s), oauth.ErrAlgorithm)
	})
	t.add(settings, "client credentials alone", func(s *scenario) {
		p, _ := s.registered("private_key_jwt", func(m *oauth.ClientMetadata) {
			m.GrantTypes, m.RedirectURIs, m.ResponseTypes = []string{"client_credentials"}, []string{}, []string{}
		})
		p.service(s)
		_, err := p.client.JWTBearer(s.ctx, "a.b.c", nil)
		s.refusedAs("another grant", err, "unauthorized_client", "invalid_grant", "invalid_request")
	})

	const read = "registration read"
	t.add(read, "what was registered", func(s *scenario) {
		p, _ := s.registered("client_secret_basic", func(m *oauth.ClientMetadata) { m.ClientName = "Ünïcode" })
		reg, err := p.registration.Read(s.ctx, s.registering(""))
		s.check(err, "Read")
		equal(s, reg.Metadata.ClientName, "Ünïcode", "client_name")
		equal(s, reg.Metadata.ClientID, p.id, "client_id")
		other, _ := s.registered("client_secret_basic", nil)
		stolen := *p.registration
		stolen.RegistrationAccessToken = other.registration.RegistrationAccessToken
		_, err = stolen.Read(s.ctx, s.registering(""))
		s.refusedStatus("the token of another client", err, http.StatusUnauthorized, http.StatusForbidden)
	})
	t.add(read, "with the token of before", func(s *scenario) {
		p, _ := s.registered("private_key_jwt", nil)
		first := *p.registration
		reg, err := first.Read(s.ctx, s.registering(""))
		s.check(err, "Read")
		reg, err = reg.Update(s.ctx, reg.Metadata, s.registering(""))
		s.check(err, "Update")
		_, err = first.Read(s.ctx, s.registering(""))
		s.refusedStatus("the token of before the update", err, http.StatusUnauthorized)
		_, err = reg.Read(s.ctx, s.registering(""))
		s.check(err, "Read")
	})

	const update = "registration update"
	t.add(update, "another redirect URI", func(s *scenario) {
		p, _ := s.registered("client_secret_basic", nil)
		s.code(p).requireEmail(s, "alice")
		m := p.registration.Metadata
		m.RedirectURIs = []string{redirectURI + "/new"}
		reg, err := p.registration.Update(s.ctx, m, s.registering(""))
		s.check(err, "Update")
		p = p.as(s, func(q *party) { q.cfg.Metadata.RedirectURIs = reg.Metadata.RedirectURIs })
		s.code(p, func(r *oauth.AuthorizationRequest) { r.RedirectURI = redirectURI + "/new" }).requireEmail(s, "alice")
		q := p.as(s, func(q *party) { q.cfg.Metadata.RedirectURIs = nil })
		_, end := s.visit(q, s.newBrowser())
		s.refusedPage("the redirect URI of before", q, end, "invalid_redirect_uri")
	})
	t.add(update, "another key", func(s *scenario) {
		p, _ := s.registered("private_key_jwt", nil)
		s.code(p).requireEmail(s, "alice")
		key := s.newKey(oauth.ES256)
		m := p.registration.Metadata
		m.JWKS = keySet(key, nil)
		_, err := p.registration.Update(s.ctx, m, s.registering(""))
		s.check(err, "Update")
		q := p.as(s, func(q *party) { q.cfg.Auth = oauth.PrivateKeyJWT(key, nil) })
		s.code(q).requireEmail(s, "alice")
		_, err = s.try(p)
		s.refusedAs("the key of before", err, "invalid_client", "unauthorized_client")
	})
	t.add(update, "by another client", func(s *scenario) {
		p, _ := s.registered("client_secret_basic", nil)
		reg, err := p.registration.Update(s.ctx, p.registration.Metadata, s.registering(""))
		s.check(err, "Update")
		other, _ := s.registered("client_secret_basic", nil)
		stolen := *reg
		stolen.RegistrationAccessToken = other.registration.RegistrationAccessToken
		_, err = stolen.Update(s.ctx, reg.Metadata, s.registering(""))
		s.refusedStatus("the token of another client", err, http.StatusUnauthorized, http.StatusForbidden)
	})

	const remove = "registration delete"
	t.add(remove, "and what is left", func(s *scenario) {
		p, _ := s.registered("client_secret_basic", nil)
		f := s.code(p)
		s.check(p.registration.Delete(s.ctx, s.registering("")), "Delete")
		_, err := f.client.Refresh(s.ctx, f.token, nil)
		s.refusedAs("a refresh", err, "invalid_client", "unauthorized_client", "invalid_grant")
		_, end := s.visit(p, s.newBrowser())
		s.require(end != nil && end.status >= 400, "the client that was deleted can still ask for logins")
		_, err = p.registration.Read(s.ctx, s.registering(""))
		s.refusedStatus("its registration", err, http.StatusUnauthorized, http.StatusNotFound)
	})
	t.add(remove, "by another client", func(s *scenario) {
		p, _ := s.registered("private_key_jwt", nil)
		other, _ := s.registered("client_secret_basic", nil)
		stolen := *p.registration
		stolen.RegistrationAccessToken = other.registration.RegistrationAccessToken
		s.refusedStatus("the token of another client", stolen.Delete(s.ctx, s.registering("")), http.StatusUnauthorized, http.StatusForbidden)
		s.code(p).requireEmail(s, "alice")
		s.check(p.registration.Delete(s.ctx, s.registering("")), "Delete")
	})
}

// initialToken is one with which a single client can be registered.
func (s *scenario) initialToken() string {
	var made struct{ Token string }
	s.main(s).do(s, http.MethodPost, "/clients-initial-access", object{"count": 1, "expiration": 300}, &made)
	return made.Token
}

// registering are the options of a request for registration, with an initial access
// token or without.
func (s *scenario) registering(initial string) *oauth.RegistrationOptions {
	return &oauth.RegistrationOptions{HTTPClient: &http.Client{Transport: s.transport}, InitialAccessToken: oauth.NewSecret(initial)}
}

// registered is a client that has registered itself, and its initial access token.
func (s *scenario) registered(method string, change func(*oauth.ClientMetadata)) (*party, string) {
	r := s.main(s)
	p := &party{realm: r, spec: spec{auth: method}, wire: new(wire)}
	m := oauth.ClientMetadata{
		RedirectURIs: []string{redirectURI}, PostLogoutRedirectURIs: []string{loggedOutURI},
		TokenEndpointAuthMethod: method, IDTokenSignedResponseAlg: oauth.ES256,
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
	}
	name := "c-" + random()
	switch method {
	case "private_key_jwt":
		p.key = s.newKey(oauth.ES256)
		m.JWKS, m.TokenEndpointAuthSigningAlg = keySet(p.key, nil), oauth.ES256
	case "tls_client_auth":
		m.TLSClientAuthSubjectDN = "CN=" + name
	}
	if change != nil {
		change(&m)
	}
	initial := s.initialToken()
	server := r.server(s)
	var err error
	p.registration, err = oauth.Register(s.ctx, server, m, s.registering(initial))
	s.check(err, "Register")
	p.id = p.registration.Metadata.ClientID
	s.require(!strings.HasPrefix(p.id, "c-") && !p.registration.RegistrationAccessToken.IsZero(), "the registration is %v", p.registration)
	p.cfg, err = p.registration.Config(server, p.key)
	s.check(err, "Config")
	p.cfg.KeySet = r.keySet
	if method == "tls_client_auth" {
		p.useCertificate(s, name)
	}
	if p.cfg.Metadata.DPoPBoundAccessTokens {
		p.cfg.DPoP = s.newDPoP(oauth.ES256)
	}
	return p.as(s, nil), initial
}

// keySet is a JWK Set of a key and of those in another set.
func keySet(key *oauth.SigningKey, more json.RawMessage) json.RawMessage {
	set := struct {
		Keys []rawJSON `json:"keys"`
	}{}
	if more != nil && json.Unmarshal(more, &set) != nil {
		panic("no JWK Set")
	}
	set.Keys = append(set.Keys, key.PublicJWK())
	raw, _ := json.Marshal(set)
	return raw
}
