package oauth

// A resource server under load, in a bubble of time: keys come and go, the place
// where they are fails, and the memory of proofs is full. Every answer is held
// against what the doc of KeySet allows at that moment.

import (
	"context"
	"crypto/fips140"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const (
	stressResource = "https://api.example"
	stressURI      = "https://op.example/jwks"
	stressIssuer   = "https://op.example/{tenantid}"
	stressTenant   = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	stressMaxAge   = 5 * time.Minute
	stressSoft     = 200 * time.Second // when newer keys are looked for, if not after a minute
	stressReplays  = 1024              // of the memory of proofs
	stressShare    = stressReplays / replayShare
	stressTokens   = 128                    // that are remembered
	stressLatency  = 200 * time.Millisecond // a tick of the workers, so that new keys come while they verify
	stressNobody   = -1                     // the key of nobody: no set has it
)

// ---- the server

// A stressMode is what the endpoint of the keys does.
type stressMode int

const (
	stressHealthy stressMode = iota
	stress500
	stressGarbage
	stressEmpty  // a set without a key
	stressHangs  // until the context ends
	stressBroken // the connection
)

func (m stressMode) String() string {
	return [...]string{"healthy", "status 500", "garbage", "no keys", "hangs", "broken connection"}[m]
}

// stressServer issues tokens and serves keys: the key of now and the next. One
// that was replaced is gone.
type stressServer struct {
	mu      sync.Mutex
	keys    []*SigningKey // by number; the kid is "k" and it
	current int
	bad     []stressMode  // what the endpoint does in turn; nil: it is healthy
	fetches []stressFetch // in their order, one after the other; [0] is none
	ended   int           // how many of them the KeySet has taken in
}

// A stressFetch is a fetch and what came of it.
type stressFetch struct {
	done, ok    bool
	mode        stressMode
	first, last int // the keys of the set
	at          time.Time
	soft        time.Duration
}

func newStressServer() *stressServer {
	s := &stressServer{fetches: make([]stressFetch, 1)}
	s.makeKeys()
	return s
}

// makeKeys wants the next key to be there.
func (s *stressServer) makeKeys() {
	for len(s.keys) <= s.current+1 {
		key := must(GenerateSigningKey(ES256))
		s.keys = append(s.keys, must(NewSigningKey(key.signer, ES256, stressKid(len(s.keys)))))
	}
}

func stressKid(n int) string { return fmt.Sprint("k", n) }

func (s *stressServer) rotate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current++
	s.makeKeys()
}

func (s *stressServer) set(bad []stressMode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = bad
}

