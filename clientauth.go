package oauth

// This file implements client authentication: RFC 6749 Section 2.3, OpenID
// Connect Core 1.0 Section 9, RFC 7523, RFC 8705 Section 2.

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A ClientAuth authenticates the client in requests to the server. If the arguments of
// a function of this package that returns one are wrong, [NewClient] returns an error
// that matches [ErrConfig].
//
// Authenticate adds the authentication to the Header and the Form of r. It must not
// change anything else in r. It is called for every attempt at a request, from several
// goroutines concurrently. It must return when ctx ends, because the caller waits for
// it. The same is true for the functions and signers that are passed to this package.
type ClientAuth interface {
	Authenticate(ctx context.Context, r *ClientAuthRequest) error
}

// A ClientAuthRequest is a request that a [ClientAuth] authenticates.
type ClientAuthRequest struct {
	unprinted

	Server   *AuthorizationServer // must not be modified
	ClientID string
	Endpoint string      // the URL to which the request is sent
	Now      time.Time   // the time of the client, including Clock.Skew
	Header   http.Header // Authenticate may add to it
	Form     url.Values  // Authenticate may add to it

	attempts clientAttempts // of a Client; for attestation-based authentication
}

// clientAttempts is the part of a request, over all attempts at it, that a Client shares
// with its authentication. It is nil if another program calls Authenticate.
type clientAttempts interface {
	// dpop returns the client's key for DPoP; nil if there is none.
	dpop() *DPoP
	tolerance() time.Duration
	// prove has the DPoP proof of the attempt authenticate the client.
	prove(ctx context.Context) error
	// take returns the server's challenge for the proof of the next attempt; "" if
	// there is none.
	take(ctx context.Context) (challenge string, err error)
}

// An AssertionAudience is the kind of audience that a client assertion names.
type AssertionAudience int

const (
	// IssuerAudience is the issuer of the server, as a single string. It is the
	// default, and required by RFC 7523bis and FAPI 2.0.
	IssuerAudience AssertionAudience = iota
	// TokenEndpointAudience is the token_endpoint of the server, as in OpenID Connect
	// Core. If the request is sent to an endpoint alias for mutual TLS (RFC 8705,
	// Section 5), it is the alias of the token endpoint. For example, Entra ID, Okta
	// and Login.gov require it.
	//
	// If the request is sent to another origin than the token endpoint, the error
	// matches [ErrConfig]. The metadata of a malicious server could otherwise obtain an
	// assertion for the token endpoint of an honest one.
	TokenEndpointAudience
	// EndpointAudience is the URL of the endpoint to which the request is sent. For
	// example, Okta requires it at its introspection, revocation and pushed
	// authorization request endpoints, and accepts it at the token endpoint.
	EndpointAudience
)

// AssertionOptions are the options of JWT client assertions. The zero value means the
// defaults.
type AssertionOptions struct {
	unprinted

	Audience AssertionAudience // if zero, IssuerAudience

	// Type is the typ of the assertion. It must be "JWT", or
	// "client-authentication+jwt" as in RFC 7523bis, which for example PingFederate can
	// be configured to require. If empty, it is "JWT".
	Type string

	Lifetime time.Duration // from 1 second to 10 minutes; if zero, 60 seconds

	// Header contains additional header parameters, for example x5t#S256. It must not
	// contain alg, crit, typ, kid, b64 or zip.
	Header map[string]any

	// Claims contains additional claims. It must not contain iss, sub, aud, exp, iat,
	// nbf or jti.
	Claims map[string]any
}

// ownAuth reports whether auth keeps nothing of a request, and knows of no other attempt at it:
// what it is given need not be kept apart from what is sent.
func ownAuth(auth ClientAuth) bool {
	switch auth.(type) {
	case noAuth, secretAuth, secretFunc, tlsAuth, *jwtAuth:
		return true
	}
	return false
}

// faulty is implemented by values that keep what is wrong with their making.
type faulty interface{ fault() error }

// ---- none, secret, certificate

type noAuth struct{}

// PublicClient returns the ClientAuth of a public client, which only sends its
// client_id.
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

// ClientSecretBasic returns a ClientAuth for client_secret_basic. It sends client_id
// and secret in the Authorization header field. Each is form-encoded first (RFC 6749,
// Section 2.3.1).
//
// Some servers do not decode them, which makes a difference if they contain other
// characters than letters, digits, "-", "." and "_". Others expect an empty password,
// for example Reddit for installed apps. A program can write a ClientAuth of its own
// for these servers, as the example of [ClientAuth] does.
func ClientSecretBasic(secret string) ClientAuth { return secretAuth{NewSecret(secret), true} }

// ClientSecretPost returns a ClientAuth for client_secret_post. It sends client_id and
// secret in the body.
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

// secretFunc is secretAuth with a secret that is asked for.
type secretFunc struct {
	secret func(ctx context.Context) (string, error)
	basic  bool
}

// ClientSecretBasicFunc is like [ClientSecretBasic], for secrets that change or are
// kept elsewhere, for example in a file or a secret manager. secret must return the
// current secret. It is called for every attempt at a request, from several goroutines
// concurrently.
//
// If secret returns an error, the error of the request matches it and [ErrUnavailable].
// If it returns an empty secret, the error matches [ErrConfig]. In both cases nothing
// is sent.
func ClientSecretBasicFunc(secret func(ctx context.Context) (string, error)) ClientAuth {
	return secretFunc{secret, true}
}

// ClientSecretPostFunc is like [ClientSecretPost], with a secret that is returned by a
// function, as described at [ClientSecretBasicFunc]. For example, the client secret of
// Sign in with Apple is a JWT that the program signs and that expires.
func ClientSecretPostFunc(secret func(ctx context.Context) (string, error)) ClientAuth {
	return secretFunc{secret, false}
}

