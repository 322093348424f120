package weblogin

import (
	"net/url"
	"strings"
)

// maxReturnTo bounds a path to return to: five of them share the cookies of a request, of
// which proxies take 8 kB.
const maxReturnTo = 512

// returnTo is localPath, with the front page of the application for everything else.
func (h *Handler) returnTo(s string) string {
	if path := localPath(s); path != "/" {
		return path
	}
	return h.base.Path + "/"
}

// localPath returns a path of the application with its query, or "/" for everything that a
// browser could take for the URL of another place. Browsers read a backslash as a slash,
// ignore tabs and line breaks anywhere, and take //host for a host.
func localPath(s string) string {
	if s == "" || len(s) > maxReturnTo || s[0] != '/' || strings.HasPrefix(s, "//") {
		return "/"
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == '\\' || s[i] >= 0x7f {
			return "/"
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, "\\") {
		return "/"
	}
	return s
}
