package oauthtest_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

const loggedOutURI = "https://app.example.com/bye?x=1"

func logoutURL(s *oauthtest.Server, params map[string]string) string {
	q := url.Values{}
	for name, value := range params {
		q.Set(name, value)
	}
	return s.URL() + "/logout?" + q.Encode()
}

// loginIn logs a browser in and returns the ID token.
func loginIn(t *testing.T, s *oauthtest.Server, b *oauthtest.Browser) string {
	t.Helper()
	cb, err := b.Authorize(t.Context(), authorizationURL(s, nil))
	if err != nil {
		t.Fatal(err)
	}
	return post(t, s.Client(), s.URL()+"/token", codeForm(cb.URL.Query().Get("code")), nil).str("id_token")
}

// loggedIn reports whether a browser has a session.
func loggedIn(t *testing.T, s *oauthtest.Server, b *oauthtest.Browser) bool {
	t.Helper()
	cb, err := b.Authorize(t.Context(), authorizationURL(s, map[string]string{"prompt": "none"}))
	if err != nil {
		t.Fatal(err)
	}
	return cb.URL.Query().Get("error") != "login_required"
}

func TestEndSession(t *testing.T) {
	now := time.Now()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: func() time.Time { return now }})
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, PostLogoutRedirectURIs: []string{loggedOutURI}})
	s.AddClient(oauthtest.Client{ID: "other"})
	s.AddUser(oauthtest.User{Subject: "bob"})
	cb, err := s.Authorize(t.Context(), authorizationURL(s, map[string]string{"login_hint": "bob"}))
	if err != nil {
		t.Fatal(err)
	}
	ofBob := post(t, s.Client(), s.URL()+"/token", codeForm(cb.URL.Query().Get("code")), nil).str("id_token")
	sign := func(changes map[string]any) string {
		claims := map[string]any{"iss": s.Issuer(), "aud": "app", "sub": "alice"}
		maps.Copy(claims, changes)
		token, err := s.Sign("ES256", nil, claims)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	forged := sign(nil)
	forged = forged[:len(forged)-4] + "AAAA"

	for _, tt := range []struct {
		name   string
		params map[string]string // id_token_hint "mine" is the ID token of the login
		want   string            // where it leads; "": to a page
		ok     bool
		out    bool // the session has ended
	}{
		{"nothing", nil, "", true, true},
		{"hint", map[string]string{"id_token_hint": "mine"}, "", true, true},
		{"hint and URI", map[string]string{"id_token_hint": "mine", "post_logout_redirect_uri": loggedOutURI}, loggedOutURI, true, true},
		{"hint, client, URI and state", map[string]string{"id_token_hint": "mine", "client_id": "app", "post_logout_redirect_uri": loggedOutURI, "state": "a b&c"},
			loggedOutURI + "&state=a+b%26c", true, true},
		{"client and URI", map[string]string{"client_id": "app", "post_logout_redirect_uri": loggedOutURI}, loggedOutURI, true, true},
		{"state without URI", map[string]string{"client_id": "app", "state": "s"}, "", true, true},
		{"URI alone", map[string]string{"post_logout_redirect_uri": loggedOutURI}, "", false, false},
		{"longer URI", map[string]string{"client_id": "app", "post_logout_redirect_uri": loggedOutURI + "1"}, "", false, false},
		{"redirect URI", map[string]string{"client_id": "app", "post_logout_redirect_uri": redirectURI}, "", false, false},
		{"URI of another client", map[string]string{"client_id": "other", "post_logout_redirect_uri": loggedOutURI}, "", false, false},
		{"unknown client", map[string]string{"client_id": "nobody"}, "", false, false},
		{"another client than the hint's", map[string]string{"id_token_hint": "mine", "client_id": "other"}, "", false, false},
		{"garbage", map[string]string{"id_token_hint": "a.b.c"}, "", false, false},
		{"forged hint", map[string]string{"id_token_hint": forged}, "", false, false},
		{"hint of another server", map[string]string{"id_token_hint": sign(map[string]any{"iss": "https://other.example"})}, "", false, false},
		{"hint of another user", map[string]string{"id_token_hint": ofBob, "post_logout_redirect_uri": loggedOutURI}, loggedOutURI, true, false},
		{"logout_hint", map[string]string{"logout_hint": "alice"}, "", true, true},
		{"logout_hint of another user", map[string]string{"logout_hint": "bob"}, "", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := s.NewBrowser()
			mine := loginIn(t, s, b)
			params := maps.Clone(tt.params)
			if params["id_token_hint"] == "mine" {
				params["id_token_hint"] = mine
				now = now.Add(time.Hour) // the ID token has expired
			}
			cb, err := b.Logout(t.Context(), logoutURL(s, params))
			if (err == nil) != tt.ok {
				t.Fatalf("%v", err)
			}
			got := ""
			if cb != nil {
				got = cb.URL.String()
			}
			if got != tt.want || cb != nil && cb.Method != "GET" {
				t.Errorf("to %q, want %q", got, tt.want)
			}
			if loggedIn(t, s, b) == tt.out {
				t.Errorf("the session has ended: %v, want %v", !tt.out, tt.out)
			}
		})
	}
}

