package oauth

// The table of all kinds of token and all places where one can be shown. Every
// token is good but for its kind: its issuer, audiences, times and signature are
// right, and it has the claims of other kinds where its own specification or its
// server's habits do not exclude them.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const (
	crossResource = "https://api.example"
	crossPath     = "/orders"
	crossTenants  = "https://login.example/{tenantid}/v2.0"
	crossTenant   = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	crossStranger = "82f988bf-86f1-41af-91ab-2d7cd011db47"
	crossState    = "the-state"
	crossNonce    = "the-nonce"
	crossOpaque   = "an-opaque-token"
	crossNoType   = "-" // a header without typ
)

// The places that are no resource server's.
const (
	crossID         = "VerifyIDToken"
	crossCallbackID = "callback, id_token"
	crossJARM       = "callback, JARM"
	crossLogout     = "VerifyLogoutToken"
	crossUserInfo   = "UserInfo"
	crossIntrospect = "Introspect"
	crossProof      = "DPoP proof"
	crossAsking     = "Bearer, introspection says active"
)

// crossClaims are claims of a token; a value of unitRemoved takes one out.
type crossClaims = map[string]any

// crossWith is the claims of the first with those of the others over them.
func crossWith(all ...crossClaims) crossClaims {
	claims := crossClaims{}
	for _, c := range all {
		maps.Copy(claims, c)
	}
	return claims
}

// A crossKind is a kind of token, in one of the forms that servers give it.
type crossKind struct {
	name   string
	typ    string // crossNoType: none
	claims crossClaims
	raw    string            // of a token that is no signed JWT, in place of the two
	own    []string          // the places that it is for
	alike  map[string]string // places that cannot tell it from their own, and why
}

// A crossPlace is where a token is shown. The result is whether it had one.
type crossPlace struct {
	name  string
	bound bool        // the token has the cnf of its signer
	aud   crossClaims // the aud that it wants; nil: one with client and resource in it
	show  func(raw string, key *SigningKey) (result bool, err error)
}

// crossTable has the parties: a server, a client with a key, and a resource.
type crossTable struct {
	t      *testing.T
	s      *unitServer
	issuer string                     // a template: AcceptIssuer is accept
	accept func(iss, tid string) bool // nil: the issuer is no template
	client *SigningKey
	keys   *KeySet           // of the server: it is not asked for more of them
	bound  map[string]string // thumbprint → the access token that proofs go with
	count  int
}

func newCrossTable(t *testing.T) *crossTable {
	t.Helper()
	key, err := GenerateSigningKey(ES256)
	if err != nil {
		t.Fatal(err)
	}
	x := &crossTable{t: t, s: newUnitServer(), issuer: unitIssuer, client: key, bound: map[string]string{}}
	if x.keys, err = ParseKeySet([]byte(`{"keys":[` + string(x.s.key.PublicJWK()) + `]}`)); err != nil {
		t.Fatal(err)
	}
	return x
}

// iss is what tokens of the server have.
func (x *crossTable) iss() string {
	return strings.ReplaceAll(x.issuer, tenantPlaceholder, crossTenant)
}

// sign signs claims, with the jwk of the key in the header: nothing but a proof
// may look at it.
func (x *crossTable) sign(key *SigningKey, typ string, claims crossClaims) string {
	x.t.Helper()
	header := crossClaims{"alg": key.Algorithm(), "kid": key.KeyID(), "jwk": crossJWK(key)}
	if typ != crossNoType {
		header["typ"] = typ
	}
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == unitRemoved })
	raw, err := key.signCompact([]byte(unitJSON(x.t, header)), []byte(unitJSON(x.t, claims)))
	if err != nil {
		x.t.Fatal(err)
	}
	return raw
}

// crossJWK is without kid, use and alg.
func crossJWK(key *SigningKey) crossJSON { return crossJSON(minimalJWK(key.signer.Public())) }

type crossJSON []byte

func (j crossJSON) MarshalJSON() ([]byte, error) { return j, nil }

// proofToken is the access token that comes with a proof of the key.
func (x *crossTable) proofToken(key *SigningKey) string {
	jkt := key.Thumbprint()
	if x.bound[jkt] == "" {
		x.bound[jkt] = x.sign(x.s.key, "at+jwt", crossWith(x.common(), crossClaims{"client_id": unitClient, "cnf": crossClaims{"jkt": jkt}}))
	}
	return x.bound[jkt]
}

// common are the claims that a token of any kind may have.
func (x *crossTable) common() crossClaims {
	x.count++
	return crossClaims{
		"iss": x.iss(), "tid": crossTenant, "sub": "alice", "aud": []string{unitClient, crossResource}, "azp": unitClient,
		"exp": unitTime + 300, "iat": unitTime, "nbf": unitTime, "auth_time": unitTime, "jti": fmt.Sprint("jti-", x.count), "sid": "session-1",
		"htm": http.MethodGet, "htu": crossResource + crossPath,
	}
}

