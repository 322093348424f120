package keycloak

// This file holds logins at another device: the device authorization grant, and CIBA.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"example.com/oauth"
)

func deviceRows(t *table) {
	const kind = "device"
	for _, auth := range []string{"client_secret_basic", "none"} {
		t.add(kind, auth+", polled", func(s *scenario) {
			d := s.startDevice(spec{auth: auth})
			_, err := d.client.DeviceToken(s.ctx, d.device, nil)
			s.require(errors.Is(err, oauth.ErrPending), "before the user decided: %v", err)
			d.decide(s, false)
			token, err := d.client.PollDevice(s.ctx, d.device, nil)
			s.check(err, "PollDevice")
			f := &flow{party: d.party, token: token}
			f.requireToken(s)
			f.requireEmail(s, "alice")
			f.refreshed(s)
			_, err = d.client.DeviceToken(s.ctx, d.device, nil)
			s.refused("the code of before", err, "invalid_grant")
		})
	}
	t.add(kind, "DPoP, by another process", func(s *scenario) {
		d := s.startDevice(s.withDPoP(spec{auth: "none"}, oauth.ES256))
		kept := new(oauth.DeviceAuthorization)
		saved(s, d.device, kept)
		d.decide(s, false)
		token, err := d.client.DeviceToken(s.ctx, kept, nil)
		s.check(err, "DeviceToken")
		f := &flow{party: d.party, token: token}
		f.requireToken(s)
		f.requireEmail(s, "alice")
		defer d.proofOfOtherKey(s, d.cfg.Server.UserinfoEndpoint, token.AccessToken.Reveal())()
		s.refused("a proof of another key", f.userInfoError(s), "invalid_token")
	})
	t.add(kind, "the user refuses", func(s *scenario) {
		d := s.startDevice(spec{auth: "private_key_jwt"})
		d.decide(s, true)
		_, err := d.client.PollDevice(s.ctx, d.device, nil)
		s.refused("the code", err, "access_denied")
	})
	t.add(kind, "a code of another client", func(s *scenario) {
		d, other := s.startDevice(spec{}), s.startDevice(spec{})
		d.decide(s, false)
		other.decide(s, false)
		_, err := d.client.DeviceToken(s.ctx, d.device, nil)
		s.check(err, "DeviceToken")
		code := d.wire.last(s, d.cfg.Server.TokenEndpoint).form.Get("device_code")
		defer other.wire.tamperForm(other.cfg.Server.TokenEndpoint, func(form url.Values) { form.Set("device_code", code) })()
		_, err = other.client.DeviceToken(s.ctx, other.device, nil)
		s.refused("the code of another client", err, "invalid_grant")
	})

	const poll = "CIBA poll"
	for _, auth := range []string{"client_secret_basic", "private_key_jwt", "tls_client_auth"} {
		t.add(poll, auth, func(s *scenario) {
			l := s.startLogin(spec{auth: auth})
			_, err := l.ask(s)
			s.require(errors.Is(err, oauth.ErrPending), "before the user decided: %v", err)
			l.decide(s, "SUCCEED")
			token, err := l.client.PollBackchannelAuthentication(s.ctx, l.login, nil)
			s.check(err, "PollBackchannelAuthentication")
			f := &flow{party: l.party, token: token}
			f.requireToken(s)
			f.requireEmail(s, "alice")
			f.refreshed(s)
			_, err = l.ask(s)
			s.refused("the auth_req_id of before", err, "invalid_grant")
		})
	}
	t.add(poll, "the user refuses", func(s *scenario) {
		l := s.startLogin(spec{})
		l.decide(s, "UNAUTHORIZED")
		_, err := l.client.PollBackchannelAuthentication(s.ctx, l.login, nil)
		s.refused("the auth_req_id", err, "access_denied")
	})
	t.add(poll, "an unknown user", func(s *scenario) {
		l := s.startLogin(spec{})
		l.decide(s, "SUCCEED")
		_, err := l.ask(s)
		s.check(err, "BackchannelAuthenticationToken")
		_, err = l.askFor(s, "nobody", "")
		s.refusedAs("an unknown user", err, "unknown_user_id", "invalid_request")
	})

	for _, alg := range []oauth.Algorithm{oauth.ES256, oauth.PS256, oauth.EdDSA} {
		t.add("CIBA signed request", string(alg), func(s *scenario) {
			l := s.startLogin(signedLogins(alg))
			s.require(l.wire.last(s, l.cfg.Server.BackchannelAuthenticationEndpoint).form.Has("request"), "the request is not signed")
			l.decide(s, "SUCCEED")
			_, err := l.ask(s)
			s.check(err, "BackchannelAuthenticationToken")
			q := l.as(s, func(q *party) { q.cfg.RequestKey = s.forged(l.cfg.RequestKey) })
			_, err = q.askFor(s, "alice", "")
			s.refusedAs("another key", err, "invalid_request", "invalid_request_object")
		})
	}

	const ping = "CIBA ping"
	for _, sp := range []spec{{auth: "client_secret_basic"}, {auth: "private_key_jwt"}} {
		t.add(ping, sp.auth, func(s *scenario) {
			l := s.startLogin(s.pinged(sp))
			s.require(len(s.listener.sent(l.pingPath())) == 0, "a notification before the user decided")
			l.decide(s, "SUCCEED")
			find := func(_ context.Context, id string) (*oauth.BackchannelAuthentication, error) {
				s.require(id == l.login.AuthReqID(), "a notification of another auth_req_id")
				return l.login, nil
			}
			got, err := oauth.ParseBackchannelPing(l.ping(s), find)
			s.check(err, "ParseBackchannelPing")
			token, err := l.client.BackchannelAuthenticationToken(s.ctx, got, nil)
			s.check(err, "BackchannelAuthenticationToken")
			(&flow{party: l.party, token: token}).requireEmail(s, "alice")
			forged := l.ping(s)
			forged.Header.Set("Authorization", "Bearer "+random())
			_, err = oauth.ParseBackchannelPing(forged, find)
			s.refused("a notification with another token", err, oauth.ErrNoCredentials)
		})
	}
	t.add(ping, "the user refuses", func(s *scenario) {
		l := s.startLogin(s.pinged(spec{}))
		l.decide(s, "CANCELLED")
		_, err := l.ask(s)
		s.refused("the auth_req_id", err, "access_denied")
	})
	t.add(ping, "of another login", func(s *scenario) {
		l, other := s.startLogin(s.pinged(spec{})), s.startLogin(s.pinged(spec{}))
		l.decide(s, "SUCCEED")
		other.decide(s, "SUCCEED")
		s.require(len(l.sent(s)) == 1, "no notification")
		_, err := oauth.ParseBackchannelPing(l.ping(s), func(context.Context, string) (*oauth.BackchannelAuthentication, error) { return other.login, nil })
		s.refused("the notification of another login", err, oauth.ErrNoCredentials)
	})
}

