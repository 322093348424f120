package oauth

// This file implements the decryption of compact JWEs (RFC 7516, Section 5.2)
// with the client's keys: ID tokens, logout tokens, userinfo, authorization and
// introspection responses. A program that makes no Decrypter links none of it.

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // of RSA-OAEP; as a part of it SHA-1 is not broken
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// A keyExchanger is a private key for ECDH: a *ecdh.PrivateKey, or one that stays
// in an HSM.
type keyExchanger interface {
	PublicKey() *ecdh.PublicKey
	Curve() ecdh.Curve
	ECDH(*ecdh.PublicKey) ([]byte, error)
}

// A DecryptionKey is a private key or a client secret, together with the algorithm
// and the content encryptions that it is used with. It is immutable and, if its key
// is, safe for concurrent use.
type DecryptionKey struct {
	// One of the three is set. None prints: see heldSigner.
	rsa       *crypto.Decrypter
	exchange  *keyExchanger
	symmetric func(size int) []byte

	alg  *keyManagement
	encs []string
	kid  string
}

const opDecrypt, opDecryptionKey = "decrypt", "decryption key"

// NewDecryptionKey returns a DecryptionKey for key, which must be one of these:
//
//   - an *[rsa.PrivateKey], or another [crypto.Decrypter] with an RSA key, for
//     example in an HSM. An RSA key must have 2048 to 8192 bits.
//   - an *[ecdsa.PrivateKey] on P-256, P-384 or P-521
//   - an *[ecdh.PrivateKey] on one of these curves or X25519, or another value with
//     its methods PublicKey, Curve and ECDH
//
// alg is RSA-OAEP, RSA-OAEP-256, RSA-OAEP-384, RSA-OAEP-512, ECDH-ES,
// ECDH-ES+A128KW, ECDH-ES+A192KW or ECDH-ES+A256KW. enc lists the content
// encryptions that are accepted: A128GCM, A192GCM, A256GCM, A128CBC-HS256,
// A192CBC-HS384, A256CBC-HS512. If enc is nil, all of them are accepted; it must
// not be empty otherwise. keyID is compared with the kid of a token. If keyID is
// empty, or if the token has no kid, they are not compared.
//
// If an HSM cannot be reached, the key must return an error that matches
// [ErrUnavailable], which the Decrypter passes on. Any other error of the key means
// that the token does not decrypt. The key's methods receive no context.
//
// If alg or enc is not supported (for example RSA1_5 and PBES2), the error matches
// [ErrUnsupported]. So it does in FIPS 140-3 mode for RSA-OAEP with SHA-1, for
// X25519 and for RSA keys that the mode does not allow. If an argument is invalid
// otherwise, or if key does not fit alg, the error matches [ErrConfig].
func NewDecryptionKey(key crypto.PrivateKey, alg string, enc []string, keyID string) (*DecryptionKey, error) {
	k, err := newDecryptionKey(alg, enc, keyID)
	if err == nil {
		err = k.setPrivate(key)
	}
	if err != nil {
		return nil, withOp(opDecryptionKey, err)
	}
	return k, nil
}

// newDecryptionKey makes a key without the key itself.
func newDecryptionKey(alg string, encs []string, kid string) (*DecryptionKey, error) {
	k := &DecryptionKey{encs: slices.Clone(encs), kid: kid}
	var err error
	if k.alg, err = keyManagementOf("alg", alg); err != nil {
		return nil, err
	}
	if k.alg.hash == crypto.SHA1 && fips140.Enabled() {
		return nil, fail(ErrUnsupported, "alg", "RSA-OAEP is with SHA-1, which FIPS 140-3 mode does not allow: register the client with RSA-OAEP-256")
	}
	for _, name := range encs {
		if _, err := contentEncryptionOf("enc", name); err != nil {
			return nil, err
		}
	}
	if encs == nil {
		for _, e := range contentEncryptions {
			k.encs = append(k.encs, e.name)
		}
	} else if len(encs) == 0 {
		return nil, fail(ErrConfig, "enc", "is empty, so that nothing could be decrypted; nil allows all")
	}
	return k, nil
}

