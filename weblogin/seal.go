package weblogin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
)

// A sealer encrypts with the first of its keys, and decrypts with any.
type sealer struct {
	keys [][]byte
	app  string // whose it is: another application with the same keys opens nothing
}

// A purpose is what is sealed. What was sealed for one is not opened for another.
type purpose string

const (
	sessionCookie purpose = "session" // a session, or its name in the store
	loginCookie   purpose = "login"   // a login that is under way
	storedSession purpose = "store"   // a session in the store
)

// saltSize is that of the salt in front of each ciphertext.
const saltSize = 32

// errSealed says nothing of what was wrong.
var errSealed = errors.New("weblogin: not sealed with one of the keys, for another place, or changed")

// aead returns the cipher of one ciphertext, whose key is derived with a salt of its own: a
// key of AES-GCM that encrypted everything would have to be changed after 2³² cookies.
func aead(key, salt []byte, p purpose) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, salt, "weblogin 1 "+string(p), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal encrypts data for a purpose and a place, such as the name of a cookie.
func (s *sealer) seal(p purpose, place string, data []byte) ([]byte, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	a, err := aead(s.keys[0], salt, p)
	if err != nil {
		return nil, err
	}
	return a.Seal(salt, nil, data, []byte(s.app+"\x00"+place)), nil
}

// open decrypts what seal returned for the same purpose and place.
func (s *sealer) open(p purpose, place string, sealed []byte) ([]byte, error) {
	if len(sealed) < saltSize {
		return nil, errSealed
	}
	for _, key := range s.keys {
		a, err := aead(key, sealed[:saltSize], p)
		if err != nil {
			return nil, err
		}
		if data, err := a.Open(nil, nil, sealed[saltSize:], []byte(s.app+"\x00"+place)); err == nil {
			return data, nil
		}
	}
	return nil, errSealed
}
