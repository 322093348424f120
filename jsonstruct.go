package oauth

// This file maps between the strict JSON of json.go and the structs of metadata
// documents, keeping the members that a struct has no field for, and decodes claims
// into values of the caller's.

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decodeStruct fills the tagged fields of the struct that dst points to and
// returns the members it has no field for. One that only informs, by the tag "member",
// and that does not fit its field is among these.
func decodeStruct(o *jsonObject, dst any) (extra map[string]json.RawMessage, err error) {
	v := reflect.ValueOf(dst).Elem()
	for _, m := range o.members {
		field, tag, ok := fieldByName(v, m.name)
		if ok {
			// A list of algorithms that is null must not look like one that is
			// absent: defaults would take its place.
			if m.raw == "null" && field.Type() == reflect.TypeFor[[]Algorithm]() {
				return nil, o.wrong(m.name, "an array of strings")
			}
			err := decodeField(o, m.name, field)
			switch {
			case err == nil:
				continue
			case tag.Get("member") != memberInforms:
				return nil, err
			}
			field.SetZero()
		}
		if extra == nil {
			extra = make(map[string]json.RawMessage)
		}
		extra[o.own(m.name)] = json.RawMessage(m.raw)
	}
	return extra, nil
}

// memberInforms is the tag "member" of fields on which nothing in this package depends.
const memberInforms = "informs"

func fieldByName(v reflect.Value, name string) (reflect.Value, reflect.StructTag, bool) {
	t := v.Type()
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		if member, _, _ := strings.Cut(tag.Get("json"), ","); member == name && member != "-" {
			return v.Field(i), tag, true
		}
	}
	return reflect.Value{}, "", false
}

func decodeField(o *jsonObject, name string, field reflect.Value) error {
	raw, ok := o.get(name)
	if !ok {
		return nil
	}
	if field.Type() == reflect.TypeFor[json.RawMessage]() {
		field.SetBytes([]byte(raw))
		return nil
	}
	switch field.Kind() {
	case reflect.String:
		s, _, err := o.string(name)
		field.SetString(s)
		return err
	case reflect.Bool:
		b, _, err := o.bool(name)
		field.SetBool(b)
		return err
	case reflect.Int64:
		t, _, err := o.date(name)
		if err == nil && (t.Nanosecond() != 0 || t.Unix() < 0) {
			err = o.wrong(name, "a whole number, 0 or more")
		}
		field.SetInt(t.Unix())
		return err
	case reflect.Slice: // of a string type
		list, _, err := o.strings(name, false)
		if err != nil {
			return err
		}
		s := reflect.MakeSlice(field.Type(), len(list), len(list))
		for i, e := range list {
			s.Index(i).SetString(e)
		}
		field.Set(s)
		return nil
	case reflect.Pointer:
		p := reflect.New(field.Type().Elem())
		field.Set(p)
		if p.Elem().Kind() != reflect.Struct {
			return decodeField(o, name, p.Elem())
		}
		sub, _, err := o.object(name)
		if err != nil {
			return err
		}
		extra, err := decodeStruct(&sub, p.Interface())
		if e, ok := err.(*Error); ok {
			e.Param = name + "." + e.Param
		}
		if f := p.Elem().FieldByName("Extra"); err == nil && f.IsValid() {
			f.Set(reflect.ValueOf(extra))
		}
		return err
	}
	return fail(ErrUnsupported, name, "field of type %v", field.Type())
}

// decodeRegistered fills the struct that m points to with the answer to a registration,
// each field by its tag "member", and returns the names of its members
// and the first fault. A check that was asked for, as was has it, does not go away
// because the answer does not speak of it, or not in a way that can be read.
func decodeRegistered(o *jsonObject, m, was any) (known []string, err error) {
	v, old := reflect.ValueOf(m).Elem(), reflect.ValueOf(was).Elem()
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		wrong := decodeField(o, name, field)
		if wrong != nil {
			field.SetZero()
		}
		switch tag.Get("member") {
		case memberInforms:
			if wrong != nil {
				continue // and stays as it came
			}
		case "kept":
			if wrong != nil || !o.has(name) || field.Kind() == reflect.String && field.IsZero() {
				field.Set(old.Field(i))
			}
		default:
			err = cmp.Or(err, wrong)
		}
		known = append(known, name)
	}
	return known, err
}

