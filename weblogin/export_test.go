package weblogin

import "time"

// SetStoreTime makes it shorter for a test, and returns what sets it back.
func SetStoreTime(d time.Duration) (reset func()) {
	before := storeTime
	storeTime = d
	return func() { storeTime = before }
}
