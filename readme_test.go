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
	"regexp"
	"strings"
	"testing"

	"example.com/oauth"
	"example.com/oauth/weblogin"
)

// The Go code of the README is that of the functions in this file, which compile.
var _ = [...]func(){readmeClient, readmeMutualTLS, readmeDecrypter, readmeProxy, readmeAPI, readmeTransport, readmeService}

func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	squeeze := func(b []byte) string { return strings.Join(strings.Fields(string(b)), " ") }
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) != 8 {
		t.Errorf("%d blocks of Go", len(blocks))
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(squeeze(source), squeeze([]byte(code))) {
			t.Errorf("not in the examples:\n%s", code)
		}
	}
}

// The links of the README lead to files, and the table "I want to" names functions, types and
// fields that there are.
func TestREADMENames(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`\]\(([a-zA-Z0-9_./-]+)\)`).FindAllSubmatch(readme, -1)
	for _, link := range links {
		if _, err := os.Stat(string(link[1])); err != nil {
			t.Errorf("%s: there is no such file", link[1])
		}
	}
	_, table, found := strings.Cut(string(readme), "| I want to … | call |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var surface []byte
	for _, list := range []string{"api/v0.txt", "api/weblogin.txt"} {
		names, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		surface = append(surface, names...)
	}
	// A method is listed with its receiver, and a field with its type.
	listed := strings.NewReplacer("method (*", "method ", "method (", "method ", ") ", ".").Replace(string(surface))
	names := 0
	for _, name := range regexp.MustCompile("`([A-Z][A-Za-z0-9.]+)`").FindAllStringSubmatch(table, -1) {
		names++
		if !regexp.MustCompile(`(?m)^(func |type |const |field |method )` + regexp.QuoteMeta(name[1]) + `\b`).MatchString(listed) {
			t.Errorf("%s: there is no such name", name[1])
		}
	}
	if !found || names < 30 || len(links) < 20 {
		t.Errorf("%d names, %d links", names, len(links))
	}
}

// The shortest web application.
func Example_weblogin() {
	var (
		mux         = http.NewServeMux()
		secret, key = "a secret that only the two know", make([]byte, 32)
		check       = func(err error) {}
		home        = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if session, ok := weblogin.FromContext(r.Context()); ok {
				var claims struct{ Name string }
				check(session.Claims(&claims))
				fmt.Fprintln(w, "Hello,", claims.Name)
			}
		})
		pages = home
	)
	rand.Read(key)
	client, err := oauth.NewClientFromIssuer("https://op.example.com", nil, oauth.Config{
		Metadata: oauth.ClientMetadata{ClientID: "web"},
		Auth:     oauth.ClientSecretBasic(secret),
	})
	check(err)
	login, err := weblogin.New(weblogin.Config{
		BaseURL:   "https://app.example.com",
		Keys:      [][]byte{key}, // 32 random bytes
		Providers: []weblogin.Provider{{Client: client, Claims: []string{"name"}}},
	})
	check(err)
	mux.Handle("/auth/", login)
	mux.Handle("/{$}", login.Optional(home))                      // for everyone, and after a logout
	mux.Handle("/", login.Require(weblogin.Requirement{}, pages)) // all other pages, for users alone

	fmt.Println(login.RedirectURI(""))
	// Output: https://app.example.com/auth/callback
}

func readmeClient() {
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
		issuer, subject, err := token.Identity() // the two together are the user: another server may have the same subject
		if err != nil {
			http.Error(w, "login failed", http.StatusForbidden)
			return
		}
		fmt.Fprintln(w, "hello", subject, "of", issuer)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

func readmeMutualTLS() {
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

func readmeDecrypter() {
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

func readmeProxy() {
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

func readmeAPI() {
	ctx, mux := context.Background(), http.NewServeMux()
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oauth.AccessTokenFromContext(r.Context())
		fmt.Fprintln(w, "the orders of", token.Subject())
	})

	as, err := oauth.Discover(ctx, "https://op.example.com", nil)
	check(err)
	rs, err := oauth.NewResourceServer(oauth.ResourceServerConfig{
		Resource: "https://api.example.com", // the audience of its tokens
		Servers:  []oauth.TrustedServer{{Server: as}},
		Trace: &oauth.Trace{RequestRefused: func(_ context.Context, info oauth.RefusalInfo) {
			if !errors.Is(info.Err, oauth.ErrNoCredentials) {
				log.Print("refused: ", info.Err)
			}
		}},
	})
	check(err)
	mux.Handle("GET /orders", rs.Require(oauth.Requirement{Scope: []string{"orders"}}, orders))
	mux.Handle(rs.MetadataPath(), rs.MetadataHandler())
	log.Fatal(http.ListenAndServe("localhost:8080", mux))
}

func readmeTransport() {
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

// session stands for the session store of the application.
var session func(http.ResponseWriter, *http.Request) interface {
	put(state string, pending *oauth.PendingAuthorization)
	take(state string) *oauth.PendingAuthorization
}

func readmeService() {
	pem, err := os.ReadFile("key.pem")
	check(err)
	key, err := oauth.ParseSigningKey(pem, oauth.ES256, "2026-11") // a name of yours, the kid
	check(err)
	jwks, err := oauth.PublicJWKS(key) // to register at the server
	check(err)
	client, err := oauth.NewClientFromIssuer("https://op.example.com", nil, oauth.Config{
		Metadata: oauth.ClientMetadata{ClientID: "worker"},
		Auth:     oauth.PrivateKeyJWT(key, nil),
	})
	check(err)
	transport, err := client.NewTransport(nil, oauth.TransportOptions{
		Origins: []string{"https://api.example.com"},
		Renew: func(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
			return client.ClientCredentials(ctx, &oauth.GrantOptions{
				Scope:    []string{"orders"},
				Resource: []string{"https://api.example.com"},
			})
		},
	})
	check(err)
	fmt.Printf("%s\n", jwks)
	http.DefaultClient.Transport = transport
}