func (k *DecryptionKey) setPrivate(key crypto.PrivateKey) error {
	switch key := key.(type) {
	case nil:
		return fail(ErrConfig, "key", "is nil")
	case *rsa.PrivateKey:
		if key == nil || key.D == nil {
			return fail(ErrConfig, "key", "is nil or empty")
		}
		return k.setRSA(key)
	case *ecdsa.PrivateKey:
		if key == nil {
			return fail(ErrConfig, "key", "is nil")
		}
		exchange, err := key.ECDH()
		if err != nil {
			return &Error{Kind: ErrConfig, Param: "key", Detail: "cannot be used for ECDH", Err: err}
		}
		return k.setExchange(exchange)
	case *ecdh.PrivateKey:
		if key == nil {
			return fail(ErrConfig, "key", "is nil")
		}
		return k.setExchange(key)
	case keyExchanger:
		return k.setExchange(key)
	case crypto.Decrypter:
		return k.setRSA(key)
	}
	return fail(ErrConfig, "key", "is a %T: want an RSA or ECDH key, or a crypto.Decrypter", key)
}

func (k *DecryptionKey) setRSA(key crypto.Decrypter) error {
	public, ok := key.Public().(*rsa.PublicKey)
	if !ok || k.alg.kty != "RSA" {
		return k.wrongType()
	}
	k.rsa = &key
	return checkRSA(ErrConfig, public)
}

func (k *DecryptionKey) setExchange(key keyExchanger) error {
	kty, crv := ecdhShape(key.Curve())
	switch {
	case kty == "" || k.alg.kty != "EC":
		return k.wrongType()
	case key.PublicKey() == nil:
		return fail(ErrConfig, "key", "has no public key")
	case crv == "X25519" && fips140.Enabled():
		return errX25519()
	}
	k.exchange = &key
	return nil
}

func errX25519() error {
	return fail(ErrUnsupported, "key", "is on X25519, which FIPS 140-3 mode does not allow: use P-256")
}

func (k *DecryptionKey) wrongType() error {
	return fail(ErrConfig, "alg", "%s needs a key of another type", k.alg.name)
}

// NewClientSecretDecryptionKey returns a DecryptionKey that is derived from the
// client secret (OpenID Connect Core 1.0, Section 10.2): the key is the left part
// of the SHA-2 hash of the secret. alg is dir, A128KW, A192KW, A256KW, A128GCMKW,
// A192GCMKW or A256GCMKW. enc is as for [NewDecryptionKey]; for dir, it must list
// exactly one. The secret must have at least 16 bytes.
//
// WARNING: Such a key is as strong as the secret. If the secret has less than 128
// bits of randomness, anyone who sees a token can guess it.
//
// If alg or enc is not supported, the error matches [ErrUnsupported]. If the secret
// is too short, or if the arguments do not fit together, it matches [ErrConfig].
func NewClientSecretDecryptionKey(secret, alg string, enc []string) (*DecryptionKey, error) {
	k, err := newDecryptionKey(alg, enc, "")
	switch {
	case err != nil:
	case k.alg.kty != "oct":
		err = k.wrongType()
	case len(secret) < minDecryptSecret:
		err = fail(ErrConfig, "secret", "has %d bytes, it needs at least %d: pass the client secret that the server gave out, or register a key", len(secret), minDecryptSecret)
	case k.alg.name == "dir" && len(enc) != 1:
		err = fail(ErrConfig, "enc", "lists %d: with dir it is the one that the client is registered with, and has the key to itself", len(enc))
	}
	if err != nil {
		return nil, withOp(opDecryptionKey, err)
	}
	k.symmetric = func(size int) []byte { return secretKey(secret, size) }
	return k, nil
}

