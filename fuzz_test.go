package oauth

// Fuzz tests: every parser that reads what others send, each with what holds
// whatever it is given. Nothing comes together with an error, and what is
// accepted says the same when it is written again. The seeds here and those in
// testdata/fuzz run with every go test; to look for more:
//
//	go test -run '^$' -fuzz '^FuzzJWS$' -fuzztime 1m

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/big"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// decodeAny is encoding/json's reading, with numbers as they stand.
func decodeAny(text string, dst any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(dst); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("data after the value")
	}
	return nil
}

// shape is how deep a decoded value nests and how many members it has: in its
// largest object, and in all.
func shape(v any) (depth, largest, all int) {
	add := func(v any) {
		d, l, a := shape(v)
		depth, largest, all = max(depth, d), max(largest, l), all+a
	}
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			add(e)
		}
		return depth + 1, max(largest, len(v)), all + len(v)
	case []any:
		for _, e := range v {
			add(e)
		}
		return depth + 1, largest, all
	}
	return 0, 0, 0
}

// What the strict reader accepts, encoding/json reads in the same way; what
// encoding/json writes, the strict reader accepts.
func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{
		``, `{}`, ` {"a" : [1, -0.5e+3, true, null, "b", {}]} `, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`,
		`{"a":{"b":1,"b":2}}`, `{"i\u017fs":1,"iss":2}`, `{"iſs":1,"iss":2,"K":3,"k":4}`, `{"a":"\ud83d\ude00"}`,
		`{"a":"\ud83d"}`, `{"a":"\ude00\ud83d"}`, `{"a":"b","a":"\u0062"}`, `{"a":{"b":1,"b":1.0},"c":[true,{"d":true,"d":true}]}`, "{\"a\":\"\xff\"}", "{\"a\":\"\n\"}", `{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":-}`, `{"a":1e}`,
		`{"a":+1}`, `{"a":nul}`, `{"a":nulll}`, `{"a":NaN}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":[1,]}`, `{"a":[,1]}`, `{a:1}`, `{"a":'b'}`,
		`[]`, `{}{}`, "{}\x00", "\ufeff{}", `{"a":"\x"}`, `{"a":"\u00zz"}`, `{"":""}`, `{"a":"\b\f\n\r\t\"\\\/"}`, `{"a":1}// c`,
		`{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`, `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		`{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0,"j":0,"k":0,"l":0,"m":0,"n":0,"o":0,"p":0,"q":0,"r":{"a":0},"a":1}`,
		"{\"a\":\"\u2028<&>\x7f\"}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := parseObject(text, documentForm, ErrParse)
		if _, asSent := parseObject(text, answerForm, ErrParse); err == nil && asSent != nil {
			t.Fatalf("strictly it is accepted, and as servers send it not: %v", asSent)
		}
		for _, form := range [...]jsonForm{documentForm, answerForm} {
			fuzzStrictJSON(t, text, form)
		}
	})
}

func fuzzStrictJSON(t *testing.T, text string, form jsonForm) {
	var reference map[string]any
	referenceErr := decodeAny(text, &reference)
	o, err := parseObject(text, form, ErrParse)
	if slow := slowObject(text, form); (err == nil) != (slow == nil) {
		t.Fatalf("%v, the slow reader says %v", err, slow)
	}
	checkPlaces(t, text, form)
	if err != nil {
		if o.members != nil || !errors.Is(err, ErrParse) {
			t.Fatalf("members %v with the error %v", o.members, err)
		}
		if referenceErr == nil && reference != nil {
			checkReferenceEncoding(t, reference)
		}
		return
	}
	if referenceErr != nil {
		t.Fatalf("accepted, but encoding/json says: %v", referenceErr)
	}
	if len(o.members) != len(reference) {
		t.Fatalf("%d members, encoding/json has %d", len(o.members), len(reference))
	}
	for _, m := range o.members {
		var value any
		if err := decodeAny(m.raw, &value); err != nil {
			t.Fatalf("member %q: %v", m.name, err)
		}
		if want, ok := reference[m.name]; !ok || !reflect.DeepEqual(value, want) {
			t.Fatalf("member %q is %v, encoding/json has %v", m.name, value, want)
		}
		if s, ok, err := o.string(m.name); err == nil && (!ok || reference[m.name] != any(s)) {
			t.Fatalf("member %q is the string %q, encoding/json has %v", m.name, s, reference[m.name])
		}
		if list, ok, err := o.strings(m.name, true); err == nil && ok {
			want, isList := reference[m.name].([]any)
			if !isList {
				want = []any{reference[m.name]}
			}
			for i, s := range list {
				if len(list) != len(want) || want[i] != any(s) {
					t.Fatalf("member %q is %q, encoding/json has %v", m.name, list, want)
				}
			}
		}
	}
	// Names that encoding/json would take for one another are refused where
	// it is to fill a struct.
	var dst map[string]any
	if err := unmarshalClaims(text, &dst); err == nil {
		for i, a := range o.members {
			for _, b := range o.members[:i] {
				if strings.EqualFold(a.name, b.name) {
					t.Fatalf("claims have %q and %q", a.name, b.name)
				}
			}
		}
	}
}

// checkReferenceEncoding wants the strict reader to accept what encoding/json
// writes, unless it is over a limit.
func checkReferenceEncoding(t *testing.T, v map[string]any) {
	t.Helper()
	depth, largest, all := shape(v)
	if depth > maxDepth || largest > maxMembers || all > maxDocumentMembers {
		return
	}
	text := must(json.Marshal(v))
	if _, err := parseObject(string(text), documentForm, ErrParse); err != nil {
		t.Fatalf("%s is refused: %v", text, err)
	}
}

// What is written as a JSON string reads as the same.
func FuzzJSONString(f *testing.F) {
	for _, s := range []string{"", "a", `"\`, "\x00\x1f\x7f", "\u2028é😀", "</script>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		text := appendJSONString(nil, s)
		if got, err := unquoteJSON(string(text)); err != nil || got != s {
			t.Fatalf("%s reads as %q, %v", text, got, err)
		}
		var got string
		if err := json.Unmarshal(text, &got); err != nil || got != s {
			t.Fatalf("encoding/json reads %s as %q, %v", text, got, err)
		}
	})
}

