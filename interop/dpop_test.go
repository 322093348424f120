package interop

// This file holds DPoP (RFC 9449).

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/oauth"
)

func dpopScenarios(t table) {
	for _, alg := range signingAlgorithms {
		if alg != "EdDSA" { // the list of scenarios has Ed25519, the same under its own name
			t.add("DPoP proof "+alg+": PAR, token, userinfo, refresh, resource", dpopProof(oauth.Algorithm(alg)))
		}
	}
	t.add("DPoP public client: refresh token is bound to the key", dpopRefresh)
	t.add("DPoP dpop_jkt of another key is invalid_grant", dpopOtherCode)
	for _, instance := range []string{"nonce", "nonceHttp"} {
		t.add("DPoP nonce required by AS and RS ("+instance+"): use_dpop_nonce then success", dpopNonce(instance))
	}
	t.add("DPoP nonce on PAR", dpopNoncePushed)
	t.add("DPoP without nonce: the raw error is use_dpop_nonce + DPoP-Nonce header", dpopNonceError)
	t.add("DPoP-bound token sent as Bearer: 401 with Bearer and DPoP challenges", dpopAsBearer)
	t.add("client_credentials + DPoP", dpopClientCredentials)
	t.add("device flow with DPoP", dpopDevice)
	t.add("attestation-based client authentication, DPoP combined mode", dpopAttested)
	t.add("FAPI 2.0 security profile: PAR + private_key_jwt + DPoP", fapi2DPoP)
	t.add("FAPI 2.0 message signing: JAR in PAR, JARM, signed introspection, DPoP", fapi2MessageSigning)
}

// newDPoP has a new key.
func (s *scenario) newDPoP(alg oauth.Algorithm) *oauth.DPoP {
	key, err := oauth.GenerateSigningKey(alg)
	s.check(err, "GenerateSigningKey")
	return s.dpopOf(key)
}

func (s *scenario) dpopOf(key *oauth.SigningKey) *oauth.DPoP {
	d, err := oauth.NewDPoP(key, oauth.Clock{})
	s.check(err, "NewDPoP")
	return d
}

// withKey has tokens bound to a new key.
func (s *scenario) withKey(alg oauth.Algorithm) func(*oauth.Config) {
	return withDPoP(s.newDPoP(alg))
}

func withDPoP(d *oauth.DPoP) func(*oauth.Config) {
	return func(c *oauth.Config) { c.DPoP = d }
}

// keyThumbprint is that of the key that the client's tokens are bound to, or "".
func (p *party) keyThumbprint() string {
	if p.dpop == nil {
		return ""
	}
	return p.dpop.Thumbprint()
}

// dpopProof is a whole flow. Where RFC 9449 has a proof there is one, each of
// its own, and at the other endpoints there is none.
func dpopProof(alg oauth.Algorithm) scenarioFunc {
	return func(s *scenario) {
		f := s.full("tls", "dpop", options{request: pushed, config: s.withKey(alg)})
		s.requirePushed(f)
		f.requireProofs(s, alg)

		// Not pushed, and under the older name of the algorithm.
		if alg == oauth.Ed25519 {
			alg = oauth.EdDSA
		}
		f = s.code("tls", "dpop", options{config: s.withKey(alg)})
		equal(s, f.query(s).Get("dpop_jkt"), f.dpop.Thumbprint(), "dpop_jkt in the URL")
	}
}

