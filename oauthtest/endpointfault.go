package oauthtest

// Faults of the introspection endpoint's response. The faults of the signature and
// the header of every JWT affect it, too.
const (
	IntrospectionJSONInsteadOfJWT Fault = "IntrospectionJSONInsteadOfJWT" // unsigned, although a JWT was requested or registered
	IntrospectionActiveString     Fault = "IntrospectionActiveString"     // active as a string
	IntrospectionMissingActive    Fault = "IntrospectionMissingActive"    // no active
	IntrospectionNonStringScope   Fault = "IntrospectionNonStringScope"   // scope as a number
	IntrospectionHTML             Fault = "IntrospectionHTML"             // an HTML page with status 200
	IntrospectionWrongIssuer      Fault = "IntrospectionWrongIssuer"      // the iss of another server, in the JWT
	IntrospectionWrongAudience    Fault = "IntrospectionWrongAudience"    // the aud of another client, in the JWT
	IntrospectionWrongTyp         Fault = "IntrospectionWrongTyp"         // the typ of an access token
	IntrospectionMissingIat       Fault = "IntrospectionMissingIat"       // no iat in the JWT
	IntrospectionNotObject        Fault = "IntrospectionNotObject"        // token_introspection as a string
)

// Faults of the revocation endpoint's response.
const (
	RevocationUnsupportedTokenType Fault = "RevocationUnsupportedTokenType" // the error unsupported_token_type
	RevocationFails                Fault = "RevocationFails"                // status 503 with Retry-After
)

// Faults of the response to a registration. All but RegistrationWith200 also affect
// the responses when the registration is read or updated. The client is registered
// as without them.
const (
	RegistrationWith200              Fault = "RegistrationWith200"              // status 200; common and harmless
	RegistrationWithoutClientID      Fault = "RegistrationWithoutClientID"      // no client_id
	RegistrationExpiredSecret        Fault = "RegistrationExpiredSecret"        // client_secret_expires_at in the past
	RegistrationNegativeSecretExpiry Fault = "RegistrationNegativeSecretExpiry" // client_secret_expires_at below zero
	RegistrationWithoutSecret        Fault = "RegistrationWithoutSecret"        // no client_secret, whatever the authentication method
	RegistrationOtherRedirectURI     Fault = "RegistrationOtherRedirectURI"     // other redirect_uris than requested
	RegistrationChangedScope         Fault = "RegistrationChangedScope"         // another scope than requested; legitimate
	RegistrationHTTPClientURI        Fault = "RegistrationHTTPClientURI"        // registration_client_uri with the scheme http
	RegistrationSecretNotString      Fault = "RegistrationSecretNotString"      // client_secret as a number
)

// Faults of logout tokens. The faults of the signature and the header of every JWT
// affect them, too, except for WrongTyp.
const (
	LogoutMissingEvents  Fault = "LogoutMissingEvents"  // no events
	LogoutWrongEvents    Fault = "LogoutWrongEvents"    // another event
	LogoutWithNonce      Fault = "LogoutWithNonce"      // a nonce
	LogoutMissingJTI     Fault = "LogoutMissingJTI"     // no jti
	LogoutReplay         Fault = "LogoutReplay"         // the jti of the previous token, if there was one
	LogoutWrongTyp       Fault = "LogoutWrongTyp"       // the typ of an access token
	LogoutTypJWT         Fault = "LogoutTypJWT"         // typ JWT; legitimate, Keycloak does so
	LogoutWithoutTyp     Fault = "LogoutWithoutTyp"     // no typ; legitimate
	LogoutOld            Fault = "LogoutOld"            // issued two hours ago, not expired
	LogoutExpired        Fault = "LogoutExpired"        // issued 30 minutes ago, expired 28 minutes ago
	LogoutMissingExp     Fault = "LogoutMissingExp"     // no exp
	LogoutMissingIat     Fault = "LogoutMissingIat"     // no iat
	LogoutWithoutSubject Fault = "LogoutWithoutSubject" // neither sub nor sid
	LogoutSidOnly        Fault = "LogoutSidOnly"        // no sub; legitimate
	LogoutSubOnly        Fault = "LogoutSubOnly"        // no sid; legitimate
	LogoutWrongIssuer    Fault = "LogoutWrongIssuer"    // the iss of another server
	LogoutWrongAudience  Fault = "LogoutWrongAudience"  // the aud of another client
)

// Faults of the metadata of a protected resource.
const (
	ResourceMetadataWrongResource  Fault = "ResourceMetadataWrongResource"  // another resource
	ResourceMetadataHTTPServer     Fault = "ResourceMetadataHTTPServer"     // an authorization server with the scheme http
	ResourceMetadataWithoutServers Fault = "ResourceMetadataWithoutServers" // no authorization_servers
)
