package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// redactSecret has what each way of escaping treats differently.
const redactSecret = `Zx+/= %41"\<&>'é-~ü_tail`

// redactSpellings are the ways that servers write a secret.
var redactSpellings = map[string]func(string) string{
	"plain":             func(s string) string { return s },
	"form":              url.QueryEscape,
	"path":              url.PathEscape,
	"percent, lower":    func(s string) string { return redactEach(s, "%%%02x") },
	"percent, upper":    func(s string) string { return redactEach(s, "%%%02X") },
	"form twice":        func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"JSON":              func(s string) string { b, _ := json.Marshal(s); return strings.Trim(string(b), `"`) },
	"JSON, all of it":   func(s string) string { return redactRunes(s, `\u%04x`) },
	"Go":                func(s string) string { q := strconv.QuoteToASCII(s); return q[1 : len(q)-1] },
	"bytes":             func(s string) string { return redactEach(s, `\x%02x`) },
	"HTML":              html.EscapeString,
	"HTML, decimal":     func(s string) string { return redactRunes(s, "&#%d;") },
	"HTML, hexadecimal": func(s string) string { return redactRunes(s, "&#x%X;") },
	"form in JSON":      func(s string) string { b, _ := json.Marshal(url.QueryEscape(s)); return strings.Trim(string(b), `"`) },
	"HTML of form":      func(s string) string { return html.EscapeString(url.QueryEscape(s)) },
	"upper case": func(s string) string {
		return strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r + 'A' - 'a'
			}
			return r
		}, s)
	},
	"some of it": func(s string) string { return strings.ReplaceAll(s, "/", "%2F") },
	"cut off":    func(s string) string { return s[:redactedHead] },
}

