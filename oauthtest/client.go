package oauthtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Client is the registration of an OAuth client at the server. It has the members
// of RFC 7591 and OpenID Connect Dynamic Client Registration on which the server
// acts.
type Client struct {
	// ID is the client_id. It must be set.
	ID string

	// Secret is the client_secret. It is empty for a client without one.
	Secret string

	// AuthMethod is the token_endpoint_auth_method: none, client_secret_basic,
	// client_secret_post, client_secret_jwt, private_key_jwt, tls_client_auth or
	// self_signed_tls_client_auth. The server accepts no other method from the
	// client. If empty, it is client_secret_basic if there is a Secret, and none
	// otherwise.
	AuthMethod string

	// RedirectURIs are compared as strings, except that a registered
	// http://127.0.0.1 or http://[::1] matches any port (RFC 8252, Section 7.3).
	RedirectURIs []string

	// JWKS is the JWK Set with the client's public keys, for private_key_jwt,
	// request objects and encryption. The server encrypts to the first key whose
	// use is enc and whose type and, if it has one, alg are suitable. Such a key is
	// not used for anything else.
	JWKS []byte

	// CertificateSubject is the subject that tls_client_auth requires, in the form
	// of RFC 4514, for example "CN=bank". The certificate must come from
	// [Server.NewCertificate].
	CertificateSubject string

	// Certificate is the certificate that self_signed_tls_client_auth requires, in
	// DER: the first element of [tls.Certificate.Certificate].
	Certificate []byte

	// IDTokenAlg is the algorithm of the client's ID tokens. If empty, it is RS256
	// (the default of OpenID Connect) if the server supports it, and the first of
	// [Options.SigningAlgs] otherwise.
	IDTokenAlg string

	// IDTokenEncryptionAlg, if not empty, is the algorithm with which the server
	// encrypts the client's ID tokens and logout tokens, after signing them, to a
	// key in JWKS. It must be RSA-OAEP-256 or, for a key on P-256, ECDH-ES.
	// IDTokenEncryptionEnc must be A128GCM, A256GCM or A128CBC-HS256; if empty, it
	// is A128CBC-HS256 (OpenID Connect Dynamic Client Registration, Section 2). As
	// an id_token_hint or subject_token, the client must use the signed ID token
	// that was inside the encrypted one.
	IDTokenEncryptionAlg string
	IDTokenEncryptionEnc string

	// UserinfoAlg, if not empty, is the algorithm with which the userinfo endpoint
	// signs its response, which is then a JWT.
	UserinfoAlg string

	// UserinfoEncryptionAlg and UserinfoEncryptionEnc are like IDTokenEncryptionAlg
	// and IDTokenEncryptionEnc, for the responses of the userinfo endpoint.
	// UserinfoAlg must be set as well, because the server encrypts only signed
	// responses.
	UserinfoEncryptionAlg string
	UserinfoEncryptionEnc string

	// AuthorizationAlg is the algorithm of authorization responses that are JWTs
	// (JARM). If empty, it has the same default as IDTokenAlg.
	AuthorizationAlg string

	// AuthorizationEncryptionAlg and AuthorizationEncryptionEnc are like
	// IDTokenEncryptionAlg and IDTokenEncryptionEnc, for authorization responses
	// that are JWTs (JARM, Section 3).
	AuthorizationEncryptionAlg string
	AuthorizationEncryptionEnc string

	// RequestObjectAlg is the algorithm that the client's request objects must be
	// signed with. If empty, every algorithm that the server can verify is
	// accepted.
	RequestObjectAlg string

	// RequestObjectEncryptionAlg, if not empty, is the algorithm with which the
	// client must encrypt its request objects: RSA-OAEP-256 or ECDH-ES. The server
	// then publishes a key for it. If empty, request objects must not be encrypted.
	// RequestObjectEncryptionEnc must be A128GCM, A256GCM or A128CBC-HS256; if
	// empty, it is A128CBC-HS256 (OpenID Connect Dynamic Client Registration,
	// Section 2).
	RequestObjectEncryptionAlg string
	RequestObjectEncryptionEnc string

	// RequirePAR refuses authorization requests that were not pushed (RFC 9126,
	// Section 6).
	RequirePAR bool

	// RequireSignedRequest refuses authorization requests that are not in a request
	// object (RFC 9101, Section 10.5). This includes pushed requests.
	RequireSignedRequest bool

	// SHash adds s_hash, the hash of the state, to ID tokens in authorization
	// responses, as FAPI 1 Advanced, Section 5.2.2.1 requires.
	SHash bool

	// RequirePKCE refuses authorization requests without a code_challenge. A client
	// that does not authenticate must always send one (RFC 9700, Section 2.1.1).
	RequirePKCE bool

	// RefreshTokens issues a refresh token with every code. If false, the server
	// issues one only if the scope contains offline_access.
	RefreshTokens bool

	// IntrospectionAlg, if not empty, is the algorithm with which the introspection
	// endpoint signs its responses to this client, which are then always JWTs. If
	// empty, the response is a JWT if the Accept header requests one, and the
	// algorithm has the same default as IDTokenAlg (RFC 9701, Sections 4 and 6).
	IntrospectionAlg string

	// IntrospectionEncryptionAlg and IntrospectionEncryptionEnc are like
	// IDTokenEncryptionAlg and IDTokenEncryptionEnc, for the responses of the
	// introspection endpoint, which are then always JWTs (RFC 9701, Section 6).
	IntrospectionEncryptionAlg string
	IntrospectionEncryptionEnc string

	// PostLogoutRedirectURIs are compared as strings (OpenID Connect RP-Initiated
	// Logout 1.0, Section 3).
	PostLogoutRedirectURIs []string

	// BackchannelLogoutURI, if not empty, is the URL to which the server sends a
	// logout token when a session ends in which the client took part.
	BackchannelLogoutURI string

	// FrontchannelLogoutURI, if not empty, is the source of an iframe on the page
	// that the browser then gets. If FrontchannelLogoutSessionRequired is set, the
	// URL has the parameters iss and sid.
	FrontchannelLogoutURI             string
	FrontchannelLogoutSessionRequired bool

	// KeepRefreshToken does not replace a refresh token when it is used, and
	// responds without one, as Google does. If false, each use replaces the refresh
	// token.
	KeepRefreshToken bool

	// GrantTypes are the grant types that the client may use. The response types
	// with id_token require implicit among them. If empty, the client may use all
	// grant types.
	GrantTypes []string

	// DeliveryMode is the backchannel_token_delivery_mode of CIBA, poll or ping. If
	// empty, it is poll. In ping mode, the server notifies the client at its
	// NotificationEndpoint (the backchannel_client_notification_endpoint), which
	// must be set. It may be an http URL here.
	DeliveryMode         string
	NotificationEndpoint string

	// BackchannelRequestAlg is the algorithm that the client's backchannel
	// authentication requests must be signed with. If empty, they need not be
	// signed, and every algorithm that the server can verify is accepted.
	BackchannelRequestAlg string

	// RequireDPoP refuses token requests without a proof. It is the metadata member
	// dpop_bound_access_tokens (RFC 9449, Section 5.2).
	RequireDPoP bool

	// CertificateBound binds access tokens to the client certificate of the
	// request, if it has one and is sent to the listener that requests
	// certificates. It is the metadata member
	// tls_client_certificate_bound_access_tokens (RFC 8705, Section 3.4).
	CertificateBound bool

	keys []publicKey
	algs []string // that the client's keys are published for; some may be empty
}

