package oauthtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Fault is one way in which the server misbehaves. Faults are set with
// [Server.Fault]. The name of a fault says which part of a response is wrong;
// everything else stays correct.
type Fault string

// Faults of the authorization response.
const (
	WrongState       Fault = "WrongState"       // another state than the client sent
	MissingState     Fault = "MissingState"     // no state
	DuplicateState   Fault = "DuplicateState"   // the state twice
	MissingCode      Fault = "MissingCode"      // neither code nor error
	DuplicateCode    Fault = "DuplicateCode"    // the code twice
	MissingIss       Fault = "MissingIss"       // no iss, although the metadata announces it (RFC 9207)
	WrongIss         Fault = "WrongIss"         // the iss of another server
	ErrorAndCode     Fault = "ErrorAndCode"     // an error in addition to the code
	StrayIDToken     Fault = "StrayIDToken"     // a valid ID token that was not requested
	StrayAccessToken Fault = "StrayAccessToken" // an access token that was not requested
	MixUp            Fault = "MixUp"            // the iss and a code of another server

	MissingResponseIDToken Fault = "MissingResponseIDToken" // no id_token, although the response type contains it
)

// Faults of the JWT of an authorization response (JARM).
const (
	JARMDowngrade       Fault = "JARMDowngrade"       // plain parameters, although a JWT was requested
	JARMExpired         Fault = "JARMExpired"         // expired one hour ago
	JARMMissingExp      Fault = "JARMMissingExp"      // no exp
	JARMWrongIssuer     Fault = "JARMWrongIssuer"     // the iss of another server
	JARMMissingIssuer   Fault = "JARMMissingIssuer"   // no iss
	JARMWrongAudience   Fault = "JARMWrongAudience"   // the aud of another client
	JARMMissingAudience Fault = "JARMMissingAudience" // no aud
	JARMExtraAudience   Fault = "JARMExtraAudience"   // a second aud
	JARMNumberCode      Fault = "JARMNumberCode"      // the code as a number
)

// Faults of the ID token in an authorization response, and of the two ID tokens of
// response type "code id_token".
const (
	WrongCHash           Fault = "WrongCHash"           // the c_hash of another code
	MissingCHash         Fault = "MissingCHash"         // no c_hash
	WrongSHash           Fault = "WrongSHash"           // the s_hash of another state
	MissingSHash         Fault = "MissingSHash"         // no s_hash
	SubMismatchHybrid    Fault = "SubMismatchHybrid"    // the second ID token is for another user
	IssuerMismatchHybrid Fault = "IssuerMismatchHybrid" // the second ID token is from another server
)

// Faults of the response to a pushed authorization request.
const (
	PARError             Fault = "PARError"             // the error invalid_request
	PARWithoutRequestURI Fault = "PARWithoutRequestURI" // no request_uri
	PARExpiredNegative   Fault = "PARExpiredNegative"   // expires_in below zero
)

// Faults of the signature or header of every JWT that the server issues.
const (
	AlgNone            Fault = "AlgNone"            // alg none and no signature
	HS256WithPublicKey Fault = "HS256WithPublicKey" // HS256 keyed with the PEM of the public key
	WrongKey           Fault = "WrongKey"           // signed with a key that is not in the set, under the kid of a key in it
	WrongSignature     Fault = "WrongSignature"     // one bit of the signature changed
	UnknownKid         Fault = "UnknownKid"         // the right key, but a kid that is not in the set
	MissingKid         Fault = "MissingKid"         // no kid; legitimate if only one key fits
	CritHeader         Fault = "CritHeader"         // an unknown critical extension
	WrongTyp           Fault = "WrongTyp"           // the typ of a logout token; for logout tokens, use LogoutWrongTyp
)

// Faults of the encryption of every JWT for which the client has registered
// encryption.
const (
	NotEncrypted Fault = "NotEncrypted" // signed only
	WrongEnc     Fault = "WrongEnc"     // another enc than the registered one
	RSA15        Fault = "RSA15"        // alg RSA1_5, if the registered one is of RSA
)

