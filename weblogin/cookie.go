package weblogin

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	maxChunks = 2
	// maxChunk is how long the value of a cookie may be: browsers keep at least 4,096
	// bytes of name, value and attributes (RFC 6265, Section 6.1).
	maxChunk = 3800

	maxLogins     = 5 // under way in one browser
	loginLifetime = 10 * time.Minute
)

// cookieNames says how cookies are called, and with which attributes.
type cookieNames struct {
	suffix    string // of an application that others on the same host may stand beside
	insecure  bool   // http
	crossSite bool   // the session cookie is wanted in frames of other sites
}

func (n *cookieNames) name(s string) string {
	if n.insecure {
		return s + n.suffix
	}
	return "__Host-" + s + n.suffix
}

func (n *cookieNames) session() string { return n.name("session") }

// login is the name of the cookie of a login. It contains nothing of the state that could
// be guessed.
func (n *cookieNames) login(state string) string {
	sum := sha256.Sum256([]byte("weblogin " + state))
	return n.logins() + hex.EncodeToString(sum[:12])
}

// logins is what the names of these begin with.
func (n *cookieNames) logins() string { return n.name("login") + "." }

// second is the name of the second chunk of a cookie.
func second(name string) string { return name + ".2" }

var errCookieSize = errors.New("weblogin: the session or the login does not fit into two cookies: keep fewer claims, or use a Store")

// set writes a value into one or two cookies. life is 0 for a cookie that lasts as long as
// the browser.
func (n *cookieNames) set(w http.ResponseWriter, name string, value []byte, life time.Duration, sameSite http.SameSite) error {
	text := base64.RawURLEncoding.EncodeToString(value)
	if len(text) > maxChunks*maxChunk {
		return errCookieSize
	}
	first := text[:min(len(text), maxChunk)]
	rest := text[len(first):]
	mark := "1"
	if rest != "" {
		mark = "2"
	}
	http.SetCookie(w, n.cookie(name, mark+first, life, sameSite))
	if rest != "" {
		http.SetCookie(w, n.cookie(second(name), rest, life, sameSite))
	}
	return nil
}

func (n *cookieNames) cookie(name, value string, life time.Duration, sameSite http.SameSite) *http.Cookie {
	if n.insecure && sameSite == http.SameSiteNoneMode {
		sameSite = 0 // which browsers refuse without Secure
	}
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: !n.insecure, HttpOnly: true, SameSite: sameSite,
	}
}

// get reads what set has written. A browser that sends several cookies of one name has one
// that was tossed to it, and the attributes do not say which: then there is none.
func (n *cookieNames) get(r *http.Request, name string) []byte {
	first := r.CookiesNamed(name)
	if len(first) != 1 || len(first[0].Value) < 2 {
		return nil
	}
	mark, text := first[0].Value[0], first[0].Value[1:]
	if mark == '2' {
		rest := r.CookiesNamed(second(name))
		if len(rest) != 1 {
			return nil
		}
		text += rest[0].Value
	}
	value, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || mark != '1' && mark != '2' {
		return nil
	}
	return value
}

// clear has the browser forget a cookie, also in a frame of another site, where it takes
// only cookies that are SameSite=None.
func (n *cookieNames) clear(w http.ResponseWriter, r *http.Request, name string) {
	for _, name := range []string{name, second(name)} {
		if len(r.CookiesNamed(name)) > 0 {
			http.SetCookie(w, n.cookie(name, "", -time.Second, http.SameSiteNoneMode))
		}
	}
}

// makeRoom has the browser forget logins, until there is room for one more: those that
// cannot be read or are over, and then the oldest.
func (h *Handler) makeRoom(w http.ResponseWriter, r *http.Request) {
	type login struct {
		name    string
		started time.Time // zero: it cannot be read
	}
	var list []login
	for _, c := range r.Cookies() {
		if !strings.HasPrefix(c.Name, h.names.logins()) || strings.HasSuffix(c.Name, second("")) || len(list) >= 50 {
			continue
		}
		l := login{name: c.Name}
		if p, err := h.openLogin(r, c.Name); err == nil {
			l.started = p.started
		}
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b login) int { return cmp.Or(b.started.Compare(a.started), strings.Compare(a.name, b.name)) })
	for i, l := range list {
		if i >= maxLogins-1 || l.started.IsZero() {
			h.names.clear(w, r, l.name)
		}
	}
}
