package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

// TestAuthorizationDetailJSON: a detail is read strictly, and nothing of it changes if
// it cannot be read.
func TestAuthorizationDetailJSON(t *testing.T) {
	const good = `{"type":"pay","actions":["read"],"amount":{"eur":1}}`
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"good", good, true},
		{"type alone", `{"type":"pay"}`, true},
		{"no type", `{"actions":["read"]}`, false},
		{"an empty type", `{"type":""}`, false},
		{"type a number", `{"type":1}`, false},
		{"actions a string", `{"type":"pay","actions":"read"}`, false},
		{"locations with a number", `{"type":"pay","locations":[1]}`, false},
		{"an array", `[` + good + `]`, false},
		{"a string", `"pay"`, false},
		{"a duplicate", `{"type":"pay","type":"pay"}`, false},
		{"two", good + good, false},
		{"nothing", ``, false},
	} {
		d := AuthorizationDetail{Type: "before"}
		err := d.UnmarshalJSON([]byte(tt.text))
		if tt.ok {
			if err != nil || d.Type != "pay" || unitJSON(t, d) != tt.text {
				t.Errorf("%s: %s, %v", tt.name, unitJSON(t, d), err)
			}
			if want := `AuthorizationDetail("pay")`; fmt.Sprint(d) != want {
				t.Errorf("%s prints as %s, want %s", tt.name, fmt.Sprint(d), want)
			}
			continue
		}
		if wantError(t, err, ErrParse, ""); d.Type != "before" {
			t.Errorf("%s: %v with the error %v", tt.name, d, err)
		}
	}
	if err := (*AuthorizationDetail)(nil).UnmarshalJSON([]byte(good)); !errors.Is(err, ErrConfig) {
		t.Errorf("into nil: %v", err)
	}
}

// TestAuthorizationDetailsFaults: details that are sent, that are answered, and that were
// stored.
func TestAuthorizationDetailsFaults(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for name, d := range map[string]AuthorizationDetail{
		"no type": {Actions: []string{"read"}},
		"no JSON": {Type: "pay", Extra: map[string]json.RawMessage{"amount": json.RawMessage(`{`)}},
	} {
		a, err := c.StartAuthorization(context.Background(), &AuthorizationRequest{
			RedirectURI: "https://app.example/cb", AuthorizationDetails: []AuthorizationDetail{{Type: "good"}, d},
		})
		if wantError(t, err, ErrConfig, "AuthorizationDetails"); a != nil {
			t.Errorf("%s: an Authorization came with the error", name)
		}
	}
	for _, text := range []string{`{}`, `["pay"]`, `[{"type":1}]`, `[{"type":"pay"},{}]`, `[{"type":"pay"},null]`, `"x"`} {
		_, err := authenticate(t, s.resource(t, nil), bearer(s.accessToken(t, map[string]any{"authorization_details": json.RawMessage(text)})))
		wantError(t, err, ErrClaim, "")
		if list, err := parseDetails(text); err == nil || list != nil {
			t.Errorf("stored %s: %v, %v", text, list, err)
		}
	}
	for _, text := range []string{``, `[`, `[]}`} {
		if list, err := parseDetails(text); !errors.Is(err, ErrParse) || list != nil {
			t.Errorf("stored %s: %v, %v", text, list, err)
		}
	}
}
