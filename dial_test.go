package oauth

// What net/http and round trippers do with a request that nobody asked them for.

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/oauth/oauthtest"
)

// http2Server is HTTP/2 by hand, as far as it takes to break it: it counts requests and
// answers each with fault, or well where that is "".
type http2Server struct {
	mu      sync.Mutex
	fault   func(n int) string
	arrived int
	body    string // of the answers

	flooded chan int // bytes that a flood could send
}

// http2Codes are the error codes of RFC 9113, Section 7.
var http2Codes = []string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
	"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}

func newHTTP2Server(t *testing.T) (s *http2Server, origin string, client *http.Client) {
	t.Helper()
	cert, roots := httpServerCertificate(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s = &http2Server{flooded: make(chan int, 1)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return s, "https://" + l.Addr().String(), &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// set begins anew.
func (s *http2Server) set(fault func(n int) string, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.body, s.arrived = fault, body, 0
}

func (s *http2Server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived
}

func http2Frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	return append(binary.BigEndian.AppendUint32(append(b, flags), stream), payload...)
}

func (s *http2Server) serve(c net.Conn) {
	defer c.Close()
	serveHTTP2(c, func(stream uint32) bool { return s.respond(c, stream) })
}

// serveHTTP2 is HTTP/2 by hand: it reads frames, answers those of the connection, and calls
// respond at the end of each request, for as long as it returns true.
func serveHTTP2(c net.Conn, respond func(stream uint32) bool) {
	r := bufio.NewReader(c)
	if _, err := r.Discard(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
		return
	}
	c.Write(http2Frame(4, 0, 0, nil)) // SETTINGS
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(r, head); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(head)>>8)
		if _, err := io.ReadFull(r, payload); err != nil {
			return
		}
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		switch {
		case kind == 4 && flags&1 == 0:
			c.Write(http2Frame(4, 1, 0, nil))
		case kind == 6 && flags&1 == 0:
			c.Write(http2Frame(6, 1, 0, payload))
		case (kind == 0 || kind == 1) && flags&1 != 0: // the end of a request
			if !respond(stream) {
				return
			}
		}
	}
}

// respond answers a request, and reports whether the connection goes on.
func (s *http2Server) respond(c net.Conn, stream uint32) bool {
	s.mu.Lock()
	s.arrived++
	fault, body := s.fault(s.arrived), s.body
	s.mu.Unlock()
	name, rest, _ := strings.Cut(fault, " ")
	code := binary.BigEndian.AppendUint32(nil, uint32(max(0, slices.Index(http2Codes, rest))))
	switch name {
	case "close":
		return false
	case "RST":
		c.Write(http2Frame(3, 0, stream, code))
	case "GOAWAY": // nothing was taken
		c.Write(http2Frame(7, 0, 0, append(make([]byte, 4), code...)))
	case "flood": // a good answer, and then frames that nobody asked for, until nobody takes them
		header := []byte{0x88}
		c.Write(append(http2Frame(1, 4, stream, header), http2Frame(0, 1, stream, []byte(body))...))
		pings := bytes.Repeat(http2Frame(6, 1, 0, make([]byte, 8)), 1<<10)
		sent := 0
		for ; sent < 64<<20; sent += len(pings) {
			if _, err := c.Write(pings); err != nil {
				break
			}
		}
		s.flooded <- sent
		return false
	case "LAST": // this one was
		c.Write(http2Frame(7, 0, 0, append(binary.BigEndian.AppendUint32(nil, stream), code...)))
		return false
	default:
		header := append([]byte{0x88, 0x0f, 0x10, byte(len(mediaJSON))}, mediaJSON...) // :status 200, content-type
		c.Write(append(http2Frame(1, 4, stream, header), http2Frame(0, 1, stream, []byte(body))...))
	}
	return true
}

