package oauth

// This file holds the one table of signature algorithms (RFC 7518, Section 3,
// RFC 8037, RFC 9864, RFC 9964) and what follows from an algorithm: key type,
// curve, hash, sizes.

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"slices"
	"strings"
)

// An Algorithm is the name of a JWS signature algorithm, from the IANA registry
// "JSON Web Signature and Encryption Algorithms".
type Algorithm string

// Algorithms that this package signs and verifies with.
const (
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256, the default of OpenID Connect
	RS384 Algorithm = "RS384"
	RS512 Algorithm = "RS512"
	PS256 Algorithm = "PS256" // RSASSA-PSS with SHA-256 and a salt of the length of the hash
	PS384 Algorithm = "PS384"
	PS512 Algorithm = "PS512"
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
	ES384 Algorithm = "ES384" // ECDSA on P-384 with SHA-384
	ES512 Algorithm = "ES512" // ECDSA on P-521 with SHA-512
	EdDSA Algorithm = "EdDSA" // the older name of Ed25519; other curves are not supported

	// Ed25519 is the name of RFC 9864. In keys, lists and configuration, EdDSA and
	// Ed25519 stand for one another. A Client signs with the name that its metadata or
	// the server's metadata contain.
	Ed25519 Algorithm = "Ed25519"

	// ML-DSA resists attacks by quantum computers (FIPS 204, RFC 9964). The program
	// must be built with Go 1.27 or newer and, if it is built with GOFIPS140, with
	// the Go Cryptographic Module v1.26.0 or newer. Otherwise, the errors match
	// [ErrUnsupported]. Signatures are large (2420, 3309 and 4627 bytes), and so
	// are DPoP proofs (about 6, 8 and 11 KiB): not every server accepts a header
	// field of that size.
	MLDSA44 Algorithm = "ML-DSA-44"
	MLDSA65 Algorithm = "ML-DSA-65"
	MLDSA87 Algorithm = "ML-DSA-87"
)

// HMAC algorithms, for [ClientSecretJWT] only. A token that is signed with one of
// them is always refused.
const (
	HS256 Algorithm = "HS256"
	HS384 Algorithm = "HS384"
	HS512 Algorithm = "HS512"
)

// algorithm is a row of the table.
type algorithm struct {
	name Algorithm
	kty  string      // JWK key type
	crv  string      // JWK curve, for EC and OKP; of AKP the alg, which is the parameter set
	hash crypto.Hash // of the signed bytes; 0: the algorithm hashes by itself
	pss  bool
	size int         // bytes of a signature; 0: that of the RSA modulus
	half crypto.Hash // of at_hash, c_hash and s_hash (OIDC Core 3.1.3.6)
}

// shake256 as a hash of OIDC Core 3.1.3.6 is SHAKE256 with 64 octets. No
// crypto.Hash stands for it.
const shake256 crypto.Hash = 0

// algorithms is the table. What not every program has comes last: it is read
// through usableAlgorithms.
var algorithms = [...]algorithm{
	{RS256, "RSA", "", crypto.SHA256, false, 0, crypto.SHA256},
	{ES256, "EC", "P-256", crypto.SHA256, false, 64, crypto.SHA256},
	{PS256, "RSA", "", crypto.SHA256, true, 0, crypto.SHA256},
	{EdDSA, "OKP", "Ed25519", 0, false, 64, crypto.SHA512},
	{Ed25519, "OKP", "Ed25519", 0, false, 64, crypto.SHA512},
	{RS384, "RSA", "", crypto.SHA384, false, 0, crypto.SHA384},
	{RS512, "RSA", "", crypto.SHA512, false, 0, crypto.SHA512},
	{PS384, "RSA", "", crypto.SHA384, true, 0, crypto.SHA384},
	{PS512, "RSA", "", crypto.SHA512, true, 0, crypto.SHA512},
	{ES384, "EC", "P-384", crypto.SHA384, false, 96, crypto.SHA384},
	{ES512, "EC", "P-521", crypto.SHA512, false, 132, crypto.SHA512},
	{MLDSA44, "AKP", "ML-DSA-44", 0, false, 2420, shake256},
	{MLDSA65, "AKP", "ML-DSA-65", 0, false, 3309, shake256},
	{MLDSA87, "AKP", "ML-DSA-87", 0, false, 4627, shake256},
}

// usableAlgorithms is what of the table this program can sign and verify with.
func usableAlgorithms() []algorithm {
	if mldsaNeeds != "" {
		return algorithms[:len(algorithms)-3]
	}
	return algorithms[:]
}

// hmacAlgorithms are apart from the table, so that no lookup for verification
// can give one.
var hmacAlgorithms = [...]algorithm{
	{HS256, "oct", "", crypto.SHA256, false, 32, 0},
	{HS384, "oct", "", crypto.SHA384, false, 48, 0},
	{HS512, "oct", "", crypto.SHA512, false, 64, 0},
}

