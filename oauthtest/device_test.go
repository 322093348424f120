package oauthtest_test

import (
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// A clock is what Options.Now reads, and tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// startDevice is a device authorization request of the client "app".
func startDevice(t *testing.T, s *oauthtest.Server, changes map[string]string) *answer {
	t.Helper()
	f := form(map[string]string{"client_id": "app", "scope": "openid email"}, changes)
	return post(t, s.Client(), s.URL()+"/device_authorization", f, nil)
}

func pollDevice(t *testing.T, s *oauthtest.Server, deviceCode string) *answer {
	t.Helper()
	f := url.Values{"grant_type": {deviceGrant}, "client_id": {"app"}, "device_code": {deviceCode}}
	return post(t, s.Client(), s.URL()+"/token", f, nil)
}

func wantOAuthError(t *testing.T, name string, a *answer, code string) {
	t.Helper()
	if a.status != 400 || a.str("error") != code {
		t.Errorf("%s: %d %s, want %s", name, a.status, a.body, code)
	}
}

func TestDevice(t *testing.T) {
	clock := newClock()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: clock.now})
	s.AddUser(oauthtest.User{Subject: "bob"})
	s.AddClient(oauthtest.Client{ID: "other", RedirectURIs: []string{redirectURI}})
	start := startDevice(t, s, map[string]string{"scope": "openid offline_access", "resource": "https://api.example.com/"})
	code, userCode := start.str("device_code"), start.str("user_code")
	if start.status != 200 || code == "" || !regexp.MustCompile(`^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$`).MatchString(userCode) ||
		start.str("verification_uri") != s.URL()+"/device" || start.str("verification_uri_complete") != s.URL()+"/device?user_code="+userCode ||
		start.m["expires_in"] != 600.0 || start.m["interval"] != 5.0 || start.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", start.status, start.body)
	}
	wantOAuthError(t, "before", pollDevice(t, s, code), "authorization_pending")
	if err := s.ApproveDevice(strings.ToLower(strings.ReplaceAll(userCode, "-", " ")), "bob"); err != nil {
		t.Fatal(err)
	}
	foreign := url.Values{"grant_type": {deviceGrant}, "client_id": {"other"}, "device_code": {code}}
	wantOAuthError(t, "another client", post(t, s.Client(), s.URL()+"/token", foreign, nil), "invalid_grant")
	wantOAuthError(t, "the user code", pollDevice(t, s, userCode), "invalid_grant")
	clock.advance(time.Second) // early, but the answer is there
	a := pollDevice(t, s, code)
	if a.status != 200 || a.str("scope") != "openid offline_access" || a.str("refresh_token") == "" {
		t.Fatal(a.body)
	}
	_, claims := decodeJWT(t, a.str("id_token"))
	if claims["sub"] != "bob" || claims["aud"] != "app" || claims["nonce"] != nil || claims["auth_time"] != float64(clock.now().Add(-time.Second).Unix()) {
		t.Errorf("claims %v", claims)
	}
	wantOAuthError(t, "again", pollDevice(t, s, code), "invalid_grant")
	if err := s.ApproveDevice(userCode, ""); err == nil {
		t.Error("approved twice")
	}

	start = startDevice(t, s, nil)
	if err := s.ApproveDevice(start.str("user_code"), "nobody"); err == nil {
		t.Error("approved by nobody")
	}
	if err := s.DenyDevice(start.str("user_code")); err != nil {
		t.Fatal(err)
	}
	wantOAuthError(t, "denied", pollDevice(t, s, start.str("device_code")), "access_denied")
	if s.ApproveDevice(start.str("user_code"), "") == nil || s.DenyDevice(start.str("user_code")) == nil || s.DenyDevice("BBBB") == nil {
		t.Error("answered after it was denied, or without a request")
	}

	start = startDevice(t, s, nil)
	clock.advance(10 * time.Minute)
	wantOAuthError(t, "expired", pollDevice(t, s, start.str("device_code")), "expired_token")
	if s.ApproveDevice(start.str("user_code"), "") == nil {
		t.Error("approved after it expired")
	}

	wantOAuthError(t, "client", startDevice(t, s, map[string]string{"client_id": "nobody"}), "invalid_client")
	wantOAuthError(t, "scope", startDevice(t, s, map[string]string{"scope": "\\"}), "invalid_scope")
	wantOAuthError(t, "resource", startDevice(t, s, map[string]string{"resource": "x"}), "invalid_target")
	wantOAuthError(t, "details", startDevice(t, s, map[string]string{"authorization_details": "x"}), "invalid_authorization_details")
}

// Too fast polling makes the interval longer for good.
func TestSlowDown(t *testing.T) {
	clock := newClock()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: clock.now})
	code := startDevice(t, s, nil).str("device_code")
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{
		{0, "authorization_pending"},
		{5 * time.Second, "authorization_pending"},
		{5*time.Second - 1, "slow_down"}, // now 10 s
		{10*time.Second - 1, "slow_down"},
		{15 * time.Second, "authorization_pending"},
		{15*time.Second - 1, "slow_down"},
	} {
		clock.advance(tt.after)
		wantOAuthError(t, tt.after.String(), pollDevice(t, s, code), tt.want)
	}
	// Every code has an interval of its own.
	wantOAuthError(t, "another code", pollDevice(t, s, startDevice(t, s, nil).str("device_code")), "authorization_pending")
}

