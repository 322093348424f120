package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const jwksURI = "https://op.example.com/jwks"

// jwksKey is the signing key with that kid, made once.
var (
	jwksKeysMu sync.Mutex
	jwksKeys   = map[string]*SigningKey{}
)

func jwksKey(kid string) *SigningKey {
	jwksKeysMu.Lock()
	defer jwksKeysMu.Unlock()
	if jwksKeys[kid] == nil {
		key, err := GenerateSigningKey(Ed25519)
		if err != nil {
			panic(err)
		}
		if jwksKeys[kid], err = NewSigningKey(key.signer, Ed25519, kid); err != nil {
			panic(err)
		}
	}
	return jwksKeys[kid]
}

// jwksDocument is a key set with those keys.
func jwksDocument(kids ...string) string {
	list := make([]string, len(kids))
	for i, kid := range kids {
		list[i] = string(jwksKey(kid).PublicJWK())
	}
	return `{"keys":[` + strings.Join(list, ",") + `]}`
}

// jwksServer serves a key set in memory.
type jwksServer struct {
	mu      sync.Mutex
	body    string
	header  http.Header
	err     error         // instead of an answer
	delay   time.Duration // before it; negative: for ever
	fetches []time.Time   // when each began
}

func newJWKSServer(kids ...string) *jwksServer { return &jwksServer{body: jwksDocument(kids...)} }

func (s *jwksServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.fetches = append(s.fetches, time.Now())
	body, header, err, delay := s.body, s.header.Clone(), s.err, s.delay
	s.mu.Unlock()
	if delay < 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if err != nil {
		return nil, err
	}
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: r}, nil
}

// set changes what the server answers from now on.
func (s *jwksServer) set(err error, kids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.body = err, jwksDocument(kids...)
}

func (s *jwksServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.fetches)
}

// began is when the first fetch began.
func (s *jwksServer) began() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches[0]
}

// wait sets how long each answer takes from now on.
func (s *jwksServer) wait(delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = delay
}

// keySet is a KeySet that fetches from the server.
func (s *jwksServer) keySet(t *testing.T, maxAge time.Duration) *KeySet {
	t.Helper()
	set, err := NewKeySet(jwksURI, &KeySetOptions{HTTPClient: &http.Client{Transport: s}, MaxAge: maxAge})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// jwksFind looks the key of a token with that kid up, which anybody can have sent.
func jwksFind(ctx context.Context, set *KeySet, kid string) error {
	return jwksFindFrom(ctx, set, fromAnybody, kid)
}

func jwksFindFrom(ctx context.Context, set *KeySet, from source, kid string) error {
	key, err := set.find(ctx, findAlgorithm(Ed25519), &joseHeader{alg: Ed25519, kid: kid, hasKid: true}, from)
	switch {
	case err == nil && key == nil:
		return errors.New("neither a key nor an error")
	case err != nil && key != nil:
		return errors.New("a key beside an error")
	case err == nil && key.kid != kid:
		return errors.New("the key " + key.kid)
	}
	return err
}

// jwksWant wants the result of a look-up, at once, and the number of fetches
// so far; what runs in the background has ended.
func jwksWant(t *testing.T, s *jwksServer, set *KeySet, kid string, want error, fetches int) {
	t.Helper()
	start := time.Now()
	err := jwksFind(context.Background(), set, kid)
	if !errors.Is(err, want) || err == nil && want != nil {
		t.Errorf("key %s: error %v, want %v", kid, err, want)
	}
	if took := time.Since(start); took != 0 {
		t.Errorf("key %s: it takes %v", kid, took)
	}
	if errors.Is(err, ErrUnavailable) && errors.Is(err, ErrInvalid) {
		t.Errorf("key %s: %v says that the token is bad", kid, err)
	}
	synctest.Wait()
	if n := s.count(); n != fetches {
		t.Errorf("key %s: %d fetches, want %d", kid, n, fetches)
	}
}

var errJWKSDown = errors.New("connection refused")

func TestJWKSFetchedWhenNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a", "b")
		set := s.keySet(t, 0)
		if s.count() != 0 {
			t.Error("NewKeySet makes a request")
		}
		jwksWant(t, s, set, "a", nil, 1)
		jwksWant(t, s, set, "b", nil, 1)
		time.Sleep(keySoftAge - 1)
		jwksWant(t, s, set, "a", nil, 1)
	})
}

// TestJWKSSingleFlight: however many tokens come, there is one request.
func TestJWKSSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		s.wait(3 * time.Second)
		set := s.keySet(t, 0)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond) // some while it is under way
				if err := jwksFind(context.Background(), set, "a"); err != nil {
					t.Error(err)
				}
				if d := time.Since(s.began()); d != s.delay {
					t.Errorf("a caller waits until %v after the start of the fetch", d)
				}
			})
		}
		wg.Wait()
		if n := s.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

// TestJWKSSoftAge: keys of 5 minutes are used while one fetch gets newer ones.
func TestJWKSSoftAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		s.set(nil, "b")
		s.wait(3 * time.Second)
		time.Sleep(keySoftAge)
		for range 100 {
			jwksWant(t, s, set, "a", nil, 2) // nobody waits
		}
		time.Sleep(s.delay)
		synctest.Wait()
		// A success replaces the set whole: what was taken out of it is gone.
		jwksWant(t, s, set, "b", nil, 2)
		s.wait(0)
		jwksWant(t, s, set, "a", ErrKeyNotFound, 3)
		time.Sleep(keySoftAge - 1)
		jwksWant(t, s, set, "b", nil, 3)
		time.Sleep(time.Nanosecond)
		jwksWant(t, s, set, "b", nil, 4)
	})
}

// TestJWKSReason: where no key is left it is said why, of one that cannot be read, too.
func TestJWKSReason(t *testing.T) {
	for _, tt := range []struct {
		key, text string
		kind      error // of the reason
	}{
		{`{"kty":"RSA","kty":"RSA"}`, `the member "kty" comes twice`, ErrParse},
		{`1`, "not a JSON object", ErrParse},
		{`{"kty":"oct"}`, `key type "oct" is not supported`, ErrUnsupported},
	} {
		_, err := ParseKeySet([]byte(`{"keys":[` + tt.key + `]}`))
		wantError(t, err, ErrParse, "keys")
		if reason, ok := err.(*Error).Err.(*Error); !ok || reason.Kind != tt.kind || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", tt.key, err)
		}
	}
}

