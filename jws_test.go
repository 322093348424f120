package oauth

// Tests of JWS: what is refused before a key is looked up, that no other text
// stands for a token, what is remembered of it, and signing. Tokens that a rule
// has to refuse carry a good signature, so that nothing but the rule stands in
// the way.

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// jwsSigners are made once: RSA keys take long.
var jwsSigners = struct {
	rsa func() crypto.Signer
	ec  map[string]func() crypto.Signer
	ed  func() crypto.Signer
	ml  map[Algorithm]func() crypto.Signer
}{
	rsa: sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 2048)) }),
	ec: map[string]func() crypto.Signer{
		"P-256": sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }),
		"P-384": sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) }),
		"P-521": sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) }),
	},
	ed: sync.OnceValue(func() crypto.Signer {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	}),
	ml: map[Algorithm]func() crypto.Signer{
		MLDSA44: sync.OnceValue(func() crypto.Signer { return must(generateMLDSA(MLDSA44)) }),
		MLDSA65: sync.OnceValue(func() crypto.Signer { return must(generateMLDSA(MLDSA65)) }),
		MLDSA87: sync.OnceValue(func() crypto.Signer { return must(generateMLDSA(MLDSA87)) }),
	},
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// jwsKey is the test's key for an algorithm.
func jwsKey(alg Algorithm, kid string) *SigningKey {
	a := findAlgorithm(alg)
	signer := jwsSigners.ed
	switch a.kty {
	case "RSA":
		signer = jwsSigners.rsa
	case "EC":
		signer = jwsSigners.ec[a.crv]
	case "AKP":
		signer = jwsSigners.ml[alg]
	}
	return must(NewSigningKey(signer(), alg, kid))
}

// jwsKeys is the key set of a key's public half, with nothing beside the key.
func jwsKeys(keys ...*SigningKey) *KeySet {
	var list []string
	for _, k := range keys {
		list = append(list, string(minimalJWK(k.signer.Public())))
	}
	return must(ParseKeySet([]byte(`{"keys":[` + strings.Join(list, ",") + `]}`)))
}

func jwsAllow(algs ...Algorithm) *jwsRules {
	return &jwsRules{allowed: algs, typ: idTokenType, what: "a test token"}
}

// jwsToken signs any header and payload: compact looks at neither.
func jwsToken(k *SigningKey, header, payload string) string {
	return jwsTokenBy(k.sign, header, payload)
}

func jwsTokenBy(sign signFunc, header, payload string) string {
	return must((&jwsScratch{text: []byte(payload)}).compact(encodeBase64URL([]byte(header)), sign))
}

// jwsRaw signs segments that are already encoded, rightly or not.
func jwsRaw(k *SigningKey, header, payload string) string {
	return header + "." + payload + "." + encodeBase64URL(must(k.sign([]byte(header+"."+payload), new(jwsScratch))))
}

func jwsVerify(raw string, keys *KeySet, rules *jwsRules) (*verifiedJWS, error) {
	v, err := verifyJWS(context.Background(), raw, keys, fromAnybody, rules)
	if err != nil && v == (verifiedJWS{}) {
		return nil, err
	}
	return &v, err
}

