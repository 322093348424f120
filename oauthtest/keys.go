package oauthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sync"
)

// This file implements the server's keys and the JWKs of RFC 7517 and
// RFC 8037.

// A key is one signing or decryption key of the server.
type key struct {
	id      string
	private crypto.Signer
}

// A keyRing holds one key for each key family: "RSA", "P-256", "P-384",
// "P-521" and "Ed25519". Keys are made when first asked for. Its zero value is
// empty and ready.
type keyRing struct {
	mu    sync.Mutex
	keys  map[string]*key
	extra []json.RawMessage
}

func (r *keyRing) get(family string) *key {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys[family] == nil {
		if r.keys == nil {
			r.keys = make(map[string]*key)
		}
		r.keys[family] = newKey(family)
	}
	return r.keys[family]
}

// jwks returns the public keys that the ring holds, in a stable order, and
// after them the extra ones. Their use is "sig" or "enc".
func (r *keyRing) jwks(use string) []any {
	r.mu.Lock()
	defer r.mu.Unlock()
	set := []any{}
	for _, family := range slices.Sorted(maps.Keys(r.keys)) {
		set = append(set, publicJWK(r.keys[family], use))
	}
	for _, raw := range r.extra {
		set = append(set, raw)
	}
	return set
}

// RotateKeys replaces each signing key of the server with a new key that has
// another kid. The old keys are removed from the key set at once.
func (s *Server) RotateKeys() {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	for family := range s.keys.keys {
		s.keys.keys[family] = newKey(family)
	}
}

// AddJWK appends a JSON value to the keys in the server's key set, for example an
// unusual or broken key, or the key of another server. It panics if jwk is not
// JSON.
func (s *Server) AddJWK(jwk json.RawMessage) {
	if !json.Valid(jwk) {
		panic("oauthtest: AddJWK: not JSON")
	}
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	s.keys.extra = append(s.keys.extra, slices.Clone(jwk))
}

func newKey(family string) *key {
	k := &key{id: family + "-" + rand.Text()[:8]}
	var err error
	switch family {
	case "RSA":
		k.private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "Ed25519":
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	default:
		k.private = newECKey(curveByName(family))
	}
	if err != nil {
		panic(fmt.Sprintf("oauthtest: generating a key: %v", err))
	}
	return k
}

func newECKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("oauthtest: generating a key: %v", err))
	}
	return key
}

func curveByName(name string) elliptic.Curve {
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if c.Params().Name == name {
			return c
		}
	}
	return nil
}

// familyOf names the key family of a public key, "" for one that the server
// does not know.
func familyOf(pub crypto.PublicKey) string {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return pub.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return ""
}

// publicJWK encodes the public half of k. It has no "alg": one RSA key serves
// RS and PS, and EdDSA and Ed25519 are two names for one thing.
func publicJWK(k *key, use string) map[string]any {
	m := publicMembers(k.private.Public())
	m["kid"], m["use"] = k.id, use
	return m
}

// publicMembers are the members of a JWK that are the key itself, which is what
// the thumbprint of RFC 7638 is made of.
func publicMembers(pub crypto.PublicKey) map[string]any {
	m := map[string]any{}
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		m["kty"] = "RSA"
		m["n"] = encode(pub.N.Bytes())
		m["e"] = encode(big.NewInt(int64(pub.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := pub.Bytes() // 0x04 ‖ x ‖ y, both of full width
		if err != nil {
			panic(fmt.Sprintf("oauthtest: encoding a public key: %v", err))
		}
		n := len(point) / 2
		m["kty"], m["crv"] = "EC", pub.Curve.Params().Name
		m["x"], m["y"] = encode(point[1:1+n]), encode(point[1+n:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", encode(pub)
	}
	return m
}

// A publicKey is a key from the JWK Set of a client.
type publicKey struct {
	id  string
	use string // sig, enc or, where the set does not say, empty
	alg string // likewise
	key crypto.PublicKey
}

// parseJWKS reads the keys that a client registered. Unlike a client of the
// real world it fails at the first key it cannot use: a test that registers
// such a key wants to know.
func parseJWKS(data []byte) ([]publicKey, error) {
	var set struct {
		Keys []struct {
			Kty string `json:"kty"`
			Kid string `json:"kid"`
			Use string `json:"use"`
			Alg string `json:"alg"`
			Crv string `json:"crv"`
			N   string `json:"n"`
			E   string `json:"e"`
			X   string `json:"x"`
			Y   string `json:"y"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("reading a JWK Set: %w", err)
	}
	if set.Keys == nil {
		return nil, errors.New("there are no keys: a JWK Set is {\"keys\":[…]}, as PublicJWKS makes it of keys")
	}
	var keys []publicKey
	for i, j := range set.Keys {
		k := publicKey{id: j.Kid, use: j.Use, alg: j.Alg}
		n, err1 := base64.RawURLEncoding.DecodeString(j.N)
		e, err2 := base64.RawURLEncoding.DecodeString(j.E)
		x, err3 := base64.RawURLEncoding.DecodeString(j.X)
		y, err4 := base64.RawURLEncoding.DecodeString(j.Y)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return nil, fmt.Errorf("JWK %d: %w", i, err)
		}
		curve := curveByName(j.Crv)
		switch {
		case j.Kty == "RSA" && len(n) >= 256 && len(e) > 0 && len(e) <= 4:
			k.key = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		case j.Kty == "EC" && curve != nil:
			point := slices.Concat([]byte{4}, x, y)
			pub, err := ecdsa.ParseUncompressedPublicKey(curve, point)
			if err != nil {
				return nil, fmt.Errorf("JWK %d: %w", i, err)
			}
			k.key = pub
		case j.Kty == "OKP" && j.Crv == "Ed25519" && len(x) == ed25519.PublicKeySize:
			k.key = ed25519.PublicKey(x)
		default:
			return nil, fmt.Errorf("JWK %d: no key that the server knows (kty %q, crv %q)", i, j.Kty, j.Crv)
		}
		keys = append(keys, k)
	}
	return keys, nil
}
