package oauth

// Tests of the hooks of a Transport, OnRefresh and Renew, and of its parts that
// need a real connection.

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// storage is what OnRefresh writes to.
type storage struct {
	err    error
	offers []string // refresh tokens that were offered
	busy   atomic.Int32
	most   int32 // calls at a time
}

func (s *storage) store(_ context.Context, tok *Token) error {
	s.most = max(s.most, s.busy.Add(1))
	defer s.busy.Add(-1)
	s.offers = append(s.offers, tok.RefreshToken.Reveal())
	tok.AccessToken = NewSecret("of the hook's own") // its copy
	return s.err
}

func (s *storage) want(t *testing.T, offers ...string) {
	t.Helper()
	if !slices.Equal(s.offers, offers) {
		t.Errorf("offered %q, want %q", s.offers, offers)
	}
}

func TestOnRefreshBeforeUse(t *testing.T) {
	s := &storage{}
	inBubble(t, 30*time.Second, TransportOptions{OnRefresh: s.store}, func(r *renewal) {
		r.resource = func(*http.Request, string) *http.Response {
			if len(s.offers) == 0 {
				t.Error("the token was used before it was stored")
			}
			return nil
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { r.get() })
		}
		wg.Wait()
		r.wantOK("access-1")
		s.want(t, "refresh-1")
		r.wantAttempts(0)
		if s.most != 1 {
			t.Errorf("%d calls at a time", s.most)
		}
	})
}

// TestOnRefreshFails: the token is not used, kept, and offered again.
func TestOnRefreshFails(t *testing.T) {
	s := &storage{err: errors.New("the disk is full")}
	inBubble(t, 30*time.Second, TransportOptions{OnRefresh: s.store}, func(r *renewal) {
		for range 2 {
			body := &closeCounter{Reader: strings.NewReader("x")}
			_, err := r.tr.RoundTrip(protectedRequest(t, "POST", unitAPI, body))
			var e *Error
			if !errors.Is(err, s.err) || !errors.As(err, &e) || e.Param != "OnRefresh" || e.Op != opProtected || body.closed == 0 {
				t.Errorf("error %v, the body closed %d times", err, body.closed)
			}
		}
		if tok := r.tr.Token(); tok.RefreshToken.Reveal() != "refresh-1" || len(r.used) != 0 {
			t.Errorf("kept is %q, used %q", tok.RefreshToken.Reveal(), r.used)
		}
		s.err = nil
		r.wantOK("access-1")
		r.wantOK("access-1")
		s.want(t, "refresh-1", "refresh-1", "refresh-1")
		r.wantAttempts(0)
	})
}

// TestOnRefreshFailsForLong: the token that is not stored expires meanwhile. Its refresh
// token is not used before it is stored: if the process ended then, the store would have
// one that no server takes any more.
func TestOnRefreshFailsForLong(t *testing.T) {
	s := &storage{err: errors.New("the disk is full")}
	inBubble(t, 30*time.Second, TransportOptions{OnRefresh: s.store}, func(r *renewal) {
		for range 3 {
			if _, err := r.get(); !errors.Is(err, s.err) {
				t.Errorf("error %v", err)
			}
			time.Sleep(40 * time.Second)
		}
		r.wantAttempts(0)
		s.err = nil
		r.wantOK("access-2")
		s.want(t, "refresh-1", "refresh-1", "refresh-1", "refresh-1", "refresh-2")
		r.wantAttempts(0, 120)
	})
}

