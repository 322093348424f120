package oauth

// Tests of FIPS 140-3 mode: what is approved works, and what is not is an error
// when the value is made. crypto/hmac panics there with keys of less than 14
// bytes, and SHA-1 and MD5 panic too.

import (
	"context"
	"crypto/fips140"
	"crypto/rsa"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func needFIPS(t *testing.T) {
	t.Helper()
	if !fips140.Enabled() {
		t.Skip("not in FIPS 140-3 mode: TestFIPSProcess runs this with GODEBUG=fips140=only")
	}
}

// TestFIPSProcess runs the tests of cryptography again, in a process in which
// nothing but FIPS 140-3 is allowed.
func TestFIPSProcess(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("the tests run in FIPS 140-3 mode already")
	}
	if runtime.GOOS == "js" {
		t.Skip("js starts no processes")
	}
	const tests = "^Test(FIPS|RFC|JWS|MLDSA|ECDSA|Ed25519|EdDSA|PSS|RSA|SignJWT|Signer|PublicJWK|ParseSigningKey|NewSigningKey|SigningKey)"
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+tests, "-test.v")
	godebug := "fips140=only"
	if set := os.Getenv("GODEBUG"); set != "" {
		godebug = set + "," + godebug
	}
	cmd.Env = append(os.Environ(), "GODEBUG="+godebug)
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "FIPS 140-3 mode not supported") || strings.Contains(string(out), "fips140: not supported") {
		t.Skipf("there is no FIPS 140-3 mode here: %s", out)
	}
	for _, line := range strings.Split(string(out), "\n") {
		if line := strings.TrimSpace(line); strings.HasPrefix(line, "--- FAIL") || strings.Contains(line, "_test.go:") || strings.HasPrefix(line, "panic:") {
			t.Log(line)
		}
	}
	if err != nil {
		t.Fatalf("with GODEBUG=fips140=only: %v", err)
	}
	if !strings.Contains(string(out), "--- PASS: TestFIPSAlgorithms") {
		t.Errorf("the tests did not run:\n%s", out)
	}
}

// Every signature algorithm is approved: FIPS 186-5, FIPS 204.
func TestFIPSAlgorithms(t *testing.T) {
	needFIPS(t)
	for _, a := range usableAlgorithms() {
		key := jwsKey(a.name, "")
		if a.kty != "RSA" || a.name == RS256 { // RSA keys take long to make
			var err error
			if key, err = GenerateSigningKey(a.name); err != nil {
				t.Errorf("%s: %v", a.name, err)
				continue
			}
		}
		token, err := key.SignJWT("", struct{}{})
		if err != nil {
			t.Errorf("%s: %v", a.name, err)
			continue
		}
		keys, err := ParseKeySet([]byte(`{"keys":[` + string(key.PublicJWK()) + `]}`))
		if err != nil {
			t.Errorf("%s: %v", a.name, err)
			continue
		}
		if _, err := jwsVerify(token, keys, jwsAllow(a.name)); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
	}
}

// RSA keys that are not approved are refused when they are read, with the kind
// that says so; those that are refused in every mode keep their own kind.
func TestFIPSPublicKeys(t *testing.T) {
	needFIPS(t)
	for _, x := range []struct {
		name, jwk string
		kind      error
	}{
		{"1024 bits", rsaJWK(modulus(1024), "AQAB"), ErrParse},
		{"2047 bits", rsaJWK(modulus(2047), "AQAB"), ErrParse},
		{"exponent 1", rsaJWK(modulus(2048), "AQ"), ErrParse},
		// FIPS 186-5, Section 5.1: the exponent is larger than 2¹⁶.
		{"exponent 3", rsaJWK(modulus(2048), "Aw"), ErrUnsupported},
		{"exponent 65535", rsaJWK(modulus(2048), "__8"), ErrUnsupported},
		// The same: nlen is even. crypto/rsa refuses such keys with fips140=only.
		{"2049 bits", rsaJWK(modulus(2049), "AQAB"), ErrUnsupported},
		{"P-256", "", nil},
		{"65537", rsaJWK(modulus(2048), "AQAB"), nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			jwk := x.jwk
			if jwk == "" {
				jwk = string(minimalJWK(jwsKey(ES256, "").signer.Public()))
			}
			_, err := parseJWK(jwk)
			if x.kind == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, x.kind, "")
		})
	}
}

