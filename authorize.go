package oauth

// This file implements the way out: an authorization request by RFC 6749
// Section 4.1.1, OpenID Connect Core 1.0 Section 3.1.2.1, with PKCE (RFC 7636),
// as a signed request object where there is a key (RFC 9101), and, where asked
// for or required, pushed to the server first (RFC 9126).

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// An AuthorizationRequest contains the parameters of [Client.StartAuthorization].
// RedirectURI is required. The package itself adds state, nonce and PKCE.
type AuthorizationRequest struct {
	unprinted

	// RedirectURI is the URI to which the server sends the response, exactly as it is
	// registered. It must be an https URL, an http URL on a loopback address, or have a
	// private-use scheme of the application (RFC 8252), which must contain a dot. It
	// may have a query, but none of its parameters may have the name of a parameter of
	// the response.
	//
	// [Client.FinishAuthorization] refuses a response that came to another URI.
	//
	// A RedirectURI of letters, digits, "-", ".", "_" and "~" alone is a name that the
	// server resolves to a URI, and is sent as it is. For example, eBay calls it a
	// RuName. The package does not know the URI and compares none. An application with
	// several servers must then set Config.RequireResponseIssuer, or have the name
	// resolve to a URI at which it only finishes authorizations of this server.
	//
	// WARNING: An application with several servers must give each of them a redirect
	// URI with a path or query of its own. If all of them send iss (RFC 9207), it may
	// set Config.RequireResponseIssuer instead. Otherwise a malicious server can have
	// the code of another server sent to it (mix-up: RFC 9700, Section 4.4.2).
	RedirectURI string

	// Scope lists the requested scopes. If it contains "openid", the response contains
	// an ID token. If it contains "offline_access", and Prompt contains "consent", the
	// server issues a refresh token that outlives the user's session (OpenID Connect
	// Core, Section 11). If nil, the server grants its default scope.
	Scope []string

	// ResponseType is "code", "code id_token" (the OpenID Connect hybrid flow, FAPI 1
	// Advanced) or "id_token" (a login without a token request, LTI 1.3). If empty, it
	// is "code". The types with id_token require the scope openid and a ResponseMode.
	ResponseType string

	// ResponseMode determines how the response arrives: "query", "form_post" or
	// "fragment". If empty, it is "query". A browser does not send a fragment to a
	// server: a web application needs the page of [FragmentHandler], and a native app
	// [Client.ValidateAuthorizationResponseURL]. If ResponseType contains id_token, the
	// response must not arrive in a query.
	//
	// With "query.jwt" (or "jwt", which means the same), "form_post.jwt" or
	// "fragment.jwt", the response is signed (JARM; FAPI 1 Advanced, FAPI 2.0 Message
	// Signing), and a response that is not signed is refused.
	//
	// With form_post, the browser only sends the session cookie if it is neither
	// SameSite=Lax nor SameSite=Strict.
	ResponseMode string

	Prompt    string // "none", "login", "consent" and "select_account", separated by spaces; if empty, not sent
	Display   string // "page", "popup", "touch" or "wap"; if empty, not sent
	LoginHint string // a hint for the server, such as an email address

	// IDTokenHint is the [Token.IDTokenHint] or [IDToken.Raw] of the user who is
	// expected to log in. It appears unencrypted in the URL, unless the request is
	// pushed or encrypted.
	IDTokenHint string

	// ACRValues lists the preferred authentication contexts, in order of preference.
	// The server may ignore them, and the result is not checked.
	ACRValues []string

	UILocales []string // BCP 47 language tags, in order of preference

	// RequireACR lists the acceptable authentication contexts. The acr claim of every
	// ID token of the flow must be one of them (OpenID Connect Core, Section 5.5.1.1),
	// and so must the acr claim of every refreshed ID token, if it has one. RequireACR
	// requires the scope openid. If ACRValues is nil, RequireACR is sent as acr_values.
	// If RequireACR is nil, every acr is accepted.
	RequireACR []string

	// MaxAge is the maximum time in seconds since the user authenticated. It is sent to
	// the server, and the ID token is checked against it. Zero requests a new
	// authentication. If nil, it is not sent, and the ID token is checked against
	// Metadata.DefaultMaxAge, which the server knows from the registration.
	MaxAge *int64

	// Resource lists the resources for which the token is requested, as absolute URIs
	// (RFC 8707). The requests that exchange the code and refresh the token repeat
	// them, unless GrantOptions.Resource names others.
	Resource []string

	// AuthorizationDetails requests authorizations that scopes cannot express (RFC
	// 9396).
	AuthorizationDetails []AuthorizationDetail

	// Claims requests individual claims (OpenID Connect Core, Section 5.5). It must be
	// a JSON object, for example {"id_token":{"auth_time":{"essential":true}}}. If nil,
	// none are requested.
	Claims json.RawMessage

	// Params contains additional parameters. It must not contain parameters that the
	// package sets. In a signed request, a value that is a JSON object or array, for
	// example a request_context, remains one. Other values are strings.
	Params url.Values

	// Header contains additional header fields of the pushed request. It must not
	// contain fields that the package or net/http sets, and must be nil if the request
	// is not pushed.
	Header http.Header
	// ResponseHeader receives the header fields of the response to the pushed request;
	// see GrantOptions.ResponseHeader. It must be nil if the request is not pushed.
	ResponseHeader http.Header

	// Pushed sends the request directly to the server first, so that the URL contains
	// only a reference to it (RFC 9126, FAPI 2.0). It is implied if the metadata of the
	// server or the client requires it. If the request cannot be pushed,
	// StartAuthorization fails; it never falls back to a plain URL.
	Pushed bool

	// InsecureNoPKCE omits PKCE, for servers that reject its parameters. The client
	// must authenticate with a secret or a key, and the request must have a nonce,
	// unless InsecureNoNonce is set, too. The package assumes that a ClientAuth made by
	// the program uses a secret or a key.
	InsecureNoPKCE bool

	// InsecureNoNonce omits the nonce, for servers that do not return it in the ID
	// token. If the response type contains id_token, it must be false.
	//
	// WARNING: If InsecureNoPKCE and InsecureNoNonce are both set, an attacker who
	// obtains a user's code can have it accepted in a session of the attacker, and is
	// then logged in as that user (code injection: RFC 9700, Section 4.5). Only the
	// state ties the response to the session of the browser. It must therefore be kept
	// in the browser's own session, and codes must not leak, for example into logs or
	// Referer header fields. LinkedIn requires both: it rejects a code_verifier beside
	// the client secret, and returns no nonce.
	InsecureNoNonce bool
}