// requireProofs ends the scenario unless the requests that need a proof had a
// new one each, with that algorithm and a minimal key, and the others had none.
func (f *flow) requireProofs(s *scenario, alg oauth.Algorithm) {
	proven := []string{
		f.server.PushedAuthorizationRequestEndpoint, f.server.TokenEndpoint, f.server.UserinfoEndpoint, f.server.RevocationEndpoint, f.resource(s),
	}
	seen := map[string]bool{}
	for _, e := range f.wire.exchanges() {
		place := originOf(e.url.String()) + e.url.Path
		equal(s, e.proof != "", slices.Contains(proven, place), "a proof at "+place)
		if e.proof == "" {
			continue
		}
		var header struct {
			Alg, Typ string
			Kid      *string
			JWK      map[string]json.RawMessage
		}
		decodeSegment(s, e.proof, 0, &header)
		equal(s, header.Alg, string(alg), "alg of the proof")
		equal(s, header.Typ, "dpop+jwt", "typ of the proof")
		s.require(header.Kid == nil, "the proof has a kid")
		minimal := []string{"kty", "crv", "x", "y", "n", "e"}
		if string(header.JWK["kty"]) == `"AKP"` { // RFC 9964: the alg is part of the key
			minimal = []string{"kty", "alg", "pub"}
		}
		for name := range header.JWK {
			s.require(slices.Contains(minimal, name), "%s in the jwk of the proof", name)
		}
		claims := proofOf(s, e.proof)
		equal(s, claims.HTM, e.method, "htm of the proof")
		equal(s, claims.HTU, place, "htu of the proof")
		equal(s, claims.ATH != "", place == f.server.UserinfoEndpoint || place == f.resource(s), "ath of the proof at "+place)
		s.require(!seen[claims.JTI], "two proofs have the jti %s", claims.JTI)
		seen[claims.JTI] = true
	}
	for _, place := range proven {
		s.require(slices.ContainsFunc(f.wire.exchanges(), func(e exchange) bool {
			return originOf(e.url.String())+e.url.Path == place
		}), "nothing was asked of %s", place)
	}
}

type proofClaims struct{ JTI, HTM, HTU, ATH, Nonce string }

func proofOf(s *scenario, proof string) (claims proofClaims) {
	decodeSegment(s, proof, 1, &claims)
	return claims
}

// dpopRefresh: "refresh tokens issued to public clients" are bound to the key
// (RFC 9449, Section 5), and those of a client that authenticates are not.
func dpopRefresh(s *scenario) {
	first := s.code("tls", "dpop-public", options{config: s.withKey(oauth.ES256)})
	f := first.refreshed(s, nil)

	restored := saved(s, f.token, new(oauth.Token))
	thief := s.setup("tls", "dpop-public", options{config: s.withKey(oauth.ES256)})
	s.requireBoundRefresh(thief, restored)
	var err error

	// The access token of another key the package does not send at all.
	before := len(thief.wire.exchanges())
	_, err = thief.client.Do(s.request(http.MethodGet, thief.resource(s), ""), restored)
	s.require(errors.Is(err, oauth.ErrBinding), "the token of another key at a resource: wanted ErrBinding, got: %v", err)
	_, err = thief.client.UserInfo(s.ctx, restored, nil)
	s.require(errors.Is(err, oauth.ErrBinding), "the token of another key at userinfo: wanted ErrBinding, got: %v", err)
	_, err = thief.client.NewTransport(restored, oauth.TransportOptions{Origins: []string{s.desc.Issuers["tls"]}})
	s.require(errors.Is(err, oauth.ErrBinding), "a Transport of the token of another key: wanted ErrBinding, got: %v", err)
	equal(s, len(thief.wire.exchanges()), before, "number of requests")

	// That attempt has used nothing up.
	f.token = restored
	f.refreshed(s, nil).callResource(s)

	f = s.code("tls", "dpop", options{config: s.withKey(oauth.ES256)})
	heir := s.setup("tls", "dpop", options{config: s.withKey(oauth.PS256)})
	next := (&flow{party: heir, token: f.token}).refreshed(s, nil)
	next.introspect(s)
	next.callResource(s)
}

