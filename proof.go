package oauth

// This file implements the server's side of DPoP (RFC 9449): the check of proofs. The
// nonces that a resource server gives out are in nonce.go. The client's side is in dpop.go.

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A presentation is how a token came, which it may be bound to.
type presentation interface {
	proofs() []string                                          // of DPoP
	method() string                                            // htm
	calledURL(rs *ResourceServer) (string, error)              // htu; "" for one without a path
	certificate(rs *ResourceServer) (*x509.Certificate, error) // nil: the client has none
}

// httpPresentation is that of a request.
type httpPresentation struct{ r *http.Request }

func (p httpPresentation) proofs() []string                             { return p.r.Header["Dpop"] }
func (p httpPresentation) method() string                               { return p.r.Method }
func (p httpPresentation) calledURL(rs *ResourceServer) (string, error) { return rs.calledURL(p.r) }
func (p httpPresentation) certificate(rs *ResourceServer) (*x509.Certificate, error) {
	return rs.peer(p.r)
}

// checkProof is RFC 9449, Section 4.3. What costs nothing comes first; the key of
// the proof is looked at when it is the one that the token is bound to.
func (rs *ResourceServer) checkProof(ctx context.Context, p presentation, token tokenHash, jkt string) error {
	fields := p.proofs()
	switch {
	case len(fields) == 0:
		return fail(ErrClaim, "DPoP", "there is no proof")
	case len(fields) > 1: // check 1
		return fail(ErrParse, "DPoP", "there are several proofs")
	case len(fields[0]) > maxProof:
		return fail(ErrParse, "DPoP", "the proof is longer than %d bytes", maxProof)
	}
	segments, err := splitJWS(fields[0]) // check 2
	if err != nil {
		return err
	}
	sender, known, err := rs.proofs.sender(segments[0], jkt)
	if err != nil {
		return err
	}
	scratch := newJWSScratch()
	defer scratch.release()
	proof, err := scratch.parse(fields[0], segments)
	if err != nil {
		return err
	}
	reader := newJSONReader()
	defer reader.release()
	claims, err := reader.object(string(proof.payload), headerForm, ErrClaim)
	if err != nil {
		return err
	}
	jti, until, err := rs.checkProofClaims(p, &claims, token)
	if err != nil {
		return err
	}
	if _, err := proof.verify(sender.alg, sender.key); err != nil { // check 6
		return fail(ErrSignature, "DPoP", "the signature does not verify with the jwk of the proof")
	}
	if !known && len(segments[0]) <= maxMemoHeader {
		rs.proofs.senders.add(strings.Clone(segments[0]), sender)
	}
	return rs.checkReplay(ctx, jkt, jti, until)
}

// sender is checks 4, 5 and 7, and that the key is the one of the token, before
// anything is computed with it. Known is one whose proof had a good signature before.
func (rules *proofRules) sender(segment, jkt string) (s proofSender, known bool, err error) {
	s, known = rules.senders.get(segment)
	var jwk jsonObject
	if !known {
		if s.header, jwk, err = parseProofHeader(segment); err != nil {
			return s, false, err
		}
	}
	if s.alg, err = rules.jws.admit(&s.header); err != nil {
		return s, false, err
	}
	if !known {
		if s.print, err = proofKeyPrint(&jwk); err != nil {
			return s, false, err
		}
	}
	if !sameSecret(s.print, jkt) { // check 12
		return s, false, answered(fail(ErrBinding, "cnf", "the token is bound to another DPoP key"), answer{code: codeInvalidToken})
	}
	if !known {
		if s.key, err = parsePublicJWK(&jwk); err != nil {
			return s, false, err
		}
		s.header = s.header.detached()
		s.key.detach()
	}
	if s.key.rsaBits() > maxProofRSABits {
		return s, false, fail(ErrUnsupported, "jwk", "the RSA key of a proof has at most %d bits", maxProofRSABits)
	}
	if !s.key.fits(s.alg) {
		return s, false, fail(ErrAlgorithm, "jwk", "the key is not one for %s", s.alg.name)
	}
	return s, known, nil
}

// parseProofHeader reads the header, and takes out its jwk.
func parseProofHeader(segment string) (h joseHeader, jwk jsonObject, err error) {
	b, err := decodeBase64URL(nil, segment)
	if err != nil {
		return h, jwk, err
	}
	o, err := parseObject(string(b), headerForm, ErrParse)
	if err != nil {
		return h, jwk, err
	}
	if h, err = readHeader(&o); err != nil {
		return h, jwk, err
	}
	jwk, _, err = o.object("jwk")
	return h, jwk, err
}

// proofKeyPrint is the thumbprint of the key in a header, which must be public.
func proofKeyPrint(jwk *jsonObject) (string, error) {
	if jwk.members == nil {
		return "", fail(ErrClaim, "jwk", "is missing")
	}
	for _, private := range privateMembers {
		if jwk.has(private) {
			return "", fail(ErrParse, "jwk", "has private members")
		}
	}
	return jwkThumbprint(jwk)
}

