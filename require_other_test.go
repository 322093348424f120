package oauth

// Tests of credentials that are none of the package's.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

type principal struct{}

// TestOtherCredentials: the program is asked about what can be no token of the servers,
// and about nothing that was or would be refused.
func TestOtherCredentials(t *testing.T) {
	s := newUnitServer()
	var seen []string
	other := func(r *http.Request, need Requirement) (context.Context, error) {
		seen = append(seen, r.Header.Get("Authorization"))
		switch r.Header.Get("Authorization") {
		case "ApiKey good", "Bearer sk_good":
			if slices.Contains(need.Scope, "admin") {
				return nil, fail(ErrScope, "", "the key is not one of an administrator")
			}
			need.Scope[0] = "changed"
			return context.WithValue(r.Context(), principal{}, "key-1"), nil
		case "ApiKey bad":
			return nil, fail(ErrInactive, "", "there is no such key")
		case "ApiKey fails":
			return nil, errors.New("the database is away")
		}
		return nil, nil
	}
	rs := s.resource(t, func(c *ResourceServerConfig) { c.OtherCredentials = other })
	asking := s.resource(t, func(c *ResourceServerConfig) { c.OtherCredentials, c.Introspect = other, s.introspector(t, nil) })
	choosing := s.resource(t, func(c *ResourceServerConfig) {
		c.OtherCredentials = other
		c.IntrospectFor = func(context.Context, string) (*Client, error) { return s.introspector(t, nil), nil }
	})
	s.answer(introspectionPath, `{"active":true,"scope":"read"}`)
	good := s.accessToken(t, nil)
	forged := forged(t, s, accessClaims(nil))
	for _, tt := range []struct {
		name   string
		rs     *ResourceServer
		values []string
		scope  string
		status int
		asked  bool
		by     any // who the handler is told
	}{
		{"an API key", rs, []string{"ApiKey good"}, "read", 204, true, "key-1"},
		{"one for more", rs, []string{"ApiKey good"}, "admin", 403, true, nil},
		{"a wrong one", rs, []string{"ApiKey bad"}, "read", 401, true, nil},
		{"one that cannot be judged", rs, []string{"ApiKey fails"}, "read", 500, true, nil},
		{"of a kind that nobody knows", rs, []string{"Basic YTpi"}, "read", 401, true, nil},
		{"as Bearer", rs, []string{"Bearer sk_good"}, "read", 204, true, "key-1"},
		{"as Bearer, with spaces", rs, []string{"bearer  sk_good"}, "read", 401, true, nil},
		{"as Bearer, where opaque tokens are asked about", asking, []string{"Bearer sk_good"}, "read", 204, false, nil},
		{"as Bearer, where somebody is chosen who asks", choosing, []string{"Bearer sk_good"}, "read", 204, false, nil},
		{"longer than a token", rs, []string{"ApiKey " + strings.Repeat("x", maxToken)}, "read", 401, false, nil},
		{"an API key there", asking, []string{"ApiKey good"}, "read", 204, true, "key-1"},
		{"a token", rs, []string{"Bearer " + good}, "read", 204, false, nil},
		{"a token without the scope", rs, []string{"Bearer " + good}, "admin", 403, false, nil},
		{"a forged token", rs, []string{"Bearer " + forged}, "read", 401, false, nil},
		{"an encrypted token", rs, []string{"Bearer a.b.c.d.e"}, "read", 401, false, nil},
		{"as DPoP", rs, []string{"DPoP sk_good"}, "read", 401, false, nil},
		{"no token", rs, []string{"Bearer"}, "read", 400, false, nil},
		{"no key", rs, []string{"ApiKey"}, "read", 401, false, nil},
		{"an empty field", rs, []string{""}, "read", 401, false, nil},
		{"two fields", rs, []string{"ApiKey good", "Bearer " + good}, "read", 400, false, nil},
		{"nothing", rs, nil, "read", 401, false, nil},
	} {
		seen = nil
		var by any
		var token *AccessToken
		reached := false
		r := apiRequest(tt.values...)
		w := httptest.NewRecorder()
		tt.rs.Require(Requirement{Scope: []string{tt.scope}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reached, by = true, r.Context().Value(principal{})
			token, _ = AccessTokenFromContext(r.Context())
			if r.Header.Get("Authorization") != "" {
				t.Errorf("%s: the handler gets the credentials", tt.name)
			}
			w.WriteHeader(http.StatusNoContent)
		})).ServeHTTP(w, r)
		if w.Code != tt.status || (len(seen) == 1) != tt.asked || by != tt.by || reached != (tt.status == 204) {
			t.Errorf("%s: %d, asked about %q, by %v", tt.name, w.Code, seen, by)
		}
		if (token != nil) != (reached && tt.by == nil) {
			t.Errorf("%s: token %v", tt.name, token)
		}
		if _, err := tt.rs.Authenticate(r); tt.by != nil && err == nil {
			t.Errorf("%s: Authenticate takes it for a token", tt.name)
		}
	}
	// A proof beside them is for a token, and none is there.
	r := apiRequest("ApiKey good")
	r.Header.Set("DPoP", "x")
	seen = nil
	if w, _ := serve(rs, Requirement{Scope: []string{"read"}}, r); w.Code != 401 || seen != nil {
		t.Errorf("with a proof: %d, %q", w.Code, seen)
	}
}

