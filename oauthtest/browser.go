package oauthtest

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// A Browser is the user agent of a person who logs in: it trusts the server,
// has cookies, and stops where it would leave the server for the client. Its
// methods may be called from several goroutines.
type Browser struct {
	// User is the name typed into a login page: "" leaves what the page
	// proposes, which is the login_hint or "alice".
	User string

	server *Server
	client *http.Client
}

// NewBrowser returns a browser without any cookie.
func (s *Server) NewBrowser() *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // never: there is no option to be wrong
	}
	return &Browser{server: s, client: &http.Client{
		Transport: s.client.Transport,
		Jar:       jar,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if !s.owns(req.URL) || len(via) >= 10 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

// owns reports whether u is on the origin of the main listener.
func (s *Server) owns(u *url.URL) bool {
	return u.Scheme+"://"+u.Host == s.main.URL
}

// Authorize opens an authorization URL in a new browser. See
// [Browser.Authorize].
func (s *Server) Authorize(ctx context.Context, authorizationURL string) (*http.Request, error) {
	return s.NewBrowser().Authorize(ctx, authorizationURL)
}

// Authorize opens an authorization URL, walks through the pages of the server,
// and returns the request that the browser would then make to the redirect
// URI: a GET with the parameters in the query (or, with response_mode
// fragment, in the URL's fragment), or with form_post a POST with a form. The
// request has not been sent: a test passes it to the handler of its
// application, or sends it. An answer that leads to no redirect URI, such as
// the page for an unknown client_id, is an error.
func (b *Browser) Authorize(ctx context.Context, authorizationURL string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, authorizationURL, nil)
	if err != nil {
		return nil, fmt.Errorf("oauthtest: %w", err)
	}
	if !b.server.owns(req.URL) {
		return nil, fmt.Errorf("oauthtest: %s is not at the server", req.URL.Host)
	}
	// A login page, another after a wrong name, the answer: more is a loop.
	for range 5 {
		req, err = b.step(ctx, req)
		if err != nil {
			return nil, fmt.Errorf("oauthtest: %w", err)
		}
		if !b.server.owns(req.URL) {
			return req, nil
		}
	}
	return nil, fmt.Errorf("oauthtest: still at the server after five pages")
}

// step sends a request to the server and returns the one that follows: by a
// redirect, or by the form on the page.
func (b *Browser) step(ctx context.Context, req *http.Request) (*http.Request, error) {
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, err
	}
	if location, err := resp.Location(); err == nil {
		return newRequest(ctx, http.MethodGet, location, nil)
	}
	action, fields, ok := parseForm(string(body))
	if !ok || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s: %s", req.URL.Path, resp.Status, strings.TrimSpace(string(body)))
	}
	target, err := resp.Request.URL.Parse(action)
	if err != nil {
		return nil, err
	}
	if b.User != "" && b.server.owns(target) && fields.Has("user") {
		fields.Set("user", b.User)
	}
	return newRequest(ctx, http.MethodPost, target, fields)
}

// newRequest makes a request that can be sent by a client and be given to a
// handler: for the latter the body is never nil.
func newRequest(ctx context.Context, method string, u *url.URL, form url.Values) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req, nil
}

// parseForm returns the target and the fields of the form on a page. It reads
// the server's own pages only, and so need not know HTML.
func parseForm(page string) (action string, fields url.Values, ok bool) {
	formPattern := regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	inputPattern := regexp.MustCompile(`<input type="[a-z]+" name="([^"]*)" value="([^"]*)">`)
	m := formPattern.FindStringSubmatch(page)
	if m == nil {
		return "", nil, false
	}
	fields = url.Values{}
	for _, in := range inputPattern.FindAllStringSubmatch(page, -1) {
		fields.Add(html.UnescapeString(in[1]), html.UnescapeString(in[2]))
	}
	return html.UnescapeString(m[1]), fields, true
}
