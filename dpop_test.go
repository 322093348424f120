package oauth

// Tests of DPoP: proofs, read by other code than that which makes them, and
// where they stand.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A proof is a DPoP proof whose signature was verified with the key in it.
type proof struct {
	header, jwk, claims map[string]any
	thumbprint          string
}

// openProof reads the proof of a request, of which there is one.
func openProof(t testing.TB, h http.Header) *proof {
	t.Helper()
	if len(h["Dpop"]) != 1 || len(h["DPoP"]) != 0 {
		t.Fatalf("%d proofs", len(h["Dpop"]))
	}
	return readProof(t, h["Dpop"][0])
}

// readProof is RFC 9449, Section 4.3 with encoding/json and package crypto.
func readProof(t testing.TB, compact string) *proof {
	t.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		t.Fatalf("%d segments", len(parts))
	}
	var raw [3][]byte
	for i, s := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(s); err != nil {
			t.Fatal(err)
		}
	}
	p := &proof{}
	for i, dst := range []*map[string]any{&p.header, &p.claims} {
		if err := json.Unmarshal(raw[i], dst); err != nil {
			t.Fatalf("%v: %s", err, raw[i])
		}
	}
	p.jwk, _ = p.header["jwk"].(map[string]any)
	p.verify(t, parts[0]+"."+parts[1], raw[2])
	return p
}

// verify checks the signature, and that the header has what it may have. The
// thumbprint is RFC 7638, Section 3: the members in lexicographic order.
func (p *proof) verify(t testing.TB, signed string, signature []byte) {
	t.Helper()
	member := func(name string) []byte {
		text, _ := p.jwk[name].(string)
		b, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || text == "" {
			t.Fatalf("the jwk's %s is %q, %v", name, p.jwk[name], err)
		}
		return b
	}
	if got := slices.Sorted(maps.Keys(p.header)); !slices.Equal(got, []string{"alg", "jwk", "typ"}) || p.header["typ"] != "dpop+jwt" {
		t.Fatalf("the header is %v", p.header)
	}
	alg, _ := p.header["alg"].(string)
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[max(0, len(alg)-3):]]
	var digest []byte
	if hash != 0 {
		h := hash.New()
		h.Write([]byte(signed))
		digest = h.Sum(nil)
	}
	names, ok := []string(nil), false
	switch alg[:2] {
	case "RS", "PS":
		names = []string{"e", "kty", "n"}
		key := &rsa.PublicKey{N: new(big.Int).SetBytes(member("n")), E: int(new(big.Int).SetBytes(member("e")).Int64())}
		if alg[0] == 'R' {
			ok = rsa.VerifyPKCS1v15(key, hash, digest, signature) == nil
		} else {
			ok = rsa.VerifyPSS(key, hash, digest, signature, &rsa.PSSOptions{SaltLength: hash.Size(), Hash: hash}) == nil
		}
		ok = ok && p.jwk["kty"] == "RSA"
	case "ES":
		names = []string{"crv", "kty", "x", "y"}
		curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[alg]
		key, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, member("x"), member("y")))
		half := (curve.Params().BitSize + 7) / 8
		ok = err == nil && len(signature) == 2*half && p.jwk["kty"] == "EC" && p.jwk["crv"] == curve.Params().Name &&
			ecdsa.Verify(key, digest, new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]))
	case "Ed":
		names = []string{"crv", "kty", "x"}
		ok = ed25519.Verify(member("x"), []byte(signed), signature) && p.jwk["kty"] == "OKP" && p.jwk["crv"] == "Ed25519"
	}
	if !ok {
		t.Fatalf("the signature of %s does not verify", alg)
	}
	if got := slices.Sorted(maps.Keys(p.jwk)); !slices.Equal(got, names) {
		t.Fatalf("the jwk has %v, want %v", got, names)
	}
	var list []string
	for _, name := range names {
		list = append(list, `"`+name+`":"`+p.jwk[name].(string)+`"`)
	}
	sum := sha256.Sum256([]byte("{" + strings.Join(list, ",") + "}"))
	p.thumbprint = base64.RawURLEncoding.EncodeToString(sum[:])
}

