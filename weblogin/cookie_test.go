package weblogin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/weblogin"
)

// TestCookieSize: five logins with long paths to return to fit into what proxies take.
func TestCookieSize(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	for range 6 {
		b.open("/" + strings.Repeat("a", 500))
	}
	size := 0
	for name, value := range b.cookies() {
		size += len(name) + len(value) + 3
	}
	if size > 8000 {
		t.Errorf("%d bytes of cookies", size)
	}
}

// TestSetCookie: the attributes of all cookies.
func TestSetCookie(t *testing.T) {
	for name, tt := range map[string]struct {
		edit           func(*weblogin.Config, *oauth.Config)
		login, session http.SameSite
	}{
		"query":        {nil, http.SameSiteLaxMode, http.SameSiteLaxMode},
		"form_post":    {func(c *weblogin.Config, _ *oauth.Config) { c.Providers[0].Request.ResponseMode = "form_post" }, http.SameSiteNoneMode, http.SameSiteLaxMode},
		"frames":       {func(c *weblogin.Config, o *oauth.Config) { withStore(c, o); c.Providers[0].FrontchannelLogout = true }, http.SameSiteLaxMode, http.SameSiteNoneMode},
		"in the store": {withStore, http.SameSiteLaxMode, http.SameSiteLaxMode},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tt.edit, nil)
			b := w.browser(t)
			begun := b.open("/")
			ended := b.send(b.authorize(begun))
			for _, row := range []struct {
				header http.Header
				prefix string
				want   http.SameSite
			}{{begun.header, weblogin.LoginCookies(w.login), tt.login}, {ended.header, w.session(), tt.session}} {
				found := 0
				for _, c := range (&http.Response{Header: row.header}).Cookies() {
					if !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
						t.Errorf("%v", c)
					}
					if strings.HasPrefix(c.Name, row.prefix) && c.MaxAge >= 0 {
						found++
						if c.SameSite != row.want || c.MaxAge < 600 {
							t.Errorf("%v, want SameSite %v", c, row.want)
						}
					}
				}
				if found != 1 {
					t.Errorf("%d cookies %s: %v", found, row.prefix, row.header)
				}
			}
			b.open("/").want(t, http.StatusOK, "hello alice")
		})
	}
}

// TestLoginsUnderWay: a browser has at most five, of which the oldest goes, and a page that
// shows /login as an image or in a frame begins none.
func TestLoginsUnderWay(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	var pages []page
	for range 8 {
		pages = append(pages, b.open("/"))
		w.wait(time.Second)
	}
	b.setCookie(weblogin.LoginCookies(w.login)+"0123", "1garbage")
	pages = append(pages, b.open("/"))
	if n := len(b.cookies()); n != 5 {
		t.Errorf("%d cookies: %v", n, b.cookies())
	}
	for i, p := range pages {
		got := b.send(b.authorize(p))
		if i < 4 {
			got.want(t, http.StatusForbidden, "not started here")
		} else if got.status != http.StatusSeeOther {
			t.Errorf("login %d: %d %s", i, got.status, got.body)
		}
	}
	other := w.browser(t)
	for dest, mode := range map[string]string{"image": "no-cors", "iframe": "navigate", "empty": "cors", "object": "navigate"} {
		other.send(other.request(http.MethodGet, "/auth/login", mode, dest)).want(t, http.StatusForbidden, "page of its own")
	}
	if got := other.cookies(); len(got) != 0 {
		t.Errorf("cookies %v", got)
	}
}

// TestTossedCookies: cookies that another host may have set, or that were sealed for
// something else, are none.
func TestTossedCookies(t *testing.T) {
	w := newWorld(t, nil, nil)
	b := w.browser(t)
	pending := b.open("/")
	b.send(b.authorize(pending))
	good := b.cookies()[w.session()]
	b.open("/auth/login")
	var login string
	for name, value := range b.cookies() {
		if strings.HasPrefix(name, "__Host-login-") {
			login = value
		}
	}
	for name, value := range map[string]string{
		"that of a login":   login,
		"nothing":           "",
		"a mark alone":      "1",
		"no base64":         "1!!",
		"another mark":      "3" + good[1:],
		"cut":               good[:len(good)-4],
		"a changed byte":    good[:40] + "A" + good[41:],
		"a second is named": "2" + good[1:],
	} {
		if name == "a changed byte" && good[40] == 'A' {
			value = good[:40] + "B" + good[41:]
		}
		other := w.browser(t)
		other.setCookie(w.session(), value)
		if p := other.open("/"); p.status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	for _, header := range []string{
		w.session() + "=" + good + "; " + w.session() + "=" + good,
		w.session() + "=x; " + w.session() + "=" + good,
		"session=" + good,
	} {
		req := b.request(http.MethodGet, "/", "navigate", "document")
		req.Header.Set("Cookie", header)
		bare := &tab{t, w, &http.Client{Transport: w.http.Transport, CheckRedirect: b.CheckRedirect}, b.op}
		if p := bare.send(req); p.status != http.StatusSeeOther {
			t.Errorf("%s: %d", header[:20], p.status)
		}
	}
}

// TestCookieNames: applications of one host, on other paths and ports, do not take each
// other's cookies, whose names are as they have always been for the only application of a
// host.
func TestCookieNames(t *testing.T) {
	all := map[string]*weblogin.Handler{}
	for _, base := range []string{"https://app.example.com", "https://app.example.com/shop", "https://app.example.com:8443", "http://localhost:8080", "http://localhost:3000", "http://localhost"} {
		h, err := weblogin.New(weblogin.Config{BaseURL: base, InsecureAllowHTTP: true, Keys: [][]byte{key}, Providers: []weblogin.Provider{{Client: goodClient(t)}}})
		if err != nil {
			t.Fatal(err)
		}
		all[base] = h
	}
	for one, h := range all {
		for other, o := range all {
			taken := strings.HasPrefix(weblogin.LoginCookies(o)+"0123", weblogin.LoginCookies(h)) || weblogin.SessionCookie(h) == weblogin.SessionCookie(o)
			if taken != (one == other) {
				t.Errorf("%s and %s: %v", one, other, taken)
			}
		}
	}
	if a, b := weblogin.SessionCookie(all["https://app.example.com"]), weblogin.SessionCookie(all["http://localhost"]); a != "__Host-session" || b != "session" {
		t.Error(a, b)
	}
}
