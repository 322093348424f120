package oauthtest

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// This file implements the decryption of compact JWE (RFC 7516, Section 7.1),
// which request objects come in. What the server encrypts is in encrypt.go.

// A keyManagement is a row of the table of the alg values (RFC 7518, Section
// 4.1), with the key that each needs. wrap makes the key of the content, and may
// add to the header.
type keyManagement struct {
	name   string
	family string // see keyRing
	unwrap func(k *key, header map[string]any, enc *contentEncryption, encrypted []byte) ([]byte, error)
	wrap   func(pub crypto.PublicKey, header map[string]any, enc *contentEncryption) (cek, encrypted []byte, err error)
}

var keyManagements = [...]keyManagement{
	{"RSA-OAEP-256", "RSA", unwrapRSA, wrapRSA},
	{"ECDH-ES", "P-256", agreeECDH, offerECDH},
}

func keyManagementByName(name string) (keyManagement, bool) {
	for _, a := range keyManagements {
		if a.name == name {
			return a, true
		}
	}
	return keyManagement{}, false
}

// A contentEncryption is a row of the table of the enc values (RFC 7518,
// Section 5.1).
type contentEncryption struct {
	name string
	size int // of the key, in bytes
	open func(key, iv, ciphertext, tag, additional []byte) ([]byte, error)
	seal func(key, plain, additional []byte) (iv, ciphertext, tag []byte, err error)
}

var contentEncryptions = [...]contentEncryption{
	{"A128GCM", 16, openGCM, sealGCM},
	{"A256GCM", 32, openGCM, sealGCM},
	{"A128CBC-HS256", 32, openCBC, sealCBC},
}

func contentEncryptionByName(name string) (*contentEncryption, bool) {
	for i, e := range contentEncryptions {
		if e.name == name {
			return &contentEncryptions[i], true
		}
	}
	return nil, false
}

// errJWE is all that is said: which step failed is of use to an attacker only.
var errJWE = errors.New("not a JWE for this server")

// decrypt returns the JWT in a JWE that is encrypted as the client is
// registered.
func (s *Server) decrypt(client *Client, token string) (string, error) {
	alg, ok1 := keyManagementByName(client.RequestObjectEncryptionAlg)
	enc, ok2 := contentEncryptionByName(client.RequestObjectEncryptionEnc)
	parts := strings.Split(token, ".")
	if !ok1 || !ok2 || len(parts) != 5 {
		return "", errJWE
	}
	var raw [5][]byte
	for i, part := range parts {
		b, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || strings.ContainsAny(part, "\r\n") {
			return "", errJWE
		}
		raw[i] = b
	}
	header, err := decodeObject(raw[0])
	if err != nil {
		return "", errJWE
	}
	for _, name := range []string{"crit", "zip"} {
		if header[name] != nil {
			return "", errJWE
		}
	}
	cty, _ := header["cty"].(string)
	k := s.encryptionKeys.get(alg.family)
	if header["alg"] != alg.name || header["enc"] != enc.name || header["kid"] != k.id ||
		!strings.EqualFold(cty, "JWT") { // RFC 7519, Section 5.2
		return "", errJWE
	}
	cek, err := alg.unwrap(k, header, enc, raw[1])
	if err != nil || len(cek) != enc.size {
		return "", errJWE
	}
	plain, err := enc.open(cek, raw[2], raw[3], raw[4], []byte(parts[0]))
	if err != nil {
		return "", errJWE
	}
	return string(plain), nil
}

// unwrapRSA is RSA-OAEP-256: RFC 7518, Section 4.3.
func unwrapRSA(k *key, _ map[string]any, _ *contentEncryption, encrypted []byte) ([]byte, error) {
	return rsa.DecryptOAEP(sha256.New(), nil, k.private.(*rsa.PrivateKey), encrypted, nil)
}

// agreeECDH is ECDH-ES in direct key agreement mode: RFC 7518, Section 4.6.
func agreeECDH(k *key, header map[string]any, enc *contentEncryption, encrypted []byte) ([]byte, error) {
	epk, _ := header["epk"].(map[string]any)
	if len(encrypted) > 0 || epk["kty"] != "EC" || epk["crv"] != "P-256" {
		return nil, errJWE
	}
	member := func(m map[string]any, name string) []byte {
		text, _ := m[name].(string)
		b, _ := base64.RawURLEncoding.Strict().DecodeString(text)
		return b
	}
	x, y := member(epk, "x"), member(epk, "y")
	point, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil || len(x) != 32 {
		return nil, errJWE
	}
	peer, err := point.ECDH()
	if err != nil {
		return nil, err
	}
	own, err := k.private.(*ecdsa.PrivateKey).ECDH()
	if err != nil {
		return nil, err
	}
	return deriveKey(own, peer, enc.name, member(header, "apu"), member(header, "apv"), enc.size)
}

// deriveKey is the Concat KDF with SHA-256: RFC 7518, Section 4.6.2.
func deriveKey(own *ecdh.PrivateKey, peer *ecdh.PublicKey, alg string, apu, apv []byte, size int) ([]byte, error) {
	z, err := own.ECDH(peer)
	if err != nil {
		return nil, err
	}
	var info []byte
	for _, field := range [][]byte{[]byte(alg), apu, apv} {
		info = binary.BigEndian.AppendUint32(info, uint32(len(field)))
		info = append(info, field...)
	}
	info = binary.BigEndian.AppendUint32(info, uint32(8*size))
	// One round gives 32 bytes, which is the longest key of the table.
	h := sha256.New()
	h.Write([]byte{0, 0, 0, 1})
	h.Write(z)
	h.Write(info)
	return h.Sum(nil)[:size], nil
}

// openGCM is RFC 7518, Section 5.3. Under fips140=only a GCM whose nonce a
// caller may choose is refused even for decryption; what the AEAD that chooses
// its own opens is iv ‖ ciphertext ‖ tag.
func openGCM(key, iv, ciphertext, tag, additional []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	if len(iv) != 12 || len(tag) != 16 {
		return nil, errJWE
	}
	return aead.Open(nil, nil, slices.Concat(iv, ciphertext, tag), additional)
}

// openCBC is A128CBC-HS256: RFC 7518, Section 5.2.2.2. The tag is compared
// before the padding is looked at.
func openCBC(key, iv, ciphertext, tag, additional []byte) ([]byte, error) {
	macKey, encKey := key[:16], key[16:]
	if !hmac.Equal(tagCBC(macKey, iv, ciphertext, additional), tag) {
		return nil, errJWE
	}
	if len(iv) != aes.BlockSize || len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0 {
		return nil, errJWE
	}
	block, err := aes.NewCipher(encKey)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, ciphertext)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, errJWE
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, errJWE
		}
	}
	return plain[:len(plain)-pad], nil
}

// tagCBC is step 5 of RFC 7518, Section 5.2.2.1.
func tagCBC(macKey, iv, ciphertext, additional []byte) []byte {
	mac := hmac.New(sha256.New, macKey)
	mac.Write(additional)
	mac.Write(iv)
	mac.Write(ciphertext)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(8*len(additional))))
	return mac.Sum(nil)[:16]
}