func TestJWKSCacheControl(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		want  time.Duration
	}{
		{"nothing", nil, keySoftAge},
		{"shorter", []string{"max-age=120"}, 2 * time.Minute},
		{"among others", []string{"public, max-age=120, must-revalidate"}, 2 * time.Minute},
		{"in capitals", []string{"Max-Age=120"}, 2 * time.Minute},
		{"quoted", []string{`max-age="120"`}, 2 * time.Minute},
		{"on the second line", []string{"public", "max-age=120"}, 2 * time.Minute},
		{"longer is ignored", []string{"max-age=86400"}, keySoftAge},
		{"as long as it can be", []string{"max-age=2147483647"}, keySoftAge},
		{"not below a minute", []string{"max-age=1"}, time.Minute},
		{"zero", []string{"max-age=0"}, time.Minute},
		{"no-store", []string{"no-store"}, time.Minute},
		{"no-cache", []string{"no-cache"}, time.Minute},
		{"no-store and max-age", []string{"max-age=120, no-store"}, time.Minute},
		{"negative", []string{"max-age=-1"}, keySoftAge},
		{"no number", []string{"max-age=soon"}, keySoftAge},
		{"too long a number", []string{"max-age=99999999999999999999"}, keySoftAge},
		{"for other caches", []string{"s-maxage=60"}, keySoftAge},
		{"no value", []string{"max-age"}, keySoftAge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newJWKSServer("a")
				s.header = http.Header{"Cache-Control": tt.lines}
				set := s.keySet(t, 0)
				jwksWant(t, s, set, "a", nil, 1)
				time.Sleep(tt.want - 1)
				jwksWant(t, s, set, "a", nil, 1)
				time.Sleep(time.Nanosecond)
				jwksWant(t, s, set, "a", nil, 2)
			})
		})
	}
}

// TestJWKSHardAge: keys that cannot be fetched anew are used up to MaxAge.
func TestJWKSHardAge(t *testing.T) {
	for _, maxAge := range []time.Duration{0, 5 * time.Minute, 24 * time.Hour} {
		t.Run(maxAge.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := maxAge
				if want == 0 {
					want = time.Hour
				}
				s := newJWKSServer("a")
				set := s.keySet(t, maxAge)
				jwksWant(t, s, set, "a", nil, 1)
				s.set(errJWKSDown)
				for age := keySoftAge; age < want; age += want / 7 {
					time.Sleep(age - time.Since(s.began()))
					if err := jwksFind(context.Background(), set, "a"); err != nil {
						t.Errorf("after %v: %v", age, err)
					}
				}
				time.Sleep(want - 1 - time.Since(s.began()))
				if err := jwksFind(context.Background(), set, "a"); err != nil {
					t.Errorf("a moment before %v: %v", want, err)
				}
				time.Sleep(time.Nanosecond)
				err := jwksFind(context.Background(), set, "a")
				if !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrNetwork) || !errors.Is(err, errJWKSDown) || errors.Is(err, ErrInvalid) {
					t.Errorf("after %v: error %v, want ErrUnavailable and why", want, err)
				}
				s.set(nil, "a")
				time.Sleep(maxKeyBackoff)
				if err := jwksFind(context.Background(), set, "a"); err != nil {
					t.Errorf("when the server is back: %v", err)
				}
			})
		})
	}
}

// slept is the moment as it is read after the machine slept for that long, or after its
// wall clock was set ahead by it.
func slept(m moment, d time.Duration) moment {
	m.wall = m.wall.Add(-d)
	return m
}

// TestJWKSIdle: a key that was taken out does not verify because nobody asked for a
// while. The server answers after a second and has b in the place of a.
func TestJWKSIdle(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cache  string        // Cache-Control
		idle   time.Duration // nobody asks
		sleep  time.Duration // of the machine, besides
		fails  bool          // the fetch does
		within time.Duration // the time of the caller who asks for a; 0: any
		takes  time.Duration // until that answer
		a, b   error         // and of b, 2 s later
	}{
		{name: "new", idle: keySoftAge - 1},
		{name: "old", idle: 2*keySoftAge - 1},
		{name: "idle", idle: 2 * keySoftAge, takes: time.Second, a: ErrKeyNotFound},
		{name: "idle for long", idle: defaultKeyAge - 1, takes: time.Second, a: ErrKeyNotFound},
		{name: "idle beyond MaxAge", idle: defaultKeyAge, takes: time.Second, a: ErrKeyNotFound},
		{name: "a shorter life, old", cache: "max-age=100", idle: 200*time.Second - 1},
		{name: "a shorter life, idle", cache: "max-age=100", idle: 200 * time.Second, takes: time.Second, a: ErrKeyNotFound},
		{name: "the machine slept", sleep: 2 * keySoftAge, takes: time.Second, a: ErrKeyNotFound},
		{name: "it slept shortly", sleep: 2*keySoftAge - 1},
		{name: "the clock was set back", idle: 2 * keySoftAge, sleep: -24 * time.Hour, takes: time.Second, a: ErrKeyNotFound},
		{name: "the fetch fails", idle: 2 * keySoftAge, fails: true, takes: time.Second, b: ErrUnavailable},
		{name: "the fetch fails beyond MaxAge", idle: defaultKeyAge, fails: true, takes: time.Second, a: ErrUnavailable, b: ErrUnavailable},
		{name: "it fails after MaxAge of sleep", sleep: defaultKeyAge, fails: true, takes: time.Second, a: ErrUnavailable, b: ErrUnavailable},
		{name: "the caller leaves", idle: 2 * keySoftAge, within: time.Millisecond, takes: time.Millisecond, a: context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newJWKSServer("a")
				s.header = http.Header{"Cache-Control": {tt.cache}}
				set := s.keySet(t, 0)
				jwksWant(t, s, set, "a", nil, 1)
				s.set(nil, "b")
				s.wait(time.Second)
				if tt.fails {
					s.set(errJWKSDown)
				}
				time.Sleep(tt.idle)
				snap := set.current.Load()
				snap.fetched = slept(snap.fetched, tt.sleep)
				find := func(kid string, takes time.Duration, want error) {
					t.Helper()
					ctx, cancel := context.WithCancel(context.Background())
					if tt.within > 0 && kid == "a" {
						ctx, cancel = context.WithTimeout(ctx, tt.within)
					}
					defer cancel()
					start := time.Now()
					err := jwksFind(ctx, set, kid)
					if !errors.Is(err, want) || err == nil && want != nil || time.Since(start) != takes {
						t.Errorf("key %s: %v after %v, want %v after %v", kid, err, time.Since(start), want, takes)
					}
				}
				find("a", tt.takes, tt.a)
				time.Sleep(time.Second)
				s.wait(0)
				find("b", 0, tt.b)
			})
		})
	}
}

