package oauth

import (
	"context"
	"testing"
)

// This file tests how old keys may be, and the pauses after fetches that fail.

// TestJWKSByteOrderMark: the answer of a key set may begin with one, as all may that are
// JSON (RFC 8259, Section 8.1).
func TestJWKSByteOrderMark(t *testing.T) {
	s := newJWKSServer("a")
	s.body = "\ufeff" + s.body
	if err := jwksFind(context.Background(), s.keySet(t, 0), "a"); err != nil {
		t.Error(err)
	}
}
