package oauth

// A KeySet as a state machine: rotations, outages, hostile key ids and callers of both
// sources in any order. What it answers is held against what it was told; how often it
// asks, against its budgets.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/oauth/internal/statetest"
)

// A modelKeyID is a key of the server: two of them can have the same key id.
type modelKeyID struct{ kid, version int }

const modelKids = 6

// modelTokens are a token and a JWK for each key, made once.
var modelTokens = sync.OnceValue(func() map[modelKeyID][2]string {
	all := map[modelKeyID][2]string{}
	for kid := range modelKids {
		for version := range 2 {
			key := must(NewSigningKey(must(GenerateSigningKey(Ed25519)).signer, Ed25519, fmt.Sprintf("kid-%d", kid)))
			all[modelKeyID{kid, version}] = [2]string{must(key.SignJWT("JWT", map[string]any{"version": version})), string(key.PublicJWK())}
		}
	}
	return all
})

// A modelFetch is one that the KeySet made.
type modelFetch struct {
	began   time.Time // without sleep of the machine
	landed  time.Time // zero: under way
	at      moment    // when it began, by both clocks
	ended   moment
	good    bool
	keys    []modelKeyID
	softAge time.Duration
	why     string
}

type keySetModel struct {
	*statetest.Run
	set     *KeySet
	waiting sync.WaitGroup

	mu      sync.Mutex
	keys    []modelKeyID // of the server
	trouble string
	cache   string
	fetches []*modelFetch
	asking  map[source]int
	left    time.Time     // when one who asked went on last
	called  []time.Time   // of Refresh
	slept   time.Duration // by how much the wall clock is ahead of the monotonic one
}

func newKeySetModel(r *statetest.Run) *keySetModel {
	w := &keySetModel{Run: r, keys: []modelKeyID{{0, 0}, {1, 0}}, asking: map[source]int{}}
	w.set = must(NewKeySet(jwksURI, &KeySetOptions{HTTPClient: &http.Client{Transport: w}}))
	return w
}

// moment is a reading of both clocks.
func (w *keySetModel) moment() moment { return moment{time.Now(), time.Now().Round(0).Add(w.slept)} }

// age is how long ago that was, by the clock by which it is longer.
func (w *keySetModel) age(m moment) time.Duration {
	now := w.moment()
	return max(now.monotonic.Sub(m.monotonic), now.wall.Sub(m.wall))
}

// ---- the server

func (w *keySetModel) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	f := &modelFetch{began: time.Now(), at: w.moment(), keys: slices.Clone(w.keys), softAge: keySoftAge, why: w.reason()}
	w.checkFetch(f)
	w.fetches = append(w.fetches, f)
	trouble, cache := w.trouble, w.cache
	w.mu.Unlock()
	body := "<html>"
	var err error
	switch trouble {
	case "unreachable":
		err = errors.New("connection refused")
	case "hangs":
		<-r.Context().Done()
		err = r.Context().Err()
	case "outlives its context":
		go func() { // just before it is given up
			time.Sleep(keyFetchTimeout + flightGrace - 1)
			w.land(f, false)
		}()
		time.Sleep(modelLate)
		return nil, errors.New("too late")
	case "slow":
		time.Sleep(3 * time.Second)
	}
	if err != nil || trouble == "a web page" || trouble == "503" {
		w.land(f, false)
		if err != nil {
			return nil, err
		}
	}
	status, header := 200, http.Header{}
	switch trouble {
	case "503":
		status = 503
	case "a web page":
	default:
		var list []string
		for _, k := range f.keys {
			list = append(list, modelTokens()[k][1])
		}
		body = `{"keys":[` + strings.Join(list, ",") + `]}`
		if cache != "" {
			header.Set("Cache-Control", cache)
			f.softAge = 100 * time.Second
		}
		w.land(f, true)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: r}, nil
}

func (w *keySetModel) land(f *modelFetch, good bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.landed, f.ended, f.good = time.Now(), w.moment(), good
	w.Count(map[bool]string{true: "fetch", false: "fetch that fails"}[good])
}

