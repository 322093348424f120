package oauth

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
)

// RFC 7518, Appendix C: the key agreed on by Alice and Bob.
func TestConcatKDF(t *testing.T) {
	z := []byte{
		158,
		86,
		217,
		29,
		129,
		113,
		53,
		211,
		114,
		131,
		66,
		131,
		191,
		132,
		38,
		156,
		251,
		49,
		110,
		163,
		218,
		128,
		106,
		72,
		246,
		218,
		167,
		121,
		140,
		254,
		144,
		196,
	}
	if got := encodeBase64URL(concatKDF(z, "A128GCM", "Alice", "Bob", 16)); got != "VqqN6vgjbSBcIijNcacQGg" {
		t.Errorf("key %s", got)
	}
	if got := concatKDF(z, "A256CBC-HS512", "", "", 64); len(got) != 64 || bytes.Equal(got[:32], got[32:]) {
		t.Errorf("two rounds give %x", got)
	}
}

// RFC 7518, Appendix B.1: AES_128_CBC_HMAC_SHA_256. The iv is random here, so
// what is compared is that of the appendix, decrypted by the test's own code.
func TestOpenCBCVector(t *testing.T) {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	plain := "A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy without inconvenience"
	iv := []byte{0x1a, 0xf3, 0x8c, 0x2d, 0xc2, 0xb9, 0x6f, 0xfd, 0xd8, 0x66, 0x94, 0x09, 0x23, 0x41, 0xbc, 0x04}
	tag := []byte{0x65, 0x2c, 0x3f, 0xa3, 0x6b, 0x0a, 0x7c, 0x5b, 0x32, 0x19, 0xfa, 0xb3, 0xa3, 0x0b, 0xc1, 0xc4}
	additional := []byte("The second principle of Auguste Kerckhoffs")
	block, err := aes.NewCipher(key[16:])
	if err != nil {
		t.Fatal(err)
	}
	pad := 16 - len(plain)%16
	ciphertext := append([]byte(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, ciphertext)
	if got, ok := openCBC(key, iv, ciphertext, tag, additional); !ok || got != plain {
		t.Fatal("the test's own decryption does not open the vector")
	}
	iv, ciphertext, tag, err = findEncryption("A128CBC-HS256").seal(key, []byte(plain), additional)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := openCBC(key, iv, ciphertext, tag, additional); !ok || got != plain {
		t.Error("what was sealed does not open")
	}
}

func openCBC(key, iv, ciphertext, tag, additional []byte) (string, bool) {
	mac := hmac.New(sha256.New, key[:16])
	mac.Write(additional)
	mac.Write(iv)
	mac.Write(ciphertext)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(additional))*8))
	if !hmac.Equal(mac.Sum(nil)[:16], tag) || len(ciphertext)%16 != 0 || len(ciphertext) == 0 {
		return "", false
	}
	block, err := aes.NewCipher(key[16:])
	if err != nil {
		return "", false
	}
	plain := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, ciphertext)
	return string(plain[:len(plain)-int(plain[len(plain)-1])]), true
}

// openJWE decrypts by code of its own.
func openJWE(t *testing.T, token string, key crypto.PrivateKey) (header map[string]any, plain string) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 5 {
		t.Fatalf("%d parts", len(parts))
	}
	var raw [5][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(raw[0], &header); err != nil {
		t.Fatal(err)
	}
	enc := header["enc"].(string)
	size := map[string]int{"A128GCM": 16, "A256GCM": 32, "A128CBC-HS256": 32}[enc]
	var cek []byte
	var err error
	switch key := key.(type) {
	case *rsa.PrivateKey:
		cek, err = rsa.DecryptOAEP(sha256.New(), nil, key, raw[1], nil)
	case *ecdsa.PrivateKey:
		epk := header["epk"].(map[string]any)
		point := []byte{4}
		for _, name := range []string{"x", "y"} {
			b, err := base64.RawURLEncoding.DecodeString(epk[name].(string))
			if err != nil {
				t.Fatal(err)
			}
			point = append(point, b...)
		}
		var own *ecdh.PrivateKey
		var peer *ecdh.PublicKey
		if own, err = key.ECDH(); err != nil {
			t.Fatal(err)
		}
		if peer, err = own.Curve().NewPublicKey(point); err != nil {
			t.Fatal(err)
		}
		var z []byte
		if z, err = own.ECDH(peer); err != nil {
			t.Fatal(err)
		}
		if len(raw[1]) != 0 {
			t.Error("direct agreement has an encrypted key")
		}
		cek = concatKDF(z, enc, "", "", size)
	}
	if err != nil || len(cek) != size {
		t.Fatalf("key of %d bytes, %v", len(cek), err)
	}
	if enc == "A128CBC-HS256" {
		plain, ok := openCBC(cek, raw[2], raw[3], raw[4], []byte(parts[0]))
		if !ok {
			t.Fatal("the content does not open")
		}
		return header, plain
	}
	block, err := aes.NewCipher(cek)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	b, err := aead.Open(nil, nil, bytes.Join(raw[2:], nil), []byte(parts[0]))
	if err != nil || len(raw[2]) != 12 || len(raw[4]) != 16 {
		t.Fatalf("the content does not open: %v", err)
	}
	return header, string(b)
}

