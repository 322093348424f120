package demo

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/oauth"
	"example.com/oauth/examples/internal/keep"
	"example.com/oauth/oauthtest"
)

// A registrant is the program that registers itself.
type registrant struct {
	*Stage
	edit
	ctx context.Context
}

func newRegistrant(t *testing.T) *registrant {
	t.Helper()
	s := new(registrant)
	s.Stage, s.ctx = stageFor(t, "register", nil)
	return s
}

// deleted counts the registrations that were ended.
func (s *registrant) deleted() (n int) {
	for _, r := range s.Server.Requests() {
		if r.Method == http.MethodDelete {
			n++
		}
	}
	return n
}

// kept is the registration in the file; nil if there is none.
func (s *registrant) kept(t *testing.T) *oauth.Registration {
	t.Helper()
	reg := new(oauth.Registration)
	if found, err := keep.Load(s.settings["OAUTH_REGISTRATION_FILE"], reg); err != nil || !found {
		return nil
	}
	return reg
}

// A client that was made and must not be used, or cannot be kept, is ended at once.
func TestRegistrationFails(t *testing.T) {
	t.Parallel()
	for fault, want := range map[oauthtest.Fault]int{
		oauthtest.RegistrationWithoutClientID:  1,
		oauthtest.RegistrationWithoutSecret:    1,
		oauthtest.RegistrationExpiredSecret:    1,
		oauthtest.RegistrationOtherRedirectURI: 1,
		oauthtest.RegistrationHTTPClientURI:    0, // its token goes to no such URL
	} {
		s := newRegistrant(t)
		s.Server.Fault(fault)
		if err := s.Play(s.ctx); err == nil || s.deleted() != want || s.kept(t) != nil {
			t.Errorf("%s: %v, %d registrations ended, want %d\n%s", fault, err, s.deleted(), want, s.printed(t))
		}
	}
	s := newRegistrant(t)
	s.settings["OAUTH_INITIAL_ACCESS_TOKEN"] = initialToken
	s.settings["OAUTH_REGISTRATION_FILE"] = filepath.Join(s.dir, "none", "registration")
	if err := s.runToEnd(s.ctx); err == nil || s.deleted() != 1 {
		t.Errorf("cannot be kept: %v, %d registrations ended", err, s.deleted())
	}
	s.settings["OAUTH_INITIAL_ACCESS_TOKEN"] = "another"
	if err := s.runToEnd(s.ctx); err == nil || !strings.Contains(s.printed(t), "status 401") {
		t.Errorf("may not register: %v\n%s", err, s.printed(t))
	}
}

// A registration outlives a run that fails, and the next one goes on with it.
func TestRegistrationIsKept(t *testing.T) {
	t.Parallel()
	s := newRegistrant(t)
	s.Server.Fault(oauthtest.WrongNonce)
	if err := s.Play(s.ctx); err == nil || s.kept(t) == nil || s.deleted() != 0 {
		t.Errorf("%v, kept: %t, %d registrations ended", err, s.kept(t) != nil, s.deleted())
	}
	s.Server.Fault()
	if err := s.Play(s.ctx); err != nil {
		t.Errorf("%v\n%s", err, s.printed(t))
	}
	if _, err := os.Stat(s.settings["OAUTH_REGISTRATION_FILE"]); err == nil || s.deleted() != 1 || s.Server.Count("/register") != 1 {
		t.Errorf("%v, %d registered, %d ended", err, s.Server.Count("/register"), s.deleted())
	}
}

// The token that comes with an answer that is no good is kept, unless the answer is
// about another client: ours would be lost, and the other one ended in its place.
func TestRegistrationToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from, to string
		changed  bool
	}{
		"no good":        {`"redirect_uris":[`, `"redirect_uris":1,"was":[`, true},
		"another client": {`"client_id":"`, `"client_id":"other-`, false},
	} {
		s := newRegistrant(t)
		s.interceptRegistration(t)
		s.settings["OAUTH_INITIAL_ACCESS_TOKEN"] = initialToken
		s.settings["OAUTH_REGISTRATION_FILE"] = filepath.Join(s.dir, "registration")
		p, err := s.start(s.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.await(`To log in, open .*`); err != nil {
			t.Fatal(err)
		}
		before := s.kept(t)
		s.edit.set([3]string{"/registration", tt.from, tt.to})
		if err := s.open(s.ctx, p); err != nil {
			t.Fatal(err)
		}
		if err := p.wait(); err == nil || s.deleted() != 0 {
			t.Errorf("%s: %v, %d registrations ended", name, err, s.deleted())
		}
		after := s.kept(t)
		if after == nil || after.Metadata.ClientID != before.Metadata.ClientID {
			t.Fatalf("%s: kept is %v\n%s", name, after, s.printed(t))
		}
		if changed := after.RegistrationAccessToken.Reveal() != before.RegistrationAccessToken.Reveal(); changed != tt.changed {
			t.Errorf("%s: another token is kept: %t\n%s", name, changed, s.printed(t))
		}
	}
}

// interceptRegistration puts the edit before the registration endpoint, and before
// the URL at which registrations are managed.
func (s *registrant) interceptRegistration(t *testing.T) {
	t.Helper()
	var proxy string
	stop, err := s.intercept("registration_endpoint", "/register", func(body []byte) []byte {
		s.Stage.mu.Lock()
		defer s.Stage.mu.Unlock()
		return s.edit.of("/registration", bytes.ReplaceAll(body, []byte(s.Server.URL()+"/registration"), []byte(proxy+"/registration")))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s.Stage.mu.Lock()
	defer s.Stage.mu.Unlock()
	proxy = strings.TrimSuffix(s.endpoints["registration_endpoint"], "/register")
}
