package oauth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// This file tests that what is restored passes the checks of its making, whatever
// the store made of it, and that nothing which was made fails them.

// saveAuthorization encodes d as it is.
func saveAuthorization(d *pendingAuthorizationData) []byte {
	w := newSaved(authorizationVersion)
	for _, s := range d.fields() {
		w.string(*s)
	}
	w.int(d.maxAge)
	w.time(d.created)
	return w.b
}

func TestSavedAuthorizationChecks(t *testing.T) {
	type data = pendingAuthorizationData
	for _, tt := range []struct {
		name   string
		change func(d *data)
	}{
		{"issuer", func(d *data) { d.issuer = "" }},
		{"client", func(d *data) { d.clientID = "" }},
		{"no redirect URI", func(d *data) { d.redirectURI = "" }},
		{"script redirect URI", func(d *data) { d.redirectURI = "javascript:alert(1)" }},
		{"redirect URI with a fragment", func(d *data) { d.redirectURI += "#" }},
		{"redirect URI with a scheme of any app's", func(d *data) { d.redirectURI = "app:/cb" }},
		{"no response type", func(d *data) { d.responseType = "" }},
		{"response type with a token", func(d *data) { d.responseType = "code token" }},
		{"response type none", func(d *data) { d.responseType = "none" }},
		{"response type that is not known", func(d *data) { d.responseType = "Code" }},
		{"response type in another order", func(d *data) { d.responseType, d.responseMode = "id_token code", "form_post" }},
		{"response mode that is not known: JARM would be off", func(d *data) { d.responseMode = "query.jwx" }},
		{"response mode in capitals", func(d *data) { d.responseMode = "JWT" }},
		{"ID token in a query", func(d *data) { d.responseType, d.responseMode = "code id_token", "query" }},
		{"ID token, openid missing", func(d *data) {
			d.responseType, d.responseMode, d.scope, d.nonce = "code id_token", "form_post", "a", ""
		}},
		{"ID token, nonce missing", func(d *data) { d.responseType, d.responseMode, d.nonce = "code id_token", "form_post", "" }},
		{"ID token alone, with a verifier", func(d *data) { d.responseType, d.responseMode = "id_token", "form_post" }},
		{"scope with two spaces", func(d *data) { d.scope = "openid  a" }},
		{"scope with a space at its end", func(d *data) { d.scope += " " }},
		{"scope with a tab", func(d *data) { d.scope = "openid\ta" }},
		{"scope with a quote", func(d *data) { d.scope = `openid "a` }},
		{"openid missing, acr left", func(d *data) { d.scope, d.nonce = "a", "" }},
		{"openid missing, nonce left and no acr", func(d *data) { d.scope, d.requireACR = "a", "" }},
		{"openid in other case", func(d *data) { d.scope, d.requireACR = "OpenID", "" }},
		{"acr with two spaces", func(d *data) { d.requireACR = "gold  silver" }},
		{"acr with a space at its end", func(d *data) { d.requireACR = "gold " }},
		{"acr with a space at its beginning", func(d *data) { d.requireACR = " gold" }},
		{"openid missing, nonce left", func(d *data) { d.scope = "a" }},
		{"state", func(d *data) { d.state = "" }},
		{"short state", func(d *data) { d.state = d.state[1:] }},
		{"state with another character", func(d *data) { d.state = "+" + d.state[1:] }},
		{"short nonce", func(d *data) { d.nonce = "n" }},
		{"short verifier", func(d *data) { d.verifier = "v" }},
		{"resource that is no URI", func(d *data) { d.resource = "a" }},
		{"resource that is empty", func(d *data) { d.resource = "urn:a\n" }},
		{"short thumbprint", func(d *data) { d.thumbprint = "t" }},
		{"negative max_age", func(d *data) { d.maxAge = int64p(-1) }},
		{"no time", func(d *data) { d.created = time.Time{} }},
		{"time before the epoch", func(d *data) { d.created = time.Unix(-1, 0) }},
		{"time of the end of int64", func(d *data) { d.created = time.Unix(math.MaxInt64, 0) }},
		{"time over 2⁵³", func(d *data) { d.created = time.Unix(1<<53+1, 0) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := *savedSamples()["PendingAuthorization"].(*PendingAuthorization).content
			tt.change(&d)
			a := new(PendingAuthorization)
			if err := a.UnmarshalBinary(saveAuthorization(&d)); !errors.Is(err, ErrParse) || errors.Is(err, ErrConfig) || a.content != nil {
				t.Errorf("%v, %+v", err, a.content)
			}
		})
	}
}

