package oauth

// Tests of the key in a DPoP proof.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestProofKeyOfTheToken: a key that the token is bound to by its thumbprint is still
// judged as every key is.
func TestProofKeyOfTheToken(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, func(c *ResourceServerConfig) { c.DPoPAlgorithms = []Algorithm{ES256, RS256} })
	key := proofKeyOf(t, ES256) // none of the other has to sign
	modulus := func(bits int) string {
		n := bytes.Repeat([]byte{0xff}, (bits+7)/8)
		n[0] >>= (8 - bits%8) % 8
		return encodeBase64URL(n)
	}
	coordinate := encodeBase64URL(bytes.Repeat([]byte{1}, 32))
	for _, tt := range []struct {
		name  string
		alg   Algorithm
		jwk   map[string]any
		kind  error
		param string
	}{
		{"a point that is not on the curve", ES256, map[string]any{"kty": "EC", "crv": "P-256", "x": coordinate, "y": coordinate}, ErrInvalid, ""},
		{"a curve that nobody has", ES256, map[string]any{"kty": "EC", "crv": "P-257", "x": coordinate, "y": coordinate}, ErrUnsupported, ""},
		{"an RSA key of 4096 bits", RS256, map[string]any{"kty": "RSA", "e": "AQAB", "n": modulus(maxProofRSABits)}, ErrSignature, "DPoP"},
		{"an RSA key of 4098 bits", RS256, map[string]any{"kty": "RSA", "e": "AQAB", "n": modulus(maxProofRSABits + 2)}, ErrUnsupported, "jwk"},
		{"an RSA key for ES256", ES256, map[string]any{"kty": "RSA", "e": "AQAB", "n": modulus(2048)}, ErrAlgorithm, "jwk"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := parseObject(unitJSON(t, tt.jwk), headerForm, ErrParse)
			if err != nil {
				t.Fatal(err)
			}
			jkt := must(jwkThumbprint(&o))
			token := s.accessToken(t, map[string]any{"cnf": map[string]any{"jkt": jkt}})
			proof := signProof(t, key, map[string]any{"alg": tt.alg, "jwk": json.RawMessage(unitJSON(t, tt.jwk))}, proofClaims(token, nil))
			_, err = authenticate(t, rs, provenRequestOf(token, proof))
			wantError(t, err, tt.kind, tt.param)
		})
	}
}

type failingReplay struct{ err error }

func (f failingReplay) Add(context.Context, string, time.Time) (bool, error) { return false, f.err }

// TestProofReplayKinds: the error says itself what its kind is, whatever is in it.
func TestProofReplayKinds(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	token := s.accessToken(t, boundTo(key))
	away := errors.New("it is away")
	for cause, want := range map[error]error{away: ErrUnavailable, ErrRateLimited: ErrRateLimited, errors.Join(away, ErrRateLimited): ErrRateLimited} {
		rs := s.resource(t, func(c *ResourceServerConfig) { c.Replay = failingReplay{cause} })
		_, err := authenticate(t, rs, provenRequestOf(token, signProof(t, key, nil, proofClaims(token, nil))))
		wantError(t, err, want, "Replay")
		if e := (*Error)(nil); !errors.Is(err, cause) || !errors.As(err, &e) || e.Kind != want {
			t.Errorf("%v: %v", cause, err)
		}
	}
}

// TestProofSenderRemembered: what is remembered of the header of a proof is that, and not
// that its key is the one of another token, nor that another part of a proof is a header.
func TestProofSenderRemembered(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	key, other := proofKeyOf(t, ES256), must(GenerateSigningKey(ES256))
	mine, theirs := s.accessToken(t, boundTo(key)), s.accessToken(t, boundTo(other))
	var last string
	for range 3 {
		last = signProof(t, key, nil, proofClaims(mine, nil))
		if _, err := authenticate(t, rs, provenRequestOf(mine, last)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := authenticate(t, rs, provenRequestOf(theirs, signProof(t, key, nil, proofClaims(theirs, nil))))
	wantError(t, err, ErrBinding, "cnf")
	header := must(decodeBase64URL(nil, strings.Split(last, ".")[1]))
	forged := must(key.signCompact(header, []byte(unitJSON(t, proofClaims(mine, nil)))))
	if _, err := authenticate(t, rs, provenRequestOf(mine, forged)); !errors.Is(err, ErrInvalid) {
		t.Error("the claims of a proof as a header:", err)
	}
}
