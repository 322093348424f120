package main

import (
	"context"
	"net/http"

	"example.com/oauth"
)

// This file has the ways in which the tables use package oauth. All are of its public
// API, with all checks on.

// newClient returns a Client of is that verifies ID tokens of one algorithm.
func newClient(is *issuer, alg string) *oauth.Client {
	return must(oauth.NewClient(oauth.Config{
		Server:     &oauth.AuthorizationServer{Issuer: is.url, JWKSURI: is.jwksURI()},
		Metadata:   oauth.ClientMetadata{ClientID: clientID, IDTokenSignedResponseAlg: oauth.Algorithm(alg)},
		HTTPClient: is.client(),
	}))
}

// ourIDToken verifies an ID token with a Client.
func ourIDToken(is *issuer, alg string) verifyFunc {
	client := newClient(is, alg)
	options := oauth.VerifyIDTokenOptions{Nonce: nonce}
	return func(raw string) (string, error) {
		id, err := client.VerifyIDToken(context.Background(), raw, options)
		return id.Subject(), err
	}
}

// newAPI returns a ResourceServer that trusts the issuers. change may be nil.
func newAPI(change func(*oauth.ResourceServerConfig), issuers ...*issuer) *oauth.ResourceServer {
	config := oauth.ResourceServerConfig{Resource: apiURL}
	hosts := hostRouter{}
	for _, is := range issuers {
		config.Servers = append(config.Servers, oauth.TrustedServer{Server: &oauth.AuthorizationServer{Issuer: is.url, JWKSURI: is.jwksURI()}})
		hosts[is.url] = is
	}
	config.HTTPClient = &http.Client{Transport: hosts}
	if change != nil {
		change(&config)
	}
	return must(oauth.NewResourceServer(config))
}

// hostRouter sends requests to the issuer whose URL they have.
type hostRouter map[string]*issuer

func (h hostRouter) RoundTrip(r *http.Request) (*http.Response, error) {
	return h[r.URL.Scheme+"://"+r.URL.Host].RoundTrip(r)
}

// apiRequest returns a request with this Authorization header field.
func apiRequest(authorization string) *http.Request {
	r := must(http.NewRequest(http.MethodGet, apiURL+"/orders?page=1", nil))
	r.Header.Set("Authorization", authorization)
	r.RequestURI = "/orders?page=1"
	return r
}

// ourAPI verifies an access token with a ResourceServer.
func ourAPI(rs *oauth.ResourceServer) verifyFunc {
	return func(raw string) (string, error) {
		t, err := rs.Authenticate(apiRequest("Bearer " + raw))
		return t.Subject(), err
	}
}
