package oauth

// What a wire does with connections, and a watch with what becomes of a request.

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestCloneTransport: a clone speaks the protocol that its original would, dials as it
// does, and has limits where that has none.
func TestCloneTransport(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	dials := 0
	for name, tt := range map[string]struct {
		theirs *http.Transport
		proto  string
		dials  int // by their own function
	}{
		"roots":               {&http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, "HTTP/1.1", 0},
		"HTTP/1 by name":      {&http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}}}, "HTTP/1.1", 0},
		"HTTP/2 by name":      {&http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}}}, "HTTP/2.0", 0},
		"HTTP/2 by the field": {&http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}, "HTTP/2.0", 0},
		"an old Dial": {&http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots},
			//lint:ignore SA1019 a deprecated field that is set dials all the same
			Dial: func(network, address string) (net.Conn, error) { dials++; return net.Dial(network, address) },
		}, "HTTP/1.1", 1},
	} {
		dials = 0
		c := newCaller(&http.Client{Transport: tt.theirs}, false, nil)
		res, err := c.do(t.Context(), httpGet(server.URL))
		if err != nil || string(res.body) != tt.proto || dials != tt.dials {
			t.Errorf("%s: %v, %v, want %s; dialed %d times", name, res, err, tt.proto, dials)
		}
		c.closeIdle()
	}
	for name, tt := range map[string]struct {
		theirs          *http.Transport
		handshake, idle time.Duration
	}{
		"none":   {new(http.Transport), tlsTimeout, idleTimeout},
		"theirs": {&http.Transport{TLSHandshakeTimeout: time.Hour, IdleConnTimeout: 2 * time.Hour}, time.Hour, 2 * time.Hour},
	} {
		if c := cloneTransport(tt.theirs); c.TLSHandshakeTimeout != tt.handshake || c.IdleConnTimeout != tt.idle {
			t.Errorf("%s: %v for a handshake, %v idle", name, c.TLSHandshakeTimeout, c.IdleConnTimeout)
		}
	}
}

// TestWireAge: a transport is given up once it had the time to be tried, and only the
// one that is in use.
func TestWireAge(t *testing.T) {
	cert, _ := httpServerCertificate(t)
	offer := func(context.Context) (*tls.Certificate, error) { return &cert, nil }
	for name, made := range map[string]func() *wire{
		"without a certificate": func() *wire { return wired(new(http.Transport)).(*wire) },
		"with one":              func() *wire { return offering(&http.Transport{TLSClientConfig: new(tls.Config)}, offer, Clock{}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := made()
				first := w.current()
				w.giveUp(first)
				time.Sleep(silence - 1)
				if w.giveUp(first); w.current() != first {
					t.Error("it is given up at once")
				}
				time.Sleep(time.Nanosecond)
				w.giveUp(first)
				second := w.current()
				if second == first {
					t.Error("it is not given up")
				}
				time.Sleep(silence)
				if w.giveUp(first); w.current() != second {
					t.Error("its successor is given up for it")
				}
			})
		})
	}
}

// A queuedConn does not wait for who reads what is written.
type queuedConn struct {
	net.Conn
	queue chan []byte
}

func newQueuedConn(c net.Conn) *queuedConn {
	q := &queuedConn{c, make(chan []byte, 100)}
	go func() {
		for b := range q.queue {
			c.Write(b)
		}
		c.Close()
	}()
	return q
}

func (c *queuedConn) Write(b []byte) (int, error) {
	c.queue <- append([]byte(nil), b...)
	return len(b), nil
}

func (c *queuedConn) Close() error { close(c.queue); return nil }

