package oauth

// Tests of JWKs: which public keys are refused, how a set is read, which key of
// it a token gets, and private keys.

import (
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// modulus is an odd number of that many bits, which is all that is looked at.
func modulus(bits int) string {
	n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
	return encodeBase64URL(n.Bytes())
}

func rsaJWK(n, e string) string { return `{"kty":"RSA","n":"` + n + `","e":"` + e + `"}` }

func ecJWK(crv string, x, y []byte) string {
	return `{"kty":"EC","crv":"` + crv + `","x":"` + encodeBase64URL(x) + `","y":"` + encodeBase64URL(y) + `"}`
}

func okpJWK(crv string, x []byte) string {
	return `{"kty":"OKP","crv":"` + crv + `","x":"` + encodeBase64URL(x) + `"}`
}

// withMember adds a member to a JWK.
func withMember(jwk, member string) string { return jwk[:len(jwk)-1] + "," + member + "}" }

func parseJWK(text string) (*publicKey, error) {
	o, err := parseObject(text, documentForm, ErrParse)
	if err != nil {
		return nil, err
	}
	return parsePublicJWK(&o)
}

// testPoint is the point of the test's key on the curve.
func testPoint(alg Algorithm) (crv string, x, y []byte) {
	key := jwsKey(alg, "").signer.Public().(*ecdsa.PublicKey)
	point := must(key.Bytes())[1:]
	return key.Curve.Params().Name, point[:len(point)/2], point[len(point)/2:]
}

func TestPublicJWK(t *testing.T) {
	const aqab = "AQAB"
	good := modulus(2048)
	p256, x, y := testPoint(ES256)
	p384, x384, y384 := testPoint(ES384)
	p521, x521, y521 := testPoint(ES512)
	ed := jwsKey(EdDSA, "").signer.Public().(ed25519.PublicKey)
	zero := make([]byte, 32)
	prime := elliptic.P256().Params().P.Bytes()
	offCurve := slices.Clone(y)
	offCurve[31] ^= 1
	even := encodeBase64URL(new(big.Int).SetBit(new(big.Int), 2047, 1).Bytes())
	pad := func(b64 string) string {
		return encodeBase64URL(slices.Concat([]byte{0}, must(decodeBase64URL(nil, b64))))
	}

	for _, r := range []struct {
		name, jwk string
		kind      error // nil: can be used
		param     string
	}{
		// RSA: RFC 7518, Sections 3.3 and 6.3.1.
		{"RSA 2048", rsaJWK(good, aqab), nil, ""},
		{"RSA 3072", rsaJWK(modulus(3072), aqab), nil, ""},
		{"RSA 8192", rsaJWK(modulus(8192), aqab), nil, ""},
		{"RSA 8192, a zero octet in front", rsaJWK(pad(modulus(8192)), aqab), nil, ""},
		{"RSA, a zero octet in front of n", rsaJWK(pad(good), aqab), nil, ""},
		{"RSA, a zero octet in front of e", rsaJWK(good, "AAEAAQ"), nil, ""},
		{"RSA 1024", rsaJWK(modulus(1024), aqab), ErrParse, "n"},
		{"RSA 2047", rsaJWK(modulus(2047), aqab), ErrParse, "n"},
		{"RSA 8193", rsaJWK(modulus(8193), aqab), ErrParse, "n"},
		{"RSA 16384", rsaJWK(modulus(16384), aqab), ErrParse, "n"},
		{"RSA, n zero", rsaJWK("AA", aqab), ErrParse, "n"},
		{"RSA, n even", rsaJWK(even, aqab), ErrParse, "n"},
		{"RSA, no n", `{"kty":"RSA","e":"AQAB"}`, ErrParse, "n"},
		{"RSA, n empty", rsaJWK("", aqab), ErrParse, "n"},
		{"RSA, n a number", `{"kty":"RSA","n":3,"e":"AQAB"}`, ErrParse, "n"},
		{"RSA, n padded", rsaJWK(good+"==", aqab), ErrParse, "n"},
		{"RSA, n with a line break", rsaJWK(good+`\n`, aqab), ErrParse, "n"},
		{"RSA, no e", `{"kty":"RSA","n":"` + good + `"}`, ErrParse, "e"},
		{"RSA, e 0", rsaJWK(good, "AA"), ErrParse, "e"},
		{"RSA, e 1", rsaJWK(good, "AQ"), ErrParse, "e"},
		{"RSA, e 2", rsaJWK(good, "Ag"), ErrParse, "e"},
		{"RSA, e 65536", rsaJWK(good, "AQAA"), ErrParse, "e"},
		{"RSA, e 65538", rsaJWK(good, "AQAC"), ErrParse, "e"},
		{"RSA, e 2³¹−1", rsaJWK(good, "f____w"), nil, ""},
		{"RSA, e 2³¹+1", rsaJWK(good, "gAAAAQ"), ErrParse, "e"},
		{"RSA, e 2³²+1", rsaJWK(good, "AQAAAAE"), ErrParse, "e"},
		{"RSA, e 2⁶⁴+1", rsaJWK(good, "AQAAAAAAAAAB"), ErrParse, "e"},

		// EC: RFC 7518, Section 6.2.1.
		{"P-256", ecJWK(p256, x, y), nil, ""},
		{"P-384", ecJWK(p384, x384, y384), nil, ""},
		{"P-521", ecJWK(p521, x521, y521), nil, ""},
		{"off the curve", ecJWK(p256, x, offCurve), ErrParse, "x"},
		{"swapped", ecJWK(p256, y, x), ErrParse, "x"},
		{"the zero point", ecJWK(p256, zero, zero), ErrParse, "x"},
		{"x not below p", ecJWK(p256, prime, y), ErrParse, "x"},
		{"of another curve", ecJWK(p384, x, y), ErrParse, "x"},
		{"x short", ecJWK(p256, x[1:], y), ErrParse, "x"},
		{"y short", ecJWK(p256, x, y[:31]), ErrParse, "y"},
		{"x long by a zero octet", ecJWK(p256, slices.Concat([]byte{0}, x), y), ErrParse, "x"},
		{"y long by a zero octet", ecJWK(p256, x, slices.Concat([]byte{0}, y)), ErrParse, "y"},
		// The same octets in all, cut in the wrong place.
		{"x long and y short", ecJWK(p256, slices.Concat(x, y[:1]), y[1:]), ErrParse, "x"},
		{"x short and y long", ecJWK(p256, x[:31], slices.Concat(x[31:], y)), ErrParse, "x"},
		{"no x", `{"kty":"EC","crv":"P-256","y":"AA"}`, ErrParse, "x"},
		{"no y", `{"kty":"EC","crv":"P-256","x":"` + encodeBase64URL(x) + `"}`, ErrParse, "y"},
		{"no crv", `{"kty":"EC","x":"AA","y":"AA"}`, ErrParse, "crv"},
		{"P-224", ecJWK("P-224", x[:28], y[:28]), ErrUnsupported, "crv"},
		{"secp256k1", ecJWK("secp256k1", x, y), ErrUnsupported, "crv"},
		{"curve in other case", ecJWK("p-256", x, y), ErrUnsupported, "crv"},
		{"EC with an OKP curve", ecJWK("Ed25519", x, y), ErrUnsupported, "crv"},

		// OKP: RFC 8037, Section 2.
		{"Ed25519", okpJWK("Ed25519", ed), nil, ""},
		{"Ed25519, short", okpJWK("Ed25519", ed[1:]), ErrParse, "x"},
		{"Ed25519, long", okpJWK("Ed25519", slices.Concat(ed, []byte{0})), ErrParse, "x"},
		{"Ed25519, empty", okpJWK("Ed25519", nil), ErrParse, "x"},
		{"Ed448", okpJWK("Ed448", make([]byte, 57)), ErrUnsupported, "crv"},
		{"X25519", okpJWK("X25519", ed), ErrUnsupported, "crv"},
		{"Ed25519 in other case", okpJWK("ed25519", ed), ErrUnsupported, "crv"},
		{"OKP with an EC curve", okpJWK("P-256", ed), ErrUnsupported, "crv"},
		{"OKP, no crv", `{"kty":"OKP","x":"AA"}`, ErrParse, "crv"},

		// Who publishes these has published the private key.
		{"RSA with d", withMember(rsaJWK(good, aqab), `"d":"AQ"`), ErrParse, "d"},
		{"EC with d", withMember(ecJWK(p256, x, y), `"d":"AQ"`), ErrParse, "d"},
		{"OKP with d", withMember(okpJWK("Ed25519", ed), `"d":"AQ"`), ErrParse, "d"},
		{"d empty", withMember(okpJWK("Ed25519", ed), `"d":""`), ErrParse, "d"},
		{"d null", withMember(okpJWK("Ed25519", ed), `"d":null`), ErrParse, "d"},
		{"k", withMember(ecJWK(p256, x, y), `"k":"AQ"`), ErrParse, "k"},
		{"priv", withMember(ecJWK(p256, x, y), `"priv":"AQ"`), ErrParse, "priv"},
		{"dp", withMember(ecJWK(p256, x, y), `"dp":"AQ"`), ErrParse, "dp"},
		{"dq", withMember(ecJWK(p256, x, y), `"dq":"AQ"`), ErrParse, "dq"},
		{"qi", withMember(ecJWK(p256, x, y), `"qi":"AQ"`), ErrParse, "qi"},
		{"oth", withMember(ecJWK(p256, x, y), `"oth":[]`), ErrParse, "oth"},
		{"RSA with p", withMember(rsaJWK(good, aqab), `"p":"AQ"`), ErrParse, "p"},
		{"RSA with q", withMember(rsaJWK(good, aqab), `"q":"AQ"`), ErrParse, "q"},
		{"oct", `{"kty":"oct","k":"AQ"}`, ErrParse, "k"},

		// AKP: RFC 9964, and the sizes of FIPS 204, Table 2. Where the form is right, it
		// depends on the program whether the key can be used.
		{"ML-DSA-44, short", akpJWK("ML-DSA-44", 1311), ErrParse, "pub"},
		{"ML-DSA-44, long", akpJWK("ML-DSA-44", 1313), ErrParse, "pub"},
		{"ML-DSA-44, as long as ML-DSA-65", akpJWK("ML-DSA-44", 1952), ErrParse, "pub"},
		{"ML-DSA-65, short", akpJWK("ML-DSA-65", 1951), ErrParse, "pub"},
		{"ML-DSA-65, long", akpJWK("ML-DSA-65", 1953), ErrParse, "pub"},
		{"ML-DSA-65, as long as ML-DSA-44", akpJWK("ML-DSA-65", 1312), ErrParse, "pub"},
		{"ML-DSA-87, short", akpJWK("ML-DSA-87", 2591), ErrParse, "pub"},
		{"ML-DSA-87, long", akpJWK("ML-DSA-87", 2593), ErrParse, "pub"},
		{"AKP, pub empty", akpJWK("ML-DSA-44", 0), ErrParse, "pub"},
		{"AKP, no pub", `{"kty":"AKP","alg":"ML-DSA-44"}`, ErrParse, "pub"},
		{"AKP, pub padded", `{"kty":"AKP","alg":"ML-DSA-44","pub":"` + strings.Repeat("A", 1750) + `=="}`, ErrParse, "pub"},
		{"AKP, no alg", strings.Replace(akpJWK("ML-DSA-44", 1312), `"alg":"ML-DSA-44",`, "", 1), ErrParse, "alg"},
		{"AKP, alg of another type", akpJWK("ES256", 1312), ErrUnsupported, "alg"},
		{"AKP, alg of tomorrow", akpJWK("SLH-DSA-SHA2-128s", 32), ErrUnsupported, "alg"},
		{"AKP, alg in other case", akpJWK("ml-dsa-44", 1312), ErrUnsupported, "alg"},
		{"AKP with priv", withMember(akpJWK("ML-DSA-44", 1312), `"priv":"AQ"`), ErrParse, "priv"},

		{"oct without k", `{"kty":"oct"}`, ErrUnsupported, "kty"},
		{"no kty", `{"crv":"P-256"}`, ErrUnsupported, "kty"},
		{"kty in other case", `{"kty":"ec","crv":"P-256","x":"AA","y":"AA"}`, ErrUnsupported, "kty"},
		{"kty in other case", `{"kty":"rsa","n":"` + good + `","e":"AQAB"}`, ErrUnsupported, "kty"},
		{"kty a number", `{"kty":1}`, ErrParse, "kty"},
		{"kid a number", withMember(ecJWK(p256, x, y), `"kid":1`), ErrParse, "kid"},
		{"use an array", withMember(ecJWK(p256, x, y), `"use":["sig"]`), ErrParse, "use"},
		{"alg an array", withMember(ecJWK(p256, x, y), `"alg":["ES256"]`), ErrParse, "alg"},
		{"key_ops a string", withMember(ecJWK(p256, x, y), `"key_ops":"verify"`), ErrParse, "key_ops"},
		{"key_ops of numbers", withMember(ecJWK(p256, x, y), `"key_ops":[1]`), ErrParse, "key_ops"},
		{"a member twice", withMember(ecJWK(p256, x, y), `"kty":"EC"`), ErrParse, ""},
	} {
		t.Run(r.name, func(t *testing.T) {
			key, err := parseJWK(r.jwk)
			if r.kind != nil {
				wantError(t, err, r.kind, r.param)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := parseJWK(string(minimalJWK(key.key)))
			if err != nil || thumbprint(again.key) != thumbprint(key.key) {
				t.Errorf("the key does not survive encoding: %v", err)
			}
		})
	}
	if !fips140.Enabled() {
		if _, err := parseJWK(rsaJWK(good, "Aw")); err != nil {
			t.Errorf("exponent 3: %v", err)
		}
	}
}

// A key that is the identity or of order 2, 4 or 8 verifies "signatures" that
// nobody made: with S = 0 and R the identity, [S]B = R + [k]A holds whenever
// the hash k of the message is a multiple of A's order. The test finds such a
// message for each encoding, which proves its order, and wants each refused.
func TestEd25519SmallOrder(t *testing.T) {
	if len(smallOrderY) != 7 {
		t.Errorf("%d encodings, want 7: 0, 1, −1 and ±y of order 8, and the two that are not reduced", len(smallOrderY))
	}
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1 // R is the identity (x = 0, y = 1), S is zero
	for i, y := range smallOrderY {
		if slices.Index(smallOrderY[:], y) != i {
			t.Errorf("encoding %x is listed twice", y)
		}
		for _, sign := range []byte{0, 0x80} { // both values of x
			point := slices.Clone(y[:])
			point[31] |= sign
			proved := false
			for n := 0; n < 500 && !proved; n++ {
				proved = ed25519.Verify(point, fmt.Appendf(nil, "message %d", n), forged)
			}
			if !proved {
				t.Errorf("no forgery found for %x: it is not of small order", point)
			}
			_, err := parseJWK(okpJWK("Ed25519", point))
			wantError(t, err, ErrParse, "x")
		}
	}
	// And for a real key there is none.
	public := jwsKey(EdDSA, "").signer.Public().(ed25519.PublicKey)
	for n := range 500 {
		if ed25519.Verify(public, fmt.Appendf(nil, "message %d", n), forged) {
			t.Fatal("a forgery for a real key")
		}
	}
}

// ---- sets

func TestKeySetSkips(t *testing.T) {
	p256, x, y := testPoint(ES256)
	good := withMember(ecJWK(p256, x, y), `"kid":"good"`)
	keys, err := ParseKeySet([]byte(`{"keys":[
		{"kty":"oct","kid":"secret","k":"AAAA"},
		{"kty":"RSA","kid":"short","n":"` + modulus(1024) + `","e":"AQAB"},
		{"kty":"OKP","crv":"X25519","kid":"exchange","x":"AAAA"},
		null, 1, "key", [],
		` + good + `,
		{"kty":"new","kid":"unknown"}
	], "more": {"x": 1}}`))
	if err != nil {
		t.Fatal(err)
	}
	snap := keys.current.Load()
	if len(snap.keys) != 1 || snap.keys[0].kid != "good" {
		t.Errorf("%d keys", len(snap.keys))
	}
	var skipped []string
	for _, k := range snap.skipped {
		if k.reason == nil {
			t.Errorf("%q is skipped without a reason", k.kid)
		}
		if strings.Contains(k.reason.Error(), "AAAA") {
			t.Errorf("the reason quotes the key: %v", k.reason)
		}
		skipped = append(skipped, k.kid)
	}
	if got, want := strings.Join(skipped, " "), "secret short exchange     unknown"; got != want {
		t.Errorf("skipped %q, want %q", got, want)
	}
	// Who looks for one of them learns why it is not there.
	_, err = keys.find(context.Background(), findAlgorithm(RS256), &joseHeader{alg: RS256, kid: "short", hasKid: true}, fromAnybody)
	wantError(t, err, ErrKeyNotFound, "kid")
	if !strings.Contains(err.Error(), "1024 bits") {
		t.Errorf("the reason is missing: %v", err)
	}
}

func TestKeySetErrors(t *testing.T) {
	p256, x, y := testPoint(ES256)
	good := ecJWK(p256, x, y)
	list := func(n int) string { return `{"keys":[` + strings.Repeat(good+",", n-1) + good + `]}` }
	for _, r := range []struct {
		name, document string
		param          string
		ok             bool
	}{
		{"one key", list(1), "", true},
		{"500 keys", list(500), "", true},
		{"501 keys", list(501), "keys", false},
		{"501 keys that cannot be used", `{"keys":[` + strings.Repeat("1,", 500) + good + `]}`, "keys", false},
		{"no keys", `{"keys":[]}`, "keys", false},
		{"no key that can be used", `{"keys":[{"kty":"oct","k":"AA"}]}`, "keys", false},
		{"keys for encryption alone", `{"keys":[` + withMember(good, `"use":"enc"`) + `]}`, "keys", false},
		{"keys is missing", `{}`, "keys", false},
		{"keys in other case", `{"Keys":[` + good + `]}`, "keys", false},
		{"keys is null", `{"keys":null}`, "keys", false},
		{"keys is an object", `{"keys":{"a":` + good + `}}`, "keys", false},
		{"keys twice", `{"keys":[` + good + `],"keys":[]}`, "", false},
		{"a JWK", good, "keys", false},
		{"an array", `[` + good + `]`, "", false},
		{"data after it", list(1) + "{}", "", false},
		{"cut off", list(1)[:60], "", false},
		{"empty", "", "", false},
		{"too long", list(1) + strings.Repeat(" ", maxBody), "", false},
	} {
		t.Run(r.name, func(t *testing.T) {
			keys, err := ParseKeySet([]byte(r.document))
			if r.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if keys != nil {
				t.Error("a set came with the error")
			}
			wantError(t, err, ErrParse, r.param)
		})
	}
}

// RFC 7517, Sections 4.1 to 4.5. One key or none: never one after another.
func TestKeySelection(t *testing.T) {
	p256, x, y := testPoint(ES256)
	p384, x384, y384 := testPoint(ES384)
	ec, ec384 := ecJWK(p256, x, y), ecJWK(p384, x384, y384)
	rsaKey := rsaJWK(modulus(2048), "AQAB")
	ed := okpJWK("Ed25519", jwsKey(EdDSA, "").signer.Public().(ed25519.PublicKey))
	kid := func(jwk, id string) string { return withMember(jwk, `"kid":"`+id+`"`) }
	spare := ecJWK(testPoint(ES512))
	const none = "\x00" // the header has no kid

	for _, r := range []struct {
		name  string
		keys  []string
		alg   Algorithm
		kid   string
		found int    // index of the key; −1: none
		says  string // the error
	}{
		{"the only key, no kids", []string{ec}, ES256, none, 0, ""},
		{"by kid", []string{kid(ec, "a"), kid(ec, "b")}, ES256, "b", 1, ""},
		{"unknown kid", []string{kid(ec, "a")}, ES256, "b", -1, "no key of the set has the key id"},
		{"kid in other case", []string{kid(ec, "a")}, ES256, "A", -1, "no key of the set has the key id"},
		{"kid, but the key has none", []string{ec}, ES256, "a", -1, "no key of the set has the key id"},
		{"empty kid is a kid", []string{kid(ec, "a"), kid(ec, "b")}, ES256, "", -1, "no key of the set has the key id"},
		{"no kid, one key fits", []string{kid(rsaKey, "a"), kid(ec, "b"), kid(ed, "c")}, ES256, none, 1, ""},
		{"no kid, two keys fit", []string{kid(ec, "a"), kid(ec, "b")}, ES256, none, -1, "a kid is needed"},
		{"no kid, the same key twice", []string{ec, ec}, ES256, none, 0, ""},
		{"no kid, no key fits", []string{kid(rsaKey, "a")}, ES256, none, -1, "no key of the set fits"},
		{"the same key twice", []string{kid(ec, "a"), kid(ec, "a")}, ES256, "a", 0, ""},
		{
			"the same key under both names of its algorithm",
			[]string{kid(withMember(ed, `"alg":"EdDSA"`), "a"), kid(withMember(ed, `"alg":"Ed25519"`), "a")}, EdDSA, "a", 0, "",
		},
		{"the same key twice, of two issuers", []string{withMember(kid(ec, "a"), `"issuer":"i"`), withMember(kid(ec, "a"), `"issuer":"j"`)}, ES256, "a", 0, ""},
		{"the same key twice, with and without key_ops", []string{kid(ec, "a"), withMember(kid(ec, "a"), `"key_ops":["verify"]`)}, ES256, "a", 0, ""},
		{"the same key twice, once not to verify", []string{withMember(kid(ec, "a"), `"key_ops":["sign"]`), kid(ec, "a")}, ES256, "a", 1, ""},
		{"the same key with a kid in other case", []string{kid(ec, "A"), kid(ec, "a")}, ES256, "a", 1, ""},
		{"the same key with a use in other case", []string{withMember(ec, `"use":"SIG"`), withMember(ec, `"use":"sig"`)}, ES256, none, 1, ""},
		{"two keys of one kid", []string{kid(ec, "a"), withMember(kid(ec, "a"), `"use":"sig"`)}, ES256, "a", -1, "several keys"},
		{"null members", []string{withMember(kid(ec, "a"), `"d":null,"k":null,"use":null,"alg":null,"key_ops":null`)}, ES256, "a", 0, ""},
		{"two keys of one kid, one fits", []string{kid(rsaKey, "a"), kid(ec, "a")}, ES256, "a", 1, ""},

		{"kty", []string{kid(rsaKey, "a")}, ES256, "a", -1, "is not for ES256"},
		{"kty, the other way", []string{kid(ec, "a")}, RS256, "a", -1, "is not for RS256"},
		{"crv", []string{kid(ec, "a")}, ES384, "a", -1, "is not for ES384"},
		{"crv, the other way", []string{kid(ec384, "a")}, ES256, "a", -1, "is not for ES256"},
		{"crv fits", []string{kid(ec, "a"), kid(ec384, "a")}, ES384, "a", 1, ""},
		{"OKP for EC", []string{kid(ed, "a")}, ES256, "a", -1, "is not for ES256"},
		{"EC for OKP", []string{kid(ec, "a")}, EdDSA, "a", -1, "is not for EdDSA"},

		{"use sig", []string{withMember(ec, `"use":"sig"`)}, ES256, none, 0, ""},
		{"use enc", []string{withMember(ec, `"use":"enc"`)}, ES256, none, -1, "fits"},
		{"use of another kind", []string{withMember(ec, `"use":"Sig"`)}, ES256, none, -1, "fits"},
		{"use decides", []string{withMember(ec, `"use":"enc"`), withMember(ec, `"use":"sig"`)}, ES256, none, 1, ""},
		{"key_ops with verify", []string{withMember(ec, `"key_ops":["sign","verify"]`)}, ES256, none, 0, ""},
		{"key_ops without", []string{withMember(ec, `"key_ops":["sign"]`)}, ES256, none, -1, "fits"},
		{"key_ops in other case", []string{withMember(ec, `"key_ops":["Verify"]`)}, ES256, none, -1, "fits"},
		{"key_ops empty", []string{withMember(ec, `"key_ops":[]`)}, ES256, none, 0, ""},
		{"alg equal", []string{withMember(ec, `"alg":"ES256"`)}, ES256, none, 0, ""},
		{"alg other", []string{withMember(rsaKey, `"alg":"RS256"`)}, PS256, none, -1, "fits"},
		{"alg of encryption", []string{withMember(rsaKey, `"alg":"RSA-OAEP"`)}, RS256, none, -1, "fits"},
		{"alg in other case", []string{withMember(ec, `"alg":"es256"`)}, ES256, none, -1, "fits"},
		{"alg under its other name", []string{withMember(ed, `"alg":"Ed25519"`)}, EdDSA, none, 0, ""},
		{"alg in other case, under its other name", []string{withMember(ed, `"alg":"eddsa"`)}, Ed25519, none, -1, "fits"},
		{"alg under its other name in other case", []string{withMember(ed, `"alg":"ed25519"`)}, EdDSA, none, -1, "fits"},
		{"alg decides", []string{withMember(rsaKey, `"alg":"PS256"`), withMember(rsaKey, `"alg":"RS256"`)}, RS256, none, 1, ""},
		{"without alg for any", []string{rsaKey}, PS512, none, 0, ""},
	} {
		t.Run(r.name, func(t *testing.T) {
			// One more key, of an algorithm that no row asks for: a set has to have one to verify with.
			keys, err := ParseKeySet([]byte(`{"keys":[` + strings.Join(append(r.keys, kid(spare, "spare")), ",") + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			h := &joseHeader{alg: r.alg, kid: r.kid, hasKid: r.kid != none}
			key, err := keys.find(context.Background(), findAlgorithm(r.alg), h, fromAnybody)
			if r.found >= 0 {
				if err != nil || key != keys.current.Load().keys[r.found] {
					t.Errorf("key %v, error %v, want that with index %d", key, err, r.found)
				}
				return
			}
			if key != nil {
				t.Error("a key came with the error")
			}
			wantError(t, err, ErrKeyNotFound, "kid")
			if !strings.Contains(err.Error(), r.says) {
				t.Errorf("error %v does not say %q", err, r.says)
			}
		})
	}
}

// akpJWK is a key of type AKP with a pub of so many octets.
func akpJWK(alg string, size int) string {
	return `{"kty":"AKP","alg":"` + alg + `","pub":"` + encodeBase64URL(make([]byte, size)) + `"}`
}

// RFC 9964: alg, kty and pub are what is hashed, in this order, and nothing is
// computed with the key. The thumbprint is of
//
//	printf %s '{"alg":"ML-DSA-44","kty":"AKP","pub":"AQ"}' | openssl dgst -sha256 -binary | basenc --base64url
func TestJWKThumbprintAKP(t *testing.T) {
	const want = "wVgqZbWxikcGgDceVMV9w39RgpJhptIH3AkAaUdYz3I"
	for _, jwk := range []string{
		`{"alg":"ML-DSA-44","kty":"AKP","pub":"AQ"}`,
		`{"use":"sig","pub":"AQ","kty":"AKP","kid":"1","alg":"ML-DSA-44"}`,
	} {
		o := must(parseObject(jwk, headerForm, ErrParse))
		if got, err := jwkThumbprint(&o); got != want || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	}
	for _, x := range []struct{ jwk, param string }{
		{`{"kty":"AKP","pub":"AQ"}`, "alg"},
		{`{"kty":"AKP","alg":"ML-DSA-44"}`, "pub"},
	} {
		o := must(parseObject(x.jwk, headerForm, ErrParse))
		_, err := jwkThumbprint(&o)
		wantError(t, err, ErrParse, x.param)
	}
}

// ---- private keys

func pemBlock(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// privateJWK is the test's key as a JWK.
func privateJWK(alg Algorithm) string {
	key := jwsKey(alg, "")
	public := string(minimalJWK(key.signer.Public()))
	switch private := (*key.signer.signer).(type) {
	case *rsa.PrivateKey:
		return withMember(public, fmt.Sprintf(`"d":%q,"p":%q,"q":%q`,
			encodeBase64URL(private.D.Bytes()), encodeBase64URL(private.Primes[0].Bytes()), encodeBase64URL(private.Primes[1].Bytes())))
	case *ecdsa.PrivateKey:
		return withMember(public, `"d":"`+encodeBase64URL(must(private.Bytes()))+`"`)
	case ed25519.PrivateKey:
		return withMember(public, `"d":"`+encodeBase64URL(private.Seed())+`"`)
	case interface{ Bytes() []byte }: // ML-DSA
		return withMember(public, `"priv":"`+encodeBase64URL(private.Bytes())+`"`)
	}
	panic(alg)
}

func TestParseSigningKeyForms(t *testing.T) {
	rsaKey, ecKey, edKey := (*jwsKey(RS256, "").signer.signer).(*rsa.PrivateKey), (*jwsKey(ES256, "").signer.signer).(*ecdsa.PrivateKey), *jwsKey(EdDSA, "").signer.signer
	ecPEM := pemBlock("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey)))
	for _, r := range []struct {
		name, text string
		alg        Algorithm
		kid        string
		wantAlg    Algorithm
		wantKid    string
	}{
		{"PKCS #8, RSA", pemBlock("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(rsaKey))), PS256, "a", PS256, "a"},
		{"PKCS #8, EC", pemBlock("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(ecKey))), ES256, "", ES256, ""},
		{"PKCS #8, Ed25519", pemBlock("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(edKey))), Ed25519, "", Ed25519, ""},
		{"PKCS #1", pemBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), RS512, "", RS512, ""},
		{"SEC 1", ecPEM, ES256, "", ES256, ""},
		{"SEC 1 after EC PARAMETERS and text", "# a key\n" + pemBlock("EC PARAMETERS", []byte{6, 0}) + ecPEM, ES256, "", ES256, ""},
		{"after a certificate", pemBlock("CERTIFICATE", []byte{0x30}) + ecPEM, ES256, "", ES256, ""},
		{"JWK, RSA", privateJWK(RS256), RS256, "", RS256, ""},
		{"JWK, EC", privateJWK(ES384), ES384, "", ES384, ""},
		{"JWK, OKP", "\n " + privateJWK(EdDSA) + "\n", EdDSA, "", EdDSA, ""},
		{"JWK with alg and kid", withMember(privateJWK(ES512), `"alg":"ES512","kid":"k"`), "", "", ES512, "k"},
		{"arguments before members", withMember(privateJWK(RS256), `"alg":"RS256","kid":"k"`), PS384, "l", PS384, "l"},
	} {
		t.Run(r.name, func(t *testing.T) {
			key, err := ParseSigningKey([]byte(r.text), r.alg, r.kid)
			if err != nil {
				t.Fatal(err)
			}
			if key.Algorithm() != r.wantAlg || key.KeyID() != r.wantKid {
				t.Errorf("algorithm %s, key id %q", key.Algorithm(), key.KeyID())
			}
			if key.Thumbprint() != jwsKey(r.wantAlg, "").Thumbprint() {
				t.Error("it is another key")
			}
			checkSignature(t, findAlgorithm(r.wantAlg), jwsKey(r.wantAlg, "").signer.Public(), must(key.SignJWT("", struct{}{})))
		})
	}
}

func TestParseSigningKeyErrors(t *testing.T) {
	rsaKey, ecKey := (*jwsKey(RS256, "").signer.signer).(*rsa.PrivateKey), (*jwsKey(ES256, "").signer.signer).(*ecdsa.PrivateKey)
	sec1 := must(x509.MarshalECPrivateKey(ecKey))
	rsaJWK, ecJWK, okpJWK := privateJWK(RS256), privateJWK(ES256), privateJWK(EdDSA)
	// change replaces the value of a member.
	change := func(jwk, name, value string) string {
		var m map[string]json.RawMessage
		if err := json.Unmarshal([]byte(jwk), &m); err != nil {
			t.Fatal(err)
		}
		delete(m, name)
		if value != "" {
			m[name] = json.RawMessage(value)
		}
		return string(must(json.Marshal(m)))
	}
	b64 := func(n *big.Int) string { return `"` + encodeBase64URL(n.Bytes()) + `"` }
	other := must(rsa.GenerateKey(rand.Reader, 2048))
	otherEC, d := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), must(ecKey.Bytes())
	// RFC 8410, Section 7, by hand: in FIPS 140-3 mode there is no X25519.
	exchange := slices.Concat([]byte("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20"), make([]byte, 32))

	for _, r := range []struct {
		name, text string
		alg        Algorithm
		kind       error
		param      string
	}{
		{"empty", "", ES256, ErrParse, ""},
		{"white space", " \n", ES256, ErrParse, ""},
		{"no PEM", encodeBase64URL(sec1), ES256, ErrParse, ""},
		{"DER", string(sec1), ES256, ErrParse, ""},
		{"certificate alone", pemBlock("CERTIFICATE", sec1), ES256, ErrParse, ""},
		{"public key", pemBlock("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(ecKey.Public()))), ES256, ErrParse, ""},
		{"PEM cut off", pemBlock("EC PRIVATE KEY", sec1)[:80], ES256, ErrParse, ""},
		{"garbage in PEM", pemBlock("PRIVATE KEY", sec1[:20]), ES256, ErrParse, ""},
		{"SEC 1 as PKCS #8", pemBlock("PRIVATE KEY", sec1), ES256, ErrParse, ""},
		{"PKCS #1 as SEC 1", pemBlock("EC PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), RS256, ErrParse, ""},
		{"X25519", pemBlock("PRIVATE KEY", exchange), EdDSA, ErrParse, ""},
		{"encrypted PKCS #8", pemBlock("ENCRYPTED PRIVATE KEY", sec1), ES256, ErrUnsupported, ""},
		{"encrypted as RFC 1421", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1,
			Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}})), ES256, ErrUnsupported, ""},
		{"no algorithm", pemBlock("EC PRIVATE KEY", sec1), "", ErrAlgorithm, "alg"},
		{"HMAC", pemBlock("EC PRIVATE KEY", sec1), HS256, ErrAlgorithm, "alg"},
		{"algorithm of another type", pemBlock("EC PRIVATE KEY", sec1), RS256, ErrConfig, "alg"},
		{"algorithm of another curve", pemBlock("EC PRIVATE KEY", sec1), ES384, ErrConfig, "alg"},

		{"JWK, no kty", change(ecJWK, "kty", ""), ES256, ErrParse, "kty"},
		{"JWK, oct", `{"kty":"oct","k":"AAAA"}`, HS256, ErrUnsupported, "kty"},
		{"JWK, a member twice", withMember(ecJWK, `"d":"AA"`), ES256, ErrParse, ""},
		{"JWK, data after it", ecJWK + "x", ES256, ErrParse, ""},
		{"JWK, kid a number", withMember(ecJWK, `"kid":1`), ES256, ErrParse, "kid"},
		{"JWK, alg a number", withMember(ecJWK, `"alg":1`), "", ErrParse, "alg"},
		{"JWK, alg not known", withMember(ecJWK, `"alg":"ES256K"`), "", ErrAlgorithm, "alg"},
		{"JWK Set", `{"keys":[` + ecJWK + `]}`, ES256, ErrParse, "kty"},
		{"EC, no d", change(ecJWK, "d", ""), ES256, ErrParse, "d"},
		{"EC, d of another key", change(ecJWK, "d", `"`+encodeBase64URL(must(otherEC.Bytes()))+`"`), ES256, ErrParse, "d"},
		{"EC, d short", change(ecJWK, "d", `"`+encodeBase64URL(d[1:])+`"`), ES256, ErrParse, "d"},
		{"EC, d zero", change(ecJWK, "d", `"`+encodeBase64URL(make([]byte, 32))+`"`), ES256, ErrParse, "d"},
		{"EC, d the order", change(ecJWK, "d", b64(elliptic.P256().Params().N)), ES256, ErrParse, "d"},
		{"EC, no y", change(ecJWK, "y", ""), ES256, ErrParse, "y"},
		{"EC, crv not known", change(ecJWK, "crv", `"P-224"`), ES256, ErrUnsupported, "crv"},
		{"OKP, no d", change(okpJWK, "d", ""), EdDSA, ErrParse, "d"},
		{"OKP, d of another key", change(okpJWK, "d", `"`+encodeBase64URL(make([]byte, 32))+`"`), EdDSA, ErrParse, "d"},
		{"OKP, d short", change(okpJWK, "d", `"AAAA"`), EdDSA, ErrParse, "d"},
		{"OKP, no x", change(okpJWK, "x", ""), EdDSA, ErrParse, "x"},
		{"RSA, no d", change(rsaJWK, "d", ""), RS256, ErrParse, "d"},
		{"RSA, no p", change(rsaJWK, "p", ""), RS256, ErrParse, "p"},
		{"RSA, no q", change(rsaJWK, "q", ""), RS256, ErrParse, "q"},
		{"RSA, d of another key", change(rsaJWK, "d", b64(other.D)), RS256, ErrParse, "d"},
		{"RSA, p of another key", change(rsaJWK, "p", b64(other.Primes[0])), RS256, ErrParse, "d"},
		{"RSA, p zero", change(rsaJWK, "p", `"AA"`), RS256, ErrParse, "d"},
		{"RSA, p one and q the modulus", change(change(rsaJWK, "p", `"AQ"`), "q", b64(rsaKey.N)), RS256, ErrParse, "d"},
		{"RSA, d zero", change(rsaJWK, "d", `"AA"`), RS256, ErrParse, "d"},
		{"RSA, n even", change(rsaJWK, "n", b64(new(big.Int).Add(rsaKey.N, big.NewInt(1)))), RS256, ErrParse, "n"},
		{"RSA, n small", change(rsaJWK, "n", `"`+modulus(1024)+`"`), RS256, ErrParse, "n"},
		{"RSA, e one", change(rsaJWK, "e", `"AQ"`), RS256, ErrParse, "e"},
		{"RSA, three primes", withMember(rsaJWK, `"oth":[]`), RS256, ErrUnsupported, "oth"},
	} {
		t.Run(r.name, func(t *testing.T) {
			key, err := ParseSigningKey([]byte(r.text), r.alg, "")
			if key != nil {
				t.Fatal("a key came with the error")
			}
			wantError(t, err, r.kind, r.param)
			noKeyMaterial(t, err, r.text)
		})
	}
}

// noKeyMaterial wants no ten characters of the input in the error, nor of the
// bytes that it encodes, but for the words of PEM that say what it is.
func noKeyMaterial(t *testing.T, err error, input string) {
	t.Helper()
	text := err.Error()
	if block, _ := pem.Decode([]byte(input)); block != nil {
		input += string(block.Bytes) + fmt.Sprintf("%x%v", block.Bytes, block.Bytes)
	}
	for _, known := range []string{"ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"} {
		input = strings.ReplaceAll(input, known, "")
	}
	for i := 0; i+10 <= len(input); i++ {
		if strings.Contains(text, input[i:i+10]) {
			t.Errorf("the error quotes %q: %s", input[i:i+10], text)
			return
		}
	}
}

// publicSigner has any public key.
type publicSigner struct {
	crypto.Signer
	public crypto.PublicKey
}

func (s publicSigner) Public() crypto.PublicKey { return s.public }

func TestNewSigningKeyErrors(t *testing.T) {
	rsaPublic := func(bits, e int) crypto.Signer {
		n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
		return publicSigner{nil, &rsa.PublicKey{N: n, E: e}}
	}
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	for _, r := range []struct {
		name   string
		signer crypto.Signer
		alg    Algorithm
		kind   error
		param  string
	}{
		{"nil", nil, ES256, ErrConfig, ""},
		{"no algorithm", jwsSigners.ed(), "", ErrAlgorithm, "alg"},
		{"none", jwsSigners.ed(), "none", ErrAlgorithm, "alg"},
		{"HMAC", jwsSigners.ed(), HS256, ErrAlgorithm, "alg"},
		{"algorithm not known", jwsSigners.ed(), "Ed448", ErrAlgorithm, "alg"},
		{"RSA with ES256", jwsSigners.rsa(), ES256, ErrConfig, "alg"},
		{"P-256 with RS256", jwsSigners.ec["P-256"](), RS256, ErrConfig, "alg"},
		{"P-256 with ES384", jwsSigners.ec["P-256"](), ES384, ErrConfig, "alg"},
		{"P-521 with EdDSA", jwsSigners.ec["P-521"](), EdDSA, ErrConfig, "alg"},
		{"Ed25519 with ES256", jwsSigners.ed(), ES256, ErrConfig, "alg"},
		{"P-224", p224, ES256, ErrConfig, "alg"},
		{"no public key", publicSigner{nil, nil}, ES256, ErrConfig, "alg"},
		{"key of another package", publicSigner{nil, must(ecdh.P256().GenerateKey(rand.Reader)).Public()}, EdDSA, ErrConfig, "alg"},
		{"RSA 1024", rsaPublic(1024, 65537), RS256, ErrConfig, "n"},
		{"RSA 2047", rsaPublic(2047, 65537), RS256, ErrConfig, "n"},
		{"RSA 8193", rsaPublic(8193, 65537), RS256, ErrConfig, "n"},
		{"RSA, exponent one", rsaPublic(2048, 1), RS256, ErrConfig, "e"},
	} {
		t.Run(r.name, func(t *testing.T) {
			key, err := NewSigningKey(r.signer, r.alg, "")
			if key != nil {
				t.Error("a key came with the error")
			}
			wantError(t, err, r.kind, r.param)
		})
	}
	for _, alg := range []Algorithm{"", "none", HS256, "ES256K"} {
		key, err := GenerateSigningKey(alg)
		if key != nil {
			t.Error("a key came with the error")
		}
		wantError(t, err, ErrAlgorithm, "alg")
	}
}

// The key id of a generated key is its thumbprint, and PublicJWK has what a
// server needs and nothing of the private key.
func TestSigningKeyPublicJWK(t *testing.T) {
	for _, a := range usableAlgorithms() {
		key := jwsKey(a.name, `k"1`)
		if a.kty != "RSA" { // slow to make, and the same code
			key = must(GenerateSigningKey(a.name))
			if key.KeyID() != key.Thumbprint() {
				t.Errorf("%s: key id %s, thumbprint %s", a.name, key.KeyID(), key.Thumbprint())
			}
		}
		var m map[string]string
		if err := json.Unmarshal(key.PublicJWK(), &m); err != nil {
			t.Fatal(err)
		}
		if m["alg"] != string(a.name) || m["use"] != "sig" || m["kid"] != key.KeyID() {
			t.Errorf("%s: %v", a.name, m)
		}
		for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "priv"} {
			if _, ok := m[name]; ok {
				t.Errorf("%s: %s is in the public key", a.name, name)
			}
		}
		public, err := parseJWK(string(key.PublicJWK()))
		if err != nil || thumbprint(public.key) != key.Thumbprint() || !public.fits(&a) {
			t.Errorf("%s: the JWK is not one for it: %v", a.name, err)
		}
		sum := sha256.Sum256(minimalJWK(key.signer.Public())) // RFC 7638, Section 3
		if key.Thumbprint() != encodeBase64URL(sum[:]) {
			t.Errorf("%s: thumbprint %s", a.name, key.Thumbprint())
		}
	}
	if strings.Contains(string(jwsKey(ES256, "").PublicJWK()), "kid") {
		t.Error("a key without id has one in its JWK")
	}
}

// A public key that is none does not get into a SigningKey.
func TestNewSigningKeyOddPublicKeys(t *testing.T) {
	for name, public := range map[string]crypto.PublicKey{"no curve": &ecdsa.PublicKey{}, "no ECDSA key": (*ecdsa.PublicKey)(nil), "not on the curve": &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, "no RSA key": (*rsa.PublicKey)(nil), "no modulus": new(rsa.PublicKey), "short": ed25519.PublicKey{1}, "nil": nil} {
		for _, alg := range []Algorithm{ES256, EdDSA, RS256} {
			if _, err := NewSigningKey(oddSigner{public}, alg, ""); !errors.Is(err, ErrConfig) {
				t.Errorf("%s for %s: %v", name, alg, err)
			}
		}
	}
}

type oddSigner struct{ public crypto.PublicKey }

func (s oddSigner) Public() crypto.PublicKey { return s.public }

func (oddSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("does not sign")
}

// TestPublicKeyEqual: keys are one if nothing differs that a token is verified by.
func TestPublicKeyEqual(t *testing.T) {
	x, y := must(GenerateSigningKey(ES256)).signer.Public(), must(GenerateSigningKey(ES256)).signer.Public()
	keys := map[string]publicKey{
		"bare":           {key: x},
		"another key":    {key: y},
		"kid":            {key: x, kid: "k"},
		"kid, letters":   {key: x, kid: "K"},
		"use":            {key: x, use: "sig"},
		"use, letters":   {key: x, use: "SIG"},
		"alg":            {key: x, alg: ES256},
		"alg, letters":   {key: x, alg: "es256"},
		"issuer":         {key: x, issuer: unitIssuer},
		"issuer, other":  {key: x, issuer: strings.ToUpper(unitIssuer)},
		"no ops":         {key: x, ops: []string{}},
		"an op":          {key: x, ops: []string{"verify"}},
		"two":            {key: x, ops: []string{"verify", "sign"}},
		"all":            {key: x, kid: "k", use: "sig", alg: ES256, issuer: unitIssuer, ops: []string{"verify"}},
		"all, other key": {key: y, kid: "k", use: "sig", alg: ES256, issuer: unitIssuer, ops: []string{"verify"}},
	}
	for a, k := range keys {
		for b, o := range keys {
			o.ops = slices.Clone(o.ops)
			if got := k.equal(&o); got != (a == b) {
				t.Errorf("%s and %s: %v", a, b, got)
			}
		}
	}
	if samePublicKey(nil, nil) || samePublicKey(x, nil) || samePublicKey("x", "x") {
		t.Error("what is no key is one")
	}
}

// TestMarshalPEM: a key that is stored and read is the same key.
func TestMarshalPEM(t *testing.T) {
	for _, a := range usableAlgorithms() {
		key := must(GenerateSigningKey(a.name))
		text, err := key.MarshalPEM()
		if err != nil {
			t.Fatal(a.name, err)
		}
		again, err := ParseSigningKey([]byte(text.Reveal()), a.name, "k")
		if err != nil || again.Thumbprint() != key.Thumbprint() || again.KeyID() != "k" || !strings.HasPrefix(text.Reveal(), "-----BEGIN PRIVATE KEY-----\n") {
			t.Errorf("%s: %v", a.name, err)
		}
		if first := must(key.MarshalPEM()); !first.Equal(text) {
			t.Errorf("%s: %v is written in two ways", a.name, text)
		}
	}
	outside := must(NewSigningKey(struct{ crypto.Signer }{unitKey().signer}, ES256, ""))
	for name, key := range map[string]*SigningKey{"nil": nil, "empty": {}, "outside": outside} {
		text, err := key.MarshalPEM()
		if wantError(t, err, ErrUnsupported, "key"); !text.IsZero() {
			t.Errorf("%s: a text beside an error", name)
		}
	}
}

// A brokenRandom has no bytes.
type brokenRandom struct{ err error }

func (b brokenRandom) Read([]byte) (int, error) { return 0, b.err }

// TestKeysWithoutRandomness: a program can put a reader of its own into crypto/rand. Where
// that fails there is no key. In a process of its own: what other tests have left behind
// may read, too.
func TestKeysWithoutRandomness(t *testing.T) {
	if runtime.GOOS == "js" {
		t.Skip("js starts no processes")
	}
	if os.Getenv("OAUTH_BROKEN_RANDOM") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKeysWithoutRandomness$", "-test.v")
		cmd.Env = append(os.Environ(), "OAUTH_BROKEN_RANDOM=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestKeysWithoutRandomness") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	public := jwsSigners.ec["P-256"]().Public().(*ecdsa.PublicKey)
	t.Setenv("GODEBUG", os.Getenv("GODEBUG")+",cryptocustomrand=1") // crypto/ecdh does not ask it else
	broken := errors.New("no entropy")
	defer func(reader io.Reader) { rand.Reader = reader }(rand.Reader)
	rand.Reader = brokenRandom{broken}
	key, err := GenerateSigningKey(EdDSA)
	if wantError(t, err, ErrUnsupported, ""); key != nil || !errors.Is(err, broken) && !fips140.Enabled() { // with fips140=only Go does not ask it at all
		t.Error(key, err)
	}
	if _, _, err := new(encryption).agree(public); err == nil {
		t.Error("a key was agreed on without an ephemeral one")
	}
}
