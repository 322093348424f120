package oauth

// This file implements security profiles: what FAPI and RFC 9700 forbid beyond OAuth 2.0
// and OpenID Connect, each rule with its section.

import "slices"

// A SecurityProfile is a set of rules that go beyond OAuth 2.0 and OpenID Connect. With
// a profile, [NewClient] and [NewResourceServer] refuse a configuration that the profile
// forbids, and every later call refuses such a request or response. The text of the
// error names the profile and the section. A setting that a profile fixes can be left out:
// for example, with [FAPI2SecurityProfile] requests are pushed and responses must have
// iss.
//
// A profile only adds checks. The zero value is none.
//
// A profile cannot look into a [ClientAuth] or a [Decrypter] of the program's own. Duties
// that only the program can meet, such as showing the right server to the user, remain.
type SecurityProfile uint8

const (
	// SecurityBCP is the best current practice of RFC 9700, on which OAuth 2.1 is based.
	// It forbids the settings whose names begin with InsecureNo and InsecureSkip.
	SecurityBCP SecurityProfile = iota + 1

	// FAPI1Advanced is the Financial-grade API Security Profile 1.0, Part 2: Advanced.
	// Tokens are bound to a client certificate, requests are signed, and responses are
	// JWTs (JARM), unless the ResponseType is "code id_token".
	FAPI1Advanced

	// FAPI2SecurityProfile is the FAPI 2.0 Security Profile. Requests are pushed,
	// responses have iss, and tokens are bound to a DPoP key or a client certificate.
	FAPI2SecurityProfile

	// FAPI2MessageSigning is FAPI 2.0 Message Signing. In addition to
	// FAPI2SecurityProfile, requests are signed, and authorization and introspection
	// responses are signed.
	FAPI2MessageSigning

	// FAPICIBA is the FAPI Client Initiated Backchannel Authentication Profile, on top
	// of FAPI 1.0. Authentication requests are signed, and tokens are bound to a client
	// certificate.
	FAPICIBA
)

// String returns the name of the specification. It is empty for the zero value.
func (p SecurityProfile) String() string {
	if int(p) < len(securityProfiles) {
		return securityProfiles[p].name
	}
	return "unknown"
}

// securityRules are what a profile asks for, each with the section that says so; "" for
// what it leaves open.
type securityRules struct {
	name string

	noWeakening   string // the settings InsecureNo… and InsecureSkip…
	onlyHTTPS     string // InsecureAllowHTTP
	algorithms    string // of everything that is signed: those of signs
	signs         []Algorithm
	assertionAuth string // private_key_jwt or a client certificate
	issuerAud     string // the audience of assertions
	bound         string // tokens are bound to a key or certificate …
	boundMTLS     string // … or to a certificate alone
	pushed        string // authorization requests
	iss           string // in responses that are not JWTs
	codeAlone     string // the response type
	signedRequest string
	jwtResponse   string // or, in FAPI 1, an ID token in it
	signedCIBA    string // backchannel authentication requests

	introspectionSigned string // of a resource server
	revocation          string // of a resource server: whether a token was revoked is asked
}

var (
	fapi1Signs = []Algorithm{PS256, ES256}
	fapi2Signs = []Algorithm{PS256, ES256, Ed25519, EdDSA}
)

