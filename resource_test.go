package oauth

// Tests of the resource server: its configuration, the credential of a request,
// and what a token has to say.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const unitResource = "https://api.example"

// resourceConfig is a working configuration of a resource server that trusts the
// unit server; a test changes it.
func (s *unitServer) resourceConfig() ResourceServerConfig {
	return ResourceServerConfig{
		Resource:   unitResource,
		Servers:    []TrustedServer{{Server: s.config().Server}},
		HTTPClient: &http.Client{Transport: s},
		Clock:      Clock{Now: unitNow},
	}
}

func (s *unitServer) resource(t testing.TB, change func(*ResourceServerConfig)) *ResourceServer {
	t.Helper()
	cfg := s.resourceConfig()
	if change != nil {
		change(&cfg)
	}
	rs, err := NewResourceServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// accessClaims are those of a good access token of RFC 9068; change as in
// unitClaims.
func accessClaims(change map[string]any) map[string]any {
	claims := map[string]any{"aud": unitResource, "client_id": unitClient, "jti": "at-1", "scope": "read write"}
	maps.Copy(claims, change)
	return unitClaims(claims)
}

func (s *unitServer) accessToken(t testing.TB, change map[string]any) string {
	t.Helper()
	return s.sign(t, "at+jwt", accessClaims(change))
}

// apiRequest is a request with these Authorization fields.
func apiRequest(authorization ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, unitResource+"/orders?page=1", nil)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	return r
}

// authenticate wants a nil token with an error, and the other way round.
func authenticate(t testing.TB, rs *ResourceServer, r *http.Request) (*AccessToken, error) {
	t.Helper()
	token, err := rs.Authenticate(r)
	if (token == nil) == (err == nil) {
		t.Fatalf("token %v with the error %v", token, err)
	}
	return token, err
}

func bearer(token string) *http.Request { return apiRequest("Bearer " + token) }

