package before

import (
	"errors"

	"golang.org/x/oauth2"
)

// MustLogIn reports whether a refresh failed because the refresh token is no longer valid.
func MustLogIn(err error) bool {
	var refused *oauth2.RetrieveError
	return errors.As(err, &refused) && refused.ErrorCode == "invalid_grant"
}
