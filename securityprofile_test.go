package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// profiled makes a configuration that keeps to a profile, with no more than the profile
// asks for.
func profiled(t testing.TB, s *unitServer, p SecurityProfile) Config {
	cfg := s.config()
	cfg.SecurityProfile = p
	cfg.Server.AuthorizationResponseIssParameterSupported = true
	cfg.Server.TLSClientCertificateBoundAccessTokens = p == FAPI1Advanced || p == FAPICIBA
	cfg.Server.BackchannelAuthenticationEndpoint = unitIssuer + "/backchannel"
	if p == SecurityBCP {
		return cfg
	}
	cfg.Auth = PrivateKeyJWT(unitKey(), nil)
	if p == FAPI2SecurityProfile || p == FAPI2MessageSigning {
		cfg.DPoP = unitDPoP(t)
	}
	if p != FAPI2SecurityProfile {
		cfg.RequestKey = unitKey()
	}
	return cfg
}

// citesSection reports whether a text names the profile, and a section that says so.
func citesSection(p SecurityProfile, text string) bool {
	return regexp.MustCompile(`\(` + regexp.QuoteMeta(p.String()) + `, ([^()]+ )?Section [0-9]+(\.[0-9]+)*(, number [0-9]+)?\)`).MatchString(text)
}

var allProfiles = []SecurityProfile{SecurityBCP, FAPI1Advanced, FAPI2SecurityProfile, FAPI2MessageSigning, FAPICIBA}

// insecureKeys may come by http.
func insecureKeys() *KeySet {
	return must(NewKeySet("http://op.example/jwks", &KeySetOptions{InsecureAllowHTTP: true}))
}

