package oauth

// This file implements JSON Web Encryption (RFC 7516) in the compact form: the
// tables of algorithms (RFC 7518, Sections 4 and 5), content encryption, and the
// sending half, request objects encrypted to the server (RFC 9101, Section 6.1).
// What decrypts is in decrypt.go.
//
// The tables have no functions in them, so that naming an algorithm links none.

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
)

// contentEncryption is a row of the table of enc values (RFC 7518, Section 5.1).
type contentEncryption struct {
	name string
	size int         // bytes of the content encryption key
	hash crypto.Hash // of the HMAC beside AES-CBC; 0: AES-GCM
}

var contentEncryptions = [...]contentEncryption{
	{"A128GCM", 16, 0},
	{"A192GCM", 24, 0},
	{"A256GCM", 32, 0},
	{defaultEncryption, 32, crypto.SHA256},
	{"A192CBC-HS384", 48, crypto.SHA384},
	{"A256CBC-HS512", 64, crypto.SHA512},
}

// defaultEncryption is enc where an alg is set without it (OpenID Connect
// Registration 1.0, Section 2; JARM, Section 3; RFC 9701, Section 6).
const defaultEncryption = "A128CBC-HS256"

func findEncryption(name string) *contentEncryption {
	for i := range contentEncryptions {
		if contentEncryptions[i].name == name {
			return &contentEncryptions[i]
		}
	}
	return nil
}

// contentEncryptionOf is the enc that a setting names.
func contentEncryptionOf(param, name string) (*contentEncryption, error) {
	if e := findEncryption(name); e != nil {
		return e, nil
	}
	names := make([]string, len(contentEncryptions))
	for i, e := range contentEncryptions {
		names[i] = e.name
	}
	return nil, fail(ErrUnsupported, param, "%s is not one of %s", printable(name, 32), strings.Join(names, ", "))
}

// keyManagement is a row of the table of alg values (RFC 7518, Section 4.1).
// RSA1_5 is not in it (its errors tell the plaintext), nor is PBES2 (its header
// says how long the recipient computes).
type keyManagement struct {
	name string
	kty  string      // RSA, EC (which is also X25519) or oct
	hash crypto.Hash // of RSA-OAEP and its mask generation
	wrap int         // bytes of the key that wraps the content encryption key; 0: none does
	gcm  bool        // wrapped with AES-GCM, not AES Key Wrap
}

var keyManagements = [...]keyManagement{
	{name: "RSA-OAEP", kty: "RSA", hash: crypto.SHA1},
	{name: "RSA-OAEP-256", kty: "RSA", hash: crypto.SHA256},
	{name: "RSA-OAEP-384", kty: "RSA", hash: crypto.SHA384},
	{name: "RSA-OAEP-512", kty: "RSA", hash: crypto.SHA512},
	{name: "ECDH-ES", kty: "EC"},
	{name: "ECDH-ES+A128KW", kty: "EC", wrap: 16},
	{name: "ECDH-ES+A192KW", kty: "EC", wrap: 24},
	{name: "ECDH-ES+A256KW", kty: "EC", wrap: 32},
	{name: "A128KW", kty: "oct", wrap: 16},
	{name: "A192KW", kty: "oct", wrap: 24},
	{name: "A256KW", kty: "oct", wrap: 32},
	{name: "A128GCMKW", kty: "oct", wrap: 16, gcm: true},
	{name: "A192GCMKW", kty: "oct", wrap: 24, gcm: true},
	{name: "A256GCMKW", kty: "oct", wrap: 32, gcm: true},
	{name: "dir", kty: "oct"},
}

// keyManagementOf is the alg that a setting names.
func keyManagementOf(param, name string) (*keyManagement, error) {
	names := make([]string, len(keyManagements))
	for i := range keyManagements {
		if keyManagements[i].name == name {
			return &keyManagements[i], nil
		}
		names[i] = keyManagements[i].name
	}
	return nil, fail(ErrUnsupported, param, "%s is not one of %s", printable(name, 32), strings.Join(names, ", "))
}

// An encryption is a pair of alg and enc.
type encryption struct {
	alg *keyManagement
	enc *contentEncryption
}

// newEncryption reads a pair of metadata members; without an alg there is none.
func newEncryption(algParam, alg, encParam, enc string) (*encryption, error) {
	if alg == "" {
		if enc != "" {
			return nil, fail(ErrConfig, encParam, "is set without %s", algParam)
		}
		return nil, nil
	}
	if enc == "" {
		enc = defaultEncryption
	}
	x := new(encryption)
	var err error
	if x.alg, err = keyManagementOf(algParam, alg); err != nil {
		return nil, err
	}
	if x.enc, err = contentEncryptionOf(encParam, enc); err != nil {
		return nil, err
	}
	return x, nil
}

// ---- request objects

