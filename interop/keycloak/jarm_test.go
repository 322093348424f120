package keycloak

// This file holds authorization responses that are signed, and encrypted (JARM).

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/url"
	"strings"

	"example.com/oauth"
)

func jarmRows(t *table) {
	for _, mode := range []string{"query.jwt", "fragment.jwt", "form_post.jwt", "jwt"} {
		t.add("JARM", mode, func(s *scenario) { s.signedResponse(mode, oauth.ES256) })
	}
	t.add("JARM", "PS256", func(s *scenario) { s.signedResponse("query.jwt", oauth.PS256) })

	for _, alg := range []string{"RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW"} {
		t.add("JARM encrypted", alg, func(s *scenario) {
			p := s.main(s).client(s, s.encryptedTo(alg, "A128CBC-HS256", "authorization", func(m *oauth.ClientMetadata, enc string) {
				m.AuthorizationSignedResponseAlg = oauth.ES256
				m.AuthorizationEncryptedResponseAlg, m.AuthorizationEncryptedResponseEnc = alg, enc
			}))
			f := s.code(p, responseMode("query.jwt"))
			f.requireEmail(s, "alice")
			equal(s, strings.Count(f.landing.params().Get("response"), "."), 4, "dots in the response")
			q := p.as(s, func(q *party) { q.cfg.Decrypter = s.decrypter(newDecryptionKey(s, alg, "A128CBC-HS256")) })
			_, err := s.try(q, responseMode("query.jwt"))
			s.refused("with another key to decrypt", err, oauth.ErrDecrypt)
		})
	}

	const modes = "response mode"
	for _, mode := range []string{"query", "form_post", "fragment"} {
		t.add(modes, mode, func(s *scenario) {
			p := s.main(s).client(s, spec{})
			f := s.code(p, responseMode(mode))
			f.requireEmail(s, "alice")
			equal(s, f.landing.form != nil, mode == "form_post", "the answer came as a form")
			equal(s, f.landing.url.Fragment != "", mode == "fragment", "the answer came in the fragment")
			g := s.start(p, s.newBrowser(), responseMode(mode))
			g.change(func(answer url.Values) { answer.Set("state", random()) })
			_, err := g.finish(s)
			s.refused("another state", err, oauth.ErrState)
		})
	}
	t.add(modes, "iss of another server", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		s.code(p).requireEmail(s, "alice")
		g := s.start(p, s.newBrowser())
		g.change(func(answer url.Values) { answer.Set("iss", "https://other.example") })
		_, err := g.finish(s)
		s.refused("another iss", err, oauth.ErrIssuer)
	})
	t.add(modes, "no iss, which a switch of the client turns off", func(s *scenario) {
		server := *s.main(s).server(s)
		server.AuthorizationResponseIssParameterSupported = false
		sp := spec{config: func(c *oauth.Config) { c.Server = &server }}
		p := s.main(s).client(s, sp.attr("exclude.issuer.from.auth.response", "true"))
		f := s.code(p)
		f.requireEmail(s, "alice")
		s.require(!f.landing.params().Has("iss"), "the answer has iss")
		q := p.as(s, func(q *party) { q.cfg.Server = p.metadata })
		_, err := s.try(q)
		s.refused("no iss although the metadata announce it", err, oauth.ErrIssuer)
	})

	for _, mode := range []string{"fragment", "form_post"} {
		t.add("code id_token", mode, func(s *scenario) { s.hybrid(mode, nil) })
	}
	t.add("code id_token", "with s_hash as a detached signature", func(s *scenario) {
		s.hybrid("form_post", func(c *oauth.Config) { c.DetachedSignature = true })
	})
	t.add("id_token alone", "form_post", func(s *scenario) {
		p := s.main(s).client(s, spec{rep: object{"implicitFlowEnabled": true}})
		ask := func(r *oauth.AuthorizationRequest) { r.ResponseType, r.ResponseMode = "id_token", "form_post" }
		f := s.start(p, s.newBrowser(), ask)
		t, err := f.finish(s)
		s.check(err, "finishing the authorization")
		s.require(t.IDToken() != nil && t.AccessToken.IsZero(), "no ID token alone")
		g := s.start(p, s.newBrowser(), ask)
		g.change(func(answer url.Values) {
			answer.Set("id_token", changeClaims(answer.Get("id_token"), func(c object) { c["sub"] = "bob" }))
		})
		_, err = g.finish(s)
		s.refused("another sub", err, oauth.ErrSignature)
	})
}

