// Package oauth makes a program a client of an OAuth 2.0 authorization server, a
// relying party of an OpenID Connect provider, and a resource server: an API that
// takes access tokens. It uses the standard library and nothing else.
//
// # For most uses
//
// To log users in: [Discover] the server, make a [Client] with [NewClient],
// begin with [Client.StartAuthorization], send the browser to the result's URL,
// and end with [Client.FinishAuthorization]. What that returns passed every
// check; [Token.Identity] returns who logged in: the issuer and the subject, by
// both of which a program should know its users. A subject is unique within its
// issuer only.
//
//	as, err := oauth.Discover(ctx, "https://op.example.com", nil)
//	client, err := oauth.NewClient(oauth.Config{
//		Server:   as,
//		Metadata: oauth.ClientMetadata{ClientID: "web"},
//		Auth:     oauth.ClientSecretBasic(secret),
//	})
//	// GET /login
//	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
//		RedirectURI: callback, Scope: []string{"openid", "email"},
//	})
//	saved, err := pending.MarshalBinary() // into the user's session, under pending.State()
//	http.Redirect(w, r, pending.URL(), http.StatusFound)
//	// GET /callback: take it out of the session, delete it there, then
//	token, err := client.FinishAuthorization(r, pending, nil)
//	issuer, subject, err := token.Identity()
//
// To check an ID token that came in another way (Google One Tap, a native app,
// a workload identity): [Client.VerifyIDToken].
//
// A service gets its own token with [Client.ClientCredentials]; a program
// without a browser logs its user in with [Client.StartDeviceAuthorization] and
// [Client.PollDevice], a call center with [Client.StartBackchannelAuthentication] (CIBA).
// [Client.ExchangeToken] and [Client.JWTBearer] get tokens for others.
// [Client.Refresh] renews a token: store the result at once, and on
// invalid_grant have the user log in again.
//
// [Client.Do] sends a request to an API with a token; a [Transport] does it for
// an http.Client and keeps the token fresh.
//
// [Client.UserInfo] and [Client.Introspect] ask about a token, [Client.Revoke]
// ends one. Logging out has three parts: [Client.EndSessionURL] ends the session
// at the server, [Client.BackchannelLogoutHandler] and [Client.ParseFrontchannelLogout] hear of
// sessions that others ended. [Register] makes a client at servers that allow
// it, and [Registration.Config] goes on from there. From a resource to its
// servers: [DiscoverResource].
//
// # A protected API
//
// [NewResourceServer] says whose tokens the API takes, and [ResourceServer.Require]
// lets a request through to its handler:
//
//	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
//		Resource: "https://api.example.com",
//		Servers:  []oauth.TrustedServer{{Server: as}},
//	})
//	mux.Handle("GET /orders", rs.Require(oauth.Requirement{Scope: []string{"orders"}}, orders))
//	mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
//
// In the handler [AccessTokenFromContext] has the token. JWT access tokens follow
// RFC 9068; a server whose tokens do not is described by an [AccessTokenProfile],
// and those of large providers are ready made. Other tokens are asked about, with
// ResourceServerConfig.Introspect. Tokens that are bound to a DPoP key or a client
// certificate are accepted with the proof or certificate alone, whatever else is
// configured.
//
// Several machines that serve one Resource share a [ReplayCache] and the
// DPoPNonceKeys; the module oauthredis beside this package has a ReplayCache in
// Redis.
//
// Behind a proxy that ends TLS, Resource or BaseURL is the origin that clients
// call, RequestURL gives back the path if the proxy changes it, and
// ClientCertificate takes the client's certificate from the proxy, after making
// sure that it is the proxy. A header field that says so is anybody's.
//
// # Specifications
//
// RFC 6749 (authorization code, refresh, client credentials, extension grants),
// 6750, 7009, 7515, 7516 (compact), 7517, 7518, 7519, 7521, 7523, 7591, 7592, 7636
// (PKCE, S256), 7638, 7662, 8037, 8252, 8414, 8628, 8693, 8705 (client
// authentication, endpoint aliases, bound tokens), 8707, 9068, 9101 (JAR), 9126
// (PAR), 9207, 9396, 9449 (DPoP), 9470 (step-up, at a resource server), 9700, 9701,
// 9728, 9864, 9964 (ML-DSA, with Go 1.27); OpenID Connect Core 1.0 (code flow, code id_token, id_token, userinfo,
// refresh), Discovery 1.0, Dynamic Client Registration 1.0, CIBA Core 1.0 (poll and ping), RP-Initiated, Back-Channel
// and Front-Channel Logout 1.0, OAuth 2.0 Form Post Response Mode, JARM, and the
// drafts of client ID metadata documents and of attestation-based client
// authentication (version 12). The README has them in a table.
//
// # Profiles
//
// The FAPI profiles are combinations of options. FAPI 1 Advanced: RequestKey,
// with response type code id_token and DetachedSignature, or with a JWT
// response mode; PrivateKeyJWT or TLSClientAuth, and MTLS. FAPI 2.0 Security
// Profile: Pushed, RequireResponseIssuer, PrivateKeyJWT or TLSClientAuth, and DPoP
// or MTLS. FAPI 2.0 Message Signing: RequestKey, a JWT response mode and
// Metadata.IntrospectionSignedResponseAlg besides.
//
// # Several servers
//
// An application that uses several servers must keep their responses apart:
// otherwise a malicious server can have another one's code sent to it (RFC 9700,
// Section 4.4: mix-up). It has a Client for each server, finds the one that must
// finish a login by [PendingAuthorization.Issuer], and gives each a redirect URI with a path
// of its own, which [Client.FinishAuthorization] compares.
//
// If others name the servers, as the resources of MCP (Model Context Protocol) do,
// one of them may be malicious, and it writes its metadata itself. A client of
// such servers should set Config.RequireResponseIssuer as well. It must do so if
// it uses one redirect URI for all of them.
//
// # Stolen tokens
//
// A Bearer token is good for whoever has it; an API can refuse such tokens, with
// RequireDPoP or RequireMTLS. With Config.DPoP tokens are bound
// to a key: every request proves that it has the key, and servers that want
// nonces in the proofs get them. With Config.MTLS and a server that does so, they
// are bound to the client certificate. Either way [Client.Do] and [Transport]
// send them, over https, follow no redirect, and a Transport sends them nowhere
// but to its origins.
//
// A refresh token is worth more than any access token. It belongs into a store
// that is encrypted and that nobody but the application reads; a server that
// rotates refresh tokens takes a second use of one for theft, so that processes
// which share a store have to lock it while they refresh. [Client.Refresh] and
// [TransportOptions].OnRefresh hand over the new Token: store it before anything
// else. If Refresh fails after the server has issued a new refresh token, its error is
// a [*RefreshError] with the new one: store that. invalid_grant, in a
// [*ResponseError], means that the refresh token is not good any more (expired,
// revoked, used twice): delete it, and have the user log in again.
//
// # Trust
//
// What the package returns was verified, and there is no way to have it
// otherwise: no function parses a token without checking it, [IDToken] has no
// exported fields and does not decode itself, and with an error every result
// is nil. The signature of an ID token is verified on every path, also of one
// that came from the token endpoint over TLS.
//
// Which algorithm a token is signed with is configuration, never the token's
// own choice: the client's metadata, else the server's list, else RS256. none
// and HMAC cannot be configured. Which key it is signed with is the server's
// key set, selected by kid, type, use and algorithm; keys and URLs in a
// token's header are not looked at, and keys are not tried in turn.
//
// What can be left out by mistake is required or checked in [NewClient];
// what weakens a check has a name that begins with Insecure.
//
// # Encrypted answers
//
// [NewDecrypter] takes the client's keys, and Config.Decrypter opens ID and logout
// tokens, userinfo, authorization responses and introspection. Where Metadata says
// that answers are encrypted, those that are not, or otherwise, are refused. What
// is inside has to be signed and is verified as if it had come plain: encryption to
// a public key says nothing about who sent it. What does not decrypt is
// [ErrDecrypt], for whatever reason. RSA1_5, PBES2 and compression cannot be
// configured. A program that makes no Decrypter links none of it.
//
// # Requests
//
// Every URL that is fetched is https (InsecureAllowHTTP is for tests), no
// redirect is followed, no cookie kept. Bodies are read up to 1 MiB, tokens up
// to 64 KiB, key sets up to 500 keys; the answers of resources are the caller's.
// Every call takes a context, and none is waited for beyond it. The goroutines of the
// package are the key-set fetch and the token renewal that callers share, which end
// within 10 and 30 seconds ([KeySet] and [Client.NewTransport] say when they are made),
// and one for each request through a round tripper that is no *http.Transport and need
// not heed its context: it ends when that returns.
//
// # Servers that others name
//
// An issuer or resource that a user, a tenant or a document names is a URL that the
// program fetches for a stranger, and its metadata name further ones. The package
// fetches https alone and follows no redirect, but it connects to wherever a host
// name leads, the program's own network included. A program that cannot choose its
// servers should set HTTPClient, in [DiscoverOptions], [RegistrationOptions] and
// [Config], to a client whose dialer refuses addresses that are not public; the
// example of [Discover] shows one. It must use no proxy that resolves names itself.
//
// # Errors
//
// Errors have a kind for [errors.Is]: everything under [ErrInvalid] is a token
// or response that failed a check; [ErrRefused] is the server's no, as a
// [*ResponseError] or an [*AuthorizationError]; [ErrNetwork], [ErrResponse] and
// [ErrUnavailable] say that it could not be asked; [ErrConfig] is for the
// developer. A resource server has [ErrNoCredentials], [ErrMalformed] and
// [ErrRateLimited] besides, which are about the request. [*Error] names the field at fault. No error text has a token, a
// secret, a code or a body in it.
//
// # Secrets
//
// [Secret], [Token], [PendingAuthorization] and their kin print nothing that is
// secret, with any verb, and do not encode to JSON. Options and requests that can
// hold secrets or personal data in plain fields ([AuthorizationRequest],
// [GrantOptions], [MutualTLS] and others) print as "[redacted]". What has to be stored is
// encoded by MarshalBinary, and belongs into the user's own session, on the
// server or encrypted.
//
// # FIPS 140-3
//
// The package works in Go's FIPS 140-3 mode, GODEBUG=fips140=only included:
// its algorithms are approved ones there, and the two that are not, RSA-OAEP with
// SHA-1 and X25519, are [ErrUnsupported] when a key for them is made. RSA keys need
// an exponent over 2¹⁶ then. AES Key Wrap (A128KW and its kin) and the Concat KDF
// are computed by this package on the AES and SHA-256 of the module. Nothing takes
// randomness from a caller. ML-DSA needs the Go Cryptographic Module v1.26.0 or newer.
//
// # What it does not do
//
// It is no authorization server and keeps no sessions. It does not follow the
// implicit flow with access tokens, the password grant, or response types that
// bring a token through the browser (RFC 9700). It never guesses: not the
// authentication method, not the kind of discovery document, not a provider's
// habits.
//
// # Compatibility
//
// Before version 1 the surface may change with a minor version; api/v0.txt
// has all of it. What follows a draft ([AttestJWTClientAuth], [AttestJWTClientAuthDPoP],
// [ClientIDMetadataHandler]) may change with any release until the draft is an RFC.
// The package needs Go 1.25 or newer, ML-DSA Go 1.27.
package oauth

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config configures a [Client]. Server and Metadata.ClientID are required.
type Config struct {
	// Server is the authorization server, as [Discover] returns it or written
	// down. It is copied.
	Server *AuthorizationServer

	// Metadata is what the client is registered with; ClientID is required.
	Metadata ClientMetadata

	// Auth authenticates the client. A public client says [PublicClient]. Nil: the
	// client only verifies; calls that authenticate return [ErrConfig].
	Auth ClientAuth

	// Clock judges times. Zero: the local time, with DefaultTolerance.
	Clock Clock

	// HTTPClient makes the requests. Only its Transport and Timeout are used: there are
	// no cookies, and redirects are not followed. If nil, the package uses a client of
	// its own, with timeouts.
	//
	// A Transport that is an [*http.Transport] is used as it is, or a clone of it if it
	// sets no TLSHandshakeTimeout or if its connections turn out to be dead. Of HTTP/2 it
	// uses what its own HTTP2 field says until then; without a SendPingTimeout there, a
	// dead connection costs the call that finds it. Any other
	// round tripper must not follow redirects: the response is then refused, but code,
	// secret and token have been sent to another place by that time. One that sends
	// requests to another host on purpose is marked with [RewritesHost]. It must not repeat
	// requests either, because they contain values that can be used only once: a second
	// connection for the same request is refused unless a response came on the first,
	// and the request has no GetBody. It may ignore its context: the package does not
	// wait for it any longer than that.
	HTTPClient *http.Client

	// MTLS is the client certificate for the server's endpoints. If nil, there is
	// none, or HTTPClient has it.
	//
	// Requests go to the server's mtls_endpoint_aliases (RFC 8705, Section 5) if
	// MTLS is set, if Auth is [TLSClientAuth], or if Metadata sets
	// TLSClientCertificateBoundAccessTokens or UseMTLSEndpointAliases. TLSClientAuth
	// and bound access tokens need a certificate: NewClient returns an error if there
	// is none. It cannot see that if the Transport of HTTPClient is not an
	// *http.Transport or dials TLS connections itself.
	MTLS *MutualTLS

	// DPoP is the key that every token is bound to (RFC 9449; FAPI 2.0). Bearer
	// tokens are refused then, unless AllowTokenTypes lists them. Nil: tokens are
	// not bound to a key.
	DPoP *DPoP

	// RequestKey signs authorization requests (JAR, RFC 9101; FAPI 1 Advanced,
	// FAPI 2.0 Message Signing), and with it every one is signed; backchannel
	// authentication requests are if Metadata.BackchannelRequestAlg is set. They are
	// also encrypted if Metadata.RequestObjectEncryptionAlg says so. Nil: plain.
	RequestKey *SigningKey

	// Decrypter decrypts answers: ID and logout tokens, userinfo, JWT
	// authorization responses (JARM) and introspection. It is required where one of
	// Metadata's …EncryptedResponseAlg is set, and such an answer has to be
	// encrypted then, with the alg and enc that Metadata says (no enc:
	// A128CBC-HS256). Alone it requires nothing: answers that are not encrypted are
	// taken, too. What is encrypted has to be signed. Nil: encrypted answers are
	// [ErrUnsupported].
	Decrypter Decrypter

	// DetachedSignature is the profile of FAPI 1 Advanced, Section 5.1.1: an ID
	// token in an authorization response has to have s_hash.
	DetachedSignature bool

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

	// CallbackURL returns the URL that the browser requested, with its query, for
	// a request to the redirect URI that is passed to FinishAuthorization. It is for
	// programs behind a proxy that changes the paths of requests. Scheme and host
	// are compared with the redirect URI, too: they must come from the program's own
	// configuration, because the Host and X-Forwarded header fields are the
	// browser's to write. If nil, the path of the request line is compared, and
	// scheme and host are not.
	CallbackURL func(r *http.Request) (*url.URL, error)

	// RequireResponseIssuer refuses authorization responses without iss (RFC
	// 9207), whatever the metadata of the server say and whatever else the response
	// has. Otherwise iss is required if the metadata announce it, but not if an ID
	// token in the response says it; it is compared wherever it is present.
	//
	// A client must set it if it uses one client_id and one redirect URI with
	// several servers, as client ID metadata documents (MCP) allow, and does not
	// trust them all: a malicious server writes its metadata itself, and would have
	// the code of an honest one sent to it. FAPI 2.0 requires it.
	RequireResponseIssuer bool

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
	dpop       *DPoP
	requestKey *SigningKey
	encryption *encryption // of request objects; nil: none
	decrypter  Decrypter
	encrypted  struct{ idToken, userinfo, authorization, introspection encryptedAnswer }
	detached   bool
	challenge  *lastChallenge // for attestation-based authentication

	callbackURL   func(*http.Request) (*url.URL, error)
	requireIssuer bool
}