func (s *stressServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	n, mode := len(s.fetches), stressHealthy
	if s.bad != nil {
		mode = s.bad[n%len(s.bad)]
	}
	s.fetches = append(s.fetches, stressFetch{})
	s.mu.Unlock()
	wait := stressLatency
	if mode == stressHangs {
		wait = time.Hour
	}
	err := sleep(r.Context(), wait)
	if mode == stressBroken {
		err = errors.New("the connection broke")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &s.fetches[n]
	f.done, f.mode = true, mode
	switch {
	case err != nil:
		return nil, err
	case mode == stress500:
		return httpAnswer(r, 500, s.document()), nil
	case mode == stressGarbage:
		return httpAnswer(r, 200, s.document()[1:]), nil
	case mode == stressEmpty:
		return httpAnswer(r, 200, `{"keys":[]}`), nil
	}
	// The longer age is over the cool-down: an unknown key alone is what a set is
	// fetched for then.
	f.soft = time.Minute
	if n%2 == 0 {
		f.soft = stressSoft
	}
	f.ok, f.first, f.last, f.at = true, s.current, s.current+1, time.Now()
	return httpAnswer(r, 200, s.document(), "Cache-Control", fmt.Sprint("max-age=", int(f.soft.Seconds()))), nil
}

func (s *stressServer) document() string {
	return `{"keys":[` + string(s.keys[s.current].PublicJWK()) + `,` + string(s.keys[s.current+1].PublicJWK()) + `]}`
}

// fetched is the hook of a Trace: the KeySet has taken the answer in by then.
func (s *stressServer) fetched(context.Context, KeySetInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended++
}

func (s *stressServer) now() (ended, current, begun int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended, s.current, len(s.fetches) - 1
}

// A stressView is what the KeySet may have been like in the course of a request:
// fetches that ended meanwhile count as if they had, and as if they had not.
type stressView struct {
	has    bool // it had the key, and might use it
	lacks  bool // it did not have the key
	old    bool // it had keys that were too old, or none
	asked  bool // a fetch that began in the course of the request did not bring it
	stale  bool // it had keys in whose place newer ones are looked for
	failed bool // the last fetch was a failure
	ok     bool // the last fetch was none
}

// view looks back on a request that began at t0, when so many fetches had begun and
// ended.
func (s *stressServer) view(begun, ended, key int, t0 time.Time) (v stressView) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t1 := time.Now()
	last := 0 // the set at the beginning
	for i := ended; i > 0 && last == 0; i-- {
		if s.fetches[i].ok {
			last = i
		}
	}
	// Their age begins with the fetch, which was a latency before the answer.
	v.old = last == 0 || t1.Sub(s.fetches[last].at) >= stressMaxAge-stressLatency
	v.stale = last > 0 && t0.Sub(s.fetches[last].at) >= s.fetches[last].soft
	v.lacks = last == 0
	// What was answered in this very instant may not have been read yet: the set before it
	// counts, too.
	for i := last - 1; last > 0 && !t0.After(s.fetches[last].at) && i >= 0; i-- {
		if f := s.fetches[i]; i == 0 || f.ok {
			v.lacks = v.lacks || i == 0 || key < f.first || f.last < key
			break
		}
	}
	for i, f := range s.fetches {
		if i != last && i < ended || i == 0 || !f.done {
			continue
		}
		if i >= ended {
			v.failed, v.ok = v.failed || !f.ok, v.ok || f.ok
		}
		if f.ok && f.first <= key && key <= f.last {
			v.has = v.has || t0.Sub(f.at) < stressMaxAge
		} else if f.ok {
			v.lacks, v.asked = true, v.asked || i > begun
		}
	}
	return v
}

// A stressToken is a token, and what its judge has to find.
type stressToken struct {
	raw    string
	key    int // that its header names
	expiry time.Time
	fault  error // what is wrong with it; nil: nothing
}

// issue makes a token with the key of now. A DPoP binds it.
func (s *stressServer) issue(d *DPoP, life time.Duration, change map[string]any) *stressToken {
	s.mu.Lock()
	key, n := s.keys[s.current], s.current
	s.mu.Unlock()
	return stressSign(key, n, d, life, change)
}

func stressSign(key *SigningKey, n int, d *DPoP, life time.Duration, change map[string]any) *stressToken {
	now := time.Now()
	expiry := now.Add(life)
	claims := map[string]any{
		"iss": strings.ReplaceAll(
			stressIssuer,
			tenantPlaceholder,
			stressTenant,
		), "tid": stressTenant, "sub": "alice", "aud": stressResource, "client_id": unitClient,
		"exp": expiry.Unix(), "iat": now.Unix(), "jti": randomString(),
	}
	if d != nil {
		claims["cnf"] = map[string]any{"jkt": d.Thumbprint()}
	}
	for name, v := range change {
		claims[name] = v
	}
	return &stressToken{raw: must(key.SignJWT(accessTokenType, claims)), key: n, expiry: expiry.Truncate(time.Second)}
}

// ---- the load

// A stressPhase is a part of the load, and what goes wrong in it.
type stressPhase struct {
	name    string
	long    time.Duration
	tick    time.Duration // workers pause for a number of ticks, so that they come together
	spread  int           // the greatest number
	rotate  time.Duration // how often keys change; 0: not
	refresh bool          // somebody calls Refresh then
	bad     []stressMode  // what the endpoint does in turn; nil: it is healthy
	flood   bool          // nothing but proofs
	greedy  bool          // some workers send many proofs at once
	strict  bool          // all that is good has to be accepted
	most    int           // fetches that are allowed; 0: any number
	least   int           // that there have to be
}

// stressFlaky is a ReplayCache that fails now and then, before or after it has
// recorded the key.
type stressFlaky struct {
	m *memoryReplay
	n atomic.Int64
}

var errStressFlaky = errors.New("the store of proofs is away")

func (f *stressFlaky) Add(ctx context.Context, key string, until time.Time) (bool, error) {
	switch f.n.Add(1) % 8 {
	case 0:
		return true, errStressFlaky
	case 4:
		f.m.Add(ctx, key, until)
		return false, errStressFlaky
	}
	return f.m.Add(ctx, key, until)
}