// make makes a token of a kind, to be shown at the place.
func (x *crossTable) make(k *crossKind, p *crossPlace, key *SigningKey, change crossClaims) string {
	x.t.Helper()
	if k.raw != "" {
		return k.raw
	}
	ath := sha256.Sum256([]byte(x.proofToken(key)))
	claims := crossWith(x.common(), crossClaims{"ath": encodeBase64URL(ath[:])}, p.aud, k.claims, change)
	if p.bound {
		claims["cnf"] = crossClaims{"jkt": key.Thumbprint()}
	}
	return x.sign(key, k.typ, claims)
}

// ---- the kinds

// The reasons why two kinds cannot be told apart.
const (
	whyUserInfoAsID = "OIDC Core 5.3.2 gives a signed userinfo response the form of an ID token; with exp and iat it is one, for whoever does not compare a nonce"
	whyAsUserInfo   = "OIDC Core 5.3.2 asks for sub and, where they are there, iss and aud; any JWT of the server about the user has them. " +
		"What is shown here is the server's own answer over TLS"
	whyBothAccess = "both are access tokens, and this one has what the other profile wants: a server has one profile, which is configured"
)

// crossEverything are claims that other kinds have, for a token whose typ says
// what it is.
func crossEverything() crossClaims {
	return crossClaims{
		"client_id": unitClient, "cid": unitClient, "appid": unitClient, "scope": "read", "scp": []string{"read"}, "token_use": "access", "typ": "Bearer",
		"nonce": crossNonce, "events": crossClaims{logoutEvent: crossClaims{}}, "token_introspection": crossClaims{"active": true, "sub": "alice"},
		"active": true, "code": "the-code", "state": crossState, "response_type": "code", "redirect_uri": "https://app.example/cb", "email": "alice@example.com",
	}
}

// crossProfiles are the kinds of resource server.
func crossProfiles(issuer string) []struct {
	name    string
	profile *AccessTokenProfile
} {
	return []struct {
		name    string
		profile *AccessTokenProfile
	}{
		{"RFC 9068", nil}, {"Entra", EntraProfile()}, {"Okta", OktaProfile()}, {"Auth0", Auth0Profile()},
		{"Keycloak", KeycloakProfile()}, {"Cognito", CognitoProfile(unitClient)}, {"AD FS", ADFSProfile(issuer)},
	}
}

// crossAt is a profile's places.
func crossAt(profiles ...string) (places []string) {
	for _, p := range profiles {
		places = append(places, "Bearer, "+p, "DPoP, "+p)
	}
	return places
}

// crossAlike makes the map of places to reasons.
func crossAlike(why string, places ...string) map[string]string {
	m := map[string]string{}
	for _, p := range places {
		m[p] = why
	}
	return m
}

func crossMerge(all ...map[string]string) map[string]string {
	m := map[string]string{}
	for _, one := range all {
		maps.Copy(m, one)
	}
	return m
}

