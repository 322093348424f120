package oauthtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file implements OpenID Connect Back-Channel Logout 1.0.

// logoutTokenLifetime is what Section 2.4 recommends at most.
const logoutTokenLifetime = 2 * time.Minute

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// A BackchannelLogout is a logout token that the server has sent, with the response
// to it.
type BackchannelLogout struct {
	ClientID string
	URI      string // the URL to which the token was sent
	Token    string

	// Status is the status of the response, and Header its header. Status is 0 if
	// there was no response, for the reason in Err.
	Status int
	Header http.Header
	Err    error
}

// Logout ends all sessions of a user, for example as an administrator does who
// locks an account. It sends a logout token to every client that took part in a
// session and has a BackchannelLogoutURI. It returns these tokens and the
// responses, one for each client and session.
func (s *Server) Logout(ctx context.Context, user string) []BackchannelLogout {
	return s.notify(ctx, s.leave(func(sess *session) bool { return sess.user == user }))
}

// BackchannelLogouts returns all logout tokens that were sent so far, including the
// tokens that a logout in a browser has caused.
func (s *Server) BackchannelLogouts() []BackchannelLogout {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logouts)
}

// LogoutToken returns a logout token for a client, without sending it and without a
// logout. Its sid is the user's last session with the client. If there was none, it
// is an unknown session.
func (s *Server) LogoutToken(clientID, user string) (string, error) {
	client := s.clientByID(clientID)
	if client == nil {
		return "", fmt.Errorf("oauthtest: no client %q", clientID)
	}
	sid := rand.Text()
	s.mu.Lock()
	for _, m := range s.memberships {
		if m.client == clientID && m.session.user == user {
			sid = m.session.id
		}
	}
	s.mu.Unlock()
	return s.newLogoutToken(client, user, sid)
}

// notify sends logout tokens, one after the other.
func (s *Server) notify(ctx context.Context, left []membership) (sent []BackchannelLogout) {
	for _, m := range left {
		client := s.clientByID(m.client)
		if client == nil || client.BackchannelLogoutURI == "" {
			continue
		}
		l := BackchannelLogout{ClientID: client.ID, URI: client.BackchannelLogoutURI}
		l.Token, l.Err = s.newLogoutToken(client, m.session.user, m.session.id)
		if l.Err == nil {
			s.deliver(ctx, &l)
		}
		sent = append(sent, l)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logouts = append(s.logouts, sent...)
	return sent
}

// deliver is Section 2.5.
func (s *Server) deliver(ctx context.Context, l *BackchannelLogout) {
	ctx, cancel := context.WithTimeout(ctx, outgoingTimeout)
	defer cancel()
	form := url.Values{"logout_token": {l.Token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URI, strings.NewReader(form.Encode()))
	if err != nil {
		l.Err = err
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.send(req)
	if err != nil {
		l.Err = err
		return
	}
	resp.Body.Close()
	l.Status, l.Header = resp.StatusCode, resp.Header
}

// newLogoutToken makes the token of Section 2.4, signed and encrypted like the
// client's ID tokens.
func (s *Server) newLogoutToken(client *Client, user, sid string) (string, error) {
	now := s.now()
	alg, _ := algorithmByName(client.IDTokenAlg)
	d := s.newDraft(logoutJWT, client, alg, map[string]any{
		"iss":    s.issuer,
		"aud":    client.ID,
		"iat":    now.Unix(),
		"exp":    now.Add(logoutTokenLifetime).Unix(),
		"jti":    rand.Text(),
		"sub":    user,
		"sid":    sid,
		"events": map[string]any{logoutEvent: map[string]any{}},
	})
	d.header["typ"] = "logout+jwt"
	if d.encryption != nil {
		d.encryption.iss = s.issuer // Section 2.4: replicated in the header then
	}
	token, err := d.issue()
	if jti, ok := d.claims["jti"].(string); ok {
		s.mu.Lock()
		s.logoutJTI = jti
		s.mu.Unlock()
	}
	return token, err
}

// lastLogoutJTI is the jti of the logout token before, "" for the first.
func (s *Server) lastLogoutJTI() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logoutJTI
}