// A stressRun is the resource servers, what they are shown, and what came of it.
type stressRun struct {
	t        *testing.T
	s        *stressServer
	keys     *KeySet
	rs       *ResourceServer // with a memory of proofs that gets full
	flaky    *ResourceServer // with one that fails
	replay   *memoryReplay   // of rs
	attacker *SigningKey
	asked    atomic.Int64 // how often AcceptIssuer was
	refused  atomic.Int64 // as the Trace has it
	failed   atomic.Int64 // as the callers have it

	mu     sync.Mutex
	hits   map[string]int
	pool   []*stressToken         // Bearer tokens that were issued at some time
	proofs map[string][]time.Time // by thumbprint: until when the proofs that were sent to rs count
}

func newStressRun(t *testing.T) *stressRun {
	s := newStressServer()
	x := &stressRun{t: t, s: s, attacker: must(GenerateSigningKey(ES256)), hits: map[string]int{}, proofs: map[string][]time.Time{}}
	x.keys = must(NewKeySet(stressURI, &KeySetOptions{
		HTTPClient: &http.Client{Transport: s}, MaxAge: stressMaxAge, Trace: &Trace{KeySetFetched: s.fetched},
	}))
	config := ResourceServerConfig{
		Resource:       stressResource,
		Servers:        []TrustedServer{{Server: &AuthorizationServer{Issuer: stressIssuer}, KeySet: x.keys, AcceptIssuer: x.accept}},
		VerifiedTokens: stressTokens,
		Trace:          &Trace{RequestRefused: func(context.Context, RefusalInfo) { x.refused.Add(1) }},
	}
	x.rs = must(NewResourceServer(config))
	x.replay = newMemoryReplay(Clock{}, stressReplays)
	x.rs.proofs.replay = x.replay
	config.Replay = &stressFlaky{m: newMemoryReplay(Clock{}, 1<<16)}
	x.flaky = must(NewResourceServer(config))
	x.pool = append(x.pool, s.issue(nil, time.Minute, nil))
	return x
}

// accept takes its time now and then. It is called after the signature of a token
// was verified and before the token is remembered: the keys may be others then.
func (x *stressRun) accept(_, tid string) bool {
	if x.asked.Add(1)%8 == 0 {
		time.Sleep(2 * stressLatency)
	}
	return tid == stressTenant
}

func (x *stressRun) hit(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.hits[name]++
}

// sent notes a proof before it is sent.
func (x *stressRun) sent(jkt string, until time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.proofs[jkt] = append(x.proofs[jkt], until)
}

// live is how many proofs that were sent count at a time: of the key, and in all.
func (x *stressRun) live(jkt string, at time.Time) (own, all int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for k, list := range x.proofs {
		list = slices.DeleteFunc(list, func(until time.Time) bool { return !until.After(at.Add(-time.Minute)) })
		x.proofs[k] = list
		for _, until := range list {
			if until.After(at) {
				all++
				if k == jkt {
					own++
				}
			}
		}
	}
	return own, all
}

// run is one phase.
func (x *stressRun) run(p stressPhase, workers []*stressWorker) {
	_, _, before := x.s.now()
	x.s.set(p.bad)
	end := time.Now().Add(p.long)
	var wg sync.WaitGroup
	if p.rotate > 0 {
		wg.Go(func() {
			for time.Sleep(p.rotate); time.Now().Before(end); time.Sleep(p.rotate) {
				x.s.rotate()
				if p.refresh {
					wg.Go(func() { x.keys.Refresh(x.t.Context()) })
				}
			}
		})
	}
	for _, w := range workers {
		wg.Go(func() {
			for {
				time.Sleep(p.tick * time.Duration(1+w.rand.IntN(p.spread)))
				if !time.Now().Before(end) {
					return
				}
				w.request(&p)
			}
		})
	}
	wg.Wait()
	x.s.set(nil)
	if _, _, n := x.s.now(); n-before < p.least || p.most > 0 && n-before > p.most {
		x.t.Errorf("%s: %d fetches, want %d to %d", p.name, n-before, p.least, p.most)
	}
}

// A stressWorker sends requests.
type stressWorker struct {
	*stressRun
	rand   *rand.Rand
	greedy bool
	d      *DPoP
	token  *stressToken // bound to d; may be old
	last   *stressProof
}

