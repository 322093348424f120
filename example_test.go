package oauth_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"example.com/oauth"
	"example.com/oauth/oauthtest"
	"example.com/oauth/weblogin"
)

// A login from beginning to end, at a server for tests.
func Example() {
	ctx := context.Background()
	srv := oauthtest.NewServer(&oauthtest.Options{SigningAlgs: []string{"ES256"}})
	defer srv.Close()
	srv.AddClient(oauthtest.Client{
		ID:           "web",
		Secret:       "a secret that only the two know",
		RedirectURIs: []string{"https://app.example.com/callback"},
	})

	as, err := oauth.Discover(ctx, srv.Issuer(), &oauth.DiscoverOptions{HTTPClient: srv.Client()})
	if err != nil {
		log.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:     as,
		Metadata:   oauth.ClientMetadata{ClientID: "web"},
		Auth:       oauth.ClientSecretBasic("a secret that only the two know"),
		HTTPClient: srv.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/callback",
		Scope:       []string{"openid", "email"},
	})
	if err != nil {
		log.Fatal(err)
	}
	// This is what happens in the user's browser.
	callback, err := srv.Authorize(ctx, pending.URL())
	if err != nil {
		log.Fatal(err)
	}
	token, err := client.FinishAuthorization(callback, pending, nil)
	if err != nil {
		log.Fatal(err)
	}
	var claims struct {
		Email string `json:"email"`
	}
	if err := token.IDToken().Claims(&claims); err != nil {
		log.Fatal(err)
	}
	_, subject, err := token.Identity() // and the issuer, where there are several
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(subject, claims.Email, token.IDToken().EmailVerified())
	// Output: alice alice@example.com true
}

// The program starts although the server cannot be reached yet.
func ExampleNewClientFromIssuer() {
	srv := oauthtest.NewServer(nil)
	srv.Close() // it is down

	client, err := oauth.NewClientFromIssuer(srv.Issuer(), nil, oauth.Config{
		Metadata:   oauth.ClientMetadata{ClientID: "service"},
		Auth:       oauth.ClientSecretBasic("a secret that only the two know"),
		HTTPClient: srv.Client(),
	})
	if err != nil { // the configuration is wrong
		log.Fatal(err)
	}
	_, err = client.ClientCredentials(context.Background(), nil)
	fmt.Println("unavailable:", errors.Is(err, oauth.ErrUnavailable))
	// Output: unavailable: true
}

// A server that somebody else named: a user, a tenant, a resource's metadata. Its URL may
// lead to a service that only this program can reach.
func ExampleNewInternetHTTPClient() {
	client := oauth.NewInternetHTTPClient()
	for _, issuer := range []string{"https://169.254.169.254", "https://localhost:8443/admin", "https://[::ffff:10.0.0.1]", "https://[64:ff9b::a00:1]"} {
		_, err := oauth.Discover(context.Background(), issuer, &oauth.DiscoverOptions{HTTPClient: client})
		fmt.Println(issuer, errors.Is(err, oauth.ErrInsecureURL))
	}
	// The same for Config.HTTPClient: the metadata name further URLs.

	// Output:
	// https://169.254.169.254 true
	// https://localhost:8443/admin true
	// https://[::ffff:10.0.0.1] true
	// https://[64:ff9b::a00:1] true
}

