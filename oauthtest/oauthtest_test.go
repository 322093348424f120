package oauthtest_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

func TestCodeFlow(t *testing.T) {
	now := time.Now()
	s := newServer(t, &oauthtest.Options{
		SigningAlgs: []string{"ES256"},
		Now:         func() time.Time { return now },
	})
	meta := get(t, s, s.Issuer()+"/.well-known/openid-configuration", "")
	if meta.str("issuer") != s.Issuer() || meta.str("token_endpoint") != s.URL()+"/token" {
		t.Fatalf("metadata: %s", meta.body)
	}

	params := authorize(t, s, nil)
	for name, want := range map[string]string{"tenant": "1", "state": "the state", "iss": s.Issuer()} {
		if got := params[name]; len(got) != 1 || got[0] != want {
			t.Errorf("callback parameter %s = %q, want %q", name, got, want)
		}
	}
	tokens := post(t, s.Client(), s.URL()+"/token", codeForm(params.Get("code")), nil)
	if tokens.status != 200 || tokens.header.Get("Cache-Control") != "no-store" ||
		tokens.str("token_type") != "Bearer" || tokens.str("scope") != "openid email" || tokens.m["refresh_token"] != nil {
		t.Fatalf("token answer: %d %v %s", tokens.status, tokens.header, tokens.body)
	}

	id := tokens.str("id_token")
	if !verified(t, s, id) {
		t.Error("the ID token does not verify")
	}
	sum := sha256.Sum256([]byte(tokens.str("access_token")))
	_, claims := decodeJWT(t, id)
	for name, want := range map[string]any{
		"iss": s.Issuer(), "sub": "alice", "aud": "app", "azp": "app", "nonce": "the-nonce",
		"iat": float64(now.Unix()), "exp": float64(now.Add(5 * time.Minute).Unix()), "auth_time": float64(now.Unix()),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
		"email":   "alice@example.com", "name": nil, "acr": "0",
	} {
		if claims[name] != want {
			t.Errorf("claim %s = %v, want %v", name, claims[name], want)
		}
	}
	info := get(t, s, s.URL()+"/userinfo", tokens.str("access_token"))
	if info.str("sub") != "alice" || info.m["email_verified"] != true || info.m["name"] != nil {
		t.Errorf("userinfo: %s", info.body)
	}

	now = now.Add(time.Hour)
	if a := get(t, s, s.URL()+"/userinfo", tokens.str("access_token")); a.status != 401 ||
		!strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("userinfo with an expired token: %d %v", a.status, a.header)
	}
	if a := get(t, s, s.URL()+"/userinfo", ""); a.status != 401 || strings.Contains(a.header.Get("WWW-Authenticate"), "error") {
		t.Errorf("userinfo without a token: %d %v", a.status, a.header)
	}
}

func TestRequests(t *testing.T) {
	s := newServer(t, nil)
	redeem(t, s, nil)
	if n := s.Count("/token"); n != 1 {
		t.Errorf("Count = %d", n)
	}
	log := s.Requests()
	last := log[len(log)-1]
	if len(log) != 2 || last.Method != "POST" || last.Path != "/token" || last.ClientID != "app" ||
		last.Form.Get("code_verifier") != verifier || s.URL() != "https://"+last.Host {
		t.Errorf("log: %+v", log)
	}
}

