package keycloak

// This file holds Keycloak's own profiles for FAPI and OAuth 2.1, each in a realm whose
// policy puts every client under it.

import (
	"errors"
	"net/http"
	"strings"

	"example.com/oauth"
)

func fapiRows(t *table) {
	const baseline = "FAPI 1 baseline"
	for _, sp := range []spec{{auth: "private_key_jwt", alg: oauth.PS256}, {auth: "client_secret_jwt"}, {auth: "tls_client_auth"}} {
		t.add(baseline, sp.auth, func(s *scenario) {
			r := s.profiled("fapi-1-baseline")
			p := r.client(s, sp)
			f := s.code(p)
			f.requireEmail(s, "alice")
			f.refreshed(s)
			s.wrongSecret(p)
		})
	}
	t.add(baseline, "PKCE", func(s *scenario) {
		p := s.profiled("fapi-1-baseline").client(s, spec{auth: "private_key_jwt", alg: oauth.PS256})
		s.code(p).requireEmail(s, "alice")
		g, end := s.visit(p, s.newBrowser(), func(r *oauth.AuthorizationRequest) { r.InsecureNoPKCE = true })
		s.refusedAtLogin("a request without PKCE", g, end, "code_challenge")
	})
	t.add(baseline, "a nonce", func(s *scenario) {
		r := s.profiled("fapi-1-baseline")
		p := r.client(s, spec{auth: "private_key_jwt", alg: oauth.ES256})
		s.code(p).requireEmail(s, "alice")
		g, end := s.visit(p, s.newBrowser(), func(r *oauth.AuthorizationRequest) { r.InsecureNoNonce = true })
		s.refusedAtLogin("a request without a nonce", g, end, "nonce")
		s.refusedRegistration("a client with client_secret_basic", r, spec{})
	})

	const advanced = "FAPI 1 advanced"
	for _, mode := range []string{"fragment", "form_post"} {
		t.add(advanced, "code id_token by "+mode, func(s *scenario) {
			p := s.profiled("fapi-1-advanced").client(s, s.advanced(func(c *oauth.Config) { c.DetachedSignature = true }))
			f := s.code(p, detached(mode))
			f.requireEmail(s, "alice")
			f.refreshed(s).requireEmail(s, "alice")
			q := p.as(s, func(q *party) { q.useCertificate(s, p.id) })
			_, err := q.client.UserInfo(s.ctx, f.token, nil)
			s.refused("another certificate at userinfo", err, "invalid_token")
		})
	}
	t.add(advanced, "PAR and JARM", func(s *scenario) {
		sp := s.advanced(func(c *oauth.Config) { c.Metadata.AuthorizationSignedResponseAlg = oauth.PS256 })
		p := s.profiled("fapi-1-advanced").client(s, sp.attr("authorization.signed.response.alg", "PS256"))
		s.code(p, pushed, responseMode("jwt")).requireEmail(s, "alice")
		g, end := s.visit(p, s.newBrowser(), responseMode("query"))
		s.refusedAtLogin("a plain response", g, end, "invalid")
	})
	t.add(advanced, "signed requests", func(s *scenario) {
		p := s.profiled("fapi-1-advanced").client(s, s.advanced(nil))
		s.code(p, detached("form_post")).requireEmail(s, "alice")
		q := p.as(s, func(q *party) { q.cfg.RequestKey, q.cfg.Metadata.RequestObjectSigningAlg = nil, "" })
		g, end := s.visit(q, s.newBrowser(), detached("form_post"))
		s.refusedAtLogin("a request that is not", g, end, "request")
	})
	t.add(advanced, "certificates", func(s *scenario) {
		r := s.profiled("fapi-1-advanced")
		p := r.client(s, s.advanced(nil))
		s.code(p, detached("form_post")).requireEmail(s, "alice")
		_, err := s.try(p.withoutCertificate(s), detached("form_post"))
		s.refusedAs("a token request without one", err, "invalid_request", "invalid_client", "invalid_grant")
		s.refusedRegistration("a client with RS256", r, spec{auth: "private_key_jwt", alg: oauth.RS256})
	})

	for _, profile := range []struct {
		kind, name  string
		dpop, signs bool
	}{
		{"FAPI 2 security profile, certificates", "fapi-2-security-profile", false, false},
		{"FAPI 2 message signing, certificates", "fapi-2-message-signing", false, true},
		{"FAPI 2 security profile, DPoP", "fapi-2-dpop-security-profile", true, false},
		{"FAPI 2 message signing, DPoP", "fapi-2-dpop-message-signing", true, true},
	} {
		client := func(s *scenario, auth string) *party {
			return s.profiled(profile.name).client(s, s.fapi2(spec{auth: auth, alg: oauth.PS256}, profile.dpop, profile.signs))
		}
		ask := func(r *oauth.AuthorizationRequest) {
			r.Pushed = true
			if profile.signs {
				r.ResponseMode = "jwt"
			}
		}
		for _, auth := range []string{"private_key_jwt", "tls_client_auth"} {
			t.add(profile.kind, auth, func(s *scenario) {
				p := client(s, auth)
				f := s.code(p, ask)
				f.requireEmail(s, "alice")
				f.refreshedOnce(s).requireEmail(s, "alice")
				f.requireTaken(s, s.api(p.realm, nil))
				s.wrongKeyAtPAR(p, ask)
			})
		}
		t.add(profile.kind, "PAR with PKCE", func(s *scenario) {
			p := client(s, "private_key_jwt")
			s.code(p, ask).requireEmail(s, "alice")
			_, err := s.begin(p, ask, func(r *oauth.AuthorizationRequest) { r.InsecureNoPKCE = true })
			s.refusedAs("without PKCE", err, "invalid_request")
			g, end := s.visit(p, s.newBrowser(), ask, func(r *oauth.AuthorizationRequest) { r.Pushed = false })
			s.refusedAtLogin("without PAR", g, end, "PAR request_uri not included")
		})
		t.add(profile.kind, "bound tokens, until their revocation", func(s *scenario) {
			p := client(s, "private_key_jwt")
			f := s.code(p, ask)
			q := p.withoutCertificate(s)
			if profile.dpop {
				q = p.as(s, func(q *party) { q.cfg.DPoP, q.cfg.Metadata.DPoPBoundAccessTokens = nil, false })
			}
			_, err := s.try(q, ask)
			s.refusedAs("a token request without "+map[bool]string{true: "a proof", false: "a certificate"}[profile.dpop], err,
				"invalid_request", "invalid_dpop_proof", "invalid_grant", "invalid_client")
			f.requireEmail(s, "alice")
			if profile.dpop {
				// Keycloak compares the proof with the token, and a confidential client's refresh
				// token is bound to no key: that cannot be revoked here.
				s.check(p.client.Revoke(s.ctx, f.token.AccessToken.Reveal(), nil), "Revoke")
				s.refused("the access token after its revocation", f.userInfoError(s), "invalid_token")
				return
			}
			s.check(p.client.Revoke(s.ctx, f.token.RefreshToken.Reveal(), nil), "Revoke")
			_, err = p.client.Refresh(s.ctx, f.token, nil)
			s.refused("a refresh after the revocation", err, "invalid_grant")
		})
		t.add(profile.kind, "what the profile refuses", func(s *scenario) {
			p := client(s, "private_key_jwt")
			s.code(p, ask).requireEmail(s, "alice")
			if profile.signs {
				q := p.as(s, func(q *party) { q.cfg.RequestKey, q.cfg.Metadata.RequestObjectSigningAlg = nil, "" })
				g, end := s.visit(q, s.newBrowser(), ask) // PAR takes it, the page does not
				s.refusedAtLogin("a request that is not signed", g, end, "request")
			} else {
				q := p.as(s, func(q *party) {
					q.cfg.Auth = oauth.PrivateKeyJWT(p.key, &oauth.AssertionOptions{Audience: oauth.TokenEndpointAudience})
				})
				_, err := s.begin(q, ask)
				s.refusedAs("an assertion for the token endpoint", err, "invalid_client", "unauthorized_client", "invalid_request")
			}
			s.refusedRegistration("a client with client_secret_basic", p.realm, spec{})
			s.refusedRegistration("a client with RS256", p.realm, spec{auth: "private_key_jwt", alg: oauth.RS256})
		})
	}

	const ciba = "FAPI-CIBA"
	for _, alg := range []oauth.Algorithm{oauth.PS256, oauth.ES256} {
		t.add(ciba, string(alg)+", polled", func(s *scenario) {
			l := s.startLoginAt(s.fapiCIBA(alg))
			l.decide(s, "SUCCEED")
			token, err := l.client.PollBackchannelAuthentication(s.ctx, l.login, nil)
			s.check(err, "PollBackchannelAuthentication")
			f := &flow{party: l.party, token: token}
			f.requireToken(s)
			f.requireEmail(s, "alice")
			q := l.as(s, func(q *party) { q.cfg.RequestKey = s.forged(l.cfg.RequestKey) })
			_, err = q.askFor(s, "alice", "W4SCT")
			s.refusedAs("another key", err, "invalid_request", "invalid_request_object")
		})
	}
	t.add(ciba, "signed requests", func(s *scenario) {
		p := s.fapiCIBA(oauth.PS256)
		l := s.startLoginAt(p)
		l.decide(s, "SUCCEED")
		_, err := l.ask(s)
		s.check(err, "BackchannelAuthenticationToken")
		q := p.as(s, func(q *party) { q.cfg.RequestKey, q.cfg.Metadata.BackchannelRequestAlg = nil, "" })
		_, err = q.askFor(s, "alice", "W4SCT")
		s.refusedAs("a request that is not", err, "invalid_request")
	})
	t.add(ciba, "a binding message", func(s *scenario) {
		p := s.fapiCIBA(oauth.PS256)
		l := s.startLoginAt(p)
		l.decide(s, "SUCCEED")
		_, err := l.ask(s)
		s.check(err, "BackchannelAuthenticationToken")
		_, err = p.askFor(s, "alice", "")
		s.refusedAs("a request without one", err, "invalid_request")
	})
	t.add(ciba, "certificates", func(s *scenario) {
		p := s.fapiCIBA(oauth.PS256)
		l := s.startLoginAt(p)
		l.decide(s, "SUCCEED")
		l.party = p.withoutCertificate(s)
		_, err := l.ask(s)
		s.refusedAs("a token request without one", err, "invalid_request", "invalid_grant", "invalid_client")
		l.party = p
		_, err = l.ask(s)
		s.check(err, "BackchannelAuthenticationToken")
	})

	const confidential = "OAuth 2.1, confidential client"
	for _, auth := range []string{"private_key_jwt", "tls_client_auth"} {
		t.add(confidential, auth, func(s *scenario) {
			p := s.profiled("oauth-2-1-for-confidential-client").client(s, s.withCertificate(spec{auth: auth}))
			f := s.code(p)
			f.requireEmail(s, "alice")
			f.refreshed(s)
			g, end := s.visit(p, s.newBrowser(), func(r *oauth.AuthorizationRequest) { r.InsecureNoPKCE = true })
			s.refusedAtLogin("a request without PKCE", g, end, "code_challenge")
		})
	}
	const public = "OAuth 2.1, public client"
	t.add(public, "DPoP", func(s *scenario) {
		p := s.profiled("oauth-2-1-for-public-client").client(s, s.withDPoP(spec{auth: "none"}, oauth.ES256))
		f := s.code(p)
		f.requireEmail(s, "alice")
		f.refreshedOnce(s).requireEmail(s, "alice")
		q := p.as(s, func(q *party) { q.cfg.DPoP, q.cfg.Metadata.DPoPBoundAccessTokens = nil, false })
		_, err := s.try(q)
		s.refusedAs("a token request without a proof", err, "invalid_request", "invalid_dpop_proof")
	})
	t.add(public, "PKCE", func(s *scenario) {
		p := s.profiled("oauth-2-1-for-public-client").client(s, s.withDPoP(spec{auth: "none"}, oauth.EdDSA))
		s.code(p).requireEmail(s, "alice")
		a, err := s.begin(p)
		s.check(err, "StartAuthorization")
		g := &flow{party: p, browser: s.newBrowser(), pending: a}
		var end *page
		g.landing, end, err = g.browser.follow(s.ctx, strings.Replace(a.URL(), "code_challenge_method=S256", "code_challenge_method=plain", 1), redirectURI)
		s.check(err, "authorization")
		s.refusedAtLogin("code_challenge_method plain", g, end, "code")
	})
}

