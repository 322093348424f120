package oauth

// Tests of how a Transport renews its token, in a bubble of time against a
// server that rotates refresh tokens and takes one that comes twice for stolen.

import (
	"context"
	"crypto/fips140"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// renewalServer is an authorization server and, at unitAPI, a resource.
type renewalServer struct {
	typ      string // of access tokens
	lifetime time.Duration
	latency  time.Duration // of the token endpoint, after it rotated
	token    func(r *http.Request) (*http.Response, error)
	resource func(r *http.Request, body string) *http.Response
	keys     func(r *http.Request) (*http.Response, error) // answers /jwks
	change   func(answer map[string]any)                   // of the token endpoint

	mu       sync.Mutex
	rotation int // of the refresh token: "refresh-N"
	stolen   bool
	attempts []time.Duration // when the token endpoint was asked
	start    time.Time
	expiry   map[string]time.Time // of the access tokens: "access-N"
	used     []string             // access tokens, in the order of requests
}

func newRenewalServer(lifetime time.Duration) *renewalServer {
	s := &renewalServer{typ: "Bearer", lifetime: lifetime, start: time.Now(), expiry: map[string]time.Time{}}
	s.issue()
	return s
}

func (s *renewalServer) issue() string {
	access := fmt.Sprintf("access-%d", s.rotation)
	s.expiry[access] = time.Now().Add(s.lifetime)
	answer := map[string]any{
		"access_token":  access,
		"token_type":    s.typ,
		"expires_in":    int(s.lifetime.Seconds()),
		"refresh_token": fmt.Sprintf("refresh-%d", s.rotation),
	}
	if s.change != nil {
		s.change(answer)
	}
	text, _ := json.Marshal(answer)
	return string(text)
}

// first is the token of the login.
func (s *renewalServer) first() *Token {
	tok := protectedToken("Bearer")
	tok.AccessToken, tok.RefreshToken, tok.Expiry = NewSecret("access-0"), NewSecret("refresh-0"), s.expiry["access-0"]
	return tok
}

func (s *renewalServer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body string
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		body = string(b)
	}
	if r.URL.Host == "api.example" {
		return s.serveResource(r, body), nil
	}
	if s.keys != nil && r.URL.Path == "/jwks" {
		return s.keys(r)
	}
	answer, err := s.serveToken(r, body)
	select {
	case <-time.After(s.latency):
		return answer, err
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func (s *renewalServer) serveToken(r *http.Request, body string) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock() // also after a panic: a bubble does not count who waits for it
	s.attempts = append(s.attempts, time.Since(s.start))
	if s.token != nil {
		if answer, err := s.token(r); answer != nil || err != nil {
			return answer, err
		}
	}
	form, _ := url.ParseQuery(body)
	if s.stolen || form.Get("refresh_token") != fmt.Sprintf("refresh-%d", s.rotation) {
		s.stolen = true
		return httpAnswer(r, 400, `{"error":"invalid_grant"}`), nil
	}
	s.rotation++
	return httpAnswer(r, 200, s.issue()), nil
}

func (s *renewalServer) serveResource(r *http.Request, body string) *http.Response {
	_, access, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = append(s.used, access)
	if s.resource != nil {
		if res := s.resource(r, body); res != nil {
			return res
		}
	}
	if !time.Now().Before(s.expiry[access]) {
		return httpAnswer(r, 401, "", "WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	return httpAnswer(r, 200, body)
}

// renewal is a Transport in a bubble that began with the test.
type renewal struct {
	*renewalServer
	t  *testing.T
	tr *Transport
}

// inBubble runs f with a Transport. When f returns, no goroutine may be left.
func inBubble(t *testing.T, lifetime time.Duration, opts TransportOptions, f func(*renewal)) {
	t.Helper()
	unitKey()
	synctest.Test(t, func(t *testing.T) {
		s := newRenewalServer(lifetime)
		c := newUnitServer().client(t, func(cfg *Config) {
			cfg.Clock, cfg.HTTPClient = Clock{}, &http.Client{Transport: s}
		})
		f(&renewal{s, t, newTransportOf(t, c, s.first(), opts)})
		if s.stolen {
			t.Error("a refresh token came twice")
		}
	})
}

// get is the answer's status; 0 with an error.
func (r *renewal) get() (int, error) {
	res, err := r.tr.RoundTrip(protectedRequest(r.t, "GET", unitAPI, nil))
	if err != nil {
		return 0, err
	}
	res.Body.Close()
	return res.StatusCode, nil
}

func (r *renewal) wantOK(access string) {
	r.t.Helper()
	if status, err := r.get(); status != 200 || r.used[len(r.used)-1] != access {
		r.t.Fatalf("after %v: status %d, %v, with %q, want %s", time.Since(r.start), status, err, r.used, access)
	}
}

// wantAttempts are the seconds after the start at which a renewal was asked for.
func (r *renewal) wantAttempts(seconds ...int) {
	r.t.Helper()
	var got []int
	for _, at := range r.attempts {
		got = append(got, int(at.Seconds()))
	}
	if !slices.Equal(got, seconds) {
		r.t.Errorf("renewals after %v seconds, want %v", got, seconds)
	}
}

func TestTransportEarlyRefresh(t *testing.T) {
	inBubble(t, time.Minute, TransportOptions{}, func(r *renewal) {
		r.latency = 2 * time.Second
		time.Sleep(30*time.Second - time.Nanosecond)
		r.wantOK("access-0")
		time.Sleep(time.Nanosecond)
		var wg sync.WaitGroup
		var good atomic.Int32
		for range 200 {
			wg.Go(func() {
				if status, _ := r.get(); status == 200 {
					good.Add(1)
				}
			})
		}
		wg.Wait()
		for _, access := range r.used[1:] {
			if access != "access-1" {
				t.Fatalf("%s was used after the renewal began", access)
			}
		}
		if good.Load() != 200 || len(r.used) != 201 {
			t.Errorf("%d of 200 requests are good, %d were sent", good.Load(), len(r.used)-1)
		}
		r.wantAttempts(30)
	})
}

// TestTransportShortLife: a token that lives for less than 30 seconds is not
// renewed for each request.
func TestTransportShortLife(t *testing.T) {
	for _, tt := range []struct {
		lifetime time.Duration
		attempts []int
	}{
		{10 * time.Second, []int{0, 5, 10, 15, 20, 25, 30}},
		{40 * time.Second, []int{10, 30}}, // the first is given, of the next half the life is 20 s
		{70 * time.Second, nil},
	} {
		inBubble(t, tt.lifetime, TransportOptions{}, func(r *renewal) {
			for range 305 {
				if status, err := r.get(); status != 200 {
					t.Fatal(status, err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			r.wantAttempts(tt.attempts...)
		})
	}
	// One that is dead on arrival is renewed each time, and still used.
	inBubble(t, 0, TransportOptions{}, func(r *renewal) {
		r.resource = func(req *http.Request, body string) *http.Response { return httpAnswer(req, 200, body) }
		r.wantOK("access-1")
		r.wantOK("access-2")
	})
}

func TestTransportUnknownExpiry(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		tok := r.first()
		tok.Expiry = time.Time{}
		r.tr = newTransportOf(t, r.tr.c, tok, TransportOptions{})
		r.wantOK("access-0")
		time.Sleep(time.Hour)
		r.wantOK("access-1")
		r.wantAttempts(3600)
	})
	// Without a refresh token and Renew the resource says what it thinks.
	inBubble(t, time.Minute, TransportOptions{}, func(r *renewal) {
		tok := r.first()
		tok.RefreshToken = Secret{}
		r.tr = newTransportOf(t, r.tr.c, tok, TransportOptions{})
		time.Sleep(59 * time.Second)
		r.wantOK("access-0")
		time.Sleep(time.Second)
		if status, err := r.get(); status != 401 || err != nil || len(r.used) != 2 {
			t.Errorf("status %d, %v, %d requests", status, err, len(r.used))
		}
		if r.tr.failures != 0 {
			t.Error("a renewal that there is no way for was begun")
		}
		r.wantAttempts()
	})
}

// TestTransportRejected: a resource says that the token is invalid.
func TestTransportRejected(t *testing.T) {
	const invalid = `Bearer error="invalid_token"`
	for _, tt := range []struct {
		name       string
		status     int
		challenges []string
		body       io.Reader
		noGetBody  bool
		renewed    bool
		status2    int // of the answer; 0: 200
	}{
		{name: "without body", status: 401, challenges: []string{invalid}, renewed: true},
		{name: "body", status: 401, challenges: []string{invalid}, body: strings.NewReader("the whole body"), renewed: true},
		{name: "NoBody", status: 401, challenges: []string{invalid}, body: http.NoBody, noGetBody: true, renewed: true},
		{name: "among others", status: 401, challenges: []string{`Basic realm="a", ` + invalid, `DPoP error="x"`}, renewed: true},
		{name: "after one without error", status: 401, challenges: []string{`Bearer realm="a"`, invalid}, renewed: true},
		{name: "body that cannot be sent again", status: 401, challenges: []string{invalid}, body: strings.NewReader("the whole body"), noGetBody: true, status2: 401},
		{name: "another error", status: 401, challenges: []string{`Bearer error="insufficient_user_authentication"`}, status2: 401},
		{name: "an error in other letters", status: 401, challenges: []string{`Bearer error="Invalid_Token"`}, status2: 401},
		{name: "no error", status: 401, challenges: []string{`Bearer`}, status2: 401},
		{name: "another scheme", status: 401, challenges: []string{`DPoP error="invalid_token"`}, status2: 401},
		{name: "the first error of the scheme", status: 401, challenges: []string{`Bearer error="x"`, invalid}, status2: 401},
		{name: "no challenge", status: 401, status2: 401},
		{name: "another status", status: 403, challenges: []string{invalid}, status2: 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
				var bodies []string
				r.resource = func(req *http.Request, body string) *http.Response {
					if bodies = append(bodies, body); len(bodies) > 1 {
						return nil
					}
					res := httpAnswer(req, tt.status, "no")
					res.Header["Www-Authenticate"] = tt.challenges
					return res
				}
				req := protectedRequest(t, "POST", unitAPI, tt.body)
				if tt.noGetBody {
					req.GetBody = nil
				}
				res, err := r.tr.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				answer, _ := io.ReadAll(res.Body)
				want := tt.status2
				if want == 0 {
					want = 200
				}
				if res.StatusCode != want || len(r.attempts) != map[bool]int{true: 1}[tt.renewed] {
					t.Errorf("status %d, want %d; %d renewals", res.StatusCode, want, len(r.attempts))
				}
				if want != 200 && string(answer) != "no" {
					t.Errorf("the answer is %q", answer)
				}
				if tt.renewed && (len(bodies) != 2 || bodies[0] != bodies[1] || !slices.Equal(r.used, []string{"access-0", "access-1"})) {
					t.Errorf("bodies %q, tokens %q", bodies, r.used)
				}
				if tt.noGetBody && !tt.renewed {
					r.wantOK("access-1") // now it is renewed
				}
			})
		})
	}
}

// TestTransportRejectedDPoP: a token that is bound to a key was sent under the scheme
// DPoP, and is refused under it, whatever else the resource offers.
func TestTransportRejectedDPoP(t *testing.T) {
	d := unitDPoP(t)
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		c := newUnitServer().client(t, func(cfg *Config) {
			cfg.Clock, cfg.HTTPClient, cfg.DPoP = Clock{}, &http.Client{Transport: r.renewalServer}, d
		})
		r.typ = "DPoP"
		tok := r.first()
		tok.TokenType, tok.jkt = "DPoP", d.Thumbprint()
		r.tr = newTransportOf(t, c, tok, TransportOptions{})
		challenge := `Bearer error="invalid_token"`
		r.resource = func(req *http.Request, _ string) *http.Response {
			if len(r.used) > 2 {
				return nil
			}
			return httpAnswer(req, 401, "", "WWW-Authenticate", challenge)
		}
		if status, err := r.get(); status != 401 || err != nil || len(r.attempts) != 0 {
			t.Errorf("status %d, %v, %d renewals", status, err, len(r.attempts))
		}
		challenge = `DPoP error="invalid_token"`
		r.wantOK("access-1")
	})
}