func responseMode(mode string) asks {
	return func(r *oauth.AuthorizationRequest) { r.ResponseMode = mode }
}

// change alters the answer on its way.
func (f *flow) change(alter func(url.Values)) {
	params := f.landing.params()
	alter(params)
	switch {
	case f.landing.form != nil:
		f.landing.form = params
	case f.landing.url.Fragment != "":
		f.landing.url, _ = url.Parse(redirectURI + "#" + params.Encode())
	default:
		f.landing.url.RawQuery = params.Encode()
	}
}

// signedResponse is a login whose answer is signed.
func (s *scenario) signedResponse(mode string, alg oauth.Algorithm) {
	p := s.main(s).client(s, spec{
		attrs:  map[string]string{"authorization.signed.response.alg": string(alg)},
		config: func(c *oauth.Config) { c.Metadata.AuthorizationSignedResponseAlg = alg },
	})
	f := s.code(p, responseMode(mode))
	f.requireEmail(s, "alice")
	s.require(f.landing.params().Has("response"), "the answer is not signed")
	g := s.start(p, s.newBrowser(), responseMode(mode))
	g.change(func(answer url.Values) {
		answer.Set("response", changeClaims(answer.Get("response"), func(c object) { c["code"] = "x" }))
	})
	_, err := g.finish(s)
	s.refused("another code under the same signature", err, oauth.ErrSignature)
}

// hybrid is a login whose answer has an ID token beside the code.
func (s *scenario) hybrid(mode string, config func(*oauth.Config)) {
	p := s.main(s).client(s, spec{rep: object{"implicitFlowEnabled": true}, config: config})
	ask := func(r *oauth.AuthorizationRequest) { r.ResponseType, r.ResponseMode = "code id_token", mode }
	f := s.code(p, ask)
	f.requireEmail(s, "alice")
	s.require(f.landing.params().Has("id_token"), "the answer has no ID token")
	g := s.start(p, s.newBrowser(), ask)
	other := s.start(p, s.newBrowser(), ask).landing.params().Get("code")
	g.change(func(answer url.Values) { answer.Set("code", other) })
	_, err := g.finish(s)
	s.refused("a code that c_hash is not of", err, oauth.ErrClaim)
}

// newDecryptionKey is a key for what the server encrypts.
func newDecryptionKey(s *scenario, alg, enc string) *oauth.DecryptionKey {
	var key *oauth.DecryptionKey
	var err error
	if strings.HasPrefix(alg, "RSA") {
		private, e := rsa.GenerateKey(rand.Reader, 2048)
		s.check(e, "GenerateKey")
		key, err = oauth.NewDecryptionKey(private, alg, []string{enc}, "enc")
	} else {
		private, e := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		s.check(e, "GenerateKey")
		key, err = oauth.NewDecryptionKey(private, alg, []string{enc}, "enc")
	}
	s.check(err, "NewDecryptionKey")
	return key
}

func (s *scenario) decrypter(key *oauth.DecryptionKey) oauth.Decrypter {
	d, err := oauth.NewDecrypter(key)
	s.check(err, "NewDecrypter")
	return d
}

// encryptedTo is a client to which the server encrypts answers of one kind, by the
// name that they have in the attributes.
func (s *scenario) encryptedTo(alg, enc, kind string, set func(m *oauth.ClientMetadata, enc string)) spec {
	key := newDecryptionKey(s, alg, enc)
	attrs := map[string]string{
		kind + ".signed.response.alg": "ES256", kind + ".encrypted.response.alg": alg, kind + ".encrypted.response.enc": enc,
	}
	if kind == "user.info" {
		attrs["user.info.response.signature.alg"] = "ES256"
	}
	return spec{attrs: attrs, keys: []rawJSON{rawJSON(key.PublicJWK())}, config: func(c *oauth.Config) {
		set(&c.Metadata, enc)
		c.Decrypter = s.decrypter(key)
	}}
}
