// Package weblogin logs the users of a web application in, with the servers that package
// [oauth] is a client of, and keeps their sessions. It uses only the standard library.
//
// Ten lines make a working application:
//
//	client, err := oauth.NewClientFromIssuer("https://op.example.com", nil, oauth.Config{
//		Metadata: oauth.ClientMetadata{ClientID: "web"},
//		Auth:     oauth.ClientSecretBasic(secret),
//	})
//	login, err := weblogin.New(weblogin.Config{
//		BaseURL:   "https://app.example.com",
//		Keys:      [][]byte{key},
//		Providers: []weblogin.Provider{{Client: client}},
//	})
//	mux.Handle("/auth/", login)
//	mux.Handle("/", login.Require(weblogin.Requirement{}, home))
//
// In the handler home, [FromContext] returns the [Session], whose User is never empty. The
// client is registered at the server with the redirect URI
// https://app.example.com/auth/callback. A form that posts to /auth/logout logs the user
// out.
//
// # Sessions
//
// Without a [Store], a session is an encrypted cookie that says who the user is, since when
// and until when. Such a session cannot be ended but by the browser that has it: it is
// valid until its time is over, whatever the server says. A response that was slower than
// the logout can give the browser its cookie again. It contains no tokens. On computers
// that several people use, an application should have a Store.
//
// With a Store, the cookie contains a random name, under which the Store has the session.
// The session then ends when the server sends a logout token, it can contain tokens
// ([Provider.Tokens]), and a logout ends it for every copy of the cookie. The Store only
// gets encrypted data and hashed names, so that who can read it cannot use the sessions.
//
// Pages that depend on a session must not be cached by others: a handler that sets
// Cache-Control itself must say private or no-store.
//
// # Cookies
//
// The cookies are HttpOnly and Secure, and their names begin with __Host-, so that no other
// host, not even a subdomain, can set them. They are encrypted with AES-256-GCM, each with
// a key of its own, and bound to their name and to the URL of the application. The session
// cookie is SameSite=Lax, or SameSite=None if a provider has FrontchannelLogout. A login
// that is under way has a cookie for ten minutes; a browser has at most five of these.
//
// # Handlers
//
// These are the paths of the [Handler], below Config.BaseURL and Config.Path. {provider} is
// a slash and the Name of the provider, or nothing if that is empty.
//
//   - GET /login begins a login. The parameter provider names the provider; without it, the
//     user chooses, if there are several. The parameter return_to is the path to which the
//     browser returns; any other URL is ignored.
//   - /callback{provider} is the redirect URI.
//   - POST /logout ends the session, here and at the server if that has an
//     end_session_endpoint. A post from another site is refused.
//   - /backchannel-logout{provider} and /frontchannel-logout{provider} are the logout URIs
//     of the client, if the provider has these.
//   - /initiate{provider} is the initiate_login_uri (OpenID Connect Core, Section 4).
package weblogin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"example.com/oauth"
)

// Config configures a [Handler]. BaseURL, Keys and Providers are required.
type Config struct {
	// BaseURL is the URL of the application as browsers see it, for example
	// "https://app.example.com". It may have a path. Requests are not asked for it,
	// because anyone can write their Host field.
	BaseURL string

	// Path is where the Handler is, below BaseURL. If empty, it is "/auth".
	Path string

	// Providers are the servers at which users log in.
	Providers []Provider

	// Keys encrypt cookies and stored sessions. Each must be 32 to 64 random bytes, which
	// all processes of the application share. The first one encrypts, and all decrypt. To
	// replace a key, add the new one at the end, put it in front when all processes have
	// it, and remove the old one after Lifetime.
	Keys [][]byte

	// Store keeps the sessions. If nil, they are in cookies.
	Store Store

	// Lifetime is how long a session lasts at most, and IdleTime how long it lasts without
	// a request. Zero means 12 hours and 1 hour. IdleTime must not be longer than
	// Lifetime, and neither longer than 90 days.
	Lifetime, IdleTime time.Duration

	// Admit is called after a user has logged in, and before there is a session. If it
	// returns an error, there is none, and the user is told so. It may change l.Claims,
	// for example to add the number of the user's account, but not l.User. If nil, every
	// user of the providers is admitted.
	Admit func(ctx context.Context, l *Login) error

	// AfterLogout is the path to which the browser returns after a logout. If empty, it is
	// that of BaseURL and "/". With the host of BaseURL, it is the
	// post_logout_redirect_uri of the clients.
	AfterLogout string

	// Replay records the logout tokens that were used; see [oauth.LogoutOptions]. If nil,
	// each process records its own.
	Replay oauth.ReplayCache

	// OnError is called with the errors that a user or a server is told of, and with
	// those that a request survives, for a log. No error contains a secret, unless one of
	// the program's does.
	//
	// WARNING: Do not log r.URL. That of a callback contains an authorization code.
	//
	// If nil, errors are not reported.
	OnError func(r *http.Request, err error)

	// Pages has the templates "message" and "choose", which are executed with a [Page]. If
	// nil, the package has plain ones in English. Pages of the program may load styles and
	// images from the origin of BaseURL, and no scripts.
	Pages *template.Template

	// Now returns the time. If nil, it is time.Now.
	Now func() time.Time

	// InsecureAllowHTTP allows an http BaseURL, whose cookies are not Secure and have no
	// __Host- in their names. It should be used only for localhost.
	InsecureAllowHTTP bool
}