// requireBoundRefresh ends the scenario unless the refresh token of another key
// is refused: by the package, which knows that it is bound and sends nothing, and
// by the server, where the package does not know.
func (s *scenario) requireBoundRefresh(thief *party, stolen *oauth.Token) {
	before := len(thief.wire.exchanges())
	t, err := thief.client.Refresh(s.ctx, stolen, nil)
	s.require(errors.Is(err, oauth.ErrBinding) && t == nil, "the refresh token of another key: wanted ErrBinding, got: %v", err)
	equal(s, len(thief.wire.exchanges()), before, "number of requests")
	t, err = thief.client.Refresh(s.ctx, &oauth.Token{RefreshToken: stolen.RefreshToken}, nil)
	s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
	s.require(t == nil, "a Token beside an error")
}

// dpopOtherCode: the code is bound to the key of dpop_jkt (RFC 9449, Section
// 10), which the browser carries, and of the proof of the pushed request.
func dpopOtherCode(s *scenario) {
	other := s.newDPoP(oauth.ES256)
	o := options{config: s.withKey(oauth.ES256)}
	p := s.setup("tls", "dpop-public", o)
	req := s.authorizationRequest(p, o)
	start := func() (*flow, *url.URL) {
		f := &flow{party: p, browser: newBrowser(s.desc)}
		var err error
		f.pending, err = p.client.StartAuthorization(s.ctx, req)
		s.check(err, "StartAuthorization")
		u, err := url.Parse(f.pending.URL())
		s.check(err, "Authorization.URL")
		return f, u
	}
	open := func(f *flow, u *url.URL) {
		var err error
		f.landing, err = f.browser.open(s.ctx, u.String(), req.RedirectURI)
		s.check(err, "authorization")
	}
	f, u := start()
	query := u.Query()
	equal(s, query.Get("dpop_jkt"), p.dpop.Thumbprint(), "dpop_jkt in the URL")
	query.Set("dpop_jkt", other.Thumbprint())
	u.RawQuery = query.Encode()
	open(f, u)
	t, err := f.finish(s, o)
	s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
	s.require(t == nil, "a Token beside an error")

	// A client with another key does not even ask.
	f, u = start()
	open(f, u)
	thief := s.setup("tls", "dpop-public", options{config: withDPoP(other)})
	_, err = (&flow{party: thief, pending: f.pending, landing: f.landing}).finish(s, o)
	s.require(errors.Is(err, oauth.ErrBinding), "the code of another key: wanted ErrBinding, got: %v", err)
	thief.wire.requireSilent(s)

	// With a proof of another key the server refuses the code, and a pushed
	// request whose dpop_jkt is not that of the proof.
	o.around = s.proving(other, p.server.TokenEndpoint, p.server.PushedAuthorizationRequestEndpoint)
	_, err = s.tryCode("tls", "dpop-public", o)
	s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
	o.request = pushed
	p = s.setup("tls", "dpop-public", o)
	_, err = p.client.StartAuthorization(s.ctx, s.authorizationRequest(p, o))
	s.requireResponseError(err, http.StatusBadRequest, "invalid_request")
}

// proving puts the proof of another DPoP into the requests to some endpoints.
func (s *scenario) proving(d *oauth.DPoP, endpoints ...string) func(http.RoundTripper, *http.Request) (*http.Response, error) {
	return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if slices.Contains(endpoints, r.URL.String()) {
			_, token, _ := strings.Cut(r.Header.Get("Authorization"), "DPoP ")
			proof, err := d.Proof(r.Method, r.URL, token)
			if err != nil {
				return nil, err
			}
			r = r.Clone(r.Context())
			r.Header.Set("DPoP", proof)
		}
		return next.RoundTrip(r)
	}
}

