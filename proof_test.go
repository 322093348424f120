package oauth

// Tests of DPoP at the resource server: RFC 9449, Section 4.3, check by check.

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// proofClaims are those of a good proof for apiRequest with the token.
func proofClaims(token string, change map[string]any) map[string]any {
	sum := sha256.Sum256([]byte(token))
	claims := map[string]any{
		"jti": randomString(), "htm": "GET", "htu": unitResource + "/orders", "iat": unitTime,
		"ath": encodeBase64URL(sum[:]),
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == unitRemoved })
	return claims
}

// signProof makes a proof whose header is as good as the key, but for change.
func signProof(t testing.TB, key *SigningKey, header, claims map[string]any) string {
	t.Helper()
	h := map[string]any{"alg": key.alg.name, "typ": "dpop+jwt", "jwk": json.RawMessage(minimalJWK(key.signer.Public()))}
	maps.Copy(h, header)
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == unitRemoved })
	proof, err := key.signCompact([]byte(unitJSON(t, h)), []byte(unitJSON(t, claims)))
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

func boundTo(key *SigningKey) map[string]any {
	return map[string]any{"cnf": map[string]any{"jkt": key.Thumbprint()}}
}

func provenRequestOf(token string, proofs ...string) *http.Request {
	r := apiRequest("DPoP " + token)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return r
}

