package oauth

// This file implements tokens and the token endpoint: RFC 6749, Sections 3.2
// and 5. The grants beside the code are in grants.go, device.go and ciba.go.

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Token contains the tokens of a token response. It prints no secrets, and does not
// encode to JSON. MarshalBinary encodes it for storage.
type Token struct {
	AccessToken  Secret // zero if scope openid was asked for, and only an ID token was issued
	RefreshToken Secret // zero if the server issued none
	TokenType    string // as the server spells it, for example "Bearer"

	// Expiry is the time, by the local clock, at which the access token expires. It is
	// zero if the server did not state it, or not as a number of seconds that is not
	// negative.
	Expiry time.Time

	// Scope lists the granted scopes. If the server did not list them, they are the
	// requested ones (RFC 6749, Section 5.1). If the server sent an array, elements
	// that contain a space are left out, because they are no scopes (Section 3.3).
	// Servers may grant additional scopes of their own. A program that must not have
	// them should check Scope.
	Scope []string

	// AuthorizationDetails lists the granted authorization details (RFC 9396, Section
	// 7).
	AuthorizationDetails []AuthorizationDetail

	// IssuedTokenType is the type of AccessToken if it is the result of a token
	// exchange (RFC 8693, Section 2.2.1). If empty, AccessToken is an access token.
	IssuedTokenType TokenTypeIdentifier

	// Extra contains the members of the response that have no field, exactly as the
	// server sent them. Their meaning depends on the server, and they may be secret.
	Extra map[string]json.RawMessage

	idToken  *IDToken
	server   string // the issuer that the client was configured with
	clientID string
	jkt      string    // of the DPoP key that the token is bound to; "" if it is bound to none
	granted  string    // the scope of the refresh token, if a refresh asked for less; else empty
	login    *identity // nil: no ID token came
	resource keptResource
}

// identity is what is kept of the first ID token when it is gone. It is not
// changed once it is set, and stands behind a pointer as idTokenData does.
type identity struct {
	issuer, subject, sessionID, nonce, raw string

	acr        string // of the login, as authTime is
	authTime   time.Time
	requireACR string // in every ID token; space-separated
}

// IDToken returns the verified ID token that was issued with the token. It is nil if
// none was issued, and in a Token that UnmarshalBinary restored.
func (t *Token) IDToken() *IDToken {
	if t == nil {
		return nil
	}
	return t.idToken
}

// Identity returns the issuer and the subject of the ID token, which together identify
// the user. They survive MarshalBinary. A program must identify its users by both,
// because a subject is unique only within its issuer.
//
// If no ID token was issued with t, the error matches [ErrConfig]. A server only issues
// one if the scope contains openid.
func (t *Token) Identity() (issuer, subject string, err error) {
	id := t.identity()
	if id.issuer == "" || id.subject == "" {
		return "", "", withOp(opToken, fail(ErrConfig, "Token", "had no ID token, and says of nobody who logged in: ask for scope openid"))
	}
	return id.issuer, id.subject, nil
}

// Issuer returns the iss claim of the ID token. For a multi-tenant server it is the
// issuer of the tenant. It survives MarshalBinary. It is empty if no ID token was
// issued. Programs that log users in should use Identity, which returns an error in
// this case.
func (t *Token) Issuer() string { return t.identity().issuer }

// Subject returns the sub claim of the ID token, which is unique within its Issuer. It
// survives MarshalBinary. It is empty if no ID token was issued. Programs that log
// users in should use Identity, which returns an error in this case.
func (t *Token) Subject() string { return t.identity().subject }

// IDTokenHint returns the signed ID token, for use as an id_token_hint parameter. If
// the server encrypted the token, it is the decrypted, signed one (OpenID Connect Core,
// Section 3.1.2.1). It survives MarshalBinary. It contains personal data and proves
// nothing about the user. It is empty if no ID token was issued.
func (t *Token) IDTokenHint() string { return t.identity().raw }

// AuthTime returns the time at which the user authenticated for the login with which t
// began. It is the auth_time claim of the ID token of that login. It survives
// MarshalBinary. It is zero if that ID token had no auth_time, or if there was none.
//
// The auth_time of a refreshed ID token, which IDToken().AuthTime() returns, can be
// later: servers take it from the session, which a login at another application renews.
// Decisions that require a recent authentication must use AuthTime.
func (t *Token) AuthTime() time.Time { return t.identity().authTime }