func TestEncryptedRequestObject(t *testing.T) {
	rsaKey, err := GenerateSigningKey(RS256)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]*SigningKey{"RSA-OAEP-256": rsaKey}
	for _, alg := range []Algorithm{ES256, ES384, ES512} {
		k, err := GenerateSigningKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		keys["ECDH-ES "+string(alg)] = k
	}
	for name, key := range keys {
		for _, enc := range []string{"A128GCM", "A256GCM", "A128CBC-HS256", ""} {
			t.Run(name+" "+enc, func(t *testing.T) {
				alg, _, _ := strings.Cut(name, " ")
				s := newUnitServer()
				public := strings.TrimSuffix(string(minimalJWK(key.signer.Public())), "}") + `,"kid":"enc-1","use":"enc"}`
				s.answer("/jwks", `{"keys":[`+string(s.key.PublicJWK())+`,`+public+`]}`)
				c := s.client(t, func(c *Config) {
					c.RequestKey = unitKey()
					c.Metadata.RequestObjectEncryptionAlg, c.Metadata.RequestObjectEncryptionEnc = alg, enc
				})
				_, form := startForm(t, s, c, nil)
				header, object := openJWE(t, form.Get("request"), *key.signer.signer)
				if enc == "" {
					enc = "A128CBC-HS256"
				}
				if header["alg"] != alg || header["enc"] != enc || header["cty"] != "JWT" || header["kid"] != "enc-1" {
					t.Errorf("header %v", header)
				}
				if claims := requestClaims(t, object); claims["client_id"] != unitClient {
					t.Errorf("claims %v", claims)
				}
			})
		}
	}
}

// TestRequestObjectEncryptions: whatever the server's key is for, each with each content
// encryption. What opens them is the other half of the package, which Wycheproof and
// the RFCs judge.
func TestRequestObjectEncryptions(t *testing.T) {
	private := map[string]crypto.PrivateKey{"RSA": *must(GenerateSigningKey(RS256)).signer.signer}
	for _, alg := range []Algorithm{ES256, ES384, ES512} {
		private["EC "+string(alg)] = *must(GenerateSigningKey(alg)).signer.signer
	}
	for _, alg := range []string{
		"RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW",
	} {
		if alg == "RSA-OAEP" && fips140.Enabled() { // SHA-1 is not approved
			cfg := newUnitServer().config()
			cfg.RequestKey, cfg.Metadata.RequestObjectEncryptionAlg = unitKey(), alg
			_, err := NewClient(cfg)
			wantError(t, err, ErrUnsupported, "Metadata.RequestObjectEncryptionAlg")
			continue
		}
		for name, key := range private {
			if strings.HasPrefix(alg, "RSA") != (name == "RSA") {
				continue
			}
			for _, enc := range contentEncryptions {
				t.Run(alg+" "+name+" "+enc.name, func(t *testing.T) {
					k := must(NewDecryptionKey(key, alg, []string{enc.name}, "enc-1"))
					s := newUnitServer()
					s.answer("/jwks", `{"keys":[`+string(s.key.PublicJWK())+`,`+string(k.PublicJWK())+`]}`)
					c := s.client(t, func(c *Config) {
						c.RequestKey = unitKey()
						c.Metadata.RequestObjectEncryptionAlg, c.Metadata.RequestObjectEncryptionEnc = alg, enc.name
					})
					a, form := startForm(t, s, c, nil)
					object, err := must(NewDecrypter(k)).DecryptJWE(t.Context(), form.Get("request"))
					if err != nil {
						t.Fatal(err)
					}
					if claims := requestClaims(t, string(object)); claims["state"] != a.State() {
						t.Errorf("claims %v", claims)
					}
				})
			}
		}
	}
}