// No two texts stand for the same bytes.
func FuzzBase64URL(f *testing.F) {
	for _, s := range []string{"", "AA", "AB", "AAA", "AAAA", "A", "AA==", "AA\n", "A\rA", "-_", "+/", "AA AA", "é"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		src := string(text)
		out, err := decodeBase64URL([]byte("prefix"), src)
		want, twinErr := base64.RawURLEncoding.Strict().DecodeString(src)
		if strings.ContainsAny(src, "\r\n") { // which it skips
			twinErr = errors.New("a line break")
		}
		if (err == nil) != (twinErr == nil) {
			t.Fatalf("%q: %v, encoding/base64 says %v", src, err, twinErr)
		}
		if err != nil {
			if out != nil {
				t.Fatalf("%q with the error %v", out, err)
			}
			return
		}
		rest, ok := bytes.CutPrefix(out, []byte("prefix"))
		if !ok || !bytes.Equal(rest, want) || encodeBase64URL(rest) != src {
			t.Fatalf("%q decodes to %q, which encodes otherwise", src, rest)
		}
	})
}

// ---- JOSE

// fuzzTokens are the examples of RFC 7515 and RFC 8037, with their keys: what
// verifies is one of them or, ECDSA knowing two signatures for each, has its
// header and payload.
var fuzzTokens = [...]string{
	"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
	rfc8037Token,
}

const fuzzKeys = `{"keys":[
	{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
	{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
	{"kty":"RSA","e":"AQAB","n":"` + rfc7515RSAModulus + `"}]}`

func FuzzJWS(f *testing.F) {
	for _, s := range fuzzTokens {
		f.Add(s)
		f.Add(s[:len(s)-1])
		f.Add(s + "=")
		f.Add(strings.Replace(s, ".", "..", 1))
		f.Add(strings.Replace(s, ".", "\n.", 1))
	}
	for _, header := range []string{`{"alg":"none"}`, `{"alg":"HS256"}`, `{"alg":"ES256","crit":["b64"],"b64":false}`, `{"alg":"RS256","kid":"a","typ":"application/at+jwt"}`, `{}`} {
		f.Add(encodeBase64URL([]byte(header)) + ".e30.AAAA")
	}
	f.Add("....")
	f.Add("..")
	rules := jwsAllow()
	for _, a := range usableAlgorithms() {
		rules.allowed = append(rules.allowed, a.name)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		keys := must(ParseKeySet([]byte(fuzzKeys)))
		for range 2 { // the second time with what was remembered
			v, err := jwsVerify(raw, keys, rules)
			if (v == nil) == (err == nil) {
				t.Fatalf("result %v with the error %v", v, err)
			}
			if v == nil {
				if memoSize(keys) != 0 {
					t.Fatal("remembered without a good signature")
				}
				continue
			}
			if !slices.ContainsFunc(fuzzTokens[:], func(s string) bool { return signedPart(s) == signedPart(raw) }) {
				t.Fatal("a token verifies that was not signed")
			}
		}
		header, _, _ := strings.Cut(raw, ".")
		if h, err := parseHeader(header); err != nil && h != (joseHeader{}) {
			t.Fatalf("header %+v with the error %v", h, err)
		} else if err == nil && normalType(h.typ) != h.typ {
			t.Fatalf("type %q is not normal", h.typ)
		}
	})
}

