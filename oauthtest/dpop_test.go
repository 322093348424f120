package oauthtest_test

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
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// encode64 is base64url without padding.
func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// A holder makes DPoP proofs with a key of its own.
type holder struct {
	t      *testing.T
	key    crypto.Signer
	alg    string
	public string // the jwk, in the canonical form of RFC 7638
}

func newHolder(t *testing.T) *holder { return holderOf(t, "ES256") }

func holderOf(t *testing.T, alg string) *holder {
	t.Helper()
	h := &holder{t: t, alg: alg}
	var err error
	switch alg {
	case "RS256", "PS256":
		var key *rsa.PrivateKey
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
			h.key, h.public = key, `{"e":"AQAB","kty":"RSA","n":"`+encode64(key.N.Bytes())+`"}`
		}
	case "EdDSA", "Ed25519":
		var key ed25519.PrivateKey
		if _, key, err = ed25519.GenerateKey(rand.Reader); err == nil {
			h.key, h.public = key, `{"crv":"Ed25519","kty":"OKP","x":"`+encode64(key[32:])+`"}`
		}
	default:
		curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[alg]
		var key *ecdsa.PrivateKey
		if key, err = ecdsa.GenerateKey(curve, rand.Reader); err == nil {
			point, pointErr := key.PublicKey.Bytes()
			if pointErr != nil {
				t.Fatal(pointErr)
			}
			n := len(point) / 2
			h.key = key
			h.public = `{"crv":"` + curve.Params().Name + `","kty":"EC","x":"` + encode64(point[1:1+n]) + `","y":"` + encode64(point[1+n:]) + `"}`
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// jkt is the thumbprint of the key.
func (h *holder) jkt() string {
	sum := sha256.Sum256([]byte(h.public))
	return encode64(sum[:])
}

func (h *holder) jwk() map[string]any {
	var m map[string]any
	if err := json.Unmarshal([]byte(h.public), &m); err != nil {
		h.t.Fatal(err)
	}
	return m
}

// proof makes a proof; a change may do anything to its header and claims.
func (h *holder) proof(method, target string, changes ...func(header, claims map[string]any)) string {
	h.t.Helper()
	header := map[string]any{"typ": "dpop+jwt", "alg": h.alg, "jwk": h.jwk()}
	claims := map[string]any{"htm": method, "htu": target, "iat": time.Now().Unix(), "jti": rand.Text()}
	for _, change := range changes {
		change(header, claims)
	}
	a, err := json.Marshal(header)
	if err != nil {
		h.t.Fatal(err)
	}
	b, err := json.Marshal(claims)
	if err != nil {
		h.t.Fatal(err)
	}
	input := encode64(a) + "." + encode64(b)
	return input + "." + encode64(h.sign([]byte(input)))
}

func (h *holder) sign(input []byte) []byte {
	h.t.Helper()
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[h.alg[2:]]
	var opts crypto.SignerOpts = hash
	digest := input
	if hash != 0 {
		sum := hash.New()
		sum.Write(input)
		digest = sum.Sum(nil)
	}
	if key, ok := h.key.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			h.t.Fatal(err)
		}
		n := (key.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, n)), s.FillBytes(make([]byte, n))...)
	}
	if h.alg == "PS256" {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	sig, err := h.key.Sign(rand.Reader, digest, opts)
	if err != nil {
		h.t.Fatal(err)
	}
	return sig
}

// claim and head change a member of a proof; nil removes it.
func claim(name string, value any) func(header, claims map[string]any) {
	return func(_, claims map[string]any) { setOrRemove(claims, name, value) }
}

func head(name string, value any) func(header, claims map[string]any) {
	return func(header, _ map[string]any) { setOrRemove(header, name, value) }
}

func setOrRemove(m map[string]any, name string, value any) {
	if m[name] = value; value == nil {
		delete(m, name)
	}
}

// withToken is the ath of a proof.
func withToken(token string) func(header, claims map[string]any) {
	sum := sha256.Sum256([]byte(token))
	return claim("ath", encode64(sum[:]))
}

// prove is the preparation of a request to /token or /par.
func (h *holder) prove(changes ...func(header, claims map[string]any)) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("DPoP", h.proof(r.Method, r.URL.String(), changes...)) }
}

// redeem is the function of that name with a proof.
func (h *holder) redeem(s *oauthtest.Server, changes map[string]string) *answer {
	h.t.Helper()
	return post(h.t, s.Client(), s.URL()+"/token", codeForm(authorize(h.t, s, changes).Get("code")), h.prove())
}