func TestEndSessionByPost(t *testing.T) {
	s := newServer(t, nil)
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, PostLogoutRedirectURIs: []string{loggedOutURI}})
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	// Without a session too: the user may have logged out elsewhere.
	a := post(t, &client, s.URL()+"/logout", url.Values{"client_id": {"app"}, "post_logout_redirect_uri": {loggedOutURI}}, nil)
	if a.status != 303 || a.header.Get("Location") != loggedOutURI {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := get(t, s, s.URL()+"/logout?client_id=app&client_id=app", ""); a.status != 400 {
		t.Errorf("repeated parameter: %d", a.status)
	}
}

// An app receives logout tokens, over https with a root of its own.
type app struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []*http.Request // with the form parsed
}

func newApp(t *testing.T) *app {
	a := &app{status: http.StatusOK}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		a.mu.Lock()
		defer a.mu.Unlock()
		a.got = append(a.got, r)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(a.status)
	}))
	t.Cleanup(a.Close)
	return a
}

// tokens returns the logout tokens received since the last call.
func (a *app) tokens() (tokens []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.got {
		tokens = append(tokens, r.PostForm.Get("logout_token"))
	}
	a.got = nil
	return tokens
}

func TestBackchannelLogout(t *testing.T) {
	now := time.Now()
	app := newApp(t)
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256", "ES384"}, Now: func() time.Time { return now }, OutgoingClient: app.Client()})
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, BackchannelLogoutURI: app.URL + "/bcl", IDTokenAlg: "ES384"})
	s.AddClient(oauthtest.Client{ID: "silent", RedirectURIs: []string{redirectURI}})
	s.AddClient(oauthtest.Client{ID: "stranger", BackchannelLogoutURI: app.URL + "/stranger"})

	b := s.NewBrowser()
	id := loginIn(t, s, b)
	loginIn(t, s, b) // the same session and client
	elsewhere := s.NewBrowser()
	loginIn(t, s, elsewhere)
	if _, err := b.Authorize(t.Context(), authorizationURL(s, map[string]string{"client_id": "silent"})); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Logout(t.Context(), logoutURL(s, nil)); err != nil {
		t.Fatal(err)
	}
	sent := s.BackchannelLogouts()
	if len(sent) != 1 || sent[0].ClientID != "app" || sent[0].URI != app.URL+"/bcl" || sent[0].Status != 200 || sent[0].Err != nil {
		t.Fatalf("sent: %+v", sent)
	}
	tokens := app.tokens()
	if len(tokens) != 1 || tokens[0] != sent[0].Token {
		t.Fatalf("received: %v", tokens)
	}
	header, claims := decodeJWT(t, tokens[0])
	if header["typ"] != "logout+jwt" || header["alg"] != "ES384" || !verified(t, s, tokens[0]) {
		t.Errorf("header %v", header)
	}
	_, idClaims := decodeJWT(t, id)
	events, _ := claims["events"].(map[string]any)
	event, _ := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
	if got := members(claims); !slices.Equal(got, []string{"aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"}) ||
		claims["iss"] != s.Issuer() || claims["aud"] != "app" || claims["sub"] != "alice" || claims["sid"] != idClaims["sid"] ||
		claims["iat"] != float64(now.Unix()) || claims["exp"] != float64(now.Add(2*time.Minute).Unix()) ||
		claims["jti"] == "" || len(events) != 1 || event == nil || len(event) != 0 {
		t.Errorf("claims %v", claims)
	}
	if loggedIn(t, s, b) || !loggedIn(t, s, elsewhere) {
		t.Error("not the session of the browser alone has ended")
	}
	if got := s.Logout(t.Context(), "alice"); len(got) != 1 || got[0].Token == sent[0].Token {
		t.Errorf("the other session: %+v", got)
	}
}

