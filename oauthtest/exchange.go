package oauthtest

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"
)

// This file implements token exchange: RFC 8693.

const tokenTypePrefix = "urn:ietf:params:oauth:token-type:"

// An exchangeType is a row of the table of Section 3.
type exchangeType struct {
	name  string // after tokenTypePrefix
	read  func(*Server, *Client, string) *exchanged
	issue func(*Server, *exchanged) (map[string]any, error)
}

func exchangeTypes() []exchangeType {
	return []exchangeType{
		{"access_token", (*Server).readAccessToken, (*Server).exchangeAccessToken},
		{"refresh_token", (*Server).readRefreshToken, (*Server).exchangeRefreshToken},
		{"id_token", (*Server).readOwnIDToken, (*Server).exchangeIDToken},
		{"jwt", (*Server).readJWT, (*Server).exchangeJWT},
	}
}

func exchangeTypeByURN(urn string) (exchangeType, bool) {
	for _, row := range exchangeTypes() {
		if tokenTypePrefix+row.name == urn {
			return row, true
		}
	}
	return exchangeType{}, false
}

// An exchanged is what a token that came stands for, and then what the one that
// goes out does.
type exchanged struct {
	grant    *grant
	audience []string
	limited  bool // to the scope of the grant
	bound    binding
}

// grantExchange is Section 2. Every error about a token is invalid_request
// (Section 2.2.2).
func (s *Server) grantExchange(r *tokenRequest) (map[string]any, *protocolError) {
	requested := r.params.Get("requested_token_type")
	if requested == "" {
		requested = tokenTypePrefix + "access_token"
	}
	kind, ok := exchangeTypeByURN(requested)
	if !ok {
		return nil, invalid("invalid_request", "unknown requested_token_type")
	}
	subject, perr := s.readExchanged(r, "subject")
	if perr != nil {
		return nil, perr
	}
	if subject == nil {
		return nil, invalid("invalid_request", "subject_token is missing")
	}
	actor, perr := s.readExchanged(r, "actor")
	if perr != nil {
		return nil, perr
	}
	out, perr := s.exchange(r, subject, actor)
	if perr != nil {
		return nil, perr
	}
	answer, err := kind.issue(s, out)
	if err != nil {
		return nil, serverError(err)
	}
	answer["issued_token_type"] = requested
	answer["scope"] = strings.Join(out.grant.scope, " ")
	if out.grant.details != nil {
		answer["authorization_details"] = out.grant.details
	}
	return answer, nil
}

// readExchanged reads the token of a role, subject or actor; nil if there is
// none. Its type comes with it and never without it (Section 2.1).
func (s *Server) readExchanged(r *tokenRequest, role string) (*exchanged, *protocolError) {
	token, urn := r.params.Get(role+"_token"), r.params.Get(role+"_token_type")
	switch {
	case token == "" && urn == "":
		return nil, nil
	case token == "" || urn == "":
		return nil, invalid("invalid_request", "only one of "+role+"_token and "+role+"_token_type")
	}
	row, ok := exchangeTypeByURN(urn)
	if !ok {
		return nil, invalid("invalid_request", "unknown "+role+"_token_type")
	}
	x := row.read(s, r.client, token)
	if x == nil || !r.bound.covers(x.bound) {
		return nil, invalid("invalid_request", "the "+role+"_token is not a valid one of its type")
	}
	return x, nil
}

// exchange makes the grant of the token that goes out. It is one of its own,
// with no more scope than the token that came, where that had one.
func (s *Server) exchange(r *tokenRequest, subject, actor *exchanged) (*exchanged, *protocolError) {
	g, perr := s.readGrant(r.client, r.params)
	if perr != nil {
		return nil, perr
	}
	if !r.params.Has("scope") {
		g.scope = subject.grant.scope
	} else if subject.limited && !subset(g.scope, subject.grant.scope) {
		return nil, invalid("invalid_scope", "more scope than the subject_token has")
	}
	if actor != nil {
		g.actor = actor.grant.user
	}
	g.logIn(subject.grant.user, subject.grant.session, subject.grant.authTime)
	g.acr = subject.grant.acr // RFC 9068, Section 2.2.1: a token exchange does not change it
	return &exchanged{grant: g, audience: slices.Concat(r.params["audience"], g.resource), bound: r.bound}, nil
}

// readAccessToken takes an access token of any client: that a resource server
// passes on what it was sent is what the exchange is for.
func (s *Server) readAccessToken(_ *Client, token string) *exchanged {
	t := s.validAccessToken(token)
	if t == nil || t.grant.user == "" {
		return nil
	}
	g := *t.grant
	g.scope = t.scope
	return &exchanged{grant: &g, limited: true}
}

