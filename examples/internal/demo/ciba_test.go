package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
)

// A notification that is good ends the waiting, once. One that is no good is refused,
// and the program asks by itself.
func TestNotification(t *testing.T) {
	for fault, want := range map[oauthtest.Fault]int{
		"":                       http.StatusNoContent,
		oauthtest.PingWrongToken: http.StatusUnauthorized,
		oauthtest.PingWrongID:    http.StatusUnauthorized,
		oauthtest.PingMissingID:  http.StatusBadRequest,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			defer catch(t)
			asked := make(chan string, 1)
			s := detoured(t, "ciba", map[string]string{"backchannel_authentication_endpoint": "/bc-authorize"}, func(_ string, body []byte) []byte {
				var answer struct {
					ID string `json:"auth_req_id"`
				}
				check(json.Unmarshal(body, &answer))
				asked <- answer.ID
				return body
			})
			s.listen()
			s.register(oauthtest.Client{DeliveryMode: "ping", NotificationEndpoint: s.origin + "/notification"})
			if fault != "" {
				s.Server.Fault(fault)
			}
			p := s.start()
			if got := must(s.Server.ApproveBackchannel(<-asked, "")); got != want {
				t.Errorf("status %d, want %d", got, want)
			}
			err, text := p.wait(), s.printed(t)
			refused := strings.Contains(text, "refused a notification: ") && strings.Contains(text, "No notification has come.\n")
			if err != nil || refused != (want != http.StatusNoContent) || !strings.Contains(text, "\nsub: \"alice\"\n") {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

// The phone shows what the agent reads out.
func TestBindingMessage(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "ciba", nil)
	s.Play()
	shown := fmt.Sprintf(`Read out %s\nphone: shows %[1]s; the customer hears %[1]s\n`, s.sent("binding_message"))
	if !regexp.MustCompile(shown).MatchString(s.printed(t)) || len(s.sent("binding_message")) != 6 {
		t.Errorf("no %q\n%s", shown, s.printed(t))
	}
}