// TestTransportRejectedThenDown: the second attempt reaches nobody.
func TestTransportRejectedThenDown(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		calls := 0
		r.tr.base = httpFunc(func(req *http.Request) (*http.Response, error) {
			if calls++; calls == 1 {
				return httpAnswer(req, 401, "", "WWW-Authenticate", `Bearer error="invalid_token"`), nil
			}
			return nil, errors.New("no route")
		})
		_, err := r.get()
		if wantError(t, err, ErrNetwork, ""); calls != 2 || len(r.attempts) != 1 {
			t.Errorf("%d requests, %d renewals", calls, len(r.attempts))
		}
	})
}

// TestTransportRejectedTwice: one more try, then the answer is handed back.
func TestTransportRejectedTwice(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		r.resource = func(req *http.Request, _ string) *http.Response {
			return httpAnswer(req, 401, "", "WWW-Authenticate", `Bearer error="invalid_token"`)
		}
		if status, err := r.get(); status != 401 || err != nil || len(r.attempts) != 1 || len(r.used) != 2 {
			t.Errorf("status %d, %v, %d renewals, tokens %q", status, err, len(r.attempts), r.used)
		}
		// The new one is refused, too: there is nothing to be sent again.
		if status, err := r.get(); status != 401 || err != nil || len(r.attempts) != 1 || len(r.used) != 3 {
			t.Errorf("then status %d, %v, %d renewals, tokens %q", status, err, len(r.attempts), r.used)
		}
		// After a while one more try may help.
		for i, wait := range []time.Duration{maxRefreshBackoff - 1, 1} {
			time.Sleep(wait)
			if status, err := r.get(); status != 401 || err != nil || len(r.attempts) != 1+i {
				t.Errorf("%v later status %d, %v, %d renewals", wait, status, err, len(r.attempts))
			}
		}
	})
}

