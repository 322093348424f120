package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// A refresh token that is not good any more leads to a login.
func TestInvalidGrant(t *testing.T) {
	t.Parallel()
	c := newCase(t, false)
	if !c.mustRun(t) {
		t.Error("no login at first")
	}
	first, err := os.ReadFile(c.store)
	if err != nil {
		t.Fatal(err)
	}
	if c.mustRun(t) {
		t.Error("a login though a token was stored")
	}
	if second, err := os.ReadFile(c.store); err != nil || bytes.Equal(first, second) {
		t.Errorf("the new token is not stored: %v", err)
	}
	if err := os.WriteFile(c.store, first, 0o600); err != nil { // it was used before
		t.Fatal(err)
	}
	if !c.mustRun(t) || !strings.Contains(c.out.String(), "app: the stored login is over\n") {
		t.Errorf("no login with a used refresh token:\n%s", c.out.String())
	}
	if c.mustRun(t) {
		t.Error("a login though the token of the one before was stored")
	}
}

// After any other error the stored token may still be good, and stays.
func TestRefreshFails(t *testing.T) {
	t.Parallel()
	for fault, kind := range map[oauthtest.Fault]error{
		oauthtest.JWKSFails:           oauth.ErrUnavailable,
		oauthtest.TokenHTML:           oauth.ErrResponse,
		oauthtest.RefreshOtherSubject: oauth.ErrClaim,
	} {
		c := newCase(t, false)
		c.mustRun(t)
		before, err := os.ReadFile(c.store)
		if err != nil {
			t.Fatal(err)
		}
		c.srv.Fault(fault)
		if err := c.run(t, c.srv.NewBrowser()); !errors.Is(err, kind) {
			t.Errorf("%s: %v", fault, err)
		}
		after, err := os.ReadFile(c.store)
		if err != nil || !bytes.Equal(before, after) || strings.Count(c.out.String(), "To log in") != 1 {
			t.Errorf("%s: %v\n%s", fault, err, c.out.String())
		}
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	c := newCase(t, false)
	c.mustRun(t)
	if err := os.Chmod(c.store, 0o644); err != nil {
		t.Fatal(err)
	}
	c.mustRun(t)
	info, err := os.Stat(c.store)
	if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	if files, err := os.ReadDir(filepath.Dir(c.store)); err != nil || len(files) != 1 {
		t.Errorf("%v: %v", files, err)
	}

	other := newCase(t, false)
	other.store = c.store
	if err := other.run(t, other.srv.NewBrowser()); !errors.Is(err, oauth.ErrConfig) || other.srv.Count("/token") != 0 {
		t.Errorf("the token of another server: %v", err)
	}
	if err := os.WriteFile(c.store, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.run(t, c.srv.NewBrowser()); !errors.Is(err, oauth.ErrParse) || !strings.Contains(err.Error(), c.store) {
		t.Errorf("damaged: %v", err)
	}
}

func TestNothingToStore(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testCase){
		"no refresh token": func(c *testCase) {
			c.srv.AddClient(oauthtest.Client{ID: "tool", RedirectURIs: []string{"http://127.0.0.1/callback"}, GrantTypes: []string{"authorization_code"}})
		},
		"no store": func(c *testCase) { c.settings.store = "" },
	} {
		c := newCase(t, false)
		store := c.store
		change(c)
		if first, second := c.mustRun(t), c.mustRun(t); !first || !second {
			t.Errorf("%s: no login", name)
		}
		if _, err := os.Stat(store); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: stored: %v", name, err)
		}
		for _, want := range []string{"offline_access", "prompt=consent"} {
			if asked := strings.Contains(c.out.String(), want); asked != (c.store != "") {
				t.Errorf("%s: %s: %t", name, want, asked)
			}
		}
	}
}
