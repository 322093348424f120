package oauth

// This file implements the configuration of a resource server, and its metadata (RFC
// 9728). The way from a request to a token is in authenticate.go.

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ResourceServerConfig configures a [ResourceServer]. Resource must be set, and at
// least one of Servers, ServerFor and Introspect.
type ResourceServerConfig struct {
	// Resource is the identifier of the API (RFC 8707). If it is an https URL, the API
	// has metadata (RFC 9728), and challenges name their URL. A client that knows only
	// a URL of the API finds the metadata only if that URL is the Resource (RFC 9728,
	// Section 3.3).
	Resource string

	// Audiences are the names that servers have for the API; TrustedServer.Audiences are
	// those of one server. The aud claim of a token
	// must contain one of them, byte for byte, except that a URL without a path may end in
	// a slash or not. If nil, it must contain Resource; Audiences must not be empty
	// otherwise. Servers that do not support RFC 8707 have
	// names of their own, for example the GUID of an application (Entra ID) or
	// api://default (Okta).
	Audiences []string

	// BaseURL is the origin that clients call, for example https://api.example.com:
	// scheme and authority, without a path. The htu of DPoP proofs is compared with
	// it; the header fields Host and Forwarded are ignored. If empty, it is the
	// origin of Resource. If Resource is not a URL and neither BaseURL nor RequestURL
	// is set, no proof can be checked; see DisableDPoP.
	BaseURL string

	// Servers are the authorization servers whose JWT access tokens are accepted.
	// No two may have the same issuer.
	Servers []TrustedServer

	// ServerFor returns the authorization server of an issuer that is not in Servers,
	// for an API whose servers are known only at run time, for example one for each
	// customer. It is called for the iss of tokens that nobody has verified yet, and
	// only if AllowIssuer accepts it. It returns nil, without an error, if there is no
	// such server; tokens of the issuer are then refused for a minute. If it returns an
	// error, or a server of another issuer, they are refused with ErrUnavailable and
	// status 503 for five seconds. It has ten seconds, and may be called concurrently.
	// Its result is for every request, so it must not depend on values of ctx.
	//
	// A server is asked for again after ten minutes, and is used meanwhile, while
	// ServerFor fails for up to an hour. Up to 1,000 issuers are remembered; those
	// without a valid token yet are forgotten first, then the one whose last valid token
	// is longest ago. ServerFor is called at most ten times a second; further calls for
	// new issuers are refused with ErrUnavailable. Metadata.AuthorizationServers does
	// not follow from it. If nil, there are only Servers.
	ServerFor func(ctx context.Context, iss string) (*TrustedServer, error)

	// AllowIssuer reports whether tokens of an issuer that is not in Servers may be
	// accepted. It is called for every request with such a token. It must be set if
	// ServerFor is, and only then.
	//
	// WARNING: iss is chosen by whoever sends the token. AllowIssuer should accept only
	// issuers that the program knows, for example those in its database, because
	// ServerFor may make requests to them. If it accepts more than 1,000 issuers, or
	// any that a stranger can make up, tokens that nobody has signed can keep ServerFor
	// busy, and honest tokens of new issuers out.
	AllowIssuer func(iss string) bool

	// HTTPClient fetches the servers' keys. It is copied. If nil, the package uses
	// a client of its own, with timeouts.
	HTTPClient        *http.Client
	InsecureAllowHTTP bool // allow http URLs, for loopback and tests only

	// Clock is used to check times. The zero value is the local time, with
	// DefaultTolerance.
	Clock Clock

	// RequireDPoP refuses tokens that are not bound to a DPoP key, and RequireMTLS
	// refuses tokens that are not bound to a client certificate. If a token is
	// bound, the binding is always checked, even if neither is set.
	RequireDPoP, RequireMTLS bool

	// DisableDPoP refuses tokens that are bound to a DPoP key, and leaves DPoP out of
	// challenges and metadata. It is for APIs whose servers issue no such tokens.
	// RequireDPoP and DPoPNonceKeys must not be set.
	DisableDPoP bool

	// DPoPAlgorithms are the algorithms that DPoP proofs may be signed with. If
	// nil, they are all algorithms that the package verifies. It must not be empty
	// otherwise.
	DPoPAlgorithms []Algorithm

	// RequestURL returns the URL that the client called. It is needed if BaseURL
	// and the path of the request line do not make up that URL, for example behind
	// a proxy that changes paths. It is called for requests with a DPoP proof.
	// Query and fragment of the URL are ignored. If it returns an error, the
	// request is refused with status 400. If nil, the URL consists of BaseURL and
	// the path of the request line.
	//
	// WARNING: RequestURL must not take the scheme or host from the request,
	// because the client chooses r.Host and, if it has a host, r.URL.
	RequestURL func(*http.Request) (*url.URL, error)

	// ClientCertificate returns the client's certificate, if TLS ends at a proxy
	// that passes the certificate on (RFC 9440). r.TLS is ignored then. It returns
	// nil, without an error, if the client has no certificate. If it returns an
	// error, the request is refused with status 400. If ClientCertificate is nil,
	// the certificate is taken from r.TLS.
	//
	// WARNING: ClientCertificate must make sure that the request comes from the
	// proxy. Otherwise, anyone who can send the proxy's header field can use any
	// certificate.
	ClientCertificate func(*http.Request) (*x509.Certificate, error)

	// Replay records DPoP proofs so that each is accepted only once. If nil, up to
	// ReplaySize proofs are kept in memory. Servers that share a Resource must
	// share a ReplayCache.
	//
	// If Replay also has the method
	//
	//	AddFor(ctx context.Context, owner, key string, until time.Time) (added bool, err error)
	//
	// it is called instead of Add, with the thumbprint of the proof's key as the
	// owner. It may limit the number of keys that it records for one owner. If its
	// error matches ErrRateLimited, the request is refused with ErrRateLimited and
	// status 429.
	Replay ReplayCache

	// ReplaySize is the number of DPoP proofs that are kept in memory if Replay is
	// nil. It must be between 1,024 and 16,777,216; zero means 1,048,576. If Replay
	// is set, it must be zero.
	//
	// A proof takes about 200 bytes and, with the default DPoPWindow, is kept for
	// two minutes. The default size is therefore enough for 8,700 requests per
	// second, and takes 200 MB then. If ReplaySize proofs are in memory, requests
	// are refused with ErrUnavailable and status 503. While there are more than
	// half as many, no key may have more than 1/64 of ReplaySize, by default 136
	// requests per second. Further requests with that key are refused with
	// ErrRateLimited and status 429.
	ReplaySize int

	// DPoPNonceKeys, if not nil, makes nonces mandatory in DPoP proofs (RFC 9449,
	// Section 9). The first key makes nonces and all keys accept them, so that keys
	// can be rotated. Each key must consist of at least 32 random bytes. A nonce is
	// valid for one to two minutes. Servers that share the keys accept each other's
	// nonces, even if their clocks differ by up to a minute.
	DPoPNonceKeys [][]byte

	// DPoPWindow is how far the iat of a proof may be in the past or in the future.
	// It must not be over 5 minutes; zero means 60 seconds. If DPoPNonceKeys is
	// set, the age of the nonce is checked instead.
	DPoPWindow time.Duration

	// Decrypter decrypts access tokens that are encrypted to the API (RFC 9068, Section
	// 4). Such a token must contain a signed one, which is then checked as any other. A
	// token that does not decrypt is refused, and never introspected. If nil, an
	// encrypted token is introspected as an opaque one, or refused.
	//
	// Anyone can encrypt a token to a public key, also one that was issued unencrypted.
	// Each such token uses the key once: VerifiedTokens does not apply to them.
	Decrypter Decrypter

	// VerifiedTokens is the number of JWT access tokens that are remembered after
	// their signature was verified. Everything that can change is still checked for
	// every request, for example the expiry. It must not be over 1,048,576. If
	// zero, none are remembered. One takes up about 1.5 kB of memory, and more if its
	// claims are large.
	VerifiedTokens int

	// Introspect asks its server about tokens that are not JWTs or, if Servers is
	// empty and ServerFor nil, about all tokens (RFC 7662). Otherwise it never asks
	// about a JWT. The Client has the Metadata and Auth that the resource has at the
	// server. If nil, such tokens are refused.
	//
	// WARNING: A response without aud is accepted for every resource that asks. The
	// server must therefore respond only for this one (RFC 7662, Section 4).
	//
	// Each such token causes a request to the server, and anyone can send one. The
	// rate of unknown callers should therefore be limited before their requests
	// reach the ResourceServer.
	Introspect *Client

	// IntrospectFor returns the Client that asks about a token, for an API that takes
	// opaque tokens of several servers, for example by the prefix of the token, or by
	// the host of the request, which a handler has put into ctx. It stands in place of
	// Introspect, which must be nil, and is called for every request with such a token.
	// A response is used again only for the Client that it was given to, so it should
	// return the same Client each time. With a FAPI profile it is also called for JWTs,
	// and must return a Client of the server that issued them. If
	// IntrospectFor returns nil, without an error, the token is refused with
	// ErrInactive and status 401; if it returns an error, with ErrUnavailable and
	// status 503. Metadata.AuthorizationServers does not follow from it.
	IntrospectFor func(ctx context.Context, token string) (*Client, error)

	// IntrospectionTTL is how long an introspection response is used, at most until
	// the token expires. A token that is revoked stays valid for that time. Up to
	// 16,384 responses are kept. It must not be over 10 minutes. If zero, every
	// request asks the server. Requests with the same token that come at the same time
	// share a question, and the response that a token is not active is used for one
	// second in any case.
	IntrospectionTTL time.Duration

	// Revoked reports whether a token that passed every other check was revoked, for
	// example because the user logged out, or because the token is on a list. It is
	// called for every request, and may be called concurrently. Such a token is
	// refused with an error that matches ErrInactive, and status 401. If Revoked
	// returns an error or panics, the request is refused with ErrUnavailable and
	// status 503. If nil, tokens are not looked up.
	//
	// A list of tokens should have their ID (jti), not Raw, if Decrypter is set, because
	// a token can be encrypted once more.
	Revoked func(ctx context.Context, t *AccessToken) (bool, error)

	// OtherCredentials authenticates requests that have credentials of another kind, for
	// example an API key. [ResourceServer.Require] calls it if the Authorization header
	// field is of another scheme than Bearer and DPoP, or if it has a Bearer token that
	// is not a JWT, unless Introspect or IntrospectFor is set. It is never called for a
	// token that was refused, nor by Authenticate.
	//
	// It returns the context for the next handler, derived from that of r, in which
	// AccessTokenFromContext finds no token, or nil if the credentials are not of a kind
	// that it knows; the request is then refused as without OtherCredentials. If the
	// credentials are wrong or not sufficient for need, it returns an error, for which
	// WriteError responds as it does for any. It must compare secrets in constant time.
	// With a FAPI profile, which accepts only what is bound to a key or certificate, it
	// must be nil. If nil, there are no others.
	OtherCredentials func(r *http.Request, need Requirement) (context.Context, error)

	// SecurityProfile is the profile that the server keeps to. With a FAPI profile,
	// tokens that are not bound are refused, and whether a token was revoked is always
	// asked: Introspect is also asked about JWTs of Servers, unless Revoked is set.
	// One of the two is required then. If zero, there is no profile.
	SecurityProfile SecurityProfile

	// Metadata contains further members for [ResourceServer.MetadataHandler]. The
	// package sets Resource and the members that follow from this configuration. It
	// also sets AuthorizationServers to the issuers of Servers and Introspect,
	// unless it is already set.
	Metadata ResourceMetadata

	// Trace observes the server. If nil, nothing does.
	Trace *Trace
}

