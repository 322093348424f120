package oauth

// Faults below HTTP/2, in the frames of it: see dial_below_test.go.

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// serveHTTP2 serves a connection. It cannot read the fields of a request,
// and takes every one for that of the operation.
func (s *belowServer) serveHTTP2(c net.Conn, client, server *belowConn) {
	defer server.Close()
	serveHTTP2(c, func(stream uint32) bool {
		answer := http2Answer(stream, s.answer)
		fault, at := s.next(s.target, http.Header{}, client)
		if fault != nil {
			fault.do(c, server, answer, at)
			return false
		}
		c.Write(answer)
		return true
	})
}

// http2Answer makes frames of an answer of HTTP/1.
func http2Answer(stream uint32, http1 []byte) []byte {
	header, body, _ := bytes.Cut(http1, []byte("\r\n\r\n"))
	if bytes.HasPrefix(header, []byte("HTTP/1.1 204")) {
		return http2Frame(1, 5, stream, []byte{0x89})
	}
	fields := append([]byte{0x88, 0x0f, 0x10, byte(len(mediaJSON))}, mediaJSON...) // :status 200, content-type
	return append(http2Frame(1, 4, stream, fields), http2Frame(0, 1, stream, body)...)
}

// before is the frames in front of a fault, which is in the place n, and their stream.
func before(n int, answer []byte) (frames []byte, stream uint32) {
	stream = binary.BigEndian.Uint32(answer[5:])
	size := 9 + int(binary.BigEndian.Uint32(answer)>>8)
	switch n {
	case 0:
		return nil, stream
	case 1:
		frames = bytes.Clone(answer[:size])
	default:
		frames = bytes.Clone(answer)
		if len(answer) > size {
			frames[size+4] &^= 1 // its DATA is not the last
		}
	}
	frames[4] &^= 1
	return frames, stream
}

// atPlace names the places.
var atPlace = []string{" at the start", " after the header", " after the content"}

