package oauth

// This file makes key sets of public keys that do not come as a JWK Set.

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
)

const opPublicKeys = "public keys"

// NewPublicKeySet returns a KeySet with the given keys by their key ids, for a server that
// publishes them in another form than a JWK Set, for example as certificates in PEM; see
// [ParsePublicKeyPEM]. They never change. A key with an empty id verifies only tokens that
// name no key.
//
// Keys are *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey and, with Go 1.27,
// *mldsa.PublicKey. Each can verify every algorithm that fits it. If keys is empty, the
// error matches [ErrConfig]. If a key is nil, of another type, or one that the package
// does not use, for example because it is too short, it matches [ErrUnsupported].
func NewPublicKeySet(keys map[string]crypto.PublicKey) (*KeySet, error) {
	set, err := newPublicKeySet(keys)
	if err != nil {
		return nil, withOp(opPublicKeys, err)
	}
	return set, nil
}

func newPublicKeySet(keys map[string]crypto.PublicKey) (*KeySet, error) {
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, fail(ErrConfig, "keys", "there are %d of them, and not between 1 and %d", len(keys), maxKeys)
	}
	list := make([]*publicKey, 0, len(keys))
	for _, kid := range slices.Sorted(maps.Keys(keys)) {
		if kty, _ := keyShape(keys[kid]); kty == "" {
			return nil, fail(ErrUnsupported, "keys", "the key %s is empty, or of the type %T, which is not that of a public key that verifies", printable(kid, 128), keys[kid])
		}
		o, err := parseObject(string(minimalJWK(keys[kid])), documentForm, ErrParse)
		if err != nil {
			return nil, err
		}
		key, err := parsePublicJWK(&o)
		if err != nil {
			return nil, &Error{Kind: ErrUnsupported, Param: "keys", Detail: "the key " + printable(kid, 128) + " cannot be used", Err: err}
		}
		key.kid = kid
		list = append(list, key)
	}
	return keySetOf(list), nil
}

// ParsePublicKeyPEM returns the public key in the first block of a PEM text that is a
// PUBLIC KEY, an RSA PUBLIC KEY or a CERTIFICATE. It does not check a certificate: a
// program that uses its key must have obtained it from a place that it trusts.
//
// If there is no such block, or if it cannot be read, the error matches [ErrParse].
func ParsePublicKeyPEM(text []byte) (crypto.PublicKey, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, withOp(opPublicKeys, fail(ErrParse, "", "no public key: want PEM (PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE)"))
		}
		var key any
		var err error
		switch block.Type {
		case "PUBLIC KEY":
			key, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "RSA PUBLIC KEY":
			key, err = x509.ParsePKCS1PublicKey(block.Bytes)
		case "CERTIFICATE":
			var cert *x509.Certificate
			if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
				key = cert.PublicKey
			}
		default: // private keys, parameters
			continue
		}
		if err != nil || key == nil {
			return nil, withOp(opPublicKeys, &Error{Kind: ErrParse, Detail: "the PEM block " + block.Type + " cannot be read", Err: err})
		}
		return key, nil
	}
}