func TestAuthorizationErrors(t *testing.T) {
	s := newServer(t, nil)
	for _, tt := range []struct {
		name    string
		changes map[string]string
		want    string
	}{
		{"response type", map[string]string{"response_type": "token"}, "unsupported_response_type"},
		{"no response type", map[string]string{"response_type": ""}, "invalid_request"},
		{"response mode", map[string]string{"response_mode": "pigeon"}, "invalid_request"},
		{"scope", map[string]string{"scope": `openid "`}, "invalid_scope"},
		{"no PKCE", map[string]string{"code_challenge": "", "code_challenge_method": ""}, "invalid_request"},
		{"plain PKCE", map[string]string{"code_challenge_method": "plain"}, "invalid_request"},
		{"default PKCE", map[string]string{"code_challenge_method": ""}, "invalid_request"},
		{"short challenge", map[string]string{"code_challenge": "abc"}, "invalid_request"},
		{"prompt", map[string]string{"prompt": "none login"}, "invalid_request"},
		{"max_age", map[string]string{"max_age": "-1"}, "invalid_request"},
		{"refusal", map[string]string{"login_hint": "deny"}, "access_denied"},
		{"unknown user", map[string]string{"login_hint": "bob"}, "access_denied"},
		{"no session", map[string]string{"prompt": "none"}, "login_required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			params := authorize(t, s, tt.changes)
			if params.Get("error") != tt.want || params.Has("code") ||
				params.Get("state") != "the state" || params.Get("iss") != s.Issuer() {
				t.Errorf("got %v, want error %s", params, tt.want)
			}
		})
	}
	t.Run("repeated parameter", func(t *testing.T) {
		cb, err := s.Authorize(t.Context(), authorizationURL(s, nil)+"&scope=openid")
		if err != nil || cb.URL.Query().Get("error") != "invalid_request" {
			t.Errorf("got %v, %v", cb, err)
		}
	})
	for name, changes := range map[string]map[string]string{
		"client_id":    {"client_id": "nobody"},
		"redirect_uri": {"redirect_uri": redirectURI + "x"},
		"missing":      {"redirect_uri": ""},
	} {
		t.Run("page for "+name, func(t *testing.T) {
			if cb, err := s.Authorize(t.Context(), authorizationURL(s, changes)); err == nil {
				t.Errorf("redirected to %s", cb.URL)
			}
		})
	}
}

func TestLoopbackRedirect(t *testing.T) {
	s := newServer(t, nil)
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]:1/cb", "http://localhost/cb"}})
	for given, ok := range map[string]bool{
		"http://127.0.0.1:4711/cb":  true,
		"http://127.0.0.1/cb":       true,
		"http://[::1]:4711/cb":      true,
		"http://localhost:4711/cb":  false,
		"http://127.0.0.1:4711/cb2": false,
		"https://127.0.0.1:4711/cb": false,
		"http://127.0.0.2:4711/cb":  false,
		"http://u@127.0.0.1:471/cb": false,
	} {
		if _, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"redirect_uri": given})); (err == nil) != ok {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func TestCodeIsBound(t *testing.T) {
	for _, tt := range []struct {
		name, param, value, want string
	}{
		{"verifier", "code_verifier", strings.Repeat("x", 43), "invalid_grant"},
		{"no verifier", "code_verifier", "", "invalid_grant"},
		{"redirect_uri", "redirect_uri", "https://app.example.com/other", "invalid_grant"},
		{"no redirect_uri", "redirect_uri", "", "invalid_grant"},
		{"client", "client_id", "other", "invalid_grant"},
		{"unknown client", "client_id", "nobody", "invalid_client"},
		{"code", "code", "guess", "invalid_grant"},
		{"grant type", "grant_type", "password", "unsupported_grant_type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, nil)
			s.AddClient(oauthtest.Client{ID: "other"})
			form := codeForm(authorize(t, s, nil).Get("code"))
			form.Set(tt.param, tt.value)
			if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.status != 400 || a.str("error") != tt.want {
				t.Errorf("%d %s, want %s", a.status, a.body, tt.want)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		now := time.Now()
		s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: func() time.Time { return now }})
		form := codeForm(authorize(t, s, nil).Get("code"))
		now = now.Add(time.Minute)
		if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.str("error") != "invalid_grant" {
			t.Error(a.body)
		}
	})
	t.Run("verifier without challenge", func(t *testing.T) {
		s := newServer(t, nil)
		s.AddClient(oauthtest.Client{ID: "app", Secret: "s", AuthMethod: "client_secret_post", RedirectURIs: []string{redirectURI}})
		form := codeForm(authorize(t, s, map[string]string{"code_challenge": "", "code_challenge_method": ""}).Get("code"))
		form.Set("client_secret", "s")
		if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.str("error") != "invalid_grant" {
			t.Error(a.body)
		}
	})
}

