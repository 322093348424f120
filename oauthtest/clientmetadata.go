package oauthtest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// This file implements client metadata: RFC 7591, Section 2, OpenID Connect
// Dynamic Client Registration 1.0, Section 2, and the members that RFC 8705,
// RFC 9101, RFC 9126, RFC 9449, RFC 9701, JARM and the logout specifications add.

// A clientMember is a row of the table of client metadata.
type clientMember struct {
	name     string
	set      func(c *Client, v any) bool // reports whether v is of the right type
	fallback any                         // what an absent member means; nil: nothing
}

// clientMembers is the metadata that the server understands. It ignores all
// else, as RFC 7591, Section 2 demands, and leaves it out of its answers.
func clientMembers() []clientMember {
	return []clientMember{
		{"redirect_uris", list(func(c *Client) *[]string { return &c.RedirectURIs }), nil},
		{"token_endpoint_auth_method", text(func(c *Client) *string { return &c.AuthMethod }), "client_secret_basic"},
		{"grant_types", list(nil), []any{"authorization_code"}},
		{"response_types", list(nil), []any{"code"}},
		{"jwks", setJWKS, nil},
		{"tls_client_auth_subject_dn", text(func(c *Client) *string { return &c.CertificateSubject }), nil},
		{"id_token_signed_response_alg", text(func(c *Client) *string { return &c.IDTokenAlg }), nil},
		{"userinfo_signed_response_alg", text(func(c *Client) *string { return &c.UserinfoAlg }), nil},
		{"authorization_signed_response_alg", text(func(c *Client) *string { return &c.AuthorizationAlg }), nil},
		{"introspection_signed_response_alg", text(func(c *Client) *string { return &c.IntrospectionAlg }), nil},
		{"id_token_encrypted_response_alg", text(func(c *Client) *string { return &c.IDTokenEncryptionAlg }), nil},
		{"id_token_encrypted_response_enc", text(func(c *Client) *string { return &c.IDTokenEncryptionEnc }), nil},
		{"userinfo_encrypted_response_alg", text(func(c *Client) *string { return &c.UserinfoEncryptionAlg }), nil},
		{"userinfo_encrypted_response_enc", text(func(c *Client) *string { return &c.UserinfoEncryptionEnc }), nil},
		{"authorization_encrypted_response_alg", text(func(c *Client) *string { return &c.AuthorizationEncryptionAlg }), nil},
		{"authorization_encrypted_response_enc", text(func(c *Client) *string { return &c.AuthorizationEncryptionEnc }), nil},
		{"introspection_encrypted_response_alg", text(func(c *Client) *string { return &c.IntrospectionEncryptionAlg }), nil},
		{"introspection_encrypted_response_enc", text(func(c *Client) *string { return &c.IntrospectionEncryptionEnc }), nil},
		{"request_object_signing_alg", text(func(c *Client) *string { return &c.RequestObjectAlg }), nil},
		{"request_object_encryption_alg", text(func(c *Client) *string { return &c.RequestObjectEncryptionAlg }), nil},
		{"request_object_encryption_enc", text(func(c *Client) *string { return &c.RequestObjectEncryptionEnc }), nil},
		{"require_pushed_authorization_requests", flag(func(c *Client) *bool { return &c.RequirePAR }), nil},
		{"require_signed_request_object", flag(func(c *Client) *bool { return &c.RequireSignedRequest }), nil},
		{"post_logout_redirect_uris", list(func(c *Client) *[]string { return &c.PostLogoutRedirectURIs }), nil},
		{"backchannel_logout_uri", text(func(c *Client) *string { return &c.BackchannelLogoutURI }), nil},
		{"frontchannel_logout_uri", text(func(c *Client) *string { return &c.FrontchannelLogoutURI }), nil},
		{"frontchannel_logout_session_required", flag(func(c *Client) *bool { return &c.FrontchannelLogoutSessionRequired }), nil},

		{"dpop_bound_access_tokens", flag(func(c *Client) *bool { return &c.RequireDPoP }), nil},
		{"tls_client_certificate_bound_access_tokens", flag(func(c *Client) *bool { return &c.CertificateBound }), nil},

		// What makes no difference to the server.
		{"backchannel_logout_session_required", flag(nil), nil}, // sid is always there
		{"require_auth_time", flag(nil), nil},                   // likewise
		{"application_type", text(nil), nil},
		{"subject_type", text(nil), nil},
		{"scope", text(nil), nil},
		{"client_name", text(nil), nil},
		{"client_uri", text(nil), nil},
		{"logo_uri", text(nil), nil},
		{"tos_uri", text(nil), nil},
		{"policy_uri", text(nil), nil},
		{"contacts", list(nil), nil},
		{"software_id", text(nil), nil},
		{"software_version", text(nil), nil},
		{"software_statement", text(nil), nil}, // returned unmodified, RFC 7591, Section 3.2.1
	}
}