// fetch presents a token under DPoP.
func (h *holder) fetch(s *oauthtest.Server, target, token string, changes ...func(header, claims map[string]any)) *answer {
	h.t.Helper()
	proof := h.proof("GET", target, append([]func(header, claims map[string]any){withToken(token)}, changes...)...)
	return present(h.t, s.Client(), target, "DPoP "+token, proof)
}

// present sends a GET with an Authorization header and proofs.
func present(t *testing.T, c *http.Client, target, authorization string, proofs ...string) *answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	for _, proof := range proofs {
		req.Header.Add("DPoP", proof)
	}
	return do(t, c, req)
}

// challengeOf is the challenge of a scheme in an answer.
func challengeOf(a *answer, scheme string) string {
	for _, c := range a.header.Values("WWW-Authenticate") {
		if strings.HasPrefix(c, scheme+" ") {
			return c
		}
	}
	return ""
}

func TestDPoPMetadata(t *testing.T) {
	s := newServer(t, nil)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-protected-resource/resource"} {
		m := get(t, s, s.URL()+path, "").m
		algs, _ := m["dpop_signing_alg_values_supported"].([]any)
		if !slices.Contains(algs, any("ES256")) || slices.Contains(algs, any("HS256")) || slices.Contains(algs, any("none")) ||
			m["tls_client_certificate_bound_access_tokens"] != true {
			t.Errorf("%s: %v", path, m)
		}
	}
	plain := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Plain: true})
	m := get(t, plain, plain.URL()+"/.well-known/openid-configuration", "").m
	if m["tls_client_certificate_bound_access_tokens"] != nil || plain.MTLSURL() != "" {
		t.Errorf("plain: %v", m)
	}
	h := newHolder(t)
	if a := h.redeem(plain, nil); a.str("token_type") != "DPoP" {
		t.Errorf("a proof over http: %s", a.body)
	}
}

// A token of a request with a proof is bound to its key, whatever the algorithm.
func TestDPoPToken(t *testing.T) {
	s := newServer(t, nil)
	addResourceServer(s, "")
	for _, alg := range []string{"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA", "Ed25519"} {
		h := holderOf(t, alg)
		tokens := h.redeem(s, nil)
		value := tokens.str("access_token")
		if tokens.status != 200 || tokens.str("token_type") != "DPoP" {
			t.Fatalf("%s: %s", alg, tokens.body)
		}
		m := introspect(t, s, value, "").m
		cnf, _ := m["cnf"].(map[string]any)
		if m["token_type"] != "DPoP" || len(cnf) != 1 || cnf["jkt"] != h.jkt() {
			t.Errorf("%s: introspection %v", alg, m)
		}
		for _, path := range []string{"/resource", "/userinfo"} {
			if a := h.fetch(s, s.URL()+path, value); a.status != 200 || a.str("sub") != "alice" {
				t.Errorf("%s %s: %d %v", alg, path, a.status, a.header)
			}
		}
	}
}

func TestDPoPPresentation(t *testing.T) {
	s := newServer(t, nil)
	h, thief := newHolder(t), newHolder(t)
	bound, other := h.redeem(s, nil).str("access_token"), h.redeem(s, nil).str("access_token")
	plain := redeem(t, s, nil).str("access_token")
	for _, path := range []string{"/resource", "/userinfo"} {
		target := s.URL() + path
		good := func() string { return h.proof("GET", target, withToken(bound)) }
		for name, tt := range map[string]struct {
			authorization string
			proofs        []string
			scheme, code  string // "": no error
		}{
			"bearer":              {"Bearer " + bound, nil, "Bearer", "invalid_token"},
			"bearer with a proof": {"Bearer " + bound, []string{good()}, "Bearer", "invalid_token"},
			"no proof":            {"DPoP " + bound, nil, "DPoP", "invalid_dpop_proof"},
			"two proofs":          {"DPoP " + bound, []string{good(), good()}, "DPoP", "invalid_dpop_proof"},
			"no ath":              {"DPoP " + bound, []string{h.proof("GET", target)}, "DPoP", "invalid_dpop_proof"},
			"another ath":         {"DPoP " + bound, []string{h.proof("GET", target, withToken(other))}, "DPoP", "invalid_dpop_proof"},
			"another key":         {"DPoP " + bound, []string{thief.proof("GET", target, withToken(bound))}, "DPoP", "invalid_token"},
			"unbound":             {"DPoP " + plain, []string{h.proof("GET", target, withToken(plain))}, "DPoP", "invalid_token"},
			"unknown":             {"DPoP x", []string{h.proof("GET", target, withToken("x"))}, "DPoP", "invalid_token"},
			"another scheme":      {"Basic " + bound, []string{good()}, "", ""},
		} {
			a := present(t, s.Client(), target, tt.authorization, tt.proofs...)
			if a.status != 401 || len(a.header.Values("WWW-Authenticate")) != 2 || !strings.Contains(challengeOf(a, "DPoP"), `algs="RS256 `) {
				t.Errorf("%s, %s: %d %v", path, name, a.status, a.header)
			}
			for _, scheme := range []string{"Bearer", "DPoP"} {
				c := challengeOf(a, scheme)
				if scheme == tt.scheme != strings.Contains(c, "error=") || scheme == tt.scheme && !strings.Contains(c, `error="`+tt.code+`"`) {
					t.Errorf("%s, %s: %s", path, name, c)
				}
				if path == "/resource" && !strings.Contains(c, `scope="openid"`) {
					t.Errorf("%s: %s", name, c)
				}
			}
		}
		if a := present(t, s.Client(), target, "dpop "+bound, good()); a.status != 200 {
			t.Errorf("%s, lower case: %d %v", path, a.status, a.header)
		}
	}
}