// kinds are the rows.
func (x *crossTable) kinds() []crossKind {
	none := func(names ...string) crossClaims {
		c := crossClaims{}
		for _, n := range names {
			c[n] = unitRemoved
		}
		return c
	}
	var kinds []crossKind
	// Kinds with a typ of their own: it alone says what they are.
	for _, k := range []crossKind{
		{name: "access token", typ: "at+jwt", claims: crossWith(crossEverything(), none("events")), own: append(crossAt("RFC 9068", "Auth0", "Keycloak"), crossAsking)},
		{name: "logout token", typ: "logout+jwt", claims: crossWith(crossEverything(), none("nonce")), own: []string{crossLogout}},
		{name: "DPoP proof", typ: "dpop+jwt", claims: crossEverything(), own: []string{crossProof}},
		{name: "introspection response", typ: "token-introspection+jwt", claims: crossEverything(), own: []string{crossIntrospect}},
		{name: "request object", typ: "oauth-authz-req+jwt", claims: crossEverything()},
		{name: "security event", typ: "secevent+jwt", claims: crossEverything()},
	} {
		kinds = append(kinds, k)
		k.typ = "Application/" + strings.ToUpper(k.typ) // RFC 7515, Section 4.1.9
		kinds = append(kinds, k)
	}
	// The others: their claims do.
	audiences := []string{x.issuer, unitClient, crossResource}
	request := crossClaims{
		"client_id": unitClient, "response_type": "code", "redirect_uri": "https://app.example/cb", "scope": "openid read", "state": crossState, "nonce": crossNonce,
		"aud": audiences, "sub": unitRemoved, "auth_time": unitRemoved,
	}
	untyped := []crossKind{
		{name: "ID token", claims: crossClaims{"nonce": crossNonce, "client_id": unitClient, "email": "alice@example.com"},
			own: []string{crossID, crossCallbackID}, alike: crossAlike(whyAsUserInfo, crossUserInfo)},
		{name: "ID token of Keycloak", claims: crossClaims{"nonce": crossNonce, "typ": "ID"},
			own: []string{crossID, crossCallbackID}, alike: crossAlike(whyAsUserInfo, crossUserInfo)},
		{name: "ID token of Cognito", claims: crossClaims{"nonce": crossNonce, "token_use": "id", "client_id": unitClient},
			own: []string{crossID, crossCallbackID}, alike: crossAlike(whyAsUserInfo, crossUserInfo)},
		{name: "logout token", claims: crossClaims{"events": crossClaims{logoutEvent: crossClaims{}}},
			own: []string{crossLogout}},
		// Whatever else it says: events is what no ID and access token has.
		{name: "logout token with the marks of access tokens", claims: crossWith(crossEverything(), none("nonce", "code")),
			own: []string{crossLogout}},
		{name: "JARM response", claims: crossWith(crossClaims{"code": "the-code", "state": crossState, "scope": "read"}, none("sub", "azp", "tid")),
			own: []string{crossJARM}},
		{
			name:   "JARM response to another request",
			claims: crossWith(crossClaims{"code": "the-code", "state": "another", "scope": "read"}, none("sub", "azp", "tid")),
		},
		// JARM, Section 2.4: the client is the audience, and nobody else.
		{
			name:   "JARM response for several",
			claims: crossWith(crossClaims{"code": "the-code", "state": crossState, "scope": "read", "aud": []string{unitClient, crossResource}}, none("sub")),
		},
		{name: "userinfo response", claims: crossClaims{"email": "alice@example.com"},
			own: []string{crossUserInfo}, alike: crossAlike(whyUserInfoAsID, crossID)},
		{
			name:   "userinfo response of Core 5.3.2",
			claims: crossWith(crossClaims{"email": "alice@example.com"}, none("exp", "iat", "nbf", "jti", "azp", "auth_time")),
			own:    []string{crossUserInfo},
		},
		// RFC 9701, Section 5: without sub and exp, so that it is nothing else.
		{name: "introspection response", claims: crossWith(crossClaims{"token_introspection": crossEverything()}, none("sub", "exp"))},
		{name: "introspection response that expires", claims: crossWith(crossClaims{"token_introspection": crossEverything()}, none("sub"))},
		// RFC 9101, Section 4: iss is the client's, and there is no sub.
		{name: "request object", claims: crossWith(request, crossClaims{"iss": unitClient})},
		{name: "request object with the server's iss", claims: request},
		// RFC 7523, Section 3: iss and sub are the client's.
		{name: "client assertion", claims: crossClaims{"iss": unitClient, "sub": unitClient, "aud": audiences, "client_id": unitClient}},
	}
	for _, k := range untyped {
		for _, typ := range []string{"JWT", crossNoType} {
			k.typ = typ
			kinds = append(kinds, k)
		}
	}
	// Access tokens of providers, in their own form, and with what others have
	// beside the mark of their own.
	asClient := crossAlike(whyAsUserInfo, crossUserInfo)
	kinds = append(
		kinds,
		crossKind{name: "access token of RFC 9068 but for typ", typ: "JWT", claims: crossClaims{"client_id": unitClient, "scope": "read"},
			alike: crossMerge(asClient, crossAlike(whyBothAccess, crossAt("Auth0")...))},
		crossKind{
			name:   "access token of RFC 9068 but for typ",
			typ:    crossNoType,
			claims: crossClaims{"client_id": unitClient, "scope": "read"},
			alike:  asClient,
		},
		crossKind{
			name:   "access token of Entra",
			typ:    "JWT",
			claims: crossWith(crossClaims{"scp": "read", "ver": "2.0"}, none("jti")),
			own:    crossAt("Entra"),
			alike:  asClient,
		},
		crossKind{
			name:   "access token of Okta",
			typ:    crossNoType,
			claims: crossWith(crossClaims{"scp": []string{"read"}, "cid": unitClient}, none("azp")),
			own:    crossAt("Okta"),
			alike:  crossAlike(whyAsUserInfo, crossUserInfo),
		},
		crossKind{
			name:   "access token of Okta, with azp",
			typ:    crossNoType,
			claims: crossClaims{"scp": []string{"read"}, "cid": unitClient},
			own:    crossAt("Okta"),
			alike:  asClient,
		},
		crossKind{
			name:   "access token of Okta, with typ and azp",
			typ:    "JWT",
			claims: crossClaims{"scp": []string{"read"}, "cid": unitClient},
			own:    crossAt("Okta"),
			alike:  crossMerge(asClient, crossAlike(whyBothAccess, crossAt("Entra")...)),
		},
		crossKind{
			name:   "access token of Auth0",
			typ:    "JWT",
			claims: crossWith(crossClaims{"scope": "read"}, none("jti")),
			own:    crossAt("Auth0"),
			alike:  asClient,
		},
		crossKind{name: "access token of Keycloak", typ: "JWT", claims: crossClaims{"typ": "Bearer", "scope": "read"}, own: crossAt("Keycloak"),
			alike: crossMerge(crossAlike(whyAsUserInfo, crossUserInfo), crossAlike(whyBothAccess, crossAt("Auth0")...))},
		crossKind{name: "access token of Keycloak, bound", typ: "JWT", claims: crossClaims{"typ": "DPoP", "scope": "read"}, own: crossAt("Keycloak"),
			alike: crossMerge(crossAlike(whyAsUserInfo, crossUserInfo), crossAlike(whyBothAccess, crossAt("Auth0")...))},
		crossKind{
			name:   "access token of Cognito",
			typ:    crossNoType,
			claims: crossWith(crossClaims{"token_use": "access", "client_id": unitClient, "scope": "read"}, none("aud", "azp")),
			own:    crossAt("Cognito"),
			alike:  crossAlike(whyAsUserInfo, crossUserInfo),
		},
		crossKind{
			name:   "access token of Cognito, with an audience",
			typ:    crossNoType,
			claims: crossClaims{"token_use": "access", "client_id": unitClient, "scope": "read"},
			own:    crossAt("Cognito"),
			alike:  crossAlike(whyAsUserInfo, crossUserInfo),
		},
		crossKind{
			name:   "access token of AD FS",
			typ:    "JWT",
			claims: crossWith(crossClaims{"appid": unitClient, "scp": "read"}, none("jti", "azp", "sub")),
			own:    crossAt("AD FS"),
		},
		crossKind{name: "access token of AD FS, with sub and azp", typ: "JWT", claims: crossClaims{"appid": unitClient, "scp": "read"}, own: crossAt("AD FS"),
			alike: crossMerge(asClient, crossAlike(whyBothAccess, crossAt("Entra")...))},
		crossKind{name: "opaque token", raw: crossOpaque, own: []string{crossAsking}},
		crossKind{name: "opaque token of RFC 9449, Section 7.1", raw: "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", own: []string{crossAsking}},
		crossKind{
			name: "encrypted token",
			raw:  encodeBase64URL([]byte(`{"alg":"dir","enc":"A128GCM","cty":"JWT"}`)) + "..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA",
			own:  []string{crossAsking},
		},
	)
	return kinds
}