// TestJWKSIdleOutage: callers wait for the first fetch after a pause, and not for each
// try of an outage: a server that hangs would hold them up ever again.
func TestJWKSIdleOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		s.wait(-1)
		find := func(takes time.Duration) {
			t.Helper()
			start := time.Now()
			if err := jwksFind(context.Background(), set, "a"); err != nil || time.Since(start) != takes {
				t.Errorf("%v after %v, want %v", err, time.Since(start), takes)
			}
		}
		time.Sleep(2 * keySoftAge)
		find(keyFetchTimeout)
		for range 100 {
			find(0)
			time.Sleep(time.Second)
		}
		if n := s.count(); n < 4 {
			t.Errorf("%d fetches", n)
		}
		time.Sleep(keyFetchTimeout + keySoftAge)
		find(keyFetchTimeout)
		// The failure was before the machine slept.
		time.Sleep(maxKeyBackoff)
		set.outage.ended = slept(set.outage.ended, keySoftAge)
		find(keyFetchTimeout)
	})
}

// TestJWKSUnknownKid: tokens with made-up key ids, which anybody can send, make few
// requests. Where the set may not be fetched, nothing is said about the token.
func TestJWKSUnknownKid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		n := 1
		burst := func(want int) {
			t.Helper()
			for range want {
				n++
				jwksWant(t, s, set, "x", ErrKeyNotFound, n)
			}
			for i := range 100 {
				jwksWant(t, s, set, fmt.Sprint("x", i), ErrUnavailable, n)
			}
			jwksWant(t, s, set, "a", nil, n)
		}
		burst(strangerKeyBurst)
		time.Sleep(strangerKeyInterval - 1)
		burst(0)
		time.Sleep(time.Nanosecond)
		burst(1)
		time.Sleep(2 * strangerKeyInterval)
		burst(2)

		// A fetch that fails is not charged: the back-off holds the next one up.
		time.Sleep(3 * strangerKeyInterval)
		s.set(errJWKSDown)
		n++
		jwksWant(t, s, set, "x", ErrUnavailable, n)
		jwksWant(t, s, set, "x", ErrUnavailable, n)
		jwksWant(t, s, set, "a", nil, n)
		time.Sleep(keyBackoff - 1)
		jwksWant(t, s, set, "x", ErrUnavailable, n)
		s.set(nil, "a")
		time.Sleep(time.Nanosecond)
		burst(strangerKeyBurst)
	})
}

// TestJWKSUnknownFlood is the bar: however tokens with a thousand made-up key ids come,
// there are three fetches, and then a key that is really new is found in an answer of
// the server.
func TestJWKSUnknownFlood(t *testing.T) {
	for _, tt := range []struct {
		name           string
		cold, parallel bool
		takes          time.Duration // each fetch
	}{
		{"in sequence", false, false, 0},
		{"in parallel", false, true, 0},
		{"in parallel, slow server", false, true, time.Second},
		{"in sequence, no keys yet", true, false, 0},
		{"in parallel, no keys yet", true, true, 0},
		{"in parallel, no keys yet, slow server", true, true, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newJWKSServer("a")
				set := s.keySet(t, 0)
				before := 0
				if !tt.cold {
					before = 1
					jwksWant(t, s, set, "a", nil, before)
				}
				s.wait(tt.takes)
				var wg sync.WaitGroup
				for i := range 1000 {
					one := func() {
						if tt.parallel {
							time.Sleep(time.Duration(i) * time.Millisecond)
						}
						if err := jwksFind(context.Background(), set, fmt.Sprint("x", i)); !errors.Is(err, ErrKeyNotFound) && !errors.Is(err, ErrUnavailable) {
							t.Error(err)
						}
					}
					if tt.parallel {
						wg.Go(one)
					} else {
						one()
					}
				}
				wg.Wait()
				if n := s.count() - before; n > 3 || n < 1 {
					t.Errorf("%d fetches", n)
				}
				n := s.count()
				s.wait(0)
				s.set(nil, "b")
				if err := jwksFindFrom(context.Background(), set, fromServer, "b"); err != nil || s.count() != n+1 {
					t.Errorf("after it: %v, %d fetches", err, s.count()-n)
				}
			})
		})
	}
}

