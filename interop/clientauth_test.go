package interop

// This file holds client authentication, each way with a whole code flow.

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"example.com/oauth"
)

func clientAuthScenarios(t table) {
	for _, instance := range []string{"http", "tls", "tenant"} {
		for _, id := range []string{"basic", "basic:enc +%", "post", "public"} {
			t.add("code "+id+" "+instance, full(instance, id, options{}))
		}
	}
	for _, alg := range hmacAlgorithms {
		t.add("code client_secret_jwt "+alg, full("tls", "csjwt-"+alg, options{}))
	}
	for _, alg := range signingAlgorithms {
		t.add("code private_key_jwt "+alg, full("tls", "pkjwt-"+alg, options{}))
	}
	for _, id := range []string{
		"tls-subject-dn", "tls-san-dns", "tls-san-uri", "tls-san-ip", "tls-san-email",
		"tls-self-ec", "tls-self-rsa", "bound-basic", "bound-public",
	} {
		t.add("code mTLS "+id, mutualTLS(id))
	}
	t.add("mTLS wrong certificate is invalid_client", wrongCertificate)
	t.add("wrong secret is invalid_client with 401 Basic challenge", wrongSecret)
	t.add("attestation-based client authentication (attest_jwt_client_auth) with server challenge", attestedClient)
}

// mutualTLS is a flow with a client certificate: everything that needs it goes
// to the server's aliases, and nothing else does.
func mutualTLS(id string) scenarioFunc {
	return func(s *scenario) {
		f := s.full("tls", id, options{})
		f.requireAliases(s)
	}
}

// requireAliases ends the scenario unless a whole flow asked for everything
// where the server wants a certificate.
func (f *flow) requireAliases(s *scenario) {
	aliases := f.server.MTLSEndpointAliases
	s.require(aliases != nil, "the metadata has no mtls_endpoint_aliases")
	s.require(hostOf(aliases.TokenEndpoint) == hostOf(s.desc.MTLSBase), "the alias of the token endpoint is %q", aliases.TokenEndpoint)
	for _, endpoint := range []string{
		aliases.TokenEndpoint, aliases.UserinfoEndpoint, aliases.IntrospectionEndpoint, aliases.RevocationEndpoint,
	} {
		s.require(f.wire.count(endpoint) > 0, "nothing was asked of %q", endpoint)
	}
	for _, e := range f.wire.exchanges() {
		if e.url.String() == f.server.JWKSURI {
			continue // public, and no alias exists for it
		}
		s.require(e.url.Host == hostOf(s.desc.MTLSBase), "%s %s is not the alias", e.method, e.url)
	}
}

// originOf is scheme and host of an address.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func wrongCertificate(s *scenario) {
	other, err := s.desc.certificate("tls-other")
	s.check(err, "client certificate")
	_, err = s.tryCode("tls", "tls-subject-dn", options{
		config: func(c *oauth.Config) { c.MTLS.Certificate = other },
	})
	s.requireResponseError(err, http.StatusUnauthorized, "invalid_client")
}

func wrongSecret(s *scenario) {
	_, err := s.tryCode("tls", "basic", options{
		config: func(c *oauth.Config) { c.Auth = oauth.ClientSecretBasic("nope") },
	})
	refused := s.requireResponseError(err, http.StatusUnauthorized, "invalid_client")
	for _, challenge := range refused.Challenges {
		if strings.EqualFold(challenge.Scheme, "Basic") {
			return
		}
	}
	s.fatalf("no Basic challenge among %v", refused.Challenges)
}

// attestation is attest_jwt_client_auth, which is for a ClientAuth of the
// program's own: the attester vouches for the key of the client's instance, and
// that key signs the server's challenge.
type attestation struct {
	issuer             string
	attester, instance *oauth.SigningKey
	instanceJWK        json.RawMessage // public
	challenge          string
}

func (a *attestation) Authenticate(_ context.Context, r *oauth.ClientAuthRequest) error {
	now := r.Now.Unix()
	attested, err := a.attester.SignJWT("oauth-client-attestation+jwt", map[string]any{
		"iss": a.issuer, "sub": r.ClientID, "iat": now, "exp": now + 300,
		"cnf": map[string]any{"jwk": a.instanceJWK},
	})
	if err != nil {
		return err
	}
	proof, err := a.instance.SignJWT("oauth-client-attestation-pop+jwt", map[string]any{
		"iss": r.ClientID, "aud": r.Server.Issuer, "iat": now, "jti": rand.Text(), "challenge": a.challenge,
	})
	if err != nil {
		return err
	}
	r.Form.Set("client_id", r.ClientID)
	r.Header.Set("OAuth-Client-Attestation", attested)
	r.Header.Set("OAuth-Client-Attestation-PoP", proof)
	return nil
}

// newAttestation has the keys that the server made, and its present challenge.
func (s *scenario) newAttestation() *attestation {
	a := &attestation{issuer: s.desc.Attestation.Issuer}
	var err error
	a.attester, err = oauth.ParseSigningKey(s.desc.Attestation.AttesterJWK, oauth.ES256, "")
	s.check(err, "the attester's key")
	a.instance, err = oauth.ParseSigningKey(s.desc.Attestation.InstanceJWK, oauth.ES256, "")
	s.check(err, "the instance's key")
	var public struct{ Kty, Crv, X, Y string }
	s.check(json.Unmarshal(s.desc.Attestation.InstanceJWK, &public), "the instance's key")
	a.instanceJWK = mustJSON(map[string]string{"kty": public.Kty, "crv": public.Crv, "x": public.X, "y": public.Y})

	server, err := s.desc.server("tls")
	s.check(err, "discovery")
	var endpoint string
	s.check(json.Unmarshal(server.Extra["challenge_endpoint"], &endpoint), "challenge_endpoint of the metadata")
	var answer struct {
		Challenge string `json:"attestation_challenge"`
	}
	s.exchangeJSON(http.MethodPost, endpoint, nil, &answer)
	s.require(answer.Challenge != "", "no challenge")
	a.challenge = answer.Challenge
	return a
}

// attestedClient is refused with another challenge than the server's.
func attestedClient(s *scenario) {
	a := s.newAttestation()
	o := options{request: pushed, config: func(c *oauth.Config) { c.Auth = a }}
	s.requirePushed(s.full("tls", "attest", o))

	a.challenge = "stale"
	p := s.setup("tls", "attest", o)
	pending, err := p.client.StartAuthorization(s.ctx, s.authorizationRequest(p, o))
	s.requireResponseError(err, http.StatusBadRequest, "use_attestation_challenge")
	s.require(pending == nil, "an Authorization beside an error")
}
