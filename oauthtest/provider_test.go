package oauthtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const providerSecret = "a secret that only the two know"

// A providerClient is an application that uses package oauth at a provider.
type providerClient struct {
	t *testing.T
	*oauthtest.Server
	client *oauth.Client
}

// atProvider discovers the provider, if it can be, and makes a client "app" with a
// secret. change, if not nil, may change the configuration.
func atProvider(t *testing.T, opts oauthtest.Options, change func(s *oauthtest.Server, c *oauth.Config, d *oauth.DiscoverOptions)) *providerClient {
	t.Helper()
	p := &providerClient{t: t, Server: oauthtest.NewServer(&opts)}
	t.Cleanup(p.Close)
	cfg := oauth.Config{Metadata: oauth.ClientMetadata{ClientID: "app"}, Auth: oauth.ClientSecretPost(providerSecret), HTTPClient: p.Server.Client()}
	discover := oauth.DiscoverOptions{HTTPClient: p.Server.Client()}
	if opts.Provider != oauthtest.ProviderApple {
		p.AddClient(oauthtest.Client{ID: "app", Secret: providerSecret, RedirectURIs: []string{redirectURI}})
	}
	if change != nil {
		change(p.Server, &cfg, &discover)
	}
	if cfg.Server == nil {
		var err error
		at := p.Issuer()
		if discover.Issuer != "" {
			at = p.URL() + opts.Path
		}
		if cfg.Server, err = oauth.Discover(t.Context(), at, &discover); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if p.client, err = oauth.NewClient(cfg); err != nil {
		t.Fatal(err)
	}
	return p
}

// callback is the response to a request for the scopes.
func (p *providerClient) callback(r oauth.AuthorizationRequest) (*http.Request, *oauth.PendingAuthorization) {
	p.t.Helper()
	r.RedirectURI = redirectURI
	pending, err := p.client.StartAuthorization(p.t.Context(), &r)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := p.Authorize(p.t.Context(), pending.URL())
	if err != nil {
		p.t.Fatal(err)
	}
	return req, pending
}

func (p *providerClient) login(r oauth.AuthorizationRequest) *oauth.Token {
	p.t.Helper()
	req, pending := p.callback(r)
	token, err := p.client.FinishAuthorization(req, pending, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return token
}

// claims are those of an ID token.
func idClaims(t *testing.T, token *oauth.Token) map[string]any {
	t.Helper()
	_, claims := decodeJWT(t, token.IDTokenHint())
	return claims
}

// wantMembers reports the members that are not there, and those that are.
func wantMembers(t *testing.T, m map[string]any, there, absent string) {
	t.Helper()
	for _, name := range strings.Fields(there) {
		if m[name] == nil {
			t.Errorf("%s is missing in %v", name, m)
		}
	}
	for _, name := range strings.Fields(absent) {
		if _, ok := m[name]; ok {
			t.Errorf("%s is in %v", name, m)
		}
	}
}

func TestProviderEntra(t *testing.T) {
	p := atProvider(t, oauthtest.Options{Provider: oauthtest.ProviderEntra}, nil)
	tenant, _, _ := strings.Cut(strings.TrimPrefix(p.Issuer(), p.URL()+"/"), "/")
	m := get(t, p.Server, p.Issuer()+"/.well-known/openid-configuration", "").m
	wantMembers(t, m, "device_authorization_endpoint end_session_endpoint msgraph_host",
		"code_challenge_methods_supported authorization_response_iss_parameter_supported introspection_endpoint mtls_endpoint_aliases")
	if m["token_endpoint"] != p.URL()+"/"+tenant+"/oauth2/v2.0/token" || m["userinfo_endpoint"] != p.URL()+"/oidc/userinfo" {
		t.Error(m)
	}
	key := get(t, p.Server, m["jwks_uri"].(string), "").m["keys"].([]any)[0].(map[string]any)
	wantMembers(t, key, "kid n issuer", "alg")

	req, _ := p.callback(oauth.AuthorizationRequest{Scope: []string{"openid"}})
	if q := req.URL.Query(); q.Has("iss") || !q.Has("session_state") {
		t.Error(q)
	}
	token := p.login(oauth.AuthorizationRequest{Scope: []string{"openid", "profile", "email", "offline_access"}})
	claims := idClaims(t, token)
	wantMembers(t, claims, "tid oid ver nbf uti rh nonce name email", "email_verified at_hash azp acr amr sid auth_time")
	if claims["tid"] != tenant || claims["ver"] != "2.0" || claims["preferred_username"] != "alice@example.com" || token.Extra["ext_expires_in"] == nil {
		t.Error(claims, token.Extra)
	}
	// Each refresh has a new refresh token, and the old one stays good.
	first, err := p.client.Refresh(t.Context(), token, nil)
	if err != nil || first.RefreshToken.Equal(token.RefreshToken) {
		t.Fatal(first, err)
	}
	if _, err := p.client.Refresh(t.Context(), token, nil); err != nil {
		t.Error(err)
	}
	// An error in its words.
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "client_id": {"app"}, "client_secret": {"wrong"}}
	a := post(t, p.Server.Client(), m["token_endpoint"].(string), form, nil)
	wantMembers(t, a.m, "error error_description error_codes timestamp trace_id correlation_id error_uri", "")
	if a.status != http.StatusUnauthorized || a.m["error"] != "invalid_client" || !strings.HasPrefix(a.str("error_description"), "AADSTS7000215: ") {
		t.Error(a.status, a.body)
	}
}

// TestProviderEntraAPI: an API with the profile for Entra ID accepts its access tokens.
func TestProviderEntraAPI(t *testing.T) {
	p := atProvider(t, oauthtest.Options{Provider: oauthtest.ProviderEntra, JWTAccessTokens: true}, nil)
	as, err := oauth.Discover(t.Context(), p.Issuer(), &oauth.DiscoverOptions{HTTPClient: p.Server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example.com", Servers: []oauth.TrustedServer{{Server: as, Profile: oauth.EntraProfile()}}, HTTPClient: p.Server.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for user, scope := range map[string]string{"alice": "orders.read", "": ""} {
		token, err := p.AccessToken("app", user, map[string]any{"aud": "https://api.example.com", "scp": scope})
		if user == "" {
			token, err = p.AccessToken("app", user, map[string]any{"aud": "https://api.example.com", "roles": []string{"Orders.Read.All"}})
		}
		if err != nil {
			t.Fatal(err)
		}
		_, claims := decodeJWT(t, token)
		wantMembers(t, claims, "tid oid ver azp azpacr uti", "client_id scope jti acr")
		got, err := rs.AuthenticateCredential(t.Context(), oauth.Credential{Scheme: "Bearer", Token: token})
		if user != "" && (err != nil || got.ClientID() != "app" || !slices.Equal(got.Scope(), []string{scope})) {
			t.Error(got, err, claims)
		}
		if user == "" && claims["idtyp"] != "app" {
			t.Error(claims)
		}
	}
}

func TestProviderEntraTenants(t *testing.T) {
	var template string
	opts := oauthtest.Options{Provider: oauthtest.ProviderEntra, Path: "/common/v2.0"}
	p := atProvider(t, opts, func(s *oauthtest.Server, c *oauth.Config, d *oauth.DiscoverOptions) {
		template = s.URL() + "/{tenantid}/v2.0"
		d.Issuer = template
		c.AcceptIssuer = func(issuer, tenant string) bool { return issuer == s.Issuer() }
	})
	claims := idClaims(t, p.login(oauth.AuthorizationRequest{Scope: []string{"openid"}}))
	if claims["iss"] != p.Issuer() || strings.Contains(p.Issuer(), "common") {
		t.Error(claims)
	}
	m := get(t, p.Server, p.URL()+"/common/v2.0/.well-known/openid-configuration", "").m
	if m["issuer"] != template || m["token_endpoint"] != p.URL()+"/common/oauth2/v2.0/token" {
		t.Error(m)
	}
}

func TestProviderGoogle(t *testing.T) {
	p := atProvider(t, oauthtest.Options{Provider: oauthtest.ProviderGoogle}, nil)
	m := get(t, p.Server, p.URL()+"/.well-known/openid-configuration", "").m
	wantMembers(t, m, "device_authorization_endpoint revocation_endpoint", "introspection_endpoint end_session_endpoint mtls_endpoint_aliases")
	if a := get(t, p.Server, p.URL()+"/.well-known/oauth-authorization-server", ""); a.status != http.StatusNotFound {
		t.Error(a.status)
	}
	offline := map[string][]string{"access_type": {"offline"}}
	first, _ := p.callback(oauth.AuthorizationRequest{Scope: []string{"openid"}})
	if q := first.URL.Query(); q.Get("scope") != "openid" || q.Get("authuser") != "0" || q.Get("prompt") != "consent" || q.Get("iss") != p.Issuer() {
		t.Error(q)
	}

	// Not the first time any more: no refresh token without prompt=consent.
	token := p.login(oauth.AuthorizationRequest{Scope: []string{"openid", "email"}, Params: offline})
	if !token.RefreshToken.IsZero() || !slices.Equal(token.Scope, []string{"openid", "https://www.googleapis.com/auth/userinfo.email"}) {
		t.Error(token.Scope)
	}
	token = p.login(oauth.AuthorizationRequest{Scope: []string{"openid", "email"}, Prompt: "consent", Params: offline})
	claims := idClaims(t, token)
	wantMembers(t, claims, "azp at_hash email email_verified", "acr amr sid auth_time")
	if token.RefreshToken.IsZero() || claims["exp"].(float64)-claims["iat"].(float64) != 3600 || !strings.HasPrefix(token.AccessToken.Reveal(), "ya29.") {
		t.Error(claims)
	}
	for range 2 {
		fresh, err := p.client.Refresh(t.Context(), token, nil)
		if err != nil || !fresh.RefreshToken.Equal(token.RefreshToken) {
			t.Fatal(fresh, err)
		}
	}
	// A token is revoked by its value alone.
	for _, want := range []int{http.StatusOK, http.StatusBadRequest} {
		a := post(t, p.Server.Client(), p.URL()+"/revoke", url.Values{"token": {token.AccessToken.Reveal()}}, nil)
		if a.status != want {
			t.Errorf("revocation: %d %s, want %d", a.status, a.body, want)
		}
	}
	if a := get(t, p.Server, p.URL()+"/v1/userinfo", token.AccessToken.Reveal()); a.status != http.StatusUnauthorized {
		t.Error("a revoked token:", a.status)
	}
	pending, err := p.client.StartAuthorization(t.Context(), &oauth.AuthorizationRequest{RedirectURI: redirectURI, Scope: []string{"openid", "offline_access"}})
	if err != nil {
		t.Fatal(err)
	}
	if req, err := p.Authorize(t.Context(), pending.URL()); err == nil || !strings.Contains(err.Error(), "invalid_scope") {
		t.Error(req, err)
	}
	device, err := p.client.StartDeviceAuthorization(t.Context(), &oauth.DeviceAuthorizationRequest{Scope: []string{"openid"}})
	if err != nil || device.VerificationURI() != p.URL()+"/device" {
		t.Error(device, err)
	}
}

// appleKey signs the secrets of an application.
func appleKey(t *testing.T) (*oauth.SigningKey, []byte) {
	t.Helper()
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return key, fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK())
}

func TestProviderApple(t *testing.T) {
	key, jwks := appleKey(t)
	secrets := 0
	p := atProvider(t, oauthtest.Options{Provider: oauthtest.ProviderApple}, func(s *oauthtest.Server, c *oauth.Config, _ *oauth.DiscoverOptions) {
		s.AddClient(oauthtest.Client{ID: "app", JWKS: jwks, RedirectURIs: []string{redirectURI}})
		c.Auth = oauth.ClientSecretPostFunc(func(context.Context) (string, error) {
			secrets++
			return key.SignJWT("JWT", map[string]any{
				"iss": "TEAM123456", "sub": "app", "aud": "https://appleid.apple.com",
				"iat": time.Now().Unix() - 1, "exp": time.Now().Unix() + 60*int64(secrets),
			})
		})
	})
	ask := oauth.AuthorizationRequest{Scope: []string{"openid", "name", "email"}, ResponseMode: "form_post"}
	first, pending := p.callback(ask)
	if err := first.ParseForm(); err != nil || first.Method != http.MethodPost || first.Form.Has("iss") {
		t.Fatal(first.Form, err)
	}
	var user struct {
		Name  struct{ FirstName, LastName string }
		Email string
	}
	err := json.Unmarshal([]byte(first.Form.Get("user")), &user)
	if err != nil || user.Name.FirstName != "Alice" || user.Name.LastName != "Example" || user.Email != "alice@example.com" {
		t.Error(first.Form.Get("user"), err)
	}
	token, err := p.client.FinishAuthorization(first, pending, nil)
	if err != nil || token.RefreshToken.IsZero() {
		t.Fatal(token, err)
	}
	claims := idClaims(t, token)
	wantMembers(t, claims, "at_hash auth_time nonce", "azp acr amr sid name")
	if claims["email_verified"] != "true" || claims["is_private_email"] != "false" || claims["nonce_supported"] != true || !token.IDToken().EmailVerified() {
		t.Error(claims)
	}
	if again, _ := p.callback(ask); again.FormValue("user") != "" {
		t.Error("the user comes again:", again.Form)
	}
	if fresh, err := p.client.Refresh(t.Context(), token, nil); err != nil || !fresh.RefreshToken.Equal(token.RefreshToken) || secrets != 2 {
		t.Error(fresh, secrets, err)
	}
	plain, err := p.client.StartAuthorization(t.Context(), &oauth.AuthorizationRequest{RedirectURI: redirectURI, Scope: []string{"openid", "name"}})
	if err != nil {
		t.Fatal(err)
	}
	if req, err := p.Authorize(t.Context(), plain.URL()); err == nil || !strings.Contains(err.Error(), "response_mode must be form_post") {
		t.Error(req, err)
	}
}

// TestProviderAppleSecret: what Apple refuses in a secret.
func TestProviderAppleSecret(t *testing.T) {
	key, jwks := appleKey(t)
	other, _ := appleKey(t)
	s := newServer2(t, &oauthtest.Options{Provider: oauthtest.ProviderApple}, oauthtest.Client{ID: "app", JWKS: jwks, RedirectURIs: []string{redirectURI}})
	now := time.Now().Unix()
	for name, tt := range map[string]struct {
		key    *oauth.SigningKey
		change map[string]any
		good   bool
	}{
		"good":                       {key, nil, true},
		"for the server itself":      {key, map[string]any{"aud": s.Issuer()}, true},
		"another key":                {other, nil, false},
		"for another":                {key, map[string]any{"aud": "https://appleid.apple.example"}, false},
		"of another client":          {key, map[string]any{"sub": "other"}, false},
		"of no team":                 {key, map[string]any{"iss": ""}, false},
		"expired":                    {key, map[string]any{"exp": now - 1}, false},
		"of the future":              {key, map[string]any{"iat": now + 60}, false},
		"for longer than six months": {key, map[string]any{"exp": now + 15777000 + 60}, false},
	} {
		claims := map[string]any{"iss": "TEAM123456", "sub": "app", "aud": "https://appleid.apple.com", "iat": now, "exp": now + 300}
		for member, v := range tt.change {
			claims[member] = v
		}
		secret, err := tt.key.SignJWT("JWT", claims)
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {"app"}, "client_secret": {secret}}
		a := post(t, s.Client(), s.URL()+"/auth/token", form, nil)
		want := map[bool]string{true: "invalid_grant", false: "invalid_client"}[tt.good]
		if a.status != http.StatusBadRequest || a.str("error") != want || len(a.m) != 1 {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a client without a key")
		}
	}()
	s.AddClient(oauthtest.Client{ID: "app", Secret: "a secret"})
}

