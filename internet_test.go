package oauth

// Tests of the HTTP client for URLs that somebody else names.

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// notOfInternet are addresses that a URL of somebody else must not lead to.
var notOfInternet = strings.Fields(`
	127.0.0.1 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255
	100.64.0.1 100.127.255.255 100.100.100.200 169.254.0.1 169.254.169.254 169.254.255.255 168.63.129.16 192.0.0.1 192.0.0.192 192.0.0.255 192.0.2.1
	192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
	::1 :: ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd00:ec2::254 fdff::1 ff02::1 ff0e::1
	64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:0:53aa:64c::1 2001:2::1 2001:10::1 2001:20::1 2001:1ff:ffff::1 2001:db8::1
	2002:7f00:1:: 2002:a9fe:a9fe::1 3fff::1 3fff:fff:ffff::1 4000::1 5f00::1 8000::1
`)

// TestInternetAddresses: the addresses beside those are of the Internet.
func TestInternetAddresses(t *testing.T) {
	for _, s := range notOfInternet {
		if ofInternet(netip.MustParseAddr(s)) {
			t.Error(s, "is of the Internet")
		}
	}
	for _, s := range strings.Fields(`
		1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0
		172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
		198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 ::ffff:8.8.8.8
		2000::1 2001:200::1 2001:4860:4860::8888 2001:db7:ffff::1 2001:db9::1 2003::1 2606:4700:4700::1111 2a00::1 3ffe::1 3fff:1000::1
	`) {
		if !ofInternet(netip.MustParseAddr(s)) {
			t.Error(s, "is not of the Internet")
		}
	}
	if ofInternet(netip.Addr{}) {
		t.Error("no address is of the Internet")
	}
	for _, address := range []string{"", "127.0.0.1", "localhost:443", "[::1%lo]:443", "2001:4860:4860::8888", "/run/x.sock", "8.8.8.8:http"} {
		wantError(t, toInternet(t.Context(), "tcp", address, nil), ErrInsecureURL, "")
	}
	if err := toInternet(t.Context(), "tcp6", "[2001:4860:4860::8888]:443", nil); err != nil {
		t.Error(err)
	}
}

// TestInternetRanges: each range ends where its registration says, and what is beside it is
// of the Internet, but for where another one begins.
func TestInternetRanges(t *testing.T) {
	for _, row := range strings.Fields(`
		0.0.0.0-0.255.255.255 10.0.0.0-10.255.255.255 100.64.0.0-100.127.255.255 127.0.0.0-127.255.255.255 169.254.0.0-169.254.255.255
		172.16.0.0-172.31.255.255 192.0.0.0-192.0.0.255 192.0.2.0-192.0.2.255 192.88.99.0-192.88.99.255 192.168.0.0-192.168.255.255
		198.18.0.0-198.19.255.255 198.51.100.0-198.51.100.255 203.0.113.0-203.0.113.255 224.0.0.0-255.255.255.255 168.63.129.16-168.63.129.16
		2001::-2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff
		3fff::-3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff ::-1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 4000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
	`) {
		from, to, _ := strings.Cut(row, "-")
		first, last := netip.MustParseAddr(from), netip.MustParseAddr(to)
		if ofInternet(first) || ofInternet(last) {
			t.Error(row, "is of the Internet")
		}
		for _, beside := range []netip.Addr{first.Prev(), last.Next()} {
			if beside.IsValid() && !ofInternet(beside) {
				t.Error(beside, "is not of the Internet")
			}
		}
	}
}

// TestNear: the public addresses of the machine and of its networks are not for others.
func TestNear(t *testing.T) {
	network := func(s string) net.Addr {
		ip, n, err := net.ParseCIDR(s)
		if err != nil {
			t.Fatal(err)
		}
		return &net.IPNet{IP: ip, Mask: n.Mask}
	}
	own := func() ([]net.Addr, error) {
		return []net.Addr{network("8.8.8.8/32"), network("9.9.9.1/24"), network("2600:1::5/64"), &net.UnixAddr{}}, nil
	}
	for s, want := range map[string]bool{
		"8.8.8.8": true, "::ffff:8.8.8.8": true, "9.9.9.200": true, "2600:1::9": true, "8.8.8.9": false, "9.9.8.1": false, "2600:1:0:1::5": false, "1.1.1.1": false,
	} {
		if got := near(netip.MustParseAddr(s), own); got != want {
			t.Errorf("%s: %v", s, got)
		}
	}
	if !near(netip.MustParseAddr("1.1.1.1"), func() ([]net.Addr, error) { return nil, net.ErrClosed }) {
		t.Error("which addresses are its own is not known")
	}
	if near(netip.MustParseAddr("1.1.1.1"), func() ([]net.Addr, error) { return nil, nil }) {
		t.Error("a machine without addresses")
	}
}

