package interop

// This file holds what is signed on the way through the browser: request
// objects (JAR), responses as a JWT (JARM), ID tokens in the response, and the
// profile that takes them together, FAPI 1 Advanced.

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"example.com/oauth"
)

func signedScenarios(t table) {
	for _, alg := range signingAlgorithms {
		t.add("JAR signed "+alg, signedRequest(alg))
		t.add("JARM "+alg, signedResponse(alg))
	}
	t.add("JAR in PAR", signedRequestPushed)
	t.add("JAR missing where required", signedRequestMissing)
	for _, alg := range []string{"RSA-OAEP-256", "ECDH-ES"} {
		for _, enc := range []string{"A128GCM", "A256GCM", "A128CBC-HS256"} {
			t.add("JAR signed then encrypted "+alg+"-"+enc, encryptedRequest(alg, enc))
		}
	}
	for _, mode := range []string{"query.jwt", "fragment.jwt", "form_post.jwt"} {
		t.add("JARM response_mode="+mode, signedResponseMode(mode))
	}
	t.add("JARM error response", signedRefusal)

	t.add("hybrid code id_token (fragment): c_hash, s_hash absent, nonce", hybrid("fragment"))
	t.add("hybrid code id_token (form_post)", hybrid("form_post"))
	t.add("implicit id_token (checked with jose: oauth4webapi has no implicit)", implicitIDToken)

	t.add("FAPI 1 detached signature code id_token: c_hash and s_hash", fapi1DetachedSignature)
	t.add("FAPI 1 JAR in PAR + JARM", fapi1PushedSigned)
}

// ---- JAR

// signedRequest is a flow whose authorization request is a request object: the
// clients that are registered with an algorithm for them sign with their key.
func signedRequest(alg string) scenarioFunc {
	return func(s *scenario) {
		f := s.full("tls", "jar-"+alg, options{})
		object := f.requestObject(s)
		header := headerOf(s, object)
		equal(s, header.Alg, alg, "alg of the request object")
		equal(s, header.Typ, "oauth-authz-req+jwt", "typ of the request object")
		claims := claimsOf(s, object)
		equal(s, claims.State, f.pending.State(), "state in the request object")
		equal(s, claims.Nonce, f.idToken(s).Nonce(), "nonce in the request object and of the ID token")
	}
}

// requestObject is the one in the URL, beside which stands only what OAuth 2.0
// itself requires there.
func (f *flow) requestObject(s *scenario) string {
	query := f.query(s)
	requireOnly(s, query, "the URL", "client_id", "response_type", "scope", "request")
	return query.Get("request")
}

// signedRequestPushed sends the object to the server first. The request that
// does it has nothing beside the object either.
func signedRequestPushed(s *scenario) {
	var form url.Values
	f := s.full("tls", "jar-ES256", options{request: pushed, around: pushedForm(s, &form)})
	s.requirePushed(f)
	requireOnly(s, form, "the pushed request", "client_id", "request")
	equal(s, headerOf(s, form.Get("request")).Alg, "ES256", "alg of the request object")
	s.signedTypes()
}

// signedTypes signs parameters that are no strings in a request object, and
// looks at what the server made of them.
func (s *scenario) signedTypes() {
	seconds := int64(600)
	resources := []string{"https://rs.example/jwt/ES256", "https://rs.example/opaque"}
	var form url.Values
	f := s.code("tls", "jar-ES256", options{
		around: pushedForm(s, &form),
		request: func(r *oauth.AuthorizationRequest) {
			r.Pushed = true
			r.Scope = []string{"openid", "api:read"}
			r.MaxAge = &seconds
			r.Claims = json.RawMessage(`{"id_token":{"email":null}}`)
			r.Resource = resources
		},
		grant: &oauth.GrantOptions{Resource: resources[:1]},
	})
	var object struct {
		MaxAge   int64 `json:"max_age"`
		Claims   map[string]any
		Resource []string
	}
	decodeSegment(s, form.Get("request"), 1, &object)
	s.require(object.MaxAge == seconds && len(object.Claims) == 1 && slices.Equal(object.Resource, resources), "the request object has %+v", object)

	s.requireRecentLogin(f)
	var claims struct{ Email string }
	s.check(f.idToken(s).Claims(&claims), "Claims of the ID token")
	equal(s, claims.Email, "alice@example.com", "email of the ID token")
	var access struct{ Aud string }
	decodeSegment(s, f.token.AccessToken.Reveal(), 1, &access)
	equal(s, access.Aud, resources[0], "aud of the access token")
}

// pushedForm keeps the form of the pushed authorization request.
func pushedForm(s *scenario, form *url.Values) func(http.RoundTripper, *http.Request) (*http.Response, error) {
	server, err := s.desc.server("tls")
	s.check(err, "discovery")
	endpoints := []string{server.PushedAuthorizationRequestEndpoint}
	if server.MTLSEndpointAliases != nil {
		endpoints = append(endpoints, server.MTLSEndpointAliases.PushedAuthorizationRequestEndpoint)
	}
	return sentForm(form, endpoints...)
}

