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

// EndSessionRequest says what [Client.EndSessionURL] asks for. The zero value ends the
// session that the browser has at the server.
type EndSessionRequest struct {
	unprinted

	// Token is whose login ends: its ID token goes into the URL as
	// id_token_hint, so that the server need not ask the user; in the clear, also if
	// it came encrypted. Nil: none.
	Token *Token

	LogoutHint string // whom the server may know by this

	// PostLogoutRedirectURI is where the browser comes back to, exactly as it is
	// registered. Empty: nowhere.
	PostLogoutRedirectURI string
	// State comes back with it: make it hard to guess, and compare it.
	State string

	UILocales []string   // BCP 47 tags in order of preference
	Params    url.Values // further parameters; they cannot name one that the package sets
}

// EndSessionURL is where to send the user's browser to end its session at the
// server, after the application ended its own. The URL has personal data in it
// where Token is set. The errors are of kind [ErrConfig] and [ErrInsecureURL]; no
// request is made.
func (c *Client) EndSessionURL(r *EndSessionRequest) (string, error) {
	if err := c.made(); err != nil {
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

// A LogoutToken is the server's word that a user logged out, or that a session
// ended, whose signature and claims passed every check. It is immutable.
type LogoutToken struct {
	content *logoutTokenData
}

// logoutTokenData stands behind a pointer as idTokenData does.
type logoutTokenData struct {
	issuer, subject, sessionID, id string

	issuedAt time.Time
	expiry   time.Time
}

// data is never nil: the nil and the zero LogoutToken are inert.
func (t *LogoutToken) data() *logoutTokenData {
	if t == nil || t.content == nil {
		return new(logoutTokenData)
	}
	return t.content
}

// Issuer is iss, for a multi-tenant server that of the tenant.
func (t *LogoutToken) Issuer() string { return t.data().issuer }

// Subject is sub: whose sessions end; with a SessionID, only that one. Empty:
// the SessionID says it alone.
func (t *LogoutToken) Subject() string { return t.data().subject }

// SessionID is sid, the session that ended: see [IDToken.SessionID]. Empty: all
// sessions of the Subject.
func (t *LogoutToken) SessionID() string { return t.data().sessionID }

// ID is jti.
func (t *LogoutToken) ID() string { return t.data().id }

// IssuedAt is iat.
func (t *LogoutToken) IssuedAt() time.Time { return t.data().issuedAt }

// Format prints issuer and id.
func (t LogoutToken) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.summary()) }

// LogValue is issuer and id.
func (t LogoutToken) LogValue() slog.Value { return slog.StringValue(t.summary()) }

// MarshalJSON fails: what it could write would be trusted by whoever reads it.
func (t LogoutToken) MarshalJSON() ([]byte, error) {
	return nil, withOp(opLogout, fail(ErrConfig, "", "a LogoutToken does not encode itself"))
}

func (t *LogoutToken) summary() string {
	return "LogoutToken(" + printable(t.data().issuer, 256) + " " + printable(t.data().id, 128) + ")"
}