// Every endpoint makes the checks of RFC 9449, Section 4.3.
func TestDPoPProof(t *testing.T) {
	now := time.Now()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: func() time.Time { return now }})
	h, other := newHolder(t), newHolder(t)
	token := h.redeem(s, nil).str("access_token")
	mac := encode64([]byte(`{"alg":"HS256","typ":"dpop+jwt","jwk":{"kty":"oct","k":"AAAA"}}`))
	none := encode64([]byte(`{"alg":"none","typ":"dpop+jwt","jwk":` + h.public + `}`))
	point := unbase64(t, h.jwk()["x"].(string))
	shifted := h.jwk() // the same point, cut at another place: another thumbprint
	shifted["x"] = encode64(point[:31])
	shifted["y"] = encode64(append(point[31:32:32], unbase64(t, h.jwk()["y"].(string))...))
	changed := func(name string, value any) func(header, claims map[string]any) {
		jwk := h.jwk()
		setOrRemove(jwk, name, value)
		return head("jwk", jwk)
	}
	iat := func(d time.Duration) func(header, claims map[string]any) { return claim("iat", now.Add(d).Unix()) }

	for _, e := range []struct{ method, path string }{
		{"POST", "/token"}, {"POST", "/par"}, {"POST", "/register"}, {"GET", "/userinfo"}, {"GET", "/resource"},
	} {
		target := s.URL() + e.path
		proof := func(changes ...func(header, claims map[string]any)) string {
			return h.proof(e.method, target, append([]func(header, claims map[string]any){withToken(token)}, changes...)...)
		}
		send := func(proof string) *answer {
			switch e.path {
			case "/token":
				return post(t, s.Client(), target, codeForm(authorize(t, s, nil).Get("code")), func(r *http.Request) { r.Header.Set("DPoP", proof) })
			case "/par":
				return post(t, s.Client(), target, authorizationParams(nil), func(r *http.Request) { r.Header.Set("DPoP", proof) })
			case "/register":
				return post(t, s.Client(), target, nil, func(r *http.Request) {
					r.Header.Set("DPoP", proof)
					r.Header.Set("Content-Type", "application/json")
					r.Body = http.NoBody // refused for that, once the proof is good
					r.ContentLength = 0
				})
			}
			return present(t, s.Client(), target, "DPoP "+token, proof)
		}
		refused := func(a *answer) bool {
			if e.method == "GET" {
				return a.status == 401 && strings.Contains(challengeOf(a, "DPoP"), `error="invalid_dpop_proof"`)
			}
			return a.status == 400 && a.str("error") == "invalid_dpop_proof"
		}
		used := proof()
		if a := send(used); refused(a) || a.status == 401 {
			t.Errorf("%s: %d %s", e.path, a.status, a.body)
		}
		sig := unbase64(t, proof()[strings.LastIndex(used, ".")+1:])
		for name, bad := range map[string]string{
			"empty":          "",
			"not a JWT":      "proof",
			"huge":           proof(claim("x", strings.Repeat("x", 9000))),
			"crit":           proof(head("crit", []string{"x"})),
			"no typ":         proof(head("typ", nil)),
			"typ":            proof(head("typ", "JWT")),
			"alg none":       none + "." + strings.Split(proof(), ".")[1] + ".",
			"HMAC":           mac + "." + strings.Split(proof(), ".")[1] + "." + encode64(sig[:32]),
			"another alg":    proof(head("alg", "ES384")),
			"no jwk":         proof(head("jwk", nil)),
			"another jwk":    proof(head("jwk", other.jwk())),
			"jwk a string":   proof(head("jwk", h.public)),
			"private":        proof(changed("d", "AAAA")),
			"symmetric":      proof(head("jwk", map[string]any{"kty": "oct", "k": "AAAA"})),
			"off the curve":  proof(changed("x", encode64(append([]byte{point[0] ^ 1}, point[1:]...)))),
			"shifted x":      proof(head("jwk", shifted)),
			"padded x":       proof(changed("x", encode64(append([]byte{0}, point...)))),
			"crv":            proof(changed("crv", "P-384")),
			"no htm":         proof(claim("htm", nil)),
			"htm":            proof(claim("htm", "PUT")),
			"htm lower":      proof(claim("htm", strings.ToLower(e.method))),
			"no htu":         proof(claim("htu", nil)),
			"path":           proof(claim("htu", s.URL()+"/")),
			"other path":     proof(claim("htu", s.URL()+"/introspect")),
			"host":           proof(claim("htu", "https://attacker.example"+e.path)),
			"port":           proof(claim("htu", s.MTLSURL()+e.path)),
			"scheme":         proof(claim("htu", strings.Replace(target, "https", "http", 1))),
			"query":          proof(claim("htu", target+"?a=b")),
			"fragment":       proof(claim("htu", target+"#a")),
			"userinfo":       proof(claim("htu", strings.Replace(target, "://", "://a@", 1))),
			"relative":       proof(claim("htu", e.path)),
			"dot segment":    proof(claim("htu", s.URL()+"/."+e.path)),
			"encoded dot":    proof(claim("htu", s.URL()+"/%2e"+e.path)),
			"case of path":   proof(claim("htu", s.URL()+strings.ToUpper(e.path))),
			"trailing slash": proof(claim("htu", target+"/")),
			"no iat":         proof(claim("iat", nil)),
			"iat a string":   proof(claim("iat", "now")),
			"old":            proof(iat(-62 * time.Second)),
			"future":         proof(iat(62 * time.Second)),
			"no jti":         proof(claim("jti", nil)),
			"empty jti":      proof(claim("jti", "")),
			"jti a number":   proof(claim("jti", 1)),
			"replayed":       used,
			"signature":      proof()[:len(used)-3] + "AAA",
			"DER":            used[:strings.LastIndex(used, ".")+1] + encode64(append([]byte{0x30}, sig...)),
		} {
			if a := send(bad); !refused(a) {
				t.Errorf("%s, %s: %d %v %s", e.path, name, a.status, a.header["Www-Authenticate"], a.body)
			}
		}
		for name, good := range map[string]string{
			"other claims":    proof(claim("x", "y"), claim("nonce", "not asked for")),
			"kid in the jwk":  proof(changed("kid", "1")),
			"upper case host": proof(claim("htu", strings.Replace(target, "https", "HTTPS", 1))),
			"encoded path":    proof(claim("htu", s.URL()+fmt.Sprintf("/%%%02x", e.path[1])+e.path[2:])),
			"old enough":      proof(iat(-59 * time.Second)),
			"ahead":           proof(iat(59 * time.Second)),
		} {
			if a := send(good); refused(a) {
				t.Errorf("%s, %s: %d %s", e.path, name, a.status, a.body)
			}
		}
	}
}

