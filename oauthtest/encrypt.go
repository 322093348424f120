package oauthtest

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// This file implements the encryption of what the server answers: signed, and
// then encrypted to the client (RFC 7519, Section 11.2).

// encryptions is the table of what can be encrypted, with the fields of a Client
// that say how.
var encryptions = [...]struct {
	name   string // of the fields
	kinds  jwtKind
	fields func(c *Client) (alg, enc *string)
}{
	{"RequestObjectEncryption", 0, func(c *Client) (alg, enc *string) {
		return &c.RequestObjectEncryptionAlg, &c.RequestObjectEncryptionEnc
	}},
	// Logout tokens as ID tokens: OpenID Connect Back-Channel Logout 1.0, Section 2.4.
	{"IDTokenEncryption", anyIDToken | logoutJWT, func(c *Client) (alg, enc *string) {
		return &c.IDTokenEncryptionAlg, &c.IDTokenEncryptionEnc
	}},
	{"UserinfoEncryption", userinfoJWT, func(c *Client) (alg, enc *string) {
		return &c.UserinfoEncryptionAlg, &c.UserinfoEncryptionEnc
	}},
	{"AuthorizationEncryption", responseJWT, func(c *Client) (alg, enc *string) {
		return &c.AuthorizationEncryptionAlg, &c.AuthorizationEncryptionEnc
	}},
	{"IntrospectionEncryption", introspectionJWT, func(c *Client) (alg, enc *string) {
		return &c.IntrospectionEncryptionAlg, &c.IntrospectionEncryptionEnc
	}},
}

// checkEncryption checks how a client is registered to encrypt and to be
// encrypted to, and fills in the default.
func (c *Client) checkEncryption() error {
	for _, row := range encryptions {
		alg, enc := row.fields(c)
		if *alg == "" {
			if *enc != "" {
				return fmt.Errorf("%sEnc without %[1]sAlg", row.name)
			}
			continue
		}
		if *enc == "" {
			*enc = "A128CBC-HS256"
		}
		management, ok := keyManagementByName(*alg)
		if !ok {
			return fmt.Errorf("unknown %sAlg %q", row.name, *alg)
		}
		if _, ok := contentEncryptionByName(*enc); !ok {
			return fmt.Errorf("unknown %sEnc %q", row.name, *enc)
		}
		if row.kinds != 0 && c.encryptionKey(management) == nil {
			return fmt.Errorf("%sAlg %s without a key for it with use enc in JWKS", row.name, *alg)
		}
	}
	if c.UserinfoEncryptionAlg != "" && c.UserinfoAlg == "" {
		return errors.New("UserinfoEncryptionAlg without UserinfoAlg: the server encrypts only what it has signed")
	}
	return nil
}

// encryptionKey is the first key of the client for the algorithm, nil if there is
// none.
func (c *Client) encryptionKey(alg keyManagement) *publicKey {
	for i, k := range c.keys {
		if k.use == "enc" && (k.alg == "" || k.alg == alg.name) && familyOf(k.key) == alg.family {
			return &c.keys[i]
		}
	}
	return nil
}

// An encryption is how a JWT is encrypted.
type encryption struct {
	alg keyManagement
	enc *contentEncryption
	key *publicKey
	iss string // in the header: RFC 7519, Section 5.3; empty: none
}

// encryptionOf is how the client is registered to get JWTs of a kind, nil for
// plain.
func (c *Client) encryptionOf(kind jwtKind) *encryption {
	for _, row := range encryptions {
		if row.kinds&kind == 0 {
			continue
		}
		algName, encName := row.fields(c)
		if alg, ok := keyManagementByName(*algName); ok {
			enc, _ := contentEncryptionByName(*encName)
			return &encryption{alg: alg, enc: enc, key: c.encryptionKey(alg)}
		}
	}
	return nil
}

