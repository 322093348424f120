package oauth

// Tests of signers that fail, and of signatures that are none.

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/asn1"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// TestSignerFails: a token without a signature is never returned, whatever the key.
func TestSignerFails(t *testing.T) {
	modulus := new(big.Int).Lsh(big.NewInt(1), 2047)
	rsaKey := &rsa.PublicKey{N: modulus.Add(modulus, big.NewInt(1)), E: 65537}
	for alg, public := range map[Algorithm]crypto.PublicKey{
		RS256: rsaKey, PS256: rsaKey, ES256: unitKey().signer.Public(), Ed25519: proofKeyOf(t, Ed25519).signer.Public(),
	} {
		key, err := NewSigningKey(failingSigner{public}, alg, "")
		if err != nil {
			t.Fatal(err)
		}
		token, err := key.SignJWT("", map[string]any{"sub": "alice"})
		if wantError(t, err, ErrConfig, "SigningKey"); token != "" {
			t.Errorf("%s: %q", alg, token)
		}
		wantError(t, err, io.ErrUnexpectedEOF, "")
		if e := err.(*Error); e.Op != "sign" {
			t.Errorf("%s: the error does not say what it is of: %v", alg, err)
		}
	}
}

// TestFixedECDSASignature: the numbers of a signature lie between 1 and the width of the
// curve, and nothing stands behind them.
func TestFixedECDSASignature(t *testing.T) {
	const size = 64
	largest := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), size*4), big.NewInt(1))
	over := new(big.Int).Add(largest, big.NewInt(1))
	one, zero, below := big.NewInt(1), big.NewInt(0), big.NewInt(-1)
	for _, tt := range []struct {
		r, s *big.Int
		more string
		ok   bool
	}{
		{one, one, "", true}, {largest, one, "", true}, {one, largest, "", true},
		{zero, one, "", false}, {one, zero, "", false}, {below, one, "", false}, {one, below, "", false},
		{over, one, "", false}, {one, over, "", false}, {one, one, "\x00", false},
	} {
		der := append(must(asn1.Marshal(struct{ R, S *big.Int }{tt.r, tt.s})), tt.more...)
		sig, err := fixedECDSASignature(used(size), der)
		if !tt.ok {
			if wantError(t, err, ErrConfig, ""); sig != nil {
				t.Errorf("%v %v: %x with the error", tt.r, tt.s, sig)
			}
			continue
		}
		if err != nil || len(sig) != size || new(big.Int).SetBytes(sig[:size/2]).Cmp(tt.r) != 0 || new(big.Int).SetBytes(sig[size/2:]).Cmp(tt.s) != 0 {
			t.Errorf("%v %v: %x, %v", tt.r, tt.s, sig, err)
		}
	}
	if _, err := fixedECDSASignature(used(size), []byte("no signature")); err == nil {
		t.Error("no DER is one")
	}
}

// used is a buffer that something else was in.
func used(n int) []byte { return bytes.Repeat([]byte{0xaa}, n) }

// TestDERElement: one element of at most 255 bytes, whose length is in its shortest form.
func TestDERElement(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		der, content, rest string
		ok                 bool
	}{
		{"\x30\x00", "", "", true},
		{"\x30\x00x", "", "x", true},
		{"\x30\x01x", "x", "", true},
		{"\x30\x01xyz", "x", "yz", true},
		{"\x30\x7f" + long(127), long(127), "", true},
		{"\x30\x7f" + long(128), long(127), "x", true},
		{"\x30\x81\x80" + long(128), long(128), "", true},
		{"\x30\x81\xff" + long(255), long(255), "", true},
		{"\x30\x81\xff" + long(257), long(255), "xx", true},
		{"", "", "", false},
		{"\x30", "", "", false},
		{"\x31\x00", "", "", false},
		{"\x02\x01x", "", "", false},
		{"\x30\x01", "", "", false},
		{"\x30\x02x", "", "", false},
		{"\x30\x7f" + long(126), "", "", false},
		{"\x30\x81", "", "", false},
		{"\x30\x81\x00", "", "", false},
		{"\x30\x81\x01x", "", "", false},
		{"\x30\x81\x7f" + long(127), "", "", false},
		{"\x30\x81\x80" + long(127), "", "", false},
		{"\x30\x80x\x00\x00", "", "", false},
		{"\x30\x80" + long(128), "", "", false},
		{"\x30\x82\x00\x80" + long(200), "", "", false},
		{"\x30\x82\x81" + long(129), "", "", false},
		{"\x30\x82\x01\x00" + long(256), "", "", false},
		{"\x30\xff" + long(300), "", "", false},
	} {
		content, rest := derElement([]byte(tt.der), 0x30)
		if ok := content != nil; ok != tt.ok || string(content) != tt.content || string(rest) != tt.rest {
			t.Errorf("%.8x (%d): %d and %d bytes, %v", tt.der, len(tt.der), len(content), len(rest), content != nil)
		}
	}
}

// TestFixedInteger: a positive number that fits, in its shortest form.
func TestFixedInteger(t *testing.T) {
	for _, tt := range []struct{ content, want string }{
		{"\x01", "\x00\x00\x00\x01"},
		{"\x7f", "\x00\x00\x00\x7f"},
		{"\x00\x80", "\x00\x00\x00\x80"},
		{"\x00\xff", "\x00\x00\x00\xff"},
		{"\x01\x00", "\x00\x00\x01\x00"},
		{"\x01\x02\x03\x04", "\x01\x02\x03\x04"},
		{"\x7f\xff\xff\xff", "\x7f\xff\xff\xff"},
		{"\x00\x80\x02\x03\x04", "\x80\x02\x03\x04"},
		{"", ""}, {"\x00", ""}, {"\x00\x00", ""}, {"\x00\x01", ""}, {"\x00\x7f", ""}, {"\x80", ""}, {"\x81", ""}, {"\xff", ""}, {"\x80\x01\x02", ""},
		{"\x01\x02\x03\x04\x05", ""}, {"\x00\x80\x02\x03\x04\x05", ""}, {"\x00\x00\x80\x02\x03", ""},
	} {
		out := make([]byte, 4)
		if ok := fixedInteger(out, []byte(tt.content)); ok != (tt.want != "") || ok && string(out) != tt.want {
			t.Errorf("%x: %x, %v", tt.content, out, ok)
		}
	}
}

// A keepingSigner holds a key elsewhere, and keeps what it is given.
type keepingSigner struct {
	crypto.Signer
	given *[][]byte
}

func (s keepingSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	*s.given = append(*s.given, digest)
	return s.Signer.Sign(rand, digest, opts)
}

// TestSignerOutsideKeeps: what a signer of somebody else keeps is not written over.
func TestSignerOutsideKeeps(t *testing.T) {
	for _, alg := range []Algorithm{EdDSA, ES256, RS256} {
		var given [][]byte
		key := must(NewSigningKey(keepingSigner{must(GenerateSigningKey(alg)).signer, &given}, alg, ""))
		var first []byte
		for i := range 20 {
			must(key.SignJWT("JWT", map[string]any{"i": i, "x": strings.Repeat("x", i)}))
			if i == 0 {
				first = slices.Clone(given[0])
			}
		}
		if !bytes.Equal(first, given[0]) {
			t.Errorf("%s: %q became %q", alg, first, given[0])
		}
	}
}