func TestNewResourceServerErrors(t *testing.T) {
	s := newUnitServer()
	server := func(f func(*TrustedServer)) func(*ResourceServerConfig) {
		return func(c *ResourceServerConfig) { f(&c.Servers[0]) }
	}
	profile := func(p AccessTokenProfile) func(*ResourceServerConfig) {
		return server(func(s *TrustedServer) { s.Profile = &p })
	}
	verifier := s.client(t, func(c *Config) { c.Auth = nil })
	for _, tt := range []struct {
		name   string
		change func(*ResourceServerConfig)
		kind   error
		param  string
	}{
		{"no resource", func(c *ResourceServerConfig) { c.Resource = "" }, ErrConfig, "Resource"},
		{"a space in the resource", func(c *ResourceServerConfig) { c.Resource = "https://api.example/a b" }, ErrConfig, "Resource"},
		{"a quote in the resource", func(c *ResourceServerConfig) { c.Resource = `urn:"api` }, ErrConfig, "Resource"},
		{"http resource", func(c *ResourceServerConfig) { c.Resource = "http://api.example" }, ErrInsecureURL, "Resource"},
		{"no origin", func(c *ResourceServerConfig) { c.Resource, c.RequireDPoP = "api://1234", true }, ErrConfig, "BaseURL"},
		{"no origin, no URL", func(c *ResourceServerConfig) { c.Resource, c.RequireDPoP = "orders", true }, ErrConfig, "BaseURL"},
		{"no origin, nonces", func(c *ResourceServerConfig) { c.Resource, c.DPoPNonceKeys = "orders", [][]byte{make([]byte, 32)} }, ErrConfig, "BaseURL"},
		{"no DPoP that is required", func(c *ResourceServerConfig) { c.DisableDPoP, c.RequireDPoP = true, true }, ErrConfig, "DisableDPoP"},
		{"no DPoP with nonces", func(c *ResourceServerConfig) { c.DisableDPoP, c.DPoPNonceKeys = true, [][]byte{make([]byte, 32)} }, ErrConfig, "DisableDPoP"},
		{"no DPoP, which metadata require", func(c *ResourceServerConfig) { c.DisableDPoP, c.Metadata.DPoPBoundAccessTokensRequired = true, true }, ErrConfig, "Metadata.DPoPBoundAccessTokensRequired"},
		{"no audience", func(c *ResourceServerConfig) { c.Audiences = []string{} }, ErrConfig, "Audiences"},
		{"an empty audience", func(c *ResourceServerConfig) { c.Audiences = []string{"a", ""} }, ErrConfig, "Audiences"},
		{"metadata that are none", func(c *ResourceServerConfig) {
			c.Metadata.Extra = map[string]json.RawMessage{"x": json.RawMessage("{")}
		}, ErrConfig, "Metadata"},
		{"metadata that nobody serves", func(c *ResourceServerConfig) { c.Resource, c.Metadata.ResourceName = "orders", "Orders" }, ErrConfig, "Metadata"},
		{"http base", func(c *ResourceServerConfig) { c.BaseURL = "http://api.example" }, ErrInsecureURL, "BaseURL"},
		{"base with a path", func(c *ResourceServerConfig) { c.BaseURL = "https://api.example/v1" }, ErrConfig, "BaseURL"},
		{"base with a query", func(c *ResourceServerConfig) { c.BaseURL = "https://api.example?" }, ErrConfig, "BaseURL"},
		{"a host that is not ASCII", func(c *ResourceServerConfig) { c.BaseURL = "https://b\u00fccher.example" }, ErrConfig, "BaseURL"},
		{"a zone", func(c *ResourceServerConfig) { c.Resource = "https://[fe80::1%25eth0]/" }, ErrConfig, "Resource"},
		{"no introspection endpoint", func(c *ResourceServerConfig) { c.Introspect = s.client(t, nil) }, ErrConfig, "introspection_endpoint"},
		{"http introspection endpoint", func(c *ResourceServerConfig) {
			c.Introspect = s.introspector(t, func(c *Config) { c.Server.IntrospectionEndpoint = "http://op.example/introspect" })
		}, ErrInsecureURL, "introspection_endpoint"},
		{"base without a host", func(c *ResourceServerConfig) { c.BaseURL = "https://" }, ErrConfig, "BaseURL"},
		{"no servers", func(c *ResourceServerConfig) { c.Servers = nil }, ErrConfig, "Servers"},
		{"the same server twice", func(c *ResourceServerConfig) { c.Servers = append(c.Servers, c.Servers[0]) }, ErrConfig, "Servers"},
		{"no metadata", server(func(s *TrustedServer) { s.Server = nil }), ErrConfig, "Servers.Server"},
		{"no issuer", server(func(s *TrustedServer) { s.Server.Issuer = "" }), ErrConfig, "Servers.Server"},
		{"no keys", server(func(s *TrustedServer) { s.Server.JWKSURI = "" }), ErrConfig, "jwks_uri"},
		{"http keys", server(func(s *TrustedServer) { s.Server.JWKSURI = "http://op.example/jwks" }), ErrInsecureURL, "jwks_uri"},
		{"zero KeySet", server(func(s *TrustedServer) { s.KeySet = new(KeySet) }), ErrConfig, "Servers.KeySet"},
		{"HS256", server(func(s *TrustedServer) { s.Algorithms = []Algorithm{RS256, HS256} }), ErrAlgorithm, "Servers.Algorithms"},
		{"none", server(func(s *TrustedServer) { s.Algorithms = []Algorithm{"none"} }), ErrAlgorithm, "Servers.Algorithms"},
		{"empty algorithms", server(func(s *TrustedServer) { s.Algorithms = []Algorithm{} }), ErrAlgorithm, "Servers.Algorithms"},
		{"template, nobody decides", server(func(s *TrustedServer) { s.Server.Issuer = "https://op.example/{tenantid}" }), ErrConfig, "Servers.AcceptIssuer"},
		{"no template", server(func(s *TrustedServer) { s.AcceptIssuer = func(_, _ string) bool { return true } }), ErrConfig, "Servers.AcceptIssuer"},
		{"empty profile", profile(AccessTokenProfile{}), ErrConfig, "Profile.Types"},
		{"marker without types", profile(AccessTokenProfile{Marker: "scp"}), ErrConfig, "Profile.Types"},
		{"JWT without a marker", profile(AccessTokenProfile{Types: []string{"JWT"}}), ErrConfig, "Profile.Marker"},
		{"no typ, no marker", profile(AccessTokenProfile{Types: []string{"at+jwt", ""}}), ErrConfig, "Profile.Marker"},
		{"no typ before another, no marker", profile(AccessTokenProfile{Types: []string{"", "at+jwt"}}), ErrConfig, "Profile.Marker"},
		{"JWT before others, no marker", profile(AccessTokenProfile{Types: []string{"at+jwt", "application/jwt", "application/at+jwt"}}), ErrConfig, "Profile.Marker"},
		{"application/jwt, no marker", profile(AccessTokenProfile{Types: []string{"application/JWT"}}), ErrConfig, "Profile.Marker"},
		{"a marker without a name", profile(AccessTokenProfile{Types: []string{"JWT"}, Marker: "=access"}), ErrConfig, "Profile.Marker"},
		{"logout tokens", profile(AccessTokenProfile{Types: []string{"logout+jwt"}, Marker: "scp"}), ErrConfig, "Profile.Types"},
		{"proofs", profile(AccessTokenProfile{Types: []string{"at+jwt", "DPoP+JWT"}}), ErrConfig, "Profile.Types"},
		{"exp optional", profile(AccessTokenProfile{Types: []string{"at+jwt"}, Optional: []string{"exp"}}), ErrConfig, "Profile.Optional"},
		{"aud optional", profile(AccessTokenProfile{Types: []string{"at+jwt"}, Optional: []string{"aud"}}), ErrConfig, "Profile.Optional"},
		{"no clients", profile(*CognitoProfile()), ErrConfig, "Profile.ClientIDs"},
		{"an empty client", profile(*CognitoProfile("")), ErrConfig, "Profile.ClientIDs"},
		{"clients, and none needed", profile(AccessTokenProfile{Types: []string{"at+jwt"}, ClientIDs: []string{"a"}, Optional: []string{"client_id"}}), ErrConfig, "Profile.Optional"},
		{"HMAC proofs", func(c *ResourceServerConfig) { c.DPoPAlgorithms = []Algorithm{HS256} }, ErrAlgorithm, "DPoPAlgorithms"},
		{"negative window", func(c *ResourceServerConfig) { c.DPoPWindow = -1 }, ErrConfig, "DPoPWindow"},
		{"negative replay size", func(c *ResourceServerConfig) { c.ReplaySize = -1 }, ErrConfig, "ReplaySize"},
		{"small replay size", func(c *ResourceServerConfig) { c.ReplaySize = 1<<10 - 1 }, ErrConfig, "ReplaySize"},
		{"large replay size", func(c *ResourceServerConfig) { c.ReplaySize = 1<<24 + 1 }, ErrConfig, "ReplaySize"},
		{"replay size beside a cache", func(c *ResourceServerConfig) { c.ReplaySize, c.Replay = 1<<20, new(stubReplay) }, ErrConfig, "ReplaySize"},
		{"long window", func(c *ResourceServerConfig) { c.DPoPWindow = 5*time.Minute + 1 }, ErrConfig, "DPoPWindow"},
		{"no nonce keys", func(c *ResourceServerConfig) { c.DPoPNonceKeys = [][]byte{} }, ErrConfig, "DPoPNonceKeys"},
		{"short nonce key", func(c *ResourceServerConfig) { c.DPoPNonceKeys = [][]byte{make([]byte, 32), make([]byte, 31)} }, ErrConfig, "DPoPNonceKeys"},
		{"negative cache", func(c *ResourceServerConfig) { c.VerifiedTokens = -1 }, ErrConfig, "VerifiedTokens"},
		{"huge cache", func(c *ResourceServerConfig) { c.VerifiedTokens = 1<<20 + 1 }, ErrConfig, "VerifiedTokens"},
		{"verifying client", func(c *ResourceServerConfig) { c.Introspect = verifier }, ErrConfig, "Introspect"},
		{"zero client", func(c *ResourceServerConfig) { c.Introspect = new(Client) }, ErrConfig, "Introspect"},
		{"TTL alone", func(c *ResourceServerConfig) { c.IntrospectionTTL = 1 }, ErrConfig, "IntrospectionTTL"},
		{"long TTL", func(c *ResourceServerConfig) {
			c.Introspect, c.IntrospectionTTL = s.introspector(t, nil), 10*time.Minute+1
		}, ErrConfig, "IntrospectionTTL"},
		{"negative TTL", func(c *ResourceServerConfig) { c.Introspect, c.IntrospectionTTL = s.introspector(t, nil), -1 }, ErrConfig, "IntrospectionTTL"},
		{"clock", func(c *ResourceServerConfig) { c.Clock.Tolerance = time.Hour }, ErrConfig, "Clock.Tolerance"},
		{"another resource", func(c *ResourceServerConfig) { c.Metadata.Resource = "https://other.example" }, ErrConfig, "Metadata.Resource"},
		{"another resource in case", func(c *ResourceServerConfig) { c.Metadata.Resource = strings.ToUpper(unitResource) }, ErrConfig, "Metadata.Resource"},
		{"metadata that are no JSON", func(c *ResourceServerConfig) {
			c.Metadata.Extra = map[string]json.RawMessage{"x": json.RawMessage("{")}
		}, ErrConfig, "Metadata"},
		{"bearer methods", func(c *ResourceServerConfig) { c.Metadata.BearerMethodsSupported = []string{"query"} }, ErrConfig, "Metadata.BearerMethodsSupported"},
		{"proof algorithms", func(c *ResourceServerConfig) { c.Metadata.DPoPSigningAlgValuesSupported = []Algorithm{ES256} }, ErrConfig, "Metadata.DPoPSigningAlgValuesSupported"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := s.resourceConfig()
			tt.change(&cfg)
			rs, err := NewResourceServer(cfg)
			wantError(t, err, tt.kind, tt.param)
			if e := new(Error); !errors.As(err, &e) || e.Op != "configuration" && e.Op != opKeySet {
				t.Errorf("the error is of the operation %q", e.Op)
			}
			if rs != nil {
				t.Error("there is a ResourceServer with the error")
			}
		})
	}
}