// ---- the places

func (x *crossTable) newClient() *Client {
	return x.s.client(x.t, func(c *Config) {
		c.Server.Issuer, c.AcceptIssuer = x.issuer, x.accept
		c.Server.IntrospectionEndpoint = unitIssuer + introspectionPath
		c.Server.AuthorizationSigningAlgValuesSupported = []Algorithm{ES256}
		c.Metadata.UserinfoSignedResponseAlg, c.Metadata.IntrospectionSignedResponseAlg = ES256, ES256
		c.KeySet = x.keys
	})
}

// resource is a resource server of the profile; change may be nil.
func (x *crossTable) resource(profile *AccessTokenProfile, change func(*ResourceServerConfig)) *ResourceServer {
	x.t.Helper()
	server := *x.s.config().Server
	server.Issuer = x.issuer
	cfg := ResourceServerConfig{
		Resource:   crossResource,
		Servers:    []TrustedServer{{Server: &server, KeySet: x.keys, Profile: profile, AcceptIssuer: x.accept}},
		HTTPClient: &http.Client{Transport: x.s},
		Clock:      Clock{Now: unitNow},
	}
	if change != nil {
		change(&cfg)
	}
	rs, err := NewResourceServer(cfg)
	if err != nil {
		x.t.Fatal(err)
	}
	return rs
}

func crossRequest(scheme, token string) *http.Request {
	return &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: crossPath}, RequestURI: crossPath, Host: "api.example",
		Header: http.Header{"Authorization": {scheme + " " + token}},
	}
}

// prove adds a proof of the key.
func (x *crossTable) prove(r *http.Request, key *SigningKey, token string) {
	x.t.Helper()
	d, err := NewDPoP(key, Clock{Now: unitNow})
	if err != nil {
		x.t.Fatal(err)
	}
	u, _ := url.Parse(crossResource + crossPath)
	proof, err := d.Proof(r.Method, u, token)
	if err != nil {
		x.t.Fatal(err)
	}
	r.Header["Dpop"] = []string{proof}
}

