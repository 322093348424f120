package weblogin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"example.com/oauth"
)

// A Session is the session of a user, as it was when the request came. It is immutable and
// safe for concurrent use.
type Session struct {
	h       *Handler
	name    string // in the store; empty: it is in a cookie
	content *content
}

// A content is what a session consists of, in a cookie or in the store.
type content struct {
	Provider  string                     `json:"p,omitempty"`
	Issuer    string                     `json:"iss"`
	Subject   string                     `json:"sub"`
	SessionID string                     `json:"sid,omitempty"`
	ACR       string                     `json:"acr,omitempty"`
	AuthTime  int64                      `json:"auth,omitempty"`
	Started   int64                      `json:"start"`
	Ends      int64                      `json:"end"`
	Seen      int64                      `json:"seen"` // the last request, roughly
	Idle      int64                      `json:"idle"` // seconds
	Claims    map[string]json.RawMessage `json:"c,omitempty"`

	// The rest is in a store alone.

	Tags  []string `json:"g,omitempty"` // of the record
	Token []byte   `json:"t,omitempty"` // of oauth.Token.MarshalBinary
	// Owner refreshes it until Lease; nobody does before Retry.
	Owner string `json:"o,omitempty"`
	Lease int64  `json:"l,omitempty"` // milliseconds
	Retry int64  `json:"r,omitempty"` // milliseconds
}

// until is when the session is over if no request comes.
func (c *content) until() time.Time { return time.Unix(min(c.Ends, c.Seen+c.Idle), 0) }

// good reports whether it is a session at this time: it names a user, and is not over.
func (c *content) good(now time.Time) bool {
	return c.Issuer != "" && c.Subject != "" && now.Before(c.until()) && !now.Before(time.Unix(c.Started, 0).Add(-time.Minute))
}

// User returns who logged in.
func (s *Session) User() User { return User{s.content.Issuer, s.content.Subject} }

// Provider returns the Name of the provider at which the user logged in.
func (s *Session) Provider() string { return s.content.Provider }

// Claims decodes the claims that the session keeps into dst, as [json.Unmarshal] does; see
// [Provider].Claims. The claims are those of the login. The error matches
// [oauth.ErrParse] if they do not fit into dst.
func (s *Session) Claims(dst any) error {
	text, err := json.Marshal(s.content.Claims)
	if err == nil {
		err = json.Unmarshal(text, dst)
	}
	if err != nil {
		return &oauth.Error{Op: "weblogin", Kind: oauth.ErrParse, Param: "Claims", Detail: "do not fit into the type that they are decoded into", Err: err}
	}
	return nil
}

// Started returns when the session began.
func (s *Session) Started() time.Time { return time.Unix(s.content.Started, 0) }

// Ends returns when the session is over at the latest, however much it is used.
func (s *Session) Ends() time.Time { return time.Unix(s.content.Ends, 0) }

// AuthTime returns when the user authenticated at the server, or the zero time if the
// server did not say so.
func (s *Session) AuthTime() time.Time {
	if s.content.AuthTime == 0 {
		return time.Time{}
	}
	return time.Unix(s.content.AuthTime, 0)
}

// ACR returns how the user authenticated (the acr claim of the login), or "".
func (s *Session) ACR() string { return s.content.ACR }

type contextKey struct{}

// FromContext returns the session of a request that came through [Handler.Require] or
// [Handler.Optional]. Other handlers find none, and neither do those of Optional if the user
// is not logged in.
func FromContext(ctx context.Context) (*Session, bool) {
	s, ok := ctx.Value(contextKey{}).(*Session)
	return s, ok
}

// ErrEnded is the error of a session that has ended since the request came: by a logout,
// or because the server has ended it.
var ErrEnded = errors.New("weblogin: the session has ended")

// session returns the session of the browser that sent r, or nil if there is none. An
// error says that this is not known.
func (h *Handler) session(r *http.Request) (*Session, error) {
	name := h.names.session()
	sealed := h.names.get(r, name)
	if sealed == nil {
		return nil, nil
	}
	data, err := h.sealer.open(sessionCookie, name, sealed)
	if err != nil {
		return nil, nil
	}
	s := &Session{h: h}
	if h.store == nil {
		s.content = new(content)
		if json.Unmarshal(data, s.content) != nil {
			return nil, nil
		}
	} else {
		s.name = string(data)
		if s.content, _, err = h.store.get(r.Context(), s.name); err != nil {
			return nil, storeFailed("cannot be asked for the session", err)
		}
	}
	if s.content == nil || !s.content.good(h.now()) || h.provider(s.content.Provider) == nil {
		return nil, nil
	}
	return s, nil
}

