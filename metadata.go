package oauth

// This file implements metadata: that of an authorization server (RFC 8414,
// OpenID Connect Discovery 1.0), of a client (RFC 7591, OpenID Connect
// Registration 1.0), discovery, and which endpoint a request goes to.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// AuthorizationServer is the metadata of an authorization server, which OpenID
// Connect calls a provider (RFC 8414, OpenID Connect Discovery 1.0). The fields
// have the names of the IANA registry "OAuth Authorization Server Metadata" in Go
// spelling. Encoding to JSON and decoding loses nothing: unknown members are kept
// in Extra. Decoding is strict. It requires exact names without duplicates, and the
// types of the registry. A null member counts as absent, except for a list of
// algorithms. A member on which nothing in this package depends, which has the tag
// "informs", is kept in Extra if it has another type.
//
// An endpoint is checked when it is used.
//
// WARNING: URLs that are only for information are not checked. A malicious server
// can send any URL there, for example a javascript: URL. A program must check such
// a URL before it shows it or links to it. In AuthorizationServer, these are
// OPPolicyURI, OPTOSURI, ServiceDocumentation and CheckSessionIframe; in
// ClientMetadata, LogoURI and others; in ResourceMetadata, ResourceDocumentation
// and others.
type AuthorizationServer struct {
	Issuer                string `json:"issuer,omitzero"` // compared byte for byte with iss
	AuthorizationEndpoint string `json:"authorization_endpoint,omitzero"`
	TokenEndpoint         string `json:"token_endpoint,omitzero"`
	JWKSURI               string `json:"jwks_uri,omitzero"`
	UserinfoEndpoint      string `json:"userinfo_endpoint,omitzero"`
	RegistrationEndpoint  string `json:"registration_endpoint,omitzero"`
	RevocationEndpoint    string `json:"revocation_endpoint,omitzero"`
	IntrospectionEndpoint string `json:"introspection_endpoint,omitzero"`
	EndSessionEndpoint    string `json:"end_session_endpoint,omitzero"`
	CheckSessionIframe    string `json:"check_session_iframe,omitzero" member:"informs"`

	DeviceAuthorizationEndpoint        string `json:"device_authorization_endpoint,omitzero"`
	PushedAuthorizationRequestEndpoint string `json:"pushed_authorization_request_endpoint,omitzero"`
	BackchannelAuthenticationEndpoint  string `json:"backchannel_authentication_endpoint,omitzero"`
	ChallengeEndpoint                  string `json:"challenge_endpoint,omitzero"` // from the draft that AttestJWTClientAuth implements

	MTLSEndpointAliases *MTLSEndpointAliases `json:"mtls_endpoint_aliases,omitzero"` // RFC 8705, Section 5

	ScopesSupported        []string `json:"scopes_supported,omitzero" member:"informs"`
	ResponseTypesSupported []string `json:"response_types_supported,omitzero" member:"informs"`
	ResponseModesSupported []string `json:"response_modes_supported,omitzero" member:"informs"`
	GrantTypesSupported    []string `json:"grant_types_supported,omitzero" member:"informs"`
	ACRValuesSupported     []string `json:"acr_values_supported,omitzero" member:"informs"`
	SubjectTypesSupported  []string `json:"subject_types_supported,omitzero" member:"informs"`
	DisplayValuesSupported []string `json:"display_values_supported,omitzero" member:"informs"`
	PromptValuesSupported  []string `json:"prompt_values_supported,omitzero" member:"informs"`
	ClaimTypesSupported    []string `json:"claim_types_supported,omitzero" member:"informs"`
	ClaimsSupported        []string `json:"claims_supported,omitzero" member:"informs"`
	ClaimsLocalesSupported []string `json:"claims_locales_supported,omitzero" member:"informs"`
	UILocalesSupported     []string `json:"ui_locales_supported,omitzero" member:"informs"`

	CodeChallengeMethodsSupported             []string `json:"code_challenge_methods_supported,omitzero" member:"informs"`
	AuthorizationDetailsTypesSupported        []string `json:"authorization_details_types_supported,omitzero" member:"informs"`
	BackchannelTokenDeliveryModesSupported    []string `json:"backchannel_token_delivery_modes_supported,omitzero" member:"informs"`
	TokenEndpointAuthMethodsSupported         []string `json:"token_endpoint_auth_methods_supported,omitzero" member:"informs"`
	RevocationEndpointAuthMethodsSupported    []string `json:"revocation_endpoint_auth_methods_supported,omitzero" member:"informs"`
	IntrospectionEndpointAuthMethodsSupported []string `json:"introspection_endpoint_auth_methods_supported,omitzero" member:"informs"`
	ProtectedResources                        []string `json:"protected_resources,omitzero" member:"informs"` // RFC 9728
	IDTokenEncryptionAlgValuesSupported       []string `json:"id_token_encryption_alg_values_supported,omitzero" member:"informs"`
	IDTokenEncryptionEncValuesSupported       []string `json:"id_token_encryption_enc_values_supported,omitzero" member:"informs"`
	UserinfoEncryptionAlgValuesSupported      []string `json:"userinfo_encryption_alg_values_supported,omitzero" member:"informs"`
	UserinfoEncryptionEncValuesSupported      []string `json:"userinfo_encryption_enc_values_supported,omitzero" member:"informs"`
	RequestObjectEncryptionAlgValuesSupported []string `json:"request_object_encryption_alg_values_supported,omitzero" member:"informs"`
	RequestObjectEncryptionEncValuesSupported []string `json:"request_object_encryption_enc_values_supported,omitzero" member:"informs"`
	AuthorizationEncryptionAlgValuesSupported []string `json:"authorization_encryption_alg_values_supported,omitzero" member:"informs"`
	AuthorizationEncryptionEncValuesSupported []string `json:"authorization_encryption_enc_values_supported,omitzero" member:"informs"`
	IntrospectionEncryptionAlgValuesSupported []string `json:"introspection_encryption_alg_values_supported,omitzero" member:"informs"`
	IntrospectionEncryptionEncValuesSupported []string `json:"introspection_encryption_enc_values_supported,omitzero" member:"informs"`

	// The algorithms that the server signs with. If nil, the metadata does not list
	// any, and the default is used if there is one. If empty but not nil, the
	// server supports none.
	IDTokenSigningAlgValuesSupported       []Algorithm `json:"id_token_signing_alg_values_supported,omitzero"`
	UserinfoSigningAlgValuesSupported      []Algorithm `json:"userinfo_signing_alg_values_supported,omitzero"`
	AuthorizationSigningAlgValuesSupported []Algorithm `json:"authorization_signing_alg_values_supported,omitzero"`
	IntrospectionSigningAlgValuesSupported []Algorithm `json:"introspection_signing_alg_values_supported,omitzero"`

	// The algorithms that clients may sign with.
	RequestObjectSigningAlgValuesSupported                    []Algorithm `json:"request_object_signing_alg_values_supported,omitzero"`
	TokenEndpointAuthSigningAlgValuesSupported                []Algorithm `json:"token_endpoint_auth_signing_alg_values_supported,omitzero"`
	RevocationEndpointAuthSigningAlgValuesSupported           []Algorithm `json:"revocation_endpoint_auth_signing_alg_values_supported,omitzero"`
	IntrospectionEndpointAuthSigningAlgValuesSupported        []Algorithm `json:"introspection_endpoint_auth_signing_alg_values_supported,omitzero"`
	BackchannelAuthenticationRequestSigningAlgValuesSupported []Algorithm `json:"backchannel_authentication_request_signing_alg_values_supported,omitzero"`
	DPoPSigningAlgValuesSupported                             []Algorithm `json:"dpop_signing_alg_values_supported,omitzero"`

	AuthorizationResponseIssParameterSupported bool  `json:"authorization_response_iss_parameter_supported,omitzero"` // RFC 9207
	RequirePushedAuthorizationRequests         bool  `json:"require_pushed_authorization_requests,omitzero"`          // RFC 9126
	RequireSignedRequestObject                 bool  `json:"require_signed_request_object,omitzero"`                  // RFC 9101
	RequestParameterSupported                  bool  `json:"request_parameter_supported,omitzero" member:"informs"`
	RequestURIParameterSupported               *bool `json:"request_uri_parameter_supported,omitzero" member:"informs"` // if nil, true
	RequireRequestURIRegistration              bool  `json:"require_request_uri_registration,omitzero" member:"informs"`
	ClaimsParameterSupported                   bool  `json:"claims_parameter_supported,omitzero" member:"informs"`
	TLSClientCertificateBoundAccessTokens      bool  `json:"tls_client_certificate_bound_access_tokens,omitzero"`
	FrontchannelLogoutSupported                bool  `json:"frontchannel_logout_supported,omitzero" member:"informs"`
	FrontchannelLogoutSessionSupported         bool  `json:"frontchannel_logout_session_supported,omitzero" member:"informs"`
	BackchannelLogoutSupported                 bool  `json:"backchannel_logout_supported,omitzero" member:"informs"`
	BackchannelLogoutSessionSupported          bool  `json:"backchannel_logout_session_supported,omitzero" member:"informs"`
	BackchannelUserCodeParameterSupported      bool  `json:"backchannel_user_code_parameter_supported,omitzero" member:"informs"`
	ClientIDMetadataDocumentSupported          bool  `json:"client_id_metadata_document_supported,omitzero" member:"informs"`

	ServiceDocumentation string `json:"service_documentation,omitzero" member:"informs"`
	OPPolicyURI          string `json:"op_policy_uri,omitzero" member:"informs"`
	OPTOSURI             string `json:"op_tos_uri,omitzero" member:"informs"`
	SignedMetadata       string `json:"signed_metadata,omitzero" member:"informs"` // ignored

	Extra map[string]json.RawMessage `json:"-"` // members without a field
}

