package interop

// This file holds protected resources: tokens that are presented there, and
// certificate-bound ones.

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"example.com/oauth"
)

func resourceScenarios(t table) {
	t.add("mTLS certificate-bound token: cnf x5t#S256 in introspection, resource accepts only with the certificate", certificateBound)
	t.add("resource without a token: challenges carry resource_metadata", resourceChallenges)
}

// resource is the protected resource of the server that a client asks: with a
// certificate where the server wants one.
func (p *party) resource(s *scenario) string {
	if p.reg.Cert != "" {
		return s.desc.MTLSBase + "/resource"
	}
	return originOf(p.server.Issuer) + "/resource"
}

// A resourceAnswer is what the resource says about a request that it takes.
type resourceAnswer struct {
	OK                   bool
	Method, Scheme, Body string
	Token                struct {
		ClientID string `json:"client_id"`
		Cnf      struct {
			JKT string
			X5T string `json:"x5t#S256"`
		}
	}
}

// callResource presents the token twice, by Client.Do and through a Transport,
// with requests that have a query and a body.
func (f *flow) callResource(s *scenario) {
	resource := f.resource(s)
	get := s.request(http.MethodGet, resource+"?a=b%20c&a", "")
	f.requireTaken(s, get, f.do)
	equal(s, len(get.Header), 0, "number of header fields of the caller's request")

	rt, err := f.client.NewTransport(f.token, oauth.TransportOptions{Origins: []string{originOf(resource)}})
	s.check(err, "NewTransport")
	f.requireTaken(s, s.request(http.MethodPost, resource, "hello"), (&http.Client{Transport: rt}).Do)
	equal(s, rt.Token().AccessToken.Reveal(), f.token.AccessToken.Reveal(), "token of the Transport")
}

// do presents the token by Client.Do.
func (f *flow) do(r *http.Request) (*http.Response, error) { return f.client.Do(r, f.token) }

// request makes one for a resource. An empty body is none.
func (s *scenario) request(method, address, body string) *http.Request {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(s.ctx, method, address, content)
	s.check(err, address)
	return r
}

// requireTaken ends the scenario unless the resource takes the token, as one of
// this client and bound to what it has.
func (f *flow) requireTaken(s *scenario, r *http.Request, send func(*http.Request) (*http.Response, error)) {
	body := ""
	if r.GetBody != nil {
		content, err := r.GetBody()
		s.check(err, "GetBody")
		raw, err := io.ReadAll(content)
		s.check(err, "the body of the request")
		body = string(raw)
	}
	res, err := send(r)
	s.check(err, r.URL.String())
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	s.check(err, r.URL.String())
	s.require(res.StatusCode == http.StatusOK, "the resource refused %s %s with %d: %s", r.Method, r.URL, res.StatusCode, raw)

	var answer resourceAnswer
	s.check(json.Unmarshal(raw, &answer), r.URL.String())
	equal(s, answer.Method, r.Method, "method at the resource")
	equal(s, answer.Body, body, "body at the resource")
	equal(s, answer.Scheme, f.tokenType(), "scheme at the resource")
	equal(s, answer.Token.ClientID, f.reg.ClientID, "client of the token at the resource")
	equal(s, answer.Token.Cnf.X5T, f.boundTo(s), "x5t#S256 of the token at the resource")
	equal(s, answer.Token.Cnf.JKT, f.keyThumbprint(), "jkt of the token at the resource")
}

// requireRefused ends the scenario unless the resource knows nothing of the
// token.
func (f *flow) requireRefused(s *scenario) {
	res, err := f.do(s.request(http.MethodGet, f.resource(s), ""))
	s.requireChallenge(res, err, f.tokenType(), "invalid_token")
}

