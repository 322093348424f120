package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/examples/internal/env"
	"example.com/oauth/examples/internal/loopback"
)

// metadata is what the client registers with.
var metadata = oauth.ClientMetadata{
	ClientName:              "mcp-example",
	RedirectURIs:            []string{"http://127.0.0.1/callback"}, // with any port
	ResponseTypes:           []string{"code"},
	GrantTypes:              []string{"authorization_code", "refresh_token"},
	TokenEndpointAuthMethod: "none",
	ApplicationType:         "native",
}

// A session is with one MCP server.
type session struct {
	url      string
	http     *http.Client // that the program was given; may be nil
	calls    *http.Client // with the token, once there is one
	client   *oauth.Client
	resource *oauth.ResourceMetadata
	scope    []string // that the user was asked for
}

// call sends a message, and once more after the user has logged in: before the first one
// (401), and where a tool needs more than was granted (403).
func (s *session) call(ctx context.Context, method, params string) (result json.RawMessage) {
	resp := s.send(ctx, method, params)
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		resp.Body.Close()
		s.authorize(ctx, resp)
		resp = s.send(ctx, method, params)
	}
	defer resp.Body.Close()
	var m struct{ Result json.RawMessage }
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<20)).Decode(&m); err != nil || m.Result == nil {
		log.Fatalf("%s: the MCP server answers %d", method, resp.StatusCode)
	}
	return m.Result
}

func (s *session) send(ctx context.Context, method, params string) *http.Response {
	body := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, body)
	env.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("MCP-Protocol-Version", "2025-11-25")
	resp, err := s.calls.Do(req)
	env.Check(err)
	return resp
}

// authorize gets a token with which a request may succeed that was refused.
func (s *session) authorize(ctx context.Context, resp *http.Response) {
	var wanted map[string]string
	for _, c := range oauth.ParseChallenges(resp.Header) {
		if c.HasScheme("Bearer") {
			wanted = c.Params
		}
	}
	if resp.StatusCode == http.StatusForbidden && wanted["error"] != "insufficient_scope" {
		log.Fatal("the MCP server forbids it")
	}
	if s.client == nil {
		s.meet(ctx, wanted["resource_metadata"])
	}
	// What this call needs, and what others had; all that there is, if nothing is said.
	for _, scope := range strings.Fields(cmp.Or(wanted["scope"], strings.Join(s.resource.ScopesSupported, " "))) {
		if !slices.Contains(s.scope, scope) {
			s.scope = append(s.scope, scope)
		}
	}
	request := oauth.AuthorizationRequest{Scope: s.scope, Resource: []string{s.resource.Resource}}
	token, err := loopback.LogIn(ctx, s.client, request)
	env.Check(err)
	transport, err := s.client.NewTransport(token, oauth.TransportOptions{Origins: []string{env.Origin("OAUTH_API")}})
	env.Check(err)
	s.calls = &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// meet finds the authorization server of the MCP server, and becomes a client of it. The
// MCP server may name any, which gets no credentials but those that it issues itself. A
// client that does this on a server, for others, does it with
// [oauth.NewInternetHTTPClient].
func (s *session) meet(ctx context.Context, document string) {
	o := &oauth.DiscoverOptions{AnyPlace: true, URL: document, HTTPClient: s.http}
	resource, err := oauth.DiscoverResource(ctx, s.url, o)
	env.Check(err)
	server, err := resource.Discover(ctx, os.Getenv("OAUTH_ISSUER"), o)
	env.Check(err)
	if !slices.Contains(server.CodeChallengeMethodsSupported, "S256") {
		log.Fatal("the authorization server does not say that it checks PKCE, as MCP requires")
	}
	id := os.Getenv("OAUTH_CLIENT_ID") // the URL of a document that ClientIDMetadataHandler serves
	cfg := oauth.Config{Server: server, Metadata: oauth.ClientMetadata{ClientID: id}, Auth: oauth.PublicClient()}
	if id == "" || !server.ClientIDMetadataDocumentSupported {
		// The registration is for this run alone; examples/register keeps it.
		reg, err := oauth.Register(ctx, server, metadata, &oauth.RegistrationOptions{HTTPClient: s.http})
		env.Check(err)
		cfg, err = reg.Config(server, nil)
		env.Check(err)
	}
	// The MCP server names the authorization server, which writes its metadata itself, and
	// could name an honest one as the place to log in at. Its response names itself.
	cfg.HTTPClient, cfg.RequireResponseIssuer = s.http, true
	s.client, err = oauth.NewClient(cfg)
	env.Check(err)
	s.resource = resource
}