// MTLSEndpointAliases are the endpoints for clients with a certificate (RFC 8705,
// Section 5). If a field is empty, the endpoint has no alias.
type MTLSEndpointAliases struct {
	TokenEndpoint                      string `json:"token_endpoint,omitzero"`
	UserinfoEndpoint                   string `json:"userinfo_endpoint,omitzero"`
	RegistrationEndpoint               string `json:"registration_endpoint,omitzero"`
	RevocationEndpoint                 string `json:"revocation_endpoint,omitzero"`
	IntrospectionEndpoint              string `json:"introspection_endpoint,omitzero"`
	DeviceAuthorizationEndpoint        string `json:"device_authorization_endpoint,omitzero"`
	PushedAuthorizationRequestEndpoint string `json:"pushed_authorization_request_endpoint,omitzero"`
	BackchannelAuthenticationEndpoint  string `json:"backchannel_authentication_endpoint,omitzero"`

	Extra map[string]json.RawMessage `json:"-"` // members without a field
}

// MarshalJSON returns the aliases with the Extra members.
func (a MTLSEndpointAliases) MarshalJSON() ([]byte, error) {
	type plain MTLSEndpointAliases
	return encodeStruct(plain(a), a.Extra)
}

// ClientMetadata is the metadata that a client is registered with (RFC 7591). The
// fields have the names of the IANA registry "OAuth Dynamic Client Registration
// Metadata" in Go spelling, with client_id added. Encoding to JSON and decoding
// loses nothing, as for AuthorizationServer, except for client_secret and
// registration_access_token. These are secrets, have no field, and are dropped.
//
// A Client uses ClientID, the …SignedResponseAlg and …EncryptedResponse… fields
// (the latter need Config.Decrypter), RequestObjectEncryption…, DefaultMaxAge,
// RequireAuthTime, UseMTLSEndpointAliases, RequestObjectSigningAlg,
// BackchannelRequestAlg, BackchannelTokenDeliveryMode, and the fields that require
// something (RequirePushedAuthorizationRequests, RequireSignedRequestObject,
// DPoPBoundAccessTokens, FrontchannelLogoutSessionRequired,
// BackchannelLogoutSessionRequired). The other fields are for registration.
//
// The tag "member" says how [Register] treats a member that the response leaves
// out or leaves empty. A "kept" member, which the client checks or uses for its
// requests, stays as it was requested; so it does if it has another type. An
// "informs" member, on which nothing in this package depends, is left out of the
// result; if it has another type, it is kept in Extra. A "same" member must be as requested. A "required" member must be present.
type ClientMetadata struct {
	ClientID string `json:"client_id,omitzero" member:"required"`

	// IDTokenSignedResponseAlg is the algorithm that ID tokens must be signed with.
	// If empty, the algorithms that the server's metadata lists are accepted, or
	// RS256 if it has no list.
	IDTokenSignedResponseAlg Algorithm `json:"id_token_signed_response_alg,omitzero" member:"kept"`
	// UserinfoSignedResponseAlg is the algorithm that userinfo responses must be
	// signed with. If set, a response in plain JSON is refused. If empty, plain
	// JSON is accepted, and so are responses signed with an algorithm that the
	// server's metadata lists. If the metadata has no list, a signed response is
	// refused. If "none", responses are plain JSON, and others are refused.
	UserinfoSignedResponseAlg Algorithm `json:"userinfo_signed_response_alg,omitzero" member:"kept"`
	// AuthorizationSignedResponseAlg is the algorithm that JWT authorization
	// responses (JARM) must be signed with. If empty, the algorithms that the
	// server's metadata lists are accepted, or RS256 if it has no list.
	AuthorizationSignedResponseAlg Algorithm `json:"authorization_signed_response_alg,omitzero" member:"kept"`
	// IntrospectionSignedResponseAlg is the algorithm that JWT introspection
	// responses must be signed with. If empty, the algorithms that the server's
	// metadata lists are accepted, or RS256 if it has no list. If "none", responses
	// are plain JSON, and others are refused.
	IntrospectionSignedResponseAlg Algorithm `json:"introspection_signed_response_alg,omitzero" member:"kept"`

	// DefaultMaxAge is the maximum age, in seconds, of the user's authentication,
	// for requests that do not set their own. If set, it must not be negative, and
	// ID tokens must have auth_time. If nil, there is no limit.
	DefaultMaxAge *int64 `json:"default_max_age,omitzero" member:"kept"`
	// RequireAuthTime makes auth_time a required claim of ID tokens.
	RequireAuthTime bool `json:"require_auth_time,omitzero" member:"kept"`
	// UseMTLSEndpointAliases sends requests to the server's mtls_endpoint_aliases,
	// if it has them. Config.MTLS implies it.
	UseMTLSEndpointAliases bool `json:"use_mtls_endpoint_aliases,omitzero" member:"kept"`

	RedirectURIs            []string        `json:"redirect_uris,omitzero" member:"same"`
	ResponseTypes           []string        `json:"response_types,omitzero" member:"informs"`
	GrantTypes              []string        `json:"grant_types,omitzero" member:"informs"`
	ApplicationType         string          `json:"application_type,omitzero" member:"informs"`
	Contacts                []string        `json:"contacts,omitzero" member:"informs"`
	ClientName              string          `json:"client_name,omitzero" member:"informs"`
	ClientURI               string          `json:"client_uri,omitzero" member:"informs"`
	LogoURI                 string          `json:"logo_uri,omitzero" member:"informs"`
	PolicyURI               string          `json:"policy_uri,omitzero" member:"informs"`
	TOSURI                  string          `json:"tos_uri,omitzero" member:"informs"`
	Scope                   string          `json:"scope,omitzero" member:"informs"`
	JWKSURI                 string          `json:"jwks_uri,omitzero" member:"informs"`
	JWKS                    json.RawMessage `json:"jwks,omitzero" member:"informs"`
	SoftwareID              string          `json:"software_id,omitzero" member:"informs"`
	SoftwareVersion         string          `json:"software_version,omitzero" member:"informs"`
	SoftwareStatement       string          `json:"software_statement,omitzero" member:"informs"`
	SectorIdentifierURI     string          `json:"sector_identifier_uri,omitzero" member:"informs"`
	SubjectType             string          `json:"subject_type,omitzero" member:"informs"`
	DefaultACRValues        []string        `json:"default_acr_values,omitzero" member:"informs"`
	InitiateLoginURI        string          `json:"initiate_login_uri,omitzero" member:"informs"`
	RequestURIs             []string        `json:"request_uris,omitzero" member:"informs"`
	PostLogoutRedirectURIs  []string        `json:"post_logout_redirect_uris,omitzero" member:"informs"`
	FrontchannelLogoutURI   string          `json:"frontchannel_logout_uri,omitzero" member:"informs"`
	BackchannelLogoutURI    string          `json:"backchannel_logout_uri,omitzero" member:"informs"`
	TokenEndpointAuthMethod string          `json:"token_endpoint_auth_method,omitzero" member:"kept"`

	TokenEndpointAuthSigningAlg Algorithm `json:"token_endpoint_auth_signing_alg,omitzero" member:"kept"`
	RequestObjectSigningAlg     Algorithm `json:"request_object_signing_alg,omitzero" member:"kept"`
	BackchannelRequestAlg       Algorithm `json:"backchannel_authentication_request_signing_alg,omitzero" member:"kept"`

	IDTokenEncryptedResponseAlg       string `json:"id_token_encrypted_response_alg,omitzero" member:"kept"`
	IDTokenEncryptedResponseEnc       string `json:"id_token_encrypted_response_enc,omitzero" member:"kept"`
	UserinfoEncryptedResponseAlg      string `json:"userinfo_encrypted_response_alg,omitzero" member:"kept"`
	UserinfoEncryptedResponseEnc      string `json:"userinfo_encrypted_response_enc,omitzero" member:"kept"`
	AuthorizationEncryptedResponseAlg string `json:"authorization_encrypted_response_alg,omitzero" member:"kept"`
	AuthorizationEncryptedResponseEnc string `json:"authorization_encrypted_response_enc,omitzero" member:"kept"`
	IntrospectionEncryptedResponseAlg string `json:"introspection_encrypted_response_alg,omitzero" member:"kept"`
	IntrospectionEncryptedResponseEnc string `json:"introspection_encrypted_response_enc,omitzero" member:"kept"`
	RequestObjectEncryptionAlg        string `json:"request_object_encryption_alg,omitzero" member:"kept"`
	RequestObjectEncryptionEnc        string `json:"request_object_encryption_enc,omitzero" member:"kept"`

	TLSClientAuthSubjectDN                string `json:"tls_client_auth_subject_dn,omitzero" member:"informs"`
	TLSClientAuthSANDNS                   string `json:"tls_client_auth_san_dns,omitzero" member:"informs"`
	TLSClientAuthSANURI                   string `json:"tls_client_auth_san_uri,omitzero" member:"informs"`
	TLSClientAuthSANIP                    string `json:"tls_client_auth_san_ip,omitzero" member:"informs"`
	TLSClientAuthSANEmail                 string `json:"tls_client_auth_san_email,omitzero" member:"informs"`
	TLSClientCertificateBoundAccessTokens bool   `json:"tls_client_certificate_bound_access_tokens,omitzero" member:"kept"`

	DPoPBoundAccessTokens              bool     `json:"dpop_bound_access_tokens,omitzero" member:"kept"`
	RequireSignedRequestObject         bool     `json:"require_signed_request_object,omitzero" member:"kept"`
	RequirePushedAuthorizationRequests bool     `json:"require_pushed_authorization_requests,omitzero" member:"kept"`
	FrontchannelLogoutSessionRequired  bool     `json:"frontchannel_logout_session_required,omitzero" member:"kept"`
	BackchannelLogoutSessionRequired   bool     `json:"backchannel_logout_session_required,omitzero" member:"kept"`
	BackchannelUserCodeParameter       bool     `json:"backchannel_user_code_parameter,omitzero" member:"informs"`
	BackchannelTokenDeliveryMode       string   `json:"backchannel_token_delivery_mode,omitzero" member:"kept"`
	BackchannelNotificationEndpoint    string   `json:"backchannel_client_notification_endpoint,omitzero" member:"informs"`
	AuthorizationDetailsTypes          []string `json:"authorization_details_types,omitzero" member:"informs"`

	Extra map[string]json.RawMessage `json:"-"` // members without a field, for example client_name#ja
}

