package oauth

// A Transport as a state machine: requests, failures at every place and restarts in any
// order, against a server whose rule about refresh tokens is three lines.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth/internal/statetest"
)

// A modelGrant is a refresh token at the server.
type modelGrant struct {
	parent    *modelGrant // that it came for
	presented bool
	replaced  *modelGrant // the one that came for it and was presented; nil: none was
}

// A renewalModel is a server, the program's store, and the process that there is now.
type renewalModel struct {
	*statetest.Run
	grace bool // a refresh token is good until one that came for it is presented
	own   bool // the program has a Renew of its own

	mu      sync.Mutex // held for a moment only
	now     *modelProcess
	waiting sync.WaitGroup

	// The server.
	serial  int
	grants  map[string]*modelGrant
	latest  string               // the refresh token that it gave out last
	expiry  map[string]time.Time // of access tokens
	over    bool                 // the session, for it
	excused bool                 // it may be over: an answer was lost, or a process that had not stored it
	signer  *SigningKey

	// The store.
	stored  []byte
	known   map[string]bool // access tokens that were stored
	refresh string          // the refresh token that is stored

	// What goes wrong, and how often still.
	token, storage, program, resource trouble
	noKeys                            bool
	ahead                             time.Duration // the clock of the process
}

type trouble struct {
	kind  string
	times int
}

// next is what goes wrong now; "" for nothing.
func (t *trouble) next() string {
	if t.times--; t.times < 0 {
		*t = trouble{}
	}
	return t.kind
}

// A modelProcess is a process of the program. One that has ended does nothing any more.
type modelProcess struct {
	w        *renewalModel
	tr       *Transport
	c        *Client
	ended    bool
	answered map[string]bool // refresh tokens for which another one has come
	sent     map[string]bool
	refused  map[string]bool // those of which the server has said invalid_grant
}

func newRenewalModel(r *statetest.Run) *renewalModel {
	w := &renewalModel{Run: r, grace: r.Chance(70), own: r.Chance(30), signer: unitKey()}
	r.Say("grace %v, Renew %v", w.grace, w.own)
	w.login()
	return w
}

// login begins a session.
func (w *renewalModel) login() {
	w.mu.Lock()
	w.grants, w.expiry, w.known, w.over, w.excused = map[string]*modelGrant{}, map[string]time.Time{}, map[string]bool{}, false, false
	access, refresh := w.issue(nil)
	t := protectedToken("Bearer")
	t.AccessToken, t.RefreshToken, t.Expiry = NewSecret(access), NewSecret(refresh), time.Now().Add(w.ahead+modelLife)
	t.login = &identity{issuer: unitIssuer, subject: "alice"}
	w.stored, w.refresh, w.known[access] = must(t.MarshalBinary()), refresh, true
	w.mu.Unlock()
	w.open()
}

const modelLife = 10 * time.Minute

// open starts a process, after the end of the one before.
func (w *renewalModel) open() {
	p := &modelProcess{w: w, answered: map[string]bool{}, sent: map[string]bool{}, refused: map[string]bool{}}
	w.mu.Lock()
	if w.now != nil {
		w.now.ended = true
	}
	w.now = p
	if w.refresh != w.latest {
		w.excused = true
	}
	w.mu.Unlock()
	p.c = newUnitServer().client(w, func(cfg *Config) {
		cfg.HTTPClient = &http.Client{Transport: p}
		cfg.Clock.Now = func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return time.Now().Add(w.ahead)
		}
	})
	first := new(Token)
	if err := first.UnmarshalBinary(w.stored); err != nil {
		w.Fatal(err)
	}
	opts := TransportOptions{Origins: []string{unitAPI}, OnRefresh: p.store}
	if w.own {
		opts.Renew = p.renew
	}
	p.tr = must(p.c.NewTransport(first, opts))
}

// ---- the server

// issue makes tokens for a refresh token that was presented.
func (w *renewalModel) issue(parent *modelGrant) (access, refresh string) {
	w.serial++
	access, refresh = fmt.Sprintf("access-%d", w.serial), fmt.Sprintf("refresh-%d", w.serial)
	w.grants[refresh], w.expiry[access], w.latest = &modelGrant{parent: parent}, time.Now().Add(modelLife), refresh
	return access, refresh
}

// present is the rule of the server about refresh tokens.
func (w *renewalModel) present(refresh string) (access, fresh string) {
	g := w.grants[refresh]
	p := &modelGrant{} // of the first one
	if g != nil && g.parent != nil {
		p = g.parent
	}
	if w.over || g == nil || g.replaced != nil || p.replaced != nil && p.replaced != g || g.presented && !w.grace {
		w.over = true
		return "", ""
	}
	g.presented, p.replaced = true, g
	return w.issue(g)
}

