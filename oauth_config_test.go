package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"testing"
	"time"
)

func TestNewClientErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		kind   error
		param  string
	}{
		{"good", func(*Config) {}, nil, ""},
		{"no server", func(c *Config) { c.Server = nil }, ErrConfig, "Server"},
		{"no issuer", func(c *Config) { c.Server.Issuer = "" }, ErrConfig, "Server.Issuer"},
		{"broken Extra", func(c *Config) { c.Server.Extra = map[string]json.RawMessage{"issuer": json.RawMessage("1")} }, ErrConfig, "Server"},
		{"no client_id", func(c *Config) { c.Metadata.ClientID = "" }, ErrConfig, "Metadata.ClientID"},
		{"template without AcceptIssuer", func(c *Config) { c.Server.Issuer = "https://x.example/{tenantid}" }, ErrConfig, "AcceptIssuer"},
		{"AcceptIssuer without template", func(c *Config) { c.AcceptIssuer = func(string, string) bool { return true } }, ErrConfig, "AcceptIssuer"},
		{"template and issuer audience", func(c *Config) {
			tenants("https://x.example/{tenantid}", true)(c)
			c.Auth = PrivateKeyJWT(unitKey(), nil)
		}, ErrConfig, "AssertionOptions.Audience"},
		{"template and token endpoint audience", func(c *Config) {
			tenants("https://x.example/{tenantid}", true)(c)
			c.Auth = PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: TokenEndpointAudience})
		}, nil, ""},
		{"token endpoint audience without one", func(c *Config) {
			c.Server.TokenEndpoint = ""
			c.Auth = PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: TokenEndpointAudience})
		}, ErrConfig, "token_endpoint"},
		{"tolerance", func(c *Config) { c.Clock.Tolerance = 10*time.Minute + 1 }, ErrConfig, "Clock.Tolerance"},
		{"tolerance at the limit", func(c *Config) { c.Clock.Tolerance = 10 * time.Minute }, nil, ""},
		{"skew", func(c *Config) { c.Clock.Skew = -25 * time.Hour }, ErrConfig, "Clock.Skew"},
		{"negative default_max_age", func(c *Config) { c.Metadata.DefaultMaxAge = int64p(-1) }, ErrConfig, "Metadata.DefaultMaxAge"},
		{"negative lifetime", func(c *Config) { c.AuthorizationLifetime = -1 }, ErrConfig, "AuthorizationLifetime"},
		{"long lifetime", func(c *Config) { c.AuthorizationLifetime = 24*time.Hour + 1 }, ErrConfig, "AuthorizationLifetime"},
		{"longest lifetime", func(c *Config) { c.AuthorizationLifetime = 24 * time.Hour }, nil, ""},
		{"an audience of nobody", func(c *Config) { c.TrustedAudiences = []string{"a", ""} }, ErrConfig, "TrustedAudiences"},
		{"zero key set", func(c *Config) { c.KeySet = new(KeySet) }, ErrConfig, "KeySet"},
		{"zero request key", func(c *Config) { c.RequestKey = new(SigningKey) }, ErrConfig, "RequestKey"},
		{"zero assertion key", func(c *Config) { c.Auth = PrivateKeyJWT(new(SigningKey), nil) }, ErrConfig, "Auth"},
		{"DPoP without its key", func(c *Config) { c.AllowTokenTypes = []string{"dPoP"} }, ErrConfig, "AllowTokenTypes"},
		{"bound tokens without a key", func(c *Config) { c.Metadata.DPoPBoundAccessTokens = true }, ErrConfig, "DPoP"},
		{"bound tokens with a key", func(c *Config) { c.Metadata.DPoPBoundAccessTokens, c.DPoP = true, must(NewDPoP(unitKey(), Clock{})) }, nil, ""},
		{"bound tokens of a client that only verifies", func(c *Config) { c.Metadata.DPoPBoundAccessTokens, c.Auth = true, nil }, nil, ""},
		{"empty DPoP", func(c *Config) { c.DPoP = new(DPoP) }, ErrConfig, "DPoP"},
		{"template and assertions made elsewhere", func(c *Config) {
			tenants("https://x.example/{tenantid}", true)(c)
			c.Auth = ClientAssertion(func(context.Context, string) (string, error) { return "x", nil })
		}, ErrConfig, "Auth"},
		{"nil auth", func(c *Config) { c.Auth = nil }, nil, ""},
		{"empty secret", func(c *Config) { c.Auth = ClientSecretBasic("") }, ErrConfig, "Auth"},
		{"id token alg none", func(c *Config) { c.Metadata.IDTokenSignedResponseAlg = "none" }, ErrAlgorithm, "Metadata.IDTokenSignedResponseAlg"},
		{"id token alg HS256", func(c *Config) { c.Metadata.IDTokenSignedResponseAlg = HS256 }, ErrAlgorithm, "Metadata.IDTokenSignedResponseAlg"},
		{"id token alg in small letters", func(c *Config) { c.Metadata.IDTokenSignedResponseAlg = "rs256" }, ErrAlgorithm, "Metadata.IDTokenSignedResponseAlg"},
		{"userinfo alg HS256", func(c *Config) { c.Metadata.UserinfoSignedResponseAlg = HS256 }, ErrAlgorithm, "Metadata.UserinfoSignedResponseAlg"},
		{
			"authorization alg none",
			func(c *Config) { c.Metadata.AuthorizationSignedResponseAlg = "none" },
			ErrAlgorithm,
			"Metadata.AuthorizationSignedResponseAlg",
		},
		{
			"introspection alg HS512",
			func(c *Config) { c.Metadata.IntrospectionSignedResponseAlg = HS512 },
			ErrAlgorithm,
			"Metadata.IntrospectionSignedResponseAlg",
		},
		{"a good alg before a bad one", func(c *Config) {
			c.Metadata.UserinfoSignedResponseAlg, c.Metadata.IntrospectionSignedResponseAlg = ES256, HS512
		}, ErrAlgorithm, "Metadata.IntrospectionSignedResponseAlg"},
		{
			"list of nothing we verify",
			func(c *Config) { c.Server.IDTokenSigningAlgValuesSupported = []Algorithm{"none", HS256} },
			ErrAlgorithm,
			"Server.IDTokenSigningAlgValuesSupported",
		},
		{"empty list", func(c *Config) { c.Server.IDTokenSigningAlgValuesSupported = []Algorithm{} }, ErrAlgorithm, "Server.IDTokenSigningAlgValuesSupported"},
		{"no list", func(c *Config) { c.Server.IDTokenSigningAlgValuesSupported = nil }, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnitServer()
			cfg := s.config()
			tt.change(&cfg)
			c, err := NewClient(cfg)
			if tt.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if c != nil {
				t.Error("a Client came with the error")
			}
			wantError(t, err, tt.kind, tt.param)
			if len(s.requests("")) > 0 {
				t.Error("a request was made")
			}
		})
	}
}

