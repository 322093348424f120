package interop

// This file is the authorization code flow in all its variations: setup, then
// start, then finish, and code and full that do all of it.

import (
	"net/http"
	"net/url"
	"time"

	"example.com/oauth"
)

// options are what a scenario does differently. The zero value is the plain
// flow of a registered client.
type options struct {
	without []string                          // client metadata to leave out
	config  func(*oauth.Config)               // changes the configuration
	request func(*oauth.AuthorizationRequest) // changes the authorization request
	grant   *oauth.GrantOptions               // for the token request
	around  func(next http.RoundTripper, r *http.Request) (*http.Response, error)
	browser *browser      // one with a session; nil: a new one
	reg     *registration // a client that is not in the description
}

// pushed sends the authorization request through PAR.
func pushed(r *oauth.AuthorizationRequest) { r.Pushed = true }

// A party is a client of the package, set up as one of the server's.
type party struct {
	server *oauth.AuthorizationServer
	reg    *registration
	client *oauth.Client
	meta   oauth.ClientMetadata
	dpop   *oauth.DPoP // nil: its tokens are not bound to a key
	wire   *wire
}

// A flow is one authorization code flow of a party. One that another grant
// began has the token alone.
type flow struct {
	*party
	browser *browser
	pending *oauth.PendingAuthorization
	landing *landing
	token   *oauth.Token
}

// config is the configuration of a client, before NewClient has judged it.
func (s *scenario) config(instance, id string, o options) (oauth.Config, *registration, *wire) {
	server, err := s.desc.server(instance)
	s.check(err, "discovery")
	reg := o.reg
	if reg == nil {
		reg, err = s.desc.client(id)
		s.check(err, "setup")
	}
	meta, err := reg.metadata(o.without...)
	s.check(err, "client metadata")
	auth, err := reg.auth()
	s.check(err, "client authentication")
	requestKey, err := reg.requestKey()
	s.check(err, "request key")
	decrypter, err := reg.decrypter(&meta)
	s.check(err, "decryption key")
	w := &wire{around: o.around}
	cfg := oauth.Config{
		Server:            server,
		Metadata:          meta,
		Auth:              auth,
		RequestKey:        requestKey,
		Decrypter:         decrypter,
		HTTPClient:        &http.Client{Transport: w.wrap(s.desc.transport)},
		InsecureAllowHTTP: s.desc.insecure(instance),
	}
	if reg.Cert != "" {
		cert, err := s.desc.certificate(reg.Cert)
		s.check(err, "client certificate")
		// The package makes the transport itself, and the wire goes around it.
		cfg.HTTPClient = nil
		cfg.MTLS = &oauth.MutualTLS{Certificate: cert, RootCAs: s.desc.roots, Wrap: w.wrap}
	}
	if o.config != nil {
		o.config(&cfg)
	}
	return cfg, reg, w
}

// setup makes the client.
func (s *scenario) setup(instance, id string, o options) *party {
	cfg, reg, w := s.config(instance, id, o)
	client, err := oauth.NewClient(cfg)
	s.check(err, "NewClient")
	return &party{server: cfg.Server, reg: reg, client: client, meta: cfg.Metadata, dpop: cfg.DPoP, wire: w}
}

// tokenType is that of the client's tokens.
func (p *party) tokenType() string {
	if p.dpop != nil {
		return "DPoP"
	}
	return "Bearer"
}

// authorizationRequest is what the scenarios ask for unless they say otherwise.
func (s *scenario) authorizationRequest(p *party, o options) *oauth.AuthorizationRequest {
	req := &oauth.AuthorizationRequest{
		RedirectURI: s.desc.RedirectURI,
		Scope:       []string{"openid", "profile", "email"},
	}
	if len(p.meta.RedirectURIs) > 0 {
		req.RedirectURI = p.meta.RedirectURIs[0]
	}
	if o.request != nil {
		o.request(req)
	}
	return req
}

// start sends the browser out and returns when it has landed.
func (s *scenario) start(p *party, o options) *flow {
	f := &flow{party: p, browser: o.browser}
	if f.browser == nil {
		f.browser = newBrowser(s.desc)
	}
	req := s.authorizationRequest(p, o)
	var err error
	f.pending, err = p.client.StartAuthorization(s.ctx, req)
	s.check(err, "StartAuthorization")
	f.landing, err = f.browser.open(s.ctx, f.pending.URL(), req.RedirectURI)
	s.check(err, "authorization")
	return f
}

// finish takes the answer and fetches the token, as a web server does where it
// can and in the two steps of an app where it cannot.
func (f *flow) finish(s *scenario, o options) (*oauth.Token, error) {
	if f.landing.reachesServer() {
		return f.client.FinishAuthorization(f.landing.request(s.ctx), f.pending, o.grant)
	}
	callback, err := f.client.ValidateAuthorizationResponseURL(s.ctx, f.pending, f.landing.url.String())
	if err != nil {
		return nil, err
	}
	return f.client.ExchangeCode(s.ctx, callback, o.grant)
}

// tryCode is the flow up to the token, or the error of its last part.
func (s *scenario) tryCode(instance, id string, o options) (*flow, error) {
	f := s.start(s.setup(instance, id, o), o)
	var err error
	f.token, err = f.finish(s, o)
	return f, err
}

