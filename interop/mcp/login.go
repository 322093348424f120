package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"example.com/oauth"
)

// A login is the round tripper of an SDK's HTTP client for one MCP server: it logs in where
// the server asks for it. The SDK has an interface for that, too, which knows bearer tokens
// alone.
//
// The suite's servers send no iss, so that RequireResponseIssuer is not set, which a client
// that does not choose its servers sets: see examples/mcp.
type login struct {
	server     string       // the URL of the MCP server
	httpClient *http.Client // for requests without a token
	known      known
	browse     func(ctx context.Context, url string) (*http.Request, error) // returns the request to the redirect URI

	mu       sync.Mutex
	calls    *oauth.Transport // nil before the first login
	resource string
	listed   []string // scopes that the MCP server lists
	as       *oauth.AuthorizationServer
	client   *oauth.Client
	scope    []string // that the user was asked for
}

// known is what a client knows before it meets the server. All of it may be empty.
type known struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	PrivateKey   string `json:"private_key_pem"`
	Algorithm    string `json:"signing_algorithm"`
	IDPClientID  string `json:"idp_client_id"` // at the identity provider of a company
	IDPIssuer    string `json:"idp_issuer"`
	IDPIDToken   string `json:"idp_id_token"`
	WorkloadJWT  string `json:"valid_jwt"` // of the platform that the program runs on
}

const (
	redirectURI = "http://localhost:3000/callback"
	document    = "https://conformance-test.local/client-metadata.json" // the client's, which the suite knows

	typeIDJAG   = "urn:ietf:params:oauth:token-type:id-jag"
	grantBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// RoundTrip implements http.RoundTripper. A second refusal is the end.
func (l *login) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	used := l.calls
	l.mu.Unlock()
	resp, err := l.send(used, req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
		return resp, err
	}
	resp.Body.Close()
	now, err := l.authorize(req.Context(), resp, used)
	if err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	return l.send(now, again)
}

func (l *login) send(tr *oauth.Transport, req *http.Request) (*http.Response, error) {
	if tr == nil {
		return cmp.Or(l.httpClient.Transport, http.DefaultTransport).RoundTrip(req)
	}
	return tr.RoundTrip(req)
}

// authorize returns a Transport with which a request may succeed that was refused with the
// one that was used.
func (l *login) authorize(ctx context.Context, resp *http.Response, used *oauth.Transport) (*oauth.Transport, error) {
	var wanted map[string]string
	bound := false // the server takes tokens that are bound to a key
	for _, c := range oauth.ParseChallenges(resp.Header) {
		if c.HasScheme("Bearer") || c.HasScheme("DPoP") {
			wanted, bound = c.Params, bound || c.HasScheme("DPoP")
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.calls != used: // another request was refused, too
		return l.calls, nil
	case resp.StatusCode == http.StatusForbidden && wanted["error"] != "insufficient_scope":
		return nil, errors.New("the MCP server forbids it")
	case resp.StatusCode == http.StatusUnauthorized: // it may have moved to another server
		if err := l.meet(ctx, wanted["resource_metadata"], bound); err != nil {
			return nil, err
		}
	}
	scope := strings.Fields(wanted["scope"])
	if len(scope) == 0 {
		scope = slices.Clone(l.listed)
	}
	if slices.Contains(l.as.ScopesSupported, "offline_access") {
		scope = append(scope, "offline_access")
	}
	for _, s := range scope {
		if !slices.Contains(l.scope, s) {
			l.scope = append(l.scope, s)
		}
	}
	token, err := l.token(ctx)
	if err != nil {
		return nil, err
	}
	l.calls, err = l.client.NewTransport(token, oauth.TransportOptions{Origins: []string{origin(l.server)}})
	return l.calls, err
}

// token gets a token in the way that the authorization server offers.
func (l *login) token(ctx context.Context) (*oauth.Token, error) {
	grants := l.as.GrantTypesSupported
	opts := &oauth.GrantOptions{Scope: l.scope, Resource: []string{l.resource}}
	switch {
	case len(grants) == 0 || slices.Contains(grants, "authorization_code"):
		pending, err := l.client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
			RedirectURI: redirectURI, Scope: l.scope, Resource: opts.Resource,
		})
		if err != nil {
			return nil, err
		}
		back, err := l.browse(ctx, pending.URL())
		if err != nil {
			return nil, err
		}
		return l.client.FinishAuthorization(back, pending, nil)
	case slices.Contains(grants, "client_credentials"):
		return l.client.ClientCredentials(ctx, opts)
	case slices.Contains(grants, grantBearer) && l.known.WorkloadJWT != "":
		return l.client.JWTBearer(ctx, l.known.WorkloadJWT, opts)
	case slices.Contains(grants, grantBearer):
		assertion, err := l.assertion(ctx)
		if err != nil {
			return nil, err
		}
		return l.client.JWTBearer(ctx, assertion, opts)
	}
	return nil, errors.New("the authorization server has no grant that this client could use")
}