// A Provider is a server at which users log in, with the Client of the application there.
type Provider struct {
	// Name stands in URLs. It consists of at most 32 lower-case letters, digits and
	// hyphens. It may be empty if there is one provider.
	Name string

	Title string // for users; if empty, it is Name

	Client *oauth.Client // required

	// Request is the template of authorization requests. RedirectURI must be empty; the
	// Handler sets it. If Scope is nil, it is openid, profile and email.
	Request oauth.AuthorizationRequest

	// Claims lists the claims of the ID token that the session keeps. If nil, it keeps
	// none.
	Claims []string

	// Tokens keeps the tokens of the login in the session, where [Session.Token] refreshes
	// them. It requires a Store.
	Tokens bool

	// Identify returns the user of a token, for servers that issue no ID tokens, such as
	// GitHub. It may return claims for the session. If nil, the user is that of the ID
	// token.
	//
	// WARNING: Subject must be an identifier that the server never gives to another user.
	// A login name or an email address is not.
	Identify func(ctx context.Context, t *oauth.Token) (u User, claims map[string]any, err error)

	// BackchannelLogout and FrontchannelLogout have the logout URIs of the client served.
	// They require a Store. BackchannelLogout should be preferred.
	//
	// WARNING: FrontchannelLogout makes the session cookie SameSite=None, because the
	// request comes from a frame of the server's page. Other sites can then send requests
	// with the cookie to every handler of the application, which must protect itself
	// against them, for example with [http.CrossOriginProtection], and can log the user
	// out. Many browsers send no cookie all the same.
	BackchannelLogout, FrontchannelLogout bool
}

// A Login is a user who has logged in, as [Config].Admit sees it.
type Login struct {
	Provider string // the Name
	User     User   // must not be changed
	Token    *oauth.Token
	Claims   map[string]any // that the session will keep; may be changed
}

// A User is who logged in. Issuer and Subject are never empty, and only together identify
// a user.
type User struct{ Issuer, Subject string }

// A Handler serves the paths of a login, and protects those of the application. It is safe
// for concurrent use.
type Handler struct {
	cfg       Config
	base      *url.URL
	prefix    string // the path of BaseURL and Path
	providers []*provider
	names     cookieNames
	sealer    sealer
	store     *sealedStore // nil: sessions are in cookies
	pages     *pages
	flights   flights
	guard     *http.CrossOriginProtection
	challenge string // of a response with 401
	mux       *http.ServeMux
	now       func() time.Time
}

type provider struct {
	Provider
	path string // "/" and the name, or ""
}

var providerName = regexp.MustCompile(`^[a-z0-9-]{0,32}$`)

const (
	defaultLifetime = 12 * time.Hour
	defaultIdle     = time.Hour
	maxLifetime     = 90 * 24 * time.Hour
)

// New returns a Handler. It makes no request. If the configuration is wrong, the error
// matches [oauth.ErrConfig].
func New(cfg Config) (*Handler, error) {
	h := &Handler{cfg: cfg, now: cfg.Now}
	if h.now == nil {
		h.now = time.Now
	}
	for _, check := range [...]func() error{h.setURL, h.setTimes, h.setProviders, h.setKeys, h.setPages} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	h.route()
	return h, nil
}

