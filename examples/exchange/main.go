// Command exchange is an API that calls another API for its user: it exchanges the
// token that it was called with for one that the other API takes (RFC 8693).
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=orders OAUTH_CLIENT_SECRET=… \
//	OAUTH_RESOURCE=https://orders.example.com OAUTH_API=https://stock.example.com/items \
//	OAUTH_AUDIENCE=stock OAUTH_SCOPE=stock go run ./examples/exchange
//
// It differs from api: it is a client of the server too, and asks it about each
// token, because those of many servers are not JWTs (RFC 7662). OAUTH_AUDIENCE is
// what the other API, at OAUTH_API, is called at the server. Each GET that comes
// with a token for OAUTH_RESOURCE is answered with what the other API says.
//
// Without settings it is shown with a client, and with a server of package oauthtest
// that has the other API:
//
//	go run ./examples/exchange
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"slices"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/web"
)

type api struct {
	client *oauth.Client
	rs     *oauth.ResourceServer
}

func main() {
	demo.Run("exchange")
	ctx, httpClient := env.Context(), env.HTTPClient()
	server, err := oauth.Discover(ctx, env.Get("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	env.Check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: env.Get("OAUTH_CLIENT_ID")},
		Auth:       oauth.ClientSecretBasic(env.Get("OAUTH_CLIENT_SECRET")),
		HTTPClient: httpClient,
	})
	env.Check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{Resource: env.Get("OAUTH_RESOURCE"), Introspect: client})
	env.Check(err)
	mux := http.NewServeMux()
	mux.Handle("GET /", rs.Require(oauth.Requirement{}, &api{client, rs}))
	log.Fatal(web.Serve(ctx, mux))
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	subject, ok := oauth.AccessTokenFromContext(r.Context())
	if !ok || !slices.Contains(subject.Audience(), env.Get("OAUTH_RESOURCE")) {
		// The server did not say what the token is for: whoever else gets tokens of
		// users could use them here.
		a.rs.WriteError(w, oauth.ErrAudience)
		return
	}
	body, err := a.call(r.Context(), subject.Raw())
	var refused *oauth.ResponseError
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
		return
	case errors.As(err, &refused) && slices.Contains(aboutSubject, refused.Code):
		a.rs.WriteError(w, oauth.ErrScope)
	default:
		http.Error(w, "Something is wrong behind this API.", http.StatusBadGateway)
	}
	log.Print(err)
}

// aboutSubject are what a server has against the token of the user (RFC 8693,
// Section 2.2.2, and what servers send in its place). It may also have something
// against this API: invalid_client.
var aboutSubject = []string{"invalid_request", "invalid_grant", "invalid_scope", "access_denied"}

// call calls the other API with a token that stands for the same user. An API with many
// calls keeps that token, for this subject token and until its Expiry.
func (a *api) call(ctx context.Context, subject oauth.Secret) ([]byte, error) {
	token, err := a.client.ExchangeToken(ctx, &oauth.TokenExchangeRequest{
		SubjectToken:       subject,
		SubjectTokenType:   oauth.TokenTypeAccessToken,
		RequestedTokenType: oauth.TokenTypeAccessToken,
		Audience:           env.Words("OAUTH_AUDIENCE"),
	}, &oauth.GrantOptions{Scope: env.Words("OAUTH_SCOPE")})
	if err != nil {
		return nil, err
	}
	if token.IssuedTokenType != oauth.TokenTypeAccessToken { // the server need not do as it is asked
		return nil, fmt.Errorf("the server gave out a %q", token.IssuedTokenType)
	}
	return web.Call(ctx, a.client, token, env.Get("OAUTH_API"))
}