// want compares the claims: these, and none beside them.
func (p *proof) want(t testing.TB, method, htu string, iat int64, token, nonce string) {
	t.Helper()
	want := map[string]any{"htm": method, "htu": htu, "iat": float64(iat), "jti": p.claims["jti"]}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		want["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if nonce != "" {
		want["nonce"] = nonce
	}
	if jti, _ := p.claims["jti"].(string); !maps.Equal(p.claims, want) || len(jti) < 22 {
		t.Errorf("the claims are %v, want %v", p.claims, want)
	}
}

var dpopKeys = sync.OnceValue(func() map[Algorithm]*SigningKey {
	keys := map[Algorithm]*SigningKey{}
	add := func(s crypto.Signer, err error, algs ...Algorithm) {
		for _, alg := range algs {
			if err == nil {
				keys[alg], err = NewSigningKey(s, alg, "a key id")
			}
		}
		if err != nil {
			panic(err)
		}
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	add(r, err, RS256, RS384, RS512, PS256, PS384, PS512)
	for alg, curve := range map[Algorithm]elliptic.Curve{ES256: elliptic.P256(), ES384: elliptic.P384(), ES512: elliptic.P521()} {
		e, err := ecdsa.GenerateKey(curve, rand.Reader)
		add(e, err, alg)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	add(ed, err, Ed25519, EdDSA)
	return keys
})

func TestDPoPProof(t *testing.T) {
	u, _ := url.Parse("https://api.example/a?b=c#d")
	for alg, key := range dpopKeys() {
		d, err := NewDPoP(key, &DPoPOptions{Clock: Clock{Now: unitNow, Skew: 90e9}})
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range []string{"", "the-access-token"} {
			compact, err := d.Proof("POST", u, token)
			if err != nil {
				t.Fatal(alg, err)
			}
			p := readProof(t, compact)
			p.want(t, "POST", "https://api.example/a", unitTime+90, token, "")
			if p.header["alg"] != string(alg) || p.thumbprint != d.Thumbprint() {
				t.Errorf("%s: alg %v, thumbprint %s, want %s", alg, p.header["alg"], p.thumbprint, d.Thumbprint())
			}
		}
	}
}

// TestDPoPJTI: each proof has its own.
func TestDPoPJTI(t *testing.T) {
	d := unitDPoP(t)
	u, _ := url.Parse(unitAPI)
	seen := map[any]bool{}
	for range 200 {
		compact, err := d.Proof("GET", u, "")
		if err != nil {
			t.Fatal(err)
		}
		jti := readProof(t, compact).claims["jti"]
		if seen[jti] {
			t.Fatalf("jti %v twice", jti)
		}
		seen[jti] = true
	}
}

// TestDPoPExamples are of RFC 9449: the hash of Section 7.1's token, and the key
// of Section 4.1 with its thumbprint of Section 6.1.
func TestDPoPExamples(t *testing.T) {
	compact, err := unitDPoP(t).Proof("GET", &url.URL{Scheme: "https", Host: "resource.example.org", Path: "/protectedresource"}, "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")
	if err != nil {
		t.Fatal(err)
	}
	p := readProof(t, compact)
	if p.claims["ath"] != "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" || p.claims["htu"] != "https://resource.example.org/protectedresource" {
		t.Errorf("the claims are %v", p.claims)
	}
	point := []byte{4}
	for _, s := range []string{"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"} {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		point = append(point, b...)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewSigningKey(publicOnly{public}, ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDPoP(key, nil)
	if err != nil || d.Thumbprint() != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" {
		t.Errorf("the thumbprint is %v, %v", d, err)
	}
}

// publicOnly is a signer whose private key is not known.
type publicOnly struct{ key crypto.PublicKey }

func (p publicOnly) Public() crypto.PublicKey { return p.key }
func (publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errSignerGone
}

var errSignerGone = errors.New("the signer is gone")