// TestOnRefreshAfterFailedRenewal: a token that is not stored yet is offered
// also when there can be no newer one.
func TestOnRefreshAfterFailedRenewal(t *testing.T) {
	s := &storage{err: errors.New("the disk is full")}
	inBubble(t, time.Minute, TransportOptions{OnRefresh: s.store}, func(r *renewal) {
		time.Sleep(30 * time.Second)
		if _, err := r.get(); !errors.Is(err, s.err) {
			t.Errorf("error %v", err)
		}
		time.Sleep(30 * time.Second) // it is to be renewed again, and good for 30 s
		r.token = func(req *http.Request) (*http.Response, error) { return httpAnswer(req, 503, ""), nil }
		for range 2 { // which does not put the renewal off
			if _, err := r.get(); !errors.Is(err, s.err) {
				t.Errorf("error %v", err)
			}
		}
		r.wantAttempts(30)
		s.err = nil
		r.wantOK("access-1")
		r.wantOK("access-1")
		s.want(t, "refresh-1", "refresh-1", "refresh-1", "refresh-1")
		r.wantAttempts(30, 60)
	})
	// It has expired when it is stored at last: the renewal says why there is none.
	s = &storage{err: errors.New("the disk is full")}
	inBubble(t, time.Minute, TransportOptions{OnRefresh: s.store}, func(r *renewal) {
		time.Sleep(30 * time.Second)
		r.get()
		r.token = func(req *http.Request) (*http.Response, error) {
			return httpAnswer(req, 400, `{"error":"invalid_grant"}`), nil
		}
		time.Sleep(time.Minute)
		if _, err := r.get(); !errors.Is(err, s.err) {
			t.Errorf("error %v", err)
		}
		s.err = nil
		for range 2 {
			var refused *ResponseError
			if _, err := r.get(); !errors.As(err, &refused) || refused.Code != "invalid_grant" {
				t.Errorf("error %v", err)
			}
		}
		s.want(t, "refresh-1", "refresh-1", "refresh-1")
		r.wantAttempts(30, 90)
		if len(r.used) != 0 {
			t.Errorf("the expired token was sent %d times", len(r.used))
		}
	})
}

// TestOnRefreshSlow: the token expires while it is stored.
func TestOnRefreshSlow(t *testing.T) {
	slow := func(context.Context, *Token) error { time.Sleep(25 * time.Second); return nil }
	inBubble(t, 20*time.Second, TransportOptions{OnRefresh: slow}, func(r *renewal) {
		if status, err := r.get(); err != nil || status != 401 || len(r.attempts) != 2 {
			t.Errorf("status %d, %v, %d renewals", status, err, len(r.attempts)) // refused, renewed once more, refused
		}
	})
}

// TestOnRefreshTakesTheTime: a renewal whose answer would be cut off, because storing took
// most of the time, does not begin, and what has not begun is not put off.
func TestOnRefreshTakesTheTime(t *testing.T) {
	disk := errors.New("the disk is full")
	for name, tt := range map[string]struct {
		takes  time.Duration // the second call of OnRefresh, which is the first before a renewal
		err    error
		panics bool
		after  time.Duration // until the next request
		want   error         // of the request that waits for it
	}{
		"in half of the time": {takes: refreshTimeout / 2},
		"slow":                {takes: refreshTimeout/2 + time.Second, want: ErrUnavailable},
		"slow, and fails":     {takes: refreshTimeout/2 + time.Second, err: disk, want: disk},
		"panics":              {panics: true, want: ErrUnavailable},
		"outlives its flight": {takes: refreshTimeout + flightGrace + 5*time.Second, after: 11 * time.Second, want: ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			hook := func(context.Context, *Token) error {
				switch calls++; calls {
				case 1:
					return disk
				case 2:
					if tt.panics {
						panic("crash")
					}
					time.Sleep(tt.takes)
					return tt.err
				}
				return nil
			}
			inBubble(t, 30*time.Second, TransportOptions{OnRefresh: hook}, func(r *renewal) {
				if _, err := r.get(); !errors.Is(err, disk) {
					t.Fatal(err)
				}
				time.Sleep(time.Minute) // until what is to be stored has expired
				_, err := r.get()
				if !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if e, _ := errorAs[*Error](err); name == "slow" && (e == nil || !strings.Contains(e.Detail, "OnRefresh") || e.Op != opProtected) {
					t.Errorf("error %v", err)
				}
				began := 1
				if tt.want == nil {
					began++
				}
				if time.Sleep(tt.after); len(r.attempts) != began {
					t.Errorf("%d renewals began", len(r.attempts))
				}
				r.wantOK("access-2")
				if len(r.attempts) != 2 || r.tr.failures != 0 {
					t.Errorf("%d renewals, %d failures", len(r.attempts), r.tr.failures)
				}
			})
		})
	}
}

// TestRenewalBeginsLate: the process stood still before the flight began, which was given up
// meanwhile. It does not renew beside the next one, and leaves the state of that alone.
func TestRenewalBeginsLate(t *testing.T) {
	inBubble(t, time.Minute, TransportOptions{}, func(r *renewal) {
		time.Sleep(time.Minute)
		half := monotonic().Add(refreshTimeout / 2)
		time.Sleep(refreshTimeout + flightGrace)
		go r.get()
		synctest.Wait()
		r.tr.settled = true
		err := r.tr.run(context.Background(), 0, true, half)
		if wantError(t, err, ErrUnavailable, ""); len(r.attempts) != 1 || !r.tr.settled {
			t.Errorf("%d renewals, settled %v", len(r.attempts), r.tr.settled)
		}
	})
}