// newRequestEncryption is the pair that request objects are encrypted with.
func newRequestEncryption(algParam, alg, encParam, enc string) (*encryption, error) {
	x, err := newEncryption(algParam, alg, encParam, enc)
	if err != nil || x == nil {
		return nil, err
	}
	switch {
	case x.alg.kty == "oct":
		return nil, fail(ErrUnsupported, algParam, "%s is with a key that the server does not publish: use an algorithm with RSA-OAEP or ECDH-ES in its name", alg)
	case x.alg.hash == crypto.SHA1 && fips140.Enabled():
		return nil, fail(ErrUnsupported, algParam, "RSA-OAEP is with SHA-1, which FIPS 140-3 mode does not allow: register the client with RSA-OAEP-256")
	}
	return x, nil
}

// encrypt makes a compact JWE of a signed token for the key.
func (x *encryption) encrypt(key *publicKey, token string) (string, error) {
	header := append([]byte(nil), `{"alg":`...)
	header = appendJSONString(header, x.alg.name)
	header = appendJSONString(append(header, `,"enc":`...), x.enc.name)
	header = append(header, `,"cty":"JWT"`...) // RFC 7519, Section 5.2
	if key.kid != "" {
		header = appendJSONString(append(header, `,"kid":`...), key.kid)
	}
	var cek, encryptedKey []byte
	var err error
	switch public := key.key.(type) {
	case *rsa.PublicKey:
		cek = x.enc.randomKey()
		encryptedKey, err = rsa.EncryptOAEP(x.alg.hash.New(), rand.Reader, public, cek, nil)
	case *ecdsa.PublicKey:
		var epk []byte
		if cek, epk, err = x.agree(public); err == nil {
			header = append(append(header, `,"epk":`...), epk...)
		}
		if err == nil && x.alg.wrap > 0 {
			key := cek
			cek = x.enc.randomKey()
			encryptedKey, err = wrapAES(key, cek)
		}
	default:
		err = fail(ErrUnsupported, "kty", "keys of this type do not encrypt")
	}
	if err != nil {
		return "", err
	}
	protected := appendBase64URL(nil, append(header, '}'))
	iv, ciphertext, tag, err := x.enc.seal(cek, []byte(token), protected)
	if err != nil {
		return "", err
	}
	out := protected
	for _, part := range [...][]byte{encryptedKey, iv, ciphertext, tag} {
		out = appendBase64URL(append(out, '.'), part)
	}
	return string(out), nil
}

// agree is ECDH-ES (RFC 7518, Section 4.6) with a new key each time: the key that it
// gives, which encrypts the content or wraps the key that does, and the ephemeral
// public key.
func (x *encryption) agree(public *ecdsa.PublicKey) (key, epk []byte, err error) {
	peer, err := public.ECDH()
	if err != nil {
		return nil, nil, err
	}
	ephemeral, err := peer.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	z, err := ephemeral.ECDH(peer)
	if err != nil {
		return nil, nil, err
	}
	name, size := x.enc.name, x.enc.size
	if x.alg.wrap > 0 {
		name, size = x.alg.name, x.alg.wrap
	}
	return concatKDF(z, name, "", "", size), ecdhJWK(ephemeral.PublicKey()), nil
}

// wrapAES is AES Key Wrap (RFC 3394, Section 2.2.1) of a content encryption key.
func wrapAES(key, cek []byte) ([]byte, error) {
	const half = 8
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, half), cek...)
	var b [aes.BlockSize]byte
	a := uint64(0xa6a6a6a6a6a6a6a6)
	n := len(cek) / half
	for t := uint64(1); t <= uint64(6*n); t++ {
		r := out[((int(t)-1)%n+1)*half:][:half]
		binary.BigEndian.PutUint64(b[:half], a)
		copy(b[half:], r)
		block.Encrypt(b[:], b[:])
		a = binary.BigEndian.Uint64(b[:half]) ^ t
		copy(r, b[half:])
	}
	binary.BigEndian.PutUint64(out, a)
	return out, nil
}

// ecdhShape is the JWK type and curve of a key for ECDH.
func ecdhShape(c ecdh.Curve) (kty, crv string) {
	switch c {
	case ecdh.P256():
		return "EC", "P-256"
	case ecdh.P384():
		return "EC", "P-384"
	case ecdh.P521():
		return "EC", "P-521"
	case ecdh.X25519():
		return "OKP", "X25519"
	}
	return "", ""
}

// ecdhJWK is the required members of a public key as a JWK.
func ecdhJWK(key *ecdh.PublicKey) []byte {
	kty, crv := ecdhShape(key.Curve())
	b := append([]byte(`{"crv":"`), crv...)
	b = append(append(b, `","kty":"`...), kty...)
	x, y := key.Bytes(), []byte(nil)
	if kty == "EC" { // SEC 1, Section 2.3.3: 4, x, y
		x, y = x[1:1+len(x)/2], x[1+len(x)/2:]
	}
	b = appendBase64URL(append(b, `","x":"`...), x)
	if y != nil {
		b = appendBase64URL(append(b, `","y":"`...), y)
	}
	return append(b, `"}`...)
}