// TestTransportRejectedBody: the answer that is not handed back is closed.
func TestTransportRejectedBody(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		body := &closeCounter{Reader: strings.NewReader("no")}
		r.resource = func(req *http.Request, _ string) *http.Response {
			if len(r.used) > 1 {
				return nil
			}
			res := httpAnswer(req, 401, "", "WWW-Authenticate", `Bearer error="invalid_token"`)
			res.Body = body
			return res
		}
		if r.wantOK("access-1"); body.closed == 0 {
			t.Error("the first answer is left open")
		}
	})
}

// TestTransportRefusesBeforeRenewing: of a request that cannot be sent nothing comes,
// not even a new token.
func TestTransportRefusesBeforeRenewing(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		time.Sleep(2 * time.Hour)
		body := &closeCounter{Reader: strings.NewReader("x")}
		req := protectedRequest(t, "POST", unitAPI, body)
		req.Header.Set("Authorization", "Basic x")
		_, err := r.tr.RoundTrip(req)
		if wantError(t, err, ErrConfig, "Authorization"); len(r.attempts) != 0 || body.closed == 0 {
			t.Errorf("%d renewals, the body was closed %d times", len(r.attempts), body.closed)
		}
	})
}

// TestTransportRejectedLate: refused was the token before, and there is another
// by then.
func TestTransportRejectedLate(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		old, err := r.tr.current(context.Background(), unitAPI)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // requests that were sent together
			if !r.tr.reject(old.AccessToken.Reveal(), unitAPI) {
				t.Error("one of them waits for no other token")
			}
		}
		r.wantOK("access-1")
		if !r.tr.reject(old.AccessToken.Reveal(), unitAPI) {
			t.Error("the token that replaced it is not tried")
		}
		r.wantOK("access-1")
		r.wantAttempts(0)
	})
}