func signedPart(token string) string {
	at := strings.LastIndexByte(token, '.')
	return token[:max(at, 0)]
}

// A signature that came from a signer keeps its integers.
func FuzzECDSASignature(f *testing.F) {
	f.Add([]byte{0x30, 6, 2, 1, 1, 2, 1, 1}, uint8(0))
	f.Add([]byte{0x30, 8, 2, 2, 0, 0x80, 2, 2, 0, 0xff}, uint8(1))
	f.Add([]byte{0x30, 6, 2, 1, 0, 2, 1, 0xff}, uint8(2))
	f.Add([]byte{0x30, 0x80, 0, 0}, uint8(2))
	f.Fuzz(func(t *testing.T, der []byte, n uint8) {
		size := [...]int{64, 96, 132}[n%3]
		sig, err := fixedECDSASignature(used(size), der)
		var twin struct{ R, S *big.Int }
		rest, twinErr := asn1.Unmarshal(der, &twin)
		good := twinErr == nil && len(rest) == 0 && twin.R.Sign() > 0 && twin.S.Sign() > 0 && twin.R.BitLen() <= size*4 && twin.S.BitLen() <= size*4
		if good { // encoding/asn1 lets data stand after the two integers
			shortest := must(asn1.Marshal(twin))
			good = bytes.Equal(shortest, der)
		}
		if good != (err == nil) || good && (!bytes.Equal(twin.R.FillBytes(make([]byte, size/2)), sig[:size/2]) ||
			!bytes.Equal(twin.S.FillBytes(make([]byte, size/2)), sig[size/2:])) {
			t.Fatalf("%x: %x, %v; encoding/asn1 has %v, %v", der, sig, err, twin, twinErr)
		}
		if err != nil {
			if sig != nil {
				t.Fatal("a signature with the error")
			}
			return
		}
		if len(sig) != size {
			t.Fatalf("%d bytes, want %d", len(sig), size)
		}
		back, err := fixedECDSASignature(used(size), appendECDSASignature(nil, sig))
		if err != nil || !bytes.Equal(back, sig) {
			t.Fatalf("%x became %x, %v", sig, back, err)
		}
	})
}