// A PendingAuthorization is an authorization request to which the response has not
// arrived. It contains the secrets against which the response is checked. The zero
// value cannot be used.
//
// A program should store the result of MarshalBinary in the user's own session, on the
// server or encrypted, under the State. A session can have several, because a user can
// have several tabs. When the response arrives, the program must look the
// PendingAuthorization up by the session and the state of the response, and delete it
// from the session before it finishes the authorization.
//
// WARNING: A PendingAuthorization must not be looked up by the state alone. Otherwise
// an attacker can log the user's browser in to the attacker's account.
type PendingAuthorization struct {
	content *pendingAuthorizationData
	used    atomic.Bool
}

// pendingAuthorizationData stands behind a pointer as idTokenData does.
type pendingAuthorizationData struct {
	url string // not saved

	issuer       string // the server's, a template where that is one
	clientID     string
	redirectURI  string
	responseType string
	responseMode string
	scope        string
	state        string
	nonce        string // "": none was sent
	verifier     string // "": InsecureNoPKCE
	maxAge       *int64
	thumbprint   string // of the DPoP key
	requireACR   string // space-separated; "": any
	resource     keptResource
	created      time.Time
}

// data is never nil: the zero PendingAuthorization is inert.
func (a *PendingAuthorization) data() *pendingAuthorizationData {
	if a == nil || a.content == nil {
		return new(pendingAuthorizationData)
	}
	return a.content
}

const opAuthorize = "authorization"

// URL returns the URL to which the user's browser must be sent. It is empty after
// UnmarshalBinary.
func (a *PendingAuthorization) URL() string { return a.data().url }

// State returns the state parameter of the request. The response contains the same
// state.
func (a *PendingAuthorization) State() string { return a.data().state }

// Issuer returns the issuer of the server to which the request is sent, as the metadata of
// the server spell it. An application with several servers can use it to find the Client
// that must finish the authorization.
func (a *PendingAuthorization) Issuer() string { return a.data().issuer }