// TestWireReplace: a connection of what was replaced is closed at once or, with a
// request under way, soon after that has ended, which it does in peace.
func TestWireReplace(t *testing.T) {
	for name, tt := range map[string]struct {
		answer time.Duration // when it comes
		closed time.Duration // after the replacement, a second later
	}{
		"idle":      {0, 0},
		"under way": {time.Second + flightGrace*3/4, flightGrace},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(http2Server)
				s.set(func(int) string { time.Sleep(tt.answer); return "" }, "{}")
				ended := make(chan time.Time, 1)
				theirs := cloneTransport(&http.Transport{Protocols: new(http.Protocols), DialContext: func(context.Context, string, string) (net.Conn, error) {
					client, server := net.Pipe()
					go func() {
						s.serve(newQueuedConn(server))
						ended <- monotonic()
					}()
					return client, nil
				}})
				theirs.Protocols.SetUnencryptedHTTP2(true)
				c := newCaller(&http.Client{Transport: theirs}, true, nil)
				var request sync.WaitGroup
				request.Go(func() {
					if res, err := c.do(t.Context(), httpGet("http://op.example/")); err != nil || string(res.body) != "{}" {
						t.Errorf("%v, %v", res, err)
					}
				})
				time.Sleep(time.Second)
				w := c.client.Transport.(*wire)
				w.mu.Lock()
				w.replace()
				w.mu.Unlock()
				start := monotonic()
				if took := (<-ended).Sub(start); took != tt.closed {
					t.Errorf("closed after %v, want %v", took, tt.closed)
				}
				request.Wait()
			})
		})
	}
}

// TestWireBroken: where one kept connection broke the others are not tried; where a
// request was given up they are used on.
func TestWireBroken(t *testing.T) {
	for _, broken := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &wireServer{breaks: true}
			theirs := &http.Transport{TLSHandshakeTimeout: time.Minute, MaxIdleConnsPerHost: 16, DialContext: s.dial}
			c := newCaller(&http.Client{Transport: theirs}, true, nil)
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					if _, err := c.do(t.Context(), httpGet("http://op.example/")); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			want := 3
			if broken {
				want = 4
				for _, dead := range s.conns {
					dead.Store(true)
				}
			} else {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				if _, err := c.do(ctx, httpGet("http://op.example/")); err == nil {
					t.Error("it was not given up")
				}
			}
			if _, err := c.do(t.Context(), httpGet("http://op.example/")); err != nil || len(s.conns) != want {
				t.Errorf("broken: %v: %v, %d connections, want %d", broken, err, len(s.conns), want)
			}
			c.closeIdle()
			time.Sleep(time.Minute)
		})
	}
}

// TestWithTrace: the hooks of a watch and of the program are called as
// httptrace.WithClientTrace has them called: ours first, and each as often.
func TestWithTrace(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	for name, theirs := range map[string]func(log func(string)) []*httptrace.ClientTrace{
		"none":  func(func(string)) []*httptrace.ClientTrace { return nil },
		"empty": func(func(string)) []*httptrace.ClientTrace { return []*httptrace.ClientTrace{{}} },
		"the hooks of a watch": func(log func(string)) []*httptrace.ClientTrace {
			return []*httptrace.ClientTrace{{
				GotConn:              func(info httptrace.GotConnInfo) { log("their " + info.Conn.RemoteAddr().String()) },
				WroteHeaders:         func() { log("they wrote") },
				GotFirstResponseByte: func() { log("they got") },
			}}
		},
		"others, twice": func(log func(string)) []*httptrace.ClientTrace {
			more := &httptrace.ClientTrace{
				GetConn:      func(string) { log("get") },
				ConnectStart: func(string, string) { log("connect") },
				ConnectDone:  func(string, string, error) { log("connected") },
				WroteRequest: func(httptrace.WroteRequestInfo) { log("wrote all") },
			}
			again := *more
			return []*httptrace.ClientTrace{more, &again}
		},
	} {
		calls := func(with func(context.Context, *httptrace.ClientTrace) context.Context) (list []string) {
			var mu sync.Mutex
			log := func(s string) {
				mu.Lock()
				defer mu.Unlock()
				list = append(list, s)
			}
			ctx := t.Context()
			for _, trace := range theirs(log) {
				ctx = httptrace.WithClientTrace(ctx, trace)
			}
			ctx = with(ctx, &httptrace.ClientTrace{
				GotConn:              func(info httptrace.GotConnInfo) { log("our " + info.Conn.RemoteAddr().String()) },
				WroteHeaders:         func() { log("we wrote") },
				GotFirstResponseByte: func() { log("we got") },
			})
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			transport := new(http.Transport)
			defer transport.CloseIdleConnections()
			res, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			return slices.Sorted(slices.Values(list)) // writing and reading are not in order with one another
		}
		if got, want := calls(withTrace), calls(httptrace.WithClientTrace); !slices.Equal(got, want) || len(got) < 3 {
			t.Errorf("%s: %q, and WithClientTrace has %q", name, got, want)
		}
	}
	var order []string
	ctx := httptrace.WithClientTrace(context.WithValue(t.Context(), hookQueueKey{}, "kept"), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { order = append(order, "their") }, WroteHeaders: func() { order = append(order, "their") },
	})
	ctx = withTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { order = append(order, "our") }, WroteHeaders: func() { order = append(order, "our") },
	})
	trace := httptrace.ContextClientTrace(ctx)
	trace.GotConn(httptrace.GotConnInfo{})
	trace.WroteHeaders()
	if !slices.Equal(order, []string{"our", "their", "our", "their"}) || ctx.Value(hookQueueKey{}) != "kept" {
		t.Errorf("called in the order %q, and the context has %v", order, ctx.Value(hookQueueKey{}))
	}
}

