package weblogin_test

// Logins as a state machine: tabs, browsers, two servers, replayed and misled callbacks,
// logouts from every side, against a model of who is logged in where.

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/internal/statetest"
	"example.com/oauth/weblogin"
)

const (
	modelApp      = "https://app.example"
	modelLifetime = 2 * time.Hour
	modelIdle     = 30 * time.Minute
)

// modelKeys are those of the two servers.
var modelKeys = sync.OnceValue(func() (keys []*oauth.SigningKey) {
	for range 2 {
		key, err := oauth.GenerateSigningKey(oauth.ES256)
		if err != nil {
			panic(err)
		}
		keys = append(keys, key)
	}
	return keys
})

// A modelOP is a server.
type modelOP struct {
	name, issuer string
	key          *oauth.SigningKey
	client       *oauth.Client
	codes        map[string]*modelCode
}

type modelCode struct {
	op        *modelOP
	user, sid string
	tab       *modelTab // that it was made for
	challenge string
	nonce     string
	used      bool
}

// RoundTrip answers token requests and gives out the key.
func (op *modelOP) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := 200, any(map[string]any{"keys": []any{json.RawMessage(op.key.PublicJWK())}})
	if r.URL.Path == "/token" {
		b, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(b))
		status, body = op.token(form)
	}
	text, err := json.Marshal(body)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(text))), ContentLength: -1, Request: r}, err
}

func (op *modelOP) token(form url.Values) (int, any) {
	code := op.codes[form.Get("code")]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	if code == nil || code.used || base64.RawURLEncoding.EncodeToString(sum[:]) != code.challenge ||
		form.Get("redirect_uri") != modelApp+"/auth/callback/"+op.name {
		if code != nil {
			code.used = true
		}
		return 400, map[string]any{"error": "invalid_grant"}
	}
	code.used = true
	return 200, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": op.sign("JWT", map[string]any{
		"sub": code.user, "nonce": code.nonce, "sid": code.sid,
	})}
}

func (op *modelOP) sign(typ string, claims map[string]any) string {
	now := time.Now().Unix()
	all := map[string]any{"iss": op.issuer, "aud": "web", "iat": now, "exp": now + 120}
	maps.Copy(all, claims)
	token, err := op.key.SignJWT(typ, all)
	if err != nil {
		panic(err)
	}
	return token
}

// A modelTab is a login that was begun.
type modelTab struct {
	op       *modelOP
	browser  int
	state    string
	returnTo string
	query    url.Values // of the authorization request
	began    time.Time
	code     string // that the server gave out; "": none yet
	denied   bool
	came     bool // back to the application
}

// A modelSession is somebody who is logged in.
type modelSession struct {
	user  string
	op    *modelOP
	sid   string
	began time.Time
	seen  time.Time
	ended bool
}

func (s *modelSession) good() bool {
	return s != nil && !s.ended && time.Since(s.seen) < modelIdle && time.Since(s.began) < modelLifetime
}

// A modelBrowser has cookies, and beside them what the model knows of it.
type modelBrowser struct {
	cookies map[string]string
	ends    map[string]time.Time

	session *modelSession // in a store it is shared with copies of the cookie
	logins  []*modelTab   // that are under way, the newest last
}

// A loginModel is the application.
type loginModel struct {
	*statetest.Run
	h        *weblogin.Handler
	page     http.Handler
	store    *failingStore // nil: sessions are in cookies
	ops      []*modelOP
	browsers []*modelBrowser
	tabs     []*modelTab
	all      []*modelSession
	logouts  []*modelLogout
	serial   int
}

type modelLogout struct {
	op        *modelOP
	token     string
	sid, user string
	made      time.Time
	done      bool
}

// A failingStore fails when it is told to.
type failingStore struct {
	weblogin.Store
	down bool
}

var errStore = errors.New("the database is down")

func (s *failingStore) Get(ctx context.Context, id string) (*weblogin.Record, error) {
	if s.down {
		return nil, errStore
	}
	return s.Store.Get(ctx, id)
}

