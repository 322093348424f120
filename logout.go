package oauth

// This file implements logout: OpenID Connect RP-Initiated Logout 1.0,
// Back-Channel Logout 1.0 and Front-Channel Logout 1.0.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const opLogout = "logout"

// ---- RP-initiated

// An EndSessionRequest contains the parameters of [Client.EndSessionURL]. The zero
// value ends the session that the browser has at the server.
type EndSessionRequest struct {
	unprinted

	// Token is the Token of the login that ends. Its ID token becomes the id_token_hint
	// in the URL, so that the server need not ask the user. It appears there
	// unencrypted, even if the server encrypted it. If nil, there is no hint.
	Token *Token

	LogoutHint string // a hint about the user, in a form that the server knows

	// PostLogoutRedirectURI is the URI to which the server sends the browser after the
	// logout, exactly as it is registered. If empty, the browser stays at the server.
	PostLogoutRedirectURI string
	// State is returned to the PostLogoutRedirectURI, and must be empty without one. It
	// should be hard to guess, and the program should compare it.
	State string

	UILocales []string   // BCP 47 language tags, in order of preference
	Params    url.Values // additional parameters, but none that the package sets
}

// EndSessionURL returns the URL to which the user's browser must be sent to end its
// session at the server, after the application has ended its own session (RP-Initiated
// Logout 1.0). It makes no request, except that a Client of [NewClientFromIssuer] that has
// no metadata yet waits for them, for about 10 seconds at most. If r is nil, the zero
// EndSessionRequest is used. If r.Token is set, the URL contains personal data.
//
// If r or the configuration is wrong, the error matches [ErrConfig]. If a URL is not
// https, it matches [ErrInsecureURL]. If the metadata cannot be had, it matches
// [ErrUnavailable].
func (c *Client) EndSessionURL(r *EndSessionRequest) (string, error) {
	if c.made() == nil {
		c = c.atHand() // which will do, for there is no context to wait with
	}
	c, err := c.ready(context.Background()) // a fetch has its own time
	if err != nil {
		return "", err
	}
	var e EndSessionRequest
	if r != nil {
		e = *r
	}
	u, err := c.endSessionURL(e)
	if err != nil {
		return "", withOp(opLogout, err)
	}
	return u, nil
}

func (c *Client) endSessionURL(e EndSessionRequest) (string, error) {
	form := url.Values{"client_id": {c.meta.ClientID}}
	hint := ""
	if e.Token != nil {
		if err := c.checkToken(e.Token); err != nil {
			return "", err
		}
		if hint = e.Token.IDTokenHint(); hint == "" {
			return "", fail(ErrConfig, "Token", "had no ID token: leave it nil")
		}
	}
	if e.PostLogoutRedirectURI != "" {
		if err := checkRedirectURI("PostLogoutRedirectURI", e.PostLogoutRedirectURI, c.caller.insecure); err != nil {
			return "", err
		}
	} else if e.State != "" {
		return "", fail(ErrConfig, "State", "goes with PostLogoutRedirectURI")
	}
	for _, p := range [...]struct{ name, value string }{
		{"id_token_hint", hint},
		{"logout_hint", e.LogoutHint},
		{"post_logout_redirect_uri", e.PostLogoutRedirectURI},
		{"state", e.State},
		{"ui_locales", strings.Join(e.UILocales, " ")},
	} {
		if p.value != "" {
			form.Set(p.name, p.value)
		}
	}
	if err := setParams(form, e.Params, endSessionParams...); err != nil {
		return "", err
	}
	return c.browserURL(endSessionEndpoint, form, endSessionParams)
}

// endSessionParams are the parameters of RP-Initiated Logout 1.0, Section 2, that
// EndSessionRequest.Params cannot name.
var endSessionParams = []string{"client_id", "id_token_hint", "logout_hint", "post_logout_redirect_uri", "state", "ui_locales"}

// ---- back-channel

// A LogoutToken states that a user logged out, or that a session ended. Its signature
// and claims have passed every check. It is immutable.
type LogoutToken struct {
	content *logoutTokenData
}

// logoutTokenData stands behind a pointer as idTokenData does.
type logoutTokenData struct {
	issuer, subject, sessionID, id string

	tokenTimes
}

// data is never nil: the nil and the zero LogoutToken are inert.
func (t *LogoutToken) data() *logoutTokenData {
	if t == nil || t.content == nil {
		return new(logoutTokenData)
	}
	return t.content
}

// Issuer returns the iss claim. For a multi-tenant server it is the issuer of the
// tenant.
func (t *LogoutToken) Issuer() string { return t.data().issuer }

// Subject returns the sub claim, which identifies the user whose sessions ended. If
// there is a SessionID, only that session ended. If Subject is empty, there is a
// SessionID.
func (t *LogoutToken) Subject() string { return t.data().subject }