// dpopNonce: server and resource want a nonce of their own each, and are one
// origin, for which the package keeps one. So each is asked again after the
// other.
func dpopNonce(instance string) scenarioFunc {
	return func(s *scenario) {
		const ok, bad, unauthorized = http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized
		f := s.code(instance, "dpop-public", options{config: s.withKey(oauth.ES256)})
		f.wire.requireStatuses(s, f.server.TokenEndpoint, bad, ok)
		f.requireEmail(s) // with the nonce of the token endpoint
		f.wire.requireStatuses(s, f.server.UserinfoEndpoint, ok)

		resource := f.resource(s)
		for range 2 {
			f.requireTaken(s, s.request(http.MethodPost, resource, "hello"), f.do)
		}
		f.wire.requireStatuses(s, resource, unauthorized, ok, ok)
		f.requireEmail(s)
		f.wire.requireStatuses(s, f.server.UserinfoEndpoint, ok, unauthorized, ok)
		next := f.refreshed(s, nil)
		f.wire.requireStatuses(s, f.server.TokenEndpoint, bad, ok, ok)

		// A body that cannot be had again is not sent again, but the nonce is kept.
		once := func() *http.Request {
			r := s.request(http.MethodPost, resource, "hello")
			r.GetBody = nil
			return r
		}
		res, err := next.do(once())
		s.requireChallenge(res, err, "DPoP", "use_dpop_nonce")
		res, err = next.do(once())
		s.check(err, "Client.Do")
		res.Body.Close()
		equal(s, res.StatusCode, ok, "status of the resource")
		next.callResource(s)
		s.crowd(next)
		s.renewing(next)
	}
}

// renewing has a Transport whose token the resource does not know: it gets
// another one, with the refresh token, and the nonces of both. When the refresh
// token was revoked, too, it says so and asks nobody any more.
func (s *scenario) renewing(f *flow) {
	var stored []*oauth.Token
	transport := func() *oauth.Transport {
		t := *f.token
		t.AccessToken = oauth.NewSecret("garbage")
		rt, err := f.client.NewTransport(&t, oauth.TransportOptions{
			Origins:   []string{originOf(f.resource(s))},
			OnRefresh: func(_ context.Context, t *oauth.Token) error { stored = append(stored, t); return nil },
		})
		s.check(err, "NewTransport")
		return rt
	}
	rt := transport()
	c := &http.Client{Transport: rt}
	for range 2 {
		f.requireTaken(s, s.request(http.MethodPost, f.resource(s), "hello"), c.Do)
	}
	equal(s, len(stored), 1, "number of tokens that OnRefresh stored")
	equal(s, stored[0].AccessToken.Reveal(), rt.Token().AccessToken.Reveal(), "the token that OnRefresh stored")

	// Bound to the key, it is not rotated: RFC 9700, Section 4.14.2 has one or the
	// other.
	equal(s, stored[0].RefreshToken.Reveal(), f.token.RefreshToken.Reveal(), "the new refresh token")
	s.check(f.client.Revoke(s.ctx, f.token.RefreshToken.Reveal(), nil), "Revoke")
	c.Transport = transport()
	_, err := c.Do(s.request(http.MethodGet, f.resource(s), ""))
	s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
	before := len(f.wire.exchanges())
	_, err = c.Do(s.request(http.MethodGet, f.resource(s), ""))
	s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
	equal(s, len(f.wire.exchanges()), before, "number of requests")
}

// crowd asks server and resource at the same time, so that the nonce of the one
// is often there when the other is asked again.
func (s *scenario) crowd(f *flow) {
	var all sync.WaitGroup
	failed := make(chan error, 40)
	for range cap(failed) / 2 {
		all.Go(func() {
			_, err := f.client.UserInfo(s.ctx, f.token, nil)
			failed <- err
		})
		all.Go(func() {
			res, err := f.do(s.request(http.MethodGet, f.resource(s), ""))
			if err == nil {
				res.Body.Close()
				if res.StatusCode != http.StatusOK {
					err = errors.New("the resource answered " + res.Status)
				}
			}
			failed <- err
		})
	}
	all.Wait()
	close(failed)
	for err := range failed {
		s.check(err, "one of many requests at the same time")
	}
}