func TestNewResourceServerTakes(t *testing.T) {
	s := newUnitServer()
	for name, change := range map[string]func(*ResourceServerConfig){
		"GUID with a base": func(c *ResourceServerConfig) {
			c.Resource, c.BaseURL = "0b1c22f2-1111-4222-8333-444455556666", "https://api.example/"
		},
		"URN with RequestURL": func(c *ResourceServerConfig) {
			c.Resource = "urn:orders"
			c.RequestURL = func(*http.Request) (*url.URL, error) { return nil, nil }
		},
		"http for tests": func(c *ResourceServerConfig) {
			c.Resource, c.InsecureAllowHTTP = "http://127.0.0.1:8080", true
			c.Servers[0].Server.JWKSURI = "http://127.0.0.1:8081/jwks"
		},
		"capitals for a scheme": func(c *ResourceServerConfig) { c.Resource = "HTTPS://api.example" },
		"issuers that differ in case": func(c *ResourceServerConfig) {
			second := *s.config().Server
			second.Issuer = "https://OP.example"
			c.Servers = append(c.Servers, TrustedServer{Server: &second})
		},
		"the resource in its metadata": func(c *ResourceServerConfig) { c.Metadata.Resource = unitResource },
		"a tilde in the resource":      func(c *ResourceServerConfig) { c.Resource = "https://api.example/~a" },
		"encrypted tokens of servers that are found": func(c *ResourceServerConfig) {
			c.Servers, c.Decrypter = nil, failing{}
			c.ServerFor = func(context.Context, string) (*TrustedServer, error) { return nil, nil }
			c.AllowIssuer = func(string) bool { return true }
		},
		"introspection alone": func(c *ResourceServerConfig) { c.Servers, c.Introspect = nil, s.introspector(t, nil) },
		"bounds": func(c *ResourceServerConfig) {
			c.DPoPWindow, c.VerifiedTokens, c.DPoPNonceKeys = 5*time.Minute, 1<<20, [][]byte{make([]byte, 32)}
			c.Introspect, c.IntrospectionTTL = s.introspector(t, nil), 10*time.Minute
		},
	} {
		cfg := s.resourceConfig()
		change(&cfg)
		rs, err := NewResourceServer(cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if bounds := name == "bounds"; bounds != (rs.verified != nil) || bounds != (rs.asked != nil) {
			t.Errorf("%s: tokens are remembered: %v, %v", name, rs.verified != nil, rs.asked != nil)
		}
	}
}

// TestResourceServerSettings: what keys are fetched with, what ends with it, and what is
// printed of it.
func TestResourceServerSettings(t *testing.T) {
	s := newUnitServer()
	log, closer := new(traceLog), &idleCloser{next: s}
	cfg := s.resourceConfig()
	cfg.HTTPClient, cfg.Trace = &http.Client{Transport: closer}, log.trace()
	rs, err := NewResourceServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rs.Authenticate(bearer(s.accessToken(t, nil))); err != nil {
		t.Fatal(err)
	}
	if closer.calls != 1 || len(log.keySets) != 1 {
		t.Errorf("%d requests, %d key sets", closer.calls, len(log.keySets))
	}
	if rs.CloseIdleConnections(); closer.closed == 0 {
		t.Error("connections are left open")
	}
	local, err := ParseKeySet([]byte(jwksDocument("a")))
	if err != nil {
		t.Fatal(err)
	}
	s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].KeySet = local }).CloseIdleConnections() // has none
	for text, v := range map[string]any{`ResourceServerConfig("` + unitResource + `")`: cfg, `ResourceServer("` + unitResource + `")`: rs} {
		if got := fmt.Sprint(v); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
}