// http2Operations are requests of every kind, each with the answer that it wants.
func http2Operations(t *testing.T, origin string, client *http.Client) map[string]func(context.Context) (answer string, call func() error) {
	token := `{"access_token":"a","token_type":"Bearer","refresh_token":"next"}`
	config := func(auth ClientAuth, d *DPoP) *Client {
		c, err := NewClient(Config{
			Server: &AuthorizationServer{
				Issuer: origin, TokenEndpoint: origin + "/token",
				RevocationEndpoint: origin + "/revoke", IntrospectionEndpoint: origin + "/introspect",
			},
			Metadata: ClientMetadata{ClientID: unitClient}, Auth: auth, HTTPClient: client, DPoP: d,
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	basic, signed, proven := config(ClientSecretBasic("secret-secret"), nil), config(PrivateKeyJWT(unitKey(), nil), nil), config(PublicClient(), unitDPoP(t))
	have := &Token{AccessToken: NewSecret("at"), RefreshToken: NewSecret("rt"), TokenType: "Bearer"}
	bound := &Token{AccessToken: NewSecret("at"), TokenType: "DPoP"}
	do := func(c *Client, tok *Token, method, body string) func(context.Context) (string, func() error) {
		return func(ctx context.Context) (string, func() error) {
			return "{}", func() error {
				var content io.Reader
				if body != "" {
					content = strings.NewReader(body)
				}
				req, err := http.NewRequestWithContext(ctx, method, origin+"/api", content)
				if err != nil {
					return err
				}
				res, err := c.Do(req, tok)
				if err == nil {
					discard(res)
				}
				return err
			}
		}
	}
	return map[string]func(context.Context) (string, func() error){
		"POST refresh": func(ctx context.Context) (string, func() error) {
			return token, func() error { _, err := basic.Refresh(ctx, have, nil); return err }
		},
		"POST assertion": func(ctx context.Context) (string, func() error) {
			return token, func() error { _, err := signed.ClientCredentials(ctx, nil); return err }
		},
		"POST proof": func(ctx context.Context) (string, func() error) {
			return strings.Replace(token, "Bearer", "DPoP", 1), func() error { _, err := proven.Refresh(ctx, have, nil); return err }
		},
		"POST introspection": func(ctx context.Context) (string, func() error) {
			return `{"active":true}`, func() error { _, err := basic.Introspect(ctx, "the-token", nil); return err }
		},
		"POST revocation": func(ctx context.Context) (string, func() error) {
			return "{}", func() error { return basic.Revoke(ctx, "the-token", nil) }
		},
		"GET discovery": func(ctx context.Context) (string, func() error) {
			return `{"issuer":"` + origin + `"}`, func() error {
				_, err := Discover(ctx, origin, &DiscoverOptions{HTTPClient: client})
				return err
			}
		},
		"GET resource metadata": func(ctx context.Context) (string, func() error) {
			return `{"resource":"` + origin + `"}`, func() error {
				_, err := DiscoverResource(ctx, origin, &DiscoverOptions{HTTPClient: client})
				return err
			}
		},
		"GET keys": func(ctx context.Context) (string, func() error) {
			set, err := NewKeySet(origin+"/jwks", &KeySetOptions{HTTPClient: client})
			if err != nil {
				t.Fatal(err)
			}
			return `{"keys":[` + string(unitKey().PublicJWK()) + `]}`, func() error { return set.Refresh(ctx) }
		},
		"POST resource":             do(basic, have, "POST", "an order"),
		"POST resource, proof":      do(proven, bound, "POST", "an order"),
		"POST resource, no content": do(basic, have, "POST", ""),
		"DELETE resource":           do(proven, bound, "DELETE", ""),
		"GET resource":              do(basic, have, "GET", ""),
		"GET resource, proof":       do(proven, bound, "GET", ""),
	}
}

// TestReplayHTTP2: whatever a server does to a stream or the connection, once or each
// time, what uses something up arrives once, but where the server said that it did
// nothing, and nothing arrives more than twice.
func TestReplayHTTP2(t *testing.T) {
	s, origin, client := newHTTP2Server(t)
	faults := []string{"close"}
	for _, code := range http2Codes {
		faults = append(faults, "RST "+code, "GOAWAY "+code, "LAST "+code)
	}
	for name, operation := range http2Operations(t, origin, client) {
		t.Run(name, func(t *testing.T) {
			for _, fault := range faults {
				undone := fault == "RST REFUSED_STREAM" || strings.HasPrefix(fault, "GOAWAY") // RFC 9113, Sections 8.7 and 6.8
				most := 1
				if undone || strings.HasPrefix(name, "GET") {
					most = 2
				}
				for _, each := range []bool{false, true} {
					answer, call := operation(t.Context())
					s.set(func(n int) string {
						if n == 1 || each {
							return fault
						}
						return ""
					}, answer)
					err := call()
					n := s.count()
					if n < 1 || n > most || n == 1 && err == nil || each && err == nil {
						t.Errorf("%s, each time %v: arrived %d times, %v", fault, each, n, err)
					}
					if err != nil && !errors.Is(err, ErrNetwork) && !errors.Is(err, ErrUnavailable) {
						t.Errorf("%s: %v is not of the network", fault, err)
					}
					// An empty body cannot be told from none, and the reason is not known then.
					if known := strings.HasPrefix(name, "GET") || !strings.Contains(name, "no content") && !strings.HasPrefix(name, "DELETE"); undone &&
						known &&
						!each &&
						err != nil &&
						(fault == "RST REFUSED_STREAM" || fault == "GOAWAY NO_ERROR") {
						t.Errorf("%s: the server did nothing, and is not asked again: %v", fault, err)
					}
				}
			}
		})
	}
}

// TestReplayHTTP1: after a kept connection broke, what is idempotent goes once more with
// a new proof, and nothing else.
func TestReplayHTTP1(t *testing.T) {
	for _, tt := range []struct {
		name   string
		method string
		body   io.Reader
		header string
		want   int
	}{
		{"GET", "GET", nil, "", 2},
		{"HEAD", "HEAD", nil, "", 2},
		{"GET with content", "GET", strings.NewReader("x"), "", 1}, // net/http would not either
		{"POST", "POST", strings.NewReader("x"), "", 1},
		{"POST without content", "POST", nil, "", 1},
		{"POST with a key, without content", "POST", nil, "Idempotency-Key", 2}, // net/http takes it for idempotent
		{"DELETE", "DELETE", nil, "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var mu sync.Mutex
			var proofs []string // of requests after the first
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer c.Close()
						r := bufio.NewReader(c)
						for {
							req, err := http.ReadRequest(r)
							if err != nil {
								return
							}
							io.Copy(io.Discard, req.Body)
							if req.URL.Path != "/first" {
								mu.Lock()
								proofs = append(proofs, req.Header.Get("DPoP"))
								mu.Unlock()
								return
							}
							io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
						}
					}()
				}
			}()
			transport := &http.Transport{TLSHandshakeTimeout: time.Minute}
			defer transport.CloseIdleConnections()
			c := newUnitServer().client(t, func(cfg *Config) {
				cfg.HTTPClient, cfg.DPoP, cfg.InsecureAllowHTTP = &http.Client{Transport: transport}, unitDPoP(t), true
			})
			origin := "http://" + l.Addr().String()
			res, err := c.Do(protectedRequest(t, "GET", origin+"/first", nil), protectedToken("DPoP"))
			if err != nil {
				t.Fatal(err)
			}
			discard(res)
			req := protectedRequest(t, tt.method, origin+"/second", tt.body)
			if tt.header != "" {
				req.Header.Set(tt.header, "1")
			}
			res, err = c.Do(req, protectedToken("DPoP"))
			wantError(t, err, ErrNetwork, "")
			mu.Lock()
			defer mu.Unlock()
			if res != nil || len(proofs) != tt.want || len(proofs) == 2 && (proofs[0] == proofs[1] || proofs[0] == "") {
				t.Errorf("arrived %d times, want %d; proofs %.40q", len(proofs), tt.want, proofs)
			}
		})
	}
}

