package weblogin

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

var testKeys = [][]byte{bytes.Repeat([]byte("0123456789abcdef"), 2), bytes.Repeat([]byte("fedcba9876543210"), 2)}

// TestSeal: what is sealed is opened for the same purpose and place alone, with any of the
// keys, and every change is noticed.
func TestSeal(t *testing.T) {
	s := &sealer{keys: testKeys}
	old := &sealer{keys: testKeys[1:]}
	for _, data := range []string{"", "a", strings.Repeat("x", 5000)} {
		for _, by := range []*sealer{s, old} {
			sealed, err := by.seal(sessionCookie, "a", []byte(data))
			if err != nil {
				t.Fatal(err)
			}
			again, err := by.seal(sessionCookie, "a", []byte(data))
			if err != nil || bytes.Equal(sealed, again) || bytes.Contains(sealed, []byte("xxx")) {
				t.Error("the same text twice, or the data")
			}
			if got, err := s.open(sessionCookie, "a", sealed); err != nil || string(got) != data {
				t.Errorf("%q, %v", got, err)
			}
			for _, other := range []struct {
				s     *sealer
				p     purpose
				place string
			}{{s, loginCookie, "a"}, {s, storedSession, "a"}, {s, sessionCookie, "b"}, {s, sessionCookie, ""}, {&sealer{keys: [][]byte{bytes.Repeat([]byte("another key 1234"), 2)}}, sessionCookie, "a"}, {&sealer{keys: testKeys, app: "another"}, sessionCookie, "a"}} {
				if got, err := other.s.open(other.p, other.place, sealed); err == nil {
					t.Errorf("%s %s: %q", other.p, other.place, got)
				}
			}
			for i := range min(len(sealed), 200) {
				changed := bytes.Clone(sealed)
				changed[i] ^= 1
				if _, err := s.open(sessionCookie, "a", changed); err == nil {
					t.Errorf("byte %d is changed", i)
				}
				if _, err := s.open(sessionCookie, "a", sealed[:i]); err == nil {
					t.Errorf("it is cut to %d bytes", i)
				}
			}
		}
	}
	if sealed, _ := s.seal(sessionCookie, "a", nil); len(sealed) > 0 {
		if _, err := old.open(sessionCookie, "a", sealed); err == nil {
			t.Error("the first key does not seal")
		}
	}
}

// FuzzSealed: nothing but what was sealed is opened, and nothing else happens.
func FuzzSealed(f *testing.F) {
	s := &sealer{keys: testKeys}
	good, _ := s.seal(sessionCookie, "a", []byte("x"))
	f.Add(good, "a")
	f.Add([]byte{}, "")
	f.Add(make([]byte, 60), "a")
	f.Fuzz(func(t *testing.T, sealed []byte, place string) {
		got, err := s.open(sessionCookie, place, sealed)
		if err == nil && (place != "a" || string(got) != "x") { // each process of the fuzzer has one of its own
			t.Fatalf("opened: %q", got)
		}
		new(pending).decode(sealed)
	})
}

// browserPlace is where a browser goes that is on a page of the application and is sent to
// s, by the rules of the URL Standard that differ from RFC 3986: it drops tabs and line
// breaks anywhere, and spaces and controls at both ends, and takes a backslash for a slash.
func browserPlace(s string) string {
	s = strings.Trim(s, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f ")
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(s)
	base, _ := url.Parse("https://app.example.com/here")
	u, err := base.Parse(s)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// FuzzReturnTo: what is left leads to the application, however a browser reads it.
func FuzzReturnTo(f *testing.F) {
	for _, s := range []string{"/", "/a?b=c#d", "//evil.example", "/\\evil.example", "/%5cevil", "/%2f%2fevil.example", "https://evil.example", "/a/../..//evil", "/\t/evil.example", "/.//evil.example", "/%09/evil"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := localPath(s)
		if got != "/" && got != s {
			t.Fatalf("%q became %q", s, got)
		}
		if len(got) > maxReturnTo || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") {
			t.Fatalf("%q", got)
		}
		if at := browserPlace(got); at != "https://app.example.com" {
			t.Fatalf("%q leads to %s", got, at)
		}
		if at := browserPlace("https://app.example.com" + got); at != "https://app.example.com" {
			t.Fatalf("%q leads to %s", got, at)
		}
	})
}

// TestUnsaved: what is kept while the store is down is bounded, and sessions that are over
// make room.
func TestUnsaved(t *testing.T) {
	var fs flights
	now := time.Unix(1_800_000_000, 0)
	for i := range maxUnsaved + 5 {
		fs.save(fmt.Sprint(i), &renewed{ends: now.Add(time.Hour)}, now)
	}
	if len(fs.kept) != maxUnsaved || fs.unsaved("0") == nil {
		t.Errorf("%d are kept", len(fs.kept))
	}
	fs.save("next", &renewed{ends: now.Add(3 * time.Hour)}, now.Add(time.Hour))
	if len(fs.kept) != 1 || fs.unsaved("next") == nil {
		t.Errorf("an hour later: %d are kept", len(fs.kept))
	}
	if fs.forget("next"); fs.unsaved("next") != nil {
		t.Error("it is not forgotten")
	}
}

// TestNoTags: a stored session that no logout could find is none.
func TestNoTags(t *testing.T) {
	s := &sealedStore{NewMemoryStore(0), &sealer{keys: testKeys}}
	now := time.Now().Unix()
	for name, tags := range map[string][]string{"with": {"a"}, "without": nil} {
		c := &content{Issuer: "i", Subject: "s", Started: now, Seen: now, Ends: now + 100, Idle: 100, Tags: tags}
		if err := s.put(t.Context(), name, c, 1); err != nil {
			t.Fatal(err)
		}
		if got, _, err := s.get(t.Context(), name); err != nil || (got != nil) != (tags != nil) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