// reason is why there is a fetch now.
func (w *keySetModel) reason() string {
	snap := w.current()
	switch {
	case len(w.called) > 0 && w.called[len(w.called)-1].Equal(time.Now()):
		return "Refresh"
	case snap == nil || w.age(snap.at) >= snap.softAge:
		return "age"
	case w.asking[fromServer] > 0 && w.asking[fromAnybody] > 0:
		return "either"
	case w.asking[fromServer] > 0:
		return "an answer of the server"
	case w.asking[fromAnybody] > 0:
		return "a stranger"
	case w.left.Equal(time.Now()): // who began it had to leave at the same instant
		return "either"
	}
	return "nothing"
}

// current is the fetch whose keys count; nil: none does.
func (w *keySetModel) current() (snap *modelFetch) {
	for _, f := range w.fetches {
		if f.good {
			snap = f
		}
	}
	return snap
}

// checkFetch holds a fetch that begins against those before: one at a time, the back-off
// after failures, and what strangers and the server may cause.
func (w *keySetModel) checkFetch(f *modelFetch) {
	w.Count("fetch for " + f.why)
	if f.why == "nothing" {
		w.Errorf("a fetch that nobody needs")
	}
	if len(w.fetches) == 0 {
		return
	}
	last := w.fetches[len(w.fetches)-1]
	if last.landed.IsZero() {
		w.Errorf("two fetches at a time")
		return
	}
	failures := 0
	for _, f := range slices.Backward(w.fetches) {
		if f.good {
			break
		}
		failures++
	}
	if failures > 0 && f.why != "Refresh" {
		if backoff := min(time.Second<<min(failures-1, 6), time.Minute); f.began.Before(last.landed.Add(backoff)) {
			w.Errorf("the fetch after failure %d began %v later, and not %v", failures, f.began.Sub(last.landed), backoff)
		}
	}
	w.checkBudget(f, "a stranger", 3, time.Minute)
	w.checkBudget(f, "an answer of the server", 1, 2*time.Second)
	w.checkBudget(f, "either", 4, 2*time.Second)
}

// checkBudget allows burst fetches for a reason at once, and one more in every interval.
// Only one that succeeds is paid for.
func (w *keySetModel) checkBudget(f *modelFetch, why string, burst int, interval time.Duration) {
	if f.why != why {
		return
	}
	n := 1
	for _, before := range slices.Backward(w.fetches) {
		if !before.good || before.why != why {
			continue
		}
		n++
		if within := f.began.Sub(before.began); within < time.Duration(n-burst)*interval {
			w.Errorf("there are %d fetches for %s in %v", n, why, within)
		}
	}
}

// ---- the questions

