package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"example.com/oauth"
)

// This file has the tables of DPoP (RFC 9449). The peers have no DPoP of their own:
// their rows are what a program writes with them.

var proofURL = must(url.Parse(apiURL + "/orders"))

// signingKey returns the key for package oauth.
func (k *key) signingKey() *oauth.SigningKey {
	return must(oauth.NewSigningKey(k.private, oauth.Algorithm(k.alg), k.kid))
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64url(string(sum[:]))
}

func (b *bench) dpop() {
	b.proofsMade()
	b.proofsChecked()
}

// proofsMade measures the making of a proof over the bare signature.
func (b *bench) proofsMade() {
	k := newKey("ES256", "")
	token := strings.Repeat("a", 1000)
	bare := k.bareSignature()
	bareAllocs, bareBytes := allocs(bare)
	t := newTable("DPoP proof made, ES256, with the ath of a token of 1,000 B, over the bare signature", "", "", "ratio", "ns", "allocs over bare", "bytes over bare")
	same := b.same(bare, "dpop", "made")
	t.add("A/A", ratio(same.ratio), nanos(same.bare), number(bareAllocs), number(bareBytes))
	row := func(name string, makeProof func() (string, error)) {
		subject := op{call: func() { must(makeProof()) }}
		p := b.pair(bare, subject)
		allocated, bytes := allocs(subject)
		b.put("ratio", p.ratio, "dpop", "made", name)
		t.add(name, ratio(p.ratio), nanos(p.ns), over(allocated-bareAllocs), over(bytes-bareBytes))
	}
	ours := must(oauth.NewDPoP(k.signingKey(), oauth.Clock{}))
	row("ours", func() (string, error) { return ours.Proof(http.MethodGet, proofURL, token) })
	if !b.quick {
		others := [2]string{token, strings.Repeat("b", len(token))}
		n := 0
		row("ours, another token each time", func() (string, error) {
			n = 1 - n
			return ours.Proof(http.MethodGet, proofURL, others[n])
		})
		row("golang-jwt", func() (string, error) { return golangJWTProof(k, token) })
		row("jwx", func() (string, error) { return jwxProof(k, token) })
	}
	t.print(b.out)
}

// publicHeader is the jwk of a proof of k.
func publicHeader(k *key) map[string]any {
	m := jwk(k.private.Public(), k.alg, k.kid)
	delete(m, "use")
	delete(m, "alg")
	delete(m, "kid")
	return m
}

func golangJWTProof(k *key, token string) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"jti": rand.Text(), "htm": http.MethodGet, "htu": proofURL.String(), "iat": time.Now().Unix(), "ath": hash(token),
	})
	t.Header["typ"], t.Header["jwk"] = "dpop+jwt", publicHeader(k)
	return t.SignedString(k.private)
}

func jwxProof(k *key, token string) (string, error) {
	t, err := jwxjwt.NewBuilder().JwtID(rand.Text()).IssuedAt(time.Now()).
		Claim("htm", http.MethodGet).Claim("htu", proofURL.String()).Claim("ath", hash(token)).Build()
	if err != nil {
		return "", err
	}
	header := jws.NewHeaders()
	if err := errors.Join(header.Set("typ", "dpop+jwt"), header.Set("jwk", jwxKey(publicHeader(k)))); err != nil {
		return "", err
	}
	signed, err := jwxjwt.Sign(t, jwxjwt.WithKey(jwa.ES256(), k.private, jws.WithProtectedHeaders(header)))
	return string(signed), err
}

// thumbprint is that of an EC key (RFC 7638).
func thumbprint(m map[string]any) string {
	return hash(fmt.Sprintf(`{"crv":%q,"kty":%q,"x":%q,"y":%q}`, m["crv"], m["kty"], m["x"], m["y"]))
}

// proofsChecked measures a request with a bound token and a proof, of which each is new
// to the replay cache, over two bare signature checks.
func (b *bench) proofsChecked() {
	server, holder := newKey("ES256", "signing-key-2026"), newKey("ES256", "")
	bound := map[string]any{"cnf": map[string]any{"jkt": thumbprint(publicHeader(holder))}}
	token := server.accessToken(bound)
	is := newIssuer(issuerURL, keySet(20, server))
	dpop := must(oauth.NewDPoP(holder.signingKey(), oauth.Clock{}))
	proof := must(dpop.Proof(http.MethodGet, proofURL, token))
	first, second := server.bareCheck(token), holder.bareCheck(proof)
	bare := op{call: func() { first.call(); second.call() }}
	bareAllocs, bareBytes := allocs(bare)

	t := newTable("Request with a DPoP-bound ES256 token and a new proof, over two bare signature checks", "The peers remember no proofs.", "", "ratio", "ns", "allocs over bare", "bytes over bare")
	same := b.same(bare, "dpop", "authenticated")
	t.add("A/A", ratio(same.ratio), nanos(same.bare), number(bareAllocs), number(bareBytes))

	// row makes the requests of a batch before it.
	row := func(name string, authenticate func(*http.Request) (string, error)) {
		var requests []*http.Request
		checking := op{prepare: func(n int) { requests = boundRequests(dpop, token, n) }}
		checking.call = func() {
			r := requests[0]
			requests = requests[1:]
			if sub, err := authenticate(r); err != nil || sub != subject {
				check(fmt.Errorf("%s refuses a good proof: %w", name, orWrong(err)))
			}
		}
		p := b.pair(bare, checking)
		allocated, bytes := allocs(checking)
		b.put("ratio", p.ratio, "dpop", "authenticated", name)
		t.add(name, ratio(p.ratio), nanos(p.ns), over(allocated-bareAllocs), over(bytes-bareBytes))
	}
	ours := func(verified int) func(*http.Request) (string, error) {
		rs := newAPI(func(c *oauth.ResourceServerConfig) { c.VerifiedTokens = verified }, is)
		return func(r *http.Request) (string, error) {
			t, err := rs.Authenticate(r)
			return t.Subject(), err
		}
	}
	row("ours", ours(0))
	row("ours, the token remembered", ours(1000))
	if !b.quick {
		row("golang-jwt", golangJWTBound(is))
		row("jwx", jwxBound(is))
	}
	t.print(b.out)
}