// answerTo starts an authorization whose state and nonce are known.
func (x *crossTable) answerTo(c *Client, typ, mode string) *PendingAuthorization {
	a := x.s.start(x.t, c, &AuthorizationRequest{RedirectURI: "https://app.example/cb", Scope: []string{"openid"}, ResponseType: typ, ResponseMode: mode})
	a.content.state, a.content.nonce = crossState, crossNonce
	return a
}

// places are the columns.
func (x *crossTable) places() []crossPlace {
	ctx := context.Background()
	c := x.newClient()
	tok := &Token{AccessToken: NewSecret("at"), TokenType: "Bearer", server: x.issuer}
	places := []crossPlace{
		{name: crossID, show: func(raw string, _ *SigningKey) (bool, error) {
			id, err := c.VerifyIDToken(ctx, raw, VerifyIDTokenOptions{InsecureNoNonce: true})
			return id != nil, err
		}},
		{name: crossCallbackID, show: func(raw string, _ *SigningKey) (bool, error) {
			a := x.answerTo(c, "id_token", "fragment")
			resp, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"state": {crossState}, "id_token": {raw}})
			return resp != nil, err
		}},
		{name: crossJARM, aud: crossClaims{"aud": unitClient}, show: func(raw string, _ *SigningKey) (bool, error) {
			a := x.answerTo(c, "code", "jwt")
			resp, err := c.ValidateAuthorizationResponse(ctx, a, url.Values{"response": {raw}})
			return resp != nil, err
		}},
		{name: crossLogout, show: func(raw string, _ *SigningKey) (bool, error) {
			l, err := c.VerifyLogoutToken(ctx, raw)
			return l != nil, err
		}},
		{name: crossUserInfo, show: func(raw string, _ *SigningKey) (bool, error) {
			x.s.set("/userinfo", unitAnswer{mediaType: mediaJWT, body: raw})
			u, err := c.UserInfo(ctx, tok, &UserInfoOptions{InsecureSkipSubject: true})
			return u != nil, err
		}},
		{name: crossIntrospect, show: func(raw string, _ *SigningKey) (bool, error) {
			x.s.set(introspectionPath, introspectionJWTAnswer(raw))
			i, err := c.Introspect(ctx, "at", nil)
			return i != nil, err
		}},
	}
	for _, p := range crossProfiles(x.issuer) {
		rs := x.resource(p.profile, nil)
		decrypting := x.resource(p.profile, func(cfg *ResourceServerConfig) {
			cfg.Decrypter = newUnitDecrypter(x.t, decryptionKey(x.t, "RSA", "RSA-OAEP-256", []string{"A128GCM"}, ""))
		})
		places = append(places,
			crossPlace{name: "Bearer, " + p.name, show: func(raw string, _ *SigningKey) (bool, error) {
				at, err := rs.Authenticate(crossRequest("Bearer", raw))
				x.sameWayIn(p.name, raw, err, func() (*AccessToken, error) {
					return rs.AuthenticateCredential(ctx, Credential{Scheme: "Bearer", Token: raw})
				})
				if strings.Count(raw, ".") == 2 {
					x.sameWayIn(p.name+", encrypted", raw, err, func() (*AccessToken, error) {
						return decrypting.Authenticate(crossRequest("Bearer", sender{name: "RSA", alg: "RSA-OAEP-256", enc: "A128GCM"}.seal(x.t, raw)))
					})
				}
				return at != nil, err
			}},
			crossPlace{name: "DPoP, " + p.name, bound: true, show: func(raw string, key *SigningKey) (bool, error) {
				r := crossRequest("DPoP", raw)
				x.prove(r, key, raw)
				at, err := rs.Authenticate(r)
				return at != nil, err
			}},
		)
	}
	rs := x.resource(nil, nil)
	places = append(places, crossPlace{name: crossProof, show: func(raw string, key *SigningKey) (bool, error) {
		r := crossRequest("DPoP", x.proofToken(key))
		r.Header["Dpop"] = []string{raw}
		at, err := rs.Authenticate(r)
		return at != nil, err
	}})
	// Whatever it is asked about is active: nothing but an opaque token may get
	// there.
	asker := x.s.introspector(x.t, func(c *Config) { c.Server.Issuer, c.AcceptIssuer = x.issuer, x.accept })
	asking := x.resource(nil, func(cfg *ResourceServerConfig) { cfg.Introspect = asker })
	return append(places, crossPlace{name: crossAsking, show: func(raw string, _ *SigningKey) (bool, error) {
		x.s.answer(introspectionPath, `{"active":true,"sub":"alice"}`)
		before := len(x.s.requests(introspectionPath))
		at, err := asking.Authenticate(crossRequest("Bearer", raw))
		if n := len(x.s.requests(introspectionPath)) - before; n > 0 && strings.HasPrefix(raw, "ey") && strings.Count(raw, ".") == 2 {
			x.t.Errorf("introspection was asked about a JWT: %v", err)
		}
		return at != nil, err
	}})
}

