package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// exampleAPI starts a server whose access tokens are JWTs, a client of it, and an API that
// trusts it. The token has the scope, and is for the API.
func exampleAPI(scope ...string) (srv *oauthtest.Server, rs *oauth.ResourceServer, token *oauth.Token) {
	srv, client := exampleServer(func(o *oauthtest.Options, _ *oauthtest.Client, _ *oauth.Config) { o.JWTAccessTokens = true })
	as, err := oauth.Discover(context.Background(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	check(err)
	rs, err = oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://api.example.com",
		Servers:    []oauth.TrustedServer{{Server: as}},
		HTTPClient: srv.Client(),
	})
	check(err)
	token, err = client.ClientCredentials(context.Background(), &oauth.GrantOptions{Scope: scope, Resource: []string{"https://api.example.com"}})
	check(err)
	return srv, rs, token
}

// exampleCall is the answer of a handler to a request with the token.
func exampleCall(h http.Handler, token *oauth.Token, method, target string) *http.Response {
	r := exampleRequest(method, target)
	if token != nil {
		r.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// An API that accepts access tokens.
func ExampleResourceServer_Require() {
	srv, rs, token := exampleAPI("orders")
	defer srv.Close()
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oauth.AccessTokenFromContext(r.Context())
		fmt.Fprint(w, "the orders of ", token.ClientID())
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", rs.Require(oauth.Requirement{Scope: []string{"orders"}}, orders))
	mux.Handle("DELETE /orders", rs.Require(oauth.Requirement{Scope: []string{"orders:write"}}, orders))
	mux.Handle(rs.MetadataPath(), rs.MetadataHandler()) // which tells clients where to get tokens

	fmt.Println(bodyOf(exampleCall(mux, token, "GET", "https://api.example.com/orders")))
	fmt.Println(exampleCall(mux, nil, "GET", "https://api.example.com/orders").Status)
	refused := exampleCall(mux, token, "DELETE", "https://api.example.com/orders")
	fmt.Println(refused.Status, oauth.ParseChallenges(refused.Header)[0].Params["scope"])
	// Output:
	// the orders of web
	// 401 Unauthorized
	// 403 Forbidden orders:write
}

// A handler that learns only while it serves a request what the token needs.
func ExampleResourceServer_Check() {
	srv, rs, token := exampleAPI("transfer")
	defer srv.Close()
	transfer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oauth.AccessTokenFromContext(r.Context())
		amount, err := strconv.Atoi(r.URL.Query().Get("amount"))
		if err != nil || amount > 1000 {
			if err := rs.Check(token, oauth.Requirement{Scope: []string{"transfer:large"}}); err != nil {
				rs.WriteError(w, err)
				return
			}
		}
		fmt.Fprint(w, "done")
	})
	h := rs.Require(oauth.Requirement{Scope: []string{"transfer"}}, transfer)

	fmt.Println(exampleCall(h, token, "POST", "https://api.example.com/transfer?amount=0010").StatusCode)
	fmt.Println(exampleCall(h, token, "POST", "https://api.example.com/transfer?amount=9999").StatusCode)
	// Output:
	// 200
	// 403
}

// An API behind a proxy that ends TLS, and that serves /v1/orders from /orders. Proofs have
// the URL that clients call. That is taken from the configuration and not from the request,
// because anyone can write its Host and Forwarded fields.
func ExampleNewResourceServer_proxy() {
	dpopKey, err := oauth.GenerateSigningKey(oauth.ES256)
	check(err)
	dpop, err := oauth.NewDPoP(dpopKey, oauth.Clock{})
	check(err)
	srv, client := exampleServer(func(o *oauthtest.Options, _ *oauthtest.Client, cfg *oauth.Config) {
		o.JWTAccessTokens = true
		cfg.DPoP = dpop
	})
	defer srv.Close()
	as, err := oauth.Discover(context.Background(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	check(err)

	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example.com",
		Servers:  []oauth.TrustedServer{{Server: as}},
		RequestURL: func(r *http.Request) (*url.URL, error) {
			return url.Parse("https://api.example.com/v1" + r.URL.EscapedPath())
		},
		HTTPClient: srv.Client(),
	})
	check(err)
	token, err := client.ClientCredentials(context.Background(), &oauth.GrantOptions{Resource: []string{"https://api.example.com"}})
	check(err)
	called, err := url.Parse("https://api.example.com/v1/orders")
	check(err)
	proof, err := dpop.Proof("GET", called, token.AccessToken.Reveal()) // Client and Transport do this by themselves
	check(err)
	behind := exampleRequest("GET", "http://10.0.0.7:8080/orders")
	behind.Header.Set("Authorization", "DPoP "+token.AccessToken.Reveal())
	behind.Header.Set("DPoP", proof)
	accepted, err := rs.Authenticate(behind)
	check(err)
	fmt.Println(accepted.ClientID(), accepted.KeyThumbprint() == dpop.Thumbprint())
	// Output: web true
}

