package oauthtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Client is the registration of an OAuth client at the server, with the
// members of RFC 7591 and OpenID Connect Dynamic Client Registration that the
// server acts on.
type Client struct {
	// ID is the client_id. Required.
	ID string

	// Secret is the client_secret, empty for a client without one.
	Secret string

	// AuthMethod is the token_endpoint_auth_method, the only one with which
	// the client is then authenticated: none, client_secret_basic,
	// client_secret_post, client_secret_jwt, private_key_jwt, tls_client_auth
	// or self_signed_tls_client_auth. Empty means client_secret_basic with a
	// Secret and none without.
	AuthMethod string

	// RedirectURIs are compared as strings, except that a registered
	// http://127.0.0.1 or http://[::1] goes with any port (RFC 8252,
	// Section 7.3).
	RedirectURIs []string

	// JWKS is the JWK Set with the client's public keys, for private_key_jwt
	// and request objects, and to encrypt to. The server encrypts to the first key
	// whose use is enc and whose type, and alg if it has one, fit; such a key is
	// for nothing else.
	JWKS []byte

	// CertificateSubject is the subject that tls_client_auth expects, in the
	// form of RFC 4514, such as "CN=bank". The certificate must come from
	// [Server.NewCertificate].
	CertificateSubject string

	// Certificate is the certificate in DER that self_signed_tls_client_auth
	// expects, which is the first of [tls.Certificate.Certificate].
	Certificate []byte

	// IDTokenAlg is the algorithm of the client's ID tokens. Empty means RS256
	// (the default of OpenID Connect) where the server has it, else the first
	// of [Options.SigningAlgs].
	IDTokenAlg string

	// IDTokenEncryptionAlg, if not empty, makes the server encrypt the client's ID
	// tokens and logout tokens, after it has signed them, to a key in the JWKS:
	// RSA-OAEP-256 or, to a key on P-256, ECDH-ES. IDTokenEncryptionEnc is A128GCM,
	// A256GCM or A128CBC-HS256, which empty means too (OpenID Connect Dynamic Client
	// Registration, Section 2). An id_token_hint or subject_token is the signed ID
	// token that was in the encrypted one.
	IDTokenEncryptionAlg string
	IDTokenEncryptionEnc string

	// UserinfoAlg, if not empty, makes the userinfo endpoint answer with a JWT
	// signed with that algorithm.
	UserinfoAlg string

	// UserinfoEncryptionAlg and UserinfoEncryptionEnc are the same for what the
	// userinfo endpoint answers. They need a UserinfoAlg: the server encrypts only
	// what it has signed.
	UserinfoEncryptionAlg string
	UserinfoEncryptionEnc string

	// AuthorizationAlg is the algorithm of the authorization responses that are
	// JWTs (JARM). Empty means what it means for IDTokenAlg.
	AuthorizationAlg string

	// AuthorizationEncryptionAlg and AuthorizationEncryptionEnc are the same as for
	// ID tokens for those authorization responses (JARM, Section 3).
	AuthorizationEncryptionAlg string
	AuthorizationEncryptionEnc string

	// RequestObjectAlg is the one algorithm of the client's request objects.
	// Empty means any that the server can verify.
	RequestObjectAlg string

	// RequestObjectEncryptionAlg, if not empty, is how the client has to encrypt
	// its request objects: RSA-OAEP-256 or ECDH-ES, for which the server then
	// publishes a key. Empty means that they are not encrypted.
	// RequestObjectEncryptionEnc is A128GCM, A256GCM or A128CBC-HS256, which
	// empty means too (OpenID Connect Dynamic Client Registration, Section 2).
	RequestObjectEncryptionAlg string
	RequestObjectEncryptionEnc string

	// RequirePAR refuses authorization requests that were not pushed
	// (RFC 9126, Section 6).
	RequirePAR bool

	// RequireSignedRequest refuses authorization requests, pushed ones too, that
	// are not in a request object (RFC 9101, Section 10.5).
	RequireSignedRequest bool

	// SHash puts s_hash, the hash of the state, into ID tokens of authorization
	// responses, as FAPI 1 Advanced, Section 5.2.2.1 requires.
	SHash bool

	// RequirePKCE refuses authorization requests without a code_challenge.
	// Those of a client without authentication always need one (RFC 9700,
	// Section 2.1.1).
	RequirePKCE bool

	// RefreshTokens issues a refresh token with every code. The zero value
	// issues one where the scope has offline_access.
	RefreshTokens bool

	// IntrospectionAlg, if not empty, makes the introspection endpoint always
	// answer this client with a JWT signed with that algorithm. Empty means a JWT
	// where the Accept header asks for one, with what empty means for IDTokenAlg
	// (RFC 9701, Sections 4 and 6).
	IntrospectionAlg string

	// IntrospectionEncryptionAlg and IntrospectionEncryptionEnc are the same as for
	// ID tokens for what the introspection endpoint answers, which is then always a
	// JWT (RFC 9701, Section 6).
	IntrospectionEncryptionAlg string
	IntrospectionEncryptionEnc string

	// PostLogoutRedirectURIs are compared as strings (OpenID Connect RP-Initiated
	// Logout 1.0, Section 3).
	PostLogoutRedirectURIs []string

	// BackchannelLogoutURI, if not empty, is where the server sends a logout
	// token when a session ends in which the client took part.
	BackchannelLogoutURI string

	// FrontchannelLogoutURI, if not empty, is the source of an iframe on the page
	// that the browser then gets. With FrontchannelLogoutSessionRequired it has
	// the parameters iss and sid.
	FrontchannelLogoutURI             string
	FrontchannelLogoutSessionRequired bool

	// KeepRefreshToken leaves a refresh token as it is when it is used, and
	// answers without one, as Google does. The zero value replaces it each time.
	KeepRefreshToken bool

	// GrantTypes are the grant types that the client may use, implicit for
	// response types with id_token among them. Empty means all.
	GrantTypes []string

	// DeliveryMode is the backchannel_token_delivery_mode of CIBA, poll or ping.
	// Empty means poll. In ping mode the client is notified at its
	// NotificationEndpoint, the backchannel_client_notification_endpoint, which
	// may be an http URL here.
	DeliveryMode         string
	NotificationEndpoint string

	// BackchannelRequestAlg is the one algorithm of the client's backchannel
	// authentication requests, which then have to be signed. Empty means that
	// they need not be, and any algorithm that the server can verify.
	BackchannelRequestAlg string

	// RequireDPoP is dpop_bound_access_tokens (RFC 9449, Section 5.2): token
	// requests without a proof are refused.
	RequireDPoP bool

	// CertificateBound is tls_client_certificate_bound_access_tokens (RFC 8705,
	// Section 3.4): access tokens are bound to the certificate of the request, if
	// it comes with one to the listener that asks for it.
	CertificateBound bool

	keys []publicKey
	algs []string // that the client's keys are published for; some may be empty
}

