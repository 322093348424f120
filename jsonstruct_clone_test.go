package oauth

// Tests of the ways between metadata and JSON that have no other.

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fill sets every field to something of its own, and what is in it.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		field, name := v.Field(i), v.Type().Field(i).Name
		switch field.Interface().(type) {
		case map[string]json.RawMessage:
			field.Set(reflect.ValueOf(map[string]json.RawMessage{"x": json.RawMessage(`["` + name + `"]`)}))
			continue
		case json.RawMessage:
			field.SetBytes([]byte(`{"a":"` + name + `"}`))
			continue
		}
		switch field.Kind() {
		case reflect.String:
			field.SetString(name)
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 2, 2))
			field.Index(0).SetString(name)
		case reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
			switch field.Elem().Kind() {
			case reflect.Struct:
				fill(t, field.Elem())
			case reflect.Bool:
				field.Elem().SetBool(true)
			case reflect.String:
				field.Elem().SetString(name)
			case reflect.Int64:
				field.Elem().SetInt(int64(i))
			default:
				t.Fatalf("%s is a %v", name, field.Type())
			}
		default:
			t.Fatalf("%s is a %v", name, field.Type())
		}
	}
}

// spoil writes into all that a struct holds.
func spoil(v reflect.Value) {
	for i := range v.NumField() {
		switch field := v.Field(i); field.Kind() {
		case reflect.Slice:
			for j := range field.Len() {
				field.Index(j).SetZero()
			}
		case reflect.Map:
			for _, k := range field.MapKeys() {
				clear(field.MapIndex(k).Bytes())
				field.SetMapIndex(reflect.ValueOf("y"), field.MapIndex(k))
			}
		case reflect.Pointer:
			if field.Elem().Kind() == reflect.Struct {
				spoil(field.Elem())
			}
			field.Elem().SetZero()
		}
	}
}

// TestCloneStruct: a copy has all that there was, and nothing of it changes with the
// original.
func TestCloneStruct(t *testing.T) {
	for _, made := range []func() any{func() any { return new(AuthorizationServer) }, func() any { return new(ClientMetadata) }} {
		from, want, to := made(), made(), made()
		fill(t, reflect.ValueOf(from).Elem())
		fill(t, reflect.ValueOf(want).Elem())
		if err := cloneStruct(to, from); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(to, want) {
			t.Errorf("%+v became %+v", want, to)
		}
		if spoil(reflect.ValueOf(from).Elem()); reflect.DeepEqual(from, want) || !reflect.DeepEqual(to, want) {
			t.Errorf("a copy of %T changes with the original", from)
		}
		empty := made()
		if err := cloneStruct(empty, made()); err != nil || !reflect.DeepEqual(empty, made()) {
			t.Errorf("what is empty became %+v: %v", empty, err)
		}
	}
	zero, negative := int64(0), int64(-1)
	for name, row := range map[string]struct {
		m     ClientMetadata
		param string // "": it is good
	}{
		"zero": {ClientMetadata{DefaultMaxAge: &zero}, ""}, "negative": {ClientMetadata{DefaultMaxAge: &negative}, "DefaultMaxAge"},
		"a number": {extra("x", "1"), ""}, "no JSON": {extra("x", "{"), "Extra"}, "nothing": {extra("x", ""), "Extra"}, "two members": {extra("x", `1,"y":2`), "Extra"},
		"the end": {extra("x", `1}{"y":2`), "Extra"}, "with a field": {extra("client_id", `"c"`), "Extra"}, "with one that informs": {extra("policy_uri", "1"), ""},
	} {
		err := cloneStruct(new(ClientMetadata), &row.m)
		if row.param == "" && err != nil || row.param != "" && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), row.param)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	both := extra("policy_uri", `"https://a.example"`)
	both.PolicyURI = "https://b.example"
	if err := cloneStruct(new(ClientMetadata), &both); !errors.Is(err, ErrConfig) {
		t.Error("a member is said twice:", err)
	}
}

func extra(name, raw string) ClientMetadata {
	return ClientMetadata{Extra: map[string]json.RawMessage{name: json.RawMessage(raw)}}
}