func TestCredential(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	good := s.accessToken(t, nil)
	for _, tt := range []struct {
		name string
		auth []string
		kind error
	}{
		{"Bearer", []string{"Bearer " + good}, nil},
		{"case", []string{"bEARER " + good}, nil},
		{"several spaces", []string{"Bearer   " + good}, nil},
		{"none", nil, ErrNoCredentials},
		{"empty", []string{""}, ErrNoCredentials},
		{"Basic", []string{"Basic YTpi"}, ErrNoCredentials},
		{"no scheme", []string{good}, ErrNoCredentials},
		{"a tab", []string{"Bearer\t" + good}, ErrNoCredentials},
		{"a longer scheme", []string{"Bearers " + good}, ErrNoCredentials},
		{"twice", []string{"Bearer " + good, "Bearer " + good}, ErrMalformed},
		{"two schemes", []string{"Basic YTpi", "Bearer " + good}, ErrMalformed},
		{"no token", []string{"Bearer"}, ErrMalformed},
		{"an empty token", []string{"Bearer "}, ErrMalformed},
		{"two tokens", []string{"Bearer " + good + " " + good}, ErrMalformed},
		{"a list", []string{"Bearer " + good + ",Basic"}, ErrMalformed},
		{"a space behind", []string{"Bearer " + good + " "}, ErrMalformed},
		{"quoted", []string{`Bearer "` + good + `"`}, ErrMalformed},
		{"control character", []string{"Bearer " + good + "\x00"}, ErrMalformed},
		{"DEL", []string{"Bearer " + good + "\x7f"}, ErrMalformed},
		{"DEL for a token", []string{"Bearer \x7f"}, ErrMalformed},
		{"a backslash", []string{"Bearer a\\b"}, ErrMalformed},
		{"the last visible character", []string{"Bearer ~"}, ErrParse},
		{"the first visible character", []string{"Bearer !"}, ErrParse},
		{"not ASCII", []string{"Bearer é" + good}, ErrMalformed},
		{"not a JWT", []string{"Bearer opaque"}, ErrParse},
		{"too long", []string{"Bearer " + strings.Repeat("a", maxToken+1)}, ErrParse},
		{"too long, and not a token", []string{"Bearer " + strings.Repeat("\"", maxToken+1)}, ErrParse}, // it was not looked at
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := authenticate(t, rs, apiRequest(tt.auth...))
			if tt.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantError(t, err, tt.kind, "")
			if strings.Contains(err.Error(), good) {
				t.Error("the error has the token in it")
			}
		})
	}
	_, err := authenticate(t, rs, bearer(strings.Repeat("a", maxToken+1)))
	wantError(t, err, ErrParse, "Authorization")
	// Nowhere but the header: RFC 9700, Section 4.3.2 on the query, and the form.
	r := httptest.NewRequest(http.MethodPost, unitResource+"/?access_token="+good, strings.NewReader("access_token="+good))
	r.Header.Set("Content-Type", mediaForm)
	_, err = authenticate(t, rs, r)
	wantError(t, err, ErrNoCredentials, "")
}