// RedirectURI returns the redirect URI of the request. The response must not be
// accepted at any other URI; see [Client.ValidateAuthorizationResponse].
func (a *PendingAuthorization) RedirectURI() string { return a.data().redirectURI }

const authorizationVersion = 3 // 1 had no RequireACR; 2, which is still read, no Resource

// MarshalBinary implements [encoding.BinaryMarshaler]. It encodes a for the user's
// session. The result is secret and has at most 3 KiB.
func (a *PendingAuthorization) MarshalBinary() ([]byte, error) {
	d := a.data()
	if d.state == "" {
		return nil, withOp(opAuthorize, fail(ErrConfig, "", "there is nothing to save: StartAuthorization did not make this PendingAuthorization"))
	}
	w := newSaved(authorizationVersion)
	for _, s := range d.fields() {
		w.string(*s)
	}
	w.int(d.maxAge)
	w.time(d.created)
	return w.b, nil
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. It decodes the result of
// MarshalBinary. If data is anything else, the error matches [ErrParse].
func (a *PendingAuthorization) UnmarshalBinary(data []byte) error {
	if a == nil {
		return nilReceiver()
	}
	if len(data) > maxSaved {
		return withOp(opAuthorize, fail(ErrParse, "", "the data is longer than %d bytes", maxSaved))
	}
	fresh := new(pendingAuthorizationData)
	r := readSavedSince(data, authorizationVersion, 2)
	for _, s := range fresh.fields() {
		if s != (*string)(&fresh.resource) || r.version > 2 {
			*s = r.string()
		}
	}
	fresh.maxAge = r.int()
	fresh.created = r.time()
	err := r.end()
	if err == nil {
		err = damaged(fresh.validate(true)) // whether http is allowed is the client's to say
	}
	if err != nil {
		return withOp(opAuthorize, err)
	}
	a.content = fresh
	a.used.Store(false)
	return nil
}

// validate is the checks of StartAuthorization that do not depend on its client.
// They hold for what was restored too: of a response type or mode that is not
// known, nothing would be checked.
func (d *pendingAuthorizationData) validate(insecure bool) error {
	if !redirectName(d.redirectURI) {
		if err := checkRedirectURI("RedirectURI", d.redirectURI, insecure); err != nil {
			return err
		}
		if err := checkComparable(d.redirectURI); err != nil {
			return err
		}
	}
	if err := checkResponseType(d.responseType, d.responseMode); err != nil {
		return err
	}
	if d.scope != "" {
		if err := checkScope(strings.Split(d.scope, " ")); err != nil {
			return err
		}
	}
	if err := checkResource(d.resource.list()); err != nil {
		return err
	}
	switch {
	case d.maxAge != nil && *d.maxAge < 0:
		return fail(ErrConfig, "MaxAge", "is negative")
	case d.requireACR != "" && (!d.openid() || strings.Contains(" "+d.requireACR+" ", "  ")):
		return fail(ErrConfig, "RequireACR", "needs scope openid and values without spaces: one of them stands in the ID token")
	case d.wants("id_token") && d.nonce == "": // which is sent with scope openid
		return fail(ErrConfig, "ResponseType", "%s needs scope openid and a nonce: nothing else would tie the ID token to this request", d.responseType)
	case !d.openid() && d.nonce != "", !d.wants("code") && d.verifier != "":
		return fail(ErrConfig, "", "the request has a nonce or a verifier that nothing comes back to")
	case d.issuer == "" || d.clientID == "" || d.created.IsZero():
		return fail(ErrConfig, "", "the request has no server, client or time")
	case !isRandom(d.state), d.nonce != "" && !isRandom(d.nonce), d.verifier != "" && !isRandom(d.verifier), d.thumbprint != "" && !isRandom(d.thumbprint):
		return fail(ErrConfig, "", "state, nonce, verifier or thumbprint are not those of the package")
	}
	return nil
}

func (d *pendingAuthorizationData) fields() []*string {
	return []*string{
		&d.issuer, &d.clientID, &d.redirectURI, &d.responseType, &d.responseMode,
		&d.scope, &d.state, &d.nonce, &d.verifier, &d.thumbprint,
		&d.requireACR, (*string)(&d.resource),
	}
}

// MarshalJSON always returns an error, because a PendingAuthorization contains secrets.
// Use MarshalBinary.
func (a *PendingAuthorization) MarshalJSON() ([]byte, error) {
	return nil, withOp(opAuthorize, fail(ErrConfig, "", "a PendingAuthorization does not encode to JSON: use MarshalBinary for the user's session"))
}

// Format implements [fmt.Formatter]. It prints the issuer of the server and the
// client_id, and no secrets.
func (a *PendingAuthorization) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (a *PendingAuthorization) LogValue() slog.Value { return slog.StringValue(a.summary()) }

func (a *PendingAuthorization) summary() string {
	if a == nil {
		return "PendingAuthorization(nil)"
	}
	return "PendingAuthorization(" + printable(a.data().issuer, 256) + " " + printable(a.data().clientID, 128) + ")"
}

// StartAuthorization begins a login or another authorization. The caller must send the
// user's browser to the URL of the result, and keep the result in the user's session.
//
// If the request is pushed or encrypted, StartAuthorization makes requests and returns
// the errors of a request. Otherwise it only waits for the metadata of a Client of
// [NewClientFromIssuer]. If the response will have an ID token, or be signed, and the
// server's keys are old or not known yet, it starts to fetch them; the call that needs the
// keys reports if that fails. If r or the configuration is wrong, the error matches
// [ErrConfig]. If a URL is not https, it matches [ErrInsecureURL]. If the server signs
// responses (JARM) with no algorithm that the package supports, it matches [ErrAlgorithm].
func (c *Client) StartAuthorization(ctx context.Context, r *AuthorizationRequest) (*PendingAuthorization, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, withOp(opAuthorize, fail(ErrConfig, "", "the AuthorizationRequest is nil"))
	}
	asked := *r
	if c.rules.jwtResponse != "" && cmp.Or(asked.ResponseType, "code") == "code" {
		asked.ResponseMode = cmp.Or(asked.ResponseMode, "jwt")
	}
	a, form, err := c.authorizationRequest(&asked)
	if err != nil {
		return nil, withOp(opAuthorize, err)
	}
	pushed := r.Pushed || c.rules.pushed != "" || c.server.RequirePushedAuthorizationRequests || c.meta.RequirePushedAuthorizationRequests
	fields := headerFields{r.Header, r.ResponseHeader}
	switch {
	case r.Header != nil && !pushed:
		return nil, withOp(opAuthorize, fail(ErrConfig, "Header", "is set, and the request is not pushed: the browser sends no fields of ours"))
	case r.ResponseHeader != nil && !pushed:
		return nil, withOp(opAuthorize, fail(ErrConfig, "ResponseHeader", "is set, and the request is not pushed: there is no response to it"))
	}
	if err := fields.check(); err != nil {
		return nil, withOp(opAuthorize, err)
	}
	if c.requestKey != nil {
		if form, err = c.requestKey.use.(requestSigner).signRequest(ctx, c, form, pushed); err != nil {
			return nil, withOp(opAuthorize, err)
		}
	}
	if pushed {
		if form, err = c.push(ctx, form, fields); err != nil {
			return nil, err
		}
	}
	if a.url, err = c.browserURL(authorizationEndpoint, form, reservedParams); err != nil {
		return nil, withOp(opAuthorize, err)
	}
	if a.openid() || responseModes.find(a.responseMode).jwt {
		c.keys.warm(ctx) // while the user is away
	}
	return &PendingAuthorization{content: a}, nil
}

