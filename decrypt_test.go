package oauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// unitDecryptionKeys are private keys of each kind, made once.
var unitDecryptionKeys = sync.OnceValue(func() map[string]crypto.PrivateKey {
	keys := map[string]crypto.PrivateKey{}
	var err error
	add := func(name string, key crypto.PrivateKey, e error) {
		keys[name], err = key, errors.Join(err, e)
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, e := ecdsa.GenerateKey(curve, rand.Reader)
		add(curve.Params().Name, key, e)
	}
	rsaKey, e := rsa.GenerateKey(rand.Reader, 2048)
	add("RSA", rsaKey, e)
	if !fips140.Enabled() {
		key, e := ecdh.X25519().GenerateKey(rand.Reader)
		add("X25519", key, e)
	}
	if err != nil {
		panic(err)
	}
	return keys
})

const unitSecret = "a client secret of more than thirty-two bytes"

// decryptionKey makes a DecryptionKey of one of the keys; of the client secret, if
// the algorithm is symmetric.
func decryptionKey(t testing.TB, name, alg string, enc []string, kid string) *DecryptionKey {
	t.Helper()
	var k *DecryptionKey
	var err error
	if name == "secret" {
		k, err = NewClientSecretDecryptionKey(unitSecret, alg, enc)
	} else {
		k, err = NewDecryptionKey(unitDecryptionKeys()[name], alg, enc, kid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newUnitDecrypter(t testing.TB, keys ...*DecryptionKey) Decrypter {
	t.Helper()
	d, err := NewDecrypter(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A sender encrypts by code of the test's own: what the package's does not say and
// what it does not do at all can be said and done.
type sender struct {
	name     string // of the key, in unitDecryptionKeys or "secret"
	alg, enc string
	header   map[string]any // further or other members; nil values are left out
	twice    string         // the text of a member that stands there once more

	epk        func(m map[string]any) // changes the ephemeral key, which the rest is made with
	shared     []byte                 // in place of what both agree on
	apu, apv   string
	cek        []byte                // another than a random one
	padding    func(b []byte)        // changes the padding of AES-CBC
	ciphertext func(b []byte) []byte // changes what the tag is of
	segments   func(s *[5]string)    // changes the token
}

var contentSizes = map[string]int{"A128GCM": 16, "A192GCM": 24, "A256GCM": 32, "A128CBC-HS256": 32, "A192CBC-HS384": 48, "A256CBC-HS512": 64}

func (x sender) seal(t testing.TB, plaintext string) string {
	t.Helper()
	header := map[string]any{"alg": x.alg, "enc": x.enc, "cty": "JWT"}
	size := contentSizes[x.enc]
	cek := x.cek
	if cek == nil {
		cek = make([]byte, size)
		rand.Read(cek)
	}
	var encrypted []byte
	var err error
	b64 := base64.RawURLEncoding.EncodeToString
	kek := 0
	if i := strings.Index(x.alg, "A1"); i >= 0 || strings.Contains(x.alg, "A2") {
		fmt.Sscanf(x.alg[max(i, strings.Index(x.alg, "A2")):], "A%d", &kek)
		kek /= 8
	}
	switch {
	case x.name == "RSA":
		hash := map[string]crypto.Hash{"RSA-OAEP": crypto.SHA1, "RSA-OAEP-256": crypto.SHA256, "RSA-OAEP-384": crypto.SHA384, "RSA-OAEP-512": crypto.SHA512}[x.alg]
		encrypted, err = rsa.EncryptOAEP(hash.New(), rand.Reader, &unitDecryptionKeys()["RSA"].(*rsa.PrivateKey).PublicKey, cek, nil)
	case x.name == "secret":
		n := kek
		if x.alg == "dir" {
			n = size
		}
		h := map[bool]crypto.Hash{true: crypto.SHA256, false: crypto.SHA512}[n <= 32]
		if n > 32 && n <= 48 {
			h = crypto.SHA384
		}
		sum := h.New()
		io.WriteString(sum, unitSecret)
		key := sum.Sum(nil)[:n]
		switch {
		case x.alg == "dir":
			cek = key
		case strings.HasSuffix(x.alg, "GCMKW"):
			iv, ciphertext, tag := gcmSeal(t, key, cek, nil)
			header["iv"], header["tag"] = b64(iv), b64(tag)
			encrypted = ciphertext
		default:
			encrypted = keyWrap(t, key, cek)
		}
	default:
		own, ok := unitDecryptionKeys()[x.name].(*ecdh.PrivateKey)
		if !ok {
			own, err = unitDecryptionKeys()[x.name].(*ecdsa.PrivateKey).ECDH()
			if err != nil {
				t.Fatal(err)
			}
		}
		ephemeral, err := own.Curve().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		z, err := ephemeral.ECDH(own.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		if x.shared != nil {
			z = x.shared
		}
		point := ephemeral.PublicKey().Bytes()
		epk := map[string]any{"kty": "OKP", "crv": x.name, "x": b64(point)}
		if x.name != "X25519" {
			half := len(point) / 2
			epk = map[string]any{"kty": "EC", "crv": x.name, "x": b64(point[1 : 1+half]), "y": b64(point[1+half:])}
		}
		if x.epk != nil {
			x.epk(epk)
		}
		header["epk"] = epk
		if x.apu != "" {
			header["apu"], header["apv"] = b64([]byte(x.apu)), b64([]byte(x.apv))
		}
		if kek == 0 {
			cek = concatKDF(z, x.enc, x.apu, x.apv, size)
		} else {
			encrypted = keyWrap(t, concatKDF(z, x.alg, x.apu, x.apv, kek), cek)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range x.header {
		header[name] = v
		if v == nil {
			delete(header, name)
		}
	}
	protected := b64([]byte("{" + x.twice + unitJSON(t, header)[1:]))
	var iv, ciphertext, tag []byte
	if strings.HasSuffix(x.enc, "GCM") {
		iv, ciphertext, tag = gcmSeal(t, cek, []byte(plaintext), []byte(protected))
	} else {
		pad := 16 - len(plaintext)%16
		padded := append([]byte(plaintext), bytes.Repeat([]byte{byte(pad)}, pad)...)
		if x.padding != nil {
			x.padding(padded)
		}
		iv = make([]byte, 16)
		rand.Read(iv)
		block, err := aes.NewCipher(cek[len(cek)/2:])
		if err != nil {
			t.Fatal(err)
		}
		ciphertext = make([]byte, len(padded))
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, padded)
		if x.ciphertext != nil {
			ciphertext = x.ciphertext(ciphertext)
		}
		tag = findEncryption(x.enc).mac(cek, iv, ciphertext, []byte(protected))
	}
	s := [5]string{protected, b64(encrypted), b64(iv), b64(ciphertext), b64(tag)}
	if x.segments != nil {
		x.segments(&s)
	}
	return strings.Join(s[:], ".")
}

func gcmSeal(t testing.TB, key, plaintext, additional []byte) (iv, ciphertext, tag []byte) {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	sealed := aead.Seal(nil, nil, plaintext, additional)
	return sealed[:12], sealed[12 : len(sealed)-16], sealed[len(sealed)-16:]
}

// keyWrap is RFC 3394, Section 2.2.1, with the registers of the RFC.
func keyWrap(t testing.TB, key, plaintext []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	n := len(plaintext) / 8
	r := make([][]byte, n+1)
	for i := 1; i <= n; i++ {
		r[i] = slices.Clone(plaintext[(i-1)*8 : i*8])
	}
	a := bytes.Repeat([]byte{0xa6}, 8)
	for j := range 6 {
		for i := 1; i <= n; i++ {
			b := append(slices.Clone(a), r[i]...)
			block.Encrypt(b, b)
			count := n*j + i
			a = b[:8]
			a[7] ^= byte(count)
			r[i] = b[8:]
		}
	}
	return append(slices.Clone(a), bytes.Join(r[1:], nil)...)
}

// everyPair is each alg with a key of each kind, and each enc.
func everyPair(f func(name, alg, enc string)) {
	for _, a := range keyManagements {
		names := []string{a.kty}
		switch a.kty {
		case "EC":
			names = []string{"P-256", "P-384", "P-521", "X25519"}
		case "oct":
			names = []string{"secret"}
		}
		for _, name := range names {
			if fips140.Enabled() && (name == "X25519" || a.name == "RSA-OAEP") {
				continue // refused: see TestFIPSDecryption
			}
			for _, e := range contentEncryptions {
				f(name, a.name, e.name)
			}
		}
	}
}

func TestDecrypt(t *testing.T) {
	n := 0
	everyPair(func(name, alg, enc string) {
		n++
		d := newUnitDecrypter(t, decryptionKey(t, name, alg, []string{enc}, ""))
		for _, plaintext := range []string{"a.b.c", "", strings.Repeat("x", 1000), strings.Repeat("y", 16), strings.Repeat("z", 15)} {
			x := sender{name: name, alg: alg, enc: enc}
			if n%2 == 0 {
				x.apu, x.apv = "Alice", "Bob"
			}
			got, err := d.DecryptJWE(t.Context(), x.seal(t, plaintext))
			if err != nil || got == nil || string(got) != plaintext {
				t.Errorf("%s %s %s: %q, %v", name, alg, enc, got, err)
			}
		}
	})
	if want := 6 * (4 + 4*4 + 7); n != want && !fips140.Enabled() {
		t.Errorf("%d pairs, want %d", n, want)
	}
}

// undecryptable is what every fault is answered with.
const undecryptable = "oauth: decrypt: the token was not encrypted to a key of the Decrypter with its algorithms, or was changed"

func wantUndecryptable(t testing.TB, d Decrypter, what, token string) {
	t.Helper()
	got, err := d.DecryptJWE(context.Background(), token)
	if got != nil || !errors.Is(err, ErrDecrypt) || err.Error() != undecryptable {
		t.Errorf("%s: %q, %v", what, got, err)
	}
	var e *Error
	if errors.As(err, &e) && (e.Param != "" || e.Err != nil) {
		t.Errorf("%s: the error says more: %q, %v", what, e.Param, e.Err)
	}
}

// Every bit of every byte, every truncation and every exchange of two segments of
// good tokens.
func TestDecryptChanged(t *testing.T) {
	for _, x := range []sender{
		{name: "RSA", alg: "RSA-OAEP-256", enc: "A128GCM"},
		{name: "P-256", alg: "ECDH-ES", enc: "A128CBC-HS256", apu: "a", apv: "b"},
		{name: "P-256", alg: "ECDH-ES+A128KW", enc: "A256GCM"},
		{name: "secret", alg: "A256GCMKW", enc: "A256CBC-HS512"},
		{name: "secret", alg: "A128KW", enc: "A192CBC-HS384"},
		{name: "secret", alg: "dir", enc: "A256GCM"},
	} {
		t.Run(x.alg+" "+x.enc, func(t *testing.T) {
			d := newUnitDecrypter(t, decryptionKey(t, x.name, x.alg, []string{x.enc}, ""))
			token := x.seal(t, "a.b.c")
			if _, err := d.DecryptJWE(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			for i := range len(token) {
				wantUndecryptable(t, d, fmt.Sprintf("the first %d bytes", i), token[:i])
				for bit := range 8 {
					b := []byte(token)
					b[i] ^= 1 << bit
					wantUndecryptable(t, d, fmt.Sprintf("byte %d, bit %d", i, bit), string(b))
				}
			}
			for i := range 5 {
				for j := range i {
					s := strings.Split(token, ".")
					if s[i] == s[j] {
						continue
					}
					s[i], s[j] = s[j], s[i]
					wantUndecryptable(t, d, fmt.Sprintf("segments %d and %d", i, j), strings.Join(s, "."))
				}
			}
			for _, more := range []string{".", "A", "=", "\n", " ", ".AA"} {
				wantUndecryptable(t, d, "more at the end", token+more)
				wantUndecryptable(t, d, "more at the start", more+token)
			}
		})
	}
}

func TestDecryptFaults(t *testing.T) {
	direct := sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}
	wrapped := sender{name: "P-256", alg: "ECDH-ES+A128KW", enc: "A128CBC-HS256"}
	gcm := sender{name: "secret", alg: "A128GCMKW", enc: "A128CBC-HS256"}
	rsaOAEP := sender{name: "RSA", alg: "RSA-OAEP-256", enc: "A128GCM"}
	with := func(x sender, header map[string]any) sender {
		x.header = header
		return x
	}
	segments := func(x sender, f func(s *[5]string)) sender {
		x.segments = f
		return x
	}
	padding := func(f func(b []byte)) sender {
		x := wrapped
		x.padding = f
		return x
	}
	cek := func(x sender, n int) sender {
		x.cek = make([]byte, n)
		return x
	}
	long := sender{name: "secret", alg: "A128KW", enc: "A256CBC-HS512", cek: bytes.Repeat([]byte{1}, 64)}
	// shift moves n bytes across the border of iv and ciphertext, which the tag of
	// AES-CBC does not see.
	shift := func(s *[5]string, n int) {
		both := append(must(decodeBase64URL(nil, s[2])), must(decodeBase64URL(nil, s[3]))...)
		s[2], s[3] = encodeBase64URL(both[:16+n]), encodeBase64URL(both[16+n:])
	}
	epk := func(change func(m map[string]any)) sender {
		x := direct
		x.epk = change
		return x
	}
	ciphertext := func(f func(b []byte) []byte) sender {
		x := wrapped
		x.ciphertext = f
		return x
	}
	for _, tt := range []struct {
		name string
		x    sender
	}{
		{"compressed", with(direct, map[string]any{"zip": "DEF"})},
		{"critical", with(direct, map[string]any{"crit": []string{"x"}, "x": 1})},
		{"b64", with(direct, map[string]any{"b64": false})},
		{"no alg", with(direct, map[string]any{"alg": nil})},
		{"no enc", with(direct, map[string]any{"enc": nil})},
		{"enc in another case", with(direct, map[string]any{"enc": "a128gcm"})},
		{"alg in another case", with(direct, map[string]any{"alg": "ecdh-es"})},
		{"alg of another key", with(direct, map[string]any{"alg": "RSA-OAEP-256"})},
		{"RSA1_5", with(rsaOAEP, map[string]any{"alg": "RSA1_5"})},
		{"dir", with(direct, map[string]any{"alg": "dir"})},
		{"none", with(direct, map[string]any{"alg": "none"})},
		{"no epk", with(direct, map[string]any{"epk": nil})},
		{"epk a string", with(direct, map[string]any{"epk": "x"})},
		{"epk empty", with(direct, map[string]any{"epk": map[string]any{}})},
		{"epk of another type", epk(func(m map[string]any) { m["kty"] = "OKP" })},
		{"epk without a type", epk(func(m map[string]any) { delete(m, "kty") })},
		{"epk of a type in another case", epk(func(m map[string]any) { m["kty"] = "ec" })},
		{"epk on another curve", epk(func(m map[string]any) { m["crv"] = "P-384" })},
		{"epk on a curve in another case", epk(func(m map[string]any) { m["crv"] = "p-256" })},
		{"epk without a curve beside RSA", with(rsaOAEP, map[string]any{"epk": map[string]any{"kty": "EC"}})},
		{"epk without y", epk(func(m map[string]any) { delete(m, "y") })},
		{"epk not on the curve", epk(func(m map[string]any) { m["y"] = m["x"] })},
		{"epk at infinity", epk(func(m map[string]any) { m["x"], m["y"] = strings.Repeat("A", 43), strings.Repeat("A", 43) })},
		{"epk with a byte of x in y", epk(func(m map[string]any) {
			x, y := must(decodeBase64URL(nil, m["x"].(string))), must(decodeBase64URL(nil, m["y"].(string)))
			m["x"], m["y"] = encodeBase64URL(x[:31]), encodeBase64URL(append([]byte{x[31]}, y...))
		})},
		{"epk with a longer x", epk(func(m map[string]any) { m["x"] = m["x"].(string)[:42] + "AAA" })},
		{"apu no base64url", with(direct, map[string]any{"apu": "+"})},
		{"apv a number", with(direct, map[string]any{"apv": 1})},
		{"another apu", with(direct, map[string]any{"apu": "QQ"})},
		{"an encrypted key beside an agreed one", segments(direct, func(s *[5]string) { s[1] = "AA" })},
		{"no base64url beside an agreed key", segments(direct, func(s *[5]string) { s[1] = "A" })},
		{"no encrypted key", segments(wrapped, func(s *[5]string) { s[1] = "" })},
		{"an encrypted key of 8 bytes", segments(wrapped, func(s *[5]string) { s[1] = s[1][:11] })},
		{"an encrypted key of 20 bytes", segments(wrapped, func(s *[5]string) { s[1] = s[1][:27] })},
		{"a very long encrypted key", segments(wrapped, func(s *[5]string) { s[1] = strings.Repeat("AAAA", 8000) })},
		{"a short RSA ciphertext", segments(rsaOAEP, func(s *[5]string) { s[1] = s[1][:338] })},
		{"a content key that is too short", cek(sender{name: "RSA", alg: "RSA-OAEP-256", enc: "A256GCM"}, 16)},
		{"a content key that is too long", cek(sender{name: "secret", alg: "A128KW", enc: "A128GCM"}, 32)},
		{"no iv of the key", with(gcm, map[string]any{"iv": nil})},
		{"a short iv of the key", with(gcm, map[string]any{"iv": "AAAA"})},
		{"no tag of the key", with(gcm, map[string]any{"tag": nil})},
		{"a short tag of the key", with(gcm, map[string]any{"tag": "AAAA"})},
		{"a longer iv", segments(direct, func(s *[5]string) { s[2] += "AAAA" })},
		{"no iv", segments(direct, func(s *[5]string) { s[2] = "" })},
		{"no tag", segments(direct, func(s *[5]string) { s[4] = "" })},
		{"a short tag", segments(direct, func(s *[5]string) { s[4] = s[4][:16] })},
		{"iv and ciphertext cut elsewhere", segments(direct, func(s *[5]string) { s[2], s[3] = s[2]+s[3][:4], s[3][4:] })},
		{"ciphertext and tag cut elsewhere", segments(direct, func(s *[5]string) { s[3], s[4] = s[3][:4], s[3][4:]+s[4] })},
		{"no ciphertext under the HMAC", ciphertext(func(b []byte) []byte { return nil })},
		{"half a block under the HMAC", ciphertext(func(b []byte) []byte { return b[:8] })},
		{"a block of ciphertext in the iv", segments(long, func(s *[5]string) { shift(s, 16) })},
		{"the iv in the ciphertext", segments(long, func(s *[5]string) { shift(s, -16) })},
		{"half a block in the iv", segments(long, func(s *[5]string) { shift(s, 8) })},
		{"padding of zero", padding(func(b []byte) { b[len(b)-1] = 0 })},
		{"padding of 17", padding(func(b []byte) { b[len(b)-1] = 17 })},
		{"padding of 255", padding(func(b []byte) { b[len(b)-1] = 255 })},
		{"padding that differs", padding(func(b []byte) { b[len(b)-2]++ })},
		{"header longer than allowed", with(direct, map[string]any{"x": strings.Repeat("x", maxHeader)})},
		{"enc twice", sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM", twice: `"enc":"A128GCM",`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := decryptionKey(t, tt.x.name, tt.x.alg, nil, "")
			plaintext := "a.b.cd"
			if tt.x.cek != nil {
				plaintext = strings.Repeat("a.b.", 12) // of several blocks
			}
			d := newUnitDecrypter(t, key)
			wantUndecryptable(t, d, tt.name, tt.x.seal(t, plaintext))
			if tt.x.epk != nil { // nor is nothing what both agree on
				tt.x.shared = []byte{}
				wantUndecryptable(t, d, tt.name+", nothing agreed on", tt.x.seal(t, plaintext))
			}
		})
	}
	d := newUnitDecrypter(t, decryptionKey(t, "P-256", "ECDH-ES", nil, ""))
	if _, err := d.DecryptJWE(t.Context(), with(direct, map[string]any{"apu": "", "apv": ""}).seal(t, "a.b.c")); err != nil {
		t.Errorf("RFC 7518, Section 4.6.2: empty is as absent: %v", err)
	}
	wantUndecryptable(t, d, "longer than allowed", direct.seal(t, strings.Repeat("x", maxToken*3/4)))
}

// The zero point of X25519 gives everybody the same key.
func TestDecryptSmallOrder(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("X25519 is refused when the key is made: TestFIPSDecryption")
	}
	x := sender{name: "X25519", alg: "ECDH-ES", enc: "A128GCM"}
	for _, point := range [][]byte{make([]byte, 32), append([]byte{1}, make([]byte, 31)...)} {
		x.header = map[string]any{"epk": map[string]any{"kty": "OKP", "crv": "X25519", "x": base64.RawURLEncoding.EncodeToString(point)}}
		d := newUnitDecrypter(t, decryptionKey(t, "X25519", "ECDH-ES", nil, ""))
		wantUndecryptable(t, d, "small order", x.seal(t, "a.b.c"))
	}
}

// Which key it is says the header, and keys are not tried in turn.
func TestDecryptKeySelection(t *testing.T) {
	second, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	newer, err := NewDecryptionKey(second, "ECDH-ES", nil, "new")
	if err != nil {
		t.Fatal(err)
	}
	rotation := newUnitDecrypter(t, decryptionKey(t, "P-256", "ECDH-ES", nil, "old"), newer)
	reversed := newUnitDecrypter(t, newer, decryptionKey(t, "P-256", "ECDH-ES", nil, "old"))
	unnamed := newUnitDecrypter(t, decryptionKey(t, "P-256", "ECDH-ES", nil, ""))
	mixed := newUnitDecrypter(t,
		decryptionKey(t, "P-256", "ECDH-ES", []string{"A128GCM"}, ""), decryptionKey(t, "P-384", "ECDH-ES", nil, ""),
		decryptionKey(t, "P-256", "ECDH-ES+A128KW", nil, ""), decryptionKey(t, "RSA", "RSA-OAEP-256", nil, "rsa"),
		decryptionKey(t, "RSA", "RSA-OAEP-512", nil, ""), decryptionKey(t, "secret", "dir", []string{"A256GCM"}, ""))
	kid := func(v any) map[string]any { return map[string]any{"kid": v} }
	for _, tt := range []struct {
		name string
		d    Decrypter
		x    sender
		good bool
	}{
		{"its kid", rotation, sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM", header: kid("old")}, true},
		{"the other's kid", rotation, sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM", header: kid("new")}, false},
		{"no kid, and two keys", rotation, sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}, false},
		{"no kid, and two keys, the right one last", reversed, sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}, false},
		{"an unknown kid", rotation, sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM", header: kid("x")}, false},
		{"its kid in another case", rotation, sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM", header: kid("OLD")}, false},
		{"an empty kid", rotation, sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM", header: kid("")}, false},
		{"a kid that is a number", unnamed, sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM", header: kid(1)}, false},
		{"any kid for a key without", unnamed, sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM", header: kid("x")}, true},
		{"by curve", mixed, sender{name: "P-384", alg: "ECDH-ES", enc: "A128GCM"}, true},
		{"by alg", mixed, sender{name: "P-256", alg: "ECDH-ES+A128KW", enc: "A256GCM"}, true},
		{"by hash", mixed, sender{name: "RSA", alg: "RSA-OAEP-512", enc: "A256GCM"}, true},
		{"a named key, and no kid", mixed, sender{name: "RSA", alg: "RSA-OAEP-256", enc: "A256GCM"}, true},
		{"the secret", mixed, sender{name: "secret", alg: "dir", enc: "A256GCM"}, true},
		{"any kid for the secret", mixed, sender{name: "secret", alg: "dir", enc: "A256GCM", header: kid("x")}, true},
		{"a curve for a key without", mixed, sender{
			name: "RSA", alg: "RSA-OAEP-512", enc: "A256GCM", header: map[string]any{"epk": map[string]any{"crv": "P-256"}},
		}, true},
		{"an enc that the key is not for", mixed, sender{name: "P-256", alg: "ECDH-ES", enc: "A256GCM"}, false},
		{"the secret with another enc", mixed, sender{name: "secret", alg: "dir", enc: "A128GCM"}, false},
		{"an alg that no key is for", mixed, sender{name: "secret", alg: "A128KW", enc: "A128GCM"}, false},
	} {
		token := tt.x.seal(t, "a.b.c")
		if !tt.good {
			wantUndecryptable(t, tt.d, tt.name, token)
		} else if got, err := tt.d.DecryptJWE(t.Context(), token); err != nil || string(got) != "a.b.c" {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

func TestNewDecrypterErrors(t *testing.T) {
	a := decryptionKey(t, "P-256", "ECDH-ES", []string{"A128GCM"}, "")
	named := decryptionKey(t, "P-256", "ECDH-ES", nil, "a")
	for _, tt := range []struct {
		name string
		keys []*DecryptionKey
		good bool
	}{
		{"none", nil, false},
		{"nil", []*DecryptionKey{a, nil}, false},
		{"empty", []*DecryptionKey{{}}, false},
		{"the same twice", []*DecryptionKey{a, a}, false},
		{"one without a kid", []*DecryptionKey{named, a}, false},
		{"the first without a kid", []*DecryptionKey{a, named}, false},
		{"one kid", []*DecryptionKey{named, named}, false},
		{"two kids", []*DecryptionKey{named, decryptionKey(t, "P-256", "ECDH-ES", nil, "b")}, true},
		{"two kids but for their case", []*DecryptionKey{named, decryptionKey(t, "P-256", "ECDH-ES", nil, "A")}, true},
		{"two encs", []*DecryptionKey{a, decryptionKey(t, "P-256", "ECDH-ES", []string{"A256GCM"}, "")}, true},
		{"two algs", []*DecryptionKey{a, decryptionKey(t, "P-256", "ECDH-ES+A256KW", nil, "")}, true},
		{"two curves", []*DecryptionKey{a, decryptionKey(t, "P-521", "ECDH-ES", nil, "")}, true},
	} {
		d, err := NewDecrypter(tt.keys...)
		if tt.good != (err == nil) || tt.good != (d != nil) {
			t.Errorf("%s: %v, %v", tt.name, d, err)
		}
		if !tt.good {
			wantError(t, err, ErrConfig, "keys")
		}
	}
}

// hsm is a key that only answers.
type hsm struct{ key *rsa.PrivateKey }

func (h hsm) Public() crypto.PublicKey { return h.key.Public() }
func (h hsm) Decrypt(r io.Reader, b []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return h.key.Decrypt(r, b, opts)
}

type ecdhHSM struct{ *ecdh.PrivateKey }

type emptyHSM struct{ hsm }

func (emptyHSM) Public() crypto.PublicKey { return (*rsa.PublicKey)(nil) }

// lostHSM has its public key the first time alone.
type lostHSM struct {
	hsm
	asked int
}

func (h *lostHSM) Public() crypto.PublicKey {
	if h.asked++; h.asked > 1 {
		return nil
	}
	return h.hsm.Public()
}

// signingHSM has a key that is for other things.
type signingHSM struct{ hsm }

func (signingHSM) Public() crypto.PublicKey {
	return unitDecryptionKeys()["P-256"].(*ecdsa.PrivateKey).Public()
}

// curvelessECDH is on no curve that the package knows.
type curvelessECDH struct{ *ecdh.PrivateKey }

func (curvelessECDH) Curve() ecdh.Curve { return nil }

type emptyECDH struct{}

func (emptyECDH) Curve() ecdh.Curve                    { return ecdh.P256() }
func (emptyECDH) PublicKey() *ecdh.PublicKey           { return nil }
func (emptyECDH) ECDH(*ecdh.PublicKey) ([]byte, error) { return nil, nil }

// answeringECDH answers what it was told.
type answeringECDH struct {
	*ecdh.PrivateKey
	answer []byte
	err    error
}

func (k answeringECDH) ECDH(*ecdh.PublicKey) ([]byte, error) { return k.answer, k.err }

// brokenHSM fails, or answers something else than a key.
type brokenHSM struct {
	hsm
	answer []byte
	err    error
}

func (h brokenHSM) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) {
	return h.answer, h.err
}

func TestDecryptWithHSM(t *testing.T) {
	rsaKey := unitDecryptionKeys()["RSA"].(*rsa.PrivateKey)
	ecKey, err := unitDecryptionKeys()["P-256"].(*ecdsa.PrivateKey).ECDH()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		key crypto.PrivateKey
		x   sender
	}{
		{hsm{rsaKey}, sender{name: "RSA", alg: "RSA-OAEP-384", enc: "A128GCM"}},
		{ecdhHSM{ecKey}, sender{name: "P-256", alg: "ECDH-ES+A192KW", enc: "A128CBC-HS256"}},
		{ecKey, sender{name: "P-256", alg: "ECDH-ES", enc: "A192GCM"}},
	} {
		k, err := NewDecryptionKey(tt.key, tt.x.alg, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := newUnitDecrypter(t, k).DecryptJWE(t.Context(), tt.x.seal(t, "a.b.c"))
		if err != nil || string(got) != "a.b.c" {
			t.Errorf("%T: %q, %v", tt.key, got, err)
		}
	}
	x := sender{name: "RSA", alg: "RSA-OAEP-256", enc: "A128GCM"}
	zero := x
	zero.cek = make([]byte, 16) // what a broken HSM answers would decrypt it
	for _, h := range []crypto.Decrypter{
		brokenHSM{hsm{rsaKey}, nil, errors.New("no")}, brokenHSM{hsm{rsaKey}, make([]byte, 16), errors.New("no")}, brokenHSM{hsm{rsaKey}, nil, nil},
		brokenHSM{hsm{rsaKey}, make([]byte, 15), nil}, &lostHSM{hsm: hsm{rsaKey}},
	} {
		k, err := NewDecryptionKey(h, x.alg, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		wantUndecryptable(t, newUnitDecrypter(t, k), "a broken HSM", x.seal(t, "a.b.c"))
		wantUndecryptable(t, newUnitDecrypter(t, k), "a broken HSM, and a key of zeros", zero.seal(t, "a.b.c"))
	}
	// What is no answer of ECDH is no key: nothing, all zeros (a point of small
	// order), without the leading zeros. The sender here knows what it is.
	for _, answer := range [][]byte{nil, make([]byte, 32), bytes.Repeat([]byte{1}, 31), bytes.Repeat([]byte{1}, 33)} {
		k, err := NewDecryptionKey(answeringECDH{ecKey, answer, nil}, "ECDH-ES", nil, "")
		if err != nil {
			t.Fatal(err)
		}
		x := sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM", shared: answer}
		if answer == nil {
			x.shared = []byte{}
		}
		wantUndecryptable(t, newUnitDecrypter(t, k), fmt.Sprintf("ECDH gives %x", answer), x.seal(t, "a.b.c"))
	}
	// An HSM that cannot be reached says so, and it is not the token's fault.
	gone := fmt.Errorf("device removed: %w", ErrUnavailable)
	for _, tt := range []struct {
		key crypto.PrivateKey
		x   sender
	}{
		{brokenHSM{hsm{rsaKey}, nil, gone}, x},
		{answeringECDH{ecKey, nil, gone}, sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}},
		{answeringECDH{ecKey, nil, gone}, sender{name: "P-256", alg: "ECDH-ES+A128KW", enc: "A128GCM"}},
	} {
		k, err := NewDecryptionKey(tt.key, tt.x.alg, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := newUnitDecrypter(t, k).DecryptJWE(t.Context(), tt.x.seal(t, "a.b.c"))
		var e *Error
		if got != nil || !errors.Is(err, gone) || errors.Is(err, ErrInvalid) || !errors.As(err, &e) || e.Kind != ErrUnavailable {
			t.Errorf("%q, %v", got, err)
		}
	}
	// A ciphertext that has not the size of the key does not reach the HSM.
	counting := &countingHSM{hsm: hsm{rsaKey}}
	k, err := NewDecryptionKey(counting, x.alg, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	x.segments = func(s *[5]string) { s[1] += "AAAA" }
	wantUndecryptable(t, newUnitDecrypter(t, k), "a long ciphertext", x.seal(t, "a.b.c"))
	if counting.calls != 0 {
		t.Errorf("%d calls", counting.calls)
	}
	// One that does is told both hashes, which not every HSM takes to be the same.
	x.segments = nil
	if _, err := newUnitDecrypter(t, k).DecryptJWE(t.Context(), x.seal(t, "a.b.c")); err != nil || counting.calls != 1 {
		t.Errorf("%v, %d calls", err, counting.calls)
	}
	if o, ok := counting.opts.(*rsa.OAEPOptions); !ok || o.Hash != crypto.SHA256 || o.MGFHash != crypto.SHA256 || o.Label != nil {
		t.Errorf("options %+v", counting.opts)
	}
}

type countingHSM struct {
	hsm
	calls int
	opts  crypto.DecrypterOpts
}

func (h *countingHSM) Decrypt(r io.Reader, b []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	h.calls++
	h.opts = opts
	return h.hsm.Decrypt(r, b, opts)
}

// RFC 7516, Section 11.5: whatever is wrong with the encrypted key, there is one to
// go on with, of the right size and never the same.
func TestContentKeySubstitute(t *testing.T) {
	for _, x := range []sender{
		{name: "RSA", alg: "RSA-OAEP-256", enc: "A128CBC-HS256"}, {name: "P-256", alg: "ECDH-ES+A128KW", enc: "A256GCM"},
		{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}, {name: "secret", alg: "A128GCMKW", enc: "A256CBC-HS512"}, {name: "secret", alg: "A128KW", enc: "A192GCM"},
	} {
		k, enc := decryptionKey(t, x.name, x.alg, nil, ""), findEncryption(x.enc)
		for name, wrong := range map[string]string{"none": "", "short": "AAAA", "long": strings.Repeat("A", 4096), "other": strings.Repeat("A", 342)} {
			if x.alg == "ECDH-ES" && wrong == "" {
				continue // right
			}
			x.segments = func(s *[5]string) { s[1] = wrong }
			j, err := parseJWE(x.seal(t, "a.b.c"))
			if err != nil {
				t.Fatal(err)
			}
			first, err1 := k.contentKey(j, enc)
			second, err2 := k.contentKey(j, enc)
			if err1 != nil || err2 != nil || len(first) != enc.size || len(second) != enc.size || bytes.Equal(first, second) {
				t.Errorf("%s, encrypted key %s: %x %x, %v %v", x.alg, name, first, second, err1, err2)
			}
		}
	}
}

// What a caller does with its slices afterwards changes nothing.
func TestDecrypterCopies(t *testing.T) {
	encs := []string{"A128GCM"}
	keys := []*DecryptionKey{decryptionKey(t, "P-256", "ECDH-ES", encs, "")}
	d := newUnitDecrypter(t, keys...)
	encs[0], keys[0] = "A256GCM", decryptionKey(t, "P-384", "ECDH-ES", nil, "")
	good := sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}.seal(t, "a.b.c")
	if _, err := d.DecryptJWE(t.Context(), good); err != nil {
		t.Error(err)
	}
	wantUndecryptable(t, d, "another enc", sender{name: "P-256", alg: "ECDH-ES", enc: "A256GCM"}.seal(t, "a.b.c"))
}

func TestDecryptContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x := sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}
	got, err := newUnitDecrypter(t, decryptionKey(t, "P-256", "ECDH-ES", nil, "")).DecryptJWE(ctx, x.seal(t, "a.b.c"))
	if got != nil || !errors.Is(err, context.Canceled) || errors.Is(err, ErrInvalid) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNewDecryptionKeyErrors(t *testing.T) {
	small := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: unitDecryptionKeys()["RSA"].(*rsa.PrivateKey).N, E: 1}, D: big.NewInt(1)}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, ecKey := unitDecryptionKeys()["RSA"], unitDecryptionKeys()["P-256"]
	for _, tt := range []struct {
		name  string
		key   crypto.PrivateKey
		alg   string
		enc   []string
		kind  error
		param string
	}{
		{"nil", nil, "ECDH-ES", nil, ErrConfig, "key"},
		{"nil RSA", (*rsa.PrivateKey)(nil), "RSA-OAEP-256", nil, ErrConfig, "key"},
		{"empty RSA", &rsa.PrivateKey{}, "RSA-OAEP-256", nil, ErrConfig, "key"},
		{"an HSM without a key", emptyHSM{}, "RSA-OAEP-256", nil, ErrConfig, "n"},
		{"an HSM with another key", signingHSM{}, "RSA-OAEP-256", nil, ErrConfig, "alg"},
		{"an HSM without a curve", curvelessECDH{unitECDH(t)}, "ECDH-ES", nil, ErrConfig, "alg"},
		{"an HSM without a public key", emptyECDH{}, "ECDH-ES", nil, ErrConfig, "key"},
		{"an empty EC key", &ecdsa.PrivateKey{}, "ECDH-ES", nil, ErrConfig, "key"},
		{"nil EC", (*ecdsa.PrivateKey)(nil), "ECDH-ES", nil, ErrConfig, "key"},
		{"nil ECDH", (*ecdh.PrivateKey)(nil), "ECDH-ES", nil, ErrConfig, "key"},
		{"Ed25519", edKey, "ECDH-ES", nil, ErrConfig, "key"},
		{"a public key", ecKey.(*ecdsa.PrivateKey).Public(), "ECDH-ES", nil, ErrConfig, "key"},
		{"bytes", []byte("0123456789abcdef"), "A128KW", nil, ErrConfig, "key"},
		{"P-224", func() crypto.PrivateKey { k, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader); return k }(), "ECDH-ES", nil, ErrConfig, "key"},
		{"bad RSA", small, "RSA-OAEP-256", nil, ErrConfig, "e"},
		{"RSA with ECDH-ES", rsaKey, "ECDH-ES", nil, ErrConfig, "alg"},
		{"EC with RSA-OAEP-256", ecKey, "RSA-OAEP-256", nil, ErrConfig, "alg"},
		{"RSA with dir", rsaKey, "dir", nil, ErrConfig, "alg"},
		{"EC with A128KW", ecKey, "A128KW", nil, ErrConfig, "alg"},
		{"RSA1_5", rsaKey, "RSA1_5", nil, ErrUnsupported, "alg"},
		{"PBES2", rsaKey, "PBES2-HS256+A128KW", nil, ErrUnsupported, "alg"},
		{"no alg", rsaKey, "", nil, ErrUnsupported, "alg"},
		{"unknown enc", ecKey, "ECDH-ES", []string{"A128GCM", "A128CBC"}, ErrUnsupported, "enc"},
		{"no enc", ecKey, "ECDH-ES", []string{}, ErrConfig, "enc"},
	} {
		k, err := NewDecryptionKey(tt.key, tt.alg, tt.enc, "")
		if k != nil {
			t.Errorf("%s: a key came with the error", tt.name)
		}
		t.Run(tt.name, func(t *testing.T) { wantError(t, err, tt.kind, tt.param) })
	}
	for _, tt := range []struct {
		name, secret, alg string
		enc               []string
		kind              error
		param             string
	}{
		{"no secret", "", "A128KW", nil, ErrConfig, "secret"},
		{"15 bytes", "0123456789abcde", "A128KW", nil, ErrConfig, "secret"},
		{"16 bytes", "0123456789abcdef", "A128KW", nil, nil, ""},
		{"dir without enc", unitSecret, "dir", nil, ErrConfig, "enc"},
		{"dir with two", unitSecret, "dir", []string{"A128GCM", "A128CBC-HS256"}, ErrConfig, "enc"},
		{"RSA", unitSecret, "RSA-OAEP-256", nil, ErrConfig, "alg"},
		{"ECDH-ES", unitSecret, "ECDH-ES", nil, ErrConfig, "alg"},
		{"PBES2", unitSecret, "PBES2-HS256+A128KW", nil, ErrUnsupported, "alg"},
		{"unknown enc", unitSecret, "dir", []string{"x"}, ErrUnsupported, "enc"},
	} {
		k, err := NewClientSecretDecryptionKey(tt.secret, tt.alg, tt.enc)
		if (k == nil) == (err == nil) {
			t.Errorf("%s: %v, %v", tt.name, k, err)
		}
		if tt.kind == nil && err == nil {
			continue
		}
		t.Run(tt.name, func(t *testing.T) { wantError(t, err, tt.kind, tt.param) })
	}
}

// What is approved in FIPS 140-3 mode decrypts there (TestDecrypt); the rest is
// refused when it is named, and nothing panics.
func TestFIPSDecryption(t *testing.T) {
	hsmKey, hsmErr := NewDecryptionKey(x25519HSM{unitECDH(t).PublicKey()}, "ECDH-ES", nil, "")
	if fips140.Enabled() {
		if hsmKey != nil {
			t.Error("a key on X25519 came with the error")
		}
		wantError(t, hsmErr, ErrUnsupported, "key")
	} else if hsmErr != nil {
		t.Error(hsmErr)
	}
	if !fips140.Enabled() {
		t.Skip("not in FIPS 140-3 mode")
	}
	k, err := NewDecryptionKey(unitDecryptionKeys()["RSA"], "RSA-OAEP", nil, "")
	if k != nil {
		t.Error("a key came with the error")
	}
	wantError(t, err, ErrUnsupported, "alg")
	jwk := `{"kty":"OKP","crv":"X25519","d":"dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}`
	if k, err = ParseDecryptionKey([]byte(jwk), "ECDH-ES", nil, ""); k != nil {
		t.Error("a key came with the error")
	}
	wantError(t, err, ErrUnsupported, "")
}

// x25519HSM is a key on X25519 that is not in crypto/ecdh.
type x25519HSM struct{ public *ecdh.PublicKey }

func (x25519HSM) Curve() ecdh.Curve                    { return ecdh.X25519() }
func (k x25519HSM) PublicKey() *ecdh.PublicKey         { return k.public }
func (x25519HSM) ECDH(*ecdh.PublicKey) ([]byte, error) { return make([]byte, 32), nil }

func TestParseDecryptionKey(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	jwk := map[string]string{}
	for _, name := range []string{"P-256", "P-384", "P-521"} {
		key := unitDecryptionKeys()[name].(*ecdsa.PrivateKey)
		own, err := key.ECDH()
		if err != nil {
			t.Fatal(err)
		}
		public := string(ecdhJWK(own.PublicKey()))
		if want := string(minimalJWK(&key.PublicKey)); public != want {
			t.Errorf("public key %s, want %s", public, want)
		}
		jwk[name] = withMember(public, `"d":"`+b64(own.Bytes())+`"`)
	}
	rsaKey := unitDecryptionKeys()["RSA"].(*rsa.PrivateKey)
	jwk["RSA"] = withMember(string(minimalJWK(&rsaKey.PublicKey)),
		`"d":"`+b64(rsaKey.D.Bytes())+`","p":"`+b64(rsaKey.Primes[0].Bytes())+`","q":"`+b64(rsaKey.Primes[1].Bytes())+`"`)
	algs := map[string]string{"RSA": "RSA-OAEP-256", "P-256": "ECDH-ES", "P-384": "ECDH-ES+A256KW", "P-521": "ECDH-ES"}
	if x, ok := unitDecryptionKeys()["X25519"].(*ecdh.PrivateKey); ok {
		jwk["X25519"], algs["X25519"] = withMember(string(ecdhJWK(x.PublicKey())), `"d":"`+b64(x.Bytes())+`"`), "ECDH-ES"
	}
	for name, text := range jwk {
		der, err := x509.MarshalPKCS8PrivateKey(unitDecryptionKeys()[name])
		if err != nil {
			t.Fatal(err)
		}
		pemText := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		named := withMember(text, `"kid":"from the JWK","use":"enc","alg":"`+algs[name]+`"`)
		for form, in := range map[string]struct{ text, alg, kid, want string }{
			"JWK": {text, algs[name], "k", "k"}, "JWK that says it all": {named, "", "", "from the JWK"},
			"JWK that is told otherwise": {named, algs[name], "k", "k"}, "PEM": {pemText, algs[name], "k", "k"},
		} {
			k, err := ParseDecryptionKey([]byte(in.text), in.alg, nil, in.kid)
			if err != nil {
				t.Errorf("%s, %s: %v", name, form, err)
				continue
			}
			var public struct{ Kty, Crv, Use, Alg, Kid string }
			if err := json.Unmarshal(k.PublicJWK(), &public); err != nil || public.Use != "enc" || public.Alg != algs[name] || public.Kid != in.want ||
				public.Crv != map[bool]string{true: "", false: name}[name == "RSA"] {
				t.Errorf("%s, %s: %s, %v", name, form, k.PublicJWK(), err)
			}
			if bytes.Contains(k.PublicJWK(), []byte(`"d"`)) {
				t.Errorf("%s: the public JWK has the private key", name)
			}
			token := sender{name: name, alg: algs[name], enc: "A128GCM"}.seal(t, "a.b.c")
			if got, err := newUnitDecrypter(t, k).DecryptJWE(t.Context(), token); err != nil || string(got) != "a.b.c" {
				t.Errorf("%s, %s: %q, %v", name, form, got, err)
			}
		}
	}
	unnamed, err := parseObject(string(decryptionKey(t, "P-256", "ECDH-ES", nil, "").PublicJWK()), headerForm, ErrParse)
	if err != nil || unnamed.has("kid") {
		t.Errorf("a key without a name has one: %v", err)
	}
	if k := decryptionKey(t, "secret", "A128KW", nil, ""); k.PublicJWK() != nil {
		t.Error("a client secret has a public key")
	}
	x25519 := `{"kty":"OKP","crv":"X25519","d":"dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}`
	for name, tt := range map[string]struct {
		text, alg   string
		kind        error
		outsideFIPS bool
		param       string
	}{
		"nothing":              {"", "ECDH-ES", ErrParse, false, ""},
		"no key":               {"{}", "ECDH-ES", ErrParse, false, "kty"},
		"no key, for what":     {`{"use":"sig"}`, "ECDH-ES", ErrParse, false, "kty"},
		"no alg":               {jwk["P-256"], "", ErrUnsupported, false, "alg"},
		"alg a number":         {withMember(jwk["P-256"], `"alg":1`), "", ErrParse, false, "alg"},
		"kid a number":         {withMember(jwk["P-256"], `"kid":1`), "ECDH-ES", ErrParse, false, "kid"},
		"public":               {string(ecdhJWK(unitECDH(t).PublicKey())), "ECDH-ES", ErrParse, false, "d"},
		"a key for signatures": {withMember(jwk["P-256"], `"use":"sig"`), "ECDH-ES", ErrConfig, false, "use"},
		"use in another case":  {withMember(jwk["P-256"], `"use":"ENC"`), "ECDH-ES", ErrConfig, false, "use"},
		"use a number":         {withMember(jwk["P-256"], `"use":1`), "ECDH-ES", ErrParse, false, "use"},
		"oct":                  {`{"kty":"oct","k":"AAAA"}`, "A128KW", ErrUnsupported, false, "kty"},
		"Ed25519":              {`{"kty":"OKP","crv":"Ed25519","d":"AAAA","x":"AAAA"}`, "ECDH-ES", ErrUnsupported, false, "crv"},
		"OKP without a curve":  {`{"kty":"OKP"}`, "ECDH-ES", ErrParse, false, "crv"},
		"okp":                  {strings.Replace(x25519, "OKP", "okp", 1), "ECDH-ES", ErrUnsupported, false, "kty"},
		"x25519":               {strings.Replace(x25519, "X25519", "x25519", 1), "ECDH-ES", ErrUnsupported, false, "crv"},
		"X25519 without d":     {strings.Replace(x25519, `"d"`, `"e"`, 1), "ECDH-ES", ErrParse, true, "d"},
		"X25519 without x":     {strings.Replace(x25519, `"x"`, `"e"`, 1), "ECDH-ES", ErrParse, true, "x"},
		"X25519, another x":    {strings.Replace(x25519, "hSDw", "iSDw", 1), "ECDH-ES", ErrParse, true, "d"},
		"X25519, a short d":    {strings.Replace(x25519, "dwdtCnMY", "", 1), "ECDH-ES", ErrParse, true, "d"},
		"X25519, a long d":     {strings.Replace(x25519, "dwdtCnMY", strings.Repeat("dwdtCnMY", 9), 1), "ECDH-ES", ErrParse, true, "d"},
		"PEM of Ed25519":       {ed25519PEM(t), "ECDH-ES", ErrConfig, false, "key"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := ParseDecryptionKey([]byte(tt.text), tt.alg, nil, "")
			if k != nil {
				t.Error("a key came with the error")
			}
			if tt.outsideFIPS && fips140.Enabled() {
				tt.kind, tt.param = ErrUnsupported, "key"
			}
			wantError(t, err, tt.kind, tt.param)
		})
	}
}

func unitECDH(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	key, err := unitDecryptionKeys()["P-256"].(*ecdsa.PrivateKey).ECDH()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ed25519PEM(t testing.TB) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// A key for ECDH in PEM does not sign.
func TestX25519DoesNotSign(t *testing.T) {
	x, ok := unitDecryptionKeys()["X25519"]
	if !ok {
		t.Skip("there is no X25519 in FIPS 140-3 mode")
	}
	der, err := x509.MarshalPKCS8PrivateKey(x)
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseSigningKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), EdDSA, "")
	if k != nil {
		t.Error("a key came with the error")
	}
	wantError(t, err, ErrParse, "")
}

// ---- answers

// An encryptedKind is a kind of answer that can come encrypted, got by the client in
// the way that it has; a nil error means that the answer passed every check.
type encryptedKind struct {
	param string // its metadata member, without Metadata.
	set   func(m *ClientMetadata, alg, enc string)
	typ   string
	get   func(t *testing.T, s *unitServer, c *Client, wrap func(signed string) string) error
}

func encryptedKinds() map[string]encryptedKind {
	type m = map[string]any
	return map[string]encryptedKind{
		"ID token": {
			"IDTokenEncryptedResponseAlg",
			func(m *ClientMetadata, alg, enc string) {
				m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc = alg, enc
			},
			"JWT",
			func(t *testing.T, s *unitServer, c *Client, wrap func(string) string) error {
				signed := s.sign(t, "JWT", unitClaims(m{"nonce": "n"}))
				id, err := c.VerifyIDToken(context.Background(), wrap(signed), VerifyIDTokenOptions{Nonce: "n"})
				if (id == nil) == (err == nil) {
					t.Errorf("%v, %v", id, err)
				}
				if err == nil && id.Raw() != signed {
					t.Errorf("raw %q", id.Raw())
				}
				return err
			},
		},
		"logout token": {
			"IDTokenEncryptedResponseAlg",
			func(m *ClientMetadata, alg, enc string) {
				m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc = alg, enc
			},
			"logout+jwt",
			func(t *testing.T, s *unitServer, c *Client, wrap func(string) string) error {
				lt, err := c.VerifyLogoutToken(context.Background(), wrap(s.sign(t, "logout+jwt", unitClaims(m{
					"jti": "1", "events": m{logoutEvent: m{}},
				}))))
				if (lt == nil) == (err == nil) {
					t.Errorf("%v, %v", lt, err)
				}
				return err
			},
		},
		"userinfo": {
			"UserinfoEncryptedResponseAlg",
			func(m *ClientMetadata, alg, enc string) {
				m.UserinfoSignedResponseAlg, m.UserinfoEncryptedResponseAlg, m.UserinfoEncryptedResponseEnc = ES256, alg, enc
			},
			"JWT",
			func(t *testing.T, s *unitServer, c *Client, wrap func(string) string) error {
				s.set("/userinfo", unitAnswer{mediaType: mediaJWT, body: wrap(s.sign(t, "JWT", m{"sub": "alice"}))})
				u, err := c.UserInfo(context.Background(), &Token{AccessToken: NewSecret("at"), login: &identity{subject: "alice"}}, nil)
				if (u == nil) == (err == nil) {
					t.Errorf("%v, %v", u, err)
				}
				return err
			},
		},
		"authorization response": {
			"AuthorizationEncryptedResponseAlg",
			func(m *ClientMetadata, alg, enc string) {
				m.AuthorizationEncryptedResponseAlg, m.AuthorizationEncryptedResponseEnc = alg, enc
			},
			"JWT",
			func(t *testing.T, s *unitServer, c *Client, wrap func(string) string) error {
				a := s.start(t, c, &jarmRequest)
				response := s.sign(t, "JWT", m{"iss": unitIssuer, "aud": unitClient, "exp": unitTime + 60, "code": "the-code", "state": a.State()})
				resp, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"response": {wrap(response)}})
				if (resp == nil) == (err == nil) {
					t.Errorf("%v, %v", resp, err)
				}
				return err
			},
		},
		"introspection": {
			"IntrospectionEncryptedResponseAlg",
			func(m *ClientMetadata, alg, enc string) {
				m.IntrospectionEncryptedResponseAlg, m.IntrospectionEncryptedResponseEnc = alg, enc
			},
			"token-introspection+jwt",
			func(t *testing.T, s *unitServer, c *Client, wrap func(string) string) error {
				signed := s.sign(t, "token-introspection+jwt", unitClaims(m{"token_introspection": m{"active": true}}))
				i, err := s.introspect(t, c, introspectionJWTAnswer(wrap(signed)))
				if err == nil && i.Raw() != signed {
					t.Errorf("JWT %q", i.Raw())
				}
				return err
			},
		},
	}
}

// changed is the token with another character that far from its end.
func changed(token string, fromEnd int) string {
	b := []byte(token)
	if at := len(b) - fromEnd; b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return string(b)
}

// failing is a key service that is down.
type failing struct{ err error }

func (f failing) DecryptJWE(context.Context, string) ([]byte, error) { return nil, f.err }

// TestEncryptedAnswers is each kind of answer as it should come, and in each way
// that it should not.
func TestEncryptedAnswers(t *testing.T) {
	const alg, enc = "ECDH-ES", "A128GCM"
	x := sender{name: "P-256", alg: alg, enc: enc}
	seal := func(x sender) func(t *testing.T, signed string) string {
		return func(t *testing.T, signed string) string { return x.seal(t, signed) }
	}
	plain := func(_ *testing.T, signed string) string { return signed }
	ours := newUnitDecrypter(t,
		decryptionKey(t, "P-256", alg, nil, ""), decryptionKey(t, "P-256", "ECDH-ES+A128KW", nil, ""), decryptionKey(t, "P-384", alg, nil, ""))
	stranger := newUnitDecrypter(t, decryptionKey(t, "P-521", alg, nil, ""))
	with := func(header map[string]any) sender { x := x; x.header = header; return x }
	for kind, k := range encryptedKinds() {
		for _, tt := range []struct {
			name string
			d    Decrypter
			set  bool // the metadata has alg and enc
			wrap func(t *testing.T, signed string) string
			kind error
		}{
			{"as registered", ours, true, seal(x), nil},
			{"as registered, on another curve", ours, true, seal(sender{name: "P-384", alg: alg, enc: enc}), nil},
			{"nothing registered", ours, false, seal(x), nil},
			{"nothing registered, another pair", ours, false, seal(sender{name: "P-256", alg: "ECDH-ES+A128KW", enc: "A256CBC-HS512"}), nil},
			{"nothing registered, not encrypted", ours, false, plain, nil},
			{"not encrypted", ours, true, plain, ErrDecrypt},
			{"another alg", ours, true, seal(sender{name: "P-256", alg: "ECDH-ES+A128KW", enc: enc}), ErrAlgorithm},
			{"another enc", ours, true, seal(sender{name: "P-256", alg: alg, enc: "A256GCM"}), ErrAlgorithm},
			{"RSA1_5", failing{}, false, seal(with(map[string]any{"alg": "RSA1_5"})), ErrAlgorithm},
			{"an unknown enc", failing{}, false, seal(with(map[string]any{"enc": "A512GCM"})), ErrAlgorithm},
			{"no Decrypter", nil, false, seal(x), ErrUnsupported},
			{"another key", stranger, true, seal(x), ErrDecrypt},
			{"changed", ours, true, func(t *testing.T, signed string) string {
				return changed(x.seal(t, signed), 5)
			}, ErrDecrypt},
			{"compressed", ours, true, seal(with(map[string]any{"zip": "DEF"})), ErrUnsupported},
			{"critical", ours, true, seal(with(map[string]any{"crit": []string{"exp"}, "exp": 1})), ErrUnsupported},
			{"no enc", ours, true, seal(with(map[string]any{"enc": nil})), ErrParse},
			{"no JSON header", ours, true, func(t *testing.T, signed string) string {
				token := x.seal(t, signed)
				return "AAAA" + token[strings.Index(token, "."):]
			}, ErrParse},
			{"no base64url", ours, true, func(t *testing.T, signed string) string { return "=" + x.seal(t, signed) }, ErrParse},
			{"too long", ours, true, func(*testing.T, string) string { return strings.Repeat("A", maxToken) + "...." }, ErrParse},
			{"a long header", ours, true, func(*testing.T, string) string { return strings.Repeat("A", maxHeader+1) + "...." }, ErrParse},
			{"JSON inside", ours, true, func(t *testing.T, _ string) string { return x.seal(t, `{"sub":"alice","iss":"https://op.example"}`) }, ErrUnsupported},
			{"nothing inside", ours, true, func(t *testing.T, _ string) string { return x.seal(t, "") }, ErrUnsupported},
			{"encrypted twice", ours, true, func(t *testing.T, signed string) string { return x.seal(t, x.seal(t, signed)) }, ErrUnsupported},
			{"a bad signature inside", ours, true, func(t *testing.T, signed string) string {
				return x.seal(t, changed(signed, 10))
			}, ErrSignature},
			{"unsigned inside", ours, true, func(t *testing.T, signed string) string {
				return x.seal(t, encodeBase64URL([]byte(`{"alg":"none"}`))+signed[strings.Index(signed, "."):strings.LastIndex(signed, ".")+1])
			}, ErrAlgorithm},
			{"a key service that is down", failing{errors.New("down")}, true, seal(x), ErrUnavailable},
			{"a key service that says no", failing{fail(ErrDecrypt, "x", "because")}, true, seal(x), ErrDecrypt},
		} {
			t.Run(kind+"/"+tt.name, func(t *testing.T) {
				s := newUnitServer()
				c := s.introspector(t, func(c *Config) {
					c.Decrypter = tt.d
					c.Server.UserinfoSigningAlgValuesSupported = []Algorithm{ES256}
					c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256}
					c.Server.IntrospectionSigningAlgValuesSupported = []Algorithm{ES256}
					c.Metadata.IntrospectionSignedResponseAlg = ES256
					if tt.set {
						k.set(&c.Metadata, alg, enc)
					}
				})
				err := k.get(t, s, c, func(signed string) string { return tt.wrap(t, signed) })
				if tt.kind == nil {
					if err != nil {
						t.Error(err)
					}
					return
				}
				wantError(t, err, tt.kind, "")
				if tt.kind == ErrUnavailable && errors.Is(err, ErrInvalid) {
					t.Error("a key service that is down says nothing about the token")
				}
				if tt.kind == ErrDecrypt && tt.name != "not encrypted" &&
					!strings.Contains(err.Error(), `the token (alg "ECDH-ES", enc "A128GCM", kid "") was not`) {
					t.Errorf("the error does not say what the header does: %v", err)
				}
				if strings.Contains(err.Error(), "because") {
					t.Errorf("the reason is told: %v", err)
				}
			})
		}
	}
}

// JSON, which nobody signed or encrypted, in place of an encrypted answer; and what
// is asked for.
func TestEncryptedAnswersAsJSON(t *testing.T) {
	s := newUnitServer()
	c := s.introspector(t, func(c *Config) {
		c.Decrypter = newUnitDecrypter(t, decryptionKey(t, "P-256", "ECDH-ES", nil, ""))
		c.Metadata.UserinfoSignedResponseAlg, c.Metadata.UserinfoEncryptedResponseAlg = ES256, "ECDH-ES"
		c.Metadata.IntrospectionEncryptedResponseAlg = "ECDH-ES"
	})
	s.answer("/userinfo", `{"sub":"alice"}`)
	u, err := c.UserInfo(context.Background(), &Token{AccessToken: NewSecret("at"), login: &identity{subject: "alice"}}, nil)
	if u != nil {
		t.Error("a UserInfo came with the error")
	}
	wantError(t, err, ErrResponse, "Content-Type")
	if got := s.requests("/userinfo")[0].header.Get("Accept"); got != mediaJWT {
		t.Errorf("userinfo: Accept %q", got)
	}
	_, err = s.introspect(t, c, unitAnswer{mediaType: mediaJSON, body: `{"active":true}`})
	wantError(t, err, ErrResponse, "Content-Type")
	if got := s.requests(introspectionPath)[0].header.Get("Accept"); got != mediaIntrospectionJWT {
		t.Errorf("introspection: Accept %q", got)
	}
	// One that is labelled as JSON is taken for what it is.
	c.server.IntrospectionSigningAlgValuesSupported = []Algorithm{ES256}
	sealed := sender{name: "P-256", alg: "ECDH-ES", enc: "A128CBC-HS256"}.seal(t, s.sign(t, "token-introspection+jwt", introspectionClaims(nil)))
	if i, err := s.introspect(t, c, unitAnswer{mediaType: mediaJSON, body: sealed}); err != nil || i.Subject() != "alice" {
		t.Errorf("%v, %v", i, err)
	}
}

// What is in a JWE is what it would be without: no kind of token passes for another
// because it came encrypted.
func TestEncryptedCrossUse(t *testing.T) {
	s := newUnitServer()
	x := sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}
	ctx := context.Background()
	c := s.introspector(t, func(c *Config) {
		c.Decrypter = newUnitDecrypter(t, decryptionKey(t, x.name, x.alg, nil, ""))
		c.Server.UserinfoSigningAlgValuesSupported = []Algorithm{ES256}
		c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256}
		c.Server.IntrospectionSigningAlgValuesSupported = []Algorithm{ES256}
	})
	a := s.start(t, c, &jarmRequest)
	type m = map[string]any
	tokens := map[string]struct {
		typ    string
		claims m
	}{
		"ID token":               {"JWT", m{"nonce": "n"}},
		"logout token":           {"logout+jwt", m{"jti": "1", "events": m{logoutEvent: m{}}}},
		"access token":           {"at+jwt", m{"client_id": unitClient, "jti": "1"}},
		"authorization response": {"JWT", m{"code": "c", "state": a.State(), "sub": unitRemoved}},
		"introspection":          {"token-introspection+jwt", m{"token_introspection": m{"active": true}}},
	}
	for place, get := range map[string]func(token string) error{
		"ID token": func(token string) error {
			_, err := c.VerifyIDToken(ctx, token, VerifyIDTokenOptions{Nonce: "n"})
			return err
		},
		"logout token": func(token string) error { _, err := c.VerifyLogoutToken(ctx, token); return err },
		"introspection": func(token string) error {
			_, err := s.introspect(t, c, introspectionJWTAnswer(token))
			return err
		},
		// Of these, a userinfo response has no mark of its own: what has the user's
		// sub and no other typ passes (see TestCrossTable).
		"userinfo": func(token string) error {
			s.set("/userinfo", unitAnswer{mediaType: mediaJWT, body: token})
			_, err := c.UserInfo(ctx, &Token{AccessToken: NewSecret("at"), login: &identity{subject: "alice"}}, nil)
			return err
		},
		"authorization response": func(token string) error {
			// An ID token has the typ, iss and aud of a response; it has no state.
			a.used.Store(false)
			_, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"response": {token}})
			return err
		},
	} {
		for name, token := range tokens {
			err := get(x.seal(t, s.sign(t, token.typ, unitClaims(token.claims))))
			if (name == place || name == "ID token" && place == "userinfo") != (err == nil) || err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("%s at the place of %s: %v", name, place, err)
			}
		}
	}
}