// The htu is compared in its normal form (RFC 3986, Sections 6.2.2 and 6.2.3),
// with the host that the request names.
func TestDPoPHost(t *testing.T) {
	s := newServer(t, nil)
	h := newHolder(t)
	for _, tt := range []struct {
		host, htu string
		good      bool
	}{
		{"op.example", "https://op.example/par", true},
		{"op.example", "https://OP.example:443/par", true},
		{"op.example", "https://op.example:/par", true},
		{"OP.example:443", "https://op.example/par", true},
		{"op.example", "https://op.example:80/par", false},
		{"op.example", "https://op.example:444/par", false},
		{"op.example:444", "https://op.example/par", false},
		{"op.example", "https://op.example./par", false},
		{"op.example", "https://op.example/PAR", false},
		{"op.example", "https://op.example", false},
	} {
		a := post(t, s.Client(), s.URL()+"/par", authorizationParams(nil), func(r *http.Request) {
			r.Host = tt.host
			r.Header.Set("DPoP", h.proof("POST", tt.htu))
		})
		if tt.good != (a.status == 201) {
			t.Errorf("%s, htu %s: %d %s", tt.host, tt.htu, a.status, a.body)
		}
	}
}

// A jti is remembered for as long as its proof is good.
func TestDPoPReplay(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: func() time.Time { return now }})
	h, other := newHolder(t), newHolder(t)
	send := func(h *holder, iat time.Time) *answer {
		return post(t, s.Client(), s.URL()+"/par", authorizationParams(nil), h.prove(claim("jti", "once"), claim("iat", iat.Unix())))
	}
	if a := send(h, now.Add(60*time.Second)); a.status != 201 {
		t.Fatal(a.body)
	}
	if a := send(other, now); a.status != 201 {
		t.Errorf("the jti of another key: %s", a.body)
	}
	first := now.Add(60 * time.Second)
	for range 2 {
		now = now.Add(60 * time.Second)
		if a := send(h, first); a.str("error") != "invalid_dpop_proof" {
			t.Errorf("%v: %d %s", now, a.status, a.body)
		}
	}
}

