package oauthtest_test

import (
	"crypto/rand"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/oauth/oauthtest"
)

// pushed is the authorization URL that an answer of /par leads to.
func pushed(s *oauthtest.Server, a *answer) string {
	query := url.Values{"client_id": {"app"}, "request_uri": {a.str("request_uri")}}
	return s.URL() + "/authorize?" + query.Encode()
}

func TestPAR(t *testing.T) {
	now := time.Now()
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Now: func() time.Time { return now }})
	s.AddClient(oauthtest.Client{ID: "app", RedirectURIs: []string{redirectURI}, RequirePAR: true})
	s.AddClient(oauthtest.Client{ID: "other", RedirectURIs: []string{redirectURI}})
	push := func(changes map[string]string) *answer {
		t.Helper()
		return post(t, s.Client(), s.URL()+"/par", authorizationParams(changes), nil)
	}

	a := push(nil)
	if a.status != 201 || a.m["expires_in"] != 60.0 || a.header.Get("Cache-Control") != "no-store" ||
		!strings.HasPrefix(a.str("request_uri"), "urn:ietf:params:oauth:request_uri:") {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	cb, err := s.Authorize(t.Context(), pushed(s, a))
	if err != nil || cb.URL.Query().Get("state") != "the state" || cb.URL.Query().Get("code") == "" {
		t.Fatalf("%v, %v", cb, err)
	}
	for _, r := range s.Requests() {
		if r.Params.Get("nonce") != "the-nonce" {
			t.Errorf("recorded for %s: %v", r.Path, r.Params)
		}
	}
	if a := post(t, s.Client(), s.URL()+"/token", codeForm(cb.URL.Query().Get("code")), nil); a.status != 200 {
		t.Errorf("token: %s", a.body)
	}

	refused := func(name, target string) {
		t.Helper()
		if cb, err := s.Authorize(t.Context(), target); err == nil {
			t.Errorf("%s: redirected to %s", name, cb.URL)
		}
	}
	refused("used twice", pushed(s, a))
	refused("of another client", strings.Replace(pushed(s, push(nil)), "client_id=app", "client_id=other", 1))
	refused("contradicted", pushed(s, push(nil))+"&scope=openid+phone")
	refused("unknown", pushed(s, &answer{m: map[string]any{"request_uri": "urn:x"}}))
	a = push(nil)
	now = now.Add(time.Minute)
	refused("expired", pushed(s, a))
	if cb, err := s.Authorize(t.Context(), pushed(s, push(nil))+"&scope=openid+email&display=page"); err != nil {
		t.Errorf("with the same scope and a parameter without effect: %v, %v", cb, err)
	}
	if got := authorize(t, s, nil).Get("error"); got != "invalid_request" {
		t.Errorf("not pushed: error %q", got)
	}

	for name, tt := range map[string]struct {
		changes map[string]string
		want    string
	}{
		"unknown client":   {map[string]string{"client_id": "nobody"}, "invalid_client"},
		"redirect_uri":     {map[string]string{"redirect_uri": redirectURI + "x"}, "invalid_request"},
		"no PKCE":          {map[string]string{"code_challenge": "", "code_challenge_method": ""}, "invalid_request"},
		"response type":    {map[string]string{"response_type": "token"}, "unsupported_response_type"},
		"request_uri":      {map[string]string{"request_uri": "urn:x"}, "invalid_request"},
		"no such resource": {map[string]string{"resource": "x"}, "invalid_target"},
	} {
		if a := push(tt.changes); a.status != 400 || a.str("error") != tt.want {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// The parameters of client authentication are no part of the request.
func TestPARAuthentication(t *testing.T) {
	s := newServer(t, nil)
	s.AddClient(oauthtest.Client{ID: "app", Secret: longSecret, AuthMethod: "client_secret_post", RedirectURIs: []string{redirectURI}})
	form := authorizationParams(map[string]string{"client_secret": longSecret})
	a := post(t, s.Client(), s.URL()+"/par", form, nil)
	if a.status != 201 {
		t.Fatal(a.body)
	}
	for _, r := range s.Requests() {
		if r.Params.Has("client_secret") {
			t.Error("the secret is a parameter")
		}
	}
	form.Set("client_secret", "wrong")
	if a := post(t, s.Client(), s.URL()+"/par", form, nil); a.str("error") != "invalid_client" {
		t.Error(a.body)
	}
	meta := get(t, s, s.URL()+"/.well-known/openid-configuration", "")
	aliases, _ := meta.m["mtls_endpoint_aliases"].(map[string]any)
	if meta.str("pushed_authorization_request_endpoint") != s.URL()+"/par" || aliases["pushed_authorization_request_endpoint"] == nil {
		t.Errorf("metadata: %s", meta.body)
	}
}

// The login page is shown between request_uri and answer.
func TestPARInteractive(t *testing.T) {
	s := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256"}, Interactive: true})
	a := post(t, s.Client(), s.URL()+"/par", authorizationParams(nil), nil)
	cb, err := s.Authorize(t.Context(), pushed(s, a))
	if err != nil || cb.URL.Query().Get("code") == "" || s.Count("/login") != 1 {
		t.Errorf("%v, %v", cb, err)
	}
}

// remove takes a claim out.
var remove any = struct{}{}

func TestRequestObject(t *testing.T) {
	s := newServer(t, nil)
	// A second server signs: its key set is the client's.
	signer := newServer(t, &oauthtest.Options{SigningAlgs: []string{"ES256", "ES384"}})
	if _, err := signer.Sign("ES384", nil, 0); err != nil { // makes the key
		t.Fatal(err)
	}
	if _, err := signer.Sign("ES256", nil, 0); err != nil {
		t.Fatal(err)
	}
	s.AddClient(oauthtest.Client{
		ID: "app", RedirectURIs: []string{redirectURI}, RequestObjectAlg: "ES256", RequireSignedRequest: true,
		JWKS: []byte(get(t, signer, signer.URL()+"/jwks", "").body),
	})
	stranger := newServer(t, nil)

	object := func(signer *oauthtest.Server, alg string, header, changes map[string]any) string {
		now := time.Now().Unix()
		claims := map[string]any{"iss": "app", "aud": s.Issuer(), "jti": rand.Text(), "iat": now, "nbf": now, "exp": now + 60, "max_age": 3600}
		for name, values := range authorizationParams(nil) {
			claims[name] = values[0]
		}
		maps.Copy(claims, changes)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == remove })
		h := map[string]any{"typ": "oauth-authz-req+jwt"}
		maps.Copy(h, header)
		token, err := signer.Sign(alg, h, claims)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := func(changes map[string]any) string { return object(signer, "ES256", nil, changes) }

	now := time.Now().Unix()
	claim := func(name string, value any) string { return good(map[string]any{name: value}) }
	for name, tt := range map[string]struct {
		object string
		want   string // the error; "": none
	}{
		"good":                       {good(nil), ""},
		"typ in another case":        {object(signer, "ES256", map[string]any{"typ": "OAuth-Authz-Req+JWT"}, nil), ""},
		"client_id left out":         {claim("client_id", remove), ""},
		"one resource":               {claim("resource", "https://a.example"), ""},
		"two resources":              {claim("resource", []string{"https://a.example", "https://b.example"}), ""},
		"claims":                     {claim("claims", map[string]any{"id_token": nil}), ""},
		"authorization_details":      {claim("authorization_details", []any{map[string]any{"type": "x"}}), ""},
		"wrong type":                 {object(signer, "ES256", map[string]any{"typ": "JWT"}, nil), "invalid_request_object"},
		"no type":                    {object(signer, "ES256", map[string]any{"typ": nil}, nil), "invalid_request_object"},
		"another algorithm":          {object(signer, "ES384", nil, nil), "invalid_request_object"},
		"a stranger's key":           {object(stranger, "ES256", nil, nil), "invalid_request_object"},
		"a stranger's key, no kid":   {object(stranger, "ES256", map[string]any{"kid": nil}, nil), "invalid_request_object"},
		"crit":                       {object(signer, "ES256", map[string]any{"crit": []string{"x"}}, nil), "invalid_request_object"},
		"no JWT":                     {"x", "invalid_request_object"},
		"iss":                        {claim("iss", "other"), "invalid_request_object"},
		"no iss":                     {claim("iss", remove), "invalid_request_object"},
		"aud":                        {claim("aud", "https://other.example"), "invalid_request_object"},
		"two audiences":              {claim("aud", []string{s.Issuer(), "https://other.example"}), "invalid_request_object"},
		"no aud":                     {claim("aud", remove), "invalid_request_object"},
		"expired":                    {claim("exp", now), "invalid_request_object"},
		"no exp":                     {claim("exp", remove), "invalid_request_object"},
		"exp is a string":            {claim("exp", "tomorrow"), "invalid_request_object"},
		"for two hours":              {claim("exp", now+7200), "invalid_request_object"},
		"in one hour":                {claim("nbf", now+3600), "invalid_request_object"},
		"no nbf":                     {claim("nbf", remove), "invalid_request_object"},
		"issued in one hour":         {claim("iat", now+3600), "invalid_request_object"},
		"no iat":                     {claim("iat", remove), "invalid_request_object"},
		"no jti":                     {claim("jti", remove), "invalid_request_object"},
		"sub":                        {claim("sub", "app"), "invalid_request_object"},
		"request":                    {claim("request", "x"), "invalid_request_object"},
		"request_uri":                {claim("request_uri", "urn:x"), "invalid_request_object"},
		"another client_id":          {claim("client_id", "other"), "invalid_request_object"},
		"max_age as a string":        {claim("max_age", "3600"), "invalid_request_object"},
		"claims as a string":         {claim("claims", `{"id_token":null}`), "invalid_request_object"},
		"details as a string":        {claim("authorization_details", `[{"type":"x"}]`), "invalid_request_object"},
		"scope as an array":          {claim("scope", []string{"openid"}), "invalid_request_object"},
		"state as a number":          {claim("state", 1), "invalid_request_object"},
		"a bad request in an object": {claim("prompt", "none login"), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"client_id": {"app"}, "request": {tt.object}}
			a := post(t, s.Client(), s.URL()+"/par", form, nil)
			if a.str("error") != tt.want || (a.status == 201) != (tt.want == "") {
				t.Errorf("%d %s, want %q", a.status, a.body, tt.want)
			}
			if a.status != 201 {
				return
			}
			if cb, err := s.Authorize(t.Context(), pushed(s, a)); err != nil || cb.URL.Query().Get("code") == "" {
				t.Errorf("%v, %v", cb, err)
			}
			if a := post(t, s.Client(), s.URL()+"/par", form, nil); a.str("error") != "invalid_request_object" {
				t.Errorf("a second time: %s", a.body)
			}
		})
	}
	for name, form := range map[string]url.Values{
		"a parameter beside it": {"client_id": {"app"}, "scope": {"openid email"}, "request": {good(nil)}},
		"not signed":            authorizationParams(nil),
	} {
		if a := post(t, s.Client(), s.URL()+"/par", form, nil); a.str("error") != "invalid_request" {
			t.Errorf("%s: %s", name, a.body)
		}
	}

	// By value.
	for name, tt := range map[string]struct {
		query url.Values
		want  string // "": a page; else a parameter of the answer
	}{
		"good":           {url.Values{"client_id": {"app"}, "response_type": {"code"}, "scope": {"openid"}, "request": {claim("scope", "openid")}}, "code"},
		"part of scope":  {url.Values{"client_id": {"app"}, "response_type": {"code"}, "scope": {"openid"}, "request": {good(nil)}}, "code"},
		"no more than":   {url.Values{"client_id": {"app"}, "request": {claim("scope", "email")}}, "code"},
		"without effect": {url.Values{"client_id": {"app"}, "display": {"page"}, "request": {claim("scope", "email")}}, "code"},
		"contradiction":  {url.Values{"client_id": {"app"}, "scope": {"email profile"}, "request": {claim("scope", "email")}}, ""},
		"Core 6.1":       {url.Values{"client_id": {"app"}, "request": {good(nil)}}, ""},
		"unknown client": {url.Values{"client_id": {"nobody"}, "request": {good(nil)}}, ""},
		"no client":      {url.Values{"request": {good(nil)}}, ""},
		"bad object":     {url.Values{"client_id": {"app"}, "request": {claim("iss", "other")}}, ""},
		"not signed":     {authorizationParams(nil), "error"},
	} {
		t.Run("by value/"+name, func(t *testing.T) {
			cb, err := s.Authorize(t.Context(), s.URL()+"/authorize?"+tt.query.Encode())
			if (err != nil) != (tt.want == "") || tt.want != "" && !cb.URL.Query().Has(tt.want) {
				t.Errorf("%v, %v", cb, err)
			}
		})
	}
}

func TestPanicsOfRequestObjects(t *testing.T) {
	s := newServer(t, nil)
	for name, c := range map[string]oauthtest.Client{
		"signature":        {RequestObjectAlg: "none"},
		"response":         {AuthorizationAlg: "RS256"},
		"key management":   {RequestObjectEncryptionAlg: "RSA1_5"},
		"encryption":       {RequestObjectEncryptionAlg: "ECDH-ES", RequestObjectEncryptionEnc: "A192GCM"},
		"encryption alone": {RequestObjectEncryptionEnc: "A128GCM"},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			c.ID = "x"
			s.AddClient(c)
		}()
	}
}