// cloneStruct copies the metadata that src points to into dst, with all that they hold.
// It does without encoding/json, which a program that only verifies does not need. What
// could not be encoded and decoded again is an error.
func cloneStruct(dst, src any) error {
	to, from := reflect.ValueOf(dst).Elem(), reflect.ValueOf(src).Elem()
	for i := range from.NumField() {
		field := from.Field(i)
		name := from.Type().Field(i).Name
		if extra, ok := field.Interface().(map[string]json.RawMessage); ok {
			members, err := cloneExtra(extra, from)
			if err != nil {
				return err
			}
			to.Field(i).Set(reflect.ValueOf(members))
			continue
		}
		if err := cloneField(to.Field(i), field); err != nil {
			return inPart(name, err)
		}
	}
	return nil
}

// cloneField copies a field of the kinds that decodeField fills.
func cloneField(to, from reflect.Value) error {
	switch {
	case from.Kind() == reflect.Int64 && from.Int() < 0:
		return fail(ErrConfig, "", "is negative")
	case from.Kind() == reflect.Slice && !from.IsNil():
		list := reflect.MakeSlice(from.Type(), from.Len(), from.Len())
		reflect.Copy(list, from)
		to.Set(list)
	case from.Kind() == reflect.Pointer && !from.IsNil():
		p := reflect.New(from.Type().Elem())
		to.Set(p)
		if p.Elem().Kind() == reflect.Struct {
			return cloneStruct(p.Interface(), from.Interface())
		}
		return cloneField(p.Elem(), from.Elem())
	default:
		to.Set(from)
	}
	return nil
}

// cloneExtra copies the further members of a struct: each is JSON, and has no field.
func cloneExtra(extra map[string]json.RawMessage, of reflect.Value) (map[string]json.RawMessage, error) {
	if extra == nil {
		return nil, nil
	}
	members := make(map[string]json.RawMessage, len(extra))
	for name, raw := range extra {
		if fieldTaken(of, name) {
			return nil, fail(ErrConfig, "Extra", "%s has a field of its own", printable(name, 64))
		}
		if o, err := parseObject(`{"x":`+string(raw)+`}`, documentForm, ErrConfig); err != nil || len(o.members) != 1 {
			return nil, fail(ErrConfig, "Extra", "%s is not JSON", printable(name, 64))
		}
		members[name] = slices.Clone(raw)
	}
	return members, nil
}

// fieldTaken reports whether a member has a field that is not empty or on which something
// depends.
func fieldTaken(v reflect.Value, name string) bool {
	field, tag, known := fieldByName(v, name)
	return known && !(field.IsZero() && tag.Get("member") == memberInforms)
}

// encodeStruct is the JSON of a struct, with the extra members after it in the order of
// their names. It writes what encoding/json would, for fields of the kinds that decodeField
// fills: a program that logs users in does not need the rest of that package.
func encodeStruct(v any, extra map[string]json.RawMessage) ([]byte, error) {
	b, err := appendStruct(nil, reflect.ValueOf(v), extra)
	if err != nil {
		return nil, err
	}
	var escaped bytes.Buffer
	json.HTMLEscape(&escaped, b)
	return escaped.Bytes(), nil
}

