package oauth

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// httpFunc is a RoundTripper in memory.
type httpFunc func(*http.Request) (*http.Response, error)

func (f httpFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (f httpFunc) client() *http.Client { return &http.Client{Transport: f} }

// httpAnswer is an answer to r with fields given as name, value, name, value, …
func httpAnswer(r *http.Request, status int, body string, fields ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}
}

// httpGet is what most tests send.
func httpGet(url string) *httpRequest {
	return &httpRequest{op: "test", method: http.MethodGet, url: url, param: "place", accept: mediaJSON}
}

func TestHTTPURL(t *testing.T) {
	var requests atomic.Int32
	client := httpFunc(func(r *http.Request) (*http.Response, error) {
		requests.Add(1)
		return httpAnswer(r, 200, "{}"), nil
	}).client()
	for _, tt := range []struct {
		name, url      string
		want, insecure error // without and with InsecureAllowHTTP; nil: good
	}{
		{"https", "https://op.example.com/token", nil, nil},
		{"https in capitals", "HTTPS://OP.example.com", nil, nil},
		{"port and query", "https://op.example.com:8443/token?tenant=1", nil, nil},
		{"IPv6", "https://[::1]/token", nil, nil},
		{"http", "http://op.example.com/token", ErrInsecureURL, nil},
		{"http on loopback", "http://127.0.0.1:8080/token", ErrInsecureURL, nil},
		{"http on localhost", "http://localhost/token", ErrInsecureURL, nil},
		{"HTTP in capitals", "HTTP://op.example.com/token", ErrInsecureURL, nil},
		{"ftp", "ftp://op.example.com/token", ErrInsecureURL, ErrInsecureURL},
		{"file", "file:///etc/passwd", ErrInsecureURL, ErrInsecureURL},
		{"ws", "ws://op.example.com/token", ErrInsecureURL, ErrInsecureURL},
		{"a scheme that begins with https", "https+unix://op.example.com/token", ErrInsecureURL, ErrInsecureURL},
		{"no scheme", "op.example.com/token", ErrConfig, ErrConfig},
		{"no scheme but slashes", "//op.example.com/token", ErrConfig, ErrConfig},
		{"a path", "/token", ErrConfig, ErrConfig},
		{"nothing", "", ErrConfig, ErrConfig},
		{"opaque", "https:op.example.com/token", ErrConfig, ErrConfig},
		{"javascript", "javascript:alert(1)", ErrConfig, ErrConfig},
		{"no host", "https:///token", ErrConfig, ErrConfig},
		{"a port alone", "https://:443/token", ErrConfig, ErrConfig},
		{"a user", "https://user@op.example.com/token", ErrConfig, ErrConfig},
		{"a password", "https://user:password@op.example.com/token", ErrConfig, ErrConfig},
		{"an empty user", "https://@op.example.com/token", ErrConfig, ErrConfig},
		{"a fragment", "https://op.example.com/token#f", ErrConfig, ErrConfig},
		{"an empty fragment", "https://op.example.com/token#", ErrConfig, ErrConfig},
		{"a wrong escape", "https://op.example.com/%zz", ErrConfig, ErrConfig},
		{"a control character", "https://op.example.com/\n", ErrConfig, ErrConfig},
		{"a space in the host", "https://op.example.com evil/token", ErrConfig, ErrConfig},
		{"a wrong port", "https://op.example.com:port/token", ErrConfig, ErrConfig},
	} {
		for _, insecure := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, " ", insecure), func(t *testing.T) {
				want := tt.want
				if insecure {
					want = tt.insecure
				}
				before := requests.Load()
				_, err := newCaller(client, insecure, nil).do(context.Background(), httpGet(tt.url))
				made := requests.Load() - before
				var e *Error
				switch {
				case want == nil && (err != nil || made != 1):
					t.Errorf("error %v, %d requests", err, made)
				case want != nil && (!errors.As(err, &e) || e.Kind != want || e.Op != "test" || e.Param != "place" || made != 0):
					t.Errorf("error %v, %d requests; want %v about place and none", err, made, want)
				}
				if err != nil && strings.Contains(err.Error(), "password") && !strings.Contains(err.Error(), "a user name or password") {
					t.Errorf("the error shows the URL: %v", err)
				}
			})
		}
	}
}

