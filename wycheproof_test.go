package oauth

// The test vectors of Project Wycheproof for JWS, JWK and JWE. They are fetched with
// the go command, which checks them against the checksum database; without a
// network the test is skipped, unless OAUTH_REQUIRE_VECTORS=1 says otherwise.

import (
	"bytes"
	"context"
	"crypto/fips140"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	wycheproofModule  = "github.com/c2sp/wycheproof"
	wycheproofVersion = "v0.0.0-20260902155932-3fa63dd0344a"
)

type wycheproofFile struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment         string
		Public, Private json.RawMessage // a JWK or a JWK Set
		Tests           []wycheproofVector
	}
}

type wycheproofVector struct {
	TcID     int
	Comment  string
	JWS, JWE json.RawMessage // a string or, in the JSON serialization, an object
	Result   string          // valid, invalid
	Pt       string          // the plaintext of a JWE in hexadecimal digits; the older file has none
	Flags    []string
}

// wycheproofExceptions are the vectors that are answered in another way than
// Wycheproof says. Each entry is held against the vectors: one that matches
// none of them, or one whose answer is Wycheproof's after all, is an error.
var wycheproofExceptions = []struct {
	file   string
	match  func(v *wycheproofVector, group string, header joseHeader) bool
	accept bool // what the answer is
	// fipsSame: in FIPS 140-3 mode the answer is that of Wycheproof.
	fipsSame bool
	reason   string
}{
	{
		// In every file: a signature that anybody who can verify can also make
		// says nothing about the issuer. HMAC is in client_secret_jwt only.
		match: func(v *wycheproofVector, _ string, h joseHeader) bool {
			return v.Result == "valid" && findHMAC(h.alg) != nil
		},
		reason: "HMAC cannot be expressed in verification",
	},
	{
		file: "json_web_signature_test.json",
		match: func(v *wycheproofVector, group string, _ joseHeader) bool {
			return v.TcID == 372 && group == "base64"
		},
		// RFC 7515, Section 5.2, step 2: "following the restriction that no line
		// breaks, whitespace, or other additional characters have been used".
		// (373 has the character in the payload; it is HMAC as well.)
		reason: "a character that is not base64url stands in the header",
	},
	{
		file: "json_web_signature_test.json",
		match: func(v *wycheproofVector, group string, h joseHeader) bool {
			return slices.Contains([]int{346, 350}, v.TcID) && strings.HasPrefix(group, "rfc7520") && h.alg == PS384
		},
		// The vector puts alg PS256 into the key of RFC 7520, Section 3.3, where
		// the RFC has no alg, and signs with PS384 as Section 4.2 does. RFC 7517,
		// Section 4.4: alg "identifies the algorithm intended for use with the
		// key". Wycheproof's own vectors 331 to 340 (WrongPrimitive) want that
		// enforced.
		reason: "the alg of the key is PS256, the token's PS384",
	},
	{
		file: "json_web_signature_test.json",
		match: func(v *wycheproofVector, group string, h joseHeader) bool {
			return slices.Contains([]int{347, 351}, v.TcID) && strings.HasPrefix(group, "rfc7520") && h.alg == ES512
		},
		// As above; RFC 7518, Section 3.1 has no ES521, and Wycheproof's own
		// json_web_key 19 wants a key with it refused.
		reason: "the alg of the key is ES521, which does not exist",
	},
	{
		file: "json_web_key_test.json",
		match: func(v *wycheproofVector, group string, _ joseHeader) bool {
			return v.TcID == 7 && group == "jws_rsa_roca_key"
		},
		accept: true, fipsSame: true,
		// The modulus has the structure that CVE-2017-15361 made. RFC 7518,
		// Section 3.3 asks for 2048 bits and nothing about how the primes were
		// found; whether an issuer's key is a good one is the issuer's to see to.
		// (In FIPS 140-3 mode crypto/rsa refuses it for its odd size, 2049 bits.)
		reason: "weak primes are not looked for",
	},
	{
		file: "json_web_crypto_test.json",
		match: func(v *wycheproofVector, group string, _ joseHeader) bool {
			return v.TcID == 46 && group == "jws_rsa_roca_key"
		},
		accept: true, fipsSame: true,
		reason: "weak primes are not looked for",
	},
}

