//go:build go1.27 && !fips140v1.0

package oauth

// This file implements ML-DSA (FIPS 204; RFC 9964 for JOSE), where the program is
// built with a Go that has it. mldsa_go126.go stands in its place elsewhere.

import (
	"crypto"
	"crypto/mldsa"
)

// mldsaNeeds is what is missing for ML-DSA; empty: nothing.
const mldsaNeeds = ""

// mldsaPublicKey is the key of [crypto.Signer.Public].
type mldsaPublicKey = mldsa.PublicKey

// mldsaParameters is the parameter set of an algorithm of the table.
func mldsaParameters(name Algorithm) mldsa.Parameters {
	switch name {
	case MLDSA44:
		return mldsa.MLDSA44()
	case MLDSA65:
		return mldsa.MLDSA65()
	case MLDSA87:
		return mldsa.MLDSA87()
	}
	return mldsa.Parameters{} // which crypto/mldsa refuses
}

// mldsaName is the algorithm of a key, which its parameter set decides; "" of one
// that is nil or empty, as a signer of somebody else's may return it.
func mldsaName(key *mldsaPublicKey) string {
	if key == nil || *key == (mldsaPublicKey{}) {
		return ""
	}
	return key.Parameters().String()
}

func newMLDSAPublicKey(name Algorithm, pub []byte) (*mldsaPublicKey, error) {
	key, err := mldsa.NewPublicKey(mldsaParameters(name), pub)
	if err != nil {
		return nil, &Error{Kind: ErrUnsupported, Param: "alg", Detail: string(name) + " cannot be used", Err: err}
	}
	return key, nil
}

func newMLDSAPrivateKey(name Algorithm, seed []byte) (crypto.Signer, error) {
	return signerOf(mldsa.NewPrivateKey(mldsaParameters(name), seed))
}

func generateMLDSA(name Algorithm) (crypto.Signer, error) {
	return signerOf(mldsa.GenerateKey(mldsaParameters(name)))
}

// signerOf makes no signer of a nil key.
func signerOf(key *mldsa.PrivateKey, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, err
	}
	return key, nil
}

// verifyMLDSA is pure ML-DSA with an empty context, as JOSE has it.
func verifyMLDSA(key *mldsaPublicKey, input, sig []byte) bool {
	return mldsa.Verify(key, input, sig, nil) == nil
}
