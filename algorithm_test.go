package oauth

// Tests of the table of algorithms, of the rule that says which of them a token
// may be signed with, and of what a signature of each is.

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The table against RFC 7518, Section 3.1 and 3.4, RFC 8037, Section 3.1 and
// RFC 9864, Section 2.2; ML-DSA against FIPS 204, Table 2; the half hash is OIDC
// Core 3.1.3.6. What is in the table and not in this program leads to nothing.
func TestAlgorithmTable(t *testing.T) {
	want := map[Algorithm]struct {
		kty, crv   string
		hash, half crypto.Hash
		pss        bool
		size       int
	}{
		"RS256":   {"RSA", "", crypto.SHA256, crypto.SHA256, false, 0},
		"RS384":   {"RSA", "", crypto.SHA384, crypto.SHA384, false, 0},
		"RS512":   {"RSA", "", crypto.SHA512, crypto.SHA512, false, 0},
		"PS256":   {"RSA", "", crypto.SHA256, crypto.SHA256, true, 0},
		"PS384":   {"RSA", "", crypto.SHA384, crypto.SHA384, true, 0},
		"PS512":   {"RSA", "", crypto.SHA512, crypto.SHA512, true, 0},
		"ES256":   {"EC", "P-256", crypto.SHA256, crypto.SHA256, false, 2 * 32},
		"ES384":   {"EC", "P-384", crypto.SHA384, crypto.SHA384, false, 2 * 48},
		"ES512":   {"EC", "P-521", crypto.SHA512, crypto.SHA512, false, 2 * 66},
		"EdDSA":   {"OKP", "Ed25519", 0, crypto.SHA512, false, 64},
		"Ed25519": {"OKP", "Ed25519", 0, crypto.SHA512, false, 64},

		"ML-DSA-44": {"AKP", "ML-DSA-44", 0, shake256, false, 2420},
		"ML-DSA-65": {"AKP", "ML-DSA-65", 0, shake256, false, 3309},
		"ML-DSA-87": {"AKP", "ML-DSA-87", 0, shake256, false, 4627},
	}
	if len(algorithms) != len(want) {
		t.Errorf("%d algorithms, want %d", len(algorithms), len(want))
	}
	for i := range algorithms {
		a := &algorithms[i]
		name, w := a.name, want[a.name]
		if a.kty != w.kty || a.crv != w.crv || a.hash != w.hash || a.half != w.half || a.pss != w.pss || a.size != w.size {
			t.Errorf("%s is %+v, want %+v", name, *a, w)
		}
		if found := findAlgorithm(name); a.kty == "AKP" && mldsaNeeds != "" {
			_, err := signatureAlgorithm("alg", name)
			wantError(t, err, ErrUnsupported, "alg")
			if found != nil {
				t.Errorf("%s leads to %s", name, found.name)
			}
			continue
		} else if found != a {
			t.Errorf("%s leads to %v", name, found)
		}
		if _, err := signatureAlgorithm("alg", name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// RFC 7518, Section 3.2: a key at least as long as the hash.
func TestHMACTable(t *testing.T) {
	for name, hash := range map[Algorithm]crypto.Hash{HS256: crypto.SHA256, HS384: crypto.SHA384, HS512: crypto.SHA512} {
		a := findHMAC(name)
		if a == nil || a.hash != hash || a.size != hash.Size() || a.kty != "oct" {
			t.Errorf("%s is %+v", name, a)
		}
	}
	for _, a := range usableAlgorithms() {
		if findHMAC(a.name) != nil {
			t.Errorf("%s is in both tables", a.name)
		}
	}
}

// No name but those of the table leads to an algorithm: none and HMAC cannot be
// expressed in verification (RFC 8725, Section 3.1).
func TestAlgorithmNames(t *testing.T) {
	for _, name := range []Algorithm{
		"", "none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "hs256",
		"rs256", "RS256 ", " RS256", "RS256\x00", "RS1", "RS224", "ES256K", "ES521",
		"Ed448", "ed25519", "EDDSA", "ECDH-ES", "RSA-OAEP", "dir", "A256GCM", "RS256,ES256",
	} {
		t.Run(string(name), func(t *testing.T) {
			if a := findAlgorithm(name); a != nil {
				t.Errorf("leads to %s", a.name)
			}
			if a := findHMAC(name); a != nil && a.name != name {
				t.Errorf("leads to %s", a.name)
			}
			a, err := signatureAlgorithm("Metadata.IDTokenSignedResponseAlg", name)
			if a != nil {
				t.Errorf("leads to %s", a.name)
			}
			wantError(t, err, ErrAlgorithm, "Metadata.IDTokenSignedResponseAlg")
			// Whoever reads the error has to learn what to write instead.
			if !strings.Contains(err.Error(), "ES256, ES384") {
				t.Errorf("the error does not name the algorithms: %v", err)
			}
			if strings.ContainsAny(err.Error(), "\x00\n") {
				t.Errorf("the name stands raw in the error: %q", err)
			}
		})
	}
}

func TestAllowedAlgorithms(t *testing.T) {
	for _, x := range []struct {
		name       string
		configured Algorithm
		list       []Algorithm
		fallback   Algorithm
		want       []Algorithm
		param      string // of the error
	}{
		{"configured", ES256, []Algorithm{RS256}, RS256, []Algorithm{ES256}, ""},
		{"configured, no list", PS256, nil, RS256, []Algorithm{PS256}, ""},
		{"configured none", "none", []Algorithm{RS256}, RS256, nil, "client"},
		{"configured HMAC", HS256, []Algorithm{RS256}, RS256, nil, "client"},
		{"configured unknown", "ES521", []Algorithm{RS256}, RS256, nil, "client"},
		{"list", "", []Algorithm{ES256, EdDSA}, RS256, []Algorithm{ES256, EdDSA}, ""},
		{"list with more than can be used", "", []Algorithm{"none", HS256, "ES256K", ES384, "RS1"}, RS256, []Algorithm{ES384}, ""},
		{"list of none alone", "", []Algorithm{"none"}, RS256, nil, "server"},
		{"list of HMAC alone", "", []Algorithm{HS256, HS512}, RS256, nil, "server"},
		{"list of unknown ones", "", []Algorithm{"ES256K"}, RS256, nil, "server"},
		{"empty list", "", []Algorithm{}, RS256, nil, "server"},
		{"nothing said", "", nil, RS256, []Algorithm{RS256}, ""},
		{"nothing said, no default", "", nil, "", nil, "client"},
	} {
		t.Run(x.name, func(t *testing.T) {
			got, err := allowedAlgorithms("client", x.configured, "server", x.list, x.fallback)
			if x.want == nil {
				wantError(t, err, ErrAlgorithm, x.param)
				return
			}
			if err != nil || !slices.Equal(got, x.want) {
				t.Errorf("%v, %v; want %v", got, err, x.want)
			}
		})
	}
}

func TestSum(t *testing.T) {
	message := []byte("message")
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		var buf [sha512.Size]byte
		hash := h.New()
		hash.Write(message)
		if got := sum(h, message, &buf); !slices.Equal(got, hash.Sum(nil)) {
			t.Errorf("%v: %x", h, got)
		}
	}
	// The first 64 octets of NIST's example SHAKE256_Msg0.
	const empty = "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762fd75dc4ddd8c0f200cb05019d67b592f6fc821c49479ab48640292eacb3b7c4be"
	var buf [sha512.Size]byte
	if got := fmt.Sprintf("%x", sum(shake256, nil, &buf)); got != empty {
		t.Errorf("SHAKE256: %s", got)
	}
}

// OIDC Core 3.1.3.6 for ML-DSA: the left half of 64 octets of SHAKE256. The values
// are made with (the digest and half its size by algorithm)
//
//	printf %s message | openssl dgst -shake256 -xoflen 64 -binary | head -c 32 | basenc --base64url
func TestHalfHash(t *testing.T) {
	for _, x := range []struct {
		alg  Algorithm
		want string
	}{
		{ES256, "q1MKE-RZFJgrefm34_uplA"},
		{ES384, "NT63UWon75LpbRoxlxLYS5AuqoKIGeU6"},
		{EdDSA, "-Nr1ejNHzE1rnVdbMf5gd-LLSH9gqWIzwIy0edvzFTg"},
		{MLDSA44, "hhbh5M_YtffZLUPYbhsUUaKmWvhk_LEmwmYKs0ZRsXU"},
		{MLDSA87, "hhbh5M_YtffZLUPYbhsUUaKmWvhk_LEmwmYKs0ZRsXU"},
	} {
		i := slices.IndexFunc(algorithms[:], func(a algorithm) bool { return a.name == x.alg })
		for _, value := range []string{"message", "Message"} {
			o := must(parseObject(`{"at_hash":"`+x.want+`"}`, documentForm, ErrClaim))
			if err := checkHash(&o, "at_hash", &algorithms[i], value, true); (err == nil) != (value == "message") {
				t.Errorf("%s of %s: %v", x.alg, value, err)
			}
		}
	}
}

func TestSupportedAlgorithms(t *testing.T) {
	names := strings.Split(supportedAlgorithms(), ", ")
	if len(names) != len(usableAlgorithms()) || !slices.IsSorted(names) {
		t.Errorf("%v, want the %d names in order", names, len(usableAlgorithms()))
	}
}

// ---- what a signature is

// Every algorithm signs, verifies, and does not verify for any other.
func TestJWSAlgorithms(t *testing.T) {
	all := jwsAllow()
	for _, a := range usableAlgorithms() {
		all.allowed = append(all.allowed, a.name)
	}
	for _, a := range usableAlgorithms() {
		t.Run(string(a.name), func(t *testing.T) {
			key := jwsKey(a.name, "")
			keys := jwsKeys(key)
			token := must(key.SignJWT("", map[string]int{"n": 1}))
			v, err := jwsVerify(token, keys, all)
			if err != nil {
				t.Fatal(err)
			}
			if v.payload != `{"n":1}` || v.alg.name != a.name || v.key == nil {
				t.Errorf("payload %s, algorithm %s", v.payload, v.alg.name)
			}
			checkSignature(t, &a, key.signer.Public(), token)
			for _, b := range usableAlgorithms() {
				if a.kty != b.kty || a.crv != b.crv || a.name == b.name {
					continue
				}
				_, rest, _ := strings.Cut(token, ".")
				payload, sig, _ := strings.Cut(rest, ".")
				other := encodeBase64URL([]byte(`{"alg":"`+string(b.name)+`"}`)) + "." + payload
				// The same signature under another name, and a signature by the
				// one algorithm that is said to be of the other.
				v, err := jwsVerify(other+"."+sig, keys, all)
				wantRefused(t, v, err, ErrSignature, "")
				if a.kty == "OKP" {
					continue // two names of one algorithm
				}
				v, err = jwsVerify(other+"."+encodeBase64URL(must(key.sign([]byte(other), new(jwsScratch)))), keys, all)
				wantRefused(t, v, err, ErrSignature, "")
			}
		})
	}
}

// checkSignature verifies a token of the package without the package.
func checkSignature(t *testing.T, a *algorithm, public crypto.PublicKey, token string) {
	t.Helper()
	at := strings.LastIndexByte(token, '.')
	input, sig := []byte(token[:at]), must(decodeBase64URL(nil, token[at+1:]))
	digest := input
	if a.hash != 0 {
		h := a.hash.New()
		h.Write(input)
		digest = h.Sum(nil)
	}
	ok := false
	switch public := public.(type) {
	case *rsa.PublicKey:
		if a.pss {
			ok = rsa.VerifyPSS(public, a.hash, digest, sig, &rsa.PSSOptions{SaltLength: a.hash.Size()}) == nil
		} else {
			ok = rsa.VerifyPKCS1v15(public, a.hash, digest, sig) == nil
		}
	case *ecdsa.PublicKey:
		n := len(sig) / 2
		ok = len(sig) == a.size && ecdsa.Verify(public, digest, new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:]))
	case ed25519.PublicKey:
		ok = ed25519.Verify(public, input, sig)
	case *mldsaPublicKey:
		ok = mldsaVerifiesElsewhere(public, input, sig)
	}
	if !ok {
		t.Error("the signature does not verify elsewhere")
	}
}

