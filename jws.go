package oauth

// This file implements JSON Web Signature (RFC 7515) in the compact form, and
// nothing but it: the primitives, verification, signing.
//
// A token goes through three types. parsedJWS is what somebody sent; only
// verify makes a verifiedJWS of it, and only that gives out claims.

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// ---- primitives: every call into the crypto packages for a signature

// verifySignature checks sig over input. The key fits the algorithm: the
// caller selected it by kty and crv.
func verifySignature(a *algorithm, key crypto.PublicKey, input, sig []byte, scratch *jwsScratch) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		digest := sum(a.hash, input, &scratch.digest)
		if !a.pss {
			return rsa.VerifyPKCS1v15(key, a.hash, digest, sig) == nil
		}
		// RFC 7518, Section 3.5: the salt has the size of the hash.
		return rsa.VerifyPSS(key, a.hash, digest, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	case *ecdsa.PublicKey:
		if len(sig) != a.size {
			return false
		}
		return ecdsa.VerifyASN1(key, sum(a.hash, input, &scratch.digest), appendECDSASignature(scratch.der[:0], sig))
	case ed25519.PublicKey:
		return len(sig) == a.size && ed25519.Verify(key, input, sig)
	case *mldsaPublicKey:
		return len(sig) == a.size && verifyMLDSA(key, input, sig)
	}
	return false
}

// sign makes the signature of input, maybe in the scratch. Randomness is crypto/rand's.
func (k *SigningKey) sign(input []byte, scratch *jwsScratch) ([]byte, error) {
	a := k.alg
	message := input // which Ed25519 and ML-DSA, with an empty context, take itself: they have no hash
	var opts crypto.SignerOpts = a.hash
	if a.hash != 0 {
		message = sum(a.hash, input, &scratch.digest)
	}
	if a.pss {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.hash}
	}
	if !k.signer.inMemory() { // it may keep what it is given
		message = bytes.Clone(message)
	}
	sig, err := k.signer.Sign(rand.Reader, message, opts)
	if err != nil || a.kty != "EC" {
		return sig, err
	}
	return fixedECDSASignature(scratch.der[:a.size], sig)
}

// hmacSign is for client_secret_jwt. The secret is at least as long as the
// hash: crypto/hmac panics on very short ones in FIPS 140-3 mode.
func hmacSign(a *algorithm, secret, input []byte) []byte {
	h := hmac.New(a.hash.New, secret)
	h.Write(input)
	return h.Sum(nil)
}

// maxECDSADER is the size of an ECDSA-Sig-Value for P-521: two integers of 66
// bytes, each with tag, length and a sign byte, in a sequence with a header of three.
const maxECDSADER = 3 + 2*(2+1+66)

// appendECDSASignature turns r‖s into the DER that crypto/ecdsa verifies.
func appendECDSASignature(der, sig []byte) []byte {
	der = append(der, 0x30, 0, 0) // room for the long form
	for _, n := range [2][]byte{sig[:len(sig)/2], sig[len(sig)/2:]} {
		n = bytes.TrimLeft(n, "\x00")
		pad := len(n) == 0 || n[0] >= 0x80
		der = append(der, 0x02, byte(len(n)))
		if pad {
			der[len(der)-1]++
			der = append(der, 0)
		}
		der = append(der, n...)
	}
	if body := len(der) - 3; body >= 0x80 {
		der[1], der[2] = 0x81, byte(body)
		return der
	}
	der[1], der[2] = 0x30, byte(len(der)-3)
	return der[1:]
}

// fixedECDSASignature is the reverse: r‖s of the width of out, in it, from a signer's DER.
func fixedECDSASignature(out, der []byte) ([]byte, error) {
	sequence, after := derElement(der, 0x30)
	r, rest := derElement(sequence, 0x02)
	s, end := derElement(rest, 0x02)
	half := len(out) / 2
	if len(after)+len(end) > 0 || !fixedInteger(out[:half], r) || !fixedInteger(out[half:], s) {
		return nil, fail(ErrConfig, "", "the signer returned something that is not an ECDSA signature of this curve")
	}
	return out, nil
}

