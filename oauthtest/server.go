package oauthtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits and lifetimes of the server. None but that of access tokens and the
// interval of polls is configurable: a test moves [Options.Now] where it wants to
// see something expire.
const (
	maxBody             = 1 << 20 // a request body over it is answered with 413
	codeLifetime        = 60 * time.Second
	accessTokenLifetime = 10 * time.Minute // without Options.AccessTokenLifetime
	idTokenLifetime     = 5 * time.Minute
	responseLifetime    = 10 * time.Minute // of a JWT authorization response: JARM, Section 2.1
	pushedLifetime      = 60 * time.Second
	maxRequestLifetime  = time.Hour // of a request object: FAPI 1 Advanced, Section 5.2.2
	deviceLifetime      = 10 * time.Minute
	backchannelLifetime = 2 * time.Minute // without requested_expiry
	maxRequestedExpiry  = time.Hour       // what a greater requested_expiry becomes
	maxBindingMessage   = 64              // characters
	pollInterval        = 5 * time.Second // without Options.PollInterval
	pollIncrement       = 5 * time.Second // of a slow_down: RFC 8628, Section 3.5
	hugeSize            = 2 << 20         // of the answers that TokenHuge and JWKSHuge make
)

// Options configures a [Server]. The zero value configures a server over TLS at the
// root of its host.
type Options struct {
	// Plain serves http instead of https. Such a server has no second listener for
	// client certificates, and does not announce mutual TLS.
	Plain bool

	// Path is the path of the issuer, for example "/tenant/one". It may end with a
	// slash. If empty, the issuer is the bare origin.
	Path string

	// Issuer is the issuer identifier in the server's metadata, tokens and
	// authorization responses. If empty, it is URL + Path. It does not change any
	// endpoint.
	Issuer string

	// Now is the server's clock. It is called from several goroutines. If nil,
	// time.Now is used. The validity of the server's own certificate does not
	// depend on it.
	Now func() time.Time

	// SigningAlgs are the JWS algorithms that the server announces and signs with.
	// If empty, they are all that it supports: RS, PS and ES with 256, 384 and 512,
	// Ed25519 and EdDSA. The server makes a key when it first needs it. An RSA key
	// is by far the slowest; a test that does not need one should set ES256 here,
	// or in each [Client].
	SigningAlgs []string

	// AuthorizationDetailsTypes are the types of authorization_details (RFC 9396)
	// that the server announces and grants. If empty, it grants all types and
	// announces none.
	AuthorizationDetailsTypes []string

	// Interactive shows a login page to a user agent that has no session. If false,
	// the server logs the user in without a page.
	Interactive bool

	// PendingAnswers, if positive, approves device authorization and backchannel
	// authentication requests automatically. After that number of
	// authorization_pending responses, the next poll succeeds, for the user of the
	// hint or for alice. With the login_hint "deny", the request is refused then.
	// No notification is sent.
	PendingAnswers int

	// PollInterval is the interval of device authorization and backchannel
	// authentication requests. It must be a whole number of seconds; zero means
	// five seconds. A client that respects it waits for that long before its first
	// poll, too.
	PollInterval time.Duration

	// EditMetadata, if not nil, may change the discovery document each time before
	// it is sent. It is called from several goroutines.
	EditMetadata func(metadata map[string]any)

	// EditIDToken, if not nil, may change the header and claims of each ID token
	// before it is signed. Setting "alg" does not change how the token is signed.
	// It is called from several goroutines.
	EditIDToken func(header, claims map[string]any)

	// InitialAccessToken, if not empty, is the bearer token that registration
	// requires (RFC 7591, Section 3). If empty, any client may register.
	InitialAccessToken string

	// SoftwareStatementKeys is the JWK Set with the keys of trusted software
	// statements. If empty, the server refuses all software statements.
	SoftwareStatementKeys []byte

	// ClientIDMetadataDocuments accepts an https URL as a client_id. If it is not
	// registered, the server fetches the client's metadata from that URL once
	// (draft-ietf-oauth-client-id-metadata-document).
	ClientIDMetadataDocuments bool

	// DPoPNonce says which nonces the proofs at the server's own endpoints must
	// have, and DPoPResourceNonce says it for /userinfo and /resource. The zero
	// value requires none.
	DPoPNonce         DPoPNonceMode
	DPoPResourceNonce DPoPNonceMode

	// AccessTokenLifetime is the lifetime of access tokens, in whole seconds. Zero
	// means ten minutes.
	AccessTokenLifetime time.Duration

	// JWTAccessTokens makes access tokens JWTs (RFC 9068, Section 2), with typ
	// at+jwt. Their aud, which introspection returns too, is the resources that
	// were granted or, if there are none, the client_id. If false, access tokens
	// are opaque.
	JWTAccessTokens bool

	// AccessTokenAlg is the algorithm that JWT access tokens are signed with. It
	// must be in SigningAlgs. If empty, it is the first of SigningAlgs, or ES256 if
	// SigningAlgs is empty.
	AccessTokenAlg string

	// EditAccessToken, if not nil, may change the header and claims of each JWT
	// access token before it is signed. Setting "alg" does not change how the token
	// is signed. The server's own endpoints use the grant, whatever the claims say.
	// It is called from several goroutines.
	EditAccessToken func(header, claims map[string]any)

	// RefreshDelay, if not nil, is called before each response to a refresh, after
	// the refresh token has been used up. The server sends the response when
	// RefreshDelay returns. It is called from several goroutines, and Close waits
	// for it.
	RefreshDelay func()

	// OutgoingClient sends the requests of the server itself: for metadata
	// documents, logout tokens and the notifications of CIBA's ping mode. These
	// requests do not follow redirects, and take at most ten seconds. If nil, it is
	// [Server.Client], which trusts only the servers of this package.
	OutgoingClient *http.Client

	// Listener is where the server listens, for a fixed address: for example, the
	// result of net.Listen("tcp", "127.0.0.1:9096"). Close closes it. It must be on
	// loopback, unless InsecureListen is set. If nil, the server listens on a free
	// port of 127.0.0.1. The second listener, for client certificates, always has a
	// free port of the same host.
	Listener net.Listener

	// InsecureListen allows a Listener to which other machines can connect.
	//
	// WARNING: Anyone who can connect to the server can log in as any user. If
	// Control is set, they can also change it.
	InsecureListen bool

	// URL is the origin under which clients reach the server, if it is not the
	// address of the Listener: for example, "https://idp:9096" in a network of
	// containers. It has no path. The certificate of the server is valid for its
	// host. It must be set if the Listener is on all addresses of the machine.
	URL string

	// Provider, if not empty, gives the server the habits of a provider, for the test of
	// an application that logs its users in there.
	Provider Provider

	// Control serves a JSON interface for programs in other languages, outside of
	// Path. A response without an error has status 200, or 204 if it has no body; an
	// error is in the member error.
	//
	//	POST /oauthtest/users          {"sub", "claims", "user_code"}
	//	POST /oauthtest/clients        {"client_id", "client_secret", …}
	//	PUT  /oauthtest/faults         {"faults": ["WrongNonce"]}
	//	GET  /oauthtest/faults         all faults, with their part
	//	POST /oauthtest/access_token   {"client_id", "user", "claims"}
	//	POST /oauthtest/id_token       {"client_id", "user", "claims"}
	//	GET  /oauthtest/root.pem       the root certificate
	//
	// They are [Server.AddUser], [Server.AddClient] with the metadata of RFC 7591,
	// [Server.Fault], [Faults], [Server.AccessToken], [Server.IDToken] and
	// [Server.RootCertificate]. Requests must name this server in their Host, and
	// bodies must be application/json, so that no page in a browser can use it.
	Control bool
}