// TestProfileConfigurations: each thing that a profile forbids, by its section, and that
// the same is taken without the profile.
func TestProfileConfigurations(t *testing.T) {
	s := newUnitServer()
	rs256 := must(GenerateSigningKey(RS256))
	fapi := []SecurityProfile{FAPI1Advanced, FAPI2SecurityProfile, FAPI2MessageSigning, FAPICIBA}
	fapi1, fapi2 := []SecurityProfile{FAPI1Advanced, FAPICIBA}, []SecurityProfile{FAPI2SecurityProfile, FAPI2MessageSigning}
	signing := []SecurityProfile{FAPI1Advanced, FAPI2MessageSigning, FAPICIBA}
	for _, p := range allProfiles {
		if _, err := NewClient(profiled(t, s, p)); err != nil {
			t.Fatalf("%v: %v", p, err)
		}
	}
	for _, tt := range []struct {
		name    string
		in      []SecurityProfile
		change  func(*Config)
		kind    error
		param   string
		section string
	}{
		{"http", fapi, func(c *Config) { c.InsecureAllowHTTP = true }, ErrConfig, "InsecureAllowHTTP", "Section"},
		{"http for keys", fapi, func(c *Config) { c.KeySet = insecureKeys() }, ErrConfig, "KeySet", "Section"},
		{"ID tokens with RS256", fapi, func(c *Config) {
			c.Metadata.IDTokenSignedResponseAlg = RS256
		}, ErrAlgorithm, "Metadata.IDTokenSignedResponseAlg", "Section"},
		{"a server that signs ID tokens with RS256 alone", fapi, func(c *Config) { c.Server.IDTokenSigningAlgValuesSupported = []Algorithm{RS256} }, ErrUnsupported, "Server.IDTokenSigningAlgValuesSupported", "Section"},
		{"userinfo with RS256", fapi, func(c *Config) { c.Metadata.UserinfoSignedResponseAlg = RS256 }, ErrAlgorithm, "Metadata.UserinfoSignedResponseAlg", "Section"},
		{"JARM with RS256", fapi, func(c *Config) { c.Metadata.AuthorizationSignedResponseAlg = RS256 }, ErrAlgorithm, "Metadata.AuthorizationSignedResponseAlg", "Section"},
		{"introspection with PS512", fapi, func(c *Config) { c.Metadata.IntrospectionSignedResponseAlg = PS512 }, ErrAlgorithm, "Metadata.IntrospectionSignedResponseAlg", "Section"},
		{"requests with RS256", fapi, func(c *Config) { c.RequestKey = rs256 }, ErrAlgorithm, "RequestKey", "Section"},
		{"requests with EdDSA", fapi1, func(c *Config) { c.RequestKey = jwksKey("a") }, ErrAlgorithm, "RequestKey", "Section"},
		{"proofs with RS256", fapi2, func(c *Config) { c.DPoP = must(NewDPoP(rs256, Clock{})) }, ErrAlgorithm, "DPoP", "Section 5.4.1"},
		{"assertions with RS256", fapi, func(c *Config) { c.Auth = PrivateKeyJWT(rs256, nil) }, ErrAlgorithm, "Auth", "Section"},
		{"a public client", fapi, func(c *Config) { c.Auth = PublicClient() }, ErrConfig, "Auth", "Section"},
		{"client_secret_basic", fapi, func(c *Config) { c.Auth = ClientSecretBasic("secret") }, ErrConfig, "Auth", "Section"},
		{"client_secret_post", fapi, func(c *Config) { c.Auth = ClientSecretPost("secret") }, ErrConfig, "Auth", "Section"},
		{"a secret of a function", fapi, func(c *Config) {
			c.Auth = ClientSecretBasicFunc(func(context.Context) (string, error) { return "secret", nil })
		}, ErrConfig, "Auth", "Section"},
		{"client_secret_jwt", fapi, func(c *Config) { c.Auth = ClientSecretJWT(strings.Repeat("s", 32), HS256, nil) }, ErrConfig, "Auth", "Section"},
		{"an assertion for the token endpoint", fapi2, func(c *Config) {
			c.Auth = PrivateKeyJWT(unitKey(), &AssertionOptions{Audience: TokenEndpointAudience})
		}, ErrConfig, "Auth", "Section 5.3.3.1, number 5"},
		{"no certificate", fapi1, func(c *Config) { c.HTTPClient = nil }, ErrConfig, "MTLS", "Section 5.2.3"},
		{"a server that binds nothing", fapi1, func(c *Config) { c.Server.TLSClientCertificateBoundAccessTokens = false }, ErrConfig, "MTLS", "Section 5.2.3"},
		{"no key", fapi2, func(c *Config) { c.DPoP = nil }, ErrConfig, "DPoP", "Section 5.3.3.1, number 1"},
		{"a server that binds, and no certificate", fapi2, func(c *Config) {
			c.DPoP, c.HTTPClient, c.Server.TLSClientCertificateBoundAccessTokens = nil, nil, true
		}, ErrConfig, "DPoP", "Section 5.3.3.1, number 1"},
		{"Bearer beside DPoP", fapi2, func(c *Config) { c.AllowTokenTypes = []string{"bearer"} }, ErrConfig, "AllowTokenTypes", "Section 5.3.3.1, number 1"},
		{"Bearer by another name beside DPoP", fapi2, func(c *Config) { c.AllowTokenTypes = []string{"BearerToken"} }, ErrConfig, "AllowTokenTypes", "Section 5.3.3.1, number 1"},
		{"no type beside DPoP", fapi2, func(c *Config) { c.AllowTokenTypes = []string{""} }, ErrConfig, "AllowTokenTypes", "Section 5.3.3.1, number 1"},
		{"a server without PAR", fapi2, func(c *Config) { c.Server.PushedAuthorizationRequestEndpoint = "" }, ErrUnsupported, "pushed_authorization_request_endpoint", "Section 5.3.3.2, number 2"},
		{"a server without iss", []SecurityProfile{FAPI2SecurityProfile}, func(c *Config) { c.Server.AuthorizationResponseIssParameterSupported = false }, ErrUnsupported, "authorization_response_iss_parameter_supported", "Section 5.3.3.2, number 5"},
		{"requests that are not signed", signing, func(c *Config) { c.RequestKey = nil }, ErrConfig, "RequestKey", "Section"},
		{"CIBA requests that are not signed", []SecurityProfile{FAPICIBA}, func(c *Config) { c.RequestKey, c.Server.AuthorizationEndpoint = nil, "" }, ErrConfig, "RequestKey", "Section 5.2.3"},
	} {
		for _, p := range tt.in {
			cfg := profiled(t, s, p)
			tt.change(&cfg)
			c, err := NewClient(cfg)
			if c != nil {
				t.Errorf("%v, %s: is taken", p, tt.name)
				continue
			}
			wantError(t, err, tt.kind, tt.param)
			if text := err.Error(); !citesSection(p, text) || !strings.Contains(text, tt.section) {
				t.Errorf("%v, %s: %s\n\tdoes not name the profile and %s", p, tt.name, text, tt.section)
			}
			cfg.SecurityProfile = 0
			if _, err := NewClient(cfg); err != nil {
				t.Errorf("%s is refused without a profile, too: %v", tt.name, err)
			}
		}
	}
	for _, p := range fapi {
		cfg := profiled(t, s, p)
		cfg.Metadata.UserinfoSignedResponseAlg, cfg.Metadata.IntrospectionSignedResponseAlg = plainJSON, plainJSON
		if _, err := NewClient(cfg); err != nil {
			t.Errorf("%v, answers that are not signed: %v", p, err)
		}
		cfg.Auth, cfg.DPoP, cfg.RequestKey, cfg.HTTPClient, cfg.Server.PushedAuthorizationRequestEndpoint = nil, nil, nil, nil, ""
		cfg.Server.AuthorizationResponseIssParameterSupported = false
		if _, err := NewClient(cfg); err != nil {
			t.Errorf("%v, a client that only verifies: %v", p, err)
		}
	}
	for _, p := range fapi1 {
		cfg := profiled(t, s, p)
		cfg.Server.TLSClientCertificateBoundAccessTokens, cfg.Metadata.TLSClientCertificateBoundAccessTokens = false, true
		if _, err := NewClient(cfg); err != nil {
			t.Errorf("%v, a client that is registered with bound tokens: %v", p, err)
		}
	}
	// What a profile says of logins asks nothing of a client that has none, and what it says
	// of bound tokens is said of a certificate as well as of a key.
	for _, p := range fapi2 {
		cfg := profiled(t, s, p)
		cfg.Server.AuthorizationEndpoint, cfg.Server.PushedAuthorizationRequestEndpoint = "", ""
		cfg.Server.AuthorizationResponseIssParameterSupported, cfg.RequestKey = false, nil
		if _, err := NewClient(cfg); err != nil {
			t.Errorf("%v, a client without logins: %v", p, err)
		}
		cfg = profiled(t, s, p)
		cfg.DPoP, cfg.Server.TLSClientCertificateBoundAccessTokens, cfg.AllowTokenTypes = nil, true, []string{"BearerToken"}
		cfg.Auth = TLSClientAuth()
		if _, err := NewClient(cfg); err != nil {
			t.Errorf("%v, Bearer by another name with a certificate: %v", p, err)
		}
	}
	for p, name := range map[SecurityProfile]string{
		SecurityBCP: "RFC 9700", FAPI1Advanced: "FAPI 1.0 Advanced", FAPI2SecurityProfile: "FAPI 2.0 Security Profile",
		FAPI2MessageSigning: "FAPI 2.0 Message Signing", FAPICIBA: "FAPI-CIBA",
	} {
		if p.String() != name {
			t.Errorf("%d is called %s", p, p)
		}
	}
	cfg := s.config()
	cfg.SecurityProfile = SecurityProfile(len(securityProfiles))
	_, err := NewClient(cfg)
	wantError(t, err, ErrConfig, "SecurityProfile")
	if got := cfg.SecurityProfile.String(); got != "unknown" || SecurityProfile(0).String() != "" {
		t.Errorf("the profiles are called %q and %q", got, SecurityProfile(0))
	}
}