// A ResourceServer is an API that accepts access tokens. It is immutable and safe
// for concurrent use.
type ResourceServer struct {
	resource      string
	audiences     []string
	base          string // origin
	servers       []*trustedServer
	finder        *serverFinder // nil: there are no others
	clock         Clock
	proofs        proofRules
	needDPoP      bool
	needMTLS      bool
	requestURL    func(*http.Request) (*url.URL, error)
	peer          func(*http.Request) (*x509.Certificate, error)
	peerAdvice    string  // about a certificate that is not the token's
	introspect    *Client // nil: introspectFor says who asks, or nobody does
	introspectFor func(ctx context.Context, token string) (*Client, error)
	ttl           time.Duration
	inquiries     *inquiries
	other         func(*http.Request, Requirement) (context.Context, error) // nil: no other credentials
	decrypter     Decrypter
	verified      *tokenCache // nil: none
	asked         *tokenCache // introspected ones; nil: none
	active        *tokenCache // JWTs that were not revoked when that was asked; nil: none
	metadata      []byte      // nil: the resource is no URL
	params        string      // of every challenge
	trace         *Trace
	revoked       func(context.Context, *AccessToken) (bool, error) // nil: it is not asked
	rules         *securityRules                                    // of the security profile
}

// NewResourceServer returns a ResourceServer. It checks everything that can be
// checked without a request. If cfg is invalid, the error matches [ErrConfig]. If a
// URL is not an https URL, it matches [ErrInsecureURL]; if an algorithm is not
// allowed, [ErrAlgorithm]; if the program does not have it, [ErrUnsupported].
func NewResourceServer(cfg ResourceServerConfig) (*ResourceServer, error) {
	rs, err := newResourceServer(&cfg)
	if err != nil {
		return nil, withOp("configuration", err)
	}
	return rs, nil
}