// Faults of the claims of every ID token. WrongIssuer, WrongAudience and MissingSub
// also affect signed userinfo responses.
const (
	WrongIssuer     Fault = "WrongIssuer"     // the iss of another server
	WrongAudience   Fault = "WrongAudience"   // the aud of another client
	ExtraAudience   Fault = "ExtraAudience"   // a second aud and no azp
	WrongAzp        Fault = "WrongAzp"        // the azp of another client
	MissingSub      Fault = "MissingSub"      // no sub
	WrongNonce      Fault = "WrongNonce"      // another nonce, or a nonce although none was sent
	MissingNonce    Fault = "MissingNonce"    // no nonce
	ExpiredIDToken  Fault = "ExpiredIDToken"  // issued two hours ago, expired one hour ago
	FutureIAT       Fault = "FutureIAT"       // issued in one hour
	NotYetValid     Fault = "NotYetValid"     // nbf in one hour
	MissingAuthTime Fault = "MissingAuthTime" // no auth_time
	OldAuthTime     Fault = "OldAuthTime"     // the user logged in one year ago
	WrongAtHash     Fault = "WrongAtHash"     // the at_hash of another access token
)

// Faults of the token endpoint's response.
const (
	MissingIDToken                Fault = "MissingIDToken"                // no id_token, although openid was requested
	MissingTokenType              Fault = "MissingTokenType"              // no token_type
	WrongTokenType                Fault = "WrongTokenType"                // token_type mac
	DPoPTokenType                 Fault = "DPoPTokenType"                 // token_type DPoP for a token that is not bound
	StringExpiresIn               Fault = "StringExpiresIn"               // expires_in as a string; common and harmless
	NegativeExpiresIn             Fault = "NegativeExpiresIn"             // expires_in below zero
	ScopeArray                    Fault = "ScopeArray"                    // scope as an array of strings; Twitch does so
	EmptyAccessToken              Fault = "EmptyAccessToken"              // access_token is ""
	ControlCharacterInAccessToken Fault = "ControlCharacterInAccessToken" // access_token that would inject a header
	TokenErrorWith200             Fault = "TokenErrorWith200"             // an error with status 200; GitHub and Slack do so
	TokenHTML                     Fault = "TokenHTML"                     // an HTML page with status 200
	TokenRedirect                 Fault = "TokenRedirect"                 // a 307 to /elsewhere on this server
	TokenHuge                     Fault = "TokenHuge"                     // valid, but 2 MiB long
	WrongAuthorizationDetails     Fault = "WrongAuthorizationDetails"     // authorization_details as an object, not an array
)

// Faults of the userinfo endpoint's response.
const (
	SubMismatch              Fault = "SubMismatch"              // the sub of another user
	UserinfoHTML             Fault = "UserinfoHTML"             // an HTML page with status 200
	UserinfoJSONInsteadOfJWT Fault = "UserinfoJSONInsteadOfJWT" // unsigned, although the client has registered an algorithm
)

// Faults of discovery and of the key set.
const (
	DiscoveryWrongIssuer Fault = "DiscoveryWrongIssuer" // the issuer of another server
	JWKSFails            Fault = "JWKSFails"            // status 500
	JWKSEmpty            Fault = "JWKSEmpty"            // a set without keys
	JWKSHuge             Fault = "JWKSHuge"             // valid, but 2 MiB long
)

// Fault sets the faults of all responses from now on, and replaces the faults set
// before. Without an argument, the server is correct again. Fault panics if a fault
// does not exist.
func (s *Server) Fault(faults ...Fault) {
	known := Faults()
	for _, f := range faults {
		if !slices.Contains(known, f) {
			panic(fmt.Sprintf("oauthtest: no such fault: %q", string(f)))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.Clone(faults)
}

func (s *Server) faulty(f Fault) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.faults, f)
}

