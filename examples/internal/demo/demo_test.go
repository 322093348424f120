package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth/examples/internal/env"
	"example.com/oauth/oauthtest"
)

var programs string // the directory that the programs are built in

func TestMain(m *testing.M) {
	if os.Getenv("OAUTH_BROWSER") != "" { // this is the browser, which follows redirects
		client, err := env.Trusting(os.Getenv("OAUTH_CA"))
		if err == nil {
			_, err = client.Get(os.Args[1])
		}
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// buildAndRun builds the programs as the test is built.
func buildAndRun(m *testing.M) (code int, err error) {
	if programs, err = os.MkdirTemp("", "oauth-examples-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(programs)
	args := []string{"build", "-buildvcs=false", "-o", programs + string(filepath.Separator)}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "../../...")...)
	cmd.Env = append(os.Environ(), "GODEBUG=") // the mode of the test is not that of the compiler
	if printed, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build: %v\n%s", err, printed)
	}
	return m.Run(), nil
}

// stageFor is a stage for a test that looks at what is printed.
func stageFor(t *testing.T, program string, edit func(*oauthtest.Options)) *Stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	s := newStage(ctx, program, filepath.Join(programs, program), new(bytes.Buffer), edit)
	t.Cleanup(s.Close)
	return s
}

// catch is deferred by tests: the failure of a step is that of the test.
func catch(t *testing.T) {
	t.Helper()
	switch r := recover().(type) {
	case nil:
	case failure:
		t.Error(r.error)
	default:
		panic(r)
	}
}

// printed is what stands on the screen, and what must not is an error.
func (s *Stage) printed(t *testing.T) string {
	t.Helper()
	text := s.screen.read()
	// The URL that the user opens has state and nonce in it.
	said := regexp.MustCompile(`(?m)^To log in, open .*$`).ReplaceAllString(text, "")
	seen := 0
	for _, secret := range s.secrets() {
		if secret == "" {
			continue
		}
		if seen++; strings.Contains(said, secret) {
			t.Errorf("a secret is printed: %.20s…", secret)
		}
	}
	if seen == 0 {
		t.Error("there was no secret to look for")
	}
	return text
}

// secrets returns what was secret in the requests to the server and from it, or of
// use once only.
func (s *Stage) secrets() []string {
	found := []string{s.settings["OAUTH_CLIENT_SECRET"], initialToken}
	for _, r := range s.Server.Requests() {
		_, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		found = append(found, credential, r.Header.Get("DPoP"))
		for _, name := range []string{
			"state", "nonce", "code", "code_verifier", "client_assertion", "refresh_token", "token", "subject_token",
			"id_token_hint", "request_uri", "device_code", "auth_req_id", "client_notification_token",
		} {
			found = append(found, r.Query.Get(name), r.Form.Get(name))
		}
	}
	for _, l := range s.Server.BackchannelLogouts() {
		found = append(found, l.Token)
	}
	return found
}

