package oauth

// This file describes access tokens: those of RFC 9068, and those of large
// providers, most of which do not follow it.

import (
	"errors"
	"slices"
	"strings"
	"sync"
)

// An AccessTokenProfile describes the JWT access tokens of a server that does not
// follow RFC 9068. It distinguishes access tokens from ID tokens and other JWTs
// that the server signs with the same keys. The package does not guess any of it.
// Under every profile, it checks the signature, the issuer, the expiry, and either
// the audience or the client.
//
// [EntraProfile], [OktaProfile], [Auth0Profile], [KeycloakProfile],
// [CognitoProfile], [ADFSProfile], [HydraProfile] and [AutheliaProfile] return profiles of
// large providers. The caller may change these before use.
type AccessTokenProfile struct {
	// Types are the accepted values of the typ header, without regard to case. An
	// empty string stands for a token without typ. At least one is required.
	Types []string

	// Marker is a claim that the server's access tokens have and its other tokens
	// do not have. It is a name ("scp"), a name and a value ("token_use=access"),
	// or a name and several values, one of which the token must have
	// ("typ=Bearer|DPoP"). It is required if Types contains "JWT" or "", because ID
	// tokens have these types, too.
	Marker string

	// ClientIDClaim is the claim that names the client, for example azp, appid or
	// cid. If empty, it is client_id. If a token of type at+jwt lacks the claim, it is
	// client_id, which RFC 9068 requires.
	ClientIDClaim string

	// ScopeClaim is the claim with the scopes, which is a space-separated string or
	// an array of strings. If empty, it is scope.
	ScopeClaim string

	// Optional lists which of the claims sub, jti, iat and client_id tokens may
	// lack, or have as an empty string. The client is always listed as client_id, even
	// if ClientIDClaim is another claim.
	Optional []string

	// Issuer is the expected iss claim, for servers whose access tokens name a
	// different issuer than their metadata. If empty, it is the Issuer of the
	// server's metadata. If a key in the key set names its issuer, as the keys of
	// Entra ID do, it must be the same as the token's.
	Issuer string

	// ClientIDs are the clients whose tokens are accepted, for a server whose
	// access tokens have no audience, or an empty list of them. With such a server, every
	// API must know its own clients. If a token has an audience, it is checked nevertheless. If
	// ClientIDs is nil, tokens must have an audience; it must not be empty
	// otherwise.
	ClientIDs []string
}

// EntraProfile returns the profile of Microsoft Entra ID, for version 2.0 tokens:
// typ JWT, client in azp, scopes in scp, and no jti. The audience is the client id
// of the API's own registration: ResourceServerConfig.Audiences must contain that GUID.
//
// If the registration's requestedAccessTokenVersion is not 2, its tokens are of
// version 1.0. They have another issuer (https://sts.windows.net/…/) than the keys of
// the version 2.0 metadata name, and are refused: set it to 2 in the manifest.
//
// The tokens that an application requests for itself have roles instead of scp. To
// accept them, set Marker to "azpacr", and check roles in the handlers.
//
// Source: "Access token claims reference" of the Microsoft identity platform.
func EntraProfile() *AccessTokenProfile {
	return &AccessTokenProfile{Types: []string{"JWT"}, Marker: "scp", ClientIDClaim: "azp", ScopeClaim: "scp", Optional: []string{"jti"}}
}

// OktaProfile returns the profile of a custom authorization server of Okta: no typ,
// client in cid, scopes in the array scp. The tokens of the org authorization
// server are for Okta only, and other parties cannot verify them.
//
// Source: "OpenID Connect & OAuth 2.0 API", access token, of the Okta developer
// documentation.
func OktaProfile() *AccessTokenProfile {
	return &AccessTokenProfile{Types: []string{"", "JWT"}, Marker: "scp", ClientIDClaim: "cid", ScopeClaim: "scp"}
}

// Auth0Profile returns the profile of Auth0. It accepts the tokens of both of its
// access token profiles: its own, which an API uses unless it is set to another (typ
// JWT, client in azp, no jti), and RFC 9068 (typ at+jwt, client in client_id). A token
// without any scope has no scope claim and is refused.
//
// Source: "Access Token Profiles" of the Auth0 documentation.
func Auth0Profile() *AccessTokenProfile {
	return &AccessTokenProfile{Types: []string{"JWT", accessTokenType}, Marker: "scope", ClientIDClaim: "azp", Optional: []string{"jti"}}
}

// KeycloakProfile returns the profile of Keycloak: typ JWT in the header or, if the
// client is set to use it, at+jwt, a typ claim that is Bearer or, if the token is bound
// to a key, DPoP, and the client in azp. For tokens to have the resource as an
// audience, add an audience mapper to a client scope in Keycloak.
//
// Source: AccessToken, TokenUtil and DPoPUtil of Keycloak.
func KeycloakProfile() *AccessTokenProfile {
	return &AccessTokenProfile{Types: []string{"JWT", accessTokenType}, Marker: "typ=Bearer|DPoP", ClientIDClaim: "azp"}
}

