// Command login-oauth is a web application with a login, by package oauth as its README
// has it.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync"

	"example.com/oauth"
)

// main takes the issuer, the client id and the client secret. It prints begin, and
// then its address when it is ready.
func main() {
	if len(os.Args) < 4 {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("begin")
	server, err := oauth.Discover(context.Background(), os.Args[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:   server,
		Metadata: oauth.ClientMetadata{ClientID: os.Args[2]},
		Auth:     oauth.ClientSecretBasic(os.Args[3]),
	})
	if err != nil {
		log.Fatal(err)
	}
	redirectURI := "http://" + listener.Addr().String() + "/callback"
	var pending sync.Map // by state; a real program keeps them in the session of the browser
	http.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		a, err := client.StartAuthorization(r.Context(), &oauth.AuthorizationRequest{RedirectURI: redirectURI, Scope: []string{"openid"}})
		if err != nil {
			fail(w, err)
			return
		}
		pending.Store(a.State(), a)
		http.Redirect(w, r, a.URL(), http.StatusFound)
	})
	http.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		state, err := client.ResponseState(r)
		if err != nil {
			fail(w, err)
			return
		}
		a, found := pending.LoadAndDelete(state)
		if !found {
			http.Error(w, "no such login", http.StatusForbidden)
			return
		}
		token, err := client.FinishAuthorization(r, a.(*oauth.PendingAuthorization), nil)
		if err != nil {
			fail(w, err)
			return
		}
		fmt.Fprint(w, token.Subject())
	})
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

func fail(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "login failed", http.StatusForbidden)
}
