package oauthtest_test

// The code of docs/oauthtest.md, compiled. The whole test there is docs/oauthtest/shop_test.go.

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

func pageLogin(t *testing.T, ctx context.Context, app http.Handler, session *http.Cookie, location string) {
	srv := oauthtest.NewServer(nil)
	defer srv.Close()
	srv.AddClient(oauthtest.Client{ID: "web", Secret: "secret", RedirectURIs: []string{"https://app.example.com/cb"}})

	recorder := httptest.NewRecorder()
	callback, err := srv.Authorize(ctx, location)
	if err != nil {
		t.Fatal(err)
	}
	callback.AddCookie(session)
	app.ServeHTTP(recorder, callback)
}

func pageFaults(t *testing.T, srv *oauthtest.Server, login func(*testing.T, *oauthtest.Server) bool) {
	for _, fault := range oauthtest.FatalFaults() {
		srv.Fault(fault)
		if login(t, srv) {
			t.Errorf("a user is logged in with %s, of the %s", fault, fault.Part())
		}
	}
}

func pageToken(srv *oauthtest.Server) (string, error) {
	token, err := srv.AccessToken("web", "alice", map[string]any{
		"aud":   "https://api.example.com",
		"scope": "orders",
	})
	return token, err
}

func pageProvider() *oauthtest.Server {
	srv := oauthtest.NewServer(&oauthtest.Options{Provider: oauthtest.ProviderEntra})
	return srv
}

// TestPage: the code of the page stands above, and what the page names exists.
func TestPage(t *testing.T) {
	_, _, _, _ = pageLogin, pageFaults, pageToken, pageProvider
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	// unindented is a text whose lines have no indentation.
	unindented := func(text string) string {
		return regexp.MustCompile(`(?m)^[\t ]+`).ReplaceAllString(text, "")
	}
	page, api := read("../docs/oauthtest.md"), read("../api/oauthtest.txt")
	source := unindented(read("page_test.go"))
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) < 6 {
		t.Fatalf("%d blocks of code", len(blocks))
	}
	whole := 0
	for _, block := range blocks {
		if strings.HasPrefix(block[1], "package ") {
			whole++
			if block[1] != read("../docs/oauthtest/shop_test.go") {
				t.Error("the whole test is not that of docs/oauthtest")
			}
		} else if !strings.Contains(source, unindented(block[1])) {
			t.Errorf("it is not compiled: %s", block[1])
		}
	}
	if whole != 1 {
		t.Errorf("%d whole tests", whole)
	}
	names := regexp.MustCompile("`((?:Provider|Part)[A-Z]\\w+|FatalFaults|AccessToken|IDToken|LogoutToken|Sign|Requests|Count)`")
	for _, m := range names.FindAllStringSubmatch(page, -1) {
		if !regexp.MustCompile(`(?m)^\S+ (?:\(\S+\) )?` + m[1] + `\b`).MatchString(api) {
			t.Errorf("there is no %s", m[1])
		}
	}
	program := read("cmd/oauthtest/main.go")
	for _, m := range regexp.MustCompile("(?:[` ])-(addr|insecure-listen|url|tls|root|path|jwt|interactive|provider)\\b").FindAllStringSubmatch(page, -1) {
		if !strings.Contains(program, `"`+m[1]+`"`) {
			t.Errorf("the command has no flag -%s", m[1])
		}
	}
	if len(oauthtest.Faults()) <= 120 {
		t.Errorf("%d faults, and the page says more than 120", len(oauthtest.Faults()))
	}
}