// TestInternetHTTPClient: whatever a name leads to, and whenever it does, nothing
// connects to this machine.
func TestInternetHTTPClient(t *testing.T) {
	if runtime.GOOS == "js" {
		t.Skip("js has no sockets: nothing is connected to")
	}
	connected := make(chan string, 100)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { connected <- r.Host }))
	server.Config.ConnState = func(c net.Conn, s http.ConnState) { connected <- c.RemoteAddr().String() }
	server.StartTLS()
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	names := &nameServer{}
	client := internetClient(names.resolver(t))
	if c := NewInternetHTTPClient(); c.Transport.(*http.Transport).Proxy != nil || c.Timeout != overallTimeout || c.Transport.(*http.Transport).ResponseHeaderTimeout != 0 {
		t.Error("a proxy would resolve the name")
	}
	ask := func(host string) {
		t.Helper()
		issuer := (&url.URL{Scheme: "https", Host: net.JoinHostPort(host, port)}).String()
		got, err := Discover(t.Context(), issuer, &DiscoverOptions{HTTPClient: client})
		if wantError(t, err, ErrInsecureURL, ""); got != nil {
			t.Error("metadata beside an error")
		}
	}
	for _, s := range notOfInternet {
		if a := netip.MustParseAddr(s); a.Zone() == "" {
			names.answer([]netip.Addr{a})
			ask("name.test")
			ask(a.String())
		}
	}
	ask("localhost")
	// The first look-up is one of somebody who checks a name before it is used.
	public := netip.MustParseAddr("198.41.0.4")
	names.answer([]netip.Addr{public}, []netip.Addr{netip.MustParseAddr("127.0.0.1")})
	if got, err := names.resolver(t).LookupNetIP(t.Context(), "ip4", "name.test"); err != nil || len(got) != 1 || got[0].Unmap() != public {
		t.Fatal(got, err)
	}
	ask("name.test")
	names.answer([]netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.0.0.1")})
	ask("name.test")
	// A redirect is another connection.
	if res, err := client.Get("https://127.0.0.1:" + port + "/"); err == nil {
		res.Body.Close()
		t.Error("it connects to this machine")
	}
	select {
	case who := <-connected:
		t.Error("connected:", who)
	default:
	}
}

// A nameServer answers questions for addresses: the first with the first set, and so on,
// and all others with the last.
type nameServer struct {
	mu      sync.Mutex
	answers [][]netip.Addr
}

func (n *nameServer) answer(sets ...[]netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers = sets
}

// resolver asks n over a pipe that package net takes for UDP.
func (n *nameServer) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			size, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			server.WriteTo(n.reply(b[:size]), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// reply is RFC 1035, Section 4: the header, the question as it came, and an answer for
// each address of the type that was asked for (A is 1, AAAA is 28).
func (n *nameServer) reply(question []byte) []byte {
	end := 12
	for end < len(question) && question[end] != 0 {
		end += 1 + int(question[end])
	}
	end += 5
	kind := binary.BigEndian.Uint16(question[end-4:])
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []netip.Addr
	for _, a := range n.answers[0] {
		if a.Is4() == (kind == 1) {
			list = append(list, a)
		}
	}
	if len(list) > 0 && len(n.answers) > 1 {
		n.answers = n.answers[1:]
	}
	b := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, byte(len(list)), 0, 0, 0, 0}, question[12:end]...)
	for _, a := range list {
		b = append(b, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(a.BitLen()/8))
		b = append(b, a.AsSlice()...)
	}
	return b
}
