package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// Both programs: the client learns from the API how to call it, through its proxy.
func TestAPIAndClient(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "api", nil)
	s.start()
	s.command = filepath.Join(programs, "apiclient")
	s.settings["OAUTH_API"] = s.settings["OAUTH_RESOURCE"]
	delete(s.settings, "OAUTH_LISTEN")
	if err := s.start().wait(); err != nil || !strings.HasSuffix(s.printed(t), "\nsub: \"api-example\"\n") {
		t.Errorf("%v\n%s", err, s.printed(t))
	}
}

// The client gives its secret to no server that an API names, and none to an API
// that does not say how it is called.
func TestAPIsThatMislead(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "apiclient", nil)
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metadata":
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(map[string]any{
				"resource": "https://" + r.Host + "/elsewhere", "authorization_servers": []string{"https://op.example.com"},
			})
		case "/elsewhere":
			w.Header().Set("WWW-Authenticate", `Bearer, DPoP resource_metadata="https://`+r.Host+`/metadata"`)
			w.WriteHeader(http.StatusUnauthorized)
		case "/bearer":
			w.Header().Set("WWW-Authenticate", `Bearer realm="DPoP"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()
	s.trust(api.Certificate().Raw)
	for path, want := range map[string]string{
		"/elsewhere": "not one of the resource's authorization servers",
		"/bearer":    "does not ask for DPoP",
		"/open":      "does not ask for DPoP",
	} {
		s.settings["OAUTH_API"] = api.URL + path
		before := len(s.screen.read())
		if err := s.start().wait(); err == nil || !strings.Contains(s.screen.read()[before:], want) {
			t.Errorf("%s: %v\n%s", path, err, s.screen.read())
		}
	}
	if n := s.Server.Count("/token"); n != 0 {
		t.Errorf("%d token requests", n)
	}
}

// The client of an MCP server takes its user to no page that another resource, or a
// server without PKCE, would have the code of.
func TestMCPServersThatMislead(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "mcp", func(o *oauthtest.Options) {
		o.EditMetadata = func(metadata map[string]any) { delete(metadata, "code_challenge_methods_supported") }
	})
	mcp := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resource := "https://" + r.Host + "/mcp"
		switch r.URL.Path {
		case "/.well-known/oauth-protected-resource/elsewhere", "/.well-known/oauth-protected-resource/mcp":
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(map[string]any{"resource": resource, "authorization_servers": []string{s.Server.Issuer()}})
		case "/forbidden":
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer mcp.Close()
	s.trust(mcp.Certificate().Raw)
	for path, want := range map[string]string{
		"/elsewhere": "the document is that of",
		"/forbidden": "forbids it",
		"/mcp":       "PKCE",
		"/unknown":   "status 401",
	} {
		s.settings = map[string]string{"OAUTH_API": mcp.URL + path, "OAUTH_CA": s.settings["OAUTH_CA"]}
		before := len(s.screen.read())
		if err := s.start().wait(); err == nil || !strings.Contains(s.screen.read()[before:], want) {
			t.Errorf("%s: %v\n%s", path, err, s.screen.read())
		}
	}
	if n := s.Server.Count("/authorize") + s.Server.Count("/register"); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// An authorization server that sends the user to an honest one, to be given the code that
// comes from there, gets none, also if the honest server does not say whose the code is.
func TestMCPMixUp(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "mcp", nil)
	s.Server.Fault(oauthtest.MissingIss)
	s.Server.AddClient(oauthtest.Client{ID: "known", AuthMethod: "none", RedirectURIs: []string{loopback}})
	var asked atomic.Int32
	var evil *httptest.Server
	evil = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/.well-known/oauth-protected-resource/mcp":
			json.NewEncoder(w).Encode(map[string]any{"resource": evil.URL + "/mcp", "authorization_servers": []string{evil.URL}})
		case "/.well-known/oauth-authorization-server":
			json.NewEncoder(w).Encode(map[string]any{
				"issuer": evil.URL, "authorization_endpoint": s.Server.URL() + "/authorize", "token_endpoint": evil.URL + "/token",
				"registration_endpoint": evil.URL + "/register", "code_challenge_methods_supported": []string{"S256"},
			})
		case "/register":
			w.WriteHeader(http.StatusCreated)
			json.NewEncoder(w).Encode(map[string]any{"client_id": "known", "redirect_uris": []string{loopback}, "token_endpoint_auth_method": "none"})
		case "/token":
			asked.Add(1)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer evil.Close()
	s.trust(evil.Certificate().Raw)
	s.settings = map[string]string{"OAUTH_API": evil.URL + "/mcp", "OAUTH_CA": s.settings["OAUTH_CA"]}
	p := s.start()
	s.open(p)
	if err := p.wait(); err == nil || asked.Load() != 0 || !strings.Contains(s.screen.read(), "iss") {
		t.Errorf("%v, %d requests for a token\n%s", err, asked.Load(), s.screen.read())
	}
}

// Tokens that are not for the API, or not for whoever sends them, are refused.
func TestUnfitTokens(t *testing.T) {
	for name, edit := range map[string]func(header, claims map[string]any){
		"another type":     func(header, _ map[string]any) { header["typ"] = "JWT" },
		"another resource": func(_, claims map[string]any) { claims["aud"] = "https://bills.example.com" },
		"another issuer":   func(_, claims map[string]any) { claims["iss"] = "https://op.example.com" },
		"another key":      func(_, claims map[string]any) { claims["cnf"] = map[string]any{"jkt": strings.Repeat("A", 43)} },
		"no key":           func(_, claims map[string]any) { delete(claims, "cnf") },
		"expired":          func(_, claims map[string]any) { claims["exp"] = time.Now().Add(-time.Hour).Unix() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stageFor(t, "api", func(o *oauthtest.Options) { o.EditAccessToken = edit })
			err, text := try(s.Play), s.printed(t)
			if err == nil || !strings.Contains(text, "answered with 401 ") || !strings.Contains(text, `error="invalid_token"`) {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

// The API takes the tokens of a provider where the settings name it, and under another
// profile, or for another audience, none of them.
func TestAPIProfile(t *testing.T) {
	t.Parallel()
	defer catch(t)
	keycloak := func(header, claims map[string]any) {
		header["typ"], claims["typ"], claims["azp"], claims["aud"] = "JWT", "DPoP", claims["client_id"], "orders-api"
		delete(claims, "client_id")
	}
	for _, tt := range []struct {
		profile, audience string
		good              bool
	}{
		{"keycloak", "orders-api", true},
		{"keycloak", "bills-api orders-api", true},
		{"keycloak", "", false},
		{"", "orders-api", false},
		{"okta", "orders-api", false},
	} {
		s := stageFor(t, "api", func(o *oauthtest.Options) { o.EditAccessToken = keycloak })
		s.settings["OAUTH_PROFILE"], s.settings["OAUTH_AUDIENCE"] = tt.profile, tt.audience
		if err := try(s.Play); (err == nil) != tt.good {
			t.Errorf("%+v: %v\n%s", tt, err, s.printed(t))
		}
	}
}

// The API takes bearer tokens where the settings say so, and none without the scope.
func TestAllowBearer(t *testing.T) {
	t.Parallel()
	defer catch(t)
	for _, setting := range []string{"", "1"} {
		s := stageFor(t, "api", nil)
		s.settings["OAUTH_ALLOW_BEARER"] = setting
		s.start()
		c := s.newCaller(false)
		c.take("orders:read")
		c.call(http.MethodGet, map[string]int{"": http.StatusUnauthorized, "1": http.StatusOK}[setting])
		c.take("orders:write")
		c.call(http.MethodGet, map[string]int{"": http.StatusUnauthorized, "1": http.StatusForbidden}[setting])
	}
}