var securityProfiles = [...]securityRules{
	SecurityBCP: {
		name:        "RFC 9700",
		noWeakening: "Section 2.1.1",
	},
	FAPI1Advanced: {
		name:          "FAPI 1.0 Advanced",
		noWeakening:   "Part 1, Section 5.2.3",
		onlyHTTPS:     "Section 8.5",
		algorithms:    "Section 8.6",
		signs:         fapi1Signs,
		assertionAuth: "Section 5.2.2, number 14",
		boundMTLS:     "Section 5.2.3, number 1",
		signedRequest: "Section 5.2.3, number 2",
		jwtResponse:   "Section 5.2.2, number 2",
		revocation:    "Section 6.2.1 with Part 1, Section 6.2.1, number 4",
	},
	FAPI2SecurityProfile: {
		name:          "FAPI 2.0 Security Profile",
		noWeakening:   "Section 5.3.3.2",
		onlyHTTPS:     "Section 5.2.1",
		algorithms:    "Section 5.4.1",
		signs:         fapi2Signs,
		assertionAuth: "Section 5.3.3.1, number 2",
		issuerAud:     "Section 5.3.3.1, number 5",
		bound:         "Section 5.3.3.1, number 1",
		pushed:        "Section 5.3.3.2, number 2",
		iss:           "Section 5.3.3.2, number 5",
		codeAlone:     "Section 5.3.3.2, number 1",
		revocation:    "Section 5.3.4, number 3",
	},
	FAPI2MessageSigning: {
		name:          "FAPI 2.0 Message Signing",
		noWeakening:   "Security Profile, Section 5.3.3.2",
		onlyHTTPS:     "Security Profile, Section 5.2.1",
		algorithms:    "Security Profile, Section 5.4.1",
		signs:         fapi2Signs,
		assertionAuth: "Security Profile, Section 5.3.3.1, number 2",
		issuerAud:     "Security Profile, Section 5.3.3.1, number 5",
		bound:         "Security Profile, Section 5.3.3.1, number 1",
		pushed:        "Security Profile, Section 5.3.3.2, number 2",
		codeAlone:     "Security Profile, Section 5.3.3.2, number 1",
		signedRequest: "Section 5.3.2",
		jwtResponse:   "Section 5.4.2",

		introspectionSigned: "Section 5.5",
		revocation:          "Security Profile, Section 5.3.4, number 3",
	},
	FAPICIBA: {
		name:          "FAPI-CIBA",
		noWeakening:   "FAPI 1.0, Part 1, Section 5.2.3",
		onlyHTTPS:     "FAPI 1.0 Advanced, Section 8.5",
		algorithms:    "Section 7.10",
		signs:         fapi1Signs,
		assertionAuth: "Section 5.2.2",
		boundMTLS:     "Section 5.2.3",
		signedRequest: "FAPI 1.0 Advanced, Section 5.2.3, number 2",
		jwtResponse:   "FAPI 1.0 Advanced, Section 5.2.2, number 2",
		signedCIBA:    "Section 5.2.3",
		revocation:    "FAPI 1.0, Part 1, Section 6.2.1, number 4",
	},
}

// rules are those of a profile; all of none are empty.
func (p SecurityProfile) rules() *securityRules { return &securityProfiles[p] }

// check wants a profile that there is.
func (p SecurityProfile) check() error {
	if int(p) >= len(securityProfiles) {
		return fail(ErrConfig, "SecurityProfile", "is not one of the constants of this package")
	}
	return nil
}

// forbids is the error of what a section of the profile forbids.
//
//go:noinline // see withOp
func (r *securityRules) forbids(kind error, section, param, what string) error {
	return fail(kind, param, "%s (%s, %s)", what, r.name, section)
}

// checkAlgorithm wants an algorithm of the profile.
func (r *securityRules) checkAlgorithm(param string, alg Algorithm) error {
	if r.algorithms == "" || alg == "" || slices.Contains(r.signs, alg) {
		return nil
	}
	return r.forbids(ErrAlgorithm, r.algorithms, param, printable(string(alg), 32)+" is not one of "+joinAlgorithms(r.signs))
}

// narrow leaves the algorithms of the profile in a list. Where none is left, the server
// cannot keep to the profile.
func (r *securityRules) narrow(param string, list []Algorithm) ([]Algorithm, error) {
	if r.algorithms == "" {
		return list, nil
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(a Algorithm) bool { return !slices.Contains(r.signs, a) })
	if len(kept) == 0 {
		return nil, r.forbids(ErrUnsupported, r.algorithms, param, "has none of "+joinAlgorithms(r.signs)+", but "+joinAlgorithms(list))
	}
	return kept, nil
}