func text(field func(*Client) *string) func(*Client, any) bool {
	return func(c *Client, v any) bool {
		s, ok := v.(string)
		if ok && field != nil {
			*field(c) = s
		}
		return ok
	}
}

func flag(field func(*Client) *bool) func(*Client, any) bool {
	return func(c *Client, v any) bool {
		b, ok := v.(bool)
		if ok && field != nil {
			*field(c) = b
		}
		return ok
	}
}

func list(field func(*Client) *[]string) func(*Client, any) bool {
	return func(c *Client, v any) bool {
		l, ok := stringList(v)
		if ok && field != nil {
			*field(c) = l
		}
		return ok
	}
}

// stringList reads an array of strings.
func stringList(v any) ([]string, bool) {
	elements, ok := v.([]any)
	l := make([]string, 0, len(elements))
	for _, e := range elements {
		s, isString := e.(string)
		ok = ok && isString
		l = append(l, s)
	}
	return l, ok
}

// setJWKS takes the keys, and the first certificate for
// self_signed_tls_client_auth (RFC 8705, Section 2.2.2).
func setJWKS(c *Client, v any) bool {
	set, ok := v.(map[string]any)
	if !ok {
		return false
	}
	data, err := json.Marshal(set)
	if err != nil {
		return false
	}
	c.JWKS = data
	keys, _ := set["keys"].([]any)
	for _, k := range keys {
		jwk, _ := k.(map[string]any)
		chain, _ := stringList(jwk["x5c"])
		if len(chain) == 0 {
			continue
		}
		// RFC 7517, Section 4.7: base64, not base64url.
		c.Certificate, err = base64.StdEncoding.DecodeString(chain[0])
		return err == nil
	}
	return true
}

// readClient makes a client of metadata, without ID and secret, and returns the
// members that it is registered with, those filled in included.
func (s *Server) readClient(metadata map[string]any) (c Client, kept map[string]any, _ *protocolError) {
	kept = map[string]any{}
	if metadata["jwks_uri"] != nil {
		return c, nil, invalid("invalid_client_metadata", "jwks_uri is not supported, only jwks")
	}
	for _, member := range clientMembers() {
		v := metadata[member.name]
		if v == nil {
			v = member.fallback // null is as good as omitted, RFC 7592, Section 2.2
		}
		if v == nil {
			continue
		}
		if !member.set(&c, v) {
			code := "invalid_client_metadata"
			if member.name == "redirect_uris" {
				code = "invalid_redirect_uri"
			}
			return c, nil, invalid(code, member.name+" is of the wrong type")
		}
		kept[member.name] = v
	}
	if c.IDTokenAlg == "" {
		// The default that a client may assume, RS256, is not always the server's.
		c.IDTokenAlg = s.defaultAlg()
		kept["id_token_signed_response_alg"] = c.IDTokenAlg
	}
	grants, _ := stringList(kept["grant_types"])
	c.RefreshTokens = slices.Contains(grants, "refresh_token")
	for _, perr := range []*protocolError{
		checkRedirectURIs(c.RedirectURIs, grants),
		checkGrants(grants, kept["response_types"]),
		s.checkCredentials(&c),
	} {
		if perr != nil {
			return c, nil, perr
		}
	}
	return c, kept, nil
}

