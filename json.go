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
	"encoding/base64"
	"math/bits"
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
	places  *namePlaces // of the members; nil: not known
	kind    error
	// nullAbsent makes a null member count as absent: servers write
	// "refresh_token": null into responses. Never set for access tokens.
	nullAbsent bool
	// informs makes a member that cannot be read count as absent: nothing is decided
	// by it, and nobody is to lose a login for it.
	informs bool
	// secrets are those of the request that an answer of the server is for, of which
	// this is the body or a part; nil for all else.
	secrets func() []string
	// copies makes copies of what is taken out: a token that is kept does not keep 1 MiB.
	copies bool
}

// A jsonReader reads one JSON text. It is the scratch of a pool.
type jsonReader struct {
	text    string
	pos     int
	form    jsonForm
	inAll   int  // members still allowed in the whole text
	folding bool // names that encoding/json would take for equal count as duplicates

	open   []jsonMember // of all objects that are open; in the end, those of the outermost
	most   int          // how many there have been at once
	folded []string     // their names as encoding/json compares them, where folding counts
	seen   map[nameInObject]int
	places namePlaces // of the outermost object
}

type nameInObject struct {
	depth int
	name  string
}

// A nameSet has a bit for each name of an object: where it is not set, the name is not
// there. Several names share a bit.
type nameSet uint64

// nameBit is the number of the bit of a name. It tells the registered claims apart.
func nameBit(name string) uint {
	if name == "" {
		return 0
	}
	return (uint(len(name))*nameLength + uint(name[0]) + uint(name[len(name)-1])*nameEnd) & 63
}

const nameLength, nameEnd = 4, 10

// namePlaces has for each bit of a nameSet one more than the place of the first member
// with it: 0 where there is none, and lastPlace for all places from there on.
type namePlaces [64]uint8

const lastPlace = 255

// from is the place where to look for a name; ok is false if it is nowhere.
func (p *namePlaces) from(name string) (place int, ok bool) {
	place = int(p[nameBit(name)])
	return place - 1, place > 0
}

// pairwiseNames is the number of members up to which duplicates are looked for
// by comparing pairs; beyond it a set keeps the cost linear.
const pairwiseNames = 64

var jsonReaders = sync.Pool{New: func() any { return new(jsonReader) }}

func newJSONReader() *jsonReader { return jsonReaders.Get().(*jsonReader) }

