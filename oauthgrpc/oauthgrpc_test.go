package oauthgrpc

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const secret = "a secret that only the two know"

// A world is an authorization server, a gRPC server with the service of gRPC's own health
// protocol behind a Guard, and a client of both.
type world struct {
	*oauthtest.Server
	t      *testing.T
	client *oauth.Client
	origin string // of the gRPC server
	addr   string
	roots  *x509.CertPool
	dpop   *oauth.DPoP

	mu    sync.Mutex
	calls []metadata.MD // what came, refused or not
}

// checker answers with what it knows of the caller.
type checker struct {
	health.UnimplementedHealthServer
	w *world
}

func (c checker) Check(ctx context.Context, r *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	t, ok := oauth.AccessTokenFromContext(ctx)
	md, _ := metadata.FromIncomingContext(ctx)
	if ok != (r.Service != "anybody") || ok && t.ClientID() != "job" || ok && len(md.Get("authorization"))+len(md.Get("dpop")) > 0 {
		return nil, status.Errorf(codes.DataLoss, "token %v of %v, metadata %v", ok, t, md)
	}
	return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
}

func (c checker) Watch(r *health.HealthCheckRequest, s health.Health_WatchServer) error {
	for range 2 {
		answer, err := c.Check(s.Context(), r)
		if err != nil {
			return err
		}
		if err := s.Send(answer); err != nil {
			return err
		}
	}
	return nil
}

type setup struct {
	tls     func(*world, *oauth.Config)
	api     func(*oauth.ResourceServerConfig)
	need    func(string) oauth.Requirement
	dpop    bool
	refused func(context.Context, string, error)

	// before is called before the Guard, with the context that it gets.
	before func(context.Context) (context.Context, error)
}

func newWorld(t *testing.T, o setup) *world {
	t.Helper()
	w := &world{t: t, Server: oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, JWTAccessTokens: true})}
	t.Cleanup(w.Close)
	w.AddClient(oauthtest.Client{ID: "job", Secret: secret, CertificateBound: o.tls != nil})
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	w.addr = listener.Addr().String()
	w.origin = "https://" + w.addr
	as := must(oauth.Discover(t.Context(), w.Issuer(), &oauth.DiscoverOptions{HTTPClient: w.Server.Client()}))(t)
	cfg := oauth.Config{
		Server: as, Metadata: oauth.ClientMetadata{ClientID: "job"}, Auth: oauth.ClientSecretBasic(secret), HTTPClient: w.Server.Client(),
	}
	api := oauth.ResourceServerConfig{Resource: w.origin, Servers: []oauth.TrustedServer{{Server: as}}, HTTPClient: w.Server.Client()}
	if o.dpop {
		w.dpop = must(oauth.NewDPoP(must(oauth.GenerateSigningKey(oauth.ES256))(t), oauth.Clock{}))(t)
		cfg.DPoP, api.RequireDPoP = w.dpop, true
	}
	if o.tls != nil {
		o.tls(w, &cfg)
	}
	if o.api != nil {
		o.api(&api)
	}
	w.client = must(oauth.NewClient(cfg))(t)
	guard := must(NewGuard(must(oauth.NewResourceServer(api))(t), &Options{Origin: w.origin, Need: o.need, Refused: o.refused}))(t)
	https := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(https.Close)
	w.roots = x509.NewCertPool()
	w.roots.AddCert(https.Certificate())
	note := func(ctx context.Context) (context.Context, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		w.mu.Lock()
		w.calls = append(w.calls, md)
		w.mu.Unlock()
		if o.before == nil {
			return ctx, nil
		}
		return o.before(ctx)
	}
	server := grpc.NewServer(append([]grpc.ServerOption{
		grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: https.TLS.Certificates, ClientAuth: tls.RequestClientCert})),
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			ctx, err := note(ctx)
			if err != nil {
				return nil, err
			}
			return handle(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			if _, err := note(s.Context()); err != nil {
				return err
			}
			return handle(srv, s)
		}),
	}, guard.ServerOptions()...)...)
	health.RegisterHealthServer(server, checker{w: w})
	server.RegisterService(&nonces, nil)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return w
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// token is one for the gRPC server.
func (w *world) token(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
	return w.client.ClientCredentials(ctx, &oauth.GrantOptions{Resource: []string{w.origin}})
}