// TestWatch: what is refused is refused before anything is written. HTTP/2 looks at the
// context; a connection of HTTP/1 is closed.
func TestWatch(t *testing.T) {
	for name, conn := range map[string]func(net.Conn) net.Conn{
		"plain": func(c net.Conn) net.Conn { return c },
		"TLS":   func(c net.Conn) net.Conn { return tls.Client(c, &tls.Config{ServerName: "op.example"}) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			w := &watch{direct: true, cancel: cancel}
			first, _ := net.Pipe()
			second, _ := net.Pipe()
			defer first.Close()
			w.gotConn(httptrace.GotConnInfo{Conn: conn(first)})
			if w.refused || ctx.Err() != nil || first.SetDeadline(time.Now()) != nil {
				t.Error("the first connection was refused")
			}
			w.gotConn(httptrace.GotConnInfo{Conn: conn(second), Reused: true})
			if !w.refused || ctx.Err() == nil || second.SetDeadline(time.Now()) == nil {
				t.Error("the second connection was not refused")
			}
		})
	}
	answered := &watch{direct: true, answered: true, cancel: func(error) {}}
	for range 2 {
		c, _ := net.Pipe()
		answered.gotConn(httptrace.GotConnInfo{Conn: c})
	}
	if !answered.refused {
		t.Error("net/http may repeat a request after a part of an answer")
	}
}

// TestReplayForeign: a round tripper that is not net/http's own may ask again after an
// answer, once; after none net/http beneath it may not.
func TestReplayForeign(t *testing.T) {
	s, origin, client := newHTTP2Server(t)
	for name, tt := range map[string]struct {
		fault func(int) string
		retry int // requests in all, after good answers
		want  int
		fails bool
	}{
		"repeated by net/http":    {func(int) string { return "RST REFUSED_STREAM" }, 1, 2, true},
		"another after answers":   {func(int) string { return "" }, 2, 2, false},
		"a third after answers":   {func(int) string { return "" }, 3, 2, true},
		"another after no answer": {func(int) string { return "RST INTERNAL_ERROR" }, 2, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			s.set(tt.fault, "{}")
			again := httpFunc(func(r *http.Request) (res *http.Response, err error) {
				for range tt.retry {
					if res != nil {
						discard(res)
					}
					if res, err = client.Transport.RoundTrip(r); err != nil && s.count() != 1 {
						return nil, err
					}
				}
				return res, err
			})
			_, err := newCaller(again.client(), false, nil).doOnce(t.Context(), httpGet(origin))
			if sendAgain(t.Context(), err) {
				_, err = newCaller(again.client(), false, nil).doOnce(t.Context(), httpGet(origin))
			}
			if n := s.count(); n > tt.want || (err != nil) != tt.fails {
				t.Errorf("arrived %d times, want %d: %v", n, tt.want, err)
			}
		})
	}
}

