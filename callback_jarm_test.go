package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
)

var jarmRequest = AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseMode: "jwt"}

// TestJARM changes the claims of a good JWT response: JARM, Section 2.4.
func TestJARM(t *testing.T) {
	type m = map[string]any
	const guid = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	template := func(c *Config) {
		tenants("https://login.example/{tenantid}/v2", true)(c)
		c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256}
	}
	tests := []struct {
		name   string
		change m
		typ    string
		forged bool
		config func(*Config)
		kind   error
		param  string
	}{
		{name: "good"},
		{name: "signature of another", forged: true, kind: ErrSignature},
		{name: "iss missing", change: m{"iss": unitRemoved}, kind: ErrClaim, param: "iss"},
		{name: "iss number", change: m{"iss": 1}, kind: ErrClaim, param: "iss"},
		{name: "iss other", change: m{"iss": "https://evil.example"}, kind: ErrIssuer, param: "iss"},
		{name: "iss of a tenant", change: m{"iss": "https://login.example/" + guid + "/v2"}, config: template},
		{name: "iss like a tenant", change: m{"iss": "https://login.example/x/v2"}, config: template, kind: ErrIssuer, param: "iss"},
		{name: "aud missing", change: m{"aud": unitRemoved}, kind: ErrClaim, param: "aud"},
		{name: "aud other", change: m{"aud": "client-2"}, kind: ErrAudience, param: "aud"},
		{name: "aud in other case", change: m{"aud": strings.ToUpper(unitClient)}, kind: ErrAudience, param: "aud"},
		{name: "aud list", change: m{"aud": []string{unitClient}}},
		{name: "aud not alone", change: m{"aud": []string{unitClient, "client-2"}}, kind: ErrAudience, param: "aud"},
		{name: "aud empty list", change: m{"aud": []string{}}, kind: ErrAudience, param: "aud"},
		{name: "aud number", change: m{"aud": 1}, kind: ErrClaim, param: "aud"},
		{name: "exp missing", change: m{"exp": unitRemoved}, kind: ErrClaim, param: "exp"},
		{name: "exp string", change: m{"exp": "x"}, kind: ErrClaim, param: "exp"},
		{name: "expired", change: m{"exp": unitTime - 30}, kind: ErrExpired, param: "exp"},
		{name: "nbf ahead", change: m{"nbf": unitTime + 31}, kind: ErrNotYetValid, param: "nbf"},
		{name: "state missing", change: m{"state": unitRemoved}, kind: ErrState, param: "state"},
		{name: "state other", change: m{"state": "x"}, kind: ErrState, param: "state"},
		{name: "state number", change: m{"state": 1}, kind: ErrClaim, param: "state"},
		{name: "code missing", change: m{"code": unitRemoved}, kind: ErrClaim, param: "code"},
		{name: "code with half of a surrogate pair", change: m{"code": json.RawMessage(`"\ud800"`)}, kind: ErrClaim, param: "code"},
		{name: "description with half of a surrogate pair", change: m{"error_description": json.RawMessage(`"\ud800"`)}},
		{name: "code number", change: m{"code": 1}, kind: ErrClaim, param: "code"},
		{name: "code null", change: m{"code": nil}, kind: ErrClaim, param: "code"},
		{name: "error", change: m{"error": "access_denied"}, kind: ErrRefused},
		{name: "error number", change: m{"error": 1}, kind: ErrClaim, param: "error"},
		{name: "error object", change: m{"error": m{}}, kind: ErrClaim, param: "error"},
		{name: "expires_in number", change: m{"expires_in": 3600}},
		{name: "id_token", change: m{"id_token": "x"}, kind: ErrClaim, param: "id_token"},
		{name: "id_token number", change: m{"id_token": 1}, kind: ErrClaim, param: "id_token"},
		{name: "access_token", change: m{"access_token": "x"}, kind: ErrClaim, param: "access_token"},
		{name: "access_token number", change: m{"access_token": 1}, kind: ErrClaim, param: "access_token"},
		{name: "an access token's type", typ: "at+jwt", kind: ErrType, param: "typ"},
		{name: "alg not configured", config: func(c *Config) { c.Metadata.AuthorizationSignedResponseAlg = PS256 }, kind: ErrAlgorithm, param: "alg"},
		{
			name:   "alg not listed",
			config: func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{RS256, PS256} },
			kind:   ErrAlgorithm,
			param:  "alg",
		},
		{
			name:   "alg not RS256, nothing says another",
			config: func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = nil },
			kind:   ErrAlgorithm,
			param:  "alg",
		},
		{name: "alg configured against the list", config: func(c *Config) {
			c.Metadata.AuthorizationSignedResponseAlg, c.Server.AuthorizationSigningAlgValuesSupported = ES256, []Algorithm{RS256}
		}},
		{name: "iss parameter announced", config: func(c *Config) {
			c.Server.AuthorizationResponseIssParameterSupported, c.Server.AuthorizationSigningAlgValuesSupported = true, []Algorithm{ES256}
		}},
	}
	s := newUnitServer()
	listed := func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256} }
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.config == nil {
				tt.config = listed
			}
			c := s.client(t, tt.config)
			a := s.start(t, c, &jarmRequest)
			claims := m{"iss": unitIssuer, "aud": unitClient, "exp": unitTime + 60, "code": "the-code", "state": a.State()}
			for name, v := range tt.change {
				claims[name] = v
				if v == unitRemoved {
					delete(claims, name)
				}
			}
			response := s.sign(t, tt.typ, claims)
			if other := s.sign(t, tt.typ, m{}); tt.forged {
				response = response[:strings.LastIndex(response, ".")] + other[strings.LastIndex(other, "."):]
			}
			resp, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"response": {response}})
			if tt.kind == nil {
				if err != nil || resp.code.Reveal() != "the-code" {
					t.Fatalf("%v, %v", resp, err)
				}
				return
			}
			if resp != nil {
				t.Error("an AuthorizationResponse came with the error")
			}
			wantError(t, err, tt.kind, tt.param)
		})
	}
	if n := len(s.requests("")); n > 0 {
		t.Errorf("%d requests were made", n)
	}
}