// A key that is accepted is one that this package publishes in the same way.
func FuzzJWK(f *testing.F) {
	for _, alg := range []Algorithm{RS256, ES256, ES384, ES512, EdDSA} {
		f.Add(string(jwsKey(alg, "k").PublicJWK()))
		f.Add(privateJWK(alg))
	}
	f.Add(rsaJWK(modulus(2048), "AAEAAQ"))
	f.Add(rsaJWK(modulus(8193), "AQAB"))
	f.Add(rsaJWK(modulus(2048), "f____w"))
	f.Add(`{"kty":"EC","crv":"P-256","x":"AA","y":"AA","use":"sig","key_ops":["verify"],"issuer":"https://op.example/{tenantid}"}`)
	f.Add(`{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`)
	f.Add(`{"kty":"oct","k":"AA"}`)
	f.Fuzz(func(t *testing.T, text string) {
		key, err := parseJWK(text)
		if err != nil {
			return // the key has its kid then, and nothing else is used
		}
		if public, ok := key.key.(*rsa.PublicKey); ok {
			if bits := public.N.BitLen(); bits < minRSABits || bits > maxRSABits || public.E < 3 || public.E&1 == 0 {
				t.Fatalf("RSA with %d bits and exponent %d", bits, public.E)
			}
		}
		again, err := parseJWK(string(minimalJWK(key.key)))
		if err != nil || thumbprint(again.key) != thumbprint(key.key) {
			t.Fatalf("minimal: %v", err)
		}
		again, err = parseJWK(string(key.encode()))
		if err != nil || thumbprint(again.key) != thumbprint(key.key) {
			t.Fatalf("with what selects it: %v", err)
		}
		again.key = key.key
		if !reflect.DeepEqual(again, key) {
			t.Fatalf("%+v became %+v", key, again)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add([]byte(fuzzKeys))
	f.Add([]byte(`{"keys":[{"kty":"oct","kid":"a"},null,` + string(jwsKey(EdDSA, "k").PublicJWK()) + `]}`))
	f.Add([]byte(`{"keys":[` + akpJWK("ML-DSA-44", 1312) + `,` + akpJWK("ML-DSA-87", 1) + `]}`))
	f.Add([]byte(`{"keys":[]}`))
	f.Add([]byte(`{"keys":{}}`))
	f.Add([]byte(`{"keys":[[[]]]}`))
	f.Add([]byte(`{"keys":[1,]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		keys, err := ParseKeySet(document)
		if err != nil {
			if keys != nil || !errors.Is(err, ErrParse) {
				t.Fatalf("%v with the error %v", keys, err)
			}
			return
		}
		snap := keys.current.Load()
		if len(snap.keys) == 0 || len(snap.keys)+len(snap.skipped) > maxKeys {
			t.Fatalf("%d keys, %d skipped", len(snap.keys), len(snap.skipped))
		}
		for _, k := range snap.skipped {
			if k.reason == nil {
				t.Fatal("a key is skipped without a reason")
			}
		}
		for i := range usableAlgorithms() {
			for _, k := range snap.keys[:min(8, len(snap.keys))] {
				h := &joseHeader{alg: algorithms[i].name, kid: k.kid, hasKid: true}
				key, err := keys.find(context.Background(), &algorithms[i], h, fromAnybody)
				if (key == nil) == (err == nil) || key != nil && (key.kid != k.kid || !key.fits(&algorithms[i])) {
					t.Fatalf("found %+v, %v", key, err)
				}
			}
		}
	})
}

// A private key that is accepted signs what its public half verifies.
func FuzzParseSigningKey(f *testing.F) {
	for i, a := range usableAlgorithms() {
		f.Add([]byte(privateJWK(a.name)), uint8(i))
	}
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"), uint8(3))
	f.Add([]byte("-----BEGIN EC PRIVATE KEY-----\nDEK-Info: a\n\nAAAA\n-----END EC PRIVATE KEY-----\n"), uint8(1))
	f.Add([]byte(`{"kty":"RSA","n":"`+modulus(2048)+`","e":"AQAB","d":"AQ","p":"AA","q":"AQ"}`), uint8(0))
	f.Add([]byte(`{"kty":"EC","crv":"P-256","alg":"ES256","kid":"k"}`), uint8(255))
	f.Fuzz(func(t *testing.T, text []byte, n uint8) {
		alg := Algorithm("") // that of the JWK
		if int(n) < len(usableAlgorithms()) {
			alg = algorithms[n].name
		}
		key, err := ParseSigningKey(text, alg, "")
		if err != nil {
			if key != nil {
				t.Fatal("a key with the error")
			}
			if !errors.Is(err, ErrParse) && !errors.Is(err, ErrConfig) && !errors.Is(err, ErrAlgorithm) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if alg != "" && key.Algorithm() != alg {
			t.Fatalf("algorithm %s, want %s", key.Algorithm(), alg)
		}
		sig, err := key.sign([]byte("input"), new(jwsScratch))
		if err != nil || !signatureHolds(key.alg, key.signer.Public(), []byte("input"), sig) {
			t.Fatalf("the signature does not verify: %v", err)
		}
	})
}

// ---- values

// A NumericDate is within 2⁵³ seconds and as near to the number as a float64
// can be.
func FuzzNumericDate(f *testing.F) {
	for _, s := range []string{"0", "1700000000", "1700000000.5", "1.7e9", "-1", "-0.5", "-0", "9007199254740992", "9007199254740993", "-9007199254740992", "1e15", "1e16", "1e400", "1e-400", "1e-7000000000", "1E+2", "0.0000000001", "999999999999999", "1000000000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		o, err := parseObject(`{"exp":`+raw+`}`, documentForm, ErrClaim)
		if err != nil {
			return
		}
		got, ok, err := o.date("exp")
		if err != nil || !ok {
			return
		}
		number, err := strconv.ParseFloat(strings.TrimSpace(raw), 64)
		if err != nil || math.Abs(number) > maxNumericDate {
			t.Fatalf("%s is accepted as %v", raw, got)
		}
		want, _, err := big.ParseFloat(strings.TrimSpace(raw), 10, 256, big.ToNearestEven)
		if err != nil {
			want = new(big.Float) // an exponent beyond math/big's, of a number next to 0
		}
		have := new(big.Float).SetPrec(256).SetInt64(int64(got.Nanosecond()))
		have.Quo(have, big.NewFloat(1e9)).Add(have, new(big.Float).SetInt64(got.Unix()))
		diff, _ := have.Sub(have, want).Float64()
		if math.Abs(diff) > 2e-9+math.Abs(number)*1e-15 {
			t.Fatalf("%s is %v, off by %v s", raw, got, diff)
		}
	})
}

// Text of the other side in an error is one line of printable ASCII, bounded.
func FuzzPrintable(f *testing.F) {
	f.Add("plain", 64)
	f.Add("a\nb\x1b[31m\u202e\xff\"\\", 64)
	f.Add("ééé", 3)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n &= 0xfff
		got := printable(s, n)
		for i := range len(got) {
			if got[i] < 0x20 || got[i] > 0x7e {
				t.Fatalf("%q", got)
			}
		}
		back, err := strconv.Unquote(got)
		if err != nil || len(s) <= n && back != s || len(s) > n && back != s[:n]+"…" {
			t.Fatalf("%q became %s: %v", s, got, err)
		}
		if len(got) > 10*n+16 {
			t.Fatalf("%d bytes of at most %d", len(got), n)
		}
	})
}

// RFC 9110, Section 11.6.1. Challenges read the same when they are written again.
func FuzzParseChallenges(f *testing.F) {
	for _, s := range []string{
		`Bearer realm="a", error=invalid_token , Basic realm="b"`, `Negotiate YWJjZA==`, `Negotiate`,
		`Basic realm="a\\", Bearer realm="b"`, "DPoP\talgs=\"ES256\"", `,, Bearer ,, Basic,`, `Bearer a=b c=d`,
		`Bearer realm="unfinished`, `Bearer realm="\`, `Bearer a="1", A="2"`, `a b=, c`, `Bearer =`, `Bearer a = "b"`,
		"Bearer a=\"\\\x00\"", `Bearer a/b==`, `Bearer a=b=c`, strings.Repeat("a,", 40), "\x80 a=b",
	} {
		f.Add(s, "Bearer")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		list := ParseChallenges(http.Header{"Www-Authenticate": {first, second}})
		if len(list) > maxChallenges {
			t.Fatalf("%d challenges", len(list))
		}
		line, fault := writeChallenges(list)
		if fault != "" {
			t.Fatal(fault)
		}
		if len(line) > maxChallengeLine {
			return
		}
		if again := ParseChallenges(http.Header{"Www-Authenticate": {line}}); !reflect.DeepEqual(again, list) {
			t.Fatalf("%+v, written as %q, reads as %+v", list, line, again)
		}
	})
}

// writeChallenges writes challenges in one field, and says what is wrong with one.
func writeChallenges(list []Challenge) (line, fault string) {
	isToken := func(s string) bool {
		return s != "" && strings.IndexFunc(s, func(r rune) bool { return r > 0x7e || !tokenChar(byte(r)) }) < 0
	}
	var written []string
	for _, c := range list {
		if !isToken(c.Scheme) || c.Token68 != "" && c.Params != nil || c.Params != nil && len(c.Params) == 0 {
			return "", fmt.Sprintf("challenge %+v", c)
		}
		var params []string
		for name, value := range c.Params {
			// Section 5.6.4: neither as it is nor after a backslash.
			if !isToken(name) || name != strings.ToLower(name) ||
				strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }) {
				return "", fmt.Sprintf("parameter %q=%q", name, value)
			}
			params = append(params, name+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)+`"`)
		}
		written = append(written, c.Scheme+" "+c.Token68+strings.Join(params, ", "))
	}
	return strings.Join(written, ", "), ""
}

// ---- documents and saved values

// sameJSON compares extra members by what they say: encoding/json writes them
// without white space and with other escapes.
func sameJSON(a, b map[string]json.RawMessage) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		var x, y any
		if decodeAny(string(a[name]), &x) != nil || decodeAny(string(b[name]), &y) != nil || !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return true
}

// metadataRoundTrip decodes, encodes and decodes a document. parts takes the
// raw members out of it, which are compared by what they say.
func metadataRoundTrip[T any](t *testing.T, text string, parts func(*T) map[string]json.RawMessage) {
	t.Helper()
	var first, second, zero T
	if err := json.Unmarshal([]byte(text), &first); err != nil {
		if !reflect.DeepEqual(first, zero) {
			t.Fatalf("%+v with the error %v", first, err)
		}
		return
	}
	written := must(json.Marshal(first))
	if err := json.Unmarshal(written, &second); err != nil {
		t.Fatalf("%s: %v", written, err)
	}
	if again := must(json.Marshal(second)); !bytes.Equal(again, written) {
		t.Fatalf("%s became %s", written, again)
	}
	x, y := parts(&first), parts(&second)
	if !sameJSON(x, y) || !reflect.DeepEqual(first, second) {
		t.Fatalf("%+v %s became %+v %s", first, x, second, y)
	}
}

func FuzzAuthorizationServerJSON(f *testing.F) {
	f.Add(
		`{"issuer":"https://op.example","id_token_signing_alg_values_supported":["RS256"],"mtls_endpoint_aliases":{"token_endpoint":"https://mtls.op.example/token"},"more":{"a":[1.0, "<"]}}`,
	)
	f.Add(`{"issuer":null,"request_uri_parameter_supported":false,"scopes_supported":[]}`)
	f.Add(`{"id_token_signing_alg_values_supported":null}`)
	f.Add(`{"Issuer":"a","issuer":"b","i\u017fsuer":"c","":1}`)
	f.Add(`{"mtls_endpoint_aliases":{}}`)
	f.Add(`{"mtls_endpoint_aliases":{"0":["&"]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		metadataRoundTrip(t, text, func(s *AuthorizationServer) map[string]json.RawMessage {
			// JSON that is kept as it came may be escaped anew, here and below.
			extra := s.Extra
			s.Extra = nil
			if a := s.MTLSEndpointAliases; a != nil && a.Extra != nil {
				extra = maps.Clone(extra)
				if extra == nil {
					extra = make(map[string]json.RawMessage)
				}
				extra["mtls_endpoint_aliases"] = must(json.Marshal(a.Extra))
				a.Extra = nil
			}
			return extra
		})
	})
}

func FuzzClientMetadataJSON(f *testing.F) {
	f.Add(`{"client_id":"a","default_max_age":1.5e3,"require_auth_time":true,"jwks":{"keys":[]},"client_name#ja":"b","client_secret":"s"}`)
	f.Add(`{"redirect_uris":["https://app.example/cb"],"default_max_age":null,"registration_access_token":"s"}`)
	f.Add(`{"default_max_age":-1}`)
	f.Add(`{"jwks": null}`)
	f.Fuzz(func(t *testing.T, text string) {
		metadataRoundTrip(t, text, func(m *ClientMetadata) map[string]json.RawMessage {
			for _, secret := range []string{"client_secret", "registration_access_token"} {
				if _, ok := m.Extra[secret]; ok {
					t.Fatalf("%s is kept", secret)
				}
			}
			parts := map[string]json.RawMessage{}
			maps.Copy(parts, m.Extra)
			if m.JWKS != nil {
				parts["jwks"] = m.JWKS
			}
			m.Extra, m.JWKS = nil, nil
			return parts
		})
	})
}

// savedPending is a PendingAuthorization of the client, as a session keeps it.
func savedPending(t testing.TB, s *unitServer, c *Client, mode string) []byte {
	t.Helper()
	r := &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseMode: mode, MaxAge: int64p(60)}
	return must(s.start(t, c, r).MarshalBinary())
}

// One saved value has one encoding, and can be used.
func FuzzAuthorizationBinary(f *testing.F) {
	s := newUnitServer()
	saved := savedPending(f, s, s.client(f, nil), "")
	f.Add(saved)
	f.Add(saved[:len(saved)-1])
	f.Add(append(bytes.Clone(saved), 0))
	f.Add([]byte{})
	f.Add([]byte{2})
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	// A length in more bytes than it needs, and a number with a sign.
	d := savedSamples()["PendingAuthorization"].(*PendingAuthorization).content
	good := string(saveAuthorization(d))
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, "\x06client", "\x86\x00client", 1)))
	f.Add([]byte(strings.Replace(good, "\x010", "\x02+0", 1)))
	for _, responseType := range []string{"", "id_token", "code id_token", "code token"} {
		d.responseType = responseType
		f.Add(saveAuthorization(d))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a PendingAuthorization
		if err := a.UnmarshalBinary(data); err != nil {
			if a.State() != "" || a.URL() != "" || !errors.Is(err, ErrParse) {
				t.Fatalf("%v with the error %v", &a, err)
			}
			return
		}
		if a.State() == "" || a.URL() != "" {
			t.Fatal("a PendingAuthorization without state, or with a URL")
		}
		if written := must(a.MarshalBinary()); !bytes.Equal(written, data) {
			t.Fatalf("%q became %q", data, written)
		}
		useAuthorization(t, s, data)
	})
}

// ---- answers

// fuzzResponse is an answer with any body under one of the media types.
func fuzzResponse(op string, kind uint8, body string) *httpResponse {
	status := [...]int{200, 201, 400, 401}[kind%4]
	mediaType := [...]string{mediaJSON, "", mediaJWT, "text/html"}[kind/4%4]
	return &httpResponse{op: op, status: status, header: http.Header{}, mediaType: mediaType, body: body}
}

func FuzzDiscoveryResponse(f *testing.F) {
	f.Add(`{"issuer":"https://op.example","token_endpoint":"https://op.example/token"}`, uint8(0))
	f.Add(`{"issuer":"https://op.example/","jwks_uri":1}`, uint8(0))
	f.Add(`{"issuer":"https://op.example//"}`, uint8(4))
	f.Add(`{"issuer":"https://op.example","issuer":"https://attacker.example"}`, uint8(0))
	f.Add(`{"error":"e"}`, uint8(2))
	f.Fuzz(func(t *testing.T, body string, kind uint8) {
		res := fuzzResponse(opDiscover, kind, body)
		server, err := processDiscoveryResponse(res, unitIssuer)
		if (server == nil) == (err == nil) {
			t.Fatalf("%v with the error %v", server, err)
		}
		if server != nil && (res.status != http.StatusOK || server.Issuer != unitIssuer && server.Issuer != unitIssuer+"/") {
			t.Fatalf("issuer %q with status %d", server.Issuer, res.status)
		}
	})
}

func FuzzPushedResponse(f *testing.F) {
	f.Add(`{"request_uri":"urn:x","expires_in":60}`, uint8(1))
	f.Add(`{"request_uri":"urn:x","expires_in":"60"}`, uint8(0))
	f.Add(`{"request_uri":"","expires_in":60}`, uint8(1))
	f.Add(`{"request_uri":"urn:x","expires_in":-1}`, uint8(1))
	f.Fuzz(func(t *testing.T, body string, kind uint8) {
		res := fuzzResponse(opPush, kind, body)
		uri, err := processPushedResponse(res)
		if (uri == "") == (err == nil) {
			t.Fatalf("%q with the error %v", uri, err)
		}
		if uri != "" && res.status > 201 {
			t.Fatalf("status %d is accepted", res.status)
		}
	})
}

func FuzzUserInfoResponse(f *testing.F) {
	for _, s := range []string{`{"sub":"alice","email":"a","email_verified":"true"}`, `{"sub":"bob"}`, `{"sub":1}`, `{"SUB":"alice"}`, `{"sub":"alice","sub":"bob"}`, fuzzTokens[0], fuzzTokens[1]} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(8))
	}
	keys := must(ParseKeySet([]byte(fuzzKeys)))
	c := newUnitServer().client(f, func(cfg *Config) {
		cfg.KeySet = keys
		cfg.Server.UserinfoSigningAlgValuesSupported = []Algorithm{ES256, EdDSA, RS256}
	})
	f.Fuzz(func(t *testing.T, body string, kind uint8) {
		res := fuzzResponse(opUserInfo, kind, body)
		u, err := c.processUserInfoResponse(context.Background(), res, "alice", "")
		if (u == nil) == (err == nil) {
			t.Fatalf("%v with the error %v", u, err)
		}
		if u == nil {
			return
		}
		// None of the signed examples is about alice.
		if u.Subject() != "alice" || res.status != http.StatusOK || res.mediaType == mediaJWT {
			t.Fatalf("%v of an answer %d as %s", u, res.status, res.mediaType)
		}
		var reference map[string]any
		if decodeAny(res.text(), &reference) != nil || reference["sub"] != any("alice") {
			t.Fatal("the subject is another than encoding/json reads")
		}
	})
}

// ---- the callback

// Whatever comes to the redirect URI, the code goes to the token endpoint only
// if the response has the state that was sent, names no other issuer, and no
// error; and then it is that code.
func FuzzAuthorizationResponse(f *testing.F) {
	for _, s := range []string{
		"code=c&state=STATE", "code=c&state=STATE&iss=https%3A%2F%2Fop.example", "code=c&state=STATE&iss=https%3A%2F%2Fattacker.example",
		"code=c&state=other", "code=c", "state=STATE", "code=&state=STATE", "code=c&code=d&state=STATE", "code=c&state=STATE&state=STATE",
		"error=access_denied&state=STATE", "error=&code=c&state=STATE", "code=c&state=STATE&response=a.b.c", "code=c&state=STATE&id_token=a.b.c",
		"code=c&state=STATE&access_token=a", "code=%zz&state=STATE", "code=c;state=STATE", "code=c&state=STATE%00", "CODE=c&STATE=STATE", "code=c+d&state=STATE&foo=1&foo=2",
	} {
		f.Add(s, false, "")
		f.Add(s, true, "")
	}
	f.Add("code=c&state=STATE", true, "state=STATE")
	f.Add("code=c", true, "state=STATE&code=d")
	s := newUnitServer()
	s.set("/token", unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"invalid_grant"}`})
	f.Fuzz(func(t *testing.T, params string, post bool, query string) {
		c := s.client(t, nil)
		mode := ""
		if post {
			mode = "form_post"
		}
		var a PendingAuthorization
		if err := a.UnmarshalBinary(savedPending(t, s, c, mode)); err != nil {
			t.Fatal(err)
		}
		params = strings.ReplaceAll(params, "STATE", a.State())
		u := &url.URL{Path: "/cb", RawQuery: params}
		r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}, Body: http.NoBody}
		if post {
			u.RawQuery = query
			r.Method, r.Body = http.MethodPost, io.NopCloser(strings.NewReader(params))
			r.Header.Set("Content-Type", mediaForm)
		}
		before := len(s.requests("/token"))
		token, err := c.FinishAuthorization(r, &a, nil)
		if token != nil || err == nil {
			t.Fatalf("%v, %v: the server gave out nothing", token, err)
		}
		sent := s.requests("/token")[before:]
		if len(sent) == 0 {
			return
		}
		values, err := url.ParseQuery(params)
		if err != nil || len(sent) != 1 || len(values["code"]) != 1 || len(values["state"]) != 1 {
			t.Fatalf("%q led to %d requests", params, len(sent))
		}
		if values.Get("state") != a.State() || values.Get("error") != "" || values.Get("code") != sent[0].form.Get("code") || values.Get("code") == "" {
			t.Fatalf("%q led to a request with the code %q", params, sent[0].form.Get("code"))
		}
		if values.Has("iss") && values.Get("iss") != unitIssuer || values.Has("response") || values.Has("id_token") || values.Has("access_token") {
			t.Fatalf("%q led to a request", params)
		}
	})
}