// TestJWKSUnknownSpacing: an answer of the server waits for its key, and no longer than
// its context.
func TestJWKSUnknownSpacing(t *testing.T) {
	type step struct {
		name   string
		from   source
		passes time.Duration // before
		fails  bool          // the server does
		within time.Duration // of the context; 0: for ever
		takes  time.Duration
		want   error
	}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"two answers", []step{
			{name: "first", from: fromServer},
			{name: "30 ms later", from: fromServer, passes: 30 * time.Millisecond, takes: answerKeyInterval - 30*time.Millisecond},
			{name: "much later", from: fromServer, passes: time.Hour},
			{name: "at the interval", from: fromServer, passes: answerKeyInterval},
		}},
		{"a context that ends", []step{
			{name: "first", from: fromServer},
			{name: "second", from: fromServer, within: time.Second, takes: time.Second, want: context.DeadlineExceeded},
			{name: "third", from: fromServer, within: time.Second + 1, takes: time.Second},
		}},
		{"strangers cost an answer nothing", []step{
			{name: "stranger", from: fromAnybody},
			{name: "stranger", from: fromAnybody},
			{name: "stranger", from: fromAnybody},
			{name: "stranger", from: fromAnybody, want: ErrUnavailable},
			{name: "answer", from: fromServer},
			{name: "stranger", from: fromAnybody, want: ErrUnavailable},
		}},
		{"answers cost strangers nothing", []step{
			{name: "answer", from: fromServer},
			{name: "answer", from: fromServer, takes: answerKeyInterval},
			{name: "answer", from: fromServer, takes: answerKeyInterval},
			{name: "stranger", from: fromAnybody},
			{name: "stranger", from: fromAnybody},
			{name: "stranger", from: fromAnybody},
			{name: "stranger", from: fromAnybody, want: ErrUnavailable},
		}},
		{"a stranger's fetch that failed", []step{
			{name: "stranger", from: fromAnybody, fails: true, want: ErrUnavailable},
			{name: "stranger", from: fromAnybody, want: ErrUnavailable},
			{name: "answer", from: fromServer, takes: keyBackoff},
		}},
		{"fetches that fail", []step{
			{name: "first", from: fromServer, fails: true, want: ErrUnavailable},
			{name: "after 1 s", from: fromServer, fails: true, takes: keyBackoff, want: ErrUnavailable},
			{name: "after 2 s", from: fromServer, fails: true, takes: 2 * keyBackoff, want: ErrUnavailable},
			{name: "4 s are too long", from: fromServer, want: ErrUnavailable},
			{name: "2 s before the end", from: fromServer, passes: 2 * time.Second, takes: 2 * time.Second},
		}},
		{"no source", []step{{name: "zero", from: 0, want: ErrConfig}, {name: "another", from: 3, want: ErrConfig}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newJWKSServer("a")
				set := s.keySet(t, 0)
				jwksWant(t, s, set, "a", nil, 1)
				for i, step := range tt.steps {
					time.Sleep(step.passes)
					kid := fmt.Sprint("r", i) // each is signed with a new key
					if s.set(nil, "a", kid); step.fails {
						s.set(errJWKSDown)
					}
					ctx, cancel := context.Background(), func() {}
					if step.within > 0 {
						ctx, cancel = context.WithTimeout(ctx, step.within)
					}
					start := time.Now()
					err := jwksFindFrom(ctx, set, step.from, kid)
					if took := time.Since(start); !errors.Is(err, step.want) || err == nil && step.want != nil || took != step.takes {
						t.Errorf("%s: %v after %v, want %v after %v", step.name, err, took, step.want, step.takes)
					}
					if errors.Is(err, ErrInvalid) {
						t.Errorf("%s: %v says that the token is bad", step.name, err)
					}
					cancel()
				}
			})
		})
	}
}

// TestJWKSUnknownWhileWaiting: an answer that waits holds nobody up, and takes the key
// that others fetched.
func TestJWKSUnknownWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		s.set(nil, "a", "b")
		if err := jwksFindFrom(context.Background(), set, fromServer, "b"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := jwksFindFrom(context.Background(), set, fromServer, "c"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		time.Sleep(time.Second)
		jwksWant(t, s, set, "a", nil, 2)
		s.set(nil, "a", "c")
		jwksWant(t, s, set, "c", nil, 3)
		wg.Wait()
		if n := s.count(); n != 3 {
			t.Errorf("%d fetches", n)
		}
	})
}

// TestJWKSUnknownNoDebt: a fetch that Refresh made has answered a question too, and
// costs what is left at the most.
func TestJWKSUnknownNoDebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		find := func(takes time.Duration) {
			t.Helper()
			start := time.Now()
			if err := jwksFindFrom(context.Background(), set, fromServer, "x"); !errors.Is(err, ErrKeyNotFound) || time.Since(start) != takes {
				t.Errorf("%v after %v, want %v", err, time.Since(start), takes)
			}
		}
		find(0)
		time.AfterFunc(time.Second, func() { set.Refresh(context.Background()) })
		find(answerKeyInterval)
		find(time.Second) // two seconds after the Refresh
		if n := s.count(); n != 4 {
			t.Errorf("%d fetches", n)
		}
	})
}

// TestJWKSUnknownUnderWay: a fetch that began before the question does not answer it,
// and costs nothing.
func TestJWKSUnknownUnderWay(t *testing.T) {
	for _, tt := range []struct {
		name  string
		from  source
		fails bool // the fetch that is under way
		takes time.Duration
		want  error
	}{
		{"stranger", fromAnybody, false, 4 * time.Second, nil},
		{"answer", fromServer, false, 4 * time.Second, nil},
		{"stranger, it fails", fromAnybody, true, 2 * time.Second, ErrUnavailable},
		{"answer, it fails", fromServer, true, 4*time.Second + keyBackoff, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newJWKSServer("a")
				set := s.keySet(t, 0)
				jwksWant(t, s, set, "a", nil, 1)
				time.Sleep(keySoftAge)
				s.wait(2 * time.Second)
				if tt.fails {
					s.set(errJWKSDown)
				}
				jwksWant(t, s, set, "a", nil, 2) // starts a refresh
				s.set(nil, "a", "b")             // the server rotates
				start := time.Now()
				err := jwksFindFrom(context.Background(), set, tt.from, "b")
				if took := time.Since(start); !errors.Is(err, tt.want) || err == nil && tt.want != nil || took != tt.takes {
					t.Errorf("%v after %v, want %v after %v", err, took, tt.want, tt.takes)
				}
				time.Sleep(keyBackoff)
				s.wait(0)
				n := s.count()
				for i := range strangerKeyBurst - (n - 2) { // the refresh was free
					jwksWant(t, s, set, "x", ErrKeyNotFound, n+i+1)
				}
			})
		})
	}
}

