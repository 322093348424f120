package oauth

// Tests of DPoP: proofs, read by other code than that which makes them, and
// where they stand.

import (
	"context"
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
	"strconv"
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
	var proofs []string
	for name, values := range h {
		if strings.EqualFold(name, "DPoP") {
			proofs = append(proofs, values...)
		}
	}
	if len(proofs) != 1 {
		t.Fatalf("%d proofs", len(proofs))
	}
	return readProof(t, proofs[0])
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
		d, err := NewDPoP(key, Clock{Now: unitNow, Skew: 90e9})
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

// TestDPoPTokens: each proof has the hash of its own access token, whichever the one before
// had, also where several are made at the same time.
func TestDPoPTokens(t *testing.T) {
	d := must(NewDPoP(unitKey(), Clock{Now: unitNow}))
	u, _ := url.Parse("https://api.example/a")
	tokens := []string{"a", "a", "a", "A", "a", "b", "", "b", "b", "aa", "ab", "aa", "aa", "aa", "a", ""}
	var made [4][]string
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() {
			for _, token := range tokens {
				made[i] = append(made[i], must(d.Proof("GET", u, token)))
			}
		})
	}
	all.Wait()
	for _, proofs := range made {
		for i, token := range tokens {
			readProof(t, proofs[i]).want(t, "GET", u.String(), unitTime, token, "")
		}
	}
}