// UnmarshalJSON decodes server metadata strictly. If it is not valid, the error
// matches [ErrParse].
func (s *AuthorizationServer) UnmarshalJSON(text []byte) error {
	if s == nil {
		return nilReceiver()
	}
	o, err := parseMetadata(text)
	if err != nil {
		return err
	}
	return s.decode(&o)
}

func (s *AuthorizationServer) decode(o *jsonObject) (err error) {
	var fresh AuthorizationServer
	if fresh.Extra, err = decodeStruct(o, &fresh); err == nil {
		*s = fresh
	}
	return err
}

// MarshalJSON returns the metadata with its Extra members.
func (s AuthorizationServer) MarshalJSON() ([]byte, error) {
	type plain AuthorizationServer
	return encodeStruct(plain(s), s.Extra)
}

// UnmarshalJSON decodes client metadata strictly. If it is not valid, the error
// matches [ErrParse].
func (m *ClientMetadata) UnmarshalJSON(text []byte) error {
	if m == nil {
		return nilReceiver()
	}
	o, err := parseMetadata(text)
	if err != nil {
		return err
	}
	var fresh ClientMetadata
	if fresh.Extra, err = decodeStruct(&o, &fresh); err != nil {
		return err
	}
	for _, secret := range [...]string{"client_secret", "registration_access_token"} {
		delete(fresh.Extra, secret)
	}
	*m = fresh
	return nil
}