// TestJWKSUnknownCallerLeaves: who does not wait for the answer does not fetch for free.
func TestJWKSUnknownCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		s.wait(time.Second)
		for range 10 {
			ctx, leave := context.WithTimeout(context.Background(), time.Millisecond)
			jwksFind(ctx, set, "x")
			leave()
			time.Sleep(time.Second)
		}
		if n := s.count(); n != 1+strangerKeyBurst {
			t.Errorf("%d fetches", n)
		}
	})
}

// TestJWKSUnknownWithoutKid: a token that names no key may be signed with a new one, and
// one whose key is in the set and cannot be used is not.
func TestJWKSUnknownWithoutKid(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header joseHeader
		fetch  bool
	}{
		{"no key fits", joseHeader{alg: ES256}, true},
		{"another kid", joseHeader{alg: ES256, kid: "x", hasKid: true}, true},
		{"empty kid", joseHeader{alg: ES256, hasKid: true}, true},
		{"a key of another algorithm", joseHeader{alg: ES256, kid: "a", hasKid: true}, false},
		{"a key that cannot be used", joseHeader{alg: ES256, kid: "bad", hasKid: true}, false},
		{"several keys fit", joseHeader{alg: Ed25519}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newJWKSServer("a")
				s.body = strings.Replace(jwksDocument("a", "b"), "[", `[{"kty":"EC","crv":"P-256","kid":"bad"},`, 1)
				set := s.keySet(t, 0)
				jwksWant(t, s, set, "a", nil, 1)
				for i := range 2 * strangerKeyBurst {
					want := ErrKeyNotFound
					if tt.fetch && i >= strangerKeyBurst {
						want = ErrUnavailable
					}
					key, err := set.find(context.Background(), findAlgorithm(tt.header.alg), &tt.header, fromAnybody)
					if !errors.Is(err, want) || key != nil {
						t.Errorf("%v, %v, want %v", key, err, want)
					}
				}
				if n := s.count() - 1; n > 0 != tt.fetch {
					t.Errorf("%d fetches", n)
				}
			})
		})
	}
}

// TestJWKSUnknownKidShared: many tokens with a new key wait for one fetch.
func TestJWKSUnknownKidShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		s.set(nil, "a", "b")
		s.wait(time.Second)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if err := jwksFind(context.Background(), set, "b"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := s.count(); n != 2 {
			t.Errorf("%d fetches", n)
		}
	})
}

// TestJWKSRotation: a new key is accepted with the first token that names it, also
// when the server changes its keys twice in a minute.
func TestJWKSRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		s.set(nil, "b")
		jwksWant(t, s, set, "b", nil, 2)
		jwksWant(t, s, set, "a", ErrKeyNotFound, 3)
		s.set(nil, "c")
		jwksWant(t, s, set, "c", nil, 4)
		jwksWant(t, s, set, "b", ErrUnavailable, 4)
		time.Sleep(strangerKeyInterval)
		jwksWant(t, s, set, "b", ErrKeyNotFound, 5)
	})
}

// TestJWKSUnknownAfterBackoff: a fetch for an unknown key id that was not
// started, because of a back-off, is not charged.
func TestJWKSUnknownAfterBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		jwksWant(t, s, set, "a", nil, 1)
		s.set(errJWKSDown)
		if err := set.Refresh(context.Background()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Refresh: %v", err)
		}
		for range 2 * strangerKeyBurst {
			jwksWant(t, s, set, "b", ErrUnavailable, 2)
		}
		s.set(nil, "b")
		time.Sleep(keyBackoff)
		jwksWant(t, s, set, "b", nil, 3)
	})
}

// TestJWKSUnknownMeanwhile: a token whose key came into the set between the
// look-up and the question whether to fetch must not be refused.
func TestJWKSUnknownMeanwhile(t *testing.T) {
	s := newJWKSServer("a")
	set := s.keySet(t, 0)
	if err := jwksFind(context.Background(), set, "a"); err != nil {
		t.Fatal(err)
	}
	next, err := parseKeySet(jwksDocument("b"))
	if err != nil {
		t.Fatal(err)
	}
	set.mu.Lock() // holds the other goroutine up where it asks
	result := make(chan error)
	go func() { result <- jwksFind(context.Background(), set, "b") }()
	stack := make([]byte, 1<<20)
	for deadline := time.Now().Add(5 * time.Second); ; {
		if bytes.Contains(stack[:runtime.Stack(stack, true)], []byte("KeySet).newer")) || time.Now().After(deadline) {
			break
		}
		runtime.Gosched()
	}
	// As a fetch for another token does when it ends well.
	set.current.Store(next)
	set.mu.Unlock()
	if err := <-result; err != nil {
		t.Errorf("the key is in the set: %v", err)
	}
}

// TestJWKSBadSignature: a signature that does not verify says nothing about
// the key set.
func TestJWKSBadSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		forged, err := NewSigningKey(jwksKey("forger").signer, Ed25519, "a")
		if err != nil {
			t.Fatal(err)
		}
		bad, _ := forged.SignJWT("JWT", map[string]any{})
		good, _ := jwksKey("a").SignJWT("JWT", map[string]any{})
		rules := &jwsRules{allowed: []Algorithm{Ed25519}, typ: idTokenType, what: "a token"}
		if _, err := verifyJWS(context.Background(), good, set, fromAnybody, rules); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := verifyJWS(context.Background(), bad, set, fromAnybody, rules); !errors.Is(err, ErrSignature) {
				t.Errorf("error %v, want ErrSignature", err)
			}
			time.Sleep(time.Second)
		}
		if n := s.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
		// Nor does a token whose algorithm is not one of those allowed, or
		// another than that of the key.
		other := &jwsRules{allowed: []Algorithm{ES256}, typ: idTokenType, what: "a token"}
		if _, err := verifyJWS(context.Background(), good, set, fromAnybody, other); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("error %v, want ErrAlgorithm", err)
		}
		if _, err := set.find(context.Background(), findAlgorithm(ES256), &joseHeader{alg: ES256, kid: "a", hasKid: true}, fromAnybody); !errors.Is(
			err,
			ErrKeyNotFound,
		) {
			t.Errorf("error %v, want ErrKeyNotFound", err)
		}
		if n := s.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

// ---- waiting