// TestEncryptionsDiffer: what encrypts is random and used once. The same for all would
// still decrypt.
func TestEncryptionsDiffer(t *testing.T) {
	for _, alg := range []string{"RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW"} {
		signer := jwsKey(RS256, "")
		if alg != "RSA-OAEP-256" {
			signer = jwsKey(ES256, "")
		}
		key := &publicKey{key: signer.signer.Public()}
		for _, enc := range []string{"A128GCM", "A128CBC-HS256"} {
			x := must(newEncryption("alg", alg, "enc", enc))
			a, b := strings.Split(must(x.encrypt(key, "a.b.c")), "."), strings.Split(must(x.encrypt(key, "a.b.c")), ".")
			if header, err := base64.RawURLEncoding.DecodeString(a[0]); err != nil || bytes.Contains(header, []byte(`"kid"`)) {
				t.Errorf("the header %s names a key, which has no name", header)
			}
			for i, part := range []string{"header", "encrypted key", "iv", "ciphertext", "tag"} {
				same := i == 0 && alg == "RSA-OAEP-256" || i == 1 && alg == "ECDH-ES" // without an ephemeral key, and without an encrypted one
				if (a[i] == b[i]) != same {
					t.Errorf("%s with %s: the %s is %s, and then %s", alg, enc, part, a[i], b[i])
				}
			}
		}
	}
}

// TestWrapAES: RFC 3394, Sections 4.1 and 4.6, and the registers of the RFC.
func TestWrapAES(t *testing.T) {
	for _, tt := range []struct{ key, data, want string }{
		{"000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF", "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"},
		{
			"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
			"28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
		},
	} {
		key, data := must(hex.DecodeString(tt.key)), must(hex.DecodeString(tt.data))
		if got, err := wrapAES(key, data); err != nil || !strings.EqualFold(hex.EncodeToString(got), tt.want) {
			t.Errorf("%x, %v", got, err)
		}
	}
	for _, size := range []int{16, 24, 32, 48, 64} {
		cek := bytes.Repeat([]byte{7}, size)
		if got, err := wrapAES(cek[:16], cek); err != nil || !bytes.Equal(got, keyWrap(t, cek[:16], cek)) {
			t.Errorf("%d bytes: %x, %v", size, got, err)
		}
	}
}

// The key that is taken is for encryption and for the algorithm: by its use, or by its
// alg alone.
func TestEncryptionKeyChoice(t *testing.T) {
	key := must(GenerateSigningKey(ES256))
	bare := strings.TrimSuffix(string(minimalJWK(key.signer.Public())), "}")
	for _, tt := range []struct {
		members string
		good    bool
	}{
		{`"use":"enc"`, true},
		{`"use":"enc","alg":"ECDH-ES+A128KW"`, true},
		{`"alg":"ECDH-ES+A128KW"`, true},
		{`"use":"enc","alg":"ECDH-ES"`, false},
		{`"alg":"ECDH-ES"`, false},
		{`"use":"sig","alg":"ECDH-ES+A128KW"`, false},
		{`"use":"sig"`, false},
		{`"kid":"no use"`, false},
	} {
		s := newUnitServer()
		s.answer("/jwks", `{"keys":[`+string(s.key.PublicJWK())+`,`+bare+`,`+tt.members+`}]}`)
		c := s.client(t, func(c *Config) {
			c.RequestKey, c.Metadata.RequestObjectEncryptionAlg = unitKey(), "ECDH-ES+A128KW"
		})
		_, err := c.StartAuthorization(t.Context(), &plainRequest)
		if tt.good != (err == nil) {
			t.Errorf("%s: %v", tt.members, err)
		}
		if !tt.good {
			wantError(t, err, ErrKeyNotFound, "jwks_uri")
		}
	}
}

