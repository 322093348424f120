//go:build !go1.27 || fips140v1.0

package oauth

// This file stands in the place of mldsa.go where there is no ML-DSA: before Go
// 1.27, and in builds with the Go Cryptographic Module v1.0.0 (GOFIPS140=v1.0.0),
// whose crypto/mldsa has errors and panics for all it does. The tag is the one that
// the go command sets for that module.

import "crypto"

// mldsaNeeds is what is missing for ML-DSA; empty: nothing.
const mldsaNeeds = "Go 1.27 or newer and, in builds with GOFIPS140, the Go Cryptographic Module v1.26.0 or newer"

// mldsaPublicKey is a key that nothing makes.
type mldsaPublicKey struct{ _ byte }

func (*mldsaPublicKey) Bytes() []byte { return nil }

func (*mldsaPublicKey) Equal(crypto.PublicKey) bool { return false }

func mldsaName(*mldsaPublicKey) string { return "" }

func newMLDSAPublicKey(name Algorithm, _ []byte) (*mldsaPublicKey, error) {
	return nil, notBuiltIn("alg", name)
}

func newMLDSAPrivateKey(name Algorithm, _ []byte) (crypto.Signer, error) {
	return nil, notBuiltIn("alg", name)
}

func generateMLDSA(name Algorithm) (crypto.Signer, error) {
	return nil, notBuiltIn("alg", name)
}

func verifyMLDSA(*mldsaPublicKey, []byte, []byte) bool { return false }
