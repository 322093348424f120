package oauthtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A login with package oauth.
func Example() {
	ctx := context.Background()
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{
		ID:           "web",
		Secret:       "a secret that only the two know",
		RedirectURIs: []string{"https://app.example.com/cb"},
	})

	// In the application.
	as, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		log.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:     as,
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretBasic("a secret that only the two know"),
		HTTPClient: srv.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/cb",
		Scope:       []string{"openid"},
	})
	if err != nil {
		log.Fatal(err)
	}

	// In the browser, as the server plays it.
	callback, err := srv.Authorize(ctx, pending.URL())
	if err != nil {
		log.Fatal(err)
	}

	// In the application again.
	token, err := client.FinishAuthorization(callback, pending, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Subject())
	// Output: alice
}

func ExampleServer_Fault() {
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()

	srv.Fault(oauthtest.DiscoveryWrongIssuer)
	_, err := oauth.Discover(context.Background(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	fmt.Println(errors.Is(err, oauth.ErrIssuer), srv.Count("/jwks"))

	srv.Fault() // correct again
	_, err = oauth.Discover(context.Background(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	fmt.Println(err)
	// Output:
	// true 0
	// <nil>
}

func ExampleServer_Authorize() {
	srv := oauthtest.NewServer(nil)
	defer srv.Close()
	srv.AddClient(oauthtest.Client{
		ID:           "web",
		Secret:       "a secret that only the two know",
		RedirectURIs: []string{"https://app.example.com/cb"},
	})

	// A client package makes this URL.
	authorizationURL := srv.URL() + "/authorize?" + url.Values{
		"response_type": {"code"},
		"client_id":     {"web"},
		"redirect_uri":  {"https://app.example.com/cb"},
		"scope":         {"openid"},
		"state":         {"af0ifjsldkj"},
	}.Encode()

	callback, err := srv.Authorize(context.Background(), authorizationURL)
	if err != nil {
		log.Fatal(err)
	}
	params := callback.URL.Query()
	fmt.Println(callback.Method, callback.URL.Host, params.Get("state"), params.Has("code"))

	srv.Fault(oauthtest.MissingState)
	callback, err = srv.Authorize(context.Background(), authorizationURL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(callback.URL.Query().Has("state"))
	// Output:
	// GET app.example.com af0ifjsldkj true
	// false
}

// The test of an API needs no login.
func ExampleServer_AccessToken() {
	ctx := context.Background()
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()

	// In the API.
	as, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		log.Fatal(err)
	}
	api, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:   "https://api.example.com",
		Servers:    []oauth.TrustedServer{{Server: as}},
		HTTPClient: srv.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := api.Require(oauth.Requirement{Scope: []string{"orders:read"}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oauth.AccessTokenFromContext(r.Context())
		fmt.Fprint(w, token.Subject())
	}))

	// In its test.
	for _, scope := range []string{"orders:read", "orders:write"} {
		token, err := srv.AccessToken("app", "alice", map[string]any{"aud": "https://api.example.com", "scope": scope})
		if err != nil {
			log.Fatal(err)
		}
		r := httptest.NewRequest("GET", "https://api.example.com/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 403
}

// The faults of ID tokens for a user who must have logged in lately.
func ExampleFatalFaults() {
	for _, fault := range oauthtest.FatalFaults(oauthtest.PartAuthTime) {
		fmt.Println(fault, fault.Part())
	}
	fmt.Println(oauthtest.MissingKid.Effect() == oauthtest.EffectHarmless)
	// Output:
	// MissingAuthTime auth_time
	// OldAuthTime auth_time
	// true
}

// A server at a fixed address.
func ExampleOptions() {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // in place of 0, a port
	if err != nil {
		log.Fatal(err)
	}
	srv := oauthtest.NewServer(&oauthtest.Options{Plain: true, Listener: listener})
	defer srv.Close()
	fmt.Println(srv.Issuer() == "http://"+listener.Addr().String())
	// Output: true
}

// An application that logs its users in at GitHub.
func ExampleProvider() {
	ctx := context.Background()
	srv := oauthtest.NewServer(&oauthtest.Options{Provider: oauthtest.ProviderGitHub})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{ID: "web", Secret: "a secret that only the two know", RedirectURIs: []string{"https://app.example.com/cb"}})

	// In the application, with github.com in place of the server.
	client, err := oauth.NewClient(oauth.Config{
		Server: &oauth.AuthorizationServer{
			Issuer:                srv.URL(),
			AuthorizationEndpoint: srv.URL() + "/login/oauth/authorize",
			TokenEndpoint:         srv.URL() + "/login/oauth/access_token",
		},
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretPost("a secret that only the two know"),
		HTTPClient: srv.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/cb",
		Scope:       []string{"read:user", "user:email"},
	})
	if err != nil {
		log.Fatal(err)
	}
	callback, err := srv.Authorize(ctx, pending.URL())
	if err != nil {
		log.Fatal(err)
	}
	token, err := client.FinishAuthorization(callback, pending, nil)
	if err != nil {
		log.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL()+"/user", nil)
	if err != nil {
		log.Fatal(err)
	}
	resp, err := client.Do(req, token)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var user struct{ Login string }
	if err := json.NewDecoder(resp.Body).Decode(&user); err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.Login, token.Scope)
	// Output: alice [read:user,user:email]
}
