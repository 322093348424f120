package weblogin_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestPages: what a page may load, and that it says what to do.
func TestPages(t *testing.T) {
	w := newWorld(t, nil, nil)
	p := w.browser(t).open("/auth/callback?state=x&code=y")
	p.want(t, http.StatusForbidden, `<a href="/auth/login?return_to=%2F">Log in</a>`)
	csp := p.header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "style-src 'sha256-") ||
		p.header.Get("X-Content-Type-Options") != "nosniff" || p.header.Get("Referrer-Policy") != "no-referrer" || p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("header %v", p.header)
	}
	for _, want := range []string{`name="viewport"`, "color-scheme:light dark", `<html lang="en">`, "<h1>"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("no %s in %s", want, p.body)
		}
	}
	if strings.Contains(p.body, "<script") {
		t.Error(p.body)
	}
}
