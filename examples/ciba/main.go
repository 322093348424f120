// Command ciba is a call center's: a customer who calls confirms on their phone who
// they are (OpenID Connect CIBA Core 1.0).
//
//	OAUTH_ISSUER=https://op.example.com OAUTH_CLIENT_ID=desk OAUTH_CLIENT_SECRET=… \
//	OAUTH_LOGIN_HINT=bob@example.com go run ./examples/ciba
//
// It differs from login: there is no browser. The program asks the server now and
// then (poll mode). With OAUTH_LISTEN it waits there for the server's notification
// at /notification (ping mode, as the client must be registered then). The
// server knows the URL of a proxy that passes it on.
//
// Without settings both modes are shown with a server of package oauthtest:
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
	"os/signal"
	"sync"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/demo"
	"example.com/oauth/examples/internal/web"
)

func main() {
	httpClient := demo.Client("ciba")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	server, err := oauth.Discover(ctx, os.Getenv("OAUTH_ISSUER"), &oauth.DiscoverOptions{HTTPClient: httpClient})
	check(err)
	cfg := oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: os.Getenv("OAUTH_CLIENT_ID")},
		Auth:       oauth.ClientSecretBasic(os.Getenv("OAUTH_CLIENT_SECRET")),
		HTTPClient: httpClient,
	}
	box := &inbox{answered: make(chan *oauth.BackchannelAuthentication, 1)}
	if os.Getenv("OAUTH_LISTEN") != "" {
		cfg.Metadata.BackchannelTokenDeliveryMode = "ping"
		mux := http.NewServeMux()
		mux.Handle("POST /notification", box)
		go func() { log.Fatal(web.Serve(context.Background(), mux)) }()
	}
	client, err := oauth.NewClient(cfg)
	check(err)
	// The agent reads it out, and the phone shows it: the customer sees that it is this
	// call that they confirm, and no other.
	message := rand.Text()[:6]
	b, err := client.StartBackchannelAuthentication(ctx, &oauth.BackchannelAuthenticationRequest{
		Scope:          []string{"openid"},
		LoginHint:      os.Getenv("OAUTH_LOGIN_HINT"),
		BindingMessage: message,
	})
	check(err)
	box.expect(b)
	fmt.Printf("The phone is asked. Read out %s\n", message)
	token, err := box.wait(ctx, client, b)
	check(err)
	// The hint does not say who it is. The record of the customer is the one under
	// issuer and subject.
	issuer, subject, err := token.Identity()
	check(err)
	fmt.Printf("sub: %q\niss: %q\n", subject, issuer)
}

// An inbox is the notification endpoint (CIBA, Section 10.2), with the one request
// that waits. A program with many keeps what MarshalBinary returns, by AuthReqID.
type inbox struct {
	answered chan *oauth.BackchannelAuthentication

	mu      sync.Mutex
	waiting *oauth.BackchannelAuthentication
}

func (in *inbox) expect(b *oauth.BackchannelAuthentication) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waiting = b
}

// wait does not rely on a notification: it can get lost, and a very quick one comes
// before it is expected. In ping mode a client may poll, too.
func (in *inbox) wait(ctx context.Context, client *oauth.Client, b *oauth.BackchannelAuthentication) (*oauth.Token, error) {
	if os.Getenv("OAUTH_LISTEN") == "" {
		return client.PollBackchannelAuthentication(ctx, b, nil)
	}
	select {
	case answered := <-in.answered:
		return client.BackchannelAuthenticationToken(ctx, answered, nil)
	case <-time.After(3 * b.Interval()):
		fmt.Println("No notification has come.")
		return client.PollBackchannelAuthentication(ctx, b, nil)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// find leaves the request where it is: who sent the notification is not verified
// yet.
func (in *inbox) find(_ context.Context, authReqID string) (*oauth.BackchannelAuthentication, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.waiting == nil || in.waiting.AuthReqID() != authReqID {
		return nil, nil
	}
	return in.waiting, nil
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := oauth.ParseBackchannelPing(r, in.find)
	switch {
	case errors.Is(err, oauth.ErrNoCredentials):
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
	case errors.Is(err, oauth.ErrUnavailable): // of find, which cannot fail here
		w.WriteHeader(http.StatusServiceUnavailable)
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	default:
		in.expect(nil) // if it comes again, it is not known
		select {
		case in.answered <- b:
		default: // two came at the same time
		}
		w.WriteHeader(http.StatusNoContent)
	}
	if err != nil {
		log.Print("refused a notification: ", err)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