// The document is looked for at the issuer's own host.
func FuzzWellKnownURL(f *testing.F) {
	for _, s := range []string{
		"https://op.example", "https://op.example/", "https://op.example/a/b/", "https://op.example:8443//", "https://op.example/{tenantid}/v2.0",
		"https://op.example/a%2fb", "HTTPS://OP.example/A", "https://[::1]/x", "https://op.example/.well-known", "https://op.example@attacker.example/", "https://op.example\\@attacker.example/", "https:/op.example", "https://op.example#", "https://op.example/://",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, issuer string) {
		u, err := parseFetchURL("issuer", issuer, true)
		if err != nil || strings.Contains(issuer, "?") {
			return // Discover refuses it
		}
		for _, kind := range []bool{false, true} {
			place := wellKnownURL(issuer, kind)
			p, err := parseFetchURL("issuer", place, true)
			if err != nil {
				t.Fatalf("%q leads to %q: %v", issuer, place, err)
			}
			if p.Scheme != u.Scheme || p.Host != u.Host || p.RawQuery != "" || !strings.Contains(p.Path, "/.well-known/o") {
				t.Fatalf("%q leads to %q", issuer, place)
			}
		}
		if !sameIssuer(issuer, issuer) || sameIssuer(issuer, issuer+"/") != sameIssuer(issuer+"/", issuer) {
			t.Fatalf("%q is not its own equal", issuer)
		}
	})
}