// TestProfileRequests: what later calls refuse, and what they fix.
func TestProfileRequests(t *testing.T) {
	ctx := context.Background()
	s := newUnitServer()
	s.set("/par", unitAnswer{status: 201, mediaType: mediaJSON, body: `{"request_uri":"urn:r","expires_in":60}`})
	clients := map[SecurityProfile]*Client{}
	for _, p := range allProfiles {
		clients[p] = must(NewClient(profiled(t, s, p)))
	}
	clients[0] = s.client(t, func(c *Config) { c.RequestKey = unitKey() })
	req := func(change func(*AuthorizationRequest)) *AuthorizationRequest {
		r := &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}}
		change(r)
		return r
	}
	fapi2 := []SecurityProfile{FAPI2SecurityProfile, FAPI2MessageSigning}
	jarm := []SecurityProfile{FAPI1Advanced, FAPI2MessageSigning, FAPICIBA}
	for _, tt := range []struct {
		name  string
		in    []SecurityProfile
		r     *AuthorizationRequest
		param string
	}{
		{"no PKCE", allProfiles, req(func(r *AuthorizationRequest) { r.InsecureNoPKCE, r.ResponseMode = true, "jwt" }), "InsecureNoPKCE"},
		{"no nonce", allProfiles, req(func(r *AuthorizationRequest) { r.InsecureNoNonce, r.ResponseMode = true, "jwt" }), "InsecureNoNonce"},
		{"code id_token", fapi2, req(func(r *AuthorizationRequest) { r.ResponseType, r.ResponseMode = "code id_token", "form_post" }), "ResponseType"},
		{"id_token", []SecurityProfile{FAPI1Advanced, FAPICIBA}, req(func(r *AuthorizationRequest) {
			r.ResponseType, r.ResponseMode = "id_token", "form_post.jwt"
		}), "ResponseType"},
		{"query", jarm, req(func(r *AuthorizationRequest) { r.ResponseMode = "query" }), "ResponseMode"},
		{"form_post", jarm, req(func(r *AuthorizationRequest) { r.ResponseMode = "form_post" }), "ResponseMode"},
	} {
		for _, p := range tt.in {
			before := len(s.requests("/par"))
			a, err := clients[p].StartAuthorization(ctx, tt.r)
			if a != nil || len(s.requests("/par")) != before {
				t.Errorf("%v, %s: is sent", p, tt.name)
				continue
			}
			if wantError(t, err, ErrConfig, tt.param); !citesSection(p, err.Error()) {
				t.Errorf("%v, %s: %v", p, tt.name, err)
			}
		}
		if _, err := clients[0].StartAuthorization(ctx, tt.r); err != nil {
			t.Errorf("%s is refused without a profile, too: %v", tt.name, err)
		}
	}
	for p, c := range clients {
		pushes := len(s.requests("/par"))
		a, err := c.StartAuthorization(ctx, req(func(*AuthorizationRequest) {}))
		if err != nil {
			t.Fatalf("%v: %v", p, err)
		}
		if pushed := len(s.requests("/par")) > pushes; pushed != slices.Contains(fapi2, p) {
			t.Errorf("%v: pushed is %v", p, pushed)
		}
		if mode := a.content.responseMode; (mode == "jwt") != slices.Contains(jarm, p) {
			t.Errorf("%v: the response mode is %q", p, mode)
		}
		_, err = c.VerifyIDToken(ctx, s.sign(t, "JWT", unitClaims(nil)), VerifyIDTokenOptions{InsecureNoNonce: true})
		if p != 0 {
			wantError(t, err, ErrConfig, "InsecureNoNonce")
		} else if err != nil {
			t.Errorf("%v: without a nonce: %v", p, err)
		}
		if p == FAPI2SecurityProfile {
			_, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"code": {"c"}, "state": {a.State()}})
			wantError(t, err, ErrIssuer, "iss")
		}
		token := &Token{AccessToken: NewSecret("at"), TokenType: "Bearer"}
		if c.dpop != nil {
			token.TokenType = "DPoP"
		}
		s.answer("/userinfo", `{"sub":"alice"}`)
		_, err = c.UserInfo(ctx, token, &UserInfoOptions{InsecureSkipSubject: true})
		if p == 0 && err != nil || p != 0 && !errors.Is(err, ErrConfig) {
			t.Errorf("%v: userinfo of anybody: %v", p, err)
		} else if p != 0 {
			wantError(t, err, ErrConfig, "InsecureSkipSubject")
		}
		if _, err := c.UserInfo(ctx, token, &UserInfoOptions{Subject: "alice"}); err != nil {
			t.Errorf("%v: userinfo: %v", p, err)
		}
		token.login = &identity{subject: "alice"}
		if _, err := c.UserInfo(ctx, token, nil); err != nil {
			t.Errorf("%v: userinfo of the token's user: %v", p, err)
		}
	}
	// The ID token is the response of FAPI 1, and has to have s_hash.
	if c := clients[FAPI1Advanced]; !c.detached {
		t.Error("s_hash is not required")
	}
	if _, err := clients[FAPI1Advanced].StartAuthorization(ctx, req(func(r *AuthorizationRequest) { r.ResponseType, r.ResponseMode = "code id_token", "form_post" })); err != nil {
		t.Error(err)
	}
	// A backchannel request is signed, although the metadata do not say so.
	s.answer("/backchannel", `{"auth_req_id":"r","expires_in":60}`)
	if _, err := clients[FAPICIBA].StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"}); err != nil {
		t.Fatal(err)
	}
	if form := s.requests("/backchannel")[0].form; form.Get("request") == "" || form.Has("login_hint") {
		t.Errorf("sent %v", form)
	}
	// One that they name is not replaced by the key's.
	cfg := profiled(t, s, FAPICIBA)
	cfg.Metadata.BackchannelRequestAlg = PS256
	_, err := must(NewClient(cfg)).StartBackchannelAuthentication(ctx, &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"})
	wantError(t, err, ErrConfig, "RequestKey")
	// A certificate of Config.MTLS is one, whatever else there is to make requests with.
	cfg = profiled(t, s, FAPI1Advanced)
	cfg.MTLS, cfg.HTTPClient = unitMTLS(s), nil
	if _, err := NewClient(cfg); err != nil {
		t.Error(err)
	}
}

