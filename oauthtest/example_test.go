package oauthtest_test

import (
	"context"
	"fmt"
	"log"
	"net/url"

	"example.com/oauth/oauthtest"
)

func ExampleServer_Authorize() {
	srv := oauthtest.NewServer(nil)
	defer srv.Close()
	srv.AddClient(oauthtest.Client{
		ID:           "web",
		Secret:       "a secret that only the two know",
		RedirectURIs: []string{"https://app.example.com/cb"},
	})

	// A client package makes this URL.
	authorizationURL := srv.URL() + "/authorize?" + url.Values{
		"response_type": {"code"},
		"client_id":     {"web"},
		"redirect_uri":  {"https://app.example.com/cb"},
		"scope":         {"openid"},
		"state":         {"af0ifjsldkj"},
	}.Encode()

	callback, err := srv.Authorize(context.Background(), authorizationURL)
	if err != nil {
		log.Fatal(err)
	}
	params := callback.URL.Query()
	fmt.Println(callback.Method, callback.URL.Host, params.Get("state"), params.Has("code"))

	srv.Fault(oauthtest.MissingState)
	callback, err = srv.Authorize(context.Background(), authorizationURL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(callback.URL.Query().Has("state"))
	// Output:
	// GET app.example.com af0ifjsldkj true
	// false
}