// Every program does what its demonstration shows. With a server that does not keep
// to the rules it says what is wrong, and of nobody that they logged in. The row of
// one that goes well has a sub.
func TestPrograms(t *testing.T) {
	for _, tt := range []struct {
		program string
		fault   oauthtest.Fault // empty: there is none
		want    []string        // is printed; $ISSUER stands for the server's
	}{
		{"login", "", []string{
			"\nserver: POST /token\n", "shows (200 OK)\n", "\nsub: alice\niss: $ISSUER\n",
			"/auth/backchannel-logout/op, which answered with status 200\n", "\n<a href=\"/auth/login\">Log in</a>\n", "The token is good until ",
		}},
		{"login", oauthtest.WrongNonce, []string{"the login failed: ", "nonce", "shows (403 Forbidden)\n", "<h1>The login failed</h1>"}},
		{"login", oauthtest.WrongSignature, []string{"the login failed: ", "signature", "<h1>The login failed</h1>"}},
		{"login", oauthtest.WrongIss, []string{"the login failed: ", "iss", "<h1>The login failed</h1>"}},
		{"login", oauthtest.TokenHTML, []string{"the login failed: ", "<h1>The login service cannot be reached</h1>"}},
		{"login", oauthtest.ErrorAndCode, []string{"the login failed: ", "<h1>You did not give access</h1>"}},
		{"login", oauthtest.WrongState, []string{"shows (403 Forbidden)\n", "<h1>This login was not started here</h1>"}},
		{"login", oauthtest.DiscoveryWrongIssuer, []string{"issuer"}},
		{"cli", "", []string{
			"\nTo log in, open $ISSUER/authorize?", "browser: shows \"You are logged in", "The API answers 200.\n", "\nsub: \"alice\"\n",
			"---- the next time\n",
		}},
		{"cli", oauthtest.WrongNonce, []string{"browser: shows \"The login failed", "nonce"}},
		{"cli", oauthtest.ErrorAndCode, []string{"browser: shows \"The login failed"}},
		{"cli", oauthtest.TokenErrorWith200, []string{"browser: shows \"The login failed"}},
		{"service", "", []string{"The API answers 200.\n", "\nsub: \"service-example\"\n", "server: POST /revoke\n"}},
		{"service", oauthtest.ResourceExpiredOnce, []string{"The API answers 200.\n", "\nsub: \"service-example\"\n"}},
		{"service", oauthtest.ResourceRejects, []string{"the API answers 401", "server: POST /revoke\n"}},
		{"service", oauthtest.WrongTokenType, []string{"token_type"}},
		{"api", "", []string{
			" with 401: oauth: resource server: nonce", " with 401: oauth: resource server: auth_time", "client: GET is answered with 200",
			"error=\"insufficient_user_authentication\"", "client: alice has logged in", "\"client_id\":\"shop\"", "\nsub: \"alice\"\n",
		}},
		{"api", oauthtest.DiscoveryWrongIssuer, []string{"issuer"}},
		{"apiclient", "", []string{"The API answers 200.\n", "\nsub: \"apiclient-example\"\n"}},
		{"apiclient", oauthtest.ResourceMetadataWrongResource, []string{"resource"}},
		{"apiclient", oauthtest.ResourceMetadataWithoutServers, []string{"authorization servers"}},
		{"apiclient", oauthtest.DPoPUnboundToken, []string{"token_type"}},
		{"apiclient", oauthtest.ResourceRejects, []string{"the API answers 401"}},
		{"exchange", "", []string{
			"invalid_scope", "client: GET is answered with 403 ", "error=\"insufficient_scope\"", "client: GET is answered with 200",
			"\"client_id\":\"exchange-example\",\"scope\":\"orders\"", "client: GET is answered with 401 ", "\nsub: \"alice\"\n",
		}},
		{"exchange", oauthtest.DiscoveryWrongIssuer, []string{"issuer"}},
		{"ciba", "", []string{"The phone is asked. Read out ", "phone: shows ", "\nsub: \"alice\"\niss: \"$ISSUER\"\n"}},
		{"ciba", oauthtest.PollDenied, []string{"access_denied"}},
		{"ciba", oauthtest.PollExpired, []string{"expired_token"}},
		{"ciba", oauthtest.MissingAuthReqID, []string{"auth_req_id"}},
		{"ciba", oauthtest.MissingIDToken, []string{"id_token"}},
		{"ciba", oauthtest.WrongSignature, []string{"signature"}},
		{"fapi2", "", []string{"server: POST /par\n", "The API answers {", "\nsub: \"alice\"\niss: \"$ISSUER\"\n"}},
		{"fapi2", oauthtest.PARError, []string{"the login failed: ", "pushed authorization"}},
		{"fapi2", oauthtest.JARMDowngrade, []string{"the login failed: ", "shows (403 Forbidden)\n", "<h1>The login failed</h1>"}},
		{"fapi2", oauthtest.WrongNonce, []string{"the login failed: ", "nonce", "<h1>The login failed</h1>"}},
		{"fapi2", oauthtest.DPoPUnboundToken, []string{"the login failed: ", "token_type", "<h1>The login failed</h1>"}},
		{"fapi2", oauthtest.ResourceRejects, []string{"the login failed: the API answers 401", "shows (502 Bad Gateway)\nThe login failed.\n"}},
		{"mcp", "", []string{
			"server: GET /.well-known/oauth-authorization-server\nserver: POST /register\n", "&scope=tools%3Aread&", "whoami:\nsub: \"alice\"\n",
			"&scope=tools%3Aread+tools%3Awrite&", "restart:\nsub: \"alice\"\n", "\nsub: \"alice\"\n",
		}},
		{"mcp", oauthtest.DiscoveryWrongIssuer, []string{"issuer"}},
		{"mcp", oauthtest.RegistrationWithoutClientID, []string{"client_id"}},
		{"mcp", oauthtest.WrongState, []string{"browser: shows \"The login failed", "state"}},
		{"register", "", []string{
			"\nRegistered as ", "\nTo log in, open ", "server: DELETE /registration", "\nsub: \"alice\"\n",
		}},
		{"register", oauthtest.WrongNonce, []string{"nonce", "browser: shows \"The login failed"}},
		{"register", oauthtest.RegistrationHTTPClientURI, []string{"registration_client_uri"}},
		{"device", "", []string{"\nTo log in, open $ISSUER/device on any device and enter ", "\nsub: \"alice\"\n"}},
		{"device", oauthtest.PollDenied, []string{"access_denied"}},
		{"device", oauthtest.PollExpired, []string{"expired_token"}},
		{"device", oauthtest.WrongAudience, []string{"aud"}},
	} {
		t.Run(tt.program+" "+string(tt.fault), func(t *testing.T) {
			t.Parallel()
			s := stageFor(t, tt.program, nil)
			if tt.fault != "" {
				s.Server.Fault(tt.fault)
			}
			err := try(s.Play)
			text := s.printed(t)
			named := func(want string) bool { return strings.HasPrefix(want, "\nsub: ") }
			good := slices.ContainsFunc(tt.want, named)
			if (err == nil) != good || regexp.MustCompile(`(?m)^sub: `).MatchString(text) != good || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(text, strings.ReplaceAll(want, "$ISSUER", s.Server.Issuer())) {
					t.Errorf("no %q:\n%s", want, text)
				}
			}
		})
	}
}

