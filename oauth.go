// Package oauth PLACEHOLDER
package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The limits of the package, each with its reason.
const (
	maxBody            = 1 << 20  // bytes of an HTTP body: the largest real discovery documents and key sets are a tenth of it
	maxErrorBody       = 4 << 10  // bytes of an error body that are kept for a person to read
	maxResponseHeader  = 64 << 10 // bytes of a response's header, in the package's own client
	maxToken           = 64 << 10 // bytes of a compact token: twice what servers accept in a header
	maxHeader          = 8 << 10  // bytes of its header segment
	maxDepth           = 32       // of nested JSON: bounds the stack
	maxMembers         = 1024     // of a JSON object
	maxDocumentMembers = 1 << 16  // of a JSON document in all: no more fit usefully in maxBody
	maxHeaderMembers   = 64       // of a JOSE header in all
	maxKeys            = 500      // of a key set
	maxMemo            = 256      // remembered headers of a key set
	maxMemoHeader      = 1 << 10  // bytes of one
	maxChallengeLine   = 16 << 10 // bytes of a WWW-Authenticate field
	maxChallenges      = 32       // challenges of a response
	maxSaved           = 3 << 10  // bytes of an encoded Authorization: it shares a cookie of 4 KiB
	minRSABits         = 2048     // NIST SP 800-131A
	maxRSABits         = 8192     // verification takes 1 ms there and grows with the square

	overallTimeout  = 30 * time.Second // of a request, in the package's own client
	dialTimeout     = 5 * time.Second
	tlsTimeout      = 5 * time.Second
	headerTimeout   = 15 * time.Second
	idleTimeout     = 30 * time.Second // of an idle connection
	keyFetchTimeout = 10 * time.Second // of a key-set fetch that callers share

	keySoftAge         = 5 * time.Minute // of a key set, then a refresh is started
	minKeySoftAge      = time.Minute     // least soft age that Cache-Control can ask for
	defaultKeyAge      = time.Hour       // of keys that cannot be refreshed
	maxKeyAge          = 24 * time.Hour
	unknownKidInterval = time.Minute // between fetches for key ids that are not in the set
	keyBackoff         = time.Second // after the first failed fetch; doubles
	maxKeyBackoff      = time.Minute

	maxTolerance         = 10 * time.Minute // of the clock: more would undo expiry
	maxSkew              = 24 * time.Hour   // of the clock: a wrong time zone, not a wrong year
	maxAhead             = 10 * time.Minute // iat and auth_time may lie in the future: real clocks
	frontChannelAge      = time.Hour        // of an ID token that came through the browser
	assertionLifetime    = time.Minute
	maxAssertionLifetime = 10 * time.Minute
	authorizationAge     = time.Hour // between StartAuthorization and its end
	maxAuthorizationAge  = 24 * time.Hour
)

// Config configures a [Client]. Server and Metadata.ClientID are required.
type Config struct {
	// Server is the authorization server, as [Discover] returns it or written
	// down. It is copied.
	Server *AuthorizationServer

	// Metadata is what the client is registered with; ClientID is required.
	Metadata ClientMetadata

	// Auth authenticates the client. A public client says [None]. Nil: the
	// client only verifies; calls that authenticate return [ErrConfig].
	Auth ClientAuth

	// Clock judges times. Zero: the local time, with DefaultTolerance.
	Clock Clock

	// HTTPClient makes the requests. It is copied, without its cookie jar, and
	// redirects are not followed. Nil: one of the package's own, with timeouts.
	HTTPClient *http.Client

	// MTLS is the client certificate for the server's endpoints. Nil: none,
	// or that of HTTPClient.
	MTLS *MutualTLS

	// KeySet has the server's keys. Nil: one for Server.JWKSURI. Clients of one
	// server should share one.
	KeySet *KeySet

	// AllowTokenTypes are token types to accept beside bearer. An empty string
	// among them allows a missing token_type (LinkedIn).
	AllowTokenTypes []string

	// AcceptIssuer decides about the tenants of a multi-tenant server, whose
	// Issuer has {tenantid} in it (Entra ID), and is required there: without
	// it every tenant of the world could log in. It is called with the issuer
	// and tid of tokens whose signature is verified.
	AcceptIssuer func(iss, tid string) bool

	// AuthorizationLifetime is how long a user may take between
	// StartAuthorization and FinishAuthorization. Zero: 1 h; at most 24 h.
	AuthorizationLifetime time.Duration

	// Trace observes. Nil: nothing does.
	Trace *Trace

	// InsecureAllowHTTP allows http URLs: loopback and tests.
	InsecureAllowHTTP bool
}

