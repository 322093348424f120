package oauth

// Tests of how members of a JSON object are read, each getter with a member of each type.

import (
	"fmt"
	"testing"
)

// TestGetters: a member has its type, or it is an error; where it only informs, it is
// absent.
func TestGetters(t *testing.T) {
	get := map[string]func(*jsonObject) (any, bool, error){
		"string":  func(o *jsonObject) (any, bool, error) { return text3(o.string("auth_time")) },
		"strings": func(o *jsonObject) (any, bool, error) { return text3(o.strings("auth_time", false)) },
		"bool":    func(o *jsonObject) (any, bool, error) { return text3(o.bool("auth_time")) },
		"seconds": func(o *jsonObject) (any, bool, error) { return text3(o.seconds("auth_time", false)) },
		"digits":  func(o *jsonObject) (any, bool, error) { return text3(o.seconds("auth_time", true)) },
		"date": func(o *jsonObject) (any, bool, error) {
			v, ok, err := o.date("auth_time")
			return v.Unix(), ok, err
		},
		"authTime": func(o *jsonObject) (any, bool, error) {
			v, ok, err := o.authTime()
			return v.Unix(), ok, err
		},
		"object": func(o *jsonObject) (any, bool, error) {
			v, ok, err := o.object("auth_time")
			return len(v.members), ok, err
		},
	}
	for member, want := range map[string]map[string]any{
		`"a"`:                    {"string": "a"},
		`""`:                     {"string": ""},
		`"\ud800"`:               {},
		`"12"`:                   {"string": "12", "digits": "12"},
		`"12~"`:                  {"string": "12~"},
		`"-1"`:                   {"string": "-1"},
		`"2023-11-14T22:13:20Z"`: {"string": "2023-11-14T22:13:20Z", "authTime": int64(unitTime)},
		`"2023-11-14"`:           {"string": "2023-11-14"},
		`12`:                     {"seconds": "12", "digits": "12", "date": int64(12), "authTime": int64(12)},
		`-12`:                    {"date": int64(-12), "authTime": int64(-12)},
		`1e400`:                  {"seconds": fmt.Sprint(int64(maxNumericDate)), "digits": fmt.Sprint(int64(maxNumericDate))},
		`-1e400`:                 {},
		`true`:                   {"bool": "true"},
		`false`:                  {"bool": "false"},
		`null`:                   {},
		`[]`:                     {"strings": "[]"},
		`["a","b"]`:              {"strings": "[a b]"},
		`["a",1]`:                {},
		`["\ud800"]`:             {},
		`{"a":1}`:                {"object": 1},
	} {
		o, err := parseObject(`{"auth_time":`+member+`}`, answerForm, ErrClaim)
		if err != nil {
			t.Fatal(member, err)
		}
		for name, f := range get {
			got, ok, err := f(&o)
			object := o.informing()
			informs, informsOK, informsErr := f(&object)
			if v, right := want[name]; right {
				if err != nil || !ok || fmt.Sprint(got) != fmt.Sprint(v) || informsErr != nil || !informsOK || fmt.Sprint(informs) != fmt.Sprint(v) {
					t.Errorf("%s of %s: %v, %v, %v; %v, %v, %v", name, member, got, ok, err, informs, informsOK, informsErr)
				}
				continue
			}
			wantError(t, err, ErrClaim, "auth_time")
			if _, none, _ := f(new(jsonObject)); informsErr != nil || informsOK || none {
				t.Errorf("%s of %s where it informs: %v, %v", name, member, informsOK, informsErr)
			}
		}
	}
	for name, f := range get {
		zero, ok, err := f(&jsonObject{kind: ErrClaim})
		if ok || err != nil || name == "bool" && zero != "false" {
			t.Errorf("%s of nothing: %v, %v, %v", name, zero, ok, err)
		}
	}
}

// text3 is what a getter returns, with the value as a text.
func text3[T any](v T, ok bool, err error) (any, bool, error) { return fmt.Sprint(v), ok, err }

// TestObjectInObject: what is in an object is read as the object is.
func TestObjectInObject(t *testing.T) {
	o, err := parseObject(`{"x":{"a":1,"b":null}}`, answerForm, ErrClaim)
	if err != nil {
		t.Fatal(err)
	}
	sub, _, err := o.object("x")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := sub.string("a"); err == nil || !sub.has("b") {
		t.Error("a number is a string, or null is absent")
	}
	informs := o.informing()
	if sub, _, err = informs.object("x"); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := sub.string("a"); ok || err != nil || sub.has("b") {
		t.Errorf("where it informs: %v, %v", ok, err)
	}
	s := newUnitServer()
	for _, name := range []string{"jkt", "x5t#S256"} {
		_, err := authenticate(t, s.resource(t, nil), bearer(s.accessToken(t, map[string]any{"cnf": map[string]any{name: nil}})))
		wantError(t, err, ErrClaim, name)
	}
}

// TestPlaces: a member is found wherever it stands, also behind more than a place can say,
// and one of an object in the object is not.
func TestPlaces(t *testing.T) {
	for _, n := range []int{0, 1, 2, 63, 64, 65, 253, 254, 255, 256, 257, 300, maxMembers} {
		checkPlaces(t, "{"+jsonMembers("m", n)+"}", answerForm)
	}
	for _, text := range []string{
		`{"a":{"b":1,"iss":2},"iss":3}`, `{"x":[{"iss":1}],"sub":2}`, `{"iss":1,"x":{"iss":2},"aud":3,"iss":1}`, `{"":1,"xyz":{"":2}}`,
	} {
		checkPlaces(t, text, answerForm)
	}
	// Names of one bit.
	same := map[uint][]string{}
	for c := range 26 {
		for d := range 26 {
			name := string([]byte{'a' + byte(c), 'a' + byte(d)})
			same[nameBit(name)] = append(same[nameBit(name)], name)
		}
	}
	for bit, names := range same {
		if bit > 63 || len(names) < 2 {
			t.Fatalf("bit %d: %s", bit, names)
		}
		checkPlaces(t, `{"`+names[0]+`":1,"`+names[1]+`":2}`, answerForm)
		if _, err := jsonParse(`{"` + names[0] + `":1,"` + names[1] + `":2,"` + names[0] + `":1}`); err == nil {
			t.Errorf("%s comes twice", names[0])
		}
		o := jsonMust(t, `{"`+names[0]+`":1}`)
		if o.has(names[1]) {
			t.Errorf("%s is taken for %s", names[0], names[1])
		}
	}
}
