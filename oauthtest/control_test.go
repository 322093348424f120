package oauthtest_test

import (
	"bytes"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

// control makes a request to the JSON interface; change, if not nil, may change it.
func control(t *testing.T, s *oauthtest.Server, method, path, body string, change func(*http.Request)) *answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/oauthtest/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(req)
	}
	return do(t, s.Client(), req)
}

func newControlled(t *testing.T) *oauthtest.Server {
	return newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Control: true, Path: "/tenant"})
}

// TestControl: what a test in another language does.
func TestControl(t *testing.T) {
	s := newControlled(t)
	for _, row := range [][3]string{
		{http.MethodPost, "users", `{"sub":"bob","claims":{"email":"bob@example.com","groups":["staff"]},"user_code":"1"}`},
		{http.MethodPost, "clients", `{"client_id":"app","client_secret":"s","token_endpoint_auth_method":"client_secret_post",` +
			`"redirect_uris":["` + redirectURI + `"],"grant_types":["authorization_code","refresh_token"]}`},
	} {
		if a := control(t, s, row[0], row[1], row[2], nil); a.status != http.StatusNoContent || a.body != "" {
			t.Fatalf("%s: %d %s", row[1], a.status, a.body)
		}
	}
	login := func() *answer {
		cb, err := s.Authorize(t.Context(), s.Issuer()+"/authorize?"+authorizationParams(map[string]string{"login_hint": "bob"}).Encode())
		if err != nil {
			t.Fatal(err)
		}
		form := codeForm(cb.URL.Query().Get("code"))
		form.Set("client_secret", "s")
		return post(t, s.Client(), s.Issuer()+"/token", form, nil)
	}
	a := login()
	_, claims := decodeJWT(t, a.str("id_token"))
	if claims["sub"] != "bob" || claims["email"] != "bob@example.com" || claims["groups"] == nil || a.str("refresh_token") == "" {
		t.Error(a.body, claims)
	}
	if a := control(t, s, http.MethodPut, "faults", `{"faults":["WrongNonce"]}`, nil); a.status != http.StatusNoContent {
		t.Fatal(a.body)
	}
	if _, claims := decodeJWT(t, login().str("id_token")); claims["nonce"] == "the-nonce" {
		t.Error("the fault is not there")
	}
	listed := map[string]any{}
	faults, _ := control(t, s, http.MethodGet, "faults", "", nil).m["faults"].([]any)
	for _, row := range faults {
		row := row.(map[string]any)
		listed[row["fault"].(string)] = row
	}
	if len(listed) != len(oauthtest.Faults()) {
		t.Errorf("%d faults", len(listed))
	}
	want := map[string]any{"fault": "WrongNonce", "part": "ID token", "fatal": true, "set": true}
	if got, _ := listed["WrongNonce"].(map[string]any); got["part"] != want["part"] || got["fatal"] != true || got["set"] != true {
		t.Errorf("%v, want %v", got, want)
	}
	if got, _ := listed["StringExpiresIn"].(map[string]any); got["fatal"] != false || got["set"] != false {
		t.Error(got)
	}
	control(t, s, http.MethodPut, "faults", `{"faults":[]}`, nil)
	for _, name := range []string{"access_token", "id_token"} {
		a := control(t, s, http.MethodPost, name, `{"client_id":"app","user":"bob","claims":{"aud":"https://api.example.com"}}`, nil)
		if _, claims := decodeJWT(t, a.str(name)); claims["sub"] != "bob" || claims["aud"] != "https://api.example.com" {
			t.Error(a.body, claims)
		}
	}
	block, _ := pem.Decode([]byte(control(t, s, http.MethodGet, "root.pem", "", nil).body))
	if block == nil || !bytes.Equal(block.Bytes, s.RootCertificate().Raw) {
		t.Error("the root certificate is another")
	}
	for _, r := range s.Requests() {
		if strings.HasPrefix(r.Path, "/oauthtest/") {
			t.Error("a request of the test is in the record")
		}
	}
}