// dpopNoncePushed is a whole flow that begins with a request that is pushed
// twice, with an assertion of its own each.
func dpopNoncePushed(s *scenario) {
	f := s.full("nonce", "dpop", options{request: pushed, config: s.withKey(oauth.ES256)})
	s.requirePushed(f)
	f.wire.requireStatuses(s, f.server.PushedAuthorizationRequestEndpoint, http.StatusBadRequest, http.StatusCreated)
	f.requireProofs(s, oauth.ES256)
	equal(s, f.wire.statuses(f.server.TokenEndpoint)[0], http.StatusOK, "status of the first token request")
}

// dpopNonceError has all proofs without a nonce: those are made by a DPoP with
// the same key that sees no answer. The package tries it twice, and hands the
// refusal on.
func dpopNonceError(s *scenario) {
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	s.check(err, "GenerateSigningKey")
	good := s.code("nonce", "dpop-public", options{config: withDPoP(s.dpopOf(key))})

	o := options{config: withDPoP(s.dpopOf(key))}
	resource := good.resource(s)
	endpoints := []string{good.server.TokenEndpoint, good.server.UserinfoEndpoint, resource}
	bare := s.proving(s.dpopOf(key), endpoints...)
	o.around = bare
	f := &flow{party: s.setup("nonce", "dpop-public", o), token: good.token}
	_, err = f.client.Refresh(s.ctx, f.token, nil)
	refused := s.requireResponseError(err, http.StatusBadRequest, "use_dpop_nonce")
	s.require(refused.Header.Get("DPoP-Nonce") != "", "no DPoP-Nonce in the ResponseError")
	f.wire.requireStatuses(s, f.server.TokenEndpoint, http.StatusBadRequest, http.StatusBadRequest)

	// The nonce is known from there, so one attempt is enough to know that the
	// server wants no other, unless it begins a new one just now.
	known := refused.Header.Get("DPoP-Nonce")
	_, err = f.client.UserInfo(s.ctx, f.token, nil)
	refused = s.requireResponseError(err, http.StatusUnauthorized, "use_dpop_nonce")
	s.require(refused.Header.Get("DPoP-Nonce") != "", "no DPoP-Nonce in the ResponseError")
	attempts := []int{http.StatusUnauthorized}
	if refused.Header.Get("DPoP-Nonce") != known {
		attempts = append(attempts, http.StatusUnauthorized)
	}
	equal(s, challengeOf(s, refused.Challenges, "DPoP").Params["error"], "use_dpop_nonce", "error of the challenge")
	f.wire.requireStatuses(s, f.server.UserinfoEndpoint, attempts...)

	res, err := f.do(s.request(http.MethodGet, resource, ""))
	s.requireChallenge(res, err, "DPoP", "use_dpop_nonce")
	s.require(res.Header.Get("DPoP-Nonce") != "", "no DPoP-Nonce in the answer of the resource")
	f.wire.requireStatuses(s, resource, http.StatusUnauthorized, http.StatusUnauthorized)

	// Without a nonce in the answer there is nothing to try it again with.
	o.config = withDPoP(s.dpopOf(key))
	o.around = func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		res, err := bare(next, r)
		if err == nil {
			res.Header.Del("DPoP-Nonce")
		}
		return res, err
	}
	f = &flow{party: s.setup("nonce", "dpop-public", o), token: good.token}
	_, err = f.client.Refresh(s.ctx, f.token, nil)
	s.requireResponseError(err, http.StatusBadRequest, "use_dpop_nonce")
	f.wire.requireStatuses(s, f.server.TokenEndpoint, http.StatusBadRequest)

	good.refreshed(s, nil) // all that was wrong
}