// AddClient registers a client, or replaces the client with the same ID. It panics
// if the server cannot serve the client: for example, if it has no ID, an unknown
// authentication method or algorithm, JWKS that the server cannot parse, or no key
// to encrypt to.
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
		c.AuthMethod = s.defaultAuthMethod(&c)
	}
	if _, ok := authMethodByName(c.AuthMethod); !ok {
		return fmt.Errorf("unknown AuthMethod %q", c.AuthMethod)
	}
	if !subset(c.GrantTypes, grantTypeNames()) {
		return fmt.Errorf("unknown grant type in %q", c.GrantTypes)
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
	if s.preset.secret != nil && len(c.keys) == 0 {
		return errors.New("the provider needs the key in JWKS with which the client signs its secret")
	}
	c.KeepRefreshToken = c.KeepRefreshToken || s.preset.keepRefresh
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

// defaultAuthMethod is that of a client that names none.
func (s *Server) defaultAuthMethod(c *Client) string {
	switch {
	case s.preset.secret != nil:
		return "client_secret_post"
	case c.Secret != "":
		return "client_secret_basic"
	}
	return "none"
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
	// Subject is the sub claim. It is also the user's name in login_hint and on the
	// login page.
	Subject string

	// Claims are the user's claims in the ID token and at the userinfo endpoint. A
	// claim that OpenID Connect Core, Section 5.4 assigns to the scope profile,
	// email, address or phone is only included with that scope. Other claims are
	// always included. They cannot replace claims of the protocol, for example iss.
	Claims map[string]any

	// UserCode, if not empty, is the user_code that a backchannel authentication
	// request for the user must contain (CIBA, Section 7.1).
	UserCode string
}

// AddUser adds an account, or replaces the account with the same Subject. It panics
// if Subject is empty, or if Claims cannot be encoded to JSON.
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
