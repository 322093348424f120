package oauth

// Tests of the middleware and of what the resource server answers.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// serve sends a request through Require and returns the answer, and the token
// that the handler got.
func serve(rs *ResourceServer, need Requirement, r *http.Request) (w *httptest.ResponseRecorder, got *AccessToken) {
	w = httptest.NewRecorder()
	rs.Require(need, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ = AccessTokenFromContext(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})).ServeHTTP(w, r)
	return w, got
}

func TestRequire(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	gold := map[string]any{"acr": "gold", "auth_time": unitTime - 100}
	for _, tt := range []struct {
		name   string
		claims map[string]any
		need   Requirement
		status int
		code   string
		kind   error
		param  string
	}{
		{"nothing", nil, Requirement{}, 204, "", nil, ""},
		{"scope", nil, Requirement{Scope: []string{"read"}}, 204, "", nil, ""},
		{"scopes", nil, Requirement{Scope: []string{"write", "read"}}, 204, "", nil, ""},
		{"one of two", nil, Requirement{Scope: []string{"read", "admin"}}, 403, codeInsufficientScope, ErrScope, "scope"},
		{"a part of a scope", nil, Requirement{Scope: []string{"rea"}}, 403, codeInsufficientScope, ErrScope, "scope"},
		{"scope in other case", nil, Requirement{Scope: []string{"Read"}}, 403, codeInsufficientScope, ErrScope, "scope"},
		{"no scope", map[string]any{"scope": unitRemoved}, Requirement{Scope: []string{"read"}}, 403, codeInsufficientScope, ErrScope, "scope"},
		{"acr", gold, Requirement{ACRValues: []string{"silver", "gold"}}, 204, "", nil, ""},
		{"another acr", gold, Requirement{ACRValues: []string{"silver"}}, 401, codeInsufficientAuthentication, ErrClaim, "acr"},
		{"acr in other case", gold, Requirement{ACRValues: []string{"Gold"}}, 401, codeInsufficientAuthentication, ErrClaim, "acr"},
		{"no acr", nil, Requirement{ACRValues: []string{"gold"}}, 401, codeInsufficientAuthentication, ErrClaim, "acr"},
		{"age", gold, Requirement{MaxAge: int64p(100)}, 204, "", nil, ""},
		{"no age", map[string]any{"auth_time": unitTime + 600}, Requirement{MaxAge: int64p(0)}, 204, "", nil, ""},
		{"age within tolerance", gold, Requirement{MaxAge: int64p(70)}, 204, "", nil, ""},
		{"too old", gold, Requirement{MaxAge: int64p(69)}, 401, codeInsufficientAuthentication, ErrExpired, "auth_time"},
		{"no auth_time", nil, Requirement{MaxAge: int64p(1 << 40)}, 401, codeInsufficientAuthentication, ErrClaim, "auth_time"},
		{"auth_time ahead", map[string]any{"auth_time": unitTime + 601}, Requirement{MaxAge: int64p(100)}, 401, codeInsufficientAuthentication, ErrNotYetValid, "auth_time"},
		{"expired", map[string]any{"exp": unitTime - 100}, Requirement{Scope: []string{"read"}}, 401, codeInvalidToken, ErrExpired, "exp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw := s.accessToken(t, tt.claims)
			w, got := serve(rs, tt.need, bearer(raw))
			if w.Code != tt.status || (got != nil) != (tt.status == 204) {
				t.Fatalf("status %d, token %v", w.Code, got)
			}
			token, err := rs.Authenticate(bearer(raw))
			if err == nil {
				err = rs.Check(token, tt.need)
			}
			if tt.kind == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, tt.kind, tt.param)
			var body struct {
				Error       string `json:"error"`
				Description string `json:"error_description"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error != tt.code || body.Description == "" {
				t.Errorf("%s %v", w.Body, err)
			}
			again := httptest.NewRecorder()
			rs.WriteError(again, err)
			if again.Code != w.Code || again.Body.String() != w.Body.String() {
				t.Errorf("WriteError: %d %s", again.Code, again.Body)
			}
		})
	}
}

// TestChallenges is what clients read.
func TestChallenges(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	const meta = "https://api.example/.well-known/oauth-protected-resource"
	common := map[string]string{"realm": unitResource, "resource_metadata": meta}
	with := func(params ...string) map[string]string {
		m := map[string]string{}
		for name, v := range common {
			m[name] = v
		}
		for i := 0; i < len(params); i += 2 {
			m[params[i]] = params[i+1]
		}
		return m
	}
	const algs = "ES256 PS256"
	bound := s.accessToken(t, boundTo(key))
	stepUp := Requirement{Scope: []string{"read"}, ACRValues: []string{"gold", "silver"}, MaxAge: int64p(300)}
	text := refusalTexts.find
	for _, tt := range []struct {
		name         string
		need         Requirement
		r            *http.Request
		status       int
		bearer, dpop map[string]string
	}{
		{"no credentials", Requirement{Scope: []string{"read", "x"}, ACRValues: []string{"gold"}, MaxAge: int64p(5)}, apiRequest(), 401, with("scope", "read x"), with("scope", "read x", "algs", algs)},
		{"unknown ones", Requirement{}, apiRequest("Basic YTpi"), 401, with(), with("algs", algs)},
		{"malformed", Requirement{}, apiRequest("Bearer a b"), 400, with("error", codeInvalidRequest, "error_description", text(codeInvalidRequest)), with("algs", algs)},
		{"bad token", Requirement{}, bearer("x"), 401, with("error", codeInvalidToken, "error_description", text(codeInvalidToken)), with("algs", algs)},
		{"bad token as DPoP", Requirement{}, apiRequest("DPoP x"), 401, with(), with("algs", algs, "error", codeInvalidToken, "error_description", text(codeInvalidToken))},
		{"bound as Bearer", Requirement{}, bearer(bound), 401, with("error", codeInvalidToken, "error_description", text(codeInvalidToken)), with("algs", algs)},
		{"DPoP in small letters", Requirement{}, apiRequest("dpop x"), 401, with(), with("algs", algs, "error", codeInvalidToken, "error_description", text(codeInvalidToken))},
		{"too long as DPoP", Requirement{}, apiRequest("DPoP " + strings.Repeat("x", maxToken)), 401, with(), with("algs", algs, "error", codeInvalidToken, "error_description", text(codeInvalidToken))},
		{"no proof", Requirement{}, apiRequest("DPoP " + bound), 401, with(), with("algs", algs, "error", codeInvalidProof, "error_description", text(codeInvalidProof))},
		{"scope", Requirement{Scope: []string{"admin"}}, bearer(s.accessToken(t, nil)), 403, with("error", codeInsufficientScope, "error_description", text(codeInsufficientScope), "scope", "admin"), with("scope", "admin", "algs", algs)},
		{"scope, bound", Requirement{Scope: []string{"admin"}}, provenRequestOf(bound, signProof(t, key, nil, proofClaims(bound, nil))), 403, with("scope", "admin"), with("error", codeInsufficientScope, "error_description", text(codeInsufficientScope), "scope", "admin", "algs", algs)},
		{
			"step up", stepUp, bearer(s.accessToken(t, nil)), 401,
			with("error", codeInsufficientAuthentication, "error_description", text(codeInsufficientAuthentication), "scope", "read", "acr_values", "gold silver", "max_age", "300"),
			with("scope", "read", "acr_values", "gold silver", "max_age", "300", "algs", algs),
		},
		{
			"step up in time alone", Requirement{MaxAge: int64p(0)}, bearer(s.accessToken(t, map[string]any{"auth_time": unitTime - 100})), 401,
			with("error", codeInsufficientAuthentication, "error_description", text(codeInsufficientAuthentication), "max_age", "0"),
			with("max_age", "0", "algs", algs),
		},
		{
			"step up in kind alone", Requirement{ACRValues: []string{"gold"}}, bearer(s.accessToken(t, nil)), 401,
			with("error", codeInsufficientAuthentication, "error_description", text(codeInsufficientAuthentication), "acr_values", "gold"),
			with("acr_values", "gold", "algs", algs),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rs := s.resource(t, func(c *ResourceServerConfig) { c.DPoPAlgorithms = []Algorithm{ES256, PS256} })
			w, got := serve(rs, tt.need, tt.r)
			if w.Code != tt.status || got != nil {
				t.Fatalf("status %d, token %v", w.Code, got)
			}
			list := ParseChallenges(w.Header())
			if len(list) != 2 || list[0].Scheme != "Bearer" || list[1].Scheme != "DPoP" {
				t.Fatalf("%v", list)
			}
			for i, want := range []map[string]string{tt.bearer, tt.dpop} {
				if got := list[i].Params; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s\n got %v\nwant %v", list[i].Scheme, got, want)
				}
			}
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Retry-After") != "" {
				t.Error(w.Header())
			}
			if (w.Body.Len() == 0) != (tt.bearer["error"] == "" && tt.dpop["error"] == "") {
				t.Errorf("body %q", w.Body)
			}
		})
	}
	// A resource that is no URL has no metadata, and only what may be used is offered.
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Resource, c.BaseURL, c.RequireDPoP, c.DPoPAlgorithms = "urn:api", unitResource, true, []Algorithm{ES256}
	})
	for r, want := range map[*http.Request]string{
		apiRequest():             `DPoP realm="urn:api", algs="ES256"`,
		bearer("x"):              `DPoP realm="urn:api", error="invalid_token", error_description="` + text(codeInvalidToken) + `", algs="ES256"`,
		apiRequest("DPoP x"):     `DPoP realm="urn:api", error="invalid_token", error_description="` + text(codeInvalidToken) + `", algs="ES256"`,
		apiRequest("Bearer", ""): `DPoP realm="urn:api", error="invalid_request", error_description="` + text(codeInvalidRequest) + `", algs="ES256"`,
	} {
		w, _ := serve(rs, Requirement{}, r)
		if got := w.Header().Values("WWW-Authenticate"); !slices.Equal(got, []string{want}) {
			t.Errorf("%q", got)
		}
	}
}

// TestWriteError has errors from elsewhere: nothing of them is shown.
func TestWriteError(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	secret := "s3cret"
	for _, tt := range []struct {
		err    error
		status int
		code   string
		retry  string
	}{
		{nil, 500, "server_error", ""},
		{errors.New(secret), 500, "server_error", ""},
		{&Error{Kind: ErrConfig, Detail: secret}, 500, "server_error", ""},
		{&Error{Kind: ErrScope, Detail: secret}, 403, codeInsufficientScope, ""},
		{fmt.Errorf("%s: %w", secret, &Error{Kind: ErrExpired}), 401, codeInvalidToken, ""},
		{&Error{Kind: ErrUnsupported, Detail: secret}, 401, codeInvalidToken, ""},
		{&Error{Kind: ErrMalformed, Detail: secret}, 400, codeInvalidRequest, ""},
		{&Error{Kind: ErrUnavailable, Detail: secret, Err: &Error{Kind: ErrExpired}}, 503, "temporarily_unavailable", "5"},
		{&Error{Detail: secret, Err: context.Canceled}, 503, "temporarily_unavailable", "5"},
		{context.DeadlineExceeded, 503, "temporarily_unavailable", "5"},
		{&Error{Kind: ErrRateLimited}, 429, "slow_down", "60"},
		{ErrNoCredentials, 401, "", ""},
		{&Error{Kind: ErrParse, Detail: secret}, 401, codeInvalidToken, ""},
		// What is known of the request besides comes before what follows from the kind.
		{&Error{Kind: ErrNoCredentials, answer: answer{code: codeInvalidProof}}, 401, codeInvalidProof, ""},
		{&Error{Kind: ErrMalformed, answer: answer{code: codeInvalidProof}}, 400, codeInvalidProof, ""},
		{&Error{Kind: ErrScope, answer: answer{code: codeInvalidProof}}, 403, codeInvalidProof, ""},
		{&Error{Kind: ErrExpired, answer: answer{code: codeInvalidProof}}, 401, codeInvalidProof, ""},
		{&Error{Kind: ErrParse, answer: answer{code: codeInvalidProof}}, 401, codeInvalidProof, ""},
		{&Error{Kind: ErrUnsupported, answer: answer{code: codeInvalidProof}}, 401, codeInvalidProof, ""},
		{&Error{Kind: ErrRateLimited, answer: answer{code: codeInvalidProof}}, 429, "slow_down", "60"},
	} {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Length", "7")
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.Header().Set("X-Fapi-Interaction-Id", "id-1") // of a handler outside
		rs.WriteError(w, tt.err)
		if w.Code != tt.status || w.Header().Get("Retry-After") != tt.retry || w.Header().Get("Content-Length") != "" ||
			w.Header().Get("X-Fapi-Interaction-Id") != "id-1" {
			t.Errorf("%v: status %d, %v", tt.err, w.Code, w.Header())
		}
		if strings.Contains(w.Body.String()+fmt.Sprint(w.Header()), secret) || tt.code != "" && !strings.Contains(w.Body.String(), `{"error":"`+tt.code+`"`) {
			t.Errorf("%v: %s %v", tt.err, w.Body, w.Header())
		}
		list, want := ParseChallenges(w.Header()), 2
		if tt.status >= 500 || tt.status == 429 {
			want = 0 // not even the one that was there
		}
		if len(list) != want {
			t.Errorf("%v: %v", tt.err, w.Header())
		}
		for _, c := range list { // the error does not say which scheme was tried
			if c.Params["error"] != tt.code {
				t.Errorf("%v: %v", tt.err, w.Header())
			}
		}
		if w.Header().Get("DPoP-Nonce") != "" {
			t.Errorf("%v: a nonce", tt.err)
		}
		patient := s.resource(t, func(c *ResourceServerConfig) { c.DPoPWindow = 2 * time.Minute })
		if _, _, h := codeOf(patient, tt.err); tt.retry == "60" && h.Get("Retry-After") != "120" {
			t.Errorf("%v, proofs of 2 minutes: %v", tt.err, h)
		}
		// A browser must not take the body for something else, nor a cache keep it.
		mediaType, sniff := mediaJSON, "nosniff"
		if tt.code == "" { // there is no body
			mediaType, sniff = "", ""
		}
		if h := w.Header(); h.Get("Content-Type") != mediaType || h.Get("X-Content-Type-Options") != sniff || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%v: %v", tt.err, h)
		}
	}
}

// TestWriteErrorOfAnother: an error of a resource server with nonces, written by
// one that has none.
func TestWriteErrorOfAnother(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	raw := s.accessToken(t, boundTo(key))
	nonces := s.resource(t, func(c *ResourceServerConfig) { c.DPoPNonceKeys = [][]byte{make([]byte, 32)} })
	_, err := authenticate(t, nonces, provenRequestOf(raw, signProof(t, key, nil, proofClaims(raw, nil))))
	if status, code, h := codeOf(s.resource(t, nil), err); status != 401 || code != codeUseNonce || h.Get("DPoP-Nonce") != "" {
		t.Error(status, code, h)
	}
}

func TestRequireRequest(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	rs := s.resource(t, func(c *ResourceServerConfig) { c.DPoPNonceKeys = [][]byte{make([]byte, 32)} })
	other := s.resource(t, nil)
	raw := s.accessToken(t, boundTo(key))
	request := func() *http.Request {
		nonce := rs.proofs.nonces.make(unitNow())
		r := provenRequestOf(raw, signProof(t, key, nil, proofClaims(raw, map[string]any{"nonce": nonce})))
		r.Header.Set("X-Other", "stays")
		return r
	}
	var inner http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := AccessTokenFromContext(r.Context())
		if !ok || token.Subject() != "alice" {
			t.Error("no token in the context")
		}
		if r.Header.Get("Authorization") != "" || r.Header.Get("DPoP") != "" || r.Header.Get("X-Other") != "stays" {
			t.Error(r.Header)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	r := request()
	before := r.Header.Clone()
	w := httptest.NewRecorder()
	rs.Require(Requirement{}, inner).ServeHTTP(w, r)
	if w.Code != 204 || fmt.Sprint(r.Header) != fmt.Sprint(before) {
		t.Errorf("status %d, the caller's request has %v", w.Code, r.Header)
	}
	if !nonceValue(w.Header().Get("DPoP-Nonce")) {
		t.Error("no nonce for the next proof")
	}
	if w, _ := serve(rs, Requirement{}, bearer(s.accessToken(t, nil))); w.Code != 204 || w.Header().Get("DPoP-Nonce") != "" {
		t.Error("a nonce for a request without a proof", w.Code)
	}
	// One within the other: the second judges the same token.
	for need, want := range map[string]int{"read": 204, "admin": 403} {
		w := httptest.NewRecorder()
		rs.Require(Requirement{}, rs.Require(Requirement{Scope: []string{need}}, inner)).ServeHTTP(w, request())
		if w.Code != want {
			t.Errorf("%s: %d", need, w.Code)
		}
	}
	// Another resource server does not take the word of this one.
	w = httptest.NewRecorder()
	rs.Require(Requirement{}, other.Require(Requirement{}, inner)).ServeHTTP(w, request())
	if w.Code != http.StatusUnauthorized {
		t.Error(w.Code)
	}
	if token, ok := AccessTokenFromContext(context.Background()); token != nil || ok {
		t.Error("a token of nobody")
	}
	w = httptest.NewRecorder()
	r = bearer(s.accessToken(t, nil))
	r.Header.Set("X-Other", "stays")
	other.Require(Requirement{}, inner).ServeHTTP(w, r)
	if w.Code != 204 || w.Header().Get("DPoP-Nonce") != "" {
		t.Error(w.Code, w.Header())
	}
}

func TestRequirementFaults(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	token, err := rs.Authenticate(bearer(s.accessToken(t, nil)))
	if err != nil {
		t.Fatal(err)
	}
	panics := func(f func()) (text string) {
		defer func() { text, _ = recover().(string) }()
		f()
		return ""
	}
	for _, need := range []Requirement{
		{Scope: []string{"read write"}}, {Scope: []string{""}}, {Scope: []string{`"`}}, {Scope: []string{"é"}},
		{ACRValues: []string{"a\r\nb"}}, {ACRValues: []string{}}, {MaxAge: int64p(-1)},
	} {
		wantError(t, rs.Check(token, need), ErrConfig, "Requirement")
		if text := panics(func() { rs.Require(need, http.NotFoundHandler()) }); !strings.Contains(text, "Require") {
			t.Errorf("%+v: %q", need, text)
		}
	}
	if panics(func() { rs.Require(Requirement{}, nil) }) == "" {
		t.Error("a nil handler")
	}
	wantError(t, rs.Check(nil, Requirement{}), ErrConfig, "AccessToken")
	wantError(t, rs.Check(new(AccessToken), Requirement{}), ErrConfig, "AccessToken")
	wantError(t, s.resource(t, nil).Check(token, Requirement{}), ErrConfig, "AccessToken")
	// What was passed may be changed afterwards.
	need := Requirement{Scope: []string{"read"}, ACRValues: []string{"gold"}, MaxAge: int64p(200)}
	h := rs.Require(need, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	need.Scope[0], need.ACRValues[0], *need.MaxAge = "admin", "silver", 1
	w := httptest.NewRecorder()
	h.ServeHTTP(w, bearer(s.accessToken(t, map[string]any{"acr": "gold", "auth_time": unitTime - 100})))
	if w.Code != 204 {
		t.Error(w.Code)
	}
}

func TestMetadataHandler(t *testing.T) {
	s := newUnitServer()
	get := func(rs *ResourceServer, method string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		rs.MetadataHandler().ServeHTTP(w, httptest.NewRequest(method, "/.well-known/oauth-protected-resource/v1", nil))
		return w
	}
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Resource = unitResource + "/v1"
		c.RequireDPoP, c.RequireMTLS, c.DPoPAlgorithms = true, true, []Algorithm{ES256}
		c.Introspect = s.introspector(t, nil)
		c.Metadata = ResourceMetadata{ScopesSupported: []string{"read"}, ResourceName: "Orders"}
	})
	w := get(rs, http.MethodGet)
	if got := w.Header().Get("Cache-Control"); got != "max-age=300" {
		t.Errorf("Cache-Control: %q", got)
	}
	want := `{"resource":"https://api.example/v1","authorization_servers":["https://op.example"],"scopes_supported":["read"],"bearer_methods_supported":["header"],"resource_name":"Orders","tls_client_certificate_bound_access_tokens":true,"dpop_signing_alg_values_supported":["ES256"],"dpop_bound_access_tokens_required":true}`
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != mediaJSON || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	// It is what a client reads.
	m, err := DiscoverResource(context.Background(), unitResource+"/v1", &DiscoverOptions{HTTPClient: httpFunc(func(r *http.Request) (*http.Response, error) {
		if r.URL.String() != "https://api.example/.well-known/oauth-protected-resource/v1" {
			t.Error(r.URL)
		}
		return get(rs, r.Method).Result(), nil
	}).client()})
	if err != nil || m.ResourceName != "Orders" {
		t.Error(m, err)
	}
	for resource, want := range map[string]string{
		unitResource: "", unitResource + "/": "", unitResource + "/v1/a": "/v1/a", unitResource + "/v1?x": "/v1", "urn:api": "",
	} {
		rs := s.resource(t, func(c *ResourceServerConfig) { c.Resource, c.BaseURL = resource, unitResource })
		if got := rs.MetadataPath(); got != "/.well-known/oauth-protected-resource"+want {
			t.Errorf("%s: %s", resource, got)
		}
	}
	if w := get(rs, http.MethodPost); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Error(w.Code)
	}
	if w := get(rs, "get"); w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
	if w := get(rs, http.MethodHead); w.Code != http.StatusOK {
		t.Error(w.Code)
	}
	urn := s.resource(t, func(c *ResourceServerConfig) { c.Resource, c.BaseURL = "urn:api", unitResource })
	if w := get(urn, http.MethodGet); w.Code != http.StatusNotFound {
		t.Error(w.Code)
	}
	template := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers[0].Server.Issuer = "https://op.example/{tenantid}"
		c.Servers[0].AcceptIssuer = func(_, _ string) bool { return true }
		c.Metadata.AuthorizationServers = []string{"https://op.example/organizations"}
	})
	if w := get(template, http.MethodGet); !strings.Contains(w.Body.String(), `"authorization_servers":["https://op.example/organizations"]`) {
		t.Error(w.Body)
	}
	template = s.resource(t, func(c *ResourceServerConfig) {
		c.Servers[0].Server.Issuer = "https://op.example/{tenantid}"
		c.Servers[0].AcceptIssuer = func(_, _ string) bool { return true }
	})
	if w := get(template, http.MethodGet); strings.Contains(w.Body.String(), "tenantid") {
		t.Error(w.Body)
	}
}

