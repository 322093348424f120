package oauth_test

// Whole flows against a server of package oauthtest: what a program sees that
// uses the package, and what a server sees of it.

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

const (
	appCallback = "https://app.example.com/cb"
	appSecret   = "a secret that only the two know: 100%25 + 3, as long as HS512 wants it"
)

// newServer starts a server with one client, "web", that has a secret. Nil
// options are a server without RSA keys.
func newServer(t *testing.T, opts *oauthtest.Options) *oauthtest.Server {
	t.Helper()
	if opts == nil {
		opts = new(oauthtest.Options)
	}
	if opts.SigningAlgs == nil {
		opts.SigningAlgs = []string{"ES256"}
	}
	srv := oauthtest.NewServer(opts)
	t.Cleanup(srv.Close)
	addClient(srv, nil)
	return srv
}

// addClient registers "web", or changes its registration.
func addClient(srv *oauthtest.Server, edit func(*oauthtest.Client)) {
	c := oauthtest.Client{ID: "web", Secret: appSecret, RedirectURIs: []string{appCallback}}
	if edit != nil {
		edit(&c)
	}
	srv.AddClient(c)
}

// newClient discovers the server and makes the client that addClient registers.
// newClient makes a Client that discovers its server, unless the test has changed the
// metadata. The other tests of the package have most of theirs from NewClient.
func newClient(t *testing.T, srv *oauthtest.Server, edit func(*oauth.Config)) *oauth.Client {
	t.Helper()
	cfg := config(t, srv, nil)
	found := text(t, cfg.Server)
	if edit != nil {
		edit(&cfg)
	}
	client, err := (*oauth.Client)(nil), error(nil)
	if text(t, cfg.Server) == found {
		cfg.Server = nil
		client, err = oauth.NewClientFromIssuer(srv.Issuer(), nil, cfg)
	} else {
		client, err = oauth.NewClient(cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// text is metadata as they are compared.
func text(t *testing.T, as *oauth.AuthorizationServer) string {
	t.Helper()
	b, err := json.Marshal(as)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func config(t *testing.T, srv *oauthtest.Server, edit func(*oauth.Config)) oauth.Config {
	t.Helper()
	as, err := oauth.Discover(t.Context(), srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	cfg := oauth.Config{
		Server:     as,
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretBasic(appSecret),
		HTTPClient: srv.Client(),
	}
	if edit != nil {
		edit(&cfg)
	}
	return cfg
}

// request is a login with changes.
func request(edit func(*oauth.AuthorizationRequest)) *oauth.AuthorizationRequest {
	r := &oauth.AuthorizationRequest{RedirectURI: appCallback, Scope: []string{"openid", "email"}}
	if edit != nil {
		edit(r)
	}
	return r
}

// begin starts a login and goes up to the callback.
func begin(t *testing.T, srv *oauthtest.Server, client *oauth.Client, edit func(*oauth.AuthorizationRequest)) (*oauth.PendingAuthorization, *http.Request) {
	t.Helper()
	pending, err := client.StartAuthorization(t.Context(), request(edit))
	if err != nil {
		t.Fatal(err)
	}
	callback, err := srv.Authorize(t.Context(), pending.URL())
	if err != nil {
		t.Fatal(err)
	}
	return pending, callback
}

// try is a login that may fail.
func try(t *testing.T, srv *oauthtest.Server, client *oauth.Client, edit func(*oauth.AuthorizationRequest)) (*oauth.Token, error) {
	t.Helper()
	pending, callback := begin(t, srv, client, edit)
	tok, err := client.FinishAuthorization(callback, pending, nil)
	if (tok == nil) == (err == nil) {
		t.Errorf("token %v together with error %v", tok, err)
	}
	return tok, err
}

// login is one that may not.
func login(t *testing.T, srv *oauthtest.Server, client *oauth.Client, edit func(*oauth.AuthorizationRequest)) *oauth.Token {
	t.Helper()
	tok, err := try(t, srv, client, edit)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// asked is the list of the endpoints that were asked, in their order, since
// there were n requests; without the key set, which is asked while the user is away, and
// the metadata.
func asked(srv *oauthtest.Server, n int) string {
	var names []string
	for _, r := range srv.Requests()[n:] {
		if name := path.Base(r.Path); name != "jwks" && name != "openid-configuration" {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// tokenRequest is the last request to the token endpoint.
func tokenRequest(t *testing.T, srv *oauthtest.Server) oauthtest.Request {
	t.Helper()
	for _, r := range slices.Backward(srv.Requests()) {
		if r.Path == "/token" {
			return r
		}
	}
	t.Fatal("there was no token request")
	return oauthtest.Request{}
}

func TestLogin(t *testing.T) {
	srv := newServer(t, nil)
	client := newClient(t, srv, nil)
	tok := login(t, srv, client, nil)
	if tok.Subject() != "alice" || tok.TokenType != "Bearer" || tok.AccessToken.IsZero() || !tok.RefreshToken.IsZero() {
		t.Errorf("token %v", tok)
	}
	if left := time.Until(tok.Expiry); left > 10*time.Minute || left < 9*time.Minute {
		t.Errorf("the token expires in %v", left)
	}
	if !slices.Equal(tok.Scope, []string{"openid", "email"}) {
		t.Errorf("scope %q", tok.Scope)
	}
	id := tok.IDToken()
	if id.Issuer() != srv.Issuer() || id.Subject() != "alice" || !slices.Equal(id.Audience(), []string{"web"}) ||
		id.ACR() != "0" || !slices.Equal(id.AMR(), []string{"pwd"}) || id.SessionID() == "" || !id.EmailVerified() ||
		time.Since(id.AuthTime()) > time.Minute || id.Nonce() == "" || id.Expiry().Sub(id.IssuedAt()) != 5*time.Minute {
		t.Errorf("ID token %v", id)
	}
	var claims struct{ Email string }
	if err := id.Claims(&claims); err != nil || claims.Email != "alice@example.com" {
		t.Errorf("claims %v, %v", claims, err)
	}
	info, err := client.UserInfo(t.Context(), tok, nil)
	if err != nil {
		t.Fatal(err)
	}
	claims.Email = ""
	if err := info.Claims(&claims); err != nil || claims.Email != "alice@example.com" || info.Subject() != "alice" || !info.EmailVerified() {
		t.Errorf("userinfo %v: %v, %v", info, claims, err)
	}
	if got := asked(srv, 0); got != "authorize token userinfo" {
		t.Errorf("requests: %s", got)
	}
	login(t, srv, client, nil)
	if n := srv.Count("/jwks"); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// Both kinds of discovery, at the root of a host and below a path.
func TestDiscovery(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		oauth2     bool
		document   string
	}{
		{"OIDC", "", false, "/.well-known/openid-configuration"},
		{"OIDC, slash", "/", false, "/.well-known/openid-configuration"},
		{"OIDC, path", "/tenant/one", false, "/tenant/one/.well-known/openid-configuration"},
		{"OIDC, path and slash", "/tenant/one/", false, "/tenant/one/.well-known/openid-configuration"},
		{"OAuth 2", "", true, "/.well-known/oauth-authorization-server"},
		{"OAuth 2, path", "/tenant/one", true, "/.well-known/oauth-authorization-server/tenant/one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, &oauthtest.Options{Path: tt.path})
			as, err := oauth.Discover(t.Context(), srv.Issuer(), &oauth.DiscoverOptions{OAuth2: tt.oauth2, HTTPClient: srv.Client()})
			if err != nil {
				t.Fatal(err)
			}
			if srv.Count(tt.document) != 1 || len(srv.Requests()) != 1 {
				t.Errorf("requests: %s", asked(srv, 0))
			}
			client := newClient(t, srv, func(c *oauth.Config) { c.Server = as })
			if tok := login(t, srv, client, nil); tok.IDToken().Issuer() != srv.Issuer() {
				t.Errorf("token %v", tok)
			}
		})
	}
}

func TestDiscoveryRefused(t *testing.T) {
	srv := newServer(t, nil)
	_, err := oauth.Discover(t.Context(), srv.Issuer(), nil) // it does not trust the server's certificate
	oauth.WantError(t, err, oauth.ErrNetwork, "")
	_, err = oauth.Discover(t.Context(), srv.Issuer()+"/tenant/one", &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	oauth.WantError(t, err, oauth.ErrRefused, "")

	plain := newServer(t, &oauthtest.Options{Plain: true})
	_, err = oauth.Discover(t.Context(), plain.Issuer(), nil)
	oauth.WantError(t, err, oauth.ErrInsecureURL, "issuer")
	if n := len(plain.Requests()); n != 0 {
		t.Errorf("%d requests over http", n)
	}
	as, err := oauth.Discover(t.Context(), plain.Issuer(), &oauth.DiscoverOptions{InsecureAllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server: as, Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretBasic(appSecret), InsecureAllowHTTP: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	login(t, plain, client, nil)
}

// Each login differs in one thing, and works.
func TestLoginVariants(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   []oauthtest.Fault
		config  func(*oauth.Config)
		request func(*oauth.AuthorizationRequest)
		ok      func(tok *oauth.Token, r oauthtest.Request) bool
	}{
		{name: "refresh token", request: func(r *oauth.AuthorizationRequest) { r.Scope = append(r.Scope, "offline_access") },
			ok: func(tok *oauth.Token, _ oauthtest.Request) bool { return !tok.RefreshToken.IsZero() }},
		{name: "no ID token", request: func(r *oauth.AuthorizationRequest) { r.Scope = []string{"orders"} },
			ok: func(tok *oauth.Token, _ oauthtest.Request) bool { return tok.IDToken() == nil && tok.Subject() == "" }},
		{name: "no PKCE", request: func(r *oauth.AuthorizationRequest) { r.InsecureNoPKCE = true },
			ok: func(_ *oauth.Token, r oauthtest.Request) bool { return !r.Form.Has("code_verifier") }},
		{name: "no nonce", request: func(r *oauth.AuthorizationRequest) { r.InsecureNoNonce = true },
			ok: func(tok *oauth.Token, _ oauthtest.Request) bool { return tok.IDToken().Nonce() == "" }},
		{name: "no token type", fault: []oauthtest.Fault{oauthtest.MissingTokenType}, config: func(c *oauth.Config) { c.AllowTokenTypes = []string{""} },
			ok: func(tok *oauth.Token, _ oauthtest.Request) bool { return tok.TokenType == "" }},
		{name: "other token type", fault: []oauthtest.Fault{oauthtest.WrongTokenType}, config: func(c *oauth.Config) { c.AllowTokenTypes = []string{"MAC"} },
			ok: func(tok *oauth.Token, _ oauthtest.Request) bool { return tok.TokenType == "mac" }},
		{name: "no iss promised", fault: []oauthtest.Fault{oauthtest.MissingIss}, config: func(c *oauth.Config) { c.Server.AuthorizationResponseIssParameterSupported = false }},
		{name: "key set shared", config: func(c *oauth.Config) {
			c.KeySet, _ = oauth.NewKeySet(c.Server.JWKSURI, &oauth.KeySetOptions{HTTPClient: c.HTTPClient})
			c.Server.JWKSURI = ""
		}},
		{name: "custom parameter", request: func(r *oauth.AuthorizationRequest) { r.Params = url.Values{"audience": {"x"}} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, nil)
			client := newClient(t, srv, tt.config)
			srv.Fault(tt.fault...)
			tok := login(t, srv, client, tt.request)
			if tt.ok != nil && !tt.ok(tok, tokenRequest(t, srv)) {
				t.Errorf("token %v after request %v", tok, tokenRequest(t, srv).Form)
			}
		})
	}
}

var algorithms = []oauth.Algorithm{
	oauth.RS256, oauth.RS384, oauth.RS512, oauth.Ed25519, oauth.PS256, oauth.PS384, oauth.PS512,
	oauth.ES256, oauth.ES384, oauth.ES512, oauth.EdDSA, // not beside its other name: each is tried for the next
}

// Every algorithm, for ID tokens and for signed userinfo.
func TestAlgorithms(t *testing.T) {
	names := make([]string, len(algorithms))
	for i, alg := range algorithms {
		names[i] = string(alg)
	}
	srv := newServer(t, &oauthtest.Options{SigningAlgs: names})
	for i, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			addClient(srv, func(c *oauthtest.Client) { c.IDTokenAlg, c.UserinfoAlg = string(alg), string(alg) })
			use := func(alg oauth.Algorithm) *oauth.Client {
				return newClient(t, srv, func(c *oauth.Config) {
					c.Metadata.IDTokenSignedResponseAlg, c.Metadata.UserinfoSignedResponseAlg = alg, alg
				})
			}
			client := use(alg)
			tok := login(t, srv, client, nil)
			if info, err := client.UserInfo(t.Context(), tok, nil); err != nil || info.Subject() != "alice" {
				t.Errorf("userinfo: %v, %v", info, err)
			}
			_, err := try(t, srv, use(algorithms[(i+1)%len(algorithms)]), nil)
			oauth.WantError(t, err, oauth.ErrAlgorithm, "alg")
		})
	}
}

func TestResponseModes(t *testing.T) {
	srv := newServer(t, nil)
	client := newClient(t, srv, nil)
	for mode, method := range map[string]string{"": "GET", "query": "GET", "form_post": "POST", "fragment": "GET"} {
		t.Run(mode, func(t *testing.T) {
			pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) { r.ResponseMode = mode })
			if callback.Method != method || (callback.URL.Fragment != "") != (mode == "fragment") {
				t.Fatalf("%s %s", callback.Method, callback.URL)
			}
			if mode != "fragment" {
				if tok, err := client.FinishAuthorization(callback, pending, nil); err != nil || tok.Subject() != "alice" {
					t.Errorf("%v, %v", tok, err)
				}
				return
			}
			params, err := url.ParseQuery(callback.URL.EscapedFragment())
			if err != nil {
				t.Fatal(err)
			}
			tok, err := finishByHand(t, client, pending, params)
			if err != nil || tok.Subject() != "alice" {
				t.Errorf("%v, %v", tok, err)
			}
		})
	}
}

// finishByHand takes the two steps of FinishAuthorization apart.
func finishByHand(t *testing.T, client *oauth.Client, pending *oauth.PendingAuthorization, params url.Values) (*oauth.Token, error) {
	t.Helper()
	resp, err := client.ValidateAuthorizationResponse(t.Context(), pending, params)
	if (resp == nil) == (err == nil) {
		t.Errorf("response %v together with error %v", resp, err)
	}
	if err != nil {
		return nil, err
	}
	return client.ExchangeCode(t.Context(), resp, nil)
}

// Redirect URIs of RFC 8252: an app's own scheme, and loopback with any port.
func TestNativeRedirect(t *testing.T) {
	srv := newServer(t, nil)
	addClient(srv, func(c *oauthtest.Client) {
		c.Secret = ""
		c.RedirectURIs = []string{"com.example.app:/cb", "http://127.0.0.1/cb", "http://[::1]/cb"}
	})
	client := newClient(t, srv, func(c *oauth.Config) { c.Auth = oauth.PublicClient() })
	for _, uri := range []string{"com.example.app:/cb", "http://127.0.0.1:49152/cb", "http://[::1]:49152/cb"} {
		pending, callback := begin(t, srv, client, func(r *oauth.AuthorizationRequest) { r.RedirectURI = uri })
		if got, _, _ := strings.Cut(callback.URL.String(), "?"); got != uri && got != strings.Replace(uri, ":/", ":///", 1) {
			t.Errorf("sent to %s, want %s", got, uri)
		}
		if tok, err := finishByHand(t, client, pending, callback.URL.Query()); err != nil || tok.Subject() != "alice" {
			t.Errorf("%s: %v, %v", uri, tok, err)
		}
	}
}

// What an AuthorizationRequest asks for reaches the server, and the server's
// refusals reach the caller.
func TestAuthorizationRequest(t *testing.T) {
	srv := newServer(t, nil)
	srv.AddUser(oauthtest.User{Subject: "bob"})
	client := newClient(t, srv, nil)
	hour := int64(3600)
	for _, tt := range []struct {
		name    string
		edit    func(*oauth.AuthorizationRequest)
		param   string
		value   string
		refused string // the error of the server
		subject string
	}{
		{"login_hint", func(r *oauth.AuthorizationRequest) { r.LoginHint = "bob" }, "login_hint", "bob", "", "bob"},
		{"denial", func(r *oauth.AuthorizationRequest) { r.LoginHint = "deny" }, "", "", "access_denied", ""},
		{"prompt none, nobody logged in", func(r *oauth.AuthorizationRequest) { r.Prompt = "none" }, "prompt", "none", "login_required", ""},
		{"prompt contradicts itself", func(r *oauth.AuthorizationRequest) { r.Prompt = "none login" }, "", "", "invalid_request", ""},
		{"max_age", func(r *oauth.AuthorizationRequest) { r.MaxAge = &hour }, "max_age", "3600", "", "alice"},
		{"acr_values", func(r *oauth.AuthorizationRequest) { r.ACRValues = []string{"gold", "silver"} }, "acr_values", "gold silver", "", "alice"},
		{"ui_locales", func(r *oauth.AuthorizationRequest) { r.UILocales = []string{"de", "en"} }, "ui_locales", "de en", "", "alice"},
		{"display", func(r *oauth.AuthorizationRequest) { r.Display = "touch" }, "display", "touch", "", "alice"},
		{"resource", func(r *oauth.AuthorizationRequest) { r.Resource = []string{"https://api.example.com"} }, "resource", "https://api.example.com", "", "alice"},
		{"parameter", func(r *oauth.AuthorizationRequest) { r.Params = url.Values{"hd": {"example.com"}} }, "hd", "example.com", "", "alice"},
		{"claims", func(r *oauth.AuthorizationRequest) {
			r.Claims = json.RawMessage(`{"id_token":{"email":null}}`)
		}, "claims", `{"id_token":{"email":null}}`, "", "alice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pending, callback := begin(t, srv, client, tt.edit)
			sent := srv.Requests()
			if got := lastRequest(t, srv, "/authorize").Query.Get(tt.param); got != tt.value {
				t.Errorf("%s is %q, want %q", tt.param, got, tt.value)
			}
			n := len(sent)
			tok, err := client.FinishAuthorization(callback, pending, nil)
			if tt.refused == "" {
				if err != nil || tok.Subject() != tt.subject {
					t.Errorf("%v, %v", tok, err)
				}
				return
			}
			var refusal *oauth.AuthorizationError
			if !errors.As(err, &refusal) || refusal.Code != tt.refused || refusal.Description == "" || !errors.Is(err, oauth.ErrRefused) || tok != nil {
				t.Errorf("%v, %v", tok, err)
			}
			if got := asked(srv, n); got != "" {
				t.Errorf("requests after the refusal: %s", got)
			}
		})
	}
}

// A browser that is logged in at the server needs no page for prompt=none.
func TestSilentLogin(t *testing.T) {
	srv := newServer(t, &oauthtest.Options{Interactive: true})
	client := newClient(t, srv, nil)
	browser := srv.NewBrowser()
	for _, prompt := range []string{"", "none"} {
		pending, err := client.StartAuthorization(t.Context(), request(func(r *oauth.AuthorizationRequest) { r.Prompt = prompt }))
		if err != nil {
			t.Fatal(err)
		}
		callback, err := browser.Authorize(t.Context(), pending.URL())
		if err != nil {
			t.Fatal(err)
		}
		if tok, err := client.FinishAuthorization(callback, pending, nil); err != nil || tok.Subject() != "alice" {
			t.Errorf("prompt %q: %v, %v", prompt, tok, err)
		}
	}
	if n := srv.Count("/login"); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// A login goes on in another process, with what the session kept of it.
func TestSavedAuthorization(t *testing.T) {
	srv := newServer(t, nil)
	pending, callback := begin(t, srv, newClient(t, srv, nil), nil)
	saved, err := pending.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, srv, nil)
	var restored oauth.PendingAuthorization
	if err := restored.UnmarshalBinary(saved); err != nil || restored.State() != pending.State() || restored.URL() != "" {
		t.Fatalf("%v %v", err, &restored)
	}
	if tok, err := client.FinishAuthorization(callback, &restored, nil); err != nil || tok.Subject() != "alice" {
		t.Errorf("%v, %v", tok, err)
	}
	n := len(srv.Requests())
	if _, err := client.FinishAuthorization(callback, &restored, nil); !errors.Is(err, oauth.ErrReplay) {
		t.Errorf("finished twice: %v", err)
	}
	// Who does not delete it from the session is left with the server's refusal.
	if err := restored.UnmarshalBinary(saved); err != nil {
		t.Fatal(err)
	}
	if got := asked(srv, n); got != "" {
		t.Errorf("requests after the replay: %s", got)
	}
	if _, err := client.FinishAuthorization(callback, &restored, nil); !errors.Is(err, oauth.ErrRefused) {
		t.Errorf("the code sent twice: %v", err)
	}
	other := newClient(t, srv, func(c *oauth.Config) { c.Metadata.ClientID = "other" })
	if _, err := other.FinishAuthorization(callback, &restored, nil); !errors.Is(err, oauth.ErrConfig) {
		t.Errorf("another client: %v", err)
	}
}

func TestSavedToken(t *testing.T) {
	srv := newServer(t, nil)
	client := newClient(t, srv, nil)
	tok := login(t, srv, client, func(r *oauth.AuthorizationRequest) { r.Scope = append(r.Scope, "offline_access") })
	saved, err := tok.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var restored oauth.Token
	if err := restored.UnmarshalBinary(saved); err != nil {
		t.Fatal(err)
	}
	if restored.Subject() != "alice" || restored.IDToken() != nil || restored.TokenType != tok.TokenType ||
		restored.AccessToken.Reveal() != tok.AccessToken.Reveal() || restored.RefreshToken.Reveal() != tok.RefreshToken.Reveal() ||
		!slices.Equal(restored.Scope, tok.Scope) || restored.Expiry.Unix() != tok.Expiry.Unix() {
		t.Errorf("restored %v from %v", &restored, tok)
	}
	if info, err := client.UserInfo(t.Context(), &restored, nil); err != nil || info.Subject() != "alice" {
		t.Errorf("userinfo: %v, %v", info, err)
	}
	srv.Fault(oauthtest.SubMismatch)
	_, err = client.UserInfo(t.Context(), &restored, nil)
	oauth.WantError(t, err, oauth.ErrClaim, "sub")
}

// An issuer for all tenants, as Entra ID has one.
func TestTenants(t *testing.T) {
	const (
		template = "https://login.example.com/{tenantid}/v2.0"
		ours     = "11111111-2222-3333-4444-555555555555"
		theirs   = "99999999-2222-3333-4444-555555555555"
	)
	issuer := func(tid string) string { return strings.Replace(template, "{tenantid}", tid, 1) }
	for _, tt := range []struct {
		name     string
		iss      string
		tid      any
		callback string // its iss; "" for none
		kind     error
		param    string
		requests string
	}{
		{"ours", issuer(ours), ours, "", nil, "", "token"},
		{"ours, in the callback too", issuer(ours), ours, issuer(ours), nil, "", "token"},
		{"theirs", issuer(theirs), theirs, "", oauth.ErrIssuer, "iss", "token"},
		{"their iss, our tid", issuer(theirs), ours, "", oauth.ErrIssuer, "iss", "token"},
		{"our iss, their tid", issuer(ours), theirs, "", oauth.ErrIssuer, "iss", "token"},
		{"the template itself", template, ours, "", oauth.ErrIssuer, "iss", "token"},
		{"no tid", issuer(ours), nil, "", oauth.ErrClaim, "tid", "token"},
		{"tid is no GUID", issuer("common"), "common", "", oauth.ErrClaim, "tid", "token"},
		{"tid is a path", issuer(ours + "/x"), ours + "/x", "", oauth.ErrClaim, "tid", "token"},
		{"their callback", issuer(ours), ours, issuer(theirs), oauth.ErrIssuer, "iss", "token"},
		{"callback of another server", issuer(ours), ours, "https://attacker.example", oauth.ErrIssuer, "iss", ""},
		{"callback of no GUID", issuer(ours), ours, issuer("common"), oauth.ErrIssuer, "iss", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, &oauthtest.Options{
				Issuer:       template,
				EditMetadata: func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") },
				EditIDToken: func(_, claims map[string]any) {
					claims["iss"], claims["tid"] = tt.iss, tt.tid
					if tt.tid == nil {
						delete(claims, "tid")
					}
				},
			})
			as, err := oauth.Discover(t.Context(), srv.URL(), &oauth.DiscoverOptions{Issuer: template, HTTPClient: srv.Client()})
			if err != nil {
				t.Fatal(err)
			}
			cfg := oauth.Config{Server: as, Metadata: oauth.ClientMetadata{ClientID: "web"}, Auth: oauth.ClientSecretPost(appSecret), HTTPClient: srv.Client()}
			if _, err := oauth.NewClient(cfg); !errors.Is(err, oauth.ErrConfig) {
				t.Errorf("without AcceptIssuer: %v", err)
			}
			addClient(srv, func(c *oauthtest.Client) { c.AuthMethod = "client_secret_post" })
			cfg.AcceptIssuer = func(iss, tid string) bool { return iss == issuer(ours) && tid == ours }
			client, err := oauth.NewClient(cfg)
			if err != nil {
				t.Fatal(err)
			}
			srv.Fault(oauthtest.MissingIss) // its own would be the template
			pending, callback := begin(t, srv, client, nil)
			if tt.callback != "" {
				callback.URL.RawQuery += "&iss=" + url.QueryEscape(tt.callback)
			}
			n := len(srv.Requests())
			tok, err := client.FinishAuthorization(callback, pending, nil)
			oauth.WantError(t, err, tt.kind, tt.param)
			if tt.kind == nil && (tok.Subject() != "alice" || tok.IDToken().Issuer() != tt.iss) || tt.kind != nil && tok != nil {
				t.Errorf("token %v", tok)
			}
			if got := asked(srv, n); got != tt.requests {
				t.Errorf("requests: %q, want %q", got, tt.requests)
			}
		})
	}
}

// The server has new keys, and the client finds out by itself, twice in a minute, too.
func TestKeyRotation(t *testing.T) {
	t.Parallel() // the last login waits until the keys may be fetched again
	srv := newServer(t, nil)
	client := newClient(t, srv, nil)
	login(t, srv, client, nil)
	srv.RotateKeys()
	login(t, srv, client, nil)
	if n := srv.Count("/jwks"); n != 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
	srv.RotateKeys()
	login(t, srv, client, nil)
	if n := srv.Count("/jwks"); n != 3 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// One Client serves many logins at once.
func TestConcurrentLogins(t *testing.T) {
	srv := newServer(t, nil)
	client := newClient(t, srv, nil)
	t.Run("all", func(t *testing.T) {
		for range 8 {
			t.Run("one", func(t *testing.T) {
				t.Parallel()
				if info, err := client.UserInfo(t.Context(), login(t, srv, client, nil), nil); err != nil || info.Subject() != "alice" {
					t.Errorf("%v, %v", info, err)
				}
			})
		}
	})
	if n := srv.Count("/jwks"); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// The user has closed the browser: the code is not spent on an answer that
// nobody waits for.
func TestCanceledLogin(t *testing.T) {
	srv := newServer(t, nil)
	client := newClient(t, srv, nil)
	pending, callback := begin(t, srv, client, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := len(srv.Requests())
	tok, err := client.FinishAuthorization(callback.WithContext(ctx), pending, nil)
	if !errors.Is(err, context.Canceled) || tok != nil {
		t.Errorf("%v, %v", tok, err)
	}
	if got := asked(srv, n); got != "" {
		t.Errorf("requests: %s", got)
	}
	if tok, err = client.FinishAuthorization(callback, pending, nil); err != nil {
		t.Errorf("%v, %v", tok, err)
	}
}

// A token of the server that comes from elsewhere: a native app, a workload.
func TestVerifyIDToken(t *testing.T) {
	srv := newServer(t, nil)
	client := newClient(t, srv, nil)
	for _, tt := range []struct {
		name    string
		claims  map[string]any // changes
		options oauth.VerifyIDTokenOptions
		kind    error
		param   string
	}{
		{name: "plain"},
		{name: "nonce", claims: map[string]any{"nonce": "n"}, options: oauth.VerifyIDTokenOptions{Nonce: "n"}},
		{name: "unknown nonce", claims: map[string]any{"nonce": "n"}, kind: oauth.ErrNonce, param: "nonce"},
		{name: "nonce not judged", claims: map[string]any{"nonce": "n"}, options: oauth.VerifyIDTokenOptions{InsecureNoNonce: true}},
		{name: "no nonce", options: oauth.VerifyIDTokenOptions{Nonce: "n"}, kind: oauth.ErrNonce, param: "nonce"},
		{name: "azp of a mobile client", claims: map[string]any{"azp": "mobile"}},
		{name: "another audience", claims: map[string]any{"aud": "other"}, kind: oauth.ErrAudience, param: "aud"},
		{name: "logout token", claims: map[string]any{"events": map[string]any{}}, kind: oauth.ErrType, param: "events"},
		{name: "expired", claims: map[string]any{"exp": 1}, kind: oauth.ErrExpired, param: "exp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Now().Unix()
			claims := map[string]any{"iss": srv.Issuer(), "sub": "bob", "aud": "web", "iat": now, "exp": now + 60}
			maps.Copy(claims, tt.claims)
			raw, err := srv.Sign("ES256", nil, claims)
			if err != nil {
				t.Fatal(err)
			}
			id, err := client.VerifyIDToken(t.Context(), raw, tt.options)
			oauth.WantError(t, err, tt.kind, tt.param)
			if tt.kind == nil && (id.Subject() != "bob" || id.Raw() != raw) || tt.kind != nil && id != nil {
				t.Errorf("ID token %v", id)
			}
		})
	}
}
