package oauth

// This file implements attestation-based client authentication as
// draft-ietf-oauth-attestation-based-client-auth-12 has it: what is sent of an
// attestation, the proof of possession that goes with it, and the challenges
// that servers want in the proof.

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const opChallenge = "attestation challenge"

// The header fields and types of the draft.
const (
	attestationHeader    = "OAuth-Client-Attestation"
	attestationPoPHeader = "OAuth-Client-Attestation-PoP"
	challengeHeader      = "OAuth-Client-Attestation-Challenge"
	attestationType      = "oauth-client-attestation+jwt"
	attestationPoPType   = "oauth-client-attestation-pop+jwt"
)

// attestationAuth is attest_jwt_client_auth and, with dpop,
// attest_jwt_client_auth_dpop.
type attestationAuth struct {
	key         *SigningKey // nil with dpop
	dpop        bool        // the DPoP proof is the proof of possession
	attestation func(ctx context.Context) (string, error)
}

// AttestJWTClientAuth returns a ClientAuth for attest_jwt_client_auth. The attester of
// the client, which is for example the backend of a wallet, vouches for the key of this
// instance of the client. The instance signs a proof that it has the key.
//
// It follows a draft: draft-ietf-oauth-attestation-based-client-auth-12. Until the
// draft is an RFC, the parameters and the requests of this function may change with any
// release.
//
// attestation must return the Client Attestation JWT that the attester made for the
// key. It is called for every attempt at a request, from several goroutines
// concurrently, and may return the same JWT until that expires. The JWT must be signed,
// of type oauth-client-attestation+jwt, at most 16 KiB long, issued for this client_id
// (sub) and key (cnf), and not expired. The package checks this before it sends the
// JWT, but only the server verifies the signature.
//
// The proof contains the latest challenge of the server. The Client fetches the first
// one from the server's challenge_endpoint, if there is one, and takes others from any
// response. If a request is refused with use_attestation_challenge, it is sent once
// more, with a new proof and the challenge of the refusal or of the endpoint. If the
// endpoint then provides none, the request fails.
//
// Servers bind refresh tokens to the key. It must be kept together with them.
//
// If attestation returns an error, the error of the request matches [ErrUnavailable].
// If the JWT does not meet the requirements above, it matches [ErrConfig]. If the JWT
// is too old for the server, it is a [*ResponseError] with the code
// use_fresh_attestation.
func AttestJWTClientAuth(key *SigningKey, attestation func(ctx context.Context) (string, error)) ClientAuth {
	return &attestationAuth{key: key, attestation: attestation}
}

// AttestJWTClientAuthDPoP returns a ClientAuth for attest_jwt_client_auth_dpop. It
// differs from [AttestJWTClientAuth] in that the key is the key of Config.DPoP, which
// is required, and that its DPoP proof replaces the other proof. Every request with
// client authentication then has a DPoP proof, including introspection and revocation.
// It follows the same draft.
//
// The challenge of the server is the nonce of the proof. The Client fetches the first
// one from the server's challenge_endpoint, if there is one. The nonce is the
// DPoP-Nonce of the response (since version 11 of the draft) or else its challenge
// (earlier versions). Every later response of the server may contain another one. If a
// request is refused with use_dpop_nonce or use_attestation_challenge, it is sent once
// more for each of them.
//
// Authorization requests have no dpop_jkt, because it does not work with this method
// (Section 5.2). If Config.Auth is a ClientAuth that wraps this one, the Client cannot
// detect this, and sends dpop_jkt.
func AttestJWTClientAuthDPoP(attestation func(ctx context.Context) (string, error)) ClientAuth {
	return &attestationAuth{dpop: true, attestation: attestation}
}

func (a *attestationAuth) fault() error {
	switch {
	case a.attestation == nil:
		return fail(ErrConfig, "Auth", "the function that returns client attestations is nil")
	case !a.dpop && (a.key == nil || a.key.alg == nil):
		return fail(ErrConfig, "Auth", "the key of AttestJWTClientAuth is nil or empty")
	}
	return nil
}

