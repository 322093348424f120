package oauth

// This file implements authorization details: RFC 9396, rich authorization
// requests.

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
)

// An AuthorizationDetail describes a requested or a granted authorization (RFC 9396,
// Section 2). Type is required. The other fields are the common members of Section 2.2,
// and Extra contains the members that are specific to the type.
type AuthorizationDetail struct {
	Type       string   `json:"type,omitzero"`
	Locations  []string `json:"locations,omitzero"`
	Actions    []string `json:"actions,omitzero"`
	DataTypes  []string `json:"datatypes,omitzero"`
	Identifier string   `json:"identifier,omitzero"`
	Privileges []string `json:"privileges,omitzero"`

	Extra map[string]json.RawMessage `json:"-"` // the members that have no field
}

// MarshalJSON implements [json.Marshaler]. It encodes the fields and the members of
// Extra.
func (d AuthorizationDetail) MarshalJSON() ([]byte, error) {
	type plain AuthorizationDetail
	return encodeStruct(plain(d), d.Extra)
}

// Format implements [fmt.Formatter]. It prints the type only, because other members can
// contain personal data, for example account numbers. Requests contain the result of
// MarshalJSON instead.
func (d AuthorizationDetail) Format(f fmt.State, _ rune) { fmt.Fprint(f, d.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (d AuthorizationDetail) LogValue() slog.Value { return slog.StringValue(d.summary()) }

func (d AuthorizationDetail) summary() string {
	return "AuthorizationDetail(" + printable(d.Type, 128) + ")"
}

// UnmarshalJSON implements [json.Unmarshaler]. It is strict: if text is not
// well-formed, has duplicate members or has no type, the error matches [ErrParse].
func (d *AuthorizationDetail) UnmarshalJSON(text []byte) error {
	if d == nil {
		return nilReceiver()
	}
	o, err := parseObject(string(text), documentForm, ErrParse)
	if err != nil {
		return err
	}
	fresh, err := authorizationDetail(&o)
	if err == nil {
		*d = fresh
	}
	return err
}

func authorizationDetail(o *jsonObject) (d AuthorizationDetail, err error) {
	if d.Extra, err = decodeStruct(o, &d); err != nil {
		return AuthorizationDetail{}, err
	}
	if d.Type == "" {
		return AuthorizationDetail{}, fail(o.kind, "type", "is missing in authorization_details")
	}
	return d, nil
}

// authorizationDetails reads the member of that name: an array of objects.
func (o *jsonObject) authorizationDetails() ([]AuthorizationDetail, error) {
	const name = "authorization_details"
	raw, ok := o.get(name)
	if !ok {
		return nil, nil
	}
	list, err := o.readDetails(name, raw)
	list, _, err = result(o, list, err)
	return list, err
}

func (o *jsonObject) readDetails(name, raw string) ([]AuthorizationDetail, error) {
	elems, err := arrayElements(nil, raw, maxMembers)
	if err != nil {
		return nil, o.wrong(name, "an array")
	}
	list := make([]AuthorizationDetail, 0, len(elems))
	for _, e := range elems {
		if e[0] != '{' {
			return nil, o.wrong(name, "an array of objects")
		}
		sub, err := parseObject(e, answerForm, o.kind)
		if err != nil {
			return nil, err
		}
		sub.secrets, sub.copies = o.secrets, o.copies
		d, err := authorizationDetail(&sub)
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

func cloneDetails(list []AuthorizationDetail) []AuthorizationDetail {
	list = slices.Clone(list)
	for n := range list {
		d := &list[n]
		for _, field := range [...]*[]string{&d.Locations, &d.Actions, &d.DataTypes, &d.Privileges} {
			*field = slices.Clone(*field)
		}
		d.Extra = maps.Clone(d.Extra)
		for name, raw := range d.Extra {
			d.Extra[name] = slices.Clone(raw)
		}
	}
	return list
}

// parseDetails reads what encodeDetails wrote.
func parseDetails(text string) ([]AuthorizationDetail, error) {
	o, err := parseObject(`{"authorization_details":`+text+`}`, documentForm, ErrParse)
	if err != nil {
		return nil, err
	}
	return o.authorizationDetails()
}

// encodeDetails is the value of the parameter; "" for none.
func encodeDetails(list []AuthorizationDetail) (string, error) {
	const field = "AuthorizationDetails"
	if len(list) == 0 {
		return "", nil
	}
	for _, d := range list {
		if d.Type == "" {
			return "", fail(ErrConfig, field, "a detail has no Type")
		}
	}
	b := []byte{'['}
	for i, d := range list {
		text, err := d.MarshalJSON()
		if err != nil {
			return "", &Error{Kind: ErrConfig, Param: field, Detail: "does not encode", Err: err}
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, text...)
	}
	return string(append(b, ']')), nil
}