// wantRefused asserts the kind, and that nothing came with the error.
func wantRefused(t testing.TB, v *verifiedJWS, err, kind error, param string) {
	t.Helper()
	if v != nil {
		t.Fatal("accepted")
	}
	wantError(t, err, kind, param)
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// untouchableKeys is a key set that fails the test if anybody wants a key.
func untouchableKeys(t *testing.T) *KeySet {
	return must(NewKeySet("https://op.example/jwks", &KeySetOptions{HTTPClient: &http.Client{
		Transport: roundTripFunc(func(*http.Request) (*http.Response, error) {
			t.Error("a key was looked up")
			return nil, io.ErrUnexpectedEOF
		}),
	}}))
}

// ---- before the key

// The caps of the token and of its header are exact, and the signature of what
// is too long is good.
func TestJWSLengthCaps(t *testing.T) {
	key := jwsKey(ES256, "")
	keys := jwsKeys(key)
	const short, shortLen = `{"alg":"ES256"}`, 20
	const longer, longerLen = `{"alg": "ES256"}`, 22
	header := func(n int) string { // of n bytes in base64url
		return `{"alg":"ES256","x":"` + strings.Repeat("x", n*3/4-len(`{"alg":"ES256","x":""}`)) + `"}`
	}
	payload := func(n int) string { return strings.Repeat("x", n*3/4) }
	for _, x := range []struct {
		name, header, payload string
		length                int
		kind                  error
	}{
		{"token at the cap", short, payload(maxToken - shortLen - 2 - 86), maxToken, nil},
		{"token over the cap", longer, payload(maxToken + 1 - longerLen - 2 - 86), maxToken + 1, ErrParse},
		{"header at the cap", header(maxHeader), "", maxHeader + 2 + 86, nil},
		{"header over the cap", header(maxHeader + 2), "", maxHeader + 2 + 2 + 86, ErrParse},
	} {
		t.Run(x.name, func(t *testing.T) {
			token := jwsToken(key, x.header, x.payload)
			if len(token) != x.length {
				t.Fatalf("the test's token has %d bytes, want %d", len(token), x.length)
			}
			v, err := jwsVerify(token, keys, jwsAllow(ES256))
			if x.kind != nil {
				wantRefused(t, v, err, x.kind, "")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestJWSDots(t *testing.T) {
	key := jwsKey(ES256, "")
	good := jwsToken(key, `{"alg":"ES256"}`, "{}")
	for _, x := range []struct {
		name, token string
		kind        error
	}{
		{"empty", "", ErrParse},
		{"none", "token", ErrParse},
		{"one", signedPart(good), ErrParse},
		{"one, and a character more", signedPart(good) + "x", ErrParse},
		{"three", good + ".", ErrParse},
		{"three, in front", "." + good, ErrParse},
		{"four: JWE", good + "..", ErrUnsupported},
		{"five", good + "...", ErrParse},
		{"many", strings.Repeat(".", maxToken), ErrParse},
		// The length is judged first: of a long text the dots are not counted.
		{"four, too long", strings.Repeat("a", maxToken) + "....", ErrParse},
		{"two alone", "..", ErrParse},
		{"JSON serialization", `{"payload":"e30","protected":"e30","signature":"AA"}`, ErrParse},
	} {
		t.Run(x.name, func(t *testing.T) {
			v, err := jwsVerify(x.token, untouchableKeys(t), jwsAllow(ES256))
			wantRefused(t, v, err, x.kind, "")
		})
	}
}

func TestJWSHeader(t *testing.T) {
	key := jwsKey(ES256, "")
	keys := jwsKeys(key)
	members := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"m%d":0`, i)
		}
		return b.String()
	}
	for _, x := range []struct {
		name, header string
		kind         error // nil: accepted
		param        string
	}{
		{"alg alone", `{"alg":"ES256"}`, nil, ""},
		{"white space", " {\t\"alg\" :\r\n \"ES256\" } ", nil, ""},
		{"escaped name", `{"\u0061lg":"ES256"}`, nil, ""},
		{"unknown members", `{"alg":"ES256","cty":"JWT","x5t":"AAAA","nonce":"n","o":{"a":[1,{}]}}`, nil, ""},
		{"64 members", `{"alg":"ES256"` + members(63) + `}`, nil, ""},

		// RFC 7515, Section 4.1.11 and RFC 7797, Section 6.
		{"crit", `{"alg":"ES256","crit":["exp"],"exp":1}`, ErrUnsupported, "crit"},
		{"crit of what is understood", `{"alg":"ES256","crit":["alg"]}`, ErrUnsupported, "crit"},
		{"crit, empty", `{"alg":"ES256","crit":[]}`, ErrUnsupported, "crit"},
		{"crit, null", `{"alg":"ES256","crit":null}`, ErrUnsupported, "crit"},
		{"b64", `{"alg":"ES256","b64":false}`, ErrUnsupported, "b64"},
		{"b64, true", `{"alg":"ES256","b64":true}`, ErrUnsupported, "b64"},
		{"b64 and crit", `{"alg":"ES256","b64":false,"crit":["b64"]}`, ErrUnsupported, ""},
		{"zip", `{"alg":"ES256","zip":"DEF"}`, ErrUnsupported, "zip"},

		{"no alg", `{}`, ErrParse, "alg"},
		{"alg, empty", `{"alg":""}`, ErrParse, "alg"},
		{"alg, null", `{"alg":null}`, ErrParse, "alg"},
		{"alg, number", `{"alg":256}`, ErrParse, "alg"},
		{"alg, array", `{"alg":["ES256"]}`, ErrParse, "alg"},
		{"alg in other case", `{"ALG":"ES256"}`, ErrParse, "alg"},
		{"typ, number", `{"alg":"ES256","typ":1}`, ErrParse, "typ"},
		{"typ, null", `{"alg":"ES256","typ":null}`, ErrParse, "typ"},
		{"kid, number", `{"alg":"ES256","kid":1}`, ErrParse, "kid"},
		{"kid, null", `{"alg":"ES256","kid":null}`, ErrParse, "kid"},

		{"duplicate alg", `{"alg":"ES256","alg":"ES256"}`, ErrParse, ""},
		{"duplicate by escape", `{"alg":"ES256","\u0061lg":"none"}`, ErrParse, ""},
		{"duplicate of an unknown member", `{"alg":"ES256","x":1,"x":1}`, ErrParse, ""},
		{"duplicate within a member", `{"alg":"ES256","x":{"y":1,"y":2}}`, ErrParse, ""},
		{"duplicate among many", `{"alg":"ES256"` + members(40) + `,"m3":1}`, ErrParse, ""},
		{"65 members", `{"alg":"ES256"` + members(64) + `}`, ErrParse, ""},
		{"65 members, in all", `{"alg":"ES256","x":{"y":0` + members(62) + `}}`, ErrParse, ""},

		{"array", `["alg","ES256"]`, ErrParse, ""},
		{"string", `"ES256"`, ErrParse, ""},
		{"empty", ``, ErrParse, ""},
		{"data after it", `{"alg":"ES256"}{}`, ErrParse, ""},
		{"NUL after it", "{\"alg\":\"ES256\"}\x00", ErrParse, ""},
		{"byte order mark", "\ufeff" + `{"alg":"ES256"}`, ErrParse, ""},
		{"invalid UTF-8", "{\"alg\":\"ES256\",\"x\":\"\xff\"}", ErrParse, ""},
		{"lone surrogate", `{"alg":"ES256","x":"\ud800"}`, ErrParse, ""},
		{"too deep", `{"alg":"ES256","x":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`, ErrParse, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			v, err := jwsVerify(jwsToken(key, x.header, "{}"), keys, jwsAllow(ES256))
			if x.kind != nil {
				wantRefused(t, v, err, x.kind, x.param)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// An algorithm or type that is not allowed is refused before a key is looked
// up: a token must not cause a fetch, nor choose what its signature means.
func TestJWSRefusedBeforeKeyLookup(t *testing.T) {
	const alg, typ = "alg", "typ"
	for _, x := range []struct {
		name, header string
		kind         error
		param        string
	}{
		{"none", `{"alg":"none"}`, ErrAlgorithm, alg},
		{"None", `{"alg":"None"}`, ErrAlgorithm, alg},
		{"HS256", `{"alg":"HS256","kid":"k"}`, ErrAlgorithm, alg},
		{"HS384", `{"alg":"HS384"}`, ErrAlgorithm, alg},
		{"HS512", `{"alg":"HS512"}`, ErrAlgorithm, alg},
		{"known but not allowed", `{"alg":"RS256"}`, ErrAlgorithm, alg},
		{"allowed in other case", `{"alg":"es256"}`, ErrAlgorithm, alg},
		{"allowed with a space", `{"alg":"ES256 "}`, ErrAlgorithm, alg},
		{"unknown", `{"alg":"ES256K"}`, ErrAlgorithm, alg},
		{"forbidden type", `{"alg":"ES256","typ":"at+jwt"}`, ErrType, typ},
		{"forbidden type, other form", `{"alg":"ES256","typ":"Application/AT+JWT"}`, ErrType, typ},
		{"crit", `{"alg":"ES256","crit":["x"]}`, ErrUnsupported, "crit"},
		{"no JSON", `alg`, ErrParse, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			for _, sig := range []string{"", ".AA", ".AAAA"} {
				token := encodeBase64URL([]byte(x.header)) + ".e30" + sig
				if sig == "" {
					token += "."
				}
				v, err := jwsVerify(token, untouchableKeys(t), jwsAllow(ES256, EdDSA))
				wantRefused(t, v, err, x.kind, x.param)
			}
		})
	}
	// Neither is one looked up for segments that are not base64url.
	v, err := jwsVerify(encodeBase64URL([]byte(`{"alg":"ES256"}`))+".e30=.AAAA", untouchableKeys(t), jwsAllow(ES256))
	wantRefused(t, v, err, ErrParse, "")
	v, err = jwsVerify(encodeBase64URL([]byte(`{"alg":"ES256"}`))+".e30.A", untouchableKeys(t), jwsAllow(ES256))
	wantRefused(t, v, err, ErrParse, "")
}

// The attack of CVE-2015-9235: the public key, which everybody has, as an HMAC
// secret.
func TestJWSKeyConfusion(t *testing.T) {
	for _, alg := range []Algorithm{RS256, ES256, EdDSA} {
		key := jwsKey(alg, "")
		secret := minimalJWK(key.signer.Public())
		token := jwsTokenBy(func(input []byte, _ *jwsScratch) ([]byte, error) {
			mac := hmac.New(sha256.New, secret)
			mac.Write(input)
			return mac.Sum(nil), nil
		}, `{"alg":"HS256"}`, "{}")
		all := jwsAllow()
		for _, a := range usableAlgorithms() {
			all.allowed = append(all.allowed, a.name)
		}
		v, err := jwsVerify(token, jwsKeys(key), all)
		wantRefused(t, v, err, ErrAlgorithm, "alg")
	}
}

// RFC 7515, Section 4.1.9.
func TestNormalType(t *testing.T) {
	for typ, want := range map[string]string{
		"":                            "",
		"JWT":                         "jwt",
		"application/JWT":             "jwt",
		"APPLICATION/at+JWT":          "at+jwt",
		"at+jwt":                      "at+jwt",
		"text/at+jwt":                 "text/at+jwt",
		"application/a/b":             "application/a/b",
		"application/application/jwt": "application/application/jwt",
		"application":                 "application",
		" at+jwt":                     " at+jwt",
		"to\u212aen":                  "to\u212aen", // a KELVIN SIGN is no k
	} {
		if got := normalType(typ); got != want {
			t.Errorf("normalType(%q) = %q, want %q", typ, got, want)
		}
	}
}

// A token does not choose the key it is verified with (RFC 8725, Section 3.10):
// neither its own jwk verifies it, nor does a good signature need these members
// gone.
func TestJWSHeaderKeysIgnored(t *testing.T) {
	key := jwsKey(ES256, "")
	stranger := must(GenerateSigningKey(ES256))
	keys := jwsKeys(key)
	for _, member := range []string{
		`"jwk":` + string(stranger.PublicJWK()),
		`"jku":"https://attacker.example/jwks"`,
		`"x5u":"https://attacker.example/cert"`,
		`"x5c":["MIIB"]`,
		`"jwk":{"kty":"oct","k":"AAAA"}`,
		`"jwk":1`,
	} {
		header := `{"alg":"ES256",` + member + `}`
		v, err := jwsVerify(jwsToken(stranger, header, "{}"), keys, jwsAllow(ES256))
		wantRefused(t, v, err, ErrSignature, "")
		if _, err := jwsVerify(jwsToken(key, header, "{}"), keys, jwsAllow(ES256)); err != nil {
			t.Errorf("%s: %v", member, err)
		}
	}
}

// ---- one text, one token

// No other text decodes to the bytes of a segment: what is signed here is the
// malformed text itself, so that only the strictness of decoding refuses it.
func TestJWSBase64Strict(t *testing.T) {
	key := jwsKey(EdDSA, "")
	keys := jwsKeys(key)
	// Two bytes more than a multiple of three, and one: both have unused bits.
	header, payload := encodeBase64URL([]byte(`{"alg" :"EdDSA"}`)), encodeBase64URL([]byte("four"))
	if len(header)%4 != 2 || len(payload)%4 != 2 {
		t.Fatal("the test's segments have no unused bits")
	}
	spoil := map[string]func(string) string{
		"padding":          func(s string) string { return s + "==" },
		"half the padding": func(s string) string { return s + "=" },
		"LF at the end":    func(s string) string { return s + "\n" },
		"CR at the end":    func(s string) string { return s + "\r" },
		"CRLF within":      func(s string) string { return s[:2] + "\r\n" + s[2:] },
		"LF in front":      func(s string) string { return "\n" + s },
		"space within":     func(s string) string { return s[:2] + " " + s[2:] },
		"space at the end": func(s string) string { return s + " " },
		"NUL at the end":   func(s string) string { return s + "\x00" },
		"unused bit":       func(s string) string { return s[:len(s)-1] + string(s[len(s)-1]+1) },
		"one character":    func(s string) string { return s + "AAA" },
		"plus":             func(s string) string { return s[:2] + "+" + s[3:] },
		"slash":            func(s string) string { return s[:2] + "/" + s[3:] },
		"percent":          func(s string) string { return s[:2] + "%41" + s[3:] },
		"not ASCII":        func(s string) string { return s[:2] + "\u00e9" + s[2:] },
	}
	if _, err := jwsVerify(jwsRaw(key, header, payload), keys, jwsAllow(EdDSA)); err != nil {
		t.Fatal(err)
	}
	for name, f := range spoil {
		t.Run(name, func(t *testing.T) {
			v, err := jwsVerify(jwsRaw(key, f(header), payload), keys, jwsAllow(EdDSA))
			wantRefused(t, v, err, ErrParse, "")
			v, err = jwsVerify(jwsRaw(key, header, f(payload)), keys, jwsAllow(EdDSA))
			wantRefused(t, v, err, ErrParse, "")
			good := jwsRaw(key, header, payload)
			at := strings.LastIndexByte(good, '.') + 1
			v, err = jwsVerify(good[:at]+f(good[at:]), keys, jwsAllow(EdDSA))
			wantRefused(t, v, err, ErrParse, "")
		})
	}
}

// Nothing that differs from a good token in a character, an end, or the place
// of a segment is one.
func TestJWSMutations(t *testing.T) {
	for _, alg := range []Algorithm{RS256, PS256, ES256, EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			key := jwsKey(alg, "")
			keys := jwsKeys(key)
			rules := jwsAllow(alg)
			header := `{"alg":"` + string(alg) + `","typ":"JWT"}`
			good := jwsToken(key, header, `{"sub":"a"}`)
			other := jwsToken(key, header[:len(header)-1]+` }`, `{"sub":"b"}`)
			for _, token := range []string{good, other} {
				if _, err := jwsVerify(token, keys, rules); err != nil {
					t.Fatal(err)
				}
			}
			refuse := func(token, what string, args ...any) {
				t.Helper()
				if v, err := jwsVerify(token, keys, rules); v != nil || err == nil {
					t.Errorf("accepted: "+what, args...)
				}
			}
			mutated := []byte(good)
			for i := range mutated {
				for bit := range 8 {
					mutated[i] ^= 1 << bit
					refuse(string(mutated), "bit %d of byte %d flipped", bit, i)
					mutated[i] ^= 1 << bit
				}
				refuse(good[:i], "cut to %d bytes", i)
				refuse(good[i+1:], "without its first %d bytes", i+1)
				refuse(good[:i]+good[i+1:], "without byte %d", i)
				refuse(good[:i]+good[i:i+1]+good[i:], "byte %d twice", i)
			}
			a, b := strings.Split(good, "."), strings.Split(other, ".")
			segments := slices.Concat(a, b, []string{""})
			for i, x := range segments {
				for j, y := range segments {
					for k, z := range segments {
						if (i == 0 && j == 1 && k == 2) || (i == 3 && j == 4 && k == 5) {
							continue
						}
						refuse(x+"."+y+"."+z, "segments %d, %d, %d", i, j, k)
					}
				}
			}
		})
	}
}

// The payload is bytes: nothing is read of it before the signature, and JSON
// that is wrong is an error of its claims.
func TestJWSPayload(t *testing.T) {
	key := jwsKey(ES256, "")
	keys := jwsKeys(key)
	for _, payload := range []string{"", "text", "{}", "[]", `{"a":1,"a":2}`, "\xff\x00"} {
		v, err := jwsVerify(jwsToken(key, `{"alg":"ES256"}`, payload), keys, jwsAllow(ES256))
		if err != nil || v.payload != payload {
			t.Fatalf("%q: %v", payload, err)
		}
		r := newJSONReader()
		if _, err := v.claims(r); (err == nil) != (payload == "{}") {
			t.Errorf("claims of %q: %v", payload, err)
		}
		r.release()
	}
}

// ---- remembered headers

func memoSize(keys *KeySet) int {
	if m := keys.current.Load().memo.m.Load(); m != nil {
		return len(*m)
	}
	return 0
}

// memoOf is what the keys remember of a header; a zero one if nothing.
func memoOf(keys *KeySet, segment string) memoEntry {
	if e, _ := keys.remembered(segment, monotonic()); e != nil {
		return *e
	}
	return memoEntry{}
}

// A remembered header replaces its parsing and the lookup, and no check: a
// token that is good for one purpose is judged anew for another.
func TestHeaderMemo(t *testing.T) {
	key := jwsKey(ES256, "")
	keys := jwsKeys(key)
	token := jwsToken(key, `{"alg":"ES256","typ":"JWT"}`, `{}`)
	segment, rest, _ := strings.Cut(token, ".")

	// Only after a good signature.
	v, err := jwsVerify(segment+"."+rest[:len(rest)-4]+"AAAA", keys, jwsAllow(ES256))
	wantRefused(t, v, err, ErrSignature, "")
	if n := memoSize(keys); n != 0 {
		t.Fatalf("%d headers remembered after a bad signature", n)
	}
	for range 2 {
		if _, err := jwsVerify(token, keys, jwsAllow(ES256)); err != nil {
			t.Fatal(err)
		}
	}
	e := memoOf(keys, segment)
	if e.header.alg != ES256 || e.header.typ != "jwt" || e.key != keys.current.Load().keys[0] {
		t.Fatalf("remembered: %+v", e)
	}

	v, err = jwsVerify(token, keys, jwsAllow(RS256))
	wantRefused(t, v, err, ErrAlgorithm, "alg")
	refuseAll := &jwsRules{allowed: []Algorithm{ES256}, typ: func(string) bool { return false }, what: "nothing"}
	v, err = jwsVerify(token, keys, refuseAll)
	wantRefused(t, v, err, ErrType, "typ")
	v, err = jwsVerify(segment+".e30x"+rest[3:], keys, jwsAllow(ES256))
	wantRefused(t, v, err, ErrSignature, "")
	v, err = jwsVerify(segment+".e30=."+rest[4:], keys, jwsAllow(ES256))
	wantRefused(t, v, err, ErrParse, "")
	if _, err := jwsVerify(token, keys, jwsAllow(ES256)); err != nil {
		t.Error(err)
	}

	// A longer header is not kept; it is verified all the same.
	for _, x := range []struct {
		length, remembered int
	}{{maxMemoHeader, 2}, {maxMemoHeader + 2, 2}} {
		header := `{"alg":"ES256","x":""}`
		header = header[:len(header)-2] + strings.Repeat("x", x.length*3/4-len(header)) + `"}`
		token := jwsToken(key, header, "{}")
		if strings.IndexByte(token, '.') != x.length {
			t.Fatal("the test's header is of another length")
		}
		for range 2 {
			if _, err := jwsVerify(token, keys, jwsAllow(ES256)); err != nil {
				t.Error(err)
			}
		}
		if n := memoSize(keys); n != x.remembered {
			t.Errorf("%d headers after one of %d bytes, want %d", n, x.length, x.remembered)
		}
	}
}

// TestSplitJWS: of what is too long, has another number of parts, or a header that is too
// long nothing is left.
func TestSplitJWS(t *testing.T) {
	for raw, want := range map[string]string{
		"..": "", "a.b.c": "", strings.Repeat("a", maxHeader) + ".b.c": "",
		strings.Repeat("a", maxHeader+1) + ".b.c": "header is longer",
		strings.Repeat("a", maxToken+1):           "the token is longer",
		"a.b":                                     "three parts",
		"a.b.c.d":                                 "three parts",
		"a.b.c.d.e":                               "encrypted",
	} {
		segments, err := splitJWS(raw)
		if want == "" && (err != nil || strings.Join(segments[:], ".") != raw) || want != "" && (err == nil || !strings.Contains(err.Error(), want) || segments != [3]string{}) {
			t.Errorf("%.8s of %d: %.8q, %v", raw, len(raw), segments, err)
		}
	}
}

// Whoever gets many tokens signed cannot fill the memory.
func TestHeaderMemoBound(t *testing.T) {
	key := jwsKey(EdDSA, "")
	keys := jwsKeys(key)
	for i := range maxMemo {
		token := jwsToken(key, fmt.Sprintf(`{"alg":"EdDSA","n":%d}`, i), "{}")
		for range 2 {
			if _, err := jwsVerify(token, keys, jwsAllow(EdDSA)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := memoSize(keys); n != maxMemo || maxMemo != 256 {
		t.Errorf("%d headers remembered, want 256", n)
	}
}

// The memo goes with the keys it was made from: a key that was taken out of the
// set verifies nothing more, and a late writer does not bring it back.
func TestHeaderMemoDropped(t *testing.T) {
	old, next := jwsKey(ES256, "old"), jwsKey(EdDSA, "new")
	document := old.PublicJWK()
	keys := must(NewKeySet("https://op.example/jwks", &KeySetOptions{HTTPClient: &http.Client{
		Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			body := `{"keys":[` + string(document) + `]}`
			return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
		}),
	}}))
	token := must(old.SignJWT("", struct{}{}))
	for range 2 {
		if _, err := jwsVerify(token, keys, jwsAllow(ES256, EdDSA)); err != nil {
			t.Fatal(err)
		}
	}
	segment, _, _ := strings.Cut(token, ".")
	e := memoOf(keys, segment)
	if e.key == nil {
		t.Fatal("not remembered")
	}
	document = next.PublicJWK()
	if err := keys.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	v, err := jwsVerify(token, keys, jwsAllow(ES256, EdDSA))
	wantRefused(t, v, err, ErrKeyNotFound, "kid")
	for range 2 {
		keys.remember(segment, &e.header, e.key)
	}
	if n := memoSize(keys); n != 0 {
		t.Errorf("%d headers of the old keys remembered with the new ones", n)
	}
	if _, err := jwsVerify(must(next.SignJWT("", struct{}{})), keys, jwsAllow(ES256, EdDSA)); err != nil {
		t.Error(err)
	}
}

// What one set remembers of a header is nothing for another, nor for its own newer keys.
func TestHeaderMemoOfOthers(t *testing.T) {
	key, other := jwsKey(ES256, ""), must(GenerateSigningKey(ES256))
	mine, theirs := jwsKeys(key), jwsKeys(other)
	const header = `{"alg":"ES256","typ":"JWT"}`
	token, their := jwsToken(key, header, "{}"), jwsToken(other, header, "{}")
	for range 2 {
		must(jwsVerify(token, mine, jwsAllow(ES256)))
		must(jwsVerify(their, theirs, jwsAllow(ES256)))
	}
	received := receivedJWS{raw: token}
	defer received.payload.release()
	open := func(keys *KeySet) error {
		_, err := verifyReceived(context.Background(), &received, keys, fromAnybody, jwsAllow(ES256))
		return err
	}
	for range 2 {
		if err := open(mine); err != nil || received.known == nil || received.known.key != mine.current.Load().keys[0] {
			t.Fatalf("%v, remembered %v", err, received.known)
		}
		if err := open(theirs); !errors.Is(err, ErrSignature) {
			t.Errorf("with the keys of another: %v", err)
		}
	}
	if err := open(mine); err != nil {
		t.Error(err)
	}
	mine.current.Store(jwsKeys(jwsKey(EdDSA, "")).current.Load())
	if err := open(mine); !errors.Is(err, ErrKeyNotFound) {
		t.Errorf("with newer keys: %v", err)
	}
}

// ---- signing

func TestSignJWT(t *testing.T) {
	key := jwsKey(EdDSA, `a "kid"`)
	for _, x := range []struct {
		typ    string
		claims any
		header string
	}{
		{"", map[string]int{"a": 1}, `{"alg":"EdDSA","typ":"JWT","kid":"a \"kid\""}`},
		{"at+jwt", json.RawMessage(`{}`), `{"alg":"EdDSA","typ":"at+jwt","kid":"a \"kid\""}`},
		{"x\n\"y", struct{ A string }{"b"}, `{"alg":"EdDSA","typ":"x\u000a\"y","kid":"a \"kid\""}`},
	} {
		token, err := key.SignJWT(x.typ, x.claims)
		if err != nil {
			t.Fatal(err)
		}
		header, _, _ := strings.Cut(token, ".")
		if got := must(decodeBase64URL(nil, header)); string(got) != x.header {
			t.Errorf("header %s, want %s", got, x.header)
		}
		h := must(parseHeader(header))
		if h.alg != EdDSA || h.kid != `a "kid"` || h.typ != normalType(cmp.Or(x.typ, "JWT")) {
			t.Errorf("header %+v", h)
		}
	}
	if token := must(jwsKey(EdDSA, "").SignJWT("", struct{}{})); !strings.HasPrefix(token, encodeBase64URL([]byte(`{"alg":"EdDSA","typ":"JWT"}`))+".") {
		t.Error("a key without id gives the token one")
	}
}

func TestSignJWTErrors(t *testing.T) {
	key := jwsKey(EdDSA, "")
	for _, x := range []struct {
		name   string
		key    *SigningKey
		claims any
		param  string
	}{
		{"nil key", nil, map[string]int{}, ""},
		{"zero key", new(SigningKey), map[string]int{}, ""},
		{"nil", key, nil, "claims"},
		{"array", key, []int{1}, "claims"},
		{"string", key, "{}", "claims"},
		{"number", key, 1, "claims"},
		{"bytes", key, []byte("{}"), "claims"},
		{"channel", key, make(chan int), "claims"},
		{"function within", key, map[string]any{"f": func() {}}, "claims"},
		{"wrong raw JSON", key, json.RawMessage(`{`), "claims"},
	} {
		t.Run(x.name, func(t *testing.T) {
			token, err := x.key.SignJWT("", x.claims)
			if token != "" {
				t.Error("a token came with the error")
			}
			wantError(t, err, ErrConfig, x.param)
		})
	}
}

// fakeSigner is an HSM that does what the test says.
type fakeSigner struct {
	crypto.Signer
	sign func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (f fakeSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return f.sign(random, digest, opts)
}

var errHSM = errors.New("the HSM is on fire")

func TestSignerErrors(t *testing.T) {
	type ecdsaSignature struct{ R, S *big.Int }
	order := elliptic.P256().Params().N
	der := func(r, s *big.Int) []byte { return must(asn1.Marshal(ecdsaSignature{r, s})) }
	one := big.NewInt(1)
	for _, x := range []struct {
		name string
		sig  []byte
		err  error
	}{
		{"error", nil, errHSM},
		{"error and a signature", der(one, one), errHSM},
		{"nothing", nil, nil},
		{"garbage", []byte("garbage"), nil},
		{"r‖s", make([]byte, 64), nil},
		{"data after it", append(der(one, one), 0), nil},
		{"r zero", der(new(big.Int), one), nil},
		{"s negative", der(one, big.NewInt(-1)), nil},
		{"r negative", der(big.NewInt(-1), one), nil},
		{"r too wide", der(new(big.Int).Lsh(order, 1), one), nil},
		{"s too wide", der(one, new(big.Int).Lsh(order, 8)), nil},
		{"one integer", must(asn1.Marshal(struct{ R *big.Int }{one})), nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			key := must(NewSigningKey(fakeSigner{jwsSigners.ec["P-256"](), func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
				return x.sig, x.err
			}}, ES256, ""))
			token, err := key.SignJWT("", struct{}{})
			if token != "" {
				t.Error("a token came with the error")
			}
			wantError(t, err, ErrConfig, "SigningKey")
			if x.err != nil && !errors.Is(err, x.err) {
				t.Errorf("the signer's error is lost: %v", err)
			}
		})
	}
}

// What a signer is asked for: the digest and the options of the algorithm.
func TestSignerOptions(t *testing.T) {
	for _, a := range usableAlgorithms() {
		called := false
		real := jwsKey(a.name, "").signer
		key := must(NewSigningKey(fakeSigner{real, func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			called = true
			if random != rand.Reader {
				t.Errorf("%s: randomness is not crypto/rand's", a.name)
			}
			if opts.HashFunc() != a.hash || a.hash != 0 && len(digest) != a.hash.Size() {
				t.Errorf("%s: digest of %d bytes for %v", a.name, len(digest), opts.HashFunc())
			}
			pss, ok := opts.(*rsa.PSSOptions)
			if ok != a.pss || ok && pss.SaltLength != rsa.PSSSaltLengthEqualsHash {
				t.Errorf("%s: options %#v", a.name, opts)
			}
			return real.Sign(random, digest, opts)
		}}, a.name, ""))
		checkSignature(t, &a, real.Public(), must(key.SignJWT("", struct{}{})))
		if !called {
			t.Errorf("%s: the signer was not called", a.name)
		}
	}
}
