package weblogin

import (
	"context"
	"errors"
	"net/http"

	"example.com/oauth"
)

// logout ends the session, and sends the browser to end that at the server.
func (h *Handler) logout(w http.ResponseWriter, r *http.Request) {
	if err := h.guard.Check(r); err != nil {
		h.refuse(w, r, http.StatusForbidden, otherSite, err)
		return
	}
	s, err := h.end(w, r)
	if err != nil {
		h.refuse(w, r, http.StatusServiceUnavailable, storeDown, err)
		return
	}
	http.Redirect(w, r, h.afterLogout(r, s), http.StatusSeeOther)
}

// afterLogout is where the browser goes: to the server, if that has a place to end its
// session, and else to the application.
func (h *Handler) afterLogout(r *http.Request, s *Session) string {
	here := h.to(h.cfg.AfterLogout)
	if s == nil {
		return here
	}
	e := &oauth.EndSessionRequest{PostLogoutRedirectURI: here}
	token := new(oauth.Token)
	if s.content.Token != nil && token.UnmarshalBinary(s.content.Token) == nil && token.IDTokenHint() != "" {
		e.Token = token
	}
	target, err := h.provider(s.content.Provider).Client.EndSessionURL(e)
	var wrong *oauth.Error
	switch {
	case err == nil:
		return target
	case errors.As(err, &wrong) && wrong.Param == "end_session_endpoint": // the server has none
	default:
		h.report(r, err)
	}
	return here
}

// backchannelLogout ends sessions that have ended at the server: by a logout at another
// application, or by an administrator.
func (h *Handler) backchannelLogout(p *provider) http.Handler {
	return p.Client.BackchannelLogoutHandler(oauth.LogoutOptions{
		OnLogout: func(ctx context.Context, t *oauth.LogoutToken) error {
			if sid := t.SessionID(); sid != "" {
				return h.store.deleteBy(ctx, ofSession, t.Issuer(), sid)
			}
			return h.store.deleteBy(ctx, ofUser, t.Issuer(), t.Subject())
		},
		Replay: h.cfg.Replay,
		OnError: func(ctx context.Context, err error) {
			if h.cfg.OnError != nil {
				r, _ := http.NewRequestWithContext(ctx, http.MethodPost, h.url("/backchannel-logout"+p.path), nil)
				h.report(r, err)
			}
		},
	})
}

// frontchannelLogout ends the session of the browser, in a frame of the server's page. Any
// page can send this request: it ends no other session.
func (h *Handler) frontchannelLogout(w http.ResponseWriter, r *http.Request, p *provider) {
	sid, err := p.Client.ParseFrontchannelLogout(r)
	if err != nil {
		h.report(r, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s, err := h.session(r)
	if err == nil && s != nil && s.content.Provider == p.Name && (sid == "" || sid == s.content.SessionID) {
		_, err = h.end(w, r)
	}
	if err != nil {
		h.report(r, err)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}
