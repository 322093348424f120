// Package keycloak runs the package oauth against a real Keycloak: its own
// distribution, started for the run with a database in memory. Everything is in
// the tests; ../run --keycloak fetches the server and runs them.
package keycloak
