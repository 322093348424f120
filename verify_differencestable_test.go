package oauth

// The differences between the package and oauthtest, each with the section that allows it.

// jwtDifferences are those of every kind of JWT.
var jwtDifferences = []jwtDifference{
	{"oauth", []string{"header b64: true", "header b64: false", `header zip: "DEF"`},
		"RFC 7515, Section 4: what is not understood is ignored. b64 is refused, as RFC 7797, Section 6 wants it in crit, and zip, which is of JWE"},
	{"oauth", []string{"header kid: 1", "header kid: null"}, "RFC 7515, Section 4.1.4: the value MUST be a string; oauthtest reads none"},
	{"oauth", []string{"text: bytes that are no UTF-8", "text: bytes in the header that are no UTF-8"},
		"RFC 8259, Section 8.1: MUST be UTF-8; encoding/json replaces what is not"},
	{"oauth", []string{"text: half an emoji in the header"}, "RFC 8259, Section 8.2: what software does with it is unpredictable, and no header needs it"},
	{"oauth", []string{"*: twice, different"}, "RFC 7519, Section 4: MUST reject duplicates, or return only the last"},
}

// headerDifferences are those where the text of the header is the sender's.
var headerDifferences = []jwtDifference{
	{"oauth", []string{"text: alg twice in the header, different", "text: typ twice in the header, different", "text: a member twice in the header"},
		"RFC 7515, Section 4: MUST reject duplicates, or return only the last"},
}

const (
	noLeeway    = "RFC 7519, Section 4.1.4: a leeway is allowed, and the package has one of 30 s"
	before1970  = "RFC 7519, Section 2: a number; no JWT is from before 1970, and oauthtest takes no negative one"
	nbfLeeway   = "RFC 7519, Section 4.1.5: a leeway is allowed; that of oauthtest is a minute, that of the package 30 s"
	iatAhead    = "RFC 7519, Section 4.1.6 has no rule about an iat that is ahead; the package refuses it from 10 min on, oauthtest from 1 min on"
	oneAudience = "RFC 7519, Section 4.1.3 has arrays; one with a single string can be replayed at no other server, which is what oauthtest wants"
	jtiOnce     = "RFC 7519, Section 4.1.7: optional; oauthtest wants it to refuse replays, and VerifyJWT remembers nothing"
	noTyp       = "RFC 7515, Section 4.1.9: typ is a string; oauthtest reads none"
	depth       = "RFC 8259, Section 9: limits of depth are allowed; that of the package is 32"
	memberTwice = "RFC 8259, Section 4: names SHOULD be unique; a parser that keeps one of two is unpredictable"
)

func expLeeway() []string {
	return []string{"exp: now+0s", "exp: now-1s", "exp: now-29s", "exp: now with an exponent", "exp: now with another exponent", "exp: now, 20 digits"}
}

func negativeTimes(claims ...string) (names []string) {
	for _, claim := range claims {
		for _, what := range []string{": -2^53", ": 292 years before", ": before year 1", ": minus one"} {
			names = append(names, claim+what)
		}
	}
	return names
}

func minuteAhead() []string {
	return []string{"nbf: now+30.5s", "nbf: now+31s", "nbf: now+59s", "nbf: now+59.5s", "nbf: now+60s"}
}

func tenMinutesAhead() []string {
	return []string{"iat: now+60.000001s", "iat: now+60.5s", "iat: now+61s", "iat: now+599s", "iat: now+600s"}
}

func audienceLists() []string {
	return []string{"aud: in an array", "aud: in an array of two", "aud: in an array twice"}
}

func noJTI() []string {
	return []string{"jti: missing", "jti: null", "jti: a number", "jti: an array", "jti: empty"}
}

var assertionDifferences = []jwtDifference{
	{"oauthtest", expLeeway(), noLeeway},
	{"oauthtest", negativeTimes("nbf", "iat"), before1970},
	{"oauth", minuteAhead(), nbfLeeway},
	{"oauthtest", tenMinutesAhead(), iatAhead},
	{"oauthtest", audienceLists(), oneAudience},
	{"oauthtest", noJTI(), jtiOnce},
	{"oauthtest", []string{"sub: *"}, "RFC 7523, Section 3, point 2: the client_id; VerifyJWT is for any subject"},
	{"oauth", []string{"header typ: null", "header typ: a number", "header typ: an array"}, noTyp},
	{"oauth", []string{"text: a claim that is 40 deep"}, depth},
	{"oauth", []string{"text: a claim with a member twice"}, memberTwice},
}