// http2Faults are done between the frames of an answer: in front of the first, between the
// two, and in place of the end of the second.
func http2Faults() []belowFault {
	var list []belowFault
	add := func(name string, n int, undone, may bool, frame func(stream uint32) []byte, end func(net.Conn)) {
		list = append(list, belowFault{
			name: name + atPlace[n], undone: undone && n == 0, may: may,
			do: func(c net.Conn, raw *belowConn, answer []byte, _ int) {
				frames, stream := before(n, answer)
				writeAll(c, frames, frame(stream))
				if end != nil {
					end(c)
				}
				untilClosed(c)
			},
		})
	}
	for n := range 3 {
		for i, code := range http2Codes {
			number := binary.BigEndian.AppendUint32(nil, uint32(i))
			add("RST "+code, n, code == "REFUSED_STREAM", false, func(stream uint32) []byte { return http2Frame(3, 0, stream, number) }, nil)
			add("GOAWAY 0 "+code, n, true, false, func(uint32) []byte { return http2Frame(7, 0, 0, append(make([]byte, 4), number...)) }, nil)
			add("GOAWAY "+code, n, false, false, func(stream uint32) []byte {
				return http2Frame(7, 0, 0, append(binary.BigEndian.AppendUint32(nil, stream), number...))
			}, nil)
		}
		list = append(list, floodFaults(n)...)
		add("a window too large", n, false, false, func(uint32) []byte { return http2Frame(8, 0, 0, []byte{0x7f, 0xff, 0xff, 0xff}) }, nil)
		if !overflowHangs() {
			add("a stream's window too large", n, false, false, func(stream uint32) []byte { return http2Frame(8, 0, stream, []byte{0x7f, 0xff, 0xff, 0xff}) }, nil)
		}
		add("a window of nothing", n, false, false, func(uint32) []byte { return http2Frame(4, 0, 0, []byte{0, 4, 0, 0, 0, 0}) }, nil)
		add("frames of nothing", n, false, false, func(uint32) []byte { return http2Frame(4, 0, 0, []byte{0, 5, 0, 0, 0, 0}) }, nil)
		add("a header without end", n, false, false, func(stream uint32) []byte { return http2Frame(1, 0, stream, []byte{0x88}) }, func(c net.Conn) {
			endless(c, http2Frame(9, 0, 1, bytes.Repeat([]byte{0x40, 1, 'x', 1, 'y'}, 400)), 100*time.Millisecond)
		})
		add("a push", n, false, false, func(stream uint32) []byte { return http2Frame(5, 4, stream, []byte{0, 0, 0, 2, 0x82}) }, nil)
		add("a frame too large", n, false, false, func(stream uint32) []byte { return []byte{0xff, 0xff, 0xff, 0, 0, 0, 0, 0, byte(stream)} }, nil)
		add("a header that is none", n, false, false, func(stream uint32) []byte {
			return http2Frame(1, 4, stream, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		}, nil)
		add("another's stream", n, false, false, func(stream uint32) []byte { return http2Frame(0, 0, stream+100, []byte("{}")) }, nil)
		add("an even stream", n, false, false, func(uint32) []byte { return http2Frame(1, 4, 2, []byte{0x88}) }, nil)
		add("status 101", n, false, false, func(stream uint32) []byte { return http2Frame(1, 4, stream, []byte{0x48, 3, '1', '0', '1'}) }, nil)
		add("HTTP/1", n, false, false, func(uint32) []byte { return []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") }, nil)
		add("a bomb", n, false, false, func(stream uint32) []byte {
			if n > 0 {
				return http2Frame(3, 0, stream, make([]byte, 4))
			}
			fields := []byte{0x88, 0x0f, 0x0b, 4, 'g', 'z', 'i', 'p'} // content-encoding
			frames := http2Frame(1, 4, stream, fields)
			for part := range slices.Chunk(zeros(), 16<<10) {
				frames = append(frames, http2Frame(0, 0, stream, part)...)
			}
			return append(frames, http2Frame(0, 1, stream, nil)...)
		}, nil)
	}
	return append(list, http2Lengths()...)
}

// floodFaults go on without end in the place n.
func floodFaults(n int) (list []belowFault) {
	flood := func(name string, pause time.Duration, frame func(stream uint32) []byte) {
		list = append(list, belowFault{name: name + atPlace[n], do: func(c net.Conn, raw *belowConn, answer []byte, _ int) {
			frames, stream := before(n, answer)
			writeAll(c, frames)
			part := frame(stream)
			if pause == 0 { // time passes only while nobody does anything
				part, pause = bytes.Repeat(part, 1+(6<<10)/len(part)), 100*time.Millisecond
			}
			endless(c, part, pause)
		}})
	}
	settings := http2Frame(4, 0, 0, []byte{0, 4, 0, 0, 255, 255})
	flood("pings", 0, func(uint32) []byte { return http2Frame(6, 0, 0, make([]byte, 8)) })
	flood("a ping each second", time.Second, func(uint32) []byte { return http2Frame(6, 0, 0, make([]byte, 8)) })
	flood("settings", 0, func(uint32) []byte { return settings })
	flood("unknown frames", 0, func(uint32) []byte { return http2Frame(99, 0, 0, make([]byte, 64)) })
	flood("empty data", 0, func(stream uint32) []byte { return http2Frame(0, 0, stream, nil) })
	flood("padded data", 0, func(stream uint32) []byte { return http2Frame(0, 8, stream, make([]byte, 256)) })
	flood("103", 0, func(stream uint32) []byte { return http2Frame(1, 4, stream, []byte{0x48, 3, '1', '0', '3'}) })
	flood("103 each second", time.Second, func(stream uint32) []byte { return http2Frame(1, 4, stream, []byte{0x48, 3, '1', '0', '3'}) })
	flood("window updates", 0, func(stream uint32) []byte { return http2Frame(8, 0, stream, []byte{0, 0, 0, 1}) })
	return list
}

// http2Lengths have a content-length that is not that of the content.
func http2Lengths() (list []belowFault) {
	length := func(name string, may bool, digits string) {
		list = append(list, belowFault{name: name, may: may, do: func(c net.Conn, _ *belowConn, answer []byte, _ int) {
			stream := binary.BigEndian.Uint32(answer[5:])
			fields := append([]byte{0x88, 0x0f, 0x0d, byte(len(digits))}, digits...) // content-length
			writeAll(c, http2Frame(1, 4, stream, fields), answer[9+int(binary.BigEndian.Uint32(answer)>>8):])
			untilClosed(c)
		}})
	}
	length("a length too small", false, "1")
	length("a length too large", false, "99999")
	length("a length that is none", true, "-1") // net/http looks past these
	length("a length over 64 bits", true, strings.Repeat("9", 20))
	return list
}

// overflowHangs reports whether net/http is one that locks a mutex twice when the window of a
// stream overflows (processWindowUpdate, until Go 1.26): no context ends what uses the
// connection then, and the bubble would stand still.
func overflowHangs() bool {
	return strings.HasPrefix(runtime.Version(), "go1.25") || strings.HasPrefix(runtime.Version(), "go1.26")
}

// TestBelowHTTP2 has every operation that makes one request meet every fault of HTTP/2.
func TestBelowHTTP2(t *testing.T) {
	cert, roots := httpServerCertificate(t)
	now := time.Now()
	http2 := &belowTLS{server: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}, Time: func() time.Time { return now }}, roots: roots, now: now}
	faults := http2Faults()
	for _, op := range belowOperations() {
		if op.several {
			continue // one server of HTTP/1 tells its requests apart
		}
		t.Run(op.name, func(t *testing.T) {
			runs := 0
			for _, fault := range slices.Concat(cutFaults, faults) {
				for _, kept := range []bool{false, true} {
					runs += belowBubble(t, &op, http2, fault, kept, !kept)
				}
			}
			t.Logf("%d runs", runs)
		})
	}
}
