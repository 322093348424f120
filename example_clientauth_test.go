package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"time"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
)

// rawBasic is HTTP Basic without form encoding (RFC 7617), for servers that do not decode.
// The secret may be empty.
type rawBasic struct{ secret oauth.Secret }

func (a rawBasic) Authenticate(_ context.Context, r *oauth.ClientAuthRequest) error {
	(&http.Request{Header: r.Header}).SetBasicAuth(r.ClientID, a.secret.Reveal())
	return nil
}

// A ClientAuth for servers that do not decode what client_secret_basic encodes, or that
// expect an empty password, such as Reddit for installed apps.
func ExampleClientAuth() {
	srv, client := exampleServer(func(_ *oauthtest.Options, c *oauthtest.Client, cfg *oauth.Config) {
		c.Secret = "no-character-of-it-is-encoded"
		cfg.Auth = rawBasic{oauth.NewSecret(c.Secret)}
	})
	defer srv.Close()
	fmt.Println("hello", exampleLogin(srv, client, "openid").Subject())
	// Output: hello alice
}

// Assertions that are made elsewhere, for example by the platform that the program runs on
// (workload identity), or by a key service.
func ExampleClientAssertion() {
	key, err := oauth.GenerateSigningKey(oauth.ES256)
	check(err)
	platform := func(_ context.Context, audience string) (string, error) { // asks the platform
		now := time.Now()
		return key.SignJWT("JWT", map[string]any{
			"iss": "web", "sub": "web", "aud": audience, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		})
	}
	srv, client := exampleServer(func(_ *oauthtest.Options, c *oauthtest.Client, cfg *oauth.Config) {
		c.Secret, c.AuthMethod, c.JWKS = "", "private_key_jwt", fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK())
		cfg.Auth = oauth.ClientAssertion(platform)
	})
	defer srv.Close()
	fmt.Println("hello", exampleLogin(srv, client, "openid").Subject())
	// Output: hello alice
}

// A client that authenticates with a private key, from a PEM file or a JWK.
func ExamplePrivateKeyJWT() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	check(err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}) // of a file

	key, err := oauth.ParseSigningKey(text, oauth.ES256, "2026-01") // or oauth.NewSigningKey, for a key in an HSM
	check(err)
	srv, client := exampleServer(func(_ *oauthtest.Options, c *oauthtest.Client, cfg *oauth.Config) {
		c.Secret, c.AuthMethod = "", "private_key_jwt"
		c.JWKS = fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK()) // with which the client is registered
		cfg.Auth = oauth.PrivateKeyJWT(key, nil)
	})
	defer srv.Close()
	fmt.Println("hello", exampleLogin(srv, client, "openid").Subject())
	// Output: hello alice
}

// A certificate authenticates the client, and tokens are bound to it (RFC 8705). Requests go
// to the server's mtls_endpoint_aliases.
func ExampleTLSClientAuth() {
	ctx := context.Background()
	srv, _ := exampleServer(nil)
	defer srv.Close()
	cert := srv.NewCertificate("bank", time.Time{}) // or tls.LoadX509KeyPair
	srv.AddClient(oauthtest.Client{ID: "bank", AuthMethod: "tls_client_auth", CertificateSubject: "CN=bank", CertificateBound: true})
	as, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	check(err)

	client, err := oauth.NewClient(oauth.Config{
		Server:   as,
		Metadata: oauth.ClientMetadata{ClientID: "bank", UseMTLSEndpointAliases: true},
		Auth:     oauth.TLSClientAuth(),
		MTLS:     &oauth.MutualTLS{Certificate: cert, RootCAs: srv.RootCAs()},
	})
	check(err)
	token, err := client.ClientCredentials(ctx, nil)
	check(err)
	res, err := client.Do(exampleRequest("GET", srv.MTLSURL()+"/resource"), token) // with the certificate
	check(err)
	defer res.Body.Close()
	fmt.Println(res.StatusCode)
	// Output: 200
}

// Tokens that are bound to a key of the client: a thief cannot use them (RFC 9449). Client
// and Transport make the proofs.
func ExampleNewDPoP() {
	key, err := oauth.GenerateSigningKey(oauth.ES256) // a program that keeps refresh tokens keeps it, too
	check(err)
	dpop, err := oauth.NewDPoP(key, oauth.Clock{})
	check(err)
	srv, client := exampleServer(func(_ *oauthtest.Options, c *oauthtest.Client, cfg *oauth.Config) {
		c.RequireDPoP = true
		cfg.DPoP = dpop
	})
	defer srv.Close()
	token := exampleLogin(srv, client, "openid", "orders")
	fmt.Println(token.TokenType)

	res, err := client.Do(exampleRequest("GET", srv.URL()+"/resource"), token)
	check(err)
	res.Body.Close()
	fmt.Println("with a proof:", res.StatusCode)

	stolen := exampleRequest("GET", srv.URL()+"/resource")
	stolen.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	res, err = srv.Client().Do(stolen)
	check(err)
	res.Body.Close()
	fmt.Println("without one:", res.StatusCode)
	// Output:
	// DPoP
	// with a proof: 200
	// without one: 401
}

// Sign in with Apple: the client secret is a JWT that the client signs.
func ExampleClientSecretPostFunc() {
	const teamID, clientID = "TEAM123456", "com.example.app"
	key, err := oauth.GenerateSigningKey(oauth.ES256) // oauth.ParseSigningKey, of AuthKey_….p8 and the id of that key
	check(err)
	secret := func(context.Context) (string, error) {
		now := time.Now().Unix()
		return key.SignJWT("JWT", map[string]any{
			"iss": teamID, "sub": clientID, "aud": "https://appleid.apple.com",
			"iat": now, "exp": now + 300,
		})
	}
	client, err := oauth.NewClientFromIssuer("https://appleid.apple.com", nil, oauth.Config{
		Metadata: oauth.ClientMetadata{ClientID: clientID},
		Auth:     oauth.ClientSecretPostFunc(secret), // which is called for each request
	})
	check(err)
	defer client.CloseIdleConnections()
	made, err := secret(context.Background())
	check(err)
	fmt.Println(strings.Count(made, "."))
	// Output: 2
}

// A client whose ID tokens are encrypted to its key.
func ExampleNewDecrypter() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	key, err := oauth.NewDecryptionKey(private, "ECDH-ES", []string{"A256GCM"}, "2026-11")
	check(err)
	decrypter, err := oauth.NewDecrypter(key) // several, with a key id each, while keys rotate
	check(err)
	srv, client := exampleServer(func(_ *oauthtest.Options, c *oauthtest.Client, cfg *oauth.Config) {
		c.JWKS = fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK())
		c.IDTokenEncryptionAlg, c.IDTokenEncryptionEnc = "ECDH-ES", "A256GCM"
		cfg.Metadata.IDTokenEncryptedResponseAlg, cfg.Metadata.IDTokenEncryptedResponseEnc = "ECDH-ES", "A256GCM"
		cfg.Decrypter = decrypter
	})
	defer srv.Close()
	token := exampleLogin(srv, client, "openid")
	fmt.Println(token.Subject(), strings.Count(token.IDTokenHint(), ".")) // which is the signed token within
	// Output: alice 2
}
