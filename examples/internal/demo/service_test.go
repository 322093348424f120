package demo

import (
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"testing"

	"example.com/oauth/oauthtest"
)

// Whatever goes wrong, and also after Ctrl-C, a token that there is is revoked.
func TestServiceRevokes(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "service", nil)
	called := make(chan *http.Request)
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called <- r
		<-r.Context().Done()
	}))
	defer api.Close()
	s.trust(api.Certificate().Raw)
	s.settings["OAUTH_API"] = api.URL
	p := s.start()
	<-called
	if runtime.GOOS == "windows" {
		api.CloseClientConnections()
	} else {
		check(p.cmd.Process.Signal(os.Interrupt))
	}
	if err := p.wait(); err == nil || s.Server.Count("/token") != 1 || s.Server.Count("/revoke") != 1 {
		t.Errorf("%v, %d tokens, %d revoked\n%s", err, s.Server.Count("/token"), s.Server.Count("/revoke"), s.printed(t))
	}
	if scope := s.sent("scope"); scope != "orders" {
		t.Errorf("scope %q", scope)
	}
}

// A server need not have the endpoint for that. If it has one that fails, the program
// says so.
func TestServiceCannotRevoke(t *testing.T) {
	t.Parallel()
	defer catch(t)
	s := stageFor(t, "service", nil)
	s.Server.Fault(oauthtest.RevocationFails)
	if err := try(s.Play); err == nil {
		t.Errorf("no error\n%s", s.printed(t))
	}
	s = stageFor(t, "service", func(o *oauthtest.Options) {
		o.EditMetadata = func(m map[string]any) { delete(m, "revocation_endpoint") }
	})
	s.Play()
	s.printed(t)
}