// TestJWKSCallerLeaves: the caller who started the fetch may leave, and each
// waits as long as its own context lives.
func TestJWKSCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		s.wait(3 * time.Second)
		set := s.keySet(t, 0)
		start := time.Now()
		var wg sync.WaitGroup
		caller := func(ctx context.Context, want error, after time.Duration) {
			wg.Go(func() {
				err := jwksFind(ctx, set, "a")
				if !errors.Is(err, want) || err == nil && want != nil || time.Since(start) != after {
					t.Errorf("after %v: %v, want %v after %v", time.Since(start), err, want, after)
				}
				if want != nil && (errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInvalid)) {
					t.Errorf("the caller's own doing counts as %v", err)
				}
			})
			synctest.Wait()
		}
		first, leave := context.WithCancel(context.Background())
		second, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		caller(first, context.Canceled, time.Second)
		caller(second, context.DeadlineExceeded, 2*time.Second)
		caller(context.Background(), nil, 3*time.Second)
		time.Sleep(time.Second)
		leave()
		wg.Wait()
		if n := s.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

// TestJWKSEveryCallerLeaves: the fetch goes on, and the next has the keys.
func TestJWKSEveryCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		s.wait(3 * time.Second)
		set := s.keySet(t, 0)
		ctx, leave := context.WithTimeout(context.Background(), time.Second)
		defer leave()
		if err := jwksFind(ctx, set, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		jwksWant(t, s, set, "a", nil, 1)
	})
}

// TestJWKSTimeout: a server that never answers is given up after 10 seconds.
// That the bubble ends says that no goroutine is left.
func TestJWKSTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer("a")
		s.wait(-1)
		set := s.keySet(t, 0)
		start := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				err := jwksFind(context.Background(), set, "a")
				if !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrNetwork) || time.Since(start) != keyFetchTimeout {
					t.Errorf("after %v: %v", time.Since(start), err)
				}
			})
		}
		wg.Wait()
		if keyFetchTimeout != 10*time.Second || s.count() != 1 {
			t.Errorf("%d fetches of %v", s.count(), keyFetchTimeout)
		}
	})
}

// TestJWKSBackoff: while a server fails, requests to it become rare, and
// callers are told at once.
func TestJWKSBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJWKSServer()
		s.set(errJWKSDown)
		set := s.keySet(t, 0)
		start := time.Now()
		for time.Since(start) < 5*time.Minute {
			before := time.Now()
			if err := jwksFind(context.Background(), set, "a"); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errJWKSDown) || time.Now() != before {
				t.Fatalf("after %v: %v", time.Since(start), err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		var got []time.Duration
		for _, at := range s.fetches {
			got = append(got, at.Sub(start)/time.Second)
		}
		if want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 123, 183, 243}; !slices.Equal(got, want) {
			t.Errorf("fetches after %d seconds, want %d", got, want)
		}
		s.set(nil, "a")
		time.Sleep(maxKeyBackoff)
		jwksWant(t, s, set, "a", nil, len(got)+1)
		// After a success the first failure waits for a second again.
		s.set(errJWKSDown)
		time.Sleep(keySoftAge)
		n := s.count()
		jwksWant(t, s, set, "a", nil, n+1)
		time.Sleep(keyBackoff - 1)
		jwksWant(t, s, set, "a", nil, n+1)
		time.Sleep(time.Nanosecond)
		jwksWant(t, s, set, "a", nil, n+2)
	})
}

func TestJWKSRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s := newJWKSServer("a")
		set := s.keySet(t, 0)
		if err := set.Refresh(ctx); err != nil || s.count() != 1 {
			t.Errorf("the first: %v, %d fetches", err, s.count())
		}
		s.set(nil, "b")
		if err := set.Refresh(ctx); err != nil || s.count() != 2 {
			t.Errorf("the second: %v, %d fetches", err, s.count())
		}
		jwksWant(t, s, set, "b", nil, 2)
		s.set(errJWKSDown)
		for range 3 { // whoever asks for it is not held back
			if err := set.Refresh(ctx); !errors.Is(err, ErrUnavailable) {
				t.Errorf("while the server fails: %v", err)
			}
		}
		jwksWant(t, s, set, "b", nil, 5)
		s.set(nil, "a")
		s.wait(time.Second)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := set.Refresh(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s.count() != 6 {
			t.Errorf("%d fetches, want one for ten callers", s.count())
		}
		cancelled, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		if err := set.Refresh(cancelled); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnavailable) {
			t.Errorf("with a context that ends: %v", err)
		}
		time.Sleep(time.Second)
	})
}

// TestJWKSBadAnswers: a document that cannot be used replaces nothing.
func TestJWKSBadAnswers(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) *http.Response{
		"status":   func(r *http.Request) *http.Response { return httpAnswer(r, 500, jwksDocument("b")) },
		"redirect": func(r *http.Request) *http.Response { return httpAnswer(r, 302, jwksDocument("b"), "Location", "/b") },
		"error":    func(r *http.Request) *http.Response { return httpAnswer(r, 200, `{"error":"x"}`) },
		"web page": func(r *http.Request) *http.Response {
			return httpAnswer(r, 200, "<html>", "Content-Type", "text/html")
		},
		"no JSON":     func(r *http.Request) *http.Response { return httpAnswer(r, 200, `{"keys":`) },
		"no keys":     func(r *http.Request) *http.Response { return httpAnswer(r, 200, `{"keys":[]}`) },
		"null":        func(r *http.Request) *http.Response { return httpAnswer(r, 200, `{"keys":null}`) },
		"no member":   func(r *http.Request) *http.Response { return httpAnswer(r, 200, `{}`) },
		"no good key": func(r *http.Request) *http.Response { return httpAnswer(r, 200, `{"keys":[{"kty":"oct","k":"AA"}]}`) },
		"too many": func(r *http.Request) *http.Response {
			return httpAnswer(r, 200, `{"keys":[`+strings.Repeat(`{},`, maxKeys)+string(jwksKey("b").PublicJWK())+`]}`)
		},
		"too long": func(r *http.Request) *http.Response {
			return httpAnswer(r, 200, jwksDocument("b")+strings.Repeat(" ", maxBody))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := true
				set, err := NewKeySet(jwksURI, &KeySetOptions{HTTPClient: httpFunc(func(r *http.Request) (*http.Response, error) {
					if good {
						return httpAnswer(r, 200, jwksDocument("a")), nil
					}
					return answer(r), nil
				}).client()})
				if err != nil {
					t.Fatal(err)
				}
				ctx := context.Background()
				if err := jwksFind(ctx, set, "a"); err != nil {
					t.Fatal(err)
				}
				good = false
				if err := set.Refresh(ctx); !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrResponse) && !errors.Is(err, ErrRefused) {
					t.Errorf("error %v", err)
				}
				if err := jwksFind(ctx, set, "a"); err != nil {
					t.Errorf("the old keys are lost: %v", err)
				}
				if err := jwksFind(ctx, set, "b"); err == nil {
					t.Error("the new keys are used")
				}
			})
		})
	}
}

