package oauthtest

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
)

// This file implements what every endpoint does with a request and an answer:
// the record, the parameters, JSON and errors.

// A Request is the record of a request that the server has received. Its maps are
// shared by all callers and must not be changed.
type Request struct {
	Method string
	Host   string     // host and port to which the client connected
	Path   string     // the whole path, including the path of the issuer
	Query  url.Values // the parameters of the URL
	Form   url.Values // the parameters of an application/x-www-form-urlencoded body
	Header http.Header

	// ClientID is the client that the request names in a parameter, a Basic
	// credential or a client assertion, whether it is authenticated or not. It is
	// empty if there is none.
	ClientID string

	// Params are the parameters of a request to the authorization endpoint, of a
	// pushed authorization request, or of a request to the backchannel
	// authentication endpoint. They are the same whether the client has sent them
	// in the request, in a request object, or has pushed them before. Params is nil
	// if they could not be read.
	Params url.Values

	// Certificate is the client certificate of the connection. It is nil if there
	// is none.
	Certificate *x509.Certificate
}

// Requests returns the requests received so far, in order of arrival, including the
// requests of the browser.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Count returns the number of requests received so far for a path, for example
// "/token" or, with [Options.Path], "/tenant/one/token".
func (s *Server) Count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.log {
		if r.Path == path {
			n++
		}
	}
	return n
}

// record returns r with what recordParams needs.
func (s *Server) record(r *http.Request, body []byte) *http.Request {
	entry := Request{
		Method: r.Method,
		Host:   r.Host,
		Path:   r.URL.Path,
		Query:  r.URL.Query(),
		Header: r.Header.Clone(),
	}
	if isForm(r) {
		entry.Form, _ = url.ParseQuery(string(body))
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		entry.Certificate = r.TLS.PeerCertificates[0]
	}
	entry.ClientID = claimedClient(r, entry.Form)
	if entry.ClientID == "" {
		entry.ClientID = entry.Query.Get("client_id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, entry)
	return r.WithContext(context.WithValue(r.Context(), logIndex{}, len(s.log)-1))
}

// logIndex is the key of a request's place in the record.
type logIndex struct{}

// recorded returns the record of a request.
func (s *Server) recorded(r *http.Request) Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log[r.Context().Value(logIndex{}).(int)]
}

// recordParams adds Request.Params to the record.
func (s *Server) recordParams(r *http.Request, params url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log[r.Context().Value(logIndex{}).(int)].Params = maps.Clone(params)
}

// interactionID is how FAPI 1.0, Part 1 has a request and its answer found in the
// logs of both sides.
const interactionID = "X-Fapi-Interaction-Id"

// interactionPaths are the endpoints that send the interactionID back.
var interactionPaths = [...]string{parPath, tokenPath, userinfoPath, backchannelPath, resourcePath}

// echoInteraction is FAPI 1.0, Part 1, Section 6.2.1: a resource "shall set the response
// header x-fapi-interaction-id to the value received from the corresponding FAPI client
// request header". ConnectID wants it of the endpoints of a server, too.
func (s *Server) echoInteraction(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(interactionID)
	if id != "" && slices.ContainsFunc(interactionPaths[:], func(path string) bool { return s.fullPath(path) == r.URL.Path }) {
		w.Header().Set(interactionID, id)
	}
}

// A protocolError is an error answer in the terms of RFC 6749.
type protocolError struct {
	status      int // 0: 400
	code        string
	description string
	challenge   string // WWW-Authenticate
	interval    int    // of a slow_down; 0: none
	dropped     bool   // no answer at all
}

func invalid(code, description string) *protocolError {
	return &protocolError{code: code, description: description}
}

func serverError(err error) *protocolError {
	return &protocolError{status: http.StatusInternalServerError, code: "server_error", description: err.Error()}
}

// write sends the error as the JSON of RFC 6749, Section 5.2; without a code, a
// status alone.
func (e *protocolError) write(w http.ResponseWriter) {
	if e.dropped {
		panic(http.ErrAbortHandler) // which is how net/http closes a connection
	}
	if e.challenge != "" {
		w.Header().Set("WWW-Authenticate", e.challenge)
	}
	status := e.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	noStore(w)
	if e.code == "" {
		w.WriteHeader(status)
		return
	}
	body := map[string]any{"error": e.code, "error_description": e.description}
	if e.interval != 0 {
		body["interval"] = e.interval
	}
	writeJSON(w, status, body)
}

// noStore forbids caching, which RFC 6749, Section 5.1 requires of every
// answer with a token.
func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // what an Edit function of the caller put in
		http.Error(w, "oauthtest: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

func isForm(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/x-www-form-urlencoded"
}

// formParams reads the parameters of a form body.
func formParams(r *http.Request) (url.Values, *protocolError) {
	if !isForm(r) {
		return nil, invalid("invalid_request", "the body is not application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, invalid("invalid_request", "the body cannot be read")
	}
	return parseParams(string(body))
}

// repeatable are the parameters that may come more than once: RFC 8707,
// Section 2 and RFC 8693, Section 2.1.
var repeatable = [...]string{"resource", "audience"}

// parseParams decodes parameters. On a repeated one it returns them beside the
// error, because the authorization endpoint still has to find out where the
// error goes. RFC 6749, Section 3.1: "Request and response parameters MUST NOT
// be included more than once", and those without a value are as good as
// omitted.
func parseParams(encoded string) (url.Values, *protocolError) {
	params, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, invalid("invalid_request", "the parameters cannot be decoded")
	}
	var repeated *protocolError
	for name, values := range params {
		if len(values) > 1 && !slices.Contains(repeatable[:], name) {
			repeated = invalid("invalid_request", "a parameter is repeated")
		}
		if len(values) == 1 && values[0] == "" {
			delete(params, name)
		}
	}
	return params, repeated
}