func (w *world) credentials(renew func(context.Context, *oauth.Token) (*oauth.Token, error), origins ...string) *Credentials {
	w.t.Helper()
	if origins == nil {
		origins = []string{w.origin}
	}
	return must(NewCredentials(must(w.client.NewTransport(nil, oauth.TransportOptions{Origins: origins, Renew: renew}))(w.t)))(w.t)
}

// dial connects to the gRPC server.
func (w *world) dial(certificate *tls.Certificate, opts ...grpc.DialOption) health.HealthClient {
	w.t.Helper()
	return health.NewHealthClient(w.connect(certificate, opts...))
}

func (w *world) connect(certificate *tls.Certificate, opts ...grpc.DialOption) *grpc.ClientConn {
	w.t.Helper()
	config := &tls.Config{RootCAs: w.roots}
	if certificate != nil {
		config.Certificates = []tls.Certificate{*certificate}
	}
	conn := must(grpc.NewClient(w.addr, append(opts, grpc.WithTransportCredentials(credentials.NewTLS(config)))...))(w.t)
	w.t.Cleanup(func() { conn.Close() })
	return conn
}

func (w *world) attempts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}

// watch reads a stream to its end.
func watch(ctx context.Context, client health.HealthClient) (n int, err error) {
	s, err := client.Watch(ctx, &health.HealthCheckRequest{})
	for err == nil {
		if _, err = s.Recv(); err == nil {
			n++
		}
	}
	if err.Error() == "EOF" {
		err = nil
	}
	return n, err
}

func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("code %v, want %v: %v", got, want, err)
	}
}

// TestBearer: a call has the token of the Transport, and the handler finds it.
func TestBearer(t *testing.T) {
	w := newWorld(t, setup{need: func(method string) oauth.Requirement {
		if method == "/grpc.health.v1.Health/List" {
			return oauth.Requirement{Scope: []string{"health:list"}}
		}
		return oauth.Requirement{}
	}})
	client := w.dial(nil, w.credentials(w.token).DialOptions()...)
	for range 3 {
		if answer, err := client.Check(t.Context(), &health.HealthCheckRequest{}); err != nil || answer.Status != health.HealthCheckResponse_SERVING {
			t.Fatal(answer, err)
		}
	}
	if n, err := watch(t.Context(), client); n != 2 || err != nil {
		t.Error(n, err)
	}
	var header metadata.MD
	_, err := client.List(t.Context(), &health.HealthListRequest{}, grpc.Header(&header))
	wantCode(t, err, codes.PermissionDenied)
	if got := header.Get("www-authenticate"); len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), `error="insufficient_scope"`) || !strings.Contains(strings.Join(got, "\n"), `scope="health:list"`) {
		t.Error(got)
	}
	if n := w.attempts(); n != 5 || w.Count("/token") != 1 {
		t.Errorf("%d attempts, %d tokens", n, w.Count("/token"))
	}
}