// TestTransportRejectedBodyFails: GetBody of the second attempt.
func TestTransportRejectedBodyFails(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		clear(r.expiry)
		req := protectedRequest(t, "POST", unitAPI, strings.NewReader("x"))
		cause := errors.New("the file is gone")
		req.GetBody = func() (io.ReadCloser, error) { return nil, cause }
		_, err := r.tr.RoundTrip(req)
		if wantError(t, err, ErrConfig, "GetBody"); !errors.Is(err, cause) {
			t.Errorf("error %v", err)
		}
	})
}

// TestTransportCallerLeaves: a caller whose context ends returns at once, and
// the token that is on its way is not lost.
func TestTransportCallerLeaves(t *testing.T) {
	var stored []string
	hook := func(_ context.Context, tok *Token) error {
		stored = append(stored, tok.RefreshToken.Reveal())
		return nil
	}
	inBubble(t, 30*time.Second, TransportOptions{OnRefresh: hook}, func(r *renewal) {
		r.latency = 10 * time.Second
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		body := &closeCounter{Reader: strings.NewReader("x")}
		res, err := r.tr.RoundTrip(protectedRequest(t, "POST", unitAPI, body).WithContext(ctx))
		if res != nil || !errors.Is(err, context.DeadlineExceeded) || time.Since(r.start) != time.Second || body.closed == 0 {
			t.Errorf("error %v after %v, the body closed %d times", err, time.Since(r.start), body.closed)
		}
		if r.wantOK("access-1"); time.Since(r.start) != 10*time.Second || !slices.Equal(stored, []string{"refresh-1"}) {
			t.Errorf("after %v, stored %q", time.Since(r.start), stored)
		}
		r.wantAttempts(0)
	})
}

