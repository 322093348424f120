package oauth

// The operations of dial_below_test.go: all that talk to a server.

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A belowOperation is one that talks to a server.
type belowOperation struct {
	name       string
	api        []string // what of the API it is
	target     string   // the path on which the answer has a fault
	idempotent bool     // it is a GET, of which one more is sent after a connection broke
	polls      bool     // it asks until it knows
	several    bool     // it makes other requests beside
	renews     bool     // it renews a token, for 30 s whoever waits: a rotated refresh token must not be lost
	unread     bool     // the content of its answer says nothing

	// prepare returns what makes a call: each with what is used up made anew.
	prepare func(t *testing.T, f *belowFixture) func(context.Context) error
}

// answer is the good one to the request for the target.
func (op *belowOperation) answer(f *belowFixture) []byte {
	method := http.MethodPost
	if op.idempotent {
		method = http.MethodGet
	}
	req := must(http.NewRequest(method, f.base+op.target, nil))
	return f.server.rendered(req)
}

// config is a client's, of which the URLs are those of the fixture.
func (f *belowFixture) config() Config {
	s := f.server.good
	s.answer("/token", `{"access_token":"at","token_type":"Bearer","issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}`)
	s.answer("/par", `{"request_uri":"urn:x","expires_in":60}`)
	s.answer("/device", `{"device_code":"dc","user_code":"uc","verification_uri":"https://op.example/d","expires_in":600,"interval":1}`)
	s.answer("/ciba", `{"auth_req_id":"id","expires_in":600,"interval":1}`)
	s.answer("/introspect", `{"active":true,"sub":"alice","iss":"`+unitIssuer+`","exp":1700000300,"scope":"read","client_id":"c","aud":"`+unitResource+`"}`)
	s.answer("/revoke", `{}`)
	s.answer("/userinfo", `{"sub":"alice"}`)
	s.answer("/api", `{"orders":[]}`)
	s.answer("/challenge", `{"attestation_challenge":"abc"}`)
	s.answer("/metadata", `{"issuer":"`+unitIssuer+`","token_endpoint":"`+f.base+`/token","jwks_uri":"`+f.base+`/jwks"}`)
	s.answer("/resource", `{"resource":"`+unitResource+`"}`)
	s.answer("/register", `{"client_id":"c1","redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none"}`)
	s.answer("/register/c1", `{"client_id":"c1","redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none"}`)
	cfg := s.config()
	cfg.HTTPClient, cfg.InsecureAllowHTTP = f.client, true
	as := cfg.Server
	as.TokenEndpoint, as.UserinfoEndpoint, as.PushedAuthorizationRequestEndpoint, as.JWKSURI = f.base+"/token", f.base+"/userinfo", f.base+"/par", f.base+"/jwks"
	as.DeviceAuthorizationEndpoint, as.BackchannelAuthenticationEndpoint = f.base+"/device", f.base+"/ciba"
	as.IntrospectionEndpoint, as.RevocationEndpoint, as.RegistrationEndpoint = f.base+"/introspect", f.base+"/revoke", f.base+"/register"
	return cfg
}

