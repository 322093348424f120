package oauth

// Polling is tested in bubbles of testing/synctest, whose clock runs only while
// everybody waits: each test knows to the nanosecond when the server is asked.
// A goroutine that is left at the end of a bubble fails its test.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A pollStep is what the token endpoint does when it is asked.
type pollStep struct {
	status int // 0: 200
	body   string
	header http.Header
	err    error // no answer comes
	stuck  bool  // none comes before the request is given up
}

// pollServer takes one step after the other, the last one again and again, and
// notes when it was asked.
type pollServer struct {
	*unitServer
	start time.Time

	pollMu sync.Mutex
	steps  []pollStep
	asked  []time.Duration
}

func newPollServer(t testing.TB, start string, steps ...pollStep) *pollServer {
	t.Helper()
	s := &pollServer{unitServer: newUnitServer(), start: time.Now(), steps: steps}
	s.answer("/device", start)
	s.answer("/ciba", start)
	return s
}

func (s *pollServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/token" {
		return s.unitServer.RoundTrip(r)
	}
	s.pollMu.Lock()
	step := s.steps[min(len(s.asked), len(s.steps)-1)]
	s.asked = append(s.asked, time.Since(s.start))
	s.pollMu.Unlock()
	s.set("/token", unitAnswer{status: step.status, mediaType: mediaJSON, body: step.body, header: step.header})
	res, err := s.unitServer.RoundTrip(r)
	switch {
	case step.stuck:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case step.err != nil:
		return nil, step.err
	}
	return res, err
}

// times are the seconds after which the token endpoint was asked.
func (s *pollServer) times() []float64 {
	s.pollMu.Lock()
	defer s.pollMu.Unlock()
	list := []float64{}
	for _, d := range s.asked {
		list = append(list, d.Seconds())
	}
	return list
}

// pollClient is a client by the clock of the bubble.
func (s *pollServer) pollClient(t testing.TB, change func(*Config)) *Client {
	t.Helper()
	return s.client(t, func(cfg *Config) {
		cfg.Clock = Clock{}
		cfg.Server.DeviceAuthorizationEndpoint = unitIssuer + "/device"
		cfg.Server.BackchannelAuthenticationEndpoint = unitIssuer + "/ciba"
		cfg.HTTPClient = &http.Client{Transport: s}
		if change != nil {
			change(cfg)
		}
	})
}

func deviceStart(lifetime, interval string) string {
	return `{"device_code":"dc","user_code":"UC","verification_uri":"https://op.example/device","expires_in":` + lifetime + `,"interval":` + interval + `}`
}

var (
	pollDone = pollStep{body: `{"access_token":"at","token_type":"Bearer"}`}
	pollWait = pollError(400, "authorization_pending")
	pollSlow = pollError(400, "slow_down")

	errPollTimeout error = &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
)

func pollError(status int, code string) pollStep {
	return pollStep{status: status, body: `{"error":"` + code + `"}`}
}