// proofKeyOf is a key for proofs, made once for each algorithm.
func proofKeyOf(t testing.TB, alg Algorithm) *SigningKey {
	t.Helper()
	k, err := GenerateSigningKey(alg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// codeOf is the error code of an answer to err.
func codeOf(rs *ResourceServer, err error) (status int, code string, h http.Header) {
	w := httptest.NewRecorder()
	rs.WriteError(w, err)
	var body struct{ Error string }
	json.Unmarshal(w.Body.Bytes(), &body)
	return w.Code, body.Error, w.Header()
}

func TestProof(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.DPoPAlgorithms = []Algorithm{ES256, RS256, Ed25519}
	})
	key, other := proofKeyOf(t, ES256), proofKeyOf(t, ES256)
	p384 := proofKeyOf(t, ES384)
	token := s.accessToken(t, boundTo(key))
	good := proofClaims(token, nil)
	claims := func(name string, v any) map[string]any { return proofClaims(token, map[string]any{name: v}) }
	proof := func(claims map[string]any) []string { return []string{signProof(t, key, nil, claims)} }
	header := func(name string, v any) []string {
		return []string{signProof(t, key, map[string]any{name: v}, good)}
	}
	jwk := func(f func(map[string]any)) []string {
		m := map[string]any{}
		if err := json.Unmarshal(minimalJWK(key.signer.Public()), &m); err != nil {
			t.Fatal(err)
		}
		f(m)
		return header("jwk", m)
	}
	two := proof(proofClaims(token, nil))[0]
	// tampered has another segment in the place of one of a good proof.
	tampered := func(i int, segment string) []string {
		segments := strings.Split(two, ".")
		segments[i] = segment
		return []string{strings.Join(segments, ".")}
	}
	for _, tt := range []struct {
		name   string
		proofs []string
		kind   error
		param  string
		code   string
	}{
		{"good", proof(proofClaims(token, nil)), nil, "", ""},
		{"query and fragment", proof(claims("htu", unitResource+"/orders?x=1#y")), nil, "", ""},
		{"default port", proof(claims("htu", "HTTPS://API.example:443/orders")), nil, "", ""},
		{"escaped", proof(claims("htu", unitResource+"/%6frders")), nil, "", ""},
		{"at the beginning of the window", proof(claims("iat", unitTime+60)), nil, "", ""},
		{"at the end of the window", proof(claims("iat", unitTime-60)), nil, "", ""},
		{"a nonce that nobody asked for", proof(claims("nonce", "x")), nil, "", ""},
		{"a typ in other case", []string{signProof(t, key, map[string]any{"typ": "application/DPoP+jwt"}, proofClaims(token, nil))}, nil, "", ""},
		{"as large as one of ML-DSA-87 with a URL of 2 KiB", proof(claims("x", strings.Repeat("a", 9<<10))), nil, "", ""},
		{"exp within the tolerance", proof(claims("exp", unitTime-29)), nil, "", ""},
		{"nbf within the tolerance", proof(claims("nbf", unitTime+30)), nil, "", ""},
		{"a kid", []string{signProof(t, key, map[string]any{"kid": "1"}, proofClaims(token, nil))}, nil, "", ""},

		{"none", nil, ErrClaim, "DPoP", codeInvalidProof},
		{"several", []string{two, two}, ErrParse, "DPoP", codeInvalidProof},
		{"empty", []string{""}, ErrParse, "", codeInvalidProof},
		{"too long", proof(claims("x", strings.Repeat("a", maxProof))), ErrParse, "DPoP", codeInvalidProof},
		{"too many members", proof(func() map[string]any {
			m := proofClaims(token, nil)
			for i := range 64 {
				m[strings.Repeat("x", i+1)] = i
			}
			return m
		}()), ErrParse, "", codeInvalidProof},
		{"not a JWT", []string{"x"}, ErrParse, "", codeInvalidProof},
		{"typ", header("typ", "JWT"), ErrType, "typ", codeInvalidProof},
		{"no typ", header("typ", unitRemoved), ErrType, "typ", codeInvalidProof},
		{"an access token", []string{token}, ErrType, "typ", codeInvalidProof},
		{"alg none", header("alg", "none"), ErrAlgorithm, "alg", codeInvalidProof},
		{"HMAC", header("alg", "HS256"), ErrAlgorithm, "alg", codeInvalidProof},
		{"alg that is not allowed", []string{signProof(t, p384, nil, good)}, ErrAlgorithm, "alg", codeInvalidProof},
		{"alg of another key", header("alg", "RS256"), ErrAlgorithm, "jwk", codeInvalidProof},
		{"crit", header("crit", []string{"x"}), ErrUnsupported, "crit", codeInvalidProof},
		{"no jwk", header("jwk", unitRemoved), ErrClaim, "jwk", codeInvalidProof},
		{"jwk a string", header("jwk", "x"), ErrParse, "jwk", codeInvalidProof},
		{"private jwk", jwk(func(m map[string]any) { m["d"] = "AA" }), ErrParse, "jwk", codeInvalidProof},
		{"private RSA", jwk(func(m map[string]any) { m["dq"] = "AA" }), ErrParse, "jwk", codeInvalidProof},
		{"symmetric", header("jwk", map[string]any{"kty": "oct", "k": "AA"}), ErrParse, "jwk", codeInvalidProof},
		{"unknown kty", header("jwk", map[string]any{"kty": "oct"}), ErrUnsupported, "kty", codeInvalidProof},
		{"no x", jwk(func(m map[string]any) { delete(m, "x") }), ErrParse, "x", codeInvalidProof},
		{"jwk for encryption", jwk(func(m map[string]any) { m["use"] = "enc" }), ErrAlgorithm, "jwk", codeInvalidProof},
		{"jwk of another token", []string{signProof(t, other, nil, good)}, ErrBinding, "cnf", codeInvalidToken},
		{"signature of another key", []string{signProof(t, other, map[string]any{"jwk": json.RawMessage(minimalJWK(key.signer.Public()))}, good)}, ErrSignature, "DPoP", codeInvalidProof},
		{"other claims under the signature", tampered(1, encodeBase64URL([]byte(unitJSON(t, proofClaims(token, nil))))), ErrSignature, "DPoP", codeInvalidProof},
		{"a header that is not base64url", tampered(0, "e30="), ErrParse, "", codeInvalidProof},
		{"a header that is no JSON", tampered(0, encodeBase64URL([]byte("{"))), ErrParse, "", codeInvalidProof},
		{"claims that are not base64url", tampered(1, "e30="), ErrParse, "", codeInvalidProof},
		{"claims that are no JSON", tampered(1, encodeBase64URL([]byte("{"))), ErrParse, "", codeInvalidProof},
		{"a signature that is not base64url", tampered(2, "AA=="), ErrParse, "", codeInvalidProof},
		{"no signature", tampered(2, ""), ErrSignature, "DPoP", codeInvalidProof},
		{"no jti", proof(claims("jti", unitRemoved)), ErrClaim, "jti", codeInvalidProof},
		{"empty jti", proof(claims("jti", "")), ErrClaim, "jti", codeInvalidProof},
		{"jti a number", proof(claims("jti", 1)), ErrClaim, "jti", codeInvalidProof},
		{"no htm", proof(claims("htm", unitRemoved)), ErrClaim, "htm", codeInvalidProof},
		{"htm", proof(claims("htm", "POST")), ErrClaim, "htm", codeInvalidProof},
		{"htm in other case", proof(claims("htm", "get")), ErrClaim, "htm", codeInvalidProof},
		{"no htu", proof(claims("htu", unitRemoved)), ErrClaim, "htu", codeInvalidProof},
		{"htu of another path", proof(claims("htu", unitResource+"/orders/")), ErrClaim, "htu", codeInvalidProof},
		{"path in other case", proof(claims("htu", unitResource+"/Orders")), ErrClaim, "htu", codeInvalidProof},
		{"another host", proof(claims("htu", "https://api.example.evil/orders")), ErrClaim, "htu", codeInvalidProof},
		{"another scheme", proof(claims("htu", "http://api.example/orders")), ErrClaim, "htu", codeInvalidProof},
		{"another port", proof(claims("htu", unitResource+":8443/orders")), ErrClaim, "htu", codeInvalidProof},
		{"the port of http", proof(claims("htu", unitResource+":80/orders")), ErrClaim, "htu", codeInvalidProof},
		{"a user", proof(claims("htu", "https://a@api.example/orders")), ErrClaim, "htu", codeInvalidProof},
		{"no host", proof(claims("htu", "/orders")), ErrClaim, "htu", codeInvalidProof},
		{"dot segments", proof(claims("htu", unitResource+"/x/../orders")), ErrClaim, "htu", codeInvalidProof},
		{"escaped dot segments", proof(claims("htu", unitResource+"/%2e/orders")), ErrClaim, "htu", codeInvalidProof},
		{"an escaped slash", proof(claims("htu", unitResource+"%2Forders")), ErrClaim, "htu", codeInvalidProof},
		{"a third of an escape", proof(claims("htu", unitResource+"/orders%")), ErrClaim, "htu", codeInvalidProof},
		{"two thirds", proof(claims("htu", unitResource+"/orders%4")), ErrClaim, "htu", codeInvalidProof},
		{"no escape", proof(claims("htu", unitResource+"/orders%4g")), ErrClaim, "htu", codeInvalidProof},
		{"no ath", proof(claims("ath", unitRemoved)), ErrClaim, "ath", codeInvalidProof},
		{"ath of another token", proof(claims("ath", proofClaims("other", nil)["ath"])), ErrClaim, "ath", codeInvalidProof},
		{"no iat", proof(claims("iat", unitRemoved)), ErrClaim, "iat", codeInvalidProof},
		{"iat a string", proof(claims("iat", "1700000000")), ErrClaim, "iat", codeInvalidProof},
		{"too old", proof(claims("iat", unitTime-60.5)), ErrExpired, "iat", codeInvalidProof},
		{"too far ahead", proof(claims("iat", unitTime+60.5)), ErrNotYetValid, "iat", codeInvalidProof},
		// now − iat saturates here, and its negation stays negative.
		{"292 years ahead", proof(claims("iat", int64(unitTime+9223372036))), ErrNotYetValid, "iat", codeInvalidProof},
		{"292 years and a second ahead", proof(claims("iat", int64(unitTime+9223372037))), ErrNotYetValid, "iat", codeInvalidProof},
		{"in milliseconds", proof(claims("iat", int64(unitTime*1000))), ErrNotYetValid, "iat", codeInvalidProof},
		{"2^53", proof(claims("iat", int64(1<<53))), ErrNotYetValid, "iat", codeInvalidProof},
		{"-2^53", proof(claims("iat", int64(-1<<53))), ErrExpired, "iat", codeInvalidProof},
		{"1e300", proof(claims("iat", 1e300)), ErrClaim, "iat", codeInvalidProof},
		{"it has expired", proof(claims("exp", unitTime-30)), ErrExpired, "exp", codeInvalidProof},
		{"exp a string", proof(claims("exp", "1800000000")), ErrClaim, "exp", codeInvalidProof},
		{"it begins later", proof(claims("nbf", unitTime+31)), ErrNotYetValid, "nbf", codeInvalidProof},
		{"nbf null", proof(claims("nbf", nil)), ErrClaim, "nbf", codeInvalidProof},
		{"nonce a number", proof(claims("nonce", 1)), ErrClaim, "nonce", codeInvalidProof},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := authenticate(t, rs, provenRequestOf(token, tt.proofs...))
			if tt.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				if got.KeyThumbprint() != key.Thumbprint() {
					t.Error(got.KeyThumbprint())
				}
				return
			}
			wantError(t, err, tt.kind, tt.param)
			if status, code, h := codeOf(rs, err); status != http.StatusUnauthorized || code != tt.code || h.Get("DPoP-Nonce") != "" {
				t.Errorf("status %d, error %s, nonce %q", status, code, h.Get("DPoP-Nonce"))
			}
		})
	}
}

