package demo

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// content is what is in a file that a setting names; nil if there is none.
func (s *Stage) content(setting string) []byte {
	data, _ := os.ReadFile(s.settings[setting])
	return data
}

func (s *Stage) stored() []byte { return s.content("OAUTH_TOKEN_FILE") }

// run runs the program once more, and reports whether the user had to log in.
func (s *Stage) run() (loggedIn bool, err error) {
	p := s.start()
	loggedIn = try(func() { s.open(p) }) == nil
	return loggedIn, p.wait()
}

func (s *Stage) wantRun(t *testing.T, loggedIn bool) {
	t.Helper()
	if got, err := s.run(); err != nil || got != loggedIn {
		t.Errorf("logged in: %t, want %t, %v\n%s", got, loggedIn, err, s.printed(t))
	}
}

// A refresh token that is not good any more leads to a login. After any other failure
// the refresh token that is good is in the file: the old one, or one that came with a
// response that is no good.
func TestRefresh(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "cli", nil)
	s.wantRun(t, true)
	used := s.stored()
	s.wantRun(t, false)
	if bytes.Equal(used, s.stored()) {
		t.Error("the new token is not stored")
	}
	check(os.WriteFile(s.settings["OAUTH_TOKEN_FILE"], used, 0o600))
	s.wantRun(t, true)
	for _, tt := range []struct {
		fault          oauthtest.Fault
		changed, again bool
	}{
		{oauthtest.RefreshFails, false, false},
		{oauthtest.JWKSFails, false, false},
		{oauthtest.ExpiredIDToken, true, false},
		{oauthtest.RefreshOtherSubject, false, true}, // the token that came is not this login's
	} {
		before := s.stored()
		s.Server.Fault(tt.fault)
		if loggedIn, err := s.run(); err == nil || loggedIn {
			t.Errorf("%s: logged in: %t, %v", tt.fault, loggedIn, err)
		}
		s.Server.Fault()
		if changed := !bytes.Equal(before, s.stored()); changed != tt.changed {
			t.Errorf("%s: the file has changed: %t", tt.fault, changed)
		}
		s.wantRun(t, tt.again)
	}
}

// Ctrl-C does not lose the refresh token that is on its way.
func TestInterruptedRefresh(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no interrupts here")
	}
	t.Parallel()
	defer catch(t)
	answered := make(chan struct{})
	s := detoured(t, "cli", map[string]string{"token_endpoint": "/token"}, func(_ string, body []byte) []byte {
		answered <- struct{}{}
		answered <- struct{}{}
		return body
	})
	p := s.start()
	go func() { <-answered; <-answered }() // to the login
	s.open(p)
	check(p.wait())
	before := s.stored()
	p = s.start()
	<-answered
	check(p.cmd.Process.Signal(os.Interrupt))
	time.Sleep(100 * time.Millisecond) // so that a program that gives up has time to
	<-answered
	if err := p.wait(); err != nil || bytes.Equal(before, s.stored()) {
		t.Errorf("%v, the new token is not stored\n%s", err, s.printed(t))
	}
}

// Processes that share the file do not use a refresh token twice.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "cli", nil)
	s.wantRun(t, true)
	var four [4]*process
	for i := range four {
		four[i] = s.start()
	}
	for _, p := range four {
		if err := p.wait(); err != nil {
			t.Errorf("%v\n%s", err, s.printed(t))
		}
	}
	s.wantRun(t, false)
}

// Nothing is kept of a login that fails, is interrupted, or gives no refresh token.
func TestNothingToKeep(t *testing.T) {
	t.Parallel()
	defer catch(t)
	for name, tt := range map[string]struct {
		grants []string
		fault  []oauthtest.Fault
		good   bool
	}{
		"no refresh token": {[]string{"authorization_code"}, nil, true},
		"refused":          {nil, []oauthtest.Fault{oauthtest.WrongNonce}, false},
	} {
		s := stageFor(t, "cli", nil)
		s.register(oauthtest.Client{AuthMethod: "none", RedirectURIs: []string{loopback}, GrantTypes: tt.grants})
		s.Server.Fault(tt.fault...)
		if loggedIn, err := s.run(); !loggedIn || (err == nil) != tt.good || s.stored() != nil {
			t.Errorf("%s: logged in: %t, %v, stored: %t", name, loggedIn, err, s.stored() != nil)
		}
	}
	if runtime.GOOS == "windows" {
		t.Skip("there are no interrupts here")
	}
	s := stageFor(t, "cli", nil)
	p := s.start()
	p.await(`To log in, open .*`)
	check(p.cmd.Process.Signal(os.Interrupt))
	if err := p.wait(); err == nil || s.stored() != nil {
		t.Errorf("%v\n%s", err, s.printed(t))
	}
}

// The browser that is opened is this test: see TestMain.
func TestBrowserIsOpened(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "cli", func(o *oauthtest.Options) { o.Interactive = false }) // no page has to be filled in
	s.settings["OAUTH_BROWSER"] = os.Args[0]
	if err := s.start().wait(); err != nil || !strings.HasSuffix(s.printed(t), "\nsub: \"alice\"\n") {
		t.Errorf("%v\n%s", err, s.printed(t))
	}
}