// reservedParams are the parameters of an authorization request that
// AuthorizationRequest.Params cannot name.
var reservedParams = []string{
	"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "response_mode",
	"code_challenge", "code_challenge_method", "prompt", "display", "login_hint", "id_token_hint",
	"acr_values", "ui_locales", "max_age", "resource", "claims",
	"request", "request_uri", "dpop_jkt", "authorization_details",
	"client_secret", "client_assertion", "client_assertion_type", "code_verifier",
}

// responseParams are the parameters of authorization responses. Each comes
// once at most.
var responseParams = [...]string{
	"code", "state", "iss", "error", "error_description", "error_uri", "response",
	"id_token", "access_token", "token_type", "expires_in", "scope", "session_state",
}

func (c *Client) authorizationRequest(r *AuthorizationRequest) (*pendingAuthorizationData, url.Values, error) {
	if err := c.checkAuthorizationRequest(r); err != nil {
		return nil, nil, err
	}
	a := &pendingAuthorizationData{
		issuer: c.server.Issuer, clientID: c.meta.ClientID, redirectURI: r.RedirectURI,
		responseType: cmp.Or(r.ResponseType, "code"), responseMode: r.ResponseMode,
		scope: strings.Join(r.Scope, " "), state: randomString(),
		maxAge: c.meta.DefaultMaxAge, requireACR: strings.Join(r.RequireACR, " "), resource: keepResource(r.Resource), created: c.clock.local(),
	}
	form := url.Values{
		"response_type": {a.responseType},
		"client_id":     {a.clientID},
		"redirect_uri":  {a.redirectURI},
		"state":         {a.state},
	}
	if a.openid() && !r.InsecureNoNonce {
		a.nonce = randomString()
	}
	if a.wants("code") && !r.InsecureNoPKCE {
		a.verifier = randomString()
		form.Set("code_challenge", codeChallenge(a.verifier))
		form.Set("code_challenge_method", "S256")
	}
	if c.dpop != nil {
		a.thumbprint = c.dpop.thumbprint
		if !isCombined(c.auth) {
			form.Set("dpop_jkt", a.thumbprint) // RFC 9449, Section 10: the code is bound too
		}
	}
	for _, p := range [...]struct{ name, value string }{
		{"nonce", a.nonce},
		{"response_mode", r.ResponseMode},
		{"prompt", r.Prompt},
		{"display", r.Display},
		{"login_hint", r.LoginHint},
		{"id_token_hint", r.IDTokenHint},
		{"acr_values", cmp.Or(strings.Join(r.ACRValues, " "), a.requireACR)},
		{"ui_locales", strings.Join(r.UILocales, " ")},
	} {
		if p.value != "" {
			form.Set(p.name, p.value)
		}
	}
	if r.MaxAge != nil {
		form.Set("max_age", strconv.FormatInt(*r.MaxAge, 10))
		a.maxAge = new(int64)
		*a.maxAge = *r.MaxAge
	}
	if err := setTargets(form, r.Scope, r.Resource, r.AuthorizationDetails); err != nil {
		return nil, nil, err
	}
	if err := setClaims(form, r.Claims); err != nil {
		return nil, nil, err
	}
	if err := setParams(form, r.Params, reservedParams...); err != nil {
		return nil, nil, err
	}
	if err := a.validate(c.caller.insecure); err != nil {
		return nil, nil, err
	}
	if saved, err := (&PendingAuthorization{content: a}).MarshalBinary(); err != nil || len(saved) > maxSaved {
		return nil, nil, fail(ErrConfig, "Scope", "scope, resources and redirect URI are too long: %d bytes have to be kept, the limit is %d", len(saved), maxSaved)
	}
	return a, form, nil
}

