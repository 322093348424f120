package keycloak

// This file holds authorization requests that do not stand in the URL: pushed ones,
// and request objects, signed and encrypted.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"example.com/oauth"
)

func requestRows(t *table) {
	const par = "PAR"
	t.add(par, "a request_uri", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		f := s.code(p, pushed)
		f.requireEmail(s, "alice")
		query := f.query(s)
		s.require(query.Has("request_uri") && !query.Has("scope"), "the URL has %q", query)
		_, end, err := s.newBrowser().follow(s.ctx, f.pending.URL(), redirectURI)
		s.check(err, "the URL again")
		s.refusedPage("the request_uri of before", p, end, "invalid_request")
	})
	for _, auth := range []string{"private_key_jwt", "tls_client_auth"} {
		t.add(par, auth, func(s *scenario) {
			p := s.main(s).client(s, spec{auth: auth})
			s.code(p, pushed).requireEmail(s, "alice")
			what := "another key"
			q := p.as(s, func(q *party) {
				if auth == "tls_client_auth" {
					what = "a certificate for another name"
					q.useCertificate(s, "c-other")
					return
				}
				q.cfg.Auth = oauth.PrivateKeyJWT(s.forged(p.key), nil)
			})
			_, err := s.begin(q, pushed)
			s.refusedAs(what, err, "invalid_client", "unauthorized_client", "invalid_request")
		})
	}
	t.add(par, "required of the client", func(s *scenario) {
		p := s.main(s).client(s, spec{attrs: map[string]string{"require.pushed.authorization.requests": "true"}})
		s.code(p, pushed).requireEmail(s, "alice")
		f, end := s.visit(p, s.newBrowser())
		s.refusedAtLogin("a plain URL", f, end, "invalid_request")
	})
	t.add(par, "a public client", func(s *scenario) {
		p, other := s.main(s).client(s, spec{auth: "none"}), s.main(s).client(s, spec{auth: "none"})
		s.code(p, pushed).requireEmail(s, "alice")
		a, err := s.begin(other, pushed)
		s.check(err, "StartAuthorization")
		_, end, err := s.newBrowser().follow(s.ctx, strings.Replace(a.URL(), other.id, p.id, 1), redirectURI)
		s.check(err, "the URL of another client")
		s.refusedPage("the request_uri of another client", p, end, "client_id")
	})

	for _, alg := range []oauth.Algorithm{oauth.ES256, oauth.PS256, oauth.RS256, oauth.EdDSA} {
		t.add("JAR by value", string(alg), func(s *scenario) {
			p := s.main(s).client(s, signedRequests(alg))
			f := s.code(p)
			f.requireEmail(s, "alice")
			s.require(f.query(s).Has("request"), "the URL has no request object")
			q := p.as(s, func(q *party) { q.cfg.RequestKey = s.forged(p.cfg.RequestKey) })
			g, end := s.visit(q, s.newBrowser())
			s.refusedAtLogin("another key", g, end, "verify signature")
		})
	}
	t.add("JAR by value", "required of the client", func(s *scenario) {
		sp := signedRequests(oauth.ES256)
		sp.attrs["request.object.required"] = "request only"
		p := s.main(s).client(s, sp)
		s.code(p).requireEmail(s, "alice")
		q := p.as(s, func(q *party) { q.cfg.RequestKey, q.cfg.Metadata.RequestObjectSigningAlg = nil, "" })
		g, end := s.visit(q, s.newBrowser())
		s.refusedAtLogin("a request without an object", g, end, "required to use 'request'")
	})

	const jarPAR = "JAR by PAR"
	for _, alg := range []oauth.Algorithm{oauth.ES256, oauth.PS256} {
		t.add(jarPAR, string(alg), func(s *scenario) {
			p := s.main(s).client(s, signedRequests(alg))
			s.code(p, pushed).requireEmail(s, "alice")
			q := p.as(s, func(q *party) { q.cfg.RequestKey = s.forged(p.cfg.RequestKey) })
			_, err := s.begin(q, pushed)
			s.refusedAs("another key", err, "invalid_request_object", "invalid_request")
		})
	}
	t.add(jarPAR, "an algorithm that is not the registered one", func(s *scenario) {
		p := s.main(s).client(s, signedRequests(oauth.ES256))
		s.code(p, pushed).requireEmail(s, "alice")
		other := signedRequests(oauth.RS256)
		other.attrs["request.object.signature.alg"] = "ES256"
		_, err := s.begin(s.main(s).client(s, other), pushed)
		s.refusedAs("RS256 where ES256 is registered", err, "invalid_request_object", "invalid_request")
	})
	t.add(jarPAR, "an object of another client", func(s *scenario) {
		p := s.main(s).client(s, signedRequests(oauth.ES256))
		s.code(p, pushed).requireEmail(s, "alice")
		other := s.main(s).client(s, signedRequests(oauth.ES256))
		_, err := s.begin(other, pushed)
		s.check(err, "StartAuthorization")
		object := other.wire.last(s, p.cfg.Server.PushedAuthorizationRequestEndpoint).form.Get("request")
		defer p.wire.tamperForm(p.cfg.Server.PushedAuthorizationRequestEndpoint, func(form url.Values) { form.Set("request", object) })()
		_, err = s.begin(p, pushed)
		s.refusedAs("the object of another client", err, "invalid_request_object", "invalid_request")
	})
	t.add(jarPAR, "claims changed on the way", func(s *scenario) {
		p := s.main(s).client(s, signedRequests(oauth.ES256))
		s.code(p, pushed).requireEmail(s, "alice")
		defer p.wire.tamperForm(p.cfg.Server.PushedAuthorizationRequestEndpoint, func(form url.Values) {
			form.Set("request", changeClaims(form.Get("request"), func(claims object) { claims["scope"] = "openid profile" }))
		})()
		_, err := s.begin(p, pushed)
		s.refusedAs("another scope under the same signature", err, "invalid_request_object", "invalid_request")
	})

	for _, alg := range []string{"RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"} {
		t.add("JAR encrypted", alg, func(s *scenario) { s.encryptedRequest(alg, "", false) })
	}
	t.add("JAR encrypted", "RSA-OAEP-256 with A256GCM by PAR", func(s *scenario) { s.encryptedRequest("RSA-OAEP-256", "A256GCM", true) })
}

