// Package oauth implements a client of OAuth 2.0 authorization servers and OpenID
// Connect providers, and a resource server, which is an API that accepts access tokens.
// It uses only the standard library.
//
// These are the jobs that the package does, and the calls for them:
//
//   - Log a user in: [Discover], [NewClient], [Client.StartAuthorization] and
//     [Client.FinishAuthorization]. [Token.Identity] returns the user.
//   - Log the users of a web application in, and keep their sessions: package
//     [example.com/oauth/weblogin].
//   - Call an API: [Client.Do], or a [Transport], which also renews the token.
//   - Protect an API: [NewResourceServer] and [ResourceServer.Require].
//   - Run a service without users: [Client.ClientCredentials].
//   - Log a user in on a device without a browser: [Client.StartDeviceAuthorization]
//     and [Client.PollDevice].
//   - Log a user in on another device, for example for a call center (CIBA):
//     [Client.StartBackchannelAuthentication] and
//     [Client.PollBackchannelAuthentication].
//   - Verify an ID token that arrived in another way, for example from Google One Tap,
//     a native app or a workload identity: [Client.VerifyIDToken].
//   - Exchange a token or an assertion for an access token: [Client.ExchangeToken] and
//     [Client.JWTBearer].
//   - Renew, examine or end a token: [Client.Refresh], [Client.UserInfo],
//     [Client.Introspect] and [Client.Revoke].
//   - Log a user out: [Client.EndSessionURL] ends the session at the server.
//     [Client.BackchannelLogoutHandler] and [Client.ParseFrontchannelLogout] learn of
//     sessions that ended elsewhere.
//   - Register a client: [Register]. [Registration.Config] configures it.
//   - Find the authorization servers of an API: [DiscoverResource].
//   - Start while the server cannot be reached: [NewClientFromIssuer].
//   - Test a program: package [example.com/oauth/oauthtest] is a server for tests.
//
// # Logging a user in
//
// [Discover] fetches the metadata of the server, and [NewClient] makes a [Client] of
// it. [Client.StartAuthorization] begins the login: the program saves its result and
// sends the browser to its URL. [Client.FinishAuthorization] ends the login. The Token
// that it returns has passed every check.
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
// A program must identify its users by issuer and subject together, because a subject
// is unique only within its issuer.
//
// # Protecting an API
//
// [NewResourceServer] configures the servers whose tokens the API accepts, and
// [ResourceServer.Require] protects a handler:
//
//	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
//		Resource: "https://api.example.com",
//		Servers:  []oauth.TrustedServer{{Server: as}},
//	})
//	mux.Handle("GET /orders", rs.Require(oauth.Requirement{Scope: []string{"orders"}}, orders))
//	mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
//
// In the handler, [AccessTokenFromContext] returns the token. JWT access tokens must
// follow RFC 9068, unless an [AccessTokenProfile] describes how the tokens of a server
// differ. The package has profiles for large providers. If
// ResourceServerConfig.Introspect is set, the resource server asks the authorization
// server about tokens that are not JWTs. In every configuration, a token that is bound
// to a DPoP key or a client certificate is accepted only with the proof or the
// certificate.
//
// Machines that serve the same Resource must share a [ReplayCache], and the
// DPoPNonceKeys if they are set. The module oauthredis, beside this package, has a
// ReplayCache in Redis.
//
// Behind a proxy that terminates TLS, Resource or BaseURL must be the origin that
// clients call. If the proxy changes the path, RequestURL must return the URL that the
// client requested. ClientCertificate takes the client's certificate from the proxy.
//
// WARNING: ClientCertificate must make sure that the request comes from the proxy. Any
// client can send a header field with a certificate in it.
//
// # Options and requests
//
// Calls take requests, such as an [AuthorizationRequest], by pointer. Options that a
// call cannot do without, such as [TransportOptions], are passed by value. Optional
// ones, such as [GrantOptions], are passed by pointer, which may be nil. Nil then means
// the zero value.
//
// # Errors
//
// Errors have a kind, for [errors.Is]. An error that matches [ErrInvalid] says that a
// token or a response failed a check. [ErrRefused] says that the server refused the
// request. [ErrNetwork], [ErrResponse] and [ErrUnavailable] say that the server could
// not be asked, or that its response could not be used. [ErrConfig] and
// [ErrInsecureURL] say that the program or its configuration must be changed. A
// resource server also returns [ErrNoCredentials], [ErrMalformed] and [ErrRateLimited],
// which are about the request that it received.
//
// An [*Error] names the operation and the field at fault. The text of an error never
// contains a token, a secret, a code or a body. If a call returns an error, its other
// results are nil or zero.
//
// Many calls are documented to return the errors of a request. These are:
//
//   - If the configuration or an argument is wrong, the error matches [ErrConfig]. If a
//     URL is not https, it matches [ErrInsecureURL]. In both cases the request was not
//     made.
//   - If there was no response, the error matches [ErrNetwork]. If a timeout or the
//     deadline of the context ended the request, it also matches
//     [context.DeadlineExceeded]. If the context was canceled, it only matches
//     [context.Canceled].
//   - If the response does not have the expected form, the error matches [ErrResponse].
//   - If the server refused the request, the error is a [*ResponseError], which has the
//     error code and matches [ErrRefused].
//   - If a token or another part of the response failed a check, the error matches
//     [ErrInvalid].
//   - If something that the call needs cannot be had now, such as the keys of the
//     server, the error matches [ErrUnavailable].
//
// # Trust
//
// The contents of every [IDToken], [AccessToken], [LogoutToken], [UserInfo] and
// [Introspection] have passed every check, and there is no other way to obtain one: no
// function parses a token without checking it, and these types have no exported fields
// and cannot be decoded from JSON. The signature of an ID token is always verified,
// even if the token came from the token endpoint over TLS.
//
// The configuration determines the algorithms with which a token may be signed, and the
// token itself does not. They are the algorithm in the client's metadata or, if there
// is none, the list in the server's metadata or, if there is none, RS256. The algorithm
// none and HMAC cannot be configured for verification. The key must be in the key set
// of the server. It is selected by kid, type, use and algorithm. Keys and URLs in the
// header of a token are ignored, and keys are never tried in turn.
//
// Settings that must not be forgotten are required, or checked by [NewClient]. The name
// of every setting that weakens a check begins with Insecure.
//
// # Stolen tokens
//
// A Bearer token can be used by every party that has it. An API can refuse such tokens
// with RequireDPoP or RequireMTLS.
//
// If Config.DPoP is set, tokens are bound to its key, and every request proves that the
// client has the key. If the server requires nonces in the proofs, the client adds
// them. If Config.MTLS is set and the server supports it, tokens are bound to the
// client certificate. In each case [Client.Do] and [Transport] send tokens only over
// https and follow no redirect. A Transport sends them only to its Origins.
//
// A refresh token is worth more than any access token. It should be kept in an
// encrypted store that only the application can read. Servers that rotate refresh
// tokens treat a second use of one as theft. Processes that share a store must
// therefore lock it while they refresh a token. [Client.Refresh] and
// TransportOptions.OnRefresh provide the new Token, which the program must store before
// it does anything else.
//
// If Refresh fails after the server has issued a new refresh token, the error is a
// [*RefreshError] with the new refresh token, which must be stored too. If the error is
// a [*ResponseError] with the code invalid_grant, the refresh token has expired, was
// revoked or was used twice. The program should delete it and let the user log in
// again.
//
// # Several servers
//
// WARNING: An application that uses several servers must keep their responses apart.
// Otherwise a malicious server can have the code of another server sent to it (mix-up:
// RFC 9700, Section 4.4).
//
// Such an application should have a Client for each server, and give each a redirect
// URI with a path of its own, which [Client.FinishAuthorization] compares.
// [PendingAuthorization.Issuer] names the server whose Client must finish a login.
//
// If others name the servers, for example the resources of MCP (Model Context
// Protocol), a server may be malicious, and it writes its metadata itself. A client of
// such servers should also set Config.RequireResponseIssuer. It must set it if it uses
// one redirect URI for all of them.
//
// # Servers that others name
//
// If a user, a tenant or a document names an issuer or a resource, the program fetches
// a URL on behalf of a stranger. The metadata at this URL name further URLs. The
// package only fetches https URLs and follows no redirect, but it connects to every
// address that a host name resolves to, including addresses of the program's own
// network.
//
// A program that does not choose its servers should set HTTPClient in
// [DiscoverOptions], [RegistrationOptions] and [Config] to the client that
// [NewInternetHTTPClient] returns, which connects to public addresses only. A client of
// its own must look at addresses after names are resolved, and must not use a proxy that
// resolves names itself.
//
// # Encrypted responses
//
// [NewDecrypter] takes the keys of the client. If Config.Decrypter is set, the client
// decrypts ID tokens, logout tokens, and userinfo, authorization and introspection
// responses. If Metadata says how a kind of response is encrypted, responses of that
// kind that are not encrypted, or are encrypted in another way, are refused. The
// decrypted content must be signed, and it is verified like a response that was not
// encrypted, because encrypting requires only the public key.
//
// If decryption fails, for whatever reason, the error matches [ErrDecrypt]. RSA1_5,
// PBES2 and compression cannot be configured. A program that makes no Decrypter does
// not link the code for it.
//
// # Requests
//
// The package only fetches https URLs, except that InsecureAllowHTTP allows http for
// tests. It follows no redirect and keeps no cookies. It reads at most 1 MiB of a body,
// 64 KiB of a token and 500 keys of a key set. The responses of resources are not
// limited, because the caller reads them.
//
// Every call that makes requests takes a context, and returns when it ends, but for
// [Client.EndSessionURL], which makes one only in a rare case. The package starts goroutines
// for work that several callers share: fetching a key set or metadata, which ends within
// 10 seconds, and renewing a token, which ends within 30 seconds. [KeySet],
// [NewClientFromIssuer] and [Client.NewTransport] say when. It also starts one for every request through a round
// tripper that is not an [*http.Transport], and for every call of
// MutualTLS.GetCertificate, because these may ignore their context. Such a goroutine
// ends when the round tripper or the function returns.
//
// # Secrets
//
// [Secret], [Token], [PendingAuthorization] and similar types print no secrets, with
// any verb, and do not encode to JSON. Options and requests that can contain secrets or
// personal data in plain fields, such as [AuthorizationRequest], [GrantOptions] and
// [MutualTLS], print as "[redacted]". MarshalBinary encodes values that a program must
// store. Its result is secret and should be kept in the user's own session, on the
// server or encrypted.
//
// # Profiles
//
// [SecurityProfile] makes a Client or a ResourceServer keep to the rules of a profile:
//
//   - FAPI 1 Advanced: set SecurityProfile, RequestKey, PrivateKeyJWT or TLSClientAuth,
//     and MTLS. An API sets SecurityProfile, and Introspect or Revoked.
//   - FAPI 2.0 Security Profile: set SecurityProfile, PrivateKeyJWT or TLSClientAuth,
//     and DPoP or MTLS. An API sets SecurityProfile, and Introspect or Revoked.
//   - FAPI 2.0 Message Signing: in addition RequestKey and, for the Client that
//     introspects, Metadata.IntrospectionSignedResponseAlg.
//
// # FIPS 140-3
//
// The package works in the FIPS 140-3 mode of Go, including GODEBUG=fips140=only. In
// this mode it only uses approved algorithms. RSA-OAEP with SHA-1 and X25519 are not
// approved: making a key for them returns an error that matches [ErrUnsupported]. RSA
// keys must then have an exponent greater than 2¹⁶. The package computes AES Key Wrap
// (A128KW, A192KW, A256KW) and the Concat KDF itself, with AES and SHA-256 of the Go
// Cryptographic Module. It never takes randomness from a caller. ML-DSA requires the Go
// Cryptographic Module v1.26.0 or newer.
//
// # Specifications
//
// The README has a table of all specifications that the package implements, with their
// state. They cover OAuth 2.0 (RFC 6749) with PKCE, pushed and signed requests, DPoP,
// mutual TLS, token exchange, device authorization, introspection, revocation and
// registration; OpenID Connect Core, Discovery, Registration, Logout and CIBA; JWT
// access tokens, step-up authentication and resource metadata for resource servers; and
// the security advice of RFC 9700.
//
// The package does not implement an authorization server, and it does not manage
// sessions. It does not support the implicit flow, the password grant, or any response
// type that returns an access token through the browser (RFC 9700). It does not guess:
// the authentication method, the kind of discovery document and the habits of a
// provider are configuration.
//
// # Refusals on purpose
//
// Answers are refused if something depends on what is wrong with them, and not
// otherwise. Some servers are refused all the same, because an attacker would gain:
//
//   - ID tokens that are signed with HS256, for example those of LINE Login on the web
//     and of FranceConnect version 1: everyone who can verify such a token can make
//     one. The client must be registered for RS256, ES256 or EdDSA. If the server has
//     none of them, request a token without scope openid, and ask the userinfo endpoint
//     with UserInfoOptions.InsecureSkipSubject.
//   - JWTs in padded base64, for example those that the load balancers of AWS add to
//     requests: one token could be written in several ways, so that a list of tokens
//     that were used or revoked is no help. Use the access token that they forward.
//   - A sub that is a number: it can be spelled in several ways, and large ones lose
//     digits. OpenID Connect Core, Section 2 requires a string. Without scope openid,
//     [Client.Do] returns the profile for the program to read.
//   - The password grant and responses that bring an access token through the browser
//     (RFC 9700, Sections 2.4 and 2.1.2). Users log in with a code or a device code,
//     and services with client credentials.
//
// # Compatibility
//
// Before version 1, minor versions may change the API, which api/v0.txt lists. Calls
// that follow a draft ([AttestJWTClientAuth], [AttestJWTClientAuthDPoP],
// [ClientIDMetadataHandler]) may change with any release until the draft is an RFC. The
// package requires Go 1.25 or newer, and Go 1.27 for ML-DSA.
//
// # Reading the source
//
// The files build on each other. A file only uses names of the files before it, with
// the few exceptions that rooms_test.go lists. From the ground to the roof they are:
//
//   - Ground: limits.go, text.go, errors.go, clock.go, budget.go, url.go, json.go, jsonobject.go,
//     secret.go, flight.go, trace.go, algorithm.go, mldsa.go, mldsa_go126.go,
//     jsonstruct.go.
//   - Tokens and keys: jwk.go, jws.go, memo.go, claims.go, jwe.go, encrypted.go, decrypt.go.
//   - Requests: dial.go, internet.go, challenge.go, dpop.go, redact.go, http.go, mtls.go,
//     jwks.go, publickeys.go, verify.go, metadata.go, clientauth.go, attestation.go,
//     securityprofile.go, signedjwt.go, published.go.
//   - The client: oauth.go, details.go, client.go, discovered.go, saved.go, authorize.go,
//     idtoken.go, token.go, fragment.go, callback.go, initiated.go, grants.go, poll.go,
//     device.go, ciba.go, renewal.go, protected.go, userinfo.go, introspection.go,
//     revocation.go, registration.go.
//   - Logout and the resource server: replay.go, logout.go, accesstoken.go, nonce.go,
//     profile.go, verified.go, trusted.go, resource.go, opaque.go, refusal.go, proof.go,
//     authenticate.go, credential.go, require.go.
package oauth

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config configures a [Client]. Metadata.ClientID is required. Server is required for
// [NewClient], and must be nil for [NewClientFromIssuer].
type Config struct {
	// Server is the authorization server. It is the result of [Discover], or an
	// AuthorizationServer that the program fills in itself. It is copied.
	Server *AuthorizationServer

	// Metadata is the metadata with which the client is registered. Its ClientID is
	// required.
	Metadata ClientMetadata

	// Auth authenticates the client. For a public client, it must be [PublicClient]. If
	// Auth is nil, the client can only verify tokens and responses, and calls that
	// authenticate return an error that matches [ErrConfig].
	Auth ClientAuth

	// Clock provides the time against which tokens are checked. The zero value means
	// the local time, with a tolerance of [DefaultTolerance].
	Clock Clock

	// HTTPClient makes the requests. Only its Transport and Timeout are used, because
	// the package keeps no cookies and follows no redirects. If HTTPClient is nil, the
	// package uses a client of its own, with timeouts. All that have none share its
	// connections: a login after Discover needs no TLS handshake.
	//
	// If the Transport is an [*http.Transport], it is used as it is. It is cloned if it
	// sets no TLSHandshakeTimeout, or if its connections turn out to be dead. Until
	// then its own HTTP2 field applies. If SendPingTimeout is not set there, the call
	// that finds a dead HTTP/2 connection fails.
	//
	// Any other round tripper must not follow redirects. The response is refused if it
	// does, but by then the code, the secret and the token have been sent elsewhere. A
	// round tripper that sends requests to another host on purpose must be marked with
	// [RewritesHost]. It must not repeat requests either, because they contain values
	// that can be used only once. To prevent it, the package sends requests without
	// GetBody, and refuses a second connection for a request unless there was a
	// response on the first. The round tripper may ignore its context, because the
	// package does not wait for it after the context ends.
	HTTPClient *http.Client

	// MTLS is the client certificate for the endpoints of the server. If nil, the
	// client uses the certificate of HTTPClient, if it has one.
	//
	// Requests go to the server's mtls_endpoint_aliases (RFC 8705, Section 5) if MTLS
	// is set, if Auth is [TLSClientAuth], or if Metadata sets
	// TLSClientCertificateBoundAccessTokens or UseMTLSEndpointAliases. TLSClientAuth
	// and bound access tokens require a certificate, and NewClient returns an error if
	// there is none. It cannot detect this if the Transport of HTTPClient is not an
	// *http.Transport or dials TLS connections itself.
	MTLS *MutualTLS

	// DPoP is the key to which all tokens are bound (RFC 9449, FAPI 2.0). If it is set,
	// Bearer tokens are refused unless AllowTokenTypes lists them. If nil, tokens are
	// not bound to a key.
	DPoP *DPoP

	// RequestKey signs all authorization requests (JAR, RFC 9101; FAPI 1 Advanced, FAPI
	// 2.0 Message Signing). Backchannel authentication requests are signed if
	// Metadata.BackchannelRequestAlg is set. Authorization requests are also encrypted
	// if Metadata.RequestObjectEncryptionAlg is set. If RequestKey is nil, requests are
	// neither signed nor encrypted.
	RequestKey *SigningKey

	// Decrypter decrypts ID tokens, logout tokens, and userinfo, authorization (JARM)
	// and introspection responses. It is required if Metadata sets an
	// …EncryptedResponseAlg. Responses of that kind must then be encrypted with the alg
	// and enc of Metadata; an empty enc means A128CBC-HS256. Other kinds of response
	// may be encrypted or plain. Decrypted content must always be signed. If Decrypter
	// is nil, encrypted responses fail with an error that matches [ErrUnsupported].
	Decrypter Decrypter

	// DetachedSignature requires the claim s_hash in ID tokens of authorization
	// responses, as FAPI 1 Advanced, Section 5.1.1 does.
	DetachedSignature bool

	// KeySet provides the keys of the server. If nil, the client makes one for
	// Server.JWKSURI. Clients of the same server should share a KeySet.
	KeySet *KeySet

	// AllowTokenTypes lists token types that are accepted in addition to the expected
	// one, which is Bearer or, if DPoP is set, DPoP. Such a token is presented as a
	// Bearer token, which it is by another name; for example, Apigee calls its tokens
	// BearerToken. An empty string in it allows responses without token_type. For
	// example, LinkedIn sends none. DPoP must not be in it.
	AllowTokenTypes []string

	// AcceptIssuer reports whether users of a tenant may log in. It is required if the
	// Issuer of the server contains {tenantid}, and must be nil otherwise. For example,
	// the Issuer of Entra ID contains it for multi-tenant applications. It is called
	// with the iss and tid of tokens whose signature has been verified.
	//
	// WARNING: If AcceptIssuer always returns true, every tenant in the world can log
	// in.
	AcceptIssuer func(iss, tid string) bool

	// TrustedAudiences lists audiences that ID tokens may have beside the client. They
	// must not be empty. Tokens with other audiences are refused, unless their azp is
	// the client (OpenID Connect Core, Section 3.1.3.7, step 3). If nil, no other
	// audience is trusted. It is needed for tokens that have several audiences by
	// design, for example those of Kubernetes, GitLab CI and SPIFFE.
	//
	// WARNING: Each of these audiences receives tokens of this client's users, and can
	// present them here. VerifyIDToken without a nonce accepts such a token.
	TrustedAudiences []string

	// CallbackURL returns the URL that the browser requested, including its query, for
	// a request to the redirect URI that is passed to FinishAuthorization. It is for
	// programs behind a proxy that changes the paths of requests. Scheme and host are
	// compared with the redirect URI as well. If CallbackURL is nil, only the path of
	// the request line is compared, and scheme and host are not.
	//
	// WARNING: Scheme and host must come from the configuration of the program.
	// Browsers can write anything into the Host and X-Forwarded header fields.
	CallbackURL func(r *http.Request) (*url.URL, error)

	// RequireResponseIssuer refuses authorization responses without iss (RFC 9207),
	// regardless of the server's metadata and of the other parameters of the response.
	// If it is false, iss is required if the metadata announce it, unless the response
	// contains an ID token. If iss is present, it must always be the issuer of the
	// server.
	//
	// A client must set RequireResponseIssuer if it uses one client_id and one redirect
	// URI with several servers, as client ID metadata documents (MCP) allow, and does
	// not trust all of these servers. A malicious server writes its metadata itself,
	// and could have the code of an honest server sent to it. FAPI 2.0 requires the
	// setting.
	RequireResponseIssuer bool

	// AuthorizationLifetime is the time that a user may take between StartAuthorization
	// and FinishAuthorization. It must be at most 24 hours. The zero value means 1
	// hour.
	AuthorizationLifetime time.Duration

	// SecurityProfile is the profile that the Client keeps to, in everything that it
	// does. If zero, there is none.
	SecurityProfile SecurityProfile

	// Trace contains hooks that observe the Client, for example for metrics. If nil,
	// there are none.
	Trace *Trace

	// InsecureAllowHTTP allows http URLs. It should be used only for loopback addresses
	// and tests.
	InsecureAllowHTTP bool
}

