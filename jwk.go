package oauth

// This file implements JSON Web Keys (RFC 7517, RFC 7518 Section 6, RFC 8037, RFC
// 9964) and their thumbprints (RFC 7638): public keys as servers publish them, and
// SigningKey, the private keys of a client.

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"slices"
)

// A publicKey is a key of a key set, parsed once when it was fetched.
type publicKey struct {
	key    crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey or *mldsaPublicKey
	kty    string
	crv    string // of AKP keys the alg
	kid    string
	alg    Algorithm // "": any that fits the key
	use    string
	ops    []string
	issuer string // Entra ID: the tenant's issuer; compared after the signature
}

// fits is the selection of RFC 7517, Section 4: type and curve, use, key_ops
// and alg allow the algorithm. The kid is the caller's to compare.
func (k *publicKey) fits(a *algorithm) bool {
	return k.kty == a.kty && k.crv == a.crv &&
		(k.use == "" || k.use == "sig") &&
		k.opsAllow() &&
		(k.alg == "" || k.alg.same(a.name))
}

// opsAllow reports whether key_ops let the key verify.
func (k *publicKey) opsAllow() bool { return len(k.ops) == 0 || slices.Contains(k.ops, "verify") }

// misfit says which member of a key that does not fit is the reason.
func (k *publicKey) misfit(a *algorithm) string {
	switch {
	case k.kty != a.kty:
		return "its kty is " + printable(k.kty, 32) + ", not " + a.kty
	case k.crv != a.crv:
		return "its crv is " + printable(k.crv, 32) + ", not " + a.crv
	case k.use != "" && k.use != "sig":
		return "its use is " + printable(k.use, 32) + ", not sig"
	case !k.opsAllow():
		return "its key_ops are " + quoteList(k.ops) + ", without verify"
	}
	return "its alg is " + printable(string(k.alg), 32)
}

// rsaBits is the size of the modulus; 0 for another kind of key.
func (k *publicKey) rsaBits() int {
	if key, ok := k.key.(*rsa.PublicKey); ok {
		return key.N.BitLen()
	}
	return 0
}

// parsePublicJWK reads a public key. The error says why a key cannot be used.
func parsePublicJWK(o *jsonObject) (*publicKey, error) {
	k := new(publicKey)
	for _, m := range []struct {
		name string
		dst  *string
	}{{"kty", &k.kty}, {"kid", &k.kid}, {"use", &k.use}, {"alg", (*string)(&k.alg)}, {"issuer", &k.issuer}} {
		s, _, err := o.string(m.name)
		if err != nil {
			return k, err
		}
		*m.dst = s
	}
	var err error
	if k.ops, _, err = o.strings("key_ops", false); err != nil {
		return k, err
	}
	// Whoever publishes these has published the private key, and nothing that it
	// signs means anything.
	for _, private := range privateMembers {
		if o.has(private) {
			return k, fail(ErrParse, private, "the key has private members")
		}
	}
	switch k.kty {
	case "RSA":
		k.key, err = rsaPublicJWK(o)
	case "EC":
		k.crv, k.key, err = ecPublicJWK(o)
	case "OKP":
		k.crv, k.key, err = okpPublicJWK(o)
	case "AKP":
		k.crv, k.key, err = akpPublicJWK(o)
	default:
		err = fail(ErrUnsupported, "kty", "key type %s is not supported", printable(k.kty, 32))
	}
	return k, err
}

// privateMembers are those of private and symmetric keys: RFC 7518, Section 6, RFC
// 8037, Section 2, and RFC 9964.
var privateMembers = [...]string{"d", "k", "priv", "p", "q", "dp", "dq", "qi", "oth"}

func (o *jsonObject) bytes(name string, limit int) ([]byte, error) {
	s, err := o.need(name)
	if err != nil {
		return nil, err
	}
	if len(s) > limit*4/3+4 {
		return nil, fail(o.kind, name, "is too long")
	}
	b, err := decodeBase64URL(nil, s)
	if err != nil {
		return nil, fail(o.kind, name, "is not base64url without padding")
	}
	return b, nil
}

