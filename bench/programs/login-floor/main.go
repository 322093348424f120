// Command login-floor is a web server that calls another one and verifies nothing: the
// part of a login program that has nothing to do with a login.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	http.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		response, err := http.Get(os.Args[1])
		if err != nil {
			http.Error(w, "login failed", http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		n, err := io.Copy(io.Discard, response.Body)
		fmt.Fprintln(w, n, err)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:0", nil))
}
