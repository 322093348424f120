package oauth

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// This file implements the nonces that a resource server wants in DPoP proofs (RFC 9449,
// Section 9).

// nonceKeys make and accept nonces that nobody has to keep: the number of a slot
// of time, and its HMAC. What has the key on another machine accepts them too. The
// keys stand behind a pointer for the same reason as the text of a Secret.
type nonceKeys struct{ keys [][]byte }

// nonceSize is that of the decoded nonce: the slot and the HMAC.
const nonceSize = 8 + sha256.Size

// make is the nonce of now, with the first key.
func (k *nonceKeys) make(now time.Time) string {
	slot := nonceSlotOf(now)
	return encodeBase64URL(append(slot[:], k.sum(0, slot)...))
}

func nonceSlotOf(now time.Time) (slot [8]byte) {
	binary.BigEndian.PutUint64(slot[:], uint64(now.Unix()/int64(nonceSlot/time.Second)))
	return slot
}

func (k *nonceKeys) sum(i int, slot [8]byte) []byte {
	return hmacSign(findHMAC(HS256), k.keys[i], append([]byte("dpop nonce"), slot[:]...))
}

// accept accepts the nonces of this slot and of those before and after it: the clocks
// of the machines that share the keys differ.
func (k *nonceKeys) accept(nonce string, now time.Time) (until time.Time, err error) {
	refused := func() (time.Time, error) {
		return time.Time{}, answered(fail(ErrNonce, "nonce", "the proof has no nonce, or one that is not of this resource, or too old"), answer{code: codeUseNonce})
	}
	b, err := decodeBase64URL(make([]byte, 0, nonceSize), nonce)
	if err != nil || len(b) != nonceSize {
		return refused()
	}
	for _, at := range [...]time.Time{now, now.Add(-nonceSlot), now.Add(nonceSlot)} {
		slot := nonceSlotOf(at)
		if [8]byte(b[:8]) != slot {
			continue
		}
		for i := range k.keys {
			if sameSecret(string(b[8:]), string(k.sum(i, slot))) {
				end := int64(binary.BigEndian.Uint64(slot[:])) + 2 // the first slot in which it is refused
				return unixTime(end * int64(nonceSlot/time.Second)), nil
			}
		}
	}
	return refused()
}