// A web application that logs users in. The program examples/login has the
// session too.
func ExampleClient() {
	ctx := context.Background()
	as, err := oauth.Discover(ctx, "https://op.example.com", nil)
	check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:   as,
		Metadata: oauth.ClientMetadata{ClientID: "web"},
		Auth:     oauth.ClientSecretBasic(os.Getenv("CLIENT_SECRET")),
	})
	check(err)
	http.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		pending, err := client.StartAuthorization(r.Context(), &oauth.AuthorizationRequest{
			RedirectURI: "https://app.example.com/callback", Scope: []string{"openid", "email"},
		})
		if err != nil {
			http.Error(w, "login is not possible now", http.StatusBadGateway)
			return
		}
		session(w, r).put(pending.State(), pending) // pending.MarshalBinary, in the user's own session
		http.Redirect(w, r, pending.URL(), http.StatusFound)
	})
	http.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		state, err := client.ResponseState(r) // not verified yet: to look the login up, in this session alone
		if err != nil {
			http.Error(w, "login failed", http.StatusForbidden)
			return
		}
		pending := session(w, r).take(state) // and delete it there
		token, err := client.FinishAuthorization(r, pending, nil)
		if err != nil {
			http.Error(w, "login failed", http.StatusForbidden)
			return
		}
		fmt.Fprintln(w, "hello", token.Subject())
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

// session stands for the session store of the application.
func session(http.ResponseWriter, *http.Request) interface {
	put(state string, pending *oauth.PendingAuthorization)
	take(state string) *oauth.PendingAuthorization
} {
	panic("not in this example")
}

// The certificate authenticates the client, the requests go to the server's
// mtls_endpoint_aliases, and the authorization request is pushed.
func ExampleMutualTLS() {
	ctx := context.Background()
	as, err := oauth.Discover(ctx, "https://bank.example.com", nil)
	check(err)
	cert, err := tls.LoadX509KeyPair("client.pem", "client.key")
	check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server:   as,
		Metadata: oauth.ClientMetadata{ClientID: "bank", UseMTLSEndpointAliases: true},
		Auth:     oauth.TLSClientAuth(),
		MTLS:     &oauth.MutualTLS{Certificate: cert},
	})
	check(err)
	pending, err := client.StartAuthorization(ctx, &oauth.AuthorizationRequest{
		RedirectURI: "https://app.example.com/callback",
		Scope:       []string{"openid"},
		Pushed:      true,
	})
	check(err)
	fmt.Println("send the browser to", pending.URL())
}