// TestHTTPFollowedInPlace: a round tripper that writes the place of a redirect into the
// request that it was given has sent it on all the same.
func TestHTTPFollowedInPlace(t *testing.T) {
	place, _ := url.Parse("https://other.example/")
	for name, follow := range map[string]func(r *http.Request){
		"another URL":  func(r *http.Request) { r.URL = place },
		"the same one": func(r *http.Request) { *r.URL = *place },
		"its host":     func(r *http.Request) { r.URL.Host = place.Host },
		"none":         func(r *http.Request) { r.URL = nil },
	} {
		t.Run(name, func(t *testing.T) {
			rt := httpFunc(func(r *http.Request) (*http.Response, error) {
				follow(r)
				return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
			})
			refused := name != "none" // where it went is not known then
			req := protectedRequest(t, "GET", unitAPI, nil)
			c := newCaller(rt.client(), false, nil)
			if _, err := c.do(t.Context(), httpGet("https://op.example/")); errors.Is(err, ErrResponse) != refused {
				t.Error(err)
			}
			if _, err := c.send(rt, req, "test"); errors.Is(err, ErrResponse) != refused || req.URL.String() != unitAPI {
				t.Error(err, req.URL)
			}
		})
	}
}

// TestHTTPFollowed: a round tripper that follows redirects says so in its answer.
func TestHTTPFollowed(t *testing.T) {
	place, _ := url.Parse("https://other.example/")
	for name, tt := range map[string]struct {
		request func(r *http.Request) *http.Request // of the answer
		refused bool
	}{
		"none":     {func(*http.Request) *http.Request { return nil }, false},
		"the same": {func(r *http.Request) *http.Request { return r }, false},
		"no URL":   {func(*http.Request) *http.Request { return new(http.Request) }, false},
		"another spelling": {func(r *http.Request) *http.Request {
			return &http.Request{URL: &url.URL{Scheme: "https", Host: strings.ToUpper(r.URL.Hostname()) + ":443", Path: "/internal"}}
		}, false},
		"another host": {func(*http.Request) *http.Request { return &http.Request{URL: place} }, true},
		"another port": {func(r *http.Request) *http.Request {
			return &http.Request{URL: &url.URL{Scheme: "https", Host: r.URL.Hostname() + ":8443"}}
		}, true},
		"in plain": {func(r *http.Request) *http.Request {
			return &http.Request{URL: &url.URL{Scheme: "http", Host: r.URL.Host}}
		}, true},
		"after a redirect": {func(r *http.Request) *http.Request {
			return &http.Request{URL: r.URL, Response: &http.Response{StatusCode: 307}}
		}, true},
		"to another origin": {func(*http.Request) *http.Request { return &http.Request{URL: place, Response: new(http.Response)} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			body := &closeCounter{Reader: strings.NewReader("{}")}
			rt := httpFunc(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Body: body, Request: tt.request(r)}, nil
			})
			c := newCaller(rt.client(), false, nil)
			res, err := c.do(t.Context(), httpGet("https://op.example/"))
			_, sendErr := c.send(rt, protectedRequest(t, "GET", unitAPI, nil), "test")
			if (err != nil) != tt.refused || (sendErr != nil) != tt.refused || (res == nil) != tt.refused {
				t.Fatalf("%v, %v, want refused: %v", err, sendErr, tt.refused)
			}
			if tt.refused {
				wantError(t, err, ErrResponse, "")
				wantError(t, sendErr, ErrResponse, "")
				if body.closed != 2 {
					t.Errorf("the body was closed %d times", body.closed)
				}
			}
		})
	}
}

// TestHTTPFollowedLetters: beyond ASCII a host in other letters is another host to IDNA,
// which reads ss of a capital sharp s.
func TestHTTPFollowedLetters(t *testing.T) {
	for name, follow := range map[string]func(r *http.Request) *http.Request{
		"in a request of its own": func(r *http.Request) *http.Request {
			return &http.Request{URL: &url.URL{Scheme: "https", Host: "stra\u1e9ee.example"}}
		},
		"in place": func(r *http.Request) *http.Request {
			r.URL.Host = "stra\u1e9ee.example"
			return r
		},
	} {
		rt := httpFunc(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}")), Request: follow(r)}, nil
		})
		const place = "https://stra\u00dfe.example/"
		c := newCaller(rt.client(), false, nil)
		if _, err := c.do(t.Context(), httpGet(place)); !errors.Is(err, ErrResponse) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.send(rt, protectedRequest(t, "GET", place, nil), "test"); !errors.Is(err, ErrResponse) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRewritesHost: what is marked may send requests elsewhere, as what Wrap returns,