func redactEach(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

func redactRunes(s, format string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

func TestRedact(t *testing.T) {
	for name, spell := range redactSpellings {
		for _, around := range []string{"%s", "the token %s is unknown", "token=%s", "x%sx", `{"token":"%s"}`, "%s %[1]s", strings.Repeat("ü", 300) + "%s"} {
			quoted := fmt.Sprintf(around, spell(redactSecret))
			want := fmt.Sprintf(around, redacted)
			if got := redact(quoted, []string{"other-secret", redactSecret}); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
	for _, tt := range []struct{ name, secret, text, want string }{
		{"nothing", "a-long-secret", "100% of it + more \\ &amp; é", "100% of it + more \\ &amp; é"},
		{"nothing secret", "", "text", "text"},
		{"the client undid it", url.QueryEscape(redactSecret), "of " + redactSecret + " is", "of " + redacted + " is"},
		{"a short word", "1234", "the code 1234 is old", "the code " + redacted + " is old"},
		{"a short word, form-encoded", "12 34", "code=12+34&x", "code=" + redacted + "&x"},
		{"a part of a word", "valid", "invalid, validity, valid_x", "invalid, validity, valid_x"},
		{"as long as it takes to be one in a word", "validity", "xvalidityx", "x" + redacted + "x"},
		{"one less", "validit", "xvalidity", "xvalidity"},
		{"too short", "the", "the code", "the code"},
		{"no escapes", "a-long-secret", `%zz \u12 &#; &#xz; &none; %4`, `%zz \u12 &#; &#xz; &none; %4`},
		{"a surrogate pair", "secret-😀-secret", `the secret-\ud83d\ude00-secret`, "the " + redacted},
		{"an escape before it", "abcdef-secret", `%41abcdef-secret\n`, `%41` + redacted + `\n`},
	} {
		if got := redact(tt.text, []string{tt.secret}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestRedactWords has each octet before and after a short secret: within a word it is
// none.
func TestRedactWords(t *testing.T) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
	for c := range 256 {
		in := c >= utf8.RuneSelf || strings.IndexByte(letters, byte(c)) >= 0
		for _, around := range [][2]string{{string([]byte{byte(c)}), ""}, {"", string([]byte{byte(c)})}} {
			text := around[0] + "short" + around[1]
			want := around[0] + redacted + around[1]
			if in {
				want = text
			}
			if around[0] == `\` { // it may be an escape of the s
				want = redacted
			}
			if got := redact(text, []string{"short"}); got != want {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
	}
}

// FuzzRedact: whatever stands around a spelled secret, none of it is left.
func FuzzRedact(f *testing.F) {
	f.Add("before ", " after", 0)
	f.Add("%", "%41", 3)
	f.Add(`\`, `&#`, 7)
	var names []string
	for name := range redactSpellings {
		if name != "cut off" {
			names = append(names, name)
		}
	}
	f.Fuzz(func(t *testing.T, before, after string, n int) {
		const secret = "a-secret+of some/length"
		spell := redactSpellings[names[uint(n)%uint(len(names))]]
		got := redact(before+" "+spell(secret)+" "+after, []string{secret})
		if strings.Contains(strings.ToLower(got), strings.ToLower(spell(secret))) {
			t.Errorf("%q is left in %q", secret, got)
		}
	})
}

// redactSecrets are the secrets of all requests of redactCalls.
func redactSecrets() map[string]string {
	secrets := map[string]string{}
	for _, name := range []string{
		"client secret", "refresh token", "access token", "token", "subject token", "actor token", "assertion", "parameter", "field", "device code", "login hint",
		"hint token", "user code", "binding message", "initial access token", "registration access token", "software statement", "state", "code", "verifier", "nonce",
	} {
		secrets[name] = strings.ReplaceAll(name, " ", "+") + "/" + redactSecret
		if strings.HasSuffix(name, "access token") { // they go into header fields
			secrets[name] = strings.ReplaceAll(name, " ", "+") + "/=%41~_tail"
		}
	}
	return secrets
}

// redactCalls are operations whose requests hold secrets.
func redactCalls(t *testing.T, s *unitServer, k map[string]string, auth func(string) ClientAuth) map[string]func() error {
	ctx := context.Background()
	c := s.client(t, func(c *Config) {
		c.Auth = auth(k["client secret"])
		c.Server.RevocationEndpoint, c.Server.IntrospectionEndpoint = unitIssuer+"/revoke", unitIssuer+"/introspect"
		c.Server.DeviceAuthorizationEndpoint, c.Server.BackchannelAuthenticationEndpoint = unitIssuer+"/device", unitIssuer+"/ciba"
		c.Server.RegistrationEndpoint = unitIssuer + "/register"
	})
	of := func(_ any, err error) error { return err }
	as := *s.config().Server
	as.RegistrationEndpoint = unitIssuer + "/register"
	registration := &RegistrationOptions{InitialAccessToken: NewSecret(k["initial access token"]), HTTPClient: &http.Client{Transport: s}}
	m := ClientMetadata{RedirectURIs: []string{"https://app.example/cb"}, SoftwareStatement: k["software statement"]}
	return map[string]func() error{
		"Refresh": func() error { return of(c.Refresh(ctx, &Token{RefreshToken: NewSecret(k["refresh token"])}, nil)) },
		"Grant":   func() error { return of(c.Grant(ctx, "urn:x", url.Values{"otp": {k["parameter"]}})) },
		"ClientCredentials": func() error {
			return of(c.ClientCredentials(ctx, &GrantOptions{Header: http.Header{"X-Api-Key": {k["field"]}}}))
		},
		"JWTBearer": func() error { return of(c.JWTBearer(ctx, k["assertion"], nil)) },
		"ExchangeToken": func() error {
			return of(
				c.ExchangeToken(
					ctx,
					&TokenExchangeRequest{
						SubjectToken:     NewSecret(k["subject token"]),
						SubjectTokenType: TokenTypeAccessToken,
						ActorToken:       NewSecret(k["actor token"]),
						ActorTokenType:   TokenTypeAccessToken,
					},
					nil,
				),
			)
		},
		"Introspect": func() error { return of(c.Introspect(ctx, k["token"], nil)) },
		"Revoke":     func() error { return c.Revoke(ctx, k["token"], nil) },
		"DeviceToken": func() error {
			return of(
				c.DeviceToken(
					ctx,
					savedDevice(&pendingData{issuer: unitIssuer, clientID: unitClient, code: k["device code"], expiry: unitNow().Add(1e12)}),
					nil,
				),
			)
		},
		"StartBackchannelAuthentication": func() error {
			return of(
				c.StartBackchannelAuthentication(
					ctx,
					&BackchannelAuthenticationRequest{
						Scope:          []string{"openid"},
						LoginHint:      k["login hint"],
						UserCode:       NewSecret(k["user code"]),
						BindingMessage: k["binding message"],
					},
				),
			)
		},
		"StartAuthorization": func() error {
			return of(
				c.StartAuthorization(
					ctx,
					&AuthorizationRequest{RedirectURI: "https://app.example/cb", Pushed: true, LoginHint: k["login hint"], IDTokenHint: k["hint token"]},
				),
			)
		},
		"FinishAuthorization": func() error {
			a := &PendingAuthorization{
				content: &pendingAuthorizationData{issuer: unitIssuer, clientID: unitClient, redirectURI: "https://app.example/cb", responseType: "code",
					state: k["state"], nonce: k["nonce"], verifier: k["verifier"], created: unitNow()},
			}
			resp, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"code": {k["code"]}, "state": {k["state"]}})
			if err != nil {
				t.Fatal(err)
			}
			return of(c.ExchangeCode(ctx, resp, nil))
		},
		"Register": func() error { return of(Register(ctx, &as, m, registration)) },
		"Registration.Update": func() error {
			reg := &Registration{
				ClientSecret:            NewSecret(k["client secret"]),
				RegistrationAccessToken: NewSecret(k["registration access token"]),
				RegistrationClientURI:   unitIssuer + "/register",
				server:                  unitIssuer,
			}
			reg.Metadata.ClientID = unitClient
			m := m
			m.ClientID = unitClient
			return of(reg.Update(ctx, m, registration))
		},
	}
}

// TestRedactAnswers: every operation, every secret of its request and every
// spelling, in every member of a refusal and in members of a success that errors
// quote.
func TestRedactAnswers(t *testing.T) {
	secrets := redactSecrets()
	paths := []string{"/token", "/introspect", "/revoke", "/ciba", "/par", "/register"}
	for method, auth := range map[string]func(string) ClientAuth{"basic": ClientSecretBasic, "post": ClientSecretPost} {
		s := newUnitServer()
		for name, call := range redactCalls(t, s, secrets, auth) {
			before := len(s.requests(""))
			if err := call(); len(s.requests("")) == before {
				t.Fatalf("%s: no request: %v", name, err)
			}
			sent := redactSent(t, s, secrets)
			for spelling, spell := range redactSpellings {
				var all strings.Builder
				for _, secret := range sent {
					all.WriteString(" <" + spell(secret) + ">")
				}
				body := unitJSON(
					t,
					map[string]any{
						"error":             "no" + all.String(),
						"error_description": all.String(),
						"error_uri":         "https://op.example/" + all.String(),
						"token_type":        all.String(),
					},
				)
				for status, body := range map[int]string{400: body, 200: strings.Replace(body, `"error"`, `"access_token":"at","error"`, 1)} {
					for _, p := range paths {
						s.set(p, unitAnswer{status: status, mediaType: mediaJSON, body: body})
					}
					err := call()
					if status == 200 && err == nil {
						continue // Revoke
					}
					if err == nil {
						t.Fatalf("%s: no error", name)
					}
					var refused *ResponseError
					text := fmt.Sprintf("%v %+v", err, err)
					if errors.As(err, &refused) {
						text += refused.Code + refused.Description + refused.URI
						if status == 400 && !strings.Contains(text, redacted) {
							t.Errorf("%s: %s", name, text)
						}
					}
					for of, secret := range sent {
						quoted := strconv.QuoteToASCII(spell(secret)[:min(len(spell(secret)), 20)])
						if strings.Contains(text, spell(secret)) || strings.Contains(text, strings.Trim(quoted, `"`)) {
							t.Errorf("%s by %s, %s: %s is in %q", name, method, spelling, of, text)
						}
					}
				}
			}
		}
	}
}

// redactSent are the secrets that the last request had.
func redactSent(t *testing.T, s *unitServer, secrets map[string]string) map[string]string {
	requests := s.requests("")
	r := requests[len(requests)-1]
	sent := map[string]string{}
	_, password, _ := (&http.Request{Header: r.header}).BasicAuth()
	password, _ = url.QueryUnescape(password)
	var members map[string]any
	json.Unmarshal([]byte(r.body), &members)
	for of, secret := range secrets {
		in := password == secret
		for _, values := range r.form {
			in = in || values[0] == secret
		}
		for _, values := range r.header {
			in = in || values[0] == secret || strings.HasSuffix(values[0], " "+secret)
		}
		for _, v := range members {
			in = in || v == secret
		}
		if in {
			sent[of] = secret
		}
	}
	if len(sent) == 0 {
		t.Errorf("%s %s has no secret", r.method, r.path)
	}
	return sent
}

// TestRedactBasic: Basic itself is quoted, as it came and without its padding.
func TestRedactBasic(t *testing.T) {
	for _, tt := range []struct{ client, secret string }{{unitClient, "the-client-secret"}, {unitClient, "the-client-secret+"}, {unitClient, "the-client-secret/x"}, {"a", "hunter"}} {
		secret, basic := tt.secret, base64.StdEncoding.EncodeToString([]byte(tt.client+":"+url.QueryEscape(tt.secret)))
		for _, quoted := range []string{basic, "Basic " + basic, strings.TrimRight(basic, "="), url.QueryEscape(basic), tt.client + ":" + secret, tt.client + ":" + url.QueryEscape(secret)} {
			s := newUnitServer()
			s.set(
				"/token",
				unitAnswer{
					status:    401,
					mediaType: mediaJSON,
					body:      unitJSON(t, map[string]any{"error": "invalid_client", "error_description": "what is " + quoted + "?"}),
				},
			)
			_, err := s.client(t, func(c *Config) { c.Auth, c.Metadata.ClientID = ClientSecretBasic(secret), tt.client }).
				ClientCredentials(context.Background(), nil)
			if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), url.QueryEscape(secret)) ||
				strings.Contains(err.Error(), strings.TrimRight(basic, "=")) {
				t.Errorf("%q: %v", quoted, err)
			}
		}
	}
}

// TestRedactKeepsCodes: a code that a program acts on stays what it is, whatever the
// token that somebody chose; and it is text that stays readable.
func TestRedactKeepsCodes(t *testing.T) {
	for _, tt := range []struct{ token, code, want string }{
		{"invalid_grant", "invalid_grant", "invalid_grant"},
		{"authorization_pending", "authorization_pending", "authorization_pending"},
		{"some_other_code", "some_other_code", redacted},
		{"some_token", "code_of_some_token", "code_of_" + redacted},
		{"some_token", "invalid_grant", "invalid_grant"},
	} {
		s := newUnitServer()
		s.set(
			"/token",
			unitAnswer{
				status:    400,
				mediaType: mediaJSON,
				body:      unitJSON(t, map[string]any{"error": tt.code, "error_description": "the client " + unitClient + " has no scope read"}),
			},
		)
		_, err := s.client(t, nil).Refresh(context.Background(), &Token{RefreshToken: NewSecret(tt.token)}, &GrantOptions{Scope: []string{"read"}})
		var refused *ResponseError
		if !errors.As(err, &refused) || refused.Code != tt.want || refused.Description != "the client "+unitClient+" has no scope read" {
			t.Errorf("%s: %v", tt.token, err)
		}
	}
}

// TestRedactAuthorization: the response of the browser quotes the request, or itself.
func TestRedactAuthorization(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for spelling, spell := range redactSpellings {
		a := s.start(t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}})
		for of, secret := range map[string]string{"state": a.content.state, "nonce": a.content.nonce, "verifier": a.content.verifier, "code": redactSecret} {
			for _, state := range []string{a.content.state, ""} {
				params := url.Values{"state": {state}, "code": {redactSecret}}
				for name, prefix := range map[string]string{"error": "no ", "error_description": "the ", "error_uri": "https://op.example/"} {
					params.Set(name, prefix+spell(secret))
				}
				if state == "" {
					params.Del("state")
				}
				fresh := &PendingAuthorization{content: a.content}
				_, err := c.ValidateAuthorizationResponse(context.Background(), fresh, params)
				text := fmt.Sprintf("%v", err)
				var refused *AuthorizationError
				if errors.As(err, &refused) {
					text = refused.Code + refused.Description + refused.URI
				}
				if err == nil || strings.Contains(text, spell(secret)) || !strings.Contains(text, redacted) {
					t.Errorf("%s of %s: %s", spelling, of, text)
				}
			}
		}
	}
}

// TestRedactResponse: so does what is quoted of a response that fails a check.
func TestRedactResponse(t *testing.T) {
	for _, in := range []string{"iss", "id_token"} {
		s := newUnitServer()
		a := s.start(
			t,
			s.client(t, nil),
			&AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseType: "code id_token", ResponseMode: "form_post"},
		)
		for of, secret := range map[string]string{"state": a.content.state, "nonce": a.content.nonce, "verifier": a.content.verifier, "code": "the-code-of-some-length"} {
			params := url.Values{"state": {a.content.state}, "code": {"the-code-of-some-length"}, "iss": {unitIssuer}, "id_token": {"x"}}
			params.Set(in, map[string]string{
				"iss":      "https://op.example/" + secret,
				"id_token": encodeBase64URL([]byte(unitJSON(t, map[string]any{"alg": "ES256", "kid": "no " + secret}))) + ".e30.AA",
			}[in])
			_, err := s.client(t, nil).ValidateAuthorizationResponse(context.Background(), &PendingAuthorization{content: a.content}, params)
			if err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), redacted) {
				t.Errorf("%s in %s: %v", of, in, err)
			}
		}
	}
}

