package oauth

// What providers publish, answer at other endpoints than the token endpoint, and send
// by themselves: see provider_test.go.

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// ---- metadata

// A providerDocument is the metadata of a server.
type providerDocument struct {
	seen
	ask      string // the issuer
	opts     DiscoverOptions
	path     string // of the document
	status   int    // 0: 200
	location string // of a redirect
	body     string
	kind     error
	text     string // in the error
	check    func(*AuthorizationServer) bool
}

var providerDocuments = []providerDocument{
	{
		seen: seen{"Google", "a device authorization endpoint, and an issuer of its own name",
			"Google OpenID Connect API Reference, https://developers.google.com/identity/openid-connect/reference"},
		ask: "https://accounts.google.com", path: "/.well-known/openid-configuration",
		body:  `{"issuer":"https://accounts.google.com","authorization_endpoint":"https://accounts.google.com/o/oauth2/v2/auth","device_authorization_endpoint":"https://oauth2.googleapis.com/device/code","token_endpoint":"https://oauth2.googleapis.com/token","jwks_uri":"https://www.googleapis.com/oauth2/v3/certs"}`,
		check: func(as *AuthorizationServer) bool { return as.DeviceAuthorizationEndpoint != "" },
	},
	{
		seen: seen{"Entra, many tenants", "a template for an issuer", "MicrosoftDocs/azure-docs#95994"},
		ask:  "https://login.microsoftonline.com/common/v2.0", opts: DiscoverOptions{Issuer: tenantIssuer(tenantPlaceholder)},
		path:  "/common/v2.0/.well-known/openid-configuration",
		body:  `{"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0","token_endpoint":"https://login.microsoftonline.com/common/oauth2/v2.0/token"}`,
		check: func(as *AuthorizationServer) bool { return as.Issuer == tenantIssuer(tenantPlaceholder) },
	},
	{
		seen: seen{"Entra, many tenants", "a template for an issuer, which was not expected", "MicrosoftDocs/azure-docs#95994"},
		ask:  "https://login.microsoftonline.com/common/v2.0", path: "/common/v2.0/.well-known/openid-configuration",
		body: `{"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0"}`, kind: ErrIssuer, text: "DiscoverOptions",
	},
	{
		seen: seen{"Azure AD B2C", "a document for each policy, and one issuer", "coreos/go-oidc#121; panva/openid-client#718"},
		ask:  "https://myorgb2c.b2clogin.com/" + b2cTenant + "/v2.0/",
		opts: DiscoverOptions{URL: "https://myorgb2c.b2clogin.com/" + b2cTenant + "/b2c_1_signup-signin/v2.0/.well-known/openid-configuration"},
		path: "/" + b2cTenant + "/b2c_1_signup-signin/v2.0/.well-known/openid-configuration",
		body: `{"issuer":"https://myorgb2c.b2clogin.com/` + b2cTenant + `/v2.0/","token_endpoint":"https://myorgb2c.b2clogin.com/` + b2cTenant + `/b2c_1_signup-signin/oauth2/v2.0/token"}`,
	},
	{
		seen: seen{"LinkedIn", "an issuer without the path of its document, until 2024", "nextauthjs/next-auth#8831; keycloak/keycloak#28686"},
		ask:  "https://www.linkedin.com", opts: DiscoverOptions{URL: "https://www.linkedin.com/oauth/.well-known/openid-configuration"},
		path: "/oauth/.well-known/openid-configuration", body: `{"issuer":"https://www.linkedin.com","token_endpoint":"https://www.linkedin.com/oauth/v2/accessToken"}`,
	},
	{
		seen: seen{"Facebook", "no token endpoint: the user says it", "nextauthjs/next-auth#4608"},
		ask:  "https://www.facebook.com", path: "/.well-known/openid-configuration",
		body:  `{"issuer":"https://www.facebook.com","authorization_endpoint":"https://facebook.com/dialog/oauth/","jwks_uri":"https://www.facebook.com/.well-known/oauth/openid/jwks/","id_token_signing_alg_values_supported":["RS256"]}`,
		check: func(as *AuthorizationServer) bool { return as.TokenEndpoint == "" && as.JWKSURI != "" },
	},
	{
		seen: seen{"Discord", "no userinfo endpoint, and no authentication methods", "discord/discord-api-docs#7377; discord/discord-api-docs#8534"},
		ask:  "https://discord.com", path: "/.well-known/openid-configuration",
		body:  `{"issuer":"https://discord.com","authorization_endpoint":"https://discord.com/oauth2/authorize","token_endpoint":"https://discord.com/api/oauth2/token"}`,
		check: func(as *AuthorizationServer) bool { return as.UserinfoEndpoint == "" },
	},
	{
		seen: seen{"Twitch", "one scope of many", "twitchdev/issues#832"},
		ask:  "https://id.twitch.tv/oauth2", path: "/oauth2/.well-known/openid-configuration",
		body:  `{"issuer":"https://id.twitch.tv/oauth2","token_endpoint":"https://id.twitch.tv/oauth2/token","scopes_supported":["openid"]}`,
		check: func(as *AuthorizationServer) bool { return len(as.ScopesSupported) == 1 },
	},
	{
		seen: seen{"AD FS", "a second issuer, of access tokens",
			"AzureAD/azure-activedirectory-identitymodel-extensions-for-dotnet#1030; snok/django-auth-adfs#196"},
		ask: "https://adfs.mydomain.example/adfs", path: "/adfs/.well-known/openid-configuration",
		body: `{"issuer":"https://adfs.mydomain.example/adfs","token_endpoint":"https://adfs.mydomain.example/adfs/oauth2/token/","access_token_issuer":"http://adfs.mydomain.example/adfs/services/trust"}`,
		check: func(as *AuthorizationServer) bool {
			return string(as.Extra["access_token_issuer"]) == `"http://adfs.mydomain.example/adfs/services/trust"`
		},
	},
	{
		seen: seen{"WSO2", "booleans in strings", "Migration guide of Identity Server 5.9.0"},
		ask:  "https://wso2.example/oauth2/token", path: "/oauth2/token/.well-known/openid-configuration",
		body:  `{"issuer":"https://wso2.example/oauth2/token","token_endpoint":"https://wso2.example/oauth2/token","request_parameter_supported":"true","claims_parameter_supported":"true"}`,
		check: func(as *AuthorizationServer) bool { return !as.RequestParameterSupported },
	},
	{
		seen: seen{"django-oauth-toolkit", "a redirect to the document", "django-oauth/django-oauth-toolkit#1363; django-oauth/django-oauth-toolkit#1089"},
		ask:  "https://django.example/o", path: "/o/.well-known/openid-configuration",
		status: 301, location: "https://django.example/o/.well-known/openid-configuration/",
		kind: ErrRefused, text: "https://django.example/o/.well-known/openid-configuration/",
	},
	{
		seen: seen{"django-oauth-toolkit", "a slash after the document's name",
			"django-oauth/django-oauth-toolkit#1363; django-oauth/django-oauth-toolkit#1089"},
		ask: "https://django.example/o", opts: DiscoverOptions{URL: "https://django.example/o/.well-known/openid-configuration/"},
		path: "/o/.well-known/openid-configuration/", body: `{"issuer":"https://django.example/o","token_endpoint":"https://django.example/o/token/"}`,
	},
	{
		seen: seen{"IBM Cloud IAM", "endpoints of a region, on another host", "Developing an authentication flow: service-iam.md of ibm-cloud-docs/sell"},
		ask:  "https://iam.cloud.ibm.com/identity", path: "/identity/.well-known/openid-configuration",
		body: `{"issuer":"https://iam.cloud.ibm.com/identity","authorization_endpoint":"https://iam-region2.cloud.ibm.com/identity/authorize","token_endpoint":"https://iam-region2.cloud.ibm.com/identity/token"}`,
	},
}

