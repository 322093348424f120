package oauth

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
)

// BenchmarkStranger is what a token of nobody costs an API with two servers: one of 63 kB,
// and one as servers write them. The bare check of a signature stands beside them: times
// of one machine say little.
func BenchmarkStranger(b *testing.B) {
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	digest := sha256.Sum256([]byte("x"))
	sig := must(rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:]))
	b.Run("bare RS256", func(b *testing.B) {
		for b.Loop() {
			if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], sig); err != nil {
				b.Fatal(err)
			}
		}
	})
	s := newUnitServer()
	rs := s.resource(b, func(c *ResourceServerConfig) {
		c.Servers = append(c.Servers, TrustedServer{Server: &AuthorizationServer{Issuer: "https://second.example", JWKSURI: unitIssuer + "/jwks2"}})
	})
	for name, padded := range map[string]bool{"many claims": true, "one": false} {
		claims := map[string]any{"iss": "https://x.example"}
		for i := 0; padded && i < 1000; i++ {
			claims[fmt.Sprintf("%040d", i)] = i
		}
		r := bearer(must(s.key.SignJWT("at+jwt", accessClaims(claims))))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rs.Authenticate(r); StatusCode(err) != http.StatusUnauthorized {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchTokens are an ID token and an access token, and who takes them.
func benchTokens(t testing.TB, alg Algorithm) (idToken, bearer func() error) {
	s := newUnitServer()
	s.key = must(GenerateSigningKey(alg))
	s.answer("/jwks", `{"keys":[`+string(s.key.PublicJWK())+`]}`)
	c := s.client(t, func(c *Config) { c.Server.IDTokenSigningAlgValuesSupported = []Algorithm{alg} })
	rs := s.resource(t, nil)
	raw, access := s.sign(t, "JWT", unitClaims(map[string]any{"nonce": "n"})), apiRequest()
	access.Header.Set("Authorization", "Bearer "+s.accessToken(t, nil))
	return func() error {
			_, err := c.VerifyIDToken(context.Background(), raw, VerifyIDTokenOptions{Nonce: "n"})
			return err
		}, func() error {
			_, err := rs.Authenticate(access)
			return err
		}
}

// BenchmarkVerify is an ID token and a bearer token beside the bare signature, of which
// bench has the ratios.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range []Algorithm{RS256, PS256, ES256, EdDSA} {
		idToken, bearer := benchTokens(b, alg)
		for name, f := range map[string]func() error{"id token": idToken, "bearer": bearer} {
			b.Run(name+"/"+string(alg), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestAllocations pins what the hot paths allocate. Of EdDSA, the bare check allocates
// nothing; two are the claims and the token.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	idToken, bearer := benchTokens(t, EdDSA)
	s := newUnitServer()
	c, rs := s.client(t, nil), s.resource(t, nil)
	header := func(text string) string { return encodeBase64URL([]byte(text)) }
	type row struct {
		name string
		f    func() error
		kind error
		most float64
	}
	rows := []row{{"ID token", idToken, nil, 2}, {"bearer token", bearer, nil, 2}, {"token request", benchTokenRequest(t), nil, 48}, {"client assertion", benchAssertion(t), nil, 8}}
	for _, x := range []struct {
		name, token string
		kind        error
	}{
		{"shape", "a.b", ErrParse},
		{"size", strings.Repeat("a", maxToken+1), ErrParse},
		{"base64", header(`{"alg":"ES256","typ":"at+jwt"}`) + ".e.AA", ErrParse},
		{"crit", header(`{"alg":"ES256","crit":["b64"]}`) + ".e30.AA", ErrUnsupported},
		{"alg", header(`{"alg":"HS256","typ":"at+jwt"}`) + ".e30.AA", ErrAlgorithm},
		{"typ", header(`{"alg":"ES256","typ":"logout+jwt"}`) + ".e30.AA", ErrType},
	} {
		if x.name != "base64" { // the ID token of that header is none
			rows = append(rows, row{x.name + ", ID token", func() error {
				_, err := c.VerifyIDToken(context.Background(), x.token, VerifyIDTokenOptions{})
				return err
			}, x.kind, 3})
		}
		r := apiRequest()
		r.Header.Set("Authorization", "Bearer "+x.token)
		rows = append(rows, row{x.name + ", bearer token", func() error {
			_, err := rs.Authenticate(r)
			return err
		}, x.kind, 3})
	}
	for _, row := range rows {
		for range 3 { // what is remembered
			if err := row.f(); !errors.Is(err, row.kind) {
				t.Fatalf("%s: %v", row.name, err)
			}
		}
		n := math.Inf(1)
		for range 5 { // what is left of other tests allocates, too, and not for ever
			n = min(n, testing.AllocsPerRun(100, func() { row.f() }))
		}
		if n > row.most {
			t.Errorf("%s: %v allocations, want at most %v", row.name, n, row.most)
		}
	}
}

// benchTokenRequest asks for a token, of which an answer of 0.9 kB comes from memory.
func benchTokenRequest(t testing.TB) func() error {
	body := `{"access_token":"` + strings.Repeat("a", 780) + `","token_type":"Bearer","expires_in":3600,"refresh_token":"8xLOxBtZp8dVqV1mZk3Q7w","scope":"orders profile"}`
	s := newUnitServer()
	c := s.client(t, func(c *Config) {
		c.Auth = ClientSecretBasic("secret")
		c.HTTPClient = httpFunc(func(r *http.Request) (*http.Response, error) {
			return httpAnswer(r, http.StatusOK, body, "Content-Type", mediaJSON), nil
		}).client()
	})
	opts := &GrantOptions{Scope: []string{"orders", "profile"}}
	return func() error {
		_, err := c.ClientCredentials(context.Background(), opts)
		return err
	}
}

// benchAssertion has a client authenticate with its key.
func benchAssertion(t testing.TB) func() error {
	auth := PrivateKeyJWT(must(GenerateSigningKey(EdDSA)), nil)
	server := newUnitServer().config().Server
	return func() error {
		return auth.Authenticate(context.Background(), &ClientAuthRequest{Server: server, ClientID: unitClient, Endpoint: server.TokenEndpoint, Header: http.Header{}, Form: url.Values{}})
	}
}

// BenchmarkTokenResponse is a token request that is answered from memory.
func BenchmarkTokenResponse(b *testing.B) {
	ask := benchTokenRequest(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := ask(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestBodyAllocations pins how much is allocated for a body as long as may be, whatever
// stands in it: some of it is the text, and a part of that which is kept.
func TestBodyAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Server.IntrospectionEndpoint = unitIssuer + introspectionPath })
	ctx := context.Background()
	n := maxBody - 4096
	for name, shape := range map[string]string{
		"one string": `"pad":"` + strings.Repeat("a", n) + `"`, "a name": `"` + strings.Repeat("a", n) + `":1`,
		"an escaped name": `"` + strings.Repeat(`\u0061`, n/6) + `":1`, "arrays": `"pad":[` + strings.Repeat("[],", n/3) + `[]]`,
		"spaces": `"pad":` + strings.Repeat(" ", n) + `1`, "not the end": `"pad":"` + strings.Repeat("a", n) + `",`,
	} {
		for _, tt := range []struct {
			path, members string
			call          func() error
		}{
			{"/jwks", `"keys":[` + string(s.key.PublicJWK()) + `],`, func() error {
				return must(NewKeySet(unitIssuer+"/jwks", &KeySetOptions{HTTPClient: &http.Client{Transport: s}})).Refresh(ctx)
			}},
			{"/token", `"access_token":"a","token_type":"Bearer",`, func() error { _, err := c.ClientCredentials(ctx, nil); return err }},
			{"/.well-known/openid-configuration", `"issuer":"` + unitIssuer + `",`, func() error {
				_, err := Discover(ctx, unitIssuer, &DiscoverOptions{HTTPClient: &http.Client{Transport: s}})
				return err
			}},
			{introspectionPath, `"active":true,"sub":"a",`, func() error { _, err := c.Introspect(ctx, "t", nil); return err }},
		} {
			s.answer(tt.path, "{"+tt.members+shape+"}")
			least := uint64(math.MaxUint64)
			for range 3 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if err := tt.call(); (err == nil) != (name != "not the end") {
					t.Fatalf("%s, %s: %v", tt.path, name, err)
				}
				runtime.ReadMemStats(&after)
				least = min(least, after.TotalAlloc-before.TotalAlloc)
			}
			if least > 4_000_000 {
				t.Errorf("%s, %s: %d bytes", tt.path, name, least)
			}
		}
	}
}