// MarshalJSON returns the metadata with its Extra members.
func (m ClientMetadata) MarshalJSON() ([]byte, error) {
	type plain ClientMetadata
	return encodeStruct(plain(m), m.Extra)
}

// ResourceMetadata is the metadata of a protected resource (RFC 9728, Section 2).
// The fields have the names of the IANA registry "OAuth Protected Resource
// Metadata" in Go spelling. Encoding to JSON and decoding works as for
// AuthorizationServer.
type ResourceMetadata struct {
	Resource             string   `json:"resource,omitzero"`              // the resource identifier, for GrantOptions.Resource
	AuthorizationServers []string `json:"authorization_servers,omitzero"` // issuer identifiers

	JWKSURI                               string      `json:"jwks_uri,omitzero" member:"informs"`
	ScopesSupported                       []string    `json:"scopes_supported,omitzero" member:"informs"`
	BearerMethodsSupported                []string    `json:"bearer_methods_supported,omitzero" member:"informs"`
	ResourceSigningAlgValuesSupported     []Algorithm `json:"resource_signing_alg_values_supported,omitzero"`
	ResourceName                          string      `json:"resource_name,omitzero" member:"informs"`
	ResourceDocumentation                 string      `json:"resource_documentation,omitzero" member:"informs"`
	ResourcePolicyURI                     string      `json:"resource_policy_uri,omitzero" member:"informs"`
	ResourceTOSURI                        string      `json:"resource_tos_uri,omitzero" member:"informs"`
	TLSClientCertificateBoundAccessTokens bool        `json:"tls_client_certificate_bound_access_tokens,omitzero" member:"informs"`
	AuthorizationDetailsTypesSupported    []string    `json:"authorization_details_types_supported,omitzero" member:"informs"`
	DPoPSigningAlgValuesSupported         []Algorithm `json:"dpop_signing_alg_values_supported,omitzero"`
	DPoPBoundAccessTokensRequired         bool        `json:"dpop_bound_access_tokens_required,omitzero" member:"informs"`
	SignedMetadata                        string      `json:"signed_metadata,omitzero" member:"informs"` // ignored

	Extra map[string]json.RawMessage `json:"-" member:"informs"` // members without a field
}