// AddClient registers a client, or replaces the one with the same ID. It
// panics if the server could not serve it: without ID, with an unknown
// authentication method or algorithm, with a JWKS that it cannot read, or without
// a key to encrypt to.
func (s *Server) AddClient(c Client) {
	if err := s.addClient(c); err != nil {
		panic(fmt.Sprintf("oauthtest: client %q: %v", c.ID, err))
	}
}

// addClient is AddClient for metadata that came over the network.
func (s *Server) addClient(c Client) error {
	if c.ID == "" {
		return errors.New("no ID")
	}
	if c.AuthMethod == "" {
		c.AuthMethod = "none"
		if c.Secret != "" {
			c.AuthMethod = "client_secret_basic"
		}
	}
	if _, ok := authMethodByName(c.AuthMethod); !ok {
		return fmt.Errorf("unknown AuthMethod %q", c.AuthMethod)
	}
	for _, grant := range c.GrantTypes {
		if !slices.Contains(grantTypeNames(), grant) {
			return fmt.Errorf("unknown grant type %q", grant)
		}
	}
	if c.DeliveryMode == "" {
		c.DeliveryMode = "poll"
	}
	if !slices.Contains(deliveryModes, c.DeliveryMode) {
		return fmt.Errorf("unknown DeliveryMode %q", c.DeliveryMode)
	}
	if c.DeliveryMode == "ping" && c.NotificationEndpoint == "" {
		return errors.New("ping without NotificationEndpoint")
	}
	if _, ok := algorithmByName(c.BackchannelRequestAlg); !ok && c.BackchannelRequestAlg != "" {
		return fmt.Errorf("unknown BackchannelRequestAlg %q", c.BackchannelRequestAlg)
	}
	if c.IDTokenAlg == "" {
		c.IDTokenAlg = s.defaultAlg()
	}
	named := []string{c.IDTokenAlg, c.UserinfoAlg, c.AuthorizationAlg, c.IntrospectionAlg}
	if c.AuthorizationAlg == "" {
		c.AuthorizationAlg = s.defaultAlg()
	}
	if _, ok := algorithmByName(c.RequestObjectAlg); !ok && c.RequestObjectAlg != "" {
		return fmt.Errorf("unknown RequestObjectAlg %q", c.RequestObjectAlg)
	}
	if err := c.checkLogout(); err != nil {
		return err
	}
	for _, alg := range named {
		if alg != "" && !slices.Contains(s.opts.SigningAlgs, alg) {
			return fmt.Errorf("algorithm %q is not in Options.SigningAlgs", alg)
		}
	}
	if len(c.JWKS) > 0 {
		keys, err := parseJWKS(c.JWKS)
		if err != nil {
			return fmt.Errorf("JWKS: %w", err)
		}
		c.keys = keys
	}
	if err := c.checkEncryption(); err != nil {
		return err
	}
	c.algs = named
	c.JWKS = bytes.Clone(c.JWKS)
	c.Certificate = bytes.Clone(c.Certificate)
	c.RedirectURIs = slices.Clone(c.RedirectURIs)
	c.PostLogoutRedirectURIs = slices.Clone(c.PostLogoutRedirectURIs)
	c.GrantTypes = slices.Clone(c.GrantTypes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c.ID] = &c
	return nil
}