func (a secretFunc) fault() error {
	if a.secret == nil {
		return fail(ErrConfig, "Auth", "the function that returns the client secret is nil")
	}
	return nil
}

func (a secretFunc) Authenticate(ctx context.Context, r *ClientAuthRequest) error {
	if err := a.fault(); err != nil {
		return err
	}
	secret, err := a.secret(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return &Error{Detail: "given up", Err: ctx.Err()}
	case err != nil: // it is somebody else's to say, and may pass
		return &Error{Kind: ErrUnavailable, Param: "Auth", Detail: "the function that returns the client secret failed", Err: err}
	}
	return secretAuth{NewSecret(secret), a.basic}.Authenticate(ctx, r)
}

type tlsAuth struct{}

// TLSClientAuth returns a ClientAuth for tls_client_auth and
// self_signed_tls_client_auth (RFC 8705, Section 2). The certificate of the connection
// authenticates the client_id. TLSClientAuth requires Config.MTLS, or an HTTPClient
// with a certificate. Requests are sent to the server's mtls_endpoint_aliases (Section
// 5).
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
	values := [...]string{r.ClientID, assertionType, assertion}
	r.Form["client_id"] = values[0:1:1]
	r.Form["client_assertion_type"] = values[1:2:2]
	r.Form["client_assertion"] = values[2:3:3]
}

type assertionFunc func(ctx context.Context, audience string) (string, error)

// ClientAssertion returns a ClientAuth that authenticates with assertions made
// elsewhere, for example by a workload identity or a key management service. f must
// return an assertion for the audience, which is the issuer of the server. It is called
// for every attempt, and must return a new assertion each time. If f returns an error,
// the request fails with an error that matches it and [ErrConfig].
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
	sign     signFunc
	typ      string
	segment  string // of the header with alg, encoded
	audience AssertionAudience
	lifetime time.Duration
	header   []byte // `,"name":value…`
	claims   []byte
	err      error
}

// PrivateKeyJWT returns a ClientAuth for private_key_jwt (OpenID Connect Core, Section
// 9). It sends an assertion that is signed with the client's private key. opts may be
// nil.
func PrivateKeyJWT(key *SigningKey, opts *AssertionOptions) ClientAuth {
	a := newJWTAuth(opts)
	if key == nil || key.alg == nil {
		a.setFault(fail(ErrConfig, "Auth", "the key of PrivateKeyJWT is nil or empty"))
		return a
	}
	a.signWith(key.alg.name, key.kid, key.sign)
	return a
}

// ClientSecretJWT returns a ClientAuth for client_secret_jwt. It sends an assertion
// with an HMAC keyed with the client secret. alg must be HS256, HS384 or HS512, and the
// secret must have at least 32, 48 or 64 bytes, respectively (RFC 7518, Section 3.2).
// opts may be nil.
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
	a.signWith(alg, "", func(input []byte, _ *jwsScratch) ([]byte, error) { return hmacSign(mac, key, input), nil })
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
	if o.Audience < IssuerAudience || o.Audience > EndpointAudience {
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

func (a *jwtAuth) signWith(alg Algorithm, kid string, sign signFunc) {
	a.alg, a.kid, a.sign = alg, kid, sign
	a.segment = a.headerSegment(alg)
}

// headerSegment is the header of every assertion that is signed under that name of the
// algorithm.
func (a *jwtAuth) headerSegment(alg Algorithm) string {
	return encodeBase64URL(append(append(appendHeader(nil, alg, a.typ, a.kid), a.header...), '}'))
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
		return fail(ErrConfig, "AssertionOptions.Audience", "the issuer is a template and no audience: set TokenEndpointAudience or EndpointAudience")
	}
	return nil
}

// audienceOf is the aud of an assertion for a request to the endpoint. It is that
// endpoint, or a token endpoint where the request goes to its own origin: with the
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
	switch {
	case a.audience == EndpointAudience:
		candidates = []string{endpoint}
	case server.hasAlias(endpoint):
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
	segment := a.segment
	if alg := a.alg.nameAt("", r.Server.TokenEndpointAuthSigningAlgValuesSupported); alg != a.alg {
		segment = a.headerSegment(alg)
	}
	scratch := newJWSScratch()
	defer scratch.release()
	b := appendAssertionClaims(scratch.text[:0], r.ClientID, r.ClientID, audience, r.Now, a.lifetime)
	scratch.text = append(append(b, a.claims...), '}')
	assertion, err := scratch.compact(segment, a.sign)
	if err != nil {
		return &Error{Kind: ErrConfig, Param: "Auth", Detail: "signing the client assertion failed", Err: err}
	}
	setAssertion(r, assertion)
	return nil
}

// appendAssertionClaims starts a claims object with what RFC 7523, Section 3
// asks for; without a subject there is no sub. The caller closes it.
func appendAssertionClaims(b []byte, issuer, subject, audience string, now time.Time, lifetime time.Duration) []byte {
	b = append(b, `{"iss":`...)
	b = appendJSONString(b, issuer)
	if subject != "" {
		b = appendJSONString(append(b, `,"sub":`...), subject)
	}
	b = appendJSONString(append(b, `,"aud":`...), audience)
	b = append(appendJTI(append(b, `,"jti":"`...)), '"')
	at := numericDate(now)
	b = appendJSONInt(append(b, `,"iat":`...), at)
	b = appendJSONInt(append(b, `,"nbf":`...), at)
	return appendJSONInt(append(b, `,"exp":`...), at+int64(lifetime/time.Second))
}
