package oauthtest

import (
	"net/http"
	"slices"
	"time"
)

// This file has the faults of the grants that are no login.

// Faults of the responses to a poll for a device code or an auth_req_id. The faults
// of the first poll happen once for each code.
const (
	SlowDown         Fault = "SlowDown"         // slow_down to the first poll, without an interval
	SlowDownInterval Fault = "SlowDownInterval" // slow_down to the first poll, with interval 30
	PendingWith200   Fault = "PendingWith200"   // authorization_pending and slow_down with status 200
	PendingWith403   Fault = "PendingWith403"   // the same with status 403
	PendingWith428   Fault = "PendingWith428"   // the same with status 428; Google does so
	PendingWith429   Fault = "PendingWith429"   // the same with status 429
	PollExpired      Fault = "PollExpired"      // expired_token
	PollDenied       Fault = "PollDenied"       // access_denied
	PollInvalid      Fault = "PollInvalid"      // invalid_request, as to a client that polls too fast
	PollFails        Fault = "PollFails"        // status 503 without a body to the first poll
	PollDropped      Fault = "PollDropped"      // the connection is closed without an answer to the first poll
)

// Faults of the response to a device authorization request or a backchannel
// authentication request. They affect only responses with the member.
const (
	MissingDeviceCode             Fault = "MissingDeviceCode"             // no device_code
	MissingUserCode               Fault = "MissingUserCode"               // no user_code
	GoogleVerificationURL         Fault = "GoogleVerificationURL"         // verification_url instead of verification_uri; Google does so
	ScriptVerificationURI         Fault = "ScriptVerificationURI"         // a javascript: verification_uri
	ScriptVerificationURIComplete Fault = "ScriptVerificationURIComplete" // a javascript: verification_uri_complete
	ControlCharacterInUserCode    Fault = "ControlCharacterInUserCode"    // user_code that clears a terminal
	MissingAuthReqID              Fault = "MissingAuthReqID"              // no auth_req_id
	MissingExpiresIn              Fault = "MissingExpiresIn"              // no expires_in
	NoInterval                    Fault = "NoInterval"                    // no interval; legitimate, and means 5 seconds
	ZeroInterval                  Fault = "ZeroInterval"                  // interval 0
	NegativeInterval              Fault = "NegativeInterval"              // interval below zero
	HugeInterval                  Fault = "HugeInterval"                  // interval of two hours
)

// Faults of the ID token that is issued at a refresh (OpenID Connect Core, Section
// 12.2).
const (
	RefreshOtherSubject    Fault = "RefreshOtherSubject"    // the sub of another user
	RefreshOtherIssuer     Fault = "RefreshOtherIssuer"     // the iss of another server
	RefreshOtherNonce      Fault = "RefreshOtherNonce"      // another nonce than in the first ID token
	RefreshFirstNonce      Fault = "RefreshFirstNonce"      // the nonce of the first ID token; legitimate
	RefreshOldAuthTime     Fault = "RefreshOldAuthTime"     // the user logged in one year ago; legitimate
	RefreshMissingAuthTime Fault = "RefreshMissingAuthTime" // no auth_time
	RefreshWithoutIDToken  Fault = "RefreshWithoutIDToken"  // no id_token; legitimate
)

// Faults of the response to a token exchange.
const (
	MissingIssuedTokenType Fault = "MissingIssuedTokenType" // no issued_token_type
)

// Faults of the notification of a client in ping mode (CIBA).
const (
	PingWrongToken   Fault = "PingWrongToken"   // another bearer token
	PingMissingToken Fault = "PingMissingToken" // no bearer token
	PingWrongID      Fault = "PingWrongID"      // an unknown auth_req_id
	PingMissingID    Fault = "PingMissingID"    // no auth_req_id
)

// grantFaults are the faults of the tables below.
func grantFaults() []Fault {
	// The first two are a choice of grantRefresh.
	all := []Fault{RefreshFirstNonce, RefreshWithoutIDToken}
	for _, row := range pollFaults {
		all = append(all, row.fault)
	}
	for _, row := range pendingFaults {
		all = append(all, row.fault)
	}
	for _, row := range startFaults {
		all = append(all, row.fault)
	}
	for _, row := range pingFaults {
		all = append(all, row.fault)
	}
	return all
}

