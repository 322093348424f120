package oauth

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"
)

// This file implements the way from a request to its access token: credential, token,
// presentation (RFC 6750, RFC 9449 and RFC 8705), in that order.

// Authenticate returns the access token of a request, after checking it. It looks
// for the token only in the Authorization header field. If the token is bound to a
// DPoP key or a client certificate, it also checks the proof or the certificate. A
// proof can be used once, so a request must be authenticated only once.
//
// Most handlers should use [ResourceServer.Require], which also sends the next
// nonce to the client. To respond to a request that Authenticate refuses, use
// [ResourceServer.WriteError].
//
// If the request has no credentials, the error matches [ErrNoCredentials]; if it is
// not well-formed, [ErrMalformed]. If the token or the proof is not valid, it
// matches [ErrInvalid], and one of the kinds that match it. If the token cannot be
// checked, it matches [ErrUnavailable], [ErrRateLimited] or the error of the
// request's context.
func (rs *ResourceServer) Authenticate(r *http.Request) (*AccessToken, error) {
	if rs == nil || rs.resource == "" || r == nil {
		return nil, withOp(opResource, fail(ErrConfig, "", "the ResourceServer or the request is nil, or the ResourceServer is empty"))
	}
	t, err := rs.authenticate(r)
	if err != nil {
		rs.trace.requestRefused(r.Context(), r.Method, r.URL, err)
		return nil, err
	}
	return t, nil
}

func (rs *ResourceServer) authenticate(r *http.Request) (*AccessToken, error) {
	scheme, raw, err := credential(r.Header)
	if err != nil {
		return nil, ofCredential(opResource, scheme, err)
	}
	return rs.judge(r.Context(), &presentedToken{raw: raw, scheme: scheme, param: "Authorization"}, httpPresentation{r})
}

// judge is the way of every credential, wherever it came from.
func (rs *ResourceServer) judge(ctx context.Context, came *presentedToken, p presentation) (*AccessToken, error) {
	t, err := rs.accessToken(ctx, came)
	if err != nil && !wasDecoded(err) {
		err = cmp.Or(came.checkForm(), err)
	}
	if err == nil {
		err = rs.checkPresentation(ctx, p, came, t.content.confirmation())
	}
	if err == nil {
		err = rs.checkRevoked(ctx, t, came)
	}
	if err != nil {
		return nil, ofCredential(opResource, came.scheme, err)
	}
	return t, nil
}

// A presentedToken is a token as it came. Its hash is made where it is used: what a
// stranger sends may be 64 KiB.
type presentedToken struct {
	raw    string
	scheme string
	param  string // where it came
	sum    tokenHash
	summed bool
}

func (t *presentedToken) hash() tokenHash {
	if !t.summed {
		t.sum, t.summed = hashToken(t.raw), true
	}
	return t.sum
}

// checkForm wants characters that a token can have. It stands before whatever could read
// another one: introspection and decryption. A JWT whose parts were decoded has those of
// base64url alone, and 64 KiB are not looked at twice.
func (t *presentedToken) checkForm() error {
	if presentable(t.raw) {
		return nil
	}
	return fail(ErrMalformed, t.param, "has no token, or what is none")
}

// wasDecoded reports whether a JWT that was refused with err had been decoded: all that is
// found out before is about its form, its algorithm and its type.
func wasDecoded(err error) bool {
	e, ok := err.(*Error)
	return ok && e.Kind != ErrParse && e.Kind != ErrUnsupported && e.Kind != ErrAlgorithm && e.Kind != ErrType
}

// credential is RFC 6750, Section 2.1: the token is in one Authorization field.
func credential(h http.Header) (scheme, token string, err error) {
	values := h["Authorization"]
	switch {
	case len(values) == 0:
		return "", "", fail(ErrNoCredentials, "Authorization", "is missing")
	case len(values) > 1:
		return "", "", fail(ErrMalformed, "Authorization", "comes more than once")
	}
	name, token, found := strings.Cut(values[0], " ")
	if scheme = knownScheme(name); scheme == "" {
		return "", "", fail(ErrNoCredentials, "Authorization", "is of another scheme than Bearer and DPoP")
	}
	if len(values[0]) > maxToken {
		return scheme, "", saying("is longer than ").number(maxToken).text(" bytes").fail(ErrParse, "Authorization")
	}
	token = strings.TrimLeft(token, " ") // RFC 9110, Section 11.4: 1*SP
	if !found || token == "" {
		return scheme, "", fail(ErrMalformed, "Authorization", "has no token, or what is none")
	}
	return scheme, token, nil
}