func (d *pendingAuthorizationData) openid() bool {
	return slices.Contains(strings.Fields(d.scope), "openid")
}

// acr are the values of which an ID token must have one; nil: any.
func (d *pendingAuthorizationData) acr() []string { return acrList(d.requireACR) }

func acrList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Fields(s)
}

// wants reports whether the response type has the part: code, id_token.
func (d *pendingAuthorizationData) wants(part string) bool {
	return slices.Contains(strings.Fields(d.responseType), part)
}

// codeChallenge is S256 of RFC 7636, Section 4.2.
func codeChallenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return encodeBase64URL(sum[:])
}

func (c *Client) checkAuthorizationRequest(r *AuthorizationRequest) error {
	if c.auth == nil && r.ResponseType != "id_token" {
		return fail(ErrConfig, "Auth", "is nil, so this client cannot exchange a code: set it, PublicClient() for a public client")
	}
	if c.requestKey == nil && (c.server.RequireSignedRequestObject || c.meta.RequireSignedRequestObject) {
		return fail(ErrConfig, "RequestKey", "is nil, and require_signed_request_object is set: requests have to be signed")
	}
	if err := c.checkWayBack(r); err != nil {
		return err
	}
	if err := cmp.Or(
		c.rules.judgeResponse(cmp.Or(r.ResponseType, "code"), responseModes.find(r.ResponseMode).jwt),
		c.rules.weakens(r.InsecureNoPKCE, "InsecureNoPKCE"),
		c.rules.weakens(r.InsecureNoNonce, "InsecureNoNonce"),
	); err != nil {
		return err
	}
	if r.RequireACR != nil && (!slices.Contains(r.Scope, "openid") || len(r.RequireACR) == 0 || slices.ContainsFunc(r.RequireACR, func(acr string) bool { return acr == "" || strings.ContainsFunc(acr, notScopeChar) })) {
		return fail(ErrConfig, "RequireACR", "needs scope openid and values without spaces: one of them stands in the ID token")
	}
	if responseModes.find(r.ResponseMode).jwt {
		if _, err := c.jarmRules(); err != nil {
			return err
		}
	}
	_, public := c.auth.(noAuth)
	switch {
	case r.InsecureNoPKCE && public:
		return fail(ErrConfig, "InsecureNoPKCE", "needs a client that authenticates: everybody else who has the code could use it, too")
	case r.InsecureNoPKCE && !r.InsecureNoNonce && !slices.Contains(r.Scope, "openid"):
		return fail(ErrConfig, "InsecureNoPKCE", "needs a nonce (scope openid): nothing else would tie the code to this request; if the server takes neither (LinkedIn), set InsecureNoNonce, too")
	}
	return nil
}

