package interop

// This file holds client authentication, each way with a whole code flow.

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

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

// An attester vouches for the key of a client's instance.
type attester struct {
	issuer        string
	key, instance *oauth.SigningKey
}

// newAttester has the keys that the server made.
func (s *scenario) newAttester() *attester {
	a := &attester{issuer: s.desc.Attestation.Issuer}
	var err error
	a.key, err = oauth.ParseSigningKey(s.desc.Attestation.AttesterJWK, oauth.ES256, "")
	s.check(err, "the attester's key")
	a.instance, err = oauth.ParseSigningKey(s.desc.Attestation.InstanceJWK, oauth.ES256, "")
	s.check(err, "the instance's key")
	return a
}

// attest is what the attester says of a key.
func (a *attester) attest(id string, key *oauth.SigningKey) (string, error) {
	now := time.Now().Unix()
	return a.key.SignJWT("oauth-client-attestation+jwt", map[string]any{
		"iss": a.issuer, "sub": id, "iat": now, "exp": now + 300, "cnf": map[string]any{"jwk": key.PublicJWK()},
	})
}

// instanceOf has an attestation made for every attempt.
func (a *attester) instanceOf(id string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return a.attest(id, a.instance) }
}

// attestedClient is refused with another challenge than the server's, and goes on
// with the one that it is told.
func attestedClient(s *scenario) {
	a := s.newAttester()
	o := options{request: pushed, config: func(c *oauth.Config) {
		c.Auth = oauth.AttestJWTClientAuth(a.instance, a.instanceOf("attest"))
	}}
	f := s.full("tls", "attest", o)
	s.requirePushed(f)
	s.require(f.wire.count(f.server.ChallengeEndpoint) == 1, "the challenge was asked for %d times", f.wire.count(f.server.ChallengeEndpoint))
	f.wire.requireStatuses(s, f.server.PushedAuthorizationRequestEndpoint, http.StatusCreated)

	stale := func(told bool) func(http.RoundTripper, *http.Request) (*http.Response, error) {
		return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(r)
			switch {
			case err != nil:
			case r.URL.String() == f.server.ChallengeEndpoint:
				resp.Body.Close()
				resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(`{"attestation_challenge":"stale"}`)), -1
			case !told:
				resp.Header.Del("OAuth-Client-Attestation-Challenge")
			}
			return resp, err
		}
	}
	o.around = stale(true)
	again := s.full("tls", "attest", o)
	s.requirePushed(again)
	again.wire.requireStatuses(s, f.server.PushedAuthorizationRequestEndpoint, http.StatusBadRequest, http.StatusCreated)
	s.require(again.wire.count(f.server.ChallengeEndpoint) == 1, "the challenge was asked for %d times", again.wire.count(f.server.ChallengeEndpoint))

	o.around = stale(false)
	p := s.setup("tls", "attest", o)
	pending, err := p.client.StartAuthorization(s.ctx, s.authorizationRequest(p, o))
	s.requireResponseError(err, http.StatusBadRequest, "use_attestation_challenge")
	s.require(pending == nil, "an Authorization beside an error")
	// Not told of another, the package asks for one, once.
	p.wire.requireStatuses(s, f.server.PushedAuthorizationRequestEndpoint, http.StatusBadRequest, http.StatusBadRequest)
	s.require(p.wire.count(f.server.ChallengeEndpoint) == 2, "the challenge was asked for %d times", p.wire.count(f.server.ChallengeEndpoint))
}
