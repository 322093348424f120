package weblogin

import "time"

// SetStoreTime makes it shorter for a test, and returns what sets it back.
func SetStoreTime(d time.Duration) (reset func()) {
	before := storeTime
	storeTime = d
	return func() { storeTime = before }
}

// SessionCookie is the name of the cookie of a session, and LoginCookies what the names of
// those of logins begin with.
func SessionCookie(h *Handler) string { return h.names.session() }
func LoginCookies(h *Handler) string  { return h.names.logins() }
