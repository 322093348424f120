package interop

// This file holds CIBA: a login at another device.

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"example.com/oauth"
)

func backchannelScenarios(t table) {
	t.add("CIBA poll: pending, approve, id token, userinfo, refresh", backchannelPoll)
	t.add("CIBA denied: access_denied", backchannelDenied)
	t.add("CIBA unknown user: unknown_user_id", backchannelUnknownUser)
	t.add("CIBA id_token_hint", backchannelIDTokenHint)
	t.add("CIBA ping: notification carries the client_notification_token and auth_req_id, then one token request", backchannelPing)
	t.add("CIBA signed authentication request ES256", backchannelSigned)
}

// A login is one that waits for the user.
type login struct {
	*party
	pending *oauth.BackchannelAuthentication
}

// startLogin has the user asked, by a client that is set up already.
func (p *party) startLogin(s *scenario, r *oauth.BackchannelAuthenticationRequest) *login {
	pending, err := p.client.StartBackchannelAuthentication(s.ctx, r)
	s.check(err, "StartBackchannelAuthentication")
	s.require(pending.AuthReqID() != "", "no auth_req_id")
	s.requireLifetime(pending.Expiry(), pending.Interval())
	return &login{p, pending}
}

// loginOf asks for a user by name.
func loginOf(user string, scope ...string) *oauth.BackchannelAuthenticationRequest {
	return &oauth.BackchannelAuthenticationRequest{Scope: append([]string{"openid"}, scope...), LoginHint: user}
}

// decide is the user at the other device.
func (l *login) decide(s *scenario, action string) {
	query := url.Values{"auth_req_id": {l.pending.AuthReqID()}, "action": {action}}
	s.control(http.MethodPost, "/ciba?"+query.Encode(), nil, nil)
}

// ask asks for the token once.
func (l *login) ask(s *scenario) (*oauth.Token, error) {
	return l.client.BackchannelAuthenticationToken(s.ctx, l.pending, nil)
}

// poll asks for the token at the pace of the server, which is to be given with
// the first attempt.
func (l *login) poll(s *scenario) (*oauth.Token, error) {
	defer s.requireInterval(l.wire, l.server.TokenEndpoint)()
	return l.client.PollBackchannelAuthentication(s.ctx, l.pending, nil)
}

// allowed is what follows when the user has said yes.
func (l *login) allowed(s *scenario) *flow {
	l.decide(s, "approve")
	t, err := l.ask(s)
	s.check(err, "BackchannelAuthenticationToken")
	f := &flow{party: l.party, token: t}
	equal(s, f.idToken(s).Subject(), "dave", "sub")
	return f
}

func backchannelPoll(s *scenario) {
	r := loginOf("dave", "email")
	r.BindingMessage = "W4SCT"
	l := s.setup("tls", "ciba", options{}).startLogin(s, r)
	_, err := l.ask(s)
	s.requirePending(err)

	l.decide(s, "approve")
	t, err := l.poll(s)
	s.check(err, "PollBackchannelAuthentication")
	f := &flow{party: l.party, token: t}
	f.requireUser(s, "dave")
	f.requireScope(s, "openid", "email")
	f.refreshed(s, nil).requireUser(s, "dave")

	_, err = l.ask(s)
	f.requireRevoked(s, err)
}

func backchannelDenied(s *scenario) {
	p := s.setup("tls", "ciba", options{})
	for _, get := range []func(*login, *scenario) (*oauth.Token, error){(*login).ask, (*login).poll} {
		l := p.startLogin(s, loginOf("dave"))
		l.decide(s, "deny")
		t, err := get(l, s)
		s.requireResponseError(err, http.StatusBadRequest, "access_denied")
		s.require(!errors.Is(err, oauth.ErrPending), "pending after the refusal")
		s.require(t == nil, "a Token beside an error")
	}
}

func backchannelUnknownUser(s *scenario) {
	p := s.setup("tls", "ciba", options{})
	pending, err := p.client.StartBackchannelAuthentication(s.ctx, loginOf("nobody"))
	s.requireResponseError(err, http.StatusBadRequest, "unknown_user_id")
	s.require(pending == nil, "a BackchannelAuthentication beside an error")
}

// backchannelIDTokenHint names the user by an earlier ID token: one of another
// client is refused, this client's own is taken, also from the session store.
func backchannelIDTokenHint(s *scenario) {
	p := s.setup("tls", "ciba", options{})
	hinted := func(hint string) *oauth.BackchannelAuthenticationRequest {
		return &oauth.BackchannelAuthenticationRequest{Scope: []string{"openid"}, IDTokenHint: hint}
	}
	_, err := p.client.StartBackchannelAuthentication(s.ctx, hinted(s.code("tls", "basic", options{}).token.IDTokenHint()))
	s.requireResponseError(err, http.StatusBadRequest, "invalid_request")

	first := p.startLogin(s, loginOf("dave")).allowed(s)
	kept := saved(s, first.token, new(oauth.Token))
	equal(s, kept.IDTokenHint(), first.idToken(s).Raw(), "the ID token that was kept")
	p.startLogin(s, hinted(kept.IDTokenHint())).allowed(s)
}