// ---- configuration

func TestJWKSOptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		uri  string
		opts *KeySetOptions
		want error
	}{
		{"no options", jwksURI, nil, nil},
		{"least age", jwksURI, &KeySetOptions{MaxAge: 5 * time.Minute}, nil},
		{"greatest age", jwksURI, &KeySetOptions{MaxAge: 24 * time.Hour}, nil},
		{"age too small", jwksURI, &KeySetOptions{MaxAge: 5*time.Minute - 1}, ErrConfig},
		{"age too large", jwksURI, &KeySetOptions{MaxAge: 24*time.Hour + 1}, ErrConfig},
		{"negative age", jwksURI, &KeySetOptions{MaxAge: -time.Hour}, ErrConfig},
		{"http", "http://op.example.com/jwks", nil, ErrInsecureURL},
		{"http, allowed", "http://op.example.com/jwks", &KeySetOptions{InsecureAllowHTTP: true}, nil},
		{"no URL", "", nil, ErrConfig},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := NewKeySet(tt.uri, tt.opts)
			if !errors.Is(err, tt.want) || (err == nil) != (set != nil) {
				t.Errorf("got %v, %v, want %v", set, err, tt.want)
			}
		})
	}
}

// TestJWKSParsed: the keys of a document never change, and nothing is fetched.
func TestJWKSParsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set, err := ParseKeySet([]byte(jwksDocument("a")))
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		for range 3 {
			if err := jwksFind(ctx, set, "a"); err != nil {
				t.Error(err)
			}
			if err := jwksFind(ctx, set, "x"); !errors.Is(err, ErrKeyNotFound) {
				t.Errorf("unknown: %v", err)
			}
			time.Sleep(48 * time.Hour)
		}
		if err := set.Refresh(ctx); !errors.Is(err, ErrConfig) {
			t.Errorf("Refresh: %v", err)
		}
		if data, err := set.Export(); err == nil {
			t.Errorf("Export: %s", data)
		}
	})
}

// TestJWKSMemory: neither the document nor a token is kept in memory for the
// sake of a few strings out of it.
func TestJWKSMemory(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	pad := strings.Repeat("x", 900<<10)
	jwk := strings.TrimSuffix(string(jwksKey("a").PublicJWK()), "}")
	document := fmt.Appendf(nil, `{"pad":%q,"keys":[%s,"key_ops":["verify"],"issuer":"i"},{"kty":"oct","kid":"skipped"}]}`, pad, jwk)
	before := heap()
	sets := make([]*KeySet, 20)
	for i := range sets {
		var err error
		if sets[i], err = ParseKeySet(slices.Clone(document)); err != nil {
			t.Fatal(err)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 4<<20 {
		t.Errorf("20 key sets keep %d bytes", grown)
	}

	rules := &jwsRules{allowed: []Algorithm{Ed25519}, typ: idTokenType, what: "a token"}
	claims, _ := json.Marshal(map[string]string{"pad": pad[:40<<10]})
	before = heap()
	for i := range maxMemo {
		header := fmt.Appendf(nil, `{"alg":"Ed25519","typ":"type%d","kid":"a"}`, i)
		token, err := jwksKey("a").signCompact(header, claims)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifyJWS(context.Background(), token, sets[0], fromAnybody, rules); err != nil {
			t.Fatal(err)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 4<<20 {
		t.Errorf("%d remembered headers keep %d bytes", maxMemo, grown)
	}
	runtime.KeepAlive(sets)
}

// TestJWKSSources: whether a token is an answer of the server or can come from anybody
// is said at each place where tokens are verified. Strangers have spent their budget,
// and the server has a new key.
func TestJWKSSources(t *testing.T) {
	redirect := "https://app.example/cb"
	for _, tt := range []struct {
		name string
		own  bool
		use  func(t *testing.T, s *unitServer, c *Client) error
	}{
		{"token response", true, func(t *testing.T, s *unitServer, c *Client) error {
			s.answer("/token", unitJSON(t, map[string]any{"access_token": "at", "token_type": "Bearer", "refresh_token": "rt", "id_token": s.sign(t, "JWT", unitClaims(nil))}))
			_, err := c.Refresh(context.Background(), &Token{RefreshToken: NewSecret("rt")}, nil)
			return err
		}},
		{"userinfo", true, func(t *testing.T, s *unitServer, c *Client) error {
			s.set("/userinfo", unitAnswer{mediaType: mediaJWT, body: s.sign(t, "JWT", unitClaims(nil))})
			_, err := c.UserInfo(context.Background(), &Token{AccessToken: NewSecret("at"), TokenType: "Bearer"}, &UserInfoOptions{Subject: "alice"})
			return err
		}},
		{"introspection", true, func(t *testing.T, s *unitServer, c *Client) error {
			s.set("/introspect", introspectionJWTAnswer(s.sign(t, "token-introspection+jwt", unitClaims(map[string]any{"token_introspection": map[string]any{"active": true}}))))
			_, err := c.Introspect(context.Background(), "opaque", nil)
			return err
		}},
		{"VerifyIDToken", false, func(t *testing.T, s *unitServer, c *Client) error {
			_, err := c.VerifyIDToken(context.Background(), s.sign(t, "JWT", unitClaims(nil)), VerifyIDTokenOptions{InsecureNoNonce: true})
			return err
		}},
		{"VerifyLogoutToken", false, func(t *testing.T, s *unitServer, c *Client) error {
			_, err := c.VerifyLogoutToken(context.Background(), s.sign(t, "logout+jwt", unitClaims(nil)))
			return err
		}},
		{"BackchannelLogoutHandler", false, func(t *testing.T, s *unitServer, c *Client) (err error) {
			h := c.BackchannelLogoutHandler(LogoutOptions{OnLogout: func(context.Context, *LogoutToken) error { return nil }, OnError: func(_ context.Context, e error) { err = e }})
			r := httptest.NewRequest("POST", "/logout", strings.NewReader("logout_token="+s.sign(t, "logout+jwt", unitClaims(nil))))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); !strings.Contains(w.Body.String(), "server_error") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			return err
		}},
		{"ID token in the callback", false, func(t *testing.T, s *unitServer, c *Client) error {
			a := s.start(t, c, &AuthorizationRequest{RedirectURI: redirect, Scope: []string{"openid"}, ResponseType: "id_token", ResponseMode: "form_post"})
			_, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"state": {a.State()}, "id_token": {s.sign(t, "JWT", unitClaims(nil))}})
			return err
		}},
		{"JWT response in the callback", false, func(t *testing.T, s *unitServer, c *Client) error {
			a := s.start(t, c, &AuthorizationRequest{RedirectURI: redirect, Scope: []string{"openid"}, ResponseMode: "jwt"})
			_, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"response": {s.sign(t, "JWT", unitClaims(nil))}})
			return err
		}},
		{"access token", false, func(t *testing.T, s *unitServer, c *Client) error {
			keys, err := c.keySet()
			if err != nil {
				t.Fatal(err)
			}
			rs := s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].KeySet = keys })
			r := bearer(s.accessToken(t, nil))
			w := httptest.NewRecorder()
			_, err = rs.Authenticate(r)
			if rs.WriteError(w, err); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			_, err = rs.Authenticate(r)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			c := s.client(t, func(c *Config) {
				c.Server.IntrospectionEndpoint = unitIssuer + "/introspect"
				c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256}
				c.Metadata.UserinfoSignedResponseAlg, c.Metadata.IntrospectionSignedResponseAlg = ES256, ES256
			})
			keys, err := c.keySet()
			if err != nil {
				t.Fatal(err)
			}
			for err == nil || errors.Is(err, ErrKeyNotFound) {
				_, err = keys.find(context.Background(), findAlgorithm(ES256), &joseHeader{alg: ES256, kid: "x", hasKid: true}, fromAnybody)
			}
			wantError(t, err, ErrUnavailable, "kid")
			n := len(s.requests("/jwks"))
			s.key = proofKeyOf(t, ES256)
			s.answer("/jwks", `{"keys":[`+string(s.key.PublicJWK())+`]}`)
			err = tt.use(t, s, c)
			if fetched := len(s.requests("/jwks")) > n; fetched != tt.own {
				t.Errorf("the keys are fetched: %v", fetched)
			}
			if tt.own {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, ErrUnavailable, "kid")
			if errors.Is(err, ErrInvalid) {
				t.Errorf("%v says that the token is bad", err)
			}
		})
	}
}

