package oauth

// This file holds the one table of signature algorithms (RFC 7518, Section 3,
// RFC 8037, RFC 9864) and what follows from an algorithm: key type, curve,
// hash, sizes.

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"slices"
	"strings"
)

// An Algorithm is the name of a JWS signature algorithm, a value of the IANA
// registry "JSON Web Signature and Encryption Algorithms".
type Algorithm string

// The algorithms this package signs and verifies with.
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

	Ed25519 Algorithm = "Ed25519" // RFC 9864
)

// HMAC algorithms, for [ClientSecretJWT] alone. A token signed with one is
// refused everywhere.
const (
	HS256 Algorithm = "HS256"
	HS384 Algorithm = "HS384"
	HS512 Algorithm = "HS512"
)

// algorithm is a row of the table.
type algorithm struct {
	name Algorithm
	kty  string      // JWK key type
	crv  string      // JWK curve, for EC and OKP
	hash crypto.Hash // of the signed bytes; 0: the algorithm hashes by itself
	pss  bool
	size int         // bytes of a signature; 0: that of the RSA modulus
	half crypto.Hash // of at_hash, c_hash and s_hash (OIDC Core 3.1.3.6)
}

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
	for i := range algorithms {
		if algorithms[i].name == name {
			return &algorithms[i]
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
	switch {
	case name == "none" || findHMAC(name) != nil:
		return nil, fail(ErrAlgorithm, param, "%s is never accepted: tokens have to be signed with the server's private key; register the client with one of %s", name, supportedAlgorithms())
	case name == "":
		return nil, fail(ErrAlgorithm, param, "is empty: name one of %s", supportedAlgorithms())
	}
	return nil, fail(ErrAlgorithm, param, "%s is not known: use one of %s", printable(string(name), 32), supportedAlgorithms())
}

func supportedAlgorithms() string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = string(a.name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

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
		return nil, fail(ErrAlgorithm, listParam, "the server lists no algorithm that this package verifies: %s", supportedAlgorithms())
	}
	return usable, nil
}

// sum hashes b into buf and returns the part of it that is filled.
func sum(h crypto.Hash, b []byte, buf *[sha512.Size]byte) []byte {
	switch h {
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