func rsaPublicJWK(o *jsonObject) (*rsa.PublicKey, error) {
	// One zero octet before the modulus is a common mistake that RFC 7518,
	// Section 6.3.1.1 mentions; it changes nothing.
	n, err := o.bytes("n", maxRSABits/8+1)
	if err != nil {
		return nil, err
	}
	e, err := o.bytes("e", 8)
	if err != nil {
		return nil, err
	}
	exp := new(big.Int).SetBytes(e)
	if exp.BitLen() > 31 {
		return nil, fail(o.kind, "e", "the RSA exponent is too large")
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exp.Int64())}
	return key, checkRSA(o.kind, key)
}

// checkRSA bounds a key: too small is weak, too large is slow, an even or tiny
// exponent is no RSA.
func checkRSA(kind error, key *rsa.PublicKey) error {
	if key == nil || key.N == nil {
		return fail(kind, "n", "the RSA key is empty")
	}
	switch bits := key.N.BitLen(); {
	case bits < minRSABits || bits > maxRSABits:
		return fail(kind, "n", "the RSA key has %d bits: use one of %d to %d", bits, minRSABits, maxRSABits)
	case key.N.Bit(0) == 0:
		return fail(kind, "n", "the RSA modulus is even")
	case key.E&1 == 0 || key.E < 3:
		return fail(kind, "e", "the RSA exponent is %d: it has to be odd and at least 3", key.E)
	case !fips140.Enabled():
	case key.E <= 1<<16: // FIPS 186-5, Section 5.1
		return fail(ErrUnsupported, "e", "the RSA exponent is %d: in FIPS 140-3 mode it has to be over 65536", key.E)
	case key.N.BitLen()%2 != 0: // as above
		return fail(ErrUnsupported, "n", "the RSA key has %d bits: in FIPS 140-3 mode it has to be an even number", key.N.BitLen())
	}
	return nil
}

