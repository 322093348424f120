package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/oauth/oauthtest"
)

// demo shows two runs at a server that is part of this program.
func demo(ctx context.Context, device bool, out io.Writer) error {
	srv := newServer()
	defer srv.Close()
	return demoRuns(ctx, srv, device, out)
}

func newServer() *oauthtest.Server {
	return oauthtest.NewServer(&oauthtest.Options{
		Interactive:  true,              // it has a login page
		SigningAlgs:  []string{"ES256"}, // the fastest to make a key for
		PollInterval: time.Second,
	})
}

func demoRuns(ctx context.Context, srv *oauthtest.Server, device bool, out io.Writer) error {
	dir, err := os.MkdirTemp("", "cli-example-")
	if err != nil {
		return err
	}
	s := settings{
		issuer:     srv.Issuer(),
		clientID:   "cli-example",
		store:      filepath.Join(dir, "token"),
		device:     device,
		timeout:    10 * time.Second,
		httpClient: srv.Client(),
	}
	srv.AddClient(oauthtest.Client{ID: s.clientID, RedirectURIs: []string{"http://127.0.0.1/callback"}})
	for _, title := range []string{"---- the first run", "\n---- the next time"} {
		fmt.Fprintln(out, title)
		if err = demoRun(ctx, srv.NewBrowser(), s, out); err != nil {
			break
		}
	}
	return errors.Join(err, os.RemoveAll(dir))
}

func demoRun(ctx context.Context, browser *oauthtest.Browser, s settings, out io.Writer) error {
	p, err := newProgram(ctx, s, out)
	if err != nil {
		return err
	}
	u := &user{browser, p.printf}
	p.browse, p.enter = u.browse, u.enter
	return p.run(ctx)
}

// A user is the person in front of the program.
type user struct {
	browser *oauthtest.Browser
	printf  func(format string, args ...any)
}

// browse is the browser of this machine.
func (u *user) browse(ctx context.Context, url string) error {
	u.printf("browser: is at the server, which shows its login page; the user logs in")
	callback, err := u.browser.Authorize(ctx, url)
	if err != nil {
		return err
	}
	u.printf("browser: is sent back to http://%s%s", callback.URL.Host, callback.URL.Path)
	resp, err := http.DefaultClient.Do(callback)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	_, title, _ := strings.Cut(string(page), "<title>")
	title, _, _ = strings.Cut(title, "</title>")
	u.printf("browser: shows %q", title)
	return nil
}

// enter is the browser of another device.
func (u *user) enter(ctx context.Context, verificationURI, userCode string) error {
	u.printf("phone: opens %s; the user enters %s and logs in", verificationURI, userCode)
	return u.browser.EnterUserCode(ctx, verificationURI, userCode)
}
