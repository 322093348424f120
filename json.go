package oauth

// This file implements the strict reading of JSON (RFC 8259, in the profile of
// RFC 7493) and base64url (RFC 4648, Section 5) that everything else stands on.
//
// encoding/json into a tagged struct is not safe for security-sensitive input:
// it matches names without regard to case and under Unicode folding ("iſs"
// sets iss), takes the last of duplicate members, and replaces invalid UTF-8.
// Here names are exact, and duplicates and invalid UTF-8 are errors; what a server
// says twice in the same words is said once.

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// A jsonMember is a member of an object: its decoded name and the text of its
// value, which is known to be well-formed.
type jsonMember struct{ name, raw string }

// A jsonObject is a parsed object. Its getters report a member of the wrong
// type as an error of the given kind.
type jsonObject struct {
	members []jsonMember
	kind    error
	// nullAbsent makes a null member count as absent: servers write
	// "refresh_token": null into responses. Never set for access tokens.
	nullAbsent bool
	// informs makes a member that cannot be read count as absent: nothing is decided
	// by it, and nobody is to lose a login for it.
	informs bool
	// secrets are those of the request that an answer of the server is for, of which
	// this is the body or a part; nil for all else. What is taken out is a copy then: a
	// token that is kept does not keep 1 MiB.
	secrets func() []string
}

// A jsonReader reads one JSON text. It is the scratch of a pool.
type jsonReader struct {
	text    string
	pos     int
	form    jsonForm
	inAll   int  // members still allowed in the whole text
	folding bool // names that encoding/json would take for equal count as duplicates

	members []jsonMember // of the outermost object
	open    []openMember // of all objects that are open
	seen    map[nameInObject]int
}

// An openMember is a member of an object that is open. Its name is folded where folding
// counts.
type openMember struct{ name, exact, raw string }

type nameInObject struct {
	depth int
	name  string
}

// pairwiseNames is the number of members up to which duplicates are looked for
// by comparing pairs; beyond it a set keeps the cost linear.
const pairwiseNames = 16

var jsonReaders = sync.Pool{New: func() any { return new(jsonReader) }}

func newJSONReader() *jsonReader { return jsonReaders.Get().(*jsonReader) }

// release gives the scratch back. Objects read by it must not be used after.
func (r *jsonReader) release() {
	clear(r.members[:cap(r.members)]) // let go of the text
	clear(r.open[:cap(r.open)])
	r.text = ""
	r.folding = false
	if cap(r.members) <= 64 && cap(r.open) <= 256 {
		jsonReaders.Put(r)
	}
}

// A jsonForm says what a text of some kind may be like.
type jsonForm struct {
	perObject, inAll int // bounds on the number of members
	// asSent takes what servers write and nobody loses by: a member that says one
	// string, number or boolean twice (the JARM of Keycloak has two iss), and half of a
	// surrogate pair in a string that is not read (a name that was cut).
	asSent bool
}

var (
	documentForm = jsonForm{maxMembers, maxDocumentMembers, false}
	answerForm   = jsonForm{maxMembers, maxDocumentMembers, true} // of a server, and the claims of its tokens
	headerForm   = jsonForm{maxHeaderMembers, maxHeaderMembers, false}
)

// object reads text as one JSON object with nothing after it. The result
// lives until release.
func (r *jsonReader) object(text string, form jsonForm, kind error) (jsonObject, error) {
	r.text, r.pos = text, 0
	r.form, r.inAll = form, form.inAll
	r.members, r.open = r.members[:0], r.open[:0]
	if len(r.seen) > 0 { // an earlier reading ended in the middle
		r.seen = nil
	}
	if !utf8.ValidString(text) {
		return jsonObject{}, fail(ErrParse, "", "not valid UTF-8")
	}
	r.space()
	if r.peek() != '{' {
		return jsonObject{}, fail(ErrParse, "", "not a JSON object")
	}
	if err := r.value(1); err != nil {
		return jsonObject{}, err
	}
	r.space()
	if r.pos != len(text) {
		return jsonObject{}, fail(ErrParse, "", "data after the JSON object")
	}
	return jsonObject{members: r.members, kind: kind}, nil
}

// parseObject reads text into an object of its own.
func parseObject(text string, form jsonForm, kind error) (jsonObject, error) {
	r := newJSONReader()
	defer r.release()
	o, err := r.object(text, form, kind)
	if err != nil {
		return jsonObject{}, err
	}
	o.members = slices.Clone(o.members)
	return o, nil
}

func (r *jsonReader) peek() byte {
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

func (r *jsonReader) space() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *jsonReader) bad(what string) error {
	return fail(ErrParse, "", "%s at byte %d of the JSON text", what, r.pos)
}

