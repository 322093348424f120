package keycloak

// This file is the network between the package and the server. It records, and does
// what the public API refuses to do wrong.

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// A wire is the network of one client.
type wire struct {
	mu     sync.Mutex
	around func(next http.RoundTripper, r *http.Request) (*http.Response, error) // nil: next does it
	seen   []exchange
}

// An exchange is one request that the package made.
type exchange struct {
	method    string
	url       *url.URL
	header    http.Header // of the request
	form      url.Values
	status    int
	mediaType string // of the response
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// wrap puts the wire in front of next.
func (w *wire) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		seen := exchange{method: r.Method, url: r.URL, header: r.Header.Clone()}
		var err error
		if r, seen.form, err = takeForm(r); err != nil {
			return nil, err
		}
		w.mu.Lock()
		around := w.around
		w.mu.Unlock()
		var resp *http.Response
		if around != nil {
			resp, err = around(next, r)
		} else {
			resp, err = next.RoundTrip(r)
		}
		if err == nil {
			seen.status = resp.StatusCode
			seen.mediaType, _, _ = strings.Cut(resp.Header.Get("Content-Type"), ";")
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, seen)
		return resp, err
	})
}

// tamper has f change every later request to the endpoint, until the returned function
// is called. A form has to be put back with setForm.
func (w *wire) tamper(endpoint string, f func(r *http.Request, form url.Values) *http.Request) (stop func()) {
	set := func(around func(http.RoundTripper, *http.Request) (*http.Response, error)) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.around = around
	}
	set(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if r.URL.String() != endpoint {
			return next.RoundTrip(r)
		}
		r, form, err := takeForm(r)
		if err != nil {
			return nil, err
		}
		return next.RoundTrip(f(r, form))
	})
	return func() { set(nil) }
}

// tamperForm has f change the form of every later request to the endpoint.
func (w *wire) tamperForm(endpoint string, f func(url.Values)) (stop func()) {
	return w.tamper(endpoint, func(r *http.Request, form url.Values) *http.Request {
		f(form)
		return withForm(r, form)
	})
}

// last is the latest exchange with an endpoint.
func (w *wire) last(s *scenario, endpoint string) exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.seen) - 1; i >= 0; i-- {
		if w.seen[i].url.String() == endpoint {
			return w.seen[i]
		}
	}
	s.fatalf("the package made no request to %s", endpoint)
	panic("unreachable")
}

// takeForm reads the form in the body of a request, and returns one to send on.
func takeForm(r *http.Request) (*http.Request, url.Values, error) {
	if r.Body == nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return r, nil, nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, nil, err
	}
	form, err := url.ParseQuery(string(body))
	return withBody(r, body), form, err
}

func withBody(r *http.Request, body []byte) *http.Request {
	r = r.Clone(r.Context())
	r.Body, r.ContentLength, r.GetBody = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return r
}

// withForm is the request with another form in its body.
func withForm(r *http.Request, form url.Values) *http.Request {
	return withBody(r, []byte(form.Encode()))
}