// TestHTTPRedirect: a 307 would send secret and code again, to wherever it says.
func TestHTTPRedirect(t *testing.T) {
	var second atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { second.Add(1) }))
	defer other.Close()
	var status int
	var location string
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/first" {
			second.Add(1)
			return
		}
		w.Header().Set("Location", location)
		w.WriteHeader(status)
	}))
	defer first.Close()
	willing := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	for _, client := range []*http.Client{nil, {}, willing} {
		c := newCaller(client, true, nil)
		defer c.client.CloseIdleConnections()
		for _, status = range []int{301, 302, 303, 307, 308} {
			for _, location = range []string{other.URL + "/elsewhere", "/second"} {
				for _, method := range []string{"", http.MethodGet} {
					r := httpGet(first.URL + "/first")
					r.method, r.form = method, url.Values{"code": {"x"}}
					res, err := c.do(context.Background(), r)
					if err != nil || res.status != status {
						t.Fatalf("%d: %v, %v", status, res, err)
					}
					var re *ResponseError
					if err := res.expect(http.StatusOK); !errors.As(err, &re) || re.StatusCode != status || re.Code != "" {
						t.Errorf("%d: error %v, want one with the status", status, err)
					}
				}
			}
		}
	}
	if n := second.Load(); n != 0 {
		t.Errorf("%d redirects are followed", n)
	}
}

// TestHTTPBadLocation: net/http puts a Location that it cannot parse into its
// error, and a server may repeat in it what it was sent.
func TestHTTPBadLocation(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
			return httpAnswer(r, status, "", "Location", "https://op.example.com/%zz?code=MARKER"), nil
		}).client(), false, nil)
		r := httpGet("https://op.example.com/token")
		r.method, r.form = "", url.Values{"code": {"MARKER"}}
		res, err := c.do(context.Background(), r)
		if err == nil {
			err = res.expect(http.StatusOK)
		}
		if err == nil || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%d: error %v, want one without the URL", status, err)
		}
	}
}

func TestHTTPCallersClient(t *testing.T) {
	jar, _ := cookiejar.New(nil)
	place, _ := url.Parse("https://op.example.com/token")
	jar.SetCookies(place, []*http.Cookie{{Name: "session", Value: "x", Secure: true}})
	var cookies []string
	transport := httpFunc(func(r *http.Request) (*http.Response, error) {
		cookies = append(cookies, r.Header["Cookie"]...)
		return httpAnswer(r, 200, "{}", "Set-Cookie", "tracker=y"), nil
	})
	theirs := &http.Client{Transport: transport, Jar: jar, Timeout: time.Minute}
	c := newCaller(theirs, false, nil)
	for range 2 {
		if _, err := c.do(context.Background(), httpGet(place.String())); err != nil {
			t.Fatal(err)
		}
	}
	if len(cookies) != 0 || len(jar.Cookies(place)) != 1 {
		t.Errorf("cookies %v are sent, %v are kept", cookies, jar.Cookies(place))
	}
	if theirs.Jar == nil || theirs.CheckRedirect != nil || theirs.Timeout != time.Minute || theirs.Transport == nil {
		t.Error("the caller's client is changed")
	}
	if c.client == theirs || c.client.Timeout != time.Minute {
		t.Error("it is not a copy with the caller's timeout")
	}
	newCaller(&http.Client{Transport: (*http.Transport)(nil)}, false, nil) // which is no way to anywhere, and no panic yet
}

// httpTransport is the transport of net/http at the bottom of a client.
func httpTransport(c *http.Client) *http.Transport { return transportIn(c.Transport) }

func TestHTTPTransport(t *testing.T) {
	own := newCaller(nil, false, nil).client
	tr := httpTransport(own)
	if tr == nil || own.Timeout != overallTimeout || tr.TLSHandshakeTimeout != tlsTimeout || tr.ResponseHeaderTimeout != headerTimeout ||
		tr.IdleConnTimeout != idleTimeout || tr.MaxResponseHeaderBytes != maxResponseHeader || tr.DialContext == nil || tr.Proxy == nil || !tr.ForceAttemptHTTP2 {
		t.Errorf("the package's own client is %+v, %+v", own, tr)
	}
	if again := httpTransport(newCaller(nil, true, nil).client); again != tr || tr == http.DefaultTransport {
		t.Error("the package's own clients have each a transport, or that of net/http")
	}
	// net/http goes on dialing after a request was given up: a bound is set in a
	// clone where the caller has none.
	theirs := &http.Transport{MaxIdleConns: 7}
	ours := httpTransport(newCaller(&http.Client{Transport: theirs}, false, nil).client)
	if theirs.TLSHandshakeTimeout != 0 || ours == theirs || ours.TLSHandshakeTimeout != tlsTimeout || ours.MaxIdleConns != 7 {
		t.Errorf("theirs has %v, ours %v", theirs.TLSHandshakeTimeout, ours.TLSHandshakeTimeout)
	}
	theirs = &http.Transport{TLSHandshakeTimeout: time.Minute}
	if ours := httpTransport(newCaller(&http.Client{Transport: theirs}, false, nil).client); ours != theirs {
		t.Error("a transport with a timeout of its own is not used as it is")
	}
}