// requireChallenge ends the scenario unless the answer is a 401 whose challenge
// of that scheme has the error, and whose other one has none. Both say where
// the metadata of the resource is.
func (s *scenario) requireChallenge(res *http.Response, err error, scheme, code string) {
	s.check(err, "a refused request")
	res.Body.Close()
	equal(s, res.StatusCode, http.StatusUnauthorized, "status of the resource")
	challenges := oauth.ParseChallenges(res.Header)
	equal(s, len(challenges), 2, "number of challenges")
	for _, other := range []string{"Bearer", "DPoP"} {
		c := challengeOf(s, challenges, other)
		want := ""
		if other == scheme {
			want = code
		}
		equal(s, c.Params["error"], want, "error of the challenge "+other)
		s.require(c.Params["resource_metadata"] != "", "no resource_metadata in the challenge %s", other)
	}
	s.require(challengeOf(s, challenges, "DPoP").Params["algs"] != "", "no algs in the challenge DPoP")
}

// challengeOf is the one challenge of a scheme.
func challengeOf(s *scenario, challenges []oauth.Challenge, scheme string) oauth.Challenge {
	for _, c := range challenges {
		if c.HasScheme(scheme) {
			return c
		}
	}
	s.fatalf("no challenge %s among %v", scheme, challenges)
	panic("unreachable")
}

// plain sends a request with a token by hand, and without a proof.
func (s *scenario) plain(address, scheme, token string) (*http.Response, error) {
	r := s.request(http.MethodGet, address, "")
	if scheme != "" {
		r.Header.Set("Authorization", scheme+" "+token)
	}
	return s.desc.httpClient().Do(r)
}

// certificateBound: the token is of use on connections with the certificate
// alone, whoever presents it.
func certificateBound(s *scenario) {
	f := s.code("tls", "tls-subject-dn", options{})
	s.require(f.boundTo(s) != "", "the client is not registered for bound tokens")
	f.introspect(s)
	f.callResource(s)

	// The address that asks for no certificate.
	address := s.desc.Issuers["tls"] + "/resource"
	res, err := f.do(s.request(http.MethodGet, address, ""))
	s.requireChallenge(res, err, "Bearer", "invalid_token")
	// No certificate where one is asked for.
	res, err = s.plain(f.resource(s), "Bearer", f.token.AccessToken.Reveal())
	s.requireChallenge(res, err, "Bearer", "invalid_token")
	// Another one.
	other, err := s.desc.certificate("tls-other")
	s.check(err, "client certificate")
	thief := s.setup("tls", "tls-subject-dn", options{config: func(c *oauth.Config) { c.MTLS.Certificate = other }})
	res, err = thief.client.Do(s.request(http.MethodGet, f.resource(s), ""), f.token)
	s.requireChallenge(res, err, "Bearer", "invalid_token")
	_, err = thief.client.UserInfo(s.ctx, f.token, nil)
	s.requireResponseError(err, http.StatusUnauthorized, "invalid_token")
	s.certificateBoundAtAPI(thief)

	// This server binds a token to one thing only, and says so. A key goes with a
	// certificate that only authenticates the client; the proofs are then for the
	// server's aliases.
	_, err = s.tryCode("tls", "bound-public", options{config: s.withKey(oauth.ES256)})
	s.requireResponseError(err, http.StatusBadRequest, "invalid_request")
	f = s.full("tls", "tls-self-rsa", options{config: s.withKey(oauth.ES256)})
	f.requireAliases(s)
	claims := proofOf(s, f.wire.last(s, f.server.MTLSEndpointAliases.TokenEndpoint).proof)
	equal(s, claims.HTU, f.server.MTLSEndpointAliases.TokenEndpoint, "htu of the proof")
}

// judged starts an API that takes tokens for a resource of the server, and gets a
// token of each kind for it: one that the server has to be asked about, and a JWT.
func (s *scenario) judged(id, resource string, o options) (a *api, opaque, signed *flow, stop func()) {
	cfg := oauth.ResourceServerConfig{Resource: resource, Introspect: s.setup("tls", "basic", options{}).client}
	a, stop = s.startAPI(cfg)
	signed = s.code("tls", id, forResource(resource, o))
	o.request = func(r *oauth.AuthorizationRequest) { r.Scope = append([]string{"openid"}, apiScope...) }
	opaque = s.code("tls", id, o)
	s.require(opaque.opaque() && !signed.opaque(), "the tokens are not one of each kind")
	return a, opaque, signed, stop
}

