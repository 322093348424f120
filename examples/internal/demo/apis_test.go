package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// Both programs: the client learns from the API how to call it, through its proxy.
func TestAPIAndClient(t *testing.T) {
	t.Parallel()
	s, ctx := stageFor(t, "api", nil)
	stop, err := s.startAPI(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s.register(oauthtest.Client{})
	s.command = filepath.Join(programs, "apiclient")
	s.settings["OAUTH_API"] = s.settings["OAUTH_RESOURCE"]
	delete(s.settings, "OAUTH_LISTEN")
	if err := s.runToEnd(ctx); err != nil || !strings.HasSuffix(s.printed(t), "\nsub: \"api-example\"\n") {
		t.Errorf("%v\n%s", err, s.printed(t))
	}
}

// The client gives its secret to no server that an API names, and none to an API
// that does not say how it is called.
func TestAPIsThatMislead(t *testing.T) {
	t.Parallel()
	s, ctx := stageFor(t, "apiclient", nil)
	s.register(oauthtest.Client{})
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metadata":
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(map[string]any{"resource": "https://" + r.Host + "/elsewhere", "authorization_servers": []string{"https://op.example.com"}})
		case "/elsewhere":
			w.Header().Set("WWW-Authenticate", `Bearer, DPoP resource_metadata="https://`+r.Host+`/metadata"`)
			w.WriteHeader(http.StatusUnauthorized)
		case "/bearer":
			w.Header().Set("WWW-Authenticate", `Bearer realm="DPoP"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()
	if err := s.trust(api.Certificate().Raw); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/elsewhere": "not one of the resource's authorization servers",
		"/bearer":    "does not ask for DPoP",
		"/open":      "does not ask for DPoP",
	} {
		s.settings["OAUTH_API"] = api.URL + path
		before := len(s.printed(t))
		if err := s.runToEnd(ctx); err == nil || !strings.Contains(s.printed(t)[before:], want) {
			t.Errorf("%s: %v\n%s", path, err, s.printed(t))
		}
	}
	if n := s.Server.Count("/token"); n != 0 {
		t.Errorf("%d token requests", n)
	}
}

// Tokens that are not for the API, or not for whoever sends them, are refused.
func TestUnfitTokens(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(header, claims map[string]any){
		"another type":     func(header, _ map[string]any) { header["typ"] = "JWT" },
		"another resource": func(_, claims map[string]any) { claims["aud"] = "https://bills.example.com" },
		"another issuer":   func(_, claims map[string]any) { claims["iss"] = "https://op.example.com" },
		"another key":      func(_, claims map[string]any) { claims["cnf"] = map[string]any{"jkt": strings.Repeat("A", 43)} },
		"no key":           func(_, claims map[string]any) { delete(claims, "cnf") },
		"expired":          func(_, claims map[string]any) { claims["exp"] = time.Now().Add(-time.Hour).Unix() },
	} {
		o := optionsOf("api")
		o.EditAccessToken = edit
		s, ctx := stageFor(t, "api", o)
		if err := s.Play(ctx); err == nil || !strings.Contains(s.printed(t), "answered with 401 ") || !strings.Contains(s.printed(t), `error="invalid_token"`) {
			t.Errorf("%s: %v\n%s", name, err, s.printed(t))
		}
	}
}

// The API takes the tokens of a provider, and bearer tokens, where the settings say
// so.
func TestProfile(t *testing.T) {
	t.Parallel()
	o := optionsOf("api")
	o.EditAccessToken = func(header, claims map[string]any) {
		header["typ"], claims["typ"], claims["azp"] = "JWT", "Bearer", claims["client_id"]
	}
	s, ctx := stageFor(t, "api", o)
	for _, tt := range []struct {
		profile, bearer string
		status          int
	}{{"keycloak", "1", 200}, {"keycloak", "", 401}, {"okta", "1", 401}, {"", "1", 401}} {
		s.settings["OAUTH_PROFILE"], s.settings["OAUTH_ALLOW_BEARER"] = tt.profile, tt.bearer
		stop, err := s.startAPI(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.newCaller(ctx, "shop", false)
		if err != nil {
			t.Fatal(err)
		}
		token, err := c.ClientCredentials(ctx, &oauth.GrantOptions{Scope: []string{"orders:read"}, Resource: []string{s.settings["OAUTH_RESOURCE"]}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.call(ctx, c, token, http.MethodGet, tt.status); err != nil {
			t.Errorf("%v: %v\n%s", tt, err, s.printed(t))
		}
		stop()
	}
	s.settings["OAUTH_PROFILE"] = "acme"
	if err := s.runToEnd(ctx); err == nil || !strings.Contains(s.printed(t), `OAUTH_PROFILE is "acme"`) {
		t.Errorf("%v\n%s", err, s.printed(t))
	}
}
