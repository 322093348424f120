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

// Refresh gets a new access token with the refresh token of t. What of t still
// holds is in the new Token: who logged in, and the refresh token if the server
// sends no new one. Store the new Token at once: a server that rotates refresh
// tokens takes the old one for stolen when it comes again. OpenID Connect servers
// give a refresh token to those who ask for the scope offline_access, many only
// with the prompt consent (OpenID Connect Core, Section 11).
//
// An ID token in the answer is verified and is about the same user of the same
// issuer, or it is an error (OpenID Connect Core, Section 12.2). If t came with
// one, the server's keys are looked for first: with [ErrUnavailable] the
// refresh token was not used, and is good for another try. So it is with
// [ErrBinding]: that of a public client is bound to the key of Config.DPoP (RFC
// 9449, Section 5).
//
// If anything fails after the server has issued a new refresh token, the error is a
// [*RefreshError], which holds it: an ID token that cannot be verified yet or is
// bad, a member of the response that cannot be used, the end of ctx, a panic in
// Config.Decrypter. Only if the ID token is about another login (issuer, audience,
// nonce or user) is the refresh token that came with it not kept: it would be that
// login's. A response that never arrived, and one that is not JSON, cannot be helped:
// after [ErrNetwork] the server may have rotated the token.
//
// Nil options are the default. GrantOptions.Scope can only narrow what was granted (RFC
// 6749, Section 6): a scope that is neither in Token.Scope nor was granted before an
// earlier refresh narrowed it is [ErrConfig], unless Token.Scope is empty.
//
// invalid_grant, in a [*ResponseError], says that
// the refresh token is not good any more: the user has to log in again. The
// other errors are those of a request, and the kinds under [ErrInvalid].
func (c *Client) Refresh(ctx context.Context, t *Token, opts *GrantOptions) (*Token, error) {
	if err := c.made(); err != nil {
		return nil, err
	}
	fresh, _, err := c.refresh(ctx, t, opts)
	if err != nil {
		return nil, withOp(opToken, err)
	}
	return fresh, nil
}

// A refreshing is a refresh that was begun.
type refreshing struct {
	c        *Client
	old      *Token
	expected *tokenExpectation
	granted  string // in the new Token

	res     *httpResponse
	rotated Secret       // the new refresh token; zero: none came
	got     *tokenAnswer // nil until the answer was read
	over    bool         // the token endpoint itself says invalid_grant of this refresh token
	foreign bool         // the answer is about another login
}

// refresh also reports whether the session is over, which nothing else that was
// asked on the way can say.
func (c *Client) refresh(ctx context.Context, t *Token, opts *GrantOptions) (fresh *Token, over bool, err error) {
	r := &refreshing{c: c, old: t.clone()}
	form, err := r.form(opts)
	if err != nil {
		return nil, false, err
	}
	// Of a Token that the program made itself nothing is known.
	if t.login != nil || t.server == "" && c.keysErr == nil {
		if err := c.needKeys(ctx); err != nil {
			return nil, false, err
		}
	}
	if r.res, err = c.post(ctx, tokenEndpoint, opToken, form, opts.header()); err != nil {
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
		return nil, fail(ErrConfig, "Token", "has no refresh token")
	}
	if err := c.checkToken(t); err != nil {
		return nil, err
	}
	if _, public := c.auth.(noAuth); public && t.jkt != "" && t.jkt != c.thumbprint() {
		return nil, fail(ErrBinding, "DPoP", "is another key than the one that the refresh token is bound to, or none")
	}
	form := url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {t.RefreshToken.Reveal()},
	}
	if err := opts.tokenForm(form); err != nil {
		return nil, err
	}
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
	if form.Has("scope") || form.Has("resource") {
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
			e.verifyAgain = r.accept
		}
		return nil, e
	}
	first := r.old.identity()
	fresh.granted = r.granted
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

