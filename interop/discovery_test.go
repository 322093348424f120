package interop

// This file holds discovery and the server's key set.

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"example.com/oauth"
)

func discoveryScenarios(t table) {
	kinds := map[string]bool{"oidc": false, "oauth2": true}
	for name, kind := range kinds {
		for _, instance := range []string{"http", "tls", "tenant", "nonce"} {
			t.add("discovery "+name+" "+instance, discovery(instance, kind))
		}
	}
	t.add("discovery wrong issuer is refused", discoveryWrongIssuer)
	t.add("jwks: several keys of one kty, strict kid selection", keySelection)
}

func discovery(instance string, kind bool) scenarioFunc {
	return func(s *scenario) {
		server, err := s.desc.discover(s.ctx, instance, kind)
		s.check(err, "Discover")
		equal(s, server.Issuer, s.desc.Issuers[instance], "issuer")
		endpoints := map[string]string{
			"authorization": server.AuthorizationEndpoint,
			"token":         server.TokenEndpoint,
			"userinfo":      server.UserinfoEndpoint,
			"jwks":          server.JWKSURI,
		}
		for name, endpoint := range endpoints {
			s.require(endpoint != "", "the metadata has no %s endpoint", name)
		}
	}
}

// discoveryWrongIssuer reads the document of one issuer for another.
func discoveryWrongIssuer(s *scenario) {
	server, err := oauth.Discover(s.ctx, "https://localhost:1", &oauth.DiscoverOptions{
		URL:        s.desc.Issuers["tls"] + "/.well-known/openid-configuration",
		HTTPClient: s.desc.httpClient(),
	})
	s.require(errors.Is(err, oauth.ErrIssuer), "wanted ErrIssuer, got: %v", err)
	s.require(server == nil, "metadata beside an error")
}

// keySelection has the server sign ID tokens whose kid names this key or that.
// Its key set has RSA keys for signing and for encryption, and EC keys of
// several curves.
func keySelection(s *scenario) {
	p := s.setup("tls", "basic", options{})
	s.require(s.publishedKeys(p.server.JWKSURI) >= 8, "the key set has fewer keys than expected")

	verify := func(kid string) (*oauth.IDToken, error) {
		raw := s.mintIDToken(p, kid)
		return p.client.VerifyIDToken(s.ctx, raw, oauth.VerifyIDTokenOptions{Nonce: "n-1"})
	}
	id, err := verify("as-rsa")
	s.check(err, "a token signed with the key that kid names")
	equal(s, id.Subject(), "alice", "sub")
	equal(s, id.Nonce(), "n-1", "nonce")

	_, err = verify("as-p256")
	s.require(errors.Is(err, oauth.ErrKeyNotFound), "kid of an EC key on RS256: wanted ErrKeyNotFound, got: %v", err)
	_, err = verify("as-enc-rsa")
	s.require(errors.Is(err, oauth.ErrKeyNotFound), "kid of an encryption key: wanted ErrKeyNotFound, got: %v", err)
	_, err = verify("as-other")
	s.require(errors.Is(err, oauth.ErrKeyNotFound), "unknown kid: wanted ErrKeyNotFound, got: %v", err)
}

// publishedKeys counts the keys of a key set.
func (s *scenario) publishedKeys(jwksURI string) int {
	var set struct{ Keys []json.RawMessage }
	s.exchangeJSON(http.MethodGet, jwksURI, nil, &set)
	return len(set.Keys)
}

// mintIDToken has the server sign an ID token for the client with its RSA key,
// under a kid of ours.
func (s *scenario) mintIDToken(p *party, kid string) string {
	now := time.Now().Unix()
	var minted struct{ JWT string }
	s.control(http.MethodPost, "/mint", map[string]any{
		"alg":    "RS256",
		"header": map[string]any{"kid": kid},
		"payload": map[string]any{
			"iss": p.server.Issuer, "sub": "alice", "aud": p.reg.ClientID,
			"iat": now, "exp": now + 60, "nonce": "n-1",
		},
	}, &minted)
	return minted.JWT
}