// RFC 7518, Section 3.4: two integers of fixed width and nothing else.
func TestECDSASignatureForms(t *testing.T) {
	for _, alg := range []Algorithm{ES256, ES384, ES512} {
		t.Run(string(alg), func(t *testing.T) {
			a, key := findAlgorithm(alg), jwsKey(alg, "")
			public := key.signer.Public().(*ecdsa.PublicKey)
			input := []byte(encodeBase64URL([]byte(`{"alg":"`+string(alg)+`"}`)) + ".e30")
			sig := must(key.sign(input, new(jwsScratch)))
			half := a.size / 2
			r, s := sig[:half], sig[half:]
			order := public.Curve.Params().N
			der := must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)}))
			zero, one, n := make([]byte, half), big.NewInt(1).FillBytes(make([]byte, half)), order.FillBytes(make([]byte, half))
			plusN := func(b []byte) []byte { // the same number modulo the order, if it fits
				sum := new(big.Int).Add(new(big.Int).SetBytes(b), order)
				if sum.BitLen() > half*8 {
					return n
				}
				return sum.FillBytes(make([]byte, half))
			}
			negative := new(big.Int).Sub(order, new(big.Int).SetBytes(s)).FillBytes(make([]byte, half))
			// r‖−s is as good a signature as r‖s, here as in every ECDSA that
			// does not fix the sign: a token's bytes are no identifier of it.
			if !signatureHolds(a, public, input, slices.Concat(r, negative)) {
				t.Error("r‖n−s is refused")
			}
			for name, bad := range map[string][]byte{
				"DER":                       der,
				"empty":                     {},
				"r alone":                   r,
				"one byte short":            sig[:a.size-1],
				"without the first byte":    sig[1:],
				"zero byte in front":        slices.Concat([]byte{0}, sig),
				"zero byte behind":          slices.Concat(sig, []byte{0}),
				"both wider by a zero byte": slices.Concat([]byte{0}, r, []byte{0}, s),
				"twice":                     slices.Concat(sig, sig),
				"swapped":                   slices.Concat(s, r),
				"r zero":                    slices.Concat(zero, s),
				"s zero":                    slices.Concat(r, zero),
				"both zero":                 slices.Concat(zero, zero),
				"both one":                  slices.Concat(one, one),
				"r the order":               slices.Concat(n, s),
				"s the order":               slices.Concat(r, n),
				"r plus the order":          slices.Concat(plusN(r), s),
				"s plus the order":          slices.Concat(r, plusN(s)),
				"all ones":                  bytes.Repeat([]byte{0xff}, a.size),
			} {
				if signatureHolds(a, public, input, bad) {
					t.Errorf("%s is accepted", name)
				}
				v, err := jwsVerify(string(input)+"."+encodeBase64URL(bad), jwsKeys(key), jwsAllow(alg))
				wantRefused(t, v, err, ErrSignature, "")
			}
		})
	}
}