// A public client always sends a challenge: what comes back without its verifier was
// changed, or another client's.
func TestSavedAuthorizationWithoutVerifier(t *testing.T) {
	s := newUnitServer()
	for name, auth := range map[string]ClientAuth{"public": PublicClient(), "confidential": ClientSecretBasic("secret")} {
		c := s.client(t, func(cfg *Config) { cfg.Auth = auth })
		a := s.start(t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb"})
		a.content.verifier = ""
		again := new(PendingAuthorization)
		if err := again.UnmarshalBinary(must(a.MarshalBinary())); err != nil {
			t.Fatal(err)
		}
		_, err := c.ValidateAuthorizationResponse(context.Background(), again, url.Values{"code": {"c"}, "state": {a.State()}})
		if name == "public" {
			wantError(t, err, ErrConfig, "PendingAuthorization")
		} else if err != nil {
			t.Error(err)
		}
		// A login by id_token has no code, and no verifier either.
		a = s.start(
			t,
			c,
			&AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseType: "id_token", ResponseMode: "form_post"},
		)
		if _, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{}); !errors.Is(err, ErrState) {
			t.Errorf("id_token, %s: %v", name, err)
		}
	}
}

// Whatever StartAuthorization makes can be restored and finished.
func TestSavedAuthorizationMade(t *testing.T) {
	s := newUnitServer()
	made := 0
	for _, responseType := range []string{"", "code", "code id_token", "id_token"} {
		for _, mode := range responseModes {
			for _, scope := range [][]string{nil, {"a", "b:c/d"}, {"openid"}} {
				for n := range 8 {
					r := &AuthorizationRequest{
						RedirectURI: "http://127.0.0.1:8080/cb?a=b", Scope: scope, ResponseType: responseType, ResponseMode: mode.name,
						InsecureNoPKCE: n&1 != 0, InsecureNoNonce: n&2 != 0,
					}
					if n&4 != 0 {
						r.RedirectURI, r.MaxAge = "http://dev.example/cb", int64p(0)
					}
					c := s.client(t, func(c *Config) {
						c.InsecureAllowHTTP = n&4 != 0
						if n&4 != 0 {
							c.DPoP = unitDPoP(t)
						}
					})
					a, err := c.StartAuthorization(context.Background(), r)
					if err != nil {
						continue
					}
					made++
					again := new(PendingAuthorization)
					if err := again.UnmarshalBinary(must(a.MarshalBinary())); err != nil ||
						savedFields(again) != strings.Replace(savedFields(a), "url:"+a.content.url, "url:", 1) {
						t.Errorf("%+v: %v", r, err)
					}
				}
			}
		}
	}
	if made < 100 {
		t.Errorf("only %d were made", made)
	}
}

// savePending encodes d as it is.
func savePending(d *pendingData, interval int64) []byte {
	w := newSaved(pendingVersion)
	for _, s := range d.fields() {
		w.string(*s)
	}
	w.time(d.started)
	w.time(d.expiry)
	w.int(&interval)
	return w.b
}

