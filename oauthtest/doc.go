// Package oauthtest provides an OpenID Provider and OAuth 2.0 authorization
// server for tests, as net/http/httptest provides an HTTP server.
//
// The server listens on loopback, is correct by default, and misbehaves on
// request. It shares no code with package oauth: it signs, verifies and parses
// by itself, so that a mistake on one side does not cancel out on the other.
// It serves clients written with any package.
//
// # A login
//
// A test registers a client with [Server.AddClient] and gives the application
// under test the [Server.Issuer] and the [Server.Client], which trusts the
// server's certificate. [Server.Authorize] plays the browser: it takes the URL
// that the application sends the user to, and returns the request that comes
// back to the application's redirect URI. The package example is a login of
// package oauth; the test of an application adds the application's cookie to
// the request and hands it to the handler:
//
//	callback, err := srv.Authorize(ctx, location) // where /login redirects to
//	…
//	callback.AddCookie(session)
//	app.ServeHTTP(recorder, callback)
//
// The user is "alice" unless the request has a login_hint; [Server.AddUser]
// adds more. The login_hint "deny" is a user who refuses. No page is shown
// unless [Options.Interactive] is set. [Server.NewBrowser] keeps cookies over
// several logins, for prompt and max_age.
//
// # Grants that wait for a user
//
// A device authorization request waits until [Server.ApproveDevice] or
// [Server.DenyDevice] answers it, or [Browser.EnterUserCode], which plays the
// user at the verification_uri. A backchannel authentication request (CIBA)
// waits for [Server.ApproveBackchannel] or [Server.DenyBackchannel], which also
// notify a client in ping mode and return what became of that. With
// [Options.PendingAnswers] requests are approved without anybody doing it.
//
// Until then polls are answered with authorization_pending. One that comes
// before the interval is over, by the server's clock, is answered with
// slow_down, and makes the interval five seconds longer. It is five seconds
// unless [Options.PollInterval] says something else.
//
// The hint of a CIBA request is a login_hint, an ID token of the client, or a
// login_hint_token, which is any JWT with a sub, whoever signed it. A
// [User.UserCode] is asked for where there is one.
//
// # Misbehaviour
//
// [Server.Fault] makes the answers that follow wrong in one named way:
//
//	srv.Fault(oauthtest.WrongNonce)
//
// [Faults] lists all of them, for a test that an application stands every one.
// What no fault offers is within reach of [Options.EditMetadata],
// [Options.EditIDToken], [Options.EditAccessToken], [Server.AddJWK],
// [Server.RotateKeys] and [Server.Sign]. A logout token without a logout is made
// by [Server.LogoutToken]. [Server.Count] and [Server.Requests] tell whether a
// client went on after it should have stopped.
//
// # What it implements
//
// The authorization code flow (RFC 6749, OpenID Connect Core 1.0) with PKCE
// S256 (RFC 7636), the response types code id_token and id_token, the response
// modes query, fragment and form_post, plain or as a JWT (JARM), the iss
// parameter (RFC 9207), refresh tokens with rotation or without, userinfo as
// JSON or JWT, both forms of discovery (OpenID Connect Discovery 1.0, RFC
// 8414), and the client authentication methods none, client_secret_basic,
// client_secret_post, client_secret_jwt, private_key_jwt (RFC 7523),
// tls_client_auth and self_signed_tls_client_auth (RFC 8705). For the last two
// a second listener asks for client certificates; it is announced in
// mtls_endpoint_aliases.
//
// Requests can be pushed (RFC 9126) and stand in request objects (RFC 9101),
// which can be encrypted with RSA-OAEP-256 or ECDH-ES on P-256 and A128GCM,
// A256GCM or A128CBC-HS256. They can name resources (RFC 8707) and
// authorization_details (RFC 9396). What of it is required is said for each
// [Client]: with RequirePAR, RequireSignedRequest and RequirePKCE it is that of
// FAPI 2.0 Message Signing, with RequireSignedRequest and SHash that of FAPI 1.0
// Advanced.
//
// What the server signs can be encrypted to the client (RFC 7516), with the same
// algorithms: ID tokens and logout tokens, userinfo, authorization responses and
// introspection, each as its [Client] says. What is not signed is not encrypted;
// access tokens, and JWTs that were asked for as such in an exchange, are not either.
// A Decrypter of a program's own wants tests of its own: the faults here are seen in
// the header of a token. ML-DSA is not among the algorithms of this server.
//
// Without a login it grants client credentials (RFC 6749, Section 4.4), JWT
// bearer assertions that a client signs about a user (RFC 7523, Section 2.1),
// and token exchange (RFC 8693) of access, refresh and ID tokens and JWTs for
// one another; for an access token its own endpoints take none of the JWTs that
// were asked for as such. Device authorization (RFC 8628) and CIBA Core 1.0, in
// the modes poll and ping and with signed requests, are described above.
//
// Access tokens are opaque or, with [Options.JWTAccessTokens], JWTs (RFC 9068).
// The server's own endpoints know both by their value: a JWT that was revoked is
// good no more, and one that [Server.Sign] made never was. The acr of a JWT is
// the first of the acr_values that the login asked for, and its auth_time is when
// the user logged in, which max_age and prompt=login change; both stay the same
// through refresh and exchange. So a client can step up for a resource (RFC 9470).
//
// Tokens can be introspected (RFC 7662), by every client that authenticates,
// with an answer in JSON or as a JWT (RFC 9701), and revoked (RFC 7009) by the
// client that they were issued to: an access token alone, a refresh token with
// its whole grant. /resource is a protected resource that takes them in the
// Authorization header and says what it knows of them, and the SHA-256 of the
// body it was sent; it and the server itself have metadata (RFC 9728).
// /resource/redirect answers 307 to the URL in its parameter to. Access tokens
// end by [Options.AccessTokenLifetime] and [Server.RevokeAccessToken], and
// [Options.RefreshDelay] holds the answer to a refresh back.
//
// Tokens of a request with a DPoP proof (RFC 9449) are bound to its key: access
// tokens, and refresh tokens of clients that do not authenticate. A code is bound
// by dpop_jkt, wherever it stands, or by a proof that comes with a pushed
// request. A registration access token is bound by the proof that comes with the
// registration. [Client] says who has to prove, and [Options] which nonces proofs
// need. A proof is good for 60 seconds before and after its iat, once; its htu
// has the host that the request names, and no query. With
// Client.CertificateBound, access tokens of requests with a client certificate
// are bound to that (RFC 8705, Section 3), and so are refresh tokens of clients
// that do not authenticate; [Server.MTLSURL] is where certificates are asked for.
// A bound token is good only with the proof, or over a connection with the
// certificate. Where tokens are exchanged, the access token that comes needs
// neither, because a resource server may pass it on; the one that goes out is
// bound to what the exchange has proved.
//
// Clients can register themselves (RFC 7591, OpenID Connect Dynamic Client
// Registration 1.0), with an initial access token or a software statement if
// [Options] say so, and then read, change and remove their registration
// (RFC 7592). The registration access token changes each time that it is used,
// and the secret with each update. Metadata that the server does not know are
// left out of its answer; keys come in jwks, a jwks_uri is refused. With
// [Options.ClientIDMetadataDocuments] a client_id can be the URL of a metadata
// document (draft-ietf-oauth-client-id-metadata-document), which is fetched once.
//
// A session ends at the end_session_endpoint (OpenID Connect RP-Initiated Logout
// 1.0), where nobody is asked and [Browser.Logout] is the browser, or by
// [Server.Logout]. An ID token or a logout_hint of somebody else leaves the
// session of the browser as it is. The clients of the session get logout tokens
// (OpenID Connect Back-Channel Logout 1.0), whose fate is in
// [Server.BackchannelLogouts], and the browser gets iframes (OpenID Connect
// Front-Channel Logout 1.0), which are in [Browser.Frames]. Tokens stay good when
// a session ends.
//
// Codes and pushed requests live 60 seconds, access tokens, if [Options] does not
// say otherwise, and JWT responses ten minutes, ID tokens five, logout tokens two,
// device codes ten, an auth_req_id two or what requested_expiry says, up to an
// hour, and what registers itself for ever; a test moves [Options.Now] to see them
// expire.
// Request bodies over 1 MiB are refused. Everything is in memory and is kept
// until Close.
//
// It works in FIPS 140-3 mode, with GODEBUG=fips140=only too.
//
// The server logs in whoever asks. It is for tests and must not be reachable
// from elsewhere.
package oauthtest