// boundRequests returns n requests, each with a proof of its own.
func boundRequests(dpop *oauth.DPoP, token string, n int) []*http.Request {
	list := make([]*http.Request, n)
	for i := range list {
		list[i] = apiRequest("DPoP " + token)
		list[i].Header.Set("DPoP", must(dpop.Proof(http.MethodGet, proofURL, token)))
	}
	return list
}

// checkProofClaims makes the checks of RFC 9449, Section 4.3, that are not those of
// signature and key.
func checkProofClaims(htm, htu, ath, jti string, iat time.Time, r *http.Request, token string) error {
	age := time.Since(iat)
	if htm != r.Method || htu != apiURL+r.URL.Path || ath != hash(token) || jti == "" || age > time.Minute || age < -time.Minute {
		return errors.New("the proof is not of this request")
	}
	return nil
}

func golangJWTBound(is *issuer) func(*http.Request) (string, error) {
	keys := must(fetchedKeys(is))
	tokens := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(issuerURL), jwt.WithAudience(apiURL), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	proofs := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}))
	return func(r *http.Request) (string, error) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP ")
		var access struct {
			jwt.RegisteredClaims
			Confirmation struct {
				JKT string `json:"jkt"`
			} `json:"cnf"`
		}
		if _, err := tokens.ParseWithClaims(token, &access, func(t *jwt.Token) (any, error) {
			kid, _ := t.Header["kid"].(string)
			return keys[kid], nil
		}); err != nil {
			return "", err
		}
		var proof struct {
			jwt.RegisteredClaims
			Method string `json:"htm"`
			URL    string `json:"htu"`
			Hash   string `json:"ath"`
		}
		var made string
		if _, err := proofs.ParseWithClaims(r.Header.Get("DPoP"), &proof, func(t *jwt.Token) (any, error) {
			public, _ := t.Header["jwk"].(map[string]any)
			made = thumbprint(public)
			if t.Header["typ"] != "dpop+jwt" {
				return nil, errors.New("not a proof")
			}
			return proofKey(public)
		}); err != nil {
			return "", err
		}
		if made != access.Confirmation.JKT || proof.IssuedAt == nil {
			return "", errors.New("the proof is of another key")
		}
		return access.Subject, checkProofClaims(proof.Method, proof.URL, proof.Hash, proof.ID, proof.IssuedAt.Time, r, token)
	}
}

// proofKey reads the jwk of a proof as a key set of one.
func proofKey(m map[string]any) (any, error) {
	x, _ := m["x"].(string)
	y, _ := m["y"].(string)
	return parsePoint("P-256", x, y)
}

func jwxBound(is *issuer) func(*http.Request) (string, error) {
	keys := jwxSet(is)
	return func(r *http.Request) (string, error) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP ")
		access, err := jwxjwt.ParseString(token, jwxjwt.WithKeySet(keys), jwxjwt.WithIssuer(issuerURL), jwxjwt.WithAudience(apiURL), jwxjwt.WithRequiredClaim("exp"))
		if err != nil {
			return "", err
		}
		raw := []byte(r.Header.Get("DPoP"))
		message, err := jws.Parse(raw)
		if err != nil {
			return "", err
		}
		header := message.Signatures()[0].ProtectedHeaders()
		typ, _ := header.Type()
		public, found := header.JWK()
		if !found || typ != "dpop+jwt" {
			return "", errors.New("not a proof")
		}
		payload, err := jws.Verify(raw, jws.WithKey(jwa.ES256(), public))
		if err != nil {
			return "", err
		}
		var proof struct {
			JTI, HTM, HTU, ATH string
			IAT                int64
		}
		if err := json.Unmarshal(payload, &proof); err != nil {
			return "", err
		}
		print, err := jwxThumbprint(public)
		if err != nil {
			return "", err
		}
		var bound map[string]any
		if err := access.Get("cnf", &bound); err != nil || bound["jkt"] != print {
			return "", errors.New("the proof is of another key")
		}
		sub, _ := access.Subject()
		return sub, checkProofClaims(proof.HTM, proof.HTU, proof.ATH, proof.JTI, time.Unix(proof.IAT, 0), r, token)
	}
}
