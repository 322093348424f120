package main

import (
	"log"
	"os"

	"example.com/oauth"
	"example.com/oauth/examples/internal/env"
)

// profile is that of the server's tokens, which OAUTH_PROFILE names. Without it they
// follow RFC 9068.
func profile() *oauth.AccessTokenProfile {
	switch name := os.Getenv("OAUTH_PROFILE"); name {
	case "":
		return nil
	case "auth0":
		return oauth.Auth0Profile()
	case "entra":
		return oauth.EntraProfile()
	case "keycloak":
		return oauth.KeycloakProfile()
	case "okta":
		return oauth.OktaProfile()
	default:
		log.Fatalf("OAUTH_PROFILE is %q, which is not auth0, entra, keycloak or okta", name)
		return nil
	}
}

// audiences are the server's names for the API, in OAUTH_AUDIENCE. Without them its
// tokens are for OAUTH_RESOURCE.
func audiences() []string {
	if names := env.Words("OAUTH_AUDIENCE"); len(names) > 0 {
		return names
	}
	return nil
}