// newServer2 is newServer with another client.
func newServer2(t *testing.T, opts *oauthtest.Options, c oauthtest.Client) *oauthtest.Server {
	s := oauthtest.NewServer(opts)
	t.Cleanup(s.Close)
	s.AddClient(c)
	return s
}

func TestProviderGitHub(t *testing.T) {
	p := atProvider(t, oauthtest.Options{Provider: oauthtest.ProviderGitHub}, func(s *oauthtest.Server, c *oauth.Config, _ *oauth.DiscoverOptions) {
		c.Server = &oauth.AuthorizationServer{
			Issuer: s.URL(), AuthorizationEndpoint: s.URL() + "/login/oauth/authorize", TokenEndpoint: s.URL() + "/login/oauth/access_token",
		}
	})
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks", "/userinfo"} {
		if a := get(t, p.Server, p.URL()+path, ""); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	req, pending := p.callback(oauth.AuthorizationRequest{Scope: []string{"read:user", "user:email"}})
	if q := req.URL.Query(); q.Has("iss") || !q.Has("code") {
		t.Error(q)
	}
	token, err := p.client.FinishAuthorization(req, pending, nil)
	if err != nil || !slices.Equal(token.Scope, []string{"read:user,user:email"}) || !token.Expiry.IsZero() ||
		!token.RefreshToken.IsZero() || token.IDToken() != nil {
		t.Fatal(token, err)
	}
	user := get(t, p.Server, p.URL()+"/user", token.AccessToken.Reveal())
	if id, ok := user.m["id"].(float64); !ok || id == 0 || user.m["login"] != "alice" || user.m["email"] != nil ||
		user.header.Get("X-OAuth-Scopes") != "read:user, user:email" {
		t.Error(user.body, user.header)
	}
	want := `[{"email":"alice@example.com","primary":true,"verified":true,"visibility":"private"}]`
	if a := get(t, p.Server, p.URL()+"/user/emails", token.AccessToken.Reveal()); a.body != want {
		t.Error(a.body)
	}
	if a := get(t, p.Server, p.URL()+"/user", "wrong"); a.status != http.StatusUnauthorized || a.str("message") != "Bad credentials" {
		t.Error(a.status, a.body)
	}
	less := p.login(oauth.AuthorizationRequest{})
	if a := get(t, p.Server, p.URL()+"/user/emails", less.AccessToken.Reveal()); a.status != http.StatusNotFound {
		t.Error(a.status, a.body)
	}
	// A code that was used, which is an error with status 200.
	req2, pending2 := p.callback(oauth.AuthorizationRequest{})
	if _, err := p.client.FinishAuthorization(req2, pending2, nil); err != nil {
		t.Fatal(err)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {req2.URL.Query().Get("code")}, "client_id": {"app"}, "client_secret": {providerSecret},
	}
	a := post(t, p.Server.Client(), p.URL()+"/login/oauth/access_token", form, func(r *http.Request) { r.Header.Set("Accept", "application/json") })
	if a.status != http.StatusOK || a.str("error") != "bad_verification_code" {
		t.Error(a.status, a.body)
	}
	// Without Accept, a form; and the secret may come in the header as well.
	form.Del("client_secret")
	form.Del("client_id")
	a = post(t, p.Server.Client(), p.URL()+"/login/oauth/access_token", form, func(r *http.Request) { r.SetBasicAuth("app", providerSecret) })
	v, err := url.ParseQuery(a.body)
	if err != nil || v.Get("error") != "bad_verification_code" || !strings.HasPrefix(a.header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		t.Error(a.header, a.body)
	}
}