// Whoever gives up learns just that.
func TestEncryptedAnswerGivenUp(t *testing.T) {
	s := newUnitServer()
	ctx, cancel := context.WithCancel(t.Context())
	c := s.client(t, func(c *Config) { c.Decrypter = canceling{cancel} })
	token := sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}.seal(t, s.sign(t, "JWT", unitClaims(nil)))
	id, err := c.VerifyIDToken(ctx, token, VerifyIDTokenOptions{InsecureNoNonce: true})
	if id != nil || !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInvalid) {
		t.Errorf("%v, %v", id, err)
	}
}

// canceling gives up in the middle.
type canceling struct{ cancel context.CancelFunc }

func (d canceling) DecryptJWE(ctx context.Context, _ string) ([]byte, error) {
	d.cancel()
	return nil, fmt.Errorf("key service: %w", ctx.Err())
}

// Userinfo that is encrypted and not signed would be plain JSON in a JWE.
func TestEncryptedUserInfoIsSigned(t *testing.T) {
	cfg := newUnitServer().config()
	cfg.Decrypter, cfg.Metadata.UserinfoEncryptedResponseAlg = failing{}, "ECDH-ES"
	c, err := NewClient(cfg)
	if c != nil {
		t.Error("a Client came with the error")
	}
	wantError(t, err, ErrConfig, "Metadata.UserinfoSignedResponseAlg")
	// That introspection is not signed concerns no other kind.
	cfg.Metadata.UserinfoEncryptedResponseAlg = ""
	cfg.Metadata.IDTokenEncryptedResponseAlg, cfg.Metadata.IntrospectionSignedResponseAlg = "ECDH-ES", "none"
	if _, err := NewClient(cfg); err != nil {
		t.Error(err)
	}
	cfg.Metadata.IntrospectionEncryptedResponseAlg = "ECDH-ES"
	_, err = NewClient(cfg)
	wantError(t, err, ErrConfig, "Metadata.IntrospectionSignedResponseAlg")
}