// UnmarshalJSON decodes resource metadata strictly. If it is not valid, the error
// matches [ErrParse].
func (m *ResourceMetadata) UnmarshalJSON(text []byte) error {
	if m == nil {
		return nilReceiver()
	}
	o, err := parseMetadata(text)
	if err != nil {
		return err
	}
	return m.decode(&o)
}

func (m *ResourceMetadata) decode(o *jsonObject) (err error) {
	var fresh ResourceMetadata
	if fresh.Extra, err = decodeStruct(o, &fresh); err == nil {
		*m = fresh
	}
	return err
}

// MarshalJSON returns the metadata with its Extra members.
func (m ResourceMetadata) MarshalJSON() ([]byte, error) {
	type plain ResourceMetadata
	return encodeStruct(plain(m), m.Extra)
}

func parseMetadata(text []byte) (jsonObject, error) {
	o, err := parseObject(string(text), documentForm, ErrParse)
	o.nullAbsent = true
	return o, err
}

// clone is a copy that shares nothing with s. What could not stand in a document is an
// error.
func (s *AuthorizationServer) clone() (*AuthorizationServer, error) {
	c := new(AuthorizationServer)
	return c, cloneStruct(c, s)
}

// ---- discovery

// DiscoverOptions are the options of [Discover], [NewClientFromIssuer] and
// [DiscoverResource]. The zero value is the usual case.
type DiscoverOptions struct {
	// OAuth2 fetches the document of RFC 8414 instead of the document of OpenID
	// Connect Discovery, Section 4. Its URL has
	// /.well-known/oauth-authorization-server between the host and the path of the
	// issuer. If false, /.well-known/openid-configuration is appended to the
	// issuer. The package does not try both, unless AnyPlace is set.
	OAuth2 bool

	// AnyPlace looks for the document in several places, for servers and resources of
	// which only the URL is known, as the Model Context Protocol prescribes (2025-11-25,
	// Authorization). The package asks in turn for /.well-known/oauth-authorization-server
	// between the host and the path of the issuer, for /.well-known/openid-configuration
	// in the same place, and for /.well-known/openid-configuration after the issuer.
	// OAuth2 and URL must not be set. DiscoverResource asks for
	// /.well-known/oauth-protected-resource between the host and the path of the
	// resource, and for the same without the path, where the document may name the
	// origin of the resource as well. If URL is set, DiscoverResource asks only there.
	//
	// The next place is asked only after a response with a status from 400 to 499 that
	// does not say to try again later (408, 425 and 429). In no other case does the
	// package look for something in several places.
	//
	// WARNING: A token for the origin can be used at every resource of the origin by each
	// of them. A client that must not trust all resources of a host should compare the
	// Resource of the result with the URL that it knows.
	AnyPlace bool

	// URL is the URL of the document, if it is not the well-known one. For a
	// resource, it is the resource_metadata parameter of a challenge. The document
	// must name the issuer or the resource all the same.
	URL string

	// Issuer is the issuer that the document must name, if it is not the one passed
	// to Discover or NewClientFromIssuer. For example, the document of a multi-tenant
	// Entra ID application names a template that contains {tenantid}. If empty, it is
	// the issuer that was passed.
	Issuer string

	// HTTPClient sends the request. It is copied, and a client certificate in it is
	// offered. If nil, the package uses a client of its own, without a certificate, or,
	// for NewClientFromIssuer, Config.HTTPClient without its certificate. The certificate
	// of Config.MTLS is only for a Client's endpoints and is never offered here.
	HTTPClient        *http.Client
	InsecureAllowHTTP bool // allow an http issuer, for loopback and tests only
}

