package oauth

// This file implements tokens that are no JWTs at a resource server: their server is
// asked about them (RFC 7662).

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"strings"
)

// isJWT reports whether a token has two dots and a JSON header with alg. Whatever
// else is wrong with it then, it is none that introspection is asked about.
func isJWT(raw string) bool {
	if strings.Count(raw, ".") != 2 {
		return false
	}
	segment, _, _ := strings.Cut(raw, ".")
	var scratch [48]byte
	begin := strings.TrimRight(segment, "=")
	start, err := decodeBase64URL(scratch[:0], begin[:min(len(begin), 64)&^3])
	if err != nil || !bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte("{")) {
		return false
	}
	b, err := decodeBase64URL(nil, segment)
	if err != nil || len(segment) > maxHeader {
		return true
	}
	r := newJSONReader()
	defer r.release()
	o, err := r.object(string(b), headerForm, ErrParse)
	return err != nil || o.has("alg")
}

// introspector is the Client that asks about a token.
func (rs *ResourceServer) introspector(ctx context.Context, raw string) (c *Client, err error) {
	if rs.introspectFor == nil {
		return introspecting(ctx, rs.introspect)
	}
	fault := guarded(func() error {
		c, err = rs.introspectFor(ctx, raw)
		return nil
	})
	if err = cmp.Or(fault, err); err != nil {
		return nil, &Error{Kind: ErrUnavailable, Param: "IntrospectFor", Detail: "whom to ask about the token is not known", Err: causeWithout(raw, err)}
	}
	if c == nil {
		return nil, fail(ErrInactive, "IntrospectFor", "there is no server to ask about the token")
	}
	if err := rs.checkIntrospector("IntrospectFor", c); err != nil {
		return nil, &Error{Kind: ErrUnavailable, Param: "IntrospectFor", Detail: "the Client cannot be used", Err: err}
	}
	return introspecting(ctx, c)
}

// introspecting is ready of a Client whose server may not be known: that says nothing of
// the token.
func introspecting(ctx context.Context, c *Client) (*Client, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, &Error{Kind: ErrUnavailable, Param: "Introspect", Detail: "the server to ask about the token is not known", Err: err}
	}
	return c, nil
}

// ask is the way of a token that is no JWT: RFC 7662.
func (rs *ResourceServer) ask(ctx context.Context, raw string, hash tokenHash) (*AccessToken, error) {
	c, err := rs.introspector(ctx, raw)
	if err != nil {
		return nil, err
	}
	if m := rs.asked.get(string(hash[:])); m.counts(c) {
		if err := m.stillGood(rs.clock.instant()); err != nil {
			return nil, err
		}
		return m.token, nil
	}
	return rs.inquiries.make(ctx, inquiry{hash, c}, func(ctx context.Context) (*AccessToken, error) { return rs.askOf(ctx, c, raw, hash) })
}

func (rs *ResourceServer) askOf(ctx context.Context, c *Client, raw string, hash tokenHash) (*AccessToken, error) {
	asked := thisMoment() // a token may be revoked while the answer is under way
	i, answer, err := c.introspect(ctx, raw, &EndpointOptions{TokenTypeHint: "access_token"})
	if err != nil {
		return nil, introspectionFault(withOp(opIntrospection, err))
	}
	// By these it is decided here: one of another type is no answer.
	if err := i.content.readAnswer(&answer); err != nil {
		return nil, introspectionFault(withOp(opIntrospection, withoutSecrets(err, func() []string { return []string{raw} })))
	}
	t, d := newAccessToken()
	d.acceptedBy, d.raw, d.tokenClaims = rs, raw, i.content.tokenClaims
	// What is wrong with the claims is so with the token. In a signed answer null was
	// refused already.
	answer.kind, answer.nullAbsent = ErrClaim, true
	if err := rs.checkIntrospection(c, &answer, i.content.tokenType, d); err != nil {
		return nil, withoutSecrets(err, func() []string { return []string{raw} }) // which the server may quote
	}
	rs.asked.add(string(hash[:]), &rememberedToken{token: t, accept: c.accept, client: c, asked: asked, life: rs.ttl})
	return t, nil
}

