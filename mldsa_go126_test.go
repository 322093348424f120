//go:build !go1.27 || fips140v1.0

package oauth

// Tests of what a program without ML-DSA says: which algorithm it is, and what is
// missing, at every place that names one, and never a panic.

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

var mldsaNames = []Algorithm{MLDSA44, MLDSA65, MLDSA87}

func mldsaVerifiesElsewhere(*mldsaPublicKey, []byte, []byte) bool { return false }

// wantMissing asserts an error that a reader can act upon.
func wantMissing(t *testing.T, err error, alg Algorithm, param string) {
	t.Helper()
	wantError(t, err, ErrUnsupported, param)
	if text := err.Error(); !strings.Contains(text, string(alg)) || !strings.Contains(text, "Go 1.27") || !strings.Contains(text, "v1.26.0") {
		t.Errorf("the error does not say what is missing: %v", err)
	}
}

func TestMLDSAMissing(t *testing.T) {
	s := newUnitServer()
	signer := *jwsKey(ES256, "").signer.signer
	for i, alg := range mldsaNames {
		t.Run(string(alg), func(t *testing.T) {
			_, err := GenerateSigningKey(alg)
			wantMissing(t, err, alg, "alg")
			_, err = NewSigningKey(signer, alg, "")
			wantMissing(t, err, alg, "alg")
			private := withMember(akpJWK(string(alg), []int{1312, 1952, 2592}[i]), `"priv":"`+encodeBase64URL(make([]byte, 32))+`"`)
			for _, named := range []Algorithm{alg, ""} {
				_, err = ParseSigningKey([]byte(private), named, "")
				wantMissing(t, err, alg, "alg")
			}
			// A PKCS #8 that has an algorithm of tomorrow cannot be read: the argument
			// says which it is.
			_, err = ParseSigningKey([]byte(pemBlock("PRIVATE KEY", []byte{0x30, 0})), alg, "")
			wantMissing(t, err, alg, "alg")

			for _, x := range []struct {
				param  string
				change func(*Config)
			}{
				{"Metadata.IDTokenSignedResponseAlg", func(c *Config) { c.Metadata.IDTokenSignedResponseAlg = alg }},
				{"Metadata.UserinfoSignedResponseAlg", func(c *Config) { c.Metadata.UserinfoSignedResponseAlg = alg }},
				{"Metadata.AuthorizationSignedResponseAlg", func(c *Config) { c.Metadata.AuthorizationSignedResponseAlg = alg }},
				{"Metadata.IntrospectionSignedResponseAlg", func(c *Config) { c.Metadata.IntrospectionSignedResponseAlg = alg }},
				// Another algorithm would not help: the server has no other.
				{"Server.IDTokenSigningAlgValuesSupported", func(c *Config) { c.Server.IDTokenSigningAlgValuesSupported = []Algorithm{"none", alg} }},
			} {
				cfg := s.config()
				x.change(&cfg)
				_, err := NewClient(cfg)
				wantMissing(t, err, alg, x.param)
			}
			for _, x := range []struct {
				param  string
				change func(*ResourceServerConfig)
			}{
				{"Servers.Algorithms", func(c *ResourceServerConfig) { c.Servers[0].Algorithms = []Algorithm{ES256, alg} }},
				{"DPoPAlgorithms", func(c *ResourceServerConfig) { c.DPoPAlgorithms = []Algorithm{alg} }},
			} {
				cfg := s.resourceConfig()
				x.change(&cfg)
				_, err := NewResourceServer(cfg)
				wantMissing(t, err, alg, x.param)
			}

			// What a server lists beside others is left out.
			got, err := allowedAlgorithms("client", "", "server", []Algorithm{alg, ES256, "none"}, RS256)
			if err != nil || !slices.Equal(got, []Algorithm{ES256}) {
				t.Errorf("usable are %v, %v", got, err)
			}
			c := s.client(t, func(c *Config) { c.Server.IDTokenSigningAlgValuesSupported = []Algorithm{alg, ES256} })
			token := encodeBase64URL([]byte(`{"alg":"`+string(alg)+`"}`)) + ".e30." + strings.Repeat("A", 4)
			_, err = c.VerifyIDToken(context.Background(), token, VerifyIDTokenOptions{})
			wantError(t, err, ErrAlgorithm, "alg")
		})
	}
}

// The lists that the package writes itself have no algorithm that it cannot verify,
// and a proof with one is refused as any other that is not allowed.
func TestMLDSANotAnnounced(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	for _, text := range []string{joinAlgorithms(rs.proofs.jws.allowed), joinAlgorithms(rs.servers[0].rules.allowed), rs.proofs.algs(), string(rs.metadata), supportedAlgorithms()} {
		if strings.Contains(text, "ML-DSA") || !strings.Contains(text, "ES256") {
			t.Errorf("announced is %s", text)
		}
	}
	key := proofKeyOf(t, ES256)
	token := s.accessToken(t, boundTo(key))
	proof := signProof(t, key, map[string]any{"alg": MLDSA44}, proofClaims(token, nil))
	_, err := authenticate(t, rs, provenRequestOf(token, proof))
	wantError(t, err, ErrAlgorithm, "alg")
}

// A key of that type is skipped, with the reason, and does not spoil the set.
func TestMLDSAKeySkipped(t *testing.T) {
	key := jwsKey(ES256, "ec")
	akp := withMember(akpJWK("ML-DSA-65", 1952), `"kid":"pq","use":"sig"`)
	keys := must(ParseKeySet([]byte(`{"keys":[` + akp + `,` + string(key.PublicJWK()) + `]}`)))
	snap := keys.current.Load()
	if len(snap.keys) != 1 || len(snap.skipped) != 1 {
		t.Fatalf("%d keys, %d skipped", len(snap.keys), len(snap.skipped))
	}
	wantMissing(t, snap.skipped[0].reason, MLDSA65, "alg")
	if _, err := jwsVerify(must(key.SignJWT("", struct{}{})), keys, jwsAllow(ES256)); err != nil {
		t.Error(err)
	}
	// A token that names the skipped key says why it cannot be verified.
	v, err := jwsVerify(jwsToken(key, `{"alg":"ES256","kid":"pq"}`, "{}"), keys, jwsAllow(ES256))
	wantRefused(t, v, err, ErrKeyNotFound, "kid")
	if !errors.Is(err, ErrUnsupported) {
		t.Errorf("the reason is lost: %v", err)
	}
	_, err = ParseKeySet([]byte(`{"keys":[` + akp + `]}`))
	wantError(t, err, ErrParse, "keys")
	if !strings.Contains(err.Error(), "Go 1.27") {
		t.Errorf("the reason is lost: %v", err)
	}
}
