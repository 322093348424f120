// Package google runs a client of a Google API on a token of package oauth.
package google

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/xoauth2"
	"google.golang.org/api/option"
	"google.golang.org/api/tasks/v1"
)

// TestTasks: the client of Google's API for tasks asks an endpoint that is not Google's,
// with a token that package oauth renews meanwhile.
func TestTasks(t *testing.T) {
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, AccessTokenLifetime: 2 * time.Second})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{ID: "job", Secret: "a secret that only the two know"})
	as, err := oauth.Discover(t.Context(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server: as, Metadata: oauth.ClientMetadata{ClientID: "job"},
		Auth: oauth.ClientSecretBasic("a secret that only the two know"), HTTPClient: srv.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]int{}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if _, err := client.Introspect(r.Context(), token, nil); scheme != "Bearer" || err != nil {
			http.Error(w, "not a good token", http.StatusUnauthorized)
			return
		}
		mu.Lock()
		seen[token]++
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"items":[{"title":"write a test"}]}`))
	}))
	defer api.Close()
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{"https://tasks.googleapis.com"},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, nil)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	source, err := xoauth2.TokenSource(t.Context(), transport)
	if err != nil {
		t.Fatal(err)
	}
	service, err := tasks.NewService(t.Context(), option.WithTokenSource(source), option.WithEndpoint(api.URL))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		list, err := service.Tasks.List("inbox").Do()
		if err != nil || len(list.Items) != 1 || list.Items[0].Title != "write a test" {
			t.Fatal(list, err)
		}
		time.Sleep(2 * time.Second)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 2 {
		t.Errorf("the endpoint saw %d tokens, want 2", len(seen))
	}
}
