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
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/web"
)

type api struct {
	client   *oauth.Client
	rs       *oauth.ResourceServer
	resource string // what tokens for this API are for
	other    string // the URL of the other API
}

func main() {
	httpClient := demo.Client("exchange")
	server, err := oauth.Discover(context.Background(), os.Getenv("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: os.Getenv("OAUTH_CLIENT_ID")},
		Auth:       oauth.ClientSecretBasic(os.Getenv("OAUTH_CLIENT_SECRET")),
		HTTPClient: httpClient,
	})
	check(err)
	a := &api{client: client, resource: os.Getenv("OAUTH_RESOURCE"), other: os.Getenv("OAUTH_API")}
	a.rs, err = oauth.NewResourceServer(oauth.ResourceServerConfig{Resource: a.resource, Introspect: client})
	check(err)
	mux := http.NewServeMux()
	mux.Handle("GET /", a.rs.Require(oauth.Requirement{}, a))
	log.Fatal(web.Serve(context.Background(), mux))
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	subject, ok := oauth.AccessTokenFromContext(r.Context())
	if !ok || !slices.Contains(subject.Audience(), a.resource) {
		// The server did not say what the token is for: whoever else gets tokens of
		// users could use them here.
		a.rs.WriteError(w, oauth.ErrAudience)
		return
	}
	// An API with many calls keeps the token that it gets, for this subject token and
	// until its Expiry.
	token, err := a.exchange(r.Context(), subject.Raw())
	var refused *oauth.ResponseError
	if errors.As(err, &refused) && slices.Contains(aboutSubject, refused.Code) {
		log.Print(err)
		a.rs.WriteError(w, oauth.ErrScope)
		return
	}
	var body []byte
	if err == nil {
		body, err = a.call(r.Context(), token)
	}
	if err != nil {
		log.Print(err)
		http.Error(w, "Something is wrong behind this API.", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

// aboutSubject are what a server has against the token of the user (RFC 8693,
// Section 2.2.2, and what servers send in its place). It may also have something
// against this API: invalid_client.
var aboutSubject = []string{"invalid_request", "invalid_grant", "invalid_scope", "access_denied"}

// exchange gets a token for the other API that stands for the same user.
func (a *api) exchange(ctx context.Context, subject oauth.Secret) (*oauth.Token, error) {
	token, err := a.client.ExchangeToken(ctx, &oauth.TokenExchangeRequest{
		SubjectToken:       subject,
		SubjectTokenType:   oauth.TokenTypeAccessToken,
		RequestedTokenType: oauth.TokenTypeAccessToken,
		Audience:           strings.Fields(os.Getenv("OAUTH_AUDIENCE")),
	}, &oauth.GrantOptions{Scope: strings.Fields(os.Getenv("OAUTH_SCOPE"))})
	if err == nil && token.IssuedTokenType != oauth.TokenTypeAccessToken { // the server need not do as it is asked
		return nil, fmt.Errorf("the server gave out a %q", token.IssuedTokenType)
	}
	return token, err
}

// call calls the other API. The token is for it, and not for where it may redirect
// to: Do follows no redirect.
func (a *api) call(ctx context.Context, token *oauth.Token) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.other, nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.client.Do(req, token)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the other API answers %d", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
