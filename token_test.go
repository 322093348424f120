package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// unitResponse is a validated response, ready to be exchanged.
func unitResponse(t *testing.T, s *unitServer, c *Client, r *AuthorizationRequest) *AuthorizationResponse {
	t.Helper()
	a := s.start(t, c, r)
	resp, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"code": {"the-code"}, "state": {a.State()}})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

var plainRequest = AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"a", "b"}}

// TestTokenResponse changes the members of a good response one at a time:
// RFC 6749, Section 5.1, and what real servers make of it.
func TestTokenResponse(t *testing.T) {
	type m = map[string]any
	allow := func(types ...string) func(*Config) { return func(c *Config) { c.AllowTokenTypes = types } }
	tests := []struct {
		name   string
		change m
		config func(*Config)
		check  func(*Token) bool
		kind   error
		param  string
	}{
		{name: "good", check: func(t *Token) bool {
			return t.AccessToken.Reveal() == "at" && t.TokenType == "Bearer" && t.RefreshToken.IsZero() && t.Expiry.IsZero() &&
				slices.Equal(t.Scope, []string{"a", "b"}) && t.Extra == nil && t.IDToken() == nil && t.Subject() == ""
		}},
		{name: "no access_token", change: m{"access_token": unitRemoved}, kind: ErrResponse, param: "access_token"},
		{name: "empty access_token", change: m{"access_token": ""}, kind: ErrResponse, param: "access_token"},
		{name: "null access_token", change: m{"access_token": nil}, kind: ErrResponse, param: "access_token"},
		{name: "access_token number", change: m{"access_token": 1}, kind: ErrResponse, param: "access_token"},
		{name: "access_token with a line break", change: m{"access_token": "a\r\nX: y"}, kind: ErrResponse, param: "access_token"},
		{name: "access_token with a space", change: m{"access_token": "a b"}, kind: ErrResponse, param: "access_token"},
		{name: "token_type in small letters", change: m{"token_type": "bearer"}, check: func(t *Token) bool { return t.TokenType == "bearer" }},
		{name: "token_type in capitals", change: m{"token_type": "BEARER"}},
		{name: "no token_type", change: m{"token_type": unitRemoved}, kind: ErrResponse, param: "token_type"},
		{name: "no token_type, allowed (LinkedIn)", change: m{"token_type": unitRemoved}, config: allow("")},
		{name: "empty token_type", change: m{"token_type": ""}, kind: ErrResponse, param: "token_type"},
		{name: "empty token_type, allowed", change: m{"token_type": ""}, config: allow("")},
		{name: "token_type mac", change: m{"token_type": "mac"}, kind: ErrTokenType, param: "token_type"},
		{name: "token_type mac, allowed", change: m{"token_type": "mac"}, config: allow("MAC")},
		{name: "token_type DPoP", change: m{"token_type": "DPoP"}, kind: ErrTokenType, param: "token_type"},
		{name: "token_type N_A", change: m{"token_type": "N_A"}, kind: ErrTokenType, param: "token_type"},
		{name: "token_type number, none allowed", change: m{"token_type": 1}, config: allow(""), kind: ErrResponse, param: "token_type"},
		{name: "token_type number", change: m{"token_type": 1}, kind: ErrResponse, param: "token_type"},
		{name: "expires_in", change: m{"expires_in": 60}, check: expiresIn(60)},
		{name: "expires_in 0", change: m{"expires_in": 0}, check: expiresIn(0)},
		{name: "expires_in string", change: m{"expires_in": "60"}, check: expiresIn(60)},
		{name: "expires_in fraction", change: m{"expires_in": 60.9}, check: expiresIn(60)},
		{name: "expires_in null", change: m{"expires_in": nil}, check: notSaid},
		{name: "expires_in negative", change: m{"expires_in": -1}, check: notSaid},
		{name: "expires_in words", change: m{"expires_in": "soon"}, check: notSaid},
		{name: "expires_in huge", change: m{"expires_in": 1e300}, check: expiresIn(1 << 31)},
		{name: "expires_in never", change: m{"expires_in": "9223372036854775807"}, check: expiresIn(1 << 31)},
		{name: "expires_in boolean", change: m{"expires_in": true}, check: notSaid},
		{name: "refresh_token", change: m{"refresh_token": "rt"}, check: func(t *Token) bool { return t.RefreshToken.Reveal() == "rt" }},
		{name: "empty refresh_token (tsidp)", change: m{"refresh_token": ""}, check: func(t *Token) bool { return t.RefreshToken.IsZero() }},
		{name: "null refresh_token", change: m{"refresh_token": nil}, check: func(t *Token) bool { return t.RefreshToken.IsZero() }},
		{name: "scope", change: m{"scope": "c"}, check: hasScope("c")},
		{name: "empty scope", change: m{"scope": ""}, check: hasScope()},
		{name: "scope list (Twitch)", change: m{"scope": []string{"c", "d"}}, check: hasScope("c", "d")},
		{name: "scope number", change: m{"scope": 1}, check: hasScope("a", "b")},
		{name: "scope list of numbers", change: m{"scope": []int{1}}, check: hasScope("a", "b")},
		{name: "more members", change: m{"x": m{"y": 1}}, check: func(t *Token) bool { return string(t.Extra["x"]) == `{"y":1}` && len(t.Extra) == 1 }},
		{
			name:   "no more members",
			change: m{"expires_in": 60, "refresh_token": "rt", "scope": "a", "id_token": ""},
			check:  func(t *Token) bool { return t.Extra == nil },
		},
		{name: "error beside the token", change: m{"error": "invalid_grant"}},
		{name: "id_token that was not asked for, bad", change: m{"id_token": "x.y.z"}, kind: ErrParse},
		{name: "id_token number", change: m{"id_token": 1}, check: func(t *Token) bool { return t.IDToken() == nil }},
		{name: "empty id_token (Mattermost)", change: m{"id_token": ""}, check: func(t *Token) bool { return t.IDToken() == nil }},
		{
			name:   "an ID token alone, openid not asked for",
			change: m{"access_token": unitRemoved, "id_token": "x.y.z"},
			kind:   ErrResponse,
			param:  "access_token",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			body := m{"access_token": "at", "token_type": "Bearer"}
			for k, v := range tt.change {
				body[k] = v
				if v == unitRemoved {
					delete(body, k)
				}
			}
			s.answer("/token", unitJSON(t, body))
			c := s.client(t, tt.config)
			tok, err := c.ExchangeCode(context.Background(), unitResponse(t, s, c, &plainRequest), nil)
			if tt.kind != nil {
				if tok != nil {
					t.Error("a token came with the error")
				}
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.check != nil && !tt.check(tok) {
				t.Errorf("token %v", tok)
			}
		})
	}
}

