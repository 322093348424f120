package weblogin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestReturnTo: no URL leads elsewhere after a login.
func TestReturnTo(t *testing.T) {
	w := newWorld(t, nil, nil)
	for _, to := range []string{
		"https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)",
		" /x", "x", "", "/%5cevil.example", "/%2f/evil.example/..", "/ü", "/a b", "///evil.example", "/x" + strings.Repeat("a", 2000), "https:/x", "/\r\nSet-Cookie: a=b",
	} {
		b := w.browser(t)
		p := b.send(b.authorize(b.open("/auth/login?" + url.Values{"return_to": {to}}.Encode())))
		got, err := url.Parse(p.to)
		if err != nil || p.status != http.StatusSeeOther || "https://"+got.Host != w.app.URL || strings.HasPrefix(got.Path, "//") || strings.Contains(got.Path, "\\") {
			t.Errorf("%q: %d %s", to, p.status, p.to)
		}
	}
}