// thumbprintFor is that of the key to be attested, for a client with this DPoP.
func (a *attestationAuth) thumbprintFor(server *AuthorizationServer, d *DPoP) (string, error) {
	switch {
	case a.dpop && d == nil:
		return "", fail(ErrConfig, "DPoP", "is nil, and its proofs are what AttestJWTClientAuthDPoP authenticates with")
	case a.dpop:
		return d.thumbprint, nil
	case strings.Contains(server.Issuer, tenantPlaceholder):
		return "", fail(ErrConfig, "Auth", "the issuer is a template and no audience for the proof of AttestJWTClientAuth")
	}
	return a.key.Thumbprint(), nil
}

func (a *attestationAuth) Authenticate(ctx context.Context, r *ClientAuthRequest) error {
	if err := a.fault(); err != nil {
		return err
	}
	if err := r.prepare(); err != nil {
		return err
	}
	q := attestedBy(r)
	jkt, err := a.thumbprintFor(r.Server, q.dpop())
	if err != nil {
		return err
	}
	for name := range r.Header { // however it is written: which of two counts is the server's choice
		if strings.EqualFold(name, attestationHeader) || strings.EqualFold(name, attestationPoPHeader) {
			return fail(ErrConfig, "Header", "%s is set by the package", name)
		}
	}
	attestation, err := a.attestation(ctx)
	if err != nil {
		return &Error{Kind: ErrUnavailable, Param: "Auth", Detail: "the function that returns client attestations failed", Err: err}
	}
	if err := checkAttestation(attestation, r.ClientID, jkt, r.Now.Add(-q.tolerance())); err != nil {
		// The text alone: the kinds of err tell what is wrong with somebody else's token.
		return fail(ErrConfig, "Auth", "the client attestation cannot be used: %s", strings.TrimPrefix(err.Error(), "oauth: "))
	}
	r.Form.Set("client_id", r.ClientID)
	r.Header.Set(attestationHeader, attestation)
	if a.dpop {
		return q.prove(ctx)
	}
	challenge, err := q.take(ctx)
	if err != nil {
		return err
	}
	proof, err := a.proof(r, challenge)
	if err != nil {
		return err
	}
	r.Header.Set(attestationPoPHeader, proof)
	return nil
}

// proof makes the Client Attestation PoP JWT. Its key stands in the attestation
// and has no kid. Version 12 asks for aud, jti and iat; earlier ones also for iss.
func (a *attestationAuth) proof(r *ClientAuthRequest, challenge string) (string, error) {
	b := append(make([]byte, 0, 512), `{"iss":`...)
	b = appendJSONString(b, r.ClientID)
	b = appendJSONString(append(b, `,"aud":`...), r.Server.Issuer)
	b = append(appendJTI(append(b, `,"jti":"`...)), '"')
	b = appendJSONInt(append(b, `,"iat":`...), numericDate(r.Now))
	if challenge != "" {
		b = appendJSONString(append(b, `,"challenge":`...), challenge)
	}
	return a.key.signCompact(append(appendHeader(nil, a.key.alg.name, attestationPoPType, ""), '}'), append(b, '}'))
}