// RoundTrip is the way from the process to the server and back.
func (p *modelProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := p.w
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		body = string(b)
	}
	w.mu.Lock()
	gone := p.ended
	w.mu.Unlock()
	switch {
	case gone:
		return nil, errors.New("the process has ended")
	case r.URL.Host == "api.example":
		return p.serveResource(r), nil
	case r.URL.Path == "/jwks":
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.noKeys {
			return nil, errors.New("the keys cannot be had")
		}
		return httpAnswer(r, 200, `{"keys":[`+string(w.signer.PublicJWK())+`]}`), nil
	}
	form, _ := url.ParseQuery(body)
	return p.serveToken(r, form.Get("refresh_token"))
}

// refusedBefore is what goes wrong before the server has seen the refresh token.
func refusedBefore(r *http.Request, kind string) (*http.Response, error) {
	switch kind {
	case "unreachable":
		return nil, errors.New("connection refused")
	case "503":
		return httpAnswer(r, 503, ""), nil
	case "429":
		return httpAnswer(r, 429, `{"error":"slow_down"}`, "Retry-After", "5"), nil
	case "panic":
		panic("crash")
	case "hangs":
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return nil, nil
}

// modelLate is when an answer comes that did not look at its context: at no time at which
// anything else happens.
const modelLate = 97*time.Second + 123*time.Nanosecond

// serveToken judges what is sent, and answers, if nothing goes wrong.
func (p *modelProcess) serveToken(r *http.Request, sent string) (*http.Response, error) {
	w := p.w
	w.mu.Lock()
	if p.answered[sent] {
		w.Errorf("%s is sent again, after another one has come for it", sent)
	}
	if p.refused[sent] && !w.own {
		w.Errorf("%s is sent again, after the server has said invalid_grant", sent)
	}
	if p.sent[sent] {
		w.Count("sent again")
	}
	p.sent[sent] = true
	kind := w.token.next()
	w.mu.Unlock()
	if kind != "" {
		w.Count("trouble at the token endpoint")
	}
	if res, err := refusedBefore(r, kind); res != nil || err != nil {
		return res, err
	}
	w.mu.Lock()
	access, fresh := w.present(sent)
	answer := w.answer(kind, access, fresh)
	if access != "" {
		w.Count("rotation")
	}
	w.mu.Unlock()
	if access == "" {
		return p.arrive(sent, "", httpAnswer(r, 400, `{"error":"invalid_grant"}`))
	}
	lost := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.Count("answer lost")
		w.excused = true
	}
	switch kind {
	case "lost":
		lost()
		return nil, errors.New("connection reset")
	case "lost, panic":
		lost()
		panic("crash")
	case "lost, hangs":
		lost()
		<-r.Context().Done()
		return nil, r.Context().Err()
	case "cut":
		lost()
		res := httpAnswer(r, 200, answer[:len(answer)/2])
		res.Body = io.NopCloser(io.MultiReader(res.Body, failingReader{}))
		return res, nil
	case "a web page":
		lost()
		return httpAnswer(r, 200, "<html>", "Content-Type", "text/html"), nil
	case "slow":
		time.Sleep(20 * time.Second)
	case "late": // it is given up before, and comes nevertheless
		lost()
		time.Sleep(modelLate)
		w.Count("answer after the flight")
	}
	return p.arrive(sent, fresh, httpAnswer(r, 200, answer))
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// arrive notes that the process has an answer.
func (p *modelProcess) arrive(sent, fresh string, res *http.Response) (*http.Response, error) {
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.ended {
		w.excused = true
		return nil, errors.New("the process has ended")
	}
	if fresh == "" {
		p.refused[sent] = true
	} else {
		p.answered[sent] = true
	}
	return res, nil
}

// answer is that of the token endpoint.
func (w *renewalModel) answer(kind, access, fresh string) string {
	now := time.Now().Unix()
	claims := map[string]any{"iss": unitIssuer, "sub": "alice", "aud": unitClient, "iat": now, "exp": now + 600}
	answer := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int(modelLife.Seconds()), "refresh_token": fresh}
	switch kind {
	case "a bad ID token":
		claims["at_hash"] = "x"
	case "no access token":
		delete(answer, "access_token")
	case "another type":
		answer["token_type"] = "mac"
	}
	if kind != "no ID token" {
		answer["id_token"] = must(w.signer.SignJWT("JWT", claims))
	}
	return string(must(json.Marshal(answer)))
}

