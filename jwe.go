package oauth

// This file implements JSON Web Encryption (RFC 7516) in the compact form, the
// sending half: request objects encrypted to the server (RFC 9101, Section 6.1).

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// contentEncryption is a row of the table of enc values (RFC 7518, Section 5.1).
type contentEncryption struct {
	name string
	size int // bytes of the content encryption key
	seal func(key, plaintext, additional []byte) (iv, ciphertext, tag []byte, err error)
}

var contentEncryptions = [...]contentEncryption{
	{"A128GCM", 16, sealGCM},
	{"A256GCM", 32, sealGCM},
	{"A128CBC-HS256", 32, sealCBC},
}

// keyManagements are the alg values that request objects are encrypted with,
// and the type of key that each needs.
var keyManagements = [...]struct{ name, kty string }{
	{"RSA-OAEP-256", "RSA"},
	{"ECDH-ES", "EC"},
}

// An encryption says how request objects are encrypted.
type encryption struct {
	alg, kty string
	enc      *contentEncryption
}

// newEncryption reads the pair of metadata members; without an alg there is
// none. enc is A128CBC-HS256 where it is not said (OpenID Connect Registration
// 1.0, Section 2).
func newEncryption(algParam, alg, encParam, enc string) (*encryption, error) {
	if alg == "" {
		if enc != "" {
			return nil, fail(ErrConfig, encParam, "is set without %s", algParam)
		}
		return nil, nil
	}
	x := &encryption{alg: alg}
	for _, row := range keyManagements {
		if row.name == alg {
			x.kty = row.kty
		}
	}
	if x.kty == "" {
		return nil, fail(ErrUnsupported, algParam, "%s is not one of RSA-OAEP-256, ECDH-ES", printable(alg, 32))
	}
	if enc == "" {
		enc = "A128CBC-HS256"
	}
	i := slices.IndexFunc(contentEncryptions[:], func(c contentEncryption) bool { return c.name == enc })
	if i < 0 {
		return nil, fail(ErrUnsupported, encParam, "%s is not one of A128GCM, A256GCM, A128CBC-HS256", printable(enc, 32))
	}
	x.enc = &contentEncryptions[i]
	return x, nil
}

// encrypt makes a compact JWE of a signed token for the key.
func (x *encryption) encrypt(key *publicKey, token string) (string, error) {
	header := append([]byte(nil), `{"alg":`...)
	header = appendJSONString(header, x.alg)
	header = appendJSONString(append(header, `,"enc":`...), x.enc.name)
	header = append(header, `,"cty":"JWT"`...) // RFC 7519, Section 5.2
	if key.kid != "" {
		header = appendJSONString(append(header, `,"kid":`...), key.kid)
	}
	var cek, encryptedKey []byte
	var err error
	switch public := key.key.(type) {
	case *rsa.PublicKey:
		cek = make([]byte, x.enc.size)
		rand.Read(cek) // never fails
		encryptedKey, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, public, cek, nil)
	case *ecdsa.PublicKey:
		var epk []byte
		if cek, epk, err = x.agree(public); err == nil {
			header = append(append(header, `,"epk":`...), epk...)
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

// agree is ECDH-ES in direct key agreement mode (RFC 7518, Section 4.6) with a
// new key each time: the key that it gives, and the ephemeral public key.
func (x *encryption) agree(public *ecdsa.PublicKey) (cek, epk []byte, err error) {
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
	epk, err = ecdhJWK(public, ephemeral.PublicKey())
	return concatKDF(z, x.enc.name, "", "", x.enc.size), epk, err
}

// ecdhJWK is the ephemeral key as a JWK on the curve of the peer's.
func ecdhJWK(peer *ecdsa.PublicKey, key *ecdh.PublicKey) ([]byte, error) {
	public, err := ecdsa.ParseUncompressedPublicKey(peer.Curve, key.Bytes())
	if err != nil {
		return nil, err
	}
	return minimalJWK(public), nil
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

// sealGCM is RFC 7518, Section 5.3. In FIPS 140-3 mode only an AEAD that
// chooses its own nonce is approved; what it gives is iv‖ciphertext‖tag.
func sealGCM(key, plaintext, additional []byte) (iv, ciphertext, tag []byte, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, nil, nil, err
	}
	const ivSize, tagSize = 12, 16
	sealed := aead.Seal(nil, nil, plaintext, additional)
	end := len(sealed) - tagSize
	return sealed[:ivSize], sealed[ivSize:end], sealed[end:], nil
}

// sealCBC is A128CBC-HS256: RFC 7518, Section 5.2.3.
func sealCBC(key, plaintext, additional []byte) (iv, ciphertext, tag []byte, err error) {
	macKey, encKey := key[:len(key)/2], key[len(key)/2:]
	block, err := aes.NewCipher(encKey)
	if err != nil {
		return nil, nil, nil, err
	}
	pad := aes.BlockSize - len(plaintext)%aes.BlockSize // PKCS #7
	ciphertext = append(slices.Clone(plaintext), slices.Repeat([]byte{byte(pad)}, pad)...)
	iv = make([]byte, aes.BlockSize)
	rand.Read(iv) // never fails
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, ciphertext)
	mac := hmac.New(sha256.New, macKey)
	mac.Write(additional)
	mac.Write(iv)
	mac.Write(ciphertext)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(additional))*8))
	return iv, ciphertext, mac.Sum(nil)[:len(macKey)], nil
}