// refused wants an error that is about the kind of the token or, where that is
// right, about who signed it, and nothing with it.
// sameWayIn wants the verdict of Authenticate from another way in.
func (x *crossTable) sameWayIn(name, raw string, want error, way func() (*AccessToken, error)) {
	at, err := way()
	if (at != nil) != (want == nil) || (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
		x.t.Errorf("%s: %v, and by Authenticate %v: %.60s", name, err, want, raw)
	}
}

func (k *crossKind) refused(rightKind, server bool, result bool, err error) error {
	switch {
	case err == nil:
		return errors.New("it is accepted")
	case result:
		return fmt.Errorf("a result came with the error %w", err)
	case rightKind:
		if !errors.Is(err, ErrSignature) && !errors.Is(err, ErrKeyNotFound) {
			return fmt.Errorf("the error is not about who signed it: %w", err)
		}
		return nil
	case strings.Contains(k.typ, "+"):
		if !errors.Is(err, ErrType) {
			return fmt.Errorf("its typ says what it is, and the error is %w", err)
		}
		return nil
	case !errors.Is(err, ErrInvalid):
		return fmt.Errorf("the error is not about the token: %w", err)
	}
	no := []error{ErrConfig, ErrUnavailable, ErrRefused, ErrAlgorithm, ErrExpired, ErrNotYetValid, ErrBinding, ErrReplay, ErrInactive}
	if k.claims["iss"] == nil {
		no = append(no, ErrIssuer)
	}
	if k.claims["aud"] == nil && !strings.Contains(err.Error(), "TrustedAudiences") { // the table's tokens are for two
		no = append(no, ErrAudience)
	}
	if server {
		no = append(no, ErrSignature, ErrKeyNotFound)
	}
	for _, kind := range no {
		if errors.Is(err, kind) {
			return fmt.Errorf("the error is not about its kind: %w", err)
		}
	}
	return nil
}

// TestCrossTable: only what is listed passes, whoever signed it.
func TestCrossTable(t *testing.T) {
	x := newCrossTable(t)
	impostor, err := NewSigningKey(x.client.signer, ES256, x.s.key.KeyID())
	if err != nil {
		t.Fatal(err)
	}
	signers := []struct {
		name string
		key  *SigningKey
	}{{"the server", x.s.key}, {"the client", x.client}, {"the client under the server's kid", impostor}}
	places := x.places()
	passed := map[string]int{} // place: how many that are its own
	for _, p := range places {
		passed[p.name] = 0
	}
	for _, k := range x.kinds() {
		for _, place := range slices.Concat(k.own, slices.Collect(maps.Keys(k.alike))) {
			if _, ok := passed[place]; !ok {
				t.Fatalf("%s: there is no place %q", k.name, place)
			}
		}
		for _, signer := range signers {
			for _, p := range places {
				own, alike := slices.Contains(k.own, p.name), k.alike[p.name] != ""
				// A proof is signed with whatever key the token is bound to, an opaque
				// token by nobody.
				server := signer.key == x.s.key
				want := (own || alike) && (server || p.name == crossProof || k.raw != "")
				result, err := p.show(x.make(&k, &p, signer.key, nil), signer.key)
				row := fmt.Sprintf("%s (typ %s) by %s at %s", k.name, k.typ, signer.name, p.name)
				switch {
				case want && (err != nil || !result):
					t.Errorf("%s: refused: %v", row, err)
				case !want:
					if fault := k.refused(own || alike, server, result, err); fault != nil {
						t.Errorf("%s: %v", row, fault)
					}
				case own:
					passed[p.name]++
				}
			}
		}
	}
	for place, n := range passed {
		if n == 0 {
			t.Errorf("nothing passes at %s: what it refuses says nothing", place)
		}
	}
}

// ---- another issuer, audience, tenant

// ownKind is a kind that passes at the place.
func (x *crossTable) ownKind(place string) crossKind {
	x.t.Helper()
	kinds := x.kinds()
	i := slices.IndexFunc(kinds, func(k crossKind) bool { return slices.Contains(k.own, place) })
	if i < 0 {
		x.t.Fatalf("nothing is for %s", place)
	}
	return kinds[i]
}

