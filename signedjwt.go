package oauth

// This file implements JWTs that are none of the protocol's own kinds: the signed answers
// of an API, for example.

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// VerifyJWTOptions are the options of [KeySet.VerifyJWT]. Type, Issuer and Audience are
// required.
type VerifyJWTOptions struct {
	// Type is the typ that the token must have, for example "payment-status+jwt". Its
	// case and a prefix "application/" do not matter. A type of the protocol's own, such
	// as at+jwt, is refused, and so is JWT: another kind of token could pass for this
	// one (RFC 8725, Section 3.11).
	Type string

	Issuer   string // the iss that the token must have
	Audience string // one of its aud

	// Algorithms are the algorithms that the token may be signed with. If nil, they are
	// all algorithms that the package verifies.
	Algorithms []Algorithm

	// Clock provides the time against which exp, nbf and iat are checked. exp is
	// required. The zero value means the local time.
	Clock Clock
}

// A VerifiedJWT is a JWT whose signature, type, issuer, audience and times have passed
// every check. It is immutable.
type VerifiedJWT struct{ payload *string }

// Claims decodes the claims into dst, as [encoding/json] does. That package ignores the
// case of names. If two claims have names that it would not distinguish, the error
// matches [ErrClaim].
func (t *VerifiedJWT) Claims(dst any) error {
	text := ""
	if t != nil && t.payload != nil {
		text = *t.payload
	}
	return withOp(opVerifyJWT, unmarshalClaims(text, dst))
}

// Format implements [fmt.Formatter]. It prints nothing of the claims.
func (t VerifiedJWT) Format(f fmt.State, _ rune) { fmt.Fprint(f, "VerifiedJWT()") }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (t VerifiedJWT) LogValue() slog.Value { return slog.StringValue("VerifiedJWT()") }

// MarshalJSON always returns an error, because a reader of the result would trust it
// without having verified it. Use Claims.
func (t VerifiedJWT) MarshalJSON() ([]byte, error) {
	return nil, withOp(opVerifyJWT, fail(ErrConfig, "", "a VerifiedJWT does not encode itself: keep what Claims gives"))
}

const opVerifyJWT = "verify"

// VerifyJWT verifies a JWT that is signed with a key of the set, and that is none of the
// kinds that the package knows, for example the signed response of an API. It is the
// counterpart of [SigningKey.SignJWT].
//
// VerifyJWT does not recognize a token that was seen before. If the options are wrong,
// the error matches [ErrConfig] or [ErrAlgorithm]. If the token is bad, it matches
// [ErrInvalid]. If the keys are not available, it matches [ErrUnavailable].
func (s *KeySet) VerifyJWT(ctx context.Context, token string, opts VerifyJWTOptions) (*VerifiedJWT, error) {
	t, err := s.verifyJWT(ctx, token, &opts)
	if err != nil {
		return nil, withOp(opVerifyJWT, err)
	}
	return t, nil
}

func (s *KeySet) verifyJWT(ctx context.Context, token string, opts *VerifyJWTOptions) (*VerifiedJWT, error) {
	if s == nil {
		return nil, fail(ErrConfig, "KeySet", "is nil: NewKeySet and ParseKeySet make one")
	}
	want := normalType(opts.Type)
	switch {
	case want == "" || want == "jwt" || !idTokenType(want):
		return nil, fail(ErrConfig, "Type", "is empty, JWT or that of another kind of token: a type of its own tells this kind from others")
	case strings.Contains(opts.Issuer, tenantPlaceholder):
		return nil, fail(ErrConfig, "Issuer", "is a template for all tenants: name the one whose token it has to be")
	case opts.Issuer == "" || opts.Audience == "":
		return nil, fail(ErrConfig, "Issuer", "or Audience is empty: they say whose token it is, and for whom")
	}
	if err := opts.Clock.validate(); err != nil {
		return nil, err
	}
	allowed, err := verifiable("Algorithms", opts.Algorithms, SecurityProfile(0).rules())
	if err != nil {
		return nil, err
	}
	v, err := verifyJWS(ctx, token, s, fromAnybody, &jwsRules{
		allowed: allowed, typ: func(typ string) bool { return typ == want }, what: "a token of type " + printable(want, 64),
	})
	if err != nil {
		return nil, err
	}
	claims, err := v.ownClaims()
	if err != nil {
		return nil, err
	}
	if _, _, err := (issuerRule{issuer: opts.Issuer}).match(&claims, v.key); err != nil {
		return nil, err
	}
	if _, err := audienceIn(&claims, opts.Audience, nil); err != nil {
		return nil, err
	}
	times, err := claims.times()
	if err != nil {
		return nil, err
	}
	if err := times.checkLifetime(opts.Clock.instant()); err != nil {
		return nil, err
	}
	return &VerifiedJWT{&v.payload}, nil
}
