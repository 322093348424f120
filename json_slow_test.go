package oauth

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// This file has a second reader of JSON for the fuzz tests, which is slow and short: it
// takes one character after another, and keeps the names of each object in a map.

// slowObject says what is wrong with a text that is to be one object.
func slowObject(text string, form jsonForm) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fault.(error)
		}
	}()
	if !utf8.ValidString(text) {
		return errors.New("not UTF-8")
	}
	s := &slowJSON{text: []byte(text), form: form, left: form.inAll}
	s.skip()
	if s.next() != '{' {
		return errors.New("not an object")
	}
	s.object(1)
	s.skip()
	if len(s.text) > 0 {
		return errors.New("something after it")
	}
	return nil
}

type slowJSON struct {
	text []byte
	form jsonForm
	left int
}

func (s *slowJSON) wrong(what string) { panic(errors.New(what)) }

func (s *slowJSON) next() byte {
	if len(s.text) == 0 {
		s.wrong("the end")
	}
	c := s.text[0]
	s.text = s.text[1:]
	return c
}

func (s *slowJSON) skip() {
	for len(s.text) > 0 && strings.IndexByte(" \t\r\n", s.text[0]) >= 0 {
		s.text = s.text[1:]
	}
}

// value returns what can be compared of a scalar; nil for what never is the same.
func (s *slowJSON) value(depth int) any {
	if len(s.text) == 0 {
		s.wrong("no value")
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(string(s.text), word) {
			s.text = s.text[len(word):]
			if word == "null" {
				return nil
			}
			return word == "true"
		}
	}
	switch c := s.next(); c {
	case '{':
		s.object(depth)
	case '[':
		s.array(depth)
	case '"':
		return s.str()
	default:
		s.text = append([]byte{c}, s.text...)
		return slowNumber(s.number())
	}
	return nil
}

// A slowNumber is the text of a number.
type slowNumber string

func (s *slowJSON) number() string {
	n := 0
	for n < len(s.text) && strings.IndexByte("+-.0123456789eE", s.text[n]) >= 0 {
		n++
	}
	text := string(s.text[:n])
	s.text = s.text[n:]
	digits := func(t string) bool { return t != "" && strings.Trim(t, "0123456789") == "" }
	whole, exponent, found := strings.Cut(strings.ReplaceAll(text, "E", "e"), "e")
	if found && !digits(strings.TrimPrefix(exponent, "-")) && !digits(strings.TrimPrefix(exponent, "+")) {
		s.wrong("exponent")
	}
	whole, fraction, found := strings.Cut(whole, ".")
	if found && !digits(fraction) {
		s.wrong("fraction")
	}
	whole = strings.TrimPrefix(whole, "-")
	if !digits(whole) || len(whole) > 1 && whole[0] == '0' {
		s.wrong("number")
	}
	return text
}

func (s *slowJSON) array(depth int) {
	if depth > maxDepth {
		s.wrong("depth")
	}
	s.skip()
	if len(s.text) > 0 && s.text[0] == ']' {
		s.next()
		return
	}
	for {
		s.skip()
		s.value(depth + 1)
		s.skip()
		switch s.next() {
		case ']':
			return
		case ',':
		default:
			s.wrong("array")
		}
	}
}

func (s *slowJSON) object(depth int) {
	if depth > maxDepth {
		s.wrong("depth")
	}
	s.skip()
	if len(s.text) > 0 && s.text[0] == '}' {
		s.next()
		return
	}
	values := map[string]any{}
	for {
		s.skip()
		if s.next() != '"' {
			s.wrong("name")
		}
		name := s.str()
		if !name.whole {
			s.wrong("half a pair in a name")
		}
		if s.left--; s.left < 0 || len(values) == s.form.perObject {
			s.wrong("too many")
		}
		s.skip()
		if s.next() != ':' {
			s.wrong("colon")
		}
		s.skip()
		before, twice := values[name.text]
		if twice && !s.form.asSent {
			s.wrong("twice")
		}
		value := s.value(depth + 1)
		half, isString := value.(slowString)
		if twice && (before == nil || before != value || isString && !half.whole) {
			s.wrong("twice, and not the same")
		}
		values[name.text] = value
		s.skip()
		switch s.next() {
		case '}':
			return
		case ',':
		default:
			s.wrong("object")
		}
	}
}

// A slowString is a decoded string. It is not whole if half of a surrogate pair is in it.
type slowString struct {
	text  string
	whole bool
}

// str reads the rest of a string.
func (s *slowJSON) str() slowString {
	var units []uint16
	escaped := map[int]bool{} // which of them came as \u
	for {
		switch c := s.next(); {
		case c == '"':
			return s.decode(units, escaped)
		case c < ' ':
			s.wrong("control character")
		case c != '\\':
			r, n := utf8.DecodeRune(append([]byte{c}, s.text...))
			s.text = s.text[n-1:]
			units = utf16.AppendRune(units, r)
		default:
			e := s.next()
			if at := strings.IndexByte(`"\/bfnrt`, e); at >= 0 {
				units = append(units, uint16("\"\\/\b\f\n\r\t"[at]))
				continue
			}
			if e != 'u' {
				s.wrong("escape")
			}
			unit := 0
			for range 4 {
				digit := strings.IndexByte("0123456789abcdefABCDEF", s.next())
				if digit < 0 {
					s.wrong("escape")
				}
				if digit >= 16 {
					digit -= 6
				}
				unit = unit*16 + digit
			}
			escaped[len(units)] = true
			units = append(units, uint16(unit))
		}
	}
}

// decode wants both halves of a pair to be escapes, or none.
func (s *slowJSON) decode(units []uint16, escaped map[int]bool) slowString {
	whole := true
	for i := 0; i < len(units); i++ {
		if !utf16.IsSurrogate(rune(units[i])) {
			continue
		}
		if i+1 < len(units) && escaped[i] == escaped[i+1] && utf16.DecodeRune(rune(units[i]), rune(units[i+1])) != utf8.RuneError {
			i++
			continue
		}
		whole = false
	}
	if !whole && !s.form.asSent {
		s.wrong("half of a surrogate pair")
	}
	return slowString{string(utf16.Decode(units)), whole}
}

// checkPlaces wants the members to be found by the places that the reader has noted as
// by looking at each.
func checkPlaces(t *testing.T, text string, form jsonForm) {
	t.Helper()
	r := newJSONReader()
	defer r.release()
	o, err := r.object(text, form, ErrParse)
	if err != nil {
		return
	}
	plain := o
	plain.places = nil
	for _, name := range []string{"", "a", "b", "iss", "sub", "aud", "\x00", "é", "xyz"} {
		if o.has(name) != plain.has(name) {
			t.Fatalf("%q: by its place %v, by looking at each %v", name, o.has(name), plain.has(name))
		}
	}
	for _, m := range o.members {
		got, ok := o.get(m.name)
		if want, _ := plain.get(m.name); !ok || got != want {
			t.Fatalf("%q: by its place %q, %v, by looking at each %q", m.name, got, ok, want)
		}
	}
}