func newResourceServer(cfg *ResourceServerConfig) (*ResourceServer, error) {
	if err := cfg.SecurityProfile.check(); err != nil {
		return nil, err
	}
	rs := &ResourceServer{
		rules:         cfg.SecurityProfile.rules(),
		revoked:       cfg.Revoked,
		resource:      cfg.Resource,
		clock:         cfg.Clock,
		needDPoP:      cfg.RequireDPoP,
		needMTLS:      cfg.RequireMTLS,
		requestURL:    cfg.RequestURL,
		peer:          cfg.ClientCertificate,
		introspect:    cfg.Introspect,
		introspectFor: cfg.IntrospectFor,
		inquiries:     newInquiries(),
		ttl:           cfg.IntrospectionTTL,
		other:         cfg.OtherCredentials,
		decrypter:     cfg.Decrypter,
		trace:         cfg.Trace,
	}
	if rs.peer == nil {
		rs.peer, rs.peerAdvice = peerCertificate, "if a proxy ends the TLS connections of clients, set ResourceServerConfig.ClientCertificate"
	}
	for _, set := range [...]func(*ResourceServer, *ResourceServerConfig) error{
		(*ResourceServer).setIdentity, (*ResourceServer).setProfile, (*ResourceServer).setServers,
		(*ResourceServer).setProofs, (*ResourceServer).setCaches, (*ResourceServer).setMetadata,
	} {
		if err := set(rs, cfg); err != nil {
			return nil, err
		}
	}
	return rs, nil
}

