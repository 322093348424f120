package oauth

// Fuzz tests of DPoP: what others send, and what is signed of what the program
// says.

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzDPoPProof: a proof is an object of exactly the claims it is to have, with
// the values as they were given.
func FuzzDPoPProof(f *testing.F) {
	for _, s := range [][4]string{
		{"GET", "https://api.example/a?b#c", "token", "nonce"},
		{"POST", "https://user@API.example:443", "", ""},
		{"\"},{\\", "https://api.example/\"\\\x01\u2028", "\x00\xff", "n\",\"htm\":\"GET"},
		{"M-SEARCH", "http://[::1]:80/%2f/../é", "é", "\\"},
	} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	d, err := NewDPoP(unitKey(), Clock{Now: unitNow})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, rawURL, token, nonce string) {
		u, err := url.Parse(rawURL)
		if err != nil {
			return
		}
		// Each time a DPoP that has no nonce yet.
		d := &DPoP{key: d.key, header: d.header, thumbprint: d.thumbprint, clock: d.clock}
		kept := u.Host != "" && d.remember(originOf(u), nonceHeader(nonce)) != ""
		compact, err := d.Proof(method, u, token)
		bad := method == "" || u.Scheme == "" || !headerValue(u.Host) || strings.Contains(u.Host, "%")
		for i := range len(method) {
			bad = bad || !tokenChar(method[i])
		}
		if (err != nil) != (compact == "") || (err != nil) != bad {
			t.Fatalf("%q, %v", compact, err)
		}
		if err != nil {
			return
		}
		p := readProof(t, compact)
		htu, _ := proofURL(u)
		want := map[string]any{"htm": method, "iat": float64(unitTime), "jti": p.claims["jti"], "htu": htu}
		if token != "" {
			sum := sha256.Sum256([]byte(token))
			want["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
		}
		if kept {
			want["nonce"] = nonce
		}
		if len(want) != len(p.claims) {
			t.Fatalf("the claims are %v", p.claims)
		}
		for name, v := range want {
			if p.claims[name] != v {
				t.Fatalf("%s is %q, want %q", name, p.claims[name], v)
			}
		}
		if jti, _ := p.claims["jti"].(string); len(jti) != 22 || p.thumbprint != d.thumbprint {
			t.Fatalf("jti %q, thumbprint %s", jti, p.thumbprint)
		}
		// No other reader sees something else in it.
		payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
		if o, err := parseObject(string(payload), documentForm, ErrParse); err != nil || !json.Valid(payload) || !o.has("htu") {
			t.Fatalf("%v: %s", err, payload)
		}
	})
}

// FuzzDPoPNonce: what is kept is one value of 1*NQCHAR, as it came, and it can
// stand in a header and in a proof.
func FuzzDPoPNonce(f *testing.F) {
	f.Add("a", "b", false)
	f.Add("", "", true)
	f.Add("!#[]~", "", false)
	f.Add("a b", "a\"b", true)
	f.Add("\xff", "é", false)
	f.Add(strings.Repeat("a", 513), "a", false)
	f.Fuzz(func(t *testing.T, value, second string, two bool) {
		d := &DPoP{}
		d.remember("o", nonceHeader("before"))
		h := http.Header{}
		h.Add("dpop-nonce", value)
		if two {
			h.Add("DPOP-NONCE", second)
		}
		good := value != "" && len(value) <= 512 && !two
		for i := range len(value) {
			c := value[i]
			good = good && (c == 0x21 || 0x23 <= c && c <= 0x5b || 0x5d <= c && c <= 0x7e) // RFC 6749, Appendix A
		}
		got, kept := d.remember("o", h), d.nonce("o")
		if good && (got != value || kept != value) || !good && (got != "" || kept != "before") {
			t.Fatalf("%q: %q, kept %q", value, got, kept)
		}
		if len(d.nonces) != 1 {
			t.Fatalf("%d nonces of one origin", len(d.nonces))
		}
	})
}

// FuzzProofURL: origin and htu of what can be fetched are URLs that are their
// own origin and htu, and the origin is no other host than net/http dials.
func FuzzProofURL(f *testing.F) {
	for _, s := range []string{
		"https://api.example", "HTTPS://API.example:443/a?b#c", "http://a:80", "https://[::1]:443/%2f", "https://a:443:443", "https://a:", "https://ap\u0130.example/\u212a",
		"https://user:pass@a/", "https://a//b/../c", "https://a/%zz", "https://a%25/", "https://[fe80::1%25en0]/", "https://a/ b",
	} {
		f.Add(s)
	}
	d, err := NewDPoP(unitKey(), Clock{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, rawURL string) {
		u, err := parseFetchURL("URL", rawURL, true)
		if err != nil || strings.Contains(u.Hostname(), ":") && u.Host[0] != '[' {
			return // "a:443:443" is a URL to net/url, and nothing that can be dialed
		}
		if strings.Contains(u.Host, "%") {
			if proof, err := d.Proof("GET", u, ""); proof != "" || !errors.Is(err, ErrConfig) {
				t.Fatalf("%q: error %v", rawURL, err)
			}
			return
		}
		origin := originOf(u)
		htu, ok := proofURL(u)
		if !ok || !strings.HasPrefix(htu, origin+"/") || strings.ContainsAny(htu, "?#") {
			t.Fatalf("%q: origin %q, htu %q", rawURL, origin, htu)
		}
		again, err := url.Parse(htu)
		if err != nil {
			t.Fatalf("%q: htu %q: %v", rawURL, htu, err)
		}
		port := map[string]string{"https": "443", "http": "80"}[u.Scheme]
		same := func(a string) bool { return a == "" || a == port }
		if lowerASCII(again.Hostname()) != lowerASCII(u.Hostname()) || again.Port() != u.Port() && !(same(again.Port()) && same(u.Port())) ||
			again.User != nil {
			t.Fatalf("%q: htu %q is at %q", rawURL, htu, again.Host)
		}
		h, _ := proofURL(again)
		if o := originOf(again); o != origin || h != htu {
			t.Fatalf("%q: origin %q, then %q; htu %q, then %q", rawURL, origin, o, htu, h)
		}
	})
}