// knownScheme is Bearer or DPoP, whatever the case of name; "" for another.
func knownScheme(name string) string {
	switch {
	case strings.EqualFold(name, bearerScheme):
		return bearerScheme
	case strings.EqualFold(name, dpopScheme):
		return dpopScheme
	}
	return ""
}

// accessToken judges a token apart from the request that it came with.
func (rs *ResourceServer) accessToken(ctx context.Context, came *presentedToken) (*AccessToken, error) {
	if m := rs.remembered(ctx, came); m != nil {
		if err := m.stillGood(rs.clock.instant()); err != nil {
			return nil, err
		}
		return m.token, nil
	}
	if rs.decrypter != nil && strings.Count(came.raw, ".") == 4 {
		if err := came.checkForm(); err != nil {
			return nil, err
		}
		signed, err := decryptToken(ctx, rs.decrypter, came.raw, new(encryptedAnswer))
		if err != nil {
			return nil, err
		}
		return rs.verify(ctx, signed, came)
	}
	if rs.introspect == nil && rs.introspectFor == nil || rs.verifiesJWTs() && isJWT(came.raw) {
		return rs.verify(ctx, came.raw, came)
	}
	if err := came.checkForm(); err != nil {
		return nil, err
	}
	return rs.ask(ctx, came.raw, came.hash())
}

// verifiesJWTs reports whether there are servers whose tokens are not asked about.
func (rs *ResourceServer) verifiesJWTs() bool { return len(rs.servers) > 0 || rs.finder != nil }

// remembered finds a JWT that need not be verified again. Its times have to be
// checked nevertheless.
func (rs *ResourceServer) remembered(ctx context.Context, came *presentedToken) *rememberedToken {
	if rs.verified == nil {
		return nil
	}
	if m := rs.verified.get(came.raw); m != nil {
		// An error is for the verification to say, which needs the keys.
		if now, err := m.keySet.snapshot(ctx); err == nil && now.id == m.keys && (m.use == nil || m.use()) {
			return m
		}
	}
	return nil
}

// verify is the way of a JWT: RFC 9068, Section 4. signed is what the token was
// decrypted to, if it is encrypted.
func (rs *ResourceServer) verify(ctx context.Context, signed string, came *presentedToken) (*AccessToken, error) {
	s, keys, v, err := rs.verifiedBy(ctx, signed)
	if err != nil {
		if e, ok := err.(*Error); ok { // nobody else has it
			e.Op = cmp.Or(e.Op, opResource)
			e.token = e.token || e.isForm()
			e.answer.add(answer{scheme: came.scheme})
			if !strings.Contains(signed, ".") { // with introspection, it would not be here
				e.Detail += "; if the server's access tokens are opaque, set ResourceServerConfig.Introspect"
			}
		}
		return nil, err
	}
	r := newJSONReader()
	defer r.release()
	claims, err := v.claims(r)
	if err != nil {
		return nil, err
	}
	t, d := newAccessToken()
	d.acceptedBy, d.verified, d.raw, d.payload = rs, true, came.raw, v.payload
	if err := d.readClaims(&claims, rs.clock.instant()); err != nil {
		return nil, err
	}
	if d.issuer, d.tenant, err = s.issuer.match(&claims, v.key); err != nil {
		return nil, err
	}
	if err := s.profile.judge(&claims, v.typ, s.audiences, d); err != nil {
		if s.standard {
			return nil, hinted(err, adviseProfile(err, &claims, v.typ, s.audiences, d))
		}
		return nil, err
	}
	if d.server = s.metadata; s.use != nil {
		s.use()
	}
	if rs.verified != nil && keys != nil && signed == came.raw { // one that is encrypted has any number of forms
		d.raw = strings.Clone(came.raw) // which may be a part of something large
		rs.verified.add(d.raw, &rememberedToken{token: t, accept: s.accept, use: s.use, keySet: s.keys, keys: keys.id})
	}
	return t, nil
}

