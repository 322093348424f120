package weblogin

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/oauth"
)

// A pending is a login that is under way, in a cookie of the browser that began it.
type pending struct {
	provider string
	returnTo string
	started  time.Time
	auth     *oauth.PendingAuthorization
}

// encode puts lines in front of the binary form of the authorization. None of them contains
// a line break.
func (p *pending) encode() ([]byte, error) {
	auth, err := p.auth.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, "%s\n%s\n%d\n", p.provider, p.returnTo, p.started.Unix()), auth...), nil
}

func (p *pending) decode(data []byte) error {
	parts := bytes.SplitN(data, []byte("\n"), 4)
	if len(parts) != 4 {
		return errSealed
	}
	started, err := strconv.ParseInt(string(parts[2]), 10, 64)
	if err != nil {
		return errSealed
	}
	p.auth = new(oauth.PendingAuthorization)
	p.provider, p.returnTo, p.started = string(parts[0]), localPath(string(parts[1])), time.Unix(started, 0)
	return p.auth.UnmarshalBinary(parts[3])
}

var (
	errNoCookie    = errors.New("weblogin: the browser sent no cookie of this login: it was finished before, has taken more than ten minutes, or was begun in another browser or at another host name than that of BaseURL")
	errLoginOver   = errors.New("weblogin: the login has taken more than ten minutes")
	errNotAPage    = errors.New("weblogin: the request of a login is no navigation: a page has loaded it, shows it in a frame, or the browser looks ahead")
	errOtherServer = errors.New("weblogin: the callback came to the redirect URI of another provider")
)

// openLogin reads the cookie of a login.
func (h *Handler) openLogin(r *http.Request, name string) (*pending, error) {
	sealed := h.names.get(r, name)
	if sealed == nil {
		return nil, errNoCookie
	}
	data, err := h.sealer.open(loginCookie, name, sealed)
	if err != nil {
		return nil, err
	}
	p := new(pending)
	if err := p.decode(data); err != nil {
		return nil, err
	}
	if age := h.now().Sub(p.started); age > loginLifetime || age < -time.Minute {
		return nil, errLoginOver
	}
	return p, nil
}

// An ask is what a login is begun with.
type ask struct {
	returnTo  string
	need      Requirement
	loginHint string
}

// begins reports whether a request may begin a login: a page that loads it as an image, or
// shows it in a frame, may not, and neither may a browser that only looks ahead. Browsers
// that do not say what they do may. A service worker through which a navigation goes leaves
// no destination.
func begins(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	if strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
		return false
	}
	return (mode == "" || mode == "navigate") && (dest == "" || dest == "document" || dest == "empty" && mode == "navigate")
}

// login begins a login, or has the user choose where.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	returnTo := h.returnTo(q.Get("return_to"))
	p := h.provider(q.Get("provider"))
	if p == nil && len(h.providers) == 1 {
		p = h.providers[0]
	}
	switch {
	case !begins(r):
		h.refuse(w, r, http.StatusForbidden, notAPage, errNotAPage)
	case p == nil:
		h.pages.choose(w, h, returnTo)
	default:
		h.start(w, r, p, ask{returnTo: returnTo})
	}
}

// start sends the browser to the server.
func (h *Handler) start(w http.ResponseWriter, r *http.Request, p *provider, a ask) {
	request := p.Request
	request.RedirectURI = h.url("/callback" + p.path)
	a.need.apply(&request)
	if a.loginHint != "" {
		request.LoginHint = a.loginHint
	}
	auth, err := p.Client.StartAuthorization(r.Context(), &request)
	if err == nil {
		err = h.keepLogin(w, r, &pending{p.Name, a.returnTo, h.now(), auth}, request.ResponseMode)
	}
	switch {
	case unreachable(err):
		h.refuse(w, r, http.StatusBadGateway, serverDown, err)
	case err != nil:
		h.refuse(w, r, http.StatusInternalServerError, notPossible, err)
	default:
		http.Redirect(w, r, auth.URL(), http.StatusSeeOther)
	}
}

// keepLogin gives the browser the cookie of a login.
func (h *Handler) keepLogin(w http.ResponseWriter, r *http.Request, p *pending, mode string) error {
	data, err := p.encode()
	if err != nil {
		return err
	}
	name := h.names.login(p.auth.State())
	sealed, err := h.sealer.seal(loginCookie, name, data)
	if err != nil {
		return err
	}
	h.makeRoom(w, r)
	// A form that the server's page posts brings no cookies that are SameSite=Lax.
	sameSite := http.SameSiteLaxMode
	if strings.HasPrefix(mode, "form_post") {
		sameSite = http.SameSiteNoneMode
	}
	return h.names.set(w, name, sealed, loginLifetime, sameSite)
}

// initiate begins a login for a third party (OpenID Connect Core, Section 4).
func (h *Handler) initiate(w http.ResponseWriter, r *http.Request, p *provider) {
	wish, err := p.Client.ParseInitiatedLogin(r, h.to(""))
	switch {
	case err != nil:
		h.refuse(w, r, http.StatusBadRequest, notPossible, err)
		return
	case !begins(r):
		h.refuse(w, r, http.StatusForbidden, notAPage, errNotAPage)
		return
	}
	h.start(w, r, p, ask{returnTo: h.returnTo(strings.TrimPrefix(wish.TargetLinkURI, h.to(""))), loginHint: wish.LoginHint})
}

