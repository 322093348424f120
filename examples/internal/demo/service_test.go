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
	s, ctx := stageFor(t, "service", nil)
	called := make(chan *http.Request)
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called <- r
		<-r.Context().Done()
	}))
	defer api.Close()
	if err := s.trust(api.Certificate().Raw); err != nil {
		t.Fatal(err)
	}
	jwks, err := s.makeKey()
	if err != nil {
		t.Fatal(err)
	}
	s.register(oauthtest.Client{AuthMethod: "private_key_jwt", JWKS: jwks})
	s.settings["OAUTH_API"] = api.URL
	p, err := s.start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	<-called
	if runtime.GOOS == "windows" {
		api.CloseClientConnections()
	} else if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(); err == nil || s.Server.Count("/token") != 1 || s.Server.Count("/revoke") != 1 {
		t.Errorf("%v, %d tokens, %d revoked\n%s", err, s.Server.Count("/token"), s.Server.Count("/revoke"), s.printed(t))
	}
}

// A server need not have endpoints for what comes at the end.
func TestServiceWithoutEndpoints(t *testing.T) {
	t.Parallel()
	s, ctx := stageFor(t, "service", nil)
	s.mu.Lock()
	s.endpoints["introspection_endpoint"], s.endpoints["revocation_endpoint"] = "", ""
	s.mu.Unlock()
	if err := s.Play(ctx); err != nil || s.Server.Count("/resource") != 1 {
		t.Errorf("%v\n%s", err, s.printed(t))
	}
}
