package oauthtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// This file implements what the grants have in common for which the client
// polls: RFC 8628, Section 3.5 and OpenID Connect CIBA Core, Sections 10 and 11.

const (
	deviceGrantType      = "urn:ietf:params:oauth:grant-type:device_code"
	backchannelGrantType = "urn:openid:params:grant-type:ciba"
)

// A polled is a request whose client polls until a user has answered it, or it
// has expired. Server.mu guards it.
type polled struct {
	kind     string // the grant type
	grant    *grant // of nobody before the answer
	user     string // who is expected to answer
	expiry   time.Time
	interval time.Duration
	last     time.Time // of the polls
	pending  int       // answers of authorization_pending
	state    pollState
	faulty   map[Fault]bool // the faults of a first poll that it has shown

	pingToken string // the client_notification_token of ping mode
}

// A pollState says where a polled is: it goes from the first to one of the next
// two, and from approved to spent.
type pollState int

const (
	waiting pollState = iota
	approved
	refused
	spent
)

// startPolling makes the request known under the code that the client polls
// with.
func (s *Server) startPolling(p *polled, lifetime time.Duration) (code string) {
	code = rand.Text()
	p.expiry, p.interval = s.now().Add(lifetime), s.opts.PollInterval
	p.faulty = make(map[Fault]bool)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polls[code] = p
	return code
}

// approve answers a request as a user, "" being the one who is expected.
func (s *Server) approve(p *polled, user, session string) error {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if user == "" {
		user = p.user
	}
	if _, ok := s.users[user]; !ok {
		return fmt.Errorf("oauthtest: no user %q", user)
	}
	if err := p.answerable(now); err != nil {
		return err
	}
	p.grant.logIn(user, session, now)
	p.state = approved
	return nil
}

func (s *Server) refuse(p *polled) error {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := p.answerable(now); err != nil {
		return err
	}
	p.state = refused
	return nil
}

func (p *polled) answerable(now time.Time) error {
	switch {
	case p.state != waiting:
		return errors.New("oauthtest: the request was answered before")
	case !now.Before(p.expiry):
		return errors.New("oauthtest: the request has expired")
	}
	return nil
}

// poll is one request of a client that waits for an answer.
func (s *Server) poll(r *tokenRequest, kind, code string) (*grant, *protocolError) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.polls[code]
	if p == nil || p.kind != kind || p.grant.client.ID != r.client.ID || p.state == spent {
		return nil, invalid("invalid_grant", "unknown or used code, or that of another client")
	}
	perr := s.replacePoll(p, now)
	if perr == nil {
		perr = s.pollAnswer(p, now)
	}
	if perr != nil {
		s.editPending(perr)
		return nil, perr
	}
	p.state = spent
	return p.grant, nil
}

// pollAnswer is RFC 8628, Section 3.5. There, slow_down is a variant of
// authorization_pending: who comes early for a good answer gets it.
func (s *Server) pollAnswer(p *polled, now time.Time) *protocolError {
	early := !p.last.IsZero() && now.Sub(p.last) < p.interval
	p.last = now
	switch {
	case !now.Before(p.expiry):
		return invalid("expired_token", "the code has expired")
	case p.state == refused:
		return invalid("access_denied", "the user refused")
	case p.state == approved:
		return nil
	case early:
		p.interval += pollIncrement
		return invalid("slow_down", "the interval is now "+p.interval.String())
	case s.opts.PendingAnswers > 0 && p.pending >= s.opts.PendingAnswers:
		return s.answerItself(p, now)
	}
	p.pending++
	return invalid("authorization_pending", "the user has not answered yet")
}

// answerItself is Options.PendingAnswers.
func (s *Server) answerItself(p *polled, now time.Time) *protocolError {
	if p.user == denied {
		p.state = refused
		return invalid("access_denied", "the user refused")
	}
	p.grant.logIn(p.user, rand.Text(), now)
	p.state = approved
	return nil
}
