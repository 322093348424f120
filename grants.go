package oauth

// This file implements the grants that need no user at the browser: refresh
// (RFC 6749, Section 6; OpenID Connect Core 1.0, Section 12), client
// credentials (RFC 6749, Section 4.4), token exchange (RFC 8693), JWT bearer
// (RFC 7523) and any other (RFC 6749, Section 4.5).

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// Refresh returns a new access token, which it requests with the refresh token of t.
// The new Token keeps everything of t that is still valid: the identity of the user,
// and the refresh token if the server issues no new one. opts may be nil.
//
// The caller must store the new Token at once. Servers that rotate refresh tokens treat
// a second use of the old one as theft. OpenID Connect servers issue refresh tokens if
// the scope offline_access is requested; many also require the prompt consent (OpenID
// Connect Core, Section 11).
//
// If the response contains an ID token, it is verified and must be about the same user
// of the same issuer (OpenID Connect Core, Section 12.2). If t came with an ID token,
// Refresh fetches the server's keys before it makes the request.
//
// GrantOptions.Scope can only narrow the granted scope (RFC 6749, Section 6). A scope
// that is not in Token.Scope must have been granted before an earlier refresh narrowed
// it. Otherwise the error matches [ErrConfig], unless Token.Scope is empty.
//
// Refresh returns the errors of a request. If the server's keys are not available, the
// error matches [ErrUnavailable]. If the refresh token of a public client is bound to
// another key than Config.DPoP (RFC 9449, Section 5), it matches [ErrBinding]. In both
// cases the refresh token is still valid, and Refresh can be called again.
//
// If the error is a [*ResponseError] with the code invalid_grant, the refresh token can
// no longer be used, and the user must log in again.
//
// If something fails after the server has issued a new refresh token, the error is a
// [*RefreshError], which contains it. For example, the ID token is bad or cannot be
// verified yet, a member of the response cannot be used, ctx ends, or Config.Decrypter
// panics. There is one exception: if the ID token is about another login (issuer,
// audience, nonce or user), the new refresh token belongs to that login and is
// discarded.
//
// If there was no response, or if it is not JSON, a new refresh token is lost. After
// [ErrNetwork] the server may have rotated the token.
func (c *Client) Refresh(ctx context.Context, t *Token, opts *GrantOptions) (*Token, error) {
	now, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	fresh, _, err := c.refresh(ctx, now, t, opts)
	if err != nil {
		return nil, withOp(opToken, err)
	}
	return fresh, nil
}

// A refreshing is a refresh that was begun.
type refreshing struct {
	of       *Client // whose metadata can change
	c        *Client // of the metadata as they are now
	old      *Token
	expected *tokenExpectation
	granted  string // in the new Token
	resource keptResource

	res     *httpResponse
	rotated Secret       // the new refresh token; zero: none came
	got     *tokenAnswer // nil until the answer was read
	over    bool         // the token endpoint itself says invalid_grant of this refresh token
	foreign bool         // the answer is about another login
}

// refresh is done with now, which is ready of c. It also reports whether the session is
// over, which nothing else that was asked on the way can say.
func (c *Client) refresh(ctx context.Context, now *Client, t *Token, opts *GrantOptions) (fresh *Token, over bool, err error) {
	r := &refreshing{of: c, c: now, old: t.clone()}
	form, err := r.form(opts)
	if err != nil {
		return nil, false, err
	}
	// Of a Token that the program made itself nothing is known.
	if t.login != nil || t.server == "" && now.keysErr == nil {
		if err := now.needKeys(ctx); err != nil {
			return nil, false, err
		}
	}
	if r.res, err = now.post(ctx, tokenEndpoint, opToken, form, opts.fields()); err != nil {
		return nil, false, err
	}
	if r.rotated = r.res.refreshToken(); !r.rotated.IsZero() {
		tellRotation(ctx, r.old.RefreshToken, r.rotated) // t is the caller's, who may have changed it
	}
	fresh, err = r.accept(ctx)
	return fresh, r.over, err
}