func notSaid(t *Token) bool { return t.Expiry.IsZero() }

func expiresIn(n int64) func(*Token) bool {
	return func(t *Token) bool { return t.Expiry.Equal(unitNow().Add(time.Duration(n) * time.Second)) }
}

func hasScope(want ...string) func(*Token) bool {
	return func(t *Token) bool { return slices.Equal(t.Scope, want) }
}

// Expiry is for comparing with the local clock, so Skew stays out of it.
func TestTokenExpiryIsLocal(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", `{"access_token":"at","token_type":"Bearer","expires_in":60}`)
	c := s.client(t, func(c *Config) { c.Clock.Skew = time.Hour })
	tok, err := c.ExchangeCode(context.Background(), unitResponse(t, s, c, &plainRequest), nil)
	if err != nil || !expiresIn(60)(tok) {
		t.Errorf("%v, %v", tok, err)
	}
}

// What a refusal looks like: RFC 6749, Section 5.2, and its kin.
func TestTokenRefusals(t *testing.T) {
	tests := []struct {
		name        string
		answer      unitAnswer
		code        string
		description string
	}{
		{"by the book", unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":"invalid_grant","error_description":"no"}`}, "invalid_grant", "no"},
		{"with 200 (GitHub)", unitAnswer{status: 200, mediaType: mediaJSON, body: `{"error":"bad_verification_code"}`}, "bad_verification_code", ""},
		{"as a problem", unitAnswer{status: 400, mediaType: "application/problem+json", body: `{"error":"invalid_grant"}`}, "invalid_grant", ""},
		{"as text", unitAnswer{status: 400, mediaType: "text/plain", body: `{"error":"invalid_grant"}`}, "invalid_grant", ""},
		{"empty", unitAnswer{status: 403}, "", ""},
		{"page", unitAnswer{status: 502, mediaType: "text/html", body: `<html>{"error":"x"}`}, "", ""},
		{"page by name", unitAnswer{status: 400, mediaType: "text/html; charset=utf-8", body: `{"error":"x"}`}, "x", ""},
		{"error of another type", unitAnswer{status: 400, mediaType: mediaJSON, body: `{"error":{"code":1}}`}, "", ""},
		{"redirect", unitAnswer{status: 307, header: http.Header{"Location": {"https://evil.example/"}}}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			tt.answer.header = cmpHeader(tt.answer.header, "WWW-Authenticate", `Basic realm="x"`)
			s.set("/token", tt.answer)
			c := s.client(t, nil)
			resp := unitResponse(t, s, c, &plainRequest)
			tok, err := c.ExchangeCode(context.Background(), resp, nil)
			var e *ResponseError
			if tok != nil || !errors.As(err, &e) {
				t.Fatalf("%v, %v", tok, err)
			}
			if e.Code != tt.code || e.Description != tt.description || e.StatusCode != tt.answer.status || len(e.Challenges) != 1 ||
				string(e.Body) != tt.answer.body {
				t.Errorf("error %#v", err)
			}
			if !errors.Is(err, ErrRefused) || errors.Is(err, ErrResponse) != (tt.code == "") || errors.Is(err, ErrInvalid) {
				t.Errorf("kinds of %v", err)
			}
			if n := len(s.requests("")); n != 1 {
				t.Errorf("%d requests", n)
			}
			_, err = c.ExchangeCode(context.Background(), resp, nil)
			wantError(t, err, ErrReplay, "AuthorizationResponse")
			if n := len(s.requests("")); n != 1 {
				t.Error("the code was sent twice")
			}
		})
	}
}