func (s *Server) clientByID(id string) *Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients[id]
}

// defaultAlg is RS256, the default of OpenID Connect Dynamic Client
// Registration, Section 2, where the server has it.
func (s *Server) defaultAlg() string {
	if slices.Contains(s.opts.SigningAlgs, "RS256") {
		return "RS256"
	}
	return s.opts.SigningAlgs[0]
}

// A User is an account at the server.
type User struct {
	// Subject is the sub claim, and the name that login_hint and the login
	// page take.
	Subject string

	// Claims are the user's claims in the ID token and at the userinfo
	// endpoint. Those that OpenID Connect Core, Section 5.4 puts under the
	// scopes profile, email, address or phone appear with that scope only,
	// others always. They cannot override the protocol's own, such as iss.
	Claims map[string]any

	// UserCode, if not empty, is the user_code that a backchannel authentication
	// request for the user needs (CIBA, Section 7.1).
	UserCode string
}

// AddUser adds an account, or replaces the one with the same Subject. It
// panics without a Subject, or if the claims are not JSON.
func (s *Server) AddUser(u User) {
	if u.Subject == "" {
		panic("oauthtest: AddUser: no Subject")
	}
	if _, err := json.Marshal(u.Claims); err != nil {
		panic(fmt.Sprintf("oauthtest: AddUser: %v", err))
	}
	u.Claims = maps.Clone(u.Claims)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[u.Subject] = u
}

// scopeOf is the table of OpenID Connect Core, Section 5.4: the claim and the
// scope that it needs.
func scopeOf(claim string) string {
	for _, row := range [...]struct {
		scope  string
		claims []string
	}{
		{"profile", []string{"name", "family_name", "given_name", "middle_name", "nickname",
			"preferred_username", "profile", "picture", "website", "gender", "birthdate",
			"zoneinfo", "locale", "updated_at"}},
		{"email", []string{"email", "email_verified"}},
		{"address", []string{"address"}},
		{"phone", []string{"phone_number", "phone_number_verified"}},
	} {
		if slices.Contains(row.claims, claim) {
			return row.scope
		}
	}
	return ""
}

// userClaims returns the claims of a user that the scope shows, sub included,
// in a map of its own.
func (s *Server) userClaims(subject string, scope []string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	claims := map[string]any{}
	for name, value := range s.users[subject].Claims {
		if need := scopeOf(name); need == "" || slices.Contains(scope, need) {
			claims[name] = value
		}
	}
	claims["sub"] = subject
	return claims
}
