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
	"slices"
	"strings"
	"sync"
)

// A Browser is the user agent of a person who logs in. It trusts the server, keeps
// cookies, and stops before it would leave the server for the client. Its methods
// are safe for concurrent use.
type Browser struct {
	// User is the name that is entered on a login page and on the page for a user
	// code. If empty, the browser accepts the name that the page proposes, which is
	// the login_hint or "alice".
	User string

	server *Server
	client *http.Client

	mu     sync.Mutex
	frames []*http.Request
}

// NewBrowser returns a browser without cookies.
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

// Authorize opens an authorization URL in a new browser. See [Browser.Authorize].
func (s *Server) Authorize(ctx context.Context, authorizationURL string) (*http.Request, error) {
	return s.NewBrowser().Authorize(ctx, authorizationURL)
}

// Authorize opens an authorization URL, goes through the pages of the server, and
// returns the request that the browser would then send to the redirect URI. It is a
// GET request with the parameters in the query or, with response_mode fragment, in
// the fragment of the URL. With response_mode form_post, it is a POST request with
// a form. The request has not been sent: a test passes it to the handler of its
// application, or sends it. If the server does not redirect to a redirect URI, for
// example because the client_id is unknown, Authorize returns an error.
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
		req, err = b.step(ctx, req, "")
		if err != nil {
			return nil, fmt.Errorf("oauthtest: %w", err)
		}
		if !b.server.owns(req.URL) {
			return req, nil
		}
	}
	return nil, fmt.Errorf("oauthtest: still at the server after five pages")
}

// EnterUserCode opens the verification_uri of a device, enters the code, and
// approves the request as the browser's User. The user "deny" refuses it. If the
// URL is a verification_uri_complete, the page already has the code, and userCode
// must be empty. If the page is not on the server or does not accept the code,
// EnterUserCode returns an error.
func (b *Browser) EnterUserCode(ctx context.Context, verificationURI, userCode string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, verificationURI, nil)
	if err != nil {
		return fmt.Errorf("oauthtest: %w", err)
	}
	if !b.server.owns(req.URL) {
		return fmt.Errorf("oauthtest: %s is not at the server", req.URL.Host)
	}
	req, err = b.step(ctx, req, userCode)
	if err != nil {
		return fmt.Errorf("oauthtest: %w", err)
	}
	resp, body, err := b.load(req)
	if err != nil {
		return fmt.Errorf("oauthtest: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("oauthtest: %s answered %s: %s", req.URL.Path, resp.Status, strings.TrimSpace(body))
	}
	return nil
}

// load sends a request and reads the page that comes.
func (b *Browser) load(req *http.Request) (*http.Response, string, error) {
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return resp, string(body), err
}

// step sends a request to the server and returns the one that follows: by a
// redirect, or by the form on the page, with the user's name and code typed in.
func (b *Browser) step(ctx context.Context, req *http.Request, userCode string) (*http.Request, error) {
	resp, body, err := b.load(req)
	if err != nil {
		return nil, err
	}
	if location, err := resp.Location(); err == nil {
		return newRequest(ctx, http.MethodGet, location, nil)
	}
	action, fields, ok := parseForm(body)
	if !ok || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s: %s", req.URL.Path, resp.Status, strings.TrimSpace(body))
	}
	target, err := resp.Request.URL.Parse(action)
	if err != nil {
		return nil, err
	}
	for name, typed := range map[string]string{"user": b.User, "user_code": userCode} {
		if typed != "" && b.server.owns(target) && fields.Has(name) {
			fields.Set(name, typed)
		}
	}
	return newRequest(ctx, http.MethodPost, target, fields)
}

// Logout opens a URL of the end_session_endpoint, and returns the request that the
// browser would then send to the post_logout_redirect_uri. The request has not been
// sent. It is nil if there is no such URI. [Browser.Frames] returns the requests of
// the iframes of a front-channel logout. If the server refuses the logout, Logout
// returns an error.
func (b *Browser) Logout(ctx context.Context, logoutURL string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, logoutURL, nil)
	if err != nil {
		return nil, fmt.Errorf("oauthtest: %w", err)
	}
	if !b.server.owns(req.URL) {
		return nil, fmt.Errorf("oauthtest: %s is not at the server", req.URL.Host)
	}
	resp, page, err := b.load(req)
	if err != nil {
		return nil, fmt.Errorf("oauthtest: %w", err)
	}
	b.showFrames(ctx, page)
	if location, err := resp.Location(); err == nil {
		return newRequest(ctx, http.MethodGet, location, nil)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("oauthtest: %s answered %s: %s", req.URL.Path, resp.Status, strings.TrimSpace(page))
	}
	m := regexp.MustCompile(`<a id="continue" href="([^"]*)">`).FindStringSubmatch(page)
	if m == nil {
		return nil, nil
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, html.UnescapeString(m[1]), http.NoBody)
}

// Frames returns the requests of the iframes on the page to which the last Logout
// led. They have not been sent.
func (b *Browser) Frames() []*http.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.frames)
}

func (b *Browser) showFrames(ctx context.Context, page string) {
	var frames []*http.Request
	for _, m := range regexp.MustCompile(`<iframe src="([^"]*)">`).FindAllStringSubmatch(page, -1) {
		if req, err := http.NewRequestWithContext(ctx, http.MethodGet, html.UnescapeString(m[1]), http.NoBody); err == nil {
			frames = append(frames, req)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.frames = frames
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
