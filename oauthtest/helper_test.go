package oauthtest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

const (
	redirectURI = "https://app.example.com/cb?tenant=1"
	verifier    = "dBjftJeZ4CVP-mBxSoJwTrh8Lw2Zaq4rBz2M8PmkVxk"
)

// newServer starts a server without RSA keys and with one public client, "app".
func newServer(t *testing.T, opts *oauthtest.Options) *oauthtest.Server {
	t.Helper()
	if opts == nil {
		opts = &oauthtest.Options{SigningAlgs: []string{"ES256"}}
	}
	s := oauthtest.NewServer(opts)
	t.Cleanup(s.Close)
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}})
	return s
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// authorizationURL returns a correct authorization URL with changes: an empty
// value removes a parameter.
func authorizationURL(s *oauthtest.Server, changes map[string]string) string {
	return s.URL() + "/authorize?" + authorizationParams(changes).Encode()
}

// authorizationParams are those that authorizationURL puts into the URL.
func authorizationParams(changes map[string]string) url.Values {
	params := map[string]string{
		"response_type":         "code",
		"client_id":             "app",
		"redirect_uri":          redirectURI,
		"scope":                 "openid email",
		"state":                 "the state",
		"nonce":                 "the-nonce",
		"code_challenge":        challenge(verifier),
		"code_challenge_method": "S256",
	}
	maps.Copy(params, changes)
	query := url.Values{}
	for name, value := range params {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// authorize plays the browser and returns the parameters of the callback.
func authorize(t *testing.T, s *oauthtest.Server, changes map[string]string) url.Values {
	t.Helper()
	cb, err := s.Authorize(t.Context(), authorizationURL(s, changes))
	if err != nil {
		t.Fatal(err)
	}
	return cb.URL.Query()
}

// answered is authorize for every response mode.
func answered(t *testing.T, s *oauthtest.Server, changes map[string]string) url.Values {
	t.Helper()
	cb, err := s.Authorize(t.Context(), authorizationURL(s, changes))
	if err != nil {
		t.Fatal(err)
	}
	params, err := url.ParseQuery(cb.URL.EscapedFragment())
	if err != nil {
		t.Fatal(err)
	}
	if err := cb.ParseForm(); err != nil {
		t.Fatal(err)
	}
	for name, values := range cb.Form {
		params[name] = append(params[name], values...)
	}
	return params
}

// halfHash is the hash of c_hash and s_hash under ES256.
func halfHash(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// An answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
	m      map[string]any
}

func (a *answer) str(member string) string { v, _ := a.m[member].(string); return v }

func do(t *testing.T, c *http.Client, req *http.Request) *answer {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	json.Unmarshal(body, &a.m)
	return a
}

func get(t *testing.T, s *oauthtest.Server, target, token string) *answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return do(t, s.Client(), req)
}

// post sends a form; prepare, if not nil, may change the request.
func post(t *testing.T, c *http.Client, target string, form url.Values, prepare func(*http.Request)) *answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if prepare != nil {
		prepare(req)
	}
	return do(t, c, req)
}

func codeForm(code string) url.Values {
	return url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {redirectURI},
		"code_verifier": {verifier},
		"client_id":     {"app"},
	}
}

// redeem is a whole flow of the public client up to the token answer.
func redeem(t *testing.T, s *oauthtest.Server, changes map[string]string) *answer {
	t.Helper()
	code := authorize(t, s, changes).Get("code")
	return post(t, s.Client(), s.URL()+"/token", codeForm(code), nil)
}

func unbase64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decodeJWT returns header and claims of a compact JWS without verifying it.
func decodeJWT(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a compact JWS: %q", token)
	}
	for i, m := range []*map[string]any{&header, &claims} {
		if err := json.Unmarshal(unbase64(t, parts[i]), m); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// verified reports whether the token's signature is that of the key in the set
// with its kid, with the algorithm of its header.
func verified(t *testing.T, s *oauthtest.Server, token string) bool {
	t.Helper()
	header, _ := decodeJWT(t, token)
	keys, _ := get(t, s, s.URL()+"/jwks", "").m["keys"].([]any)
	for _, k := range keys {
		jwk := k.(map[string]any)
		if jwk["kid"] == header["kid"] {
			return verify(t, header["alg"].(string), jwk, token)
		}
	}
	return false
}

func verify(t *testing.T, alg string, jwk map[string]any, token string) bool {
	t.Helper()
	member := func(name string) []byte { v, _ := jwk[name].(string); return unbase64(t, v) }
	i := strings.LastIndex(token, ".")
	input, sig := []byte(token[:i]), unbase64(t, token[i+1:])
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[2:]]
	var digest []byte
	if hash != 0 {
		h := hash.New()
		h.Write(input)
		digest = h.Sum(nil)
	}
	switch {
	case jwk["kty"] == "RSA":
		pub := &rsa.PublicKey{N: new(big.Int).SetBytes(member("n")), E: int(new(big.Int).SetBytes(member("e")).Int64())}
		if alg[:2] == "PS" {
			return rsa.VerifyPSS(pub, hash, digest, sig, &rsa.PSSOptions{SaltLength: hash.Size()}) == nil
		}
		return alg[:2] == "RS" && rsa.VerifyPKCS1v15(pub, hash, digest, sig) == nil
	case jwk["kty"] == "EC":
		want := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[alg]
		if want == nil || want.Params().Name != jwk["crv"] {
			return false
		}
		pub, err := ecdsa.ParseUncompressedPublicKey(want, slices.Concat([]byte{4}, member("x"), member("y")))
		if err != nil {
			t.Fatal(err)
		}
		n := len(sig) / 2
		return n == (want.Params().BitSize+7)/8 &&
			ecdsa.Verify(pub, digest, new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:]))
	case jwk["kty"] == "OKP" && (alg == "EdDSA" || alg == "Ed25519"):
		return ed25519.Verify(member("x"), input, sig)
	}
	return false
}
