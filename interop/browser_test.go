package interop

// This file is the user's browser: cookies, redirects, and the forms that
// submit themselves.

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
)

type browser struct {
	http *http.Client
}

// newBrowser returns a browser without cookies: nobody is logged in.
func newBrowser(desc *description) *browser {
	jar, _ := cookiejar.New(nil) // never fails
	return &browser{&http.Client{
		Transport:     desc.transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// A landing is where the server sent the browser with its answer.
type landing struct {
	url  *url.URL
	form url.Values // the body, if the answer came as form_post
}

// params are the parameters of the answer, wherever they stand.
func (l *landing) params() url.Values {
	if l.form != nil {
		return l.form
	}
	if l.url.Fragment != "" {
		values, _ := url.ParseQuery(l.url.EscapedFragment())
		return values
	}
	return l.url.Query()
}

// reachesServer reports whether the program behind the redirect URI gets the
// answer as a request. A fragment stays in the browser, and a private-use
// scheme opens an app.
func (l *landing) reachesServer() bool {
	return strings.HasPrefix(l.url.Scheme, "http") && l.url.Fragment == ""
}

// request is the answer as the program behind the redirect URI gets it.
func (l *landing) request(ctx context.Context) *http.Request {
	if l.form == nil {
		return httptest.NewRequestWithContext(ctx, http.MethodGet, l.url.String(), nil)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, l.url.String(), strings.NewReader(l.form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// open goes from the address to wherever the server sends it, up to the
// redirect URI; nothing has to listen there.
func (b *browser) open(ctx context.Context, address, redirectURI string) (*landing, error) {
	l, page, err := b.follow(ctx, address, redirectURI)
	if err == nil && l == nil {
		err = fmt.Errorf("the browser ended at %s", page)
	}
	return l, err
}

// A page is one that leads nowhere.
type page struct {
	url    *url.URL
	status int
	text   string
}

func (p *page) String() string {
	return fmt.Sprintf("%s%s, status %d: %.200s", p.url.Host, p.url.Path, p.status, p.text)
}

// follow goes from the address to the redirect URI, if it is not empty, or to a
// page that leads nowhere.
func (b *browser) follow(ctx context.Context, address, redirectURI string) (*landing, *page, error) {
	method, form := http.MethodGet, url.Values(nil)
	for range 15 {
		if redirectURI != "" && strings.HasPrefix(address, redirectURI) {
			u, err := url.Parse(address)
			return &landing{u, form}, nil, err
		}
		resp, text, err := b.fetch(ctx, method, address, form)
		if err != nil {
			return nil, nil, err
		}
		here := resp.Request.URL
		if location := resp.Header.Get("Location"); location != "" && resp.StatusCode/100 == 3 {
			next, err := here.Parse(location)
			if err != nil {
				return nil, nil, err
			}
			address, method, form = next.String(), http.MethodGet, nil
			continue
		}
		action, fields, ok := selfSubmittingForm(text)
		if !ok {
			return nil, &page{here, resp.StatusCode, text}, nil
		}
		next, err := here.Parse(action)
		if err != nil {
			return nil, nil, err
		}
		address, method, form = next.String(), http.MethodPost, fields
	}
	return nil, nil, fmt.Errorf("the browser was redirected too often")
}

func (b *browser) fetch(ctx context.Context, method, address string, form url.Values) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, "", err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	return resp, string(page), err
}

// The server's pages are its own and simple: expressions do for reading them.
var (
	formElement  = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	inputElement = regexp.MustCompile(`<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"`)
)

// selfSubmittingForm finds the form of a page and what it would submit.
func selfSubmittingForm(page string) (action string, fields url.Values, ok bool) {
	form := formElement.FindStringSubmatch(page)
	if form == nil {
		return "", nil, false
	}
	fields = url.Values{}
	for _, input := range inputElement.FindAllStringSubmatch(form[2], -1) {
		fields.Add(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	return html.UnescapeString(form[1]), fields, true
}
