package oauth

// This file implements ID tokens and the checks of OpenID Connect Core 1.0,
// Section 3.1.3.7, with those of 3.1.3.6, 3.3.2.11 and 12.2.

import (
	"context"
	"crypto/sha512"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// An IDToken is an ID token whose signature and claims have passed every check. Only
// this package can make one. It is immutable. The accessors of the zero IDToken, and of
// a nil pointer, return zero values.
type IDToken struct {
	content *idTokenData
}

// idTokenData stands behind a pointer for the same reason as the text of a
// Secret: with a verb that does not fit, fmt prints the fields of whatever
// holds an IDToken, and stops at the second pointer.
type idTokenData struct {
	raw      string
	payload  string
	issuer   string
	subject  string
	audience []string
	one      [1]string // room for the audience, of which there mostly is one
	authTime time.Time
	tokenTimes
	nonce string
	acr   string
	sid   string
	alg   *algorithm
}

// newIDToken makes an IDToken and its data in one piece.
func newIDToken() (*IDToken, *idTokenData) {
	both := new(struct {
		token IDToken
		data  idTokenData
	})
	both.token.content = &both.data
	return &both.token, &both.data
}

// data is never nil: the nil and the zero IDToken are inert.
func (id *IDToken) data() *idTokenData {
	if id == nil || id.content == nil {
		return new(idTokenData)
	}
	return id.content
}

// Issuer returns the iss claim. For a multi-tenant server it is the issuer of the
// tenant.
func (id *IDToken) Issuer() string { return id.data().issuer }

// Subject returns the sub claim, which identifies the user. It is unique within the
// issuer, which never assigns it to another user.
func (id *IDToken) Subject() string { return id.data().subject }

// Identity returns the issuer and the subject, which together identify the user. A
// program must identify its users by both, because a subject is unique only within its
// issuer.
//
// If id is nil or zero, the error matches [ErrConfig].
func (id *IDToken) Identity() (issuer, subject string, err error) {
	d := id.data()
	if d.issuer == "" || d.subject == "" {
		return "", "", withOp(opIDToken, fail(ErrConfig, "IDToken", "is nil or empty, and says of nobody who it is: ask for scope openid"))
	}
	return d.issuer, d.subject, nil
}

// Audience returns the aud claim. It contains the client_id.
func (id *IDToken) Audience() []string { return slices.Clone(id.data().audience) }

// Expiry returns the exp claim.
func (id *IDToken) Expiry() time.Time { return id.data().expiry }

// IssuedAt returns the iat claim.
func (id *IDToken) IssuedAt() time.Time { return id.data().issuedAt }

// AuthTime returns the auth_time claim, which is the time at which the user
// authenticated. It is zero if the token has no auth_time.
func (id *IDToken) AuthTime() time.Time { return id.data().authTime }

// Nonce returns the nonce claim. It is empty if the token has no nonce.
func (id *IDToken) Nonce() string { return id.data().nonce }

// ACR returns the acr claim, which states how the user authenticated. It is empty if
// the token has no acr.
func (id *IDToken) ACR() string { return id.data().acr }

// AMR returns the amr claim, which lists the authentication methods. It is nil if the
// token has no amr, or if its amr is not a list of strings.
func (id *IDToken) AMR() []string {
	o, err := parseObject(id.data().payload, answerForm, ErrClaim)
	if err != nil {
		return nil
	}
	list, _, _ := o.strings("amr", false)
	return list
}

// SessionID returns the sid claim, which identifies the user's session at the server.
// It is empty if the token has no sid.
func (id *IDToken) SessionID() string { return id.data().sid }

// EmailVerified reports whether the email_verified claim is true. Some servers, for
// example Apple and Amazon Cognito, send it as a string, which is accepted.
func (id *IDToken) EmailVerified() bool {
	o, err := parseObject(id.data().payload, answerForm, ErrClaim)
	return err == nil && emailVerified(&o)
}

// Raw returns the signed token, for use as an id_token_hint. If the server encrypted
// the token, it is the decrypted, signed one. It contains personal data.
func (id *IDToken) Raw() string { return id.data().raw }

// Claims decodes the claims into dst, as [encoding/json] does. That package ignores the
// case of names. If two claims have names that it would not distinguish, the error
// matches [ErrClaim].
func (id *IDToken) Claims(dst any) error {
	return withOp(opIDToken, unmarshalClaims(id.data().payload, dst))
}

// Format implements [fmt.Formatter]. It prints issuer and subject, and no other
// personal data.
func (id IDToken) Format(f fmt.State, _ rune) { fmt.Fprint(f, id.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (id IDToken) LogValue() slog.Value { return slog.StringValue(id.summary()) }

func (id *IDToken) summary() string {
	return "IDToken(" + printable(id.data().issuer, 256) + " " + printable(id.data().subject, 256) + ")"
}

// MarshalJSON always returns an error, because a reader of the result would trust it
// without having verified it. Use Claims, or [Token.MarshalBinary].
func (id IDToken) MarshalJSON() ([]byte, error) {
	return nil, withOp(opIDToken, fail(ErrConfig, "", "an IDToken does not encode itself: keep what Claims gives, or Token.MarshalBinary"))
}

// A nonceRule says what is expected of the nonce.
type nonceRule int

const (
	nonceEqual     nonceRule = iota // present and equal to the one sent, absent if none was
	nonceIfPresent                  // equal where there is one: a refreshed token
	nonceIgnored                    // VerifyIDToken with InsecureNoNonce; no authorization request was made
)

// idTokenChecks is what a token is held against, beside the configuration.
type idTokenChecks struct {
	nonce     string
	nonceRule nonceRule
	acr       []string  // one of which the token must have; nil: any
	acrIfAny  bool      // in a refreshed token: only if it says one
	maxAge    *int64    // seconds; nil: no limit
	anyAge    bool      // with maxAge auth_time has to be there, of whatever age
	started   time.Time // when the user was sent to the server; zero: not known
	requested time.Time // the token is not older: no nonce ties it to the request; zero: of any age

	accessToken string // came with the token: at_hash
	code        string // came with the token: c_hash
	state       string // of the request: s_hash
	needSHash   bool   // s_hash is required (FAPI 1 Advanced)
	outside     bool   // not from a flow of ours: azp may be another client
	frontend    bool   // came through the browser
}

// verifyIDToken is the way of every ID token, wherever it came from: also one
// that came over TLS from the token endpoint, where Core 3.1.3.7 step 6 would
// let the signature be.
func (c *Client) verifyIDToken(ctx context.Context, raw string, from source, checks *idTokenChecks) (*IDToken, error) {
	id, err := c.checkIDToken(ctx, raw, from, checks)
	if err != nil {
		return nil, withOp(opIDToken, err)
	}
	return id, nil
}

// laterChecks are those of an ID token that answers no authorization request:
// nonce and max_age were parameters of one.
func (c *Client) laterChecks() idTokenChecks {
	return idTokenChecks{nonceRule: nonceIgnored, maxAge: c.meta.DefaultMaxAge, anyAge: true}
}

func (c *Client) checkIDToken(ctx context.Context, raw string, from source, checks *idTokenChecks) (*IDToken, error) {
	keys, err := c.keySet()
	if err != nil {
		return nil, err
	}
	if raw, err = c.signedToken(ctx, raw, &c.encrypted.idToken); err != nil { // step 1
		return nil, err
	}
	v, err := verifyJWS(ctx, raw, keys, from, &c.idTokens) // steps 6, 7
	if err != nil {
		return nil, err
	}
	r := newJSONReader()
	defer r.release()
	claims, err := v.claims(r)
	if err != nil {
		return nil, err
	}
	claims.nullAbsent = true // authentik has had nonce and at_hash null
	// A security event or logout token must not pass for an ID token (RFC 8417,
	// Section 4.1), whatever its typ.
	if claims.has("events") {
		return nil, fail(ErrType, "events", "a security event is not an ID token")
	}
	if name := saysKind(&claims, "bearer", "dpop", "access", "access_token", "refresh", "refresh_token", "offline"); name != "" {
		return nil, fail(ErrType, name, "the server says that the token is not an ID token")
	}
	// scp is that of Entra ID and Okta. Those of Spring Authorization Server have the
	// client as aud, no typ and a scope: only a nonce tells an ID token from one then.
	for _, name := range [...]string{"scp", "scope"} {
		if claims.has(name) && (name == "scp" || checks.outside && checks.nonce == "") {
			return nil, fail(ErrType, name, "only access tokens have it: the token is not an ID token")
		}
	}
	token, id := newIDToken()
	id.raw, id.payload, id.alg = raw, v.payload, v.alg
	if id.issuer, err = c.checkIssuer(&claims, v.key); err != nil { // step 2
		return nil, err
	}
	if id.subject, err = claims.need("sub"); err != nil {
		return nil, err
	}
	if id.audience, err = c.checkAudience(&claims, id.one[:0], checks.outside); err != nil { // steps 3 to 5
		return nil, err
	}
	if err := c.checkTimesOf(&claims, id, checks); err != nil { // steps 9, 10, 13
		return nil, err
	}
	if err := checkNonce(&claims, id, checks); err != nil { // step 11
		return nil, err
	}
	if err := checkACR(&claims, id, checks); err != nil {
		return nil, err
	}
	informs := claims.informing()
	id.sid, _, _ = informs.string("sid") // for a logout to come
	if err := checkHash(&claims, "at_hash", v.alg, checks.accessToken, checks.outside && checks.accessToken != ""); err != nil {
		return nil, err
	}
	// Core 3.3.2.11: in a token from the authorization endpoint c_hash is
	// required; and a caller from outside has named what is to be bound.
	if err := checkHash(&claims, "c_hash", v.alg, checks.code, (checks.frontend || checks.outside) && checks.code != ""); err != nil {
		return nil, err
	}
	// FAPI 1 Advanced, Section 5.2.2.1: the ID token is the detached signature
	// of code and state.
	if err := checkHash(&claims, "s_hash", v.alg, checks.state, checks.needSHash && checks.state != ""); err != nil {
		return nil, err
	}
	return token, nil
}

// checkAudience is steps 3 to 5: the client is an audience; azp, if present, is the
// client; and without it the token is for nobody else who is not trusted.
func (c *Client) checkAudience(claims *jsonObject, room []string, outside bool) ([]string, error) {
	aud, err := c.audienceOf(claims, room)
	if err != nil {
		return nil, err
	}
	other := slices.IndexFunc(aud, func(s string) bool { return s != c.meta.ClientID && !slices.Contains(c.audiences, s) })
	azp, ok, err := claims.string("azp")
	switch {
	case err != nil:
		return nil, err
	case !ok && other >= 0:
		return nil, fail(ErrAudience, "aud", "the token is for %s as well, and has no azp: if that party may present this client's tokens, list it in Config.TrustedAudiences", printable(aud[other], 256))
	case !ok, outside && len(aud) == 1: // Google's mobile clients get tokens for their server
		return aud, nil
	case azp != c.meta.ClientID:
		return nil, fail(ErrAudience, "azp", "the token was issued to another client")
	}
	return aud, nil
}

// checkTimesOf is steps 9, 10 and 13. exp and iat are required.
func (c *Client) checkTimesOf(claims *jsonObject, id *idTokenData, checks *idTokenChecks) (err error) {
	if id.tokenTimes, err = claims.times(); err != nil {
		return err
	}
	at := c.clock.instant()
	if err := id.checkLifetime(at); err != nil {
		return err
	}
	if id.issuedAt.IsZero() {
		return fail(ErrClaim, "iat", "is missing")
	}
	// That of an earlier login has the same claims otherwise (FAPI-CIBA tests it).
	if !checks.requested.IsZero() && id.issuedAt.Before(checks.requested.Add(-maxAhead)) {
		return fail(ErrExpired, "iat", "the token was issued before it was asked for: at %s, the request is from %s", stamp(id.issuedAt), stamp(checks.requested))
	}
	if checks.frontend {
		if err := at.checkAge("iat", id.issuedAt, frontChannelAge); err != nil {
			return err
		}
	}
	var ok bool
	if c.meta.RequireAuthTime || checks.maxAge != nil {
		id.authTime, ok, err = claims.date("auth_time")
		if err == nil && !ok {
			err = fail(ErrClaim, "auth_time", "is missing, and the age of the authentication has to be known")
		}
	} else {
		informs := claims.informing()
		id.authTime, ok, _ = informs.date("auth_time")
	}
	if err != nil || !ok {
		return err
	}
	if err := at.checkNotAhead("auth_time", id.authTime); err != nil {
		return err
	}
	// The age is that at the time of the request: who authenticated since then
	// did so for it, however long consent took afterwards.
	since := !checks.started.IsZero() && !id.authTime.Before(checks.started.Add(-at.tolerance))
	if checks.maxAge != nil && !checks.anyAge && !since {
		return at.checkAge("auth_time", id.authTime, seconds(*checks.maxAge))
	}
	return nil
}

func checkNonce(claims *jsonObject, id *idTokenData, checks *idTokenChecks) error {
	nonce, ok, err := claims.string("nonce")
	if err != nil {
		return err
	}
	id.nonce = nonce
	switch {
	case checks.nonceRule == nonceIgnored, checks.nonceRule == nonceIfPresent && !ok:
		return nil
	case !ok && checks.nonce != "":
		return fail(ErrNonce, "nonce", "is missing: the token is not an answer to this request; for a server that never sends it back there is AuthorizationRequest.InsecureNoNonce")
	case ok && checks.nonce == "":
		return fail(ErrNonce, "nonce", "the token has one, but none was sent")
	case !sameSecret(nonce, checks.nonce):
		return fail(ErrNonce, "nonce", "is not the one that was sent: the token is not an answer to this request")
	}
	return nil
}

// checkACR is Core 5.5.1.1: "If this is an Essential Claim and the requirement cannot
// be met, then the Authorization Server MUST treat that outcome as a failed
// authentication attempt". A server may not have understood.
func checkACR(claims *jsonObject, id *idTokenData, checks *idTokenChecks) error {
	informs := claims.informing()
	acr, _, _ := informs.string("acr") // IBM Cloud IAM has a number
	id.acr = acr
	if checks.acr != nil && (claims.has("acr") || !checks.acrIfAny) && !slices.Contains(checks.acr, acr) {
		return fail(ErrClaim, "acr", "is %s, and not one of AuthorizationRequest.RequireACR", printable(acr, 64))
	}
	return nil
}

// checkHash compares a hash claim (Core 3.1.3.6): the left half of the hash of
// value. It is judged wherever it stands and a value came with the token.
func checkHash(claims *jsonObject, name string, alg *algorithm, value string, required bool) error {
	got, ok, err := claims.string(name)
	switch {
	case err != nil:
		return err
	case !ok && required:
		return fail(ErrClaim, name, "is missing")
	case !ok || value == "":
		return nil
	}
	var buf [sha512.Size]byte
	h := sum(alg.half, []byte(value), &buf)
	if !sameSecret(got, encodeBase64URL(h[:len(h)/2])) {
		return fail(ErrClaim, name, "is not the hash of what came with the token")
	}
	return nil
}

// VerifyIDTokenOptions are the options of [Client.VerifyIDToken].
type VerifyIDTokenOptions struct {
	unprinted

	// Nonce is the nonce that was sent. If empty, none was sent, and the token must not
	// have one.
	//
	// WARNING: Without a nonce nothing ties the token to this program or to this user's
	// browser. An attacker who obtains an ID token of the client, for example from a
	// log or from another part of the system, can present it to the program until it
	// expires. The token may even be an access token, if the server's access tokens
	// name the client as their audience. If it has a scope, it is refused. If it has
	// none, Metadata.RequireAuthTime refuses it, provided that the server's ID tokens
	// have an auth_time.
	Nonce string
	// InsecureNoNonce ignores the nonce, for tokens with a nonce that the program does
	// not know. The warning of Nonce applies. Nonce must be empty.
	InsecureNoNonce bool
	// MaxAge is the maximum time in seconds since the user authenticated. If nil, it is
	// Metadata.DefaultMaxAge.
	MaxAge *int64
	// AccessToken and Code are the access token and the code that arrived with the ID
	// token. If they are set, the token must have an at_hash and a c_hash, which must
	// match. If they are empty, nothing else arrived. The token endpoint may omit
	// at_hash. In this case, AccessToken should be left empty.
	AccessToken, Code string
}

// VerifyIDToken verifies an ID token that does not come from a flow of this package,
// for example from Google One Tap, a native app or a workload identity. It makes the
// same checks as for every ID token, except that azp may name another client if this
// client is the only audience.
//
// If the token is bad, the error matches [ErrInvalid]. If the keys of the server are
// not available, it matches [ErrUnavailable]. If the options or the configuration are
// wrong, it matches [ErrConfig].
func (c *Client) VerifyIDToken(ctx context.Context, raw string, opts VerifyIDTokenOptions) (*IDToken, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	x := &idTokenChecks{
		nonce: opts.Nonce, maxAge: opts.MaxAge,
		accessToken: opts.AccessToken, code: opts.Code, outside: true,
	}
	if err := c.rules.weakens(opts.InsecureNoNonce, "InsecureNoNonce"); err != nil {
		return nil, withOp(opIDToken, err)
	}
	if opts.InsecureNoNonce {
		if opts.Nonce != "" {
			return nil, withOp(opIDToken, fail(ErrConfig, "InsecureNoNonce", "is set together with a Nonce"))
		}
		x.nonceRule = nonceIgnored
	}
	if x.maxAge == nil {
		x.maxAge = c.meta.DefaultMaxAge
	}
	if x.maxAge != nil && *x.maxAge < 0 {
		return nil, withOp(opIDToken, fail(ErrConfig, "MaxAge", "is negative"))
	}
	return c.verifyIDToken(ctx, raw, fromAnybody, x)
}