// TestProofAlgorithms has a key of each type, and one that is too large.
func TestProofAlgorithms(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	for _, a := range usableAlgorithms() {
		alg := a.name
		if a.kty == "RSA" && alg != RS256 && alg != PS512 { // RSA keys take long to make
			continue
		}
		key := proofKeyOf(t, alg)
		token := s.accessToken(t, boundTo(key))
		if _, err := authenticate(t, rs, provenRequestOf(token, signProof(t, key, nil, proofClaims(token, nil)))); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

// TestProofKeys has keys that tokens are bound to by their thumbprints, and that are
// judged all the same. They need not be those of anybody: what is wrong with a key is
// found out before everything that takes time.
func TestProofKeys(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	modulus := func(head ...byte) string {
		return encodeBase64URL(append(head, slices.Repeat([]byte{0xff}, 4096/8)...))
	}
	off := encodeBase64URL(slices.Repeat([]byte{1}, 32))
	for _, tt := range []struct {
		name  string
		alg   Algorithm
		jwk   map[string]any
		kind  error
		param string
	}{
		{"RSA of 4096 bits", RS256, map[string]any{"kty": "RSA", "e": "AQAB", "n": modulus()}, ErrSignature, "DPoP"},
		{"RSA of 4098 bits", RS256, map[string]any{"kty": "RSA", "e": "AQAB", "n": modulus(3)}, ErrUnsupported, "jwk"}, // FIPS 140-3 mode has no odd number
		{"RSA with an even exponent", RS256, map[string]any{"kty": "RSA", "e": "AQAA", "n": modulus()}, ErrParse, "e"},
		{"not on the curve", ES256, map[string]any{"kty": "EC", "crv": "P-256", "x": off, "y": off}, ErrParse, ""},
	} {
		o, err := parseObject(unitJSON(t, tt.jwk), headerForm, ErrParse)
		if err != nil {
			t.Fatal(err)
		}
		jkt, err := jwkThumbprint(&o)
		if err != nil {
			t.Fatal(err)
		}
		token := s.accessToken(t, map[string]any{"cnf": map[string]any{"jkt": jkt}})
		proof := signProof(t, proofKeyOf(t, tt.alg), map[string]any{"jwk": tt.jwk}, proofClaims(token, nil))
		t.Run(tt.name, func(t *testing.T) {
			_, err := authenticate(t, rs, provenRequestOf(token, proof))
			wantError(t, err, tt.kind, tt.param)
		})
	}
}

// TestProofVector is Figures 12 and 13 of RFC 9449: a proof that this package did
// not make, for a token that is no JWT although it has two dots.
func TestProofVector(t *testing.T) {
	const (
		token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
		proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
		jkt   = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	)
	s := newUnitServer()
	s.answer(introspectionPath, `{"active":true,"cnf":{"jkt":"`+jkt+`"}}`)
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Resource = "https://resource.example.org/protectedresource"
		c.Introspect = s.introspector(t, nil)
		c.Clock = Clock{Now: func() time.Time { return time.Unix(1562262618, 0) }}
	})
	request := func(target string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", proof)
		return r
	}
	_, err := authenticate(t, rs, request("https://resource.example.org/other"))
	wantError(t, err, ErrClaim, "htu")
	if _, err := authenticate(t, rs, request("https://resource.example.org/protectedresource")); err != nil {
		t.Fatal(err)
	}
	_, err = authenticate(t, rs, request("https://resource.example.org/protectedresource"))
	wantError(t, err, ErrReplay, "jti")
}