func curveByName(crv string) elliptic.Curve {
	switch crv {
	case "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}

// coordinateSize is the width of a coordinate (RFC 7518, Section 6.2.1.2).
func coordinateSize(c elliptic.Curve) int { return (c.Params().BitSize + 7) / 8 }

func ecPublicJWK(o *jsonObject) (crv string, key *ecdsa.PublicKey, err error) {
	if crv, err = o.need("crv"); err != nil {
		return "", nil, err
	}
	curve := curveByName(crv)
	if curve == nil {
		return crv, nil, fail(ErrUnsupported, "crv", "curve %s is not supported", printable(crv, 32))
	}
	size := coordinateSize(curve)
	point := append(make([]byte, 0, 1+2*size), 4) // SEC 1, Section 2.3.3: uncompressed
	for _, name := range [...]string{"x", "y"} {
		b, err := o.bytes(name, size)
		if err != nil {
			return crv, nil, err
		}
		if len(b) != size {
			return crv, nil, fail(o.kind, name, "a coordinate on %s has %d bytes, not %d", crv, size, len(b))
		}
		point = append(point, b...)
	}
	if key, err = ecdsa.ParseUncompressedPublicKey(curve, point); err != nil {
		return crv, nil, fail(o.kind, "x", "the point is not on %s", crv)
	}
	return crv, key, nil
}

func okpPublicJWK(o *jsonObject) (crv string, key ed25519.PublicKey, err error) {
	if crv, err = o.need("crv"); err != nil {
		return "", nil, err
	}
	if crv != "Ed25519" {
		return crv, nil, fail(ErrUnsupported, "crv", "curve %s is not supported", printable(crv, 32))
	}
	x, err := o.bytes("x", ed25519.PublicKeySize)
	if err != nil {
		return crv, nil, err
	}
	if len(x) != ed25519.PublicKeySize {
		return crv, nil, fail(o.kind, "x", "an Ed25519 key has %d bytes, not %d", ed25519.PublicKeySize, len(x))
	}
	if smallOrder(x) {
		return crv, nil, fail(o.kind, "x", "the Ed25519 point is of small order")
	}
	return crv, x, nil
}

// smallOrderY are the encodings, without the sign bit, of the y coordinates of
// the eight points whose order divides 8, those not reduced mod p included.
// Signatures that verify for such a "key" can be made by anybody.
var smallOrderY = [...][32]byte{
	{},  // order 4
	{1}, // order 1
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, // order 8
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, // order 8
	{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, // p−1, order 2
	{0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, // p ≡ 0
	{0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, // p+1 ≡ 1
}

func smallOrder(x []byte) bool {
	y := [32]byte(x)
	y[31] &= 0x7f
	return slices.Contains(smallOrderY[:], y)
}

// mldsaKeySize is the size of a public key: FIPS 204, Table 2. It is 0 for an
// algorithm that is not ML-DSA.
func mldsaKeySize(alg string) int {
	switch Algorithm(alg) {
	case MLDSA44:
		return 1312
	case MLDSA65:
		return 1952
	case MLDSA87:
		return 2592
	}
	return 0
}

const mldsaSeedSize = 32

// akpPublicJWK reads a key whose alg, which is required, says what it is: the
// parameter set is part of the key.
func akpPublicJWK(o *jsonObject) (alg string, key *mldsaPublicKey, err error) {
	if alg, err = o.need("alg"); err != nil {
		return "", nil, err
	}
	size := mldsaKeySize(alg)
	if size == 0 {
		return alg, nil, fail(ErrUnsupported, "alg", "keys of type AKP for %s are not supported", printable(alg, 32))
	}
	pub, err := o.bytes("pub", size)
	if err != nil {
		return alg, nil, err
	}
	if len(pub) != size {
		return alg, nil, fail(o.kind, "pub", "an %s key has %d bytes, not %d", alg, size, len(pub))
	}
	key, err = newMLDSAPublicKey(Algorithm(alg), pub)
	return alg, key, err
}

// keyShape is the JWK type and curve of a public key, as the table has them.
func keyShape(key crypto.PublicKey) (kty, crv string) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key != nil && key.N != nil && key.E > 0 {
			return "RSA", ""
		}
	case *ecdsa.PublicKey:
		if key != nil && key.Curve != nil {
			// There is a point, and it is on the curve; of one that is not there Bytes panics.
			if guarded(func() error { _, err := key.Bytes(); return err }) == nil {
				return "EC", key.Curve.Params().Name
			}
		}
	case ed25519.PublicKey:
		if len(key) == ed25519.PublicKeySize {
			return "OKP", "Ed25519"
		}
	case *mldsaPublicKey:
		if alg := mldsaName(key); alg != "" {
			return "AKP", alg
		}
	}
	return "", ""
}

// minimalJWK is the required members of a public key in the order of their
// names: what RFC 7638, Section 3 hashes, and the jwk of a DPoP proof.
func minimalJWK(key crypto.PublicKey) []byte {
	kty, crv := keyShape(key)
	member := func(b []byte, name string, value []byte) []byte {
		b = append(appendJSONString(append(b, ','), name), ':', '"')
		return append(appendBase64URL(b, value), '"')
	}
	b := append(make([]byte, 0, 512), '{')
	switch key := key.(type) {
	case *rsa.PublicKey:
		b = append(member(b, "e", big.NewInt(int64(key.E)).Bytes()), `,"kty":"RSA"`...)
		b = member(b, "n", key.N.Bytes())
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return nil
		}
		size := len(point) / 2
		b = append(b, `,"crv":"`+crv+`","kty":"`+kty+`"`...)
		b = member(b, "x", point[1:1+size])
		b = member(b, "y", point[1+size:])
	case ed25519.PublicKey:
		b = append(b, `,"crv":"`+crv+`","kty":"`+kty+`"`...)
		b = member(b, "x", key)
	case *mldsaPublicKey: // RFC 9964: the alg is among them
		b = append(b, `,"alg":"`+crv+`","kty":"`+kty+`"`...)
		b = member(b, "pub", key.Bytes())
	}
	b[1] = '{' // the first member's comma
	return append(b[1:], '}')
}

// thumbprint is the RFC 7638 thumbprint with SHA-256, base64url.
func thumbprint(key crypto.PublicKey) string {
	sum := sha256.Sum256(minimalJWK(key))
	return encodeBase64URL(sum[:])
}

// jwkThumbprint is the thumbprint of a JWK as it stands. Nothing is computed with
// the key: it may be anybody's.
func jwkThumbprint(o *jsonObject) (string, error) {
	kty, err := o.need("kty")
	if err != nil {
		return "", err
	}
	var names []string // the required members in their order
	switch kty {
	case "RSA":
		names = []string{"e", "kty", "n"}
	case "EC":
		names = []string{"crv", "kty", "x", "y"}
	case "OKP":
		names = []string{"crv", "kty", "x"}
	case "AKP": // RFC 9964
		names = []string{"alg", "kty", "pub"}
	default:
		return "", fail(ErrUnsupported, "kty", "key type %s is not supported", printable(kty, 32))
	}
	b := make([]byte, 0, 512)
	for _, name := range names {
		value, err := o.need(name)
		if err != nil {
			return "", err
		}
		b = appendJSONString(append(b, ','), name)
		b = appendJSONString(append(b, ':'), value)
	}
	b[0] = '{'
	sum := sha256.Sum256(append(b, '}'))
	return encodeBase64URL(sum[:]), nil
}

// ---- private keys

// A SigningKey is a private key, together with the one algorithm that it is used
// with. It is immutable and, if its signer is, safe for concurrent use.
type SigningKey struct {
	signer heldSigner
	alg    *algorithm
	kid    string
	jkt    string // the thumbprint

	use any // a keyUse
}

// A keyUse has what only a program with a key does. It is called through interfaces, so
// that the linker leaves it out of a program that makes no key.
type keyUse struct{}

// A heldSigner stands behind a pointer for the same reason as the text of a
// Secret: a private key in memory is a slice of bytes, and prints.
type heldSigner struct{ signer *crypto.Signer }

func (h heldSigner) Public() crypto.PublicKey { return (*h.signer).Public() }

func (h heldSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return (*h.signer).Sign(rand, digest, opts)
}

// inMemory reports whether the key is one of the standard library's.
func (h heldSigner) inMemory() bool {
	switch (*h.signer).(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return true
	}
	return false
}

// NewSigningKey returns a SigningKey that signs with signer, which may hold a
// private key in memory, in an HSM or in a key management service. The signer must
// be safe for concurrent use. keyID is the kid of the tokens that the key signs; if
// empty, they have none. An RSA key must have 2048 to 8192 bits.
//
// If alg is not an algorithm of this package, the error matches [ErrAlgorithm]. If
// FIPS 140-3 mode does not allow the key, or if alg is ML-DSA and the program does
// not have it, the error matches [ErrUnsupported]. If the key is invalid otherwise
// or does not fit alg, it matches [ErrConfig].
func NewSigningKey(signer crypto.Signer, alg Algorithm, keyID string) (*SigningKey, error) {
	const op = "signing key"
	if signer == nil {
		return nil, withOp(op, &Error{Kind: ErrConfig, Detail: "the signer is nil"})
	}
	a, err := signatureAlgorithm("alg", alg)
	if err != nil {
		return nil, withOp(op, err)
	}
	public := signer.Public()
	if kty, crv := keyShape(public); kty != a.kty || crv != a.crv {
		return nil, withOp(op, &Error{Kind: ErrConfig, Param: "alg", Detail: string(alg) + " needs a key of another type (" + a.kty + " " + a.crv + ")"})
	}
	if key, ok := public.(*rsa.PublicKey); ok {
		if err := checkRSA(ErrConfig, key); err != nil {
			return nil, withOp(op, err)
		}
	}
	return &SigningKey{heldSigner{&signer}, a, keyID, thumbprint(public), keyUse{}}, nil
}

// GenerateSigningKey returns a new key in memory. Its key id is its thumbprint. RSA
// keys have 2048 bits; use [NewSigningKey] for larger ones.
//
// If alg is not an algorithm of this package, the error matches [ErrAlgorithm]. If
// the program does not have it, the error matches [ErrUnsupported].
func GenerateSigningKey(alg Algorithm) (*SigningKey, error) {
	a, err := signatureAlgorithm("alg", alg)
	if err != nil {
		return nil, withOp("signing key", err)
	}
	var signer crypto.Signer
	switch a.kty {
	case "RSA":
		signer, err = rsa.GenerateKey(rand.Reader, minRSABits)
	case "EC":
		signer, err = ecdsa.GenerateKey(curveByName(a.crv), rand.Reader)
	case "AKP":
		signer, err = generateMLDSA(alg)
	default:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return nil, withOp("signing key", &Error{Kind: ErrUnsupported, Detail: "no key could be made", Err: err})
	}
	return NewSigningKey(signer, alg, thumbprint(signer.Public()))
}

// ParseSigningKey returns the private key in pemOrJWK, which must be a JWK or
// unencrypted PEM (PKCS #8, PKCS #1 or SEC 1). If alg or keyID is empty, it is the
// JWK's alg or kid. The PKCS #8 form of an ML-DSA key must contain only the seed
// (RFC 9881), as OpenSSL writes it with -provparam ml-dsa.output_formats=seed-only.
//
// If the key cannot be read, the error matches [ErrParse], or [ErrUnsupported] if
// the key is encrypted. The other errors are those of [NewSigningKey]. No error
// quotes the key.
func ParseSigningKey(pemOrJWK []byte, alg Algorithm, keyID string) (*SigningKey, error) {
	const op = "signing key"
	if err := notBuiltIn("alg", alg); err != nil { // before PEM is read that only a newer Go can read
		return nil, withOp(op, err)
	}
	key, err := readPrivateKey(pemOrJWK, (*string)(&alg), &keyID, parsePrivateJWK)
	if err != nil {
		return nil, withOp(op, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok { // X25519
		return nil, withOp(op, fail(ErrParse, "", "the private key does not sign"))
	}
	return NewSigningKey(signer, alg, keyID)
}

// MarshalPEM returns the private key as unencrypted PEM of PKCS #8, which
// [ParseSigningKey] reads. It is for keys that the program made with
// [GenerateSigningKey] and must keep: the key of a DPoP, to which refresh tokens are bound.
// Algorithm and key id are not part of it.
//
// If the key is held outside of the program, for example by an HSM, or if the key is nil
// or empty, the error matches [ErrUnsupported].
func (k *SigningKey) MarshalPEM() (Secret, error) {
	const op = "signing key"
	if k.empty() {
		return Secret{}, withOp(op, fail(ErrUnsupported, "key", "is nil or empty"))
	}
	der, err := x509.MarshalPKCS8PrivateKey(*k.signer.signer)
	if err != nil { // whose text may be about the key
		return Secret{}, withOp(op, fail(ErrUnsupported, "key", "is one that x509.MarshalPKCS8PrivateKey does not write: it may be held outside of the program"))
	}
	return NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), nil
}

// readPrivateKey reads PEM or, with fromJWK, a JWK, whose alg and kid it takes where
// they are empty.
func readPrivateKey(pemOrJWK []byte, alg, keyID *string, fromJWK func(*jsonObject) (crypto.PrivateKey, error)) (crypto.PrivateKey, error) {
	text := bytes.TrimSpace(pemOrJWK)
	if len(text) == 0 || text[0] != '{' {
		return privatePEM(pemOrJWK)
	}
	o, err := parseObject(string(text), headerForm, ErrParse)
	if err != nil {
		return nil, err
	}
	key, err := fromJWK(&o)
	if err == nil && *keyID == "" {
		*keyID, _, err = o.string("kid")
	}
	if err == nil && *alg == "" {
		*alg, _, err = o.string("alg")
	}
	return key, err
}

// privatePEM is the first private key of a PEM text.
func privatePEM(text []byte) (crypto.PrivateKey, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, fail(ErrParse, "", "no private key: want PEM (PRIVATE KEY, EC PRIVATE KEY, RSA PRIVATE KEY) or a JWK")
		}
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, fail(ErrUnsupported, "", "the private key is encrypted: decrypt it first")
		default: // certificates, EC PARAMETERS
			continue
		}
		if block.Headers["DEK-Info"] != "" {
			return nil, fail(ErrUnsupported, "", "the private key is encrypted: decrypt it first")
		}
		if err != nil {
			// The text of err is not passed on: it is about the bytes of the key.
			return nil, fail(ErrParse, "", "the private key in the PEM block %s cannot be read", block.Type)
		}
		return key, nil
	}
}