// TestControlRefused: no page in a browser can use the interface, and no mistake passes
// in silence.
func TestControlRefused(t *testing.T) {
	s := newControlled(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL(), "https://"), ":")
	contentType := func(v string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", v) }
	}
	host := func(v string) func(*http.Request) { return func(r *http.Request) { r.Host = v } }
	const fault = `{"faults":["WrongNonce"]}`
	for _, tt := range []struct {
		name, method, path, body string
		change                   func(*http.Request)
		status                   int
	}{
		{"the name of an attacker, which leads here", "PUT", "faults", fault, host("attacker.example:" + port), 421},
		{"the same to read", "GET", "faults", "", host("attacker.example:" + port), 421},
		{"another port", "PUT", "faults", fault, host("127.0.0.1:1"), 421},
		{"no port", "PUT", "faults", fault, host("127.0.0.1"), 421},
		{"a name that ends like ours", "PUT", "faults", fault, host("attacker.localhost:" + port), 421},
		{"text of a page", "PUT", "faults", fault, contentType("text/plain"), 415},
		{"a form of a page", "POST", "users", `{"sub":"x"}`, contentType("application/x-www-form-urlencoded"), 415},
		{"a type that only begins so", "PUT", "faults", fault, contentType("application/json-seq"), 415},
		{"no type", "PUT", "faults", fault, contentType(""), 415},
		{"another origin", "PUT", "faults", fault, func(r *http.Request) { r.Header.Set("Origin", "https://attacker.example") }, 403},
		{"a page of another site", "PUT", "faults", fault, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		{"the question before JSON", "OPTIONS", "faults", "", nil, 405},
		{"another method", "DELETE", "faults", "{}", nil, 405},
		{"another path", "POST", "fault", fault, nil, 404},
		{"no JSON", "PUT", "faults", "{", nil, 400},
		{"no object", "PUT", "faults", "[]", nil, 400},
		{"no such fault", "PUT", "faults", `{"faults":["Wrong"]}`, nil, 400},
		{"faults that are no list", "PUT", "faults", `{"faults":"WrongNonce"}`, nil, 400},
		{"a member of another name", "PUT", "faults", `{"faults":[],"fault":"WrongNonce"}`, nil, 400},
		{"a user without sub", "POST", "users", `{"claims":{}}`, nil, 400},
		{"a user of other members", "POST", "users", `{"sub":"x","email":"x@example.com"}`, nil, 400},
		{"a client without an ID", "POST", "clients", `{}`, nil, 400},
		{"a client with an unknown method", "POST", "clients", `{"client_id":"x","token_endpoint_auth_method":"magic"}`, nil, 400},
		{"a client with an unknown member", "POST", "clients", `{"client_id":"x","redirect_uri":"https://app.example.com/cb"}`, nil, 400},
		{"a client with a member of another type", "POST", "clients", `{"client_id":"x","redirect_uris":"https://app.example.com/cb"}`, nil, 400},
		{"a token of no client", "POST", "access_token", `{"user":"alice"}`, nil, 400},
		{"an ID token of nobody", "POST", "id_token", `{"client_id":"app"}`, nil, 400},
		{"a token with a member of another name", "POST", "access_token", `{"client_id":"app","sub":"alice"}`, nil, 400},
	} {
		a := control(t, s, tt.method, tt.path, tt.body, tt.change)
		if a.status != tt.status || a.str("error") == "" || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %s, want %d", tt.name, a.status, a.body, tt.status)
		}
	}
	if _, claims := decodeJWT(t, must2(t)(s.IDToken("app", "alice", map[string]any{"nonce": "n"}))); claims["nonce"] != "n" {
		t.Error("a fault was set")
	}
	for _, own := range []string{"localhost:" + port, "LOCALHOST:" + port, "[::1]:" + port, "127.0.0.1:" + port} {
		if a := control(t, s, "GET", "faults", "", host(own)); a.status != 200 {
			t.Errorf("%s: %d", own, a.status)
		}
	}
	off := newServer(t, nil)
	if a := control(t, off, "GET", "faults", "", nil); a.status != http.StatusNotFound {
		t.Errorf("without Options.Control: %d", a.status)
	}
}

// must2 fails the test at an error.
func must2(t *testing.T) func(string, error) string {
	return func(v string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