// Base and the Transport of a client, and follows no redirect all the same.
func TestRewritesHost(t *testing.T) {
	redirected := false
	rt := RewritesHost(httpFunc(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		if r.URL.Host = "inside.example"; redirected {
			r.Response = new(http.Response)
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
	}))
	c := newCaller(&http.Client{Transport: rt}, false, nil)
	send := func() error {
		_, err := c.do(t.Context(), httpGet("https://op.example/"))
		_, sendErr := c.send(rt, protectedRequest(t, "GET", unitAPI, nil), "test")
		if (err == nil) != (sendErr == nil) {
			t.Errorf("%v, %v", err, sendErr)
		}
		return err
	}
	if err := send(); err != nil {
		t.Error(err)
	}
	redirected = true
	wantError(t, send(), ErrResponse, "")

	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	marked := &http.Client{Transport: RewritesHost(nil)}
	c = newCaller(marked, true, nil)
	if res, err := c.do(t.Context(), httpGet(server.URL)); err != nil || res.status != http.StatusNotFound {
		t.Errorf("%v, %v", res, err)
	}
	idle := new(idleCloser)
	newCaller(&http.Client{Transport: RewritesHost(idle)}, false, nil).closeIdle()
	if idle.closed == 0 {
		t.Error("CloseIdleConnections goes no further")
	}
	newCaller(&http.Client{Transport: rt}, false, nil).closeIdle() // which has nothing to close
	if plain := new(http.Transport); RewritesHost(plain) != http.RoundTripper(plain) {
		t.Error("a transport of net/http is not what it was")
	}
}

// countedServer is a server that counts its connections.
func countedServer(t *testing.T, start func(*httptest.Server)) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	connections := new(atomic.Int32)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	start(server)
	t.Cleanup(server.Close)
	return server, connections
}

// TestHTTPRelease: a caller for one call leaves no connection that nobody can close, and
// leaves those of the user's own transport alone.
func TestHTTPRelease(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		server, connections := countedServer(t, (*httptest.Server).StartTLS)
		server.Client().Transport.(*http.Transport).TLSHandshakeTimeout = time.Minute
		c := newCaller(server.Client(), false, nil)
		w := c.client.Transport.(*wire)
		if w.transport != server.Client().Transport {
			t.Fatal("the test needs the user's own transport")
		}
		if replaced {
			w.mu.Lock()
			w.replace()
			w.mu.Unlock()
		}
		for range 2 {
			if _, err := c.do(t.Context(), httpGet(server.URL)); err != nil {
				t.Fatal(err)
			}
			c.release()
		}
		if n := connections.Load(); (n == 2) != replaced {
			t.Errorf("replaced: %v, %d connections for two requests", replaced, n)
		}
	}
}

// TestOneConnection: discovery, the token endpoint, the key set and the endpoints of
// another Client of a server need one connection, if nobody has set an HTTPClient.
func TestOneConnection(t *testing.T) {
	server, connections := countedServer(t, (*httptest.Server).Start)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/token":
			io.WriteString(w, `{"access_token":"at","token_type":"Bearer","expires_in":60}`)
		case "/jwks":
			fmt.Fprintf(w, `{"keys":[%s]}`, unitKey().PublicJWK())
		default:
			fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":%q,"jwks_uri":%q,"authorization_endpoint":%[1]q,"response_types_supported":["code"],
				"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}`, server.URL, server.URL+"/token", server.URL+"/jwks")
		}
	})
	for range 2 {
		as, err := Discover(t.Context(), server.URL, &DiscoverOptions{InsecureAllowHTTP: true})
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewClient(Config{
			Server: as, Metadata: ClientMetadata{ClientID: unitClient}, Auth: ClientSecretBasic("secret"), InsecureAllowHTTP: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.ClientCredentials(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if err := c.keys.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestKeysShareTheCopy: a user's transport is copied once for a Client and its keys.
func TestKeysShareTheCopy(t *testing.T) {
	theirs := &http.Client{Transport: &http.Transport{}}
	for name, tt := range map[string]struct {
		mtls *MutualTLS
		same bool
	}{"plain": {nil, true}, "the keys' place is not shown the certificate": {&MutualTLS{Certificate: oauthtest.SelfSignedCertificate("own")}, false}} {
		c, err := NewClient(Config{
			Server:   &AuthorizationServer{Issuer: unitIssuer, JWKSURI: unitIssuer + "/jwks"},
			Metadata: ClientMetadata{ClientID: unitClient}, HTTPClient: theirs, MTLS: tt.mtls,
		})
		if err != nil {
			t.Fatal(err)
		}
		if same := httpTransport(c.caller.client) == httpTransport(c.keys.caller.client); same != tt.same {
			t.Errorf("%s: the transports are one: %v", name, same)
		}
	}
}

// TestHTTPReleaseOurs: connections that the package opened itself are closed, those of
// its own transport and those of its copy of the user's; and their requests are traced.
func TestHTTPReleaseOurs(t *testing.T) {
	for name, tt := range map[string]struct {
		client *http.Client
		each   int32 // connections for each request after the first
	}{"no client: the connections are everybody's": {nil, 0}, "a transport that is copied": {&http.Client{Transport: &http.Transport{}}, 1}} {
		server, connections := countedServer(t, (*httptest.Server).Start)
		log := new(traceLog)
		c := newCaller(tt.client, true, log.trace())
		for n := range int32(3) {
			if _, err := c.do(t.Context(), httpGet(server.URL)); err != nil {
				t.Fatal(err)
			}
			if c.release(); connections.Load() != 1+n*tt.each {
				t.Errorf("%s: %d connections for %d requests", name, connections.Load(), n+1)
			}
		}
		if len(log.requests) != 3 {
			t.Errorf("%s: %d requests are traced", name, len(log.requests))
		}
	}
}

// TestHTTPSwitching: no context ends what a 101 hands on. It is for who asked.
func TestHTTPSwitching(t *testing.T) {
	for _, upgrade := range []string{"", "websocket"} {
		body := &closeCounter{Reader: strings.NewReader("frames")}
		rt := httpFunc(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 101, Body: body, Request: r}, nil
		})
		c := newCaller(rt.client(), false, nil)
		if upgrade == "" {
			r := httpGet("https://op.example/")
			r.header = http.Header{"Upgrade": {"websocket"}} // by a ClientAuth
			res, err := c.do(t.Context(), r)
			wantError(t, err, ErrResponse, "")
			if res != nil || body.closed != 1 {
				t.Errorf("an answer %v, closed %d times", res, body.closed)
			}
		}
		req := protectedRequest(t, "GET", unitAPI, nil)
		if upgrade != "" {
			req.Header.Set("Upgrade", upgrade)
		}
		res, err := c.send(rt, req, "test")
		if upgrade == "" {
			wantError(t, err, ErrResponse, "")
			if res != nil || body.closed != 2 {
				t.Errorf("an answer %v, closed %d times", res, body.closed)
			}
			continue
		}
		if err != nil || res.Body != io.ReadCloser(body) || body.closed != 0 {
			t.Errorf("the request asked for it, and gets %v, %v", res, err)
		}
	}
}

// wireServer answers over pipes, on connections that are not dead.
type wireServer struct {
	mu     sync.Mutex
	conns  []*atomic.Bool // each is dead, or not
	breaks bool           // what is dead is closed at the next request
}

func (s *wireServer) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	dead := new(atomic.Bool)
	s.mu.Lock()
	s.conns = append(s.conns, dead)
	s.mu.Unlock()
	go func() {
		defer server.Close()
		r := bufio.NewReader(server)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			switch {
			case dead.Load() && s.breaks:
				return
			case dead.Load():
				continue
			}
			time.Sleep(10 * time.Millisecond)
			body := "{}"
			if req.URL.Path == "/endless" {
				body = "{"
			}
			io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"+body)
		}
	}()
	return client, nil
}

