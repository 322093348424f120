package oauth

// This file implements the transports that requests go through: the package's own,
// and what it makes of a user's.

import (
	"net"
	"net/http"
	"slices"
	"time"
)

// patientTransport is t for resources, whose answers may take their time.
func patientTransport(t *http.Transport) *http.Transport {
	t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = 0, 0
	return t
}

// cloneTransport is t.Clone without its trap: if t was not used yet, Clone sets
// it up for HTTP/2 first, and the clone announces HTTP/2 in its TLS
// configuration but, because it has one, does not speak it. Where the user set
// no limits, the clone has some: it outlives what the user does with t.
func cloneTransport(t *http.Transport) *http.Transport {
	t = t.Clone()
	if t.TLSClientConfig != nil && slices.Contains(t.TLSClientConfig.NextProtos, "h2") && t.TLSNextProto == nil {
		t.ForceAttemptHTTP2 = true
	}
	if t.TLSHandshakeTimeout == 0 {
		t.TLSHandshakeTimeout = tlsTimeout
	}
	if t.IdleConnTimeout == 0 {
		t.IdleConnTimeout = idleTimeout
	}
	return t
}

// unredirected takes the Location out of answers. Before http.Client asks
// CheckRedirect it parses the URL, and quotes it whole in an error if it cannot.
type unredirected struct{ next http.RoundTripper }

func (t *unredirected) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(r)
	if res != nil {
		res.Header.Del("Location")
	}
	return res, err
}

// CloseIdleConnections makes that of http.Client work.
func (t *unredirected) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// newTransport is http.DefaultTransport with tighter limits.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
}