// TestProofNeedsBinding: how the token came has to be how it is bound.
func TestProofNeedsBinding(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	bound, plain := s.accessToken(t, boundTo(key)), s.accessToken(t, nil)
	proof := func(token string) string { return signProof(t, key, nil, proofClaims(token, nil)) }
	withProof := func(r *http.Request, proof string) *http.Request {
		r.Header.Set("DPoP", proof)
		return r
	}
	for _, tt := range []struct {
		name   string
		change func(*ResourceServerConfig)
		r      *http.Request
		ok     bool
	}{
		{"unbound as Bearer", nil, bearer(plain), true},
		{"bound as Bearer", nil, bearer(bound), false},
		{"bound as Bearer with a proof", nil, withProof(bearer(bound), proof(bound)), false},
		{"unbound as DPoP", nil, provenRequestOf(plain), false},
		{"unbound as DPoP with a proof", nil, provenRequestOf(plain, proof(plain)), false},
		{"unbound as Bearer with a proof", nil, withProof(bearer(plain), proof(plain)), false},
		{"unbound where DPoP is required", func(c *ResourceServerConfig) { c.RequireDPoP = true }, bearer(plain), false},
		{"bound where DPoP is required", func(c *ResourceServerConfig) { c.RequireDPoP = true }, provenRequestOf(bound, proof(bound)), true},
		{"bound to a key where a certificate is required", func(c *ResourceServerConfig) { c.RequireMTLS = true }, provenRequestOf(bound, proof(bound)), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rs := s.resource(t, tt.change)
			_, err := authenticate(t, rs, tt.r)
			if tt.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, ErrBinding, "cnf")
			if status, code, _ := codeOf(rs, err); status != http.StatusUnauthorized || code != codeInvalidToken {
				t.Error(status, code)
			}
		})
	}
}

// TestProofTarget: what htu is compared with does not come from the client.
func TestProofTarget(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	token := s.accessToken(t, boundTo(key))
	moved := errors.New("no proxy")
	for _, tt := range []struct {
		name   string
		change func(*ResourceServerConfig)
		edit   func(*http.Request)
		htu    string
		kind   error
		param  string
	}{
		{"another Host", nil, func(r *http.Request) { r.Host = "evil.example" }, unitResource + "/orders", nil, ""},
		{"Host in the proof", nil, func(r *http.Request) { r.Host = "evil.example" }, "https://evil.example/orders", ErrClaim, "htu"},
		{"Forwarded", nil, func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "evil.example") }, "https://evil.example/orders", ErrClaim, "htu"},
		{"StripPrefix", nil, func(r *http.Request) { r.URL.Path = "/" }, unitResource + "/orders", nil, ""},
		{"absolute form", nil, func(r *http.Request) { r.RequestURI = "http://evil.example/orders?x" }, unitResource + "/orders", nil, ""},
		{"asterisk", nil, func(r *http.Request) { r.RequestURI = "*" }, unitResource + "/orders", ErrClaim, "htu"},
		{"CONNECT", nil, func(r *http.Request) { r.Method, r.RequestURI = http.MethodConnect, unitResource+"/orders" }, unitResource + "/orders", ErrClaim, "htu"},
		{"a request line and no URL", nil, func(r *http.Request) { r.URL = nil }, unitResource + "/orders", nil, ""},
		{"made by hand", nil, func(r *http.Request) { r.RequestURI = "" }, unitResource + "/orders", nil, ""},
		{"a root", nil, func(r *http.Request) { r.RequestURI = "/" }, unitResource, nil, ""},
		{"dot segments in the request", nil, func(r *http.Request) { r.RequestURI = "/x/../orders" }, unitResource + "/x/../orders", ErrClaim, "htu"},
		{"one dot", nil, func(r *http.Request) { r.RequestURI = "/x/./orders" }, unitResource + "/x/./orders", ErrClaim, "htu"},
		{"escaped ones", nil, func(r *http.Request) { r.RequestURI = "/x/%2E%2e/orders" }, unitResource + "/x/../orders", ErrClaim, "htu"},
		{"escapes", nil, func(r *http.Request) { r.RequestURI = "/a%2fb%7Ec" }, unitResource + "/a%2Fb~c", nil, ""},
		{"base", func(c *ResourceServerConfig) { c.BaseURL = "https://EDGE.example:443/" }, nil, "https://edge.example/orders", nil, ""},
		{"a letter that only Unicode takes for another", func(c *ResourceServerConfig) { c.BaseURL = "https://shop.example" }, nil, "https://\u017fhop.example/orders", ErrClaim, "htu"},
		{"resource where there is a base", func(c *ResourceServerConfig) { c.BaseURL = "https://edge.example" }, nil, unitResource + "/orders", ErrClaim, "htu"},
		{"RequestURL", func(c *ResourceServerConfig) {
			c.RequestURL = func(*http.Request) (*url.URL, error) { return url.Parse("https://edge.example/v1/orders?q") }
		}, nil, "https://edge.example/v1/orders", nil, ""},
		{"base where there is RequestURL", func(c *ResourceServerConfig) {
			c.RequestURL = func(*http.Request) (*url.URL, error) { return url.Parse("https://edge.example/v1/orders") }
		}, nil, unitResource + "/orders", ErrClaim, "htu"},
		{"RequestURL fails", func(c *ResourceServerConfig) {
			c.RequestURL = func(*http.Request) (*url.URL, error) { return nil, moved }
		}, nil, unitResource + "/orders", moved, "RequestURL"},
		{"RequestURL returns a path without a slash", func(c *ResourceServerConfig) {
			c.RequestURL = func(*http.Request) (*url.URL, error) {
				return &url.URL{Scheme: "https", Host: "api.example", Path: ".evil/orders"}, nil
			}
		}, nil, "https://api.example.evil/orders", ErrMalformed, "RequestURL"},
		{"RequestURL returns no host", func(c *ResourceServerConfig) {
			c.RequestURL = func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "https", Path: "/orders"}, nil }
		}, nil, "https:///orders", ErrMalformed, "RequestURL"},
		{"RequestURL returns an opaque URL", func(c *ResourceServerConfig) {
			c.RequestURL = func(*http.Request) (*url.URL, error) {
				return &url.URL{Scheme: "https", Host: "api.example", Opaque: "//evil.example/orders"}, nil
			}
		}, nil, unitResource, ErrMalformed, "RequestURL"},
		{"a request line that is no URL", nil, func(r *http.Request) { r.RequestURI = "%zz" }, unitResource, ErrClaim, "htu"},
		{"a host that is none", nil, func(r *http.Request) { r.RequestURI = "http://api.example:x/" }, unitResource, ErrClaim, "htu"},
		{"an escaped slash in the request", nil, func(r *http.Request) { r.RequestURI = "/a%2Fb" }, unitResource + "/a/b", ErrClaim, "htu"},
		{"an escaped slash in the proof", nil, func(r *http.Request) { r.RequestURI = "/a/b" }, unitResource + "/a%2Fb", ErrClaim, "htu"},
		{"a path without a slash", nil, func(r *http.Request) { r.RequestURI, r.URL.Path = "", ".evil/orders" }, "https://api.example.evil/orders", ErrClaim, "htu"},
		{"no request line, for the root", nil, func(r *http.Request) { r.RequestURI, r.URL.Path = "", ".evil/orders" }, unitResource, ErrClaim, "htu"},
		{"an asterisk for the root", nil, func(r *http.Request) { r.RequestURI = "*" }, unitResource, ErrClaim, "htu"},
		{"RequestURL returns nothing", func(c *ResourceServerConfig) {
			c.RequestURL = func(*http.Request) (*url.URL, error) { return nil, nil }
		}, nil, unitResource + "/orders", ErrMalformed, "RequestURL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rs := s.resource(t, tt.change)
			r := provenRequestOf(token)
			if tt.edit != nil {
				tt.edit(r)
			}
			r.Header.Set("DPoP", signProof(t, key, nil, proofClaims(token, map[string]any{"htm": r.Method, "htu": tt.htu})))
			_, err := authenticate(t, rs, r)
			if tt.kind == nil && err == nil {
				return
			}
			wantError(t, err, tt.kind, tt.param)
			if tt.param != "RequestURL" {
				return
			}
			if status, code, _ := codeOf(rs, err); status != http.StatusBadRequest || code != codeInvalidRequest {
				t.Error(status, code)
			}
		})
	}
}