// derElement cuts off the element that DER begins with (X.690, Section 8.1), if it has the
// tag: of at most 255 bytes, with its length in the shortest form (10.1). Of what is no
// such element nothing is left, and nothing is no INTEGER.
func derElement(der []byte, tag byte) (content, rest []byte) {
	if len(der) < 2 || der[0] != tag {
		return nil, nil
	}
	n, der := int(der[1]), der[2:]
	if n == 0x81 && len(der) > 0 && der[0] >= 0x80 {
		n, der = int(der[0]), der[1:]
	} else if n >= 0x80 {
		return nil, nil
	}
	if n > len(der) {
		return nil, nil
	}
	return der[:n], der[n:]
}

// fixedInteger writes the content of an INTEGER (X.690, Section 8.3) into all of out, if it
// is over 0, fits and is in its shortest form.
func fixedInteger(out, content []byte) bool {
	switch n := len(content); {
	case n == 0 || content[0] >= 0x80: // negative
		return false
	case content[0] == 0:
		if n == 1 || content[1] < 0x80 {
			return false
		}
		content = content[1:]
	}
	if len(content) > len(out) {
		return false
	}
	zeros := len(out) - len(content)
	clear(out[:zeros])
	copy(out[zeros:], content)
	return true
}

// ---- parsing

// joseHeader is what is used of a JOSE header. jwk, jku, x5u and x5c are never
// looked at: a token does not choose the key that it is verified with.
type joseHeader struct {
	alg    Algorithm
	typ    string // as normalType gives it; "" if absent
	kid    string
	hasKid bool
}

// detached is a header that keeps nothing else of its token in memory.
func (h *joseHeader) detached() joseHeader {
	return joseHeader{Algorithm(strings.Clone(string(h.alg))), strings.Clone(h.typ), strings.Clone(h.kid), h.hasKid}
}

// A parsedJWS is a compact JWS that nobody has verified. Its bytes stand in the scratch.
type parsedJWS struct {
	input        []byte // header.payload, what is signed
	payload, sig []byte // decoded
	scratch      *jwsScratch
}

// release gives the scratch back. A second time it does nothing.
func (p *parsedJWS) release() {
	if s := p.scratch; s != nil {
		*p = parsedJWS{} // twice in the pool the scratch would have two tokens at a time
		s.release()
	}
}

// A jwsScratch is what the verification or signing of one token writes into. It is from a
// pool: what is handed on through an interface would be allocated for each.
type jwsScratch struct {
	text   []byte // the token, and what it decodes to or is made of
	digest [sha512.Size]byte
	der    [maxECDSADER]byte
}

var jwsScratches = sync.Pool{New: func() any { return new(jwsScratch) }}

func newJWSScratch() *jwsScratch { return jwsScratches.Get().(*jwsScratch) }

// release gives the scratch back, unless it is larger than a token needs. What was parsed
// into it must not be used after.
func (s *jwsScratch) release() {
	if cap(s.text) <= 3*maxToken {
		jwsScratches.Put(s)
	}
}

// tokenHash is the SHA-256 of a token: what it is remembered by, and ath.
type tokenHash [sha256.Size]byte

// hashToken goes through the scratch: a conversion would allocate.
func hashToken(raw string) tokenHash {
	scratch := newJWSScratch()
	defer scratch.release()
	scratch.text = append(scratch.text[:0], raw...)
	return sha256.Sum256(scratch.text)
}

// oversize is the error of a token that is too long, before anybody has looked at all of it;
// nil of another.
func oversize(raw string) *Error {
	if len(raw) > maxToken {
		return saying("the token is longer than ").number(maxToken).text(" bytes").fail(ErrParse, "")
	}
	return nil
}