// checkWayBack finds out before the user is sent away what would fail when the
// user comes back.
func (c *Client) checkWayBack(r *AuthorizationRequest) error {
	if r.ResponseType != "id_token" {
		return c.checkTokenRequest(r.Scope)
	}
	_, err := c.keySet()
	return err
}

// A responseMode says where the parameters of a response come, and whether
// they come in a JWT (JARM, Section 2.3).
type responseMode struct {
	name string
	place
	jwt bool
}

type place int

const (
	inQuery place = iota
	inBody
	inFragment
)

type responseModeTable []responseMode

var responseModes = responseModeTable{
	{"", inQuery, false},
	{"query", inQuery, false},
	{"form_post", inBody, false},
	{"fragment", inFragment, false},
	{"jwt", inQuery, true},
	{"query.jwt", inQuery, true},
	{"form_post.jwt", inBody, true},
	{"fragment.jwt", inFragment, true},
}

// find returns the mode of that name, or the zero one.
func (t responseModeTable) find(name string) responseMode {
	for _, m := range t {
		if m.name == name {
			return m
		}
	}
	return responseMode{}
}

// checkResponseType wants types and modes whose answers can be checked. Those
// that bring an access token through the browser are refused for good: RFC
// 9700, Section 2.1.2.
func checkResponseType(responseType, mode string) error {
	switch responseType {
	case "code", "code id_token", "id_token":
	default:
		return fail(ErrConfig, "ResponseType", "%s is not supported: types that bring a token through the browser leak it (RFC 9700, Section 2.1.2); use code", printable(responseType, 64))
	}
	m := responseModes.find(mode)
	switch {
	case m.name != mode:
		return fail(ErrConfig, "ResponseMode", "%s is not known: use query, form_post or fragment, or one of these with .jwt", printable(mode, 64))
	case strings.Contains(responseType, "id_token") && m.place == inQuery: // OAuth 2.0 Multiple Response Types, Section 5
		return fail(ErrConfig, "ResponseMode", "with response type %s it has to be form_post, or fragment (in a native app, or with FragmentHandler)", responseType)
	}
	return nil
}

// browserURL adds the parameters to an endpoint for browsers, which may have a
// query of its own (RFC 6749, Section 3.1), but no parameter of the protocol in it:
// beside a pushed or signed request it would be the only one of its name, and the
// metadata would have a say in what is asked for.
func (c *Client) browserURL(e endpoint, form url.Values, reserved []string) (string, error) {
	raw, member, err := c.endpointURL(e)
	if err != nil {
		return "", err
	}
	u, err := c.caller.checkURL(member, raw)
	if err != nil {
		return "", err
	}
	if _, ok := webURL(raw); !ok {
		return "", fail(ErrConfig, member, "is not a URL for a browser: only the characters of RFC 3986 (others percent-encoded), and a name of letters, digits and hyphens (xn-- for others) or an IP address for a host")
	}
	own, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", fail(ErrConfig, member, "has a query that cannot be read")
	}
	for name := range own {
		if form.Has(name) || slices.Contains(reserved, name) {
			return "", fail(ErrConfig, member, "has the parameter %s in it, which is for the request to set: take it out of the metadata", printable(name, 64))
		}
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += form.Encode()
	return u.String(), nil
}