// TestRefused: a call without a good token does not reach the handler, and learns what to
// do and nothing else.
func TestRefused(t *testing.T) {
	w := newWorld(t, setup{need: func(method string) oauth.Requirement {
		return oauth.Requirement{Optional: strings.HasSuffix(method, "/Check")}
	}})
	client := w.dial(nil)
	if _, err := client.Check(t.Context(), &health.HealthCheckRequest{Service: "anybody"}); err != nil {
		t.Error("a method that needs no token:", err)
	}
	n, err := watch(t.Context(), client)
	if wantCode(t, err, codes.Unauthenticated); n != 0 {
		t.Error(n, "messages")
	}
	good := must(w.token(t.Context(), nil))(t).AccessToken.Reveal()
	for name, pairs := range map[string][]string{
		"not a token": {"authorization", "Bearer x"}, "another scheme": {"authorization", "Basic eDp5"}, "no scheme": {"authorization", good},
		"two":                   {"authorization", "Bearer " + good, "authorization", "Bearer " + good},
		"changed":               {"authorization", "Bearer " + good[:len(good)-4] + "AAAA"},
		"two proofs, not bound": {"authorization", "Bearer " + good, "dpop", "a.b.c", "dpop", "a.b.c"},
		"a proof, not bound":    {"authorization", "Bearer " + good, "dpop", "a.b.c"},
		"two proofs":            {"authorization", "DPoP " + good, "dpop", "a.b.c", "dpop", "a.b.c"},
		"DPoP, but not bound":   {"authorization", "DPoP " + good},
		"in another place":      {"access_token", good},
		"empty":                 {"authorization", ""},
		"long":                  {"authorization", "Bearer " + strings.Repeat("a", 4<<10)},
		"with what is no part":  {"authorization", "Bearer " + good + ",Bearer " + good},
	} {
		if name == "another scheme" || name == "in another place" || name == "no scheme" || name == "empty" {
			// No credentials of the package's: of a method that needs none, nobody's.
			_, err := watch(metadata.AppendToOutgoingContext(t.Context(), pairs...), client)
			wantCode(t, err, codes.Unauthenticated)
			continue
		}
		var header metadata.MD
		_, err := client.Check(metadata.AppendToOutgoingContext(t.Context(), pairs...), &health.HealthCheckRequest{Service: "anybody"}, grpc.Header(&header))
		if wantCode(t, err, codes.Unauthenticated); len(header.Get("www-authenticate")) == 0 || strings.Contains(err.Error(), good) {
			t.Errorf("%s: %v, challenges %q", name, err, header.Get("www-authenticate"))
		}
	}
	if _, err := client.Check(metadata.AppendToOutgoingContext(t.Context(), "authorization", "bearer "+good), &health.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
}

// TestDPoP: each attempt has a proof of its own for the method, with the server's nonce,
// for which a call is made twice and a stream by its caller.
func TestDPoP(t *testing.T) {
	nonceKey := make([]byte, 32)
	rand.Read(nonceKey)
	w := newWorld(t, setup{dpop: true, api: func(c *oauth.ResourceServerConfig) { c.DPoPNonceKeys = [][]byte{nonceKey} }})
	client := w.dial(nil, w.credentials(w.token).DialOptions()...)
	for i := range 3 {
		if _, err := client.Check(t.Context(), &health.HealthCheckRequest{}); err != nil {
			t.Fatal(err)
		}
		if n := w.attempts(); n != 2+i {
			t.Errorf("%d attempts after %d calls", n, i+1)
		}
	}
	if n, err := watch(t.Context(), client); n != 2 || err != nil {
		t.Error(n, err)
	}
	// Of another connection, with another Transport, the key knows the nonce.
	again := w.dial(nil, w.credentials(w.token).DialOptions()...)
	if n, err := watch(t.Context(), again); n != 2 || err != nil {
		t.Error(n, err)
	}
	// What was seen on the way cannot be used again, nor for another method.
	w.mu.Lock()
	last := w.calls[len(w.calls)-1]
	w.mu.Unlock()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", last.Get("authorization")[0], "dpop", last.Get("dpop")[0])
	_, err := watch(ctx, w.dial(nil))
	wantCode(t, err, codes.Unauthenticated)
	fresh := must(w.credentials(w.token).tr.Credential(t.Context(), "POST", must(callURL(w.origin+"/grpc.health.v1.Health", "/grpc.health.v1.Health/Watch"))(t)))(t)
	ctx = metadata.AppendToOutgoingContext(t.Context(), "authorization", "DPoP "+fresh.Token, "dpop", fresh.Proof)
	_, err = w.dial(nil).Check(ctx, &health.HealthCheckRequest{})
	wantCode(t, err, codes.Unauthenticated)
	if n, err := watch(ctx, w.dial(nil)); n != 2 || err != nil {
		t.Error("the proof is good for its own method:", n, err)
	}
	_, err = w.dial(nil).Check(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+fresh.Token), &health.HealthCheckRequest{})
	wantCode(t, err, codes.Unauthenticated)
}

