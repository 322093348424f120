package oauthtest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// Tokens of requests with a certificate are bound to it (RFC 8705, Section 3).
func TestCertificateBoundToken(t *testing.T) {
	s := newServer(t, nil)
	addResourceServer(s, "")
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, CertificateBound: true, RefreshTokens: true})
	cert := oauthtest.SelfSignedCertificate("app")
	mine := certificateClient(t, s, cert)
	other := certificateClient(t, s, s.NewCertificate("app", time.Time{}))
	sum := sha256.Sum256(cert.Certificate[0])
	code := func() url.Values { return codeForm(authorize(t, s, nil).Get("code")) }

	bound := post(t, mine, s.MTLSURL()+"/token", code(), nil)
	value := bound.str("access_token")
	m := introspect(t, s, value, "").m
	cnf, _ := m["cnf"].(map[string]any)
	if bound.str("token_type") != "Bearer" || m["token_type"] != "Bearer" || len(cnf) != 1 || cnf["x5t#S256"] != encode64(sum[:]) {
		t.Errorf("%s: introspection %v", bound.body, m)
	}
	plain := post(t, s.Client(), s.URL()+"/token", code(), nil).str("access_token")
	for _, path := range []string{"/userinfo", "/resource"} {
		for name, tt := range map[string]struct {
			client *http.Client
			url    string
			token  string
			status int
		}{
			"its certificate":      {mine, s.MTLSURL(), value, 200},
			"another certificate":  {other, s.MTLSURL(), value, 401},
			"no certificate":       {s.Client(), s.MTLSURL(), value, 401},
			"the other listener":   {mine, s.URL(), value, 401},
			"an unbound token":     {s.Client(), s.URL(), plain, 200},
			"unbound, certificate": {other, s.MTLSURL(), plain, 200},
		} {
			a := present(t, tt.client, tt.url+path, "Bearer "+tt.token)
			if a.status != tt.status || a.status == 401 && !strings.Contains(challengeOf(a, "Bearer"), `error="invalid_token"`) {
				t.Errorf("%s, %s: %d %v", path, name, a.status, a.header)
			}
		}
	}

	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {bound.str("refresh_token")}}
	if a := post(t, other, s.MTLSURL()+"/token", refresh, nil); a.str("error") != "invalid_grant" {
		t.Errorf("refresh with another certificate: %s", a.body)
	}
	if a := post(t, mine, s.MTLSURL()+"/token", refresh, nil); a.status != 200 {
		t.Errorf("refresh: %s", a.body)
	}

	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}})
	a := post(t, mine, s.MTLSURL()+"/token", code(), nil)
	if m := introspect(t, s, a.str("access_token"), "").m; m["active"] != true || m["cnf"] != nil {
		t.Errorf("a client that did not ask for it: %v", m)
	}

	reg := register(t, s, map[string]any{"tls_client_certificate_bound_access_tokens": true})
	form := codeForm(authorize(t, s, map[string]string{"client_id": reg.str("client_id")}).Get("code"))
	form.Del("client_id")
	a = post(t, mine, s.MTLSURL()+"/token", form, func(r *http.Request) { r.SetBasicAuth(reg.str("client_id"), reg.str("client_secret")) })
	if m := introspect(t, s, a.str("access_token"), "").m; m["active"] != true || m["cnf"] == nil {
		t.Errorf("a client that registered for it: %v", m)
	}
}

// A token can be bound to both, and then needs both.
func TestTokenBoundTwice(t *testing.T) {
	s := newServer(t, nil)
	addResourceServer(s, "")
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, CertificateBound: true})
	mine := certificateClient(t, s, oauthtest.SelfSignedCertificate("app"))
	h := newHolder(t)
	a := post(t, mine, s.MTLSURL()+"/token", codeForm(authorize(t, s, nil).Get("code")), h.prove())
	value, target := a.str("access_token"), s.MTLSURL()+"/resource"
	if cnf, _ := introspect(t, s, value, "").m["cnf"].(map[string]any); len(cnf) != 2 || a.str("token_type") != "DPoP" {
		t.Fatalf("%s: cnf %v", a.body, cnf)
	}
	proof := func() string { return h.proof("GET", target, withToken(value)) }
	if a := present(t, mine, target, "DPoP "+value, proof()); a.status != 200 {
		t.Errorf("both: %d %v", a.status, a.header)
	}
	if a := present(t, mine, target, "Bearer "+value); a.status != 401 {
		t.Errorf("no proof: %d", a.status)
	}
	if a := present(t, s.Client(), target, "DPoP "+value, proof()); a.status != 401 || !strings.Contains(challengeOf(a, "DPoP"), "invalid_token") {
		t.Errorf("no certificate: %d %v", a.status, a.header)
	}
}