// TestWatchEnd: what belongs to a request ends with its answer, and that is handed on as
// it came.
func TestWatchEnd(t *testing.T) {
	read := func(res *http.Response) { io.Copy(io.Discard, res.Body) }
	closed := func(res *http.Response) { res.Body.Close() }
	for name, tt := range map[string]struct {
		status  int
		upgrade string
		body    io.ReadCloser
		err     error
		finish  func(*http.Response)
		ends    bool
	}{
		"no answer":           {0, "", nil, io.EOF, nil, true},
		"no body":             {204, "", http.NoBody, nil, nil, true},
		"read":                {200, "", io.NopCloser(strings.NewReader("{}")), nil, read, true},
		"closed":              {200, "", io.NopCloser(strings.NewReader("{}")), nil, closed, true},
		"asked for another":   {200, "websocket", io.NopCloser(strings.NewReader("{}")), nil, closed, true},
		"switched":            {101, "websocket", io.NopCloser(strings.NewReader("frames")), nil, closed, false}, // it is the program's
		"switched, not asked": {101, "", io.NopCloser(strings.NewReader("frames")), nil, closed, true},
	} {
		t.Run(name, func(t *testing.T) {
			var ctx context.Context
			rt := httpFunc(func(r *http.Request) (*http.Response, error) {
				if ctx = r.Context(); tt.err != nil {
					return nil, tt.err
				}
				return &http.Response{StatusCode: tt.status, Body: tt.body, Request: r}, nil
			})
			req := protectedRequest(t, "GET", unitAPI, nil)
			if tt.upgrade != "" {
				req.Header.Set("Upgrade", tt.upgrade)
			}
			res, err := new(watch).send(rt, req)
			if err != tt.err {
				t.Fatal(err)
			}
			if tt.finish != nil {
				if ctx.Err() != nil {
					t.Error("it ends before the answer was read")
				}
				tt.finish(res)
			}
			if ends := ctx.Err() != nil; ends != tt.ends {
				t.Errorf("it ended: %v, want %v", ends, tt.ends)
			}
			if res != nil && (res.Request != req || (res.Body == http.NoBody) != (tt.body == http.NoBody)) {
				t.Error("the answer is to another request, or has another body")
			}
		})
	}
}

