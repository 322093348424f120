// Package loopback logs the user of a program in with the browser of the machine
// that it runs on (RFC 8252).
package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"example.com/oauth"
)

// LogIn prints the URL that the user opens, and opens it with the command
// OAUTH_BROWSER, if that is set. The redirect URI is http://127.0.0.1/callback with
// a port that is free, and not localhost, which may be something else (RFC 8252,
// Section 8.3).
//
// One response ends the login, whatever it is: a page that guesses the port can
// disturb a login, but has no second try.
func LogIn(ctx context.Context, client *oauth.Client, r oauth.AuthorizationRequest) (*oauth.Token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, errors.New("nobody has logged in"))
	defer cancel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	r.RedirectURI = "http://" + ln.Addr().String() + "/callback"
	auth, err := client.StartAuthorization(ctx, &r)
	if err != nil {
		return nil, err
	}
	open(auth.URL())
	done := make(chan outcome, 1)
	mux := http.NewServeMux()
	mux.Handle("GET /callback", callback(ctx, client, auth, done))
	srv := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	go srv.Serve(ln)
	defer shutDown(srv)
	select {
	case o := <-done:
		return o.token, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func open(url string) {
	fmt.Println("To log in, open", url)
	if browser := os.Getenv("OAUTH_BROWSER"); browser != "" {
		if err := exec.Command(browser, url).Start(); err != nil {
			fmt.Println("No browser can be opened:", err)
		}
	}
}

// An outcome is how a login has ended.
type outcome struct {
	token *oauth.Token
	err   error
}

func callback(ctx context.Context, client *oauth.Client, auth *oauth.PendingAuthorization, done chan<- outcome) http.Handler {
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, text := http.StatusGone, "This login is over."
		once.Do(func() {
			// The context of the login, because that of r ends with the connection: a
			// user who closes the window too soon is logged in all the same.
			token, err := client.FinishAuthorization(r.WithContext(ctx), auth, nil)
			if status, text = http.StatusOK, "You are logged in, and can close this window."; err != nil {
				status, text = http.StatusForbidden, "The login failed. The program says why."
			}
			done <- outcome{token, err}
		})
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer") // the URL of the callback stays here
		w.WriteHeader(status)
		fmt.Fprintln(w, text)
	})
}

// shutDown lets the page get out. Connections that the browser has opened in advance
// are not waited for.
func shutDown(srv *http.Server) {
	grace, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		srv.Close()
	}
}