// TestOnRefreshOfFailedRenewal: a renewal fails, and brings a refresh token all the same.
// Why it failed is what its callers get, whether or not that token can be stored, and the
// access token that has expired is not used when it is.
func TestOnRefreshOfFailedRenewal(t *testing.T) {
	s := &storage{err: errors.New("the disk is full")}
	inBubble(t, time.Minute, TransportOptions{OnRefresh: s.store}, func(r *renewal) {
		r.change = func(answer map[string]any) { answer["token_type"] = "N_A" }
		time.Sleep(time.Minute)
		_, err := r.get()
		wantError(t, err, ErrTokenType, "token_type")
		s.want(t, "refresh-1")
		s.err = nil
		_, err = r.get() // stores it; the next renewal is put off
		wantError(t, err, ErrTokenType, "token_type")
		s.want(t, "refresh-1", "refresh-1")
		if r.wantAttempts(60); len(r.used) != 0 {
			t.Errorf("sent were %q", r.used)
		}
	})
}

func TestTransportRenew(t *testing.T) {
	var given []*Token
	n := 0
	next := func(_ context.Context, old *Token) (*Token, error) {
		given = append(given, old)
		if old != nil {
			old.AccessToken = NewSecret("of Renew's own") // its copy
		}
		if n++; n == 3 {
			return nil, nil
		}
		if n == 4 {
			return protectedToken("mac"), nil
		}
		return &Token{AccessToken: NewSecret("access-0"), Expiry: time.Now().Add(time.Minute)}, nil
	}
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		r.tr = newTransportOf(t, r.tr.c, nil, TransportOptions{Renew: next})
		if r.tr.Token() != nil {
			t.Error("there is a token already")
		}
		r.wantOK("access-0")
		r.wantOK("access-0")
		time.Sleep(30 * time.Second)
		given = given[:1]
		r.wantOK("access-0")
		if n != 2 || given[0] != nil || given[1] == nil {
			t.Errorf("%d calls with %v", n, given)
		}
		time.Sleep(time.Minute)
		_, err := r.get()
		wantError(t, err, ErrConfig, "Renew")
		time.Sleep(time.Minute)
		_, err = r.get()
		wantError(t, err, ErrTokenType, "TokenType")
		if tok := r.tr.Token(); tok.AccessToken.Reveal() != "access-0" {
			t.Errorf("the token is %q", tok.AccessToken.Reveal())
		}
		time.Sleep(time.Minute)
		r.wantOK("access-0")
		r.wantAttempts()
	})
}

// TestTransportRenewFirst: Renew goes before the refresh token, and its result
// is the Transport's own.
func TestTransportRenewFirst(t *testing.T) {
	var result *Token
	renew := func(context.Context, *Token) (*Token, error) {
		result = &Token{AccessToken: NewSecret("access-0")}
		return result, nil
	}
	inBubble(t, 30*time.Second, TransportOptions{Renew: renew}, func(r *renewal) {
		r.wantOK("access-0")
		result.AccessToken = NewSecret("other")
		r.wantOK("access-0")
		if len(r.used) != 2 {
			t.Errorf("sent were %q", r.used)
		}
		r.wantAttempts()
	})
}

func TestTransportToken(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		tok := r.first()
		r.tr = newTransportOf(t, r.tr.c, tok, TransportOptions{})
		tok.AccessToken = NewSecret("changed")
		r.wantOK("access-0")
		r.tr.Token().AccessToken = NewSecret("changed")
		r.wantOK("access-0")
		// What is in it is a copy too, for OnRefresh and Renew as well.
		full := &Token{AccessToken: NewSecret("access-0"), Scope: []string{"a"}, Extra: map[string]json.RawMessage{"x": []byte("1")},
			AuthorizationDetails: []AuthorizationDetail{{Type: "pay", Actions: []string{"a"}}}}
		spoil := func(tok *Token) {
			tok.Scope[0], tok.Extra["x"][0], tok.AuthorizationDetails[0].Actions[0] = "changed", '2', "changed"
			delete(tok.Extra, "x")
		}
		tr := newTransportOf(t, r.tr.c, full, TransportOptions{
			OnRefresh: func(_ context.Context, tok *Token) error { spoil(tok); return nil },
			Renew:     func(_ context.Context, tok *Token) (*Token, error) { spoil(tok); return tok, nil },
		})
		spoil(full)
		spoil(tr.Token())
		*full = *tr.Token()
		tr.renew = func(context.Context, *Token) (*Token, bool, error) { return full, false, nil }
		if err := tr.Renew(context.Background()); err != nil {
			t.Fatal(err)
		}
		spoil(full)
		if tok := tr.Token(); tok.Scope[0] != "a" || string(tok.Extra["x"]) != "1" || tok.AuthorizationDetails[0].Actions[0] != "a" {
			t.Errorf("the token has %q, %s, %+v", tok.Scope, tok.Extra, tok.AuthorizationDetails)
		}
		if len(r.used) != 2 {
			t.Errorf("sent were %q", r.used)
		}
	})
}