func (s *failingStore) Put(ctx context.Context, id string, r *weblogin.Record) error {
	if s.down {
		return errStore
	}
	return s.Store.Put(ctx, id, r)
}

func (s *failingStore) Delete(ctx context.Context, id string) error {
	if s.down {
		return errStore
	}
	return s.Store.Delete(ctx, id)
}

func (s *failingStore) DeleteBy(ctx context.Context, tag string) error {
	if s.down {
		return errStore
	}
	return s.Store.DeleteBy(ctx, tag)
}

func newLoginModel(r *statetest.Run) *loginModel {
	w := &loginModel{Run: r}
	cfg := weblogin.Config{BaseURL: modelApp, Keys: [][]byte{key}, Lifetime: modelLifetime, IdleTime: modelIdle}
	if r.Chance(70) {
		w.store = &failingStore{Store: weblogin.NewMemoryStore(0)}
		cfg.Store = w.store
	}
	r.Say("with a store: %v", w.store != nil)
	for i, name := range []string{"a", "b"} {
		op := &modelOP{name: name, issuer: "https://" + name + ".example", key: modelKeys()[i], codes: map[string]*modelCode{}}
		var err error
		if op.client, err = oauth.NewClient(oauth.Config{
			Server: &oauth.AuthorizationServer{
				Issuer: op.issuer, AuthorizationEndpoint: op.issuer + "/authorize", TokenEndpoint: op.issuer + "/token", JWKSURI: op.issuer + "/jwks",
				IDTokenSigningAlgValuesSupported: []oauth.Algorithm{oauth.ES256}, AuthorizationResponseIssParameterSupported: true,
			},
			Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretPost("secret"), HTTPClient: &http.Client{Transport: op},
		}); err != nil {
			r.Fatal(err)
		}
		w.ops = append(w.ops, op)
		cfg.Providers = append(cfg.Providers, weblogin.Provider{Name: name, Client: op.client, BackchannelLogout: w.store != nil})
	}
	for range 3 {
		w.browsers = append(w.browsers, &modelBrowser{cookies: map[string]string{}, ends: map[string]time.Time{}})
	}
	var err error
	if w.h, err = weblogin.New(cfg); err != nil {
		r.Fatal(err)
	}
	w.page = w.h.Require(weblogin.Requirement{}, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s, _ := weblogin.FromContext(r.Context())
		fmt.Fprint(rw, s.User().Subject, " of ", s.User().Issuer, " at ", s.Provider())
	}))
	return w
}

func (w *loginModel) down() bool { return w.store != nil && w.store.down }

// ---- browsers

// send sends a request of a browser, which keeps the cookies of the answer.
func (b *modelBrowser) send(h http.Handler, method, target string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, modelApp+target, nil)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
		if time.Now().Before(b.ends[name]) {
			r.AddCookie(&http.Cookie{Name: name, Value: b.cookies[name]})
		}
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		delete(b.cookies, c.Name)
		if c.MaxAge >= 0 {
			b.cookies[c.Name], b.ends[c.Name] = c.Value, time.Now().Add(time.Duration(c.MaxAge)*time.Second)
		}
	}
	return rec
}

func (w *loginModel) want(rec *httptest.ResponseRecorder, status int, location string) {
	to := rec.Header().Get("Location")
	if rec.Code != status || location != "" && !strings.HasPrefix(to, location) {
		w.Errorf("status %d to %q, and not %d to %q: %s", rec.Code, to, status, location, rec.Body)
	}
}

// look opens a page, and checks who is logged in.
func (w *loginModel) look(b *modelBrowser) {
	rec := b.send(w.page, "GET", "/")
	s := b.session
	switch {
	case w.down() && s != nil:
		if rec.Code != 503 && s.good() {
			w.Errorf("status %d while the store is down", rec.Code)
		}
	case s.good():
		if want := s.user + " of " + s.op.issuer + " at " + s.op.name; rec.Code != 200 || rec.Body.String() != want {
			w.Errorf("status %d: %s is logged in, and not %s", rec.Code, rec.Body, want)
		}
		if w.Count("page of a user"); time.Since(s.seen) >= modelIdle/4 {
			s.seen = time.Now()
		}
	default:
		w.Count("page of nobody")
		w.want(rec, 303, "/auth/login?")
	}
}