// TestProfileAlgorithms: a token that is good without a profile is not with one.
func TestProfileAlgorithms(t *testing.T) {
	s := newUnitServer()
	rs256 := must(GenerateSigningKey(RS256))
	keys := must(ParseKeySet([]byte(`{"keys":[` + string(rs256.PublicJWK()) + `]}`)))
	raw := must(rs256.SignJWT("JWT", unitClaims(nil)))
	for _, p := range append([]SecurityProfile{0}, allProfiles...) {
		cfg := profiled(t, s, p)
		cfg.KeySet, cfg.Server.IDTokenSigningAlgValuesSupported = keys, []Algorithm{ES256, RS256}
		_, err := must(NewClient(cfg)).VerifyIDToken(context.Background(), raw, VerifyIDTokenOptions{})
		if want := p > SecurityBCP; want != errors.Is(err, ErrAlgorithm) || !want && err != nil {
			t.Errorf("%v: %v", p, err)
		}
		// Where nobody says which, they are those of the profile.
		cfg.Server.IDTokenSigningAlgValuesSupported = nil
		_, err = must(NewClient(cfg)).VerifyIDToken(context.Background(), raw, VerifyIDTokenOptions{})
		if want := p > SecurityBCP; want != errors.Is(err, ErrAlgorithm) || !want && err != nil {
			t.Errorf("%v, no list: %v", p, err)
		}
	}
}

