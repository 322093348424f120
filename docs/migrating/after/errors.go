package after

import (
	"example.com/oauth"
)

// MustLogIn reports whether a refresh failed because the refresh token is no longer valid.
func MustLogIn(err error) bool {
	refused, ok := err.(*oauth.ResponseError) // not errors.As: another request may be refused
	return ok && refused.Code == "invalid_grant"
}