// TestNormalPath has every octet, escaped and as a digit of an escape: RFC 3986,
// Sections 2.1, 2.3 and 6.2.2.
func TestNormalPath(t *testing.T) {
	const (
		digits = "0123456789ABCDEFabcdef"
		plain  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	)
	for c := range 256 {
		upper := fmt.Sprintf("/x%%%02X", c)
		want := upper
		if strings.IndexByte(plain, byte(c)) >= 0 {
			want = "/x" + string(rune(c))
		}
		for _, path := range []string{upper, strings.ToLower(upper)} {
			if got, ok := normalPath(path); got != want || !ok {
				t.Errorf("%s becomes %q, %v, want %q", path, got, ok, want)
			}
		}
		if strings.IndexByte(digits, byte(c)) >= 0 {
			continue
		}
		for _, path := range []string{"/%" + string([]byte{byte(c), '7'}), "/%7" + string([]byte{byte(c)})} {
			if got, ok := normalPath(path); ok {
				t.Errorf("%q becomes %q", path, got)
			}
		}
	}
	for _, path := range []string{"/%", "/%7", "/x%7"} {
		if got, ok := normalPath(path); ok {
			t.Errorf("%q becomes %q", path, got)
		}
	}
}

// stubReplay is a ReplayCache that says what it is told to.
type stubReplay struct {
	added bool
	err   error
	key   string
	until time.Time
}

func (s *stubReplay) Add(_ context.Context, key string, until time.Time) (bool, error) {
	s.key, s.until = key, until
	return s.added, s.err
}

