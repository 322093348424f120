package interop

// This file holds access tokens of the server at the package's resource server:
// RFC 9068, alone and with DPoP.

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"example.com/oauth"
)

func accessTokenScenarios(t table) {
	for _, alg := range signingAlgorithms {
		t.add("RFC 9068 JWT access token "+alg+" for a resource indicator", jwtAccessToken(oauth.Algorithm(alg)))
	}
	t.add("JWT access token with DPoP: validateJwtAccessToken checks cnf.jkt and the proof", dpopAccessToken)
}

// forResource asks for a token for a resource, with the scope that it needs, by a
// login.
func forResource(resource string, o options) options {
	o.request = func(r *oauth.AuthorizationRequest) {
		r.Scope = append([]string{"openid"}, apiScope...)
		r.Resource = []string{resource}
	}
	o.grant = &oauth.GrantOptions{Resource: []string{resource}}
	return o
}

// jwtAccessToken has a resource server read the tokens of a user and of a client,
// and refuse what is signed with the same keys and is none of them.
func jwtAccessToken(alg oauth.Algorithm) scenarioFunc {
	return func(s *scenario) {
		resource := "https://rs.example/jwt/" + string(alg)
		f := s.code("tls", "basic", forResource(resource, options{}))
		header := headerOf(s, f.token.AccessToken.Reveal())
		equal(s, header.Alg, string(alg), "alg of the access token")
		equal(s, header.Typ, "at+jwt", "typ of the access token")

		only := func(algs ...oauth.Algorithm) oauth.ResourceServerConfig {
			server := oauth.TrustedServer{Server: f.server, Algorithms: algs}
			return oauth.ResourceServerConfig{Resource: resource, Servers: []oauth.TrustedServer{server}}
		}
		rs := s.resourceServer(only(alg))
		t := f.requireGood(s, rs, resource)
		equal(s, t.Subject(), "alice", "subject of the access token")
		cc := s.clientCredentials("cc", &oauth.GrantOptions{Resource: []string{resource}, Scope: apiScope})
		t = cc.requireGood(s, rs, resource)
		equal(s, t.Subject(), "cc", "subject of the access token of a client")

		// Whatever the configuration leaves to the package, and with a cache.
		cfg := oauth.ResourceServerConfig{Resource: resource, VerifiedTokens: 2}
		rs = s.resourceServer(cfg)
		for range 2 {
			f.requireGood(s, rs, resource)
		}
		f.requireHandled(s, rs, resource)

		raw := f.token.AccessToken.Reveal()
		other := oauth.ES256
		if alg == other {
			other = oauth.RS256
		}
		s.requireRefusedBy(s.resourceServer(only(other)), raw, "another algorithm", oauth.ErrAlgorithm)
		cfg.Resource = resource + "/"
		s.requireRefusedBy(s.resourceServer(cfg), raw, "another resource", oauth.ErrAudience)
		s.refusedOthers(f, rs, resource)
		s.refusedMinted(f, rs, alg)
	}
}

// requireGood ends the scenario unless the resource server takes the token of a
// flow and reads in it what its server says.
func (f *flow) requireGood(s *scenario, rs *oauth.ResourceServer, resource string) *oauth.AccessToken {
	t, err := rs.Authenticate(s.incoming(resource, "Bearer", f.token.AccessToken.Reveal()))
	s.check(err, "Authenticate")
	f.requireSameToken(s, t, resource)
	var claims struct {
		Sub, JTI string
	}
	s.check(t.Claims(&claims), "Claims of the access token")
	equal(s, t.Subject(), claims.Sub, "subject of the access token")
	equal(s, t.ID(), claims.JTI, "jti of the access token")
	s.require(t.ID() != "", "no jti in the access token")
	s.require(t.AuthTime().IsZero() && t.ACR() == "", "auth_time %v and acr %q, which the server does not say", t.AuthTime(), t.ACR())
	return t
}