// serveResource takes tokens that the store has, and none else may come.
func (p *modelProcess) serveResource(r *http.Request) *http.Response {
	w := p.w
	_, access, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.known[access] {
		w.Errorf("%s is used, and was not stored", access)
	}
	if w.resource.next() != "" || !time.Now().Before(w.expiry[access]) {
		w.Count("token rejected")
		return httpAnswer(r, 401, "", "WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	return httpAnswer(r, 200, "")
}

// ---- the program

// store is OnRefresh.
func (p *modelProcess) store(ctx context.Context, t *Token) error {
	w := p.w
	w.mu.Lock()
	kind := w.storage.next()
	w.mu.Unlock()
	if kind != "" {
		w.Count("trouble in the store")
	}
	switch kind {
	case "fails":
		return errors.New("the disk is full")
	case "panics":
		panic("crash")
	case "hangs":
		<-ctx.Done()
		return ctx.Err()
	case "outlives its context":
		time.Sleep(modelLate)
	case "slow":
		time.Sleep(10 * time.Second)
	case "exits":
		runtime.Goexit()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.ended {
		return errors.New("the process has ended")
	}
	w.stored, w.refresh = must(t.MarshalBinary()), t.RefreshToken.Reveal()
	w.known[t.AccessToken.Reveal()] = true
	if kind == "stores, and fails" {
		return errors.New("the answer of the database was lost")
	}
	return nil
}

// renew is Renew, of a program that has one.
func (p *modelProcess) renew(ctx context.Context, t *Token) (*Token, error) {
	w := p.w
	w.mu.Lock()
	kind := w.program.next()
	w.mu.Unlock()
	if kind == "fails before" {
		return nil, errors.New("no lock")
	}
	fresh, err := p.c.Refresh(ctx, t, nil)
	if kind != "" {
		w.Count("trouble in Renew")
	}
	switch kind {
	case "fails":
		return nil, errors.New("no lock")
	case "panics":
		panic("crash")
	case "exits":
		runtime.Goexit()
	case "nothing":
		return nil, nil
	case "hangs":
		time.Sleep(modelLate)
	}
	return fresh, err
}

// ---- the steps

// request sends one with so much patience, and reports whether the resource took it.
func (w *renewalModel) request(patience time.Duration) bool {
	p := w.now
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	res, err := p.tr.RoundTrip(protectedRequest(w, "GET", unitAPI, nil).WithContext(ctx))
	w.left(began, patience, err)
	if err != nil {
		return false
	}
	res.Body.Close()
	if res.StatusCode != 200 && res.StatusCode != 401 {
		w.Errorf("status %d", res.StatusCode)
	}
	return res.StatusCode == 200
}

// left checks that a caller did not wait for longer than it wanted to.
func (w *renewalModel) left(began time.Time, patience time.Duration, err error) {
	if waited := time.Since(began); waited > patience {
		w.Errorf("a caller waited for %v, its context lasted %v", waited, patience)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		w.Count("a caller left")
	}
}

func (w *renewalModel) patience() time.Duration {
	return statetest.Pick(w.Run, 50*time.Millisecond, time.Second, 12*time.Second, 2*time.Minute)
}

// aside does something while others go on.
func (w *renewalModel) aside(f func()) { w.waiting.Go(f) }

func (w *renewalModel) renewNow(patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	err := w.now.tr.Renew(ctx)
	w.left(began, patience, err)
	return err
}

// troubles has something go wrong a few times.
func (w *renewalModel) troubles(t *trouble, kinds ...string) {
	n := statetest.Pick(w.Run, 1, 1, 1, 2, 5)
	kind := statetest.Pick(w.Run, kinds...)
	w.Say("%s, %d times", kind, n)
	w.mu.Lock()
	defer w.mu.Unlock()
	*t = trouble{kind, n}
}

func (w *renewalModel) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.token, w.storage, w.program, w.resource, w.noKeys = trouble{}, trouble{}, trouble{}, trouble{}, false
}

func renewalSteps() []statetest.Step[*renewalModel] {
	type step = statetest.Step[*renewalModel]
	return []step{
		{Name: "request", Weight: 10, Do: func(r *statetest.Run, w *renewalModel) {
			patience := w.patience()
			r.Say("%v, 200: %v", patience, w.request(patience))
		}},
		{Name: "requests aside", Weight: 4, Do: func(r *statetest.Run, w *renewalModel) {
			for range 3 {
				patience := w.patience()
				r.Say("%v", patience)
				w.aside(func() { w.request(patience) })
			}
			time.Sleep(time.Millisecond)
		}},
		{Name: "Renew", Weight: 2, Do: func(r *statetest.Run, w *renewalModel) {
			patience := w.patience()
			if r.Chance(50) {
				w.aside(func() { w.renewNow(patience) })
				time.Sleep(time.Millisecond)
				return
			}
			for range statetest.Pick(r, 1, 1, 2) {
				r.Say("%v, %v", patience, w.renewNow(patience))
			}
		}},
		{Name: "Fresh", Do: func(r *statetest.Run, w *renewalModel) {
			ctx, cancel := context.WithTimeout(context.Background(), w.patience())
			defer cancel()
			w.now.tr.Fresh(ctx)
		}},
		{Name: "time", Weight: 8, Do: func(r *statetest.Run, w *renewalModel) {
			d := statetest.Pick(r, time.Second, 5*time.Second, 31*time.Second, 4*time.Minute, 9*time.Minute+40*time.Second, 11*time.Minute, 2*time.Hour)
			r.Say("%v", d)
			time.Sleep(d)
		}},
		{Name: "clock", Do: func(r *statetest.Run, w *renewalModel) {
			ahead := statetest.Pick(r, 0, 0, 20*time.Second, -20*time.Second, 5*time.Minute, time.Hour, -time.Hour, 24*time.Hour, -24*time.Hour)
			r.Say("%v ahead", ahead)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ahead = ahead
		}},
		{Name: "restart", Weight: 2, Do: func(r *statetest.Run, w *renewalModel) {
			w.mu.Lock() // of requests that are under way
			over, excused := w.over, w.excused
			w.mu.Unlock()
			if over {
				if w.grace || !excused {
					return // the end says so
				}
				r.Count("session over")
				r.Say("login")
				w.login()
				return
			}
			w.open()
		}},
	}
}

// renewalTroubles are the steps in which something begins to go wrong, or ends to.
func renewalTroubles() []statetest.Step[*renewalModel] {
	return []statetest.Step[*renewalModel]{
		{Name: "token endpoint", Weight: 4, Do: func(r *statetest.Run, w *renewalModel) {
			w.troubles(&w.token, "unreachable", "503", "429", "panic", "hangs", "lost", "lost", "lost, panic", "lost, hangs", "cut",
				"a web page", "slow", "late", "late", "a bad ID token", "no access token", "another type", "no ID token")
		}},
		{Name: "store", Weight: 2, Do: func(r *statetest.Run, w *renewalModel) {
			w.troubles(&w.storage, "fails", "panics", "hangs", "outlives its context", "slow", "exits", "stores, and fails")
		}},
		{Name: "program", Do: func(r *statetest.Run, w *renewalModel) {
			w.troubles(&w.program, "fails before", "fails", "panics", "exits", "nothing", "hangs")
		}},
		{Name: "resource", Do: func(r *statetest.Run, w *renewalModel) { w.troubles(&w.resource, "refuses") }},
		{Name: "keys", Do: func(r *statetest.Run, w *renewalModel) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.noKeys = r.Chance(60)
			if r.Chance(30) {
				w.signer = modelKey()
			}
		}},
		{Name: "mended", Weight: 2, Do: func(r *statetest.Run, w *renewalModel) { w.mend() }},
	}
}

// modelKey is another key than unitKey.
var modelKey = sync.OnceValue(func() *SigningKey { return must(GenerateSigningKey(ES256)) })

// endRenewal: when everything works again, so does the Transport, and so does one that
// begins with what is stored.
func endRenewal(r *statetest.Run, w *renewalModel) {
	w.mend()
	w.mu.Lock()
	w.ahead = 0
	w.mu.Unlock()
	w.waiting.Wait()
	time.Sleep(5 * time.Minute)
	for _, when := range []string{"in the process that there is", "after a restart"} {
		good := false
		for range 4 {
			good = good || w.request(time.Minute)
			time.Sleep(time.Minute)
		}
		err := w.renewNow(time.Minute)
		switch {
		case w.over && !w.grace && w.excused:
			return
		case w.over:
			r.Errorf("%s: the session is lost", when)
		case !good || err != nil:
			r.Errorf("%s: the session does not go on: request %v, renewal %v", when, good, err)
		}
		w.open()
	}
}

// TestTransportModel: a refresh token is sent again only if nothing came for it, never
// after another one did. A server that takes one again until its successor is used loses
// no session, whatever fails and whenever the process ends.
func TestTransportModel(t *testing.T) {
	unitKey()
	modelKey()
	(&statetest.Machine[*renewalModel]{
		New: newRenewalModel, Steps: append(renewalSteps(), renewalTroubles()...), End: endRenewal,
		Sequences: 400, Length: 40, Bubble: true,
		Events: map[string]int{
			"rotation": 1500, "sent again": 250, "answer lost": 150, "answer after the flight": 30, "trouble at the token endpoint": 400,
			"trouble in the store": 200, "trouble in Renew": 40, "token rejected": 150, "a caller left": 400, "session over": 15,
		},
	}).Test(t)
}