// profiled is a realm where all clients are under profiles of Keycloak.
func (s *scenario) profiled(profiles ...string) *realm {
	return s.realm(s, strings.Join(profiles, "-with-"), nil, func(r *realm) error {
		policy := object{
			"name": "all", "enabled": true, "conditions": []object{{"condition": "any-client", "configuration": object{}}}, "profiles": profiles,
		}
		_, err := r.admin.do(contextForSetup, http.MethodPut, "/"+r.name+"/client-policies/policies", object{"policies": []object{policy}}, nil)
		return err
	})
}

// refusedRegistration ends the row unless the policy of the realm refuses the client.
func (s *scenario) refusedRegistration(what string, r *realm, sp spec) {
	_, err := r.admin.do(s.ctx, http.MethodPost, "/"+r.name+"/clients", r.unregistered(s, sp).representation(), nil)
	var refused *adminError
	s.require(errors.As(err, &refused) && refused.status == http.StatusBadRequest, "%s: wanted it refused, got: %v", what, err)
	s.twins = append(s.twins, what)
}

// advanced is a client of FAPI 1 Advanced: signed requests, and tokens that are bound to
// its certificate.
func (s *scenario) advanced(config func(*oauth.Config)) spec {
	sp := s.withCertificate(signedRequests(oauth.PS256))
	sp.auth, sp.alg = "private_key_jwt", oauth.PS256
	sp.rep = object{"implicitFlowEnabled": true}
	if config != nil {
		sp = sp.also(config)
	}
	return sp
}