// A signature with r and s below 2²⁴⁸ has a zero byte before each. It verifies
// with them and not without: RFC 7518, Section 3.4, "the octet sequence
// representations MUST NOT be shortened".
func TestECDSAShortIntegers(t *testing.T) {
	private := jwsSigners.ec["P-256"]().(*ecdsa.PrivateKey)
	order := private.Curve.Params().N
	d := new(big.Int).SetBytes(must(private.Bytes()))
	// The point of a nonce is that of a key, so that such an r is soon found,
	// and such an s then by other payloads.
	nonce, r := new(big.Int), new(big.Int)
	for k := int64(1); nonce.Sign() == 0 || r.BitLen() > 248; k++ {
		nonce.SetInt64(k)
		point := must(must(ecdsa.ParseRawPrivateKey(private.Curve, nonce.FillBytes(make([]byte, 32)))).PublicKey.Bytes())
		r.SetBytes(point[1:33])
	}
	inverse := new(big.Int).ModInverse(nonce, order)
	header := encodeBase64URL([]byte(`{"alg":"ES256"}`))
	for i := range 1 << 16 {
		input := header + "." + encodeBase64URL(fmt.Appendf(nil, "%d", i))
		digest := sha256.Sum256([]byte(input))
		s := new(big.Int).Mul(r, d)
		s.Add(s, new(big.Int).SetBytes(digest[:])).Mul(s, inverse).Mod(s, order)
		if s.BitLen() > 248 {
			continue
		}
		full := slices.Concat(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32)))
		keys := jwsKeys(jwsKey(ES256, ""))
		if _, err := jwsVerify(input+"."+encodeBase64URL(full), keys, jwsAllow(ES256)); err != nil {
			t.Error(err)
		}
		v, err := jwsVerify(input+"."+encodeBase64URL(slices.Concat(full[1:32], full[33:])), keys, jwsAllow(ES256))
		wantRefused(t, v, err, ErrSignature, "")
		return
	}
	t.Fatal("no such signature found")
}