func (f *belowFixture) oauth(t *testing.T, change func(*Config)) *Client {
	t.Helper()
	cfg := f.config()
	if change != nil {
		change(&cfg)
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *belowFixture) discover(path string) *DiscoverOptions {
	return &DiscoverOptions{HTTPClient: f.client, InsecureAllowHTTP: true, URL: f.base + path}
}

func (f *belowFixture) keySet() *KeySet {
	return must(NewKeySet(f.base+"/jwks", &KeySetOptions{HTTPClient: f.client, InsecureAllowHTTP: true}))
}

// asks is an operation that returns a result and an error, of which one is there.
func asks[T any](call func(context.Context) (*T, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		v, err := call(ctx)
		if (v == nil) == (err == nil) {
			return errors.New("a result and an error, or neither")
		}
		return err
	}
}

// reads is a request to a resource, of which the answer is read.
func reads(ctx context.Context, method, target, body string, send func(*http.Request) (*http.Response, error)) error {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	res, err := send(must(http.NewRequestWithContext(ctx, method, target, content)))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	switch {
	case err != nil: // net/http's own
		return &Error{Kind: ErrNetwork, Err: err}
	case string(b) != `{"orders":[]}`:
		return fail(ErrResponse, "", "%.40q came", b)
	}
	return nil
}

// ofClient are operations of a Client, by name: each is called on one of its own.
var ofClient = map[string]struct {
	target     string
	idempotent bool
	polls      bool
	change     func(*Config)
	call       func(c *Client, ctx context.Context, base string) error
}{
	"Client.ClientCredentials": {target: "/token", change: func(c *Config) { c.Auth = PrivateKeyJWT(unitKey(), nil) }, call: func(c *Client, ctx context.Context, _ string) error {
		return asks(func(ctx context.Context) (*Token, error) { return c.ClientCredentials(ctx, nil) })(ctx)
	}},
	"Client.Refresh": {target: "/token", call: func(c *Client, ctx context.Context, _ string) error {
		tok := protectedToken("Bearer")
		tok.RefreshToken = NewSecret("rt")
		return asks(func(ctx context.Context) (*Token, error) { return c.Refresh(ctx, tok, nil) })(ctx)
	}},
	"Client.JWTBearer": {target: "/token", call: func(c *Client, ctx context.Context, _ string) error {
		return asks(func(ctx context.Context) (*Token, error) { return c.JWTBearer(ctx, "a.b.c", nil) })(ctx)
	}},
	"Client.Grant": {target: "/token", call: func(c *Client, ctx context.Context, _ string) error {
		return asks(func(ctx context.Context) (*Token, error) { return c.Grant(ctx, "urn:x:y", nil) })(ctx)
	}},
	"Client.ExchangeToken": {target: "/token", call: func(c *Client, ctx context.Context, _ string) error {
		x := &TokenExchangeRequest{SubjectToken: NewSecret("t"), SubjectTokenType: TokenTypeAccessToken}
		return asks(func(ctx context.Context) (*Token, error) { return c.ExchangeToken(ctx, x, nil) })(ctx)
	}},
	"Client.FinishAuthorization": {target: "/token", call: func(c *Client, ctx context.Context, _ string) error {
		a, query, err := belowLogin(ctx, c)
		if err != nil {
			return err
		}
		r := httptest.NewRequest(http.MethodGet, "/cb?"+query.Encode(), nil).WithContext(ctx)
		return asks(func(context.Context) (*Token, error) { return c.FinishAuthorization(r, a, nil) })(ctx)
	}},
	"Client.ExchangeCode": {target: "/token", call: func(c *Client, ctx context.Context, _ string) error {
		a, query, err := belowLogin(ctx, c)
		if err != nil {
			return err
		}
		resp, err := c.ValidateAuthorizationResponse(ctx, a, query)
		if err != nil {
			return err
		}
		return asks(func(ctx context.Context) (*Token, error) { return c.ExchangeCode(ctx, resp, nil) })(ctx)
	}},
	"Client.StartAuthorization": {target: "/par", call: func(c *Client, ctx context.Context, _ string) error {
		r := &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"a"}, Pushed: true}
		return asks(func(ctx context.Context) (*PendingAuthorization, error) { return c.StartAuthorization(ctx, r) })(ctx)
	}},
	"Client.StartDeviceAuthorization": {target: "/device", call: func(c *Client, ctx context.Context, _ string) error {
		return asks(func(ctx context.Context) (*DeviceAuthorization, error) { return c.StartDeviceAuthorization(ctx, nil) })(ctx)
	}},
	"Client.StartBackchannelAuthentication": {target: "/ciba", call: func(c *Client, ctx context.Context, _ string) error {
		r := &BackchannelAuthenticationRequest{Scope: []string{"openid"}, LoginHint: "alice"}
		return asks(func(ctx context.Context) (*BackchannelAuthentication, error) {
			return c.StartBackchannelAuthentication(ctx, r)
		})(ctx)
	}},
	"Client.DeviceToken": {target: "/token", call: func(c *Client, ctx context.Context, _ string) error {
		return asks(func(ctx context.Context) (*Token, error) { return c.DeviceToken(ctx, belowDevice(), nil) })(ctx)
	}},
	"Client.PollDevice": {target: "/token", polls: true, call: func(c *Client, ctx context.Context, _ string) error {
		return asks(func(ctx context.Context) (*Token, error) { return c.PollDevice(ctx, belowDevice(), nil) })(ctx)
	}},
	"Client.BackchannelAuthenticationToken": {target: "/token", change: withIDToken, call: func(c *Client, ctx context.Context, _ string) error {
		return asks(func(ctx context.Context) (*Token, error) {
			return c.BackchannelAuthenticationToken(ctx, belowBackchannel(), nil)
		})(ctx)
	}},
	"Client.PollBackchannelAuthentication": {target: "/token", polls: true, change: withIDToken, call: func(c *Client, ctx context.Context, _ string) error {
		return asks(func(ctx context.Context) (*Token, error) {
			return c.PollBackchannelAuthentication(ctx, belowBackchannel(), nil)
		})(ctx)
	}},
	"Client.UserInfo": {target: "/userinfo", idempotent: true, call: func(c *Client, ctx context.Context, _ string) error {
		return asks(func(ctx context.Context) (*UserInfo, error) {
			return c.UserInfo(ctx, protectedToken("Bearer"), &UserInfoOptions{Subject: "alice"})
		})(ctx)
	}},
	"Client.Introspect": {target: "/introspect", call: func(c *Client, ctx context.Context, _ string) error {
		return asks(func(ctx context.Context) (*Introspection, error) { return c.Introspect(ctx, "the-token", nil) })(ctx)
	}},
	"Client.Revoke": {target: "/revoke", call: func(c *Client, ctx context.Context, _ string) error { return c.Revoke(ctx, "the-token", nil) }},
	"Client.Do": {target: "/api", idempotent: true, change: func(c *Config) { c.DPoP = must(NewDPoP(unitKey(), Clock{})) }, call: func(c *Client, ctx context.Context, base string) error {
		return reads(ctx, http.MethodGet, base+"/api", "", func(r *http.Request) (*http.Response, error) { return c.Do(r, protectedToken("DPoP")) })
	}},
	"Client.Do, an order": {target: "/api", change: func(c *Config) { c.DPoP = must(NewDPoP(unitKey(), Clock{})) }, call: func(c *Client, ctx context.Context, base string) error {
		return reads(ctx, http.MethodPost, base+"/api", "an order", func(r *http.Request) (*http.Response, error) { return c.Do(r, protectedToken("DPoP")) })
	}},
}

