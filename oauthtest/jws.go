package oauthtest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"
)

// This file implements compact JWS (RFC 7515, Section 7.1) with the algorithms
// of RFC 7518, Section 3, RFC 8037 and RFC 9864. It is written apart from the
// client package so that a mistake in the one is not repeated in the other.

// An algorithm is a row of the table of signature algorithms.
type algorithm struct {
	name   string
	family string // the key that it signs with, see keyRing
	hash   crypto.Hash
}

var algorithms = [...]algorithm{
	{"RS256", "RSA", crypto.SHA256},
	{"RS384", "RSA", crypto.SHA384},
	{"RS512", "RSA", crypto.SHA512},
	{"PS256", "RSA", crypto.SHA256},
	{"PS384", "RSA", crypto.SHA384},
	{"PS512", "RSA", crypto.SHA512},
	{"ES256", "P-256", crypto.SHA256},
	{"ES384", "P-384", crypto.SHA384},
	{"ES512", "P-521", crypto.SHA512},
	{"EdDSA", "Ed25519", crypto.SHA512},
	{"Ed25519", "Ed25519", crypto.SHA512},
}

// macs are the algorithms of client_secret_jwt.
var macs = [...]algorithm{
	{"HS256", "oct", crypto.SHA256},
	{"HS384", "oct", crypto.SHA384},
	{"HS512", "oct", crypto.SHA512},
}

func algorithmByName(name string) (algorithm, bool) {
	for _, a := range algorithms {
		if a.name == name {
			return a, true
		}
	}
	return algorithm{}, false
}

func algorithmNames() []string {
	names := make([]string, 0, len(algorithms))
	for _, a := range algorithms {
		names = append(names, a.name)
	}
	return names
}

func (a algorithm) digest(data []byte) []byte {
	h := a.hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// halfHash is the hash of OpenID Connect Core, Section 3.1.3.6: the left half
// of the digest of the ASCII value, base64url encoded.
func (a algorithm) halfHash(value string) string {
	d := a.digest([]byte(value))
	return encode(d[:len(d)/2])
}

// sign returns the signature of input. Only the keys that keyRing makes come
// here, so that a type that does not fit the algorithm is a bug and panics.
func (a algorithm) sign(key crypto.Signer, input []byte) ([]byte, error) {
	switch a.name[:2] {
	case "RS":
		return rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), a.hash, a.digest(input))
	case "PS":
		opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.SignPSS(rand.Reader, key.(*rsa.PrivateKey), a.hash, a.digest(input), opts)
	case "ES":
		k := key.(*ecdsa.PrivateKey)
		r, s, err := ecdsa.Sign(rand.Reader, k, a.digest(input))
		if err != nil {
			return nil, err
		}
		// RFC 7518, Section 3.4: two integers of fixed width, not DER.
		n := (k.Curve.Params().BitSize + 7) / 8
		sig := make([]byte, 2*n)
		r.FillBytes(sig[:n])
		s.FillBytes(sig[n:])
		return sig, nil
	default:
		return ed25519.Sign(key.(ed25519.PrivateKey), input), nil
	}
}

// verify reports whether sig is the signature of input by pub. A key of
// another type than the algorithm's does not verify.
func (a algorithm) verify(pub crypto.PublicKey, input, sig []byte) bool {
	if familyOf(pub) != a.family {
		return false
	}
	switch a.name[:2] {
	case "RS":
		return rsa.VerifyPKCS1v15(pub.(*rsa.PublicKey), a.hash, a.digest(input), sig) == nil
	case "PS":
		opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.VerifyPSS(pub.(*rsa.PublicKey), a.hash, a.digest(input), sig, opts) == nil
	case "ES":
		k := pub.(*ecdsa.PublicKey)
		n := (k.Curve.Params().BitSize + 7) / 8
		if len(sig) != 2*n {
			return false
		}
		r, s := new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:])
		return ecdsa.Verify(k, a.digest(input), r, s)
	default:
		return ed25519.Verify(pub.(ed25519.PublicKey), input, sig)
	}
}

func (a algorithm) mac(secret, input []byte) []byte {
	m := hmac.New(a.hash.New, secret)
	m.Write(input)
	return m.Sum(nil)
}

// compact joins header, payload and the signature that sign makes of them.
func compact(header map[string]any, payload any, sign func(input []byte) ([]byte, error)) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("oauthtest: encoding the JWS header: %w", err)
	}
	p, err := json.Marshal(payload)
	if err != nil {
		return "", fmt.Errorf("oauthtest: encoding the JWS payload: %w", err)
	}
	input := encode(h) + "." + encode(p)
	sig, err := sign([]byte(input))
	if err != nil {
		return "", fmt.Errorf("oauthtest: signing: %w", err)
	}
	return input + "." + encode(sig), nil
}

// Sign returns a compact JWS of payload, signed with the server's key for alg, so
// that a test can make any token. The header contains "alg" and "kid". The members
// of header are added and replace these; they do not change how the token is
// signed. A nil value removes a member. payload is encoded with encoding/json; to
// sign given bytes, pass a json.RawMessage.
func (s *Server) Sign(alg string, header map[string]any, payload any) (string, error) {
	a, ok := algorithmByName(alg)
	if !ok {
		return "", fmt.Errorf("oauthtest: no key for algorithm %q", alg)
	}
	k := s.keys.get(a.family)
	h := map[string]any{"alg": alg, "kid": k.id}
	maps.Copy(h, header)
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
	return compact(h, payload, func(in []byte) ([]byte, error) { return a.sign(k.private, in) })
}

// A parsedJWS is a compact JWS taken apart. Nothing in it is verified.
type parsedJWS struct {
	alg, kid  string
	typ       string
	header    map[string]any
	claims    map[string]any
	payload   []byte // the claims as they came
	input     []byte
	signature []byte
}

var errJWS = errors.New("not a compact JWS with a JSON payload")

func parseJWS(token string) (*parsedJWS, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errJWS
	}
	var raw [3][]byte
	for i, part := range parts {
		b, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || strings.ContainsAny(part, "\r\n") {
			return nil, errJWS
		}
		raw[i] = b
	}
	header, err := decodeObject(raw[0])
	if err != nil {
		return nil, errJWS
	}
	if _, ok := header["crit"]; ok {
		return nil, errJWS // no extension is understood, RFC 7515, Section 4.1.11
	}
	claims, err := decodeObject(raw[1])
	if err != nil {
		return nil, errJWS
	}
	p := &parsedJWS{header: header, claims: claims, payload: raw[1], input: []byte(parts[0] + "." + parts[1]), signature: raw[2]}
	p.alg, _ = header["alg"].(string)
	p.kid, _ = header["kid"].(string)
	p.typ, _ = header["typ"].(string)
	return p, nil
}

// decodeObject reads a JSON object into a map, which, unlike a struct, keeps
// member names apart that differ in case.
func decodeObject(data []byte) (map[string]any, error) {
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&m); err != nil {
		return nil, err
	}
	if d.More() || m == nil {
		return nil, errJWS
	}
	return m, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