// concatKDF is the Concat KDF of NIST SP 800-56A with SHA-256, as RFC 7518,
// Section 4.6.2 fills it: the algorithm, who the parties are, the key size.
func concatKDF(z []byte, alg, apu, apv string, size int) []byte {
	var key []byte
	for round := uint32(1); len(key) < size; round++ {
		b := binary.BigEndian.AppendUint32(nil, round)
		b = append(b, z...)
		for _, info := range [...]string{alg, apu, apv} {
			b = binary.BigEndian.AppendUint32(b, uint32(len(info)))
			b = append(b, info...)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(size)*8) // SuppPubInfo
		sum := sha256.Sum256(b)
		key = append(key, sum[:]...)
	}
	return key[:size]
}

// ---- parsing

// A parsedJWE is a compact JWE that nobody has decrypted.
type parsedJWE struct {
	header joseHeader // alg and kid
	enc    string
	crv    string     // of epk; "" if there is none
	object jsonObject // the header

	additional                        []byte // the first segment, as it came
	encryptedKey, iv, ciphertext, tag []byte
}

// splitJWE cuts a token at its dots. Nothing is decoded yet.
func splitJWE(raw string) (segments [5]string, err error) {
	if len(raw) > maxToken {
		return segments, fail(ErrParse, "", "the token is longer than %d bytes", maxToken)
	}
	if strings.Count(raw, ".") != len(segments)-1 {
		return segments, fail(ErrParse, "", "not a JWE: an encrypted token has five parts")
	}
	copy(segments[:], strings.Split(raw, "."))
	if len(segments[0]) > maxHeader {
		return segments, fail(ErrParse, "", "the token's header is longer than %d bytes", maxHeader)
	}
	return segments, nil
}

// readHeader decodes and reads the header segment. What readHeader refuses for a
// signature it refuses here: crit, b64, and zip, which would let a small token
// become a large one.
func (j *parsedJWE) readHeader(segment string) error {
	b, err := decodeBase64URL(nil, segment)
	if err != nil {
		return err
	}
	if j.object, err = parseObject(string(b), headerForm, ErrParse); err != nil {
		return err
	}
	if j.header, err = readHeader(&j.object); err != nil {
		return err
	}
	j.enc, err = j.object.need("enc")
	return err
}

// ---- content encryption: every call into the crypto packages for it

const gcmIVSize, gcmTagSize = 12, 16 // RFC 7518, Section 5.3

// randomKey is a content encryption key.
func (e *contentEncryption) randomKey() []byte {
	key := make([]byte, e.size)
	rand.Read(key) // never fails
	return key
}

func (e *contentEncryption) seal(key, plaintext, additional []byte) (iv, ciphertext, tag []byte, err error) {
	if e.hash == 0 {
		return sealGCM(key, plaintext, additional)
	}
	return e.sealCBC(key, plaintext, additional)
}

// newGCM is AES-GCM as RFC 7518, Section 5.3 has it. In FIPS 140-3 mode only an
// AEAD that chooses its own nonce is approved; what it gives and takes is
// iv‖ciphertext‖tag.
func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func sealGCM(key, plaintext, additional []byte) (iv, ciphertext, tag []byte, err error) {
	aead, err := newGCM(key)
	if err != nil {
		return nil, nil, nil, err
	}
	sealed := aead.Seal(nil, nil, plaintext, additional)
	end := len(sealed) - gcmTagSize
	return sealed[:gcmIVSize], sealed[gcmIVSize:end], sealed[end:], nil
}

// sealCBC is RFC 7518, Section 5.2.2.1.
func (e *contentEncryption) sealCBC(key, plaintext, additional []byte) (iv, ciphertext, tag []byte, err error) {
	block, err := aes.NewCipher(key[len(key)/2:])
	if err != nil {
		return nil, nil, nil, err
	}
	pad := aes.BlockSize - len(plaintext)%aes.BlockSize // PKCS #7
	ciphertext = append(slices.Clone(plaintext), slices.Repeat([]byte{byte(pad)}, pad)...)
	iv = make([]byte, aes.BlockSize)
	rand.Read(iv) // never fails
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, ciphertext)
	return iv, ciphertext, e.mac(key, iv, ciphertext, additional), nil
}

// mac is the authentication tag beside AES-CBC: an HMAC under the first half of
// the key, of which the first half is the tag.
func (e *contentEncryption) mac(key, iv, ciphertext, additional []byte) []byte {
	mac := hmac.New(e.hash.New, key[:len(key)/2])
	mac.Write(additional)
	mac.Write(iv)
	mac.Write(ciphertext)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(additional))*8))
	return mac.Sum(nil)[:len(key)/2]
}
