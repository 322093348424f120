package keycloak

// This file is the authorization code flow.

import (
	"net/url"
	"slices"
	"time"

	"example.com/oauth"
)

// A flow is one authorization code flow of a party. One that another grant began has
// the token alone.
type flow struct {
	*party
	browser *browser
	pending *oauth.PendingAuthorization
	landing *landing
	token   *oauth.Token
}

// asks changes an authorization request.
type asks = func(*oauth.AuthorizationRequest)

// pushed sends the authorization request through PAR.
func pushed(r *oauth.AuthorizationRequest) { r.Pushed = true }

// scope adds to the scope.
func scope(more ...string) asks {
	return func(r *oauth.AuthorizationRequest) { r.Scope = append(r.Scope, more...) }
}

// newBrowser is one in which alice is going to log in.
func (s *scenario) newBrowser() *browser { return newBrowser(s.transport) }

// begin makes the authorization request.
func (s *scenario) begin(p *party, changes ...asks) (*oauth.PendingAuthorization, error) {
	r := &oauth.AuthorizationRequest{RedirectURI: redirectURI, Scope: []string{"openid", "email"}}
	for _, change := range changes {
		change(r)
	}
	return p.client.StartAuthorization(s.ctx, r)
}

// visit sends the browser out. It ends at the client or at a page.
func (s *scenario) visit(p *party, b *browser, changes ...asks) (*flow, *page) {
	f := &flow{party: p, browser: b}
	var err error
	f.pending, err = s.begin(p, changes...)
	s.check(err, "StartAuthorization")
	var end *page
	f.landing, end, err = b.follow(s.ctx, f.pending.URL(), redirectURI)
	s.check(err, "authorization")
	return f, end
}

// start sends a browser out that has to come back to the client.
func (s *scenario) start(p *party, b *browser, changes ...asks) *flow {
	f, end := s.visit(p, b, changes...)
	if end != nil {
		s.fatalf("the browser ended at %s", end)
	}
	return f
}

// finish takes the answer and fetches the token.
func (f *flow) finish(s *scenario) (*oauth.Token, error) {
	if f.landing.form == nil && f.landing.url.Fragment != "" {
		answer, err := f.client.ValidateAuthorizationResponseURL(s.ctx, f.pending, f.landing.url.String())
		if err != nil {
			return nil, err
		}
		return f.client.ExchangeCode(s.ctx, answer, nil)
	}
	return f.client.FinishAuthorization(f.landing.request(s.ctx), f.pending, nil)
}

// try is the flow up to the token in a new browser, or the error of its last part.
func (s *scenario) try(p *party, changes ...asks) (*flow, error) {
	f := s.start(p, s.newBrowser(), changes...)
	var err error
	f.token, err = f.finish(s)
	return f, err
}

// code is the flow up to a token, which must be a good one.
func (s *scenario) code(p *party, changes ...asks) *flow {
	return s.codeIn(p, s.newBrowser(), changes...)
}

// codeIn is the flow in a browser that may have a session.
func (s *scenario) codeIn(p *party, b *browser, changes ...asks) *flow {
	f := s.start(p, b, changes...)
	var err error
	f.token, err = f.finish(s)
	s.check(err, "finishing the authorization")
	f.requireToken(s)
	return f
}

// requireToken ends the row unless the token is a good one, of alice.
func (f *flow) requireToken(s *scenario) {
	s.require(!f.token.AccessToken.IsZero(), "no access token")
	s.require(f.token.Expiry.After(time.Now()), "the access token expired at %v", f.token.Expiry)
	want := "Bearer"
	if f.cfg.DPoP != nil {
		want = "DPoP"
	}
	equal(s, f.token.TokenType, want, "token type")
	if id := f.token.IDToken(); id != nil {
		equal(s, id.Issuer(), f.issuer, "iss of the ID token")
		equal(s, id.Subject(), f.token.Subject(), "sub of the ID token")
		s.require(slices.Equal(id.Audience(), []string{f.id}), "aud of the ID token: %q", id.Audience())
	}
}

// requireEmail ends the row unless userinfo has the email of that user.
func (f *flow) requireEmail(s *scenario, user string) {
	info, err := f.client.UserInfo(s.ctx, f.token, nil)
	s.check(err, "UserInfo")
	var claims struct{ Email string }
	s.check(info.Claims(&claims), "Claims of the userinfo")
	equal(s, claims.Email, user+"@example.com", "email of the userinfo")
}

// query is what the browser carried to the server.
func (f *flow) query(s *scenario) url.Values {
	u, err := url.Parse(f.pending.URL())
	s.check(err, "PendingAuthorization.URL")
	return u.Query()
}
