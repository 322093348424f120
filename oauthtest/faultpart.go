package oauthtest

import (
	"slices"
)

// This file has the list of what faults touch, and what a client does about them.

// A Part is the part of the protocol that a [Fault] touches.
type Part string

// Parts of a login with response type code. They are those of [FatalFaults] without
// arguments.
const (
	PartMetadata              Part = "metadata"               // of the server
	PartKeySet                Part = "key set"                // as it is fetched: keys that a client still has are not affected
	PartAuthorizationResponse Part = "authorization response" // its parameters, except for iss
	PartTokenResponse         Part = "token response"         // to a code
	PartSignature             Part = "signature"              // signature and header of every JWT
	PartIDToken               Part = "ID token"               // its claims, in a login with a nonce
)

// Parts that not every login has.
const (
	PartResponseIssuer  Part = "iss"               // of the authorization response, for clients of several servers (RFC 9207)
	PartAuthTime        Part = "auth_time"         // of ID tokens, for clients that send max_age
	PartResponseIDToken Part = "response ID token" // of response type code id_token
	PartSHash           Part = "s_hash"            // of the same, for clients that require it (FAPI 1.0 Advanced)
	PartResponseJWT     Part = "response JWT"      // of authorization responses (JARM)
	PartPushedRequest   Part = "pushed request"    // the response to it (RFC 9126)
	PartEncryption      Part = "encryption"        // of JWTs, for clients that have registered it
	PartUserinfo        Part = "userinfo response" // plain or signed
	PartSignedUserinfo  Part = "signed userinfo"   // for clients that have registered UserinfoAlg
	PartDPoP            Part = "DPoP"              // tokens and nonces (RFC 9449)
	PartDetails         Part = "details"           // authorization_details of the token response (RFC 9396)
)

// Parts outside of a login.
const (
	PartRefresh             Part = "refresh"              // the response to a refresh, and its ID token
	PartIntrospection       Part = "introspection"        // the response in JSON
	PartSignedIntrospection Part = "signed introspection" // the response as a JWT
	PartRevocation          Part = "revocation"           // the response
	PartRegistration        Part = "registration"         // the response
	PartLogoutToken         Part = "logout token"         // of a back-channel logout
	PartResource            Part = "resource"             // the response of a protected resource
	PartResourceMetadata    Part = "resource metadata"    // of a protected resource (RFC 9728)
	PartExchange            Part = "token exchange"       // the response
	PartDevice              Part = "device authorization" // the response to the request
	PartBackchannel         Part = "backchannel"          // the response to a backchannel authentication request (CIBA)
	PartPoll                Part = "poll"                 // the response to a poll for a device code or an auth_req_id
	PartPing                Part = "ping"                 // the notification of a client (CIBA)
)

// An Effect says what becomes of a login or request whose part a [Fault] touches.
type Effect int

const (
	// EffectHarmless means that a login succeeds with the same values as without the
	// fault: it is legitimate, or common at real servers.
	EffectHarmless Effect = iota

	// EffectVaries means that clients differ: a strict client refuses, and the
	// specification does not require it.
	EffectVaries

	// EffectFatal means that a client must not accept it. For faults of a request
	// that fails, it means that the request must not seem to succeed.
	EffectFatal
)

// Part returns the part of the protocol that the fault touches. It is empty if there
// is no such fault.
func (f Fault) Part() Part {
	row, _ := f.find()
	return row.part
}

// Effect returns the effect of the fault on a client that uses its [Fault.Part]. A
// client that does not use it cannot be affected. It is EffectHarmless if there is no
// such fault.
func (f Fault) Effect() Effect {
	_, effect := f.find()
	return effect
}

// FatalFaults returns the faults of the given parts that a client must not accept, so
// that a test can check that a login fails with each of them. If no part is given, the
// parts are those of a login with OpenID Connect, response type code, a nonce and
// discovery.
//
// The client should be a new one for each fault: a client that has fetched the keys of
// the server is not affected by the faults of the key set.
func FatalFaults(parts ...Part) []Fault {
	if len(parts) == 0 {
		parts = loginParts[:]
	}
	var fatal []Fault
	for _, f := range Faults() {
		if f.Effect() == EffectFatal && slices.Contains(parts, f.Part()) {
			fatal = append(fatal, f)
		}
	}
	return fatal
}

