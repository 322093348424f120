package oauth

// This file implements the resource server: from the credential of a request to
// an access token. RFC 6750 (Bearer), RFC 9068 (JWT access tokens), RFC 7662
// (opaque ones), RFC 8705, Section 3 and RFC 9449, Section 7 (bound ones).

import (
	"cmp"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ResourceServerConfig configures a [ResourceServer]. Resource is required, and
// Servers or Introspect.
type ResourceServerConfig struct {
	// Resource is the identifier of the API (RFC 8707), which the aud of its tokens
	// has to have, byte for byte. Where it is an https URL, the API's metadata
	// (RFC 9728) have a place, and challenges name it; a client that knows nothing
	// but a URL of the API finds them if that is the Resource (RFC 9728, Section 3.3).
	Resource string

	// BaseURL is the origin that clients call, which the htu of DPoP proofs is
	// compared with: scheme and authority, without a path. Empty: the origin of
	// Resource. Host and Forwarded header fields are not looked at.
	BaseURL string

	// Servers are the authorization servers whose JWT access tokens are taken.
	Servers []TrustedServer

	// HTTPClient fetches the servers' keys. It is copied. Nil: one of the package's
	// own, with timeouts.
	HTTPClient        *http.Client
	InsecureAllowHTTP bool // allow http URLs: loopback and tests

	// Clock judges times. Zero: the local time, with DefaultTolerance.
	Clock Clock

	// RequireDPoP refuses tokens that are not bound to a DPoP key, RequireMTLS those
	// that are not bound to a client certificate. Without them, those that are
	// bound are checked all the same.
	RequireDPoP, RequireMTLS bool

	// DPoPAlgorithms are those that proofs may be signed with. Nil: all that the
	// package verifies.
	DPoPAlgorithms []Algorithm

	// RequestURL is the URL that the client called, where it cannot be had from
	// BaseURL and the request line: behind a proxy that changes paths. It stands in
	// place of both, and is asked where there is a proof. Query and fragment do not
	// matter. The scheme and host have to be written down here: r.Host, and r.URL where
	// it has a host, are what the client wrote. With an error the request is refused
	// with status 400. Nil: BaseURL and the path of the request line.
	RequestURL func(*http.Request) (*url.URL, error)

	// ClientCertificate is the certificate of the client, where TLS ends at a proxy
	// that passes it on (RFC 9440). It has to make sure that the request comes from
	// the proxy: whoever else can send the proxy's header field would own every
	// certificate. r.TLS is not looked at then. Nil, without an error: the client
	// has none; with an error the request is refused with status 400.
	// Field nil: the certificate is that of r.TLS.
	ClientCertificate func(*http.Request) (*x509.Certificate, error)

	// Replay records DPoP proofs so that each is accepted only once. If nil, proofs
	// are kept in memory, up to ReplaySize of them. Servers that share a Resource must
	// share a ReplayCache. If Replay also has the method
	//
	//	AddFor(ctx context.Context, owner, key string, until time.Time) (added bool, err error)
	//
	// it is called in place of Add, with the thumbprint of the proof's key as the owner.
	// It may limit how many keys of one owner it records: if its error matches
	// ErrRateLimited, the request is refused with ErrRateLimited and status 429.
	Replay ReplayCache

	// ReplaySize is the number of DPoP proofs that are kept in memory if Replay is
	// nil. It must be between 1,024 and 16,777,216; zero means 1,048,576. A proof takes
	// about 200 bytes and, with the default DPoPWindow, is kept for two minutes, so the
	// default is enough for 8,700 requests per second and takes 200 MB then. If all
	// are in use, requests are refused with ErrUnavailable and status 503. While more
	// than half of them are, no key may have more than 1/64 of them, by default 136
	// requests per second: others are refused with ErrRateLimited and status 429. If Replay
	// is set, ReplaySize must be zero.
	ReplaySize int

	// DPoPNonceKeys, if not nil, makes nonces mandatory in DPoP proofs (RFC 9449,
	// Section 9). The first key makes nonces and all keys accept them, so that keys
	// can be rotated. Each key must consist of at least 32 random bytes. A nonce is
	// valid for one to two minutes. Servers that share the keys accept each other's
	// nonces, also if their clocks differ by up to a minute.
	DPoPNonceKeys [][]byte

	// DPoPWindow is how far the iat of a proof may be from the time, either way.
	// Zero: 60 s; at most 5 min. With DPoPNonceKeys the nonce counts in its place.
	DPoPWindow time.Duration

	// VerifiedTokens is how many JWT access tokens are remembered whose signature
	// was found good. What can change is judged for every request all the same. Zero:
	// none; at most 1,048,576.
	VerifiedTokens int

	// Introspect asks about tokens that are no JWTs, and without Servers about all. A
	// JWT of one of Servers is verified, and never asked about. Metadata and Auth of
	// the Client are those that the resource has at the server. An answer without aud
	// is good for every resource that asks: the server has to answer only for this one
	// (RFC 7662, Section 4). Whatever somebody sends is asked about: what limits
	// callers that nobody knows stands before it. Nil: such tokens are refused.
	Introspect *Client

	// IntrospectionTTL is how long an answer counts, at most until the token
	// expires: a token that is revoked stays good for that long. Up to 16,384 answers
	// are kept. Zero: every request asks; at most 10 min.
	IntrospectionTTL time.Duration

	// Metadata are further members of what [ResourceServer.MetadataHandler] serves.
	// Resource and the members that follow from this configuration are set by the
	// package; AuthorizationServers are the issuers of Servers and Introspect,
	// unless set.
	Metadata ResourceMetadata

	// Trace observes. Nil: nothing does.
	Trace *Trace
}

// A TrustedServer is an authorization server whose JWT access tokens a resource
// server takes.
type TrustedServer struct {
	// Server is its metadata, as [Discover] returns them; Issuer is required, and
	// JWKSURI unless there is a KeySet.
	Server *AuthorizationServer

	// KeySet has the server's keys. Nil: one for Server.JWKSURI.
	KeySet *KeySet

	// Algorithms are those that its access tokens may be signed with. Nil: all that
	// the package verifies.
	Algorithms []Algorithm

	// Profile describes its access tokens. Nil: RFC 9068.
	Profile *AccessTokenProfile

	// AcceptIssuer decides about the tenants of a multi-tenant server, as
	// Config.AcceptIssuer does, and is required there.
	AcceptIssuer func(iss, tid string) bool
}

// A ResourceServer is an API that takes access tokens. It is immutable and safe
// for concurrent use.
type ResourceServer struct {
	resource   string
	base       string // origin
	servers    []*trustedServer
	clock      Clock
	proofs     proofRules
	needDPoP   bool
	needMTLS   bool
	requestURL func(*http.Request) (*url.URL, error)
	peer       func(*http.Request) (*x509.Certificate, error)
	introspect *Client
	ttl        time.Duration
	verified   *tokenCache // nil: none
	asked      *tokenCache // introspected ones; nil: none
	metadata   []byte      // nil: the resource is no URL
	params     string      // of every challenge
	trace      *Trace
}

// A trustedServer is a TrustedServer that was checked.
type trustedServer struct {
	issuer   issuerRule
	keys     *KeySet
	rules    jwsRules
	profile  *AccessTokenProfile
	standard bool // the profile was not chosen, and may be the wrong one
}

// NewResourceServer makes a ResourceServer. It checks all that can be checked
// without a request, and its errors are of kind [ErrConfig], [ErrInsecureURL]
// and, for algorithms, [ErrAlgorithm] and, for those that this program does not
// have, [ErrUnsupported].
func NewResourceServer(cfg ResourceServerConfig) (*ResourceServer, error) {
	rs, err := newResourceServer(&cfg)
	if err != nil {
		return nil, withOp("configuration", err)
	}
	return rs, nil
}

func newResourceServer(cfg *ResourceServerConfig) (*ResourceServer, error) {
	rs := &ResourceServer{
		resource:   cfg.Resource,
		clock:      cfg.Clock,
		needDPoP:   cfg.RequireDPoP,
		needMTLS:   cfg.RequireMTLS,
		requestURL: cfg.RequestURL,
		peer:       cfg.ClientCertificate,
		introspect: cfg.Introspect,
		ttl:        cfg.IntrospectionTTL,
		trace:      cfg.Trace,
	}
	if rs.peer == nil {
		rs.peer = peerCertificate
	}
	for _, set := range [...]func(*ResourceServerConfig) error{
		rs.setIdentity, rs.setServers, rs.setProofs, rs.setCaches, rs.setMetadata,
	} {
		if err := set(cfg); err != nil {
			return nil, err
		}
	}
	return rs, nil
}

// Format prints the resource: keys for nonces are among the fields.
func (cfg ResourceServerConfig) Format(f fmt.State, _ rune) { fmt.Fprint(f, cfg.summary()) }

// LogValue is the resource.
func (cfg ResourceServerConfig) LogValue() slog.Value { return slog.StringValue(cfg.summary()) }

func (cfg *ResourceServerConfig) summary() string {
	return "ResourceServerConfig(" + printable(cfg.Resource, 256) + ")"
}

// Format prints the resource.
func (rs ResourceServer) Format(f fmt.State, _ rune) { fmt.Fprint(f, rs.summary()) }

// LogValue is the resource.
func (rs ResourceServer) LogValue() slog.Value { return slog.StringValue(rs.summary()) }

func (rs *ResourceServer) summary() string {
	if rs == nil {
		return "ResourceServer()"
	}
	return "ResourceServer(" + printable(rs.resource, 256) + ")"
}

// CloseIdleConnections closes connections to the servers of the keys that are kept
// for further requests.
func (rs *ResourceServer) CloseIdleConnections() {
	if rs == nil {
		return
	}
	for _, s := range rs.servers {
		if s.keys.caller != nil {
			s.keys.caller.closeIdle()
		}
	}
}

// setIdentity checks how the resource is called.
func (rs *ResourceServer) setIdentity(cfg *ResourceServerConfig) error {
	if !headerValue(rs.resource) || strings.ContainsAny(rs.resource, `"\`) {
		return fail(ErrConfig, "Resource", "is empty, or not fit for an identifier: it is what the aud of tokens is compared with")
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
		return fail(ErrConfig, "BaseURL", "is empty, and Resource is no https URL: DPoP proofs have to be compared with the URL that clients call")
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

func (rs *ResourceServer) setServers(cfg *ResourceServerConfig) error {
	if len(cfg.Servers) == 0 && cfg.Introspect == nil {
		return fail(ErrConfig, "Servers", "is empty, and so is Introspect: no token would be taken")
	}
	if c := cfg.Introspect; c != nil && (c.server == nil || c.auth == nil) {
		return fail(ErrConfig, "Introspect", "is a Client that authenticates: NewClient makes one, with Auth")
	} else if c != nil {
		url, member, err := c.endpointURL(introspectionEndpoint)
		if err == nil {
			_, err = c.caller.checkURL(member, url)
		}
		if err != nil {
			return err
		}
	}
	sets := map[string]*KeySet{} // one for each jwks_uri
	for i := range cfg.Servers {
		s, err := newTrustedServer(&cfg.Servers[i], cfg, sets)
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

func newTrustedServer(t *TrustedServer, cfg *ResourceServerConfig, sets map[string]*KeySet) (*trustedServer, error) {
	if t.Server == nil || t.Server.Issuer == "" {
		return nil, fail(ErrConfig, "Servers.Server", "is nil, or has no Issuer: pass what Discover returns")
	}
	profile := t.Profile
	if profile == nil {
		profile = standardProfile()
	}
	profile, err := profile.compile()
	if err != nil {
		return nil, err
	}
	s := &trustedServer{
		issuer:   issuerRule{t.Server.Issuer, t.AcceptIssuer},
		keys:     t.KeySet,
		profile:  profile,
		standard: t.Profile == nil,
	}
	if profile.Issuer != "" {
		s.issuer.issuer = profile.Issuer
	}
	s.rules = jwsRules{typ: s.readable, what: "an access token"}
	if s.rules.allowed, err = verifiable("Servers.Algorithms", t.Algorithms); err != nil {
		return nil, err
	}
	switch template := strings.Contains(s.issuer.issuer, tenantPlaceholder); {
	case template && t.AcceptIssuer == nil:
		return nil, fail(ErrConfig, "Servers.AcceptIssuer", "is required, because the issuer is a template for all tenants: decide there whose tokens are taken")
	case !template && t.AcceptIssuer != nil:
		return nil, fail(ErrConfig, "Servers.AcceptIssuer", "is set, but the issuer has no %s in it: it would never be called", tenantPlaceholder)
	case s.keys == nil && t.Server.JWKSURI == "":
		return nil, fail(ErrConfig, "jwks_uri", "the server's metadata has none: set it in Servers.Server, or set Servers.KeySet")
	case s.keys == nil && sets[t.Server.JWKSURI] != nil:
		s.keys = sets[t.Server.JWKSURI]
	case s.keys == nil:
		s.keys, err = NewKeySet(t.Server.JWKSURI, &KeySetOptions{HTTPClient: cfg.HTTPClient, Trace: cfg.Trace, InsecureAllowHTTP: cfg.InsecureAllowHTTP})
		sets[t.Server.JWKSURI] = s.keys
	case s.keys.empty():
		return nil, fail(ErrConfig, "Servers.KeySet", "is empty: NewKeySet and ParseKeySet make one")
	}
	return s, err
}

// verifiable are the algorithms of a list, by default all that are verified.
func verifiable(param string, list []Algorithm) ([]Algorithm, error) {
	if list == nil {
		for _, a := range usableAlgorithms() {
			list = append(list, a.name)
		}
		return list, nil
	}
	if len(list) == 0 {
		return nil, fail(ErrAlgorithm, param, "is empty: leave it nil for all that the package verifies")
	}
	for _, name := range list {
		if _, err := signatureAlgorithm(param, name); err != nil {
			return nil, err
		}
	}
	return slices.Clone(list), nil
}

// proofRules are what the proofs of requests are held against.
type proofRules struct {
	jws    jwsRules
	window time.Duration
	nonces *nonceKeys // nil: none are wanted
	replay ReplayCache
}

// algs is the parameter of that name in a challenge.
func (rules *proofRules) algs() string {
	return strings.ReplaceAll(joinAlgorithms(rules.jws.allowed), ",", "")
}

func (rs *ResourceServer) setProofs(cfg *ResourceServerConfig) (err error) {
	p := &rs.proofs
	p.jws = jwsRules{typ: func(typ string) bool { return typ == dpopType }, what: "a DPoP proof"}
	if p.jws.allowed, err = verifiable("DPoPAlgorithms", cfg.DPoPAlgorithms); err != nil {
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

// readable are the types that are worth a look: those of the profile, and, where
// none was chosen, those of the ready-made ones, to say in the error which it
// is. The profile decides.
func (s *trustedServer) readable(typ string) bool {
	return slices.Contains(s.profile.Types, typ) || s.standard && (typ == "jwt" || typ == "")
}

func (rs *ResourceServer) setCaches(cfg *ResourceServerConfig) error {
	switch {
	case cfg.VerifiedTokens < 0 || cfg.VerifiedTokens > maxVerified:
		return fail(ErrConfig, "VerifiedTokens", "%d is not between 0 and %d", cfg.VerifiedTokens, maxVerified)
	case rs.ttl < 0 || rs.ttl > maxIntrospectionTTL:
		return fail(ErrConfig, "IntrospectionTTL", "%v is not between 0 and %v", rs.ttl, maxIntrospectionTTL)
	case rs.ttl > 0 && rs.introspect == nil:
		return fail(ErrConfig, "IntrospectionTTL", "is set, and Introspect is not")
	}
	if cfg.VerifiedTokens > 0 {
		rs.verified = newTokenCache(cfg.VerifiedTokens)
	}
	if rs.ttl > 0 {
		rs.asked = newTokenCache(maxIntrospected)
	}
	return nil
}

// ---- metadata

// setMetadata makes what MetadataHandler serves, RFC 9728, Section 2, and the
// parameters of every challenge.
func (rs *ResourceServer) setMetadata(cfg *ResourceServerConfig) error {
	rs.params = string(appendParam(nil, "realm", rs.resource))
	if _, err := parseFetchURL("Resource", rs.resource, cfg.InsecureAllowHTTP); err != nil {
		return nil // an identifier that is no URL has no metadata
	}
	m := cfg.Metadata
	for _, own := range [...]struct {
		set  bool
		name string
	}{
		{m.Resource != "" && m.Resource != rs.resource, "Resource"},
		{m.BearerMethodsSupported != nil, "BearerMethodsSupported"},
		{m.DPoPSigningAlgValuesSupported != nil, "DPoPSigningAlgValues"},
	} {
		if own.set {
			return fail(ErrConfig, "Metadata."+own.name, "is set by the package")
		}
	}
	m.Resource = rs.resource
	m.BearerMethodsSupported = []string{"header"}
	m.DPoPSigningAlgValuesSupported = rs.proofs.jws.allowed
	m.DPoPBoundAccessTokensRequired = m.DPoPBoundAccessTokensRequired || rs.needDPoP
	m.TLSClientCertificateBoundAccessTokens = m.TLSClientCertificateBoundAccessTokens || rs.needMTLS
	if m.AuthorizationServers == nil {
		m.AuthorizationServers = rs.issuers(cfg)
	}
	var err error
	if rs.metadata, err = json.Marshal(m); err != nil {
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

// MetadataPath is where [ResourceServer.MetadataHandler] has to be, at the origin of
// Resource: /.well-known/oauth-protected-resource and the path of Resource (RFC 9728,
// Section 3.1). Challenges name it.
func (rs *ResourceServer) MetadataPath() string {
	const place = "/.well-known/" + resourceWellKnown
	if rs == nil || rs.metadata == nil {
		return place
	}
	at := insertWellKnown(rs.resource, resourceWellKnown)
	path, _, _ := strings.Cut(at[strings.Index(at, place):], "?")
	return path
}

// MetadataHandler serves the metadata of the resource (RFC 9728): its servers, and
// how tokens are presented. Its place is [ResourceServer.MetadataPath]. Everybody
// may read them, also scripts of other origins. Where Resource is no URL the answer
// is status 404.
func (rs *ResourceServer) MetadataHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case rs == nil || rs.metadata == nil:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
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
