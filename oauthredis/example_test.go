package oauthredis_test

import (
	"log"
	"net/http"

	"example.com/oauth"
	"example.com/oauth/oauthredis"
	"example.com/oauth/weblogin"
	"github.com/redis/go-redis/v9"
)

// An API that runs as several processes.
func Example() {
	var (
		as     *oauth.AuthorizationServer // of oauth.Discover
		orders http.Handler
	)
	client := redis.NewClient(&redis.Options{Addr: "redis.internal:6379"}) // or a failover or cluster client
	api, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example.com",
		Servers:  []oauth.TrustedServer{{Server: as}},
		Replay:   oauthredis.New(client, nil),
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/orders", api.Require(oauth.Requirement{}, orders))
}

// A web application whose processes have the same sessions.
func ExampleNewSessionStore() {
	var (
		login *oauth.Client // of oauth.NewClientFromIssuer
		key   []byte        // 32 random bytes, which all processes share
	)
	client := redis.NewClient(&redis.Options{Addr: "redis.internal:6379"})
	handler, err := weblogin.New(weblogin.Config{
		BaseURL:   "https://app.example.com",
		Keys:      [][]byte{key},
		Store:     oauthredis.NewSessionStore(client, nil),
		Replay:    oauthredis.New(client, nil), // logout tokens are used once
		Providers: []weblogin.Provider{{Client: login, Tokens: true, BackchannelLogout: true}},
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/auth/", handler)
}
