package keycloak

// This file holds the client authentications, each with a whole login.

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"example.com/oauth"
)

func clientAuthRows(t *table) {
	const basic = "client_secret_basic"
	t.add(basic, "login", func(s *scenario) { s.authenticated(spec{auth: basic}) })
	t.add(basic, "a code that comes again", func(s *scenario) { s.codeAgain(spec{auth: basic}) })
	t.add(basic, "a code of another client", func(s *scenario) { s.codeOfAnother(spec{auth: basic}) })
	t.add(basic, "another code_verifier", func(s *scenario) { s.otherVerifier(spec{auth: basic}) })
	t.add(basic, "a secret of other characters", func(s *scenario) {
		p := s.main(s).unregistered(s, spec{auth: basic})
		p.secret = `s e+c%r:é"t/?&=` + p.secret
		p.cfg.Auth = oauth.ClientSecretBasic(p.secret)
		s.registerAndLogin(p)
		s.wrongSecret(p)
	})

	kind := "client_secret_post"
	t.add(kind, "login", func(s *scenario) { s.authenticated(spec{auth: "client_secret_post"}) })
	t.add(kind, "a code that comes again", func(s *scenario) { s.codeAgain(spec{auth: "client_secret_post"}) })
	t.add(kind, "another redirect_uri in the token request", func(s *scenario) {
		p := s.main(s).client(s, spec{auth: "client_secret_post"})
		s.code(p).requireEmail(s, "alice")
		stop := p.wire.tamperForm(p.cfg.Server.TokenEndpoint, func(form url.Values) { form.Set("redirect_uri", redirectURI+"/other") })
		defer stop()
		_, err := s.try(p)
		s.refused("another redirect_uri", err, "invalid_grant")
	})

	for _, alg := range []oauth.Algorithm{oauth.HS256, oauth.HS384, oauth.HS512} {
		t.add("client_secret_jwt", string(alg), func(s *scenario) {
			s.authenticated(spec{auth: "client_secret_jwt", alg: alg})
		})
	}
	t.add("client_secret_jwt", "an assertion that comes again", func(s *scenario) { s.assertionAgain(spec{auth: "client_secret_jwt"}) })

	kinds := map[oauth.Algorithm]string{
		oauth.RS256: "private_key_jwt RSA", oauth.RS384: "private_key_jwt RSA", oauth.RS512: "private_key_jwt RSA",
		oauth.PS256: "private_key_jwt RSA-PSS", oauth.PS384: "private_key_jwt RSA-PSS", oauth.PS512: "private_key_jwt RSA-PSS",
		oauth.ES256: "private_key_jwt EC", oauth.ES384: "private_key_jwt EC", oauth.ES512: "private_key_jwt EC",
		oauth.EdDSA: "private_key_jwt Edwards",
	}
	for _, alg := range []oauth.Algorithm{
		oauth.RS256, oauth.RS384, oauth.RS512, oauth.PS256, oauth.PS384, oauth.PS512, oauth.ES256, oauth.ES384, oauth.ES512, oauth.EdDSA,
	} {
		t.add(kinds[alg], string(alg), func(s *scenario) { s.authenticated(spec{auth: "private_key_jwt", alg: alg}) })
	}
	t.add("private_key_jwt Edwards", "Ed25519, which Keycloak calls EdDSA", func(s *scenario) {
		config := func(c *oauth.Config) { c.Metadata.IDTokenSignedResponseAlg = oauth.Ed25519 }
		sp := spec{auth: "private_key_jwt", alg: oauth.Ed25519, config: config}
		sp = sp.attr("token.endpoint.auth.signing.alg", "EdDSA").attr("id.token.signed.response.alg", "EdDSA")
		p := s.main(s).unregistered(s, sp)
		// Keycloak does not use a key whose alg it does not know.
		set := strings.Replace(string(keySet(p.key, nil)), `"alg":"Ed25519"`, `"alg":"EdDSA"`, 1)
		p.spec = p.attr("jwks.string", set)
		s.registerAndLogin(p)
		s.wrongSecret(p)
	})
	t.add("private_key_jwt EC", "an assertion that comes again", func(s *scenario) { s.assertionAgain(spec{auth: "private_key_jwt"}) })

	kind = "tls_client_auth"
	t.add(kind, "login", func(s *scenario) { s.authenticated(spec{auth: "tls_client_auth"}) })
	t.add(kind, "a code that comes again", func(s *scenario) { s.codeAgain(spec{auth: "tls_client_auth"}) })

	kind = "public client with PKCE"
	t.add(kind, "login", func(s *scenario) { s.otherVerifier(spec{auth: "none"}) })
	t.add(kind, "a code that comes again", func(s *scenario) { s.codeAgain(spec{auth: "none"}) })
	t.add(kind, "a code of another client", func(s *scenario) { s.codeOfAnother(spec{auth: "none"}) })
}