// A refresh token of a public client is bound too (RFC 9449, Section 5).
func TestDPoPRefresh(t *testing.T) {
	s := newServer(t, nil)
	addResourceServer(s, "")
	s.AddClient(oauthtest.Client{ID: "web", Secret: longSecret, RedirectURIs: []string{redirectURI}})
	h, thief := newHolder(t), newHolder(t)
	asWeb := func(r *http.Request) { r.SetBasicAuth("web", url.QueryEscape(longSecret)) }
	for _, client := range []string{"app", "web"} {
		public := client == "app"
		send := func(form url.Values, prove func(*http.Request)) *answer {
			t.Helper()
			if !public {
				form.Del("client_id")
			}
			return post(t, s.Client(), s.URL()+"/token", form, func(r *http.Request) {
				if !public {
					asWeb(r)
				}
				if prove != nil {
					prove(r)
				}
			})
		}
		refresh := func(token string, prove func(*http.Request)) *answer {
			t.Helper()
			return send(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {client}}, prove)
		}
		login := func() *answer {
			t.Helper()
			code := authorize(t, s, map[string]string{"client_id": client, "scope": "openid offline_access"}).Get("code")
			return send(codeForm(code), h.prove())
		}
		first := login()
		m := introspect(t, s, first.str("refresh_token"), "").m
		if cnf, _ := m["cnf"].(map[string]any); public != (cnf["jkt"] == h.jkt()) || m["active"] != true {
			t.Errorf("%s: introspection %v", client, m)
		}
		for name, prove := range map[string]func(*http.Request){"no proof": nil, "another key": thief.prove()} {
			a := refresh(first.str("refresh_token"), prove)
			if public != (a.str("error") == "invalid_grant") {
				t.Errorf("%s, %s: %d %s", client, name, a.status, a.body)
			}
			if !public {
				want := map[string]string{"no proof": "Bearer", "another key": "DPoP"}[name]
				if a.str("token_type") != want {
					t.Errorf("%s, %s: %s", client, name, a.body)
				}
				first = login()
			}
		}
		second := refresh(first.str("refresh_token"), h.prove())
		if second.str("token_type") != "DPoP" || second.str("refresh_token") == "" {
			t.Fatalf("%s: %s", client, second.body)
		}
		if !public {
			continue
		}
		// Who has no key can neither use the old token nor end the grant with it.
		if a := refresh(first.str("refresh_token"), thief.prove()); a.str("error") != "invalid_grant" {
			t.Errorf("a used one with another key: %s", a.body)
		}
		if a := h.fetch(s, s.URL()+"/resource", second.str("access_token")); a.status != 200 {
			t.Errorf("the grant was revoked: %d", a.status)
		}
		if a := refresh(second.str("refresh_token"), nil); a.str("error") != "invalid_grant" {
			t.Errorf("the second is not bound: %s", a.body)
		}
		// The right key twice is a thief who has that too.
		if a := refresh(first.str("refresh_token"), h.prove()); a.str("error") != "invalid_grant" {
			t.Errorf("used twice: %s", a.body)
		}
		if a := refresh(second.str("refresh_token"), h.prove()); a.str("error") != "invalid_grant" {
			t.Errorf("after that: %s", a.body)
		}
		if a := h.fetch(s, s.URL()+"/resource", second.str("access_token")); a.status != 401 {
			t.Errorf("after that: %d", a.status)
		}
	}
}

