package oauthtest_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// sendJSON sends metadata: anything that JSON can encode, or a string as it is.
func sendJSON(t *testing.T, s *oauthtest.Server, method, target, token string, body any) *answer {
	t.Helper()
	text, ok := body.(string)
	if !ok {
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(data)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return do(t, s.Client(), req)
}

func register(t *testing.T, s *oauthtest.Server, changes map[string]any) *answer {
	t.Helper()
	m := map[string]any{"redirect_uris": []string{redirectURI}}
	maps.Copy(m, changes)
	return sendJSON(t, s, "POST", s.URL()+"/register", "", m)
}

// loginAs is a login of a registered client with a secret in a Basic header.
func loginAs(t *testing.T, s *oauthtest.Server, id, secret string) *answer {
	t.Helper()
	cb, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"client_id": id}))
	if err != nil {
		return &answer{body: err.Error()}
	}
	form := codeForm(cb.URL.Query().Get("code"))
	form.Del("client_id")
	return post(t, s.Client(), s.URL()+"/token", form, func(r *http.Request) {
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	})
}

func TestRegistration(t *testing.T) {
	now := time.Now()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256", "ES384"}, Now: func() time.Time { return now }})
	a := register(t, s, map[string]any{
		"client_name": "An app", "id_token_signed_response_alg": "ES384", "grant_types": []string{"authorization_code", "refresh_token"},
		"scope": "openid email", "contacts": []string{"a@example.com"}, "unknown": true, "logo_uri": nil,
	})
	if a.status != 201 || a.header.Get("Cache-Control") != "no-store" || a.m["client_id_issued_at"] != float64(now.Unix()) ||
		a.m["client_secret_expires_at"] != 0.0 || a.str("token_endpoint_auth_method") != "client_secret_basic" ||
		a.str("client_name") != "An app" || a.str("scope") != "openid email" || a.m["unknown"] != nil ||
		a.str("registration_access_token") == "" || !strings.HasPrefix(a.str("registration_client_uri"), s.URL()) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if responses, _ := a.m["response_types"].([]any); !slices.Equal(responses, []any{"code"}) {
		t.Errorf("response_types: %v", responses)
	}
	tokens := loginAs(t, s, a.str("client_id"), a.str("client_secret"))
	if tokens.status != 200 || tokens.str("refresh_token") == "" {
		t.Fatal(tokens.body)
	}
	if header, claims := decodeJWT(t, tokens.str("id_token")); header["alg"] != "ES384" || claims["aud"] != a.str("client_id") {
		t.Errorf("%v %v", header, claims)
	}

	public := register(t, s, map[string]any{"token_endpoint_auth_method": "none"})
	if _, has := public.m["client_secret"]; public.status != 201 || has || public.m["client_secret_expires_at"] != nil {
		t.Errorf("public: %d %s", public.status, public.body)
	}
	// The server's default is not RS256 here, which the client has to be told.
	if public.str("id_token_signed_response_alg") != "ES256" {
		t.Errorf("public: %s", public.body)
	}
}