func appendStruct(b []byte, v reflect.Value, extra map[string]json.RawMessage) (_ []byte, err error) {
	next := byte('{')
	for i := range v.NumField() {
		field := v.Field(i)
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "-" || option == "omitzero" && field.IsZero() {
			continue
		}
		b = append(appendJSONString(append(b, next), name), ':')
		if b, err = appendField(b, field); err != nil {
			return nil, &Error{Kind: ErrConfig, Param: name, Detail: "does not encode", Err: err}
		}
		next = ','
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if fieldTaken(v, name) {
			return nil, fail(ErrConfig, "Extra", "%s has a field of its own", strconv.QuoteToASCII(name))
		}
		b = append(appendText(append(b, next), name), ':')
		if b, err = appendRaw(b, extra[name]); err != nil {
			return nil, &Error{Kind: ErrConfig, Param: "Extra", Detail: strconv.QuoteToASCII(name) + " is not JSON", Err: err}
		}
		next = ','
	}
	if next == '{' {
		b = append(b, next)
	}
	return append(b, '}'), nil
}

func appendField(b []byte, field reflect.Value) (_ []byte, err error) {
	if raw, ok := field.Interface().(json.RawMessage); ok {
		return appendRaw(b, raw)
	}
	switch field.Kind() {
	case reflect.String:
		return appendText(b, field.String()), nil
	case reflect.Bool:
		return strconv.AppendBool(b, field.Bool()), nil
	case reflect.Int64:
		return appendJSONInt(b, field.Int()), nil
	case reflect.Slice: // of a string type
		b = append(b, '[')
		for i := range field.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, field.Index(i).String())
		}
		return append(b, ']'), nil
	case reflect.Pointer:
		if field = field.Elem(); field.Kind() == reflect.Struct {
			return appendStruct(b, field, extraOf(field))
		}
		return appendField(b, field)
	}
	return nil, fail(ErrUnsupported, "", "field of type %v", field.Type())
}

// extraOf is the field of a struct for further members.
func extraOf(v reflect.Value) map[string]json.RawMessage {
	for i := range v.NumField() {
		if extra, ok := v.Field(i).Interface().(map[string]json.RawMessage); ok {
			return extra
		}
	}
	return nil
}

// appendText appends text of the program's, which need not be UTF-8.
func appendText(b []byte, s string) []byte { return appendJSONString(b, string([]rune(s))) }

// appendRaw appends JSON of the program's without the space in it.
func appendRaw(b []byte, raw json.RawMessage) ([]byte, error) {
	if raw == nil {
		return append(b, "null"...), nil
	}
	compact := bytes.NewBuffer(b)
	if err := json.Compact(compact, raw); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}

// unmarshalClaims decodes JSON that was read strictly before into a value of
// the caller's, by encoding/json. Members that encoding/json would take for
// one another (email and Email) are refused, at every depth: which of them
// counts would be decided by their order.
func unmarshalClaims(text string, dst any) error {
	if text == "" {
		return fail(ErrClaim, "", "there are no claims, because the value is nil or empty")
	}
	r := newJSONReader()
	defer r.release()
	r.folding = true
	if _, err := r.object(text, answerForm, ErrClaim); err != nil {
		return fail(ErrClaim, "", "two claims have names that encoding/json does not tell apart")
	}
	// The errors of encoding/json and of what it calls quote the values.
	err := json.Unmarshal([]byte(text), dst)
	wrong, ok := errorAs[*json.UnmarshalTypeError](err)
	switch {
	case ok && wrong.Field != "":
		return fail(ErrClaim, wrong.Field, "does not fit a %v", wrong.Type)
	case err != nil:
		return fail(ErrClaim, "", "the claims do not fit a %T", dst)
	}
	return nil
}

// extraMembers are the members without a field.
func extraMembers(o *jsonObject, known ...string) map[string]json.RawMessage {
	var extra map[string]json.RawMessage
	for _, m := range o.members {
		if slices.Contains(known, m.name) {
			continue
		}
		if extra == nil {
			extra = make(map[string]json.RawMessage)
		}
		extra[o.own(m.name)] = json.RawMessage(m.raw)
	}
	return extra
}

// looseString reads a string out of a document that the strict reader may refuse: one
// with a member twice, or with more behind it. It is for a value that must not be lost
// and on which nothing depends.
func looseString(doc, name string) (s string) {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(doc[:strings.LastIndexByte(doc, '}')+1]), &members) != nil || json.Unmarshal(members[name], &s) != nil {
		return ""
	}
	return s
}