// withIDToken has the keys at hand, for an ID token that comes.
func withIDToken(c *Config) {
	c.KeySet = keySetOf(must(ParseKeySet([]byte(`{"keys":[` + string(unitKey().PublicJWK()) + `]}`))).current.Load().keys)
}

// belowLogin is a login up to its callback, without openid.
func belowLogin(ctx context.Context, c *Client) (*PendingAuthorization, url.Values, error) {
	a, err := c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"a"}})
	if err != nil {
		return nil, nil, err
	}
	return a, url.Values{"code": {"c"}, "state": {a.State()}}, nil
}

func belowDevice() *DeviceAuthorization {
	d := savedDevice(&pendingData{issuer: unitIssuer, clientID: unitClient, code: "dc", userCode: "u", verificationURI: "https://x.example", started: unitNow(), expiry: unitNow().Add(time.Hour)})
	d.g.interval.Store(1)
	return d
}

func belowBackchannel() *BackchannelAuthentication {
	b := savedBackchannel(&pendingData{issuer: unitIssuer, clientID: unitClient, code: "id", scope: "openid", started: unitNow(), expiry: unitNow().Add(time.Hour)})
	b.g.interval.Store(1)
	return b
}

func belowOperations() []belowOperation {
	var list []belowOperation
	for name, o := range ofClient {
		api, _, _ := strings.Cut(name, ",")
		list = append(list, belowOperation{
			name: name, api: []string{api}, target: o.target, idempotent: o.idempotent, polls: o.polls, unread: api == "Client.Revoke",
			prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
				c := f.oauth(t, o.change)
				if strings.Contains(name, "Backchannel") && o.target == "/token" {
					f.server.good.answer("/token", `{"access_token":"at","token_type":"Bearer","id_token":"`+f.server.good.sign(t, "JWT", unitClaims(nil))+`"}`)
				}
				return func(ctx context.Context) error { return o.call(c, ctx, f.base) }
			},
		})
	}
	slices.SortFunc(list, func(a, b belowOperation) int { return strings.Compare(a.name, b.name) })
	return slices.Concat(list, documentOperations, keyOperations(), registrationOperations, transportOperations)
}

