package oauth_test

// Each page of docs/providers against its fixture: the code of the page in a web application,
// at the provider in memory. provider_code_login_test.go has the code.

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/weblogin"
)

// A loginPage is how users log in with the configuration of a page.
type loginPage struct {
	file      string // in docs/providers
	login     func(web *oauth.ProviderWeb, secret string) weblogin.Provider
	keyLogin  func(web *oauth.ProviderWeb, pem []byte) weblogin.Provider // in its place
	alg       oauth.Algorithm                                            // of the pem
	document  string                                                     // the URL of the metadata; empty: they are on the page
	metadata  string
	keyIssuer string // what the keys say whose they are

	provider, what string         // the row that is the ID token; empty: it is in claims
	claims         map[string]any // of the ID token, or those of the row that are others
	answer         string         // of the token endpoint; empty: a plain one
	files          map[string]string

	request map[string]string // parameters of the authorization request; "": it must not be there
	form    map[string]string // of the token request
	user    weblogin.User
	session string // its claims
	tokens  bool   // it keeps them
}

var loginPages = []loginPage{
	{
		file: "google.md", login: googleLogin, document: "https://accounts.google.com/.well-known/openid-configuration",
		metadata: `{"issuer":"https://accounts.google.com","authorization_endpoint":"https://accounts.google.com/o/oauth2/v2/auth",` +
			`"device_authorization_endpoint":"https://oauth2.googleapis.com/device/code","token_endpoint":"https://oauth2.googleapis.com/token",` +
			`"jwks_uri":"https://www.googleapis.com/oauth2/v3/certs","authorization_response_iss_parameter_supported":true}`,
		claims: map[string]any{
			"iss": "https://accounts.google.com", "azp": "1234987819200.apps.googleusercontent.com", "aud": "1234987819200.apps.googleusercontent.com",
			"sub": "10769150350006150715113082367", "at_hash": "AT_HASH", "hd": "example.com", "email": "a@example.com", "email_verified": true,
			"nonce": "", "iat": unitTime, "exp": unitTime + 3600,
		},
		form:    map[string]string{"client_secret": pageSecret},
		user:    weblogin.User{Issuer: "https://accounts.google.com", Subject: "10769150350006150715113082367"},
		session: `{"email":"a@example.com","email_verified":true,"hd":"example.com"}`,
	},
	{
		file: "google.md", login: googleOffline, document: "https://accounts.google.com/.well-known/openid-configuration",
		metadata: `{"issuer":"https://accounts.google.com","authorization_endpoint":"https://accounts.google.com/o/oauth2/v2/auth",` +
			`"token_endpoint":"https://oauth2.googleapis.com/token","jwks_uri":"https://www.googleapis.com/oauth2/v3/certs"}`,
		claims: map[string]any{
			"iss": "https://accounts.google.com", "azp": "1234987819200.apps.googleusercontent.com", "aud": "1234987819200.apps.googleusercontent.com",
			"sub": "10769150350006150715113082367", "at_hash": "AT_HASH", "nonce": "", "iat": unitTime, "exp": unitTime + 3600,
		},
		answer:  `{"access_token":"at","token_type":"Bearer","expires_in":3599,"refresh_token":"1//rt","id_token":"ID_TOKEN"}`,
		request: map[string]string{"access_type": "offline", "prompt": "consent"},
		form:    map[string]string{"client_secret": pageSecret},
		user:    weblogin.User{Issuer: "https://accounts.google.com", Subject: "10769150350006150715113082367"},
		session: `null`, tokens: true,
	},
	{
		file: "entra.md", login: entraLogin, keyIssuer: "https://login.microsoftonline.com/{tenantid}/v2.0",
		document: "https://login.microsoftonline.com/" + entraTenant + "/v2.0/.well-known/openid-configuration",
		metadata: endpoints("https://login.microsoftonline.com/"+entraTenant+"/v2.0", ""),
		provider: "Entra", what: "claims of its own", form: map[string]string{"client_secret": pageSecret},
		user: weblogin.User{
			Issuer: "https://login.microsoftonline.com/" + entraTenant + "/v2.0", Subject: "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
		},
		session: `{"name":"Abe Lincoln","oid":"00000000-0000-0000-66f3-3332eca7ea81","tid":"` + entraTenant + `"}`,
	},
	{
		file: "entra.md", login: entraTenantsLogin, keyIssuer: "https://login.microsoftonline.com/{tenantid}/v2.0",
		document: "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
		metadata: `{"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0",` +
			`"token_endpoint":"https://login.microsoftonline.com/common/oauth2/v2.0/token",` +
			`"authorization_endpoint":"https://login.microsoftonline.com/common/oauth2/v2.0/authorize",` +
			`"jwks_uri":"https://login.microsoftonline.com/common/discovery/v2.0/keys"}`,
		provider: "Entra, many tenants", what: "the issuer is a template", form: map[string]string{"client_secret": pageSecret},
		user:    weblogin.User{Issuer: "https://login.microsoftonline.com/" + entraTenant + "/v2.0", Subject: "s"},
		session: `{"tid":"` + entraTenant + `"}`,
	},
	{
		file: "entra-external-id.md", login: externalIDLogin,
		document: "https://contoso.ciamlogin.com/" + entraTenant + "/v2.0/.well-known/openid-configuration",
		metadata: endpoints("https://"+entraTenant+".ciamlogin.com/"+entraTenant+"/v2.0", ""),
		claims: map[string]any{
			"ver": "2.0", "iss": "https://" + entraTenant + ".ciamlogin.com/" + entraTenant + "/v2.0", "aud": entraClient, "sub": "s", "oid": "o",
			"tid": entraTenant, "nonce": "", "iat": unitTime, "exp": unitTime + 3600,
		},
		form:    map[string]string{"client_secret": pageSecret},
		user:    weblogin.User{Issuer: "https://" + entraTenant + ".ciamlogin.com/" + entraTenant + "/v2.0", Subject: "s"},
		session: `null`,
	},
	{
		file: "entra-external-id.md", login: b2cLogin,
		document: "https://myorgb2c.b2clogin.com/" + b2cTenant + "/b2c_1_signup-signin/v2.0/.well-known/openid-configuration",
		metadata: endpoints("https://myorgb2c.b2clogin.com/"+b2cTenant+"/v2.0/", ""),
		provider: "Azure AD B2C", what: "an issuer without the policy", answer: "scope openid alone: there is nothing to access",
		form:    map[string]string{"client_secret": pageSecret},
		user:    weblogin.User{Issuer: "https://myorgb2c.b2clogin.com/" + b2cTenant + "/v2.0/", Subject: "s"},
		session: `{"emails":["a@example.com"],"tfp":"B2C_1_signup-signin"}`,
	},
	{
		file: "apple.md", keyLogin: appleLogin, alg: oauth.ES256, document: "https://appleid.apple.com/.well-known/openid-configuration",
		metadata: `{"issuer":"https://appleid.apple.com","authorization_endpoint":"https://appleid.apple.com/auth/authorize",` +
			`"token_endpoint":"https://appleid.apple.com/auth/token","jwks_uri":"https://appleid.apple.com/auth/keys"}`,
		provider: "Apple", what: "email_verified is a string", claims: map[string]any{"aud": "com.example.app"},
		request: map[string]string{"response_mode": "form_post", "scope": "openid email name"},
		user:    weblogin.User{Issuer: "https://appleid.apple.com", Subject: "001.a.1"},
		session: `{"email":"a@privaterelay.appleid.com","email_verified":"true","is_private_email":"true"}`,
	},
	{
		file: "github.md", login: githubLogin,
		metadata: `{"issuer":"https://github.com","authorization_endpoint":"https://github.com/login/oauth/authorize",` +
			`"token_endpoint":"https://github.com/login/oauth/access_token"}`,
		answer:  `{"access_token":"at","scope":"read:user","token_type":"bearer"}`,
		files:   map[string]string{"https://api.github.com/user": `{"login":"octocat","id":583231,"node_id":"MDQ6VXNlcjU4MzIzMQ==","type":"User"}`},
		request: map[string]string{"scope": "read:user", "nonce": "", "code_challenge_method": "S256"}, form: map[string]string{"client_secret": pageSecret},
		user: weblogin.User{Issuer: "https://github.com", Subject: "583231"}, session: `null`,
	},
	{
		file: "gitlab.md", login: gitlabLogin, document: "https://gitlab.example/.well-known/openid-configuration",
		metadata: endpoints("https://gitlab.example", ""), provider: "GitLab", what: "a second subject",
		answer: `{"access_token":"at","token_type":"Bearer","expires_in":7200,"refresh_token":"rt","scope":"openid profile email",` +
			`"created_at":1607635748,"id_token":"ID_TOKEN"}`,
		form: map[string]string{"client_secret": pageSecret},
		user: weblogin.User{Issuer: "https://gitlab.example", Subject: "1"}, session: `{"groups_direct":["a"]}`,
	},
	{
		file: "linkedin.md", login: linkedInLogin, document: "https://www.linkedin.com/oauth/.well-known/openid-configuration",
		metadata: `{"issuer":"https://www.linkedin.com/oauth","authorization_endpoint":"https://www.linkedin.com/oauth/v2/authorization",` +
			`"token_endpoint":"https://www.linkedin.com/oauth/v2/accessToken","jwks_uri":"https://www.linkedin.com/oauth/openid/jwks"}`,
		provider: "LinkedIn", what: "no nonce, allowed", answer: `{"access_token":"at","expires_in":5183999,"id_token":"ID_TOKEN"}`,
		request: map[string]string{"nonce": "", "code_challenge": ""}, form: map[string]string{"client_secret": pageSecret, "code_verifier": ""},
		user: weblogin.User{Issuer: "https://www.linkedin.com/oauth", Subject: "782bbtaQ"}, session: `{"name":"John Doe"}`,
	},
	{
		file: "slack.md", login: slackLogin, document: "https://slack.com/.well-known/openid-configuration",
		metadata: `{"issuer":"https://slack.com","authorization_endpoint":"https://slack.com/openid/connect/authorize",` +
			`"token_endpoint":"https://slack.com/api/openid.connect.token","jwks_uri":"https://slack.com/openid/connect/keys"}`,
		provider: "Slack", what: "names of claims that are URLs", answer: "a login", form: map[string]string{"client_secret": pageSecret},
		user:    weblogin.User{Issuer: "https://slack.com", Subject: "U123ABC456"},
		session: `{"email":"a@example.com","email_verified":true,"https://slack.com/team_id":"T123ABC456"}`,
	},
	{
		file: "salesforce.md", login: salesforceLogin, document: "https://d1r000002.my.salesforce.example/.well-known/openid-configuration",
		metadata: endpoints("https://d1r000002.my.salesforce.example", ""),
		provider: "Salesforce", what: "sub is a URL, and the issuer is that of the organization", answer: "no lifetime, and a time in a string",
		form: map[string]string{"client_secret": pageSecret},
		user: weblogin.User{Issuer: "https://d1r000002.my.salesforce.example", Subject: "https://login.salesforce.com/id/00Dx/005x"}, session: `null`,
	},
	{
		file: "okta.md", login: oktaLogin, document: "https://example.okta.example/.well-known/openid-configuration",
		metadata: endpoints("https://example.okta.example", ""), provider: "Okta", what: "no typ", form: map[string]string{"client_secret": ""},
		user: weblogin.User{Issuer: "https://example.okta.example", Subject: "00uid4BxXw6I6TV4m0g3"}, session: `{"name":"John Doe"}`,
	},
	{
		file: "auth0.md", login: auth0Login, document: "https://my-domain.auth0.example/.well-known/openid-configuration",
		metadata: endpoints("https://my-domain.auth0.example/", ""), provider: "Auth0", what: "a slash after the issuer, and updated_at is a date",
		request: map[string]string{"audience": "https://example.com/health-api"}, form: map[string]string{"client_secret": pageSecret},
		user:    weblogin.User{Issuer: "https://my-domain.auth0.example/", Subject: "ad|Mozilla-LDAP|akrug"},
		session: `{"email":"a@example.com","email_verified":true}`,
	},
	{
		file: "keycloak.md", login: keycloakLogin, document: "https://kc.example/realms/demo/.well-known/openid-configuration",
		metadata: endpoints("https://kc.example/realms/demo", ""), provider: "Keycloak", what: "typ is a claim of an ID token as well",
		answer: `{"access_token":"at","expires_in":300,"refresh_expires_in":1800,"refresh_token":"rt","token_type":"Bearer","id_token":"ID_TOKEN",` +
			`"not-before-policy":0,"session_state":"0a2c","scope":"openid email profile"}`,
		form: map[string]string{"client_secret": ""},
		user: weblogin.User{Issuer: "https://kc.example/realms/demo", Subject: "f1888f4d"}, session: `{"email_verified":false}`,
	},
	{
		file: "cognito.md", login: cognitoLogin, document: "https://cognito-idp.us-west-2.amazonaws.example/us-west-2_example/.well-known/openid-configuration",
		metadata: endpoints("https://cognito-idp.us-west-2.amazonaws.example/us-west-2_example", ""), provider: "Cognito", what: "token_use says what it is",
		form:    map[string]string{"client_secret": ""},
		user:    weblogin.User{Issuer: "https://cognito-idp.us-west-2.amazonaws.example/us-west-2_example", Subject: "aaaaaaaa-bbbb"},
		session: `{"cognito:groups":["test-group-a"],"email":"a@example.com"}`,
	},
	{
		file: "pingfederate.md", login: pingFederateLogin, document: "https://ping.example/.well-known/openid-configuration",
		metadata: endpoints("https://ping.example", ""),
		claims: map[string]any{
			"sub": "u", "iss": "https://ping.example", "aud": "web", "nonce": "", "iat": unitTime, "exp": unitTime + 300, "typ": "-",
		},
		form: map[string]string{"client_secret": ""},
		user: weblogin.User{Issuer: "https://ping.example", Subject: "u"}, session: `null`,
	},
	{
		file: "adfs.md", login: adfsLogin, document: "https://adfs.contoso.example/adfs/.well-known/openid-configuration",
		metadata: endpoints("https://adfs.contoso.example/adfs", `,"access_token_issuer":"http://adfs.contoso.example/adfs/services/trust"`),
		provider: "AD FS", what: "the issuer of ID tokens is not that of access tokens", form: map[string]string{"client_secret": pageSecret},
		user: weblogin.User{Issuer: "https://adfs.contoso.example/adfs", Subject: "x"}, session: `{"upn":"joe@example.com"}`,
	},
	{
		file: "hydra.md", login: hydraLogin, document: "https://hydra.example/.well-known/openid-configuration",
		metadata: endpoints("https://hydra.example", ""),
		claims: map[string]any{
			"iss": "https://hydra.example", "sub": "alice", "aud": []string{"web"}, "jti": "1", "rat": unitTime, "sid": "s", "nonce": "", "at_hash": "AT_HASH",
			"iat": unitTime, "exp": unitTime + 60,
		},
		request: map[string]string{"audience": "https://api.example", "scope": "openid orders"}, form: map[string]string{"client_secret": ""},
		user: weblogin.User{Issuer: "https://hydra.example", Subject: "alice"}, session: `null`,
	},
	{
		file: "authelia.md", login: autheliaLogin, document: "https://authelia.example/.well-known/openid-configuration",
		metadata: endpoints("https://authelia.example", ""),
		claims: map[string]any{
			"iss": "https://authelia.example", "sub": "7d6a4a1b-6c3c-4a86-8e0e-8a6f0d4d3c2b", "aud": []string{"web"}, "azp": "web", "jti": "2",
			"amr": []string{"pwd"}, "nonce": "", "at_hash": "AT_HASH", "iat": unitTime, "exp": unitTime + 3600,
		},
		form: map[string]string{"client_secret": ""},
		user: weblogin.User{Issuer: "https://authelia.example", Subject: "7d6a4a1b-6c3c-4a86-8e0e-8a6f0d4d3c2b"}, session: `null`,
	},
	{
		file: "authentik.md", login: authentikLogin, document: "https://mydomain.example/application/o/appname/.well-known/openid-configuration",
		metadata: endpoints("https://mydomain.example/application/o/appname/", ""), provider: "authentik", what: "c_hash and nonce are null",
		claims: map[string]any{"nonce": ""}, form: map[string]string{"client_secret": pageSecret},
		user:    weblogin.User{Issuer: "https://mydomain.example/application/o/appname/", Subject: "4912"},
		session: `{"email":"a@example.com","groups":["g"]}`,
	},
	{
		file: "dex.md", login: dexLogin, document: "https://dex.example/.well-known/openid-configuration",
		metadata: endpoints("https://dex.example", ""), provider: "dex", what: "a token for a trusted peer as well",
		request: map[string]string{"scope": "openid email groups federated:id"}, form: map[string]string{"client_secret": ""},
		user:    weblogin.User{Issuer: "https://dex.example", Subject: "CgcyMzQyNzQ5EgZnaXRodWI"},
		session: `{"email":"a@example.com","email_verified":true,"federated_claims":{"connector_id":"github","user_id":"110272483"}}`,
	},
	{
		file: "zitadel.md", login: zitadelLogin, document: "https://z.example/.well-known/openid-configuration",
		metadata: endpoints("https://z.example", ""), provider: "Zitadel", what: "all clients of the project, and the project",
		form: map[string]string{"client_secret": ""}, user: weblogin.User{Issuer: "https://z.example", Subject: "u"}, session: `null`,
	},
	{
		file: "lemonldap-ng.md", login: lemonLDAPLogin, document: "https://auth.example.com/.well-known/openid-configuration",
		metadata: endpoints("https://auth.example.com", `,"request_parameter_supported":"true","request_uri_parameter_supported":"true"`),
		claims: map[string]any{
			"iss": "https://auth.example.com", "sub": "dwho", "aud": []string{"rp", "https://api.example"}, "azp": "rp", "acr": "loa-2",
			"auth_time": unitTime, "nonce": "", "at_hash": "AT_HASH", "iat": unitTime, "exp": unitTime + 3600,
		},
		form: map[string]string{"client_secret": ""}, user: weblogin.User{Issuer: "https://auth.example.com", Subject: "dwho"}, session: `null`,
	},
	{
		file: "login-gov.md", keyLogin: loginGovLogin, alg: oauth.RS256, document: "https://idp.int.identitysandbox.gov/.well-known/openid-configuration",
		metadata: `{"issuer":"https://idp.int.identitysandbox.gov/","authorization_endpoint":"https://idp.int.identitysandbox.gov/openid_connect/authorize",` +
			`"token_endpoint":"https://idp.int.identitysandbox.gov/api/openid_connect/token",` +
			`"jwks_uri":"https://idp.int.identitysandbox.gov/api/openid_connect/certs"}`,
		provider: "Login.gov", what: "c_hash in the code flow, and acr is a URL",
		claims:  map[string]any{"iss": "https://idp.int.identitysandbox.gov/"}, // as in the metadata
		request: map[string]string{"acr_values": "http://idmanagement.gov/ns/assurance/ial/1", "prompt": "select_account"},
		form:    map[string]string{"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		user:    weblogin.User{Issuer: "https://idp.int.identitysandbox.gov/", Subject: "b2d2d115-1d7e-4579-b9d6-f8e84f4f56ca"}, session: `null`,
	},
}

// pagePEM are keys of clients.
var pagePEM = map[oauth.Algorithm]func() []byte{
	oauth.ES256: sync.OnceValue(func() []byte { return newPEM(oauth.ES256) }),
	oauth.RS256: sync.OnceValue(func() []byte { return newPEM(oauth.RS256) }),
}

func newPEM(alg oauth.Algorithm) []byte {
	key, err := oauth.GenerateSigningKey(alg)
	check(err)
	pem, err := key.MarshalPEM()
	check(err)
	return []byte(pem.Reveal())
}

// A pageApp is a web application that has the configuration of a page.
type pageApp struct {
	page     *loginPage
	web      *oauth.ProviderWeb
	handler  *weblogin.Handler
	front    http.Handler // what the browser sees; it is the handler, or has it inside
	name     string       // of the provider
	server   oauth.AuthorizationServer
	err      error // the last one
	claims   map[string]any
	typ      string
	twins    []oauth.ProviderTwin
	tokenReq oauth.ProviderCall
}

func (p *loginPage) app(t *testing.T) *pageApp {
	t.Helper()
	a := &pageApp{page: p, claims: p.claims, typ: "JWT"}
	if p.provider != "" {
		a.claims, a.typ, a.twins = oauth.ProviderIDToken(t, p.provider, p.what)
		maps.Copy(a.claims, p.claims)
	}
	if typ, ok := p.claims["typ"]; ok { // of the header
		a.claims = maps.Clone(a.claims)
		delete(a.claims, "typ")
		a.typ = typ.(string)
	}
	if err := json.Unmarshal([]byte(p.metadata), &a.server); err != nil {
		t.Fatal(err)
	}
	a.web = oauth.NewProviderWeb(p.keyIssuer, a.server.JWKSURI)
	if p.document != "" {
		a.web.Set(p.document, p.metadata)
	}
	for u, body := range p.files {
		a.web.Set(u, body)
	}
	var provider weblogin.Provider
	if p.keyLogin != nil {
		provider = p.keyLogin(a.web, pagePEM[p.alg]())
	} else {
		provider = p.login(a.web, pageSecret)
	}
	key := make([]byte, 32)
	rand.Read(key)
	var err error
	cfg := weblogin.Config{
		BaseURL: "https://app.example.com", Keys: [][]byte{key}, Providers: []weblogin.Provider{provider},
		Now: a.web.Clock().Now, OnError: func(_ *http.Request, err error) { a.err = err },
	}
	if p.tokens {
		cfg.Store = timelessStore{weblogin.NewMemoryStore(0)}
	}
	a.handler, err = weblogin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.name, a.front = provider.Name, a.handler
	return a
}

// A timelessStore keeps sessions of the application, whose clock is long ago.
type timelessStore struct{ weblogin.Store }

func (s timelessStore) Put(ctx context.Context, id string, r *weblogin.Record) error {
	kept := *r
	kept.Expires = time.Now().Add(time.Hour)
	return s.Store.Put(ctx, id, &kept)
}

// serve has the application answer a request with these cookies.
func (a *pageApp) serve(h http.Handler, method, target, form string, cookies []*http.Cookie) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	r.Header.Set("Accept", "text/html")
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range cookies {
		if c.MaxAge >= 0 {
			r.AddCookie(c)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// logIn logs a user in whose ID token has other claims, or a signature of another token, and
// returns the session; nil: there is none.
func (a *pageApp) logIn(t *testing.T, change map[string]any, forged bool) *weblogin.Session {
	t.Helper()
	a.err = nil
	begun := a.serve(a.front, http.MethodGet, "https://app.example.com/auth/login", "", nil)
	at, err := url.Parse(begun.Header.Get("Location"))
	if begun.StatusCode != http.StatusSeeOther || err != nil {
		t.Fatalf("status %d, %v, %v", begun.StatusCode, a.err, err)
	}
	params := at.Query()
	if got := at.Scheme + "://" + at.Host + at.Path; got != a.server.AuthorizationEndpoint {
		t.Errorf("the browser goes to %s", got)
	}
	if want := "https://app.example.com/auth/callback/" + a.name; params.Get("redirect_uri") != want {
		t.Errorf("redirect_uri %s", params.Get("redirect_uri"))
	}
	for name, want := range a.page.request {
		if got := params.Get(name); got != want || params.Has(name) != (want != "") {
			t.Errorf("%s of the authorization request is %q, want %q", name, got, want)
		}
	}
	a.web.Set(a.server.TokenEndpoint, a.answer(t, params.Get("nonce"), change, forged))
	back := url.Values{"code": {"the-code"}, "state": {params.Get("state")}}
	if a.server.AuthorizationResponseIssParameterSupported {
		back.Set("iss", a.server.Issuer)
	}
	method, target, form := http.MethodGet, params.Get("redirect_uri")+"?"+back.Encode(), ""
	if params.Get("response_mode") == "form_post" {
		back.Set("user", `{"name":{"firstName":"Jo","lastName":"Doe"},"email":"a@example.com"}`) // as Apple does, once
		method, target, form = http.MethodPost, params.Get("redirect_uri"), back.Encode()
	}
	ended := a.serve(a.front, method, target, form, begun.Cookies())
	if calls := a.web.Calls(a.server.TokenEndpoint); len(calls) > 0 {
		a.tokenReq = calls[len(calls)-1]
	}
	var session *weblogin.Session
	home := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { session, _ = weblogin.FromContext(r.Context()) })
	a.serve(a.handler.Optional(home), http.MethodGet, "https://app.example.com/", "", ended.Cookies())
	if (session == nil) != (a.err != nil) {
		t.Errorf("session %v with the error %v, status %d", session, a.err, ended.StatusCode)
	}
	return session
}

// answer is that of the token endpoint.
func (a *pageApp) answer(t *testing.T, nonce string, change map[string]any, forged bool) string {
	t.Helper()
	answer := a.page.answer
	switch {
	case answer == "":
		answer = plainAnswer
	case !strings.HasPrefix(answer, "{"):
		answer = oauth.ProviderAnswer(t, a.page.provider, answer)
	}
	if a.claims == nil { // there is no ID token
		return answer
	}
	claims := maps.Clone(a.claims)
	if claims["nonce"] == "" {
		claims["nonce"] = nonce
	}
	for name, value := range claims {
		switch value {
		case "AT_HASH":
			claims[name] = oauth.HalfHash("at")
		case "C_HASH":
			claims[name] = oauth.HalfHash("the-code")
		}
	}
	another := a.web.Sign(t, a.typ, claims)
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == oauth.Removed })
	if forged {
		claims["sub"] = "mallory"
	}
	token := a.web.Sign(t, a.typ, claims)
	if forged {
		token = token[:strings.LastIndex(token, ".")] + another[strings.LastIndex(another, "."):]
	}
	return strings.ReplaceAll(answer, "ID_TOKEN", token)
}

