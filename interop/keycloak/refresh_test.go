package keycloak

// This file holds refresh tokens, which the realm rotates.

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"example.com/oauth"
)

func refreshRows(t *table) {
	const kind = "refresh with rotation"
	for _, auth := range []string{"client_secret_basic", "none"} {
		t.add(kind, auth, func(s *scenario) {
			f := s.code(s.main(s).client(s, spec{auth: auth}))
			next := f.refreshed(s)
			next.requireEmail(s, "alice")
			_, err := f.client.Refresh(s.ctx, f.token, nil)
			s.refused("the refresh token of before", err, "invalid_grant")
			// It may have been stolen: what it brought is gone, too.
			_, err = f.client.Refresh(s.ctx, next.token, nil)
			s.refused("the one that it brought", err, "invalid_grant")
		})
	}
	t.add(kind, "offline_access", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		b := s.newBrowser()
		f := s.codeIn(p, b, scope("offline_access"))
		f.logout(s)
		next := f.refreshed(s)
		next.requireEmail(s, "alice")
		_, err := f.client.Refresh(s.ctx, f.token, nil)
		s.refused("the refresh token of before", err, "invalid_grant")
	})
	t.add(kind, "a narrower scope", func(s *scenario) {
		f := s.code(s.main(s).client(s, spec{}), scope("profile"))
		token, err := f.client.Refresh(s.ctx, f.token, &oauth.GrantOptions{Scope: []string{"openid", "email"}})
		s.check(err, "Refresh")
		(&flow{party: f.party, token: token}).requireEmail(s, "alice")
		_, err = f.client.Refresh(s.ctx, token, &oauth.GrantOptions{Scope: []string{"openid", "phone"}})
		s.refused("a scope that was not granted", err, oauth.ErrConfig)
	})
	t.add(kind, "after a logout", func(s *scenario) {
		f := s.code(s.main(s).client(s, spec{}))
		f = f.refreshed(s)
		f.logout(s)
		_, err := f.client.Refresh(s.ctx, f.token, nil)
		s.refused("a refresh token of a session that ended", err, "invalid_grant")
	})

	const transport = "Transport"
	t.add(transport, "renews by itself", func(s *scenario) {
		p := s.main(s).client(s, spec{attrs: map[string]string{"access.token.lifespan": "4"}})
		f := s.code(p)
		kept := 0
		keep := func(context.Context, *oauth.Token) error { kept++; return nil }
		tr := f.transportTo(s, oauth.TransportOptions{Origins: []string{p.base}, OnRefresh: keep})
		time.Sleep(2100 * time.Millisecond) // it renews halfway
		for range 2 {
			resp, err := tr.RoundTrip(s.request(http.MethodGet, p.cfg.Server.UserinfoEndpoint))
			s.check(err, "RoundTrip")
			resp.Body.Close()
			equal(s, resp.StatusCode, http.StatusOK, "status of userinfo")
		}
		s.require(kept > 0, "nothing was renewed")
		_, err := f.client.Refresh(s.ctx, f.token, nil)
		s.refused("the refresh token that it used", err, "invalid_grant")
	})
	t.add(transport, "ends with the session", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		f := s.code(p)
		tr := f.transportTo(s, oauth.TransportOptions{Origins: []string{p.base}})
		s.check(tr.Renew(s.ctx), "Renew")
		f.logout(s)
		err := tr.Renew(s.ctx)
		s.refused("a renewal after the logout", err, "invalid_grant")
	})
	t.add(transport, "goes nowhere else", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		tr := s.code(p).transportTo(s, oauth.TransportOptions{Origins: []string{p.base}})
		resp, err := tr.RoundTrip(s.request(http.MethodGet, p.cfg.Server.UserinfoEndpoint))
		s.check(err, "RoundTrip")
		resp.Body.Close()
		equal(s, resp.StatusCode, http.StatusOK, "status of userinfo")
		_, err = tr.RoundTrip(s.request(http.MethodGet, s.listener.URL+"/userinfo"))
		s.refused("another origin", err, oauth.ErrConfig)
		s.require(len(s.listener.sent("/userinfo")) == 0, "the token went to another origin")
	})
}

// refreshed is the flow with the next token.
func (f *flow) refreshed(s *scenario) *flow {
	t, err := f.client.Refresh(s.ctx, f.token, nil)
	s.check(err, "Refresh")
	next := &flow{party: f.party, browser: f.browser, token: t}
	next.requireToken(s)
	s.require(t.AccessToken.Reveal() != f.token.AccessToken.Reveal(), "the access token is the one of before")
	s.require(t.RefreshToken.Reveal() != f.token.RefreshToken.Reveal(), "the refresh token was not rotated")
	equal(s, t.Subject(), f.token.Subject(), "subject of the new token")
	return next
}

// transportTo is a Transport whose requests reach the server.
func (f *flow) transportTo(s *scenario, opts oauth.TransportOptions) *oauth.Transport {
	opts.Base = f.transport
	tr, err := f.client.NewTransport(f.token, opts)
	s.check(err, "NewTransport")
	return tr
}

func (s *scenario) request(method, address string) *http.Request {
	r, err := http.NewRequestWithContext(s.ctx, method, address, nil)
	s.check(err, "NewRequest")
	return r
}

// logout ends the session of the flow at the server, as the user's browser does.
func (f *flow) logout(s *scenario) url.Values {
	address, err := f.client.EndSessionURL(&oauth.EndSessionRequest{Token: f.token, PostLogoutRedirectURI: loggedOutURI, State: "s-" + f.id})
	s.check(err, "EndSessionURL")
	l, end, err := f.browser.follow(s.ctx, address, loggedOutURI)
	s.check(err, "logout")
	s.require(end == nil, "the logout ended at %v", end)
	return l.params()
}

// userInfoError is the error of userinfo for the token.
func (f *flow) userInfoError(s *scenario) error {
	_, err := f.client.UserInfo(s.ctx, f.token, nil)
	return err
}