// TestTransportNobodyWaits: a renewal that does not end is ended after 30
// seconds, in the request and in the hook.
func TestTransportNobodyWaits(t *testing.T) {
	hang := func(ctx context.Context, _ *Token) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for name, hook := range map[string]func(context.Context, *Token) error{"request": nil, "hook": hang} {
		inBubble(t, 30*time.Second, TransportOptions{OnRefresh: hook}, func(r *renewal) {
			if hook == nil {
				r.latency = time.Hour
				r.tr.c.caller.client.Timeout = 0
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, err := r.tr.RoundTrip(protectedRequest(t, "GET", unitAPI, nil).WithContext(ctx))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: error %v", name, err)
			}
			time.Sleep(29*time.Second + 1)
			synctest.Wait()
			if r.tr.mu.Lock(); r.tr.flight != nil {
				t.Errorf("%s: the renewal goes on after %v", name, time.Since(r.start))
			}
			r.tr.mu.Unlock()
			r.stolen = false
		})
	}
}

// TestTransportBackoff: the renewal fails while the old token is good.
func TestTransportBackoff(t *testing.T) {
	inBubble(t, 5*time.Minute, TransportOptions{}, func(r *renewal) {
		r.token = func(req *http.Request) (*http.Response, error) { return httpAnswer(req, 503, "later"), nil }
		time.Sleep(270 * time.Second)
		for range 300 {
			r.wantOK("access-0")
			time.Sleep(100 * time.Millisecond)
		}
		r.wantAttempts(270, 271, 273, 277, 285)
		if r.attempts[1] != 271*time.Second {
			t.Errorf("the second is after %v", r.attempts[1])
		}
		var refused *ResponseError
		if _, err := r.get(); !errors.As(err, &refused) || refused.StatusCode != 503 {
			t.Errorf("error %v", err)
		}
		r.wantAttempts(270, 271, 273, 277, 285) // expired, and none to be had: at once
		for range 1200 {
			time.Sleep(100 * time.Millisecond)
			if _, err := r.get(); !errors.As(err, &refused) {
				t.Fatal(err)
			}
		}
		r.wantAttempts(270, 271, 273, 277, 285, 301, 331, 361, 391) // at most every 30 s
		r.token = nil
		time.Sleep(time.Minute)
		r.wantOK("access-1")
		if r.tr.lastErr != nil || r.tr.failures != 0 {
			t.Error("the failures are remembered")
		}
	})
}

func TestTransportInvalidGrant(t *testing.T) {
	inBubble(t, time.Minute, TransportOptions{}, func(r *renewal) {
		r.token = func(req *http.Request) (*http.Response, error) {
			return httpAnswer(req, 400, `{"error":"invalid_grant"}`), nil
		}
		time.Sleep(30 * time.Second)
		for range 30 {
			r.wantOK("access-0")
			time.Sleep(time.Second)
		}
		for range 10 {
			var refused *ResponseError
			if _, err := r.get(); !errors.As(err, &refused) || refused.Code != "invalid_grant" || errors.Is(err, ErrConfig) {
				t.Errorf("error %v", err)
			}
			time.Sleep(time.Hour)
		}
		if len(r.used) != 30 {
			t.Errorf("%d requests", len(r.used))
		}
		r.wantAttempts(30)
	})
}

// TestTransportNetwork: a renewal that does not reach the server.
func TestTransportNetwork(t *testing.T) {
	inBubble(t, 30*time.Second, TransportOptions{}, func(r *renewal) {
		cause := errors.New("no route")
		r.token = func(*http.Request) (*http.Response, error) { return nil, cause }
		r.wantOK("access-0")
		time.Sleep(30 * time.Second)
		_, err := r.get()
		if wantError(t, err, ErrNetwork, ""); !errors.Is(err, cause) {
			t.Errorf("error %v", err)
		}
		r.wantAttempts(0, 30)
	})
}