// A Server is an OpenID Provider and OAuth 2.0 authorization server that listens on
// loopback. It must be created with [NewServer]. All its methods are safe for
// concurrent use.
type Server struct {
	opts      Options
	issuer    string
	main      *httptest.Server
	mtls      *httptest.Server // nil with Options.Plain
	ca        *authority
	client    *http.Client
	endpoints []endpoint
	preset    *preset
	keys      keyRing

	encryptionKeys keyRing // for request objects

	mu       sync.Mutex // guards all below
	clients  map[string]*Client
	users    map[string]User
	faults   []Fault
	log      []Request
	sessions map[string]*session              // by cookie
	pending  map[string]*authorizationRequest // login pages shown, by their hidden field
	pushed   map[string]*pushedRequest        // by request_uri
	codes    map[string]*code
	access   map[string]*accessToken
	refresh  map[string]*refreshToken
	jtis     map[string]time.Time // of assertions, request objects and proofs, until they expire

	polls     map[string]*polled // by device_code or auth_req_id
	userCodes map[string]*polled // by plainUserCode

	nonces []string // for DPoP proofs, in the order they were given out

	consents map[membershipKey]bool // who has logged in at a client before

	statementKeys []publicKey              // not guarded: never changed
	registrations map[string]*registration // by client_id
	memberships   []membership             // of all sessions, in order
	logouts       []BackchannelLogout
	logoutJTI     string // of the last logout token
}

// An endpoint is one row of the server's routing table, which discovery
// reads too.
type endpoint struct {
	name    string // member of the metadata; "": not announced
	path    string // below the issuer's path
	methods string
	mtls    bool // announced in mtls_endpoint_aliases
	serve   func(*Server, http.ResponseWriter, *http.Request)
}