// pingSink is where the server's notifications to the client ciba-ping are kept.
const pingSink = "/sink/ciba-ping"

// A notification is a request that the server made.
type notification struct {
	Headers map[string]string
	Body    string
}

// request is the notification as the client's endpoint gets it.
func (n *notification) request(s *scenario, path string) *http.Request {
	r := httptest.NewRequestWithContext(s.ctx, http.MethodPost, path, strings.NewReader(n.Body))
	for name, value := range n.Headers {
		r.Header.Set(name, value)
	}
	return r
}

// backchannelPing keeps the request as a program does in ping mode, hands over
// the server's notification, and then asks once.
func backchannelPing(s *scenario) {
	s.control(http.MethodDelete, pingSink, nil, nil)
	l := s.setup("tls", "ciba-ping", options{}).startLogin(s, loginOf("dave"))
	kept := map[string]*oauth.BackchannelAuthentication{l.pending.AuthReqID(): saved(s, l.pending, new(oauth.BackchannelAuthentication))}
	find := func(_ context.Context, id string) (*oauth.BackchannelAuthentication, error) { return kept[id], nil }
	var sent []notification
	s.control(http.MethodGet, pingSink, nil, &sent)
	equal(s, len(sent), 0, "number of notifications before the user has decided")

	l.decide(s, "approve")
	s.control(http.MethodGet, pingSink, nil, &sent)
	equal(s, len(sent), 1, "number of notifications")
	forged := notification{Headers: maps.Clone(sent[0].Headers), Body: sent[0].Body}
	s.require(strings.HasPrefix(forged.Headers["authorization"], "Bearer "), "the notification has no bearer token")
	forged.Headers["authorization"] += "x"
	got, err := oauth.ParseBackchannelPing(forged.request(s, pingSink), find)
	s.require(errors.Is(err, oauth.ErrNoCredentials) && got == nil, "another bearer token: wanted ErrNoCredentials, got: %v", err)
	nothing := func(context.Context, string) (*oauth.BackchannelAuthentication, error) { return nil, nil }
	got, err = oauth.ParseBackchannelPing(sent[0].request(s, pingSink), nothing)
	s.require(errors.Is(err, oauth.ErrNoCredentials) && got == nil, "an unknown auth_req_id: wanted ErrNoCredentials, got: %v", err)

	got, err = oauth.ParseBackchannelPing(sent[0].request(s, pingSink), find)
	s.check(err, "ParseBackchannelPing")
	equal(s, got.AuthReqID(), l.pending.AuthReqID(), "auth_req_id of the notification")
	l.pending = got
	t, err := l.ask(s)
	s.check(err, "BackchannelAuthenticationToken")
	equal(s, (&flow{party: l.party, token: t}).idToken(s).Subject(), "dave", "sub")
	equal(s, l.wire.count(l.server.TokenEndpoint), 1, "number of token requests")
}

// backchannelSigned has all parameters in the signed request, and beside it only
// what authenticates the client (CIBA, Section 7.1.1).
func backchannelSigned(s *scenario) {
	server, err := s.desc.server("tls")
	s.check(err, "discovery")
	var form url.Values
	p := s.setup("tls", "ciba-signed", options{around: sentForm(&form, server.BackchannelAuthenticationEndpoint)})
	equal(s, p.meta.BackchannelRequestAlg, "ES256", "backchannel_authentication_request_signing_alg")
	l := p.startLogin(s, loginOf("dave"))
	requireOnly(s, form, "the request", "client_id", "client_assertion", "client_assertion_type", "request")
	object := form.Get("request")
	equal(s, headerOf(s, object).Alg, "ES256", "alg of the signed request")
	var claims struct {
		Scope string
		Hint  string `json:"login_hint"`
	}
	decodeSegment(s, object, 1, &claims)
	equal(s, claims.Scope, "openid", "scope in the signed request")
	equal(s, claims.Hint, "dave", "login_hint in the signed request")
	l.allowed(s)

	// With another signature it is refused, by an error of CIBA, Section 13, which
	// has no invalid_request_object.
	p = s.setup("tls", "ciba-signed", options{around: func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if r.URL.String() != server.BackchannelAuthenticationEndpoint {
			return next.RoundTrip(r)
		}
		form, err := takeForm(r)
		if err != nil {
			return nil, err
		}
		form.Set("request", form.Get("request")+"AAAA")
		return next.RoundTrip(withForm(r, form))
	}})
	_, err = p.client.StartBackchannelAuthentication(s.ctx, loginOf("dave"))
	s.requireResponseError(err, http.StatusBadRequest, "invalid_request")
}
