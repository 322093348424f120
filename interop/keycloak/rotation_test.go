package keycloak

// This file rotates the keys of a realm between two requests.

import (
	"fmt"
	"io"
	"net/http"

	"example.com/oauth"
)

func rotationRows(t *table) {
	const kind = "key rotation"
	t.add(kind, "between two logins, and a key that is taken out", func(s *scenario) {
		k := s.rotating()
		p := k.client(s, spec{})
		f := s.code(p)
		before := headerOf(s, f.token.IDTokenHint())["kid"]
		k.rotate(s, oauth.ES256)
		g := s.code(p)
		g.requireEmail(s, "alice")
		s.require(headerOf(s, g.token.IDTokenHint())["kid"] != before, "the key is the one of before")
		verify := func() error {
			_, err := p.client.VerifyIDToken(s.ctx, f.token.IDTokenHint(), oauth.VerifyIDTokenOptions{InsecureNoNonce: true})
			return err
		}
		s.check(verify(), "VerifyIDToken") // the old key is passive
		k.takeOut(s, before.(string))
		s.check(k.keySet.Refresh(s.ctx), "Refresh")
		s.refused("a token of a key that was taken out", verify(), oauth.ErrKeyNotFound)
	})
	t.add(kind, "before an API sees a token", func(s *scenario) {
		k := s.rotating()
		p := k.client(s, spec{})
		rs := s.api(k.realm, nil)
		f := s.code(p)
		f.requireTaken(s, rs)
		before := headerOf(s, f.token.AccessToken.Reveal())["kid"].(string)
		k.rotate(s, oauth.ES256)
		g := s.code(p)
		g.requireTaken(s, rs)
		f.requireTaken(s, rs)
		k.takeOut(s, before)
		s.check(k.keySet.Refresh(s.ctx), "Refresh")
		f.requireNotTaken(s, rs, "a token of a key that was taken out", oauth.ErrKeyNotFound)
	})
	t.add(kind, "of signed userinfo", func(s *scenario) {
		k := s.rotating()
		sp := spec{config: func(c *oauth.Config) { c.Metadata.UserinfoSignedResponseAlg = oauth.PS256 }}
		p := k.client(s, sp.attr("user.info.response.signature.alg", "PS256"))
		f := s.code(p)
		f.requireEmail(s, "alice")
		k.rotate(s, oauth.PS256)
		f.requireEmail(s, "alice")
		// Who has no way to the keys of today does not take their signatures.
		frozen, err := k.frozen(s)
		s.check(err, "ParseKeySet")
		k.rotate(s, oauth.PS256)
		q := p.as(s, func(q *party) { q.cfg.KeySet = frozen })
		_, err = q.client.UserInfo(s.ctx, f.token, nil)
		s.refused("a key that is not in the set", err, oauth.ErrKeyNotFound)
	})
	t.add(kind, "between a login and its logout token", func(s *scenario) {
		k := s.rotating()
		p := k.client(s, s.backchannel(spec{}))
		f := s.code(p)
		k.rotate(s, oauth.ES256)
		f.logout(s)
		s.requireLogout(f, p.logoutToken(s))
	})
	t.add(kind, "of the key that requests are encrypted to", func(s *scenario) {
		k := s.rotating()
		sp := signedRequests(oauth.ES256).attr("request.object.encryption.alg", "RSA-OAEP-256").attr("request.object.encryption.enc", "A256GCM")
		k.provide(s, keyProvider("rsa-enc-generated", object{"algorithm": []string{"RSA-OAEP-256"}}))
		p := k.client(s, sp.also(func(c *oauth.Config) {
			c.Metadata.RequestObjectEncryptionAlg, c.Metadata.RequestObjectEncryptionEnc = "RSA-OAEP-256", "A256GCM"
		}))
		s.code(p, pushed).requireEmail(s, "alice")
		s.check(k.keySet.Refresh(s.ctx), "Refresh")
		kid := headerOf(s, p.wire.last(s, p.cfg.Server.PushedAuthorizationRequestEndpoint).form.Get("request"))["kid"].(string)
		k.provide(s, keyProvider("rsa-enc-generated", object{"algorithm": []string{"RSA-OAEP-256"}}))
		k.takeOut(s, kid)
		_, err := s.begin(p, pushed)
		s.refusedAs("a request to a key that was taken out", err, "invalid_request_object", "invalid_request")
		s.check(k.keySet.Refresh(s.ctx), "Refresh")
		s.code(p, pushed).requireEmail(s, "alice")
	})
}

// A rotation is a realm of one row, whose keys change.
type rotation struct {
	*realm
	priority int // of the newest provider of keys
}

func (s *scenario) rotating() *rotation {
	return &rotation{s.realm(s, "rotating-"+random(), nil, nil), 1000}
}

// provide adds a provider of keys.
func (k *rotation) provide(s *scenario, component object) {
	component["parentId"] = nil
	k.do(s, http.MethodPost, "/components", component, nil)
}

// rotate has the realm sign with a new key from now on.
func (k *rotation) rotate(s *scenario, alg oauth.Algorithm) {
	component := keyProvider("rsa-generated", object{"algorithm": []string{string(alg)}})
	if alg == oauth.ES256 {
		component = keyProvider("ecdsa-generated", object{"ecdsaEllipticCurveKey": []string{"P-256"}})
	}
	k.priority++ // of two with one priority it may be either
	component["config"].(object)["priority"] = []string{fmt.Sprint(k.priority)}
	k.provide(s, component)
}

// takeOut removes the provider of a key.
func (k *rotation) takeOut(s *scenario, kid string) {
	var all struct {
		Keys []struct {
			Kid        string
			ProviderID string `json:"providerId"`
		}
	}
	k.do(s, http.MethodGet, "/keys", nil, &all)
	for _, key := range all.Keys {
		if key.Kid == kid {
			k.do(s, http.MethodDelete, "/components/"+key.ProviderID, nil, nil)
			return
		}
	}
	s.fatalf("the realm has no key of that kid")
}

// frozen are the keys of the realm as they are now.
func (k *rotation) frozen(s *scenario) (*oauth.KeySet, error) {
	resp, err := (&http.Client{Transport: k.transport}).Do(s.request(http.MethodGet, k.metadata.JWKSURI))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return oauth.ParseKeySet(raw)
}
