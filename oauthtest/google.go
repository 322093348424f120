package oauthtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file has Google.

func googlePreset() *preset {
	return &preset{ // panva/wellknown, issuers/google; Google OpenID Connect API Reference
		paths: map[string]string{
			discoveryPath: discoveryPath, jwksPath: "/oauth2/v3/certs", authorizePath: "/o/oauth2/v2/auth", tokenPath: "/token", loginPath: "/signin",
			userinfoPath: "/v1/userinfo", revokePath: "/revoke", deviceAuthorizationPath: "/device/code", devicePagePath: "/device",
		},
		metadata: map[string]any{
			"response_types_supported":                       []string{"code", "id_token", "code id_token"},
			"response_modes_supported":                       []string{"query", "fragment", "form_post"},
			"authorization_response_iss_parameter_supported": true,
			"subject_types_supported":                        []string{"public"},
			"id_token_signing_alg_values_supported":          []string{"RS256"},
			"scopes_supported":                               []string{"openid", "email", "profile"},
			"token_endpoint_auth_methods_supported":          []string{"client_secret_post", "client_secret_basic"},
			"code_challenge_methods_supported":               []string{"plain", "S256"},
			"claims_supported": []string{"aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss", "name",
				"picture", "sub"},
			"grant_types_supported": []string{"authorization_code", "refresh_token", deviceGrantType,
				"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		},
		jwk:       func(_ *Server, jwk map[string]any) { jwk["alg"] = "RS256" },
		prefix:    "ya29.",
		anySecret: true, keepRefresh: true, openRevoke: true,
		check: func(req *authorizationRequest) (bool, *protocolError) {
			if slices.Contains(req.scope, "offline_access") { // shown to the user, as all errors of the request
				return true, invalid("invalid_scope", "Some requested scopes were invalid: offline_access")
			}
			return false, nil
		},
		callback: func(_ *Server, req *authorizationRequest, g *grant, params url.Values) {
			if g != nil {
				g.refreshable = req.accessType == "offline" && (g.first || slices.Contains(req.prompt, "consent"))
				params.Set("scope", googleScope(g.scope))
				params.Set("authuser", "0")
				params.Set("prompt", map[bool]string{true: "consent", false: "none"}[g.first])
			}
		},
		idToken: func(_ *Server, _ *grant, claims map[string]any) {
			removeClaims(claims, "auth_time", "acr", "amr", "sid")
			claims["exp"] = claims["iat"].(int64) + int64(time.Hour/time.Second)
		},
		answer: func(g *grant, answer map[string]any) {
			if scope, ok := answer["scope"].(string); ok {
				answer["scope"] = googleScope(strings.Fields(scope))
			}
		},
		start: func(answer map[string]any) { // OAuth 2.0 for TV and Limited-Input Device Applications
			delete(answer, "verification_uri_complete")
			answer["verification_url"] = answer["verification_uri"]
			delete(answer, "verification_uri")
		},
		refuse: func(_ *Server, e *protocolError) (int, map[string]any) {
			status := http.StatusBadRequest
			switch e.code {
			case "authorization_pending":
				status = http.StatusPreconditionRequired
			case "slow_down", "access_denied":
				status = http.StatusForbidden
			case "invalid_client":
				status = http.StatusUnauthorized
			}
			return status, map[string]any{"error": e.code, "error_description": e.description}
		},
	}
}

// googleScope is a scope as Google returns it: email and profile have long names.
func googleScope(scope []string) string {
	long := slices.Clone(scope)
	for i, v := range long {
		if v == "email" || v == "profile" {
			long[i] = "https://www.googleapis.com/auth/userinfo." + v
		}
	}
	return strings.Join(long, " ")
}