// requireHandled ends the scenario unless the middleware lets the token through
// where its scope is enough, and says what is missing where not.
func (f *flow) requireHandled(s *scenario, rs *oauth.ResourceServer, resource string) {
	for scope, status := range map[string]int{"api:write": http.StatusOK, "api:admin": http.StatusForbidden} {
		var handled *oauth.AccessToken
		h := rs.Require(oauth.Requirement{Scope: []string{scope}}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			handled, _ = oauth.AccessTokenFromContext(r.Context())
		}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, s.incoming(resource, "Bearer", f.token.AccessToken.Reveal()))
		equal(s, w.Code, status, "status of the handler for "+scope)
		if status == http.StatusOK {
			s.require(handled != nil, "no AccessToken in the context")
			f.requireSameToken(s, handled, resource)
			continue
		}
		s.require(handled == nil, "the handler was called without %s", scope)
		c := challengeOf(s, oauth.ParseChallenges(w.Header()), "Bearer")
		equal(s, c.Params["error"], "insufficient_scope", "error of the challenge")
		equal(s, c.Params["scope"], scope, "scope of the challenge")
	}
}

// refusedOthers are the other JWTs that the server signs with the same keys: the
// ID token of the login, also at a resource that is called as the client is, and
// an access token of another issuer.
func (s *scenario) refusedOthers(f *flow, rs *oauth.ResourceServer, resource string) {
	id := f.idToken(s).Raw()
	s.requireRefusedBy(rs, id, "the ID token", oauth.ErrType)
	s.requireRefusedBy(
		s.resourceServer(oauth.ResourceServerConfig{Resource: f.reg.ClientID, BaseURL: "https://rs.example"}),
		id,
		"the ID token at its audience",
		oauth.ErrType,
	)

	p := s.setup("tenant", "cc", options{})
	token, err := p.client.ClientCredentials(s.ctx, &oauth.GrantOptions{Resource: []string{resource}, Scope: apiScope})
	s.check(err, "ClientCredentials")
	s.requireRefusedBy(rs, token.AccessToken.Reveal(), "a token of another issuer", oauth.ErrIssuer)
	both := s.resourceServer(oauth.ResourceServerConfig{Resource: resource, Servers: []oauth.TrustedServer{{Server: f.server}, {Server: p.server}}})
	(&flow{party: p, token: token}).requireGood(s, both, resource)
	f.requireGood(s, both, resource)
}

// refusedMinted has the server sign the claims of a good token again, with one
// change each.
func (s *scenario) refusedMinted(f *flow, rs *oauth.ResourceServer, alg oauth.Algorithm) {
	mint := func(header, changes map[string]any) string {
		var claims map[string]any
		decodeSegment(s, f.token.AccessToken.Reveal(), 1, &claims)
		for name, value := range changes {
			claims[name] = value
			if value == nil {
				delete(claims, name)
			}
		}
		var minted struct{ JWT string }
		s.control(http.MethodPost, "/mint", map[string]any{"alg": alg, "header": header, "payload": claims}, &minted)
		return minted.JWT
	}
	typ := map[string]any{"typ": "at+jwt"}
	for _, good := range []string{mint(typ, nil), mint(map[string]any{"typ": "application/AT+JWT"}, nil)} {
		_, err := rs.Authenticate(s.incoming("https://rs.example/", "Bearer", good))
		s.check(err, "a token that the server signed again")
	}
	s.requireRefusedBy(rs, mint(map[string]any{"typ": "JWT"}, nil), "typ JWT", oauth.ErrType)
	s.requireRefusedBy(rs, mint(nil, nil), "no typ", oauth.ErrType)
	for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
		s.requireRefusedBy(rs, mint(typ, map[string]any{name: nil}), "no "+name, oauth.ErrClaim)
	}
	now := time.Now().Unix()
	for name, c := range map[string]struct {
		value any
		kind  error
	}{
		"exp":    {now - 120, oauth.ErrExpired},
		"nbf":    {now + 120, oauth.ErrNotYetValid},
		"iss":    {f.server.Issuer + "/", oauth.ErrIssuer},
		"aud":    {[]string{"https://rs.example/", f.reg.ClientID}, oauth.ErrAudience},
		"events": {map[string]any{}, oauth.ErrType},
		"cnf":    {map[string]any{}, oauth.ErrBinding},
	} {
		s.requireRefusedBy(rs, mint(typ, map[string]any{name: c.value}), "another "+name, c.kind)
	}
}

// ---- DPoP

