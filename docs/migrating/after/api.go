package after

import (
	"net/http"

	"example.com/oauth"
)

// Protect accepts access tokens of the server that have the scope.
func Protect(server *oauth.AuthorizationServer, audience, scope string, next http.Handler, hc *http.Client) (http.Handler, error) {
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: audience, Servers: []oauth.TrustedServer{{Server: server}}, HTTPClient: hc,
	})
	if err != nil {
		return nil, err
	}
	return rs.Require(oauth.Requirement{Scope: []string{scope}}, next), nil
}

// Caller is the subject of the token of a request.
func Caller(r *http.Request) string {
	token, _ := oauth.AccessTokenFromContext(r.Context())
	return token.Subject()
}
