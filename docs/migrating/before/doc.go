// Package before has the code of docs/migrating.md with golang.org/x/oauth2 and go-oidc.
package before