// certificateBoundAtAPI is the same at a resource of the package.
func (s *scenario) certificateBoundAtAPI(thief *party) {
	resource := thief.resource(s)
	a, opaque, signed, stop := s.judged(thief.reg.ClientID, resource, options{})
	defer stop()
	for _, f := range []*flow{opaque, signed} {
		f.callResource(s)
		a.requireTaken(s, f)
		a.requireAgreed(s, resource, func(address string) (*http.Response, error) {
			return s.plain(address, "Bearer", f.token.AccessToken.Reveal())
		}, "Bearer", oauth.ErrBinding)
		a.requireAgreed(s, resource, func(address string) (*http.Response, error) {
			return thief.client.Do(s.request(http.MethodGet, address, ""), f.token)
		}, "Bearer", oauth.ErrBinding)
	}
	opaque.revoke(s)
	a.requireAgreed(s, resource, func(address string) (*http.Response, error) {
		return opaque.do(s.request(http.MethodGet, address, ""))
	}, "Bearer", oauth.ErrInactive)
}

// resourceChallenges begins with nothing but the address of a resource, and
// ends with a token that it takes.
func resourceChallenges(s *scenario) {
	resource := s.desc.Issuers["tls"] + "/resource"
	res, err := s.plain(resource, "", "")
	s.requireChallenge(res, err, "", "")

	p := s.setup("tls", "cc", options{})
	f := &flow{party: p, token: &oauth.Token{TokenType: "Bearer", AccessToken: oauth.NewSecret("bad.token")}}
	res, err = f.do(s.request(http.MethodGet, resource, ""))
	s.requireChallenge(res, err, "Bearer", "invalid_token")

	o := &oauth.DiscoverOptions{
		HTTPClient: s.desc.httpClient(),
		URL:        challengeOf(s, oauth.ParseChallenges(res.Header), "Bearer").Params["resource_metadata"],
	}
	meta, err := oauth.DiscoverResource(s.ctx, resource, o)
	s.check(err, "DiscoverResource")
	equal(s, meta.Resource, resource, "resource")
	server, err := meta.Discover(s.ctx, "", &oauth.DiscoverOptions{HTTPClient: s.desc.httpClient()})
	s.check(err, "ResourceMetadata.Discover")

	f.party = s.setup("tls", "cc", options{config: func(c *oauth.Config) { c.Server = server }})
	f.token, err = f.client.ClientCredentials(s.ctx, &oauth.GrantOptions{Resource: []string{meta.Resource}, Scope: []string{"api:read"}})
	s.check(err, "ClientCredentials")
	f.callResource(s)
	s.challengesOfAPI(resource)
	s.introspectingAPI()
}