// sentForm keeps the last form that is sent to one of the endpoints.
func sentForm(form *url.Values, endpoints ...string) func(http.RoundTripper, *http.Request) (*http.Response, error) {
	return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if slices.Contains(endpoints, r.URL.String()) {
			sent, err := takeForm(r)
			if err != nil {
				return nil, err
			}
			*form = sent
			r = withForm(r, sent)
		}
		return next.RoundTrip(r)
	}
}

// signedRequestMissing leaves out the key. The package refuses because it knows
// what is required; the server does where the package does not know.
func signedRequestMissing(s *scenario) {
	unsigned := options{config: func(c *oauth.Config) { c.RequestKey = nil }}
	p := s.setup("tls", "jar-ES256", unsigned)
	pending, err := p.client.StartAuthorization(s.ctx, s.authorizationRequest(p, unsigned))
	s.require(errors.Is(err, oauth.ErrConfig) && pending == nil, "wanted ErrConfig and no Authorization, got: %v", err)
	p.wire.requireSilent(s)

	unsigned.without = []string{"require_signed_request_object"}
	f, err := s.tryCode("tls", "jar-ES256", unsigned)
	s.requireRefusal(f, err, "invalid_request")
	f.wire.requireOnlyKeys(s, f.server)
}

// encryptedRequest is a request object that only the server can read, with the
// key for it from the server's key set.
func encryptedRequest(alg, enc string) scenarioFunc {
	return func(s *scenario) {
		f := s.full("tls", "jar-enc-"+alg+"-"+enc, options{})
		object := f.requestObject(s)
		equal(s, strings.Count(object, "."), 4, "number of dots in the request object")
		header := headerOf(s, object)
		equal(s, header.Alg, alg, "alg of the encrypted request object")
		equal(s, header.Enc, enc, "enc of the encrypted request object")
		s.require(header.Kid != "", "the encrypted request object does not say for which key")
	}
}

// ---- JARM

func signedResponse(alg string) scenarioFunc {
	return func(s *scenario) {
		f := s.full("tls", "jarm-"+alg, options{request: answerBy("jwt")})
		equal(s, headerOf(s, f.response(s)).Alg, alg, "alg of the response")
		f.requirePlace(s, "query")
	}
}

// response is the JWT of an answer that has nothing beside it.
func (f *flow) response(s *scenario) string {
	params := f.landing.params()
	requireOnly(s, params, "the answer", "response")
	claims := claimsOf(s, params.Get("response"))
	equal(s, claims.Issuer, f.server.Issuer, "iss of the response")
	equal(s, claims.State, f.pending.State(), "state of the response")
	return params.Get("response")
}

func signedResponseMode(mode string) scenarioFunc {
	return func(s *scenario) {
		f := s.full("tls", "jarm-ES256", options{request: answerBy(mode)})
		f.response(s)
		f.requirePlace(s, strings.TrimSuffix(mode, ".jwt"))
	}
}

// signedRefusal: the server's no is in the JWT, too.
func signedRefusal(s *scenario) {
	f, err := s.tryCode("tls", "jarm-RS256", options{
		request: func(r *oauth.AuthorizationRequest) {
			r.ResponseMode = "jwt"
			r.LoginHint = "deny"
		},
	})
	s.requireRefusal(f, err, "access_denied")
	equal(s, headerOf(s, f.response(s)).Alg, "RS256", "alg of the response")
}

// ---- ID tokens in the response

// answerWith asks for an answer with an ID token in it.
func answerWith(responseType, mode string) func(*oauth.AuthorizationRequest) {
	return func(r *oauth.AuthorizationRequest) {
		r.ResponseType = responseType
		r.ResponseMode = mode
	}
}

// hybrid has an ID token with the code, which it is tied to by c_hash. This
// server ties the state to it only under FAPI 1, so a client that wants that
// refuses the same answer.
func hybrid(mode string) scenarioFunc {
	return func(s *scenario) {
		o := options{request: answerWith("code id_token", mode)}
		f := s.full("tls", "hybrid", o)
		f.requirePlace(s, mode)
		id := f.responseIDToken(s)
		equal(s, id.SHash, "", "s_hash of the ID token in the answer")
		equal(s, id.Nonce, f.query(s).Get("nonce"), "nonce of the ID token in the answer")
		equal(s, f.idToken(s).Nonce(), id.Nonce, "nonce of the second ID token")

		o.config = func(c *oauth.Config) { c.DetachedSignature = true }
		f, err := s.tryCode("tls", "hybrid", o)
		s.require(errors.Is(err, oauth.ErrClaim), "an ID token without s_hash: wanted ErrClaim, got: %v", err)
		f.requireNoTokenRequest(s)
	}
}