// TestAccessTokenClaims changes every claim of a token that is good.
func TestAccessTokenClaims(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	for _, tt := range []struct {
		name   string
		change map[string]any
		kind   error
		param  string
	}{
		{"good", nil, nil, ""},
		{"audiences", map[string]any{"aud": []string{"x", unitResource}}, nil, ""},
		{"no scope", map[string]any{"scope": unitRemoved}, nil, ""},
		{"scope with other white space", map[string]any{"scope": "read\u00a0write\ta\u2003b"}, nil, ""},
		{"auth_time of AD FS", map[string]any{"auth_time": "2016-11-21T21:04:25.744Z"}, nil, ""},
		{"scope array", map[string]any{"scope": []string{"read", "write"}}, nil, ""},
		{"fractions", map[string]any{"exp": unitTime + 0.5, "iat": unitTime - 1.5}, nil, ""},
		{"expired within tolerance", map[string]any{"exp": unitTime - 29}, nil, ""},
		{"nbf", map[string]any{"nbf": unitTime + 30}, nil, ""},
		{"iat ahead", map[string]any{"iat": unitTime + 600}, nil, ""},
		{"auth_time and acr", map[string]any{"auth_time": unitTime, "acr": "urn:x"}, nil, ""},

		{"no iss", map[string]any{"iss": unitRemoved}, ErrClaim, "iss"},
		{"another iss", map[string]any{"iss": unitIssuer + "/"}, ErrIssuer, "iss"},
		{"iss in other case", map[string]any{"iss": strings.ToUpper(unitIssuer)}, ErrIssuer, "iss"},
		{"iss a number", map[string]any{"iss": 1}, ErrClaim, "iss"},
		{"no sub", map[string]any{"sub": unitRemoved}, ErrClaim, "sub"},
		{"empty sub", map[string]any{"sub": ""}, ErrClaim, "sub"},
		{"sub null", map[string]any{"sub": nil}, ErrClaim, "sub"},
		{"no aud", map[string]any{"aud": unitRemoved}, ErrClaim, "aud"},
		{"empty aud", map[string]any{"aud": []string{}}, ErrClaim, "aud"},
		{"another aud", map[string]any{"aud": unitClient}, ErrAudience, "aud"},
		{"aud with a slash", map[string]any{"aud": unitResource + "/"}, nil, ""},
		{"aud with a path", map[string]any{"aud": unitResource + "/a"}, ErrAudience, "aud"},
		{"aud longer", map[string]any{"aud": unitResource + ".evil"}, ErrAudience, "aud"},
		{"aud in other case", map[string]any{"aud": strings.ToUpper(unitResource)}, ErrAudience, "aud"},
		{"an empty aud beside", map[string]any{"aud": []string{unitResource, ""}}, ErrClaim, "aud"},
		{"aud mixed", map[string]any{"aud": []any{unitResource, 1}}, ErrClaim, "aud"},
		{"aud an object", map[string]any{"aud": map[string]any{unitResource: 1}}, ErrClaim, "aud"},
		{"no exp", map[string]any{"exp": unitRemoved}, ErrClaim, "exp"},
		{"expired", map[string]any{"exp": unitTime - 30}, ErrExpired, "exp"},
		{"exp a string", map[string]any{"exp": "1700000300"}, ErrClaim, "exp"},
		{"no iat", map[string]any{"iat": unitRemoved}, ErrClaim, "iat"},
		{"iat far ahead", map[string]any{"iat": unitTime + 601}, ErrNotYetValid, "iat"},
		{"nbf later", map[string]any{"nbf": unitTime + 31}, ErrNotYetValid, "nbf"},
		{"nbf a string", map[string]any{"nbf": "1"}, ErrClaim, "nbf"},
		{"no client_id", map[string]any{"client_id": unitRemoved}, ErrClaim, "client_id"},
		{"client_id a number", map[string]any{"client_id": 7}, ErrClaim, "client_id"},
		{"no jti", map[string]any{"jti": unitRemoved}, ErrClaim, "jti"},
		{"scope a number", map[string]any{"scope": 7}, ErrClaim, "scope"},
		{"scope null", map[string]any{"scope": nil}, ErrClaim, "scope"},
		{"acr a number", map[string]any{"acr": 2}, nil, ""}, // counts as absent: see TestRequirementUnreadable
		{"auth_time a string", map[string]any{"auth_time": "now"}, nil, ""},
		{"details an object", map[string]any{"authorization_details": map[string]any{}}, ErrClaim, "authorization_details"},
		{"a security event", map[string]any{"events": map[string]any{}}, ErrType, "events"},
		{"empty cnf", map[string]any{"cnf": map[string]any{}}, ErrBinding, "cnf"},
		{"unknown cnf", map[string]any{"cnf": map[string]any{"jwk": map[string]any{}}}, ErrBinding, "cnf"},
		{"cnf a string", map[string]any{"cnf": "x"}, ErrClaim, "cnf"},
		{"cnf null", map[string]any{"cnf": nil}, ErrClaim, "cnf"},
		{"empty jkt", map[string]any{"cnf": map[string]any{"jkt": ""}}, ErrClaim, "jkt"},
		{"jkt a number", map[string]any{"cnf": map[string]any{"jkt": 1, "x5t#S256": "x"}}, ErrClaim, "jkt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			token, err := authenticate(t, rs, bearer(s.accessToken(t, tt.change)))
			if tt.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(tt.name, "scope with") && len(token.Scope()) != 1 {
					t.Errorf("%q", token.Scope())
				}
				if strings.HasPrefix(tt.name, "auth_time of") && token.AuthTime().Unix() != 1479762265 {
					t.Error(token.AuthTime())
				}
				return
			}
			wantError(t, err, tt.kind, tt.param)
		})
	}
}