// ParseDecryptionKey returns the private key in pemOrJWK, which must be a JWK or
// unencrypted PEM (PKCS #8, PKCS #1 or SEC 1). A JWK must be of type RSA, EC or,
// with X25519, OKP; if it has a use, it must be enc. If alg or keyID is empty, it
// is the JWK's alg or kid. The other arguments are those of [NewDecryptionKey].
//
// If the key cannot be read, the error matches [ErrParse]. The other errors are
// those of NewDecryptionKey. No error quotes the key.
func ParseDecryptionKey(pemOrJWK []byte, alg string, enc []string, keyID string) (*DecryptionKey, error) {
	key, err := readPrivateKey(pemOrJWK, &alg, &keyID, decryptionJWK)
	if err != nil {
		return nil, withOp(opDecryptionKey, err)
	}
	return NewDecryptionKey(key, alg, enc, keyID)
}

// decryptionJWK reads X25519 beside what can sign.
func decryptionJWK(o *jsonObject) (crypto.PrivateKey, error) {
	kty, err := o.need("kty")
	if err != nil {
		return nil, err
	}
	if use, ok, err := o.string("use"); err != nil {
		return nil, err
	} else if ok && use != "enc" { // a key for two things is good for neither
		return nil, fail(ErrConfig, "use", "is %s: the key is not for encryption", printable(use, 32))
	}
	if kty != "OKP" {
		return parsePrivateJWK(o)
	}
	crv, err := o.need("crv")
	if err != nil {
		return nil, err
	}
	if crv != "X25519" {
		return nil, fail(ErrUnsupported, "crv", "curve %s is not supported", printable(crv, 32))
	}
	if fips140.Enabled() { // crypto/ecdh would refuse it too, as if it were malformed
		return nil, errX25519()
	}
	var parts [2][]byte
	for i, name := range [...]string{"d", "x"} {
		if parts[i], err = o.bytes(name, x25519Size); err != nil {
			return nil, err
		}
	}
	key, err := ecdh.X25519().NewPrivateKey(parts[0])
	if err != nil || !bytes.Equal(key.PublicKey().Bytes(), parts[1]) {
		return nil, fail(ErrParse, "d", "is not the private key of x")
	}
	return key, nil
}

const x25519Size = 32

// PublicJWK returns the public key as a JWK with kid, alg and use, for the client's
// jwks or jwks_uri. It is nil if the key is a client secret.
func (k *DecryptionKey) PublicJWK() json.RawMessage {
	if k == nil {
		return nil
	}
	var b []byte
	switch {
	case k.rsa != nil:
		b = minimalJWK((*k.rsa).Public())
	case k.exchange != nil:
		b = ecdhJWK((*k.exchange).PublicKey())
	default:
		return nil
	}
	b = append(b[:len(b)-1], `,"alg":"`+k.alg.name+`","use":"enc"`...)
	if k.kid != "" {
		b = appendJSONString(append(b, `,"kid":`...), k.kid)
	}
	return append(b, '}')
}

// Format prints the algorithm and the key id, never the key.
func (k DecryptionKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.summary()) }

// LogValue returns the algorithm and the key id.
func (k DecryptionKey) LogValue() slog.Value { return slog.StringValue(k.summary()) }

func (k *DecryptionKey) summary() string {
	if k.alg == nil {
		return "DecryptionKey()"
	}
	return "DecryptionKey(" + k.alg.name + " " + printable(k.kid, 128) + ")"
}

// ---- decryption

// decrypter is the Decrypter of NewDecrypter.
type decrypter struct{ keys []*DecryptionKey }

// NewDecrypter returns a Decrypter with the client's keys. It decrypts a token with
// the one key that has its alg, enc and curve and, if both have one, its kid. It
// does not try one key after another.
//
// To rotate keys, pass several. Keys with the same alg, enc and curve must each
// have a kid of their own. Publish the new key, and keep the old one until no
// server encrypts to it any more. A token without a kid selects none of several
// such keys. If a server sends no kid, pass only one of them.
//
// Every fault of a token gives the same error, which matches [ErrDecrypt], because
// an exact one would help an attacker. Compression (zip) and critical header
// parameters are such faults. If an HSM returns an error that matches
// [ErrUnavailable], so does the error of the Decrypter.
//
// If there is no key, or if a token could select more than one, the error of
// NewDecrypter matches [ErrConfig].
func NewDecrypter(keys ...*DecryptionKey) (Decrypter, error) {
	if len(keys) == 0 {
		return nil, withOp(opDecrypt, fail(ErrConfig, "keys", "there is none"))
	}
	for i, k := range keys {
		if k == nil || k.alg == nil {
			return nil, withOp(opDecrypt, fail(ErrConfig, "keys", "one is nil or empty: NewDecryptionKey, NewClientSecretDecryptionKey and ParseDecryptionKey make one"))
		}
		for _, other := range keys[:i] {
			if k.confusable(other) {
				return nil, withOp(opDecrypt, fail(ErrConfig, "keys", "two for %s: each needs a key id of its own", k.alg.name))
			}
		}
	}
	return &decrypter{slices.Clone(keys)}, nil
}