// TestPoll: when the server is asked, and what ends it. RFC 8628, Section 3.5.
func TestPoll(t *testing.T) {
	const long = "1800"
	down, gone, busy := pollStep{status: 503}, pollStep{err: errPollTimeout}, pollStep{status: 429}
	slowBy := func(interval string) pollStep {
		return pollStep{status: 400, body: `{"error":"slow_down","interval":` + interval + `}`}
	}
	tests := []struct {
		name     string
		lifetime string
		steps    []pollStep
		times    []float64
		kind     error // nil: the token comes
		until    float64
	}{
		{"allowed at once", long, []pollStep{pollDone}, []float64{5}, nil, 5},
		{"pending", long, []pollStep{pollWait, pollWait, pollWait, pollDone}, []float64{5, 10, 15, 20}, nil, 20},
		{"pending under all kinds of statuses", long, []pollStep{
			pollError(200, "authorization_pending"), pollError(403, "authorization_pending"), pollError(428, "authorization_pending"),
			pollError(429, "authorization_pending"), pollError(500, "authorization_pending"), pollDone,
		}, []float64{5, 10, 15, 20, 25, 30}, nil, 30},
		{"slow_down is for good", long, []pollStep{pollSlow, pollWait, pollWait, pollDone}, []float64{5, 15, 25, 35}, nil, 35},
		{
			"slow_down adds up",
			long,
			[]pollStep{pollSlow, pollError(403, "slow_down"), pollError(429, "slow_down"), pollDone},
			[]float64{5, 15, 30, 50},
			nil,
			50,
		},
		{"slow_down with an interval", long, []pollStep{slowBy("30"), pollWait, pollDone}, []float64{5, 35, 65}, nil, 65},
		{"slow_down with an interval, in words", long, []pollStep{slowBy(`"30"`), pollDone}, []float64{5, 35}, nil, 35},
		{"slow_down with a short interval", long, []pollStep{slowBy("1"), pollDone}, []float64{5, 15}, nil, 15},
		{"slow_down with the same interval", long, []pollStep{slowBy("5"), pollDone}, []float64{5, 15}, nil, 15},
		{"slow_down with a negative interval", long, []pollStep{slowBy("-30"), pollDone}, []float64{5, 15}, nil, 15},
		{"slow_down with a fraction", long, []pollStep{slowBy("30.5"), pollDone}, []float64{5, 36}, nil, 36},
		{"slow_down with the smallest fraction", long, []pollStep{slowBy("30.000000001"), pollDone}, []float64{5, 36}, nil, 36},
		{"slow_down with null", long, []pollStep{slowBy("null"), pollDone}, []float64{5, 15}, nil, 15},
		{"slow_down with an interval of days", "36000", []pollStep{slowBy("1e9"), pollDone}, []float64{5, 3605}, nil, 3605},
		{"slow_down over the limit", "36000", []pollStep{slowBy("3599"), pollSlow, pollSlow, pollDone}, []float64{5, 3604, 7204, 10804}, nil, 10804},
		{"slow_down beyond the expiry", "60", []pollStep{slowBy("55")}, []float64{5}, ErrExpired, 5},

		// "on encountering a connection timeout, clients MUST unilaterally reduce
		// their polling frequency": doubled each time, until there is an answer.
		{"not reached", long, []pollStep{gone, gone, gone, pollWait, pollWait, pollDone}, []float64{5, 15, 35, 75, 80, 85}, nil, 85},
		{"connection dropped", long, []pollStep{{err: io.ErrUnexpectedEOF}, {err: io.EOF}, pollDone}, []float64{5, 15, 35}, nil, 35},
		{"down", long, []pollStep{down, {status: 502, body: "<html>"}, busy, pollWait, down, pollDone}, []float64{5, 15, 35, 75, 80, 90}, nil, 90},
		{"down, and slow_down", long, []pollStep{down, pollSlow, down, pollDone}, []float64{5, 15, 25, 45}, nil, 45},
		{"down until it expires", long, []pollStep{down},
			[]float64{
				5,
				15,
				35,
				75,
				155,
				315,
				615,
				915,
				1215,
				1507.5,
				1653.75,
				1726.875,
				1763.4375,
				1781.71875,
				1790.859375,
				1795.859375,
			}, ErrExpired, 1795.859375},

		{"expired before it is asked", "5", []pollStep{pollDone}, nil, ErrExpired, 0},
		{"asked just before it expires", "6", []pollStep{pollDone}, []float64{5}, nil, 5},
		{"expires at an attempt", "15", []pollStep{pollWait}, []float64{5, 10}, ErrExpired, 10},
		{"expires before an attempt", "17", []pollStep{pollWait}, []float64{5, 10, 15}, ErrExpired, 15},
		{"no lifetime", "0", []pollStep{pollDone}, nil, ErrExpired, 0},

		{"expired at the server", long, []pollStep{pollWait, pollError(400, "expired_token")}, []float64{5, 10}, ErrExpired, 10},
		{"refused by the user", long, []pollStep{pollWait, pollError(400, "access_denied")}, []float64{5, 10}, ErrRefused, 10},
		{"refused for another reason", long, []pollStep{pollError(400, "invalid_grant")}, []float64{5}, ErrRefused, 5},
		{"refused for a reason unheard of", long, []pollStep{pollError(503, "temporarily_unavailable")}, []float64{5}, ErrRefused, 5},
		{"a code in another case", long, []pollStep{pollError(400, "Authorization_Pending")}, []float64{5}, ErrRefused, 5},
		{"a code of another type", long, []pollStep{{status: 400, body: `{"error":["authorization_pending"]}`}}, []float64{5}, ErrRefused, 5},
		{"refused without a reason", long, []pollStep{{status: 403}}, []float64{5}, ErrRefused, 5},
		{"redirected", long, []pollStep{{status: 307}}, []float64{5}, ErrRefused, 5},
		{"a bad answer", long, []pollStep{{body: `{"access_token":""}`}}, []float64{5}, ErrResponse, 5},
		{"an answer that is not JSON", long, []pollStep{{body: "access_token=at&token_type=Bearer"}}, []float64{5}, ErrResponse, 5},
		{"a token of another type", long, []pollStep{{body: `{"access_token":"at","token_type":"mac"}`}}, []float64{5}, ErrTokenType, 5},
		{"an answer without end", long, []pollStep{{body: strings.Repeat(" ", maxBody+1)}}, []float64{5}, ErrResponse, 5},

		{
			"a certificate of nobody's",
			long,
			[]pollStep{{err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}},
			[]float64{5},
			ErrNetwork,
			5,
		},
		{
			"a certificate for another host",
			long,
			[]pollStep{{err: &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: new(x509.Certificate), Host: "x"}}}},
			[]float64{5},
			ErrNetwork,
			5,
		},
		{
			"the client's certificate is refused",
			long,
			[]pollStep{{err: &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}}},
			[]float64{5},
			ErrNetwork,
			5,
		},
		{
			"the server's handshake is refused",
			long,
			[]pollStep{{err: &net.OpError{Op: "local error", Err: errors.New("tls: unexpected message")}}},
			[]float64{5},
			ErrNetwork,
			5,
		},
		{
			"a certificate that expired",
			long,
			[]pollStep{{err: &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Cert: new(x509.Certificate), Reason: x509.Expired}}}},
			[]float64{5},
			ErrNetwork,
			5,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newPollServer(t, deviceStart(tt.lifetime, "5"), tt.steps...)
				c := s.pollClient(t, nil)
				d := must(c.StartDeviceAuthorization(context.Background(), nil))
				token, err := c.PollDevice(context.Background(), d, nil)
				if (token == nil) != (tt.kind != nil) || !errors.Is(err, tt.kind) {
					t.Errorf("%v, %v", token, err)
				}
				if got := s.times(); !slices.Equal(got, tt.times) {
					t.Errorf("asked after %v s, want %v", got, tt.times)
				}
				if took := time.Since(s.start).Seconds(); took != tt.until {
					t.Errorf("it takes %v s, want %v", took, tt.until)
				}
			})
		})
	}
}