// NewClient makes a Client. It checks all that can be checked without a
// request, and its errors are of kind [ErrConfig], [ErrInsecureURL] and, for
// algorithms, [ErrAlgorithm], or [ErrUnsupported] for those that the package does
// not have, or this program or FIPS 140-3 mode.
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
		useAliases: usesAliases(&cfg),
		tokenTypes: slices.Clone(cfg.AllowTokenTypes),
		accept:     cfg.AcceptIssuer,
		lifetime:   cfg.AuthorizationLifetime,
		dpop:       cfg.DPoP,
		requestKey: cfg.RequestKey,
		decrypter:  cfg.Decrypter,
		detached:   cfg.DetachedSignature,
		challenge:  new(lastChallenge),

		callbackURL:   cfg.CallbackURL,
		requireIssuer: cfg.RequireResponseIssuer,
	}
	if m := c.meta.DefaultMaxAge; m != nil {
		c.meta.DefaultMaxAge = new(int64)
		*c.meta.DefaultMaxAge = *m
	}
	for _, check := range [...]func(*Config) error{
		c.checkIdentity, c.checkTimes, c.setAlgorithms, c.setDecrypter, c.setRequestObject, c.setTransport, c.checkAuth,
	} {
		if err := check(&cfg); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// usesAliases is RFC 8705, Section 5: "An OAuth client intending to do mutual TLS
// […] MUST use the alias URL of the endpoint", wherever its certificate comes from.
func usesAliases(cfg *Config) bool {
	_, authenticates := cfg.Auth.(tlsAuth)
	return cfg.MTLS != nil || authenticates || cfg.Metadata.TLSClientCertificateBoundAccessTokens || cfg.Metadata.UseMTLSEndpointAliases
}

func (c *Client) checkIdentity(*Config) error {
	template := strings.Contains(c.server.Issuer, tenantPlaceholder)
	switch {
	case c.server.Issuer == "":
		return fail(ErrConfig, "Server.Issuer", "is empty: it is what iss is compared with")
	case c.meta.ClientID == "":
		return fail(ErrConfig, "Metadata.ClientID", "is empty: set the client_id that the server gave out")
	case slices.ContainsFunc(c.tokenTypes, func(s string) bool { return strings.EqualFold(s, "dpop") }):
		return fail(ErrConfig, "AllowTokenTypes", "lists DPoP: without its key such a token is of no use, and with Config.DPoP it is accepted")
	case c.dpop == nil && c.meta.DPoPBoundAccessTokens && c.auth != nil: // RFC 9449, Section 5.2
		return fail(ErrConfig, "DPoP", "is nil, and Metadata.DPoPBoundAccessTokens is set: the server would refuse every token request")
	case c.dpop != nil && c.dpop.key == nil:
		return fail(ErrConfig, "DPoP", "is empty: NewDPoP makes one")
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
		"Server.IDTokenSigningAlgValuesSupported", c.server.IDTokenSigningAlgValuesSupported, RS256)
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

// setDecrypter checks what answers are encrypted with.
func (c *Client) setDecrypter(*Config) error {
	m := &c.meta
	for _, e := range [...]struct {
		answer         *encryptedAnswer
		name, alg, enc string
	}{
		{&c.encrypted.idToken, "IDToken", m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc},
		{&c.encrypted.userinfo, "Userinfo", m.UserinfoEncryptedResponseAlg, m.UserinfoEncryptedResponseEnc},
		{&c.encrypted.authorization, "Authorization", m.AuthorizationEncryptedResponseAlg, m.AuthorizationEncryptedResponseEnc},
		{&c.encrypted.introspection, "Introspection", m.IntrospectionEncryptedResponseAlg, m.IntrospectionEncryptedResponseEnc},
	} {
		param := "Metadata." + e.name + "EncryptedResponse"
		as, err := newEncryption(param+"Alg", e.alg, param+"Enc", e.enc)
		if err != nil {
			return err
		}
		if as != nil && e.answer == &c.encrypted.userinfo && m.UserinfoSignedResponseAlg == "" {
			// OIDC Core 5.3.2: servers encrypt plain JSON then. The others are signed by default.
			return fail(ErrConfig, "Metadata.UserinfoSignedResponseAlg", "is empty, and %s is set: only answers that are signed and then encrypted are supported", param+"Alg")
		}
		*e.answer = encryptedAnswer{param + "Alg", as}
		if err := e.answer.canDecrypt(c.decrypter); err != nil {
			return err
		}
	}
	return nil
}

// setRequestObject checks what request objects are signed and encrypted with.
func (c *Client) setRequestObject(*Config) (err error) {
	const alg = "Metadata.RequestObjectEncryptionAlg"
	c.encryption, err = newRequestEncryption(alg, c.meta.RequestObjectEncryptionAlg, "Metadata.RequestObjectEncryptionEnc", c.meta.RequestObjectEncryptionEnc)
	switch {
	case err != nil:
		return err
	case c.requestKey == nil && c.encryption != nil:
		return fail(ErrConfig, "RequestKey", "is nil, and %s is set: a request object is signed before it is encrypted", alg)
	case c.requestKey == nil:
		return nil
	case c.requestKey.alg == nil:
		return fail(ErrConfig, "RequestKey", "is empty: NewSigningKey, GenerateSigningKey and ParseSigningKey make one")
	case c.meta.RequestObjectSigningAlg != "" && c.meta.RequestObjectSigningAlg != c.requestKey.alg.name:
		return fail(ErrConfig, "RequestKey", "is for %s, and the client is registered with %s", c.requestKey.alg.name, printable(string(c.meta.RequestObjectSigningAlg), 32))
	case strings.Contains(c.server.Issuer, tenantPlaceholder):
		return fail(ErrConfig, "RequestKey", "the issuer is a template and no audience for request objects")
	}
	return nil
}

func (c *Client) setTransport(cfg *Config) error {
	keyClient := cfg.HTTPClient
	if cfg.MTLS == nil {
		c.caller = newCaller(cfg.HTTPClient, cfg.InsecureAllowHTTP, cfg.Trace)
	} else {
		clients, err := cfg.MTLS.clients(cfg.HTTPClient, c.clock)
		if err != nil {
			return err
		}
		if url, _, err := c.endpointURL(tokenEndpoint); err == nil && cfg.MTLS.Wrap == nil {
			if err := checkProxy(clients.with.Transport, url); err != nil {
				return err
			}
		}
		c.caller = newCaller(clients.with, cfg.InsecureAllowHTTP, cfg.Trace)
		c.caller.resources, c.caller.isDefault = clients.resources, cfg.HTTPClient == nil
		keyClient = clients.without
	}
	switch {
	case cfg.KeySet != nil && cfg.KeySet.empty():
		return fail(ErrConfig, "KeySet", "is empty: NewKeySet and ParseKeySet make one")
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
	if cfg.MTLS == nil && c.auth != nil && !mayOfferCertificate(cfg.HTTPClient) {
		switch _, authenticates := c.auth.(tlsAuth); {
		case authenticates:
			return fail(ErrConfig, "MTLS", "TLSClientAuth needs a client certificate: set Config.MTLS")
		case c.meta.TLSClientCertificateBoundAccessTokens: // RFC 8705, Section 3.4
			return fail(ErrConfig, "MTLS", "is nil, HTTPClient has no client certificate, and Metadata.TLSClientCertificateBoundAccessTokens is set: there is nothing to bind tokens to")
		}
	}
	switch a := c.auth.(type) {
	case assertionFunc:
		if strings.Contains(c.server.Issuer, tenantPlaceholder) {
			return fail(ErrConfig, "Auth", "the issuer is a template and no audience for ClientAssertion: write a ClientAuth that knows the right one")
		}
	case *jwtAuth:
		return a.checkServer(c.server)
	case *attestationAuth:
		_, err := a.thumbprintFor(c.server, c.dpop)
		return err
	}
	return nil
}

// Format prints the server and the client.
func (c Client) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.summary()) }

// LogValue is the server and the client.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.summary()) }

func (c *Client) summary() string {
	if c == nil || c.server == nil {
		return "Client()"
	}
	return "Client(" + printable(c.server.Issuer, 256) + " " + printable(c.meta.ClientID, 128) + ")"
}

// made is the error of a Client that NewClient did not make.
func (c *Client) made() error {
	if c == nil || c.server == nil {
		return fail(ErrConfig, "Client", "is nil or empty: NewClient makes one")
	}
	return nil
}

// CloseIdleConnections closes connections that are kept for further requests.
// A program calls it after it renewed a client certificate, or when it is done
// with the Client.
func (c *Client) CloseIdleConnections() {
	if c.made() != nil {
		return
	}
	c.caller.closeIdle()
	if c.keys != nil && c.keys.caller != nil {
		c.keys.caller.closeIdle()
	}
}