func TestProofReplay(t *testing.T) {
	s := newUnitServer()
	key, other := proofKeyOf(t, ES256), proofKeyOf(t, ES256)
	token, others := s.accessToken(t, boundTo(key)), s.accessToken(t, boundTo(other))
	now := int64(unitTime)
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Clock = Clock{Now: func() time.Time { return time.Unix(now, 0) }}
	})
	ahead := map[string]any{"jti": "1", "iat": unitTime + 60}
	proof := signProof(t, key, nil, proofClaims(token, ahead))
	// A proof that fails a check is not used up by it.
	bad := provenRequestOf(token, signProof(t, key, nil, proofClaims(token, map[string]any{"jti": "1", "htm": "PUT"})))
	if _, err := rs.Authenticate(bad); err == nil {
		t.Fatal("taken")
	}
	if _, err := rs.Authenticate(provenRequestOf(token, proof)); err != nil {
		t.Fatal(err)
	}
	// As long as its iat lets it pass it is known.
	for _, now = range []int64{unitTime, unitTime + 60, unitTime + 120} {
		_, err := authenticate(t, rs, provenRequestOf(token, proof))
		wantError(t, err, ErrReplay, "jti")
	}
	now = unitTime + 121
	_, err := authenticate(t, rs, provenRequestOf(token, proof))
	wantError(t, err, ErrExpired, "iat")
	now = unitTime
	if _, err := rs.Authenticate(provenRequestOf(others, signProof(t, other, nil, proofClaims(others, ahead)))); err != nil {
		t.Error("the jti of another key: ", err)
	}

	stub := new(stubReplay)
	rs = s.resource(t, func(c *ResourceServerConfig) { c.Replay, c.Clock.Skew = stub, time.Minute })
	request := func() *http.Request {
		return provenRequestOf(token, signProof(t, key, nil, proofClaims(token, map[string]any{"jti": "1", "iat": unitTime + 30})))
	}
	_, err = authenticate(t, rs, request())
	wantError(t, err, ErrReplay, "jti")
	sum := sha256.Sum256([]byte(key.Thumbprint() + "\x001"))
	if stub.key != encodeBase64URL(sum[:]) {
		t.Error(stub.key)
	}
	// By the local clock, which is a minute behind; not before the window has ended.
	if want := time.Unix(unitTime-60+30+60+60, 0); !stub.until.Equal(want) {
		t.Error(stub.until, want)
	}
	stub.added, stub.err = true, errors.New("no connection")
	_, err = authenticate(t, rs, request())
	wantError(t, err, ErrUnavailable, "Replay")
	if status, _, h := codeOf(rs, err); status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" || h.Get("WWW-Authenticate") != "" {
		t.Error(status, h)
	}
	stub.err = nil
	if _, err := rs.Authenticate(request()); err != nil {
		t.Error(err)
	}

	// A cache that counts for each key is told whose proof it is.
	sharing := &stubSharing{stubReplay: stubReplay{added: true}}
	rs = s.resource(t, func(c *ResourceServerConfig) { c.Replay = sharing })
	if _, err := rs.Authenticate(request()); err != nil {
		t.Error(err)
	}
	if sharing.owner != key.Thumbprint() || sharing.key != stub.key {
		t.Errorf("owner %q, key %q", sharing.owner, sharing.key)
	}
	for cause, want := range map[error]struct {
		kind   error
		status int
	}{
		fmt.Errorf("wrapped: %w", ErrRateLimited): {ErrRateLimited, http.StatusTooManyRequests},
		errors.New("no connection"):               {ErrUnavailable, http.StatusServiceUnavailable},
	} {
		sharing.err = cause
		_, err := authenticate(t, rs, request())
		wantError(t, err, want.kind, "Replay")
		wantError(t, err, cause, "")
		if status, _, h := codeOf(rs, err); status != want.status || h.Get("Retry-After") == "" {
			t.Error(status, h)
		}
	}
	sharing.added, sharing.err = false, nil
	_, err = authenticate(t, rs, request())
	wantError(t, err, ErrReplay, "jti")
}

// stubSharing is one that counts for each key.
type stubSharing struct {
	stubReplay
	owner string
}

func (s *stubSharing) AddFor(ctx context.Context, owner, key string, until time.Time) (bool, error) {
	s.owner = owner
	return s.Add(ctx, key, until)
}

