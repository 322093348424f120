package oauthtest_test

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// startCIBA is a backchannel authentication request of the confidential client.
func startCIBA(t *testing.T, s *oauthtest.Server, changes map[string]string) *answer {
	t.Helper()
	params := map[string]string{"scope": "openid email", "login_hint": "alice"}
	maps.Copy(params, credentials)
	return post(t, s.Client(), s.URL()+"/bc-authorize", form(params, changes), nil)
}

func pollCIBA(t *testing.T, s *oauthtest.Server, id string) *answer {
	t.Helper()
	return token(t, s, cibaGrant, map[string]string{"auth_req_id": id})
}

func TestCIBA(t *testing.T) {
	clock := newClock()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: clock.now})
	s.AddUser(oauthtest.User{Subject: "bob"})
	s.AddClient(confidential)
	a := startCIBA(t, s, map[string]string{
		"scope": "openid offline_access", "acr_values": "urn:high urn:low", "binding_message": "Zahlung Nr. 4711 ü",
		"resource": "https://api.example.com/", "authorization_details": `[{"type":"payment"}]`,
	})
	id := a.str("auth_req_id")
	if a.status != 200 || id == "" || a.m["expires_in"] != 120.0 || a.m["interval"] != 5.0 || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	log := s.Requests()
	if params := log[len(log)-1].Params; params.Get("login_hint") != "alice" || params.Has("client_secret") {
		t.Errorf("recorded: %v", params)
	}
	wantOAuthError(t, "before", pollCIBA(t, s, id), "authorization_pending")
	wantOAuthError(t, "early", pollCIBA(t, s, id), "slow_down")
	wantOAuthError(t, "as a device code", token(t, s, deviceGrant, map[string]string{"device_code": id}), "invalid_grant")
	if notified, err := s.ApproveBackchannel(id, ""); err != nil || notified != 0 {
		t.Fatal(notified, err)
	}
	a = pollCIBA(t, s, id)
	details, _ := a.m["authorization_details"].([]any)
	if a.status != 200 || a.str("refresh_token") == "" || len(details) != 1 {
		t.Fatal(a.body)
	}
	if _, claims := decodeJWT(t, a.str("id_token")); claims["sub"] != "alice" || claims["acr"] != "urn:high" || claims["aud"] != "bank" {
		t.Errorf("claims %v", claims)
	}
	wantOAuthError(t, "again", pollCIBA(t, s, id), "invalid_grant")

	id = startCIBA(t, s, nil).str("auth_req_id")
	if _, err := s.ApproveBackchannel(id, "nobody"); err == nil {
		t.Error("approved by nobody")
	}
	if _, err := s.ApproveBackchannel(id, "bob"); err != nil {
		t.Fatal(err)
	}
	if _, claims := decodeJWT(t, pollCIBA(t, s, id).str("id_token")); claims["sub"] != "bob" {
		t.Errorf("claims %v", claims)
	}
	if _, err := s.DenyBackchannel(id); err == nil {
		t.Error("denied after it was approved")
	}

	id = startCIBA(t, s, nil).str("auth_req_id")
	if _, err := s.DenyBackchannel(id); err != nil {
		t.Fatal(err)
	}
	wantOAuthError(t, "denied", pollCIBA(t, s, id), "access_denied")
	device := startDevice(t, s, nil).str("device_code")
	for _, unknown := range []string{"x", device} {
		_, err1 := s.ApproveBackchannel(unknown, "")
		_, err2 := s.DenyBackchannel(unknown)
		if err1 == nil || err2 == nil {
			t.Errorf("%q was approved or denied", unknown)
		}
	}

	for expiry, want := range map[string]float64{"30": 30, "9999": 3600} {
		a := startCIBA(t, s, map[string]string{"requested_expiry": expiry})
		if a.m["expires_in"] != want {
			t.Errorf("requested_expiry %s: %s", expiry, a.body)
		}
		clock.advance(time.Duration(want) * time.Second)
		wantOAuthError(t, "expired", pollCIBA(t, s, a.str("auth_req_id")), "expired_token")
	}

	meta := get(t, s, s.URL()+"/.well-known/openid-configuration", "")
	modes, _ := meta.m["backchannel_token_delivery_modes_supported"].([]any)
	algs, _ := meta.m["backchannel_authentication_request_signing_alg_values_supported"].([]any)
	if !slices.Equal(modes, []any{"poll", "ping"}) || !slices.Contains(algs, any("ES256")) || slices.Contains(algs, any("HS256")) ||
		meta.m["backchannel_user_code_parameter_supported"] != true || meta.str("backchannel_authentication_endpoint") != s.URL()+"/bc-authorize" ||
		meta.str("device_authorization_endpoint") != s.URL()+"/device_authorization" {
		t.Errorf("metadata: %s", meta.body)
	}
}