// A Client is an OAuth 2 and OpenID Connect client of one authorization
// server. It is immutable and safe for concurrent use.
type Client struct {
	server     *AuthorizationServer
	meta       ClientMetadata
	auth       ClientAuth
	clock      Clock
	caller     *caller
	keys       *KeySet
	keysErr    error // why there is no key set
	useAliases bool
	tokenTypes []string
	accept     func(iss, tid string) bool
	lifetime   time.Duration
	idTokens   jwsRules
}

// NewClient makes a Client. It checks all that can be checked without a
// request, and its errors are of kind [ErrConfig], [ErrInsecureURL] and, for
// algorithms, [ErrAlgorithm].
func NewClient(cfg Config) (*Client, error) {
	c, err := newClient(cfg)
	if err != nil {
		return nil, withOp("configuration", err)
	}
	return c, nil
}

func newClient(cfg Config) (*Client, error) {
	if cfg.Server == nil {
		return nil, fail(ErrConfig, "Server", "is nil: pass what Discover returns")
	}
	server, err := cfg.Server.clone()
	if err != nil {
		return nil, &Error{Kind: ErrConfig, Param: "Server", Detail: "cannot be used", Err: err}
	}
	c := &Client{
		server:     server,
		meta:       cfg.Metadata,
		auth:       cfg.Auth,
		clock:      cfg.Clock,
		useAliases: cfg.MTLS != nil || cfg.Metadata.UseMTLSEndpointAliases,
		tokenTypes: slices.Clone(cfg.AllowTokenTypes),
		accept:     cfg.AcceptIssuer,
		lifetime:   cfg.AuthorizationLifetime,
	}
	if m := c.meta.DefaultMaxAge; m != nil {
		c.meta.DefaultMaxAge = new(int64)
		*c.meta.DefaultMaxAge = *m
	}
	for _, check := range [...]func(*Config) error{
		c.checkIdentity, c.checkTimes, c.setAlgorithms, c.setTransport, c.checkAuth,
	} {
		if err := check(&cfg); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Client) checkIdentity(*Config) error {
	template := strings.Contains(c.server.Issuer, tenantPlaceholder)
	switch {
	case c.server.Issuer == "":
		return fail(ErrConfig, "Server.Issuer", "is empty: it is what iss is compared with")
	case c.meta.ClientID == "":
		return fail(ErrConfig, "Metadata.ClientID", "is empty: set the client_id that the server gave out")
	case template && c.accept == nil:
		return fail(ErrConfig, "AcceptIssuer", "is required, because the issuer is a template for all tenants: decide there which tenants may log in")
	case !template && c.accept != nil:
		return fail(ErrConfig, "AcceptIssuer", "is set, but the issuer has no %s in it: it would never be called", tenantPlaceholder)
	}
	return nil
}

func (c *Client) checkTimes(*Config) error {
	if c.lifetime == 0 {
		c.lifetime = authorizationAge
	}
	if c.lifetime < 0 || c.lifetime > maxAuthorizationAge {
		return fail(ErrConfig, "AuthorizationLifetime", "%v is not between 0 and %v", c.lifetime, maxAuthorizationAge)
	}
	if m := c.meta.DefaultMaxAge; m != nil && *m < 0 {
		return fail(ErrConfig, "Metadata.DefaultMaxAge", "is negative")
	}
	return c.clock.validate()
}

func (c *Client) setAlgorithms(*Config) error {
	m := &c.meta
	list, err := allowedAlgorithms("Metadata.IDTokenSignedResponseAlg", m.IDTokenSignedResponseAlg,
		"Server.IDTokenSigningAlgValues", c.server.IDTokenSigningAlgValues, RS256)
	if err != nil {
		return err
	}
	c.idTokens = jwsRules{allowed: list, typ: idTokenType, what: "an ID token"}
	for _, a := range [...]struct {
		param string
		alg   Algorithm
	}{
		{"Metadata.UserinfoSignedResponseAlg", m.UserinfoSignedResponseAlg},
		{"Metadata.AuthorizationSignedResponseAlg", m.AuthorizationSignedResponseAlg},
		{"Metadata.IntrospectionSignedResponseAlg", m.IntrospectionSignedResponseAlg},
	} {
		if a.alg != "" {
			if _, err := signatureAlgorithm(a.param, a.alg); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Client) setTransport(cfg *Config) error {
	client, keyClient := cfg.HTTPClient, cfg.HTTPClient
	if cfg.MTLS != nil {
		var err error
		if client, keyClient, err = cfg.MTLS.clients(cfg.HTTPClient, c.clock); err != nil {
			return err
		}
		if url, _, err := c.endpointURL(tokenEndpoint); err == nil && cfg.MTLS.Wrap == nil {
			if err := checkProxy(client.Transport, url); err != nil {
				return err
			}
		}
	}
	c.caller = newCaller(client, cfg.InsecureAllowHTTP, cfg.Trace)
	switch {
	case cfg.KeySet != nil:
		c.keys = cfg.KeySet
	case c.server.JWKSURI == "":
		c.keysErr = fail(ErrConfig, "jwks_uri", "the server's metadata has none: set it in Config.Server, or set Config.KeySet")
	default:
		c.keys, c.keysErr = NewKeySet(c.server.JWKSURI, &KeySetOptions{HTTPClient: keyClient, Trace: cfg.Trace, InsecureAllowHTTP: cfg.InsecureAllowHTTP})
	}
	return nil
}

func (c *Client) checkAuth(cfg *Config) error {
	if f, ok := c.auth.(faulty); ok {
		if err := f.fault(); err != nil {
			return err
		}
	}
	switch a := c.auth.(type) {
	case tlsAuth:
		if cfg.MTLS == nil && !offersCertificate(cfg.HTTPClient) {
			return fail(ErrConfig, "MTLS", "TLSClientAuth needs a client certificate: set Config.MTLS")
		}
	case *jwtAuth:
		if _, err := a.audienceOf(c.server); err != nil {
			return err
		}
	}
	return nil
}

// CloseIdleConnections closes connections that are kept for further requests.
// A program calls it after it renewed a client certificate, or when it is done
// with the Client.
func (c *Client) CloseIdleConnections() {
	c.caller.client.CloseIdleConnections()
	if c.keys != nil && c.keys.caller != nil {
		c.keys.caller.client.CloseIdleConnections()
	}
}

// post sends an authenticated request to an endpoint. The client authenticates
// anew for every attempt: an assertion that is sent twice is a replay.
func (c *Client) post(ctx context.Context, e endpoint, op string, form url.Values, header http.Header) (*httpResponse, error) {
	target, member, err := c.endpointURL(e)
	if err != nil {
		return nil, withOp(op, err)
	}
	if c.auth == nil {
		return nil, fail(ErrConfig, "Auth", "is nil, so this client cannot call the server: set it, None() for a public client").in(op)
	}
	if _, err := c.caller.checkURL(member, target); err != nil {
		return nil, withOp(op, err) // before anything secret is made for it
	}
	r := &ClientAuthRequest{
		Server: c.server, ClientID: c.meta.ClientID, Endpoint: target, Now: c.clock.now(),
		Header: http.Header{}, Form: url.Values{},
	}
	for name, values := range header {
		r.Header[name] = slices.Clone(values)
	}
	for name, values := range form {
		r.Form[name] = slices.Clone(values)
	}
	if err := c.auth.Authenticate(ctx, r); err != nil {
		return nil, withOp(op, err)
	}
	return c.caller.do(ctx, &httpRequest{op: op, url: target, param: member, header: r.Header, form: r.Form, accept: mediaJSON})
}

// keySet is where the server's keys are.
func (c *Client) keySet() (*KeySet, error) {
	if c.keysErr != nil {
		return nil, c.keysErr
	}
	return c.keys, nil
}

// setParams adds the caller's parameters to form. They cannot name one that
// the package sets, whether or not it does so this time: what looks like an
// addition would be a replacement.
func setParams(form, params url.Values, reserved ...string) error {
	for name, values := range params {
		if _, set := form[name]; set || slices.Contains(reserved, name) {
			return fail(ErrConfig, "Params", "%s is set by the package", printable(name, 64))
		}
		form[name] = slices.Clone(values)
	}
	return nil
}