// TestProofLimits: one key cannot fill the cache for the others.
func TestProofLimits(t *testing.T) {
	s := newUnitServer()
	key, other := proofKeyOf(t, ES256), proofKeyOf(t, ES256)
	token, others := s.accessToken(t, boundTo(key)), s.accessToken(t, boundTo(other))
	rs := s.resource(t, nil)
	full := newMemoryReplay(rs.clock, 2*replayShare)
	rs.proofs.replay = full
	request := func(token string, key *SigningKey) *http.Request {
		return provenRequestOf(token, signProof(t, key, nil, proofClaims(token, nil)))
	}
	fill := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if added, err := full.AddFor(context.Background(), string(rune(i)), randomString(), unitNow().Add(time.Minute)); err != nil || !added {
				t.Fatal(i, err)
			}
		}
	}
	fill(0, replayShare-1)
	for range 2 {
		if _, err := rs.Authenticate(request(token, key)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := authenticate(t, rs, request(token, key))
	wantError(t, err, ErrRateLimited, "")
	if status, code, h := codeOf(rs, err); status != http.StatusTooManyRequests || code != "slow_down" || h.Get("Retry-After") != "60" {
		t.Error(status, code, h)
	}
	if _, err := rs.Authenticate(request(others, other)); err != nil {
		t.Error(err)
	}
	fill(replayShare-1, 2*replayShare-3)
	_, err = authenticate(t, rs, request(others, other))
	wantError(t, err, ErrUnavailable, "")
	if status, code, _ := codeOf(rs, err); status != http.StatusServiceUnavailable || code == codeInvalidProof {
		t.Error(status, code)
	}
}

func TestProofNonce(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	token := s.accessToken(t, map[string]any{"cnf": boundTo(key)["cnf"], "exp": unitTime + 86400})
	oldKey, newKey := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	now := int64(unitTime)
	server := func(keys ...[]byte) *ResourceServer {
		return s.resource(t, func(c *ResourceServerConfig) {
			c.DPoPNonceKeys = keys
			c.Clock = Clock{Now: func() time.Time { return time.Unix(now, 0) }}
		})
	}
	a, b, elsewhere := server(oldKey), server(newKey, oldKey), server(newKey)
	try := func(rs *ResourceServer, nonce any, iat int64) error {
		_, err := authenticate(t, rs, provenRequestOf(token, signProof(t, key, nil, proofClaims(token, map[string]any{"nonce": nonce, "iat": iat}))))
		return err
	}
	asked := func(rs *ResourceServer, err error) string {
		t.Helper()
		wantError(t, err, ErrNonce, "nonce")
		status, code, h := codeOf(rs, err)
		nonce := h.Get("DPoP-Nonce")
		if status != http.StatusUnauthorized || code != codeUseNonce || !nonceValue(nonce) {
			t.Fatal(status, code, h)
		}
		list := ParseChallenges(h)
		if i := slices.IndexFunc(list, func(c Challenge) bool { return c.HasScheme("DPoP") }); i < 0 || list[i].Params["error"] != codeUseNonce {
			t.Errorf("%v", list)
		}
		return nonce
	}
	nonce := asked(a, try(a, unitRemoved, unitTime))
	asked(a, try(a, "", unitTime))
	asked(a, try(a, "x", unitTime))
	asked(a, try(a, strings.Repeat("A", 54), unitTime))
	flipped := []byte(nonce)
	flipped[len(flipped)-3] ^= 1
	asked(a, try(a, string(flipped), unitTime))
	flipped = []byte(nonce) // another slot, with the HMAC of this one
	flipped[0]++
	asked(a, try(a, string(flipped), unitTime))
	for i, rs := range []*ResourceServer{a, b} { // the machines share a key
		if err := try(rs, nonce, unitTime); err != nil {
			t.Error(i, err)
		}
	}
	asked(elsewhere, try(elsewhere, nonce, unitTime))
	// The first key makes nonces; the configuration is copied.
	newest := b.proofs.nonces.make(time.Unix(now, 0))
	asked(a, try(a, newest, unitTime))
	clear(newKey)
	for _, rs := range []*ResourceServer{b, elsewhere} {
		if err := try(rs, newest, unitTime); err != nil {
			t.Error(err)
		}
	}
	// RFC 9449, Section 4.3, check 11: the time of the nonce in place of iat, for
	// clients whose clock is wrong.
	if err := try(a, nonce, unitTime-86400); err != nil {
		t.Error(err)
	}
	// Unix time 1700000000 is 20 s into a slot of 60 s. In the slot before, it came from
	// a machine whose clock is ahead.
	for _, now = range []int64{unitTime - 80, unitTime - 21, unitTime + 39, unitTime + 40, unitTime + 99} {
		if err := try(a, nonce, now); err != nil {
			t.Error(now-unitTime, err)
		}
	}
	for _, now = range []int64{unitTime + 100, unitTime - 81} {
		asked(a, try(a, nonce, now))
	}
	now = unitTime
	// A proof with a nonce is remembered as long as the nonce is good.
	once := provenRequestOf(token, signProof(t, key, nil, proofClaims(token, map[string]any{"nonce": nonce, "iat": 0})))
	if _, err := a.Authenticate(once); err != nil {
		t.Fatal(err)
	}
	for _, now = range []int64{unitTime - 80, unitTime, unitTime + 99} {
		_, err := authenticate(t, a, once)
		wantError(t, err, ErrReplay, "jti")
	}
	now = unitTime + 100
	_, err := authenticate(t, a, once)
	asked(a, err)
}

// TestReplaySize: the memory of proofs is as large as it was asked for.
func TestReplaySize(t *testing.T) {
	s := newUnitServer()
	for size, want := range map[int]int64{0: 1 << 20, 1 << 10: 1 << 10, 1 << 24: 1 << 24} {
		rs := s.resource(t, func(c *ResourceServerConfig) { c.ReplaySize = size })
		if m := rs.proofs.replay.(*memoryReplay); m.limit != want {
			t.Errorf("ReplaySize %d: %d", size, m.limit)
		}
	}
}

// TestReplayShare: what one owner has is counted, and given back; it counts while the
// cache is more than half full.
func TestReplayShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now replayClock
		const limit = 3 * replayShare
		m := newMemoryReplay(now.clock(), limit)
		add := func(owner, key string, until int64, want error) {
			t.Helper()
			added, err := m.AddFor(context.Background(), owner, key, replayAt(until))
			if added != (want == nil) || want != nil && !errors.Is(err, want) {
				t.Errorf("%s %s: %v, %v", owner, key, added, err)
			}
		}
		// One key may have all of the first half, and one more.
		for i := range limit/2 + 1 {
			add("a", fmt.Sprint(i), 10, nil)
		}
		add("a", "x", 10, ErrRateLimited)
		if added, err := m.AddFor(context.Background(), "a", "1", replayAt(10)); added || err != nil {
			t.Error("a key that is known is no new one: ", added, err)
		}
		for _, key := range []string{"1", "2", "3"} {
			add("b", "b"+key, 10, nil)
		}
		add("b", "b4", 10, ErrRateLimited)
		replayAdd(t, m, "of nobody", 10, true)
		// One that lasts keeps the shard of a from being emptied.
		owner := func(name string) *replayShard {
			sum := sha256.Sum256([]byte(name))
			return m.shard(&replayEntry{owner: ownerID(sum[:8])})
		}
		neighbor := 0
		for owner(fmt.Sprint(neighbor)) != owner("a") {
			neighbor++
		}
		add(fmt.Sprint(neighbor), "n", 90, nil)
		now.pass(10)
		for i := range limit/2 + 1 {
			add(fmt.Sprint("c", i), fmt.Sprint("c", i), 20, nil)
		}
		for _, key := range []string{"1", "2", "3"} {
			add("a", key, 20, nil)
		}
		add("a", "4", 20, ErrRateLimited)
		now.pass(20)
		m.forget()
		for i := range m.shards {
			if n, q := len(m.shards[i].owned), len(m.shards[i].queue); n != q {
				t.Errorf("shard %d counts for %d owners, and has %d entries", i, n, q)
			}
		}
		if m.sizes() != [3]int{1, 1, 1} {
			t.Error(m.sizes())
		}
	})
}

