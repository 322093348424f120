package oauthtest_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// api returns the error of package oauth for an access token.
func api(t *testing.T, s *oauthtest.Server, token string) (*oauth.AccessToken, error) {
	t.Helper()
	as, err := oauth.Discover(t.Context(), s.Issuer(), &oauth.DiscoverOptions{HTTPClient: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example.com", Servers: []oauth.TrustedServer{{Server: as}}, HTTPClient: s.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return rs.AuthenticateCredential(t.Context(), oauth.Credential{Scheme: "Bearer", Token: token})
}

func TestAccessToken(t *testing.T) {
	s := newServer(t, nil)
	claims := map[string]any{"aud": "https://api.example.com", "scope": "orders:read orders:write", "roles": []string{"admin"}}
	token, err := s.AccessToken("nobody-registered-me", "bob", claims)
	if err != nil {
		t.Fatal(err)
	}
	got, err := api(t, s, token)
	if err != nil || got.Subject() != "bob" || got.ClientID() != "nobody-registered-me" || !slices.Equal(got.Scope(), []string{"orders:read", "orders:write"}) {
		t.Fatal(got, err)
	}
	var more struct{ Roles []string }
	if err := got.Claims(&more); err != nil || !slices.Equal(more.Roles, []string{"admin"}) {
		t.Error(more, err)
	}
	// Introspection, which needs a client that authenticates, says the same.
	s.AddClient(confidential)
	a := post(t, s.Client(), s.URL()+"/introspect", url.Values{
		"token": {token}, "client_id": {confidential.ID}, "client_secret": {confidential.Secret},
	}, nil)
	if a.m["active"] != true || a.m["aud"] != "https://api.example.com" || a.m["scope"] != "orders:read orders:write" || a.m["sub"] != "bob" {
		t.Error(a.body)
	}
	if len(claims) != 3 {
		t.Error("the claims of the caller are changed")
	}

	// Of a client for itself, and with the defaults.
	token, err = s.AccessToken("job", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, c := decodeJWT(t, token); c["sub"] != "job" || c["aud"] != "job" || c["scope"] != "openid" || c["auth_time"] != nil {
		t.Error(c)
	}
	for name, change := range map[string]map[string]any{
		"expired": {"exp": time.Now().Add(-time.Hour).Unix()}, "not for this API": {"aud": "https://other.example.com"}, "of nobody": {"sub": nil},
	} {
		if _, ok := change["aud"]; !ok {
			change["aud"] = "https://api.example.com"
		}
		token, err := s.AccessToken("app", "alice", change)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := api(t, s, token); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := s.AccessToken("app", "alice", map[string]any{"x": func() {}}); err == nil {
		t.Error("claims that are no JSON")
	}
}

// TestMintedFaults: the faults of JWTs are faults of minted tokens, too.
func TestMintedFaults(t *testing.T) {
	s := newServer(t, nil)
	claims := map[string]any{"aud": "https://api.example.com"}
	for _, fault := range oauthtest.FatalFaults(oauthtest.PartSignature) {
		s.Fault(fault)
		token, err := s.AccessToken("app", "alice", claims)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := api(t, s, token); err == nil {
			t.Errorf("%s: %v", fault, got)
		}
	}
	s.Fault(oauthtest.WrongAudience)
	token, err := s.IDToken("app", "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, c := decodeJWT(t, token); c["aud"] == "app" {
		t.Error(c)
	}
}

func TestIDToken(t *testing.T) {
	s := newServer(t, nil)
	token, err := s.IDToken("app", "alice", map[string]any{"nonce": "n", "acr": nil, "groups": []string{"staff"}})
	if err != nil || !verified(t, s, token) {
		t.Fatal(token, err)
	}
	_, c := decodeJWT(t, token)
	if c["iss"] != s.Issuer() || c["sub"] != "alice" || c["aud"] != "app" || c["nonce"] != "n" || c["email"] != "alice@example.com" || c["groups"] == nil {
		t.Error(c)
	}
	if _, ok := c["acr"]; ok {
		t.Error("a claim that was removed is there")
	}
	if token, err := s.IDToken("app", "", nil); token != "" || err == nil {
		t.Error("an ID token of nobody")
	}
	if token, err := s.IDToken("app", "alice", map[string]any{"x": func() {}}); token != "" || err == nil {
		t.Error("claims that are no JSON")
	}
}
