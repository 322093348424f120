package oauth

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file implements the common part of all operations of a Client: endpoints, keys,
// parameters, and tokens that the server signed.

// post sends an authenticated request to an endpoint. The client authenticates
// anew for every attempt: an assertion that is sent twice is a replay.
func (c *Client) post(ctx context.Context, e endpoint, op string, form url.Values, fields headerFields) (*httpResponse, error) {
	return c.postFor(ctx, e, op, form, fields, mediaJSON, 0)
}

// postFor asks for an answer of the media type. One that the server may hold back has
// patience.
func (c *Client) postFor(ctx context.Context, e endpoint, op string, form url.Values, fields headerFields, accept string, patience time.Duration) (*httpResponse, error) {
	target, member, err := c.endpointURL(e)
	if err != nil {
		return nil, withOp(op, err)
	}
	if c.auth == nil {
		return nil, withOp(op, fail(ErrConfig, "Auth", "is nil, so this client cannot call the server: set it, PublicClient() for a public client"))
	}
	u, err := c.caller.endpointURL(member, target)
	if err != nil {
		return nil, withOp(op, err) // before anything secret is made for it
	}
	var d *DPoP
	if endpoints[e].proof {
		d = c.dpop
	}
	own := ownAuth(c.auth)
	var attempts interface {
		clientAttempts
		provenAttempts
	}
	if !own {
		attempts = &attestedRequest{server: c.server, caller: c.caller, dpopKey: c.dpop, clock: c.clock, last: c.challenge}
	}
	return c.caller.doProven(ctx, d, c.clock, "", func() (*httpRequest, error) {
		r := &ClientAuthRequest{
			Server: c.server, ClientID: c.meta.ClientID, Endpoint: target, Now: c.clock.now(),
			Header: http.Header{}, Form: url.Values(http.Header(form).Clone()), attempts: attempts,
		}
		maps.Copy(r.Header, fields.more.Clone())
		if err := c.auth.Authenticate(ctx, r); err != nil {
			return nil, withOp(op, err)
		}
		return &httpRequest{
			op: op, url: target, parsed: u, header: r.Header, made: own, received: fields.received, form: r.Form, encode: encodeForm,
			accept: accept, patience: patience, attempts: attempts,
		}, nil
	})
}

