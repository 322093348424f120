package oauth

import (
	"bytes"
	"context"
	"errors"
	"strings"
)

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

// decryptToken returns the signed token in a JWE. The cty is not looked at: what was
// decrypted is a signed token or it is not.
func decryptToken(ctx context.Context, d Decrypter, raw string, answer *encryptedAnswer) (string, error) {
	if d == nil {
		return "", fail(ErrUnsupported, "", "the token is encrypted (JWE), and Decrypter of the configuration is nil")
	}
	segments, err := splitJWE(raw)
	if err != nil {
		return "", err
	}
	var j parsedJWE
	if err := j.readHeader(segments[0]); err != nil {
		return "", err
	}
	// Also where a key service would do others: RSA1_5, PBES2.
	if _, err := keyManagementOf("alg", string(j.header.alg)); err != nil || findEncryption(j.enc) == nil {
		return "", fail(ErrAlgorithm, "alg", "the token is encrypted with %s and %s, which are not both supported", printable(string(j.header.alg), 32), printable(j.enc, 32))
	}
	if as := answer.as; as != nil && (string(j.header.alg) != as.alg.name || j.enc != as.enc.name) {
		return "", fail(ErrAlgorithm, "alg", "the token is encrypted with %s and %s; %s and its enc say %s and %s",
			printable(string(j.header.alg), 32), printable(j.enc, 32), answer.param, as.alg.name, as.enc.name)
	}
	plaintext, err := d.DecryptJWE(ctx, raw)
	switch {
	case errors.Is(err, ErrDecrypt):
		// What the sender wrote in the clear says which key was meant, and no more.
		return "", errUndecryptable("the token (alg " + printable(string(j.header.alg), 32) + ", enc " + printable(j.enc, 32) + ", kid " + printable(j.header.kid, 128) + ")")
	case err != nil && ctx.Err() != nil:
		return "", &Error{Detail: "given up", Err: ctx.Err()}
	case err != nil:
		return "", &Error{Kind: ErrUnavailable, Param: "Decrypter", Detail: "the token could not be decrypted now", Err: causeWithout(raw, err)}
	case bytes.Count(plaintext, []byte{'.'}) != 2:
		return "", fail(ErrUnsupported, "", "what is encrypted is not a signed token: only what is signed and then encrypted is supported")
	}
	return string(plaintext), nil
}

// causeWithout is an error of the program's, unless it quotes the token that the program
// was given.
func causeWithout(raw string, err error) error {
	if len(raw) >= minRedacted && strings.Contains(err.Error(), raw) {
		return nil
	}
	return err
}