func cmpHeader(h http.Header, name, value string) http.Header {
	if h == nil {
		h = http.Header{}
	}
	h.Set(name, value)
	return h
}

// What is a success, whatever it says it is.
func TestTokenAnswers(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	const good = `{"access_token":"at","token_type":"Bearer"}`
	for name, tt := range map[string]struct {
		answer unitAnswer
		kind   error
	}{
		"a page with JSON (PHP)":      {unitAnswer{mediaType: "text/html", body: good}, nil},
		"a page":                      {unitAnswer{mediaType: "text/html", body: "<html>"}, ErrResponse},
		"created (CrowdStrike)":       {unitAnswer{status: 201, mediaType: mediaJSON, body: good}, nil},
		"the last success":            {unitAnswer{status: 299, mediaType: mediaJSON, body: good}, nil},
		"no content":                  {unitAnswer{status: 204}, ErrResponse},
		"a redirect":                  {unitAnswer{status: 300, mediaType: mediaJSON, body: good}, ErrResponse},
		"created, an error":           {unitAnswer{status: 201, mediaType: mediaJSON, body: `{"error":"invalid_grant"}`}, ErrRefused},
		"a byte order mark before it": {unitAnswer{mediaType: mediaJSON, body: "\ufeff" + good}, nil},
		"a member twice":              {unitAnswer{mediaType: mediaJSON, body: `{"access_token":"at","token_type":"Bearer","access_token":"at"}`}, nil},
		"a member twice, differently": {unitAnswer{mediaType: mediaJSON, body: `{"access_token":"at","token_type":"Bearer","access_token":"b"}`}, ErrResponse},
	} {
		s.set("/token", tt.answer)
		tok, err := c.ExchangeCode(context.Background(), unitResponse(t, s, c, &plainRequest), nil)
		if tt.kind == nil && (err != nil || tok.AccessToken.Reveal() != "at") || tt.kind != nil && !errors.Is(err, tt.kind) {
			t.Errorf("%s: %v, want the kind %v", name, err, tt.kind)
		}
	}
}