// TestMetadataBinding: the metadata say that tokens have to be bound where they have to
// be, or where the program says so, and nowhere else.
func TestMetadataBinding(t *testing.T) {
	s := newUnitServer()
	for _, tt := range []struct {
		name       string
		change     func(*ResourceServerConfig)
		dpop, mtls bool
	}{
		{"no", func(*ResourceServerConfig) {}, false, false},
		{"DPoP", func(c *ResourceServerConfig) { c.RequireDPoP = true }, true, false},
		{"certificates", func(c *ResourceServerConfig) { c.RequireMTLS = true }, false, true},
		{"DPoP, said", func(c *ResourceServerConfig) { c.Metadata.DPoPBoundAccessTokensRequired = true }, true, false},
		{"certificates, said", func(c *ResourceServerConfig) { c.Metadata.TLSClientCertificateBoundAccessTokens = true }, false, true},
		{"http for tests", func(c *ResourceServerConfig) {
			c.Resource, c.InsecureAllowHTTP = "http://127.0.0.1:8080", true
		}, false, false},
	} {
		rs := s.resource(t, tt.change)
		w := httptest.NewRecorder()
		rs.MetadataHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, rs.MetadataPath(), nil))
		var m ResourceMetadata
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if m.DPoPBoundAccessTokensRequired != tt.dpop || m.TLSClientCertificateBoundAccessTokens != tt.mtls {
			t.Errorf("%s: %s", tt.name, w.Body)
		}
	}
}