// dpopAsBearer: a bound token without its proof. The package sends none so, and
// keeps it from a client without the key.
func dpopAsBearer(s *scenario) {
	f := s.code("tls", "dpop-public", options{config: s.withKey(oauth.ES256)})
	res, err := s.plain(f.resource(s), "Bearer", f.token.AccessToken.Reveal())
	s.requireChallenge(res, err, "DPoP", "invalid_token")
	res, err = s.plain(f.server.UserinfoEndpoint, "Bearer", f.token.AccessToken.Reveal())
	s.check(err, "userinfo")
	res.Body.Close()
	equal(s, res.StatusCode, http.StatusUnauthorized, "status of the userinfo")
	equal(s, challengeOf(s, oauth.ParseChallenges(res.Header), "DPoP").Params["error"], "invalid_token", "error of the challenge")
	// Nor is the scheme enough.
	res, err = s.plain(f.resource(s), "DPoP", f.token.AccessToken.Reveal())
	s.requireChallenge(res, err, "DPoP", "invalid_dpop_proof")
	s.dpopAsBearerAtAPI(f.resource(s))

	// The package does not let a client whose tokens have to be bound be without a
	// key: these two do not know that they are such a client.
	keyless := options{without: []string{"dpop_bound_access_tokens"}}
	cfg, _, _ := s.config("tls", "dpop-public", options{})
	_, err = oauth.NewClient(cfg)
	s.require(errors.Is(err, oauth.ErrConfig), "a client without the key: wanted ErrConfig, got: %v", err)
	p := s.setup("tls", "dpop-public", keyless)
	_, err = p.client.Do(s.request(http.MethodGet, f.resource(s), ""), f.token)
	s.require(errors.Is(err, oauth.ErrBinding), "a client without the key: wanted ErrBinding, got: %v", err)
	p.wire.requireSilent(s)
	f.callResource(s)

	// A client that is registered for bound tokens gets none without a proof, and
	// one that wants them takes no other.
	_, err = s.tryCode("tls", "dpop-public", keyless)
	s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
	p = s.setup("tls", "cc", options{
		config: s.withKey(oauth.ES256),
		around: func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Header.Del("DPoP")
			return next.RoundTrip(r)
		},
	})
	t, err := p.client.ClientCredentials(s.ctx, nil)
	s.require(errors.Is(err, oauth.ErrTokenType) && t == nil, "a bearer token where a bound one is wanted: wanted ErrTokenType, got: %v", err)
}

// dpopAsBearerAtAPI is the same at a resource of the package, which has the error in
// the challenge of the scheme that was tried (RFC 9449, Section 7.2), not of the one
// that it should have been.
func (s *scenario) dpopAsBearerAtAPI(resource string) {
	a, opaque, signed, stop := s.judged("dpop-public", resource, options{config: s.withKey(oauth.ES256)})
	defer stop()
	for _, f := range []*flow{opaque, signed} {
		f.callResource(s)
		a.requireTaken(s, f)
		for scheme, kind := range map[string]error{"Bearer": oauth.ErrBinding, "DPoP": oauth.ErrClaim} {
			a.requireAgreed(s, resource, func(address string) (*http.Response, error) {
				return s.plain(address, scheme, f.token.AccessToken.Reveal())
			}, scheme, kind)
		}
	}
}

func dpopClientCredentials(s *scenario) {
	p := s.setup("tls", "cc", options{config: s.withKey(oauth.ES256)})
	renew := func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
		return p.client.ClientCredentials(ctx, &oauth.GrantOptions{Scope: []string{"api:read"}})
	}
	t, err := renew(s.ctx, nil)
	s.check(err, "ClientCredentials")
	f := &flow{party: p, token: t}
	equal(s, t.TokenType, "DPoP", "token type")
	f.introspect(s)
	f.callResource(s)
	f.revoke(s)
	f.requireInactive(s)

	// A Transport gets itself another one when the resource refuses this one, and
	// asks again with its body.
	rt, err := p.client.NewTransport(t, oauth.TransportOptions{Origins: []string{originOf(f.resource(s))}, Renew: renew})
	s.check(err, "NewTransport")
	before := p.wire.count(f.resource(s))
	f.requireTaken(s, s.request(http.MethodPost, f.resource(s), "hello"), (&http.Client{Transport: rt}).Do)
	got := p.wire.statuses(f.resource(s))[before:]
	s.require(slices.Equal(got, []int{http.StatusUnauthorized, http.StatusOK}), "answers of the resource: %v", got)
	s.require(rt.Token().AccessToken.Reveal() != t.AccessToken.Reveal(), "the token was not renewed")
	f.token = rt.Token()
	f.introspect(s)

	// Or when there is none yet.
	rt, err = p.client.NewTransport(nil, oauth.TransportOptions{Origins: []string{originOf(f.resource(s))}, Renew: renew})
	s.check(err, "NewTransport")
	f.requireTaken(s, s.request(http.MethodGet, f.resource(s), ""), (&http.Client{Transport: rt}).Do)
	s.wrongClock()
}