// A stressProof is a proof with its token, and how often it was accepted.
type stressProof struct {
	rs       *ResourceServer
	d        *DPoP
	token    *stressToken
	proof    string
	iat      time.Time
	accepted atomic.Int32
}

// request is one of the things that a client, or somebody else, does.
func (w *stressWorker) request(p *stressPhase) {
	if p.flood {
		w.prove(p, w.rs, w.rand.IntN(4) == 0)
		w.replayed(p) // also what is full has to know it
		return
	}
	if p.greedy && w.greedy {
		q := *p
		q.strict = false
		for range stressShare {
			w.prove(&q, w.rs, false)
		}
		return
	}
	rs := w.rs
	if w.rand.IntN(4) == 0 {
		rs = w.flaky
	}
	switch n := w.rand.IntN(100); {
	case n < 20:
		w.bearer(p, rs, w.issueBearer())
	case n < 40:
		w.bearer(p, rs, w.pooled())
	case n < 45:
		w.leave(p, rs)
	case n < 65:
		w.prove(p, rs, true)
	case n < 72:
		w.replayed(p)
	case n < 86:
		w.bad(p, rs)
	default:
		w.badProof(p, rs)
	}
}

// issueBearer makes a token for the pool. Some live shortly, to expire while they
// are remembered.
func (w *stressWorker) issueBearer() *stressToken {
	life := 10 * time.Minute
	if w.rand.IntN(4) == 0 {
		life = 5 * time.Second
	}
	tok := w.s.issue(nil, life, nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pool) < 2*stressTokens {
		w.pool = append(w.pool, tok)
	} else {
		w.pool[w.rand.IntN(len(w.pool))] = tok
	}
	return tok
}

// pooled is a token that others use too, and whose key may be gone.
func (w *stressWorker) pooled() *stressToken {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.pool)
	if w.rand.IntN(2) == 0 {
		return w.pool[w.rand.IntN(min(n, 8))] // a few that are used often
	}
	return w.pool[w.rand.IntN(n)]
}

func stressRequest(scheme string, tok *stressToken, proofs ...string) *http.Request {
	r := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/orders"}, RequestURI: "/orders", Host: "api.example",
		Header: http.Header{"Authorization": {scheme + " " + tok.raw}},
	}
	if proofs != nil {
		r.Header["Dpop"] = proofs
	}
	return r
}

// show authenticates a request and judges what came of it as far as the token
// goes. An error that is about the presentation is handed on, as "other".
func (w *stressWorker) show(p *stressPhase, rs *ResourceServer, r *http.Request, tok *stressToken) (err error, other bool) {
	ended, current, begun := w.s.now()
	t0 := time.Now()
	remembered := rs.verified.get(tok.raw) != nil
	at, err := rs.Authenticate(r)
	t1 := time.Now()
	v := w.s.view(begun, ended, tok.key, t0)
	wrong := func(format string, args ...any) {
		w.t.Errorf("%s: %s; key %d of %d, %+v, error %v", p.name, fmt.Sprintf(format, args...), tok.key, current, v, err)
	}
	if err != nil {
		w.failed.Add(1)
	}
	if (at == nil) == (err == nil) {
		wrong("a token and an error, or neither")
	}
	var e *Error
	keys := errors.As(err, &e) && e.Param == "jwks_uri"
	good := tok.fault == nil && tok.expiry.After(t1.Add(-DefaultTolerance))
	switch {
	case err == nil:
		if tok.fault != nil {
			wrong("accepted, and it is bad: %v", tok.fault)
		}
		if !tok.expiry.After(t0.Add(-DefaultTolerance)) {
			wrong("accepted, and expired at %v", tok.expiry)
		}
		if !v.has {
			wrong("accepted, and its key is gone or too old")
		}
		w.hit("accepted")
		if remembered {
			w.hit("accepted, remembered")
		}
		if v.stale {
			w.hit("accepted, stale keys")
		}
		if v.stale && v.failed {
			w.hit("accepted, stale keys that cannot be had anew")
		}
		if p.strict {
			w.hit("accepted after recovery")
		}
		if p.refresh {
			w.hit("accepted while keys change")
		}
		return nil, false
	case errors.Is(err, ErrUnavailable) && keys:
		if !v.failed || !v.lacks && !v.old {
			wrong("unavailable, and the keys could be had")
		}
		if errors.Is(err, ErrInvalid) {
			wrong("unavailable and invalid at the same time")
		}
		if v.lacks {
			w.hit("unavailable, unknown key")
		} else {
			w.hit("unavailable, keys too old")
		}
	case errors.Is(err, ErrUnavailable) && errors.As(err, &e) && e.Param == "kid":
		if !v.lacks {
			wrong("nothing may be fetched, and the set has the key")
		}
		w.hit("unavailable, the set may not be fetched for the key")
	case errors.Is(err, ErrKeyNotFound):
		if !v.ok || !v.asked {
			wrong("not found, and the server was not asked, or has it")
		}
		if tok.key == stressNobody {
			w.hit("not found, nobody's key")
		} else {
			w.hit("not found, removed key")
		}
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrRateLimited):
		return err, true // the replay cache
	case errors.Is(err, context.DeadlineExceeded) && r.Context().Err() != nil:
		w.hit("the caller left")
		return err, false
	default:
		if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrParse) {
			wrong("an error of another kind")
		}
		if !v.has {
			wrong("judged with a key that is gone or too old")
		}
		switch {
		case tok.fault != nil && errors.Is(err, tok.fault):
			w.hit("refused: " + tok.fault.Error())
		case tok.fault != nil:
			wrong("want %v", tok.fault)
		case !good && errors.Is(err, ErrExpired):
			w.hit("refused: expired meanwhile")
			if remembered {
				w.hit("refused: expired, remembered")
			}
		default:
			return err, true
		}
		return err, false
	}
	if p.strict && good && tok.key >= current {
		wrong("refused after recovery")
	}
	return err, false
}