// Integers of any length become DER and come back; the DER is what
// encoding/asn1 makes.
func TestECDSASignatureConversion(t *testing.T) {
	for _, size := range []int{64, 96, 132} {
		half := size / 2
		values := []*big.Int{big.NewInt(1), big.NewInt(0x7f), big.NewInt(0x80), big.NewInt(0xff), big.NewInt(0x100)}
		top := new(big.Int).Lsh(big.NewInt(1), uint(half*8))
		for bits := half*8 - 9; bits < half*8; bits++ {
			values = append(values, new(big.Int).Lsh(big.NewInt(1), uint(bits)))
		}
		// 62 bytes twice: the sequence has 128, the first length in long form.
		values = append(values, new(big.Int).Sub(top, big.NewInt(1)), new(big.Int).Lsh(big.NewInt(1), uint(min(half, 62)*8-2)))
		for _, r := range values {
			for _, s := range values {
				want := must(asn1.Marshal(struct{ R, S *big.Int }{r, s}))
				fixed, err := fixedECDSASignature(used(size), want)
				if err != nil {
					t.Fatal(err)
				}
				if got := appendECDSASignature(nil, fixed); !bytes.Equal(got, want) {
					t.Fatalf("%x, %x: DER %x, want %x", r, s, got, want)
				}
				if len(want) > maxECDSADER {
					t.Fatalf("maxECDSADER is %d, a signature has %d bytes", maxECDSADER, len(want))
				}
			}
		}
	}
}