// TestProfileResourceServer: what an API refuses to be made of, and which tokens.
func TestProfileResourceServer(t *testing.T) {
	s := newUnitServer()
	asks := func(c *ResourceServerConfig) {
		c.Revoked = func(context.Context, *AccessToken) (bool, error) { return false, nil }
	}
	introspects := func(signed Algorithm) func(*ResourceServerConfig) {
		return func(c *ResourceServerConfig) {
			c.Introspect = s.introspector(t, func(c *Config) { c.Metadata.IntrospectionSignedResponseAlg = signed })
		}
	}
	fapi := []SecurityProfile{FAPI1Advanced, FAPI2SecurityProfile, FAPI2MessageSigning, FAPICIBA}
	for _, tt := range []struct {
		name   string
		in     []SecurityProfile
		change func(*ResourceServerConfig)
		kind   error
		param  string
	}{
		{"nobody is asked", fapi, func(*ResourceServerConfig) {}, ErrConfig, "Revoked"},
		{"keys that are not bound", fapi, func(c *ResourceServerConfig) {
			asks(c)
			c.OtherCredentials = func(*http.Request, Requirement) (context.Context, error) { return nil, nil }
		}, ErrConfig, "OtherCredentials"},
		{"http", fapi, func(c *ResourceServerConfig) { asks(c); c.InsecureAllowHTTP = true }, ErrConfig, "InsecureAllowHTTP"},
		{"http for keys", fapi, func(c *ResourceServerConfig) { asks(c); c.Servers[0].KeySet = insecureKeys() }, ErrConfig, "Servers.KeySet"},
		{"http for who asks, with keys of their own", fapi, func(c *ResourceServerConfig) {
			c.Introspect = s.introspector(t, func(c *Config) {
				c.InsecureAllowHTTP, c.KeySet, c.Metadata.IntrospectionSignedResponseAlg = true, setOfKeys(s.key), ES256
			})
		}, ErrConfig, "Introspect"},
		{"http for the keys of who asks", fapi, func(c *ResourceServerConfig) {
			c.Introspect = s.introspector(t, func(c *Config) { c.KeySet, c.Metadata.IntrospectionSignedResponseAlg = insecureKeys(), ES256 })
		}, ErrConfig, "Introspect"},
		{"tokens with RS256", fapi, func(c *ResourceServerConfig) { asks(c); c.Servers[0].Algorithms = []Algorithm{RS256} }, ErrAlgorithm, "Servers.Algorithms"},
		{"proofs with RS256", fapi, func(c *ResourceServerConfig) { asks(c); c.DPoPAlgorithms = []Algorithm{ES256, RS256} }, ErrAlgorithm, "DPoPAlgorithms"},
		{"introspection that is not signed", []SecurityProfile{FAPI2MessageSigning}, introspects(""), ErrConfig, "Introspect"},
		{"introspection signed with RS256", fapi, introspects(RS256), ErrAlgorithm, "Introspect"},
		{"introspection over http", fapi, func(c *ResourceServerConfig) {
			c.Introspect = s.introspector(t, func(c *Config) { c.InsecureAllowHTTP, c.Metadata.IntrospectionSignedResponseAlg = true, ES256 })
		}, ErrConfig, "Introspect"},
		{"no such profile", []SecurityProfile{99}, asks, ErrConfig, "SecurityProfile"},
	} {
		for _, p := range tt.in {
			cfg := s.resourceConfig()
			cfg.SecurityProfile = p
			tt.change(&cfg)
			rs, err := NewResourceServer(cfg)
			if rs != nil {
				t.Errorf("%v, %s: is made", p, tt.name)
				continue
			}
			if wantError(t, err, tt.kind, tt.param); p < 99 && !citesSection(p, err.Error()) {
				t.Errorf("%v, %s: %v", p, tt.name, err)
			}
			cfg.SecurityProfile = 0
			if _, err := NewResourceServer(cfg); err != nil {
				t.Errorf("%s is refused without a profile, too: %v", tt.name, err)
			}
		}
	}
	for _, p := range append([]SecurityProfile{0, SecurityBCP}, fapi...) {
		rs := s.resource(t, func(c *ResourceServerConfig) { asks(c); c.SecurityProfile = p })
		_, err := authenticate(t, rs, bearer(s.accessToken(t, nil)))
		if want := p > SecurityBCP; want != errors.Is(err, ErrBinding) || !want && err != nil {
			t.Errorf("%v: a token that is bound to nothing: %v", p, err)
		} else if want {
			wantError(t, err, ErrBinding, "cnf")
		}
		if _, err := authenticate(t, rs, certifiedRequest(t, s)); err != nil {
			t.Errorf("%v: a token that is bound to a certificate: %v", p, err)
		}
	}
}

