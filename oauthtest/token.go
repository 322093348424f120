package oauthtest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file implements the token endpoint: RFC 6749, Sections 4.1.3 to 6 and
// OpenID Connect Core, Sections 3.1.3 and 12.

// A grant is what a user allowed a client. Codes and tokens point to it, so
// that they are revoked together.
type grant struct {
	client   *Client
	user     string
	scope    []string
	nonce    string
	acr      string
	session  string
	authTime time.Time
	resource []string // RFC 8707
	details  []any    // RFC 9396
	hybrid   bool     // an ID token came with the code
	actor    string   // RFC 8693, Section 4.1
	revoked  bool     // guarded by Server.mu

	claims map[string]any // that replace those of its tokens, if a test minted it

	first       bool // the first that the user granted the client
	refreshable bool // whatever the scope says
}

// A code is an authorization code. It stays known after its use, so that a
// replay is seen.
type code struct {
	grant         *grant
	redirectURI   string
	redirectGiven bool
	challenge     string
	jkt           string // of the key that it is bound to: RFC 9449, Section 10
	expiry        time.Time
	used          bool
}

type refreshToken struct {
	grant  *grant
	id     string // the jti of its introspection
	scope  []string
	used   bool // rotated
	issued time.Time
	bound  binding
}

// A tokenRequest is a request to the token endpoint of an authenticated
// client.
type tokenRequest struct {
	client *Client
	params url.Values
	bound  binding // what was proved, and what the tokens will be bound to
}

// grantTypes is the table of what the token endpoint grants.
func grantTypes() []grantType {
	return []grantType{
		{"authorization_code", (*Server).grantCode},
		{"refresh_token", (*Server).grantRefresh},
		{deviceGrantType, (*Server).grantDevice},
		{backchannelGrantType, (*Server).grantBackchannel},
		{"client_credentials", (*Server).grantClientCredentials},
		{"urn:ietf:params:oauth:grant-type:token-exchange", (*Server).grantExchange},
		{"urn:ietf:params:oauth:grant-type:jwt-bearer", (*Server).grantJWTBearer},
	}
}

type grantType struct {
	name  string
	serve func(*Server, *tokenRequest) (map[string]any, *protocolError)
}

// grantTypeNames are the grant types as discovery and registrations have them.
func grantTypeNames() []string {
	names := []string{"implicit"} // what response type id_token is called there
	for _, g := range grantTypes() {
		names = append(names, g.name)
	}
	return names
}

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	answer, perr := s.tokenAnswer(r)
	if perr != nil {
		s.refuseTokens(w, r, perr)
		return
	}
	s.editMembers(tokenPath, answer)
	noStore(w)
	s.writeTokens(w, r, http.StatusOK, answer)
}

// refuseTokens answers with an error in the words of the provider.
func (s *Server) refuseTokens(w http.ResponseWriter, r *http.Request, e *protocolError) {
	if s.preset.refuse == nil || e.code == "" || e.dropped {
		e.write(w)
		return
	}
	status, body := s.preset.refuse(s, e)
	if e.challenge != "" && status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", e.challenge)
	}
	noStore(w)
	s.writeTokens(w, r, status, body)
}

// writeTokens sends JSON or, for a provider that prefers it, a form.
func (s *Server) writeTokens(w http.ResponseWriter, r *http.Request, status int, m map[string]any) {
	if !s.preset.form || quality(strings.Join(r.Header.Values("Accept"), ","), "application/json") > 0 {
		writeJSON(w, status, m)
		return
	}
	form := url.Values{}
	for name, value := range m {
		form.Set(name, fmt.Sprint(value))
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, form.Encode())
}

func (s *Server) tokenAnswer(r *http.Request) (map[string]any, *protocolError) {
	params, perr := formParams(r)
	if perr != nil {
		return nil, perr
	}
	client, perr := s.authenticateClient(r, params)
	if perr != nil {
		return nil, perr
	}
	bound, perr := readBinding(r, client)
	if perr != nil {
		return nil, perr
	}
	perr = invalid("unsupported_grant_type", "grant_type is missing or unknown")
	var answer map[string]any
	for _, g := range grantTypes() {
		if g.name == params.Get("grant_type") {
			if perr = client.checkGrantType(g.name); perr == nil {
				answer, perr = g.serve(s, &tokenRequest{client, params, bound})
			}
		}
	}
	if s.opts.RefreshDelay != nil && params.Get("grant_type") == "refresh_token" {
		s.opts.RefreshDelay()
	}
	return answer, perr
}