func TestWycheproof(t *testing.T) {
	dir := wycheproofDir(t)
	matched := make([]int, len(wycheproofExceptions))
	judged, skipped := 0, 0
	for _, name := range [...]string{"json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"} {
		f := readWycheproof(t, dir, name)
		inFile := 0
		for _, g := range f.TestGroups {
			keys := wycheproofKeys(t, g.Public, g.Private)
			for i := range g.Tests {
				inFile++
				if wycheproofJudge(t, name, g.Comment, &g.Tests[i], keys, matched) {
					judged++
				} else {
					skipped++
				}
			}
		}
		if inFile == 0 || inFile != f.NumberOfTests {
			t.Errorf("%s: %d vectors, the file says it has %d", name, inFile, f.NumberOfTests)
		}
	}
	for i, n := range matched {
		if n == 0 {
			t.Errorf("the exception %q matches no vector", wycheproofExceptions[i].reason)
		}
	}
	t.Logf("%d vectors judged, %d of encryption for TestWycheproofEncryption, %d exceptions", judged, skipped, sumOf(matched))
}

func readWycheproof(t *testing.T, dir, name string) (f wycheproofFile) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "testvectors_v1", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f
}

// wycheproofNoKey says of keys that no DecryptionKey is made of why not.
var wycheproofNoKey = map[string]string{
	// RFC 7518, Section 4.2 and RFC 8017, Section 7.2: errors in its padding tell
	// the plaintext (Bleichenbacher 1998). IANA deprecates it for JOSE.
	"RSA1_5": "RSA1_5 cannot be expressed",
}

// TestWycheproofEncryption is each vector about encryption, with those of RFC 7520
// among them.
func TestWycheproofEncryption(t *testing.T) {
	dir := wycheproofDir(t)
	judged, exceptions := 0, map[string]int{}
	for _, name := range [...]string{"json_web_encryption_test.json", "json_web_crypto_test.json"} {
		f := readWycheproof(t, dir, name)
		for _, g := range f.TestGroups {
			var d Decrypter
			for i := range g.Tests {
				v := &g.Tests[i]
				if v.JWE == nil {
					continue
				}
				if d == nil {
					var why string
					if d, why = wycheproofDecrypter(t, g.Private); d == nil {
						exceptions[why] += len(g.Tests)
						break
					}
				}
				want := v.Result == "valid"
				if slices.Contains(v.Flags, "CompressedPlaintext") {
					// RFC 8725, Section 3.6: "Compression of data SHOULD NOT be done before
					// encryption". RFC 7516 allows it; a token that grows is refused here.
					exceptions["compressed"]++
					want = false
				}
				judged++
				got, err := d.DecryptJWE(t.Context(), wycheproofToken(v))
				switch {
				case want != (err == nil), want != (got != nil):
					t.Errorf("%s %d (%s, %s): %x, %v, want accepted: %v", name, v.TcID, g.Comment, v.Comment, got, err, want)
				case err != nil && (!errors.Is(err, ErrDecrypt) || err.Error() != undecryptable):
					t.Errorf("%s %d: error %v", name, v.TcID, err)
				case want && v.Pt != "" && hex.EncodeToString(got) != v.Pt:
					t.Errorf("%s %d: plaintext %x, want %s", name, v.TcID, got, v.Pt)
				}
			}
		}
	}
	for _, why := range wycheproofNoKey {
		if exceptions[why] == 0 {
			t.Errorf("the exception %q matches no vector", why)
		}
	}
	if exceptions["compressed"] == 0 || judged < 100 {
		t.Errorf("%d vectors, exceptions %v", judged, exceptions)
	}
	t.Logf("%d vectors judged, exceptions %v", judged, exceptions)
}

// wycheproofDecrypter has the key of a group, or says why there is none.
func wycheproofDecrypter(t *testing.T, jwk json.RawMessage) (d Decrypter, why string) {
	t.Helper()
	var key struct{ Kty, Alg, K string }
	if err := json.Unmarshal(jwk, &key); err != nil {
		t.Fatal(err)
	}
	var k *DecryptionKey
	var err error
	if key.Kty == "oct" {
		if findEncryption(key.Alg) != nil { // the alg of a JWK can be an enc, for dir
			k, err = newDecryptionKey("dir", []string{key.Alg}, "")
		} else {
			k, err = newDecryptionKey(key.Alg, nil, "")
		}
		if err == nil {
			// In the place of what is made of a client secret.
			k.symmetric = func(size int) []byte { return must(decodeBase64URL(nil, key.K))[:size] }
		}
	} else {
		k, err = ParseDecryptionKey(jwk, "", nil, "")
	}
	if err != nil {
		if why, ok := wycheproofNoKey[key.Alg]; ok {
			wantError(t, err, ErrUnsupported, "alg")
			return nil, why
		}
		if fips140.Enabled() && key.Alg == "RSA-OAEP" {
			wantError(t, err, ErrUnsupported, "alg")
			return nil, "SHA-1 in FIPS 140-3 mode"
		}
		t.Fatal(err)
	}
	return newUnitDecrypter(t, k), ""
}