func TestSavedPendingChecks(t *testing.T) {
	type row struct {
		name   string
		change func(d *pendingData)
	}
	both := []row{
		{"issuer", func(d *pendingData) { d.issuer = "" }},
		{"client", func(d *pendingData) { d.clientID = "" }},
		{"code", func(d *pendingData) { d.code = "" }},
		{"scope", func(d *pendingData) { d.scope += " " }},
		{"resource", func(d *pendingData) { d.resource = "urn:a\na" }},
		{"start", func(d *pendingData) { d.started = time.Time{} }},
		{"expiry", func(d *pendingData) { d.expiry = time.Time{} }},
		{"expiry over 2⁵³", func(d *pendingData) { d.expiry = time.Unix(1<<53+1, 0) }},
	}
	device := append(slices.Clone(both),
		row{"no user code", func(d *pendingData) { d.userCode = "" }},
		row{"user code that moves the cursor", func(d *pendingData) { d.userCode += "\x1b[2J" }},
		row{"no page", func(d *pendingData) { d.verificationURI = "" }},
		row{"script", func(d *pendingData) { d.verificationURI = "javascript:alert(1)" }},
		row{"page that moves the cursor", func(d *pendingData) { d.verificationURI += "\x1b[2J" }},
		row{"page with a user name", func(d *pendingData) { d.verificationURI = "https://op.example@x.example/" }},
		row{"script that is complete", func(d *pendingData) { d.verificationURIComplete = "javascript:alert(1)" }},
		row{"page with a quote that is complete", func(d *pendingData) { d.verificationURIComplete += `"` }},
		row{"notification token", func(d *pendingData) { d.notificationToken = savedRandom(1) }},
		row{"verifier that can be guessed", func(d *pendingData) { d.verifier = "v" }},
	)
	backchannel := append(slices.Clone(both),
		row{"user code", func(d *pendingData) { d.userCode = "u" }},
		row{"page", func(d *pendingData) { d.verificationURI = "https://op.example/" }},
		row{"page that is complete", func(d *pendingData) { d.verificationURIComplete = "https://op.example/" }},
		row{"notification token that can be guessed", func(d *pendingData) { d.notificationToken = "n" }},
		row{"no openid: nothing would say who logged in", func(d *pendingData) { d.scope = "a" }},
		row{"verifier", func(d *pendingData) { d.verifier = savedRandom(1) }},
		row{"no scope", func(d *pendingData) { d.scope = "" }},
	)
	for name, rows := range map[string][]row{"DeviceAuthorization": device, "BackchannelAuthentication": backchannel} {
		for _, tt := range rows {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				v := savedSamples()[name]
				var d pendingData
				switch v := v.(type) {
				case *DeviceAuthorization:
					d = *v.g.content
				case *BackchannelAuthentication:
					d = *v.g.content
				}
				if err := v.UnmarshalBinary(savePending(&d, 1)); err != nil {
					t.Fatal(err)
				}
				if err := v.UnmarshalBinary(savePending(&d, 7)); err != nil {
					t.Fatal(err)
				}
				before := savedFields(v)
				tt.change(&d)
				if err := v.UnmarshalBinary(savePending(&d, 7)); !errors.Is(err, ErrParse) || errors.Is(err, ErrResponse) || savedFields(v) != before {
					t.Errorf("%v, %s", err, savedFields(v))
				} else if tt.name == "script" {
					wantError(t, err, ErrParse, "verification_uri")
				}
			})
		}
		good := string(must(savedSamples()[name].MarshalBinary()))
		for _, interval := range []string{"\x00", "\x010", "\x02-1", "\x043601"} {
			data, ok := strings.CutSuffix(good, "\x017")
			if err := savedSamples()[name].UnmarshalBinary([]byte(data + interval)); !ok || !errors.Is(err, ErrParse) {
				t.Errorf("%s: interval %q: %v", name, interval, err)
			}
		}
	}
}

func TestSavedTokenChecks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *Token)
	}{
		{"access token of two lines", func(t *Token) { t.AccessToken = NewSecret("a\r\nX: y") }},
		{"access token with a space", func(t *Token) { t.AccessToken = NewSecret("a b") }},
		{"access token that is too long", func(t *Token) { t.AccessToken = NewSecret(strings.Repeat("a", maxToken+1)) }},
		{"token type", func(t *Token) { t.TokenType = "Bearer\x1b[2J" }},
		{"bound to a key, and bearer", func(t *Token) { t.jkt = savedRandom(1) }},
		{"thumbprint", func(t *Token) { t.TokenType, t.jkt = "DPoP", "jkt" }},
		{"one scope that would be two", func(t *Token) { t.Scope = []string{"read admin"} }},
		{"empty scope", func(t *Token) { t.Scope = []string{"a", ""} }},
		{"expiry before the epoch", func(t *Token) { t.Expiry = time.Unix(-1, 0) }},
		{"expiry over 2⁵³", func(t *Token) { t.Expiry = time.Unix(1<<53+1, 0) }},
		{"resource with a fragment", func(t *Token) { t.resource = "urn:a#" }},
		{"user without a subject", func(t *Token) { t.login = &identity{issuer: "i", nonce: "n"} }},
		{"user without an issuer", func(t *Token) { t.login = &identity{subject: "s"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := savedSamples()["Token"].(*Token)
			good := must(v.MarshalBinary())
			tt.change(v)
			// What could not be restored is not saved.
			if data, err := v.MarshalBinary(); !errors.Is(err, ErrConfig) || data != nil {
				t.Errorf("saved %q, %v", data, err)
			}
			if slices.Equal(v.Scope, []string{"a", "b"}) { // the others cannot be written
				w := newSaved(tokenVersion)
				id := v.identity()
				for _, s := range []string{"", v.AccessToken.Reveal(), "", strings.Join(v.Scope, " "), "{}"} {
					w.string(s)
				}
				for _, s := range v.fields(&id) {
					w.string(*s)
				}
				w.time(v.Expiry)
				got := new(Token)
				if err := got.UnmarshalBinary(w.b); !errors.Is(err, ErrParse) || errors.Is(err, ErrConfig) || !got.AccessToken.IsZero() {
					t.Errorf("restored %s, %v", savedFields(got), err)
				}
			}
			if err := v.UnmarshalBinary(good); err != nil {
				t.Error(err)
			}
		})
	}
	// A scope that is cut in the store has no empty elements.
	v := savedSamples()["Token"].(*Token)
	data := strings.Replace(string(must(v.MarshalBinary())), "\x03a b", "\x03a  ", 1)
	if err := new(Token).UnmarshalBinary([]byte(data)); !errors.Is(err, ErrParse) {
		t.Errorf("%v", err)
	}
}