// What is read of authorization_details is written so that it reads the same.
func FuzzAuthorizationDetails(f *testing.F) {
	f.Add(`[{"type":"pay","locations":["https://a.example"],"amount":{"eur":1.0}}]`)
	f.Add(`[]`)
	f.Add(`[{"type":""}]`)
	f.Add(`[{"type":"a"},{"type":"a","actions":["x"],"datatypes":[],"identifier":"7","privileges":["&"]}]`)
	f.Add(`[{"type":"a","Type":"b","x":null}]`)
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseDetails(text)
		if err != nil {
			if list != nil {
				t.Fatal("details came with the error")
			}
			return
		}
		written, err := encodeDetails(list)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return
		}
		again, err := parseDetails(written)
		if err != nil {
			t.Fatalf("%s became %s: %v", text, written, err)
		}
		if rewritten, err := encodeDetails(again); err != nil || rewritten != written {
			t.Fatalf("%s became %s and then %s, %v", text, written, rewritten, err)
		}
	})
}

// A JWT response of the server's, with whatever is in it: a code comes out only
// if it stands there as a string, together with state, issuer and audience.
func FuzzJARMClaims(f *testing.F) {
	f.Add(`"code":"c"`)
	f.Add(`"code":"c","error":"access_denied"`)
	f.Add(`"code":1,"id_token":{}`)
	f.Add(`"code":"c","aud":["client-1"]`)
	f.Add(`"cod\u0065":"c","expires_in":3600`)
	s := newUnitServer()
	c := s.client(f, func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256} })
	f.Fuzz(func(t *testing.T, members string) {
		a := s.start(t, c, &jarmRequest)
		claims := `{"iss":"` + unitIssuer + `","aud":"` + unitClient + `","exp":1700000060,"state":"` + a.State() + `",` + members + `}`
		token, err := s.key.signCompact(append(appendHeader(nil, ES256, "JWT", s.key.kid), '}'), []byte(claims))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"response": {token}})
		if (resp == nil) == (err == nil) {
			t.Fatalf("%v with error %v", resp, err)
		}
		if err != nil {
			return
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(claims), &got); err != nil || got["code"] != resp.code.Reveal() || resp.code.IsZero() ||
			got["error"] != nil && got["error"] != "" {
			t.Fatalf("%s gives %q, %v", claims, resp.code.Reveal(), err)
		}
	})
}
