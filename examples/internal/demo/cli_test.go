package demo

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"example.com/oauth/oauthtest"
)

// A tool is the program that keeps its token.
type tool struct {
	*Stage
	ctx context.Context
}

// newTool is a tool that has not run.
func newTool(t *testing.T, o *oauthtest.Options) *tool {
	t.Helper()
	s, ctx := stageFor(t, "cli", o)
	s.setCLI()
	return &tool{s, ctx}
}

// stored is what is in the file; nil if there is none.
func (s *tool) stored() []byte {
	data, _ := os.ReadFile(s.settings["OAUTH_TOKEN_FILE"])
	return data
}

// run runs the program once more, and reports whether the user had to log in.
func (s *tool) run(t *testing.T) (loggedIn bool, err error) {
	t.Helper()
	p, err := s.start(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	loggedIn = s.open(s.ctx, p) == nil
	return loggedIn, p.wait()
}

func (s *tool) wantRun(t *testing.T, loggedIn bool) {
	t.Helper()
	if got, err := s.run(t); err != nil || got != loggedIn {
		t.Errorf("logged in: %t, want %t, %v\n%s", got, loggedIn, err, s.printed(t))
	}
}

// A refresh token that is not good any more leads to a login.
func TestInvalidGrant(t *testing.T) {
	t.Parallel()
	s := newTool(t, nil)
	s.wantRun(t, true)
	used := s.stored()
	s.wantRun(t, false)
	if bytes.Equal(used, s.stored()) {
		t.Error("the new token is not stored")
	}
	if err := os.WriteFile(s.settings["OAUTH_TOKEN_FILE"], used, 0o600); err != nil {
		t.Fatal(err)
	}
	s.wantRun(t, true)
	s.wantRun(t, false)
}

// After any other failure the refresh token that is good is in the file: the old
// one, or one that came with a response that is no good.
func TestRefreshFails(t *testing.T) {
	t.Parallel()
	s := newTool(t, nil)
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
		if loggedIn, err := s.run(t); err == nil || loggedIn {
			t.Errorf("%s: logged in: %t, %v", tt.fault, loggedIn, err)
		}
		s.Server.Fault()
		if changed := !bytes.Equal(before, s.stored()); changed != tt.changed {
			t.Errorf("%s: the file has changed: %t", tt.fault, changed)
		}
		s.wantRun(t, tt.again)
	}
}

// Processes that share the file do not use a refresh token twice.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	s := newTool(t, nil)
	s.wantRun(t, true)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { s.wantRun(t, false) })
	}
	all.Wait()
	s.wantRun(t, false)
}

// Nothing is kept of a login that fails, is interrupted, or gives no refresh token.
func TestNothingToKeep(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		client oauthtest.Client
		fault  []oauthtest.Fault
		good   bool
	}{
		"no refresh token": {oauthtest.Client{GrantTypes: []string{"authorization_code"}}, nil, true},
		"refused":          {oauthtest.Client{}, []oauthtest.Fault{oauthtest.WrongNonce}, false},
	} {
		s := newTool(t, nil)
		tt.client.AuthMethod, tt.client.RedirectURIs = "none", []string{"http://127.0.0.1/callback"}
		s.register(tt.client)
		s.Server.Fault(tt.fault...)
		if loggedIn, err := s.run(t); !loggedIn || (err == nil) != tt.good || s.stored() != nil {
			t.Errorf("%s: logged in: %t, %v, stored: %t", name, loggedIn, err, s.stored() != nil)
		}
	}
	if runtime.GOOS == "windows" {
		t.Skip("there are no interrupts here")
	}
	s := newTool(t, nil)
	p, err := s.start(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.await(`To log in, open .*`); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(); err == nil || s.stored() != nil {
		t.Errorf("%v\n%s", err, s.printed(t))
	}
}

// The browser that is opened is this test: see TestMain.
func TestBrowserIsOpened(t *testing.T) {
	t.Parallel()
	o := optionsOf("cli")
	o.Interactive = false // no page has to be filled in
	s := newTool(t, o)
	s.settings["OAUTH_BROWSER"] = os.Args[0]
	p, err := s.start(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.wait(); err != nil || !strings.HasSuffix(s.printed(t), "\nsub: \"alice\"\n") {
		t.Errorf("%v\n%s", err, s.printed(t))
	}
}