// RFC 7518, Section 3.5: "The size of the salt value is the same size as the
// hash function output."
func TestPSSSaltLength(t *testing.T) {
	private := jwsSigners.rsa().(*rsa.PrivateKey)
	for _, alg := range []Algorithm{PS256, PS384, PS512} {
		a, key := findAlgorithm(alg), jwsKey(alg, "")
		input := encodeBase64URL([]byte(`{"alg":"`+string(alg)+`"}`)) + ".e30"
		h := a.hash.New()
		h.Write([]byte(input))
		// crypto/rsa makes no empty salt; 0 would mean the longest one.
		for _, salt := range []int{a.hash.Size(), 1, a.hash.Size() - 1, a.hash.Size() + 1, 256 - 2 - a.hash.Size()} {
			sig, err := rsa.SignPSS(rand.Reader, private, a.hash, h.Sum(nil), &rsa.PSSOptions{SaltLength: salt, Hash: a.hash})
			if err != nil && fips140.Enabled() && salt > a.hash.Size() {
				continue // no such salt in FIPS 140-3 mode
			}
			if err != nil {
				t.Fatal(err)
			}
			v, err := jwsVerify(input+"."+encodeBase64URL(sig), jwsKeys(key), jwsAllow(alg))
			if salt == a.hash.Size() {
				if err != nil {
					t.Errorf("%s: %v", alg, err)
				}
				continue
			}
			wantRefused(t, v, err, ErrSignature, "")
		}
	}
}