// CognitoProfile returns the profile of Amazon Cognito user pools: no typ and no
// audience. It accepts the tokens of the given clients; there must be at least one.
//
// Source: "Understanding the access token" of the Amazon Cognito Developer Guide.
func CognitoProfile(clientIDs ...string) *AccessTokenProfile {
	return &AccessTokenProfile{Types: []string{""}, Marker: "token_use=access", ClientIDs: append([]string{}, clientIDs...)}
}

// ADFSProfile returns the profile of Active Directory Federation Services: client
// in appid, scopes in scp, and no jti. Some tokens have no sub; auth_time is not a
// number. The tokens have an issuer of their own, which must be given: the
// access_token_issuer of the server's metadata (http://…/adfs/services/trust).
//
// Source: "AD FS OpenID Connect/OAuth concepts" of the Windows Server
// documentation, and MS-OAPX, Section 3.2.5.2.
func ADFSProfile(issuer string) *AccessTokenProfile {
	return &AccessTokenProfile{Types: []string{"JWT"}, Marker: "appid", ClientIDClaim: "appid", ScopeClaim: "scp", Optional: []string{"sub", "jti"}, Issuer: issuer}
}

// HydraProfile returns the profile of Ory Hydra: typ JWT and scopes in the array scp.
// Tokens have an audience only if the client requests one, with the parameter audience.
// If strategies.jwt.scope_claim of the server is set to string, Marker and ScopeClaim must
// be "scope".
//
// Source: JWTClaims of ory/fosite, and "JWT access tokens" of the Ory documentation.
func HydraProfile() *AccessTokenProfile {
	return &AccessTokenProfile{Types: []string{"JWT"}, Marker: "scp", ScopeClaim: "scp"}
}

// AutheliaProfile returns the profile of Authelia, for clients whose
// access_token_signed_response_alg is set: typ at+jwt, and scopes in the array scp.
//
// Source: Session.GetJWTHeader and GetJWTClaims of authelia/authelia, and
// GetJWTScopeField of its OAuth 2.0 provider.
func AutheliaProfile() *AccessTokenProfile {
	return &AccessTokenProfile{Types: []string{accessTokenType}, ScopeClaim: "scp"}
}

// standardProfile is RFC 9068, Section 2.2.
func standardProfile() *AccessTokenProfile {
	return &AccessTokenProfile{Types: []string{accessTokenType}}
}

// compile makes a copy that is ready for use, after checking it.
func (p *AccessTokenProfile) compile() (*AccessTokenProfile, error) {
	c := *p
	c.Types = nil
	plain := false
	for _, typ := range p.Types {
		typ = normalType(typ)
		if typ != accessTokenType && !idTokenType(typ) {
			return nil, fail(ErrConfig, "Profile.Types", "%s is the type of tokens of another kind", printable(typ, 64))
		}
		plain = plain || typ == "" || typ == "jwt"
		c.Types = append(c.Types, typ)
	}
	for _, name := range p.Optional {
		if !slices.Contains([]string{"sub", "jti", "iat", "client_id"}, name) {
			return nil, fail(ErrConfig, "Profile.Optional", "%s is not one of sub, jti, iat, client_id", printable(name, 64))
		}
	}
	c.Optional, c.ClientIDs = slices.Clone(p.Optional), slices.Clone(p.ClientIDs)
	if c.ClientIDClaim == "" {
		c.ClientIDClaim = "client_id"
	}
	if c.ScopeClaim == "" {
		c.ScopeClaim = "scope"
	}
	name, _, _ := strings.Cut(c.Marker, "=")
	switch {
	case len(c.Types) == 0:
		return nil, fail(ErrConfig, "Profile.Types", `is empty: say at+jwt, or what the server writes, "" if it writes none`)
	case c.Marker == "" && plain:
		return nil, fail(ErrConfig, "Profile.Marker", "is empty, and the types are those of ID tokens: name a claim that only access tokens have")
	case c.Marker != "" && name == "":
		return nil, fail(ErrConfig, "Profile.Marker", "names no claim")
	case c.ClientIDs != nil && (len(c.ClientIDs) == 0 || slices.Contains(c.ClientIDs, "")):
		return nil, fail(ErrConfig, "Profile.ClientIDs", "is empty, or names an empty client: it stands in place of the audience")
	case c.ClientIDs != nil && slices.Contains(c.Optional, "client_id"):
		return nil, fail(ErrConfig, "Profile.Optional", "has client_id in it, and ClientIDs compares it")
	}
	return &c, nil
}