// TestRedactBeforeCutting: the head of a secret does not stay where the text is
// cut, and the text of an error is bounded.
func TestRedactBeforeCutting(t *testing.T) {
	const secret = "a-refresh-token-of-some-length"
	for at := 256 - len(secret); at <= 256; at++ {
		s := newUnitServer()
		s.set(
			"/token",
			unitAnswer{
				status:    400,
				mediaType: mediaJSON,
				body:      unitJSON(t, map[string]any{"error": "invalid_grant", "error_description": strings.Repeat(".", at) + secret}),
			},
		)
		_, err := s.client(t, nil).Refresh(context.Background(), &Token{RefreshToken: NewSecret(secret)}, nil)
		if err == nil || strings.Contains(err.Error(), secret[:3]) {
			t.Fatalf("at %d: %v", at, err)
		}
	}
}

// TestRedactTokens: a token in an answer quotes the request, in its header and in
// its claims.
func TestRedactTokens(t *testing.T) {
	const secret = "a-secret-of-some-length"
	s := newUnitServer()
	header := func(kid string) string {
		return encodeBase64URL([]byte(unitJSON(t, map[string]any{"alg": "ES256", "kid": "no " + kid}))) + ".e30.AA"
	}
	s.answer("/token", unitJSON(t, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": header(secret)}))
	s.set("/userinfo", unitAnswer{mediaType: mediaJWT, body: header(secret)})
	s.set("/introspect", unitAnswer{mediaType: mediaIntrospectionJWT, body: header(secret)})
	c := s.client(t, func(c *Config) {
		c.Server.IntrospectionEndpoint = unitIssuer + "/introspect"
		c.Metadata.UserinfoSignedResponseAlg, c.Metadata.IntrospectionSignedResponseAlg = ES256, ES256
	})
	ctx := context.Background()
	_, refresh := c.Refresh(ctx, &Token{RefreshToken: NewSecret(secret)}, nil)
	_, userinfo := c.UserInfo(ctx, &Token{AccessToken: NewSecret(secret), TokenType: "Bearer"}, &UserInfoOptions{Subject: "alice"})
	_, introspect := c.Introspect(ctx, secret, nil)
	_, basic := s.client(t, func(c *Config) { c.Auth = ClientSecretBasic(secret) }).Refresh(ctx, &Token{RefreshToken: NewSecret("rt")}, nil)
	for name, err := range map[string]error{"Refresh": refresh, "UserInfo": userinfo, "Introspect": introspect, "Basic": basic} {
		// In introspection the type is judged first, and not quoted.
		if err == nil || strings.Contains(err.Error(), secret) || name != "Introspect" && !strings.Contains(err.Error(), redacted) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefusalBounds: a refusal that is kept keeps no more than it says, whatever came.
func TestHeadAndTail(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("a", maxErrorText):                                  strings.Repeat("a", maxErrorText),
		strings.Repeat("a", maxErrorText) + "b":                            strings.Repeat("a", 509) + " … " + strings.Repeat("a", 508) + "b",
		strings.Repeat("é", maxErrorText):                                  strings.Repeat("é", 254) + " … " + strings.Repeat("é", 254),
		"h" + strings.Repeat("a", 508) + "bb" + strings.Repeat("c", 2*509): "h" + strings.Repeat("a", 508) + " … " + strings.Repeat("c", 509),
	} {
		if got := headAndTail(text); got != want {
			t.Errorf("%d bytes become %q", len(text), got)
		}
	}
}

func TestRefusalBounds(t *testing.T) {
	s := newUnitServer()
	const kept = 100
	pad := strings.Repeat("x", maxBody/2)
	s.set("/token", unitAnswer{status: 400, mediaType: mediaJSON, header: http.Header{
		"Www-Authenticate": {`Bearer realm="` + strings.Repeat("a", 200) + `"`}, "Retry-After": {"5"}, "Dpop-Nonce": {"n"},
		"A": {strings.Repeat("a", maxErrorHeader-100)}, "B": {strings.Repeat("b", maxErrorHeader/2)}, "C": {"c", "c"}, "X-Large": {pad},
	}, body: unitJSON(t, map[string]any{"error": "some_code", "error_description": "long " + pad, "error_uri": "https://op.example/" + pad[:100_000]})})
	c := s.client(t, nil)
	var list []*ResponseError
	before := heapInUse()
	for range kept {
		_, err := c.ClientCredentials(context.Background(), nil)
		var refused *ResponseError
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		list = append(list, refused)
		s.mu.Lock()
		s.log = nil
		s.mu.Unlock()
	}
	if each := (heapInUse() - before) / kept; each > 32<<10 {
		t.Errorf("a refusal keeps %d bytes", each)
	}
	e := list[0]
	if n := len(e.Description); n > maxErrorText || n < maxErrorText-4 || len(e.Body) != maxErrorBody || e.URI != "" || e.Code != "some_code" {
		t.Errorf("%d bytes of description, %d of body, URI %q, code %q", len(e.Description), len(e.Body), e.URI, e.Code)
	}
	h := e.Header
	if h.Get("Retry-After") != "5" || h.Get("DPoP-Nonce") != "n" || len(h.Values("C")) != 2 || h.Get("A") != "" || h.Get("B") == "" || h.Get("X-Large") != "" ||
		len(e.Challenges) != 1 {
		t.Errorf("kept %v", h)
	}
}

// heapInUse are the bytes that live.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