func TestNewTransportErrors(t *testing.T) {
	d := unitDPoP(t)
	other := protectedToken("DPoP")
	other.jkt = "another key"
	for _, tt := range []struct {
		name  string
		token *Token
		kind  error
		param string
	}{
		{"no token", nil, ErrConfig, "Token"},
		{"empty token", &Token{}, ErrConfig, "Token"},
		{"another client's", &Token{AccessToken: NewSecret("a"), clientID: "other"}, ErrConfig, "Token"},
		{"another server's", &Token{AccessToken: NewSecret("a"), server: "https://other.example"}, ErrConfig, "Token"},
		{"N_A", protectedToken("N_A"), ErrTokenType, "TokenType"},
		{"another key", other, ErrBinding, "DPoP"},
	} {
		tr, err := newUnitServer().client(t, withDPoP(d)).NewTransport(tt.token, TransportOptions{Origins: []string{unitAPI}})
		if tr != nil {
			t.Errorf("%s: a Transport", tt.name)
		}
		wantError(t, err, tt.kind, tt.param)
	}
}

// TestTransportBase: requests go through Base, renewals do not.
func TestTransportBase(t *testing.T) {
	base := &idleCloser{}
	inBubble(t, 30*time.Second, TransportOptions{Base: base}, func(r *renewal) {
		base.next = r.renewalServer
		r.wantOK("access-1")
		r.tr.CloseIdleConnections()
		if base.calls != 1 || base.closed != 1 {
			t.Errorf("%d requests, %d times closed", base.calls, base.closed)
		}
		newTransportOf(t, r.tr.c, r.first(), TransportOptions{Base: r.renewalServer}).CloseIdleConnections() // has none
	})
}

// TestTransportCheckedRequest: what Do refuses, this does too.
func TestTransportCheckedRequest(t *testing.T) {
	inBubble(t, time.Hour, TransportOptions{}, func(r *renewal) {
		body := &closeCounter{Reader: strings.NewReader("x")}
		_, err := r.tr.RoundTrip(protectedRequest(t, "POST", "https://user:pass@api.example/", body))
		wantError(t, err, ErrConfig, "URL")
		req := protectedRequest(t, "GET", unitAPI, nil)
		req.Header.Set("Authorization", "x")
		_, err = r.tr.RoundTrip(req)
		wantError(t, err, ErrConfig, "Authorization")
		if len(r.used) != 0 || body.closed == 0 {
			t.Errorf("%d requests, the body closed %d times", len(r.used), body.closed)
		}
	})
}

// idleCloser counts requests and ends of idle connections.
type idleCloser struct {
	next          http.RoundTripper
	calls, closed int
}

func (c *idleCloser) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls++
	return c.next.RoundTrip(r)
}

func (c *idleCloser) CloseIdleConnections() { c.closed++ }