// Every program that there is has a demonstration, and is in the table.
func TestEveryProgramIsShown(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(programs, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var built []string
	for _, file := range files {
		// A test of its own shows router, from whose routes nothing is to be seen.
		if name := strings.TrimSuffix(filepath.Base(file), ".exe"); name != "demo" && name != "router" {
			built = append(built, name)
		}
	}
	var listed []string
	for _, line := range Programs() {
		name, about, _ := strings.Cut(line, " ")
		if listed = append(listed, name); strings.TrimSpace(about) == "" {
			t.Errorf("%s: what does it show?", name)
		}
	}
	if !slices.Equal(built, listed) {
		t.Errorf("there are %q, and shown are %q", built, listed)
	}
	demo := func(args ...string) (string, error) {
		printed, err := exec.CommandContext(t.Context(), filepath.Join(programs, "demo"), args...).CombinedOutput()
		return string(printed), err
	}
	if printed, err := demo(); err != nil || printed != strings.Join(Programs(), "\n")+"\n" {
		t.Errorf("%v\n%s", err, printed)
	}
	if printed, err := demo("device"); err != nil || !strings.HasSuffix(printed, "\nsub: \"alice\"\n") {
		t.Errorf("%v\n%s", err, printed)
	}
	if printed, err := demo("internal/demo"); err == nil {
		t.Errorf("it runs what is no program:\n%s", printed)
	}
}

// Settings without an issuer are a mistake, and not a demonstration. So are other ones
// that are missing or do not fit.
func TestSettings(t *testing.T) {
	for setting, want := range map[string]string{
		"login OAUTH_CLIENT_ID=web":                            "OAUTH_CLIENT_ID is set, and OAUTH_ISSUER is not",
		"cli OAUTH_ISSUER=http://127.0.0.1:1":                  "use https",
		"cli OAUTH_ISSUER=https://127.0.0.1:1":                 "refused",
		"cli OAUTH_CA=none.pem OAUTH_ISSUER=https://a.test":    "none.pem",
		"cli OAUTH_CA=demo.go OAUTH_ISSUER=https://a.test":     "no certificate",
		"service OAUTH_ISSUER=https://a.test":                  "OAUTH_KEY is not set",
		"fapi2 OAUTH_ISSUER=https://a.test OAUTH_KEY=none.pem": "none.pem",
	} {
		words := strings.Fields(setting)
		cmd := exec.CommandContext(t.Context(), filepath.Join(programs, words[0]))
		cmd.Env = append(os.Environ(), words[1:]...)
		if printed, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(printed), want) {
			t.Errorf("%s: %v\n%s", setting, err, printed)
		}
	}
}

// The certificate of the server is checked.
func TestServerNotTrusted(t *testing.T) {
	t.Parallel()
	s := stageFor(t, "device", nil)
	delete(s.settings, "OAUTH_CA")
	if err := try(s.Play); err == nil || !strings.Contains(s.screen.read(), "certificate") || len(s.Server.Requests()) != 0 {
		t.Errorf("%v\n%s", err, s.screen.read())
	}
}