// TestIDTokenAlone is Azure AD B2C with scope openid: there is nothing to access.
func TestIDTokenAlone(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	openid := AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, InsecureNoNonce: true}
	login := func(idToken string) (*Token, error) {
		s.answer("/token", unitJSON(t, map[string]any{"refresh_token": "rt", "id_token": idToken}))
		return c.ExchangeCode(context.Background(), unitResponse(t, s, c, &openid), nil)
	}
	tok, err := login(s.sign(t, "JWT", unitClaims(nil)))
	if err != nil || tok.Subject() != "alice" || !tok.AccessToken.IsZero() || tok.RefreshToken.Reveal() != "rt" {
		t.Fatalf("%v, %v", tok, err)
	}
	if again := new(Token); again.UnmarshalBinary(must(tok.MarshalBinary())) != nil || again.Subject() != "alice" {
		t.Errorf("restored as %v", again)
	}
	_, err = c.Do(must(http.NewRequest("GET", unitAPI, nil)), tok)
	wantError(t, err, ErrConfig, "Token")
	_, err = login("x.y.z")
	wantError(t, err, ErrParse, "")
	_, err = login("")
	wantError(t, err, ErrResponse, "access_token")
}

// The ID token has to come if openid was asked for, and is verified on every
// path: also where it was not asked for, and against the access token.
func TestTokenIDToken(t *testing.T) {
	s := newUnitServer()
	other, err := GenerateSigningKey(ES256)
	if err != nil {
		t.Fatal(err)
	}
	other.kid = s.key.kid
	forged, err := other.SignJWT("JWT", unitClaims(nil))
	if err != nil {
		t.Fatal(err)
	}
	openid := AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, InsecureNoNonce: true}
	for _, tt := range []struct {
		name    string
		r       *AuthorizationRequest
		idToken string
		kind    error
	}{
		{"missing", &openid, "", ErrResponse},
		{"good", &openid, s.sign(t, "JWT", unitClaims(nil)), nil},
		{"forged", &openid, forged, ErrSignature},
		{"forged, not asked for", &plainRequest, forged, ErrSignature},
		{"good, not asked for", &plainRequest, s.sign(t, "JWT", unitClaims(nil)), nil},
		{"with a nonce that was not sent", &openid, s.sign(t, "JWT", unitClaims(map[string]any{"nonce": "x"})), ErrNonce},
		{"of another access token", &openid, s.sign(t, "JWT", unitClaims(map[string]any{"at_hash": "xxxxxxxxxxxxxxxxxxxxxx"})), ErrClaim},
		{"encrypted", &openid, "a.b.c.d.e", ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := map[string]any{"access_token": "at", "token_type": "Bearer"}
			if tt.idToken != "" {
				body["id_token"] = tt.idToken
			}
			s.answer("/token", unitJSON(t, body))
			c := s.client(t, nil)
			tok, err := c.ExchangeCode(context.Background(), unitResponse(t, s, c, tt.r), nil)
			if tt.kind == nil {
				if err != nil || tok.IDToken() == nil || tok.Subject() != "alice" {
					t.Fatalf("%v, %v", tok, err)
				}
				return
			}
			if tok != nil {
				t.Error("a token came with the error")
			}
			wantError(t, err, tt.kind, "")
		})
	}
}