// dpopAccessToken begins with nothing but the URL of an API.
func dpopAccessToken(s *scenario) {
	a, stop := s.startAPI(oauth.ResourceServerConfig{RequireDPoP: true})
	defer stop()
	res, err := s.plain(a.url, "", "")
	s.check(err, "a request without a token")
	res.Body.Close()
	equal(s, res.StatusCode, http.StatusUnauthorized, "status of the API")
	challenges := oauth.ParseChallenges(res.Header)
	equal(s, len(challenges), 1, "number of challenges")
	c := challengeOf(s, challenges, "DPoP")
	equal(s, c.Params["error"], "", "error of the challenge")
	o := &oauth.DiscoverOptions{HTTPClient: s.desc.httpClient(), URL: c.Params["resource_metadata"]}
	meta, err := oauth.DiscoverResource(s.ctx, a.url, o)
	s.check(err, "DiscoverResource")
	s.require(meta.DPoPBoundAccessTokensRequired && slices.Equal(meta.ScopesSupported, apiScope), "the metadata of the API: %+v", meta)
	server, err := meta.Discover(s.ctx, "", o)
	s.check(err, "ResourceMetadata.Discover")
	equal(s, server.Issuer, s.desc.Issuers["tls"], "issuer")

	for _, alg := range []oauth.Algorithm{oauth.ES256, oauth.PS256, oauth.Ed25519} {
		f := s.code("tls", "dpop", forResource(meta.Resource, options{config: s.withKey(alg)}))
		equal(s, headerOf(s, f.token.AccessToken.Reveal()).Typ, "at+jwt", "typ of the access token")
		a.requireTaken(s, f)
		f.wire.requireStatuses(s, a.url, http.StatusOK)
		t, _ := a.latest()
		equal(s, t.Subject(), "alice", "subject of the access token")
		rt, err := f.client.NewTransport(f.token, oauth.TransportOptions{Origins: []string{originOf(a.url)}})
		s.check(err, "NewTransport")
		f.requireTaken(s, s.request(http.MethodPost, a.url, "hello"), (&http.Client{Transport: rt}).Do)
	}
	s.refusedProofs(a)
	s.nonceOfAPI()
}