// A RefreshError says that [Client.Refresh] failed after the server had issued a new
// refresh token. The old one is used up: servers that rotate refresh tokens take a
// second use of it for theft and end the session. Store RefreshToken in its place,
// and refresh with that later:
//
//	var rotated *oauth.RefreshError
//	if errors.As(err, &rotated) {
//		t.RefreshToken = rotated.RefreshToken // and store t
//	}
//
// A [Transport] does this by itself.
//
// [errors.Is] and [errors.As] see through it to the cause, with one exception: it
// never matches [ErrUnavailable], which would tell a program to send the old refresh
// token again. Err has that kind if the ID token of the response could not be
// verified because keys were not available.
type RefreshError struct {
	// RefreshToken is the new refresh token. It is never zero.
	RefreshToken Secret

	// Err is why the rest of the response could not be used.
	Err error

	verifyAgain func(context.Context) (*Token, error) // verifies the response again; nil: that would not help
}

// Error has the cause, and says that there is a new refresh token.
func (e *RefreshError) Error() string {
	if e == nil {
		e = new(RefreshError)
	}
	return (&Error{Op: opToken, Detail: "the refresh token was rotated (RefreshError.RefreshToken is the new one), but", Err: e.Err}).Error()
}

// Unwrap gives the cause to [errors.Is] and [errors.As].
func (e *RefreshError) Unwrap() error {
	if e == nil {
		return nil
	}
	if !errors.Is(e.Err, ErrUnavailable) {
		return e.Err
	}
	return withOp(opIDToken, fail(ErrResponse, "id_token", "came with the new token and cannot be verified now"))
}

// Format prints the error text for every verb.
func (e RefreshError) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.Error()) }

// LogValue is the error text.
func (e RefreshError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// MarshalJSON fails: a RefreshError holds a secret.
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

// ClientCredentials gets a token for the client itself: RFC 6749, Section 4.4.
// A public client cannot. Nil options are the default. The errors are those of
// a request, and [*ResponseError].
func (c *Client) ClientCredentials(ctx context.Context, opts *GrantOptions) (*Token, error) {
	if err := c.made(); err != nil {
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

// A TokenExchangeRequest is what [Client.ExchangeToken] exchanges: RFC 8693, Section
// 2.1. SubjectToken and SubjectTokenType are required.
type TokenExchangeRequest struct {
	unprinted

	SubjectToken     Secret // on behalf of whom the request is made
	SubjectTokenType TokenTypeIdentifier

	// ActorToken is who acts (delegation). Zero: nobody is named
	// (impersonation). It goes with ActorTokenType.
	ActorToken     Secret
	ActorTokenType TokenTypeIdentifier

	RequestedTokenType TokenTypeIdentifier // empty: the server's choice

	// Audience are the names, at the server, of where the token is to be used;
	// GrantOptions.Resource has those that are URIs. Nil: none.
	Audience []string
}

// ExchangeToken exchanges a token for another one. Token.IssuedTokenType says
// what came: it need not be an access token, and with TokenType "N_A" it cannot
// be presented as one. What came is not verified here, whatever it is: it is
// meant for somebody else. A server that leaves issued_token_type out, which
// RFC 8693, Section 2.2.1 requires, is for [Client.Grant].
//
// Nil options are the default. The errors are those of a request, and
// [*ResponseError].
func (c *Client) ExchangeToken(ctx context.Context, x *TokenExchangeRequest, opts *GrantOptions) (*Token, error) {
	if err := c.made(); err != nil {
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

// JWTBearer exchanges an assertion for an access token: RFC 7523, Section 2.1.
// [SigningKey.SignJWT] makes assertions; another issuer may do so too. Nil
// options are the default. The errors are those of a request, and
// [*ResponseError].
func (c *Client) JWTBearer(ctx context.Context, assertion string, opts *GrantOptions) (*Token, error) {
	if err := c.made(); err != nil {
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

// Grant makes a token request of a type that has no method of its own: RFC
// 6749, Section 4.5. The params are sent beside grant_type and the client's
// authentication. An ID token in the answer is verified; its nonce is not
// judged.
//
// authorization_code and refresh_token are refused with [ErrConfig], because
// without what their methods know their answers cannot be checked, and so is
// password (RFC 9700, Section 2.4). The other errors are those of a request,
// and [*ResponseError]. A public client cannot use client_credentials and CIBA's grant
// here either: [ErrConfig].
func (c *Client) Grant(ctx context.Context, grantType string, params url.Values) (*Token, error) {
	if err := c.made(); err != nil {
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
	err := setParams(form, params, "client_id", "client_secret", "client_assertion", "client_assertion_type")
	if err != nil {
		return nil, withOp(opToken, err)
	}
	return c.grant(ctx, form, nil, false)
}