// TestMetadataServers: the metadata name every server once, from wherever in the
// configuration it is.
func TestMetadataServers(t *testing.T) {
	s := newUnitServer()
	second := *s.config().Server
	second.Issuer = "https://two.example"
	for _, tt := range []struct {
		name   string
		change func(*ResourceServerConfig)
		want   string
	}{
		{"one", nil, `["https://op.example"]`},
		{"two", func(c *ResourceServerConfig) { c.Servers = append(c.Servers, TrustedServer{Server: &second}) }, `["https://op.example","https://two.example"]`},
		{"that of introspection alone", func(c *ResourceServerConfig) { c.Servers, c.Introspect = nil, s.introspector(t, nil) }, `["https://op.example"]`},
		{"that of introspection among them", func(c *ResourceServerConfig) { c.Introspect = s.introspector(t, nil) }, `["https://op.example"]`},
		{"that of introspection beside another", func(c *ResourceServerConfig) {
			c.Servers[0].Server, c.Introspect = &second, s.introspector(t, nil)
		}, `["https://two.example","https://op.example"]`},
	} {
		rs := s.resource(t, tt.change)
		w := httptest.NewRecorder()
		rs.MetadataHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, rs.MetadataPath(), nil))
		if !strings.Contains(w.Body.String(), `"authorization_servers":`+tt.want+`,`) {
			t.Errorf("%s: %s", tt.name, w.Body)
		}
	}
}

