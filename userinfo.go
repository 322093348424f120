package oauth

// This file implements the userinfo endpoint: OpenID Connect Core 1.0, Section
// 5.3, with plain, signed and encrypted answers.

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
)

const opUserInfo = "userinfo"

// A UserInfo contains the claims that the userinfo endpoint returned about the user of
// a token. It is immutable.
type UserInfo struct {
	payload Secret // personal data; print it as little as a secret
	subject string
}

// data is what u holds, also if it is nil.
func (u *UserInfo) data() UserInfo {
	if u == nil {
		return UserInfo{}
	}
	return *u
}

// Subject returns the sub claim. It has been compared with the expected subject, unless
// InsecureSkipSubject was set.
func (u *UserInfo) Subject() string { return u.data().subject }

// EmailVerified reports whether the email_verified claim is true. The claim may be a
// string.
func (u *UserInfo) EmailVerified() bool {
	o, err := parseObject(u.data().payload.Reveal(), answerForm, ErrClaim)
	return err == nil && emailVerified(&o)
}

// Claims decodes the claims into dst, as [encoding/json] does. That package ignores the
// case of names. If two claims have names that it would not distinguish, the error
// matches [ErrClaim].
func (u *UserInfo) Claims(dst any) error {
	return withOp(opUserInfo, unmarshalClaims(u.data().payload.Reveal(), dst))
}