// TestProviderPagesLogIn: users log in with the configuration of each page, and with none of
// the tokens that an attacker would gain by.
func TestProviderPagesLogIn(t *testing.T) {
	for _, p := range loginPages {
		t.Run(p.file+" "+p.what, func(t *testing.T) {
			a := p.app(t)
			session := a.logIn(t, nil, false)
			if session == nil {
				t.Fatal(a.err)
			}
			var claims map[string]any
			if err := session.Claims(&claims); err != nil || session.User() != p.user || oauth.ProviderJSON(claims) != p.session {
				t.Errorf("%v with %s, %v", session.User(), oauth.ProviderJSON(claims), err)
			}
			if token, err := session.Token(t.Context()); p.tokens && (err != nil || !token.RefreshToken.Equal(oauth.NewSecret("1//rt"))) {
				t.Errorf("the session has no refresh token: %v", err)
			}
			form := a.tokenReq.Form
			for name, want := range p.form {
				if got := form.Get(name); got != want || form.Has(name) != (want != "") {
					t.Errorf("%s of the token request is %q, want %q", name, got, want)
				}
			}
			if basic := strings.HasPrefix(a.tokenReq.Authorization, "Basic "); basic != (p.login != nil && p.form["client_secret"] == "") {
				t.Errorf("the secret is sent by Basic: %t", basic)
			}
			if len(a.claims) == 0 { // there is no ID token
				return
			}
			for _, twin := range append(a.twins,
				oauth.ProviderTwin{What: "for another client", Change: map[string]any{"aud": "another"}, Kind: oauth.ErrAudience},
				oauth.ProviderTwin{What: "of another issuer", Change: map[string]any{"iss": "https://evil.example"}, Kind: oauth.ErrIssuer},
				oauth.ProviderTwin{What: "of no user", Change: map[string]any{"sub": oauth.Removed}, Kind: oauth.ErrClaim},
				oauth.ProviderTwin{What: "of yesterday", Change: map[string]any{"exp": unitTime - 100}, Kind: oauth.ErrExpired},
				oauth.ProviderTwin{What: "of another login", Change: map[string]any{"nonce": "another"}, Kind: oauth.ErrNonce},
			) {
				if session := a.logIn(t, twin.Change, false); session != nil || !errors.Is(a.err, twin.Kind) {
					t.Errorf("%s: %v, %v, want the kind %v", twin.What, session, a.err, twin.Kind)
				}
			}
			if session := a.logIn(t, nil, true); session != nil || !errors.Is(a.err, oauth.ErrSignature) {
				t.Errorf("forged: %v, %v", session, a.err)
			}
		})
	}
}