// askAgain asks the server about a JWT that was verified: whether it was revoked since.
// What it says else is not looked at: the token says it itself.
func (rs *ResourceServer) askAgain(ctx context.Context, t *AccessToken, hash tokenHash) error {
	c, err := rs.introspector(ctx, t.content.raw)
	if err != nil {
		return err
	}
	if c.server.Issuer != t.content.server { // which knows nothing of it, whatever it says
		return fail(ErrUnavailable, "Introspect", "the token is from %s, and the Client asks %s whether it was revoked: set IntrospectFor, or Revoked",
			printable(t.content.server, 256), printable(c.server.Issuer, 256))
	}
	if m := rs.active.get(string(hash[:])); m.counts(c) {
		return nil
	}
	_, err = rs.inquiries.make(ctx, inquiry{hash, c}, func(ctx context.Context) (*AccessToken, error) {
		asked := thisMoment()
		i, _, err := c.introspect(ctx, t.content.raw, &EndpointOptions{TokenTypeHint: "access_token"})
		if err != nil {
			return nil, introspectionFault(withOp(opIntrospection, err))
		}
		if iss := i.content.issuer; iss != "" && iss != t.content.issuer {
			return nil, fail(ErrUnavailable, "Introspect", "the answer is about a token from %s", printable(iss, 256))
		}
		rs.active.add(string(hash[:]), &rememberedToken{token: t, client: c, asked: asked, life: rs.ttl})
		return t, nil
	})
	return err
}

// introspectionFault tells a token that is not good from an answer that is not:
// the latter says nothing about the token, whatever is wrong with it.
func introspectionFault(err error) error {
	if refused, ok := errorAs[*ResponseError](err); ok {
		if refused.Code == "unsupported_token_type" {
			// RFC 7009, Section 2.2.1, and certified servers here too: of JWTs, say. The
			// token is what the client chose.
			return fail(ErrInactive, "active", "the server does not say anything of tokens of this type")
		}
		// The rest may quote the token.
		err = &ResponseError{Op: refused.Op, StatusCode: refused.StatusCode, Code: refused.Code}
	}
	if e, ok := err.(*Error); ok && (e.Kind == ErrInactive || e.Kind == ErrBinding && e.Param == "cnf") {
		return err
	}
	unavailable := &Error{Kind: ErrUnavailable, Param: "Introspect", Detail: "the server cannot be asked about the token"}
	if errors.Is(err, ErrInvalid) {
		unavailable.Detail += ": " + strings.TrimPrefix(err.Error(), "oauth: ")
	} else {
		unavailable.Err = err
	}
	return unavailable
}

// checkIntrospection judges what the server said, which is the same as of a JWT
// where it is said.
func (rs *ResourceServer) checkIntrospection(c *Client, claims *jsonObject, tokenType string, d *accessTokenData) (err error) {
	if err := onlyAccessToken(claims, tokenType); err != nil {
		return err
	}
	if strings.EqualFold(tokenType, dpopScheme) && d.confirmation().jkt == "" {
		return fail(ErrBinding, "cnf", "the server says that the token is bound to a DPoP key, and not to which")
	}
	// A server for many tenants has to say whose the token is.
	if rule := (issuerRule{issuer: c.server.Issuer, accept: c.accept}); d.issuer == "" && rule.accept == nil {
		d.issuer = rule.issuer
	} else if d.issuer, d.tenant, err = rule.match(claims, nil); err != nil {
		return err
	}
	at := rs.clock.instant()
	if err := d.checkPeriod(at); err != nil {
		return err
	}
	if d.audience != nil && !isFor(d.audience, rs.audiences) {
		return errAudience(d.audience, rs.audiences)
	}
	if !d.issuedAt.IsZero() {
		if err := at.checkNotAhead("iat", d.issuedAt); err != nil {
			return err
		}
	}
	return nil
}

// onlyAccessToken refuses refresh tokens, which are active too and would be good
// for longer, and ID tokens.
func onlyAccessToken(claims *jsonObject, tokenType string) error {
	switch strings.ToLower(tokenType) {
	case "", "bearer", "dpop", "access_token": // the last is what it is and not how it is presented: Hydra before 1.9
	default:
		return fail(ErrTokenType, "token_type", "%s is not Bearer or DPoP", printable(tokenType, 32))
	}
	if name := saysKind(claims, "refresh", "refresh_token", "offline", "id", "id_token"); name != "" {
		return fail(ErrType, name, "the server says that the token is not an access token")
	}
	return nil
}