// TestWireFlood: a connection on which the other side goes on when no request is under
// way does not outlive that, and nobody's next request is the worse for it.
func TestWireFlood(t *testing.T) {
	s, origin, client := newHTTP2Server(t)
	for name, caller := range map[string]*caller{
		"a user's transport": newCaller(client, false, nil),
		"in its place":       newCaller(&http.Client{Transport: cloneTransport(transportIn(client.Transport))}, false, nil),
	} {
		s.set(func(n int) string { return []string{"flood", ""}[min(n, 2)-1] }, "{}")
		if res, err := caller.do(t.Context(), httpGet(origin)); err != nil || string(res.body) != "{}" {
			t.Fatalf("%s: %v, %v", name, res, err)
		}
		if sent := <-s.flooded; sent >= 64<<20 {
			t.Errorf("%s: %d bytes were read that nobody had asked for", name, sent)
		}
		// net/http may hand the connection out once more before it sees that it is closed.
		var err error
		for range 3 {
			if _, err = caller.do(t.Context(), httpGet(origin)); err == nil {
				break
			}
		}
		if err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
		caller.closeIdle()
	}
}

// TestWireLong: what a request asked for is not counted.
func TestWireLong(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 3*maxUnasked)) }))
	defer srv.Close()
	c := newCaller(srv.Client(), false, nil)
	for range 3 {
		if res, err := c.do(t.Context(), httpGet(srv.URL)); err != nil || len(res.body) != 3*maxUnasked {
			t.Fatal(err)
		}
	}
}

