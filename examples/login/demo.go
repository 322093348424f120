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

	"example.com/oauth/oauthtest"
)

// demo shows a login at a server that runs in this program.
func demo(ctx context.Context, out io.Writer) error {
	srv := newServer()
	defer srv.Close()
	return demoLogin(ctx, srv, out)
}

func newServer() *oauthtest.Server {
	return oauthtest.NewServer(&oauthtest.Options{
		Interactive: true,              // it has a login page
		SigningAlgs: []string{"ES256"}, // the fastest to make a key for
	})
}

func demoLogin(ctx context.Context, srv *oauthtest.Server, out io.Writer) error {
	step := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	s := settings{
		issuer:     srv.Issuer(),
		clientID:   "login-example",
		secret:     rand.Text(),
		httpClient: srv.Client(),
	}
	step("server: listens at %s", s.issuer)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	s.redirectURI = "http://" + ln.Addr().String() + "/callback"
	srv.AddClient(oauthtest.Client{ID: s.clientID, Secret: s.secret, RedirectURIs: []string{s.redirectURI}})
	app, err := newApp(ctx, s, step)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- serve(ctx, ln, app) }()
	home, err := visit(ctx, srv, app, step)
	cancel()
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s", home)
	return nil
}

// visit is a person with a browser: it returns what their home page shows.
func visit(ctx context.Context, srv *oauthtest.Server, app *app, step func(format string, args ...any)) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Jar: jar}
	defer browser.CloseIdleConnections()
	stay := *browser // of the same person, but follows no redirect
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	step("browser: opens %s", app.origin+"/login")
	page, err := fetch(ctx, &stay, app.origin+"/login")
	if err != nil {
		return "", err
	}
	toServer, err := page.Location()
	if err != nil {
		return "", err
	}
	step("browser: is at the server, which shows its login page; the user logs in as alice")
	callback, err := srv.Authorize(ctx, toServer.String())
	if err != nil {
		return "", err
	}
	step("browser: is sent back to %s", app.origin+callback.URL.Path)
	resp, err := browser.Do(callback) // and on to the home page
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the application answered %s", resp.Status)
	}
	step("browser: shows %s", resp.Request.URL)
	return string(body), nil
}

// fetch gets a page of which only the header matters.
func fetch(ctx context.Context, c *http.Client, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
}