// The interval is that of the options, and slow_down adds to it.
func TestPollInterval(t *testing.T) {
	clock := newClock()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: clock.now, PollInterval: 2 * time.Second})
	s.AddClient(confidential)
	start := startDevice(t, s, nil)
	for name, a := range map[string]*answer{"device": start, "CIBA": startCIBA(t, s, nil)} {
		if a.m["interval"] != 2.0 {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{
		{0, "authorization_pending"},
		{2 * time.Second, "authorization_pending"},
		{2*time.Second - 1, "slow_down"}, // now 7 s
		{7*time.Second - 1, "slow_down"},
		{12 * time.Second, "authorization_pending"},
	} {
		clock.advance(tt.after)
		wantOAuthError(t, tt.after.String(), pollDevice(t, s, start.str("device_code")), tt.want)
	}
}

func TestPendingAnswers(t *testing.T) {
	clock := newClock()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: clock.now, PendingAnswers: 2})
	s.AddClient(confidential)
	s.AddUser(oauthtest.User{Subject: "bob"})
	device := startDevice(t, s, nil).str("device_code")
	ciba := map[string]string{}
	for _, hint := range []string{"bob", "deny"} {
		ciba[hint] = startCIBA(t, s, map[string]string{"login_hint": hint}).str("auth_req_id")
	}
	for range 2 {
		wantOAuthError(t, "device", pollDevice(t, s, device), "authorization_pending")
		wantOAuthError(t, "device, early", pollDevice(t, s, device), "slow_down")
		for _, id := range ciba {
			wantOAuthError(t, "CIBA", pollCIBA(t, s, id), "authorization_pending")
		}
		clock.advance(time.Minute / 2)
	}
	for want, a := range map[string]*answer{"alice": pollDevice(t, s, device), "bob": pollCIBA(t, s, ciba["bob"])} {
		if a.status != 200 {
			t.Fatal(a.body)
		}
		if _, claims := decodeJWT(t, a.str("id_token")); claims["sub"] != want {
			t.Errorf("sub %v, want %s", claims["sub"], want)
		}
	}
	for range 2 {
		wantOAuthError(t, "refused", pollCIBA(t, s, ciba["deny"]), "access_denied")
	}
}

func TestBrowserDevice(t *testing.T) {
	s := newServer(t, nil)
	s.AddUser(oauthtest.User{Subject: "bob"})
	for name, tt := range map[string]struct {
		user  string
		typed bool
		want  string
	}{
		"complete":  {"", false, "alice"},
		"typed":     {"bob", true, "bob"},
		"refused":   {"deny", true, ""},
		"refused 2": {"deny", false, ""},
	} {
		start := startDevice(t, s, nil)
		b := s.NewBrowser()
		b.User = tt.user
		uri, code := start.str("verification_uri_complete"), ""
		if tt.typed {
			uri, code = start.str("verification_uri"), start.str("user_code")
		}
		if err := b.EnterUserCode(t.Context(), uri, code); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a := pollDevice(t, s, start.str("device_code"))
		if tt.want == "" {
			wantOAuthError(t, name, a, "access_denied")
		} else if _, claims := decodeJWT(t, a.str("id_token")); claims["sub"] != tt.want {
			t.Errorf("%s: %v", name, claims)
		}
		if err := b.EnterUserCode(t.Context(), uri, code); err == nil {
			t.Errorf("%s: the page takes the code again", name)
		}
	}
	// The login stays in the browser, and the ID token says the session.
	b := s.NewBrowser()
	b.User = "bob"
	start := startDevice(t, s, nil)
	if err := b.EnterUserCode(t.Context(), start.str("verification_uri_complete"), ""); err != nil {
		t.Fatal(err)
	}
	cb, err := b.Authorize(t.Context(), authorizationURL(s, map[string]string{"prompt": "none"}))
	if err != nil {
		t.Fatal(err)
	}
	_, first := decodeJWT(t, pollDevice(t, s, start.str("device_code")).str("id_token"))
	_, second := decodeJWT(t, post(t, s.Client(), s.URL()+"/token", codeForm(cb.URL.Query().Get("code")), nil).str("id_token"))
	if first["sid"] == nil || first["sid"] != second["sid"] || second["sub"] != "bob" {
		t.Errorf("%v\n%v", first, second)
	}

	for name, uri := range map[string]string{
		"no code": s.URL() + "/device", "wrong code": s.URL() + "/device?user_code=BBBB-BBBB",
		"elsewhere": "https://attacker.example/device", "no page": s.URL() + "/nowhere", "no URL": "\x00",
	} {
		if err := b.EnterUserCode(t.Context(), uri, ""); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	b.User = "nobody"
	if err := b.EnterUserCode(t.Context(), startDevice(t, s, nil).str("verification_uri_complete"), ""); err == nil {
		t.Error("approved by nobody")
	}
	if page := get(t, s, s.URL()+`/device?user_code="><script>`, ""); strings.Contains(page.body, "<script>") {
		t.Errorf("what the URL has is HTML: %s", page.body)
	}
}