// detached asks for an ID token beside the code.
func detached(mode string) asks {
	return func(r *oauth.AuthorizationRequest) { r.ResponseType, r.ResponseMode = "code id_token", mode }
}

// fapi2 is a client of FAPI 2.0.
func (s *scenario) fapi2(sp spec, dpop, signs bool) spec {
	if signs {
		sp.requests = oauth.PS256
		sp = sp.attr("request.object.signature.alg", "PS256").attr("authorization.signed.response.alg", "PS256")
		sp = sp.also(func(c *oauth.Config) { c.Metadata.AuthorizationSignedResponseAlg = oauth.PS256 })
	}
	sp = sp.also(func(c *oauth.Config) { c.RequireResponseIssuer = true })
	if dpop {
		return s.withDPoP(sp, oauth.ES256)
	}
	return s.withCertificate(sp)
}

// fapiCIBA is a client of FAPI-CIBA.
func (s *scenario) fapiCIBA(alg oauth.Algorithm) *party {
	sp := s.withCertificate(signedLogins(alg))
	sp.auth, sp.alg = "private_key_jwt", oauth.PS256
	return s.profiled("fapi-1-advanced", "fapi-ciba").client(s, sp.attr("oidc.ciba.grant.enabled", "true"))
}

// withoutCertificate is the client without its certificate, where it is not that which
// authenticates it.
func (p *party) withoutCertificate(s *scenario) *party {
	return p.as(s, func(q *party) {
		q.cfg.MTLS = nil
		q.cfg.HTTPClient = &http.Client{Transport: q.wire.wrap(p.transport)}
		q.cfg.Metadata.TLSClientCertificateBoundAccessTokens = false
	})
}

// wrongKeyAtPAR has a pushed request refused that somebody else makes.
func (s *scenario) wrongKeyAtPAR(p *party, ask asks) {
	what := "another key"
	q := p.as(s, func(q *party) {
		if q.auth == "tls_client_auth" {
			what = "a certificate for another name"
			q.useCertificate(s, "c-other")
		} else {
			q.cfg.Auth = oauth.PrivateKeyJWT(s.forged(p.key), nil)
		}
	})
	_, err := s.begin(q, ask)
	s.refusedAs(what, err, "invalid_client", "unauthorized_client", "invalid_request")
}

// refreshedOnce is the flow with the next token, where the server need not rotate.
func (f *flow) refreshedOnce(s *scenario) *flow {
	t, err := f.client.Refresh(s.ctx, f.token, nil)
	s.check(err, "Refresh")
	next := &flow{party: f.party, browser: f.browser, token: t}
	next.requireToken(s)
	return next
}