// registerAndLogin has Keycloak know the client, and alice log in.
func (s *scenario) registerAndLogin(p *party) *flow {
	p.uuid = p.do(s, http.MethodPost, "/clients", p.representation(), nil)
	var err error
	p.client, err = oauth.NewClient(p.cfg)
	s.check(err, "NewClient")
	f := s.code(p)
	f.requireEmail(s, "alice")
	return f
}

// authenticated is a login of a client; with another secret or key, it fails.
func (s *scenario) authenticated(sp spec) {
	p := s.main(s).unregistered(s, sp)
	s.registerAndLogin(p)
	s.wrongSecret(p)
}

// wrongSecret has another secret, key or certificate refused.
func (s *scenario) wrongSecret(p *party) {
	what := "another secret"
	q := p.as(s, func(q *party) {
		secret := random() + random() + random()
		switch q.auth {
		case "client_secret_basic":
			q.cfg.Auth = oauth.ClientSecretBasic(secret)
		case "client_secret_post":
			q.cfg.Auth = oauth.ClientSecretPost(secret)
		case "client_secret_jwt":
			q.cfg.Auth = oauth.ClientSecretJWT(secret, q.alg, nil)
		case "private_key_jwt":
			what = "another key"
			q.cfg.Auth = oauth.PrivateKeyJWT(s.forged(q.key), nil)
		case "tls_client_auth":
			what = "a certificate for another name"
			q.useCertificate(s, "c-other")
		}
	})
	f := s.start(q, s.newBrowser())
	_, err := f.finish(s)
	var refused *oauth.ResponseError
	s.require(errors.As(err, &refused), "%s: wanted a refusal, got: %v", what, err)
	s.refused(what, err, refused.Code)
	s.require(refused.Code == "invalid_client" || refused.Code == "unauthorized_client", "%s: the error is %s", what, refused.Code)
}

// codeAgain uses a code twice, the second time by the wire.
func (s *scenario) codeAgain(sp spec) {
	p := s.main(s).client(s, sp)
	f := s.code(p)
	f.requireEmail(s, "alice")
	code := f.landing.params().Get("code")
	stop := p.wire.tamperForm(p.cfg.Server.TokenEndpoint, func(form url.Values) { form.Set("code", code) })
	defer stop()
	_, err := s.try(p)
	s.refused("the code of before", err, "invalid_grant")
}

// codeOfAnother brings a code that another client got.
func (s *scenario) codeOfAnother(sp spec) {
	p, other := s.main(s).client(s, sp), s.main(s).client(s, sp)
	s.code(p).requireEmail(s, "alice")
	code := s.start(other, s.newBrowser()).landing.params().Get("code")
	stop := p.wire.tamperForm(p.cfg.Server.TokenEndpoint, func(form url.Values) { form.Set("code", code) })
	defer stop()
	_, err := s.try(p)
	s.refused("the code of another client", err, "invalid_grant")
}

// otherVerifier spoils the proof of PKCE.
func (s *scenario) otherVerifier(sp spec) {
	p := s.main(s).client(s, sp)
	s.code(p).requireEmail(s, "alice")
	stop := p.wire.tamperForm(p.cfg.Server.TokenEndpoint, func(form url.Values) { form.Set("code_verifier", random()+random()) })
	defer stop()
	_, err := s.try(p)
	s.refused("another code_verifier", err, "invalid_grant")
}

// assertionAgain sends the assertion of the login before.
func (s *scenario) assertionAgain(sp spec) {
	p := s.main(s).client(s, sp)
	s.code(p).requireEmail(s, "alice")
	used := p.wire.last(s, p.cfg.Server.TokenEndpoint).form.Get("client_assertion")
	stop := p.wire.tamperForm(p.cfg.Server.TokenEndpoint, func(form url.Values) { form.Set("client_assertion", used) })
	defer stop()
	_, err := s.try(p)
	s.refused("the assertion of before", err, "invalid_client")
}
