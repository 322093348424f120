package oauth

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// jsonValues are values of every kind.
var jsonValues = []string{
	`{}`, `{"x":1}`, `[]`, `[1]`, `""`, `"x"`, `"\""`, `0`, `-1`, `1.5`, `1e5`, `true`, `false`, `null`,
}

// jsonAgrees wants text to be read where encoding/json reads it, and as that reads it.
// No text of these tests has a duplicate name or a lone surrogate, which only the
// reader of this package refuses.
func jsonAgrees(t *testing.T, text string) {
	t.Helper()
	var want map[string]json.RawMessage
	valid := utf8.ValidString(text) && json.Unmarshal([]byte(text), &want) == nil && want != nil
	o, err := jsonParse(text)
	if (err == nil) != valid {
		t.Errorf("%q: %v, for encoding/json it is valid: %v", text, err, valid)
		return
	}
	if err != nil {
		return
	}
	if len(o.members) != len(want) {
		t.Errorf("%q: %d members, want %d", text, len(o.members), len(want))
	}
	for _, m := range o.members {
		if string(want[m.name]) != m.raw {
			t.Errorf("%q: the member %q is %s, want %s", text, m.name, m.raw, want[m.name])
		}
	}
}

// TestJSONSeparators has every byte between the tokens of an object and of an array,
// around values of every kind.
func TestJSONSeparators(t *testing.T) {
	for _, place := range []string{
		"#{\"a\":%s}", "{#\"a\":%s}", "{\"a\"#%s}", "{\"a\"#:%s}", "{\"a\":#%s}", "{\"a\":%s#}", "{\"a\":%s#", "{\"a\":%s}#",
		"{\"a\":%s#\"b\":2}", "{\"a\":%s,#\"b\":2}", "{\"a\":%s,\"b\"#2}", "{\"b\":2#\"a\":%s}",
		"{\"a\":[#%s]}", "{\"a\":[%s#]}", "{\"a\":[%s#}", "{\"a\":[%s#1]}", "{\"a\":[%s,#1]}", "{\"a\":[1#%s]}",
		"{\"a\":{\"b\"#%s}}", "{\"a\":{\"b\":%s#\"c\":2}}", "{\"a\":{\"b\":%s#}", "{\"a\":[[%s#1]]}",
	} {
		for _, value := range jsonValues {
			text := fmt.Sprintf(place, value)
			for c := range 256 {
				jsonAgrees(t, strings.Replace(text, "#", string([]byte{byte(c)}), 1))
			}
			jsonAgrees(t, strings.Replace(text, "#", "", 1))
		}
	}
}

// TestJSONOneByte changes, adds and removes each byte of a text that has everything.
func TestJSONOneByte(t *testing.T) {
	// The names are so different that no single byte makes one of the other.
	const text = `{ "a":[1,-2.5e+7,0.1E-2,{"nested":[[],{}]}],"long\u0041name":"\"\\\/\b\f\n\r\té\u00e9","other":{"x":true,"yyy":false} , "the last one":null}`
	jsonAgrees(t, text)
	for i := range len(text) {
		jsonAgrees(t, text[:i]+text[i+1:])
		jsonAgrees(t, text[:i])
		for c := range 256 {
			b := string([]byte{byte(c)})
			jsonAgrees(t, text[:i]+b+text[i+1:])
			jsonAgrees(t, text[:i]+b+text[i:])
		}
	}
}

// TestJSONSeen: a name that comes twice is found in an object of many, wherever the two
// stand, in objects inside it, and where the case of letters does not count.
func TestJSONSeen(t *testing.T) {
	for _, n := range []int{pairwiseNames - 1, pairwiseNames, pairwiseNames + 1, pairwiseNames + 2, 3 * pairwiseNames} {
		for at := range n {
			for _, format := range []string{`{%s,"%s":%d}`, `{"x":{%s,"%s":%d},"y":1}`, `{"x":[{%[1]s},{%[1]s,"%[2]s":%[3]d}]}`, `{` + jsonMembers("o", 70) + `,"x":{%s,"%s":%d}}`} {
				again := fmt.Sprintf("n%d", at)
				twice := fmt.Sprintf(format, jsonMembers("n", n), again, at)
				if _, err := jsonParse(twice); err == nil {
					t.Fatalf("%d names, and that at %d again", n, at)
				}
				if _, err := parseObject(twice, answerForm, ErrParse); err != nil { // in the same words
					t.Fatalf("%d names, and that at %d again as it was: %v", n, at, err)
				}
				if _, err := parseObject(fmt.Sprintf(format, jsonMembers("n", n), again, at+1), answerForm, ErrParse); err == nil {
					t.Fatalf("%d names, and that at %d again with another value", n, at)
				}
				if _, err := jsonParse(fmt.Sprintf(format, jsonMembers("n", n), "new", at)); err != nil {
					t.Fatalf("%d names, and a new one: %v", n, err)
				}
				if err := unmarshalClaims(fmt.Sprintf(format, jsonMembers("n", n), strings.ToUpper(again), at), new(any)); err == nil {
					t.Fatalf("%d names, and that at %d again in upper case", n, at)
				}
				if err := unmarshalClaims(fmt.Sprintf(format, jsonMembers("n", n), "new", at), new(any)); err != nil {
					t.Fatalf("%d names, and a new one: %v", n, err)
				}
			}
		}
	}
}
