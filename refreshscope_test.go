package oauth

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestRefreshScope refreshes several times with one refresh token. A scope that
// the server leaves out is the one that was asked for (RFC 6749, Section 5.1);
// where none was, it is the one originally granted (Section 6), not that of the
// refresh before.
func TestRefreshScope(t *testing.T) {
	type step struct {
		scope, resource, answer, want string // answer "-": the server leaves the scope out
	}
	tests := map[string][]step{
		"nothing said":              {{"", "", "-", "a b"}, {"", "", "-", "a b"}},
		"narrower, then as granted": {{"a", "", "-", "a"}, {"", "", "-", "a b"}},
		"narrower twice":            {{"a", "", "-", "a"}, {"b", "", "-", "b"}, {"", "", "-", "a b"}},
		"narrower, the server says": {{"a", "", "a", "a"}, {"", "", "-", "a b"}},
		"one resource":              {{"", "https://rs.example/", "a", "a"}, {"", "", "-", "a b"}},
		"the server gives less":     {{"", "", "a", "a"}, {"", "", "-", "a"}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			s := newUnitServer()
			c := s.client(t, nil)
			token := &Token{RefreshToken: NewSecret("rt"), Scope: []string{"a", "b"}}
			for i, step := range steps {
				answer := map[string]any{"access_token": "at", "token_type": "Bearer"}
				if step.answer != "-" {
					answer["scope"] = step.answer
				}
				s.answer("/token", unitJSON(t, answer))
				opts := &GrantOptions{Scope: strings.Fields(step.scope), Resource: strings.Fields(step.resource)}
				fresh, err := c.Refresh(context.Background(), token, opts)
				if err != nil {
					t.Fatal(err)
				}
				if want := strings.Fields(step.want); !slices.Equal(fresh.Scope, want) {
					t.Errorf("step %d: scope %q, want %q", i, fresh.Scope, want)
				}
				data, err := fresh.MarshalBinary() // as in a session store
				if err != nil {
					t.Fatal(err)
				}
				token = new(Token)
				if err := token.UnmarshalBinary(data); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