// A code is bound by dpop_jkt or by a proof at the PAR endpoint (RFC 9449,
// Section 10).
func TestDPoPCode(t *testing.T) {
	signer := newSigner(t)
	s := newServer(t, nil)
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, JWKS: signer.jwks()})
	h, other := newHolder(t), newHolder(t)
	jkt := map[string]string{"dpop_jkt": h.jkt()}
	object := func() string {
		claims := map[string]any{"iss": "app", "aud": s.Issuer(), "exp": time.Now().Unix() + 60,
			"nbf": time.Now().Unix(), "iat": time.Now().Unix(), "jti": rand.Text()}
		for name := range authorizationParams(jkt) {
			claims[name] = authorizationParams(jkt).Get(name)
		}
		token, err := signer.Sign("ES256", map[string]any{"typ": "oauth-authz-req+jwt"}, claims)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	push := func(form url.Values, prove func(*http.Request)) string {
		t.Helper()
		a := post(t, s.Client(), s.URL()+"/par", form, prove)
		if a.status != 201 {
			t.Fatal(a.body)
		}
		return pushed(s, a)
	}
	requests := map[string]func() string{
		"parameter": func() string { return authorizationURL(s, jkt) },
		"request object": func() string {
			return s.URL() + "/authorize?" + url.Values{"client_id": {"app"}, "response_type": {"code"}, "scope": {"openid"}, "request": {object()}}.Encode()
		},
		"pushed":                func() string { return push(authorizationParams(jkt), nil) },
		"pushed request object": func() string { return push(url.Values{"client_id": {"app"}, "request": {object()}}, nil) },
		"pushed with a proof":   func() string { return push(authorizationParams(nil), h.prove()) },
		"pushed with both":      func() string { return push(authorizationParams(jkt), h.prove()) },
	}
	for name, request := range requests {
		for key, tt := range map[string]struct {
			prove func(*http.Request)
			want  string
		}{
			"its key": {h.prove(), ""}, "another key": {other.prove(), "invalid_grant"}, "no proof": {nil, "invalid_grant"},
		} {
			cb, err := s.Authorize(t.Context(), request())
			if err != nil {
				t.Fatal(err)
			}
			a := post(t, s.Client(), s.URL()+"/token", codeForm(cb.URL.Query().Get("code")), tt.prove)
			if a.str("error") != tt.want {
				t.Errorf("%s, %s: %s", name, key, a.body)
			}
		}
	}
	for _, bad := range []string{"x", h.jkt() + "=", h.jkt() + "\n", h.jkt()[1:], "!" + h.jkt()[1:], strings.Repeat("A", 42) + "\n"} {
		if got := authorize(t, s, map[string]string{"dpop_jkt": bad}).Get("error"); got != "invalid_request" {
			t.Errorf("dpop_jkt %q: %q", bad, got)
		}
	}
	if a := post(t, s.Client(), s.URL()+"/par", authorizationParams(jkt), other.prove()); a.status != 400 || a.str("error") != "invalid_request" {
		t.Errorf("dpop_jkt of another key: %d %s", a.status, a.body)
	}
	if _, err := s.Authorize(t.Context(), push(authorizationParams(jkt), nil)+"&dpop_jkt="+other.jkt()); err == nil {
		t.Error("another dpop_jkt beside the request_uri")
	}
}

func TestRequireDPoP(t *testing.T) {
	s := newServer(t, nil)
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, RequireDPoP: true})
	if a := redeem(t, s, nil); a.status != 400 || a.str("error") != "invalid_dpop_proof" {
		t.Errorf("no proof: %d %s", a.status, a.body)
	}
	if a := newHolder(t).redeem(s, nil); a.str("token_type") != "DPoP" {
		t.Error(a.body)
	}
	a := register(t, s, map[string]any{"dpop_bound_access_tokens": true, "tls_client_certificate_bound_access_tokens": true})
	if a.m["dpop_bound_access_tokens"] != true || a.m["tls_client_certificate_bound_access_tokens"] != true {
		t.Error(a.body)
	}
	if got := loginAs(t, s, a.str("client_id"), a.str("client_secret")); got.str("error") != "invalid_dpop_proof" {
		t.Errorf("registered, no proof: %s", got.body)
	}
}

func TestDPoPExchange(t *testing.T) {
	s := newServer(t, nil)
	h, thief := newHolder(t), newHolder(t)
	tokens := h.redeem(s, map[string]string{"scope": "openid offline_access"})
	exchange := func(kind, requested string, prove func(*http.Request)) *answer {
		return post(t, s.Client(), s.URL()+"/token", url.Values{
			"grant_type": {exchangeGrant}, "client_id": {"app"}, "requested_token_type": {tokenType + requested},
			"subject_token": {tokens.str(kind)}, "subject_token_type": {tokenType + kind},
		}, prove)
	}
	a := exchange("access_token", "access_token", thief.prove())
	if a.str("token_type") != "DPoP" {
		t.Fatal(a.body) // whoever was sent it may exchange it
	}
	if got := thief.fetch(s, s.URL()+"/resource", a.str("access_token")); got.status != 200 {
		t.Errorf("what it gave is not bound: %v", got.header)
	}
	for name, prove := range map[string]func(*http.Request){"no proof": nil, "another key": thief.prove()} {
		if a := exchange("refresh_token", "access_token", prove); a.str("error") != "invalid_request" {
			t.Errorf("a refresh token, %s: %s", name, a.body)
		}
	}
	a = exchange("refresh_token", "refresh_token", h.prove())
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {a.str("access_token")}}
	if got := post(t, s.Client(), s.URL()+"/token", form, thief.prove()); got.str("error") != "invalid_grant" {
		t.Errorf("the refresh token that it gave: %s", got.body)
	}
	if got := post(t, s.Client(), s.URL()+"/token", form, h.prove()); got.str("token_type") != "DPoP" {
		t.Errorf("the refresh token that it gave: %s", got.body)
	}
}

