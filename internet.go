package oauth

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// This file implements the HTTP client for URLs that somebody else names: it connects to
// the Internet, and to nothing that only this machine or its network can reach.

// NewInternetHTTPClient returns an HTTP client that connects to public addresses only. It
// is for Config.HTTPClient and DiscoverOptions.HTTPClient in programs in which others
// name the servers, for example an MCP client, whose protected resources name their
// authorization servers (RFC 9728, Section 7.7): a URL could lead to a service that only
// this machine can reach, for example one that hands out the credentials of a cloud
// instance (server-side request forgery). RegistrationOptions.HTTPClient and
// ResourceServerConfig.HTTPClient may need it for the same reason.
//
// The client looks at every address after the host name has been resolved and before it
// connects, so that neither a name in the DNS nor a redirect leads past it. It refuses
// addresses that are not global unicast addresses of the Internet, by the registries of
// IANA (RFC 6890): those of the machine itself, of private networks and links, of
// carrier-grade NAT, for multicast, documentation and benchmarks, those that embed an IPv4
// address (the well-known prefixes of NAT64, 6to4, Teredo), the address of the Azure host,
// and the public addresses of this machine and of the networks that its interfaces are in.
// A request to one of them fails with an error that matches [ErrInsecureURL]. The port may
// be any.
//
// The client uses no proxy, because a proxy would resolve the name. Requests of the package
// time out after 30 seconds; the caller may change the Timeout. The caller must not replace the
// DialContext of the Transport.
func NewInternetHTTPClient() *http.Client { return internetClient(nil) }

// internetClient resolves names with r; nil: as package net does.
func internetClient(r *net.Resolver) *http.Client {
	t := patientTransport(newTransport()) // as the package's own, for resources
	t.Proxy = nil
	t.DialContext = measured((&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Resolver: r, ControlContext: toInternet}).DialContext)
	return &http.Client{Transport: t, Timeout: overallTimeout}
}

// toInternet is called with each address before it is connected to.
func toInternet(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !ofInternet(to.Addr()) || near(to.Addr(), net.InterfaceAddrs) {
		return fail(ErrInsecureURL, "", "the URL leads to %s, which is not an address of the Internet: NewInternetHTTPClient connects to no other", printable(address, 64))
	}
	return nil
}

// near reports whether an address is one of this machine, or of a network that it is in:
// what reaches it from here need not pass what keeps others away. Where that is not known
// it is.
func near(a netip.Addr, interfaces func() ([]net.Addr, error)) bool {
	list, err := interfaces()
	if err != nil {
		return true
	}
	for _, own := range list {
		if n, ok := own.(*net.IPNet); ok && n.Contains(a.Unmap().AsSlice()) {
			return true
		}
	}
	return false
}

// ofInternet reports whether an address is reachable from everywhere.
func ofInternet(a netip.Addr) bool {
	a = a.Unmap() // ::ffff:0:0/96 is IPv4
	if a.Is4() {
		for _, p := range specialIPv4 {
			if netip.PrefixFrom(netip.AddrFrom4(p.addr), p.bits).Contains(a) {
				return false
			}
		}
		return true
	}
	global := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20}), 3) // RFC 4291, Section 2.4, of which IANA has given 2000::/3
	if !global.Contains(a) {                                        // which no address with a zone is in
		return false
	}
	for _, p := range specialIPv6 {
		if netip.PrefixFrom(netip.AddrFrom16(p.addr), p.bits).Contains(a) {
			return false
		}
	}
	return true
}

// specialIPv4 are the entries of IANA's registry of special-purpose addresses that are not
// globally reachable, multicast, and one address of a cloud.
var specialIPv4 = [...]struct {
	addr [4]byte
	bits int
}{
	{[4]byte{0}, 8},                 // this network, of which 0.0.0.0 is this machine (RFC 791)
	{[4]byte{10}, 8},                // private (RFC 1918)
	{[4]byte{100, 64}, 10},          // carrier-grade NAT (RFC 6598)
	{[4]byte{127}, 8},               // loopback (RFC 1122)
	{[4]byte{169, 254}, 16},         // link-local (RFC 3927), with the metadata of clouds
	{[4]byte{172, 16}, 12},          // private (RFC 1918)
	{[4]byte{192, 0, 0}, 24},        // protocol assignments (RFC 6890)
	{[4]byte{192, 0, 2}, 24},        // documentation (RFC 5737)
	{[4]byte{192, 88, 99}, 24},      // 6to4 relays (RFC 7526)
	{[4]byte{192, 168}, 16},         // private (RFC 1918)
	{[4]byte{198, 18}, 15},          // benchmarks (RFC 2544)
	{[4]byte{198, 51, 100}, 24},     // documentation (RFC 5737)
	{[4]byte{203, 0, 113}, 24},      // documentation (RFC 5737)
	{[4]byte{224}, 3},               // multicast (RFC 5771), reserved (RFC 1112), broadcast (RFC 919)
	{[4]byte{168, 63, 129, 16}, 32}, // the host of a virtual machine of Azure
}

// specialIPv6 are those within 2000::/3.
var specialIPv6 = [...]struct {
	addr [16]byte
	bits int
}{
	{[16]byte{0x20, 0x01}, 23},             // protocol assignments (RFC 2928), with Teredo and benchmarks
	{[16]byte{0x20, 0x01, 0x0d, 0xb8}, 32}, // documentation (RFC 3849)
	{[16]byte{0x20, 0x02}, 16},             // 6to4, which embeds IPv4 (RFC 3056)
	{[16]byte{0x3f, 0xff}, 20},             // documentation (RFC 9637)
}
