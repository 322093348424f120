package keycloak

// This file holds what OpenID Connect adds to a request: how and when the user
// authenticated, whom and what to ask for.

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/oauth"
)

func oidcRows(t *table) {
	const kind = "step-up"
	t.add(kind, "by acr_values, in the same session", func(s *scenario) {
		p := s.levels().client(s, spec{})
		b := s.dora()
		f := s.codeIn(p, b, acr("silver"))
		equal(s, f.token.ACR(), "silver", "acr")
		equal(s, b.otps, 0, "number of times that the second factor was asked for")
		f = s.codeIn(p, b, acr("gold"))
		equal(s, f.token.ACR(), "gold", "acr")
		equal(s, b.logins, 0, "number of times that the password was asked for")
		equal(s, b.otps, 1, "number of times that the second factor was asked for")
		b = s.dora()
		b.otp = "000000"
		_, end := s.visit(p, b, acr("gold"))
		s.require(end != nil && strings.Contains(end.text, "Invalid authenticator code"), "another second factor was taken")
		s.twins = append(s.twins, "another second factor")
	})
	t.add(kind, "by an essential claim", func(s *scenario) {
		p := s.levels().client(s, spec{})
		f := s.codeIn(p, s.dora(), essentialACR("gold"))
		equal(s, f.token.ACR(), "gold", "acr")
		_, end := s.visit(p, s.dora(), essentialACR("platinum"))
		s.require(end != nil, "a level that there is not was reached")
		s.twins = append(s.twins, "a level that there is not")
	})
	t.add(kind, "which the browser takes out of the request", func(s *scenario) {
		p := s.levels().client(s, spec{})
		s.codeIn(p, s.dora(), acr("gold"))
		a, err := s.begin(p, acr("gold"))
		s.check(err, "StartAuthorization")
		f := &flow{party: p, browser: s.dora(), pending: a}
		f.landing, _, err = f.browser.follow(s.ctx, strings.Replace(a.URL(), "acr_values=gold", "acr_values=silver", 1), redirectURI)
		s.check(err, "authorization")
		_, err = f.finish(s)
		s.refused("a lower level", err, oauth.ErrClaim)
	})
	t.add(kind, "by default of the client", func(s *scenario) {
		p := s.levels().client(s, spec{attrs: map[string]string{"default.acr.values": "gold"}})
		f := s.codeIn(p, s.dora())
		equal(s, f.token.ACR(), "gold", "acr")
		q := s.levels().client(s, spec{})
		g := s.codeIn(q, s.dora())
		equal(s, g.token.ACR(), "silver", "acr")
		_, err := q.client.VerifyIDToken(s.ctx, f.token.IDTokenHint(), oauth.VerifyIDTokenOptions{InsecureNoNonce: true})
		s.refused("the ID token of another client", err, oauth.ErrAudience)
	})
	t.add(kind, "that the API asks for", func(s *scenario) {
		p := s.levels().client(s, spec{})
		rs := s.api(p.realm, nil)
		b := s.dora()
		need := oauth.Requirement{ACRValues: []string{"gold"}}
		f := s.codeIn(p, b, acr("silver"))
		at, err := rs.Authenticate(f.call(s))
		s.check(err, "Authenticate")
		s.refused("a token of the lower level", rs.Check(at, need), oauth.ErrClaim)
		at, err = rs.Authenticate(s.codeIn(p, b, acr("gold")).call(s))
		s.check(err, "Authenticate")
		s.check(rs.Check(at, need), "Check")
	})

	const age = "max_age"
	t.add(age, "zero asks for the password again", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		b := s.newBrowser()
		s.codeIn(p, b, maxAge(0))
		s.codeIn(p, b, maxAge(1000))
		equal(s, b.logins, 0, "number of times that the password was asked for")
		time.Sleep(1100 * time.Millisecond) // Keycloak counts whole seconds
		s.codeIn(p, b, maxAge(0))
		equal(s, b.logins, 1, "number of times that the password was asked for")
		time.Sleep(1100 * time.Millisecond)
		_, err := s.start(p, b, maxAge(0), prompt("none")).finish(s)
		s.refused("without the user", err, "login_required")
	})
	t.add(age, "which the browser takes out of the request", func(s *scenario) {
		p := s.main(s).client(s, spec{config: func(c *oauth.Config) { c.Clock.Tolerance = time.Nanosecond }})
		b := s.newBrowser()
		s.codeIn(p, b, maxAge(1000))
		time.Sleep(2 * time.Second)
		a, err := s.begin(p, maxAge(1))
		s.check(err, "StartAuthorization")
		f := &flow{party: p, browser: b, pending: a}
		f.landing, _, err = b.follow(s.ctx, strings.Replace(a.URL(), "max_age=1", "max_age=1000", 1), redirectURI)
		s.check(err, "authorization")
		_, err = f.finish(s)
		s.refused("an older login", err, oauth.ErrExpired)
	})
	t.add(age, "that the API asks for", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		rs := s.api(p.realm, func(c *oauth.ResourceServerConfig) { c.Clock.Tolerance = time.Nanosecond })
		at, err := rs.Authenticate(s.code(p).call(s))
		s.check(err, "Authenticate")
		long, short := int64(1000), int64(1)
		s.check(rs.Check(at, oauth.Requirement{MaxAge: &long}), "Check")
		time.Sleep(2100 * time.Millisecond)
		s.refused("an older login", rs.Check(at, oauth.Requirement{MaxAge: &short}), oauth.ErrExpired)
	})

	const ask = "prompt"
	t.add(ask, "none", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		b := s.newBrowser()
		f := s.codeIn(p, b)
		g := s.codeIn(p, b, prompt("none"))
		equal(s, g.token.Subject(), f.token.Subject(), "sub")
		h := s.start(p, s.newBrowser(), prompt("none"))
		_, err := h.finish(s)
		s.refused("without a session", err, "login_required")
	})
	t.add(ask, "login", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		b := s.newBrowser()
		s.codeIn(p, b)
		s.codeIn(p, b, prompt("login"))
		equal(s, b.logins, 1, "number of times that the password was asked for")
		b.password = "wrong"
		_, end := s.visit(p, b, prompt("login"))
		s.require(end != nil && strings.Contains(end.text, "Invalid"), "another password was taken")
		s.refusedEvent("another password", p, "invalid_user_credentials")
	})
	t.add(ask, "consent", func(s *scenario) {
		p := s.main(s).client(s, spec{rep: object{"consentRequired": true}})
		b := s.newBrowser()
		s.codeIn(p, b, prompt("consent"))
		equal(s, b.consents, 1, "number of questions")
		s.codeIn(p, b)
		equal(s, b.consents, 0, "number of questions")
		b.deny = true
		f := s.start(p, b, prompt("consent"))
		_, err := f.finish(s)
		s.refused("the user refuses", err, "access_denied")
	})
	t.add(ask, "none, of a client that needs consent", func(s *scenario) {
		p := s.main(s).client(s, spec{rep: object{"consentRequired": true}})
		b := s.newBrowser()
		s.codeIn(s.main(s).client(s, spec{}), b)
		f := s.start(p, b, prompt("none"))
		_, err := f.finish(s)
		s.refused("without consent", err, "interaction_required")
		s.codeIn(p, b)
		s.codeIn(p, b, prompt("none"))
	})

	const claims = "claims"
	t.add(claims, "the nonce", func(s *scenario) {
		p := s.main(s).client(s, spec{})
		f := s.code(p)
		s.require(f.token.IDToken().Nonce() != "", "no nonce")
		a, err := s.begin(p)
		s.check(err, "StartAuthorization")
		g := &flow{party: p, browser: s.newBrowser(), pending: a}
		g.landing, _, err = g.browser.follow(s.ctx, strings.Replace(a.URL(), "nonce=", "nonce=x", 1), redirectURI)
		s.check(err, "authorization")
		_, err = g.finish(s)
		s.refused("another nonce", err, oauth.ErrNonce)
	})
	t.add(claims, "subjects of each client (pairwise)", func(s *scenario) {
		pairwise := object{
			"name": "pairwise", "protocol": "openid-connect", "protocolMapper": "oidc-sha256-pairwise-sub-mapper",
			"config": object{"pairwiseSubAlgorithmSalt": "salt"},
		}
		p, q := s.main(s).client(s, spec{}), s.main(s).client(s, spec{})
		before := s.code(p)
		p.do(s, http.MethodPost, "/clients/"+p.uuid+"/protocol-mappers/models", pairwise, nil)
		f := s.code(p)
		f.requireEmail(s, "alice")
		s.require(f.token.Subject() != s.code(q).token.Subject(), "two clients see the same subject")
		_, err := p.client.Refresh(s.ctx, before.token, nil)
		s.refused("a refresh that brings another subject", err, oauth.ErrClaim)
	})
	t.add(claims, "metadata", func(s *scenario) {
		server := s.main(s).server(s)
		s.require(slices.Contains(server.ResponseModesSupported, "form_post.jwt"), "response modes %q", server.ResponseModesSupported)
		opts := &oauth.DiscoverOptions{HTTPClient: &http.Client{Transport: s.transport}}
		oauth2 := *opts
		oauth2.OAuth2 = true
		_, err := oauth.Discover(s.ctx, server.Issuer, &oauth2)
		s.check(err, "Discover by RFC 8414")
		_, err = oauth.Discover(s.ctx, server.Issuer+"/", opts)
		s.refused("an issuer with a slash", err, oauth.ErrIssuer)
	})
}