// certifiedRequest is one with a token that is bound to its client certificate.
func certifiedRequest(t *testing.T, s *unitServer) *http.Request {
	t.Helper()
	cert := &x509.Certificate{Raw: []byte("the certificate")}
	r := bearer(s.accessToken(t, map[string]any{"cnf": map[string]any{"x5t#S256": CertificateThumbprint(cert)}}))
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
	return r
}

// TestRevoked: a token that is good in all else is refused if it was revoked, with any
// profile and without one.
func TestRevoked(t *testing.T) {
	s := newUnitServer()
	gone, fault, panics := false, error(nil), false
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.VerifiedTokens = 10
		c.Revoked = func(_ context.Context, token *AccessToken) (bool, error) {
			if panics {
				panic("the list is broken: " + token.Raw().Reveal())
			}
			if token.ID() != "at-1" {
				t.Errorf("asked about %v", token)
			}
			return gone, fault
		}
	})
	raw := s.accessToken(t, nil)
	for _, step := range []struct {
		name string
		set  func()
		kind error
		code int
	}{
		{"good", func() {}, nil, 204},
		{"revoked", func() { gone = true }, ErrInactive, 401},
		{"the list is away", func() { fault = errors.New("no route") }, ErrUnavailable, 503},
		{"the list panics", func() { panics = true }, ErrUnavailable, 503},
		{"good again", func() { gone, fault, panics = false, nil, false }, nil, 204},
	} {
		step.set()
		_, err := authenticate(t, rs, bearer(raw))
		wantError(t, err, step.kind, map[bool]string{true: "Revoked"}[step.kind != nil])
		if fault != nil && !panics && !errors.Is(err, fault) {
			t.Errorf("%s: %v does not say why", step.name, err)
		}
		if text := fmt.Sprint(err); strings.Contains(text, raw) {
			t.Errorf("%s: the text has the token: %s", step.name, text)
		}
		if w, _ := serve(rs, Requirement{}, bearer(raw)); w.Code != step.code {
			t.Errorf("%s: status %d, want %d", step.name, w.Code, step.code)
		}
	}
}