// TestWatchJudge: silence is where a request had a connection and ended by a timeout, or
// by who did not want to wait any longer.
func TestWatchJudge(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	for name, tt := range map[string]struct {
		conns int
		give  func(context.Context) (context.Context, context.CancelFunc)
		err   error
		want  bool
	}{
		"deadline":             {1, within(time.Minute), context.DeadlineExceeded, true},
		"canceled":             {1, canceledAfter(time.Minute), context.Canceled, true},
		"while dialing":        {0, within(time.Minute), context.DeadlineExceeded, false},
		"closed after a while": {1, within(time.Hour), io.EOF, false},
		"reset after a while":  {1, within(time.Hour), reset, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := tt.give(t.Context())
				defer cancel()
				dead := false
				w := &watch{conns: tt.conns, got: monotonic(), dead: func() { dead = true }}
				time.Sleep(time.Minute)
				synctest.Wait()
				if w.judge(ctx, tt.err); dead != tt.want {
					t.Errorf("dead: %v, want %v", dead, tt.want)
				}
				(&watch{conns: tt.conns, got: w.got}).judge(ctx, tt.err) // of a round tripper that is not net/http's own
			})
		})
	}
	// An answer that was read to its end tells of no silence, whenever that was.
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-1))
	defer cancel()
	dead := false
	w := &watch{conns: 1, answered: true, dead: func() { dead = true }, cancel: func(error) {}}
	body := &watchedBody{ReadCloser: io.NopCloser(strings.NewReader("{}")), watch: w, ctx: ctx}
	if b, err := io.ReadAll(body); err != nil || string(b) != "{}" || dead {
		t.Errorf("%q, %v, dead: %v", b, err, dead)
	}
}

// TestWatchExplain: what may be sent once more is what is safe, and what certainly did
// not arrive.
func TestWatchExplain(t *testing.T) {
	for name, tt := range map[string]struct {
		watch  *watch
		method string
		err    error
		again  bool
	}{
		"safe":                         {&watch{refused: true, direct: true, wrote: true}, "GET", io.EOF, true},
		"safe, by no name":             {&watch{refused: true, direct: true, wrote: true}, "", io.EOF, true},
		"safe, answered in part":       {&watch{refused: true, direct: true, wrote: true, answered: true}, "GET", io.EOF, false},
		"an order":                     {&watch{refused: true, direct: true, wrote: true}, "POST", io.EOF, false},
		"an order, not written":        {&watch{refused: true, direct: true}, "POST", io.EOF, true},
		"an order over HTTP/1":         {&watch{refused: true, direct: true, wrote: true, http1: true}, "POST", io.EOF, true}, // net/http knows
		"an order, repeated by others": {&watch{refused: true, wrote: true, http1: true}, "POST", io.EOF, false},
		"refused by the server":        {new(watch), "POST", errors.New("http2: Transport: cannot retry err [stream error: REFUSED_STREAM] after"), true},
		// net/http quotes what a server sent in place of a status line.
		"the server's words": {new(watch), "POST", errors.New(`malformed HTTP response "http2: Transport: cannot retry err [GOAWAY"`), false},
	} {
		req := protectedRequest(t, tt.method, unitAPI, nil)
		req.Method = tt.method
		err := tt.watch.explain(req, tt.err)
		if again := sendAgain(t.Context(), err); again != tt.again {
			t.Errorf("%s: again: %v, want %v", name, again, tt.again)
		}
		var repeated repeatedError
		if errors.As(err, &repeated) != tt.watch.refused || !tt.watch.refused && !errors.Is(err, tt.err) {
			t.Errorf("%s: the reason %v is lost", name, err)
		}
		// Who gave up is told that, and nothing is sent any more.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if gone := tt.watch.explain(req.WithContext(ctx), context.Canceled); gone != context.Canceled || sendAgain(ctx, err) {
			t.Errorf("%s, given up: %v", name, gone)
		}
	}
}

// TestWatchClose: a connection that is refused is closed without a word of TLS, for which
// the other side might let us wait.
func TestWatchClose(t *testing.T) {
	cert, _ := httpServerCertificate(t)
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer server.Close()
		secure := tls.Client(client, &tls.Config{InsecureSkipVerify: true})
		go tls.Server(server, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true}).Handshake()
		if err := secure.Handshake(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w := &watch{direct: true, conns: 1, cancel: func(error) {}}
		start := monotonic()
		w.gotConn(httptrace.GotConnInfo{Conn: secure, Reused: true})
		if took := monotonic().Sub(start); took != 0 {
			t.Errorf("it took %v", took)
		}
		if b, err := bufio.NewReader(server).ReadByte(); err != io.EOF {
			t.Errorf("the server got %d, %v", b, err)
		}
	})
}