// SessionID returns the sid claim, which identifies the session that ended; see
// [IDToken.SessionID]. If it is empty, all sessions of the Subject ended.
func (t *LogoutToken) SessionID() string { return t.data().sessionID }

// ID returns the jti claim.
func (t *LogoutToken) ID() string { return t.data().id }

// IssuedAt returns the iat claim.
func (t *LogoutToken) IssuedAt() time.Time { return t.data().issuedAt }

// Format implements [fmt.Formatter]. It prints issuer and ID.
func (t LogoutToken) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
func (t LogoutToken) LogValue() slog.Value { return slog.StringValue(t.summary()) }

// MarshalJSON always returns an error, because a reader of the result would trust it
// without having verified it.
func (t LogoutToken) MarshalJSON() ([]byte, error) {
	return nil, withOp(opLogout, fail(ErrConfig, "", "a LogoutToken does not encode itself"))
}

func (t *LogoutToken) summary() string {
	return "LogoutToken(" + printable(t.data().issuer, 256) + " " + printable(t.data().id, 128) + ")"
}

// VerifyLogoutToken verifies a logout token (Back-Channel Logout 1.0, Section 2.6). The
// caller must detect by its ID whether the token arrived before.
// [Client.BackchannelLogoutHandler] does all of this.
//
// If the token is bad, the error matches [ErrInvalid]. If the keys of the server are
// not available, it matches [ErrUnavailable]. If the configuration is wrong, it matches
// [ErrConfig].
func (c *Client) VerifyLogoutToken(ctx context.Context, token string) (*LogoutToken, error) {
	c, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	t, err := c.verifyLogoutToken(ctx, token)
	if err != nil {
		return nil, withOp(opLogout, err)
	}
	return t, nil
}

// logoutType is Back-Channel Logout, Section 2.4: logout+jwt is recommended.
// Keycloak and Okta say JWT or nothing.
func logoutType(typ string) bool { return typ == "logout+jwt" || typ == "jwt" || typ == "" }

// logoutEvent is the member of events that makes a token a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

func (c *Client) verifyLogoutToken(ctx context.Context, token string) (*LogoutToken, error) {
	keys, err := c.keySet()
	if err != nil {
		return nil, err
	}
	// Steps 1, 2: encrypted and signed as ID tokens are. "If ID Token encryption was
	// negotiated […] and the Logout Token is not encrypted, the RP SHOULD reject it."
	if token, err = c.signedToken(ctx, token, &c.encrypted.idToken); err != nil {
		return nil, err
	}
	v, err := verifyJWS(ctx, token, keys, fromAnybody, &jwsRules{allowed: c.idTokens.allowed, typ: logoutType, what: "a logout token"})
	if err != nil {
		return nil, err
	}
	claims, err := v.ownClaims()
	if err != nil {
		return nil, err
	}
	claims.nullAbsent = true
	d := new(logoutTokenData)
	if d.issuer, err = c.checkIssuer(&claims, v.key); err != nil { // step 3
		return nil, err
	}
	if _, err := c.audienceOf(&claims, nil); err != nil {
		return nil, err
	}
	if err := c.checkLogoutTimes(&claims, d); err != nil {
		return nil, err
	}
	if d.id, err = claims.need("jti"); err != nil {
		return nil, err
	}
	if err := checkLogoutEvent(&claims); err != nil { // step 5
		return nil, err
	}
	if claims.has("nonce") { // step 6: it may be an ID token
		return nil, fail(ErrNonce, "nonce", "a logout token has none")
	}
	if err := d.readWho(&claims, c.meta.BackchannelLogoutSessionRequired); err != nil {
		return nil, err
	}
	return &LogoutToken{d}, nil
}

// checkLogoutTimes wants an iat, and an exp that is not past. The drafts had no exp, and
// servers leave it out (Ory Hydra, LemonLDAP::NG, glewlwyd): the age ends the token then.
func (c *Client) checkLogoutTimes(claims *jsonObject, d *logoutTokenData) (err error) {
	if d.tokenTimes, err = claims.times(); err != nil {
		return err
	}
	if d.issuedAt.IsZero() {
		return fail(ErrClaim, "iat", "is missing")
	}
	at := c.clock.instant()
	if err := at.checkAge("iat", d.issuedAt, logoutTokenAge); err != nil {
		return err
	}
	if claims.has("exp") {
		return d.checkLifetime(at)
	}
	d.expiry = d.issuedAt.Add(logoutTokenAge)
	return d.checkStart(at)
}