// grantCode redeems an authorization code.
func (s *Server) grantCode(r *tokenRequest) (map[string]any, *protocolError) {
	c, perr := s.redeem(r)
	if perr != nil {
		return nil, perr
	}
	kind := idTokenJWT
	if c.grant.hybrid {
		kind = secondIDTokenJWT
	}
	return s.issueTokens(kind, c.grant, r, c.grant.scope, c.grant.nonce, c.grant.offline())
}

// redeem checks a code against the request and marks it as used.
func (s *Server) redeem(r *tokenRequest) (*code, *protocolError) {
	refuse := func(description string) (*code, *protocolError) {
		return nil, invalid("invalid_grant", description)
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.codes[r.params.Get("code")]
	if c == nil || c.grant.client.ID != r.client.ID {
		return refuse("unknown code, or that of another client")
	}
	if c.used {
		// RFC 6749, Section 4.1.2: deny, and revoke what the code gave.
		c.grant.revoked = true
		return refuse("the code was used before")
	}
	// A wrong guess spends the code as well: whoever made it may have stolen
	// the code and can try verifiers.
	c.used = true
	if !now.Before(c.expiry) {
		return refuse("the code has expired")
	}
	given := r.params.Get("redirect_uri")
	if given != c.redirectURI && (c.redirectGiven || given != "") {
		return refuse("redirect_uri is not that of the authorization request")
	}
	if !r.bound.covers(binding{jkt: c.jkt}) { // RFC 9449, Section 10
		return refuse("the code is bound to another key than that of the proof, if there is one")
	}
	if perr := checkVerifier(c.challenge, r.params.Get("code_verifier")); perr != nil {
		return nil, perr
	}
	return c, nil
}

// checkVerifier is RFC 7636, Section 4.6. A verifier without a challenge is an
// error too: it would hide that somebody removed the challenge (RFC 9700,
// Section 4.8.2).
func checkVerifier(challenge, verifier string) *protocolError {
	if challenge == "" && verifier == "" {
		return nil
	}
	if n := len(verifier); n < 43 || n > 128 {
		return invalid("invalid_grant", "code_verifier is missing, too short or too long")
	}
	sum := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(encode(sum[:])), []byte(challenge)) != 1 {
		return invalid("invalid_grant", "code_verifier does not fit the code_challenge")
	}
	return nil
}

// grantRefresh redeems a refresh token, which is replaced by a new one each
// time (RFC 9700, Section 4.14.2) but for Client.KeepRefreshToken.
func (s *Server) grantRefresh(r *tokenRequest) (map[string]any, *protocolError) {
	t, perr := s.rotate(r)
	if perr != nil {
		return nil, perr
	}
	scope := t.scope
	if v := r.params.Get("scope"); v != "" {
		scope = strings.Fields(v)
	}
	// OpenID Connect Core, Section 12.2: the ID token SHOULD NOT have a nonce.
	nonce := ""
	if s.faulty(RefreshFirstNonce) {
		nonce = t.grant.nonce
	}
	answer, perr := s.issueTokens(refreshIDTokenJWT, t.grant, r, scope, nonce, !r.client.KeepRefreshToken)
	if s.faulty(RefreshWithoutIDToken) {
		delete(answer, "id_token")
	}
	return answer, perr
}

