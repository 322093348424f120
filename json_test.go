package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// jsonMembers writes n members with the names prefix0, prefix1, …
func jsonMembers(prefix string, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"%s%d":%d`, prefix, i, i)
	}
	return strings.Join(list, ",")
}

// jsonNested puts text inside n arrays.
func jsonNested(n int, text string) string {
	return strings.Repeat("[", n) + text + strings.Repeat("]", n)
}

// jsonParse reads text as a document of the package is read.
func jsonParse(text string) (jsonObject, error) {
	return parseObject(text, documentForm, ErrClaim)
}

func jsonMust(t *testing.T, text string) *jsonObject {
	t.Helper()
	o, err := jsonParse(text)
	if err != nil {
		t.Fatalf("%.80q: %v", text, err)
	}
	return &o
}

func TestJSONRefused(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"nothing", ``},
		{"spaces alone", "  \n"},
		{"an array", `[]`},
		{"a string", `"a"`},
		{"null", `null`},
		{"no end", `{`},
		{"no end after a name", `{"a"`},
		{"no end after a colon", `{"a":`},
		{"no end after a value", `{"a":1`},
		{"no end after a comma", `{"a":1,`},
		{"no end of an array", `{"a":[1`},
		{"no end of a string", `{"a":"b`},
		{"a line that ends in a name", "{\"a\n"},
		{"a line that ends in a name, nested", "{\"a\":{\"b\n}"},
		{"no colon", `{"a" 1}`},
		{"no comma", `{"a":1 "b":2}`},
		{"no comma in an array", `{"a":[1 2]}`},
		{"a comma too much", `{"a":1,}`},
		{"a comma first", `{,"a":1}`},
		{"a comma too much in an array", `{"a":[1,]}`},
		{"a comma first in an array", `{"a":[,1]}`},
		{"a comma alone in an array", `{"a":[,]}`},
		{"crossed brackets", `{"a":[1}]`},
		{"a name without quotes", `{a:1}`},
		{"a name in single quotes", `{'a':1}`},
		{"a name with its last quote alone", `{a":1}`},
		{"a name with its last quote alone, after another", `{"a":1,b":2}`},
		{"a number as a name", `{1:1}`},
		{"a comment", `{/**/}`},

		// RFC 8259, Section 2: only these four are white space.
		{"a form feed", "{\f}"},
		{"a no-break space", "{\u00a0}"},
		{"a byte order mark", "\ufeff{}"},
		{"a NUL", "{}\x00"},

		{"trailing text", `{}x`},
		{"a trailing object", `{}{}`},
		{"a trailing comma", `{},`},
		{"a trailing brace", `{}}`},
		{"trailing text after a space", `{} 1`},

		{"True", `{"a":True}`},
		{"a cut literal", `{"a":nul}`},
		{"a long literal", `{"a":nulll}`},
		{"undefined", `{"a":undefined}`},

		// RFC 8259, Section 6.
		{"number: NaN", `{"a":NaN}`},
		{"number: Infinity", `{"a":Infinity}`},
		{"number: leading zero", `{"a":01}`},
		{"number: negative leading zero", `{"a":-01}`},
		{"number: minus alone", `{"a":-}`},
		{"number: plus", `{"a":+1}`},
		{"number: no whole part", `{"a":.5}`},
		{"number: no fraction", `{"a":1.}`},
		{"number: no fraction before the exponent", `{"a":1.e5}`},
		{"number: no exponent", `{"a":1e}`},
		{"number: no digits in the exponent", `{"a":1e+}`},
		{"number: hexadecimal", `{"a":0x1}`},
		{"number: underscore", `{"a":1_000}`},
		{"number: two points", `{"a":1.2.3}`},

		// RFC 8259, Section 7.
		{"escape: x", `{"a":"\x41"}`},
		{"escape: quote", `{"a":"\'"}`},
		{"escape: capital U", `{"a":"\U0041"}`},
		{"escape: three digits", `{"a":"\u041"}`},
		{"escape: no digit", `{"a":"\u00g1"}`},
		{"escape: at the end", `{"a":"\`},
		{"escape: of the closing quote", `{"a":"\"}`},
		{"escape: wrong in a name", `{"\x":1}`},

		// RFC 7493, Section 2.1: no surrogate outside a pair.
		{"surrogate: high alone", `{"a":"\ud800"}`},
		{"surrogate: low alone", `{"a":"\udc00"}`},
		{"surrogate: high before a letter", `{"a":"\ud800x"}`},
		{"surrogate: high before an escaped letter", `{"a":"\ud800\u0041"}`},
		{"surrogate: two high ones", `{"a":"\ud800\ud800"}`},
		{"surrogate: reversed pair", `{"a":"\udc00\ud800"}`},
		{"surrogate: high before a short escape", `{"a":"\ud800\n12345"}`},
		{"surrogate: high before a short escape and a low one's digits", `{"a":"\ud83d\nde00"}`},
		{"surrogate: high before a low one's letters", `{"a":"\ud83dxude00"}`},
		{"surrogate: in a name", `{"\ud800":1}`},

		{"UTF-8: wrong byte in a value", "{\"a\":\"\xff\"}"},
		{"UTF-8: wrong byte in a name", "{\"a\xff\":1}"},
		{"UTF-8: wrong byte outside", "{\"a\":1}\xff"},
		{"UTF-8: cut off", "{\"a\":\"\xc3\"}"},
		{"UTF-8: overlong", "{\"a\":\"\xc0\x80\"}"},
		{"UTF-8: encoded surrogate", "{\"a\":\"\xed\xa0\x80\"}"},

		// RFC 7493, Section 2.3; RFC 7515, Section 4: "names MUST be unique".
		{"duplicate", `{"a":1,"a":2}`},
		{"duplicate: same value", `{"a":1,"a":1}`},
		{"duplicate: empty name", `{"":1,"":2}`},
		{"duplicate: by an escape", `{"a":1,"\u0061":2}`},
		{"duplicate: by two escapes", `{"\u0041":1,"\u0041":2}`},
		{"duplicate: by a surrogate pair", `{"😀":1,"\ud83d\ude00":2}`},
		{"duplicate: by a short escape", `{"a/b":1,"a\/b":2}`},
		{"duplicate: nested", `{"a":{"b":1,"b":2}}`},
		{"duplicate: nested in an array", `{"a":[1,{"b":1,"b":2}]}`},
		{"duplicate: around a nested object", `{"a":1,"b":{"c":1},"a":2}`},
		{"duplicate: 16th", `{` + jsonMembers("n", 15) + `,"n0":0}`},
		{"duplicate: 17th of the first", `{` + jsonMembers("n", 16) + `,"n0":0}`},
		{"duplicate: 17th of the 16th", `{` + jsonMembers("n", 16) + `,"n15":0}`},
		{"duplicate: 18th of the 17th", `{` + jsonMembers("n", 17) + `,"n16":0}`},
		{"duplicate: 41st of the first", `{` + jsonMembers("n", 40) + `,"n0":0}`},
		{"duplicate: 41st by an escape", `{` + jsonMembers("n", 40) + `,"\u006e39":0}`},
		{"duplicate: large and nested", `{"a":{` + jsonMembers("n", 30) + `,"n29":0}}`},
		// A nested object leaves the names of the outer one alone.
		{"duplicate: in a large one around a large one", `{` + jsonMembers("n", 20) + `,"x":{` + jsonMembers("n", 20) + `},"n3":0}`},
		{"duplicate: in a large one after a large sibling", `{"x":{` + jsonMembers("n", 20) + `},"y":{` + jsonMembers("n", 20) + `,"n3":0}}`},

		{"depth: 33 objects", strings.Repeat(`{"a":`, 32) + `{}` + strings.Repeat(`}`, 32)},
		{"depth: 32 arrays in an object", `{"a":` + jsonNested(32, "") + `}`},
		{"depth: mixed", `{"a":` + strings.Repeat(`[{"a":`, 15) + `[[]]` + strings.Repeat(`}]`, 15) + `}`},
		{"depth: 1 MiB of brackets", `{"a":` + strings.Repeat("[", 1<<20)},

		{"members: 1025", `{` + jsonMembers("n", maxMembers+1) + `}`},
		{"members: 1025 nested", `{"a":[{` + jsonMembers("n", maxMembers+1) + `}]}`},
		{"members: too many in all", `{"a":[{` + strings.Repeat(jsonMembers("n", maxMembers)+`},{`, 64) + `}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := jsonParse(tt.text)
			if !errors.Is(err, ErrParse) {
				t.Errorf("error %v, want ErrParse", err)
			}
			if o.members != nil {
				t.Errorf("members beside the error: %v", o.members)
			}
		})
	}
	for c := range byte(0x20) {
		if _, err := jsonParse(`{"a":"` + string(rune(c)) + `"}`); !errors.Is(err, ErrParse) {
			t.Errorf("control character %#x in a value: error %v, want ErrParse", c, err)
		}
		if _, err := jsonParse(`{"` + string(rune(c)) + `":1}`); !errors.Is(err, ErrParse) {
			t.Errorf("control character %#x in a name: error %v, want ErrParse", c, err)
		}
	}
}

// TestJSONAccepted also holds what is accepted against encoding/json, which
// reads it in the same way.
func TestJSONAccepted(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"empty", `{}`},
		{"white space everywhere", " \t\r\n{ \"a\" : [ 1 , 2 , { } , [ ] ] , \"b\" : true } \r\n"},
		{"literals", `{"a":true,"b":false,"c":null}`},
		{"numbers", `{"a":[0,-0,1,10,0.5,-1.5,1e5,1E+5,1e-5,-1.25e3,0e0,123456789012345678901234567890]}`},
		{"escapes", `{"a":"\"\\\/\b\f\n\r\t\u0041\u00e9\uFFFD\ud83d\uDE00\u0000"}`},
		{"escapes among text", `{"a":"x\ny\u0041z","b":"\\\\","c":"\\"}`},
		{"an escaped name", `{"\u0061\n":1}`},
		{"DEL and other text", "{\"a\":\"\x7f\u0080é😀\u2028\"}"},
		{"names that fold to one", `{"alg":"a","ALG":"b","Alg":"c"}`},
		{"one name at several depths", `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}`},
		{"one name in siblings", `{"x":{"a":1},"y":{"a":1}}`},
		{"16 members", `{` + jsonMembers("n", 16) + `}`},
		{"17 members", `{` + jsonMembers("n", 17) + `}`},
		{"one set of names at several depths", `{` + jsonMembers("n", 30) + `,"x":{` + jsonMembers("n", 30) + `,"x":{` + jsonMembers("n", 30) + `}},"z":1}`},
		{"a late name that a sibling has first", `{"x":{` + jsonMembers("n", 20) + `},"y":{` + jsonMembers("m", 20) + `,"n0":1}}`},
		{"one set of names in siblings", `{"x":{` + jsonMembers("n", 30) + `},"y":[{` + jsonMembers("n", 30) + `},{` + jsonMembers("n", 30) + `}]}`},
		{"32 objects deep", strings.Repeat(`{"a":`, 31) + `{}` + strings.Repeat(`}`, 31)},
		{"31 arrays in an object", `{"a":` + jsonNested(31, "") + `}`},
		{"wide, not deep", `{"a":[` + strings.Repeat("[[]],", 1000) + `1]}`},
		{"1024 members", `{` + jsonMembers("n", maxMembers) + `}`},
		{"1024 members, nested twice", `{"x":{` + jsonMembers("n", maxMembers) + `},"y":{` + jsonMembers("n", maxMembers) + `}}`},
		{"65,536 members in all", `{"a":[` + strings.Repeat(`{`+jsonMembers("n", maxMembers)+`},`, 63) + `{` + jsonMembers("n", maxMembers-1) + `}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := jsonMust(t, tt.text)
			var want map[string]json.RawMessage
			if err := json.Unmarshal([]byte(tt.text), &want); err != nil {
				t.Fatal(err)
			}
			if len(o.members) != len(want) {
				t.Errorf("%d members, encoding/json has %d", len(o.members), len(want))
			}
			for _, m := range o.members {
				if !bytes.Equal(bytes.TrimSpace(want[m.name]), []byte(m.raw)) {
					t.Errorf("member %q is %.80s, encoding/json has %.80s", m.name, m.raw, want[m.name])
				}
			}
		})
	}
}

// TestJSONSaidTwice: what a server may say twice is one string, number or boolean, in
// whatever way it is written. Of two values readers would see different ones.
func TestJSONSaidTwice(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		ok         bool
	}{
		{"a string", `"alice"`, `"alice"`, true},
		{"an empty string", `""`, `""`, true},
		{"a string with an escape", `"alice"`, `"\u0061lice"`, true},
		{"a string of escapes", `"ab"`, `"\u0061\u0062"`, true},
		{"a string in other letters", `"alice"`, `"ALICE"`, false},
		{"a string in other letters, with an escape", `"alice"`, `"\u0041lice"`, false},
		{"a string with a space", `"alice"`, `"alice "`, false},
		{"a string and none", `"alice"`, `""`, false},
		{"a string and a much longer one", `"a"`, `"` + strings.Repeat("a", 30) + `"`, false},
		{"a long string of escapes", `"` + strings.Repeat("a", 30) + `"`, `"` + strings.Repeat(`\u0061`, 30) + `"`, true},
		{"half of a surrogate pair", `"\ud83d"`, `"\ud83d"`, true},
		{"two halves", `"\ud83d"`, `"\ud83e"`, false},
		{"half and nothing", `"\ud83d"`, `""`, false},
		{"half and what it would become", `"\ud83d"`, `"\ufffd"`, false},
		{"a number", `1`, `1`, true},
		{"a number in another form", `1`, `1.0`, false},
		{"a number in another letter", `1e5`, `1E5`, false},
		{"a number and its string", `1`, `"1"`, false},
		{"true", `true`, `true`, true},
		{"true and false", `true`, `false`, false},
		{"null", `null`, `null`, false},
		{"null first", `null`, `"alice"`, false},
		{"null after", `"alice"`, `null`, false},
		{"an object", `{}`, `{}`, false},
		{"an array", `["alice"]`, `["alice"]`, false},
		{"a string and its array", `"alice"`, `["alice"]`, false},
	} {
		for _, text := range []string{
			`{"sub":` + tt.a + `,"sub":` + tt.b + `}`,
			`{"sub":` + tt.b + `,"x":{"y":1},"sub":` + tt.a + `}`,
			`{"y":0,"x":{"z":1,"sub":` + tt.a + `,"sub":` + tt.b + `}}`,
		} {
			o, err := parseObject(text, answerForm, ErrClaim)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrParse) {
				t.Errorf("%s: %s: %v", tt.name, text, err)
			}
			if n := len(o.members); err == nil && n != 1+strings.Count(text, `"x"`) || err != nil && n != 0 {
				t.Errorf("%s: %s has %d members", tt.name, text, n)
			}
			for _, form := range []jsonForm{documentForm, headerForm} {
				if _, err := parseObject(text, form, ErrParse); !errors.Is(err, ErrParse) {
					t.Errorf("%s: %s is taken where nothing may be said twice: %v", tt.name, text, err)
				}
			}
		}
	}
}

// TestJSONHalfOfAName: half of a surrogate pair is taken in a value that is not read, and
// in no name.
func TestJSONHalfOfAName(t *testing.T) {
	for _, text := range []string{`{"\ud800":1}`, `{"\ud800"`, `{"x":{"\ud800":1}}`} {
		if o, err := parseObject(text, answerForm, ErrClaim); !errors.Is(err, ErrParse) || o.members != nil {
			t.Errorf("%s: %v, %v", text, o.members, err)
		}
	}
}

func TestJSONHeaderLimit(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"64", `{` + jsonMembers("n", 64) + `}`, true},
		{"65", `{` + jsonMembers("n", 65) + `}`, false},
		{"64 in all", `{` + jsonMembers("n", 40) + `,"x":{` + jsonMembers("n", 23) + `}}`, true},
		{"65 in all", `{` + jsonMembers("n", 40) + `,"x":{` + jsonMembers("n", 24) + `}}`, false},
		{"65 in all, in an array", `{"x":[{` + jsonMembers("n", 32) + `},{` + jsonMembers("n", 32) + `}]}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseObject(tt.text, headerForm, ErrParse); (err == nil) != tt.ok {
				t.Errorf("error %v, want ok %v", err, tt.ok)
			}
		})
	}
	header := encodeBase64URL([]byte(`{"alg":"ES256",` + jsonMembers("n", 64) + `}`))
	if _, err := parseHeader(header); !errors.Is(err, ErrParse) {
		t.Errorf("a JOSE header of 65 members: error %v, want ErrParse", err)
	}
}

// TestJSONExactNames has the names that encoding/json takes for others:
// U+017F folds to s, U+212A to k.
func TestJSONExactNames(t *testing.T) {
	for _, tt := range []struct{ name, want, other string }{
		{"long s", "iss", "iſs"},
		{"long s, escaped", "sub", `\u017fub`},
		{"capital letters", "alg", "ALG"},
		{"a capital letter", "exp", "Exp"},
		{"Kelvin sign", "kid", "\u212aid"},
		{"a space", "aud", "aud "},
		{"a NUL", "aud", `aud\u0000`},
		{"a combining accent", "e", "e\u0301"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if jsonMust(t, `{"`+tt.other+`":"evil"}`).has(tt.want) {
				t.Errorf("%q counts as %q", tt.other, tt.want)
			}
			for _, text := range []string{
				`{"` + tt.want + `":"good","` + tt.other + `":"evil"}`,
				`{"` + tt.other + `":"evil","` + tt.want + `":"good"}`,
			} {
				if s, err := jsonMust(t, text).need(tt.want); s != "good" || err != nil {
					t.Errorf("%s gives %q, %v", text, s, err)
				}
			}
		})
	}
}

func TestJSONUnquote(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{`""`, ""},
		{`"plain"`, "plain"},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{`"\u0041\u00E9\u20ac\u0000"`, "Aé€\x00"},
		{`"\ud83d\ude00"`, "😀"},
		{`"\uFFFD"`, "\ufffd"},
		{`"a\nb\nc"`, "a\nb\nc"},
		{`"\\u0041"`, `\u0041`},
		{`"\\"`, `\`},
	} {
		if got, err := unquoteJSON(tt.raw); got != tt.want || err != nil {
			t.Errorf("%s gives %q, %v, want %q", tt.raw, got, err, tt.want)
		}
	}
	for _, raw := range []string{``, `"`, `a`, `"a`, `a"`, `1`, `"\ud800"`, `"\x"`} {
		if got, err := unquoteJSON(raw); !errors.Is(err, ErrParse) {
			t.Errorf("%s gives %q, %v, want ErrParse", raw, got, err)
		}
	}
}

// TestJSONReuse reads again with a reader whose last text ended in the middle:
// names that were open then must not count as seen.
func TestJSONReuse(t *testing.T) {
	large := jsonMembers("n", pairwiseNames+20)
	r := new(jsonReader)
	for _, broken := range []string{
		`{` + large,
		`{` + large + `,"x":{` + large,
		`{` + large + `,"n3":1}`,
		`{"x":[{` + large + `},{` + large + `!`,
	} {
		if _, err := r.object(broken, documentForm, ErrParse); err == nil {
			t.Fatalf("%.60q is accepted", broken)
		}
		for _, text := range []string{`{` + large + `}`, `{"x":{` + large + `}}`, `{"x":[{` + large + `}]}`, `{"a":1}`} {
			o, err := r.object(text, documentForm, ErrParse)
			if err != nil {
				t.Errorf("%.60q after a broken text: %v", text, err)
			}
			if want := jsonMust(t, text); !slices.Equal(o.members, want.members) {
				t.Errorf("%.60q after a broken text has the members %v", text, o.members)
			}
		}
	}
}

// TestJSONRelease: nothing of a text that was read stays in the reader. These are too
// large for the pool, where others would find them.
func TestJSONRelease(t *testing.T) {
	for _, text := range []string{
		`{"x":{"a":1},` + jsonMembers("n", 100) + `}`, `{"x":{"a":1},` + jsonMembers("n", 100), `{"x":{` + jsonMembers("n", 300) + `}}`,
	} {
		r := new(jsonReader)
		r.object(text, documentForm, ErrParse)
		r.folding = true
		r.object(text, documentForm, ErrParse)
		r.release()
		if r.text != "" || slices.ContainsFunc(r.open[:cap(r.open)], func(m jsonMember) bool { return m != jsonMember{} }) ||
			slices.ContainsFunc(r.folded[:cap(r.folded)], func(s string) bool { return s != "" }) {
			t.Errorf("of %.20s there is %v", text, r)
		}
	}
}

// TestJSONPool is TestJSONReuse through the pool, by every way to a reader.
func TestJSONPool(t *testing.T) {
	large := jsonMembers("n", pairwiseNames+20)
	list := `[{` + large + `},{` + large + `}]`
	for range 100 {
		jsonParse(`{"x":[{` + large + `,"n0":1}]}`)
		jsonParse(`{"x":{` + large + `,"n0":1}}`)
		if elems, err := arrayElements(nil, list, maxMembers); err != nil || len(elems) != 2 {
			t.Fatalf("an array after a broken text: %d elements, %v", len(elems), err)
		}
		jsonParse(`{"x":[{` + large)
		if _, err := jsonParse(`{"x":` + list + `}`); err != nil {
			t.Fatalf("an object after a broken text: %v", err)
		}
		// Folding is for claims alone.
		var claims map[string]any
		if err := unmarshalClaims(`{"a":1,"A":2}`, &claims); err == nil {
			t.Fatal("claims that fold to one are accepted")
		}
		if _, err := jsonParse(`{"a":1,"A":2}`); err != nil {
			t.Fatalf("names that differ by case after a folding reading: %v", err)
		}
	}
}

// TestJSONParsedObjectIsItsOwn: an object of parseObject does not live in the pool.
func TestJSONParsedObjectIsItsOwn(t *testing.T) {
	o := jsonMust(t, `{"a":"first"}`)
	for range 100 {
		jsonMust(t, `{"a":"other","b":"other"}`)
	}
	if s, err := o.need("a"); s != "first" || err != nil {
		t.Errorf("the object now has %q, %v", s, err)
	}
}

// TestJSONCost: 1 MiB of members, as many as are allowed, is read in an
// amount of memory that does not depend on how they are arranged.
func TestJSONCost(t *testing.T) {
	object := `{` + jsonMembers("name", maxMembers) + `}`
	for _, tt := range []struct {
		name, text string
	}{
		{"large objects", `{"a":[` + strings.Repeat(object+",", 55) + `1]}`},
		{"objects of 17", `{"a":[` + strings.Repeat(`{`+jsonMembers("n", 17)+`},`, 3800) + `1]}`},
		{"small objects", `{"a":[` + strings.Repeat(`{"name":"value"},`, 60000) + `1]}`},
		{"one string", `{"a":"` + strings.Repeat("x", 1<<20-16) + `"}`},
		{"brackets", `{"a":[` + strings.Repeat("[],", 1<<18) + `1]}`},
		{"escaped names", `{"a":[` + strings.Repeat(`{"\u0061":1,"\u0062":1},`, 32000) + `1]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if len(tt.text) > maxBody {
				t.Fatalf("the text has %d bytes", len(tt.text))
			}
			least := uint64(1 << 62) // others may allocate meanwhile
			for range 3 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, err := jsonParse(tt.text)
				runtime.ReadMemStats(&after)
				if err != nil {
					t.Fatal(err)
				}
				least = min(least, after.TotalAlloc-before.TotalAlloc)
			}
			if least > 4<<20 {
				t.Errorf("%d bytes of JSON take %d bytes of memory", len(tt.text), least)
			}
		})
	}
}

// ---- getters

func TestJSONGetters(t *testing.T) {
	const text = `{"s":"text","esc":"\u0041","empty":"","n":1,"b":true,"no":false,"null":null,"o":{"x":"y"},
		"list":["a","\u0062"],"none":[],"mixed":["a",1],"nullin":["a",null]}`
	o := jsonMust(t, text)
	call := map[string]func(string) (any, bool, error){
		"string":  func(n string) (any, bool, error) { v, ok, err := o.string(n); return v, ok, err },
		"bool":    func(n string) (any, bool, error) { v, ok, err := o.bool(n); return v, ok, err },
		"strings": func(n string) (any, bool, error) { v, ok, err := o.strings(n, false); return v, ok, err },
		"either":  func(n string) (any, bool, error) { v, ok, err := o.strings(n, true); return v, ok, err },
		"object": func(n string) (any, bool, error) {
			v, ok, err := o.object(n)
			s, _, _ := v.string("x")
			return s, ok, err
		},
		"date":    func(n string) (any, bool, error) { v, ok, err := o.date(n); return v.Unix(), ok, err },
		"seconds": func(n string) (any, bool, error) { v, ok, err := o.seconds(n, false); return v, ok, err },
		"need":    func(n string) (any, bool, error) { v, err := o.need(n); return v, err == nil, err },
	}
	for _, tt := range []struct {
		getter, member string
		want           any // nil: an error
	}{
		{"string", "s", "text"}, {"string", "esc", "A"}, {"string", "empty", ""},
		{"string", "n", nil}, {"string", "b", nil}, {"string", "o", nil}, {"string", "list", nil}, {"string", "null", nil},
		{"need", "s", "text"}, {"need", "empty", nil}, {"need", "absent", nil}, {"need", "n", nil}, {"need", "null", nil},
		{"bool", "b", true}, {"bool", "no", false}, {"bool", "s", nil}, {"bool", "n", nil}, {"bool", "null", nil},
		{"strings", "list", []string{"a", "b"}}, {"strings", "none", []string{}}, {"strings", "s", nil},
		{"strings", "mixed", nil}, {"strings", "nullin", nil}, {"strings", "o", nil}, {"strings", "null", nil}, {"strings", "n", nil},
		{"either", "s", []string{"text"}}, {"either", "esc", []string{"A"}}, {"either", "list", []string{"a", "b"}},
		{"either", "n", nil}, {"either", "mixed", nil}, {"either", "null", nil},
		{"object", "o", "y"}, {"object", "s", nil}, {"object", "list", nil}, {"object", "null", nil},
		{"date", "n", int64(1)}, {"date", "s", nil}, {"date", "b", nil}, {"date", "null", nil}, {"date", "list", nil},
		{"seconds", "n", int64(1)}, {"seconds", "s", nil}, {"seconds", "null", nil},
	} {
		t.Run(tt.getter+" "+tt.member, func(t *testing.T) {
			got, ok, err := call[tt.getter](tt.member)
			if tt.want != nil {
				if err != nil || !ok || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("got %v, %v, %v, want %v", got, ok, err, tt.want)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind != ErrClaim || e.Param != tt.member {
				t.Errorf("error %#v, want one of kind ErrClaim about %s", err, tt.member)
			}
		})
	}
	for name, get := range call {
		if name == "need" {
			continue
		}
		if _, ok, err := get("absent"); ok || err != nil {
			t.Errorf("%s of an absent member: %v, %v", name, ok, err)
		}
	}
}

// TestJSONNull: null counts as absent where the object says so, and only there.
func TestJSONNull(t *testing.T) {
	o := jsonMust(t, `{"a":null,"b":{"c":null},"d":"null"}`)
	if !o.has("a") {
		t.Error("null counts as absent in a token")
	}
	if _, _, err := o.string("a"); !errors.Is(err, ErrClaim) {
		t.Errorf("null as a string: %v, want ErrClaim", err)
	}
	o.nullAbsent = true
	if o.has("a") || !o.has("d") {
		t.Error("null does not count as absent in a response")
	}
	if _, err := o.need("a"); !errors.Is(err, ErrClaim) {
		t.Errorf("null for a required member: %v, want ErrClaim", err)
	}
	sub, ok, err := o.object("b")
	if err != nil || !ok || sub.has("c") {
		t.Errorf("null in a nested object: %v, %v, present %v", ok, err, sub.has("c"))
	}
}

func TestJSONSeconds(t *testing.T) {
	for _, tt := range []struct {
		raw  string
		want int64 // -1: an error
	}{
		{`0`, 0}, {`3600`, 3600}, {`3600.9`, 3600}, {`3.6e3`, 3600}, {`-0`, 0}, {`9007199254740992`, 1 << 53},
		{`"3600"`, 3600}, {`"0"`, 0}, {`"999999999999999"`, 999999999999999},
		{`"\u0031"`, 1},
		// It ends there: servers mean that there is no end.
		{`9007199254740994`, 1 << 53}, {`1e300`, 1 << 53}, {`1e999`, 1 << 53}, {`"1000000000000000"`, 1e15}, {`"99999999999999999999"`, 1 << 53},
		{`-1`, -1}, {`-0.5`, -1}, {`-1e300`, -1}, {`-1e999`, -1},
		{`""`, -1}, {`"-1"`, -1}, {`"+1"`, -1}, {`" 1"`, -1}, {`"1 "`, -1}, {`"1.5"`, -1}, {`"1e3"`, -1}, {`"0x1"`, -1},
		{`"٣"`, -1}, {`true`, -1}, {`[1]`, -1},
	} {
		t.Run(tt.raw, func(t *testing.T) {
			n, _, err := jsonMust(t, `{"n":`+tt.raw+`}`).seconds("n", true)
			if tt.want < 0 {
				if !errors.Is(err, ErrClaim) {
					t.Errorf("got %d, %v, want ErrClaim", n, err)
				}
			} else if n != tt.want || err != nil {
				t.Errorf("got %d, %v, want %d", n, err, tt.want)
			}
		})
	}
}

func TestJSONArrayElements(t *testing.T) {
	for _, tt := range []struct {
		raw  string
		want []string
	}{
		{`[]`, nil},
		{`[ ]`, nil},
		{`[1]`, []string{"1"}},
		{"[ 1 ,\n\"a,]\" , [2,3] , {\"x\":[4]} ,null]", []string{"1", `"a,]"`, "[2,3]", `{"x":[4]}`, "null"}},
	} {
		if got, err := arrayElements(nil, tt.raw, maxMembers); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s gives %q, %v", tt.raw, got, err)
		}
	}
	for _, raw := range []string{``, `{}`, `"a"`, `"]"`, `null`} {
		if _, err := arrayElements(nil, raw, maxMembers); !errors.Is(err, ErrParse) {
			t.Errorf("%s: error %v, want ErrParse", raw, err)
		}
	}
}

// ---- structs

type jsonFields struct {
	Text    string          `json:"text,omitzero"`
	Alg     Algorithm       `json:"alg,omitzero"`
	Flag    bool            `json:"flag,omitzero"`
	Maybe   *bool           `json:"maybe,omitzero"`
	Number  *int64          `json:"number,omitzero"`
	List    []string        `json:"list,omitzero"`
	Algs    []Algorithm     `json:"algs,omitzero"`
	Raw     json.RawMessage `json:"raw,omitzero"`
	Sub     *jsonSub        `json:"sub,omitzero"`
	Ignored string          `json:"-"`
}

type jsonSub struct {
	Text string `json:"text,omitzero"`
}

func jsonDecode(t *testing.T, text string) (jsonFields, map[string]json.RawMessage, error) {
	t.Helper()
	o, err := parseMetadata([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var f jsonFields
	extra, err := decodeStruct(&o, &f)
	return f, extra, err
}

func TestJSONStruct(t *testing.T) {
	yes, zero, number := true, int64(0), int64(3600)
	full := jsonFields{
		Text: "a\"b", Alg: ES256, Flag: true, Maybe: &yes, Number: &number,
		List: []string{"a", "b"}, Algs: []Algorithm{RS256, "HS256"}, Raw: json.RawMessage(`{"keys":[]}`), Sub: &jsonSub{"x"},
	}
	for _, tt := range []struct {
		name string
		text string
		want jsonFields
	}{
		{"nothing", `{}`, jsonFields{}},
		{"all", `{"text":"a\"b","alg":"ES256","flag":true,"maybe":true,"number":3600,"list":["a","b"],"algs":["RS256","HS256"],"raw":{"keys":[]},"sub":{"text":"x"}}`, full},
		{"empty lists stay apart from absent ones", `{"list":[],"algs":[]}`, jsonFields{List: []string{}, Algs: []Algorithm{}}},
		{"zero behind a pointer", `{"number":0}`, jsonFields{Number: &zero}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, extra, err := jsonDecode(t, tt.text)
			if err != nil || extra != nil || !reflect.DeepEqual(got, tt.want) {
				t.Fatalf("decoded %+v, extra %v, %v", got, extra, err)
			}
			text, err := encodeStruct(got, nil)
			if err != nil || string(text) != tt.text {
				t.Errorf("encoded %s, %v", text, err)
			}
		})
	}
	// Null is what servers write for a member that they do not set.
	got, extra, err := jsonDecode(t, `{"text":null,"alg":null,"flag":null,"maybe":null,"number":null,"list":null,"raw":null,"sub":null}`)
	if err != nil || extra != nil || !reflect.DeepEqual(got, jsonFields{}) {
		t.Errorf("nulls decode to %+v, extra %v, %v", got, extra, err)
	}
	for _, text := range []string{
		`{"text":1}`, `{"alg":["ES256"]}`, `{"flag":"true"}`, `{"flag":1}`, `{"maybe":"true"}`, `{"number":"1"}`, `{"number":-1}`, `{"number":1.5}`, `{"number":-0.5}`,
		`{"list":"a"}`, `{"list":[1]}`, `{"list":[null]}`, `{"algs":"ES256"}`, `{"algs":[1]}`, `{"sub":[]}`, `{"sub":"x"}`, `{"sub":{"text":1}}`,
		// Null must not look like a list that is absent.
		`{"algs":null}`,
	} {
		if _, _, err := jsonDecode(t, text); !errors.Is(err, ErrParse) {
			t.Errorf("%s: error %v, want ErrParse", text, err)
		}
	}
}

func TestJSONStructExtra(t *testing.T) {
	const text = `{"text":"x","Text":"other","-":1,"Ignored":2,"":3,"a<b":"<&>","z":null,"é":[1,2]}`
	f, extra, err := jsonDecode(t, text)
	if err != nil || f.Text != "x" || f.Ignored != "" || len(extra) != 7 {
		t.Fatalf("decoded %+v, extra %v, %v", f, extra, err)
	}
	encoded, err := encodeStruct(f, extra)
	if err != nil {
		t.Fatal(err)
	}
	f2, extra2, err := jsonDecode(t, string(encoded))
	if err != nil || !reflect.DeepEqual(f2, f) || len(extra2) != len(extra) {
		t.Fatalf("the round trip gives %s, %v", encoded, err)
	}
	for name, raw := range extra {
		var a, b any
		if json.Unmarshal(raw, &a) != nil || json.Unmarshal(extra2[name], &b) != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("member %q was %s and is %s", name, raw, extra2[name])
		}
	}
	again, err := encodeStruct(f, extra)
	if err != nil || !bytes.Equal(again, encoded) {
		t.Errorf("the order changes: %s", again)
	}
	if b, err := encodeStruct(jsonFields{}, map[string]json.RawMessage{"a": json.RawMessage("1")}); err != nil || string(b) != `{"a":1}` {
		t.Errorf("extra members alone give %s, %v", b, err)
	}
	// The same for an object within.
	const aliases = `{"issuer":"i","mtls_endpoint_aliases":{"token_endpoint":"t","other_endpoint":"o"}}`
	var as AuthorizationServer
	if err := json.Unmarshal([]byte(aliases), &as); err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(as); err != nil || string(b) != aliases {
		t.Errorf("aliases become %s, %v", b, err)
	}
	// A member twice would be two answers to one question.
	if b, err := encodeStruct(f, map[string]json.RawMessage{"list": json.RawMessage("[]")}); !errors.Is(err, ErrConfig) {
		t.Errorf("an extra member with a field gives %s, %v, want ErrConfig", b, err)
	}
	if b, err := encodeStruct(f, map[string]json.RawMessage{"a": json.RawMessage("{")}); err == nil {
		t.Errorf("an extra member that is no JSON gives %s", b)
	}
}

// ---- claims

func TestJSONUnmarshalClaims(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"plain", `{"email":"a","email_verified":true}`, true},
		{"one capital name", `{"EMAIL":"a"}`, true},
		{"same name at another depth", `{"email":"a","sub":{"EMAIL":"b"}}`, true},
		{"case", `{"email":"a","Email":"b"}`, false},
		{"case, of one value", `{"email":"a","Email":"a"}`, false},
		{"case, nested", `{"x":{"email":"a","eMail":"b"}}`, false},
		{"case, in an array", `{"x":[{"email":"a"},{"email":"a","EMAIL":"b"}]}`, false},
		{"long s", `{"iss":"a","iſs":"b"}`, false},
		{"long s, escaped, nested", `{"x":[[{"iss":"a","i\u017fs":"b"}]]}`, false},
		{"Kelvin sign, nested", `{"x":{"y":{"kid":"a","` + "\u212a" + `id":"b"}}}`, false},
		{"Greek sigmas", `{"σ":1,"ς":2}`, false},
		{"case among many", `{` + jsonMembers("n", 30) + `,"N7":1}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			jsonMust(t, tt.text) // the strict reading tells them apart
			var dst map[string]any
			err := unmarshalClaims(tt.text, &dst)
			if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, ErrClaim) {
				t.Errorf("error %v, want ok %v or ErrClaim", err, tt.ok)
			}
			if !tt.ok && dst != nil {
				t.Errorf("a value beside the error: %v", dst)
			}
		})
	}
	var dst struct {
		Email int `json:"email"`
	}
	if err := unmarshalClaims(`{"email":"marker@example.com"}`, &dst); !errors.Is(err, ErrClaim) || strings.Contains(err.Error(), "marker") {
		t.Errorf("a claim of another type: %v, want ErrClaim without the value", err)
	}
	// Whatever encoding/json matches with a name is a duplicate of it here.
	for r := rune(1); r < 0x3000; r++ {
		name := "k" + string(r)
		for _, other := range []rune{'k', 's', 'K', 'S'} {
			var v struct {
				K int `json:"kk"`
				S int `json:"ks"`
			}
			if r == '"' || r == '\\' || r < 0x20 {
				continue
			}
			if json.Unmarshal([]byte(`{"`+name+`":1}`), &v) != nil {
				t.Fatalf("%q", name)
			}
			matches := v.K == 1 && (other == 'k' || other == 'K') || v.S == 1 && (other == 's' || other == 'S')
			if same := foldName(name) == foldName("k"+string(other)); same != matches {
				t.Errorf("%q and k%c: folded alike %v, encoding/json says %v", name, other, same, matches)
			}
		}
	}
}

// ---- base64url

func TestJSONBase64URL(t *testing.T) {
	for n := range 70 {
		b := bytes.Repeat([]byte{0xfb, 0xef, 0x3e}, 24)[:n]
		text := encodeBase64URL(b)
		if strings.ContainsAny(text, "+/=") {
			t.Errorf("%d bytes encode to %q", n, text)
		}
		got, err := decodeBase64URL([]byte("kept"), text)
		if err != nil || string(got) != "kept"+string(b) {
			t.Errorf("%q decodes to %q, %v", text, got, err)
		}
		if got := appendBase64URL([]byte("kept"), b); string(got) != "kept"+text {
			t.Errorf("appended %q", got)
		}
	}
	for _, tt := range []struct{ name, text string }{
		{"padding", "QQ=="},
		{"half the padding", "QQ="},
		{"padding where none belongs", "QUJD="},
		{"padding alone", "="},
		{"line feed", "QU\nJD"},
		{"line feed at the end", "QUJD\n"},
		{"carriage return", "\rQUJD"},
		{"both", "QUJD\r\n"},
		{"space", "QU JD"},
		{"tab", "QUJD\t"},
		{"plus", "-_+_"},
		{"slash", "-_/_"},
		{"one letter", "Q"},
		{"five letters", "QUJDR"},
		{"trailing bits of two letters", "QR"},
		{"trailing bits of three letters", "QUJ"},
		{"another letter", "QUé_"},
		{"a dot", "QU.D"},
		{"a NUL", "QU\x00D"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := decodeBase64URL(nil, tt.text); !errors.Is(err, ErrParse) || got != nil {
				t.Errorf("%q decodes to %q, %v, want ErrParse", tt.text, got, err)
			}
		})
	}
}

// ---- writing

func TestJSONAppendString(t *testing.T) {
	var all strings.Builder
	for r := rune(0); r < 0x250; r++ {
		all.WriteRune(r)
	}
	for _, s := range []string{"", "a", `"\`, "\x00\x1f\x7f", "😀\u2028", all.String()} {
		text := appendJSONString(nil, s)
		var got string
		if err := json.Unmarshal(text, &got); err != nil || got != s {
			t.Errorf("%q is written as %s: %v", s, text, err)
		}
		if got, err := unquoteJSON(string(text)); err != nil || got != s {
			t.Errorf("%q is read back as %q, %v", s, got, err)
		}
	}
	if got := string(appendJSONInt(nil, -12)); got != "-12" {
		t.Errorf("-12 is written as %s", got)
	}
}

func TestJSONDateMember(t *testing.T) {
	o := jsonMust(t, `{"a":1700000000.5,"b":1.7e9,"huge":1e17,"text":"1700000000"}`)
	if got, ok, err := o.date("a"); !ok || err != nil || !got.Equal(time.Unix(1700000000, 5e8)) {
		t.Errorf("a fraction gives %v, %v, %v", got, ok, err)
	}
	if got, ok, err := o.date("b"); !ok || err != nil || !got.Equal(time.Unix(1700000000, 0)) {
		t.Errorf("an exponent gives %v, %v, %v", got, ok, err)
	}
	for _, name := range []string{"huge", "text"} {
		if got, _, err := o.date(name); !errors.Is(err, ErrClaim) {
			t.Errorf("%s gives %v, %v, want ErrClaim", name, got, err)
		}
	}
}

// TestJSONMembersOfMembers: the names in a member are those of that member alone. They are
// not taken for names of the object, and do not hide those.
func TestJSONMembersOfMembers(t *testing.T) {
	for _, text := range []string{
		`{"x":{"p":1,"q":2,"iss":3},"iss":"a"}`, `{"x":[{"p":1},{"p":1,"q":2,"r":3,"iss":4}],"iss":"a"}`, `{"iss":"a","x":{"p":1,"q":2,"iss":3}}`,
	} {
		r := newJSONReader()
		o, err := r.object(text, answerForm, ErrClaim)
		if err != nil {
			t.Fatal(err)
		}
		if iss, ok := o.get("iss"); !ok || iss != `"a"` {
			t.Errorf("%s: %s %v", text, iss, ok)
		}
		r.release()
	}
	var dst map[string]any
	for text, good := range map[string]bool{
		`{"x":{"a":1},"B":1,"b":2}`: false, `{"x":{"a":1,"c":2},"B":1,"y":2,"b":3}`: false, `{"x":{"B":1},"b":1}`: true, `{"x":[{"a":1},{"A":2}],"B":1}`: true,
		`{"x":{"a":1,"A":2},"B":1}`: false,
	} {
		if err := unmarshalClaims(text, &dst); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}
