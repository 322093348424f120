package loopback

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// One response ends the login, whatever it is.
func TestOneResponse(t *testing.T) {
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{ID: "tool", RedirectURIs: []string{"http://127.0.0.1/callback"}})
	server, err := oauth.Discover(t.Context(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server: server, Metadata: oauth.ClientMetadata{ClientID: "tool"}, Auth: oauth.PublicClient(), HTTPClient: srv.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		forged bool
		status int
		kind   error
	}{
		"good":   {false, http.StatusOK, nil},
		"forged": {true, http.StatusForbidden, oauth.ErrState},
	} {
		auth, err := client.StartAuthorization(t.Context(), &oauth.AuthorizationRequest{
			RedirectURI: "http://127.0.0.1:4711/callback", Scope: []string{"openid"},
		})
		if err != nil {
			t.Fatal(err)
		}
		good, err := srv.Authorize(t.Context(), auth.URL())
		if err != nil {
			t.Fatal(err)
		}
		first := good.Clone(t.Context())
		if tt.forged {
			first.URL.RawQuery = url.Values{"code": {"x"}, "state": {"y"}, "iss": {srv.Issuer()}}.Encode()
		}
		before := srv.Count("/token")
		done := make(chan outcome, 2)
		handler := callback(t.Context(), client, auth, done)
		for i, want := range []int{tt.status, http.StatusGone} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, []*http.Request{first, good}[i])
			if w.Code != want {
				t.Errorf("%s, response %d: status %d, want %d", name, i, w.Code, want)
			}
		}
		if o := <-done; !errors.Is(o.err, tt.kind) || (o.token == nil) != tt.forged || len(done) != 0 {
			t.Errorf("%s: %v, %v, and %d more", name, o.token, o.err, len(done))
		}
		if n := srv.Count("/token") - before; (n == 0) != tt.forged || n > 1 {
			t.Errorf("%s: %d token requests", name, n)
		}
	}
}