var documentOperations = []belowOperation{
	{name: "Discover", api: []string{"Discover"}, target: "/metadata", idempotent: true, prepare: func(_ *testing.T, f *belowFixture) func(context.Context) error {
		f.config()
		return asks(func(ctx context.Context) (*AuthorizationServer, error) {
			return Discover(ctx, unitIssuer, f.discover("/metadata"))
		})
	}},
	{name: "DiscoverResource", api: []string{"DiscoverResource"}, target: "/resource", idempotent: true, prepare: func(_ *testing.T, f *belowFixture) func(context.Context) error {
		f.config()
		return asks(func(ctx context.Context) (*ResourceMetadata, error) {
			return DiscoverResource(ctx, unitResource, f.discover("/resource"))
		})
	}},
	{name: "ResourceMetadata.Discover", api: []string{"ResourceMetadata.Discover"}, target: "/.well-known/openid-configuration", idempotent: true,
		prepare: func(_ *testing.T, f *belowFixture) func(context.Context) error {
			f.server.good.answer("/.well-known/openid-configuration", `{"issuer":"`+f.base+`"}`)
			m, opts := &ResourceMetadata{AuthorizationServers: []string{f.base}}, f.discover("")
			opts.URL = ""
			return asks(func(ctx context.Context) (*AuthorizationServer, error) { return m.Discover(ctx, "", opts) })
		}},
	{name: "a Client that discovers its server", api: []string{"NewClientFromIssuer"}, target: "/metadata", idempotent: true, several: true,
		prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
			cfg := f.config()
			cfg.Server = nil
			return asks(func(ctx context.Context) (*Token, error) { // each time a new one: it asks once
				c, err := NewClientFromIssuer(unitIssuer, f.discover("/metadata"), cfg)
				if err != nil {
					t.Fatal(err)
				}
				return c.ClientCredentials(ctx, nil)
			})
		}},
	{name: "the challenge for an attestation", api: []string{"AttestJWTClientAuth"}, target: "/challenge", several: true,
		prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
			cfg := f.config()
			cfg.Server.ChallengeEndpoint = f.base + "/challenge"
			cfg.Auth = AttestJWTClientAuth(unitKey(), attested(t, unitKey()))
			return asks(func(ctx context.Context) (*Token, error) {
				c, err := NewClient(cfg)
				if err != nil {
					t.Fatal(err)
				}
				return c.ClientCredentials(ctx, nil)
			})
		}},
}