// findAlgorithm returns the asymmetric algorithm of that name, or nil.
func findAlgorithm(name Algorithm) *algorithm {
	usable := usableAlgorithms()
	for i := range usable {
		if usable[i].name == name {
			return &usable[i]
		}
	}
	return nil
}

// same reports whether two names are of one algorithm: RFC 9864, Section 2.2, gave
// EdDSA, with keys on the one curve that is supported, a second one.
func (a Algorithm) same(b Algorithm) bool { return a == b || b != "" && a.secondName() == b }

// secondName is the other name of an algorithm; "" if it has one.
func (a Algorithm) secondName() Algorithm {
	switch a {
	case EdDSA:
		return Ed25519
	case Ed25519:
		return EdDSA
	}
	return ""
}

// in reports whether the list has the algorithm, under either name.
func (a Algorithm) in(list []Algorithm) bool {
	for _, b := range list {
		if a.same(b) {
			return true
		}
	}
	return false
}

// nameAt is the name under which a server knows the algorithm of a key: the one that is
// registered with it, or else one of its list.
func (a Algorithm) nameAt(registered Algorithm, list []Algorithm) Algorithm {
	if a.same(registered) {
		return registered
	}
	if !slices.Contains(list, a) {
		for _, b := range list {
			if a.same(b) {
				return b
			}
		}
	}
	return a
}

// notBuiltIn is the error of an algorithm that the package has and this program
// does not; nil for any other name.
func notBuiltIn(param string, name Algorithm) error {
	for _, a := range algorithms[len(usableAlgorithms()):] {
		if a.name == name {
			return fail(ErrUnsupported, param, "%s is not in this program: it needs %s", name, mldsaNeeds)
		}
	}
	return nil
}

func findHMAC(name Algorithm) *algorithm {
	for i := range hmacAlgorithms {
		if hmacAlgorithms[i].name == name {
			return &hmacAlgorithms[i]
		}
	}
	return nil
}

// signatureAlgorithm returns the algorithm that a setting names. The setting
// is named in the error.
func signatureAlgorithm(param string, name Algorithm) (*algorithm, error) {
	if a := findAlgorithm(name); a != nil {
		return a, nil
	}
	if err := notBuiltIn(param, name); err != nil {
		return nil, err
	}
	switch {
	case name == "none" || findHMAC(name) != nil:
		return nil, fail(ErrAlgorithm, param, "%s is never accepted: tokens have to be signed with the server's private key; register the client with one of %s", name, supportedAlgorithms())
	case name == "":
		return nil, fail(ErrAlgorithm, param, "is empty: name one of %s", supportedAlgorithms())
	}
	return nil, fail(ErrAlgorithm, param, "%s is not known: use one of %s", printable(string(name), 32), supportedAlgorithms())
}

func supportedAlgorithms() string {
	usable := usableAlgorithms()
	names := make([]string, len(usable))
	for i, a := range usable {
		names[i] = string(a.name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// plainJSON, as the …SignedResponseAlg of userinfo and introspection, says that the
// answers are not signed. It is no algorithm of any token.
const plainJSON Algorithm = "none"

// isPlain reports whether answers come without a signature: none was asked for.
func isPlain(signed Algorithm) bool { return signed == "" || signed == plainJSON }

// allowedAlgorithms is the rule of fallbacks: what the client's metadata says,
// else what the server's metadata lists, else fallback (none: an error). The
// first place that says anything decides, even if nothing in it can be used.
func allowedAlgorithms(param string, configured Algorithm, listParam string, list []Algorithm, fallback Algorithm) ([]Algorithm, error) {
	if configured != "" {
		_, err := signatureAlgorithm(param, configured)
		return []Algorithm{configured}, err
	}
	if list == nil {
		if fallback == "" {
			return nil, fail(ErrAlgorithm, param, "is not set, and the server's metadata has no %s: set it to the algorithm that is registered for the client", listParam)
		}
		return []Algorithm{fallback}, nil
	}
	var usable []Algorithm
	for _, name := range list {
		if findAlgorithm(name) != nil {
			usable = append(usable, name)
		}
	}
	if usable == nil {
		for _, name := range list {
			if err := notBuiltIn(listParam, name); err != nil {
				return nil, err // all that is missing is a newer Go
			}
		}
		return nil, fail(ErrAlgorithm, listParam, "the server lists no algorithm that this package verifies: %s", supportedAlgorithms())
	}
	return usable, nil
}

// sum hashes b into buf and returns the part of it that is filled.
func sum(h crypto.Hash, b []byte, buf *[sha512.Size]byte) []byte {
	switch h {
	case shake256:
		return buf[:copy(buf[:], sha3.SumSHAKE256(b, 64))]
	case crypto.SHA256:
		d := sha256.Sum256(b)
		return buf[:copy(buf[:], d[:])]
	case crypto.SHA384:
		d := sha512.Sum384(b)
		return buf[:copy(buf[:], d[:])]
	default:
		*buf = sha512.Sum512(b)
		return buf[:]
	}
}