// bearer sends a Bearer token.
func (w *stressWorker) bearer(p *stressPhase, rs *ResourceServer, tok *stressToken) {
	if err, other := w.show(p, rs, stressRequest(bearerScheme, tok), tok); other {
		w.t.Errorf("%s: Bearer: %v", p.name, err)
	}
}

// leave sends one and does not wait for keys.
func (w *stressWorker) leave(p *stressPhase, rs *ResourceServer) {
	ctx, cancel := context.WithTimeout(w.t.Context(), stressLatency/2)
	defer cancel()
	tok := w.s.issue(nil, time.Minute, nil)
	q := *p
	q.strict = false // who leaves gets nothing
	if err, other := w.show(&q, rs, stressRequest(bearerScheme, tok).WithContext(ctx), tok); other {
		w.t.Errorf("%s: Bearer, leaving: %v", p.name, err)
	}
}

// bad sends what has to be refused for the token's sake.
func (w *stressWorker) bad(p *stressPhase, rs *ResourceServer) {
	var tok *stressToken
	switch w.rand.IntN(5) {
	case 0: // the attacker's key under the kid of now
		_, current, _ := w.s.now()
		tok = stressSign(must(NewSigningKey(w.attacker.signer, ES256, stressKid(current))), current, nil, time.Minute, nil)
		tok.fault = ErrSignature
	case 1: // and under its own
		tok = stressSign(must(NewSigningKey(w.attacker.signer, ES256, "attacker-"+randomString())), stressNobody, nil, time.Minute, nil)
		tok.fault = ErrKeyNotFound
	case 2:
		tok = w.s.issue(nil, -DefaultTolerance-time.Second, nil)
		tok.fault = ErrExpired
	case 3:
		tok = w.s.issue(nil, time.Minute, map[string]any{"aud": []string{"https://other.example", unitClient}})
		tok.fault = ErrAudience
	case 4: // the signature of another token
		tok = w.s.issue(nil, time.Minute, nil)
		other := w.s.issue(nil, time.Minute, nil)
		tok.raw = tok.raw[:strings.LastIndexByte(tok.raw, '.')] + other.raw[strings.LastIndexByte(other.raw, '.'):]
		tok.fault = ErrSignature
	}
	for range 2 { // it must not be remembered
		w.show(p, rs, stressRequest(bearerScheme, tok), tok)
	}
}

// bound is the worker's token, now and then a new one.
func (w *stressWorker) bound(p *stressPhase) *stressToken {
	_, current, _ := w.s.now()
	if w.token == nil || w.rand.IntN(3) == 0 || p.strict && w.token.key < current || time.Until(w.token.expiry) < 0 {
		w.token = w.s.issue(w.d, 10*time.Minute, nil)
	}
	return w.token
}

