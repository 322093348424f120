// Command router is a protected API that is built with a router in the manner of chi or
// echo: middleware goes around groups of routes.
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_RESOURCE=https://api.example.com \
//	OAUTH_LISTEN=127.0.0.1:8080 go run ./examples/router
//
// It differs from api: each group of routes has a requirement of its own, one takes
// requests without a token, too, and scripts of other origins may call it. OAUTH_AUDIENCE
// is what the server calls the API, if that is not OAUTH_RESOURCE.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"slices"

	"example.com/oauth"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/web"
)

func main() {
	ctx := env.Context()
	log.Fatal(web.Serve(ctx, newAPI(ctx, env.HTTPClient(), env.Get("OAUTH_ISSUER"), env.Get("OAUTH_RESOURCE"), env.Words("OAUTH_AUDIENCE")...)))
}

func newAPI(ctx context.Context, httpClient *http.Client, issuer, resource string, audiences ...string) http.Handler {
	server, err := oauth.Discover(ctx, issuer, &oauth.DiscoverOptions{HTTPClient: httpClient})
	env.Check(err)
	cfg := oauth.ResourceServerConfig{
		Resource:       resource,
		Servers:        []oauth.TrustedServer{{Server: server}},
		HTTPClient:     httpClient,
		VerifiedTokens: 1000,
	}
	if len(audiences) > 0 {
		cfg.Audiences = audiences
	}
	rs, err := oauth.NewResourceServer(cfg)
	env.Check(err)

	r := &router{mux: http.NewServeMux()}
	r.handle(rs.MetadataPath(), rs.MetadataHandler()) // which answers scripts of other origins by itself
	r.use(allowScripts)                               // outside of the rest: a preflight has no token
	r.handle("OPTIONS /hello", http.NotFoundHandler())
	r.handle("OPTIONS /orders", http.NotFoundHandler())

	open := r.with(rs.Middleware(oauth.Requirement{Optional: true}))
	open.handle("GET /hello", http.HandlerFunc(hello))

	reading := r.with(rs.Middleware(oauth.Requirement{Scope: []string{"orders:read"}}))
	reading.handle("GET /orders", http.HandlerFunc(hello))

	// Within reading, the token was judged already, and has to have this scope as well.
	writing := reading.with(rs.Middleware(oauth.Requirement{Scope: []string{"orders:write"}}))
	writing.handle("POST /orders", http.HandlerFunc(hello))
	return r.mux
}

// hello says who calls, if it knows.
func hello(w http.ResponseWriter, r *http.Request) {
	if token, ok := oauth.AccessTokenFromContext(r.Context()); ok {
		fmt.Fprintf(w, "Hello %s, by %s\n", token.Subject(), token.ClientID())
		return
	}
	fmt.Fprintln(w, "Hello")
}

// allowScripts lets scripts of any origin call the API with a token, and read why they were
// refused. No cookie is worth anything here.
func allowScripts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, DPoP, Content-Type")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// A router has the form of chi's: what with and use take is what any router takes.
type router struct {
	mux   *http.ServeMux
	chain []func(http.Handler) http.Handler
}

// use puts middleware around all routes that come after it.
func (r *router) use(m func(http.Handler) http.Handler) { r.chain = append(r.chain, m) }

// with returns a group of routes within more middleware.
func (r *router) with(m func(http.Handler) http.Handler) *router {
	return &router{r.mux, append(slices.Clone(r.chain), m)}
}

func (r *router) handle(pattern string, h http.Handler) {
	for _, m := range slices.Backward(r.chain) {
		h = m(h)
	}
	r.mux.Handle(pattern, h)
}
