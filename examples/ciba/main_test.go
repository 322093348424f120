package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// Of two notifications one has an effect, and one with another token has none.
func TestInbox(t *testing.T) {
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
	in := &inbox{answered: make(chan *oauth.BackchannelAuthentication, 1)}
	notify := func(authorization string) int {
		r := httptest.NewRequest(http.MethodPost, "/notification", bytes.NewReader(body))
		r.Header = header.Clone()
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		in.ServeHTTP(w, r)
		if (w.Code == http.StatusUnauthorized) != (w.Header().Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("status %d with the header %v", w.Code, w.Header())
		}
		return w.Code
	}
	early := notify("")
	in.expect(b)
	got := fmt.Sprint(early, notify("Bearer x"), notify(""), notify(""), len(in.answered))
	if want := "401 401 204 401 1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
