package oauthtest

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// This file has Microsoft Entra ID.

func entraPreset() *preset {
	return &preset{ // panva/wellknown, issuers/entra-common; ID token claims reference, Microsoft identity platform
		path: "/" + entraTenant + "/v2.0",
		paths: map[string]string{
			discoveryPath: "/{tenant}/v2.0" + discoveryPath, jwksPath: "/{tenant}/discovery/v2.0/keys", loginPath: "/{tenant}/login",
			authorizePath: "/{tenant}/oauth2/v2.0/authorize", tokenPath: "/{tenant}/oauth2/v2.0/token", userinfoPath: "/oidc/userinfo",
			endSessionPath: "/{tenant}/oauth2/v2.0/logout", deviceAuthorizationPath: "/{tenant}/oauth2/v2.0/devicecode", devicePagePath: "/devicelogin",
		},
		metadata: map[string]any{ // which says nothing of PKCE, although it is supported
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
			"response_modes_supported":              []string{"query", "fragment", "form_post"},
			"subject_types_supported":               []string{"pairwise"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"response_types_supported":              []string{"code", "id_token", "code id_token"},
			"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
			"request_uri_parameter_supported":       false,
			"http_logout_supported":                 true,
			"frontchannel_logout_supported":         true,
			"claims_supported": []string{"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
				"aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email"},
			"tenant_region_scope": nil, "cloud_instance_name": "microsoftonline.com", "cloud_graph_host_name": "graph.windows.net",
			"msgraph_host": "graph.microsoft.com", "rbac_url": "https://pas.windows.net",
		},
		jwk: func(s *Server, jwk map[string]any) { // of its own tenants, for all of them
			jwk["issuer"] = s.main.URL + "/{tenantid}/v2.0"
		},
		anySecret: true, reuseRefresh: true,
		callback: func(_ *Server, _ *authorizationRequest, _ *grant, params url.Values) {
			params.Del("iss")
			if params.Has("code") {
				params.Set("session_state", uuidOf(rand.Text()))
			}
		},
		idToken: entraIDToken, accessToken: entraAccessToken, refuse: entraRefusal,
		answer: func(_ *grant, answer map[string]any) { answer["ext_expires_in"] = answer["expires_in"] },
		start: func(answer map[string]any) {
			delete(answer, "verification_uri_complete")
			answer["message"] = fmt.Sprintf("Open %s and enter %s to sign in", answer["verification_uri"], answer["user_code"])
		},
	}
}

// entraTenant is that of a server whose path names none.
const entraTenant = "3f5d9c2a-7b1e-4d86-9a40-c2e8f1b7d653"

// manyTenants reports whether the path is for users of any tenant.
func (s *Server) manyTenants() bool {
	return s.opts.Provider == ProviderEntra && slices.Contains([]string{"/common/v2.0", "/organizations/v2.0"}, s.opts.Path)
}

// tenant is that of the users.
func (s *Server) tenant() string {
	if s.manyTenants() {
		return entraTenant
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(s.opts.Path, "/"), "/")
	return tenant
}

// entraIDToken: ID token claims reference. The email of Entra ID is not verified, so that
// there is no email_verified.
func entraIDToken(s *Server, g *grant, claims map[string]any) {
	removeClaims(claims, "azp", "auth_time", "acr", "amr", "sid", "at_hash", "email_verified")
	s.entraClaims(g, claims)
	if slices.Contains(g.scope, "profile") && claims["preferred_username"] == nil {
		claims["preferred_username"] = s.userEmail(g.user)
	}
}

// entraClaims are those of both tokens.
func (s *Server) entraClaims(g *grant, claims map[string]any) {
	claims["ver"], claims["tid"], claims["nbf"] = "2.0", s.tenant(), claims["iat"]
	claims["uti"], claims["rh"] = rand.Text()[:22], "1."+rand.Text()
	if claims["oid"] == nil {
		claims["oid"] = uuidOf(g.subject())
	}
}

// entraAccessToken: Access tokens in the Microsoft identity platform, of version 2.0.
func entraAccessToken(s *Server, t *accessToken, d *draft) {
	d.header["typ"] = "JWT"
	scope := d.claims["scope"]
	removeClaims(d.claims, "client_id", "jti", "scope", "acr", "auth_time")
	s.entraClaims(t.grant, d.claims)
	d.claims["azp"], d.claims["azpacr"] = t.grant.client.ID, "1"
	if t.grant.client.AuthMethod == "none" {
		d.claims["azpacr"] = "0"
	}
	if t.grant.user == "" {
		d.claims["idtyp"] = "app"
	} else if scope != nil {
		d.claims["scp"] = scope
	}
}

// entraRefusal: Microsoft Entra authentication and authorization error codes.
func entraRefusal(s *Server, e *protocolError) (int, map[string]any) {
	number, status := 9002313, http.StatusBadRequest // the request is malformed
	switch e.code {
	case "invalid_client":
		number, status = 7000215, http.StatusUnauthorized
	case "invalid_grant":
		number = 70000
	case "authorization_pending":
		number = 70016
	case "access_denied":
		number, e.code = 70018, "authorization_declined"
	case "invalid_scope":
		number = 70011
	}
	now := s.now().UTC().Format("2006-01-02 15:04:05Z")
	return status, map[string]any{
		"error": e.code, "error_codes": []int{number}, "timestamp": now, "trace_id": uuidOf(rand.Text()), "correlation_id": uuidOf(rand.Text()),
		"error_description": fmt.Sprintf("AADSTS%d: %s. Timestamp: %s", number, e.description, now),
		"error_uri":         s.main.URL + "/error?code=" + strconv.Itoa(number),
	}
}

// uuidOf is the same UUID for the same text.
func uuidOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// userEmail is the email of a user, or the name.
func (s *Server) userEmail(user string) string {
	if email, ok := s.userClaims(user, []string{"email"})["email"].(string); ok {
		return email
	}
	return user
}
