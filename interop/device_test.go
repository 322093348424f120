package interop

// This file holds the device authorization grant.

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/oauth"
)

// pollInterval is what the clients wait between two attempts: this server says
// nothing (RFC 8628, Section 3.2; CIBA, Section 7.3).
const pollInterval = 5 * time.Second

func deviceScenarios(t table) {
	t.add("device flow device: pending, approve, tokens, userinfo, refresh", deviceFlow("device", askDevice))
	t.add("device flow device-basic: pending, approve, tokens, userinfo, refresh", deviceFlow("device-basic", pollDevice))
	t.add("device flow denied: access_denied", deviceDenied)
	t.add("device flow through the real pages (verification_uri_complete, browser)", devicePages)
}

// A device is an authorization that waits for the user.
type device struct {
	*party
	pending *oauth.DeviceAuthorization
}

func (s *scenario) startDevice(id string, scope ...string) *device {
	return s.startDeviceAt("tls", id, options{}, scope...)
}

func (s *scenario) startDeviceAt(instance, id string, o options, scope ...string) *device {
	p := s.setup(instance, id, o)
	pending, err := p.client.StartDeviceAuthorization(s.ctx, &oauth.DeviceAuthorizationRequest{Scope: scope})
	s.check(err, "StartDeviceAuthorization")
	s.require(pending.UserCode() != "", "no user code")
	complete, err := url.Parse(pending.VerificationURIComplete())
	s.check(err, "verification_uri_complete")
	equal(s, complete.Query().Get("user_code"), pending.UserCode(), "user_code in verification_uri_complete")
	s.require(strings.HasPrefix(complete.String(), pending.VerificationURI()), "verification_uri is %s", pending.VerificationURI())
	s.requireLifetime(pending.Expiry(), pending.Interval())
	return &device{p, pending}
}

// requireLifetime ends the scenario unless a request lasts the 10 minutes that
// the server is set to, and has the default interval.
func (s *scenario) requireLifetime(expiry time.Time, interval time.Duration) {
	left := time.Until(expiry)
	s.require(left > 9*time.Minute && left <= 10*time.Minute, "it expires in %v", left)
	equal(s, interval, pollInterval, "interval")
}

// decide is the user who types the code in.
func (d *device) decide(s *scenario, action, sub string) {
	query := url.Values{"user_code": {d.pending.UserCode()}, "action": {action}, "sub": {sub}}
	s.control(http.MethodPost, "/device?"+query.Encode(), nil, nil)
}

// askDevice asks for the token once.
func askDevice(s *scenario, d *device) (*oauth.Token, error) {
	return d.client.DeviceToken(s.ctx, d.pending, nil)
}

// pollDevice asks for the token at the pace of the server, which is to be given
// with the first attempt. It is another process that does it.
func pollDevice(s *scenario, d *device) (*oauth.Token, error) {
	defer s.requireInterval(d.wire, d.server.TokenEndpoint)()
	return d.client.PollDevice(s.ctx, saved(s, d.pending, new(oauth.DeviceAuthorization)), nil)
}

// requireInterval returns a function that ends the scenario unless, since then,
// one request went to the endpoint and the interval passed before it.
func (s *scenario) requireInterval(w *wire, endpoint string) func() {
	start, before := time.Now(), w.count(endpoint)
	return func() {
		took := time.Since(start)
		s.require(took >= pollInterval && took < 2*pollInterval, "polling took %v", took)
		equal(s, w.count(endpoint)-before, 1, "number of attempts")
	}
}

// deviceFlow is the whole of it, with a way to get the token once it is there.
func deviceFlow(id string, get func(*scenario, *device) (*oauth.Token, error)) scenarioFunc {
	return func(s *scenario) {
		d := s.startDevice(id, "openid", "email")
		_, err := askDevice(s, d)
		s.requirePending(err)

		d.decide(s, "approve", "carol")
		t, err := get(s, d)
		s.check(err, "the token")
		f := &flow{party: d.party, token: t}
		f.requireUser(s, "carol")
		f.requireScope(s, "openid", "email")
		f.refreshed(s, nil).requireUser(s, "carol")

		_, err = askDevice(s, d)
		f.requireRevoked(s, err)
	}
}

// requireRevoked ends the scenario unless err is what the server says to a code
// that was used before, and the token of the first time is not good any more.
func (f *flow) requireRevoked(s *scenario, err error) {
	s.requireResponseError(err, http.StatusBadRequest, "invalid_grant")
	s.require(!errors.Is(err, oauth.ErrPending), "a used code is said to be pending: %v", err)
	f.requireInactive(s)
}

// requirePending ends the scenario unless err says that nobody decided yet.
func (s *scenario) requirePending(err error) {
	s.requireResponseError(err, http.StatusBadRequest, "authorization_pending")
	s.require(errors.Is(err, oauth.ErrPending), "ErrPending is not %v", err)
}

// requireUser ends the scenario unless the flow is that user's.
func (f *flow) requireUser(s *scenario, sub string) {
	equal(s, f.idToken(s).Subject(), sub, "sub")
	f.requireEmail(s)
}

func deviceDenied(s *scenario) {
	d := s.startDevice("device", "openid")
	d.decide(s, "deny", "")
	t, err := askDevice(s, d)
	s.requireResponseError(err, http.StatusBadRequest, "access_denied")
	s.require(!errors.Is(err, oauth.ErrPending), "pending after the refusal")
	s.require(t == nil, "a Token beside an error")

	d = s.startDevice("device", "openid")
	d.decide(s, "deny", "")
	_, err = pollDevice(s, d)
	s.requireResponseError(err, http.StatusBadRequest, "access_denied")
}

// devicePages is the flow as the user sees it: the page with the code, the
// question, the login.
func devicePages(s *scenario) {
	d := s.startDevice("device", "openid", "email")
	_, end, err := newBrowser(s.desc).follow(s.ctx, d.pending.VerificationURIComplete(), "")
	s.check(err, "the pages")
	equal(s, end.text, "device approved", "the last page")
	t, err := askDevice(s, d)
	s.check(err, "DeviceToken")
	f := &flow{party: d.party, token: t}
	f.requireUser(s, "alice")

	// It is of no use to another client.
	other := s.setup("tls", "device-basic", options{})
	_, err = other.client.DeviceToken(s.ctx, d.pending, nil)
	s.require(errors.Is(err, oauth.ErrConfig), "the code of another client: wanted ErrConfig, got: %v", err)
	other.wire.requireSilent(s)
}