func fail(param, detail string) error {
	return &oauth.Error{Op: "weblogin", Kind: oauth.ErrConfig, Param: param, Detail: detail}
}

func (h *Handler) setURL() error {
	u, err := url.Parse(h.cfg.BaseURL)
	switch {
	case h.cfg.BaseURL == "":
		return fail("BaseURL", "is empty: it is the URL of the application, for example https://app.example.com")
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "":
		return fail("BaseURL", "is no URL of an application, for example https://app.example.com")
	case u.Scheme == "http" && h.cfg.InsecureAllowHTTP:
		h.names.insecure = true
	case u.Scheme != "https":
		return fail("BaseURL", "is not https: for localhost there is InsecureAllowHTTP")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	if u.Path != "" && !plainPath(u.Path) || u.RawPath != "" {
		return fail("BaseURL", "has a path with special characters")
	}
	h.base = u
	below := h.cfg.Path
	if below == "" {
		below = "/auth"
	}
	if !plainPath(below) {
		return fail("Path", "does not begin with a slash, or is more than a plain path")
	}
	h.prefix = u.Path + below
	h.sealer.app = u.Scheme + "://" + u.Host + h.prefix
	if h.prefix != "/auth" || u.Port() != "" { // another application may have cookies of the same host
		sum := sha256.Sum256([]byte(h.sealer.app))
		h.names.suffix = "-" + hex.EncodeToString(sum[:4])
	}
	if h.cfg.AfterLogout == "" {
		h.cfg.AfterLogout = u.Path + "/"
	}
	if localPath(h.cfg.AfterLogout) != h.cfg.AfterLogout || strings.Contains(h.cfg.AfterLogout, "#") {
		return fail("AfterLogout", "is no path of the application, or has a fragment")
	}
	return nil
}

// plainPath reports whether http.ServeMux takes a path as it is, and a URL needs no escapes
// for it.
func plainPath(s string) bool {
	return s != "/" && localPath(s) == s && path.Clean(s) == s && !strings.ContainsAny(s, "?#{}% ")
}

func (h *Handler) setTimes() error {
	c := &h.cfg
	if c.Lifetime == 0 {
		c.Lifetime = defaultLifetime
	}
	if c.IdleTime == 0 {
		c.IdleTime = min(defaultIdle, c.Lifetime)
	}
	if c.IdleTime < time.Minute || c.Lifetime < c.IdleTime || c.Lifetime > maxLifetime {
		return fail("Lifetime", "or IdleTime is less than a minute or more than 90 days, or IdleTime is longer than Lifetime")
	}
	return nil
}

func (h *Handler) setProviders() error {
	if len(h.cfg.Providers) == 0 {
		return fail("Providers", "is empty")
	}
	for i := range h.cfg.Providers {
		p := &provider{Provider: h.cfg.Providers[i]}
		switch {
		case p.Client == nil:
			return fail("Providers.Client", "is nil: oauth.NewClient makes one")
		case !providerName.MatchString(p.Name):
			return fail("Providers.Name", "is not of lower-case letters, digits and hyphens, or longer than 32")
		case p.Name == "" && len(h.cfg.Providers) > 1:
			return fail("Providers.Name", "is empty, and there are several providers")
		case slices.ContainsFunc(h.providers, func(o *provider) bool { return o.Name == p.Name }):
			return fail("Providers.Name", "is the same for two providers")
		case p.Request.RedirectURI != "":
			return fail("Providers.Request", "has a RedirectURI, which is the Handler's")
		case strings.HasPrefix(p.Request.ResponseMode, "fragment"):
			return fail("Providers.Request", "has a ResponseMode that no server sees")
		case p.Request.ResponseHeader != nil:
			return fail("Providers.Request", "has a ResponseHeader, which many logins would share")
		case h.cfg.Store == nil && (p.BackchannelLogout || p.FrontchannelLogout):
			return fail("Store", "is nil, and a provider has BackchannelLogout or FrontchannelLogout: a session in a cookie cannot be ended")
		case h.cfg.Store == nil && (p.Tokens || slices.Contains(p.Request.Scope, "offline_access")):
			return fail("Store", "is nil, and a provider has Tokens or asks for offline_access: a refresh token that an answer renews would be lost if the answer does not arrive")
		}
		if p.Request.Scope == nil {
			p.Request.Scope = []string{"openid", "profile", "email"}
		}
		if p.Name != "" {
			p.path = "/" + p.Name
		}
		if p.Title == "" {
			p.Title = p.Name
		}
		h.names.crossSite = h.names.crossSite || p.FrontchannelLogout
		h.providers = append(h.providers, p)
	}
	return nil
}

func (h *Handler) setKeys() error {
	if len(h.cfg.Keys) == 0 {
		return fail("Keys", "is empty: 32 random bytes are one")
	}
	for _, key := range h.cfg.Keys {
		if len(key) < 32 || len(key) > 64 || len(slices.Compact(slices.Sorted(slices.Values(key)))) < 8 {
			return fail("Keys", "has one that is not 32 to 64 random bytes: openssl rand -base64 32 makes one, which the program decodes")
		}
		h.sealer.keys = append(h.sealer.keys, slices.Clone(key))
	}
	if h.cfg.Store != nil {
		h.store = &sealedStore{store: h.cfg.Store, sealer: &h.sealer}
	}
	return nil
}

func (h *Handler) route() {
	h.guard = http.NewCrossOriginProtection()
	h.guard.AddTrustedOrigin(h.to("")) // a proxy may have changed the host of the request
	h.challenge = `Cookie realm="` + h.to(h.base.Path) + `"`
	h.mux = http.NewServeMux()
	h.mux.HandleFunc("GET "+h.prefix+"/login", h.login)
	h.mux.HandleFunc("POST "+h.prefix+"/logout", h.logout)
	for _, p := range h.providers {
		h.mux.HandleFunc(h.prefix+"/callback"+p.path, func(w http.ResponseWriter, r *http.Request) { h.callback(w, r, p) })
		h.mux.HandleFunc(h.prefix+"/initiate"+p.path, func(w http.ResponseWriter, r *http.Request) { h.initiate(w, r, p) })
		if p.BackchannelLogout {
			h.mux.Handle(h.prefix+"/backchannel-logout"+p.path, h.backchannelLogout(p))
		}
		if p.FrontchannelLogout {
			h.mux.HandleFunc("GET "+h.prefix+"/frontchannel-logout"+p.path, func(w http.ResponseWriter, r *http.Request) { h.frontchannelLogout(w, r, p) })
		}
	}
}

// ServeHTTP serves the paths below Config.Path.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // the URL of a callback stays here
	w.Header().Set("X-Content-Type-Options", "nosniff")
	h.mux.ServeHTTP(w, h.outside(r))
}

