package oauth_test

import (
	"net/http"
	"net/url"
	"strings"

	"example.com/oauth"
)

// A proxy can ask a service about each request before it passes the request on: Traefik
// with ForwardAuth, nginx with auth_request, Envoy with ext_authz. The service then sees a
// request of the proxy's own. Method and URL of the original request, which a DPoP proof
// is for, come in header fields that the proxy sets and takes out of what clients send.
// The origin comes from the configuration.
func ExampleResourceServer_AuthenticateCredential_forwardAuth() {
	var rs *oauth.ResourceServer
	handler := func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		called, err := url.Parse("https://api.example.com" + r.Header.Get("X-Forwarded-Uri"))
		if err != nil {
			http.Error(w, "the URL of the original request cannot be read", http.StatusBadRequest)
			return
		}
		t, err := rs.AuthenticateCredential(r.Context(), oauth.Credential{
			Scheme: scheme, Token: strings.TrimLeft(token, " "), Proof: r.Header.Get("DPoP"),
			Method: r.Header.Get("X-Forwarded-Method"), URL: called,
		})
		if err == nil {
			err = rs.Check(t, oauth.Requirement{Scope: []string{"orders"}})
		}
		if err != nil {
			rs.WriteError(w, err) // which the proxy passes on to the client
			return
		}
		w.Header().Set("X-Subject", t.Subject()) // for the API behind the proxy
	}
	http.HandleFunc("/forward-auth", handler)
}