// readRefreshToken takes a refresh token of the client itself, and does not use
// it up.
func (s *Server) readRefreshToken(client *Client, token string) *exchanged {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[token]
	if t == nil || t.used || t.grant.revoked || t.grant.client.ID != client.ID {
		return nil
	}
	g := *t.grant
	g.scope = t.scope
	return &exchanged{grant: &g, limited: true, bound: t.bound}
}

// readOwnIDToken takes an ID token of this server, of any client.
func (s *Server) readOwnIDToken(_ *Client, token string) *exchanged {
	claims, err := s.readIDTokenHint(token)
	if err != nil {
		return nil
	}
	return s.exchangedOf(claims)
}

// readJWT takes a JWT of this server or of the client.
func (s *Server) readJWT(client *Client, token string) *exchanged {
	jws, err := parseJWS(token)
	switch {
	case err != nil:
		return nil
	case jws.typ == accessTokenType && jws.claims["iss"] == s.issuer:
		// Its scope limits, and it may be revoked: what counts is not in it.
		return s.readAccessToken(client, token)
	case jws.claims["iss"] == s.issuer && s.signed(jws), jws.claims["iss"] == client.ID && client.signed(jws):
		return s.exchangedOf(jws.claims)
	}
	return nil
}

func (s *Server) exchangedOf(claims map[string]any) *exchanged {
	sub, _ := claims["sub"].(string)
	if _, timely := s.timely(claims); !timely || !s.hasUser(sub) {
		return nil
	}
	g := &grant{}
	g.logIn(sub, rand.Text(), s.now())
	if at, ok := numericDate(claims["auth_time"]); ok {
		g.authTime = at
	}
	g.acr, _ = claims["acr"].(string)
	return &exchanged{grant: g}
}

// signed reports whether a signature is by a key of the server.
func (s *Server) signed(jws *parsedJWS) bool {
	a, ok := algorithmByName(jws.alg)
	if !ok {
		return false
	}
	return a.verify(s.keys.get(a.family).private.Public(), jws.input, jws.signature)
}

func (s *Server) exchangeAccessToken(x *exchanged) (map[string]any, error) {
	// Section 2.1: an audience is a target too, by another name than its URI.
	t := &accessToken{grant: x.grant, scope: x.grant.scope, resource: x.audience, bound: x.bound}
	if err := s.issueAccessToken(t); err != nil {
		return nil, err
	}
	return t.answer(), nil
}

// notAnAccessToken is the answer with another token, in access_token for
// historical reasons (Section 2.2.1).
func notAnAccessToken(token string, lifetime time.Duration) map[string]any {
	answer := map[string]any{"access_token": token, "token_type": "N_A"}
	if lifetime > 0 {
		answer["expires_in"] = int(lifetime / time.Second)
	}
	return answer
}

func (s *Server) exchangeRefreshToken(x *exchanged) (map[string]any, error) {
	return notAnAccessToken(s.newRefreshToken(x.grant, x.bound), 0), nil
}

func (s *Server) exchangeIDToken(x *exchanged) (map[string]any, error) {
	token, err := s.newIDToken(idTokenJWT, x.grant, "", nil)
	return notAnAccessToken(token, idTokenLifetime), err
}

// exchangeJWT makes a JWT for the audience that was asked for.
func (s *Server) exchangeJWT(x *exchanged) (map[string]any, error) {
	alg, _ := algorithmByName(x.grant.client.IDTokenAlg)
	claims := map[string]any{
		"iss":       s.issuer,
		"sub":       x.grant.user,
		"aud":       x.grant.client.ID,
		"client_id": x.grant.client.ID, // Section 4.3
		"iat":       s.now().Unix(),
		"exp":       s.now().Add(s.tokenLifetime()).Unix(),
		"jti":       rand.Text(),
	}
	if len(x.audience) > 0 {
		claims["aud"] = x.audience
	}
	if len(x.grant.scope) > 0 {
		claims["scope"] = strings.Join(x.grant.scope, " ") // Section 4.2
	}
	x.grant.setActor(claims)
	token, err := s.newDraft(exchangedJWT, x.grant.client, alg, claims).issue()
	return notAnAccessToken(token, s.tokenLifetime()), err
}

// setActor is Section 4.1.
func (g *grant) setActor(claims map[string]any) {
	if g.actor != "" {
		claims["act"] = map[string]any{"sub": g.actor}
	}
}
