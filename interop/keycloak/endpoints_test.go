package keycloak

// This file holds introspection, revocation and userinfo.

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/oauth"
)

func endpointRows(t *table) {
	const kind = "introspection"
	t.add(kind, "an access token, until it is revoked", func(s *scenario) {
		f := s.code(s.main(s).client(s, spec{}))
		in := f.introspect(s)
		equal(s, in.Subject(), f.token.Subject(), "sub")
		equal(s, in.ClientID(), f.id, "client_id")
		equal(s, in.Username(), "alice", "username")
		s.check(f.client.Revoke(s.ctx, f.token.AccessToken.Reveal(), nil), "Revoke")
		s.refused("after its revocation", f.introspectError(s), oauth.ErrInactive)
	})
	t.add(kind, "of another client", func(s *scenario) {
		p, other := s.main(s).client(s, spec{}), s.main(s).client(s, spec{auth: "private_key_jwt"})
		p.reaches(s, other)
		token := s.code(p).token.AccessToken.Reveal()
		_, err := other.client.Introspect(s.ctx, token, nil)
		s.check(err, "Introspect")
		_, err = s.main(s).client(s, spec{}).client.Introspect(s.ctx, token, nil)
		s.refused("by a client that is not in its audience", err, oauth.ErrInactive)
	})
	t.add(kind, "bound to a key", func(s *scenario) {
		p := s.main(s).client(s, s.withDPoP(spec{}, oauth.ES256))
		f := s.code(p)
		equal(s, f.introspect(s).KeyThumbprint(), p.cfg.DPoP.Thumbprint(), "jkt")
		f.logout(s)
		s.refused("after the logout", f.introspectError(s), oauth.ErrInactive)
	})
	t.add(kind, "a refresh token", func(s *scenario) {
		f := s.code(s.main(s).client(s, spec{}))
		opts := &oauth.EndpointOptions{TokenTypeHint: "refresh_token"}
		_, err := f.client.Introspect(s.ctx, f.token.RefreshToken.Reveal(), opts)
		s.check(err, "Introspect")
		s.check(f.client.Revoke(s.ctx, f.token.RefreshToken.Reveal(), opts), "Revoke")
		_, err = f.client.Introspect(s.ctx, f.token.RefreshToken.Reveal(), opts)
		s.refused("after its revocation", err, oauth.ErrInactive)
	})
	t.add(kind, "by a wrong secret", func(s *scenario) {
		f := s.code(s.main(s).client(s, spec{}))
		f.introspect(s)
		f.party = f.as(s, func(q *party) { q.cfg.Auth = oauth.ClientSecretBasic(random()) })
		s.refusedAs("another secret", f.introspectError(s), "invalid_client", "unauthorized_client", "invalid_request")
	})

	t.add("introspection as a JWT", "which Keycloak does not sign", func(s *scenario) {
		p := s.main(s).client(s, spec{attrs: map[string]string{"client.introspection.response.allow.jwt.claim.enabled": "true"}})
		f := s.code(p)
		f.introspect(s)
		f.party = p.as(s, func(q *party) { q.cfg.Metadata.IntrospectionSignedResponseAlg = oauth.ES256 })
		s.refused("JSON where a signed answer is configured", f.introspectError(s), oauth.ErrResponse)
	})

	const revocation = "revocation"
	for _, auth := range []string{"client_secret_basic", "private_key_jwt", "none"} {
		t.add(revocation, "a refresh token, "+auth, func(s *scenario) {
			f := s.code(s.main(s).client(s, spec{auth: auth})).refreshed(s)
			s.check(f.client.Revoke(s.ctx, f.token.RefreshToken.Reveal(), nil), "Revoke")
			_, err := f.client.Refresh(s.ctx, f.token, nil)
			s.refused("the refresh token", err, "invalid_grant")
			s.refused("the access token", f.userInfoError(s), "invalid_token")
		})
	}
	t.add(revocation, "an access token", func(s *scenario) {
		f := s.code(s.main(s).client(s, spec{auth: "tls_client_auth"}))
		f.requireEmail(s, "alice")
		s.check(f.client.Revoke(s.ctx, f.token.AccessToken.Reveal(), &oauth.EndpointOptions{TokenTypeHint: "access_token"}), "Revoke")
		s.refused("the access token", f.userInfoError(s), "invalid_token")
	})
	t.add(revocation, "of another client", func(s *scenario) {
		f, other := s.code(s.main(s).client(s, spec{})), s.main(s).client(s, spec{})
		err := other.client.Revoke(s.ctx, f.token.RefreshToken.Reveal(), nil)
		s.refusedAs("by another client", err, "invalid_token", "unauthorized_client", "invalid_grant", "invalid_request", "unmatching_clients")
		f.refreshed(s).requireEmail(s, "alice")
	})

	const userinfo = "userinfo"
	t.add(userinfo, "JSON, until the logout", func(s *scenario) {
		f := s.code(s.main(s).client(s, spec{}))
		f.requireEmail(s, "alice")
		equal(s, f.wire.last(s, f.cfg.Server.UserinfoEndpoint).mediaType, "application/json", "media type")
		f.logout(s)
		s.refused("after the logout", f.userInfoError(s), "invalid_token")
	})
	t.add(userinfo, "without openid", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		s.code(p).requireEmail(s, "alice")
		f := s.start(p, s.newBrowser(), func(r *oauth.AuthorizationRequest) { r.Scope = []string{"email"} })
		var err error
		f.token, err = f.finish(s)
		s.check(err, "finishing the authorization")
		_, err = f.client.UserInfo(s.ctx, f.token, &oauth.UserInfoOptions{InsecureSkipSubject: true})
		s.refused("a token without openid", err, "insufficient_scope")
	})
	t.add(userinfo, "an access token that has expired", func(s *scenario) {
		f := s.code(s.main(s).client(s, spec{attrs: map[string]string{"access.token.lifespan": "3"}}))
		for f.token.Expiry.After(time.Now().Add(-time.Second)) {
			time.Sleep(100 * time.Millisecond)
		}
		s.refused("after its end", f.userInfoError(s), "invalid_token")
		f.refreshed(s).requireEmail(s, "alice")
	})
	t.add(userinfo, "of another subject", func(s *scenario) {
		f := s.code(s.main(s).client(s, spec{}))
		f.requireEmail(s, "alice")
		_, err := f.client.UserInfo(s.ctx, f.token, &oauth.UserInfoOptions{Subject: random()})
		s.require(err != nil, "another Subject than the token's was taken")
		b := s.newBrowser()
		b.user = "bob"
		g := s.codeIn(f.party, b)
		g.requireEmail(s, "bob")
		defer f.wire.tamper(f.cfg.Server.UserinfoEndpoint, bearer(g.token))()
		s.refused("the answer about another user", f.userInfoError(s), oauth.ErrClaim)
	})

	for _, alg := range []oauth.Algorithm{oauth.ES256, oauth.RS256, oauth.PS256, oauth.EdDSA} {
		t.add("userinfo signed", string(alg), func(s *scenario) {
			sp := spec{config: func(c *oauth.Config) { c.Metadata.UserinfoSignedResponseAlg = alg }}
			p := s.main(s).client(s, sp.attr("user.info.response.signature.alg", string(alg)))
			f := s.code(p)
			f.requireEmail(s, "alice")
			equal(s, p.wire.last(s, p.cfg.Server.UserinfoEndpoint).mediaType, "application/jwt", "media type")
			p.update(s, func(rep object) { rep["attributes"].(object)["user.info.response.signature.alg"] = "" })
			s.refused("JSON where a signed answer is configured", f.userInfoError(s), oauth.ErrResponse)
		})
	}
	for _, alg := range []string{"RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"} {
		t.add("userinfo encrypted", alg, func(s *scenario) {
			p := s.main(s).client(s, s.encryptedTo(alg, "A256GCM", "user.info", func(m *oauth.ClientMetadata, enc string) {
				m.UserinfoSignedResponseAlg, m.UserinfoEncryptedResponseAlg, m.UserinfoEncryptedResponseEnc = oauth.ES256, alg, enc
			}))
			f := s.code(p)
			f.requireEmail(s, "alice")
			f.party = p.as(s, func(q *party) { q.cfg.Decrypter = s.decrypter(newDecryptionKey(s, alg, "A256GCM")) })
			s.refused("with another key to decrypt", f.userInfoError(s), oauth.ErrDecrypt)
		})
		t.add("ID token encrypted", alg, func(s *scenario) {
			p := s.main(s).client(s, s.encryptedTo(alg, "A128CBC-HS256", "id.token", func(m *oauth.ClientMetadata, enc string) {
				m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc = alg, enc
			}))
			f := s.code(p)
			f.requireEmail(s, "alice")
			equal(s, strings.Count(f.token.IDTokenHint(), "."), 2, "dots in the hint, which is decrypted")
			q := p.as(s, func(q *party) { q.cfg.Decrypter = s.decrypter(newDecryptionKey(s, alg, "A128CBC-HS256")) })
			_, err := s.try(q)
			s.refused("with another key to decrypt", err, oauth.ErrDecrypt)
		})
	}
	for _, alg := range []oauth.Algorithm{oauth.RS256, oauth.PS384, oauth.ES384, oauth.ES512, oauth.EdDSA} {
		t.add("ID token signed", string(alg), func(s *scenario) {
			sp := spec{config: func(c *oauth.Config) { c.Metadata.IDTokenSignedResponseAlg = alg }}
			p := s.main(s).client(s, sp.attr("id.token.signed.response.alg", string(alg)))
			s.code(p).requireEmail(s, "alice")
			q := p.as(s, func(q *party) { q.cfg.Metadata.IDTokenSignedResponseAlg = oauth.ES256 })
			_, err := s.try(q)
			s.refused("where another algorithm is configured", err, oauth.ErrAlgorithm)
		})
	}
}

// bearer puts another token into a request.
func bearer(t *oauth.Token) func(*http.Request, url.Values) *http.Request {
	return func(r *http.Request, _ url.Values) *http.Request {
		r.Header.Set("Authorization", "Bearer "+t.AccessToken.Reveal())
		return r
	}
}

// introspect is what the server says about the access token of a flow.
func (f *flow) introspect(s *scenario) *oauth.Introspection {
	in, err := f.client.Introspect(s.ctx, f.token.AccessToken.Reveal(), nil)
	s.check(err, "Introspect")
	return in
}

// introspectError is why it says nothing.
func (f *flow) introspectError(s *scenario) error {
	_, err := f.client.Introspect(s.ctx, f.token.AccessToken.Reveal(), nil)
	return err
}