// nonceOf is the DPoP-Nonce of an answer, of which there is one at most.
func nonceOf(t *testing.T, a *answer) string {
	t.Helper()
	if len(a.header.Values("DPoP-Nonce")) > 1 {
		t.Errorf("nonces %q", a.header.Values("DPoP-Nonce"))
	}
	return a.header.Get("DPoP-Nonce")
}

func TestDPoPNonces(t *testing.T) {
	h := newHolder(t)
	// Each step is a request with a nonce that was given out: that of the last
	// answer, of the one before it, and so on, or none (-1). A good one is marked
	// with "+", one that is refused with "-", an answer with a new nonce with "n".
	type step struct {
		nonce int
		want  string
	}
	for name, tt := range map[string]struct {
		mode  oauthtest.DPoPNonceMode
		steps []step
	}{
		"none":     {oauthtest.DPoPNonceNone, []step{{-1, "+"}, {-1, "+"}}},
		"once":     {oauthtest.DPoPNonceOnce, []step{{-1, "-n"}, {0, "+"}, {0, "+"}, {-1, "-"}, {0, "+"}}},
		"rotating": {oauthtest.DPoPNonceRotating, []step{{-1, "-n"}, {0, "+n"}, {1, "+n"}, {0, "+n"}, {2, "-n"}, {0, "+n"}}},
		"every":    {oauthtest.DPoPNonceEvery, []step{{-1, "-n"}, {0, "+n"}, {1, "-n"}, {0, "+n"}, {2, "+n"}}},
		"forever":  {oauthtest.DPoPNonceForever, []step{{-1, "-n"}, {0, "-n"}, {0, "-n"}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/token", "/par", "/userinfo", "/resource", "/register"} {
				opts := &oauthtest.Options{SigningAlgs: []string{"ES256"}}
				resource := path == "/userinfo" || path == "/resource"
				if resource {
					opts.DPoPResourceNonce = tt.mode
				} else {
					opts.DPoPNonce = tt.mode
				}
				s := newServer(t, opts)
				token := ""
				if resource {
					token = h.redeem(s, nil).str("access_token")
				}
				var nonces []string // the last first
				for i, step := range tt.steps {
					change := claim("nonce", nil)
					if step.nonce >= 0 {
						change = claim("nonce", nonces[step.nonce])
					}
					var a *answer
					var code string
					switch target := s.URL() + path; {
					case resource:
						a = h.fetch(s, target, token, change)
						if _, rest, ok := strings.Cut(challengeOf(a, "DPoP"), `error="`); ok {
							code, _, _ = strings.Cut(rest, `"`)
						}
						if (a.status == 401) != (code != "") || strings.Contains(challengeOf(a, "Bearer"), "error") {
							t.Errorf("%s: %d %v", path, a.status, a.header)
						}
					case path == "/token":
						a = post(t, s.Client(), target, codeForm(authorize(t, s, nil).Get("code")), h.prove(change))
						code = a.str("error")
					case path == "/par":
						a = post(t, s.Client(), target, authorizationParams(nil), h.prove(change))
						code = a.str("error")
					default:
						body, err := json.Marshal(map[string]any{"redirect_uris": []string{redirectURI}})
						if err != nil {
							t.Fatal(err)
						}
						req, err := http.NewRequestWithContext(t.Context(), "POST", target, strings.NewReader(string(body)))
						if err != nil {
							t.Fatal(err)
						}
						req.Header.Set("Content-Type", "application/json")
						h.prove(change)(req)
						a = do(t, s.Client(), req)
						code = a.str("error")
					}
					if !resource && code != "" && a.status != 400 {
						t.Errorf("%s: status %d", path, a.status)
					}
					got := map[string]string{"": "+", "use_dpop_nonce": "-"}[code]
					if nonce := nonceOf(t, a); nonce != "" && !slices.Contains(nonces, nonce) {
						got += "n"
						nonces = slices.Insert(nonces, 0, nonce)
					} else if code != "" && nonce == "" {
						t.Errorf("%s: refused without a nonce", path)
					}
					if got != step.want {
						t.Errorf("%s, step %d: %q (%s), want %q", path, i, got, code, step.want)
					}
				}
			}
		})
	}
}