func TestAccessTokenHeader(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, nil)
	other, err := GenerateSigningKey(ES256)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := NewSigningKey(other.signer, ES256, s.key.KeyID())
	if err != nil {
		t.Fatal(err)
	}
	sign := func(k *SigningKey, typ string) string {
		token, err := k.SignJWT(typ, accessClaims(nil))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for _, tt := range []struct {
		name, token string
		kind        error
	}{
		{"at+jwt", sign(s.key, "at+jwt"), nil},
		{"media type", sign(s.key, "Application/AT+JWT"), nil},
		{"JWT", sign(s.key, "JWT"), ErrType},
		{"logout", sign(s.key, "logout+jwt"), ErrType},
		{"unknown key", sign(other, "at+jwt"), ErrKeyNotFound},
		{"forged", sign(forged, "at+jwt"), ErrSignature},
		{"forged, of another type", sign(forged, "logout+jwt"), ErrType}, // before a key is used
		{"five parts", "a.b.c.d.e", ErrUnsupported},
		{"header no JSON", "e30x.e30.e30", ErrParse},
		{"duplicate alg", encodeBase64URL([]byte(`{"alg":"ES256","alg":"ES256"}`)) + ".e30.AA", ErrParse},
		{"none", encodeBase64URL([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + encodeBase64URL([]byte(unitJSON(t, accessClaims(nil)))) + ".", ErrAlgorithm},
		{"HS256", encodeBase64URL([]byte(`{"alg":"HS256","typ":"at+jwt"}`)) + ".e30.AA", ErrAlgorithm},
		{"crit", encodeBase64URL([]byte(`{"alg":"ES256","typ":"at+jwt","crit":["x"]}`)) + ".e30.AA", ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := authenticate(t, rs, bearer(tt.token))
			if tt.kind == nil && err == nil {
				return
			}
			wantError(t, err, tt.kind, "")
		})
	}
	// What is configured counts, also where the key would fit.
	strict := s.resource(t, func(c *ResourceServerConfig) { c.Servers[0].Algorithms = []Algorithm{PS256} })
	_, err = authenticate(t, strict, bearer(s.accessToken(t, nil)))
	wantError(t, err, ErrAlgorithm, "alg")
}

func TestAccessTokenAccessors(t *testing.T) {
	s := newUnitServer()
	raw := s.accessToken(t, map[string]any{
		"aud": []string{unitResource, "other"}, "nbf": unitTime, "acr": "gold", "auth_time": unitTime - 7,
		"authorization_details": []map[string]any{{"type": "pay", "actions": []string{"read"}, "amount": 5}},
		"groups":                []string{"a"},
	})
	token, err := authenticate(t, s.resource(t, nil), bearer(raw))
	if err != nil {
		t.Fatal(err)
	}
	if token.Issuer() != unitIssuer || token.Subject() != "alice" || token.ClientID() != unitClient || token.ID() != "at-1" || token.ACR() != "gold" ||
		token.KeyThumbprint() != "" || token.CertificateThumbprint() != "" || token.Raw().Reveal() != raw {
		t.Errorf("%+v", *token.content)
	}
	if !token.Expiry().Equal(time.Unix(unitTime+300, 0)) || !token.IssuedAt().Equal(unitNow()) || !token.AuthTime().Equal(time.Unix(unitTime-7, 0)) {
		t.Errorf("times %v %v %v", token.Expiry(), token.IssuedAt(), token.AuthTime())
	}
	if !token.HasScope("read") || !token.HasScope("write") || token.HasScope("rea") || token.HasScope("Read") || token.HasScope("read write") ||
		token.HasScope("") {
		t.Error("HasScope")
	}
	for range 2 { // what is handed out is a copy
		aud, scope, details := token.Audience(), token.Scope(), token.AuthorizationDetails()
		if !slices.Equal(aud, []string{unitResource, "other"}) || !slices.Equal(scope, []string{"read", "write"}) ||
			len(details) != 1 || details[0].Type != "pay" || details[0].Actions[0] != "read" || string(details[0].Extra["amount"]) != "5" {
			t.Fatal(aud, scope, details)
		}
		details[0].Extra["amount"][0] = '9'
		aud[0], scope[0], details[0].Actions[0], details[0].Extra["amount"] = "", "", "", nil
	}
	var claims struct{ Groups []string }
	if err := token.Claims(&claims); err != nil || !slices.Equal(claims.Groups, []string{"a"}) {
		t.Error(claims, err)
	}
	zero := new(AccessToken)
	if zero.Subject() != "" || zero.HasScope("") || zero.Scope() != nil || !zero.Raw().IsZero() {
		t.Error("the zero AccessToken says something")
	}
	if _, err := zero.MarshalJSON(); !errors.Is(err, ErrConfig) {
		t.Error(err)
	}
}

// TestRareClaims: each of them is kept if it is the only one.
func TestRareClaims(t *testing.T) {
	alone := []rareClaims{{acr: "gold"}, {authTime: unitNow()}, {details: []AuthorizationDetail{{Type: "pay"}}}, {confirm: confirmation{x5t: "t"}}}
	if n := reflect.TypeFor[rareClaims]().NumField(); n != len(alone) {
		t.Errorf("%d of %d are tried", len(alone), n)
	}
	for _, one := range append(alone, rareClaims{}) {
		d := tokenClaims{rare: one.kept()}
		if got := d.rarely(); !reflect.DeepEqual(got, one) {
			t.Errorf("%+v becomes %+v", one, got)
		}
	}
	if (rareClaims{}).kept() != nil {
		t.Error("a token that has none of them has room for them")
	}
}

// TestResourceServerCopies: what becomes of the slices of a configuration afterwards
// changes nothing. That of the nonce keys is in TestProofNonce.
func TestResourceServerCopies(t *testing.T) {
	s := newUnitServer()
	key := proofKeyOf(t, ES256)
	proofs, algs := []Algorithm{ES256}, []Algorithm{ES256}
	types, clients, optional := []string{"at+jwt"}, []string{unitClient}, []string{"jti"}
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.DPoPAlgorithms, c.Servers[0].Algorithms = proofs, algs
		c.Servers[0].Profile = &AccessTokenProfile{Types: types, ClientIDs: clients, Optional: optional}
	})
	proofs[0], algs[0], types[0], clients[0], optional[0] = PS256, PS256, "x+jwt", "another", "sub"
	token := s.accessToken(t, map[string]any{"cnf": boundTo(key)["cnf"], "jti": unitRemoved})
	if _, err := authenticate(t, rs, provenRequestOf(token, signProof(t, key, nil, proofClaims(token, nil)))); err != nil {
		t.Error(err)
	}
}