func (s *Server) rotate(r *tokenRequest) (*refreshToken, *protocolError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[r.params.Get("refresh_token")]
	if t == nil || t.grant.client.ID != r.client.ID || t.grant.revoked {
		return nil, invalid("invalid_grant", "unknown or revoked refresh token, or that of another client")
	}
	if !r.bound.covers(t.bound) {
		// Before the next check: who has no key cannot end the grant either.
		return nil, invalid("invalid_grant", "the refresh token is bound to another key or certificate")
	}
	if t.used {
		t.grant.revoked = true
		return nil, invalid("invalid_grant", "the refresh token was used before")
	}
	for _, v := range strings.Fields(r.params.Get("scope")) {
		if !slices.Contains(t.scope, v) { // RFC 6749, Section 6
			return nil, invalid("invalid_scope", "more scope than the user granted")
		}
	}
	t.used = !r.client.KeepRefreshToken && !s.preset.reuseRefresh
	return t, nil
}

// issueTokens makes the tokens of a successful answer (RFC 6749, Section 5.1).
func (s *Server) issueTokens(kind jwtKind, g *grant, r *tokenRequest, scope []string, nonce string, offline bool) (map[string]any, *protocolError) {
	for _, resource := range r.params["resource"] {
		if !slices.Contains(g.resource, resource) { // RFC 8707, Section 2.2
			return nil, invalid("invalid_target", "a resource that the user did not grant")
		}
	}
	details, perr := s.narrowDetails(g.details, r.params.Get("authorization_details"))
	if perr != nil {
		return nil, perr
	}
	// RFC 8707, Section 2.2 and RFC 9396, Section 6: the part that was asked for.
	access := &accessToken{grant: g, scope: scope, resource: r.params["resource"], details: details, bound: r.bound}
	if err := s.issueAccessToken(access); err != nil {
		return nil, serverError(err)
	}
	answer := access.answer()
	answer["scope"] = strings.Join(scope, " ")
	if offline {
		answer["refresh_token"] = s.newRefreshToken(g, r.bound)
	}
	if details != nil {
		answer["authorization_details"] = details // RFC 9396, Section 7
	}
	if slices.Contains(scope, "openid") {
		id, err := s.newIDToken(kind, g, nonce, map[string]string{"at_hash": access.value})
		if err != nil {
			return nil, serverError(err)
		}
		answer["id_token"] = id
	}
	if s.preset.answer != nil {
		s.preset.answer(g, answer)
	}
	return answer, nil
}

// offline reports whether a user who logged in granted a refresh token.
func (g *grant) offline() bool {
	return g.client.mayUse("refresh_token") &&
		(g.client.RefreshTokens || g.refreshable || slices.Contains(g.scope, "offline_access"))
}

func (s *Server) newRefreshToken(g *grant, b binding) string {
	value := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh[value] = &refreshToken{grant: g, id: rand.Text(), scope: g.scope, issued: s.now(), bound: g.refreshBinding(b)}
	return value
}

// acrClaim is the acr of what a login gave.
func (g *grant) acrClaim() string {
	if g.acr == "" {
		return "0" // no level of assurance: OpenID Connect Core, Section 2
	}
	return g.acr
}

// newIDToken makes the ID token of OpenID Connect Core, Section 2, with hashes
// of the values that come with it.
func (s *Server) newIDToken(kind jwtKind, g *grant, nonce string, hashes map[string]string) (string, error) {
	now := s.now()
	alg, _ := algorithmByName(g.client.IDTokenAlg)
	claims := s.userClaims(g.user, g.scope)
	claims["iss"] = s.issuer
	claims["aud"] = g.client.ID
	claims["azp"] = g.client.ID
	claims["exp"] = now.Add(idTokenLifetime).Unix()
	claims["iat"] = now.Unix()
	claims["auth_time"] = g.authTime.Unix()
	claims["acr"] = g.acrClaim()
	claims["amr"] = []string{"pwd"}
	claims["sid"] = g.session
	g.setActor(claims)
	if nonce != "" {
		claims["nonce"] = nonce
	}
	for claim, value := range hashes {
		if value != "" {
			claims[claim] = alg.halfHash(value)
		}
	}
	if s.preset.idToken != nil {
		s.preset.idToken(s, g, claims)
	}
	d := s.newDraft(kind, g.client, alg, claims)
	if s.opts.EditIDToken != nil {
		s.opts.EditIDToken(d.header, d.claims)
	}
	override(d.claims, g.claims)
	return d.issue()
}
