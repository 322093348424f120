package after

import (
	"errors"

	"example.com/oauth"
)

// MustLogIn reports whether a refresh failed because the refresh token is no longer valid.
func MustLogIn(err error) bool {
	var refused *oauth.ResponseError
	return errors.As(err, &refused) && refused.Code == "invalid_grant"
}
