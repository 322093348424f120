package oauthtest

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// This file has GitHub.

func githubPreset() *preset {
	return &preset{ // Authorizing OAuth apps, and Troubleshooting OAuth app access token request errors, GitHub documentation
		paths: map[string]string{
			authorizePath: "/login/oauth/authorize", tokenPath: "/login/oauth/access_token", loginPath: "/session",
			deviceAuthorizationPath: "/login/device/code", devicePagePath: "/login/device",
		},
		more: []endpoint{
			{"", "/user", "GET", false, (*Server).serveGitHubUser},
			{"", "/user/emails", "GET", false, (*Server).serveGitHubEmails},
		},
		prefix: "gho_", anySecret: true, form: true,
		callback: func(_ *Server, _ *authorizationRequest, _ *grant, params url.Values) { params.Del("iss") },
		answer: func(_ *grant, answer map[string]any) {
			removeClaims(answer, "expires_in", "refresh_token", "id_token")
			answer["token_type"] = "bearer"
			scope, _ := answer["scope"].(string)
			answer["scope"] = strings.ReplaceAll(scope, " ", ",")
		},
		start: func(answer map[string]any) { delete(answer, "verification_uri_complete") },
		refuse: func(_ *Server, e *protocolError) (int, map[string]any) {
			code := e.code
			switch code {
			case "invalid_client":
				code = "incorrect_client_credentials"
			case "invalid_grant":
				code = "bad_verification_code"
			}
			body := map[string]any{"error": code, "error_description": e.description, "error_uri": "https://docs.github.com"}
			if e.interval > 0 {
				body["interval"] = e.interval
			}
			return http.StatusOK, body
		},
	}
}

// githubToken is the token of a request to the API, which takes two names of the scheme.
func (s *Server) githubToken(w http.ResponseWriter, r *http.Request) *accessToken {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if t := s.validAccessToken(value); t != nil && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "token")) {
		w.Header().Set("X-OAuth-Scopes", strings.Join(t.scope, ", "))
		return t
	}
	writeJSON(w, http.StatusUnauthorized, map[string]any{"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"})
	return nil
}

// serveGitHubUser: Get the authenticated user. The email is null, as it is for users who
// do not publish theirs.
func (s *Server) serveGitHubUser(w http.ResponseWriter, r *http.Request) {
	t := s.githubToken(w, r)
	if t == nil {
		return
	}
	user := s.userClaims(t.grant.user, []string{"profile"})
	sum := sha256.Sum256([]byte(t.grant.user))
	m := map[string]any{
		"login": t.grant.user, "id": binary.BigEndian.Uint32(sum[:4]), "node_id": "U_" + encode(sum[:9]), "type": "User", "site_admin": false,
		"name": user["name"], "email": nil, "avatar_url": "https://avatars.example.com/" + url.PathEscape(t.grant.user),
	}
	if id := user["id"]; id != nil {
		m["id"] = id
	}
	writeJSON(w, http.StatusOK, m)
}

// serveGitHubEmails: List email addresses for the authenticated user.
func (s *Server) serveGitHubEmails(w http.ResponseWriter, r *http.Request) {
	t := s.githubToken(w, r)
	if t == nil {
		return
	}
	if !slices.Contains(t.scope, "user:email") && !slices.Contains(t.scope, "user") {
		writeJSON(w, http.StatusNotFound, map[string]any{"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"})
		return
	}
	claims := s.userClaims(t.grant.user, []string{"email"})
	emails := []any{}
	if email := claims["email"]; email != nil {
		emails = append(emails, map[string]any{"email": email, "primary": true, "verified": claims["email_verified"] == true, "visibility": "private"})
	}
	writeJSON(w, http.StatusOK, emails)
}