// Server.Logout ends the sessions of one user in all browsers.
func TestServerLogout(t *testing.T) {
	app := newApp(t)
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, OutgoingClient: app.Client()})
	s.AddUser(oauthtest.User{Subject: "bob"})
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, BackchannelLogoutURI: app.URL})
	one, two, bob := s.NewBrowser(), s.NewBrowser(), s.NewBrowser()
	loginIn(t, s, one)
	loginIn(t, s, two)
	if _, err := bob.Authorize(t.Context(), authorizationURL(s, map[string]string{"login_hint": "bob"})); err != nil {
		t.Fatal(err)
	}
	app.status = http.StatusTemporaryRedirect // which is not followed
	sent := s.Logout(t.Context(), "alice")
	if len(sent) != 2 || sent[0].Status != 307 || sent[0].Header.Get("Location") != "/elsewhere" || sent[0].Token == sent[1].Token {
		t.Errorf("sent: %+v", sent)
	}
	if n := len(app.tokens()); n != 2 {
		t.Errorf("%d requests", n)
	}
	if loggedIn(t, s, one) || loggedIn(t, s, two) || !loggedIn(t, s, bob) {
		t.Error("not alice's sessions alone have ended")
	}

	loginIn(t, s, one)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if sent := s.Logout(ctx, "alice"); len(sent) != 1 || sent[0].Err == nil || sent[0].Status != 0 {
		t.Errorf("cancelled: %+v", sent)
	}
	// The server's own client does not trust the application.
	s = newServer(t, nil)
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, BackchannelLogoutURI: app.URL})
	loginIn(t, s, s.NewBrowser())
	if sent := s.Logout(t.Context(), "alice"); len(sent) != 1 || sent[0].Err == nil || len(s.BackchannelLogouts()) != 1 {
		t.Errorf("untrusted: %+v", sent)
	}
}

func TestLogoutToken(t *testing.T) {
	s := newServer(t, nil)
	if _, err := s.LogoutToken("nobody", "alice"); err == nil {
		t.Error("a token for an unknown client")
	}
	sid := func(token string, err error) any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		_, claims := decodeJWT(t, token)
		if claims["sub"] != "alice" || claims["aud"] != "app" || !verified(t, s, token) {
			t.Errorf("claims %v", claims)
		}
		return claims["sid"]
	}
	if got := sid(s.LogoutToken("app", "alice")); got == nil || got == "" {
		t.Errorf("sid without a session: %v", got)
	}
	b := s.NewBrowser()
	loginIn(t, s, s.NewBrowser())
	_, claims := decodeJWT(t, loginIn(t, s, b))
	if got := sid(s.LogoutToken("app", "alice")); got != claims["sid"] {
		t.Errorf("sid %v, want %v", got, claims["sid"])
	}
	if !loggedIn(t, s, b) || len(s.BackchannelLogouts()) != 0 {
		t.Error("the session has ended, or a token was sent")
	}
}

func TestFrontchannelLogout(t *testing.T) {
	s := newServer(t, nil)
	s.AddClient(oauthtest.Client{
		ID: "app", RedirectURIs: []string{redirectURI}, PostLogoutRedirectURIs: []string{loggedOutURI},
		FrontchannelLogoutURI: "https://app.example.com/fcl?a=1&b=2", FrontchannelLogoutSessionRequired: true,
	})
	s.AddClient(oauthtest.Client{ID: "two", RedirectURIs: []string{redirectURI}, FrontchannelLogoutURI: "https://two.example.com/fcl"})
	for _, redirect := range []string{"", loggedOutURI} {
		b := s.NewBrowser()
		_, claims := decodeJWT(t, loginIn(t, s, b))
		if _, err := b.Authorize(t.Context(), authorizationURL(s, map[string]string{"client_id": "two"})); err != nil {
			t.Fatal(err)
		}
		params := map[string]string{"client_id": "app", "state": "s"}
		if redirect != "" {
			params["post_logout_redirect_uri"] = redirect
		}
		cb, err := b.Logout(t.Context(), logoutURL(s, params))
		if err != nil || (cb != nil) != (redirect != "") || cb != nil && cb.URL.String() != loggedOutURI+"&state=s" {
			t.Fatalf("%v, %v", cb, err)
		}
		frames := b.Frames()
		if len(frames) != 2 || frames[1].URL.String() != "https://two.example.com/fcl" {
			t.Fatalf("frames: %v", frames)
		}
		q := frames[0].URL.Query()
		if !strings.HasPrefix(frames[0].URL.String(), "https://app.example.com/fcl?a=1&b=2&") ||
			q.Get("iss") != s.Issuer() || q.Get("sid") != claims["sid"] || frames[0].Method != "GET" {
			t.Errorf("frame: %s", frames[0].URL)
		}
		if _, err := b.Logout(t.Context(), logoutURL(s, nil)); err != nil || len(b.Frames()) != 0 {
			t.Errorf("a second logout: %v, %v", b.Frames(), err)
		}
	}
}

func TestLogoutURIs(t *testing.T) {
	s := newServer(t, nil)
	for _, uri := range []string{"/relative", "javascript:alert(1)", "https://app.example.com/#x", "https:///"} {
		for _, c := range []oauthtest.Client{{ID: "x", BackchannelLogoutURI: uri}, {ID: "x", FrontchannelLogoutURI: uri}} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: no panic", uri)
					}
				}()
				s.AddClient(c)
			}()
		}
	}
	if _, err := s.NewBrowser().Logout(t.Context(), "https://elsewhere.example/logout"); err == nil {
		t.Error("the browser went elsewhere")
	}
}
