package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const resource = "https://api.example.com"

// Each group of routes takes the tokens that are good for it, and no others.
func TestRouter(t *testing.T) {
	ctx := context.Background()
	srv := oauthtest.NewServer(&oauthtest.Options{JWTAccessTokens: true})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{ID: "shop", Secret: "secret-of-the-shop", GrantTypes: []string{"client_credentials"}})
	as, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	shop, err := oauth.NewClient(oauth.Config{
		Server: as, Metadata: oauth.ClientMetadata{ClientID: "shop"}, Auth: oauth.ClientSecretBasic("secret-of-the-shop"), HTTPClient: srv.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	token := func(target string, scope ...string) string {
		tok, err := shop.ClientCredentials(ctx, &oauth.GrantOptions{Scope: scope, Resource: []string{target}})
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + tok.AccessToken.Reveal()
	}
	api := newAPI(ctx, srv.Client(), srv.Issuer(), resource)
	named := newAPI(ctx, srv.Client(), srv.Issuer(), resource, "https://orders.example.com")
	read, both := token(resource, "orders:read"), token(resource, "orders:read", "orders:write")
	other := token("https://orders.example.com", "orders:read")
	for _, tt := range []struct {
		name, request, authorization string
		api                          http.Handler
		status                       int
		body                         string
	}{
		{"without a token where none is needed", "GET /hello", "", api, 200, "Hello\n"},
		{"with one there", "GET /hello", read, api, 200, "Hello shop, by shop\n"},
		{"with a bad one there", "GET /hello", read + "x", api, 401, ""},
		{"to read", "GET /orders", read, api, 200, "Hello shop, by shop\n"},
		{"without a token", "GET /orders", "", api, 401, ""},
		{"for another API", "GET /orders", other, api, 401, ""},
		{"under the server's name", "GET /orders", other, named, 200, "Hello shop, by shop\n"},
		{"not under the server's name", "GET /orders", read, named, 401, ""},
		{"to write", "POST /orders", both, api, 200, "Hello shop, by shop\n"},
		{"to write with one to read", "POST /orders", read, api, 403, ""},
		{"with one to write alone", "POST /orders", token(resource, "orders:write"), api, 403, ""},
		{"preflight", "OPTIONS /orders", "", api, 204, ""},
		{"metadata", "GET /.well-known/oauth-protected-resource", "", api, 200, ""},
	} {
		method, path, _ := strings.Cut(tt.request, " ")
		r := httptest.NewRequest(method, resource+path, nil)
		if tt.authorization != "" {
			r.Header.Set("Authorization", tt.authorization)
		}
		w := httptest.NewRecorder()
		tt.api.ServeHTTP(w, r)
		if w.Code != tt.status || tt.body != "" && w.Body.String() != tt.body {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: a script cannot read the answer: %v", tt.name, w.Header())
		}
		if (w.Code == 401 || w.Code == 403) != strings.Contains(w.Header().Get("WWW-Authenticate"), "resource_metadata=") {
			t.Errorf("%s: %v", tt.name, w.Header())
		}
	}
}
