// Package after has the code of docs/migrating.md with package oauth.
package after
