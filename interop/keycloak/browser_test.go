package keycloak

// This file is the browser: cookies, redirects, and Keycloak's pages, which it fills
// in as the user would.

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// A browser is one with a session, once somebody has logged in.
type browser struct {
	http     *http.Client
	user     string // who logs in
	password string
	otp      string // the second factor; empty: the right one
	deny     bool   // refuses where Keycloak asks for consent
	logins   int    // how often the password was asked for
	otps     int    // how often the second factor was
	consents int    // how often consent was
}

// newBrowser is one in which alice is going to log in.
func newBrowser(transport http.RoundTripper) *browser {
	jar, _ := cookiejar.New(nil) // which fails for bad options
	return &browser{user: "alice", password: password, http: &http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// A landing is the answer that the browser carries to the client.
type landing struct {
	url  *url.URL
	form url.Values // nil: the answer is in the URL
}

// params are those of the answer, wherever it is.
func (l *landing) params() url.Values {
	if l.form != nil {
		return l.form
	}
	if l.url.Fragment != "" {
		values, _ := url.ParseQuery(l.url.EscapedFragment())
		return values
	}
	return l.url.Query()
}

// request is the answer as the program behind the redirect URI gets it.
func (l *landing) request(ctx context.Context) *http.Request {
	if l.form == nil {
		return httptest.NewRequestWithContext(ctx, http.MethodGet, l.url.String(), nil)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, l.url.String(), strings.NewReader(l.form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// A page is one that leads nowhere.
type page struct {
	url    *url.URL
	status int
	text   string
}

var (
	unseen = regexp.MustCompile(`(?s)<head\b.*?</head>|<script\b.*?</script>|<style\b.*?</style>`)
	tags   = regexp.MustCompile(`(?s)<[^>]*>`)
	blanks = regexp.MustCompile(`\s+`)
)

func (p *page) String() string {
	text := blanks.ReplaceAllString(tags.ReplaceAllString(unseen.ReplaceAllString(p.text, ""), " "), " ")
	return fmt.Sprintf("%s%s, status %d: %.300s", p.url.Host, p.url.Path, p.status, text)
}

// follow goes from the address to a place of the client's, or to a page that leads
// nowhere.
func (b *browser) follow(ctx context.Context, address string, places ...string) (*landing, *page, error) {
	method, form := http.MethodGet, url.Values(nil)
	b.logins, b.otps, b.consents = 0, 0, 0
	for range 20 {
		for _, place := range places {
			if strings.HasPrefix(address, place) {
				u, err := url.Parse(address)
				return &landing{u, form}, nil, err
			}
		}
		resp, text, err := b.fetch(ctx, method, address, form)
		if err != nil {
			return nil, nil, err
		}
		here := resp.Request.URL
		var next string
		if location := resp.Header.Get("Location"); location != "" && resp.StatusCode/100 == 3 {
			next, method, form = location, http.MethodGet, nil
		} else if next, form = b.fill(text); next != "" {
			method = http.MethodPost
		} else {
			return nil, &page{here, resp.StatusCode, text}, nil
		}
		u, err := here.Parse(next)
		if err != nil {
			return nil, nil, err
		}
		address = u.String()
	}
	return nil, nil, fmt.Errorf("the browser was redirected too often")
}

func (b *browser) fetch(ctx context.Context, method, address string, form url.Values) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, "", err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// A form is one of a page.
type form struct {
	action string
	values url.Values
	have   map[string]bool
}

var (
	formElement  = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	frameElement = regexp.MustCompile(`(?is)<iframe\b([^>]*)>`)
	inputElement = regexp.MustCompile(`(?is)<(?:input|button)\b([^>]*)>`)
	attribute    = regexp.MustCompile(`(?is)([a-z-]+)\s*=\s*"([^"]*)"`)
)

func attributes(text string) map[string]string {
	all := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(text, -1) {
		all[strings.ToLower(m[1])] = html.UnescapeString(m[2])
	}
	return all
}

func forms(text string) (all []form) {
	for _, m := range formElement.FindAllStringSubmatch(text, -1) {
		f := form{attributes(m[1])["action"], url.Values{}, map[string]bool{}}
		for _, input := range inputElement.FindAllStringSubmatch(m[2], -1) {
			a := attributes(input[1])
			f.have[a["name"]] = true
			if strings.EqualFold(a["type"], "hidden") && a["name"] != "" {
				f.values.Add(a["name"], a["value"])
			}
		}
		all = append(all, f)
	}
	return all
}

// fill is what the user does with a page: where its form goes, and with which values.
// An empty action is a page that the user can do nothing with.
func (b *browser) fill(text string) (action string, values url.Values) {
	for _, f := range forms(text) {
		switch {
		case f.have["password"] && !f.have["password-new"]:
			if b.logins++; b.logins > 1 {
				return "", nil // the password was wrong
			}
			f.values.Set("username", b.user)
			f.values.Set("password", b.password)
		case f.have["otp"]:
			if b.otps++; b.otps > 1 {
				return "", nil
			}
			code := b.otp
			if code == "" {
				code = totp([]byte(otpSecret), time.Now())
			}
			f.values.Set("otp", code)
		case f.have["accept"] && f.have["cancel"]:
			b.consents++
			if b.deny {
				f.values.Set("cancel", "No")
			} else {
				f.values.Set("accept", "Yes")
			}
		case f.have["confirmLogout"]:
			f.values.Set("confirmLogout", "Logout")
		case f.have["state"] || f.have["response"]: // a form that submits itself
		default:
			continue
		}
		return f.action, f.values
	}
	return "", nil
}

// totp is the code of RFC 6238 with its defaults.
func totp(secret []byte, now time.Time) string {
	mac := hmac.New(sha1.New, secret)
	binary.Write(mac, binary.BigEndian, now.Unix()/30)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}
