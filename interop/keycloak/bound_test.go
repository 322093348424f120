package keycloak

// This file holds tokens that are bound to a key or a certificate.

import (
	"net/http"
	"net/url"

	"example.com/oauth"
)

func boundRows(t *table) {
	const dpop = "DPoP"
	for _, alg := range []oauth.Algorithm{oauth.ES256, oauth.PS256, oauth.EdDSA} {
		t.add(dpop, string(alg)+": login, userinfo, refresh", func(s *scenario) {
			p := s.main(s).client(s, s.withDPoP(spec{}, alg))
			f := s.code(p)
			f.requireEmail(s, "alice")
			f.refreshed(s).requireEmail(s, "alice")
			defer p.proofOfOtherKey(s, p.cfg.Server.UserinfoEndpoint, f.token.AccessToken.Reveal())()
			s.refused("a proof of another key at userinfo", f.userInfoError(s), "invalid_token")
		})
	}
	t.add(dpop, "a public client, whose refresh tokens are bound", func(s *scenario) {
		p := s.main(s).client(s, s.withDPoP(spec{auth: "none"}, oauth.ES256))
		f := s.code(p)
		f.requireEmail(s, "alice")
		f = f.refreshed(s)
		f.requireEmail(s, "alice")
		q := p.as(s, func(q *party) { q.cfg.DPoP = s.newDPoP(oauth.ES256) })
		_, err := q.client.Refresh(s.ctx, f.token, nil)
		s.refused("a refresh with another key, by the package", err, oauth.ErrBinding)
		defer p.proofOfOtherKey(s, p.cfg.Server.TokenEndpoint, "")()
		_, err = p.client.Refresh(s.ctx, f.token, nil)
		s.refusedAs("by the server", err, "invalid_grant", "invalid_request", "invalid_dpop_proof")
	})
	t.add(dpop, "a proof that comes again", func(s *scenario) {
		p := s.main(s).client(s, s.withDPoP(spec{}, oauth.ES256))
		s.code(p).requireEmail(s, "alice")
		used := p.wire.last(s, p.cfg.Server.TokenEndpoint).header.Get("DPoP")
		defer p.wire.tamper(p.cfg.Server.TokenEndpoint, func(r *http.Request, _ url.Values) *http.Request {
			r.Header.Set("DPoP", used)
			return r
		})()
		_, err := s.try(p)
		s.refusedAs("the proof of before", err, "invalid_dpop_proof", "invalid_request")
	})

	const code = "DPoP from the authorization on"
	t.add(code, "a pushed request binds the code", func(s *scenario) {
		p := s.main(s).client(s, s.withDPoP(spec{}, oauth.ES256))
		s.code(p, pushed).requireEmail(s, "alice")
		s.codeOfOtherKey(p, pushed)
	})
	t.add(code, "dpop_jkt in the URL binds the code", func(s *scenario) {
		p := s.main(s).client(s, s.withDPoP(spec{auth: "none"}, oauth.ES256))
		f := s.code(p)
		f.requireEmail(s, "alice")
		equal(s, f.query(s).Get("dpop_jkt"), p.cfg.DPoP.Thumbprint(), "dpop_jkt in the URL")
		s.codeOfOtherKey(p)
	})
	t.add(code, "no proof where the client has to send one", func(s *scenario) {
		p := s.main(s).client(s, s.withDPoP(spec{}, oauth.ES256))
		s.code(p).requireEmail(s, "alice")
		q := p.as(s, func(q *party) { q.cfg.DPoP, q.cfg.Metadata.DPoPBoundAccessTokens = nil, false })
		_, err := s.try(q)
		s.refusedAs("a token request without a proof", err, "invalid_request", "invalid_dpop_proof")
	})
	t.add(code, "a proof that nobody asked for", func(s *scenario) {
		p := s.main(s).client(s, spec{config: func(c *oauth.Config) { c.DPoP = s.newDPoP(oauth.ES256) }})
		f := s.code(p)
		f.requireEmail(s, "alice")
		defer p.wire.tamper(p.cfg.Server.UserinfoEndpoint, func(r *http.Request, _ url.Values) *http.Request {
			r.Header.Set("Authorization", "Bearer "+f.token.AccessToken.Reveal())
			r.Header.Del("DPoP")
			return r
		})()
		_, err := p.client.UserInfo(s.ctx, f.token, nil)
		s.refused("the bound token as Bearer", err, "invalid_token")
	})

	const mtls = "token bound to a certificate"
	for _, auth := range []string{"tls_client_auth", "client_secret_basic", "private_key_jwt", "none"} {
		t.add(mtls, auth, func(s *scenario) {
			p := s.main(s).client(s, s.withCertificate(spec{auth: auth}))
			f := s.code(p)
			f.requireEmail(s, "alice")
			f.refreshed(s).requireEmail(s, "alice")
			q := p.as(s, func(q *party) { q.useCertificate(s, p.id) })
			_, err := q.client.UserInfo(s.ctx, f.token, nil)
			s.refused("another certificate at userinfo", err, "invalid_token")
		})
	}
	t.add(mtls, "a refresh with another certificate", func(s *scenario) {
		p := s.main(s).client(s, s.withCertificate(spec{auth: "none"}))
		f := s.code(p)
		f.requireEmail(s, "alice")
		q := p.as(s, func(q *party) { q.useCertificate(s, p.id) })
		_, err := q.client.Refresh(s.ctx, f.token, nil)
		s.refusedAs("a refresh with another certificate", err, "invalid_grant", "invalid_request", "unauthorized_client")
	})
}

// newDPoP is a key for proofs.
func (s *scenario) newDPoP(alg oauth.Algorithm) *oauth.DPoP { return s.dpopOf(s.newKey(alg)) }

func (s *scenario) dpopOf(key *oauth.SigningKey) *oauth.DPoP {
	d, err := oauth.NewDPoP(key, oauth.Clock{})
	s.check(err, "NewDPoP")
	return d
}

// withDPoP is a client that has to send proofs.
func (s *scenario) withDPoP(sp spec, alg oauth.Algorithm) spec {
	return sp.attr("dpop.bound.access.tokens", "true").also(func(c *oauth.Config) {
		c.DPoP = s.newDPoP(alg)
		c.Metadata.DPoPBoundAccessTokens = true
	})
}

// withCertificate is a client whose tokens are bound to its certificate.
func (s *scenario) withCertificate(sp spec) spec {
	sp.certificate = true
	return sp.attr("tls.client.certificate.bound.access.tokens", "true").also(func(c *oauth.Config) {
		c.Metadata.TLSClientCertificateBoundAccessTokens = true
	})
}

// codeOfOtherKey has a code refused that was bound to another key.
func (s *scenario) codeOfOtherKey(p *party, changes ...asks) {
	f := s.start(p, s.newBrowser(), changes...)
	defer p.proofOfOtherKey(s, p.cfg.Server.TokenEndpoint, "")()
	_, err := f.finish(s)
	s.refusedAs("the code with a proof of another key", err, "invalid_grant", "invalid_request", "invalid_dpop_proof")
}

// proofOfOtherKey has the proofs at an endpoint be of a key that nothing is bound to,
// until the returned function is called.
func (p *party) proofOfOtherKey(s *scenario, endpoint, token string) (stop func()) {
	other := s.newDPoP(oauth.ES256)
	return p.wire.tamper(endpoint, func(r *http.Request, _ url.Values) *http.Request {
		proof, err := other.Proof(r.Method, r.URL, token)
		if err == nil {
			r.Header.Set("DPoP", proof)
		}
		return r
	})
}
