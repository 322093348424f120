package weblogin_test

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/weblogin"
)

func goodClient(t *testing.T) *oauth.Client {
	t.Helper()
	c, err := oauth.NewClientFromIssuer("https://op.example.com", nil, oauth.Config{Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.PublicClient()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNewErrors: what cannot work is refused at the start, and named.
func TestNewErrors(t *testing.T) {
	client := goodClient(t)
	good := func() weblogin.Config {
		return weblogin.Config{BaseURL: "https://app.example.com", Keys: [][]byte{key}, Providers: []weblogin.Provider{{Client: client}}}
	}
	if _, err := weblogin.New(good()); err != nil {
		t.Fatal(err)
	}
	type edit func(*weblogin.Config)
	for param, edits := range map[string][]edit{
		"BaseURL": {
			func(c *weblogin.Config) { c.BaseURL = "" },
			func(c *weblogin.Config) { c.BaseURL = "app.example.com" },
			func(c *weblogin.Config) { c.BaseURL = "http://localhost:8080" },
			func(c *weblogin.Config) { c.BaseURL = "https://app.example.com?a=b" },
			func(c *weblogin.Config) { c.BaseURL = "https://app.example.com#a" },
			func(c *weblogin.Config) { c.BaseURL = "https://me@app.example.com" },
			func(c *weblogin.Config) { c.BaseURL = "https://app.example.com/a b" },
			func(c *weblogin.Config) { c.BaseURL = "https://app.example.com/{x}" },
			func(c *weblogin.Config) { c.BaseURL = "https://app.example.com//x" },
			func(c *weblogin.Config) { c.BaseURL = "https://app.example.com/a/../b" },
			func(c *weblogin.Config) { c.BaseURL = "https://app.example.com/%41" },
			func(c *weblogin.Config) { c.BaseURL = "ftp://app.example.com"; c.InsecureAllowHTTP = true },
		},
		"Path": {
			func(c *weblogin.Config) { c.Path = "auth" },
			func(c *weblogin.Config) { c.Path = "//auth" },
			func(c *weblogin.Config) { c.Path = "/auth/" },
			func(c *weblogin.Config) { c.Path = "/{x}" },
			func(c *weblogin.Config) { c.Path = "/a/../b" },
			func(c *weblogin.Config) { c.Path = "/a//b" },
			func(c *weblogin.Config) { c.Path = "/" },
		},
		"AfterLogout": {
			func(c *weblogin.Config) { c.AfterLogout = "https://evil.example" },
			func(c *weblogin.Config) { c.AfterLogout = "/bye#top" },
		},
		"Keys": {
			func(c *weblogin.Config) { c.Keys = nil },
			func(c *weblogin.Config) { c.Keys = [][]byte{key[:31]} },
			func(c *weblogin.Config) { c.Keys = [][]byte{key, bytes.Repeat(key, 3)} },
			func(c *weblogin.Config) { c.Keys = [][]byte{make([]byte, 32)} },
		},
		"Lifetime": {
			func(c *weblogin.Config) { c.IdleTime = time.Second },
			func(c *weblogin.Config) { c.Lifetime = -1 },
			func(c *weblogin.Config) { c.Lifetime, c.IdleTime = time.Hour, 2*time.Hour },
			func(c *weblogin.Config) { c.Lifetime = 91 * 24 * time.Hour },
		},
		"Providers":        {func(c *weblogin.Config) { c.Providers = nil }},
		"Providers.Client": {func(c *weblogin.Config) { c.Providers[0].Client = nil }},
		"Providers.Name": {
			func(c *weblogin.Config) { c.Providers[0].Name = "A" },
			func(c *weblogin.Config) { c.Providers[0].Name = strings.Repeat("a", 33) },
			func(c *weblogin.Config) {
				c.Providers = append(c.Providers, weblogin.Provider{Client: client, Name: "b"})
			},
			func(c *weblogin.Config) {
				c.Providers = []weblogin.Provider{{Client: client, Name: "b"}, {Client: client, Name: "b"}}
			},
		},
		"Providers.Request": {
			func(c *weblogin.Config) { c.Providers[0].Request.RedirectURI = "https://app.example.com/auth/callback" },
			func(c *weblogin.Config) { c.Providers[0].Request.ResponseHeader = http.Header{} },
			func(c *weblogin.Config) { c.Providers[0].Request.ResponseMode = "fragment.jwt" },
		},
		"Store": {
			func(c *weblogin.Config) { c.Providers[0].Tokens = true },
			func(c *weblogin.Config) { c.Providers[0].Request.Scope = []string{"openid", "offline_access"} },
			func(c *weblogin.Config) { c.Providers[0].BackchannelLogout = true },
			func(c *weblogin.Config) { c.Providers[0].FrontchannelLogout = true },
		},
		"Pages": {func(c *weblogin.Config) { c.Pages = template.Must(template.New("message").Parse("x")) }},
	} {
		for i, edit := range edits {
			c := good()
			edit(&c)
			h, err := weblogin.New(c)
			var e *oauth.Error
			if h != nil || !errors.Is(err, oauth.ErrConfig) || !errors.As(err, &e) || e.Param != param {
				t.Errorf("%s %d: %v, %v", param, i, h, err)
			}
		}
	}
}

// TestInsecure: without https, cookies have plain names.
func TestInsecure(t *testing.T) {
	w := newWorld(t, nil, nil)
	h := w.handler(t, func(c *weblogin.Config, _ *oauth.Config) {
		c.BaseURL, c.InsecureAllowHTTP = "http://localhost:8080", true
		c.Providers[0].Request.ResponseMode = "form_post"
	})
	b := w.browser(t)
	w.app.Config.Handler = h
	p := b.open("/auth/login")
	c := (&http.Response{Header: p.header}).Cookies()
	if p.status != http.StatusSeeOther || len(c) != 1 || !strings.HasPrefix(c[0].Name, "login-") || c[0].Secure || c[0].SameSite == http.SameSiteNoneMode {
		t.Errorf("%d %v", p.status, c)
	}
}

// TestOwnPages: the program's templates get what happened as a word.
func TestOwnPages(t *testing.T) {
	pages := template.Must(template.New("").Parse(`{{define "message"}}{{.Code}}: {{.LoginURL}}{{end}}{{define "choose"}}{{range .Choices}}[{{.Title}}]{{end}}{{end}}`))
	w := newWorld(t, func(c *weblogin.Config, o *oauth.Config) { twoProviders(c, o); c.Pages = pages }, nil)
	b := w.browser(t)
	p := b.open("/auth/callback/one?state=x&code=y")
	p.want(t, http.StatusForbidden, "not-here: /auth/login?return_to=%2F")
	if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "style-src 'self'") || strings.Contains(csp, "script") {
		t.Error(csp)
	}
	b.open("/auth/login").want(t, http.StatusOK, "[One &amp; Co][two]")
}

// TestLargeSession: a session of two cookies, and one that does not fit.
func TestLargeSession(t *testing.T) {
	size := 0
	w := newWorld(t, func(c *weblogin.Config, _ *oauth.Config) {
		c.Admit = func(_ context.Context, l *weblogin.Login) error {
			l.Claims["email"] = strings.Repeat("x", size)
			return nil
		}
	}, nil)
	size = 4500
	b := w.browser(t)
	b.logIn("/").want(t, http.StatusOK, strings.Repeat("x", size))
	if n := len(b.cookies()); n != 2 {
		t.Errorf("%d cookies", n)
	}
	size = 10
	b.send(b.authorize(b.open("/auth/login")))
	b.open("/").want(t, http.StatusOK, "hello alice")
	if n := len(b.cookies()); n != 1 {
		t.Errorf("%d cookies: the second is left", n)
	}
	size = 6000
	b = w.browser(t)
	b.logIn("/").want(t, http.StatusInternalServerError, "not possible")
	if n := len(b.cookies()); n != 0 {
		t.Errorf("%d cookies", n)
	}
}