// Discover fetches and returns the metadata of the authorization server with the
// given issuer identifier. The document must name that issuer, byte for byte; only
// an empty path and "/" count as equal. If opts is nil, it is the zero
// DiscoverOptions.
//
// If the issuer or an option is invalid, the error matches [ErrConfig]; if the URL
// is not an https URL, [ErrInsecureURL]. If the server cannot be reached, it
// matches [ErrNetwork]; if it refuses the request, [ErrRefused]; if its response is
// not valid metadata, [ErrResponse]. If the document names another issuer, the
// error matches [ErrIssuer].
func Discover(ctx context.Context, issuer string, opts *DiscoverOptions) (*AuthorizationServer, error) {
	o, err := opts.locate(issuer)
	if err != nil {
		return nil, withOp(opDiscover, err)
	}
	c := newCaller(o.HTTPClient, o.InsecureAllowHTTP, nil)
	defer c.release()
	d, err := o.discover(ctx, c)
	if err != nil {
		return nil, err
	}
	return d.server, nil
}

// A located document is one of which the places are known.
type located struct {
	DiscoverOptions          // Issuer is set
	places          []string // in turn
	param           string   // what they are from
}

// locate says where the document of a server is.
func (opts *DiscoverOptions) locate(issuer string) (*located, error) {
	var o located
	if opts != nil {
		o.DiscoverOptions = *opts
	}
	o.Issuer = cmp.Or(o.Issuer, issuer)
	switch {
	case o.Issuer == "":
		return nil, fail(ErrConfig, "issuer", "is empty: the document has to name the one that is expected")
	case o.AnyPlace && (o.OAuth2 || o.URL != ""):
		return nil, fail(ErrConfig, "AnyPlace", "is set, and so is OAuth2 or URL, which say where the document is")
	case strings.Contains(issuer, "/.well-known/"):
		return nil, fail(ErrConfig, "issuer", "is the URL of a document: pass what that document says is its issuer, and this as DiscoverOptions.URL if it is not the well-known one")
	case o.URL != "":
		o.places, o.param = []string{o.URL}, "URL"
		_, err := parseFetchURL(o.param, o.URL, o.InsecureAllowHTTP)
		return &o, err
	}
	if _, err := parseFetchURL("issuer", issuer, o.InsecureAllowHTTP); err != nil {
		return nil, err
	}
	if strings.Contains(issuer, "?") {
		return nil, fail(ErrConfig, "issuer", "has a query")
	}
	o.places, o.param = []string{wellKnownURL(issuer, o.OAuth2 || o.AnyPlace)}, "issuer"
	if o.AnyPlace {
		o.places = append(o.places, otherWellKnown(issuer)...)
	}
	return &o, nil
}

// A document is what a server says of itself, and where.
type document struct {
	server *AuthorizationServer
	place  string
	body   string
}

// discover fetches the document.
func (o *located) discover(ctx context.Context, c *caller) (*document, error) {
	res, place, err := c.fetchDocument(ctx, opDiscover, o.param, o.places)
	if err != nil {
		return nil, err
	}
	as, err := processDiscoveryResponse(res, o.Issuer)
	if err != nil {
		return nil, askedAt(place, "DiscoverOptions.OAuth2, AnyPlace and URL say where else a document can be", err)
	}
	return &document{as, place, res.body}, nil
}

// askedAt says in an error which document it is about.
func askedAt(place, way string, err error) error {
	if u, wrong := url.Parse(place); wrong == nil {
		place = withoutQuery(u)
	}
	note := "asked was " + printable(place, 256)
	if _, ok := err.(*ResponseError); ok {
		note += "; " + way
	}
	return withNote(note, err)
}

const opDiscover = "discover"

// fetchDocument gets metadata from the first of the places, or, if it is not there, from
// the next. It returns the place that it asked last.
func (c *caller) fetchDocument(ctx context.Context, op, param string, places []string) (res *httpResponse, place string, err error) {
	for _, place = range places {
		res, err = c.do(ctx, &httpRequest{op: op, method: http.MethodGet, url: place, param: param, accept: mediaJSON})
		if err != nil || res.status/100 != 4 || slices.Contains(tryLater[:], res.status) {
			break
		}
	}
	return res, place, err
}

// tryLater are the statuses of a client's error that say nothing of the document.
var tryLater = [...]int{http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}

// wellKnownURL works on the text: net/url would escape the braces of a template.
func wellKnownURL(issuer string, oauth2 bool) string {
	base := strings.TrimSuffix(issuer, "/")
	if oauth2 {
		return insertWellKnown(base, "oauth-authorization-server")
	}
	return base + "/.well-known/openid-configuration"
}