// ask verifies a token, and judges the answer.
func (w *keySetModel) ask(from source, key modelKeyID, raw string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w.mu.Lock()
	began := time.Now()
	before := w.current()
	known := before != nil && slices.ContainsFunc(before.keys, func(k modelKeyID) bool { return k.kid == key.kid })
	quick := known && w.age(before.at) < 2*before.softAge
	w.asking[from]++
	w.mu.Unlock()
	_, err := verifyJWS(ctx, raw, w.set, from, &jwsRules{
		allowed: []Algorithm{Ed25519}, typ: func(string) bool { return true }, what: "a token",
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asking[from]--
	w.left = time.Now()
	if time.Since(began) > patience {
		w.Errorf("it waited for %v, its context lasted %v", time.Since(began), patience)
	}
	// At the same instant others may have brought a set without the key.
	for _, f := range w.fetches {
		quick = quick && (!f.good || f.landed.Before(began) || slices.ContainsFunc(f.keys, func(k modelKeyID) bool { return k.kid == key.kid }))
	}
	if quick && time.Since(began) > 0 {
		w.Errorf("a token whose key is known waited for %v", time.Since(began))
	}
	w.judge(began, key, err, quick)
	return err
}

func (w *keySetModel) judge(began time.Time, key modelKeyID, err error, quick bool) {
	// The sets that were there meanwhile, and whether they were new enough.
	var same, other, lacking bool
	for i, f := range w.fetches {
		replaced := false
		for _, next := range w.fetches[i+1:] {
			replaced = replaced || next.good && next.landed.Before(began)
		}
		if !f.good || replaced {
			continue
		}
		usable := w.age(f.at) < 2*f.softAge || w.failing() && w.age(f.at) < defaultKeyAge
		has := slices.ContainsFunc(f.keys, func(k modelKeyID) bool { return k.kid == key.kid })
		same = same || usable && slices.Contains(f.keys, key)
		other = other || usable && has && !slices.Contains(f.keys, key)
		lacking = lacking || !has && !f.began.Before(began)
		if err == nil && slices.Contains(f.keys, key) && w.age(f.at) >= 2*f.softAge {
			w.Count("old key, in an outage")
		}
	}
	good, name := true, "given up"
	switch {
	case err == nil:
		good, name = same, "good token"
	case errors.Is(err, ErrSignature):
		good, name = other, "bad signature"
	case errors.Is(err, ErrKeyNotFound):
		good, name = lacking, "no such key"
	case errors.Is(err, ErrUnavailable):
		good, name = !quick && !errors.Is(err, ErrInvalid), "unavailable"
	default:
		good = errors.Is(err, context.DeadlineExceeded) && !quick
	}
	if w.Count(name); !good {
		w.Errorf("key %v: %v, and that cannot be: a set that counts has the key %v, another one of the id %v; a set that was fetched since lacks the id: %v",
			key, err, same, other, lacking)
	}
}

// failing reports whether a fetch has failed just now, and none succeeded since.
func (w *keySetModel) failing() bool {
	for _, f := range slices.Backward(w.fetches) {
		if !f.landed.IsZero() && !f.good {
			return w.age(f.ended) < keySoftAge || time.Since(f.landed) == 0
		}
		if f.good && !f.landed.Equal(time.Now()) { // at the same instant either may have been first
			return false
		}
	}
	return false
}

func (w *keySetModel) patience() time.Duration {
	return statetest.Pick(w.Run, time.Millisecond, 4*time.Second, time.Minute)
}

// choose is a key that the server has, had, or will have.
func (w *keySetModel) choose() modelKeyID {
	if w.Chance(60) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return statetest.Pick(w.Run, w.keys...)
	}
	return modelKeyID{w.Rand.IntN(modelKids), w.Rand.IntN(2)}
}

func keySetSteps() []statetest.Step[*keySetModel] {
	type step = statetest.Step[*keySetModel]
	sources := []source{fromAnybody, fromAnybody, fromServer}
	return []step{
		{Name: "token", Weight: 10, Do: func(r *statetest.Run, w *keySetModel) {
			from, key, patience := statetest.Pick(r, sources...), w.choose(), w.patience()
			r.Say("%v of source %d within %v: %v", key, from, patience, w.ask(from, key, modelTokens()[key][0], patience))
			synctest.Wait()
		}},
		{Name: "tokens aside", Weight: 3, Do: func(r *statetest.Run, w *keySetModel) {
			for range 5 {
				from, key, patience := statetest.Pick(r, sources...), w.choose(), w.patience()
				r.Say("%v of source %d", key, from)
				w.waiting.Go(func() { w.ask(from, key, modelTokens()[key][0], patience) })
			}
			time.Sleep(time.Millisecond)
		}},
		{Name: "hostile key id", Weight: 5, Do: func(r *statetest.Run, w *keySetModel) {
			for range statetest.Pick(r, 1, 1, 10) {
				h := fmt.Sprintf(`{"alg":"Ed25519","kid":"%x"}`, r.Rand.Uint64())
				_, rest, _ := strings.Cut(modelTokens()[modelKeyID{}][0], ".")
				w.ask(fromAnybody, modelKeyID{-1, 0}, encodeBase64URL([]byte(h))+"."+rest, w.patience())
			}
			synctest.Wait()
		}},
		{Name: "forged token", Do: func(r *statetest.Run, w *keySetModel) {
			key := w.choose() // with the id of a key, signed with another
			one, two := modelTokens()[key][0], modelTokens()[modelKeyID{key.kid, 1 - key.version}][0]
			forged := one[:strings.LastIndex(one, ".")] + two[strings.LastIndex(two, "."):]
			if err := w.ask(fromAnybody, modelKeyID{key.kid, 2}, forged, w.patience()); err == nil {
				r.Error("it verifies")
			}
			synctest.Wait()
		}},
		{Name: "Refresh", Do: func(r *statetest.Run, w *keySetModel) {
			w.mu.Lock()
			w.called = append(w.called, time.Now())
			w.mu.Unlock()
			ctx, cancel := context.WithTimeout(context.Background(), w.patience())
			defer cancel()
			r.Say("%v", w.set.Refresh(ctx))
			synctest.Wait()
		}},
	}
}

// keySetWorld are the steps that are not the callers'.
func keySetWorld() []statetest.Step[*keySetModel] {
	return []statetest.Step[*keySetModel]{
		{Name: "time", Weight: 6, Do: func(r *statetest.Run, w *keySetModel) {
			d := statetest.Pick(r, 500*time.Millisecond, 2*time.Second, 10*time.Second, time.Minute, 2*time.Minute, 5*time.Minute, 10*time.Minute, 2*time.Hour)
			r.Say("%v", d)
			time.Sleep(d)
		}},
		{Name: "the machine sleeps", Do: func(r *statetest.Run, w *keySetModel) {
			w.sleep(statetest.Pick(r, time.Minute, 5*time.Minute, 11*time.Minute, 9*time.Hour, -time.Hour))
		}},
		{Name: "rotation", Weight: 3, Do: func(r *statetest.Run, w *keySetModel) {
			w.mu.Lock()
			defer w.mu.Unlock()
			next := modelKeyID{r.Rand.IntN(modelKids), r.Rand.IntN(2)}
			w.keys = slices.DeleteFunc(w.keys, func(k modelKeyID) bool { return k.kid == next.kid })
			if w.keys = append(w.keys, next); len(w.keys) > 3 || r.Chance(30) && len(w.keys) > 1 {
				w.keys = w.keys[1:]
			}
			r.Say("%v", w.keys)
		}},
		{Name: "trouble", Weight: 2, Do: func(r *statetest.Run, w *keySetModel) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.trouble = statetest.Pick(r, "unreachable", "503", "hangs", "outlives its context", "slow", "a web page")
			r.Say("%s", w.trouble)
		}},
		{Name: "mended", Weight: 2, Do: func(r *statetest.Run, w *keySetModel) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.trouble, w.cache = "", statetest.Pick(r, "", "", "max-age=100")
		}},
	}
}