// RedirectURI returns the redirect URI of a provider, with which the client is registered.
// It is empty if there is no provider with that name.
func (h *Handler) RedirectURI(provider string) string {
	p := h.provider(provider)
	if p == nil {
		return ""
	}
	return h.url("/callback" + p.path)
}

// LoginPath returns the path that begins a login, after which the browser is at returnTo,
// a path of the application.
func (h *Handler) LoginPath(returnTo string) string {
	return h.prefix + "/login?" + url.Values{"return_to": {h.returnTo(returnTo)}}.Encode()
}

// LogoutPath returns the path to which the form of a logout is posted.
func (h *Handler) LogoutPath() string { return h.prefix + "/logout" }

// url is that of a path of the Handler.
func (h *Handler) url(path string) string {
	return h.base.Scheme + "://" + h.base.Host + h.prefix + path
}

// to is the URL of a path of the application.
func (h *Handler) to(path string) string {
	return h.base.Scheme + "://" + h.base.Host + path
}

func (h *Handler) provider(name string) *provider {
	i := slices.IndexFunc(h.providers, func(p *provider) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return h.providers[i]
}

// report tells the program of an error.
func (h *Handler) report(r *http.Request, err error) {
	if h.cfg.OnError != nil && err != nil {
		h.cfg.OnError(r, err)
	}
}

// refuse tells the user, and the program.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, status int, m message, err error) {
	h.report(r, err)
	h.pages.message(w, status, m, h.LoginPath("/"))
}

// unreachable reports whether an error may pass by itself.
func unreachable(err error) bool {
	return errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, oauth.ErrNetwork) || errors.Is(err, oauth.ErrResponse)
}