// TestTransportStress: many callers, several expiries, latency; no request is
// lost, and no refresh token comes twice.
func TestTransportStress(t *testing.T) {
	if fips140.Enabled() {
		// crypto/rand starts a generator for each goroutine that needs one at the
		// same time, from the jitter of the clock; a bubble's stands still, and Go
		// panics ("failed to obtain initial entropy").
		t.Skip("the FIPS 140-3 module cannot gather entropy for 200 goroutines in a synctest bubble")
	}
	d := unitDPoP(t)
	var stored []string
	hook := func(_ context.Context, tok *Token) error {
		stored = append(stored, tok.RefreshToken.Reveal())
		return nil
	}
	inBubble(t, 90*time.Second, TransportOptions{}, func(r *renewal) {
		c := newUnitServer().client(t, func(cfg *Config) {
			cfg.Clock, cfg.HTTPClient, cfg.DPoP = Clock{}, &http.Client{Transport: r.renewalServer}, d
		})
		r.typ = "DPoP"
		tok := r.first()
		tok.TokenType, tok.jkt = "DPoP", d.Thumbprint()
		r.tr = newTransportOf(t, c, tok, TransportOptions{OnRefresh: hook})
		// Both servers want a nonce that changes every 25 seconds.
		nonce := func(req *http.Request, challenge bool) *http.Response {
			want := "nonce-" + req.URL.Host + "-" + strconv.Itoa(int(time.Since(r.start)/(25*time.Second)))
			if openProof(t, req.Header).claims["nonce"] == any(want) {
				return nil
			}
			if challenge {
				return httpAnswer(req, 401, "", "DPoP-Nonce", want, "WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
			}
			return httpAnswer(req, 400, `{"error":"use_dpop_nonce"}`, "DPoP-Nonce", want)
		}
		refused := 0
		r.token = func(req *http.Request) (*http.Response, error) {
			res := nonce(req, false)
			if res != nil {
				refused++
			}
			return res, nil
		}
		r.resource = func(req *http.Request, _ string) *http.Response { return nonce(req, true) }
		r.latency = 3 * time.Second
		callers, rounds := 200, 8
		if testing.Short() {
			callers = 20
		}
		var wg sync.WaitGroup
		var good atomic.Int32
		for i := range callers {
			wg.Go(func() {
				for range rounds {
					time.Sleep(time.Duration(20+i%7) * time.Second)
					if status, err := r.get(); status != 200 {
						t.Errorf("after %v: status %d, %v", time.Since(r.start), status, err)
						return
					}
					good.Add(1)
				}
			})
		}
		wg.Wait()
		if int(good.Load()) != callers*rounds {
			t.Errorf("%d of %d requests are good", good.Load(), callers*rounds)
		}
		// 208 s at most: expiries at 90, then 60 s (and the latency) later each.
		if n := len(r.attempts) - refused; n != r.rotation || n != 3 || len(stored) != n || stored[n-1] != fmt.Sprintf("refresh-%d", n) {
			t.Errorf("%d renewals, %d rotations, stored %q", n, r.rotation, stored)
		}
	})
}

// TestTransportRefusedByOne: that one origin refuses the token takes it from no other,
// while there can be no newer one.
func TestTransportRefusedByOne(t *testing.T) {
	const other = "https://other.example"
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		r.token = func(req *http.Request) (*http.Response, error) { return httpAnswer(req, 503, ""), nil }
		refusing := httpFunc(func(req *http.Request) (*http.Response, error) {
			if req.URL.Host == "other.example" {
				return httpAnswer(req, 401, "", "WWW-Authenticate", `Bearer error="invalid_token"`), nil
			}
			return r.renewalServer.RoundTrip(req)
		})
		r.tr = newTransportOf(t, r.tr.c, r.first(), TransportOptions{Origins: []string{unitAPI, other}, Base: refusing})
		get := func(url string) error {
			res, err := r.tr.RoundTrip(protectedRequest(t, "GET", url, nil))
			if err == nil && res.StatusCode != 200 {
				err = fmt.Errorf("status %d", res.StatusCode)
			}
			return err
		}
		var refused *ResponseError
		if err := get(other); !errors.As(err, &refused) || refused.StatusCode != 503 ||
			!strings.Contains(err.Error(), "the next try is at 2000-01-01T00:00:01Z or by Renew") {
			t.Errorf("error %v", err)
		}
		for range 100 { // until the token is to be renewed for all
			if err := get(unitAPI); err != nil {
				t.Fatalf("after %v: %v", time.Since(r.start), err)
			}
			time.Sleep(30 * time.Second)
		}
		r.wantAttempts(0)
		// Nor do they wait for a renewal that is for the other's sake.
		r.latency = 10 * time.Second
		go get(other)
		synctest.Wait()
		before := time.Now()
		if err := get(unitAPI); err != nil || time.Since(before) != 0 {
			t.Errorf("%v after %v", err, time.Since(before))
		}
		time.Sleep(time.Minute)
		// One token for both, when there is one again.
		r.token = nil
		if err := get(other); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("error %v", err)
		}
		r.wantOK(fmt.Sprintf("access-%d", r.rotation))
	})
}

