package oauthredis_test

import (
	"log"
	"net/http"

	"example.com/oauth"
	"example.com/oauth/oauthredis"
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