// TestRequireSubrequest: a handler makes requests with the context of its own. What
// comes with credentials is judged by them.
func TestRequireSubrequest(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	now := int64(unitTime)
	rs := s.resource(t, func(c *ResourceServerConfig) { c.Clock = Clock{Now: func() time.Time { return time.Unix(now, 0) }} })
	var subject string
	inner := rs.Require(Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := AccessTokenFromContext(r.Context())
		subject = token.Subject()
		if r.Header.Get("Authorization") != "" || r.Header.Get("DPoP") != "" {
			t.Error("the credentials are there")
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	mallory := s.accessToken(t, map[string]any{"sub": "mallory"})
	for name, tt := range map[string]struct {
		edit    func(http.Header)
		status  int
		subject string
		later   int64
	}{
		"none":           {func(http.Header) {}, 204, "alice", 0},
		"another's":      {func(h http.Header) { h.Set("Authorization", "Bearer "+mallory) }, 204, "mallory", 0},
		"garbage":        {func(h http.Header) { h.Set("Authorization", "Bearer x") }, 401, "", 0},
		"a proof alone":  {func(h http.Header) { h.Set("DPoP", signProof(t, key, nil, proofClaims(mallory, nil))) }, 401, "", 0},
		"after its time": {func(http.Header) {}, 401, "", 400},
	} {
		subject, now = "", unitTime
		w := httptest.NewRecorder()
		batch := rs.Require(Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sub := apiRequest().WithContext(r.Context())
			tt.edit(sub.Header)
			now += tt.later
			inner.ServeHTTP(w, sub)
		}))
		batch.ServeHTTP(w, bearer(s.accessToken(t, nil)))
		if w.Code != tt.status || subject != tt.subject {
			t.Errorf("%s: status %d, subject %q", name, w.Code, subject)
		}
	}
}