func TestFIPSSigningKeys(t *testing.T) {
	needFIPS(t)
	for _, x := range []struct {
		name    string
		bits, e int
		kind    error
	}{
		{"1024 bits", 1024, 65537, ErrConfig},
		{"exponent 3", 2048, 3, ErrUnsupported},
		{"2049 bits", 2049, 65537, ErrUnsupported},
	} {
		t.Run(x.name, func(t *testing.T) {
			n := new(big.Int).SetBit(big.NewInt(1), x.bits-1, 1)
			key, err := NewSigningKey(publicSigner{nil, &rsa.PublicKey{N: n, E: x.e}}, RS256, "")
			if key != nil {
				t.Error("a key came with the error")
			}
			wantError(t, err, x.kind, "")
		})
	}
}

// A key that came past the checks, as nothing does, still is an error and no
// panic.
func TestFIPSVerifyUnapproved(t *testing.T) {
	for _, key := range []*rsa.PublicKey{
		{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537},
		{N: new(big.Int).SetBit(big.NewInt(1), 2047, 1), E: 3},
		{N: new(big.Int).SetBit(big.NewInt(1), 2048, 1), E: 65537},
	} {
		for _, alg := range []Algorithm{RS256, PS256, RS512, PS512} {
			if signatureHolds(findAlgorithm(alg), key, []byte("input"), make([]byte, (key.N.BitLen()+7)/8)) {
				t.Errorf("%s with %d bits and exponent %d verifies", alg, key.N.BitLen(), key.E)
			}
		}
	}
}

// RFC 7518, Section 3.2: a key of the size of the hash output or larger. Shorter
// ones are found when the client is made, before crypto/hmac could panic, and
// Authenticate says the same to who did not ask.
func TestFIPSClientSecretJWT(t *testing.T) {
	for _, x := range []struct {
		alg  Algorithm
		size int
	}{{HS256, 32}, {HS384, 48}, {HS512, 64}} {
		for _, n := range []int{0, 1, 8, 13, 14, x.size - 1, x.size, x.size + 1, 200} {
			auth := ClientSecretJWT(strings.Repeat("s", n), x.alg, nil)
			cfg := newUnitServer().config()
			cfg.Auth = auth
			_, configErr := NewClient(cfg)
			r := &ClientAuthRequest{Server: cfg.Server, ClientID: unitClient, Now: unitNow(), Header: http.Header{}, Form: url.Values{}}
			authErr := auth.Authenticate(context.Background(), r)
			if n < x.size {
				wantError(t, configErr, ErrConfig, "Auth")
				wantError(t, authErr, ErrConfig, "Auth")
				if len(r.Form) > 0 || len(r.Header) > 0 {
					t.Errorf("%s with %d bytes: something is sent", x.alg, n)
				}
				continue
			}
			if configErr != nil || authErr != nil || strings.Count(r.Form.Get("client_assertion"), ".") != 2 {
				t.Errorf("%s with %d bytes: %v, %v", x.alg, n, configErr, authErr)
			}
		}
	}
}

// The rest that the package hashes and draws is approved as well.
func TestFIPSHashes(t *testing.T) {
	needFIPS(t)
	if len(randomString()) != 43 || len(codeChallenge("verifier")) != 43 || len(jwsKey(ES256, "").Thumbprint()) != 43 {
		t.Error("256 bits are 43 characters")
	}
	s := newUnitServer()
	c := s.client(t, nil)
	id, err := c.VerifyIDToken(context.Background(), s.sign(t, "", unitClaims(nil)), VerifyIDTokenOptions{})
	if err != nil || id == nil {
		t.Error(err)
	}
	if _, err := c.VerifyIDToken(context.Background(), s.sign(t, "", unitClaims(map[string]any{"at_hash": "x"})), VerifyIDTokenOptions{AccessToken: "token"}); !errors.Is(
		err,
		ErrClaim,
	) {
		t.Errorf("at_hash: %v", err)
	}
}
