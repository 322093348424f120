// Command fapi2 shows a login by the FAPI 2.0 Security Profile with Message
// Signing, and a call of an API with what it gave, at a server of its own
// (package oauthtest), and prints each step:
//
//	go run ./examples/fapi2
//
// What it has over examples/login: the client has a key instead of a secret
// (private_key_jwt), the request is signed (JAR) and pushed to the server (PAR),
// the response comes signed (JARM), and the tokens are bound to another key of
// the client (DPoP), with the nonces that the server wants. How a web application
// keeps the login in its session is shown there.
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
	origin      = "https://app.example.com"
	redirectURI = origin + "/callback"
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
	return oauthtest.NewServer(&oauthtest.Options{
		SigningAlgs:       []string{"ES256"},
		DPoPNonce:         oauthtest.DPoPNonceOnce,
		DPoPResourceNonce: oauthtest.DPoPNonceOnce,
	})
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
	step("app: verified the response, exchanged the code, and verified the ID token; the token is of type %s", token.TokenType)
	if err := callAPI(ctx, client, srv, token, step); err != nil {
		return err
	}
	return printClaims(out, token.IDToken())
}

// callAPI asks an API of the user's. The Transport proves with each request that
// the client has the key, sends the token to this one origin, and renews it.
func callAPI(ctx context.Context, client *oauth.Client, srv *oauthtest.Server, token *oauth.Token, step func(string, ...any)) error {
	transport, err := client.NewTransport(token, oauth.TransportOptions{
		Origins: []string{srv.URL()},
		OnRefresh: func(context.Context, *oauth.Token) error {
			return nil // an application stores the new token: Token.MarshalBinary
		},
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL()+"/resource", nil)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answered %s", res.Status)
	}
	step("app: called the API with the token and a proof")
	return nil
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
		RequireDPoP:          true,
	})
}

func newClient(ctx context.Context, srv *oauthtest.Server, key *oauth.SigningKey, step func(string, ...any)) (*oauth.Client, error) {
	server, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		return nil, err
	}
	step("app: discovery found %s", server.Issuer)
	// The key that tokens are bound to. An application that keeps refresh tokens
	// keeps this key too.
	proofKey, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		return nil, err
	}
	dpop, err := oauth.NewDPoP(proofKey, oauth.Clock{})
	if err != nil {
		return nil, err
	}
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
		DPoP:       dpop,
		HTTPClient: srv.Client(),
		// FAPI 2.0 wants iss in every response; the JWT of this one has it.
		RequireResponseIssuer: true,
		Trace: &oauth.Trace{RequestDone: func(_ context.Context, r oauth.RequestInfo) {
			step("app: %s %s: status %d", r.Method, r.URL, r.Status)
		}},
	})
}

// finish is what the handler of the redirect URI does, in two steps: a handler
// that has nothing to do between them calls FinishAuthorization.
func finish(ctx context.Context, client *oauth.Client, callback *http.Request, auth *oauth.PendingAuthorization) (*oauth.Token, error) {
	verified, err := client.ValidateAuthorizationResponseURL(ctx, auth, origin+callback.URL.RequestURI())
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