// ACR returns the acr claim of the login with which t began, like [Token.AuthTime]. It
// is empty if the ID token of that login had no acr. IDToken().ACR() returns the acr of
// the newest ID token.
func (t *Token) ACR() string { return t.identity().acr }

func (t *Token) identity() identity {
	if t == nil || t.login == nil {
		return identity{}
	}
	return *t.login
}

// clone is a copy that shares nothing which can be changed.
func (t *Token) clone() *Token {
	if t == nil {
		return nil
	}
	own := *t
	own.Scope = slices.Clone(t.Scope)
	own.AuthorizationDetails = cloneDetails(t.AuthorizationDetails)
	own.Extra = maps.Clone(t.Extra)
	for name, raw := range own.Extra {
		own.Extra[name] = slices.Clone(raw)
	}
	return &own
}

// 1 had no IssuedTokenType, no jkt and no granted; 2 no acr and auth_time of the login;
// 3, which is still read, no resource.
const tokenVersion = 4

// MarshalBinary implements [encoding.BinaryMarshaler]. It encodes t for storage. The
// result is secret, because it contains the tokens.
func (t *Token) MarshalBinary() ([]byte, error) {
	if t == nil {
		return nil, withOp(opToken, nilReceiver())
	}
	if err := t.validate(); err != nil {
		return nil, withOp(opToken, err)
	}
	w := newSaved(tokenVersion)
	extra, err := encodeStruct(struct{}{}, t.Extra)
	if err != nil {
		return nil, withOp(opToken, &Error{Kind: ErrConfig, Param: "Extra", Detail: "does not encode", Err: err})
	}
	details, err := encodeDetails(t.AuthorizationDetails)
	if err != nil {
		return nil, withOp(opToken, err)
	}
	w.string(details)
	w.string(t.AccessToken.Reveal())
	w.string(t.RefreshToken.Reveal())
	w.string(strings.Join(t.Scope, " "))
	w.string(string(extra))
	id := t.identity()
	for _, s := range t.fields(&id) {
		w.string(*s)
	}
	w.time(id.authTime)
	w.time(t.Expiry)
	return w.b, nil
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. It decodes the result of
// MarshalBinary. The restored Token has no IDToken. If data is anything else, the error
// matches [ErrParse].
func (t *Token) UnmarshalBinary(data []byte) error {
	if t == nil {
		return nilReceiver()
	}
	var fresh Token
	r := readSavedSince(data, tokenVersion, 3)
	details := r.string()
	fresh.AccessToken = NewSecret(r.string())
	fresh.RefreshToken = NewSecret(r.string())
	if scope := r.string(); scope != "" {
		fresh.Scope = strings.Split(scope, " ")
	}
	extra := r.string()
	fresh.login = new(identity)
	for _, s := range fresh.fields(fresh.login) {
		if s != (*string)(&fresh.resource) || r.version > 3 {
			*s = r.string()
		}
	}
	fresh.login.authTime = r.time()
	fresh.Expiry = r.time()
	if err := r.end(); err != nil {
		return withOp(opToken, err)
	}
	o, err := parseObject(extra, documentForm, ErrParse)
	if err == nil && details != "" {
		fresh.AuthorizationDetails, err = parseDetails(details)
	}
	if err != nil {
		return withOp(opToken, err)
	}
	for _, m := range o.members {
		if fresh.Extra == nil {
			fresh.Extra = make(map[string]json.RawMessage)
		}
		fresh.Extra[m.name] = json.RawMessage(m.raw)
	}
	if *fresh.login == (identity{}) {
		fresh.login = nil
	}
	if err := fresh.validate(); err != nil {
		return withOp(opToken, damaged(err))
	}
	*t = fresh
	return nil
}

// validate is the checks of the answer that hold for what is stored and restored
// too. A scope with a space in it would be two when it is restored.
func (t *Token) validate() error {
	access := t.AccessToken.Reveal()
	switch {
	case access != "" && !headerValue(access) || len(access) > maxToken:
		return fail(ErrConfig, "AccessToken", "is too long, or has characters that cannot stand in a header")
	case strings.ContainsFunc(t.TokenType, unprintable):
		return fail(ErrConfig, "TokenType", "has control characters")
	case t.jkt != "" && (!isRandom(t.jkt) || !strings.EqualFold(t.TokenType, "dpop")):
		return fail(ErrConfig, "TokenType", "is not that of a token bound to a key, or the key has no thumbprint")
	case slices.ContainsFunc(t.Scope, notOneScope):
		return fail(ErrConfig, "Scope", "has an element that is empty or has a space in it: one scope per element")
	case !savedTime(t.Expiry):
		return fail(ErrConfig, "Expiry", "is before 1970, or too far ahead")
	case t.login != nil && (t.login.issuer == "" || t.login.subject == ""):
		return fail(ErrConfig, "", "the user of the token has no issuer or no subject")
	}
	return checkResource(t.resource.list())
}

func (t *Token) fields(id *identity) []*string {
	return []*string{
		&t.TokenType, (*string)(&t.IssuedTokenType), &t.server, &t.clientID, &t.jkt, &t.granted,
		&id.issuer, &id.subject, &id.sessionID, &id.nonce, &id.raw, &id.acr, &id.requireACR,
		(*string)(&t.resource),
	}
}

// MarshalJSON always returns an error, because a Token contains secrets. Use
// MarshalBinary.
func (t Token) MarshalJSON() ([]byte, error) {
	return nil, withOp(opToken, fail(ErrConfig, "", "a Token does not encode to JSON: use MarshalBinary for the session store"))
}

// Format implements [fmt.Formatter]. It prints type, expiry and scope.
func (t Token) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.summary()) }

