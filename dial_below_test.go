package oauth

// Faults below HTTP: whatever becomes of the bytes of an answer, each operation that talks to
// a server ends with its context, leaves nothing behind, and sends nothing again that it
// must not. The operations are in dial_operations_test.go.

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	belowLimit = 7 * time.Second  // of the context of each operation
	belowLeft  = 11 * time.Second // after which nothing is left of it: a key-set fetch that callers share takes 10 s, and 1 s more
)

// ---- connections in memory

// A belowPipe is one direction of a connection.
type belowPipe struct {
	mu   sync.Mutex
	cond *sync.Cond
	buf  []byte
	end  error // after what is in buf
	gone bool  // who reads has closed

	until time.Time // of writes
}

func newBelowPipe() *belowPipe {
	p := new(belowPipe)
	p.cond = sync.NewCond(&p.mu)
	return p
}

func (p *belowPipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.buf) == 0 && p.end == nil && !p.gone {
		p.cond.Wait()
	}
	if p.gone {
		return 0, net.ErrClosed
	}
	if len(p.buf) == 0 {
		return 0, p.end
	}
	n := copy(b, p.buf)
	p.buf = p.buf[n:]
	p.cond.Broadcast()
	return n, nil
}

func (p *belowPipe) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	late := func() bool { return !p.until.IsZero() && !time.Now().Before(p.until) }
	for len(p.buf) > 64<<10 && p.end == nil && !p.gone && !late() {
		p.cond.Wait()
	}
	if late() {
		return 0, os.ErrDeadlineExceeded
	}
	if p.end != nil || p.gone {
		return 0, syscall.EPIPE
	}
	p.buf = append(p.buf, b...)
	p.cond.Broadcast()
	return len(b), nil
}

func (p *belowPipe) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.cond.Broadcast()
}

// finish ends the direction after what was written.
func (p *belowPipe) finish(err error) {
	p.set(func() {
		if p.end == nil {
			p.end = err
		}
	})
}

// leave ends it for who reads.
func (p *belowPipe) leave() { p.set(func() { p.gone = true }) }

func (p *belowPipe) left() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// A belowConn is one end of a connection.
type belowConn struct {
	net.Conn // nil: there are no other methods
	in, out  *belowPipe
}

func newBelowConns() (client, server *belowConn) {
	a, b := newBelowPipe(), newBelowPipe()
	return &belowConn{in: a, out: b}, &belowConn{in: b, out: a}
}

func (c *belowConn) Read(b []byte) (int, error)      { return c.in.read(b) }
func (c *belowConn) Write(b []byte) (int, error)     { return c.out.write(b) }
func (c *belowConn) Close() error                    { c.in.leave(); c.out.finish(io.EOF); return nil }
func (c *belowConn) SetDeadline(time.Time) error     { return nil }
func (c *belowConn) SetReadDeadline(time.Time) error { return nil }
func (c *belowConn) SetWriteDeadline(t time.Time) error {
	c.out.set(func() { c.out.until = t })
	if !t.IsZero() {
		time.AfterFunc(time.Until(t), func() { c.out.set(func() {}) }) // not between a look at the clock and Wait
	}
	return nil
}
func (c *belowConn) LocalAddr() net.Addr  { return new(net.TCPAddr) }
func (c *belowConn) RemoteAddr() net.Addr { return new(net.TCPAddr) }

// reset is a RST: what is on the way is lost to both.
func (c *belowConn) reset() {
	c.out.finish(&net.OpError{Op: "read", Err: syscall.ECONNRESET})
	c.in.leave()
}

// ---- the server

// A belowFault is done to an answer: at the byte i, or in its place where the fault has no
// place. It returns when the connection is of no more use.
type belowFault struct {
	name   string
	bytes  bool // it has a place: every byte of the answer
	undone bool // the server said that it did nothing: the request may be sent again
	may    bool // the answer can be good nevertheless
	do     func(c net.Conn, raw *belowConn, answer []byte, i int)
}

func writeAll(c net.Conn, parts ...[]byte) {
	for _, p := range parts {
		if _, err := c.Write(p); err != nil {
			return
		}
	}
}

// untilClosed waits until the other side has closed.
func untilClosed(c net.Conn) { io.Copy(io.Discard, c) }

// endless writes until nobody reads; pause is between the parts. What comes is read, because
// net/http's HTTP/2 waits for a mutex where it cannot write, and in the bubble time stands still
// then: TestWireUnread is about that.
func endless(c net.Conn, part []byte, pause time.Duration) {
	go untilClosed(c)
	for {
		if _, err := c.Write(part); err != nil {
			return
		}
		if pause > 0 {
			time.Sleep(pause)
		}
	}
}