// A client that authenticates with a private key, from a PEM file or a JWK.
func ExamplePrivateKeyJWT() {
	text, err := os.ReadFile("client-key.pem")
	if err != nil {
		log.Fatal(err)
	}
	key, err := oauth.ParseSigningKey(text, oauth.ES256, "2026-01")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("register this key at the server: %s\n", key.PublicJWK())

	as, err := oauth.Discover(context.Background(), "https://op.example.com", nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:   as,
		Metadata: oauth.ClientMetadata{ClientID: "web", IDTokenSignedResponseAlg: oauth.ES256},
		Auth:     oauth.PrivateKeyJWT(key, nil),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.CloseIdleConnections()
}

// A client whose ID tokens are encrypted to its key.
func ExampleNewDecrypter() {
	ctx := context.Background()
	as, err := oauth.Discover(ctx, "https://op.example.com", nil)
	check(err)
	signingKey, err := oauth.GenerateSigningKey(oauth.ES256)
	check(err)
	pem, err := os.ReadFile("decrypt.pem")
	check(err)
	key, err := oauth.ParseDecryptionKey(pem, "ECDH-ES", []string{"A256GCM"}, "2026-11") // PublicJWK is for the client's jwks
	check(err)
	decrypter, err := oauth.NewDecrypter(key) // several, with a key id each, while keys rotate
	check(err)
	client, err := oauth.NewClient(oauth.Config{
		Server: as,
		Metadata: oauth.ClientMetadata{
			ClientID:                    "clinic",
			IDTokenEncryptedResponseAlg: "ECDH-ES",
			IDTokenEncryptedResponseEnc: "A256GCM",
		},
		Auth:      oauth.PrivateKeyJWT(signingKey, nil),
		Decrypter: decrypter,
	})
	check(err)
	log.Println("ready:", client)
}

// An ID token that a page of the application got by itself and posts, as
// Google One Tap does. This client never calls the server: it has no Auth.
func ExampleClient_VerifyIDToken() {
	as, err := oauth.Discover(context.Background(), "https://op.example.com", nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := oauth.NewClient(oauth.Config{
		Server:   as,
		Metadata: oauth.ClientMetadata{ClientID: "web"},
	})
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("POST /tokens", func(w http.ResponseWriter, r *http.Request) {
		// The nonce that the page of this session asked for the token with: random, kept
		// at the server, good for one token. A cookie with the nonce in it would prove
		// nothing, because whoever sends the token can send that as well.
		nonce := nonces(r).take()
		if nonce == "" { // to VerifyIDToken that would mean that none was sent
			http.Error(w, "no login was begun here", http.StatusBadRequest)
			return
		}
		id, err := client.VerifyIDToken(r.Context(), r.PostFormValue("credential"), oauth.VerifyIDTokenOptions{Nonce: nonce})
		switch {
		case errors.Is(err, oauth.ErrInvalid): // whatever is wrong with it
			http.Error(w, "bad token", http.StatusForbidden)
			return
		case err != nil: // the server's keys cannot be had: not the token's fault
			log.Print(err)
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		issuer, subject, err := id.Identity()
		if err != nil {
			log.Print(err)
			http.Error(w, "login failed", http.StatusForbidden)
			return
		}
		fmt.Fprintln(w, "hello", issuer, subject) // in a new session: see examples/login
	})
}

// nonces stands for those that the user's session has at the server.
func nonces(*http.Request) interface {
	take() string // and delete it there; "" if there is none
} {
	panic("not in this example")
}

// Claims that are not in the ID token. The answer is about the user of the
// token, or it is an error.
func ExampleClient_UserInfo() {
	var (
		client *oauth.Client // from NewClient
		token  *oauth.Token  // from FinishAuthorization, or restored with UnmarshalBinary
	)
	info, err := client.UserInfo(context.Background(), token, nil)
	var refused *oauth.ResponseError
	switch {
	case errors.As(err, &refused) && refused.StatusCode == http.StatusUnauthorized:
		log.Fatal("the access token is no longer good: log in again")
	case err != nil:
		log.Fatal(err)
	}
	var claims struct {
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	if err := info.Claims(&claims); err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Subject(), claims.Name, claims.Email, info.EmailVerified())
}

// An API of the user's, called with a token that is renewed and stored. There is one
// Transport for each user and process: two would renew with the same refresh token,
// and a server that rotates refresh tokens takes that for theft. A program with many
// users keeps their Transports in a map.
func ExampleClient_NewTransport() {
	var (
		client *oauth.Client // from NewClient, with Config.DPoP
		token  *oauth.Token  // from FinishAuthorization, or restored with UnmarshalBinary
	)
	store := func(_ context.Context, t *oauth.Token) error {
		saved, err := t.MarshalBinary()
		if err != nil {
			return err
		}
		// Written whole or not at all, and by its owner to be read alone: half a file is
		// a lost session. Better: a database that is encrypted.
		f, err := os.CreateTemp(".", "token-*")
		if err != nil {
			return err
		}
		defer os.Remove(f.Name()) // after the renaming there is none
		if _, err = f.Write(saved); err == nil {
			err = f.Sync()
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		return os.Rename(f.Name(), "token")
	}
	transport, err := client.NewTransport(token, oauth.TransportOptions{
		Origins:   []string{"https://api.example.com"},
		OnRefresh: store, // func(context.Context, *oauth.Token) error: the refresh token may be a new one
	})
	check(err)
	api := &http.Client{Transport: transport}
	res, err := api.Get("https://api.example.com/orders")
	var refused *oauth.ResponseError
	if errors.As(err, &refused) && refused.Code == "invalid_grant" {
		log.Fatal("log in again")
	}
	check(err)
	defer res.Body.Close()
	fmt.Println(res.Status)
}

// A service that has a token of its own.
func ExampleClient_ClientCredentials() {
	var client *oauth.Client // from NewClient
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{"https://api.example.com"},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, &oauth.GrantOptions{Scope: []string{"orders:read"}})
		},
	})
	check(err)
	res, err := (&http.Client{Transport: transport}).Get("https://api.example.com/orders")
	check(err)
	defer res.Body.Close()
	fmt.Println(res.Status)
}

