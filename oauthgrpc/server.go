package oauthgrpc

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"

	"example.com/oauth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Options are the options of [NewGuard].
type Options struct {
	// Origin is the origin under which clients reach the server, for example
	// "https://api.example.com". Proofs must be for it (see [oauth.Credential]). If empty,
	// tokens that are bound to a DPoP key are refused.
	Origin string

	// Need returns what the token of a call must have. fullMethod is the full name of the
	// method, for example "/orders.Orders/List". A method that needs no token has the
	// Requirement Optional. If Need is nil, every method needs a token, of any scope.
	Need func(fullMethod string) oauth.Requirement

	// Refused, if not nil, is called for each call that is refused, with the reason, which
	// the caller does not learn. It may be called concurrently. No error quotes a token.
	Refused func(ctx context.Context, fullMethod string, err error)
}

// A Guard refuses calls without a good access token. It is safe for concurrent use.
type Guard struct {
	rs      *oauth.ResourceServer
	origin  *url.URL // nil: none
	need    func(fullMethod string) oauth.Requirement
	refused func(ctx context.Context, fullMethod string, err error)
}

// NewGuard returns a Guard that judges tokens as rs does. opts may be nil. If rs is nil, or
// if Origin is not the origin of an https URL, the error matches [oauth.ErrConfig].
func NewGuard(rs *oauth.ResourceServer, opts *Options) (*Guard, error) {
	if rs == nil {
		return nil, &oauth.Error{Kind: oauth.ErrConfig, Param: "ResourceServer", Detail: "is nil"}
	}
	g := &Guard{
		rs:   rs,
		need: func(string) oauth.Requirement { return oauth.Requirement{} }, refused: func(context.Context, string, error) {},
	}
	if opts == nil {
		return g, nil
	}
	if opts.Need != nil {
		g.need = opts.Need
	}
	if opts.Refused != nil {
		g.refused = opts.Refused
	}
	if opts.Origin == "" {
		return g, nil
	}
	u, err := url.Parse(opts.Origin)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, &oauth.Error{Kind: oauth.ErrConfig, Param: "Origin", Detail: "is not the origin of an https URL"}
	}
	g.origin = u
	return g, nil
}

// ServerOptions returns the options for [grpc.NewServer]: both interceptors.
func (g *Guard) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(g.UnaryInterceptor()), grpc.ChainStreamInterceptor(g.StreamInterceptor())}
}

// UnaryInterceptor returns an interceptor that puts the access token of a call into the
// context of its handler, where [oauth.AccessTokenFromContext] finds it.
func (g *Guard) UnaryInterceptor() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		ctx, header, err := g.admit(ctx, info.FullMethod)
		if len(header) > 0 {
			grpc.SetHeader(ctx, header)
		}
		if err != nil {
			return nil, err
		}
		return handle(ctx, req)
	}
}

// StreamInterceptor is [Guard.UnaryInterceptor] for streams. The token is judged once, at
// the start.
func (g *Guard) StreamInterceptor() grpc.StreamServerInterceptor {
	return func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
		ctx, header, err := g.admit(s.Context(), info.FullMethod)
		if len(header) > 0 {
			s.SetHeader(header)
		}
		if err != nil {
			return err
		}
		return handle(srv, &guardedStream{s, ctx})
	}
}

type guardedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *guardedStream) Context() context.Context { return s.ctx }

// admit returns the context of the handler, and what the response has in its header.
func (g *Guard) admit(ctx context.Context, fullMethod string) (context.Context, metadata.MD, error) {
	t, proven, err := g.authenticate(ctx, fullMethod)
	header := metadata.MD{}
	if err != nil {
		header.Set(challengeKey, g.rs.Challenges(err)...)
	}
	if nonce := g.rs.Nonce(); nonce != "" && (proven || err != nil) {
		header.Set(nonceKey, nonce)
	}
	if err != nil {
		g.refused(ctx, fullMethod, err)
		return ctx, header, status.Error(Code(err), http.StatusText(oauth.StatusCode(err)))
	}
	return withoutCredentials(oauth.ContextWithAccessToken(ctx, t)), header, nil
}

// withoutCredentials takes them out of the metadata for the handler, so that they do not
// reach a log, or a server that a handler passes its metadata on to.
func withoutCredentials(ctx context.Context) context.Context {
	md, _ := metadata.FromIncomingContext(ctx) // a copy
	md.Delete(authorizationKey)
	md.Delete(dpopKey)
	return metadata.NewIncomingContext(ctx, md)
}

// authenticate returns the token of a call; nil if it needs none and has none.
func (g *Guard) authenticate(ctx context.Context, fullMethod string) (t *oauth.AccessToken, proven bool, err error) {
	need := g.need(fullMethod)
	c, err := g.credential(ctx, fullMethod)
	switch {
	case err != nil:
		return nil, false, err
	case c == nil && need.Optional:
		return nil, false, nil
	case c == nil:
		c = new(oauth.Credential)
	}
	if t, err = g.rs.AuthenticateCredential(ctx, *c); err == nil {
		err = g.rs.Check(t, need)
	}
	if err != nil {
		return nil, false, err
	}
	return t, c.Proof != "", nil
}

// credential is what a call came with; nil if it has no token.
func (g *Guard) credential(ctx context.Context, fullMethod string) (*oauth.Credential, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	authorization, proofs := md.Get(authorizationKey), md.Get(dpopKey)
	if len(authorization) > 1 || len(proofs) > 1 {
		return nil, &oauth.Error{Kind: oauth.ErrMalformed, Param: authorizationKey, Detail: "or dpop comes more than once"}
	}
	switch {
	case len(authorization) == 0 && len(proofs) > 0:
		return nil, &oauth.Error{Kind: oauth.ErrMalformed, Param: dpopKey, Detail: "comes without a token"}
	case len(authorization) == 0:
		return nil, nil
	}
	c := &oauth.Credential{Method: http.MethodPost, Certificate: clientCertificate(ctx)}
	c.Scheme, c.Token, _ = strings.Cut(authorization[0], " ")
	if len(proofs) == 1 {
		c.Proof = proofs[0]
	}
	if g.origin != nil {
		c.URL = &url.URL{Scheme: g.origin.Scheme, Host: g.origin.Host, Path: fullMethod}
	}
	return c, nil
}

// clientCertificate is that of the connection; nil if there is none.
func clientCertificate(ctx context.Context) *x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return nil
	}
	return info.State.PeerCertificates[0]
}

// Code returns the gRPC code of a call that was refused with err, which
// [oauth.ResourceServer.AuthenticateCredential] or [oauth.ResourceServer.Check] returned.
// It is that of [oauth.StatusCode]: Unauthenticated for 400 and 401, PermissionDenied for
// 403, ResourceExhausted for 429, Unavailable for 503, Internal for 500, and OK if err is nil.
func Code(err error) codes.Code {
	switch oauth.StatusCode(err) {
	case http.StatusOK:
		return codes.OK
	case http.StatusBadRequest, http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.Internal
}
