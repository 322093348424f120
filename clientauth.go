package oauth

// This file implements client authentication: RFC 6749 Section 2.3, OpenID
// Connect Core 1.0 Section 9, RFC 7523, RFC 8705 Section 2.

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A ClientAuth authenticates the client in a request to the server. The
// functions of this package that return one keep what is wrong with their
// arguments in it: [NewClient] reports it with kind [ErrConfig].
//
// Authenticate is called anew for every attempt at a request, from several
// goroutines at once. It may set Header and Form of r and leaves the rest alone. It
// must return when ctx ends, because the caller waits for it; so must the functions and
// signers that the package is given.
type ClientAuth interface {
	Authenticate(ctx context.Context, r *ClientAuthRequest) error
}

// A ClientAuthRequest is the request that is to be authenticated.
type ClientAuthRequest struct {
	unprinted

	Server   *AuthorizationServer // not to be changed
	ClientID string
	Endpoint string      // the URL that the request goes to
	Now      time.Time   // the client's time, with Clock.Skew
	Header   http.Header // to be added to
	Form     url.Values  // to be added to

	attempts clientAttempts // of a Client; for attestation-based authentication
}

// clientAttempts is the part of a request, over all attempts at it, that a Client shares
// with its authentication. It is nil if another program calls Authenticate.
type clientAttempts interface {
	// take returns the server's challenge for the proof of the next attempt; "" if
	// there is none.
	take(ctx context.Context) (challenge string, err error)
}

// An AssertionAudience is whom a client assertion is made for.
type AssertionAudience int

const (
	// IssuerAudience is the issuer identifier of the server, as one string. It
	// is what RFC 7523bis and FAPI 2.0 want, and the default.
	IssuerAudience AssertionAudience = iota
	// TokenEndpointAudience is the server's token_endpoint, as OpenID Connect
	// Core has it, or its alias for clients with a certificate if the request goes
	// to an alias (RFC 8705, Section 5). Entra ID, Okta and Login.gov want it. A
	// request to another origin than that of the token endpoint fails with
	// [ErrConfig]: the metadata of a malicious server could otherwise obtain an
	// assertion for the token endpoint of an honest one.
	TokenEndpointAudience
)

// AssertionOptions are the options of JWT client assertions.
type AssertionOptions struct {
	unprinted

	Audience AssertionAudience // zero: IssuerAudience

	// Type is the typ of the assertion: "JWT", the default if empty, or
	// "client-authentication+jwt", as RFC 7523bis has it. PingFederate, for
	// example, can be configured to require the latter.
	Type string

	Lifetime time.Duration  // zero: 60 s; at most 10 min
	Header   map[string]any // more header parameters (x5t#S256); not alg, crit, typ, kid, b64, zip
	Claims   map[string]any // more claims; not iss, sub, aud, exp, iat, nbf, jti
}

// faulty is implemented by values that keep what is wrong with their making.
type faulty interface{ fault() error }

// ---- none, secret, certificate

type noAuth struct{}

// None is the authentication of a public client: the client_id alone.
func PublicClient() ClientAuth { return noAuth{} }

