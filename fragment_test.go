package oauth

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFragmentHandler: the page, and that its policy allows its script and nothing else.
func TestFragmentHandler(t *testing.T) {
	h := FragmentHandler()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "https://app.example/cb?tenant=1", nil))
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(w.Body.String(), -1)
	if w.Code != 200 || len(script) != 1 || strings.Contains(w.Body.String(), "tenant") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	sum := sha256.Sum256([]byte(script[0][1]))
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
	} {
		if !slices.Contains(strings.Split(policy, "; "), want) {
			t.Errorf("the policy %s lacks %s", policy, want)
		}
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "https://app.example/cb", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// TestFragmentPosted: a web application finishes what the page posted, and nothing that
// another site posted.
func TestFragmentPosted(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	r := &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseMode: "fragment", ResponseType: "code id_token"}
	for _, tt := range []struct {
		name   string
		header http.Header
		uri    string // of the redirect; "": the usual one
		kind   error
		param  string
	}{
		{"Sec-Fetch-Site", http.Header{"Sec-Fetch-Site": {"same-origin"}}, "", nil, ""},
		{"Sec-Fetch-Site, and another Origin", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"null"}}, "", nil, ""},
		{"Origin", http.Header{"Origin": {"https://app.example"}}, "", nil, ""},
		{"Origin with the port", http.Header{"Origin": {"https://app.example:443"}}, "", ErrClaim, "Origin"},
		{"a browser that says nothing", http.Header{}, "", ErrClaim, "Origin"},
		{"same site", http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://app.example"}}, "", ErrClaim, "Sec-Fetch-Site"},
		{"another site", http.Header{"Sec-Fetch-Site": {"cross-site"}}, "", ErrClaim, "Sec-Fetch-Site"},
		{"typed in", http.Header{"Sec-Fetch-Site": {"none"}}, "", ErrClaim, "Sec-Fetch-Site"},
		{"twice", http.Header{"Sec-Fetch-Site": {"same-origin", "cross-site"}}, "", ErrClaim, "Sec-Fetch-Site"},
		{"another origin", http.Header{"Origin": {"https://attacker.example"}}, "", ErrClaim, "Origin"},
		{"no origin", http.Header{"Origin": {"null"}}, "", ErrClaim, "Origin"},
		{"two origins", http.Header{"Origin": {"https://app.example", "https://attacker.example"}}, "", ErrClaim, "Origin"},
		{"Sec-Fetch-Site in other letters", http.Header{"Sec-Fetch-Site": {"Same-Origin"}}, "", ErrClaim, "Sec-Fetch-Site"},
		{"Origin in other letters", http.Header{"Origin": {"https://APP.example"}}, "", ErrClaim, "Origin"},
		{"loopback", http.Header{"Origin": {"http://127.0.0.1:8080"}}, "http://127.0.0.1:8080/cb", nil, ""},
		{"a name for which only the server knows the URI", http.Header{"Origin": {"https://app.example"}}, "a-name", ErrClaim, "Origin"},
	} {
		asked := *r
		asked.RedirectURI = cmp.Or(tt.uri, r.RedirectURI)
		a := s.start(t, c, &asked)
		nonce := a.content.nonce
		const code = "code-1"
		front := s.sign(t, "JWT", unitClaims(map[string]any{"nonce": nonce, "c_hash": halfHash(code)}))
		s.answer("/token", unitTokenBody(t, map[string]any{"id_token": s.sign(t, "JWT", unitClaims(map[string]any{"nonce": nonce}))}))
		form := url.Values{"code": {code}, "state": {a.State()}, "id_token": {front}}
		req := httptest.NewRequest("POST", "https://app.example/cb", strings.NewReader(form.Encode()))
		req.Header = tt.header.Clone()
		req.Header.Set("Content-Type", mediaForm)
		tok, err := c.FinishAuthorization(req, a, nil)
		if wantError(t, err, tt.kind, tt.param); (tok == nil) != (tt.kind != nil) {
			t.Errorf("%s: %v, %v", tt.name, tok, err)
		}
	}
	a := s.start(t, c, r)
	_, err := c.FinishAuthorization(httptest.NewRequest("GET", "https://app.example/cb?code=c&state="+a.State(), nil), a, nil)
	wantError(t, err, ErrConfig, "ResponseMode")
	small := httptest.NewRequest("post", "https://app.example/cb", strings.NewReader("code=c&state="+a.State()))
	small.Header.Set("Content-Type", mediaForm)
	_, err = c.FinishAuthorization(small, a, nil)
	wantError(t, err, ErrConfig, "ResponseMode")
	req := httptest.NewRequest("POST", "https://app.example/cb?code=c", strings.NewReader("state="+a.State()))
	req.Header = http.Header{"Content-Type": {mediaForm}, "Sec-Fetch-Site": {"same-origin"}}
	_, err = c.FinishAuthorization(req, a, nil)
	wantError(t, err, ErrParse, "code")
}