// checkLogoutEvent is Section 2.4: "the corresponding member value MUST be a
// JSON object".
func checkLogoutEvent(claims *jsonObject) error {
	events, ok, err := claims.object("events")
	if err != nil {
		return err
	}
	if ok {
		_, ok, err = events.object(logoutEvent)
	}
	switch {
	case err != nil:
		return err
	case !ok:
		return fail(ErrType, "events", "does not say that this is a logout")
	}
	return nil
}

// readWho is step 4: sub, sid or both; the sid if the client is registered to
// need it (Section 2.2).
func (d *logoutTokenData) readWho(claims *jsonObject, needSession bool) error {
	for _, m := range [...]struct {
		name string
		dst  *string
	}{{"sub", &d.subject}, {"sid", &d.sessionID}} {
		if !claims.has(m.name) {
			continue
		}
		var err error
		if *m.dst, err = claims.need(m.name); err != nil {
			return err
		}
	}
	if needSession && d.sessionID == "" {
		return fail(ErrClaim, "sid", "is missing, and Metadata.BackchannelLogoutSessionRequired is set")
	}
	if d.subject == "" && d.sessionID == "" {
		return fail(ErrClaim, "sub", "is missing, and so is sid: nobody is named")
	}
	return nil
}

// LogoutOptions are the options of [Client.BackchannelLogoutHandler]. OnLogout is
// required.
type LogoutOptions struct {
	// OnLogout ends sessions of the token's Issuer: the session with its SessionID or,
	// if that is empty, all sessions of its Subject. If OnLogout returns an error, the
	// server is told that the logout failed, and may send the token again.
	//
	// OnLogout must be idempotent. It can be called several times for one token, and
	// concurrently, because repeating a logout is harmless and omitting one is not.
	OnLogout func(ctx context.Context, t *LogoutToken) error

	// Replay records the tokens for which OnLogout succeeded, so that OnLogout is not
	// called for them again. Otherwise an old token could log out a user who has logged
	// in since. Replay should have the method Has; see [ReplayCache]. Without Has,
	// OnLogout is called for every delivery of a token. If Replay is nil, tokens are
	// recorded in memory, for this handler only.
	Replay ReplayCache

	// OnError, if not nil, is called with the error if a request is refused, if a
	// logout fails, or if Replay fails. An error of Replay matches [ErrUnavailable],
	// its Error.Param is "Replay", and it does not fail the logout. The error is not
	// sent to the server.
	OnError func(ctx context.Context, err error)
}