// curve is that of the key, "" for other keys than ECDH.
func (k *DecryptionKey) curve() string {
	if k.exchange == nil {
		return ""
	}
	_, crv := ecdhShape((*k.exchange).Curve())
	return crv
}

// confusable reports whether a token could be for either key.
func (k *DecryptionKey) confusable(other *DecryptionKey) bool {
	return k.alg == other.alg && k.curve() == other.curve() &&
		slices.ContainsFunc(k.encs, func(enc string) bool { return slices.Contains(other.encs, enc) }) &&
		(k.kid == "" || other.kid == "" || k.kid == other.kid)
}

// decrypts reports whether there is a key for the pair.
func (d *decrypter) decrypts(x *encryption) bool {
	return slices.ContainsFunc(d.keys, func(k *DecryptionKey) bool {
		return k.alg == x.alg && slices.Contains(k.encs, x.enc.name)
	})
}

func (d *decrypter) DecryptJWE(ctx context.Context, compact string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, withOp(opDecrypt, &Error{Detail: "given up", Err: err})
	}
	plaintext, err := d.decrypt(compact)
	switch {
	case err != nil:
		return nil, withOp(opDecrypt, &Error{Kind: ErrUnavailable, Detail: "the key cannot be used now", Err: err})
	case plaintext == nil:
		return nil, withOp(opDecrypt, errUndecryptable("the token"))
	}
	return plaintext, nil
}

// decrypt is RFC 7516, Section 5.2: nil, whatever is wrong with the token. The error
// is about the key, which an HSM could not be asked for.
func (d *decrypter) decrypt(compact string) ([]byte, error) {
	j, err := parseJWE(compact)
	if err != nil {
		return nil, nil
	}
	enc := findEncryption(j.enc)
	k := d.find(j)
	if k == nil || enc == nil {
		return nil, nil
	}
	cek, err := k.contentKey(j, enc)
	if err != nil {
		return nil, err
	}
	return enc.open(cek, j), nil
}

// find is the key that the header selects, nil if that is not exactly one.
func (d *decrypter) find(j *parsedJWE) (found *DecryptionKey) {
	for _, k := range d.keys {
		if k.alg.name != string(j.header.alg) || !slices.Contains(k.encs, j.enc) ||
			k.exchange != nil && k.curve() != j.crv ||
			j.header.hasKid && k.kid != "" && k.kid != j.header.kid {
			continue
		}
		if found != nil {
			return nil
		}
		found = k
	}
	return found
}