// sleep has the machine sleep: monotonic time stands still, so that what is kept is that
// much older by the other clock. Nothing is under way then.
func (w *keySetModel) sleep(d time.Duration) {
	w.Say("%v", d)
	w.waiting.Wait()
	time.Sleep(2 * modelLate)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slept += d
	if snap := w.set.current.Load(); snap != nil {
		snap.fetched = slept(snap.fetched, d)
	}
	w.set.mu.Lock()
	defer w.set.mu.Unlock()
	if w.set.outage.failures > 0 {
		w.set.outage.ended = slept(w.set.outage.ended, d)
	}
}

// endKeySet: when the server works again, its keys are good, and no others are.
func endKeySet(r *statetest.Run, w *keySetModel) {
	w.waiting.Wait()
	time.Sleep(2 * modelLate)
	w.mu.Lock()
	w.trouble, w.cache = "", ""
	key := w.keys[len(w.keys)-1]
	w.mu.Unlock()
	token := modelTokens()[key][0]
	for range 23 {
		time.Sleep(31 * time.Second)
		w.ask(fromAnybody, key, token, time.Minute)
		synctest.Wait()
	}
	for k, token := range modelTokens() {
		err := w.ask(fromServer, k, token[0], time.Minute)
		if has := slices.Contains(w.keys, k); has != (err == nil) {
			r.Errorf("in the end the server has the key %v: %v, and its token: %v", k, has, err)
		}
		synctest.Wait()
	}
}

// TestKeySetModel: whatever comes, the KeySet fetches within its budgets, answers what it
// was told, and is right again without a restart.
func TestKeySetModel(t *testing.T) {
	modelTokens()
	(&statetest.Machine[*keySetModel]{
		New: newKeySetModel, Steps: append(keySetSteps(), keySetWorld()...), End: endKeySet,
		Sequences: 300, Length: 40, Bubble: true,
		Events: map[string]int{
			"fetch": 3000, "fetch that fails": 500, "fetch for age": 2000, "fetch for a stranger": 500, "fetch for an answer of the server": 300,
			"fetch for Refresh": 100, "good token": 3000, "no such key": 500, "bad signature": 300, "unavailable": 1000, "given up": 50,
			"old key, in an outage": 50,
		},
	}).Test(t)
}
