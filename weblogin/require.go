package weblogin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/oauth"
)

// A Requirement says what a session must have, beside a user. The zero value requires
// nothing else.
type Requirement struct {
	// ACR lists the authentication contexts of which the session must have one (the acr
	// claim). If nil, every one will do.
	ACR []string

	// MaxAge is how long ago the user may have authenticated at the server. If 0, the time
	// does not matter. It must not be negative, and is counted in whole seconds.
	MaxAge time.Duration

	// Provider is the Name of the provider at which the user must have logged in. If
	// empty, every provider will do.
	Provider string
}

// apply has a login fulfil the requirement. FinishAuthorization checks it.
func (need Requirement) apply(r *oauth.AuthorizationRequest) {
	if need.ACR != nil {
		r.RequireACR, r.ACRValues = both(need.ACR, r.RequireACR), nil
	}
	if age := int64(need.MaxAge / time.Second); need.MaxAge > 0 && (r.MaxAge == nil || age < *r.MaxAge) {
		r.MaxAge = &age
	}
}

// both is a list of authentication contexts without those that the provider does not take.
func both(need, takes []string) []string {
	if takes == nil {
		return need
	}
	return slices.DeleteFunc(slices.Clone(need), func(acr string) bool { return !slices.Contains(takes, acr) })
}

// valid reports whether it says something that can be asked for.
func (need Requirement) valid() bool {
	wrong := func(acr string) bool { return acr == "" || strings.Contains(acr, " ") }
	return need.MaxAge >= 0 && (need.ACR == nil || len(need.ACR) > 0) && !slices.ContainsFunc(need.ACR, wrong)
}

// possible reports whether a login at the provider can fulfil the requirement.
func (need Requirement) possible(p *provider) bool {
	if need.Provider != "" && need.Provider != p.Name || need.ACR == nil && need.MaxAge == 0 {
		return true
	}
	// Only an ID token says when and how the user has authenticated.
	idToken := slices.Contains(p.Request.Scope, "openid")
	return idToken && (need.ACR == nil || len(both(need.ACR, p.Request.RequireACR)) > 0)
}

// met reports whether the session has what is required.
func (need Requirement) met(s *Session, now time.Time) bool {
	switch {
	case need.Provider != "" && s.Provider() != need.Provider:
		return false
	case need.ACR != nil && !slices.Contains(need.ACR, s.ACR()):
		return false
	case need.MaxAge > 0 && now.Sub(s.AuthTime()) > need.MaxAge+oauth.DefaultTolerance: // a time that is zero is long ago
		return false
	}
	return true
}

// Require returns a handler that lets requests of a session through to next, where
// [FromContext] returns it. For all others it begins a login, after which the browser
// returns: in place of a page that the user wanted to see. Anything else is answered with
// 401 Unauthorized: a request of a script, or a form that is posted.
//
// Only a GET that a browser makes for a page begins a login: one with Sec-Fetch-Mode:
// navigate or, without that field, with text/html in Accept. A test that calls [http.Get] is
// answered with 401.
//
// If the session does not fulfil need, the user logs in again, as need says.
//
// If the Store fails, the answer is 503 Service Unavailable. Responses have Cache-Control:
// no-store, unless next sets it.
//
// Require panics, as [http.ServeMux.Handle] does, if next is nil, or if no login can fulfil
// need. For example, need.Provider must be the Name of a provider, an ACR value must not be
// empty or contain a space, and if need has ACR or MaxAge, every provider must have the
// scope openid, and one of the ACR values in Request.RequireACR, if that is set.
func (h *Handler) Require(need Requirement, next http.Handler) http.Handler {
	impossible := func(p *provider) bool { return !need.possible(p) }
	if next == nil || !need.valid() || need.Provider != "" && h.provider(need.Provider) == nil || slices.ContainsFunc(h.providers, impossible) {
		panic("weblogin: Require: the handler is nil, or the requirement cannot be met")
	}
	need.ACR = slices.Clone(need.ACR)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Add("Vary", "Cookie")
		s, err := h.session(r)
		switch {
		case err != nil:
			h.refuse(w, r, http.StatusServiceUnavailable, storeDown, err)
		case s != nil && need.met(s, h.now()):
			h.touch(w, r, s)
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, s)))
		case !navigates(r):
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("WWW-Authenticate", h.challenge) // RFC 9110, Section 15.5.2: there must be one
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte("log in at " + h.url("/login") + "\n"))
		default:
			h.loginFor(w, r, s, need)
		}
	})
}

// Optional returns a handler for pages that everybody may see: next finds the session of
// the browser with [FromContext], if there is one. If the Store fails, there is none, and
// Config.OnError is told. It panics if next is nil.
func (h *Handler) Optional(next http.Handler) http.Handler {
	if next == nil {
		panic("weblogin: Optional: the handler is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Add("Vary", "Cookie")
		s, err := h.session(r)
		if h.report(r, err); s != nil {
			h.touch(w, r, s)
			r = r.WithContext(context.WithValue(r.Context(), contextKey{}, s))
		}
		next.ServeHTTP(w, r)
	})
}

// navigates reports whether the user wants to see a page, to which the browser can return
// after a login.
func navigates(r *http.Request) bool {
	if r.Method != http.MethodGet || !begins(r) {
		return false
	}
	if r.Header.Get("Sec-Fetch-Mode") != "" {
		return true
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// loginFor begins the login that a requirement needs, or has the user choose where.
func (h *Handler) loginFor(w http.ResponseWriter, r *http.Request, s *Session, need Requirement) {
	a := ask{returnTo: h.returnTo(h.outside(r).URL.RequestURI()), need: need}
	name := need.Provider
	if name == "" && s != nil { // who logs in once more does so where they did before
		name = s.Provider()
	}
	p := h.provider(name)
	if p == nil && len(h.providers) == 1 {
		p = h.providers[0]
	}
	if p == nil {
		http.Redirect(w, r, h.LoginPath(a.returnTo), http.StatusSeeOther)
		return
	}
	h.start(w, r, p, a)
}

// outside is a request with the path that the browser asked for: a proxy may have taken
// the path of BaseURL away.
func (h *Handler) outside(r *http.Request) *http.Request {
	if h.base.Path == "" || r.URL.Path == h.base.Path || strings.HasPrefix(r.URL.Path, h.base.Path+"/") {
		return r
	}
	u := *r.URL
	u.Path = h.base.Path + u.Path
	if u.RawPath != "" {
		u.RawPath = h.base.EscapedPath() + u.RawPath
	}
	out := *r
	out.URL, out.RequestURI = &u, u.RequestURI()
	return &out
}
