package oauth

// Predicates over characters, held against definitions that can be seen to be right,
// for every byte.

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

const (
	charDigits  = "0123456789"
	charLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	charHex     = charDigits + "abcdefABCDEF"
)

// among says whether a byte is one of these.
func among(chars string) func(byte) bool {
	return func(c byte) bool { return strings.IndexByte(chars, c) >= 0 }
}

// between says whether a byte lies between two, and is none of others.
func between(from, to byte, but string) func(byte) bool {
	return func(c byte) bool { return from <= c && c <= to && strings.IndexByte(but, c) < 0 }
}

func TestCharacters(t *testing.T) {
	text := func(f func(string) bool) func(byte) bool { return func(c byte) bool { return f(string([]byte{c})) } }
	for name, tt := range map[string]struct{ is, want func(byte) bool }{
		"isHex":      {isHex, among(charHex)},
		"unhex":      {func(c byte) bool { return unhex(c) >= 0 }, among(charHex)},
		"unreserved": {unreserved, among(charLetters + charDigits + "-._~")},
		"tokenChar":  {tokenChar, among(charLetters + charDigits + "!#$%&'*+-.^_`|~")},
		"control": {control, func(c byte) bool {
			return among("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x7f")(c) || between(0x0a, 0x1f, "")(c)
		}},
		"uriText":      {text(uriText), among(charLetters + charDigits + "-._~:/?#[]@!$&'()*+,;=")},
		"redirectName": {text(redirectName), among(charLetters + charDigits + "-._~")},
		"headerValue":  {text(headerValue), between(0x21, 0x7e, "")},
		"presentable":  {text(presentable), between(0x21, 0x7e, `",\`)},
		"notLDH":       {func(c byte) bool { return !notLDH(rune(c)) }, among(charLetters + charDigits + "-")},
		"notScopeChar": {func(c byte) bool { return !notScopeChar(rune(c)) }, between(0x21, 0x7e, `"\`)},
	} {
		for c := range 256 {
			if got := tt.is(byte(c)); got != tt.want(byte(c)) {
				t.Errorf("%s: %q: %v", name, byte(c), got)
			}
		}
	}
	for c := range 256 {
		want := string(rune(c))
		if i := strings.IndexRune(charLetters[26:], rune(c)); i >= 0 {
			want = charLetters[i : i+1]
		}
		if got := lowerASCII(string(rune(c))); got != want {
			t.Errorf("lowerASCII of %q is %q", rune(c), got)
		}
		if i := strings.IndexByte("0123456789abcdef", byte(c)|0x20); among(charHex)(byte(c)) && unhex(byte(c)) != i {
			t.Errorf("unhex of %q is %d", byte(c), unhex(byte(c)))
		}
	}
	// A Kelvin sign and a dotted I have lower cases in ASCII. Two hosts that are no text do
	// not become one.
	for s, want := range map[string]string{
		"\u0130\u212a": "\u0130\u212a", "API.Example.COM": "api.example.com", "a\xffB\xfe": "a\xffb\xfe",
	} {
		if got := lowerASCII(s); got != want {
			t.Errorf("lowerASCII of %q is %q", s, got)
		}
	}
}

// TestURIEscapes: a percent sign comes with two hexadecimal digits, and nothing else
// does anything with what follows.
func TestURIEscapes(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			s := string([]byte{'%', byte(a), byte(b)})
			want := among(charHex)(byte(a)) && among(charHex)(byte(b))
			if uriText(s) != want || uriText("/"+s+"/") != want {
				t.Fatalf("%q: %v", s, !want)
			}
		}
		s := string([]byte{byte(a)})
		want := among(charLetters + charDigits + "-._~:/?#[]@!$&'()*+,;=")(byte(a))
		if uriText(s+"41") != want && a != '%' || uriText("%41"+s) != want || uriText("%41x"+s) != want {
			t.Errorf("%q beside an escape: %v", s, !want)
		}
	}
	for s, want := range map[string]bool{"": true, "%": false, "%4": false, "%41": true, "%4%41": false, "%%41": false, "%41%42": true} {
		if uriText(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

// TestWebHost is for hosts that net/url may or may not refuse before.
func TestWebHost(t *testing.T) {
	for host, want := range map[string]bool{
		"[::1]": true, "[::1]:80": true, "[127.0.0.1]": false, "[::zz]": false, "[]": false, "[::1%eth0]": false, "[op.example]": false,
		"fe80::abcd": false, "127.0.0.1": true, "127.0.0.1:80": true, "op[::1]": false,
		"op.a0x": true, "op.0xa": false, "op.0Xa": false, "0x1": false, "op.1": false, "op.1a": true,
	} {
		if webHost(&url.URL{Scheme: "https", Host: host}) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}

// TestSameSet: in any order, and without a change to what is compared.
func TestSameSet(t *testing.T) {
	for _, tt := range []struct {
		a, b []string
		want bool
	}{
		{nil, nil, true}, {nil, []string{}, true}, {[]string{"b", "a"}, []string{"a", "b"}, true}, {[]string{"a", "b"}, []string{"b", "a"}, true},
		{[]string{"b", "a", "b"}, []string{"a", "b"}, true}, {[]string{"a"}, []string{"b"}, false}, {[]string{"a"}, []string{"A"}, false}, {[]string{"a"}, nil, false},
	} {
		a, b := slices.Clone(tt.a), slices.Clone(tt.b)
		if sameSet(a, b) != tt.want || !slices.Equal(a, tt.a) || !slices.Equal(b, tt.b) {
			t.Errorf("%q and %q: %v, now %q and %q", tt.a, tt.b, !tt.want, a, b)
		}
	}
}
