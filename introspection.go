package oauth

// This file implements token introspection: RFC 7662, and RFC 9701 for answers
// that are signed, or signed and encrypted.

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"
)

const opIntrospection = "introspection"

// EndpointOptions are the options of [Client.Introspect] and [Client.Revoke]. The zero
// value means the defaults.
type EndpointOptions struct {
	unprinted

	// TokenTypeHint is the type of the token, "access_token" or "refresh_token", which
	// helps the server to find it. If empty, it is not sent.
	TokenTypeHint string
	// Params contains additional parameters. It must not contain parameters that the
	// package sets.
	Params url.Values
	// Header contains additional header fields of the request. It must not contain
	// fields that the package or net/http sets.
	Header http.Header
	// ResponseHeader receives the header fields of the response; see
	// GrantOptions.ResponseHeader.
	ResponseHeader http.Header
}

// tokenForm makes the parameters of RFC 7662, Section 2.1 and RFC 7009, Section
// 2.1, and the further header fields.
func (o *EndpointOptions) tokenForm(token string) (url.Values, headerFields, error) {
	if token == "" {
		return nil, headerFields{}, fail(ErrConfig, "token", "is empty")
	}
	form := url.Values{"token": {token}}
	if o == nil {
		return form, headerFields{}, nil
	}
	if o.TokenTypeHint != "" {
		form.Set("token_type_hint", o.TokenTypeHint)
	}
	fields := headerFields{o.Header, o.ResponseHeader}
	if err := fields.check(); err != nil {
		return nil, headerFields{}, err
	}
	err := setParams(form, o.Params, "token_type_hint", "client_id", "client_secret", "client_assertion", "client_assertion_type")
	return form, fields, err
}

// An Introspection contains the server's statements about an active token. It is
// immutable. Statements that the server did not make have the zero value.
type Introspection struct {
	content *introspectionData
}

// introspectionData stands behind a pointer as idTokenData does.
type introspectionData struct {
	tokenClaims
	raw                 string // the signed answer; "" if it was not signed
	username, tokenType string
}

// tokenClaims are what is said of an access token: by itself, if it is a JWT, or by its
// server (RFC 7662, Section 2.2).
type tokenClaims struct {
	payload string // the object that they stand in

	issuer, tenant, subject, clientID, id string

	audience   []string
	one        [1]string // room for the audience, of which there mostly is one
	scope      scopeText
	tokenTimes             // of an opaque token maybe none is known
	rare       *rareClaims // nil: it has none of them
}

// rareClaims are those that many tokens have none of: a client's own, and plain bearer
// tokens. They stand apart because a token is made for each request, and what it allocates
// costs as much as reading it. They are never changed: an Introspection and the AccessToken
// that is made of it share them.
type rareClaims struct {
	acr      string
	authTime time.Time
	details  []AuthorizationDetail
	confirm  confirmation
}

// rarely returns the rare claims; empty ones if the token has none.
func (d *tokenClaims) rarely() rareClaims {
	if d.rare == nil {
		return rareClaims{}
	}
	return *d.rare
}

// confirmation is what the token is bound to; the zero one if it is to nothing.
func (d *tokenClaims) confirmation() confirmation { return d.rarely().confirm }

// kept is nil if there are none.
func (r rareClaims) kept() *rareClaims {
	if r.acr != "" || !r.authTime.IsZero() || r.details != nil || r.confirm != (confirmation{}) {
		some := r // else each of them were on the heap
		return &some
	}
	return nil
}

// read takes out the claims that have one name and one form everywhere.
func (d *tokenClaims) read(o *jsonObject) (err error) {
	if d.tokenTimes, err = o.times(); err != nil {
		return err
	}
	// RFC 9470, Section 6.2. Servers had these in a form of their own before. One that
	// cannot be read is missing for a Requirement that needs it.
	informs := o.informing()
	var r rareClaims
	r.acr, _, _ = informs.string("acr")
	r.authTime, _, _ = informs.authTime()
	if r.details, err = o.authorizationDetails(); err != nil {
		return err
	}
	if r.confirm, err = readConfirmation(o); err != nil {
		return err
	}
	d.rare = r.kept()
	return nil
}

// data is never nil: the nil and the zero Introspection are inert.
func (i *Introspection) data() *introspectionData {
	if i == nil || i.content == nil {
		return new(introspectionData)
	}
	return i.content
}

// Scope returns the scopes of the token.
func (i *Introspection) Scope() []string { return i.data().scope.list() }

// ClientID returns the client_id of the client to which the token was issued. It is
// empty if the server did not state it.
func (i *Introspection) ClientID() string { return i.data().clientID }

// Username returns the username, which is meant to be read by people. It is empty if
// the server did not state it.
func (i *Introspection) Username() string { return i.data().username }

// TokenType returns the token_type, which states how the token must be presented. It is
// empty if the server did not state it.
func (i *Introspection) TokenType() string { return i.data().tokenType }

// Expiry returns the exp member. It is zero if the server did not state it.
func (i *Introspection) Expiry() time.Time { return i.data().expiry }