// Faults returns all faults, so that a test can check that an application
// withstands each of them.
func Faults() []Fault {
	// These stand in none of the tables below: each is a choice of its endpoint
	// and not a change to its answer.
	all := []Fault{UserinfoJSONInsteadOfJWT, JARMDowngrade}
	all = append(all, IntrospectionJSONInsteadOfJWT, RegistrationWith200)
	all = append(all, boundFaults()...)
	for _, row := range callbackFaults {
		all = append(all, row.fault)
	}
	for _, row := range jwtFaults {
		all = append(all, row.fault)
	}
	for _, row := range memberFaults {
		all = append(all, row.fault)
	}
	for _, row := range answerFaults {
		all = append(all, row.fault)
	}
	return append(all, grantFaults()...)
}

// What stands where another party's value is needed.
const (
	otherIssuer = "https://attacker.example"
	otherClient = "another-client"
	otherUser   = "mallory"
)

// A callback is an authorization response about to be sent.
type callback struct {
	server *Server
	req    *authorizationRequest
	grant  *grant // nil with an error
	params url.Values
}

func (c *callback) double(name string) {
	if c.params.Has(name) {
		c.params.Add(name, c.params.Get(name))
	}
}

// callbackFaults change the parameters of an authorization response.
var callbackFaults = [...]struct {
	fault Fault
	apply func(c *callback)
}{
	{WrongState, func(c *callback) { c.params.Set("state", "not-the-state-that-was-sent") }},
	{MissingState, func(c *callback) { c.params.Del("state") }},
	{DuplicateState, func(c *callback) { c.double("state") }},
	{MissingCode, func(c *callback) { c.params.Del("code") }},
	{DuplicateCode, func(c *callback) { c.double("code") }},
	{MissingIss, func(c *callback) { c.params.Del("iss") }},
	{WrongIss, func(c *callback) { c.params.Set("iss", otherIssuer) }},
	{ErrorAndCode, func(c *callback) {
		c.params.Set("error", "access_denied")
		if !c.req.mode.jwt {
			c.params.Set("iss", c.server.issuer) // as errors have it
		}
	}},
	{StrayIDToken, func(c *callback) {
		if c.grant != nil && !c.req.wants("id_token") {
			id, err := c.server.newIDToken(responseIDTokenJWT, c.grant, c.grant.nonce, nil)
			if err != nil {
				id = "error: " + err.Error() // an Edit function that is not JSON; still stray
			}
			c.params.Set("id_token", id)
		}
	}},
	{StrayAccessToken, func(c *callback) {
		if c.grant != nil {
			t := &accessToken{grant: c.grant, scope: c.grant.scope}
			if err := c.server.issueAccessToken(t); err != nil {
				t.value = "error: " + err.Error() // as above
			}
			c.params.Set("access_token", t.value)
			c.params.Set("token_type", bearerScheme)
		}
	}},
	{MixUp, func(c *callback) {
		c.params.Set("iss", otherIssuer)
		if c.params.Has("code") {
			c.params.Set("code", "a-code-of-another-server")
		}
	}},
	{MissingResponseIDToken, func(c *callback) { c.params.Del("id_token") }},
}

// editCallback is the one place where callbackFaults apply.
func (s *Server) editCallback(req *authorizationRequest, g *grant, params url.Values) {
	c := &callback{s, req, g, params}
	for _, row := range callbackFaults {
		if s.faulty(row.fault) {
			row.apply(c)
		}
	}
}