func checkRedirectURIs(uris, grants []string) *protocolError {
	redirects := slices.Contains(grants, "authorization_code") || slices.Contains(grants, "implicit")
	if redirects && len(uris) == 0 { // RFC 7591, Section 2
		return invalid("invalid_redirect_uri", "redirect_uris is missing")
	}
	for _, uri := range uris {
		if !goodRedirectURI(uri) {
			return invalid("invalid_redirect_uri", "a redirect URI is neither https, nor http on loopback, nor of a private-use scheme")
		}
	}
	return nil
}

// goodRedirectURI is RFC 6749, Section 3.1.2 with RFC 8252, Sections 7.1 and
// 7.3: a private-use scheme is a domain name in reverse.
func goodRedirectURI(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || strings.Contains(uri, "#") {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Host != ""
	case "http":
		return slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname())
	default:
		return strings.Contains(u.Scheme, ".")
	}
}

// checkGrants is the table of OpenID Connect Dynamic Client Registration 1.0,
// Section 2: which grant types a response type needs.
func checkGrants(grants []string, responses any) *protocolError {
	supported := []string{"implicit"}
	for _, g := range grantTypes() {
		supported = append(supported, g.name)
	}
	if !subset(grants, supported) {
		return invalid("invalid_client_metadata", "a grant type is not supported")
	}
	types, _ := stringList(responses)
	for _, response := range types {
		parts := strings.Fields(response)
		switch {
		case !slices.Contains(responseTypes, response):
			return invalid("invalid_client_metadata", "a response type is not supported")
		case slices.Contains(parts, "code") && !slices.Contains(grants, "authorization_code"),
			slices.Contains(parts, "id_token") && !slices.Contains(grants, "implicit"):
			return invalid("invalid_client_metadata", "grant_types do not fit response_types")
		}
	}
	return nil
}

// checkCredentials reports whether the client has what its authentication method
// needs.
func (s *Server) checkCredentials(c *Client) *protocolError {
	method, ok := authMethodByName(c.AuthMethod)
	refuse := func(description string) *protocolError {
		return invalid("invalid_client_metadata", description)
	}
	switch {
	case !ok, method.mtls && s.mtls == nil:
		return refuse("token_endpoint_auth_method is not supported")
	case c.AuthMethod == "private_key_jwt" && len(c.JWKS) == 0:
		return refuse("private_key_jwt needs jwks")
	case c.AuthMethod == "tls_client_auth" && c.CertificateSubject == "":
		return refuse("tls_client_auth needs tls_client_auth_subject_dn")
	case c.AuthMethod == "self_signed_tls_client_auth" && len(c.Certificate) == 0:
		return refuse("self_signed_tls_client_auth needs jwks with x5c")
	}
	return nil
}

// needsSecret reports whether the client authenticates with a secret.
func (c *Client) needsSecret() bool { return strings.HasPrefix(c.AuthMethod, "client_secret_") }

// newSecret is long enough for HS512 (RFC 7518, Section 3.2).
func newSecret() string { return rand.Text() + rand.Text() + rand.Text() }

// jsonBody reads a JSON object from a request or a response.
func jsonBody(header http.Header, body io.Reader) (map[string]any, *protocolError) {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return nil, invalid("invalid_client_metadata", "the body is not application/json")
	}
	data, err := io.ReadAll(io.LimitReader(body, maxBody))
	if err != nil {
		return nil, invalid("invalid_client_metadata", "the body cannot be read")
	}
	m, err := decodeObject(data)
	if err != nil {
		return nil, invalid("invalid_client_metadata", "the body is not a JSON object")
	}
	return m, nil
}