// IssuedAt returns the iat member. It is zero if the server did not state it.
func (i *Introspection) IssuedAt() time.Time { return i.data().issuedAt }

// NotBefore returns the nbf member. It is zero if the server did not state it.
func (i *Introspection) NotBefore() time.Time { return i.data().start }

// Subject returns the sub member. It is empty if the server did not state it.
func (i *Introspection) Subject() string { return i.data().subject }

// Audience returns the aud member. It is nil if the server did not state it.
func (i *Introspection) Audience() []string { return slices.Clone(i.data().audience) }

// Issuer returns the iss member. It is empty if the server did not state it.
func (i *Introspection) Issuer() string { return i.data().issuer }

// ID returns the jti member. It is empty if the server did not state it.
func (i *Introspection) ID() string { return i.data().id }

// ACR returns the acr member, which states how the user authenticated (RFC 9470,
// Section 6.2). It is empty if the server did not state it.
func (i *Introspection) ACR() string { return i.data().rarely().acr }

// AuthTime returns the auth_time member, which is the time at which the user
// authenticated. It is zero if the server did not state it.
func (i *Introspection) AuthTime() time.Time { return i.data().rarely().authTime }

// AuthorizationDetails returns the authorization details of the token (RFC 9396,
// Section 9.2). It is nil if the server did not state them.
func (i *Introspection) AuthorizationDetails() []AuthorizationDetail {
	return cloneDetails(i.data().rarely().details)
}

// KeyThumbprint returns the thumbprint (RFC 7638, the jkt of cnf) of the DPoP key to
// which the token is bound. It is empty if the token is not bound to a key.
func (i *Introspection) KeyThumbprint() string { return i.data().confirmation().jkt }

// CertificateThumbprint returns the thumbprint (x5t#S256) of the certificate to which
// the token is bound (RFC 8705, Section 3.2). It is empty if the token is not bound to
// a certificate.
func (i *Introspection) CertificateThumbprint() string { return i.data().confirmation().x5t }

// Raw returns the signed response, which can be kept as evidence. If the server
// encrypted the response, it is the decrypted, signed one. It is empty if the response
// was not signed.
func (i *Introspection) Raw() string { return i.data().raw }

// Claims decodes the response into dst, as [encoding/json] does. That package ignores
// the case of names. If two members have names that it would not distinguish, the error
// matches [ErrClaim].
func (i *Introspection) Claims(dst any) error {
	return withOp(opIntrospection, unmarshalClaims(i.data().payload, dst))
}