// TestNonceForMany: calls that are refused for the nonce together each get through, although
// the first of them keeps it for all.
func TestNonceForMany(t *testing.T) {
	nonceKey := make([]byte, 32)
	rand.Read(nonceKey)
	w := newWorld(t, setup{dpop: true, api: func(c *oauth.ResourceServerConfig) { c.DPoPNonceKeys = [][]byte{nonceKey} }})
	client := w.dial(nil, w.credentials(w.token).DialOptions()...)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if _, err := client.Check(t.Context(), &health.HealthCheckRequest{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestRefusedHook: the reason of a refusal is for the program, and no token is in it.
func TestRefusedHook(t *testing.T) {
	var mu sync.Mutex
	var reasons []string
	w := newWorld(t, setup{
		need: func(method string) oauth.Requirement {
			return oauth.Requirement{Optional: strings.HasSuffix(method, "/Check"), Scope: []string{"none"}}
		},
		refused: func(_ context.Context, method string, err error) {
			mu.Lock()
			defer mu.Unlock()
			reasons = append(reasons, method+" "+err.Error())
		},
	})
	good := must(w.token(t.Context(), nil))(t).AccessToken.Reveal()
	client := w.dial(nil)
	for _, pairs := range [][]string{{"authorization", "Bearer x"}, {"authorization", "Bearer " + good}, {"authorization", "Bearer x", "authorization", "Bearer x"}, {"dpop", "a.b.c"}} {
		if _, err := client.Check(metadata.AppendToOutgoingContext(t.Context(), pairs...), &health.HealthCheckRequest{Service: "anybody"}); err == nil {
			t.Errorf("%q is accepted", pairs[0])
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for i, want := range []string{"not a JWT", "scope", "more than once", "without a token"} {
		if len(reasons) != 4 || !strings.HasPrefix(reasons[i], "/grpc.health.v1.Health/Check ") || !strings.Contains(reasons[i], want) || strings.Contains(reasons[i], good) {
			t.Errorf("%d: %q, want %q", i, reasons, want)
		}
	}
}

// TestRetriesEnd: a server that never has enough is asked twice, and opened a stream to
// once.
func TestRetriesEnd(t *testing.T) {
	for code, want := range map[string]int{"use_dpop_nonce": 2, "invalid_token": 2} {
		n := 0
		w := newWorld(t, setup{dpop: true, before: func(ctx context.Context) (context.Context, error) {
			n++
			grpc.SetHeader(ctx, metadata.Pairs("www-authenticate", fmt.Sprintf("DPoP error=%q", code), "dpop-nonce", fmt.Sprintf("nonce-%d", n)))
			return ctx, status.Error(codes.Unauthenticated, "no")
		}})
		client := w.dial(nil, w.credentials(w.token).DialOptions()...)
		_, err := client.Check(t.Context(), &health.HealthCheckRequest{})
		if wantCode(t, err, codes.Unauthenticated); w.attempts() != want {
			t.Errorf("%s: %d attempts, want %d", code, w.attempts(), want)
		}
		_, err = watch(t.Context(), client)
		if wantCode(t, err, codes.Unauthenticated); w.attempts() != want+1 {
			t.Errorf("%s: a stream is opened %d times", code, w.attempts()-want)
		}
	}
}

// TestTokenOfAnother: a token that somebody else accepted is none of a call without one.
func TestTokenOfAnother(t *testing.T) {
	var other *oauth.AccessToken
	w := newWorld(t, setup{
		need: func(string) oauth.Requirement { return oauth.Requirement{Optional: true} },
		before: func(ctx context.Context) (context.Context, error) {
			return oauth.ContextWithAccessToken(ctx, other), nil
		},
	})
	as := must(oauth.Discover(t.Context(), w.Issuer(), &oauth.DiscoverOptions{HTTPClient: w.Server.Client()}))(t)
	elsewhere := must(oauth.NewResourceServer(oauth.ResourceServerConfig{Resource: w.origin, Servers: []oauth.TrustedServer{{Server: as}}, HTTPClient: w.Server.Client()}))(t)
	token := must(w.token(t.Context(), nil))(t)
	other = must(elsewhere.AuthenticateCredential(t.Context(), oauth.Credential{Scheme: "Bearer", Token: token.AccessToken.Reveal()}))(t)
	if _, err := w.dial(nil).Check(t.Context(), &health.HealthCheckRequest{Service: "anybody"}); err != nil {
		t.Error(err)
	}
}

// A private connection is one of TLS that does not say so.
type private struct {
	credentials.TransportCredentials
}

type privateInfo struct{ credentials.CommonAuthInfo }

func (privateInfo) AuthType() string { return "private" }

func (p private) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, _, err := p.TransportCredentials.ClientHandshake(ctx, authority, conn)
	return conn, privateInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, err
}

func (p private) Clone() credentials.TransportCredentials {
	return private{p.TransportCredentials.Clone()}
}

// TestTLSAlone: what is not TLS gets no token, whatever it says of itself.
func TestTLSAlone(t *testing.T) {
	w := newWorld(t, setup{})
	creds := w.credentials(w.token)
	if !creds.RequireTransportSecurity() {
		t.Error("gRPC would take a connection without any")
	}
	conn := must(grpc.NewClient(w.addr, append(creds.DialOptions(), grpc.WithTransportCredentials(private{credentials.NewTLS(&tls.Config{RootCAs: w.roots})}))...))(t)
	defer conn.Close()
	_, err := health.NewHealthClient(conn).Check(t.Context(), &health.HealthCheckRequest{})
	if wantCode(t, err, codes.Unauthenticated); !strings.Contains(err.Error(), "TLS") || w.attempts() != 0 {
		t.Error(err)
	}
}

// TestStreamNonce: the first stream is refused for the nonce, and the second has it.
func TestStreamNonce(t *testing.T) {
	nonceKey := make([]byte, 32)
	rand.Read(nonceKey)
	w := newWorld(t, setup{dpop: true, api: func(c *oauth.ResourceServerConfig) { c.DPoPNonceKeys = [][]byte{nonceKey} }})
	client := w.dial(nil, w.credentials(w.token).DialOptions()...)
	_, err := watch(t.Context(), client)
	wantCode(t, err, codes.Unauthenticated)
	if n, err := watch(t.Context(), client); n != 2 || err != nil {
		t.Error(n, err)
	}
}

// nonces is a service whose responses have a nonce in the header. Put answers at the end of
// what the client sends, with another nonce in the trailer, and Echo answers each message.
var nonces = grpc.ServiceDesc{
	ServiceName: "test.Nonces",
	Streams: []grpc.StreamDesc{
		{StreamName: "Put", ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			s.SetTrailer(metadata.Pairs(nonceKey, "of-the-trailer"))
			return answerStream(s, false)
		}},
		{StreamName: "Echo", ClientStreams: true, ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			return answerStream(s, true)
		}},
	},
}

func answerStream(s grpc.ServerStream, each bool) error {
	s.SetHeader(metadata.Pairs(nonceKey, "of-the-header"))
	for {
		err := s.RecvMsg(new(health.HealthCheckRequest))
		if err != nil && err != io.EOF {
			return err
		}
		if (err == nil) == each {
			if err := s.SendMsg(new(health.HealthCheckResponse)); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// TestStreamLearns: the nonce of a header is there as soon as a message is, that of a
// trailer after a client stream, too, which nobody reads beyond its one message, and
// neither takes the place of one that another call has brought meanwhile.
func TestStreamLearns(t *testing.T) {
	w := newWorld(t, setup{dpop: true})
	creds := w.credentials(w.token)
	conn := w.connect(nil, creds.DialOptions()...)
	u := must(url.Parse(w.origin + "/test.Nonces/Put"))(t)
	wantNonce := func(want string) {
		t.Helper()
		credential := must(creds.tr.Credential(t.Context(), http.MethodPost, u))(t)
		claims := must(base64.RawURLEncoding.DecodeString(strings.Split(credential.Proof, ".")[1]))(t)
		var got struct{ Nonce string }
		if err := json.Unmarshal(claims, &got); err != nil || got.Nonce != want {
			t.Errorf("the nonce is %q, want %q; %v", got.Nonce, want, err)
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	open := func(i int) grpc.ClientStream {
		t.Helper()
		desc := nonces.Streams[i]
		s := must(conn.NewStream(t.Context(), &desc, "/test.Nonces/"+desc.StreamName))(t)
		check(s.SendMsg(new(health.HealthCheckRequest)))
		return s
	}
	wantNonce("")
	echo := open(1)
	check(echo.RecvMsg(new(health.HealthCheckResponse)))
	wantNonce("of-the-header")

	put := open(0)
	check(put.CloseSend())
	check(put.RecvMsg(new(health.HealthCheckResponse)))
	wantNonce("of-the-trailer")

	check(echo.SendMsg(new(health.HealthCheckRequest)))
	check(echo.RecvMsg(new(health.HealthCheckResponse)))
	check(echo.CloseSend())
	if err := echo.RecvMsg(new(health.HealthCheckResponse)); err != io.EOF {
		t.Error(err)
	}
	wantNonce("of-the-trailer")
}

// TestRejected: a token that the server rejects is renewed once for a call, and a server
// that rejects them all has not one made for each call.
func TestRejected(t *testing.T) {
	for name, bad := range map[string]int{"one": 1, "all": 1000} {
		w := newWorld(t, setup{})
		made := 0
		client := w.dial(nil, w.credentials(func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			if made++; made <= bad {
				return &oauth.Token{AccessToken: oauth.NewSecret(fmt.Sprintf("bad.token.%d", made)), TokenType: "Bearer", Expiry: time.Now().Add(time.Hour)}, nil
			}
			return w.token(ctx, nil)
		}).DialOptions()...)
		for i := range 5 {
			_, err := client.Check(t.Context(), &health.HealthCheckRequest{})
			if (err == nil) != (bad == 1) {
				t.Fatalf("%s: call %d: %v", name, i, err)
			}
		}
		if want := map[string][2]int{"one": {2, 6}, "all": {2, 6}}[name]; made != want[0] || w.attempts() != want[1] {
			t.Errorf("%s: %d tokens, %d attempts, want %v", name, made, w.attempts(), want)
		}
	}
}

// TestOrigins: the token goes to the origins of the Transport, and over TLS, alone.
func TestOrigins(t *testing.T) {
	w := newWorld(t, setup{})
	_, err := w.dial(nil, w.credentials(w.token, "https://api.example.com").DialOptions()...).Check(t.Context(), &health.HealthCheckRequest{})
	if wantCode(t, err, codes.Unauthenticated); !strings.Contains(err.Error(), "Origins") {
		t.Error(err)
	}
	_, err = w.dial(nil, append(w.credentials(w.token, "https://other.example.com").DialOptions(), grpc.WithAuthority("api.example.com"))...).Check(t.Context(), &health.HealthCheckRequest{})
	if wantCode(t, err, codes.Unauthenticated); w.attempts() != 0 || w.Count("/token") != 0 {
		t.Error("a token was sent, or asked for:", err)
	}
	conn, err := grpc.NewClient(w.addr, append(w.credentials(w.token).DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err == nil {
		defer conn.Close()
		_, err = health.NewHealthClient(conn).Check(t.Context(), &health.HealthCheckRequest{})
	}
	if err == nil || w.attempts() != 0 {
		t.Error("a token over a connection without TLS")
	}
	down := errors.New("down")
	for err, want := range map[error]codes.Code{
		down: codes.Unauthenticated, &oauth.Error{Kind: oauth.ErrNetwork}: codes.Unavailable, &oauth.Error{Kind: oauth.ErrUnavailable}: codes.Unavailable, &oauth.Error{Kind: oauth.ErrRateLimited}: codes.Unavailable,
	} {
		_, got := w.dial(nil, w.credentials(func(context.Context, *oauth.Token) (*oauth.Token, error) { return nil, err }).DialOptions()...).Check(t.Context(), &health.HealthCheckRequest{})
		wantCode(t, got, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = w.dial(nil, w.credentials(func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) { <-ctx.Done(); return nil, ctx.Err() }).DialOptions()...).Check(ctx, &health.HealthCheckRequest{})
	wantCode(t, err, codes.DeadlineExceeded)
}

// TestCertificate: a token that is bound to a certificate is good on a connection with it.
func TestCertificate(t *testing.T) {
	var certificate tls.Certificate
	w := newWorld(t, setup{tls: func(w *world, c *oauth.Config) {
		certificate = w.NewCertificate("job", time.Time{})
		c.MTLS = &oauth.MutualTLS{Certificate: certificate, RootCAs: w.RootCAs()}
		c.Metadata.TLSClientCertificateBoundAccessTokens = true
	}})
	options := w.credentials(w.token).DialOptions()
	if _, err := w.dial(&certificate, options...).Check(t.Context(), &health.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	other := w.NewCertificate("job", time.Time{})
	for name, c := range map[string]*tls.Certificate{"none": nil, "another": &other} {
		if _, err := w.dial(c, options...).Check(t.Context(), &health.HealthCheckRequest{}); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConfig: what cannot work is refused when it is made.
func TestConfig(t *testing.T) {
	w := newWorld(t, setup{})
	as := must(oauth.Discover(t.Context(), w.Issuer(), &oauth.DiscoverOptions{HTTPClient: w.Server.Client()}))(t)
	rs := must(oauth.NewResourceServer(oauth.ResourceServerConfig{Resource: w.origin, Servers: []oauth.TrustedServer{{Server: as}}}))(t)
	if c, err := NewCredentials(nil); c != nil || !errors.Is(err, oauth.ErrConfig) {
		t.Error(c, err)
	}
	if g, err := NewGuard(nil, nil); g != nil || !errors.Is(err, oauth.ErrConfig) {
		t.Error(g, err)
	}
	for origin, good := range map[string]bool{
		"": true, "https://api.example.com": true, "https://api.example.com/": true, "https://api.example.com:8443": true,
		"http://api.example.com": false, "api.example.com": false, "https://api.example.com/v1": false, "https://u@api.example.com": false,
		"https://api.example.com?x": false, "https://api.example.com#x": false, "https://": false, "https://%": false,
	} {
		if g, err := NewGuard(rs, &Options{Origin: origin}); (g != nil) != good || (err == nil) != good || err != nil && !errors.Is(err, oauth.ErrConfig) {
			t.Errorf("%q: %v", origin, err)
		}
	}
	for kind, want := range map[error]codes.Code{
		nil: codes.OK, oauth.ErrMalformed: codes.Unauthenticated, oauth.ErrNoCredentials: codes.Unauthenticated, oauth.ErrExpired: codes.Unauthenticated,
		oauth.ErrScope: codes.PermissionDenied, oauth.ErrRateLimited: codes.ResourceExhausted, oauth.ErrUnavailable: codes.Unavailable, oauth.ErrConfig: codes.Internal,
	} {
		var err error
		if kind != nil {
			err = &oauth.Error{Kind: kind}
		}
		if got := Code(err); got != want {
			t.Errorf("%v: %v, want %v", kind, got, want)
		}
	}
}