// checkAttestation finds what the server would refuse an attestation for, to say
// it in clear words and before anything is sent. That is all that its claims are
// used for: nobody has verified the signature, and nothing of them is trusted.
func checkAttestation(raw, clientID, jkt string, now time.Time) error {
	switch {
	case raw == "":
		return fail(ErrParse, "", "it is empty")
	case len(raw) > maxAttestation:
		return fail(ErrParse, "", "it is longer than %d bytes", maxAttestation)
	}
	segments, err := splitJWS(raw)
	if err != nil {
		return err
	}
	header, err := parseHeader(segments[0])
	if err != nil {
		return err
	}
	if header.typ != attestationType {
		return fail(ErrType, "typ", "is %s, not %s", printable(header.typ, 64), attestationType)
	}
	scratch := newJWSScratch()
	defer scratch.release()
	p, err := scratch.parse(raw, segments)
	if err != nil {
		return err
	}
	r := newJSONReader()
	defer r.release()
	claims, err := r.object(string(p.payload), documentForm, ErrClaim)
	if err != nil {
		return err
	}
	subject, err := claims.need("sub")
	if err != nil {
		return err
	}
	expiry, ok, err := claims.date("exp")
	switch {
	case err != nil:
		return err
	case subject != clientID:
		return fail(ErrClaim, "sub", "it is for the client %s, not for %s", printable(subject, 128), printable(clientID, 128))
	case !ok:
		return fail(ErrClaim, "exp", "is missing")
	case !expiry.After(now):
		return fail(ErrExpired, "exp", "it expired at %s: get a new one", stamp(expiry))
	}
	return checkAttestedKey(&claims, jkt)
}

func checkAttestedKey(claims *jsonObject, jkt string) error {
	cnf, _, err := claims.object("cnf")
	if err != nil {
		return err
	}
	jwk, ok, err := cnf.object("jwk")
	if err != nil {
		return err
	}
	if !ok {
		return fail(ErrClaim, "cnf", "has no jwk")
	}
	for _, private := range privateMembers { // the key would be the server's too, and of whoever reads its log
		if jwk.has(private) {
			return fail(ErrClaim, "jwk", "has private members")
		}
	}
	attested, err := jwkThumbprint(&jwk)
	if err != nil {
		return err
	}
	if attested != jkt {
		return fail(ErrBinding, "cnf", "it is for the key with the thumbprint %s, and the client's is %s", attested, jkt)
	}
	return nil
}

// ---- the server's challenge

// An attestedRequest is the part of a request that this authentication shares
// with its sender, over all attempts. Other authentication leaves it alone. It is
// nil where somebody calls Authenticate who is not a Client.
type attestedRequest struct {
	server  *AuthorizationServer
	caller  *caller
	dpopKey *DPoP // nil: none
	clock   Clock
	last    *lastChallenge // of the client

	proven    bool   // the DPoP proof authenticates the client
	signed    bool   // there is a PoP JWT, or such a DPoP proof
	challenge string // in it; "" if there is none
	next      string // for the next attempt
}

// isCombined reports whether the DPoP proofs of a client with auth authenticate it.
func isCombined(auth ClientAuth) bool {
	a, ok := auth.(*attestationAuth)
	return ok && a.dpop
}

// attestedBy is the part of r that a Client has put there, or one without a client.
func attestedBy(r *ClientAuthRequest) clientAttempts {
	if r.attempts == nil {
		return (*attestedRequest)(nil)
	}
	return r.attempts
}

// prove has the DPoP proof of an attempt authenticate the client, with the
// challenge as its nonce.
func (q *attestedRequest) prove(ctx context.Context) error {
	q.proven = true
	_, err := q.take(ctx)
	return err
}

// nonce is that of the DPoP proof, where it authenticates the client; "" leaves it
// to RFC 9449.
func (q *attestedRequest) nonce() string {
	if !q.proven {
		return ""
	}
	return q.challenge
}

// fresh is the challenge that an answer brings for the next proof; "" if none.
// With a DPoP proof a DPoP nonce is one, and goes before the challenge that servers
// of earlier versions of the draft send in its place.
func (q *attestedRequest) fresh(h http.Header) string {
	if nonce := nonceOf(h); q.proven && nonce != "" {
		return nonce
	}
	if values := h.Values(challengeHeader); len(values) == 1 && challengeValue(values[0]) {
		return strings.Clone(values[0])
	}
	return ""
}

func (q *attestedRequest) dpop() *DPoP {
	if q == nil {
		return nil
	}
	return q.dpopKey
}

