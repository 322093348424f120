package oauth

// Fuzz tests of decryption: what fuzz_test.go says holds here too.

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

const (
	fuzzECKey = `{"kty":"EC","crv":"P-256","kid":"ec","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",` +
		`"y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}` // RFC 7518, Appendix C
	fuzzX25519Key = `{"kty":"OKP","crv":"X25519","d":"dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}`
)

// Nobody but who has the keys makes a token that decrypts: a change to one makes it
// none, whatever it is, and there is one way to write it.
func FuzzDecrypt(f *testing.F) {
	ec := must(ParseDecryptionKey([]byte(fuzzECKey), "ECDH-ES+A128KW", nil, ""))
	d := newUnitDecrypter(f, ec,
		decryptionKey(f, "secret", "A128GCMKW", nil, ""), decryptionKey(f, "secret", "A256KW", nil, ""),
		decryptionKey(f, "secret", "dir", []string{"A128GCM"}, ""), decryptionKey(f, "secret", "dir", []string{"A256CBC-HS512"}, ""))
	for _, x := range []sender{
		{name: "secret", alg: "A128GCMKW", enc: "A128GCM"}, {name: "secret", alg: "A256KW", enc: "A192CBC-HS384"},
		{name: "secret", alg: "dir", enc: "A256CBC-HS512"}, {name: "secret", alg: "dir", enc: "A128GCM", header: map[string]any{"zip": "DEF"}},
		{name: "secret", alg: "A128GCMKW", enc: "A128CBC-HS256", header: map[string]any{"kid": "x"}},
	} {
		s := strings.Split(x.seal(f, "a.b.c"), ".")
		header, err := base64.RawURLEncoding.DecodeString(s[0])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(header), s[1], s[2], s[3], s[4])
	}
	f.Add(`{"alg":"ECDH-ES+A128KW","enc":"A128GCM","kid":"ec","apu":"QQ","apv":"Qg","epk":{"kty":"EC","crv":"P-256",`+
		`"x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}}`,
		strings.Repeat("A", 32), strings.Repeat("A", 16), "AAAA", strings.Repeat("A", 22))
	f.Fuzz(func(t *testing.T, header, key, iv, ciphertext, tag string) {
		token := strings.Join([]string{encodeBase64URL([]byte(header)), key, iv, ciphertext, tag}, ".")
		got, err := d.DecryptJWE(context.Background(), token)
		if err != nil {
			if got != nil || !errors.Is(err, ErrDecrypt) || err.Error() != undecryptable {
				t.Fatalf("%q, %v", got, err)
			}
			return
		}
		if string(got) != "a.b.c" {
			t.Fatalf("%q was never encrypted", got)
		}
		j, err := parseJWE(token)
		if err != nil {
			t.Fatal(err)
		}
		again := string(j.additional)
		for _, part := range [][]byte{j.encryptedKey, j.iv, j.ciphertext, j.tag} {
			again += "." + encodeBase64URL(part)
		}
		if again != token {
			t.Fatalf("%q is another way to write %q", token, again)
		}
	})
}

// A key that is read publishes itself without the private part, and its public part
// is what the private one says.
func FuzzParseDecryptionKey(f *testing.F) {
	for _, s := range []string{
		fuzzECKey, fuzzX25519Key, `{}`, `{"kty":"oct","k":"AAAA"}`, strings.Replace(fuzzECKey, `"d"`, `"e"`, 1),
		strings.Replace(fuzzX25519Key, "hSDw", "iSDw", 1), strings.Replace(fuzzECKey, "P-256", "P-384", 1),
		"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIHcHbQpzGKV9PBbBclGyZkXfTC+H68CZKrF3+6UduSwq\n-----END PRIVATE KEY-----\n",
		"-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n",
	} {
		f.Add([]byte(s), "ECDH-ES")
		f.Add([]byte(s), "")
	}
	f.Fuzz(func(t *testing.T, text []byte, alg string) {
		k, err := ParseDecryptionKey(text, alg, nil, "")
		if err != nil {
			if k != nil || !errors.Is(err, ErrParse) && !errors.Is(err, ErrConfig) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("%v with the error %v", k, err)
			}
			return
		}
		o, err := parseObject(string(k.PublicJWK()), headerForm, ErrParse)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range privateMembers {
			if o.has(name) {
				t.Fatalf("the public JWK has %s", name)
			}
		}
		if k.rsa != nil {
			if _, ok := (*k.rsa).Public().(*rsa.PublicKey); !ok || k.alg.kty != "RSA" {
				t.Fatalf("an RSA key for %s", k.alg.name)
			}
			return
		}
		if use, _, _ := o.string("use"); use != "enc" || k.exchange == nil || k.alg.kty != "EC" {
			t.Fatalf("%s for %s", k.PublicJWK(), k.alg.name)
		}
	})
}
