package oauth

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// This file implements URLs that are fetched, redirected to or compared: origins,
// normal forms (RFC 3986, Section 6.2.2), and the conditions of each kind of URL.

func parseFetchURL(param, raw string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" {
		return nil, fail(ErrConfig, param, "is not a URL")
	}
	switch {
	case u.Scheme == "":
		return nil, fail(ErrConfig, param, "is not an absolute URL: it has to begin with https://")
	case u.Scheme == "https", u.Scheme == "http" && insecure:
	case u.Scheme == "http":
		return nil, fail(ErrInsecureURL, param, "is an http URL (host %s): use https; for tests on loopback there is InsecureAllowHTTP", printable(u.Host, 128))
	default:
		return nil, fail(ErrInsecureURL, param, "has the scheme %s: use https", printable(u.Scheme, 32))
	}
	switch {
	case u.Host == "" || u.Hostname() == "":
		return nil, fail(ErrConfig, param, "has no host")
	case u.User != nil:
		return nil, fail(ErrConfig, param, "has a user name or password in it")
	case u.Fragment != "" || strings.HasSuffix(raw, "#"): // RFC 6749, Section 3.1
		return nil, fail(ErrConfig, param, "has a fragment")
	}
	return u, nil
}

// withoutQuery is a URL as a Trace may see it.
func withoutQuery(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

// originOf is the origin of a URL: RFC 6454, Section 6.2.
func originOf(u *url.URL) string { return normalOrigin(u.Scheme, u.Host) }

// sameOrigin is whether that of two URLs is one.
func sameOrigin(u, o *url.URL) bool {
	return u.Scheme == o.Scheme && u.Host == o.Host || originOf(u) == originOf(o)
}

// normalOrigin is the form of RFC 3986, Sections 6.2.2.1 and 6.2.3.
func normalOrigin(scheme, host string) string {
	scheme, host = lowerASCII(scheme), lowerASCII(host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return scheme + "://" + strings.TrimSuffix(host, ":")
}

// A target is a URL without query and fragment, in its normal form.
type target struct{ origin, path string }

// normalTarget reads an absolute http URL. A user, an empty host and the like make
// of it an origin that no configuration has.
func normalTarget(raw string) (t target, ok bool) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return t, false
	}
	host, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	t.origin = normalOrigin(scheme, host)
	t.path, ok = normalPath(path)
	return t, ok
}

// normalPath makes of a path what RFC 3986, Sections 6.2.2.1, 6.2.2.2 and 6.2.3
// make of it. One with dot segments is refused: where they are taken out, and
// where not, differs between a proxy and what is behind it.
func normalPath(path string) (string, bool) {
	if path == "" {
		return "/", true
	}
	if strings.IndexByte(path, '%') >= 0 {
		b := make([]byte, 0, len(path))
		for i := 0; i < len(path); i++ {
			if path[i] != '%' {
				b = append(b, path[i])
				continue
			}
			if i+2 >= len(path) {
				return "", false
			}
			hi, lo := unhex(path[i+1]), unhex(path[i+2])
			if hi < 0 || lo < 0 {
				return "", false
			}
			if c := byte(hi<<4 | lo); unreserved(c) {
				b = append(b, c)
			} else {
				b = append(b, '%', upperHex[hi], upperHex[lo])
			}
			i += 2
		}
		path = string(b)
	}
	for rest := path; rest != ""; {
		var segment string
		segment, rest, _ = strings.Cut(rest, "/")
		if segment == "." || segment == ".." {
			return "", false
		}
	}
	return path, true
}

// A landing is a redirect URI, or the URL that a response came to, in the form
// that is compared.
type landing struct {
	target
	query url.Values
}

// landingOf reads a URL, and says what is wrong with it. A private-use URI may
// have no slash after its colon (com.example.app:cb).
func landingOf(u *url.URL) (l landing, fault string) {
	path, ok := normalPath(cmp.Or(u.Opaque, u.EscapedPath()))
	if !ok {
		return l, "has dot segments in its path, which browsers take out"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return l, "has a query that cannot be read"
	}
	return landing{target{originOf(u), path}, query}, ""
}