// Every authentication method gets what it needs, and is then the one.
func TestRegistrationMethods(t *testing.T) {
	s := newServer(t, nil)
	own := oauthtest.SelfSignedCertificate("own")
	var keys map[string]any
	if err := json.Unmarshal([]byte(get(t, s, s.URL()+"/jwks", "").body), &keys); err != nil {
		t.Fatal(err)
	}
	withCertificate := maps.Clone(keys["keys"].([]any)[0].(map[string]any))
	withCertificate["x5c"] = []string{base64.StdEncoding.EncodeToString(own.Certificate[0])}
	for method, more := range map[string]map[string]any{
		"client_secret_basic":         nil,
		"client_secret_post":          nil,
		"client_secret_jwt":           nil,
		"private_key_jwt":             {"jwks": keys},
		"tls_client_auth":             {"tls_client_auth_subject_dn": "CN=bank"},
		"self_signed_tls_client_auth": {"jwks": map[string]any{"keys": []any{withCertificate}}},
	} {
		changes := map[string]any{"token_endpoint_auth_method": method}
		maps.Copy(changes, more)
		a := register(t, s, changes)
		if a.status != 201 || (a.str("client_secret") != "") != strings.HasPrefix(method, "client_secret") {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
		if a := register(t, s, map[string]any{"token_endpoint_auth_method": method}); (a.status == 201) != (more == nil) {
			t.Errorf("%s without %v: %d %s", method, more, a.status, a.body)
		}
		if method == "self_signed_tls_client_auth" {
			form := url.Values{"client_id": {a.str("client_id")}, "token": {"x"}}
			endpoint := get(t, s, s.URL()+"/.well-known/openid-configuration", "").m["mtls_endpoint_aliases"].(map[string]any)["revocation_endpoint"].(string)
			if a := post(t, certificateClient(t, s, own), endpoint, form, nil); a.status != 200 {
				t.Errorf("%s: %d %s", method, a.status, a.body)
			}
		}
	}
}

func TestRegistrationErrors(t *testing.T) {
	s := newServer(t, nil)
	plain := newServer(t, &oauthtest.Options{Plain: true, SigningAlgs: []string{"ES256"}})
	const redirect, metadata = "invalid_redirect_uri", "invalid_client_metadata"
	for _, tt := range []struct {
		name    string
		changes map[string]any
		want    string
	}{
		{"no redirect URI", map[string]any{"redirect_uris": nil}, redirect},
		{"empty redirect URIs", map[string]any{"redirect_uris": []string{}}, redirect},
		{"redirect URI no array", map[string]any{"redirect_uris": redirectURI}, redirect},
		{"redirect URI a number", map[string]any{"redirect_uris": []any{1}}, redirect},
		{"redirect URI relative", map[string]any{"redirect_uris": []any{"/cb"}}, redirect},
		{"redirect URI http", map[string]any{"redirect_uris": []any{"http://app.example.com/cb"}}, redirect},
		{"redirect URI with fragment", map[string]any{"redirect_uris": []any{"https://app.example.com/cb#"}}, redirect},
		{"redirect URI javascript", map[string]any{"redirect_uris": []any{"javascript:alert(1)"}}, redirect},
		{"redirect URI loopback", map[string]any{"redirect_uris": []any{"http://127.0.0.1/cb", "http://[::1]/cb"}}, ""},
		{"redirect URI private-use", map[string]any{"redirect_uris": []any{"com.example.app:/cb"}}, ""},
		{"method", map[string]any{"token_endpoint_auth_method": "magic"}, metadata},
		{"method a number", map[string]any{"token_endpoint_auth_method": 1}, metadata},
		{"grant type", map[string]any{"grant_types": []string{"authorization_code", "password"}}, metadata},
		{"response type", map[string]any{"response_types": []string{"token"}}, metadata},
		{"response type without its grant", map[string]any{"response_types": []string{"id_token"}}, metadata},
		{"code without its grant", map[string]any{"grant_types": []string{"implicit"}}, metadata},
		{"response type with its grant", map[string]any{"response_types": []string{"id_token"}, "grant_types": []string{"implicit"}}, ""},
		{"refresh alone", map[string]any{"redirect_uris": nil, "grant_types": []string{"refresh_token"}, "response_types": []string{}}, ""},
		{"ID token algorithm", map[string]any{"id_token_signed_response_alg": "RS256"}, metadata},
		{"encryption", map[string]any{"request_object_encryption_alg": "RSA1_5"}, metadata},
		{"jwks", map[string]any{"jwks": map[string]any{"keys": []any{map[string]any{}}}}, metadata},
		{"jwks a string", map[string]any{"jwks": "{}"}, metadata},
		{"x5c", map[string]any{"jwks": map[string]any{"keys": []any{map[string]any{"x5c": []any{"-"}}}}}, metadata},
		{"jwks_uri", map[string]any{"jwks_uri": "https://app.example.com/jwks"}, metadata},
		{"bool", map[string]any{"require_signed_request_object": "yes"}, metadata},
		{"contacts", map[string]any{"contacts": "me"}, metadata},
		{"logout URI", map[string]any{"backchannel_logout_uri": "/logout"}, metadata},
		{"software statement", map[string]any{"software_statement": "a.b.c"}, "invalid_software_statement"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := register(t, s, tt.changes); a.str("error") != tt.want || a.status != 400 && tt.want != "" {
				t.Errorf("%d %s, want %s", a.status, a.body, tt.want)
			}
		})
	}
	if a := register(t, plain, map[string]any{"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=bank"}); a.str(
		"error",
	) != metadata {
		t.Errorf("mTLS without TLS: %s", a.body)
	}
	for name, body := range map[string]string{"array": "[]", "garbage": "x", "null": "null", "two": "{}{}"} {
		if a := sendJSON(t, s, "POST", s.URL()+"/register", "", body); a.str("error") != metadata {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := post(t, s.Client(), s.URL()+"/register", url.Values{"redirect_uris": {redirectURI}}, nil); a.str("error") != metadata {
		t.Errorf("form: %d %s", a.status, a.body)
	}
}

func TestInitialAccessToken(t *testing.T) {
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, InitialAccessToken: "let me in"})
	for token, want := range map[string]int{"": 401, "wrong": 401, "let me in": 201} {
		a := sendJSON(t, s, "POST", s.URL()+"/register", token, map[string]any{"redirect_uris": []string{redirectURI}})
		if a.status != want || want == 401 && (a.str("error") != "invalid_token" ||
			!strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`)) {
			t.Errorf("token %q: %d %v %s", token, a.status, a.header, a.body)
		}
	}
}

func TestSoftwareStatement(t *testing.T) {
	now := time.Now()
	publisher := newServer(t, nil)
	s := newServer(t, &oauthtest.Options{
		SigningAlgs:           []string{"ES256"},
		Now:                   func() time.Time { return now },
		SoftwareStatementKeys: []byte(get(t, publisher, publisher.URL()+"/jwks", "").body),
	})
	for _, tt := range []struct {
		name   string
		signer *oauthtest.Server
		claims map[string]any
		want   string
	}{
		{"good", publisher, map[string]any{"iss": "https://p.example", "client_name": "Certified", "exp": now.Add(time.Minute).Unix()}, ""},
		{"another key", s, map[string]any{"iss": "https://p.example"}, "invalid_software_statement"},
		{"no iss", publisher, map[string]any{"client_name": "Certified"}, "invalid_software_statement"},
		{"expired", publisher, map[string]any{"iss": "https://p.example", "exp": now.Unix()}, "invalid_software_statement"},
		{"bad member", publisher, map[string]any{"iss": "https://p.example", "grant_types": "x"}, "invalid_client_metadata"},
	} {
		statement, err := tt.signer.Sign("ES256", nil, tt.claims)
		if err != nil {
			t.Fatal(err)
		}
		a := register(t, s, map[string]any{"client_name": "Mine", "software_statement": statement})
		if a.str("error") != tt.want {
			t.Errorf("%s: %d %s", tt.name, a.status, a.body)
		}
		if tt.want == "" && (a.str("client_name") != "Certified" || a.str("software_statement") != statement || a.m["iss"] != nil) {
			t.Errorf("%s: %s", tt.name, a.body)
		}
	}
}

func TestRegistrationManagement(t *testing.T) {
	s := newServer(t, nil)
	addResourceServer(s, "")
	first := register(t, s, map[string]any{"client_name": "Old", "grant_types": []string{"authorization_code", "refresh_token"}})
	id, uri := first.str("client_id"), first.str("registration_client_uri")
	tokens := loginAs(t, s, id, first.str("client_secret"))

	wantRefused := func(name string, a *answer) {
		t.Helper()
		if a.status != 401 || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	wantRefused("no token", get(t, s, uri, ""))
	wantRefused("another client", get(t, s, uri+"x", first.str("registration_access_token")))

	read := get(t, s, uri, first.str("registration_access_token"))
	if read.status != 200 || read.str("client_name") != "Old" || read.str("client_secret") != first.str("client_secret") ||
		read.m["client_id_issued_at"] != first.m["client_id_issued_at"] {
		t.Fatalf("read: %d %s", read.status, read.body)
	}
	wantRefused("old token after reading", get(t, s, uri, first.str("registration_access_token")))
	token := read.str("registration_access_token")

	for name, changes := range map[string]map[string]any{
		"no client_id":              {"client_id": nil},
		"another client_id":         {"client_id": "rs"},
		"another secret":            {"client_secret": "mine"},
		"bad metadata":              {"grant_types": 1},
		"registration_access_token": {"registration_access_token": token},
		"registration_client_uri":   {"registration_client_uri": uri},
		"client_secret_expires_at":  {"client_secret_expires_at": 0},
		"client_id_issued_at":       {"client_id_issued_at": 0},
	} {
		m := map[string]any{"client_id": id, "redirect_uris": []string{redirectURI}}
		maps.Copy(m, changes)
		if a := sendJSON(t, s, "PUT", uri, token, m); a.status != 400 || a.str("error") != "invalid_client_metadata" {
			t.Errorf("update with %s: %d %s", name, a.status, a.body)
		}
	}
	updated := sendJSON(t, s, "PUT", uri, token, map[string]any{
		"client_id": id, "client_secret": first.str("client_secret"), "redirect_uris": []string{redirectURI}, "client_uri": "https://app.example.com",
	})
	if updated.status != 200 || updated.m["client_name"] != nil || updated.str("client_uri") == "" ||
		updated.str("client_secret") == first.str("client_secret") {
		t.Fatalf("update: %d %s", updated.status, updated.body)
	}
	wantRefused("old token after updating", get(t, s, uri, token))
	if a := loginAs(t, s, id, first.str("client_secret")); a.str("error") != "invalid_client" {
		t.Errorf("old secret: %s", a.body)
	}
	if a := loginAs(t, s, id, updated.str("client_secret")); a.status != 200 {
		t.Errorf("new secret: %s", a.body)
	}

	token = updated.str("registration_access_token")
	wantRefused("deletion with a bad token", sendJSON(t, s, "DELETE", uri, "x", ""))
	if a := sendJSON(t, s, "DELETE", uri, token, ""); a.status != 204 || a.body != "" {
		t.Fatalf("delete: %d %s", a.status, a.body)
	}
	wantRefused("after the deletion", get(t, s, uri, token))
	if a := loginAs(t, s, id, updated.str("client_secret")); a.status == 200 {
		t.Error("a deleted client logs in")
	}
	for _, name := range []string{"access_token", "refresh_token"} {
		if a := introspect(t, s, tokens.str(name), ""); a.m["active"] != false {
			t.Errorf("%s of a deleted client: %s", name, a.body)
		}
	}
}