// wycheproofJudge compares the answer to one vector with Wycheproof's. It
// reports false for a vector about encryption, of which it only wants that it
// is refused.
func wycheproofJudge(t *testing.T, file, group string, v *wycheproofVector, keys *KeySet, matched []int) bool {
	t.Helper()
	token := wycheproofToken(v)
	// Only selection by the key decides about the algorithm here: every
	// algorithm is allowed.
	rules := &jwsRules{typ: func(string) bool { return true }, what: "a vector"}
	for _, a := range usableAlgorithms() {
		rules.allowed = append(rules.allowed, a.name)
	}
	got, err := verifyJWS(context.Background(), token, keys, fromAnybody, rules)
	if (got == (verifiedJWS{})) == (err == nil) {
		t.Errorf("%s %d: result and error together, or neither", file, v.TcID)
	}
	if v.JWE != nil {
		if err == nil {
			t.Errorf("%s %d (%s): a JWE passed for a signature", file, v.TcID, v.Comment)
		}
		return false
	}
	if v.Result != "valid" && v.Result != "invalid" {
		t.Errorf("%s %d: result %q is not known", file, v.TcID, v.Result)
	}
	want := v.Result == "valid"
	var header joseHeader
	if segment, _, ok := strings.Cut(token, "."); ok {
		header, _ = parseHeader(segment) // a wrong one matches no exception by alg
	}
	for i, x := range wycheproofExceptions {
		if x.file != "" && x.file != file || !x.match(v, group, header) {
			continue
		}
		matched[i]++
		if x.accept == want {
			t.Errorf("%s %d (%s): the exception %q is none", file, v.TcID, v.Comment, x.reason)
		}
		if !x.fipsSame || !fips140.Enabled() {
			want = x.accept
		} else {
			return true // crypto/rsa decides, differently with fips140=on and only
		}
	}
	if want != (err == nil) {
		t.Errorf("%s %d (%s, %s): error %v, want accepted: %v", file, v.TcID, group, v.Comment, err, want)
	}
	if findHMAC(header.alg) != nil || strings.EqualFold(string(header.alg), "none") {
		if !errors.Is(err, ErrAlgorithm) && !errors.Is(err, ErrParse) {
			t.Errorf("%s %d (%s): error %v, want one about the algorithm before any about keys", file, v.TcID, v.Comment, err)
		}
	}
	return true
}

// wycheproofToken is the token as a string; the JSON serialization is given as
// it is, since an attacker would do the same.
func wycheproofToken(v *wycheproofVector) string {
	raw := v.JWS
	if v.JWE != nil {
		raw = v.JWE
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// wycheproofKeys is the key set of a group. Where the group's key cannot be
// used at all (HMAC, a key that Wycheproof made wrong) that is refused too, and
// in its place stands a key that made none of the signatures, so that each
// token is judged by itself as well.
func wycheproofKeys(t *testing.T, public, private json.RawMessage) *KeySet {
	t.Helper()
	key := public
	if key == nil {
		key = private
	}
	if !bytes.Contains(key, []byte(`"keys"`)) {
		key = json.RawMessage(`{"keys":[` + string(key) + `]}`)
	}
	keys, err := ParseKeySet(key)
	if err == nil {
		return keys
	}
	wantError(t, err, ErrParse, "keys")
	stand, err := ParseKeySet([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return stand
}

func sumOf(list []int) (n int) {
	for _, i := range list {
		n += i
	}
	return n
}

// wycheproofDir fetches the vectors, or finds them in the module cache.
func wycheproofDir(t *testing.T) string {
	t.Helper()
	missing, patience := t.Skipf, 20*time.Second
	if os.Getenv("OAUTH_REQUIRE_VECTORS") == "1" {
		missing, patience = t.Fatalf, 5*time.Minute
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		missing("there is no go command to fetch the Wycheproof vectors with: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, goTool, "mod", "download", "-json", wycheproofModule+"@"+wycheproofVersion)
	// A module of its own: the vectors must not enter the go.mod of this one.
	cmd.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(cmd.Dir, "go.mod"), []byte("module vectors\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// GODEBUG would reach the go command, whose TLS it is not meant for.
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GODEBUG=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	var result struct{ Dir, Error string }
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil || runErr != nil || result.Dir == "" {
		missing("the Wycheproof vectors cannot be fetched (no network?): %v %s %s", runErr, result.Error, strings.TrimSpace(stderr.String()))
	}
	return result.Dir
}
