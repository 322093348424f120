package main

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// demo shows a call, with a server that is part of this program.
func demo(ctx context.Context, ping bool, out io.Writer) error {
	srv := newServer()
	defer srv.Close()
	return demoCall(ctx, srv, ping, out)
}

func newServer() *oauthtest.Server {
	return oauthtest.NewServer(&oauthtest.Options{
		SigningAlgs:  []string{"ES256"}, // the fastest to make a key for
		PollInterval: time.Second,
	})
}

func demoCall(ctx context.Context, srv *oauthtest.Server, ping bool, out io.Writer) error {
	s := settings{
		issuer:     srv.Issuer(),
		clientID:   "ciba-example",
		secret:     rand.Text(),
		ping:       ping,
		httpClient: srv.Client(),
	}
	d, err := newDesk(ctx, s, out)
	if err != nil {
		return err
	}
	d.asked = (&phone{srv, d.printf}).approve
	registered := oauthtest.Client{ID: s.clientID, Secret: s.secret}
	if ping {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer d.takeNotifications(ln).Close()
		registered.DeliveryMode = "ping"
		registered.NotificationEndpoint = "http://" + ln.Addr().String() + notificationPath
	}
	srv.AddClient(registered)
	return d.serve(ctx, "alice")
}

// A phone is the customer's.
type phone struct {
	srv    *oauthtest.Server
	printf func(format string, args ...any)
}

func (p *phone) approve(b *oauth.BackchannelAuthentication) error {
	log := p.srv.Requests()
	message := log[len(log)-1].Params.Get("binding_message")
	p.printf("phone: shows %s; the customer hears the same and approves", message)
	notified, err := p.srv.ApproveBackchannel(b.AuthReqID(), "")
	if notified != 0 {
		p.printf("server: notified the desk, which answered with status %d", notified)
	}
	return err
}