func (t *Token) summary() string {
	s := "Token(" + printable(t.TokenType, 32)
	if !t.Expiry.IsZero() {
		s += " until " + stamp(t.Expiry)
	}
	return s + " scope " + printable(strings.Join(t.Scope, " "), 256) + ")"
}

// GrantOptions are options of a token request. The zero value means the defaults.
type GrantOptions struct {
	unprinted

	// Scope lists the requested scopes. If nil, the server grants its default scope, or
	// the same scope again when a token is refreshed. A refresh must not request more
	// (RFC 6749, Section 6).
	//
	// If a token is requested with an authorization code, Scope must be nil or a part
	// of AuthorizationRequest.Scope. For example, Entra ID requires it if that names
	// scopes of several APIs, because each of its access tokens is for one API. If the
	// authorization request contained openid, the response must still contain an ID
	// token, and Scope should contain openid, too. With a device code or a CIBA
	// request, Scope must be nil.
	Scope []string
	// Resource lists the resources for which the token is requested, as absolute URIs
	// (RFC 8707). If nil, they are the resources of the authorization, device or CIBA
	// request or, when a token is refreshed, the resources for which that token was
	// requested. An empty list that is not nil requests none.
	Resource []string
	// AuthorizationDetails narrows the granted authorization details (RFC 9396, Section
	// 6).
	AuthorizationDetails []AuthorizationDetail
	// Params contains additional parameters. It must not contain parameters that the
	// package sets.
	Params url.Values
	// Header contains additional header fields of the request. It must not contain
	// fields that the package or net/http sets.
	Header http.Header
	// ResponseHeader receives the header fields of the response, also of one that is an
	// error, for example to compare its x-fapi-interaction-id (FAPI 1.0 Baseline, Section
	// 6.2.2). The map is emptied first, and must not be used by several calls at once. If
	// nil, the fields are dropped.
	ResponseHeader http.Header
}

// tokenForm adds the options to the parameters of a grant. Those that are
// reserved for the grant cannot be among them.
func (o *GrantOptions) tokenForm(form url.Values, reserved ...string) error {
	if o == nil {
		return nil
	}
	if err := setTargets(form, o.Scope, o.Resource, o.AuthorizationDetails); err != nil {
		return err
	}
	if err := o.fields().check(); err != nil {
		return err
	}
	if o.Params == nil {
		return nil
	}
	return setParams(form, o.Params, slices.Concat(reserved, reservedTokenParams)...)
}

// repeating is o with the resources of the request before, unless it says others: RFC
// 8707, Section 2.2, which MCP requires.
func (o *GrantOptions) repeating(resource keptResource) *GrantOptions {
	if resource == "" || o.saysResource() {
		return o
	}
	var own GrantOptions
	if o != nil {
		own = *o
	}
	own.Resource = resource.list()
	return &own
}

func (o *GrantOptions) saysResource() bool { return o != nil && o.Resource != nil }

// header are the further fields of the request.
func (o *GrantOptions) fields() headerFields {
	if o == nil {
		return headerFields{}
	}
	return headerFields{o.Header, o.ResponseHeader}
}