// prepare readies a request that a program made by itself for a ClientAuth.
func (r *ClientAuthRequest) prepare() error {
	if r == nil {
		return fail(ErrConfig, "ClientAuthRequest", "is nil")
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if r.Form == nil {
		r.Form = url.Values{}
	}
	if r.Server == nil {
		r.Server = new(AuthorizationServer)
	}
	return nil
}

func (noAuth) Authenticate(_ context.Context, r *ClientAuthRequest) error {
	if err := r.prepare(); err != nil {
		return err
	}
	r.Form.Set("client_id", r.ClientID)
	return nil
}

type secretAuth struct {
	secret Secret
	basic  bool
}

// ClientSecretBasic is client_secret_basic: id and secret in the PendingAuthorization
// header, each form-encoded first (RFC 6749, Section 2.3.1).
func ClientSecretBasic(secret string) ClientAuth { return secretAuth{NewSecret(secret), true} }

// ClientSecretPost is client_secret_post: id and secret in the body.
func ClientSecretPost(secret string) ClientAuth { return secretAuth{NewSecret(secret), false} }

func (a secretAuth) fault() error {
	if a.secret.IsZero() {
		return fail(ErrConfig, "Auth", "the client secret is empty: pass the one the server gave out, or use PublicClient() for a public client")
	}
	return nil
}

func (a secretAuth) Authenticate(_ context.Context, r *ClientAuthRequest) error {
	if err := a.fault(); err != nil {
		return err
	}
	if err := r.prepare(); err != nil {
		return err
	}
	if !a.basic {
		r.Form.Set("client_id", r.ClientID)
		r.Form.Set("client_secret", a.secret.Reveal())
		return nil
	}
	basic := http.Request{Header: r.Header}
	basic.SetBasicAuth(url.QueryEscape(r.ClientID), url.QueryEscape(a.secret.Reveal()))
	return nil
}

type tlsAuth struct{}

// TLSClientAuth is tls_client_auth and self_signed_tls_client_auth (RFC 8705,
// Section 2): the certificate of the connection authenticates the client_id.
// It needs Config.MTLS, or an HTTPClient with a certificate. Requests go to the
// server's mtls_endpoint_aliases (Section 5).
func TLSClientAuth() ClientAuth { return tlsAuth{} }

func (tlsAuth) Authenticate(_ context.Context, r *ClientAuthRequest) error {
	if err := r.prepare(); err != nil {
		return err
	}
	r.Form.Set("client_id", r.ClientID)
	return nil
}

// ---- assertions

// assertionType is RFC 7523, Section 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// clientAuthenticationType is RFC 7523bis, Section 3.
const clientAuthenticationType = "client-authentication+jwt"

func setAssertion(r *ClientAuthRequest, assertion string) {
	r.Form.Set("client_id", r.ClientID)
	r.Form.Set("client_assertion_type", assertionType)
	r.Form.Set("client_assertion", assertion)
}

type assertionFunc func(ctx context.Context, audience string) (string, error)

// ClientAssertion authenticates with assertions made elsewhere: by a workload
// identity, a KMS service. The audience is the server's issuer identifier. f
// is called for every attempt and has to return a new assertion each time.
func ClientAssertion(f func(ctx context.Context, audience string) (string, error)) ClientAuth {
	return assertionFunc(f)
}

func (f assertionFunc) fault() error {
	if f == nil {
		return fail(ErrConfig, "Auth", "the function of ClientAssertion is nil")
	}
	return nil
}

func (f assertionFunc) Authenticate(ctx context.Context, r *ClientAuthRequest) error {
	if err := f.fault(); err != nil {
		return err
	}
	if err := r.prepare(); err != nil {
		return err
	}
	assertion, err := f(ctx, r.Server.Issuer)
	if err != nil {
		return &Error{Kind: ErrConfig, Param: "Auth", Detail: "the function of ClientAssertion failed", Err: err}
	}
	if assertion == "" {
		return fail(ErrConfig, "Auth", "the function of ClientAssertion returned nothing")
	}
	setAssertion(r, assertion)
	return nil
}

// jwtAuth is private_key_jwt and client_secret_jwt.
type jwtAuth struct {
	alg      Algorithm
	kid      string
	sign     func(input []byte) ([]byte, error)
	typ      string
	audience AssertionAudience
	lifetime time.Duration
	header   []byte // `,"name":value…`
	claims   []byte
	err      error
}

// PrivateKeyJWT is private_key_jwt (OpenID Connect Core 1.0, Section 9): an
// assertion signed with the client's private key. Nil options are the default.
func PrivateKeyJWT(key *SigningKey, opts *AssertionOptions) ClientAuth {
	a := newJWTAuth(opts)
	if key == nil || key.alg == nil {
		a.setFault(fail(ErrConfig, "Auth", "the key of PrivateKeyJWT is nil or empty"))
		return a
	}
	a.alg, a.kid, a.sign = key.alg.name, key.kid, key.sign
	return a
}

// ClientSecretJWT is client_secret_jwt: an assertion with an HMAC under the
// client secret. alg is HS256, HS384 or HS512; the secret has at least 32, 48
// or 64 bytes (RFC 7518, Section 3.2). Nil options are the default.
func ClientSecretJWT(secret string, alg Algorithm, opts *AssertionOptions) ClientAuth {
	a := newJWTAuth(opts)
	mac := findHMAC(alg)
	switch {
	case mac == nil:
		a.setFault(fail(ErrConfig, "Auth", "ClientSecretJWT works with HS256, HS384 and HS512, not with %s", printable(string(alg), 32)))
		return a
	case secret == "":
		a.setFault(fail(ErrConfig, "Auth", "the client secret is empty: pass the one the server gave out"))
		return a
	case len(secret) < mac.size:
		// crypto/hmac panics on short keys when only FIPS 140-3 algorithms are allowed.
		a.setFault(fail(ErrConfig, "Auth", "the client secret has %d bytes, %s needs at least %d: use another method, or have a longer secret made", len(secret), alg, mac.size))
		return a
	}
	key := []byte(secret)
	a.alg = alg
	a.sign = func(input []byte) ([]byte, error) { return hmacSign(mac, key, input), nil }
	return a
}

func newJWTAuth(opts *AssertionOptions) *jwtAuth {
	var o AssertionOptions
	if opts != nil {
		o = *opts
	}
	a := &jwtAuth{typ: cmp.Or(o.Type, "JWT"), audience: o.Audience, lifetime: o.Lifetime}
	switch {
	case o.Lifetime == 0:
		a.lifetime = assertionLifetime
	case o.Lifetime < time.Second || o.Lifetime > maxAssertionLifetime:
		a.setFault(fail(ErrConfig, "AssertionOptions.Lifetime", "%v is not between 1 s and %v", o.Lifetime, maxAssertionLifetime))
	}
	if o.Audience != IssuerAudience && o.Audience != TokenEndpointAudience {
		a.setFault(fail(ErrConfig, "AssertionOptions.Audience", "is not one of the constants"))
	}
	if a.typ != "JWT" && a.typ != clientAuthenticationType { // another one could make a token of another kind
		a.setFault(fail(ErrConfig, "AssertionOptions.Type", "is neither JWT nor %s", clientAuthenticationType))
	}
	var err error
	if a.header, err = moreMembers(o.Header, "alg", "crit", "typ", "kid", "b64", "zip"); err != nil {
		a.setFault(&Error{Kind: ErrConfig, Param: "AssertionOptions.Header", Detail: "cannot be used", Err: err})
	}
	if a.claims, err = moreMembers(o.Claims, "iss", "sub", "aud", "exp", "iat", "nbf", "jti"); err != nil {
		a.setFault(&Error{Kind: ErrConfig, Param: "AssertionOptions.Claims", Detail: "cannot be used", Err: err})
	}
	return a
}

// moreMembers encodes the user's members for appending to an object of ours
// that has the reserved ones.
func moreMembers(m map[string]any, reserved ...string) ([]byte, error) {
	if len(m) == 0 {
		return nil, nil
	}
	for name := range m {
		if slices.Contains(reserved, name) {
			return nil, fail(ErrConfig, name, "is set by the package")
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	b[0] = ','
	return b[:len(b)-1], nil
}

// setFault keeps the first fault.
func (a *jwtAuth) setFault(err error) {
	if a.err == nil {
		a.err = err
	}
}

func (a *jwtAuth) fault() error { return a.err }

// checkServer finds out before any request what audienceOf would refuse for the
// server's sake.
func (a *jwtAuth) checkServer(server *AuthorizationServer) error {
	switch {
	case a.audience == IssuerAudience && server.Issuer == "":
		return fail(ErrConfig, "Server", "is nil or has no issuer, and the assertion would be for nobody: set ClientAuthRequest.Server")
	case a.audience == TokenEndpointAudience && server.TokenEndpoint == "":
		return fail(ErrConfig, "token_endpoint", "the server's metadata has none, and AssertionOptions.Audience wants it")
	case a.audience == IssuerAudience && strings.Contains(server.Issuer, tenantPlaceholder):
		return fail(ErrConfig, "AssertionOptions.Audience", "the issuer is a template and no audience: set TokenEndpointAudience")
	}
	return nil
}

// audienceOf is the aud of an assertion for a request to the endpoint. A token
// endpoint is one only where the request goes to its own origin: with the
// metadata of a malicious server it may be an honest one's, and the assertion would
// be good there (CVE-2025-27370).
func (a *jwtAuth) audienceOf(server *AuthorizationServer, endpoint string) (string, error) {
	if err := a.checkServer(server); err != nil {
		return "", err
	}
	if a.audience == IssuerAudience {
		return server.Issuer, nil
	}
	candidates := []string{server.TokenEndpoint}
	if server.hasAlias(endpoint) {
		candidates = []string{server.MTLSEndpointAliases.TokenEndpoint, server.TokenEndpoint}
	}
	to, err := url.Parse(endpoint)
	if err != nil || to.Host == "" {
		return "", fail(ErrConfig, "Endpoint", "is not a URL, and AssertionOptions.Audience is compared with it")
	}
	for _, audience := range candidates {
		if u, err := url.Parse(audience); err == nil && originOf(u) == originOf(to) {
			return audience, nil
		}
	}
	return "", fail(ErrConfig, "AssertionOptions.Audience", "the request goes to %s, and the server's token endpoint is at another origin: the assertion would be good for somebody else; set IssuerAudience, or correct the metadata", printable(originOf(to), 128))
}

func (a *jwtAuth) Authenticate(_ context.Context, r *ClientAuthRequest) error {
	if a.err != nil {
		return a.err
	}
	if err := r.prepare(); err != nil {
		return err
	}
	audience, err := a.audienceOf(r.Server, r.Endpoint)
	if err != nil {
		return err
	}
	header := append(append(appendHeader(a.alg, a.typ, a.kid), a.header...), '}')
	claims := appendAssertionClaims(r.ClientID, r.ClientID, audience, r.Now, a.lifetime)
	assertion, err := compactJWS(header, append(append(claims, a.claims...), '}'), a.sign)
	if err != nil {
		return &Error{Kind: ErrConfig, Param: "Auth", Detail: "signing the client assertion failed", Err: err}
	}
	setAssertion(r, assertion)
	return nil
}

// appendAssertionClaims starts a claims object with what RFC 7523, Section 3
// asks for; without a subject there is no sub. The caller closes it.
func appendAssertionClaims(issuer, subject, audience string, now time.Time, lifetime time.Duration) []byte {
	b := append(make([]byte, 0, 512), `{"iss":`...)
	b = appendJSONString(b, issuer)
	if subject != "" {
		b = appendJSONString(append(b, `,"sub":`...), subject)
	}
	b = appendJSONString(append(b, `,"aud":`...), audience)
	b = appendJSONString(append(b, `,"jti":`...), randomString())
	at := numericDate(now)
	b = appendJSONInt(append(b, `,"iat":`...), at)
	b = appendJSONInt(append(b, `,"nbf":`...), at)
	return appendJSONInt(append(b, `,"exp":`...), at+int64(lifetime/time.Second))
}
