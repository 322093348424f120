package switches

import (
	"fmt"
	"os"
	"testing"
)

// TestMain writes what a run with MUTANT_SEEN let decide.
func TestMain(m *testing.M) {
	code := m.Run()
	if err := mutWrite(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 2
	}
	os.Exit(code)
}