func (r *refreshing) form(opts *GrantOptions) (url.Values, error) {
	c, t := r.c, r.old
	if t == nil || t.RefreshToken.IsZero() {
		return nil, fail(ErrConfig, "Token", "has no refresh token: ask for one when the user logs in, with scope offline_access or as the server wants it (Google: access_type=offline in Params)")
	}
	if err := c.checkToken(t); err != nil {
		return nil, err
	}
	if _, public := c.auth.(noAuth); public && t.jkt != "" && t.jkt != c.thumbprint() {
		return nil, fail(ErrBinding, "DPoP", "is another key than the one that the refresh token is bound to, or none: the key must be kept with the token")
	}
	form := url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {t.RefreshToken.Reveal()},
	}
	said := opts.saysResource()
	opts = opts.repeating(t.resource)
	if err := opts.tokenForm(form); err != nil {
		return nil, err
	}
	r.resource = keepResource(form["resource"])
	// RFC 6749, Section 6: a scope that is omitted "is treated as equal to the
	// scope originally granted", whatever an earlier refresh asked for.
	granted := cmp.Or(t.granted, strings.Join(t.Scope, " "))
	if err := opts.checkGranted(granted, t.Scope); err != nil {
		return nil, err
	}
	r.expected = &tokenExpectation{scope: opts.askedScope(granted), checks: c.laterChecks()}
	if nonce := t.identity().nonce; nonce != "" {
		r.expected.checks.nonce, r.expected.checks.nonceRule = nonce, nonceIfPresent
	}
	r.expected.checks.acr, r.expected.checks.acrIfAny = acrList(t.identity().requireACR), true
	if form.Has("scope") || form.Has("resource") && (said || t.granted != "") {
		r.granted = granted
	}
	return form, nil
}

// checkGranted is RFC 6749, Section 6: the scope "MUST NOT include any scope not
// originally granted". If nothing is known, that is for the server to say.
func (o *GrantOptions) checkGranted(granted string, now []string) error {
	if o == nil || granted == "" {
		return nil
	}
	for _, s := range o.Scope {
		if !slices.Contains(strings.Fields(granted), s) && !slices.Contains(now, s) {
			return fail(ErrConfig, "Scope", "%s was not granted: ask for it in an authorization request; if the server grants more than it says (Entra ID), add it to Token.Scope", printable(s, 64))
		}
	}
	return nil
}