// One scope never becomes two: on no way from an answer or a claim into a list,
// into a store, or into a request.
func TestScopeOfOneElement(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for text, want := range map[string][]string{
		`["read admin"]`:            {},
		`["a","read admin","","b"]`: {"a", "b"},
		`[" a"]`:                    {},
		`["a\tb"]`:                  {"a\tb"},
		`"a  b "`:                   {"a", "b"},
		`"a\tb"`:                    {"a\tb"},
		`[]`:                        {},
	} {
		s.answer("/token", `{"access_token":"at","token_type":"Bearer","refresh_token":"rt","scope":`+text+`}`)
		token, err := c.ClientCredentials(context.Background(), nil)
		if err != nil || !slices.Equal(token.Scope, want) {
			t.Errorf("%s: %v, %v", text, token, err)
			continue
		}
		again := new(Token)
		if err := again.UnmarshalBinary(must(token.MarshalBinary())); err != nil || !slices.Equal(again.Scope, want) {
			t.Errorf("%s: restored %q, %v", text, again.Scope, err)
		}
		o := must(parseObject(`{"scp":`+text+`}`, documentForm, ErrClaim))
		if got, _, err := o.scope("scp"); err != nil || !slices.Equal(got.list(), want) {
			t.Errorf("claim %s: %q, %v", text, got, err)
		}
	}
}

// ---- what is restored can be used

// useAuthorization finishes a with answers of many kinds: it must not panic, and
// without a code and an ID token that verifies no Token comes.
func useAuthorization(t testing.TB, s *unitServer, data []byte) {
	t.Helper()
	id := s.sign(t, "", unitClaims(nil))
	for _, token := range []string{`{"access_token":"at","token_type":"Bearer"}`, `{"access_token":"at","token_type":"Bearer","id_token":"` + id + `"}`} {
		s.answer("/token", token)
		for _, params := range []url.Values{
			{}, {"code": {"c"}}, {"id_token": {id}}, {"code": {"c"}, "id_token": {id}}, {"response": {id}}, {"error": {"access_denied"}}, {"access_token": {"at"}},
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				var a PendingAuthorization
				if err := a.UnmarshalBinary(data); err != nil {
					t.Fatal(err)
				}
				_, _ = fmt.Sprint(&a), a.LogValue()
				c := s.client(t, func(c *Config) {
					c.Server.Issuer, c.Metadata.ClientID = a.content.issuer, a.content.clientID
					c.Clock.Now = func() time.Time { return a.content.created }
				})
				if a.content.thumbprint != "" { // of a key that is not ours
					a.content.thumbprint = ""
				}
				params.Set("state", a.State())
				r := httptest.NewRequest(method, "https://app.example/cb?"+params.Encode(), nil)
				if method == http.MethodPost {
					r = httptest.NewRequest(method, "https://app.example/cb", strings.NewReader(params.Encode()))
					r.Header.Set("Content-Type", mediaForm)
				}
				token, err := c.FinishAuthorization(r, &a, nil)
				if (token == nil) == (err == nil) {
					t.Fatalf("%v with the error %v", token, err)
				}
				if token == nil {
					continue
				}
				if params.Get("code") == "" || a.content.responseType != "code" || responseModes.find(a.content.responseMode).jwt ||
					a.content.openid() && a.content.nonce != "" {
					t.Fatalf("%+v gives a token for %v", a.content, params)
				}
			}
		}
	}
}

func TestSavedUse(t *testing.T) {
	s := newUnitServer()
	for name, v := range savedSamples() {
		data := must(v.MarshalBinary())
		if _, ok := v.(*PendingAuthorization); ok {
			t.Run(name, func(t *testing.T) { useAuthorization(t, s, data) })
		}
	}
}

// usePending asks for the token once, and polls until it expires.
func usePending(t *testing.T, g *pendingGrant, ask, poll func(context.Context, *Client) (*Token, error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newUnitServer()
		s.set("/token", unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"authorization_pending"}`})
		at := g.content.expiry.Add(-3 * time.Second)
		c := s.client(t, func(c *Config) {
			c.Server.Issuer, c.Metadata.ClientID = g.content.issuer, g.content.clientID
			start := time.Now()
			c.Clock.Now = func() time.Time { return at.Add(time.Since(start)) }
		})
		for _, get := range []func(context.Context, *Client) (*Token, error){ask, poll} {
			if token, err := get(context.Background(), c); token != nil || err == nil {
				t.Fatalf("%v, %v", token, err)
			}
		}
	})
}
