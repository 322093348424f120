package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"example.com/oauth"
)

// A desk is where an agent has a customer on the line.
type desk struct {
	client   *oauth.Client
	inbox    *inbox        // nil in poll mode
	patience time.Duration // with a notification; then the desk asks
	printf   func(format string, args ...any)

	// asked is called when the phone of the customer was asked. Nil: the customer
	// has one.
	asked func(b *oauth.BackchannelAuthentication) error
}

// takeNotifications goes on until the result is closed.
func (d *desk) takeNotifications(ln net.Listener) io.Closer {
	mux := http.NewServeMux()
	mux.Handle("POST "+notificationPath, d.inbox)
	srv := &http.Server{
		Handler:        mux,
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   10 * time.Second,
		MaxHeaderBytes: 64 << 10,
	}
	go srv.Serve(ln)
	d.printf("desk: takes notifications at http://%s%s", ln.Addr(), notificationPath)
	return srv
}

// serve is one call.
func (d *desk) serve(ctx context.Context, loginHint string) error {
	token, err := d.identify(ctx, loginHint)
	if err != nil {
		return err
	}
	return d.show(token.IDToken())
}

// identify has the customer confirm on their phone who they are.
func (d *desk) identify(ctx context.Context, loginHint string) (*oauth.Token, error) {
	// The agent reads it out, the phone shows it: the customer sees that it is
	// this call which they confirm, and no other.
	message := rand.Text()[:6]
	b, err := d.client.StartBackchannelAuthentication(ctx, &oauth.BackchannelAuthenticationRequest{
		Scope:          []string{"openid", "email"},
		LoginHint:      loginHint,
		BindingMessage: message,
	})
	if err != nil {
		return nil, err
	}
	if d.inbox != nil {
		if err := d.inbox.expect(b); err != nil {
			return nil, err
		}
	}
	d.printf("desk: has the phone of %q asked; the agent reads out %s", loginHint, message)
	if d.asked != nil {
		if err := d.asked(b); err != nil {
			return nil, err
		}
	}
	if d.inbox == nil {
		return d.client.PollBackchannelAuthentication(ctx, b, nil)
	}
	return d.awaitNotification(ctx, b)
}

// awaitNotification asks when the server says that there is an answer. It does
// not rely on it: a notification can get lost, and one that is very quick comes
// before the request is expected. In ping mode a client may poll, too.
func (d *desk) awaitNotification(ctx context.Context, b *oauth.BackchannelAuthentication) (*oauth.Token, error) {
	select {
	case answered := <-d.inbox.answered:
		return d.client.BackchannelAuthenticationToken(ctx, answered, nil)
	case <-time.After(d.patience):
		d.printf("desk: has waited long enough, and asks")
		return d.client.PollBackchannelAuthentication(ctx, b, nil)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// show prints who it is. The hint did not say that: the record of the customer
// is the one under the issuer and subject of the ID token.
func (d *desk) show(id *oauth.IDToken) error {
	var claims map[string]json.RawMessage
	if err := id.Claims(&claims); err != nil {
		return err
	}
	for _, name := range []string{"at_hash", "sid"} { // of no use any more
		delete(claims, name)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		fmt.Fprintf(&b, "\n%s: %s", printable(name), printable(string(claims[name])))
	}
	d.printf("desk: the customer has confirmed; the ID token is verified\n%s", b.String())
	return nil
}

// printable makes the server's text fit for a line of a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
