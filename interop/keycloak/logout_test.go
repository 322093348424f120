package keycloak

// This file holds the three logouts.

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"example.com/oauth"
)

func logoutRows(t *table) {
	const kind = "RP-initiated logout"
	t.add(kind, "with a hint, and back", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		b := s.newBrowser()
		f := s.codeIn(p, b)
		answer := f.logout(s)
		equal(s, answer.Get("state"), "s-"+p.id, "state")
		g := s.start(p, b, prompt("none"))
		_, err := g.finish(s)
		s.refused("a login without the user", err, "login_required")
	})
	t.add(kind, "without a hint, where the user is asked", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		b := s.newBrowser()
		f := s.codeIn(p, b)
		address, err := p.client.EndSessionURL(&oauth.EndSessionRequest{})
		s.check(err, "EndSessionURL")
		_, end, err := b.follow(s.ctx, address)
		s.check(err, "logout")
		s.require(end.status == http.StatusOK && strings.Contains(end.text, "You are logged out"), "the last page: %s", end)
		_, err = f.client.Refresh(s.ctx, f.token, nil)
		s.refused("a refresh", err, "invalid_grant")
	})
	t.add(kind, "to a place that is not registered", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		b := s.newBrowser()
		f := s.codeIn(p, b)
		elsewhere := &oauth.EndSessionRequest{Token: f.token, PostLogoutRedirectURI: "https://rp.example/elsewhere"}
		s.requirePageAfter(f, elsewhere, "another place", "invalid_redirect_uri")
		f.logout(s)
	})
	t.add(kind, "with the hint of another client", func(s *scenario) {
		p, other := s.main(s).client(s, spec{}), s.main(s).client(s, spec{})
		f, g := s.code(p), s.code(other)
		address, err := p.client.EndSessionURL(&oauth.EndSessionRequest{Token: f.token, PostLogoutRedirectURI: loggedOutURI})
		s.check(err, "EndSessionURL")
		u, err := url.Parse(address)
		s.check(err, "EndSessionURL")
		query := u.Query()
		query.Set("id_token_hint", g.token.IDTokenHint())
		query.Set("client_id", p.id)
		u.RawQuery = query.Encode()
		_, end, err := f.browser.follow(s.ctx, u.String(), loggedOutURI)
		s.check(err, "logout")
		s.require(end != nil && end.status >= 400, "the hint of another client was taken: %v", end)
		s.twins = append(s.twins, "the hint of another client")
		f.logout(s)
	})
	t.add(kind, "with a hint that was encrypted", func(s *scenario) {
		p := s.main(s).client(s, s.encryptedTo("RSA-OAEP-256", "A256GCM", "id.token", func(m *oauth.ClientMetadata, enc string) {
			m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc = "RSA-OAEP-256", enc
		}))
		f := s.code(p)
		kept := new(oauth.Token)
		saved(s, f.token, kept)
		f.token = kept
		f.logout(s)
		s.refused("userinfo", f.userInfoError(s), "invalid_token")
	})

	const back = "back-channel logout"
	t.add(back, "by the client", func(s *scenario) {
		p := s.main(s).client(s, s.backchannel(spec{}))
		f := s.code(p)
		f.logout(s)
		s.requireLogout(f, p.logoutToken(s))
	})
	t.add(back, "by the administration, without a session of the browser", func(s *scenario) {
		p := s.main(s).client(s, s.backchannel(spec{auth: "private_key_jwt"}))
		f := s.code(p)
		p.do(s, http.MethodDelete, "/sessions/"+f.token.IDToken().SessionID(), nil, nil)
		s.requireLogout(f, p.logoutToken(s))
	})
	t.add(back, "by another client of the session", func(s *scenario) {
		p, other := s.main(s).client(s, s.backchannel(spec{})), s.main(s).client(s, spec{})
		b := s.newBrowser()
		f, g := s.codeIn(p, b), s.codeIn(other, b)
		equal(s, b.logins, 0, "number of times that the password was asked for")
		g.logout(s)
		token := p.logoutToken(s)
		t, err := p.client.VerifyLogoutToken(s.ctx, token)
		s.check(err, "VerifyLogoutToken")
		equal(s, t.SessionID(), f.token.IDToken().SessionID(), "sid")
		_, err = other.client.VerifyLogoutToken(s.ctx, token)
		s.refused("the logout token of another client", err, oauth.ErrAudience)
		_, err = p.client.VerifyIDToken(s.ctx, token, oauth.VerifyIDTokenOptions{InsecureNoNonce: true})
		s.refused("a logout token as an ID token", err, oauth.ErrType)
	})
	t.add(back, "signed with PS256", func(s *scenario) {
		sp := s.backchannel(spec{}).attr("id.token.signed.response.alg", "PS256")
		p := s.main(s).client(s, sp.also(func(c *oauth.Config) { c.Metadata.IDTokenSignedResponseAlg = oauth.PS256 }))
		f := s.code(p)
		f.logout(s)
		token := p.logoutToken(s)
		_, err := p.client.VerifyLogoutToken(s.ctx, f.token.IDTokenHint())
		s.refused("an ID token as a logout token", err, oauth.ErrType)
		s.requireLogout(f, token)
	})
	t.add(back, "too late", func(s *scenario) {
		p := s.main(s).client(s, s.backchannel(spec{}))
		f := s.code(p)
		f.logout(s)
		token := p.logoutToken(s)
		_, err := p.client.VerifyLogoutToken(s.ctx, token)
		s.check(err, "VerifyLogoutToken")
		q := p.as(s, func(q *party) { q.cfg.Clock.Skew = time.Hour })
		_, err = q.client.VerifyLogoutToken(s.ctx, token)
		s.refused("a logout token of an hour ago", err, oauth.ErrExpired)
	})

	const front = "front-channel logout"
	t.add(front, "by the client", func(s *scenario) {
		p := s.main(s).client(s, frontchannel(spec{}))
		f := s.code(p)
		r := f.frontchannelLogout(s, f)
		sid, err := p.client.ParseFrontchannelLogout(r)
		s.check(err, "ParseFrontchannelLogout")
		equal(s, sid, f.token.IDToken().SessionID(), "sid")
		r = httptest.NewRequest(http.MethodGet, strings.Replace(r.URL.String(), url.QueryEscape(p.issuer), "https%3A%2F%2Fother.example", 1), nil)
		_, err = p.client.ParseFrontchannelLogout(r)
		s.refused("of another server", err, oauth.ErrIssuer)
	})
	t.add(front, "by another client of the session", func(s *scenario) {
		p, other := s.main(s).client(s, frontchannel(spec{auth: "none"})), s.main(s).client(s, spec{})
		b := s.newBrowser()
		f, g := s.codeIn(p, b), s.codeIn(other, b)
		r := f.frontchannelLogout(s, g)
		sid, err := p.client.ParseFrontchannelLogout(r)
		s.check(err, "ParseFrontchannelLogout")
		equal(s, sid, f.token.IDToken().SessionID(), "sid")
		_, err = p.client.ParseFrontchannelLogout(httptest.NewRequest(http.MethodGet, "/front", nil))
		s.refused("without iss and sid", err, oauth.ErrClaim)
	})
	t.add(front, "without a session in it", func(s *scenario) {
		sp := frontchannel(spec{}).attr("frontchannel.logout.session.required", "false")
		p := s.main(s).client(s, sp.also(func(c *oauth.Config) { c.Metadata.FrontchannelLogoutSessionRequired = false }))
		f := s.code(p)
		sid, err := p.client.ParseFrontchannelLogout(f.frontchannelLogout(s, f))
		s.check(err, "ParseFrontchannelLogout")
		equal(s, sid, "", "sid")
		_, err = p.client.ParseFrontchannelLogout(httptest.NewRequest(http.MethodGet, "/front?sid=x", nil))
		s.refused("a sid without iss", err, oauth.ErrClaim)
	})
}

