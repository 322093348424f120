package oauth

// This file holds AccessToken, what a resource server learns of the token of a
// request.

import (
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// An AccessToken is an access token that a [ResourceServer] has accepted. If it is
// a JWT, its signature and claims have passed every check; if it is opaque, its
// server has said that it is active. There is no other way to get an AccessToken.
// It is immutable, and contains nothing of the request that it came with. The nil
// and the zero AccessToken contain nothing.
type AccessToken struct {
	content *accessTokenData
}

// accessTokenData stands behind a pointer as idTokenData does.
type accessTokenData struct {
	acceptedBy *ResourceServer // who found it good
	verified   bool            // by its signature: no server was asked
	server     string          // the issuer of the metadata of the server whose keys did
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

// Issuer returns the iss claim. If the server has several tenants, it is the issuer
// of the tenant. If the token is opaque and its server does not name the issuer, it
// is the issuer of the server that was asked.
func (t *AccessToken) Issuer() string { return t.data().issuer }

// Subject returns the sub claim: the user, unique within the issuer, or the client
// if it acts for itself. It is empty if the token is opaque and its server does not
// name the subject, or if the profile makes sub optional.
//
// WARNING: A client may be able to choose a client id that is also the subject of a
// user (RFC 9068, Section 5).
func (t *AccessToken) Subject() string { return t.data().subject }

// Identity returns the issuer and the subject. A program should identify users by
// both together. If the token has no subject, the error matches [ErrClaim]; such a
// token may belong to a client that acts for itself (see ClientID). If t is nil or
// the zero AccessToken, the error matches [ErrConfig].
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

// ClientID returns the client that the token was issued to: the client_id claim, or
// the claim that the profile names. It may be empty in the same cases as Subject.
func (t *AccessToken) ClientID() string { return t.data().clientID }

// Audience returns the aud claim. It contains the resource, unless the profile
// compares clients instead, or the token is opaque and its server does not name an
// audience.
func (t *AccessToken) Audience() []string { return slices.Clone(t.data().audience) }

// Scope returns the scopes of the token: the scope claim, or the claim that the
// profile names.
func (t *AccessToken) Scope() []string { return t.data().scope.list() }

// HasScope reports whether the token has the scope.
func (t *AccessToken) HasScope(scope string) bool { return t.data().scope.has(scope) }

// Expiry returns the exp claim. It is zero if the token is opaque and its server
// does not say when it expires.
func (t *AccessToken) Expiry() time.Time { return t.data().expiry }

// IssuedAt returns the iat claim. It is zero if the token has none.
func (t *AccessToken) IssuedAt() time.Time { return t.data().issuedAt }

// AuthTime returns the auth_time claim, the time at which the user authenticated.
// It is zero if the token has none.
func (t *AccessToken) AuthTime() time.Time { return t.data().rarely().authTime }

// ACR returns the acr claim, which says how the user authenticated. It is empty if
// the token has none.
func (t *AccessToken) ACR() string { return t.data().rarely().acr }

// ID returns the jti claim. It is empty if the token has none.
func (t *AccessToken) ID() string { return t.data().id }

// AuthorizationDetails returns the authorization_details claim (RFC 9396, Section
// 9). It is nil if the token has none.
func (t *AccessToken) AuthorizationDetails() []AuthorizationDetail {
	return cloneDetails(t.data().rarely().details)
}

// KeyThumbprint returns the RFC 7638 thumbprint of the DPoP key to which the token
// is bound. The request has proved that its sender has the key. It is empty if the
// token is not bound to a key.
func (t *AccessToken) KeyThumbprint() string { return t.data().confirmation().jkt }

// CertificateThumbprint returns the thumbprint (x5t#S256) of the client certificate
// to which the token is bound. The request came with that certificate. It is empty
// if the token is not bound to a certificate.
func (t *AccessToken) CertificateThumbprint() string { return t.data().confirmation().x5t }

// Raw returns the token as it was received, for use with [Client.ExchangeToken]. A
// token for this resource is useless at another one, and must not be passed on.
func (t *AccessToken) Raw() Secret { return NewSecret(t.data().raw) }

// Claims decodes the claims into dst, as [encoding/json] does. For an opaque token,
// they are the members of the introspection response. If two members have names
// that encoding/json does not distinguish, for example email and Email, or if the
// claims do not fit dst, the error matches [ErrClaim].
func (t *AccessToken) Claims(dst any) error {
	return withOp(opResource, unmarshalClaims(t.data().payload, dst))
}

// Format prints only the issuer, the subject and the client.
func (t AccessToken) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.summary()) }

// LogValue returns the issuer, the subject and the client.
func (t AccessToken) LogValue() slog.Value { return slog.StringValue(t.summary()) }

func (t *AccessToken) summary() string {
	d := t.data()
	return "AccessToken(" + printable(d.issuer, 256) + " " + printable(d.subject, 256) + " " + printable(d.clientID, 128) + ")"
}

// MarshalJSON always returns an error, because a program that decodes the result
// would trust it.
func (t AccessToken) MarshalJSON() ([]byte, error) {
	return nil, withOp(opResource, fail(ErrConfig, "", "an AccessToken does not encode itself: keep what Claims gives"))
}

const opResource = "resource server"
