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
// Tokens are JWTs (RFC 9068). They are bound to a key of the client (DPoP, RFC 9449),
// so that they are of no use to a thief, unless OAUTH_ALLOW_BEARER is set for a server
// that has no DPoP. For those of Entra ID, Okta, Auth0 or Keycloak, OAUTH_PROFILE is
// entra, okta, auth0 or keycloak. OAUTH_AUDIENCE is what the server calls the API, if
// that is not OAUTH_RESOURCE: the GUID of its application, or api://default.
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
	"log"
	"net/http"
	"os"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/web"
)

func main() {
	demo.Run("api")
	ctx := env.Context()
	log.Fatal(web.Serve(ctx, newAPI(ctx, env.HTTPClient())))
}

func newAPI(ctx context.Context, httpClient *http.Client) http.Handler {
	server, err := oauth.Discover(ctx, env.Get("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	env.Check(err)
	nonceKey := make([]byte, 32) // machines that serve one API share it, and a ReplayCache
	rand.Read(nonceKey)
	rs, err := oauth.NewResourceServer(behindProxy(oauth.ResourceServerConfig{
		Resource:       env.Get("OAUTH_RESOURCE"),
		Audiences:      audiences(),
		Servers:        []oauth.TrustedServer{{Server: server, Profile: profile()}},
		HTTPClient:     httpClient,
		RequireDPoP:    os.Getenv("OAUTH_ALLOW_BEARER") == "",
		DPoPNonceKeys:  [][]byte{nonceKey},
		VerifiedTokens: 1000,
		Trace: &oauth.Trace{RequestRefused: func(_ context.Context, r oauth.RefusalInfo) {
			log.Printf("refused %s %q with %d: %v", r.Method, r.Path, r.Status, r.Err) // no token is in it
		}},
	}))
	env.Check(err)
	fresh := int64(300) // an order needs a user who authenticated within five minutes (RFC 9470)
	mux := http.NewServeMux()
	mux.Handle("GET /orders", rs.Require(oauth.Requirement{Scope: []string{"orders:read"}}, orders{}))
	mux.Handle("POST /orders", rs.Require(oauth.Requirement{Scope: []string{"orders:write"}, MaxAge: &fresh}, orders{}))
	mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
	return mux
}

// orders are what is behind the API. They say who calls.
type orders struct{}

func (orders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, ok := oauth.AccessTokenFromContext(r.Context())
	if !ok { // a route without Require
		http.Error(w, "no access token", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"sub": token.Subject(), "client_id": token.ClientID()})
}
