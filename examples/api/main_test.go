package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const testSecret = "a secret that only the two know"

func TestDemo(t *testing.T) {
	srv := newServer()
	defer srv.Close()
	spy := &spy{next: srv.Client().Transport}
	var out bytes.Buffer
	if err := demoAPI(t.Context(), srv, &http.Client{Transport: spy}, &out); err != nil {
		t.Fatal(err)
	}
	rest := out.String()
	for _, step := range []string{
		"server: listens at " + srv.Issuer() + " and knows the client shop\n",
		"api: discovery found " + srv.Issuer() + "\n",
		"api: refused ", "Authorization: is missing\n",
		"client: GET http://127.0.0.1:", "/orders: status 401\n",
		"client: the API says scope: orders:read\n",
		"client: the API says resource_metadata: http://127.0.0.1:",
		"client: the API takes tokens of " + srv.Issuer() + " for http://127.0.0.1:",
		"client: has a token of type DPoP with the scope orders:read\n", // a hook of the renewal runs when the token is there
		"client: POST " + srv.URL() + "/token: status 200\n",
		"api: refused ", "nonce: ", // RFC 9449, Section 9: it comes with the answer
		"client: GET http://127.0.0.1:", "/orders: status 401\n",
		`api: GET /orders with AccessToken("` + srv.Issuer() + `" "shop" "shop")` + "\n",
		"client: GET http://127.0.0.1:", "/orders: status 200\n",
		"client: shop sees 0 orders\n",
		"api: refused ", `does not have the scope "orders:write"`,
		"client: POST http://127.0.0.1:", "/orders: status 403\n",
		"client: the API says error: insufficient_scope\nclient: the API says scope: orders:write\n",
		"client: has a token of type DPoP with the scope orders:write\n",
		"api: refused ", "auth_time: is missing",
		"client: POST http://127.0.0.1:", "/orders: status 401\n",
		"client: the API says error: insufficient_user_authentication\n",
		"client: the API says max_age: 300\n",
		"client: alice logged in\n",
		`api: POST /orders with AccessToken("` + srv.Issuer() + `" "alice" "shop")` + "\n",
		"client: POST http://127.0.0.1:", "/orders: status 201\n",
		"\nsub: alice\nclient_id: shop\nscope: openid orders:write\norders: 1\n",
	} {
		_, after, found := strings.Cut(rest, step)
		if !found {
			t.Fatalf("no %q, or not in its place:\n%s", step, out.String())
		}
		rest = after
	}
	if rest != "" {
		t.Errorf("more: %q", rest)
	}
	spy.wantNoSecret(t, out.String())
	if n := srv.Count("/token"); n != 3 {
		t.Errorf("%d token requests", n)
	}
}

// A spy knows what was secret in the requests of a client.
type spy struct {
	next http.RoundTripper

	mu      sync.Mutex
	secrets []string
}

func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	found := []string{token, r.Header.Get("DPoP")}
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		form := httptest.NewRequest(http.MethodPost, "/", body)
		form.Header.Set("Content-Type", r.Header.Get("Content-Type"))
		for _, name := range []string{"client_assertion", "code", "code_verifier"} {
			found = append(found, form.PostFormValue(name))
		}
	}
	s.mu.Lock()
	s.secrets = append(s.secrets, found...)
	s.mu.Unlock()
	return s.next.RoundTrip(r)
}

func (s *spy) wantNoSecret(t *testing.T, text string) {
	t.Helper()
	seen := 0
	for _, secret := range s.secrets {
		if secret == "" {
			continue
		}
		if seen++; strings.Contains(text, secret) {
			t.Errorf("a secret is in the output: %.20s…", secret)
		}
	}
	if seen < 10 {
		t.Errorf("there were %d secrets to look for", seen)
	}
}

func TestRunWithoutArguments(t *testing.T) {
	var out bytes.Buffer
	start := time.Now()
	if err := run(t.Context(), nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\n\nsub: alice\n") {
		t.Errorf("output:\n%s", out.String())
	}
	t.Logf("took %v", time.Since(start))
}

func TestDemoFaults(t *testing.T) {
	for fault, kind := range map[oauthtest.Fault]error{
		oauthtest.DiscoveryWrongIssuer: oauth.ErrIssuer,
		oauthtest.TokenHTML:            oauth.ErrResponse,
		oauthtest.DPoPUnboundToken:     oauth.ErrTokenType,
		oauthtest.WrongNonce:           oauth.ErrNonce,
		oauthtest.OldAuthTime:          oauth.ErrExpired,
	} {
		srv := newServer()
		srv.Fault(fault)
		var out bytes.Buffer
		err := demoAPI(t.Context(), srv, srv.Client(), &out)
		if !errors.Is(err, kind) || strings.Contains(out.String(), "\nsub:") {
			t.Errorf("%s: %v\n%s", fault, err, out.String())
		}
		srv.Close()
	}
}

