package oauthtest_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// A documentHost serves one client metadata document at every path.
type documentHost struct {
	*httptest.Server
	mu    sync.Mutex
	n     int
	serve func(w http.ResponseWriter, r *http.Request)
}

func newDocumentHost(t *testing.T) *documentHost {
	h := &documentHost{}
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.n++
		h.serve(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

// document serves metadata that are good for a client_id, with changes.
func (h *documentHost) document(id string, changes map[string]any) {
	m := map[string]any{"client_id": id, "client_name": "A client", "redirect_uris": []string{redirectURI}}
	maps.Copy(m, changes)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n = 0
	h.serve = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		json.NewEncoder(w).Encode(m)
	}
}

func TestClientIDMetadataDocument(t *testing.T) {
	host := newDocumentHost(t)
	signer := newServer(t, nil)
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, ClientIDMetadataDocuments: true, OutgoingClient: host.Client()})
	if m := get(t, s, s.URL()+"/.well-known/openid-configuration", "").m; m["client_id_metadata_document_supported"] != true {
		t.Errorf("metadata: %v", m)
	}
	var jwks map[string]any
	if err := json.Unmarshal([]byte(get(t, signer, signer.URL()+"/jwks", "").body), &jwks); err != nil {
		t.Fatal(err)
	}
	for method, changes := range map[string]map[string]any{
		"":                nil,
		"none":            {"token_endpoint_auth_method": "none"},
		"private_key_jwt": {"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks},
	} {
		id := host.URL + "/client-" + method
		host.document(id, changes)
		cb, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"client_id": id}))
		if err != nil {
			t.Fatal(err)
		}
		form := codeForm(cb.URL.Query().Get("code"))
		form.Set("client_id", id)
		if method == "private_key_jwt" {
			if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.str("error") != "invalid_client" {
				t.Errorf("without an assertion: %s", a.body)
			}
			assertion, err := signer.Sign("ES256", nil, map[string]any{
				"iss": id, "sub": id, "aud": s.Issuer(), "jti": rand.Text(), "exp": time.Now().Add(time.Minute).Unix(),
			})
			if err != nil {
				t.Fatal(err)
			}
			form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			form.Set("client_assertion", assertion)
		}
		a := post(t, s.Client(), s.URL()+"/token", form, nil)
		if a.status != 200 {
			t.Fatalf("%s: %s", method, a.body)
		}
		if _, claims := decodeJWT(t, a.str("id_token")); claims["aud"] != id {
			t.Errorf("claims %v", claims)
		}
		if host.n != 1 {
			t.Errorf("%s: fetched %d times", method, host.n)
		}
	}

	// A client that is registered is not fetched.
	id := host.URL + "/registered"
	host.document(id, nil)
	s.AddClient(oauthtest.Client{ID: id, RedirectURIs: []string{redirectURI}})
	if _, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"client_id": id})); err != nil || host.n != 0 {
		t.Errorf("%v, fetched %d times", err, host.n)
	}
}

func TestClientIDMetadataDocumentErrors(t *testing.T) {
	host := newDocumentHost(t)
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, ClientIDMetadataDocuments: true, OutgoingClient: host.Client()})
	long := strings.Repeat("x", 5<<10)
	for _, tt := range []struct {
		name, path string
		changes    map[string]any
		fetched    int
	}{
		{"other client_id", "/c", map[string]any{"client_id": host.URL + "/d"}, 1},
		{"no client_id", "/c", map[string]any{"client_id": nil}, 1},
		{"secret", "/c", map[string]any{"client_secret": "s"}, 1},
		{"secret expiry", "/c", map[string]any{"client_secret_expires_at": 0}, 1},
		{"secret method", "/c", map[string]any{"token_endpoint_auth_method": "client_secret_basic"}, 1},
		{"mTLS", "/c", map[string]any{"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=x"}, 1},
		{"no key", "/c", map[string]any{"token_endpoint_auth_method": "private_key_jwt"}, 1},
		{"no redirect URI", "/c", map[string]any{"redirect_uris": nil}, 1},
		{"another redirect URI", "/c", map[string]any{"redirect_uris": []string{"https://app.example.com/other"}}, 1},
		{"algorithm", "/c", map[string]any{"id_token_signed_response_alg": "RS256"}, 1},
		{"too long", "/c", map[string]any{"client_name": long}, 1},
		{"no path", "", nil, 0},
		{"dot segment", "/./c", nil, 0},
		{"dot segments", "/a/../c", nil, 0},
		{"fragment", "/c#", nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := host.URL + tt.path + "?" + rand.Text() // no client of a row before
			if strings.HasSuffix(tt.path, "#") || tt.path == "" {
				id = host.URL + tt.path
			}
			host.document(id, tt.changes)
			cb, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"client_id": id}))
			if err == nil {
				t.Errorf("it led to %s", cb.URL)
			}
			if host.n != tt.fetched {
				t.Errorf("fetched %d times", host.n)
			}
		})
	}
	id := host.URL + "/c"
	good := fmt.Sprintf(`{"client_id":%q,"redirect_uris":[%q]}`, id, redirectURI)
	for name, serve := range map[string]func(w http.ResponseWriter, r *http.Request){
		"HTML": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, good)
		},
		"not found": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, good)
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "[]")
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/c" {
				http.Redirect(w, r, "/d", http.StatusFound)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, good)
		},
	} {
		host.mu.Lock()
		host.serve = serve
		host.mu.Unlock()
		if cb, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"client_id": id})); err == nil {
			t.Errorf("%s: it led to %s", name, cb.URL)
		}
	}
	userinfo := strings.Replace(id, "https://", "https://user@", 1)
	host.document(userinfo, nil)
	if _, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"client_id": userinfo})); err == nil {
		t.Error("userinfo in the client_id")
	}
	// A failure is not kept.
	host.document(id, nil)
	if _, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"client_id": id})); err != nil {
		t.Error(err)
	}

	// Without the option nothing is fetched.
	off := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, OutgoingClient: host.Client()})
	host.document(id, nil)
	if _, err := off.Authorize(t.Context(), authorizationURL(off, map[string]string{"client_id": id})); err == nil || host.n != 0 {
		t.Errorf("%v, fetched %d times", err, host.n)
	}
}