// TestPollRetryAfter: RFC 9110, Section 10.2.3. It only lengthens the wait, and only the
// next one.
func TestPollRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		value  string // in a date: %s is 40 s after the answer
		skew   time.Duration
		wait   float64 // after the first attempt
	}{
		{"429", 429, "", "60", 0, 60},
		{"503", 503, "", "60", 0, 60},
		{"slow_down with 429", 429, `{"error":"slow_down"}`, "60", 0, 60},
		{"pending with 503", 503, `{"error":"authorization_pending"}`, "60", 0, 60},
		{"another status: the back-off", 500, "", "60", 0, 10},
		{"pending with another status", 400, `{"error":"authorization_pending"}`, "60", 0, 5},
		{"shorter than the back-off", 503, "", "3", 0, 10},
		{"a date", 503, "", "date", 0, 40},
		{"a date, by a server's clock that is ahead", 503, "", "date", 10 * time.Second, 30},
		{"a date that was", 503, "", "Sun, 06 Nov 1994 08:49:37 GMT", 0, 10},
		{"words", 503, "", "soon", 0, 10},
		{"negative", 503, "", "-60", 0, 10},
		{"empty", 503, "", "", 0, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if tt.value == "date" {
					tt.value = time.Now().Add(45 * time.Second).UTC().Format(http.TimeFormat)
				}
				s := newPollServer(
					t,
					deviceStart("1800", "5"),
					pollStep{status: tt.status, body: tt.body, header: http.Header{"Retry-After": {tt.value}}},
					pollWait,
					pollDone,
				)
				c := s.pollClient(t, func(cfg *Config) { cfg.Clock.Skew = tt.skew })
				if _, err := c.PollDevice(context.Background(), must(c.StartDeviceAuthorization(context.Background(), nil)), nil); err != nil {
					t.Fatal(err)
				}
				interval := 5.0
				if strings.Contains(tt.body, "slow_down") {
					interval = 10
				}
				if want := []float64{5, 5 + tt.wait, 5 + tt.wait + interval}; !slices.Equal(s.times(), want) {
					t.Errorf("asked after %v s, want %v", s.times(), want)
				}
			})
		})
	}
}

// A pause that is longer than the codes last ends the polling at once, and says why.
func TestPollRetryAfterExpiry(t *testing.T) {
	for _, value := range []string{"95", "999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		synctest.Test(t, func(t *testing.T) {
			s := newPollServer(t, deviceStart("100", "5"), pollStep{status: 429, header: http.Header{"Retry-After": {value}}})
			c := s.pollClient(t, nil)
			_, err := c.PollDevice(context.Background(), must(c.StartDeviceAuthorization(context.Background(), nil)), nil)
			wantError(t, err, ErrExpired, "Retry-After")
			var refused *ResponseError
			if !errors.As(err, &refused) || refused.StatusCode != 429 || !slices.Equal(s.times(), []float64{5}) || time.Since(s.start) != 5*time.Second {
				t.Errorf("%v, asked after %v s, over after %v", err, s.times(), time.Since(s.start))
			}
		})
	}
}

