package oauthgrpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http/httptest"

	"example.com/oauth"
	"example.com/oauth/oauthgrpc"
	"example.com/oauth/oauthtest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	health "google.golang.org/grpc/health/grpc_health_v1"
)

// A server whose methods need a token that is bound to a DPoP key, and a client of it.
// The service is gRPC's own health service, in place of one of the program's.
func Example() {
	ctx := context.Background()
	issuer := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}, JWTAccessTokens: true})
	defer issuer.Close()
	issuer.AddClient(oauthtest.Client{ID: "job", Secret: "a secret that only the two know"})
	as, err := oauth.Discover(ctx, issuer.Issuer(), &oauth.DiscoverOptions{HTTPClient: issuer.Client()})
	check(err)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	origin := "https://" + listener.Addr().String()
	certificate, roots := certificates()
	server, err := newServer(origin, as, issuer, certificate)
	check(err)
	go server.Serve(listener)
	defer server.Stop()

	client, err := newClient(ctx, origin, as, issuer, roots)
	check(err)
	answer, err := client.Check(ctx, &health.HealthCheckRequest{})
	check(err)
	fmt.Println(answer.Status)
	// Output: SERVING
}

// newServer is the server's part.
func newServer(origin string, as *oauth.AuthorizationServer, issuer *oauthtest.Server, certificate tls.Certificate) (*grpc.Server, error) {
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource:    origin,
		Servers:     []oauth.TrustedServer{{Server: as}},
		HTTPClient:  issuer.Client(),
		RequireDPoP: true,
	})
	if err != nil {
		return nil, err
	}
	guard, err := oauthgrpc.NewGuard(rs, &oauthgrpc.Options{Origin: origin})
	if err != nil {
		return nil, err
	}
	options := append(guard.ServerOptions(), grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	server := grpc.NewServer(options...)
	health.RegisterHealthServer(server, service{})
	return server, nil
}

type service struct {
	health.UnimplementedHealthServer
}

func (service) Check(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	if token, ok := oauth.AccessTokenFromContext(ctx); !ok || token.ClientID() != "job" {
		return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVICE_UNKNOWN}, nil
	}
	return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
}

// newClient is the client's part.
func newClient(ctx context.Context, origin string, as *oauth.AuthorizationServer, issuer *oauthtest.Server, roots *x509.CertPool) (health.HealthClient, error) {
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	if err != nil {
		return nil, err
	}
	dpop, err := oauth.NewDPoP(key, oauth.Clock{})
	if err != nil {
		return nil, err
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:     as,
		Metadata:   oauth.ClientMetadata{ClientID: "job"},
		Auth:       oauth.ClientSecretBasic("a secret that only the two know"),
		DPoP:       dpop,
		HTTPClient: issuer.Client(),
	})
	if err != nil {
		return nil, err
	}
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{origin},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, &oauth.GrantOptions{Resource: []string{origin}})
		},
	})
	if err != nil {
		return nil, err
	}
	creds, err := oauthgrpc.NewCredentials(transport)
	if err != nil {
		return nil, err
	}
	options := append(creds.DialOptions(), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")))
	conn, err := grpc.NewClient(origin[len("https://"):], options...)
	if err != nil {
		return nil, err
	}
	return health.NewHealthClient(conn), nil
}

// certificates are those of package httptest.
func certificates() (tls.Certificate, *x509.CertPool) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server.TLS.Certificates[0], roots
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