// A Client is an OAuth 2.0 and OpenID Connect client of one authorization server. It is
// immutable and safe for concurrent use.
type Client struct {
	server     *AuthorizationServer
	discovery  clientSource // of the Client of the metadata as they are now; nil: it is this one
	meta       ClientMetadata
	auth       ClientAuth
	clock      Clock
	caller     *caller
	keyCaller  *caller // fetches keys, without a client certificate
	keys       *KeySet
	keysErr    error // why there is no key set
	certified  bool  // there is a client certificate to offer, as far as can be seen
	useAliases bool
	tokenTypes []string
	audiences  []string // that ID tokens may have beside the client
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
	rules         *securityRules // of the security profile
}

// NewClient returns a Client with the given configuration. It makes no request, and
// checks everything that can be checked without one.
//
// If the configuration is wrong, the error matches [ErrConfig]. If a URL is not https,
// it matches [ErrInsecureURL]. If an algorithm must not be used, it matches
// [ErrAlgorithm]. If the package, the running program or FIPS 140-3 mode does not have
// the algorithm, it matches [ErrUnsupported].
func NewClient(cfg Config) (*Client, error) {
	c, err := newClient(cfg, nil)
	if err != nil {
		return nil, withOp(opConfig, err)
	}
	return c, nil
}