// responseIDToken is the ID token of an answer, with the hash of the code
// beside it.
func (f *flow) responseIDToken(s *scenario) tokenClaims {
	params := f.landing.params()
	requireOnly(s, params, "the answer", "code", "id_token", "state")
	raw := params.Get("id_token")
	claims := claimsOf(s, raw)
	s.require(strings.HasSuffix(headerOf(s, raw).Alg, "256"), "the ID token is not signed with SHA-256, which halfHash assumes")
	equal(s, claims.CHash, halfHash(params.Get("code")), "c_hash of the ID token in the answer")
	return claims
}

// halfHash is c_hash and s_hash for the algorithms with SHA-256.
func halfHash(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// implicitIDToken is a login without a token request.
func implicitIDToken(s *scenario) {
	for _, mode := range []string{"fragment", "form_post"} {
		f, err := s.tryCode("tls", "implicit", options{request: answerWith("id_token", mode)})
		s.check(err, "finishing the authorization")
		f.requirePlace(s, mode)
		query, params := f.query(s), f.landing.params()
		s.require(!query.Has("code_challenge") && !query.Has("code_challenge_method"), "PKCE without a code: %v", query)
		requireOnly(s, params, "the answer", "id_token", "state")

		id := f.idToken(s)
		equal(s, id.Raw(), params.Get("id_token"), "the ID token")
		s.require(id.Nonce() != "", "no nonce")
		equal(s, id.Nonce(), query.Get("nonce"), "nonce of the ID token")
		s.require(
			f.token.AccessToken.IsZero() && f.token.RefreshToken.IsZero() && f.token.TokenType == "" && f.token.Expiry.IsZero(),
			"the Token has more than an ID token: %v",
			f.token,
		)
		_, err = f.client.UserInfo(s.ctx, f.token, nil)
		s.require(errors.Is(err, oauth.ErrConfig), "userinfo without an access token: wanted ErrConfig, got: %v", err)
		for _, e := range f.wire.exchanges() {
			equal(s, e.url.String(), f.server.JWKSURI, "the only address that the package needs")
		}
	}
}

// ---- FAPI 1 Advanced

// fapi1DetachedSignature is the profile of Section 5.2.2.1: signed on the way
// out as a request object, and on the way back by the ID token, whose hashes
// cover code and state.
func fapi1DetachedSignature(s *scenario) {
	f := s.full("tls", "fapi1-adv", options{
		config:  func(c *oauth.Config) { c.DetachedSignature = true },
		request: answerWith("code id_token", "fragment"),
	})
	equal(s, headerOf(s, f.requestObject(s)).Alg, "PS256", "alg of the request object")
	f.requirePlace(s, "fragment")
	id := f.responseIDToken(s)
	equal(s, headerOf(s, f.landing.params().Get("id_token")).Alg, "PS256", "alg of the ID token in the answer")
	equal(s, id.SHash, halfHash(f.pending.State()), "s_hash of the ID token in the answer")
	equal(s, f.idToken(s).Nonce(), id.Nonce, "nonce of the second ID token")
	f.requireAliases(s)
}

// fapi1PushedSigned is the profile of Section 5.2.2.2, pushed.
func fapi1PushedSigned(s *scenario) {
	var form url.Values
	f := s.full("tls", "fapi1-adv", options{
		around: pushedForm(s, &form),
		request: func(r *oauth.AuthorizationRequest) {
			r.Pushed = true
			r.ResponseMode = "jwt"
		},
	})
	s.requirePushed(f)
	requireOnly(s, form, "the pushed request", "client_id", "client_assertion", "client_assertion_type", "request")
	equal(s, headerOf(s, form.Get("request")).Alg, "PS256", "alg of the request object")
	equal(s, headerOf(s, f.response(s)).Alg, "PS256", "alg of the response")
	f.requireAliases(s)
}

// ---- what compact tokens say, unverified

type tokenHeader struct{ Alg, Enc, Typ, Kid string }

func headerOf(s *scenario, compact string) (header tokenHeader) {
	decodeSegment(s, compact, 0, &header)
	return header
}

type tokenClaims struct {
	Issuer string `json:"iss"`
	State  string
	Nonce  string
	CHash  string `json:"c_hash"`
	SHash  string `json:"s_hash"`
}

func claimsOf(s *scenario, compact string) (claims tokenClaims) {
	decodeSegment(s, compact, 1, &claims)
	return claims
}

func decodeSegment(s *scenario, compact string, n int, dst any) {
	segments := strings.Split(compact, ".")
	s.require(len(segments) >= 3, "%d segments are no compact token", len(segments))
	raw, err := base64.RawURLEncoding.DecodeString(segments[n])
	s.check(err, "segment of a compact token")
	s.check(json.Unmarshal(raw, dst), "segment of a compact token")
}