// TestProviderDocuments: what becomes of the documents; whatever they leave out, that
// of somebody else is refused.
func TestProviderDocuments(t *testing.T) {
	for _, tt := range providerDocuments {
		t.Run(tt.name(), func(t *testing.T) {
			discover := func(body string) (*AuthorizationServer, error) {
				s := newUnitServer()
				a := unitAnswer{status: tt.status, mediaType: mediaJSON, body: body}
				if tt.location != "" {
					a.header = http.Header{"Location": {tt.location}}
				}
				s.set(tt.path, a)
				opts := tt.opts
				opts.HTTPClient = &http.Client{Transport: s}
				return Discover(context.Background(), tt.ask, &opts)
			}
			as, err := discover(tt.body)
			if tt.kind != nil {
				if wantError(t, err, tt.kind, ""); as != nil || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("%v, %v", as, err)
				}
				return
			}
			if err != nil || tt.check != nil && !tt.check(as) {
				t.Fatalf("%v, %v", as, err)
			}
			for name, change := range map[string]map[string]any{
				"of another issuer":       {"issuer": "https://evil.example"},
				"of a longer issuer":      {"issuer": as.Issuer + "x"},
				"without issuer":          {"issuer": unitRemoved},
				"with an issuer of two":   {"issuer": []string{as.Issuer}},
				"with algorithms in text": {"id_token_signing_alg_values_supported": "none"},
			} {
				members := answerMembers(t, tt.body)
				maps.Copy(members, change)
				maps.DeleteFunc(members, func(_ string, v any) bool { return v == unitRemoved })
				if as, err := discover(unitJSON(t, members)); as != nil || !errors.Is(err, ErrIssuer) && !errors.Is(err, ErrResponse) {
					t.Errorf("a document %s: %v, %v", name, as, err)
				}
			}
		})
	}
}