// TestResourceServerSeveral has three servers with keys of their own: a token is
// verified with the keys of the one that it says it is from.
func TestResourceServerSeveral(t *testing.T) {
	const (
		other    = "https://other.example"
		template = "https://login.example/{tenantid}/v2.0"
		tenant   = "11111111-2222-3333-4444-555555555555"
		stranger = "99999999-2222-3333-4444-555555555555"
		own      = "https://login.example/" + stranger + "/v2.0"
	)
	s := newUnitServer()
	key, err := GenerateSigningKey(ES256)
	if err != nil {
		t.Fatal(err)
	}
	keys := func(k *SigningKey) *KeySet {
		set, err := ParseKeySet([]byte(`{"keys":[` + string(k.PublicJWK()) + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers = append(c.Servers,
			TrustedServer{Server: &AuthorizationServer{Issuer: other}, KeySet: keys(key)},
			TrustedServer{Server: &AuthorizationServer{Issuer: template}, KeySet: keys(key), AcceptIssuer: func(iss, tid string) bool {
				return tid == tenant && iss == "https://login.example/"+tenant+"/v2.0"
			}})
	})
	for _, tt := range []struct {
		name string
		key  *SigningKey
		iss  any
		tid  any
		kind error
	}{
		{"first", s.key, unitIssuer, unitRemoved, nil},
		{"second", key, other, unitRemoved, nil},
		{"tenant", key, "https://login.example/" + tenant + "/v2.0", tenant, nil},
		{"first with the key of the second", key, unitIssuer, unitRemoved, ErrKeyNotFound},
		{"second with the key of the first", s.key, other, unitRemoved, ErrIssuer},
		{"a stranger's tenant", key, own, stranger, ErrIssuer},
		{"tid of another tenant", key, own, tenant, ErrIssuer},
		{"no tid", key, "https://login.example/" + tenant + "/v2.0", unitRemoved, ErrClaim},
		{"the template itself", key, template, tenant, ErrIssuer},
		{"second in other case", key, "https://OTHER.example", unitRemoved, ErrIssuer},
		{"nobody's", key, "https://nobody.example", unitRemoved, ErrIssuer},
		{"no iss", key, unitRemoved, unitRemoved, ErrClaim},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := tt.key.SignJWT("at+jwt", accessClaims(map[string]any{"iss": tt.iss, "tid": tt.tid}))
			if err != nil {
				t.Fatal(err)
			}
			token, err := authenticate(t, rs, bearer(raw))
			if tt.kind != nil {
				wantError(t, err, tt.kind, "")
			} else if err != nil {
				t.Error(err)
			} else if token.Issuer() != tt.iss {
				t.Error(token.Issuer())
			}
		})
	}
	for _, raw := range []string{"e30.e30", "eyJhbGciOiJFUzI1NiJ9.!.AA", "eyJhbGciOiJFUzI1NiJ9.e30.!"} {
		_, err := authenticate(t, rs, bearer(raw))
		if !errors.Is(err, ErrParse) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestResourceServerHeaderFirst: of several servers' tokens the claims are read only
// if one of them could have such a header.
func TestResourceServerHeaderFirst(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Servers = append(
			c.Servers,
			TrustedServer{Server: &AuthorizationServer{Issuer: "https://other.example", JWKSURI: unitIssuer + "/jwks"}, Algorithms: []Algorithm{PS256}},
		)
	})
	if rs.servers[0].keys != rs.servers[1].keys {
		t.Error("two KeySets for one jwks_uri")
	}
	header := func(h string) string { return encodeBase64URL([]byte(h)) + ".!.AA" }
	for h, kind := range map[string]error{
		`{"alg":"none"}`: ErrAlgorithm, `{"alg":"ES256","typ":"logout+jwt"}`: ErrType, `{"alg":"PS256","typ":"at+jwt"}`: ErrParse, `{"alg":"ES256","typ":"at+jwt","crit":[]}`: ErrUnsupported,
	} {
		_, err := authenticate(t, rs, bearer(header(h)))
		wantError(t, err, kind, "")
	}
	rs.CloseIdleConnections()
}