// A signature has the length of the modulus and is less than it.
func TestRSASignatureLength(t *testing.T) {
	for _, alg := range []Algorithm{RS256, PS256} {
		key := jwsKey(alg, "")
		modulus := key.signer.Public().(*rsa.PublicKey).N
		header := encodeBase64URL([]byte(`{"alg":"` + string(alg) + `"}`))
		var input string
		var sig []byte
		sum := new(big.Int)
		// Until a signature is so small that it and the modulus together still
		// fit: at least one in ten is.
		for i := 0; sig == nil || i < 200 && sum.BitLen() > 2048; i++ {
			input = header + "." + encodeBase64URL(fmt.Appendf(nil, "%d", i))
			sig = must(key.sign([]byte(input), new(jwsScratch)))
			sum.Add(new(big.Int).SetBytes(sig), modulus)
		}
		if _, err := jwsVerify(input+"."+encodeBase64URL(sig), jwsKeys(key), jwsAllow(alg)); err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string][]byte{
			"plus the modulus":   sum.Bytes(),
			"zero byte in front": slices.Concat([]byte{0}, sig),
			"zero byte behind":   slices.Concat(sig, []byte{0}),
			"last byte missing":  sig[:255],
			"first byte missing": sig[1:],
			"empty":              {},
			"zero":               make([]byte, 256),
			"one":                append(make([]byte, 255), 1),
			"the modulus":        modulus.Bytes(),
		} {
			v, err := jwsVerify(input+"."+encodeBase64URL(bad), jwsKeys(key), jwsAllow(alg))
			if v != nil || !errors.Is(err, ErrSignature) {
				t.Errorf("%s, %s: %v", alg, name, err)
			}
		}
	}
}

// EdDSA and Ed25519 are names of one algorithm (RFC 9864, Section 2.2): in headers, keys
// and lists either stands for both. Keycloak writes EdDSA.
func TestEdDSANames(t *testing.T) {
	key := jwsKey(EdDSA, "")
	x := encodeBase64URL(key.signer.Public().(ed25519.PublicKey))
	for _, r := range []struct {
		header, keyAlg, allowed Algorithm
		kind                    error
	}{
		{EdDSA, "", EdDSA, nil},
		{Ed25519, "", Ed25519, nil},
		{EdDSA, EdDSA, EdDSA, nil},
		{Ed25519, Ed25519, Ed25519, nil},
		{EdDSA, "", Ed25519, nil},
		{Ed25519, "", EdDSA, nil},
		{EdDSA, Ed25519, EdDSA, nil},
		{Ed25519, EdDSA, Ed25519, nil},
		{Ed25519, Ed25519, EdDSA, nil},
		{EdDSA, "", ES256, ErrAlgorithm},
		{Ed25519, "", ES256, ErrAlgorithm},
		{EdDSA, ES256, EdDSA, ErrKeyNotFound},
		{Ed25519, "RS256", EdDSA, ErrKeyNotFound},
	} {
		jwk := `{"kty":"OKP","crv":"Ed25519","x":"` + x + `"`
		if r.keyAlg != "" {
			jwk += `,"alg":"` + string(r.keyAlg) + `"`
		}
		keys := must(ParseKeySet([]byte(`{"keys":[` + jwk + `}]}`)))
		v, err := jwsVerify(jwsToken(key, `{"alg":"`+string(r.header)+`"}`, "{}"), keys, jwsAllow(r.allowed))
		if r.kind == nil && err != nil {
			t.Errorf("%+v: %v", r, err)
		} else if r.kind != nil {
			wantRefused(t, v, err, r.kind, "")
		}
	}
}