// parseJWE is RFC 7516, Section 5.2, steps 1 to 5.
func parseJWE(compact string) (*parsedJWE, error) {
	segments, err := splitJWE(compact)
	if err != nil {
		return nil, err
	}
	j := &parsedJWE{additional: []byte(segments[0])}
	if err := j.readHeader(segments[0]); err != nil {
		return nil, err
	}
	for i, part := range [...]*[]byte{&j.encryptedKey, &j.iv, &j.ciphertext, &j.tag} {
		if *part, err = decodeBase64URL(nil, segments[i+1]); err != nil {
			return nil, err
		}
	}
	if j.object.has("epk") {
		epk, _, err := j.object.object("epk")
		if err != nil {
			return nil, err
		}
		if j.crv, err = epk.need("crv"); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// contentKey is steps 6 to 12: the content encryption key. RFC 7516, Section 11.5:
// where there is none it is one that decrypts nothing, so that the time does not
// tell whether key or content was wrong.
func (k *DecryptionKey) contentKey(j *parsedJWE, enc *contentEncryption) ([]byte, error) {
	random := enc.randomKey()
	cek, err := k.unwrapKey(j, enc)
	if errors.Is(err, ErrUnavailable) {
		return nil, err
	}
	if err != nil || len(cek) != enc.size {
		return random, nil
	}
	return cek, nil
}

// unwrapKey is the content encryption key, nil if there is none. Of its errors only
// [ErrUnavailable] means something: an HSM returns others for a bad token, too.
func (k *DecryptionKey) unwrapKey(j *parsedJWE, enc *contentEncryption) ([]byte, error) {
	if k.rsa != nil {
		return k.decryptRSA(j.encryptedKey)
	}
	shared, err := k.sharedKey(j, enc)
	switch {
	case err != nil:
		return nil, err
	case k.alg.wrap == 0: // Sections 4.5 and 4.6 of RFC 7518: the key itself, and no encrypted one
		if len(j.encryptedKey) > 0 {
			return nil, nil
		}
		return shared, nil
	case len(j.encryptedKey) > 2*maxContentKey:
		return nil, nil
	case k.alg.gcm:
		return unwrapGCM(shared, j), nil
	}
	return unwrapAES(shared, j.encryptedKey), nil
}

const maxContentKey = 64 // bytes: that of A256CBC-HS512

// decryptRSA is RFC 7518, Section 4.3.
func (k *DecryptionKey) decryptRSA(encrypted []byte) ([]byte, error) {
	key := *k.rsa
	if public, ok := key.Public().(*rsa.PublicKey); !ok || len(encrypted) != public.Size() {
		return nil, nil
	}
	return key.Decrypt(rand.Reader, encrypted, &rsa.OAEPOptions{Hash: k.alg.hash, MGFHash: k.alg.hash})
}

// sharedKey is what both sides know, in the size that the algorithm needs: agreed
// on with the ephemeral key, or made of the client secret.
func (k *DecryptionKey) sharedKey(j *parsedJWE, enc *contentEncryption) ([]byte, error) {
	size, name := k.alg.wrap, k.alg.name
	if size == 0 { // RFC 7518, Section 4.6.2: AlgorithmID is enc where the key is not to wrap
		size, name = enc.size, enc.name
	}
	if k.exchange == nil {
		return k.symmetric(size), nil
	}
	z, err := k.agree(&j.object)
	if err != nil {
		return nil, err
	}
	var info [2]string // who the parties are; absent is empty
	for i, member := range [...]string{"apu", "apv"} {
		s, _, err := j.object.string(member)
		if err != nil {
			return nil, err
		}
		b, err := decodeBase64URL(nil, s)
		if err != nil {
			return nil, err
		}
		info[i] = string(b)
	}
	return concatKDF(z, name, info[0], info[1], size), nil
}

// agree is ECDH with the ephemeral public key of the header, which is on the curve:
// crypto/ecdh sees to it. What a key in an HSM answers is looked at.
func (k *DecryptionKey) agree(header *jsonObject) ([]byte, error) {
	epk, _, err := header.object("epk")
	if err != nil {
		return nil, err
	}
	key := *k.exchange
	kty, _ := ecdhShape(key.Curve())
	if s, err := epk.need("kty"); err != nil || s != kty {
		return nil, ephemeralKeyError{}
	}
	size := x25519Size
	coordinates, point := []string{"x"}, []byte(nil)
	if kty == "EC" {
		size = coordinateSize(curveByName(k.curve()))
		coordinates, point = []string{"x", "y"}, []byte{4} // SEC 1, Section 2.3.3: uncompressed
	}
	for _, name := range coordinates {
		b, err := epk.bytes(name, size)
		if err != nil {
			return nil, err
		}
		if len(b) != size {
			return nil, ephemeralKeyError{}
		}
		point = append(point, b...)
	}
	public, err := key.Curve().NewPublicKey(point)
	if err != nil {
		return nil, err
	}
	z, err := key.ECDH(public)
	if err != nil {
		return nil, err
	}
	// RFC 7748, Section 6.1: all zero if the point is of small order, and then
	// everybody has it. A shorter one lost its leading zeros.
	if len(z) != size || hmac.Equal(z, make([]byte, size)) {
		return nil, ephemeralKeyError{}
	}
	return z, nil
}

// ephemeralKeyError is seen by nobody.
type ephemeralKeyError struct{}

func (ephemeralKeyError) Error() string { return "oauth: the ephemeral key is none" }

// secretKey is OpenID Connect Core 1.0, Section 10.2: the left part of a hash that
// is long enough.
func secretKey(secret string, size int) []byte {
	switch {
	case size <= sha256.Size:
		sum := sha256.Sum256([]byte(secret))
		return sum[:size]
	case size <= sha512.Size384:
		sum := sha512.Sum384([]byte(secret))
		return sum[:size]
	}
	sum := sha512.Sum512([]byte(secret))
	return sum[:size]
}

// unwrapGCM is RFC 7518, Section 4.7: iv and tag are in the header.
func unwrapGCM(key []byte, j *parsedJWE) []byte {
	iv, err := j.object.bytes("iv", gcmIVSize)
	if err != nil {
		return nil
	}
	tag, err := j.object.bytes("tag", gcmTagSize)
	if err != nil {
		return nil
	}
	return openGCM(key, iv, j.encryptedKey, tag, nil)
}

// unwrapAES is AES Key Wrap (RFC 3394, Section 2.2.2).
func unwrapAES(key, wrapped []byte) []byte {
	const half = 8
	n := len(wrapped)/half - 1
	if len(wrapped)%half != 0 || n < 2 {
		return nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	out := slices.Clone(wrapped[half:])
	var b [aes.BlockSize]byte
	a := binary.BigEndian.Uint64(wrapped)
	for t := uint64(6 * n); t > 0; t-- {
		r := out[(int(t)-1)%n*half:][:half]
		binary.BigEndian.PutUint64(b[:half], a^t)
		copy(b[half:], r)
		block.Decrypt(b[:], b[:])
		a = binary.BigEndian.Uint64(b[:half])
		copy(r, b[half:])
	}
	if !hmac.Equal(b[:half], bytes.Repeat([]byte{0xa6}, half)) { // a, in constant time
		return nil
	}
	return out
}

// open is steps 14 to 16: it decrypts the content, or returns nil.
func (e *contentEncryption) open(key []byte, j *parsedJWE) []byte {
	if e.hash == 0 {
		return openGCM(key, j.iv, j.ciphertext, j.tag, j.additional)
	}
	return e.openCBC(key, j.iv, j.ciphertext, j.tag, j.additional)
}

func openGCM(key, iv, ciphertext, tag, additional []byte) []byte {
	if len(iv) != gcmIVSize || len(tag) != gcmTagSize {
		return nil
	}
	aead, err := newGCM(key)
	if err != nil {
		return nil
	}
	plaintext, err := aead.Open([]byte{}, nil, slices.Concat(iv, ciphertext, tag), additional)
	if err != nil {
		return nil
	}
	return plaintext
}

// openCBC is RFC 7518, Section 5.2.2.2. The padding is looked at when the tag is
// found right, and then it is what the sender wrote.
func (e *contentEncryption) openCBC(key, iv, ciphertext, tag, additional []byte) []byte {
	// The tag is of iv and ciphertext together: it does not say where one ends.
	if len(iv) != aes.BlockSize || len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0 {
		return nil
	}
	if !hmac.Equal(tag, e.mac(key, iv, ciphertext, additional)) {
		return nil
	}
	block, err := aes.NewCipher(key[len(key)/2:])
	if err != nil {
		return nil
	}
	plaintext := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plaintext, ciphertext)
	pad := int(plaintext[len(plaintext)-1])
	if pad == 0 || pad > aes.BlockSize || !bytes.Equal(plaintext[len(plaintext)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil
	}
	return plaintext[:len(plaintext)-pad]
}
