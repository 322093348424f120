package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"example.com/oauth"
)

// A program has its user log in, once if it has a store.
type program struct {
	client  *oauth.Client
	store   string        // the file with the token; empty: none is kept
	device  bool          // log in on any device
	timeout time.Duration // of a login in the browser
	printf  func(format string, args ...any)

	// What happens beside what is printed. Nil: the user does it.
	browse func(ctx context.Context, url string) error
	enter  func(ctx context.Context, verificationURI, userCode string) error
}

func (p *program) run(ctx context.Context) error {
	token, err := p.token(ctx)
	if err != nil {
		return err
	}
	// This is where the work of a program begins. client.NewTransport makes its
	// requests to an API with the token, and renews that while it runs; its
	// OnRefresh saves what it got.
	p.printf("\nsub: %q", token.Subject())
	return nil
}

// token renews the token that is stored, or gets one by a login.
//
// A program that may run twice at the same time locks the store from here on:
// of two that use the same refresh token, a server may take one for a thief.
func (p *program) token(ctx context.Context) (*oauth.Token, error) {
	token, err := p.renew(ctx)
	if err == nil && token == nil {
		token, err = p.logIn(ctx)
	}
	if err == nil {
		err = p.save(token) // at once: the one before may be of no use any more
	}
	if err != nil {
		return nil, err
	}
	return token, nil
}

func (p *program) logIn(ctx context.Context) (*oauth.Token, error) {
	if p.device {
		return p.logInOnDevice(ctx)
	}
	return p.logInWithBrowser(ctx)
}

// scope asks for a refresh token only if it would be kept.
func (p *program) scope() []string {
	if p.store == "" {
		return []string{"openid"}
	}
	return []string{"openid", "offline_access"}
}

// ---- in the browser

// logInWithBrowser is RFC 8252: the browser of the user comes back to a port of
// this machine.
func (p *program) logInWithBrowser(ctx context.Context) (*oauth.Token, error) {
	// A port that is free, and not localhost, which may be something else
	// (Section 8.3).
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	request := &oauth.AuthorizationRequest{
		RedirectURI: "http://" + ln.Addr().String() + "/callback",
		Scope:       p.scope(),
	}
	if p.store != "" {
		// Without it a server ignores offline_access: OpenID Connect Core,
		// Section 11.
		request.Prompt = "consent"
	}
	auth, err := p.client.StartAuthorization(ctx, request)
	if err != nil {
		return nil, err
	}
	p.printf("app: waits at %s\nTo log in, open %s", request.RedirectURI, auth.URL())

	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, fmt.Errorf("nobody logged in within %v", p.timeout))
	defer cancel()
	done := make(chan outcome, 1)
	srv := &http.Server{
		Handler:        p.answerHandler(ctx, auth, done),
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   90 * time.Second, // the answer waits for the server
		MaxHeaderBytes: 64 << 10,
	}
	go srv.Serve(ln) // until shutDown
	defer shutDown(srv)
	if p.browse != nil {
		if err := p.browse(ctx, auth.URL()); err != nil {
			return nil, err
		}
	}
	select {
	case o := <-done:
		return o.token, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// An outcome is how a login in the browser ended.
type outcome struct {
	token *oauth.Token
	err   error
}

// answerHandler takes one answer. Whatever it is, it ends the login: a page that
// guesses the port can disturb a login, but has no second try.
func (p *program) answerHandler(ctx context.Context, auth *oauth.PendingAuthorization, done chan<- outcome) http.Handler {
	var taken atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		if !taken.CompareAndSwap(false, true) {
			showPage(w, http.StatusGone, "This login is over", "It took one answer before.")
			return
		}
		// The context of the login, because that of r ends with the connection:
		// who closes the window too soon is logged in all the same.
		token, err := p.client.FinishAuthorization(r.WithContext(ctx), auth, nil)
		if err != nil {
			showPage(w, http.StatusBadRequest, "The login failed", "The program says why. You can close this window.")
		} else {
			showPage(w, http.StatusOK, "You are logged in", "You can close this window.")
		}
		done <- outcome{token, err}
	})
	return mux
}

// showPage has no text from the other side, which would have to be escaped.
func showPage(w http.ResponseWriter, status int, title, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // the URL, with the code, stays here
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!DOCTYPE html>\n<html lang=\"en\">\n<title>%s</title>\n<h1>%[1]s</h1>\n<p>%s</p>\n</html>\n", title, text)
}

// shutDown lets the last page get out. Connections that a browser opened in
// advance are not waited for.
func shutDown(srv *http.Server) {
	grace, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		srv.Close()
	}
}

// ---- on any device

// logInOnDevice is RFC 8628. It ends with the user's decision, the expiry of the
// codes, or ctx.
func (p *program) logInOnDevice(ctx context.Context) (*oauth.Token, error) {
	d, err := p.client.StartDeviceAuthorization(ctx, &oauth.DeviceAuthorizationRequest{Scope: p.scope()})
	if err != nil {
		return nil, err
	}
	p.printf("To log in, open %s on any device and enter %s", d.VerificationURI(), d.UserCode())
	if complete := d.VerificationURIComplete(); complete != "" {
		p.printf("or open %s and compare the code.", complete)
	}
	p.printf("app: waits until %s", d.Expiry().Format(time.TimeOnly))
	if p.enter != nil {
		if err := p.enter(ctx, d.VerificationURI(), d.UserCode()); err != nil {
			return nil, err
		}
	}
	return p.client.PollDevice(ctx, d, nil)
}

// ---- the store

// renew uses the refresh token that is stored. It returns nil where the user has
// to log in.
//
// It is a short way to see whether the login still holds. A program that is
// started often uses the stored access token until its Expiry instead.
func (p *program) renew(ctx context.Context) (*oauth.Token, error) {
	if p.store == "" {
		return nil, nil
	}
	data, err := os.ReadFile(p.store)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var old oauth.Token
	if err := old.UnmarshalBinary(data); err != nil {
		return nil, fmt.Errorf("%s: %w", p.store, err)
	}
	// Without Ctrl-C in between: the answer may have the only refresh token that
	// is still good.
	token, err := p.client.Refresh(context.WithoutCancel(ctx), &old, nil)
	var refused *oauth.ResponseError
	if errors.As(err, &refused) && refused.Code == "invalid_grant" {
		p.printf("app: the stored login is over")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p.printf("app: renewed the stored token")
	return token, nil
}

// save replaces the file at once and whole, so that no half of a token stays.
// os.CreateTemp makes it readable for its owner alone.
func (p *program) save(token *oauth.Token) error {
	if p.store == "" {
		return nil
	}
	if token.RefreshToken.IsZero() {
		p.printf("app: the server gave no refresh token: nothing is stored")
		return nil
	}
	data, err := token.MarshalBinary()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(p.store), ".token-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // which is not there any more after Rename
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), p.store); err != nil {
		return err
	}
	p.printf("app: stored the token in %s", p.store)
	return nil
}
