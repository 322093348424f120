package oauth

// Tests of what a configuration of a resource server means.

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestResourceIdentity(t *testing.T) {
	s := newUnitServer()
	for _, tt := range []struct {
		name, resource, base string
		insecure             bool
		kind                 error
		metadata             bool
	}{
		{"https", "https://api.example", "", false, nil, true},
		{"scheme in capitals", "HTTPS://api.example", "", false, nil, true},
		{"no scheme", "orders", "", false, nil, false},
		{"http in capitals, allowed", "HTTP://api.example", "", true, nil, true},
		{"http base, allowed", "urn:api", "http://api.example", true, nil, false},
		{"http base", "urn:api", "http://api.example", false, ErrInsecureURL, false},
		{"http identifier of an https API", "http://api.example/v1", "https://api.example", false, nil, false},
		{"another scheme", "api://x/y", "https://api.example", false, nil, false},
	} {
		cfg := s.resourceConfig()
		cfg.Resource, cfg.BaseURL, cfg.InsecureAllowHTTP = tt.resource, tt.base, tt.insecure
		rs, err := NewResourceServer(cfg)
		if wantError(t, err, tt.kind, ""); err != nil {
			continue
		}
		if checks := tt.metadata || tt.base != ""; rs.proofs.off == checks {
			t.Errorf("%s: proofs are checked: %v", tt.name, !checks)
		}
		for method, status := range map[string]int{"GET": 200, "HEAD": 200, "head": 405, "POST": 405} {
			if !tt.metadata {
				status = http.StatusNotFound
			}
			w := httptest.NewRecorder()
			rs.MetadataHandler().ServeHTTP(w, &http.Request{Method: method})
			if w.Code != status {
				t.Errorf("%s: %s gets %d", tt.name, method, w.Code)
			}
		}
		if path := rs.MetadataPath(); path != "/.well-known/oauth-protected-resource" {
			t.Errorf("%s: %s", tt.name, path)
		}
	}
}

// TestResourceServerParts: what is given is used, and what is empty is refused.
func TestResourceServerParts(t *testing.T) {
	s := newUnitServer()
	own := must(ParseKeySet([]byte(`{"keys":[` + string(s.key.PublicJWK()) + `]}`)))
	rs := s.resource(t, func(c *ResourceServerConfig) {
		second := *c.Servers[0].Server
		second.Issuer = "https://second.example"
		third := second
		third.Issuer = "https://third.example"
		c.Servers = append(c.Servers, TrustedServer{Server: &second, KeySet: own}, TrustedServer{Server: &third})
		c.VerifiedTokens = 1
	})
	if rs.servers[1].keys != own || rs.servers[2].keys != rs.servers[0].keys {
		t.Error("a server has the keys of another, or one URL has two sets")
	}
	if rs.verified == nil {
		t.Error("room for one token is none")
	}
	cfg := s.resourceConfig()
	cfg.Introspect = new(Client)
	_, err := NewResourceServer(cfg)
	wantError(t, err, ErrConfig, "")
}