// Format implements [fmt.Formatter]. It prints the subject, and no other personal data.
func (u UserInfo) Format(f fmt.State, _ rune) { fmt.Fprint(f, u.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (u UserInfo) LogValue() slog.Value { return slog.StringValue(u.summary()) }

func (u *UserInfo) summary() string {
	return "UserInfo(" + printable(u.subject, 256) + ")"
}

// UserInfoOptions are the options of [Client.UserInfo].
type UserInfoOptions struct {
	unprinted

	// Subject is the expected sub claim, for tokens that were issued without an ID
	// token. If empty, it is the subject of the token's ID token.
	Subject string
	// InsecureSkipSubject accepts every sub claim. The response may then be about a
	// different user from the one who logged in (OpenID Connect Core, Section 5.3.2).
	// Subject must be empty.
	InsecureSkipSubject bool

	// Header contains additional header fields of the request. It must not contain
	// fields that the package or net/http sets.
	Header http.Header
	// ResponseHeader receives the header fields of the response; see
	// GrantOptions.ResponseHeader.
	ResponseHeader http.Header
}

// UserInfo returns the response of the userinfo endpoint for t. The response must be
// about the subject of t. If Metadata.UserinfoSignedResponseAlg is set, it must be
// signed, or plain JSON for "none". If Metadata.UserinfoEncryptedResponseAlg is also set, it must be signed and
// encrypted. opts may be nil.
//
// UserInfo returns the errors of a request. If the subject of t is not known, because
// it was issued without an ID token, opts must state it; otherwise the error matches
// [ErrConfig].
func (c *Client) UserInfo(ctx context.Context, t *Token, opts *UserInfoOptions) (*UserInfo, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	u, err := c.userInfo(ctx, t, opts)
	if err != nil {
		return nil, withOp(opUserInfo, err)
	}
	return u, nil
}

func (c *Client) userInfo(ctx context.Context, t *Token, opts *UserInfoOptions) (*UserInfo, error) {
	subject, err := expectedSubject(t, opts)
	if err != nil {
		return nil, err
	}
	if err := c.rules.weakens(opts != nil && opts.InsecureSkipSubject, "InsecureSkipSubject"); err != nil {
		return nil, err
	}
	var fields headerFields
	if opts != nil {
		fields = headerFields{opts.Header, opts.ResponseHeader}
	}
	if err := fields.check(); err != nil {
		return nil, err
	}
	res, err := c.caller.doProven(ctx, c.dpopOf(t), c.clock, t.AccessToken.Reveal(), func() (*httpRequest, error) {
		return c.userInfoRequest(t, fields)
	})
	if err != nil {
		return nil, err
	}
	u, err := c.processUserInfoResponse(ctx, res, subject, t.Issuer())
	if err != nil {
		return nil, res.withoutSecrets(err)
	}
	return u, nil
}

// expectedSubject is the sub that the answer has to have; "" for any.
func expectedSubject(t *Token, opts *UserInfoOptions) (string, error) {
	var o UserInfoOptions
	if opts != nil {
		o = *opts
	}
	if t == nil || t.AccessToken.IsZero() {
		return "", fail(ErrConfig, "Token", "has no access token")
	}
	known := t.Subject()
	switch {
	case o.InsecureSkipSubject && o.Subject != "":
		return "", fail(ErrConfig, "InsecureSkipSubject", "is set together with a Subject")
	case o.InsecureSkipSubject:
		return "", nil
	case known != "" && o.Subject != "" && known != o.Subject:
		return "", fail(ErrConfig, "Subject", "is not that of the token")
	case known != "":
		return known, nil
	case o.Subject != "":
		return o.Subject, nil
	}
	return "", fail(ErrConfig, "Subject", "is not known, because the token had no ID token: say it in UserInfoOptions")
}

func (c *Client) userInfoRequest(t *Token, fields headerFields) (*httpRequest, error) {
	authorization, err := c.authorization(t)
	if err != nil {
		return nil, err
	}
	target, member, err := c.endpointURL(userinfoEndpoint)
	if err != nil {
		return nil, err
	}
	accept := mediaJSON + ", " + mediaJWT
	if c.meta.UserinfoSignedResponseAlg == plainJSON {
		accept = mediaJSON
	} else if !isPlain(c.meta.UserinfoSignedResponseAlg) { // as is what is encrypted
		accept = mediaJWT
	}
	header := http.Header{}
	maps.Copy(header, fields.more)
	header.Set("Authorization", authorization)
	return &httpRequest{op: opUserInfo, method: http.MethodGet, url: target, param: member, accept: accept, header: header, received: fields.received}, nil
}

func (c *Client) processUserInfoResponse(ctx context.Context, res *httpResponse, subject, issuer string) (*UserInfo, error) {
	if err := res.expect(http.StatusOK); err != nil {
		return nil, err
	}
	var claims jsonObject
	var payload string
	var err error
	signed := c.meta.UserinfoSignedResponseAlg
	switch token, ok := res.jwt(mediaJWT, !isPlain(signed)); {
	case signed == plainJSON && ok:
		return nil, fail(ErrResponse, "Content-Type", "the answer is a JWT, although Metadata.UserinfoSignedResponseAlg is none")
	case ok:
		claims, payload, err = c.userInfoJWT(ctx, token, issuer)
	case !isPlain(signed):
		return nil, fail(ErrResponse, "Content-Type", "the answer is not signed, although Metadata.UserinfoSignedResponseAlg is set")
	default:
		claims, err = res.object()
		payload = res.text()
	}
	if err != nil {
		return nil, err
	}
	claims.kind = ErrClaim
	sub, err := claims.need("sub")
	if err != nil {
		return nil, err
	}
	// OIDC Core 5.3.2: "The sub Claim in the UserInfo Response MUST be verified
	// to exactly match the sub Claim in the ID Token".
	if subject != "" && sub != subject {
		return nil, fail(ErrClaim, "sub", "the answer is about somebody else than the user of the token")
	}
	return &UserInfo{payload: NewSecret(payload), subject: sub}, nil
}

// userInfoJWT verifies a signed answer. iss and aud are judged where they are
// present: "if signed, the UserInfo Response SHOULD contain" them.
func (c *Client) userInfoJWT(ctx context.Context, token, issuer string) (claims jsonObject, payload string, err error) {
	allowed, err := c.rules.allowed("Metadata.UserinfoSignedResponseAlg", c.meta.UserinfoSignedResponseAlg,
		"Server.UserinfoSigningAlgValuesSupported", c.server.UserinfoSigningAlgValuesSupported, "")
	if err != nil {
		return claims, "", err
	}
	if token, err = c.signedToken(ctx, token, &c.encrypted.userinfo); err != nil {
		return claims, "", err
	}
	keys, err := c.keySet()
	if err != nil {
		return claims, "", err
	}
	v, err := verifyJWS(ctx, token, keys, fromServer, &jwsRules{allowed: allowed, typ: idTokenType, what: "a userinfo response"})
	if err != nil {
		return claims, "", err
	}
	if claims, err = v.ownClaims(); err != nil {
		return claims, "", err
	}
	// In the manner of RFC 8417, Section 4.1: a logout token, which may have typ JWT
	// or none, is about the user as well.
	if claims.has("events") {
		return claims, "", fail(ErrType, "events", "a security event is not a userinfo response")
	}
	if claims.has("iss") || v.key.issuer != "" {
		iss, err := c.checkIssuer(&claims, v.key)
		if err != nil {
			return claims, "", err
		}
		if issuer != "" && iss != issuer { // tenants have subjects of their own
			return claims, "", fail(ErrIssuer, "iss", "the answer is from another tenant than the token")
		}
	}
	if aud, ok, err := claims.strings("aud", true); err != nil {
		return claims, "", err
	} else if ok && !slices.Contains(aud, c.meta.ClientID) {
		return claims, "", fail(ErrAudience, "aud", "the answer is for another client")
	}
	return claims, v.payload, checkOptionalLifetime(&claims, c.clock.instant())
}