// What a Client signs has the name that the server knows: the registered one, or one of
// its list. Servers from before RFC 9864 list EdDSA alone.
func TestEdDSANameOfServer(t *testing.T) {
	header := func(token string) Algorithm {
		t.Helper()
		h, err := parseHeader(strings.Split(token, ".")[0])
		if err != nil {
			t.Fatal(err)
		}
		return h.alg
	}
	for _, tt := range []struct {
		key, registered Algorithm
		list            []Algorithm
		want            Algorithm
	}{
		{Ed25519, "", nil, Ed25519},
		{EdDSA, "", nil, EdDSA},
		{Ed25519, "", []Algorithm{ES256, EdDSA}, EdDSA},
		{EdDSA, "", []Algorithm{ES256, Ed25519}, Ed25519},
		{Ed25519, "", []Algorithm{EdDSA, Ed25519}, Ed25519},
		{EdDSA, "", []Algorithm{Ed25519, EdDSA}, EdDSA},
		{Ed25519, "", []Algorithm{ES256}, Ed25519},
		{ES256, "", []Algorithm{EdDSA, Ed25519}, ES256},
		{Ed25519, EdDSA, []Algorithm{Ed25519}, EdDSA},
		{EdDSA, Ed25519, nil, Ed25519},
		{EdDSA, "", []Algorithm{"ed25519"}, EdDSA}, // names in other letters are none
		{Ed25519, "", []Algorithm{"eddsa"}, Ed25519},
	} {
		key := must(GenerateSigningKey(tt.key))
		dpop := must(NewDPoP(key, Clock{}))
		s := newUnitServer()
		s.answer("/par", `{"request_uri":"urn:x","expires_in":60}`)
		s.answer("/ciba", `{"auth_req_id":"id","expires_in":60}`)
		c := s.client(t, func(c *Config) {
			withCIBA(c)
			c.Auth, c.RequestKey, c.DPoP = PrivateKeyJWT(key, nil), key, dpop
			c.Metadata.RequestObjectSigningAlg, c.Metadata.BackchannelRequestAlg = tt.registered, tt.want
			c.Server.TokenEndpointAuthSigningAlgValuesSupported = tt.list
			c.Server.RequestObjectSigningAlgValuesSupported, c.Server.DPoPSigningAlgValuesSupported = tt.list, tt.list
		})
		listed := tt.want
		if tt.registered != "" {
			listed = tt.key.nameAt("", tt.list) // of what is not registered
		}
		if _, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: true}); err != nil {
			t.Fatal(err)
		}
		pushed := s.requests("/par")[0]
		if got := header(pushed.form.Get("request")); got != tt.want {
			t.Errorf("%+v: request object %s", tt, got)
		}
		if _, claims := requestParts(t, pushed.form.Get("request")); claims["dpop_jkt"] != dpop.Thumbprint() {
			t.Errorf("%+v: dpop_jkt %v", tt, claims["dpop_jkt"])
		}
		if got := header(pushed.form.Get("client_assertion")); got != listed {
			t.Errorf("%+v: assertion %s", tt, got)
		}
		if got := header(pushed.header.Get("DPoP")); got != listed {
			t.Errorf("%+v: proof %s", tt, got)
		}
		if _, err := c.StartBackchannelAuthentication(context.Background(), &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "a"}); err != nil {
			t.Fatal(err)
		}
		if got := header(s.requests("/ciba")[0].form.Get("request")); got != tt.want {
			t.Errorf("%+v: CIBA request %s", tt, got)
		}
		// The nonces are those of the DPoP that the program made.
		dpop.remember(unitIssuer, http.Header{"Dpop-Nonce": {"n-1"}})
		if c.dpop.nonce(unitIssuer) != "n-1" {
			t.Errorf("%+v: the nonce is not shared", tt)
		}
		c.dpop.remember(unitIssuer, http.Header{"Dpop-Nonce": {"n-2"}})
		if dpop.nonce(unitIssuer) != "n-2" {
			t.Errorf("%+v: the nonce that the client gets is not shared", tt)
		}
	}
}

// RFC 8032, Section 5.1.7: S is below the order, else S plus the order would be
// a second signature for the same bytes.
func TestEd25519SignatureForms(t *testing.T) {
	key := jwsKey(EdDSA, "")
	input := encodeBase64URL([]byte(`{"alg":"EdDSA"}`)) + ".e30"
	sig := must(key.sign([]byte(input), new(jwsScratch)))
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(sig[32:])
	slices.Reverse(s) // it is little-endian
	plus := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(plus)
	for name, bad := range map[string][]byte{
		"S plus the order": slices.Concat(sig[:32], plus),
		"empty":            {},
		"R alone":          sig[:32],
		"one byte short":   sig[:63],
		"one byte more":    slices.Concat(sig, []byte{0}),
		"zero":             make([]byte, 64),
		"S zero":           slices.Concat(sig[:32], make([]byte, 32)),
		"swapped":          slices.Concat(sig[32:], sig[:32]),
	} {
		v, err := jwsVerify(input+"."+encodeBase64URL(bad), jwsKeys(key), jwsAllow(EdDSA))
		if v != nil || !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// verifySignature knows three types of keys and no other.
func TestVerifySignatureForeignKey(t *testing.T) {
	for _, key := range []crypto.PublicKey{nil, []byte("secret"), "secret", rsa.PublicKey{}, jwsSigners.ed()} {
		if signatureHolds(findAlgorithm(EdDSA), key, nil, make([]byte, 64)) {
			t.Errorf("a signature verifies with a %T", key)
		}
	}
}