// splitJWS cuts a token at its dots. Nothing is decoded yet.
func splitJWS(raw string) (segments [3]string, err error) {
	if e := oversize(raw); e != nil {
		return segments, e
	}
	switch strings.Count(raw, ".") {
	case 2:
	case 4:
		return segments, fail(ErrUnsupported, "", "the token is encrypted (JWE)")
	default:
		return segments, fail(ErrParse, "", "not a JWT: a signed one has three parts")
	}
	header, rest, _ := strings.Cut(raw, ".")
	payload, sig, _ := strings.Cut(rest, ".")
	if len(header) > maxHeader {
		return segments, saying("the token's header is longer than ").number(maxHeader).text(" bytes").fail(ErrParse, "")
	}
	return [3]string{header, payload, sig}, nil
}

// parseHeader decodes and reads the header segment.
func parseHeader(segment string) (joseHeader, error) {
	scratch := newJWSScratch()
	defer scratch.release()
	b, err := decodeBase64URL(scratch.text[:0], segment)
	if err != nil {
		return joseHeader{}, err
	}
	scratch.text = b
	r := newJSONReader()
	defer r.release()
	o, err := r.object(string(b), headerForm, ErrParse)
	if err != nil {
		return joseHeader{}, inPart("the header cannot be read", err)
	}
	return readHeader(&o)
}

// readHeader reads the parameters of a header.
func readHeader(o *jsonObject) (joseHeader, error) {
	// RFC 7515, Section 4.1.11: extensions that are not understood must be
	// refused; none is understood here. b64 (RFC 7797) and zip change what the
	// payload means and are refused even where crit does not list them.
	for _, name := range [...]string{"crit", "b64", "zip"} {
		if o.has(name) {
			return joseHeader{}, fail(ErrUnsupported, name, "the header parameter is not supported")
		}
	}
	alg, err := o.need("alg")
	if err != nil {
		return joseHeader{}, err
	}
	typ, _, err := o.string("typ")
	if err != nil {
		return joseHeader{}, err
	}
	kid, hasKid, err := o.string("kid")
	if err != nil {
		return joseHeader{}, err
	}
	return joseHeader{alg: Algorithm(alg), typ: normalType(typ), kid: kid, hasKid: hasKid}, nil
}

// normalType makes typ values comparable: RFC 7515, Section 4.1.9, media types
// without regard to case, "application/" may be left out.
func normalType(typ string) string {
	typ = lowerASCII(typ)
	if sub, ok := strings.CutPrefix(typ, "application/"); ok && !strings.Contains(sub, "/") {
		return sub
	}
	return typ
}

// unverified is a claim of a token that nobody has verified. It says where to look for
// what the token is held against, and nothing else.
func unverified(raw, claim string) (string, error) {
	segments, err := splitJWS(raw)
	if err != nil {
		return "", err
	}
	scratch := newJWSScratch()
	defer scratch.release()
	p, err := scratch.parse(raw, segments)
	if err != nil {
		return "", err
	}
	return unverifiedIn(p.payload, claim, scanMember(p.payload, claim))
}

// unverifiedIn is unverified for a payload, in which scanMember found value. One that is
// long is not read whole.
func unverifiedIn(payload []byte, claim string, value []byte) (string, error) {
	r := newJSONReader()
	defer r.release()
	if len(payload) > maxUnverified {
		switch {
		case value == nil:
			return "", fail(ErrClaim, claim, "is missing")
		case len(value) > maxUnverified:
			return "", fail(ErrClaim, claim, "is longer than %d bytes", maxUnverified)
		}
		payload = []byte(`{"` + claim + `":` + string(value) + `}`)
	}
	claims, err := r.object(string(payload), answerForm, ErrClaim)
	if err != nil {
		return "", err
	}
	return claims.need(claim)
}

// plainString is the text of a string without an escape, as scanMember found it; nil for
// another value. It is compared without being copied: that what is equal is JSON, and the
// only such member, the strict reader says after the verification.
func plainString(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 {
		return nil
	}
	return value[1 : len(value)-1]
}