// allowed is allowedAlgorithms within the profile. Where neither client nor server say
// which, they are all of the profile.
func (r *securityRules) allowed(param string, configured Algorithm, listParam string, list []Algorithm, fallback Algorithm) ([]Algorithm, error) {
	if list == nil {
		list = r.signs
	}
	if err := r.checkAlgorithm(param, configured); err != nil {
		return nil, err
	}
	usable, err := allowedAlgorithms(param, configured, listParam, list, fallback)
	if err != nil {
		return nil, err
	}
	return r.narrow(listParam, usable)
}

// weakens refuses a setting that takes a check away.
func (r *securityRules) weakens(set bool, param string) error {
	if r.noWeakening == "" || !set {
		return nil
	}
	return r.forbids(ErrConfig, r.noWeakening, param, "is set, and takes a check away")
}

// A profiledClient is what the rules of a client are held against.
type profiledClient struct {
	server      *AuthorizationServer
	meta        *ClientMetadata
	auth        ClientAuth
	dpop        *DPoP
	certificate bool // there is a client certificate, as far as can be seen
	requestKey  *SigningKey
	tokenTypes  []string
	insecure    bool    // http is allowed
	keys        *KeySet // nil: the package makes it
}

// judge is the part of the rules that needs no request.
func (r *securityRules) judge(c *profiledClient) error {
	for _, rule := range [...]func(*securityRules, *profiledClient) error{
		(*securityRules).judgeAlgorithms, (*securityRules).judgeAuth, (*securityRules).judgeBinding, (*securityRules).judgeRequests,
	} {
		if err := rule(r, c); err != nil {
			return err
		}
	}
	if r.onlyHTTPS != "" && c.insecure {
		return r.forbids(ErrConfig, r.onlyHTTPS, "InsecureAllowHTTP", "is set")
	}
	return r.judgeKeys("KeySet", c.keys)
}

// judgeKeys looks at a KeySet that the program has made itself.
func (r *securityRules) judgeKeys(param string, keys *KeySet) error {
	if r.onlyHTTPS != "" && keys.allowsHTTP() {
		return r.forbids(ErrConfig, r.onlyHTTPS, param, "InsecureAllowHTTP of the KeySet is set")
	}
	return nil
}

func (r *securityRules) judgeAlgorithms(c *profiledClient) error {
	for _, a := range [...]struct {
		param string
		alg   Algorithm
	}{
		{"Metadata.UserinfoSignedResponseAlg", c.meta.UserinfoSignedResponseAlg},
		{"Metadata.AuthorizationSignedResponseAlg", c.meta.AuthorizationSignedResponseAlg},
		{"Metadata.IntrospectionSignedResponseAlg", c.meta.IntrospectionSignedResponseAlg},
		{"RequestKey", c.requestKey.Algorithm()},
		{"DPoP", c.dpop.algorithm()},
		{"Auth", assertionAlgorithm(c.auth)},
	} {
		if a.alg == plainJSON { // it is not signed, and comes over TLS
			continue
		}
		if err := r.checkAlgorithm(a.param, a.alg); err != nil {
			return err
		}
	}
	return nil
}

func (r *securityRules) judgeAuth(c *profiledClient) error {
	if r.assertionAuth != "" {
		if method := weakAuth(c.auth); method != "" {
			return r.forbids(ErrConfig, r.assertionAuth, "Auth", "is "+method+": use PrivateKeyJWT or TLSClientAuth")
		}
	}
	if a, ok := c.auth.(*jwtAuth); ok && r.issuerAud != "" && a.audience != IssuerAudience {
		return r.forbids(ErrConfig, r.issuerAud, "Auth", "AssertionOptions.Audience is not IssuerAudience")
	}
	return nil
}