// Format prints only the resource, because there are keys for nonces in other
// fields.
func (cfg ResourceServerConfig) Format(f fmt.State, _ rune) { fmt.Fprint(f, cfg.summary()) }

// LogValue returns the resource.
func (cfg ResourceServerConfig) LogValue() slog.Value { return slog.StringValue(cfg.summary()) }

func (cfg *ResourceServerConfig) summary() string {
	return "ResourceServerConfig(" + printable(cfg.Resource, 256) + ")"
}

// Format prints the resource.
func (rs ResourceServer) Format(f fmt.State, _ rune) { fmt.Fprint(f, rs.summary()) }

// LogValue returns the resource.
func (rs ResourceServer) LogValue() slog.Value { return slog.StringValue(rs.summary()) }

func (rs *ResourceServer) summary() string {
	if rs == nil {
		return "ResourceServer()"
	}
	return "ResourceServer(" + printable(rs.resource, 256) + ")"
}

// CloseIdleConnections closes idle connections to the servers from which keys are
// fetched.
func (rs *ResourceServer) CloseIdleConnections() {
	if rs == nil {
		return
	}
	for _, s := range rs.servers {
		if s.keys.caller != nil {
			s.keys.caller.closeIdle()
		}
	}
	if rs.finder != nil {
		rs.finder.closeIdle()
	}
}