// jwtFaults change a JWT of one of the given kinds. The order is that of the
// table: alg is last to speak about the signature.
var jwtFaults = [...]struct {
	fault Fault
	kinds jwtKind
	apply func(d *draft)
}{
	{WrongIssuer, anyIDToken | userinfoJWT, func(d *draft) { d.claims["iss"] = otherIssuer }},
	{WrongAudience, anyIDToken | userinfoJWT, func(d *draft) {
		d.claims["aud"] = otherClient
		delete(d.claims, "azp")
	}},
	{ExtraAudience, anyIDToken, func(d *draft) {
		d.claims["aud"] = []any{d.claims["aud"], otherClient}
		delete(d.claims, "azp")
	}},
	{WrongAzp, anyIDToken, func(d *draft) { d.claims["azp"] = otherClient }},
	{MissingSub, anyIDToken | userinfoJWT, func(d *draft) { delete(d.claims, "sub") }},
	{WrongNonce, anyIDToken, func(d *draft) { d.claims["nonce"] = "not-the-nonce-that-was-sent" }},
	{MissingNonce, anyIDToken, func(d *draft) { delete(d.claims, "nonce") }},
	{ExpiredIDToken, anyIDToken, func(d *draft) { d.setTime("iat", -2*time.Hour); d.setTime("exp", -time.Hour) }},
	{FutureIAT, anyIDToken, func(d *draft) { d.setTime("iat", time.Hour); d.setTime("exp", 2*time.Hour) }},
	{NotYetValid, anyIDToken, func(d *draft) { d.setTime("nbf", time.Hour); d.setTime("exp", 2*time.Hour) }},
	{MissingAuthTime, anyIDToken, func(d *draft) { delete(d.claims, "auth_time") }},
	{OldAuthTime, anyIDToken, func(d *draft) { d.setTime("auth_time", -365*24*time.Hour) }},
	{WrongAtHash, anyIDToken &^ responseIDTokenJWT, func(d *draft) { d.claims["at_hash"] = d.alg.halfHash("another access token") }},
	{WrongCHash, responseIDTokenJWT, func(d *draft) { d.claims["c_hash"] = d.alg.halfHash("another code") }},
	{MissingCHash, responseIDTokenJWT, func(d *draft) { delete(d.claims, "c_hash") }},
	{WrongSHash, responseIDTokenJWT, func(d *draft) { d.claims["s_hash"] = d.alg.halfHash("another state") }},
	{MissingSHash, responseIDTokenJWT, func(d *draft) { delete(d.claims, "s_hash") }},
	{SubMismatchHybrid, secondIDTokenJWT, func(d *draft) { d.claims["sub"] = otherUser }},
	{IssuerMismatchHybrid, secondIDTokenJWT, func(d *draft) { d.claims["iss"] = otherIssuer }},

	{IntrospectionWrongIssuer, introspectionJWT, func(d *draft) { d.claims["iss"] = otherIssuer }},
	{IntrospectionWrongAudience, introspectionJWT, func(d *draft) { d.claims["aud"] = otherClient }},
	{IntrospectionWrongTyp, introspectionJWT, func(d *draft) { d.header["typ"] = "at+jwt" }},
	{IntrospectionMissingIat, introspectionJWT, func(d *draft) { delete(d.claims, "iat") }},
	{IntrospectionNotObject, introspectionJWT, func(d *draft) { d.claims["token_introspection"] = "active" }},

	{LogoutMissingEvents, logoutJWT, func(d *draft) { delete(d.claims, "events") }},
	{LogoutWrongEvents, logoutJWT, func(d *draft) { d.claims["events"] = map[string]any{logoutEvent + "-not": map[string]any{}} }},
	{LogoutWithNonce, logoutJWT, func(d *draft) { d.claims["nonce"] = "a-nonce" }},
	{LogoutMissingJTI, logoutJWT, func(d *draft) { delete(d.claims, "jti") }},
	{LogoutReplay, logoutJWT, func(d *draft) {
		if last := d.server.lastLogoutJTI(); last != "" {
			d.claims["jti"] = last
		}
	}},
	{LogoutWrongTyp, logoutJWT, func(d *draft) { d.header["typ"] = "at+jwt" }},
	{LogoutTypJWT, logoutJWT, func(d *draft) { d.header["typ"] = "JWT" }},
	{LogoutWithoutTyp, logoutJWT, func(d *draft) { delete(d.header, "typ") }},
	{LogoutOld, logoutJWT, func(d *draft) { d.setTime("iat", -2*time.Hour) }},
	{LogoutExpired, logoutJWT, func(d *draft) { d.setTime("iat", -30*time.Minute); d.setTime("exp", -28*time.Minute) }},
	{LogoutMissingExp, logoutJWT, func(d *draft) { delete(d.claims, "exp") }},
	{LogoutMissingIat, logoutJWT, func(d *draft) { delete(d.claims, "iat") }},
	{LogoutWithoutSubject, logoutJWT, func(d *draft) { delete(d.claims, "sub"); delete(d.claims, "sid") }},
	{LogoutSidOnly, logoutJWT, func(d *draft) { delete(d.claims, "sub") }},
	{LogoutSubOnly, logoutJWT, func(d *draft) { delete(d.claims, "sid") }},
	{LogoutWrongIssuer, logoutJWT, func(d *draft) { d.claims["iss"] = otherIssuer }},
	{LogoutWrongAudience, logoutJWT, func(d *draft) { d.claims["aud"] = otherClient }},

	{RefreshOtherSubject, refreshIDTokenJWT, func(d *draft) { d.claims["sub"] = otherUser }},
	{RefreshOtherIssuer, refreshIDTokenJWT, func(d *draft) { d.claims["iss"] = otherIssuer }},
	{RefreshOtherNonce, refreshIDTokenJWT, func(d *draft) { d.claims["nonce"] = "not-the-nonce-of-the-first" }},
	{RefreshOldAuthTime, refreshIDTokenJWT, func(d *draft) { d.setTime("auth_time", -365*24*time.Hour) }},
	{RefreshMissingAuthTime, refreshIDTokenJWT, func(d *draft) { delete(d.claims, "auth_time") }},

	{JARMExpired, responseJWT, func(d *draft) { d.setTime("exp", -time.Hour) }},
	{JARMMissingExp, responseJWT, func(d *draft) { delete(d.claims, "exp") }},
	{JARMWrongIssuer, responseJWT, func(d *draft) { d.claims["iss"] = otherIssuer }},
	{JARMMissingIssuer, responseJWT, func(d *draft) { delete(d.claims, "iss") }},
	{JARMWrongAudience, responseJWT, func(d *draft) { d.claims["aud"] = otherClient }},
	{JARMMissingAudience, responseJWT, func(d *draft) { delete(d.claims, "aud") }},
	{JARMExtraAudience, responseJWT, func(d *draft) { d.claims["aud"] = []any{d.claims["aud"], otherClient} }},
	{JARMNumberCode, responseJWT, func(d *draft) {
		if d.claims["code"] != nil {
			d.claims["code"] = 4711
		}
	}},

	{WrongEnc, anyJWT, func(d *draft) {
		if d.encryption != nil {
			d.encryption.useAnotherEnc()
		}
	}},
	{RSA15, anyJWT, func(d *draft) {
		if d.encryption != nil && d.encryption.alg.family == "RSA" {
			d.encryption.alg.name, d.encryption.alg.wrap = "RSA1_5", wrapRSA15
		}
	}},
	{NotEncrypted, anyJWT, func(d *draft) { d.encryption = nil }},

	{CritHeader, anyJWT, func(d *draft) {
		d.header["crit"] = []string{"https://attacker.example/extension"}
		d.header["https://attacker.example/extension"] = true
	}},
	{WrongTyp, anyJWT, func(d *draft) { d.header["typ"] = "logout+jwt" }},
	{UnknownKid, anyJWT, func(d *draft) { d.header["kid"] = "no-such-kid" }},
	{MissingKid, anyJWT, func(d *draft) { delete(d.header, "kid") }},
	{WrongKey, anyJWT, func(d *draft) {
		wrong := newKey(d.alg.family).private
		d.sign = func(in []byte) ([]byte, error) { return d.alg.sign(wrong, in) }
	}},
	{WrongSignature, anyJWT, func(d *draft) {
		right := d.sign
		d.sign = func(in []byte) ([]byte, error) {
			sig, err := right(in)
			if err == nil {
				sig[len(sig)/2] ^= 1
			}
			return sig, err
		}
	}},
	{HS256WithPublicKey, anyJWT, func(d *draft) {
		d.header["alg"] = macs[0].name
		secret := publicPEM(d.key)
		d.sign = func(in []byte) ([]byte, error) { return macs[0].mac(secret, in), nil }
	}},
	{AlgNone, anyJWT, func(d *draft) {
		d.header["alg"] = "none"
		d.sign = func([]byte) ([]byte, error) { return nil, nil }
	}},
}