func prompt(value string) asks {
	return func(r *oauth.AuthorizationRequest) { r.Prompt = value }
}

func maxAge(seconds int64) asks {
	return func(r *oauth.AuthorizationRequest) { r.MaxAge = &seconds }
}

func acr(value string) asks {
	return func(r *oauth.AuthorizationRequest) { r.RequireACR = []string{value} }
}

func essentialACR(value string) asks {
	return func(r *oauth.AuthorizationRequest) {
		r.Claims = fmt.Appendf(nil, `{"id_token":{"acr":{"essential":true,"values":[%q]}}}`, value)
	}
}

// dora is a browser of the user who has a second factor.
func (s *scenario) dora() *browser {
	b := s.newBrowser()
	b.user = "dora"
	return b
}

// levels is a realm where the password is the first level, silver, and a second factor
// the next, gold.
func (s *scenario) levels() *realm {
	return s.realm(s, "levels", func(rep object) {
		rep["attributes"].(object)["acr.loa.map"] = `{"silver":"1","gold":"2"}`
	}, func(r *realm) error {
		b := &flowBuilder{realm: r}
		b.post("/authentication/flows", object{"alias": "levels", "providerId": "basic-flow", "topLevel": true, "builtIn": false})
		b.execution("levels", "auth-cookie", "ALTERNATIVE")
		b.flow("levels", "level forms", "ALTERNATIVE")
		for i, factor := range []string{"auth-username-password-form", "auth-otp-form"} {
			level := []string{"1", "2"}[i]
			b.flow("level forms", "level "+level, "CONDITIONAL")
			id := b.execution("level "+level, "conditional-level-of-authentication", "REQUIRED")
			config := object{"loa-condition-level": level, "loa-max-age": "36000"}
			b.post("/authentication/executions/"+id+"/config", object{"alias": "loa " + level, "config": config})
			b.execution("level "+level, factor, "REQUIRED")
		}
		b.put("", object{"browserFlow": "levels"})
		return b.err
	})
}