// A JWT was asked for: nothing unsigned or forged is accepted in its place, errors
// included, and nothing beside it counts.
func TestJARMDowngrade(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256} })
	a := s.start(t, c, &jarmRequest)
	for name, params := range map[string]url.Values{
		"plain":          {"code": {"x"}, "state": {a.State()}},
		"plain error":    {"error": {"access_denied"}, "state": {a.State()}},
		"empty response": {"response": {""}, "code": {"x"}, "state": {a.State()}},
	} {
		_, err := c.ValidateAuthorizationResponse(context.Background(), a, params)
		if !errors.Is(err, ErrClaim) || errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	response := forged(t, s, map[string]any{"iss": unitIssuer, "aud": unitClient, "exp": unitTime + 60, "code": "x", "state": a.State()})
	if _, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"response": {response}}); !errors.Is(err, ErrSignature) {
		t.Errorf("forged: %v", err)
	}
	token := s.sign(t, "", map[string]any{"iss": unitIssuer, "aud": unitClient, "exp": unitTime + 60, "state": a.State()})
	_, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"response": {token}, "code": {"injected"}})
	wantError(t, err, ErrClaim, "code")
}

// TestJARMKeyIssuer: a key that says whose it is signs nobody else's responses.
func TestJARMKeyIssuer(t *testing.T) {
	const template, guid = "https://login.example/{tenantid}/v2", "72f988bf-86f1-41af-91ab-2d7cd011db47"
	tenant := strings.Replace(template, tenantPlaceholder, guid, 1)
	for _, tt := range []struct {
		name, owner, issuer, iss string
		kind                     error
	}{
		{"nobody's", "", unitIssuer, unitIssuer, nil},
		{"the server's", unitIssuer, unitIssuer, unitIssuer, nil},
		{"another's", "https://other.example", unitIssuer, unitIssuer, ErrIssuer},
		{"the server's in capitals", "https://OP.example", unitIssuer, unitIssuer, ErrIssuer},
		{"that of all tenants", template, template, tenant, nil},
		{"the tenant's", tenant, template, tenant, nil},
		{"another tenant's", strings.Replace(tenant, "7", "8", 1), template, tenant, ErrIssuer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			key := map[string]any{}
			if err := json.Unmarshal(s.key.PublicJWK(), &key); err != nil {
				t.Fatal(err)
			}
			if tt.owner != "" {
				key["issuer"] = tt.owner
			}
			s.answer("/jwks", unitJSON(t, map[string]any{"keys": []any{key}}))
			c := s.client(t, func(c *Config) {
				c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256}
				if tt.issuer == template {
					tenants(template, true)(c)
				}
			})
			a := s.start(t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", ResponseMode: "jwt"})
			_, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"response": {s.sign(t, "JWT", map[string]any{
				"iss": tt.iss, "aud": unitClient, "exp": unitTime + 60, "code": "the-code", "state": a.State(),
			})}})
			if !errors.Is(err, tt.kind) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestJARMAlgorithmOfNothing(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{"none"} })
	_, err := c.StartAuthorization(context.Background(), &jarmRequest)
	wantError(t, err, ErrAlgorithm, "Server.AuthorizationSigningAlgValuesSupported")
}