// TestProviderPageGitHub: an answer that names no user logs nobody in.
func TestProviderPageGitHub(t *testing.T) {
	i := slices.IndexFunc(loginPages, func(p loginPage) bool { return p.file == "github.md" })
	for _, user := range []string{`{"login":"octocat"}`, `{"id":0}`, `{"id":"583231"}`, `[]`, ``} {
		p := loginPages[i]
		p.files = map[string]string{"https://api.github.com/user": user}
		if session := p.app(t).logIn(t, nil, false); session != nil {
			t.Errorf("%s: %v", user, session.User())
		}
	}
}

// TestProviderPageLoginGov: the audience of the assertion is the token endpoint.
func TestProviderPageLoginGov(t *testing.T) {
	i := slices.IndexFunc(loginPages, func(p loginPage) bool { return p.file == "login-gov.md" })
	a := loginPages[i].app(t)
	if a.logIn(t, nil, false) == nil {
		t.Fatal(a.err)
	}
	if got := assertionOf(t, a.tokenReq.Form.Get("client_assertion"))["aud"]; got != a.server.TokenEndpoint {
		t.Errorf("aud %v", got)
	}
}

// TestProviderPageApple: the secret is a JWT of the team for Apple, and a handler in front can
// read what Apple posts beside the response.
func TestProviderPageApple(t *testing.T) {
	i := slices.IndexFunc(loginPages, func(p loginPage) bool { return p.file == "apple.md" })
	a := loginPages[i].app(t)
	var user string
	a.front = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user = r.PostFormValue("user")
		a.handler.ServeHTTP(w, r)
	})
	if a.logIn(t, nil, false) == nil {
		t.Fatal(a.err)
	}
	if !strings.Contains(user, "firstName") {
		t.Errorf("user is %q", user)
	}
	claims := assertionOf(t, a.tokenReq.Form.Get("client_secret"))
	if claims["iss"] != "TEAM123456" || claims["sub"] != "com.example.app" || claims["aud"] != "https://appleid.apple.com" {
		t.Errorf("%v", claims)
	}
}

// assertionOf are the claims of a JWT whose signature is of no matter.
func assertionOf(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	text, err := oauth.DecodeSegment(parts[1])
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}