// A Client keeps nothing that its caller can change afterwards.
func TestNewClientCopies(t *testing.T) {
	s := newUnitServer()
	cfg := s.config()
	age := int64(60)
	cfg.Metadata.DefaultMaxAge = &age
	cfg.AllowTokenTypes, cfg.TrustedAudiences = []string{"mac"}, []string{"api"}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Server.Issuer, cfg.Server.IDTokenSigningAlgValuesSupported[0], age, cfg.AllowTokenTypes[0] = "x", "none", 1, "x"
	cfg.TrustedAudiences[0] = "x"
	if c.server.Issuer != unitIssuer || c.idTokens.allowed[0] != ES256 || *c.meta.DefaultMaxAge != 60 || c.tokenTypes[0] != "mac" || c.audiences[0] != "api" {
		t.Error("the client changed with its configuration")
	}
	if cfg.HTTPClient.CheckRedirect != nil {
		t.Error("the caller's http.Client was changed")
	}
}

// The fallbacks of the specification: configured, else the server's list,
// else RS256.
func TestIDTokenAlgorithms(t *testing.T) {
	s := newUnitServer()
	for _, tt := range []struct {
		name       string
		configured Algorithm
		list       []Algorithm
		want       string
	}{
		{"configured", ES256, []Algorithm{RS256}, "ES256"},
		{"listed", "", []Algorithm{"HS256", PS256, "none", ES256}, "PS256, ES256"},
		{"neither", "", nil, "RS256"},
	} {
		c := s.client(t, func(c *Config) {
			c.Metadata.IDTokenSignedResponseAlg, c.Server.IDTokenSigningAlgValuesSupported = tt.configured, tt.list
		})
		if got := joinAlgorithms(c.idTokens.allowed); got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

// A client without Auth verifies, and says what is missing when it is called
// for more. A client without keys says so when it needs them.
func TestPartialClients(t *testing.T) {
	s := newUnitServer()
	c := s.client(t, func(c *Config) { c.Auth = nil })
	if _, err := c.VerifyIDToken(context.Background(), s.sign(t, "", unitClaims(nil)), VerifyIDTokenOptions{}); err != nil {
		t.Error(err)
	}
	_, err := c.post(context.Background(), tokenEndpoint, "test", url.Values{}, headerFields{})
	wantError(t, err, ErrConfig, "Auth")
	c = s.client(t, func(c *Config) { c.Server.JWKSURI = "" })
	_, err = c.VerifyIDToken(context.Background(), s.sign(t, "", unitClaims(nil)), VerifyIDTokenOptions{})
	wantError(t, err, ErrConfig, "jwks_uri")
	c = s.client(t, func(c *Config) { c.Server.JWKSURI = "http://op.example/jwks" })
	_, err = c.VerifyIDToken(context.Background(), s.sign(t, "", unitClaims(nil)), VerifyIDTokenOptions{})
	wantError(t, err, ErrInsecureURL, "jwks_uri")
	if e := new(Error); !errors.As(err, &e) || e.Op != opKeySet {
		t.Errorf("the error is of the operation %q", e.Op)
	}
	keys, err := ParseKeySet([]byte(`{"keys":[` + string(s.key.PublicJWK()) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	c = s.client(t, func(c *Config) { c.Server.JWKSURI = ""; c.KeySet = keys })
	if _, err := c.VerifyIDToken(context.Background(), s.sign(t, "", unitClaims(nil)), VerifyIDTokenOptions{}); err != nil {
		t.Error(err)
	}
	c.CloseIdleConnections()
}

func TestEndpointsAreCheckedWhenUsed(t *testing.T) {
	s := newUnitServer()
	called := false
	c := s.client(t, func(c *Config) {
		c.Server.TokenEndpoint = "http://op.example/token"
		c.Auth = ClientAssertion(func(context.Context, string) (string, error) { called = true; return "x", nil })
	})
	_, err := c.post(context.Background(), tokenEndpoint, "test", url.Values{"a": {"b"}}, headerFields{})
	wantError(t, err, ErrInsecureURL, "token_endpoint")
	if called || len(s.requests("")) > 0 {
		t.Error("something secret was made for an http endpoint")
	}
}

// The client authenticates for every request, and what it adds stays in it.
func TestPostLeavesFormAlone(t *testing.T) {
	s := newUnitServer()
	s.answer("/token", `{}`)
	c := s.client(t, nil)
	form := url.Values{"a": {"b"}}
	if _, err := c.post(context.Background(), tokenEndpoint, "test", form, headerFields{}); err != nil {
		t.Fatal(err)
	}
	if len(form) != 1 {
		t.Errorf("form %v", form)
	}
}

func TestPostCanceled(t *testing.T) {
	s := newUnitServer()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.client(t, nil).post(ctx, tokenEndpoint, "test", url.Values{}, headerFields{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
