package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/oauth/oauthtest"
)

// traceLog is a Trace that keeps what it is told.
type traceLog struct {
	mu       sync.Mutex
	requests []RequestInfo
	keySets  []KeySetInfo
	contexts []any // the values of traceKey
}

type traceKey struct{}

func (l *traceLog) trace() *Trace {
	return &Trace{
		RequestDone: func(ctx context.Context, info RequestInfo) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.requests = append(l.requests, info)
			l.contexts = append(l.contexts, ctx.Value(traceKey{}))
		},
		KeySetFetched: func(_ context.Context, info KeySetInfo) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.keySets = append(l.keySets, info)
		},
	}
}

func TestTraceRequest(t *testing.T) {
	down := errors.New("connection refused")
	for _, tt := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		status int
		kind   error
	}{
		{"good", func(r *http.Request) (*http.Response, error) { return httpAnswer(r, 200, "{}"), nil }, 200, nil},
		{"refused", func(r *http.Request) (*http.Response, error) { return httpAnswer(r, 400, `{"error":"x"}`), nil }, 400, nil},
		{"unreachable", func(*http.Request) (*http.Response, error) { return nil, down }, 0, ErrNetwork},
		{"too long", func(r *http.Request) (*http.Response, error) {
			return httpAnswer(r, 200, strings.Repeat("x", maxBody+1)), nil
		}, 0, ErrResponse},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := new(traceLog)
				c := newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
					time.Sleep(2 * time.Second)
					return tt.answer(r)
				}).client(), false, log.trace())
				r := httpGet("https://op.example.com:8443/to%20ken?code=MARKER")
				r.method = ""
				_, err := c.do(context.WithValue(context.Background(), traceKey{}, "value"), r)
				if len(log.requests) != 1 || log.contexts[0] != "value" {
					t.Fatalf("the hook is called with %v, contexts %v", log.requests, log.contexts)
				}
				info := log.requests[0]
				if info.Op != "test" || info.Method != "POST" || info.URL != "https://op.example.com:8443/to%20ken" || info.Status != tt.status ||
					info.Duration != 2*time.Second {
					t.Errorf("the hook gets %+v", info)
				}
				if !errors.Is(info.Err, tt.kind) || info.Err != err {
					t.Errorf("the hook gets the error %v, the caller %v", info.Err, err)
				}
			})
		})
	}
}

// TestTraceDuration: until the body was read.
func TestTraceDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(traceLog)
		c := newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
			res := httpAnswer(r, 200, "{}")
			res.Body = traceSlowBody{res.Body.Read}
			return res, nil
		}).client(), false, log.trace())
		if _, err := c.do(context.Background(), httpGet("https://op.example.com/")); err != nil {
			t.Fatal(err)
		}
		if d := log.requests[0].Duration; d < time.Second {
			t.Errorf("the duration is %v", d)
		}
		slow := httpFunc(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return httpAnswer(r, 200, ""), nil
		})
		res, err := c.send(slow, protectedRequest(t, "GET", unitAPI, nil), "test")
		if err != nil || log.requests[1].Duration != time.Second {
			t.Errorf("to a protected resource: %v, %v, %+v", res, err, log.requests)
		}
	})
}

type traceSlowBody struct{ read func([]byte) (int, error) }

func (b traceSlowBody) Read(p []byte) (int, error) { time.Sleep(time.Second); return b.read(p) }
func (traceSlowBody) Close() error                 { return nil }

// TestTraceNotRequested: where no request is made, none is done.
func TestTraceNotRequested(t *testing.T) {
	log := new(traceLog)
	c := newCaller(httpFunc(nil).client(), false, log.trace())
	if _, err := c.do(context.Background(), httpGet("http://op.example.com/")); !errors.Is(err, ErrInsecureURL) {
		t.Error(err)
	}
	if len(log.requests) != 0 {
		t.Errorf("the hook gets %+v", log.requests)
	}
}

// TestTraceNone: a Trace, or a hook of it, that is nil.
func TestTraceNone(t *testing.T) {
	for _, trace := range []*Trace{nil, {}} {
		set, err := NewKeySet(jwksURI, &KeySetOptions{HTTPClient: &http.Client{Transport: newJWKSServer("a")}, Trace: trace})
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Refresh(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func TestTraceKeySet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(traceLog)
		s := newJWKSServer("a", "b")
		s.body = strings.Replace(s.body, "]}", `,{"kty":"oct","kid":"c"}]}`, 1)
		set, err := NewKeySet(jwksURI+"?policy=MARKER", &KeySetOptions{HTTPClient: &http.Client{Transport: s}, Trace: log.trace()})
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.WithValue(context.Background(), traceKey{}, "value")
		if err := set.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.set(errJWKSDown)
		if err := set.Refresh(ctx); err == nil {
			t.Fatal("no error")
		}
		synctest.Wait()
		if len(log.keySets) != 2 || len(log.requests) != 2 {
			t.Fatalf("the hooks get %+v, %+v", log.keySets, log.requests)
		}
		if i := log.keySets[0]; i.Keys != 2 || i.Skipped != 1 || i.Err != nil || !strings.HasPrefix(i.JWKSURI, jwksURI) {
			t.Errorf("after a good fetch: %+v", i)
		}
		if i := log.keySets[1]; i.Keys != 0 || i.Skipped != 0 || !errors.Is(i.Err, errJWKSDown) {
			t.Errorf("after a bad fetch: %+v", i)
		}
		if i := log.requests[0]; i.Op != "key set" || i.Method != "GET" || i.URL != jwksURI || i.Status != 200 || log.contexts[0] != "value" {
			t.Errorf("the request: %+v in the context of %v", i, log.contexts[0])
		}
	})
}