var stressTarget = &url.URL{Scheme: "https", Host: "api.example", Path: "/orders"}

// newProof makes a proof for the worker's token.
func (w *stressWorker) newProof(p *stressPhase, rs *ResourceServer) *stressProof {
	tok := w.bound(p)
	return &stressProof{rs: rs, d: w.d, token: tok, proof: must(w.d.Proof(http.MethodGet, stressTarget, tok.raw)), iat: time.Now().Truncate(time.Second)}
}

// prove sends a good proof, or the same one twice at the same time.
func (w *stressWorker) prove(p *stressPhase, rs *ResourceServer, twice bool) {
	proof := w.newProof(p, rs)
	w.last = proof
	if rs == w.rs {
		w.sent(w.d.Thumbprint(), proof.iat.Add(proofWindow+replayMargin))
	}
	var errs [2]error
	var other [2]bool
	n := 1
	if twice {
		n = 2
	}
	done := make(chan bool) // in Go 1.25.0 the Wait of a WaitGroup may stop the time of a bubble
	for i := range n {
		go func() {
			defer func() { done <- true }()
			t0 := time.Now()
			errs[i], other[i] = w.show(p, rs, stressRequest(dpopScheme, proof.token, proof.proof), proof.token)
			w.proved(p, proof, errs[i], other[i], t0)
		}()
	}
	for range n {
		<-done
	}
	if rs != w.rs {
		return
	}
	accepted, replays := int(proof.accepted.Load()), 0
	for i := range n {
		if other[i] && errors.Is(errs[i], ErrReplay) {
			replays++
		}
	}
	if replays > 0 && accepted == 0 {
		w.t.Errorf("%s: a proof is used, and was not accepted: %v", p.name, errs)
	}
	if p.strict && (accepted != 1 || replays != n-1) {
		w.t.Errorf("%s: of %d presentations %d are accepted, %d replays: %v", p.name, n, accepted, replays, errs)
	}
	if twice && accepted == 1 && replays == 1 {
		w.hit("twins: one is accepted")
	}
}

// proved judges one presentation of a good proof.
func (w *stressWorker) proved(p *stressPhase, proof *stressProof, err error, other bool, t0 time.Time) {
	wrong := func(format string, args ...any) {
		w.t.Errorf("%s: %s: %v", p.name, fmt.Sprintf(format, args...), err)
	}
	if err == nil {
		if proof.accepted.Add(1) > 1 {
			wrong("a proof is accepted twice")
		}
		if time.Since(proof.iat) > proofWindow {
			wrong("an old proof is accepted")
		}
		w.hit("accepted, DPoP")
		return
	}
	if !other {
		return
	}
	var e *Error
	errors.As(err, &e)
	own, all := w.live(proof.d.Thumbprint(), t0)
	switch {
	case errors.Is(err, ErrReplay):
		w.hit("refused: replay")
	case errors.Is(err, ErrExpired) && e.Param == "iat" && time.Since(proof.iat) > proofWindow:
		w.hit("refused: an old proof")
	case errors.Is(err, ErrRateLimited) && proof.rs == w.rs:
		if own < stressShare {
			wrong("limited after %d proofs", own)
		}
		w.hit("limited")
	case errors.Is(err, ErrUnavailable) && proof.rs == w.rs:
		if all < stressReplays {
			wrong("full after %d proofs", all)
		}
		w.hit("unavailable, the memory of proofs is full")
	case errors.Is(err, ErrUnavailable) && errors.Is(err, errStressFlaky) && proof.rs == w.flaky:
		w.hit("unavailable, the store of proofs is away")
	default:
		wrong("a good proof")
	}
}

// replayed sends a proof again that came some time before.
func (w *stressWorker) replayed(p *stressPhase) {
	proof := w.last
	if proof == nil {
		return
	}
	used := proof.accepted.Load() > 0
	t0 := time.Now()
	q := *p
	q.strict = false // it may have been refused for a reason that is gone
	err, other := w.show(&q, proof.rs, stressRequest(dpopScheme, proof.token, proof.proof), proof.token)
	w.proved(&q, proof, err, other, t0)
	if used && other && proof.rs == w.rs && !errors.Is(err, ErrReplay) && !errors.Is(err, ErrExpired) {
		w.t.Errorf("%s: a proof that was accepted before: %v", p.name, err)
	}
	if used && errors.Is(err, ErrReplay) {
		w.hit("refused: replay, later")
	}
}

