// Command ciba is a call center's: a customer who calls confirms on their phone who
// they are (OpenID Connect CIBA Core 1.0).
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=desk OAUTH_CLIENT_SECRET=… \
//	OAUTH_LOGIN_HINT=bob@example.com go run ./examples/ciba
//
// It differs from login: there is no browser. The program asks the server now and
// then (poll mode). With OAUTH_LISTEN it waits there for the server's notification
// (ping mode, as the client must be registered then). The server knows the URL of a
// proxy that passes it on.
//
// Without settings the poll mode is shown with a server of package oauthtest:
//
//	go run ./examples/ciba
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/web"
)

func main() {
	demo.Run("ciba")
	ctx, httpClient := env.Context(), env.HTTPClient()
	server, err := oauth.Discover(ctx, env.Get("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	env.Check(err)
	cfg := oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: env.Get("OAUTH_CLIENT_ID")},
		Auth:       oauth.ClientSecretBasic(env.Get("OAUTH_CLIENT_SECRET")),
		HTTPClient: httpClient,
	}
	if os.Getenv("OAUTH_LISTEN") != "" {
		cfg.Metadata.BackchannelTokenDeliveryMode = "ping"
	}
	client, err := oauth.NewClient(cfg)
	env.Check(err)
	message := rand.Text()[:6] // read out, and shown on the phone: the customer confirms this call, and no other
	request := oauth.BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: env.Get("OAUTH_LOGIN_HINT"), BindingMessage: message}
	b, err := client.StartBackchannelAuthentication(ctx, &request)
	env.Check(err)
	fmt.Printf("The phone is asked. Read out %s\n", message)
	token, err := wait(ctx, client, b)
	env.Check(err)
	// The hint does not say who it is: the record of the customer is the one under these.
	issuer, subject, err := token.Identity()
	env.Check(err)
	fmt.Printf("sub: %q\niss: %q\n", subject, issuer)
}

// wait does not rely on a notification: it can get lost, and a very quick one comes
// before the program listens. In ping mode a client may poll, too.
func wait(ctx context.Context, client *oauth.Client, b *oauth.BackchannelAuthentication) (*oauth.Token, error) {
	if os.Getenv("OAUTH_LISTEN") != "" {
		answered := make(chan struct{})
		handler := notifications(b, sync.OnceFunc(func() { close(answered) }))
		go func() { log.Fatal(web.Serve(ctx, handler)) }()
		select {
		case <-answered:
			return client.BackchannelAuthenticationToken(ctx, b, nil)
		case <-time.After(3 * b.Interval()):
			fmt.Println("No notification has come.")
		case <-ctx.Done():
		}
	}
	return client.PollBackchannelAuthentication(ctx, b, nil)
}

// notifications is the notification endpoint (CIBA, Section 10.2). A program with many
// requests finds them by their AuthReqID.
func notifications(b *oauth.BackchannelAuthentication, answered func()) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, err := oauth.ParseBackchannelPing(r, func(_ context.Context, id string) (*oauth.BackchannelAuthentication, error) {
			if id != b.AuthReqID() {
				return nil, nil
			}
			return b, nil // and not more: the token of the notification is not compared yet
		})
		if err == nil {
			answered()
			w.WriteHeader(http.StatusNoContent)
			return
		}
		log.Print("refused a notification: ", err)
		status := http.StatusBadRequest
		if errors.Is(err, oauth.ErrNoCredentials) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			status = http.StatusUnauthorized
		}
		w.WriteHeader(status)
	}
}
