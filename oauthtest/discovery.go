package oauthtest

import (
	"maps"
	"net/http"
	"slices"
)

// This file implements discovery (OpenID Connect Discovery, RFC 8414) and the
// key set.

// serveDiscovery answers both well-known locations with one document.
func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	m := s.metadata()
	if s.opts.Provider != "" {
		m = s.providerMetadata(m)
	}
	if s.opts.EditMetadata != nil {
		s.opts.EditMetadata(m)
	}
	s.editMembers(discoveryPath, m)
	writeJSON(w, http.StatusOK, m)
}

var scopesSupported = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

func (s *Server) metadata() map[string]any {
	assertionAlgs := []string{}
	assertionAlgs = append(assertionAlgs, algorithmNames()...)
	for _, a := range macs {
		assertionAlgs = append(assertionAlgs, a.name)
	}
	methods := []string{}
	for _, m := range authMethods() {
		if !m.mtls || s.mtls != nil {
			methods = append(methods, m.name)
		}
	}
	encryptionAlgs, encryptionEncs := []string{}, []string{}
	for _, a := range keyManagements {
		encryptionAlgs = append(encryptionAlgs, a.name)
	}
	for _, e := range contentEncryptions {
		encryptionEncs = append(encryptionEncs, e.name)
	}
	objectAlgs := algorithmNames()
	modes := []string{"jwt"}
	for _, m := range responseModes {
		modes = append(modes, m.name)
	}
	m := map[string]any{
		"issuer":                                           s.issuer,
		"scopes_supported":                                 scopesSupported,
		"claims_supported":                                 []string{"sub", "name", "email", "email_verified", "acr", "amr", "auth_time", "sid"},
		"response_types_supported":                         responseTypes,
		"response_modes_supported":                         modes,
		"grant_types_supported":                            grantTypeNames(),
		"subject_types_supported":                          []string{"public"},
		"prompt_values_supported":                          []string{"none", "login", "consent", "select_account"},
		"code_challenge_methods_supported":                 []string{"S256"},
		"id_token_signing_alg_values_supported":            s.opts.SigningAlgs,
		"userinfo_signing_alg_values_supported":            s.opts.SigningAlgs,
		"token_endpoint_auth_methods_supported":            methods,
		"token_endpoint_auth_signing_alg_values_supported": assertionAlgs,
		"authorization_response_iss_parameter_supported":   true,
		"claims_parameter_supported":                       false,
		"authorization_signing_alg_values_supported":       s.opts.SigningAlgs,
		"request_object_signing_alg_values_supported":      objectAlgs,
		"request_parameter_supported":                      true,

		"backchannel_token_delivery_modes_supported":                      deliveryModes,
		"backchannel_authentication_request_signing_alg_values_supported": objectAlgs,
		"backchannel_user_code_parameter_supported":                       true,

		"request_uri_parameter_supported": false, // but for pushed requests
	}
	for _, what := range []string{"request_object", "id_token", "userinfo", "authorization", "introspection"} {
		m[what+"_encryption_alg_values_supported"] = encryptionAlgs
		m[what+"_encryption_enc_values_supported"] = encryptionEncs
	}
	if types := s.opts.AuthorizationDetailsTypes; len(types) > 0 {
		m["authorization_details_types_supported"] = types // RFC 9396, Section 10
	}
	s.addEndpointMetadata(m, methods, assertionAlgs)
	aliases := map[string]any{}
	for _, e := range routes() {
		if e.name == "" {
			continue
		}
		m[e.name] = s.endpointURL(e.path)
		if e.mtls && s.mtls != nil {
			aliases[e.name] = s.mtls.URL + s.fullPath(e.path)
		}
	}
	if s.mtls != nil {
		m["mtls_endpoint_aliases"] = aliases // RFC 8705, Section 5
	}
	return m
}

// addEndpointMetadata adds what is said about the endpoints that take no part
// in a login, where their row in the table of routes does not say it.
func (s *Server) addEndpointMetadata(m map[string]any, methods, assertionAlgs []string) {
	confidential := slices.DeleteFunc(slices.Clone(methods), func(m string) bool { return m == "none" })
	maps.Copy(m, map[string]any{
		"introspection_endpoint_auth_methods_supported":            confidential,
		"introspection_endpoint_auth_signing_alg_values_supported": assertionAlgs,
		"introspection_signing_alg_values_supported":               s.opts.SigningAlgs, // RFC 9701, Section 7
		"revocation_endpoint_auth_methods_supported":               methods,
		"revocation_endpoint_auth_signing_alg_values_supported":    assertionAlgs,
		"backchannel_logout_supported":                             true,
		"backchannel_logout_session_supported":                     true,
		"frontchannel_logout_supported":                            true,
		"frontchannel_logout_session_supported":                    true,
		"protected_resources":                                      s.resources(), // RFC 9728, Section 4
	})
	s.addBindingMetadata(m)
	if s.opts.ClientIDMetadataDocuments {
		m["client_id_metadata_document_supported"] = true
	}
}

// serveJWKS publishes the keys that the registered clients' algorithms, JWT
// access tokens and calls to Sign need. Others are not made only to be published: an RSA key
// takes long.
func (s *Server) serveJWKS(w http.ResponseWriter, r *http.Request) {
	for _, alg := range s.usedAlgs() {
		if a, ok := algorithmByName(alg); ok {
			s.keys.get(a.family)
		}
	}
	for _, family := range s.usedEncryption() {
		s.encryptionKeys.get(family)
	}
	keys := append(s.keys.jwks("sig"), s.encryptionKeys.jwks("enc")...)
	for _, key := range keys {
		if jwk, ok := key.(map[string]any); ok && s.preset.jwk != nil { // and not one of AddJWK
			s.preset.jwk(s, jwk)
		}
	}
	m := map[string]any{"keys": keys}
	s.editMembers(jwksPath, m)
	writeJSON(w, http.StatusOK, m)
}

// usedAlgs returns the algorithms of all clients and of JWT access tokens;
// without any the default.
func (s *Server) usedAlgs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var algs []string
	if s.opts.JWTAccessTokens {
		algs = append(algs, s.opts.AccessTokenAlg)
	}
	for _, c := range s.clients {
		algs = append(algs, c.algs...)
	}
	if len(algs) == 0 {
		algs = append(algs, s.defaultAlg())
	}
	return algs
}

// usedEncryption returns the families of the keys that the clients encrypt to.
func (s *Server) usedEncryption() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var families []string
	for _, c := range s.clients {
		if a, ok := keyManagementByName(c.RequestObjectEncryptionAlg); ok {
			families = append(families, a.family)
		}
	}
	return families
}
