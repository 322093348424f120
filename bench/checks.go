package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
)

// This file has the signature checks of the floor, from a token's bytes.

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()}

// signatureChecks are by algorithm. The key is of the kind that belongs to it.
var signatureChecks = map[string]func(key crypto.PublicKey, input, signature []byte) bool{
	"RS256": func(key crypto.PublicKey, input, signature []byte) bool {
		sum := sha256.Sum256(input)
		return rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, sum[:], signature) == nil
	},
	"PS256": func(key crypto.PublicKey, input, signature []byte) bool {
		sum := sha256.Sum256(input)
		return rsa.VerifyPSS(key.(*rsa.PublicKey), crypto.SHA256, sum[:], signature, pssOptions) == nil
	},
	"ES256": func(key crypto.PublicKey, input, signature []byte) bool {
		sum := sha256.Sum256(input)
		return len(signature) == 64 && ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), sum[:], toDER(signature))
	},
	"ES384": func(key crypto.PublicKey, input, signature []byte) bool {
		sum := sha512.Sum384(input)
		return len(signature) == 96 && ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), sum[:], toDER(signature))
	},
	"EdDSA": func(key crypto.PublicKey, input, signature []byte) bool {
		return ed25519.Verify(key.(ed25519.PublicKey), input, signature)
	},
}
