package oauthtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file has Sign in with Apple.

func applePreset() *preset {
	return &preset{ // panva/wellknown, issuers/apple; Sign in with Apple REST API
		paths: map[string]string{
			discoveryPath: discoveryPath, jwksPath: "/auth/keys", authorizePath: "/auth/authorize", tokenPath: "/auth/token", loginPath: "/auth/login",
			revokePath: "/auth/revoke",
		},
		metadata: map[string]any{
			"response_types_supported":              []string{"code"},
			"response_modes_supported":              []string{"query", "fragment", "form_post"},
			"subject_types_supported":               []string{"pairwise"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"scopes_supported":                      []string{"openid", "email", "name"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_post"},
			"claims_supported": []string{"aud", "email", "email_verified", "exp", "iat", "is_private_email", "iss", "nonce", "nonce_supported",
				"real_user_status", "sub", "transfer_sub"},
		},
		jwk:    func(_ *Server, jwk map[string]any) { jwk["alg"] = "RS256" },
		secret: (*Server).checkAppleSecret, keepRefresh: true,
		check: func(req *authorizationRequest) (bool, *protocolError) {
			personal := slices.Contains(req.scope, "name") || slices.Contains(req.scope, "email")
			switch {
			case !subset(req.scope, []string{"openid", "email", "name"}):
				return true, invalid("invalid_scope", "a scope that Apple does not have")
			case personal && req.mode.name != "form_post":
				return true, invalid("invalid_request", "response_mode must be form_post when name or email scope is requested")
			}
			return false, nil
		},
		callback: func(s *Server, req *authorizationRequest, g *grant, params url.Values) {
			params.Del("iss")
			if g != nil {
				g.refreshable = true
				g.scope = append(slices.Clone(g.scope), "openid") // an ID token always comes
				if user := s.appleUser(g); g.first && user != "" {
					params.Set("user", user)
				}
			}
		},
		idToken: func(_ *Server, _ *grant, claims map[string]any) {
			removeClaims(claims, "azp", "acr", "amr", "sid", "name")
			claims["exp"] = claims["iat"].(int64) + int64(24*time.Hour/time.Second)
			claims["nonce_supported"] = true
			if email, ok := claims["email"].(string); ok {
				claims["email_verified"] = fmt.Sprint(claims["email_verified"] == true)
				claims["is_private_email"] = fmt.Sprint(strings.HasSuffix(email, "@privaterelay.appleid.com"))
			}
		},
		answer: func(_ *grant, answer map[string]any) { delete(answer, "scope") },
		refuse: func(_ *Server, e *protocolError) (int, map[string]any) {
			return http.StatusBadRequest, map[string]any{"error": e.code}
		},
	}
}

// appleUser is the parameter user of the first response; empty if nothing was asked for.
func (s *Server) appleUser(g *grant) string {
	user, claims := map[string]any{}, s.userClaims(g.user, []string{"profile", "email"})
	if slices.Contains(g.scope, "name") {
		name, _ := claims["name"].(string)
		first, last, _ := strings.Cut(name, " ")
		user["name"] = map[string]any{"firstName": first, "lastName": last}
	}
	if slices.Contains(g.scope, "email") {
		user["email"] = claims["email"]
	}
	if len(user) == 0 {
		return ""
	}
	text, _ := json.Marshal(user) // of AddUser, which has encoded them
	return string(text)
}

// maxAppleSecret is how long a client secret may be good: six months.
const maxAppleSecret = 15777000 * time.Second

// checkAppleSecret: Creating a client secret, Sign in with Apple.
func (s *Server) checkAppleSecret(c *credentials) bool {
	jws, err := parseJWS(c.secret)
	if err != nil || jws.alg != "ES256" || jws.kid == "" {
		return false
	}
	iat, ok1 := numericDate(jws.claims["iat"])
	exp, ok2 := numericDate(jws.claims["exp"])
	team, _ := jws.claims["iss"].(string)
	aud, _ := jws.claims["aud"].(string)
	now := s.now()
	alg, _ := algorithmByName("ES256")
	return ok1 && ok2 && team != "" && jws.claims["sub"] == c.client.ID && (aud == s.issuer || aud == "https://appleid.apple.com") &&
		!iat.After(now) && now.Before(exp) && exp.Sub(now) <= maxAppleSecret &&
		slices.ContainsFunc(c.client.keys, func(k publicKey) bool {
			return (k.id == "" || k.id == jws.kid) && alg.verify(k.key, jws.input, jws.signature)
		})
}