// wrongClock: a server that does not take the proofs of a client whose clock is
// wrong asks for a nonce, and then it does.
func (s *scenario) wrongClock() {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		d := s.newDPoP(oauth.ES256)
		p := s.setup("tls", "cc", options{config: func(c *oauth.Config) {
			c.DPoP = d
			c.Clock.Now = func() time.Time { return time.Now().Add(off) }
		}})
		t, err := p.client.ClientCredentials(s.ctx, nil)
		s.check(err, "ClientCredentials")
		p.wire.requireStatuses(s, p.server.TokenEndpoint, http.StatusBadRequest, http.StatusOK)
		(&flow{party: p, token: t}).callResource(s)
	}
}

// dpopDevice: the proof comes with each attempt to get the token, and not with
// the request before them. CIBA is no different.
func dpopDevice(s *scenario) {
	d := s.startDeviceAt("nonce", "device", options{config: s.withKey(oauth.ES256)}, "openid", "email")
	equal(s, d.wire.last(s, d.server.DeviceAuthorizationEndpoint).proof, "", "proof of the device authorization request")
	_, err := askDevice(s, d)
	s.requirePending(err)
	d.wire.requireStatuses(s, d.server.TokenEndpoint, http.StatusBadRequest, http.StatusBadRequest)
	d.decide(s, "approve", "carol")
	t, err := pollDevice(s, d)
	s.check(err, "the token")
	equal(s, t.TokenType, "DPoP", "token type")
	f := &flow{party: d.party, token: t}
	f.requireUser(s, "carol")
	f.introspect(s)
	f.callResource(s)
	next := f.refreshed(s, nil)
	next.requireUser(s, "carol")

	// The refresh token is that of a public client.
	s.requireBoundRefresh(s.setup("nonce", "device", options{config: s.withKey(oauth.ES256)}), next.token)

	l := s.setup("nonce", "ciba", options{config: s.withKey(oauth.ES256)}).startLogin(s, loginOf("dave", "email"))
	equal(s, l.wire.last(s, l.server.BackchannelAuthenticationEndpoint).proof, "", "proof of the authentication request")
	f = l.allowed(s)
	equal(s, f.token.TokenType, "DPoP", "token type")
	f.introspect(s)
	f.callResource(s)
	f.refreshed(s, nil).requireEmail(s)
}