const upperHex = "0123456789ABCDEF"

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// unreserved is RFC 3986, Section 2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// joinTarget makes the text that is signed, and the one that it is compared with. A
// path that does not begin with a slash would make another host of the origin:
// https://api.example and .evil/orders.
func joinTarget(origin, path string) (htu string, ok bool) {
	switch {
	case path == "":
		path = "/"
	case path[0] != '/':
		return "", false
	}
	return origin + path, true
}

// requestPath is the path of the request line, which http.StripPrefix leaves as
// it is. net/http takes request lines that name no host ("x:/path") and routes them
// by their path: these, the asterisk and the authority of CONNECT have none here. A
// request that was made by hand may have no request line.
func requestPath(r *http.Request) (path string, ok bool) {
	switch {
	case r.RequestURI == "" && r.URL == nil:
		return "", false
	case r.RequestURI == "":
		return r.URL.EscapedPath(), true
	case r.RequestURI[0] == '/':
		path, _, _ = strings.Cut(r.RequestURI, "?")
		return path, true
	}
	// RFC 9112, Section 3.2.2: the absolute form, as sent to proxies.
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil || u.Host == "" || u.Opaque != "" || r.Method == http.MethodConnect {
		return "", false
	}
	return u.EscapedPath(), true
}

// insertWellKnown puts a well-known path between the host of a URL and its path
// and query. RFC 9728, Section 3.1: "any terminating slash (/) following the
// host component MUST be removed".
func insertWellKnown(u, name string) string {
	scheme, rest, _ := strings.Cut(u, "://")
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if path == "/" || strings.HasPrefix(path, "/?") {
		path = path[1:]
	}
	return scheme + "://" + host + "/.well-known/" + name + path
}

// checkRedirectURI accepts what RFC 8252 and RFC 9700 allow: https, http on
// loopback, an app's own scheme.
func checkRedirectURI(param, raw string, insecure bool) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return fail(ErrConfig, param, "is empty: set the one that is registered for the client")
	case err != nil || !u.IsAbs():
		return fail(ErrConfig, param, "is not an absolute URI: it begins with https://, or with a scheme of the app's own")
	case u.Fragment != "" || strings.HasSuffix(raw, "#"): // RFC 6749, Section 3.1.2
		return fail(ErrConfig, param, "has a fragment")
	}
	switch u.Scheme {
	case "https":
		if u.Host == "" {
			return fail(ErrConfig, param, "has no host")
		}
	case "http":
		if !loopback(u.Hostname()) && !insecure {
			return fail(ErrInsecureURL, param, "is an http URL of a host that is not loopback: use https")
		}
	case "javascript", "data", "vbscript", "file", "blob", "about":
		return fail(ErrInsecureURL, param, "has the scheme %s", u.Scheme)
	default:
		return checkPrivateScheme(param, u)
	}
	return nil
}

// redirectName reports whether a redirect URI is none, but a name that the server
// resolves: eBay's RuName. A URI has a colon, and a path a slash.
func redirectName(s string) bool {
	for i := range len(s) {
		if !unreserved(s[i]) {
			return false
		}
	}
	return s != ""
}

// checkPrivateScheme is RFC 8252, Section 7.1: an app's own scheme is "based on a
// domain name under their control", reversed, so that no other app has it. A host
// and a port in front of a path look like a scheme.
func checkPrivateScheme(param string, u *url.URL) error {
	if u.Opaque != "" && '0' <= u.Opaque[0] && u.Opaque[0] <= '9' {
		return fail(ErrConfig, param, "has no scheme: put https:// in front of %s", printable(u.Scheme, 64))
	}
	if !strings.Contains(u.Scheme, ".") {
		return fail(ErrConfig, param, "has the scheme %s, which any app can have: use one of a domain name of yours, com.example.app (RFC 8252, Section 7.1)", printable(u.Scheme, 64))
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