// setIdentity checks how the resource is called.
func (rs *ResourceServer) setIdentity(cfg *ResourceServerConfig) error {
	if !headerValue(rs.resource) || strings.ContainsAny(rs.resource, `"\`) {
		return fail(ErrConfig, "Resource", "is empty, or not fit for an identifier: it is what clients ask for tokens for")
	}
	rs.audiences = []string{rs.resource}
	if cfg.Audiences != nil {
		var err error
		if rs.audiences, err = audiencesOf("Audiences", cfg.Audiences); err != nil {
			return err
		}
	}
	if err := rs.clock.validate(); err != nil {
		return err
	}
	if cfg.BaseURL != "" {
		u, err := parseFetchURL("BaseURL", cfg.BaseURL, cfg.InsecureAllowHTTP)
		if err == nil && (u.Path != "" && u.Path != "/" || strings.Contains(cfg.BaseURL, "?")) {
			err = fail(ErrConfig, "BaseURL", "has a path or a query: it is the origin alone; where a proxy cuts paths, set RequestURL")
		}
		return rs.setBase("BaseURL", u, err)
	}
	if rs.requestURL != nil {
		return nil
	}
	if scheme, _, _ := strings.Cut(rs.resource, ":"); !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
		if rs.needDPoP || cfg.DPoPNonceKeys != nil {
			return fail(ErrConfig, "BaseURL", "is empty, and Resource is no https URL: DPoP proofs have to be compared with the URL that clients call")
		}
		rs.proofs.off = true
		return nil
	}
	u, err := parseFetchURL("Resource", rs.resource, cfg.InsecureAllowHTTP)
	return rs.setBase("Resource", u, err)
}

// setBase sets the origin of proofs. Clients write a host in it as IDNA does, and
// no percent sign: DPoP.Proof.
func (rs *ResourceServer) setBase(param string, u *url.URL, err error) error {
	if err != nil {
		return err
	}
	if !headerValue(u.Host) || strings.Contains(u.Host, "%") {
		return fail(ErrConfig, param, "the host %s is not one that stands in proofs: write it as IDNA does (xn--…)", printable(u.Host, 128))
	}
	rs.base = originOf(u)
	return nil
}

// setProfile holds the configuration against the security profile.
func (rs *ResourceServer) setProfile(cfg *ResourceServerConfig) error {
	r := rs.rules
	rs.needMTLS = rs.needMTLS || r.boundMTLS != ""
	switch bound := cmp.Or(r.bound, r.boundMTLS); {
	case r.onlyHTTPS != "" && cfg.InsecureAllowHTTP:
		return r.forbids(ErrConfig, r.onlyHTTPS, "InsecureAllowHTTP", "is set")
	case bound != "" && rs.other != nil:
		return r.forbids(ErrConfig, bound, "OtherCredentials", "is set: what it takes is not bound to a DPoP key or a certificate")
	case r.revocation != "" && rs.revoked == nil && cfg.Introspect == nil && cfg.IntrospectFor == nil:
		return r.forbids(ErrConfig, r.revocation, "Revoked", "is nil, and so is Introspect: nobody is asked whether a token was revoked")
	}
	for _, alg := range cfg.DPoPAlgorithms {
		if err := r.checkAlgorithm("DPoPAlgorithms", alg); err != nil {
			return err
		}
	}
	return nil
}

// checkIntrospector checks a Client that is to ask about tokens, the security profile too.
func (rs *ResourceServer) checkIntrospector(param string, c *Client) error {
	if c.made() != nil || c.auth == nil {
		return fail(ErrConfig, param, "is a Client that authenticates: NewClient makes one, with Auth")
	}
	if c.discovery == nil { // else the endpoint is not known yet
		url, member, err := c.endpointURL(introspectionEndpoint)
		if err == nil {
			_, err = c.caller.checkURL(member, url)
		}
		if err != nil {
			return err
		}
	}
	r := rs.rules
	switch signed := c.meta.IntrospectionSignedResponseAlg; {
	case r.onlyHTTPS != "" && c.caller.insecure:
		return r.forbids(ErrConfig, r.onlyHTTPS, param, "InsecureAllowHTTP of the Client is set")
	case r.onlyHTTPS != "" && c.keys.allowsHTTP():
		return r.forbids(ErrConfig, r.onlyHTTPS, param, "InsecureAllowHTTP of the Client's KeySet is set")
	case r.introspectionSigned != "" && isPlain(signed):
		return r.forbids(ErrConfig, r.introspectionSigned, param, "Metadata.IntrospectionSignedResponseAlg of the Client is not set: responses have to be signed")
	case !isPlain(signed):
		return r.checkAlgorithm(param, signed)
	}
	return nil
}

func (rs *ResourceServer) setServers(cfg *ResourceServerConfig) error {
	switch {
	case cfg.Introspect != nil && cfg.IntrospectFor != nil:
		return fail(ErrConfig, "IntrospectFor", "is set, and so is Introspect: it says which Client asks")
	case len(cfg.Servers) == 0 && cfg.ServerFor == nil && cfg.Introspect == nil && cfg.IntrospectFor == nil:
		return fail(ErrConfig, "Servers", "is empty, and so are ServerFor and Introspect: no token would be taken")
	case cfg.Decrypter != nil && len(cfg.Servers) == 0 && cfg.ServerFor == nil:
		return fail(ErrConfig, "Decrypter", "is set, and neither Servers nor ServerFor is: what is decrypted could not be verified")
	case cfg.ServerFor != nil && cfg.AllowIssuer == nil:
		return fail(ErrConfig, "AllowIssuer", "is nil, and ServerFor is not: a stranger would choose for which issuers it is called")
	case cfg.ServerFor == nil && cfg.AllowIssuer != nil:
		return fail(ErrConfig, "AllowIssuer", "is set, and ServerFor is not: it would never be called")
	}
	if cfg.Introspect != nil {
		if err := rs.checkIntrospector("Introspect", cfg.Introspect); err != nil {
			return err
		}
	}
	rules := &trustRules{
		audiences: rs.audiences, security: rs.rules, sets: map[string]*KeySet{},
		keys: KeySetOptions{HTTPClient: cfg.HTTPClient, Trace: cfg.Trace, InsecureAllowHTTP: cfg.InsecureAllowHTTP},
	}
	if cfg.ServerFor != nil {
		rs.finder = newServerFinder(cfg.ServerFor, cfg.AllowIssuer, rules)
	}
	for i := range cfg.Servers {
		s, err := newTrustedServer(&cfg.Servers[i], rules)
		if err != nil {
			return err
		}
		// Which of two rules holds for a token must not depend on their order.
		if slices.ContainsFunc(rs.servers, func(o *trustedServer) bool { return o.issuer.issuer == s.issuer.issuer }) {
			return fail(ErrConfig, "Servers", "two have the issuer %s", printable(s.issuer.issuer, 256))
		}
		rs.servers = append(rs.servers, s)
	}
	return nil
}

// A proofSender is what the header of a proof says, which is the same in all proofs of one
// client.
type proofSender struct {
	header joseHeader
	alg    *algorithm
	key    *publicKey
	print  string // the thumbprint of the key
}

// proofRules are what the proofs of requests are held against.
type proofRules struct {
	jws    jwsRules
	window time.Duration
	// senders are the headers of proofs with a good signature. What is allowed is judged
	// for every proof.
	senders *memo[proofSender]
	nonces  *nonceKeys // nil: none are wanted
	replay  ReplayCache
	off     bool // no proof is checked, and no token is taken that needs one
}

// algs is the parameter of that name in a challenge.
func (rules *proofRules) algs() string {
	return strings.ReplaceAll(joinAlgorithms(rules.jws.allowed), ",", "")
}

func (rs *ResourceServer) setProofs(cfg *ResourceServerConfig) (err error) {
	p := &rs.proofs
	if p.off = p.off || cfg.DisableDPoP; p.off && (rs.needDPoP || cfg.DPoPNonceKeys != nil) {
		return fail(ErrConfig, "DisableDPoP", "is set, and so is RequireDPoP or DPoPNonceKeys: no token would be taken")
	}
	p.senders = newMemo[proofSender](maxMemo)
	p.jws = jwsRules{typ: func(typ string) bool { return typ == dpopType }, what: "a DPoP proof"}
	if p.jws.allowed, err = verifiable("DPoPAlgorithms", cfg.DPoPAlgorithms, rs.rules); err != nil {
		return err
	}
	switch p.window = cfg.DPoPWindow; {
	case p.window == 0:
		p.window = proofWindow
	case p.window < 0 || p.window > maxProofWindow:
		return fail(ErrConfig, "DPoPWindow", "%v is not between 0 and %v", p.window, maxProofWindow)
	}
	if cfg.DPoPNonceKeys != nil && len(cfg.DPoPNonceKeys) == 0 {
		return fail(ErrConfig, "DPoPNonceKeys", "is empty: leave it nil for no nonces")
	}
	for _, key := range cfg.DPoPNonceKeys {
		if len(key) < minNonceKey {
			return fail(ErrConfig, "DPoPNonceKeys", "a key has %d bytes: make it of %d random ones", len(key), minNonceKey)
		}
		if p.nonces == nil {
			p.nonces = new(nonceKeys)
		}
		p.nonces.keys = append(p.nonces.keys, slices.Clone(key))
	}
	size := cmp.Or(cfg.ReplaySize, maxReplays)
	switch p.replay = cfg.Replay; {
	case p.replay == nil && (size < minReplaySize || size > maxReplaySize):
		return fail(ErrConfig, "ReplaySize", "%d is not between %d and %d", size, minReplaySize, maxReplaySize)
	case p.replay == nil:
		p.replay = newMemoryReplay(rs.clock, size)
	case cfg.ReplaySize != 0:
		return fail(ErrConfig, "ReplaySize", "is set, and Replay is, too: it is for the cache in memory")
	}
	return nil
}

// peerCertificate is the certificate of the client that sent r; nil without one.
func peerCertificate(r *http.Request) (*x509.Certificate, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, nil
	}
	return r.TLS.PeerCertificates[0], nil
}

func (rs *ResourceServer) setCaches(cfg *ResourceServerConfig) error {
	switch {
	case cfg.VerifiedTokens < 0 || cfg.VerifiedTokens > maxVerified:
		return fail(ErrConfig, "VerifiedTokens", "%d is not between 0 and %d", cfg.VerifiedTokens, maxVerified)
	case rs.ttl < 0 || rs.ttl > maxIntrospectionTTL:
		return fail(ErrConfig, "IntrospectionTTL", "%v is not between 0 and %v", rs.ttl, maxIntrospectionTTL)
	case rs.ttl > 0 && rs.introspect == nil && rs.introspectFor == nil:
		return fail(ErrConfig, "IntrospectionTTL", "is set, and neither Introspect nor IntrospectFor is")
	}
	if cfg.VerifiedTokens > 0 {
		rs.verified = newTokenCache(cfg.VerifiedTokens)
	}
	if rs.ttl > 0 {
		rs.asked = newTokenCache(maxIntrospected)
		rs.active = newTokenCache(maxIntrospected)
	}
	return nil
}

// ---- metadata

// setMetadata makes what MetadataHandler serves, RFC 9728, Section 2, and the
// parameters of every challenge.
func (rs *ResourceServer) setMetadata(cfg *ResourceServerConfig) error {
	rs.params = string(appendParam(nil, "realm", rs.resource))
	m := cfg.Metadata
	if _, err := parseFetchURL("Resource", rs.resource, cfg.InsecureAllowHTTP); err != nil { // it has no metadata
		if text, err := m.MarshalJSON(); err != nil || string(text) != "{}" {
			return fail(ErrConfig, "Metadata", "is set, and would not be served: Resource is no https URL. If tokens name the API otherwise, set Audiences")
		}
		return nil
	}
	for _, own := range [...]struct {
		set  bool
		name string
	}{
		{m.Resource != "" && m.Resource != rs.resource, "Resource"},
		{m.BearerMethodsSupported != nil, "BearerMethodsSupported"},
		{m.DPoPSigningAlgValuesSupported != nil, "DPoPSigningAlgValuesSupported"},
	} {
		if own.set {
			return fail(ErrConfig, "Metadata."+own.name, "is set by the package")
		}
	}
	m.Resource = rs.resource
	m.BearerMethodsSupported = []string{"header"}
	if !rs.proofs.off {
		m.DPoPSigningAlgValuesSupported = rs.proofs.jws.allowed
	} else if m.DPoPBoundAccessTokensRequired {
		return fail(ErrConfig, "Metadata.DPoPBoundAccessTokensRequired", "is set, and so is DisableDPoP")
	}
	m.DPoPBoundAccessTokensRequired = m.DPoPBoundAccessTokensRequired || rs.needDPoP
	m.TLSClientCertificateBoundAccessTokens = m.TLSClientCertificateBoundAccessTokens || rs.needMTLS
	if m.AuthorizationServers == nil {
		m.AuthorizationServers = rs.issuers(cfg)
	}
	var err error
	if rs.metadata, err = m.MarshalJSON(); err != nil {
		return &Error{Kind: ErrConfig, Param: "Metadata", Detail: "does not encode", Err: err}
	}
	rs.params = string(appendParam([]byte(rs.params), "resource_metadata", insertWellKnown(rs.resource, resourceWellKnown)))
	return nil
}

// issuers are those that clients can ask for tokens: a template is none.
func (rs *ResourceServer) issuers(cfg *ResourceServerConfig) []string {
	var list []string
	add := func(issuer string) {
		if !strings.Contains(issuer, tenantPlaceholder) && !slices.Contains(list, issuer) {
			list = append(list, issuer)
		}
	}
	for _, s := range cfg.Servers {
		add(s.Server.Issuer)
	}
	if cfg.Introspect != nil {
		add(cfg.Introspect.server.Issuer)
	}
	return list
}

// MetadataPath returns the path at which [ResourceServer.MetadataHandler] must be
// served, on the origin of Resource. It is /.well-known/oauth-protected-resource
// followed by the path of Resource (RFC 9728, Section 3.1). Challenges contain the
// URL.
func (rs *ResourceServer) MetadataPath() string {
	const place = "/.well-known/" + resourceWellKnown
	if rs == nil || rs.metadata == nil {
		return place
	}
	at := insertWellKnown(rs.resource, resourceWellKnown)
	path, _, _ := strings.Cut(at[strings.Index(at, place):], "?")
	return path
}

// MetadataHandler returns a handler that serves the metadata of the resource (RFC
// 9728): its authorization servers, and how to present tokens. It must be served at
// [ResourceServer.MetadataPath]. Anyone may read the metadata, including scripts of
// other origins, whose CORS preflight requests it also answers. If Resource is not a URL, the response has status 404.
func (rs *ResourceServer) MetadataHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case rs == nil || rs.metadata == nil:
			http.NotFound(w, r)
		case r.Method == http.MethodOptions: // a preflight: MCP clients send a field of their own
			h := w.Header()
			h.Set("Allow", "GET, HEAD, OPTIONS")
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Allow-Methods", "GET, HEAD")
			h.Set("Access-Control-Allow-Headers", "*")
			h.Set("Access-Control-Max-Age", "7200")
			w.WriteHeader(http.StatusNoContent)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD, OPTIONS")
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			h := w.Header()
			h.Set("Content-Type", mediaJSON)
			h.Set("Cache-Control", "max-age=300")
			h.Set("Access-Control-Allow-Origin", "*")
			w.Write(rs.metadata)
		}
	})
}