// TestDPoPKeptToken: a token is kept when it comes twice in a row, until another comes,
// and never one that is too long to be any.
func TestDPoPKeptToken(t *testing.T) {
	d := unitDPoP(t)
	u, _ := url.Parse(unitAPI)
	long := strings.Repeat("a", maxToken)
	for i, step := range []struct{ token, kept string }{
		{"a", ""}, {"b", ""}, {"b", "b"}, {"", "b"}, {"b", "b"}, {"a", ""}, {"b", ""}, {"b", "b"},
		{long, ""}, {long, long}, {long + "a", ""}, {long + "a", ""}, {"c", ""}, {"c", "c"},
	} {
		if _, err := d.Proof("GET", u, step.token); err != nil {
			t.Fatal(err)
		}
		kept := ""
		if d.token != nil {
			kept = *d.token
		}
		if kept != step.kept {
			t.Errorf("step %d: %.40q is kept, want %.40q", i, kept, step.kept)
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
	compact, err := unitDPoP(
		t,
	).Proof("GET", &url.URL{Scheme: "https", Host: "resource.example.org", Path: "/protectedresource"}, "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")
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
	d, err := NewDPoP(key, Clock{})
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

func TestDPoPProofURL(t *testing.T) {
	for _, tt := range []struct{ url, htu string }{
		{"https://api.example", "https://api.example/"},
		{"https://api.example/", "https://api.example/"},
		{"https://api.example?a=b", "https://api.example/"},
		{"https://api.example/a/b/?a=b#c", "https://api.example/a/b/"},
		{"https://api.example/a?", "https://api.example/a"},
		{"HTTPS://API.Example:443/A", "https://api.example/A"},
		{"https://api.example:/a", "https://api.example/a"},
		{"https://api.example:80/a", "https://api.example:80/a"},
		{"https://api.example:8443/a", "https://api.example:8443/a"},
		{"http://localhost:80/a", "http://localhost/a"},
		{"http://localhost:443/a", "http://localhost:443/a"},
		{"http://[::1]:8080/a", "http://[::1]:8080/a"},
		{"https://[2001:DB8::443]/a", "https://[2001:db8::443]/a"},
		{"https://user:pass@api.example/a", "https://api.example/a"},
		{"https://api.example/a%2Fb%2fc", "https://api.example/a%2Fb%2fc"},
		{"https://api.example/%7Ea/~b", "https://api.example/%7Ea/~b"},
		{"https://api.example/a b", "https://api.example/a%20b"},
		{"https://api.example/\u00fc", "https://api.example/%C3%BC"},
		{"https://api.example//a", "https://api.example//a"},
	} {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := unitDPoP(t).Proof("GET", u, "")
		if err != nil {
			t.Fatal(err)
		}
		p := readProof(t, compact)
		if p.claims["htu"] != tt.htu {
			t.Errorf("htu of %s is %v, want %s", tt.url, p.claims["htu"], tt.htu)
		}
		// It is what net/http sends.
		if path, _, _ := strings.Cut(u.RequestURI(), "?"); !strings.HasSuffix(tt.htu, path) {
			t.Errorf("the path of %s is sent as %s", tt.url, path)
		}
	}
}

// TestDPoPGlued: a path that does not begin with a slash is not made a part of the host,
// however the URL was put together; the request is not made either.
func TestDPoPGlued(t *testing.T) {
	server := newUnitServer()
	c := server.client(t, func(c *Config) { c.DPoP = unitDPoP(t) })
	for _, u := range []*url.URL{
		{Scheme: "https", Host: "api.example", Path: ".evil/orders"},
		{Scheme: "https", Host: "api.example", Path: "@evil.example/"},
		{Scheme: "https", Host: "api.example", Path: ":444/"},
		{Scheme: "https", Host: "api.example", Path: "*"},
		{Scheme: "https", Host: "api.example", Path: "/orders", RawPath: "%2Forders"},
		{Scheme: "https", Host: "api.example", Opaque: "//api.example/orders"},
	} {
		proof, err := unitDPoP(t).Proof("GET", u, "")
		if wantError(t, err, ErrConfig, "URL"); proof != "" {
			t.Errorf("%v: a proof came with the error", u)
		}
		for _, token := range []*Token{protectedToken("DPoP"), protectedToken("Bearer")} {
			res, err := c.Do(&http.Request{Method: "GET", URL: u, Header: http.Header{}}, token)
			if wantError(t, err, ErrConfig, "URL"); res != nil {
				t.Errorf("%v: an answer came with the error", u)
			}
		}
	}
	if list := server.requests(""); len(list) != 0 {
		t.Errorf("requests were made: %v", list)
	}
}

func TestDPoPErrors(t *testing.T) {
	for _, key := range []*SigningKey{nil, {}} {
		d, err := NewDPoP(key, Clock{})
		if d != nil {
			t.Error("a DPoP without a key")
		}
		wantError(t, err, ErrConfig, "key")
	}
	d, err := NewDPoP(unitKey(), Clock{Skew: 25 * 3600e9})
	if wantError(t, err, ErrConfig, "Clock.Skew"); d != nil {
		t.Error("a DPoP with a bad clock")
	}
	good := &url.URL{Scheme: "https", Host: "api.example"}
	for _, tt := range []struct {
		d      *DPoP
		method string
		url    *url.URL
	}{
		{nil, "GET", good},
		{&DPoP{}, "GET", good},
		{unitDPoP(t), "", good},
		{unitDPoP(t), "GET", nil},
		{unitDPoP(t), "GET", &url.URL{Scheme: "https"}},
		{unitDPoP(t), "GET", &url.URL{Host: "api.example"}},
		{unitDPoP(t), "GE\xff", good},
		{unitDPoP(t), "GET /", good},
		{unitDPoP(t), "G\u00cbT", good},
		{unitDPoP(t), "GET", &url.URL{Scheme: "https", Host: "\xff.example"}},
		{unitDPoP(t), "GET", &url.URL{Scheme: "https", Host: "b\u00fccher.example"}},
		{unitDPoP(t), "GET", &url.URL{Scheme: "https", Host: "%250"}},
		{unitDPoP(t), "GET", &url.URL{Scheme: "https", Host: "[fe80::1%en0]"}},
	} {
		proof, err := tt.d.Proof(tt.method, tt.url, "")
		if wantError(t, err, ErrConfig, ""); proof != "" {
			t.Errorf("%q and an error", proof)
		}
	}
	key, err := NewSigningKey(publicOnly{unitKey().signer.Public()}, ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	if d, err = NewDPoP(key, Clock{}); err != nil {
		t.Fatal(err)
	}
	if proof, err := d.Proof("GET", good, ""); proof != "" || !errors.Is(err, errSignerGone) {
		t.Errorf("%q, %v", proof, err)
	}
	// A request that cannot have its proof is not sent, and its body closed.
	c := protectedClient(t, withDPoP(d), func(*http.Request) (*http.Response, error) {
		t.Error("sent without a proof")
		return nil, io.EOF
	})
	body := &closeCounter{Reader: strings.NewReader("x")}
	if _, err := c.Do(protectedRequest(t, "POST", unitAPI, body), protectedToken("DPoP")); !errors.Is(err, errSignerGone) || body.closed == 0 {
		t.Errorf("error %v, the body closed %d times", err, body.closed)
	}
	if _, err := c.ClientCredentials(context.Background(), nil); !errors.Is(err, errSignerGone) {
		t.Errorf("error %v", err)
	}
	cfg := newUnitServer().config()
	cfg.DPoP = &DPoP{}
	_, err = NewClient(cfg)
	wantError(t, err, ErrConfig, "DPoP")
	cfg.DPoP, cfg.AllowTokenTypes = unitDPoP(t), []string{"dpop"}
	_, err = NewClient(cfg)
	wantError(t, err, ErrConfig, "AllowTokenTypes")
}

func nonceHeader(values ...string) http.Header { return http.Header{"Dpop-Nonce": values} }

func TestDPoPNonces(t *testing.T) {
	d := unitDPoP(t)
	for _, tt := range []struct {
		values []string
		want   string
	}{
		{nil, ""}, {[]string{""}, ""}, {[]string{"a b"}, ""}, {[]string{`a"b`}, ""}, {[]string{`a\b`}, ""}, {[]string{"a\x7f"}, ""}, {[]string{"\u00fc"}, ""},
		{[]string{"a", "b"}, ""}, {[]string{"a", "a"}, ""}, {[]string{strings.Repeat("a", 513)}, ""},
		{[]string{"a"}, "a"}, {[]string{"!#[]~,:="}, "!#[]~,:="}, {[]string{strings.Repeat("a", 512)}, strings.Repeat("a", 512)},
	} {
		if got := d.remember("o", nonceHeader(tt.values...)); got != tt.want || got != "" && d.nonce("o") != got {
			t.Errorf("%q: %q, want %q", tt.values, got, tt.want)
		}
	}
	// What cannot be read takes nothing away.
	d.remember("o", nonceHeader("kept"))
	d.remember("o", nonceHeader("a", "b"))
	if d.nonce("o") != "kept" || d.nonce("other") != "" {
		t.Errorf("the nonces are %v", d.nonces)
	}
}

// TestDPoPNonceOrigins: 100 of them, the one used longest ago goes.
func TestDPoPNonceOrigins(t *testing.T) {
	d := unitDPoP(t)
	name := func(i int) string { return "https://" + strconv.Itoa(i) + ".example" }
	for i := range 100 {
		d.remember(name(i), nonceHeader("n"+strconv.Itoa(i)))
	}
	if len(d.nonces) != 100 || d.nonce(name(0)) != "n0" || d.nonce(name(50)) != "n50" {
		t.Fatalf("%d nonces", len(d.nonces))
	}
	d.remember(name(7), nonceHeader("again"))
	for i := 100; i < 103; i++ {
		d.remember(name(i), nonceHeader("n"))
	}
	seen := map[string]bool{}
	for _, e := range d.nonces {
		seen[e.origin] = true
	}
	if len(d.nonces) != 100 || len(seen) != 100 || seen[name(1)] || seen[name(2)] || seen[name(3)] || !seen[name(0)] || !seen[name(4)] || !seen[name(50)] {
		t.Errorf("%d nonces are left, the first are %v", len(seen), d.nonces[:5])
	}
	if d.nonce(name(7)) != "again" || d.nonce(name(99)) != "n99" || d.nonce(name(5)) != "n5" {
		t.Error("nonces are mixed up")
	}
}

func TestDPoPNoncePerOrigin(t *testing.T) {
	d := unitDPoP(t)
	d.remember("https://a.example", nonceHeader("of-a"))
	d.remember("https://shop.example", nonceHeader("of-shop"))
	d.remember("https://\u017fhop.example", nonceHeader("of-another"))
	for u, want := range map[string]any{
		"https://A.example:443/x?y": "of-a", "https://a.example:444/": nil, "http://a.example/": nil, "https://b.example/": nil,
		"https://shop.example/": "of-shop",
	} {
		place, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := d.Proof("GET", place, "")
		if err != nil || readProof(t, compact).claims["nonce"] != want {
			t.Errorf("%s: not nonce %v, %v", u, want, err)
		}
	}
}

func TestDPoPConcurrent(t *testing.T) {
	d := unitDPoP(t)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 50 {
				origin := "https://" + strconv.Itoa((i*7+j)%130) + ".example"
				if n := d.nonce(origin); n != "" && n != origin {
					t.Errorf("the nonce of %s is %s", origin, n)
				}
				d.remember(origin, nonceHeader(origin))
			}
		})
	}
	wg.Wait()
	if len(d.nonces) != 100 {
		t.Errorf("%d nonces", len(d.nonces))
	}
}
