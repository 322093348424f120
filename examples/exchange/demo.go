package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// demo shows an exchange at a server that runs in this program.
func demo(ctx context.Context, out io.Writer) error {
	srv := newServer()
	defer srv.Close()
	return demoExchange(ctx, srv, out)
}

func newServer() *oauthtest.Server {
	return oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
}

func demoExchange(ctx context.Context, srv *oauthtest.Server, out io.Writer) error {
	step := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	s := demoSettings(srv, "http://"+ln.Addr().String())
	step("server: listens at %s", s.issuer)
	api, err := newAPI(ctx, s, step)
	if err != nil {
		return err
	}
	f, err := newFront(ctx, srv, s.identifier, step)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- serve(ctx, ln, api) }()
	said, err := f.day(ctx, srv)
	cancel()
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nsub: %s\n", printable(said["sub"]))
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if name != "sub" {
			fmt.Fprintf(out, "%s: %s\n", name, printable(said[name]))
		}
	}
	return nil
}

// demoSettings makes the API a client of the server, and the server's own
// resource the other API.
func demoSettings(srv *oauthtest.Server, identifier string) settings {
	s := settings{
		issuer:     srv.Issuer(),
		clientID:   "api",
		secret:     rand.Text(),
		identifier: identifier,
		other:      srv.URL() + "/resource",
		resource:   []string{srv.URL() + "/resource"},
		scope:      "stock",
		httpClient: srv.Client(),
	}
	srv.AddClient(oauthtest.Client{
		ID:         s.clientID,
		Secret:     s.secret,
		GrantTypes: []string{"urn:ietf:params:oauth:grant-type:token-exchange"},
	})
	return s
}

// A front is the application that the user sees. It is another client of the
// same server, and knows nothing of the other API.
type front struct {
	client *oauth.Client
	api    string // the URL and, at the server, the identifier of the API
	step   func(format string, args ...any)
}

const redirectURI = "https://front.example.com/callback"

func newFront(ctx context.Context, srv *oauthtest.Server, api string, step func(format string, args ...any)) (*front, error) {
	secret := rand.Text()
	srv.AddClient(oauthtest.Client{ID: "front", Secret: secret, RedirectURIs: []string{redirectURI}})
	server, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		return nil, err
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: "front"},
		Auth:       oauth.ClientSecretBasic(secret),
		HTTPClient: srv.Client(),
		// The API of the demo listens on loopback without TLS.
		InsecureAllowHTTP: true,
	})
	return &front{client, api, step}, err
}

// day is a call of the API that goes well and two that do not. It returns the
// answer to the first one.
func (f *front) day(ctx context.Context, srv *oauthtest.Server) (map[string]string, error) {
	token, err := f.login(ctx, srv, "openid", "orders", "stock")
	if err != nil {
		return nil, err
	}
	said, err := f.call(ctx, token, http.StatusOK)
	if err != nil {
		return nil, err
	}

	// The API gets nothing for a user that the user did not grant.
	less, err := f.login(ctx, srv, "openid", "orders")
	if err != nil {
		return nil, err
	}
	if _, err := f.call(ctx, less, http.StatusForbidden); err != nil {
		return nil, err
	}

	if err := f.client.Revoke(ctx, token.AccessToken.Reveal(), nil); err != nil {
		return nil, err
	}
	f.step("front: has revoked the first token")
	_, err = f.call(ctx, token, http.StatusUnauthorized)
	return said, err
}

// login logs the user in: examples/login shows how an application does it.
func (f *front) login(ctx context.Context, srv *oauthtest.Server, scope ...string) (*oauth.Token, error) {
	auth, err := f.client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: redirectURI,
		Scope:       scope,
		Resource:    []string{f.api}, // where the token is going to be used
	})
	if err != nil {
		return nil, err
	}
	callback, err := srv.Authorize(ctx, auth.URL())
	if err != nil {
		return nil, err
	}
	token, err := f.client.FinishAuthorization(callback, auth, nil)
	if err != nil {
		return nil, err
	}
	f.step("front: %s logged in, and granted %s at %s", printable(token.Subject()), token.Scope, f.api)
	return token, nil
}

// call calls the API with the user's token.
func (f *front) call(ctx context.Context, token *oauth.Token, want int) (map[string]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.api, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.client.Do(req, token)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	f.step("front: GET %s: status %d", f.api, resp.StatusCode)
	if resp.StatusCode != want {
		return nil, fmt.Errorf("the API answered %s", resp.Status)
	}
	if want != http.StatusOK {
		return nil, nil
	}
	var said map[string]string
	err = json.NewDecoder(resp.Body).Decode(&said)
	return said, err
}
