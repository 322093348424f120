package oauth

import "context"

// This file implements the common part of all receivers of encrypted tokens: the
// Decrypter, and the conditions that an encrypted response must meet.

// A Decrypter decrypts tokens that were encrypted to the client. [NewDecrypter]
// returns one with keys in memory or in an HSM. A program may implement another,
// for example for a key service. It must be safe for concurrent use.
//
// DecryptJWE returns the plaintext of a compact JWE of at most 64 KiB. It is called
// for any token that anyone sends, and each call uses the key once.
//
// If the token does not decrypt, the error must match [ErrDecrypt], whatever the
// reason, because a reason can reveal the plaintext to an attacker who sends many
// tokens. Any other error means that the key could not be used. A [Client] then
// returns an error that matches [ErrUnavailable].
type Decrypter interface {
	DecryptJWE(ctx context.Context, compact string) ([]byte, error)
}

// An encryptedAnswer is how the server encrypts answers of one kind to the client.
type encryptedAnswer struct {
	param string      // the metadata member, for errors
	as    *encryption // nil: the metadata does not say that it does
}

// canDecrypt holds the configuration against the Decrypter.
func (a *encryptedAnswer) canDecrypt(d Decrypter) error {
	if a.as == nil {
		return nil
	}
	if d == nil {
		return fail(ErrConfig, "Decrypter", "is nil, and %s is set", a.param)
	}
	if ours, ok := d.(interface{ decrypts(*encryption) bool }); ok && !ours.decrypts(a.as) {
		return fail(ErrConfig, "Decrypter", "has no key for %s with %s, which %s and its enc say", a.as.alg.name, a.as.enc.name, a.param)
	}
	return nil
}

// errUndecryptable is all that is said of a token that does not decrypt.
func errUndecryptable(token string) error {
	return fail(ErrDecrypt, "", "%s was not encrypted to a key of the Decrypter with its algorithms, or was changed", token)
}