// verifiedBy finds the server whose keys verify a token, and the keys that it had then.
// Nobody else has the error that it returns.
func (rs *ResourceServer) verifiedBy(ctx context.Context, raw string) (*trustedServer, *keySnapshot, verifiedJWS, error) {
	var v verifiedJWS
	token := receivedJWS{raw: raw}
	defer token.payload.release()
	s, byKey, err := rs.serverOf(ctx, &token)
	if err != nil {
		return nil, nil, v, err
	}
	for {
		// Before the verification: the keys after it may be others already, without the
		// one that verified this token.
		keys := s.keys.current.Load()
		v, err = verifyReceived(ctx, &token, s.keys, fromAnybody, &s.rules)
		if e, ok := err.(*Error); ok && e.Kind == ErrSignature && hasHeaderNonce(raw) {
			err = hinted(err, "a token of Entra ID with a nonce in its header is for Microsoft Graph alone, and nobody else can verify it: "+
				"request one for a scope of this API")
		}
		if err == nil || !byKey {
			return s, keys, v, err
		}
		// Two servers may use one key id, and the new key of the second not be fetched yet.
		named, unknown := rs.serverNamed(ctx, &token)
		if unknown != nil || named == s {
			return nil, nil, v, err
		}
		s, byKey = named, false
	}
}

// hasHeaderNonce reports whether a token has the header parameter nonce, of which Entra ID
// signs a hash in its place.
func hasHeaderNonce(raw string) bool {
	segments, err := splitJWS(raw)
	if err != nil {
		return false
	}
	b, err := decodeBase64URL(nil, segments[0])
	return err == nil && scanMember(b, "nonce") != nil
}

// serverOf finds the server whose token this may be. Its keys decide whether it is. byKey
// says that the key id alone has told it, and not the token's iss.
func (rs *ResourceServer) serverOf(ctx context.Context, t *receivedJWS) (s *trustedServer, byKey bool, err error) {
	if len(rs.servers) == 1 && rs.finder == nil { // iss is compared after the signature
		return rs.servers[0], false, nil
	}
	now := monotonic()
	if err = rs.checkHeader(t, now); err != nil {
		return nil, false, err
	}
	if s = rs.serverWithKey(&t.header, now); s != nil {
		return s, true, nil
	}
	s, err = rs.serverNamed(ctx, t)
	return s, false, err
}

// serverWithKey is the server that alone has a key with the id of the token's: the payload
// need not be read, of which a stranger may have made 64 KiB. It is nil where the keys of
// a server are not known yet.
func (rs *ResourceServer) serverWithKey(h *joseHeader, now time.Time) (one *trustedServer) {
	if !h.hasKid || rs.finder != nil {
		return nil
	}
	for _, s := range rs.servers {
		snap := s.keys.current.Load()
		if !s.keys.freshAt(snap, now) {
			return nil // which keys it has now is not known
		}
		if !snap.names(h.kid) {
			continue
		}
		if one != nil {
			return nil
		}
		one = s
	}
	return one
}

// serverNamed is the server whose issuer the token names.
func (rs *ResourceServer) serverNamed(ctx context.Context, t *receivedJWS) (*trustedServer, error) {
	if err := t.decode(); err != nil {
		return nil, err
	}
	t.issuers = true // of a server that is found
	value := scanMember(t.payload.payload, "iss")
	plain := plainString(value)
	for _, s := range rs.servers {
		if string(plain) == s.issuer.issuer {
			return s, nil
		}
	}
	iss, err := unverifiedIn(t.payload.payload, "iss", value)
	if err != nil {
		return nil, err
	}
	for _, s := range rs.servers {
		if s.issuer.issuer == iss {
			return s, nil
		}
	}
	for _, s := range rs.servers {
		if matchesTemplate(s.issuer.issuer, iss) {
			return s, nil
		}
	}
	if rs.finder != nil {
		return rs.finder.server(ctx, iss)
	}
	return nil, saying("the token is from ").quoted(iss, 256).text(", which is not one of Servers").fail(ErrIssuer, "iss")
}