// newKey is a key that the server does not know.
func (s *scenario) newKey(alg oauth.Algorithm) *oauth.SigningKey {
	key, err := oauth.GenerateSigningKey(alg)
	s.check(err, "GenerateSigningKey")
	return key
}

// forged is another key under the key ID of one that the server knows.
func (s *scenario) forged(key *oauth.SigningKey) *oauth.SigningKey {
	var signer crypto.Signer
	var err error
	switch alg := key.Algorithm(); alg {
	case oauth.ES256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case oauth.ES384:
		signer, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case oauth.ES512:
		signer, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case oauth.EdDSA, oauth.Ed25519:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	default:
		signer, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	s.check(err, "GenerateKey")
	forged, err := oauth.NewSigningKey(signer, key.Algorithm(), key.KeyID())
	s.check(err, "NewSigningKey")
	return forged
}

// refusedAs is refused where the specifications leave the code to the server.
func (s *scenario) refusedAs(what string, err error, codes ...string) {
	var response *oauth.ResponseError
	if errors.As(err, &response) {
		for _, code := range codes {
			if response.Code == code {
				s.refused(what, err, code)
				return
			}
		}
	}
	s.fatalf("%s: wanted it refused with one of %q, got: %v", what, codes, err)
}

// refusedAtLogin ends the row unless the authorization request was refused, for that
// reason: by a page, or by an error at the client.
func (s *scenario) refusedAtLogin(what string, f *flow, end *page, why string) {
	if end != nil {
		s.refusedPage(what, f.party, end, why)
		return
	}
	_, err := f.finish(s)
	var refused *oauth.AuthorizationError
	said := errors.As(err, &refused) && strings.Contains(refused.Code+" "+refused.Description, why)
	s.require(said, "%s: wanted it refused with %s, got: %v", what, why, err)
	s.twins = append(s.twins, what)
}

// signedRequests is a client that signs its authorization requests.
func signedRequests(alg oauth.Algorithm) spec {
	return spec{requests: alg, attrs: map[string]string{"request.object.signature.alg": string(alg)}}
}

// changeClaims changes the payload of a JWT and leaves its signature.
func changeClaims(jwt string, change func(object)) string {
	parts := strings.Split(jwt, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		panic(err) // the package made it
	}
	var claims object
	if err := json.Unmarshal(raw, &claims); err != nil {
		panic(err)
	}
	change(claims)
	if raw, err = json.Marshal(claims); err != nil {
		panic(err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString(raw)
	return strings.Join(parts, ".")
}

// encrypting is a realm with a key for each algorithm of encryption: by itself
// Keycloak has one, for RSA-OAEP.
func (s *scenario) encrypting() *realm {
	return s.realm(s, "encrypting", nil, func(r *realm) error {
		for _, component := range []object{
			keyProvider("rsa-enc-generated", object{"algorithm": []string{"RSA-OAEP-256"}}),
			keyProvider("ecdh-generated", object{"ecdhAlgorithm": []string{"ECDH-ES"}, "ecdhEllipticCurveKey": []string{"P-256"}}),
			keyProvider("ecdh-generated", object{"ecdhAlgorithm": []string{"ECDH-ES+A256KW"}, "ecdhEllipticCurveKey": []string{"P-384"}}),
		} {
			if err := r.provide(component); err != nil {
				return err
			}
		}
		return nil
	})
}

// encryptedRequest is a login whose request object only the server can read. A signed
// one that it could not read is refused.
func (s *scenario) encryptedRequest(alg, enc string, par bool) {
	sp := signedRequests(oauth.ES256)
	sp.attrs["request.object.encryption.alg"] = alg
	sp.attrs["request.object.encryption.enc"] = enc
	if enc == "" {
		sp.attrs["request.object.encryption.enc"] = "A128CBC-HS256"
	}
	sp.config = func(c *oauth.Config) {
		c.Metadata.RequestObjectEncryptionAlg, c.Metadata.RequestObjectEncryptionEnc = alg, enc
	}
	p := s.encrypting().client(s, sp)
	ask := func(r *oauth.AuthorizationRequest) { r.Pushed = par }
	f := s.code(p, ask)
	f.requireEmail(s, "alice")
	object := f.query(s).Get("request")
	if par {
		object = p.wire.last(s, p.cfg.Server.PushedAuthorizationRequestEndpoint).form.Get("request")
	}
	equal(s, strings.Count(object, "."), 4, "dots in the request object")

	// What is inside has to be signed by the client all the same.
	q := p.as(s, func(q *party) { q.cfg.RequestKey = s.forged(p.cfg.RequestKey) })
	if par {
		_, err := s.begin(q, ask)
		s.refusedAs("another key inside", err, "invalid_request_object", "invalid_request")
		return
	}
	g, end := s.visit(q, s.newBrowser(), ask)
	s.refusedAtLogin("another key inside", g, end, "verify signature")
}

// keyProvider is a component that makes keys.
func keyProvider(provider string, config object) object {
	config["priority"] = []string{"50"}
	config["enabled"], config["active"] = []string{"true"}, []string{"true"}
	return object{"name": provider + random(), "providerId": provider, "providerType": "org.keycloak.keys.KeyProvider", "config": config}
}

// provide adds a component to a realm that is being made.
func (r *realm) provide(component object) error {
	_, err := r.keycloak.admin.do(contextForSetup, http.MethodPost, "/"+r.name+"/components", component, nil)
	return err
}