// TestTransportRedirect: over real connections, a redirect to another origin
// carries the token nowhere, in whatever way it says so.
func TestTransportRedirect(t *testing.T) {
	var stolen atomic.Int32
	thief := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	defer thief.Close()
	var got []string
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body))
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, thief.URL+"/", http.StatusTemporaryRedirect)
		case "/away-relative":
			http.Redirect(w, r, "//"+strings.TrimPrefix(thief.URL, "https://")+"/", http.StatusPermanentRedirect)
		case "/insecure":
			http.Redirect(w, r, "http"+thief.URL[len("https"):], http.StatusTemporaryRedirect)
		case "/near":
			http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
		}
	}))
	defer api.Close()
	c := newUnitServer().client(t, func(cfg *Config) { cfg.HTTPClient = api.Client() })
	defer c.CloseIdleConnections()
	client := &http.Client{Transport: newTransportOf(t, c, protectedToken("Bearer"), TransportOptions{Origins: []string{api.URL}})}
	for _, path := range []string{"/away", "/away-relative", "/insecure"} {
		res, err := client.Post(api.URL+path, "text/plain", strings.NewReader("body"))
		if wantError(t, err, ErrConfig, "Origins"); res != nil && res.StatusCode == 200 {
			t.Errorf("%s: status %d", path, res.StatusCode)
		}
	}
	if stolen.Load() != 0 {
		t.Errorf("%d requests reached the other origin", stolen.Load())
	}
	got = nil
	res, err := client.Post(api.URL+"/near", "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if want := []string{"/near Bearer the-access-token body", "/there Bearer the-access-token body"}; !slices.Equal(got, want) {
		t.Errorf("requests %q", got)
	}
	// Do hands the redirect back.
	res, err = c.Do(protectedRequest(t, "GET", api.URL+"/away", nil), protectedToken("Bearer"))
	if err != nil || res.StatusCode != 307 || res.Header.Get("Location") != thief.URL+"/" || stolen.Load() != 0 {
		t.Fatal(res, err)
	}
	res.Body.Close()
}

// TestProtectedTransports: which round tripper resources have.
func TestProtectedTransports(t *testing.T) {
	own := newCaller(nil, false, nil)
	patient := transportIn(own.resources)
	if patient == nil || patient.ResponseHeaderTimeout != 0 || patient.MaxResponseHeaderBytes != 1<<20 || patient.TLSHandshakeTimeout == 0 ||
		patient.IdleConnTimeout == 0 {
		t.Errorf("the package's own is %+v", patient)
	}
	if impatient := httpTransport(own.client); impatient == patient || impatient.ResponseHeaderTimeout != headerTimeout {
		t.Error("the endpoints' answers may take their time")
	}
	if c := newCaller(&http.Client{}, false, nil); transportIn(c.resources) != http.DefaultTransport {
		t.Errorf("that of a client without one is %T", c.resources)
	}
	closer := &idleCloser{}
	if c := newCaller(&http.Client{Transport: closer}, false, nil); c.resources != closer {
		t.Errorf("that of a user's client is %T", c.resources)
	}
	c := &caller{client: &http.Client{Transport: &idleCloser{}}, resources: closer}
	if c.closeIdle(); closer.closed != 1 || c.client.Transport.(*idleCloser).closed != 1 {
		t.Error("idle connections are left open")
	}
	(&caller{client: &http.Client{}, resources: httpFunc(nil)}).closeIdle() // has none
}

// TestProtectedTransportsMTLS: resources get the client certificate, and time.
func TestProtectedTransportsMTLS(t *testing.T) {
	cert, _ := httpServerCertificate(t)
	wrapped := 0
	m := &MutualTLS{Certificate: cert, Wrap: func(rt http.RoundTripper) http.RoundTripper { wrapped++; return rt }}
	for _, base := range []*http.Client{nil, {Transport: &http.Transport{ResponseHeaderTimeout: time.Second}}} {
		wrapped = 0
		clients, err := m.clients(base, Clock{})
		if err != nil {
			t.Fatal(err)
		}
		rt := transportIn(clients.resources)
		if rt == nil || rt.TLSClientConfig.GetClientCertificate == nil {
			t.Fatalf("resources get no certificate: %T", clients.resources)
		}
		if base == nil && (rt == httpTransport(clients.with) || rt.ResponseHeaderTimeout != 0 || wrapped != 3) {
			t.Errorf("the package's own has %v, %d are wrapped", rt.ResponseHeaderTimeout, wrapped)
		}
		if base != nil && (rt != httpTransport(clients.with) || rt.ResponseHeaderTimeout != time.Second || wrapped != 2) {
			t.Errorf("the user's has %v, %d are wrapped", rt.ResponseHeaderTimeout, wrapped)
		}
		c := newUnitServer().client(t, func(cfg *Config) { cfg.MTLS, cfg.HTTPClient, cfg.Clock = m, base, Clock{} })
		if own := transportIn(c.caller.resources); own == nil || own.TLSClientConfig == nil || own.TLSClientConfig.GetClientCertificate == nil ||
			(own.ResponseHeaderTimeout == 0) != (base == nil) {
			t.Error("a Client's resources get no certificate, or another's time")
		}
	}
}