// pollFaults answer a poll in place of the server.
var pollFaults = [...]struct {
	fault Fault
	once  bool
	apply func(p *polled, now time.Time) protocolError
}{
	{PollDropped, true, func(*polled, time.Time) protocolError { return protocolError{dropped: true} }},
	{PollFails, true, func(*polled, time.Time) protocolError {
		return protocolError{status: http.StatusServiceUnavailable}
	}},
	{SlowDown, true, func(p *polled, now time.Time) protocolError {
		p.last, p.interval = now, p.interval+pollIncrement
		return protocolError{code: "slow_down", description: "too fast"}
	}},
	{SlowDownInterval, true, func(p *polled, now time.Time) protocolError {
		p.last, p.interval = now, 30*time.Second
		return protocolError{code: "slow_down", description: "much too fast", interval: 30}
	}},
	{PollExpired, false, func(*polled, time.Time) protocolError {
		return protocolError{code: "expired_token", description: "expired before its time"}
	}},
	{PollDenied, false, func(*polled, time.Time) protocolError {
		return protocolError{code: "access_denied", description: "nobody asked the user"}
	}},
	{PollInvalid, false, func(*polled, time.Time) protocolError { // CIBA, Section 11
		return protocolError{code: "invalid_request", description: "fast as ever"}
	}},
}

// replacePoll is the one place where pollFaults apply. The caller holds
// Server.mu.
func (s *Server) replacePoll(p *polled, now time.Time) *protocolError {
	for _, row := range pollFaults {
		if slices.Contains(s.faults, row.fault) && !p.faulty[row.fault] {
			p.faulty[row.fault] = row.once
			e := row.apply(p, now)
			return &e
		}
	}
	return nil
}

// pendingFaults change the status of the errors after which a client polls on.
var pendingFaults = [...]struct {
	fault  Fault
	status int
}{
	{PendingWith200, http.StatusOK},
	{PendingWith403, http.StatusForbidden},
	{PendingWith428, http.StatusPreconditionRequired},
	{PendingWith429, http.StatusTooManyRequests},
}

// editPending is the one place where pendingFaults apply. The caller holds
// Server.mu.
func (s *Server) editPending(e *protocolError) {
	if e.code != "authorization_pending" && e.code != "slow_down" {
		return
	}
	for _, row := range pendingFaults {
		if slices.Contains(s.faults, row.fault) {
			e.status = row.status
		}
	}
}

const script = "javascript:alert(document.domain)//"

// set returns a change of a member of an answer, where it has that member.
func set(member string, value any) func(map[string]any) {
	return func(m map[string]any) {
		if m[member] != nil {
			m[member] = value
		}
	}
}

func remove(member string) func(map[string]any) {
	return func(m map[string]any) { delete(m, member) }
}

// startFaults change the answer that starts a grant with polling.
var startFaults = [...]struct {
	fault Fault
	apply func(m map[string]any)
}{
	{MissingDeviceCode, remove("device_code")},
	{MissingUserCode, remove("user_code")},
	{ScriptVerificationURI, set("verification_uri", script)},
	{ScriptVerificationURIComplete, set("verification_uri_complete", script)},
	{GoogleVerificationURL, func(m map[string]any) {
		if uri := m["verification_uri"]; uri != nil {
			m["verification_url"] = uri
			delete(m, "verification_uri")
		}
	}},
	{ControlCharacterInUserCode, func(m map[string]any) {
		if code, ok := m["user_code"].(string); ok {
			m["user_code"] = "\x1b[2J" + code
		}
	}},
	{MissingAuthReqID, remove("auth_req_id")},
	{MissingExpiresIn, remove("expires_in")},
	{NoInterval, remove("interval")},
	{ZeroInterval, set("interval", 0)},
	{NegativeInterval, set("interval", -5)},
	{HugeInterval, set("interval", 7200)},
}

// editStart is the one place where startFaults apply.
func (s *Server) editStart(m map[string]any) {
	for _, row := range startFaults {
		if s.faulty(row.fault) {
			row.apply(m)
		}
	}
}

// pingFaults change a notification.
var pingFaults = [...]struct {
	fault Fault
	apply func(p *ping)
}{
	{PingWrongToken, func(p *ping) { p.token = "not-the-client_notification_token" }},
	{PingMissingToken, func(p *ping) { p.token = "" }},
	{PingWrongID, func(p *ping) { p.body["auth_req_id"] = "an-auth_req_id-that-nobody-knows" }},
	{PingMissingID, func(p *ping) { delete(p.body, "auth_req_id") }},
}

// editPing is the one place where pingFaults apply.
func (s *Server) editPing(p *ping) {
	for _, row := range pingFaults {
		if s.faulty(row.fault) {
			row.apply(p)
		}
	}
}
