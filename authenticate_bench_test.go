package oauth

import (
	"fmt"
	"net/http"
	"testing"
)

// BenchmarkStranger is what a token of nobody costs an API with two servers: one of 63 kB,
// and one as servers write them.
func BenchmarkStranger(b *testing.B) {
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