// cutFaults break an answer off at each of its bytes.
var cutFaults = []belowFault{
	{name: "reset", bytes: true, do: func(c net.Conn, raw *belowConn, answer []byte, i int) {
		writeAll(c, answer[:i])
		raw.reset()
	}},
	{name: "half-close", bytes: true, do: func(c net.Conn, raw *belowConn, answer []byte, i int) {
		writeAll(c, answer[:i])
		raw.out.finish(io.EOF)
		untilClosed(c)
	}},
	{name: "stall", bytes: true, do: func(c net.Conn, _ *belowConn, answer []byte, i int) {
		writeAll(c, answer[:i])
		untilClosed(c)
	}},
	{name: "drip", bytes: true, may: true, do: func(c net.Conn, _ *belowConn, answer []byte, i int) {
		writeAll(c, answer[:i])
		for _, b := range answer[i:] {
			time.Sleep(time.Second)
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
		}
		untilClosed(c)
	}},
}

// zeros is a gzip of so many of them.
var zeros = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(make([]byte, 64<<20))
	z.Close()
	return b.Bytes()
})

// http1Faults are done to answers of HTTP/1 in other ways than to break them off.
func http1Faults() []belowFault { return slices.Concat(wholeFaults(), bodyFaults()) }

// wholeFaults are another text in place of the answer.
func wholeFaults() []belowFault {
	whole := func(name, text string, end func(net.Conn)) belowFault {
		return belowFault{name: name, do: func(c net.Conn, _ *belowConn, _ []byte, _ int) {
			writeAll(c, []byte(text))
			if end != nil {
				end(c)
			}
			untilClosed(c)
		}}
	}
	return []belowFault{
		whole("101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", nil),
		whole("101 and more", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", func(c net.Conn) { endless(c, make([]byte, 4<<10), 10*time.Millisecond) }),
		whole("103 without end", "", func(c net.Conn) { endless(c, []byte("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), 0) }),
		whole("103 each second", "", func(c net.Conn) { endless(c, []byte("HTTP/1.1 103 Early Hints\r\n\r\n"), time.Second) }),
		whole("100 without end", "", func(c net.Conn) { endless(c, []byte("HTTP/1.1 100 Continue\r\n\r\n"), 0) }),
		whole("a header without end", "HTTP/1.1 200 OK\r\nX: ", func(c net.Conn) { endless(c, bytes.Repeat([]byte("x"), 4<<10), 0) }),
		whole("fields without end", "HTTP/1.1 200 OK\r\n", func(c net.Conn) { endless(c, bytes.Repeat([]byte("X: y\r\n"), 1<<10), 0) }),
		whole("a status line without end", "HTTP/1.1 200 ", func(c net.Conn) { endless(c, bytes.Repeat([]byte("x"), 4<<10), 0) }),
		whole("a body without end", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{", func(c net.Conn) { endless(c, bytes.Repeat([]byte(" "), 4<<10), 0) }),
		whole("chunks without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", func(c net.Conn) { endless(c, []byte("1\r\n \r\n"), 0) }),
		whole("trailers without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", func(c net.Conn) { endless(c, []byte("X: y\r\n"), 0) }),
		whole("no HTTP", "SSH-2.0-OpenSSH_9.6\r\n", nil),
		whole("HTTP/2 instead", string(http2Frame(4, 0, 0, nil)), nil),
		whole("a TLS alert", "\x15\x03\x01\x00\x02\x02\x28", nil),
		whole("status 99", "HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n", nil),
		whole("status 1000", "HTTP/1.1 1000 No\r\nContent-Length: 0\r\n\r\n", nil),
		whole("status 304 with a body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n{}", nil),
		whole("a redirect", "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", nil),
	}
}

// bodyFaults have other header fields in front of the body.
func bodyFaults() []belowFault {
	with := func(name string, may bool, change func(header, body string) string, end func(net.Conn)) belowFault {
		return belowFault{name: name, may: may, do: func(c net.Conn, raw *belowConn, answer []byte, _ int) {
			header, body, _ := strings.Cut(string(answer), "\r\n\r\n")
			writeAll(c, []byte(change(header, body)))
			if end != nil {
				end(c)
			}
			raw.out.finish(io.EOF)
			untilClosed(c)
		}}
	}
	length := func(to string) func(string, string) string {
		return func(header, body string) string {
			return strings.Replace(header, fmt.Sprintf("Content-Length: %d", len(body)), to, 1) + "\r\n\r\n" + body
		}
	}
	chunked := func(format string) func(string, string) string {
		return func(header, body string) string {
			header = strings.Replace(header, fmt.Sprintf("Content-Length: %d", len(body)), "Transfer-Encoding: chunked", 1)
			return header + "\r\n\r\n" + fmt.Sprintf(format, len(body), body)
		}
	}
	stays := func(c net.Conn) { untilClosed(c) }
	zipped := func(content []byte) func(string, string) string {
		return func(header, body string) string {
			return strings.Replace(header, fmt.Sprintf("Content-Length: %d", len(body)), fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d", len(content)), 1) +
				"\r\n\r\n" + string(content)
		}
	}
	return []belowFault{
		with("a length too small", false, length("Content-Length: 1"), nil),
		with("a length too large", false, length("Content-Length: 9999"), nil),
		with("a length too large, and a stall", false, length("Content-Length: 9999"), stays),
		with("a length of a gigabyte", false, length("Content-Length: 1073741824"), stays),
		with("a negative length", false, length("Content-Length: -1"), nil),
		with("a length that is none", false, length("Content-Length: abc"), nil),
		with("a length over 64 bits", false, length("Content-Length: 99999999999999999999"), nil),
		with("no length", true, length("X: y"), nil),
		with("no length, and a stall", false, length("X: y"), stays),
		with("two lengths", false, length("Content-Length: 2\r\nContent-Length: 3"), nil),
		with("length and chunks", true, length("Content-Length: 1\r\nTransfer-Encoding: chunked"), nil),
		with("another coding", false, length("Transfer-Encoding: identity"), nil),
		with("chunks", true, chunked("%x\r\n%s\r\n0\r\n\r\n"), nil),
		with("a chunk too small", false, chunked("1\r\n%[2]s\r\n0\r\n\r\n"), nil),
		with("a chunk too large", false, chunked("ffff\r\n%[2]s\r\n0\r\n\r\n"), nil),
		with("a chunk of a terabyte", false, chunked("ffffffffff\r\n%[2]s\r\n"), stays),
		with("a chunk over 64 bits", false, chunked("fffffffffffffffff\r\n%[2]s\r\n0\r\n\r\n"), nil),
		with("a negative chunk", false, chunked("-1\r\n%[2]s\r\n0\r\n\r\n"), nil),
		with("no last chunk", false, chunked("%x\r\n%s\r\n"), nil),
		with("a gzip bomb", false, zipped(zeros()), nil),
		with("half a gzip bomb", false, zipped(zeros()[:len(zeros())/2]), nil),
		with("a gzip that is none", false, zipped([]byte("{}")), nil),
		with("a gzip of nothing", false, zipped(nil), nil),
		with("a gzip bomb in chunks", false, func(header, body string) string {
			return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(zeros()), zeros())
		}, nil),
	}
}

// A belowServer answers over connections in memory, the requests to one path with a fault.
type belowServer struct {
	good  *unitServer
	http2 *tls.Config // nil: HTTP/1 without TLS

	mu      sync.Mutex
	target  string
	fault   *belowFault
	at      int
	each    bool // each time, not the first time alone
	answer  []byte
	arrived []http.Header // requests to the target since it was armed
	conns   []*belowConn  // the clients' ends on which the fault was done
}

func (s *belowServer) dial(context.Context, string, string) (net.Conn, error) {
	client, server := newBelowConns()
	if s.http2 != nil {
		go s.serveHTTP2(tls.Server(server, s.http2), client, server)
	} else {
		go s.serveHTTP1(client, server)
	}
	return client, nil
}

// arm sets the fault for what comes; nil: none.
func (s *belowServer) arm(target string, fault *belowFault, at int, each bool, answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target, s.fault, s.at, s.each, s.answer = target, fault, at, each, answer
	s.arrived, s.conns = nil, nil
}

// next is the fault for a request.
func (s *belowServer) next(path string, header http.Header, client *belowConn) (fault *belowFault, at int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if path != s.target {
		return nil, 0
	}
	s.arrived = append(s.arrived, header)
	if s.fault == nil || !s.each && len(s.arrived) > 1 {
		return nil, 0
	}
	s.conns = append(s.conns, client)
	return s.fault, s.at
}

func (s *belowServer) serveHTTP1(client, server *belowConn) {
	defer server.Close()
	r := bufio.NewReader(server)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(body))
		answer := s.rendered(req)
		req.Header.Set("X-Body", string(body))
		fault, at := s.next(req.URL.Path, req.Header, client)
		if fault != nil {
			fault.do(server, server, answer, at)
			return
		}
		if _, err := server.Write(answer); err != nil {
			return
		}
	}
}

// rendered is the good answer to a request, as HTTP/1.
func (s *belowServer) rendered(req *http.Request) []byte {
	res, err := s.good.RoundTrip(req.WithContext(context.Background()))
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(res.Body)
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d X\r\n", res.StatusCode)
	res.Header.Write(&b)
	if res.StatusCode != http.StatusNoContent {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	fmt.Fprintf(&b, "\r\n%s", body)
	return b.Bytes()
}