var requestObjectDifferences = []jwtDifference{
	{"oauthtest", expLeeway(), noLeeway},
	{"oauthtest", negativeTimes("nbf", "iat"), before1970},
	{"oauth", minuteAhead(), nbfLeeway},
	{"oauthtest", tenMinutesAhead(), iatAhead},
	{"oauthtest", audienceLists(), oneAudience},
	{"oauthtest", noJTI(), jtiOnce},
	{"oauthtest", []string{
		"exp: 292 years on", "exp: 2^31", "exp: 2^53", "exp: 2^53+1", "exp: in milliseconds", "nbf: now-3600s", "nbf: zero", "nbf: minus zero", "nbf: 1e-300",
	}, "FAPI 1.0 Advanced, Section 5.2.2: a lifetime of 60 minutes; VerifyJWT is for any"},
	{"oauthtest", []string{"nbf: missing", "nbf: in upper case alone", "iat: missing", "iat: in upper case alone"},
		"FAPI 1.0 Advanced, Section 5.2.2: nbf is required; RFC 7519, Section 4.1: all are optional"},
	{"oauthtest", []string{"header typ: with application/", "header typ: with APPLICATION/"}, "RFC 7515, Section 4.1.9: the prefix SHOULD be left out"},
	{"oauthtest", []string{"text: a claim more", "text: a claim of 100 members"}, "RFC 9101, Section 4: parameters are strings, but for those that are JSON"},
}

var idTokenDifferences = []jwtDifference{
	{"oauthtest", expLeeway(), noLeeway},
	{"oauthtest", negativeTimes("nbf", "iat"), before1970},
	{"oauth", minuteAhead(), nbfLeeway},
	{"oauthtest", tenMinutesAhead(), iatAhead},
	{"oauth", []string{"header typ: null", "header typ: a number", "header typ: an array"}, noTyp},
	{"oauth", []string{"text: a claim that is 40 deep"}, depth},
	{"oauth", []string{"text: a claim with a member twice"}, memberTwice},
	{"oauthtest", []string{"nbf: null"}, "RFC 7519, Section 4.1.5: a number; null members of ID tokens count as absent, since servers write them"},
	{"oauthtest", []string{"*: 1e999"}, "RFC 8259, Section 6: the range of numbers may be limited; no check of the package depends on this one"},
	{"oauth", []string{
		"auth_time: 292 years on", "auth_time: 2^31", "auth_time: 2^53", "auth_time: 2^53+1", "auth_time: in milliseconds",
		"auth_time: now+600.5s", "auth_time: now+601s", "auth_time: now+3000s",
	}, "OpenID Connect Core, Section 2: when the authentication occurred; in an exchange (RFC 8693) it is passed on"},
	{"oauth", []string{"aud: *"}, "OpenID Connect Core, Section 3.1.3.7, step 3; RFC 8693 has no such rule for an exchange"},
	{"oauthtest", []string{"sub: *"}, "the server knows its users, the client takes every subject (OpenID Connect Core, Section 2)"},
	{"oauth", []string{"iat: missing", "iat: in upper case alone"}, "OpenID Connect Core, Section 2: REQUIRED; RFC 7519, Section 4.1.6: optional"},
	{"oauth", []string{"header typ: secevent+jwt"}, "RFC 8417, Section 4.1: not to be confused with an ID token"},
	{"oauth", []string{`header kid: ""`, `header kid: "other"`}, "RFC 7515, Section 4.1.4: a hint; the server knows its key by the algorithm"},
}

var proofDifferences = []jwtDifference{
	{"oauthtest", []string{"header typ: in other case", "header typ: with application/", "header typ: with APPLICATION/"},
		"RFC 9449, Section 4.3, point 4: dpop+jwt; RFC 7515, Section 4.1.9: media types have no case, and the prefix may be there"},
	{"oauth", []string{"*: twice, the same"}, "RFC 7519, Section 4: MUST reject duplicates, or return only the last"},
	{"oauth", []string{"text: half an emoji elsewhere", "jti: half an emoji"},
		"RFC 8259, Section 8.2: unpredictable; two of them are one replacement character to encoding/json"},
	{"oauth", []string{"text: a claim that is 40 deep"}, depth},
	{"oauth", []string{"text: a claim of 100 members"}, "RFC 8259, Section 9: a proof has at most 64 members, because anybody can send one"},
	{"oauth", []string{"text: a claim with a member twice"}, memberTwice},
	{"oauthtest", []string{"text: a claim of 10 kB"}, "RFC 9449 has no size; the package takes 16 KiB, for the keys of ML-DSA, oauthtest 8"},
	{"oauthtest", []string{"htu: with a query", "htu: with an empty query", "htu: with a fragment"},
		"RFC 9449, Section 4.3, point 9 ignores them; Section 4.2 leaves them out, to which oauthtest holds clients"},
	{"oauth", []string{"jwk: key_ops [sign]", "jwk: use enc", "jwk: alg x", "jwk: alg RS512"},
		"RFC 7517, Sections 4.2 to 4.4: a key is for what it says, if it says it"},
	{"oauth", []string{"jwk: a member twice"}, "RFC 7517, Section 4: MUST reject duplicates, or return only the last"},
	{"oauth", []string{"nonce: a number", "nonce: null"},
		"RFC 9449, Section 4.2: the nonce that the server provided, which is a string; oauthtest wants none here, and looks past it"},
	{"oauth", []string{"exp: *", "nbf: *"}, "RFC 7519, Sections 4.1.4 and 4.1.5: MUST NOT be accepted; RFC 9449, Section 4.3 names iat alone"},
}