// expired_token is a refusal and an expiry, access_denied is no expiry, and the
// expiry by our own clock is no refusal.
func TestPollKinds(t *testing.T) {
	for code, expired := range map[string]bool{"expired_token": true, "access_denied": false, "": true} {
		synctest.Test(t, func(t *testing.T) {
			s := newPollServer(t, deviceStart("12", "5"), pollError(400, code))
			if code == "" {
				s.steps = []pollStep{pollWait}
			}
			c := s.pollClient(t, nil)
			_, err := c.PollDevice(context.Background(), must(c.StartDeviceAuthorization(context.Background(), nil)), nil)
			if errors.Is(err, ErrExpired) != expired || errors.Is(err, ErrInvalid) != expired || errors.Is(err, ErrRefused) != (code != "") ||
				errors.Is(err, ErrResponse) ||
				errors.Is(err, ErrPending) {
				t.Errorf("%q: %v", code, err)
			}
		})
	}
	for code, pending := range map[string]bool{"authorization_pending": true, "slow_down": true, "access_denied": false, "": false} {
		if refused := error(&ResponseError{Code: code}); errors.Is(refused, ErrInvalid) {
			t.Errorf("%q is ErrInvalid", code)
		}
		if got := errors.Is(&Error{Err: &ResponseError{Op: opToken, Code: code}}, ErrPending); got != pending {
			t.Errorf("%q is pending: %v", code, got)
		}
		if other := (&ResponseError{Op: "key set", Code: code}); errors.Is(other, ErrPending) {
			t.Errorf("%q of a key set is pending", code)
		}
	}
	if errors.Is(nil, ErrPending) || errors.Is(ErrRefused, ErrPending) {
		t.Error("pending without an answer")
	}
}

// The requests say the same each time, but for what authenticates the client.
func TestPollRequests(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start string
		call  func(*Client, *GrantOptions) (*Token, error)
		form  map[string][]string
	}{
		{"device", deviceStart("1800", "5"), func(c *Client, o *GrantOptions) (*Token, error) {
			return c.PollDevice(context.Background(), must(c.StartDeviceAuthorization(context.Background(), nil)), o)
		}, map[string][]string{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {"dc"}}},
		{"CIBA", `{"auth_req_id":"id","expires_in":1800}`, func(c *Client, o *GrantOptions) (*Token, error) {
			return c.PollBackchannelAuthentication(context.Background(), must(c.StartBackchannelAuthentication(context.Background(), &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"})), o)
		}, map[string][]string{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {"id"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := time.Now().Unix()
				s := newPollServer(t, tt.start, pollWait, pollStep{err: errPollTimeout})
				s.steps = append(
					s.steps,
					pollStep{body: unitTokenBody(t, map[string]any{"id_token": s.sign(t, "JWT", unitClaims(map[string]any{"iat": now, "exp": now + 300}))})},
				)
				c := s.pollClient(t, func(cfg *Config) { cfg.Auth = PrivateKeyJWT(unitKey(), nil) })
				opts := *someOptions
				opts.Scope = nil // that was asked for when the user was
				token, err := tt.call(c, &opts)
				if err != nil || token.Subject() != "alice" {
					t.Fatalf("%v, %v", token, err)
				}
				if got := s.times(); !slices.Equal(got, []float64{5, 10, 20}) {
					t.Errorf("asked after %v s", got)
				}
				seen := map[string]bool{}
				for _, r := range s.requests("/token") {
					seen[assertionID(t, r.form.Get("client_assertion"))] = true
					r.form.Del("client_assertion")
					want := someForm(tt.form)
					want.Del("scope")
					if verifier := r.form.Get("code_verifier"); isRandom(verifier) && tt.name == "device" {
						want.Set("code_verifier", verifier)
					}
					want["client_id"], want["client_assertion_type"] = []string{unitClient}, []string{assertionType}
					if r.form.Encode() != want.Encode() || r.header.Get("X-Request-Id") != "7" {
						t.Errorf("sent %v %v", r.form, r.header)
					}
				}
				if len(seen) != 3 {
					t.Errorf("%d assertions in 3 requests", len(seen))
				}
			})
		})
	}
}

// assertionID is the jti of a JWT.
func assertionID(t *testing.T, assertion string) string {
	t.Helper()
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		t.Fatalf("assertion %q", assertion)
	}
	var claims struct{ JTI string }
	if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(parts[1])), &claims); err != nil || claims.JTI == "" {
		t.Fatalf("assertion %q: %v", assertion, err)
	}
	return claims.JTI
}