// editJWT is the one place where jwtFaults apply.
func (s *Server) editJWT(d *draft) {
	for _, row := range jwtFaults {
		if row.kinds&d.kind != 0 && s.faulty(row.fault) {
			row.apply(d)
		}
	}
}

// memberFaults change the members of a JSON answer of one endpoint.
var memberFaults = [...]struct {
	fault Fault
	path  string
	apply func(m map[string]any)
}{
	{MissingIDToken, tokenPath, func(m map[string]any) { delete(m, "id_token") }},
	{MissingTokenType, tokenPath, func(m map[string]any) { delete(m, "token_type") }},
	{WrongTokenType, tokenPath, func(m map[string]any) { m["token_type"] = "mac" }},
	{DPoPTokenType, tokenPath, func(m map[string]any) { m["token_type"] = "DPoP" }},
	{StringExpiresIn, tokenPath, func(m map[string]any) { m["expires_in"] = fmt.Sprint(m["expires_in"]) }},
	{NegativeExpiresIn, tokenPath, func(m map[string]any) { m["expires_in"] = -1 }},
	{ScopeArray, tokenPath, func(m map[string]any) {
		scope, _ := m["scope"].(string)
		m["scope"] = strings.Fields(scope)
	}},
	{EmptyAccessToken, tokenPath, func(m map[string]any) { m["access_token"] = "" }},
	{ControlCharacterInAccessToken, tokenPath, func(m map[string]any) {
		m["access_token"] = fmt.Sprint(m["access_token"], "\r\nInjected: yes")
	}},
	{TokenHuge, tokenPath, pad},
	{WrongAuthorizationDetails, tokenPath, func(m map[string]any) {
		m["authorization_details"] = map[string]any{"type": "payment_initiation"}
	}},
	{MissingIssuedTokenType, tokenPath, remove("issued_token_type")},
	{PARWithoutRequestURI, parPath, func(m map[string]any) { delete(m, "request_uri") }},
	{PARExpiredNegative, parPath, func(m map[string]any) { m["expires_in"] = -1 }},
	{SubMismatch, userinfoPath, func(m map[string]any) { m["sub"] = otherUser }},
	{IntrospectionActiveString, introspectPath, func(m map[string]any) { m["active"] = fmt.Sprint(m["active"]) }},
	{IntrospectionMissingActive, introspectPath, func(m map[string]any) { delete(m, "active") }},
	{IntrospectionNonStringScope, introspectPath, func(m map[string]any) { m["scope"] = 42 }},
	{WrongThumbprint, introspectPath, func(m map[string]any) {
		cnf, _ := m["cnf"].(map[string]any)
		for name := range cnf {
			cnf[name] = hashOf([]byte("another " + name))
		}
	}},
	{RegistrationWithoutClientID, registerPath, func(m map[string]any) { delete(m, "client_id") }},
	{RegistrationExpiredSecret, registerPath, func(m map[string]any) { m["client_secret_expires_at"] = 1 }},
	{RegistrationNegativeSecretExpiry, registerPath, func(m map[string]any) { m["client_secret_expires_at"] = -1 }},
	{RegistrationWithoutSecret, registerPath, func(m map[string]any) {
		delete(m, "client_secret")
		delete(m, "client_secret_expires_at")
	}},
	{RegistrationOtherRedirectURI, registerPath, func(m map[string]any) { m["redirect_uris"] = []string{otherIssuer + "/cb"} }},
	{RegistrationChangedScope, registerPath, func(m map[string]any) { m["scope"] = "openid another" }},
	{RegistrationHTTPClientURI, registerPath, func(m map[string]any) {
		m["registration_client_uri"] = insecure(m["registration_client_uri"])
	}},
	{RegistrationSecretNotString, registerPath, func(m map[string]any) {
		if m["client_secret"] != nil {
			m["client_secret"] = 4711
		}
	}},
	{ResourceMetadataWrongResource, resourceMetadataPath, func(m map[string]any) { m["resource"] = otherIssuer + "/resource" }},
	{ResourceMetadataHTTPServer, resourceMetadataPath, func(m map[string]any) {
		servers, _ := m["authorization_servers"].([]string)
		m["authorization_servers"] = []string{insecure(servers[0])}
	}},
	{ResourceMetadataWithoutServers, resourceMetadataPath, func(m map[string]any) { delete(m, "authorization_servers") }},
	{DiscoveryWrongIssuer, discoveryPath, func(m map[string]any) { m["issuer"] = otherIssuer }},
	{JWKSEmpty, jwksPath, func(m map[string]any) { m["keys"] = []any{} }},
	{JWKSHuge, jwksPath, pad},
}

