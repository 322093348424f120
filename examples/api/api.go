package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"unicode"

	"example.com/oauth"
)

// The scopes of the API.
const (
	readScope  = "orders:read"
	writeScope = "orders:write"
)

// newAPI makes the API: its two routes, and the metadata that lead a client to the
// server.
func newAPI(ctx context.Context, s settings, step stepFunc) (http.Handler, error) {
	server, err := oauth.Discover(ctx, s.issuer, &oauth.DiscoverOptions{
		HTTPClient:        s.httpClient,
		InsecureAllowHTTP: s.allowHTTP,
	})
	if err != nil {
		return nil, err
	}
	step("api: discovery found %s", server.Issuer)
	public, err := url.Parse(s.resource)
	if err != nil {
		return nil, err
	}
	// Machines that serve one API share this key, and a ReplayCache.
	nonceKey := make([]byte, 32)
	rand.Read(nonceKey)
	cfg := oauth.ResourceServerConfig{
		Resource:          s.resource,
		BaseURL:           public.Scheme + "://" + public.Host,
		Servers:           []oauth.TrustedServer{{Server: server}},
		HTTPClient:        s.httpClient,
		InsecureAllowHTTP: s.allowHTTP,
		RequireDPoP:       true, // a token is of no use to a thief
		DPoPNonceKeys:     [][]byte{nonceKey},
		VerifiedTokens:    1000,
		Metadata:          oauth.ResourceMetadata{ScopesSupported: []string{readScope, writeScope}},
		Trace: &oauth.Trace{RequestRefused: func(_ context.Context, r oauth.RefusalInfo) {
			// No token is in it. The client is told the kind of error, and no more.
			step("api: refused %s %s with %d: %v", r.Method, printable(r.Path), r.Status, r.Err)
		}},
	}
	if prefix := strings.TrimSuffix(public.EscapedPath(), ordersPath); prefix != "" {
		cfg.RequestURL = beforeProxy(cfg.BaseURL + prefix)
	}
	if s.proxy.IsValid() {
		cfg.ClientCertificate = forwardedCertificate(calledFrom(s.proxy))
	}
	rs, err := oauth.NewResourceServer(cfg)
	if err != nil {
		return nil, err
	}

	// The user has to have authenticated within five minutes to place an order
	// (RFC 9470): what acts without a user places none.
	fresh := int64(300)
	o := &orders{step: step}
	mux := http.NewServeMux()
	mux.Handle("GET "+ordersPath, rs.Require(oauth.Requirement{Scope: []string{readScope}}, o))
	mux.Handle("POST "+ordersPath, rs.Require(oauth.Requirement{Scope: []string{writeScope}, MaxAge: &fresh}, o))
	mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
	return mux, nil
}

// orders is what is behind the API.
type orders struct {
	step  stepFunc
	count atomic.Int64
}

func (o *orders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, ok := oauth.AccessTokenFromContext(r.Context())
	if !ok { // a route without Require
		http.Error(w, "no access token", http.StatusInternalServerError)
		return
	}
	// What is printed of a token are issuer, subject and client.
	o.step("api: %s %s with %v", r.Method, printable(r.URL.Path), token)
	said := answer{Sub: token.Subject(), ClientID: token.ClientID(), Scope: strings.Join(token.Scope(), " ")}
	status := http.StatusOK
	if said.Orders = o.count.Load(); r.Method == http.MethodPost {
		said.Orders, status = o.count.Add(1), http.StatusCreated
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(said)
}

// An answer of the API is who asked, and how many orders there are.
type answer struct {
	Sub      string `json:"sub"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	Orders   int64  `json:"orders"`
}

// printable makes what came from outside fit for a line of a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