func (r *jsonReader) value(depth int) error {
	switch c := r.peek(); {
	case c == '{':
		return r.readObject(depth)
	case c == '[':
		return r.readArray(depth)
	case c == '"':
		_, err := r.readString()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return r.readNumber()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(r.text[r.pos:], word) {
			r.pos += len(word)
			return nil
		}
	}
	return r.bad("no value")
}

func (r *jsonReader) readObject(depth int) error {
	if depth > maxDepth {
		return r.bad("too deep")
	}
	r.pos++ // {
	base := len(r.open)
	r.space()
	if r.peek() == '}' {
		r.pos++
		return nil
	}
	for {
		if r.peek() != '"' {
			return r.bad("no member name")
		}
		raw, err := r.readString()
		if err != nil {
			return err
		}
		name, err := unquoteJSON(raw)
		if err != nil {
			return err
		}
		first, err := r.addName(name, base, depth)
		if err != nil {
			return err
		}
		r.space()
		if r.peek() != ':' {
			return r.bad("no colon")
		}
		r.pos++
		r.space()
		start := r.pos
		if err := r.value(depth + 1); err != nil {
			return err
		}
		raw = r.text[start:r.pos]
		switch {
		case first >= 0 && (r.open[first].exact != name || !sameScalar(r.open[first].raw, raw)):
			return twice(name)
		case first < 0:
			r.open[len(r.open)-1].raw = raw
			if depth == 1 {
				r.members = append(r.members, jsonMember{name, raw})
			}
		}
		r.space()
		c := r.peek()
		if c != ',' && c != '}' {
			return r.bad("no comma or closing brace")
		}
		r.pos++
		if c == '}' {
			break
		}
		r.space()
	}
	if len(r.open)-base >= pairwiseNames {
		for _, m := range r.open[base:] {
			delete(r.seen, nameInObject{depth, m.name})
		}
	}
	r.open = r.open[:base]
	return nil
}

// addName counts the members and opens one more, of which the value is to be added.
// Where the name was there before, and may be said again, it is the place of the first;
// else -1.
func (r *jsonReader) addName(name string, base, depth int) (first int, err error) {
	exact := name
	if r.folding {
		name = foldName(name)
	}
	open := r.open[base:]
	if r.inAll--; len(open) >= r.form.perObject || r.inAll < 0 {
		return -1, r.bad("too many members")
	}
	first = -1
	if len(open) < pairwiseNames {
		first = slices.IndexFunc(open, func(m openMember) bool { return m.name == name })
	} else {
		if r.seen == nil {
			r.seen = make(map[nameInObject]int)
		}
		if len(open) == pairwiseNames {
			for i, m := range open {
				r.seen[nameInObject{depth, m.name}] = i
			}
		}
		if i, ok := r.seen[nameInObject{depth, name}]; ok {
			first = i
		} else {
			r.seen[nameInObject{depth, name}] = len(open)
		}
	}
	if first < 0 {
		r.open = append(r.open, openMember{name: name, exact: exact})
		return -1, nil
	}
	if !r.form.asSent {
		return -1, twice(exact)
	}
	return base + first, nil
}

// twice is the error of a member that comes again.
func twice(name string) error {
	return fail(ErrParse, "", "the member %s comes twice", printable(name, 64))
}

// sameScalar reports whether two values are one string, number or boolean.
func sameScalar(a, b string) bool {
	switch a[0] {
	case '{', '[', 'n':
		return false
	case '"':
		if a == b {
			return true
		}
		if len(a) > 6*len(b) { // more than escapes can make of it, and not worth the time
			return false
		}
		s, wrong := unquoteJSON(a)
		t, err := unquoteJSON(b)
		return wrong == nil && err == nil && s == t
	}
	return a == b
}

func (r *jsonReader) readArray(depth int) error {
	if depth > maxDepth {
		return r.bad("too deep")
	}
	r.pos++ // [
	r.space()
	if r.peek() == ']' {
		r.pos++
		return nil
	}
	for {
		if err := r.value(depth + 1); err != nil {
			return err
		}
		r.space()
		c := r.peek()
		if c != ',' && c != ']' {
			return r.bad("no comma or closing bracket")
		}
		r.pos++
		if c == ']' {
			return nil
		}
		r.space()
	}
}

// readString returns the string with its quotes.
func (r *jsonReader) readString() (string, error) {
	start := r.pos
	for i := start + 1; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.pos = i + 1
			return r.text[start:r.pos], nil
		case c < 0x20:
			r.pos = i
			return "", r.bad("control character")
		case c == '\\':
			n, whole := escapeLength(r.text[i:])
			if n == 0 || !whole && !r.form.asSent {
				r.pos = i
				return "", r.bad("wrong escape")
			}
			i += n - 1
		}
	}
	return "", r.bad("string without end")
}