// The paths of the endpoints below the issuer's path. The fault tables refer
// to them.
const (
	discoveryPath = "/.well-known/openid-configuration"
	metadataPath  = "/.well-known/oauth-authorization-server"
	jwksPath      = "/jwks"
	authorizePath = "/authorize"
	loginPath     = "/login"
	parPath       = "/par"
	tokenPath     = "/token"
	userinfoPath  = "/userinfo"

	introspectPath       = "/introspect"
	revokePath           = "/revoke"
	registerPath         = "/register"
	registrationPath     = "/registration"
	endSessionPath       = "/logout"
	resourcePath         = "/resource"
	resourceRedirectPath = resourcePath + "/redirect"
	resourceMetadataPath = "/.well-known/oauth-protected-resource"

	deviceAuthorizationPath = "/device_authorization"
	devicePagePath          = "/device"
	backchannelPath         = "/bc-authorize"
)

// routes is a function and not a variable because discovery, which it lists,
// reads it.
func routes() []endpoint {
	return []endpoint{
		{"", discoveryPath, "GET", false, (*Server).serveDiscovery},
		{"", metadataPath, "GET", false, (*Server).serveDiscovery},
		{"jwks_uri", jwksPath, "GET", false, (*Server).serveJWKS},
		{"authorization_endpoint", authorizePath, "GET POST", false, (*Server).serveAuthorize},
		{"", loginPath, "POST", false, (*Server).serveLogin},
		{"pushed_authorization_request_endpoint", parPath, "POST", true, (*Server).servePAR},
		{"token_endpoint", tokenPath, "POST", true, (*Server).serveToken},
		{"userinfo_endpoint", userinfoPath, "GET POST", true, (*Server).serveUserinfo},

		{"introspection_endpoint", introspectPath, "POST", true, (*Server).serveIntrospection},
		{"revocation_endpoint", revokePath, "POST", true, (*Server).serveRevocation},
		{"registration_endpoint", registerPath, "POST", false, (*Server).serveRegister},
		{"", registrationPath, "GET PUT DELETE", false, (*Server).serveRegistration},
		{"end_session_endpoint", endSessionPath, "GET POST", false, (*Server).serveEndSession},
		{"", resourcePath, "GET POST PUT", false, (*Server).serveResource},
		{"", resourceRedirectPath, "GET POST PUT", false, (*Server).serveResourceRedirect},
		{"", resourceMetadataPath, "GET", false, (*Server).serveResourceMetadata},
		{"", resourceMetadataPath + resourcePath, "GET", false, (*Server).serveResourceMetadata},

		{"device_authorization_endpoint", deviceAuthorizationPath, "POST", true, (*Server).serveDeviceAuthorization},
		{"", devicePagePath, "GET POST", false, (*Server).serveDevicePage},
		{"backchannel_authentication_endpoint", backchannelPath, "POST", true, (*Server).serveBackchannel},
	}
}

// NewServer starts and returns a server on a loopback port. It has one user,
// "alice", and no client. If opts is nil, it is the zero Options. The caller should
// call Close when finished. NewServer panics if it cannot listen, as
// httptest.NewServer does, or if opts is invalid.
func NewServer(opts *Options) *Server {
	s := &Server{
		ca:       processAuthority(),
		clients:  make(map[string]*Client),
		users:    make(map[string]User),
		sessions: make(map[string]*session),
		pending:  make(map[string]*authorizationRequest),
		pushed:   make(map[string]*pushedRequest),
		codes:    make(map[string]*code),
		access:   make(map[string]*accessToken),
		refresh:  make(map[string]*refreshToken),
		jtis:     make(map[string]time.Time),

		registrations: make(map[string]*registration),

		polls:     make(map[string]*polled),
		userCodes: make(map[string]*polled),
		consents:  make(map[membershipKey]bool),
	}
	if opts != nil {
		s.opts = *opts
	}
	s.usePreset()
	s.checkOptions()
	s.endpoints = s.ownRoutes()
	s.AddUser(User{Subject: "alice", Claims: map[string]any{
		"name":           "Alice Example",
		"email":          "alice@example.com",
		"email_verified": true,
	}})
	s.listen()
	s.issuer = s.opts.Issuer
	if s.issuer == "" {
		s.issuer = s.main.URL + s.opts.Path
		if s.manyTenants() {
			s.issuer = s.main.URL + "/" + s.tenant() + "/v2.0"
		}
	}
	s.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.ca.pool},
	}}
	return s
}