func (q *attestedRequest) tolerance() time.Duration {
	if q == nil {
		return DefaultTolerance
	}
	return q.clock.tolerance()
}

// prover makes the DPoP proof of the attempt: d, or the client's where the proof
// authenticates it, also where RFC 9449 has none.
func (q *attestedRequest) prover(d *DPoP) *DPoP {
	if !q.proven {
		return d
	}
	return q.dpopKey
}

// take is the challenge for the proof of an attempt: after a refusal the one
// that came with it, which need not be the latest any more, as with DPoP nonces.
// Requests at the same time ask for a first one each: nobody waits for others.
func (q *attestedRequest) take(ctx context.Context) (string, error) {
	if q == nil {
		return "", nil
	}
	challenge := q.next
	if challenge == "" {
		challenge = q.last.latest()
	}
	if challenge == "" && q.server.ChallengeEndpoint != "" {
		var err error
		if challenge, err = q.fetchChallenge(ctx); err != nil {
			return "", withOp(opChallenge, err)
		}
	}
	q.signed, q.challenge = true, challenge
	return challenge, nil
}

// retry keeps the challenge of an answer, and reports whether the request is to
// be made once more: it was refused for its challenge, and this is another one.
func (q *attestedRequest) retry(res *httpResponse) bool {
	if !q.signed {
		return false
	}
	code := ""
	if res.status == http.StatusBadRequest || res.status == http.StatusUnauthorized {
		code = res.refusal().Code
	}
	refused := code == "use_attestation_challenge"
	fresh := q.fresh(res.header)
	switch {
	case fresh != "" && !(refused && fresh == q.challenge):
		q.next = fresh
		q.last.keep(fresh)
	case refused: // there may be another where the first one is from
		q.last.forget(q.challenge)
		q.next = ""
		return q.server.ChallengeEndpoint != ""
	case code == "invalid_client", q.proven && code == "use_dpop_nonce": // perhaps for the challenge, which not every server says
		q.last.forget(q.challenge)
	}
	return refused
}

// fetchChallenge asks for a challenge. The endpoint is open to everybody, and has
// no alias for clients with a certificate.
func (q *attestedRequest) fetchChallenge(ctx context.Context) (string, error) {
	res, err := q.caller.do(ctx, &httpRequest{op: opChallenge, url: q.server.ChallengeEndpoint, param: "challenge_endpoint", accept: mediaJSON})
	if err != nil {
		return "", err
	}
	if err := res.expect(http.StatusOK); err != nil {
		return "", err
	}
	// Version 11, Section 6.3: "If the challenge endpoint response contains a
	// DPoP-Nonce HTTP header field, a Client using DPoP MUST use its value".
	if u, err := url.Parse(q.server.ChallengeEndpoint); err == nil && q.dpopKey != nil {
		if nonce := q.dpopKey.remember(originOf(u), res.header); nonce != "" && q.proven {
			q.last.keep(nonce)
			return nonce, nil
		}
	}
	o, err := res.object()
	if err != nil {
		return "", err
	}
	challenge, err := o.need("attestation_challenge")
	if err != nil {
		return "", err
	}
	if !challengeValue(challenge) {
		return "", fail(ErrResponse, "attestation_challenge", "is longer than %d bytes, or has characters that cannot stand in a header", maxServerChallenge)
	}
	q.last.keep(challenge)
	return challenge, nil
}

func challengeValue(s string) bool { return len(s) <= maxServerChallenge && headerValue(s) }

// A lastChallenge is the latest challenge of a server.
type lastChallenge struct {
	mu    sync.Mutex
	value string
}

// latest is the challenge; "" if there is none.
func (l *lastChallenge) latest() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value
}

func (l *lastChallenge) keep(challenge string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value = challenge
}

// forget takes out a challenge that is not good any more. Another one stays.
func (l *lastChallenge) forget(challenge string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.value == challenge {
		l.value = ""
	}
}