// The resource says what body it got, and another place what it would not take.
func TestResourceBody(t *testing.T) {
	s := newServer(t, nil)
	h := newHolder(t)
	token := h.redeem(s, nil).str("access_token")
	for _, method := range []string{"GET", "POST", "PUT"} {
		for _, body := range []string{"", "the body", strings.Repeat("x", 100_000)} {
			req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/resource?a=b", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "DPoP "+token)
			req.Header.Set("DPoP", h.proof(method, s.URL()+"/resource", withToken(token)))
			sum := sha256.Sum256([]byte(body))
			if a := do(t, s.Client(), req); a.status != 200 || a.str("body_sha256") != hex.EncodeToString(sum[:]) {
				t.Errorf("%s, %d octets: %d %s", method, len(body), a.status, a.body)
			}
		}
	}
	if a := present(t, s.Client(), s.URL()+"/resource/redirect", ""); a.status != 400 {
		t.Errorf("redirect to nowhere: %d", a.status)
	}
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, to := range []string{"https://attacker.example/x?y=z", "/resource"} {
		a := present(t, &client, s.URL()+"/resource/redirect?to="+url.QueryEscape(to), "Bearer "+token)
		if a.status != 307 || a.header.Get("Location") != to {
			t.Errorf("%s: %d %v", to, a.status, a.header)
		}
	}
}

// Tokens end when the test wants it.
func TestAccessTokenEnds(t *testing.T) {
	now := time.Now()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: func() time.Time { return now }, AccessTokenLifetime: 40 * time.Second})
	addResourceServer(s, "")
	tokens := redeem(t, s, map[string]string{"scope": "openid offline_access"})
	value := tokens.str("access_token")
	m := introspect(t, s, value, "").m
	if tokens.m["expires_in"] != 40.0 || m["iat"] != float64(now.Unix()) || m["exp"] != float64(now.Add(40*time.Second).Unix()) {
		t.Errorf("%s: %v", tokens.body, m)
	}
	status := func() int { return get(t, s, s.URL()+"/resource", value).status }
	now = now.Add(39 * time.Second)
	if got := status(); got != 200 {
		t.Errorf("early: %d", got)
	}
	now = now.Add(time.Second)
	if got := status(); got != 401 {
		t.Errorf("late: %d", got)
	}

	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {tokens.str("refresh_token")}}
	tokens = post(t, s.Client(), s.URL()+"/token", form, nil)
	value = tokens.str("access_token")
	if !s.RevokeAccessToken(value) || s.RevokeAccessToken(value) || s.RevokeAccessToken(tokens.str("refresh_token")) {
		t.Error("RevokeAccessToken does not say what it found")
	}
	if got := status(); got != 401 {
		t.Errorf("revoked: %d", got)
	}
	form.Set("refresh_token", tokens.str("refresh_token"))
	if a := post(t, s.Client(), s.URL()+"/token", form, nil); a.status != 200 {
		t.Errorf("the refresh token of a revoked token: %s", a.body)
	}
}

// While RefreshDelay does not return, the answer does not come, and the refresh
// token has been used up.
func TestRefreshDelay(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, RefreshDelay: func() {
		reached <- struct{}{}
		<-release
	}})
	addResourceServer(s, "")
	tokens := redeem(t, s, map[string]string{"scope": "openid offline_access"}) // not a refresh: it comes at once
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {tokens.str("refresh_token")}}
	answered := make(chan int, 1)
	go func() {
		resp, err := s.Client().PostForm(s.URL()+"/token", form)
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	<-reached
	if m := introspect(t, s, tokens.str("refresh_token"), "").m; m["active"] != false {
		t.Errorf("the refresh token is still good: %v", m)
	}
	select {
	case status := <-answered:
		t.Errorf("the answer came early: %d", status)
	default:
	}
	close(release)
	if status := <-answered; status != 200 {
		t.Errorf("status %d", status)
	}
}