func parsePrivateJWK(o *jsonObject) (crypto.PrivateKey, error) {
	kty, err := o.need("kty")
	if err != nil {
		return nil, err
	}
	switch kty {
	case "RSA":
		return rsaPrivateJWK(o)
	case "EC":
		crv, public, err := ecPublicJWK(o)
		if err != nil {
			return nil, err
		}
		d, err := o.bytes("d", coordinateSize(curveByName(crv)))
		if err != nil {
			return nil, err
		}
		key, err := ecdsa.ParseRawPrivateKey(curveByName(crv), d)
		if err != nil || !key.PublicKey.Equal(public) {
			return nil, fail(ErrParse, "d", "is not the private key of x and y")
		}
		return key, nil
	case "OKP":
		_, public, err := okpPublicJWK(o)
		if err != nil {
			return nil, err
		}
		d, err := o.bytes("d", ed25519.SeedSize)
		if err != nil {
			return nil, err
		}
		if len(d) != ed25519.SeedSize || !public.Equal(ed25519.NewKeyFromSeed(d).Public()) {
			return nil, fail(ErrParse, "d", "is not the private key of x")
		}
		return ed25519.NewKeyFromSeed(d), nil
	case "AKP":
		alg, public, err := akpPublicJWK(o)
		if err != nil {
			return nil, err
		}
		seed, err := o.bytes("priv", mldsaSeedSize) // RFC 9964: never the expanded key
		if err != nil {
			return nil, err
		}
		key, err := newMLDSAPrivateKey(Algorithm(alg), seed) // which takes no other length
		if err != nil || !public.Equal(key.Public()) {
			return nil, fail(ErrParse, "priv", "is not the seed of pub")
		}
		return key, nil
	}
	return nil, fail(ErrUnsupported, "kty", "key type %s is not supported", printable(kty, 32))
}