var loginParts = [...]Part{PartMetadata, PartKeySet, PartAuthorizationResponse, PartTokenResponse, PartSignature, PartIDToken}

// A faultRow has the faults of a part, by their effects.
type faultRow struct {
	part                    Part
	fatal, varies, harmless []Fault
}

func (f Fault) find() (row faultRow, effect Effect) {
	for _, row := range faultParts() {
		switch {
		case slices.Contains(row.fatal, f):
			return row, EffectFatal
		case slices.Contains(row.varies, f):
			return row, EffectVaries
		case slices.Contains(row.harmless, f):
			return row, EffectHarmless
		}
	}
	return faultRow{}, EffectHarmless
}

// faultParts is the list. What varies is what the specifications leave to the client,
// or do not speak of: a second value, a size, an optional check.
func faultParts() []faultRow {
	return slices.Concat(loginFaultParts(), laterFaultParts())
}

func loginFaultParts() []faultRow {
	return []faultRow{
		{part: PartMetadata, fatal: []Fault{DiscoveryWrongIssuer}},
		{part: PartKeySet, fatal: []Fault{JWKSFails, JWKSEmpty}, varies: []Fault{JWKSHuge}},
		{
			part:   PartAuthorizationResponse,
			fatal:  []Fault{WrongState, MissingState, MissingCode},
			varies: []Fault{DuplicateState, DuplicateCode, ErrorAndCode, StrayIDToken, StrayAccessToken},
		},
		{part: PartResponseIssuer, fatal: []Fault{MissingIss, WrongIss, MixUp}},
		{
			part:  PartTokenResponse,
			fatal: []Fault{MissingIDToken, EmptyAccessToken, TokenErrorWith200, TokenHTML, TokenRedirect},
			// An unknown type forbids the use of the access token, not the login (RFC 6749, Section 7.1).
			varies:   []Fault{MissingTokenType, WrongTokenType, DPoPTokenType, ControlCharacterInAccessToken, TokenHuge, ScopeArray},
			harmless: []Fault{StringExpiresIn, NegativeExpiresIn},
		},
		{part: PartDetails, varies: []Fault{WrongAuthorizationDetails}},
		{
			part:     PartSignature,
			fatal:    []Fault{AlgNone, HS256WithPublicKey, WrongKey, WrongSignature, CritHeader},
			varies:   []Fault{UnknownKid, WrongTyp},
			harmless: []Fault{MissingKid},
		},
		{
			part:   PartIDToken,
			fatal:  []Fault{WrongIssuer, WrongAudience, ExtraAudience, MissingSub, WrongNonce, MissingNonce, ExpiredIDToken, NotYetValid},
			varies: []Fault{WrongAzp, FutureIAT, WrongAtHash},
		},
		{part: PartAuthTime, fatal: []Fault{MissingAuthTime, OldAuthTime}},
		{
			part:  PartResponseIDToken,
			fatal: []Fault{MissingResponseIDToken, WrongCHash, MissingCHash, SubMismatchHybrid, IssuerMismatchHybrid},
		},
		{part: PartSHash, fatal: []Fault{WrongSHash, MissingSHash}},
		{
			part: PartResponseJWT,
			fatal: []Fault{
				JARMDowngrade, JARMExpired, JARMMissingExp, JARMWrongIssuer, JARMMissingIssuer, JARMWrongAudience, JARMMissingAudience,
			},
			varies: []Fault{JARMExtraAudience, JARMNumberCode},
		},
		{part: PartPushedRequest, fatal: []Fault{PARError, PARWithoutRequestURI}, varies: []Fault{PARExpiredNegative}},
		{part: PartEncryption, fatal: []Fault{NotEncrypted}, varies: []Fault{WrongEnc, RSA15}},
		{part: PartUserinfo, fatal: []Fault{SubMismatch, UserinfoHTML}},
		{part: PartSignedUserinfo, fatal: []Fault{UserinfoJSONInsteadOfJWT}},
		{
			part: PartDPoP, fatal: []Fault{WrongThumbprint},
			varies: []Fault{DPoPUnboundToken, DPoPNonceTwice, DPoPBadNonce}, harmless: []Fault{DPoPNonceOnEverything},
		},
	}
}