func (w *loginModel) browser() (int, *modelBrowser) {
	i := w.Rand.IntN(len(w.browsers))
	return i, w.browsers[i]
}

// ---- logins

func (w *loginModel) begin() {
	time.Sleep(time.Second) // a browser forgets the oldest login: they are told apart by seconds
	i, b := w.browser()
	w.serial++
	t := &modelTab{op: statetest.Pick(w.Run, w.ops...), browser: i, returnTo: fmt.Sprintf("/page-%d", w.serial), began: time.Now()}
	rec := b.send(w.h, "GET", "/auth/login?"+url.Values{"provider": {t.op.name}, "return_to": {t.returnTo}}.Encode())
	w.want(rec, 303, t.op.issuer+"/authorize?")
	to, _ := url.Parse(rec.Header().Get("Location"))
	t.query = to.Query()
	t.state = t.query.Get("state")
	w.Say("browser %d at %s", i, t.op.name)
	w.tabs = append(w.tabs, t)
	b.logins = slices.DeleteFunc(b.logins, func(t *modelTab) bool { return time.Since(t.began) >= 10*time.Minute })
	if len(b.logins) > 4 {
		b.logins = b.logins[len(b.logins)-4:]
	}
	b.logins = append(b.logins, t)
}

// decide has the user log in at the server, or not.
func (w *loginModel) decide() {
	open := slices.DeleteFunc(slices.Clone(w.tabs), func(t *modelTab) bool { return t.code != "" || t.denied })
	if len(open) == 0 {
		return
	}
	t := open[max(0, len(open)-1-w.Rand.IntN(4))]
	if t.denied = w.Chance(10); t.denied {
		return
	}
	w.serial++
	t.code = fmt.Sprintf("code-%d", w.serial)
	t.op.codes[t.code] = &modelCode{
		op: t.op, user: statetest.Pick(w.Run, "alice", "bob", "carol"), sid: fmt.Sprintf("sid-%d", w.serial), tab: t,
		challenge: t.query.Get("code_challenge"), nonce: t.query.Get("nonce"),
	}
	w.Say("%s is %s, with %s", t.state[:4], t.op.codes[t.code].user, t.code)
}

// callback sends a browser to the application with an answer: mostly the one that it
// waits for.
func (w *loginModel) callback() {
	done := slices.DeleteFunc(slices.Clone(w.tabs), func(t *modelTab) bool { return t.code == "" && !t.denied })
	if len(done) == 0 {
		return
	}
	recent := func() *modelTab { return done[max(0, len(done)-1-w.Rand.IntN(5))] }
	t := recent()
	if i := slices.IndexFunc(done, func(t *modelTab) bool { return !t.came && time.Since(t.began) < 9*time.Minute }); i >= 0 && w.Chance(70) {
		t = done[i]
	}
	t.came = true
	b, path, iss, state, code := t.browser, t.op, t.op.issuer, t.state, t.code
	switch w.Rand.IntN(20) {
	case 0, 1: // the answer to somebody else's login
		b = w.Rand.IntN(len(w.browsers))
	case 2: // at the other server's redirect URI
		path = w.ops[w.Rand.IntN(2)]
	case 3: // the code of another login
		code = recent().code
	case 4:
		state = recent().state
	case 5: // a mix-up
		iss = w.ops[w.Rand.IntN(2)].issuer
	case 6:
		iss = ""
	}
	q := url.Values{"state": {state}}
	if iss != "" {
		q.Set("iss", iss)
	}
	if code == "" || t.denied && w.Chance(90) {
		code = ""
		q.Set("error", "access_denied")
	} else {
		q.Set("code", code)
	}
	w.Say("browser %d at the callback of %s with state %s, iss %q and %s", b, path.name, state[:4], iss, code)
	w.arrive(w.browsers[b], path, state, iss, code, b, q)
}

