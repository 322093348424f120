package oauthtest

import (
	"maps"
	"net/url"
	"strconv"
	"strings"
)

// This file has the providers that Options.Provider names: the habits by which an
// application notices that a server is not the one of the specifications. The files
// of each say where it was seen. Endpoints of other hosts are below this one.

// A Provider is the name of a provider whose habits the server takes on: its paths and
// metadata, the claims of its tokens, its responses and errors, and the ways in which
// clients authenticate there. Endpoints that the provider does not have are not there.
//
// Signatures, checks and faults are those of any server. The sub of a user is
// [User.Subject], also where the provider has another for each client. The issuer is
// the URL of this server.
type Provider string

const (
	// ProviderEntra is a tenant of Microsoft Entra ID, version 2.0. The tenant is the
	// first segment of [Options.Path], which ends with /v2.0; if Path is empty, the
	// server chooses one. With the path /common/v2.0 or /organizations/v2.0, the
	// issuer of the metadata is a template with {tenantid}. ID tokens have tid, oid
	// and ver, and no email_verified. If JWTAccessTokens is set, access tokens have
	// scp and azp in place of scope and client_id.
	ProviderEntra Provider = "entra"

	// ProviderApple is Sign in with Apple. A client has no Secret, but JWKS with a key
	// on P-256: its client_secret is a JWT that it signs, for the issuer or for
	// https://appleid.apple.com, and that expires in at most six months. With the scope
	// name or email, the response_mode must be form_post. The first response for a
	// user and client then has the parameter user. Claims of ID tokens that are
	// booleans are strings.
	ProviderApple Provider = "apple"

	// ProviderGoogle is Google. A refresh token is issued for access_type=offline, the
	// first time or with prompt=consent; there is no scope offline_access. Scopes in
	// responses have their long names, and the authorization response has more
	// parameters.
	ProviderGoogle Provider = "google"

	// ProviderGitHub is GitHub as an OAuth 2.0 server. It has no metadata and no ID
	// tokens. The user is at /user and /user/emails. Token responses are forms unless
	// the client accepts JSON, their scopes have commas, and errors have status 200.
	ProviderGitHub Provider = "github"
)

// A preset is what differs from a server of the specifications. A nil function changes
// nothing.
type preset struct {
	path     string            // of the issuer, if Options.Path is empty
	paths    map[string]string // of the endpoints that there are; {tenant} is the first segment of the issuer's
	more     []endpoint        // that only this provider has
	metadata map[string]any    // members of the metadata beside the endpoints and the issuer
	jwk      func(s *Server, jwk map[string]any)

	prefix       string // of access tokens
	anySecret    bool   // of client_secret_basic and client_secret_post, whatever is registered
	secret       func(s *Server, c *credentials) bool
	keepRefresh  bool // a refresh token is used again and again
	reuseRefresh bool // the same, but there is a new one each time

	check       func(req *authorizationRequest) (shown bool, _ *protocolError)
	callback    func(s *Server, req *authorizationRequest, g *grant, params url.Values)
	idToken     func(s *Server, g *grant, claims map[string]any)
	accessToken func(s *Server, t *accessToken, d *draft)
	answer      func(g *grant, answer map[string]any)
	start       func(answer map[string]any)
	refuse      func(s *Server, e *protocolError) (status int, body map[string]any)
	openRevoke  bool // tokens are revoked by their value alone
	form        bool // token responses are forms, if the client does not accept JSON
}

func presets() map[Provider]*preset {
	return map[Provider]*preset{
		"":             {},
		ProviderEntra:  entraPreset(),
		ProviderApple:  applePreset(),
		ProviderGoogle: googlePreset(),
		ProviderGitHub: githubPreset(),
	}
}

// usePreset fills in the options that the provider decides.
func (s *Server) usePreset() {
	p, ok := presets()[s.opts.Provider]
	if !ok {
		panic("oauthtest: Options.Provider: no provider " + strconv.Quote(string(s.opts.Provider)))
	}
	s.preset = p
	if s.opts.Provider == "" {
		return
	}
	if s.opts.Path == "" {
		s.opts.Path = p.path
	}
	if s.opts.Provider == ProviderEntra && !strings.HasSuffix(s.opts.Path, "/v2.0") || s.opts.Provider != ProviderEntra && s.opts.Path != "" {
		panic("oauthtest: Options.Path is not one of the provider")
	}
	if len(s.opts.SigningAlgs) == 0 {
		s.opts.SigningAlgs = []string{"RS256"}
	}
}

// providerPath is where the provider has an endpoint. A provider has no others.
func (s *Server) providerPath(path string) (string, bool) {
	full, ok := s.preset.paths[path]
	tenant, _, _ := strings.Cut(strings.TrimPrefix(s.opts.Path, "/"), "/")
	return strings.ReplaceAll(full, "{tenant}", tenant), ok
}

// providerMetadata takes the metadata of the server to those of the provider.
func (s *Server) providerMetadata(m map[string]any) map[string]any {
	out := maps.Clone(s.preset.metadata)
	out["issuer"] = m["issuer"]
	for _, e := range s.endpoints {
		if e.name != "" {
			out[e.name] = s.main.URL + e.path
		}
	}
	if s.manyTenants() {
		out["issuer"] = s.main.URL + "/{tenantid}/v2.0"
	}
	return out
}

// removeClaims deletes claims.
func removeClaims(claims map[string]any, names ...string) {
	for _, name := range names {
		delete(claims, name)
	}
}