func TestCodeReplayRevokes(t *testing.T) {
	s := newServer(t, nil)
	form := codeForm(authorize(t, s, nil).Get("code"))
	first := post(t, s.Client(), s.URL()+"/token", form, nil)
	if a := get(t, s, s.URL()+"/userinfo", first.str("access_token")); a.status != 200 {
		t.Fatalf("userinfo: %d", a.status)
	}
	if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.str("error") != "invalid_grant" {
		t.Errorf("replay: %s", a.body)
	}
	if a := get(t, s, s.URL()+"/userinfo", first.str("access_token")); a.status != 401 {
		t.Errorf("userinfo after a replay: %d", a.status)
	}
}

func TestRefresh(t *testing.T) {
	s := newServer(t, nil)
	first := redeem(t, s, map[string]string{"scope": "openid offline_access"})
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {first.str("refresh_token")}}
	form.Set("scope", "openid orders")
	if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.str("error") != "invalid_scope" {
		t.Errorf("more scope: %s", a.body)
	}
	form.Set("scope", "openid")
	second := post(t, s.Client(), s.URL()+"/token", form, nil)
	if second.status != 200 || second.str("scope") != "openid" || second.str("refresh_token") == first.str("refresh_token") {
		t.Fatalf("refresh: %s", second.body)
	}
	if _, claims := decodeJWT(t, second.str("id_token")); claims["nonce"] != nil || claims["sub"] != "alice" {
		t.Errorf("refreshed claims: %v", claims)
	}
	if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.str("error") != "invalid_grant" {
		t.Errorf("replay: %s", a.body)
	}
	form.Set("refresh_token", second.str("refresh_token"))
	if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.str("error") != "invalid_grant" {
		t.Errorf("the whole grant is revoked, but: %s", a.body)
	}
}

func TestFormPost(t *testing.T) {
	s := newServer(t, nil)
	state := `"><script>&amp;'`
	cb, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"response_mode": "form_post", "state": state}))
	if err != nil {
		t.Fatal(err)
	}
	if cb.Method != "POST" || cb.URL.String() != redirectURI {
		t.Errorf("%s %s", cb.Method, cb.URL)
	}
	if err := cb.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if cb.PostForm.Get("state") != state || cb.PostForm.Get("iss") != s.Issuer() || cb.PostForm.Get("code") == "" {
		t.Errorf("form: %v", cb.PostForm)
	}
}

func TestFragment(t *testing.T) {
	s := newServer(t, nil)
	cb, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"response_mode": "fragment"}))
	if err != nil {
		t.Fatal(err)
	}
	if params, err := url.ParseQuery(cb.URL.EscapedFragment()); err != nil || params.Get("state") != "the state" {
		t.Errorf("%s: %v", cb.URL, err)
	}
}

func TestSession(t *testing.T) {
	now := time.Now()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: func() time.Time { return now }})
	s.AddUser(oauthtest.User{Subject: "bob"})
	b := s.NewBrowser()
	for _, tt := range []struct {
		name    string
		changes map[string]string
		want    string // "" is success
	}{
		{"first", nil, ""},
		{"silent", map[string]string{"prompt": "none"}, ""},
		{"silent, the same user", map[string]string{"prompt": "none", "login_hint": "alice"}, ""},
		{"silent, another user", map[string]string{"prompt": "none", "login_hint": "bob"}, "login_required"},
		{"silent, recent", map[string]string{"prompt": "none", "max_age": "60"}, ""},
		{"silent, too old", map[string]string{"prompt": "none", "max_age": "59"}, "login_required"},
		{"again", map[string]string{"max_age": "59"}, ""},
		{"silent, recent again", map[string]string{"prompt": "none", "max_age": "0"}, ""},
		{"another user", map[string]string{"login_hint": "bob"}, ""},
		{"silent, now the same user", map[string]string{"prompt": "none", "login_hint": "bob"}, ""},
	} {
		cb, err := b.Authorize(t.Context(), authorizationURL(s, tt.changes))
		if err != nil {
			t.Fatal(err)
		}
		if got := cb.URL.Query().Get("error"); got != tt.want {
			t.Errorf("%s: error %q, want %q", tt.name, got, tt.want)
		}
		if tt.name == "first" {
			now = now.Add(time.Minute)
		}
	}
}