// otherWellKnown are the places of a document of OpenID Connect, the first as RFC 8414 has
// it (Section 5).
func otherWellKnown(issuer string) []string {
	inserted, appended := insertWellKnown(strings.TrimSuffix(issuer, "/"), "openid-configuration"), wellKnownURL(issuer, false)
	if inserted == appended {
		return []string{appended}
	}
	return []string{inserted, appended}
}

func processDiscoveryResponse(res *httpResponse, issuer string) (*AuthorizationServer, error) {
	if err := res.expect(http.StatusOK); err != nil {
		return nil, err
	}
	o, err := res.object()
	if err != nil {
		return nil, err
	}
	as := new(AuthorizationServer)
	if err := as.decode(&o); err != nil {
		return nil, withOp(opDiscover, err)
	}
	// RFC 8414, Section 3.3: "MUST be identical to the authorization server's
	// issuer identifier value into which the well-known URI string was inserted".
	if as.Issuer == "" {
		return nil, withOp(opDiscover, fail(ErrResponse, "issuer", "the document has no issuer, and is not the metadata of an authorization server"))
	}
	if !sameIssuer(as.Issuer, issuer) {
		return nil, withOp(opDiscover, fail(ErrIssuer, "issuer", "the document is that of %s, asked for was %s: use the server's own spelling, or say DiscoverOptions.Issuer", printable(as.Issuer, 256), printable(issuer, 256)))
	}
	return as, nil
}

const opDiscoverResource = "discover resource"

// resourceWellKnown is the well-known name of RFC 9728, Section 3.
const resourceWellKnown = "oauth-protected-resource"

// DiscoverResource fetches and returns the metadata of a protected resource (RFC
// 9728, Section 3). The document must name that resource, byte for byte except for
// a slash after a bare host, and its authorization servers must be https URLs. The
// options OAuth2 and Issuer are ignored. If opts is nil, it is the zero
// DiscoverOptions.
//
// If opts.AnyPlace is set, the document may be that of the origin of the resource.
// Tokens must then be requested for the Resource of the result.
//
// The errors match [ErrConfig], [ErrInsecureURL], [ErrNetwork], [ErrRefused] and
// [ErrResponse], as for [Discover]. If the document names another resource, the
// error matches [ErrResponse].
func DiscoverResource(ctx context.Context, resource string, opts *DiscoverOptions) (*ResourceMetadata, error) {
	m, err := discoverResource(ctx, resource, opts)
	if err != nil {
		return nil, withOp(opDiscoverResource, err)
	}
	return m, nil
}

func discoverResource(ctx context.Context, resource string, opts *DiscoverOptions) (*ResourceMetadata, error) {
	var o DiscoverOptions
	if opts != nil {
		o = *opts
	}
	u, err := parseFetchURL("resource", resource, o.InsecureAllowHTTP)
	if err != nil {
		return nil, err
	}
	places, param := []string{o.URL}, "URL"
	origin := u.Scheme + "://" + u.Host // as it is written
	if o.URL == "" {
		places, param = []string{insertWellKnown(resource, resourceWellKnown)}, "resource"
		if root := insertWellKnown(origin, resourceWellKnown); o.AnyPlace && root != places[0] {
			places = append(places, root)
		}
	}
	c := newCaller(o.HTTPClient, o.InsecureAllowHTTP, nil)
	defer c.release()
	res, place, err := c.fetchDocument(ctx, opDiscoverResource, param, places)
	if err != nil {
		return nil, err
	}
	names := []string{resource}
	if place != places[0] {
		names = append(names, origin)
	}
	m, err := processResourceResponse(res, names, o.InsecureAllowHTTP)
	if err != nil {
		return nil, askedAt(place, "DiscoverOptions.AnyPlace and URL say where else a document can be", err)
	}
	return m, nil
}

// processResourceResponse accepts a document that has one of the names.
func processResourceResponse(res *httpResponse, names []string, insecure bool) (*ResourceMetadata, error) {
	if err := res.expect(http.StatusOK); err != nil {
		return nil, err
	}
	o, err := res.object()
	if err != nil {
		return nil, err
	}
	m := new(ResourceMetadata)
	if err := m.decode(&o); err != nil {
		return nil, err
	}
	// Section 3.3: the resource "MUST be identical to the protected resource's
	// resource identifier value into which the well-known URI path suffix was
	// inserted"; else one resource could have tokens sent to it that are another's.
	if m.Resource == "" {
		return nil, fail(ErrResponse, "resource", "the document has no resource, and is not the metadata of one")
	}
	if !slices.ContainsFunc(names, func(name string) bool { return sameIssuer(m.Resource, name) }) {
		return nil, fail(ErrResponse, "resource", "the document is that of %s, asked for was %s", printable(m.Resource, 256), printable(names[0], 256))
	}
	for _, issuer := range m.AuthorizationServers {
		if _, err := parseFetchURL("", issuer, insecure); err != nil {
			e := fail(ErrResponse, "authorization_servers", "%s cannot be asked", printable(issuer, 256))
			if errors.Is(err, ErrInsecureURL) {
				e.Err = err
			}
			return nil, e
		}
	}
	return m, nil
}

