package oauth

// Tests of signers that fail, and of signatures that are none.

import (
	"crypto"
	"crypto/rsa"
	"encoding/asn1"
	"io"
	"math/big"
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
		sig, err := fixedECDSASignature(der, size)
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
	if _, err := fixedECDSASignature([]byte("no signature"), size); err == nil {
		t.Error("no DER is one")
	}
}