// A beginning is a session that its browser does not have yet. The name of a session is new
// for each login: whoever knew the one before is not logged in.
type beginning struct {
	h       *Handler
	name    string // in the store, if there is one
	user    User
	content *content
	version int64
	given   bool // to the browser
}

// beginningKey is that of the beginning in the context that Admit is called with.
type beginningKey struct{}

// put stores the session, or changes it. The error matches ErrConflict if it was deleted
// meanwhile.
func (b *beginning) put(ctx context.Context) error {
	if b.h.store == nil {
		return nil
	}
	b.version++
	if err := b.h.store.put(ctx, b.name, b.content, b.version); err != nil {
		return storeFailed("cannot keep the session", err)
	}
	return nil
}

// drop deletes what nobody will use, also if the browser has gone away. If the store fails,
// it expires.
func (b *beginning) drop(ctx context.Context) {
	if b.h.store == nil || b.given || b.version == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	b.h.store.delete(ctx, b.name)
}

// give gives the browser the cookie of the session.
func (b *beginning) give(w http.ResponseWriter) (err error) {
	if b.h.store == nil {
		err = b.h.setSession(w, b.content)
	} else {
		err = b.h.setCookie(w, []byte(b.name), b.content)
	}
	b.given = err == nil
	return err
}

// setSession writes a session into cookies.
func (h *Handler) setSession(w http.ResponseWriter, c *content) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return h.setCookie(w, data, c)
}

func (h *Handler) setCookie(w http.ResponseWriter, data []byte, c *content) error {
	name := h.names.session()
	sealed, err := h.sealer.seal(sessionCookie, name, data)
	if err != nil {
		return err
	}
	sameSite := http.SameSiteLaxMode
	if h.names.crossSite {
		sameSite = http.SameSiteNoneMode
	}
	return h.names.set(w, name, sealed, time.Unix(c.Ends, 0).Sub(h.now()), sameSite)
}

// touch notes that a session is in use, once in a quarter of its idle time.
func (h *Handler) touch(w http.ResponseWriter, r *http.Request, s *Session) {
	now := h.now().Unix()
	if now-s.content.Seen < s.content.Idle/4 {
		return
	}
	if h.store == nil {
		c := *s.content
		c.Seen = now
		h.report(r, h.setSession(w, &c))
		return
	}
	// A conflict is another request that does the same, or a refresh that does.
	c, version, err := h.store.get(r.Context(), s.name)
	if err == nil && c != nil {
		c.Seen = now
		err = h.store.put(r.Context(), s.name, c, version+1)
	}
	if err != nil && !errors.Is(err, ErrConflict) {
		h.report(r, err)
	}
}

// end ends the session of the browser, and returns it. If the store fails, the browser
// keeps its cookie: it is still logged in.
func (h *Handler) end(w http.ResponseWriter, r *http.Request) (*Session, error) {
	s, err := h.session(r)
	if err == nil && s != nil && h.store != nil {
		if err = h.store.delete(r.Context(), s.name); err != nil {
			err = storeFailed("cannot end the session", err)
		}
	}
	if err != nil {
		return nil, err
	}
	h.names.clear(w, r, h.names.session())
	return s, nil
}

// EndSessions ends all sessions of a user, for example because the account was disabled. It
// requires a Store. The user is that of Session.User; the issuer and the subject of the ID
// token find the sessions as well, if Identify returned others. A session that is about to
// begin is spared if ctx is that of its Config.Admit, which may thus allow a user one session.
//
// If there is no Store, or if the user is incomplete, the error matches [oauth.ErrConfig].
// If the Store fails, it matches [oauth.ErrUnavailable].
func (h *Handler) EndSessions(ctx context.Context, u User) error {
	switch {
	case h.store == nil:
		return fail("Store", "is nil: a session in a cookie cannot be ended")
	case u.Issuer == "" || u.Subject == "":
		return fail("User", "has no Issuer or no Subject")
	}
	if err := h.store.deleteBy(ctx, ofUser, u.Issuer, u.Subject); err != nil {
		return storeFailed("cannot end the sessions", err)
	}
	if b, ok := ctx.Value(beginningKey{}).(*beginning); ok && b.h == h && b.user == u {
		b.version = 0
		return b.put(ctx)
	}
	return nil
}
