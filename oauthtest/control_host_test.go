package oauthtest

import (
	"net"
	"net/http/httptest"
	"testing"
)

// TestOwnHost: the port of the scheme may be left out, and no other.
func TestOwnHost(t *testing.T) {
	for _, tt := range []struct {
		plain bool
		port  int
		host  string
		want  bool
	}{
		{true, 80, "localhost", true}, {true, 80, "127.0.0.1", true}, {true, 80, "[::1]", true}, {true, 80, "localhost:80", true},
		{false, 443, "localhost", true}, {false, 80, "localhost", false}, {true, 9096, "localhost", false}, {true, 9096, "localhost:9096", true},
		{true, 80, "attacker.example", false}, {true, 80, "", false}, {true, 80, "[::1", false}, {true, 80, "]", false}, {true, 80, "localhost.", false},
		{true, 9096, "idp:9096", true}, {true, 9096, "IDP:9096", true}, {true, 9096, "idp", false},
	} {
		s := &Server{opts: Options{Plain: tt.plain}, main: &httptest.Server{URL: "http://idp:9096", Listener: atPort(tt.port)}}
		if got := s.ownHost(tt.host); got != tt.want {
			t.Errorf("%q at port %d, plain %v: %v", tt.host, tt.port, tt.plain, got)
		}
	}
}

// atPort is a listener at 127.0.0.1 that does not listen.
type atPort int

func (p atPort) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (p atPort) Close() error              { return nil }
func (p atPort) Addr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(p)} }