// ---- signed requests

// A requestSigner is the use of a SigningKey for requests.
type requestSigner interface {
	signRequest(ctx context.Context, c *Client, form url.Values, pushed bool) (url.Values, error)
}

func (keyUse) signRequest(ctx context.Context, c *Client, form url.Values, pushed bool) (url.Values, error) {
	return c.signedRequest(ctx, form, pushed)
}

// requestObjectType is RFC 9101, Section 10.8.
const requestObjectType = "oauth-authz-req+jwt"

// signedRequest puts the parameters into a request object and returns what is
// sent instead of them. In a URL the object has the rest beside it that OAuth
// 2.0 itself requires: OIDC Core 6.1, FAPI 1 Advanced 5.2.3, number 9.
func (c *Client) signedRequest(ctx context.Context, form url.Values, pushed bool) (url.Values, error) {
	lifetime := requestObjectAge
	if pushed {
		lifetime = pushedObjectAge
	}
	claims, err := c.requestObjectClaims(form, lifetime, reservedParams)
	if err != nil {
		return nil, err
	}
	k := c.requestKey
	alg := k.alg.name.nameAt(c.meta.RequestObjectSigningAlg, c.server.RequestObjectSigningAlgValuesSupported)
	object, err := k.signCompact(append(appendHeader(nil, alg, requestObjectType, k.kid), '}'), claims)
	if err != nil {
		return nil, err
	}
	if c.encryption != nil {
		keys, err := c.keySet()
		if err != nil {
			return nil, err
		}
		key, err := keys.encryptionKey(ctx, c.encryption)
		if err != nil {
			return nil, err
		}
		if object, err = c.encryption.encrypt(key, object); err != nil {
			return nil, &Error{Kind: ErrUnsupported, Param: "Metadata.RequestObjectEncryptionAlg", Detail: "encrypting the request object failed", Err: err}
		}
	}
	out := url.Values{"client_id": form["client_id"], "request": {object}}
	if !pushed {
		for _, name := range [...]string{"response_type", "scope"} {
			if form.Has(name) {
				out[name] = form[name]
			}
		}
	}
	return out, nil
}

// requestObjectClaims is the payload of RFC 9101, Section 4. What is JSON as a
// parameter is JSON in it, and what can come several times is an array. own are the
// parameters of the package, of which it knows that they are strings.
func (c *Client) requestObjectClaims(form url.Values, lifetime time.Duration, own []string) ([]byte, error) {
	b := appendAssertionClaims(make([]byte, 0, 512), c.meta.ClientID, "", c.server.Issuer, c.clock.now(), lifetime)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		values := form[name]
		switch name {
		case "iss", "sub", "aud", "exp", "nbf", "iat", "jti": // RFC 9101, Section 10.8: sub would make it a client assertion
			return nil, fail(ErrConfig, "Params", "%s is set by the package in a signed request", name)
		case "resource":
		default:
			if len(values) != 1 {
				return nil, fail(ErrConfig, "Params", "%s cannot come several times in a signed request", printable(name, 64))
			}
		}
		b = append(appendJSONString(append(b, ','), name), ':')
		switch {
		case slices.Contains(jsonParams[:], name):
			if !json.Valid([]byte(values[0])) { // it could close the object and go on
				return nil, fail(ErrConfig, "Params", "%s has to be JSON in a signed request", name)
			}
			b = append(b, values[0]...)
		case len(values) == 1 && !slices.Contains(own, name) && isComposite(values[0]):
			b = append(b, values[0]...)
		case len(values) > 1:
			for i, v := range values {
				b = appendJSONString(append(b, "[,"[min(i, 1)]), v)
			}
			b = append(b, ']')
		default:
			b = appendJSONString(b, values[0])
		}
	}
	return append(b, '}'), nil
}

// jsonParams are the parameters of the package that are JSON.
var jsonParams = [...]string{"max_age", "requested_expiry", "claims", "authorization_details"}

// isComposite reports whether a parameter of the caller's is a JSON object or array, as
// request_context of FAPI-CIBA and registration of Core are. A number is a string: it
// may be an account.
func isComposite(value string) bool {
	text := strings.TrimLeft(value, " \t\r\n")
	return text != "" && (text[0] == '{' || text[0] == '[') && json.Valid([]byte(value))
}

