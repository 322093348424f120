package interop

// This file holds logout: the browser is sent to the server, and the server
// tells the clients.

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"example.com/oauth"
)

func logoutScenarios(t table) {
	t.add("RP-initiated logout: id_token_hint, state, post_logout_redirect_uri; back-channel logout token", logout)
}

// logoutSink is where the server's logout tokens for the client logout are kept.
const logoutSink = "/sink/bcl/logout"

func logout(s *scenario) {
	s.control(http.MethodDelete, logoutSink, nil, nil)
	f := s.code("tls", "logout", options{})
	id := f.idToken(s)
	s.require(id.SessionID() != "", "no sid in the ID token")
	silently := options{browser: f.browser, request: promptNone}
	equal(s, s.code("tls", "logout", silently).idToken(s).SessionID(), id.SessionID(), "sid of a second login in the same browser")
	s.refusedLogout(f)

	// The hint outlives the session store, and the ID token its exp.
	kept := saved(s, f.token, new(oauth.Token))
	end := s.endSession(f, oauth.EndSessionRequest{Token: kept, PostLogoutRedirectURI: s.desc.LoggedOut, State: "xyz"})
	requireOnly(s, end, "the way back", "state")
	equal(s, end.Get("state"), "xyz", "state of the way back")

	var sent []notification
	s.control(http.MethodGet, logoutSink, nil, &sent)
	equal(s, len(sent), 1, "number of logout tokens")
	s.requireLogoutToken(f, sent[0])
	s.requireHandled(f, sent[0])

	g, err := s.tryCode("tls", "logout", silently)
	s.requireRefusal(g, err, "login_required")
	f.requireInactive(s)
	s.logoutWithoutHint()
}

// endSession sends the browser to end its session and returns what it came
// back with.
func (s *scenario) endSession(f *flow, e oauth.EndSessionRequest) url.Values {
	before := len(f.wire.exchanges())
	address, err := f.client.EndSessionURL(&e)
	s.check(err, "EndSessionURL")
	equal(s, len(f.wire.exchanges()), before, "number of requests after EndSessionURL")
	u, err := url.Parse(address)
	s.check(err, "EndSessionURL")
	want := ""
	if e.Token != nil {
		want = e.Token.IDTokenHint()
	}
	equal(s, u.Query().Get("id_token_hint"), want, "id_token_hint in the URL")
	end, err := f.browser.open(s.ctx, address, e.PostLogoutRedirectURI)
	s.check(err, "logout")
	return end.params()
}

// refusedLogout ends at a page of the server, with nobody logged out: another
// address than the registered one, and another client's ID token.
func (s *scenario) refusedLogout(f *flow) {
	address, err := f.client.EndSessionURL(&oauth.EndSessionRequest{Token: f.token, PostLogoutRedirectURI: s.desc.LoggedOut + "/other"})
	s.check(err, "EndSessionURL")
	_, page, err := f.browser.follow(s.ctx, address, s.desc.LoggedOut)
	s.check(err, "logout")
	s.require(page != nil && page.status == http.StatusBadRequest, "an address that is not registered: the browser ended at %v", page)

	other := s.code("tls", "basic", options{})
	address, err = f.client.EndSessionURL(&oauth.EndSessionRequest{Token: other.token})
	s.require(errors.Is(err, oauth.ErrConfig) && address == "", "the token of another client: wanted ErrConfig, got: %v", err)
}

// logoutWithoutHint: a client that kept no ID token is known by its client_id.
func (s *scenario) logoutWithoutHint() {
	f := s.code("tls", "logout", options{})
	s.require(f.idToken(s).SessionID() != "", "no sid in the ID token")
	end := s.endSession(f, oauth.EndSessionRequest{PostLogoutRedirectURI: s.desc.LoggedOut})
	requireOnly(s, end, "the way back")
	f.requireInactive(s)
}

// requireLogoutToken verifies what the server sent by itself. It is for one
// client, and no ID token; nor is an ID token one.
func (s *scenario) requireLogoutToken(f *flow, sent notification) {
	raw := logoutTokenOf(s, sent)
	id := f.idToken(s)
	equal(s, headerOf(s, raw).Typ, "logout+jwt", "typ of the logout token")
	t, err := f.client.VerifyLogoutToken(s.ctx, raw)
	s.check(err, "VerifyLogoutToken")
	equal(s, t.Issuer(), f.server.Issuer, "iss of the logout token")
	equal(s, t.SessionID(), id.SessionID(), "sid of the logout token")
	equal(s, t.Subject(), id.Subject(), "sub of the logout token")
	s.require(t.ID() != "" && !t.IssuedAt().IsZero(), "no jti or no iat in the logout token")

	other := s.setup("tls", "basic", options{})
	t, err = other.client.VerifyLogoutToken(s.ctx, raw)
	s.require(errors.Is(err, oauth.ErrAudience) && t == nil, "the logout token of another client: wanted ErrAudience, got: %v", err)
	_, err = f.client.VerifyIDToken(s.ctx, raw, oauth.VerifyIDTokenOptions{InsecureNoNonce: true})
	s.require(errors.Is(err, oauth.ErrType), "a logout token as an ID token: wanted ErrType, got: %v", err)
	_, err = f.client.VerifyLogoutToken(s.ctx, id.Raw())
	s.require(errors.Is(err, oauth.ErrInvalid), "an ID token as a logout token: wanted ErrInvalid, got: %v", err)
}

func logoutTokenOf(s *scenario, sent notification) string {
	form, err := url.ParseQuery(sent.Body)
	s.check(err, "the server's request")
	requireOnly(s, form, "the server's request", "logout_token")
	return form.Get("logout_token")
}

// requireHandled hands the server's request to the client's endpoint, which
// takes it once; a logout that failed does not count.
func (s *scenario) requireHandled(f *flow, sent notification) {
	var ended []*oauth.LogoutToken
	broken := true
	handler := f.client.BackchannelLogoutHandler(oauth.LogoutOptions{OnLogout: func(_ context.Context, t *oauth.LogoutToken) error {
		if broken {
			return errors.New("the session store is down")
		}
		ended = append(ended, t)
		return nil
	}})
	status := func(n notification) int {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, n.request(s, logoutSink))
		equal(s, answer.Header().Get("Cache-Control"), "no-store", "Cache-Control of the answer")
		return answer.Code
	}
	forged := notification{sent.Headers, strings.Replace(sent.Body, ".", ".AAAA", 1)}
	equal(s, status(forged), http.StatusBadRequest, "status for a forged logout token")
	equal(s, status(sent), http.StatusBadRequest, "status where the logout fails")
	broken = false
	equal(s, status(sent), http.StatusOK, "status for the logout token")
	equal(s, status(sent), http.StatusOK, "status for the same again, which ends nothing")
	equal(s, len(ended), 1, "number of logouts")
	equal(s, ended[0].SessionID(), f.idToken(s).SessionID(), "the session that ended")
}
