package oauth

// Tests of the names of a resource: its identifier, its audiences, and what it can do
// without a URL.

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestAudiences: aud is compared with Audiences, and with Resource only where there are
// none, of JWTs as of opaque tokens.
func TestAudiences(t *testing.T) {
	const guid = "0b1c22f2-1111-4222-8333-444455556666"
	s := newUnitServer()
	for _, tt := range []struct {
		name      string
		audiences []string
		aud       any
		ok        bool
	}{
		{"Resource alone", nil, unitResource, true},
		{"the slash of an empty path", nil, unitResource + "/", true},
		{"a path", nil, unitResource + "/v1", false},
		{"another host", nil, unitResource + ".example", false},
		{"in other letters", nil, strings.ToUpper(unitResource), false},
		{"a GUID", []string{guid}, guid, true},
		{"a GUID in other letters", []string{guid}, strings.ToUpper(guid), false},
		{"a GUID with a slash", []string{guid}, guid + "/", false},
		{"Resource where there are others", []string{guid}, unitResource, false},
		{"the second of two", []string{"api://default", guid}, guid, true},
		{"the first of two", []string{"api://default", guid}, "api://default", true},
		{"one of several", []string{guid}, []string{"x", guid}, true},
		{"none of several", []string{"a", "b"}, []string{"c", "ab", ""}, false},
		{"a part", []string{"api://default"}, "api://defaul", false},
		{"a slash that was configured", []string{"https://other.example/"}, "https://other.example", true},
		{"an empty one beside it", []string{guid}, []string{guid, ""}, false},
	} {
		rs := s.resource(t, func(c *ResourceServerConfig) {
			c.Audiences, c.Introspect = tt.audiences, s.introspector(t, nil)
		})
		s.answer(introspectionPath, unitJSON(t, map[string]any{"active": true, "aud": tt.aud}))
		for kind, token := range map[string]string{"JWT": s.accessToken(t, map[string]any{"aud": tt.aud}), "opaque": "opaque"} {
			_, err := authenticate(t, rs, bearer(token))
			if list, several := tt.aud.([]string); several && kind == "opaque" && list[1] == "" {
				continue // a server may name what it likes beside this one
			}
			if (err == nil) != tt.ok {
				t.Errorf("%s, %s: %v", tt.name, kind, err)
			}
		}
	}
	// The caller's list is copied, and the error names both sides and the way out.
	list := []string{guid}
	rs := s.resource(t, func(c *ResourceServerConfig) { c.Audiences = list })
	list[0] = "changed"
	if _, err := authenticate(t, rs, bearer(s.accessToken(t, map[string]any{"aud": guid}))); err != nil {
		t.Error(err)
	}
	_, err := authenticate(t, rs, bearer(s.accessToken(t, map[string]any{"aud": "api://orders"})))
	wantError(t, err, ErrAudience, "aud")
	for _, word := range []string{"api://orders", guid, "ResourceServerConfig.Audiences"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %s", err, word)
		}
	}
	// The identifier is that of metadata and challenges, whatever the audiences are.
	w := httptest.NewRecorder()
	rs.MetadataHandler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	challenge := rs.Challenges(err)[0]
	if !strings.Contains(w.Body.String(), `"resource":"`+unitResource+`"`) || !strings.Contains(challenge, `realm="`+unitResource+`"`) {
		t.Errorf("%s, %s", w.Body, challenge)
	}
}

// calledAt is a RequestURL.
func calledAt(r *http.Request) (*url.URL, error) { return url.Parse(unitResource + r.URL.Path) }