// TestTransportClockExcursion: the wall clock was wrong while a token came, or monotonic
// time stands still while the machine sleeps. The resource does not say what is wrong
// with a token (RFC 6750 leaves that to it).
func TestTransportClockExcursion(t *testing.T) {
	for name, tt := range map[string]struct {
		came, later time.Duration // by how much the wall clock is off
		wait        time.Duration
	}{
		"a day ahead":  {24 * time.Hour, 0, time.Minute},
		"a day behind": {-24 * time.Hour, 0, time.Minute},
		"asleep":       {0, time.Hour, 0},
	} {
		inBubble(t, time.Minute, TransportOptions{}, func(r *renewal) {
			var off time.Duration
			c := newUnitServer().client(t, func(cfg *Config) {
				cfg.Clock = Clock{Now: func() time.Time { return time.Now().Add(off) }}
				cfg.HTTPClient = &http.Client{Transport: r.renewalServer}
			})
			r.resource = func(req *http.Request, _ string) *http.Response {
				_, access, _ := strings.Cut(req.Header.Get("Authorization"), " ")
				if !time.Now().Before(r.expiry[access]) {
					return httpAnswer(req, 401, "", "WWW-Authenticate", `Bearer realm="api"`)
				}
				return nil
			}
			r.tr = newTransportOf(t, c, r.first(), TransportOptions{})
			time.Sleep(time.Minute)
			off = tt.came
			r.get()
			off = tt.later
			for range 3 {
				before := len(r.attempts)
				time.Sleep(tt.wait)
				if status, err := r.get(); status != 200 || len(r.attempts) == before && tt.wait > 0 {
					t.Fatalf("%s: status %d, %v after %d renewals", name, status, err, len(r.attempts))
				}
			}
			if len(r.attempts) < 2 {
				t.Errorf("%s: the token is not renewed", name)
			}
		})
	}
}

// TestTransportRenewNow: Renew does not wait for anything but a renewal that is under
// way.
func TestTransportRenewNow(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		r.latency = time.Second
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := r.tr.Renew(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		r.wantAttempts(0)
		r.wantOK("access-1")
		r.latency = 0
		// A failure is told although the token is still good, and does not put it off.
		r.token = func(req *http.Request) (*http.Response, error) { return httpAnswer(req, 503, ""), nil }
		for range 2 {
			var refused *ResponseError
			if err := r.tr.Renew(context.Background()); !errors.As(err, &refused) || refused.StatusCode != 503 {
				t.Errorf("error %v", err)
			}
		}
		r.wantOK("access-1")
		r.token = nil
		if err := r.tr.Renew(context.Background()); err != nil {
			t.Error(err)
		}
		r.wantOK("access-2")
		// A caller leaves; the renewal goes on.
		r.latency = 10 * time.Second
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.tr.Renew(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		time.Sleep(10 * time.Second)
		r.wantOK("access-3")
		// The session is over: there is nothing to send.
		r.token = func(req *http.Request) (*http.Response, error) {
			return httpAnswer(req, 400, `{"error":"invalid_grant"}`), nil
		}
		for range 2 {
			var refused *ResponseError
			if err := r.tr.Renew(context.Background()); !errors.As(err, &refused) || refused.Code != "invalid_grant" {
				t.Errorf("error %v", err)
			}
		}
		r.wantAttempts(0, 1, 1, 1, 1, 12)
		tok := r.first()
		tok.RefreshToken = Secret{}
		wantError(t, newTransportOf(t, r.tr.c, tok, TransportOptions{}).Renew(context.Background()), ErrConfig, "Renew")
	})
	// One that only stores is no renewal, and is waited for.
	store := func(context.Context, *Token) error { time.Sleep(5 * time.Second); return nil }
	inBubble(t, time.Hour, TransportOptions{OnRefresh: store}, func(r *renewal) {
		r.tr.unsaved = true
		go r.get()
		synctest.Wait()
		if err := r.tr.Renew(context.Background()); err != nil {
			t.Error(err)
		}
		r.wantAttempts(5)
	})
}