// TestOtherCredentialsNested: an inner Require asks about the same credentials, with its
// own requirement; one of another ResourceServer does not know them.
func TestOtherCredentialsNested(t *testing.T) {
	s := newUnitServer()
	other := func(r *http.Request, need Requirement) (context.Context, error) {
		if r.Header.Get("Authorization") != "ApiKey good" || slices.Contains(need.Scope, "admin") {
			return nil, fail(ErrScope, "", "not with this key")
		}
		return context.WithValue(r.Context(), principal{}, "key-1"), nil
	}
	rs := s.resource(t, func(c *ResourceServerConfig) { c.OtherCredentials = other })
	stranger := s.resource(t, func(c *ResourceServerConfig) { c.OtherCredentials = other })
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(principal{}) != "key-1" {
			t.Error("the handler is not told who calls")
		}
		w.WriteHeader(http.StatusNoContent)
	})
	for _, tt := range []struct {
		inner  http.Handler
		status int
	}{
		{rs.Require(Requirement{Scope: []string{"read"}}, ok), 204},
		{rs.Require(Requirement{Scope: []string{"admin"}}, ok), 403},
		{stranger.Require(Requirement{Scope: []string{"read"}}, ok), 401},
		{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // a request of its own within that of the other
			r.Header.Set("Authorization", "ApiKey bad")
			rs.Require(Requirement{Scope: []string{"read"}}, ok).ServeHTTP(w, r)
		}), 403},
	} {
		w := httptest.NewRecorder()
		rs.Require(Requirement{Scope: []string{"read"}}, tt.inner).ServeHTTP(w, apiRequest("ApiKey good"))
		if w.Code != tt.status {
			t.Errorf("%d, want %d", w.Code, tt.status)
		}
	}
}

// TestOtherCredentialsNow: an inner Require asks about the request as it is there, the body
// that the function puts back stays, and the requirement is its own copy.
func TestOtherCredentialsNow(t *testing.T) {
	s := newUnitServer()
	age := int64(60)
	other := func(r *http.Request, need Requirement) (context.Context, error) {
		if r.Method == http.MethodDelete {
			return nil, fail(ErrScope, "", "the key reads alone")
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body)) // as a function does that signs it
		*need.MaxAge = 1 << 40
		need.Scope[0], need.ACRValues[0] = "x", "x"
		return r.Context(), nil
	}
	rs := s.resource(t, func(c *ResourceServerConfig) { c.OtherCredentials = other })
	need := Requirement{Scope: []string{"read"}, ACRValues: []string{"gold"}, MaxAge: &age}
	method := ""
	inner := rs.Require(need, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); string(body) != "hello" {
			t.Errorf("the handler reads %q", body)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	outer := rs.Require(need, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Method = method
		inner.ServeHTTP(w, r)
	}))
	for m, status := range map[string]int{"POST": 204, "DELETE": 403} {
		method = m
		r := httptest.NewRequest("POST", unitResource+"/orders", strings.NewReader("hello"))
		r.Header.Set("Authorization", "ApiKey good")
		w := httptest.NewRecorder()
		if outer.ServeHTTP(w, r); w.Code != status {
			t.Errorf("%s: %d", m, w.Code)
		}
	}
	if w, _ := serve(rs, need, bearer(s.accessToken(t, map[string]any{"acr": "gold", "auth_time": unitTime - 3600}))); age != 60 || w.Code != 401 {
		t.Errorf("the requirement became another: %d, %d", age, w.Code)
	}
}

// TestOtherCredentialsRefused: an error of the program's is told for every scheme, because
// it is of none.
func TestOtherCredentialsRefused(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.OtherCredentials = func(*http.Request, Requirement) (context.Context, error) {
			return nil, fail(ErrInactive, "", "there is no such key")
		}
	})
	w, _ := serve(rs, Requirement{}, apiRequest("ApiKey bad"))
	list := ParseChallenges(w.Header())
	if len(list) != 2 {
		t.Fatalf("%v", list)
	}
	for _, c := range list {
		if c.Params["error"] != codeInvalidToken {
			t.Errorf("%s: %v", c.Scheme, c.Params)
		}
	}
}
