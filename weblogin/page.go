package weblogin

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
)

// A Page is what the templates of [Config].Pages are executed with.
type Page struct {
	Title string // says in a few words what happened
	Text  string // says what the user can do
	Code  string // the same as a word that does not change, for pages in other languages

	// LoginURL begins another login. It is empty if that would not help.
	LoginURL string

	// Choices are the providers that the user can choose from, on the page "choose".
	Choices []Choice
}

// A Choice is a provider on the page "choose".
type Choice struct{ Title, LoginURL string }

// A message is what happened, with whether another login may help.
type message struct {
	code, title, text string
	again             bool
}

var (
	denied      = message{"denied", "You did not give access", "The login was cancelled, or you did not agree to what the application asked for. You can try again.", true}
	loginFailed = message{"failed", "The login failed", "What the login service sent could not be accepted. Try again; if it happens again, tell the people who run this application.", true}
	notAdmitted = message{"not-admitted", "You cannot use this application", "You have logged in, but your account is not allowed here. Log in with another account, or ask the people who run this application.", true}
	notHere     = message{"not-here", "This login was not started here", "It was started in another browser, was finished before, or this browser keeps no cookies. Start again in this one.", true}
	loggedOut   = message{"logged-out", "You were logged out", "The login service ended your session while you were logging in. Log in again.", true}
	tooLate     = message{"too-late", "The login took too long", "A login has to be finished within ten minutes. Start again.", true}
	serverDown  = message{"server-down", "The login service cannot be reached", "This may pass by itself. Try again in a minute.", true}
	storeDown   = message{"store-down", "The application cannot be reached", "It cannot look up who you are now. This may pass by itself: load the page again in a minute.", false}
	notPossible = message{"not-possible", "The login is not possible", "The application or the request is wrong. Tell the people who run this application.", false}
	notAPage    = message{"not-a-page", "A login is a page of its own", "It cannot be shown inside of another page.", true}
	otherSite   = message{"other-site", "You are still logged in", "The request to log you out came from another site, and was ignored. Log out in the application itself.", false}
)

const style = `:root{color-scheme:light dark}` +
	`body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto 2rem;padding:0 1.2rem}` +
	`h1{font-size:1.5rem;line-height:1.25}` +
	`a{display:block;margin:.8rem 0;padding:.8rem 1rem;border:1px solid;border-radius:.5rem;text-align:center;text-decoration:none;color:inherit}` +
	`a:hover,a:focus-visible{outline:2px solid}`

const head = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{{.Title}}</title><style>` + style + `</style></head><body><main><h1>{{.Title}}</h1>`

var defaultPages = template.Must(template.New("").Parse(
	`{{define "message"}}` + head + `<p>{{.Text}}</p>{{with .LoginURL}}<a href="{{.}}">Log in</a>{{end}}</main></body></html>
{{end}}{{define "choose"}}` + head + `<p>{{.Text}}</p>{{range .Choices}}<a href="{{.LoginURL}}">{{.Title}}</a>{{end}}</main></body></html>
{{end}}`))

// pages are the templates with the policy that they need.
type pages struct {
	templates *template.Template
	policy    string
}

func (h *Handler) setPages() error {
	const none = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
	h.pages = &pages{templates: h.cfg.Pages, policy: none + "style-src 'self'; img-src 'self'; font-src 'self'"}
	if h.cfg.Pages == nil {
		sum := sha256.Sum256([]byte(style))
		h.pages.templates = defaultPages
		h.pages.policy = none + "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	for _, name := range []string{"message", "choose"} {
		if h.pages.templates.Lookup(name) == nil {
			return fail("Pages", "has no template "+name)
		}
	}
	return nil
}

// message shows what happened.
func (p *pages) message(w http.ResponseWriter, status int, m message, login string) {
	page := Page{Title: m.title, Text: m.text, Code: m.code}
	if m.again {
		page.LoginURL = login
	}
	p.show(w, status, "message", page)
}

// choose shows the providers.
func (p *pages) choose(w http.ResponseWriter, h *Handler, returnTo string) {
	page := Page{Title: "Log in", Text: "Where do you have your account?", Code: "choose"}
	for _, provider := range h.providers {
		u := h.prefix + "/login?" + url.Values{"provider": {provider.Name}, "return_to": {returnTo}}.Encode()
		page.Choices = append(page.Choices, Choice{provider.Title, u})
	}
	p.show(w, http.StatusOK, "choose", page)
}

func (p *pages) show(w http.ResponseWriter, status int, name string, page Page) {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, page); err != nil { // of the program
		b.Reset()
		b.WriteString(template.HTMLEscapeString(page.Title))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", p.policy)
	w.Header().Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