func TestInteractive(t *testing.T) {
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Interactive: true})
	s.AddUser(oauthtest.User{Subject: "bob"})
	for user, want := range map[string]string{"": "alice", "bob": "bob"} {
		b := s.NewBrowser()
		b.User = user
		cb, err := b.Authorize(t.Context(), authorizationURL(s, nil))
		if err != nil {
			t.Fatal(err)
		}
		a := post(t, s.Client(), s.URL()+"/token", codeForm(cb.URL.Query().Get("code")), nil)
		if _, claims := decodeJWT(t, a.str("id_token")); claims["sub"] != want {
			t.Errorf("user %q: sub %v", user, claims["sub"])
		}
	}
	b := s.NewBrowser()
	b.User = "deny"
	if cb, err := b.Authorize(t.Context(), authorizationURL(s, nil)); err != nil || cb.URL.Query().Get("error") != "access_denied" {
		t.Errorf("%v, %v", cb, err)
	}
	b.User = "nobody"
	if cb, err := b.Authorize(t.Context(), authorizationURL(s, nil)); err == nil {
		t.Errorf("an unknown user got to %s", cb.URL)
	}
}

// The callback goes to a handler as well as through a client.
func TestCallbackRequest(t *testing.T) {
	s := newServer(t, nil)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		io.WriteString(w, r.Method+" "+r.Form.Get("state"))
	})
	app := httptest.NewServer(handler)
	defer app.Close()
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{app.URL}})
	for mode, want := range map[string]string{"": "GET the state", "form_post": "POST the state"} {
		changes := map[string]string{"redirect_uri": app.URL, "response_mode": mode}
		cb, err := s.Authorize(t.Context(), authorizationURL(s, changes))
		if err != nil {
			t.Fatal(err)
		}
		if a := do(t, app.Client(), cb); a.body != want {
			t.Errorf("sent: %q, want %q", a.body, want)
		}
		if cb, err = s.Authorize(t.Context(), authorizationURL(s, changes)); err != nil {
			t.Fatal(err)
		}
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, cb)
		if got := rec.Body.String(); got != want {
			t.Errorf("handled: %q, want %q", got, want)
		}
	}
}

func TestMetadata(t *testing.T) {
	s := newServer(t, &oauthtest.Options{
		SigningAlgs:  []string{"ES256"},
		Path:         "/tenant/one",
		EditMetadata: func(m map[string]any) { m["extra"] = "yes" },
	})
	oidc := get(t, s, s.URL()+"/tenant/one/.well-known/openid-configuration", "")
	oauth := get(t, s, s.URL()+"/.well-known/oauth-authorization-server/tenant/one", "")
	if oidc.status != 200 || oidc.body != oauth.body || oidc.str("issuer") != s.URL()+"/tenant/one" || oidc.str("extra") != "yes" {
		t.Errorf("%d %s", oidc.status, oidc.body)
	}
	if got := oidc.str("jwks_uri"); get(t, s, got, "").status != 200 || s.Count("/tenant/one/jwks") != 1 {
		t.Errorf("jwks_uri %s", got)
	}
	aliases, _ := oidc.m["mtls_endpoint_aliases"].(map[string]any)
	if alias, _ := aliases["token_endpoint"].(string); alias == oidc.str("token_endpoint") || !strings.HasSuffix(alias, "/tenant/one/token") {
		t.Errorf("aliases: %v", aliases)
	}

	plain := newServer(t, &oauthtest.Options{Plain: true, Issuer: "https://op.example.com/{tenantid}"})
	m := get(t, plain, plain.URL()+"/.well-known/openid-configuration", "")
	if m.str("issuer") != "https://op.example.com/{tenantid}" || m.m["mtls_endpoint_aliases"] != nil ||
		!strings.HasPrefix(m.str("token_endpoint"), "http://127.0.0.1:") {
		t.Errorf("plain: %s", m.body)
	}
}