// TestCertificateBinding is RFC 8705, Section 3.
func TestCertificateBinding(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	mine, other := &x509.Certificate{Raw: []byte("mine")}, &x509.Certificate{Raw: []byte("other")}
	x5t := CertificateThumbprint(mine)
	bound := s.accessToken(t, map[string]any{"cnf": map[string]any{"x5t#S256": x5t}})
	both := s.accessToken(t, map[string]any{"cnf": map[string]any{"x5t#S256": x5t, "jkt": key.Thumbprint()}})
	plain := s.accessToken(t, nil)
	over := func(r *http.Request, chain ...*x509.Certificate) *http.Request {
		r.TLS = &tls.ConnectionState{PeerCertificates: chain}
		return r
	}
	plainHTTP := func(r *http.Request) *http.Request { r.TLS = nil; return r }
	proven := func() *http.Request { return provenRequestOf(both, signProof(t, key, nil, proofClaims(both, nil))) }
	refused := errors.New("not the proxy")
	proxy := func(cert *x509.Certificate, err error) func(*ResourceServerConfig) {
		return func(c *ResourceServerConfig) {
			c.ClientCertificate = func(*http.Request) (*x509.Certificate, error) { return cert, err }
		}
	}
	require := func(c *ResourceServerConfig) { c.RequireMTLS = true }
	for _, tt := range []struct {
		name   string
		change func(*ResourceServerConfig)
		r      *http.Request
		kind   error
	}{
		{"mine", nil, over(bearer(bound), mine), nil},
		{"required", require, over(bearer(bound), mine), nil},
		{"with its authority", nil, over(bearer(bound), mine, other), nil},
		{"of the proxy", proxy(mine, nil), plainHTTP(bearer(bound)), nil},
		{"both", nil, over(proven(), mine), nil},
		{"a certificate that the token is not bound to", nil, over(bearer(plain), mine), nil},

		{"another", nil, over(bearer(bound), other), ErrBinding},
		{"mine as the authority", nil, over(bearer(bound), other, mine), ErrBinding},
		{"none", nil, over(bearer(bound)), ErrBinding},
		{"no TLS", nil, plainHTTP(bearer(bound)), ErrBinding},
		{"that of TLS where there is a proxy", proxy(nil, nil), over(bearer(bound), mine), ErrBinding},
		{"another of the proxy", proxy(other, nil), over(bearer(bound), mine), ErrBinding},
		{"not the proxy", proxy(mine, refused), over(bearer(bound), mine), refused},
		{"both, without the certificate", nil, over(proven()), ErrBinding},
		{"both, without the proof", nil, over(provenRequestOf(both), mine), ErrClaim},
		{"both as Bearer", nil, over(bearer(both), mine), ErrBinding},
		{"required, and not bound", require, over(bearer(plain), mine), ErrBinding},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rs := s.resource(t, tt.change)
			token, err := authenticate(t, rs, tt.r)
			if tt.kind != nil {
				wantError(t, err, tt.kind, "")
				// It may be a proxy that keeps the certificate, unless there is ClientCertificate.
				certificate := strings.Contains(err.Error(), "client certificate")
				if advised := strings.Contains(err.Error(), "set ResourceServerConfig.ClientCertificate"); advised != (certificate && tt.change == nil) {
					t.Error(err)
				}
				want := http.StatusUnauthorized
				if tt.kind == refused {
					want = http.StatusBadRequest
				}
				if status, _, _ := codeOf(rs, err); status != want {
					t.Error(status)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := token.CertificateThumbprint(); got != x5t && got != "" {
				t.Error(got)
			}
		})
	}
	// A credential names its certificate itself: no proxy is in between.
	_, err := s.resource(t, nil).AuthenticateCredential(t.Context(), Credential{Scheme: "Bearer", Token: bound})
	if wantError(t, err, ErrBinding, "cnf"); strings.Contains(err.Error(), "ClientCertificate") {
		t.Error(err)
	}
}

// TestProofEndOfNonce: between the check of the time and the replay cache time goes
// on. A proof that was used and judged in time does not become new by that.
func TestProofEndOfNonce(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	token := s.accessToken(t, map[string]any{"cnf": boundTo(key)["cnf"], "exp": unitTime + 86400})
	for name, keys := range map[string][][]byte{"nonce": {make([]byte, 32)}, "iat": nil} {
		var late time.Duration // what every reading of the clock takes
		at := time.Unix(unitTime, 0)
		rs := s.resource(t, func(c *ResourceServerConfig) {
			c.DPoPNonceKeys = keys
			c.Clock = Clock{Now: func() time.Time { at = at.Add(late); return at }}
		})
		claims := map[string]any{"jti": "1"}
		end := unitTime + 60
		if keys != nil {
			claims["nonce"] = rs.proofs.nonces.make(at)
			end = unitTime + 100
		}
		request := provenRequestOf(token, signProof(t, key, nil, proofClaims(token, claims)))
		if _, err := rs.Authenticate(request); err != nil {
			t.Fatal(name, err)
		}
		// The token is judged first, with two readings; then the proof, then the cache.
		for step := range 8 {
			at, late = time.Unix(int64(end), 0).Add(-time.Duration(step)*10*time.Second), 9*time.Second
			if _, err := rs.Authenticate(request); err == nil {
				t.Errorf("%s: accepted again, %d", name, step)
			}
			late = 0
		}
	}
}