const opConfig = "configuration"

// newClient makes a Client. One of the same configuration but for Server may be given,
// whose connections and challenges it takes over, and the keys if they are in the same
// place.
func newClient(cfg Config, before *Client) (*Client, error) {
	c, err := baseClient(cfg, before)
	if err != nil {
		return nil, err
	}
	for _, check := range [...]func(*Client, *Config) error{(*Client).checkRoute, (*Client).checkServer} {
		if err := check(c, &cfg); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// checkServer holds the configuration against what the server can do.
func (c *Client) checkServer(cfg *Config) error {
	for _, check := range [...]func(*Client, *Config) error{(*Client).setAlgorithms, (*Client).checkAuthAtServer, (*Client).checkProfile} {
		if err := check(c, cfg); err != nil {
			return err
		}
	}
	return nil
}

// baseClient does what needs nothing of the metadata but the issuer.
func baseClient(cfg Config, before *Client) (*Client, error) {
	if cfg.Server == nil {
		return nil, fail(ErrConfig, "Server", "is nil: pass what Discover returns")
	}
	server, err := cfg.Server.clone()
	if err != nil {
		return nil, &Error{Kind: ErrConfig, Param: "Server", Detail: "cannot be used", Err: err}
	}
	if err := cfg.SecurityProfile.check(); err != nil {
		return nil, err
	}
	rules := cfg.SecurityProfile.rules()
	c := &Client{
		server:     server,
		meta:       cfg.Metadata,
		auth:       cfg.Auth,
		clock:      cfg.Clock,
		useAliases: usesAliases(&cfg),
		tokenTypes: slices.Clone(cfg.AllowTokenTypes),
		audiences:  slices.Clone(cfg.TrustedAudiences),
		accept:     cfg.AcceptIssuer,
		lifetime:   cfg.AuthorizationLifetime,
		dpop:       cfg.DPoP,
		requestKey: cfg.RequestKey,
		decrypter:  cfg.Decrypter,
		detached:   cfg.DetachedSignature || rules.jwtResponse != "", // where an ID token is the response
		challenge:  new(lastChallenge),

		callbackURL:   cfg.CallbackURL,
		requireIssuer: cfg.RequireResponseIssuer || rules.iss != "",
		rules:         rules,
	}
	if rules.signedCIBA != "" && c.meta.BackchannelRequestAlg == "" {
		c.meta.BackchannelRequestAlg = c.requestKey.Algorithm()
	}
	if m := c.meta.DefaultMaxAge; m != nil {
		c.meta.DefaultMaxAge = new(int64)
		*c.meta.DefaultMaxAge = *m
	}
	if before != nil {
		c.caller, c.keyCaller, c.certified, c.keys, c.challenge = before.caller, before.keyCaller, before.certified, before.keys, before.challenge
	}
	for _, check := range [...]func(*Client, *Config) error{
		(*Client).checkIdentity, (*Client).checkTimes, (*Client).setDecrypter, (*Client).setRequestObject,
		(*Client).setTransport, (*Client).checkAuth,
	} {
		if err := check(c, &cfg); err != nil {
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
		return fail(ErrConfig, "Server.Issuer", "is empty: it is what iss is compared with; for a server without metadata, such as GitHub's, write its URL")
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
	c.dpop = c.dpop.namedAt(c.server.DPoPSigningAlgValuesSupported)
	return nil
}

func (c *Client) checkTimes(*Config) error {
	if c.lifetime == 0 {
		c.lifetime = authorizationAge
	}
	if slices.Contains(c.audiences, "") {
		return fail(ErrConfig, "TrustedAudiences", "has an empty element")
	}
	if c.lifetime < 0 || c.lifetime > maxAuthorizationAge {
		return fail(ErrConfig, "AuthorizationLifetime", "%v is not between 0 and %v", c.lifetime, maxAuthorizationAge)
	}
	return cmp.Or(c.checkDefaults(), c.clock.validate())
}

func (c *Client) checkDefaults() error {
	if m := c.meta.DefaultMaxAge; m != nil && *m < 0 {
		return fail(ErrConfig, "Metadata.DefaultMaxAge", "is negative")
	}
	return nil
}

func (c *Client) setAlgorithms(*Config) error {
	m := &c.meta
	list, err := c.rules.allowed("Metadata.IDTokenSignedResponseAlg", m.IDTokenSignedResponseAlg,
		"Server.IDTokenSigningAlgValuesSupported", c.server.IDTokenSigningAlgValuesSupported, RS256)
	if err != nil {
		return err
	}
	c.idTokens = jwsRules{
		allowed: list, typ: idTokenType, what: "an ID token", op: opIDToken,
		otherwise: "; if the client is registered with another, set Metadata.IDTokenSignedResponseAlg",
	}
	for _, a := range [...]struct {
		param string
		alg   Algorithm
		plain bool // the answers may be plain JSON
	}{
		{"Metadata.UserinfoSignedResponseAlg", m.UserinfoSignedResponseAlg, true},
		{"Metadata.AuthorizationSignedResponseAlg", m.AuthorizationSignedResponseAlg, false},
		{"Metadata.IntrospectionSignedResponseAlg", m.IntrospectionSignedResponseAlg, true},
	} {
		if a.alg != "" && !(a.plain && isPlain(a.alg)) {
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
		// OIDC Core 5.3.2: servers encrypt plain JSON where userinfo is not signed. The
		// others are signed by default.
		plain := e.answer == &c.encrypted.userinfo && isPlain(m.UserinfoSignedResponseAlg) ||
			e.answer == &c.encrypted.introspection && m.IntrospectionSignedResponseAlg == plainJSON
		if as != nil && plain {
			return fail(ErrConfig, "Metadata."+e.name+"SignedResponseAlg", "is empty or none, and %s is set: only answers that are signed and then encrypted are supported", param+"Alg")
		}
		*e.answer = encryptedAnswer{param + "Alg", as}
		if err := e.answer.canDecrypt(c.decrypter); err != nil {
			return err
		}
	}
	return nil
}

const requestEncryptionParam = "Metadata.RequestObjectEncryptionAlg"

// setRequestObject checks what request objects are signed and encrypted with.
func (c *Client) setRequestObject(*Config) (err error) {
	const alg = requestEncryptionParam
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
	case c.meta.RequestObjectSigningAlg != "" && !c.requestKey.alg.name.same(c.meta.RequestObjectSigningAlg):
		return fail(ErrConfig, "RequestKey", "is for %s, and the client is registered with %s", c.requestKey.alg.name, printable(string(c.meta.RequestObjectSigningAlg), 32))
	case strings.Contains(c.server.Issuer, tenantPlaceholder):
		return fail(ErrConfig, "RequestKey", "the issuer is a template and no audience for request objects")
	}
	return nil
}

func (c *Client) setTransport(cfg *Config) error {
	if c.caller == nil {
		if err := c.connect(cfg); err != nil {
			return err
		}
	}
	before := c.keys
	switch c.keys = nil; {
	case cfg.KeySet != nil && cfg.KeySet.empty():
		return fail(ErrConfig, "KeySet", "is empty: NewKeySet and ParseKeySet make one")
	case cfg.KeySet != nil:
		c.keys = cfg.KeySet
	case c.server.JWKSURI == "":
		c.keysErr = fail(ErrConfig, "jwks_uri", "the server's metadata has none: set it in Config.Server, or set Config.KeySet")
	case before != nil && before.uri == c.server.JWKSURI:
		c.keys = before
	default:
		c.keys, c.keysErr = newKeySet(c.server.JWKSURI, defaultKeyAge, c.keyCaller)
		c.keysErr = withOp(opKeySet, c.keysErr)
	}
	return nil
}

// connect makes what requests are sent with.
func (c *Client) connect(cfg *Config) error {
	c.certified = cfg.MTLS != nil || mayOfferCertificate(cfg.HTTPClient)
	keyClient := cfg.HTTPClient
	if cfg.MTLS == nil {
		c.caller = newCaller(cfg.HTTPClient, cfg.InsecureAllowHTTP, cfg.Trace)
	} else {
		clients, err := cfg.MTLS.clients(cfg.HTTPClient, c.clock)
		if err != nil {
			return err
		}
		c.caller = newCaller(clients.with, cfg.InsecureAllowHTTP, cfg.Trace)
		c.caller.resources, c.caller.isDefault = clients.resources, cfg.HTTPClient == nil
		keyClient = clients.without
	}
	c.keyCaller = c.caller
	if cfg.MTLS != nil || withoutClientCertificate(keyClient) != keyClient { // else its connections will do
		c.keyCaller = newCaller(withoutClientCertificate(keyClient), cfg.InsecureAllowHTTP, cfg.Trace)
	}
	return nil
}

// checkRoute refuses a proxy that would be offered the client certificate.
func (c *Client) checkRoute(cfg *Config) error {
	url, _, err := c.endpointURL(tokenEndpoint)
	if err != nil || cfg.MTLS == nil {
		return nil
	}
	return checkProxy(c.caller.client.Transport, url)
}

func (c *Client) checkAuth(*Config) error {
	if f, ok := c.auth.(faulty); ok {
		if err := f.fault(); err != nil {
			return err
		}
	}
	if c.auth != nil && !c.certified {
		switch _, authenticates := c.auth.(tlsAuth); {
		case authenticates:
			return fail(ErrConfig, "MTLS", "TLSClientAuth needs a client certificate: set Config.MTLS")
		case c.meta.TLSClientCertificateBoundAccessTokens: // RFC 8705, Section 3.4
			return fail(ErrConfig, "MTLS", "is nil, HTTPClient has no client certificate, and Metadata.TLSClientCertificateBoundAccessTokens is set: there is nothing to bind tokens to")
		}
	}
	if _, template := c.auth.(assertionFunc); template && strings.Contains(c.server.Issuer, tenantPlaceholder) {
		return fail(ErrConfig, "Auth", "the issuer is a template and no audience for ClientAssertion: write a ClientAuth that knows the right one")
	}
	return nil
}

// checkAuthAtServer checks what the metadata say of the client's authentication.
func (c *Client) checkAuthAtServer(*Config) error {
	switch a := c.auth.(type) {
	case *jwtAuth:
		return a.checkServer(c.server)
	case *attestationAuth:
		_, err := a.thumbprintFor(c.server, c.dpop)
		return err
	}
	return nil
}

// checkProfile holds the configuration against the security profile.
func (c *Client) checkProfile(cfg *Config) error {
	return c.rules.judge(&profiledClient{
		server: c.server, meta: &c.meta, auth: c.auth, dpop: c.dpop,
		certificate: c.certified, requestKey: c.requestKey, tokenTypes: c.tokenTypes, insecure: cfg.InsecureAllowHTTP, keys: cfg.KeySet,
	})
}

// Format implements [fmt.Formatter]. It prints the issuer of the server and the
// client_id.
func (c Client) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.summary()) }

// LogValue implements [slog.LogValuer]. It returns the text that Format prints.
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

// A clientSource has the Client of the metadata of a server as they are now.
type clientSource interface {
	client(context.Context) (*Client, error)
	atHand() *Client // as far as it is known without waiting
	closeIdle()
}

// ready returns the Client that does a call for c: of one that discovers its server, that
// of the metadata as they are now.
func (c *Client) ready(ctx context.Context) (*Client, error) {
	if err := c.made(); err != nil || c.discovery == nil {
		return c, err
	}
	return c.discovery.client(ctx)
}

// atHand is ready for what must go on without the server.
func (c *Client) atHand() *Client {
	if c.discovery != nil {
		return c.discovery.atHand()
	}
	return c
}

// CloseIdleConnections closes connections that are kept open for further requests. A
// program should call it after it has renewed a client certificate, or when it no
// longer needs the Client. Without Config.HTTPClient and Config.MTLS, they are those of
// all Clients, KeySets and ResourceServers that have no HTTPClient; requests that are
// under way go on.
func (c *Client) CloseIdleConnections() {
	if c.made() != nil {
		return
	}
	c.caller.closeIdle()
	keys := c.keyCaller
	if c.keys != nil && c.keys.caller != nil { // the program's own KeySet
		keys = c.keys.caller
	}
	keys.closeIdle()
	if c.discovery != nil {
		c.discovery.closeIdle()
	}
}