// TestJARMConfiguredOtherwise: the client that a response comes to may be another one
// than that which began, after a restart say. What it cannot verify is refused.
func TestJARMConfiguredOtherwise(t *testing.T) {
	s := newUnitServer()
	listed := func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256} }
	for _, tt := range []struct {
		name   string
		change func(*Config)
		kind   error
		param  string
	}{
		{"the same", nil, nil, ""},
		{"an algorithm of nothing", func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{"none"} }, ErrAlgorithm, "Server.AuthorizationSigningAlgValuesSupported"},
		{"no keys", func(c *Config) { c.Server.JWKSURI = "" }, ErrConfig, "jwks_uri"},
	} {
		a := s.start(t, s.client(t, listed), &jarmRequest)
		response := s.sign(t, "", map[string]any{"iss": unitIssuer, "aud": unitClient, "exp": unitTime + 60, "code": "the-code", "state": a.State()})
		c := s.client(t, func(c *Config) {
			if listed(c); tt.change != nil {
				tt.change(c)
			}
		})
		resp, err := c.ValidateAuthorizationResponse(context.Background(), a, url.Values{"response": {response}})
		if tt.kind == nil && err == nil {
			continue
		}
		if wantError(t, err, tt.kind, tt.param); resp != nil {
			t.Errorf("%s: a Callback came with the error", tt.name)
		}
	}
}

func leftHash(s string) string {
	h := sha256.Sum256([]byte(s))
	return encodeBase64URL(h[:16])
}

