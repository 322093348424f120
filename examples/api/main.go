// Command api is a protected API: it takes access tokens of a server.
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_RESOURCE=https://api.example.com/v1/orders \
//	OAUTH_PROXY=10.0.0.1 OAUTH_LISTEN=10.0.0.2:8080 go run ./examples/api
//
// It differs from login: it is no client, and has no sessions. OAUTH_RESOURCE is
// the URL that clients call, which is its identifier at the server. It ends in
// /orders. TLS ends at the proxy in front of the program, whose address
// OAUTH_PROXY is; proxy.go has what must be right there.
//
// Tokens are JWTs (RFC 9068), or if OAUTH_PROFILE is entra, okta, auth0 or
// keycloak, those of that provider. They are bound to a key of the client (DPoP,
// RFC 9449), so that they are of no use to a thief, unless OAUTH_ALLOW_BEARER is
// set for a server that has no DPoP.
//
// Without settings it is shown with a proxy, a client, and a server of package
// oauthtest:
//
//	go run ./examples/api
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/web"
)

var profiles = map[string]*oauth.AccessTokenProfile{
	"":      nil, // RFC 9068
	"entra": oauth.EntraProfile(), "okta": oauth.OktaProfile(), "auth0": oauth.Auth0Profile(), "keycloak": oauth.KeycloakProfile(),
}

func main() {
	api, err := newAPI(context.Background(), demo.Client("api"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(web.Serve(context.Background(), api))
}

func newAPI(ctx context.Context, httpClient *http.Client) (http.Handler, error) {
	resource, err := url.Parse(os.Getenv("OAUTH_RESOURCE"))
	if err != nil {
		return nil, err
	}
	profile, known := profiles[os.Getenv("OAUTH_PROFILE")]
	if !known {
		return nil, fmt.Errorf("OAUTH_PROFILE is %q", os.Getenv("OAUTH_PROFILE"))
	}
	server, err := oauth.Discover(ctx, os.Getenv("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	if err != nil {
		return nil, err
	}
	// Machines that serve one API share this key, and a ReplayCache.
	nonceKey := make([]byte, 32)
	rand.Read(nonceKey)
	cfg := oauth.ResourceServerConfig{
		Resource:       resource.String(),
		BaseURL:        resource.Scheme + "://" + resource.Host,
		Servers:        []oauth.TrustedServer{{Server: server, Profile: profile}},
		HTTPClient:     httpClient,
		RequireDPoP:    os.Getenv("OAUTH_ALLOW_BEARER") == "",
		DPoPNonceKeys:  [][]byte{nonceKey},
		VerifiedTokens: 1000,
		Trace: &oauth.Trace{RequestRefused: func(_ context.Context, r oauth.RefusalInfo) {
			// No token is in it. The client is told the kind of error, and no more.
			log.Printf("refused %s %q with %d: %v", r.Method, r.Path, r.Status, r.Err)
		}},
	}
	if prefix := strings.TrimSuffix(resource.EscapedPath(), "/orders"); prefix != "" {
		cfg.RequestURL = beforeProxy(cfg.BaseURL + prefix)
	}
	if proxy := os.Getenv("OAUTH_PROXY"); proxy != "" {
		addr, err := netip.ParseAddr(proxy)
		if err != nil {
			return nil, err
		}
		cfg.ClientCertificate = forwardedCertificate(calledFrom(addr))
	}
	rs, err := oauth.NewResourceServer(cfg)
	if err != nil {
		return nil, err
	}
	// To place an order, the user must have authenticated within five minutes (RFC
	// 9470): what acts without a user places none.
	fresh := int64(300)
	o := new(orders)
	mux := http.NewServeMux()
	mux.Handle("GET /orders", rs.Require(oauth.Requirement{Scope: []string{"orders:read"}}, o))
	mux.Handle("POST /orders", rs.Require(oauth.Requirement{Scope: []string{"orders:write"}, MaxAge: &fresh}, o))
	mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
	return mux, nil
}

// orders is what is behind the API.
type orders struct{ count atomic.Int64 }

func (o *orders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, ok := oauth.AccessTokenFromContext(r.Context())
	if !ok { // a route without Require
		http.Error(w, "no access token", http.StatusInternalServerError)
		return
	}
	log.Printf("%s with %v", r.Method, token) // issuer, subject and client
	if r.Method == http.MethodPost {
		o.count.Add(1)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"sub": token.Subject(), "client_id": token.ClientID(), "orders": o.count.Load()})
}