// TestJWKSEncryptionKey: a request object is encrypted to the first key that is for
// that and, if it names an algorithm, for this one.
func TestJWKSEncryptionKey(t *testing.T) {
	s := newUnitServer()
	x, err := newRequestEncryption("alg", "RSA-OAEP-256", "enc", "A128CBC-HS256")
	if err != nil {
		t.Fatal(err)
	}
	jwk := func(alg Algorithm, member, use string) string {
		b := minimalJWK(proofKeyOf(t, alg).signer.Public())
		return string(b[:len(b)-1]) + `,"kid":"first"` + member + use + `}`
	}
	second := strings.Replace(jwk(RS256, "", `,"use":"enc"`), "first", "second", 1)
	for _, tt := range []struct{ name, key, want string }{
		{"no algorithm", jwk(RS256, "", `,"use":"enc"`), "first"},
		{"this one", jwk(RS256, `,"alg":"RSA-OAEP-256"`, `,"use":"enc"`), "first"},
		{"another", jwk(RS256, `,"alg":"RSA-OAEP"`, `,"use":"enc"`), "second"},
		{"this one in lower case", jwk(RS256, `,"alg":"rsa-oaep-256"`, `,"use":"enc"`), "second"},
		{"of another type", jwk(ES256, `,"alg":"ECDH-ES"`, `,"use":"enc"`), "second"},
		{"for signatures", jwk(RS256, "", `,"use":"sig"`), "second"},
		{"for encryption in capitals", jwk(RS256, "", `,"use":"ENC"`), "second"},
		{"no use", jwk(RS256, "", ""), "second"},
	} {
		set, err := ParseKeySet([]byte(`{"keys":[` + tt.key + `,` + second + `,` + string(s.key.PublicJWK()) + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		if k, err := set.encryptionKey(context.Background(), x); err != nil || k.kid != tt.want {
			t.Errorf("%s: %v, %v, want %s", tt.name, k, err, tt.want)
		}
	}
	set, err := ParseKeySet([]byte(`{"keys":[` + string(s.key.PublicJWK()) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	k, err := set.encryptionKey(context.Background(), x)
	if wantError(t, err, ErrKeyNotFound, "jwks_uri"); k != nil {
		t.Error("a key beside an error")
	}
	down := newJWKSServer()
	down.set(errJWKSDown)
	k, err = down.keySet(t, 0).encryptionKey(context.Background(), x)
	if wantError(t, err, ErrUnavailable, "jwks_uri"); k != nil {
		t.Error("a key beside an error")
	}
}

func TestKeySetImportNil(t *testing.T) {
	data := `{"jwks_uri":"https://server.example/jwks","time":1,"keys":[]}`
	if err := (*KeySet)(nil).Import([]byte(data)); !errors.Is(err, ErrConfig) {
		t.Errorf("Import of a nil KeySet: %v, want ErrConfig", err)
	}
}