// ---- pushed authorization requests

const opPush = "pushed authorization"

// push sends the request to the server and returns what is left for the URL.
func (c *Client) push(ctx context.Context, form url.Values, fields headerFields) (url.Values, error) {
	res, err := c.post(ctx, parEndpoint, opPush, form, fields)
	if err != nil {
		return nil, err
	}
	requestURI, err := processPushedResponse(res)
	if err != nil {
		return nil, withOp(opPush, err)
	}
	return url.Values{"client_id": {c.meta.ClientID}, "request_uri": {requestURI}}, nil
}

// processPushedResponse reads the response of RFC 9126, Section 2.2. Some
// servers answer with 200.
func processPushedResponse(res *httpResponse) (requestURI string, err error) {
	if err := res.expect(http.StatusCreated, http.StatusOK); err != nil {
		return "", err
	}
	o, err := res.object()
	if err != nil {
		return "", err
	}
	if requestURI, err = o.need("request_uri"); err != nil {
		return "", err
	}
	if _, ok, err := o.seconds("expires_in", true); err != nil {
		return "", err
	} else if !ok {
		return "", fail(ErrResponse, "expires_in", "is missing")
	}
	return requestURI, nil
}

// checkAuthorization refuses a PendingAuthorization that is not this client's.
func (c *Client) checkAuthorization(a *PendingAuthorization) error {
	switch {
	case a == nil || a.content == nil:
		return fail(ErrConfig, "PendingAuthorization", "is nil or empty: pass the one that StartAuthorization made, or a restored one; if the session has none, its cookie may not have come, because it is SameSite=Strict, or SameSite=Lax and the response was posted")
	case a.content.issuer != c.server.Issuer || a.content.clientID != c.meta.ClientID:
		return fail(ErrConfig, "PendingAuthorization", "belongs to another server or client")
	}
	if a.content.thumbprint != c.thumbprint() {
		return fail(ErrBinding, "DPoP", "is another key than the one that the authorization was started with, or none")
	}
	if _, public := c.auth.(noAuth); public && a.content.wants("code") && a.content.verifier == "" {
		return fail(ErrConfig, "PendingAuthorization", "has no code_verifier, without which a public client starts nothing")
	}
	return nil
}

// checkComparable finds out before the user is sent away that responses to the
// redirect URI could not be told from others: a parameter of its own that is
// named like one of the response would pass for it, iss for the issuer's.
func checkComparable(redirectURI string) error {
	u, err := url.Parse(redirectURI)
	if err != nil {
		return fail(ErrConfig, "RedirectURI", "is not a URI")
	}
	l, fault := landingOf(u)
	if fault != "" {
		return fail(ErrConfig, "RedirectURI", "%s", fault)
	}
	for _, name := range responseParams {
		if l.query.Has(name) {
			return fail(ErrConfig, "RedirectURI", "has the parameter %s in its query, which responses have: name it otherwise", name)
		}
	}
	return nil
}

// jarmRules is what a JWT response is held against.
func (c *Client) jarmRules() (*jwsRules, error) {
	allowed, err := c.rules.allowed("Metadata.AuthorizationSignedResponseAlg", c.meta.AuthorizationSignedResponseAlg,
		"Server.AuthorizationSigningAlgValuesSupported", c.server.AuthorizationSigningAlgValuesSupported, RS256)
	return &jwsRules{allowed: allowed, typ: idTokenType, what: "an authorization response"}, err
}

// newAuthorizationError is the refusal in the parameters of an authorization
// response.
func newAuthorizationError(params url.Values, d *pendingAuthorizationData) *AuthorizationError {
	e := new(AuthorizationError)
	m := errorMembers{params.Get("error"), params.Get("error_description"), params.Get("error_uri")}
	e.Code, e.Description, e.URI = refusalText(m, d.secrets(params))
	return e
}

// secrets are those of an authorization request and its response.
func (d *pendingAuthorizationData) secrets(params url.Values) []string {
	list := []string{d.state, d.nonce, d.verifier}
	for _, name := range [...]string{"code", "state", "response", "id_token", "access_token"} {
		list = append(list, params[name]...)
	}
	return list
}
