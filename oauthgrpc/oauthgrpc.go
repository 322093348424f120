// Package oauthgrpc connects package oauth with gRPC: [Credentials] send the token of an
// [oauth.Transport] with the calls of a client, and a [Guard] is an [oauth.ResourceServer]
// in front of the methods of a server.
//
// The token is in the metadata "authorization", and the DPoP proof in "dpop". A proof is
// for the method POST and for the URL of the call, which is the server's origin and the
// full name of the gRPC method: https://api.example.com/orders.Orders/List.
//
// A call that is refused has the status that [Code] returns, and the challenges of RFC 6750
// and RFC 9449 in the metadata "www-authenticate". The nonce for the next proof is in
// "dpop-nonce".
package oauthgrpc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"example.com/oauth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	authorizationKey = "authorization"
	dpopKey          = "dpop"
	nonceKey         = "dpop-nonce"
	challengeKey     = "www-authenticate"
)

// Credentials are [credentials.PerRPCCredentials] with the token of an
// [oauth.Transport]. They are safe for concurrent use.
type Credentials struct{ tr *oauth.Transport }

// NewCredentials returns Credentials that send the token of tr with each call, and a proof
// of its own if the token is bound to a DPoP key. A token that is bound to a client
// certificate needs this certificate in the transport credentials of the connection.
//
// The token is sent over TLS alone, and to the origins of tr alone: to any other server the
// call fails before it is sent. If tr is nil, the error matches [oauth.ErrConfig].
func NewCredentials(tr *oauth.Transport) (*Credentials, error) {
	if tr == nil {
		return nil, &oauth.Error{Kind: oauth.ErrConfig, Param: "Transport", Detail: "is nil"}
	}
	return &Credentials{tr}, nil
}

// DialOptions returns the options for [grpc.NewClient]: c for each call, and both
// interceptors.
func (c *Credentials) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithPerRPCCredentials(c), grpc.WithChainUnaryInterceptor(c.UnaryInterceptor()), grpc.WithChainStreamInterceptor(c.StreamInterceptor()),
	}
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials]. It returns true.
func (c *Credentials) RequireTransportSecurity() bool { return true }

// GetRequestMetadata implements [credentials.PerRPCCredentials]. gRPC calls it for each
// attempt at a call, so that no proof is sent twice.
func (c *Credentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	info, ok := credentials.RequestInfoFromContext(ctx)
	if !ok || len(uri) != 1 {
		return nil, status.Error(codes.Internal, "oauthgrpc: the call has no method or no server")
	}
	if err := credentials.CheckSecurityLevel(info.AuthInfo, credentials.PrivacyAndIntegrity); err != nil || info.AuthInfo == nil || info.AuthInfo.AuthType() != "tls" {
		return nil, status.Error(codes.Unauthenticated, "oauthgrpc: the connection is not one of TLS")
	}
	u, err := callURL(uri[0], info.Method)
	if err != nil {
		return nil, status.Error(codes.Internal, "oauthgrpc: the server has no URL")
	}
	credential, err := c.tr.Credential(ctx, http.MethodPost, u)
	if err != nil {
		return nil, failed(ctx, err)
	}
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok { // of the interceptors
		a.set(credential)
	}
	md := map[string]string{authorizationKey: credential.Scheme + " " + credential.Token}
	if credential.Proof != "" {
		md[dpopKey] = credential.Proof
	}
	return md, nil
}

// callURL is that of a call of a method: gRPC gives the origin and the service.
func callURL(uri, method string) (*url.URL, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: method}, nil
}

// failed is the status of a call for which there is no token.
func failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	code := codes.Unauthenticated
	if errors.Is(err, oauth.ErrNetwork) || errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, oauth.ErrRateLimited) {
		code = codes.Unavailable
	}
	return status.Error(code, err.Error())
}

// An attempt is one at a call, with the credential that it was made with.
type attempt struct {
	c  *Credentials
	mu sync.Mutex
	of *oauth.Credential // the last one: gRPC may have made several
}

type attemptKey struct{}

func (a *attempt) set(of *oauth.Credential) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of = of
}

// learn takes the nonce of a response, and reports why another attempt may succeed: the
// nonce, or the token that can be renewed. It is at most one of the two.
func (a *attempt) learn(err error, received ...metadata.MD) (nonce, token bool) {
	a.mu.Lock()
	of := a.of
	a.mu.Unlock()
	if of == nil {
		return false, false
	}
	kept, h := false, http.Header{}
	for _, md := range received {
		for _, value := range md.Get(nonceKey) {
			kept = a.c.tr.ReceiveNonce(of.URL, value) || kept
		}
		for _, value := range md.Get(challengeKey) {
			h.Add("WWW-Authenticate", value)
		}
	}
	if status.Code(err) != codes.Unauthenticated {
		return false, false
	}
	for _, challenge := range oauth.ParseChallenges(h) {
		if !challenge.HasScheme(of.Scheme) {
			continue
		}
		switch challenge.Params["error"] {
		case "use_dpop_nonce":
			return kept && of.Proof != "", false
		case "invalid_token":
			return false, a.c.tr.Rejected(of)
		}
	}
	return false, false
}

// UnaryInterceptor returns an interceptor that makes a call once more if the server wants
// another nonce in the proof, and once more if the server has rejected the token and the
// Transport has another one. A server that refuses a call for one of these has not begun
// with it.
func (c *Credentials) UnaryInterceptor() grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		for nonces, tokens := 0, 0; ; {
			var header, trailer metadata.MD
			a := &attempt{c: c}
			err := invoke(context.WithValue(ctx, attemptKey{}, a), method, req, reply, cc, append(slices.Clip(opts), grpc.Header(&header), grpc.Trailer(&trailer))...)
			nonce, token := a.learn(err, header, trailer)
			switch {
			case nonce && nonces == 0:
				nonces++
			case token && tokens == 0:
				tokens++
			default:
				return err
			}
		}
	}
}

// StreamInterceptor returns an interceptor that keeps the nonces of servers, of the header
// with the first message and of the trailer at the end, and notes that a server has rejected
// the token. It does not repeat a stream, because messages may have
// been sent: the caller does, and the next stream has the new nonce or token.
func (c *Credentials) StreamInterceptor() grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		a := &attempt{c: c}
		s, err := open(context.WithValue(ctx, attemptKey{}, a), desc, cc, method, opts...)
		if err != nil {
			return nil, err
		}
		return &stream{ClientStream: s, attempt: a, one: !desc.ServerStreams}, nil
	}
}

type stream struct {
	grpc.ClientStream
	attempt *attempt
	one     bool // the server sends one message at most
	begun   bool // the header was read
}

// RecvMsg reads what the header says, with the first message, and the trailer at the end.
func (s *stream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	var received []metadata.MD
	if !s.begun { // once: at the end, another call may have brought a newer nonce
		s.begun = true
		header, _ := s.Header()
		received = append(received, header)
	}
	if err != nil || s.one { // whose message is the end: nobody reads on
		received = append(received, s.Trailer())
	}
	s.attempt.learn(err, received...)
	return err
}
