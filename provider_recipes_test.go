package oauth

// The tokens of docs/recipes.md: see provider_test.go, and TestProfiles, which presents
// them and their twins.

import (
	"maps"
	"slices"
	"testing"
)

var providerRecipes = []providerAccessToken{
	{
		seen:    seen{"Kubernetes", "a service account, without typ and client", "kubernetes/kubernetes#80724; pomerium/pomerium#6592"},
		profile: &AccessTokenProfile{Types: []string{""}, Marker: "kubernetes.io", Optional: []string{"jti", "client_id"}},
		issuer:  "https://kubernetes.example", resource: unitResource, typ: "-",
		claims: claimsOf{
			"aud": []string{"https://kubernetes.example", "k3s", unitResource}, "exp": unitTime + 3607, "iat": unitTime,
			"iss": "https://kubernetes.example", "kubernetes.io": claimsOf{"namespace": "default"}, "nbf": unitTime,
			"sub": "system:serviceaccount:default:default",
		},
		// It has no ID tokens: this is one of somebody who uses its keys.
		idToken:   claimsOf{"aud": unitResource, "exp": unitTime + 300, "iat": unitTime, "iss": "https://kubernetes.example", "sub": "u"},
		bad:       []providerTwin{{"for the Kubernetes API", claimsOf{"aud": []string{"https://kubernetes.example", "k3s"}}, ErrAudience, "aud"}},
		unchecked: claimsOf{"sub": "system:serviceaccount:other:default"},
	},
	{
		seen:    seen{"PingFederate", "no typ, no jti, and a list of scopes", "oidc-wp/openid-connect-generic#647"},
		profile: &AccessTokenProfile{Types: []string{""}, Marker: "client_id", Optional: []string{"jti", "sub"}},
		issuer:  "https://ping.example", resource: unitResource, typ: "-",
		claims: claimsOf{
			"scope": []string{"read", "write"}, "client_id": "c", "iss": "https://ping.example", "aud": unitResource, "iat": unitTime,
			"exp": unitTime + 300,
		},
		client: "c", scope: "read write",
		idToken:   claimsOf{"sub": "u", "iss": "https://ping.example", "aud": unitResource, "iat": unitTime, "exp": unitTime + 300, "nonce": "n"},
		unchecked: claimsOf{"scope": []string{"other"}},
	},
	// Nothing tells its access tokens from its ID tokens but a claim that the user
	// adds or that only one of them has.
	{
		seen:    seen{"Zitadel", "no scope, and the project for an audience", "zitadel/zitadel#12180; zitadel/zitadel#9200"},
		profile: &AccessTokenProfile{Types: []string{"JWT"}, Marker: "jti"},
		issuer:  "https://z.example", resource: "1234567890", typ: "JWT",
		claims: claimsOf{
			"aud": []string{"app@p", "1234567890"}, "client_id": "app@p", "exp": unitTime + 60, "iat": unitTime, "iss": "https://z.example",
			"jti": "V1_1", "nbf": unitTime, "sub": "u",
		},
		client: "app@p",
		idToken: claimsOf{
			"aud": []string{"app@p", "1234567890"}, "azp": "app@p", "client_id": "app@p", "exp": unitTime + 60, "iat": unitTime,
			"iss": "https://z.example", "sub": "u", "nonce": "n",
		},
		bad:       []providerTwin{{"of another project", claimsOf{"aud": []string{"app@q", "999"}}, ErrAudience, "aud"}},
		unchecked: claimsOf{"client_id": "other@p"},
	},
}

// recipeServer is an API that has the recipe.
func recipeServer(t *testing.T, s *unitServer, p *providerAccessToken) *ResourceServer {
	return s.resource(t, func(c *ResourceServerConfig) {
		c.Audiences = []string{p.resource}
		c.Servers[0].Server.Issuer, c.Servers[0].Profile = p.issuer, p.profile
	})
}

// TestRecipes: every type of a recipe is accepted, and so are the tokens of others, which
// only the API can tell from those that it wants.
func TestRecipes(t *testing.T) {
	s := newUnitServer()
	for _, p := range providerRecipes {
		t.Run(p.name(), func(t *testing.T) {
			rs := recipeServer(t, s, &p)
			for _, typ := range p.profile.Types {
				if typ == "" {
					typ = "-"
				}
				if _, err := authenticate(t, rs, bearer(s.signTyped(t, typ, p.claims))); err != nil {
					t.Errorf("of type %s: %v", typ, err)
				}
			}
			if len(p.unchecked) == 0 {
				t.Error("it is not said what the API has to look at")
			}
			for _, name := range slices.Sorted(maps.Keys(p.unchecked)) {
				claims := maps.Clone(p.claims)
				claims[name] = p.unchecked[name]
				token, err := authenticate(t, rs, bearer(s.signTyped(t, p.typ, claims)))
				if err != nil {
					t.Errorf("with another %s: %v: the API need not look at it", name, err)
					continue
				}
				var got map[string]any
				if err := token.Claims(&got); err != nil || unitJSON(t, got[name]) != unitJSON(t, p.unchecked[name]) {
					t.Errorf("the API sees %v as %s: %v", got[name], name, err)
				}
			}
		})
	}
}