// TestResourceServerUnavailable: keys that cannot be had are no fault of the token.
func TestResourceServerUnavailable(t *testing.T) {
	s := newUnitServer()
	s.set("/jwks", unitAnswer{status: http.StatusBadGateway})
	_, err := authenticate(t, s.resource(t, nil), bearer(s.accessToken(t, nil)))
	wantError(t, err, ErrUnavailable, "jwks_uri")
	if errors.Is(err, ErrInvalid) {
		t.Error("it counts as a bad token")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = authenticate(t, newUnitServer().resource(t, nil), bearer(s.accessToken(t, nil)).WithContext(ctx))
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestResourceServerTrace(t *testing.T) {
	s := newUnitServer()
	var seen []error
	var infos []string
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.Trace = &Trace{RequestRefused: func(_ context.Context, info RefusalInfo) {
			seen = append(seen, info.Err)
			infos = append(infos, fmt.Sprint(info.Method, info.Path, info.Status))
		}}
	})
	for range 2 {
		if _, err := rs.Authenticate(bearer(s.accessToken(t, nil))); err != nil {
			t.Fatal(err)
		}
	}
	_, err := rs.Authenticate(apiRequest())
	handler := rs.Require(Requirement{Scope: []string{"admin"}}, http.NotFoundHandler())
	handler.ServeHTTP(httptest.NewRecorder(), bearer(s.accessToken(t, nil)))
	bad := bearer("x")
	bad.URL.Path = "/a\nINFO"
	handler.ServeHTTP(httptest.NewRecorder(), bad)
	if len(seen) != 3 || seen[0] != err || !errors.Is(seen[1], ErrScope) || !errors.Is(seen[2], ErrParse) {
		t.Errorf("%v", seen)
	}
	if want := []string{"GET/orders401", "GET/orders403", "GET/a%0AINFO401"}; !slices.Equal(infos, want) {
		t.Errorf("%v", infos)
	}
	for _, err := range seen {
		if e := new(Error); !errors.As(err, &e) || e.Op != opResource {
			t.Errorf("%v does not say where it is from", err)
		}
	}
}
