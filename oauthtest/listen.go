package oauthtest

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// This file has the listeners of the server.

// listen starts the listeners.
func (s *Server) listen() {
	host := ""
	if s.opts.URL != "" {
		u, err := url.Parse(s.opts.URL)
		if err != nil || u.Host == "" || u.Scheme != s.scheme() || s.opts.URL != u.Scheme+"://"+u.Host {
			panic("oauthtest: Options.URL is not an origin with the scheme " + s.scheme())
		}
		host = u.Hostname()
	}
	addr, ok := s.checkListener()
	// Certificates of the package's own CA, not those of httptest, so that one
	// root stands for both listeners and for client certificates.
	certificate := s.ca.issue(serverTemplate(host))
	s.main = s.start(s.opts.Listener, certificate, tls.NoClientCert)
	if s.opts.URL != "" {
		s.main.URL = s.opts.URL
	}
	if s.opts.Plain {
		return
	}
	var second net.Listener
	if ok {
		var err error
		if second, err = net.Listen("tcp", net.JoinHostPort(addr.IP.String(), "0")); err != nil {
			s.main.Close()
			panic("oauthtest: " + err.Error())
		}
	}
	// RequestClientCert and not VerifyClientCertIfGiven: self-signed
	// certificates are legitimate here (RFC 8705, Section 2.2), and a bad
	// one shall become invalid_client and not a broken handshake.
	s.mtls = s.start(second, certificate, tls.RequestClientCert)
	if host != "" {
		_, port, _ := net.SplitHostPort(s.mtls.Listener.Addr().String())
		s.mtls.URL = "https://" + net.JoinHostPort(host, port)
	}
}

func (s *Server) scheme() string {
	if s.opts.Plain {
		return "http"
	}
	return "https"
}

// checkListener panics if the listener of the options is not where it may be. It
// returns its address, if it has one of TCP.
func (s *Server) checkListener() (addr *net.TCPAddr, ok bool) {
	if s.opts.Listener == nil {
		return nil, false
	}
	if addr, ok = s.opts.Listener.Addr().(*net.TCPAddr); !ok {
		return nil, false // one in memory, for example
	}
	if !addr.IP.IsLoopback() && !s.opts.InsecureListen {
		panic("oauthtest: Options.Listener: " + addr.String() + " is not on loopback, and Options.InsecureListen is not set")
	}
	if addr.IP.IsUnspecified() && s.opts.URL == "" {
		panic("oauthtest: Options.Listener is on all addresses, and Options.URL is not set")
	}
	return addr, true
}

// start starts one listener; l is nil for a free port.
func (s *Server) start(l net.Listener, certificate tls.Certificate, auth tls.ClientAuthType) *httptest.Server {
	h := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	if l != nil {
		h.Listener.Close()
		h.Listener = l
	}
	// Handshakes that fail on purpose are not news for the test's output.
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	if s.opts.Plain {
		h.Start()
		return h
	}
	h.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: auth}
	h.StartTLS()
	return h
}

// hostOf is the host and port of an origin.
func hostOf(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	return host
}