// refusedProofs are those of a token of a good client that go wrong in one way
// each.
func (s *scenario) refusedProofs(a *api) {
	f := s.code("tls", "dpop", forResource(a.url, options{config: s.withKey(oauth.ES256)}))
	raw := f.token.AccessToken.Reveal()
	proof := func(d *oauth.DPoP, method, address, token string) string {
		p, err := d.Proof(method, s.request(method, address, "").URL, token)
		s.check(err, "Proof")
		return p
	}
	send := func(scheme, token string, proofs ...string) (*http.Response, error) {
		r := s.request(http.MethodGet, a.url, "")
		r.Header.Set("Authorization", scheme+" "+token)
		r.Header["Dpop"] = proofs
		return s.desc.httpClient().Do(r)
	}
	good := func() string { return proof(f.dpop, http.MethodGet, a.url, raw) }

	used := good()
	res, err := send("DPoP", raw, used)
	s.check(err, "a proof that was made by hand")
	res.Body.Close()
	equal(s, res.StatusCode, http.StatusOK, "status of the API")

	const badProof, badToken = "invalid_dpop_proof", "invalid_token"
	other := s.newDPoP(oauth.ES256)
	for _, c := range []struct {
		what, scheme, token string
		proofs              []string
		code                string
		kind                error
	}{
		{"replay", "DPoP", raw, []string{used}, badProof, oauth.ErrReplay},
		{"no proof", "DPoP", raw, nil, badProof, oauth.ErrClaim},
		{"two proofs", "DPoP", raw, []string{good(), good()}, badProof, oauth.ErrParse},
		{"another htu", "DPoP", raw, []string{proof(f.dpop, http.MethodGet, a.url+"/other", raw)}, badProof, oauth.ErrClaim},
		{"another origin", "DPoP", raw, []string{proof(f.dpop, http.MethodGet, s.desc.Issuers["tls"]+"/resource", raw)}, badProof, oauth.ErrClaim},
		{"another htm", "DPoP", raw, []string{proof(f.dpop, http.MethodPost, a.url, raw)}, badProof, oauth.ErrClaim},
		{"another ath", "DPoP", raw, []string{proof(f.dpop, http.MethodGet, a.url, "other")}, badProof, oauth.ErrClaim},
		{"no ath", "DPoP", raw, []string{proof(f.dpop, http.MethodGet, a.url, "")}, badProof, oauth.ErrClaim},
		{"another key", "DPoP", raw, []string{proof(other, http.MethodGet, a.url, raw)}, badToken, oauth.ErrBinding},
		{"as Bearer", "Bearer", raw, nil, badToken, oauth.ErrBinding},
		{"as Bearer with a proof", "Bearer", raw, []string{good()}, badToken, oauth.ErrBinding},
		{"the ID token", "DPoP", f.idToken(s).Raw(), []string{proof(f.dpop, http.MethodGet, a.url, f.idToken(s).Raw())}, badToken, oauth.ErrType},
	} {
		res, err := send(c.scheme, c.token, c.proofs...)
		s.check(err, c.what)
		res.Body.Close()
		equal(s, res.StatusCode, http.StatusUnauthorized, c.what+": status of the API")
		equal(s, challengeOf(s, oauth.ParseChallenges(res.Header), "DPoP").Params["error"], c.code, c.what+": error of the challenge")
		_, why := a.latest()
		s.require(errors.Is(why, c.kind), "%s: wanted %v, got: %v", c.what, c.kind, why)
	}

	// A token that is bound to nothing.
	cc := s.clientCredentials("cc", &oauth.GrantOptions{Resource: []string{a.url}, Scope: apiScope})
	res, err = cc.do(s.request(http.MethodGet, a.url, ""))
	s.check(err, "a bearer token")
	res.Body.Close()
	_, why := a.latest()
	s.require(res.StatusCode == http.StatusUnauthorized && errors.Is(why, oauth.ErrBinding), "a bearer token: status %d, %v", res.StatusCode, why)
	free, stop := s.startAPI(oauth.ResourceServerConfig{Resource: a.url})
	defer stop()
	free.requireTaken(s, cc)
	unbound := cc.token.AccessToken.Reveal()
	proven := []string{proof(other, http.MethodGet, free.url, unbound)}
	for _, c := range []struct {
		scheme string
		proofs []string
	}{{"DPoP", nil}, {"DPoP", proven}, {"Bearer", proven}} {
		r := s.request(http.MethodGet, free.url, "")
		r.Header.Set("Authorization", c.scheme+" "+unbound)
		r.Header["Dpop"] = c.proofs
		res, err = s.desc.httpClient().Do(r)
		free.requireRefused(s, res, err, c.scheme, "invalid_token", oauth.ErrBinding)
	}
}

// nonceOfAPI: the client is told the nonce with the first answer, and asks once
// more; from then on it has one.
func (s *scenario) nonceOfAPI() {
	nonceKey := []byte("0123456789abcdef0123456789abcdef")
	a, stop := s.startAPI(oauth.ResourceServerConfig{DPoPNonceKeys: [][]byte{nonceKey}})
	defer stop()
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	s.check(err, "GenerateSigningKey")
	f := s.code("tls", "dpop", forResource(a.url, options{config: withDPoP(s.dpopOf(key))}))
	const ok, again = http.StatusOK, http.StatusUnauthorized
	for _, want := range [][]int{{again, ok}, {again, ok, ok}} {
		f.requireTaken(s, s.request(http.MethodPost, a.url, "hello"), f.do)
		f.wire.requireStatuses(s, a.url, want...)
	}
	t, _ := a.latest()
	f.requireSameToken(s, t, a.url)

	// Made with the same key, by what has seen no answer.
	raw := f.token.AccessToken.Reveal()
	r := s.request(http.MethodGet, a.url, "")
	proof, err := s.dpopOf(key).Proof(http.MethodGet, r.URL, raw)
	s.check(err, "Proof")
	r.Header.Set("Authorization", "DPoP "+raw)
	r.Header.Set("DPoP", proof)
	res, err := s.desc.httpClient().Do(r)
	a.requireRefused(s, res, err, "DPoP", "use_dpop_nonce", oauth.ErrNonce)
	s.require(res.Header.Get("DPoP-Nonce") != "", "no DPoP-Nonce in the answer")
}