// badProof sends a good token with what proves nothing.
func (w *stressWorker) badProof(p *stressPhase, rs *ResourceServer) {
	tok, now := w.bound(p), time.Now()
	proof := func(d *DPoP, method, path, token string, at time.Time) string {
		return must(d.proof(&provenRequest{method: method, url: &url.URL{Scheme: "https", Host: "api.example", Path: path}, token: token}, at))
	}
	good := proof(w.d, http.MethodGet, "/orders", tok.raw, now)
	tests := [...]struct {
		name, scheme string
		proofs       []string
		kind         error
	}{
		{"missing", dpopScheme, nil, ErrClaim},
		{"there twice", dpopScheme, []string{good, good}, ErrParse},
		{"with the token as Bearer", bearerScheme, []string{good}, ErrBinding},
		{"by another key", dpopScheme, []string{proof(must(NewDPoP(w.attacker, Clock{})), http.MethodGet, "/orders", tok.raw, now)}, ErrBinding},
		{
			"by another key, with the jwk of the right one",
			dpopScheme,
			[]string{proof(&DPoP{key: w.attacker, header: w.d.header}, http.MethodGet, "/orders", tok.raw, now)},
			ErrSignature,
		},
		{"for another token", dpopScheme, []string{proof(w.d, http.MethodGet, "/orders", "another", now)}, ErrClaim},
		{"for another method", dpopScheme, []string{proof(w.d, http.MethodPost, "/orders", tok.raw, now)}, ErrClaim},
		{"for another path", dpopScheme, []string{proof(w.d, http.MethodGet, "/other", tok.raw, now)}, ErrClaim},
		{"of before", dpopScheme, []string{proof(w.d, http.MethodGet, "/orders", tok.raw, now.Add(-proofWindow-time.Second))}, ErrExpired},
		{
			"of later",
			dpopScheme,
			[]string{proof(w.d, http.MethodGet, "/orders", tok.raw, now.Add(proofWindow+keyFetchTimeout+2*time.Second))},
			ErrNotYetValid,
		}, // the call may wait for keys
	}
	tt := &tests[w.rand.IntN(len(tests))]
	err, other := w.show(p, rs, stressRequest(tt.scheme, tok, tt.proofs...), tok)
	switch {
	case err == nil:
		w.t.Errorf("%s: accepted with a proof that is %s", p.name, tt.name)
	case other && !errors.Is(err, tt.kind):
		w.t.Errorf("%s: a proof that is %s: error %v, want %v", p.name, tt.name, err, tt.kind)
	case other:
		w.hit("refused: the proof is " + tt.name)
	}
}

// stressHits are the paths that have to be taken.
var stressHits = []string{
	"accepted", "accepted, remembered", "accepted, DPoP", "accepted, stale keys", "accepted, stale keys that cannot be had anew", "accepted after recovery", "accepted while keys change",
	"not found, nobody's key", "not found, removed key", "unavailable, the set may not be fetched for the key", "unavailable, unknown key", "unavailable, keys too old", "the caller left",
	"refused: oauth: signature", "refused: oauth: expired", "refused: oauth: audience", "refused: expired meanwhile", "refused: expired, remembered",
	"twins: one is accepted", "refused: replay", "refused: replay, later", "refused: an old proof",
	"limited", "unavailable, the memory of proofs is full", "unavailable, the store of proofs is away",
	"refused: the proof is missing", "refused: the proof is there twice", "refused: the proof is with the token as Bearer", "refused: the proof is by another key",
	"refused: the proof is by another key, with the jwk of the right one", "refused: the proof is for another token", "refused: the proof is for another method",
	"refused: the proof is for another path", "refused: the proof is of before", "refused: the proof is of later",
	"fetch: healthy", "fetch: status 500", "fetch: garbage", "fetch: no keys", "fetch: hangs", "fetch: broken connection",
}