// TestWithoutProofs: an API that checks no proofs offers none and takes no token that
// needs one, whether it was told to or has nothing to compare them with.
func TestWithoutProofs(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	for name, change := range map[string]func(*ResourceServerConfig){
		"no URL":          func(c *ResourceServerConfig) { c.Resource, c.Audiences = "orders", []string{unitResource} },
		"DisableDPoP":     func(c *ResourceServerConfig) { c.DisableDPoP = true },
		"with BaseURL":    func(c *ResourceServerConfig) { c.DisableDPoP, c.BaseURL = true, unitResource },
		"with RequestURL": func(c *ResourceServerConfig) { c.DisableDPoP, c.RequestURL = true, calledAt },
	} {
		rs := s.resource(t, change)
		if _, err := authenticate(t, rs, bearer(s.accessToken(t, nil))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		bound := s.accessToken(t, boundTo(key))
		proven := provenRequestOf(bound, signProof(t, key, nil, proofClaims(bound, nil)))
		for how, r := range map[string]*http.Request{"with its proof": proven, "as Bearer": bearer(bound), "without a proof": apiRequest("DPoP " + bound)} {
			_, err := authenticate(t, rs, r)
			if wantError(t, err, ErrBinding, "cnf"); !strings.Contains(err.Error(), "DisableDPoP") {
				t.Errorf("%s, %s: %v", name, how, err)
			}
			list := rs.Challenges(err)
			if len(list) != 1 || !strings.HasPrefix(list[0], "Bearer ") || !strings.Contains(list[0], `error="invalid_token"`) {
				t.Errorf("%s, %s: %q", name, how, list)
			}
		}
		if _, err := authenticate(t, rs, apiRequest()); len(rs.Challenges(err)) != 1 {
			t.Errorf("%s: %q", name, rs.Challenges(err))
		}
		w := httptest.NewRecorder()
		rs.MetadataHandler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if strings.Contains(w.Body.String(), "dpop") {
			t.Errorf("%s: %s", name, w.Body)
		}
		// An opaque token is no way around.
		asking := s.resource(t, func(c *ResourceServerConfig) { change(c); c.Introspect = s.introspector(t, nil) })
		s.answer(introspectionPath, `{"active":true,"cnf":{"jkt":"`+key.Thumbprint()+`"}}`)
		_, err := authenticate(t, asking, bearer("opaque"))
		wantError(t, err, ErrBinding, "cnf")
	}
	// With a URL of the API, or a function for it, proofs are checked as before.
	for name, change := range map[string]func(*ResourceServerConfig){
		"BaseURL": func(c *ResourceServerConfig) {
			c.Resource, c.Audiences, c.BaseURL = "orders", []string{unitResource}, unitResource
		},
		"RequestURL": func(c *ResourceServerConfig) {
			c.Resource, c.Audiences, c.RequestURL = "orders", []string{unitResource}, calledAt
		},
	} {
		rs := s.resource(t, change)
		bound := s.accessToken(t, boundTo(key))
		if _, err := authenticate(t, rs, provenRequestOf(bound, signProof(t, key, nil, proofClaims(bound, nil)))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMetadataPreflight: a script of another origin, which sends a field of its own
// (MCP-Protocol-Version), may read the metadata, and nothing else is offered.
func TestMetadataPreflight(t *testing.T) {
	rs := newUnitServer().resource(t, nil)
	w := httptest.NewRecorder()
	rs.MetadataHandler().ServeHTTP(w, httptest.NewRequest("OPTIONS", rs.MetadataPath(), nil))
	h := w.Header()
	if w.Code != http.StatusNoContent || w.Body.Len() != 0 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Headers") != "*" ||
		h.Get("Access-Control-Allow-Methods") != "GET, HEAD" || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Access-Control-Max-Age") != "7200" || h.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("%d %v %s", w.Code, h, w.Body)
	}
	w = httptest.NewRecorder()
	rs.MetadataHandler().ServeHTTP(w, httptest.NewRequest("options", rs.MetadataPath(), nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	urn := newUnitServer().resource(t, func(c *ResourceServerConfig) { c.Resource = "orders" })
	w = httptest.NewRecorder()
	urn.MetadataHandler().ServeHTTP(w, httptest.NewRequest("OPTIONS", "/", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