// codeForm is tokenForm with an authorization code. RFC 6749, Section 4.1.3 has no
// parameter for a scope, and Entra ID wants one (AADSTS28003) where the user was asked
// for scopes of two resources.
func (o *GrantOptions) codeForm(form url.Values, asked string) error {
	if o != nil {
		for _, s := range o.Scope {
			if !slices.Contains(strings.Fields(asked), s) {
				return fail(ErrConfig, "Scope", "%s is not in the scope that the user was asked for: a code is good for that at most", printable(s, 64))
			}
		}
	}
	return o.tokenForm(form)
}

// pendingForm is tokenForm with a code of the device flow or CIBA, whose scope is that
// of the request.
func (o *GrantOptions) pendingForm(form url.Values) error {
	if o != nil && o.Scope != nil {
		return fail(ErrConfig, "Scope", "was asked for when the user was, and cannot be changed now")
	}
	return o.tokenForm(form)
}

// askedScope is the scope that a grant asks for, or else the one given.
func (o *GrantOptions) askedScope(granted string) string {
	if o == nil || len(o.Scope) == 0 {
		return granted
	}
	return strings.Join(o.Scope, " ")
}

func (t *Token) setIDToken(id *IDToken) {
	d := id.data()
	t.idToken = id
	t.login = &identity{issuer: d.issuer, subject: d.subject, sessionID: d.sid, nonce: d.nonce, raw: d.raw, acr: d.acr}
	if d.authTime.Unix() >= 0 { // what is before that is nobody's, and cannot be saved
		t.login.authTime = d.authTime.Truncate(time.Second)
	}
}

// A TokenTypeIdentifier identifies the type of a token (RFC 8693, Section 3). Servers
// may define types for which there is no constant.
type TokenTypeIdentifier string

// Token types of RFC 8693, Section 3.
const (
	TokenTypeAccessToken  TokenTypeIdentifier = "urn:ietf:params:oauth:token-type:access_token"
	TokenTypeRefreshToken TokenTypeIdentifier = "urn:ietf:params:oauth:token-type:refresh_token"
	TokenTypeIDToken      TokenTypeIdentifier = "urn:ietf:params:oauth:token-type:id_token"
	TokenTypeSAML1        TokenTypeIdentifier = "urn:ietf:params:oauth:token-type:saml1" // SAML 1.1, base64url-encoded
	TokenTypeSAML2        TokenTypeIdentifier = "urn:ietf:params:oauth:token-type:saml2" // SAML 2.0, base64url-encoded
	TokenTypeJWT          TokenTypeIdentifier = "urn:ietf:params:oauth:token-type:jwt"
)

// tokenExpectation is what the answer to a grant is held against.
type tokenExpectation struct {
	scope    string // that was asked for
	openid   bool   // an ID token has to come
	exchange bool   // what comes need not be an access token: RFC 8693
	checks   idTokenChecks

	patience time.Duration // of the request
}

// requestToken is the round trip of every grant.
func (c *Client) requestToken(ctx context.Context, form url.Values, opts *GrantOptions, expected *tokenExpectation) (*Token, error) {
	got, err := c.askToken(ctx, form, opts, expected)
	if err != nil {
		return nil, err
	}
	return c.acceptToken(ctx, got)
}

// A tokenAnswer is a token response that was read, with an ID token that was not
// verified yet. What was asked with is used up.
type tokenAnswer struct {
	token    *Token
	idToken  string // "": none came
	expected *tokenExpectation
	asked    *httpResponse // what was sent, without what came; nil without an ID token
}

// newTokenAnswer keeps what was sent, for the errors to come, and not the response,
// which a Transport that waits for a key would hold as long.
func newTokenAnswer(t *Token, idToken string, expected *tokenExpectation, res *httpResponse) *tokenAnswer {
	got := &tokenAnswer{t, idToken, expected, nil}
	if idToken != "" {
		got.asked = &httpResponse{request: res.request, sent: res.sent}
	}
	return got
}

// askToken is the first half of requestToken.
func (c *Client) askToken(ctx context.Context, form url.Values, opts *GrantOptions, expected *tokenExpectation) (*tokenAnswer, error) {
	if err := c.checkGrant(form.Get("grant_type")); err != nil {
		return nil, err
	}
	res, err := c.postFor(ctx, tokenEndpoint, opToken, form, opts.fields(), mediaJSON, expected.patience)
	if err != nil {
		return nil, err
	}
	t, rawIDToken, err := c.processTokenResponse(res, expected)
	if err != nil {
		return nil, err
	}
	t.resource = keepResource(form["resource"])
	return newTokenAnswer(t, rawIDToken, expected, res), nil
}