// accept makes the new Token of the answer, which it can do again. A panic of what
// takes part in it must not lose the answer.
func (r *refreshing) accept(ctx context.Context) (*Token, error) {
	var fresh *Token
	err := guarded(func() (err error) {
		fresh, err = r.judge(ctx)
		return err
	})
	switch {
	case err == nil:
	case r.rotated.IsZero():
		return nil, err
	case r.foreign: // and so is the refresh token
		tellRotation(ctx, r.rotated, r.old.RefreshToken)
		return nil, err
	default:
		e := &RefreshError{RefreshToken: r.rotated, Err: withOp(opToken, err)}
		if r.got != nil && (errors.Is(err, ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
			e.verifyAgain = r.acceptAgain
		}
		return nil, e
	}
	first := r.old.identity()
	fresh.granted, fresh.resource = r.granted, r.resource
	if fresh.RefreshToken.IsZero() { // Section 6: the old one stays in use
		fresh.RefreshToken = r.old.RefreshToken
	}
	if fresh.login == nil {
		fresh.login = r.old.login
	} else { // Section 12.2: it SHOULD NOT have a nonce
		fresh.login.nonce = cmp.Or(fresh.login.nonce, first.nonce)
		fresh.login.sessionID = cmp.Or(fresh.login.sessionID, first.sessionID)
		// No user took part in this: a session that another application's login has
		// renewed is no step-up here.
		fresh.login.acr, fresh.login.authTime, fresh.login.requireACR = first.acr, first.authTime, first.requireACR
	}
	return fresh, nil
}

// acceptAgain is accept with the metadata as they are then: the keys may have moved.
func (r *refreshing) acceptAgain(ctx context.Context) (*Token, error) {
	again := *r
	if now, err := r.of.ready(ctx); err == nil { // else those of the last time will do
		again.c = now
	}
	return again.accept(ctx)
}

// judge reads and verifies the answer.
func (r *refreshing) judge(ctx context.Context) (*Token, error) {
	if r.got == nil {
		t, idToken, err := r.c.processTokenResponse(r.res, r.expected)
		if err != nil {
			refused, _ := err.(*ResponseError)
			r.over = refused != nil && refused.Code == "invalid_grant"
			return nil, err
		}
		r.got, r.res = newTokenAnswer(t, idToken, r.expected, r.res), nil
	}
	fresh, err := r.c.acceptToken(ctx, r.got)
	if err != nil {
		// The ID token is good, and of another login.
		r.foreign = errors.Is(err, ErrIssuer) || errors.Is(err, ErrAudience) || errors.Is(err, ErrNonce)
		return nil, err
	}
	err = fresh.checkSameUser(r.old.identity())
	r.foreign = err != nil
	return fresh, err
}

// A RefreshError is the error of [Client.Refresh] if it failed after the server had
// issued a new refresh token. The old refresh token must not be used again: servers
// that rotate refresh tokens treat a second use as theft and end the session. The
// caller must store RefreshToken in its place, and use it for the next refresh:
//
//	var rotated *oauth.RefreshError
//	if errors.As(err, &rotated) {
//		t.RefreshToken = rotated.RefreshToken // and store t
//	}
//
// A [Transport] does this by itself.
//
// [errors.Is] and [errors.As] also examine Err, with one exception: a RefreshError
// never matches [ErrUnavailable], because a program would then use the old refresh
// token again. Err matches it if the ID token of the response could not be verified
// because the keys were not available.
type RefreshError struct {
	// RefreshToken is the new refresh token. It is never zero.
	RefreshToken Secret

	// Err is the reason why the rest of the response could not be used.
	Err error

	verifyAgain func(context.Context) (*Token, error) // verifies the response again; nil: that would not help
}

// Error returns the text of Err, and states that there is a new refresh token.
func (e *RefreshError) Error() string {
	if e == nil {
		e = new(RefreshError)
	}
	return (&Error{Op: opToken, Detail: "the refresh token was rotated (RefreshError.RefreshToken is the new one), but", Err: e.Err}).Error()
}

// Unwrap returns Err, or another error in its place if Err matches [ErrUnavailable].
func (e *RefreshError) Unwrap() error {
	if e == nil {
		return nil
	}
	if !errors.Is(e.Err, ErrUnavailable) {
		return e.Err
	}
	return withOp(opIDToken, fail(ErrResponse, "id_token", "came with the new token and cannot be verified now"))
}

// Format implements [fmt.Formatter]. It prints the result of Error for every verb.
func (e RefreshError) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.Error()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (e RefreshError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// MarshalJSON always returns an error, because a RefreshError contains a secret.
func (e RefreshError) MarshalJSON() ([]byte, error) {
	return nil, errors.New("oauth: a RefreshError is not for JSON: store the Token, with RefreshToken in it, by MarshalBinary")
}

// refreshToken takes the refresh token out of an answer before anything else can
// fail, also where the rest cannot be used.
func (r *httpResponse) refreshToken() Secret {
	if r.refusal().Code != "" {
		return Secret{}
	}
	return NewSecret(looseString(r.body, "refresh_token"))
}

// A rotation hears, under this key in a context, at once that a refresh token stands
// in the place of another: whatever becomes of the rest, and of who asked.
type (
	rotation    func(old, fresh Secret)
	rotationKey struct{}
)

func tellRotation(ctx context.Context, old, fresh Secret) {
	if hear, _ := ctx.Value(rotationKey{}).(rotation); hear != nil {
		hear(old, fresh)
	}
}

// ClientCredentials returns a token for the client itself (RFC 6749, Section 4.4). opts
// may be nil.
//
// ClientCredentials returns the errors of a request. If the client is public, the error
// matches [ErrConfig].
func (c *Client) ClientCredentials(ctx context.Context, opts *GrantOptions) (*Token, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	return c.grant(ctx, url.Values{"grant_type": {clientCredentialsGrant}}, opts, false)
}

// grant is the round trip of the grants that are nothing but parameters. An ID
// token is verified if one comes.
func (c *Client) grant(ctx context.Context, form url.Values, opts *GrantOptions, exchange bool) (*Token, error) {
	var reserved []string
	if exchange {
		reserved = exchangeParams
	}
	if err := opts.tokenForm(form, reserved...); err != nil {
		return nil, withOp(opToken, err)
	}
	t, err := c.requestToken(ctx, form, opts, &tokenExpectation{
		scope: form.Get("scope"), exchange: exchange, checks: c.laterChecks(),
	})
	if err != nil {
		return nil, withOp(opToken, err)
	}
	return t, nil
}

// A TokenExchangeRequest contains the parameters of [Client.ExchangeToken] (RFC 8693,
// Section 2.1). SubjectToken and SubjectTokenType are required.
type TokenExchangeRequest struct {
	unprinted

	SubjectToken     Secret // represents the party for which the request is made
	SubjectTokenType TokenTypeIdentifier

	// ActorToken represents the acting party, for delegation. If it is zero, none is
	// named, and the exchange is an impersonation. ActorTokenType must be set if and
	// only if ActorToken is.
	ActorToken     Secret
	ActorTokenType TokenTypeIdentifier

	RequestedTokenType TokenTypeIdentifier // if empty, the server chooses

	// Audience lists the names, known to the server, of the services at which the token
	// will be used. Services that are identified by a URI belong in
	// GrantOptions.Resource. If nil, none are named.
	Audience []string
}

// ExchangeToken exchanges a token for another one (RFC 8693). opts may be nil.
//
// Token.IssuedTokenType is the type of the new token, which need not be an access
// token. If its TokenType is "N_A", it cannot be used as an access token. The new token
// is not verified, because it is meant for another party. If a server omits
// issued_token_type, which RFC 8693, Section 2.2.1 requires, use [Client.Grant].
//
// ExchangeToken returns the errors of a request.
func (c *Client) ExchangeToken(ctx context.Context, x *TokenExchangeRequest, opts *GrantOptions) (*Token, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	form, err := x.form()
	if err != nil {
		return nil, withOp(opToken, err)
	}
	return c.grant(ctx, form, opts, true)
}

// exchangeParams have fields in TokenExchangeRequest.
var exchangeParams = []string{
	"subject_token", "subject_token_type", "actor_token", "actor_token_type", "requested_token_type", "audience",
}

func (x *TokenExchangeRequest) form() (url.Values, error) {
	switch {
	case x == nil || x.SubjectToken.IsZero():
		return nil, fail(ErrConfig, "SubjectToken", "is empty")
	case x.SubjectTokenType == "":
		return nil, fail(ErrConfig, "SubjectTokenType", "is empty: say what SubjectToken is")
	case x.ActorToken.IsZero() != (x.ActorTokenType == ""):
		return nil, fail(ErrConfig, "ActorTokenType", "goes with ActorToken (RFC 8693, Section 2.1)")
	case slices.Contains(x.Audience, ""):
		return nil, fail(ErrConfig, "Audience", "has an empty element")
	}
	form := url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token":      {x.SubjectToken.Reveal()},
		"subject_token_type": {string(x.SubjectTokenType)},
	}
	for _, p := range [...]struct{ name, value string }{
		{"actor_token", x.ActorToken.Reveal()},
		{"actor_token_type", string(x.ActorTokenType)},
		{"requested_token_type", string(x.RequestedTokenType)},
	} {
		if p.value != "" {
			form.Set(p.name, p.value)
		}
	}
	if len(x.Audience) > 0 {
		form["audience"] = slices.Clone(x.Audience)
	}
	return form, nil
}

// JWTBearer exchanges an assertion for an access token (RFC 7523, Section 2.1). The
// assertion is made by [SigningKey.SignJWT] or by another issuer. opts may be nil.
//
// JWTBearer returns the errors of a request.
func (c *Client) JWTBearer(ctx context.Context, assertion string, opts *GrantOptions) (*Token, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	if assertion == "" {
		return nil, withOp(opToken, fail(ErrConfig, "assertion", "is empty"))
	}
	return c.grant(ctx, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"assertion":  {assertion},
	}, opts, false)
}