// TestHybrid changes what comes in a response with an ID token: OIDC Core
// 3.3.2.11 and FAPI 1 Advanced 5.2.2.1.
func TestHybrid(t *testing.T) {
	type m = map[string]any
	detached := func(c *Config) { c.DetachedSignature = true }
	tests := []struct {
		name   string
		claims m
		params url.Values
		config func(*Config)
		second m // changes to the ID token from the token endpoint
		kind   error
		param  string
	}{
		{name: "good"},
		{name: "id_token missing", params: url.Values{"id_token": nil}, kind: ErrClaim, param: "id_token"},
		{name: "code missing", params: url.Values{"code": nil}, kind: ErrClaim, param: "code"},
		{name: "access_token", params: url.Values{"access_token": {"x"}}, kind: ErrClaim, param: "access_token"},
		{name: "c_hash missing", claims: m{"c_hash": unitRemoved}, kind: ErrClaim, param: "c_hash"},
		{name: "c_hash other", claims: m{"c_hash": leftHash("x")}, kind: ErrClaim, param: "c_hash"},
		{name: "nonce missing", claims: m{"nonce": unitRemoved}, kind: ErrNonce},
		{name: "nonce other", claims: m{"nonce": "x"}, kind: ErrNonce},
		{name: "old", claims: m{"iat": unitTime - 3631}, kind: ErrExpired, param: "iat"},
		{name: "s_hash missing", config: detached, kind: ErrClaim, param: "s_hash"},
		{name: "s_hash other", claims: m{"s_hash": leftHash("x")}, kind: ErrClaim, param: "s_hash"},
		{name: "s_hash other, required", claims: m{"s_hash": leftHash("x")}, config: detached, kind: ErrClaim, param: "s_hash"},
		{name: "s_hash", claims: m{"s_hash": "state"}, config: detached},
		{name: "iss announced and left out", config: func(c *Config) { c.Server.AuthorizationResponseIssParameterSupported = true }},
		{name: "iss of another", params: url.Values{"iss": {"https://evil.example"}}, kind: ErrIssuer, param: "iss"},
		{name: "second token of another user", second: m{"sub": "mallory"}, kind: ErrClaim, param: "sub"},
		{name: "second token of a user in other case", second: m{"sub": "Alice"}, kind: ErrClaim, param: "sub"},
		{name: "second token without nonce", second: m{"nonce": unitRemoved}, kind: ErrNonce},
		{name: "second token with a wrong c_hash", second: m{"c_hash": leftHash("x")}, kind: ErrClaim, param: "c_hash"},
		{name: "second token with the right c_hash", second: m{"c_hash": leftHash("the-code")}},
		{name: "second token with a wrong s_hash", second: m{"s_hash": leftHash("x")}, kind: ErrClaim, param: "s_hash"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			c := s.client(t, tt.config)
			a := s.start(
				t,
				c,
				&AuthorizationRequest{
					RedirectURI:  "https://app.example/cb",
					Scope:        []string{"openid"},
					ResponseType: "code id_token",
					ResponseMode: "fragment",
				},
			)
			first := m{"nonce": a.content.nonce, "c_hash": leftHash("the-code")}
			for name, v := range tt.claims {
				first[name] = v
				if v == "state" {
					first[name] = leftHash(a.State())
				}
			}
			params := url.Values{"code": {"the-code"}, "state": {a.State()}, "id_token": {s.sign(t, "", unitClaims(first))}}
			for name, v := range tt.params {
				params[name] = v
				if v == nil {
					params.Del(name)
				}
			}
			second := m{"nonce": a.content.nonce}
			for name, v := range tt.second {
				second[name] = v
			}
			s.answer("/token", unitJSON(t, m{"access_token": "at", "token_type": "Bearer", "id_token": s.sign(t, "", unitClaims(second))}))
			resp, err := c.ValidateAuthorizationResponse(context.Background(), a, params)
			if tt.second == nil && tt.kind != nil {
				if resp != nil || len(s.requests("")) > 0 {
					t.Error("something came of it")
				}
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tok, err := c.ExchangeCode(context.Background(), resp, nil)
			if tt.kind != nil {
				if tok != nil {
					t.Error("a token came with the error")
				}
				wantError(t, err, tt.kind, tt.param)
				return
			}
			if err != nil || tok.Subject() != "alice" {
				t.Fatal(err)
			}
		})
	}
}