// encrypt makes a compact JWE of a signed JWT: RFC 7516, Section 5.1.
func (e *encryption) encrypt(token string) (string, error) {
	header := map[string]any{"alg": e.alg.name, "enc": e.enc.name, "cty": "JWT"} // RFC 7519, Section 5.2
	if e.key.id != "" {
		header["kid"] = e.key.id
	}
	if e.iss != "" {
		header["iss"] = e.iss
	}
	cek, encrypted, err := e.alg.wrap(e.key.key, header, e.enc)
	if err != nil {
		return "", fmt.Errorf("oauthtest: encrypting: %w", err)
	}
	h, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("oauthtest: encoding the JWE header: %w", err)
	}
	protected := encode(h)
	iv, ciphertext, tag, err := e.enc.seal(cek, []byte(token), []byte(protected))
	if err != nil {
		return "", fmt.Errorf("oauthtest: encrypting: %w", err)
	}
	return protected + "." + encode(encrypted) + "." + encode(iv) + "." + encode(ciphertext) + "." + encode(tag), nil
}

// useAnotherEnc is the fault WrongEnc.
func (e *encryption) useAnotherEnc() {
	other := &contentEncryptions[0]
	if e.enc == other {
		other = &contentEncryptions[1]
	}
	e.enc = other
}

// wrapRSA is RSA-OAEP-256: RFC 7518, Section 4.3.
func wrapRSA(pub crypto.PublicKey, _ map[string]any, enc *contentEncryption) (cek, encrypted []byte, err error) {
	cek = make([]byte, enc.size)
	rand.Read(cek)
	encrypted, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, pub.(*rsa.PublicKey), cek, nil)
	return cek, encrypted, err
}

// wrapRSA15 is RSA1_5 (RFC 7518, Section 4.2), for the fault RSA15. crypto/rsa has it no
// more in FIPS 140-3 mode: it is RFC 8017, Section 7.2.1 by hand.
func wrapRSA15(pub crypto.PublicKey, _ map[string]any, enc *contentEncryption) (cek, encrypted []byte, err error) {
	key := pub.(*rsa.PublicKey)
	cek = make([]byte, enc.size)
	rand.Read(cek)
	padded := bytes.Repeat([]byte{0xff}, key.Size()-len(cek)) // not random: this is a lock that nobody is to open
	padded[0], padded[1], padded[len(padded)-1] = 0, 2, 0
	m := new(big.Int).SetBytes(append(padded, cek...))
	m.Exp(m, big.NewInt(int64(key.E)), key.N)
	return cek, m.FillBytes(make([]byte, key.Size())), nil
}

// offerECDH is the sender's side of agreeECDH, with a new key each time.
func offerECDH(pub crypto.PublicKey, header map[string]any, enc *contentEncryption) (cek, encrypted []byte, err error) {
	peer, err := pub.(*ecdsa.PublicKey).ECDH()
	if err != nil {
		return nil, nil, err
	}
	ephemeral := newECKey(elliptic.P256())
	own, err := ephemeral.ECDH()
	if err != nil {
		return nil, nil, err
	}
	header["epk"] = publicMembers(&ephemeral.PublicKey)
	cek, err = deriveKey(own, peer, enc.name, nil, nil, enc.size)
	return cek, nil, err
}

// sealGCM is openGCM in the other direction.
func sealGCM(key, plain, additional []byte) (iv, ciphertext, tag []byte, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, nil, nil, err
	}
	sealed := aead.Seal(nil, nil, plain, additional)
	end := len(sealed) - 16
	return sealed[:12], sealed[12:end], sealed[end:], nil
}

// sealCBC is A128CBC-HS256: RFC 7518, Section 5.2.2.1.
func sealCBC(key, plain, additional []byte) (iv, ciphertext, tag []byte, err error) {
	macKey, encKey := key[:16], key[16:]
	block, err := aes.NewCipher(encKey)
	if err != nil {
		return nil, nil, nil, err
	}
	iv = make([]byte, aes.BlockSize)
	rand.Read(iv)
	pad := aes.BlockSize - len(plain)%aes.BlockSize // never none: PKCS #7
	ciphertext = slices.Concat(plain, bytes.Repeat([]byte{byte(pad)}, pad))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, ciphertext)
	return iv, ciphertext, tagCBC(macKey, iv, ciphertext, additional), nil
}