// TestResourceServerStress: nothing bad is ever accepted; what is good is refused
// only where the keys cannot be had or the cool-down of unknown keys lasts, with
// the right error; and all is well when they are over.
func TestResourceServerStress(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("the FIPS 140-3 module cannot gather entropy for the goroutines of a synctest bubble, see TestTransportStress")
	}
	long := 10 * time.Second // of the time outside the bubble
	if !raceEnabled || testing.Short() {
		long = 2 * time.Second
	}
	var over atomic.Bool
	timer := time.AfterFunc(long, func() { over.Store(true) })
	defer timer.Stop()
	synctest.Test(t, func(t *testing.T) {
		x := newStressRun(t)
		workers := make([]*stressWorker, 100)
		for i := range workers {
			key := must(GenerateSigningKey(Ed25519))
			workers[i] = &stressWorker{stressRun: x, rand: rand.New(rand.NewPCG(1, uint64(i))), greedy: i%20 == 0, d: must(NewDPoP(key, Clock{}))}
		}
		const ms, sec = time.Millisecond, time.Second
		quiet := func() { time.Sleep(125 * sec) } // the cool-down and the longest back-off are over
		recovered := stressPhase{name: "recovered", long: 2 * sec, tick: 200 * ms, spread: 4, strict: true, most: strangerKeyBurst + 1}
		greedy := recovered
		greedy.name, greedy.greedy = "one key too many", true
		faults := []stressMode{stress500, stressGarbage, stressEmpty, stressHangs, stressBroken}
		rounds := 0
		for ; rounds == 0 || !over.Load(); rounds++ {
			x.run(stressPhase{name: "calm", long: 150 * sec, tick: 5 * sec, spread: 5, rotate: 40 * sec, most: 8}, workers)
			// Keys change five times a second, and the resource server knows at once.
			x.run(stressPhase{name: "rotation", long: 4 * sec, tick: 200 * ms, spread: 4, rotate: 200 * ms, refresh: true}, workers)
			// It does not know.
			x.run(
				stressPhase{name: "rotation, within the cool-down", long: 4 * sec, tick: 200 * ms, spread: 4, rotate: 200 * ms, most: strangerKeyBurst + 1},
				workers,
			)
			quiet()
			x.run(recovered, workers)
			time.Sleep(stressSoft) // so that newer keys are looked for at once
			x.run(stressPhase{name: "outage", long: 125 * sec, tick: 4 * sec, spread: 6, rotate: 30 * sec, least: 5, most: 12, bad: faults}, workers)
			x.run(stressPhase{name: "end of the outage", long: 125 * sec, tick: 5 * sec, spread: 6, most: 8}, workers)
			x.run(recovered, workers)
			// Longer than old keys may be used.
			time.Sleep(stressSoft)
			x.run(stressPhase{name: "long outage", long: 400 * sec, tick: 20 * sec, spread: 4, rotate: 100 * sec, least: 8, most: 14, bad: faults}, workers)
			quiet()
			x.run(recovered, workers)
			quiet()
			// Nothing but their age makes keys be looked for.
			x.run(stressPhase{name: "steady", long: 170 * sec, tick: 10 * sec, spread: 4, flood: true, strict: true, least: 1, most: 4}, workers)
			// It alone is told to wait, then everybody is.
			x.run(greedy, workers)
			x.run(stressPhase{name: "flood", long: 2 * sec, tick: 100 * ms, spread: 1, flood: true}, workers)
			quiet()
			// The fetch that all need is started by one who does not wait for it.
			x.s.rotate()
			x.s.rotate()
			workers[0].leave(&recovered, x.rs)
			x.run(recovered, workers)
			x.check()
		}
		t.Logf("%d rounds, %d fetches, %d keys", rounds, x.s.ended, len(x.s.keys))
		for _, f := range x.s.fetches[1:] {
			x.hits["fetch: "+f.mode.String()]++
		}
		for _, name := range slices.Sorted(maps.Keys(x.hits)) {
			t.Logf("%6d %s", x.hits[name], name)
		}
		for _, name := range stressHits {
			if x.hits[name] == 0 {
				t.Errorf("never: %s", name)
			}
		}
	})
}

// check wants the memories within their bounds, and that the Trace heard of every
// refusal.
func (x *stressRun) check() {
	for _, rs := range []*ResourceServer{x.rs, x.flaky} {
		if n := rs.verified.count(); n > stressTokens {
			x.t.Errorf("%d tokens are remembered", n)
		}
	}
	if n := x.replay.count.Load(); n > stressReplays {
		x.t.Errorf("the memory of proofs has %d entries", n)
	}
	if x.refused.Load() != x.failed.Load() {
		x.t.Errorf("%d requests are refused, the Trace has heard of %d", x.failed.Load(), x.refused.Load())
	}
}