// VerifyLogoutToken verifies a logout token: Back-Channel Logout 1.0, Section
// 2.6. Whether it came before is for the caller to see, by its ID;
// [Client.BackchannelLogoutHandler] does it all. The errors are of the kinds under
// [ErrInvalid], and [ErrUnavailable], [ErrConfig].
func (c *Client) VerifyLogoutToken(ctx context.Context, token string) (*LogoutToken, error) {
	if err := c.made(); err != nil {
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
	d := new(logoutTokenData)
	if d.issuer, err = c.checkIssuer(claims, v.key); err != nil { // step 3
		return nil, err
	}
	if _, err := c.audienceOf(claims); err != nil {
		return nil, err
	}
	if d.expiry, err = checkLifetime(claims, c.clock); err != nil {
		return nil, err
	}
	var ok bool
	if d.issuedAt, ok, err = claims.date("iat"); err != nil {
		return nil, err
	}
	if !ok {
		return nil, fail(ErrClaim, "iat", "is missing")
	}
	if err := c.clock.checkAge("iat", d.issuedAt, logoutTokenAge); err != nil {
		return nil, err
	}
	if d.id, err = claims.need("jti"); err != nil {
		return nil, err
	}
	if err := checkLogoutEvent(claims); err != nil { // step 5
		return nil, err
	}
	if claims.has("nonce") { // step 6: it may be an ID token
		return nil, fail(ErrNonce, "nonce", "a logout token has none")
	}
	if err := d.readWho(claims, c.meta.BackchannelLogoutSessionRequired); err != nil {
		return nil, err
	}
	return &LogoutToken{d}, nil
}

// checkLogoutEvent is Section 2.4: "the corresponding member value MUST be a
// JSON object".
func checkLogoutEvent(claims jsonObject) error {
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
func (d *logoutTokenData) readWho(claims jsonObject, needSession bool) error {
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

// LogoutOptions are the options of [Client.BackchannelLogoutHandler]. OnLogout is required.
type LogoutOptions struct {
	// OnLogout ends sessions: the session with the token's issuer and SessionID or,
	// without a SessionID, all sessions of its issuer and Subject. If it returns an
	// error, the server is told that the logout failed, and may send the token again.
	//
	// OnLogout must be idempotent. It may be called more than once for a token, and
	// by several goroutines at once: a logout that is done twice is harmless, and one
	// that is taken for done is not.
	OnLogout func(ctx context.Context, t *LogoutToken) error

	// Replay records the tokens for which OnLogout succeeded, so that it is not called
	// for them again: a user who has logged in since is not logged out by an old
	// token. Replay should have the method Has, see [ReplayCache]. Without Has,
	// OnLogout is called for every delivery of a token. If nil, tokens are recorded
	// in memory, for this handler alone.
	Replay ReplayCache

	// OnError, if not nil, is called with the error if a request is refused, if a
	// logout fails, or if Replay fails. An error of Replay, for which
	// errors.Is(err, [ErrUnavailable]) holds and Error.Param is "Replay", does not
	// fail the logout. The other side is not told the error.
	OnError func(ctx context.Context, err error)
}

// BackchannelLogoutHandler is the client's backchannel_logout_uri: it takes the server's
// POST, verifies the logout token, and calls OnLogout if Replay does not know the
// token. The answers are those of Back-Channel Logout 1.0, Section 2.8: 200, also
// for a token that is known, or 400 for whatever went wrong. The path is for the server alone: no session
// or CSRF middleware belongs before it; but anybody can send to it, and with
// Config.Decrypter each request costs an operation with the private key: limit them
// where that is dear. BackchannelLogoutHandler panics if OnLogout is nil, or if NewClient did not
// make the Client.
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
// which the server's page makes the browser send: Front-Channel Logout 1.0,
// Section 3. The result is the sid; it is empty if the server sent none, which
// it may do unless Metadata.FrontchannelLogoutSessionRequired is set. Errors are of
// kind [ErrParse], [ErrClaim], [ErrIssuer] and, without a request, [ErrConfig].
//
// A ";" in the query, and a "%" that begins no escape, are data: a server that
// writes the sid as it is must not leave the session alive.
//
// The browser loads the URL in a frame of the server's page, from another site.
// The response must therefore allow to be framed by the server: it must not have
// X-Frame-Options, and frame-ancestors of its Content-Security-Policy must be absent
// or have the server's origin. It should have Cache-Control: no-store (Section 3),
// because a response from a cache ends no session. The session's cookie comes with
// the request only if it is SameSite=None and Secure, and in many browsers not at
// all; servers that offer it should be used with [Client.BackchannelLogoutHandler].
//
// WARNING: Nothing proves that the server caused the request: any page can. End no
// other session than that of the browser which sent it and, where there is a sid,
// only if it is that of the session.
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