// TestProviderFaults: a provider misbehaves as any server does.
func TestProviderFaults(t *testing.T) {
	for _, provider := range []oauthtest.Provider{oauthtest.ProviderEntra, oauthtest.ProviderGoogle} {
		p := atProvider(t, oauthtest.Options{Provider: provider}, nil)
		for _, fault := range []oauthtest.Fault{oauthtest.WrongState, oauthtest.WrongNonce, oauthtest.WrongSignature, oauthtest.TokenHTML} {
			p.Fault(fault)
			req, pending := p.callback(oauth.AuthorizationRequest{Scope: []string{"openid"}})
			if token, err := p.client.FinishAuthorization(req, pending, nil); err == nil {
				t.Errorf("%s, %s: %v", provider, fault, token)
			}
		}
		p.Fault()
		p.login(oauth.AuthorizationRequest{Scope: []string{"openid"}})
	}
}

func TestProviderOptions(t *testing.T) {
	for name, opts := range map[string]oauthtest.Options{
		"an unknown provider":      {Provider: "entra id"},
		"a tenant without version": {Provider: oauthtest.ProviderEntra, Path: "/tenant"},
		"a path of Google":         {Provider: oauthtest.ProviderGoogle, Path: "/tenant"},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			oauthtest.NewServer(&opts).Close()
		}()
	}
}