// escapeLength is the length of the escape that s begins with, a whole
// surrogate pair counted as one, or 0. Half of a pair is not whole: it is not
// Unicode text.
func escapeLength(s string) (n int, whole bool) {
	if len(s) < 2 {
		return 0, false
	}
	if s[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, s[1]) < 0 {
			return 0, false
		}
		return 2, true
	}
	u, ok := hex4(s)
	if !ok {
		return 0, false
	}
	if !utf16.IsSurrogate(u) {
		return 6, true
	}
	low, ok := hex4(s[6:])
	if !ok || utf16.DecodeRune(u, low) == unicode.ReplacementChar {
		return 6, false
	}
	return 12, true
}

// hex4 reads the \uXXXX that s begins with.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var u rune
	for _, c := range []byte(s[2:6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		u = u<<4 | rune(c)
	}
	return u, true
}

func (r *jsonReader) readNumber() error {
	if r.peek() == '-' {
		r.pos++
	}
	switch c := r.peek(); {
	case c == '0':
		r.pos++
	case !r.digits():
		return r.bad("wrong number")
	}
	if r.peek() == '.' {
		r.pos++
		if !r.digits() {
			return r.bad("wrong number")
		}
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.pos++
		if c := r.peek(); c == '+' || c == '-' {
			r.pos++
		}
		if !r.digits() {
			return r.bad("wrong number")
		}
	}
	return nil
}

func (r *jsonReader) digits() bool {
	start := r.pos
	for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
		r.pos++
	}
	return r.pos > start
}

// unquoteJSON decodes a well-formed string, quotes included. Without an escape
// the result is a part of raw.
func unquoteJSON(raw string) (string, error) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return "", fail(ErrParse, "", "not a JSON string")
	}
	s := raw[1 : len(raw)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		s = s[i:]
		n, whole := escapeLength(s)
		if !whole {
			return "", fail(ErrParse, "", "wrong escape in a JSON string")
		}
		switch n {
		case 2:
			if i := strings.IndexByte("bfnrt", s[1]); i >= 0 {
				b.WriteByte("\b\f\n\r\t"[i])
			} else {
				b.WriteByte(s[1])
			}
		case 6:
			u, _ := hex4(s)
			b.WriteRune(u)
		case 12:
			high, _ := hex4(s)
			low, _ := hex4(s[6:])
			b.WriteRune(utf16.DecodeRune(high, low))
		}
		s = s[n:]
	}
}

// foldName maps names that encoding/json matches with one another to one name:
// it compares by the smallest rune of each rune's folding orbit.
func foldName(s string) string {
	return strings.Map(smallestFold, s)
}

func smallestFold(r rune) rune {
	smallest := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		smallest = min(smallest, f)
	}
	return smallest
}

// arrayElements cuts a well-formed array of at most limit elements into their
// texts.
func arrayElements(raw string, limit int) ([]string, error) {
	if raw == "" || raw[0] != '[' {
		return nil, fail(ErrParse, "", "not a JSON array")
	}
	r := newJSONReader()
	defer r.release()
	r.text, r.pos, r.form, r.inAll = raw, 1, answerForm, maxDocumentMembers // it was read as what it is
	r.members, r.open, r.seen = r.members[:0], r.open[:0], nil
	var elems []string
	for r.space(); r.peek() != ']'; r.space() {
		if r.peek() == ',' {
			r.pos++
			r.space()
		}
		start := r.pos
		if err := r.value(2); err != nil {
			return nil, err
		}
		if len(elems) == limit {
			return nil, fail(ErrParse, "", "the array has more than %d elements", limit)
		}
		elems = append(elems, raw[start:r.pos])
	}
	return elems, nil
}

// ---- base64url

// decodeBase64URL appends what src encodes to dst. Padding, line breaks (which
// encoding/base64 skips, even when strict) and trailing bits are refused, so
// that no two texts stand for the same bytes.
func decodeBase64URL(dst, src []byte) ([]byte, error) {
	if bytes.IndexByte(src, '\n') < 0 && bytes.IndexByte(src, '\r') < 0 {
		if out, err := base64.RawURLEncoding.Strict().AppendDecode(dst, src); err == nil {
			return out, nil
		}
	}
	return nil, fail(ErrParse, "", "not base64url without padding")
}

// encodeBase64 is for x5c and the hashes of a Content-Security-Policy, which have the
// other alphabet, and padding.
func encodeBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func encodeBase64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// appendJSONString appends s, quoted. It is for the JSON that this package
// makes; s is expected to be valid UTF-8.
func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

func appendBase64URL(dst, src []byte) []byte { return base64.RawURLEncoding.AppendEncode(dst, src) }

func appendJSONInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
