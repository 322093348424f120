package oauth

// This file implements predicates over texts: what a header field, a log, a terminal, a
// page or a browser can be given, so that no part of it is read as something else.

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// webURL parses an http or https URL of the characters that RFC 3986 has, whose
// host is a name of letters, digits and hyphens or an IP address, and which has no
// userinfo. Others are never opened or shown: javascript: is a URI too, a quote or
// a < ends an attribute, an escape moves a terminal's cursor, browsers take a
// backslash for a slash, a letter can look like another's, and what stands before
// an @ reads like the host.
func webURL(s string) (*url.URL, bool) {
	if !uriText(s) {
		return nil, false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || !webHost(u) {
		return nil, false
	}
	return u, true
}

// uriText reports whether s has no other characters than those of RFC 3986,
// Section 2: the reserved, the unreserved, and % with two hexadecimal digits.
func uriText(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~:/?#[]@!$&'()*+,;=", c) >= 0:
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			i += 2
		default:
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// webHost wants an IP address, without a zone, or LDH labels (RFC 5890, Section
// 2.3.1), to which an internationalized name has been converted. A name whose last
// label is a number is an address to browsers, whatever its form: 2130706433 is
// 127.0.0.1.
func webHost(u *url.URL) bool {
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		ip, _ := netip.ParseAddr(host) // what is none is neither of IPv4 nor of IPv6
		return ip.Is6() && ip.Zone() == ""
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Is4()
	}
	host = strings.TrimSuffix(host, ".") // of the root
	if len(host) > 253 {
		return false
	}
	label := ""
	for label = range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, notLDH) {
			return false
		}
	}
	number := strings.TrimLeft(label, "0123456789")
	return number != "" && !strings.HasPrefix(strings.ToLower(label), "0x")
}

func notLDH(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// linkable is an error_uri that a page may link to, or nothing.
func linkable(uri string) string {
	if _, ok := webURL(uri); ok {
		return uri
	}
	return ""
}

// printable is the other side's text made fit for an error: at most n bytes,
// and quoted, so that control characters cannot forge log lines.
func printable(s string, n int) string {
	if len(s) > n {
		s = s[:n] + "…"
	}
	return strconv.QuoteToASCII(s)
}

// quoteList is printable for the first elements of a list.
func quoteList(list []string) string {
	const shown = 4
	text := ""
	for i, s := range list[:min(len(list), shown)] {
		if i > 0 {
			text += ", "
		}
		text += printable(s, 128)
	}
	if len(list) > shown {
		text += ", …"
	}
	return text
}

// visible keeps control characters from forging lines of a log.
func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// control is what a quoted string cannot have in it, also not after a
// backslash: RFC 9110, Section 5.6.4.
func control(c byte) bool { return c < 0x20 && c != '\t' || c == 0x7f }

// headerValue reports whether s can stand in a header field without doing
// anything else there.
func headerValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x21 || s[i] > 0x7e {
			return false
		}
	}
	return s != ""
}

// tokenChar is tchar of RFC 9110, Section 5.6.2.
func tokenChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// notScopeChar is the complement of scope-token, RFC 6749 Section 3.3.
func notScopeChar(r rune) bool {
	return r < 0x21 || r > 0x7e || r == '"' || r == '\\'
}

func notOneScope(s string) bool { return s == "" || strings.Contains(s, " ") }

// presentable reports whether a token can stand in the field. RFC 6749, Appendix
// A.12 lets one have all visible characters, RFC 6750, Section 2.1 only those of
// b64token: taken are all but those that make something else of the field. It looks at
// eight at a time: a stranger may send 64 KiB.
func presentable(s string) bool {
	if s == "" {
		return false
	}
	for ; len(s) >= 8; s = s[8:] {
		b := eightBytes(s)
		if bytesBelow(b, '!')|b&(eight<<7)|zeroBytes(b^eight*0x7f)|zeroBytes(b^eight*'"')|zeroBytes(b^eight*',')|zeroBytes(b^eight*'\\') != 0 {
			return false
		}
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r >= 0x7f || r == '"' || r == ',' || r == '\\' })
}

// ---- eight characters at a time

// eight is a one in each of eight bytes.
const eight = 0x0101010101010101

// eightBytes are the first eight bytes of s, the first the lowest.
func eightBytes(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// zeroBytes has the highest bit of each byte of b that is 0, and maybe that of bytes
// above the lowest such one.
func zeroBytes(b uint64) uint64 { return (b - eight) &^ b & (eight << 7) }

// bytesBelow is zeroBytes for bytes that are less than c, which is at most 0x80.
func bytesBelow(b uint64, c byte) uint64 { return (b - eight*uint64(c)) &^ b & (eight << 7) }

// lowerASCII leaves other letters alone. strings.ToLower makes an i of U+0130,
// and the two are different names where IDNA reads them: somebody else's host. strings.Map
// makes U+FFFD of all bytes that are no UTF-8, and one host of two.
func lowerASCII(s string) string {
	upper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	i := 0
	for i < len(s) && !upper(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	lower := []byte(s)
	for ; i < len(lower); i++ {
		if upper(lower[i]) {
			lower[i] += 'a' - 'A'
		}
	}
	return string(lower)
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