func (r *securityRules) judgeBinding(c *profiledClient) error {
	certified := c.certificate && (c.meta.TLSClientCertificateBoundAccessTokens || c.server.TLSClientCertificateBoundAccessTokens)
	switch {
	case c.auth == nil:
		return nil
	case r.boundMTLS != "" && !certified:
		return r.forbids(ErrConfig, r.boundMTLS, "MTLS", "tokens have to be bound to a client certificate: set Config.MTLS, for a server whose metadata have tls_client_certificate_bound_access_tokens or a client that is registered with it")
	case r.bound != "" && c.dpop == nil && !certified:
		return r.forbids(ErrConfig, r.bound, "DPoP", "tokens have to be bound to a key: set Config.DPoP, or Config.MTLS for a server whose metadata have tls_client_certificate_bound_access_tokens")
	case r.bound != "" && c.dpop != nil && len(c.tokenTypes) > 0:
		return r.forbids(ErrConfig, r.bound, "AllowTokenTypes", "is set: such tokens are presented as Bearer tokens, and are not bound to the key")
	}
	return nil
}

func (r *securityRules) judgeRequests(c *profiledClient) error {
	asks := c.auth != nil && c.server.AuthorizationEndpoint != ""
	switch {
	case asks && r.pushed != "" && c.server.PushedAuthorizationRequestEndpoint == "":
		return r.forbids(ErrUnsupported, r.pushed, "pushed_authorization_request_endpoint", "the server's metadata has none, and requests have to be pushed")
	case asks && r.iss != "" && !c.server.AuthorizationResponseIssParameterSupported:
		return r.forbids(ErrUnsupported, r.iss, "authorization_response_iss_parameter_supported", "the server's metadata does not say so, and responses have to have iss")
	case asks && r.signedRequest != "" && c.requestKey == nil:
		return r.forbids(ErrConfig, r.signedRequest, "RequestKey", "is nil, and requests have to be signed")
	case c.auth != nil && r.signedCIBA != "" && c.requestKey == nil:
		return r.forbids(ErrConfig, r.signedCIBA, "RequestKey", "is nil, and requests have to be signed")
	}
	return nil
}

// judgeResponse is the part of the rules about what comes back to the redirect URI.
func (r *securityRules) judgeResponse(responseType string, jwt bool) error {
	switch {
	case r.codeAlone != "" && responseType != "code":
		return r.forbids(ErrConfig, r.codeAlone, "ResponseType", printable(responseType, 64)+" is not code")
	case r.jwtResponse != "" && responseType != "code" && responseType != "code id_token":
		return r.forbids(ErrConfig, r.jwtResponse, "ResponseType", printable(responseType, 64)+" is not code or code id_token")
	case r.jwtResponse != "" && !jwt && responseType != "code id_token":
		return r.forbids(ErrConfig, r.jwtResponse, "ResponseMode", "responses have to be JWTs (JARM): leave it empty, or choose jwt, query.jwt, form_post.jwt or fragment.jwt")
	}
	return nil
}

// weakAuth names an authentication method of the package that is neither an assertion by
// a private key nor a certificate; "" for those, for one of the program's own, and for
// none.
func weakAuth(auth ClientAuth) string {
	switch a := auth.(type) {
	case noAuth:
		return "PublicClient"
	case secretAuth, secretFunc:
		return "a client secret"
	case *jwtAuth:
		if findHMAC(a.alg) != nil {
			return "ClientSecretJWT"
		}
	case *attestationAuth:
		return "an attestation"
	}
	return ""
}

// assertionAlgorithm is that of the assertions that authenticate; "" for another method.
func assertionAlgorithm(auth ClientAuth) Algorithm {
	if a, ok := auth.(*jwtAuth); ok && findHMAC(a.alg) == nil {
		return a.alg
	}
	return ""
}

// verifiable are the algorithms of a list, by default all that are verified and that
// the profile allows.
func verifiable(param string, list []Algorithm, rules *securityRules) ([]Algorithm, error) {
	if list == nil {
		for _, a := range usableAlgorithms() {
			list = append(list, a.name)
		}
		return rules.narrow(param, list)
	}
	if len(list) == 0 {
		return nil, fail(ErrAlgorithm, param, "is empty: leave it nil for all that the package verifies")
	}
	for _, name := range list {
		if _, err := signatureAlgorithm(param, name); err != nil {
			return nil, err
		}
	}
	return slices.Clone(list), nil
}