// scanMember is the text of a member of a JSON object, which nobody has read yet: it is
// found without reading the others, for a stranger may have sent 64 KiB of them. It is nil
// if there is none, or if what stands before it is no JSON. That the rest is JSON, and that
// there is one such member, is for the strict reader to say after the verification.
func scanMember(text []byte, name string) []byte {
	i := skipSpace(text, 0)
	if i == len(text) || text[i] != '{' {
		return nil
	}
	for {
		i = skipSpace(text, i+1)
		end := endOfString(text, i)
		if end < 0 {
			return nil
		}
		found := string(text[i+1:end-1]) == name
		if i = skipSpace(text, end); i == len(text) || text[i] != ':' {
			return nil
		}
		i = skipSpace(text, i+1)
		if end = endOfValue(text, i); end < 0 {
			return nil
		}
		if found {
			return text[i:end]
		}
		if i = skipSpace(text, end); i == len(text) || text[i] != ',' {
			return nil
		}
	}
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n') {
		i++
	}
	return i
}

// endOfString is where the string ends that begins at i; -1 if none does, or it has no end.
func endOfString(text []byte, i int) int {
	if i >= len(text) || text[i] != '"' {
		return -1
	}
	end := i + 1
	for near := min(end+nearEnd, len(text)); end < near; end++ { // most strings are short
		switch text[end] {
		case '"':
			return end + 1
		case '\\':
			end++ // what is escaped ends nothing
		}
	}
	for ; end < len(text); end++ {
		n := bytes.IndexByte(text[end:], '"')
		if n < 0 {
			return -1
		}
		end += n
		escapes := 0
		for text[end-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end + 1
		}
	}
	return -1
}

// nearEnd is the number of bytes of a string that are looked at one by one.
const nearEnd = 16

