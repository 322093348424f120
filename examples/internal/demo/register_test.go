package demo

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

// wantRegistration counts the registrations that were made and ended, and looks for
// the file.
func (s *Stage) wantRegistration(t *testing.T, made, ended int, kept bool) {
	t.Helper()
	deleted := 0
	for _, r := range s.Server.Requests() {
		if r.Method == http.MethodDelete {
			deleted++
		}
	}
	inFile := s.content("OAUTH_REGISTRATION_FILE") != nil
	if s.Server.Count("/register") != made || deleted != ended || inFile != kept {
		t.Errorf("%d made, %d ended, kept: %t\n%s", s.Server.Count("/register"), deleted, inFile, s.printed(t))
	}
}

// A client that was made and must not be used, or cannot be kept, is ended at once.
func TestRegistrationFails(t *testing.T) {
	t.Parallel()
	defer catch(t)
	for fault, ended := range map[oauthtest.Fault]int{
		oauthtest.RegistrationWithoutClientID:  1,
		oauthtest.RegistrationWithoutSecret:    1,
		oauthtest.RegistrationExpiredSecret:    1,
		oauthtest.RegistrationOtherRedirectURI: 1,
		oauthtest.RegistrationHTTPClientURI:    0, // its token goes to no such URL
	} {
		s := stageFor(t, "register", nil)
		s.Server.Fault(fault)
		if err := try(s.Play); err == nil {
			t.Errorf("%s: no error", fault)
		}
		s.wantRegistration(t, 1, ended, false)
	}
	s := stageFor(t, "register", nil)
	s.settings["OAUTH_REGISTRATION_FILE"] = filepath.Join(s.dir, "none", "registration")
	if err := s.start().wait(); err == nil {
		t.Error("cannot be kept: no error")
	}
	s.wantRegistration(t, 1, 1, false)
	s.settings["OAUTH_INITIAL_ACCESS_TOKEN"] = "another"
	if err := s.start().wait(); err == nil || !strings.Contains(s.printed(t), "status 401") {
		t.Errorf("may not register: %v\n%s", err, s.printed(t))
	}
}

// A registration outlives a run that fails, and the next one goes on with it.
func TestRegistrationIsKept(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "register", nil)
	s.Server.Fault(oauthtest.WrongNonce)
	if err := try(s.Play); err == nil {
		t.Error("no error")
	}
	s.wantRegistration(t, 1, 0, true)
	s.Server.Fault()
	s.Play()
	s.wantRegistration(t, 1, 1, false)
}
