package oauthtest

import (
	"crypto/rand"
	"crypto/subtle"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file implements dynamic client registration (RFC 7591, OpenID Connect
// Dynamic Client Registration 1.0) and its management (RFC 7592).

// A registration is a client that registered itself. It is guarded by Server.mu
// once it is in Server.registrations.
type registration struct {
	id       string
	issued   time.Time
	secret   string
	token    string // the registration access token
	bound    binding
	metadata map[string]any
}

func (s *Server) serveRegister(w http.ResponseWriter, r *http.Request) {
	reg := &registration{id: rand.Text(), issued: s.now()}
	perr := s.checkInitialAccess(r)
	if p := proofOf(r); p != nil {
		reg.bound.jkt = p.jkt
	}
	if perr == nil {
		perr = s.readRegistration(r, reg)
	}
	if perr != nil {
		perr.write(w)
		return
	}
	status := http.StatusCreated
	if s.faulty(RegistrationWith200) {
		status = http.StatusOK
	}
	s.answerRegistration(w, status, reg)
}

// serveRegistration is the client configuration endpoint. The client_id is in
// the query of its URL.
func (s *Server) serveRegistration(w http.ResponseWriter, r *http.Request) {
	reg, perr := s.ownRegistration(r)
	if perr != nil {
		perr.write(w)
		return
	}
	switch r.Method {
	case http.MethodDelete:
		s.deleteClient(reg.id)
		noStore(w)
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodPut:
		if perr := s.readRegistration(r, reg); perr != nil {
			perr.write(w)
			return
		}
	}
	s.answerRegistration(w, http.StatusOK, reg)
}

func (s *Server) checkInitialAccess(r *http.Request) *protocolError {
	if perr := proofError(r); perr != nil {
		return perr
	}
	want := s.opts.InitialAccessToken
	if want == "" {
		return nil
	}
	scheme, token := credentialOf(r)
	if subtle.ConstantTimeCompare([]byte(token), []byte(want)) != 1 {
		return s.challenge(http.StatusUnauthorized, "invalid_token", "not the initial access token")
	}
	var bound binding // nobody knows to whose key it is, so that any will do
	if p := proofOf(r); p != nil && scheme == dpopScheme {
		bound.jkt = p.jkt
	}
	return s.registrationError(checkBinding(r, scheme, token, bound))
}

// ownRegistration returns a copy of the registration that a request may manage.
func (s *Server) ownRegistration(r *http.Request) (*registration, *protocolError) {
	if perr := proofError(r); perr != nil {
		return nil, perr
	}
	scheme, token := credentialOf(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	reg := s.registrations[r.URL.Query().Get("client_id")]
	if reg == nil || subtle.ConstantTimeCompare([]byte(token), []byte(reg.token)) != 1 {
		// RFC 7592, Section 2.1: for a client that does not exist too.
		return nil, s.challenge(http.StatusUnauthorized, "invalid_token", "not the registration access token of a client")
	}
	own := *reg
	return &own, s.registrationError(checkBinding(r, scheme, token, reg.bound))
}

// registrationError is a tokenError as the endpoints of registration answer it,
// under the scheme that was tried.
func (s *Server) registrationError(e *tokenError) *protocolError {
	if e == nil {
		return nil
	}
	perr := s.challenge(e.status, e.code, e.description)
	perr.challenge = strings.Replace(perr.challenge, bearerScheme, e.scheme, 1)
	return perr
}

// assigned are the members that the server alone sets (RFC 7592, Section 2.2).
var assigned = [...]string{"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"}

// readRegistration takes the metadata in a request, which replace all that the
// client had, and makes the client. A secret is a new one each time.
func (s *Server) readRegistration(r *http.Request, reg *registration) *protocolError {
	metadata, perr := jsonBody(r.Header, r.Body)
	if perr == nil && r.Method == http.MethodPut {
		perr = checkUpdate(metadata, reg)
	}
	if perr == nil {
		perr = s.applyStatement(metadata)
	}
	if perr != nil {
		return perr
	}
	client, kept, perr := s.readClient(metadata)
	if perr != nil {
		return perr
	}
	client.ID = reg.id
	if client.needsSecret() {
		client.Secret = newSecret()
	}
	if err := s.addClient(client); err != nil {
		return invalid("invalid_client_metadata", err.Error())
	}
	reg.metadata, reg.secret = kept, client.Secret
	return nil
}

// checkUpdate is RFC 7592, Section 2.2.
func checkUpdate(metadata map[string]any, reg *registration) *protocolError {
	if metadata["client_id"] != reg.id {
		return invalid("invalid_client_metadata", "client_id is missing, or another")
	}
	// "the client MUST NOT be allowed to overwrite the existing client secret
	// with its own chosen value".
	if secret, present := metadata["client_secret"]; present && secret != reg.secret {
		return invalid("invalid_client_metadata", "client_secret is not the issued one")
	}
	for _, name := range assigned {
		if _, present := metadata[name]; present {
			return invalid("invalid_client_metadata", name+" is not for the client to set")
		}
	}
	return nil
}

// applyStatement verifies a software statement, whose claims win over the
// members beside it (RFC 7591, Section 2.3).
func (s *Server) applyStatement(metadata map[string]any) *protocolError {
	v := metadata["software_statement"]
	if v == nil {
		return nil
	}
	refuse := func(description string) *protocolError {
		return invalid("invalid_software_statement", description)
	}
	token, _ := v.(string)
	jws, err := parseJWS(token)
	switch {
	case err != nil:
		return refuse("the software statement is not a JWT")
	case !signedBy(s.statementKeys, jws):
		return refuse("the software statement is not by a trusted key")
	}
	if iss, _ := jws.claims["iss"].(string); iss == "" {
		return refuse("iss is missing")
	}
	if v, present := jws.claims["exp"]; present {
		if exp, ok := numericDate(v); !ok || !s.now().Before(exp) {
			return refuse("the software statement has expired")
		}
	}
	maps.Copy(metadata, jws.claims)
	return nil
}

// answerRegistration sends the client information response (RFC 7591,
// Section 3.2.1), with a registration access token that replaces the one
// before.
func (s *Server) answerRegistration(w http.ResponseWriter, status int, reg *registration) {
	reg.token = rand.Text()
	stored := *reg
	s.mu.Lock()
	s.registrations[reg.id] = &stored
	s.mu.Unlock()
	m := maps.Clone(reg.metadata)
	m["client_id"] = reg.id
	m["client_id_issued_at"] = reg.issued.Unix()
	m["registration_access_token"] = reg.token
	m["registration_client_uri"] = s.endpointURL(registrationPath) + "?" + url.Values{"client_id": {reg.id}}.Encode()
	if reg.secret != "" {
		m["client_secret"] = reg.secret
		m["client_secret_expires_at"] = 0 // never
	}
	s.editMembers(registerPath, m)
	noStore(w)
	writeJSON(w, status, m)
}

// deleteClient removes a client with all that it was granted (RFC 7592,
// Section 2.3).
func (s *Server) deleteClient(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, id)
	delete(s.registrations, id)
	s.memberships = slices.DeleteFunc(s.memberships, func(m membership) bool { return m.client == id })
	revoke := func(g *grant) { g.revoked = g.revoked || g.client.ID == id }
	for _, c := range s.codes {
		revoke(c.grant)
	}
	for _, t := range s.access {
		revoke(t.grant)
	}
	for _, t := range s.refresh {
		revoke(t.grant)
	}
}
