package application

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"example.com/oauth/oauthtest"
	"golang.org/x/oauth2"
)

const redirectURL = "https://app.example.com/cb"

// newProvider is the server of all tests: an RSA key takes longer than a login.
func newProvider(t *testing.T) *oauthtest.Server {
	t.Helper()
	srv := oauthtest.NewServer(nil)
	t.Cleanup(srv.Close)
	srv.AddClient(oauthtest.Client{ID: "web", Secret: "a secret that only the two know", RedirectURIs: []string{redirectURL}})
	return srv
}

// login opens the application as a new user does, and returns the page at the end.
func login(t *testing.T, srv *oauthtest.Server) (page string, err error) {
	t.Helper()
	app, err := New(t.Context(), srv.Issuer(), "web", "a secret that only the two know", redirectURL, srv.Client())
	if err != nil {
		return "", err
	}
	first := httptest.NewRecorder()
	app.ServeHTTP(first, httptest.NewRequest(http.MethodGet, "https://app.example.com/login", nil))
	callback, err := srv.Authorize(t.Context(), first.Header().Get("Location"))
	if err != nil {
		return "", err
	}
	cookie := first.Result().Cookies()[0]
	callback.AddCookie(cookie)
	app.ServeHTTP(httptest.NewRecorder(), callback)
	home := httptest.NewRequest(http.MethodGet, "https://app.example.com/", nil)
	home.AddCookie(cookie)
	last := httptest.NewRecorder()
	app.ServeHTTP(last, home)
	return last.Body.String(), nil
}

func TestLogin(t *testing.T) {
	if page, err := login(t, newProvider(t)); page != "Hello, alice" || err != nil {
		t.Error(page, err)
	}
}

// TestFaults: with what a client must not accept, nobody is logged in; with what is
// harmless, the user is.
func TestFaults(t *testing.T) {
	srv := newProvider(t)
	fatal := oauthtest.FatalFaults()
	if len(fatal) < 20 {
		t.Fatalf("only %d faults", len(fatal))
	}
	for _, fault := range oauthtest.Faults() {
		if !slices.Contains(fatal, fault) && fault.Effect() != oauthtest.EffectHarmless {
			continue
		}
		srv.Fault(fault)
		page, err := login(t, srv)
		srv.Fault()
		if loggedIn := strings.HasPrefix(page, "Hello"); loggedIn == slices.Contains(fatal, fault) {
			t.Errorf("%s, of the %s: the page is %q, %v", fault, fault.Part(), page, err)
		}
	}
}

// TestProviders: the same application, at providers with their own habits.
func TestProviders(t *testing.T) {
	for _, provider := range []oauthtest.Provider{oauthtest.ProviderEntra, oauthtest.ProviderGoogle} {
		srv := oauthtest.NewServer(&oauthtest.Options{Provider: provider})
		t.Cleanup(srv.Close)
		srv.AddClient(oauthtest.Client{ID: "web", Secret: "a secret that only the two know", RedirectURIs: []string{redirectURL}})
		if page, err := login(t, srv); page != "Hello, alice" || err != nil {
			t.Errorf("%s: %q, %v", provider, page, err)
		}
	}
}

// TestGitHub: x/oauth2 alone, with its own way to find out how a secret is sent, and an
// API for the user.
func TestGitHub(t *testing.T) {
	srv := oauthtest.NewServer(&oauthtest.Options{Provider: oauthtest.ProviderGitHub})
	t.Cleanup(srv.Close)
	srv.AddClient(oauthtest.Client{ID: "web", Secret: "a secret that only the two know", RedirectURIs: []string{redirectURL}})
	config := oauth2.Config{
		ClientID: "web", ClientSecret: "a secret that only the two know", RedirectURL: redirectURL, Scopes: []string{"user:email"},
		Endpoint: oauth2.Endpoint{AuthURL: srv.URL() + "/login/oauth/authorize", TokenURL: srv.URL() + "/login/oauth/access_token"},
	}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, srv.Client())
	callback, err := srv.Authorize(ctx, config.AuthCodeURL("state"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := config.Exchange(ctx, callback.FormValue("code"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := config.Client(ctx, token).Get(srv.URL() + "/user")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var user struct {
		Login string
		ID    int64
	}
	if err := json.NewDecoder(resp.Body).Decode(&user); err != nil || user.Login != "alice" || user.ID == 0 {
		t.Error(user, err)
	}
	if _, err := config.Exchange(ctx, callback.FormValue("code")); err == nil {
		t.Error("the code is good twice")
	}
}