// Discover fetches and returns the metadata of one of the resource's authorization
// servers. issuer must be one of AuthorizationServers. If empty, it is the only
// one.
//
// WARNING: A resource can name any authorization server. Before a client sends its
// credentials to a server, the application must decide whether it trusts that
// server.
//
// opts.URL is the URL of the resource's document. It is ignored here, because
// otherwise the resource could provide the metadata of a server that the
// application trusts. opts.Issuer must be empty for the same reason. If it is set,
// or if issuer is not one of the resource's servers, the error matches [ErrConfig].
// The other errors are those of the function [Discover].
func (m *ResourceMetadata) Discover(ctx context.Context, issuer string, opts *DiscoverOptions) (*AuthorizationServer, error) {
	if m == nil {
		return nil, withOp(opDiscover, nilReceiver())
	}
	switch list := m.AuthorizationServers; {
	case issuer == "" && len(list) == 1:
		issuer = list[0]
	case issuer == "":
		return nil, withOp(opDiscover, fail(ErrConfig, "issuer", "the resource names %d authorization servers: say which", len(list)))
	case !slices.Contains(list, issuer):
		return nil, withOp(opDiscover, fail(ErrConfig, "issuer", "is not one of the resource's authorization servers"))
	}
	var o DiscoverOptions
	if opts != nil {
		o = *opts
	}
	if o.Issuer != "" {
		return nil, withOp(opDiscover, fail(ErrConfig, "Issuer", "is set: what a resource names cannot stand for another server"))
	}
	o.URL = ""
	return Discover(ctx, issuer, &o)
}

// ---- endpoints

// An endpoint of the authorization server.
type endpoint int

const (
	authorizationEndpoint endpoint = iota
	tokenEndpoint
	userinfoEndpoint
	parEndpoint
	deviceEndpoint
	backchannelEndpoint
	introspectionEndpoint
	revocationEndpoint
	registrationEndpoint
	endSessionEndpoint
)

// endpoints is the table of the members that an endpoint's URL stands in, in
// the metadata and (RFC 8705, Section 5) in its aliases. The authorization and
// end session endpoints are for browsers, which have no certificate of ours.
var endpoints = [...]struct {
	member string
	url    func(*AuthorizationServer) string
	alias  func(*MTLSEndpointAliases) string
	proof  bool // requests have a DPoP proof, where there is a key: RFC 9449, Sections 5 and 10.1, and for Keycloak's FAPI 2 policies
}{
	authorizationEndpoint: {"authorization_endpoint", func(s *AuthorizationServer) string { return s.AuthorizationEndpoint }, nil, false},
	tokenEndpoint:         {"token_endpoint", func(s *AuthorizationServer) string { return s.TokenEndpoint }, func(a *MTLSEndpointAliases) string { return a.TokenEndpoint }, true},
	userinfoEndpoint:      {"userinfo_endpoint", func(s *AuthorizationServer) string { return s.UserinfoEndpoint }, func(a *MTLSEndpointAliases) string { return a.UserinfoEndpoint }, false},
	parEndpoint:           {"pushed_authorization_request_endpoint", func(s *AuthorizationServer) string { return s.PushedAuthorizationRequestEndpoint }, func(a *MTLSEndpointAliases) string { return a.PushedAuthorizationRequestEndpoint }, true},
	deviceEndpoint:        {"device_authorization_endpoint", func(s *AuthorizationServer) string { return s.DeviceAuthorizationEndpoint }, func(a *MTLSEndpointAliases) string { return a.DeviceAuthorizationEndpoint }, false},
	backchannelEndpoint:   {"backchannel_authentication_endpoint", func(s *AuthorizationServer) string { return s.BackchannelAuthenticationEndpoint }, func(a *MTLSEndpointAliases) string { return a.BackchannelAuthenticationEndpoint }, false},
	introspectionEndpoint: {"introspection_endpoint", func(s *AuthorizationServer) string { return s.IntrospectionEndpoint }, func(a *MTLSEndpointAliases) string { return a.IntrospectionEndpoint }, false},
	revocationEndpoint:    {"revocation_endpoint", func(s *AuthorizationServer) string { return s.RevocationEndpoint }, func(a *MTLSEndpointAliases) string { return a.RevocationEndpoint }, true},
	registrationEndpoint:  {"registration_endpoint", func(s *AuthorizationServer) string { return s.RegistrationEndpoint }, func(a *MTLSEndpointAliases) string { return a.RegistrationEndpoint }, false},
	endSessionEndpoint:    {"end_session_endpoint", func(s *AuthorizationServer) string { return s.EndSessionEndpoint }, nil, false},
}

// hasAlias reports whether url is an alias of one of the server's endpoints.
func (s *AuthorizationServer) hasAlias(url string) bool {
	for _, row := range endpoints {
		if s.MTLSEndpointAliases != nil && row.alias != nil && url != "" && row.alias(s.MTLSEndpointAliases) == url {
			return true
		}
	}
	return false
}

func endpointURL(server *AuthorizationServer, e endpoint, useAliases bool) (url, member string, err error) {
	row := endpoints[e]
	if aliases := server.MTLSEndpointAliases; useAliases && aliases != nil && row.alias != nil {
		if url := row.alias(aliases); url != "" {
			return url, "mtls_endpoint_aliases." + row.member, nil
		}
	}
	if url := row.url(server); url != "" {
		return url, row.member, nil
	}
	return "", "", fail(ErrConfig, row.member, "the server's metadata has none: set it in Config.Server, or the server does not offer this")
}
