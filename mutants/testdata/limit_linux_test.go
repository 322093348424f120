package switches

import "syscall"

// A mutant that appends for ever ends by this.
func init() {
	const most = 6 << 30
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		panic(err)
	}
}