// arrive says what has to come of a callback.
func (w *loginModel) arrive(b *modelBrowser, path *modelOP, state, iss, code string, name int, q url.Values) {
	var login *modelTab
	i := slices.IndexFunc(b.logins, func(t *modelTab) bool { return t.state == state })
	if i >= 0 && time.Since(b.logins[i].began) < 10*time.Minute && b.logins[i].op == path {
		login = b.logins[i]
		b.logins = slices.Delete(slices.Clone(b.logins), i, i+1)
	}
	given := path.codes[code]
	good := login != nil && given != nil && !given.used && given.tab == login && iss == path.issuer
	rec := b.send(w.h, "GET", "/auth/callback/"+path.name+"?"+q.Encode())
	switch {
	case login == nil && b.session.good() && !w.down():
		w.Count("callback of nothing, by a user")
		w.want(rec, 303, modelApp+"/")
	case login == nil:
		w.Count("callback of nothing")
		w.want(rec, 403, "")
	case !good:
		w.Count("callback that is refused")
		w.want(rec, 403, "")
	case w.down():
		w.want(rec, 503, "")
	default:
		w.Count("login")
		w.want(rec, 303, modelApp+login.returnTo)
		if b.session != nil && w.store != nil {
			b.session.ended = true
		}
		b.session = &modelSession{user: given.user, op: path, sid: given.sid, began: time.Now(), seen: time.Now()}
		w.all = append(w.all, b.session)
	}
	w.look(b)
}

// ---- logouts