// requirePageAfter ends the row unless the logout ends at a page that refuses.
func (s *scenario) requirePageAfter(f *flow, r *oauth.EndSessionRequest, what, why string) {
	address, err := f.client.EndSessionURL(r)
	s.check(err, "EndSessionURL")
	_, end, err := f.browser.follow(s.ctx, address, "https://rp.example/")
	s.check(err, "logout")
	s.refusedPage(what, f.party, end, why)
}

// backchannel is a client that Keycloak tells of logouts.
func (s *scenario) backchannel(sp spec) spec {
	address := s.listener.URL + "/logout/" + random()
	sp.rep = object{"frontchannelLogout": false}
	sp = sp.attr("backchannel.logout.url", address).attr("backchannel.logout.session.required", "true")
	return sp.also(func(c *oauth.Config) {
		c.Metadata.BackchannelLogoutURI, c.Metadata.BackchannelLogoutSessionRequired = address, true
	})
}

// logoutToken is the one that Keycloak has sent, before it answered who ended the session.
func (p *party) logoutToken(s *scenario) string {
	sent := s.listener.sent(strings.TrimPrefix(p.cfg.Metadata.BackchannelLogoutURI, s.listener.URL))
	s.require(len(sent) == 1, "%d logout tokens", len(sent))
	form, err := url.ParseQuery(sent[0].body)
	s.check(err, "the logout")
	return form.Get("logout_token")
}