// ---- keys

// A providerKeys is a key set. KEY in it stands for the members of the key that signs.
type providerKeys struct {
	seen
	set  string
	kid  string // in the header of the token; "": none
	kind error
	text string
}

var providerKeySets = []providerKeys{
	{
		seen: seen{"PingFederate", "each key twice, under another kid", "oidc-wp/openid-connect-generic#647"},
		set:  `{KEY,"kid":"base"},{KEY,"kid":"base_ES256","alg":"ES256"},{KEY,"kid":"base_ES384","alg":"ES384"}`, kid: "base_ES256",
	},
	{
		seen: seen{"PingFederate", "each key twice, and the kid without suffix", "oidc-wp/openid-connect-generic#647"},
		set:  `{KEY,"kid":"base"},{KEY,"kid":"base_ES256","alg":"ES256"}`, kid: "base",
	},
	{
		seen: seen{"WSO2", "x5t in place of kid, and one key", "wso2/product-apim#9499"},
		set:  `{KEY,"kid":"one","x5t":"ZjRmYTMw"}`,
	},
	{
		seen: seen{"WSO2", "x5t in place of kid, and several keys", "wso2/product-apim#9499"},
		set:  `{KEY,"kid":"one","x5t":"ZjRmYTMw"},OTHER`, kind: ErrKeyNotFound, text: "kid",
	},
	{
		seen: seen{"Entra", "certificates beside the key, and no alg", "AzureAD/microsoft-authentication-library-for-js#560"},
		set:  `{KEY,"kid":"k","use":"sig","x5t":"k","x5c":["MIIC"],"issuer":"` + unitIssuer + `"}`, kid: "k",
	},
	{
		seen: seen{"Entra", "the key of another tenant", "AzureAD/microsoft-authentication-library-for-js#560"},
		set:  `{KEY,"kid":"k","use":"sig","issuer":"` + tenantIssuer(entraOther) + `"}`, kid: "k", kind: ErrIssuer,
	},
}

func TestProviderKeySets(t *testing.T) {
	s := newUnitServer()
	key := must(NewSigningKey(jwsSigners.ec["P-256"](), ES256, ""))
	members := strings.TrimSuffix(string(minimalJWK(key.signer.Public())), "}")
	another := strings.TrimSuffix(string(minimalJWK(unitKey().signer.Public())), "}") + `,"kid":"another"}`
	for _, tt := range providerKeySets {
		set := strings.ReplaceAll(strings.ReplaceAll(tt.set, "{KEY", members), "OTHER", another)
		keys, err := ParseKeySet([]byte(`{"keys":[` + set + `]}`))
		if err != nil {
			t.Errorf("%s: %v", tt.name(), err)
			continue
		}
		c := s.client(t, func(c *Config) { c.KeySet = keys })
		verify := func(signer *SigningKey, kid string) error {
			header := map[string]any{"alg": "ES256", "typ": "JWT"}
			if kid != "" {
				header["kid"] = kid
			}
			raw := must(signer.signCompact([]byte(unitJSON(t, header)), []byte(unitJSON(t, unitClaims(nil)))))
			_, err := c.VerifyIDToken(context.Background(), raw, VerifyIDTokenOptions{})
			return err
		}
		err = verify(key, tt.kid)
		if tt.kind != nil {
			if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s: %v, want the kind %v", tt.name(), err, tt.kind)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name(), err)
		}
		if err := verify(newForger(s).key, tt.kid); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: forged: %v", tt.name(), err)
		}
		if err := verify(key, "another"); !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: under a kid that is not there: %v", tt.name(), err)
		}
	}
}