func TestMaxAgeReachesIDToken(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	for age, kind := range map[int64]error{unitTime - 80: nil, unitTime - 100: ErrExpired} {
		resp := unitResponse(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, MaxAge: int64p(60)})
		s.answer(
			"/token",
			unitJSON(
				t,
				map[string]any{
					"access_token": "at",
					"token_type":   "Bearer",
					"id_token":     s.sign(t, "JWT", unitClaims(map[string]any{"nonce": resp.authorization.content.nonce, "auth_time": age})),
				},
			),
		)
		if _, err := c.ExchangeCode(context.Background(), resp, nil); !errors.Is(err, kind) {
			t.Errorf("auth_time %d: %v", age, err)
		}
	}
}

func TestGrantOptions(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", `{"access_token":"at","token_type":"Bearer"}`)
	c := s.client(t, nil)
	resp := unitResponse(t, s, c, &plainRequest)
	for _, name := range []string{"grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret", "client_assertion", "client_assertion_type", "resource", "scope"} {
		_, err := c.ExchangeCode(context.Background(), resp, &GrantOptions{Params: url.Values{name: {"x"}}})
		wantError(t, err, ErrConfig, "Params")
	}
	for _, name := range append([]string{"authorization", "dpop"}, reservedHeaders[:]...) {
		_, err := c.ExchangeCode(context.Background(), resp, &GrantOptions{Header: http.Header{name: {"x"}}})
		wantError(t, err, ErrConfig, "Header")
	}
	_, err := c.ExchangeCode(context.Background(), resp, &GrantOptions{Scope: []string{"never-asked-for"}})
	wantError(t, err, ErrConfig, "Scope")
	if _, err := c.ExchangeCode(context.Background(), resp, &GrantOptions{
		Resource: []string{"https://a.example"}, Params: url.Values{"x": {"y"}}, Header: http.Header{"X-Request-Id": {"1"}},
	}); err != nil {
		t.Fatal(err) // wrong options did not use the AuthorizationResponse up
	}
	r := s.requests("/token")[0]
	if r.form.Get("resource") != "https://a.example" || r.form.Get("x") != "y" || r.header.Get("X-Request-Id") != "1" {
		t.Errorf("request %v", r)
	}
}

func TestTokenSaved(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", unitJSON(t, map[string]any{
		"access_token": "at", "token_type": "Bearer", "refresh_token": "rt", "expires_in": 60, "scope": "openid x", "more": []int{1},
		"id_token": s.sign(t, "JWT", unitClaims(map[string]any{"sid": "session"})),
	}))
	c := s.client(t, nil)
	tok, err := c.ExchangeCode(
		context.Background(),
		unitResponse(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, InsecureNoNonce: true}),
		nil,
	)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := tok.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back Token
	if err := back.UnmarshalBinary(saved); err != nil {
		t.Fatal(err)
	}
	if back.IDToken() != nil || back.Subject() != "alice" || *back.login != *tok.login || back.server != tok.server || back.clientID != tok.clientID ||
		back.AccessToken.Reveal() != "at" || back.RefreshToken.Reveal() != "rt" || !back.Expiry.Equal(tok.Expiry) ||
		!slices.Equal(back.Scope, tok.Scope) || string(back.Extra["more"]) != "[1]" {
		t.Errorf("restored %v", &back)
	}
	for n := range saved {
		if err := new(Token).UnmarshalBinary(saved[:n]); !errors.Is(err, ErrParse) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if err := back.UnmarshalBinary(append(saved, 0)); !errors.Is(err, ErrParse) || back.Subject() != "alice" {
		t.Errorf("rest bytes: %v", err)
	}
	if _, err := json.Marshal(tok); err == nil || !strings.Contains(err.Error(), "MarshalBinary") {
		t.Errorf("JSON of a Token: %v", err)
	}
	_, err = (&Token{Extra: map[string]json.RawMessage{"x": json.RawMessage("{")}}).MarshalBinary()
	wantError(t, err, ErrConfig, "Extra")
	_, err = (&Token{AuthorizationDetails: []AuthorizationDetail{{}}}).MarshalBinary()
	wantError(t, err, ErrConfig, "AuthorizationDetails")
	tok.AuthorizationDetails = someDetails
	broken := strings.Replace(string(must(tok.MarshalBinary())), `{"more":[1]}`, `{"more":[1],`, 1)
	wantError(t, back.UnmarshalBinary([]byte(broken)), ErrParse, "")
}

