package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// This file implements the fake issuer: an http.RoundTripper that answers from memory.

// An issuer answers requests to its URLs, and counts those for its key set.
type issuer struct {
	url     string
	fetches atomic.Int64
	delay   time.Duration // before each answer

	transport http.RoundTripper // answers in its place, if not nil

	mu      sync.Mutex
	answers map[string][]byte // by path
	down    bool
}

// newIssuer returns an issuer with this key set.
func newIssuer(url, jwks string) *issuer {
	is := &issuer{url: url, answers: map[string][]byte{}}
	is.set("/jwks", jwks)
	return is
}

// set makes text the answer to requests for path.
func (is *issuer) set(path, text string) {
	is.mu.Lock()
	defer is.mu.Unlock()
	is.answers[path] = []byte(text)
}

// setDown takes the issuer off the network, or puts it back.
func (is *issuer) setDown(down bool) {
	is.mu.Lock()
	defer is.mu.Unlock()
	is.down = down
}

func (is *issuer) jwksURI() string { return is.url + "/jwks" }

func (is *issuer) client() *http.Client { return &http.Client{Transport: is} }

// RoundTrip implements http.RoundTripper.
func (is *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	if is.transport != nil {
		return is.transport.RoundTrip(r)
	}
	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	if r.URL.Path == "/jwks" {
		is.fetches.Add(1)
	}
	if is.delay > 0 {
		time.Sleep(is.delay)
	}
	is.mu.Lock()
	text, found := is.answers[r.URL.Path]
	down := is.down
	is.mu.Unlock()
	if down {
		return nil, errors.New("the issuer is down")
	}
	status := http.StatusOK
	if !found {
		status = http.StatusNotFound
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}},
		Body:          io.NopCloser(bytes.NewReader(text)),
		ContentLength: int64(len(text)), Request: r,
	}, nil
}
