package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"time"
)

// This file makes keys, tokens and key sets, with the standard library alone: neither
// side of a comparison makes what it is to verify.

const (
	issuerURL = "https://op.example.com"
	secondURL = "https://second.example.com"
	clientID  = "client-4711"
	apiURL    = "https://api.example.com"
	nonce     = "n-0S6_WzA2Mj-gVdXhq4c3"
	subject   = "248289761001"
)

// algorithms are those that the tables have, in their order.
var algorithms = []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"}

// A key signs tokens of one algorithm.
type key struct {
	alg, kid string
	private  crypto.Signer
}

func newKey(alg, kid string) *key {
	k := &key{alg: alg, kid: kid}
	switch alg {
	case "RS256", "PS256":
		k.private = must(rsa.GenerateKey(rand.Reader, 2048))
	case "ES256":
		k.private = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	case "ES384":
		k.private = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	case "EdDSA":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		check(err)
		k.private = private
	default:
		check(errors.New("no such algorithm: " + alg))
	}
	return k
}

// filler returns the public part of another key of the same kind. Its RSA modulus is a
// random number: nobody verifies with it, and a real one takes a tenth of a second.
func filler(alg string) crypto.PublicKey {
	if alg != "RS256" && alg != "PS256" {
		return newKey(alg, "").private.Public()
	}
	modulus := make([]byte, 256)
	rand.Read(modulus)
	modulus[0] |= 0x80
	modulus[255] |= 1
	return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: 65537}
}

// digest returns what the primitive of the algorithm signs of an input.
func (k *key) digest(input string) []byte {
	switch k.alg {
	case "ES384":
		sum := sha512.Sum384([]byte(input))
		return sum[:]
	case "EdDSA":
		return []byte(input)
	}
	sum := sha256.Sum256([]byte(input))
	return sum[:]
}

var pssOptions = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

// primitive signs a digest as crypto does: ECDSA in DER.
func (k *key) primitive(digest []byte) []byte {
	var options crypto.SignerOpts = crypto.SHA256
	switch k.alg {
	case "PS256":
		options = pssOptions
	case "ES384":
		options = crypto.SHA384
	case "EdDSA":
		options = crypto.Hash(0)
	}
	return must(k.private.Sign(rand.Reader, digest, options))
}

// bareCheck returns the check of the signature of a token and nothing else: neither the
// hash nor base64 is in it, and an ECDSA signature is in DER already.
func (k *key) bareCheck(token string) op {
	input, signature, _ := cutLast(token)
	digest, sig := k.digest(input), unbase64(signature)
	var verify func() bool
	switch public := k.private.Public().(type) {
	case *rsa.PublicKey:
		verify = func() bool { return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest, sig) == nil }
		if k.alg == "PS256" {
			verify = func() bool { return rsa.VerifyPSS(public, crypto.SHA256, digest, sig, pssOptions) == nil }
		}
	case *ecdsa.PublicKey:
		der := toDER(sig)
		verify = func() bool { return ecdsa.VerifyASN1(public, digest, der) }
	case ed25519.PublicKey:
		verify = func() bool { return ed25519.Verify(public, digest, sig) }
	}
	return op{call: func() {
		if !verify() {
			check(errors.New("the bare check refuses the token"))
		}
	}}
}

// bareSignature returns the signing of a digest and nothing else.
func (k *key) bareSignature() op {
	digest := k.digest(strings.Repeat("input", 80))
	return op{call: func() { k.primitive(digest) }}
}

type ecdsaSignature struct{ R, S *big.Int }

func toDER(fixed []byte) []byte {
	half := len(fixed) / 2
	return must(asn1.Marshal(ecdsaSignature{new(big.Int).SetBytes(fixed[:half]), new(big.Int).SetBytes(fixed[half:])}))
}

func fromDER(der []byte, size int) []byte {
	var s ecdsaSignature
	must(asn1.Unmarshal(der, &s))
	fixed := make([]byte, 2*size)
	s.R.FillBytes(fixed[:size])
	s.S.FillBytes(fixed[size:])
	return fixed
}

// sign returns a compact token with this header and these claims, each as JSON.
func (k *key) sign(header, claims string) string {
	input := base64url(header) + "." + base64url(claims)
	signature := k.primitive(k.digest(input))
	if public, ok := k.private.Public().(*ecdsa.PublicKey); ok {
		signature = fromDER(signature, (public.Curve.Params().BitSize+7)/8)
	}
	return input + "." + base64url(string(signature))
}

// header returns the header of a token of the key. An empty typ is left out.
func (k *key) header(typ string) string {
	if typ != "" {
		typ = `"typ":"` + typ + `",`
	}
	return fmt.Sprintf(`{"alg":%q,%s"kid":%q}`, k.alg, typ, k.kid)
}

// idToken returns an ID token as servers write them, of about 700 bytes with RS256.
func (k *key) idToken(change map[string]any) string {
	now := time.Now().Unix()
	return k.sign(k.header(""), object(map[string]any{
		"iss": issuerURL, "sub": subject, "aud": clientID, "exp": now + 7200, "iat": now, "auth_time": now - 60,
		"nonce": nonce, "email": "jane@example.com", "email_verified": true,
	}, change))
}

// accessToken returns an access token as RFC 9068 has them, of about 620 bytes.
func (k *key) accessToken(change map[string]any) string {
	now := time.Now().Unix()
	return k.sign(k.header("at+jwt"), object(map[string]any{
		"iss": issuerURL, "sub": subject, "aud": apiURL, "exp": now + 7200, "iat": now,
		"jti": "c5e2a9c8", "client_id": clientID, "scope": "orders profile",
	}, change))
}

// object returns claims, with changes, as JSON. A nil value takes a claim out.
func object(claims, change map[string]any) string {
	claims = maps.Clone(claims)
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return string(must(json.Marshal(claims)))
}

// jwk returns a public key as a member of a key set.
func jwk(public crypto.PublicKey, alg, kid string) map[string]any {
	m := map[string]any{"use": "sig", "alg": alg, "kid": kid}
	switch public := public.(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", base64url(string(public.N.Bytes())), "AQAB"
	case *ecdsa.PublicKey:
		point := must(public.Bytes())[1:]
		m["kty"], m["crv"] = "EC", public.Curve.Params().Name
		m["x"], m["y"] = base64url(string(point[:len(point)/2])), base64url(string(point[len(point)/2:]))
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", base64url(string(public))
	}
	return m
}

// keySet returns a key set of n keys. Those of the arguments are the last ones, so
// that a search from the begin finds them late.
func keySet(n int, keys ...*key) string {
	var list []map[string]any
	for i := range n - len(keys) {
		list = append(list, jwk(filler(keys[0].alg), keys[0].alg, fmt.Sprintf("other-%03d", i)))
	}
	for _, k := range keys {
		list = append(list, jwk(k.private.Public(), k.alg, k.kid))
	}
	return string(must(json.Marshal(map[string]any{"keys": list})))
}

func base64url(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func unbase64(s string) []byte { return must(base64.RawURLEncoding.DecodeString(s)) }

func cutLast(token string) (before, after string, found bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return token, "", false
	}
	return token[:i], token[i+1:], true
}