func TestDecrypterConfig(t *testing.T) {
	decrypter := newUnitDecrypter(t, decryptionKey(t, "P-256", "ECDH-ES", []string{"A128GCM", "A128CBC-HS256"}, ""))
	for kind, k := range encryptedKinds() {
		for _, tt := range []struct {
			name, alg, enc string
			d              Decrypter
			kind           error
			param          string
		}{
			{"good", "ECDH-ES", "A128GCM", decrypter, nil, ""},
			{"enc by default", "ECDH-ES", "", decrypter, nil, ""},
			{"no Decrypter", "ECDH-ES", "A128GCM", nil, ErrConfig, "Decrypter"},
			{"no key for alg", "ECDH-ES+A128KW", "A128GCM", decrypter, ErrConfig, "Decrypter"},
			{"no key for enc", "ECDH-ES", "A256GCM", decrypter, ErrConfig, "Decrypter"},
			{"another Decrypter knows its keys itself", "RSA-OAEP", "A256GCM", failing{}, nil, ""},
			{"RSA1_5", "RSA1_5", "A128GCM", failing{}, ErrUnsupported, "Metadata." + k.param},
			{"unknown enc", "ECDH-ES", "A128", decrypter, ErrUnsupported, "Metadata." + strings.TrimSuffix(k.param, "Alg") + "Enc"},
			{"enc alone", "", "A128GCM", decrypter, ErrConfig, "Metadata." + strings.TrimSuffix(k.param, "Alg") + "Enc"},
		} {
			t.Run(kind+"/"+tt.name, func(t *testing.T) {
				cfg := newUnitServer().config()
				k.set(&cfg.Metadata, tt.alg, tt.enc)
				cfg.Decrypter = tt.d
				c, err := NewClient(cfg)
				if tt.kind == nil {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if c != nil {
					t.Error("a Client came with the error")
				}
				wantError(t, err, tt.kind, tt.param)
			})
		}
	}
}

// The default of enc counts: an answer with another is refused.
func TestEncryptedDefault(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) {
		c.Decrypter = newUnitDecrypter(t, decryptionKey(t, "P-256", "ECDH-ES", nil, ""))
		c.Metadata.IDTokenEncryptedResponseAlg = "ECDH-ES"
	})
	for enc, kind := range map[string]error{"A128CBC-HS256": nil, "A128GCM": ErrAlgorithm, "A256CBC-HS512": ErrAlgorithm} {
		token := sender{name: "P-256", alg: "ECDH-ES", enc: enc}.seal(t, s.sign(t, "JWT", unitClaims(map[string]any{"nonce": "n"})))
		if _, err := c.VerifyIDToken(t.Context(), token, VerifyIDTokenOptions{Nonce: "n"}); !errors.Is(err, kind) {
			t.Errorf("%s: %v", enc, err)
		}
	}
}

