package oauthtest

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// This file implements the end of a session: OpenID Connect RP-Initiated Logout
// 1.0 and OpenID Connect Front-Channel Logout 1.0.

// A membership is a client that took part in a session.
type membership struct {
	session *session
	client  string // its ID
}

// join remembers that a client took part in a session.
func (s *Server) join(sess *session, client *Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := (membership{sess, client.ID}); !slices.Contains(s.memberships, m) {
		s.memberships = append(s.memberships, m)
	}
}

// leave ends the sessions that ended reports true for, and returns who took
// part in them.
func (s *Server) leave(ended func(*session) bool) (left []membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for cookie, sess := range s.sessions {
		if ended(sess) {
			delete(s.sessions, cookie)
		}
	}
	s.memberships = slices.DeleteFunc(s.memberships, func(m membership) bool {
		if !ended(m.session) {
			return false
		}
		left = append(left, m)
		return true
	})
	return left
}

// checkLogout checks the URIs that logouts go to.
func (c *Client) checkLogout() error {
	for _, uri := range []string{c.BackchannelLogoutURI, c.FrontchannelLogoutURI} {
		u, err := url.Parse(uri)
		if uri != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Contains(uri, "#")) {
			return errors.New("a logout URI is not an http or https URL without a fragment")
		}
	}
	return nil
}

// An endSession is a logout request.
type endSession struct {
	client      *Client // nil if the request names none
	user        string  // that id_token_hint or logout_hint name, "" for none
	redirectURI string
	state       string
}

// serveEndSession logs the browser out. Nobody is asked.
func (s *Server) serveEndSession(w http.ResponseWriter, r *http.Request) {
	var params url.Values
	var perr *protocolError
	if r.Method == http.MethodPost { // RP-Initiated Logout 1.0, Section 2: both methods
		params, perr = formParams(r)
	} else {
		params, perr = parseParams(r.URL.RawQuery)
	}
	var req *endSession
	if perr == nil {
		req, perr = s.parseEndSession(params)
	}
	if perr != nil {
		s.refuseAuthorization(w, nil, perr) // Section 4: no redirect, a page
		return
	}
	var left []membership
	// Section 2: an ID token of somebody else is a reason to ask the user, who
	// stays logged in here.
	if sess := s.sessionOf(r); sess != nil && (req.user == "" || req.user == sess.user) {
		left = s.leave(func(other *session) bool { return other == sess })
		http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1})
	}
	s.notify(r.Context(), left)
	s.finishEndSession(w, req, s.frames(left))
}

// parseEndSession is RP-Initiated Logout 1.0, Sections 2 and 3.
func (s *Server) parseEndSession(params url.Values) (*endSession, *protocolError) {
	req := &endSession{
		user:        params.Get("logout_hint"),
		redirectURI: params.Get("post_logout_redirect_uri"),
		state:       params.Get("state"),
	}
	id := params.Get("client_id")
	if hint := params.Get("id_token_hint"); hint != "" {
		claims, err := s.readIDTokenHint(hint)
		if err != nil {
			return nil, invalid("invalid_request", "id_token_hint: "+err.Error())
		}
		aud, _ := claims["aud"].(string)
		if id != "" && id != aud {
			return nil, invalid("invalid_request", "client_id is not that of the id_token_hint")
		}
		id = aud
		req.user, _ = claims["sub"].(string)
	}
	if id != "" {
		if req.client = s.clientByID(id); req.client == nil {
			return nil, invalid("invalid_request", "unknown client_id")
		}
	}
	if req.redirectURI != "" && (req.client == nil || !slices.Contains(req.client.PostLogoutRedirectURIs, req.redirectURI)) {
		return nil, invalid("invalid_request", "post_logout_redirect_uri is not registered, or it is not known for whom")
	}
	return req, nil
}

// readIDTokenHint verifies an ID token of the server, which may have expired.
func (s *Server) readIDTokenHint(token string) (map[string]any, error) {
	jws, err := parseJWS(token)
	if err != nil {
		return nil, err
	}
	if !s.signed(jws) {
		return nil, errors.New("the signature is not the server's")
	}
	if jws.claims["iss"] != s.issuer {
		return nil, errors.New("iss is not the server")
	}
	if jws.typ == accessTokenType {
		return nil, errors.New("it is an access token")
	}
	return jws.claims, nil
}

// frames are the URLs of Front-Channel Logout 1.0, Section 3.
func (s *Server) frames(left []membership) (urls []string) {
	for _, m := range left {
		client := s.clientByID(m.client)
		if client == nil || client.FrontchannelLogoutURI == "" {
			continue
		}
		target := client.FrontchannelLogoutURI
		if client.FrontchannelLogoutSessionRequired {
			target = withQuery(target, url.Values{"iss": {s.issuer}, "sid": {m.session.id}})
		}
		urls = append(urls, target)
	}
	return urls
}

// finishEndSession sends the browser back, or shows a page: with frames it has
// to stay until they are loaded.
func (s *Server) finishEndSession(w http.ResponseWriter, req *endSession, frames []string) {
	target := req.redirectURI
	if target != "" && req.state != "" {
		target = withQuery(target, url.Values{"state": {req.state}})
	}
	if target != "" && len(frames) == 0 {
		seeOther(w, target)
		return
	}
	var b strings.Builder
	b.WriteString("<body>\n<p>You are logged out.</p>\n")
	for _, frame := range frames {
		fmt.Fprintf(&b, "<iframe src=\"%s\"></iframe>\n", html.EscapeString(frame))
	}
	if target != "" {
		fmt.Fprintf(&b, "<p><a id=\"continue\" href=\"%s\">Continue</a></p>\n", html.EscapeString(target))
		b.WriteString("<script>onload = () => document.getElementById(\"continue\").click()</script>\n")
	}
	writePage(w, "Logged out", b.String())
}