// An API that takes access tokens.
func ExampleResourceServer_Require() {
	as, err := oauth.Discover(context.Background(), "https://op.example.com", nil)
	check(err)
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oauth.AccessTokenFromContext(r.Context())
		fmt.Fprintln(w, "the orders of", token.Subject())
	})
	mux := http.NewServeMux()

	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example.com", // the audience of its tokens
		Servers:  []oauth.TrustedServer{{Server: as}},
	})
	check(err)
	mux.Handle("GET /orders", rs.Require(oauth.Requirement{Scope: []string{"orders"}}, orders))
	mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
	log.Fatal(http.ListenAndServe("localhost:8080", mux))
}

// An API behind a proxy that ends TLS.
func ExampleNewResourceServer_proxy() {
	var (
		as        *oauth.AuthorizationServer                             // from Discover
		fromProxy func(r *http.Request) (*x509.Certificate, error)       // as in examples/api
		serve     = func(rs *oauth.ResourceServer) { panic("not here") } // as in the example of Require
	)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example.com",
		Servers:  []oauth.TrustedServer{{Server: as}},
		// The proxy serves /v1/orders from /orders: proofs have the path that clients call.
		RequestURL: func(r *http.Request) (*url.URL, error) {
			return url.Parse("https://api.example.com/v1" + r.URL.EscapedPath())
		},
		// The proxy passes the client's certificate on (RFC 9440). fromProxy has to make
		// sure that the request comes from the proxy, as examples/api does.
		ClientCertificate: fromProxy,
	})
	check(err)
	serve(rs)
}

// A handler that knows only in the course of the request what the token needs.
func ExampleResourceServer_Check() {
	var rs *oauth.ResourceServer // from NewResourceServer
	fresh := int64(300)          // seconds
	transfer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oauth.AccessTokenFromContext(r.Context())
		amount, err := strconv.Atoi(r.PostFormValue("amount"))
		if err != nil || amount > 1000 { // the user has to have logged in just now
			if err := rs.Check(token, oauth.Requirement{MaxAge: &fresh}); err != nil {
				rs.WriteError(w, err)
				return
			}
		}
		fmt.Fprintln(w, "done")
	})
	http.Handle("POST /transfer", rs.Require(oauth.Requirement{Scope: []string{"transfer"}}, transfer))
}

// A login on a device without a browser.
func ExampleClient_PollDevice() {
	ctx := context.Background()
	var client *oauth.Client // from NewClient
	device, err := client.StartDeviceAuthorization(ctx, &oauth.DeviceAuthorizationRequest{Scope: []string{"openid"}})
	check(err)
	fmt.Println("Open", device.VerificationURI(), "and type in", device.UserCode())
	token, err := client.PollDevice(ctx, device, nil)
	check(err)
	fmt.Println("hello", token.Subject())
}

// The server tells the application that a session ended. endSessions does no harm
// when it is called again.
func ExampleClient_BackchannelLogoutHandler() {
	var client *oauth.Client // from NewClient
	http.Handle("POST /backchannel-logout", client.BackchannelLogoutHandler(oauth.LogoutOptions{
		OnLogout: func(ctx context.Context, t *oauth.LogoutToken) error {
			return endSessions(ctx, t.Issuer(), t.Subject(), t.SessionID())
		},
	}))
}

// endSessions stands for the session store of the application.
func endSessions(context.Context, string, string, string) error { panic("not in this example") }