// keyOperations need keys that are not there yet.
func keyOperations() []belowOperation {
	fetching := func(name string, call func(t *testing.T, f *belowFixture) func(context.Context) error, api ...string) belowOperation {
		return belowOperation{name: name, api: api, target: "/jwks", idempotent: true, prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
			f.config()
			return call(t, f)
		}}
	}
	return []belowOperation{
		fetching("KeySet.Refresh", func(_ *testing.T, f *belowFixture) func(context.Context) error {
			set := f.keySet()
			return set.Refresh
		}, "KeySet.Refresh"),
		fetching("KeySet.VerifyJWT", func(t *testing.T, f *belowFixture) func(context.Context) error {
			token := f.server.good.sign(t, "payment+jwt", unitClaims(nil))
			return asks(func(ctx context.Context) (*VerifiedJWT, error) {
				return f.keySet().VerifyJWT(ctx, token, VerifyJWTOptions{Type: "payment+jwt", Issuer: unitIssuer, Audience: unitClient, Clock: Clock{Now: unitNow}})
			})
		}, "KeySet.VerifyJWT"),
		fetching("Client.VerifyIDToken", func(t *testing.T, f *belowFixture) func(context.Context) error {
			token := f.server.good.sign(t, "JWT", unitClaims(nil))
			return asks(func(ctx context.Context) (*IDToken, error) {
				return f.oauth(t, nil).VerifyIDToken(ctx, token, VerifyIDTokenOptions{})
			})
		}, "Client.VerifyIDToken"),
		fetching("Client.VerifyLogoutToken", func(t *testing.T, f *belowFixture) func(context.Context) error {
			token := f.server.good.sign(t, "logout+jwt", logoutClaims(nil))
			return asks(func(ctx context.Context) (*LogoutToken, error) { return f.oauth(t, nil).VerifyLogoutToken(ctx, token) })
		}, "Client.VerifyLogoutToken"),
		fetching("a response with an ID token", func(t *testing.T, f *belowFixture) func(context.Context) error {
			return asks(func(ctx context.Context) (*AuthorizationResponse, error) {
				c := f.oauth(t, nil)
				a, err := c.StartAuthorization(ctx, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseType: "id_token", ResponseMode: "form_post"})
				if err != nil {
					t.Fatal(err)
				}
				raw := f.server.good.sign(t, "JWT", unitClaims(map[string]any{"nonce": a.content.nonce}))
				return c.ValidateAuthorizationResponse(ctx, a, url.Values{"state": {a.State()}, "id_token": {raw}})
			})
		}, "Client.ValidateAuthorizationResponse", "Client.ValidateAuthorizationResponseURL"),
		fetching("ResourceServer.Authenticate", func(t *testing.T, f *belowFixture) func(context.Context) error {
			token := f.server.good.accessToken(t, nil)
			return asks(func(ctx context.Context) (*AccessToken, error) {
				return f.api(t, nil).Authenticate(bearer(token).WithContext(ctx))
			})
		}, "ResourceServer.Authenticate"),
		{name: "ResourceServer.AuthenticateCredential", api: []string{"ResourceServer.AuthenticateCredential"}, target: "/introspect",
			prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
				rs := f.api(t, func(c *ResourceServerConfig) { c.Servers, c.Introspect = nil, f.oauth(t, nil) })
				return asks(func(ctx context.Context) (*AccessToken, error) {
					return rs.AuthenticateCredential(ctx, Credential{Scheme: "Bearer", Token: "opaque", Method: "GET", URL: must(url.Parse(unitResource + "/orders"))})
				})
			}},
	}
}

func (f *belowFixture) api(t *testing.T, change func(*ResourceServerConfig)) *ResourceServer {
	t.Helper()
	cfg := f.config()
	rc := ResourceServerConfig{
		Resource: unitResource, Servers: []TrustedServer{{Server: cfg.Server}}, HTTPClient: f.client, Clock: Clock{Now: unitNow}, InsecureAllowHTTP: true,
	}
	if change != nil {
		change(&rc)
	}
	rs, err := NewResourceServer(rc)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func (f *belowFixture) registration(t *testing.T) (*Registration, *RegistrationOptions) {
	opts := &RegistrationOptions{HTTPClient: f.client, InsecureAllowHTTP: true, Clock: Clock{Now: unitNow}}
	return &Registration{
		Metadata: ClientMetadata{ClientID: "c1"}, RegistrationAccessToken: NewSecret("rat"), RegistrationClientURI: f.base + "/register/c1",
		server: unitIssuer, origins: f.base,
	}, opts
}

var registrationOperations = []belowOperation{
	{name: "Register", api: []string{"Register"}, target: "/register", prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
		cfg := f.config()
		_, opts := f.registration(t)
		m := ClientMetadata{RedirectURIs: []string{"https://app.example/cb"}, TokenEndpointAuthMethod: "none"}
		return asks(func(ctx context.Context) (*Registration, error) { return Register(ctx, cfg.Server, m, opts) })
	}},
	{name: "Registration.Read", api: []string{"Registration.Read"}, target: "/register/c1", idempotent: true, prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
		f.config()
		reg, opts := f.registration(t)
		return asks(func(ctx context.Context) (*Registration, error) { return reg.Read(ctx, opts) })
	}},
	{name: "Registration.Update", api: []string{"Registration.Update"}, target: "/register/c1", prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
		f.config()
		reg, opts := f.registration(t)
		m := ClientMetadata{ClientID: "c1", RedirectURIs: []string{"https://app.example/cb"}, TokenEndpointAuthMethod: "none"}
		return asks(func(ctx context.Context) (*Registration, error) { return reg.Update(ctx, m, opts) })
	}},
	{name: "Registration.Delete", api: []string{"Registration.Delete"}, unread: true, target: "/register/c1", prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
		f.config()
		f.server.good.set("/register/c1", unitAnswer{status: http.StatusNoContent})
		reg, opts := f.registration(t)
		return func(ctx context.Context) error { return reg.Delete(ctx, opts) }
	}},
}