// checkProofClaims is checks 3, 8, 9, 10, 11 and the first half of 12. Until is
// when the proof could not be accepted any more, by the local clock.
func (rs *ResourceServer) checkProofClaims(p presentation, claims *jsonObject, token tokenHash) (jti string, until time.Time, err error) {
	none := time.Time{}
	var htm, htu, ath string
	for _, m := range [...]struct {
		name string
		dst  *string
	}{{"jti", &jti}, {"htm", &htm}, {"htu", &htu}, {"ath", &ath}} {
		if *m.dst, err = claims.need(m.name); err != nil {
			return "", none, err
		}
	}
	times, err := claims.times()
	if err != nil {
		return "", none, err
	}
	if times.issuedAt.IsZero() {
		return "", none, fail(ErrClaim, "iat", "is missing")
	}
	nonce, _, err := claims.string("nonce")
	if err != nil {
		return "", none, err
	}
	if htm != p.method() {
		return "", none, fail(ErrClaim, "htm", "is not the method of the request, %s", printable(p.method(), 32))
	}
	if err := rs.checkTarget(p, htu); err != nil {
		return "", none, err
	}
	if want := encodeBase64URL(token[:]); !sameSecret(ath, want) {
		return "", none, fail(ErrClaim, "ath", "is not the hash of the access token")
	}
	// RFC 7519, Sections 4.1.4 and 4.1.5: "MUST NOT be accepted", whatever iat and
	// nonce allow.
	at := rs.clock.instant()
	if err := times.checkPeriod(at); err != nil {
		return "", none, err
	}
	if rs.proofs.nonces == nil {
		until, err = rs.proofs.checkAge(times.issuedAt, at.now)
	} else {
		until, err = rs.proofs.nonces.accept(nonce, at.now)
	}
	return jti, until.Add(replayMargin - rs.clock.Skew), err
}

// checkAge wants the proof to be of now: now − window ≤ iat ≤ now + window.
func (rules *proofRules) checkAge(iat, now time.Time) (until time.Time, err error) {
	switch {
	case iat.Before(now.Add(-rules.window)):
		return until, fail(ErrExpired, "iat", "the proof is %s this clock (%s), the limit is %v", apart(iat, now, "old by"), stamp(now), rules.window)
	case iat.After(now.Add(rules.window)):
		return until, fail(ErrNotYetValid, "iat", "the proof is %s this clock (%s), the limit is %v", apart(iat, now, "ahead of"), stamp(now), rules.window)
	}
	return iat.Add(rules.window), nil
}

// checkReplay is RFC 9449, Section 11.1.
func (rs *ResourceServer) checkReplay(ctx context.Context, jkt, jti string, until time.Time) error {
	key := replayKey(jkt, jti)
	var added bool
	var err error
	if shared, ok := rs.proofs.replay.(sharingCache); ok {
		added, err = shared.AddFor(ctx, jkt, key, until)
	} else {
		added, err = rs.proofs.replay.Add(ctx, key, until)
	}
	_, ours := rs.proofs.replay.(*memoryReplay)
	switch {
	case err != nil && ours:
		return err
	case errors.Is(err, ErrRateLimited):
		return &Error{Kind: ErrRateLimited, Param: "Replay", Detail: "the key of the proof has used up its share of the replay cache", Err: err}
	case err != nil:
		return &Error{Kind: ErrUnavailable, Param: "Replay", Detail: "the replay cache cannot be asked", Err: err}
	case !added:
		return fail(ErrReplay, "jti", "the proof was used before")
	}
	return nil
}

// ---- htu

// checkTarget compares htu with the URL of the request, both in the form of RFC
// 3986, Sections 6.2.2 and 6.2.3. "ignoring any query and fragment parts"
func (rs *ResourceServer) checkTarget(p presentation, htu string) error {
	if i := strings.IndexAny(htu, "?#"); i >= 0 {
		htu = htu[:i]
	}
	called, err := p.calledURL(rs)
	if err != nil {
		return answered(err, answer{code: codeInvalidRequest})
	}
	want, ok := normalTarget(called)
	if !ok {
		return fail(ErrClaim, "htu", "the request has no path, or one with dot segments or a percent sign that escapes nothing")
	}
	if got, ok := normalTarget(htu); !ok || got.origin != want.origin || got.path != want.path {
		return fail(ErrClaim, "htu", "is not the URL of the request, %s; if a proxy changes host or path, set ResourceServerConfig.BaseURL or RequestURL", printable(called, 256))
	}
	return nil
}

// calledURL is the URL that the client called, as the configuration says; "" for a
// request line without a path.
func (rs *ResourceServer) calledURL(r *http.Request) (string, error) {
	if rs.requestURL == nil {
		path, ok := requestPath(r)
		if !ok {
			return "", nil
		}
		called, _ := joinTarget(rs.base, path)
		return called, nil
	}
	u, err := rs.requestURL(r)
	if err != nil {
		return "", &Error{Kind: ErrMalformed, Param: "RequestURL", Detail: "the URL of the request cannot be had", Err: err}
	}
	return targetOf("RequestURL", u)
}

// targetOf is a URL that a client called as proofs have it.
func targetOf(param string, u *url.URL) (string, error) {
	if u == nil || u.Host == "" {
		return "", fail(ErrMalformed, param, "is no absolute URL")
	}
	called, ok := proofURL(u)
	if !ok {
		return "", fail(ErrMalformed, param, "is an opaque URL, or one whose path does not begin with a slash")
	}
	return called, nil
}