// The frontchannel_logout_uri of an application: the server's page loads it in a
// frame, so that headers which a middleware sets for all pages do not fit it.
func ExampleClient_ParseFrontchannelLogout() {
	var (
		client  *oauth.Client // of oauth.NewClient
		server  = "https://op.example"
		session = func(*http.Request) (sid string, end func()) { return "", func() {} } // of the browser's cookie
	)
	http.HandleFunc("GET /frontchannel-logout", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Del("X-Frame-Options")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors "+server)
		sid, err := client.ParseFrontchannelLogout(r)
		if err != nil {
			http.Error(w, "not a logout", http.StatusBadRequest)
			return
		}
		// Any page can cause the request: it ends the session of this browser, and only
		// if it is the one that is meant.
		if own, end := session(r); sid == "" || sid == own {
			end()
		}
	})
}

// A client that registers itself, and is registered from then on.
func ExampleRegister() {
	ctx := context.Background()
	as, err := oauth.Discover(ctx, "https://op.example.com", nil)
	check(err)
	registration, err := oauth.Register(ctx, as, oauth.ClientMetadata{
		ClientName:   "Orders",
		RedirectURIs: []string{"https://app.example.com/callback"},
	}, nil)
	var made *oauth.RegistrationError
	if errors.As(err, &made) { // a client exists, and is not as it should be
		check(errors.Join(err, made.Registration.Delete(ctx, nil)))
	}
	check(err)
	saved, err := registration.MarshalBinary() // secret
	check(err)
	check(os.WriteFile("registration", saved, 0o600))
	cfg, err := registration.Config(as, nil)
	check(err)
	client, err := oauth.NewClient(cfg)
	check(err)
	fmt.Println(client)
}

func ExampleSecret() {
	token := struct {
		Access oauth.Secret
		Type   string
	}{oauth.NewSecret("2YotnFZFEjr1zCsicMWpAA"), "Bearer"}

	fmt.Println(token.Access)
	fmt.Printf("%+v\n", token)
	fmt.Println(strings.HasPrefix(token.Access.Reveal(), "2Yot"))
	// Output:
	// [redacted]
	// {Access:[redacted] Type:Bearer}
	// true
}

func ExampleParseChallenges() {
	h := http.Header{}
	h.Add("WWW-Authenticate", `Negotiate YWJjZA==, Bearer realm="orders", error="insufficient_scope", scope="read write"`)

	for _, c := range oauth.ParseChallenges(h) {
		if c.HasScheme("bearer") {
			fmt.Println(c.Params["error"], "needs", c.Params["scope"])
		} else {
			fmt.Println(c.Scheme, c.Token68)
		}
	}
	// Output:
	// Negotiate YWJjZA==
	// insufficient_scope needs read write
}

// check ends a program that cannot go on.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// The shortest web application.
func Example_weblogin() {
	var (
		mux         = http.NewServeMux()
		secret, key = "a secret that only the two know", make([]byte, 32)
		home        http.Handler
		check       = func(err error) {}
	)
	rand.Read(key)
	home = http.NotFoundHandler()
	client, err := oauth.NewClientFromIssuer("https://op.example.com", nil, oauth.Config{
		Metadata: oauth.ClientMetadata{ClientID: "web"},
		Auth:     oauth.ClientSecretBasic(secret),
	})
	check(err)
	login, err := weblogin.New(weblogin.Config{
		BaseURL:   "https://app.example.com", // the redirect URI is https://app.example.com/auth/callback
		Keys:      [][]byte{key},             // 32 random bytes
		Providers: []weblogin.Provider{{Client: client}},
	})
	check(err)
	mux.Handle("/auth/", login)
	mux.Handle("/", login.Require(weblogin.Requirement{}, home)) // weblogin.FromContext returns the session

	fmt.Println(login.RedirectURI(""))
	// Output: https://app.example.com/auth/callback
}

// The Go code of the README is that of the examples here, which compile.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	squeeze := func(b []byte) string { return strings.Join(strings.Fields(string(b)), " ") }
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) != 7 {
		t.Errorf("%d blocks of Go", len(blocks))
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(squeeze(source), squeeze([]byte(code))) {
			t.Errorf("not in the examples:\n%s", code)
		}
	}
}
