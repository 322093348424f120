package oauth

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestResponseState: the state is found wherever a response has it, and FinishAuthorization
// still finds the response.
func TestResponseState(t *testing.T) {
	s := newUnitServer()
	decrypts := newUnitDecrypter(t, decryptionKey(t, "P-256", "ECDH-ES", nil, ""))
	c := s.client(t, nil)
	encrypted := s.client(t, func(c *Config) { c.Decrypter = decrypts })
	jarm := func(claims map[string]any) string { return s.sign(t, "JWT", claims) }
	sealed := sender{name: "P-256", alg: "ECDH-ES", enc: "A128GCM"}.seal(t, jarm(map[string]any{"state": "the state"}))
	good := jarm(map[string]any{"state": "the state"})
	get := func(query url.Values) string { return "https://app.example/cb?" + query.Encode() }
	for _, tt := range []struct {
		name   string
		c      *Client
		method string
		params url.Values
		state  string
		kind   error
	}{
		{"query", c, "GET", url.Values{"code": {"c"}, "state": {"the state"}}, "the state", nil},
		{"an error", c, "GET", url.Values{"error": {"access_denied"}, "state": {"the state"}}, "the state", nil},
		{"form_post", c, "POST", url.Values{"code": {"c"}, "state": {"the state"}}, "the state", nil},
		{"JARM", c, "GET", url.Values{"response": {jarm(map[string]any{"state": "the state"})}}, "the state", nil},
		{"JARM by form_post", c, "POST", url.Values{"response": {jarm(map[string]any{"state": "the state"})}}, "the state", nil},
		{"JARM, and a state beside it", c, "GET", url.Values{"response": {jarm(map[string]any{"state": "the state"})}, "state": {"x"}}, "the state", nil},
		{"JARM, encrypted", encrypted, "GET", url.Values{"response": {sealed}}, "the state", nil},
		{"JARM, encrypted, without a key", c, "GET", url.Values{"response": {sealed}}, "", ErrUnsupported},
		{"JARM without a state", c, "GET", url.Values{"response": {jarm(map[string]any{})}, "state": {"x"}}, "", ErrClaim},
		{"JARM with a number", c, "GET", url.Values{"response": {jarm(map[string]any{"state": 1})}}, "", ErrClaim},
		{"no JWT", c, "GET", url.Values{"response": {"x"}}, "", ErrInvalid},
		{"none", c, "GET", url.Values{"code": {"c"}}, "", ErrState},
		{"empty", c, "GET", url.Values{"code": {"c"}, "state": {""}}, "", ErrState},
		{"twice", c, "GET", url.Values{"state": {"a", "a"}}, "", ErrParse},
		{"response twice", c, "GET", url.Values{"response": {good, good}}, "", ErrParse},
	} {
		r := httptest.NewRequest("GET", get(tt.params), nil)
		if tt.method == "POST" {
			r = httptest.NewRequest("POST", "https://app.example/cb", strings.NewReader(tt.params.Encode()))
			r.Header.Set("Content-Type", mediaForm)
		}
		for range 2 { // the body is still to be had
			state, err := tt.c.ResponseState(r)
			if wantError(t, err, tt.kind, ""); state != tt.state || tt.method == "GET" && r.PostForm != nil {
				t.Errorf("%s: %q, and the body is %v", tt.name, state, r.PostForm)
			}
		}
	}
	_, err := c.ResponseState(nil)
	wantError(t, err, ErrConfig, "")
	_, err = c.ResponseState(httptest.NewRequest("POST", "https://app.example/cb", strings.NewReader("state=a")))
	wantError(t, err, ErrParse, "Content-Type")
	if _, err := new(Client).ResponseState(httptest.NewRequest("GET", get(nil), nil)); err == nil {
		t.Error("a Client that NewClient did not make reads responses")
	}
}