// rsaPrivateJWK wants p and q beside d (RFC 7518, Section 6.3.2 allows a key
// without them, crypto/rsa does not) and computes the rest itself.
func rsaPrivateJWK(o *jsonObject) (*rsa.PrivateKey, error) {
	if o.has("oth") {
		return nil, fail(ErrUnsupported, "oth", "RSA keys of more than two primes are not supported")
	}
	public, err := rsaPublicJWK(o)
	if err != nil {
		return nil, err
	}
	var parts [3]*big.Int
	for i, name := range [...]string{"d", "p", "q"} {
		b, err := o.bytes(name, maxRSABits/8+1)
		if err != nil {
			return nil, err
		}
		parts[i] = new(big.Int).SetBytes(b)
	}
	key := &rsa.PrivateKey{PublicKey: *public, D: parts[0], Primes: parts[1:]}
	if err := key.Validate(); err != nil {
		return nil, fail(ErrParse, "d", "the members of the RSA key do not belong together")
	}
	key.Precompute()
	return key, nil
}

// PublicJWK returns the public key as a JWK with kid, alg and use, for the client's
// jwks or jwks_uri. The alg is the one that the key was made with. Some servers, for
// example Keycloak, only know keys for Ed25519 by the older name EdDSA; for these, the
// key must be made with [EdDSA].
func (k *SigningKey) PublicJWK() json.RawMessage {
	if k.empty() {
		return nil
	}
	b := minimalJWK(k.signer.Public())
	b = b[:len(b)-1]
	if k.alg.kty != "AKP" { // of which it is a required member
		b = append(b, `,"alg":"`+string(k.alg.name)+`"`...)
	}
	b = append(b, `,"use":"sig"`...)
	if k.kid != "" {
		b = appendJSONString(append(b, `,"kid":`...), k.kid)
	}
	return append(b, '}')
}

// Thumbprint returns the RFC 7638 thumbprint of the public key: the SHA-256,
// base64url.
func (k *SigningKey) Thumbprint() string {
	if k.empty() {
		return ""
	}
	return k.jkt
}

// empty reports whether there is no key: the zero and the nil SigningKey.
func (k *SigningKey) empty() bool { return k == nil || k.alg == nil }

// Format prints the algorithm and the key id, because the signer may be the private
// key itself.
func (k SigningKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.summary()) }

// LogValue returns the algorithm and the key id.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue(k.summary()) }

func (k *SigningKey) summary() string {
	if k.alg == nil {
		return "SigningKey()"
	}
	return "SigningKey(" + string(k.alg.name) + " " + printable(k.kid, 128) + ")"
}

// Algorithm returns the algorithm that the key is used with.
func (k *SigningKey) Algorithm() Algorithm {
	if k.empty() {
		return ""
	}
	return k.alg.name
}

// KeyID returns the kid of the tokens that the key signs. It may be empty.
func (k *SigningKey) KeyID() string {
	if k.empty() {
		return ""
	}
	return k.kid
}
