package oauth

import (
	"strings"
	"time"
)

// This file implements how members of a parsed JSON object are read. Those that
// something depends on must have their type; of those that only inform, which is said
// where they are read, one of another type is absent, as is one that is null or empty.

// get returns the text of a member. It may start with
// any of { [ " t f n - or a digit.
func (o *jsonObject) get(name string) (raw string, ok bool) {
	from := 0
	if o.places != nil {
		if from, ok = o.places.from(name); !ok {
			return "", false
		}
	}
	for i := from; i < len(o.members); i++ {
		if o.members[i].name == name {
			raw = o.members[i].raw
			return raw, !o.nullAbsent || raw != "null"
		}
	}
	return "", false
}

func (o *jsonObject) has(name string) bool {
	_, ok := o.get(name)
	return ok
}

// informing is o where it is read for what nothing depends on.
func (o *jsonObject) informing() jsonObject {
	informs := *o
	informs.nullAbsent, informs.informs = true, true
	return informs
}

// result is what a getter returns of a member that is there.
func result[T any](o *jsonObject, v T, err error) (T, bool, error) {
	if err != nil && o.informs {
		var none T
		return none, false, nil
	}
	return v, true, err
}

func (o *jsonObject) wrong(name, want string) error {
	return fail(o.kind, name, "is not %s", want)
}

// string returns a string member; ok is false where there is none.
func (o *jsonObject) string(name string) (s string, ok bool, err error) {
	raw, ok := o.get(name)
	if !ok {
		return "", false, nil
	}
	if raw[0] != '"' {
		return result(o, "", o.wrong(name, "a string"))
	}
	if s, err = unquoteJSON(raw); err != nil {
		return result(o, "", o.wrong(name, "Unicode text: there is half of a surrogate pair in it"))
	}
	return o.own(s), true, nil
}

// own is s, or where o is a long answer's a copy of it.
func (o *jsonObject) own(s string) string {
	if o.copies {
		return strings.Clone(s)
	}
	return s
}

// need returns a string member that has to be there and not be empty.
func (o *jsonObject) need(name string) (string, error) {
	s, ok, err := o.string(name)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "", fail(o.kind, name, "is missing")
	case s == "":
		return "", fail(o.kind, name, "is empty")
	}
	return s, nil
}

// strings returns an array of strings; with orString, one string will do too.
func (o *jsonObject) strings(name string, orString bool) (list []string, ok bool, err error) {
	return o.stringsInto(nil, name, orString)
}

// stringsInto is strings with room for them.
func (o *jsonObject) stringsInto(room []string, name string, orString bool) (list []string, ok bool, err error) {
	raw, ok := o.get(name)
	if !ok {
		return nil, false, nil
	}
	if orString && raw[0] == '"' {
		list = append(room[:0], raw)
	} else if list, err = arrayElements(room, raw, maxMembers); err != nil {
		return result(o, []string(nil), o.wrong(name, "an array of strings"))
	}
	for i, e := range list {
		if e[0] != '"' {
			return result(o, []string(nil), o.wrong(name, "an array of strings"))
		}
		s, err := unquoteJSON(e)
		if err != nil {
			return result(o, []string(nil), o.wrong(name, "Unicode text: there is half of a surrogate pair in it"))
		}
		list[i] = o.own(s)
	}
	return list, true, nil
}

// bool returns a boolean member; ok is false where there is none.
func (o *jsonObject) bool(name string) (b, ok bool, err error) {
	switch raw, ok := o.get(name); {
	case !ok:
		return false, false, nil
	case raw == "true" || raw == "false":
		return raw == "true", true, nil
	}
	return result(o, false, o.wrong(name, "true or false"))
}

// date returns a NumericDate; ok is false where there is none.
func (o *jsonObject) date(name string) (t time.Time, ok bool, err error) {
	raw, ok := o.get(name)
	if !ok {
		return t, false, nil
	}
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return result(o, t, o.wrong(name, "a number"))
	}
	if t, ok = parseNumericDate(raw); !ok {
		return result(o, t, fail(o.kind, name, "is out of range"))
	}
	if t.IsZero() { // that stands for a claim that is not there
		t = t.Add(-1)
	}
	return t, true, nil
}

// authTime returns auth_time, which AD FS writes in the form of RFC 3339.
func (o *jsonObject) authTime() (t time.Time, ok bool, err error) {
	raw, ok := o.get("auth_time")
	if !ok || raw[0] != '"' {
		return o.date("auth_time")
	}
	s, err := unquoteJSON(raw)
	if err == nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		return result(o, time.Time{}, o.wrong("auth_time", "a number"))
	}
	return t, true, nil
}

// seconds returns a number of seconds, or, where orString, one in a decimal string;
// never negative. It ends at 2⁵³: with more a server says that there is no end.
func (o *jsonObject) seconds(name string, orString bool) (n int64, ok bool, err error) {
	raw, ok := o.get(name)
	if !ok {
		return 0, false, nil
	}
	if orString && raw[0] == '"' {
		if raw, err = unquoteJSON(raw); err != nil || raw == "" || strings.Trim(raw, "0123456789") != "" {
			return result(o, n, o.wrong(name, "a number of seconds"))
		}
	}
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return result(o, n, o.wrong(name, "a number"))
	}
	switch t, ok := parseNumericDate(raw); {
	case raw[0] == '-' && (!ok || t.Before(unixTime(0))):
		return result(o, n, fail(o.kind, name, "is negative"))
	case !ok:
		return maxNumericDate, true, nil
	default:
		return t.Unix(), true, nil
	}
}

// object returns a member that is an object; ok is false where there is none.
func (o *jsonObject) object(name string) (sub jsonObject, ok bool, err error) {
	raw, ok := o.get(name)
	if !ok {
		return jsonObject{}, false, nil
	}
	if raw[0] != '{' {
		return result(o, sub, o.wrong(name, "an object"))
	}
	sub, err = parseObject(raw, answerForm, o.kind) // it was read as what it is
	sub.nullAbsent, sub.informs, sub.secrets, sub.copies = o.nullAbsent, o.informs, o.secrets, o.copies
	return sub, true, err
}