// TestHTTPCloneSpeaksHTTP2: a caller's transport without settings for TLS
// speaks HTTP/2, and so must our clone of it. Clone alone leaves h2 among the
// protocols that are offered, but without the code for it.
func TestHTTPCloneSpeaksHTTP2(t *testing.T) {
	cert, roots := httpServerCertificate(t)
	srv := httpTLSServer(
		t,
		&tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}},
		func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"proto":%q}`, r.Proto)
		},
	)
	for name, tt := range map[string]struct {
		theirs *http.Transport
		want   string
	}{
		"zero":              {&http.Transport{}, "HTTP/2.0"},
		"a few settings":    {&http.Transport{MaxIdleConns: 7}, "HTTP/2.0"},
		"HTTP/2 turned off": {&http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}, "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCaller(&http.Client{Transport: tt.theirs}, false, nil)
			defer c.client.CloseIdleConnections()
			ours := httpTransport(c.client) // a zero one cannot be told whom to trust
			if ours.TLSClientConfig == nil {
				ours.TLSClientConfig = new(tls.Config)
			}
			ours.TLSClientConfig.RootCAs = roots
			res, err := c.do(context.Background(), httpGet(srv))
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf(`{"proto":%q}`, tt.want); string(res.body) != want {
				t.Errorf("the server sees %s, want %s", res.body, want)
			}
		})
	}
}

// unsharedCaller is that without an HTTPClient, with transports that a test may change.
func unsharedCaller() *caller {
	c := newCaller(nil, true, nil)
	c.client.Transport, c.resources = wired(newTransport()), wired(patientTransport(newTransport()))
	return c
}

// TestHTTPTimeouts has servers that accept and then do not go on. In the
// bubble time passes at once.
func TestHTTPTimeouts(t *testing.T) {
	for _, tt := range []struct {
		name, url string
		answer    string
		want      time.Duration
	}{
		{"no TLS handshake", "https://op.example.com/", "", tlsTimeout},
		{"no header", "http://op.example.com/", "", headerTimeout},
		{"half a header", "http://op.example.com/", "HTTP/1.1 200 OK\r\nContent-", headerTimeout},
		{"no body", "http://op.example.com/", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", overallTimeout},
		{"half a body", "http://op.example.com/", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", overallTimeout},
		{"no header, held back", "http://op.example.com/", "", pollTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := unsharedCaller()
				tr, r := httpTransport(c.client), httpGet(tt.url)
				if tt.want == pollTimeout {
					tr, r.patience = transportIn(c.resources), pollTimeout
				}
				tr.Proxy = nil
				tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
					client, server := net.Pipe()
					go func() {
						defer server.Close()
						if tt.answer != "" {
							http.ReadRequest(bufio.NewReader(server))
							io.WriteString(server, tt.answer)
						}
						io.Copy(io.Discard, server)
					}()
					return client, nil
				}
				start := time.Now()
				_, err := c.do(context.Background(), r)
				if took := time.Since(start); took != tt.want {
					t.Errorf("given up after %v, want %v", took, tt.want)
				}
				if !errors.Is(err, ErrNetwork) || errors.Is(err, context.Canceled) {
					t.Errorf("error %v, want ErrNetwork", err)
				}
			})
		})
	}
}

func TestHTTPContext(t *testing.T) {
	stuck := httpFunc(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	stuckBody := httpFunc(func(r *http.Request) (*http.Response, error) {
		res := httpAnswer(r, 200, "")
		res.ContentLength = -1
		res.Body = io.NopCloser(httpReader(func([]byte) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		}))
		return res, nil
	})
	for name, transport := range map[string]httpFunc{"before the header": stuck, "in the body": stuckBody} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCaller(transport.client(), false, nil)
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(time.Second, cancel)
				start := time.Now()
				_, err := c.do(ctx, httpGet("https://op.example.com/"))
				// Given up by the caller is no fault of the network.
				if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNetwork) || time.Since(start) != time.Second {
					t.Errorf("cancelled: error %v after %v", err, time.Since(start))
				}
				ctx, cancel = context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				if _, err = c.do(ctx, httpGet("https://op.example.com/")); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrNetwork) {
					t.Errorf("deadline: error %v", err)
				}
			})
		})
	}
}

type httpReader func([]byte) (int, error)

func (f httpReader) Read(b []byte) (int, error) { return f(b) }

func TestHTTPBodyLimit(t *testing.T) {
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	io.Copy(zip, io.LimitReader(httpReader(func(b []byte) (int, error) { clear(b); return len(b), nil }), 64<<20))
	zip.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/length":
			w.Header().Set("Content-Length", fmt.Sprint(maxBody+1))
			w.WriteHeader(200)
		case "/chunked":
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			io.WriteString(w, strings.Repeat("x", maxBody+1))
		case "/limit":
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			io.WriteString(w, strings.Repeat("x", maxBody))
		case "/limit, announced":
			w.Header().Set("Content-Length", fmt.Sprint(maxBody))
			io.WriteString(w, strings.Repeat("x", maxBody))
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zipped.Bytes())
		case "/cut":
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "{")
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("x", maxResponseHeader))
		}
	}))
	defer srv.Close()
	if zipped.Len() > maxBody/4 {
		t.Fatalf("the bomb has %d bytes", zipped.Len())
	}
	c := newCaller(nil, true, nil)
	defer c.client.CloseIdleConnections()
	for path, want := range map[string]error{
		"/length": ErrResponse, "/chunked": ErrResponse, "/gzip": ErrResponse, "/limit": nil, "/limit,%20announced": nil,
		"/cut": ErrNetwork, "/header": ErrNetwork,
	} {
		res, err := c.do(context.Background(), httpGet(srv.URL+path))
		if !errors.Is(err, want) || (err == nil) != (res != nil) {
			t.Errorf("%s: %v, %v, want %v", path, res, err, want)
		}
		if want == nil && len(res.body) != maxBody {
			t.Errorf("%s: %d bytes are read", path, len(res.body))
		}
	}

	// A length that is announced is believed: nothing is read.
	read := 0
	unread := &closeCounter{Reader: httpReader(func(b []byte) (int, error) { read += len(b); return len(b), nil })}
	c = newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
		res := httpAnswer(r, 200, "")
		res.ContentLength, res.Body = maxBody+1, unread
		return res, nil
	}).client(), false, nil)
	if _, err := c.do(context.Background(), httpGet("https://op.example.com/")); !errors.Is(err, ErrResponse) || read != 0 || unread.closed != 1 {
		t.Errorf("announced: error %v, %d bytes are read, it is closed %d times", err, read, unread.closed)
	}
	// Of one that is not, no more is read than it takes to know.
	read = 0
	c = newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
		res := httpAnswer(r, 200, "")
		res.ContentLength = -1
		res.Body = io.NopCloser(io.LimitReader(httpReader(func(b []byte) (int, error) { read += len(b); return len(b), nil }), 8*maxBody))
		return res, nil
	}).client(), false, nil)
	if _, err := c.do(context.Background(), httpGet("https://op.example.com/")); !errors.Is(err, ErrResponse) || read != maxBody+1 {
		t.Errorf("not announced: error %v, %d bytes are read", err, read)
	}
}

func TestHTTPRequest(t *testing.T) {
	var got *http.Request
	var body string
	c := newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
		got = r
		if r.Body != nil {
			b, _ := io.ReadAll(r.Body)
			body = string(b)
		}
		return httpAnswer(r, 200, "{}", "Content-Type", " Application/JSON ; charset=utf-8", "X-A", "b"), nil
	}).client(), false, nil)
	header := http.Header{"Authorization": {"Basic x"}, "Accept": {"text/html"}, "Content-Type": {"text/plain"}}
	res, err := c.do(context.Background(), &httpRequest{
		op: "test", url: "https://op.example.com/token?a=b", header: header, form: url.Values{"x": {"1 2"}, "é": {"&"}}, encode: url.Values.Encode, accept: mediaJSON,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Method != "POST" || got.URL.String() != "https://op.example.com/token?a=b" || body != "x=1+2&%C3%A9=%26" ||
		got.Header.Get("Content-Type") != mediaForm || got.Header.Get("Accept") != mediaJSON || got.Header.Get("Authorization") != "Basic x" {
		t.Errorf("sent %s %s %v %s", got.Method, got.URL, got.Header, body)
	}
	if header.Get("Accept") != "text/html" || len(header) != 3 {
		t.Errorf("the header of the request is changed: %v", header)
	}
	if res.op != "test" || res.status != 200 || res.mediaType != "application/json" || res.header.Get("X-A") != "b" || string(res.body) != "{}" {
		t.Errorf("received %+v", res)
	}
	body = "none"
	if _, err := c.do(context.Background(), httpGet("https://op.example.com/")); err != nil || got.Method != "GET" || got.Header["Content-Type"] != nil ||
		body != "none" {
		t.Errorf("GET: sent %s %v %s, %v", got.Method, got.Header, body, err)
	}
}

func TestHTTPMediaType(t *testing.T) {
	for _, tt := range []struct {
		mediaType, body string
		ok              bool
	}{
		{"application/json", `{"a":1}`, true},
		{"application/json;charset=UTF-8", `{"a":1}`, true},
		{"text/plain; charset=utf-8", `{"a":1}`, true}, // Facebook
		{"text/javascript", `{"a":1}`, true},
		{"application/jwk-set+json", `{"a":1}`, true},
		{"application/problem+json", `{"a":1}`, true},
		{"application/octet-stream", `{"a":1}`, true},
		{"", `{"a":1}`, true},
		{"text/html", `{"a":1}`, true},
		{"TEXT/HTML; charset=utf-8", "\ufeff{\"a\":1}", true},
		{"text/html", `<html>`, false},
		{"application/json", "\ufeff", false},
		{"application/json", "\ufeff\ufeff{\"a\":1}", false},
		{"application/json", `{"a":1,"a":1,"b":"\ud800"}`, true},
		{"application/json", `{"a":"\ud800","a":"\ud801"}`, false},
		{"application/json", `<html>`, false},
		{"application/json", ``, false},
		{"application/json", `[]`, false},
		{"application/json", `{"a":1,"a":2}`, false},
		{"application/x-www-form-urlencoded", `access_token=x`, false},
	} {
		c := newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
			return httpAnswer(r, 200, tt.body, "Content-Type", tt.mediaType), nil
		}).client(), false, nil)
		res, err := c.do(context.Background(), httpGet("https://op.example.com/"))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time it was read before
			o, err := res.object()
			if tt.ok && (err != nil || !o.has("a")) || !tt.ok && !errors.Is(err, ErrResponse) {
				t.Errorf("%s %s: error %v, want ok %v", tt.mediaType, tt.body, err, tt.ok)
			}
		}
	}
	for mediaType, ok := range map[string]bool{"application/jwt": true, "Application/JWT; x=y": true, "application/json": false, "text/plain": false, "application/at+jwt": false, "": false} {
		c := newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
			return httpAnswer(r, 200, " a.b.c\r\n", "Content-Type", mediaType), nil
		}).client(), false, nil)
		res, err := c.do(context.Background(), httpGet("https://op.example.com/"))
		if err != nil {
			t.Fatal(err)
		}
		if text, got := res.jwt(mediaJWT, false); got != ok || text != "a.b.c" {
			t.Errorf("%s as a JWT: %q, %v", mediaType, text, got)
		}
		if _, asked := res.jwt(mediaJWT, true); !asked {
			t.Errorf("%s is no JWT, although one was asked for and this has its form", mediaType)
		}
	}
	for body, ok := range map[string]bool{
		"a.b.c": true, "a.b.c.d.e": true, "a.b": false, "a.b.c.d": false, `{"iss":"https://login.op.example"}`: false, "a.b c.d": false, "a.\r\nb.c": false,
	} {
		if _, got := (&httpResponse{body: body}).jwt(mediaJWT, true); got != ok {
			t.Errorf("%q as a JWT: %v", body, got)
		}
	}
}

func TestHTTPRefusal(t *testing.T) {
	const bearer = `Bearer error="invalid_token", error_description="expired", error_uri="https://op.example.com/e"`
	for _, tt := range []struct {
		name            string
		status          int
		mediaType, body string
		challenge       string
		refused         bool
		code            string
		description     string
	}{
		{"success", 200, "application/json", `{"a":1}`, "", false, "", ""},
		{"created", 201, "application/json", `{"a":1}`, "", false, "", ""},
		{"another success", 204, "", ``, "", true, "", ""},
		{"error", 400, "application/json", `{"error":"invalid_grant","error_description":"used"}`, "", true, "invalid_grant", "used"},
		{"error with 200", 200, "text/plain", `{"error":"invalid_grant","error_description":"used"}`, "", true, "invalid_grant", "used"}, // GitHub
		{"error with 500", 500, "application/json", `{"error":"server_error"}`, "", true, "server_error", ""},
		{"problem+json", 400, "application/problem+json", `{"type":"about:blank","error":"invalid_request"}`, "", true, "invalid_request", ""},
		{"error and access token", 200, "application/json", `{"error":"x","access_token":"y"}`, "", false, "", ""},
		{"error and access token, 400", 400, "application/json", `{"error":"x","access_token":"y"}`, "", true, "", ""},
		{"error and no access token", 200, "application/json", `{"error":"x","access_token":null}`, "", true, "x", ""},
		{"null error", 200, "application/json", `{"error":null,"a":1}`, "", false, "", ""},
		{"empty error", 200, "application/json", `{"error":"","a":1}`, "", false, "", ""},
		{"a description without an error", 200, "application/json", `{"error":null,"error_description":"x"}`, "", false, "", ""},
		{"error of another type", 400, "application/json", `{"error":{"code":1}}`, "", true, "", ""}, // Google's APIs
		{"description of another type", 400, "application/json", `{"error":"x","error_description":1}`, "", true, "x", ""},
		{"HTML", 502, "text/html", `<h1>Bad Gateway</h1>`, "", true, "", ""},
		{"HTML that is JSON", 400, "text/html", `{"error":"x"}`, "", true, "x", ""},
		{"nothing", 503, "", ``, "", true, "", ""},
		{"broken JSON", 400, "application/json", `{"error":"x"`, "", true, "", ""},
		{"error twice", 400, "application/json", `{"error":"x","error":"y"}`, "", true, "", ""},
		{"a JWT", 400, "application/jwt", `{"error":"x"}`, "", true, "", ""},
		{"another JWT", 400, "application/token-introspection+jwt", `{"error":"x"}`, "", true, "", ""},
		{"JSON whose name has a JWT", 400, "application/x+jwt+json", `{"error":"x"}`, "", true, "x", ""},
		{"a JWT with 200", 200, "application/jwt", `{"error":"x"}`, "", false, "", ""},
		{"a redirect", 302, "", ``, "", true, "", ""},
		// RFC 6750, Section 3: a protected resource says it in the challenge.
		{"challenge", 401, "", ``, bearer, true, "invalid_token", "expired"},
		{"challenge with 400", 400, "", ``, bearer, true, "invalid_token", "expired"},
		{"challenge beside HTML", 403, "text/html", `<h1>no</h1>`, `Basic, DPoP error="insufficient_scope"`, true, "insufficient_scope", ""},
		{"challenge and error", 400, "application/json", `{"error":"invalid_client"}`, bearer, true, "invalid_client", ""},
		{"challenge of another scheme", 401, "", ``, `Basic error="x"`, true, "", ""},
		{"challenge on a success", 200, "application/json", `{"a":1}`, bearer, false, "", ""},
		{"challenge on a redirect", 302, "", ``, bearer, true, "", ""},
		{"challenge on the last of them", 399, "", ``, bearer, true, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
				return httpAnswer(r, tt.status, tt.body, "Content-Type", tt.mediaType, "WWW-Authenticate", tt.challenge, "X-A", "b"), nil
			}).client(), false, nil)
			res, err := c.do(context.Background(), httpGet("https://op.example.com/"))
			if err != nil {
				t.Fatal(err)
			}
			err = res.expect(200, 201)
			if !tt.refused {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			var e *ResponseError
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want a ResponseError", err)
			}
			if e.Op != "test" || e.StatusCode != tt.status || e.Code != tt.code || e.Description != tt.description || e.Header.Get("X-A") != "b" ||
				string(e.Body) != tt.body || len(e.Challenges) != len(challengesOf(tt.challenge)) {
				t.Errorf("got %#v", *e)
			}
			if strings.HasPrefix(tt.challenge, "Bearer") && e.Code == "invalid_token" && e.URI != "https://op.example.com/e" {
				t.Errorf("error_uri is %q", e.URI)
			}
		})
	}
	long := strings.Repeat("x", maxErrorBody+1)
	e := (&httpResponse{status: 400, header: http.Header{}, body: long}).refusal()
	if len(e.Body) != maxErrorBody {
		t.Errorf("%d bytes of an error body are kept", len(e.Body))
	}
	e = (&httpResponse{status: 400, header: http.Header{}, body: `{"error":"x","error_uri":"https://op.example.com/e","pad":"` + long + `"}`}).refusal()
	if e.Code != "x" || e.URI != "https://op.example.com/e" || len(e.Body) != maxErrorBody {
		t.Errorf("a long error is %#v", e.Code)
	}
}

// TestHTTPTransient: what may succeed later is an answer that says so by its status alone.
func TestHTTPTransient(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		want   bool
	}{
		{400, "", false}, {404, "", false}, {428, "", false}, {429, "", true}, {430, "", false}, {499, "", false},
		{500, "", true}, {503, "", true}, {429, "access_denied", false}, {500, "server_error", false},
	} {
		if got := transient(&ResponseError{StatusCode: tt.status, Code: tt.code}); got != tt.want {
			t.Errorf("status %d, code %q: %v", tt.status, tt.code, got)
		}
	}
	for err, want := range map[error]bool{ErrNetwork: true, ErrUnavailable: true, ErrResponse: false, ErrConfig: false, ErrInvalid: false} {
		if got := transient(&Error{Kind: err}); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// TestHTTPErrorText: the errors of net/http have the URL in them, and the
// errors of this package must not.
func TestHTTPErrorText(t *testing.T) {
	inner := errors.New("connection refused")
	for name, cause := range map[string]error{
		"plain":           inner,
		"URL error":       &url.Error{Op: "Get", URL: "https://op.example.com/secret?MARKER", Err: inner},
		"nested":          &url.Error{Op: "Get", URL: "https://op.example.com/MARKER", Err: fmt.Errorf("%w", &url.Error{Op: "Get", URL: "MARKER", Err: inner})},
		"within another":  fmt.Errorf("MARKER: %w", &url.Error{Op: "Get", URL: "MARKER", Err: inner}),
		"own":             fail(ErrConfig, "MTLS", "the reason"),
		"own, in another": &url.Error{Op: "Get", URL: "MARKER", Err: fail(ErrConfig, "MTLS", "the reason")},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCaller(httpFunc(func(*http.Request) (*http.Response, error) { return nil, cause }).client(), false, nil)
			_, err := c.do(context.Background(), httpGet("https://user.example.com:8443/path?code=MARKER"))
			var ue *url.Error
			if err == nil || strings.Contains(err.Error(), "MARKER") || strings.Contains(err.Error(), "/path") || errors.As(err, &ue) {
				t.Errorf("the error shows the URL: %v", err)
			}
			want, text := ErrNetwork, `oauth: test: no answer from "user.example.com:8443": the connection broke, or what came is not HTTP`
			if strings.HasPrefix(name, "own") {
				want, text = ErrConfig, "oauth: test: MTLS: the reason"
			} else if !errors.Is(err, inner) {
				t.Errorf("the cause is lost: %v", err)
			}
			if !errors.Is(err, want) || err.Error() != text {
				t.Errorf("error %v, want %s", err, text)
			}
		})
	}
}

func TestHTTPHeaderValue(t *testing.T) {
	for s, want := range map[string]bool{
		"abc": true, "!~": true, "a.b-c_d+e/f==": true, "": false, "a b": false, "a\r\nX: y": false, "\x7f": false, "a\tb": false, "é": false, "a\x00": false,
	} {
		if headerValue(s) != want {
			t.Errorf("headerValue(%q) is not %v", s, want)
		}
	}
}

// What net/http quotes of an answer that it cannot read, and what a certificate
// has in its names, does not get into the text of an error as it is.
func TestHTTPErrorsQuoteNothing(t *testing.T) {
	malformed := errors.New(`net/http: malformed HTTP response "{\"access_token\":\"MARKER\"}"`)
	forged := x509.HostnameError{Host: "op.example.com", Certificate: &x509.Certificate{DNSNames: []string{"a.example\nlevel=INFO msg=MARKER"}}}
	for name, cause := range map[string]error{"answer": malformed, "certificate": forged} {
		c := newCaller(httpFunc(func(*http.Request) (*http.Response, error) { return nil, cause }).client(), false, nil)
		_, err := c.do(context.Background(), httpGet("https://op.example.com/"))
		if !errors.Is(err, ErrNetwork) || strings.Contains(err.Error(), "\n") ||
			name == "answer" && (strings.Contains(err.Error(), "MARKER") || !errors.Is(err, malformed)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// net/http hands on the cause of a cancelled context in place of Canceled.
func TestHTTPCancelCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
		cancel(errors.New("user left"))
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	}).client(), false, nil)
	_, err := c.do(ctx, httpGet("https://op.example.com/"))
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNetwork) {
		t.Errorf("error %v", err)
	}
}

// TestHTTPSend: a round tripper for resources need not be as careful as net/http.
func TestHTTPSend(t *testing.T) {
	c := newCaller(nil, false, nil)
	req, _ := http.NewRequest("GET", "https://api.example/", nil)
	res, err := c.send(httpFunc(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil }), req, "test")
	if err != nil || res.Body == nil {
		t.Errorf("without a body: %v, %v", res, err)
	}
	res, err = c.send(httpFunc(func(*http.Request) (*http.Response, error) { return nil, nil }), req, "test")
	if wantError(t, err, ErrNetwork, ""); res != nil {
		t.Error("nothing came, and is an answer")
	}
	res, err = c.send(httpFunc(func(r *http.Request) (*http.Response, error) { return httpAnswer(r, 200, ""), io.EOF }), req, "test")
	if wantError(t, err, ErrNetwork, ""); res != nil {
		t.Error("an answer and an error")
	}
}

// TestHTTPKeepsLittle: what is kept of an answer is what it said, not the 1 MiB that
// it was cut from.
func TestHTTPKeepsLittle(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) {
		c.Server.DeviceAuthorizationEndpoint, c.Server.BackchannelAuthenticationEndpoint = unitIssuer+"/device", unitIssuer+"/ciba"
	})
	as := *s.config().Server
	as.RegistrationEndpoint = unitIssuer + "/register"
	m := ClientMetadata{RedirectURIs: []string{"https://app.example/cb"}, GrantTypes: []string{"authorization_code"}}
	ctx, client := context.Background(), &http.Client{Transport: s}
	id := s.sign(t, "JWT", unitClaims(nil))
	pad := strings.Repeat(" ", maxBody*3/4)
	answer := func(members string) { // with what is dropped at the end, so that the rest stands in its beginning
		body := "{" + members + pad + "}"
		for _, p := range []string{"/token", "/device", "/ciba", "/register", "/.well-known/openid-configuration", "/.well-known/oauth-protected-resource"} {
			s.answer(p, body)
		}
	}
	for _, tt := range []struct {
		name, members string
		get           func() (any, error)
	}{
		{"Token", `"access_token":"at","token_type":"Bearer","refresh_token":"rt","scope":"a b","x":1,"id_token":"` + id + `","authorization_details":[{"type":"t","actions":["a"],"x":1}]`,
			func() (any, error) { return c.Refresh(ctx, &Token{RefreshToken: NewSecret("rt")}, nil) }},
		{"Token, an array of scopes", `"access_token":"at","token_type":"Bearer","scope":["a","b"]`,
			func() (any, error) { return c.Refresh(ctx, &Token{RefreshToken: NewSecret("rt")}, nil) }},
		{"DeviceAuthorization", `"device_code":"d","user_code":"u","verification_uri":"https://op.example/d","expires_in":60`,
			func() (any, error) { return c.StartDeviceAuthorization(ctx, nil) }},
		{"BackchannelAuthentication", `"auth_req_id":"a","expires_in":60`,
			func() (any, error) {
				return c.StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"})
			}},
		{"Registration", `"client_id":"c","client_secret":"s","client_secret_expires_at":0,"redirect_uris":["https://app.example/cb"],"registration_access_token":"t","registration_client_uri":"` + unitIssuer + `/register","x":1`,
			func() (any, error) { return Register(ctx, &as, m, &RegistrationOptions{HTTPClient: client}) }},
		{"AuthorizationServer", `"issuer":"` + unitIssuer + `","scopes_supported":["a"],"mtls_endpoint_aliases":{"token_endpoint":"https://m.example","x":1},"x":1`,
			func() (any, error) { return Discover(ctx, unitIssuer, &DiscoverOptions{HTTPClient: client}) }},
		{"ResourceMetadata", `"resource":"` + unitIssuer + `","authorization_servers":["` + unitIssuer + `"],"x":1`,
			func() (any, error) { return DiscoverResource(ctx, unitIssuer, &DiscoverOptions{HTTPClient: client}) }},
	} {
		answer(tt.members)
		const kept = 40
		var list []any
		before := heapInUse()
		for range kept {
			v, err := tt.get()
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			list = append(list, v)
			s.mu.Lock()
			s.log = nil
			s.mu.Unlock()
		}
		if each := (heapInUse() - before) / kept; each > 64<<10 {
			t.Errorf("a %s keeps %d bytes", tt.name, each)
		}
		runtime.KeepAlive(list)
	}
}

// TestHTTPReceived: who asks for the fields of the response gets those of the last
// attempt alone.
func TestHTTPReceived(t *testing.T) {
	n := 0
	c := newCaller(httpFunc(func(r *http.Request) (*http.Response, error) {
		n++
		return httpAnswer(r, 200, "{}", fmt.Sprint("X-", n), "y"), nil
	}).client(), false, nil)
	r := httpGet("https://op.example.com/")
	r.received = http.Header{}
	for range 2 {
		if _, err := c.do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.received) != 1 || r.received.Get("X-2") != "y" {
		t.Errorf("received %v", r.received)
	}
}

// TestHTTPNetworkError: what a program can find in the error of a request of which it
// knows why it failed.
func TestHTTPNetworkError(t *testing.T) {
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("user left"))
	for _, tt := range []struct {
		name          string
		ctx           context.Context
		cause         error
		want, notWant error
	}{
		{"HTTP where TLS is wanted", t.Context(), tls.RecordHeaderError{RecordHeader: [5]byte([]byte("HTTP/"))}, http.ErrSchemeMismatch, nil},
		{"what is not even HTTP", t.Context(), tls.RecordHeaderError{RecordHeader: [5]byte([]byte("SSH-2"))}, ErrNetwork, http.ErrSchemeMismatch},
		{"given up for a reason", gone, context.Cause(gone), context.Canceled, ErrNetwork},
		{"a certificate that is not there", t.Context(), x509.CertificateInvalidError{Reason: x509.Expired}, ErrNetwork, nil},
	} {
		err := networkError(tt.ctx, "op.example", &url.Error{Op: "Get", URL: "https://op.example", Err: tt.cause})
		if !errors.Is(err, tt.want) || tt.notWant != nil && errors.Is(err, tt.notWant) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestHTTPReleaseReplaced: the connections of the package's own transport are
// everybody's, also after it was replaced.
func TestHTTPReleaseReplaced(t *testing.T) {
	server, connections := countedServer(t, (*httptest.Server).Start)
	c := unsharedCaller()
	defer c.closeIdle()
	w := c.client.Transport.(*wire)
	w.mu.Lock()
	w.replace()
	w.mu.Unlock()
	for range 2 {
		if _, err := c.do(t.Context(), httpGet(server.URL)); err != nil {
			t.Fatal(err)
		}
		c.release()
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections of the package's own", n)
	}
}

// TestHTTPBoundedHeader: what a caller judges a refusal by is kept before everything else,
// and counts once.
func TestHTTPBoundedHeader(t *testing.T) {
	half := strings.Repeat("x", maxErrorHeader/2-20)
	for _, name := range []string{"Www-Authenticate", "Retry-After", "Dpop-Nonce"} {
		if h := boundedHeader(http.Header{name: {"5"}, "A": {strings.Repeat("a", maxErrorHeader-1)}}); len(h) != 1 || h.Get(name) != "5" {
			t.Errorf("%s: kept %v", name, h)
		}
		if h := boundedHeader(http.Header{name: {half}, "Y": {half}}); len(h) != 2 || h.Get(name) != half || h.Get("Y") != half {
			t.Errorf("%s of half the size: kept %d fields", name, len(h))
		}
	}
}

// TestReadBody: a handler is told why a body cannot be read.
func TestReadBody(t *testing.T) {
	cause := &http.MaxBytesError{Limit: 1}
	body, err := readBody(httpReader(func([]byte) (int, error) { return 0, cause }), 10)
	if wantError(t, err, ErrParse, ""); body != "" || !errors.Is(err, cause) {
		t.Errorf("%q, %v", body, err)
	}
}
