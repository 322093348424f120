package demo

import (
	"net/http"
	"strings"
	"testing"
)

// The browser gets a reference to the request, and its response is good in its own
// session, once.
func TestFAPI2Callback(t *testing.T) {
	t.Parallel()
	s, ctx := stageFor(t, "fapi2", nil)
	p, origin, err := s.startFAPI2(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	visitor, attacker := newVisitor(), newVisitor()
	callback, err := s.begin(ctx, visitor, origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.begin(ctx, attacker, origin); err != nil { // a login of its own
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		visitor *http.Client
		status  int
	}{
		{"another session", attacker, http.StatusForbidden},
		{"no session", newVisitor(), http.StatusForbidden},
		{"the user's own", visitor, http.StatusOK},
		{"again", visitor, http.StatusForbidden},
	} {
		resp, body, err := fetch(tt.visitor, callback.Clone(ctx), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != tt.status || strings.Contains(body, "alice") != (tt.status == http.StatusOK) ||
			strings.HasPrefix(body, unknownLogin) != (tt.name == "no session" || tt.name == "again") {
			t.Errorf("%s: %s\n%s", tt.name, resp.Status, body)
		}
	}
	for _, r := range s.Server.Requests() {
		if r.Path == "/authorize" && (len(r.Query) != 2 || !r.Query.Has("client_id") || !r.Query.Has("request_uri")) {
			t.Errorf("the browser's URL has %v", r.Query)
		}
		if r.Path == "/token" && (r.Header.Get("DPoP") == "" || r.Form.Get("client_assertion") == "") {
			t.Errorf("the token request has no proof, or no assertion: %v", r.Form)
		}
	}
	s.printed(t)
}