func TestAlgorithms(t *testing.T) {
	s := newServer(t, &oauthtest.Options{})
	if a := get(t, s, s.URL()+"/jwks", ""); strings.Count(a.body, `"kty"`) != 1 {
		t.Errorf("more keys than the client needs: %s", a.body)
	}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"} {
		t.Run(alg, func(t *testing.T) {
			s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, IDTokenAlg: alg, UserinfoAlg: alg})
			tokens := redeem(t, s, nil)
			header, _ := decodeJWT(t, tokens.str("id_token"))
			if header["alg"] != alg || !verified(t, s, tokens.str("id_token")) {
				t.Errorf("ID token with %v", header)
			}
			info := get(t, s, s.URL()+"/userinfo", tokens.str("access_token"))
			if info.header.Get("Content-Type") != "application/jwt" || !verified(t, s, info.body) {
				t.Errorf("userinfo: %s", info.body)
			}
			if _, claims := decodeJWT(t, info.body); claims["aud"] != "app" || claims["iss"] != s.Issuer() || claims["sub"] != "alice" {
				t.Errorf("userinfo: %v", claims)
			}
			minted, err := s.Sign(alg, map[string]any{"typ": "at+jwt"}, json.RawMessage(`{"sub":"x"}`))
			if err != nil || !verified(t, s, minted) {
				t.Errorf("Sign: %s, %v", minted, err)
			}
		})
	}
	if _, err := s.Sign("HS256", nil, nil); err == nil {
		t.Error("Sign with HS256 succeeded")
	}
}

func TestKeys(t *testing.T) {
	s := newServer(t, nil)
	old, err := s.Sign("ES256", map[string]any{"typ": "JWT", "alg": nil}, map[string]any{"a": 1})
	if err != nil {
		t.Fatal(err)
	}
	if header, _ := decodeJWT(t, old); header["typ"] != "JWT" || header["alg"] != nil || header["kid"] == nil {
		t.Errorf("header %v", header)
	}
	before := get(t, s, s.URL()+"/jwks", "").body
	s.RotateKeys()
	s.AddJWK(json.RawMessage(`{"kty":"odd"}`))
	after := get(t, s, s.URL()+"/jwks", "")
	if before == after.body || !strings.Contains(after.body, `{"kty":"odd"}`) || strings.Count(after.body, `"kid"`) != 1 {
		t.Errorf("after the rotation: %s", after.body)
	}
}

func TestEditIDToken(t *testing.T) {
	s := newServer(t, &oauthtest.Options{
		SigningAlgs: []string{"ES256"},
		EditIDToken: func(header, claims map[string]any) {
			header["typ"], claims["iat"] = "odd", "yesterday"
		},
	})
	id := redeem(t, s, nil).str("id_token")
	if header, claims := decodeJWT(t, id); header["typ"] != "odd" || claims["iat"] != "yesterday" || !verified(t, s, id) {
		t.Errorf("%v %v", header, claims)
	}
}

func TestPanics(t *testing.T) {
	s := newServer(t, nil)
	for name, f := range map[string]func(){
		"fault":       func() { s.Fault("NoSuchFault") },
		"client ID":   func() { s.AddClient(oauthtest.Client{}) },
		"auth method": func() { s.AddClient(oauthtest.Client{ID: "x", AuthMethod: "x"}) },
		"algorithm":   func() { s.AddClient(oauthtest.Client{ID: "x", IDTokenAlg: "RS256"}) },
		"jwks":        func() { s.AddClient(oauthtest.Client{ID: "x", JWKS: []byte(`{"keys":[{}]}`)}) },
		"one key":     func() { s.AddClient(oauthtest.Client{ID: "x", JWKS: partyKeys().signing.PublicJWK()}) }, // not a set
		"user":        func() { s.AddUser(oauthtest.User{}) },
		"jwk":         func() { s.AddJWK(json.RawMessage("{")) },
		"options":     func() { oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"none"}}) },
		"path":        func() { oauthtest.NewServer(&oauthtest.Options{Path: "x"}) },
		"interval":    func() { oauthtest.NewServer(&oauthtest.Options{PollInterval: time.Second / 2}) },
		"interval 2":  func() { oauthtest.NewServer(&oauthtest.Options{PollInterval: -time.Second}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestConcurrentUse(t *testing.T) {
	s := newServer(t, nil)
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := s.Authorize(context.Background(), authorizationURL(s, nil))
			s.Fault(oauthtest.WrongState)
			s.AddUser(oauthtest.User{Subject: "bob"})
			s.AddClient(oauthtest.Client{ID: "other"})
			s.RotateKeys()
			s.Requests()
			s.Fault()
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Close leaves no goroutine behind.
func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	s := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}})
	if a := redeem(t, s, nil); a.status != 200 {
		t.Error(a.body)
	}
	s.Close()
	for range 100 { // connections end a moment after they are closed
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}
