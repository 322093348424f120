package oauth

// Tests of key sets that are made of public keys.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"
)

func TestNewPublicKeySet(t *testing.T) {
	s := newUnitServer()
	rsaKey, ecKey, edKey := proofKeyOf(t, RS256), proofKeyOf(t, ES256), proofKeyOf(t, Ed25519)
	set, err := NewPublicKeySet(map[string]crypto.PublicKey{
		"one": rsaKey.signer.Public(), "two": ecKey.signer.Public(), "three": edKey.signer.Public(), "": s.key.signer.Public(),
	})
	if err != nil {
		t.Fatal(err)
	}
	rs := s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].KeySet = set })
	named := func(k *SigningKey, kid string) *SigningKey {
		copied := *k
		copied.kid = kid
		return &copied
	}
	for _, tt := range []struct {
		key  *SigningKey
		kind error
	}{
		{named(rsaKey, "one"), nil}, {named(ecKey, "two"), nil}, {named(edKey, "three"), nil},
		{named(rsaKey, "two"), ErrInvalid}, {named(ecKey, "TWO"), ErrKeyNotFound}, {named(ecKey, "four"), ErrKeyNotFound},
		{named(proofKeyOf(t, PS256), "one"), ErrSignature},
		{named(ecKey, ""), ErrKeyNotFound}, // two fit
	} {
		_, err := authenticate(t, rs, tokenFrom(unitIssuer, tt.key))
		wantError(t, err, tt.kind, "")
	}
	// A key without an id is for tokens without one.
	alone := must(NewPublicKeySet(map[string]crypto.PublicKey{"": ecKey.signer.Public()}))
	one := s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].KeySet = alone })
	if _, err := authenticate(t, one, tokenFrom(unitIssuer, named(ecKey, ""))); err != nil {
		t.Error(err)
	}
	_, err = authenticate(t, one, tokenFrom(unitIssuer, named(ecKey, "x")))
	wantError(t, err, ErrKeyNotFound, "kid")

	small := must(rsa.GenerateKey(rand.Reader, 1024+1024))
	small.N = new(big.Int).Rsh(small.N, 8) // 2040 bits
	many := map[string]crypto.PublicKey{}
	for i := range maxKeys + 1 {
		if i == maxKeys {
			must(NewPublicKeySet(many))
		}
		many[string(rune(i+1))] = ecKey.signer.Public()
	}
	for name, tt := range map[string]struct {
		keys map[string]crypto.PublicKey
		kind error
	}{
		"none":             {nil, ErrConfig},
		"too many":         {many, ErrConfig},
		"nil":              {map[string]crypto.PublicKey{"a": nil}, ErrUnsupported},
		"a nil RSA key":    {map[string]crypto.PublicKey{"a": (*rsa.PublicKey)(nil)}, ErrUnsupported},
		"an empty RSA key": {map[string]crypto.PublicKey{"a": new(rsa.PublicKey)}, ErrUnsupported},
		"no modulus":       {map[string]crypto.PublicKey{"a": &rsa.PublicKey{E: 65537}}, ErrUnsupported},
		"a zero e":         {map[string]crypto.PublicKey{"a": &rsa.PublicKey{N: rsaKey.signer.Public().(*rsa.PublicKey).N}}, ErrUnsupported},
		"a nil EC key":     {map[string]crypto.PublicKey{"a": (*ecdsa.PublicKey)(nil)}, ErrUnsupported},
		"an empty EC key":  {map[string]crypto.PublicKey{"a": new(ecdsa.PublicKey)}, ErrUnsupported},
		"no point":         {map[string]crypto.PublicKey{"a": &ecdsa.PublicKey{Curve: elliptic.P256()}}, ErrUnsupported},
		"a negative e":     {map[string]crypto.PublicKey{"a": &rsa.PublicKey{N: rsaKey.signer.Public().(*rsa.PublicKey).N, E: -65537}}, ErrUnsupported},
		"a short one":      {map[string]crypto.PublicKey{"a": ed25519.PublicKey{1}}, ErrUnsupported},
		"a value":          {map[string]crypto.PublicKey{"a": *rsaKey.signer.Public().(*rsa.PublicKey)}, ErrUnsupported},
		"a private key":    {map[string]crypto.PublicKey{"a": rsaKey.signer}, ErrUnsupported},
		"2040 bits":        {map[string]crypto.PublicKey{"a": &small.PublicKey}, ErrUnsupported},
		"P-224":            {map[string]crypto.PublicKey{"a": &must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)).PublicKey}, ErrUnsupported},
		"one of two":       {map[string]crypto.PublicKey{"a": ecKey.signer.Public(), "b": nil}, ErrUnsupported},
	} {
		set, err := NewPublicKeySet(tt.keys)
		if wantError(t, err, tt.kind, "keys"); set != nil {
			t.Errorf("%s: a KeySet with the error", name)
		}
	}
}

func TestParsePublicKeyPEM(t *testing.T) {
	block := func(typ string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
	}
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	rsaKey := proofKeyOf(t, RS256).signer.Public().(*rsa.PublicKey)
	pkix := must(x509.MarshalPKIXPublicKey(&ec.PublicKey))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1, 0)} // long expired, which is for others to judge
	cert := must(x509.CreateCertificate(rand.Reader, template, template, &ec.PublicKey, ec))
	private := must(x509.MarshalPKCS8PrivateKey(ec))
	type equal interface{ Equal(crypto.PublicKey) bool }
	for _, tt := range []struct {
		name, text string
		want       equal
	}{
		{"PKIX", block("PUBLIC KEY", pkix), &ec.PublicKey},
		{"PKCS #1", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rsaKey)), rsaKey},
		{"a certificate", block("CERTIFICATE", cert), &ec.PublicKey},
		{"behind words and a private key", "# the key\n" + block("PRIVATE KEY", private) + block("PUBLIC KEY", pkix), &ec.PublicKey},
		{"the first of two", block("PUBLIC KEY", pkix) + block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rsaKey)), &ec.PublicKey},
		{"nothing", "", nil},
		{"a JWK", `{"kty":"EC"}`, nil},
		{"a private key alone", block("PRIVATE KEY", private), nil},
		{"no key", block("PUBLIC KEY", []byte{1}), nil},
		{"no PKCS #1", block("RSA PUBLIC KEY", pkix), nil},
		{"no certificate", block("CERTIFICATE", pkix), nil},
		{"a bad one before a good one", block("PUBLIC KEY", []byte{1}) + block("PUBLIC KEY", pkix), nil},
		{"another name", block("public key", pkix), nil},
	} {
		got, err := ParsePublicKeyPEM([]byte(tt.text))
		if tt.want == nil {
			if wantError(t, err, ErrParse, ""); got != nil {
				t.Errorf("%s: a key with the error", tt.name)
			}
			continue
		}
		if err != nil || !tt.want.Equal(got) {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
	if _, err := ParsePublicKeyPEM(nil); !errors.Is(err, ErrParse) {
		t.Error(err)
	}
}