// assertion has the identity provider of the user's company vouch for the user: the ID
// token is exchanged for an assertion for the authorization server of the MCP server
// (Identity Assertion JWT Authorization Grant).
func (l *login) assertion(ctx context.Context) (string, error) {
	idp, err := oauth.Discover(ctx, l.known.IDPIssuer, l.discovery())
	if err != nil {
		return "", err
	}
	client, err := oauth.NewClient(oauth.Config{
		Server: idp, Metadata: oauth.ClientMetadata{ClientID: l.known.IDPClientID}, Auth: oauth.PublicClient(),
		HTTPClient: l.httpClient, InsecureAllowHTTP: true,
	})
	if err != nil {
		return "", err
	}
	t, err := client.ExchangeToken(ctx, &oauth.TokenExchangeRequest{
		SubjectToken: oauth.NewSecret(l.known.IDPIDToken), SubjectTokenType: oauth.TokenTypeIDToken, RequestedTokenType: typeIDJAG,
		Audience: []string{l.as.Issuer},
	}, &oauth.GrantOptions{Resource: []string{l.resource}})
	if err != nil {
		return "", err
	}
	return t.AccessToken.Reveal(), nil
}

func (l *login) discovery() *oauth.DiscoverOptions {
	return &oauth.DiscoverOptions{AnyPlace: true, HTTPClient: l.httpClient, InsecureAllowHTTP: true}
}

// meet finds the authorization server of the MCP server, and becomes a client of it if it
// is not one already.
func (l *login) meet(ctx context.Context, metadata string, bound bool) error {
	o := l.discovery()
	o.URL = metadata
	resource, err := oauth.DiscoverResource(ctx, l.server, o)
	var as *oauth.AuthorizationServer
	switch {
	case errors.Is(err, oauth.ErrRefused) && metadata == "":
		resource = &oauth.ResourceMetadata{Resource: l.server}
		as, err = l.before(ctx)
	case err == nil && len(resource.AuthorizationServers) == 0:
		err = errors.New("the MCP server names no authorization server")
	case err == nil:
		as, err = resource.Discover(ctx, resource.AuthorizationServers[0], o)
	}
	if err != nil {
		return err
	}
	l.resource, l.listed = resource.Resource, resource.ScopesSupported
	if l.as != nil && l.as.Issuer == as.Issuer {
		return nil
	}
	// What one server has issued is not for another one.
	l.as, l.client, l.calls, l.scope = as, nil, nil, nil
	cfg, err := l.config(ctx)
	if err != nil {
		return err
	}
	if bound && slices.Contains(as.DPoPSigningAlgValuesSupported, oauth.ES256) {
		key, err := oauth.GenerateSigningKey(oauth.ES256)
		if err != nil {
			return err
		}
		if cfg.DPoP, err = oauth.NewDPoP(key, oauth.Clock{}); err != nil {
			return err
		}
	}
	cfg.HTTPClient, cfg.InsecureAllowHTTP = l.httpClient, true
	l.client, err = oauth.NewClient(cfg)
	return err
}

// before finds the server in the way of 2025-03-26, before MCP servers had metadata: it
// is at the origin of the MCP server, and may have no metadata either. That version says
// nothing of the issuer, which is taken from the document if it is of the same origin.
func (l *login) before(ctx context.Context) (*oauth.AuthorizationServer, error) {
	base := origin(l.server)
	place := base + "/.well-known/oauth-authorization-server"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, err
	}
	resp, err := l.httpClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 == 4 {
		return &oauth.AuthorizationServer{
			Issuer: base, AuthorizationEndpoint: base + "/authorize", TokenEndpoint: base + "/token", RegistrationEndpoint: base + "/register",
		}, nil
	}
	var said oauth.AuthorizationServer
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<20)).Decode(&said); err != nil {
		return nil, err
	}
	if origin(said.Issuer) != base {
		return nil, errors.New("the issuer is of another origin than the MCP server")
	}
	return oauth.Discover(ctx, said.Issuer, &oauth.DiscoverOptions{URL: place, HTTPClient: l.httpClient, InsecureAllowHTTP: true})
}

// config is how the client is known to the authorization server: as it was registered
// before, by the URL of its metadata, or as it registers now.
func (l *login) config(ctx context.Context) (oauth.Config, error) {
	methods := l.as.TokenEndpointAuthMethodsSupported
	metadata := oauth.ClientMetadata{
		ClientName: "interop", RedirectURIs: []string{redirectURI}, ResponseTypes: []string{"code"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, ApplicationType: "native",
		TokenEndpointAuthMethod: "none",
	}
	cfg := oauth.Config{Server: l.as, Metadata: oauth.ClientMetadata{ClientID: l.known.ClientID}}
	switch {
	case l.known.PrivateKey != "":
		key, err := oauth.ParseSigningKey([]byte(l.known.PrivateKey), oauth.Algorithm(l.known.Algorithm), "")
		cfg.Auth = oauth.PrivateKeyJWT(key, nil)
		return cfg, err
	case l.known.ClientSecret != "":
		cfg.Auth = oauth.ClientSecretBasic(l.known.ClientSecret)
		return cfg, nil
	case l.known.ClientID != "":
		cfg.Auth = oauth.PublicClient()
		return cfg, nil
	case l.as.ClientIDMetadataDocumentSupported:
		cfg.Metadata.ClientID, cfg.Auth = document, oauth.PublicClient()
		return cfg, nil
	}
	if len(methods) > 0 && !slices.Contains(methods, "none") {
		metadata.TokenEndpointAuthMethod = methods[0]
	}
	reg, err := oauth.Register(ctx, l.as, metadata, &oauth.RegistrationOptions{HTTPClient: l.httpClient, InsecureAllowHTTP: true})
	if err != nil {
		return cfg, err
	}
	return reg.Config(l.as, nil)
}

func origin(raw string) string {
	u := must(url.Parse(raw))
	return u.Scheme + "://" + u.Host
}
