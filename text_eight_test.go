package oauth

import (
	"encoding/base64"
	"strings"
	"testing"
)

// Tests of the ways that look at eight characters at a time, or into a table: they say
// what looking at one after another says, wherever a character stands and whatever stands
// beside it.

// eightNeighbours are of all kinds, most of them one away from what ends a string or a token.
const eightNeighbours = "a!#[]\x7e\x80\xff\x20\x2b\x2d\xa2\xdc\x9f"

// eightTexts calls f with texts of each byte at each place, and of each two bytes beside
// each other, and the place of the first.
func eightTexts(plain string, f func(text string, at int)) {
	for _, around := range []string{plain, strings.Repeat("a", len(plain))} {
		for n := range len(around) + 1 {
			for at := range n {
				for c := range 256 {
					f(around[:at]+string([]byte{byte(c)})+around[at+1:n], at)
				}
			}
		}
	}
	for c := range 256 {
		for d := range 256 {
			f("abc"+string([]byte{byte(c), byte(d)})+"abcdefg", 3)
		}
	}
}

func TestSkipPlain(t *testing.T) {
	slow := func(text string, i int) int {
		for i < len(text) && text[i] != '"' && text[i] != '\\' && text[i] >= 0x20 {
			i++
		}
		return i
	}
	eightTexts(eightNeighbours+eightNeighbours[:6], func(text string, at int) {
		for _, from := range [...]int{0, min(1, len(text)), at, at + 1} {
			if got, want := skipPlain(text, from), slow(text, from); got != want {
				t.Fatalf("%q from %d: %d, not %d", text, from, got, want)
			}
		}
	})
}

func TestPresentable(t *testing.T) {
	const wrong = "\"\\,"
	slow := func(text string) bool {
		for _, c := range []byte(text) {
			if c < 0x21 || c > 0x7e || strings.IndexByte(wrong, c) >= 0 {
				return false
			}
		}
		return text != ""
	}
	eightTexts("a!#[]\x7e+-.:/=_azAZ09", func(text string, _ int) {
		if got := presentable(text); got != slow(text) {
			t.Fatalf("%q: %v", text, got)
		}
	})
	if presentable("") {
		t.Error("nothing is a token")
	}
}

// TestBase64URLTable: every character at every place, as the standard library has it, which
// leaves out line breaks.
func TestBase64URLTable(t *testing.T) {
	strict := base64.RawURLEncoding.Strict()
	for _, plain := range []string{"AAAAAAAAA", "-_-_-_-_-", "azAZ09QUI", "gwEA8MIxA"} {
		for n := range len(plain) + 1 {
			for at := range n {
				for c := range 256 {
					text := plain[:at] + string([]byte{byte(c)}) + plain[at+1:n]
					want, wrong := strict.DecodeString(text)
					if c == '\n' || c == '\r' {
						want, wrong = nil, base64.CorruptInputError(at)
					}
					got, err := decodeBase64URL([]byte("kept"), text)
					if (err != nil) != (wrong != nil) || err == nil && string(got) != "kept"+string(want) || err != nil && got != nil {
						t.Fatalf("%q: %q, %v, not %q, %v", text, got, err, want, wrong)
					}
				}
			}
		}
	}
}