// ---- userinfo

// A providerUserInfo is an answer of the userinfo endpoint about alice.
type providerUserInfo struct {
	seen
	body      string
	signed    bool // it is the claims of a JWT
	mediaType string
	config    func(*Config)
	verified  bool // the e-mail address
	kind      error
	param     string
}

var providerUserInfos = []providerUserInfo{
	{
		seen: seen{"Cognito", "email_verified is a string", "zitadel/oidc#139"},
		body: `{"sub":"alice","email_verified":"true","email":"a@example.com","username":"alice"}`, verified: true,
	},
	{
		seen: seen{"Auth0", "updated_at is a date, or a string", "CZ-NIC/pyoidc#417; ramosbugs/openidconnect-rs#136"},
		body: `{"sub":"alice","nickname":"Andrew","email":"a@example.com","email_verified":true,"updated_at":"2017-08-28T16:10:58.969Z"}`, verified: true,
	},
	{
		seen: seen{"GitLab", "groups and a second subject", "travisghansen/external-auth-server#83"},
		body: `{"sub":"alice","sub_legacy":"b7676e1d","name":"Alice","email":"a@example.com","email_verified":true,"groups":["a"]}`, verified: true,
	},
	{
		seen: seen{"Slack", "names that are URLs, beside ok", "openid.connect.userInfo, https://api.slack.com/methods/openid.connect.userInfo"},
		body: `{"ok":true,"sub":"alice","https://slack.com/user_id":"alice","https://slack.com/team_id":"T0R7GR","email":"a@example.com","email_verified":true,"date_email_verified":1622128723}`, verified: true,
	},
	{
		seen: seen{"Slack", "a refusal of userinfo with 200", "openid.connect.userInfo, https://api.slack.com/methods/openid.connect.userInfo"},
		body: `{"ok":false,"error":"invalid_auth"}`, kind: ErrRefused,
	},
	// The caller who wants it nevertheless has Client.Do.
	{
		seen: seen{"Discord", "id in place of sub", "discord/discord-api-docs#7460"},
		body: `{"id":"alice","username":"alice","email":"a@example.com","verified":true}`, kind: ErrClaim, param: "sub",
	},
	{
		seen: seen{"WSO2", "updated_at in milliseconds", "wso2/product-is#11317"},
		body: `{"sub":"alice","birthdate":"1997-11-26T05:09:15.680889Z","updated_at":1609988421000}`,
	},
	{
		seen: seen{"WSO2", "a JWT that is labelled JSON", "wso2/product-is#12128"},
		body: `{"sub":"alice","email_verified":true}`, signed: true, verified: true,
		config: func(c *Config) { c.Metadata.UserinfoSignedResponseAlg = ES256 },
	},
	{
		seen: seen{"Authelia", "userinfo_signed_response_alg is none", "authelia/authelia#3875"},
		body: `{"sub":"alice","rat":1700000000,"email_verified":true}`, mediaType: `application/json; charset="UTF-8"`, verified: true,
		config: func(c *Config) { c.Metadata.UserinfoSignedResponseAlg = "none" },
	},
	{
		seen: seen{"Authelia", "a signed answer, where none was registered", "authelia/authelia#3875"},
		body: `{"sub":"alice"}`, signed: true, mediaType: `application/jwt; charset="UTF-8"`, kind: ErrResponse,
		config: func(c *Config) { c.Metadata.UserinfoSignedResponseAlg = "none" },
	},
	{
		seen: seen{"Salesforce", "an answer about another user", "TykTechnologies/tyk-identity-broker#60"},
		body: `{"sub":"https://login.salesforce.com/id/00Dx/005x","user_id":"005x","organization_id":"00Dx"}`, kind: ErrClaim, param: "sub",
	},
}