// callback ends a login.
func (h *Handler) callback(w http.ResponseWriter, r *http.Request, p *provider) {
	state, err := p.Client.ResponseState(r)
	if err != nil {
		h.refuse(w, r, http.StatusBadRequest, notPossible, err)
		return
	}
	name := h.names.login(state)
	login, err := h.openLogin(r, name)
	if err == nil && login.provider != p.Name {
		err = errOtherServer
	}
	if err != nil {
		h.callbackOfNothing(w, r, err)
		return
	}
	h.names.clear(w, r, name) // it can be used once
	token, err := p.Client.FinishAuthorization(r, login.auth, nil)
	if err != nil {
		status, m := http.StatusForbidden, loginFailed
		var refused *oauth.AuthorizationError
		switch {
		case errors.As(err, &refused) && refused.Code == "access_denied":
			m = denied
		case unreachable(err):
			status, m = http.StatusBadGateway, serverDown
		}
		h.refuse(w, r, status, m, err)
		return
	}
	h.finish(w, r, p, token, login.returnTo)
}

// callbackOfNothing is a callback whose login is not under way in this browser: it was
// finished, took too long, or was begun elsewhere. A user who went back in the history is
// logged in, and sees the application.
func (h *Handler) callbackOfNothing(w http.ResponseWriter, r *http.Request, err error) {
	if s, fault := h.session(r); s != nil && fault == nil {
		http.Redirect(w, r, h.to(h.returnTo("")), http.StatusSeeOther)
		return
	}
	if errors.Is(err, errLoginOver) {
		h.refuse(w, r, http.StatusForbidden, tooLate, err)
		return
	}
	h.refuse(w, r, http.StatusForbidden, notHere, err)
}

// finish begins the session of a user.
func (h *Handler) finish(w http.ResponseWriter, r *http.Request, p *provider, token *oauth.Token, returnTo string) {
	l, err := h.identify(r, p, token)
	if err != nil {
		h.refuse(w, r, http.StatusForbidden, loginFailed, err)
		return
	}
	s := &beginning{h: h, name: rand.Text(), user: l.User}
	defer s.drop(r.Context()) // unless the browser has got it
	var tags []string
	if h.cfg.Admit != nil {
		// In the store before, where a logout at the server finds it meanwhile.
		s.content, err = h.content(p, l)
		if err == nil {
			err = s.put(r.Context())
		}
		if err != nil {
			h.notBegun(w, r, err)
			return
		}
		tags = s.content.Tags
		switch err = h.cfg.Admit(context.WithValue(r.Context(), beginningKey{}, s), l); {
		case err != nil:
			h.refuse(w, r, http.StatusForbidden, notAdmitted, err)
			return
		case l.User != s.user:
			h.refuse(w, r, http.StatusInternalServerError, notPossible, fail("Admit", "has changed the User: Identify says who that is"))
			return
		}
	}
	s.content, err = h.content(p, l)
	if err == nil {
		_, err = h.end(w, r) // of the user before, whose session must not live on unseen
	}
	if err == nil {
		if tags != nil {
			s.content.Tags = tags // those of the record, whatever Admit has done with the Token
		}
		err = s.put(r.Context())
	}
	if err == nil {
		err = s.give(w)
	}
	if err != nil {
		h.notBegun(w, r, err)
		return
	}
	http.Redirect(w, r, h.to(returnTo), http.StatusSeeOther)
}

// notBegun tells the user that there is no session, and why.
func (h *Handler) notBegun(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrConflict): // the record is gone
		h.refuse(w, r, http.StatusForbidden, loggedOut, err)
	case unreachable(err):
		h.refuse(w, r, http.StatusServiceUnavailable, storeDown, err)
	default:
		h.refuse(w, r, http.StatusInternalServerError, notPossible, err)
	}
}

var errNobody = errors.New("weblogin: the server has named no user")

// identify returns who has logged in, with the claims that the session will keep.
func (h *Handler) identify(r *http.Request, p *provider, token *oauth.Token) (*Login, error) {
	l := &Login{Provider: p.Name, Token: token}
	if p.Identify != nil {
		var err error
		if l.User, l.Claims, err = p.Identify(r.Context(), token); err != nil {
			return nil, err
		}
	} else {
		issuer, subject, err := token.Identity()
		if err != nil {
			return nil, err
		}
		l.User = User{issuer, subject}
		all := map[string]json.RawMessage{}
		if err := token.IDToken().Claims(&all); err != nil {
			return nil, err
		}
		l.Claims = map[string]any{}
		for _, name := range p.Claims {
			if value, ok := all[name]; ok {
				l.Claims[name] = value
			}
		}
	}
	if l.Claims == nil {
		l.Claims = map[string]any{}
	}
	if l.User.Issuer == "" || l.User.Subject == "" {
		return nil, errNobody
	}
	return l, nil
}

// content is the session of a login.
func (h *Handler) content(p *provider, l *Login) (*content, error) {
	now := h.now()
	c := &content{
		Provider: p.Name, Issuer: l.User.Issuer, Subject: l.User.Subject, ACR: l.Token.ACR(),
		Started: now.Unix(), Seen: now.Unix(), Ends: now.Add(h.cfg.Lifetime).Unix(), Idle: int64(h.cfg.IdleTime / time.Second),
		Claims: map[string]json.RawMessage{},
	}
	if t := l.Token.AuthTime(); !t.IsZero() {
		c.AuthTime = t.Unix()
	}
	if id := l.Token.IDToken(); id != nil {
		c.SessionID = id.SessionID()
	}
	for name, value := range l.Claims {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fail("Claims", "has one that is no JSON")
		}
		c.Claims[name] = text
	}
	if h.store == nil {
		return c, nil
	}
	c.Tags = h.store.tags(l.User, l.Token.IDToken())
	kept := *l.Token
	if !p.Tokens { // the ID token alone, which the logout at the server needs
		kept.AccessToken, kept.RefreshToken, kept.Extra = oauth.Secret{}, oauth.Secret{}, nil
	}
	var err error
	c.Token, err = kept.MarshalBinary()
	return c, err
}