// A device is an authorization that waits for the user.
type device struct {
	*party
	device *oauth.DeviceAuthorization
}

func (s *scenario) startDevice(sp spec) *device {
	p := s.main(s).client(s, sp.attr("oauth2.device.authorization.grant.enabled", "true"))
	d, err := p.client.StartDeviceAuthorization(s.ctx, &oauth.DeviceAuthorizationRequest{Scope: []string{"openid", "email"}})
	s.check(err, "StartDeviceAuthorization")
	equal(s, d.Interval(), time.Second, "interval")
	return &device{p, d}
}

// decide is the user who opens the address and logs in there.
func (d *device) decide(s *scenario, deny bool) {
	b := s.newBrowser()
	b.deny = deny
	_, end, err := b.follow(s.ctx, d.device.VerificationURIComplete())
	s.check(err, "the pages")
	equal(s, b.consents, 1, "number of questions")
	if !deny {
		s.require(end.status == http.StatusOK && strings.Contains(end.text, "Device Login Successful"), "the last page: %s", end)
	}
}

// saved stores a value and takes it out again, as a program does that keeps it.
func saved(s *scenario, from interface{ MarshalBinary() ([]byte, error) }, to interface{ UnmarshalBinary([]byte) error }) {
	raw, err := from.MarshalBinary()
	s.check(err, "MarshalBinary")
	s.check(to.UnmarshalBinary(raw), "UnmarshalBinary")
}