// Whoever gives up is let go at once, whatever is going on.
func TestPollContext(t *testing.T) {
	cancelled := func(d time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(d, cancel)
		return ctx, cancel
	}
	deadline := func(d time.Duration) (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), d)
	}
	stuck := pollStep{stuck: true}
	for _, tt := range []struct {
		name  string
		until func(time.Duration) (context.Context, context.CancelFunc)
		after time.Duration
		step  pollStep
		asked int
		kind  error
	}{
		{"cancelled before", cancelled, 0, pollWait, 0, context.Canceled},
		{"cancelled while waiting", cancelled, 7 * time.Second, pollWait, 1, context.Canceled},
		{"cancelled during a request", cancelled, 9 * time.Second, stuck, 1, context.Canceled},
		{"cancelled while backing off", cancelled, 300 * time.Second, pollStep{status: 503}, 5, context.Canceled},
		{"deadline while waiting", deadline, 12 * time.Second, pollWait, 2, context.DeadlineExceeded},
		{"deadline during a request", deadline, 9 * time.Second, stuck, 1, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newPollServer(t, deviceStart("1800", "5"), tt.step)
				authenticated := 0
				c := s.pollClient(t, func(cfg *Config) {
					cfg.Auth = authFunc(func(context.Context, *ClientAuthRequest) error { authenticated++; return nil })
				})
				d := must(c.StartDeviceAuthorization(context.Background(), nil))
				ctx, cancel := tt.until(tt.after)
				defer cancel()
				token, err := c.PollDevice(ctx, d, nil)
				if token != nil || !errors.Is(err, tt.kind) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrPending) {
					t.Errorf("%v, %v", token, err)
				}
				// Giving up is no fault of the network, but a server that does not answer in time is.
				if silent := tt.step.stuck && tt.kind == context.DeadlineExceeded; errors.Is(err, ErrNetwork) != silent {
					t.Errorf("the error is %v", err)
				}
				if authenticated != 1+tt.asked {
					t.Errorf("the client authenticated %d times", authenticated)
				}
				if took := time.Since(s.start); took != tt.after || len(s.asked) != tt.asked {
					t.Errorf("%d requests, it takes %v, want %v", len(s.asked), took, tt.after)
				}
			})
		})
	}
}

// An http.Client of the caller's may have a limit of its own; that one request
// took too long does not end the polling.
func TestPollClientTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPollServer(t, deviceStart("1800", "5"), pollStep{stuck: true}, pollDone)
		c := s.pollClient(t, func(cfg *Config) { cfg.HTTPClient.Timeout = 30 * time.Second })
		token, err := c.PollDevice(context.Background(), must(c.StartDeviceAuthorization(context.Background(), nil)), nil)
		if got := s.times(); err != nil || token == nil || !slices.Equal(got, []float64{5, 45}) {
			t.Errorf("%v, %v, asked after %v s", token, err, got)
		}
	})
}

// A server may hold the answer until the user decided: an attempt ends after 65 s, with
// the code, or with the Timeout of the caller's client.
func TestPollHeld(t *testing.T) {
	for name, tt := range map[string]struct {
		lifetime string
		timeout  time.Duration // of HTTPClient
		mtls     bool          // with a certificate; without a timeout there is no HTTPClient
		want     time.Duration
	}{
		"65 s":                             {"1800", 0, false, 65 * time.Second},
		"code":                             {"40", 0, false, 40 * time.Second},
		"caller's, shorter":                {"1800", 20 * time.Second, false, 20 * time.Second},
		"caller's, longer":                 {"1800", 90 * time.Second, false, 90 * time.Second},
		"65 s, with a certificate":         {"1800", 0, true, 65 * time.Second},
		"caller's, with a certificate too": {"1800", 20 * time.Second, true, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newPollServer(t, deviceStart(tt.lifetime, "5"), pollStep{stuck: true})
				c := s.pollClient(t, func(cfg *Config) {
					cfg.HTTPClient.Timeout = tt.timeout
					if !tt.mtls {
						return
					}
					cfg.MTLS, cfg.HTTPClient = unitMTLS(s), nil
					if tt.timeout > 0 {
						cfg.HTTPClient = &http.Client{Timeout: tt.timeout}
					}
				})
				d := must(c.StartDeviceAuthorization(context.Background(), nil))
				start := time.Now()
				_, err := c.DeviceToken(context.Background(), d, nil)
				wantError(t, err, ErrNetwork, "")
				if took := time.Since(start); took != tt.want {
					t.Errorf("given up after %v, want %v", took, tt.want)
				}
			})
		})
	}
}

// An invalid_grant after an attempt without an answer may be the trace of a token that
// was lost: it says so, and after any other attempt it does not.
func TestPollLost(t *testing.T) {
	refused := pollStep{status: 400, body: `{"error":"invalid_grant"}`}
	for name, tt := range map[string]struct {
		before []pollStep
		lost   bool
	}{
		"the first":                  {nil, false},
		"after an answer":            {[]pollStep{pollWait}, false},
		"after none":                 {[]pollStep{{stuck: true}}, true},
		"after none, then an answer": {[]pollStep{{stuck: true}, pollWait}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newPollServer(t, deviceStart("1800", "5"), append(tt.before, refused)...)
				c := s.pollClient(t, nil)
				_, err := c.PollDevice(context.Background(), must(c.StartDeviceAuthorization(context.Background(), nil)), nil)
				var refused *ResponseError
				if !errors.As(err, &refused) || refused.Code != "invalid_grant" || strings.Contains(err.Error(), "start again") != tt.lost {
					t.Errorf("%v, want it to say that the answer was lost: %v", err, tt.lost)
				}
			})
		})
	}
}

