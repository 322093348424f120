package oauthtest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// This file implements rich authorization requests: RFC 9396.

// parseDetails reads authorization_details: an array of objects with a type.
func (s *Server) parseDetails(text string) ([]any, *protocolError) {
	if text == "" {
		return nil, nil
	}
	refuse := func(description string) ([]any, *protocolError) {
		return nil, invalid("invalid_authorization_details", description)
	}
	var details []any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // what is granted is what was asked for, to the last digit
	if err := d.Decode(&details); err != nil || d.More() || details == nil {
		return refuse("authorization_details is not a JSON array")
	}
	for _, detail := range details {
		object, _ := detail.(map[string]any)
		name, _ := object["type"].(string)
		if name == "" {
			return refuse("an element is no object with a type")
		}
		if types := s.opts.AuthorizationDetailsTypes; len(types) > 0 && !slices.Contains(types, name) {
			return refuse("an element has an unknown type")
		}
	}
	return details, nil
}

// narrowDetails returns what a token is for: all that was granted, or those
// parts of it that the token request names (Section 6).
func (s *Server) narrowDetails(granted []any, text string) ([]any, *protocolError) {
	asked, perr := s.parseDetails(text)
	if perr != nil || asked == nil {
		return granted, perr
	}
	for _, detail := range asked {
		if !slices.ContainsFunc(granted, func(g any) bool { return reflect.DeepEqual(g, detail) }) {
			return nil, invalid("invalid_authorization_details", "more than the user granted")
		}
	}
	return asked, nil
}