// TestTraceNoQuery: "no URL beyond scheme, host and path".
func TestTraceNoQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(traceLog)
		set, err := NewKeySet(jwksURI+"?policy=MARKER", &KeySetOptions{HTTPClient: &http.Client{Transport: newJWKSServer("a")}, Trace: log.trace()})
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if text := fmt.Sprintf("%+v %+v", log.requests, log.keySets); strings.Contains(text, "MARKER") || len(log.keySets) != 1 {
			t.Errorf("the hooks get %s", text)
		}
	})
}

// TestTraceLogin: what a whole login, and one that fails, tells the hooks.
func TestTraceLogin(t *testing.T) {
	srv, cfg := errorsServer(t, nil)
	for _, fault := range []oauthtest.Fault{"", oauthtest.WrongNonce, oauthtest.TokenErrorWith200, oauthtest.TokenHTML, oauthtest.JWKSFails} {
		if fault != "" {
			srv.Fault(fault)
		}
		log := new(traceLog)
		rec := &secretRecorder{base: srv.Client().Transport}
		rec.keep("the secret that both know")
		cfg.HTTPClient, cfg.Trace = &http.Client{Transport: rec}, log.trace()
		err := errorsLogin(srv, cfg)
		if (err == nil) != (fault == "") {
			t.Errorf("%s: %v", fault, err)
		}
		log.mu.Lock()
		var ops []string
		for _, info := range log.requests {
			ops = append(ops, info.Method+" "+info.Op)
		}
		text := fmt.Sprintf("%+v %+v", log.requests, log.keySets)
		log.mu.Unlock()
		slices.Sort(ops) // the keys may come first
		if !slices.Contains(ops, "POST token") || fault == "" && !slices.Equal(ops, []string{"GET key set", "POST token"}) {
			t.Errorf("%s: the hook gets %v", fault, ops)
		}
		if len(rec.kept) < 3 {
			t.Errorf("%s: only %d secrets are under way", fault, len(rec.kept))
		}
		for _, secret := range rec.kept {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the hooks get a secret: %s", fault, text)
			}
		}
	}
}

// What a hook of shared work does with the KeySet or the Transport that it hears of sees
// the new keys and the new token: it joins no flight, makes no request of its own, and is
// over before those who wait go on. They do not wait for one that takes over a second.
func TestTraceSharedHooks(t *testing.T) {
	for _, slow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newUnitServer()
			s.answer("/token", `{"access_token":"new","token_type":"Bearer","refresh_token":"rt-2"}`)
			idToken := s.sign(t, "JWT", unitClaims(map[string]any{"exp": time.Now().Unix() + 300, "iat": time.Now().Unix()}))
			var seen atomic.Value
			var calls atomic.Int32
			api := httpFunc(func(r *http.Request) (*http.Response, error) {
				seen.Store(r.Header.Get("Authorization"))
				return httpAnswer(r, 200, ""), nil
			})
			var c *Client
			var tr *Transport
			hook := func(call func() error) {
				calls.Add(1)
				if slow {
					time.Sleep(2 * hookTime)
				}
				if err := call(); err != nil {
					t.Errorf("slow %v: a call from the hook: %v", slow, err)
				}
			}
			verify := func(ctx context.Context) error {
				_, err := c.VerifyIDToken(ctx, idToken, VerifyIDTokenOptions{InsecureNoNonce: true})
				return err
			}
			use := func(ctx context.Context) error {
				_, err := tr.RoundTrip(protectedRequest(t, "GET", unitAPI, nil).WithContext(ctx))
				return err
			}
			c = s.client(t, func(cfg *Config) {
				cfg.Clock = Clock{Skew: time.Second} // of the bubble
				cfg.Trace = &Trace{
					KeySetFetched: func(ctx context.Context, _ KeySetInfo) { hook(func() error { return verify(ctx) }) },
					RequestDone: func(ctx context.Context, i RequestInfo) {
						if i.Op == opToken {
							hook(func() error { return use(ctx) })
						}
					},
				}
			})
			old := &Token{AccessToken: NewSecret("old"), RefreshToken: NewSecret("rt-1"), TokenType: "Bearer", Expiry: time.Now().Add(-time.Minute)}
			tr = newTransportOf(t, c, old, TransportOptions{Base: api})
			for _, step := range []struct {
				name string
				call func(context.Context) error
			}{{"/jwks", verify}, {"/token", use}} {
				name, start, before := step.name, time.Now(), calls.Load()
				if err := step.call(context.Background()); err != nil {
					t.Fatal(err)
				}
				took := time.Since(start)
				if want := map[bool]time.Duration{true: hookTime}[slow]; took != want || calls.Load() != before+1 {
					t.Errorf("%s, slow %v: it takes %v, %d calls of the hook", name, slow, took, calls.Load()-before)
				}
				time.Sleep(3 * hookTime) // until the slow hook has ended
				if n := len(s.requests(name)); n != 1 {
					t.Errorf("%s, slow %v: %d requests", name, slow, n)
				}
			}
			if got := seen.Load(); got != "Bearer new" {
				t.Errorf("the API got %q", got)
			}
		})
	}
}