// A flowBuilder makes authentication flows. After an error it does nothing.
type flowBuilder struct {
	*realm
	err error
}

func (b *flowBuilder) post(where string, body object) (id string) {
	if b.err == nil {
		id, b.err = b.admin.do(contextForSetup, http.MethodPost, "/"+b.name+where, body, nil)
	}
	return id
}

func (b *flowBuilder) put(where string, body any) {
	if b.err == nil {
		_, b.err = b.admin.do(contextForSetup, http.MethodPut, "/"+b.name+where, body, nil)
	}
}

// execution adds a step to a flow and returns its ID.
func (b *flowBuilder) execution(parent, provider, requirement string) string {
	return b.require(parent, b.post(b.path(parent)+"/execution", object{"provider": provider}), "", requirement)
}

// flow adds a flow to a flow.
func (b *flowBuilder) flow(parent, alias, requirement string) {
	b.post(b.path(parent)+"/flow", object{"alias": alias, "type": "basic-flow", "provider": "registration-page-form", "description": ""})
	b.require(parent, "", alias, requirement)
}

func (b *flowBuilder) path(flow string) string {
	return "/authentication/flows/" + strings.ReplaceAll(flow, " ", "%20") + "/executions"
}

// require sets what a step, or a flow by its alias, is for its parent.
func (b *flowBuilder) require(parent, id, alias, requirement string) string {
	var all []object
	if b.err == nil {
		_, b.err = b.admin.do(contextForSetup, http.MethodGet, "/"+b.name+b.path(parent), nil, &all)
	}
	for _, e := range all {
		if e["id"] == id || alias != "" && e["displayName"] == alias {
			e["requirement"] = requirement
			b.put(b.path(parent), e)
			return e["id"].(string)
		}
	}
	return ""
}