// BackchannelLogoutHandler returns a handler for the client's backchannel_logout_uri.
// The handler verifies the logout token that the server posts, and calls o.OnLogout
// unless o.Replay knows the token. As Back-Channel Logout 1.0, Section 2.8 requires, it
// responds with status 200, even if the token is known, or with status 400 if something
// failed.
//
// Only the server uses the path of the handler. Middleware for sessions or CSRF must
// not be applied to it. However, any party can send requests to it, and if
// Config.Decrypter is set, each request can cost an operation with the private key. If
// such operations are expensive, the program should limit the requests.
//
// BackchannelLogoutHandler panics if o.OnLogout is nil or if the Client was made neither by
// NewClient nor by NewClientFromIssuer.
func (c *Client) BackchannelLogoutHandler(o LogoutOptions) http.Handler {
	if c.made() != nil {
		panic("oauth: BackchannelLogoutHandler: the Client is nil or empty")
	}
	if o.OnLogout == nil {
		panic("oauth: BackchannelLogoutHandler: OnLogout is nil")
	}
	if o.Replay == nil {
		o.Replay = newMemoryReplay(c.clock, maxReplays)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		if err := withOp(opLogout, c.backchannelLogout(r, &o)); err != nil {
			if o.OnError != nil {
				o.OnError(r.Context(), err)
			}
			w.Header().Set("Content-Type", mediaJSON)
			w.WriteHeader(http.StatusBadRequest)
			// Fixed texts: what went wrong is nothing for the other side to know.
			text := `{"error":"invalid_request","error_description":"the logout token was not accepted"}`
			if errors.Is(err, errLogoutFailed) || errors.Is(err, ErrUnavailable) {
				text = `{"error":"server_error","error_description":"the logout failed"}`
			}
			io.WriteString(w, text)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
}

// errLogoutFailed: the token is good, or nothing was learned about it.
var errLogoutFailed error = &errorKind{text: "logout failed"}

func (c *Client) backchannelLogout(r *http.Request, o *LogoutOptions) error {
	params, err := formParams(r)
	if err != nil {
		return err
	}
	if len(params["logout_token"]) != 1 {
		return fail(ErrParse, "logout_token", "is missing, or comes more than once")
	}
	if c, err = c.ready(r.Context()); err != nil {
		return err
	}
	t, err := c.verifyLogoutToken(r.Context(), params.Get("logout_token"))
	if err != nil {
		return err
	}
	// Until the token would not be accepted any more, by the local clock: a
	// cache knows no other.
	until := t.content.issuedAt.Add(logoutTokenAge)
	if t.content.expiry.Before(until) {
		until = t.content.expiry
	}
	until = until.Add(c.clock.tolerance() + replayMargin - c.clock.Skew)
	// With whose session it is: a server that gives one jti to two tokens must not
	// keep the second session alive.
	key := replayKey(t.content.issuer, c.meta.ClientID, replayKey(t.content.subject), replayKey(t.content.sessionID), t.content.id)
	// A cache that fails must not keep a session alive: the token is good, and
	// OnLogout may be called twice. So it is recorded last, when nothing can be lost.
	if cache, ok := o.Replay.(interface {
		Has(ctx context.Context, key string) (bool, error)
	}); ok {
		switch known, err := cache.Has(r.Context(), key); {
		case err != nil:
			o.replayFailed(r.Context(), "whether the token came before is not known", err)
		case known:
			return nil
		}
	}
	if err := o.OnLogout(r.Context(), t); err != nil {
		return &Error{Kind: errLogoutFailed, Err: err}
	}
	// False is another handler's that had the same token at the same time.
	if _, err := o.Replay.Add(r.Context(), key, until); err != nil {
		o.replayFailed(r.Context(), "the sessions were ended, but the token could not be recorded", err)
	}
	return nil
}

// replayFailed reports what the logout does not fail for.
func (o *LogoutOptions) replayFailed(ctx context.Context, detail string, err error) {
	if o.OnError != nil {
		o.OnError(ctx, &Error{Kind: ErrUnavailable, Op: opLogout, Param: "Replay", Detail: detail, Err: err})
	}
}

// ---- front-channel

// ParseFrontchannelLogout reads a request to the client's frontchannel_logout_uri,
// which a page of the server causes the browser to send (Front-Channel Logout 1.0,
// Section 3). It returns the sid parameter. The sid is empty if the server sent none,
// which is allowed unless Metadata.FrontchannelLogoutSessionRequired is set.
//
// WARNING: Any page can cause such a request, not only the server's. The program must
// end only the session of the browser that sent the request and, if there is a sid,
// only if it is the sid of that session.
//
// If the query contains a ";" or a "%" that begins no escape, they are part of the
// data. Otherwise the session would stay alive if a server does not escape the sid.
//
// The browser loads the URL in a frame of the server's page, which is on another site.
// The server must therefore be allowed to frame the response: it must not have
// X-Frame-Options, and the frame-ancestors of its Content-Security-Policy must be
// absent or include the origin of the server. It should have Cache-Control: no-store
// (Section 3), because a cached response ends no session. The browser only sends the
// session cookie if it is SameSite=None and Secure, and many browsers do not send it at
// all. If the server supports it, [Client.BackchannelLogoutHandler] should be used
// instead.
//
// If the request is malformed, the error matches [ErrParse]. If only one of iss and sid
// is present, or if both are missing but required, it matches [ErrClaim]. If iss is
// another issuer, it matches [ErrIssuer]. If r is nil, it matches [ErrConfig].
func (c *Client) ParseFrontchannelLogout(r *http.Request) (sessionID string, err error) {
	if err := c.made(); err != nil {
		return "", err
	}
	sid, err := c.frontchannelLogout(r)
	if err != nil {
		return "", withOp(opLogout, err)
	}
	return sid, nil
}

func (c *Client) frontchannelLogout(r *http.Request) (string, error) {
	if r == nil || r.URL == nil {
		return "", fail(ErrConfig, "", "the request is nil or has no URL")
	}
	if r.Method != http.MethodGet {
		return "", fail(ErrParse, "", "the request came by %s, expected is GET", printable(r.Method, 16))
	}
	params := rawQuery(r.URL.RawQuery)
	for _, name := range [...]string{"iss", "sid"} {
		if len(params[name]) > 1 {
			return "", fail(ErrParse, name, "comes more than once")
		}
	}
	iss, sid := params.Get("iss"), params.Get("sid")
	switch {
	case iss == "" && sid == "" && !c.meta.FrontchannelLogoutSessionRequired:
		return "", nil
	case iss == "" || sid == "": // Section 3: "if either is included, both MUST be"
		return "", fail(ErrClaim, "sid", "iss or sid is missing")
	}
	return sid, c.matchIssuer(iss)
}

// rawQuery is url.ParseQuery for a query that others may have written without
// escaping: what cannot be decoded is taken as it is.
func rawQuery(query string) url.Values {
	params := url.Values{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		for _, s := range [...]*string{&name, &value} {
			if decoded, err := url.QueryUnescape(*s); err == nil {
				*s = decoded
			}
		}
		params[name] = append(params[name], value)
	}
	return params
}