// A login is one that waits for the user.
type login struct {
	*party
	login *oauth.BackchannelAuthentication
	word  string // its binding message
}

// startLogin has alice asked.
func (s *scenario) startLogin(sp spec) *login {
	return s.startLoginAt(s.main(s).client(s, sp.attr("oidc.ciba.grant.enabled", "true")))
}

func (s *scenario) startLoginAt(p *party) *login {
	l := &login{party: p, word: random()}
	var err error
	l.login, err = p.askFor(s, "alice", l.word)
	s.check(err, "StartBackchannelAuthentication")
	return l
}

// askFor has a user asked, with a message.
func (p *party) askFor(s *scenario, user, message string) (*oauth.BackchannelAuthentication, error) {
	return p.client.StartBackchannelAuthentication(s.ctx, &oauth.BackchannelAuthenticationRequest{
		Scope: []string{"openid", "email"}, LoginHint: user, BindingMessage: message,
	})
}

// ask asks for the token once.
func (l *login) ask(s *scenario) (*oauth.Token, error) {
	return l.client.BackchannelAuthenticationToken(s.ctx, l.login, nil)
}

// decide is what the user's device tells Keycloak, with the token that it got from it.
func (l *login) decide(s *scenario, status string) {
	for _, m := range s.listener.sent(cibaPath) {
		var asked struct {
			Message string `json:"binding_message"`
		}
		s.check(json.Unmarshal([]byte(m.body), &asked), "the question")
		if asked.Message != l.word {
			continue
		}
		body, _ := json.Marshal(object{"status": status})
		r, err := http.NewRequestWithContext(s.ctx, http.MethodPost, l.issuer+"/protocol/openid-connect/ext/ciba/auth/callback", bytes.NewReader(body))
		s.check(err, "NewRequest")
		r.Header.Set("Authorization", m.header.Get("Authorization"))
		r.Header.Set("Content-Type", "application/json")
		resp, err := (&http.Client{Transport: s.transport}).Do(r)
		s.check(err, "the decision")
		resp.Body.Close()
		equal(s, resp.StatusCode, http.StatusOK, "status of the decision")
		return
	}
	s.fatalf("Keycloak asked nobody")
}

// signedLogins is a client that signs its requests.
func signedLogins(alg oauth.Algorithm) spec {
	sp := spec{requests: alg}.attr("ciba.backchannel.auth.request.signing.alg", string(alg))
	return sp.also(func(c *oauth.Config) {
		c.Metadata.RequestObjectSigningAlg, c.Metadata.BackchannelRequestAlg = "", alg
	})
}

// pinged is a client that is told when the user has decided.
func (s *scenario) pinged(sp spec) spec {
	path := "/ping/" + random()
	sp = sp.attr("ciba.backchannel.token.delivery.mode", "ping").attr("ciba.backchannel.client.notification.endpoint", s.listener.URL+path)
	return sp.also(func(c *oauth.Config) {
		c.Metadata.BackchannelTokenDeliveryMode = "ping"
		c.Metadata.BackchannelNotificationEndpoint = s.listener.URL + path
	})
}

func (l *login) pingPath() string {
	return strings.TrimPrefix(l.attrs["ciba.backchannel.client.notification.endpoint"], l.listener.URL)
}

// sent are the notifications to the client, of which Keycloak sends one before it
// answers the decision.
func (l *login) sent(*scenario) []message { return l.listener.sent(l.pingPath()) }

// ping is the notification as the client gets it.
func (l *login) ping(s *scenario) *http.Request {
	all := l.sent(s)
	s.require(len(all) == 1, "%d notifications", len(all))
	r := httptest.NewRequestWithContext(s.ctx, http.MethodPost, l.pingPath(), strings.NewReader(all[0].body))
	r.Header = all[0].header.Clone()
	return r
}
