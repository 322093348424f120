package oauth

// Tests of access tokens that are encrypted to the API (RFC 9068, Section 4).

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestEncryptedAccessTokens(t *testing.T) {
	s := newUnitServer()
	x := sender{name: "RSA", alg: "RSA-OAEP-256", enc: "A256GCM"}
	key := decryptionKey(t, "RSA", "RSA-OAEP-256", []string{"A256GCM"}, "")
	proofKey := proofKeyOf(t, ES256)
	decrypting := func(c *ResourceServerConfig) { c.Decrypter = newUnitDecrypter(t, key); c.VerifiedTokens = 10 }
	rs := s.resource(t, decrypting)
	asking := s.resource(t, func(c *ResourceServerConfig) { decrypting(c); c.Introspect = s.introspector(t, nil) })
	s.answer(introspectionPath, `{"active":true}`)
	good := s.accessToken(t, nil)
	bound := x.seal(t, s.accessToken(t, boundTo(proofKey)))
	for _, tt := range []struct {
		name  string
		r     *http.Request
		kind  error
		param string
	}{
		{"encrypted", bearer(x.seal(t, good)), nil, ""},
		{"not encrypted", bearer(good), nil, ""},
		{"for another API", bearer(x.seal(t, s.accessToken(t, map[string]any{"aud": "https://other.example"}))), ErrAudience, "aud"},
		{"expired", bearer(x.seal(t, s.accessToken(t, map[string]any{"exp": unitTime - 60}))), ErrExpired, "exp"},
		{"an ID token", bearer(x.seal(t, s.sign(t, "JWT", accessClaims(nil)))), ErrType, ""},
		{"forged", bearer(x.seal(t, forged(t, s, accessClaims(nil)))), ErrSignature, ""},
		{"signed by nobody", bearer(x.seal(t, unsignedToken(t, accessClaims(nil)))), ErrAlgorithm, "alg"},
		{"claims alone", bearer(x.seal(t, unitJSON(t, accessClaims(nil)))), ErrInvalid, ""},
		{"encrypted twice", bearer(x.seal(t, x.seal(t, good))), ErrUnsupported, ""},
		{"changed", bearer(changed(x.seal(t, good), 5)), ErrDecrypt, ""},
		{"with another algorithm", bearer(sender{name: "RSA", alg: "RSA-OAEP-512", enc: "A256GCM"}.seal(t, good)), ErrDecrypt, ""},
		{"with RSA1_5", bearer(encodeBase64URL([]byte(`{"alg":"RSA1_5","enc":"A256GCM"}`)) + ".AA.AA.AA.AA"), ErrAlgorithm, "alg"},
		{"bound, with a proof of what was sent", provenRequestOf(bound, signProof(t, proofKey, nil, proofClaims(bound, nil))), nil, ""},
		{"bound, as Bearer", bearer(bound), ErrBinding, "cnf"},
		{"bound, with a proof of another", provenRequestOf(bound, signProof(t, proofKey, nil, proofClaims(good, nil))), ErrInvalid, "ath"},
	} {
		for _, api := range []*ResourceServer{rs, asking} {
			token, err := authenticate(t, api, tt.r)
			if wantError(t, err, tt.kind, tt.param); err == nil {
				_, sent, _ := strings.Cut(tt.r.Header.Get("Authorization"), " ")
				if token.Subject() != "alice" || token.Raw().Reveal() != sent {
					t.Errorf("%s: %v, and not as it was received", tt.name, token)
				}
			}
			if err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %v does not count as a bad token", tt.name, err)
			}
			if tt.name[:5] == "bound" { // its proof was used
				break
			}
		}
	}
	if n := rs.verified.count(); n != 1 {
		t.Errorf("%d tokens are remembered, and one came as it was", n)
	}
	if n := len(s.requests(introspectionPath)); n != 0 {
		t.Errorf("%d encrypted tokens were asked about", n)
	}
	// A key that cannot be used is no fault of the token, and without a Decrypter the
	// token is an opaque one, or none.
	down := s.resource(t, func(c *ResourceServerConfig) { c.Decrypter = failing{errors.New("the HSM is away")} })
	_, err := authenticate(t, down, bearer(x.seal(t, good)))
	wantError(t, err, ErrUnavailable, "Decrypter")
	_, err = authenticate(t, s.resource(t, nil), bearer(x.seal(t, good)))
	wantError(t, err, ErrUnsupported, "")
	opaque := s.resource(t, func(c *ResourceServerConfig) { c.Introspect = s.introspector(t, nil) })
	if _, err := authenticate(t, opaque, bearer(x.seal(t, good))); err != nil || len(s.requests(introspectionPath)) != 1 {
		t.Errorf("%v, asked %d times", err, len(s.requests(introspectionPath)))
	}
	// With a profile that wants to know whether it was revoked, that is asked of it as well.
	profiled := s.resource(t, func(c *ResourceServerConfig) {
		decrypting(c)
		c.SecurityProfile, c.Introspect = FAPI2SecurityProfile, s.introspector(t, nil)
	})
	s.answer(introspectionPath, `{"active":false}`)
	_, err = authenticate(t, profiled, provenRequestOf(bound, signProof(t, proofKey, nil, proofClaims(bound, nil))))
	wantError(t, err, ErrInactive, "active")
	cfg := s.resourceConfig()
	decrypting(&cfg)
	cfg.Servers, cfg.Introspect = nil, s.introspector(t, nil)
	_, err = NewResourceServer(cfg)
	wantError(t, err, ErrConfig, "Decrypter")
}