// insecure is an https URL as http.
func insecure(v any) string { return strings.Replace(fmt.Sprint(v), "https://", "http://", 1) }

func pad(m map[string]any) { m["padding"] = strings.Repeat("x", hugeSize) }

// editMembers is the one place where memberFaults apply.
func (s *Server) editMembers(path string, m map[string]any) {
	for _, row := range memberFaults {
		if row.path == path && s.faulty(row.fault) {
			row.apply(m)
		}
	}
}

// answerFaults answer a request before its endpoint sees it.
var answerFaults = [...]struct {
	fault  Fault
	path   string
	answer func(s *Server, w http.ResponseWriter)
}{
	{TokenErrorWith200, tokenPath, func(_ *Server, w http.ResponseWriter) {
		writeJSON(w, http.StatusOK, map[string]any{"error": "invalid_grant", "error_description": "with status 200"})
	}},
	{TokenHTML, tokenPath, func(_ *Server, w http.ResponseWriter) { writeHTML(w) }},
	{TokenRedirect, tokenPath, func(s *Server, w http.ResponseWriter) {
		w.Header().Set("Location", s.main.URL+"/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}},
	{PARError, parPath, func(_ *Server, w http.ResponseWriter) {
		invalid("invalid_request", "the request was refused").write(w)
	}},
	{UserinfoHTML, userinfoPath, func(_ *Server, w http.ResponseWriter) { writeHTML(w) }},
	{IntrospectionHTML, introspectPath, func(_ *Server, w http.ResponseWriter) { writeHTML(w) }},
	{RevocationUnsupportedTokenType, revokePath, func(_ *Server, w http.ResponseWriter) {
		invalid("unsupported_token_type", "tokens of this type cannot be revoked").write(w)
	}},
	{RevocationFails, revokePath, func(_ *Server, w http.ResponseWriter) {
		w.Header().Set("Retry-After", "120") // RFC 7009, Section 2.2.1
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	}},
	{JWKSFails, jwksPath, func(_ *Server, w http.ResponseWriter) {
		http.Error(w, "out of order", http.StatusInternalServerError)
	}},
}

func writeHTML(w http.ResponseWriter) {
	writePage(w, "Maintenance", "<body>\n<p>Back soon.</p>\n")
}

// replaceAnswer is the one place where answerFaults apply.
func (s *Server) replaceAnswer(w http.ResponseWriter, r *http.Request) bool {
	for _, row := range answerFaults {
		if s.fullPath(row.path) == r.URL.Path && s.faulty(row.fault) {
			row.answer(s, w)
			return true
		}
	}
	return s.replaceRefresh(w, r)
}