// encodeForm is what Encode makes of a form, in one piece.
func encodeForm(form url.Values) string {
	var few [16]string
	names, size := few[:0], 0
	for name, values := range form {
		names = append(names, name)
		for _, v := range values {
			size += len(name) + len(v) + 2
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.Grow(size + size/8) // some is escaped
	for _, name := range names {
		key := url.QueryEscape(name)
		for _, v := range form[name] {
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(key)
			b.WriteByte('=')
			b.WriteString(url.QueryEscape(v))
		}
	}
	return b.String()
}

// keySet is where the server's keys are.
func (c *Client) keySet() (*KeySet, error) {
	if c.keysErr != nil {
		return nil, c.keysErr
	}
	return c.keys, nil
}

// needKeys sees to it that the server's keys are there before something is
// used up whose result they verify.
func (c *Client) needKeys(ctx context.Context) error {
	keys, err := c.keySet()
	if err != nil {
		return err
	}
	_, err = keys.snapshot(ctx)
	return err
}

// endpointURL returns where a request goes to, and the member that says so.
func (c *Client) endpointURL(e endpoint) (url, member string, err error) {
	return endpointURL(c.server, e, c.useAliases)
}

// checkIssuer holds iss against the client's server.
func (c *Client) checkIssuer(claims *jsonObject, key *publicKey) (string, error) {
	iss, _, err := issuerRule{issuer: c.server.Issuer, accept: c.accept}.match(claims, key)
	return iss, err
}

// isServer reports whether the issuer is that of the client's server. Of one that is
// discovered, how it spells itself may not be known yet.
func (c *Client) isServer(issuer string) bool {
	return issuer == c.server.Issuer || c.discovery != nil && sameIssuer(issuer, c.server.Issuer)
}

// matchIssuer compares the issuer of a response, which names no tenant.
func (c *Client) matchIssuer(iss string) error {
	match := c.isServer(iss)
	if strings.Contains(c.server.Issuer, tenantPlaceholder) {
		match = matchesTemplate(c.server.Issuer, iss)
	}
	if !match {
		return fail(ErrIssuer, "iss", "the response is from %s, expected is %s", printable(iss, 256), printable(c.server.Issuer, 256))
	}
	return nil
}

// audienceOf wants the client among the audiences of a JWT, and returns them.
func (c *Client) audienceOf(claims *jsonObject, room []string) ([]string, error) {
	return audienceIn(claims, c.meta.ClientID, room)
}

// thumbprint is that of the client's key; "" if it has none.
func (c *Client) thumbprint() string {
	if c.dpop == nil {
		return ""
	}
	return c.dpop.thumbprint
}

// checkTokenRequest finds out before the user is troubled what would fail when
// the token is asked for.
func (c *Client) checkTokenRequest(scope []string) error {
	target, member, err := c.endpointURL(tokenEndpoint)
	if err == nil {
		_, err = c.caller.checkURL(member, target)
	}
	if err == nil && slices.Contains(scope, "openid") {
		_, err = c.keySet()
	}
	return err
}

// checkGrant refuses a public client the grants that it cannot have, whichever way it
// asks for them.
func (c *Client) checkGrant(grantType string) error {
	_, public := c.auth.(noAuth)
	switch {
	case public && grantType == clientCredentialsGrant:
		return fail(ErrConfig, "Auth", "is PublicClient(): a public client has no credentials (RFC 6749, Section 4.4)")
	case public && grantType == backchannelGrant:
		return fail(ErrConfig, "Auth", "is PublicClient(): a public client cannot use CIBA (Core, Section 7.1), set the client's authentication")
	}
	return nil
}

const clientCredentialsGrant = "client_credentials"

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

const backchannelGrant = "urn:openid:params:grant-type:ciba"

// signedToken returns the signed token in an encrypted answer. What has to be
// encrypted and is not is refused, and so are other algorithms than the client is
// registered with.
func (c *Client) signedToken(ctx context.Context, raw string, answer *encryptedAnswer) (string, error) {
	if e := oversize(raw); e != nil {
		e.token = true
		return "", e
	}
	if strings.Count(raw, ".") == 4 {
		token, err := decryptToken(ctx, c.decrypter, raw, answer)
		return token, ofToken(err)
	}
	if answer.as != nil {
		return "", fail(ErrDecrypt, "", "the token is not encrypted, although %s is set", answer.param)
	}
	return raw, nil
}

// setParams adds the caller's parameters to form. They cannot name one that
// the package sets, whether or not it does so this time: what looks like an
// addition would be a replacement.
func setParams(form, params url.Values, reserved ...string) error {
	for name, values := range params {
		if _, set := form[name]; set || slices.Contains(reserved, name) {
			return fail(ErrConfig, "Params", "%s is set by the package%s", printable(name, 64), fieldOf(name))
		}
		form[name] = slices.Clone(values)
	}
	return nil
}

// fieldOf says which field sets a parameter that Params cannot.
func fieldOf(param string) string {
	for _, p := range paramFields {
		if p.param == param {
			return ": use " + p.field
		}
	}
	return ""
}

// paramFields are the parameters that a field of a request or of Config is for.
var paramFields = [...]struct{ param, field string }{
	{"scope", "Scope"}, {"resource", "Resource"}, {"authorization_details", "AuthorizationDetails"},
	{"redirect_uri", "RedirectURI"}, {"response_type", "ResponseType"}, {"response_mode", "ResponseMode"},
	{"prompt", "Prompt"}, {"login_hint", "LoginHint"}, {"max_age", "MaxAge"}, {"acr_values", "ACRValues"},
	{"ui_locales", "UILocales"}, {"claims", "Claims"}, {"request_uri", "Pushed"},
	{"client_id", "Config.Metadata"}, {"client_secret", "Config.Auth"}, {"client_assertion", "Config.Auth"}, {"client_assertion_type", "Config.Auth"},
	{"request", "Config.RequestKey"}, {"dpop_jkt", "Config.DPoP"},
}

// setTargets sets the parameters that say what a token is for.
func setTargets(form url.Values, scope, resource []string, details []AuthorizationDetail) error {
	if err := checkScope(scope); err != nil {
		return err
	}
	if len(scope) > 0 {
		form.Set("scope", strings.Join(scope, " "))
	}
	if err := checkResource(resource); err != nil {
		return err
	}
	if len(resource) > 0 {
		form["resource"] = slices.Clone(resource)
	}
	text, err := encodeDetails(details)
	if text != "" {
		form.Set("authorization_details", text)
	}
	return err
}

func checkResource(resource []string) error {
	for _, uri := range resource {
		if u, err := url.Parse(uri); err != nil || !u.IsAbs() || strings.Contains(uri, "#") {
			return fail(ErrConfig, "Resource", "%s is not an absolute URI without fragment (RFC 8707, Section 2)", printable(uri, 128))
		}
	}
	return nil
}

// keptResource are resources in one field of what is kept: a URI has no line break.
type keptResource string

func keepResource(resource []string) keptResource {
	return keptResource(strings.Join(resource, "\n"))
}

func (k keptResource) list() []string {
	if k == "" {
		return nil
	}
	return strings.Split(string(k), "\n")
}

// setClaims sets the claims parameter (OpenID Connect Core, Section 5.5).
func setClaims(form url.Values, claims json.RawMessage) error {
	if claims == nil {
		return nil
	}
	// Strictly: of two members with one name, the server could take the one that was put in.
	if _, err := parseObject(string(claims), documentForm, ErrConfig); err != nil {
		return &Error{Kind: ErrConfig, Param: "Claims", Detail: "is not a JSON object, or has a member twice", Err: err}
	}
	text, _ := appendRaw(nil, claims) // which has been read as JSON
	form.Set("claims", string(text))
	return nil
}

// headerFields are those that the options of a call have.
type headerFields struct {
	more     http.Header // of the request
	received http.Header // of the response; nil: nobody asks
}

// check refuses fields that a caller cannot add to a request.
func (f headerFields) check() error {
	if f.received != nil {
		const probe = "\x00" // which no field is called
		f.received[probe] = nil
		_, same := f.more[probe]
		delete(f.received, probe)
		if same {
			return fail(ErrConfig, "ResponseHeader", "is the map that Header is: the fields of the response would be sent with the next request")
		}
		clear(f.received)
	}
	for name, values := range f.more {
		if slices.ContainsFunc(values, func(v string) bool { return strings.ContainsFunc(v, unprintable) }) {
			return fail(ErrConfig, "Header", "%s has control characters", printable(name, 64))
		}
		if strings.ContainsFunc(name, func(r rune) bool { return r > 0x7e || !tokenChar(byte(r)) }) || name == "" {
			return fail(ErrConfig, "Header", "%s is not the name of a header field", printable(name, 64))
		}
		if slices.Contains(reservedHeaders[:], http.CanonicalHeaderKey(name)) {
			return fail(ErrConfig, "Header", "%s is set by the package", printable(name, 64))
		}
	}
	return nil
}

// reservedHeaders cannot be set by the fields Header of options.
var reservedHeaders = [...]string{
	"Authorization", "Accept", "Content-Type", "Content-Length", "Transfer-Encoding",
	"Host", "Cookie", "Dpop", "Connection", "Accept-Encoding", "Te", "Trailer", "Upgrade", "Expect", "Proxy-Authorization",
	// With these net/http takes a POST for one that it may send again by itself:
	// the code and the assertion would go out twice.
	"Idempotency-Key", "X-Idempotency-Key",
}

// reservedTokenParams cannot be set by GrantOptions.Params.
var reservedTokenParams = []string{
	"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type",
	"code", "redirect_uri", "code_verifier", "refresh_token", "device_code", "auth_req_id", "assertion",
	"scope", "resource", "authorization_details",
}