// endOfValue is where the value ends that begins at i; -1 if it has no end.
func endOfValue(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		switch text[i] {
		case '"':
			if i = endOfString(text, i); i < 0 || depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']', ',':
			if depth == 0 { // a number, or a word
				return i
			}
			if text[i] != ',' {
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
		i++
	}
	return -1
}

// ---- verification

// A verifiedJWS is the payload of a token whose signature, algorithm and type
// are right. What its claims say is not judged yet.
type verifiedJWS struct {
	alg     *algorithm
	key     *publicKey
	typ     string // as normalType gives it
	payload string
}

// claims reads the payload with r; the object lives until r is released.
func (v *verifiedJWS) claims(r *jsonReader) (jsonObject, error) {
	o, err := r.object(v.payload, answerForm, ErrClaim)
	return o, ofToken(err)
}

// ownClaims is claims that live on.
func (v *verifiedJWS) ownClaims() (jsonObject, error) {
	o, err := parseObject(v.payload, answerForm, ErrClaim)
	return o, ofToken(err)
}

// parse decodes payload and signature.
func (s *jwsScratch) parse(raw string, segments [3]string) (p parsedJWS, err error) {
	s.text = slices.Grow(s.text[:0], 2*len(raw)) // also where it does not decode: it stays
	buf := append(s.text, raw...)
	if buf, err = decodeBase64URL(buf, segments[1]); err != nil {
		return p, err
	}
	sigAt := len(buf)
	if buf, err = decodeBase64URL(buf, segments[2]); err != nil {
		return p, err
	}
	signed := len(raw) - len(segments[2]) - 1
	return parsedJWS{buf[:signed], buf[len(raw):sigAt], buf[sigAt:], s}, nil
}

func (p *parsedJWS) verify(alg *algorithm, key *publicKey) (v verifiedJWS, err error) {
	if !verifySignature(alg, key.key, p.input, p.sig, p.scratch) {
		return v, fail(ErrSignature, "", "the %s signature does not verify with the issuer's key %s", alg.name, printable(key.kid, 128))
	}
	return verifiedJWS{alg: alg, key: key, payload: string(p.payload)}, nil
}

// ---- signing

// A signFunc signs what a JWS has before its second dot. It must not keep its input, nor
// write into the text of the scratch. The result may stand elsewhere in it.
type signFunc func(input []byte, scratch *jwsScratch) ([]byte, error)

// compact joins the segment of a header and the payload, which is the text of the scratch,
// signs them and returns the token. The text is used up by it.
func (s *jwsScratch) compact(header string, sign signFunc) (string, error) {
	payload := s.text
	token := append(append(payload, header...), '.')
	token = appendBase64URL(token, payload)
	sig, err := sign(token[len(payload):], s)
	if err != nil {
		return "", err
	}
	s.text = appendBase64URL(append(token, '.'), sig)
	return string(s.text[len(payload):]), nil
}

// appendHeader starts a JOSE header with alg, typ and kid, if there are any; the caller
// closes it.
func appendHeader(b []byte, alg Algorithm, typ, kid string) []byte {
	b = append(slices.Grow(b, 128), `{"alg":`...)
	b = appendJSONString(b, string(alg))
	if typ != "" {
		b = append(b, `,"typ":`...)
		b = appendJSONString(b, typ)
	}
	if kid != "" {
		b = append(b, `,"kid":`...)
		b = appendJSONString(b, kid)
	}
	return b
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

// SignJWT returns a compact JWT with the given claims, signed with the key's
// algorithm and key id. If typ is empty, it is "JWT". claims must encode to a JSON
// object. SignJWT is for tokens that a client makes itself, for example RFC 7523
// authorization grants or the client secret of Sign in with Apple. If the key or
// claims are invalid, or if signing fails, the error matches [ErrConfig].
func (k *SigningKey) SignJWT(typ string, claims any) (string, error) {
	token, err := k.signJWT(typ, nil, claims)
	return token, withOp("sign", err)
}

// SignJWTWithHeader is [SigningKey.SignJWT] with additional header parameters, for
// example jwk or x5c in the key proofs of OpenID for Verifiable Credential Issuance. If
// header has jwk or x5c, the token has no kid. header must not contain alg, typ, kid,
// crit or b64.
func (k *SigningKey) SignJWTWithHeader(typ string, header map[string]any, claims any) (string, error) {
	token, err := k.signJWT(typ, header, claims)
	return token, withOp("sign", err)
}

func (k *SigningKey) signJWT(typ string, more map[string]any, claims any) (string, error) {
	if k.empty() {
		return "", &Error{Kind: ErrConfig, Detail: "the signing key is nil or empty"}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", &Error{Kind: ErrConfig, Param: "claims", Detail: "do not encode", Err: err}
	}
	if payload[0] != '{' {
		return "", &Error{Kind: ErrConfig, Param: "claims", Detail: "do not encode to a JSON object"}
	}
	members, err := moreMembers(more, "alg", "typ", "kid", "crit", "b64")
	if err != nil {
		return "", &Error{Kind: ErrConfig, Param: "header", Detail: "cannot be used", Err: err}
	}
	if typ == "" {
		typ = "JWT"
	}
	kid := k.kid
	if more["jwk"] != nil || more["x5c"] != nil { // which name the key
		kid = ""
	}
	header := append(appendHeader(nil, k.alg.name, typ, kid), members...)
	return k.signCompact(append(header, '}'), payload)
}

func (k *SigningKey) signCompact(header, payload []byte) (string, error) {
	scratch := newJWSScratch()
	defer scratch.release()
	scratch.text = append(scratch.text[:0], payload...)
	return k.signSegment(encodeBase64URL(header), scratch)
}

// signSegment signs the text of the scratch with the key, under a header that is encoded
// already; an error of the signer (an HSM, a KMS) is handed on.
func (k *SigningKey) signSegment(header string, scratch *jwsScratch) (string, error) {
	token, err := scratch.compact(header, k.sign)
	if err != nil {
		return "", &Error{Kind: ErrConfig, Param: "SigningKey", Detail: "signing failed", Err: err}
	}
	return token, nil
}