// While the keys cannot be had the code is not spent.
func TestPollNeedsKeys(t *testing.T) {
	later := http.Header{"Retry-After": {"600"}} // of the key set, not of the token endpoint
	for _, answer := range []unitAnswer{{status: 503}, {status: 429}, {status: 503, header: later}, {mediaType: mediaJSON, body: `{"keys":[]}`}} {
		synctest.Test(t, func(t *testing.T) {
			now := time.Now().Unix()
			s := newPollServer(t, deviceStart("1800", "5"))
			s.steps = []pollStep{
				{body: unitTokenBody(t, map[string]any{"id_token": s.sign(t, "JWT", unitClaims(map[string]any{"iat": now, "exp": now + 300}))})},
			}
			keys := s.answers["/jwks"]
			s.set("/jwks", answer)
			time.AfterFunc(20*time.Second, func() { s.set("/jwks", keys) })
			c := s.pollClient(t, nil)
			d := must(c.StartDeviceAuthorization(context.Background(), &DeviceAuthorizationRequest{Scope: []string{"openid"}}))
			_, err := c.DeviceToken(context.Background(), d, nil)
			wantError(t, err, ErrUnavailable, "")
			token, err := c.PollDevice(context.Background(), d, nil)
			if err != nil || token.Subject() != "alice" {
				t.Fatalf("%v, %v", token, err)
			}
			// Asked for once, when what it gives could be verified.
			if got := s.times(); !slices.Equal(got, []float64{35}) {
				t.Errorf("asked after %v s", got)
			}
		})
	}
}

// An ID token names a key that cannot be had: the code is used up, and is not
// sent again to be taken for stolen.
func TestPollCodeIsSpent(t *testing.T) {
	for _, refusal := range []unitAnswer{{status: 503}, {status: 400, mediaType: mediaJSON, body: `{"error":"slow_down"}`}} {
		synctest.Test(t, func(t *testing.T) {
			now := time.Now().Unix()
			other := must(GenerateSigningKey(ES256))
			idToken := must(other.SignJWT("JWT", unitClaims(map[string]any{"iat": now, "exp": now + 300})))
			s := newPollServer(t, deviceStart("1800", "5"), pollStep{body: unitTokenBody(t, map[string]any{"id_token": idToken})})
			c := s.pollClient(t, nil)
			d := must(c.StartDeviceAuthorization(context.Background(), &DeviceAuthorizationRequest{Scope: []string{"openid"}}))
			if err := c.needKeys(context.Background()); err != nil {
				t.Fatal(err)
			}
			s.set("/jwks", refusal)
			token, err := c.PollDevice(context.Background(), d, nil)
			wantError(t, err, ErrUnavailable, "")
			if got := s.times(); token != nil || !slices.Equal(got, []float64{5}) || errors.Is(err, ErrPending) || d.Interval() != 5*time.Second {
				t.Errorf("%v, %v, asked after %v s, then every %v", token, err, got, d.Interval())
			}
		})
	}
}

// A scope with openid brings an ID token or nothing.
func TestPollIDToken(t *testing.T) {
	s := newUnitServer()
	for name, tt := range map[string]struct {
		idToken any
		kind    error
	}{
		"missing": {unitRemoved, ErrResponse},
		"forged":  {forged(t, s, unitClaims(nil)), ErrSignature},
		"good":    {s.sign(t, "JWT", unitClaims(map[string]any{"nonce": "not ours"})), nil},
	} {
		s.answer("/device", deviceStart("60", "5"))
		s.answer("/token", unitTokenBody(t, map[string]any{"id_token": tt.idToken}))
		c := s.client(t, func(c *Config) { c.Server.DeviceAuthorizationEndpoint = unitIssuer + "/device" })
		d := must(c.StartDeviceAuthorization(context.Background(), &DeviceAuthorizationRequest{Scope: []string{"openid"}}))
		if token, err := c.DeviceToken(context.Background(), d, nil); !errors.Is(err, tt.kind) || (token == nil) != (tt.kind != nil) {
			t.Errorf("%s: %v, %v", name, token, err)
		}
	}
}

// A server without keys has tokens all the same, where no ID token is asked for.
func TestPollWithoutKeys(t *testing.T) {
	s := newUnitServer()
	s.answer("/device", deviceStart("60", "5"))
	s.answer("/token", pollDone.body)
	c := s.client(t, func(c *Config) { withDevice(c); c.Server.JWKSURI = "" })
	d := must(c.StartDeviceAuthorization(context.Background(), &DeviceAuthorizationRequest{Scope: []string{"a"}}))
	if _, err := c.DeviceToken(context.Background(), d, nil); err != nil {
		t.Error(err)
	}
}