// TestTransportWhoseInvalidGrant: the session is over when the token endpoint says so of
// the refresh token that the Transport holds. The same word from elsewhere says nothing.
func TestTransportWhoseInvalidGrant(t *testing.T) {
	refusal := &ResponseError{Op: opToken, StatusCode: 400, Code: "invalid_grant"}
	for _, tt := range []struct {
		name string
		opts TransportOptions
		auth error // of the client's authentication
		keys int   // status of the key set
		ends bool
	}{
		{name: "of the refresh token", ends: true},
		{name: "of a Renew of its own", opts: TransportOptions{Renew: func(context.Context, *Token) (*Token, error) { return nil, refusal }}},
		{name: "of the client authentication", auth: refusal},
		{name: "of the key set", keys: 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, time.Minute, TransportOptions{}, func(r *renewal) {
				r.keys = func(req *http.Request) (*http.Response, error) {
					if tt.keys != 0 {
						return httpAnswer(req, tt.keys, `{"error":"invalid_grant"}`), nil
					}
					return httpAnswer(req, 200, `{"keys":[`+string(unitKey().PublicJWK())+`]}`), nil
				}
				c := newUnitServer().client(t, func(cfg *Config) {
					cfg.Clock, cfg.HTTPClient = Clock{}, &http.Client{Transport: r.renewalServer}
					if tt.auth != nil {
						cfg.Auth = authFunc(func(context.Context, *ClientAuthRequest) error { return tt.auth })
					}
				})
				if tt.ends {
					r.token = func(req *http.Request) (*http.Response, error) {
						return httpAnswer(req, 400, `{"error":"invalid_grant"}`), nil
					}
				}
				first := r.first()
				first.login = &identity{issuer: unitIssuer, subject: "alice"}
				r.tr = newTransportOf(t, c, first, tt.opts)
				time.Sleep(time.Minute)
				var refused *ResponseError
				if _, err := r.get(); !errors.As(err, &refused) || (refused.Code == "invalid_grant") != (tt.keys == 0) || r.tr.ended != tt.ends { // no code of OAuth is in an answer without keys
					t.Errorf("error %v, ended %v", err, r.tr.ended)
				}
				if got := strings.Contains(r.tr.lastErr.Error(), "has to log in again"); got != tt.ends {
					t.Errorf("the error is %v", r.tr.lastErr)
				}
			})
		})
	}
}

// A renewal that failed after the server had rotated the refresh token leaves the
// access token as it was: an origin that refuses it then refuses what there is.
func TestTransportRejectedAfterRotation(t *testing.T) {
	old := &Token{AccessToken: NewSecret("access"), RefreshToken: NewSecret("first")}
	tr := &Transport{keptToken: keptToken{token: old, refusedAt: map[string]time.Time{}}}
	tr.rotated(NewSecret("first"), NewSecret("second"))
	tr.reject(old.AccessToken.Reveal(), "https://api.example")
	if len(tr.refusedBy) != 1 {
		t.Error("the refusal was taken for one of an access token that is gone")
	}
}

// TestTransportStoreOutlives: a hook that outlives its context each time is offered the
// Token once more by itself, and then at the next request, not for ever.
func TestTransportStoreOutlives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		c := s.client(t, func(c *Config) { c.Clock, c.Server.JWKSURI = Clock{}, "" })
		s.answer("/token", `{"access_token":"new","token_type":"Bearer","expires_in":360000,"refresh_token":"rt-2"}`)
		var calls atomic.Int32
		var quick atomic.Bool
		tr := newTransportOf(
			t,
			c,
			&Token{AccessToken: NewSecret("old"), RefreshToken: NewSecret("rt-1"), TokenType: "Bearer", Expiry: time.Now().Add(-time.Hour)},
			TransportOptions{
				OnRefresh: func(context.Context, *Token) error {
					if calls.Add(1); !quick.Load() {
						time.Sleep(2 * refreshTimeout)
						return errors.New("the database is away")
					}
					return nil
				},
			},
		)
		if _, err := tr.RoundTrip(protectedRequest(t, "GET", unitAPI, nil)); err == nil {
			t.Error("the token was used before it was stored")
		}
		time.Sleep(24 * time.Hour)
		if n := calls.Load(); n != 2 {
			t.Errorf("the hook was called %d times", n)
		}
		quick.Store(true)
		if _, err := tr.RoundTrip(protectedRequest(t, "GET", unitAPI, nil)); err != nil || calls.Load() != 3 {
			t.Errorf("%d calls, %v", calls.Load(), err)
		}
	})
}