// renewing is a Transport whose token has expired.
func (f *belowFixture) renewing(t *testing.T, expired bool) *Transport {
	t.Helper()
	c := f.oauth(t, nil)
	tok := protectedToken("Bearer")
	tok.RefreshToken = NewSecret("rt")
	if expired {
		tok.Expiry = unitNow().Add(-time.Hour)
	}
	tr, err := c.NewTransport(tok, TransportOptions{Origins: []string{f.base}})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

var transportOperations = []belowOperation{
	{name: "Transport.RoundTrip", api: []string{"Transport.RoundTrip"}, target: "/api", idempotent: true, prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
		tr := f.renewing(t, false)
		return func(ctx context.Context) error { return reads(ctx, http.MethodGet, f.base+"/api", "", tr.RoundTrip) }
	}},
	{name: "Transport.Renew", api: []string{"Transport.Renew"}, target: "/token", renews: true, prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
		f.config()
		return func(ctx context.Context) error { return f.renewing(t, false).Renew(ctx) }
	}},
	{name: "Transport.Fresh", api: []string{"Transport.Fresh"}, target: "/token", renews: true, prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
		f.config()
		return asks(func(ctx context.Context) (*Token, error) { return f.renewing(t, true).Fresh(ctx) })
	}},
	{name: "Transport.Credential", api: []string{"Transport.Credential"}, target: "/token", renews: true, prepare: func(t *testing.T, f *belowFixture) func(context.Context) error {
		f.config()
		return asks(func(ctx context.Context) (*Credential, error) {
			return f.renewing(t, true).Credential(ctx, http.MethodGet, must(url.Parse(f.base+"/api")))
		})
	}},
}

// belowElsewhere are functions with a context or a request that talk to no server, and
// those that call one of the operations.
var belowElsewhere = map[string]string{
	"AccessTokenFromContext": "", "ContextWithAccessToken": "", "ParseBackchannelPing": "calls the program's function alone",
	"Client.ParseFrontchannelLogout": "", "Client.ParseInitiatedLogin": "", "Client.ResponseState": "fetches keys as ValidateAuthorizationResponse does, if at all",
	"AttestJWTClientAuthDPoP": "fetches its challenge as AttestJWTClientAuth does", "ClientAssertion": "calls the program's function alone",
	"ClientSecretBasicFunc": "calls the program's function alone", "ClientSecretPostFunc": "calls the program's function alone",
}

// TestBelowOperations: what has a context or a request is an operation, or is said not to be one.
func TestBelowOperations(t *testing.T) {
	have := map[string]bool{}
	for _, op := range belowOperations() {
		for _, name := range op.api {
			have[name] = true
		}
	}
	api, err := os.ReadFile("api/v0.txt")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^(?:func|method \(\*?(\w+)\)) (\w+)\(`)
	seen := 0
	for line := range strings.Lines(string(api)) {
		m := name.FindStringSubmatch(line)
		if m == nil || !strings.Contains(line, "context.Context") && !strings.Contains(line, "*http.Request") {
			continue
		}
		seen++
		called := m[2]
		if m[1] != "" {
			called = m[1] + "." + m[2]
		}
		if _, elsewhere := belowElsewhere[called]; !elsewhere && !have[called] {
			t.Errorf("%s talks to a server, or does not: add it to an operation of this file, or to belowElsewhere", called)
		}
	}
	if seen < 40 {
		t.Errorf("%d functions of the API were looked at", seen)
	}
}