func TestProviderUserInfos(t *testing.T) {
	s := newUnitServer()
	for _, tt := range providerUserInfos {
		c := s.client(t, tt.config)
		ask := func(by *unitServer, members map[string]any) (*UserInfo, error) {
			body := unitJSON(t, members)
			if tt.signed {
				body = by.sign(t, "JWT", members)
			}
			s.set("/userinfo", unitAnswer{mediaType: cmp.Or(tt.mediaType, mediaJSON), body: body})
			return c.UserInfo(context.Background(), unitToken("alice"), nil)
		}
		u, err := ask(s, answerMembers(t, tt.body))
		if tt.kind != nil {
			if wantError(t, err, tt.kind, tt.param); u != nil {
				t.Errorf("%s: an answer came with the error", tt.name())
			}
			continue
		}
		if err != nil || u.Subject() != "alice" || u.EmailVerified() != tt.verified {
			t.Errorf("%s: %v, %v", tt.name(), u, err)
		}
		for _, sub := range []any{"mallory", "Alice", nil, 1} {
			members := answerMembers(t, tt.body)
			members["sub"] = sub
			if u, err := ask(s, members); u != nil || !errors.Is(err, ErrClaim) {
				t.Errorf("%s: about %v: %v, %v", tt.name(), sub, u, err)
			}
		}
		if !tt.signed {
			continue
		}
		if u, err := ask(newForger(s), answerMembers(t, tt.body)); u != nil || !errors.Is(err, ErrSignature) {
			t.Errorf("%s: forged: %v, %v", tt.name(), u, err)
		}
		s.answer("/userinfo", tt.body)
		if u, err := c.UserInfo(context.Background(), unitToken("alice"), nil); u != nil || !errors.Is(err, ErrResponse) {
			t.Errorf("%s: unsigned: %v, %v", tt.name(), u, err)
		}
	}
}

// ---- introspection

// A providerIntrospection is an answer about an opaque token, at an API.
type providerIntrospection struct {
	seen
	body   string
	config func(*Config)
	kind   error
	param  string
}

var providerIntrospections = []providerIntrospection{
	{
		seen: seen{"Authelia", "inactive in plain JSON, where signed answers were registered", "Authelia 4.39, as an installation answers"},
		body: `{"active":false}`, config: signedIntrospection, kind: ErrInactive,
	},
	{
		seen: seen{"Authelia", "active in plain JSON, where signed answers were registered", "Authelia 4.39, which signs them"},
		body: `{"active":true,"client_id":"c"}`, config: signedIntrospection, kind: ErrUnavailable,
	},
	{
		seen: seen{"Hydra", "token_use beside the type", "ory/hydra#1762; ory/hydra#1934"},
		body: `{"active":true,"client_id":"c","scope":"read","sub":"alice","aud":["` + unitResource + `"],"token_type":"Bearer","token_use":"access_token","ext":{}}`,
	},
	{
		seen: seen{"Hydra", "a refresh token, which is active too", "ory/hydra#1762; ory/hydra#1934"},
		body: `{"active":true,"client_id":"c","sub":"alice","token_type":"Bearer","token_use":"refresh_token"}`, kind: ErrType, param: "token_use",
	},
	{
		seen: seen{"Keycloak", "typ says what it is", "TokenUtil of Keycloak"},
		body: `{"active":true,"typ":"Bearer","client_id":"c","azp":"c","username":"alice","aud":["` + unitResource + `","account"],"token_type":"Bearer","acr":"1"}`,
	},
	{
		seen: seen{"Keycloak", "an offline token, which is active too", "TokenUtil of Keycloak"},
		body: `{"active":true,"typ":"Offline","client_id":"c"}`, kind: ErrType, param: "typ",
	},
}

