// Package web is what the web applications and APIs of examples have in common:
// header fields, the limits of an HTTP server, and sessions.
package web

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"example.com/oauth"
)

// Serve serves h at OAUTH_LISTEN, or else at 127.0.0.1:8080. It does not return
// without an error, which ctx ends with. TLS ends at a proxy in front of the program.
func Serve(ctx context.Context, h http.Handler) error {
	srv := NewServer(h)
	context.AfterFunc(ctx, func() { srv.Close() })
	srv.Addr = cmp.Or(os.Getenv("OAUTH_LISTEN"), "127.0.0.1:8080")
	return srv.ListenAndServe()
}

// NewServer returns a server of h that has limits. No page elsewhere can have a
// browser change anything at it.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:        withHeader(http.NewCrossOriginProtection().Handler(h)),
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   90 * time.Second, // a callback waits for the server
		IdleTimeout:    time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
}

// withHeader sets the header fields of all pages. The URL for front-channel logout,
// which none of the programs has, must be framed by the server: its handler
// deletes Content-Security-Policy.
func withHeader(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer") // the URL of a callback stays here
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// Fail tells the user that the login failed, and nothing of the error. The log has
// it: the errors of package oauth have no secret in them.
func Fail(w http.ResponseWriter, status int, err error) {
	log.Print("the login failed: ", err)
	http.Error(w, "The login failed.", status)
}

// Call returns what an API answers to a GET. The token is for it, and not for where it
// may redirect to: Do follows no redirect. It sends the proof that DPoP needs. A program
// that calls more often makes one Transport of the token.
func Call(ctx context.Context, client *oauth.Client, token *oauth.Token, api string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req, token)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the API answers %d", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}