// judge holds a verified token against the profile: it is an access token of
// this server, for the resource.
func (p *AccessTokenProfile) judge(claims *jsonObject, typ string, audiences []string, d *accessTokenData) (err error) {
	if !slices.Contains(p.Types, typ) {
		return fail(ErrType, "typ", "a token of type %s is not an access token", printable(typ, 64))
	}
	if err := p.checkMarker(claims); err != nil {
		return err
	}
	for _, m := range [...]struct {
		name, claim string
		dst         *string
	}{{"sub", "sub", &d.subject}, {"client_id", p.clientClaim(claims, typ), &d.clientID}, {"jti", "jti", &d.id}} {
		if raw, ok := claims.get(m.claim); (!ok || raw == `""`) && slices.Contains(p.Optional, m.name) {
			continue
		}
		if *m.dst, err = claims.need(m.claim); err != nil {
			return p.lacking(err, claims, m.claim, m.name)
		}
	}
	if d.issuedAt.IsZero() && !slices.Contains(p.Optional, "iat") {
		return fail(ErrClaim, "iat", "is missing")
	}
	if d.scope, _, err = claims.scope(p.ScopeClaim); err != nil {
		return err
	}
	return p.checkAudience(claims, audiences, d)
}

// lacking says of a claim that is not there how the profile can do without it.
func (p *AccessTokenProfile) lacking(err error, claims *jsonObject, claim, name string) error {
	if claims.has(claim) || name == "client_id" && p.ClientIDs != nil {
		return err
	}
	return hinted(err, "if access tokens of the server may lack it, list "+name+" in Optional of the profile")
}

// clientClaim is the claim that names the client. A server with a switch for the typ has
// that of RFC 9068 in such tokens (Auth0), or its own in both (Keycloak).
func (p *AccessTokenProfile) clientClaim(claims *jsonObject, typ string) string {
	if typ == accessTokenType && !claims.has(p.ClientIDClaim) {
		return "client_id"
	}
	return p.ClientIDClaim
}

// checkMarker wants the claim that other tokens of the server do not have.
func (p *AccessTokenProfile) checkMarker(claims *jsonObject) error {
	if p.Marker == "" {
		return nil
	}
	name, want, valued := strings.Cut(p.Marker, "=")
	if raw, ok := claims.get(name); !ok || raw == "null" {
		err := fail(ErrType, name, "is missing: the token is not an access token")
		if name == "scp" && claims.has("azpacr") && claims.has("roles") {
			return hinted(err, `an application's own token of Entra ID has roles in its place: to accept it, set Marker of the profile to "azpacr", and check roles`)
		}
		return err
	}
	if !valued {
		return nil
	}
	if got, _, err := claims.string(name); err != nil || !slices.Contains(strings.Split(want, "|"), got) {
		return fail(ErrType, name, "is not %s: the token is not an access token", printable(want, 64))
	}
	return nil
}

// checkAudience wants a name of the resource among the audiences (RFC 9068, Section 4),
// or the client among those that stand in their place.
func (p *AccessTokenProfile) checkAudience(claims *jsonObject, audiences []string, d *accessTokenData) error {
	aud, ok, err := claims.stringsInto(d.one[:0], "aud", true)
	if err != nil {
		return err
	}
	d.audience = aud
	switch {
	case p.ClientIDs != nil && !slices.Contains(p.ClientIDs, d.clientID):
		return fail(ErrAudience, p.ClientIDClaim, "the client %s is not one of Profile.ClientIDs", printable(d.clientID, 128))
	case p.ClientIDs != nil && len(aud) == 0: // RFC 9700, Section 2.3: one that is there has to be this one
		return nil
	case !ok || len(aud) == 0:
		return fail(ErrClaim, "aud", "is missing")
	case !isFor(aud, audiences):
		return errAudience(aud, audiences)
	case slices.Contains(aud, ""):
		return fail(ErrClaim, "aud", "is empty")
	}
	return nil
}

// isFor reports whether one of the audiences of a token is a name of the resource. Of two
// names without a path one may have the slash of an empty path, as of two issuers.
func isFor(aud, audiences []string) bool {
	for _, s := range aud {
		for _, name := range audiences {
			if sameIssuer(s, name) {
				return true
			}
		}
	}
	return false
}

func errAudience(aud, audiences []string) *Error {
	return fail(ErrAudience, "aud", "the token is for %s, not for %s: the client must ask for a token for this API; if the first is another name of it, list that in ResourceServerConfig.Audiences",
		quoteList(aud), quoteList(audiences))
}

// knownProfiles are those that a token may have whose server's was not chosen. The clients
// of Cognito and the issuer of AD FS are those of the token.
func knownProfiles() []knownProfile {
	compiledProfiles.Lock()
	defer compiledProfiles.Unlock()
	if compiledProfiles.list == nil {
		compiledProfiles.list = compileProfiles()
	}
	return compiledProfiles.list
}