// acceptToken is the second half of requestToken. It leaves got alone, and can be
// called again if the ID token could not be verified for the time being.
func (c *Client) acceptToken(ctx context.Context, got *tokenAnswer) (*Token, error) {
	expected := got.expected
	if got.idToken == "" {
		if expected.openid {
			return nil, fail(ErrResponse, "id_token", "is missing, although scope openid was asked for: leave it out if the server issues no ID tokens (GitHub), and ask its API who the user is")
		}
		return got.token, nil
	}
	t := *got.token
	expected.checks.accessToken = t.AccessToken.Reveal()
	id, err := c.verifyIDToken(ctx, got.idToken, fromServer, &expected.checks)
	if err != nil {
		return nil, got.asked.withoutSecrets(err)
	}
	t.setIDToken(id)
	return &t, nil
}

// processTokenResponse reads a response of RFC 6749, Section 5.1. The ID token
// in it is not verified yet. The code or refresh token is spent: what nothing depends
// on does not lose the tokens.
func (c *Client) processTokenResponse(res *httpResponse, expected *tokenExpectation) (t *Token, rawIDToken string, err error) {
	if err := res.expectSuccess(); err != nil {
		return nil, "", err
	}
	o, err := res.object()
	if err != nil {
		return nil, "", err
	}
	t = &Token{server: c.server.Issuer, clientID: c.meta.ClientID}
	informs := o.informing()
	rawIDToken, _, _ = informs.string("id_token")
	// Of Azure AD B2C: with scope openid alone there is nothing to access.
	if alone := !o.has("access_token") && rawIDToken != "" && slices.Contains(strings.Fields(expected.scope), "openid"); !alone {
		if err := c.readAccessToken(&o, t, expected); err != nil {
			return nil, "", err
		}
	}
	if n, ok, _ := informs.seconds("expires_in", true); ok {
		t.Expiry = c.clock.expiry(n)
	}
	refreshToken, _, _ := informs.string("refresh_token")
	t.RefreshToken = NewSecret(refreshToken)
	if text, ok, _ := informs.scope("scope"); ok {
		t.Scope = text.list()
	} else {
		t.Scope = strings.Fields(expected.scope)
	}
	t.AuthorizationDetails, _ = informs.authorizationDetails()
	known := []string{"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"}
	if t.AuthorizationDetails != nil {
		known = append(known, "authorization_details")
	}
	if expected.exchange {
		known = append(known, "issued_token_type")
	}
	t.Extra = extraMembers(&o, known...)
	return t, rawIDToken, nil
}

// readAccessToken reads the access token and what says how it is presented.
func (c *Client) readAccessToken(o *jsonObject, t *Token, expected *tokenExpectation) error {
	accessToken, err := o.need("access_token")
	switch {
	case err != nil:
		return err
	case !headerValue(accessToken):
		return fail(ErrResponse, "access_token", "has characters that cannot stand in a header")
	case len(accessToken) > maxToken: // it goes into a header of every request
		return fail(ErrResponse, "access_token", "is longer than %d bytes", maxToken)
	}
	t.AccessToken = NewSecret(accessToken)
	if t.TokenType, err = c.tokenType(o, expected.exchange); err != nil {
		return err
	}
	if strings.EqualFold(t.TokenType, "dpop") {
		t.jkt = c.dpop.thumbprint
	}
	if expected.exchange {
		issued, err := o.need("issued_token_type")
		if err != nil {
			return err
		}
		t.IssuedTokenType = TokenTypeIdentifier(issued)
	}
	return nil
}

// tokenType accepts bearer without regard to case (RFC 6749, Section 5.1), with
// a key DPoP in its place (RFC 9449, Section 5), and what Config.AllowTokenTypes
// lists. Of another type it is not known how to present the token, or the server
// meant more than this client does. What a token exchange gives out need not be
// presentable (RFC 8693, Section 2.2.1).
func (c *Client) tokenType(o *jsonObject, exchange bool) (string, error) {
	s, _, err := o.string("token_type")
	if err != nil {
		return "", err
	}
	want := "Bearer"
	if c.dpop != nil {
		want = "DPoP"
	}
	if strings.EqualFold(s, want) || exchange && strings.EqualFold(s, "N_A") {
		return s, nil
	}
	for _, allowed := range c.tokenTypes {
		if strings.EqualFold(s, allowed) {
			return s, nil
		}
	}
	if s == "" {
		return "", fail(ErrResponse, "token_type", "is missing; if this server never sends it, list \"\" in Config.AllowTokenTypes")
	}
	if strings.EqualFold(s, "dpop") {
		return "", fail(ErrTokenType, "token_type", "is %s, and the client has no key for it: set Config.DPoP", o.quote(s, 32))
	}
	return "", fail(ErrTokenType, "token_type", "%s is not %s; if this client can use it, list it in Config.AllowTokenTypes", o.quote(s, 32), want)
}