func TestEncryptionKeyMissing(t *testing.T) {
	s := newUnitServer() // its one key is for signatures
	c := s.client(t, func(c *Config) {
		c.RequestKey, c.Metadata.RequestObjectEncryptionAlg = unitKey(), "ECDH-ES"
	})
	a, err := c.StartAuthorization(t.Context(), &plainRequest)
	if a != nil {
		t.Error("a PendingAuthorization came with the error")
	}
	wantError(t, err, ErrKeyNotFound, "jwks_uri")
	// Without openid in the scope nothing else asks for keys.
	c = s.client(t, func(c *Config) {
		c.RequestKey, c.Metadata.RequestObjectEncryptionAlg, c.Server.JWKSURI = unitKey(), "ECDH-ES", ""
	})
	a, err = c.StartAuthorization(t.Context(), &AuthorizationRequest{RedirectURI: "https://app.example/cb"})
	if wantError(t, err, ErrConfig, "jwks_uri"); a != nil {
		t.Error("a PendingAuthorization came with the error")
	}
}

// A request that cannot be encrypted is not sent as it is.
func TestEncryptionKeyUnfit(t *testing.T) {
	s := newUnitServer()
	bare := strings.TrimSuffix(string(minimalJWK(unitKey().signer.Public())), "}")
	keys := must(ParseKeySet([]byte(`{"keys":[` + string(unitKey().PublicJWK()) + `,` + bare + `,"use":"enc"}]}`)))
	keys.current.Load().keys[1].key = &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)} // not on the curve
	c := s.client(t, func(c *Config) {
		c.RequestKey, c.Metadata.RequestObjectEncryptionAlg, c.KeySet = unitKey(), "ECDH-ES", keys
	})
	a, err := c.StartAuthorization(t.Context(), &plainRequest)
	if wantError(t, err, ErrUnsupported, "Metadata.RequestObjectEncryptionAlg"); a != nil {
		t.Error("a PendingAuthorization came with the error")
	}
	var e *Error
	if !errors.As(err, &e) || e.Err == nil {
		t.Errorf("%v does not say why", err)
	}
}

// An ECDSA signature of the request object, as r and s.
func TestRequestObjectSignature(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.RequestKey = unitKey() })
	_, form := startForm(t, s, c, nil)
	object := form.Get("request")
	i := strings.LastIndexByte(object, '.')
	sig, err := base64.RawURLEncoding.DecodeString(object[i+1:])
	if err != nil || len(sig) != 64 {
		t.Fatal(len(sig), err)
	}
	digest := sha256.Sum256([]byte(object[:i]))
	if !ecdsa.Verify(unitKey().signer.Public().(*ecdsa.PublicKey), digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		t.Error("the signature does not verify")
	}
}

// TestEncryptionNames: an algorithm is called what it is called (RFC 7515, Section 4.1.1).
func TestEncryptionNames(t *testing.T) {
	for _, tt := range []struct{ alg, enc, param string }{
		{"RSA-OAEP-256", "A128GCM", ""},
		{"RSA-OAEP-256", "", ""},
		{"rsa-oaep-256", "A128GCM", "alg"},
		{"DIR", "A128GCM", "alg"},
		{"RSA1_5", "A128GCM", "alg"},
		{"RSA-OAEP-256", "a128gcm", "enc"},
		{"RSA-OAEP-256", "A128GCM ", "enc"},
	} {
		x, err := newEncryption("alg", tt.alg, "enc", tt.enc)
		if tt.param == "" {
			if err != nil || x.alg.name != tt.alg || x.enc.name != cmp.Or(tt.enc, defaultEncryption) {
				t.Errorf("%s with %s: %v", tt.alg, tt.enc, err)
			}
			continue
		}
		if wantError(t, err, ErrUnsupported, tt.param); x != nil {
			t.Error("a pair came with the error")
		}
	}
}

// TestEncryptionKeyTooSmall: with what does not encrypt nothing is sent.
func TestEncryptionKeyTooSmall(t *testing.T) {
	x := must(newEncryption("alg", "RSA-OAEP-256", "enc", "A128GCM"))
	if token, err := x.encrypt(&publicKey{key: &rsa.PublicKey{N: big.NewInt(15), E: 3}}, "a.b.c"); err == nil || token != "" {
		t.Errorf("%s, %v", token, err)
	}
}

// TestECDHJWK: a key on a Montgomery curve has one coordinate (RFC 8037, Section 2).
func TestECDHJWK(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("X25519 is not approved")
	}
	for crv, members := range map[ecdh.Curve]int{ecdh.X25519(): 3, ecdh.P256(): 4} {
		var jwk map[string]string
		if err := json.Unmarshal(ecdhJWK(must(crv.GenerateKey(rand.Reader)).PublicKey()), &jwk); err != nil || len(jwk) != members {
			t.Errorf("%v: %v, %v", crv, jwk, err)
		}
	}
}