// compiledProfiles is filled when it is first needed: the package does no work at start.
var compiledProfiles struct {
	sync.Mutex
	list []knownProfile
}

func compileProfiles() []knownProfile {
	list := []knownProfile{
		{"KeycloakProfile()", KeycloakProfile()},
		{"CognitoProfile(…)", CognitoProfile("its client")},
		{"OktaProfile()", OktaProfile()},
		{"EntraProfile()", EntraProfile()},
		{"ADFSProfile(…)", ADFSProfile("")},
		{"HydraProfile()", HydraProfile()},
		{"Auth0Profile()", Auth0Profile()},
	}
	for i := range list {
		if p, err := list[i].profile.compile(); err == nil { // as each does
			list[i].profile = p
		}
	}
	return list
}

type knownProfile struct {
	name    string
	profile *AccessTokenProfile
}

// hinted adds to an error what may be done about it.
func hinted(err error, advice string) error {
	e, ok := err.(*Error)
	if !ok || advice == "" {
		return err
	}
	more := *e
	more.Detail += "; " + advice
	return &more
}

// adviseProfile says, to the developer who left TrustedServer.Profile nil, which profile a
// token that was refused with err has: by what marks the tokens of a provider, or by what
// stands in this one. A token can be refused under that, too, for something else; that is
// said as well. It is "" if there is nothing to advise.
func adviseProfile(err error, claims *jsonObject, typ string, audiences []string, d *accessTokenData) string {
	if typ == accessTokenType && errors.Is(err, ErrAudience) { // it follows RFC 9068
		return ""
	}
	clientID, _, _ := claims.string("client_id")
	mayBeID := saysKind(claims, "id") != "" || claims.has("nonce") || claims.has("at_hash") || claims.has("c_hash")
	advice := ""
	for _, known := range knownProfiles() {
		p := known.profile
		if !slices.Contains(p.Types, typ) || p.checkMarker(claims) != nil || !claims.has(p.ClientIDClaim) {
			continue
		}
		if p.ClientIDs != nil {
			its := *p
			its.ClientIDs = []string{clientID}
			p = &its
		}
		if mayBeID && p.Marker == "scope" { // which ID tokens of Keycloak have, too
			continue
		}
		scratch := *d
		err = p.judge(claims, typ, audiences, &scratch)
		if err == nil {
			return "the token does not follow RFC 9068, and is good under another profile: if that is your server's, set TrustedServer.Profile to " + known.name
		}
		if advice == "" {
			advice = "the token does not follow RFC 9068, and looks like one of another profile: if that is your server's, set TrustedServer.Profile to " + known.name + wrongThen(err)
		}
	}
	switch {
	case advice != "":
		return advice
	case mayBeID:
		return "it looks like an ID token, which is for the client alone: the client must send the access token"
	}
	return describeToken(claims, typ, audiences, d)
}

// wrongThen says what is wrong with a token under the profile that is advised.
func wrongThen(err error) string {
	if err == nil {
		return ""
	}
	return "; what is wrong then is " + strings.TrimPrefix(err.Error(), "oauth: ")
}

// describeToken advises a profile that is made of the token, such as one of Spring
// Authorization Server (no typ, scope an array, no client_id) or Ory Hydra.
func describeToken(claims *jsonObject, typ string, audiences []string, d *accessTokenData) string {
	marker := "scp"
	if !claims.has(marker) {
		marker = "scope"
	}
	if typ != "" && typ != "jwt" || !claims.has(marker) {
		return ""
	}
	p := &AccessTokenProfile{Types: []string{typ}, Marker: marker, ScopeClaim: marker}
	text := `AccessTokenProfile{Types: []string{"` + strings.ToUpper(typ) + `"}, Marker: "` + marker + `"`
	if marker != "scope" {
		text += `, ScopeClaim: "` + marker + `"`
	}
	for _, name := range [...]string{"client_id", "azp", "cid", "appid"} {
		if claims.has(name) {
			p.ClientIDClaim = name
			break
		}
	}
	switch p.ClientIDClaim {
	case "":
		p.Optional = append(p.Optional, "client_id")
	case "client_id":
	default:
		text += `, ClientIDClaim: "` + p.ClientIDClaim + `"`
	}
	for _, name := range [...]string{"sub", "jti", "iat"} {
		if !claims.has(name) {
			p.Optional = append(p.Optional, name)
		}
	}
	if p.Optional != nil {
		text += `, Optional: []string{"` + strings.Join(p.Optional, `", "`) + `"}`
	}
	p, err := p.compile()
	if err != nil {
		return ""
	}
	scratch := *d
	return "the token does not follow RFC 9068: if the server's access tokens are like this one, and only they have the claim " + marker +
		", set TrustedServer.Profile to &" + text + "}" + wrongThen(p.judge(claims, typ, audiences, &scratch))
}