// TestPollOldIDToken: no nonce ties the ID token to the request, its age does.
func TestPollOldIDToken(t *testing.T) {
	s := newUnitServer()
	s.answer("/device", deviceStart("60", "5"))
	s.answer("/ciba", `{"auth_req_id":"r","expires_in":60}`)
	for _, tt := range []struct {
		name string
		skew time.Duration
		iat  int64
		kind error
	}{
		{"of now", 0, unitTime, nil},
		{"by a clock that is behind", 0, unitTime - 600, nil},
		{"older than the request", 0, unitTime - 601, ErrExpired},
		{"of last week", 0, unitTime - 7*86400, ErrExpired},
		{"of long ago", 0, -1 << 53, ErrExpired},
		{"of now, where the local clock is behind", time.Hour, unitTime + 3600, nil},
		{"older than the request, where the local clock is behind", time.Hour, unitTime + 2999, ErrExpired},
	} {
		c := s.client(t, func(c *Config) {
			c.Server.DeviceAuthorizationEndpoint, c.Server.BackchannelAuthenticationEndpoint = unitIssuer+"/device", unitIssuer+"/ciba"
			c.Clock.Skew = tt.skew
		})
		id := s.sign(t, "JWT", unitClaims(map[string]any{"iat": tt.iat, "exp": unitTime + 7200}))
		s.answer("/token", unitTokenBody(t, map[string]any{"id_token": id}))
		ctx := context.Background()
		d := must(c.StartDeviceAuthorization(ctx, &DeviceAuthorizationRequest{Scope: []string{"openid"}}))
		b := must(c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"}))
		var d2 DeviceAuthorization
		var b2 BackchannelAuthentication
		if err := errors.Join(d2.UnmarshalBinary(must(d.MarshalBinary())), b2.UnmarshalBinary(must(b.MarshalBinary()))); err != nil {
			t.Fatal(err)
		}
		for flow, ask := range map[string]func() (*Token, error){
			"device":           func() (*Token, error) { return c.DeviceToken(ctx, d, nil) },
			"device, restored": func() (*Token, error) { return c.DeviceToken(ctx, &d2, nil) },
			"CIBA":             func() (*Token, error) { return c.BackchannelAuthenticationToken(ctx, b, nil) },
			"CIBA, restored":   func() (*Token, error) { return c.BackchannelAuthenticationToken(ctx, &b2, nil) },
		} {
			token, err := ask()
			if !errors.Is(err, tt.kind) || (token == nil) != (tt.kind != nil) {
				t.Errorf("%s, %s: %v, %v", tt.name, flow, token, err)
			} else if err != nil {
				wantError(t, err, tt.kind, "iat")
			}
		}
		// At a refresh servers send the first one again.
		old := &Token{RefreshToken: NewSecret("rt")}
		if _, err := c.Refresh(ctx, old, nil); err != nil {
			t.Errorf("%s, refresh: %v", tt.name, err)
		}
	}
}

// By hand, and from one process to the next: the interval goes along.
func TestPollByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPollServer(t, deviceStart("60", "7"), pollWait, pollSlow, pollStep{status: 503}, pollDone)
		c := s.pollClient(t, nil)
		d := must(c.StartDeviceAuthorization(context.Background(), &DeviceAuthorizationRequest{Scope: []string{"a"}}))
		for i, want := range []struct {
			interval time.Duration
			pending  bool
		}{{7, true}, {12, true}, {12, false}} {
			token, err := c.DeviceToken(context.Background(), d, nil)
			if token != nil || errors.Is(err, ErrPending) != want.pending || d.Interval() != want.interval*time.Second {
				t.Errorf("attempt %d: %v, %v, then every %v", i, token, err, d.Interval())
			}
			var next DeviceAuthorization
			if err := next.UnmarshalBinary(must(d.MarshalBinary())); err != nil {
				t.Fatal(err)
			}
			if next.Interval() != d.Interval() || !next.Expiry().Equal(d.Expiry()) || next.UserCode() != "UC" || next.VerificationURI() != d.VerificationURI() {
				t.Errorf("restored %v %v %s", next.Interval(), next.Expiry(), next.UserCode())
			}
			d = &next
		}
		token, err := c.PollDevice(context.Background(), d, nil)
		if err != nil || !slices.Equal(token.Scope, []string{"a"}) || !slices.Equal(s.times(), []float64{0, 0, 0, 12}) {
			t.Errorf("%v, %v, asked after %v s", token, err, s.times())
		}
		// A restored one expires as the first did.
		time.Sleep(48 * time.Second)
		_, err = c.DeviceToken(context.Background(), d, nil)
		if wantError(t, err, ErrExpired, "device_code"); len(s.asked) != 4 {
			t.Error("an expired code was sent")
		}
	})
}

