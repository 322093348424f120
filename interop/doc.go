// Package interop runs the package oauth against a real authorization server:
// the scenarios of scenarios.txt, under the names that client.mjs, the
// reference, gives them. Everything is in the tests; ./run starts the server
// and runs them.
package interop
