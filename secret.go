package oauth

// This file implements Secret, a string that does not print itself.

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
)

// A Secret is a string that must not be logged, for example a token or a client
// secret. Printing it with any verb, logging it or encoding it does not show the
// text. [Secret.Reveal] does, and is easy to search for. Two Secrets with the same
// text are not equal by ==. The zero Secret holds no secret.
type Secret struct {
	// A pointer, because fmt prints a string even from an unexported field of a
	// struct that embeds a Secret, where it may not call methods.
	p *string
}

const redacted = "[redacted]"

// NewSecret returns a Secret that holds s. If s is empty, it returns the zero
// Secret.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{&s}
}

// Reveal returns the text. It is empty for the zero Secret.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero reports whether s is the zero Secret, which holds no secret.
func (s Secret) IsZero() bool { return s.p == nil }

// Equal reports whether s and o hold the same text. The zero Secret equals no other one,
// not even itself, so that a secret that is not configured admits nobody. The time that
// Equal takes depends on the lengths of the texts, but not on where they differ.
func (s Secret) Equal(o Secret) bool {
	return !s.IsZero() && sameSecret(s.Reveal(), o.Reveal())
}

// String returns "[redacted]", or "" for the zero Secret.
func (s Secret) String() string {
	if s.p == nil {
		return ""
	}
	return redacted
}

// GoString returns the same as String, so that %#v does not show the text either.
func (s Secret) GoString() string { return s.String() }

// Format prints the result of String for every verb, because %p and %x do not call
// String.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue returns the result of String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

var errSecretEncoding = errors.New("oauth: a Secret does not encode itself: call Reveal where it has to be stored")

// MarshalText always returns an error.
func (s Secret) MarshalText() ([]byte, error) { return nil, errSecretEncoding }

// MarshalJSON always returns an error.
func (s Secret) MarshalJSON() ([]byte, error) { return nil, errSecretEncoding }

// unprinted is embedded in what an application fills with secrets or personal data
// in plain fields: printed with any verb, logged and encoded to JSON, the whole is
// what a Secret is. Its methods are those of the struct; as a field it is nothing.
type unprinted struct{}

// Format writes "[redacted]" for every verb.
func (unprinted) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue is "[redacted]".
func (unprinted) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON fails.
func (unprinted) MarshalJSON() ([]byte, error) { return nil, errUnprinted }

var errUnprinted = errors.New("oauth: options and requests do not encode to JSON: they can hold secrets; store the fields that are needed")

// randomString is 256 bits of crypto/rand as base64url: a state, nonce, code
// verifier (RFC 7636, Section 4.1).
func randomString() string { return string(appendRandom(make([]byte, 0, 43), 32)) }

// appendJTI appends a new jti. Nobody must guess it, and none must come twice: 128 bits are
// enough (RFC 9449, Section 4.2, wants 96), and each is encoded twice, hashed and sent.
func appendJTI(dst []byte) []byte { return appendRandom(dst, 16) }

// appendRandom appends at most 32 random octets as base64url.
func appendRandom(dst []byte, octets int) []byte {
	var b [32]byte
	rand.Read(b[:octets]) // never fails
	return appendBase64URL(dst, b[:octets])
}

// isRandom reports whether s has the form of a randomString, or of a thumbprint.
func isRandom(s string) bool {
	b, err := decodeBase64URL(nil, s)
	return err == nil && len(b) == 32
}

// sameSecret compares in a time that does not tell how much of a and b is equal.
func sameSecret(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	differ := byte(0)
	for i := range len(a) { // a conversion to []byte would allocate
		differ |= a[i] ^ b[i]
	}
	return subtle.ConstantTimeByteEq(differ, 0) == 1
}