// With an idempotency key net/http takes a POST for one that it may send again.
func TestHeaderNames(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	resp := unitResponse(t, s, c, &plainRequest)
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key", "x-idempotency-key", "", "X Y", "X\r\nY", "X:", "\u00e9"} {
		_, err := c.ExchangeCode(context.Background(), resp, &GrantOptions{Header: http.Header{name: {"x"}}})
		wantError(t, err, ErrConfig, "Header")
	}
}

// A user is known by issuer and subject; both outlive the ID token.
func TestTokenIssuer(t *testing.T) {
	tok := unitToken("alice")
	tok.login.issuer = unitIssuer
	saved, err := tok.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back Token
	if err := back.UnmarshalBinary(saved); err != nil || back.Issuer() != unitIssuer || back.Subject() != "alice" || new(Token).Issuer() != "" {
		t.Errorf("%s %s, %v", back.Issuer(), back.Subject(), err)
	}
}

// TestRequireACR: every ID token of the flow has an acr that was required; a refreshed
// one need not have any.
func TestRequireACR(t *testing.T) {
	type m = map[string]any
	require := AuthorizationRequest{
		RedirectURI:     "https://app.example/cb",
		Scope:           []string{"openid"},
		InsecureNoNonce: true,
		RequireACR:      []string{"gold", "silver"},
	}
	for name, tt := range map[string]struct {
		acr           any
		login, reload bool // is it good in the login, and in a refresh
	}{
		"one of them":  {"silver", true, true},
		"another":      {"Gold", false, false},
		"both":         {"gold silver", false, false},
		"a part":       {"gol", false, false},
		"empty":        {"", false, false},
		"none":         {unitRemoved, false, true},
		"not a string": {[]string{"gold"}, false, false},
	} {
		s := newUnitServer()
		c := s.client(t, nil)
		answer := func(acr any) {
			s.answer("/token", unitTokenBody(t, m{"refresh_token": "rt", "id_token": s.sign(t, "JWT", unitClaims(m{"acr": acr}))}))
		}
		answer(tt.acr)
		a := must(c.StartAuthorization(context.Background(), &require))
		if u := must(url.Parse(a.URL())); u.Query().Get("acr_values") != "gold silver" {
			t.Errorf("the request is %s", a.URL())
		}
		login := func() (*Token, error) {
			return c.ExchangeCode(context.Background(), unitResponse(t, s, c, &require), nil)
		}
		if _, err := login(); (err == nil) != tt.login {
			t.Errorf("login, %s: %v", name, err)
		} else if err != nil {
			wantError(t, err, ErrClaim, "acr")
		}
		answer("gold")
		var restored Token
		if err := restored.UnmarshalBinary(must(must(login()).MarshalBinary())); err != nil {
			t.Fatal(err)
		}
		answer(tt.acr)
		if fresh, err := c.Refresh(context.Background(), &restored, nil); (err == nil) != tt.reload || err == nil && fresh.ACR() != "gold" {
			t.Errorf("refresh, %s: %v, %v", name, fresh, err)
		}
	}
	for _, values := range [][]string{{}, {""}, {"gold", ""}, {"gold silver"}} {
		r := require
		r.RequireACR = values
		_, err := newUnitServer().client(t, nil).StartAuthorization(context.Background(), &r)
		wantError(t, err, ErrConfig, "RequireACR")
	}
	r := require
	r.Scope = nil
	_, err := newUnitServer().client(t, nil).StartAuthorization(context.Background(), &r)
	wantError(t, err, ErrConfig, "RequireACR")
	// The ID token that comes through the browser is one of the flow.
	s := newUnitServer()
	c := s.client(t, nil)
	front := require
	front.ResponseType, front.ResponseMode, front.InsecureNoNonce = "id_token", "form_post", false
	for acr, good := range map[string]bool{"gold": true, "other": false} {
		a := s.start(t, c, &front)
		idToken := s.sign(t, "JWT", unitClaims(m{"nonce": a.data().nonce, "acr": acr}))
		_, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"state": {a.State()}, "id_token": {idToken}})
		if (err == nil) != good {
			t.Errorf("%s through the browser: %v", acr, err)
		}
	}
}