func TestCIBAErrors(t *testing.T) {
	s := newServer(t, nil)
	own := newSigner(t)
	s.AddClient(confidential)
	s.AddUser(oauthtest.User{Subject: "carol", UserCode: "1234"})
	bank := token(t, s, "authorization_code", map[string]string{
		"code":         authorize(t, s, map[string]string{"client_id": "bank"}).Get("code"),
		"redirect_uri": redirectURI, "code_verifier": verifier,
	}).str("id_token")
	hint := func(claims map[string]any) string {
		return own.sign(map[string]any{"sub": "alice"}, claims)
	}
	sign := func(claims map[string]any) string {
		token, err := s.Sign("ES256", nil, claims)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for name, tt := range map[string]struct {
		changes map[string]string
		want    string // error; "": none
	}{
		"good":                       {nil, ""},
		"wrong secret":               {map[string]string{"client_secret": "x"}, "invalid_client"},
		"public client":              {map[string]string{"client_id": "app", "client_secret": ""}, "unauthorized_client"},
		"no scope":                   {map[string]string{"scope": ""}, "invalid_request"},
		"no openid":                  {map[string]string{"scope": "email"}, "invalid_scope"},
		"scope":                      {map[string]string{"scope": "openid \\"}, "invalid_scope"},
		"resource":                   {map[string]string{"resource": "x"}, "invalid_target"},
		"details":                    {map[string]string{"authorization_details": "{}"}, "invalid_authorization_details"},
		"no hint":                    {map[string]string{"login_hint": ""}, "invalid_request"},
		"two hints":                  {map[string]string{"id_token_hint": bank}, "invalid_request"},
		"unknown user":               {map[string]string{"login_hint": "nobody"}, "unknown_user_id"},
		"long binding message":       {map[string]string{"binding_message": strings.Repeat("x", 65)}, "invalid_binding_message"},
		"binding message":            {map[string]string{"binding_message": strings.Repeat("ü", 64)}, ""},
		"binding message with lines": {map[string]string{"binding_message": "a\nb"}, "invalid_binding_message"},
		"binding message, no UTF-8":  {map[string]string{"binding_message": "\xff"}, "invalid_binding_message"},
		"expiry 0":                   {map[string]string{"requested_expiry": "0"}, "invalid_request"},
		"expiry -1":                  {map[string]string{"requested_expiry": "-1"}, "invalid_request"},
		"expiry x":                   {map[string]string{"requested_expiry": "x"}, "invalid_request"},
		"notification token in vain": {map[string]string{"client_notification_token": "x"}, ""},

		"id_token_hint":                   {map[string]string{"login_hint": "", "id_token_hint": bank}, ""},
		"id_token_hint of another client": {map[string]string{"login_hint": "", "id_token_hint": redeem(t, s, nil).str("id_token")}, "invalid_request"},
		"id_token_hint of another server": {map[string]string{"login_hint": "", "id_token_hint": hint(map[string]any{"iss": s.Issuer(), "aud": "bank"})}, "invalid_request"},
		"id_token_hint, no JWT":           {map[string]string{"login_hint": "", "id_token_hint": "x"}, "invalid_request"},
		"id_token_hint, aud list": {map[string]string{"login_hint": "", "id_token_hint": sign(map[string]any{
			"iss": s.Issuer(), "aud": []string{"x", "bank"}, "sub": "alice", "exp": 1})}, ""},
		"id_token_hint, wrong iss": {map[string]string{"login_hint": "", "id_token_hint": sign(map[string]any{
			"iss": "x", "aud": "bank", "sub": "alice"})}, "invalid_request"},
		"id_token_hint about nobody": {map[string]string{"login_hint": "", "id_token_hint": sign(map[string]any{
			"iss": s.Issuer(), "aud": "bank", "sub": "nobody"})}, "unknown_user_id"},

		"login_hint_token":         {map[string]string{"login_hint": "", "login_hint_token": hint(nil)}, ""},
		"expired login_hint_token": {map[string]string{"login_hint": "", "login_hint_token": hint(map[string]any{"exp": 1})}, "expired_login_hint_token"},
		"login_hint_token, no JWT": {map[string]string{"login_hint": "", "login_hint_token": "x"}, "invalid_request"},
		"login_hint_token, no sub": {map[string]string{"login_hint": "", "login_hint_token": hint(map[string]any{"sub": remove})}, "unknown_user_id"},

		"user code":         {map[string]string{"login_hint": "carol", "user_code": "1234"}, ""},
		"no user code":      {map[string]string{"login_hint": "carol"}, "missing_user_code"},
		"wrong user code":   {map[string]string{"login_hint": "carol", "user_code": "4321"}, "invalid_user_code"},
		"user code in vain": {map[string]string{"user_code": "1234"}, ""},
	} {
		a := startCIBA(t, s, tt.changes)
		if tt.want != "" {
			wantOAuthError(t, name, a, tt.want)
		} else if a.status != 200 || a.str("auth_req_id") == "" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
}

func TestSignedCIBA(t *testing.T) {
	s := newServer(t, nil)
	own, stranger := newSigner(t), newSigner(t)
	s.AddUser(oauthtest.User{Subject: "bob"})
	c := confidential
	c.JWKS, c.BackchannelRequestAlg = own.jwks(), "ES256"
	s.AddClient(c)
	now := time.Now().Unix()
	ask := func(by signer, claims map[string]any, beside map[string]string) *answer {
		t.Helper()
		all := map[string]any{
			"iss": "bank", "aud": s.Issuer(), "exp": now + 60, "nbf": now, "iat": now, "jti": rand.Text(),
			"scope": "openid", "login_hint": "bob", "requested_expiry": 40,
		}
		params := map[string]string{"scope": "", "login_hint": "", "request": by.sign(all, claims)}
		maps.Copy(params, beside)
		return startCIBA(t, s, params)
	}
	for _, expiry := range []any{40, "40"} {
		a := ask(own, map[string]any{"requested_expiry": expiry}, nil)
		if a.status != 200 || a.m["expires_in"] != 40.0 {
			t.Fatal(a.body)
		}
		log := s.Requests()
		if params := log[len(log)-1].Params; params.Get("login_hint") != "bob" || params.Has("client_secret") {
			t.Errorf("recorded: %v", params)
		}
		s.ApproveBackchannel(a.str("auth_req_id"), "")
		if _, claims := decodeJWT(t, pollCIBA(t, s, a.str("auth_req_id")).str("id_token")); claims["sub"] != "bob" {
			t.Errorf("claims %v", claims)
		}
	}
	if a := ask(own, map[string]any{"jti": "1"}, nil); a.status != 200 {
		t.Error(a.body)
	}
	for name, claims := range map[string]map[string]any{
		"replayed": {"jti": "1"}, "no jti": {"jti": remove}, "iss": {"iss": "app"}, "no iss": {"iss": remove},
		"aud": {"aud": "https://other.example"}, "no aud": {"aud": remove}, "no exp": {"exp": remove}, "expired": {"exp": now - 1},
		"no nbf": {"nbf": remove}, "not yet valid": {"nbf": now + 600}, "no iat": {"iat": remove}, "no hint": {"login_hint": remove},
		"a list": {"login_hint": []string{"bob"}}, "expiry": {"requested_expiry": true},
	} {
		wantOAuthError(t, name, ask(own, claims, nil), "invalid_request")
	}
	wantOAuthError(t, "a parameter beside", ask(own, nil, map[string]string{"scope": "openid"}), "invalid_request")
	wantOAuthError(t, "another's key", ask(stranger, nil, nil), "invalid_request")
	wantOAuthError(t, "no JWT", startCIBA(t, s, map[string]string{"scope": "", "login_hint": "", "request": "x"}), "invalid_request")
	wantOAuthError(t, "unsigned", startCIBA(t, s, nil), "invalid_request")
	c.BackchannelRequestAlg = "ES384"
	s.AddClient(c)
	wantOAuthError(t, "another algorithm", ask(own, nil, nil), "invalid_request")
	c.BackchannelRequestAlg = ""
	s.AddClient(c)
	if a := ask(own, nil, nil); a.status != 200 {
		t.Errorf("signed without need: %s", a.body)
	}
}

// An endpoint is the notification endpoint of a client.
type endpoint struct {
	mu     sync.Mutex
	status int
	seen   []*http.Request
	ids    []any
}

func (e *endpoint) answerWith(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = status
}

// last returns the notification that came last, its auth_req_id, and the number
// of all.
func (e *endpoint) last() (r *http.Request, id any, n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n = len(e.seen)
	if n == 0 {
		return nil, nil, 0
	}
	return e.seen[n-1], e.ids[n-1], n
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var m map[string]any
	json.Unmarshal(body, &m)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen, e.ids = append(e.seen, r), append(e.ids, m["auth_req_id"])
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(e.status)
}

func TestPing(t *testing.T) {
	for name, listen := range map[string]func(http.Handler) *httptest.Server{"http": httptest.NewServer, "https": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			e := &endpoint{status: http.StatusNoContent}
			app := listen(e)
			defer app.Close()
			opts := &oauthtest.Options{SigningAlgs: []string{"ES256"}}
			if name == "https" {
				opts.OutgoingClient = app.Client()
			}
			s := newServer(t, opts)
			c := confidential
			c.DeliveryMode, c.NotificationEndpoint = "ping", app.URL+"/ping"
			s.AddClient(c)

			for _, bad := range []string{"", "a b", "ü", strings.Repeat("x", 1025)} {
				wantOAuthError(t, "client_notification_token "+bad, startCIBA(t, s, map[string]string{"client_notification_token": bad}), "invalid_request")
			}
			for i, answer := range []struct {
				do     func(id string) (int, error)
				status int
				want   string
			}{
				{func(id string) (int, error) { return s.ApproveBackchannel(id, "") }, 204, ""},
				{s.DenyBackchannel, 200, "access_denied"},
				{s.DenyBackchannel, 307, "access_denied"}, // is not followed
			} {
				id := startCIBA(t, s, map[string]string{"client_notification_token": "the-token"}).str("auth_req_id")
				wantOAuthError(t, "before", pollCIBA(t, s, id), "authorization_pending")
				e.answerWith(answer.status)
				notified, err := answer.do(id)
				r, got, n := e.last()
				if err != nil || notified != answer.status || n != i+1 {
					t.Fatalf("%d, %v, %d notifications", notified, err, n)
				}
				if r.Method != "POST" || r.URL.Path != "/ping" || r.Header.Get("Authorization") != "Bearer the-token" ||
					r.Header.Get("Content-Type") != "application/json" || got != id {
					t.Errorf("notification %s %s %v %v", r.Method, r.URL, r.Header, got)
				}
				if a := pollCIBA(t, s, id); answer.want != "" {
					wantOAuthError(t, "after", a, answer.want)
				} else if a.status != 200 {
					t.Error(a.body)
				}
			}

			id := startCIBA(t, s, map[string]string{"client_notification_token": "the-token"}).str("auth_req_id")
			app.Close()
			if _, err := s.ApproveBackchannel(id, ""); err == nil {
				t.Error("nobody listens, and there is no error")
			}
			if a := pollCIBA(t, s, id); a.status != 200 {
				t.Errorf("it is approved all the same: %s", a.body)
			}
		})
	}
}

func TestGrantPanics(t *testing.T) {
	s := newServer(t, nil)
	for name, c := range map[string]oauthtest.Client{
		"grant":    {ID: "x", GrantTypes: []string{"password"}},
		"mode":     {ID: "x", DeliveryMode: "push"},
		"endpoint": {ID: "x", DeliveryMode: "ping"},
		"alg":      {ID: "x", BackchannelRequestAlg: "HS256"},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			s.AddClient(c)
		}()
	}
}
