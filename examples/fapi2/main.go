// Command fapi2 shows a login by the FAPI 2.0 Security Profile with Message
// Signing, at a server of its own (package oauthtest), and prints each step:
//
//	go run ./examples/fapi2
//
// What it has over examples/login: the client has a key instead of a secret
// (private_key_jwt), the request is signed (JAR) and pushed to the server (PAR),
// and the response comes signed (JARM). How a web application keeps the login
// in its session is shown there.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const (
	clientID    = "fapi2-example"
	redirectURI = "https://app.example.com/callback"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	srv := newServer()
	defer srv.Close()
	if err := login(ctx, srv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fapi2:", err)
		os.Exit(1)
	}
}

func newServer() *oauthtest.Server {
	return oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
}

// login is a login from the registration of the client to the claims.
func login(ctx context.Context, srv *oauthtest.Server, out io.Writer) error {
	step := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }

	// The key of the client. A program loads it with oauth.ParseSigningKey, or
	// has it in a KMS or an HSM and passes its crypto.Signer to
	// oauth.NewSigningKey.
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		return err
	}
	register(srv, key)
	step("server: knows the client %s by its %s key and wants signed, pushed requests", clientID, key.Algorithm())
	client, err := newClient(ctx, srv, key, step)
	if err != nil {
		return err
	}

	auth, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI:  redirectURI,
		Scope:        []string{"openid", "email"},
		ResponseMode: "jwt", // JARM
	})
	if err != nil {
		return err
	}
	step("app: has pushed the signed request; of it the browser gets a reference only")

	// A web application redirects the browser to auth.URL() and keeps auth in
	// its session.
	callback, err := srv.Authorize(ctx, auth.URL())
	if err != nil {
		return err
	}
	step("browser: the user logged in as alice; is sent back to %s with a signed response", redirectURI)

	token, err := finish(ctx, client, callback, auth)
	if err != nil {
		return err
	}
	step("app: verified the response, exchanged the code, and verified the ID token")
	return printClaims(out, token.IDToken())
}

// register tells the server of the client. At a real one this is done by hand,
// or by its registration endpoint.
func register(srv *oauthtest.Server, key *oauth.SigningKey) {
	srv.AddClient(oauthtest.Client{
		ID:                   clientID,
		AuthMethod:           "private_key_jwt",
		JWKS:                 fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK()),
		RedirectURIs:         []string{redirectURI},
		AuthorizationAlg:     "ES256",
		RequestObjectAlg:     "ES256",
		RequirePAR:           true,
		RequireSignedRequest: true,
		RequirePKCE:          true,
	})
}

func newClient(ctx context.Context, srv *oauthtest.Server, key *oauth.SigningKey, step func(string, ...any)) (*oauth.Client, error) {
	server, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		return nil, err
	}
	step("app: discovery found %s", server.Issuer)
	return oauth.NewClient(oauth.Config{
		Server: server,
		Metadata: oauth.ClientMetadata{
			ClientID:                           clientID,
			AuthorizationSignedResponseAlg:     oauth.ES256,
			IDTokenSignedResponseAlg:           oauth.ES256,
			RequestObjectSigningAlg:            oauth.ES256,
			RequirePushedAuthorizationRequests: true,
		},
		Auth:       oauth.PrivateKeyJWT(key, nil),
		RequestKey: key, // JAR: every request is signed
		// The profile wants access tokens that are bound to a key of the client.
		// DPoP joins here when the package has it.
		HTTPClient: srv.Client(),
		Trace: &oauth.Trace{RequestDone: func(_ context.Context, r oauth.RequestInfo) {
			step("app: %s %s: status %d", r.Method, r.URL, r.Status)
		}},
	})
}

// finish is what the handler of the redirect URI does, in two steps: a handler
// that has nothing to do between them calls FinishAuthorization.
func finish(ctx context.Context, client *oauth.Client, callback *http.Request, auth *oauth.Authorization) (*oauth.Token, error) {
	verified, err := client.ValidateCallback(ctx, auth, callback.URL.Query())
	if err != nil {
		return nil, err
	}
	return client.ExchangeCode(ctx, verified, nil)
}

func printClaims(out io.Writer, id *oauth.IDToken) error {
	var claims map[string]json.RawMessage
	if err := id.Claims(&claims); err != nil {
		return err
	}
	for _, name := range []string{"nonce", "at_hash", "sid"} { // of no use any more
		delete(claims, name)
	}
	fmt.Fprintln(out)
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		fmt.Fprintf(out, "%s: %s\n", name, claims[name])
	}
	return nil
}
