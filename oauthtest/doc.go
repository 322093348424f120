// Package oauthtest provides an OpenID Provider and OAuth 2.0 authorization server
// for tests, as net/http/httptest provides an HTTP server.
//
// The server listens on loopback, is correct by default, and misbehaves on request.
// It shares no code with package oauth: it signs, verifies and parses by itself, so
// that a mistake on one side does not cancel out on the other. It serves clients
// that use any package.
//
// WARNING: The server logs in anyone who asks. It is for tests only, and must not
// be reachable from other machines.
//
// # A login
//
// A test registers a client with [Server.AddClient]. It gives the application under
// test the [Server.Issuer] and the [Server.Client], which trusts the server's
// certificate. [Server.Authorize] plays the browser: it opens the URL to which the
// application sends the user, and returns the request that comes back to the
// application's redirect URI. The package example is a login with package oauth.
// The test of an application adds the application's cookie to the request and
// passes it to the handler:
//
//	callback, err := srv.Authorize(ctx, location) // where /login redirects to
//	…
//	callback.AddCookie(session)
//	app.ServeHTTP(recorder, callback)
//
// The user is "alice", unless the request has a login_hint. [Server.AddUser] adds
// users. With the login_hint "deny", the user refuses. The server shows no page
// unless [Options.Interactive] is set. For tests of prompt and max_age,
// [Server.NewBrowser] returns a browser that keeps its cookies from one login to
// the next.
//
// # Tokens without a login
//
// [Server.AccessToken] and [Server.IDToken] return a token for a user, with any
// claims, for example for the test of an API. [Server.LogoutToken] returns a logout
// token, and [Server.Sign] signs anything.
//
// # Other languages
//
// The command oauthtest in cmd/oauthtest is a server in a process of its own, for
// tests with a browser or in other languages. It has the JSON interface of
// [Options.Control]. For a fixed address, set [Options.Listener].
//
// # Providers
//
// [Options.Provider] gives the server the habits of Entra ID, Apple, Google or GitHub
// in which they differ from the specifications: paths, metadata, claims, responses,
// errors and client authentication.
//
// # Grants that wait for a user
//
// A device authorization request waits for [Server.ApproveDevice],
// [Server.DenyDevice] or [Browser.EnterUserCode], which plays the user at the
// verification_uri. A backchannel authentication request (CIBA) waits for
// [Server.ApproveBackchannel] or [Server.DenyBackchannel]. These also notify a
// client in ping mode, and return the status of its response. If
// [Options.PendingAnswers] is set, requests are approved automatically.
//
// Until then, the server responds to polls with authorization_pending. If a poll
// comes before the interval is over, by the server's clock, the server responds
// with slow_down and makes the interval five seconds longer. The interval is five
// seconds, unless [Options.PollInterval] is set.
//
// The hint of a CIBA request is a login_hint, an ID token of the client, or a
// login_hint_token, which may be any JWT with a sub, signed by anyone. If the user
// has a [User.UserCode], the request must contain it.
//
// # Misbehavior
//
// [Server.Fault] makes the following responses wrong in one named way:
//
//	srv.Fault(oauthtest.WrongNonce)
//
// [Faults] returns all faults. [FatalFaults] returns those with which a login must
// fail, so that a test can check that an application withstands each of them:
//
//	for _, fault := range oauthtest.FatalFaults() {
//		srv.Fault(fault)
//		… // the login must fail
//	}
//
// [Fault.Part] and [Fault.Effect] say which part of the protocol a fault touches, and
// whether a client may accept it. Responses for which there is no fault can be made with
// [Options.EditMetadata], [Options.EditIDToken], [Options.EditAccessToken],
// [Server.AddJWK], [Server.RotateKeys] and [Server.Sign]. [Server.Count] and [Server.Requests]
// show whether a client continued when it should have stopped.
//
// # Features
//
// Logins: the authorization code flow (RFC 6749, OpenID Connect Core 1.0) with PKCE
// S256 (RFC 7636), the response types code id_token and id_token, the response
// modes query, fragment and form_post, plain or as a JWT (JARM), the iss parameter
// (RFC 9207), refresh tokens with or without rotation, userinfo as JSON or as a
// JWT, and both forms of discovery (OpenID Connect Discovery 1.0, RFC 8414).
//
// Client authentication: none, client_secret_basic, client_secret_post,
// client_secret_jwt, private_key_jwt (RFC 7523), tls_client_auth and
// self_signed_tls_client_auth (RFC 8705). For the last two, a second listener
// requests client certificates. The server announces it in mtls_endpoint_aliases.
//
// Requests can be pushed (RFC 9126), and their parameters can be in a request
// object (RFC 9101). Request objects can be encrypted with RSA-OAEP-256 or ECDH-ES
// on P-256, and A128GCM, A256GCM or A128CBC-HS256. Requests can name resources (RFC
// 8707) and authorization_details (RFC 9396). Each [Client] says which of these are
// required: for example, FAPI 2.0 Message Signing requires RequirePAR,
// RequireSignedRequest and RequirePKCE, and FAPI 1.0 Advanced requires
// RequireSignedRequest and SHash.
//
// The server can encrypt its signed responses to the client (RFC 7516), with the
// same algorithms: ID tokens and logout tokens, userinfo, authorization and
// introspection responses. Each [Client] says which. The server does not encrypt
// unsigned responses, access tokens, or JWTs that were requested as such in a token
// exchange. A Decrypter that a program implements itself needs its own tests,
// because the faults of this package show in the header of a token. The server does
// not support ML-DSA.
//
// Grants without a login: client credentials (RFC 6749, Section 4.4), JWT bearer
// assertions that a client signs for a user (RFC 7523, Section 2.1), and token
// exchange (RFC 8693). Access tokens, refresh tokens, ID tokens and JWTs can be
// exchanged for one another. The server's own endpoints do not accept a JWT that
// was requested as such in place of an access token. Device authorization (RFC
// 8628) and CIBA Core 1.0, in poll and ping mode and with signed requests, are
// described above.
//
// Access tokens are opaque or, if [Options.JWTAccessTokens] is set, JWTs (RFC
// 9068). The server's own endpoints recognize both by their value. Therefore, a JWT
// that was revoked is no longer valid there, and a JWT that was made by
// [Server.Sign] never is. The acr of a JWT is the first of the acr_values that the
// login requested. Its auth_time is the time at which the user logged in, which
// max_age and prompt=login change. Both stay the same when the token is refreshed
// or exchanged. A client can thus step up for a resource (RFC 9470).
//
// Every client that authenticates can introspect tokens (RFC 7662), with a response
// in JSON or as a JWT (RFC 9701). The client to which a token was issued can revoke
// it (RFC 7009): an access token alone, or a refresh token with its whole grant.
//
// The endpoints for pushed requests, tokens, userinfo and CIBA, and /resource, send
// the x-fapi-interaction-id of a request back in their response (FAPI 1.0, Part 1,
// Section 6.2.1).
//
// /resource is a protected resource. It accepts access tokens in the Authorization
// header, and responds with their properties and the SHA-256 of the request body.
// The resource and the server itself have metadata (RFC 9728). /resource/redirect
// responds with status 307 and redirects to the URL in its parameter "to". Access
// tokens expire after [Options.AccessTokenLifetime], or become invalid with
// [Server.RevokeAccessToken]. [Options.RefreshDelay] delays the response to a
// refresh.
//
// If a token request has a DPoP proof (RFC 9449), the server binds the tokens to
// its key: access tokens, and the refresh tokens of clients that do not
// authenticate. A code is bound by dpop_jkt, whether it is in the request, the
// request object or the pushed request, or by the proof of a pushed request. A
// registration access token is bound by the proof of the registration. [Client]
// says which clients must send proofs, and [Options] which nonces proofs must
// contain. A proof can be used once, from 60 seconds before to 60 seconds after its
// iat. Its htu must have the host that the request names, and no query.
//
// If Client.CertificateBound is set, access tokens of requests with a client
// certificate are bound to that certificate (RFC 8705, Section 3), and so are the
// refresh tokens of clients that do not authenticate. [Server.MTLSURL] is the
// listener that requests certificates. A bound token is valid only with the proof,
// or over a connection with the certificate. A token exchange is an exception: the
// access token that is exchanged needs neither, because a resource server may pass
// it on. The new token is bound to the key or certificate that the exchange has
// proved.
//
// Clients can register themselves (RFC 7591, OpenID Connect Dynamic Client
// Registration 1.0), with an initial access token or a software statement if
// [Options] require it. They can then read, change and delete their registration
// (RFC 7592). Each use changes the registration access token, and each update
// changes the secret. Responses omit metadata that the server does not know. Keys
// must be in jwks; a jwks_uri is refused. If [Options.ClientIDMetadataDocuments] is
// set, a client_id can be the URL of a metadata document
// (draft-ietf-oauth-client-id-metadata-document), which the server fetches once.
//
// A session ends at the end_session_endpoint (OpenID Connect RP-Initiated Logout
// 1.0), with [Browser.Logout] as the browser and without asking the user, or by
// [Server.Logout]. If an ID token or logout_hint is for another user, the session
// of the browser does not end. The clients of the session receive logout tokens
// (OpenID Connect Back-Channel Logout 1.0), which [Server.BackchannelLogouts]
// returns with their responses. The browser gets iframes (OpenID Connect
// Front-Channel Logout 1.0), which [Browser.Frames] returns. Tokens stay valid when
// a session ends.
//
// Lifetimes: codes and pushed requests 60 seconds; access tokens, unless [Options]
// say otherwise, JWT responses and device codes ten minutes; ID tokens five
// minutes; logout tokens two minutes; an auth_req_id two minutes, or the
// requested_expiry up to an hour. Registrations do not expire. A test can advance
// [Options.Now] to make them expire.
//
// Request bodies over 1 MiB are refused. All data is in memory, and is kept until
// Close.
//
// The server works in FIPS 140-3 mode, including GODEBUG=fips140=only. Tests that
// run it in a bubble of testing/synctest should then run with "go test -cpu 1": Go's
// entropy source reads the bubble's clock, which stands still, and panics ("failed to
// obtain initial entropy") when two goroutines want random numbers at the same moment.
package oauthtest
