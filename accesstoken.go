package oauth

// This file holds AccessToken, what a resource server learns of the token of a
// request.

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// An AccessToken is an access token that a [ResourceServer] found good: its
// signature and claims passed every check, or its server said that it is active.
// There is no other way to have one. It is immutable, and nothing of the request
// that it came with is in it.
type AccessToken struct {
	content *accessTokenData
}

// accessTokenData stands behind a pointer as idTokenData does.
type accessTokenData struct {
	acceptedBy *ResourceServer // who found it good
	raw        string
	tokenClaims
}

// newAccessToken makes an AccessToken and its data in one piece.
func newAccessToken() (*AccessToken, *accessTokenData) {
	both := new(struct {
		token AccessToken
		data  accessTokenData
	})
	both.token.content = &both.data
	return &both.token, &both.data
}

// data is never nil: the nil and the zero AccessToken are inert.
func (t *AccessToken) data() *accessTokenData {
	if t == nil || t.content == nil {
		return new(accessTokenData)
	}
	return t.content
}

// Issuer is iss, for a multi-tenant server that of the tenant; of an opaque token
// whose server does not say it, the server that was asked.
func (t *AccessToken) Issuer() string { return t.data().issuer }

// Subject is sub: the user, unique within the issuer, or the client where it acts
// for itself. A client may be able to choose an id that is also a user's (RFC
// 9068, Section 5). Empty: an opaque token whose server does not say it, or a
// profile that does without.
func (t *AccessToken) Subject() string { return t.data().subject }

// Identity returns the issuer and the subject, which together say whose token it
// is: a program should know users by both. If the token has no subject, the error
// matches [ErrClaim]; ClientID may say then which client it is that acts for
// itself. If t is nil or the zero AccessToken, the error matches [ErrConfig].
func (t *AccessToken) Identity() (issuer, subject string, err error) {
	d := t.data()
	switch {
	case d.issuer == "":
		return "", "", withOp(opResource, fail(ErrConfig, "AccessToken", "is nil or empty: take it from AccessTokenFromContext or Authenticate"))
	case d.subject == "":
		return "", "", withOp(opResource, fail(ErrClaim, "sub", "is missing: the token is of no user that its server names; see ClientID"))
	}
	return d.issuer, d.subject, nil
}

// ClientID is client_id, or what the profile has in its place: which client the
// token was issued to. Empty where Subject may be.
func (t *AccessToken) ClientID() string { return t.data().clientID }

// Audience is aud. It holds the resource, except where the profile compares
// clients, or where an opaque token does not say it.
func (t *AccessToken) Audience() []string { return slices.Clone(t.data().audience) }

// Scope is scope, or what the profile has in its place.
func (t *AccessToken) Scope() []string { return slices.Clone(t.data().scope) }

// HasScope reports whether the token has the scope.
func (t *AccessToken) HasScope(scope string) bool { return slices.Contains(t.data().scope, scope) }

// Expiry is exp; zero of an opaque token whose server does not say it.
func (t *AccessToken) Expiry() time.Time { return t.data().expiry }

// IssuedAt is iat; zero if the token does not say.
func (t *AccessToken) IssuedAt() time.Time { return t.data().issuedAt }

// AuthTime is auth_time, when the user authenticated; zero if the token does not
// say.
func (t *AccessToken) AuthTime() time.Time { return t.data().authTime }

// ACR is acr, how the authentication was; empty if the token does not say.
func (t *AccessToken) ACR() string { return t.data().acr }

// ID is jti; empty if the token does not say.
func (t *AccessToken) ID() string { return t.data().id }

// AuthorizationDetails are what the token is for: RFC 9396, Section 9.
func (t *AccessToken) AuthorizationDetails() []AuthorizationDetail {
	return cloneDetails(t.data().details)
}

// KeyThumbprint is the RFC 7638 thumbprint of the DPoP key that the token is
// bound to, and that the request has proved. Empty: it is bound to none.
func (t *AccessToken) KeyThumbprint() string { return t.data().confirm.jkt }

// CertificateThumbprint is the x5t#S256 of the certificate that the token is
// bound to, and that came with the request. Empty: it is bound to none.
func (t *AccessToken) CertificateThumbprint() string { return t.data().confirm.x5t }

// Raw is the token as it came, for [Client.ExchangeToken]: a token for this
// resource is of no use at another, and must not be handed on.
func (t *AccessToken) Raw() Secret { return NewSecret(t.data().raw) }

// Claims decodes the claims, of an opaque token what introspection said, into dst
// as [encoding/json] does. Members that it would not tell apart by their names
// are an error of kind [ErrClaim].
func (t *AccessToken) Claims(dst any) error {
	return withOp(opResource, unmarshalClaims(t.data().payload, dst))
}

// Format prints issuer, subject and client: fmt would print all the rest.
func (t AccessToken) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.summary()) }

// LogValue is issuer, subject and client.
func (t AccessToken) LogValue() slog.Value { return slog.StringValue(t.summary()) }

func (t *AccessToken) summary() string {
	d := t.data()
	return "AccessToken(" + printable(d.issuer, 256) + " " + printable(d.subject, 256) + " " + printable(d.clientID, 128) + ")"
}

// MarshalJSON fails: what it could write would be trusted by whoever reads it.
func (t AccessToken) MarshalJSON() ([]byte, error) {
	return nil, withOp(opResource, fail(ErrConfig, "", "an AccessToken does not encode itself: keep what Claims gives"))
}

// tokenHash is the SHA-256 of a token: what it is remembered by, and ath.
type tokenHash [sha256.Size]byte

const opResource = "resource server"