// Grant makes a token request for a grant type that has no method of its own (RFC 6749,
// Section 4.5). It sends params together with grant_type and the client's
// authentication. If the response contains an ID token, it is verified, but its nonce
// is ignored.
//
// Grant returns the errors of a request. If grantType is authorization_code or
// refresh_token, the error matches [ErrConfig], because Grant could not check the
// response. It also matches ErrConfig for password (RFC 9700, Section 2.4), and, if the
// client is public, for client_credentials and the grant type of CIBA.
func (c *Client) Grant(ctx context.Context, grantType string, params url.Values) (*Token, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	switch grantType {
	case "":
		return nil, withOp(opToken, fail(ErrConfig, "grant_type", "is empty"))
	case "authorization_code", "refresh_token":
		return nil, withOp(opToken, fail(ErrConfig, "grant_type", "%s has methods of its own: FinishAuthorization and Refresh", grantType))
	case "password":
		return nil, withOp(opToken, fail(ErrConfig, "grant_type", "password is not supported: it gives the user's password to the client (RFC 9700, Section 2.4)"))
	}
	form := url.Values{"grant_type": {grantType}}
	if err := setParams(form, params, "client_id", "client_secret", "client_assertion", "client_assertion_type"); err != nil {
		return nil, withOp(opToken, err)
	}
	return c.grant(ctx, form, nil, false)
}