// checkHeader reads the header, and refuses a token with one that no server has, before its
// claims are read.
func (rs *ResourceServer) checkHeader(t *receivedJWS, now time.Time) (err error) {
	if err := t.split(); err != nil {
		return err
	}
	for _, s := range rs.servers {
		if t.known, t.knownTo = s.keys.remembered(t.segments[0], now); t.known != nil {
			t.header = t.known.header
			return nil
		}
	}
	t.header, err = parseHeader(t.segments[0])
	if err != nil || rs.finder != nil { // what a server takes that is not known yet is not known either
		return err
	}
	for _, s := range rs.servers {
		if s.rules.admits(&t.header) {
			return nil
		}
	}
	_, err = rs.servers[0].rules.admit(&t.header)
	return err
}

// readClaims takes the claims of every access token, and judges the times.
func (d *accessTokenData) readClaims(claims *jsonObject, at instant) error {
	// RFC 8417, Section 4.2: a security event is no access token, whatever its typ.
	if claims.has("events") {
		return fail(ErrType, "events", "a security event is not an access token")
	}
	if err := d.read(claims); err != nil {
		return err
	}
	return d.checkLifetime(at)
}

// checkPresentation holds what a token is bound to against the request.
func (rs *ResourceServer) checkPresentation(ctx context.Context, p presentation, came *presentedToken, bound confirmation) error {
	switch scheme := came.scheme; {
	case bound.jkt != "" && rs.proofs.off:
		return fail(ErrBinding, "cnf", "the token is bound to a DPoP key, and this API checks no proofs: DisableDPoP is set, or BaseURL is empty and Resource is no URL")
	case bound.jkt != "" && scheme != dpopScheme:
		// RFC 9449, Section 7.2: else a stolen token would be as good as any.
		return fail(ErrBinding, "cnf", "the token is bound to a DPoP key, and came as Bearer: the client must send it as DPoP, with a proof")
	case bound.jkt == "" && scheme == dpopScheme:
		return fail(ErrBinding, "cnf", "the token is not bound to a DPoP key, and came as DPoP")
	case bound.jkt == "" && len(p.proofs()) > 0:
		return fail(ErrBinding, "cnf", "the token is not bound to a DPoP key, and came with a proof")
	case bound.jkt == "" && rs.needDPoP:
		return fail(ErrBinding, "cnf", "the token is not bound to a DPoP key, and RequireDPoP is set")
	case bound == (confirmation{}) && rs.rules.bound != "":
		return rs.rules.forbids(ErrBinding, rs.rules.bound, "cnf", "the token is not bound to a DPoP key or a certificate")
	case bound.x5t == "" && rs.needMTLS:
		return fail(ErrBinding, "cnf", "the token is not bound to a certificate, and RequireMTLS is set")
	}
	if bound.x5t != "" {
		if err := rs.checkCertificate(p, bound.x5t); err != nil {
			if _, ok := p.(httpPresentation); ok {
				err = hinted(err, rs.peerAdvice)
			}
			return err
		}
	}
	if bound.jkt != "" {
		return answered(rs.checkProof(ctx, p, came.hash(), bound.jkt), answer{code: codeInvalidProof})
	}
	return nil
}

// checkRevoked asks whether a good token was revoked.
func (rs *ResourceServer) checkRevoked(ctx context.Context, t *AccessToken, came *presentedToken) error {
	if rs.revoked == nil {
		if rs.rules.revocation == "" || !t.content.verified {
			return nil // or its server was asked
		}
		return rs.askAgain(ctx, t, came.hash())
	}
	gone := false
	err := guarded(func() (err error) {
		gone, err = rs.revoked(ctx, t)
		return err
	})
	switch {
	case err != nil:
		return &Error{Kind: ErrUnavailable, Param: "Revoked", Detail: "whether the token was revoked is not known", Err: err}
	case gone:
		return fail(ErrInactive, "Revoked", "the token was revoked")
	}
	return nil
}

// checkCertificate is RFC 8705, Section 3.
func (rs *ResourceServer) checkCertificate(p presentation, x5t string) error {
	cert, err := p.certificate(rs)
	switch {
	case err != nil:
		return &Error{Kind: ErrMalformed, Param: "ClientCertificate", Detail: "the client's certificate cannot be had", Err: err}
	case cert == nil:
		return fail(ErrBinding, "cnf", "the token is bound to a client certificate, and there is none")
	case !sameSecret(CertificateThumbprint(cert), x5t):
		return fail(ErrBinding, "cnf", "the token is bound to another client certificate")
	}
	return nil
}
