package oauthtest

import (
	"crypto/rand"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file implements the grants without a user agent: client credentials
// (RFC 6749, Section 4.4) and JWT bearer assertions (RFC 7523, Section 2.1).

// mayUse reports whether the client registered a grant type.
func (c *Client) mayUse(grant string) bool {
	return len(c.GrantTypes) == 0 || slices.Contains(c.GrantTypes, grant)
}

// checkGrantType is the unauthorized_client of RFC 6749, Section 5.2.
func (c *Client) checkGrantType(grant string) *protocolError {
	if !c.mayUse(grant) {
		return invalid("unauthorized_client", "the client did not register the grant type "+grant)
	}
	return nil
}

// readGrant makes a grant of the parameters that say what is asked for, which
// are the same wherever a grant begins: scope, resource (RFC 8707, Section 2)
// and authorization_details (RFC 9396, Section 2).
func (s *Server) readGrant(client *Client, params url.Values) (*grant, *protocolError) {
	g := &grant{client: client, scope: strings.Fields(params.Get("scope")), resource: params["resource"]}
	if perr := checkScope(g.scope); perr != nil {
		return nil, perr
	}
	if perr := checkResources(g.resource); perr != nil {
		return nil, perr
	}
	var perr *protocolError
	g.details, perr = s.parseDetails(params.Get("authorization_details"))
	return g, perr
}

// logIn says who granted, and when.
func (g *grant) logIn(user, session string, at time.Time) {
	g.user, g.session, g.authTime = user, session, at
}

// grantClientCredentials gives a client tokens of its own. What only a user can
// allow is left out of the scope, which the answer then says (RFC 6749,
// Section 3.3), and there is no refresh token (Section 4.4.3).
func (s *Server) grantClientCredentials(r *tokenRequest) (map[string]any, *protocolError) {
	if r.client.AuthMethod == "none" { // Section 4.4: "MUST only be used by confidential clients"
		return nil, invalid("unauthorized_client", "the client does not authenticate")
	}
	g, perr := s.readGrant(r.client, r.params)
	if perr != nil {
		return nil, perr
	}
	g.scope = slices.DeleteFunc(g.scope, func(token string) bool { return token == "openid" || token == "offline_access" })
	return s.issueTokens(idTokenJWT, g, r, g.scope, "", false)
}

// grantJWTBearer takes an assertion in which the client says for which user it
// acts. A refresh token would outlive the assertion, and there is none (RFC
// 7521, Section 4.1).
func (s *Server) grantJWTBearer(r *tokenRequest) (map[string]any, *protocolError) {
	user, perr := s.checkBearerAssertion(r)
	if perr != nil {
		return nil, perr
	}
	g, perr := s.readGrant(r.client, r.params)
	if perr != nil {
		return nil, perr
	}
	g.logIn(user, rand.Text(), s.now())
	return s.issueTokens(idTokenJWT, g, r, g.scope, "", false)
}

// checkBearerAssertion returns the user of an assertion: RFC 7523, Section 3.
func (s *Server) checkBearerAssertion(r *tokenRequest) (user string, _ *protocolError) {
	refuse := func(description string) (string, *protocolError) {
		return "", invalid("invalid_grant", description) // Section 3.1
	}
	if !r.params.Has("assertion") {
		return "", invalid("invalid_request", "assertion is missing")
	}
	jws, err := parseJWS(r.params.Get("assertion"))
	if err != nil || !r.client.signed(jws) {
		return refuse("the assertion is not a JWT signed by a key of the client")
	}
	user, _ = jws.claims["sub"].(string)
	exp, timely := s.timely(jws.claims)
	jti, _ := jws.claims["jti"].(string)
	switch {
	case jws.claims["iss"] != r.client.ID:
		return refuse("iss is not the client_id")
	case jws.claims["aud"] != s.issuer && jws.claims["aud"] != s.endpointURL(tokenPath):
		return refuse("aud is neither the issuer nor the token endpoint")
	case !s.hasUser(user):
		return refuse("sub is no user")
	case !timely:
		return refuse("the assertion has no exp, has expired or is not valid yet")
	case jti == "" || !s.firstUse("assertion\x00"+r.client.ID+"\x00"+jti, exp):
		return refuse("jti is missing, or was seen before")
	}
	return user, nil
}

func (s *Server) hasUser(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.users[name]
	return ok
}