// A request without a proof needs no nonce, a code is not used up by the answer
// use_dpop_nonce, and a made-up nonce is none.
func TestDPoPNonceAndCode(t *testing.T) {
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, DPoPNonce: oauthtest.DPoPNonceOnce})
	if a := redeem(t, s, nil); a.status != 200 || nonceOf(t, a) != "" {
		t.Errorf("without a proof: %d %v", a.status, a.header)
	}
	h := newHolder(t)
	form := codeForm(authorize(t, s, nil).Get("code"))
	first := post(t, s.Client(), s.URL()+"/token", form, h.prove(claim("nonce", "made-up"), claim("jti", "first")))
	if first.str("error") != "use_dpop_nonce" || nonceOf(t, first) == "" {
		t.Fatalf("%s %v", first.body, first.header)
	}
	nonce := claim("nonce", nonceOf(t, first))
	if a := post(t, s.Client(), s.URL()+"/token", form, h.prove(nonce, claim("jti", "first"))); a.str("error") != "invalid_dpop_proof" {
		t.Errorf("the same jti: %s", a.body)
	}
	a := post(t, s.Client(), s.URL()+"/token", form, h.prove(nonce))
	if a.str("token_type") != "DPoP" {
		t.Fatal(a.body)
	}
	if a := h.fetch(s, s.URL()+"/resource", a.str("access_token")); a.status != 200 {
		t.Errorf("the resource wants a nonce too: %v", a.header)
	}
}

// The tokens of registration can be bound too.
func TestDPoPRegistration(t *testing.T) {
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, InitialAccessToken: "initial"})
	h, thief := newHolder(t), newHolder(t)
	send := func(h *holder, method, target, scheme, token string, changes ...func(header, claims map[string]any)) *answer {
		t.Helper()
		body := `{"redirect_uris":["https://app.example.com/cb"]}`
		req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", scheme+" "+token)
		if h != nil {
			htu, _, _ := strings.Cut(target, "?")
			req.Header.Set("DPoP", h.proof(method, htu, append([]func(header, claims map[string]any){withToken(token)}, changes...)...))
		}
		return do(t, s.Client(), req)
	}
	for name, a := range map[string]*answer{
		"no proof":    send(nil, "POST", s.URL()+"/register", "DPoP", "initial"),
		"no ath":      send(h, "POST", s.URL()+"/register", "DPoP", "initial", claim("ath", nil)),
		"wrong token": send(h, "POST", s.URL()+"/register", "DPoP", "x"),
	} {
		if a.status != 401 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	reg := send(h, "POST", s.URL()+"/register", "DPoP", "initial")
	if reg.status != 201 {
		t.Fatalf("%d %s", reg.status, reg.body)
	}
	uri := reg.str("registration_client_uri")
	for name, a := range map[string]*answer{
		"bearer":      send(nil, "GET", uri, "Bearer", reg.str("registration_access_token")),
		"no proof":    send(nil, "GET", uri, "DPoP", reg.str("registration_access_token")),
		"another key": send(thief, "GET", uri, "DPoP", reg.str("registration_access_token")),
		"unknown":     send(h, "GET", uri, "DPoP", "x"),
	} {
		if a.status != 401 || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	read := send(h, "GET", uri, "DPoP", reg.str("registration_access_token"))
	if read.status != 200 {
		t.Fatalf("%d %s", read.status, read.body)
	}
	if a := send(h, "DELETE", uri, "DPoP", read.str("registration_access_token")); a.status != 204 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := send(nil, "POST", s.URL()+"/register", "Bearer", "initial"); a.status != 201 ||
		send(nil, "GET", a.str("registration_client_uri"), "Bearer", a.str("registration_access_token")).status != 200 {
		t.Errorf("without DPoP: %d %s", a.status, a.body)
	}
}

// What is bound to nothing has no cnf.
func TestUnboundIntrospection(t *testing.T) {
	s := newServer(t, nil)
	addResourceServer(s, "")
	m := introspect(t, s, redeem(t, s, nil).str("access_token"), "").m
	if _, present := m["cnf"]; present || m["token_type"] != "Bearer" {
		t.Errorf("%v", slices.Sorted(maps.Keys(m)))
	}
}