// TestLoginStays: a refreshed ID token is no step-up, whatever it says.
func TestLoginStays(t *testing.T) {
	type m = map[string]any
	s := newUnitServer()
	c := s.client(t, nil)
	openid := AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, InsecureNoNonce: true}
	for name, tt := range map[string]struct {
		first m
		acr   string
		at    time.Time
	}{
		"said":              {m{"auth_time": unitTime - 5000, "acr": "1"}, "1", time.Unix(unitTime-5000, 0)},
		"said nothing":      {nil, "", time.Time{}},
		"before all time":   {m{"auth_time": -1}, "", time.Time{}},
		"when time began":   {m{"auth_time": 0}, "", time.Unix(0, 0)},
		"between two ticks": {m{"auth_time": unitTime - 1.5}, "", time.Unix(unitTime-2, 0)},
		"before an odd one": {m{"auth_time": unitTime - 0.5}, "", time.Unix(unitTime-1, 0)},
	} {
		s.answer("/token", unitTokenBody(t, m{"refresh_token": "rt", "id_token": s.sign(t, "JWT", unitClaims(tt.first))}))
		tok := must(c.ExchangeCode(context.Background(), unitResponse(t, s, c, &openid), nil))
		if !tok.AuthTime().Equal(tt.at) {
			t.Errorf("%s: the login was at %v", name, tok.AuthTime())
		}
		s.answer("/token", unitTokenBody(t, m{"id_token": s.sign(t, "JWT", unitClaims(m{"auth_time": unitTime, "acr": "2"}))}))
		for range 2 {
			var restored Token
			if err := restored.UnmarshalBinary(must(tok.MarshalBinary())); err != nil {
				t.Fatal(err)
			}
			tok = must(c.Refresh(context.Background(), &restored, nil))
			if tok.ACR() != tt.acr || !tok.AuthTime().Equal(tt.at) || tok.IDToken().ACR() != "2" || !tok.IDToken().AuthTime().Equal(unitNow()) {
				t.Errorf("%s: the login is %q at %v", name, tok.ACR(), tok.AuthTime())
			}
		}
	}
}

// TestTokenPresentation: a type that AllowTokenTypes lists is Bearer by another name, and no
// other type becomes one: a token that is bound to a key is presented with it.
func TestTokenPresentation(t *testing.T) {
	d := unitDPoP(t)
	for _, tt := range []struct {
		dpop    *DPoP
		allowed []string
		typ     string
		want    string
		kind    error
	}{
		{nil, nil, "Bearer", "Bearer at", nil},
		{nil, nil, "", "Bearer at", nil},
		{nil, nil, "BEARER", "Bearer at", nil},
		{nil, nil, "BearerToken", "", ErrTokenType},
		{nil, []string{"BearerToken"}, "bearertoken", "Bearer at", nil},
		{nil, []string{"BearerToken"}, "mac", "", ErrTokenType},
		{nil, []string{"BearerToken"}, "DPoP", "", ErrBinding},
		{d, []string{"BearerToken"}, "DPoP", "DPoP at", nil},
		{d, []string{"BearerToken", ""}, "dpop", "DPoP at", nil},
		{d, nil, "mac", "", ErrTokenType},
	} {
		s := newUnitServer()
		c := s.client(t, func(cfg *Config) { cfg.DPoP, cfg.AllowTokenTypes = tt.dpop, tt.allowed })
		got, err := c.authorization(&Token{AccessToken: NewSecret("at"), TokenType: tt.typ})
		if wantError(t, err, tt.kind, ""); got != tt.want {
			t.Errorf("a token of type %q, with %q allowed: %q, want %q", tt.typ, tt.allowed, got, tt.want)
		}
	}
}