// What the package encrypts, request objects, the package decrypts, with each enc
// and curve.
func TestEncryptedRoundTrip(t *testing.T) {
	for name, alg := range map[string]string{"RSA": "RSA-OAEP-256", "P-256": "ECDH-ES", "P-384": "ECDH-ES", "P-521": "ECDH-ES"} {
		key := decryptionKey(t, name, alg, nil, "k")
		o, err := parseObject(string(key.PublicJWK()), documentForm, ErrParse)
		if err != nil {
			t.Fatal(err)
		}
		public, err := parsePublicJWK(&o)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range contentEncryptions {
			x, err := newRequestEncryption("alg", alg, "enc", e.name)
			if err != nil {
				t.Fatal(err)
			}
			token, err := x.encrypt(public, "a.b.c")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := newUnitDecrypter(t, key).DecryptJWE(t.Context(), token); err != nil || string(got) != "a.b.c" {
				t.Errorf("%s %s: %q, %v", name, e.name, got, err)
			}
		}
	}
}

// RFC 3394, Sections 4.1 and 4.6, and every change to the first: what is unwrapped is
// what was wrapped, also before any content is decrypted with it.
func TestUnwrapAES(t *testing.T) {
	for _, x := range []struct{ key, data, wrapped string }{
		{"000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF", "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"},
		{
			"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
			"28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
		},
	} {
		key, wrapped := must(hex.DecodeString(x.key)), must(hex.DecodeString(x.wrapped))
		if got := fmt.Sprintf("%X", unwrapAES(key, wrapped)); got != x.data {
			t.Errorf("%s", got)
		}
		if got := fmt.Sprintf("%X", wrapped); got != x.wrapped {
			t.Errorf("what was unwrapped is %s after it", got)
		}
		if unwrapAES(key, append(slices.Clone(wrapped), 0)) != nil {
			t.Error("a byte more unwraps")
		}
		// Section 2.2.1: there are two blocks at least.
		if unwrapAES(key, keyWrap(t, key, make([]byte, 8))) != nil {
			t.Error("one block unwraps")
		}
		for i := range wrapped {
			wrapped[i] ^= 0x10
			if unwrapAES(key, wrapped) != nil {
				t.Errorf("byte %d changed, and it unwraps", i)
			}
			wrapped[i] ^= 0x10
			if unwrapAES(key, wrapped[:i]) != nil {
				t.Errorf("%d bytes unwrap", i)
			}
		}
	}
}

// Core 10.2, computed here step by step for each size.
func TestSecretKey(t *testing.T) {
	for size, hash := range map[int]crypto.Hash{16: crypto.SHA256, 24: crypto.SHA256, 32: crypto.SHA256, 48: crypto.SHA384, 64: crypto.SHA512} {
		h := hash.New()
		io.WriteString(h, "secret")
		if got := secretKey("secret", size); !bytes.Equal(got, h.Sum(nil)[:size]) {
			t.Errorf("%d bytes: %x", size, got)
		}
	}
	if sum := sha256.Sum256([]byte("secret")); !bytes.Equal(secretKey("secret", 32), sum[:]) {
		t.Error("not SHA-256")
	}
}
