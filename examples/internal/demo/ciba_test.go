package demo

import (
	"regexp"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

// A notification that is no good is refused, and the program asks by itself.
func TestBadNotification(t *testing.T) {
	t.Parallel()
	for fault, answer := range map[oauthtest.Fault]string{
		oauthtest.PingWrongToken: "status 401",
		oauthtest.PingWrongID:    "status 401",
		oauthtest.PingMissingID:  "status 400",
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s, ctx := stageFor(t, "ciba", nil)
			if err := s.setPing(); err != nil {
				t.Fatal(err)
			}
			s.Server.Fault(fault)
			err := s.confirm(ctx)
			text := s.printed(t)
			for _, want := range []string{answer, "refused a notification: ", "No notification has come.\n", "\nsub: \"alice\"\n"} {
				if !strings.Contains(text, want) {
					t.Errorf("no %q: %v\n%s", want, err, text)
				}
			}
		})
	}
}

// The phone shows what the agent reads out.
func TestBindingMessage(t *testing.T) {
	t.Parallel()
	s, ctx := stageFor(t, "ciba", nil)
	s.register(oauthtest.Client{})
	if err := s.confirm(ctx); err != nil {
		t.Fatal(err)
	}
	read := regexp.MustCompile(`Read out (\w{6})\nphone: shows (\w{6});`).FindStringSubmatch(s.printed(t))
	if read == nil || read[1] != read[2] {
		t.Errorf("%q\n%s", read, s.printed(t))
	}
}