// requireLogout ends the row unless the handler takes the token for the end of the
// flow's session, and refuses one that was changed.
func (s *scenario) requireLogout(f *flow, token string) {
	var ended []*oauth.LogoutToken
	handler := f.client.BackchannelLogoutHandler(oauth.LogoutOptions{OnLogout: func(_ context.Context, t *oauth.LogoutToken) error {
		ended = append(ended, t)
		return nil
	}})
	status := func(token string) int {
		r := httptest.NewRequestWithContext(s.ctx, http.MethodPost, "/logout", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	equal(s, status(changeClaims(token, func(c object) { c["sub"] = "x" })), http.StatusBadRequest, "status for a token that was changed")
	s.twins = append(s.twins, "a logout token that was changed")
	equal(s, status(token), http.StatusOK, "status for the logout token")
	equal(s, status(token), http.StatusOK, "status for the same again")
	equal(s, len(ended), 1, "number of logouts")
	equal(s, ended[0].SessionID(), f.token.IDToken().SessionID(), "sid")
	equal(s, ended[0].Subject(), f.token.Subject(), "sub")
}

// frontchannelURI is where the browser tells a client of a logout.
const frontchannelURI = "https://rp.example/front"

func frontchannel(sp spec) spec {
	sp.rep = object{"frontchannelLogout": true}
	sp = sp.attr("frontchannel.logout.url", frontchannelURI).attr("frontchannel.logout.session.required", "true")
	return sp.also(func(c *oauth.Config) {
		c.Metadata.FrontchannelLogoutURI, c.Metadata.FrontchannelLogoutSessionRequired = frontchannelURI, true
	})
}

// frontchannelLogout ends the session by the client of g, and returns the request that
// the page of the server has the browser make to the client of f.
func (f *flow) frontchannelLogout(s *scenario, g *flow) *http.Request {
	address, err := g.client.EndSessionURL(&oauth.EndSessionRequest{Token: g.token})
	s.check(err, "EndSessionURL")
	_, end, err := g.browser.follow(s.ctx, address)
	s.check(err, "logout")
	for _, m := range frameElement.FindAllStringSubmatch(end.text, -1) {
		if src := attributes(m[1])["src"]; strings.HasPrefix(src, frontchannelURI) {
			return httptest.NewRequestWithContext(s.ctx, http.MethodGet, src, nil)
		}
	}
	s.fatalf("the page has no frame for the client: %s", end)
	panic("unreachable")
}