// release gives the scratch back. Objects read by it must not be used after.
func (r *jsonReader) release() {
	r.begin()
	clear(r.open[:r.most]) // let go of the text
	r.text, r.most = "", 0
	r.folding = false
	if cap(r.open) <= 256 {
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
	r.begin()
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
	return jsonObject{members: r.open, places: &r.places, kind: kind}, nil
}

// begin forgets what an earlier reading has left, which may have ended in the middle.
func (r *jsonReader) begin() {
	r.most = max(r.most, len(r.open))
	clear(r.folded[:cap(r.folded)])
	r.open, r.folded, r.places = r.open[:0], r.folded[:0], namePlaces{}
	if len(r.seen) > 0 {
		r.seen = nil
	}
}

// parseObject reads text into an object of its own.
func parseObject(text string, form jsonForm, kind error) (jsonObject, error) {
	r := newJSONReader()
	defer r.release()
	o, err := r.object(text, form, kind)
	if err != nil {
		return jsonObject{}, err
	}
	o.members, o.places = slices.Clone(o.members), nil
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

//go:noinline // see withOp
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
		_, _, err := r.readString()
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
	var names nameSet
	r.space()
	if r.peek() == '}' {
		r.pos++
		return nil
	}
	for {
		if r.peek() != '"' {
			return r.bad("no member name")
		}
		name, err := r.readName()
		if err != nil {
			return err
		}
		first, err := r.addName(name, base, depth, &names)
		if err != nil {
			return err
		}
		r.space()
		if r.peek() != ':' {
			return r.bad("no colon")
		}
		r.pos++
		r.space()
		start, place := r.pos, len(r.open)-1
		if err := r.value(depth + 1); err != nil {
			return err
		}
		raw := r.text[start:r.pos]
		if first < 0 {
			r.open[place].raw = raw
		} else if r.open[first].name != name || !sameScalar(r.open[first].raw, raw) {
			return twice(name)
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
	r.close(base, depth)
	return nil
}

// close forgets the members of an object that is closed, but for the outermost.
func (r *jsonReader) close(base, depth int) {
	r.most = max(r.most, len(r.open))
	if len(r.open)-base >= pairwiseNames {
		for i := range r.open[base:] {
			delete(r.seen, nameInObject{depth, r.compared(base + i)})
		}
	}
	if depth > 1 {
		r.open = r.open[:base]
		r.folded = r.folded[:min(base, len(r.folded))]
	}
}

// compared is the name of an open member as duplicates are told.
func (r *jsonReader) compared(i int) string {
	if r.folding {
		return r.folded[i]
	}
	return r.open[i].name
}

// addName counts the members and opens one more, of which the value is to be added.
// Where the name was there before, and may be said again, it is the place of the first;
// else -1. names are those of the object.
func (r *jsonReader) addName(name string, base, depth int, names *nameSet) (first int, err error) {
	n := len(r.open) - base
	if r.inAll--; n >= r.form.perObject || r.inAll < 0 {
		return -1, r.bad("too many members")
	}
	compared := name
	if r.folding {
		compared = foldName(name)
	}
	bit := nameBit(compared)
	switch {
	case n >= pairwiseNames:
		first = r.seenBefore(compared, base, depth)
	case *names&(1<<bit) == 0:
		first = -1
	default:
		first = r.pairwise(compared, base)
	}
	if first >= 0 {
		if !r.form.asSent {
			return -1, twice(name)
		}
		return first, nil
	}
	*names |= 1 << bit
	r.open = append(r.open, jsonMember{name: name})
	if r.folding {
		r.folded = append(r.folded, compared)
	} else if depth == 1 && r.places[bit] == 0 {
		r.places[bit] = uint8(min(n+1, lastPlace))
	}
	return -1, nil
}

// pairwise is the place of the member with the name, or -1.
func (r *jsonReader) pairwise(compared string, base int) int {
	for i := base; i < len(r.open); i++ {
		if r.compared(i) == compared {
			return i
		}
	}
	return -1
}

// seenBefore is pairwise for an object of many members, by a set.
func (r *jsonReader) seenBefore(compared string, base, depth int) int {
	if r.seen == nil {
		r.seen = make(map[nameInObject]int)
	}
	if len(r.open)-base == pairwiseNames {
		for i := base; i < len(r.open); i++ {
			r.seen[nameInObject{depth, r.compared(i)}] = i
		}
	}
	if i, ok := r.seen[nameInObject{depth, compared}]; ok {
		return i
	}
	r.seen[nameInObject{depth, compared}] = len(r.open)
	return -1
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

// readName reads a string, and decodes it.
func (r *jsonReader) readName() (string, error) {
	raw, escaped, err := r.readString()
	if err != nil {
		return "", err
	}
	if escaped {
		return unquoteJSON(raw)
	}
	return raw[1 : len(raw)-1], nil
}

// readString returns the string with its quotes, and whether an escape is in it.
func (r *jsonReader) readString() (raw string, escaped bool, err error) {
	text, start := r.text, r.pos
	for i := start + 1; ; {
		if i = skipPlain(text, i); i == len(text) {
			return "", false, r.bad("string without end")
		}
		switch text[i] {
		case '"':
			r.pos = i + 1
			return text[start:r.pos], escaped, nil
		case '\\':
			n, whole := escapeLength(text[i:])
			if n == 0 || !whole && !r.form.asSent {
				r.pos = i
				return "", false, r.bad("wrong escape")
			}
			escaped = true
			i += n
		default:
			r.pos = i
			return "", false, r.bad("control character")
		}
	}
}

// skipPlain is the place, from i on, of the first byte of a string that is not for
// itself: a quote, a backslash or a control character. It looks at eight at a time.
func skipPlain(text string, i int) int {
	for ; i+8 <= len(text); i += 8 {
		b := eightBytes(text[i:])
		if found := zeroBytes(b^eight*'"') | zeroBytes(b^eight*'\\') | bytesBelow(b, ' '); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return i
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
		char := rune(s[1])
		switch n {
		case 2:
			if i := strings.IndexByte("bfnrt", s[1]); i >= 0 {
				char = rune("\b\f\n\r\t"[i])
			}
		case 6:
			char, _ = hex4(s)
		case 12:
			high, _ := hex4(s)
			low, _ := hex4(s[6:])
			char = utf16.DecodeRune(high, low)
		}
		b.WriteRune(char)
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
// texts. There may be room for them; the result is not nil.
func arrayElements(room []string, raw string, limit int) ([]string, error) {
	if raw == "" || raw[0] != '[' {
		return nil, fail(ErrParse, "", "not a JSON array")
	}
	r := newJSONReader()
	defer r.release()
	r.text, r.pos, r.form, r.inAll = raw, 1, answerForm, maxDocumentMembers // it was read as what it is
	r.begin()
	elems := room[:0]
	if elems == nil {
		elems = []string{}
	}
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

// decodeBase64URL appends what src encodes to dst. It takes
// the 64 characters alone, and only what encodes to src again: padding, line breaks and
// bits that are left over are refused, so that no two texts stand for the same bytes.
func decodeBase64URL(dst []byte, src string) ([]byte, error) {
	n := len(dst)
	out := slices.Grow(dst, len(src)*6/8)[:n+len(src)*6/8]
	wrong := uint32(0)
	for ; len(src) >= 4; src = src[4:] {
		a, b, c, d := sextet(src[0]), sextet(src[1]), sextet(src[2]), sextet(src[3])
		wrong |= a | b | c | d
		bits := a<<18 | b<<12 | c<<6 | d
		to := out[n : n+3 : n+3]
		to[0], to[1], to[2] = byte(bits>>16), byte(bits>>8), byte(bits)
		n += 3
	}
	switch len(src) {
	case 1:
		wrong = notSextet
	case 2:
		a, b := sextet(src[0]), sextet(src[1])
		wrong |= a | b | (b&0xf)<<6 // the last four bits are left over
		out[n] = byte(a<<2 | b>>4)
		n++
	case 3:
		a, b, c := sextet(src[0]), sextet(src[1]), sextet(src[2])
		wrong |= a | b | c | (c&3)<<6
		out[n], out[n+1] = byte(a<<2|b>>4), byte(b<<4|c>>2)
		n += 2
	}
	if wrong >= 64 {
		return nil, fail(ErrParse, "", "not base64url without padding")
	}
	return out[:n], nil
}

// notSextet is the value of a character that is none of base64url.
const notSextet = 0xff

// sextet is the value of a character of RFC 4648, Table 2.
func sextet(c byte) uint32 { return uint32(sextets[c] - 1) }

// sextets has one more than the value of each character: 0 is for those that are none.
var sextets = [256]byte{
	'A': 1, 'B': 2, 'C': 3, 'D': 4, 'E': 5, 'F': 6, 'G': 7, 'H': 8, 'I': 9, 'J': 10, 'K': 11, 'L': 12, 'M': 13,
	'N': 14, 'O': 15, 'P': 16, 'Q': 17, 'R': 18, 'S': 19, 'T': 20, 'U': 21, 'V': 22, 'W': 23, 'X': 24, 'Y': 25, 'Z': 26,
	'a': 27, 'b': 28, 'c': 29, 'd': 30, 'e': 31, 'f': 32, 'g': 33, 'h': 34, 'i': 35, 'j': 36, 'k': 37, 'l': 38, 'm': 39,
	'n': 40, 'o': 41, 'p': 42, 'q': 43, 'r': 44, 's': 45, 't': 46, 'u': 47, 'v': 48, 'w': 49, 'x': 50, 'y': 51, 'z': 52,
	'0': 53, '1': 54, '2': 55, '3': 56, '4': 57, '5': 58, '6': 59, '7': 60, '8': 61, '9': 62, '-': 63, '_': 64,
}

// encodeBase64 is for x5c and the hashes of a Content-Security-Policy, which have the
// other alphabet, and padding.
func encodeBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func encodeBase64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// appendJSONString appends s, quoted. It is for the JSON that this package
// makes; s is expected to be valid UTF-8.
//
//go:noinline // see withOp
func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	plain := skipPlain(s, 0)
	b = append(append(b, '"'), s[:plain]...)
	for i := plain; i < len(s); i++ {
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