// authorization is the Authorization header field for a token.
func (c *Client) authorization(t *Token) (string, error) {
	if t == nil || t.AccessToken.IsZero() {
		return "", fail(ErrConfig, "Token", "has no access token")
	}
	if t.server != "" && !c.isServer(t.server) {
		return "", fail(ErrConfig, "Token", "is from another server")
	}
	if !headerValue(t.AccessToken.Reveal()) {
		return "", fail(ErrConfig, "AccessToken", "has characters that cannot stand in a header")
	}
	switch {
	case t.IssuedTokenType != "" && t.IssuedTokenType != TokenTypeAccessToken && t.IssuedTokenType != TokenTypeJWT:
		return "", fail(ErrTokenType, "IssuedTokenType", "%s is no access token", printable(string(t.IssuedTokenType), 128))
	case c.isBearer(t.TokenType):
		return "Bearer " + t.AccessToken.Reveal(), nil
	case !strings.EqualFold(t.TokenType, "dpop"):
		return "", fail(ErrTokenType, "TokenType", "it is not known how a token of type %s is presented; if it is a Bearer token by another name, list it in Config.AllowTokenTypes", printable(t.TokenType, 32))
	case c.dpop == nil:
		return "", fail(ErrBinding, "DPoP", "is nil, and the token is bound to a key: set Config.DPoP")
	case t.jkt != "" && t.jkt != c.dpop.thumbprint:
		return "", fail(ErrBinding, "DPoP", "is another key than the one that the token is bound to")
	}
	return "DPoP " + t.AccessToken.Reveal(), nil
}

// isBearer reports whether tokens of a type are presented as Bearer: so are those that
// Config.AllowTokenTypes lists, which are Bearer by another name (Apigee, eBay, Slack).
func (c *Client) isBearer(tokenType string) bool {
	return tokenType == "" || strings.EqualFold(tokenType, bearerScheme) ||
		slices.ContainsFunc(c.tokenTypes, func(s string) bool { return strings.EqualFold(s, tokenType) })
}

// dpopOf is what proofs for the token are made with; nil: it needs none.
func (c *Client) dpopOf(t *Token) *DPoP {
	if strings.EqualFold(t.TokenType, "dpop") {
		return c.dpop
	}
	return nil
}

// Expired reports whether t expires within margin, by the clock of the Client, so that
// what takes a while can be begun with a new token. It is true for a nil Token or Client
// and false for a Token whose Expiry is not known; a margin below zero counts as zero.
//
// The clock is that of this machine, without Clock.Skew, because Expiry is the time by
// this clock.
func (c *Client) Expired(t *Token, margin time.Duration) bool {
	return c == nil || t == nil || !t.Expiry.IsZero() && c.clock.left(t.Expiry) <= max(0, margin)
}

// checkToken refuses a token that is not this client's. One that a program made
// itself, of a refresh token that it has from elsewhere, names nobody.
func (c *Client) checkToken(t *Token) error {
	if t.server != "" && !c.isServer(t.server) || t.clientID != "" && t.clientID != c.meta.ClientID {
		return fail(ErrConfig, "Token", "is from another server or client")
	}
	return nil
}

// checkSameUser is OIDC Core 12.2: "its iss Claim Value MUST be the same as in
// the ID Token issued when the original authentication occurred, its sub Claim
// Value MUST be the same".
func (t *Token) checkSameUser(first identity) error {
	if t.login == nil {
		return nil
	}
	switch {
	case first.issuer != "" && t.login.issuer != first.issuer:
		return fail(ErrIssuer, "iss", "the new ID token is from another issuer than the first one")
	case first.subject != "" && t.login.subject != first.subject:
		return fail(ErrClaim, "sub", "the new ID token is about another user than the first one")
	}
	return nil
}