// others shows at every place a token of the right kind by the right key, with
// claims changed; want nil: it passes. A proof has no issuer and no audience, and
// what is asked about is not signed: those have tests of their own.
func (x *crossTable) others(change crossClaims, want error, but ...string) {
	x.t.Helper()
	for _, p := range x.places() {
		if p.name == crossProof || slices.Contains(but, p.name) {
			continue
		}
		k := x.ownKind(p.name)
		result, err := p.show(x.make(&k, &p, x.s.key, change), x.s.key)
		if result != (want == nil) || !errors.Is(err, want) {
			x.t.Errorf("%v at %s: error %v, want %v", change, p.name, err, want)
		}
	}
}

func TestCrossTableIssuer(t *testing.T) {
	x := newCrossTable(t)
	for _, iss := range []string{"https://other.example", unitIssuer + "/", strings.ToUpper(unitIssuer), unitIssuer + ".evil.example", unitClient, crossResource} {
		x.others(crossClaims{"iss": iss}, ErrIssuer)
	}
}

func TestCrossTableAudience(t *testing.T) {
	x := newCrossTable(t)
	for _, aud := range []any{"https://other.example", []string{"client-2", "https://other.example"}, unitIssuer} {
		x.others(crossClaims{"aud": aud, "client_id": "client-2"}, ErrAudience)
	}
	// Access tokens of Cognito have no audience, and their client stands for it.
	cognito := x.ownKind("Bearer, Cognito")
	rs := x.resource(CognitoProfile(unitClient), nil)
	for client, want := range map[string]error{unitClient: nil, "client-2": ErrAudience} {
		at, err := rs.Authenticate(crossRequest("Bearer", x.make(&cognito, &crossPlace{}, x.s.key, crossClaims{"client_id": client})))
		if (at != nil) != (want == nil) || !errors.Is(err, want) {
			t.Errorf("of %s: error %v, want %v", client, err, want)
		}
	}
	// The client's audience is not the resource's, and the other way round.
	for _, p := range x.places() {
		k := x.ownKind(p.name)
		if p.name == crossProof {
			continue
		}
		aud := unitClient
		if !strings.HasPrefix(p.name, "Bearer") && !strings.HasPrefix(p.name, "DPoP") {
			aud = crossResource
		}
		if result, err := p.show(x.make(&k, &p, x.s.key, crossClaims{"aud": aud}), x.s.key); result || !errors.Is(err, ErrAudience) {
			t.Errorf("aud %s at %s: %v", aud, p.name, err)
		}
	}
}

// crossIss is the issuer of a tenant.
func crossIss(tid string) string { return strings.ReplaceAll(crossTenants, tenantPlaceholder, tid) }

func TestCrossTableTenant(t *testing.T) {
	x := newCrossTable(t)
	x.issuer = crossTenants
	x.accept = func(iss, tid string) bool { return tid == crossTenant && iss == crossIss(crossTenant) }
	x.others(nil, nil)
	for _, change := range []crossClaims{
		{"iss": crossIss(crossStranger), "tid": crossStranger},
		{"iss": crossIss(crossStranger), "tid": crossTenant},
		{"iss": crossIss(crossTenant), "tid": crossStranger},
		{"iss": crossTenants, "tid": crossTenant},
		{"iss": unitIssuer, "tid": crossTenant},
	} {
		// A JARM response has no tid, see below.
		x.others(change, ErrIssuer, crossJARM)
	}

	// In a JARM response the issuer is compared by its form; the ID token that
	// follows is of the same tenant, and of one that is accepted.
	c := x.newClient()
	jarm, id := x.ownKind(crossJARM), x.ownKind(crossID)
	for _, tt := range []struct {
		name, response, token string
		want                  error
	}{
		{"accepted", crossTenant, crossTenant, nil},
		{"a stranger", crossStranger, crossStranger, ErrIssuer},
		{"a stranger's response", crossStranger, crossTenant, ErrIssuer},
		{"a stranger's ID token", crossTenant, crossStranger, ErrIssuer},
		{"no tenant", "x", crossTenant, ErrIssuer},
	} {
		place := &crossPlace{aud: crossClaims{"aud": unitClient}}
		a := x.answerTo(c, "code", "jwt")
		x.s.answer("/token", unitJSON(t, crossClaims{"access_token": "at", "token_type": "Bearer",
			"id_token": x.make(&id, place, x.s.key, crossClaims{"iss": crossIss(tt.token), "tid": tt.token})}))
		resp, err := c.ValidateAuthorizationResponse(
			context.Background(),
			a,
			url.Values{"response": {x.make(&jarm, place, x.s.key, crossClaims{"iss": crossIss(tt.response)})}},
		)
		var tok *Token
		if err == nil {
			tok, err = c.ExchangeCode(context.Background(), resp, nil)
		}
		if (tok != nil) != (tt.want == nil) || !errors.Is(err, tt.want) {
			t.Errorf("JARM, %s: error %v, want %v", tt.name, err, tt.want)
		}
	}
}