// TestMeasuredConn: what counts is what comes between requests.
func TestMeasuredConn(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	c := must(measured(func(context.Context, string, string) (net.Conn, error) { return client, nil })(t.Context(), "", ""))
	if again := must(measured(func(context.Context, string, string) (net.Conn, error) { return c, nil })(t.Context(), "", "")); again != c {
		t.Error("it is measured twice")
	}
	// A function of the user's may return anything: net/http judges it.
	cause := errors.New("no way")
	both := measured(func(context.Context, string, string) (net.Conn, error) { return client, cause })
	if _, err := both(t.Context(), "", ""); err != cause {
		t.Errorf("a connection with an error: %v", err)
	}
	neither := measured(func(context.Context, string, string) (net.Conn, error) { return nil, nil })
	if c, err := neither(t.Context(), "", ""); c != nil || err != nil {
		t.Errorf("no connection and no error: %v, %v", c, err)
	}
	go func() {
		for b := make([]byte, maxUnasked/4); ; {
			if _, err := server.Write(b); err != nil {
				return
			}
		}
	}()
	read := func(quarters int) (err error) {
		for b := make([]byte, maxUnasked/4); quarters > 0 && err == nil; quarters-- {
			_, err = io.ReadFull(c, b)
		}
		return err
	}
	if err := read(4); err != nil {
		t.Fatalf("before a request: %v", err)
	}
	// A proxy that is reached over https puts a second layer of TLS around it.
	end, other := use(c), use(tls.Client(tls.Client(c, &tls.Config{}), &tls.Config{}))
	if err := read(9); err != nil {
		t.Fatalf("with a request: %v", err)
	}
	end()
	end()
	if err := read(5); err != nil {
		t.Fatalf("with another request: %v", err)
	}
	other()
	if err := read(4); err != nil {
		t.Fatalf("after the requests: %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, ErrNetwork) {
		t.Errorf("and one byte more: %v", err)
	}
	if _, err := client.Write([]byte{0}); err == nil {
		t.Error("the connection is open")
	}
}

// TestWireDead: after a request that ended in silence no connection that was open before
// it is used again; what is given up sooner says nothing of the path.
func TestWireDead(t *testing.T) {
	for name, tt := range map[string]struct {
		path     string
		header   time.Duration // ResponseHeaderTimeout
		give     func(context.Context) (context.Context, context.CancelFunc)
		age      time.Duration // of the transport
		replaced bool
	}{
		"deadline":        {"/", 0, within(4 * time.Second), time.Minute, true},
		"short deadline":  {"/", 0, within(100 * time.Millisecond), time.Minute, true},
		"their own cause": {"/", 0, withCause(100 * time.Millisecond), time.Minute, true},
		"header timeout":  {"/", time.Second, within(time.Minute), time.Minute, true},
		"canceled":        {"/", 0, canceledAfter(4 * time.Second), time.Minute, true},
		"canceled late":   {"/", 0, canceledAfter(silence), time.Minute, true},
		"canceled soon":   {"/", 0, canceledAfter(silence / 2), time.Minute, false},
		"a new transport": {"/", 0, within(silence / 4), silence / 2, false},
		"within the body": {"/endless", 0, within(4 * time.Second), time.Minute, true},
		"canceled there":  {"/endless", 0, canceledAfter(4 * time.Second), time.Minute, false}, // it was alive
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(wireServer)
				theirs := &http.Transport{TLSHandshakeTimeout: time.Minute, MaxIdleConnsPerHost: 16, ResponseHeaderTimeout: tt.header, DialContext: s.dial}
				c := newCaller(&http.Client{Transport: theirs}, true, nil)
				var all sync.WaitGroup
				for range 16 {
					all.Go(func() {
						if _, err := c.do(t.Context(), httpGet("http://op.example/")); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				time.Sleep(tt.age - 10*time.Millisecond)
				for _, dead := range s.conns {
					dead.Store(tt.path == "/")
				}
				ctx, cancel := tt.give(t.Context())
				defer cancel()
				_, err := c.do(ctx, httpGet("http://op.example"+tt.path))
				if err == nil {
					t.Fatal("it was answered")
				}
				if replaced := httpTransport(c.client) != theirs; replaced != tt.replaced {
					t.Fatalf("replaced %v, want %v: %v", replaced, tt.replaced, err)
				}
				if tt.replaced {
					if _, err := c.do(t.Context(), httpGet("http://op.example/")); err != nil {
						t.Errorf("the second call: %v", err)
					}
				}
				c.closeIdle()
				theirs.CloseIdleConnections()
				time.Sleep(time.Minute)
			})
		})
	}
}

func within(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
}

// withCause is within, and net/http then returns the program's own error.
func withCause(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(ctx, d, errors.New("too slow for us"))
	}
}

func canceledAfter(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(d, cancel)
		return ctx, cancel
	}
}

// TestWirePings: HTTP/2 connections are asked whether they live, unless the user said how.
func TestWirePings(t *testing.T) {
	want := http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: writeTimeout}
	theirs := &http.HTTP2Config{SendPingTimeout: time.Hour, WriteByteTimeout: time.Hour}
	timeout := &http.HTTP2Config{PingTimeout: time.Hour, WriteByteTimeout: time.Hour}
	for name, tt := range map[string]struct {
		t    *http.Transport
		want http.HTTP2Config
	}{
		"own": {newTransport(), want}, "clone": {cloneTransport(&http.Transport{}), want},
		"clone with others": {cloneTransport(&http.Transport{HTTP2: &http.HTTP2Config{MaxReadFrameSize: 1 << 15}}), http.HTTP2Config{MaxReadFrameSize: 1 << 15, SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: writeTimeout}},
		"theirs":            {cloneTransport(&http.Transport{HTTP2: theirs}), *theirs},
		"a timeout alone":   {cloneTransport(&http.Transport{HTTP2: timeout}), *timeout},
	} {
		if !reflect.DeepEqual(*tt.t.HTTP2, tt.want) {
			t.Errorf("%s: %+v, want %+v", name, *tt.t.HTTP2, tt.want)
		}
	}
}