// The issuers of the two ID tokens of a hybrid flow can differ only where the
// configured one is a template.
func TestHybridTenants(t *testing.T) {
	const guid, other = "72f988bf-86f1-41af-91ab-2d7cd011db47", "82f988bf-86f1-41af-91ab-2d7cd011db47"
	s := newUnitServer()
	c := s.client(t, tenants("https://login.example/{tenantid}/v2", true))
	claims := func(tid, nonce string) map[string]any {
		return unitClaims(map[string]any{"iss": "https://login.example/" + tid + "/v2", "tid": tid, "nonce": nonce, "c_hash": leftHash("the-code")})
	}
	for _, tt := range []struct {
		responseType, iss, first, second string
		kind                             error
		late                             bool // the code was exchanged
	}{
		{"code id_token", "", guid, guid, nil, true},
		{"code id_token", guid, guid, guid, nil, true},
		{"code id_token", other, guid, guid, ErrIssuer, false},
		{"code id_token", "", guid, other, ErrIssuer, true},
		{"code id_token", "", guid, strings.ToUpper(guid), ErrIssuer, true},
		{"id_token", "", guid, "", nil, false},
		{"id_token", guid, guid, "", nil, false},
		{"id_token", other, guid, "", ErrIssuer, false},
		{"id_token", strings.ToUpper(guid), guid, "", ErrIssuer, false},
	} {
		a := s.start(
			t,
			c,
			&AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseType: tt.responseType, ResponseMode: "fragment"},
		)
		s.answer(
			"/token",
			unitJSON(t, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": s.sign(t, "", claims(tt.second, a.content.nonce))}),
		)
		params := url.Values{"state": {a.State()}, "id_token": {s.sign(t, "", claims(tt.first, a.content.nonce))}}
		if a.content.wants("code") {
			params.Set("code", "the-code")
		}
		if tt.iss != "" {
			params.Set("iss", "https://login.example/"+tt.iss+"/v2")
		}
		before := len(s.requests("/token"))
		resp, err := c.ValidateAuthorizationResponse(context.Background(), a, params)
		if err == nil {
			_, err = c.ExchangeCode(context.Background(), resp, nil)
		}
		if !errors.Is(err, tt.kind) || tt.late != (len(s.requests("/token")) > before) {
			t.Errorf("%v: %v", tt, err)
		}
	}
}

// A login by an ID token alone makes no request but for the keys.
func TestIDTokenResponse(t *testing.T) {
	s := newUnitServer()
	// There is no token endpoint: none is needed.
	c := s.client(t, func(c *Config) { c.Auth, c.Server.TokenEndpoint = nil, "" })
	r := &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseType: "id_token", ResponseMode: "fragment"}
	a, form := startForm(t, s, c, r)
	if form.Has("code_challenge") || form.Get("response_type") != "id_token" || form.Get("nonce") == "" {
		t.Errorf("URL has %v", form)
	}
	params := url.Values{"state": {a.State()}, "id_token": {s.sign(t, "", unitClaims(map[string]any{"nonce": a.content.nonce}))}}
	resp, err := c.ValidateAuthorizationResponse(context.Background(), a, params)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := c.ExchangeCode(context.Background(), resp, nil)
	if err != nil || tok.Subject() != "alice" || tok.IDToken() == nil || !tok.AccessToken.IsZero() || len(s.requests("")) > 0 {
		t.Errorf("%v, %v", tok, err)
	}
	// It is this client's, of this server.
	for name, change := range map[string]func(*Config){
		"client": func(c *Config) { c.Metadata.ClientID = "client-2" },
		"server": func(c *Config) { c.Server.Issuer = "https://other.example" },
	} {
		another := s.client(t, func(c *Config) {
			c.Server.EndSessionEndpoint = unitIssuer + "/end"
			change(c)
		})
		if _, err := another.EndSessionURL(&EndSessionRequest{Token: tok}); !errors.Is(err, ErrConfig) {
			t.Errorf("another %s takes the token: %v", name, err)
		}
	}
	_, err = c.ExchangeCode(context.Background(), resp, nil)
	wantError(t, err, ErrReplay, "AuthorizationResponse")
	a, _ = startForm(t, s, c, r)
	params.Set("state", a.State())
	params.Set("code", "x")
	_, err = c.ValidateAuthorizationResponse(context.Background(), a, params)
	wantError(t, err, ErrClaim, "code")
}