func (w *loginModel) logout() {
	i, b := w.browser()
	if w.Chance(30) {
		w.Say("of browser %d, by another site", i)
		w.want(b.send(w.h, "POST", "/auth/logout", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"), 403, "")
		return
	}
	w.Say("of browser %d", i)
	rec := b.send(w.h, "POST", "/auth/logout", "Sec-Fetch-Site", "same-origin", "Origin", modelApp)
	if w.down() && b.session != nil {
		if rec.Code != 503 && b.session.good() {
			w.Errorf("status %d while the store is down", rec.Code)
		}
		return
	}
	w.want(rec, 303, modelApp+"/")
	if w.Count("logout"); b.session != nil && w.store != nil {
		b.session.ended = true
	}
	b.session = nil
}

// backchannel has a server end a session, or all of a user; or somebody sends its token
// once more, or to another place.
func (w *loginModel) backchannel() {
	if w.store == nil || len(w.all) == 0 {
		return
	}
	if len(w.logouts) == 0 || w.Chance(70) {
		w.serial++
		s := w.all[max(0, len(w.all)-1-w.Rand.IntN(5))]
		l := &modelLogout{op: s.op, made: time.Now()}
		claims := map[string]any{
			"jti": fmt.Sprintf("logout-%d", w.serial), "events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		}
		if w.Chance(50) {
			l.sid, claims["sid"] = s.sid, s.sid
		} else {
			l.user, claims["sub"] = s.user, s.user
		}
		l.token = l.op.sign("logout+jwt", claims)
		w.logouts = append(w.logouts, l)
	}
	l := w.logouts[max(0, len(w.logouts)-1-w.Rand.IntN(3))]
	path := l.op
	if w.Chance(15) {
		path = w.ops[w.Rand.IntN(2)]
	}
	w.Say("of %s%s from %s, at %s", l.sid, l.user, l.op.name, path.name)
	r := httptest.NewRequest("POST", modelApp+"/auth/backchannel-logout/"+path.name, strings.NewReader(url.Values{"logout_token": {l.token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	if path != l.op || l.done || w.down() {
		w.Count("logout token that does nothing")
		return
	}
	if rec.Code/100 != 2 { // it may have expired
		if time.Since(l.made) < 2*time.Minute {
			w.Errorf("status %d: %s", rec.Code, rec.Body)
		}
		return
	}
	w.Count("logout by the server")
	l.done = true
	for _, s := range w.all {
		s.ended = s.ended || s.op == l.op && (s.sid == l.sid || s.user == l.user)
	}
}

func loginSteps() []statetest.Step[*loginModel] {
	type step = statetest.Step[*loginModel]
	return []step{
		{Name: "login begins", Weight: 12, Do: func(_ *statetest.Run, w *loginModel) { w.begin() }},
		{Name: "server answers", Weight: 12, Do: func(_ *statetest.Run, w *loginModel) { w.decide() }},
		{Name: "callback", Weight: 16, Do: func(_ *statetest.Run, w *loginModel) { w.callback() }},
		{Name: "page", Weight: 8, Do: func(r *statetest.Run, w *loginModel) {
			i, b := w.browser()
			r.Say("browser %d", i)
			w.look(b)
		}},
		{Name: "logout", Weight: 2, Do: func(_ *statetest.Run, w *loginModel) { w.logout() }},
		{Name: "logout token", Weight: 4, Do: func(_ *statetest.Run, w *loginModel) { w.backchannel() }},
		{Name: "EndSessions", Do: func(r *statetest.Run, w *loginModel) {
			user, op := statetest.Pick(r, "alice", "bob"), statetest.Pick(r, w.ops...)
			err := w.h.EndSessions(context.Background(), weblogin.User{Issuer: op.issuer, Subject: user})
			if (err != nil) != (w.store == nil || w.store.down) {
				r.Errorf("error %v", err)
			}
			for _, s := range w.all {
				s.ended = s.ended || err == nil && s.op == op && s.user == user
			}
		}},
		{Name: "hidden login", Do: func(r *statetest.Run, w *loginModel) {
			_, b := w.browser() // in a frame, as an image, or ahead
			fields := statetest.Pick(r, []string{"Sec-Fetch-Dest", "iframe"}, []string{"Sec-Purpose", "prefetch"},
				[]string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"})
			w.want(b.send(w.h, "GET", "/auth/login?provider=a", fields...), 403, "")
		}},
		{Name: "cookies are copied", Do: func(r *statetest.Run, w *loginModel) {
			i, from := w.browser()
			k, to := w.browser()
			r.Say("from %d to %d", i, k)
			to.cookies, to.ends, to.logins = maps.Clone(from.cookies), maps.Clone(from.ends), slices.Clone(from.logins)
			if to.session = from.session; w.store == nil && from.session != nil {
				s := *from.session // each has its own
				to.session = &s
			}
		}},
		{Name: "store fails, or does not", Weight: 2, Do: func(r *statetest.Run, w *loginModel) {
			if w.store != nil {
				w.store.down = r.Chance(30)
				r.Say("%v", w.store.down)
			}
		}},
		{Name: "time", Weight: 5, Do: func(r *statetest.Run, w *loginModel) {
			d := statetest.Pick(r, time.Second, time.Minute, 4*time.Minute, 9*time.Minute, 11*time.Minute, 31*time.Minute, time.Hour)
			r.Say("%v", d)
			time.Sleep(d)
		}},
	}
}

// TestLoginModel: whatever tabs, servers and strangers do, a browser is logged in as the
// user whose login it began and finished there, until that session ends.
func TestLoginModel(t *testing.T) {
	modelKeys()
	(&statetest.Machine[*loginModel]{
		New: newLoginModel, Steps: loginSteps(), Sequences: 400, Length: 70, Bubble: true,
		Events: map[string]int{
			"login": 700, "callback that is refused": 200, "callback of nothing": 1500, "callback of nothing, by a user": 500,
			"page of a user": 2000, "page of nobody": 3000, "logout": 800, "logout by the server": 300, "logout token that does nothing": 200,
		},
		End: func(_ *statetest.Run, w *loginModel) {
			if w.store != nil {
				w.store.down = false
			}
			for _, b := range w.browsers {
				w.look(b)
			}
		},
	}).Test(t)
}
