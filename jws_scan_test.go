package oauth

// Tests of what is read of a token before anybody has verified it.

import (
	"strings"
	"testing"
)

// TestScanMember: a member is found where the strict reader finds it, and of what is no
// JSON nothing is taken for one that stands elsewhere.
func TestScanMember(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, tt := range []struct{ text, want string }{
		{`{"iss":"a"}`, `"a"`}, {` { "iss" : "a" } `, `"a"`}, {`{"x":1,"iss":"a"}`, `"a"`}, {`{"iss":"a","iss":"b"}`, `"a"`},
		{"{\r\n\t\"iss\"\t:\n\"a\"}", `"a"`},
		{`{"x":{"iss":"b"},"iss":"a"}`, `"a"`}, {`{"x":["iss","b"],"iss":"a"}`, `"a"`}, {`{"x":"\"iss\":\"b\",","iss":"a"}`, `"a"`},
		{`{"x":"\\","iss":"a"}`, `"a"`}, {`{"x":"\\\"","iss":"a"}`, `"a"`}, {`{"":"","iss":"a"}`, `"a"`}, {`{"x":"}","iss":"a"}`, `"a"`},
		{`{"x":[{"y":["}"]}],"iss":"a"}`, `"a"`}, {`{"x":` + deep + `,"iss":"a"}`, `"a"`}, {`{"x":-1.5e3,"y":true,"z":null,"iss":"a"}`, `"a"`},
		{`{"iss":{"b":["c"]}}`, `{"b":["c"]}`}, {`{"iss":1}`, "1"}, {`{"iss":null,"x":1}`, "null"}, {`{"iss":"a\"b"}`, `"a\"b"`},
		{`{}`, ""}, {``, ""}, {` `, ""}, {`[]`, ""}, {`"iss"`, ""}, {`{"x":"iss"}`, ""}, {`{"ISS":"a"}`, ""}, {`{"is":"a"}`, ""}, {`{"isss":"a"}`, ""},
		{`{"x":{"iss":"b"}}`, ""}, {`{"iss"}`, ""}, {`{"iss"`, ""}, {`{"iss":`, ""}, {`{"iss":"a`, ""}, {`{"iss":"a\"`, ""}, {`{"iss":[`, ""}, {`{"iss":1`, ""},
		{`["iss":"a"}`, ""}, {`x"iss":"a"}`, ""}, {`{"x",1,"iss":"a"}`, ""}, {`{"x":[1]x"iss":"a"}`, ""}, {`{xiss":"a"}`, ""}, {`{"x":"a"`, ""}, {`{"x":["a`, ""},
		{`{iss:"a"}`, ""}, {`{"x" "iss":"a"}`, ""}, {`{"x":1 "iss":"a"}`, ""}, {`{"x":1;"iss":"a"}`, ""}, {`{,"iss":"a"}`, ""}, {`{"x":"`, ""}, {`{"x`, ""}, {`{`, ""},
	} {
		if got := string(scanMember([]byte(tt.text), "iss")); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
		}
	}
	for n := range 40 { // the first bytes of a string are looked at one by one
		pad := strings.Repeat("a", n)
		for text, want := range map[string]string{
			`{"` + pad + `":1,"iss":"a"}`: `"a"`, `{"x":"` + pad + `","iss":"a"}`: `"a"`, `{"iss":"` + pad + `"}`: `"` + pad + `"`,
			`{"x":"` + pad + `\\","iss":"a"}`: `"a"`, `{"x":"` + pad + `\",\"iss\":\"b\"","iss":"a"}`: `"a"`, `{"x":"` + pad + `\\\"","iss":"a"}`: `"a"`,
			`{"iss":"` + pad: "", `{"iss":"` + pad + `\`: "", `{"iss":"` + pad + `\"`: "", `{"iss":"` + pad + `\"}`: "", `{"iss":"` + pad + `\\`: "",
		} {
			if got := string(scanMember([]byte(text), "iss")); got != want {
				t.Errorf("%s: %q, want %q", text, got, want)
			}
		}
	}
	_, err := unverifiedIn([]byte(`{"x":"`+strings.Repeat("x", maxUnverified)+`"}`), "iss", nil)
	wantError(t, err, ErrClaim, "iss")
	for claim, kind := range map[string]error{
		`"a"`: nil, `""`: ErrClaim, `1`: ErrClaim, `"\ud83d"`: ErrClaim, `"\x"`: ErrParse, "\"\x01\"": ErrParse, "\"\xff\"": ErrParse, `{]`: ErrParse, `tru`: ErrParse,
		`"` + strings.Repeat("a", maxUnverified-2) + `"`: nil, `"` + strings.Repeat("a", maxUnverified-1) + `"`: ErrClaim,
	} {
		for _, more := range []string{"", `,"x":"` + strings.Repeat("x", maxUnverified) + `"`} {
			text := []byte(`{"iss":` + claim + more + `}`)
			got, err := unverifiedIn(text, "iss", scanMember(text, "iss"))
			if more == "" && len(claim) > maxUnverified-10 {
				continue
			}
			if wantError(t, err, kind, ""); (got == "") != (kind != nil) {
				t.Errorf("%.40s: %q", claim, got)
			}
		}
	}
}

// TestPlainString: what is compared without being read is a string without an escape.
func TestPlainString(t *testing.T) {
	for value, want := range map[string]string{
		`"a"`: "a", `"abc"`: "abc", `"a b"`: "a b", `"!#[]"`: "!#[]",
		`"`: "-", ``: "-", `""`: "", `1`: "-", `123`: "-", `[1]`: "-", `null`: "-", `!a"`: "-", `#a"`: "-", `"\u0061"`: "-", `"a\"`: "-", `\a"`: "-",
	} {
		got := plainString([]byte(value))
		if (got == nil) != (want == "-") || got != nil && string(got) != want {
			t.Errorf("%s: %q", value, got)
		}
	}
}

// FuzzScanMember: where the strict reader takes an object, the scan finds what it finds.
func FuzzScanMember(f *testing.F) {
	for _, s := range []string{`{"iss":"a"}`, `{"x":["\\\""],"iss":"a","y":{}}`, `{"iss":1.5}`, `{"x":"iss"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := scanMember([]byte(text), "iss")
		o, err := parseObject(text, documentForm, ErrParse)
		if err != nil || strings.Contains(text, `\u`) { // which a name can be written with
			return
		}
		if want, _ := o.get("iss"); string(got) != want {
			t.Fatalf("%q: %q, want %q", text, got, want)
		}
	})
}