// TestWireUnread: what a server leaves unread while it makes net/http answer does not keep a
// connection for ever, and the request on it ends with its context. In real time: net/http
// waits for a mutex, for which the time of a bubble stands still.
func TestWireUnread(t *testing.T) {
	cert, roots := httpServerCertificate(t)
	closed := make(chan time.Time, 1)
	theirs := &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}, HTTP2: &http.HTTP2Config{WriteByteTimeout: 200 * time.Millisecond},
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, server := newBelowConns()
			go func() {
				c := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}})
				c.Write(http2Frame(4, 0, 0, nil))
				pings := bytes.Repeat(http2Frame(6, 0, 0, make([]byte, 8)), 1<<8)
				for err := error(nil); err == nil; {
					_, err = c.Write(pings)
				}
				closed <- time.Now()
			}()
			return client, nil
		},
	}
	c := newCaller(&http.Client{Transport: theirs}, false, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := c.do(ctx, httpGet("https://127.0.0.1/")); !errors.Is(err, ErrNetwork) {
		t.Errorf("error %v", err)
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection is open")
	}
}

// TestWireCertificate: connections with a client certificate that was replaced, or has
// expired, are not used for further requests.
func TestWireCertificate(t *testing.T) {
	first, _ := httpServerCertificate(t)
	second, _ := httpServerCertificate(t)
	unread := tls.Certificate{Certificate: first.Certificate}
	broken := tls.Certificate{Certificate: [][]byte{{1}}}
	for name, tt := range map[string]struct {
		change   func(w *wire, t *http.Transport, now *time.Time)
		replaced bool
	}{
		"the same":          {func(w *wire, t *http.Transport, _ *time.Time) { w.offered(t, &first) }, false},
		"the same, unread":  {func(w *wire, t *http.Transport, _ *time.Time) { w.offered(t, &unread) }, false},
		"another":           {func(w *wire, t *http.Transport, _ *time.Time) { w.offered(t, &second) }, true},
		"another elsewhere": {func(w *wire, _ *http.Transport, _ *time.Time) { w.offered(new(http.Transport), &second) }, false},
		"not one":           {func(w *wire, t *http.Transport, _ *time.Time) { w.offered(t, &broken) }, false},
		"expired":           {func(w *wire, _ *http.Transport, now *time.Time) { *now = first.Leaf.NotAfter.Add(1) }, true},
		"about to":          {func(w *wire, _ *http.Transport, now *time.Time) { *now = first.Leaf.NotAfter }, false},
		"closed":            {func(w *wire, _ *http.Transport, _ *time.Time) { w.CloseIdleConnections() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			offer := func(context.Context) (*tls.Certificate, error) { return &first, nil }
			w := offering(&http.Transport{TLSClientConfig: new(tls.Config)}, offer, Clock{Now: func() time.Time { return now }})
			old := w.current()
			if _, err := old.TLSClientConfig.GetClientCertificate(new(tls.CertificateRequestInfo)); err != nil {
				t.Fatal(err)
			}
			tt.change(w, old, &now)
			fresh := w.current()
			if replaced := fresh != old; replaced != tt.replaced {
				t.Errorf("replaced %v, want %v", replaced, tt.replaced)
			}
			if fresh != w.current() {
				t.Error("it is replaced again")
			}
			if _, err := fresh.TLSClientConfig.GetClientCertificate(new(tls.CertificateRequestInfo)); err != nil || w.leaf == nil {
				t.Errorf("the certificate of new connections is not noted: %v", err)
			}
		})
	}
	// One that has none stays.
	for _, none := range []*http.Transport{{}, {TLSClientConfig: new(tls.Config)}} {
		plain := wired(none).(*wire)
		if plain.CloseIdleConnections(); plain.current() != none {
			t.Error("a transport without a certificate is replaced")
		}
	}
}

// TestCloseIdleWhileInUse: everybody shares a wire, and who closes its connections does
// not look at what net/http writes when it is first used. The race detector tells.
func TestCloseIdleWhileInUse(t *testing.T) {
	server, _ := countedServer(t, (*httptest.Server).Start)
	for range 50 {
		c := unsharedCaller()
		var wg sync.WaitGroup
		wg.Go(func() { c.do(t.Context(), httpGet(server.URL)) })
		wg.Go(c.closeIdle)
		wg.Wait()
		c.closeIdle()
	}
}

// TestCloseIdleOfTheirCertificate: connections of a user's transport that offers a
// certificate are not used again, and those of another are, until they are closed.
func TestCloseIdleOfTheirCertificate(t *testing.T) {
	offers := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return new(tls.Certificate), nil }
	for name, tt := range map[string]struct {
		config   *tls.Config
		replaced bool
	}{
		"no configuration": {nil, false},
		"no certificate":   {new(tls.Config), false},
		"a certificate":    {&tls.Config{GetClientCertificate: offers}, true},
	} {
		theirs := &http.Transport{TLSClientConfig: tt.config}
		w := wired(theirs).(*wire)
		if w.CloseIdleConnections(); (w.current() != theirs) != tt.replaced {
			t.Errorf("%s: another transport is in its place: %v", name, !tt.replaced)
		}
	}
}