func laterFaultParts() []faultRow {
	return []faultRow{
		{
			part:     PartRefresh,
			fatal:    []Fault{RefreshFails, RefreshInvalidGrant, RefreshOtherSubject, RefreshOtherIssuer, RefreshOtherNonce},
			varies:   []Fault{RefreshMissingAuthTime},
			harmless: []Fault{RefreshFirstNonce, RefreshOldAuthTime, RefreshWithoutIDToken},
		},
		{
			part: PartIntrospection, fatal: []Fault{IntrospectionMissingActive, IntrospectionHTML},
			varies: []Fault{IntrospectionActiveString, IntrospectionNonStringScope},
		},
		{
			part: PartSignedIntrospection,
			fatal: []Fault{
				IntrospectionJSONInsteadOfJWT, IntrospectionWrongIssuer, IntrospectionWrongAudience, IntrospectionWrongTyp, IntrospectionNotObject,
			},
			varies: []Fault{IntrospectionMissingIat},
		},
		{part: PartRevocation, fatal: []Fault{RevocationUnsupportedTokenType, RevocationFails}},
		{
			part:  PartRegistration,
			fatal: []Fault{RegistrationWithoutClientID, RegistrationWithoutSecret, RegistrationSecretNotString},
			varies: []Fault{
				RegistrationExpiredSecret, RegistrationNegativeSecretExpiry, RegistrationOtherRedirectURI, RegistrationHTTPClientURI,
			},
			harmless: []Fault{RegistrationWith200, RegistrationChangedScope},
		},
		{
			part: PartLogoutToken,
			fatal: []Fault{
				LogoutMissingEvents, LogoutWrongEvents, LogoutWithNonce, LogoutMissingJTI, LogoutExpired, LogoutMissingIat,
				LogoutWithoutSubject, LogoutWrongIssuer, LogoutWrongAudience,
			},
			varies:   []Fault{LogoutReplay, LogoutWrongTyp, LogoutOld, LogoutMissingExp},
			harmless: []Fault{LogoutTypJWT, LogoutWithoutTyp, LogoutSidOnly, LogoutSubOnly},
		},
		{part: PartResource, fatal: []Fault{ResourceRejects}, varies: []Fault{ResourceRejectsOnce, ResourceExpiredOnce}},
		{
			part: PartResourceMetadata, fatal: []Fault{ResourceMetadataWrongResource},
			varies: []Fault{ResourceMetadataHTTPServer, ResourceMetadataWithoutServers},
		},
		{part: PartExchange, varies: []Fault{MissingIssuedTokenType}},
		{
			part:     PartDevice,
			fatal:    []Fault{MissingDeviceCode, MissingUserCode, ScriptVerificationURI, ScriptVerificationURIComplete},
			varies:   []Fault{GoogleVerificationURL, ControlCharacterInUserCode, MissingExpiresIn, ZeroInterval, NegativeInterval, HugeInterval},
			harmless: []Fault{NoInterval},
		},
		{part: PartBackchannel, fatal: []Fault{MissingAuthReqID}},
		{
			part: PartPoll, fatal: []Fault{PollExpired, PollDenied, PollInvalid},
			varies:   []Fault{PendingWith200, PendingWith403, PendingWith428, PendingWith429, PollFails, PollDropped},
			harmless: []Fault{SlowDown, SlowDownInterval},
		},
		{part: PartPing, fatal: []Fault{PingWrongToken, PingMissingToken, PingWrongID, PingMissingID}},
	}
}