func TestProviderIntrospections(t *testing.T) {
	for _, tt := range providerIntrospections {
		ask := func(change map[string]any) error {
			s := newUnitServer()
			members := answerMembers(t, tt.body)
			maps.Copy(members, change)
			s.answer(introspectionPath, unitJSON(t, members))
			rs := s.resource(t, func(c *ResourceServerConfig) { c.Servers, c.Introspect = nil, s.introspector(t, tt.config) })
			_, err := authenticate(t, rs, bearer("opaque"))
			return err
		}
		err := ask(nil)
		if tt.kind != nil {
			wantError(t, err, tt.kind, tt.param)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name(), err)
		}
		for what, bad := range map[string]struct {
			change map[string]any
			kind   error
		}{
			"inactive":           {map[string]any{"active": false}, ErrInactive},
			"active in text":     {map[string]any{"active": "true"}, ErrUnavailable},
			"for another API":    {map[string]any{"aud": "https://other.example"}, ErrAudience},
			"of another server":  {map[string]any{"iss": "https://evil.example"}, ErrIssuer},
			"expired":            {map[string]any{"exp": unitTime - 100}, ErrExpired},
			"of somebody's key":  {map[string]any{"cnf": map[string]any{"jkt": "x"}}, ErrBinding},
			"a type of a key":    {map[string]any{"token_type": "DPoP"}, ErrBinding},
			"an unknown binding": {map[string]any{"cnf": map[string]any{}}, ErrBinding},
		} {
			if err := ask(bad.change); !errors.Is(err, bad.kind) {
				t.Errorf("%s, %s: %v, want the kind %v", tt.name(), what, err, bad.kind)
			}
		}
	}
}

// ---- registration

// A providerRegistration is the answer to a registration with one redirect URI.
type providerRegistration struct {
	seen
	body string
}

var providerRegistrations = []providerRegistration{
	{
		seen: seen{"Hydra", "userinfo_signed_response_alg is none, an empty key set, and null lists", "Ory Hydra 2.3.0, as an installation answers"},
		body: `{"client_id":"f5ef","client_name":"x","client_secret":"MqU5","redirect_uris":["https://app.example/cb"],"grant_types":null,"response_types":null,"scope":"openid offline_access","audience":[],"owner":"","policy_uri":"","contacts":null,"client_secret_expires_at":0,"subject_type":"public","jwks":{},"token_endpoint_auth_method":"client_secret_basic","userinfo_signed_response_alg":"none","metadata":{},"registration_access_token":"ory_at_x","registration_client_uri":"https://op.example/register/f5ef","skip_logout_consent":null}`,
	},
	{
		seen: seen{"LemonLDAP::NG", "no client_secret_expires_at, and a time in a string", "LemonLDAP::NG 2.16, as an installation answers"},
		body: `{"logo_uri":null,"client_id_expires_at":0,"client_name":"dyn","redirect_uris":["https://app.example/cb"],"client_id_issued_at":"1795934427","id_token_signed_response_alg":"RS256","client_id":"q/WPotocDVXNPPtd..L312kRlbkxBl","client_secret":"SSFHUqRcEB2E5gdkVlnmcfnZ2Lkbya"}`,
	},
	{
		seen: seen{"WSO2", "a time in a string", "Dynamic Client Registration, WSO2 Open Banking documentation"},
		body: `{"client_id":"c1","client_secret":"s","client_secret_expires_at":0,"client_id_issued_at":"1617198228","redirect_uris":["https://app.example/cb"]}`,
	},
}

func TestProviderRegistrations(t *testing.T) {
	asked := ClientMetadata{RedirectURIs: []string{"https://app.example/cb"}}
	for _, tt := range providerRegistrations {
		s := newUnitServer()
		reg, err := s.register(t, asked, unitAnswer{status: 201, mediaType: mediaJSON, body: tt.body})
		if err != nil {
			t.Errorf("%s: %v", tt.name(), err)
			continue
		}
		configured := func(reg *Registration) (*Client, error) {
			cfg, err := reg.Config(s.config().Server, nil)
			if err != nil {
				return nil, err
			}
			return NewClient(cfg)
		}
		if _, err := configured(reg); err != nil {
			t.Errorf("%s: %v", tt.name(), err)
		}
		for what, change := range map[string]map[string]any{
			"another redirect URI":         {"redirect_uris": []string{"https://evil.example/cb"}},
			"one redirect URI more":        {"redirect_uris": []string{"https://app.example/cb", "https://evil.example/cb"}},
			"no client":                    {"client_id": ""},
			"a secret that is a past one":  {"client_secret_expires_at": unitTime - 100},
			"a place to manage it of evil": {"registration_client_uri": "https://evil.example/c1", "registration_access_token": "t"},
			"no signatures":                {"id_token_signed_response_alg": "none"},
		} {
			members := answerMembers(t, tt.body)
			maps.Copy(members, change)
			reg, err := s.register(t, asked, unitAnswer{status: 201, mediaType: mediaJSON, body: unitJSON(t, members)})
			if err == nil { // the client exists, and must not be used
				_, err = configured(reg)
			}
			if err == nil {
				t.Errorf("%s, %s: %v", tt.name(), what, reg)
			}
		}
	}
}

