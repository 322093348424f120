package oauth

// This file implements credentials that do not come in an HTTP request of net/http: those
// of gRPC, WebSocket, message queues and MCP.

import (
	"context"
	"crypto/x509"
	"net/url"
)

// A Credential is an access token as a caller presented it, and what it may be bound to,
// for [ResourceServer.AuthenticateCredential]. Scheme and Token are required.
type Credential struct {
	unprinted

	Scheme string // "Bearer" or "DPoP", in any case, as the caller stated it
	Token  string

	// Proof is the DPoP proof that came with the token. Method and URL are what the
	// proof must be for: the HTTP method, and the URL that the caller called, whose query
	// and fragment are ignored. For gRPC, these are POST and the full method name as the
	// path. They are only needed if tokens can be bound to a DPoP key.
	//
	// WARNING: URL must not be taken from what the caller sent, such as a Host field. Its
	// origin must come from the configuration.
	Proof  string
	Method string
	URL    *url.URL

	// Certificate is the client certificate of the connection, which TLS has verified to
	// be the caller's. If nil, the caller has none.
	Certificate *x509.Certificate
}

// AuthenticateCredential returns the access token of a credential, after checking it as
// [ResourceServer.Authenticate] does. It is for servers that do not use net/http, and for
// protocols that carry a token in a message. RequestURL and ClientCertificate of the
// configuration are not called.
//
// It is also for a service that a proxy asks about requests (forward-auth): Method and URL
// are those of the original request, which the proxy passes on.
//
// To share handlers with an HTTP server, put the result into their context with
// [ContextWithAccessToken]. [StatusCode] and [ResourceServer.Challenges] turn an error
// into a response.
//
// The errors are those of Authenticate. If a proof is presented and URL is no absolute
// URL, the error matches [ErrMalformed].
func (rs *ResourceServer) AuthenticateCredential(ctx context.Context, c Credential) (*AccessToken, error) {
	if rs == nil || rs.resource == "" {
		return nil, withOp(opResource, fail(ErrConfig, "", "the ResourceServer is nil or empty"))
	}
	t, err := rs.authenticateCredential(ctx, &c)
	if err != nil {
		rs.trace.requestRefused(ctx, c.Method, c.URL, err)
		return nil, err
	}
	return t, nil
}

func (rs *ResourceServer) authenticateCredential(ctx context.Context, c *Credential) (*AccessToken, error) {
	scheme := knownScheme(c.Scheme)
	var err error
	switch {
	case c.Token == "":
		scheme, err = "", fail(ErrNoCredentials, "Token", "is empty")
	case scheme == "":
		err = fail(ErrNoCredentials, "Scheme", "is another than Bearer and DPoP")
	case len(c.Token) > maxToken:
		err = saying("is longer than ").number(maxToken).text(" bytes").fail(ErrParse, "Token")
	}
	if err != nil {
		return nil, ofCredential(opResource, scheme, err)
	}
	return rs.judge(ctx, &presentedToken{raw: c.Token, scheme: scheme, param: "Token"}, credentialPresentation{c})
}

type credentialPresentation struct{ c *Credential }

func (p credentialPresentation) proofs() []string {
	if p.c.Proof == "" {
		return nil
	}
	return []string{p.c.Proof}
}

func (p credentialPresentation) method() string { return p.c.Method }

func (p credentialPresentation) calledURL(*ResourceServer) (string, error) {
	return targetOf("URL", p.c.URL)
}

func (p credentialPresentation) certificate(*ResourceServer) (*x509.Certificate, error) {
	return p.c.Certificate, nil
}