// What is not this client's, or nothing at all, makes no request.
func TestPollErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPollServer(t, deviceStart("60", "5"), pollDone)
		maps.Copy(s.answers, map[string]unitAnswer{"/ciba": {mediaType: mediaJSON, body: `{"auth_req_id":"id","expires_in":60}`}})
		c := s.pollClient(t, nil)
		d := must(c.StartDeviceAuthorization(context.Background(), nil))
		b := must(c.StartBackchannelAuthentication(context.Background(), &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"}))
		otherClient := s.pollClient(t, func(c *Config) { c.Metadata.ClientID = "client-2" })
		otherServer := s.pollClient(t, func(c *Config) { c.Server.Issuer = "https://other.example" })
		capitals := s.pollClient(t, func(c *Config) { c.Metadata.ClientID = strings.ToUpper(unitClient) })
		capitalServer := s.pollClient(t, func(c *Config) { c.Server.Issuer = strings.Replace(unitIssuer, "op", "OP", 1) })
		scoped := &GrantOptions{Scope: []string{"a"}}
		reserved := &GrantOptions{Params: map[string][]string{"device_code": {"x"}}}
		ctx := context.Background()
		for name, call := range map[string]func() (*Token, error){
			"device nil":                      func() (*Token, error) { return c.DeviceToken(ctx, nil, nil) },
			"device nil, polled":              func() (*Token, error) { return c.PollDevice(ctx, nil, nil) },
			"device empty":                    func() (*Token, error) { return c.DeviceToken(ctx, new(DeviceAuthorization), nil) },
			"device empty, polled":            func() (*Token, error) { return c.PollDevice(ctx, new(DeviceAuthorization), nil) },
			"device of another client":        func() (*Token, error) { return otherClient.DeviceToken(ctx, d, nil) },
			"device of another server":        func() (*Token, error) { return otherServer.DeviceToken(ctx, d, nil) },
			"device of another server polled": func() (*Token, error) { return otherServer.PollDevice(ctx, d, nil) },
			"device of a client in capitals":  func() (*Token, error) { return capitals.DeviceToken(ctx, d, nil) },
			"device of a server in capitals":  func() (*Token, error) { return capitalServer.DeviceToken(ctx, d, nil) },
			"device with a code":              func() (*Token, error) { return c.DeviceToken(ctx, d, reserved) },
			"device with a scope":             func() (*Token, error) { return c.DeviceToken(ctx, d, scoped) },
			"device with a scope, polled":     func() (*Token, error) { return c.PollDevice(ctx, d, scoped) },
			"CIBA with a scope":               func() (*Token, error) { return c.BackchannelAuthenticationToken(ctx, b, scoped) },
			"CIBA nil":                        func() (*Token, error) { return c.BackchannelAuthenticationToken(ctx, nil, nil) },
			"CIBA nil, polled":                func() (*Token, error) { return c.PollBackchannelAuthentication(ctx, nil, nil) },
			"CIBA empty": func() (*Token, error) {
				return c.BackchannelAuthenticationToken(ctx, new(BackchannelAuthentication), nil)
			},
			"CIBA empty, polled": func() (*Token, error) {
				return c.PollBackchannelAuthentication(ctx, new(BackchannelAuthentication), nil)
			},
			"CIBA of another client": func() (*Token, error) { return otherClient.BackchannelAuthenticationToken(ctx, b, nil) },
			"CIBA of another server": func() (*Token, error) { return otherServer.BackchannelAuthenticationToken(ctx, b, nil) },
			"CIBA with a code":       func() (*Token, error) { return c.BackchannelAuthenticationToken(ctx, b, reserved) },
		} {
			token, err := call()
			var e *Error
			if !errors.Is(err, ErrConfig) || token != nil || !errors.As(err, &e) || e.Op != opToken {
				t.Errorf("%s: %v, %v", name, token, err)
			}
		}
		if len(s.asked) != 0 {
			t.Errorf("%d requests", len(s.asked))
		}
	})
}

// TestPollForeignPending: an error of the program's own code that says pending is not the
// server's answer.
func TestPollForeignPending(t *testing.T) {
	other := error(&ResponseError{Op: opToken, Code: "slow_down"})
	for name, fault := range map[string]error{"the kind": ErrPending, "another server's": &Error{Kind: ErrUnavailable, Err: other}} {
		s := newUnitServer()
		polls := 0
		c := s.client(t, func(c *Config) {
			withDevice(c)
			c.Auth = authFunc(func(_ context.Context, r *ClientAuthRequest) error {
				if r.Form.Get("grant_type") == "" {
					return nil
				}
				polls++
				return fault
			})
		})
		s.answer("/device", `{"device_code":"d","user_code":"U","verification_uri":"https://op.example.com/d","expires_in":60}`)
		d := must(c.StartDeviceAuthorization(t.Context(), nil))
		if _, err := c.DeviceToken(t.Context(), d, nil); err == nil || polls != 1 || d.Interval() != 5*time.Second {
			t.Errorf("%s: %v after %d attempts, the interval is %v", name, err, polls, d.Interval())
		}
	}
}