func TestResponseTypesAndModes(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256} })
	for _, tt := range []struct {
		typ, mode string
		ok        bool
	}{
		{"code", "", true}, {"code", "query", true}, {"code", "form_post", true}, {"code", "fragment", true},
		{"code", "jwt", true}, {"code", "query.jwt", true}, {"code", "form_post.jwt", true}, {"code", "fragment.jwt", true},
		{"code id_token", "", false}, {"code id_token", "query", false}, {"code id_token", "jwt", false}, {"code id_token", "query.jwt", false},
		{"code id_token", "form_post", true}, {"code id_token", "fragment", true}, {"code id_token", "form_post.jwt", true}, {"code id_token", "fragment.jwt", true},
		{"id_token", "", false}, {"id_token", "form_post", true}, {"id_token code", "form_post", false},
		{"Code", "", false}, {"code", "Query", false}, {"code", "JWT", false}, {"code", "Form_Post", false}, {"ID_TOKEN", "form_post", false},
	} {
		_, err := c.StartAuthorization(
			context.Background(),
			&AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseType: tt.typ, ResponseMode: tt.mode},
		)
		if tt.ok != (err == nil) || err != nil && !errors.Is(err, ErrConfig) {
			t.Errorf("%s by %q: %v", tt.typ, tt.mode, err)
		}
	}
	for _, r := range []AuthorizationRequest{
		{ResponseType: "id_token", ResponseMode: "form_post"},
		{ResponseType: "code id_token", ResponseMode: "form_post"},
		{ResponseType: "id_token", ResponseMode: "form_post", Scope: []string{"openid"}, InsecureNoNonce: true},
	} {
		r.RedirectURI = "https://app.example/cb"
		_, err := c.StartAuthorization(context.Background(), &r)
		wantError(t, err, ErrConfig, "ResponseType")
	}
}

func TestAuthorizationDetails(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, nil)
	detail := AuthorizationDetail{
		Type:       "pay",
		Locations:  []string{"https://a.example"},
		Identifier: "7",
		Extra:      map[string]json.RawMessage{"amount": json.RawMessage(`{"eur":1}`)},
	}
	_, form := startForm(t, s, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", AuthorizationDetails: []AuthorizationDetail{detail}})
	const text = `[{"type":"pay","locations":["https://a.example"],"identifier":"7","amount":{"eur":1}}]`
	if got := form.Get("authorization_details"); got != text {
		t.Errorf("sent %s", got)
	}
	_, err := c.StartAuthorization(
		context.Background(),
		&AuthorizationRequest{RedirectURI: "https://app.example/cb", AuthorizationDetails: []AuthorizationDetail{{}}},
	)
	wantError(t, err, ErrConfig, "AuthorizationDetails")
	for _, body := range []string{text, `[]`, `null`, `{}`, `[1]`, `[{}]`, `[{"type":1}]`, `"x"`, `[{"type":"a","actions":"b"}]`} {
		s.answer("/token", `{"access_token":"at","token_type":"Bearer","authorization_details":`+body+`}`)
		tok, err := c.ExchangeCode(
			context.Background(),
			unitResponse(t, s, c, &plainRequest),
			&GrantOptions{AuthorizationDetails: []AuthorizationDetail{detail}},
		)
		if err != nil { // the code is spent
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
		if raw := string(tok.Extra["authorization_details"]); raw != body && tok.AuthorizationDetails == nil {
			t.Errorf("%s is not kept, but %q", body, raw)
		}
		if body == text && (unitJSON(t, tok.AuthorizationDetails) != text || unitJSON(t, back.AuthorizationDetails) != text || tok.Extra != nil) {
			t.Errorf("granted %v, restored %v", tok.AuthorizationDetails, back.AuthorizationDetails)
		}
	}
	r := s.requests("/token")
	if got := r[len(r)-1].form.Get("authorization_details"); got != text {
		t.Errorf("token request with %s", got)
	}
	if !slices.Contains(reservedParams, "authorization_details") {
		t.Error("Params can name authorization_details")
	}
}