// What the API does not take is refused with invalid_token, and the client has
// tried two tokens.
func TestUnfitTokens(t *testing.T) {
	for name, edit := range map[string]func(header, claims map[string]any){
		"another type":     func(header, _ map[string]any) { header["typ"] = "JWT" },
		"another resource": func(_, claims map[string]any) { claims["aud"] = "https://bills.example.com" },
		"another issuer":   func(_, claims map[string]any) { claims["iss"] = "https://op.example.com" },
		"another key":      func(_, claims map[string]any) { claims["cnf"] = map[string]any{"jkt": strings.Repeat("A", 43)} },
		"no key":           func(_, claims map[string]any) { delete(claims, "cnf") },
		"expired":          func(_, claims map[string]any) { claims["exp"] = time.Now().Add(-time.Hour).Unix() },
	} {
		srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, JWTAccessTokens: true, EditAccessToken: edit})
		var out bytes.Buffer
		err := demoAPI(t.Context(), srv, srv.Client(), &out)
		var refused *refusal
		if !errors.As(err, &refused) || refused.challenge.Params["error"] != "invalid_token" || srv.Count("/token") != 2 {
			t.Errorf("%s: %v after %d token requests\n%s", name, err, srv.Count("/token"), out.String())
		}
		srv.Close()
	}
}

// The client asks no server but its own, and no API that does not say how.
func TestKnock(t *testing.T) {
	srv := newServer()
	defer srv.Close()
	var place string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metadata":
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(map[string]any{"resource": place, "authorization_servers": []string{"https://op.example.com"}})
		case "/elsewhere":
			w.Header().Set("WWW-Authenticate", `Bearer, DPoP resource_metadata="http://`+r.Host+`/metadata"`)
			w.WriteHeader(http.StatusUnauthorized)
		case "/bearer":
			w.Header().Set("WWW-Authenticate", `Bearer realm="DPoP"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()
	for path, want := range map[string]string{
		"/elsewhere": "not one of the resource's authorization servers",
		"/bearer":    "401 Unauthorized, and does not ask for DPoP",
		"/open":      "200 OK, and does not ask for DPoP",
	} {
		place = api.URL + path
		s, err := demoSettings(srv, place)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newCaller(t.Context(), s, t.Logf); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if n := srv.Count("/token"); n != 0 {
		t.Errorf("%d token requests", n)
	}
}

func TestFlags(t *testing.T) {
	t.Setenv("OAUTH_CLIENT_SECRET", "")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // if it serves after all
	defer cancel()
	api := []string{"-issuer", "https://127.0.0.1:1", "-resource", "https://api.example.com/orders", "-listen", "127.0.0.1:0"}
	client := []string{"-issuer", "https://127.0.0.1:1", "-call", "https://127.0.0.1:1/orders", "-client-id", "shop", "-client-secret", testSecret}
	plus := func(args []string, more ...string) []string { return append(slices.Clip(args), more...) }
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no issuer":       {[]string{"-http"}, "-issuer is required"},
		"no resource":     {api[:2], "an https URL is required"},
		"argument":        {plus(api, "more"), "unexpected argument"},
		"both":            {plus(api, "-call", "https://127.0.0.1:1/orders"), "either -call or -resource"},
		"http resource":   {plus(api, "-resource", "http://127.0.0.1/orders"), "https URL"},
		"another path":    {plus(api, "-resource", "https://api.example.com/bills"), "does not end in /orders"},
		"no URL":          {plus(api, "-resource", "orders"), "not a URL"},
		"address":         {plus(api, "-listen", "nowhere"), "nowhere"},
		"proxy":           {plus(api, "-proxy", "nowhere"), "nowhere"},
		"no CA":           {plus(api, "-ca", "no-such-file"), "no-such-file"},
		"CA is no PEM":    {plus(api, "-ca", "main_test.go"), "no certificate"},
		"http issuer":     {plus(api, "-issuer", "http://127.0.0.1:1"), "use https"},
		"nobody listens":  {api, "refused"},
		"no client":       {client[:4], "-client-id is required"},
		"no secret":       {client[:6], "either -key or a secret"},
		"key and secret":  {plus(client, "-key", "main_test.go"), "either -key or a secret"},
		"no key":          {plus(client[:6], "-key", "main_test.go", "-alg", "ES256"), "signing key"},
		"nobody's API":    {client, "refused"},
		"http API":        {plus(client, "-call", "http://127.0.0.1:1/orders"), "https URL"},
		"http API, no CA": {plus(client, "-http", "-ca", "no-such-file"), "no-such-file"},
	} {
		if err := run(ctx, tt.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("OAUTH_CLIENT_SECRET", testSecret)
	var usage bytes.Buffer
	if err := run(ctx, []string{"-h"}, io.Discard, &usage); err == nil || strings.Contains(usage.String(), testSecret) {
		t.Errorf("-h: %v\n%s", err, usage.String())
	}
}
