package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"time"

	"example.com/oauth/oauthtest"
)

// demo shows all of it at a server that runs in this program.
func demo(ctx context.Context, out io.Writer) error {
	initialToken := rand.Text()
	srv := newServer(initialToken)
	defer srv.Close()
	return demoRegister(ctx, srv, initialToken, out)
}

func newServer(initialToken string) *oauthtest.Server {
	return oauthtest.NewServer(&oauthtest.Options{
		SigningAlgs:        []string{"ES256"},
		InitialAccessToken: initialToken,
	})
}

func demoRegister(ctx context.Context, srv *oauthtest.Server, initialToken string, out io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	p := newProgram(settings{
		issuer:       srv.Issuer(),
		initialToken: initialToken,
		origin:       "http://" + ln.Addr().String(),
		httpClient:   srv.Client(),
		patience:     time.Second / 2,
	}, out)
	p.step("server: listens at %s", srv.Issuer())
	u, err := newBrowser(srv, p.step)
	if err != nil {
		return err
	}
	defer u.app.CloseIdleConnections()
	return p.run(ctx, ln, u)
}

// A browser is that of a person who logs in as alice.
type browser struct {
	app    *http.Client       // what it is to the application
	server *oauthtest.Browser // what it is to the server
	step   func(format string, args ...any)
}

func newBrowser(srv *oauthtest.Server, step func(format string, args ...any)) (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{&http.Client{Jar: jar, CheckRedirect: stay}, srv.NewBrowser(), step}, nil
}

func (b *browser) login(ctx context.Context, loginURL string) error {
	b.step("browser: opens %s", loginURL)
	toServer, err := b.open(ctx, http.MethodGet, loginURL)
	if err != nil {
		return err
	}
	callback, err := b.server.Authorize(ctx, toServer)
	if err != nil {
		return err
	}
	b.step("browser: the user logged in at the server; is sent back to the application")
	return b.send(callback)
}

func (b *browser) logout(ctx context.Context, logoutURL string) error {
	b.step("browser: the user logs out")
	toServer, err := b.open(ctx, http.MethodPost, logoutURL)
	if err != nil {
		return err
	}
	back, err := b.server.Logout(ctx, toServer)
	if err != nil {
		return err
	}
	return b.send(back)
}

// open opens a page of the application and returns where it leads.
func (b *browser) open(ctx context.Context, method, pageURL string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, pageURL, nil)
	if err != nil {
		return "", err
	}
	resp, err := b.app.Do(req)
	if err != nil {
		return "", err
	}
	resp.Body.Close()
	location, err := resp.Location()
	if err != nil {
		return "", fmt.Errorf("the application answered %s", resp.Status)
	}
	return location.String(), nil
}

// send sends a request to the application. What fails there it knows itself,
// unless it does not know the browser.
func (b *browser) send(req *http.Request) error {
	resp, err := b.app.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusForbidden {
		return errors.New("the application does not know this browser")
	}
	return nil
}
