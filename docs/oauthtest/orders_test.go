package shop

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// newOrders is the API. Outside of tests, hc is nil and clock the zero value.
func newOrders(ctx context.Context, resource, issuer string, hc *http.Client, clock oauth.Clock) (http.Handler, error) {
	server, err := oauth.Discover(ctx, issuer, &oauth.DiscoverOptions{HTTPClient: hc})
	if err != nil {
		return nil, err
	}
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   resource,
		Servers:    []oauth.TrustedServer{{Server: server}},
		HTTPClient: hc, // fetches the keys of the server
		Clock:      clock,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", rs.Require(oauth.Requirement{Scope: []string{"orders"}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oauth.AccessTokenFromContext(r.Context())
		fmt.Fprint(w, "the orders of ", token.Subject())
	})))
	return mux, nil
}

// newWorker is a program that calls the API with a key of its own.
func newWorker(issuer, resource string, key *oauth.SigningKey, hc *http.Client, clock oauth.Clock) (*http.Client, error) {
	client, err := oauth.NewClientFromIssuer(issuer, nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "worker"},
		Auth:       oauth.PrivateKeyJWT(key, nil),
		HTTPClient: hc,
		Clock:      clock,
	})
	if err != nil {
		return nil, err
	}
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{resource},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, &oauth.GrantOptions{Scope: []string{"orders"}, Resource: []string{resource}})
		},
	})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport}, nil
}

// TestOrders: whom the API answers.
func TestOrders(t *testing.T) {
	srv := oauthtest.NewServer(nil)
	defer srv.Close()
	const resource = "https://api.example.com"
	api, err := newOrders(t.Context(), resource, srv.Issuer(), srv.Client(), oauth.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		claims map[string]any
		status int
	}{
		{"a good token", map[string]any{"aud": resource, "scope": "orders"}, http.StatusOK},
		{"one of another API", map[string]any{"aud": "https://other.example.com", "scope": "orders"}, http.StatusUnauthorized},
		{"one for the client, as without aud", map[string]any{"scope": "orders"}, http.StatusUnauthorized},
		{"an old one", map[string]any{"aud": resource, "scope": "orders", "exp": time.Now().Add(-time.Hour).Unix()}, http.StatusUnauthorized},
		{"one without the scope", map[string]any{"aud": resource, "scope": "profile"}, http.StatusForbidden},
	} {
		token, err := srv.AccessToken("web", "alice", tt.claims)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", resource+"/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		if api.ServeHTTP(w, r); w.Code != tt.status {
			t.Errorf("%s: %d, want %d: %s", tt.name, w.Code, tt.status, w.Body)
		}
	}
	w := httptest.NewRecorder()
	if api.ServeHTTP(w, httptest.NewRequest("GET", resource+"/orders", nil)); w.Code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", w.Code)
	}
}

// TestWorker: the worker calls the API, with another token when the first is old.
func TestWorker(t *testing.T) {
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	clock := oauth.Clock{Now: now} // one for all three

	srv := oauthtest.NewServer(&oauthtest.Options{Now: now, JWTAccessTokens: true})
	defer srv.Close()
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := oauth.PublicJWKS(key)
	if err != nil {
		t.Fatal(err)
	}
	srv.AddClient(oauthtest.Client{ID: "worker", AuthMethod: "private_key_jwt", JWKS: jwks})

	mux := http.NewServeMux()
	api := httptest.NewTLSServer(mux)
	defer api.Close()
	orders, err := newOrders(t.Context(), api.URL, srv.Issuer(), srv.Client(), clock)
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/", orders)

	trusted := srv.RootCAs()
	trusted.AddCert(api.Certificate())
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	defer hc.CloseIdleConnections()
	worker, err := newWorker(srv.Issuer(), api.URL, key, hc, clock)
	if err != nil {
		t.Fatal(err)
	}
	for n, tokens := range []int{1, 1, 2} {
		if n == 2 {
			later.Store(int64(time.Hour)) // the server's access tokens live for ten minutes
		}
		res, err := worker.Get(api.URL + "/orders")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := srv.Count("/token"); res.StatusCode != http.StatusOK || got != tokens {
			t.Errorf("call %d: %d with %d token requests, want 200 with %d", n, res.StatusCode, got, tokens)
		}
	}
}