// code is the flow up to a token, which must be a good one.
func (s *scenario) code(instance, id string, o options) *flow {
	f, err := s.tryCode(instance, id, o)
	s.check(err, "finishing the authorization")
	// A JWT says it inside, and with an ID token this server leaves it out.
	if answer := f.landing.params(); !answer.Has("response") && !answer.Has("id_token") {
		equal(s, answer.Get("iss"), f.server.Issuer, "iss of the authorization response")
	}
	s.require(!f.token.AccessToken.IsZero(), "no access token")
	equal(s, f.token.TokenType, f.tokenType(), "token type")
	s.require(f.token.Expiry.After(time.Now()), "the access token expired at %v", f.token.Expiry)
	return f
}

// query is what the browser carried to the server.
func (f *flow) query(s *scenario) url.Values {
	u, err := url.Parse(f.pending.URL())
	s.check(err, "Authorization.URL")
	return u.Query()
}

// requireOnly ends the scenario unless those parameters, and no others, are
// there, each once.
func requireOnly(s *scenario, params url.Values, where string, names ...string) {
	for _, name := range names {
		equal(s, len(params[name]), 1, "number of "+name+" in "+where)
	}
	equal(s, len(params), len(names), "number of parameters in "+where)
}

// requirePlace ends the scenario unless the answer came in that place.
func (f *flow) requirePlace(s *scenario, mode string) {
	equal(s, f.landing.form != nil, mode == "form_post", "the answer came as a form")
	equal(s, f.landing.url.Fragment != "", mode == "fragment", "the answer came in the fragment")
}

// idToken is the ID token of a flow that must have brought one.
func (f *flow) idToken(s *scenario) *oauth.IDToken {
	id := f.token.IDToken()
	s.require(id != nil, "no ID token")
	equal(s, id.Issuer(), f.server.Issuer, "iss of the ID token")
	equal(s, f.token.Subject(), id.Subject(), "subject of the token")
	s.require(len(id.Audience()) == 1 && id.Audience()[0] == f.reg.ClientID, "aud of the ID token: %q", id.Audience())
	return id
}

// userInfo asks for the claims of a flow's user.
func (f *flow) userInfo(s *scenario, claims any) {
	info, err := f.client.UserInfo(s.ctx, f.token, nil)
	s.check(err, "UserInfo")
	equal(s, info.Subject(), f.token.Subject(), "sub of the userinfo")
	s.check(info.Claims(claims), "Claims of the userinfo")
}

// requireEmail asks for the claims of a flow's user and looks at one.
func (f *flow) requireEmail(s *scenario) {
	var claims struct{ Email string }
	f.userInfo(s, &claims)
	equal(s, claims.Email, f.token.Subject()+"@example.com", "email of the userinfo")
}

// full is the flow and what a client does with the token afterwards.
func (s *scenario) full(instance, id string, o options) *flow {
	f := s.code(instance, id, o)
	f.idToken(s)
	f.requireEmail(s)
	f.introspect(s)
	f.callResource(s)
	next := f.refreshed(s, nil)
	next.requireEmail(s)
	next.introspect(s)
	next.callResource(s)
	f.revoke(s)
	f.requireInactive(s)
	return f
}

// refreshed is the flow with the next token.
func (f *flow) refreshed(s *scenario, opts *oauth.GrantOptions) *flow {
	t, err := f.client.Refresh(s.ctx, f.token, opts)
	s.check(err, "Refresh")
	s.require(!t.AccessToken.IsZero() && t.AccessToken.Reveal() != f.token.AccessToken.Reveal(), "no new access token")
	s.require(!t.RefreshToken.IsZero(), "the refresh token is lost")
	s.require(t.Expiry.After(time.Now()), "the new access token expired at %v", t.Expiry)
	equal(s, t.TokenType, f.tokenType(), "type of the new token")
	equal(s, t.Issuer(), f.token.Issuer(), "issuer of the new token")
	equal(s, t.Subject(), f.token.Subject(), "subject of the new token")
	return &flow{party: f.party, token: t}
}

// runs makes a scenario of full.
func full(instance, id string, o options) scenarioFunc {
	return func(s *scenario) { s.full(instance, id, o) }
}

// refusal makes a scenario of a flow whose authorization the server refuses.
func refusal(code string, o options) scenarioFunc {
	return func(s *scenario) {
		f, err := s.tryCode("tls", "basic", o)
		s.requireRefusal(f, err, code)
	}
}

// requireRefusal ends the scenario unless err is the authorization response
// with that error, and nothing was asked of the token endpoint.
func (s *scenario) requireRefusal(f *flow, err error, code string) {
	refused, ok := asType[*oauth.AuthorizationError](err)
	s.require(ok, "wanted the authorization refused with %s, got: %v", code, err)
	equal(s, refused.Code, code, "error of the authorization response")
	f.requireNoTokenRequest(s)
}

// requireNoTokenRequest ends the scenario if the token endpoint was asked.
func (f *flow) requireNoTokenRequest(s *scenario) {
	for _, e := range f.wire.exchanges() {
		s.require(e.url.String() != f.server.TokenEndpoint, "the package asked for a token after a refusal")
	}
}

// requireResponseError ends the scenario unless err is an answer with that
// status and error code.
func (s *scenario) requireResponseError(err error, status int, code string) *oauth.ResponseError {
	refused, ok := asType[*oauth.ResponseError](err)
	s.require(ok, "wanted status %d with %s, got: %v", status, code, err)
	equal(s, refused.Code, code, "error of the response")
	equal(s, refused.StatusCode, status, "status of the response")
	return refused
}
