package oauthtest

// Test vectors and JWEs with a wrong header, which need what is not exported.

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

func TestDeriveKey(t *testing.T) {
	decode := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// RFC 7518, Appendix C.
	own, err := ecdh.P256().NewPrivateKey(decode("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"))
	if err != nil {
		t.Fatal(err)
	}
	peer, err := ecdh.P256().
		NewPublicKey(append([]byte{4}, append(decode("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0"), decode("SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps")...)...))
	if err != nil {
		t.Fatal(err)
	}
	key, err := deriveKey(own, peer, "A128GCM", []byte("Alice"), []byte("Bob"), 16)
	if err != nil || base64.RawURLEncoding.EncodeToString(key) != "VqqN6vgjbSBcIijNcacQGg" {
		t.Errorf("%x, %v", key, err)
	}
}

func TestOpenCBC(t *testing.T) {
	decode := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// RFC 7518, Appendix B.1.
	key := decode("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	iv := decode("1af38c2dc2b96ffdd86694092341bc04")
	additional := []byte("The second principle of Auguste Kerckhoffs")
	ciphertext := decode("c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9" +
		"a94ac9b47ad2655c5f10f9aef71427e2fc6f9b3f399a221489f16362c7032336" +
		"09d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b" +
		"384c486f3a54c51078158ee5d79de59fbd34d848b3d69550a67646344427ade5" +
		"4b8851ffb598f7f80074b9473c82e2db")
	tag := decode("652c3fa36b0a7c5b3219fab3a30bc1c4")
	plain := "A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy without inconvenience"
	got, err := openCBC(key, iv, ciphertext, tag, additional)
	if err != nil || string(got) != plain {
		t.Errorf("%q, %v", got, err)
	}
	for name, change := range map[string]func(iv, ciphertext, tag []byte){
		"iv":         func(iv, _, _ []byte) { iv[0] ^= 1 },
		"ciphertext": func(_, ciphertext, _ []byte) { ciphertext[0] ^= 1 },
		"tag":        func(_, _, tag []byte) { tag[0] ^= 1 },
	} {
		iv, ciphertext, tag := bytes.Clone(iv), bytes.Clone(ciphertext), bytes.Clone(tag)
		change(iv, ciphertext, tag)
		if got, err := openCBC(key, iv, ciphertext, tag, additional); err == nil {
			t.Errorf("%s changed: %q", name, got)
		}
	}
}

// seal encrypts for the server by code of the test's own, so that a header can
// be wrong.
func seal(t *testing.T, s *Server, header map[string]any, enc, text string) string {
	t.Helper()
	k := s.encryptionKeys.get("P-256")
	own, err := k.private.(*ecdsa.PrivateKey).ECDH()
	if err != nil {
		t.Fatal(err)
	}
	ephemeral, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point := ephemeral.PublicKey().Bytes()
	h := map[string]any{
		"alg": "ECDH-ES", "enc": enc, "kid": k.id, "cty": "JWT",
		"epk": map[string]any{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])},
	}
	maps.Copy(h, header)
	raw, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	protected := encode(raw)
	e, _ := contentEncryptionByName(enc)
	cek, err := deriveKey(ephemeral, own.PublicKey(), enc, nil, nil, e.size)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(cek)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	sealed := aead.Seal(nil, nil, []byte(text), []byte(protected))
	end := len(sealed) - 16
	return strings.Join([]string{protected, "", encode(sealed[:12]), encode(sealed[12:end]), encode(sealed[end:])}, ".")
}

func TestDecrypt(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	client := &Client{ID: "app", RequestObjectEncryptionAlg: "ECDH-ES", RequestObjectEncryptionEnc: "A256GCM"}
	good := seal(t, s, nil, "A256GCM", "text")
	for name, tt := range map[string]struct {
		token string
		ok    bool
	}{
		"good":              {good, true},
		"cty in lower case": {seal(t, s, map[string]any{"cty": "jwt"}, "A256GCM", "text"), true},
		"another enc":       {seal(t, s, nil, "A128GCM", "text"), false},
		"another alg":       {seal(t, s, map[string]any{"alg": "dir"}, "A256GCM", "text"), false},
		"another kid":       {seal(t, s, map[string]any{"kid": "x"}, "A256GCM", "text"), false},
		"no kid":            {seal(t, s, map[string]any{"kid": nil}, "A256GCM", "text"), false},
		"no cty":            {seal(t, s, map[string]any{"cty": nil}, "A256GCM", "text"), false},
		"zip":               {seal(t, s, map[string]any{"zip": "DEF"}, "A256GCM", "text"), false},
		"crit":              {seal(t, s, map[string]any{"crit": []string{"x"}}, "A256GCM", "text"), false},
		"no epk":            {seal(t, s, map[string]any{"epk": nil}, "A256GCM", "text"), false},
		"epk not on the curve": {seal(t, s, map[string]any{"epk": map[string]any{
			"kty": "EC", "crv": "P-256", "x": encode(make([]byte, 32)), "y": encode(make([]byte, 32)),
		}}, "A256GCM", "text"), false},
		"an encrypted key": {strings.Replace(good, "..", ".AA.", 1), false},
		"four parts":       {good[:strings.LastIndex(good, ".")], false},
		"padding":          {good + "=", false},
		"line break":       {good + "\n", false},
	} {
		if got, err := s.decrypt(client, tt.token); (err == nil) != tt.ok || tt.ok && got != "text" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A key to encrypt to is made when a client asks for its kind.
func TestEncryptionKeysAreLazy(t *testing.T) {
	s := NewServer(&Options{SigningAlgs: []string{"ES256"}})
	defer s.Close()
	for _, tt := range []struct{ alg, want string }{{"", ""}, {"ECDH-ES", "EC"}, {"RSA-OAEP-256", "EC RSA"}} {
		s.AddClient(Client{ID: "app", RequestObjectEncryptionAlg: tt.alg})
		resp, err := s.Client().Get(s.URL() + "/jwks")
		if err != nil {
			t.Fatal(err)
		}
		var set struct{ Keys []struct{ Kty, Use string } }
		err = json.NewDecoder(resp.Body).Decode(&set)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range set.Keys {
			if k.Use == "enc" {
				got = append(got, k.Kty)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: keys %q, want %q", tt.alg, got, tt.want)
		}
	}
}