// A proxy can ask a service about each request before it passes the request on: Traefik with
// ForwardAuth, nginx with auth_request, Envoy with ext_authz. The service then sees a request
// of the proxy's own. Method and URL of the original request, which a DPoP proof is for, come
// in header fields that the proxy sets and takes out of what clients send. The origin comes
// from the configuration.
func ExampleResourceServer_AuthenticateCredential_forwardAuth() {
	srv, rs, token := exampleAPI("orders")
	defer srv.Close()
	service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		called, err := url.Parse("https://api.example.com" + r.Header.Get("X-Forwarded-Uri"))
		if err != nil {
			http.Error(w, "the URL of the original request cannot be read", http.StatusBadRequest)
			return
		}
		t, err := rs.AuthenticateCredential(r.Context(), oauth.Credential{
			Scheme: scheme, Token: strings.TrimLeft(token, " "), Proof: r.Header.Get("DPoP"),
			Method: r.Header.Get("X-Forwarded-Method"), URL: called,
		})
		if err == nil {
			err = rs.Check(t, oauth.Requirement{Scope: []string{"orders"}})
		}
		if err != nil {
			rs.WriteError(w, err) // which the proxy passes on to the client
			return
		}
		w.Header().Set("X-Subject", t.Subject()) // for the API behind the proxy
	})
	asked := exampleRequest("GET", "http://127.0.0.1:9000/forward-auth")
	asked.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	asked.Header.Set("X-Forwarded-Method", "GET")
	asked.Header.Set("X-Forwarded-Uri", "/orders?year=2026")
	w := httptest.NewRecorder()
	service.ServeHTTP(w, asked)
	fmt.Println(w.Code, w.Header().Get("X-Subject"))
	// Output: 200 web
}

// An ID token that a page of the application has got by itself and posts, as Google One Tap
// does. This client never calls the token endpoint: it has no Auth.
func ExampleClient_VerifyIDToken() {
	srv, client := exampleServer(func(_ *oauthtest.Options, _ *oauthtest.Client, cfg *oauth.Config) { cfg.Auth = nil })
	defer srv.Close()
	// The nonce that the page asked for the token with: random, kept in the user's session at
	// the server, and good for one token. To VerifyIDToken an empty one would mean that none
	// was sent. A cookie with the nonce in it would prove nothing, because the sender of the
	// token can send that as well.
	const nonce = "n-0S6_WzA2Mj"
	posted, err := srv.Sign("ES256", nil, map[string]any{
		"iss": srv.Issuer(), "sub": "alice", "aud": "web", "nonce": nonce, "iat": exampleNow(), "exp": exampleNow() + 300,
	})
	check(err)

	id, err := client.VerifyIDToken(context.Background(), posted, oauth.VerifyIDTokenOptions{Nonce: nonce})
	switch {
	case errors.Is(err, oauth.ErrInvalid):
		fmt.Println("403: the token is wrong, whatever is wrong with it")
		return
	case err != nil:
		fmt.Println("503: the keys of the server cannot be had now, which is not the token's fault")
		return
	}
	_, subject, err := id.Identity() // and the issuer, if there are several
	check(err)
	fmt.Println("hello", subject)

	_, err = client.VerifyIDToken(context.Background(), posted, oauth.VerifyIDTokenOptions{Nonce: "of another session"})
	fmt.Println(errors.Is(err, oauth.ErrInvalid))
	// Output:
	// hello alice
	// true
}
