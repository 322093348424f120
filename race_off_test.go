//go:build !race

package oauth

// raceEnabled says that the race detector watches.
const raceEnabled = false