// TestCheckLater: a stream may outlive its token.
func TestCheckLater(t *testing.T) {
	s := newUnitServer()
	now := int64(unitTime)
	rs := s.resource(t, func(c *ResourceServerConfig) { c.Clock = Clock{Now: func() time.Time { return time.Unix(now, 0) }} })
	token, err := rs.Authenticate(bearer(s.accessToken(t, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := rs.Check(token, Requirement{}); err != nil {
		t.Error(err)
	}
	now += 400
	err = rs.Check(token, Requirement{})
	wantError(t, err, ErrExpired, "exp")
	w := httptest.NewRecorder()
	if rs.WriteError(w, err); w.Code != 401 || !strings.Contains(w.Header().Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("status %d, %s", w.Code, w.Header().Get("WWW-Authenticate"))
	}
}

// TestRequestTargets sends request lines over a connection: what net/http routes,
// and what the proof is compared with, is one path.
func TestRequestTargets(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	token := s.accessToken(t, boundTo(key))
	rs := s.resource(t, nil)
	mux := http.NewServeMux()
	mux.Handle("/", rs.Require(Requirement{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "path "+r.URL.Path) })))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	send := func(method, target, htu string) string {
		t.Helper()
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		proof := signProof(t, key, nil, proofClaims(token, map[string]any{"htu": unitResource + htu, "htm": method}))
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: DPoP %s\r\nDPoP: %s\r\n\r\n", method, target, token, proof)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		return fmt.Sprint(res.StatusCode, " ", string(body))
	}
	for _, tt := range []struct{ method, target, htu, want string }{
		{"GET", "/admin/delete?x", "/admin/delete", "200 path /admin/delete"},
		{"GET", "http://evil/admin/delete?x", "/admin/delete", "200 path /admin/delete"},
		{"GET", "x://evil/a", "/a", "200 path /a"},
		{"GET", "x:/admin/delete", "/", "401"},
		{"GET", "x:/admin/delete", "/admin/delete", "401"},
		{"GET", "http:/admin/delete", "/", "401"},
		{"GET", "http:/admin://z/public", "/public", "401"},
		{"GET", "/admin/delete", "/", "401"},
		{"GET", "//evil/a", "/a", "401"},
	} {
		// ServeMux sends clients from one path to its clean form: no token was looked at.
		if got := send(tt.method, tt.target, tt.htu); !strings.HasPrefix(got, tt.want) && !(tt.want == "401" && strings.HasPrefix(got, "30")) {
			t.Errorf("%s %s with a proof for %s: %q", tt.method, tt.target, tt.htu, got)
		}
	}
}

// TestRequirementUnreadable: an acr or auth_time that cannot be read is missing for who
// needs it, and for nobody else.
func TestRequirementUnreadable(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	token, err := authenticate(t, rs, bearer(s.accessToken(t, map[string]any{"acr": 2, "auth_time": "now"})))
	if err != nil || token.ACR() != "" || !token.AuthTime().IsZero() {
		t.Fatal(token, err)
	}
	wantError(t, rs.Check(token, Requirement{ACRValues: []string{"2"}}), ErrClaim, "acr")
	wantError(t, rs.Check(token, Requirement{MaxAge: int64p(1 << 30)}), ErrClaim, "auth_time")
}