// TestCrossTableProof: what a proof has in the place of an issuer and an audience.
func TestCrossTableProof(t *testing.T) {
	x := newCrossTable(t)
	k := x.ownKind(crossProof)
	hash := func(s string) string { sum := sha256.Sum256([]byte(s)); return encodeBase64URL(sum[:]) }
	for _, p := range x.places() {
		if p.name != crossProof {
			continue
		}
		for _, tt := range []struct {
			param  string
			change crossClaims
		}{
			{"", nil},
			{"htu", crossClaims{"htu": "https://other.example" + crossPath}},
			{"htu", crossClaims{"htu": crossResource + "/other"}},
			{"htm", crossClaims{"htm": http.MethodPost}},
			{"ath", crossClaims{"ath": hash("another token")}},
			{"ath", crossClaims{"ath": unitRemoved}},
		} {
			result, err := p.show(x.make(&k, &p, x.client, tt.change), x.client)
			if tt.param != "" {
				wantError(t, err, ErrClaim, tt.param)
			} else if err != nil {
				t.Error(err)
			}
			if result != (err == nil) {
				t.Errorf("a result came with the error %v", err)
			}
		}
		// The server's own key is not the one that the token is bound to.
		if result, err := p.show(x.make(&k, &p, x.s.key, nil), x.client); result || !errors.Is(err, ErrBinding) {
			t.Errorf("a proof of another key: %v", err)
		}
	}
}

// TestCrossTableOpaque: what introspection says of the token is compared too.
func TestCrossTableOpaque(t *testing.T) {
	x := newCrossTable(t)
	x.issuer = crossTenants
	x.accept = func(_, tid string) bool { return tid == crossTenant }
	asker := x.s.introspector(t, func(c *Config) { c.Server.Issuer, c.AcceptIssuer = x.issuer, x.accept })
	rs := x.resource(nil, func(cfg *ResourceServerConfig) { cfg.Introspect = asker })
	for _, tt := range []struct {
		change crossClaims
		want   error
	}{
		{nil, nil},
		{crossClaims{"iss": "https://other.example"}, ErrIssuer},
		{crossClaims{"iss": crossIss(crossStranger), "tid": crossStranger}, ErrIssuer},
		{crossClaims{"iss": crossIss(crossStranger)}, ErrIssuer},
		{crossClaims{"aud": "https://other.example"}, ErrAudience},
		{crossClaims{"aud": unitClient}, ErrAudience},
		{crossClaims{"active": false}, ErrInactive},
		// Active, and no access token: Keycloak, Ory Hydra, and RFC 7662's token_type.
		{crossClaims{"typ": "Refresh"}, ErrType},
		{crossClaims{"typ": "ID"}, ErrType},
		{crossClaims{"token_use": "refresh_token"}, ErrType},
		{crossClaims{"token_use": "id"}, ErrType},
		{crossClaims{"token_type": "refresh_token"}, ErrTokenType},
	} {
		x.s.answer(introspectionPath, unitJSON(t, crossWith(x.common(), crossClaims{"active": true}, tt.change)))
		rs.inquiries = newInquiries() // of an inactive token it would not ask again within a second
		at, err := rs.Authenticate(crossRequest("Bearer", crossOpaque))
		if (at != nil) != (tt.want == nil) || !errors.Is(err, tt.want) {
			t.Errorf("%v: error %v, want %v", tt.change, err, tt.want)
		}
	}
}

// TestCrossTableServers: of two servers with the same keys, each has its own
// profile, and what one may not issue the other's name does not make good.
func TestCrossTableServers(t *testing.T) {
	const other = "https://other.example"
	x := newCrossTable(t)
	rs := x.resource(nil, func(cfg *ResourceServerConfig) {
		server := *cfg.Servers[0].Server
		server.Issuer = other
		cfg.Servers = append(cfg.Servers, TrustedServer{Server: &server, Profile: OktaProfile()})
	})
	standard, okta := x.ownKind("Bearer, RFC 9068"), x.ownKind("Bearer, Okta")
	for _, tt := range []struct {
		kind *crossKind
		iss  string
		want error
	}{
		{&standard, unitIssuer, nil},
		{&okta, other, nil},
		{&standard, other, ErrType},
		{&okta, unitIssuer, ErrType},
		{&standard, "https://third.example", ErrIssuer},
		{&okta, "https://third.example", ErrIssuer},
	} {
		at, err := rs.Authenticate(crossRequest("Bearer", x.make(tt.kind, &crossPlace{}, x.s.key, crossClaims{"iss": tt.iss})))
		if (at != nil) != (tt.want == nil) || !errors.Is(err, tt.want) {
			t.Errorf("%s from %s: error %v, want %v", tt.kind.name, tt.iss, err, tt.want)
		}
	}
}