// ---- logout

// A providerLogout is a logout token.
type providerLogout struct {
	seen
	typ    string // "-": none
	claims claimsOf
	kind   error
	param  string
}

var providerLogouts = []providerLogout{
	{
		seen: seen{"Hydra", "no exp", "Ory Hydra 2.3.0, as an installation sends it"},
		typ:  "JWT", claims: claimsOf{"exp": unitRemoved, "sub": unitRemoved, "aud": []string{unitClient}},
	},
	{
		seen: seen{"glewlwyd", "no exp", "glewlwyd 2.7.5, as an installation sends it"},
		typ:  "JWT", claims: claimsOf{"exp": unitRemoved},
	},
	{
		seen: seen{"LemonLDAP::NG", "no exp", "nextcloud/user_oidc#1436"},
		typ:  "JWT", claims: claimsOf{"exp": unitRemoved},
	},
	{
		seen: seen{"authentik", "no exp", "goauthentik/authentik#16490"},
		typ:  "JWT", claims: claimsOf{"exp": unitRemoved},
	},
	{
		seen: seen{"Keycloak", "typ is JWT, and a claim as well", "TokenUtil of Keycloak"},
		typ:  "JWT", claims: claimsOf{"typ": "Logout"},
	},
	// Only events tell a logout token from an ID token.
	{
		seen: seen{"WSO2", "event in place of events, until 5.10", "wso2/product-is#7680; wso2/product-is#10864"},
		typ:  "-", claims: claimsOf{"events": unitRemoved, "event": claimsOf{}}, kind: ErrType, param: "events",
	},
}

func TestProviderLogouts(t *testing.T) {
	s := newUnitServer()
	forger := newForger(s)
	c := s.client(t, nil)
	for _, tt := range providerLogouts {
		verify := func(by *unitServer, typ string, change claimsOf) error {
			claims := logoutClaims(tt.claims)
			for name, v := range change {
				if claims[name] = v; v == unitRemoved {
					delete(claims, name)
				}
			}
			_, err := c.VerifyLogoutToken(context.Background(), by.signTyped(t, typ, claims))
			return err
		}
		err := verify(s, tt.typ, nil)
		if tt.kind != nil {
			wantError(t, err, tt.kind, tt.param)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name(), err)
		}
		for _, twin := range []providerTwin{
			{"an ID token", claimsOf{"events": unitRemoved}, ErrType, "events"},
			{"of another event", claimsOf{"events": claimsOf{"urn:x": claimsOf{}}}, ErrType, "events"},
			{"for another client", claimsOf{"aud": "another"}, ErrAudience, "aud"},
			{"of another server", claimsOf{"iss": "https://evil.example"}, ErrIssuer, "iss"},
			{"an answer to a login", claimsOf{"nonce": "n"}, ErrNonce, "nonce"},
			{"of yesterday", claimsOf{"iat": unitTime - 86400}, ErrExpired, "iat"},
			{"of tomorrow", claimsOf{"iat": unitTime + 86400}, ErrNotYetValid, "iat"},
			{"expired", claimsOf{"exp": unitTime - 100}, ErrExpired, "exp"},
			{"for ever and ever", claimsOf{"exp": unitRemoved, "iat": unitRemoved}, ErrClaim, "iat"},
			{"of nobody", claimsOf{"sub": unitRemoved, "sid": unitRemoved}, ErrClaim, "sub"},
			{"without an id", claimsOf{"jti": unitRemoved}, ErrClaim, "jti"},
		} {
			if err := verify(s, tt.typ, twin.change); !errors.Is(err, twin.kind) {
				t.Errorf("%s, %s: %v, want the kind %v", tt.name(), twin.what, err, twin.kind)
			}
		}
		if err := verify(forger, tt.typ, nil); !errors.Is(err, ErrSignature) {
			t.Errorf("%s, forged: %v", tt.name(), err)
		}
		if err := verify(s, "at+jwt", nil); !errors.Is(err, ErrType) {
			t.Errorf("%s, an access token: %v", tt.name(), err)
		}
	}
}