// dpopAttested: the server wants a nonce in the combined proof, from the
// instance that wants none elsewhere. Its challenge endpoint brings the first.
func dpopAttested(s *scenario) {
	a := s.newAttester()
	o := options{request: pushed, config: func(c *oauth.Config) {
		c.Auth, c.DPoP = oauth.AttestJWTClientAuthDPoP(a.instanceOf("attest-dpop")), s.dpopOf(a.instance)
	}}
	f := s.full("tls", "attest-dpop", o)
	s.requirePushed(f)
	s.require(f.wire.count(f.server.ChallengeEndpoint) == 1, "the challenge was asked for %d times", f.wire.count(f.server.ChallengeEndpoint))
	f.wire.requireStatuses(s, f.server.PushedAuthorizationRequestEndpoint, http.StatusCreated)
	for _, endpoint := range []string{f.server.IntrospectionEndpoint, f.server.RevocationEndpoint} {
		claims := proofOf(s, f.wire.last(s, endpoint).proof)
		equal(s, claims.HTU, endpoint, "htu of the proof")
		s.require(claims.Nonce != "", "no nonce in the proof for %s", endpoint)
	}

	// The attester has vouched for another key: the package does not send that,
	// and the server does not take it.
	other, err := oauth.GenerateSigningKey(oauth.ES256)
	s.check(err, "GenerateSigningKey")
	o.config = func(c *oauth.Config) {
		c.Auth, c.DPoP = oauth.AttestJWTClientAuthDPoP(a.instanceOf("attest-dpop")), s.dpopOf(other)
	}
	p := s.setup("tls", "attest-dpop", o)
	pending, err := p.client.StartAuthorization(s.ctx, s.authorizationRequest(p, o))
	s.require(errors.Is(err, oauth.ErrConfig) && pending == nil, "an attestation of another key: %v", err)
	p.wire.requireSilent(s)

	attestation, err := a.attest("attest-dpop", other)
	s.check(err, "an attestation")
	o.config = func(c *oauth.Config) {
		c.Auth, c.DPoP = oauth.AttestJWTClientAuthDPoP(a.instanceOf("attest-dpop")), s.dpopOf(a.instance)
	}
	o.around = func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("OAuth-Client-Attestation", attestation)
		return next.RoundTrip(r)
	}
	p = s.setup("tls", "attest-dpop", o)
	pending, err = p.client.StartAuthorization(s.ctx, s.authorizationRequest(p, o))
	s.requireResponseError(err, http.StatusUnauthorized, "invalid_client")
	s.require(pending == nil, "an Authorization beside an error")
}

// ---- FAPI 2.0

// fapi2DPoP is the profile of FAPI 2.0, Section 5.3.3, whose client assertions
// have the issuer as their only audience.
func fapi2DPoP(s *scenario) {
	var form url.Values
	f := s.full("tls", "fapi2-pkjwt-dpop", options{
		around:  pushedForm(s, &form),
		request: pushed,
		config:  s.withKey(oauth.PS256),
	})
	s.requirePushed(f)
	f.requireProofs(s, oauth.PS256)
	equal(s, headerOf(s, form.Get("client_assertion")).Alg, "PS256", "alg of the client assertion")
	var claims struct{ Aud string }
	decodeSegment(s, form.Get("client_assertion"), 1, &claims)
	equal(s, claims.Aud, f.server.Issuer, "aud of the client assertion")
	equal(s, headerOf(s, f.idToken(s).Raw()).Alg, "PS256", "alg of the ID token")
}

// fapi2MessageSigning signs what the security profile leaves unsigned: the
// request, the response, the introspection. dpop_jkt is in the request object.
func fapi2MessageSigning(s *scenario) {
	var form url.Values
	f := s.full("tls", "fapi2-ms", options{
		around: pushedForm(s, &form),
		request: func(r *oauth.AuthorizationRequest) {
			r.Pushed = true
			r.ResponseMode = "jwt"
		},
		config: s.withKey(oauth.ES256),
	})
	s.requirePushed(f)
	f.requireProofs(s, oauth.ES256)
	f.requireSigned(s)
	requireOnly(s, form, "the pushed request", "client_id", "client_assertion", "client_assertion_type", "request")
	var object struct {
		JKT string `json:"dpop_jkt"`
	}
	decodeSegment(s, form.Get("request"), 1, &object)
	equal(s, object.JKT, f.dpop.Thumbprint(), "dpop_jkt in the request object")
	equal(s, headerOf(s, f.response(s)).Alg, "ES256", "alg of the response")
	equal(s, headerOf(s, f.idToken(s).Raw()).Alg, "ES256", "alg of the ID token")
}