// TestEncodeStruct: what is written is what encoding/json would write.
func TestEncodeStruct(t *testing.T) {
	type (
		server   AuthorizationServer // without MarshalJSON
		client   ClientMetadata
		resource ResourceMetadata
		detail   AuthorizationDetail
	)
	odd := "a\"b\\c/ <&> é 𝄞 \u2028\u2029 \x7f"
	for _, v := range []any{new(server), new(client), new(resource), new(detail), &jsonFields{
		Text: odd, Alg: Algorithm(odd), List: []string{odd, ""}, Algs: []Algorithm{}, Raw: json.RawMessage(` [ "<é\u2028" , 1e3 ,{ } ] `), Sub: new(jsonSub),
	}, &struct {
		Text  string          `json:"a"`
		List  []string        `json:"b"`
		Raw   json.RawMessage `json:"c"`
		Count int64           `json:"d"`
	}{List: []string{}}} {
		for range 2 { // empty, and then full
			want, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := encodeStruct(reflect.ValueOf(v).Elem().Interface(), nil); err != nil || string(got) != string(want) {
				t.Errorf("%T: %s, %v\nencoding/json: %s", v, got, err, want)
			}
			if e := reflect.ValueOf(v).Elem(); e.NumField() > 5 && e.Type() != reflect.TypeFor[jsonFields]() {
				fill(t, e)
			}
		}
	}
	// What is escaped in another way is the same text, and what is no text the same mark.
	for _, s := range []string{"\x00\t\n\r\b\f\x1f", "a\xff\xfeb\xc3"} {
		extra := map[string]json.RawMessage{s: json.RawMessage("null"), "é": nil, "<": json.RawMessage(" 1")}
		got, err := encodeStruct(jsonSub{s}, extra)
		if err != nil {
			t.Fatal(err)
		}
		want := must(json.Marshal(map[string]any{"text": s, s: nil, "é": nil, "<": 1}))
		var a, b any
		if json.Unmarshal(got, &a) != nil || json.Unmarshal(want, &b) != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s, and encoding/json has %s", got, want)
		}
	}
	for _, v := range []any{struct {
		A float64 `json:"a"`
	}{}, struct {
		A *jsonOdd `json:"a"`
	}{new(jsonOdd)}, struct {
		A *float64 `json:"a"`
	}{new(float64)}} {
		if b, err := encodeStruct(v, nil); !errors.Is(err, ErrUnsupported) || b != nil {
			t.Errorf("%T gives %s, %v", v, b, err)
		}
	}
}

type jsonOdd struct {
	B float64 `json:"b"`
}

// TestEncodeStructFails: what is no JSON is not encoded, with further members or without.
func TestEncodeStructFails(t *testing.T) {
	for _, more := range []map[string]json.RawMessage{nil, {"x": json.RawMessage("1")}} {
		b, err := encodeStruct(struct {
			A json.RawMessage `json:"a"`
		}{json.RawMessage("{")}, more)
		if wantError(t, err, ErrConfig, "a"); b != nil {
			t.Errorf("%s", b)
		}
	}
	_, err := encodeStruct(jsonSub{}, map[string]json.RawMessage{"the name": json.RawMessage("{")})
	var syntax *json.SyntaxError
	if wantError(t, err, ErrConfig, "Extra"); !errors.As(err, &syntax) || !strings.Contains(err.Error(), `"the name" is not JSON`) {
		t.Error(err)
	}
}

// TestDecodeRegistered: which members there are, and the first that does not fit.
func TestDecodeRegistered(t *testing.T) {
	for text, row := range map[string]struct {
		param string
		id    string
	}{
		`{"client_id":"c","-":1}`: {"", "c"}, `{"client_id":"c","redirect_uris":1}`: {"redirect_uris", "c"}, `{"client_id":1}`: {"client_id", ""},
		`{"client_id":"c","policy_uri":1}`: {"", "c"},
	} {
		o, err := parseObject(text, answerForm, ErrResponse)
		if err != nil {
			t.Fatal(err)
		}
		var m, was ClientMetadata
		known, err := decodeRegistered(&o, &m, &was)
		if m.ClientID != row.id || slices.Contains(known, "-") || !slices.Contains(known, "client_id") || slices.Contains(known, "policy_uri") != !strings.Contains(text, "policy_uri") {
			t.Errorf("%s: %q, known %q", text, m.ClientID, known)
		}
		if wrong := (*Error)(nil); row.param == "" && err != nil || row.param != "" && (!errors.As(err, &wrong) || wrong.Param != row.param) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestExportOneOperation: a key with one operation is exported as it was.
func TestExportOneOperation(t *testing.T) {
	key := strings.TrimSuffix(string(unitKey().PublicJWK()), "}")
	for _, ops := range []string{`["verify"]`, `["verify","wrapKey"]`, `[]`} {
		k, err := parseJWK(key + `,"key_ops":` + ops + `}`)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseJWK(string(k.encode())); err != nil || !slices.Equal(again.ops, k.ops) || (again.ops == nil) != (k.ops == nil) {
			t.Errorf("%s: %s, %v", ops, k.encode(), err)
		}
	}
}
