package keycloak

// This file is what every row is written with.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"

	"example.com/oauth"
)

// A scenario is one run of one row. It is left by fatalf from anywhere below, as a
// testing.T is; it may run in a goroutine of its own, so that one that panics or
// hangs is just a failed one.
type scenario struct {
	*keycloak
	ctx    context.Context
	reason string
	twins  []string // what was refused
}

// fatalf ends the row as failed.
func (s *scenario) fatalf(format string, args ...any) {
	s.reason = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// check ends the row if there is an error.
func (s *scenario) check(err error, doing string) {
	if err != nil {
		s.fatalf("%s: %v", doing, err)
	}
}

// require ends the row unless ok.
func (s *scenario) require(ok bool, format string, args ...any) {
	if !ok {
		s.fatalf(format, args...)
	}
}

// equal ends the row unless got is want.
func equal[T comparable](s *scenario, got, want T, what string) {
	if got != want {
		s.fatalf("%s: got %#v, want %#v", what, got, want)
	}
}

// refused ends the row unless err is a refusal of that kind: an error to which
// errors.Is leads, or the code of a response, of the token endpoint or of another.
func (s *scenario) refused(what string, err error, kind any) {
	ok := false
	switch kind := kind.(type) {
	case error:
		ok = errors.Is(err, kind)
	case string:
		var response *oauth.ResponseError
		var authorization *oauth.AuthorizationError
		ok = errors.As(err, &response) && response.Code == kind || errors.As(err, &authorization) && authorization.Code == kind
	default:
		panic("a refusal is an error or a code")
	}
	if !ok {
		s.fatalf("%s: wanted it refused with %v, got: %v", what, kind, err)
	}
	s.twins = append(s.twins, what)
}

// refusedStatus ends the row unless err is an answer with one of these statuses.
func (s *scenario) refusedStatus(what string, err error, statuses ...int) {
	var response *oauth.ResponseError
	if !errors.As(err, &response) || !slices.Contains(statuses, response.StatusCode) {
		s.fatalf("%s: wanted it refused with a status of %d, got: %v", what, statuses, err)
	}
	s.twins = append(s.twins, what)
}

// refusedPage ends the row unless the browser ended at a page that refuses. Why is on the
// page or, as most pages say little, in the event that the server kept of it.
func (s *scenario) refusedPage(what string, p *party, end *page, why string) {
	s.require(end != nil, "%s: the browser came back to the client", what)
	s.require(end.status >= 400, "%s: wanted a page that refuses, got %s", what, end)
	if strings.Contains(end.String(), why) {
		s.twins = append(s.twins, what)
		return
	}
	s.refusedEvent(what, p, why)
}

// refusedEvent ends the row unless the latest event that the server kept about the
// client is an error that says so.
func (s *scenario) refusedEvent(what string, p *party, why string) {
	var events []struct {
		Type, Error string
		Details     struct{ Reason string }
	}
	p.do(s, http.MethodGet, "/events?max=1&client="+p.id, nil, &events)
	s.require(len(events) == 1, "%s: the server kept no event about the client", what)
	said := fmt.Sprintf("%s %s (%s)", events[0].Type, events[0].Error, events[0].Details.Reason)
	ok := strings.Contains(events[0].Type, "ERROR") && strings.Contains(said, why)
	s.require(ok, "%s: wanted it refused with %s, the event is %s", what, why, said)
	s.twins = append(s.twins, what)
}
