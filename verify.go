package oauth

import (
	"cmp"
	"context"
	"strings"
)

// This file implements the one way from a compact token to its payload: rules, key,
// signature.

// jwsRules say what a token of some kind looks like.
type jwsRules struct {
	allowed []Algorithm           // never empty, only asymmetric ones
	typ     func(typ string) bool // whether a token of this kind may have the type
	what    string                // "an ID token", for errors
	op      string                // of the errors; "": others name it

	otherwise string // how to allow another algorithm, for errors

	// foreign says of a payload, which nobody has verified, that the token is another
	// issuer's: newer keys would not have its key either. It is nil where nobody knows.
	foreign func(payload []byte) error
}

// admit holds a header against the rules, before any key is looked up.
func (rules *jwsRules) admit(h *joseHeader) (*algorithm, error) {
	switch {
	case !h.alg.in(rules.allowed):
		s := saying(rules.what).text(" is signed with ").quoted(string(h.alg), 32).text(", allowed is ")
		for i, a := range rules.allowed {
			if i > 0 {
				s.text(", ")
			}
			s.text(string(a))
		}
		s.text(rules.otherwise)
		return nil, s.fail(ErrAlgorithm, "alg")
	case !rules.typ(h.typ):
		return nil, saying("a token of type ").quoted(h.typ, 64).text(" is not ").text(rules.what).fail(ErrType, "typ")
	}
	return findAlgorithm(h.alg), nil
}

// admits reports whether the header would be admitted.
func (rules *jwsRules) admits(h *joseHeader) bool {
	return h.alg.in(rules.allowed) && rules.typ(h.typ)
}

func joinAlgorithms(list []Algorithm) string {
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = string(a)
	}
	return strings.Join(names, ", ")
}

// A receivedJWS is a token and what was read of it so far, for who has to read some of it to
// find out whose keys it is held against: nothing is read twice then.
type receivedJWS struct {
	raw      string
	segments [3]string    // once split has cut it
	header   joseHeader   // of no alg until somebody has read it
	known    *memoEntry   // what keys remember of the header; nil: nothing, or nobody has asked
	knownTo  *keySnapshot // the keys that were asked; nil: none, and known is nil, too
	payload  parsedJWS    // without a scratch until decode has made it
	issuers  bool         // the keys are those of the issuer that it names
}

func (t *receivedJWS) split() (err error) {
	if t.segments[0] == "" {
		t.segments, err = splitJWS(t.raw)
	}
	return err
}

// decode decodes payload and signature, after split. They are there until payload.release.
func (t *receivedJWS) decode() error {
	if t.payload.scratch != nil {
		return nil
	}
	scratch := newJWSScratch()
	p, err := scratch.parse(t.raw, t.segments)
	if err != nil {
		scratch.release()
		return err
	}
	t.payload = p
	return nil
}

// verifyJWS is the only way from a compact token to its payload. from says who can
// have sent it. Nobody else has the error that it returns.
func verifyJWS(ctx context.Context, raw string, keys *KeySet, from source, rules *jwsRules) (verifiedJWS, error) {
	t := receivedJWS{raw: raw}
	defer t.payload.release()
	return verifyReceived(ctx, &t, keys, from, rules)
}

// verifyReceived is verifyJWS of a token of which some may have been read before.
func verifyReceived(ctx context.Context, t *receivedJWS, keys *KeySet, from source, rules *jwsRules) (verifiedJWS, error) {
	v, err := openJWS(ctx, t, keys, from, rules)
	if e, ok := err.(*Error); ok {
		e.Op = cmp.Or(e.Op, rules.op)
		e.token = e.token || e.isForm()
	}
	return v, err
}

func openJWS(ctx context.Context, t *receivedJWS, keys *KeySet, from source, rules *jwsRules) (v verifiedJWS, err error) {
	if err := t.split(); err != nil {
		return v, err
	}
	// These keys may have been asked, or those of another server. Keys that nobody has fetched
	// yet were not: nil is then no answer of theirs.
	if snap := keys.current.Load(); snap == nil || t.knownTo != snap {
		t.known, t.knownTo = keys.remembered(t.segments[0], monotonic())
	}
	if t.known != nil {
		t.header = t.known.header
	} else if t.header.alg == "" {
		if t.header, err = parseHeader(t.segments[0]); err != nil {
			return v, err
		}
	}
	alg, err := rules.admit(&t.header)
	if err != nil {
		return v, err
	}
	if err := t.decode(); err != nil {
		return v, err
	}
	var key *publicKey
	if t.known != nil {
		key = t.known.key
	} else {
		if rules.foreign != nil && !t.issuers && !keys.mayHave(&t.header) {
			if err := rules.foreign(t.payload.payload); err != nil {
				return v, err
			}
		}
		if key, err = keys.find(ctx, alg, &t.header, from); err != nil {
			return v, err
		}
	}
	if v, err = t.payload.verify(alg, key); err != nil {
		return v, err
	}
	v.typ = t.header.typ
	if t.known == nil {
		keys.remember(t.segments[0], &t.header, key)
	}
	return v, nil
}
