package oauthtest_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// addResourceServer registers "rs", which asks about tokens.
func addResourceServer(s *oauthtest.Server, alg string) {
	s.AddClient(oauthtest.Client{ID: "rs", Secret: longSecret, IntrospectionAlg: alg})
}

// asRS makes a request one of "rs", with an Accept header if there is one.
func asRS(accept string) func(*http.Request) {
	return func(r *http.Request) {
		r.SetBasicAuth("rs", url.QueryEscape(longSecret))
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
	}
}

func introspect(t *testing.T, s *oauthtest.Server, token, accept string) *answer {
	t.Helper()
	return post(t, s.Client(), s.URL()+"/introspect", url.Values{"token": {token}}, asRS(accept))
}

func members(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func TestIntrospection(t *testing.T) {
	now := time.Now()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: func() time.Time { return now }})
	addResourceServer(s, "")
	tokens := redeem(t, s, map[string]string{"scope": "openid offline_access"})
	common := map[string]any{
		"active": true, "scope": "openid offline_access", "client_id": "app", "username": "alice",
		"sub": "alice", "aud": "app", "iss": s.Issuer(), "iat": float64(now.Unix()),
	}
	for member, more := range map[string]map[string]any{
		"access_token":  {"token_type": "Bearer", "exp": float64(now.Add(10 * time.Minute).Unix())},
		"refresh_token": {},
	} {
		// The hint is only one: it may be wrong or unknown.
		for _, hint := range []string{"", "access_token", "refresh_token", "pat"} {
			form := url.Values{"token": {tokens.str(member)}, "token_type_hint": {hint}}
			a := post(t, s.Client(), s.URL()+"/introspect", form, asRS(""))
			want := maps.Clone(common)
			maps.Copy(want, more)
			want["jti"] = a.m["jti"]
			if a.str("jti") == "" || a.status != 200 || !maps.Equal(a.m, want) || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, hint %q: %d %v %s", member, hint, a.status, a.header, a.body)
			}
		}
	}
	if a, b := introspect(t, s, tokens.str("access_token"), ""), introspect(t, s, tokens.str("refresh_token"), ""); a.str("jti") == b.str("jti") {
		t.Error("one jti for two tokens")
	}

	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {tokens.str("refresh_token")}}
	if a := post(t, s.Client(), s.URL()+"/token", refresh, nil); a.status != 200 {
		t.Fatal(a.body)
	}
	inactive := func(name, token string) {
		t.Helper()
		if a := introspect(t, s, token, ""); a.status != 200 || a.body != `{"active":false}` {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	inactive("garbage", "garbage")
	inactive("rotated", tokens.str("refresh_token"))
	inactive("an ID token", tokens.str("id_token"))
	now = now.Add(10 * time.Minute)
	inactive("expired", tokens.str("access_token"))
}

func TestIntrospectionAuthentication(t *testing.T) {
	s := newServer(t, nil)
	addResourceServer(s, "")
	token := redeem(t, s, nil).str("access_token")
	for name, tt := range map[string]struct {
		form    url.Values
		prepare func(*http.Request)
		want    string
	}{
		"no client":     {url.Values{"token": {token}}, nil, "invalid_client"},
		"public client": {url.Values{"token": {token}, "client_id": {"app"}}, nil, "invalid_client"},
		"wrong secret":  {url.Values{"token": {token}}, func(r *http.Request) { r.SetBasicAuth("rs", "x") }, "invalid_client"},
		"no token":      {url.Values{}, asRS(""), "invalid_request"},
	} {
		if a := post(t, s.Client(), s.URL()+"/introspect", tt.form, tt.prepare); a.str("error") != tt.want {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// What a token is for is the part that the token request named.
func TestIntrospectionAudience(t *testing.T) {
	s := newServer(t, nil)
	addResourceServer(s, "")
	const details = `[{"type":"a"},{"type":"b"}]`
	for _, tt := range []struct {
		resource, details string
		aud               []string
		n                 int
	}{
		{"", "", []string{"https://a.example", "https://b.example"}, 2},
		{"https://b.example", `[{"type":"b"}]`, []string{"https://b.example"}, 1},
	} {
		cb, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"authorization_details": details})+
			"&resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example")
		if err != nil {
			t.Fatal(err)
		}
		form := codeForm(cb.URL.Query().Get("code"))
		form.Set("resource", tt.resource)
		form.Set("authorization_details", tt.details)
		a := introspect(t, s, post(t, s.Client(), s.URL()+"/token", form, nil).str("access_token"), "")
		aud, _ := a.m["aud"].([]any)
		if one := a.str("aud"); one != "" {
			aud = []any{one}
		}
		var got []string
		for _, v := range aud {
			got = append(got, v.(string))
		}
		granted, _ := a.m["authorization_details"].([]any)
		if !slices.Equal(got, tt.aud) || len(granted) != tt.n {
			t.Errorf("resource %q: %s", tt.resource, a.body)
		}
	}
}

func TestIntrospectionJWT(t *testing.T) {
	now := time.Now()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256", "ES384"}, Now: func() time.Time { return now }})
	token := redeem(t, s, nil).str("access_token")
	const jwt = "application/token-introspection+jwt"
	for _, tt := range []struct {
		accept, registered string
		want               string // the alg; "": JSON
	}{
		{"", "", ""},
		{"*/*", "", ""},
		{"application/json", "", ""},
		{jwt, "", "ES256"},
		{"Application/Token-Introspection+JWT ; q=0.9, application/json;q=0.5", "", "ES256"},
		{jwt + ";q=0.5, application/json", "", ""},
		{jwt + ";q=0", "", ""},
		{"application/json", "ES384", "ES384"},
		{"", "ES384", "ES384"},
	} {
		addResourceServer(s, tt.registered)
		for value, active := range map[string]bool{token: true, "garbage": false} {
			a := introspect(t, s, value, tt.accept)
			if tt.want == "" {
				if a.header.Get("Content-Type") != "application/json" || a.m["active"] != active {
					t.Errorf("Accept %q: %v %s", tt.accept, a.header, a.body)
				}
				continue
			}
			header, claims := decodeJWT(t, a.body)
			if a.header.Get("Content-Type") != jwt || header["typ"] != "token-introspection+jwt" || header["alg"] != tt.want || !verified(t, s, a.body) {
				t.Errorf("Accept %q: %v %v", tt.accept, a.header, header)
			}
			inner, _ := claims["token_introspection"].(map[string]any)
			if got := members(claims); !slices.Equal(got, []string{"aud", "iat", "iss", "token_introspection"}) ||
				claims["iss"] != s.Issuer() || claims["aud"] != "rs" || claims["iat"] != float64(now.Unix()) ||
				inner["active"] != active || (inner["sub"] == "alice") != active {
				t.Errorf("Accept %q: %v", tt.accept, claims)
			}
		}
	}
}

// The endpoints authenticate clients by certificate too.
func TestEndpointsOverMTLS(t *testing.T) {
	s := newServer(t, nil)
	cert := s.NewCertificate("bank", time.Time{})
	s.AddClient(oauthtest.Client{ID: "mtls", AuthMethod: "tls_client_auth", CertificateSubject: "CN=bank"})
	token := redeem(t, s, nil).str("access_token")
	client := certificateClient(t, s, cert)
	aliases := get(t, s, s.URL()+"/.well-known/openid-configuration", "").m["mtls_endpoint_aliases"].(map[string]any)
	form := url.Values{"client_id": {"mtls"}, "token": {token}}
	if a := post(t, client, aliases["introspection_endpoint"].(string), form, nil); a.m["active"] != true {
		t.Errorf("introspection: %d %s", a.status, a.body)
	}
	form.Set("token", "garbage")
	if a := post(t, client, aliases["revocation_endpoint"].(string), form, nil); a.status != 200 {
		t.Errorf("revocation: %d %s", a.status, a.body)
	}
	if a := post(t, s.Client(), s.URL()+"/revoke", form, nil); a.str("error") != "invalid_client" {
		t.Errorf("without a certificate: %d %s", a.status, a.body)
	}
}