// Format implements [fmt.Formatter]. It prints subject and client, and no other
// personal data.
func (i Introspection) Format(f fmt.State, _ rune) { fmt.Fprint(f, i.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (i Introspection) LogValue() slog.Value { return slog.StringValue(i.summary()) }

// MarshalJSON always returns an error, because a reader of the result would trust it
// without having verified it. Use Claims or Raw.
func (i Introspection) MarshalJSON() ([]byte, error) {
	return nil, withOp(opIntrospection, fail(ErrConfig, "", "an Introspection does not encode itself: keep what Claims gives, or Raw"))
}

func (i *Introspection) summary() string {
	d := i.data()
	return "Introspection(" + printable(d.subject, 256) + " " + printable(d.clientID, 128) + ")"
}

// Introspect asks the server about a token. opts may be nil. If
// Metadata.IntrospectionSignedResponseAlg is set, the response must be signed. If
// Metadata.IntrospectionEncryptedResponseAlg is set, it must be signed and encrypted. A
// response that the token is not active may come in plain JSON all the same. A member
// of another type than RFC 7662, Section 2.2 states counts as absent, except for active
// and cnf; Claims still has it.
//
// WARNING: Introspect does not check the audience, the scope or the binding of the
// token. The caller must do so.
//
// Introspect returns the errors of a request. If the token is not active, the error
// matches [ErrInactive]. A token is not active if it has expired, was revoked, is
// unknown, or must not be known to this client; some servers only tell clients in its
// audience. If the token is bound in a way that the
// package does not know, the error matches [ErrBinding].
func (c *Client) Introspect(ctx context.Context, token string, opts *EndpointOptions) (*Introspection, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	i, _, err := c.introspect(ctx, token, opts)
	if err != nil {
		return nil, withOp(opIntrospection, err)
	}
	return i, nil
}

// introspect also returns the object that the Introspection was read from.
func (c *Client) introspect(ctx context.Context, token string, opts *EndpointOptions) (*Introspection, jsonObject, error) {
	form, fields, err := opts.tokenForm(token)
	if err != nil {
		return nil, jsonObject{}, err
	}
	accept := mediaJSON
	if !isPlain(c.meta.IntrospectionSignedResponseAlg) || c.encrypted.introspection.as != nil {
		accept = mediaIntrospectionJWT
	}
	res, err := c.postFor(ctx, introspectionEndpoint, opIntrospection, form, fields, accept, 0)
	if err != nil {
		return nil, jsonObject{}, err
	}
	i, o, err := c.processIntrospectionResponse(ctx, res)
	if err != nil {
		return nil, jsonObject{}, res.withoutSecrets(err)
	}
	return i, o, nil
}

const mediaIntrospectionJWT = "application/token-introspection+jwt"

func (c *Client) processIntrospectionResponse(ctx context.Context, res *httpResponse) (i *Introspection, o jsonObject, err error) {
	if err := res.expect(http.StatusOK); err != nil {
		return nil, o, err
	}
	d := new(introspectionData)
	signed, encrypted := c.meta.IntrospectionSignedResponseAlg, c.encrypted.introspection.as != nil
	switch token, ok := res.jwt(mediaIntrospectionJWT, !isPlain(signed) || encrypted); {
	case signed == plainJSON && ok:
		err = fail(ErrResponse, "Content-Type", "the answer is a JWT, although Metadata.IntrospectionSignedResponseAlg is none")
	case ok:
		o, err = c.introspectionJWT(ctx, token, d)
	default:
		d.payload = res.text()
		o, err = res.object()
	}
	if err != nil {
		return nil, o, err
	}
	active, ok, err := o.bool("active")
	switch {
	case err != nil:
		return nil, o, err
	case !ok:
		return nil, o, fail(o.kind, "active", "is missing")
	case !active: // Authelia says this without a signature, always: it can only refuse
		return nil, o, fail(ErrInactive, "active", "the token is not active: it has expired, was revoked or is not known, or this client may not ask about it (some servers, such as Keycloak, want the asking client in the aud of the token)")
	case d.raw == "" && encrypted:
		return nil, o, fail(ErrResponse, "Content-Type", "the answer is not encrypted, although Metadata.IntrospectionEncryptedResponseAlg is set")
	case d.raw == "" && !isPlain(signed):
		return nil, o, fail(ErrResponse, "Content-Type", "the answer is not signed, although Metadata.IntrospectionSignedResponseAlg is set")
	}
	informs := o.informing()
	if err := d.readAnswer(&informs); err != nil {
		return nil, o, err
	}
	// RFC 7800: what binds the token is for whoever takes it to know. What cannot be read
	// is not missing.
	r := d.rarely()
	if r.confirm, err = readConfirmation(&o); err != nil {
		return nil, o, err
	}
	d.rare = r.kept()
	return &Introspection{d}, o, nil
}

// readAnswer takes the members of RFC 7662, Section 2.2 out of the answer. Who asks is
// told what can be told; a resource server, which decides by them, reads them again.
func (d *introspectionData) readAnswer(o *jsonObject) (err error) {
	if d.issuer, _, err = o.string("iss"); err != nil {
		return err
	}
	if d.tokenType, _, err = o.string("token_type"); err != nil {
		return err
	}
	informs := o.informing() // a server need not say any of them
	for _, m := range [...]struct {
		name string
		dst  *string
	}{{"sub", &d.subject}, {"client_id", &d.clientID}, {"username", &d.username}, {"jti", &d.id}} {
		*m.dst, _, _ = informs.string(m.name)
	}
	if d.scope, _, err = o.scope("scope"); err != nil {
		return err
	}
	if d.audience, _, err = o.strings("aud", true); err != nil {
		return err
	}
	return d.read(o)
}

// introspectionType is RFC 9701, Section 5: a JWT of another type is not an
// answer, and an answer is no other JWT.
func introspectionType(typ string) bool { return typ == "token-introspection+jwt" }

// introspectionJWT verifies a signed answer (RFC 9701, Section 5) and returns
// the object in it.
func (c *Client) introspectionJWT(ctx context.Context, token string, d *introspectionData) (o jsonObject, err error) {
	allowed, err := c.rules.allowed("Metadata.IntrospectionSignedResponseAlg", c.meta.IntrospectionSignedResponseAlg,
		"Server.IntrospectionSigningAlgValuesSupported", c.server.IntrospectionSigningAlgValuesSupported, RS256)
	if err != nil {
		return o, err
	}
	if d.raw, err = c.signedToken(ctx, token, &c.encrypted.introspection); err != nil {
		return o, err
	}
	keys, err := c.keySet()
	if err != nil {
		return o, err
	}
	v, err := verifyJWS(ctx, d.raw, keys, fromServer, &jwsRules{allowed: allowed, typ: introspectionType, what: "an introspection response"})
	if err != nil {
		return o, err
	}
	claims, err := v.ownClaims()
	if err != nil {
		return o, err
	}
	if _, err := c.checkIssuer(&claims, v.key); err != nil {
		return o, err
	}
	if _, err := c.audienceOf(&claims, nil); err != nil {
		return o, err
	}
	if !claims.has("iat") {
		return o, fail(ErrClaim, "iat", "is missing")
	}
	if err := checkOptionalLifetime(&claims, c.clock.instant()); err != nil {
		return o, err
	}
	o, ok, err := claims.object("token_introspection")
	if err == nil && !ok {
		err = fail(ErrClaim, "token_introspection", "is missing")
	}
	d.payload, _ = claims.get("token_introspection")
	return o, err
}