// TestProfileAsksAboutJWTs: with a FAPI profile a JWT that verifies is asked about, and
// the answer is kept as long as IntrospectionTTL says.
func TestProfileAsksAboutJWTs(t *testing.T) {
	s := newUnitServer()
	rs := s.resource(t, func(c *ResourceServerConfig) {
		c.SecurityProfile, c.Introspect = FAPI2SecurityProfile, s.introspector(t, nil)
	})
	r := certifiedRequest(t, s)
	s.answer("/introspect", `{"active":true}`)
	if _, err := authenticate(t, rs, r); err != nil {
		t.Fatal(err)
	}
	if n := len(s.requests("/introspect")); n != 1 {
		t.Fatalf("asked %d times", n)
	}
	s.answer("/introspect", `{"active":false}`)
	_, err := authenticate(t, rs, r)
	wantError(t, err, ErrInactive, "active")
	rs.inquiries = newInquiries() // a second later
	s.set("/introspect", unitAnswer{status: 500})
	_, err = authenticate(t, rs, r)
	wantError(t, err, ErrUnavailable, "Introspect")
	kept := s.resource(t, func(c *ResourceServerConfig) {
		c.SecurityProfile, c.Introspect, c.IntrospectionTTL = FAPI2SecurityProfile, s.introspector(t, nil), maxIntrospectionTTL
	})
	s.answer("/introspect", `{"active":true}`)
	before := len(s.requests("/introspect"))
	for range 3 {
		if _, err := authenticate(t, kept, r); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.requests("/introspect")) - before; n != 1 {
		t.Errorf("asked %d times within the TTL", n)
	}
	// An answer about a token of another issuer, and one of another server, are none. Issuers
	// are compared letter by letter: paths that differ in case are two realms.
	for _, issuer := range []string{"https://other.example", "https://OP.example"} {
		rs.inquiries = newInquiries()
		s.answer("/introspect", fmt.Sprintf(`{"active":true,"iss":%q}`, issuer))
		_, err = authenticate(t, rs, r)
		if wantError(t, err, ErrUnavailable, "Introspect"); !strings.Contains(err.Error(), issuer) {
			t.Error(err)
		}
		elsewhere := s.resource(t, func(c *ResourceServerConfig) {
			c.SecurityProfile, c.Introspect = FAPI2SecurityProfile, s.introspector(t, func(c *Config) { c.Server.Issuer = issuer })
		})
		s.answer("/introspect", `{"active":true}`)
		before := len(s.requests("/introspect"))
		_, err = authenticate(t, elsewhere, r)
		if wantError(t, err, ErrUnavailable, "Introspect"); len(s.requests("/introspect")) != before {
			t.Error("a server that knows nothing of the token is asked")
		}
	}
	// Of an opaque token the answer says that it is active, and nobody asks again.
	s.answer("/introspect", fmt.Sprintf(`{"active":true,"client_id":"c","aud":%q,"exp":%d,"cnf":{"x5t#S256":%q}}`,
		unitResource, unitTime+60, CertificateThumbprint(r.TLS.PeerCertificates[0])))
	before = len(s.requests("/introspect"))
	opaque := r.Clone(context.Background())
	opaque.Header.Set("Authorization", "Bearer opaque-1")
	if _, err := authenticate(t, rs, opaque); err != nil {
		t.Error(err)
	}
	if n := len(s.requests("/introspect")) - before; n != 1 {
		t.Errorf("asked %d times about an opaque token", n)
	}
	// One that does not verify is not asked about.
	if _, err := authenticate(t, rs, bearer(forged(t, s, accessClaims(nil)))); errors.Is(err, ErrInactive) || err == nil {
		t.Errorf("a forged token: %v", err)
	}
	// Without a profile a JWT is its own answer.
	plain := s.resource(t, func(c *ResourceServerConfig) { c.Introspect = s.introspector(t, nil) })
	s.answer("/introspect", `{"active":false}`)
	if _, err := authenticate(t, plain, r); err != nil {
		t.Error(err)
	}
}