// challengesOfAPI is the same at a resource of the package.
func (s *scenario) challengesOfAPI(resource string) {
	a, stop := s.startAPI(oauth.ResourceServerConfig{})
	defer stop()
	a.requireAgreed(s, resource, func(address string) (*http.Response, error) {
		return s.plain(address, "", "")
	}, "", oauth.ErrNoCredentials)
	a.requireAgreed(s, resource, func(address string) (*http.Response, error) {
		return s.plain(address, "Bearer", "bad.token")
	}, "Bearer", oauth.ErrParse)
	a.requireAgreed(s, resource, func(address string) (*http.Response, error) {
		return s.plain(address, "bearer", "bad.bad.bad")
	}, "Bearer", oauth.ErrParse)

	res, err := s.plain(a.url, "", "")
	s.check(err, "a request without a token")
	res.Body.Close()
	c := challengeOf(s, oauth.ParseChallenges(res.Header), "Bearer")
	o := &oauth.DiscoverOptions{HTTPClient: s.desc.httpClient(), URL: c.Params["resource_metadata"]}
	meta, err := oauth.DiscoverResource(s.ctx, a.url, o)
	s.check(err, "DiscoverResource")
	server, err := meta.Discover(s.ctx, "", o)
	s.check(err, "ResourceMetadata.Discover")
	p := s.setup("tls", "cc", options{config: func(c *oauth.Config) { c.Server = server }})
	for _, scope := range []string{c.Params["scope"], "api:read"} {
		grant := &oauth.GrantOptions{Resource: []string{meta.Resource}, Scope: strings.Fields(scope)}
		f := &flow{party: p}
		f.token, err = p.client.ClientCredentials(s.ctx, grant)
		s.check(err, "ClientCredentials")
		if len(grant.Scope) == len(apiScope) {
			a.requireTaken(s, f)
			continue
		}
		res, err := f.do(s.request(http.MethodGet, a.url, ""))
		s.check(err, "a token of too little scope")
		res.Body.Close()
		equal(s, res.StatusCode, http.StatusForbidden, "status of the API")
		c := challengeOf(s, oauth.ParseChallenges(res.Header), "Bearer")
		equal(s, c.Params["error"], "insufficient_scope", "error of the challenge")
		equal(s, c.Params["scope"], strings.Join(apiScope, " "), "scope of the challenge")
		_, why := a.latest()
		s.require(errors.Is(why, oauth.ErrScope), "wanted ErrScope, got: %v", why)
	}
}

// introspectingAPI asks about the tokens that are no JWTs, and without Servers about
// all. The answer comes as JSON and signed; either way the audience is that of the
// token.
func (s *scenario) introspectingAPI() {
	f := s.clientCredentials("cc", &oauth.GrantOptions{Resource: []string{opaqueResource}, Scope: apiScope})
	signed := s.clientCredentials("cc", &oauth.GrantOptions{Resource: []string{"https://rs.example/jwt/ES256"}, Scope: apiScope})
	raw, jwt := f.token.AccessToken.Reveal(), signed.token.AccessToken.Reveal()
	s.requireRefusedBy(s.resourceServer(oauth.ResourceServerConfig{Resource: opaqueResource}), raw, "nobody to ask", oauth.ErrParse)
	for _, id := range []string{"basic", "intro-ES256"} {
		p := s.setup("tls", id, options{})
		asking := func(resource string, servers ...oauth.TrustedServer) *oauth.ResourceServer {
			// Empty, and not nil: no servers, and not those of the scenarios.
			return s.resourceServer(oauth.ResourceServerConfig{Resource: resource, Introspect: p.client, Servers: append([]oauth.TrustedServer{}, servers...)})
		}
		s.requireRefusedBy(asking(opaqueResource, oauth.TrustedServer{Server: p.server}), jwt, "a JWT for another resource", oauth.ErrAudience)
		p.wire.requireSilent(s)
		t, err := asking(opaqueResource).Authenticate(s.incoming(opaqueResource, "Bearer", raw))
		s.check(err, "Authenticate")
		f.requireSameToken(s, t, opaqueResource)
		s.requireRefusedBy(asking("https://rs.example/other"), raw, "another resource", oauth.ErrAudience)
		s.requireRefusedBy(asking(opaqueResource), "garbage", "garbage", oauth.ErrInactive)

		// Of a JWT this server says nothing, be it its own: the answer is the error
		// unsupported_token_type, and not active=false.
		s.requireRefusedBy(asking("https://rs.example/jwt/ES256"), jwt, "a JWT of the server", oauth.ErrInactive)
		s.requireRefusedBy(asking(opaqueResource), "eyJhbGciOiJFUzI1NiJ9.e30.AA", "a JWT of nobody", oauth.ErrInactive)
	}
}