// checkOptions panics if the options are invalid, and fills in what they leave open.
func (s *Server) checkOptions() {
	if s.opts.Path != "" && !strings.HasPrefix(s.opts.Path, "/") {
		panic("oauthtest: Options.Path does not start with a slash")
	}
	if s.opts.PollInterval < 0 || s.opts.PollInterval%time.Second != 0 {
		panic("oauthtest: Options.PollInterval is not a number of seconds")
	}
	if s.opts.PollInterval == 0 {
		s.opts.PollInterval = pollInterval
	}
	s.opts.AuthorizationDetailsTypes = slices.Clone(s.opts.AuthorizationDetailsTypes)
	s.opts.SigningAlgs = slices.Clone(s.opts.SigningAlgs)
	for _, alg := range s.opts.SigningAlgs {
		if _, ok := algorithmByName(alg); !ok {
			panic("oauthtest: Options.SigningAlgs: unknown algorithm " + alg)
		}
	}
	s.opts.AccessTokenAlg = s.opts.chooseAccessTokenAlg()
	if len(s.opts.SigningAlgs) == 0 {
		for _, a := range algorithms {
			s.opts.SigningAlgs = append(s.opts.SigningAlgs, a.name)
		}
	}
	if !slices.Contains(s.opts.SigningAlgs, s.opts.AccessTokenAlg) {
		panic("oauthtest: Options.AccessTokenAlg: " + s.opts.AccessTokenAlg + " is not in Options.SigningAlgs")
	}
	if len(s.opts.SoftwareStatementKeys) > 0 {
		keys, err := parseJWKS(s.opts.SoftwareStatementKeys)
		if err != nil {
			panic("oauthtest: Options.SoftwareStatementKeys: " + err.Error())
		}
		s.statementKeys = keys
	}
}

// ownRoutes are the routes of this server, with their paths on its host.
func (s *Server) ownRoutes() (own []endpoint) {
	for _, e := range routes() {
		if _, ok := s.preset.paths[e.path]; ok || s.preset.paths == nil {
			e.path = s.fullPath(e.path)
			own = append(own, e)
		}
	}
	return append(own, s.preset.more...)
}

// URL returns the origin of the server, for example "https://127.0.0.1:41234".
func (s *Server) URL() string { return s.main.URL }

// Issuer returns the issuer identifier. A client passes it to discovery, and
// compares iss with it.
func (s *Server) Issuer() string { return s.issuer }

// Client returns an HTTP client that trusts the server's certificate, including on
// the listener that requests client certificates. It follows redirects, as any
// http.Client does. Close closes its idle connections.
func (s *Server) Client() *http.Client { return s.client }

// RootCAs returns a pool with the [Server.RootCertificate], for a transport of the
// caller's own.
func (s *Server) RootCAs() *x509.CertPool { return s.ca.pool.Clone() }

// RootCertificate returns the root certificate of the server, for programs in other
// languages. It is the same for all servers of a process, so that a client that
// trusts one of them trusts all.
func (s *Server) RootCertificate() *x509.Certificate { return s.ca.cert }

// Close shuts the server down and blocks until all outstanding requests have
// completed.
func (s *Server) Close() {
	s.client.CloseIdleConnections()
	s.main.Close()
	if s.mtls != nil {
		s.mtls.Close()
	}
}

// fullPath returns the path of an endpoint on its host. OpenID Connect
// Discovery, Section 4 appends to the issuer's path, after removing a
// terminating slash; RFC 8414, Section 3.1 and RFC 9728, Section 3.1 insert
// before it.
func (s *Server) fullPath(path string) string {
	if full, ok := s.providerPath(path); ok {
		return full
	}
	base := strings.TrimSuffix(s.opts.Path, "/")
	for _, wellKnown := range [...]string{metadataPath, resourceMetadataPath} {
		if rest, ok := strings.CutPrefix(path, wellKnown); ok {
			return wellKnown + base + rest
		}
	}
	return base + path
}

// endpointURL returns the URL of an endpoint on the main listener.
func (s *Server) endpointURL(path string) string { return s.main.URL + s.fullPath(path) }

func (s *Server) now() time.Time {
	if s.opts.Now != nil {
		return s.opts.Now()
	}
	return time.Now()
}

// serve is the handler of both listeners: it records the request, lets a fault
// answer in place of the endpoint, and routes.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "request body too large or broken", http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if s.opts.Control && strings.HasPrefix(r.URL.Path, controlPath) {
		s.serveControl(w, r)
		return
	}
	r = s.record(r, body)
	for _, e := range s.endpoints {
		if e.path != r.URL.Path {
			continue
		}
		if !slices.Contains(strings.Fields(e.methods), r.Method) {
			w.Header().Set("Allow", strings.ReplaceAll(e.methods, " ", ", "))
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		s.echoInteraction(w, r)
		r = s.takeProof(w, r)
		if s.replaceAnswer(w, r) {
			return
		}
		if perr := s.fetchClient(r); perr != nil {
			perr.write(w)
			return
		}
		e.serve(s, w, r)
		return
	}
	http.NotFound(w, r)
}
