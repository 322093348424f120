package oauthtest_test

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"testing"

	"example.com/oauth/oauthtest"
)

// certificateClient is an HTTP client with a certificate.
func certificateClient(t *testing.T, s *oauthtest.Server, cert tls.Certificate) *http.Client {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs:      s.RootCAs(),
		Certificates: []tls.Certificate{cert},
	}}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func TestRevocation(t *testing.T) {
	for _, tt := range []struct {
		name, token, client string
		status              int
		access, refresh     bool // still good
	}{
		{"access token", "access_token", "app", 200, false, true},
		{"refresh token", "refresh_token", "app", 200, false, false},
		{"garbage", "", "app", 200, true, true},
		{"access token of another client", "access_token", "other", 400, true, true},
		{"refresh token of another client", "refresh_token", "other", 400, true, true},
		{"unknown client", "access_token", "nobody", 400, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, nil)
			s.AddClient(oauthtest.Client{ID: "other"})
			tokens := redeem(t, s, map[string]string{"scope": "openid offline_access"})
			value := "garbage"
			if tt.token != "" {
				value = tokens.str(tt.token)
			}
			form := url.Values{"token": {value}, "client_id": {tt.client}, "token_type_hint": {"pat"}}
			a := post(t, s.Client(), s.URL()+"/revoke", form, nil)
			if a.status != tt.status || a.status == 200 && a.body != "" {
				t.Errorf("%d %q, want %d", a.status, a.body, tt.status)
			}
			if a := get(t, s, s.URL()+"/userinfo", tokens.str("access_token")); (a.status == 200) != tt.access {
				t.Errorf("access token: %d", a.status)
			}
			refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {tokens.str("refresh_token")}}
			if a := post(t, s.Client(), s.URL()+"/token", refresh, nil); (a.status == 200) != tt.refresh {
				t.Errorf("refresh token: %d %s", a.status, a.body)
			}
		})
	}
	s := newServer(t, nil)
	if a := post(t, s.Client(), s.URL()+"/revoke", url.Values{"client_id": {"app"}}, nil); a.str("error") != "invalid_request" {
		t.Errorf("no token: %s", a.body)
	}
}
