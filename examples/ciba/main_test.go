package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// One with another token has no effect, and of two good ones each may come first.
func TestNotifications(t *testing.T) {
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	var body []byte
	var header http.Header
	keep := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header.Clone()
	}))
	defer keep.Close()
	srv.AddClient(oauthtest.Client{ID: "desk", Secret: "x", DeliveryMode: "ping", NotificationEndpoint: keep.URL})
	server, err := oauth.Discover(t.Context(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:     server,
		Metadata:   oauth.ClientMetadata{ClientID: "desk", BackchannelTokenDeliveryMode: "ping"},
		Auth:       oauth.ClientSecretBasic("x"),
		HTTPClient: srv.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := client.StartBackchannelAuthentication(t.Context(), &oauth.BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := srv.ApproveBackchannel(b.AuthReqID(), ""); err != nil {
		t.Fatal(err)
	}
	answered := 0
	handler := notifications(b, func() { answered++ })
	notify := func(authorization string) int {
		r := httptest.NewRequest(http.MethodPost, "/notification", bytes.NewReader(body))
		r.Header = header.Clone()
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if (w.Code == http.StatusUnauthorized) != (w.Header().Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("status %d with the header %v", w.Code, w.Header())
		}
		return w.Code
	}
	for _, tt := range []struct {
		authorization, body string
		status, answered    int
	}{
		{"Bearer x", string(body), 401, 0},
		{"Basic x", string(body), 401, 0},
		{"", `{}`, 400, 0},
		{"", `{"auth_req_id":"another"}`, 401, 0},
		{"", string(body), 204, 1},
		{"", string(body), 204, 2},
	} {
		body = []byte(tt.body)
		if status := notify(tt.authorization); status != tt.status || answered != tt.answered {
			t.Errorf("%v: status %d, answered %d times", tt, status, answered)
		}
	}
}
